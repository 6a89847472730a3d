//! Brings the values of a view under other keys when its wildcard key has changed: the order of the join keys, and how
//! many of them make the partition, follow the serving index.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::contract::{Change, ID_BYTES, PartitionStore, Space, TIME_BYTES};
use super::key::Key;
use super::meta::{Meta, put};
use super::plan::Plan;
use super::{OnlineError, codec};

/// How the join keys of stored keys lie.
#[derive(PartialEq)]
struct KeyOrder {
    /// Where they stand in the view's order.
    order: Vec<usize>,
    /// How many of them make the partition.
    indexed: usize,
}

impl KeyOrder {
    fn planned(plan: &Plan) -> Self {
        Self { order: plan.order.clone(), indexed: plan.indexed }
    }

    /// What is stored of a view.
    fn stored(place: &dyn PartitionStore, plan: &Plan) -> Result<Self, OnlineError> {
        let order = match place.get(Space::Views, &Meta::Order.key(plan.id))? {
            Some(order) => order.iter().map(|at| usize::from(*at)).collect(),
            None => (0..plan.join_keys.len()).collect(),
        };
        // Where keys are kept joined the border between partition and sort key makes no difference, and is not kept.
        let indexed = match place.keeps_partitions_apart() {
            true => place.get(Space::Views, &Meta::Indexed.key(plan.id))?,
            false => None,
        };
        let indexed = indexed.and_then(|bytes| bytes.first().map(|count| usize::from(*count)));
        Ok(Self { order, indexed: indexed.unwrap_or(plan.indexed) })
    }
}

/// The changes that keep how the stored keys of a view lie.
pub(super) fn order_of(place: &dyn PartitionStore, plan: &Plan) -> impl Iterator<Item = Change> {
    let order = plan.order.iter().map(|at| *at as u8).collect();
    let indexed = place.keeps_partitions_apart().then(|| put(Meta::Indexed, plan.id, vec![plan.indexed as u8]));
    [put(Meta::Order, plan.id, order)].into_iter().chain(indexed)
}

/// Whether the stored keys of a view lie as its plan has them.
pub(super) fn is_ordered(place: &dyn PartitionStore, plan: &Plan) -> Result<bool, OnlineError> {
    Ok(KeyOrder::stored(place, plan)? == KeyOrder::planned(plan))
}

/// Brings the stored keys of a view into the plan's order, in one write: a half of it could not be told from the whole.
/// Its memory is that of the view's data.
pub(super) fn reorder(place: &dyn PartitionStore, plan: &Plan) -> Result<(), OnlineError> {
    let (stored, planned) = (KeyOrder::stored(place, plan)?, KeyOrder::planned(plan));
    if stored == planned {
        return Ok(());
    }
    let space = plan.space();
    let behind = if space == Space::Tiles { TIME_BYTES } else { 0 };
    let mut moves = Vec::new();
    place.values_of(space, plan.id, &mut |joined, value| {
        moves.extend(moved(joined, behind, &stored, &planned).map(|(from, to)| (from, to, value.to_vec())));
        ControlFlow::Continue(())
    })?;
    // One key's old place may be another's new one, and what is put there is not removed.
    let put_to: HashSet<Key> = moves.iter().map(|(_, to, _)| to.clone()).collect();
    let mut changes = Vec::with_capacity(2 * moves.len() + 2);
    for (from, to, value) in moves {
        let ends = plan.ends(to.sort(), &value);
        if !put_to.contains(&from) {
            changes.push(Change::Remove { space, key: from });
        }
        changes.push(Change::Put { space, key: to, value, ends });
    }
    changes.sort_by(|a, b| a.partition().cmp(&b.partition()));
    changes.extend(order_of(place, plan));
    place.write_once(changes).map(drop)
}

/// A stored key as it is, and as it should be, with `behind` bytes behind the join keys; absent when it is damaged.
fn moved(joined: &[u8], behind: usize, stored: &KeyOrder, planned: &KeyOrder) -> Option<(Key, Key)> {
    let (id, rest) = joined.split_at_checked(ID_BYTES)?;
    let (mut keys, start) = rest.split_at_checked(rest.len().checked_sub(behind)?)?;
    let mut parts: Vec<&[u8]> = vec![&[]; stored.order.len()];
    for at in &stored.order {
        let (key, rest) = codec::split_key(keys)?;
        *parts.get_mut(*at)? = key;
        keys = rest;
    }
    let partition = |order: &KeyOrder| -> Option<usize> {
        let parts = order.order.iter().take(order.indexed).map(|at| parts.get(*at).map(|part| part.len()));
        parts.sum::<Option<usize>>().map(|length| ID_BYTES + length)
    };
    let mut to = Vec::with_capacity(joined.len());
    to.extend_from_slice(id);
    for at in &planned.order {
        to.extend_from_slice(parts.get(*at)?);
    }
    to.extend_from_slice(start);
    Some((Key::split(joined.to_vec(), partition(stored)?), Key::split(to, partition(planned)?)))
}
