//! Materialization jobs: the durable table, the schedule, attempts, retries and cancellation.
//!
//! [`Jobs`] is the one door to the job table; every answer it gives was durable before. Its calls block on the disk:
//! async callers go through `spawn_blocking`. It must not compute features: workers do, by way of a
//! [`worker::Materializer`].

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::time::print_span;
use crate::model::{AttemptDetail, AttemptState, Id, Job, JobState, JobType, Span, StageKind, Stores, Time};
use crate::platform::clock::Clock;
use crate::platform::compute::Cancel;
use crate::platform::definition::{Kind, View};

pub(crate) mod attempt_log;
pub(crate) mod delete;
pub mod error;
pub(crate) mod figures;
pub mod filter;
pub(crate) mod force;
pub(crate) mod kept;
pub(crate) mod late;
pub(crate) mod ledger;
mod lists;
pub(crate) mod materializer;
pub(crate) mod plan;
pub(crate) mod queue;
pub mod record;
pub(crate) mod report;
mod requests;
pub mod retry;
pub(crate) mod rows;
pub(crate) mod scheduler;
mod schema;
pub(crate) mod search;
pub(crate) mod stream_figures;
pub(crate) mod stream_job;
pub(crate) mod stream_step;
pub mod table;
pub(crate) mod trigger;
pub(crate) mod upkeep;
pub(crate) mod verdict;
pub(crate) mod worker;

use error::TableError;
use ledger::Ledger;
use record::{JobRecord, Outcome};
use report::Report;
use retry::Policy;
use rows::{Applied, Queued, Rows};
use table::JobTable;

pub use error::JobsError;
pub use stream_job::LATENCY;

/// The deletion jobs that were started.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// One for each store that keys are deleted from.
    pub jobs: Vec<Job>,
    /// What the caller should know, such as a store that was skipped.
    pub notes: Vec<String>,
}

/// An attempt that was asked for.
#[derive(Clone, Debug)]
pub struct FoundAttempt {
    /// The view of its job.
    pub view: Id,
    /// The job that it is an attempt of.
    pub job: Job,
    /// What it did so far.
    pub detail: AttemptDetail,
}

/// One claimed attempt, for a worker.
#[derive(Clone, Debug)]
pub struct Work {
    /// The job; stores stamp their commits with it.
    pub job: Job,
    /// The view that the job materializes.
    pub view: Arc<View>,
    /// Set when the attempt must stop.
    pub cancel: Cancel,
    /// Takes how far the attempt is, for whoever looks.
    pub progress: Progress,
    /// Takes what the attempt tells of its stages, and its log.
    pub report: Report,
    /// The join keys of a deletion job, an Arrow IPC stream.
    pub deletion_keys: Option<Vec<u8>>,
    /// What jobs know of the view's offline table.
    pub ledger: Ledger,
}

/// The progress of a running attempt, 0 to 1. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<std::sync::atomic::AtomicU32>);

impl Progress {
    /// Tells how far the attempt is.
    pub fn set(&self, share: f32) {
        self.0.store(share.clamp(0.0, 1.0).to_bits(), std::sync::atomic::Ordering::Relaxed);
    }

    /// How far the attempt is.
    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }
}

struct Running {
    view: Id,
    cancel: Cancel,
    progress: Progress,
    report: Report,
}

#[derive(Default)]
struct Dispatch {
    running: HashMap<Id, Running>,
    served: queue::Served,
    /// Jobs whose end was asked for since somebody looked.
    cancelled: Vec<Id>,
    /// Jobs of which it was said that they wait for a stream's events to be kept.
    waiting: HashSet<Id>,
    stopping: bool,
}

/// The jobs of a deployment.
pub struct Jobs {
    table: Arc<JobTable>,
    clock: Clock,
    policy: Policy,
    views: HashMap<Id, Arc<View>>,
    applied: HashMap<Id, Applied>,
    tally: figures::Tally,
    dispatch: Mutex<Dispatch>,
    work_came: Condvar,
    /// What troubles stream jobs now, by view, as (reason, message): on a full disk the table takes none of it.
    troubles: Mutex<HashMap<Id, (String, String)>>,
    counts: late::Counts,
    last_list: lists::LastList,
}

