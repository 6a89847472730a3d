//! Text from outside, made safe to show.
//!
//! A server, a stream or a file may send anything: escape sequences that drive a terminal, control characters, marks
//! that turn the direction of text around, characters that take no room or look like a blank, so that two different
//! keys look the same. Each such character becomes a visible one, so that nothing is hidden and nothing is obeyed.
//! This is the only place where that is decided.
//!
//! One character stands for one character: positions in the cleaned text are those in the text.

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

/// Bytes from outside as a text of several lines, made safe to show: what is no text is seen as `\x` and two digits.
pub(crate) fn clean_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    clean_lines(&text).into_owned()
}

/// Whether a terminal, or whoever lays out a line of text, obeys a character instead of showing it: control characters,
/// marks of direction, separators of lines. Line ends, tabs and carriage returns too.
pub(crate) fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    control(c).or_else(|| invisible(c).then_some(char::REPLACEMENT_CHARACTER))
}

/// What stands for a control character; absent for every other one.
pub(crate) fn control(c: char) -> Option<char> {
    match c {
        '\n' => Some('⏎'),
        '\t' => Some(' '),
        // The Unicode block of control pictures is in the order of the control characters.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('␡'),
        '\u{80}'..='\u{9f}' => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    }
}

/// Whether a character is not seen where it stands: Unicode's Default_Ignorable_Code_Point (joiners, direction marks,
/// variation selectors, fillers, tags), line and paragraph separators, and the marks of annotations. The joiners and
/// selectors inside an emoji are among them: a key must not look like another one because the terminal knows the
/// picture.
fn invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// How many problems or windows a sentence names.
const NAMED: usize = 3;

/// The first few in a row, and how many more there are.
pub(crate) fn first_few(words: &[String]) -> String {
    first_of(words, NAMED)
}

/// The first `most` in a row, and how many more there are.
pub(crate) fn first_of(words: &[String], most: usize) -> String {
    let more = words.len().saturating_sub(most);
    let first = words.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_harmless_is_not_touched() {
        for text in ["", "plain", "Zürich 東京 👩🚀", "a – b", "e\u{301}"] {
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

    /// Every character that Unicode lets a program leave undrawn is seen, and the list of them is Unicode's own.
    #[test]
    fn nothing_is_invisible() {
        let ignorable = regex::Regex::new(r"\p{Default_Ignorable_Code_Point}").unwrap();
        let mut text = [0; 4];
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let is_ignorable = ignorable.is_match(c.encode_utf8(&mut text));
            let separator = matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}');
            assert_eq!(invisible(c), is_ignorable || separator, "U+{:04X}", u32::from(c));
        }
        assert_eq!(clean("pay\u{ad}pal\u{200d}\u{3164}"), "pay\u{fffd}pal\u{fffd}\u{fffd}");
        assert_eq!(clean("👩\u{200d}🚀 ❤\u{fe0f}"), "👩\u{fffd}🚀 ❤\u{fffd}");
    }

    #[test]
    fn one_character_stands_for_one() {
        let text: String = (0..0x1_2000).filter_map(char::from_u32).collect();
        assert_eq!(clean(&text).chars().count(), text.chars().count());
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!((cut("äöü", 3), cut("äöü", 2), cut("", 0)), ("äöü".into(), "ä…".into(), "".into()));
    }

    #[test]
    fn bytes_that_are_no_text_are_seen() {
        assert_eq!(clean_bytes(b"a\xff\xc3b\r\n\x1b[2J\0"), "a\\xff\\xc3b\n␛[2J␀");
        assert_eq!(clean_bytes("{\"k\":\"ü\u{202e}\"}".as_bytes()), "{\"k\":\"ü\u{fffd}\"}");
    }

    #[test]
    fn lines_stay_where_they_may() {
        assert_eq!(clean_lines("failed:\r\n\tat line 3\u{7}"), "failed:\n    at line 3␇");
    }
}
