//! What is wrong with a file, before anybody knows its name.

use std::fmt;

use crate::model::foreign;

/// Why a file is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Where, from 1.
    line: Option<usize>,
    /// What is wrong there; continues a sentence about the line or the file.
    what: String,
    /// What to do, as a sentence.
    hint: String,
    /// The file is a table, though not one that can be used: `what` says of the file what is wrong.
    is_table: bool,
}

impl Broken {
    /// Something about the whole file.
    pub(super) fn of(what: impl Into<String>) -> Self {
        Self { line: None, what: what.into(), hint: "Correct it and try again.".to_owned(), is_table: false }
    }

    /// Something in a line.
    pub(super) fn at(line: usize, what: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::of(what) }
    }

    /// What a library says.
    pub(super) fn library(error: &impl fmt::Display) -> Self {
        Self::of(foreign::sentence(error))
    }

    /// A name stands twice.
    pub(super) fn twice(line: Option<usize>, name: &str) -> Self {
        let what = format!("has the column `{name}` more than once");
        Self { line, is_table: true, ..Self::of(what) }.fix("Keep one of them.")
    }

    /// A table that cannot be used: `what` continues a sentence that begins with the file.
    pub(super) fn unusable(what: impl Into<String>) -> Self {
        Self { is_table: true, ..Self::of(what) }
    }

    /// The bytes are no text.
    pub(super) fn not_utf8(line: usize) -> Self {
        Self::at(line, "it is not UTF-8").fix("Write it as UTF-8 (Excel: CSV UTF-8).")
    }

    /// The table does not fit.
    pub(super) fn too_large(rows: usize, memory: u64) -> Self {
        let what = format!("takes more than the {} MiB allowed, already with its first {rows} rows", memory >> 20);
        Self::unusable(what).fix("Use fewer rows or columns at a time.")
    }

    /// The same with another advice.
    #[must_use]
    pub(super) fn fix(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// The sentences about the file, which `source` names at the beginning of a sentence.
    pub(super) fn sentences(&self, source: &str) -> (String, String) {
        let Self { line, what, hint, is_table } = self;
        let what = match (line, is_table) {
            (Some(line), true) => format!("{source}, line {line}, {what}."),
            (None, true) => format!("{source} {what}."),
            (Some(line), false) => format!("{source}, line {line} is not such a table: {what}."),
            (None, false) => format!("{source} is not such a table: {what}."),
        };
        (what, hint.clone())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        let it = if self.is_table { "it " } else { "" };
        write!(f, "{it}{}. {}", self.what, self.hint)
    }
}
