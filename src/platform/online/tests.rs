//! Lookups against a straightforward recomputation over the same events, and what writes promise.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::DataFrame;
use proptest::prelude::*;

use super::contract::PartitionStore;
use super::embedded::FjallStore;
use super::memory::MemoryStore;
use super::*;
use crate::model::time::{floor, from_micros, parse_time};
use crate::model::{BatchTrigger, FeatureStatus, Span, Time, Window};
use crate::platform::definition::{
    Aggregation, Arrival, FeatureStart, Feed, Function, Input, Kind, Recorded, Source, Stream, View,
};
use crate::platform::engine::polars_engine::stream;
use crate::platform::engine::{Engine, PolarsEngine};
use crate::platform::frame;
use crate::platform::registry::identity::stable_id;
use crate::platform::source::replay;

mod formats;
mod parts;
mod places;
mod queries;
mod removal;

/// Calls a test with the store over each kind of place: the embedded one, and the one in memory.
fn on_each(test: impl Fn(&OnlineStore)) {
    for embedded in [true, false] {
        let (_folder, place) = new_place(embedded);
        test(&OnlineStore::over(place));
    }
}

/// An empty place, and the folder of the embedded one.
fn new_place(embedded: bool) -> (Option<tempfile::TempDir>, Arc<dyn PartitionStore>) {
    if !embedded {
        return (None, Arc::new(MemoryStore::default()));
    }
    let folder = tempfile::tempdir().unwrap();
    let place = Arc::new(FjallStore::open(folder.path()).unwrap());
    (Some(folder), place)
}

fn in_memory() -> OnlineStore {
    OnlineStore::over(Arc::new(MemoryStore::default()))
}

fn base() -> Time {
    parse_time("2026-11-22").unwrap()
}

fn source(watermark: Span) -> Source {
    let columns =
        [("k", DataType::String), ("ts", DataType::Timestamp), ("v", DataType::Int64), ("s", DataType::String)];
    let arrival = Arrival { column: "ts".into(), or_end_of_day_of: None, day_starts: Span::zero() };
    Source {
        id: stable_id("", "source", "events"),
        name: "events".into(),
        description: String::new(),
        owner: String::new(),
        tags: BTreeMap::new(),
        files: vec![],
        timestamp_column: Some("ts".into()),
        data_delay: Span::zero(),
        columns: columns.into_iter().map(|(name, data_type)| (name.to_owned(), data_type)).collect(),
        unread: vec![],
        future_events: false,
        replay: None,
        stream: Some(Stream {
            feed: Feed::Recorded(Recorded { files: vec![], arrival, order: "ts".into() }),
            watermark,
            retention: Span::days(9),
            required: vec![],
            deduplicate: None,
        }),
        kept: None,
    }
}

fn view(kind: Kind, watermark: Span) -> View {
    View {
        id: stable_id("test", "view", "v"),
        name: "view".into(),
        workspace: "test".into(),
        live: true,
        description: String::new(),
        owner: String::new(),
        family: String::new(),
        tags: BTreeMap::new(),
        defined_in: String::new(),
        entities: vec![],
        inputs: vec![Input::plain("events", source(watermark))],
        sql: "SELECT k, ts, v, s FROM events".into(),
        join_keys: vec![("k".into(), DataType::String)],
        online_serving_index: vec!["k".into()],
        timestamp_field: "ts".into(),
        kind,
        online: true,
        offline: true,
        batch_schedule: Span::hours(1),
        max_batch_aggregation_interval: None,
        offline_partition: Span::days(1),
        feature_start_time: None,
        batch_trigger: BatchTrigger::Scheduled,
        expected_freshness: None,
    }
}

fn aggregate_view() -> View {
    let numbers = [
        Function::Count,
        Function::Sum,
        Function::Mean,
        Function::Min,
        Function::Max,
        Function::Last,
        Function::VarSamp,
        Function::StddevPop,
    ];
    let lists = [Function::LastDistinct(2), Function::LastN(3)];
    let mut aggregations = Vec::new();
    for window in [Span::hours(1), Span::hours(3)] {
        let make = |function, column: &str, input_type| Aggregation {
            column: column.into(),
            function,
            time_window: window,
            feature: format!("{function:?}_{window}"),
            input_type,
            output_type: DataType::Float64,
        };
        aggregations.extend(numbers.into_iter().map(|function| make(function, "v", DataType::Int64)));
        aggregations.extend(lists.into_iter().map(|function| make(function, "s", DataType::String)));
    }
    view(Kind::Aggregate { interval: Span::hours(1), aggregations }, Span::days(9))
}

