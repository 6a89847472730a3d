//! What the tests of this room share: a view whose rows are easy to make, and what lies on the disk.

use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

use crate::model::time::{from_micros, micros, parse_time};
use crate::model::{DataType, Id, Span, Time, Value, Window};
use crate::platform::definition::{Kind, View};
use crate::platform::engine::polars_engine::stored;
use crate::platform::offline::{OfflineTable, Stamp};
use crate::platform::{frame, testing};

/// One stored row: two join keys, the timestamp in microseconds since `base`, a feature.
pub(super) type Row = (Option<String>, Option<i64>, i64, i64);

/// The midnight that times count from.
pub(super) fn base() -> Time {
    parse_time("2026-11-20").unwrap()
}

/// So many hours after it.
pub(super) fn hours(from: i64, to: i64) -> Window {
    Window { start: base() + Span::hours(from), end: base() + Span::hours(to) }
}

/// The rows of a scan, as the engine reads them.
pub(super) fn scanned(table: &OfflineTable, window: Option<Window>) -> DataFrame {
    stored::scan(&table.scan(window).unwrap()).unwrap().collect().unwrap()
}

/// The first attempt of a job.
pub(super) fn stamp(job: u128) -> Stamp {
    Stamp { job: Id(job), attempt: 1 }
}

/// A view of the latest rows, in partitions of that size.
pub(super) fn view(partition: Span) -> View {
    let mut view = testing::view("latest");
    view.join_keys = vec![("k".to_owned(), DataType::String), ("n".to_owned(), DataType::Int64)];
    view.kind = Kind::Temporal { ttl: None, features: vec![("x".to_owned(), DataType::Int64)] };
    view.offline_partition = partition;
    view
}

/// The rows as a job makes them.
pub(super) fn frame(rows: &[Row]) -> DataFrame {
    let column = |name: &str, word: DataType, of: &dyn Fn(&Row) -> Value| {
        frame::column(name, &word, &rows.iter().map(of).collect::<Vec<_>>()).unwrap()
    };
    let at = |row: &Row| from_micros(micros(base()) + row.2);
    let columns = vec![
        column("k", DataType::String, &|row| row.0.clone().map_or(Value::Null, Value::Text)),
        column("n", DataType::Int64, &|row| row.1.map_or(Value::Null, Value::Int)),
        column("timestamp", DataType::Timestamp, &|row| Value::Time(at(row))),
        column("x", DataType::Int64, &|row| Value::Int(row.3)),
        column("_anchor_time", DataType::Int64, &|row| Value::Int(micros(at(row)) * 1_000)),
    ];
    DataFrame::new(rows.len(), columns).unwrap()
}

/// The same keys as a deletion names them.
pub(super) fn keys(keys: &[(Option<&str>, Option<i64>)]) -> DataFrame {
    let rows: Vec<Row> = keys.iter().map(|(k, n)| (k.map(str::to_owned), *n, 0, 0)).collect();
    frame(&rows).select(["k", "n"]).unwrap()
}

/// The rows of a frame, sorted.
pub(super) fn rows(frame: &DataFrame) -> Vec<Row> {
    let row = |cells: Vec<Value>| match cells.as_slice() {
        [k, n, Value::Time(at), Value::Int(x)] => (
            if let Value::Text(k) = k { Some(k.clone()) } else { None },
            if let Value::Int(n) = n { Some(*n) } else { None },
            micros(*at) - micros(base()),
            *x,
        ),
        other => panic!("{other:?}"),
    };
    let mut rows: Vec<Row> = frame::rows(frame, &["k", "n", "timestamp", "x"]).unwrap().into_iter().map(row).collect();
    rows.sort();
    rows
}

/// A row of a key at an hour.
pub(super) fn row(key: &str, n: i64, hour: i64, x: i64) -> Row {
    (Some(key.to_owned()), Some(n), hour * 3_600_000_000 + 1, x)
}

/// The data files below a folder, sorted.
pub(super) fn data_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("_delta_log") {
            found.extend(data_files(&path));
        } else if path.extension().is_some_and(|end| end == "parquet") {
            found.push(path);
        }
    }
    found.sort();
    found
}
