//! What jobs wrote to a view's offline table, kept beside the jobs, and held against the table before it is used.
//!
//! A table that differs was changed from outside. Its windows must be written again; until then nothing of them is
//! answered.

use std::sync::Arc;

use crate::model::{Id, Window};
use crate::platform::definition::View;
use crate::platform::offline::Manifest;

use super::Jobs;
use super::error::TableError;
use super::rows::WindowRead;
use super::table::JobTable;
use super::verdict::{Known, Verdict};

/// The ledger of one view's offline table.
#[derive(Clone)]
pub struct Ledger {
    table: Arc<JobTable>,
    view: Arc<View>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ledger({})", self.view.name)
    }
}

impl Ledger {
    pub(super) fn new(table: &Arc<JobTable>, view: &Arc<View>) -> Self {
        Self { table: Arc::clone(table), view: Arc::clone(view) }
    }

    fn id(&self) -> Id {
        self.view.id
    }

    /// What jobs know of the table. To be asked before the table is opened, so that it is never ahead of it.
    ///
    /// # Errors
    /// When the job table fails.
    pub fn known(&self) -> Result<Known, TableError> {
        self.table.read(|rows| rows.known(self.id(), self.view.batch_schedule))
    }

    /// Keeps what a table holds after a commit; of what was found damaged before, what must still be written again
    /// after `written`.
    ///
    /// # Errors
    /// When the job table fails; then the next look finds the commit in the log of the table.
    pub fn keep(&self, manifest: &Manifest, found: &Verdict, written: Option<Window>) -> Result<(), TableError> {
        self.table.write(|rows| {
            rows.keep_manifest(self.id(), manifest)?;
            rows.keep_lost(self.id(), &found.windows, written)
        })
    }

    /// Keeps what the job read from its source.
    ///
    /// # Errors
    /// When the job table fails.
    pub fn keep_read(&self, read: &WindowRead) -> Result<(), TableError> {
        self.table.write(|rows| rows.keep_read(self.id(), read))
    }

    /// Takes a table as it is that an earlier release wrote, which kept no files of it.
    ///
    /// # Errors
    /// When the job table fails.
    pub fn adopt(&self, manifest: &Manifest) -> Result<bool, TableError> {
        self.table.write(|rows| {
            let new = rows.manifest(self.id())?.is_none();
            if new {
                rows.keep_manifest(self.id(), manifest)?;
            }
            Ok(new)
        })
    }
}

impl Jobs {
    /// The ledger of a view's offline table; nothing for a view that is not served.
    pub fn ledger(&self, view: Id) -> Option<Ledger> {
        self.views.get(&view).map(|view| Ledger::new(&self.table, view))
    }
}
