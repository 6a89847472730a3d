//! The upkeep of an offline table, by this rule:
//!
//! - A partition with at least 12 files smaller than 8 MB has them joined, sorted by time, into files of up to 32 MB,
//!   in a commit that changes no rows.
//! - At most once an hour files leave the disk that no reader needs: those that a commit dropped at least 7 days ago,
//!   and those that no version names (of a killed attempt) and that are at least a day old. Entries of the log that a
//!   checkpoint sums up go after 30 days.
//!
//! Reads that run meanwhile are safe through these ages. Only a deletion of keys does not wait: it takes every dropped
//! file, unnamed ones of ours that an earlier process left behind (one process has the data directory, so nobody will
//! name them), and those of others after an hour, longer than any attempt takes between its first file and its commit.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use deltalake_core::kernel::LogicalFileView;
use deltalake_core::protocol::DeltaOperation;
use deltalake_core::protocol::checkpoints::cleanup_metadata;
use futures::TryStreamExt;

use super::commit::{Fresh, Plan};
use super::layout::PARTITION;
use super::{Maintained, OfflineError, OfflineTable, files};
use crate::model::time::{parse_time, print_time};
use crate::model::{Span, Time, Window};
use crate::platform::private;

/// A file below so many bytes is small.
const SMALL: i64 = 8 << 20;
/// So many small files of one partition are joined.
const MANY: usize = 12;
/// Bytes of the files that are joined into one.
const JOINED: i64 = 32 << 20;
/// How long a dropped file stays for readers of older versions.
const DROPPED: Span = Span::days(7);
/// How long an unnamed file stays, for it may be about to be named.
const UNNAMED: Span = Span::days(1);
/// The same, when keys are deleted.
const UNNAMED_DELETED: Span = Span::hours(1);
/// By how much the clock of a file system may lag behind the machine's.
const LAG: Span = Span::milliseconds(20);
/// How long the disk is left alone.
const BETWEEN: Span = Span::hours(1);
/// Where the instant of the last removal is kept. Readers of Delta pass over names that begin so.
const MARK: &str = "_vacuumed";

impl OfflineTable {
    /// Keeps the table small and quick: joins small files of the partitions that `window` touches, and removes from the
    /// disk what no reader needs any more.
    pub async fn maintain(&mut self, window: Window, now: Time) -> Result<Maintained, OfflineError> {
        let operation = DeltaOperation::Optimize { predicate: None, target_size: JOINED };
        let standing = Fresh::new(&self.root, Vec::new());
        let joined = self.commit(operation, None, standing, |table| table.plan_joining(window)).await?;
        let compacted = joined.map_or(0, |plan| plan.removes.len() as u64);
        let mark = self.root.join(MARK);
        let last = std::fs::read_to_string(&mark).ok().and_then(|text| parse_time(&text).ok());
        // A mark in the future is one of a clock that was set back.
        if last.is_some_and(|last| last <= now && now < last + BETWEEN) {
            return Ok(Maintained { compacted, vacuumed: 0 });
        }
        let vacuumed = self.remove_unneeded(now - DROPPED, now - UNNAMED, now - UNNAMED).await?;
        cleanup_metadata(&self.table, None).await.map_err(|e| OfflineError::log(&self.root, e))?;
        let marked = std::fs::write(&mark, print_time(now)).and_then(|()| private::settle(&mark));
        marked.map_err(|e| OfflineError::disk(&self.root, &format!("{} cannot be written", mark.display()), e))?;
        Ok(Maintained { compacted, vacuumed })
    }

    /// Removes what a deletion must not leave on the disk.
    pub(super) async fn purge(&mut self) -> Result<u64, OfflineError> {
        let now = Time::from(SystemTime::now());
        self.remove_unneeded(Time::MAX_UTC, now - UNNAMED_DELETED, *super::BEGAN - LAG).await
    }

