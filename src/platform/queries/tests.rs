//! What queries promise: order, bounds, cancellation, and an end for what nobody watches.

use polars::prelude::df;

use super::compute::{EngineCompute, check_offline};
use super::*;
use crate::platform::clock::Clock;
use crate::platform::compute::{self, Cancel};
use crate::platform::datasets::Datasets;
use crate::platform::definition::View;
use crate::platform::engine::{Engine as _, PolarsEngine};
use crate::platform::jobs::Jobs;
use crate::platform::offline::OfflineTable;
use crate::platform::testing as views;
use crate::wire::queries::QueryState::{Cancelled, Done, Failed, Queued, Running};
use crate::wire::queries::{HistoryQuery, Query, RunQuery};
use crate::wire::status;

const ME: Owner = Owner(Id(0));

struct Bench {
    queries: Queries,
    stop: tokio_util::sync::CancellationToken,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::of(&[Arc::new(views::view("carrier"))])
    }

    fn of(views: &[Arc<View>]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::from_fn(|| crate::model::time::from_micros(1_700_000_000_000_000));
        let compute: Arc<dyn Compute> = Arc::new(EngineCompute {
            engine: Arc::new(testing::Obedient),
            offline: dir.path().join("offline"),
            datasets: Arc::new(Datasets::open(dir.path().join("datasets")).unwrap()),
            jobs: Arc::new(Jobs::open(&dir.path().join("jobs.sqlite"), views, clock.clone()).unwrap()),
            runtime: tokio::runtime::Handle::current(),
            clock,
            separator: "__".parse().unwrap(),
        });
        let (queries, stop) = (Queries::default(), tokio_util::sync::CancellationToken::new());
        spawn(&queries, &compute, &stop).unwrap();
        Self { queries, stop, dir }
    }

    fn start(&self, level: &str) -> String {
        self.queries.submit(ME, run(level)).unwrap().to_string()
    }

    fn state(&self, id: &str) -> QueryState {
        self.queries.status(ME, id).unwrap().state
    }

    async fn until(&self, id: &str, state: QueryState) -> QueryStatus {
        for _ in 0..45_000 {
            let status = self.queries.wait(ME, id, Duration::from_millis(20)).await.unwrap();
            if status.state == state {
                return status;
            }
            assert!(!status.state.has_ended(), "{status:?}");
        }
        panic!("never {state:?}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
        self.queries.stop();
    }
}

fn run(level: &str) -> Ask {
    let query = Query::Run(RunQuery { aggregation_level: Some(level.to_owned()), ..RunQuery::default() });
    Ask { view: Arc::new(views::view("carrier")), query }
}

fn history(from_source: bool) -> HistoryQuery<DataFrame> {
    HistoryQuery { from_source, ..HistoryQuery::default() }
}

#[tokio::test]
async fn two_run_at_a_time_and_the_others_in_the_order_they_came() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..4).map(|_| bench.start("wait")).collect();
    for id in &ids[..2] {
        bench.until(id, Running).await;
    }
    assert_eq!((bench.state(&ids[2]), bench.state(&ids[3])), (Queued, Queued));
    // One that waits ends at once, one that runs when the engine has stopped, and again is harmless.
    assert_eq!(bench.queries.cancel(ME, &ids[2]).unwrap().state, Cancelled);
    assert_eq!(bench.queries.cancel(ME, &ids[2]).unwrap().state, Cancelled);
    bench.queries.cancel(ME, &ids[0]).unwrap();
    bench.until(&ids[0], Cancelled).await;
    bench.until(&ids[3], Running).await;
    assert_eq!(bench.state(&ids[1]), Running);
    assert!(matches!(bench.queries.rows(ME, &ids[1]), Err(Refusal::NotNow(_))));
    assert!(matches!(bench.queries.rows(ME, &ids[0]), Err(Refusal::NotNow(_))));
}

