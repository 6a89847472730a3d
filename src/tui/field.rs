//! One line of text that is typed into, edited as in a shell: whole characters as people see them, words, the line.
//!
//! Plain data; draws nothing. Never holds a line break or a control character, whatever is pasted. Characters that are
//! not seen are kept, for they may belong to a key; whoever draws the text marks them.

use std::path::PathBuf;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::chord::{Chord, Key};
use crate::model::clean::control;

/// The heading of these keys in help and documentation.
pub(super) const TITLE: &str = "In text";
/// The keys of a text and what they do, for help and documentation: those of a shell.
pub(super) const KEYS: [(&[&str], &str); 9] = [
    (&["left", "ctrl-b"], "One character back."),
    (&["right", "ctrl-f"], "One character on."),
    (&["alt-b", "ctrl-left", "alt-left"], "One word back."),
    (&["alt-f", "ctrl-right", "alt-right"], "One word on."),
    (&["home", "ctrl-a"], "To the beginning."),
    (&["end", "ctrl-e"], "To the end."),
    (&["backspace", "ctrl-h", "delete", "ctrl-d"], "Delete the character before or under the cursor."),
    (
        &["ctrl-w", "alt-backspace", "alt-d", "ctrl-u", "ctrl-k"],
        "Delete back to a blank, the word before, the word after, all before, all after the cursor.",
    ),
    (&["ctrl-y"], "Bring back what was deleted last by words or lines."),
];

/// A text on one line, and the cursor in it.
#[derive(Clone, Debug, Default)]
pub struct Field {
    text: String,
    /// The cursor, in bytes: always between two graphemes.
    at: usize,
    /// What was deleted last by words or lines, for `ctrl-y`.
    killed: String,
}