    fn plan_joining(&self, window: Window) -> Result<Option<Plan>, OfflineError> {
        let mut small: BTreeMap<String, Vec<LogicalFileView>> = BTreeMap::new();
        for file in self.files()?.into_iter().filter(|file| file.size() < SMALL) {
            let Some(value) = file.partition_values_map().remove(PARTITION).flatten() else { continue };
            if self.layout.partition_window(&value).is_some_and(|times| times.overlaps(&window)) {
                small.entry(value).or_default().push(file);
            }
        }
        let mut plan = Plan::new(&self.root);
        for group in small.into_values().filter(|files| files.len() >= MANY).flat_map(groups) {
            let mut all = self.empty()?;
            for file in &group {
                let rows = self.read_file(file)?;
                all = all.vstack(&rows).map_err(|e| self.unreadable(file, e))?;
                plan.removes.push(file.remove_action(false));
            }
            plan.fresh.absorb(self.write(&all, false)?);
        }
        Ok(Some(plan).filter(|plan| !plan.removes.is_empty()))
    }

    /// Removes files that were dropped, or are unnamed and unchanged, since before these instants; of ours, also
    /// unnamed ones unchanged since before `left_behind`. Returns how many.
    async fn remove_unneeded(&mut self, dropped: Time, unnamed: Time, left_behind: Time) -> Result<u64, OfflineError> {
        // What lies there is listed before the log is read: a file that is named in between is never taken for unnamed.
        let mut found = Vec::new();
        list(&self.root, &mut found).map_err(|e| OfflineError::disk(&self.root, "its files cannot be listed", e))?;
        self.refresh().await?;
        let live: HashSet<PathBuf> = self.files()?.iter().map(|file| self.path(file)).collect();
        let log = |e| OfflineError::log(&self.root, e);
        let store = self.table.log_store();
        let tombstones = self.table.snapshot().map_err(log)?.all_tombstones(store.as_ref());
        let tombstones: HashMap<PathBuf, Option<i64>> = tombstones
            .map_ok(|gone| (self.root.join(gone.path().as_ref()), gone.deletion_timestamp()))
            .try_collect()
            .await
            .map_err(log)?;
        let unneeded = |(path, changed): &(PathBuf, Time)| match tombstones.get(path) {
            _ if live.contains(path) => false,
            Some(at) => at.unwrap_or_default() < dropped.timestamp_millis(),
            None => *changed < unnamed || (*changed < left_behind && files::is_ours(path)),
        };
        let mut removed = 0;
        let mut folders = HashSet::new();
        for (path, _) in found.iter().filter(|found| unneeded(found)) {
            match std::fs::remove_file(path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(OfflineError::disk(&self.root, &format!("{} cannot be removed", path.display()), e));
                }
                _ => removed += 1,
            }
            folders.extend(path.parent());
        }
        for folder in folders {
            let synced = files::sync_folder(folder);
            synced.map_err(|e| OfflineError::disk(&self.root, &format!("{} is not on disk", folder.display()), e))?;
        }
        Ok(removed)
    }
}

/// The files of a partition in groups whose joined size is bounded, none of one file.
fn groups(files: Vec<LogicalFileView>) -> Vec<Vec<LogicalFileView>> {
    let mut groups: Vec<Vec<LogicalFileView>> = Vec::new();
    let mut size = i64::MAX;
    for file in files {
        if size.saturating_add(file.size()) > JOINED {
            groups.push(Vec::new());
            size = 0;
        }
        size += file.size();
        groups.last_mut().into_iter().for_each(|group| group.push(file.clone()));
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// The data files below a folder and when they were last changed, and commits of the log that were given up.
fn list(folder: &Path, found: &mut Vec<(PathBuf, Time)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type()?.is_dir();
        let given_up = name.starts_with("_commit_") && name.ends_with(".json.tmp");
        let data = name.ends_with(".parquet") && !name.starts_with(['_', '.']) && !folder.ends_with("_delta_log");
        if is_folder && (name == "_delta_log" || !name.starts_with(['_', '.'])) {
            list(&entry.path(), found)?;
        } else if !is_folder && (data || given_up) {
            // It may be gone between the two calls.
            if let Ok(changed) = entry.metadata().and_then(|about| about.modified()) {
                found.push((entry.path(), Time::from(changed)));
            }
        }
    }
    Ok(())
}
