//! The window of keys: every action with its keys, made from the action table.

use ratatui::layout::Rect;

use super::{Next, Window};
use crate::tui::action::{Action, Layer, TABLE, stacks};
use crate::tui::app::App;
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::chord::Chord;
use crate::tui::effect::Effect;
use crate::tui::field;
use crate::tui::keymap::Keymap;
use crate::tui::scroll::scroll;
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::view::form::hanging;

const KEYS: usize = 24;

/// The list of keys, and where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Help {
    /// How far it is scrolled, in lines.
    scroll: usize,
}

impl Window for Help {
    fn layers(&self) -> &'static [Layer] {
        stacks::WINDOW
    }

    fn act(&mut self, app: &mut App, action: Action, _effects: &mut Vec<Effect>) -> Next {
        match action {
            // The key that opened it closes it.
            Action::Help => Next::Close,
            _ => Next::stay_if(scroll(&mut self.scroll, action, app.layout.window)),
        }
    }

    fn draw(&self, canvas: &mut Canvas, _app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(104);
        let lines = lines(usize::from(wide.saturating_sub(4)));
        let area = centred(body, wide, lines.len() as u16 + 2);
        let inner = canvas.window(area, 1, &[piece("Keys", Meaning::TitleFocus)], &[piece("esc closes", Meaning::Dim)]);
        canvas.scrolled(area, inner, &lines, self.scroll);
    }

    fn closes_with_view(&mut self, _app: &mut App, _effects: &mut Vec<Effect>) -> bool {
        false
    }
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

/// A row: keys at the left, the sentence at their right on as many lines as it takes. More keys than fit have a line of
/// their own.
fn push(lines: &mut Vec<Line>, keys: &str, sentence: &str, wide: usize) {
    let mut left = fit(keys, KEYS, false);
    if width(keys) >= KEYS {
        lines.push(vec![piece(keys, Meaning::Key)]);
        left = " ".repeat(KEYS);
    }
    lines.extend(hanging(vec![piece(left, Meaning::Key)], sentence, wide, Meaning::Text));
}
