//! The offline store: one Delta table a view, below `{dir}/{workspace}/{view}` (semantics.md section 10).
//!
//! It stores and reads rows; it must not compute features. Polars reads and writes the data files, which any engine that
//! knows Delta can read too.

use std::path::{Path, PathBuf};

use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, LogicalFileView, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use polars::prelude::{DataFrame, LazyFrame};
use thiserror::Error;

use crate::model::{Id, Time, Window};
use crate::platform::registry::definition::View;

mod files;
mod layout;

use layout::{Layout, PARTITION};

/// How often a commit is planned anew when somebody else committed in between.
const MAX_PLANS: usize = 20;

/// Files that are written at the same time.
const WRITERS: usize = 2;

/// Who commits: stores stamp what they write with it, so that a repeated attempt replaces what an earlier one wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The job.
    pub job: Id,
    /// The number of its attempt.
    pub attempt: u32,
}

/// What a replace wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that the window now holds.
    pub rows: u64,
    /// Bytes of the new files.
    pub bytes: u64,
}

/// What a deletion of keys did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Rows that are gone.
    pub rows: u64,
    /// Files that were written again without them, or dropped.
    pub files: u64,
}

/// What the upkeep of a table did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Small files that were joined into larger ones.
    pub compacted: u64,
    /// Files that no reader needs any more and that were removed from the disk.
    pub vacuumed: u64,
}

/// Why the offline store failed.
#[derive(Debug, Error)]
pub enum OfflineError {
    /// The table or a file of it cannot be read or written.
    #[error("offline table {table}: {problem}")]
    Table {
        /// Path of the table.
        table: String,
        /// What happened, and what to do next.
        problem: String,
    },
}

/// The offline table of one view.
pub struct OfflineTable {
    table: DeltaTable,
    root: PathBuf,
    layout: Layout,
}

impl OfflineTable {
    /// Opens the table of the view, or creates it empty. A table of another definition of the view is an error.
    pub async fn open_or_create(dir: &Path, view: &View) -> Result<Self, OfflineError> {
        let root = dir.join(&view.workspace).join(&view.name);
        let root = std::path::absolute(&root).unwrap_or(root);
        let layout = Layout::of(view);
        let error = |problem: String| OfflineError::Table { table: root.display().to_string(), problem };
        std::fs::create_dir_all(&root).map_err(|e| error(format!("cannot be made: {e}. Check the folder")))?;
        let wanted = layout.fields().map_err(error)?;
        let table = CreateBuilder::new()
            .with_location(root.to_string_lossy())
            .with_columns(wanted.clone())
            .with_partition_columns([PARTITION])
            .with_save_mode(SaveMode::Ignore)
            .await
            .map_err(|e| error(format!("cannot be opened: {e}. Check the folder and its _delta_log")))?;
        let found = table.snapshot().map_err(|e| error(e.to_string()))?.schema();
        let same = found.fields().map(|field| (field.name(), field.data_type()));
        if !same.eq(wanted.iter().map(|field| (field.name(), field.data_type()))) {
            let problem = "holds columns of another definition of the view. Restore that definition, rename the view, or \
                           move the table away";
            return Err(error(problem.to_owned()));
        }
        Ok(Self { table, root, layout })
    }

    /// Opens the table of the view; nothing when it is not there or nothing was ever committed to it.
    pub async fn open(dir: &Path, view: &View) -> Result<Option<Self>, OfflineError> {
        if !dir.join(&view.workspace).join(&view.name).join("_delta_log").is_dir() {
            return Ok(None);
        }
        let table = Self::open_or_create(dir, view).await?;
        // Its creation is the commit 0.
        Ok(table.table.version().is_some_and(|version| version > 0).then_some(table))
    }

    /// Replaces the rows of `window` in one commit stamped with the job; rows of other windows survive. A job that the
    /// table knows already writes nothing. Rows outside the window are an error.
    pub async fn replace(&mut self, window: Window, rows: DataFrame, stamp: Stamp) -> Result<Written, OfflineError> {
        let stamp = format!("fvtop-job-{}", stamp.job);
        let rows = self.layout.conform(rows).map_err(|e| self.error(format!("the rows do not fit: {e}")))?;
        let outside = self.layout.count_outside(&rows, window).map_err(|e| self.error(e.to_string()))?;
        if outside > 0 {
            return Err(self.error(format!("{outside} rows lie outside the window that is replaced")));
        }
        for _ in 0..MAX_PLANS {
            self.table.update_state().await.map_err(|e| self.error(e.to_string()))?;
            if self.is_stamped(&stamp).await? {
                return Ok(Written::default());
            }
            let version = self.table.version();
            let (actions, new_files) = self.plan(window, &rows)?;
            match self.commit(actions, &stamp).await {
                Ok(()) => return Ok(Written { rows: rows.height() as u64, bytes: 0 }),
                Err(problem) => {
                    files::remove(&self.root, &new_files);
                    self.table.update_state().await.map_err(|e| self.error(e.to_string()))?;
                    // Nobody else committed: planning again would fail in the same way.
                    if self.table.version() == version {
                        return Err(self.error(format!("cannot be committed: {problem}. Check the disk")));
                    }
                }
            }
        }
        Err(self.error(format!("others committed {MAX_PLANS} times in between. Try again")))
    }

    /// Removes the rows of these keys (a frame of the view's join key columns, distinct, of their types) in one commit, and the
    /// files that held them from the disk. A null key matches nothing (semantics.md section 11).
    pub async fn delete(&mut self, _keys: &DataFrame, _stamp: Stamp) -> Result<Deleted, OfflineError> {
        Err(self.error("deleting is not there yet".to_owned()))
    }

