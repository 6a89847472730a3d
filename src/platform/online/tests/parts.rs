//! Writes beside reads, writes in parts, and writes that fail in the middle.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::contract::{Change, Expired, Over, PartitionReads, PartitionStore, Space, Visit, Written};
use super::key::{Key, KeyRange};
use super::*;
use crate::model::Id;
use crate::model::time::micros;

/// A place whose writes fail as a whole once so many were done.
struct Failing {
    place: MemoryStore,
    left: AtomicUsize,
    writes: AtomicUsize,
    /// Whether a write that failed appears all the same once the place is mended, and no other fails then: what a full
    /// disk took the end of, another opening reads whole.
    tardy: bool,
    kept: Mutex<Option<Vec<Change>>>,
}

impl Failing {
    fn after(left: usize) -> Arc<Self> {
        let (left, writes) = (AtomicUsize::new(left), AtomicUsize::new(0));
        Arc::new(Self { place: MemoryStore::default(), left, writes, tardy: false, kept: Mutex::default() })
    }

    fn tardy() -> Arc<Self> {
        let place = Arc::into_inner(Self::after(usize::MAX)).unwrap();
        Arc::new(Self { tardy: true, ..place })
    }

    fn count(&self) -> Result<(), OnlineError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| OnlineError::Store { path: self.place(), problem: "full".to_owned(), source: None })?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl PartitionReads for Failing {
    fn place(&self) -> String {
        self.place.place()
    }
    fn get(&self, space: Space, key: &Key) -> Result<Option<Vec<u8>>, OnlineError> {
        self.place.get(space, key)
    }
    fn range(&self, space: Space, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        self.place.range(space, range, visit)
    }
}

impl PartitionStore for Failing {
    fn write(&self, changes: Vec<Change>) -> Result<Written, OnlineError> {
        self.count()?;
        self.place.write(changes)
    }
    fn write_once(&self, changes: Vec<Change>) -> Result<Written, OnlineError> {
        if let Err(error) = self.count() {
            *self.kept.lock().unwrap() = self.tardy.then_some(changes);
            return Err(error);
        }
        self.place.write_once(changes)
    }
    fn tiles_in(&self, view: Id, from: i64, to: i64, visit: &mut dyn FnMut(&[u8])) -> Result<(), OnlineError> {
        self.place.tiles_in(view, from, to, visit)
    }
    fn values_of(&self, space: Space, view: Id, visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        self.place.values_of(space, view, visit)
    }
    fn expire(&self, space: Space, view: Id, over: Over, limit: usize) -> Result<Expired, OnlineError> {
        self.place.expire(space, view, over, limit)
    }
    fn read_all(&self, visit: &mut dyn FnMut(Space, &[u8])) -> Result<u64, OnlineError> {
        self.place.read_all(visit)
    }
    fn trouble(&self) -> Option<String> {
        self.kept.lock().unwrap().as_ref().map(|_| "full".to_owned())
    }
    fn mend(&self) -> Result<(), OnlineError> {
        let Some(changes) = self.kept.lock().unwrap().take() else { return Ok(()) };
        self.left.store(usize::MAX, Ordering::SeqCst);
        self.place.write_once(changes).map(drop)
    }
}

#[test]
fn a_failed_write_that_appears_later_counts_its_events_once() {
    let view = pair_view();
    let position = |minute: i64| replay::position(base() + Span::minutes(minute));
    let write = |store: &OnlineStore, number: i64, minute: i64| {
        let rows = PolarsEngine.transform_stream(&view, frame(&events(number))).unwrap().rows;
        store.write_stream(&view, &rows, &position(minute), None)
    };
    let place = Failing::tardy();
    let store = OnlineStore::over(place.clone());
    write(&store, 1, 1).unwrap();
    place.left.store(0, Ordering::SeqCst);
    write(&store, 5, 2).unwrap_err();
    // The job asks where it was: what failed has moved that on, and its events are not brought again.
    assert_eq!(store.settled_position(view.id).unwrap(), Some(position(2)));
    assert_eq!(sum(&store, &view, 3), Value::Int(12));
    // A write that comes first finds what failed before it, not in the midst of it.
    place.left.store(0, Ordering::SeqCst);
    write(&store, 7, 3).unwrap_err();
    write(&store, 100, 4).unwrap();
    assert_eq!(sum(&store, &view, 3), Value::Int(2 * (1 + 5 + 7 + 100)));
}

