//! Records of a topic to events: the value as JSON, and beside it the columns that take what Kafka knows of a record.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use polars::prelude::{Column, DataFrame, Int64Chunked, IntoColumn, PolarsResult, StringChunked};
use rdkafka::Message;
use rdkafka::message::Headers;
use serde_json::{Map, Value};

use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{KafkaFeed, KafkaTake, KafkaValues, Source};
use crate::platform::frame;
use crate::platform::source::records::{Decoded, Decoder, MOST_BYTES, Reason, Refused};

/// The first byte of a value that a schema registry knows; the number of its schema follows in four.
const REGISTRY_MAGIC: u8 = 0;
const REGISTRY_HEADER: usize = 5;

/// A record, whoever holds its bytes.
pub(super) struct Record<'m> {
    offset: i64,
    /// Its timestamp in milliseconds since 1970; absent where it has none.
    timestamp: Option<i64>,
    key: Option<&'m [u8]>,
    value: Option<&'m [u8]>,
    /// Its headers as a JSON object, where they are taken; why not, where they cannot be.
    headers: Result<Option<String>, &'static str>,
}

/// Makes events of the records of one source.
pub(super) struct Records {
    source: Source,
    take: KafkaTake,
    values: KafkaValues,
    decoder: Decoder,
}

impl Records {
    pub(super) fn new(source: &Source, feed: &KafkaFeed) -> Self {
        let take = feed.take.clone();
        let decoder = Decoder::new(source).passing_over(take.columns());
        Self { source: source.clone(), take, values: feed.values, decoder }
    }

    /// What is needed of a message.
    pub(super) fn record<'m, M: Message>(&self, message: &'m M) -> Record<'m> {
        Record {
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
            headers: match self.take.headers {
                Some(_) => headers(message),
                None => Ok(None),
            },
        }
    }

    /// The events of records of one partition, and what no event could be made of.
    ///
    /// # Errors
    /// When a frame cannot be made of them, which no record causes.
    pub(super) fn decode(&self, partition: i32, records: &[Record<'_>]) -> Result<Decoded, EngineError> {
        let place = |record: &Record<'_>| format!("{partition}:{}", record.offset);
        let mut refused = Vec::new();
        let mut sound: Vec<(&Record<'_>, &[u8])> = Vec::with_capacity(records.len());
        for record in records {
            match self.value(record) {
                Ok(value) => sound.push((record, value)),
                Err((reason, message)) => {
                    let value = record.value.unwrap_or_default();
                    // As long as none may be, so that it is seen that it is not whole.
                    let value = value.get(..=MOST_BYTES).unwrap_or(value).to_vec();
                    refused.push(Refused { reason, message: message.to_owned(), place: place(record), record: value });
                }
            }
        }
        let mut decoded = self.decoder.decode(sound.iter().map(|(_, value)| *value), |at| place(sound[at].0));
        let taken: Vec<&Record<'_>> = decoded.of.iter().filter_map(|at| Some(sound.get(*at)?.0)).collect();
        self.take_into(&mut decoded.events, partition, &taken).map_err(|error| EngineError {
            kind: ErrorKind::Source,
            message: format!("source {}: no events could be made of its records: {error}", self.source.name),
        })?;
        decoded.refused.extend(refused);
        Ok(decoded)
    }

    /// The JSON of a record; why there is none, or why what is taken beside it cannot be.
    fn value<'m>(&self, record: &Record<'m>) -> Result<&'m [u8], (Reason, &'static str)> {
        let Some(value) = record.value else {
            return Err((Reason::Unparsed, "it has no value: it is a tombstone, and no event is taken back by one"));
        };
        if self.take.key.is_some() && record.key.is_some_and(|key| str::from_utf8(key).is_err()) {
            return Err((Reason::WrongType, "its key is not UTF-8 text, and a column takes it"));
        }
        if let Err(why) = record.headers {
            return Err((Reason::WrongType, why));
        }
        let takes_time = self.take.timestamp.is_some() && self.take.timestamp == self.source.timestamp_column;
        if takes_time && record.timestamp.is_none() {
            return Err((Reason::NoTime, "it has no timestamp, and the event time is taken from it"));
        }
        match self.values {
            KafkaValues::Json => Ok(value),
            KafkaValues::RegistryJson => match value.split_at_checked(REGISTRY_HEADER) {
                Some((&[REGISTRY_MAGIC, ..], rest)) => Ok(rest),
                _ => Err((
                    Reason::Unparsed,
                    "its value does not begin with a zero byte and the number of a schema, as those of a schema registry do",
                )),
            },
        }
    }

    /// Puts what is taken beside the values into the columns that take it.
    fn take_into(&self, events: &mut DataFrame, partition: i32, records: &[&Record<'_>]) -> PolarsResult<()> {
        let Self { take, .. } = self;
        let mut columns = Vec::new();
        if let Some(name) = &take.key {
            columns.push(text(name, records.iter().map(|record| record.key())));
        }
        if let Some(name) = &take.headers {
            columns.push(text(name, records.iter().map(|record| record.headers.as_ref().ok()?.as_deref())));
        }
        if let Some(name) = &take.partition {
            columns.push(numbers(name, records.iter().map(|_| Some(i64::from(partition)))));
        }
        if let Some(name) = &take.offset {
            columns.push(numbers(name, records.iter().map(|record| Some(record.offset))));
        }
        if let Some(name) = &take.timestamp {
            let micros = records.iter().map(|record| record.timestamp?.checked_mul(1000));
            columns.push(numbers(name, micros).cast(&frame::timestamp_type())?);
        }
        columns.into_iter().try_for_each(|column| events.with_column(column).map(drop))
    }
}

impl<'m> Record<'m> {
    fn key(&self) -> Option<&'m str> {
        str::from_utf8(self.key?).ok()
    }
}

fn text<'t>(name: &str, values: impl Iterator<Item = Option<&'t str>>) -> Column {
    let values: StringChunked = values.collect();
    values.with_name(name.into()).into_column()
}

fn numbers(name: &str, values: impl Iterator<Item = Option<i64>>) -> Column {
    let values: Int64Chunked = values.collect();
    values.with_name(name.into()).into_column()
}

/// The headers of a message as a JSON object: a text for a value of UTF-8, else its bytes in base64; a list where a name
/// comes more than once.
fn headers(message: &impl Message) -> Result<Option<String>, &'static str> {
    let Some(headers) = message.headers() else { return Ok(None) };
    let read = || {
        let mut object: Map<String, Value> = Map::new();
        for header in headers.iter() {
            let value = header.value.map_or(Value::Null, |bytes| {
                Value::from(str::from_utf8(bytes).map_or_else(|_| STANDARD.encode(bytes), str::to_owned))
            });
            match object.get_mut(header.key) {
                None => drop(object.insert(header.key.to_owned(), value)),
                Some(Value::Array(list)) => list.push(value),
                Some(one) => *one = Value::from(vec![one.take(), value]),
            }
        }
        Value::from(object).to_string()
    };
    // The library panics at a name that is not UTF-8, and any producer may write one.
    catch_unwind(AssertUnwindSafe(read)).map(Some).map_err(|_| "the name of one of its headers is not UTF-8 text")
}
