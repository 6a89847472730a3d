//! Jobs of many views, as the calls across views carry them: each a task with the rows of its attempts
//! (docs/messages.md section 8).

use super::detail::{locator, work_type};
use super::status::{join_status, status_from_jobs, task_state};
use super::words::job_state;
use super::{id_from_proto, id_to_proto, time_from_proto, time_to_proto};
use crate::model::{Id, Job, JobState, JobType, Window};
use crate::wire::proto::enums::{StatusState, WorkType};
use crate::wire::proto::fleet::{FeatureViewMaterializationStatus, TaskWithAttempts};

/// A job of that view. `by_user`: somebody asked for it.
pub fn task_to_proto(view: Id, job: &Job, by_user: bool) -> TaskWithAttempts {
    TaskWithAttempts {
        fco_locator: Some(locator(view, &job.workspace)),
        task_state: Some(task_state(job).into()),
        materialization_status: Some(status_from_jobs(view, std::slice::from_ref(job))),
        task_id: Some(id_to_proto(job.id)),
        feature_view_name: Some(job.feature_view.clone()),
        feature_start_time: job.window.map(|window| time_to_proto(window.start)),
        feature_end_time: job.window.map(|window| time_to_proto(window.end)),
        task_type: Some(work_type(&job.job_type).into()),
        manually_triggered: Some(by_user),
        last_task_state_change: job.updated_at.map(time_to_proto),
    }
}

/// A job of a message; absent when it does not say which. What its rows do not tell is taken from the task.
pub fn task_from_proto(task: &TaskWithAttempts) -> Option<Job> {
    let id = task.task_id.as_ref().map(id_from_proto)?;
    let workspace = task.fco_locator.as_ref().and_then(|locator| locator.workspace.as_deref()).unwrap_or_default();
    let feature_view = task.feature_view_name.as_deref().unwrap_or_default();
    let rows = join_status(Vec::new(), task.materialization_status.as_ref(), workspace, feature_view);
    let mut job = rows.into_iter().find(|job| job.id == id).unwrap_or_else(|| Job::bare(id, workspace, feature_view));
    job.state = state_of(task).unwrap_or(job.state);
    job.job_type = type_of(task).unwrap_or(job.job_type);
    let window = task.feature_start_time.and_then(time_from_proto).zip(task.feature_end_time.and_then(time_from_proto));
    job.window = job.window.or(window.map(|(start, end)| Window { start, end }));
    job.updated_at = task.last_task_state_change.and_then(time_from_proto).or(job.updated_at);
    if job.state.is_terminal() {
        job.next_attempt_at = None;
    }
    Some(job)
}

/// The word of the job list for a task's state: whatever waits for an attempt is `RUNNING` there, and `ERROR` is a
/// failure.
fn state_of(task: &TaskWithAttempts) -> Option<JobState> {
    let number = task.task_state.filter(|number| *number != 0)?;
    match StatusState::try_from(number) {
        Ok(StatusState::Error) => Some(JobState::Failure),
        Ok(_) => StatusState::name_of(number).map(job_state),
        Err(_) => Some(JobState::Other(number.to_string())),
    }
}

fn type_of(task: &TaskWithAttempts) -> Option<JobType> {
    let number = task.task_type.filter(|number| *number != 0)?;
    Some(match WorkType::try_from(number) {
        Ok(WorkType::Batch) => JobType::Batch,
        Ok(WorkType::Streaming) => JobType::Stream,
        Ok(WorkType::Ingest) => JobType::Ingest,
        Ok(WorkType::Deletion) => JobType::Deletion,
        _ => JobType::Other(WorkType::name_of(number).map_or_else(|| number.to_string(), str::to_owned)),
    })
}

/// The status table of a view, with the name of the view.
pub fn view_status_to_proto(view: Id, workspace: &str, jobs: &[Job]) -> FeatureViewMaterializationStatus {
    FeatureViewMaterializationStatus {
        fco_locator: Some(locator(view, workspace)),
        materialization_status: Some(status_from_jobs(view, jobs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;
    use crate::model::{Allowed, Attempt, AttemptState};

    fn job(state: JobState, attempts: &[AttemptState]) -> Job {
        let attempt = |(number, state): (u32, &AttemptState)| Attempt {
            id: Some(Id(70 + u128::from(number))),
            number,
            state: state.clone(),
            created_at: Some(from_micros(5)),
            updated_at: Some(from_micros(8)),
            progress: None,
            reason: (*state == AttemptState::Error).then(|| "SOURCE_ERROR".to_owned()),
            message: None,
        };
        Job {
            job_type: JobType::Batch,
            state,
            window: Some(Window { start: from_micros(0), end: from_micros(3_600_000_000) }),
            online: true,
            created_at: Some(from_micros(3)),
            updated_at: Some(from_micros(9)),
            attempts: (1..).zip(attempts).map(attempt).collect(),
            ..Job::bare(Id(7), "prod", "v")
        }
    }

    #[test]
    fn jobs_survive_the_way_through_a_task() {
        use AttemptState::{Cancelled, Error, Pending, Success};
        let due = Some(from_micros(99));
        let allowed = Allowed { retry: true, overwrite_retry: true, unknown: false };
        let deletion = Job { job_type: JobType::Deletion, window: None, ..job(JobState::Success, &[Success]) };
        let table = [
            (Job { next_attempt_at: due, ..job(JobState::Scheduled, &[]) }, StatusState::Scheduled),
            (Job { next_attempt_at: due, ..job(JobState::Running, &[Error]) }, StatusState::Pending),
            (job(JobState::Success, &[Error, Success]), StatusState::Success),
            (Job { allowed, ..job(JobState::Failure, &[Error, Error]) }, StatusState::Error),
            (job(JobState::Cancelled, &[Cancelled]), StatusState::ManuallyCancelled),
            (deletion, StatusState::Success),
        ];
        for (job, state) in table {
            let task = task_to_proto(Id(1), &job, true);
            assert_eq!(task.task_state, Some(state.into()), "{job:?}");
            assert_eq!(task_from_proto(&task), Some(job));
        }
        // The table tells when an attempt began, and how long it took only once it has ended.
        let waits = task_from_proto(&task_to_proto(Id(1), &job(JobState::Running, &[Pending]), false)).unwrap();
        assert_eq!((waits.state, waits.attempts[0].state.clone()), (JobState::Running, Pending));
    }

    #[test]
    fn a_task_that_says_little_is_shown_by_what_it_says() {
        assert_eq!(task_from_proto(&TaskWithAttempts::default()), None, "nobody knows which");
        let task = TaskWithAttempts {
            task_id: Some(id_to_proto(Id(7))),
            task_state: Some(77),
            task_type: Some(WorkType::FeatureExport.into()),
            ..Default::default()
        };
        let job = task_from_proto(&task).unwrap();
        assert_eq!((job.state.to_string(), job.job_type.to_string()), ("77".to_owned(), "FEATURE_EXPORT".to_owned()));
    }
}
