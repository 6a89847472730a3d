//! An attempt from source to stores: compute, commit offline, write online; or, of a deletion job, keys out of a store.
//!
//! Each step is idempotent by job id, so that `kill -9` at any instruction leaves the window either not done or done
//! once: the offline table knows the job's stamp, the online store replaces the window's tiles. Once the first store is
//! being written, a wish to stop waits for the second, so that they agree.

use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::DataFrame;
use tokio::runtime::Handle;

use crate::model::time::print_time;
use crate::model::{JobType, StageKind, Time, Window};
use crate::platform::clock::Clock;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::engine::Engine;
use crate::platform::engine::ask::Control;
use crate::platform::offline::{Maintained, OfflineError, OfflineTable, Stamp};
use crate::platform::online::{OnlineError, OnlineStore};

use super::attempt_log::{describe, grouped};
use super::error::TableError;
use super::record::Outcome;
use super::retry::Failure;
use super::verdict::Verdict;
use super::worker::Materializer;
use super::{Work, late};

mod deletion;

/// Share of an attempt's progress that computing takes.
const COMPUTED: f32 = 0.8;
/// Progress once the offline store is written.
const COMMITTED: f32 = 0.9;

/// Runs attempts with the engine into the embedded stores.
pub(crate) struct EngineMaterializer {
    pub engine: Arc<dyn Engine>,
    /// Folder of the offline tables.
    pub offline: PathBuf,
    pub online: Arc<OnlineStore>,
    /// Where async work of the offline store runs.
    pub runtime: Handle,
    pub clock: Clock,
    /// Most bytes that one attempt may hold.
    pub memory: u64,
}

/// What each of `workers` attempts may hold of `memory` bytes: an equal share, yet never less than a quarter, for not
/// all of many attempts are large at the same time.
pub(crate) fn share(memory: u64, workers: usize) -> u64 {
    memory / (workers as u64).clamp(1, 4)
}

impl Materializer for EngineMaterializer {
    fn run(&self, work: &Work) -> Outcome {
        let done = match work.job.job_type {
            JobType::Deletion => self.delete(work),
            _ => self.materialize(work),
        };
        done.err().unwrap_or(Outcome::Success)
    }
}

impl EngineMaterializer {
    fn materialize(&self, work: &Work) -> Result<(), Outcome> {
        let window = work.job.window.ok_or_else(|| permanent("INTERNAL_ERROR", "This job has no window."))?;
        let now = self.clock.now();
        let read = late::about_to_read(&work.view, window, now);
        let rows = self.compute(work, window, now)?;
        // The last look at the flag: from here on both stores are written, so that they agree.
        if work.cancel.is_cancelled() {
            return Err(Outcome::Stopped);
        }
        let table = if work.job.offline { Some(self.write_offline(work, window, rows.clone())?) } else { None };
        work.progress.set(COMMITTED);
        if work.job.online {
            begin(work, StageKind::Online)?;
            let written = self.online.write_batch(&work.view, window, &rows, now).map_err(online_failure)?;
            let left_out = match written.skipped {
                0 => String::new(),
                rows => {
                    format!(" {} were left out, for newer rows are there or no lookup can reach them.", grouped(rows))
                }
            };
            let amount = describe(Some(written.rows), Some(written.bytes));
            work.report.say(&format!("Wrote {amount} to the online store.{left_out}"));
            work.report.done(Some(written.rows), Some(written.bytes));
        }
        // A store that was left out still lacks what came late.
        let whole = (work.job.online || !work.view.online) && (work.job.offline || !work.view.offline);
        if let Some(read) = read.filter(|_| whole) {
            work.ledger.keep_read(&read).map_err(table_failure)?;
        }
        if let Some(table) = table {
            self.maintain(work, table, window, now);
        }
        work.progress.set(1.0);
        Ok(())
    }

