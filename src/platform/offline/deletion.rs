//! Deletion of keys from an offline table (docs/semantics.md section 11): out of the rows by a commit, and off the
//! disk.
//!
//! Older versions of the table cannot be read any more after it. That is what it is for.

use deltalake_core::kernel::LogicalFileView;
use deltalake_core::protocol::DeltaOperation;
use polars::prelude::*;

use super::commit::{Fresh, Plan};
use super::stats::Stats;
use super::{Deleted, OfflineError, OfflineTable, Stamp};

impl OfflineTable {
    /// Removes the rows of these keys (a frame of the view's join key columns, distinct, of their types) in one commit,
    /// and the files that held them from the disk, with every other file that no current row is in. A null key matches
    /// nothing (docs/semantics.md section 11). It may be repeated: what a killed attempt left on the disk goes with the
    /// next.
    pub async fn delete(&mut self, keys: &DataFrame, stamp: Stamp) -> Result<Deleted, OfflineError> {
        let keys = self.layout.conform_keys(keys);
        let keys = keys.map_err(|e| OfflineError::frame(&self.root, "the keys do not fit", e))?;
        let standing = Fresh::new(&self.root, Vec::new());
        let operation = DeltaOperation::Delete { predicate: None };
        let done = self.commit(operation, Some(stamp), standing, |table| table.plan_deletion(&keys)).await?;
        self.purge().await?;
        Ok(done.map_or(Deleted::default(), |plan| Deleted { rows: plan.rows, files: plan.removes.len() as u64 }))
    }

    /// Files that hold one of the keys are written again without it; nothing when none does.
    fn plan_deletion(&self, keys: &DataFrame) -> Result<Option<Plan>, OfflineError> {
        let mut plan = Plan::new(&self.root);
        for file in self.files()? {
            let unread = |e: PolarsError| self.unreadable(&file, e);
            let keys = self.possible(&file, keys).map_err(unread)?;
            if keys.height() == 0 {
                continue;
            }
            let held = self.columns_of(&file, Some(self.layout.keys())).map_err(unread)?;
            let hits = self.matching(&held, &keys, JoinType::Semi).map_err(unread)?.height();
            if hits > 0 {
                let kept = self.matching(&self.read_file(&file)?, &keys, JoinType::Anti).map_err(unread)?;
                plan.rows += hits as u64;
                plan.removes.push(file.remove_action(true));
                plan.fresh.absorb(self.write(&kept, true)?);
            }
        }
        Ok(Some(plan).filter(|plan| !plan.removes.is_empty()))
    }

    /// The keys that a file may hold by its statistics.
    fn possible(&self, file: &LogicalFileView, keys: &DataFrame) -> PolarsResult<DataFrame> {
        let stats = Stats::parse(file.stats().as_deref());
        let mut keys = keys.clone();
        for name in self.layout.keys() {
            keys = keys.filter(&stats.may_hold(keys.column(name)?)?)?;
        }
        Ok(keys)
    }

    /// The rows with, or without, one of the keys. As in SQL a null equals nothing.
    fn matching(&self, rows: &DataFrame, keys: &DataFrame, how: JoinType) -> PolarsResult<DataFrame> {
        let on = self.layout.keys();
        rows.join(keys, on, on, JoinArgs::new(how), None)
    }
}