impl Field {
    /// A field that holds this text, the cursor at its end.
    pub fn new(content: &str) -> Self {
        let text = without_controls(content);
        Self { at: text.len(), text, killed: String::new() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is typed, without the blanks around it; absent where nothing is.
    pub fn typed(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty())
    }

    /// The path that is typed, as a shell would take it: `~/` stands for `home`. Absent where nothing is typed.
    pub fn path(&self, home: Option<&str>) -> Option<PathBuf> {
        let text = self.typed()?;
        Some(match (text.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => PathBuf::from(text),
        })
    }

    /// Puts this text in the place of what it holds, the cursor at its end.
    pub fn set(&mut self, content: &str) {
        *self = Self::new(content);
    }

    /// Position of the cursor in characters.
    pub fn cursor(&self) -> usize {
        self.text[..self.at].chars().count()
    }

    /// Takes a key that no action took. True when the text changed.
    pub fn press(&mut self, chord: Chord) -> bool {
        let (ctrl, alt) = (chord.ctrl, chord.alt);
        match chord.key {
            Key::Char(c) if !ctrl && !alt => {
                let typed = !c.is_control();
                if typed {
                    self.insert(c.encode_utf8(&mut [0; 4]));
                }
                typed
            }
            Key::Char('a') if ctrl => self.go(0),
            Key::Home => self.go(0),
            Key::Char('e') if ctrl => self.go(self.text.len()),
            Key::End => self.go(self.text.len()),
            Key::Char('b') if alt => self.go(self.word_before()),
            Key::Left if ctrl || alt => self.go(self.word_before()),
            Key::Char('f') if alt => self.go(self.word_after()),
            Key::Right if ctrl || alt => self.go(self.word_after()),
            Key::Char('b') if ctrl => self.go(self.before()),
            Key::Left => self.go(self.before()),
            Key::Char('f') if ctrl => self.go(self.after()),
            Key::Right => self.go(self.after()),
            Key::Char('u') if ctrl => self.kill(0, self.at),
            Key::Char('k') if ctrl => self.kill(self.at, self.text.len()),
            Key::Char('w') if ctrl => self.kill(self.blank_before(), self.at),
            Key::Backspace if ctrl || alt => self.kill(self.word_before(), self.at),
            Key::Char('d') if alt => self.kill(self.at, self.word_after()),
            Key::Delete if ctrl || alt => self.kill(self.at, self.word_after()),
            Key::Char('h') if ctrl => self.remove(self.before(), self.at),
            Key::Backspace => self.remove(self.before(), self.at),
            Key::Char('d') if ctrl => self.remove(self.at, self.after()),
            Key::Delete => self.remove(self.at, self.after()),
            Key::Char('y') if ctrl && !self.killed.is_empty() => {
                let killed = self.killed.clone();
                self.insert(&killed);
                true
            }
            _ => false,
        }
    }

    /// Takes pasted text; line breaks become blanks.
    pub fn paste(&mut self, content: &str) {
        let line = content.trim_end_matches(['\n', '\r']).replace("\r\n", " ").replace(['\r', '\n'], " ");
        self.insert(&without_controls(&line));
    }

    fn insert(&mut self, text: &str) {
        self.text.insert_str(self.at, text);
        self.at += text.len();
        // What was typed may have joined what follows: the cursor stays between two graphemes.
        if !GraphemeCursor::new(self.at, self.text.len(), true).is_boundary(&self.text, 0).unwrap_or(true) {
            self.at = self.after();
        }
    }

    /// Moves the cursor, which changes no text.
    fn go(&mut self, to: usize) -> bool {
        self.at = to;
        false
    }

    fn remove(&mut self, from: usize, to: usize) -> bool {
        self.text.replace_range(from..to, "");
        self.at = from;
        from < to
    }

    fn kill(&mut self, from: usize, to: usize) -> bool {
        if from < to {
            self.text[from..to].clone_into(&mut self.killed);
        }
        self.remove(from, to)
    }

    fn before(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text[self.at..].graphemes(true).next().map_or(self.at, |grapheme| self.at + grapheme.len())
    }

    /// Where the word before the cursor begins: letters and digits, as Alt-B goes.
    fn word_before(&self) -> usize {
        let mut words = self.text[..self.at].unicode_word_indices();
        words.next_back().map_or(0, |(at, _)| at)
    }

    /// Where the word after the cursor ends.
    fn word_after(&self) -> usize {
        let mut words = self.text[self.at..].unicode_word_indices();
        words.next().map_or(self.text.len(), |(at, word)| self.at + at + word.len())
    }

    /// Where what stands between blanks before the cursor begins, as Ctrl-W goes.
    fn blank_before(&self) -> usize {
        let kept = self.text[..self.at].trim_end();
        kept.char_indices().rev().find(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8())
    }
}

/// The text with a picture in the place of every control character.
fn without_controls(text: &str) -> String {
    text.chars().map(|c| control(c).unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text and the cursor after these keys.
    fn after(content: &str, keys: &str) -> (String, usize) {
        let mut field = Field::new(content);
        for key in keys.split(' ') {
            field.press(key.parse().unwrap());
        }
        (field.text().to_owned(), field.cursor())
    }

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

    #[test]
    fn edits_as_a_shell_does() {
        for (keys, text, cursor) in [
            ("ctrl-u", "", 0),
            ("ctrl-a ctrl-k", "", 0),
            ("left left ctrl-u", "ss", 0),
            ("ctrl-w", "attempts>1 ", 11),
            ("ctrl-w ctrl-w", "", 0),
            ("ctrl-w ctrl-y", "attempts>1 state=success", 24),
            ("alt-backspace", "attempts>1 state=", 17),
            ("alt-b alt-b alt-d", "attempts>1 =success", 11),
            ("ctrl-left x", "attempts>1 state=xsuccess", 18),
            ("home ctrl-right", "attempts>1 state=success", 8),
            ("ctrl-a alt-f ctrl-d", "attempts1 state=success", 8),
            ("ctrl-h ctrl-h", "attempts>1 state=succe", 22),
            ("ctrl-a ctrl-f delete", "atempts>1 state=success", 1),
            ("ctrl-b ctrl-b end ctrl-e ctrl-t", "attempts>1 state=success", 24),
        ] {
            assert_eq!(after("attempts>1 state=success", keys), (text.to_owned(), cursor), "{keys}");
        }
    }

    /// Every key that help names does something, at one place of the text at least.
    #[test]
    fn the_keys_of_the_help_are_taken() {
        for key in KEYS.iter().flat_map(|(keys, _)| *keys) {
            let chord: Chord = key.parse().unwrap();
            let mut field = Field::new("ab cd ef");
            for before in ["left", "left", "left", "ctrl-w", "left"] {
                field.press(before.parse().unwrap());
            }
            let before = (field.text().to_owned(), field.cursor());
            field.press(chord);
            assert_ne!((field.text().to_owned(), field.cursor()), before, "{key}");
        }
    }

    #[test]
    fn what_is_seen_as_one_character_is_one() {
        for whole in ["👩\u{200d}💻", "e\u{301}", "🇩🇪", "❤\u{fe0f}"] {
            assert_eq!(after(whole, "backspace"), (String::new(), 0));
            assert_eq!(after(whole, "home delete"), (String::new(), 0));
            assert_eq!(after(whole, "left x").1, 1);
        }
        // Typed piece by piece, as a terminal sends it.
        let mut field = Field::default();
        for c in "👩\u{200d}💻".chars() {
            field.press(Chord::plain(Key::Char(c)));
        }
        assert!(field.press("backspace".parse().unwrap()) && field.text().is_empty());
    }

    #[test]
    fn a_key_keeps_what_is_not_seen() {
        let mut field = Field::default();
        field.paste("a\u{200b}b");
        assert_eq!(field.text(), "a\u{200b}b");
    }

    proptest! {
        #[test]
        fn the_cursor_stays_inside(
            content in "[a-c 🇩🇪\u{200d}👩e\u{301}=]{0,12}", keys in proptest::collection::vec(0..16usize, 0..24)
        ) {
            let names = ["left", "right", "home", "end", "ctrl-u", "ctrl-w", "ctrl-k", "ctrl-y", "alt-b", "alt-f",
                "alt-d", "backspace", "delete", "x", "alt-backspace", "space"];
            let mut field = Field::new(&content);
            for key in keys {
                let before = field.text().to_owned();
                let changed = field.press(names[key].parse().unwrap());
                prop_assert_eq!(changed, before != field.text());
                prop_assert!(field.cursor() <= field.text().chars().count());
            }
        }
    }
}