    fn compute(&self, work: &Work, window: Window, now: Time) -> Result<DataFrame, Outcome> {
        begin(work, StageKind::Compute)?;
        let progress = |share: f32| {
            work.progress.set(share * COMPUTED);
            work.report.progress(share);
        };
        progress(0.0);
        let control = Control::quiet(&work.cancel, self.memory);
        let rows = self.engine.materialize(&work.view, window, now, control).map_err(engine_failure)?;
        progress(1.0);
        let count = rows.height() as u64;
        work.report.say(&format!(
            "Read {} to {} from the source: {} to store.",
            print_time(window.start),
            print_time(window.end),
            describe(Some(count), None)
        ));
        work.report.done(Some(count), Some(rows.estimated_size() as u64));
        Ok(rows)
    }

    fn write_offline(&self, work: &Work, window: Window, rows: DataFrame) -> Result<OfflineTable, Outcome> {
        begin(work, StageKind::Offline)?;
        let (mut table, verdict) = self.open_offline(work, Some(window))?;
        let written = self.runtime.block_on(table.replace(window, rows, stamp(work))).map_err(offline_failure)?;
        keep(work, &table, &verdict, Some(window))?;
        let amount = describe(Some(written.rows), Some(written.bytes));
        work.report.say(&format!("Committed {amount} to the offline table in the place of what the window held."));
        work.report.done(Some(written.rows), Some(written.bytes));
        Ok(table)
    }

    /// Opens the offline table, held against what jobs know of it. A table that was taken away or put back in an older
    /// state is written only where `window` is one that jobs had written: somebody wants it mended. Anything else
    /// waits, for the right table may come back.
    fn open_offline(&self, work: &Work, window: Option<Window>) -> Result<(OfflineTable, Verdict), Outcome> {
        let known = work.ledger.known().map_err(table_failure)?;
        let opened = self.runtime.block_on(OfflineTable::open(&self.offline, &work.view)).map_err(offline_failure)?;
        let verdict = known.judge(opened.as_ref(), None, false).map_err(offline_failure)?;
        if verdict.replaced && !window.is_some_and(|window| known.has(window)) {
            let name = &work.view.name;
            let told = format!("The offline table of `{name}` is not written: {}.", verdict.sentence(name));
            return Err(store_failure(false, told));
        }
        if verdict.is_bad() {
            work.report
                .say(&format!("The offline table was changed from outside: {}.", verdict.sentence(&work.view.name)));
        }
        let table = match opened {
            Some(table) => table,
            // A table without a commit may still have files: of its first attempt, killed before the commit.
            None => self
                .runtime
                .block_on(OfflineTable::open_or_create(&self.offline, &work.view))
                .map_err(offline_failure)?,
        };
        Ok((table, verdict))
    }

    /// Upkeep of the table. What fails here is tried again after the next job; the window is written either way.
    fn maintain(&self, work: &Work, mut table: OfflineTable, window: Window, now: Time) {
        let done = self.runtime.block_on(table.maintain(window, now));
        // Also where the second half failed: the first may have committed.
        if let Err(Outcome::Failed { message, .. }) = keep(work, &table, &Verdict::default(), None) {
            work.report.say(&format!("The upkeep of the table was not noted: {message}"));
        }
        match done {
            Ok(Maintained { compacted: 0, vacuumed: 0 }) => {}
            Ok(Maintained { compacted, vacuumed }) => {
                let (joined, removed) = (grouped(compacted), grouped(vacuumed));
                work.report.say(&format!("Joined {joined} small files, removed {removed} that no reader needs."));
            }
            Err(error) => work.report.say(&format!("The upkeep of the table was left out: {error}.")),
        }
    }
}

/// Keeps what the table holds now. Fails the attempt where it cannot: the next one finds the commit in the log of the
/// table.
fn keep(work: &Work, table: &OfflineTable, found: &Verdict, written: Option<Window>) -> Result<(), Outcome> {
    let manifest = table.manifest().map_err(offline_failure)?;
    work.ledger.keep(&manifest, found, written).map_err(table_failure)
}

fn table_failure(error: TableError) -> Outcome {
    store_failure(error.is_full(), error.to_string())
}

