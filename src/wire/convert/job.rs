//! Jobs and their attempts (docs/wire.md section 2.2).

use super::words::{attempt_state, job_state, job_type, job_word};
use super::{happened, time_from_proto, time_to_proto};
use crate::model::{Attempt, Id, Job, TriggerRequest, Window};
use crate::wire::proto::jobs::{JobAttempt, MaterializationJob, MaterializationJobRequest};

/// A job as the job calls carry it. What only the status table carries (attempt numbers, progress, reasons, the word
/// `SCHEDULED`) goes through [`super::status_from_jobs`].
pub fn job_to_proto(job: &Job) -> MaterializationJob {
    MaterializationJob {
        id: Some(job.id.to_string()),
        workspace: Some(job.workspace.clone()),
        feature_view: Some(job.feature_view.clone()),
        start_time: job.window.map(|w| time_to_proto(w.start)),
        end_time: job.window.map(|w| time_to_proto(w.end)),
        created_at: job.created_at.map(time_to_proto),
        updated_at: job.updated_at.map(time_to_proto),
        state: Some(job_word(&job.state)),
        attempts: job.attempts.iter().map(attempt_to_proto).collect(),
        // Only while a retry waits: the start of a scheduled job is told by the status table.
        next_attempt_at: job.next_attempt_at.filter(|_| !job.attempts.is_empty()).map(time_to_proto),
        online: Some(job.online),
        offline: Some(job.offline),
        job_type: Some(job.job_type.to_string()),
        ..Default::default()
    }
}

fn attempt_to_proto(attempt: &Attempt) -> JobAttempt {
    JobAttempt {
        id: attempt.id.map(|id| id.to_string()),
        created_at: attempt.created_at.map(time_to_proto),
        updated_at: attempt.updated_at.map(time_to_proto),
        state: Some(attempt.state.to_string()),
        run_url: None,
    }
}

/// A job of a message; absent when its id is not one, for nothing could be done with it.
pub fn job_from_proto(job: &MaterializationJob) -> Option<Job> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let start = job.start_time.and_then(time_from_proto);
    let end = job.end_time.and_then(time_from_proto);
    Some(Job {
        id: job.id.as_deref()?.parse::<Id>().ok()?,
        workspace: text(&job.workspace),
        feature_view: text(&job.feature_view),
        job_type: job_type(job.job_type.as_deref().unwrap_or_default()),
        state: job_state(job.state.as_deref().unwrap_or_default()),
        window: start.zip(end).map(|(start, end)| Window { start, end }),
        online: job.online.unwrap_or(false),
        offline: job.offline.unwrap_or(false),
        created_at: job.created_at.and_then(happened),
        updated_at: job.updated_at.and_then(happened),
        next_attempt_at: job.next_attempt_at.and_then(happened),
        attempts: job.attempts.iter().zip(1..).map(|(attempt, number)| attempt_from_proto(attempt, number)).collect(),
        allowed: Default::default(),
    })
}

fn attempt_from_proto(attempt: &JobAttempt, number: u32) -> Attempt {
    Attempt {
        id: attempt.id.as_deref().and_then(|id| id.parse().ok()),
        number,
        state: attempt_state(attempt.state.as_deref().unwrap_or_default()),
        created_at: attempt.created_at.and_then(happened),
        updated_at: attempt.updated_at.and_then(happened),
        progress: None,
        reason: None,
        message: None,
    }
}

/// A request to start a job, all eight fields set as released clients do.
pub fn trigger_to_proto(trigger: &TriggerRequest) -> MaterializationJobRequest {
    MaterializationJobRequest {
        workspace: Some(trigger.workspace.clone()),
        feature_view: Some(trigger.feature_view.clone()),
        start_time: Some(time_to_proto(trigger.window.start)),
        end_time: Some(time_to_proto(trigger.window.end)),
        online: Some(trigger.online),
        offline: Some(trigger.offline),
        use_tecton_managed_retries: Some(trigger.use_tecton_managed_retries),
        overwrite: Some(trigger.overwrite),
    }
}

/// A request to start a job; the error names the part that is missing.
pub fn trigger_from_proto(request: &MaterializationJobRequest) -> Result<TriggerRequest, &'static str> {
    let text = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
    Ok(TriggerRequest {
        workspace: text(&request.workspace).ok_or("workspace")?,
        feature_view: text(&request.feature_view).ok_or("feature_view")?,
        window: Window {
            start: request.start_time.and_then(time_from_proto).ok_or("start_time")?,
            end: request.end_time.and_then(time_from_proto).ok_or("end_time")?,
        },
        online: request.online.unwrap_or(false),
        offline: request.offline.unwrap_or(false),
        use_tecton_managed_retries: request.use_tecton_managed_retries.unwrap_or(true),
        overwrite: request.overwrite.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;

    #[test]
    fn a_request_to_start_a_job_survives_the_round_trip() {
        let trigger = TriggerRequest {
            workspace: "prod".into(),
            feature_view: "v".into(),
            window: Window { start: from_micros(0), end: from_micros(3_600_000_000) },
            online: true,
            offline: false,
            use_tecton_managed_retries: false,
            overwrite: true,
        };
        assert_eq!(trigger_from_proto(&trigger_to_proto(&trigger)), Ok(trigger));
        assert_eq!(trigger_from_proto(&MaterializationJobRequest::default()), Err("workspace"));
    }

    #[test]
    fn a_job_without_an_id_is_left_out() {
        let job = MaterializationJob { id: Some("seven".into()), ..Default::default() };
        assert_eq!(job_from_proto(&job), None);
    }
}
