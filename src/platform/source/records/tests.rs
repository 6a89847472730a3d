//! What records are taken and what is said of the others; events that become records and come back the same.

use proptest::prelude::*;

use super::*;
use crate::model::Value as Cell;
use crate::model::time::{from_micros, parse_time};
use crate::platform::definition::{Deduplicate, KafkaTake};
use crate::platform::testing;

/// Columns of every type; `id` tells events apart and `user` must be named.
fn source() -> Source {
    let mut source = Source::clone(&testing::view("v").inputs[0].source);
    source.timestamp_column = Some("at".to_owned());
    source.columns = columns();
    let stream = source.stream.as_mut().unwrap();
    stream.required = vec!["user".to_owned()];
    stream.deduplicate = Some(Deduplicate { columns: vec!["id".to_owned()], horizon: crate::model::Span::hours(1) });
    source
}

fn columns() -> Vec<(String, Word)> {
    let list = |word| Word::Array(Box::new(word));
    let columns = [
        ("at", Word::Timestamp),
        ("user", Word::String),
        ("id", Word::Int64),
        ("amount", Word::Float64),
        ("paid", Word::Bool),
        ("tags", list(Word::String)),
        ("sizes", list(list(Word::Float64))),
        ("when", list(Word::Timestamp)),
        ("day", Word::Date),
    ];
    columns.into_iter().map(|(name, word)| (name.to_owned(), word)).collect()
}

fn decode(records: &[&str]) -> Decoded {
    Decoder::new(&source()).decode(records.iter().map(|record| record.as_bytes()), |at| at.to_string())
}

fn cell(decoded: &Decoded, column: &str, row: usize) -> Cell {
    frame::values(decoded.events.column(column).unwrap()).swap_remove(row)
}

#[test]
fn records_become_events_and_what_they_leave_out_is_null() {
    let decoded = decode(&[
        r#"{"at":"2026-11-22T10:00:00.123456789+01:00","user":"ä\u00e4","id":7,"amount":5,"paid":true,
            "tags":["a",null],"sizes":[[1,2.5],[]],"when":["2026-11-22"],"more":{"deep":[1]}}"#,
        r#"{"id":5.0,"user":null,"at":"2026-11-22 10:00"}"#,
        r#"{"id":"-3","user":41,"at":"2026-11-22","amount":"NaN","paid":"true","tags":"[\"x\"]","day":null}"#,
    ]);
    assert_eq!(decoded.refused, vec![]);
    assert_eq!(decoded.of, [0, 1, 2]);
    let names: Vec<&str> = decoded.events.get_column_names().into_iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["at", "user", "id", "amount", "paid", "tags", "sizes", "when", "day"]);
    let time = |text: &str| Cell::Time(parse_time(text).unwrap());
    let list = |items: Vec<Cell>| Cell::List(items);
    let first: Vec<Cell> = names.iter().map(|name| cell(&decoded, name, 0)).collect();
    let expected = vec![
        time("2026-11-22 09:00:00.123456"),
        Cell::Text("ää".to_owned()),
        Cell::Int(7),
        Cell::Float(5.0),
        Cell::Bool(true),
        list(vec![Cell::Text("a".to_owned()), Cell::Null]),
        list(vec![list(vec![Cell::Float(1.0), Cell::Float(2.5)]), list(vec![])]),
        list(vec![time("2026-11-22")]),
        Cell::Null,
    ];
    assert_eq!(first, expected);
    assert_eq!((cell(&decoded, "id", 1), cell(&decoded, "user", 1)), (Cell::Int(5), Cell::Null));
    assert_eq!((cell(&decoded, "amount", 1), cell(&decoded, "tags", 1)), (Cell::Null, Cell::Null));
    assert_eq!((cell(&decoded, "id", 2), cell(&decoded, "user", 2)), (Cell::Int(-3), Cell::Text("41".to_owned())));
    assert!(matches!(cell(&decoded, "amount", 2), Cell::Float(amount) if amount.is_nan()));
    assert_eq!(cell(&decoded, "tags", 2), list(vec![Cell::Text("x".to_owned())]));
}

