//! The data files of an offline table: Parquet, without the partition column.
//!
//! It reads and writes single files; which of them a table holds is not its business.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;

use deltalake_core::kernel::Add;
use polars::prelude::*;

use super::integrity::Summed;
use super::layout::PARTITION;
use super::stats;
use crate::platform::private;
use crate::wire::parquet;

/// The rows of a file: all columns, or these alone.
pub(super) fn read(path: &Path, columns: Option<Vec<String>>) -> PolarsResult<DataFrame> {
    ParquetReader::new(File::open(path)?).with_columns(columns).finish()
}

/// Writes the rows of one partition to `path` below `root` and puts them on disk. The action names the file in a
/// commit; its statistics are of these columns. Gives the checksum of the file as well.
pub(super) fn write(
    root: &Path,
    path: &str,
    partition: &str,
    mut rows: DataFrame,
    columns: &[String],
) -> PolarsResult<(Add, u64)> {
    let whole = root.join(path);
    if let Some(folder) = whole.parent().filter(|folder| !folder.is_dir()) {
        std::fs::create_dir_all(folder)?;
        private::settle(folder)?;
    }
    let file = File::create(&whole)?;
    private::settle(&whole)?;
    let mut summed = Summed::new(&file);
    parquet::writer(&mut summed, &rows)?.finish(&mut rows)?;
    let checksum = summed.checksum();
    file.sync_all()?;
    let add = Add {
        path: path.to_owned(),
        partition_values: HashMap::from([(PARTITION.to_owned(), Some(partition.to_owned()))]),
        size: i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX),
        modification_time: chrono::Utc::now().timestamp_millis(),
        data_change: true,
        stats: Some(stats::make(&rows, columns)?),
        ..Add::default()
    };
    Ok((add, checksum))
}

/// The path of a new file of a partition, relative to the table. Other systems cannot have `:` in names, so that Delta
/// escapes it in those of folders.
pub(super) fn new_path(partition: &str) -> String {
    format!("{PARTITION}={}/part-{}.parquet", partition.replace(':', "%3A"), uuid::Uuid::new_v4())
}

/// Whether a file has a name that [`new_path`] gives and no other writer does.
pub(super) fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let unique = name.strip_prefix("part-").and_then(|name| name.strip_suffix(".parquet"));
    unique.is_some_and(|unique| uuid::Uuid::try_parse(unique).is_ok())
}

/// Puts the names of new files on disk, and those of their folders.
pub(super) fn sync_names(root: &Path, paths: &[String]) -> std::io::Result<()> {
    let folders: BTreeSet<&Path> = paths.iter().filter_map(|path| Path::new(path).parent()).collect();
    for folder in &folders {
        sync_folder(&root.join(folder))?;
    }
    if folders.is_empty() { Ok(()) } else { sync_folder(root) }
}

/// Puts a new table on disk: the first entry of its log, and the names of its folders below `dir`.
pub(super) fn sync_table(dir: &Path, root: &Path) -> std::io::Result<()> {
    let log = root.join("_delta_log");
    let first = log.join(format!("{:020}.json", 0));
    // The log's library leaves modes to the umask.
    for folder in [&root.parent().unwrap_or(root), &root, &log.as_path(), &first.as_path()] {
        private::settle(folder)?;
    }
    File::open(first)?.sync_all()?;
    log.ancestors().take_while(|folder| folder.starts_with(dir)).try_for_each(sync_folder)
}

/// Puts what a folder holds on disk: the names, not the files.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