#[tokio::test]
async fn a_result_is_there_with_its_warnings_and_a_failure_says_why() {
    let bench = Bench::new();
    let id = bench.start("full");
    let done = bench.until(&id, Done).await;
    assert_eq!((done.rows, done.rows_read, done.warnings), (Some(2), 7, vec!["short range".to_owned()]));
    assert!(bench.queries.rows(ME, &id).unwrap().equals_missing(&testing::two_rows()));
    assert_eq!(bench.queries.cancel(ME, &id).unwrap().state, Done);
    for (level, code, word) in [
        ("panic", status::INTERNAL, "by request"),
        ("memory", status::RESOURCE_EXHAUSTED, "too much"),
        ("source", status::FAILED_PRECONDITION, "file gone"),
        ("half", status::INVALID_ARGUMENT, "`half`"),
    ] {
        let id = bench.start(level);
        let error = bench.until(&id, Failed).await.error.unwrap();
        assert!(error.code == code && error.message.contains(word), "{error:?}");
        assert_eq!(bench.queries.rows(ME, &id).unwrap_err(), Refusal::Failed(error));
    }
    let id = bench.start("full");
    bench.until(&id, Done).await;
}

#[tokio::test]
async fn nobody_sees_the_queries_of_another_key() {
    let bench = Bench::new();
    let id = bench.start("full");
    bench.until(&id, Done).await;
    let other = Owner(Id(1));
    let absent = bench.queries.status(other, &Uuid::new_v4().to_string()).unwrap_err();
    assert_eq!(bench.queries.status(other, &id).unwrap_err(), absent);
    assert_eq!(bench.queries.rows(other, &id).unwrap_err(), absent);
    assert_eq!(bench.queries.cancel(other, &id).unwrap_err(), absent);
    assert!(bench.queries.rows(ME, &id).is_ok());
}

#[tokio::test]
async fn what_nobody_asks_about_is_cancelled_and_later_forgotten() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..3).map(|_| bench.start("wait")).collect();
    bench.until(&ids[0], Running).await;
    let now = Instant::now();
    bench.queries.sweep(now + UNWATCHED / 2);
    assert_eq!(bench.state(&ids[2]), Queued);
    bench.queries.sweep(Instant::now() + UNWATCHED);
    for id in &ids {
        bench.until(id, Cancelled).await;
    }
    bench.queries.sweep(Instant::now() + KEPT / 2);
    assert_eq!(bench.state(&ids[0]), Cancelled);
    bench.queries.sweep(Instant::now() + KEPT);
    assert!(matches!(bench.queries.status(ME, &ids[0]), Err(Refusal::NotFound(_))));
}

#[tokio::test]
async fn too_many_are_refused() {
    let bench = Bench::new();
    let running: Vec<String> = (0..AT_ONCE).map(|_| bench.start("wait")).collect();
    for id in &running {
        bench.until(id, Running).await;
    }
    for _ in 0..QUEUE / 2 {
        bench.start("wait");
    }
    let refused = bench.queries.submit(ME, run("wait")).unwrap_err();
    assert!(matches!(&refused, Refusal::Full(text) if text.contains("32")), "{refused}");
    let other = Owner(Id(77));
    assert!(bench.queries.submit(other, run("wait")).is_ok(), "a key leaves room for others");
}

