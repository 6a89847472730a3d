//! What people ask of jobs: to see them, to start, cancel, retry them, to delete keys.
//!
//! Each change is durable before it is answered. Whether it may be is decided by pure functions (`trigger.rs`,
//! `delete.rs`, `force.rs`) over what the same transaction reads.

use std::sync::PoisonError;

use polars::prelude::DataFrame;

use crate::model::{AttemptState, Coverage, Id, Job, JobState, JobType, Stores, Time, TriggerRequest};
use crate::platform::definition::View;
use crate::platform::frame;
use crate::wire::arrow;

use super::error::TableError;
use super::record::JobRecord;
use super::rows::Rows;
use super::{Deletion, FoundAttempt, Jobs, JobsError, attempt_log, delete, force, kept, trigger};

impl Jobs {
    /// The present by the platform's clock, which decides what is due.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// One job of a view.
    pub fn get(&self, view: Id, job: Id) -> Result<Option<Job>, TableError> {
        Ok(self.find(job)?.filter(|(of, _)| *of == view).map(|(_, job)| job))
    }

    /// One job and its view, whichever view that is.
    pub fn find(&self, job: Id) -> Result<Option<(Id, Job)>, TableError> {
        let record = self.table.read(|rows| {
            let Some(mut record) = rows.job(job)? else { return Ok(None) };
            record.job.allowed = force::allowed(&record, &rivals(rows, &record)?.iter().collect::<Vec<_>>());
            Ok(Some(record))
        })?;
        Ok(record.map(|record| (record.view, self.with_progress(record.job))))
    }

    pub(super) fn with_progress(&self, mut job: Job) -> Job {
        if let Some(attempt) = job.attempts.last_mut().filter(|a| a.state == AttemptState::Running) {
            attempt.progress = self.dispatch().running.get(&job.id).map(|running| running.progress.get());
        }
        if job.job_type == JobType::Stream && !job.state.is_terminal() {
            self.tell_trouble(&mut job);
        }
        job
    }

    /// Says what troubles a stream job, also where that could not be written down yet.
    fn tell_trouble(&self, job: &mut Job) {
        let mut views = self.views.values();
        let view = views.find(|view| view.workspace == job.workspace && view.name == job.feature_view);
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = view.and_then(|view| troubles.get(&view.id));
        if let (Some((reason, message)), Some(attempt)) = (trouble, job.attempts.last_mut()) {
            (attempt.reason, attempt.message) = (Some(reason.clone()), Some(message.clone()));
        }
    }

    /// An attempt with its job and what it did so far.
    pub fn attempt(&self, attempt: Id) -> Result<Option<FoundAttempt>, TableError> {
        let live = |running: &super::Running| (running.report.attempt() == attempt).then(|| running.report.clone());
        let live = self.dispatch().running.values().find_map(live);
        let Some(job) = self.table.read(|rows| rows.job_of_attempt(attempt))? else { return Ok(None) };
        let Some((view, job)) = self.find(job)? else { return Ok(None) };
        let detail = match live {
            Some(report) => report.detail()?,
            None => {
                let (stages, log) = self.table.read(|rows| Ok((rows.stages(attempt)?, rows.log(attempt)?)))?;
                attempt_log::detail(attempt, stages, log)
            }
        };
        Ok(Some(FoundAttempt { view, job, detail }))
    }

    /// Which windows of a view are materialized where, also by jobs that are no longer kept.
    pub fn coverage(&self, view: Id) -> Result<Coverage, TableError> {
        self.table.read(|rows| rows.coverage(view))
    }

    /// Starts a job that a user asks for, or refuses in a sentence (docs/semantics.md section 10).
    pub fn trigger(&self, view: &View, request: &TriggerRequest) -> Result<Job, JobsError> {
        let now = self.clock.now();
        let feature_start = self.applied(view.id).and_then(|applied| applied.feature_start);
        let job = self.table.write(|rows| {
            let (jobs, coverage) = (rows.batch_jobs_in(view.id, request.window)?, rows.coverage(view.id)?);
            let existing = trigger::Existing { jobs: &jobs, coverage: &coverage };
            trigger::check(view, feature_start, existing, request, now).map_err(JobsError::Refused)?;
            if let Some(refusal) = kept::refusal(view, request.window) {
                return Err(JobsError::Refused(refusal));
            }
            let mut record = JobRecord::batch(view, request.window, now, now);
            (record.by_user, record.managed_retries) = (true, request.use_tecton_managed_retries);
            (record.job.online, record.job.offline) = (request.online, request.offline);
            record.say(&asked(request), now);
            rows.save(&mut record)?;
            Ok::<_, JobsError>(record.job)
        })?;
        self.work_came.notify_all();
        Ok(job)
    }

    /// Asks a job to end: no attempt of it begins any more, and it ends once the attempt that runs has stopped, at the
    /// next look at the schedule where none does. It is returned as the request left it, so a caller always sees that
    /// the end was asked for first. A job that has ended is returned unchanged; `None` when the view has no such job.
    pub fn cancel(&self, view: Id, job: Id) -> Result<Option<Job>, TableError> {
        let now = self.clock.now();
        let found = self.table.write(|rows| {
            let Some(mut record) = rows.job(job)?.filter(|record| record.view == view) else { return Ok(None) };
            let asked = record.request_cancel(now);
            if asked {
                rows.save(&mut record)?;
            }
            Ok::<_, TableError>(Some((record.job, asked)))
        })?;
        let Some((found, asked)) = found else { return Ok(None) };
        {
            let mut dispatch = self.dispatch();
            if let Some(running) = dispatch.running.get(&job) {
                running.cancel.cancel();
            }
            if asked {
                dispatch.cancelled.push(job);
            }
        }
        Ok(Some(self.with_progress(found)))
    }

