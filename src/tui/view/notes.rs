//! The notes over the panes, and the sign of a note by how much it matters.

use ratatui::layout::Rect;

use crate::tui::app::{App, Level};
use crate::tui::canvas::{Canvas, piece};
use crate::tui::text::{width, wrap};
use crate::tui::theme::Meaning;

/// Draws the notes at the lower right, newest at the bottom.
pub(crate) fn draw(canvas: &mut Canvas, app: &App, body: Rect) {
    let wide = body.width.saturating_sub(4).min(64);
    let mut bottom = body.bottom();
    for note in app.notes.toasts.iter().rev() {
        let (glyph, meaning) = sign(note.level);
        let mut lines = wrap(&note.text, usize::from(wide.saturating_sub(6)));
        lines.truncate(4);
        let rows = lines.len() as u16 + 2;
        if rows > bottom.saturating_sub(body.y) {
            return;
        }
        let longest = lines.iter().map(|line| width(line)).max().unwrap_or(0) as u16;
        let columns = (longest + 6).clamp(14, wide);
        let area = Rect::new(body.right() - columns - 1, bottom - rows, columns, rows);
        canvas.clear(area);
        let inner = canvas.frame(area, false, &[], &[]);
        if note.level == Level::Bad {
            canvas.frame_foot(area, &[piece("esc", Meaning::Key)]);
        }
        canvas.text(inner.x + 1, inner.y, 1, glyph, meaning);
        for (y, line) in (inner.y..inner.bottom()).zip(&lines) {
            canvas.text(inner.x + 3, y, inner.width - 3, line, Meaning::Text);
        }
        canvas.changes_at(note.until);
        bottom = area.y;
    }
}

/// Glyph and meaning of a note.
pub(crate) fn sign(level: Level) -> (&'static str, Meaning) {
    match level {
        Level::Trace => ("·", Meaning::Dim),
        Level::Info => ("i", Meaning::Running),
        Level::Good => ("✓", Meaning::Good),
        Level::Warning => ("!", Meaning::Warning),
        Level::Bad => ("✗", Meaning::Bad),
    }
}
