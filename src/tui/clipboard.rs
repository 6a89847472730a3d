//! Text to the user's clipboard, and notes to the desktop, through the terminal itself, so that both work over SSH.
//!
//! Pure: texts in, escape sequences out. Both are one-way: the terminal is asked nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::text::clean;

/// Most bytes of text; terminals drop longer ones silently.
const LIMIT: usize = 74_994;

/// Which multiplexer stands between this program and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// None.
    Nothing,
    /// tmux, which passes on what is wrapped for it.
    Tmux,
    /// GNU screen, likewise.
    Screen,
}

impl Between {
    /// From the environment variables `TMUX` and `STY`.
    pub fn of(tmux: bool, screen: bool) -> Self {
        match (tmux, screen) {
            (true, _) => Self::Tmux,
            (_, true) => Self::Screen,
            _ => Self::Nothing,
        }
    }

    fn wrap(self, sequence: &str) -> String {
        match self {
            Self::Nothing => sequence.to_owned(),
            Self::Tmux => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")),
            Self::Screen => format!("\x1bP{sequence}\x1b\\"),
        }
    }
}

/// OSC 52 with the text; absent when it is too long to arrive.
pub fn copy(text: &str, between: Between) -> Option<String> {
    (text.len() <= LIMIT).then(|| between.wrap(&format!("\x1b]52;c;{}\x07", STANDARD.encode(text))))
}

/// The bell, and OSC 9 with the sentence.
pub fn notify(text: &str, between: Between) -> String {
    format!("\x07{}", between.wrap(&format!("\x1b]9;{}\x07", clean(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_for_what_stands_between() {
        assert_eq!(copy("id", Between::Nothing).unwrap(), "\x1b]52;c;aWQ=\x07");
        assert_eq!(copy("id", Between::Tmux).unwrap(), "\x1bPtmux;\x1b\x1b]52;c;aWQ=\x07\x1b\\");
        assert_eq!(copy(&"x".repeat(LIMIT + 1), Between::Nothing), None);
    }

    #[test]
    fn a_note_cannot_carry_a_sequence() {
        assert_eq!(notify("a\x07\x1bb", Between::Nothing), "\x07\x1b]9;a␇␛b\x07");
    }
}
