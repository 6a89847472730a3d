//! What `run` and `get_historical_features` are asked for (docs/reference.md, run and get_historical_features;
//! docs/semantics.md sections 7 and 8).
//!
//! Tables of the caller are named by their files here; whoever asks reads them.

use std::path::PathBuf;

use super::Time;

/// `run(start_time, end_time, aggregation_level, mock sources)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// Workspace of the view.
    pub workspace: String,
    /// Name of the view.
    pub feature_view: String,
    /// First instant; absent for `end_time` minus the batch schedule.
    pub start_time: Option<Time>,
    /// First instant after; absent for `start_time` plus the batch schedule.
    pub end_time: Option<Time>,
    /// `disabled`, `partial` or `full`, as it was written: the deployment judges it.
    pub aggregation_level: Option<String>,
    /// Tables that stand for sources: name of the input, and the file (CSV, Parquet or JSON lines).
    pub mock_sources: Vec<(String, PathBuf)>,
}

/// `get_historical_features(...)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Workspace of the view.
    pub workspace: String,
    /// Name of the view.
    pub feature_view: String,
    /// The file with the spine; absent for a range of time.
    pub spine: Option<PathBuf>,
    /// The spine's time column; absent when it has only one.
    pub timestamp_key: Option<String>,
    /// First instant; only without a spine.
    pub start_time: Option<Time>,
    /// First instant after; only without a spine.
    pub end_time: Option<Time>,
    /// The file with the keys that are wanted; only without a spine.
    pub entities: Option<PathBuf>,
    /// Compute from the source instead of reading the offline store.
    pub from_source: bool,
    /// Keep the result as a dataset.
    pub save: bool,
    /// Its name; absent for a generated one.
    pub save_as: Option<String>,
}

/// A computation that a person asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Run the view over a range of time.
    Run(RunQuery),
    /// Historical values of its features.
    History(HistoryQuery),
}

impl Query {
    /// Workspace of the view.
    pub fn workspace(&self) -> &str {
        match self {
            Self::Run(run) => &run.workspace,
            Self::History(history) => &history.workspace,
        }
    }

    /// Name of the view.
    pub fn feature_view(&self) -> &str {
        match self {
            Self::Run(run) => &run.feature_view,
            Self::History(history) => &history.feature_view,
        }
    }
}

/// How far a computation is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryProgress {
    /// What is being done, in the progressive form, such as `reading the spine` or `computing`.
    pub step: String,
    /// Share of the step that is done, 0 to 1; absent where nobody knows.
    pub share: Option<f32>,
    /// Rows of the source read so far.
    pub rows_read: Option<u64>,
}
