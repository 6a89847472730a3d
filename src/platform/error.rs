//! Why a platform does not start, or its data cannot be looked through.

use std::path::PathBuf;

use thiserror::Error;

use super::data_dir::DataDirError;
use super::lock::LockError;
use super::{jobs, online, sqlite};

/// Why a platform does not start.
#[derive(Debug, Error)]
pub enum PlatformError {
    /// Another process has the data directory, or it cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The job table cannot be opened.
    #[error("{path}: {problem}")]
    Jobs {
        /// Path of the job table's file.
        path: PathBuf,
        /// Why it cannot be opened, and what to do next.
        #[source]
        problem: jobs::error::TableError,
    },
    /// The job table does not say what is materialized.
    #[error(transparent)]
    Coverage(jobs::error::TableError),
    /// The keys, the audit log or another file of SQLite cannot be opened.
    #[error(transparent)]
    File(#[from] sqlite::FileError),
    /// The online store cannot be opened.
    #[error(transparent)]
    Online(#[from] online::OnlineError),
    /// The quarantine cannot be brought in line with the online store.
    #[error("the quarantine of streams cannot be used: {0}")]
    Quarantine(#[source] super::quarantine::QuarantineError),
    /// A thread could not be started.
    #[error("the platform could not start its threads: {0}")]
    Threads(#[from] std::io::Error),
    /// The thread that starts the platform ended before it could tell how it went.
    #[error("the platform stopped while it started")]
    Stopped,
}
