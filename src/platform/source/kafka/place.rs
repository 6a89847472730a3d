//! A place in a partition of a topic, and what tells later that it is still a place among the same records.

use rdkafka::Message;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::words::CHOICE;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::Source;
use crate::platform::source::position::take;
use crate::platform::source::{Form, Offset, damaged};

/// The form of its bytes: the offset in eight bytes; a one and the mark in 24, or a zero; the name of the topic.
const FORM: Form = Form { kind: "kafka", version: 1 };

/// The timestamp of a record that has none.
const NO_TIMESTAMP: i64 = i64::MIN;

/// Where a read of a partition begins, and what lies before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The offset of the next record.
    pub(super) offset: i64,
    /// The last record that was read before it, where one was.
    pub(super) mark: Option<Mark>,
}

/// What a record was. A topic that was deleted and made again has other records at the same offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) offset: i64,
    /// Its timestamp in milliseconds since 1970.
    timestamp: i64,
    /// A hash of its key and value.
    content: u64,
}

impl Mark {
    pub(super) fn of(record: &impl Message) -> Self {
        let key = xxh3_64(record.key().unwrap_or_default());
        Self {
            offset: record.offset(),
            timestamp: record.timestamp().to_millis().unwrap_or(NO_TIMESTAMP),
            content: xxh3_64_with_seed(record.payload().unwrap_or_default(), key),
        }
    }
}

impl Place {
    /// The place behind an offset of the source's stream.
    ///
    /// # Errors
    /// When another kind of stream or a later release made it, or when it is a place in another topic than `topic`.
    pub(super) fn of(offset: &Offset, source: &Source, topic: &str) -> Result<Self, EngineError> {
        let (_, bytes) = offset.place(FORM, source)?;
        let (place, of) = take_place(bytes).ok_or_else(|| damaged(source))?;
        match of == topic.as_bytes() {
            true => Ok(place),
            false => Err(EngineError {
                kind: ErrorKind::Source,
                message: format!(
                    "source {}: how far its stream was read is kept as a place in topic {}, and the definition now \
                     names topic {topic}: put the topic back, or choose where to begin in the new one with {CHOICE}",
                    source.name,
                    crate::model::clean(&String::from_utf8_lossy(of))
                ),
            }),
        }
    }

    /// The place as an offset of the source's stream, which readers keep.
    pub(super) fn offset(&self, topic: &str) -> Offset {
        let mut bytes = self.offset.to_be_bytes().to_vec();
        bytes.push(u8::from(self.mark.is_some()));
        if let Some(mark) = self.mark {
            bytes.extend(mark.offset.to_be_bytes());
            bytes.extend(mark.timestamp.to_be_bytes());
            bytes.extend(mark.content.to_be_bytes());
        }
        bytes.extend(topic.as_bytes());
        Offset::new(FORM, &bytes)
    }

    /// The number of the next record that an offset names; absent for bytes of another kind.
    pub(super) fn number(offset: &Offset, source: &Source) -> Option<i64> {
        let (_, bytes) = offset.place(FORM, source).ok()?;
        take_place(bytes).map(|(place, _)| place.offset)
    }
}

fn take_place(mut bytes: &[u8]) -> Option<(Place, &[u8])> {
    let rest = &mut bytes;
    let offset = i64::from_be_bytes(take(rest)?);
    let mark = match take(rest)? {
        [0] => None,
        [1] => Some(Mark {
            offset: i64::from_be_bytes(take(rest)?),
            timestamp: i64::from_be_bytes(take(rest)?),
            content: u64::from_be_bytes(take(rest)?),
        }),
        _ => return None,
    };
    Some((Place { offset, mark }, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::testing;

    #[test]
    fn places_survive_their_bytes() {
        let source = Source::clone(&testing::view("v").inputs[0].source);
        let mark = Mark { offset: 6, timestamp: NO_TIMESTAMP, content: u64::MAX };
        for place in [Place { offset: 7, mark: Some(mark) }, Place { offset: i64::MAX, mark: None }] {
            let offset = place.offset("visits");
            assert_eq!(Place::of(&offset, &source, "visits"), Ok(place.clone()));
            assert_eq!(Place::number(&offset, &source), Some(place.offset));
        }
    }

    #[test]
    fn a_place_in_another_topic_and_damaged_bytes_are_refused() {
        let source = Source::clone(&testing::view("v").inputs[0].source);
        let other = Place { offset: 7, mark: None }.offset("visits\u{202e}");
        let error = Place::of(&other, &source, "clicks").unwrap_err().message;
        assert!(error.contains("topic visits\u{fffd}") || error.contains("topic visits"), "{error}");
        assert!(!error.contains('\u{202e}') && error.contains("names topic clicks"), "{error}");
        let damaged = Offset::new(FORM, &[0, 0, 0]);
        assert!(Place::of(&damaged, &source, "clicks").unwrap_err().message.contains("damaged"));
        assert!(Place::of(&Offset::of_bytes(b"replay\0\x01".to_vec()), &source, "clicks").is_err());
    }
}
