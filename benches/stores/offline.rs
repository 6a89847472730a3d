//! Rows materialized per second: a window of tiles into an offline table, and the same partitions written by bare
//! Polars with the same compression, each file put on disk.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fvtop::model::time::parse_time;
use fvtop::model::{Id, Span, Window};
use fvtop::platform::definition::View;
use fvtop::platform::offline::{OfflineTable, Stamp};
use fvtop::platform::registry;
use polars::prelude::*;

/// Runs of each side.
const ROUNDS: usize = 3;
/// Ours may take so many times what Polars takes.
const BOUND: f64 = 2.0;
/// Distinct keys.
const KEYS: i64 = 121_290;
const DAY: i64 = 86_400_000_000_000;

/// Rows, and days that they are spread over evenly.
const CASES: [(i64, i64); 2] = [(1_000_000, 10), (10_000_000, 25)];

/// Measures and prints; whether the bound is met.
pub(crate) fn bench() -> bool {
    let dir = &Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-offline");
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).unwrap();
    println!("{:<12} {:>10} {:>8} {:>14} {:>6} {:>6}", "rows", "Polars s", "ours s", "ours rows/s", "ratio", "bound");
    let view = view(dir);
    let mut met = true;
    for (rows, days) in CASES {
        let tiles = tiles(rows, days);
        let (mut plain, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(timed(&dir.join("plain"), |dir| write(dir, &tiles, days)));
            ours.push(timed(&dir.join("ours"), |dir| replace(dir, &view, &tiles, days)));
        }
        let (plain, ours) = (crate::median(plain), crate::median(ours));
        let ratio = ours / plain;
        met &= ratio <= BOUND;
        let rate = rows as f64 / ours;
        println!("{rows:<12} {plain:>10.2} {ours:>8.2} {rate:>14.0} {ratio:>6.2} {BOUND:>6.2}");
    }
    met
}

/// Seconds that the work takes in an empty folder.
fn timed(dir: &Path, work: impl Fn(&Path)) -> f64 {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).unwrap();
    let begun = Instant::now();
    work(dir);
    begun.elapsed().as_secs_f64()
}

/// Polars, a file a day.
fn write(dir: &Path, tiles: &DataFrame, days: i64) {
    let each = tiles.height() / days as usize;
    for day in 0..days {
        let mut part = tiles.slice(day * each as i64, each);
        let file = File::create(dir.join(format!("{day}.parquet"))).unwrap();
        ParquetWriter::new(&file).with_compression(ParquetCompression::Zstd(None)).finish(&mut part).unwrap();
        file.sync_all().unwrap();
    }
}

/// A job's window into a new table.
fn replace(dir: &Path, view: &View, tiles: &DataFrame, days: i64) {
    let start = parse_time("2026-01-01").unwrap();
    let window = Window { start, end: start + Span::days(days) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut table = OfflineTable::open_or_create(dir, view).await.unwrap();
        let written = table.replace(window, tiles.clone(), Stamp { job: Id(1), attempt: 1 }).await.unwrap();
        assert_eq!(written.rows, tiles.height() as u64);
    });
}

/// Hourly tiles, sorted by time.
fn tiles(rows: i64, days: i64) -> DataFrame {
    let start = parse_time("2026-01-01").unwrap().timestamp_micros() * 1_000;
    let each = rows / days;
    let hour = |i: i64| i % each * 24 / each;
    let keys: Vec<String> = (0..rows).map(|i| format!("N{}", i * 7_919 % KEYS)).collect();
    let counts: Vec<i64> = (0..rows).map(|i| 1 + i * 31 % 5).collect();
    let sums: Vec<f64> = (0..rows).map(|i| (i * 104_729 % 100_003) as f64 / 8.0).collect();
    let means: Vec<f64> = sums.iter().zip(&counts).map(|(sum, count)| sum / *count as f64).collect();
    let anchors: Vec<i64> = (0..rows).map(|i| start + i / each * DAY + hour(i) * (DAY / 24)).collect();
    df!(
        "tailnum" => keys, "count_distance" => counts, "sum_distance" => sums, "mean_distance" => means,
        "_anchor_time" => anchors
    )
    .unwrap()
}

pub(crate) fn view(dir: &Path) -> Arc<View> {
    let root = dir.join("repository");
    std::fs::create_dir_all(root.join("views")).unwrap();
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let columns = df!("tailnum" => ["N1"], "timestamp" => [0_i64], "distance" => [1.0]).unwrap().lazy();
    let mut events = columns.with_column(col("timestamp").cast(utc)).collect().unwrap();
    ParquetWriter::new(File::create(root.join("events.parquet")).unwrap()).finish(&mut events).unwrap();
    let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
    write("workspaces.toml", "[[workspace]]\nname = \"bench\"\n");
    write(
        "entities.toml",
        "[[entity]]\nname = \"aircraft\"\njoin_keys = [{ name = \"tailnum\", type = \"string\" }]\n",
    );
    write(
        "sources.toml",
        "[[source]]\nname = \"flights\"\nfiles = \"events.parquet\"\ntimestamp_column = \"timestamp\"\n",
    );
    write(
        "views/windows.toml",
        "name = \"windows\"\nentities = [\"aircraft\"]\nsource = \"flights\"\nmode = \"spark_sql\"\noffline = true\n\
         sql = \"SELECT tailnum, timestamp, distance FROM flights\"\naggregation_interval = \"1h\"\naggregations = [\n\
         { column = \"distance\", function = \"count\", time_window = \"1d\" },\n\
         { column = \"distance\", function = \"sum\", time_window = \"1d\" },\n\
         { column = \"distance\", function = \"mean\", time_window = \"1d\" },\n]\n",
    );
    let repository = registry::load(&root);
    assert!(repository.errors.is_empty(), "{:?}", repository.errors);
    Arc::clone(&repository.views[0])
}
