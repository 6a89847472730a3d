//! The events that a stream's deduplication has seen, kept beside the position of the view and in the same write.
//!
//! Two entries an event in the view's partition of [`Space::Views`]: by its key, with the times at which events of that
//! key were, and by time, so that those can be found which no later event can be a duplicate of. It must not know what
//! makes a key.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::contract::{Change, PartitionStore, Space, TIME_BYTES};
use super::key::{Key, KeyRange};
use super::meta::{SEEN_AT, SEEN_BY_KEY, under};
use super::{OnlineError, codec};
use crate::model::Id;

/// Bytes of the key of an event.
pub(crate) const KEY_BYTES: usize = 16;
/// An event that was seen: its key and its time, microseconds.
pub type Seen = ([u8; KEY_BYTES], i64);

/// Most events that one write forgets: a write stays short, and the next one goes on.
const FORGET_AT_ONCE: usize = 20_000;

/// The times at which events of each of these keys were seen.
pub(super) fn times(
    place: &dyn PartitionStore,
    view: Id,
    keys: &[[u8; KEY_BYTES]],
) -> Result<Vec<Vec<i64>>, OnlineError> {
    let keys: Vec<Key> = keys.iter().map(|key| under(view, SEEN_BY_KEY).then(key)).collect();
    let stored = place.get_many(Space::Views, &keys)?;
    Ok(stored.into_iter().map(|times| times.map(|times| decode(&times)).unwrap_or_default()).collect())
}

/// The changes that keep `new` events, and forget those before `until`, microseconds.
pub(super) fn changes(
    place: &dyn PartitionStore,
    view: Id,
    new: &[Seen],
    until: Option<i64>,
) -> Result<Vec<Change>, OnlineError> {
    let mut gone: Vec<Seen> = Vec::new();
    if let Some(until) = until {
        let range = KeyRange::between(under(view, SEEN_AT), &codec::ordered(i64::MIN), &codec::ordered(until));
        place.range(Space::Views, &range, &mut |sort, _| {
            gone.extend(of_sort(sort));
            if gone.len() < FORGET_AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
    }
    let mut touched: BTreeMap<[u8; KEY_BYTES], (Vec<i64>, Vec<i64>)> = BTreeMap::new();
    new.iter().for_each(|(key, at)| touched.entry(*key).or_default().0.push(*at));
    gone.iter().for_each(|(key, at)| touched.entry(*key).or_default().1.push(*at));
    let keys: Vec<[u8; KEY_BYTES]> = touched.keys().copied().collect();
    let stored = times(place, view, &keys)?;
    let mut changes = Vec::with_capacity(touched.len() + new.len() + gone.len());
    for ((key, (new, gone)), stored) in touched.iter().zip(stored) {
        let mut times: Vec<i64> =
            stored.iter().copied().filter(|at| !gone.contains(at)).chain(new.iter().copied()).collect();
        times.sort_unstable();
        times.dedup();
        let by_key = under(view, SEEN_BY_KEY).then(key);
        changes.push(match times.is_empty() {
            true => Change::Remove { space: Space::Views, key: by_key },
            false => {
                let value = times.iter().flat_map(|at| codec::ordered(*at)).collect();
                Change::Put { space: Space::Views, key: by_key, value, ends: None }
            }
        });
        let at_key = |at: &i64| under(view, SEEN_AT).then(&codec::ordered(*at)).then(key);
        // A key is in a write at most once: one that goes and comes back stays.
        let leaving = gone.iter().filter(|at| !times.contains(at));
        changes.extend(leaving.map(|at| Change::Remove { space: Space::Views, key: at_key(at) }));
        let coming = times.iter().filter(|at| new.contains(at));
        changes.extend(coming.map(|at| Change::Put {
            space: Space::Views,
            key: at_key(at),
            value: Vec::new(),
            ends: None,
        }));
    }
    Ok(changes)
}

/// The changes that forget all events of a view.
pub(super) fn forget(view: Id) -> [Change; 2] {
    [SEEN_BY_KEY, SEEN_AT]
        .map(|what| Change::RemoveRange { space: Space::Views, range: KeyRange::below(under(view, what)) })
}

fn decode(times: &[u8]) -> Vec<i64> {
    times.chunks_exact(TIME_BYTES).filter_map(codec::unordered).collect()
}

/// The event behind a sort key of those by time.
fn of_sort(sort: &[u8]) -> Option<Seen> {
    let (at, key) = sort.get(1..)?.split_at_checked(TIME_BYTES)?;
    Some((key.try_into().ok()?, codec::unordered(at)?))
}
