//! What libraries say of their errors, made a sentence for people.
//!
//! Libraries write for those who program with them: they name their kinds of error, dump their structures, advise to
//! set variables of theirs. None of that helps whoever runs this program. Works on text alone; what the sentence is
//! about, and what to do next, is added by whoever calls it.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::clean::cut;

/// Names of kinds of error that libraries put in front, and that say nothing beyond the text behind them.
const KINDS: [&str; 13] = [
    "no data: ",
    "duplicate: ",
    "assertion failed: ",
    "parquet error: ",
    "Kernel error: ",
    "Kernel: ",
    "Generic error: ",
    "Generic delta kernel error: ",
    "Generic DeltaTable error: ",
    "Arrow error: ",
    "Parquet error: ",
    "External: ",
    "External error: ",
];

/// Advice to whoever programs with the library.
const ADVICE: [&str; 8] = [
    "POLARS_",
    "RUST_BACKTRACE",
    "lease report",
    "onsider ",
    "int: ",
    "ou might want",
    "ou probably need",
    "feature flag",
];

/// A pattern that is written in this file, and tested to be one.
#[expect(clippy::unwrap_used, reason = "the pattern is a constant")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// The name of a structure before its members, or of an error: `ParsedLogPath {`, `TapeError`. No other name is
/// touched: it may be a name of the user's.
static NAME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:(?<dump>[A-Z][A-Za-z0-9]+)\s*\{|(?<error>(?:[A-Z][a-z0-9]+)+Error)\b)"));
static BRACKETS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s*\([^()]*\)"));

/// The first sentence of a library's error on one line, without the end's full stop: no names of kinds in front, no
/// dumped structures, no advice about the library's own settings. What it quotes stays as it is.
pub(crate) fn sentence(error: &(impl Display + ?Sized)) -> String {
    let text = error.to_string();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown error");
    let mut line = line;
    while let Some(rest) = KINDS.iter().find_map(|kind| line.strip_prefix(kind)).filter(|rest| !rest.is_empty()) {
        line = rest;
    }
    let line = BRACKETS.replace_all(line, |found: &Captures<'_>| {
        let whole = &found[0];
        if ADVICE.iter().any(|advice| whole.contains(advice)) { String::new() } else { whole.to_owned() }
    });
    let line = without_dumps(&line);
    let kept: Vec<&str> = sentences(&line).filter(|part| !ADVICE.iter().any(|advice| part.contains(advice))).collect();
    let kept = if kept.is_empty() { line.trim().to_owned() } else { kept.concat() };
    kept.trim().trim_end_matches(['.', ':', ',', ';']).to_owned()
}

/// The most characters of [`short`].
const SHORT: usize = 200;

/// [`sentence`], cut: for what a library says of a file that somebody sent, which may hold a piece of the file.
pub(crate) fn short(error: &(impl Display + ?Sized)) -> String {
    cut(&sentence(error), SHORT).into_owned()
}

/// The pieces of a text that end as sentences do.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(". ")
}

/// The text with every dumped structure cut to an ellipsis, and the names of types made words.
fn without_dumps(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quote = None;
    while let Some(c) = rest.chars().next() {
        match quote {
            Some(open) => quote = Some(open).filter(|_| c != open),
            None if matches!(c, '"' | '`') => quote = Some(c),
            None => {
                let begins = !out.ends_with(|before: char| before.is_alphanumeric() || before == '_');
                if let Some(found) = NAME.captures(rest).filter(|_| begins) {
                    if let Some(name) = found.name("dump") {
                        out.push('…');
                        rest = &rest[name.end()..];
                        rest = &rest[members(rest)..];
                    } else if let Some(name) = found.name("error") {
                        out.push_str(&words(name.as_str()));
                        rest = &rest[name.end()..];
                    }
                    continue;
                }
            }
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Bytes of the structure's members that stand at the beginning of the text: ` { … }`, to the bracket that closes them.
fn members(text: &str) -> usize {
    let members = text.trim_start();
    let mut depth = 0_usize;
    for (at, c) in members.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return text.len() - members.len() + at + 1;
        }
    }
    text.len()
}

fn words(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libraries_say_becomes_a_sentence() {
        for (text, expected) in [
            ("no data: the file is empty", "the file is empty"),
            (
                "duplicate: column with name 'a' has more than one occurrence",
                "column with name 'a' has more than one occurrence",
            ),
            (
                "No such file or directory (os error 2): ...a/b.csv (set POLARS_VERBOSE=1 to see full path)",
                "No such file or directory (os error 2): ...a/b.csv",
            ),
            (
                "Generic delta kernel error: Expected the first commit to have version 2, got Some(ParsedLogPath { location: FileMeta { location: Url { a: 1 }, size: 3 }, version: 4 })",
                "Expected the first commit to have version 2, got Some(…)",
            ),
            ("InternalError(TapeError) at character 3", "internal error(tape error) at character 3"),
            ("Internal error in the log. This is a kernel bug, please report.", "Internal error in the log"),
            (
                "conversion from `str` to `i64` failed in column 'x' for 1 out of 2 values: [\"TapeError { a }\"]",
                "conversion from `str` to `i64` failed in column 'x' for 1 out of 2 values: [\"TapeError { a }\"]",
            ),
            ("\n\n  first\nsecond: plan\n", "first"),
            (
                "unable to parse time zone: '+05:30'. Please check the Time Zone Database.",
                "unable to parse time zone: '+05:30'. Please check the Time Zone Database",
            ),
            (
                "Arrow datatype Float16 not supported by Polars. You probably need to activate that data-type feature.",
                "Arrow datatype Float16 not supported by Polars",
            ),
            ("", "unknown error"),
            ("TapeError { unclosed", "…"),
        ] {
            assert_eq!(sentence(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_plain_stays() {
        for text in
            ["the disk is full", "column UserId: i64 is not str", "a (b) c", "No space left on device (os error 28)"]
        {
            assert_eq!(sentence(text), text);
        }
    }
}
