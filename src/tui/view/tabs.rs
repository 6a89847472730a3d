//! The line of tabs, where the screen is too small for all panes at once.
//!
//! ```text
//!  1 Summary   2 Jobs ✗1 ●2   3 Lookup   4 Stream 1.3/s
//! ```

use ratatui::layout::Rect;

use super::{jobs, stream, summary, trouble};
use crate::tui::app::{App, Pane};
use crate::tui::canvas::{Canvas, Line, line_width, piece};
use crate::tui::theme::Meaning;

/// Draws the tabs with a word on how each pane stands.
pub(super) fn draw(canvas: &mut Canvas, app: &App, area: Rect) {
    let mut line: Line = vec![piece(" ", Meaning::Text)];
    let mut short: Line = line.clone();
    for (number, pane) in (1..).zip(Pane::ALL) {
        let (key, name) = match pane == app.focus {
            true => (Meaning::TitleFocus, Meaning::TitleFocus),
            false => (Meaning::Key, Meaning::Title),
        };
        let label = [piece(format!("{number} "), key), piece(pane.title(), name)];
        line.extend(label.clone());
        short.extend(label);
        let status = match pane {
            _ if trouble::failing(app, pane).is_some() => vec![piece("✗ fails", Meaning::Warning)],
            Pane::Jobs => jobs::counts(app, false),
            Pane::Stream => stream::status(canvas, app, true),
            Pane::Summary => summary::status(app),
            Pane::Lookup => Vec::new(),
        };
        if !status.is_empty() {
            line.push(piece(" ", Meaning::Text));
        }
        line.extend(status);
        line.push(piece("   ", Meaning::Text));
        short.push(piece("  ", Meaning::Text));
    }
    let fits = line_width(&line) <= usize::from(area.width) + 3;
    canvas.line(area.x, area.y, area.width, if fits { &line } else { &short });
}