/// A retry whose write seems to fail makes its event known when it appears: a stream that looked before looks again.
#[test]
fn a_failed_write_of_a_retry_that_appears_later_is_known_to_the_stream_that_looked_before() {
    let view = pair_view();
    let place = Failing::tardy();
    let store = OnlineStore::over(place.clone());
    let streamed = PolarsEngine.transform_stream(&view, frame(&events(5))).unwrap();
    let (key, at) = ([7; 16], micros(base()));
    let (rows, times) = (streamed.rows.clone(), streamed.times);
    let record = Released { rows, times, seen: Some((key, at)) };
    let release = Release { late_too: false, horizon: 0, mark: Some(&|_: &[usize]| Vec::new()) };
    place.left.store(0, Ordering::SeqCst);
    store.write_released(&view, &[record], release).unwrap_err();

    let bounds = store.bounds(&view).unwrap();
    assert_eq!(store.seen(view.id, &[key]).unwrap(), [Vec::<i64>::new()]);
    let rows = StreamRows { rows: &streamed.rows, bounds: &bounds, newest: None, seen: &[(key, at)], forget: None };
    assert_eq!(store.write_events(&view, &rows, &|_| replay::position(base())).unwrap(), None);
    assert_eq!(store.seen(view.id, &[key]).unwrap(), [[at]]);
    assert_eq!(sum(&store, &view, 3), Value::Int(10));
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
        let place = Failing::after(usize::MAX);
        let store = OnlineStore::over(place.clone()).with_parts(1_500);
        store.write_batch(&view, window, &rows(1), window.end).unwrap();
        place.left.store(left, Ordering::SeqCst);
        place.writes.store(0, Ordering::SeqCst);
        let failed = store.write_batch(&view, window, &rows(5), window.end).is_err();
        let sums: Vec<Value> = (0..20).map(|key| sum(&store, &view, key)).collect();
        assert!(sums.iter().all(|sum| [Value::Int(2), Value::Int(10)].contains(sum)), "{sums:?}");
        place.left.store(usize::MAX, Ordering::SeqCst);
        store.write_batch(&view, window, &rows(5), window.end).unwrap();
        assert!((0..20).all(|key| sum(&store, &view, key) == Value::Int(10)));
        if !failed {
            parts = place.writes.load(Ordering::SeqCst) / 2;
            break;
        }
    }
    assert!(parts > 2, "the write was one of {parts} parts");
}

/// A great write of rows, over the embedded store and the one in memory: what is newer there stays, the rest is as if
/// written row by row, and a write that fails leaves all as it was.
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

    let place = Failing::after(1);
    let store = OnlineStore::over(place.clone()).with_parts(1_000);
    place.left.store(1, Ordering::SeqCst);
    assert!(store.write_batch(&view, window, &rows(1, 10), window.end).is_err());
    let keys = [Value::Null, Value::Text("k1".to_owned())];
    assert_eq!(store.lookup(&view, &keys, window.end).unwrap().found.features[0].value, Value::Null);
    assert_eq!(store.windows(view.id).unwrap(), []);
}

#[test]
fn a_failed_write_of_a_stream_moves_nothing() {
    let place = Failing::after(usize::MAX);
    let store = OnlineStore::over(place.clone());
    let view = pair_view();
    place.left.store(0, Ordering::SeqCst);
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

/// The view of puts that are made by hand.
const ID: Id = Id(7);

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
        let stores: [Box<dyn PartitionStore>; 2] =
            [Box::new(FjallStore::open(folder.path()).unwrap()), Box::new(MemoryStore::default())];
        let stored_at = |key: u8| Key::split([ID.0.to_be_bytes().as_slice(), &[key]].concat(), 17);
        let done = stores.map(|store| {
            let put = |(key, version): &(u8, u8)| {
                let value = [[0, 0, 0, 0, 0, 0, 0, *version].as_slice(), &[*key]].concat();
                (stored_at(*key), value, None)
            };
            // Sorted writes go by the way of great ones every other time.
            let lost: Vec<u64> = (0..)
                .zip(&writes)
                .map(|(turn, write)| {
                    if turn % 2 == 1 || !write.is_sorted() {
                        let newer = |(key, value, ends)| Change::PutNewer { space: Space::Rows, key, value, ends };
                        return store.write(write.iter().map(put).map(newer).collect()).unwrap().lost.len() as u64;
                    }
                    let lost = store.load_rows(&mut write.iter().map(put)).unwrap();
                    assert_eq!(lost.bytes, 26 * lost.changes);
                    lost.changes
                })
                .collect();
            let mut all = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                all.push((key.to_vec(), value.to_vec()));
                std::ops::ControlFlow::Continue(())
            };
            store.values_of(Space::Rows, ID, &mut visit).unwrap();
            all.sort();
            (lost, all)
        });
        prop_assert_eq!(&done[0], &done[1]);
        let reopened = FjallStore::open(folder.path()).unwrap();
        for (key, value) in &done[0].1 {
            let found = reopened.get(Space::Rows, &stored_at(key[16])).unwrap();
            prop_assert_eq!(found.as_ref(), Some(value));
        }
        // The greatest version of each key is there.
        for (key, version) in writes.iter().flatten() {
            let stored = done[0].1.iter().find(|(stored, _)| stored[16] == *key);
            prop_assert!(stored.is_some_and(|(_, value)| value[7] >= *version));
        }
    }
}