#[test]
fn fetched_results_make_room_before_others() {
    let mut state = State::default();
    let now = Instant::now();
    let mut add = |fetched: bool| {
        let mut entry = Entry::new(ME, run("full"), now);
        let frame = df!("n" => vec![0_i64; 1_000]).unwrap();
        entry.finish(Ok(Computed { frame, warnings: Vec::new(), saved_as: None }), now);
        if fetched {
            entry.rows().unwrap();
        }
        let id = Uuid::new_v4();
        state.entries.insert(id, entry);
        id
    };
    let (kept, fetched) = (add(false), add(true));
    state.forget_over(10, 20_000);
    assert_eq!(state.entries.len(), 2);
    state.forget_over(10, 10_000);
    assert!(state.entries.contains_key(&kept) && !state.entries.contains_key(&fetched));
    state.forget_over(0, 10_000);
    assert!(state.entries.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_reads_what_jobs_have_written() {
    let repository =
        crate::platform::registry::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights"));
    let view = |workspace: &str| {
        let found = repository.views.iter().find(|v| v.name == "carrier_delays" && v.workspace == workspace);
        Arc::clone(found.unwrap())
    };
    let (view, tried) = (view("prod"), repository.views.iter().find(|view| !view.live).cloned());
    let bench = Bench::of(&[Arc::clone(&view)]);
    let submit = |query| {
        let ask = Ask { view: Arc::clone(&view), query: Query::History(query) };
        bench.queries.submit(ME, ask).unwrap().to_string()
    };
    let id = submit(history(false));
    let error = bench.until(&id, Failed).await.error.unwrap();
    assert!(error.code == status::FAILED_PRECONDITION && error.message.contains("--from-source"), "{error:?}");

    let end = crate::model::time::from_micros(1_699_999_200_000_000);
    let day = crate::model::Window { start: end - crate::model::Span::days(1), end };
    let rows = PolarsEngine.materialize(&view, day, end, Control::quiet(&Cancel::default(), compute::MEMORY)).unwrap();
    let offline = bench.dir.path().join("offline");
    let mut table = OfflineTable::open_or_create(&offline, &view).await.unwrap();
    assert!(OfflineTable::open(&offline, &view).await.unwrap().is_none(), "nothing was committed yet");
    let stamp = crate::platform::offline::Stamp { job: crate::model::Id(1), attempt: 1 };
    table.replace(day, rows.clone(), stamp).await.unwrap();
    let id = submit(history(false));
    let done = bench.until(&id, Done).await;
    assert_eq!(done.rows, Some(rows.height() as u64));
    // The separator, and the start of features that was kept when the view was applied: 3 d before, at a whole hour.
    assert!(done.warnings[0].contains("separator __ start Some(2023-11-11T22:00:00Z)"), "{:?}", done.warnings);
    let read = bench.queries.rows(ME, &id).unwrap();
    assert_eq!(read.schema(), rows.schema());
    // A range needs the files of its days alone.
    let hour = HistoryQuery {
        start_time: Some(end + crate::model::Span::days(9)),
        end_time: Some(end + crate::model::Span::days(10)),
        ..history(false)
    };
    let id = submit(hour);
    assert_eq!(bench.until(&id, Done).await.rows, Some(0));
    if let Some(tried) = tried {
        assert!(check_offline(&tried).unwrap_err().message.contains("not live"));
    }
}

#[tokio::test]
async fn a_cancelled_history_keeps_no_dataset() {
    let bench = Bench::new();
    let view = Arc::new(views::view("carrier"));
    let keep = |timestamp_key: Option<&str>| {
        let mut query = history(true);
        (query.timestamp_key, query.save_as) = (timestamp_key.map(str::to_owned), Some("mine".to_owned()));
        query.spine = Some(testing::two_rows());
        let ask = Ask { view: Arc::clone(&view), query: Query::History(query) };
        bench.queries.submit(ME, ask).unwrap().to_string()
    };
    let id = keep(Some("wait"));
    bench.until(&id, Running).await;
    bench.queries.cancel(ME, &id).unwrap();
    bench.until(&id, Cancelled).await;
    let id = keep(None);
    assert_eq!(bench.until(&id, Done).await.saved_as.as_deref(), Some("mine"));
    let dataset = Datasets::open(bench.dir.path().join("datasets")).unwrap().describe("prod", "mine").unwrap();
    assert_eq!(dataset.key_columns, Some(vec!["carrier".to_owned(), "delay".to_owned()]));
    assert_eq!((dataset.timestamp_key.as_deref(), dataset.rows), (Some("at"), 2));
    // The name went meanwhile.
    let id = keep(None);
    let error = bench.until(&id, Failed).await.error.unwrap();
    assert!(error.code == status::FAILED_PRECONDITION && error.message.contains("`mine`"), "{error:?}");
}
