//! Moving: rows, pages, ends, columns, in the topmost window or else in the pane that has the keys.

use super::windows::job;
use super::{App, Face, Overlay, Pane};
use crate::tui::action::Action;
use crate::tui::effect::Effect;

/// Moves in the topmost window, else in the pane that has the keys.
pub fn go(app: &mut App, action: Action) {
    let (lines, height) = app.layout.window;
    let (summary, lookup) = (app.layout.summary, app.layout.lookup);
    let (sheet_rows, last) = (app.layout.sheet.rows, lines.saturating_sub(height));
    match app.overlays.last_mut() {
        Some(Overlay::Help(at) | Overlay::Journal(at)) => {
            *at = moved(*at, action, height, last);
            return;
        }
        Some(Overlay::Question(question)) => {
            question.scroll = moved(question.scroll, action, height, last);
            return;
        }
        Some(Overlay::Detail(detail)) => {
            let at = if detail.follow { last } else { detail.scroll };
            detail.scroll = moved(at, action, height, last);
            // Whoever goes to the end wants to see it grow.
            detail.follow = last > 0 && detail.scroll == last;
            return;
        }
        Some(Overlay::Running(running)) => {
            running.scroll = moved(running.scroll, action, height, lines.saturating_sub(height));
            return;
        }
        Some(Overlay::Sheet(sheet)) if sheet.face == Face::Rows => {
            let place = moved(sheet.place, action, sheet_rows, sheet.len().saturating_sub(1));
            sheet.select(place, sheet_rows);
            return;
        }
        Some(Overlay::Sheet(sheet)) => {
            sheet.scroll = moved(sheet.scroll, action, height, lines.saturating_sub(height));
            return;
        }
        _ => {}
    }
    match app.focus {
        Pane::Summary => {
            app.summary_scroll = moved(app.summary_scroll, action, summary.1, summary.0.saturating_sub(summary.1));
        }
        Pane::Lookup => {
            app.lookup.scroll = moved(app.lookup.scroll, action, lookup.1, lookup.0.saturating_sub(lookup.1));
        }
        Pane::Jobs => {
            let rows = app.layout.jobs_rows;
            let row = moved(app.jobs.row, action, rows, app.jobs.order.len().saturating_sub(1));
            app.jobs.select(row, rows);
        }
        Pane::Stream => {
            let rows = app.layout.stream_rows.max(1);
            let by = match action {
                Action::Up => -1,
                Action::Down => 1,
                Action::PageUp => -(rows as isize),
                Action::PageDown => rows as isize,
                Action::Top => isize::MIN / 2,
                _ => isize::MAX / 2,
            };
            app.stream.scroll(by, rows);
        }
    }
}

/// A place between 0 and `last`, moved; a page leaves one line of the old one.
fn moved(at: usize, action: Action, height: usize, last: usize) -> usize {
    let page = height.saturating_sub(1).max(1);
    let to = match action {
        Action::Up => at.min(last).saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.min(last).saturating_sub(page),
        Action::PageDown => at + page,
        Action::Top => 0,
        _ => last,
    };
    to.min(last)
}

/// Moves the columns of the stream; selects another column of a table, or another row while one shows in full; another
/// attempt of an open job.
pub fn sideways(app: &mut App, right: bool, effects: &mut Vec<Effect>) {
    if matches!(app.overlays.last(), Some(Overlay::Detail(_))) {
        return job::step(app, right, effects);
    }
    let rows = app.layout.sheet.rows;
    if let Some(Overlay::Sheet(sheet)) = app.overlays.last_mut() {
        if sheet.face == Face::Record {
            let place = if right { sheet.place + 1 } else { sheet.place.saturating_sub(1) };
            sheet.select(place, rows);
            sheet.scroll = 0;
        } else {
            sheet.step_column(right);
        }
        return;
    }
    if app.overlays.is_empty() && app.focus == Pane::Stream {
        let last = app.stream.columns.len().saturating_sub(1);
        let shift = app.stream.shift;
        app.stream.shift = if right { (shift + 1).min(last) } else { shift.saturating_sub(1) };
    }
}
