//! The examples of docs/semantics.md sections 4 and 6.

use super::*;
use crate::model::Span;

fn aggregation(function: Function, input_type: DataType) -> Aggregation {
    let output_type = DataType::Float64;
    Aggregation {
        column: "v".into(),
        function,
        time_window: Span::hours(2),
        feature: "f".into(),
        input_type,
        output_type,
    }
}

fn kind(aggregations: impl Into<Vec<Aggregation>>) -> Kind {
    Kind::Aggregate { interval: Span::hours(1), aggregations: aggregations.into() }
}

/// Tiles as the engine makes them, from groups of values in time order.
fn tiles(layout: &[StoredColumn], groups: &[&[Value]]) -> Vec<Tile> {
    groups.iter().map(|group| tile(layout, group)).collect()
}

fn tile(layout: &[StoredColumn], group: &[Value]) -> Tile {
    let some: Vec<&Value> = group.iter().filter(|value| **value != Value::Null).collect();
    let all = || some.iter().map(|value| number(value));
    let float = |x: f64| if some.is_empty() { Value::Null } else { Value::Float(x) };
    let list = Value::List(some.iter().map(|value| (*value).clone()).collect());
    let value = |stored: &StoredColumn| match stored.part {
        Part::Count => Value::Int(some.len() as i64),
        Part::Sum => some.iter().try_fold(Value::Null, |sum, value| add(&sum, value)).unwrap(),
        Part::Mean => float(all().sum::<f64>() / some.len() as f64),
        Part::SumOfSquares => float(all().map(|x| x * x).sum()),
        Part::SquaredDistances => {
            let mean = all().sum::<f64>() / some.len() as f64;
            float(all().map(|x| (x - mean) * (x - mean)).sum())
        }
        Part::SumRest => float(0.0),
        Part::Min => some.iter().fold(Value::Null, |best, value| pick(best, value, Ordering::Less)),
        Part::Max => some.iter().fold(Value::Null, |best, value| pick(best, value, Ordering::Greater)),
        Part::Last => some.last().map_or(Value::Null, |value| (*value).clone()),
        Part::LastN(n) => newest([&list].into_iter(), n, false),
        Part::LastDistinct(n) => newest([&list].into_iter(), n, true),
    };
    Tile { values: layout.iter().map(value).collect(), times: vec![] }
}

fn over(function: Function, groups: &[&[Value]]) -> Value {
    let is_text = groups.iter().any(|group| group.iter().any(|value| matches!(value, Value::Text(_))));
    let aggregation = aggregation(function, if is_text { DataType::String } else { DataType::Int64 });
    let layout = parts_of(&kind([aggregation.clone()]));
    let tiles = tiles(&layout, groups);
    feature(&aggregation, &layout, &tiles.iter().collect::<Vec<_>>()).unwrap()
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::Text((*text).to_owned())).collect()
}

#[test]
fn the_worked_example_of_two_hour_windows() {
    let first = [Value::Int(1), Value::Null];
    let second = [Value::Int(4), Value::Int(6), Value::Int(8)];
    let cases: [(&[&[Value]], [Value; 4]); 4] = [
        (&[], [Value::Int(0), Value::Null, Value::Null, Value::Null]),
        (&[&first], [Value::Int(1), Value::Int(1), Value::Float(1.0), Value::Null]),
        (&[&first, &second], [Value::Int(4), Value::Int(19), Value::Float(4.75), Value::Float(8.916_666_666_666_666)]),
        (&[&second], [Value::Int(3), Value::Int(18), Value::Float(6.0), Value::Float(4.0)]),
    ];
    for (groups, expected) in cases {
        assert_eq!(over(Function::Count, groups), expected[0]);
        assert_eq!(over(Function::Sum, groups), expected[1]);
        assert_eq!(over(Function::Mean, groups), expected[2]);
        match (over(Function::VarSamp, groups), &expected[3]) {
            (Value::Float(found), Value::Float(expected)) => assert!((found - expected).abs() < 1e-12),
            (found, expected) => assert_eq!(found, *expected),
        }
    }
}

#[test]
fn lists_keep_the_newest_values_oldest_first() {
    let values = texts(&["x", "y", "x", "z"]);
    let airports = texts(&["IAD", "MSP", "IAD"]);
    for split in 0..=values.len() {
        let groups = [&values[..split], &values[split..]];
        assert_eq!(over(Function::LastDistinct(2), &groups), Value::List(texts(&["x", "z"])), "{split}");
        assert_eq!(over(Function::LastN(2), &groups), Value::List(texts(&["x", "z"])), "{split}");
    }
    assert_eq!(over(Function::LastDistinct(3), &[&airports]), Value::List(texts(&["MSP", "IAD"])));
    assert_eq!(over(Function::LastN(2), &[]), Value::List(vec![]));
    assert_eq!(over(Function::Last, &[&airports, &[Value::Null]]), Value::Text("IAD".to_owned()));
}

