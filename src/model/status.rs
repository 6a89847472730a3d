//! The status table that `materialization_status` and `deletion_status` show (docs/reference.md,
//! materialization_status; docs/semantics.md section 11).
//!
//! Plain types: what is asked of the table, and its cells as they are shown. Rows are made where messages are read.

use thiserror::Error;

/// Rows that are shown unless another limit is given (docs/reference.md, materialization_status).
pub(crate) const LIMIT: usize = 1000;

/// What is asked of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusOptions {
    /// Only rows of deletion jobs: `deletion_status`.
    pub deletions: bool,
    /// Show the five columns that help with debugging.
    pub verbose: bool,
    /// How many rows are shown at most; `order` says what they are counted among.
    pub limit: usize,
    /// Only attempts that ended with an error.
    pub errors_only: bool,
    /// Columns to sort by, in a comma-separated list, in any case; absent or blank: the order that the deployment gave.
    pub sort_columns: Option<String>,
    /// In which order limit, filter and sort are applied.
    pub order: StatusOrder,
}

impl Default for StatusOptions {
    fn default() -> Self {
        Self {
            deletions: false,
            verbose: false,
            limit: LIMIT,
            errors_only: false,
            sort_columns: None,
            order: StatusOrder::Tecton,
        }
    }
}

/// In which order limit, filter and sort are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusOrder {
    /// Limit, then errors only, then sort, as released clients do: an error past the limit is never shown.
    #[default]
    Tecton,
    /// Errors only, then sort, then limit: the first rows of what was asked for.
    FilterFirst,
}

/// The table as it is shown. Cells may hold text from outside: clean them before they are drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusTable {
    /// Headings in upper case, in the order of each row's cells.
    pub columns: Vec<&'static str>,
    /// Rows, each with a cell for every heading.
    pub rows: Vec<Vec<String>>,
}

/// A column to sort by that the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{name}` is not a column of this table: sort by one or more of {}", choices.join(", "))]
pub struct UnknownColumn {
    /// The name that was asked for, as it was written.
    pub name: String,
    /// The columns that the table has, for the sentence.
    pub choices: Vec<&'static str>,
}
