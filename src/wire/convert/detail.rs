//! The stages and the log of one attempt (docs/messages.md section 8).

use super::status::{row, task_state};
use super::{id_to_proto, span_from_proto, span_to_proto, time_from_proto, time_to_proto};
use crate::model::{AttemptDetail, AttemptState, Id, Job, JobType, Stage, StageKind, StageState};
use crate::wire::proto::common::FcoLocator;
use crate::wire::proto::enums::{StageErrorType, StageState as StateNumber, StageType, WorkType};
use crate::wire::proto::tasks as proto;

/// The stages of an attempt of `job`, a job of that view.
pub fn details_to_proto(view: Id, job: &Job, detail: &AttemptDetail) -> proto::GetJobDetailsResponse {
    let attempt = job.attempts.iter().position(|attempt| attempt.id == Some(detail.attempt));
    let status = attempt.map(|place| row(job, job.attempts.get(place), place + 1 == job.attempts.len()));
    proto::GetJobDetailsResponse {
        fco_locator: Some(locator(view, &job.workspace)),
        attempt_details: Some(proto::TaskAttemptDetails {
            task_id: Some(id_to_proto(job.id)),
            task_type: Some(work_type(&job.job_type).into()),
            task_state: Some(task_state(job).into()),
            attempt_status: status,
            run_details: Some(proto::TectonManagedInfo {
                stages: detail.stages.iter().map(stage_to_proto).collect(),
                state: attempt
                    .and_then(|place| job.attempts.get(place))
                    .map(|attempt| run_state(&attempt.state).into()),
            }),
            feature_start_time: job.window.map(|window| time_to_proto(window.start)),
            feature_end_time: job.window.map(|window| time_to_proto(window.end)),
        }),
    }
}

/// The log of an attempt of a job of that view.
pub fn logs_to_proto(view: Id, workspace: &str, detail: &AttemptDetail) -> proto::GetJobLogsResponse {
    proto::GetJobLogsResponse { fco_locator: Some(locator(view, workspace)), logs: Some(detail.log.join("\n")) }
}

/// What both answers say of an attempt; either may be missing, for not every deployment has both calls.
pub fn detail_from_proto(
    attempt: Id,
    details: Option<&proto::GetJobDetailsResponse>,
    logs: Option<&proto::GetJobLogsResponse>,
) -> AttemptDetail {
    let run = details.and_then(|d| d.attempt_details.as_ref()).and_then(|d| d.run_details.as_ref());
    let text = logs.and_then(|logs| logs.logs.as_deref()).unwrap_or_default();
    AttemptDetail {
        attempt,
        stages: run.map(|run| run.stages.iter().map(stage_from_proto).collect()).unwrap_or_default(),
        log: text.lines().map(str::to_owned).collect(),
    }
}

/// Names a view by its id.
pub(super) fn locator(view: Id, workspace: &str) -> FcoLocator {
    FcoLocator { id: Some(id_to_proto(view)), workspace: Some(workspace.to_owned()), ..Default::default() }
}

/// What a job does, in the words of the calls about tasks.
pub(super) fn work_type(job_type: &JobType) -> WorkType {
    match job_type {
        JobType::Batch => WorkType::Batch,
        JobType::Stream => WorkType::Streaming,
        JobType::Ingest => WorkType::Ingest,
        JobType::Deletion => WorkType::Deletion,
        JobType::Other(_) => WorkType::Unknown,
    }
}

/// Where an attempt stands, in the words of its stages.
fn run_state(state: &AttemptState) -> StateNumber {
    match state {
        AttemptState::Pending => StateNumber::Pending,
        AttemptState::Running | AttemptState::Cancelling => StateNumber::Running,
        AttemptState::Success => StateNumber::Success,
        AttemptState::Error => StateNumber::Error,
        AttemptState::Cancelled => StateNumber::Cancelled,
        AttemptState::Other(_) => StateNumber::Unspecified,
    }
}

fn stage_to_proto(stage: &Stage) -> proto::TectonManagedStage {
    let kind = match &stage.kind {
        StageKind::Compute => Some(StageType::Aggregate),
        StageKind::Offline => Some(StageType::OfflineStore),
        StageKind::Online => Some(StageType::OnlineStore),
        StageKind::Other(_) => None,
    };
    let state = match stage.state {
        StageState::Pending => StateNumber::Pending,
        StageState::Running => StateNumber::Running,
        StageState::Success => StateNumber::Success,
        StageState::Error => StateNumber::Error,
        StageState::Cancelled => StateNumber::Cancelled,
    };
    proto::TectonManagedStage {
        stage_type: kind.map(Into::into),
        state: Some(state.into()),
        progress: stage.progress,
        description: Some(stage.description.clone()),
        error_type: stage.error.as_ref().map(|_| StageErrorType::UnexpectedError.into()),
        error_detail: stage.error.clone(),
        duration: stage.took.map(span_to_proto),
        start_time: stage.started_at.map(time_to_proto),
        ..Default::default()
    }
}

