//! The threads behind the queries: some that compute, one that sweeps.
//!
//! A panic while computing becomes an error of that query; the thread goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{AT_ONCE, Ask, Compute, Computed, Failure, KNOWN, Owner, Queries, RESULT_BYTES, State};
use crate::platform::clock::pause;
use crate::platform::compute::{Cancel, panic_text};
use crate::platform::descriptors;
use crate::platform::engine::ask::Control;
use crate::wire::queries::{QueryError, QueryState};
use crate::wire::status;

/// Most bytes that one computation may hold.
const MEMORY: u64 = 1 << 30;
const SWEEP: Duration = Duration::from_secs(1);

/// Starts the threads; they run until [`Queries::stop`] and `stop`.
pub(crate) fn spawn(
    queries: &Queries,
    compute: &Arc<dyn Compute>,
    stop: &CancellationToken,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let start = |number| {
        let (queries, compute) = (queries.clone(), Arc::clone(compute));
        Builder::new().name(format!("query-{number}")).spawn(move || work(&queries, compute.as_ref()))
    };
    let mut threads = (1..=AT_ONCE).map(start).collect::<std::io::Result<Vec<_>>>()?;
    let (queries, stop) = (queries.clone(), stop.clone());
    threads.push(Builder::new().name("query-sweep".to_owned()).spawn(move || {
        while !stop.is_cancelled() {
            queries.sweep(Instant::now());
            pause(SWEEP, &stop);
        }
    })?);
    Ok(threads)
}

fn work(queries: &Queries, compute: &dyn Compute) {
    while let Some(work) = queries.next() {
        let outcome = attempt(compute, &work);
        queries.finish(work.id, outcome);
    }
}

/// A query that is to be computed now.
struct Work {
    id: Uuid,
    ask: Ask,
    cancel: Cancel,
    rows_read: Arc<AtomicU64>,
}

fn attempt(compute: &dyn Compute, work: &Work) -> Result<Computed, Failure> {
    let progress = |rows| work.rows_read.store(rows, Ordering::Relaxed);
    let control = Control { cancel: &work.cancel, progress: &progress, memory: MEMORY };
    let outcome = catch_unwind(AssertUnwindSafe(|| compute.compute(&work.ask, control)));
    let outcome = outcome.unwrap_or_else(|panic| {
        let message = format!(
            "The engine stopped unexpectedly: {}. This is a defect of the program.",
            panic_text(panic.as_ref())
        );
        Err(Failure::Error(QueryError { code: status::INTERNAL, message }))
    });
    outcome.map_err(|failure| match failure {
        Failure::Error(error) if descriptors::are_lacking(&error.message) => {
            let message = descriptors::advice(&error.message);
            Failure::Error(QueryError { code: status::RESOURCE_EXHAUSTED, message })
        }
        failure => failure,
    })
}

impl State {
    /// Takes the oldest query of a key of which none is computed now, else the oldest of all.
    fn pop(&mut self) -> Option<Uuid> {
        let running = self.entries.values().filter(|entry| entry.state() == QueryState::Running);
        let running: Vec<Owner> = running.map(|entry| entry.owner).collect();
        let waits = |id: &Uuid| self.entries.get(id).is_some_and(|entry| !running.contains(&entry.owner));
        let next = self.queue.iter().position(waits).unwrap_or(0);
        self.queue.remove(next)
    }
}

impl Queries {
    /// Waits for the next query; nothing once the platform stops.
    fn next(&self) -> Option<Work> {
        let mut state = self.state();
        loop {
            if state.stopping {
                return None;
            }
            while let Some(id) = state.pop() {
                let Some(entry) = state.entries.get_mut(&id) else { continue };
                let (cancel, rows_read) = (entry.cancel.clone(), Arc::clone(&entry.rows_read));
                if let Some(ask) = entry.start(Instant::now()) {
                    return Some(Work { id, ask, cancel, rows_read });
                }
            }
            state = self.0.work_came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self, id: Uuid, outcome: Result<Computed, Failure>) {
        let mut state = self.state();
        if let Some(entry) = state.entries.get_mut(&id) {
            entry.finish(outcome, Instant::now());
        }
        state.forget_over(KNOWN, RESULT_BYTES);
    }
}
