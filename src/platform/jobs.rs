//! Materialization jobs: the durable table, the schedule, attempts, retries and cancellation.
//!
//! [`Jobs`] is the one door to the job table; every answer it gives was durable before. Its calls block on the disk:
//! async callers go through `spawn_blocking`. It must not compute features: workers do, by way of a
//! [`worker::Materializer`].

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;

use polars::prelude::DataFrame;

use crate::model::{AttemptDetail, AttemptState, Coverage, Id, Job, JobType, Stores, Time, TriggerRequest};
use crate::platform::clock::Clock;
use crate::platform::engine::Cancel;
use crate::platform::registry::definition::View;

pub mod materializer;
pub mod plan;
pub mod queue;
pub mod record;
pub mod retry;
pub mod rows;
pub mod scheduler;
pub mod stream_job;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
pub mod trigger;
pub mod worker;

use record::{JobRecord, Outcome};
use rows::Applied;
use table::{JobTable, TableError};

/// Why a request about jobs was not done.
#[derive(Debug, Error)]
pub enum JobsError {
    /// The user can correct it; the sentence says how.
    #[error("{0}")]
    Refused(String),
    /// The job table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// The deletion jobs that were started.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// One for each store.
    pub jobs: Vec<Job>,
    /// What the caller should know, such as a store that was skipped.
    pub notes: Vec<String>,
}

/// One claimed attempt, for a worker.
#[derive(Clone, Debug)]
pub struct Work {
    /// The job; stores stamp their commits with it.
    pub job: Job,
    /// Its view.
    pub view: Arc<View>,
    /// Set when the attempt must stop.
    pub cancel: Cancel,
    /// How far it is.
    pub progress: Progress,
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
}

#[derive(Default)]
struct Dispatch {
    running: HashMap<Id, Running>,
    served: queue::Served,
    stopping: bool,
}

/// The jobs of a deployment.
pub struct Jobs {
    table: JobTable,
    clock: Clock,
    views: HashMap<Id, Arc<View>>,
    applied: HashMap<Id, Applied>,
    dispatch: Mutex<Dispatch>,
    work_came: Condvar,
}

impl Jobs {
    /// Opens the job table at `path` for these views: resolves what depends on a view's first application, and sets
    /// right what the end of the last process left behind (interrupted attempts run again).
    pub fn open(path: &Path, views: &[Arc<View>], clock: Clock) -> Result<Self, TableError> {
        let table = JobTable::open(path)?;
        let now = clock.now();
        let applied = table.write(|rows| {
            for id in rows.running()? {
                let Some(mut record) = rows.job(id)? else { continue };
                if record.recover(now) {
                    rows.save(&record)?;
                }
            }
            views
                .iter()
                .map(|view| {
                    let applied = scheduler::apply(rows, view, now)?;
                    scheduler::revive(rows, view, now)?;
                    Ok((view.id, applied))
                })
                .collect::<Result<_, TableError>>()
        })?;
        let views = views.iter().map(|view| (view.id, Arc::clone(view))).collect();
        Ok(Self { table, clock, views, applied, dispatch: Mutex::default(), work_came: Condvar::new() })
    }

    fn dispatch(&self) -> MutexGuard<'_, Dispatch> {
        self.dispatch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was resolved when the view was first applied.
    pub fn applied(&self, view: Id) -> Option<Applied> {
        self.applied.get(&view).copied()
    }

    /// All jobs of a view, newest first, with the progress of running attempts.
    pub fn list(&self, view: Id) -> Result<Vec<Job>, TableError> {
        let records = self.table.read(|rows| rows.jobs(view))?;
        Ok(records.into_iter().map(|record| self.with_progress(record.job)).collect())
    }

    /// One job of a view.
    pub fn get(&self, view: Id, job: Id) -> Result<Option<Job>, TableError> {
        let record = self.table.read(|rows| rows.job(job))?;
        Ok(record.filter(|record| record.view == view).map(|record| self.with_progress(record.job)))
    }

    fn with_progress(&self, mut job: Job) -> Job {
        let progress = self.dispatch().running.get(&job.id).map(|running| running.progress.get());
        if let Some(attempt) = job.attempts.last_mut().filter(|a| a.state == AttemptState::Running) {
            attempt.progress = progress;
        }
        job
    }

    /// Starts a job that a user asks for, or refuses in a sentence (semantics.md section 10).
    pub fn trigger(&self, view: &View, request: &TriggerRequest) -> Result<Job, JobsError> {
        let now = self.clock.now();
        let feature_start = self.applied(view.id).and_then(|applied| applied.feature_start);
        let job = self.table.write(|rows| {
            let jobs = rows.jobs(view.id)?;
            trigger::check(view, feature_start, &jobs, request, now).map_err(JobsError::Refused)?;
            let mut record = JobRecord::batch(view, request.window, now, now);
            (record.by_user, record.managed_retries) = (true, request.use_tecton_managed_retries);
            (record.job.online, record.job.offline) = (request.online, request.offline);
            rows.save(&record)?;
            Ok::<_, JobsError>(record.job)
        })?;
        self.work_came.notify_all();
        Ok(job)
    }

