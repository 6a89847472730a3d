//! Reading topics of the library's mock cluster, which speaks the brokers' protocol over sockets.
//!
//! What it cannot do, and `scripts/kafka-story` shows against a broker: offsets for times, TLS, logins, partitions that
//! are added, a topic that is deleted.

mod broker;

use std::time::{Duration, Instant};

use polars::prelude::DataFrame;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Timestamp};

use super::*;
use crate::model::{DataType, Span, Value as Cell};
use crate::platform::definition::{
    Feed, KafkaTake, KafkaTls, KafkaValues, Located, Sasl, SaslMechanism, Secret, Stream,
};
use crate::platform::frame;
use crate::platform::source::position::{Batch, Position};
use crate::platform::source::records::{self, Decoded, Reason};
use crate::platform::testing;

const TOPIC: &str = "clicks";

/// Longer than anything takes here on a busy machine.
const LONG: Duration = Duration::from_secs(60);

struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Cluster {
    fn new(brokers: i32, partitions: i32) -> Self {
        Self::with(brokers, partitions, "none")
    }

    /// One whose records are compressed.
    fn packed(brokers: i32, partitions: i32) -> Self {
        Self::with(brokers, partitions, "gzip")
    }

    fn with(brokers: i32, partitions: i32, codec: &str) -> Self {
        let mock = MockCluster::new(brokers).unwrap();
        mock.create_topic(TOPIC, partitions, 1).unwrap();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", mock.bootstrap_servers())
            .set("message.max.bytes", "20000000")
            .set("compression.codec", codec)
            .create()
            .unwrap();
        Self { mock, producer }
    }

    fn feed(&self) -> KafkaFeed {
        feed(&self.mock.bootstrap_servers(), TOPIC)
    }

    fn send(&self, record: BaseRecord<'_, [u8], [u8]>) {
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        self.producer.flush(LONG).unwrap();
    }

    fn write(&self, partition: i32, numbers: std::ops::Range<i64>) {
        write(&self.producer, TOPIC, partition, numbers);
    }

    fn write_value(&self, partition: i32, value: &[u8]) {
        self.send(BaseRecord::to(TOPIC).partition(partition).payload(value));
    }
}

/// A topic from its beginning, without anything that has to be asked for.
fn feed(brokers: &str, topic: &str) -> KafkaFeed {
    KafkaFeed {
        brokers: brokers.split(',').map(str::to_owned).collect(),
        topic: topic.to_owned(),
        start: KafkaStart::Earliest,
        values: KafkaValues::Json,
        tls: None,
        sasl: None,
        take: KafkaTake::default(),
    }
}

/// Writes events numbered so into a partition.
fn write(producer: &BaseProducer, topic: &str, partition: i32, numbers: std::ops::Range<i64>) {
    for n in numbers {
        let value = event(n);
        let record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).partition(partition).payload(value.as_bytes());
        producer.send(record.timestamp(1_700_000_000_000 + n)).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(LONG).unwrap();
}

fn event(n: i64) -> String {
    format!("{{\"user\":\"u{}\",\"at\":\"2026-11-30T12:00:00Z\",\"n\":{n}}}", n % 7)
}

fn source(feed: &KafkaFeed) -> Source {
    let columns = [
        ("user", DataType::String),
        ("at", DataType::Timestamp),
        ("n", DataType::Int64),
        ("k", DataType::String),
        ("p", DataType::Int64),
        ("o", DataType::Int64),
        ("ts", DataType::Timestamp),
        ("h", DataType::String),
    ];
    let mut source = Source::clone(&testing::view("v").inputs[0].source);
    source.name = "clicks".to_owned();
    source.columns = columns.map(|(name, of)| (name.to_owned(), of)).to_vec();
    source.timestamp_column = Some("at".to_owned());
    source.stream = Some(Stream {
        feed: Feed::Kafka(Box::new(feed.clone())),
        watermark: Span::minutes(10),
        retention: Span::days(1),
        required: vec![],
        deduplicate: None,
    });
    source
}

fn open(feed: &KafkaFeed) -> Kafka {
    Kafka::open(&source(feed), feed).unwrap()
}

fn numbers(events: &DataFrame) -> Vec<i64> {
    match events.width() {
        0 => Vec::new(),
        _ => events.column("n").unwrap().i64().unwrap().iter().map(Option::unwrap).collect(),
    }
}

