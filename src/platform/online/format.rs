//! The form of what is stored, and its number in the store.
//!
//! Form 4 is the present one. In form 3 the position of a view in its stream was an instant, for all streams were replays; it
//! becomes the replay's offset when the store is opened, in the write that gives the new number. In form 2 tiles held of variances the sums of squares alone; each tile tells which of the two
//! it is of, so that they stay as they are. Form 1 had no number, kept a row's time among its values, and all join keys in
//! the view's order; rows are rewritten when the store is opened, the order of keys when a view is first met.

use std::ops::ControlFlow;

use super::chunks::{Chunks, PART_BYTES};
use super::contract::{ByteStore, Change, Space, VERSION_BYTES};
use super::meta::Meta;
use super::plan::{ID_BYTES, Plan, START_BYTES};
use super::{OnlineError, codec};
use crate::model::Value;
use crate::model::time::{from_micros, micros};
use crate::platform::source::replay;

/// The form that is written.
const FORM: u8 = 4;
/// The form with instants as positions.
const INSTANTS: u8 = 3;
/// The form that has other tiles as well.
const OLDER_TILES: u8 = 2;
/// Where its number stands. Other keys of the space begin with the id of a view and are longer.
const KEY: &[u8] = b"form";

/// Refuses a store of another form, takes one of an earlier form into the present one, and gives a new one its number.
pub fn check(bytes: &dyn ByteStore) -> Result<(), OnlineError> {
    let number = || Change::Put { space: Space::Meta, key: KEY.to_vec(), value: vec![FORM] };
    match bytes.get(Space::Meta, KEY)?.as_deref() {
        Some([FORM]) => Ok(()),
        Some([INSTANTS]) => {
            let mut changes = positions(bytes)?;
            changes.push(number());
            bytes.write(changes).map(drop)
        }
        Some([OLDER_TILES]) => {
            tracing::warn!(
                "the online store was written by an earlier version. Variances over its tiles are exact only while the mean is \
                 less than some 1000 times the deviation: materialize the windows of views with variances again with overwrite"
            );
            let mut changes = positions(bytes)?;
            changes.push(number());
            bytes.write(changes).map(drop)
        }
        Some(other) => Err(OnlineError::Store {
            path: bytes.place(),
            problem: format!(
                "it is of form {}, and this version reads forms 1 to {FORM}: use the version that wrote it, or choose \
                 another data directory",
                match other {
                    [number] => number.to_string(),
                    _ => "unknown".to_owned(),
                }
            ),
        }),
        None => {
            let mut chunks = Chunks::new(bytes, PART_BYTES);
            rewrite_rows(bytes, &mut chunks)?;
            // After the last row nothing cuts the write: the positions change together with the number.
            positions(bytes)?.into_iter().for_each(|change| chunks.push(change));
            chunks.push(number());
            chunks.finish().map(drop)
        }
    }
}

/// The changes that make offsets of the instants up to which streams were read.
fn positions(bytes: &dyn ByteStore) -> Result<Vec<Change>, OnlineError> {
    let mut changes = Vec::new();
    bytes.scan(Space::Meta, &[], &[0xff; ID_BYTES + 1], &mut |key, value| {
        if Meta::Position.is_of(key) {
            let key = key.to_vec();
            changes.push(match codec::unordered(value) {
                Some(at) => Change::Put { space: Space::Meta, key, value: replay::position(from_micros(at)).encode() },
                None => {
                    tracing::warn!("how far a stream was read is damaged: its view begins anew");
                    Change::Remove { space: Space::Meta, key }
                }
            });
        }
        ControlFlow::Continue(())
    })?;
    Ok(changes)
}

