//! An attempt from source to stores: compute, commit offline, write online; or, of a deletion job, keys out of a store.
//!
//! Each step is idempotent by job id, so that `kill -9` at any instruction leaves the window either not done or done once:
//! the offline table knows the job's stamp, the online store replaces the window's tiles. Once the first store is being written,
//! a wish to stop waits for the second, so that they agree.

use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::DataFrame;
use tokio::runtime::Handle;

use crate::model::time::print_time;
use crate::model::{JobType, StageKind, Time, Window};
use crate::platform::clock::Clock;
use crate::platform::engine::{self, EngineError, ErrorKind};
use crate::platform::offline::{Maintained, OfflineError, OfflineTable, Stamp};
use crate::platform::online::{OnlineError, OnlineStore};

use super::Work;
use super::record::Outcome;
use super::report::{describe, grouped};
use super::retry::Failure;
use super::worker::Materializer;

mod deletion;

/// Share of an attempt's progress that computing takes.
const COMPUTED: f32 = 0.8;
/// Progress once the offline store is written.
const COMMITTED: f32 = 0.9;

/// Runs attempts with the engine into the embedded stores.
pub struct EngineMaterializer {
    /// Folder of the offline tables.
    pub offline: PathBuf,
    /// The online store.
    pub online: Arc<OnlineStore>,
    /// Where async work of the offline store runs.
    pub runtime: Handle,
    /// What time it is.
    pub clock: Clock,
    /// Most bytes that one attempt may hold.
    pub memory: u64,
}

/// What each of `workers` attempts may hold of `memory` bytes: an equal share, yet never less than a quarter, for not all of
/// many attempts are large at the same time.
pub fn share(memory: u64, workers: usize) -> u64 {
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
        let rows = engine::materialize(&work.view, window, now, (&work.cancel, self.memory), &progress);
        let rows = rows.map_err(engine_failure)?;
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
        let written = self.runtime.block_on(async {
            let mut table = OfflineTable::open_or_create(&self.offline, &work.view).await?;
            let written = table.replace(window, rows, stamp(work)).await?;
            Ok((table, written))
        });
        let (table, written) = written.map_err(offline_failure)?;
        let amount = describe(Some(written.rows), Some(written.bytes));
        work.report.say(&format!("Committed {amount} to the offline table in the place of what the window held."));
        work.report.done(Some(written.rows), Some(written.bytes));
        Ok(table)
    }

    /// Upkeep of the table. What fails here is tried again after the next job; the window is written either way.
    fn maintain(&self, work: &Work, mut table: OfflineTable, window: Window, now: Time) {
        match self.runtime.block_on(table.maintain(window, now)) {
            Ok(Maintained { compacted: 0, vacuumed: 0 }) => {}
            Ok(Maintained { compacted, vacuumed }) => {
                let (joined, removed) = (grouped(compacted), grouped(vacuumed));
                work.report.say(&format!("Joined {joined} small files, removed {removed} that no reader needs."));
            }
            Err(error) => work.report.say(&format!("The upkeep of the table was left out: {error}.")),
        }
    }
}

fn stamp(work: &Work) -> Stamp {
    Stamp { job: work.job.id, attempt: work.job.last_attempt().map_or(1, |attempt| attempt.number) }
}

/// Begins a stage. Where that cannot be kept, nothing is written either.
fn begin(work: &Work, stage: StageKind) -> Result<(), Outcome> {
    work.report.begin(stage).map_err(|error| store_failure(error.is_full(), error.to_string()))
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
pub fn reason(kind: ErrorKind) -> &'static str {
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
pub fn store_reason(full: bool) -> &'static str {
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
        let full = failure(online_failure(OnlineError::Full { path: "p".to_owned() }));
        let told = "online store p: the disk is full: nothing of this write is kept, what was acknowledged is safe. Make \
                    room and start the platform again";
        assert_eq!(full, (Failure::Retryable, "DISK_FULL".to_owned(), told.to_owned()));
        let store = OnlineError::Store { path: "p".to_owned(), problem: "gone".to_owned() };
        assert_eq!(failure(online_failure(store)).0, Failure::Retryable);
        assert_eq!(failure(online_failure(OnlineError::Mismatch("shape".to_owned()))).0, Failure::Permanent);
    }

    #[test]
    fn attempts_share_the_memory_and_get_a_quarter_at_least() {
        let shares = [1, 2, 4, 64].map(|workers| share(1_000, workers));
        assert_eq!(shares, [1_000, 500, 250, 250]);
    }
}
