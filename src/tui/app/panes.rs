//! What actions do on the panes: moving in the one that has the keys, going to another one, and what is done to jobs
//! without a window.

use super::receive::{look_up, warn_of_unknown_state};
use super::{App, Column, Level, Pane, Typing, selected_job};
use crate::model::Job;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::scroll::{moved, next_round, scroll};

/// Does an action of the panes. False where it is none.
pub(super) fn act(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    match action {
        Action::Mark | Action::Wait | Action::Copy => on_job(app, action, effects),
        Action::MarkShown => app.jobs.mark_shown(),
        Action::SortNext | Action::SortReverse => sort(app, action),
        Action::Filter if app.focus == Pane::Stream => app.typing = Some(Typing::StreamFilter),
        Action::Filter => app.typing = Some(Typing::JobFilter),
        Action::Edit => app.typing = Some(Typing::Key),
        Action::LookAgain => look_up(app, effects),
        Action::Pause => app.stream.toggle_pause(),
        Action::Zoom => app.zoomed = !app.zoomed,
        Action::NextPane | Action::PreviousPane => step_pane(app, action == Action::NextPane),
        Action::Summary => app.focus = Pane::Summary,
        Action::Jobs => app.focus = Pane::Jobs,
        Action::Lookup => app.focus = Pane::Lookup,
        Action::Stream => app.focus = Pane::Stream,
        Action::Back => back(app),
        Action::Left | Action::Right => shift_columns(app, action == Action::Right),
        _ => return go(app, action),
    }
    true
}

fn on_job(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let Some(job) = selected_job(app).cloned() else { return };
    match action {
        Action::Mark => app.jobs.mark(job.id),
        Action::Wait => wait(app, &job),
        _ => effects.push(Effect::Copy { text: job.id.to_string(), what: format!("The id {}", job.id) }),
    }
}

/// Waits for the end of the job, or no longer where it is waited for already.
fn wait(app: &mut App, job: &Job) {
    if app.jobs.waits.remove(&job.id) {
        app.notes.add(app.now, Level::Info, "No longer waiting for the job.");
    } else {
        app.jobs.waits.insert(job.id);
        app.notes.add(app.now, Level::Info, "Waiting: a bell rings when the job ends.");
        warn_of_unknown_state(app, job);
    }
}

fn sort(app: &mut App, action: Action) {
    let (column, descending, now) = (app.jobs.sort, app.jobs.descending, app.now);
    if action == Action::SortReverse {
        app.jobs.sort_by(column, !descending, now);
    } else {
        let at = Column::ALL.iter().position(|c| *c == column).unwrap_or(0);
        app.jobs.sort_by(Column::ALL[next_round(at, true, Column::ALL.len())], false, now);
    }
    let (row, rows) = (app.jobs.row, app.layout.jobs_rows);
    app.jobs.select(row, rows);
}

fn step_pane(app: &mut App, forward: bool) {
    let at = Pane::ALL.iter().position(|pane| *pane == app.focus).unwrap_or(0);
    app.focus = Pane::ALL[next_round(at, forward, Pane::ALL.len())];
}

/// Dismisses the notes, leaves the zoom, drops the filter, or drops the marks: the first of them that there is.
fn back(app: &mut App) {
    if app.notes.dismiss() {
        return;
    }
    if app.zoomed {
        app.zoomed = false;
    } else if app.focus == Pane::Jobs && !app.jobs.filter.text().is_empty() {
        filter_jobs(app, "");
    } else if app.focus == Pane::Stream && !app.stream.filter.text().is_empty() {
        filter_stream(app, "");
    } else if app.focus == Pane::Jobs {
        app.jobs.marks.clear();
    }
}

/// Filters the jobs by this text; an empty one shows all.
pub(super) fn filter_jobs(app: &mut App, text: &str) {
    app.jobs.filter.set(text);
    app.jobs.refilter(app.now);
}

/// Filters the stream by this text; an empty one shows all.
pub(super) fn filter_stream(app: &mut App, text: &str) {
    app.stream.filter.set(text);
    app.stream.refilter();
}

/// Moves in the pane that has the keys. False where the action moves nothing.
pub(super) fn go(app: &mut App, action: Action) -> bool {
    match app.focus {
        Pane::Summary => scroll(&mut app.summary_scroll, action, app.layout.summary),
        Pane::Lookup => scroll(&mut app.lookup.scroll, action, app.layout.lookup),
        Pane::Jobs => {
            let rows = app.layout.jobs_rows;
            let last = app.jobs.order.len().saturating_sub(1);
            let Some(row) = moved(app.jobs.row, action, rows, last) else { return false };
            app.jobs.select(row, rows);
            true
        }
        Pane::Stream => {
            let rows = app.layout.stream_rows.max(1);
            let by = match action {
                Action::Up => -1,
                Action::Down => 1,
                Action::PageUp => -(rows as isize),
                Action::PageDown => rows as isize,
                Action::Top => isize::MIN / 2,
                Action::Bottom => isize::MAX / 2,
                _ => return false,
            };
            app.stream.scroll(by, rows);
            true
        }
    }
}

/// Moves the columns of the stream.
fn shift_columns(app: &mut App, right: bool) {
    if app.windows.is_empty() && app.focus == Pane::Stream {
        let last = app.stream.columns.len().saturating_sub(1);
        let shift = app.stream.shift;
        app.stream.shift = if right { (shift + 1).min(last) } else { shift.saturating_sub(1) };
    }
}
