//! A place in memory, for tests, that keeps no more than the contract asks for: partitions lie in no order, a write is
//! done a partition at a time, and may end between two. So the tests prove that nothing above relies on more.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::contract::{
    Change, Expired, ID_BYTES, Over, PartitionReads, PartitionStore, Space, TIME_BYTES, Visit, Written, wins,
};
use super::key::{Key, KeyRange};
use super::{OnlineError, codec};
use crate::model::Id;

/// A value, and when it is over.
type Value = (Vec<u8>, Option<i64>);

/// Partitions in memory, and how many steps may still be done.
pub(crate) struct MemoryStore {
    all: RwLock<All>,
    /// Steps that are done before every other one fails.
    left: AtomicUsize,
}

#[derive(Default)]
struct All {
    /// Partitions by their spaces and names; in each its values by their sort keys.
    partitions: HashMap<(Space, Vec<u8>), BTreeMap<Vec<u8>, Value>>,
    /// The changes of a [`PartitionStore::write_once`] that is not done yet.
    unfinished: Vec<Change>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { all: RwLock::default(), left: AtomicUsize::new(usize::MAX) }
    }
}

impl MemoryStore {
    /// Lets so many steps be done from now on, and none after them.
    pub(crate) fn let_steps(&self, left: usize) {
        self.left.store(left, Ordering::SeqCst);
    }

    fn read(&self) -> RwLockReadGuard<'_, All> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self) -> Result<RwLockWriteGuard<'_, All>, OnlineError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| OnlineError::Store { path: self.place(), problem: "it is away".to_owned(), source: None })?;
        Ok(self.all.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does the changes of the write that was left in the middle, if one was.
    fn finish(&self) -> Result<Written, OnlineError> {
        let unfinished = self.read().unfinished.clone();
        self.steps(unfinished)
    }

    /// Does changes, a step for each partition. The last one also ends what is unfinished.
    fn steps(&self, changes: Vec<Change>) -> Result<Written, OnlineError> {
        let mut written = Written::default();
        let mut done = 0;
        for step in changes.chunk_by(|a, b| a.partition() == b.partition()) {
            let mut all = self.step()?;
            for change in step {
                all.change(change.clone(), done, &mut written);
                done += 1;
            }
            if done == changes.len() {
                all.unfinished.clear();
            }
        }
        Ok(written)
    }
}

impl All {
    fn change(&mut self, change: Change, at: usize, written: &mut Written) {
        let (space, partition) = change.partition();
        let partition = self.partitions.entry((space, partition.to_vec())).or_default();
        match change {
            Change::Put { key, value, ends, .. } | Change::Replace { key, value, ends, .. } => {
                partition.insert(key.sort().to_vec(), (value, ends));
            }
            Change::PutNewer { key, value, ends, .. } => {
                if partition.get(key.sort()).is_none_or(|(stored, _)| wins(&value, stored)) {
                    partition.insert(key.sort().to_vec(), (value, ends));
                } else {
                    written.lost.push(at);
                }
            }
            Change::Remove { key, .. } => drop(partition.remove(key.sort())),
            Change::RemoveRange { range, .. } => {
                let before = partition.len();
                partition.retain(|sort, _| {
                    **sort < *range.first() || range.behind().is_some_and(|behind| **sort >= *behind)
                });
                written.removed += (before - partition.len()) as u64;
            }
        }
    }

    /// The partitions of a view in a space.
    fn of_view(&self, space: Space, view: Id) -> impl Iterator<Item = (&Vec<u8>, &BTreeMap<Vec<u8>, Value>)> {
        let is_of = move |partition: &[u8]| partition.get(..ID_BYTES) == Some(&view.0.to_be_bytes());
        self.partitions
            .iter()
            .filter(move |((known, partition), _)| *known == space && is_of(partition))
            .map(|((_, partition), values)| (partition, values))
    }
}

impl PartitionReads for MemoryStore {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn get(&self, space: Space, key: &Key) -> Result<Option<Vec<u8>>, OnlineError> {
        if space == Space::Views {
            self.finish()?;
        }
        let all = self.read();
        let partition = all.partitions.get(&(space, key.partition().to_vec()));
        Ok(partition.and_then(|partition| partition.get(key.sort())).map(|(value, _)| value.clone()))
    }

    fn range(&self, space: Space, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        let all = self.read();
        let Some(partition) = all.partitions.get(&(space, range.partition().to_vec())) else { return Ok(()) };
        let behind = range.behind().map_or(Bound::Unbounded, Bound::Excluded);
        if range.behind().is_some_and(|behind| range.first() >= behind) {
            return Ok(());
        }
        for (sort, (value, _)) in partition.range::<[u8], _>((Bound::Included(range.first()), behind)) {
            if let ControlFlow::Break(()) = visit(sort, value) {
                break;
            }
        }
        Ok(())
    }
}

impl PartitionStore for MemoryStore {
    fn write(&self, changes: Vec<Change>) -> Result<Written, OnlineError> {
        self.finish()?;
        self.steps(changes)
    }

    fn write_once(&self, changes: Vec<Change>) -> Result<Written, OnlineError> {
        self.finish()?;
        self.step()?.unfinished = changes;
        self.finish()
    }

    fn tiles_in(&self, view: Id, from: i64, to: i64, visit: &mut dyn FnMut(&[u8])) -> Result<(), OnlineError> {
        for (partition, tiles) in self.read().of_view(Space::Tiles, view) {
            for sort in tiles.keys() {
                let start = sort.last_chunk::<TIME_BYTES>().and_then(|start| codec::unordered(start));
                if start.is_some_and(|start| from <= start && start < to) {
                    visit(&[partition.as_slice(), sort].concat());
                }
            }
        }
        Ok(())
    }

    fn values_of(&self, space: Space, view: Id, visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        for (partition, values) in self.read().of_view(space, view) {
            for (sort, (value, _)) in values {
                if let ControlFlow::Break(()) = visit(&[partition.as_slice(), sort].concat(), value) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn expire(&self, space: Space, view: Id, over: Over, limit: usize) -> Result<Expired, OnlineError> {
        let mut found = Vec::new();
        for (partition, values) in self.read().of_view(space, view) {
            let is_over = |ends: &Option<i64>| ends.is_some_and(|ends| ends <= over.now);
            let over = values.iter().filter(|(_, (_, ends))| is_over(ends));
            let key = |sort: &Vec<u8>| Key::split([partition.as_slice(), sort].concat(), partition.len());
            found.extend(over.map(|(sort, _)| Change::Remove { space, key: key(sort) }));
        }
        found.truncate(limit);
        let gone = found.len() as u64;
        self.write(found)?;
        Ok(Expired { gone, damaged: 0 })
    }

    fn read_all(&self, visit: &mut dyn FnMut(Space, &[u8])) -> Result<u64, OnlineError> {
        let mut entries = 0;
        for ((space, _), values) in &self.read().partitions {
            entries += values.len() as u64;
            values.values().for_each(|(value, _)| visit(*space, value));
        }
        Ok(entries)
    }
}
