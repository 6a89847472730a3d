//! The JSON of what the protocol has no call for, below `/v1/fvtop/`: `run`, `get_historical_features` and datasets.
//!
//! Tables travel beside it as Arrow IPC streams ([`super::arrow`]). Requests with fields that are not known are refused,
//! for a misspelt argument must not be passed over; answers may hold more than is known here.

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
    /// Its rows.
    #[serde(default)]
    pub rows: u64,
    /// Its columns, in order.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// A computation that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QueryRequest {
    /// `run` (docs/semantics.md section 7).
    Run(RunRequest),
    /// `get_historical_features` (docs/semantics.md section 8).
    History(HistoryRequest),
}

/// Arguments of `run`. Times are RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Workspace of the view.
    pub workspace: String,
    /// Name of the view, or its id.
    pub feature_view: String,
    /// First instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// First instant after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// `disabled`, `partial` or `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation_level: Option<String>,
    /// Uploaded tables that stand for sources: input name to frame id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mock_sources: BTreeMap<String, String>,
}

/// Arguments of `get_historical_features`. Times are RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryRequest {
    /// Workspace of the view.
    pub workspace: String,
    /// Name of the view, or its id.
    pub feature_view: String,
    /// Frame id of the spine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spine: Option<String>,
    /// The spine's time column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_key: Option<String>,
    /// First instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// First instant after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// Frame id of the keys that are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entities: Option<String>,
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

impl HistoryRequest {
    /// Whether the result is to be kept as a dataset.
    pub fn keeps(&self) -> bool {
        self.save || self.save_as.is_some()
    }
}

impl QueryRequest {
    /// Whether the result is to be kept as a dataset.
    pub fn keeps(&self) -> bool {
        matches!(self, Self::History(history) if history.keeps())
    }

    /// Workspace and name of the view.
    pub fn view(&self) -> (&str, &str) {
        match self {
            Self::Run(run) => (&run.workspace, &run.feature_view),
            Self::History(history) => (&history.workspace, &history.feature_view),
        }
    }
}

/// Answer to a query that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryAccepted {
    /// Names the query.
    pub query_id: String,
}

/// Where a query stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueryState {
    /// Others go first.
    #[default]
    Queued,
    /// It is computed.
    Running,
    /// Its rows can be fetched.
    Done,
    /// It failed; the error says why.
    Failed,
    /// It was cancelled.
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
    /// Where it stands.
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
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<QueryError>,
    /// How long it has been computed (or was), in seconds; the time in the queue is not counted.
    #[serde(default)]
    pub seconds: f64,
}

/// Why a query failed.
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
    /// Workspace.
    pub workspace: String,
    /// The view that it holds features of; empty for one of a feature service.
    pub feature_view: String,
    /// The feature service that it holds features of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_service: Option<String>,
    /// When it was kept.
    pub created_at: Time,
    /// The spine's columns that are no times; absent without a spine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_columns: Option<Vec<String>>,
    /// The spine's time column; absent without a spine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_key: Option<String>,
    /// Its columns, in order.
    pub schema: Vec<DatasetColumn>,
    /// Its rows.
    pub rows: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// A column of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetColumn {
    /// Name.
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
    /// Its name.
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
        let history = HistoryRequest {
            workspace: "prod".to_owned(),
            feature_view: "v".to_owned(),
            start_time: parse_time("2026-11-22T10:00:00.000001Z").ok(),
            entities: Some("f".to_owned()),
            save_as: Some("kept".to_owned()),
            ..Default::default()
        };
        let run = RunRequest {
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
