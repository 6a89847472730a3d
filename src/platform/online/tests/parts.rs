//! Writes beside reads, writes in parts, and writes that fail in the middle.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::contract::{ByteStore, Change, Space, Visit};
use super::*;

/// Bytes whose writes fail once so many were done.
pub struct Failing {
    pub bytes: MemoryStore,
    pub left: AtomicUsize,
    pub writes: AtomicUsize,
}

impl ByteStore for Failing {
    fn place(&self) -> String {
        self.bytes.place()
    }
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, OnlineError> {
        self.bytes.get(space, key)
    }
    fn scan(&self, space: Space, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        self.bytes.scan(space, from, to, visit)
    }
    fn write(&self, changes: Vec<Change>) -> Result<Vec<usize>, OnlineError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| OnlineError::Store { path: self.place(), problem: "full".to_owned() })?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.bytes.write(changes)
    }
}

/// An event of each of 20 keys in each of two hours.
fn events(number: i64) -> Vec<Event> {
    let key = |n: i64| Value::Text(format!("k{n}"));
    let of = |n: i64| [10, 70].map(|minute| Event { key: key(n), ..one(number, minute) });
    (0..20).flat_map(of).collect()
}

fn sum(store: &OnlineStore, view: &View, key: i64) -> Value {
    let keys = [Value::Null, Value::Text(format!("k{key}"))];
    store.lookup(view, &keys, base() + Span::hours(2)).unwrap().found.features[3].value.clone()
}

#[test]
fn a_write_that_ends_in_the_middle_leaves_every_key_whole_and_is_made_right_by_another() {
    let view = pair_view();
    let window = Window { start: base(), end: base() + Span::hours(2) };
    let rows = |number| stream::fold(&view, frame(&events(number)), Some(window), false).unwrap();
    let mut parts = 0;
    for left in 0..40 {
        let bytes = Arc::new(Failing {
            bytes: MemoryStore::default(),
            left: AtomicUsize::new(usize::MAX),
            writes: AtomicUsize::new(0),
        });
        let store = OnlineStore::over(bytes.clone()).unwrap().with_parts(1_500);
        store.write_batch(&view, window, &rows(1), window.end).unwrap();
        bytes.left.store(left, Ordering::SeqCst);
        bytes.writes.store(0, Ordering::SeqCst);
        let failed = store.write_batch(&view, window, &rows(5), window.end).is_err();
        let sums: Vec<Value> = (0..20).map(|key| sum(&store, &view, key)).collect();
        assert!(sums.iter().all(|sum| [Value::Int(2), Value::Int(10)].contains(sum)), "{sums:?}");
        bytes.left.store(usize::MAX, Ordering::SeqCst);
        store.write_batch(&view, window, &rows(5), window.end).unwrap();
        assert!((0..20).all(|key| sum(&store, &view, key) == Value::Int(10)));
        if !failed {
            parts = bytes.writes.load(Ordering::SeqCst) / 2;
            break;
        }
    }
    assert!(parts > 2, "the write was one of {parts} parts");
}

/// A great write of rows, over the embedded store and the one in memory: what is newer there stays, the rest is as if written
/// row by row, and a write that fails leaves all as it was.
#[test]
fn rows_of_a_great_window_are_those_of_many_small_ones() {
    let view = pair_rows(None);
    let window = Window { start: base(), end: base() + Span::hours(3) };
    let rows = |number: i64, minute: i64| {
        let events: Vec<Event> = (0..9_000)
            .map(|key: i64| Event {
                key: Value::Text(format!("k{key}")),
                ..one(number + key % 7, minute + key % 2 * 60)
            })
            .collect();
        PolarsEngine.transform_stream(&view, frame(&events)).unwrap().rows
    };
    let folder = tempfile::tempdir().unwrap();
    let stores = [
        OnlineStore::open(folder.path()).unwrap().with_parts(1_000),
        in_memory().with_parts(1_000),
        in_memory().with_parts(usize::MAX),
    ];
    let done = stores.map(|store| {
        let first = store.write_batch(&view, window, &rows(1, 10), window.end).unwrap();
        let second = store.write_batch(&view, window, &rows(100, 40), window.end).unwrap();
        let late = store.write_batch(&view, window, &rows(200, 5), window.end).unwrap();
        assert_eq!((first.rows, second.rows, late.rows, late.skipped), (9_000, 9_000, 0, 9_000));
        let value = |key: i64| {
            let keys = [Value::Null, Value::Text(format!("k{key}"))];
            store.lookup(&view, &keys, window.end).unwrap().found.features[0].value.clone()
        };
        ((first, second, late), (0..9_000).step_by(97).map(value).collect::<Vec<_>>())
    });
    assert_eq!(done[0], done[2]);
    assert_eq!(done[1], done[2]);
    assert_eq!(done[2].1[1], Value::Int(100 + 97 % 7));

    let bytes =
        Arc::new(Failing { bytes: MemoryStore::default(), left: AtomicUsize::new(1), writes: AtomicUsize::new(0) });
    let store = OnlineStore::over(bytes.clone()).unwrap().with_parts(1_000);
    bytes.left.store(1, Ordering::SeqCst);
    assert!(store.write_batch(&view, window, &rows(1, 10), window.end).is_err());
    let keys = [Value::Null, Value::Text("k1".to_owned())];
    assert_eq!(store.lookup(&view, &keys, window.end).unwrap().found.features[0].value, Value::Null);
    assert_eq!(store.windows(view.id).unwrap(), []);
}

