//! What must hold of feature values whatever the events: online equals offline equals a plain recomputation, and tiles
//! merge in any grouping.
//!
//! `FVTOP_CASES` sets how many random cases each law is tried on (by default a number that suits every commit).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use polars::prelude::{Column, DataFrame};
use proptest::prelude::*;

use super::PolarsEngine;
use super::keys::Keys;
use super::stream::fold;
use super::tiles::{Grid, TileBuilder, Wanted};
use crate::model::time::{parse_time, span_micros};
use crate::model::{DataType, Id, Span, Time, Value, Window};
use crate::platform::compute::{Cancel, MEMORY};
use crate::platform::definition::{Aggregation, Function, Input, Kind, View};
use crate::platform::engine::Engine;
use crate::platform::engine::args::feature_names;
use crate::platform::engine::ask::{Control, HistoryArgs, Rows};
use crate::platform::online::OnlineStore;
use crate::platform::source::replay;
use crate::platform::tiles::names::times_name;
use crate::platform::tiles::{Tile, merge, stored_columns};
use crate::platform::{frame, testing};
use crate::wire::queries::HistoryQuery;

fn cases() -> ProptestConfig {
    let cases = std::env::var("FVTOP_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(48);
    ProptestConfig { cases, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

const COLUMNS: [(&str, DataType); 6] = [
    ("k", DataType::String),
    ("n", DataType::Int64),
    ("ts", DataType::Timestamp),
    ("i", DataType::Int64),
    ("f", DataType::Float64),
    ("s", DataType::String),
];

fn base() -> Time {
    parse_time("2026-01-01").unwrap()
}

fn hour(hours: i64, tick: i64) -> Time {
    base() + Span::hours(hours) + Span::microseconds(tick)
}

/// One event, in the order of `COLUMNS`.
type Event = Vec<Value>;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn key() -> impl Strategy<Value = (Value, Value)> {
    let k = prop_oneof![Just(Value::Null), Just(text("a")), Just(text(""))];
    (k, prop_oneof![Just(Value::Null), Just(Value::Int(0)), Just(Value::Int(-7))])
}

/// Instants on and beside the edges of hours, and between them; ties are common.
fn instant(hours: i64) -> impl Strategy<Value = Time> {
    let tick = prop_oneof![4 => -1i64..2, 2 => Just(1_800_000_000), 1 => 0i64..3_600_000_000];
    (0..hours, tick).prop_map(|(hours, tick)| hour(hours, tick))
}

fn event() -> impl Strategy<Value = Event> {
    let int = prop_oneof![1 => Just(Value::Null), 4 => (-50i64..50).prop_map(Value::Int)];
    let float = prop_oneof![1 => Just(Value::Null), 4 => (-1e3f64..1e3).prop_map(Value::Float)];
    let word = prop_oneof![2 => Just(Value::Null), 1 => Just(text("")), 3 => "[xyz]".prop_map(Value::Text)];
    (key(), instant(12), int, float, word).prop_map(|((k, n), at, i, f, s)| vec![k, n, Value::Time(at), i, f, s])
}

fn frame_of(events: &[Event]) -> DataFrame {
    let column = |(at, (name, word)): (usize, &(&str, DataType))| {
        let values: Vec<Value> = events.iter().map(|event| event[at].clone()).collect();
        frame::column(name, word, &values).unwrap()
    };
    DataFrame::new(events.len(), COLUMNS.iter().enumerate().map(column).collect()).unwrap()
}

fn view(kind: Kind) -> View {
    // Each case has a view of its own, so that they can share a store.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut view = testing::view("v");
    view.id = Id(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)) << 64);
    let mut source = (*view.inputs[0].source).clone();
    source.columns = COLUMNS.iter().map(|(name, word)| ((*name).to_owned(), word.clone())).collect();
    source.stream.as_mut().unwrap().watermark = Span::days(9);
    view.inputs = vec![Input::plain("events", source)];
    view.sql = "SELECT k, n, ts, i, f, s FROM events".to_owned();
    view.join_keys = vec![("k".to_owned(), DataType::String), ("n".to_owned(), DataType::Int64)];
    view.online_serving_index = vec!["k".to_owned(), "n".to_owned()];
    view.timestamp_field = "ts".to_owned();
    view.batch_schedule = Span::hours(6);
    view.kind = kind;
    view
}

fn function() -> impl Strategy<Value = (Function, &'static str)> {
    let numbers = [
        Function::Count,
        Function::Sum,
        Function::Mean,
        Function::Min,
        Function::Max,
        Function::Last,
        Function::VarSamp,
        Function::VarPop,
        Function::StddevSamp,
        Function::StddevPop,
    ];
    let words = [
        Function::Count,
        Function::Min,
        Function::Max,
        Function::Last,
        Function::LastDistinct(1),
        Function::LastDistinct(2),
        Function::LastN(2),
        Function::LastN(5),
    ];
    prop_oneof![
        (prop::sample::select(numbers.to_vec()), prop::sample::select(vec!["i", "f"])),
        prop::sample::select(words.to_vec()).prop_map(|function| (function, "s")),
    ]
}

/// Views of both modes with some aggregations over windows of several lengths.
fn aggregates() -> impl Strategy<Value = Kind> {
    let interval = prop_oneof![Just(Span::hours(1)), Just(Span::hours(3)), Just(Span::zero())];
    (interval, prop::collection::vec((function(), 1i32..5), 1..6)).prop_map(|(interval, wanted)| {
        let aggregation = |(at, ((function, column), tiles)): (usize, ((Function, &str), i32))| {
            let word = COLUMNS.iter().find(|(name, _)| *name == column).unwrap().1.clone();
            let time_window = if interval.is_zero() { Span::minutes(30) * tiles } else { interval * tiles };
            Aggregation {
                column: column.to_owned(),
                function,
                time_window,
                feature: format!("f{at}"),
                input_type: word.clone(),
                output_type: word,
            }
        };
        Kind::Aggregate { interval, aggregations: wanted.into_iter().enumerate().map(aggregation).collect() }
    })
}

/// The events that a feature of that key sees at an instant, in the order of time.
fn window_of<'a>(
    aggregation: &Aggregation,
    interval: Span,
    events: &'a [Event],
    key: &[Value],
    at: Time,
) -> Vec<&'a Event> {
    let end = crate::model::time::floor(at, interval);
    let from = end - aggregation.time_window;
    // With tiles `[T - w, T)`, in continuous mode `(t - w, t]`.
    let inside = |time: Time| if interval.is_zero() { from < time && time <= end } else { from <= time && time < end };
    let time = |event: &Event| if let Value::Time(at) = event[2] { at } else { panic!("an event has a time") };
    let mut of_key: Vec<&Event> = events.iter().filter(|event| event[..2] == *key && inside(time(event))).collect();
    of_key.sort_by_key(|event| time(event));
    of_key
}

