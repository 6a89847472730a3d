//! `materialization_status` and `deletion_status`: the server's status tables in the window of tables.
//!
//! The server cuts before it filters and sorts (docs/semantics.md section 11); the window's own filter and sort work on
//! everything that came.

use std::sync::Arc;

use polars::prelude::DataType;

use super::windows::query;
use super::windows::table::{Origin, Running};
use super::{App, Level, Overlay};
use crate::client::message::{Command, Problem, QueryAnswer, RequestId, Table};
use crate::model::{QueryProgress, Span};
use crate::tui::effect::Effect;

/// Asks for a table; a window says that it is asked for.
pub fn open(app: &mut App, deletions: bool, effects: &mut Vec<Effect>) {
    let (Some(workspace), Some(feature_view)) = (app.workspace.clone(), app.view.clone()) else { return };
    let request = app.request();
    let origin = Origin::Status { feature_view: feature_view.clone(), deletions };
    app.notes.add(app.now, Level::Trace, format!("asked for {} of {feature_view}", origin.name()));
    app.overlays.retain(|overlay| !matches!(overlay, Overlay::Running(_)));
    app.overlays.push(Overlay::Running(Box::new(Running {
        request,
        origin,
        since: app.now,
        progress: QueryProgress::default(),
        failed: None,
        scroll: 0,
    })));
    effects.push(Effect::Client(Command::Status { request, workspace, feature_view, deletions }));
}

/// The table came, or not: then the window says why.
pub fn told(app: &mut App, request: RequestId, answer: Result<Table, Problem>) {
    let answer = answer.map(|table| QueryAnswer { table: numbered(table), warnings: Vec::new(), saved_as: None });
    let since = app.overlays.iter().find_map(|overlay| match overlay {
        Overlay::Running(running) if running.request == request => Some(running.since),
        _ => None,
    });
    let took = since.map_or(Span::zero(), |since| app.now - since).to_std().unwrap_or_default();
    query::done(app, request, answer, took);
}

/// The table with its attempts as numbers, so that the tenth sorts after the second. Where one is no number, as it came.
fn numbered(table: Table) -> Table {
    let mut frame = (*table.0).clone();
    let Ok(attempts) = frame.column("ATTEMPT") else { return table };
    let Ok(numbers) = attempts.cast(&DataType::Int64) else { return table };
    let whole = numbers.null_count() == attempts.null_count();
    if whole && frame.with_column(numbers).is_ok() { Table(Arc::new(frame)) } else { table }
}
