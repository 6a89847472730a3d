//! The data of the bench, made of the example's flights: thirty copies of each flight with a tail number, each copy
//! with its own keys (`N123_4`) and seven seconds times its number later; sorted by time, one Parquet file. Spines are
//! sampled from it: an event's key, and its time plus 0 to 83 hours.

use std::fs::File;
use std::path::Path;

use polars::prelude::*;

/// Rows of the small spine.
pub(crate) const SMALL: usize = 100_000;
/// Rows of the large spine.
pub(crate) const LARGE: usize = 1_000_000;
/// Copies of each flight.
const COPIES: i64 = 30;

/// Makes what is not there yet.
pub(crate) fn make(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    let events = dir.join("events.parquet");
    if !events.exists() {
        println!("making the data in {}", dir.display());
        let mut all = copies();
        write(&mut all, &events);
        for rows in [SMALL, LARGE] {
            let mut spine = spine(&all, rows);
            write(&mut spine, &dir.join(format!("spine-{rows}.parquet")));
        }
    }
}

fn write(frame: &mut DataFrame, path: &Path) {
    let part = path.with_extension("part");
    ParquetWriter::new(File::create(&part).unwrap()).finish(frame).unwrap();
    std::fs::rename(part, path).unwrap();
}

fn copies() -> DataFrame {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights/data/flights.parquet");
    let flights = ParquetReader::new(File::open(path).unwrap()).finish().unwrap().lazy();
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let flights = flights.filter(col("tailnum").is_not_null()).select([
        col("tailnum"),
        col("timestamp").dt().timestamp(TimeUnit::Microseconds).alias("at"),
        col("carrier"),
        col("origin"),
        col("dest"),
        col("dep_delay").cast(DataType::Float64),
        col("distance").cast(DataType::Float64),
    ]);
    let copy = |number: i64| {
        flights.clone().with_columns([
            (col("tailnum") + lit(format!("_{number}"))).alias("tailnum"),
            (col("at") + lit(number * 7_000_000)).cast(utc.clone()).alias("timestamp"),
        ])
    };
    let all = concat((0..COPIES).map(copy).collect::<Vec<_>>(), UnionArgs::default()).unwrap();
    all.sort(["timestamp"], SortMultipleOptions::default().with_maintain_order(true))
        .drop(by_name(["at"], true, false))
        .collect()
        .unwrap()
}

fn spine(events: &DataFrame, rows: usize) -> DataFrame {
    // A fixed sequence, so that every run asks the same (Knuth's linear congruential generator).
    let mut state = 42_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let picks: Vec<u32> = (0..rows).map(|_| next(events.height() as u64) as u32).collect();
    let later: Vec<i64> = (0..rows).map(|_| next(83 * 3_600_000) as i64 * 1_000).collect();
    let picked = events.select(["tailnum", "timestamp"]).unwrap().take(&IdxCa::from_vec("".into(), picks)).unwrap();
    let later = Column::new("later".into(), later);
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    picked
        .hstack(&[later])
        .unwrap()
        .lazy()
        .select([col("tailnum"), (col("timestamp").cast(DataType::Int64) + col("later")).cast(utc).alias("spine_time")])
        .collect()
        .unwrap()
}

/// The events, planned.
pub(crate) fn events(dir: &Path) -> LazyFrame {
    scan(&dir.join("events.parquet"))
}

/// A spine, planned.
pub(crate) fn spine_of(dir: &Path, rows: usize) -> LazyFrame {
    scan(&dir.join(format!("spine-{rows}.parquet")))
}

fn scan(path: &Path) -> LazyFrame {
    LazyFrame::scan_parquet(PlRefPath::try_from_path(path).unwrap(), ScanArgsParquet::default()).unwrap()
}

/// What came out, in few words: rows, and for each column how many nulls it has and what it adds up to.
pub(crate) fn digest(frame: &DataFrame, columns: &[&str]) -> String {
    let column = |name: &&str| {
        let column = frame.column(name).unwrap();
        let sum = match column.dtype() {
            DataType::String => column.str().unwrap().iter().flatten().map(|text| text.len() as f64).sum(),
            _ => column.cast(&DataType::Float64).unwrap().f64().unwrap().sum().unwrap_or(0.0),
        };
        format!("{}:{:.4e}", column.null_count(), sum)
    };
    format!("{} rows {}", frame.height(), columns.iter().map(column).collect::<Vec<_>>().join(" "))
}
