//! The offline store: one Delta table a view, below `{dir}/{workspace}/{view}` (docs/semantics.md section 10).
//!
//! It stores and reads rows; it must not compute features. Polars reads and writes the data files, which any engine
//! that knows Delta can read too. What others can rely on is in `docs/offline.md`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use deltalake_core::DeltaTable;
use deltalake_core::kernel::{LogicalFileView, StructField};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::state::DeltaTableState;
use polars::prelude::{DataFrame, ParquetReader, PolarsError, PolarsResult, SerReader};

use crate::model::time::{micros, parse_span, print_time};
use crate::model::{Id, Span, Time, Window};
use crate::platform::definition::View;
use crate::platform::frame::StoredRows;

mod commit;
mod deletion;
mod error;
mod files;
mod integrity;
mod layout;
mod stats;
mod upkeep;

pub use error::OfflineError;
pub(crate) use integrity::Summed;
pub use integrity::{Damage, DataFile, Manifest, checksum_of};

use commit::{Fresh, Plan};
use layout::{Layout, PARTITION, SIZE};
use stats::Stats;

/// Files that are written at the same time.
const WRITERS: usize = 2;

/// Who commits: stores stamp what they write with it, so that a repeated attempt replaces what an earlier one wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The job whose attempt commits.
    pub job: Id,
    /// The number of its attempt.
    pub attempt: u32,
}

/// What the replacement of a window's rows wrote.
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
    /// Rows of these keys that the table no longer holds.
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

/// The offline table of one view.
pub struct OfflineTable {
    table: DeltaTable,
    root: PathBuf,
    layout: Layout,
    /// Checksums of the files that this handle committed, by their paths.
    written: HashMap<String, u64>,
}

/// How much of a file's rows a window holds, as far as can be told without opening it.
#[derive(PartialEq, Eq)]
enum Held {
    None,
    Some,
    All,
}

/// When this process first opened a table: no file that it writes is older.
static BEGAN: LazyLock<Time> = LazyLock::new(|| SystemTime::now().into());

impl OfflineTable {
    /// Opens the table of the view, or creates it empty. A table of another definition of the view is an error.
    pub async fn open_or_create(dir: &Path, view: &View) -> Result<Self, OfflineError> {
        LazyLock::force(&BEGAN);
        let root = root(dir, view);
        let layout = Layout::of(view);
        let error = |problem: String| OfflineError::permanent(&root, problem);
        let wanted = layout.fields().map_err(error)?;
        std::fs::create_dir_all(&root).map_err(|e| OfflineError::disk(&root, "its folder cannot be made", e))?;
        let table = CreateBuilder::new()
            .with_location(root.to_string_lossy())
            .with_columns(wanted.clone())
            .with_partition_columns([PARTITION])
            .with_configuration([(SIZE, Some(layout.size()))])
            .with_raise_if_key_not_exists(false)
            .with_save_mode(SaveMode::Ignore)
            .await
            .map_err(|e| OfflineError::log(&root, e))?;
        let state = table.snapshot().map_err(|e| OfflineError::log(&root, e))?;
        check_definition(state, &layout, &wanted).map_err(error)?;
        if table.version() == Some(0) {
            // The log's library leaves it to the system when it is written.
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
            let synced = files::sync_table(&dir, &root);
            synced.map_err(|e| OfflineError::disk(&root, "the new table is not on disk", e))?;
        }
        Ok(Self { table, root, layout, written: HashMap::new() })
    }

    /// Opens the table of the view; nothing when it is not there or nothing was ever committed to it.
    pub async fn open(dir: &Path, view: &View) -> Result<Option<Self>, OfflineError> {
        // Without its first entry nothing was ever kept, and reading must not create it. A checkpoint may stand for it.
        let log = root(dir, view).join("_delta_log");
        if !log.join(format!("{:020}.json", 0)).exists() && !log.join("_last_checkpoint").exists() {
            return Ok(None);
        }
        let table = Self::open_or_create(dir, view).await?;
        // Its creation is the commit 0.
        Ok(table.table.version().is_some_and(|version| version > 0).then_some(table))
    }

