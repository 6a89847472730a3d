//! The offline store: one Delta table a view, below `{dir}/{workspace}/{view}` (semantics.md section 10).
//!
//! It stores and reads rows; it must not compute features.

use std::path::Path;

use polars::prelude::DataFrame;
use thiserror::Error;

use crate::model::{Id, Window};
use crate::platform::registry::definition::View;

/// What a replace did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The window now holds these rows.
    Rows(u64),
    /// The table has this job's stamp already: nothing was done.
    Already,
}

/// Why the offline store failed.
#[derive(Debug, Error)]
pub enum OfflineError {
    /// The table or a file of it cannot be read or written.
    #[error("offline table {table}: {problem}")]
    Table {
        /// Path of the table.
        table: String,
        /// What happened.
        problem: String,
    },
}

/// The offline table of one view.
pub struct OfflineTable {}

impl OfflineTable {
    /// Opens the table of the view, or creates it empty.
    pub async fn open_or_create(dir: &Path, _view: &View) -> Result<Self, OfflineError> {
        Err(OfflineError::Table { table: dir.display().to_string(), problem: "not built yet".to_owned() })
    }

    /// Replaces the rows of `window` in one commit stamped with the job; rows of other windows survive.
    pub async fn replace(&mut self, _window: Window, _rows: DataFrame, _job: Id) -> Result<Written, OfflineError> {
        Err(OfflineError::Table { table: String::new(), problem: "not built yet".to_owned() })
    }

    /// The rows of `window`, or all rows.
    pub async fn read(&self, _window: Option<Window>) -> Result<DataFrame, OfflineError> {
        Err(OfflineError::Table { table: String::new(), problem: "not built yet".to_owned() })
    }
}
