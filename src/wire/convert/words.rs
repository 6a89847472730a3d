//! State and type words of jobs and attempts (docs/wire.md section 2.2).
//!
//! Deployments write them bare (`RUNNING`) or with a prefix (`MATERIALIZATION_TASK_STATUS_RUNNING`), in either case, or
//! as the number that the word has in the protocol; all are read. The protocol has three sets of words for the same
//! things, one each for jobs, attempts and the status table; whichever of them comes is understood. Unknown words are
//! kept as they came, without their prefix.

use crate::model::{AttemptState, JobState, JobType};
use crate::wire::proto::enums::{TaskAttemptState, TaskState, WorkType};

/// The word without its prefix up to `_STATUS_STATE_`, `_STATUS_` or `_STATE_`, in the case that it came in.
fn bare(word: &str) -> &str {
    let word = word.trim();
    let upper = word.to_ascii_uppercase();
    let after = |mark: &str| upper.rfind(mark).map(|at| at + mark.len());
    word.get(after("_STATUS_").max(after("_STATE_")).unwrap_or(0)..).unwrap_or_default()
}

/// The word of a number, where the text is one that the protocol gives a word.
fn spelled(text: &str, name_of: fn(i32) -> Option<&'static str>) -> &str {
    bare(text.trim().parse().ok().and_then(name_of).unwrap_or(text))
}

pub(crate) fn job_state(word: &str) -> JobState {
    let word = spelled(word, TaskState::name_of);
    match word.to_ascii_uppercase().as_str() {
        "SCHEDULED" => JobState::Scheduled,
        "RUNNING" | "PENDING" => JobState::Running,
        "SUCCESS" => JobState::Success,
        "FAILURE" | "PERMANENT_FAILURE" | "ERROR" => JobState::Failure,
        "MANUAL_CANCELLATION_REQUESTED" | "CANCELLING" => JobState::CancellationRequested,
        "MANUALLY_CANCELLED" | "CANCELLED" => JobState::Cancelled,
        "DRAINING" => JobState::Draining,
        "DRAINED" => JobState::Drained,
        "MANUAL_RETRY" => JobState::ManualRetry,
        _ => JobState::Other(word.to_owned()),
    }
}

/// The word that a job's state travels as: everything from submission to the last attempt is `RUNNING`, for released
/// clients give up at any other word.
pub(crate) fn job_word(state: &JobState) -> String {
    match state {
        JobState::Scheduled => JobState::Running.to_string(),
        other => other.to_string(),
    }
}

pub(crate) fn attempt_state(word: &str) -> AttemptState {
    let word = spelled(word, TaskAttemptState::name_of);
    match word.to_ascii_uppercase().as_str() {
        "PENDING" | "SCHEDULED" | "MANUAL_RETRY" => AttemptState::Pending,
        "RUNNING" => AttemptState::Running,
        "SUCCESS" => AttemptState::Success,
        "ERROR" | "FAILURE" | "PERMANENT_FAILURE" => AttemptState::Error,
        "CANCELLING" | "DRAINING" | "MANUAL_CANCELLATION_REQUESTED" => AttemptState::Cancelling,
        "CANCELLED" | "MANUALLY_CANCELLED" | "DRAINED" => AttemptState::Cancelled,
        _ => AttemptState::Other(word.to_owned()),
    }
}

