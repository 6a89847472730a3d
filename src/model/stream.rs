//! How the stream of a feature view does: where its events went, how far behind it is, what troubles it.

use super::{Id, JobState, Span, Time};

/// Where events of a stream went.
///
/// Each event that was read is counted once more, so that at any time
/// `read = written + filtered + late + quarantined + deduplicated`, plus those that wait. What expired was not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Events and records that were read.
    pub read: u64,
    /// Events that a tile or row was made of, or added to.
    pub written: u64,
    /// Events that the view's query makes no row of.
    pub filtered: u64,
    /// Events that came too late.
    pub late: u64,
    /// Records that are in the quarantine for any reason but that they came too late.
    pub quarantined: u64,
    /// Events that were there before.
    pub deduplicated: u64,
    /// Events that were not read, for the stream keeps them no longer.
    pub expired: u64,
}

/// One of the counts of a stream: its name, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamCount {
    pub name: &'static str,
    pub meaning: &'static str,
}

/// The counts in the order of [`StreamCounts::list`].
pub(crate) const STREAM_COUNTS: [StreamCount; 7] = [
    StreamCount { name: "read", meaning: "events and records that were read" },
    StreamCount { name: "written", meaning: "events that a tile or row was made of, or added to" },
    StreamCount { name: "filtered", meaning: "events that the view's query makes no row of" },
    StreamCount {
        name: "late",
        meaning: "events that came behind the watermark (they are in the quarantine too), behind the batch job of their window, \
                  or behind a newer row of their key",
    },
    StreamCount { name: "quarantined", meaning: "records that are in the quarantine for any other reason" },
    StreamCount { name: "deduplicated", meaning: "events that were there before" },
    StreamCount { name: "expired", meaning: "events that were not read, for the stream keeps them no longer" },
];

impl StreamCounts {
    /// Each count with its name, in the order of [`STREAM_COUNTS`].
    pub fn list(&self) -> [(&'static str, u64); 7] {
        let Self { read, written, filtered, late, quarantined, deduplicated, expired } = *self;
        let counts = [read, written, filtered, late, quarantined, deduplicated, expired];
        std::array::from_fn(|at| (STREAM_COUNTS[at].name, counts[at]))
    }

    /// The counts in the order of [`StreamCounts::list`].
    pub fn of_list(counts: [u64; 7]) -> Self {
        let [read, written, filtered, late, quarantined, deduplicated, expired] = counts;
        Self { read, written, filtered, late, quarantined, deduplicated, expired }
    }

    /// The sums of both, count by count.
    #[must_use]
    pub fn plus(&self, more: &Self) -> Self {
        let (mine, more) = (self.list(), more.list());
        Self::of_list(std::array::from_fn(|at| mine[at].1.saturating_add(more[at].1)))
    }

    /// What came since `earlier`, counts of the same stream.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let (mine, earlier) = (self.list(), earlier.list());
        Self::of_list(std::array::from_fn(|at| mine[at].1.saturating_sub(earlier[at].1)))
    }

    /// Events that were read and whose end is settled: the sum of all that becomes of one.
    pub fn settled(&self) -> u64 {
        let ends = [self.written, self.filtered, self.late, self.quarantined, self.deduplicated];
        // Counts may come from a deployment that says anything.
        ends.into_iter().fold(0, u64::saturating_add)
    }
}

/// How far one partition of a stream was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamPartition {
    /// Its number.
    pub partition: u32,
    /// Where the next read begins, as the source prints it. Text from outside.
    pub offset: String,
    /// Since the view began to read the stream, or since the last restart from a place.
    pub counts: StreamCounts,
    /// The counts of the last minute, or since the process began where that is shorter.
    pub minute: StreamCounts,
    /// Events that were read and are not written yet.
    pub waiting: u64,
    /// Events that are there and were not read; absent where the source cannot tell.
    pub lag_events: Option<u64>,
    /// When the oldest of these arrived; absent where there are none, or the source cannot tell.
    pub oldest: Option<Time>,
    /// The greatest event time that was read.
    pub newest_event: Option<Time>,
}

/// How the stream of a feature view does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamFigures {
    /// Workspace of the view.
    pub workspace: String,
    /// Name of the view.
    pub feature_view: String,
    /// Name of the source that is read.
    pub source: String,
    /// The kind of its source: `kafka`, `ingest`, `replay` and so on.
    pub kind: String,
    /// Its newest stream job; absent where it never had one.
    pub job: Option<Id>,
    /// Where that job stands.
    pub state: Option<JobState>,
    /// In the order of their numbers.
    pub partitions: Vec<StreamPartition>,
    /// The counts of all partitions.
    pub total: StreamCounts,
    /// Events of all partitions that were read and are not written yet.
    pub waiting: u64,
    /// The counts of the last minute, or since the process began where that is shorter.
    pub minute: StreamCounts,
    /// Events a second over the last minute that were read.
    pub rate_in: f64,
    /// Events a second over the last minute whose end was settled.
    pub rate_out: f64,
    /// As in [`StreamPartition`], of all partitions together.
    pub lag_events: Option<u64>,
    /// How far behind the present it was read; absent where nobody can tell.
    pub lag: Option<Span>,
    /// When the oldest event arrived that was not read.
    pub oldest: Option<Time>,
    /// The greatest event time that was written.
    pub newest_event: Option<Time>,
    /// The event time before which events are late.
    pub watermark: Option<Time>,
    /// What troubles it now, in a word and a sentence. Text from outside.
    pub error: Option<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_and_taken_apart_again() {
        let some = StreamCounts::of_list([21, 6, 5, 4, 3, 3, 9]);
        let more = StreamCounts { read: 2, written: 2, ..StreamCounts::default() };
        assert_eq!(some.settled(), some.read);
        assert_eq!(some.plus(&more).since(&some), more);
        assert_eq!(some.list().map(|(_, count)| count), [21, 6, 5, 4, 3, 3, 9]);
    }
}