/// Reads a partition from a place to its end.
fn read_all(kafka: &Kafka, partition: Partition, from: Option<Offset>, max: usize) -> (Vec<i64>, Offset) {
    let (mut all, mut from) = (Vec::new(), from);
    loop {
        let read = kafka.read(partition, from.as_ref(), max).unwrap();
        all.extend(numbers(&read.events));
        from = Some(read.offset);
        if read.caught_up {
            return (all, from.unwrap());
        }
    }
}

/// Reads a partition from a place until `enough` of its events came.
fn read_some(kafka: &Kafka, partition: Partition, mut from: Option<Offset>, enough: usize) -> Vec<i64> {
    let began = Instant::now();
    let mut all = Vec::new();
    while all.len() < enough {
        assert!(began.elapsed() < LONG, "{all:?}");
        // An error moves nothing, and it is tried again.
        if let Ok(read) = kafka.read(partition, from.as_ref(), 10) {
            all.extend(numbers(&read.events));
            from = Some(read.offset);
        }
    }
    all
}

/// Reads a stream on until `enough` of its events came.
fn read_until(kafka: &Kafka, position: &mut Position, enough: usize) -> Vec<Batch> {
    let began = Instant::now();
    let mut batches = Vec::new();
    let mut rows = 0;
    while rows < enough {
        assert!(began.elapsed() < LONG, "{rows} of {enough} events came");
        let batch = position.read(kafka, 1000).unwrap();
        rows += batch.events.height();
        *position = batch.position.clone();
        batches.push(batch);
    }
    batches
}

/// The error of reading on, once there is one: what the library fetched ahead comes first.
fn refusal(kafka: &Kafka, partition: Partition, mut from: Option<Offset>) -> String {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < LONG, "there is no error");
        match kafka.read(partition, from.as_ref(), 1000) {
            Ok(read) => from = Some(read.offset),
            Err(error) => return error.message,
        }
    }
}

#[test]
fn several_partitions_are_read_once_and_in_order_in_pieces_of_any_size() {
    let cluster = Cluster::new(3, 4);
    for partition in 0..4 {
        cluster.write(partition, 0..i64::from(partition) * 40);
    }
    let kafka = open(&cluster.feed());
    assert_eq!(kafka.partitions().unwrap(), [0, 1, 2, 3]);
    for max in [1, 7, 1000] {
        for partition in 0..4 {
            let (all, end) = read_all(&kafka, partition, None, max);
            assert_eq!(all, (0..i64::from(partition) * 40).collect::<Vec<_>>(), "{max} of {partition}");
            assert_eq!(kafka.print(&end), (partition * 40).to_string());
        }
    }
}

#[test]
fn a_restart_goes_on_behind_the_kept_position() {
    let cluster = Cluster::new(2, 3);
    (0..3).for_each(|partition| cluster.write(partition, 0..100));
    let feed = cluster.feed();
    let mut position = Position::default();
    let first = position.read(&open(&feed), 90).unwrap();
    assert_eq!(first.events.height(), 90);
    position = Position::decode(&first.position.encode()).unwrap();
    cluster.write(1, 100..120);
    let again = open(&feed);
    let batches = read_until(&again, &mut position, 230);
    let mut all: Vec<i64> = numbers(&first.events);
    batches.iter().for_each(|batch| all.extend(numbers(&batch.events)));
    all.sort_unstable();
    let mut expected: Vec<i64> = (0..100).flat_map(|n| [n; 3]).chain(100..120).collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
    // At the end nothing comes, and what is written then does.
    assert!(position.read(&again, 90).unwrap().caught_up);
    cluster.write(2, 500..501);
    let batches = read_until(&again, &mut position, 1);
    assert_eq!(numbers(&batches.last().unwrap().events), [500]);
}

#[test]
fn readers_at_several_places_do_not_disturb_each_other() {
    let cluster = Cluster::new(1, 1);
    cluster.write(0, 0..60);
    let kafka = open(&cluster.feed());
    let mut places: [(Option<Offset>, Vec<i64>); 3] = Default::default();
    for round in 0..9 {
        for (at, (from, all)) in places.iter_mut().enumerate() {
            if at > round {
                continue;
            }
            let read = kafka.read(0, from.as_ref(), 10).unwrap();
            all.extend(numbers(&read.events));
            *from = Some(read.offset);
        }
    }
    for (_, all) in places {
        assert_eq!(all, (0..60).collect::<Vec<_>>());
    }
}

