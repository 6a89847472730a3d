//! The latest row of a key at an instant (docs/semantics.md section 8.1, views without aggregations).
//!
//! The wanted instants of each key are known before the first event: each event falls between two of them, and only the
//! latest of each gap is kept. So memory follows the spine, whatever the number of events, and events may come in any
//! order of time. In memory only.

use polars::prelude::*;

use super::keys::{Keys, UNKNOWN};
use super::sink::Sink;

/// Rows of superseded events that may pile up before they are thrown away.
const SLACK: usize = 1 << 20;
const NONE: u32 = u32::MAX;

pub(crate) struct AsOf {
    keys: Keys,
    time: String,
    columns: Vec<String>,
    /// Distinct wanted instants by key, ascending inside one.
    instants: Vec<i64>,
    /// Where the instants of each key begin, and one past the last.
    offsets: Vec<u32>,
    /// Time of the latest event of each gap: those after the instant before, up to this one.
    times: Vec<i64>,
    places: Vec<u32>,
    /// Candidate rows, the wanted columns.
    rows: Option<DataFrame>,
}

impl AsOf {
    /// For these (key, instant) points; unknown keys never have a row. `columns` are the columns that rows give.
    pub(crate) fn new(keys: Keys, points: (&[u32], &[i64]), time: &str, columns: Vec<String>) -> Self {
        let mut wanted: Vec<(u32, i64)> = points.0.iter().copied().zip(points.1.iter().copied()).collect();
        wanted.retain(|(key, _)| *key != UNKNOWN);
        wanted.sort_unstable();
        wanted.dedup();
        let mut offsets = vec![0_u32; keys.len() + 1];
        for (key, _) in &wanted {
            offsets[*key as usize + 1] += 1;
        }
        let mut total = 0;
        for offset in &mut offsets {
            total += *offset;
            *offset = total;
        }
        let instants: Vec<i64> = wanted.into_iter().map(|(_, at)| at).collect();
        let (times, places) = (vec![i64::MIN; instants.len()], vec![NONE; instants.len()]);
        Self { keys, time: time.to_owned(), columns, instants, offsets, times, places, rows: None }
    }

    /// The gap that an event of that key and time falls into; none after the last instant.
    fn gap(&self, key: u32, at: i64) -> Option<usize> {
        let (from, to) = (*self.offsets.get(key as usize)? as usize, *self.offsets.get(key as usize + 1)? as usize);
        let gap = from + self.instants[from..to].partition_point(|instant| *instant < at);
        (gap < to).then_some(gap)
    }

    /// Throws rows away that no gap refers to.
    fn compact(&mut self) -> PolarsResult<()> {
        let Some(rows) = &self.rows else { return Ok(()) };
        if rows.height() < 2 * self.instants.len() + SLACK {
            return Ok(());
        }
        let mut kept = Vec::new();
        for place in self.places.iter_mut().filter(|place| **place != NONE) {
            kept.push(*place);
            *place = kept.len() as u32 - 1;
        }
        self.rows = Some(rows.take(&IdxCa::from_vec("".into(), kept))?);
        Ok(())
    }

    /// For each point the columns of its latest row, nulls where it has none. `alive(event, instant)` says whether an
    /// event still counts; an older one never takes its place.
    pub(crate) fn answer(
        mut self,
        points: (&[u32], &[i64]),
        alive: impl Fn(i64, i64) -> bool,
    ) -> PolarsResult<Option<DataFrame>> {
        for bounds in self.offsets.windows(2) {
            for gap in bounds[0] as usize + 1..bounds[1] as usize {
                if self.places[gap] == NONE {
                    (self.places[gap], self.times[gap]) = (self.places[gap - 1], self.times[gap - 1]);
                }
            }
        }
        let row = |(key, at): (&u32, &i64)| {
            let gap = self.gap(*key, *at)?;
            (self.places[gap] != NONE && alive(self.times[gap], *at)).then_some(self.places[gap])
        };
        let rows: Vec<Option<u32>> = points.0.iter().zip(points.1).map(row).collect();
        let Some(found) = self.rows.take() else { return Ok(None) };
        Ok(Some(found.take(&IdxCa::from_iter_options("".into(), rows.into_iter()))?))
    }
}

impl Sink for AsOf {
    fn push(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        let ids = self.keys.find(rows)?;
        let times = rows.column(&self.time)?.cast(&DataType::Int64)?;
        let base = self.rows.as_ref().map_or(0, DataFrame::height) as u32;
        let mut fresh: Vec<u32> = Vec::new();
        for (row, (id, at)) in ids.iter().zip(times.i64()?.iter()).enumerate() {
            let Some(at) = at.filter(|_| *id != UNKNOWN) else { continue };
            let Some(gap) = self.gap(*id, at) else { continue };
            // Of events of one time the one that arrived last counts.
            if self.places[gap] != NONE && at < self.times[gap] {
                continue;
            }
            self.times[gap] = at;
            let place = self.places[gap];
            if place != NONE && place >= base {
                fresh[(place - base) as usize] = row as u32;
            } else {
                self.places[gap] = base + fresh.len() as u32;
                fresh.push(row as u32);
            }
        }
        if fresh.is_empty() && self.rows.is_some() {
            return Ok(());
        }
        let found = rows.select(&self.columns)?.take(&IdxCa::from_vec("".into(), fresh))?;
        match &mut self.rows {
            Some(rows) => {
                rows.vstack_mut_owned(found)?;
            }
            None => self.rows = Some(found),
        }
        self.compact()
    }

    fn bytes(&self) -> usize {
        let rows = self.rows.as_ref().map_or(0, DataFrame::estimated_size);
        self.keys.bytes() + self.instants.capacity() * 20 + self.offsets.capacity() * 4 + rows
    }
}