/// A variance or deviation of the events' quarters, in whole numbers up to one division.
fn exact_spread(aggregation: &Aggregation, interval: Span, events: &[Event], key: &[Value], at: Time) -> Value {
    let within = window_of(aggregation, interval, events, key, at);
    let quarters: Vec<i128> =
        within.iter().map(|event| if let Value::Int(q) = event[3] { q.into() } else { 0 }).collect();
    let n = quarters.len() as i128;
    let sum: i128 = quarters.iter().sum();
    let distances: i128 = quarters.iter().map(|quarter| (quarter * n - sum).pow(2)).sum();
    let sample = matches!(aggregation.function, Function::VarSamp | Function::StddevSamp);
    let divisor = if sample { n - 1 } else { n };
    if divisor <= 0 {
        return Value::Null;
    }
    let unit = if aggregation.column == "i" { 1.0 } else { 16.0 };
    let variance = distances as f64 / (n * n * divisor) as f64 / unit;
    let root = matches!(aggregation.function, Function::StddevSamp | Function::StddevPop);
    Value::Float(if root { variance.sqrt() } else { variance })
}

/// Equal up to a billionth part.
fn nearly(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => (a - b).abs() <= 1e-9 * b.abs(),
        (a, b) => a == b,
    }
}

/// The definition of docs/semantics.md sections 4 and 6 over plain events.
fn recompute(aggregation: &Aggregation, interval: Span, events: &[Event], key: &[Value], at: Time) -> Value {
    let place = COLUMNS.iter().position(|(name, _)| *name == aggregation.column).unwrap();
    let of_key = window_of(aggregation, interval, events, key, at);
    let values: Vec<Value> = of_key.iter().map(|e| e[place].clone()).filter(|value| *value != Value::Null).collect();
    let number = |value: &Value| match value {
        Value::Int(n) => *n as f64,
        Value::Float(x) => *x,
        _ => 0.0,
    };
    let numbers: Vec<f64> = values.iter().map(number).collect();
    let n = numbers.len() as f64;
    let sum: f64 = numbers.iter().sum();
    let squares: f64 = numbers.iter().map(|x| (x - sum / n).powi(2)).sum();
    let spread = |divisor: f64, root: bool| {
        let variance = squares / divisor;
        if divisor <= 0.0 { Value::Null } else { Value::Float(if root { variance.sqrt() } else { variance }) }
    };
    let better = |wanted: std::cmp::Ordering| {
        let mut best: Option<&Value> = None;
        for value in &values {
            if best.is_none_or(|best| crate::platform::tiles::compare(value, best) == wanted) {
                best = Some(value);
            }
        }
        best.cloned().unwrap_or(Value::Null)
    };
    let tail = |n: u32, values: Vec<Value>| Value::List(values[values.len().saturating_sub(n as usize)..].to_vec());
    match aggregation.function {
        Function::Count => Value::Int(values.len() as i64),
        Function::Sum if values.is_empty() => Value::Null,
        Function::Sum if aggregation.input_type == DataType::Int64 => Value::Int(sum as i64),
        Function::Sum => Value::Float(sum),
        Function::Mean if values.is_empty() => Value::Null,
        Function::Mean => Value::Float(sum / n),
        Function::Min => better(std::cmp::Ordering::Less),
        Function::Max => better(std::cmp::Ordering::Greater),
        Function::Last => values.last().cloned().unwrap_or(Value::Null),
        Function::VarSamp => spread(n - 1.0, false),
        Function::VarPop => spread(n, false),
        Function::StddevSamp => spread(n - 1.0, true),
        Function::StddevPop => spread(n, true),
        Function::LastN(n) => tail(n, values),
        Function::LastDistinct(n) => {
            let last = |at: &usize| !values[at + 1..].contains(&values[*at]);
            tail(n, (0..values.len()).filter(last).map(|at| values[at].clone()).collect())
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => (a - b).abs() <= 1e-6_f64.max(1e-7 * b.abs()),
        (a, b) => a == b,
    }
}

/// What is asked: a key and an instant each.
type Question = ((Value, Value), Time);

fn questions(hours: i64) -> impl Strategy<Value = Vec<Question>> {
    prop::collection::vec((key(), instant(hours)), 1..12)
}

fn spine(questions: &[Question]) -> DataFrame {
    let column = |name: &str, word: DataType, of: fn(&Question) -> Value| -> Column {
        frame::column(name, &word, &questions.iter().map(of).collect::<Vec<_>>()).unwrap()
    };
    let columns = vec![
        column("k", DataType::String, |q| q.0.0.clone()),
        column("n", DataType::Int64, |q| q.0.1.clone()),
        column("at", DataType::Timestamp, |q| Value::Time(q.1)),
    ];
    DataFrame::new(questions.len(), columns).unwrap()
}

/// `get_historical_features` at a spine over stored rows.
fn offline(view: &View, rows: &DataFrame, spine: DataFrame) -> DataFrame {
    let args = HistoryArgs {
        query: &HistoryQuery { spine: Some(spine), ..HistoryQuery::default() },
        rows: Rows::Stored(rows.clone().into()),
        feature_start_time: None,
        separator: ".".to_owned(),
        now: hour(99, 0),
    };
    PolarsEngine.history(view, &args, Control::quiet(&Cancel::default(), MEMORY)).unwrap().frame
}

/// One store for all cases.
fn store() -> &'static OnlineStore {
    static STORE: OnceLock<(tempfile::TempDir, OnlineStore)> = OnceLock::new();
    let made = STORE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = OnlineStore::open(folder.path()).unwrap();
        (folder, store)
    });
    &made.1
}

