//! One line of text that is typed into. The editing itself is tui-textarea's.
//!
//! Plain data; draws nothing. Never holds a line break or a control character, whatever is pasted.

use tui_textarea::{CursorMove, Input, Key as AreaKey, TextArea};

use super::chord::{Chord, Key};
use super::text;

/// A single-line text field.
#[derive(Clone, Debug)]
pub struct Field {
    area: TextArea<'static>,
}

impl Default for Field {
    fn default() -> Self {
        Self::new("")
    }
}

impl Field {
    /// A field that holds this text, the cursor at its end.
    pub fn new(content: &str) -> Self {
        let mut area = TextArea::new(vec![text::clean(content).into_owned()]);
        area.move_cursor(CursorMove::End);
        Self { area }
    }

    /// What it holds.
    pub fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// Replaces what it holds.
    pub fn set(&mut self, content: &str) {
        *self = Self::new(content);
    }

    /// Position of the cursor in characters.
    pub fn cursor(&self) -> usize {
        self.area.cursor().1
    }

    /// Takes a key that no action took. True when the text changed.
    pub fn press(&mut self, chord: Chord) -> bool {
        let key = match chord.key {
            Key::Char(c) if c.is_control() => return false,
            // The text area reads these as line breaks or as its own clipboard, which nobody sees here.
            Key::Char('m' | 'j' | 'y' | 'x' | 'c') if chord.ctrl => return false,
            Key::Char(c) => AreaKey::Char(c),
            Key::Backspace => AreaKey::Backspace,
            Key::Delete => AreaKey::Delete,
            Key::Left => AreaKey::Left,
            Key::Right => AreaKey::Right,
            Key::Home => AreaKey::Home,
            Key::End => AreaKey::End,
            _ => return false,
        };
        self.area.input(Input { key, ctrl: chord.ctrl, alt: chord.alt, shift: false })
    }

    /// Takes pasted text; line breaks become blanks.
    pub fn paste(&mut self, content: &str) {
        self.area.insert_str(text::clean(&content.trim_end_matches(['\n', '\r']).replace(['\r', '\n'], " ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_keys_and_pastes_and_stays_one_line() {
        let mut field = Field::new("N1");
        for key in ["2", "backspace", "x", "left", "y", "ctrl-m", "enter", "ctrl-j"] {
            field.press(key.parse().unwrap());
        }
        assert_eq!(field.text(), "N1yx");
        field.paste("a\nb\u{1b}\n");
        assert_eq!(field.text(), "N1ya b␛x");
        assert_eq!(field.cursor(), 7);
    }
}
