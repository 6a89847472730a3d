//! The JSON of what the protocol has no call for, below `/v1/fvtop/`: `run`, `get_historical_features` and datasets.
//!
//! Tables travel beside it as Arrow IPC streams ([`super::arrow`]). Requests with fields that are not known are
//! refused, for a misspelt argument must not be passed over; answers may hold more than is known here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Time;

/// The largest table that may be uploaded, as it travels, in bytes.
pub const FRAME_LIMIT: usize = 256 * 1024 * 1024;
/// The most bytes that an uploaded table may take in memory.
pub const FRAME_MEMORY: u64 = 1 << 29;
/// The longest that a request for a query's status may wait for a change, in milliseconds.
pub const LONGEST_WAIT_MS: u64 = 10_000;
/// The longest name of a dataset, in characters.
pub const LONGEST_NAME: usize = 128;

/// Whether a name can stand for a dataset: letters, digits, `_`, `-` and `.`, not beginning with `.` or `-`, at most
/// [`LONGEST_NAME`] characters. Such a name is a safe file name and a safe part of a URL.
pub fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(plain) && !name.starts_with(['.', '-'])
}

/// Answer to an uploaded table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameAnswer {
    /// Names the table in a query.
    pub frame_id: String,
    /// Rows that the table has.
    #[serde(default)]
    pub rows: u64,
    /// Names of its columns, in their order.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// A computation that is asked for. Its tables are named by `T`: by files where a person asks, by the ids of frames on
/// the way, and where it is computed they are the tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "QueryRequest", tag = "kind", rename_all = "snake_case")]
pub enum Query<T> {
    /// A `run` over a range of time.
    Run(RunQuery<T>),
    /// A `get_historical_features`, with or without a spine.
    History(HistoryQuery<T>),
}

/// A computation as it is asked of a deployment: tables by their frame ids.
pub type QueryRequest = Query<String>;

/// `run(start_time, end_time, aggregation_level, mock sources)` (docs/semantics.md section 7). Times are RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "RunRequest", deny_unknown_fields)]
pub struct RunQuery<T> {
    /// Name of the workspace that the view is in.
    pub workspace: String,
    /// Name of the view, or its id.
    pub feature_view: String,
    /// First instant; absent for `end_time` minus the batch schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// First instant after; absent for `start_time` plus the batch schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// `disabled`, `partial` or `full`, as it was written: the engine judges it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation_level: Option<String>,
    /// Tables that stand for sources, by the name of the input.
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    pub mock_sources: BTreeMap<String, T>,
}

/// `get_historical_features(...)` (docs/semantics.md section 8). Times are RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "HistoryRequest", deny_unknown_fields)]
pub struct HistoryQuery<T> {
    /// Name of the workspace that the view is in.
    pub workspace: String,
    /// Name of the view, or its id.
    pub feature_view: String,
    /// The spine; absent for a range of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spine: Option<T>,
    /// The spine's time column; absent when it has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_key: Option<String>,
    /// First instant; only without a spine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// First instant after; only without a spine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// The keys that are wanted; only without a spine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<T>,
    /// Compute from the source instead of reading the offline store.
    #[serde(default)]
    pub from_source: bool,
    /// Keep the result as a dataset.
    #[serde(default)]
    pub save: bool,
    /// Its name; a name alone asks for keeping it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_as: Option<String>,
}

impl<T> RunQuery<T> {
    /// The same with these tables.
    pub fn with<U>(self, mock_sources: BTreeMap<String, U>) -> RunQuery<U> {
        let Self { workspace, feature_view, start_time, end_time, aggregation_level, .. } = self;
        RunQuery { workspace, feature_view, start_time, end_time, aggregation_level, mock_sources }
    }
}

impl<T> HistoryQuery<T> {
    /// Whether the result is to be kept as a dataset.
    pub fn keeps(&self) -> bool {
        self.save || self.save_as.is_some()
    }

    /// The same with these tables.
    pub fn with<U>(self, spine: Option<U>, entities: Option<U>) -> HistoryQuery<U> {
        let Self { workspace, feature_view, timestamp_key, start_time, end_time, .. } = self;
        let Self { from_source, save, save_as, .. } = self;
        HistoryQuery {
            workspace,
            feature_view,
            spine,
            timestamp_key,
            start_time,
            end_time,
            entities,
            from_source,
            save,
            save_as,
        }
    }
}

impl<T> Query<T> {
    /// Whether the result is to be kept as a dataset.
    pub fn keeps(&self) -> bool {
        matches!(self, Self::History(history) if history.keeps())
    }

    /// Name of the workspace that the view is in.
    pub fn workspace(&self) -> &str {
        match self {
            Self::Run(run) => &run.workspace,
            Self::History(history) => &history.workspace,
        }
    }

    /// Name of the view, or its id.
    pub fn feature_view(&self) -> &str {
        match self {
            Self::Run(run) => &run.feature_view,
            Self::History(history) => &history.feature_view,
        }
    }

    /// The tables it brings: mock sources by their inputs' names, or spine and entities.
    pub fn tables(&self) -> Vec<&T> {
        match self {
            Self::Run(run) => run.mock_sources.values().collect(),
            Self::History(history) => history.spine.iter().chain(&history.entities).collect(),
        }
    }