/// Puts the events into the online store: the first ones by the stream, and where it is wanted all of them by a batch
/// job.
fn write_online(view: &View, events: &[Event], streamed: usize, batch: bool) -> DataFrame {
    for part in events[..streamed].chunks(7) {
        let rows = fold(view, frame_of(part), None, true).unwrap();
        store().write_stream(view, &rows, &replay::position(base()), None).unwrap();
    }
    let window = Window { start: hour(-3, 0), end: hour(15, 0) };
    let rows = fold(view, frame_of(if batch { events } else { &events[..streamed] }), Some(window), false).unwrap();
    if batch {
        // As of its beginning, for lookups here look back: later, what they see would be out of reach and left out.
        store().write_batch(view, window, &rows, window.start).unwrap();
    }
    rows
}

fn check(view: &View, rows: &DataFrame, asked: &[Question]) -> Vec<(usize, usize, Value, Value)> {
    let found = offline(view, rows, spine(asked));
    let names: Vec<String> = feature_names(view, ".");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let offline = frame::rows(&found, &names).unwrap();
    assert_eq!(offline.len(), asked.len());
    let mut differ = Vec::new();
    for (at, ((k, n), time)) in asked.iter().enumerate() {
        let online = store().lookup(view, &[k.clone(), n.clone()], *time).unwrap().found;
        for (feature, (a, b)) in offline[at].iter().zip(&online.features).enumerate() {
            if !same(a, &b.value) {
                differ.push((at, feature, a.clone(), b.value.clone()));
            }
        }
    }
    differ
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn aggregates_are_the_same_online_and_offline_and_recomputed(
        kind in aggregates(),
        events in prop::collection::vec(event(), 0..60),
        cut in 0usize..60,
        batch in any::<bool>(),
        asked in questions(14),
    ) {
        let view = view(kind);
        let streamed = if batch { cut.min(events.len()) } else { events.len() };
        let rows = write_online(&view, &events, streamed, batch);
        let differ = check(&view, &rows, &asked);
        prop_assert!(differ.is_empty(), "offline, online: {differ:?}");
        let found = offline(&view, &rows, spine(&asked));
        let Kind::Aggregate { interval, aggregations } = &view.kind else { unreachable!() };
        for aggregation in aggregations {
            let values = frame::values(found.column(&format!("v.{}", aggregation.feature)).unwrap());
            for (value, ((k, n), at)) in values.iter().zip(&asked) {
                let expected = recompute(aggregation, *interval, &events, &[k.clone(), n.clone()], *at);
                prop_assert!(same(value, &expected), "{aggregation:?} of {k:?}, {n:?} at {at}: {value:?}, expected {expected:?}");
            }
        }
    }

    #[test]
    fn latest_rows_are_the_same_online_and_offline(
        ttl in prop_oneof![Just(None), Just(Some(Span::hours(2))), Just(Some(Span::microseconds(1)))],
        events in prop::collection::vec(event(), 0..60),
        cut in 0usize..60,
        batch in any::<bool>(),
        asked in prop::collection::vec((key(), 0i64..3, -1i64..2), 1..12),
    ) {
        let features = COLUMNS[3..].iter().map(|(name, word)| ((*name).to_owned(), word.clone())).collect();
        let view = view(Kind::Temporal { ttl, features });
        let streamed = if batch { cut.min(events.len()) } else { events.len() };
        let rows = write_online(&view, &events, streamed, batch);
        // The store holds the latest row alone, so it can only be asked of instants after all of them.
        let last = events.iter().filter_map(|e| if let Value::Time(at) = e[2] { Some(at) } else { None }).max().unwrap_or(base());
        let asked: Vec<_> = asked.into_iter().map(|(key, hours, tick)| {
            (key, (last + Span::hours(hours) + Span::microseconds(tick)).max(last))
        }).collect();
        let differ = check(&view, &rows, &asked);
        prop_assert!(differ.is_empty(), "offline, online: {differ:?}");
    }

    #[test]
    fn variances_are_exact_about_any_mean(
        interval in prop_oneof![Just(Span::hours(1)), Just(Span::hours(3)), Just(Span::zero())],
        mean in prop_oneof![Just(0i64), Just(1_700_000_000), Just(-10_000_000_000), -100_000i64..100_000],
        events in prop::collection::vec((key(), instant(12), -400i64..400), 0..60),
        cut in 0usize..60,
        batch in any::<bool>(),
        asked in questions(14),
    ) {
        // Whole quarters: floats hold them exactly, and integers can compute them.
        let event = |((k, n), at, quarters): &((Value, Value), Time, i64)| {
            let float = Value::Float((mean * 4 + quarters) as f64 / 4.0);
            vec![k.clone(), n.clone(), Value::Time(*at), Value::Int(mean * 4 + quarters), float, Value::Null]
        };
        let events: Vec<Event> = events.iter().map(event).collect();
        let functions = [Function::VarSamp, Function::VarPop, Function::StddevSamp, Function::StddevPop];
        let aggregation = |(function, column): (&Function, &str)| Aggregation {
            column: column.to_owned(),
            function: *function,
            time_window: if interval.is_zero() { Span::hours(5) } else { interval * 4 },
            feature: format!("{column}{function:?}"),
            input_type: if column == "i" { DataType::Int64 } else { DataType::Float64 },
            output_type: DataType::Float64,
        };
        let aggregations: Vec<Aggregation> =
            ["i", "f"].iter().flat_map(|column| functions.iter().map(move |f| aggregation((f, *column)))).collect();
        let view = view(Kind::Aggregate { interval, aggregations: aggregations.clone() });
        let streamed = if batch { cut.min(events.len()) } else { events.len() };
        let rows = write_online(&view, &events, streamed, batch);
        let names: Vec<String> = feature_names(&view, ".");
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let offline = frame::rows(&offline(&view, &rows, spine(&asked)), &names).unwrap();
        for (((k, n), at), offline) in asked.iter().zip(offline) {
            let online = store().lookup(&view, &[k.clone(), n.clone()], *at).unwrap().found.features;
            for ((aggregation, offline), online) in aggregations.iter().zip(offline).zip(online) {
                let exact = exact_spread(aggregation, interval, &events, &[k.clone(), n.clone()], *at);
                prop_assert!(nearly(&offline, &exact), "{aggregation:?} offline {offline:?}, exactly {exact:?}");
                prop_assert!(nearly(&online.value, &exact), "{aggregation:?} online {:?}, exactly {exact:?}", online.value);
            }
        }
    }

    #[test]
    fn sums_keep_small_values_beside_large_ones(
        interval in prop_oneof![Just(Span::hours(1)), Just(Span::zero())],
        events in prop::collection::vec((key(), instant(8), prop::sample::select(vec![1e16, -1e16, 1.0, 3.0, f64::INFINITY, f64::NAN])), 0..40),
        asked in questions(10),
    ) {
        let event = |((k, n), at, value): &((Value, Value), Time, f64)| {
            vec![k.clone(), n.clone(), Value::Time(*at), Value::Null, Value::Float(*value), Value::Null]
        };
        let events: Vec<Event> = events.iter().map(event).collect();
        let aggregation = Aggregation {
            column: "f".to_owned(),
            function: Function::Sum,
            time_window: Span::hours(3),
            feature: "sum".to_owned(),
            input_type: DataType::Float64,
            output_type: DataType::Float64,
        };
        let view = view(Kind::Aggregate { interval, aggregations: vec![aggregation.clone()] });
        let rows = fold(&view, frame_of(&events), None, false).unwrap();
        let found = offline(&view, &rows, spine(&asked));
        for (found, ((k, n), at)) in frame::values(found.column("v.sum").unwrap()).iter().zip(&asked) {
            // Each tile is rounded once; in units that are whole in all values the sum is exact.
            let within = window_of(&aggregation, interval, &events, &[k.clone(), n.clone()], *at);
            let numbers: Vec<f64> = within.iter().map(|event| if let Value::Float(x) = event[4] { x } else { 0.0 }).collect();
            let exact = match numbers.iter().filter(|x| !x.is_finite()).copied().reduce(|a, b| a + b) {
                Some(odd) => odd,
                None => numbers.iter().map(|x| *x as i128).sum::<i128>() as f64,
            };
            let Value::Float(found) = found else { prop_assert!(numbers.is_empty() && *found == Value::Null); continue };
            let tiles = within.len() as f64;
            prop_assert!(*found == exact || (found.is_nan() && exact.is_nan()) || (found - exact).abs() <= 2.0 * tiles, "{found}, exactly {exact}");
            if interval.is_zero() && exact.is_finite() {
                prop_assert_eq!(*found, exact);
            }
        }
    }

    #[test]
    fn tiles_merge_in_any_grouping(
        kind in aggregates(),
        events in prop::collection::vec(event(), 1..40),
        cuts in (0usize..40, 0usize..40),
    ) {
        // All events of one key and tile.
        let events: Vec<Event> = events.into_iter().map(|mut event| {
            (event[0], event[1]) = (text("a"), Value::Int(1));
            if let Value::Time(time) = event[2] {
                event[2] = Value::Time(base() + Span::microseconds(span_micros(time - base()).rem_euclid(3_600_000_000)));
            }
            event
        }).collect();
        let kind = match kind {
            Kind::Aggregate { aggregations, .. } => Kind::Aggregate { interval: Span::hours(1), aggregations },
            other => other,
        };
        let view = view(kind);
        let layout = stored_columns(&view);
        let (a, b) = (cuts.0.min(cuts.1).min(events.len()), cuts.0.max(cuts.1).min(events.len()));
        let parts: Vec<Tile> = [&events[..a], &events[a..b], &events[b..]].iter().filter(|p| !p.is_empty()).map(|p| tile(&view, p)).collect();
        let left = parts.iter().skip(1).try_fold(parts[0].clone(), |all, part| merge(&layout, &all, part)).unwrap();
        let right = parts.iter().rev().skip(1).try_fold(parts[parts.len() - 1].clone(), |all, part| merge(&layout, part, &all)).unwrap();
        let whole = tile(&view, &events);
        for other in [&left, &right] {
            prop_assert!(whole.values.iter().zip(&other.values).all(|(a, b)| same(a, b)), "{whole:?}, merged {other:?}");
            prop_assert_eq!(&whole.times, &other.times);
        }
    }
}

/// The one tile of these events.
fn tile(view: &View, events: &[Event]) -> Tile {
    let grid = Grid::of(view).unwrap();
    let mut builder = TileBuilder::new(view, grid, Keys::new(&view.join_keys), Wanted::All, true);
    builder.push(&frame_of(events)).unwrap();
    let rows = builder.finish().unwrap().stored(view).unwrap();
    assert_eq!(rows.height(), 1);
    let layout = stored_columns(view);
    let values: Vec<&str> = layout.iter().map(|stored| stored.name.as_str()).collect();
    let times: Vec<String> =
        layout.iter().filter(|stored| stored.part.is_ordered()).map(|stored| times_name(&stored.name)).collect();
    let times: Vec<&str> = times.iter().map(String::as_str).collect();
    let one = |names: &[&str]| frame::rows(&rows, names).unwrap().swap_remove(0);
    Tile { values: one(&values), times: one(&times) }
}
