//! What one attempt of a job did, in full: its stages with rows and bytes, and its log (docs/wire.md section 2.2, job
//! details).

use std::fmt;

use super::{Id, Span, Time};

/// What a stage of an attempt does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StageKind {
    /// Reads the sources, runs the query, folds rows into tiles.
    Compute,
    /// Writes to, or deletes from, the offline store.
    Offline,
    /// Writes to, or deletes from, the online store.
    Online,
    /// A word this program does not know.
    Other(String),
}

impl fmt::Display for StageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compute => "compute",
            Self::Offline => "offline store",
            Self::Online => "online store",
            Self::Other(word) => word,
        })
    }
}

/// Where a stage stands; a word that is not known reads as `Pending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StageState {
    /// Not begun: an earlier stage is under way.
    Pending,
    /// Under way; its `progress` may say how far.
    Running,
    /// Ended well, with all of its work done.
    Success,
    /// Ended with an error, which the stage's `error` tells.
    Error,
    /// Stopped because somebody cancelled the job.
    Cancelled,
}

impl fmt::Display for StageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Error => "ERROR",
            Self::Cancelled => "CANCELLED",
        })
    }
}

/// One stage of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Which part of the work it is.
    pub kind: StageKind,
    /// How far that part is: pending, under way, or in which way it ended.
    pub state: StageState,
    /// Share done, 0 to 1, where the server says so.
    pub progress: Option<f32>,
    /// When it began; absent while it is pending.
    pub started_at: Option<Time>,
    /// How long it took, once it has ended.
    pub took: Option<Span>,
    /// What it read or wrote, such as `12,345 rows, 1.2 MB`. Text from outside: cleaned before it is drawn.
    pub description: String,
    /// What went wrong, in a sentence. Text from outside.
    pub error: Option<String>,
}

/// What one attempt did, stage by stage, and what it logged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttemptDetail {
    /// Identity of the attempt, as the job's list of attempts has it.
    pub attempt: Id,
    /// Its stages in the order of the work; absent where the server does not tell.
    pub stages: Vec<Stage>,
    /// Its log, a line an event, oldest first; each begins with its instant. Text from outside.
    pub log: Vec<String>,
}
