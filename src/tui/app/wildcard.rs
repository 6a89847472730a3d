//! A lookup without the wildcard key: the features of all its values, in the window of tables.

use super::origin::Origin;
use super::windows::query;
use super::{App, Level};
use crate::client::message::Command;
use crate::tui::effect::Effect;

/// Asks for all values of the wildcard key where that is left empty and the others are not. Whether it did.
pub(super) fn look_up(app: &mut App, effects: &mut Vec<Effect>) -> bool {
    let Some((view, workspace)) = app.feature_view().zip(app.workspace.clone()) else { return false };
    let (feature_view, wildcard) = (view.name.clone(), view.wildcard_join_key().map(str::to_owned));
    let (left_out, keys): (Vec<_>, Vec<_>) =
        app.lookup.keys().into_iter().partition(|(name, _)| wildcard.as_ref() == Some(name));
    let is_empty = |(_, text): &(String, String)| text.is_empty();
    if left_out.is_empty() || !left_out.iter().all(is_empty) || keys.is_empty() || keys.iter().any(is_empty) {
        return false;
    }
    // The keys go to the window that opens.
    app.typing = None;
    let request = app.request();
    let shown = keys.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join(" ");
    app.notes.add(app.now, Level::Trace, format!("looked up {feature_view} {shown}, all of {}", left_out[0].0));
    query::open(app, request, Origin::Lookup { feature_view: feature_view.clone(), keys: shown });
    effects.push(Effect::Client(Command::LookupAll { request, workspace, feature_view, keys }));
    true
}
