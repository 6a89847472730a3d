//! One key press with its modifiers, printed and read as people write it: `q`, `ctrl-c`, `shift-tab`, `pagedown`.
//!
//! Plain data: knows nothing of layers or actions, and of the terminal library only how its key events read.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use thiserror::Error;

/// A key, without modifiers. Letters carry their own case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Char(char),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

/// A key with its modifiers. `shift` is kept only where the key does not carry it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    pub key: Key,
    pub ctrl: bool,
    pub alt: bool,
    /// Shift is held; always false for characters.
    pub shift: bool,
}

/// A text that names no key.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a key: write it as `q`, `ctrl-c`, `shift-tab`, `pagedown` or `F1`")]
pub struct NotAChord(pub String);

const NAMES: [(Key, &str); 15] = [
    (Key::Char(' '), "space"),
    (Key::Enter, "enter"),
    (Key::Esc, "esc"),
    (Key::Tab, "tab"),
    (Key::Backspace, "backspace"),
    (Key::Delete, "delete"),
    (Key::Insert, "insert"),
    (Key::Up, "up"),
    (Key::Down, "down"),
    (Key::Left, "left"),
    (Key::Right, "right"),
    (Key::Home, "home"),
    (Key::End, "end"),
    (Key::PageUp, "pageup"),
    (Key::PageDown, "pagedown"),
];

impl Chord {
    /// A key without control or alt.
    pub fn plain(key: Key) -> Self {
        Self { key, ctrl: false, alt: false, shift: false }
    }

    /// The chord of a terminal event; absent for releases and for keys that have no name here.
    pub fn from_event(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let mut shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let key = match event.code {
            KeyCode::Char(c) => {
                shift = false;
                Key::Char(c)
            }
            KeyCode::BackTab => {
                shift = true;
                Key::Tab
            }
            KeyCode::Enter => Key::Enter,
            KeyCode::Esc => Key::Esc,
            KeyCode::Tab => Key::Tab,
            KeyCode::Backspace => Key::Backspace,
            KeyCode::Delete => Key::Delete,
            KeyCode::Insert => Key::Insert,
            KeyCode::Up => Key::Up,
            KeyCode::Down => Key::Down,
            KeyCode::Left => Key::Left,
            KeyCode::Right => Key::Right,
            KeyCode::Home => Key::Home,
            KeyCode::End => Key::End,
            KeyCode::PageUp => Key::PageUp,
            KeyCode::PageDown => Key::PageDown,
            KeyCode::F(n) => Key::F(n),
            _ => return None,
        };
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        Some(Self { key, ctrl, alt, shift })
    }

    /// The character it types, if it types one.
    pub fn typed(&self) -> Option<char> {
        match self.key {
            Key::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// The short form for the footer: arrows as arrows.
    pub fn label(&self) -> String {
        match (self.key, self.ctrl || self.alt || self.shift) {
            (Key::Up, false) => "↑".to_owned(),
            (Key::Down, false) => "↓".to_owned(),
            (Key::Left, false) => "←".to_owned(),
            (Key::Right, false) => "→".to_owned(),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, prefix) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if held {
                f.write_str(prefix)?;
            }
        }
        match (NAMES.iter().find(|(key, _)| *key == self.key), self.key) {
            (Some((_, name)), _) => f.write_str(name),
            (None, Key::F(n)) => write!(f, "F{n}"),
            (None, Key::Char(c)) => write!(f, "{c}"),
            (None, _) => Ok(()),
        }
    }
}

impl FromStr for Chord {
    type Err = NotAChord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut chord = Self::plain(Key::Esc);
        let mut rest = text;
        loop {
            let (held, tail) = match rest {
                r if r.len() > 5 && r.starts_with("ctrl-") => (&mut chord.ctrl, &r[5..]),
                r if r.len() > 4 && r.starts_with("alt-") => (&mut chord.alt, &r[4..]),
                r if r.len() > 6 && r.starts_with("shift-") => (&mut chord.shift, &r[6..]),
                _ => break,
            };
            *held = true;
            rest = tail;
        }
        let named = NAMES.iter().find(|(_, name)| *name == rest).map(|(key, _)| *key);
        let function = rest.strip_prefix('F').and_then(|n| n.parse().ok()).map(Key::F);
        let mut chars = rest.chars();
        let single = chars.next().filter(|_| chars.next().is_none()).map(Key::Char);
        chord.key = named.or(function).or(single).ok_or_else(|| NotAChord(text.to_owned()))?;
        if matches!(chord.key, Key::Char(_)) && chord.shift {
            return Err(NotAChord(text.to_owned()));
        }
        Ok(chord)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            proptest::sample::select(NAMES.to_vec()).prop_map(|(key, _)| key),
            (1u8..=12).prop_map(Key::F),
            proptest::char::range('!', '~').prop_map(Key::Char),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(key in key(), ctrl: bool, alt: bool, shift: bool) {
            let shift = shift && !matches!(key, Key::Char(_));
            let chord = Chord { key, ctrl, alt, shift };
            prop_assert_eq!(chord.to_string().parse(), Ok(chord));
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_text() {
        for text in ["", "ctrl-", "shift-q", "Fx", "escape"] {
            assert_eq!(text.parse::<Chord>(), Err(NotAChord(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn releases_are_not_presses() {
        let release = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::from(KeyCode::Char('q')) };
        assert_eq!(Chord::from_event(&release), None);
        assert_eq!(Chord::from_event(&KeyEvent::from(KeyCode::BackTab)).unwrap().to_string(), "shift-tab");
    }
}