fn stamp(work: &Work) -> Stamp {
    Stamp { job: work.job.id, attempt: work.job.last_attempt().map_or(1, |attempt| attempt.number) }
}

/// Begins a stage. Where that cannot be kept, nothing is written either.
fn begin(work: &Work, stage: StageKind) -> Result<(), Outcome> {
    work.report.begin(stage).map_err(table_failure)
}

fn permanent(reason: &str, message: &str) -> Outcome {
    Outcome::Failed { failure: Failure::Permanent, reason: reason.to_owned(), message: message.to_owned() }
}

fn retryable(reason: &str, message: String) -> Outcome {
    Outcome::Failed { failure: Failure::Retryable, reason: reason.to_owned(), message }
}

fn engine_failure(error: EngineError) -> Outcome {
    match error.kind {
        ErrorKind::Cancelled => Outcome::Stopped,
        ErrorKind::Source => retryable(reason(error.kind), error.message),
        ErrorKind::Query | ErrorKind::Memory | ErrorKind::Arguments => permanent(reason(error.kind), &error.message),
    }
}

/// The reason word of an engine's error, as the status table shows it.
pub(crate) fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Source => "SOURCE_ERROR",
        ErrorKind::Query => "QUERY_ERROR",
        ErrorKind::Memory => "MEMORY_ERROR",
        ErrorKind::Cancelled => "CANCELLED",
        ErrorKind::Arguments => "VALIDATION_ERROR",
    }
}

/// A failure of a store: mended by whoever has the machine, so the attempt is tried again.
fn store_failure(full: bool, message: String) -> Outcome {
    retryable(store_reason(full), message)
}

/// The reason word of a store's failure, as the status table shows it.
pub(crate) fn store_reason(full: bool) -> &'static str {
    if full { "DISK_FULL" } else { "STORE_ERROR" }
}

fn offline_failure(error: OfflineError) -> Outcome {
    let message = error.to_string();
    if error.is_permanent() { permanent("STORE_ERROR", &message) } else { store_failure(error.is_full(), message) }
}

fn online_failure(error: OnlineError) -> Outcome {
    match error {
        OnlineError::Mismatch(message) => permanent("STORE_ERROR", &message),
        error => store_failure(error.is_full(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(outcome: Outcome) -> (Failure, String, String) {
        let Outcome::Failed { failure, reason, message } = outcome else { panic!("{outcome:?}") };
        (failure, reason, message)
    }

    #[test]
    fn each_failure_is_of_the_class_that_decides_about_a_retry() {
        let engine = |kind| failure(engine_failure(EngineError { kind, message: "m".to_owned() }));
        assert_eq!(engine(ErrorKind::Source), (Failure::Retryable, "SOURCE_ERROR".to_owned(), "m".to_owned()));
        assert_eq!(engine(ErrorKind::Memory), (Failure::Permanent, "MEMORY_ERROR".to_owned(), "m".to_owned()));
        assert_eq!(engine(ErrorKind::Query), (Failure::Permanent, "QUERY_ERROR".to_owned(), "m".to_owned()));
        let full = failure(online_failure(OnlineError::Full { path: "p".to_owned(), source: None }));
        let told = "online store p: the disk is full: nothing of this write is kept, what was acknowledged is safe. Make \
                    room: the store is opened again by itself";
        assert_eq!(full, (Failure::Retryable, "DISK_FULL".to_owned(), told.to_owned()));
        let store = OnlineError::Store { path: "p".to_owned(), problem: "gone".to_owned(), source: None };
        assert_eq!(failure(online_failure(store)).0, Failure::Retryable);
        assert_eq!(failure(online_failure(OnlineError::Mismatch("shape".to_owned()))).0, Failure::Permanent);
    }

    #[test]
    fn attempts_share_the_memory_and_get_a_quarter_at_least() {
        let shares = [1, 2, 4, 64].map(|workers| share(1_000, workers));
        assert_eq!(shares, [1_000, 500, 250, 250]);
    }
}
