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
#[error("line {line}, column {column}: {construct}: {problem}. {fix}{}", others(.more))]
pub struct Refusal {
    /// What is refused, in the words of SQL, such as `QUALIFY` or `function strftime`.
    pub construct: String,
    /// Line in the SQL text, from 1.
    pub line: usize,
    /// Column in that line in characters, from 1.
    pub column: usize,
    pub problem: String,
    pub fix: String,
    /// What else is wrong with the query, in the order of its text.
    pub more: Vec<Refusal>,
}

/// Most problems of a query that are told at once.
const MAX_PROBLEMS: usize = 20;

impl Refusal {
    /// One refusal of all problems, in the order of the text; absent without any. Two about one place are one.
    pub fn of(mut problems: Vec<Refusal>) -> Option<Self> {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.dedup_by_key(|problem| (problem.line, problem.column));
        problems.truncate(MAX_PROBLEMS);
        let mut problems = problems.into_iter();
        let first = problems.next()?;
        Some(Self { more: problems.collect(), ..first })
    }

    /// The refusal of what cannot be looked at because of a problem that is reported already.
    pub fn reported() -> Self {
        Self {
            construct: String::new(),
            line: 0,
            column: 0,
            problem: String::new(),
            fix: String::new(),
            more: Vec::new(),
        }
    }

    /// Whether it is one of [`Refusal::reported`].
    pub fn is_reported(&self) -> bool {
        self.line == 0
    }

    /// This problem and all others.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.more)
    }
}

/// The other problems as the end of a sentence.
fn others(more: &[Refusal]) -> String {
    more.iter().map(|other| format!(". {other}")).collect()
}

/// A place in the SQL text. All places are equal, so that expressions compare by what they mean.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
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
    pub(super) fn of(span: Span) -> Self {
        Self { line: span.start.line as usize, column: span.start.column as usize }
    }

    /// This place, or the other one where this is not known.
    pub(super) fn or(self, other: Self) -> Self {
        if self.line == 0 { other } else { self }
    }

    /// The refusal of what stands here.
    pub(super) fn refuse(
        self,
        construct: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Refusal {
        let (line, column) = (self.line.max(1), self.column.max(1));
        let (construct, problem, fix) = (quote(&construct.into()), problem.into(), fix.into());
        Refusal { construct, line, column, problem, fix, more: Vec::new() }
    }
}

impl From<Refusal> for PolarsError {
    fn from(refusal: Refusal) -> Self {
        Self::SQLInterface(refusal.to_string().into())
    }
}

/// A piece of the query as a message shows it: on one line, without control characters, not too long.
pub(super) fn quote(text: &str) -> String {
    let text = clean::clean(text.trim()).into_owned();
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
