//! State words of jobs and attempts (wire section 2.2).
//!
//! Deployments write them bare (`RUNNING`) or with a prefix (`MATERIALIZATION_TASK_STATUS_RUNNING`), in either case;
//! all are read. Unknown words are kept without their prefix.

use crate::model::{AttemptState, JobState, JobType};

/// The word without its prefix up to `_STATUS_STATE_`, `_STATUS_` or `_STATE_`, in upper case.
pub fn bare(word: &str) -> String {
    let upper = word.trim().to_uppercase();
    let after = |mark: &str| upper.rfind(mark).map(|at| at + mark.len());
    let start = after("_STATUS_").max(after("_STATE_")).unwrap_or(0);
    upper.get(start..).unwrap_or_default().to_owned()
}

/// A job's state.
pub fn job_state(word: &str) -> JobState {
    match bare(word).as_str() {
        "SCHEDULED" => JobState::Scheduled,
        "RUNNING" | "PENDING" => JobState::Running,
        "SUCCESS" => JobState::Success,
        "FAILURE" | "PERMANENT_FAILURE" => JobState::Failure,
        "MANUAL_CANCELLATION_REQUESTED" => JobState::CancellationRequested,
        "MANUALLY_CANCELLED" => JobState::Cancelled,
        "DRAINING" => JobState::Draining,
        "DRAINED" => JobState::Drained,
        "MANUAL_RETRY" => JobState::ManualRetry,
        other => JobState::Other(other.to_owned()),
    }
}

/// The word that a job's state travels as: everything from submission to the last attempt is `RUNNING`, for released
/// clients give up at any other word.
pub fn job_word(state: &JobState) -> String {
    match state {
        JobState::Scheduled => JobState::Running.to_string(),
        other => other.to_string(),
    }
}

/// An attempt's state.
pub fn attempt_state(word: &str) -> AttemptState {
    match bare(word).as_str() {
        "PENDING" | "SCHEDULED" => AttemptState::Pending,
        "RUNNING" => AttemptState::Running,
        "SUCCESS" => AttemptState::Success,
        "ERROR" => AttemptState::Error,
        "CANCELLING" | "MANUAL_CANCELLATION_REQUESTED" => AttemptState::Cancelling,
        "CANCELLED" | "MANUALLY_CANCELLED" | "DRAINED" => AttemptState::Cancelled,
        other => AttemptState::Other(other.to_owned()),
    }
}

/// A job's type.
pub fn job_type(word: &str) -> JobType {
    match word.trim().to_uppercase().as_str() {
        "BATCH" => JobType::Batch,
        "STREAM" => JobType::Stream,
        "INGEST" => JobType::Ingest,
        "DELETION" => JobType::Deletion,
        other => JobType::Other(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_case_do_not_matter() {
        for word in ["RUNNING", "running", "MATERIALIZATION_TASK_STATUS_RUNNING", "X_STATE_RUNNING"] {
            assert_eq!(job_state(word), JobState::Running, "{word}");
        }
        assert_eq!(job_state("MATERIALIZATION_STATUS_STATE_PERMANENT_FAILURE"), JobState::Failure);
        assert_eq!(job_state("MATERIALIZATION_TASK_STATUS_MANUALLY_CANCELLED"), JobState::Cancelled);
        assert_eq!(job_state("X_STATUS_DREAMING"), JobState::Other("DREAMING".to_owned()));
        assert_eq!(attempt_state("MATERIALIZATION_ATTEMPT_STATUS_ERROR"), AttemptState::Error);
        assert_eq!(job_type("batch"), JobType::Batch);
        assert_eq!(job_state(""), JobState::Other(String::new()));
    }

    #[test]
    fn every_known_word_is_read_back() {
        use JobState::*;
        for state in [Running, Success, Failure, CancellationRequested, Cancelled, Draining, Drained, ManualRetry] {
            assert_eq!(job_state(&job_word(&state)), state);
        }
        assert_eq!(job_word(&Scheduled), "RUNNING");
    }
}
