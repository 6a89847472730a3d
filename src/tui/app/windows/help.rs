//! The help: every action with its keys, made from the action table.

use ratatui::layout::Rect;

use crate::tui::action::{Layer, TABLE};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::chord::Chord;
use crate::tui::field;
use crate::tui::keymap::Keymap;
use crate::tui::text::{fit, width, wrap};
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
            push(&mut lines, &keys.join("  "), info.sentence, wide);
        }
    }
    lines.extend([Vec::new(), vec![piece(field::TITLE, Meaning::Strong)]]);
    for (keys, sentence) in field::KEYS {
        let chords = keys.iter().filter_map(|key| key.parse::<Chord>().ok());
        push(&mut lines, &chords.map(|chord| chord.label()).collect::<Vec<_>>().join("  "), sentence, wide);
    }
    lines
}

/// A row: keys at the left, the sentence beside them on as many lines as it takes. More keys than fit have a line of their own.
fn push(lines: &mut Vec<Line>, keys: &str, sentence: &str, wide: usize) {
    let mut beside = fit(keys, KEYS, false);
    if width(keys) >= KEYS {
        lines.push(vec![piece(keys, Meaning::Key)]);
        beside = " ".repeat(KEYS);
    }
    for line in wrap(sentence, wide.saturating_sub(KEYS)) {
        let keys = std::mem::replace(&mut beside, " ".repeat(KEYS));
        lines.push(vec![piece(keys, Meaning::Key), piece(line, Meaning::Text)]);
    }
}
