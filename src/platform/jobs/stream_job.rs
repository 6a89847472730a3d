//! Stream jobs: for each stream view, reads new events and writes them online, for as long as the platform lives.
//!
//! A few threads take turns over all views, each view in one of them at a time: a slow view holds up no other while a
//! thread is left, and one in trouble waits by itself. Errors never stop a stream and are never silent: they are kept in
//! the job's attempt and tried again with a growing pause. How far a view has read is stored by the online store in the
//! same write as the rows.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::model::{Id, JobState};
use crate::platform::clock::backoff;
use crate::platform::compute::panic_text;
use crate::platform::definition::View;
use crate::platform::descriptors;
use crate::platform::source::records::Refused;

use super::Jobs;
use super::attempt_log::grouped;
use super::figures::LeftOut;

/// How often streams are read when they are caught up, unless the platform is told otherwise.
pub const LATENCY: Duration = Duration::from_millis(200);
/// Most threads that read streams.
const THREADS: usize = 8;
/// Which part of the latency a stream gathers events after it was read, before it is woken for more.
const GATHER: u32 = 4;
/// How often a thread that has nothing to do looks whether the platform stops, and a stream whether its job does.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub reason: String,
    pub message: String,
}

/// Takes what a stream cannot write.
pub(crate) trait Refusals: Send + Sync {
    /// Sets it aside. It is durable when this returns; what was added before, of the same view, place and reason, is not
    /// added again. What is given is all that cannot be written from the position of the view on: what was added from
    /// there before, in a try whose write failed, goes.
    fn add(&self, view: &View, refused: &[Refused]) -> Result<(), Trouble>;
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

    /// No further step is made of that view for now.
    fn ended(&self, _view: &View) {}

    /// Changes whenever events have come that a step would read; absent where the source does not tell.
    fn changed(&self, _view: &View) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// One view's place in the round.
struct Turn {
    view: Arc<View>,
    due: Instant,
    /// When its last step began.
    began: Option<Instant>,
    state: Progress,
}

#[derive(Default)]
struct Progress {
    failures: u32,
    noted: Option<Trouble>,
    looked: bool,
    /// The job that is to run, if any, and when that was asked.
    wanted: Option<(Option<Id>, Instant)>,
    /// Whether its source tells what comes; absent until that was tried.
    listens: Option<bool>,
}

#[derive(Default)]
struct Round {
    turns: Vec<Turn>,
    /// Views of which events came while a thread had them.
    rung: HashSet<Id>,
    /// Until when a thread waits for the next turn that is due; the others wait to be called.
    watched: Option<Instant>,
}

/// The turns of all views.
pub(crate) struct Turns {
    latency: Duration,
    /// How long a stream that was read gathers events before it is woken for more.
    gather: Duration,
    round: Mutex<Round>,
    came: Condvar,
    /// Where sources are listened to; without one, streams are read at their pace alone.
    runtime: Option<tokio::runtime::Handle>,
}

impl Turns {
    /// One for each of `views` that writes a stream online. An event that comes is read within about `latency`.
    pub(crate) fn new(views: &[Arc<View>], latency: Duration, runtime: Option<tokio::runtime::Handle>) -> Self {
        let streams = views.iter().filter(|view| view.writes_stream());
        let now = Instant::now();
        let turn =
            |view: &Arc<View>| Turn { view: Arc::clone(view), due: now, began: None, state: Progress::default() };
        let round = Round { turns: streams.map(turn).collect(), ..Round::default() };
        Self { latency, gather: latency / GATHER, round: Mutex::new(round), came: Condvar::new(), runtime }
    }

    /// The same, for tests in which nothing is gathered.
    #[cfg(test)]
    pub(super) fn at_once(self) -> Self {
        Self { gather: Duration::ZERO, ..self }
    }

    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next turn that is due, once there is one; absent when the platform stops.
    fn take(&self, stop: &CancellationToken) -> Option<Turn> {
        let mut round = self.round();
        loop {
            if stop.is_cancelled() {
                self.came.notify_all();
                return None;
            }
            let now = Instant::now();
            let next = (0..round.turns.len()).min_by_key(|at| round.turns[*at].due);
            let due = next.map(|at| round.turns[at].due.saturating_duration_since(now));
            if let (Some(next), Some(Duration::ZERO)) = (next, due) {
                self.came.notify_one();
                return Some(round.turns.swap_remove(next));
            }
            let span = due.unwrap_or(LOOK).min(LOOK);
            let watches = round.watched.is_none();
            if watches {
                round.watched = Some(now + span);
            }
            let span = if watches { span } else { LOOK };
            round = self.came.wait_timeout(round, span).unwrap_or_else(PoisonError::into_inner).0;
            if watches {
                round.watched = None;
            }
        }
    }

    /// Puts a turn back that is due after a pause, or as soon as events come where it may be woken.
    fn put_back(&self, mut turn: Turn, pause: Duration) {
        turn.due = Instant::now() + pause;
        let mut round = self.round();
        if round.rung.remove(&turn.view.id) {
            turn.wake(self.gather);
        }
        let due = turn.due;
        round.turns.push(turn);
        self.call(round, due);
    }

    /// Events of a view have come.
    pub(crate) fn ring(&self, view: Id) {
        let mut round = self.round();
        let Some(turn) = round.turns.iter_mut().find(|turn| turn.view.id == view) else {
            round.rung.insert(view);
            return;
        };
        turn.wake(self.gather);
        let due = turn.due;
        self.call(round, due);
    }