    /// Opens whatever table is there, without a view's definition; nothing where there is none. To be looked at alone.
    pub async fn open_any(root: &Path) -> Result<Option<Self>, OfflineError> {
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        if !root.join("_delta_log").is_dir() {
            return Ok(None);
        }
        let url = url::Url::from_directory_path(&root);
        let url = url.map_err(|()| OfflineError::permanent(&root, "its path makes no address"))?;
        let table = deltalake_core::open_table(url).await.map_err(|e| OfflineError::log(&root, e))?;
        let state = table.snapshot().map_err(|e| OfflineError::log(&root, e))?;
        let size = state.metadata().configuration().get(SIZE).and_then(|size| parse_span(size).ok());
        let layout = Layout::of_partitions(size.unwrap_or(Span::days(1)));
        Ok(Some(Self { table, root, layout, written: HashMap::new() }))
    }

    /// How many files and rows there are, by the footer of each file.
    pub fn counted(&self) -> Result<(usize, u64), OfflineError> {
        let (mut files, mut rows) = (0, 0);
        for file in self.files()? {
            let path = self.path(&file);
            let cannot = |problem: String| {
                let fix = "Put it back from a copy, or materialize its window again with overwrite";
                OfflineError::permanent(&self.root, format!("{}: {problem}. {fix}", path.display()))
            };
            let found = rows_of(&path).map_err(cannot)? as u64;
            if Stats::parse(file.stats().as_deref()).rows().is_some_and(|stated| stated.unsigned_abs() != found) {
                return Err(cannot(format!("it has {found} rows, and the log says otherwise")));
            }
            files += 1;
            rows += found;
        }
        Ok((files, rows))
    }