/// Two join keys, the first of them the wildcard key; count and sum over one and three hours.
fn pair_view() -> View {
    let mut aggregations = Vec::new();
    for window in [Span::hours(1), Span::hours(3)] {
        aggregations.extend([Function::Count, Function::Sum].map(|function| Aggregation {
            column: "v".into(),
            function,
            time_window: window,
            feature: format!("{function:?}_{window}"),
            input_type: DataType::Int64,
            output_type: DataType::Int64,
        }));
    }
    pair(view(Kind::Aggregate { interval: Span::hours(1), aggregations }, Span::days(9)))
}

/// The latest row of two join keys, the first of them the wildcard key.
fn pair_rows(ttl: Option<Span>) -> View {
    pair(view(Kind::Temporal { ttl, features: vec![("v".to_owned(), DataType::Int64)] }, Span::days(9)))
}

fn pair(view: View) -> View {
    View { join_keys: vec![("s".into(), DataType::String), ("k".into(), DataType::String)], ..view }
}

/// All keys of the events that [`event`] makes, as (s, k).
fn pair_keys() -> Vec<[Value; 2]> {
    let text = |t: &str| Value::Text(t.to_owned());
    let second = [Value::Null, text("a"), text("b")];
    let first = [Value::Null, text("x"), text("y"), text("z")];
    first.iter().flat_map(|s| second.iter().map(|k| [s.clone(), k.clone()])).collect()
}

/// A frame of join keys (s, k).
fn keys_frame(keys: &[[Value; 2]]) -> DataFrame {
    let column = |at: usize, name: &str| {
        let values: Vec<Value> = keys.iter().map(|key| key[at].clone()).collect();
        frame::column(name, &DataType::String, &values).unwrap()
    };
    DataFrame::new(keys.len(), vec![column(1, "k"), column(0, "s")]).unwrap()
}

/// The answers for all keys at each of some hours.
fn answers(store: &OnlineStore, view: &View, hours: std::ops::Range<i64>) -> Vec<FeatureVector> {
    let keys = pair_keys();
    let at = |hour: i64| base() + Span::hours(hour);
    let all = hours.flat_map(|hour| keys.iter().map(move |key| (hour, key)));
    all.map(|(hour, key)| store.lookup(view, key, at(hour)).unwrap().found).collect()
}

fn stream(store: &OnlineStore, view: &View, events: &[Event]) -> StreamWrite {
    let rows = PolarsEngine.transform_stream(view, frame(events)).unwrap().rows;
    store.write_stream(view, &rows, &replay::position(base()), None).unwrap()
}

#[derive(Clone, Debug)]
struct Event {
    key: Value,
    at: Time,
    number: Value,
    text: Value,
}

/// Events of some hours with few distinct values, so that ties, edges and repeats are common.
fn event() -> impl Strategy<Value = Event> {
    let text = |t: &str| Value::Text(t.to_owned());
    let key = prop_oneof![Just(Value::Null), Just(text("a")), Just(text("b"))];
    let number = prop_oneof![1 => Just(Value::Null), 4 => (-5i64..50).prop_map(Value::Int)];
    let word = prop_oneof![Just(Value::Null), Just(text("x")), Just(text("y")), Just(text("z"))];
    (key, 0i64..30, number, word).prop_map(|(key, step, number, text)| Event {
        key,
        at: base() + Span::minutes(10 * step),
        number,
        text,
    })
}

fn frame(events: &[Event]) -> DataFrame {
    let columns = source(Span::zero()).columns;
    let column = |at: usize, of: fn(&Event) -> Value| {
        let values: Vec<Value> = events.iter().map(of).collect();
        frame::column(&columns[at].0, &columns[at].1, &values).unwrap()
    };
    let columns = vec![
        column(0, |e| e.key.clone()),
        column(1, |e| Value::Time(e.at)),
        column(2, |e| e.number.clone()),
        column(3, |e| e.text.clone()),
    ];
    DataFrame::new(events.len(), columns).unwrap()
}

