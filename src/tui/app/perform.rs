//! What keys do: a chord becomes an action by the active layers, an action changes the state.
//!
//! A key that no action takes goes to the text that is typed into, if there is one. Nothing here sends a mutation.

use super::disabled::disabled;
use super::{App, Dirty, Level};
use super::{panes, typing, windows};
use crate::client::message::Command;
use crate::tui::action::Action;
use crate::tui::chord::{Chord, Key};
use crate::tui::effect::Effect;
use crate::tui::keymap::Keymap;
use crate::tui::scroll::next_round;
use crate::tui::theme;

/// Takes a key press: as an action where it is bound to one, else as text.
pub(super) fn press(app: &mut App, chord: Chord, effects: &mut Vec<Effect>) {
    app.notes.read(app.now);
    if let Some(action) = Keymap::standard().resolve(app.layers(), chord) {
        perform(app, action, effects);
    } else if let Some(field) = typing::field(app) {
        if field.press(chord) {
            typing::edited(app);
        }
        app.mark_dirty(Dirty::Input);
    } else if let Key::Left | Key::Right = chord.key
        && let Some(window) = app.windows.top_mut()
        && window.switch(chord.key == Key::Right)
    {
        app.mark_dirty(Dirty::Input);
    }
}

/// Does an action, or says why it cannot be done. A blank goes into the text that is typed into; else the topmost
/// window comes first, and what it leaves is for a line that is typed into, for the pane that has the keys, and for the
/// program.
pub(super) fn perform(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    app.mark_dirty(Dirty::Input);
    if let Some(reason) = disabled(app, action) {
        app.notes.add(app.now, Level::Warning, reason);
        return;
    }
    let steps = [typing::blank, windows::act, windows::open, typing::act, panes::act, act];
    steps.iter().any(|takes| takes(app, action, effects));
}

/// Does an action of the program as a whole. False where it is none.
fn act(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    match action {
        Action::Refresh => {
            effects.push(Effect::Client(Command::Refresh));
            app.notes.add(app.now, Level::Info, "Asked for everything again.");
        }
        Action::Theme => app.theme = next_round(app.theme, true, theme::built_in().len()),
        Action::Quit | Action::QuitNow => effects.extend([Effect::Client(Command::Shutdown), Effect::Quit]),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Repaint => effects.push(Effect::Repaint),
        _ => return false,
    }
    true
}