/// A stream job reads on from where the store says that it is. Wherever a write ends in the middle, each event counts
/// once, and so it is when the place itself goes on later.
#[test]
fn a_stream_that_ends_between_two_partitions_counts_each_event_once() {
    let view = pair_view();
    let all = [events(1), events(10), events(100)];
    let write = |store: &OnlineStore| -> Result<(), OnlineError> {
        loop {
            let reached = store.stream_position(view.id)?.and_then(|position| position.reached());
            let from = reached.map_or(0, |at| (at - base()).num_seconds() as usize);
            let Some(batch) = all.get(from) else { return Ok(()) };
            let rows = PolarsEngine.transform_stream(&view, frame(batch)).unwrap().rows;
            let position = replay::position(base() + Span::seconds(from as i64 + 1));
            store.write_stream(&view, &rows, &position, None)?;
        }
    };
    let (mut steps, mut failed, mut halves) = (0, true, 0);
    while failed {
        let place = Arc::new(MemoryStore::default());
        let store = OnlineStore::over(place.clone());
        place.let_steps(steps);
        failed = write(&store).is_err();
        // Lookups may see a write of which some partitions are done, but of each of them all.
        let sums: Vec<Value> = (0..20).map(|key| sum(&store, &view, key)).collect();
        let seen = [Value::Null, Value::Int(2), Value::Int(22), Value::Int(222)];
        assert!(sums.iter().all(|sum| seen.contains(sum)), "{steps}: {sums:?}");
        halves += usize::from(sums.iter().any(|sum| *sum != sums[0]));
        place.let_steps(usize::MAX);
        // Another process opens the place, or the same one tries again.
        let store = if steps % 2 == 0 { OnlineStore::over(place) } else { store };
        write(&store).unwrap();
        assert!((0..20).all(|key| sum(&store, &view, key) == Value::Int(222)), "{steps}");
        steps += 1;
    }
    assert!(halves > 50, "of {steps} ends {halves} were between two partitions");
}

/// What a stream's write has left in the middle is no longer there once a batch has replaced its window.
#[test]
fn a_batch_replaces_all_of_a_stream_write_that_ended_in_the_middle() {
    let view = pair_view();
    let window = Window { start: base(), end: base() + Span::hours(2) };
    let empty = stream::fold(&view, frame(&[]), Some(window), false).unwrap();
    let rows = PolarsEngine.transform_stream(&view, frame(&events(1))).unwrap().rows;
    for steps in 0..=21 {
        let place = Arc::new(MemoryStore::default());
        let store = OnlineStore::over(place.clone());
        place.let_steps(steps);
        assert!(store.write_stream(&view, &rows, &replay::position(base()), None).is_err());
        place.let_steps(usize::MAX);
        store.write_batch(&view, window, &empty, window.end).unwrap();
        assert!((0..20).all(|key| sum(&store, &view, key) == Value::Null), "{steps}");
    }
}

/// A batch that is done again is right, and until then the window is not marked.
#[test]
fn a_window_that_ends_between_two_partitions_is_made_right_by_another_try() {
    for view in [pair_view(), pair_rows(None)] {
        let window = Window { start: base(), end: base() + Span::hours(2) };
        let rows = |number| stream::fold(&view, frame(&events(number)), Some(window), false).unwrap();
        let value = |store: &OnlineStore, key: i64| {
            let keys = [Value::Null, Value::Text(format!("k{key}"))];
            let vector = store.lookup(&view, &keys, window.end).unwrap().found;
            vector.features.last().unwrap().value.clone()
        };
        let whole = |number: i64| Value::Int(if view.feature_names().len() > 1 { 2 * number } else { number });
        let (mut steps, mut failed) = (0, true);
        while failed {
            let place = Arc::new(MemoryStore::default());
            let store = OnlineStore::over(place.clone());
            place.let_steps(steps);
            failed = store.write_batch(&view, window, &rows(3), window.end).is_err();
            place.let_steps(usize::MAX);
            assert_eq!(store.is_materialized(view.id, window).unwrap(), !failed);
            assert!((0..20).all(|key| [Value::Null, whole(3)].contains(&value(&store, key))), "{steps}");
            store.write_batch(&view, window, &rows(5), window.end).unwrap();
            assert!((0..20).all(|key| value(&store, key) == whole(5)), "{steps}");
            steps += 1;
        }
        assert!(steps > 20);
    }
}