    /// Keeps the table small and quick: joins small files of the partitions that `window` touches, and removes from the disk
    /// what no reader needs any more.
    pub async fn maintain(&mut self, _window: Window, _now: Time) -> Result<Maintained, OfflineError> {
        Ok(Maintained::default())
    }

    /// The rows of `window`, or all rows: keys, stored columns, `_anchor_time`. In no particular order.
    pub async fn read(&self, window: Option<Window>) -> Result<DataFrame, OfflineError> {
        let mut all = self.layout.empty().map_err(|e| self.error(e.to_string()))?;
        for file in self.files()? {
            if window.is_none_or(|window| self.touches(&file, window)) {
                let rows = self.read_file(&file)?;
                let rows = window.map_or(Ok(rows.clone()), |window| self.layout.inside(&rows, window));
                all = rows.and_then(|rows| all.vstack(&rows)).map_err(|e| self.error(e.to_string()))?;
            }
        }
        Ok(all)
    }

    /// The rows of the files that can hold rows of `window` (all files without one), as a plan: keys, stored columns,
    /// `_anchor_time`, in no particular order. Files are opened when the plan runs; one of another type is an error then.
    pub fn scan(&self, window: Option<Window>) -> Result<LazyFrame, OfflineError> {
        let files = self.files()?.into_iter().filter(|file| window.is_none_or(|window| self.touches(file, window)));
        let paths: Vec<PathBuf> = files.map(|file| self.root.join(file.object_store_path().as_ref())).collect();
        let empty = self.layout.empty().map_err(|e| self.error(e.to_string()))?;
        files::scan(&paths, empty).map_err(|e| self.error(e.to_string()))
    }

    fn error(&self, problem: String) -> OfflineError {
        OfflineError::Table { table: self.root.display().to_string(), problem }
    }

    async fn is_stamped(&self, stamp: &str) -> Result<bool, OfflineError> {
        let state = self.table.snapshot().map_err(|e| self.error(e.to_string()))?;
        let version = state.transaction_version(self.table.log_store().as_ref(), stamp).await;
        Ok(version.map_err(|e| self.error(e.to_string()))?.is_some())
    }

    fn files(&self) -> Result<Vec<LogicalFileView>, OfflineError> {
        let state = self.table.snapshot().map_err(|e| self.error(e.to_string()))?;
        Ok(state.log_data().iter().collect())
    }

    /// Whether a file's partition overlaps the window; a file without a readable partition always does.
    fn touches(&self, file: &LogicalFileView, window: Window) -> bool {
        let day = file.partition_values_map().remove(PARTITION).flatten();
        day.and_then(|day| layout::day_window(&day)).is_none_or(|day| day.overlaps(&window))
    }

    fn read_file(&self, file: &LogicalFileView) -> Result<DataFrame, OfflineError> {
        let path = self.root.join(file.object_store_path().as_ref());
        let rows = files::read(&path).and_then(|rows| self.layout.conform(rows));
        rows.map_err(|e| {
            let fix = "Materialize its windows again with overwrite";
            self.error(format!("file {} cannot be read: {e}. {fix}", path.display()))
        })
    }

    /// The actions that replace the window, and the paths of the files that were written for them: files wholly inside go,
    /// files partly inside are written again without its rows.
    fn plan(&self, window: Window, rows: &DataFrame) -> Result<(Vec<Action>, Vec<String>), OfflineError> {
        let mut actions = Vec::new();
        let mut written = self.write(rows)?;
        for file in self.files()?.iter().filter(|file| self.touches(file, window)) {
            let old = self.read_file(file)?;
            let kept = self.layout.outside(&old, window).map_err(|e| self.error(e.to_string()))?;
            if kept.height() < old.height() {
                actions.push(Action::Remove(file.remove_action(true)));
                written.extend(self.write(&kept)?);
            }
        }
        let paths = written.iter().map(|add| add.path.clone()).collect();
        actions.extend(written.into_iter().map(Action::Add));
        Ok((actions, paths))
    }

    /// Writes rows, a file a day, each on disk before it is named in a commit. Two days at a time, for one waits for the disk
    /// while the other is packed.
    fn write(&self, rows: &DataFrame) -> Result<Vec<deltalake_core::kernel::Add>, OfflineError> {
        let days = self.layout.by_day(rows).map_err(|e| self.error(e.to_string()))?;
        let next = std::sync::atomic::AtomicUsize::new(0);
        let write = || {
            let mut written = Vec::new();
            while let Some((day, part)) = days.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                let add = files::write(&self.root, day, part.clone(), self.layout.time_column())
                    .map_err(|e| self.error(format!("a file of {day} cannot be written: {e}. Check the disk")))?;
                written.push(add);
            }
            Ok(written)
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..WRITERS.min(days.len())).map(|_| scope.spawn(write)).collect();
            let mut all = Vec::with_capacity(days.len());
            for thread in threads {
                let written = thread.join().map_err(|_| self.error("a writer stopped with a fault".to_owned()))?;
                all.extend(written?);
            }
            Ok(all)
        })
    }

    async fn commit(&mut self, actions: Vec<Action>, stamp: &str) -> Result<(), String> {
        let operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: Some(vec![PARTITION.to_owned()]),
            predicate: None,
        };
        // The built-in retry loop may lose an overwrite: one try, and a new plan where somebody else was faster.
        let properties =
            CommitProperties::default().with_max_retries(0).with_application_transaction(Transaction::new(stamp, 1));
        let state = self.table.snapshot().map_err(|e| e.to_string())?;
        let commit =
            CommitBuilder::from(properties).with_actions(actions).build(Some(state), self.table.log_store(), operation);
        let done = commit.await.map_err(|e| e.to_string())?;
        files::sync_commit(&self.root, done.version()).map_err(|e| e.to_string())?;
        self.table.update_state().await.map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests;
