//! The status table, one row an attempt, and its join with the job list (docs/wire.md sections 2.2, 2.3 and 6).
//!
//! Neither alone tells everything: the list has states and times, the table has reasons, messages, progress and the
//! word `SCHEDULED`. Task id of the table equals job id of the list.

use std::borrow::Cow;
use std::collections::HashMap;

use super::words::{attempt_state, job_state, job_type};
use super::{happened, id_from_proto, id_to_proto, span_to_proto, time_from_proto, time_to_proto};
use crate::model::{Attempt, AttemptState, Id, Job, JobState, JobType, Window};
use crate::wire::proto::enums::{StatusState, TaskType};
use crate::wire::proto::status::{MaterializationAttemptStatus, MaterializationStatus};

/// The status table of a view's jobs: jobs in the order given, of each the newest attempt first; a job without
/// attempts is one row as well.
pub fn status_from_jobs(view: Id, jobs: &[Job]) -> MaterializationStatus {
    let mut rows = Vec::new();
    for job in jobs {
        if job.attempts.is_empty() {
            rows.push(row(job, None, true));
        }
        let newest = job.attempts.len().saturating_sub(1);
        let attempts = job.attempts.iter().enumerate().rev();
        rows.extend(attempts.map(|(index, attempt)| row(job, Some(attempt), index == newest)));
    }
    MaterializationStatus {
        feature_package_id: Some(id_to_proto(view)),
        materialization_attempts: rows,
        ..Default::default()
    }
}

/// The row of one attempt, or of a job without attempts. `newest`: no later attempt was made; what may be done with a
/// job is told by its newest row alone.
pub(super) fn row(job: &Job, attempt: Option<&Attempt>, newest: bool) -> MaterializationAttemptStatus {
    let failed = attempt.is_some_and(|a| a.state == AttemptState::Error);
    let times = attempt.and_then(|a| a.created_at.zip(a.updated_at));
    let ended = attempt.is_some_and(|a| !matches!(a.state, AttemptState::Pending | AttemptState::Running));
    MaterializationAttemptStatus {
        data_source_type: Some(task_type(&job.job_type).into()),
        window_start_time: job.window.map(|w| time_to_proto(w.start)),
        window_end_time: job.window.map(|w| time_to_proto(w.end)),
        materialization_state: Some(row_state(job, attempt).into()),
        materialization_task_id: Some(id_to_proto(job.id)),
        attempt_number: attempt.and_then(|a| i32::try_from(a.number).ok()),
        attempt_created_at: attempt.and_then(|a| a.created_at).map(time_to_proto),
        state_message: attempt.and_then(|a| a.message.clone()),
        termination_reason: attempt.and_then(|a| a.reason.clone()),
        materialization_task_created_at: job.created_at.map(time_to_proto),
        feature_start_time: job.window.map(|w| time_to_proto(w.start)),
        feature_end_time: job.window.map(|w| time_to_proto(w.end)),
        is_permanent_failure: Some(failed && newest && job.state == JobState::Failure),
        retry_time: job.next_attempt_at.filter(|_| newest).map(time_to_proto),
        progress: attempt.and_then(|a| a.progress),
        duration: times.filter(|_| ended).map(|(from, until)| span_to_proto(until - from)),
        allow_forced_retry: Some(newest && job.allowed.retry),
        allow_overwrite_retry: Some(newest && job.allowed.overwrite_retry),
        allow_cancel: Some(newest && job.state.can_cancel()),
        allow_restart: Some(newest && can_restart(job)),
        write_to_online_feature_store: Some(job.online),
        write_to_offline_feature_store: Some(job.offline),
        materialization_attempt_id: attempt.and_then(|a| a.id).map(id_to_proto),
        tecton_managed_attempt_id: attempt.and_then(|a| a.id).map(id_to_proto),
        ..Default::default()
    }
}

/// Whether a new job may be started in the place of this one, which has ended: over its window, or of the stream.
pub fn can_restart(job: &Job) -> bool {
    let kind = (job.job_type == JobType::Batch && job.window.is_some()) || job.job_type == JobType::Stream;
    kind && job.state.is_terminal()
}

fn task_type(job_type: &JobType) -> TaskType {
    match job_type {
        JobType::Batch => TaskType::Batch,
        JobType::Stream => TaskType::Stream,
        JobType::Ingest => TaskType::Ingest,
        JobType::Deletion => TaskType::Deletion,
        JobType::Other(_) => TaskType::Unspecified,
    }
}

