//! Why a query is not taken: the construct, its place in the text, and what to write instead.
//!
//! Plain data; it decides nothing.

use polars::prelude::PolarsError;
use sqlparser::tokenizer::Span;
use thiserror::Error;

use crate::model::clean;

/// Longest piece of the query that a message quotes, in characters.
const MAX_QUOTE: usize = 60;

/// A query, or a part of it, that is not in the dialect that Spark and this engine share.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {construct}: {problem}. {fix}")]
pub struct Refusal {
    /// What is refused, in the words of SQL, such as `QUALIFY` or `function strftime`.
    pub construct: String,
    /// Line in the SQL text, from 1.
    pub line: usize,
    /// Column in that line in characters, from 1.
    pub column: usize,
    /// Why it is refused.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

/// A place in the SQL text. All places are equal, so that expressions compare by what they mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Line, from 1; 0 where it is not known.
    pub line: usize,
    /// Column in characters, from 1; 0 where it is not known.
    pub column: usize,
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Place {
    /// Where a span begins.
    pub fn of(span: Span) -> Self {
        Self { line: span.start.line as usize, column: span.start.column as usize }
    }

    /// This place, or the other one where this is not known.
    pub fn or(self, other: Self) -> Self {
        if self.line == 0 { other } else { self }
    }

    /// The refusal of what stands here.
    pub fn refuse(self, construct: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> Refusal {
        let (line, column) = (self.line.max(1), self.column.max(1));
        Refusal { construct: quote(&construct.into()), line, column, problem: problem.into(), fix: fix.into() }
    }
}

impl From<Refusal> for PolarsError {
    fn from(refusal: Refusal) -> Self {
        Self::SQLInterface(refusal.to_string().into())
    }
}

/// A piece of the query as a message shows it: on one line, without control characters, not too long.
pub fn quote(text: &str) -> String {
    let text = clean::clean(text.trim()).into_owned();
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
