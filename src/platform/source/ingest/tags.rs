//! The idempotency keys of the last hours: what came with them, and where it stands in the log.

use std::collections::{HashMap, VecDeque};

use super::frame::Tag;
use crate::model::Span;
use crate::model::time::span_micros;

/// How long a key is known.
pub(super) const HORIZON: Span = Span::hours(6);
/// Most keys of a log that are known, some 40 MB; the oldest go first.
pub(super) const MOST: usize = 500_000;

/// A request that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The hash of what came with the key.
    pub(super) body: u128,
    /// The number of its first record, and how many they were.
    pub(super) first: u64,
    pub(crate) count: u32,
    pub(super) arrival: i64,
}

#[derive(Debug, Default)]
pub(super) struct Tags {
    known: HashMap<u128, Known>,
    /// The keys as they came.
    order: VecDeque<u128>,
}

impl Tags {
    pub(super) fn find(&self, tag: &Tag) -> Option<Known> {
        self.known.get(&tag.key).copied()
    }

    pub(super) fn insert(&mut self, key: u128, known: Known) {
        if self.known.insert(key, known).is_none() {
            self.order.push_back(key);
        }
    }

    /// Forgets what is older than the horizon, and more than can be kept.
    pub(super) fn forget(&mut self, now: i64) {
        self.forget_beyond(now, MOST);
    }

    fn forget_beyond(&mut self, now: i64, most: usize) {
        let from = now.saturating_sub(span_micros(HORIZON));
        while let Some(oldest) = self.order.front() {
            let outlived = self.known.get(oldest).is_none_or(|known| known.arrival < from);
            if !outlived && self.order.len() <= most {
                return;
            }
            self.known.remove(oldest);
            self.order.pop_front();
        }
    }

    /// All of them that stand in the log from that record on, in their order.
    pub(super) fn since(&self, first: u64) -> Vec<(u128, Known)> {
        let newest = self.order.iter().rev().map_while(|key| {
            let known = self.known.get(key)?;
            (known.first >= first).then_some((*key, *known))
        });
        let mut found: Vec<_> = newest.collect();
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_forgotten_by_age_and_by_number() {
        let hour = span_micros(Span::hours(1));
        let mut tags = Tags::default();
        for n in 0..10 {
            let known = Known { body: 1, first: n, count: 1, arrival: n as i64 * hour };
            tags.insert(n as u128 + 1, known);
        }
        tags.forget(9 * hour);
        let find = |tags: &Tags, key| tags.find(&Tag { key, body: 0 }).map(|known| known.first);
        assert_eq!((find(&tags, 3), find(&tags, 4), find(&tags, 10)), (None, Some(3), Some(9)));
        assert_eq!(tags.since(8).len(), 2);
        tags.forget_beyond(9 * hour, 2);
        assert_eq!((find(&tags, 8), find(&tags, 9)), (None, Some(8)));
    }
}