/// Where an attempt stands, or a job without attempts, in the words of the table.
fn row_state(job: &Job, attempt: Option<&Attempt>) -> StatusState {
    let Some(attempt) = attempt else { return job_status(&job.state) };
    let asked = job.state == JobState::CancellationRequested;
    match attempt.state {
        AttemptState::Pending | AttemptState::Running if asked => StatusState::ManualCancellationRequested,
        AttemptState::Pending => StatusState::Pending,
        AttemptState::Running => StatusState::Running,
        AttemptState::Success => StatusState::Success,
        AttemptState::Error => StatusState::Error,
        AttemptState::Cancelling => StatusState::ManualCancellationRequested,
        AttemptState::Cancelled if job.state == JobState::Drained => StatusState::Drained,
        AttemptState::Cancelled => StatusState::ManuallyCancelled,
        AttemptState::Other(_) => StatusState::Unspecified,
    }
}

/// Where a job as a whole stands, in the words of the table: `PENDING` while it waits for an attempt, be it the first
/// one or another after an error, `ERROR` once no further one follows.
pub fn task_state(job: &Job) -> StatusState {
    let runs = job.last_attempt().is_some_and(|attempt| attempt.state == AttemptState::Running);
    match job_status(&job.state) {
        StatusState::Pending if runs => StatusState::Running,
        state => state,
    }
}

/// A job's state in the words of the table, its attempts left aside.
fn job_status(state: &JobState) -> StatusState {
    match state {
        JobState::Scheduled => StatusState::Scheduled,
        JobState::Running | JobState::ManualRetry => StatusState::Pending,
        JobState::Success => StatusState::Success,
        JobState::Failure => StatusState::Error,
        JobState::CancellationRequested => StatusState::ManualCancellationRequested,
        JobState::Cancelled => StatusState::ManuallyCancelled,
        JobState::Draining | JobState::Drained => StatusState::Drained,
        JobState::Other(_) => StatusState::Unspecified,
    }
}

/// The jobs with what the status table says of them, newest first. Tasks that only the table knows become jobs of
/// that workspace and view.
pub fn join_status(
    mut jobs: Vec<Job>,
    status: Option<&MaterializationStatus>,
    workspace: &str,
    feature_view: &str,
) -> Vec<Job> {
    let mut places: HashMap<Id, usize> = jobs.iter().enumerate().map(|(place, job)| (job.id, place)).collect();
    for row in status.map(|s| s.materialization_attempts.as_slice()).unwrap_or_default() {
        let Some(id) = row.materialization_task_id.as_ref().map(id_from_proto) else { continue };
        let place = *places.entry(id).or_insert_with(|| {
            jobs.push(job_of_row(id, row, workspace, feature_view));
            jobs.len() - 1
        });
        if let Some(job) = jobs.get_mut(place) {
            add_row(job, row);
        }
    }
    for job in &mut jobs {
        job.attempts.sort_by_key(|attempt| attempt.number);
    }
    jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.window, job.id)));
    jobs
}

