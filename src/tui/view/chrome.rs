//! What stands around the panes: header, banner, footer.
//!
//! ```text
//!  fvtop  local › prod › carrier_delays                    2 notices  read-only  ● live
//! ```
//!
//! It knows the connection and the keys, and nothing of what the panes show.

use ratatui::layout::Rect;

use super::trouble;
use crate::client::message::Connection;
use crate::model::{Span, Time};
use crate::tui::action::{Action, Danger, TABLE};
use crate::tui::ages;
use crate::tui::app::{App, acts_on_marks};
use crate::tui::canvas::{Canvas, Line, line_width, piece};
use crate::tui::keymap::Keymap;
use crate::tui::text::wrap;
use crate::tui::theme::{Meaning, profile_meaning};

/// Draws the line at the top: where one is, and how the connection stands.
pub(super) fn header(canvas: &mut Canvas, app: &App, area: Rect) {
    let mut right: Line = Vec::new();
    let notices = app.deployment.as_ref().map_or(0, |deployment| deployment.notices.len());
    if notices > 0 {
        let word = if notices == 1 { "notice" } else { "notices" };
        right.push(piece(format!("! {notices} {word} (L)  "), Meaning::Warning));
    }
    if app.read_only {
        right.push(piece("read-only  ", Meaning::Warning));
    }
    right.extend(connection(canvas, app));
    right.push(piece(" ", Meaning::Text));
    let start = canvas.line_right(area.right(), area.y, area.width, &right);

    let room = start.saturating_sub(area.x + 1);
    let mut left = crumbs(app, 0);
    // What is nearest to the view stays longest.
    for leave_out in 1..=3 {
        if line_width(&left) > usize::from(room) {
            left = crumbs(app, leave_out);
        }
    }
    canvas.line(area.x, area.y, room, &left);
}

/// Program, deployment, workspace and view; the first `leave_out` of them left out.
fn crumbs(app: &App, leave_out: usize) -> Line {
    let mut line: Line = vec![piece(" ", Meaning::Text)];
    // It stays whatever is left out: by it one deployment is told from another.
    if let Some(profile) = &app.profile {
        let meaning = profile_meaning(profile.colour.as_deref());
        line.extend([piece(format!(" {} ", profile.name), meaning), piece(" ", Meaning::Text)]);
    }
    if leave_out < 2 {
        line.extend([piece("fvtop", Meaning::TitleFocus), piece("  ", Meaning::Text)]);
    }
    let endpoint = Some(app.endpoint.as_str()).filter(|label| !label.is_empty() && leave_out < 1);
    let workspace = app.workspace.as_deref().filter(|_| leave_out < 3);
    for crumb in [endpoint, workspace].into_iter().flatten() {
        line.push(piece(crumb, Meaning::Text));
        line.push(piece(" › ", Meaning::Dim));
    }
    line.push(match &app.view {
        Some(view) => piece(view.clone(), Meaning::Accent),
        None => piece("no view", Meaning::Dim),
    });
    line
}

fn connection(canvas: &mut Canvas, app: &App) -> Line {
    let (text, meaning) = match &app.connection {
        Connection::Connecting => ("○ connecting".to_owned(), Meaning::Waiting),
        Connection::Live => match app.failing.len() {
            0 => ("● live".to_owned(), Meaning::Good),
            1 => ("● live, 1 read fails".to_owned(), Meaning::Warning),
            n => (format!("● live, {n} reads fail"), Meaning::Warning),
        },
        Connection::Slow { since } => {
            let waited = canvas.moving(ages::since(*since, canvas.now));
            (format!("◌ slow, no answer for {waited}"), Meaning::Warning)
        }
        Connection::Refused { since, next_try, .. } => {
            let again = next_try.map(|at| format!(", again {}", trouble::again(canvas, at))).unwrap_or_default();
            (format!("✗ refused{}{again}", away(canvas, *since)), Meaning::Bad)
        }
        Connection::Offline { since, attempt, next_try, .. } => {
            let again = trouble::again(canvas, *next_try);
            match away(canvas, *since) {
                away if away.is_empty() => (format!("✗ reconnecting {again} ({attempt})"), Meaning::Bad),
                away => (format!("✗ offline{away}, again {again} ({attempt})"), Meaning::Bad),
            }
        }
    };
    vec![piece(text, meaning)]
}

/// For how long something has been so, with a blank in front; nothing for the first minute.
fn away(canvas: &mut Canvas, since: Time) -> String {
    let age = canvas.now - since;
    if age < Span::seconds(60) {
        canvas.changes_at(since.checked_add_signed(Span::seconds(60)));
        return String::new();
    }
    format!(" {}", canvas.moving(ages::since(since, canvas.now)))
}

/// Draws what is wrong with the connection and what to do; returns the rows taken.
pub(super) fn banner(canvas: &mut Canvas, app: &App, area: Rect) -> u16 {
    let (problem, meaning) = match &app.connection {
        Connection::Offline { problem, .. } => (problem, Meaning::BannerWarning),
        Connection::Refused { problem, .. } => (problem, Meaning::BannerBad),
        _ => return 0,
    };
    let wide = usize::from(area.width.saturating_sub(2));
    let lines = trouble::shortened(wrap(&problem.to_string(), wide), usize::from(area.height), wide);
    let rows = (lines.len() as u16).clamp(1, area.height);
    canvas.fill(Rect { height: rows, ..area }, meaning);
    for (y, line) in (area.y..area.y + rows).zip(&lines) {
        canvas.text(area.x + 1, y, area.width - 1, line, meaning);
    }
    rows
}

/// Draws the keys that are valid now, whole entries only; help and quit always find room.
pub(super) fn footer(canvas: &mut Canvas, app: &App, area: Rect) {
    let layers = app.layers();
    let entry = |action: Action| {
        let info = action.info();
        let chord = Keymap::standard().chords(action).first().map(|chord| chord.label())?;
        Some([piece(chord, Meaning::Key), piece(format!(" {}", word(app, action, info.label)), Meaning::Dim)])
    };
    let shown = TABLE.iter().filter(|info| layers.contains(&info.layer) && !info.label.is_empty());
    let all: Vec<Action> = shown.map(|info| info.action).collect();
    let allowed = |action: &Action| !(app.read_only && action.info().danger != Danger::None);
    let last = |action: &Action| matches!(action, Action::Help | Action::Quit);
    let (tail, head): (Vec<Action>, Vec<Action>) = all.into_iter().filter(allowed).partition(last);
    let wide = |action: &Action| entry(*action).map_or(0, |entry| line_width(&entry) + 2);
    let mut room = usize::from(area.width).saturating_sub(1 + tail.iter().map(wide).sum::<usize>());
    let fits = head.into_iter().take_while(|action| {
        let taken = wide(action);
        let fits = taken <= room;
        room = room.saturating_sub(taken);
        fits
    });
    let mut x = area.x + 1;
    for action in fits.collect::<Vec<_>>().into_iter().chain(tail) {
        if let Some(entry) = entry(action) {
            x += canvas.line(x, area.y, area.right().saturating_sub(x), &entry) + 2;
        }
    }
}

/// The footer's word, where it depends on the state.
fn word(app: &App, action: Action, label: &'static str) -> &'static str {
    match action {
        Action::Pause if app.stream.paused => "go on",
        Action::Zoom if app.zoomed => "all panes",
        Action::Cancel if acts_on_marks(app) => "cancel marked",
        Action::NextPane => "next pane",
        _ => label,
    }
}
