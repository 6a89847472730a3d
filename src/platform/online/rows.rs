//! Latest rows of temporal views. A row's value begins with its time, which is its version.

use polars::prelude::DataFrame;

use super::cells::{Cells, KeyCells, unfit};
use super::chunks::Chunks;
use super::contract::{Change, PartitionReads, PartitionStore, Space, TIME_BYTES, wins};
use super::key::Key;
use super::plan::Plan;
use super::{BatchWrite, OnlineError, StreamWrite, codec, make_ahead, sort_rows};
use crate::model::time::{from_micros, micros};
use crate::model::{Time, Value};
use crate::platform::definition::Kind;
use crate::platform::sql::EVENT;

/// The newest row of a key in a frame.
struct Latest {
    key: Key,
    time: i64,
    row: usize,
    /// How many rows of that key were the newest when they came.
    count: u64,
    /// The events of these, where rows know theirs.
    events: Vec<u32>,
}

/// The rows of a frame that may be the latest of their keys.
struct Newest {
    /// In the order of keys.
    rows: Vec<Latest>,
    /// Rows that came behind a newer one of their key.
    late: u64,
    /// The events of these, where rows know theirs.
    overtaken: Vec<u32>,
    values: Vec<Cells>,
}

impl Newest {
    /// Among rows of one time the later wins. Rows without a time are passed over.
    fn new(plan: &Plan, rows: &DataFrame) -> Result<Self, OnlineError> {
        let Kind::Temporal { features, .. } = &plan.kind else {
            return Err(OnlineError::Mismatch(format!("view {} keeps tiles, not rows", plan.name)));
        };
        let column = |name: &str| Cells::column(rows, name).map_err(|error| unfit(plan, &error));
        let values = features.iter().map(|(name, _)| column(name)).collect::<Result<_, _>>()?;
        let (keys, times) = (KeyCells::new(plan, rows)?, column(&plan.timestamp_field)?);
        let timed = (0..rows.height()).filter_map(|row| Some((keys.key(row), row, times.number(row)?)));
        let mut all: Vec<(Key, usize, i64)> = timed.collect();
        sort_rows::sort_by_key(&mut all, |(key, row, _)| (key.joined(), *row));
        let events = rows.column(EVENT).and_then(|events| events.u32().cloned()).ok();
        let event = |row: usize| events.as_ref().and_then(|events| events.get(row));
        let (mut newest, mut late, mut overtaken): (Vec<Latest>, u64, Vec<u32>) =
            (Vec::with_capacity(all.len()), 0, Vec::new());
        for (key, row, time) in all {
            match newest.last_mut().filter(|known| known.key == key) {
                Some(known) if time < known.time => {
                    late += 1;
                    overtaken.extend(event(row));
                }
                Some(known) => {
                    (known.time, known.row, known.count) = (time, row, known.count + 1);
                    known.events.extend(event(row));
                }
                None => newest.push(Latest { key, time, row, count: 1, events: event(row).into_iter().collect() }),
            }
        }
        Ok(Self { rows: newest, late, overtaken, values })
    }

    fn value(&self, Latest { time, row, .. }: &Latest) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24 + 16 * self.values.len());
        bytes.extend(codec::ordered(*time));
        codec::begin(&mut bytes, self.values.len());
        self.values.iter().for_each(|column| column.push(*row, &mut bytes));
        bytes
    }
}

/// Upserts the newest row of each key by newer-or-equal time: great writes all rows in one, ahead of what follows. Rows
/// whose ttl is over at `now` are left out.
pub(super) fn upsert(
    chunks: &mut Chunks<'_>,
    plan: &Plan,
    rows: &DataFrame,
    now: Time,
) -> Result<BatchWrite, OnlineError> {
    let mut newest = Newest::new(plan, rows)?;
    let mut done = BatchWrite { skipped: newest.late, ..BatchWrite::default() };
    let rows = std::mem::take(&mut newest.rows);
    let size = rows.first().map_or(0, |first| first.key.len() + newest.value(first).len());
    let great = chunks.is_great(rows.len(), size);
    let puts = rows.into_iter().filter_map(|latest| {
        let Latest { time, count, .. } = latest;
        let ends = plan.row_ends(time);
        if ends.is_some_and(|end| end <= micros(now)) {
            done.skipped += count;
            return None;
        }
        let value = newest.value(&latest);
        done.rows += 1;
        done.skipped += count - 1;
        done.bytes += (latest.key.len() + value.len()) as u64;
        Some((latest.key, value, ends))
    });
    if great {
        make_ahead::make_ahead(puts, |made| chunks.load_rows(made))?;
    } else {
        for (key, value, ends) in puts {
            chunks.begin_key(key.joined())?;
            chunks.push(Change::PutNewer { space: Space::Rows, key, value, ends });
        }
    }
    Ok(done)
}

/// The upserts of a stream's rows, what is written, and the event of each row that a newer one of its key has overtaken.
/// In a turn to write.
pub(super) fn upsert_stream(
    place: &dyn PartitionStore,
    plan: &Plan,
    rows: &DataFrame,
) -> Result<(Vec<Change>, StreamWrite, Vec<u32>), OnlineError> {
    let mut newest = Newest::new(plan, rows)?;
    let rows = std::mem::take(&mut newest.rows);
    let mut done = StreamWrite { written: 0, late: newest.late };
    let mut overtaken = std::mem::take(&mut newest.overtaken);
    let keys: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
    let mut changes = Vec::with_capacity(rows.len());
    for (latest, stored) in rows.into_iter().zip(place.get_many(Space::Rows, &keys)?) {
        let (value, ends) = (newest.value(&latest), plan.row_ends(latest.time));
        if stored.is_some_and(|stored| !wins(&value, &stored)) {
            done.late += latest.count;
            overtaken.extend(latest.events);
        } else {
            done.written += latest.count;
            changes.push(Change::PutNewer { space: Space::Rows, key: latest.key, value, ends });
        }
    }
    Ok((changes, done, overtaken))
}

/// The stored row of a key: its time and features.
pub(super) fn read(
    reads: &dyn PartitionReads,
    plan: &Plan,
    key: &Key,
) -> Result<Option<(Time, Vec<Value>)>, OnlineError> {
    let Some(value) = reads.get(Space::Rows, key)? else { return Ok(None) };
    decode(&value).map(Some).ok_or_else(|| plan.damaged(reads))
}

/// The row behind a stored value; absent when that is damaged.
pub(super) fn decode(value: &[u8]) -> Option<(Time, Vec<Value>)> {
    let time = time_of(value)?;
    Some((from_micros(time), codec::decode(value.get(TIME_BYTES..)?)?))
}

/// The time of a stored row, microseconds.
pub(super) fn time_of(value: &[u8]) -> Option<i64> {
    codec::unordered(value.get(..TIME_BYTES)?)
}

/// The newest time of the rows.
pub(super) fn newest_event(plan: &Plan, rows: &DataFrame) -> Result<Option<Time>, OnlineError> {
    let times = Cells::column(rows, &plan.timestamp_field).map_err(|error| unfit(plan, &error))?;
    Ok(times.max().map(from_micros))
}
