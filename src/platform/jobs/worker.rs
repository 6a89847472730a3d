//! Workers: threads that run attempts, one at a time each.
//!
//! A worker only moves a job along; what an attempt does is a [`Materializer`]'s business. A panic in there fails the
//! attempt, not the process.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::platform::clock::pause;
use crate::platform::compute::panic_text;
use crate::platform::descriptors;

use super::record::Outcome;
use super::retry::Failure;
use super::{Jobs, Work};

/// How long a worker sleeps when nothing wakes it.
const IDLE: Duration = Duration::from_millis(500);

/// Runs one attempt from source to stores. Must be idempotent by job id: an attempt may have died after any step.
pub(crate) trait Materializer: Send + Sync {
    /// Runs it on the calling thread; looks at `work.cancel` often and tells `work.progress`.
    fn run(&self, work: &Work) -> Outcome;
}

/// Starts `count` workers that run until `stop`.
pub(crate) fn spawn(
    count: usize,
    jobs: &Arc<Jobs>,
    materializer: &Arc<dyn Materializer>,
    stop: &CancellationToken,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let start = |number| {
        let (jobs, materializer, stop) = (Arc::clone(jobs), Arc::clone(materializer), stop.clone());
        let thread = std::thread::Builder::new().name(format!("worker-{number}"));
        thread.spawn(move || work_until(&jobs, materializer.as_ref(), &stop))
    };
    (1..=count).map(start).collect()
}

fn work_until(jobs: &Jobs, materializer: &dyn Materializer, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match jobs.claim() {
            Ok(Some(work)) => {
                let outcome = attempt(materializer, &work);
                keep(jobs, &work, &outcome, stop);
            }
            Ok(None) => jobs.wait_for_work(IDLE),
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "no attempt could be started; trying again");
                pause(IDLE, stop);
            }
        }
    }
}

/// Runs an attempt; a panic becomes a failure that is retried. Whatever failed for want of file descriptors has failed
/// for that reason alone.
pub(crate) fn attempt(materializer: &dyn Materializer, work: &Work) -> Outcome {
    let result = catch_unwind(AssertUnwindSafe(|| materializer.run(work)));
    let outcome = result.unwrap_or_else(|panic| Outcome::Failed {
        failure: Failure::Retryable,
        reason: "INTERNAL_ERROR".to_owned(),
        message: format!(
            "The engine stopped unexpectedly: {}. This is a defect of the program; the attempt is tried again.",
            panic_text(panic.as_ref())
        ),
    });
    match outcome {
        Outcome::Failed { message, .. } if descriptors::are_lacking(&message) => Outcome::Failed {
            failure: Failure::Starved,
            reason: descriptors::NONE_LEFT.to_owned(),
            message: descriptors::advice(&message),
        },
        outcome => outcome,
    }
}

/// Keeps the outcome, trying until it is durable. When the platform stops first, the attempt counts as interrupted at
/// the next start, which is safe, for attempts are idempotent.
fn keep(jobs: &Jobs, work: &Work, outcome: &Outcome, stop: &CancellationToken) {
    while let Err(error) = jobs.finish(work.job.id, outcome.clone()) {
        tracing::error!(error = &error as &dyn Error, job = %work.job.id, "the end of an attempt could not be kept; trying again");
        if stop.is_cancelled() {
            return;
        }
        pause(IDLE, stop);
    }
}