/// A stage of a message. What this program does not have a word for is shown by the protocol's.
fn stage_from_proto(stage: &proto::TectonManagedStage) -> Stage {
    let kind = match stage.stage_type.and_then(|number| StageType::try_from(number).ok()) {
        Some(StageType::Aggregate) => StageKind::Compute,
        Some(StageType::OfflineStore) => StageKind::Offline,
        Some(StageType::OnlineStore) => StageKind::Online,
        _ => StageKind::Other(stage.stage_type.and_then(StageType::name_of).unwrap_or("other").to_lowercase()),
    };
    let state = match stage.state.and_then(|number| StateNumber::try_from(number).ok()) {
        Some(StateNumber::Running) => StageState::Running,
        Some(StateNumber::Success) => StageState::Success,
        Some(StateNumber::Error) => StageState::Error,
        Some(StateNumber::Cancelled) => StageState::Cancelled,
        Some(StateNumber::Pending | StateNumber::Unspecified) | None => StageState::Pending,
    };
    Stage {
        kind,
        state,
        progress: stage.progress.filter(|share| share.is_finite()).map(|share| share.clamp(0.0, 1.0)),
        started_at: stage.start_time.and_then(time_from_proto),
        took: stage.duration.map(span_from_proto),
        description: stage.description.clone().unwrap_or_default(),
        error: error_of(stage),
    }
}

/// What went wrong; where only its class is told, that.
fn error_of(stage: &proto::TectonManagedStage) -> Option<String> {
    let detail = stage.error_detail.clone().filter(|detail| !detail.is_empty());
    let class = stage.error_type.filter(|number| *number != 0).and_then(StageErrorType::name_of);
    detail.or_else(|| class.map(|class| class.to_lowercase().replace('_', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;
    use crate::model::{Attempt, JobState, Span};
    use crate::wire::proto::enums::StatusState;

    fn stage(kind: StageKind, state: StageState) -> Stage {
        Stage {
            kind,
            state,
            progress: None,
            started_at: Some(from_micros(1_500_000)),
            took: Some(Span::milliseconds(1_250)),
            description: "12,345 rows, 1.2 MB".into(),
            error: None,
        }
    }

    fn job(attempt: Id) -> Job {
        let attempt = Attempt {
            id: Some(attempt),
            number: 1,
            state: AttemptState::Error,
            created_at: None,
            updated_at: None,
            progress: None,
            reason: None,
            message: None,
        };
        Job {
            id: Id(8),
            workspace: "prod".into(),
            feature_view: "v".into(),
            job_type: JobType::Deletion,
            state: JobState::Failure,
            window: None,
            online: true,
            offline: false,
            created_at: None,
            updated_at: None,
            next_attempt_at: None,
            attempts: vec![attempt],
            allowed: Default::default(),
        }
    }

    #[test]
    fn stages_and_log_survive_the_two_calls() {
        let waiting = Stage {
            started_at: None,
            took: None,
            description: String::new(),
            ..stage(StageKind::Online, StageState::Pending)
        };
        let detail = AttemptDetail {
            attempt: Id(5),
            stages: vec![
                Stage { progress: Some(0.5), took: None, ..stage(StageKind::Compute, StageState::Running) },
                stage(StageKind::Offline, StageState::Success),
                Stage { error: Some("The disk is full.".into()), ..stage(StageKind::Offline, StageState::Error) },
                stage(StageKind::Online, StageState::Cancelled),
                waiting,
            ],
            log: vec!["2026-11-22 10:00:00 read 12,345 rows".into(), "2026-11-22 10:00:01 committed".into()],
        };
        let details = details_to_proto(Id(1), &job(Id(5)), &detail);
        let logs = logs_to_proto(Id(1), "prod", &detail);
        assert_eq!(detail_from_proto(Id(5), Some(&details), Some(&logs)), detail);
        let attempt = details.attempt_details.unwrap();
        assert_eq!((attempt.task_type, attempt.task_state), (Some(4), Some(StatusState::Error.into())));
        assert_eq!(attempt.attempt_status.unwrap().attempt_number, Some(1));
        assert_eq!(attempt.run_details.unwrap().state, Some(StateNumber::Error.into()));
        let empty = AttemptDetail { attempt: Id(5), ..AttemptDetail::default() };
        let logs = logs_to_proto(Id(1), "prod", &empty);
        assert_eq!(detail_from_proto(Id(5), None, Some(&logs)), empty, "an empty log has no line");
    }

    #[test]
    fn stages_of_other_deployments_are_shown_by_their_own_words() {
        let foreign = proto::TectonManagedStage {
            stage_type: Some(StageType::Snowflake.into()),
            state: Some(99),
            progress: Some(f32::NAN),
            error_type: Some(StageErrorType::UserError.into()),
            ..Default::default()
        };
        let unknown = proto::TectonManagedStage { stage_type: Some(99), progress: Some(7.0), ..Default::default() };
        let run_details = Some(proto::TectonManagedInfo { stages: vec![foreign, unknown], state: None });
        let attempt_details = Some(proto::TaskAttemptDetails { run_details, ..Default::default() });
        let details = proto::GetJobDetailsResponse { fco_locator: None, attempt_details };
        let stages = detail_from_proto(Id(5), Some(&details), None).stages;
        let seen: Vec<_> = stages.iter().map(|s| (s.kind.to_string(), s.state, s.progress, s.error.clone())).collect();
        let expected = [
            ("snowflake".to_owned(), StageState::Pending, None, Some("user error".to_owned())),
            ("other".to_owned(), StageState::Pending, Some(1.0), None),
        ];
        assert_eq!(seen, expected);
    }
}