impl Jobs {
    /// [`Jobs::open_with`] the default retry policy.
    pub fn open(path: &Path, views: &[Arc<View>], clock: Clock) -> Result<Self, TableError> {
        Self::open_with(path, views, clock, Policy::default())
    }

    /// Opens the job table at `path` for these views: resolves what depends on a view's first application, and sets
    /// right what the end of the last process left behind (interrupted attempts run again).
    pub fn open_with(path: &Path, views: &[Arc<View>], clock: Clock, policy: Policy) -> Result<Self, TableError> {
        let table = JobTable::open(path)?;
        let now = clock.now();
        let applied = table.write(|rows| {
            for id in rows.running()? {
                let Some(mut record) = rows.job(id)? else { continue };
                let attempt = record.job.last_attempt().and_then(|attempt| attempt.id);
                if record.recover(&policy, now) {
                    settle(rows, &mut record)?;
                    attempt.map_or(Ok(()), |attempt| rows.break_off(attempt, now))?;
                }
            }
            end_cancelled(rows, &rows.cancelling()?, now)?;
            views
                .iter()
                .map(|view| Ok((view.id, scheduler::apply(rows, view, now)?)))
                .collect::<Result<_, TableError>>()
        })?;
        let views = views.iter().map(|view| (view.id, Arc::clone(view))).collect();
        Ok(Self {
            table: Arc::new(table),
            clock,
            policy,
            views,
            applied,
            tally: figures::Tally::default(),
            dispatch: Mutex::default(),
            work_came: Condvar::new(),
            troubles: Mutex::default(),
            counts: late::Counts::default(),
            last_list: lists::LastList::default(),
        })
    }

    fn dispatch(&self) -> MutexGuard<'_, Dispatch> {
        self.dispatch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The views whose jobs it runs.
    pub fn views(&self) -> impl Iterator<Item = &Arc<View>> {
        self.views.values()
    }

    /// What was resolved when the view was first applied.
    pub fn applied(&self, view: Id) -> Option<Applied> {
        self.applied.get(&view).copied()
    }

    /// The instant before which no event counts for a view: the start of its features, of aggregates less the longest
    /// window as in jobs, so that early features are whole. Absent where features have no start.
    pub(crate) fn events_begin(&self, view: &View) -> Option<Time> {
        let start = self.applied(view.id)?.feature_start?;
        Some(match view.kind {
            Kind::Aggregate { .. } => plan::begins(view, start),
            Kind::Temporal { .. } => start,
        })
    }

    /// Claims the attempt that should run next; nothing when none is queued or the platform stops.
    pub fn claim(&self) -> Result<Option<Work>, TableError> {
        let mut dispatch = self.dispatch();
        if dispatch.stopping {
            return Ok(None);
        }
        let now = self.clock.now();
        let busy: HashSet<Id> = dispatch.running.values().map(|running| running.view).collect();
        let claimed = self.table.write(|rows| {
            let queued = rows.queued()?;
            let ready = |q: &Queued| self.views.get(&q.view).is_some_and(|view| kept::is_there(view, q, now));
            let free = queued.iter().filter(|q| !busy.contains(&q.view) && ready(q));
            let Some(next) = queue::choose(free, &dispatch.served) else { return Ok(None) };
            let Some(mut record) = rows.job(next.job)? else { return Ok(None) };
            record.start(now);
            rows.save(&mut record)?;
            let deletion_keys = if next.is_deletion { rows.deletion_keys(next.job)? } else { None };
            Ok::<_, TableError>(Some((record, deletion_keys)))
        })?;
        let Some((record, deletion_keys)) = claimed else { return Ok(None) };
        let Some(view) = self.views.get(&record.view).map(Arc::clone) else { return Ok(None) };
        let attempt = record.job.last_attempt().and_then(|attempt| attempt.id).unwrap_or_default();
        let report = Report::new(attempt, record.view, stages(&record.job), &self.table, &self.clock);
        let (cancel, progress) = (Cancel::default(), Progress::default());
        let ledger = Ledger::new(&self.table, &view);
        let work = Work { job: record.job, view, cancel, progress, report, deletion_keys, ledger };
        dispatch.served.serve(record.view);
        dispatch.waiting.remove(&work.job.id);
        let (cancel, progress, report) = (work.cancel.clone(), work.progress.clone(), work.report.clone());
        dispatch.running.insert(work.job.id, Running { view: record.view, cancel, progress, report });
        Ok(Some(work))
    }

