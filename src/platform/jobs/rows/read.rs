//! A row of the job table as the program's own words.

use rusqlite::Row;

use crate::model::time::from_micros;
use crate::model::{Attempt, AttemptState, Id, Job, JobState, JobType, Time, Window};
use crate::platform::jobs::record::JobRecord;
use crate::platform::jobs::table::TableError;

/// An id as the table writes it.
pub(super) fn parse_id(text: &str) -> Result<Id, TableError> {
    text.parse().map_err(|_| TableError::Damaged(format!("`{text}` is not an id")))
}

/// The id in a cell.
pub(super) fn id_at(row: &Row, column: usize) -> Result<Id, TableError> {
    parse_id(text_at(row, column)?)
}

/// The text of a cell, as it lies in the row.
fn text_at<'r>(row: &'r Row, column: usize) -> Result<&'r str, TableError> {
    row.get_ref(column)?.as_str().map_err(|error| TableError::Damaged(error.to_string()))
}

/// The instant in a cell; absent where there is none.
pub(super) fn time_at(row: &Row, column: usize) -> Result<Option<Time>, TableError> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(from_micros))
}

/// The job of a row of [`super::JOB_COLUMNS`], its attempts left out.
pub(super) fn job_of(row: &Row) -> Result<JobRecord, TableError> {
    let window = time_at(row, 6)?.zip(time_at(row, 7)?).map(|(start, end)| Window { start, end });
    let job = Job {
        id: id_at(row, 0)?,
        workspace: row.get(2)?,
        feature_view: row.get(3)?,
        job_type: job_type_of(text_at(row, 4)?),
        state: job_state_of(text_at(row, 5)?),
        window,
        online: row.get(8)?,
        offline: row.get(9)?,
        created_at: time_at(row, 12)?,
        updated_at: time_at(row, 13)?,
        next_attempt_at: time_at(row, 14)?,
        attempts: Vec::new(),
        allowed: Default::default(),
    };
    Ok(JobRecord {
        job,
        view: id_at(row, 1)?,
        by_user: row.get(10)?,
        managed_retries: row.get(11)?,
        counted_from: row.get(15)?,
        log: Vec::new(),
    })
}

/// The attempt of a row: job, id, number, state, two instants, reason, message.
pub(super) fn attempt_of(row: &Row) -> Result<Attempt, TableError> {
    Ok(Attempt {
        id: Some(id_at(row, 1)?),
        number: row.get(2)?,
        state: attempt_state_of(text_at(row, 3)?),
        created_at: time_at(row, 4)?,
        updated_at: time_at(row, 5)?,
        progress: None,
        reason: row.get(6)?,
        message: row.get(7)?,
    })
}

// A list of a hundred thousand jobs reads as many words: they are told apart without making texts of them.

fn job_type_of(word: &str) -> JobType {
    match word {
        "BATCH" => JobType::Batch,
        "STREAM" => JobType::Stream,
        "INGEST" => JobType::Ingest,
        "DELETION" => JobType::Deletion,
        other => JobType::Other(other.to_owned()),
    }
}

fn job_state_of(word: &str) -> JobState {
    match word {
        "SCHEDULED" => JobState::Scheduled,
        "RUNNING" => JobState::Running,
        "SUCCESS" => JobState::Success,
        "FAILURE" => JobState::Failure,
        "MANUAL_CANCELLATION_REQUESTED" => JobState::CancellationRequested,
        "MANUALLY_CANCELLED" => JobState::Cancelled,
        "DRAINING" => JobState::Draining,
        "DRAINED" => JobState::Drained,
        "MANUAL_RETRY" => JobState::ManualRetry,
        other => JobState::Other(other.to_owned()),
    }
}

fn attempt_state_of(word: &str) -> AttemptState {
    match word {
        "PENDING" => AttemptState::Pending,
        "RUNNING" => AttemptState::Running,
        "SUCCESS" => AttemptState::Success,
        "ERROR" => AttemptState::Error,
        "CANCELLING" => AttemptState::Cancelling,
        "CANCELLED" => AttemptState::Cancelled,
        other => AttemptState::Other(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        use JobState::{
            CancellationRequested, Cancelled, Drained, Draining, Failure, ManualRetry, Running, Scheduled, Success,
        };
        let states =
            [Scheduled, Running, Success, Failure, CancellationRequested, Cancelled, Draining, Drained, ManualRetry];
        states.into_iter().for_each(|state| assert_eq!(job_state_of(&state.to_string()), state));
        let types = [JobType::Batch, JobType::Stream, JobType::Ingest, JobType::Deletion];
        types.into_iter().for_each(|kind| assert_eq!(job_type_of(&kind.to_string()), kind));
        use AttemptState as A;
        let attempts = [A::Pending, A::Running, A::Success, A::Error, A::Cancelling, A::Cancelled];
        attempts.into_iter().for_each(|state| assert_eq!(attempt_state_of(&state.to_string()), state));
    }
}