/// A job's type, also with the prefix of an enumeration (`DATA_SOURCE_TYPE_BATCH`).
pub(crate) fn job_type(word: &str) -> JobType {
    let word = word.trim();
    let word = word.parse().ok().and_then(WorkType::name_of).unwrap_or(word);
    let start = word.to_ascii_uppercase().rfind("_TYPE_").map_or(0, |at| at + "_TYPE_".len());
    let word = word.get(start..).unwrap_or_default();
    match word.to_ascii_uppercase().as_str() {
        "BATCH" => JobType::Batch,
        "STREAM" | "STREAMING" => JobType::Stream,
        "INGEST" => JobType::Ingest,
        "DELETION" => JobType::Deletion,
        _ => JobType::Other(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::enums::StatusState;

    #[test]
    fn prefixes_case_and_numbers_do_not_matter() {
        use JobState::*;
        let other = |word: &str| Other(word.to_owned());
        for (words, state) in [
            (
                &["RUNNING", "running", "MATERIALIZATION_TASK_STATUS_RUNNING", "X_STATE_RUNNING", " Running ", "1"][..],
                Running,
            ),
            (&["materialization_task_status_success", "SUCCESS", "3"], Success),
            (&["MATERIALIZATION_STATUS_STATE_PERMANENT_FAILURE", "FAILURE", "permanent_failure", "4"], Failure),
            (&["MATERIALIZATION_TASK_STATUS_MANUALLY_CANCELLED", "manually_cancelled", "8"], Cancelled),
            (&["MANUAL_CANCELLATION_REQUESTED", "7"], CancellationRequested),
            (&["MATERIALIZATION_TASK_STATUS_DRAINING", "2"], Draining),
            (&["drained", "5"], Drained),
            (&["MATERIALIZATION_TASK_STATUS_MANUAL_RETRY", "6"], ManualRetry),
            (&["X_STATUS_DREAMING", "DREAMING"], other("DREAMING")),
            (&["Paused-2", "x_status_Paused-2"], other("Paused-2")),
            (&["99"], other("99")),
            (&["MATERIALIZATION_TASK_STATUS_UNSPECIFIED", "0"], other("UNSPECIFIED")),
            (&["", "  "], other("")),
        ] {
            for word in words {
                assert_eq!(job_state(word), state, "{word}");
            }
            // A word that nobody knows never ends a wait.
            assert!(!matches!(&state, Other(_)) || !state.is_terminal());
        }
    }

    #[test]
    fn attempts_and_types_are_read_as_leniently() {
        for word in
            ["ERROR", "error", "MATERIALIZATION_ATTEMPT_STATUS_ERROR", "MATERIALIZATION_STATUS_STATE_ERROR", "4"]
        {
            assert_eq!(attempt_state(word), AttemptState::Error, "{word}");
        }
        assert_eq!(attempt_state("6"), AttemptState::Cancelling);
        assert_eq!(attempt_state("Napping"), AttemptState::Other("Napping".to_owned()));
        for (words, kind) in [
            (&["BATCH", "batch", "DATA_SOURCE_TYPE_BATCH", "1"][..], JobType::Batch),
            (&["STREAM", "stream", "STREAMING", "TASK_TYPE_STREAMING", "2"], JobType::Stream),
            (&["ingest", "3"], JobType::Ingest),
            (&["Deletion", "4"], JobType::Deletion),
            (&["FEATURE_EXPORT", "DATA_SOURCE_TYPE_FEATURE_EXPORT", "6"], JobType::Other("FEATURE_EXPORT".to_owned())),
            (&["Backfill"], JobType::Other("Backfill".to_owned())),
            (&[""], JobType::Other(String::new())),
        ] {
            for word in words {
                assert_eq!(job_type(word), kind, "{word}");
            }
        }
    }

    #[test]
    fn the_words_of_one_set_are_understood_in_the_others() {
        let known = |text: &str| !matches!(job_state(text), JobState::Other(_));
        let attempt = |text: &str| !matches!(attempt_state(text), AttemptState::Other(_));
        let sets: [fn(i32) -> Option<&'static str>; 3] =
            [TaskState::name_of, TaskAttemptState::name_of, StatusState::name_of];
        for (set, word) in sets.iter().flat_map(|set| (1..12).filter_map(move |number| Some((set, set(number)?)))) {
            assert!(known(word) && attempt(word), "{word} of {set:?}");
        }
        for (word, ended) in
            [("ERROR", Some(JobState::Failure)), ("CANCELLED", Some(JobState::Cancelled)), ("CANCELLING", None)]
        {
            let state = job_state(&format!("MATERIALIZATION_STATUS_STATE_{word}"));
            assert_eq!((state.is_terminal().then_some(state.clone()), state.can_cancel()), (ended, false), "{word}");
        }
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
