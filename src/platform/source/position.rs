//! How far a reader is in a whole stream: a place for each partition, and the one way to go on from there.
//!
//! It must not know any kind of stream, nor where a position is kept.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::records::Refused;
use super::{Offset, Partition, Read, StreamSource};
use crate::model::time::{from_micros, micros};
use crate::model::{StreamCounts, Time, foreign};
use crate::platform::compute::{EngineError, ErrorKind};

/// The version of a position's bytes. Those of version 1 have no counts, which read as zero.
const VERSION: u8 = 2;

/// Events that whoever reads a stream on asks for at once. One number for all: those who ask for as many from one place
/// share the read.
pub(crate) const BATCH: usize = 2_000;

/// How far one partition was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the next read begins.
    pub offset: Offset,
    /// The instant up to which all that had arrived was read, where the source can tell.
    pub reached: Option<Time>,
    /// The greatest event time that was read, as far as it is known.
    pub newest: Option<Time>,
    /// Where its events went, since the view began to read it.
    pub counts: StreamCounts,
}

impl Place {
    /// A place of which nothing was counted yet.
    pub(crate) fn new(offset: Offset) -> Self {
        Self { offset, reached: None, newest: None, counts: StreamCounts::default() }
    }
}

/// How far a stream was read. A new one has read nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position(BTreeMap<Partition, Place>);

/// A micro-batch: what was read of all partitions in one round.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The events, those of one partition in the order of arrival; without columns where there are none.
    pub events: DataFrame,
    /// Records that no event could be made of, those of one partition in the order of arrival.
    pub refused: Vec<Refused>,
    /// What each partition brought, in the order of `events` and of `refused`.
    pub by_partition: Vec<Share>,
    pub position: Position,
    /// The event time up to which the stream was read. Of partitions that are behind the least, for events of these
    /// times are still to come; the greatest once none is behind: a partition without events holds nobody up.
    pub newest: Option<Time>,
    /// Whether there was nothing more in any partition.
    pub caught_up: bool,
    /// Events that were not read, for the stream keeps them no longer.
    pub expired: u64,
}

/// What one partition brought to a micro-batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub partition: Partition,
    /// How many of the events.
    pub rows: usize,
    /// How many of the refused records.
    pub refused: usize,
    /// Events that were not read, for the stream keeps them no longer.
    pub expired: u64,
}

impl Position {
    /// A position of one partition alone.
    pub fn of(partition: Partition, place: Place) -> Self {
        Self(BTreeMap::from([(partition, place)]))
    }

    /// Before the first event that the stream still holds, wherever its definition has new readers begin.
    ///
    /// # Errors
    /// When nobody can tell for now.
    pub(crate) fn beginning(stream: &dyn StreamSource) -> Result<Self, EngineError> {
        let mut position = Self::default();
        for partition in stream.partitions()? {
            // Where there is none, reading without a place begins there.
            if let Some(offset) = stream.appeared(partition)? {
                position = position.with(partition, Place::new(offset));
            }
        }
        Ok(position)
    }

    /// How far each partition was read, in their order.
    pub fn places(&self) -> impl Iterator<Item = (Partition, &Place)> {
        self.0.iter().map(|(partition, place)| (*partition, place))
    }

    /// The instant up to which all that had arrived was read of every partition; absent where one cannot tell.
    pub fn reached(&self) -> Option<Time> {
        self.0.values().map(|place| place.reached).min().flatten()
    }