#[test]
fn a_failed_write_of_a_stream_moves_nothing() {
    let bytes = Arc::new(Failing {
        bytes: MemoryStore::default(),
        left: AtomicUsize::new(usize::MAX),
        writes: AtomicUsize::new(0),
    });
    let store = OnlineStore::over(bytes.clone()).unwrap();
    let view = pair_view();
    bytes.left.store(0, Ordering::SeqCst);
    let rows = PolarsEngine.transform_stream(&view, frame(&events(1))).unwrap().rows;
    assert!(store.write_stream(&view, &rows, &replay::position(base()), Some(base())).is_err());
    assert_eq!((store.stream_position(view.id).unwrap(), store.latest_event(view.id).unwrap()), (None, None));
    assert_eq!(sum(&store, &view, 1), Value::Null);
}

#[test]
fn readers_see_all_of_a_write_or_nothing_of_it() {
    on_each(|store| {
        let view = pair_view();
        let window = Window { start: base(), end: base() + Span::hours(2) };
        let write = |number: i64| {
            let rows = stream::fold(&view, frame(&events(number)), Some(window), false).unwrap();
            store.write_batch(&view, window, &rows, window.end).unwrap();
        };
        write(1);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let (done, view) = (&done, &view);
                    scope.spawn(move || {
                        let mut seen = std::collections::BTreeSet::new();
                        while !done.load(Ordering::Relaxed) || seen.is_empty() {
                            for key in 0..20 {
                                let Value::Int(sum) = sum(store, view, key) else { panic!() };
                                seen.insert(sum);
                            }
                        }
                        seen
                    })
                })
                .collect();
            (0..60).for_each(|turn| write(1 + turn % 2));
            done.store(true, Ordering::Relaxed);
            for reader in readers {
                let seen = reader.join().unwrap();
                assert!(seen.iter().all(|sum| *sum == 2 || *sum == 4), "{seen:?}");
            }
        });
    });
}

#[test]
fn what_batch_jobs_wrote_is_known() {
    on_each(|store| {
        let view = pair_view();
        let hour = |hour: i64| base() + Span::hours(hour);
        let window = |from, to| Window { start: hour(from), end: hour(to) };
        assert_eq!(store.windows(view.id).unwrap(), []);
        for window in [window(0, 1), window(3, 4), window(1, 2)] {
            let rows = stream::fold(&view, frame(&[]), Some(window), false).unwrap();
            store.write_batch(&view, window, &rows, window.end).unwrap();
        }
        assert_eq!(store.windows(view.id).unwrap(), [window(0, 2), window(3, 4)]);
        assert!(store.is_materialized(view.id, window(0, 2)).unwrap());
        assert!(!store.is_materialized(view.id, window(1, 4)).unwrap());
    });
}

/// Puts with versions in one space, in the order of their keys or not, over keys that are there with other versions.
fn puts() -> impl Strategy<Value = Vec<Vec<(u8, u8)>>> {
    let keys = prop::collection::btree_map(any::<u8>(), any::<u8>(), 0..60);
    let one = (keys, any::<bool>()).prop_map(|(keys, turned)| {
        let keys: Vec<(u8, u8)> = keys.into_iter().collect();
        if turned { keys.into_iter().rev().collect() } else { keys }
    });
    prop::collection::vec(one, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn conditional_puts_are_the_same_in_every_store(writes in puts()) {
        let folder = tempfile::tempdir().unwrap();
        let stores: [Box<dyn ByteStore>; 2] =
            [Box::new(embedded::FjallStore::open(folder.path()).unwrap()), Box::new(MemoryStore::default())];
        let done = stores.map(|store| {
            let put = |(key, version): &(u8, u8)| {
                let value = [[0, 0, 0, 0, 0, 0, 0, *version].as_slice(), &[*key]].concat();
                Change::PutNewer { space: Space::Rows, key: vec![b'k', *key], value }
            };
            // Sorted writes go by the way of great ones every other time.
            let lost: Vec<u64> = (0..)
                .zip(&writes)
                .map(|(turn, write)| {
                    let changes: Vec<Change> = write.iter().map(put).collect();
                    if turn % 2 == 1 || !write.is_sorted() {
                        return store.write(changes).unwrap().len() as u64;
                    }
                    let mut puts = changes.into_iter().filter_map(|change| match change {
                        Change::PutNewer { key, value, .. } => Some((key, value)),
                        _ => None,
                    });
                    let lost = store.load(Space::Rows, &mut puts).unwrap();
                    assert_eq!(lost.bytes, 11 * lost.changes);
                    lost.changes
                })
                .collect();
            let mut all = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                all.push((key.to_vec(), value.to_vec()));
                std::ops::ControlFlow::Continue(())
            };
            store.scan(Space::Rows, b"k", b"l", &mut visit).unwrap();
            (lost, all)
        });
        prop_assert_eq!(&done[0], &done[1]);
        let reopened = embedded::FjallStore::open(folder.path()).unwrap();
        for (key, value) in &done[0].1 {
            let found = reopened.get(Space::Rows, key).unwrap();
            prop_assert_eq!(found.as_ref(), Some(value));
        }
        // The greatest version of each key is there.
        for (key, version) in writes.iter().flatten() {
            let stored = done[0].1.iter().find(|(stored, _)| stored[1] == *key);
            prop_assert!(stored.is_some_and(|(_, value)| value[7] >= *version));
        }
    }
}