#[test]
fn what_cannot_be_an_event_is_refused_alone_with_its_place() {
    let cluster = Cluster::new(1, 2);
    cluster.write(1, 0..1);
    cluster.write_value(1, b"{\"user\":");
    cluster.send(BaseRecord::to(TOPIC).partition(1).key(&b"gone"[..]));
    let wide = format!("{{\"user\":\"{}\"}}", "x".repeat(3 << 20));
    cluster.write_value(1, wide.as_bytes());
    cluster.write(1, 1..2);
    cluster.write_value(1, b"{\"user\":\"u\",\"at\":\"2026-11-30T12:00:00Z\",\"n\":\"many\"}");
    let kafka = open(&cluster.feed());
    let mut place = None;
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    loop {
        let read = kafka.read(1, place.as_ref(), 100).unwrap();
        all.extend(numbers(&read.events));
        refused.extend(read.refused);
        place = Some(read.offset);
        if read.caught_up {
            break;
        }
    }
    assert_eq!(all, [0, 1]);
    refused.sort_by(|a, b| a.place.cmp(&b.place));
    let told: Vec<(&str, Reason)> = refused.iter().map(|one| (one.place.as_str(), one.reason)).collect();
    let expected =
        [("1:1", Reason::Unparsed), ("1:2", Reason::Unparsed), ("1:3", Reason::TooLarge), ("1:5", Reason::WrongType)];
    assert_eq!(told, expected);
    assert!(refused[1].message.contains("tombstone"), "{}", refused[1].message);
    assert_eq!(refused[0].record, b"{\"user\":");
    assert_eq!(kafka.print(&place.unwrap()), "6");
}

#[test]
fn a_record_of_ten_megabytes_does_not_hold_up_what_follows() {
    // The mock keeps five megabytes of a partition.
    let cluster = Cluster::packed(1, 1);
    cluster.write_value(0, &vec![b'x'; 10 << 20]);
    let kafka = open(&cluster.feed());
    let mut refused = Vec::new();
    let mut place = None;
    while refused.is_empty() {
        let read = kafka.read(0, place.as_ref(), 100).unwrap();
        refused.extend(read.refused);
        place = Some(read.offset);
    }
    assert_eq!((refused[0].reason, refused[0].place.as_str()), (Reason::TooLarge, "0:0"));
    assert!(refused[0].record.len() < 1 << 20);
    cluster.write(0, 1..3);
    assert_eq!(read_some(&kafka, 0, place, 2), [1, 2]);
}