/// The definition of docs/semantics.md section 4 over plain events.
fn recompute(aggregation: &Aggregation, events: &[Event], key: &Value, at: Time) -> Value {
    let end = floor(at, Span::hours(1));
    let window = Window { start: end - aggregation.time_window, end };
    let mut inside: Vec<&Event> = events.iter().filter(|e| e.key == *key && window.contains(e.at)).collect();
    inside.sort_by_key(|event| event.at);
    let value = |event: &&Event| if aggregation.column == "v" { event.number.clone() } else { event.text.clone() };
    let values: Vec<Value> = inside.iter().map(value).filter(|value| *value != Value::Null).collect();
    let numbers: Vec<i64> = values.iter().filter_map(|v| if let Value::Int(n) = v { Some(*n) } else { None }).collect();
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<i64>() as f64 / n;
    let squares: f64 = numbers.iter().map(|x| (*x as f64 - mean).powi(2)).sum();
    let some = |value: Value| if numbers.is_empty() { Value::Null } else { value };
    let list = |n: u32, values: Vec<Value>| Value::List(values[values.len().saturating_sub(n as usize)..].to_vec());
    match aggregation.function {
        Function::Count => Value::Int(values.len() as i64),
        Function::Sum => some(Value::Int(numbers.iter().sum())),
        Function::Mean => some(Value::Float(mean)),
        Function::Min => some(Value::Int(numbers.iter().copied().min().unwrap_or(0))),
        Function::Max => some(Value::Int(numbers.iter().copied().max().unwrap_or(0))),
        Function::Last => values.last().cloned().unwrap_or(Value::Null),
        Function::VarSamp if numbers.len() == 1 => Value::Null,
        Function::VarSamp => some(Value::Float(squares / (n - 1.0))),
        Function::StddevPop => some(Value::Float((squares / n).sqrt())),
        Function::LastN(n) => list(n, values),
        Function::LastDistinct(n) => {
            let last = |at: &usize| !values[at + 1..].contains(&values[*at]);
            list(n, (0..values.len()).filter(last).map(|at| values[at].clone()).collect())
        }
        other => panic!("{other:?} is not under test"),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => (a - b).abs() <= 1e-6 * b.abs().max(1.0),
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn lookups_equal_a_recomputation(
        events in prop::collection::vec(event(), 1..60),
        cuts in prop::collection::vec(0usize..60, 0..4),
        batch_hours in 0i64..4,
        instants in prop::collection::vec((0i64..9, -1i64..2), 6),
        embedded in any::<bool>(),
    ) {
        let (_folder, place) = new_place(embedded);
        let store = OnlineStore::over(place);
        let view = aggregate_view();
        // The stream brings the events in the order of the list, cut into writes; then batch replaces the first hours.
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(events.len())).collect();
        cuts.extend([0, events.len()]);
        cuts.sort_unstable();
        for range in cuts.windows(2).filter(|range| range[0] < range[1]) {
            let part = &events[range[0]..range[1]];
            let rows = PolarsEngine.transform_stream(&view, frame(part)).unwrap().rows;
            let latest = part.iter().map(|event| event.at).max();
            store.write_stream(&view, &rows, &replay::position(base()), latest).unwrap();
        }
        if batch_hours > 0 {
            let window = Window { start: base(), end: base() + Span::hours(batch_hours) };
            let rows = stream::fold(&view, frame(&events), Some(window), false).unwrap();
            store.write_batch(&view, window, &rows, window.end).unwrap();
        }
        let Kind::Aggregate { aggregations, .. } = &view.kind else { panic!() };
        for (hour, tick) in instants {
            let at = base() + Span::hours(hour) + Span::microseconds(tick);
            for key in [Value::Null, Value::Text("a".into()), Value::Text("never".into())] {
                let vector = store.lookup(&view, std::slice::from_ref(&key), at).unwrap().found;
                for (aggregation, feature) in aggregations.iter().zip(&vector.features) {
                    let expected = recompute(aggregation, &events, &key, at);
                    prop_assert!(same(&feature.value, &expected), "{} at {at} of {key:?}: {:?}, expected {expected:?}", feature.name, feature.value);
                }
            }
        }
    }
}

fn one(number: i64, minute: i64) -> Event {
    Event {
        key: Value::Text("a".into()),
        at: base() + Span::minutes(minute),
        number: Value::Int(number),
        text: Value::Null,
    }
}

fn lookup(store: &OnlineStore, view: &View, at: Time) -> FeatureVector {
    store.lookup(view, &[Value::Text("a".into())], at).unwrap().found
}

#[test]
fn batch_replaces_what_the_stream_wrote_and_doing_it_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let view = aggregate_view();
    let at = base() + Span::hours(1);
    let window = Window { start: base(), end: at };
    {
        let store = OnlineStore::open(folder.path()).unwrap();
        let rows = PolarsEngine.transform_stream(&view, frame(&[one(1, 5), one(2, 10)])).unwrap().rows;
        let done = store.write_stream(&view, &rows, &replay::position(at), Some(base() + Span::minutes(10))).unwrap();
        assert_eq!(done, StreamWrite { written: 1, late: 0 });
        assert_eq!(lookup(&store, &view, at).features[1].value, Value::Int(3));
        let rows = stream::fold(&view, frame(&[one(7, 5)]), Some(window), false).unwrap();
        for _ in 0..2 {
            assert_eq!(store.write_batch(&view, window, &rows, window.end).unwrap().rows, 1);
            assert_eq!(lookup(&store, &view, at).features[1].value, Value::Int(7));
        }
        let rows = PolarsEngine.transform_stream(&view, frame(&[one(9, 30)])).unwrap().rows;
        assert_eq!(
            store.write_stream(&view, &rows, &replay::position(at), None).unwrap(),
            StreamWrite { written: 0, late: 1 }
        );
        let empty = frame::empty(&[]).unwrap();
        assert!(store.write_batch(&view, window, &empty, window.end).is_err());
    }
    // Everything is there again after reopening.
    let store = OnlineStore::open(folder.path()).unwrap();
    assert_eq!(lookup(&store, &view, at).features[1].value, Value::Int(7));
    assert_eq!(store.stream_position(view.id).unwrap(), Some(replay::position(at)));
    let rows = stream::fold(&view, frame(&[]), Some(window), false).unwrap();
    assert_eq!(store.write_batch(&view, window, &rows, window.end).unwrap().rows, 0);
    assert_eq!(lookup(&store, &view, at).features[1].status, Some(FeatureStatus::Missing));
}

