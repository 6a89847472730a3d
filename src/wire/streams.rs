//! The JSON of streams below `/v1/fvtop/`: how each is doing, and how one is read anew from another place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::time::span_micros;
use crate::model::{Id, STREAM_COUNTS, Span, StreamCounts, StreamFigures, StreamPartition, Time};
use crate::wire::convert::words;

/// Path of the streams below the deployment's own API.
pub(crate) const STREAMS: &str = "streams";
/// Path of restarts below the deployment's own API.
pub(crate) const RESTART: &str = "streams/restart";

/// The streams of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamList {
    pub streams: Vec<StreamRow>,
}

/// Counts by the names that [`StreamCounts`] gives them.
pub(crate) type Counts = BTreeMap<String, u64>;

/// How the stream of a view does; as [`StreamFigures`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StreamRow {
    pub workspace: String,
    pub feature_view: String,
    pub source: String,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Since the job began, or since the last restart from a place.
    pub total: Counts,
    pub last_minute: Counts,
    pub waiting: u64,
    /// Events a second that were read, over the last minute.
    pub rate_in: f64,
    /// Events a second whose end was settled, over the last minute.
    pub rate_out: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_events: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_unread: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_event: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub partitions: Vec<PartitionRow>,
}

/// How far a partition was read; as [`StreamPartition`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PartitionRow {
    pub partition: u32,
    pub offset: String,
    pub total: Counts,
    pub last_minute: Counts,
    pub waiting: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_events: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_unread: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_event: Option<Time>,
}

/// A stream is to be read anew from another place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RestartAsked {
    pub workspace: String,
    pub feature_view: String,
    /// `beginning`, `latest`, a time, or `offset PARTITION:OFFSET`.
    pub from: String,
    /// Only say what it would do.
    pub dry_run: bool,
}

/// What a restart does, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RestartAnswer {
    /// What it does to the values of the view, in sentences.
    pub effect: String,
    /// The job that reads from there; absent of what is only told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

fn counts(counts: &StreamCounts) -> Counts {
    counts.list().into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn counted(counts: &Counts) -> StreamCounts {
    StreamCounts::of_list(STREAM_COUNTS.map(|count| counts.get(count.name).copied().unwrap_or_default()))
}

impl From<StreamFigures> for StreamRow {
    fn from(figures: StreamFigures) -> Self {
        let (reason, error) = figures.error.unzip();
        Self {
            workspace: figures.workspace,
            feature_view: figures.feature_view,
            source: figures.source,
            kind: figures.kind,
            job_id: figures.job.map(|job| job.to_string()),
            state: figures.state.map(|state| state.to_string()),
            total: counts(&figures.total),
            last_minute: counts(&figures.minute),
            waiting: figures.waiting,
            rate_in: figures.rate_in,
            rate_out: figures.rate_out,
            lag_events: figures.lag_events,
            lag_seconds: figures.lag.map(|lag| span_micros(lag) as f64 / 1e6),
            oldest_unread: figures.oldest,
            newest_event: figures.newest_event,
            watermark: figures.watermark,
            reason,
            error,
            partitions: figures.partitions.into_iter().map(PartitionRow::from).collect(),
        }
    }
}

impl From<StreamPartition> for PartitionRow {
    fn from(figures: StreamPartition) -> Self {
        Self {
            partition: figures.partition,
            offset: figures.offset,
            total: counts(&figures.counts),
            last_minute: counts(&figures.minute),
            waiting: figures.waiting,
            lag_events: figures.lag_events,
            oldest_unread: figures.oldest,
            newest_event: figures.newest_event,
        }
    }
}

impl From<StreamRow> for StreamFigures {
    fn from(row: StreamRow) -> Self {
        let error = (row.reason.is_some() || row.error.is_some())
            .then(|| (row.reason.unwrap_or_default(), row.error.unwrap_or_default()));
        Self {
            workspace: row.workspace,
            feature_view: row.feature_view,
            source: row.source,
            kind: row.kind,
            job: row.job_id.and_then(|id| id.parse::<Id>().ok()),
            state: row.state.map(|word| words::job_state(&word)),
            total: counted(&row.total),
            minute: counted(&row.last_minute),
            waiting: row.waiting,
            rate_in: row.rate_in,
            rate_out: row.rate_out,
            lag_events: row.lag_events,
            lag: row.lag_seconds.filter(|lag| lag.is_finite()).map(|lag| Span::microseconds((lag * 1e6) as i64)),
            oldest: row.oldest_unread,
            newest_event: row.newest_event,
            watermark: row.watermark,
            error,
            partitions: row.partitions.into_iter().map(StreamPartition::from).collect(),
        }
    }
}

impl From<PartitionRow> for StreamPartition {
    fn from(row: PartitionRow) -> Self {
        Self {
            partition: row.partition,
            offset: row.offset,
            counts: counted(&row.total),
            minute: counted(&row.last_minute),
            waiting: row.waiting,
            lag_events: row.lag_events,
            oldest: row.oldest_unread,
            newest_event: row.newest_event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::JobState;
    use crate::model::time::from_micros;

    #[test]
    fn figures_survive_their_json() {
        let counts = StreamCounts::of_list([21, 6, 5, 4, 3, 3, 9]);
        let at = from_micros(1_700_000_000_000_000);
        let partition = StreamPartition {
            partition: 2,
            offset: "1200".to_owned(),
            counts,
            minute: counts,
            waiting: 4,
            lag_events: Some(7),
            oldest: Some(at),
            newest_event: Some(at),
        };
        let figures = StreamFigures {
            workspace: "prod".to_owned(),
            feature_view: "v".to_owned(),
            source: "clicks".to_owned(),
            kind: "ingest".to_owned(),
            job: Some(Id(7)),
            state: Some(JobState::Cancelled),
            partitions: vec![partition],
            total: counts,
            waiting: 4,
            minute: counts,
            rate_in: 1.5,
            rate_out: 0.5,
            lag_events: Some(7),
            lag: Some(Span::milliseconds(1_500)),
            oldest: Some(at),
            newest_event: Some(at),
            watermark: Some(at),
            error: Some(("SOURCE_ERROR".to_owned(), "it is away".to_owned())),
        };
        let json = serde_json::to_string(&StreamRow::from(figures.clone())).unwrap();
        assert_eq!(StreamFigures::from(serde_json::from_str::<StreamRow>(&json).unwrap()), figures);
        let bare: StreamRow = serde_json::from_str("{}").unwrap();
        assert_eq!(StreamFigures::from(bare), StreamFigures::default());
    }
}
