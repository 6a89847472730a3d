//! The help: every action with its keys, made from the action table.

use ratatui::layout::Rect;

use crate::tui::action::{Layer, TABLE};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::keymap::Keymap;
use crate::tui::text::{fit, wrap};
use crate::tui::theme::Meaning;

/// Cells that keys take.
const KEYS: usize = 24;

/// Draws the window.
pub fn draw(canvas: &mut Canvas, scroll: usize, body: Rect) {
    let wide = body.width.saturating_sub(2).min(104);
    let lines = lines(usize::from(wide.saturating_sub(4)));
    let area = centred(body, wide, lines.len() as u16 + 2);
    canvas.clear(area);
    let inner = canvas.frame(area, true, &[piece("Keys", Meaning::TitleFocus)], &[piece("esc closes", Meaning::Dim)]);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    canvas.layout.window = canvas.lines(inner, &lines, scroll);
    let (total, visible) = canvas.layout.window;
    canvas.thumb(area, scroll, visible, total);
}

fn lines(wide: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for layer in Layer::ALL {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.push(vec![piece(layer.title(), Meaning::Strong)]);
        for info in TABLE.iter().filter(|info| info.layer == layer) {
            let keys: Vec<String> = Keymap::standard().chords(info.action).iter().map(|chord| chord.label()).collect();
            let mut keys = fit(&keys.join("  "), KEYS, false);
            for line in wrap(info.sentence, wide.saturating_sub(KEYS)) {
                let keys = std::mem::replace(&mut keys, " ".repeat(KEYS));
                lines.push(vec![piece(keys, Meaning::Key), piece(line, Meaning::Text)]);
            }
        }
    }
    lines
}