    /// Keeps how an attempt ended. On an error nothing is changed: call it again.
    pub fn finish(&self, job: Id, outcome: Outcome) -> Result<(), TableError> {
        let now = self.clock.now();
        let report = self.dispatch().running.get(&job).map(|running| running.report.clone());
        let keep = |rows: &Rows| {
            let Some(mut record) = rows.job(job)? else { return Ok(None) };
            record.finish(outcome.clone(), &self.policy, now);
            settle(rows, &mut record)?;
            Ok(Some((record.view, record.job.job_type)))
        };
        let ended = match &report {
            Some(report) => report.close(&outcome, keep)?,
            None => self.table.write(keep)?,
        };
        if let Some((view, job_type)) = ended {
            self.tally.ended(view, &outcome);
            if let Some(report) = report.filter(|_| job_type == JobType::Batch) {
                self.tally.wrote(view, &report);
            }
        }
        self.dispatch().running.remove(&job);
        self.work_came.notify_all();
        Ok(())
    }

    /// Waits until there may be work, at most `limit`.
    pub fn wait_for_work(&self, limit: Duration) {
        let guard = self.dispatch();
        if !guard.stopping {
            drop(self.work_came.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Stops handing out work and asks running attempts to stop.
    pub fn stop(&self) {
        let mut dispatch = self.dispatch();
        dispatch.stopping = true;
        dispatch.running.values().for_each(|running| running.cancel.cancel());
        self.work_came.notify_all();
    }

    /// Ends the jobs whose end was asked for and of which nothing runs, makes the jobs that the schedule wants by now,
    /// and queues those that are due. Returns how many were made.
    pub fn schedule(&self) -> Result<usize, TableError> {
        let now = self.clock.now();
        self.end_cancelled(now)?;
        self.tell_waiting(now)?;
        let mut made = 0;
        for view in self.views.values().filter(|view| view.live) {
            let Some(applied) = self.applied(view.id) else { continue };
            let (new, taken_back) = self.table.write(|rows| {
                let new = scheduler::extend(rows, view, applied, now)?;
                Ok::<_, TableError>((new, scheduler::take_back(rows, view, now)?))
            })?;
            made += new;
            if taken_back > 0 {
                tracing::warn!(
                    view = view.name,
                    jobs = taken_back,
                    "windows that are not over yet had been materialized, for the clock was ahead; their jobs wait for the end of them"
                );
            }
        }
        let due = self.table.read(|rows| rows.due(now))?;
        if !due.is_empty() {
            self.table.write(|rows| scheduler::queue_due(rows, &due, now))?;
        }
        if made > 0 || !due.is_empty() {
            self.work_came.notify_all();
        }
        Ok(made)
    }

    /// Ends the jobs whose end was asked for, but for those whose attempt still runs.
    fn end_cancelled(&self, now: Time) -> Result<(), TableError> {
        let asked = std::mem::take(&mut self.dispatch().cancelled);
        if asked.is_empty() {
            return Ok(());
        }
        let ended = self.table.write(|rows| end_cancelled(rows, &asked, now));
        if ended.is_err() {
            self.dispatch().cancelled.extend(asked);
        }
        ended
    }

    /// Moves what waits for a span of time along with a clock that has jumped: a retry comes after its wait, neither
    /// with all others at once nor hours late. What waits for an instant, such as the end of a window, stays.
    pub fn clock_jumped(&self, jump: Span) -> Result<(), TableError> {
        let how = if jump < Span::zero() { "was set back" } else { "went forward (it was set, or the machine slept)" };
        let by = print_span(jump.abs());
        let moved = self.table.write(|rows| rows.move_retries(jump))?;
        tracing::warn!(by, retries = moved, "the clock of this machine {how}; retries keep their waits");
        Ok(())
    }

    /// The clock that jobs go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Adds a line to the log of a view's stream job.
    pub fn say_of_stream(&self, view: Id, text: &str) -> Result<(), TableError> {
        let now = self.clock.now();
        self.change_stream(view, |record| {
            record.say(text, now);
            true
        })
    }

    /// The stream job of a view, when it is to run or asked to stop.
    pub fn stream_job(&self, view: Id) -> Result<Option<Job>, TableError> {
        let record = self.table.read(|rows| rows.stream_job(view))?;
        Ok(record.map(|record| record.job).filter(|job| !job.state.is_terminal()))
    }

    /// The newest stream job of a view, whatever its state, with what troubles it.
    pub fn newest_stream_job(&self, view: Id) -> Result<Option<Job>, TableError> {
        let record = self.table.read(|rows| rows.stream_job(view))?;
        Ok(record.map(|record| self.with_progress(record.job)))
    }

    /// Keeps what troubles a view's stream job, as (reason, message); `None` when nothing does and it is being written.
    pub fn note_stream(&self, view: Id, trouble: Option<(&str, &str)>) -> Result<(), TableError> {
        let now = self.clock.now();
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some((reason, message)) => drop(troubles.insert(view, (reason.to_owned(), message.to_owned()))),
            None => drop(troubles.remove(&view)),
        }
        drop(troubles);
        if trouble.is_none() {
            self.table.write(|rows| rows.will_write(view, Stores { online: true, offline: false }))?;
        }
        self.change_stream(view, |record| !record.job.state.is_terminal() && record.note(trouble, now))
    }

    /// Ends a stream job that was asked to stop.
    pub fn stream_stopped(&self, view: Id) -> Result<(), TableError> {
        let now = self.clock.now();
        self.change_stream(view, |record| {
            let asked = record.job.job_type == JobType::Stream && !record.job.state.can_cancel();
            if asked {
                record.finish(Outcome::Stopped, &self.policy, now);
            }
            asked
        })
    }

    fn change_stream(&self, view: Id, change: impl FnOnce(&mut JobRecord) -> bool) -> Result<(), TableError> {
        self.table.write(|rows| {
            let Some(mut record) = rows.stream_job(view)? else { return Ok(()) };
            if change(&mut record) { rows.save(&mut record) } else { Ok(()) }
        })
    }
}

/// The stages that an attempt of the job goes through.
fn stages(job: &Job) -> Vec<StageKind> {
    let kinds = [
        (job.job_type == JobType::Batch, StageKind::Compute),
        (job.offline, StageKind::Offline),
        (job.online, StageKind::Online),
    ];
    kinds.into_iter().filter(|(wanted, _)| *wanted).map(|(_, kind)| kind).collect()
}

/// Ends these jobs, whose end was asked for, but for those whose attempt still runs: they end with it.
fn end_cancelled(rows: &Rows, asked: &[Id], now: Time) -> Result<(), TableError> {
    for id in asked {
        let Some(mut record) = rows.job(*id)? else { continue };
        if record.end_cancelled(now) {
            settle(rows, &mut record)?;
        }
    }
    Ok(())
}

/// Saves a record that may just have ended, with what must become true in the same transaction: what a batch job
/// materialized is covered, and keys are kept no longer than the deletion may need them.
fn settle(rows: &Rows, record: &mut JobRecord) -> Result<(), TableError> {
    rows.save(record)?;
    let job = &record.job;
    let written = job.last_attempt().is_some_and(|attempt| attempt.state == AttemptState::Success);
    match (&job.job_type, &job.state, job.window) {
        (JobType::Batch, JobState::Success | JobState::Cancelled, Some(window)) if written => {
            rows.cover(record.view, window, Stores { online: job.online, offline: job.offline })
        }
        (JobType::Deletion, JobState::Success | JobState::Cancelled, _) => rows.drop_deletion_keys(job.id),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
