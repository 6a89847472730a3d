//! Jobs of a view whose batch side is what is kept of a stream.

use std::fs::File;
use std::path::PathBuf;

use polars::prelude::{DataFrame, ParquetWriter};

use super::*;
use crate::model::time::{floor, micros};
use crate::platform::definition::{Feed, IngestFeed, Kept};
use crate::platform::frame;
use crate::platform::jobs::late;
use crate::platform::source::kept::{self as source, KeptFile, Manifest};

/// A view over a stream that is kept, of which a keeper tells.
struct Keeping {
    folder: tempfile::TempDir,
    bench: Bench,
    manifest: Manifest,
}

impl Keeping {
    fn new(began: Span) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut view = view("v");
        let input = Arc::make_mut(&mut view.inputs[0].source);
        input.kept = Some(Kept { folder: folder.path().to_owned(), history: None });
        input.files.clear();
        input.stream.as_mut().unwrap().feed = Feed::Ingest(IngestFeed { retention_bytes: 1 });
        let bench = Bench::new(vec![view]);
        let manifest = Manifest::new(crate::platform::testing::now() - began);
        Self { folder, bench, manifest }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn publish(&self) {
        source::publish(&self.path(), &Arc::new(self.manifest.clone()));
    }

    fn tell(&self, until: Time) {
        source::tell(&self.path(), Some(until), None);
    }

    /// Keeps events of these seconds after a time.
    fn keep(&mut self, from: Time, seconds: &[i64]) {
        let times: Vec<i64> = seconds.iter().map(|second| micros(from + Span::seconds(*second))).collect();
        let (least, greatest) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        self.manifest.commit += 1;
        let (commit, rows) = (self.manifest.commit, times.len() as u64);
        let name = format!("{commit}.parquet");
        let file = File::create(self.path().join(&name)).unwrap();
        let mut events = DataFrame::new(times.len(), vec![frame::instants("timestamp", times).unwrap()]).unwrap();
        ParquetWriter::new(file).finish(&mut events).unwrap();
        self.manifest.files.push(KeptFile { name, rows, bytes: 0, checksum: 0, columns: 0, least, greatest, commit });
        self.publish();
    }

    fn starts(&self, jobs: &Jobs) -> Vec<Time> {
        let mut starts: Vec<Time> = self.bench.batch(jobs).iter().map(|job| job.window.unwrap().start).collect();
        starts.sort_unstable();
        starts
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        source::withdraw(&self.path());
    }
}

#[test]
fn the_schedule_begins_where_keeping_does() {
    let mut keeping = Keeping::new(Span::hours(3));
    let jobs = keeping.bench.open();
    assert!(keeping.starts(&jobs).is_empty(), "nobody can tell yet");
    keeping.publish();
    jobs.schedule().unwrap();
    let first = floor(jobs.now() - Span::hours(3), Span::hours(1));
    let hours = |from: i64, to: i64| (from..to).map(|hour| first + Span::hours(hour)).collect::<Vec<_>>();
    assert_eq!(keeping.starts(&jobs), hours(0, 4), "the hour in which it began, and the open one");
    // The platform was away for longer than events are kept.
    keeping.bench.pass(Span::hours(10));
    keeping.manifest.gone = Some(first + Span::minutes(450));
    keeping.publish();
    jobs.schedule().unwrap();
    assert_eq!(keeping.starts(&jobs), [hours(0, 4), hours(8, 14)].concat());
}

#[test]
fn a_job_waits_until_all_that_had_arrived_is_kept() {
    let keeping = Keeping::new(Span::hours(3));
    keeping.publish();
    let jobs = keeping.bench.open();
    let queued = jobs.now();
    assert!(jobs.claim().unwrap().is_none());
    assert_eq!(source::wanted(&keeping.path()), Some(queued), "the keeper hurries");
    keeping.tell(queued - Span::microseconds(1));
    assert!(jobs.claim().unwrap().is_none());
    for _ in 0..2 {
        keeping.bench.pass(Span::seconds(30));
        jobs.schedule().unwrap();
    }
    let attempt = keeping.bench.batch(&jobs).last().unwrap().attempts[0].id.unwrap();
    let log = jobs.attempt(attempt).unwrap().unwrap().detail.log;
    let told: Vec<_> = log.iter().filter(|line| line.contains("Waits for the stream's events")).collect();
    assert_eq!(told.len(), 1, "once: {log:?}");
    keeping.tell(queued);
    assert_eq!(source::wanted(&keeping.path()), None);
    let work = jobs.claim().unwrap().unwrap();
    jobs.finish(work.job.id, Outcome::Success).unwrap();
    // By a clock that was set back since, what had arrived by the end of the window.
    keeping.bench.pass(Span::minutes(-5));
    assert!(jobs.claim().unwrap().is_some());
}

#[test]
fn a_window_of_which_nothing_is_kept_is_refused_with_and_without_overwrite() {
    let keeping = Keeping::new(Span::hours(3));
    keeping.publish();
    let jobs = keeping.bench.open();
    let start = floor(jobs.now() - Span::hours(6), Span::hours(1));
    for overwrite in [false, true] {
        let request = TriggerRequest {
            workspace: "prod".to_owned(),
            feature_view: "v".to_owned(),
            window: Window { start, end: start + Span::hours(1) },
            online: true,
            offline: true,
            overwrite,
            use_tecton_managed_retries: true,
        };
        let refused = jobs.trigger(&keeping.bench.views[0], &request).unwrap_err().to_string();
        assert!(
            refused.starts_with("Feature view `v` cannot be materialized: source flights: its events are kept since")
        );
    }
}

#[test]
fn events_that_are_kept_after_the_job_of_their_window_are_late_data() {
    let mut keeping = Keeping::new(Span::hours(9));
    let view = Arc::clone(&keeping.bench.views[0]);
    let hour = floor(crate::platform::testing::now() - Span::hours(4), Span::hours(1));
    keeping.keep(hour, &[0, 10, 3_599]);
    let jobs = keeping.bench.open();
    let read = |jobs: &Jobs, at: i64| {
        let start = hour + Span::hours(at);
        let read = late::about_to_read(&view, Window { start, end: start + Span::hours(1) }, jobs.now()).unwrap();
        jobs.ledger(view.id).unwrap().keep_read(&read).unwrap();
        read.files[0].rows
    };
    assert_eq!((read(&jobs, 0), read(&jobs, 1)), (Some(3), Some(0)));
    assert!(jobs.late(&view).unwrap().is_empty());
    // Of both windows, and of one that no job has read.
    keeping.keep(hour, &[20, 30, 3_600, 7_200]);
    let late = jobs.late(&view).unwrap();
    assert_eq!(
        (late.rows, late.windows.as_slice()),
        (3, [Window { start: hour, end: hour + Span::hours(2) }].as_slice())
    );
    assert!(late.sentence(&view).unwrap().starts_with("3 events that came after their jobs, in the stream of flights"));
    assert_eq!((read(&jobs, 0), read(&jobs, 1)), (Some(5), Some(1)));
    assert!(jobs.late(&view).unwrap().is_empty());
    // Files that are joined bring nothing.
    let (first, second) = (keeping.manifest.files.remove(0), keeping.manifest.files[0].clone());
    keeping.manifest.files[0] = KeptFile { rows: first.rows + second.rows, least: first.least, ..second };
    keeping.publish();
    assert!(jobs.late(&view).unwrap().is_empty());
}
