//! Latest rows of temporal views. A row's value begins with its time, which is its version.

use polars::prelude::DataFrame;

use super::bytes::{ByteStore, Change, Space, VERSION_BYTES};
use super::cells::{Cells, KeyCells, unfit};
use super::chunks::Chunks;
use super::plan::Plan;
use super::remove::Sweep;
use super::{BatchWrite, OnlineError, StreamWrite, codec, damaged};
use crate::model::time::{from_micros, micros};
use crate::model::{Time, Value};
use crate::platform::registry::definition::Kind;

/// The rows of a frame that may be the latest of their keys.
struct Newest {
    /// In the order of keys: key, time in microseconds, row, and how many rows of that key were the newest when they came.
    rows: Vec<(Vec<u8>, i64, usize, u64)>,
    /// Rows that came behind a newer one of their key.
    late: u64,
    values: Vec<Cells>,
}

impl Newest {
    /// Among rows of one time the later wins. Rows without a time are passed over.
    fn of(plan: &Plan, rows: &DataFrame) -> Result<Self, OnlineError> {
        let Kind::Temporal { features, .. } = &plan.kind else {
            return Err(OnlineError::Mismatch(format!("view {} keeps tiles, not rows", plan.name)));
        };
        let column = |name: &str| Cells::of(rows, name).map_err(|error| unfit(plan, &error));
        let values = features.iter().map(|(name, _)| column(name)).collect::<Result<_, _>>()?;
        let (keys, times) = (KeyCells::of(plan, rows)?, column(&plan.timestamp_field)?);
        let timed = (0..rows.height()).filter_map(|row| Some((keys.key(row), row, times.number(row)?)));
        let mut all: Vec<(Vec<u8>, usize, i64)> = timed.collect();
        all.sort_unstable();
        let (mut newest, mut late): (Vec<(Vec<u8>, i64, usize, u64)>, u64) = (Vec::new(), 0);
        for (key, row, time) in all {
            match newest.last_mut().filter(|known| known.0 == key) {
                Some(known) if time < known.1 => late += 1,
                Some(known) => (known.1, known.2, known.3) = (time, row, known.3 + 1),
                None => newest.push((key, time, row, 1)),
            }
        }
        Ok(Self { rows: newest, late, values })
    }

    fn value(&self, time: i64, row: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + 9 * self.values.len());
        bytes.extend(codec::ordered(time));
        codec::begin(&mut bytes, self.values.len());
        self.values.iter().for_each(|column| column.push(row, &mut bytes));
        bytes
    }

    fn oldest(&self) -> Option<i64> {
        self.rows.iter().map(|row| row.1).min()
    }
}

/// Upserts the newest row of each key by newer-or-equal time. Rows whose ttl is over at `now` are left out.
pub fn upsert(
    chunks: &mut Chunks<'_>,
    plan: &Plan,
    rows: &DataFrame,
    now: Time,
    sweep: &mut Sweep,
) -> Result<BatchWrite, OnlineError> {
    let newest = Newest::of(plan, rows)?;
    sweep.note(newest.oldest());
    let mut done = BatchWrite { skipped: newest.late, ..BatchWrite::default() };
    for (key, time, row, count) in &newest.rows {
        if plan.row_ends(*time).is_some_and(|end| end <= micros(now)) {
            done.skipped += count;
            continue;
        }
        let value = newest.value(*time, *row);
        done.rows += 1;
        done.skipped += count - 1;
        done.bytes += (key.len() + value.len()) as u64;
        chunks.key(key)?;
        chunks.push(Change::PutNewer { space: Space::Rows, key: key.clone(), value });
    }
    Ok(done)
}

/// The upserts of a stream's rows, for each how many rows it stands for, and what was written if none of them loses.
pub fn upsert_stream(
    plan: &Plan,
    rows: &DataFrame,
    sweep: &mut Sweep,
) -> Result<(Vec<Change>, Vec<u64>, StreamWrite), OnlineError> {
    let newest = Newest::of(plan, rows)?;
    sweep.note(newest.oldest());
    let change = |(key, time, row, _): &(Vec<u8>, i64, usize, u64)| Change::PutNewer {
        space: Space::Rows,
        key: key.clone(),
        value: newest.value(*time, *row),
    };
    let counts: Vec<u64> = newest.rows.iter().map(|row| row.3).collect();
    let done = StreamWrite { written: counts.iter().sum(), late: newest.late };
    Ok((newest.rows.iter().map(change).collect(), counts, done))
}

/// The stored row of a key: its time and features.
pub fn read(bytes: &dyn ByteStore, plan: &Plan, key: &[u8]) -> Result<Option<(Time, Vec<Value>)>, OnlineError> {
    let Some(value) = bytes.get(Space::Rows, key)? else { return Ok(None) };
    row_of(&value).map(Some).ok_or_else(|| damaged(plan, bytes))
}

/// The row behind a stored value; absent when that is damaged.
pub fn row_of(value: &[u8]) -> Option<(Time, Vec<Value>)> {
    let time = time_of(value)?;
    Some((from_micros(time), codec::decode(value.get(VERSION_BYTES..)?)?))
}

/// The time of a stored row, microseconds.
pub fn time_of(value: &[u8]) -> Option<i64> {
    codec::unordered(value.get(..VERSION_BYTES)?)
}

/// The newest time of the rows.
pub fn newest_event(plan: &Plan, rows: &DataFrame) -> Result<Option<Time>, OnlineError> {
    let times = Cells::of(rows, &plan.timestamp_field).map_err(|error| unfit(plan, &error))?;
    Ok(times.max().map(from_micros))
}
