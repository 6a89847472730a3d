//! Several writers at once, each with a handle of its own: nothing is lost, nothing stands twice.

use deltalake_core::kernel::Action;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};

use super::testing::{self, Row, frame, hours, row};
use super::*;
use crate::model::Span;

/// Times that each writer writes.
const ROUNDS: i64 = 5;

/// What a job does: another try where that may help.
async fn until_done<T>(mut work: impl AsyncFnMut() -> Result<T, OfflineError>) -> T {
    loop {
        match work().await {
            Ok(done) => return done,
            Err(error) => assert!(!error.is_permanent(), "{error}"),
        }
    }
}

/// Rows of a key an hour, of a round.
fn round(key: &str, from: i64, round: i64) -> Vec<Row> {
    (from..from + 3).map(|hour| row(key, 1, hour, round)).collect()
}

async fn open(dir: &Path) -> OfflineTable {
    OfflineTable::open_or_create(dir, &testing::view(Span::days(1))).await.unwrap()
}

/// Overwrites three hours again and again.
async fn overwrite(dir: PathBuf, key: &'static str, from: i64) {
    let mut table = open(&dir).await;
    for at in 1..=ROUNDS {
        let stamp = testing::stamp((from * 100 + at) as u128);
        let rows = frame(&round(key, from, at));
        until_done(async || table.replace(hours(from, from + 3), rows.clone(), stamp).await).await;
    }
}

/// Deletes one key after the other.
async fn delete(dir: PathBuf) {
    let mut table = open(&dir).await;
    for n in 0..ROUNDS {
        let keys = testing::keys(&[(Some("gone"), Some(n))]);
        let deleted = until_done(async || table.delete(&keys, testing::stamp(9_000 + n as u128)).await).await;
        assert_eq!(deleted.rows, 1);
    }
}

async fn maintain(dir: PathBuf) {
    let mut table = open(&dir).await;
    for _ in 0..ROUNDS {
        until_done(async || table.maintain(hours(0, 24), std::time::SystemTime::now().into()).await).await;
    }
}

/// Appends as another program does, by the log library's own way.
async fn append(dir: PathBuf) {
    for n in 0..ROUNDS {
        loop {
            let table = open(&dir).await;
            let mut new = table.write(&frame(&[row("foreign", n, 20, n)]), true).unwrap();
            let actions: Vec<Action> = new.adds.iter().cloned().map(Action::Add).collect();
            let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
            let commit = CommitBuilder::from(CommitProperties::default()).with_actions(actions);
            let done = commit.build(Some(table.table.snapshot().unwrap()), table.table.log_store(), operation).await;
            if done.is_ok() {
                new.keep();
                break;
            }
        }
    }
}

#[test]
fn racing_writers_lose_nothing_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = || folder.path().to_owned();
    let mut expected = runtime.block_on(begin(dir()));
    std::thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(overwrite(dir(), "a", 15)));
        scope.spawn(|| runtime.block_on(overwrite(dir(), "b", 21)));
        scope.spawn(|| runtime.block_on(delete(dir())));
        scope.spawn(|| runtime.block_on(maintain(dir())));
        scope.spawn(|| runtime.block_on(append(dir())));
    });
    expected.extend(round("a", 15, ROUNDS));
    expected.extend(round("b", 21, ROUNDS));
    expected.extend((0..ROUNDS).map(|n| row("foreign", n, 20, n)));
    expected.sort();
    runtime.block_on(async {
        let mut table = open(folder.path()).await;
        assert_eq!(testing::rows(&table.read(None).await.unwrap()), expected);
        // A foreign row in a window that is replaced goes like our own.
        table.replace(hours(20, 21), frame(&[]), testing::stamp(77)).await.unwrap();
        expected.retain(|row| row.0.as_deref() != Some("foreign"));
        assert_eq!(testing::rows(&table.read(None).await.unwrap()), expected);
    });
}

/// Fifteen small files, so that there is something to join; some of them hold what is deleted. Gives what stays.
async fn begin(dir: PathBuf) -> Vec<Row> {
    let mut table = open(&dir).await;
    let mut stay: Vec<Row> = Vec::new();
    for hour in 0..15 {
        let kept = row("stays", hour, hour, 0);
        let gone = (hour < ROUNDS).then(|| row("gone", hour, hour, 0));
        let rows: Vec<Row> = gone.into_iter().chain([kept.clone()]).collect();
        table.replace(hours(hour, hour + 1), frame(&rows), testing::stamp(hour as u128)).await.unwrap();
        stay.push(kept);
    }
    stay
}
