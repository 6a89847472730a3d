//! The data files of an offline table: Parquet, without the partition column.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use deltalake_core::kernel::Add;
use polars::io::HiveOptions;
use polars::prelude::*;

use super::layout::PARTITION;

/// The rows of a file.
pub fn read(path: &Path) -> PolarsResult<DataFrame> {
    ParquetReader::new(File::open(path)?).finish()
}

/// A plan over files of the columns and types of `empty`; it reads nothing yet.
pub fn scan(paths: &[PathBuf], empty: DataFrame) -> PolarsResult<LazyFrame> {
    if paths.is_empty() {
        return Ok(empty.lazy());
    }
    let paths = paths.iter().map(|path| PlRefPath::try_from_path(path)).collect::<PolarsResult<Vec<_>>>()?;
    let args = ScanArgsParquet {
        // The partition column is in the paths alone, and no part of the layout.
        hive_options: HiveOptions::new_disabled(),
        schema: Some(empty.schema().clone()),
        glob: false,
        cache: false,
        ..ScanArgsParquet::default()
    };
    LazyFrame::scan_parquet_files(paths.into_iter().collect(), args)
}

/// Writes the rows of one day below `root` and puts them on disk. The action names them in a commit.
pub fn write(root: &Path, day: &str, mut rows: DataFrame, time: &str) -> PolarsResult<Add> {
    let folder = format!("{PARTITION}={day}");
    let path = format!("{folder}/part-{}.parquet", uuid::Uuid::new_v4());
    std::fs::create_dir_all(root.join(&folder))?;
    let file = File::create(root.join(&path))?;
    ParquetWriter::new(&file).with_compression(ParquetCompression::Zstd(None)).finish(&mut rows)?;
    file.sync_all()?;
    Ok(Add {
        path,
        partition_values: HashMap::from([(PARTITION.to_owned(), Some(day.to_owned()))]),
        size: i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX),
        modification_time: chrono::Utc::now().timestamp_millis(),
        data_change: true,
        stats: Some(stats(&rows, time)?),
        ..Add::default()
    })
}

/// Delta's statistics: the number of rows, and the range of the tile starts where that is the time of the rows.
fn stats(rows: &DataFrame, time: &str) -> PolarsResult<String> {
    let starts = rows.column(time)?;
    let starts = if starts.dtype() == &DataType::Int64 { Some(starts.i64()?) } else { None };
    let range = starts.and_then(|starts| starts.min().zip(starts.max()));
    let mut stats = serde_json::json!({ "numRecords": rows.height() });
    if let Some((least, most)) = range {
        stats["minValues"] = serde_json::json!({ time: least });
        stats["maxValues"] = serde_json::json!({ time: most });
        stats["nullCount"] = serde_json::json!({ time: 0 });
    }
    Ok(stats.to_string())
}

/// Removes files that no commit names. What stays behind is harmless, so errors are passed over.
pub fn remove(root: &Path, paths: &[String]) {
    for path in paths {
        let _ = std::fs::remove_file(root.join(path));
    }
}

/// Puts a commit on disk, so that it is there after a power cut too.
pub fn sync_commit(root: &Path, version: u64) -> std::io::Result<()> {
    let log = root.join("_delta_log");
    File::open(log.join(format!("{version:020}.json")))?.sync_all()?;
    File::open(log)?.sync_all()
}