/// The word of a number, the number itself where this program knows no word for it, and nothing where there is none.
fn word(number: Option<i32>, name_of: fn(i32) -> Option<&'static str>) -> Cow<'static, str> {
    let Some(number) = number.filter(|number| *number != 0) else { return Cow::Borrowed("") };
    name_of(number).map_or_else(|| Cow::Owned(number.to_string()), Cow::Borrowed)
}

pub(super) fn job_of_row(id: Id, row: &MaterializationAttemptStatus, workspace: &str, feature_view: &str) -> Job {
    let kind = word(row.data_source_type, TaskType::name_of);
    let start = row.window_start_time.or(row.feature_start_time).and_then(time_from_proto);
    let end = row.window_end_time.or(row.feature_end_time).and_then(time_from_proto);
    let state = match row.materialization_state.and_then(|state| StatusState::try_from(state).ok()) {
        Some(StatusState::Error) if row.is_permanent_failure == Some(true) => JobState::Failure,
        Some(StatusState::Error) => JobState::Running,
        _ => job_state(&word(row.materialization_state, StatusState::name_of)),
    };
    Job {
        id,
        workspace: workspace.to_owned(),
        feature_view: feature_view.to_owned(),
        job_type: job_type(&kind),
        state,
        window: start.zip(end).map(|(start, end)| Window { start, end }),
        online: row.write_to_online_feature_store.unwrap_or(false),
        offline: row.write_to_offline_feature_store.unwrap_or(false),
        created_at: row.materialization_task_created_at.and_then(happened),
        updated_at: row.attempt_created_at.and_then(happened),
        next_attempt_at: row.retry_time.and_then(happened),
        attempts: Vec::new(),
        allowed: Default::default(),
    }
}

fn add_row(job: &mut Job, row: &MaterializationAttemptStatus) {
    job.allowed.retry |= row.allow_forced_retry == Some(true);
    job.allowed.overwrite_retry |= row.allow_overwrite_retry == Some(true);
    // Older releases leave these out of the list.
    job.online |= row.write_to_online_feature_store == Some(true);
    job.offline |= row.write_to_offline_feature_store == Some(true);
    let Some(number) = row.attempt_number.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0) else {
        let scheduled = row.materialization_state == Some(StatusState::Scheduled.into());
        if scheduled && job.state == JobState::Running && job.attempts.is_empty() {
            job.state = JobState::Scheduled;
        }
        expect_attempt(job, row);
        return;
    };
    // Stages and logs are asked for by the managed attempt's id, so that one counts where a deployment has several.
    let managed = row.tecton_managed_attempt_id.as_ref().map(id_from_proto);
    let id = managed.or(row.materialization_attempt_id.as_ref().map(id_from_proto));
    let known = job.attempts.iter().position(|a| a.number == number);
    let place = known.unwrap_or_else(|| {
        let created_at = row.attempt_created_at.and_then(happened);
        let state = attempt_state(&word(row.materialization_state, StatusState::name_of));
        let spent = row.duration.map(super::span_from_proto);
        let updated_at = created_at.zip(spent).and_then(|(from, spent)| from.checked_add_signed(spent));
        let (progress, reason, message) = (None, None, None);
        job.attempts.push(Attempt { id, number, state, created_at, updated_at, progress, reason, message });
        job.attempts.len() - 1
    });
    let Some(attempt) = job.attempts.get_mut(place) else { return };
    attempt.id = managed.or(attempt.id);
    let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    attempt.reason = present(&row.termination_reason).filter(|reason| reason != "UNKNOWN_TERMINATION_REASON");
    attempt.message = present(&row.state_message);
    attempt.progress = row.progress.filter(|p| p.is_finite()).map(|p| p.clamp(0.0, 1.0));
    expect_attempt(job, row);
}