#[test]
fn variances_are_stable_and_never_negative() {
    let great: Vec<Value> = (0..100).map(|n| Value::Float(1e6 + f64::from(n % 2) * 1e-3)).collect();
    let Value::Float(variance) = over(Function::VarPop, &[&great[..50], &great[50..]]) else { panic!("no variance") };
    assert!(variance >= 0.0);
    let same = vec![Value::Float(0.1); 7];
    let Value::Float(deviation) = over(Function::StddevPop, &[&same]) else { panic!("no deviation") };
    assert!((0.0..1e-7).contains(&deviation));
    assert_eq!(over(Function::StddevSamp, &[&[Value::Int(5)]]), Value::Null);
    assert_eq!(over(Function::VarPop, &[&[Value::Int(5)]]), Value::Float(0.0));
}

#[test]
fn an_integer_sum_that_does_not_fit_is_an_error() {
    let aggregation = aggregation(Function::Sum, DataType::Int64);
    let layout = parts_of(&kind([aggregation.clone()]));
    let tiles = tiles(&layout, &[&[Value::Int(i64::MAX)], &[Value::Int(1)]]);
    let error = feature(&aggregation, &layout, &tiles.iter().collect::<Vec<_>>()).unwrap_err();
    assert_eq!(error.to_string(), "the sum of `v` does not fit a 64-bit integer: cast the column to DOUBLE in the SQL");
}

#[test]
fn one_stored_column_serves_all_features_that_need_it() {
    let functions = [Function::Count, Function::Mean, Function::StddevSamp, Function::LastDistinct(2)];
    let aggregations: Vec<_> = functions.into_iter().map(|f| aggregation(f, DataType::Int64)).collect();
    let names: Vec<_> = parts_of(&kind(aggregations)).into_iter().map(|stored| stored.name).collect();
    assert_eq!(names, ["count_v", "mean_v", "sum_of_squares_v", "sum_v", "lastn2_v", "_squared_distances_v"]);
}

#[test]
fn nan_is_the_greatest_number_whatever_its_sign() {
    let nan = |x: f64| Value::Float(x);
    let is_nan = |value: Value| matches!(value, Value::Float(x) if x.is_nan());
    for odd in [f64::NAN, -f64::NAN] {
        let groups: [&[Value]; 2] = [&[nan(odd), nan(1.0)], &[nan(f64::INFINITY)]];
        assert_eq!(over(Function::Min, &groups), Value::Float(1.0));
        assert!(is_nan(over(Function::Max, &groups)));
        assert!(is_nan(over(Function::Min, &[&[nan(odd)]])));
    }
}

#[test]
fn of_equal_zeros_the_earlier_stays_online_and_offline() {
    use crate::platform::tiles::ranges::{Best, Blocks};
    for zeros in [[0.0_f64, -0.0], [-0.0, 0.0]] {
        let groups: Vec<Vec<Value>> = zeros.iter().map(|zero| vec![Value::Float(*zero)]).collect();
        let groups: Vec<&[Value]> = groups.iter().map(Vec::as_slice).collect();
        for (function, greatest) in [(Function::Min, false), (Function::Max, true)] {
            let Value::Float(online) = over(function, &groups) else { panic!("no number") };
            let offline = Blocks::new(zeros.map(|zero| Best { value: Some(zero), greatest }).to_vec()).over(0, 2).value;
            let sign = |x: f64| x.is_sign_negative();
            assert_eq!((sign(online), offline.map(sign)), (sign(zeros[0]), Some(sign(zeros[0]))), "{function:?}");
        }
    }
}

#[test]
fn only_the_whole_sum_of_integers_must_fit() {
    let groups: [&[Value]; 3] = [&[Value::Int(i64::MAX)], &[Value::Int(1)], &[Value::Int(-5)]];
    assert_eq!(over(Function::Sum, &groups), Value::Int(i64::MAX - 4));
}

#[test]
fn stored_names_meet_no_name_of_the_users() {
    let aggregation =
        |column: &str, function| Aggregation { column: column.to_owned(), ..aggregation(function, DataType::Int64) };
    let mut view = crate::platform::testing::view("v");
    view.join_keys = vec![("Count_x".to_owned(), DataType::String), ("time_partition".to_owned(), DataType::String)];
    view.kind = kind([
        aggregation("x", Function::VarPop),
        aggregation("of_squares_x", Function::Sum),
        aggregation("x", Function::LastN(2)),
        aggregation("non_distinct_n2_x", Function::Last),
    ]);
    let columns = stored_columns(&view);
    let names: Vec<&str> = columns.iter().map(|stored| stored.name.as_str()).collect();
    let expected = [
        "sum_of_squares_x",
        "sum_x",
        "_count_x",
        "_sum_of_squares_x",
        "last_non_distinct_n2_x",
        "_last_non_distinct_n2_x",
        "_squared_distances_x",
    ];
    assert_eq!(names, expected);
    assert_eq!((columns[3].part, columns[3].column.as_str()), (Part::Sum, "of_squares_x"));
}
