//! What is wrong with what a pane shows, in words at its top, and how old its data is, at its foot.
//!
//! ```text
//! ╭ Summary ──────────────────────────── was fresh ╮
//! │ c.example.com answered HTTP 500. The deployment │
//! │ failed; its own log says why.                   │
//! │ …                                               │
//! ╰─────────────────── as of 2m ago, again in 4 s ──╯
//! ```
//!
//! What is wrong with the connection as a whole stands in the banner, and not on each pane again.

use ratatui::layout::Rect;

use crate::client::message::{Failing, Part};
use crate::model::Time;
use crate::tui::ages;
use crate::tui::app::{App, Pane};
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::text::wrap;
use crate::tui::theme::Meaning;

/// A pane keeps at least so many rows for its data.
const LEAST: u16 = 4;
/// Most rows that words of trouble take.
const MOST: usize = 3;

/// The failing read of a pane that matters most; none while the connection itself is the trouble.
pub(super) fn failing(app: &App, pane: Pane) -> Option<(Part, &Failing)> {
    let first = || pane.reads().iter().find_map(|part| app.failing.get(part).map(|failing| (*part, failing)));
    app.is_live().then(first).flatten()
}

/// Whether what a pane shows of that read is known to be of now.
pub(super) fn is_current(app: &App, part: Part) -> bool {
    app.stale_since.is_none() && !app.failing.contains_key(&part)
}

/// How old the data of a pane is, and when it is asked for again; for the pane's foot.
pub(super) fn foot(canvas: &mut Canvas, app: &App, pane: Pane) -> Line {
    if let Some(at) = app.stale_since {
        let age = canvas.moving(ages::since(at, canvas.now));
        return vec![piece(format!("as of {age} ago"), Meaning::Warning)];
    }
    let Some((_, Failing { as_of, next_try, .. })) = failing(app, pane) else { return Vec::new() };
    let again = again(canvas, *next_try);
    let text = match as_of {
        Some(at) => format!("as of {} ago, again {again}", canvas.moving(ages::since(*at, canvas.now))),
        None => format!("again {again}"),
    };
    vec![piece(text, Meaning::Warning)]
}

/// When something is tried again: `in 4 s`, or `now`.
pub(super) fn again(canvas: &mut Canvas, at: Time) -> String {
    match canvas.moving(ages::countdown(at, canvas.now)) {
        _ if at <= canvas.now => "now".to_owned(),
        left => format!("in {left}"),
    }
}

/// Writes what is wrong with a pane's data at the top of it; returns what is left of the area.
pub(super) fn top(canvas: &mut Canvas, app: &App, pane: Pane, inner: Rect) -> Rect {
    let Some((text, meaning)) = words(app, pane) else { return inner };
    write(canvas, &text, meaning, inner)
}

/// Writes words of trouble at the top of an area; returns what is left of it.
pub(super) fn write(canvas: &mut Canvas, text: &str, meaning: Meaning, area: Rect) -> Rect {
    let room = usize::from(area.height.saturating_sub(LEAST)).min(MOST);
    let wide = usize::from(area.width.saturating_sub(1));
    let lines = shortened(wrap(text, wide), room, wide);
    for (y, line) in (area.y..).zip(&lines) {
        canvas.text(area.x, y, area.width, line, meaning);
    }
    let taken = lines.len() as u16;
    Rect { y: area.y + taken, height: area.height - taken, ..area }
}

/// As many of the lines as there is room for; where some are left out, the last one says so.
pub(super) fn shortened(mut lines: Vec<String>, room: usize, wide: usize) -> Vec<String> {
    if lines.len() > room {
        lines.truncate(room);
        if let Some(last) = lines.last_mut() {
            *last = crate::tui::text::cut(&format!("{last} …"), wide).into_owned();
        }
    }
    lines
}

/// What is wrong: a read that fails, else one that the deployment does not serve or the key may not make.
fn words(app: &App, pane: Pane) -> Option<(String, Meaning)> {
    if !app.is_live() {
        return None;
    }
    if let Some((_, failing)) = failing(app, pane) {
        return Some((failing.problem.to_string(), Meaning::Warning));
    }
    // This stays as it is, so it is written in short. Freshness has a line of its own in the summary.
    let problem =
        pane.reads().iter().filter(|part| **part != Part::Freshness).find_map(|part| app.offer(*part).problem())?;
    Some((problem.what.clone(), Meaning::Dim))
}

/// Why a pane that has nothing has nothing, where that is the trouble of its reads.
pub(super) fn instead(app: &App, pane: Pane) -> Option<String> {
    words(app, pane).map(|(text, _)| text)
}

#[cfg(test)]
mod tests;
