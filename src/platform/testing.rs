//! Definitions that the tests of this room share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::{BatchTrigger, DataType, Id, Span};
use crate::platform::definition::{
    Aggregation, Arrival, DataFile, FeatureStart, Feed, Function, Input, Kind, Recorded, Source, Stream, View,
};

/// A sound, live, scheduled hourly aggregate over a stream.
pub(crate) fn view(name: &str) -> View {
    View {
        id: Id(name.bytes().fold(7, |sum, byte| sum * 31 + u128::from(byte))),
        name: name.to_owned(),
        workspace: "prod".to_owned(),
        live: true,
        description: "A test's view.".to_owned(),
        owner: "tests".to_owned(),
        family: String::new(),
        tags: BTreeMap::new(),
        defined_in: "views.toml".to_owned(),
        entities: Vec::new(),
        inputs: vec![Input::plain("flights", source())],
        sql: "SELECT carrier, timestamp, delay FROM flights".to_owned(),
        join_keys: vec![("carrier".to_owned(), DataType::String)],
        online_serving_index: vec!["carrier".to_owned()],
        timestamp_field: "timestamp".to_owned(),
        kind: Kind::Aggregate { interval: Span::hours(1), aggregations: vec![mean()] },
        online: true,
        offline: true,
        batch_schedule: Span::hours(1),
        max_batch_aggregation_interval: None,
        offline_partition: Span::days(1),
        feature_start_time: Some(FeatureStart::BeforeApply(Span::days(1))),
        batch_trigger: BatchTrigger::Scheduled,
        expected_freshness: None,
    }
}

/// An instant for tests that need any.
pub(crate) fn now() -> crate::model::Time {
    crate::model::time::from_micros(1_700_000_000_000_000)
}

fn mean() -> Aggregation {
    Aggregation {
        column: "delay".to_owned(),
        function: Function::Mean,
        time_window: Span::days(1),
        feature: "delay_mean_1d_1h".to_owned(),
        input_type: DataType::Float64,
        output_type: DataType::Float64,
    }
}

fn source() -> Source {
    Source {
        id: Id(1),
        name: "flights".to_owned(),
        description: "Flights.".to_owned(),
        owner: "tests".to_owned(),
        tags: BTreeMap::new(),
        files: vec![file()],
        timestamp_column: Some("timestamp".to_owned()),
        data_delay: Span::zero(),
        columns: vec![
            ("carrier".to_owned(), DataType::String),
            ("timestamp".to_owned(), DataType::Timestamp),
            ("delay".to_owned(), DataType::Float64),
        ],
        unread: vec![],
        future_events: false,
        replay: None,
        stream: Some(Stream {
            feed: Feed::Recorded(Recorded {
                files: vec![file()],
                arrival: Arrival { column: "timestamp".to_owned(), or_end_of_day_of: None, day_starts: Span::zero() },
                order: "timestamp".to_owned(),
            }),
            watermark: Span::minutes(30),
            retention: Span::hours(6),
            required: vec![],
            deduplicate: None,
        }),
        kept: None,
    }
}

fn file() -> DataFile {
    DataFile::at(PathBuf::from("/nowhere/flights.parquet"))
}