#[test]
fn columns_take_what_kafka_knows_of_a_record() {
    let cluster = Cluster::new(1, 3);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "trace", value: Some("a") })
        .insert(Header { key: "hop", value: Some("1") })
        .insert(Header { key: "hop", value: Some(&[0xff_u8][..]) });
    let value: &[u8] = b"{\"n\":5,\"k\":\"of the value\"}";
    let at = 1_700_000_000_123;
    cluster.send(BaseRecord::to(TOPIC).partition(2).key(&b"u1"[..]).payload(value).timestamp(at).headers(headers));
    cluster.send(BaseRecord::to(TOPIC).partition(2).payload(value).timestamp(at + 1));
    cluster.send(BaseRecord::to(TOPIC).partition(2).key(&[0xff][..]).payload(value).timestamp(at));
    cluster.send(BaseRecord::to(TOPIC).partition(2).key(&b"u2"[..]).payload(&b"{\"n\":\"many\"}"[..]).timestamp(at));
    let mut feed = cluster.feed();
    let column = |name: &str| Some(name.to_owned());
    feed.take = KafkaTake {
        key: column("k"),
        partition: column("p"),
        offset: column("o"),
        timestamp: column("at"),
        headers: column("h"),
    };
    let kafka = open(&feed);
    let (mut rows, mut refused, mut place) = (Vec::new(), Vec::new(), None);
    while rows.len() + refused.len() < 4 {
        let read = kafka.read(2, place.as_ref(), 1).unwrap();
        let names: Vec<&str> = read.events.get_column_names().into_iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["user", "at", "n", "k", "p", "o", "ts", "h"]);
        rows.extend(frame::rows(&read.events, &["k", "p", "o", "h", "n", "at"]).unwrap());
        refused.extend(read.refused);
        place = Some(read.offset);
    }
    let shown: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    assert!(shown[0].contains("u1") && shown[0].contains(r#"{\"trace\":\"a\",\"hop\":[\"1\",\"/w==\"]}"#), "{shown:?}");
    assert!(shown[0].contains("2023-11-14T22:13:20.123"), "{shown:?}");
    assert!(shown[1].starts_with("[Null, Int(2), Int(1), Null, Int(5)"), "{shown:?}");
    assert_eq!(refused[0].reason, Reason::WrongType);
    assert!(refused[0].message.contains("key"), "{}", refused[0].message);
    assert_eq!(refused[1].record, b"{\"n\":\"many\"}", "as it came");
}

/// What becomes of one record with that key and value, which no broker is needed for.
fn decoded(feed: &KafkaFeed, key: &[u8], value: &[u8]) -> Decoded {
    let (key, value, time) = (Some(key.to_vec()), Some(value.to_vec()), Timestamp::CreateTime(1_700_000_000_000));
    let message = OwnedMessage::new(value, key, TOPIC.to_owned(), time, 2, 7, None);
    let records = Records::new(&source(feed), feed);
    records.decode(2, &[records.record(&message)]).unwrap()
}

#[test]
fn what_the_value_says_of_a_column_that_takes_is_passed_over_whatever_it_is() {
    let mut feed = feed("127.0.0.1:9", TOPIC);
    let column = |name: &str| Some(name.to_owned());
    feed.take = KafkaTake { key: column("k"), offset: column("o"), timestamp: column("at"), ..KafkaTake::default() };
    for others in [r#""k":5,"o":"none","at":[1]"#, r#""k":{},"k":null,"at":"soon""#] {
        let decoded = decoded(&feed, b"u1", format!("{{{others},\"n\":3}}").as_bytes());
        assert_eq!(decoded.refused, vec![], "{others}");
        let row = frame::rows(&decoded.events, &["k", "o", "n", "at"]).unwrap().remove(0);
        let at = Cell::Time(from_micros(1_700_000_000_000_000));
        assert_eq!(row, [Cell::Text("u1".to_owned()), Cell::Int(7), Cell::Int(3), at], "{others}");
    }
    // Columns of the value alone are of their types all the same.
    let refused = decoded(&feed, b"u1", br#"{"k":"u1","n":"many"}"#).refused.remove(0);
    assert_eq!((refused.reason, refused.place.as_str()), (Reason::WrongType, "2:7"));
}

#[test]
fn of_a_large_value_that_is_refused_no_more_is_held_than_shows_that_it_is_cut() {
    let value = vec![b'x'; 3 << 20];
    let registry = KafkaFeed { values: KafkaValues::RegistryJson, ..feed("127.0.0.1:9", TOPIC) };
    let mut keyed = feed("127.0.0.1:9", TOPIC);
    keyed.take.key = Some("k".to_owned());
    for (feed, reason) in [(registry, Reason::Unparsed), (keyed, Reason::WrongType)] {
        let refused = decoded(&feed, &[0xff], &value).refused.remove(0);
        assert_eq!((refused.reason, refused.record.len()), (reason, records::MOST_BYTES + 1));
    }
}

#[test]
fn json_behind_the_header_of_a_schema_registry_is_read_and_other_values_are_refused() {
    let cluster = Cluster::new(1, 1);
    cluster.write_value(0, &[&[0, 0, 0, 0, 9][..], event(4).as_bytes()].concat());
    cluster.write(0, 5..6);
    cluster.write_value(0, &[0, 0]);
    let feed = KafkaFeed { values: KafkaValues::RegistryJson, ..cluster.feed() };
    let kafka = open(&feed);
    let (mut all, mut refused, mut place) = (Vec::new(), Vec::new(), None);
    while all.len() + refused.len() < 3 {
        let read = kafka.read(0, place.as_ref(), 10).unwrap();
        all.extend(numbers(&read.events));
        refused.extend(read.refused);
        place = Some(read.offset);
    }
    assert_eq!(all, [4]);
    let told: Vec<(&str, Reason)> = refused.iter().map(|one| (one.place.as_str(), one.reason)).collect();
    assert_eq!(told, [("0:1", Reason::Unparsed), ("0:2", Reason::Unparsed)]);
}

#[test]
fn to_begin_at_the_latest_is_to_begin_at_a_definite_offset() {
    let cluster = Cluster::new(1, 2);
    cluster.write(0, 0..5);
    let feed = KafkaFeed { start: KafkaStart::Latest, ..cluster.feed() };
    let begun = open(&feed).read(0, None, 10).unwrap();
    assert!(begun.caught_up && begun.events.height() == 0);
    cluster.write(0, 5..8);
    // Another process, later: what came in between is not passed over.
    let kafka = open(&feed);
    assert_eq!(read_all(&kafka, 0, Some(begun.offset), 10).0, [5, 6, 7]);
    // A partition that comes later is read from its beginning all the same.
    cluster.write(1, 0..2);
    let place = kafka.appeared(1).unwrap();
    assert_eq!(read_all(&kafka, 1, place, 10).0, [0, 1]);
    // So is everything by those who ask for the beginning.
    let begun = Position::beginning(&kafka).unwrap();
    assert_eq!(begun.print(&kafka), "0: 0, 1: 0");
    let batches = read_until(&kafka, &mut begun.clone(), 10);
    let mut all: Vec<i64> = batches.iter().flat_map(|batch| numbers(&batch.events)).collect();
    all.sort_unstable();
    assert_eq!(all, [0, 0, 1, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn new_partitions_are_read_from_their_beginning_by_those_who_read_the_others() {
    // The mock cannot add partitions: another cluster has the same records and one partition more.
    let small = Cluster::new(1, 1);
    small.write(0, 0..5);
    let start = KafkaStart::Latest;
    let mut position = Position::default();
    position = position.read(&open(&KafkaFeed { start, ..small.feed() }), 10).unwrap().position;
    let grown = Cluster::new(1, 2);
    grown.write(0, 0..5);
    grown.write(1, 10..13);
    let kafka = open(&KafkaFeed { start, ..grown.feed() });
    let batches = read_until(&kafka, &mut position, 3);
    let all: Vec<i64> = batches.iter().flat_map(|batch| numbers(&batch.events)).collect();
    assert_eq!(all, [10, 11, 12]);
}

#[test]
fn a_place_that_retention_has_overtaken_is_an_error_that_counts_what_is_gone() {
    let cluster = Cluster::new(1, 1);
    cluster.write(0, 0..3);
    let kafka = open(&cluster.feed());
    let place = kafka.read(0, None, 1).unwrap().offset;
    // The mock keeps five megabytes of a partition, and four are fetched ahead.
    for _ in 0..30 {
        cluster.write_value(0, &vec![b'x'; 900_000]);
    }
    let away = open(&cluster.feed());
    let error = refusal(&away, 0, Some(place.clone()));
    assert!(error.contains("records of partition 0 of topic clicks were deleted"), "{error}");
    assert!(error.contains("offset 1,") && error.contains("fvtop stream restart VIEW --from beginning"), "{error}");
    assert_eq!(refusal(&away, 0, Some(place.clone())), error, "it stays until somebody chooses");
    let chosen = away.seek(0, &Seek::Printed("30".to_owned())).unwrap();
    assert_eq!(away.print(&chosen), "30");
    for (wrong, why) in
        [("0", "partition 0 of topic clicks begins at offset "), ("34", "topic clicks ends at offset 33.")]
    {
        let error = away.seek(0, &Seek::Printed(wrong.to_owned())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Arguments);
        assert!(error.message.contains(why), "{wrong}: {}", error.message);
    }
    let end = away.seek(0, &Seek::Printed("33".to_owned())).unwrap();
    assert!(away.read(0, Some(&end), 1).unwrap().caught_up, "the end is a place too");
    assert_eq!(away.read(0, Some(&chosen), 1).unwrap().refused[0].place, "0:30");
    // Who is there and only slow reads what was fetched, and then is told the same.
    let error = refusal(&kafka, 0, Some(place));
    assert!(error.contains("records of partition 0 of topic clicks were deleted"), "{error}");
}

#[test]
fn a_topic_that_was_made_again_is_told_from_the_one_that_was_read() {
    let cluster = Cluster::new(1, 1);
    cluster.write(0, 0..20);
    let (_, place) = read_all(&open(&cluster.feed()), 0, None, 100);
    for (from, to) in [(0, 0), (0, 10), (1, 20), (100, 160)] {
        let other = Cluster::new(1, 1);
        other.write(0, from..to);
        let error = refusal(&open(&other.feed()), 0, Some(place.clone()));
        assert!(error.contains("does not hold the records that were read of it"), "{error}");
        assert!(error.contains("fvtop stream restart VIEW"), "{error}");
    }
    let same = Cluster::new(1, 1);
    same.write(0, 0..30);
    assert_eq!(read_all(&open(&same.feed()), 0, Some(place), 100).0, (20..30).collect::<Vec<_>>());
}

#[test]
fn a_topic_that_is_not_there_is_said_and_found_once_it_is() {
    let cluster = Cluster::new(1, 1);
    let mut feed = cluster.feed();
    feed.topic = "visits".to_owned();
    let kafka = open(&feed);
    let error = kafka.partitions().unwrap_err().message;
    assert!(error.contains("topic visits is not on the brokers"), "{error}");
    cluster.mock.create_topic("visits", 2, 1).unwrap();
    let began = Instant::now();
    while kafka.partitions().is_err() {
        assert!(began.elapsed() < LONG);
    }
    assert_eq!(kafka.partitions().unwrap(), [0, 1]);
}

#[test]
fn a_broker_that_is_away_is_named_and_nothing_is_lost_once_it_is_back() {
    let cluster = Cluster::new(1, 1);
    cluster.write(0, 0..10);
    let kafka = open(&cluster.feed());
    let (_, place) = read_all(&kafka, 0, None, 4);
    cluster.mock.broker_down(1).unwrap();
    let error = refusal(&kafka, 0, Some(place.clone()));
    assert!(error.contains("do not answer (127.0.0.1:") && error.contains("it is tried again"), "{error}");
    let error = open(&cluster.feed()).partitions().unwrap_err().message;
    assert!(error.contains("do not answer (127.0.0.1:"), "{error}");
    cluster.mock.broker_up(1).unwrap();
    cluster.write(0, 10..15);
    assert_eq!(read_some(&kafka, 0, Some(place), 5), [10, 11, 12, 13, 14]);
}

#[test]
fn failing_fetches_lose_and_double_nothing() {
    use RDKafkaRespErr as Failed;
    let cluster = Cluster::new(2, 1);
    cluster.write(0, 0..500);
    let errors = [
        Failed::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Failed::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        Failed::RD_KAFKA_RESP_ERR__TRANSPORT,
        Failed::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    ];
    let kafka = open(&cluster.feed());
    let (mut all, mut place) = (Vec::new(), None);
    for enough in [100, 200, 300] {
        cluster.mock.request_errors(RDKafkaApiKey::Fetch, &errors);
        cluster.mock.request_errors(RDKafkaApiKey::ListOffsets, &errors[..1]);
        // As after a restart: nothing is fetched ahead.
        let kafka = open(&cluster.feed());
        let began = Instant::now();
        while all.len() < enough {
            assert!(began.elapsed() < LONG);
            if let Ok(read) = kafka.read(0, place.as_ref(), 10) {
                all.extend(numbers(&read.events));
                place = Some(read.offset);
            }
        }
    }
    all.extend(read_all(&kafka, 0, place, 10).0);
    assert_eq!(all, (0..500).collect::<Vec<_>>());
}

#[test]
fn readers_at_places_of_their_own_go_on_each_where_it_was() {
    let cluster = Cluster::new(1, 1);
    cluster.write(0, 0..600);
    let kafka = open(&cluster.feed());
    let read = |from: Option<&Offset>| {
        let read = kafka.read(0, from, 50).unwrap();
        (numbers(&read.events), read.offset)
    };
    // One is behind the other.
    let (mut ahead, mut behind) = (read(None).1, read(None).1);
    for _ in 0..3 {
        ahead = read(Some(&ahead)).1;
    }
    for round in 1..4 {
        let (events, next) = read(Some(&ahead));
        assert_eq!(events, (150 + round * 50..200 + round * 50).collect::<Vec<_>>());
        ahead = next;
        let (events, next) = read(Some(&behind));
        assert_eq!(events, (round * 50..50 + round * 50).collect::<Vec<_>>());
        behind = next;
        let places = [&ahead, &behind].map(|offset| Some(Place::of(offset, &kafka.source, "clicks").unwrap()));
        let found = places.map(|place| kafka.number_at(0, place.as_ref()));
        assert_ne!(found[0], found[1], "each has a connection that goes on there");
    }
    // More than there are connections: each is right all the same.
    let mut all = vec![(Vec::new(), None); PLACES + 2];
    for turn in 0..12 {
        for (number, (events, place)) in all.iter_mut().enumerate() {
            // They drift apart.
            if turn >= number {
                let (new, next) = read(place.as_ref());
                events.extend(new);
                *place = Some(next);
            }
        }
    }
    for (number, (events, _)) in all.iter().enumerate() {
        assert_eq!(*events, (0..(12 - number as i64) * 50).collect::<Vec<_>>());
    }
}

#[test]
fn what_waits_is_counted_and_monitors_are_told_how_far_views_are() {
    let cluster = Cluster::new(1, 1);
    cluster.write(0, 0..20);
    let feed = cluster.feed();
    let kafka = open(&feed);
    assert_eq!(kafka.backlog(0, None).unwrap().unwrap().events, 20);
    let read = kafka.read(0, None, 5).unwrap();
    let waits = kafka.backlog(0, Some(&read.offset)).unwrap().unwrap();
    assert_eq!(waits.events, 15);
    assert_eq!(waits.oldest, Some(from_micros(1_700_000_000_005_000)));
    let (_, end) = read_all(&kafka, 0, Some(read.offset), 100);
    let waits = kafka.backlog(0, Some(&end)).unwrap().unwrap();
    assert_eq!((waits.events, waits.oldest), (0, None));

    let monitor: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", feed.brokers.join(","))
        .set("group.id", "fvtop.clicks")
        .create()
        .unwrap();
    let began = Instant::now();
    loop {
        kafka.written(0, &end);
        kafka.read(0, Some(&end), 1).unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(TOPIC, 0);
        let told = monitor.committed_offsets(list, LONG).unwrap();
        if told.find_partition(TOPIC, 0).unwrap().offset() == At::Offset(20) {
            break;
        }
        assert!(began.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn secrets_are_read_from_where_they_are_and_reach_no_sentence() {
    let cluster = Cluster::new(1, 1);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| Secret::File(Located { path: folder.path().join(name), within: [].into() });
    let sasl = |user, password| Some(Sasl { mechanism: SaslMechanism::ScramSha256, user, password });
    let feed = KafkaFeed { sasl: sasl(Secret::Env("FVTOP_NO_SUCH_USER".into()), file("password")), ..cluster.feed() };
    let error = Kafka::open(&source(&feed), &feed).err().unwrap().message;
    assert!(error.contains("the environment variable FVTOP_NO_SUCH_USER, which is not set"), "{error}");
    std::fs::write(folder.path().join("user"), "somebody\n").unwrap();
    std::fs::write(folder.path().join("password"), "\n").unwrap();
    let feed = KafkaFeed { sasl: sasl(file("user"), file("password")), ..cluster.feed() };
    let error = Kafka::open(&source(&feed), &feed).err().unwrap().message;
    assert!(error.contains("password, which is empty"), "{error}");
    // What is no plain file could be waited for without end.
    let device = Secret::File(Located { path: "/dev/null".into(), within: [].into() });
    let feed = KafkaFeed { sasl: sasl(file("user"), device), ..feed };
    let error = Kafka::open(&source(&feed), &feed).err().unwrap().message;
    assert!(error.contains("/dev/null, which cannot be read: it is no plain file"), "{error}");
    let feed = KafkaFeed { sasl: sasl(file("user"), file("password")), ..feed };
    std::fs::write(folder.path().join("password"), "hunter22\n").unwrap();
    // The mock knows no logins: it says so, and nobody repeats the password.
    let error = open(&feed).partitions().unwrap_err().message;
    assert!(!error.contains("hunter22"), "{error}");
    assert!(error.starts_with("source clicks: "), "{error}");
}

#[test]
fn a_broker_without_tls_is_told_apart() {
    let cluster = Cluster::new(1, 1);
    let feed = KafkaFeed { tls: Some(KafkaTls::default()), ..cluster.feed() };
    let error = open(&feed).partitions().unwrap_err().message;
    assert!(error.contains("127.0.0.1:"), "{error}");
}
