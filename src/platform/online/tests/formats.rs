//! The form of the store: the first one is taken over, others are refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::contract::{ByteStore, Change, Space};
use super::parts::Failing;
use super::*;
use crate::platform::source::position::Position;

fn put(space: Space, key: Vec<u8>, value: Vec<u8>) -> Change {
    Change::Put { space, key, value }
}

/// A key as form 1 has it: the view, the join keys in the view's order.
fn first_form_key(view: &View, keys: &[Value]) -> Vec<u8> {
    let mut key = view.id.0.to_be_bytes().to_vec();
    keys.iter().for_each(|value| codec::push_key(&mut key, value).unwrap());
    key
}

#[test]
fn the_first_form_is_taken_over_with_all_its_data() {
    let bytes = Arc::new(MemoryStore::default());
    let view = pair_view();
    let rows = View { id: stable_id("test", "view", "rows"), ..pair_rows(None) };
    let mut changes = Vec::new();
    // The second key's place is where the first one's was: (a, b) and (b, a).
    let text = |t: &str| Value::Text(t.to_owned());
    let keys = [[text("a"), text("b")], [text("b"), text("a")], [Value::Null, text("a")]];
    for (n, key) in (1..).zip(&keys) {
        let start = codec::instant(base());
        let tile = [first_form_key(&view, key).as_slice(), &start].concat();
        let index = [&tile[..16], &start, &tile[16..tile.len() - 8]].concat();
        changes.push(put(Space::Tiles, tile, codec::encode(&[Value::Int(1), Value::Int(n)])));
        changes.push(put(Space::TileIndex, index, Vec::new()));
        let row = codec::encode(&[Value::Time(base()), Value::Int(n)]);
        changes.push(put(Space::Rows, first_form_key(&rows, key), row));
    }
    for view in [&view, &rows] {
        changes.push(put(Space::Meta, meta::Meta::Shape.key(view.id), meta::Meta::shape_of(view)));
    }
    bytes.write(changes).unwrap();
    // Twice: what was taken over is not taken over again.
    for _ in 0..2 {
        let store = OnlineStore::over(bytes.clone()).unwrap();
        for (n, key) in (1..).zip(&keys) {
            let vector = store.lookup(&view, key, base() + Span::hours(1)).unwrap().found;
            assert_eq!(vector.features[1].value, Value::Int(n));
            assert_eq!(store.lookup(&rows, key, base()).unwrap().found.features[0].value, Value::Int(n));
        }
        for view in [&view, &rows] {
            let found = store.query(view, &[text("a")], base() + Span::hours(1)).unwrap().found;
            let values: Vec<Value> = found.into_iter().map(|(keys, _)| keys[0].clone()).collect();
            assert_eq!(values, [Value::Null, text("b")]);
        }
    }
    let store = OnlineStore::over(bytes).unwrap();
    assert_eq!(store.expire(&view, base() + Span::hours(9), 9).unwrap(), 3);
    assert_eq!(store.delete(&rows, &keys_frame(&keys)).unwrap(), 3);
}

