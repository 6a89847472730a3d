use polars::prelude::{Column, IntoColumn, NamedFrom, Series, df};

use super::*;
use crate::model::DataType;
use crate::platform::testing;

const BOTH: Stores = Stores { online: true, offline: true };
const ONLINE: Stores = Stores { online: true, offline: false };
const OFFLINE: Stores = Stores { online: false, offline: true };
const NEITHER: Stores = Stores { online: false, offline: false };

fn view(change: impl FnOnce(&mut View)) -> View {
    let mut view = testing::view("v");
    view.join_keys = vec![("carrier".to_owned(), DataType::String), ("flight".to_owned(), DataType::Int64)];
    view.online_serving_index = vec!["carrier".to_owned(), "flight".to_owned()];
    change(&mut view);
    view
}

fn keys() -> DataFrame {
    df!("flight" => [17_i64, 18, 17], "carrier" => ["UA", "AA", "UA"]).unwrap()
}

fn refused(view: &View, keys: &DataFrame, stores: Stores) -> String {
    check(view, keys, stores, BOTH).unwrap_err()
}

/// Each check, with the whole text that the user sees.
#[test]
fn what_is_refused() {
    let sound = view(|_| {});
    let frame = |columns: Vec<Column>| DataFrame::new(columns[0].len(), columns).unwrap();
    let text = |name: &str| Series::new(name.into(), ["UA"]).into_column();
    let number = |name: &str| Series::new(name.into(), [17_i64]).into_column();
    let cases = [
        (&sound, keys(), NEITHER, "Choose at least one store to delete from: online, offline or both."),
        (
            &view(|view| view.live = false),
            keys(),
            BOTH,
            "Feature view `v` is not materialized, because workspace `prod` is not live: there is nothing to delete. Delete \
             keys in a live workspace.",
        ),
        (
            &view(|view| view.online_serving_index.truncate(1)),
            keys(),
            BOTH,
            "Keys of feature view `v` cannot be deleted: its join key `flight` is a wildcard (not in online_serving_index).",
        ),
        (
            &view(|view| view.online = false),
            keys(),
            BOTH,
            "Feature view `v` is not configured with online=true, so it has no online store to delete from. Leave online out.",
        ),
        (
            &view(|view| view.offline = false),
            keys(),
            OFFLINE,
            "Feature view `v` is not configured with offline=true, so it has no offline store to delete from. Leave offline out.",
        ),
        (&sound, keys().clear(), BOTH, "There are no keys to delete. Give at least one row of join keys."),
        (
            &sound,
            frame(vec![text("carrier")]),
            BOTH,
            "The columns of the keys must be the join keys of feature view `v`, `carrier`, `flight`: they lack `flight`.",
        ),
        (
            &sound,
            frame(vec![text("carrier"), number("flight"), number("year"), text("to\u{1b}[31mpo")]),
            BOTH,
            "The columns of the keys must be the join keys of feature view `v`, `carrier`, `flight`: they have `year`, \
             `to␛[31mpo`, no join key.",
        ),
        (
            &sound,
            frame(vec![text("carrier"), number("Flight")]),
            BOTH,
            "The columns of the keys must be the join keys of feature view `v`, `carrier`, `flight`: they lack `flight` and \
             have `Flight`, no join key.",
        ),
        (
            &sound,
            frame(vec![text("carrier"), text("flight")]),
            BOTH,
            "Column `flight` of the keys is string, and join key `flight` of feature view `v` is int64. Give it as int64.",
        ),
        (
            &sound,
            frame(vec![number("carrier"), number("flight")]),
            ONLINE,
            "Column `carrier` of the keys is int64, and join key `carrier` of feature view `v` is string. Give it as string.",
        ),
        (
            &sound,
            frame(vec![text("carrier"), Series::new("flight".into(), [17_i32]).into_column()]),
            ONLINE,
            "Column `flight` of the keys is i32, and join key `flight` of feature view `v` is int64. Give it as int64.",
        ),
    ];
    for (view, keys, stores, told) in cases {
        assert_eq!(refused(view, &keys, stores), told);
    }
}

#[test]
fn column_names_that_come_twice_are_named() {
    let columns = [("carrier", "string".to_owned()), ("flight", "int64".to_owned()), ("carrier", "string".to_owned())];
    let told = "The keys have more than one column named `carrier`. Name each column once.";
    assert_eq!(check_columns(&view(|_| {}), &columns), Err(told.to_owned()));
}

#[test]
fn ten_thousand_keys_are_taken_and_one_more_is_not_even_when_it_repeats_another() {
    let many = |count: usize| df!("carrier" => vec!["UA"; count], "flight" => vec![17_i64; count]).unwrap();
    let view = view(|_| {});
    assert!(check(&view, &many(10_000), BOTH, BOTH).is_ok());
    let told = "10,001 keys are more than the 10,000 that one request may delete, and none was deleted. Split them into \
                several requests.";
    assert_eq!(refused(&view, &many(10_001), BOTH), told);
}

#[test]
fn a_store_that_was_never_written_is_skipped_and_none_left_is_refused() {
    let view = view(|_| {});
    let plan = check(&view, &keys(), BOTH, OFFLINE).unwrap();
    assert_eq!(plan.stores, OFFLINE);
    let note = "Feature view `v` was never materialized to the online store, so nothing is deleted there.";
    assert_eq!(plan.notes(&view), [note]);
    assert!(check(&view, &keys(), BOTH, BOTH).unwrap().notes(&view).is_empty());
    for (stores, written, told) in [
        (
            BOTH,
            NEITHER,
            "Feature view `v` was never materialized to the online or the offline store, so there is nothing to delete.",
        ),
        (
            ONLINE,
            OFFLINE,
            "Feature view `v` was never materialized to the online store, so there is nothing to delete.",
        ),
        (
            OFFLINE,
            ONLINE,
            "Feature view `v` was never materialized to the offline store, so there is nothing to delete.",
        ),
    ] {
        assert_eq!(check(&view, &keys(), stores, written), Err(told.to_owned()));
    }
}

#[test]
fn keys_are_kept_once_in_the_order_of_the_join_keys_nulls_among_them() {
    let given =
        df!("flight" => [Some(17_i64), None, Some(17), None], "carrier" => [Some("UA"), None, Some("UA"), None]);
    let kept = frame::distinct(&given.unwrap(), view(|_| {}).join_keys.iter().map(|(key, _)| key.as_str())).unwrap();
    let expected = df!("carrier" => [Some("UA"), None], "flight" => [Some(17_i64), None]).unwrap();
    assert!(kept.equals_missing(&expected), "{kept}");
}
