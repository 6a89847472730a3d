//! Materialization and deletion jobs, and their attempts (docs/semantics.md section 10, docs/wire.md section 2.2).

use std::fmt;

use super::{Id, Time, Window};

/// What a job does. Unknown words are kept as they came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobType {
    /// Materializes a window from the batch source.
    Batch,
    /// Materializes the stream for as long as the view lives.
    Stream,
    /// Writes records that a caller sends.
    Ingest,
    /// Deletes keys from one store (docs/semantics.md section 11).
    Deletion,
    /// A word this program does not know.
    Other(String),
}

/// Where a job stands.
///
/// `Running` covers everything from submission to the last attempt, the wait before a retry included, for the
/// protocol's own clients give up at any other word (docs/semantics.md section 10). `Scheduled` is told apart by the
/// status table alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waits for its window to be complete; no attempt was made yet.
    Scheduled,
    /// Is running, or will be tried again.
    Running,
    /// Done: its window is in the stores, or its keys are gone from them.
    Success,
    /// Ended without success; no further attempt.
    Failure,
    /// Somebody asked for it to stop; the attempt has not stopped yet.
    CancellationRequested,
    /// Stopped because somebody asked; no further attempt.
    Cancelled,
    /// Being stopped by the deployment itself.
    Draining,
    /// Stopped by the deployment itself.
    Drained,
    /// Somebody asked for another attempt.
    ManualRetry,
    /// A word this program does not know: treated as not ended, shown as it came.
    Other(String),
}

impl JobState {
    /// Whether the job has ended for good.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Cancelled | Self::Drained)
    }

    /// Whether a cancel request can change anything.
    pub fn can_cancel(&self) -> bool {
        matches!(self, Self::Scheduled | Self::Running | Self::ManualRetry | Self::Other(_))
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheduled => "SCHEDULED",
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::CancellationRequested => "MANUAL_CANCELLATION_REQUESTED",
            Self::Cancelled => "MANUALLY_CANCELLED",
            Self::Draining => "DRAINING",
            Self::Drained => "DRAINED",
            Self::ManualRetry => "MANUAL_RETRY",
            Self::Other(word) => word,
        })
    }
}

impl fmt::Display for JobType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Batch => "BATCH",
            Self::Stream => "STREAM",
            Self::Ingest => "INGEST",
            Self::Deletion => "DELETION",
            Self::Other(word) => word,
        })
    }
}

/// Where one attempt stands (docs/wire.md section 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// Made, and waits for a worker to take it.
    Pending,
    /// A worker has taken it and works on it.
    Running,
    /// Done, and with it the job.
    Success,
    /// Ended with an error; another attempt may follow.
    Error,
    /// Somebody cancelled the job; the attempt has not stopped yet.
    Cancelling,
    /// Stopped because somebody cancelled the job.
    Cancelled,
    /// A word this program does not know.
    Other(String),
}

impl fmt::Display for AttemptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Error => "ERROR",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Other(word) => word,
        })
    }
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Identity; absent where only the status table told of it.
    pub id: Option<Id>,
    /// Its place among the job's attempts, 1 for the first.
    pub number: u32,
    /// Where it stands; only `Running` ones have a progress.
    pub state: AttemptState,
    /// When it was started; absent where the deployment sends none, or the epoch.
    pub created_at: Option<Time>,
    /// When it last changed; for an ended one, when it ended.
    pub updated_at: Option<Time>,
    /// Share of the work done, 0 to 1, where the server says so.
    pub progress: Option<f32>,
    /// Why it ended, in a word (`SOURCE_ERROR`, `QUERY_ERROR`); absent when it has not failed.
    pub reason: Option<String>,
    /// What happened, in a sentence from the server. Text from outside: cleaned before it is drawn.
    pub message: Option<String>,
}

/// One materialization or deletion job, with what the job list and the status table say of it joined by id.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Identity; equals the task id of the status table.
    pub id: Id,
    /// Name of the workspace that the view is in.
    pub workspace: String,
    /// Name of the view whose features it writes or whose keys it deletes.
    pub feature_view: String,
    /// What it does; decides which of the fields below mean something.
    pub job_type: JobType,
    /// Where the job as a whole stands, over all of its attempts.
    pub state: JobState,
    /// The window it materializes; absent for stream and deletion jobs.
    pub window: Option<Window>,
    /// Whether it writes to the online store.
    pub online: bool,
    /// Whether it writes to the offline store.
    pub offline: bool,
    /// When it was made; absent where the deployment sends none, or the epoch.
    pub created_at: Option<Time>,
    /// When it last changed; absent like `created_at`.
    pub updated_at: Option<Time>,
    /// When the next attempt is due: the retry of a failed one, or the start of a scheduled one.
    pub next_attempt_at: Option<Time>,
    /// Its attempts, oldest first; empty until the first one is made.
    pub attempts: Vec<Attempt>,
    /// What may be done with it, by the deployment's own word.
    pub allowed: Allowed,
}

/// What the status table says may be done with a job beyond cancelling it (docs/wire.md section 2.2, task level calls).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// A finally failed job may be tried again.
    pub retry: bool,
    /// It may be tried again over what other jobs wrote since.
    pub overwrite_retry: bool,
    /// The deployment did not say: neither this nor why attempts ended is known.
    pub unknown: bool,
}

impl Job {
    /// A job of which only the name of its view is known.
    pub fn bare(id: Id, workspace: &str, feature_view: &str) -> Self {
        Self {
            id,
            workspace: workspace.to_owned(),
            feature_view: feature_view.to_owned(),
            job_type: JobType::Other(String::new()),
            state: JobState::Other(String::new()),
            window: None,
            online: false,
            offline: false,
            created_at: None,
            updated_at: None,
            next_attempt_at: None,
            attempts: Vec::new(),
            allowed: Allowed::default(),
        }
    }

    /// The newest attempt; absent while none was made.
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The newest failure's message, else its reason: what a person at triage wants to read first.
    pub fn failure(&self) -> Option<&str> {
        let failed = self.attempts.iter().rev().find(|a| a.state == AttemptState::Error)?;
        failed.message.as_deref().or(failed.reason.as_deref())
    }

    /// Progress of the running attempt, 0 to 1.
    pub fn progress(&self) -> Option<f32> {
        self.last_attempt().filter(|a| a.state == AttemptState::Running).and_then(|a| a.progress)
    }
}

/// What `trigger_materialization_job` asks for (docs/reference.md, trigger_materialization_job; checks in
/// docs/semantics.md section 10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerRequest {
    /// Name of the workspace that the view is in.
    pub workspace: String,
    /// Name of the view that is to be materialized.
    pub feature_view: String,
    /// The window; both ends on the view's batch schedule.
    pub window: Window,
    /// Write to the online store.
    pub online: bool,
    /// Write to the offline store.
    pub offline: bool,
    /// Let the platform retry failed attempts.
    pub use_tecton_managed_retries: bool,
    /// Allow windows that are materialized already.
    pub overwrite: bool,
}