#[test]
fn tiles_of_the_second_form_are_read_merged_and_left_as_they_are() {
    let bytes = Arc::new(MemoryStore::default());
    let variance = Aggregation {
        column: "v".into(),
        function: Function::VarPop,
        time_window: Span::hours(1),
        feature: "variance".into(),
        input_type: DataType::Int64,
        output_type: DataType::Float64,
    };
    let view = pair(view(Kind::Aggregate { interval: Span::hours(1), aggregations: vec![variance] }, Span::days(9)));
    let keys = [Value::Text("x".into()), Value::Text("a".into())];
    let tile = [plan::Plan::of(&view).prefix(&keys).unwrap().as_slice(), &codec::instant(base())].concat();
    // One, two and three: sum of squares, sum, count.
    let value = codec::encode(&[Value::Float(14.0), Value::Int(6), Value::Int(3)]);
    bytes
        .write(vec![
            put(Space::Meta, b"form".to_vec(), vec![2]),
            put(Space::Meta, meta::Meta::Shape.key(view.id), meta::Meta::shape_of(&view)),
            put(Space::Meta, meta::Meta::Order.key(view.id), plan::Plan::of(&view).order_bytes()),
            put(Space::Tiles, tile, value),
        ])
        .unwrap();
    let at = base() + Span::hours(1);
    let store = OnlineStore::over(bytes.clone()).unwrap();
    let variance = |store: &OnlineStore| {
        let Value::Float(value) = store.lookup(&view, &keys, at).unwrap().found.features[0].value else {
            panic!("none")
        };
        value
    };
    assert!((variance(&store) - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(bytes.get(Space::Meta, b"form").unwrap(), Some(vec![4]));
    let event = Event { key: keys[1].clone(), at: base(), number: Value::Int(6), text: keys[0].clone() };
    assert_eq!(stream(&store, &view, &[event]).written, 1);
    assert!((variance(&store) - 3.5).abs() < 1e-12, "{}", variance(&store));
}

/// Form 3 had tiles and rows as they are, form 2 other tiles, form 1 no number.
#[test]
fn instants_of_earlier_forms_become_offsets_in_one_write() {
    let views = [stable_id("test", "view", "a"), stable_id("test", "view", "b")];
    let until = [base(), base() + Span::microseconds(7)];
    for form in [None, Some(2), Some(3)] {
        let bytes = Arc::new(Failing {
            bytes: MemoryStore::default(),
            left: AtomicUsize::new(usize::MAX),
            writes: AtomicUsize::new(0),
        });
        let mut changes: Vec<Change> =
            form.into_iter().map(|form| put(Space::Meta, b"form".to_vec(), vec![form])).collect();
        for (view, until) in views.iter().zip(until) {
            changes.push(put(Space::Meta, meta::Meta::Position.key(*view), codec::instant(until).to_vec()));
            changes.push(put(Space::Meta, meta::Meta::LatestEvent.key(*view), codec::instant(base()).to_vec()));
        }
        bytes.write(changes).unwrap();
        let all = || {
            let mut all = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                all.push((key.to_vec(), value.to_vec()));
                std::ops::ControlFlow::Continue(())
            };
            bytes.scan(Space::Meta, &[], &[0xff; 32], &mut visit).unwrap();
            all
        };
        let before = all();
        bytes.left.store(0, Ordering::SeqCst);
        assert!(OnlineStore::over(bytes.clone()).is_err());
        assert_eq!(all(), before, "what was not written at once is not written at all");
        bytes.left.store(1, Ordering::SeqCst);
        // Twice: what was taken over is not taken over again.
        for _ in 0..2 {
            let store = OnlineStore::over(bytes.clone()).unwrap();
            for (view, until) in views.iter().zip(until) {
                assert_eq!(store.stream_position(*view).unwrap(), Some(replay::position(until)));
                assert_eq!(store.latest_event(*view).unwrap(), Some(base()));
            }
        }
        assert_eq!(bytes.get(Space::Meta, b"form").unwrap(), Some(vec![4]));
    }
}

#[test]
fn a_position_that_cannot_be_read_is_refused_in_words() {
    let bytes = Arc::new(MemoryStore::default());
    let store = OnlineStore::over(bytes.clone()).unwrap();
    let view = aggregate_view();
    for (kept, said) in [(vec![], "damaged"), (vec![1, 2], "damaged"), (vec![2, 2], "of version 2, and this release")] {
        bytes.write(vec![put(Space::Meta, meta::Meta::Position.key(view.id), kept)]).unwrap();
        let error = store.stream_position(view.id).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("start the release that wrote them"), "{error}");
    }
    bytes.write(vec![put(Space::Meta, meta::Meta::Position.key(view.id), Position::default().encode())]).unwrap();
    assert_eq!(store.stream_position(view.id).unwrap(), Some(Position::default()));
}

#[test]
fn another_wildcard_key_brings_the_keys_into_another_order() {
    on_each(|store| {
        let view = pair_view();
        stream(store, &view, &[Event { text: Value::Text("x".into()), ..one(1, 5) }]);
        let other = View { online_serving_index: vec!["s".into()], ..view.clone() };
        let at = base() + Span::hours(1);
        for (view, key) in [(&other, "x"), (&view, "a"), (&other, "x")] {
            assert_eq!(store.query(view, &[Value::Text(key.into())], at).unwrap().found.len(), 1);
        }
    });
}

#[test]
fn a_form_that_is_not_known_is_refused() {
    for form in [vec![5], vec![], vec![2, 2]] {
        let bytes = Arc::new(MemoryStore::default());
        bytes.write(vec![put(Space::Meta, b"form".to_vec(), form)]).unwrap();
        let error = OnlineStore::over(bytes).err().unwrap().to_string();
        assert!(error.contains("this version reads forms 1 to 4"), "{error}");
    }
}

#[test]
fn a_store_that_another_process_uses_is_refused_and_so_is_one_that_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let store = OnlineStore::open(folder.path()).unwrap();
    let error = OnlineStore::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("another process uses it: stop that one"), "{error}");
    drop(store);
    let bytes = Arc::new(MemoryStore::default());
    let store = OnlineStore::over(bytes.clone()).unwrap();
    let view = pair_rows(None);
    let key = [Value::Null, Value::Null];
    bytes.write(vec![put(Space::Rows, plan::Plan::of(&view).prefix(&key).unwrap(), vec![7; 9])]).unwrap();
    let error = store.lookup(&view, &key, base()).unwrap_err().to_string();
    assert!(error.contains("materialize its windows again with overwrite"), "{error}");
}
