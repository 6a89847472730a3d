//! What is known of running stream jobs besides what is stored: what waits, what came in the last minute, what lies
//! behind. In memory; it must decide nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::time::micros;
use crate::model::{Id, StreamCounts, Time};
use crate::platform::source::{Backlog, Partition};

/// How far back the last minute goes.
const MINUTE: i64 = 60;

/// What is known of one partition while its stream is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LivePartition {
    /// Events that were read and are not written yet.
    pub waiting: u64,
    /// The counts of the last minute.
    pub minute: StreamCounts,
    /// What lay behind the place when it was last read; absent where the source cannot tell.
    pub backlog: Option<Backlog>,
}

/// The counts of each of the last seconds.
#[derive(Debug, Default)]
struct Ring(VecDeque<(i64, StreamCounts)>);

impl Ring {
    fn add(&mut self, second: i64, counts: &StreamCounts) {
        self.forget(second);
        match self.0.back_mut() {
            Some((newest, known)) if *newest == second => *known = known.plus(counts),
            _ => self.0.push_back((second, *counts)),
        }
    }

    fn forget(&mut self, now: i64) {
        while self.0.front().is_some_and(|(second, _)| *second <= now - MINUTE) {
            self.0.pop_front();
        }
    }

    fn sum(&mut self, now: i64) -> StreamCounts {
        self.forget(now);
        self.0.iter().fold(StreamCounts::default(), |sum, (_, counts)| sum.plus(counts))
    }
}

#[derive(Debug, Default)]
struct Live {
    waiting: BTreeMap<Partition, u64>,
    rings: BTreeMap<Partition, Ring>,
    backlogs: BTreeMap<Partition, Backlog>,
    /// The second at which counting began.
    since: Option<i64>,
    /// The instant up to which all that had arrived is read and settled.
    reached: Option<Time>,
}

/// The live figures of all streams, by view. Seconds are those of a clock that goes on evenly.
#[derive(Debug, Default)]
pub(crate) struct LiveStreams(Mutex<HashMap<Id, Live>>);

impl LiveStreams {
    fn views(&self) -> MutexGuard<'_, HashMap<Id, Live>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These events were read and wait to be written, in the place of what waited before.
    pub(crate) fn waits(&self, view: Id, waiting: BTreeMap<Partition, u64>) {
        self.views().entry(view).or_default().waiting = waiting;
    }

    /// What waited is written: what became of it.
    pub(crate) fn settled(&self, view: Id, counts: &BTreeMap<Partition, StreamCounts>, steady: Time) {
        let mut views = self.views();
        let live = views.entry(view).or_default();
        live.waiting.clear();
        let second = second(steady);
        live.since.get_or_insert(second);
        for (partition, counts) in counts {
            live.rings.entry(*partition).or_default().add(second, counts);
        }
    }

    /// What lies behind the places now.
    pub(crate) fn lies_behind(&self, view: Id, backlogs: BTreeMap<Partition, Backlog>) {
        self.views().entry(view).or_default().backlogs = backlogs;
    }

    /// All that had arrived by then is read, and what became of it is settled.
    pub(crate) fn reached(&self, view: Id, at: Option<Time>) {
        let mut views = self.views();
        let live = views.entry(view).or_default();
        live.reached = live.reached.max(at);
    }

    /// The instant of [`LiveStreams::reached`], where it is known.
    pub(crate) fn reached_of(&self, view: Id) -> Option<Time> {
        self.views().get(&view)?.reached
    }

    /// The stream of the view is read no longer, or from another place.
    pub(crate) fn ended(&self, view: Id) {
        self.views().remove(&view);
    }

    /// What is known of a view's partitions, and over how many seconds the last minute goes.
    pub(crate) fn of(&self, view: Id, steady: Time) -> (BTreeMap<Partition, LivePartition>, i64) {
        let mut views = self.views();
        let Some(live) = views.get_mut(&view) else { return (BTreeMap::new(), MINUTE) };
        let now = second(steady);
        let mut partitions: BTreeMap<Partition, LivePartition> = BTreeMap::new();
        for (partition, waiting) in &live.waiting {
            partitions.entry(*partition).or_default().waiting = *waiting;
        }
        for (partition, ring) in &mut live.rings {
            partitions.entry(*partition).or_default().minute = ring.sum(now);
        }
        for (partition, backlog) in &live.backlogs {
            partitions.entry(*partition).or_default().backlog = Some(*backlog);
        }
        let span = live.since.map_or(MINUTE, |since| (now - since + 1).clamp(1, MINUTE));
        (partitions, span)
    }
}

fn second(steady: Time) -> i64 {
    micros(steady).div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;

    #[test]
    fn the_last_minute_is_counted_and_forgotten() {
        let live = LiveStreams::default();
        let at = |second: i64| from_micros(second * 1_000_000);
        let read = |read: u64| BTreeMap::from([(3, StreamCounts { read, written: read, ..StreamCounts::default() })]);
        live.waits(Id(1), BTreeMap::from([(3, 5)]));
        assert_eq!(live.of(Id(1), at(100)).0[&3].waiting, 5);
        live.settled(Id(1), &read(5), at(100));
        live.settled(Id(1), &read(2), at(130));
        let (partitions, seconds) = live.of(Id(1), at(130));
        assert_eq!((partitions[&3].minute.read, partitions[&3].waiting, seconds), (7, 0, 31));
        assert_eq!(live.of(Id(1), at(160)).0[&3].minute.read, 2);
        let (partitions, seconds) = live.of(Id(1), at(190));
        assert_eq!((partitions[&3].minute.read, seconds), (0, 60));
        live.ended(Id(1));
        assert!(live.of(Id(1), at(190)).0.is_empty());
    }
}
