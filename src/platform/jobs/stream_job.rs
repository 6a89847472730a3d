//! Stream jobs: for each stream view, reads new events and writes them online, for as long as the platform lives.
//!
//! One thread for all views. Errors never stop it and are never silent: they are kept in the job's attempt and tried
//! again with a growing pause. How far a view has read is stored by the online store in the same write as the rows.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::model::{Id, JobState};
use crate::platform::clock::pause;
use crate::platform::compute::{self, panic_text};
use crate::platform::definition::View;
use crate::platform::descriptors;
use crate::platform::engine::Engine;
use crate::platform::online::OnlineStore;
use crate::platform::source::readers::Readers;

use super::attempt_log::grouped;
use super::figures::LeftOut;
use super::{Jobs, materializer};

/// How often streams are read when they are caught up.
const TICK: Duration = Duration::from_secs(1);
const BATCH: usize = 2_000;
/// Pause after the first error; it doubles.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause after an error.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub reason: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Whether there is more to read at once.
    pub more: bool,
    /// What it did not bring.
    pub left_out: LeftOut,
}

/// One step of a view's stream.
pub(crate) trait StreamStep: Send + Sync {
    /// Reads and writes one micro-batch.
    fn step(&self, view: &View) -> Result<Step, Trouble>;
}

/// The step of the embedded platform: source, engine, online store.
pub(crate) struct EngineStep {
    pub engine: Arc<dyn Engine>,
    pub readers: Arc<Readers>,
    /// Where rows and positions go.
    pub online: Arc<OnlineStore>,
}

impl StreamStep for EngineStep {
    fn step(&self, view: &View) -> Result<Step, Trouble> {
        let source = view.inputs.first().map(|input| &input.source);
        let Some(source) = source.filter(|source| source.stream.is_some()) else { return Ok(Step::default()) };
        let stream = self.readers.get(source).map_err(engine_trouble)?;
        let position = self.online.settled_position(view.id).map_err(store_trouble)?.unwrap_or_default();
        let batch = position.read(&*stream, BATCH).map_err(engine_trouble)?;
        let more = !batch.caught_up && batch.position != position;
        // Refused records are read: without a position behind them they would come again each time.
        if batch.events.height() == 0 && batch.refused.is_empty() && !more {
            return Ok(Step::default());
        }
        let rows = self.engine.transform_stream(view, batch.events).map_err(engine_trouble)?.rows;
        let written = self.online.write_stream(view, &rows, &batch.position, batch.newest).map_err(store_trouble)?;
        if let Some(first) = batch.refused.first() {
            let (records, place, why) = (batch.refused.len(), &first.place, &first.message);
            tracing::warn!(view = view.name, records, place, why, "records of the stream were refused");
        }
        tracing::debug!(view = view.name, position = batch.position.print(&*stream), ?written, "stream written");
        Ok(Step { more, left_out: LeftOut { late: written.late, expired: batch.expired } })
    }
}

fn engine_trouble(error: compute::EngineError) -> Trouble {
    Trouble { reason: materializer::reason(error.kind).to_owned(), message: error.message }
}

fn store_trouble(error: crate::platform::online::OnlineError) -> Trouble {
    Trouble { reason: materializer::store_reason(error.is_full()).to_owned(), message: error.to_string() }
}

#[derive(Default)]
struct Progress {
    failures: u32,
    not_before: Option<Instant>,
    noted: Option<Trouble>,
    looked: bool,
}

/// Runs the streams of `views` until `stop`, on the calling thread.
pub(crate) fn run(jobs: &Jobs, views: &[Arc<View>], step: &dyn StreamStep, stop: &CancellationToken) {
    let mut states: HashMap<Id, Progress> = HashMap::new();
    while !stop.is_cancelled() {
        let mut more = false;
        for view in views.iter().filter(|view| view.live && view.online && view.is_stream()) {
            if stop.is_cancelled() {
                return;
            }
            more |= turn(jobs, view, step, states.entry(view.id).or_default());
        }
        if !more {
            pause(TICK, stop);
        }
    }
}

/// One view's turn. True when it should get another at once.
fn turn(jobs: &Jobs, view: &View, step: &dyn StreamStep, state: &mut Progress) -> bool {
    if !is_wanted(jobs, view) {
        // Another job of this view begins anew: with no trouble that was told, and no pause.
        *state = Progress::default();
        return false;
    }
    if state.not_before.is_some_and(|at| Instant::now() < at) {
        return false;
    }
    let stepped = catch_unwind(AssertUnwindSafe(|| step.step(view)));
    let result = stepped.unwrap_or_else(|panic| {
        let message = format!("The engine stopped unexpectedly: {}.", panic_text(panic.as_ref()));
        Err(Trouble { reason: "INTERNAL_ERROR".to_owned(), message })
    });
    let (step, trouble) = match result {
        Ok(step) => (step, None),
        Err(trouble) if descriptors::are_lacking(&trouble.message) => {
            let (reason, message) = (descriptors::NONE_LEFT.to_owned(), descriptors::advice(&trouble.message));
            (Step::default(), Some(Trouble { reason, message }))
        }
        Err(trouble) => (Step::default(), Some(trouble)),
    };
    jobs.stream_left_out(view.id, step.left_out);
    let expired = step.left_out.expired;
    if expired > 0 {
        tracing::warn!(view = view.name, events = expired, "events of the stream were not read in time");
        if let Err(error) = jobs.say_of_stream(view.id, &passed_over(expired)) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                view = view.name,
                "the stream job's log could not be kept"
            );
        }
    }
    state.failures = if trouble.is_some() { state.failures.saturating_add(1) } else { 0 };
    state.not_before = trouble.as_ref().map(|_| Instant::now() + backoff(state.failures));
    if !state.looked || state.noted != trouble {
        let words = trouble.as_ref().map(|t| (t.reason.as_str(), t.message.as_str()));
        match jobs.note_stream(view.id, words) {
            Ok(()) => (state.looked, state.noted) = (true, trouble),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                view = view.name,
                "the stream job's state could not be kept"
            ),
        }
    }
    step.more
}

/// The line about events that nobody read in time.
fn passed_over(events: u64) -> String {
    format!(
        "Events of the stream that were not read in time: {}. They had arrived longer ago than the stream keeps them; the \
         batch jobs of their windows bring them.",
        grouped(events)
    )
}

/// Whether the stream job is to run; completes a cancel that was asked for.
fn is_wanted(jobs: &Jobs, view: &View) -> bool {
    let wanted = jobs.stream_job(view.id).and_then(|job| match job.map(|job| job.state) {
        Some(JobState::Running) => Ok(true),
        Some(JobState::CancellationRequested) => jobs.stream_stopped(view.id).map(|()| false),
        _ => Ok(false),
    });
    wanted.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, view = view.name, "the stream job could not be read");
        false
    })
}

fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    (FIRST_BACKOFF * 2_u32.pow(doublings)).min(LONGEST_BACKOFF)
}
