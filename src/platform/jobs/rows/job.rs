//! Jobs and attempts as rows. Each table has one list of columns, which writing and reading share.
//!
//! A new column is a line of its list, what is written there (a match that must be whole), and where it is read; and a
//! step of `schema.rs`, for old files.

use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::Rows;
use super::cells::{id_at, text_at, time_at};
use crate::model::time::micros;
use crate::model::{Attempt, AttemptState, Id, Job, JobState, JobType, Window};
use crate::platform::jobs::error::TableError;
use crate::platform::jobs::record::JobRecord;

/// Makes the columns of a table: those that are `fixed` keep what was written first, a later save may change the
/// others.
macro_rules! columns {
    ($(#[$doc:meta])* $table:ident { $($column:ident = $name:literal $later:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) enum $table {
            $($column),+
        }

        impl $table {
            const ALL: &[Self] = &[$(Self::$column),+];
            const NAMES: &[&str] = &[$($name),+];
            const CHANGING: &[&str] = &[$(if_changing!($later $name)),+];

            /// Its place in a row that was selected by [`selected`].
            pub(super) const fn at(self) -> usize {
                self as usize
            }
        }
    };
}

/// The name of a column that changes; empty for one that is fixed.
macro_rules! if_changing {
    (fixed $name:literal) => {
        ""
    };
    (changes $name:literal) => {
        $name
    };
}

columns! {
    JobColumn {
        Id = "id" fixed,
        View = "view" fixed,
        JobType = "job_type" fixed,
        State = "state" changes,
        WindowStart = "window_start" fixed,
        WindowEnd = "window_end" fixed,
        Online = "online" fixed,
        Offline = "offline" fixed,
        ByUser = "by_user" fixed,
        ManagedRetries = "managed_retries" fixed,
        CreatedAt = "created_at" fixed,
        UpdatedAt = "updated_at" changes,
        NextAttemptAt = "next_attempt_at" changes,
        CountedFrom = "counted_from" changes,
    }
}

columns! {
    AttemptColumn {
        Id = "id" fixed,
        Job = "job" fixed,
        Number = "number" fixed,
        State = "state" changes,
        CreatedAt = "created_at" changes,
        UpdatedAt = "updated_at" changes,
        Reason = "reason" changes,
        Message = "message" changes,
    }
}

/// What is written of a job.
fn of_job(record: &JobRecord, column: JobColumn) -> Value {
    let job = &record.job;
    match column {
        JobColumn::Id => job.id.to_string().into(),
        JobColumn::View => record.view.to_string().into(),
        JobColumn::JobType => job.job_type.to_string().into(),
        JobColumn::State => job.state.to_string().into(),
        JobColumn::WindowStart => job.window.map(|window| micros(window.start)).into(),
        JobColumn::WindowEnd => job.window.map(|window| micros(window.end)).into(),
        JobColumn::Online => job.online.into(),
        JobColumn::Offline => job.offline.into(),
        JobColumn::ByUser => record.by_user.into(),
        JobColumn::ManagedRetries => record.managed_retries.into(),
        JobColumn::CreatedAt => job.created_at.map(micros).into(),
        JobColumn::UpdatedAt => job.updated_at.map(micros).into(),
        JobColumn::NextAttemptAt => job.next_attempt_at.map(micros).into(),
        JobColumn::CountedFrom => record.counted_from.into(),
    }
}

/// What is written of an attempt.
fn of_attempt(job: Id, attempt: &Attempt, column: AttemptColumn) -> Value {
    match column {
        AttemptColumn::Id => attempt.id.map(|id| id.to_string()).into(),
        AttemptColumn::Job => job.to_string().into(),
        AttemptColumn::Number => attempt.number.into(),
        AttemptColumn::State => attempt.state.to_string().into(),
        AttemptColumn::CreatedAt => attempt.created_at.map(micros).into(),
        AttemptColumn::UpdatedAt => attempt.updated_at.map(micros).into(),
        AttemptColumn::Reason => attempt.reason.clone().into(),
        AttemptColumn::Message => attempt.message.clone().into(),
    }
}

/// Beside the columns of a job, workspace and name of its view are selected.
const WORKSPACE: usize = JobColumn::ALL.len();
const FEATURE_VIEW: usize = WORKSPACE + 1;