/// Takes from a row when the next attempt is due, where the list does not say.
fn expect_attempt(job: &mut Job, row: &MaterializationAttemptStatus) {
    if job.next_attempt_at.is_none() && !job.state.is_terminal() {
        job.next_attempt_at = row.retry_time.and_then(happened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Allowed;
    use crate::model::time::from_micros;
    use crate::wire::convert::{job_from_proto, job_to_proto};

    fn job(id: u128, state: JobState, attempts: Vec<Attempt>) -> Job {
        Job {
            id: Id(id),
            workspace: "prod".into(),
            feature_view: "v".into(),
            job_type: JobType::Batch,
            state,
            window: Some(Window { start: from_micros(0), end: from_micros(3_600_000_000) }),
            online: true,
            offline: false,
            created_at: Some(from_micros(id as i64)),
            updated_at: Some(from_micros(9)),
            next_attempt_at: None,
            attempts,
            allowed: Default::default(),
        }
    }

    fn attempt(number: u32, state: AttemptState) -> Attempt {
        let (created_at, updated_at) = (Some(from_micros(5)), Some(from_micros(8)));
        Attempt { id: Some(Id(77)), number, state, created_at, updated_at, progress: None, reason: None, message: None }
    }

    #[test]
    fn jobs_survive_the_two_calls_and_the_join() {
        let failed = Attempt {
            reason: Some("QUERY_ERROR".into()),
            message: Some("division by zero".into()),
            ..attempt(1, AttemptState::Error)
        };
        let running = Attempt { progress: Some(0.25), ..attempt(2, AttemptState::Running) };
        let waiting = Job { next_attempt_at: Some(from_micros(99)), ..job(4, JobState::Running, vec![failed.clone()]) };
        let allowed = Allowed { retry: true, overwrite_retry: true, unknown: false };
        let jobs = vec![
            Job { next_attempt_at: Some(from_micros(98)), ..job(7, JobState::Scheduled, vec![]) },
            job(6, JobState::Running, vec![]),
            job(5, JobState::Running, vec![failed.clone(), running]),
            waiting,
            Job { allowed, ..job(3, JobState::Failure, vec![failed.clone(), Attempt { number: 2, ..failed }]) },
            job(2, JobState::Cancelled, vec![attempt(1, AttemptState::Cancelled)]),
            job(1, JobState::Success, vec![attempt(1, AttemptState::Success)]),
        ];
        let list: Vec<Job> = jobs.iter().filter_map(|job| job_from_proto(&job_to_proto(job))).collect();
        let status = status_from_jobs(Id(1), &jobs);
        assert_eq!(join_status(list, Some(&status), "prod", "v"), jobs);
    }

    #[test]
    fn what_may_be_done_is_told_by_the_newest_attempt_alone() {
        let attempts = vec![attempt(1, AttemptState::Error), attempt(2, AttemptState::Error)];
        let allowed = Allowed { retry: true, overwrite_retry: false, unknown: false };
        let status = status_from_jobs(Id(1), &[Job { allowed, ..job(3, JobState::Failure, attempts) }]);
        let flags = |row: &MaterializationAttemptStatus| {
            (
                row.allow_forced_retry,
                row.allow_overwrite_retry,
                row.allow_restart,
                row.tecton_managed_attempt_id.clone(),
            )
        };
        let id = Some(id_to_proto(Id(77)));
        let rows: Vec<_> = status.materialization_attempts.iter().map(flags).collect();
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(rows, [(yes, no, yes, id.clone()), (no, no, no, id)]);
    }

    #[test]
    fn deletion_jobs_have_no_window() {
        let deletion = Job { job_type: JobType::Deletion, window: None, ..job(1, JobState::Running, vec![]) };
        let row = &status_from_jobs(Id(1), &[deletion]).materialization_attempts[0];
        assert_eq!((row.window_start_time, row.window_end_time, row.feature_start_time), (None, None, None));
        assert_eq!(row.data_source_type, Some(TaskType::Deletion.into()));
    }

    #[test]
    fn tasks_that_only_the_table_knows_become_jobs() {
        let jobs = vec![job(3, JobState::Success, vec![attempt(1, AttemptState::Success)])];
        let status = status_from_jobs(Id(1), &jobs);
        let joined = join_status(vec![], Some(&status), "prod", "v");
        assert_eq!(joined.len(), 1);
        assert_eq!(joined[0].state, JobState::Success);
        assert_eq!(joined[0].attempts[0].number, 1);
    }

    #[test]
    fn what_is_missing_or_unknown_in_a_row_reads_as_that() {
        let bare = MaterializationAttemptStatus {
            materialization_task_id: Some(id_to_proto(Id(9))),
            attempt_number: Some(1),
            attempt_created_at: Some(Default::default()),
            ..Default::default()
        };
        let later = MaterializationAttemptStatus {
            attempt_number: Some(2),
            materialization_state: Some(42),
            data_source_type: Some(77),
            ..bare.clone()
        };
        let status = MaterializationStatus { materialization_attempts: vec![later, bare], ..Default::default() };
        let job = &join_status(vec![], Some(&status), "prod", "v")[0];
        assert_eq!((&job.job_type, job.state.to_string()), (&JobType::Other("77".into()), "42".to_owned()));
        assert_eq!((job.window, job.created_at, job.updated_at, job.next_attempt_at), (None, None, None, None));
        let states: Vec<_> =
            job.attempts.iter().map(|attempt| (attempt.state.to_string(), attempt.created_at)).collect();
        assert_eq!(states, [(String::new(), None), ("42".to_owned(), None)]);
        assert!(!job.state.is_terminal());
        // A row without a task id belongs to no job.
        let lost = MaterializationStatus { materialization_attempts: vec![Default::default()], ..Default::default() };
        assert_eq!(join_status(vec![], Some(&lost), "prod", "v"), []);
    }

    #[test]
    fn without_a_table_the_list_stands_alone_newest_first() {
        let joined =
            join_status(vec![job(1, JobState::Success, vec![]), job(2, JobState::Failure, vec![])], None, "", "");
        assert_eq!(joined.iter().map(|j| j.id).collect::<Vec<_>>(), [Id(2), Id(1)]);
    }
}