    /// For people: the offset, or each partition with its own.
    pub fn print(&self, stream: &dyn StreamSource) -> String {
        let mut places = self.0.iter();
        match (places.next(), places.next()) {
            (None, _) => "the beginning".to_owned(),
            (Some((0, place)), None) => stream.print(&place.offset),
            _ => {
                let all = self.0.iter().map(|(number, place)| format!("{number}: {}", stream.print(&place.offset)));
                all.collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// Reads on from here: of each partition its share of some `max` events, so that none waits for another.
    ///
    /// # Errors
    /// When one partition cannot be read, or is gone: nothing was read of any.
    pub fn read(&self, stream: &dyn StreamSource, max: usize) -> Result<Batch, EngineError> {
        self.read_by(stream, max, &|read| read.newest)
    }

    /// As [`Position::read`]; the greatest event time that counts of each read is told by `newest`.
    pub(crate) fn read_by(
        &self,
        stream: &dyn StreamSource,
        max: usize,
        newest: &dyn Fn(&Read) -> Option<Time>,
    ) -> Result<Batch, EngineError> {
        let partitions = stream.partitions()?;
        if let Some(gone) = self.0.keys().find(|known| !partitions.contains(known)) {
            return Err(is_gone(*gone));
        }
        let share = (max / partitions.len().max(1)).max(1);
        let mut batch = Batch {
            events: DataFrame::empty(),
            refused: Vec::new(),
            by_partition: Vec::with_capacity(partitions.len()),
            position: self.clone(),
            newest: None,
            caught_up: true,
            expired: 0,
        };
        let mut behind = Vec::new();
        for partition in partitions {
            let known = self.0.get(&partition);
            let appeared = match known {
                None if !self.0.is_empty() => stream.appeared(partition)?,
                _ => None,
            };
            let from = known.map(|place| &place.offset).or(appeared.as_ref());
            let read = stream.read(partition, from, share)?;
            let newest = known.and_then(|place| place.newest).max(newest(&read));
            let counts = known.map(|place| place.counts).unwrap_or_default();
            if !read.caught_up {
                behind.push(newest);
            }
            batch.caught_up &= read.caught_up;
            batch.expired += read.expired;
            let (rows, refused) = (read.events.height(), read.refused.len());
            batch.by_partition.push(Share { partition, rows, refused, expired: read.expired });
            batch.refused.extend(read.refused);
            batch.position.0.insert(partition, Place { offset: read.offset, reached: read.reached, newest, counts });
            match batch.events.width() {
                0 => batch.events = read.events,
                _ => batch.events.vstack_mut_owned(read.events).map(drop).map_err(|error| unlike(partition, &error))?,
            }
        }
        batch.newest = match batch.caught_up {
            true => batch.position.0.values().map(|place| place.newest).max().flatten(),
            false => behind.into_iter().min().flatten(),
        };
        Ok(batch)
    }

    /// The same place but for one partition.
    #[must_use]
    pub(crate) fn with(&self, partition: Partition, place: Place) -> Self {
        let mut places = self.0.clone();
        places.insert(partition, place);
        Self(places)
    }

    /// The same place, with what became of more events.
    #[must_use]
    pub(crate) fn with_counts(&self, more: &BTreeMap<Partition, StreamCounts>) -> Self {
        let mut counted = self.clone();
        for (partition, place) in &mut counted.0 {
            if let Some(more) = more.get(partition) {
                place.counts = place.counts.plus(more);
            }
        }
        counted
    }

    /// What became of the events of all partitions.
    pub fn counts(&self) -> StreamCounts {
        self.0.values().fold(StreamCounts::default(), |sum, place| sum.plus(&place.counts))
    }

    /// Its bytes, to be kept.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for (partition, place) in &self.0 {
            bytes.extend(partition.to_be_bytes());
            for at in [place.reached, place.newest] {
                bytes.push(u8::from(at.is_some()));
                bytes.extend(at.map_or(0, micros).to_be_bytes());
            }
            let offset = place.offset.bytes();
            bytes.extend((offset.len() as u32).to_be_bytes());
            bytes.extend(offset);
            place.counts.list().iter().for_each(|(_, count)| bytes.extend(count.to_be_bytes()));
        }
        bytes
    }

    /// The position behind bytes of [`Position::encode`].
    ///
    /// # Errors
    /// When they are damaged or of a later release: what they are, for a sentence that begins with `they are`.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (&version, mut rest) = bytes.split_first().ok_or("damaged")?;
        if !(1..=VERSION).contains(&version) {
            return Err(format!("of version {version}, and this release knows versions up to {VERSION}"));
        }
        let mut places = BTreeMap::new();
        while !rest.is_empty() {
            let (partition, place) = take_place(&mut rest, version).ok_or("damaged")?;
            places.insert(partition, place);
        }
        Ok(Self(places))
    }
}

impl Batch {
    /// Where an event of a batch that was read from there stands in its stream, for people: the same each time that it is
    /// read from there.
    pub(crate) fn place(&self, from: &Position, stream: &dyn StreamSource, event: usize) -> String {
        let mut first = 0;
        for share in &self.by_partition {
            if event < first + share.rows {
                let begin = from.0.get(&share.partition).map(|place| stream.print(&place.offset));
                let begin = begin.unwrap_or_else(|| "the beginning".to_owned());
                return format!("{}: {begin} + {}", share.partition, event - first + 1);
            }
            first += share.rows;
        }
        format!("event {event}")
    }
}