    /// The same with what `table` makes of each table.
    ///
    /// # Errors
    /// With the first of `table`.
    pub fn map<U, E>(self, mut table: impl FnMut(T) -> Result<U, E>) -> Result<Query<U>, E> {
        Ok(match self {
            Self::Run(mut run) => {
                let mocks = std::mem::take(&mut run.mock_sources).into_iter();
                let mocks = mocks.map(|(name, mock)| Ok((name, table(mock)?))).collect::<Result<_, E>>()?;
                Query::Run(run.with(mocks))
            }
            Self::History(mut history) => {
                let (spine, entities) = (history.spine.take(), history.entities.take());
                let (spine, entities) = (spine.map(&mut table).transpose()?, entities.map(table).transpose()?);
                Query::History(history.with(spine, entities))
            }
        })
    }
}

/// Answer to a query that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryAccepted {
    /// Names the query in later requests, for ten minutes after it has ended.
    pub query_id: String,
}

/// Where a query stands; `Done`, `Failed` and `Cancelled` are final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueryState {
    /// It waits: others are computed first.
    #[default]
    Queued,
    /// It is being computed; `rows_read` grows.
    Running,
    /// Its rows can be fetched.
    Done,
    /// It failed; the error says why.
    Failed,
    /// It was cancelled by whoever asked for it.
    Cancelled,
    /// A word that this program does not know.
    #[serde(other)]
    Other,
}

impl QueryState {
    /// Whether nothing changes any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// What there is to know of a query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueryStatus {
    /// Where it stands; the fields below fit it.
    pub state: QueryState,
    /// Rows of the source read so far.
    #[serde(default)]
    pub rows_read: u64,
    /// Rows of the result, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// What the caller should know of the result.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The dataset it was kept as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_as: Option<String>,
    /// Why it failed; absent unless it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<QueryError>,
    /// How long it has been computed (or was), in seconds; the time in the queue is not counted.
    #[serde(default)]
    pub seconds: f64,
}

/// Why a query failed, for programs and for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryError {
    /// A gRPC code, see [`super::status`].
    pub code: i32,
    /// What happened, to what, and what to do next.
    pub message: String,
}

/// A dataset: a result that was kept (docs/semantics.md section 8.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Name, unique in its workspace.
    pub name: String,
    /// Name of the workspace that it is kept in.
    pub workspace: String,
    /// The view that it holds features of; empty for one of a feature service.
    pub feature_view: String,
    /// The feature service that it holds features of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_service: Option<String>,
    /// When it was kept, by the platform's clock.
    pub created_at: Time,
    /// The spine's columns that are no times; absent without a spine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_columns: Option<Vec<String>>,
    /// The spine's time column; absent without a spine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_key: Option<String>,
    /// Its columns, in the order of the result.
    pub schema: Vec<DatasetColumn>,
    /// How many rows it holds.
    pub rows: u64,
    /// Bytes that its rows take on disk.
    pub bytes: u64,
}

/// A column of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetColumn {
    /// Name of the column, as in the result.
    pub name: String,
    /// Type: a word of the model such as `int64`, or the engine's own where the model has none.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// The datasets of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetList {
    /// Those that can be read, by name.
    pub datasets: Vec<Dataset>,
    /// Those whose description is damaged.
    #[serde(default)]
    pub damaged: Vec<DamagedDataset>,
}

/// A dataset whose description cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedDataset {
    /// Its name, as the name of its folder says it.
    pub name: String,
    /// What is wrong, and what to do next.
    pub problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::parse_time;

    #[test]
    fn requests_come_back_as_they_went() {
        let history = HistoryQuery {
            workspace: "prod".to_owned(),
            feature_view: "v".to_owned(),
            start_time: parse_time("2026-11-22T10:00:00.000001Z").ok(),
            entities: Some("f".to_owned()),
            save_as: Some("kept".to_owned()),
            ..Default::default()
        };
        let run = RunQuery {
            workspace: "prod".to_owned(),
            feature_view: "v".to_owned(),
            aggregation_level: Some("partial".to_owned()),
            mock_sources: BTreeMap::from([("flights".to_owned(), "f".to_owned())]),
            ..Default::default()
        };
        for request in [QueryRequest::History(history), QueryRequest::Run(run)] {
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<QueryRequest>(&text).unwrap(), request, "{text}");
        }
    }

    #[test]
    fn misspelt_arguments_are_refused_and_unknown_answers_are_not() {
        let read = |text: &str| serde_json::from_str::<QueryRequest>(text);
        assert!(read(r#"{"kind":"run","workspace":"w","feature_view":"v"}"#).is_ok());
        for wrong in [
            r#"{"kind":"run","workspace":"w","feature_view":"v","from_source":true}"#,
            r#"{"kind":"history","workspace":"w","feature_view":"v","start":"2026-11-22T10:00:00Z"}"#,
            r#"{"kind":"history","workspace":"w","feature_view":"v","start_time":"yesterday"}"#,
            r#"{"kind":"walk","workspace":"w","feature_view":"v"}"#,
            r#"{"workspace":"w","feature_view":"v"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let later = r#"{"state":"paused","eta":3}"#;
        assert_eq!(serde_json::from_str::<QueryStatus>(later).unwrap().state, QueryState::Other);
    }

    #[test]
    fn names_of_datasets_are_plain() {
        for good in ["a", "my_data-2.v1", "0"] {
            assert!(is_plain_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".tmp", "-x", "a/b", "a b", "ä", "a\0", &"x".repeat(LONGEST_NAME + 1)] {
            assert!(!is_plain_name(bad), "{bad}");
        }
    }
}
