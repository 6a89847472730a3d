//! The form of the embedded store: the first one is taken over, others are refused.

use std::path::Path;

use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use polars::prelude::ParquetWriter;

use super::contract::{Change, Space};
use super::key::Key;
use super::*;
use crate::platform::clock::Clock;
use crate::platform::definition::DataFile;
use crate::platform::jobs::figures::LeftOut;
use crate::platform::jobs::stream_job::StreamStep;
use crate::platform::jobs::stream_step::EngineStep;
use crate::platform::source::position::Position;
use crate::platform::source::readers::Readers;

/// Keyspace, key and value, as they are on disk.
type Entry = (&'static str, Vec<u8>, Vec<u8>);

/// Puts entries into the store's files, past the store.
fn put_on_disk(dir: &Path, entries: Vec<Entry>) {
    let database = Database::builder(dir).open().unwrap();
    for (name, key, value) in entries {
        database.keyspace(name, KeyspaceCreateOptions::default).unwrap().insert(key, value).unwrap();
    }
    database.persist(PersistMode::SyncAll).unwrap();
}

fn on_disk(dir: &Path, name: &str, key: &[u8]) -> Option<Vec<u8>> {
    let database = Database::builder(dir).open().unwrap();
    let keyspace = database.keyspace(name, KeyspaceCreateOptions::default).unwrap();
    keyspace.get(key).unwrap().map(|value| value.to_vec())
}

fn meta(meta: meta::Meta, view: &View, value: Vec<u8>) -> Entry {
    ("meta", meta.key(view.id).into_joined(), value)
}

/// A key as form 1 has it: the view, the join keys in the view's order.
fn first_form_key(view: &View, keys: &[Value]) -> Vec<u8> {
    let mut key = view.id.0.to_be_bytes().to_vec();
    keys.iter().for_each(|value| codec::push_key(&mut key, value).unwrap());
    key
}

#[test]
fn the_first_form_is_taken_over_with_all_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let view = pair_view();
    let rows = View { id: stable_id("test", "view", "rows"), ..pair_rows(None) };
    let mut entries = Vec::new();
    // The second key's place is where the first one's was: (a, b) and (b, a).
    let text = |t: &str| Value::Text(t.to_owned());
    let keys = [[text("a"), text("b")], [text("b"), text("a")], [Value::Null, text("a")]];
    for (n, key) in (1..).zip(&keys) {
        let start = codec::instant(base());
        let tile = [first_form_key(&view, key).as_slice(), &start].concat();
        let index = [&tile[..16], &start, &tile[16..tile.len() - 8]].concat();
        entries.push(("tiles", tile, codec::encode(&[Value::Int(1), Value::Int(n)])));
        entries.push(("tile_index", index, Vec::new()));
        let row = codec::encode(&[Value::Time(base()), Value::Int(n)]);
        entries.push(("rows", first_form_key(&rows, key), row));
    }
    for view in [&view, &rows] {
        entries.push(meta(meta::Meta::Shape, view, meta::Meta::shape_of(view)));
    }
    put_on_disk(folder.path(), entries);
    // Twice: what was taken over is not taken over again.
    for _ in 0..2 {
        let store = OnlineStore::open(folder.path()).unwrap();
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
    let store = OnlineStore::open(folder.path()).unwrap();
    assert_eq!(store.expire(&view, base() + Span::hours(9), 9).unwrap(), 3);
    assert_eq!(store.delete(&rows, &keys_frame(&keys)).unwrap(), 3);
}

#[test]
fn tiles_of_the_second_form_are_read_merged_and_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
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
    let plan = plan::Plan::new(&view);
    let tile = plan.key(&keys).unwrap().then(&codec::instant(base())).into_joined();
    // One, two and three: sum of squares, sum, count.
    let value = codec::encode(&[Value::Float(14.0), Value::Int(6), Value::Int(3)]);
    put_on_disk(
        folder.path(),
        vec![
            ("meta", b"form".to_vec(), vec![2]),
            meta(meta::Meta::Shape, &view, meta::Meta::shape_of(&view)),
            meta(meta::Meta::Order, &view, plan.order.iter().map(|at| *at as u8).collect()),
            ("tiles", tile, value),
        ],
    );
    let at = base() + Span::hours(1);
    let variance = |store: &OnlineStore| {
        let Value::Float(value) = store.lookup(&view, &keys, at).unwrap().found.features[0].value else {
            panic!("none")
        };
        value
    };
    let store = OnlineStore::open(folder.path()).unwrap();
    assert!((variance(&store) - 2.0 / 3.0).abs() < 1e-12);
    drop(store);
    assert_eq!(on_disk(folder.path(), "meta", b"form"), Some(vec![4]));
    let store = OnlineStore::open(folder.path()).unwrap();
    let event = Event { key: keys[1].clone(), at: base(), number: Value::Int(6), text: keys[0].clone() };
    assert_eq!(stream(&store, &view, &[event]).written, 1);
    assert!((variance(&store) - 3.5).abs() < 1e-12, "{}", variance(&store));
}

