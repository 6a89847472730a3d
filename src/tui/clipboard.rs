//! Text to the user's clipboard, and notes to the desktop, through the terminal itself, so that both work over SSH.
//!
//! Escape sequences are one-way, the terminal is asked nothing: that they were sent is all that is ever known, and all
//! that may be said. tmux is asked by its own command, which says whether its buffer took the text.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::text::clean;

/// Most bytes of text; terminals drop longer ones silently.
pub(super) const LIMIT: usize = 74_994;
/// tmux answers at once; one that does not is not waited for.
const TMUX_LIMIT: Duration = Duration::from_secs(1);

/// What became of a text that was to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// tmux holds it in its buffer, and passes it on where its own settings say so.
    Tmux,
    /// The terminal was sent it; whether it took it nobody knows.
    Sent,
    /// Longer than [`LIMIT`]: nothing was sent.
    TooLong,
}

impl Delivery {
    /// The note for the user: what happened to what.
    pub fn note(self, what: &str) -> String {
        match self {
            Self::Tmux => format!("{what} is in tmux's buffer and was sent to the terminal."),
            Self::Sent => format!("{what} was sent to the terminal."),
            Self::TooLong => {
                format!("{what} is longer than the {LIMIT} bytes that terminals take: nothing was copied.")
            }
        }
    }
}

/// Which multiplexer stands between this program and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Multiplexer {
    /// The terminal itself is spoken to.
    Nothing,
    /// tmux, which passes on what is wrapped for it.
    Tmux,
    Screen,
}

impl Multiplexer {
    /// From the environment variables `TMUX` and `STY`.
    pub(super) fn from_environment(tmux: bool, screen: bool) -> Self {
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

/// OSC 52 with the text; absent when it is too long to arrive. Behind a multiplexer both as it is, for one that takes
/// the clipboard of its programs itself, and wrapped, for one that passes wrapped sequences on: which of them counts is
/// a setting of the multiplexer's, and the same text twice does no harm.
pub(super) fn copy(text: &str, multiplexer: Multiplexer) -> Option<String> {
    if text.len() > LIMIT {
        return None;
    }
    let raw = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    Some(if multiplexer == Multiplexer::Nothing { raw } else { format!("{raw}{}", multiplexer.wrap(&raw)) })
}

/// Hands the text to tmux, which keeps it and sends it on to the terminal it runs in. False when that did not succeed:
/// there is no such program, or it is too old for this. Blocks for as long as the command runs, at most a second.
pub(super) fn to_tmux(text: &str) -> bool {
    to_command(Command::new("tmux").args(["load-buffer", "-w", "-"]), text)
}

fn to_command(command: &mut Command, text: &str) -> bool {
    let quiet = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = quiet.spawn() else { return false };
    let Some(mut input) = child.stdin.take() else { return false };
    let text = text.to_owned();
    // A command that does not read would hold up whoever writes to it.
    thread::spawn(move || input.write_all(text.as_bytes()));
    ends_well(&mut child, Instant::now() + TMUX_LIMIT)
}

fn ends_well(child: &mut Child, until: Instant) -> bool {
    while Instant::now() < until {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            Err(_) => break,
        }
    }
    drop(child.kill());
    drop(child.wait());
    false
}

/// The bell, and OSC 9 with the sentence.
pub(super) fn notify(text: &str, multiplexer: Multiplexer) -> String {
    format!("\x07{}", multiplexer.wrap(&format!("\x1b]9;{}\x07", clean(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_for_what_stands_between() {
        assert_eq!(copy("id", Multiplexer::Nothing).unwrap(), "\x1b]52;c;aWQ=\x07");
        let (tmux, screen) = (copy("id", Multiplexer::Tmux).unwrap(), copy("id", Multiplexer::Screen).unwrap());
        assert_eq!(tmux, "\x1b]52;c;aWQ=\x07\x1bPtmux;\x1b\x1b]52;c;aWQ=\x07\x1b\\");
        assert_eq!(screen, "\x1b]52;c;aWQ=\x07\x1bP\x1b]52;c;aWQ=\x07\x1b\\");
        assert_eq!(copy(&"x".repeat(LIMIT + 1), Multiplexer::Nothing), None);
    }

    #[test]
    fn what_is_not_known_is_not_claimed() {
        assert_eq!(Delivery::Sent.note("The id"), "The id was sent to the terminal.");
        assert_eq!(
            Delivery::TooLong.note("It"),
            "It is longer than the 74994 bytes that terminals take: nothing was copied."
        );
    }

    #[test]
    fn a_command_has_taken_the_text_when_it_ends_well() {
        assert!(to_command(Command::new("sh").args(["-c", "test \"$(cat)\" = id"]), "id"));
        assert!(!to_command(Command::new("sh").args(["-c", "test \"$(cat)\" = id"]), "other"));
        assert!(!to_command(&mut Command::new("/nowhere/tmux"), "id"));
        // Neither one that reads nothing nor one that never ends holds anybody up.
        assert!(to_command(&mut Command::new("true"), &"x".repeat(1 << 20)));
        assert!(!to_command(Command::new("sleep").arg("60"), "id"));
    }

    #[test]
    fn a_note_cannot_carry_a_sequence() {
        assert_eq!(notify("a\x07\x1bb", Multiplexer::Nothing), "\x07\x1b]9;a␇␛b\x07");
    }
}
