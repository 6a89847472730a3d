//! A batch attempt from source to stores: compute, commit offline, write online.
//!
//! Each step is idempotent by job id, so that `kill -9` at any instruction leaves the window either not done or done once:
//! the offline table knows the job's stamp, the online store replaces the window's tiles.

use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::DataFrame;
use tokio::runtime::Handle;

use crate::model::Window;
use crate::platform::clock::Clock;
use crate::platform::engine::{self, EngineError, ErrorKind};
use crate::platform::offline::{OfflineError, OfflineTable, Stamp};
use crate::platform::online::{OnlineError, OnlineStore};

use super::Work;
use super::record::Outcome;
use super::retry::Failure;
use super::worker::Materializer;

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
}

impl Materializer for EngineMaterializer {
    fn run(&self, work: &Work) -> Outcome {
        self.attempt(work).err().unwrap_or(Outcome::Success)
    }
}

impl EngineMaterializer {
    fn attempt(&self, work: &Work) -> Result<(), Outcome> {
        let window = work.job.window.ok_or_else(|| permanent("INTERNAL_ERROR", "This job has no window."))?;
        let progress = |share: f32| work.progress.set(share * COMPUTED);
        let now = self.clock.now();
        let rows = engine::materialize(&work.view, window, now, (&work.cancel, engine::MEMORY), &progress);
        let rows = rows.map_err(engine_failure)?;
        // The last look at the flag: from here on both stores are written, so that they agree.
        if work.cancel.is_cancelled() {
            return Err(Outcome::Stopped);
        }
        if work.job.offline {
            self.runtime.block_on(self.commit(work, window, rows.clone())).map_err(offline_failure)?;
        }
        work.progress.set(COMMITTED);
        if work.job.online {
            self.online.write_batch(&work.view, window, &rows, now).map_err(online_failure)?;
        }
        work.progress.set(1.0);
        Ok(())
    }

    async fn commit(&self, work: &Work, window: Window, rows: DataFrame) -> Result<(), OfflineError> {
        let mut table = OfflineTable::open_or_create(&self.offline, &work.view).await?;
        let attempt = work.job.last_attempt().map_or(1, |attempt| attempt.number);
        table.replace(window, rows, Stamp { job: work.job.id, attempt }).await.map(drop)
    }
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

fn offline_failure(error: OfflineError) -> Outcome {
    retryable("STORE_ERROR", error.to_string())
}

fn online_failure(error: OnlineError) -> Outcome {
    match error {
        OnlineError::Mismatch(message) => permanent("STORE_ERROR", &message),
        error => retryable("STORE_ERROR", error.to_string()),
    }
}
