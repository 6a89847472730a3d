//! Text from outside, made safe to show.
//!
//! A server, a stream or a file may send anything: escape sequences that drive a terminal, control characters, marks
//! that turn the direction of text around. Each such character becomes a visible one, so that nothing is hidden and
//! nothing is obeyed. This is the only place where that is decided.

use std::borrow::Cow;

/// The text on one line: every control and direction character replaced by a visible one, line ends by `⏎`.
pub fn clean(text: &str) -> Cow<'_, str> {
    replace(text, visible)
}

/// The same, but line ends stay and tabs become four blanks: for texts shown on several lines.
pub fn clean_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| visible(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let lines = text.lines().map(|line| replace(&line.replace('\t', "    "), visible).into_owned());
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// The text, cut to `most` characters where it is longer; the last one is then an ellipsis.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.char_indices().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().take(most.saturating_sub(1)).chain(['…']).collect())
}

fn replace(text: &str, visible: fn(char) -> Option<char>) -> Cow<'_, str> {
    if text.contains(|c| visible(c).is_some()) {
        Cow::Owned(text.chars().map(|c| visible(c).unwrap_or(c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// What stands for a character that must not reach a terminal.
fn visible(c: char) -> Option<char> {
    match c {
        '\n' => Some('⏎'),
        '\t' => Some(' '),
        // The Unicode block of control pictures is in the order of the control characters.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('␡'),
        '\u{80}'..='\u{9f}' => Some(char::REPLACEMENT_CHARACTER),
        // Direction marks and overrides, line and paragraph separators, invisible annotations and tags.
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {
            Some(char::REPLACEMENT_CHARACTER)
        }
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_harmless_is_not_touched() {
        for text in ["", "plain", "Zürich 東京 👩‍🚀", "a – b"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text), "{text}");
            assert!(matches!(clean_lines(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn nothing_that_drives_a_terminal_is_left() {
        let hostile: String =
            (0..=0xffff).filter_map(char::from_u32).chain("\u{1b}]0;x\u{7}\u{9b}2J".chars()).collect();
        for cleaned in [clean(&hostile), clean_lines(&hostile)] {
            assert!(!cleaned.chars().any(|c| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c)));
        }
        assert_eq!(clean("\u{1b}[31mred\r\n\u{202e}txt"), "␛[31mred␍⏎\u{fffd}txt");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!((cut("äöü", 3), cut("äöü", 2), cut("", 0)), ("äöü".into(), "ä…".into(), "".into()));
    }

    #[test]
    fn lines_stay_where_they_may() {
        assert_eq!(clean_lines("failed:\r\n\tat line 3\u{7}"), "failed:\n    at line 3␇");
    }
}
