//! What every place must keep of the contract: the same changes give the same answers in each.

use std::ops::ControlFlow;

use super::contract::{Change, Over, Space};
use super::key::{Key, KeyRange};
use super::*;
use crate::model::Id;

/// How long a tile counts in these tests, microseconds.
const COUNTS: i64 = 10;

/// Where a tile is: view, partition, wildcard key, start.
type At = (u8, u8, u8, i64);

/// What is asked of a place.
#[derive(Clone, Debug)]
enum Act {
    /// Puts tiles, or removes them.
    Write(BTreeMap<At, bool>),
    /// Removes a partition, or what has one wildcard key in it.
    RemoveRange(u8, u8, Option<u8>),
    Expire(u8, i64),
}

fn act() -> impl Strategy<Value = Act> {
    let at = (0u8..2, 0u8..3, 0u8..2, -3i64..4);
    prop_oneof![
        4 => prop::collection::btree_map(at, prop::bool::weighted(0.7), 0..12).prop_map(Act::Write),
        1 => (0u8..2, 0u8..3, prop::option::of(0u8..2)).prop_map(|(view, name, below)| Act::RemoveRange(view, name, below)),
        1 => (0u8..2, 0i64..16).prop_map(|(view, now)| Act::Expire(view, now)),
    ]
}

fn partition(view: u8, name: u8) -> Key {
    let joined = [Id(u128::from(view)).0.to_be_bytes().as_slice(), &[name]].concat();
    let split = joined.len();
    Key::split(joined, split)
}

fn tile((view, name, wildcard, start): At) -> Key {
    partition(view, name).then(&[wildcard]).then(&codec::ordered(start))
}

/// Does it, and gives the numbers that are told of it.
fn act_on(place: &dyn PartitionStore, act: &Act) -> u64 {
    let space = Space::Tiles;
    match act {
        Act::Write(tiles) => {
            let keys: Vec<Key> = tiles.keys().map(|at| tile(*at)).collect();
            let stored = place.get_many(space, &keys).unwrap();
            let changes = tiles.iter().zip(keys).zip(&stored).map(|(((at, put), key), stored)| {
                let (value, ends) = (vec![at.2, stored.iter().len() as u8], Some(at.3 + COUNTS));
                match (put, stored) {
                    (true, None) => Change::Put { space, key, value, ends },
                    (true, Some(_)) => Change::Replace { space, key, value, ends },
                    (false, _) => Change::Remove { space, key },
                }
            });
            place.write(changes.collect()).unwrap().removed
        }
        Act::RemoveRange(view, name, below) => {
            let key = partition(*view, *name);
            let range = KeyRange::below(below.iter().fold(key, |key, below| key.then(&[*below])));
            place.write(vec![Change::RemoveRange { space, range }]).unwrap().removed
        }
        Act::Expire(view, now) => {
            let over = Over { now: *now, before: now - COUNTS + 1 };
            let some = || place.expire(space, Id(u128::from(*view)), over, 2).unwrap().gone;
            std::iter::repeat_with(some).take_while(|gone| *gone > 0).sum()
        }
    }
}

/// All that can be read. Only ranges promise an order.
fn all(place: &dyn PartitionStore) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for view in 0..2 {
        let id = Id(u128::from(view));
        let mut values = Vec::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            values.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        place.values_of(Space::Tiles, id, &mut visit).unwrap();
        values.sort();
        let mut found = Vec::new();
        place.tiles_in(id, -2, 3, &mut |key| found.push((key.to_vec(), Vec::new()))).unwrap();
        found.sort();
        let inside = |(key, _): &&(Vec<u8>, Vec<u8>)| (-2..3).contains(&tiles::start_of(key).unwrap());
        assert!(values.iter().filter(inside).map(|(key, _)| key).eq(found.iter().map(|(key, _)| key)));
        all.extend(values);
        all.extend(found);
        for (name, wildcard) in (0..3).flat_map(|name| (0..2).map(move |wildcard| (name, wildcard))) {
            let key = partition(view, name);
            let below = KeyRange::below(key.clone());
            let between = KeyRange::between(key.then(&[wildcard]), &codec::ordered(-1), &codec::ordered(2));
            for range in [below, between] {
                let mut visit = |sort: &[u8], value: &[u8]| {
                    all.push((sort.to_vec(), value.to_vec()));
                    ControlFlow::Continue(())
                };
                place.range(Space::Tiles, &range, &mut visit).unwrap();
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_place_answers_alike(acts in prop::collection::vec(act(), 1..12)) {
        let ((_folder, embedded), (_, memory)) = (new_place(true), new_place(false));
        for act in &acts {
            prop_assert_eq!(act_on(&*embedded, act), act_on(&*memory, act), "{:?}", act);
            prop_assert_eq!(all(&*embedded), all(&*memory), "{:?}", act);
        }
    }
}