#[test]
fn what_is_held_from_before_the_features_begin_only_makes_the_first_ones_whole() {
    let store = in_memory();
    let mut view = aggregate_view();
    // Inside of the second tile: the first that ends at or after its beginning is the first that counts.
    view.feature_start_time = Some(FeatureStart::At(base() + Span::minutes(90)));
    stream(&store, &view, &[one(1, 10), one(2, 70)]);
    // The count of three hours.
    let told = |minute: i64| lookup(&store, &view, base() + Span::minutes(minute)).features[10].clone();
    assert_eq!((told(59).value, told(59).status), (Value::Null, Some(FeatureStatus::Missing)));
    assert_eq!((told(60).value, told(60).effective_time), (Value::Int(1), Some(base() + Span::hours(1))));
    assert_eq!(told(125).value, Value::Int(2));
}

#[test]
fn the_latest_row_counts_until_its_ttl_and_late_rows_never_undo_it() {
    on_each(|store| {
        let features = vec![("v".to_owned(), DataType::Int64), ("s".to_owned(), DataType::String)];
        let view = view(Kind::Temporal { ttl: Some(Span::hours(2)), features }, Span::zero());
        let write = |events: &[Event]| {
            let rows = PolarsEngine.transform_stream(&view, frame(events)).unwrap().rows;
            store.write_stream(&view, &rows, &replay::position(base()), None).unwrap()
        };
        assert_eq!(write(&[one(1, 60), one(2, 60)]), StreamWrite { written: 2, late: 0 });
        assert_eq!(write(&[one(3, 59)]), StreamWrite { written: 0, late: 1 });
        let found = lookup(store, &view, base() + Span::minutes(180) - Span::microseconds(1));
        assert_eq!(found.features[0].name, "view.v");
        assert_eq!(found.features[0].value, Value::Int(2));
        assert_eq!(found.features[0].effective_time, Some(base() + Span::minutes(60)));
        let expired = lookup(store, &view, base() + Span::minutes(180));
        assert_eq!((&expired.features[0].value, &expired.features[0].effective_time), (&Value::Null, &None));
    });
}

#[test]
fn tiles_behind_the_watermark_are_left_out() {
    on_each(|store| {
        let view = View { inputs: vec![Input::plain("events", source(Span::minutes(30)))], ..aggregate_view() };
        let write = |minute: i64| {
            let rows = PolarsEngine.transform_stream(&view, frame(&[one(1, minute)])).unwrap().rows;
            store
                .write_stream(&view, &rows, &replay::position(base()), Some(base() + Span::minutes(minute)))
                .unwrap()
                .late
        };
        // The watermark passes the first tile's end with an event of 01:30.
        assert_eq!([write(10), write(85), write(50), write(90), write(55), write(70)], [0, 0, 0, 0, 1, 0]);
        assert_eq!(store.latest_event(view.id).unwrap(), Some(base() + Span::minutes(90)));
    });
}

#[test]
fn wrong_keys_and_changed_definitions_are_refused() {
    on_each(|store| {
        let view = aggregate_view();
        let error = store.lookup(&view, &[Value::Int(1)], base()).unwrap_err();
        assert_eq!(error.to_string(), "join key `k` must be string, and Int(1) is not");
        assert_eq!(store.lookup(&view, &[], base()).unwrap_err().to_string(), "view view needs 1 join keys (k), got 0");
        let rows = PolarsEngine.transform_stream(&view, frame(&[one(1, 5)])).unwrap().rows;
        store.write_stream(&view, &rows, &replay::position(from_micros(0)), None).unwrap();
        let Kind::Aggregate { aggregations, .. } = view.kind.clone() else { panic!() };
        let changed = View { kind: Kind::Aggregate { interval: Span::minutes(30), aggregations }, ..view };
        assert!(store.lookup(&changed, &[Value::Null], base()).unwrap_err().to_string().contains("another definition"));
    });
}