#[test]
fn what_is_no_event_is_refused_alone_with_its_reason() {
    let nested = format!(r#"{{"more":{}}}"#, "[".repeat(16) + &"]".repeat(16));
    let rows: &[(&str, Reason, &str)] = &[
        ("{\"at\":", Reason::Unparsed, "it is no JSON object: EOF while parsing a value (character 6)"),
        ("", Reason::Unparsed, "it is no JSON object: EOF while parsing a value (character 0)"),
        ("[1]", Reason::Unparsed, "it is no JSON object: invalid type: sequence, expected an object"),
        ("{} {}", Reason::Unparsed, "it is no JSON object: trailing characters"),
        (r#"{"id":1,"id":1}"#, Reason::Unparsed, "it names the column `id` more than once"),
        (&nested, Reason::Unparsed, "it is nested more than 16 deep"),
        (r#"{"id":1,"user":"a"}"#, Reason::NoTime, "column `at` is the event time, and the record does not name it"),
        (r#"{"at":null}"#, Reason::NoTime, "column `at` is the event time, and the record has null there"),
        (r#"{"at":"2026-11-22","id":1}"#, Reason::NoKey, "column `user` must be named by every record"),
        (r#"{"at":"2026-11-22","user":"a"}"#, Reason::NoKey, "column `id` must have a value in every record"),
        (r#"{"at":"2026-11-22","user":"a","id":null}"#, Reason::NoKey, "column `id` must have a value in every record"),
        (
            r#"{"id":5.5}"#,
            Reason::WrongType,
            "column `id` is int64 and holds `5.5`: write a whole number from -9223372036854775808",
        ),
        (r#"{"id":9223372036854775808}"#, Reason::WrongType, "column `id` is int64 and holds `9223372036854775808`"),
        (r#"{"id":"007"}"#, Reason::WrongType, "column `id` is int64 and holds `007`"),
        (
            r#"{"amount":9007199254740993}"#,
            Reason::WrongType,
            "column `amount` is float64 and holds `9007199254740993`: a float would round it",
        ),
        (r#"{"at":1763805600}"#, Reason::WrongType, "column `at` is timestamp and holds `1763805600`: write it as"),
        (r#"{"at":"22/11/2026"}"#, Reason::WrongType, "column `at` is timestamp and holds `22/11/2026`"),
        (r#"{"user":1.10}"#, Reason::WrongType, "column `user` is string and holds `1.1`"),
        (r#"{"user":{"a":1}}"#, Reason::WrongType, "column `user` is string and holds an object"),
        (r#"{"paid":1}"#, Reason::WrongType, "column `paid` is boolean and holds `1`: write true or false"),
        (r#"{"tags":[["a"]]}"#, Reason::WrongType, "column `tags` is array<string> and holds a list"),
        (r#"{"user":["a"]}"#, Reason::WrongType, "column `user` is string and holds a list: write one value"),
        (r#"{"day":"2026-11-22"}"#, Reason::WrongType, "column `day` is date and holds `2026-11-22`"),
        (r#"{"id":"\u001b[2J\u202e"}"#, Reason::WrongType, "column `id` is int64 and holds `␛[2J\u{fffd}`"),
    ];
    for (record, reason, expected) in rows {
        let good = r#"{"at":"2026-11-22","user":"a","id":1}"#;
        let decoded = decode(&[good, record, good]);
        assert_eq!((decoded.events.height(), decoded.of.as_slice()), (2, &[0, 2][..]), "{record}");
        let [refused] = &decoded.refused[..] else { panic!("{record}: {:?}", decoded.refused) };
        assert_eq!((refused.reason, refused.place.as_str()), (*reason, "1"), "{record}: {}", refused.message);
        assert!(refused.message.starts_with(expected), "{record}: {}", refused.message);
        assert_eq!(refused.record, record.as_bytes());
    }
}

#[test]
fn a_record_that_is_too_large_is_kept_in_part() {
    let record = vec![b' '; MOST_BYTES + 1];
    let decoded = Decoder::new(&source()).decode([record.as_slice()].into_iter(), |_| "7".to_owned());
    let refused = &decoded.refused[0];
    assert_eq!((refused.reason, refused.record.len()), (Reason::TooLarge, KEPT_BYTES));
    assert!(refused.message.contains("it has more than the 1048576 bytes"), "{}", refused.message);
    // A long text is told in part, and kept.
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(5_000));
    let refused = decode(&[&long]).refused.remove(0);
    assert!(refused.message.len() < 300 && refused.record.len() > 5_000, "{}", refused.message);
}

#[test]
fn columns_that_the_stream_gives_are_not_asked_of_a_record() {
    let mut source = source();
    let stream = source.stream.as_mut().unwrap();
    let take = KafkaTake { key: Some("user".to_owned()), timestamp: Some("at".to_owned()), ..KafkaTake::default() };
    stream.feed = Feed::Kafka(Box::new(crate::platform::definition::KafkaFeed {
        brokers: vec!["a:1".to_owned()],
        topic: "t".to_owned(),
        start: crate::platform::definition::KafkaStart::Earliest,
        values: crate::platform::definition::KafkaValues::Json,
        tls: None,
        sasl: None,
        take,
    }));
    let decoded = Decoder::new(&source).decode([&br#"{"id":1}"#[..]].into_iter(), |_| String::new());
    assert_eq!((decoded.events.height(), decoded.refused), (1, vec![]));
    // What a record says of them is passed over beside the stream; an event that is read again by itself holds them.
    let other = &br#"{"id":1,"at":[2],"user":{},"amount":3}"#[..];
    let beside = Decoder::new(&source).passing_over(["user", "at", "nobody"].into_iter());
    let decoded = beside.decode([other].into_iter(), |_| String::new());
    assert_eq!((decoded.events.height(), &decoded.refused), (1, &vec![]));
    let found = ["user", "at", "amount"].map(|column| cell(&decoded, column, 0));
    assert_eq!(found, [Cell::Null, Cell::Null, Cell::Float(3.0)]);
    let alone = Decoder::new(&source).decode([other].into_iter(), |_| String::new());
    assert_eq!(alone.refused[0].reason, Reason::WrongType);
}

#[test]
fn reasons_have_words_of_their_own() {
    for reason in Reason::ALL {
        assert_eq!(Reason::named(reason.word()), Some(reason));
        assert!(reason.sentence().ends_with('.'));
    }
    assert_eq!(Reason::named("other"), None);
}

fn value(word: &Word) -> BoxedStrategy<Cell> {
    // The years 1 to 9999.
    let time = -62_135_596_800_000_000_i64..253_402_300_800_000_000;
    let some = match word {
        Word::Int64 => any::<i64>().prop_map(Cell::Int).boxed(),
        Word::Float64 => any::<f64>().prop_map(Cell::Float).boxed(),
        Word::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
        Word::Timestamp => time.prop_map(|at| Cell::Time(from_micros(at))).boxed(),
        Word::Array(item) => prop::collection::vec(value(item), 0..4).prop_map(Cell::List).boxed(),
        Word::String => any::<String>().prop_map(Cell::Text).boxed(),
        _ => return Just(Cell::Null).boxed(),
    };
    prop_oneof![1 => Just(Cell::Null), 4 => some].boxed()
}

/// Events: the time and the column that tells them apart always have a value.
fn events() -> impl Strategy<Value = DataFrame> {
    let row = columns().iter().map(|(_, word)| value(word)).collect::<Vec<_>>();
    prop::collection::vec(row, 1..6).prop_map(|mut rows| {
        for row in &mut rows {
            for (at, other) in [(0, Cell::Time(from_micros(1))), (2, Cell::Int(1))] {
                if row[at] == Cell::Null {
                    row[at] = other;
                }
            }
        }
        let declared = columns();
        let made = declared.iter().enumerate().map(|(at, (name, word))| {
            let cells: Vec<Cell> = rows.iter().map(|row| row[at].clone()).collect();
            match word {
                Word::Date => Column::full_null(name.as_str().into(), rows.len(), &DataType::Date),
                word => frame::column(name, word, &cells).unwrap(),
            }
        });
        DataFrame::new(rows.len(), made.collect()).unwrap()
    })
}

proptest! {
    #[test]
    fn an_event_that_became_a_record_is_the_same_event(events in events()) {
        let records: Vec<Vec<u8>> = (0..events.height()).map(|row| encode(&events, row)).collect();
        let decoded = Decoder::new(&source()).decode(records.iter().map(Vec::as_slice), |_| String::new());
        prop_assert_eq!(decoded.refused, vec![]);
        prop_assert_eq!(decoded.events.schema(), events.schema());
        prop_assert!(decoded.events.equals_missing(&events), "{} {}", decoded.events, events);
    }

    #[test]
    fn every_record_is_an_event_or_refused(
        records in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            r#"\{"(at|id|user|tags|sizes|x)":[\[\]\{\},:"0-9ea.-]{0,12}\}?"#.prop_map(String::into_bytes),
            any::<Vec<u8>>().prop_map(|mut bytes| { bytes.splice(0..0, *b"{\"user\":\""); bytes.extend(b"\"}"); bytes }),
        ], 0..20),
    ) {
        let decoded = Decoder::new(&source()).decode(records.iter().map(Vec::as_slice), |_| String::new());
        let (of, refused) = Decoder::new(&source()).check(records.iter().map(Vec::as_slice), |_| String::new());
        prop_assert_eq!((&of, &refused), (&decoded.of, &decoded.refused));
        prop_assert_eq!(decoded.events.height() + decoded.refused.len(), records.len());
        prop_assert_eq!(decoded.of.len(), decoded.events.height());
        for refused in decoded.refused {
            let cleaned = clean(&refused.message).into_owned();
            prop_assert_eq!(&cleaned, &refused.message);
        }
    }
}