    /// Starts the stream of a view again whose last stream job has ended, or refuses in a sentence. It goes on from the
    /// place that the online store keeps.
    pub fn start_stream(&self, job: Id) -> Result<Job, JobsError> {
        let now = self.clock.now();
        self.table.write(|rows| {
            let unknown = || JobsError::Refused(format!("There is no job {job}. List the jobs of its view to see them."));
            let ended = rows.job(job)?.ok_or_else(unknown)?;
            let view = self.views.get(&ended.view).filter(|view| view.writes_stream());
            let Some(view) = view else {
                return Err(JobsError::Refused(format!(
                    "Feature view `{}` of job {job} does not write a stream to the online store here: it is not part of a live \
                     workspace of the repository, or its definition says otherwise.",
                    ended.job.feature_view
                )));
            };
            if let Some(newest) = rows.stream_job(view.id)?.filter(|newest| !newest.job.state.is_terminal()) {
                return Err(JobsError::Refused(format!(
                    "The stream of feature view `{}` has job {} in state {}. Cancel that one first, and wait for its end.",
                    view.name, newest.job.id, newest.job.state
                )));
            }
            let mut record = JobRecord::stream(view, now);
            record.say(&format!("Somebody started the stream again after job {job} had ended."), now);
            rows.save(&mut record)?;
            Ok(record.job)
        })
    }

    /// Starts a deletion job for each chosen store, or refuses in a sentence and does nothing (docs/semantics.md
    /// section 11). `keys` are as the caller sent them.
    pub fn delete(&self, view: &View, keys: &DataFrame, stores: Stores) -> Result<Deletion, JobsError> {
        let now = self.clock.now();
        // Checked before anything is made of the keys, and again with what the transaction reads.
        let everywhere = Stores { online: true, offline: true };
        delete::check(view, keys, stores, everywhere).map_err(JobsError::Refused)?;
        let refused = |error: &dyn std::fmt::Display| JobsError::Refused(format!("The keys cannot be read: {error}."));
        let names = view.join_keys.iter().map(|(key, _)| key.as_str());
        let distinct = frame::distinct(keys, names).map_err(|error| refused(&error))?;
        let bytes = arrow::encode(&distinct).map_err(|error| refused(&error))?;
        let deletion = self.table.write(|rows| {
            let plan = delete::check(view, keys, stores, rows.written(view.id)?).map_err(JobsError::Refused)?;
            let notes = plan.notes(view);
            let mut jobs = Vec::new();
            for store in delete::each(plan.stores) {
                let mut record = JobRecord::deletion(view, store, now);
                record.say(&delete::asked(keys.height(), distinct.height()), now);
                notes.iter().for_each(|note| record.say(note, now));
                rows.save(&mut record)?;
                rows.save_deletion_keys(record.job.id, &bytes)?;
                jobs.push(record.job);
            }
            Ok::<_, JobsError>(Deletion { jobs, notes })
        })?;
        self.work_came.notify_all();
        Ok(deletion)
    }

    /// Queues another attempt of a job that has failed for good, or refuses in a sentence. Where other jobs have
    /// written its window since, only with `overwrite`.
    pub fn force_retry(&self, job: Id, overwrite: bool) -> Result<Job, JobsError> {
        let now = self.clock.now();
        self.table.write(|rows| {
            let unknown = || JobsError::Refused(format!("There is no job {job}. List the jobs of its view to see them."));
            let mut record = rows.job(job)?.ok_or_else(unknown)?;
            let rivals = rivals(rows, &record)?;
            let rivals: Vec<&JobRecord> = rivals.iter().collect();
            force::check(&record, &rivals, overwrite).map_err(JobsError::Refused)?;
            if !self.views.get(&record.view).is_some_and(|view| view.live) {
                return Err(JobsError::Refused(format!(
                    "Feature view `{}` of job {job} is no longer materialized here: it is not part of a live workspace of the \
                     repository.",
                    record.job.feature_view
                )));
            }
            record.force(now);
            Ok(rows.save(&mut record)?)
        })?;
        self.work_came.notify_all();
        let gone = || JobsError::Table(TableError::Damaged(format!("job {job} is gone")));
        self.find(job)?.map(|(_, job)| job).ok_or_else(gone)
    }
}

/// The batch jobs that share part of a failed job's window; nothing for a job in any other state.
pub(super) fn rivals(rows: &Rows, record: &JobRecord) -> Result<Vec<JobRecord>, TableError> {
    match record.job.window {
        Some(window) if record.job.state == JobState::Failure && record.job.job_type == JobType::Batch => {
            rows.batch_jobs_in(record.view, window)
        }
        _ => Ok(Vec::new()),
    }
}

fn asked(request: &TriggerRequest) -> String {
    let stores = Stores { online: request.online, offline: request.offline }.words();
    let overwrite = if request.overwrite { ", over what is there" } else { "" };
    let retries = if request.use_tecton_managed_retries { "" } else { ", without managed retries" };
    format!("Somebody asked for this job: {stores}{overwrite}{retries}.")
}