/// The job of a row of [`JOBS`], its attempts left out.
pub(super) fn job_in(row: &Row) -> Result<JobRecord, TableError> {
    let (start, end) = (time_at(row, JobColumn::WindowStart.at())?, time_at(row, JobColumn::WindowEnd.at())?);
    let job = Job {
        id: id_at(row, JobColumn::Id.at())?,
        workspace: row.get(WORKSPACE)?,
        feature_view: row.get(FEATURE_VIEW)?,
        job_type: job_type_named(text_at(row, JobColumn::JobType.at())?),
        state: job_state_named(text_at(row, JobColumn::State.at())?),
        window: start.zip(end).map(|(start, end)| Window { start, end }),
        online: row.get(JobColumn::Online.at())?,
        offline: row.get(JobColumn::Offline.at())?,
        created_at: time_at(row, JobColumn::CreatedAt.at())?,
        updated_at: time_at(row, JobColumn::UpdatedAt.at())?,
        next_attempt_at: time_at(row, JobColumn::NextAttemptAt.at())?,
        attempts: Vec::new(),
        allowed: Default::default(),
    };
    Ok(JobRecord {
        job,
        view: id_at(row, JobColumn::View.at())?,
        by_user: row.get(JobColumn::ByUser.at())?,
        managed_retries: row.get(JobColumn::ManagedRetries.at())?,
        counted_from: row.get(JobColumn::CountedFrom.at())?,
        log: Vec::new(),
    })
}

/// The attempt of a row of [`ATTEMPTS`].
pub(super) fn attempt_in(row: &Row) -> Result<Attempt, TableError> {
    Ok(Attempt {
        id: Some(id_at(row, AttemptColumn::Id.at())?),
        number: row.get(AttemptColumn::Number.at())?,
        state: attempt_state_named(text_at(row, AttemptColumn::State.at())?),
        created_at: time_at(row, AttemptColumn::CreatedAt.at())?,
        updated_at: time_at(row, AttemptColumn::UpdatedAt.at())?,
        progress: None,
        reason: row.get(AttemptColumn::Reason.at())?,
        message: row.get(AttemptColumn::Message.at())?,
    })
}

/// Selects jobs, each with workspace and name of its view; a condition follows.
pub(super) static JOBS: LazyLock<String> = LazyLock::new(|| {
    let columns = selected("jobs", JobColumn::NAMES);
    format!("SELECT {columns}, views.workspace, views.name FROM jobs JOIN views ON views.id = jobs.view")
});

/// The columns of attempts, to be selected.
pub(super) static ATTEMPTS: LazyLock<String> = LazyLock::new(|| selected("attempts", AttemptColumn::NAMES));

static SAVE_JOB: LazyLock<String> = LazyLock::new(|| upsert("jobs", JobColumn::NAMES, JobColumn::CHANGING));
static SAVE_ATTEMPT: LazyLock<String> =
    LazyLock::new(|| upsert("attempts", AttemptColumn::NAMES, AttemptColumn::CHANGING));

fn selected(table: &str, names: &[&str]) -> String {
    names.iter().map(|name| format!("{table}.{name}")).collect::<Vec<_>>().join(", ")
}

/// Inserts a row, or changes the one that has its id.
fn upsert(table: &str, names: &[&str], changing: &[&str]) -> String {
    let changing = changing.iter().filter(|name| !name.is_empty());
    let changes: Vec<_> = changing.map(|name| format!("{name} = excluded.{name}")).collect();
    format!(
        "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET {}",
        names.join(", "),
        vec!["?"; names.len()].join(", "),
        changes.join(", ")
    )
}

impl Rows<'_> {
    pub(super) fn save_job(&self, record: &JobRecord) -> Result<(), TableError> {
        let values = JobColumn::ALL.iter().map(|column| of_job(record, *column));
        self.connection.prepare_cached(&SAVE_JOB)?.execute(params_from_iter(values))?;
        Ok(())
    }

    pub(super) fn save_attempt(&self, job: Id, attempt: &Attempt) -> Result<(), TableError> {
        let values = AttemptColumn::ALL.iter().map(|column| of_attempt(job, attempt, *column));
        self.connection.prepare_cached(&SAVE_ATTEMPT)?.execute(params_from_iter(values))?;
        Ok(())
    }
}

// A list of a hundred thousand jobs reads as many words: they are told apart without making texts of them.

fn job_type_named(word: &str) -> JobType {
    match word {
        "BATCH" => JobType::Batch,
        "STREAM" => JobType::Stream,
        "INGEST" => JobType::Ingest,
        "DELETION" => JobType::Deletion,
        other => JobType::Other(other.to_owned()),
    }
}

fn job_state_named(word: &str) -> JobState {
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

fn attempt_state_named(word: &str) -> AttemptState {
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
        states.into_iter().for_each(|state| assert_eq!(job_state_named(&state.to_string()), state));
        let types = [JobType::Batch, JobType::Stream, JobType::Ingest, JobType::Deletion];
        types.into_iter().for_each(|kind| assert_eq!(job_type_named(&kind.to_string()), kind));
        use AttemptState as A;
        let attempts = [A::Pending, A::Running, A::Success, A::Error, A::Cancelling, A::Cancelled];
        attempts.into_iter().for_each(|state| assert_eq!(attempt_state_named(&state.to_string()), state));
    }
}
