//! The online store beside bare fjall: the same keys and values in the same order, as many batches, each put on disk;
//! and the same keys read from the same files.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use fvtop::model::time::{from_micros, micros, parse_time};
use fvtop::model::{BatchTrigger, DataType, Span, Time, Value, Window};
use fvtop::platform::definition::{Aggregation, Function, Kind, View};
use fvtop::platform::online::OnlineStore;
use fvtop::platform::online::contract::{PartitionStore, Space};
use fvtop::platform::online::embedded::FjallStore;
use fvtop::platform::registry::identity::stable_id;
use polars::prelude::{Column, DataFrame, NamedFrom, Series, TimeUnit, TimeZone};

/// Runs of each side.
const ROUNDS: usize = 3;
/// Keys of the temporal view, a row each.
const KEYS: i64 = 1_000_000;
/// Keys of the aggregate view.
const TILED_KEYS: i64 = 42_000;
/// Tiles of each of them.
const HOURS: i64 = 24;
/// Reads of one measurement.
const READS: usize = 50_000;
/// Bytes of a part of a great write, and what each change counts beside its bytes, as the store has them.
const PART: (usize, usize) = (32 << 20, 128);

/// One view with the rows of one batch job.
struct Work {
    name: &'static str,
    view: View,
    window: Window,
    rows: DataFrame,
    space: &'static str,
}

