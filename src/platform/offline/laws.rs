//! What must hold of an offline table whatever is done to it: it holds what a plain list of rows holds.
//!
//! `FVTOP_CASES` sets how many random histories are tried (by default a number that suits every commit).

use proptest::prelude::*;

use super::testing::{self, Row, base, data_files, hours};
use super::*;
use crate::model::{Span, Time};

fn cases() -> ProptestConfig {
    let cases = std::env::var("FVTOP_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    ProptestConfig { cases, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() }
}

/// Hours that rows lie in.
const HOURS: i64 = 60;

#[derive(Clone, Debug)]
enum Step {
    /// Replaces some hours, with these rows of them.
    Replace(i64, i64, Vec<Row>),
    /// Does the last replacement again, as a second attempt of its job with other rows.
    Again(Vec<Row>),
    Delete(Vec<(Option<String>, Option<i64>)>),
    /// The upkeep over some hours, so many days later.
    Maintain(i64, i64, i64),
    Reopen,
}

fn key() -> impl Strategy<Value = (Option<String>, Option<i64>)> {
    let long = format!("{}{}", "k".repeat(32), '\u{10ffff}');
    let k = prop_oneof![Just(None), "[ab]".prop_map(Some), Just(Some(String::new())), Just(Some(long))];
    (k, prop_oneof![Just(None), (-1i64..2).prop_map(Some)])
}

fn window() -> impl Strategy<Value = (i64, i64)> {
    (0..HOURS, 1i64..16).prop_map(|(from, span)| (from, from + span))
}

/// Rows all over; those outside of a window are left out where they are used.
fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    let tick = prop_oneof![Just(0i64), Just(1), Just(3_599_999_999), 0i64..3_600_000_000];
    let row =
        (key(), 0i64..16, tick, 0i64..3).prop_map(|((k, n), hour, tick, x)| (k, n, hour * 3_600_000_000 + tick, x));
    prop::collection::vec(row, 0..12)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (window(), some_rows()).prop_map(|((from, to), rows)| Step::Replace(from, to, rows)),
        1 => some_rows().prop_map(Step::Again),
        3 => prop::collection::vec(key(), 0..4).prop_map(Step::Delete),
        2 => (window(), 0i64..9).prop_map(|((from, to), days)| Step::Maintain(from, to, days)),
        1 => Just(Step::Reopen),
    ]
}

/// The rows moved to begin with the window, without what then lies behind it.
fn inside(window: (i64, i64), rows: &[Row]) -> Vec<Row> {
    let (from, to) = (window.0 * 3_600_000_000, window.1 * 3_600_000_000);
    let moved = rows.iter().cloned().map(|(k, n, at, x)| (k, n, at + from, x));
    moved.filter(|row| row.2 < to).collect()
}

async fn play(partition: Span, steps: &[Step]) {
    let folder = tempfile::tempdir().unwrap();
    let view = testing::view(partition);
    let mut table = OfflineTable::open_or_create(folder.path(), &view).await.unwrap();
    let mut model: Vec<Row> = Vec::new();
    let mut last = None;
    for (job, step) in steps.iter().enumerate() {
        let stamp = testing::stamp(job as u128);
        match step {
            Step::Replace(from, to, rows) => {
                last = Some(((*from, *to), stamp));
                replace(&mut table, &mut model, (*from, *to), rows, stamp).await;
            }
            Step::Again(rows) => {
                let Some((window, first)) = last else { continue };
                replace(&mut table, &mut model, window, rows, Stamp { attempt: 2, ..first }).await;
                last = None;
            }
            Step::Delete(keys) => {
                let named: Vec<(Option<&str>, Option<i64>)> = keys.iter().map(|(k, n)| (k.as_deref(), *n)).collect();
                let gone = |row: &Row| row.0.is_some() && row.1.is_some() && named.contains(&(row.0.as_deref(), row.1));
                let before = model.len();
                model.retain(|row| !gone(row));
                let deleted = table.delete(&testing::keys(&named), stamp).await.unwrap();
                assert_eq!(deleted.rows, (before - model.len()) as u64);
                let live: Vec<PathBuf> = table.files().unwrap().iter().map(|file| table.path(file)).collect();
                let on_disk = data_files(folder.path());
                assert!(on_disk.iter().all(|file| live.contains(file)), "a dropped file is on the disk");
            }
            Step::Maintain(from, to, days) => {
                let now = Time::from(std::time::SystemTime::now()) + Span::days(*days);
                table.maintain(hours(*from, *to), now).await.unwrap();
            }
            Step::Reopen => table = OfflineTable::open_or_create(folder.path(), &view).await.unwrap(),
        }
        model.sort();
        assert_eq!(testing::rows(&table.read(None).await.unwrap()), model);
        assert_eq!(testing::rows(&testing::scanned(&table, None)), model);
        let some = hours(10, 37);
        let read = testing::rows(&table.read(Some(some)).await.unwrap());
        let (start, end) = (micros(some.start) - micros(base()), micros(some.end) - micros(base()));
        let expected: Vec<Row> = model.iter().filter(|row| start <= row.2 && row.2 < end).cloned().collect();
        assert_eq!(read, expected);
    }
}

async fn replace(table: &mut OfflineTable, model: &mut Vec<Row>, window: (i64, i64), rows: &[Row], stamp: Stamp) {
    let rows = inside(window, rows);
    model.retain(|row| row.2 < window.0 * 3_600_000_000 || window.1 * 3_600_000_000 <= row.2);
    let written = table.replace(hours(window.0, window.1), testing::frame(&rows), stamp).await.unwrap();
    assert_eq!(written.rows, rows.len() as u64);
    assert_eq!(written.bytes > 0, !rows.is_empty());
    model.extend(rows);
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_table_holds_what_a_list_of_rows_holds(
        partition in prop_oneof![Just(Span::days(1)), Just(Span::hours(1)), Just(Span::days(2)), Just(Span::hours(6))],
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        // On a thread of the runtime, for reading a plan takes one that may block.
        runtime.block_on(async move { tokio::spawn(async move { play(partition, &steps).await }).await.unwrap() });
    }
}