fn take_place(rest: &mut &[u8], version: u8) -> Option<(Partition, Place)> {
    let partition = Partition::from_be_bytes(take(rest)?);
    let (reached, newest) = (take_time(rest)?, take_time(rest)?);
    let length = u32::from_be_bytes(take(rest)?) as usize;
    let (offset, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    let mut counts = [0; 7];
    if version > 1 {
        for count in &mut counts {
            *count = u64::from_be_bytes(take(rest)?);
        }
    }
    let (offset, counts) = (Offset::of_bytes(offset.to_vec()), StreamCounts::of_list(counts));
    Some((partition, Place { offset, reached, newest, counts }))
}

fn take_time(rest: &mut &[u8]) -> Option<Option<Time>> {
    let [known] = take(rest)?;
    let at = i64::from_be_bytes(take(rest)?);
    Some((known != 0).then(|| from_micros(at)))
}

/// The first bytes, which are taken off; absent where there are fewer.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*taken)
}

fn is_gone(partition: Partition) -> EngineError {
    let message = format!(
        "partition {partition} of the stream was read and is not there any more. Bring it back, or give the views of the \
         stream other names, under which they begin anew"
    );
    EngineError { kind: ErrorKind::Source, message }
}

fn unlike(partition: Partition, error: &polars::error::PolarsError) -> EngineError {
    let problem = foreign::sentence(error);
    let message = format!(
        "the events of partition {partition} of the stream have other columns than those of another one: {problem}. \
         Correct the source"
    );
    EngineError { kind: ErrorKind::Source, message }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> impl Strategy<Value = Place> {
        let time = || prop::option::of((-9_000_000_000_000_000_i64..9_000_000_000_000_000).prop_map(from_micros));
        let offset = prop::collection::vec(any::<u8>(), 0..20).prop_map(Offset::of_bytes);
        let counts = any::<[u64; 7]>().prop_map(StreamCounts::of_list);
        let place = |(offset, reached, newest, counts)| Place { offset, reached, newest, counts };
        (offset, time(), time(), counts).prop_map(place)
    }

    proptest! {
        #[test]
        fn positions_survive_their_bytes_and_damaged_bytes_are_refused(
            places in prop::collection::btree_map(any::<u32>(), place(), 0..5), cut in any::<prop::sample::Index>(),
        ) {
            let position = Position(places);
            let bytes = position.encode();
            prop_assert_eq!(Position::decode(&bytes), Ok(position.clone()));
            let cut = cut.index(bytes.len());
            // What is cut between two places is whole, and less.
            let left = Position::decode(&bytes[..cut]);
            prop_assert!(left.is_err_and(|problem| problem == "damaged") || cut > 0 && Position::decode(&bytes[..cut]) != Ok(position));
        }
    }

    #[test]
    fn positions_of_the_first_version_are_read_and_have_counted_nothing() {
        let (offset, reached) = (Offset::of_bytes(vec![7, 8]), Some(from_micros(5)));
        let position = Position::of(3, Place { offset, reached, newest: None, counts: StreamCounts::default() });
        let mut bytes = position.encode();
        bytes.truncate(bytes.len() - 7 * 8);
        bytes[0] = 1;
        assert_eq!(Position::decode(&bytes), Ok(position));
        assert_eq!(Position::decode(&[3]), Err("of version 3, and this release knows versions up to 2".to_owned()));
    }

    #[test]
    fn a_stream_is_read_up_to_the_instant_of_the_partition_that_is_behind_most() {
        let place = |reached: Option<i64>| Place {
            offset: Offset::of_bytes(vec![]),
            reached: reached.map(from_micros),
            newest: None,
            counts: StreamCounts::default(),
        };
        let reached = |all: &[Option<i64>]| Position((0..).zip(all.iter().map(|at| place(*at))).collect()).reached();
        assert_eq!(reached(&[]), None);
        assert_eq!(reached(&[Some(5), Some(3), Some(4)]), Some(from_micros(3)));
        assert_eq!(reached(&[Some(5), None]), None);
    }
}