/// All that a write puts: keyspace, key and value.
type Entries = Vec<(&'static str, Vec<u8>, Vec<u8>)>;

/// Measures everything and prints a table. Whether all bounds are met.
pub(crate) fn bench() -> bool {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stores-online");
    println!("{:<38} {:>10} {:>10} {:>6} {:>6}", "online store", "fjall /s", "ours /s", "ratio", "bound");
    let mut met = true;
    for work in [temporal(), tiled()] {
        let (ours, bare) = (dir.join("ours"), dir.join("bare"));
        met &= writes(&work, &ours, &bare);
        met &= reads(&work, &ours);
    }
    std::fs::remove_dir_all(dir).unwrap();
    met
}

fn base() -> Time {
    parse_time("2026-11-22").unwrap()
}

fn view(name: &str, kind: Kind) -> View {
    View {
        id: stable_id("bench", "view", name),
        name: name.to_owned(),
        workspace: "bench".to_owned(),
        live: true,
        description: String::new(),
        owner: String::new(),
        family: String::new(),
        tags: BTreeMap::new(),
        defined_in: String::new(),
        entities: Vec::new(),
        inputs: Vec::new(),
        sql: String::new(),
        join_keys: vec![("user_id".to_owned(), DataType::String)],
        online_serving_index: vec!["user_id".to_owned()],
        timestamp_field: "ts".to_owned(),
        kind,
        online: true,
        offline: true,
        offline_partition: Span::days(1),
        batch_schedule: Span::days(1),
        max_batch_aggregation_interval: None,
        feature_start_time: None,
        batch_trigger: BatchTrigger::Scheduled,
        expected_freshness: None,
    }
}

fn key(n: i64) -> String {
    // Spread, so that rows of one time are not of neighbouring keys.
    format!("user_{:016x}", (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn window() -> Window {
    Window { start: base(), end: base() + Span::days(1) }
}

/// A row a key with two numbers, a float and a text.
fn temporal() -> Work {
    let features = [
        ("clicks", DataType::Int64),
        ("purchases", DataType::Int64),
        ("spent", DataType::Float64),
        ("country", DataType::String),
    ];
    let features = features.map(|(name, data_type)| (name.to_owned(), data_type)).to_vec();
    let column =
        |name: &str, of: fn(i64) -> i64| Column::from(Series::new(name.into(), (0..KEYS).map(of).collect::<Vec<_>>()));
    let spent: Vec<f64> = (0..KEYS).map(|n| n as f64 / 7.0).collect();
    let country: Vec<String> = (0..KEYS).map(|n| format!("country {}", n % 200)).collect();
    let zone = polars::prelude::DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let begin = micros(base());
    let times: Vec<i64> = (0..KEYS).map(|n| begin + n * 80_000).collect();
    let columns = vec![
        Series::new("user_id".into(), (0..KEYS).map(key).collect::<Vec<_>>()).into(),
        Column::from(Series::new("ts".into(), times)).cast(&zone).unwrap(),
        column("clicks", |n| n % 1_000),
        column("purchases", |n| n % 10),
        Series::new("spent".into(), spent).into(),
        Series::new("country".into(), country).into(),
    ];
    let rows = DataFrame::new(KEYS as usize, columns).unwrap();
    let kind = Kind::Temporal { ttl: Some(Span::days(30)), features };
    Work { name: "1 M rows", view: view("rows", kind), window: window(), rows, space: "rows" }
}

/// A day of hourly tiles for each key: count, sum and maximum.
fn tiled() -> Work {
    let aggregation = |function, name: &str, output_type| Aggregation {
        column: "v".to_owned(),
        function,
        time_window: Span::days(1),
        feature: name.to_owned(),
        input_type: DataType::Int64,
        output_type,
    };
    let aggregations = vec![
        aggregation(Function::Count, "v_count_1d_1h", DataType::Int64),
        aggregation(Function::Mean, "v_mean_1d_1h", DataType::Float64),
        aggregation(Function::Sum, "v_sum_1d_1h", DataType::Int64),
        aggregation(Function::Max, "v_max_1d_1h", DataType::Int64),
    ];
    let kind = Kind::Aggregate { interval: Span::hours(1), aggregations };
    let all = || (0..HOURS).flat_map(|hour| (0..TILED_KEYS).map(move |n| (hour, n)));
    let begin = micros(base()) * 1_000;
    let column = |name: &str, of: &dyn Fn((i64, i64)) -> i64| {
        Column::from(Series::new(name.into(), all().map(of).collect::<Vec<_>>()))
    };
    let means: Vec<f64> = all().map(|(hour, n)| (n + hour) as f64 / 3.0).collect();
    let columns = vec![
        Series::new("user_id".into(), all().map(|(_, n)| key(n)).collect::<Vec<_>>()).into(),
        column("count_v", &|(hour, _)| hour + 1),
        Series::new("mean_v".into(), means).into(),
        column("sum_v", &|(hour, n)| n * hour),
        column("max_v", &|(_, n)| n),
        column("_anchor_time", &|(hour, _)| begin + hour * 3_600_000_000_000),
    ];
    let rows = DataFrame::new((TILED_KEYS * HOURS) as usize, columns).unwrap();
    Work { name: "1 M tiles of 42 k keys", view: view("tiles", kind), window: window(), rows, space: "tiles" }
}

/// The settings of the embedded store.
fn database(dir: &Path) -> Database {
    Database::builder(dir).cache_size(32 << 20).max_journaling_size(64 << 20).worker_threads(1).open().unwrap()
}

fn keyspace(database: &Database, name: &str) -> Keyspace {
    database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(8 << 20)).unwrap()
}

fn empty(dir: &Path) {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).unwrap();
}

fn writes(work: &Work, ours: &Path, bare: &Path) -> bool {
    let mut seconds = (Vec::new(), Vec::new());
    let mut entries = Entries::new();
    for _ in 0..ROUNDS {
        empty(ours);
        let store = OnlineStore::open(ours).unwrap();
        let begun = Instant::now();
        let done = store.write_batch(&work.view, work.window, &work.rows, work.window.end).unwrap();
        seconds.0.push(begun.elapsed());
        assert_eq!(done.rows, work.rows.height() as u64);
        drop(store);
        if entries.is_empty() {
            entries = all_entries(ours, work);
        }
        empty(bare);
        let database = database(bare);
        let spaces = ["tiles", "tile_index", "rows"].map(|name| (name, keyspace(&database, name)));
        let begun = Instant::now();
        bare_writes(&database, &spaces, &entries);
        seconds.1.push(begun.elapsed());
    }
    let name = format!("write_batch, {}", work.name);
    line(&name, work.rows.height(), (&mut seconds.1, &mut seconds.0), 2.0)
}

/// What the store wrote of the view, in the order of its writes: each tile behind its entry in the index.
fn all_entries(dir: &Path, work: &Work) -> Entries {
    let store = FjallStore::open(dir).unwrap();
    let mut entries = Entries::new();
    let wanted = if work.space == "rows" { Space::Rows } else { Space::Tiles };
    store
        .values_of(wanted, work.view.id, &mut |key, value| {
            if wanted == Space::Tiles {
                let start = key.len() - 8;
                entries.push(("tile_index", [&key[..16], &key[start..], &key[16..start]].concat(), Vec::new()));
            }
            entries.push((work.space, key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    entries
}

fn bare_writes(database: &Database, spaces: &[(&str, Keyspace)], entries: &Entries) {
    let new = || database.batch().durability(Some(PersistMode::SyncAll));
    let (mut batch, mut size) = (new(), 0);
    for (space, key, value) in entries {
        if size >= PART.0 {
            std::mem::replace(&mut batch, new()).commit().unwrap();
            size = 0;
        }
        size += key.len() + value.len() + PART.1;
        let keyspace = spaces.iter().find(|(name, _)| name == space).map(|(_, keyspace)| keyspace).unwrap();
        batch.insert(keyspace, key.as_slice(), value.as_slice());
    }
    batch.commit().unwrap();
}

fn reads(work: &Work, dir: &Path) -> bool {
    let keys = if work.space == "rows" { KEYS } else { TILED_KEYS };
    let chosen: Vec<String> = (0..READS as i64).map(|n| key(n * 7_919 % keys)).collect();
    let (mut ours, mut bare, mut each) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(bare_reads(work, dir, &chosen));
        let store = OnlineStore::open(dir).unwrap();
        let read = |key: &String| {
            let vector = store.lookup(&work.view, &[Value::Text(key.clone())], work.window.end).unwrap().found;
            assert!(vector.features[0].effective_time.is_some());
        };
        chosen.iter().for_each(read);
        let begun = Instant::now();
        chosen.iter().for_each(read);
        ours.push(begun.elapsed());
        each = chosen
            .iter()
            .map(|key| {
                let begun = Instant::now();
                read(key);
                begun.elapsed()
            })
            .collect();
    }
    let name = if work.space == "rows" { "lookup, a row of 1 M" } else { "lookup, 24 tiles of 1 M" };
    let met = line(name, READS, (&mut bare, &mut ours), 1.5);
    each.sort_unstable();
    println!("    p50 {:.1} us, p99 {:.1} us", micros_of(each[READS / 2]), micros_of(each[READS * 99 / 100]));
    met
}

/// The same keys, twice: the first time to warm up.
fn bare_reads(work: &Work, dir: &Path, chosen: &[String]) -> Duration {
    let database = database(dir);
    let keyspace = keyspace(&database, work.space);
    let prefix = |key: &String| [&work.view.id.0.to_be_bytes(), [2].as_slice(), key.as_bytes(), &[0, 0]].concat();
    let edge = |prefix: &[u8], at: Time| [prefix, &(micros(at) as u64 ^ (1 << 63)).to_be_bytes()].concat();
    let read = |key: &String| {
        let prefix = prefix(key);
        if work.space == "rows" {
            assert!(keyspace.get(prefix).unwrap().is_some());
            return;
        }
        let range = edge(&prefix, base())..edge(&prefix, from_micros(micros(base()) + 86_400_000_000));
        let tiles = database.snapshot().range(&keyspace, range).map(|entry| entry.into_inner().unwrap().1.len());
        assert!(tiles.sum::<usize>() > 24);
    };
    chosen.iter().for_each(read);
    let begun = Instant::now();
    chosen.iter().for_each(read);
    begun.elapsed()
}

fn micros_of(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Prints a line of the table. Whether its bound is met.
fn line(name: &str, count: usize, (bare, ours): (&mut [Duration], &mut [Duration]), bound: f64) -> bool {
    let median = |times: &mut [Duration]| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    let (bare, ours) = (median(bare), median(ours));
    let rate = |seconds: f64| count as f64 / seconds;
    println!("{name:<38} {:>10.0} {:>10.0} {:>6.2} {bound:>6.2}", rate(bare), rate(ours), ours / bare);
    ours / bare <= bound
}