    /// Cancels a job: at once when nothing of it runs, else as soon as its attempt has stopped. A job that has ended is
    /// returned unchanged; `None` when the view has no such job.
    pub fn cancel(&self, view: Id, job: Id) -> Result<Option<Job>, TableError> {
        let now = self.clock.now();
        let record = self.table.write(|rows| {
            let Some(mut record) = rows.job(job)?.filter(|record| record.view == view) else { return Ok(None) };
            if record.request_cancel(now) {
                rows.save(&record)?;
            }
            Ok::<_, TableError>(Some(record))
        })?;
        let Some(record) = record else { return Ok(None) };
        if let Some(running) = self.dispatch().running.get(&job) {
            running.cancel.cancel();
        }
        Ok(Some(self.with_progress(record.job)))
    }

    /// One job and its view, whichever view that is.
    pub fn find(&self, job: Id) -> Result<Option<(Id, Job)>, TableError> {
        let record = self.table.read(|rows| rows.job(job))?;
        Ok(record.map(|record| (record.view, self.with_progress(record.job))))
    }

    /// Starts a deletion job for each chosen store, or refuses in a sentence and does nothing (semantics.md section 11). `keys`
    /// are as the caller sent them.
    pub fn delete(&self, _view: &View, _keys: &DataFrame, _stores: Stores) -> Result<Deletion, JobsError> {
        Err(JobsError::Refused("Deleting keys is not there yet.".to_owned()))
    }

    /// Queues another attempt of a job that has failed for good, or refuses in a sentence. Where other jobs have written its
    /// window since, only with `overwrite`.
    pub fn force_retry(&self, _job: Id, _overwrite: bool) -> Result<Job, JobsError> {
        Err(JobsError::Refused("Forced retries are not there yet.".to_owned()))
    }

    /// What an attempt did, and the view of its job.
    pub fn detail(&self, _attempt: Id) -> Result<Option<(Id, AttemptDetail)>, TableError> {
        Ok(None)
    }

    /// Which windows of a view are materialized where.
    pub fn coverage(&self, _view: Id) -> Result<Coverage, TableError> {
        Ok(Coverage::default())
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
            let free = queued.iter().filter(|q| self.views.contains_key(&q.view) && !busy.contains(&q.view));
            let Some(next) = queue::choose(free, &dispatch.served) else { return Ok(None) };
            let Some(mut record) = rows.job(next.job)? else { return Ok(None) };
            record.start(now);
            rows.save(&record)?;
            Ok::<_, TableError>(Some(record))
        })?;
        let Some(record) = claimed else { return Ok(None) };
        let Some(view) = self.views.get(&record.view).map(Arc::clone) else { return Ok(None) };
        let work = Work { job: record.job, view, cancel: Cancel::default(), progress: Progress::default() };
        dispatch.served.serve(record.view);
        let (cancel, progress) = (work.cancel.clone(), work.progress.clone());
        dispatch.running.insert(work.job.id, Running { view: record.view, cancel, progress });
        Ok(Some(work))
    }

    /// Keeps how an attempt ended. On an error nothing is changed: call it again.
    pub fn finish(&self, job: Id, outcome: Outcome) -> Result<(), TableError> {
        let now = self.clock.now();
        self.table.write(|rows| {
            let Some(mut record) = rows.job(job)? else { return Ok(()) };
            record.finish(outcome, now);
            rows.save(&record)
        })?;
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

    /// Makes the jobs that the schedule wants by now, and queues those that are due. Returns how many were made.
    pub fn schedule(&self) -> Result<usize, TableError> {
        let now = self.clock.now();
        let mut made = 0;
        for view in self.views.values().filter(|view| view.live) {
            let Some(applied) = self.applied(view.id) else { continue };
            made += self.table.write(|rows| scheduler::extend(rows, view, applied, now))?;
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

    /// The stream job of a view, when it is to run or asked to stop.
    pub fn stream_job(&self, view: Id) -> Result<Option<Job>, TableError> {
        let record = self.table.read(|rows| rows.stream_job(view))?;
        Ok(record.map(|record| record.job).filter(|job| !job.state.is_terminal()))
    }

    /// Keeps what troubles a view's stream job, as (reason, message); `None` when nothing does.
    pub fn note_stream(&self, view: Id, trouble: Option<(&str, &str)>) -> Result<(), TableError> {
        let now = self.clock.now();
        self.change_stream(view, |record| !record.job.state.is_terminal() && record.note(trouble, now))
    }

    /// Ends a stream job that was asked to stop.
    pub fn stream_stopped(&self, view: Id) -> Result<(), TableError> {
        let now = self.clock.now();
        self.change_stream(view, |record| {
            let asked = record.job.job_type == JobType::Stream && !record.job.state.can_cancel();
            if asked {
                record.finish(Outcome::Stopped, now);
            }
            asked
        })
    }

    fn change_stream(&self, view: Id, change: impl FnOnce(&mut JobRecord) -> bool) -> Result<(), TableError> {
        self.table.write(|rows| {
            let Some(mut record) = rows.stream_job(view)? else { return Ok(()) };
            if change(&mut record) { rows.save(&record) } else { Ok(()) }
        })
    }

    /// The platform's present.
    pub fn now(&self) -> Time {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests;