    /// Calls the threads that wait, where a turn is due before any of them looks.
    fn call(&self, round: MutexGuard<'_, Round>, due: Instant) {
        let is_next = round.watched.is_none_or(|until| due < until);
        drop(round);
        if is_next {
            self.came.notify_all();
        }
    }
}

impl Turn {
    /// It is due now, or once it has gathered events for so long. One in trouble keeps its pause.
    fn wake(&mut self, gather: Duration) {
        if self.state.failures == 0 {
            let now = Instant::now();
            self.due = self.due.min(self.began.map_or(now, |began| (began + gather).max(now)));
        }
    }
}

/// Starts the threads that run the streams of `turns` until `stop`.
pub(crate) fn spawn(
    jobs: &Arc<Jobs>,
    turns: &Arc<Turns>,
    step: &Arc<dyn StreamStep>,
    stop: &CancellationToken,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let start = |number| {
        let (jobs, turns, step, stop) = (Arc::clone(jobs), Arc::clone(turns), Arc::clone(step), stop.clone());
        let thread = std::thread::Builder::new().name(format!("stream-{number}"));
        thread.spawn(move || run(&jobs, &turns, step.as_ref(), &stop))
    };
    let streams = turns.round().turns.len();
    (1..=streams.min(THREADS)).map(start).collect()
}

/// Runs streams until `stop`, on the calling thread.
pub(crate) fn run(jobs: &Jobs, turns: &Arc<Turns>, step: &dyn StreamStep, stop: &CancellationToken) {
    while let Some(mut turn) = turns.take(stop) {
        turn.began = Some(Instant::now());
        let listened = turn.state.listens == Some(true);
        let pause = if take_turn(jobs, &turn.view, step, &mut turn.state) {
            Duration::ZERO
        } else if turn.state.failures > 0 {
            backoff(turn.state.failures)
        } else {
            if turn.state.listens.is_none() && turn.state.looked {
                turn.state.listens = Some(listen(turns, &turn.view, step, stop));
            }
            turn.state.rest(turns.latency, listened)
        };
        turns.put_back(turn, pause);
    }
}

impl Progress {
    /// How long a turn rests that has nothing to do. `listened`: all that has come since it began rings.
    fn rest(&self, latency: Duration, listened: bool) -> Duration {
        let is_stopped = self.wanted.is_none_or(|(job, _)| job.is_none());
        if listened || is_stopped { latency.max(LOOK) } else { latency }
    }
}

/// Has the view's turn come whenever its source says that something came. False where it does not tell.
fn listen(turns: &Arc<Turns>, view: &View, step: &dyn StreamStep, stop: &CancellationToken) -> bool {
    let Some(runtime) = &turns.runtime else { return false };
    let Some(mut changed) = step.changed(view) else { return false };
    let (turns, stop, view) = (Arc::downgrade(turns), stop.clone(), view.id);
    runtime.spawn(async move {
        loop {
            let came = tokio::select! { () = stop.cancelled() => break, came = changed.changed() => came };
            let (Ok(()), Some(turns)) = (came, turns.upgrade()) else { break };
            turns.ring(view);
        }
    });
    true
}

/// One view's turn. True when it should get another at once.
fn take_turn(jobs: &Jobs, view: &View, step: &dyn StreamStep, state: &mut Progress) -> bool {
    let before = state.wanted.and_then(|(job, _)| job);
    let wanted = wanted(jobs, view, state);
    if wanted.is_none() || (before.is_some() && before != wanted) {
        if state.looked {
            step.ended(view);
        }
        // Another job of this view begins anew: with no trouble that was told, and no pause.
        *state = Progress { wanted: state.wanted, listens: state.listens, ..Progress::default() };
    }
    if wanted.is_none() {
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

/// The stream job that is to run; completes a cancel that was asked for. Asked now and then alone, for the answer is on
/// the disk.
fn wanted(jobs: &Jobs, view: &View, state: &mut Progress) -> Option<Id> {
    let known = state.wanted.filter(|(_, asked)| asked.elapsed() < LOOK);
    let (job, _) = *state.wanted.insert(known.unwrap_or_else(|| (ask_wanted(jobs, view), Instant::now())));
    job
}

fn ask_wanted(jobs: &Jobs, view: &View) -> Option<Id> {
    let wanted = jobs.stream_job(view.id).and_then(|job| match job.map(|job| (job.id, job.state)) {
        Some((id, JobState::Running)) => Ok(Some(id)),
        Some((_, JobState::CancellationRequested)) => jobs.stream_stopped(view.id).map(|()| None),
        _ => Ok(None),
    });
    wanted.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, view = view.name, "the stream job could not be read");
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_is_rung_or_whose_job_is_stopped_comes_less_often() {
        let wanted = |job| Progress { wanted: Some((job, Instant::now())), ..Progress::default() };
        let (runs, is_stopped) = (wanted(Some(Id(1))), wanted(None));
        assert_eq!(runs.rest(LATENCY, false), LATENCY);
        assert_eq!([runs.rest(LATENCY, true), is_stopped.rest(LATENCY, false)], [LOOK; 2]);
        assert_eq!(runs.rest(LOOK * 2, true), LOOK * 2, "never more often than the rest");
    }
}