    /// Replaces the rows of `window` in one commit stamped with the job; rows of other windows survive. The same job
    /// replaces what it wrote; an attempt that is older than one that has written is refused. Rows outside the window
    /// are an error.
    pub async fn replace(&mut self, window: Window, rows: DataFrame, stamp: Stamp) -> Result<Written, OfflineError> {
        let fit = |e: PolarsError| OfflineError::frame(&self.root, "the rows do not fit", e);
        let rows = self.layout.conform(rows).map_err(fit)?;
        let outside = self.layout.count_outside(&rows, window).map_err(fit)?;
        if outside > 0 {
            let problem = format!("{outside} rows lie outside the window that is replaced");
            return Err(OfflineError::permanent(&self.root, problem));
        }
        let new = self.write(&rows, true)?;
        let written = Written { rows: rows.height() as u64, bytes: new.bytes() };
        let operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: Some(vec![PARTITION.to_owned()]),
            predicate: None,
        };
        self.commit(operation, Some(stamp), new, |table| table.plan_removal(window).map(Some)).await?;
        Ok(written)
    }

    /// The rows of `window`, or all rows: keys, stored columns, `_anchor_time`. In no particular order.
    pub async fn read(&self, window: Option<Window>) -> Result<DataFrame, OfflineError> {
        match self.read_once(window) {
            // A deletion removes files at once, also those that this version names.
            Err(_) if self.is_outdated(window) => {
                let (table, root, layout) = (self.table.clone(), self.root.clone(), self.layout.clone());
                let mut newest = Self { table, root, layout, written: HashMap::new() };
                newest.refresh().await?;
                newest.read_once(window)
            }
            read => read,
        }
    }

    /// The rows of the files that can hold rows of `window` (all files without one): keys, stored columns,
    /// `_anchor_time`, in no particular order. Files are opened by whoever reads the rows; one of another type is an
    /// error then.
    pub fn scan(&self, window: Option<Window>) -> Result<StoredRows, OfflineError> {
        let files = self.files_of(window)?.iter().map(|file| self.path(file)).collect();
        Ok(StoredRows { files, frame: self.empty()? })
    }

    /// Whether a file that reads of `window` open is not there any more, so that opening the table again helps.
    pub fn is_outdated(&self, window: Option<Window>) -> bool {
        self.files_of(window).is_ok_and(|files| files.iter().any(|file| !self.path(file).exists()))
    }

    fn read_once(&self, window: Option<Window>) -> Result<DataFrame, OfflineError> {
        let mut all = self.empty()?;
        for file in self.files_of(window)? {
            let rows = self.read_file(&file)?;
            let rows = window.map_or(Ok(rows.clone()), |window| self.layout.inside(&rows, window));
            all = rows.and_then(|rows| all.vstack(&rows)).map_err(|e| self.unreadable(&file, e))?;
        }
        Ok(all)
    }

    fn empty(&self) -> Result<DataFrame, OfflineError> {
        self.layout.empty().map_err(|e| OfflineError::frame(&self.root, "it cannot be read", e))
    }

    /// The files of this version.
    fn files(&self) -> Result<Vec<LogicalFileView>, OfflineError> {
        let state = self.table.snapshot().map_err(|e| OfflineError::log(&self.root, e))?;
        let files: Vec<LogicalFileView> = state.log_data().iter().collect();
        if files.iter().any(|file| file.deletion_vector_descriptor().is_some()) {
            let problem = "another program deleted rows by deletion vectors, which are not read here. Have that program rewrite \
                           the table without them (REORG TABLE ... APPLY (PURGE)) and turn delta.enableDeletionVectors off";
            return Err(OfflineError::permanent(&self.root, problem));
        }
        Ok(files)
    }

    /// The files that can hold rows of the window.
    fn files_of(&self, window: Option<Window>) -> Result<Vec<LogicalFileView>, OfflineError> {
        let held = |file: &LogicalFileView| window.is_none_or(|window| self.held(file, window) != Held::None);
        Ok(self.files()?.into_iter().filter(held).collect())
    }

    /// What a window holds of a file: by its partition, then by its statistics. One that tells neither may hold
    /// anything.
    fn held(&self, file: &LogicalFileView, window: Window) -> Held {
        let partition = self.partition(file);
        if partition.is_some_and(|times| !times.overlaps(&window)) {
            return Held::None;
        }
        if partition.is_some_and(|times| window.start <= times.start && times.end <= window.end) {
            return Held::All;
        }
        let (start, end) = (micros(window.start), micros(window.end));
        match self.layout.range(&Stats::parse(file.stats().as_deref())) {
            Some((least, greatest)) if greatest < start || end <= least => Held::None,
            Some((least, greatest)) if start <= least && greatest < end => Held::All,
            _ => Held::Some,
        }
    }

    fn partition(&self, file: &LogicalFileView) -> Option<Window> {
        self.layout.partition_window(&file.partition_values_map().remove(PARTITION).flatten()?)
    }

    fn path(&self, file: &LogicalFileView) -> PathBuf {
        self.root.join(file.path().as_ref())
    }

    fn columns_of(&self, file: &LogicalFileView, columns: Option<&[String]>) -> PolarsResult<DataFrame> {
        files::read(&self.path(file), columns.map(<[String]>::to_vec))
    }

    fn read_file(&self, file: &LogicalFileView) -> Result<DataFrame, OfflineError> {
        let rows = self.columns_of(file, None).and_then(|rows| self.layout.conform(rows));
        rows.map_err(|e| self.unreadable(file, e))
    }

    fn unreadable(&self, file: &LogicalFileView, cause: PolarsError) -> OfflineError {
        let what = format!("file {} cannot be read", self.path(file).display());
        let lasting = error::is_missing(&cause) || !matches!(cause, PolarsError::IO { .. });
        match self.partition(file).filter(|_| lasting) {
            // What is replaced whole is not opened.
            Some(Window { start, end }) => {
                let (start, end) = (print_time(start), print_time(end));
                let fix = format!("Bring it back from a copy, or materialize {start} to {end} again with overwrite");
                OfflineError::permanent(&self.root, format!("{what}: {cause}. {fix}")).caused_by(cause)
            }
            None => OfflineError::disk(&self.root, &what, cause),
        }
    }

    /// What removes the rows of the window: files wholly inside go, files partly inside are written again without its
    /// rows.
    fn plan_removal(&self, window: Window) -> Result<Plan, OfflineError> {
        let mut plan = Plan::new(&self.root);
        for file in self.files()? {
            let kept = match self.held(&file, window) {
                Held::None => continue,
                Held::All => self.empty()?,
                Held::Some => {
                    let old = self.read_file(&file)?;
                    let kept = self.layout.outside(&old, window).map_err(|e| self.unreadable(&file, e))?;
                    if kept.height() == old.height() {
                        continue;
                    }
                    kept
                }
            };
            plan.removes.push(file.remove_action(true));
            plan.fresh.absorb(self.write(&kept, true)?);
        }
        Ok(plan)
    }

    /// Writes rows, a file a partition, each on disk before it is named in a commit. Two at a time, for one waits for
    /// the disk while the other is packed.
    fn write(&self, rows: &DataFrame, data_change: bool) -> Result<Fresh, OfflineError> {
        let split = self.layout.by_partition(rows);
        let parts = split.map_err(|e| OfflineError::frame(&self.root, "the rows do not fit", e))?;
        let paths: Vec<String> = parts.iter().map(|(value, _)| files::new_path(value)).collect();
        let mut fresh = Fresh::new(&self.root, paths.clone());
        let measured = self.layout.measured();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let take = || {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            parts.get(at).zip(paths.get(at))
        };
        let write = || {
            let mut written = Vec::new();
            while let Some(((value, part), path)) = take() {
                let add = files::write(&self.root, path, value, part.clone(), &measured);
                written.push(add.map_err(|e| OfflineError::disk(&self.root, &format!("{path} cannot be written"), e))?);
            }
            Ok(written)
        };
        let written: Result<Vec<_>, OfflineError> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..WRITERS.min(parts.len())).map(|_| scope.spawn(write)).collect();
            let stopped = |_| OfflineError::passing(&self.root, "a writer stopped with a fault. Try again");
            threads.into_iter().map(|thread| thread.join().map_err(stopped)?).collect()
        });
        for (add, checksum) in written?.into_iter().flatten() {
            fresh.checksums.insert(add.path.clone(), checksum);
            fresh.adds.push(add);
        }
        fresh.adds.iter_mut().for_each(|add| add.data_change = data_change);
        let synced = files::sync_names(&self.root, &paths);
        synced.map_err(|e| OfflineError::disk(&self.root, "its folders are not on disk", e))?;
        Ok(fresh)
    }
}