#[test]
fn a_stream_goes_on_exactly_where_an_earlier_form_left_it() {
    let until = base() + Span::minutes(30);
    let events: Vec<Event> = [(1, -1), (2, 0), (4, 0), (8, 1), (16, 2), (32, 600_000_000)]
        .map(|(number, behind)| Event { at: until + Span::microseconds(behind), ..one(number, 0) })
        .into();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.parquet");
    ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame(&events)).unwrap();
    let mut view = aggregate_view();
    let stream = Arc::make_mut(&mut view.inputs[0].source).stream.as_mut().unwrap();
    let Feed::Recorded(recorded) = &mut stream.feed else { panic!("a record") };
    recorded.files = vec![DataFile::at(path)];

    let store = folder.path().join("store");
    let position = meta(meta::Meta::Position, &view, codec::instant(until).to_vec());
    put_on_disk(&store, vec![("meta", b"form".to_vec(), vec![3]), position]);
    let online = Arc::new(OnlineStore::open(&store).unwrap());
    let readers = Arc::new(Readers::new(Clock::from_fn(|| base() + Span::hours(1)), folder.path()));
    let step = EngineStep::of(Arc::new(PolarsEngine), readers, online);
    for _ in 0..2 {
        let done = step.step(&view).unwrap();
        assert_eq!((done.more, done.left_out), (false, LeftOut::default()));
        assert_eq!(lookup(&step.online, &view, base() + Span::hours(1)).features[1].value, Value::Int(8 + 16 + 32));
    }
}

#[test]
fn a_position_that_cannot_be_read_is_refused_in_words() {
    for embedded in [true, false] {
        let (_folder, place) = new_place(embedded);
        let store = OnlineStore::over(place.clone());
        let view = aggregate_view();
        let keep = |kept: Vec<u8>| place.write(vec![meta::put(meta::Meta::Position, view.id, kept)]).unwrap();
        for (kept, said) in
            [(vec![], "damaged"), (vec![1, 2], "damaged"), (vec![3, 2], "of version 3, and this release")]
        {
            keep(kept);
            let error = store.stream_position(view.id).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("start the release that wrote them"), "{error}");
        }
        keep(Position::default().encode());
        assert_eq!(store.stream_position(view.id).unwrap(), Some(Position::default()));
    }
}

#[test]
fn another_wildcard_key_brings_the_keys_into_another_order() {
    on_each(|store| {
        let view = pair_view();
        stream(store, &view, &[Event { text: Value::Text("x".into()), ..one(1, 5) }]);
        let other = View { online_serving_index: vec!["s".into()], ..view.clone() };
        let both = View { online_serving_index: vec!["k".into(), "s".into()], ..view.clone() };
        let at = base() + Span::hours(1);
        let text = |t: &str| Value::Text(t.into());
        for (view, keys) in [
            (&other, vec![text("x")]),
            (&view, vec![text("a")]),
            (&both, vec![text("a"), text("x")]),
            (&other, vec![text("x")]),
            (&both, vec![text("a"), text("x")]),
            (&view, vec![text("a")]),
        ] {
            assert_eq!(store.query(view, &keys, at).unwrap().found.len(), 1);
            assert_eq!(store.lookup(view, &[text("x"), text("a")], at).unwrap().found.features[1].value, Value::Int(1));
        }
        // Nothing was left behind under the keys of before.
        assert_eq!(store.delete(&view, &keys_frame(&[[text("x"), text("a")]])).unwrap(), 1);
        assert_eq!(store.query(&other, &[text("x")], at).unwrap().found, []);
    });
}

#[test]
fn a_form_that_is_not_known_is_refused() {
    for form in [vec![5], vec![], vec![2, 2]] {
        let folder = tempfile::tempdir().unwrap();
        put_on_disk(folder.path(), vec![("meta", b"form".to_vec(), form)]);
        let error = OnlineStore::open(folder.path()).err().unwrap().to_string();
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
    for embedded in [true, false] {
        let (_folder, place) = new_place(embedded);
        let store = OnlineStore::over(place.clone());
        let view = pair_rows(None);
        let key = [Value::Null, Value::Null];
        let stored: Key = plan::Plan::new(&view).key(&key).unwrap();
        place.write(vec![Change::Put { space: Space::Rows, key: stored, value: vec![7; 9], ends: None }]).unwrap();
        let error = store.lookup(&view, &key, base()).unwrap_err().to_string();
        assert!(error.contains("materialize its windows again with overwrite"), "{error}");
    }
}
