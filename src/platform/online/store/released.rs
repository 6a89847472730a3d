//! Writing records of a stream that had been set aside: once, whatever happens between this store and the place where
//! they were kept meanwhile.

use std::collections::{BTreeSet, HashMap};

use polars::prelude::DataFrame;

use super::OnlineStore;
use crate::model::Id;
use crate::platform::definition::View;
use crate::platform::online::contract::Space;
use crate::platform::online::meta::{Meta, put};
use crate::platform::online::{Fate, OnlineError, Seen, StreamRows, seen};
use crate::platform::source::dedup;

/// What was made of one record: stored rows as a micro-batch has them, at least one.
pub(crate) struct Released {
    pub rows: DataFrame,
    /// The times of the query's rows that went into them, microseconds.
    pub times: Vec<i64>,
    /// By what deduplication knows it.
    pub seen: Option<Seen>,
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Taken,
    /// An event that deduplication takes for the same is there already, or comes with a record before it.
    Duplicate,
    /// The watermark has passed all of its tiles.
    Late,
    /// Batch jobs wrote the windows of all of its tiles.
    InBatchWindow,
}

/// Makes the mark of a write of the records in these places.
pub(crate) type Marker<'a> = &'a dyn Fn(&[usize]) -> Vec<u8>;

/// What is written of records.
#[derive(Clone, Copy)]
pub(crate) struct Release<'a> {
    /// Write those too whose tiles the watermark has passed.
    pub late_too: bool,
    /// How far apart events that deduplication takes for the same lie at most, microseconds.
    pub horizon: i64,
    /// The mark of a write that takes the records in these places; without it nothing is written.
    pub mark: Option<Marker<'a>>,
}

impl OnlineStore {
    /// Merges or upserts what was made of records, each judged by itself and by what deduplication knows in this turn,
    /// and keeps the mark of those that were taken in the same write: all or nothing. How far the stream was read and the
    /// watermark stay as they are. A record of which a part comes too late, or lies where batch jobs wrote, is taken
    /// without that part.
    ///
    /// # Errors
    /// As [`OnlineStore::write_events`].
    pub(crate) fn write_released(
        &self,
        view: &View,
        records: &[Released],
        release: Release<'_>,
    ) -> Result<Vec<Verdict>, OnlineError> {
        let plan = self.plan(view)?;
        let _turn = self.settled_turn()?;
        let is_rows = plan.space() == Space::Rows;
        // What batch jobs wrote is theirs, however late a record may be.
        let mut bounds = self.bounds(view)?;
        bounds.passed = bounds.passed.filter(|_| !release.late_too);
        let keys: BTreeSet<_> = records.iter().filter_map(|record| Some(record.seen?.0)).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let times = seen::times(&*self.place, plan.id, &keys)?;
        let mut known: HashMap<_, _> = keys.into_iter().zip(times).collect();
        let mut verdicts = Vec::with_capacity(records.len());
        for record in records {
            let meets = |fate: Fate| record.times.iter().any(|at| bounds.fate(*at) == fate);
            let known = record.seen.and_then(|(key, at)| Some((known.get_mut(&key)?, at)));
            verdicts.push(match known {
                Some((times, at)) if dedup::is_near(times, at, release.horizon) => Verdict::Duplicate,
                // A row that a newer one is there of changes nothing, and is not missed either.
                known if is_rows || meets(Fate::Taken) => {
                    // Here alone: what stays makes no duplicate of another.
                    if let Some((times, at)) = known {
                        times.push(at);
                    }
                    Verdict::Taken
                }
                _ if meets(Fate::Covered) => Verdict::InBatchWindow,
                _ => Verdict::Late,
            });
        }
        let taken: Vec<usize> = (0..records.len()).filter(|at| verdicts[*at] == Verdict::Taken).collect();
        let Some((mark, first)) = release.mark.zip(taken.first()) else { return Ok(verdicts) };
        let mut all = records[*first].rows.clone();
        for at in &taken[1..] {
            all.vstack_mut(&records[*at].rows).map_err(|error| {
                OnlineError::Mismatch(format!("view {}: records give rows of different columns: {error}", plan.name))
            })?;
        }
        let seen: BTreeSet<Seen> = taken.iter().filter_map(|at| records[*at].seen).collect();
        let seen: Vec<Seen> = seen.into_iter().collect();
        // A record is of another time than the stream that is written now, and may be of the far future: the watermark
        // is the stream's alone.
        let rows = StreamRows { rows: &all, bounds: &bounds, newest: None, seen: &seen, forget: None };
        let written = self.write_rows(&plan, &rows, |_| put(Meta::Released, plan.id, mark(&taken)));
        // Also where it failed: it may prove durable.
        self.note_release();
        written?;
        Ok(verdicts)
    }

    /// The mark of the last [`OnlineStore::write_released`] of a view; as [`OnlineStore::settled_position`], an error
    /// while one that failed may still prove durable.
    ///
    /// # Errors
    /// When the store cannot be read, or not be written after a write that failed.
    pub(crate) fn released(&self, view: Id) -> Result<Option<Vec<u8>>, OnlineError> {
        self.settle()?;
        self.get(view, Meta::Released)
    }
}
