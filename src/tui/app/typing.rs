//! Typing: where text goes, what follows from a change of it, and the keys of the lines on the panes.
//!
//! What is typed into a window is the window's; here are the filters of Jobs and Stream, and the form of Lookup.

use super::panes::{filter_jobs, filter_stream, go};
use super::receive::look_up;
use super::{App, Dirty, Level, Typing};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::scroll::next_round;

/// Takes pasted text; it never submits anything.
pub(super) fn paste(app: &mut App, text: &str) {
    if let Some(field) = field(app) {
        field.paste(text);
        edited(app);
        app.mark_dirty(Dirty::Input);
    }
}

/// Types a blank, whose key is bound to switching boxes. False where no text is typed into.
pub(super) fn blank(app: &mut App, action: Action, _effects: &mut Vec<Effect>) -> bool {
    let typed = action == Action::Toggle && field(app).is_some();
    if typed {
        paste(app, " ");
    }
    typed
}

/// The text that is typed into: of the topmost window, else of a pane.
pub(super) fn field(app: &mut App) -> Option<&mut Field> {
    if let Some(window) = app.windows.top_mut() {
        return window.field();
    }
    match app.typing? {
        Typing::JobFilter => Some(&mut app.jobs.filter),
        Typing::StreamFilter => Some(&mut app.stream.filter),
        Typing::Key => {
            let focus = app.lookup.focus;
            app.lookup.fields.get_mut(focus).map(|(_, field)| field)
        }
    }
}

/// The text that is typed into was changed.
pub(super) fn edited(app: &mut App) {
    if let Some(window) = app.windows.top_mut() {
        return window.edited();
    }
    let Some(typing) = app.typing else { return };
    match typing {
        Typing::JobFilter => {
            app.jobs.refilter(app.now);
            let (row, rows) = (app.jobs.row, app.layout.jobs_rows);
            app.jobs.select(row, rows);
        }
        Typing::StreamFilter => app.stream.refilter(),
        Typing::Key => {
            app.lookup.touched = true;
            app.lookup.example = false;
        }
    }
}

/// A key of a line on a pane that is typed into. False where it is none, or nothing is typed.
pub(super) fn act(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    let Some(typing) = app.typing else { return false };
    match (action, typing) {
        (Action::Submit, Typing::Key) => submit_key(app, effects),
        (Action::Submit, _) => app.typing = None,
        (Action::Leave, _) => leave(app, typing),
        (Action::NextField | Action::PreviousField, Typing::Key) => {
            let (at, count) = (app.lookup.focus, app.lookup.fields.len());
            app.lookup.focus = next_round(at, action == Action::NextField, count);
        }
        (Action::NextField, _) => return go(app, Action::Down),
        (Action::PreviousField, _) => return go(app, Action::Up),
        _ => return false,
    }
    true
}

/// Leaves the line: filters show everything again, a key stays for the next time.
fn leave(app: &mut App, typing: Typing) {
    app.typing = None;
    if typing == Typing::JobFilter {
        filter_jobs(app, "");
    } else if typing == Typing::StreamFilter {
        filter_stream(app, "");
    }
}

fn submit_key(app: &mut App, effects: &mut Vec<Effect>) {
    if app.is_live() {
        look_up(app, effects);
    } else {
        let text = "Not connected: the key is looked up when you press enter again later.";
        app.notes.add(app.now, Level::Warning, text);
    }
}
