//! Why the job table, or a request about jobs, did not do what was asked.

use std::io::ErrorKind;

use thiserror::Error;

use crate::platform::sqlite;

/// Why the job table did not answer.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file cannot be used.
    #[error("the job table failed: {0}. {advice}", advice = sqlite::advice(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// The file cannot be made.
    #[error("the job table cannot be made: {0}. Choose a data directory that you may write to.")]
    Make(#[source] std::io::Error),
    /// The file was made by another release.
    #[error("the job table has layout {found}, this program knows {known}: use the release that made it")]
    Layout {
        /// The layout that the file says it has.
        found: i64,
        /// The newest layout there is here.
        known: i64,
    },
    /// The file was made by an earlier release, and is only to be read.
    #[error(
        "the job table has layout {found}, and {wanted} is wanted: start the platform once, which brings it up to date"
    )]
    Older {
        /// The layout that the file says it has.
        found: i64,
        /// The layout that can be read.
        wanted: i64,
    },
    /// The file holds something that no release writes.
    #[error(
        "the job table is damaged: {0}. Put it back from a copy. Without one, move the data directory away and materialize again."
    )]
    Damaged(String),
}

impl TableError {
    /// Whether the disk is full, so that making room is what helps.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::Make(error) => matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            _ => false,
        }
    }
}

/// Why a request about jobs was not done.
#[derive(Debug, Error)]
pub enum JobsError {
    /// The user can correct it; the sentence says how.
    #[error("{0}")]
    Refused(String),
    /// The job table did not answer; asking again may help.
    #[error(transparent)]
    Table(#[from] TableError),
}
