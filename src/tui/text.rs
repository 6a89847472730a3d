//! Text as the screen measures it: width in cells, cutting at grapheme boundaries, wrapping, cleaning.
//!
//! Pure functions. Nothing from outside may reach a cell without passing [`cut`] or [`wrap`], which clean it.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

pub(super) use crate::model::clean::clean;

/// Stands for what was cut away.
pub(super) const ELLIPSIS: &str = "…";

/// Width in terminal cells of the text as it is drawn, which is cleaned.
pub(super) fn width(text: &str) -> usize {
    clean(text).width()
}

/// The cleaned text, cut to at most `max` cells; what is cut ends in `…`.
pub(super) fn cut(text: &str, max: usize) -> Cow<'_, str> {
    let text = clean(text);
    if text.width() <= max {
        return text;
    }
    if max == 0 {
        return Cow::Borrowed("");
    }
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let next = grapheme.width();
        if used + next > max - 1 {
            break;
        }
        kept.push_str(grapheme);
        used += next;
    }
    kept.push_str(ELLIPSIS);
    Cow::Owned(kept)
}

/// The text cut or filled with blanks to exactly `to` cells, at the left or right end.
pub(super) fn fit(text: &str, to: usize, right: bool) -> String {
    let text = cut(text, to);
    let blanks = " ".repeat(to.saturating_sub(width(&text)));
    if right { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
}

/// The text in lines of at most `max` cells, broken between words; a word longer than a line is broken where it must.
/// Line breaks of the text are kept.
pub(super) fn wrap(text: &str, max: usize) -> Vec<String> {
    let max = max.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let paragraph = clean(paragraph);
        let mut line = String::new();
        for part in paragraph.split_inclusive(' ') {
            let word = part.trim_end_matches(' ');
            push_word(&mut lines, &mut line, word, max);
            push_word(&mut lines, &mut line, &part[word.len()..], max);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The same number of lines as [`wrap`], but of about the same length, so that no word stands alone at the end.
pub(super) fn wrap_even(text: &str, max: usize) -> Vec<String> {
    let count = wrap(text, max).len();
    let even = width(text).div_ceil(count.max(1));
    (even..max)
        .map(|narrower| wrap(text, narrower))
        .find(|lines| lines.len() == count)
        .unwrap_or_else(|| wrap(text, max))
}

fn push_word(lines: &mut Vec<String>, line: &mut String, word: &str, max: usize) {
    if line.width() + word.width() <= max {
        line.push_str(word);
        return;
    }
    if !line.trim().is_empty() {
        lines.push(std::mem::take(line).trim_end().to_owned());
    }
    line.clear();
    if word.trim().is_empty() {
        return;
    }
    for grapheme in word.graphemes(true) {
        if line.width() + grapheme.width() > max {
            lines.push(std::mem::take(line));
        }
        line.push_str(grapheme);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_between_graphemes_and_says_so() {
        assert_eq!(cut("carrier", 7), "carrier");
        assert_eq!(cut("carriers", 7), "carrie…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn wraps_between_words() {
        assert_eq!(wrap("cannot read the file", 10), ["cannot", "read the", "file"]);
        assert_eq!(wrap("at 23:00:00 (UTC)", 10), ["at", "23:00:00", "(UTC)"]);
        assert_eq!(wrap("abcdefghijkl mn", 5), ["abcde", "fghij", "kl mn"]);
        assert_eq!(wrap("one\n\ntwo", 9), ["one", "", "two"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in ".{0,60}", max in 2usize..30) {
            prop_assert!(width(&cut(&text, max)) <= max);
            prop_assert_eq!(width(&fit(&text, max, true)), max);
            for line in wrap(&text, max) {
                prop_assert!(width(&line) <= max, "{:?}", line);
            }
        }
    }
}
