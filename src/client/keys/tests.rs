use std::path::PathBuf;

use polars::prelude::{ParquetWriter, df};

use super::*;
use crate::client::testing::view;

fn file(name: &str, text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

/// Two join keys: `user_id`, int64, and `origin`, string.
fn two() -> FeatureView {
    view(&[("user_id", DataType::Int64), ("origin", DataType::String)])
}

#[test]
fn keys_come_from_each_kind_of_file_in_the_views_order_and_once() {
    let expected = df!("user_id" => [7_i64, 8], "origin" => ["007", "LGA"]).unwrap();
    let (_csv, csv) = file("k.csv", "origin,user_id\n007,7\nLGA,8\n007,7\n");
    let lines =
        "{\"user_id\":7,\"origin\":\"007\"}\n{\"origin\":\"LGA\",\"user_id\":8}\n{\"user_id\":7,\"origin\":\"007\"}\n";
    let (_jsonl, jsonl) = file("k.jsonl", lines);
    let (_parquet, parquet) = file("k.parquet", "");
    let mut frame = df!("origin" => ["007", "LGA", "007"], "user_id" => [7_i64, 8, 7]).unwrap();
    ParquetWriter::new(std::fs::File::create(&parquet).unwrap()).finish(&mut frame).unwrap();
    for path in [csv, jsonl, parquet] {
        let keys = from_file(&two(), &path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        assert!(keys.table.0.equals(&expected), "{}: {}", path.display(), keys.table.0);
        assert_eq!((keys.given, keys.file), (3, Some(path)));
    }
}

#[test]
fn typed_keys_are_read_by_their_types() {
    let texts = |keys: &[[&str; 2]]| keys.iter().map(|key| key.map(str::to_owned).to_vec()).collect::<Vec<_>>();
    let keys = typed(&two(), &texts(&[["-7", "007"], [" -7 ", "007"], ["8", ""]])).unwrap();
    assert!(keys.table.0.equals(&df!("user_id" => [-7_i64, 8], "origin" => ["007", ""]).unwrap()));
    assert_eq!((keys.given, keys.file), (3, None));
    for (wrong, expected) in [
        (
            vec![vec!["42.0".to_owned(), "a".to_owned()]],
            "`42.0` is not a value of join key `user_id`, which is int64. Write a whole number from \
             -9223372036854775808 to 9223372036854775807.",
        ),
        (
            vec![vec!["1".to_owned()]],
            "A key of 1 values was given; the join keys of `v` are `user_id`, `origin`. Give one value for each.",
        ),
        (vec![], "What was typed holds no keys. Give at least one."),
    ] {
        assert_eq!(typed(&two(), &wrong).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_file_that_does_not_hold_the_keys_is_refused_with_the_reason() {
    let many = |keys: usize| "user_id,origin\n".to_owned() + &"1,a\n".repeat(keys);
    let rows: Vec<(&str, String, &str)> = vec![
        ("k.csv", String::new(), "FILE holds no keys. Give at least one."),
        ("k.csv", "user_id,origin\n".into(), "FILE holds no keys. Give at least one."),
        (
            "k.csv",
            "user_id,origin,user_id\n1,a,2\n".into(),
            "FILE has the column `user_id` more than once. Keep one of them.",
        ),
        (
            "k.jsonl",
            "{\"user_id\":1,\"origin\":\"a\",\"user_id\":2}\n".into(),
            "FILE, line 1, has the column `user_id` more than once. Keep one of them.",
        ),
        (
            "k.jsonl",
            "{\"user_id\":1,\"origin\":\"a\"}\n{\"user_id\":2}\n".into(),
            "FILE, line 2, lacks the join key `origin`. Write every join key on every line; null stands for a key that \
             is null.",
        ),
        (
            "k.csv",
            "user_id\n1\n".into(),
            "FILE does not hold the join keys of `v`: it lacks `origin`. Name exactly `user_id`, `origin`.",
        ),
        (
            "k.csv",
            "user_id,origin,at,x\n1,a,2,3\n".into(),
            "FILE does not hold the join keys of `v`: it has in surplus `at`, `x`. Name exactly `user_id`, `origin`.",
        ),
        (
            "k.csv",
            "user,origin\u{1b}[2J\n1,a\n".into(),
            "FILE does not hold the join keys of `v`: it lacks `user_id`, `origin` and has in surplus `user`, \
             `origin␛[2J`. Name exactly `user_id`, `origin`.",
        ),
        (
            "k.csv",
            "user_id,origin\n42.0,a\n".into(),
            "FILE, column `user_id`, row 1 holds `42.0`, which is no int64. For this join key write a whole number from \
             -9223372036854775808 to 9223372036854775807.",
        ),
        (
            "k.csv",
            "user_id,origin\n1,a\n007,a\n".into(),
            "FILE, column `user_id`, row 2 holds `007`, which is no int64. For this join key write a whole number from \
             -9223372036854775808 to 9223372036854775807.",
        ),
        (
            "k.csv",
            "user_id,origin\n1,a\n,\n".into(),
            "FILE, row 2 holds no value for any join key. Remove it; the key that is null in every part is said in JSON \
             lines: null for each join key.",
        ),
        (
            "k.jsonl",
            "{\"user_id\":1,\"origin\":1.5}\n".into(),
            "FILE holds float64 in column `origin`; the join key is string. Correct its values, or the type of the column.",
        ),
        (
            "k.csv",
            many(MAX_KEYS + 1),
            "FILE holds 10001 keys; one request may delete at most 10000. Split them over several requests.",
        ),
    ];
    for (name, text, expected) in rows {
        let (_dir, path) = file(name, &text);
        let refused = from_file(&two(), &path).unwrap_err().to_string();
        assert_eq!(refused, expected.replace("FILE", &format!("The file {}", path.display())));
    }
    let (_dir, path) = file("k.csv", many(MAX_KEYS));
    let keys = from_file(&two(), &path).unwrap();
    assert_eq!((keys.given, keys.table.0.height()), (MAX_KEYS, 1));
}

#[test]
fn whole_numbers_beyond_int64_are_no_keys() {
    for (name, text) in [
        ("k.csv", "user_id,origin\n9223372036854775808,a\n"),
        ("k.jsonl", "{\"user_id\":9223372036854775808,\"origin\":\"a\"}\n"),
        ("k.jsonl", "{\"user_id\":1,\"origin\":\"a\"}\n{\"user_id\":9223372036854775808,\"origin\":\"a\"}\n"),
    ] {
        let (_dir, path) = file(name, text);
        assert!(from_file(&two(), &path).is_err(), "{text}");
    }
}

#[test]
fn a_null_is_a_key_and_a_column_of_nulls_has_every_type() {
    for (name, text) in [
        ("k.csv", "user_id,origin\n,a\n,b\n"),
        ("k.jsonl", "{\"user_id\":null,\"origin\":\"a\"}\n{\"user_id\":null,\"origin\":\"b\"}"),
    ] {
        let (_dir, path) = file(name, text);
        let keys = from_file(&two(), &path).unwrap();
        let user = keys.table.0.column("user_id").unwrap();
        assert_eq!((user.dtype(), user.null_count()), (&Polars::Int64, 2), "{name}");
    }
}

#[test]
fn an_empty_line_is_no_key() {
    let one = view(&[("user_id", DataType::String)]);
    let (_dir, path) = file("k.csv", "user_id\na\n\nb\n\n\n");
    let keys = from_file(&one, &path).unwrap();
    assert!(keys.table.0.equals(&df!("user_id" => ["a", "b"]).unwrap()), "{}", keys.table.0);
    let (_dir, path) = file("k.csv", "user_id\n\n\n");
    assert_eq!(from_file(&one, &path).unwrap_err().hint, "Give at least one.");
    let (_dir, path) = file("k.csv", "user_id\n\"\"\n");
    assert!(from_file(&one, &path).unwrap().table.0.equals(&df!("user_id" => [""]).unwrap()), "an empty text is a key");
    let (_dir, path) = file("k.jsonl", "{\"user_id\":null}\n\n");
    assert_eq!(from_file(&one, &path).unwrap().table.0.column("user_id").unwrap().null_count(), 1, "so is null");
}

#[test]
fn parquet_columns_have_the_declared_types() {
    let (_dir, path) = file("k.parquet", "");
    let mut frame = df!("user_id" => [7_i32], "origin" => ["a"]).unwrap();
    ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
    let refused = from_file(&two(), &path).unwrap_err();
    assert!(refused.what.ends_with("holds int32 in column `user_id`; the join key is int64."), "{refused}");
}

#[test]
fn a_parquet_column_that_stands_twice_is_refused() {
    let (_dir, path) = file("k.parquet", "");
    let mut frame = df!("user_id" => [7_i64], "user_ie" => [8_i64], "origin" => ["a"]).unwrap();
    ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for at in 0..bytes.len() - 7 {
        if &bytes[at..at + 7] == b"user_ie" {
            bytes[at + 6] = b'd';
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let refused = from_file(&two(), &path).unwrap_err();
    assert!(refused.what.ends_with("has the column `user_id` more than once."), "{refused}");
}

#[test]
fn stores_and_views_are_checked_too() {
    let stores = |online, offline| Stores { online, offline };
    assert!(check(&two(), stores(true, false)).is_ok() && check(&two(), stores(false, true)).is_ok());
    let refusal = |view: &FeatureView, stores| check(view, stores).unwrap_err().to_string();
    assert_eq!(refusal(&two(), stores(false, false)), "Neither store is chosen. Choose online, offline or both.");
    let wildcard = FeatureView { online_serving_index: vec!["user_id".into()], ..two() };
    let asleep = FeatureView { materialization_enabled: false, ..two() };
    for (view, sentence) in [
        (
            wildcard,
            "Keys of `v` cannot be deleted: `origin` is its wildcard join key. Only a view whose online_serving_index \
             holds every join key allows it.",
        ),
        (
            asleep,
            "Keys of `v` cannot be deleted: the view is not materialized in `prod`. Delete them in a live workspace.",
        ),
    ] {
        assert_eq!(refusal(&view, stores(true, true)), sentence);
        assert_eq!(typed(&view, &[]).unwrap_err().to_string(), sentence);
        assert_eq!(from_file(&view, Path::new("none.csv")).unwrap_err().to_string(), sentence);
    }
}