/// Whether the table is that of the view's definition, maybe of an earlier version of this program; the error says what
/// to do when it is not.
fn check_definition(state: &DeltaTableState, layout: &Layout, wanted: &[StructField]) -> Result<(), String> {
    let found = state.schema();
    let is = |wanted: &[StructField]| {
        let found = found.fields().map(|field| (field.name(), field.data_type()));
        found.eq(wanted.iter().map(|field| (field.name(), field.data_type())))
    };
    if !is(wanted) && !is(&wanted[..wanted.len() - layout.unshown()]) {
        let problem = "holds columns of another definition of the view. Restore that definition, rename the view, or move \
                       the table away";
        return Err(problem.to_owned());
    }
    let size = state.metadata().configuration().get(SIZE).map_or("1d", String::as_str);
    if size != layout.size() {
        return Err(format!(
            "has partitions of {size}, and the view wants {}. Write offline_partition = \"{size}\" in its definition, or \
             move the table away and materialize again",
            layout.size()
        ));
    }
    Ok(())
}

/// The folder of the view's table.
fn root(dir: &Path, view: &View) -> PathBuf {
    let root = dir.join(&view.workspace).join(&view.name);
    std::path::absolute(&root).unwrap_or(root)
}

/// The rows of a data file, by its footer.
fn rows_of(path: &Path) -> Result<usize, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    ParquetReader::new(file).num_rows().map_err(|error| error.to_string())
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod races;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