/// Moves the time of form 1's rows to the front of their values. Both forms tell themselves apart: the present one begins
/// with an instant, the first with a version byte that no instant of the calendar begins with. So it may be done in parts.
fn rewrite_rows(bytes: &dyn ByteStore, chunks: &mut Chunks<'_>) -> Result<(), OnlineError> {
    let mut from = Vec::new();
    loop {
        let (mut rows, mut next) = (Vec::new(), None);
        bytes.scan(Space::Rows, &from, &[0xff; ID_BYTES + 1], &mut |key, value| {
            if rows.len() == ROWS_A_TURN {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        for (key, value) in rows {
            chunks.key(&key)?;
            if let Some(value) = codec::decode(&value).and_then(with_time_in_front) {
                chunks.push(Change::Put { space: Space::Rows, key, value });
            }
        }
        match next {
            Some(next) => from = next,
            None => return Ok(()),
        }
    }
}

/// Rows that are read at a time.
const ROWS_A_TURN: usize = 10_000;

fn with_time_in_front(mut values: Vec<Value>) -> Option<Vec<u8>> {
    let Some(Value::Time(time)) = values.first().cloned() else { return None };
    let features = codec::encode(&values.split_off(1));
    let mut bytes = Vec::with_capacity(VERSION_BYTES + features.len());
    bytes.extend(codec::ordered(micros(time)));
    bytes.extend(features);
    Some(bytes)
}

fn stored_order(bytes: &dyn ByteStore, plan: &Plan) -> Result<Vec<usize>, OnlineError> {
    Ok(match bytes.get(Space::Meta, &Meta::Order.key(plan.id))? {
        Some(order) => order.iter().map(|at| usize::from(*at)).collect(),
        None => (0..plan.join_keys.len()).collect(),
    })
}

/// Whether the stored keys of a view are in the plan's order.
pub fn is_ordered(bytes: &dyn ByteStore, plan: &Plan) -> Result<bool, OnlineError> {
    Ok(stored_order(bytes, plan)? == plan.order)
}

/// Brings the stored keys of a view into the plan's order, in one write: a half of it could not be told from the whole.
/// Its memory is that of the view's data.
pub fn reorder(bytes: &dyn ByteStore, plan: &Plan) -> Result<(), OnlineError> {
    let stored = stored_order(bytes, plan)?;
    if stored == plan.order {
        return Ok(());
    }
    let mut changes = Vec::new();
    let (from, to) = plan.everything();
    let space = plan.space();
    let starts = if space == Space::Tiles { START_BYTES } else { 0 };
    bytes.scan(space, &from, &to, &mut |key, value| {
        if let Some(moved) = moved(key, starts, &stored, &plan.order) {
            changes.push(Change::Put { space, key: moved.clone(), value: value.to_vec() });
            changes.extend(index_of(plan, space, &moved).map(|key| Change::Put {
                space: Space::TileIndex,
                key,
                value: Vec::new(),
            }));
            changes.extend(index_of(plan, space, key).map(|key| Change::Remove { space: Space::TileIndex, key }));
            changes.push(Change::Remove { space, key: key.to_vec() });
        }
        ControlFlow::Continue(())
    })?;
    changes.push(Change::Put { space: Space::Meta, key: Meta::Order.key(plan.id), value: plan.order_bytes() });
    bytes.write(without_returns(changes)).map(drop)
}

fn index_of(plan: &Plan, space: Space, key: &[u8]) -> Option<Vec<u8>> {
    if space == Space::Tiles { plan.index_key(key) } else { None }
}

/// Leaves out the removal of keys that are put: one key's old place may be another's new one.
fn without_returns(changes: Vec<Change>) -> Vec<Change> {
    let put: std::collections::BTreeSet<(Space, Vec<u8>)> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Put { space, key, .. } => Some((*space, key.clone())),
            _ => None,
        })
        .collect();
    let stays = |change: &Change| match change {
        Change::Remove { space, key } => !put.contains(&(*space, key.clone())),
        _ => true,
    };
    changes.into_iter().filter(stays).collect()
}

/// A stored key with its join keys in another order; absent when it is damaged.
fn moved(key: &[u8], starts: usize, stored: &[usize], wanted: &[usize]) -> Option<Vec<u8>> {
    let (id, rest) = key.split_at_checked(ID_BYTES)?;
    let (mut keys, start) = rest.split_at_checked(rest.len().checked_sub(starts)?)?;
    let mut parts: Vec<&[u8]> = vec![&[]; stored.len()];
    for at in stored {
        let (_, behind) = codec::take_key(keys)?;
        *parts.get_mut(*at)? = &keys[..keys.len() - behind.len()];
        keys = behind;
    }
    let mut bytes = id.to_vec();
    wanted.iter().for_each(|at| bytes.extend(parts[*at]));
    bytes.extend(start);
    Some(bytes)
}
