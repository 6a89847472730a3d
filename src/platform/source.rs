//! Where events come from: files of the batch side, streams, and the readers that share them.
//!
//! It reads; it must not compute features, write anything, or keep a position.

use polars::prelude::{ChunkAgg, DataFrame};

use crate::model::time::{from_micros, micros};
use crate::model::{Span, Time};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::Source;
use crate::platform::frame;
use records::Refused;

pub(crate) mod arrivals;
mod arrow_reader;
pub(crate) mod dedup;
mod delimited;
mod file_tail;
pub(crate) mod files;
mod folder;
pub(crate) mod footer;
pub(crate) mod ingest;
#[cfg(feature = "kafka")]
mod kafka;
pub(crate) mod kept;
pub(crate) mod lap;
mod lines;
pub(crate) mod position;
pub(crate) mod readers;
pub(crate) mod records;
pub(crate) mod replay;
pub(crate) mod schema;
mod shared;
mod slots;
#[cfg(test)]
pub(crate) mod testing;

/// The number of a partition of a stream. One that is not divided has the partition 0.
pub(crate) type Partition = u32;

/// The stream side of a source: events in partitions, each in the order in which they arrived.
///
/// Stream jobs and tails know a stream by this alone; [`readers::Readers`] opens one for all who read a source. What an
/// implementation must promise:
///
/// - **Reading.** What is read depends on the offset that is given, on `max` and on what has arrived; never on who read
///   before. Many read at once, each from a place of its own. Beginning anywhere and going on from each
///   [`Read::offset`], in pieces of any size, a reader gets every event behind the first offset once, in the order of
///   its partition. Between partitions there is no order.
/// - **Offsets.** Opaque to everybody else, and kept in the same write as the rows that were made of the events before
///   them. So after a crash the events behind the kept offset are read again, and no others. An offset stays good for
///   as long as data directories live: another form of it gets another version, and older ones go on being read.
/// - **Beginning.** Without an offset a read begins at the oldest event that is kept, or where the definition says. It is
///   how a view that never read begins, and how every tail does. A partition that was not there before is read from
///   [`StreamSource::appeared`].
/// - **Retention.** An offset that retention has overtaken is no error: the read begins at the oldest event that is
///   kept, and says in [`Read::expired`] how many events lay between. The same loss is said once for each position that
///   meets it. Where others rule how long events are kept, as with Kafka, it is an error until somebody chooses where to
///   go on, for nobody here decided that they could go.
/// - **Partitions.** They are asked for before each round of reading. New ones may appear at any time and are then read
///   from their beginning. None goes away: a reader that misses one stops, for nobody could tell what was lost with it.
/// - **Being caught up.** True when nothing lay behind the offset at the time of the read. A read that is not caught up
///   gives events or moves its offset, so that going on at once comes to an end.
/// - **Back-pressure.** Readers pull: they ask for more once they have written what they got, and a slow store or a
///   failing query makes them ask later. Between reads a source holds no more than it must; what has arrived waits
///   where it came from.
/// - **Waiting.** A read does not wait for events to come. It may wait for the place where they are, for seconds at
///   most.
/// - **Watermark.** A source tells the greatest event time of what it read ([`Read::newest`]). How far behind that a
///   late event is still taken is the definition's, as is who counts what came later; [`position::Batch::newest`] makes
///   one time of several partitions.
/// - **Refused records.** A record that no event can be made of is no error: it is in [`Read::refused`], and counts as
///   read. So nothing that arrives can hold a stream up.
/// - **Errors.** Of kind `Source`: tried again after a pause. An error moves nothing.
pub trait StreamSource: Send + Sync {
    /// The partitions that there are now, each once.
    ///
    /// # Errors
    /// When nobody can tell for now.
    fn partitions(&self) -> Result<Vec<Partition>, EngineError>;

    /// The events of a partition behind `from`, or from the oldest that is kept on: some `max`, at least one. A few
    /// more are given where events cannot be told apart by an offset.
    ///
    /// # Errors
    /// When they cannot be read; when the offset is not one of this kind of stream, or of a version that is not known.
    fn read(&self, partition: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError>;

    /// An offset for people. One that cannot be read is shown as it is.
    fn print(&self, offset: &Offset) -> String;

    /// What lies behind a place, or behind the oldest event that is kept; absent where nobody can tell.
    ///
    /// # Errors
    /// When it cannot be looked up for now.
    fn backlog(&self, _partition: Partition, _from: Option<&Offset>) -> Result<Option<Backlog>, EngineError> {
        Ok(None)
    }

    /// Changes whenever something has come; absent where the source does not notice by itself. Readers look now and then
    /// anyway.
    fn changed(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        None
    }

    /// The place in a partition that somebody asks for.
    ///
    /// # Errors
    /// Of kind `Arguments` where this kind of stream has no such places, or the text is none.
    fn seek(&self, _partition: Partition, _to: &Seek) -> Result<Offset, EngineError> {
        let message = "this kind of stream begins at its oldest event alone. Say `beginning`".to_owned();
        Err(EngineError { kind: ErrorKind::Arguments, message })
    }

    /// Where those begin in a partition who read others and not yet this one: at its oldest event. Absent where a read
    /// without an offset begins there.
    ///
    /// # Errors
    /// When nobody can tell for now.
    fn appeared(&self, _partition: Partition) -> Result<Option<Offset>, EngineError> {
        Ok(None)
    }

    /// Hears that a view has written the rows of all events before an offset, and its position with them. Called as
    /// often as that happens.
    fn written(&self, _partition: Partition, _offset: &Offset) {}
}

/// What lies behind a place in a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many events and records lie there.
    pub events: u64,
    /// When the oldest of them arrived, where that is known.
    pub oldest: Option<Time>,
}

/// A place in a stream, as people name it; the beginning needs no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seek {
    /// Behind all that is there now.
    Latest,
    /// Before whatever arrived at that instant or later.
    Arrived(Time),
    /// A place in the form in which [`StreamSource::print`] shows it.
    Printed(String),
}

/// How much later than the present an event may be: clocks differ. Those beyond are refused, unless the source takes
/// events of the future. None of the future counts for the watermark.
pub(crate) const FAR_FUTURE: Span = Span::hours(1);

/// The greatest event time of what was read that is not later than the present, also where the source takes events of
/// the future: one wrong clock must not make all that comes after it late.
pub(crate) fn newest_of(read: &Read, source: &Source, now: Time) -> Option<Time> {
    let newest = read.newest?;
    if newest <= now {
        return Some(newest);
    }
    let times = frame::micros_of(read.events.column(source.timestamp_column.as_deref()?).ok()?).ok()?;
    times.into_iter().flatten().filter(|at| *at <= micros(now)).max().map(from_micros)
}

/// What was read of a partition.
#[derive(Clone, Debug)]
pub struct Read {
    /// The events with the source's columns, oldest arrival first.
    pub events: DataFrame,
    /// Records of the piece that no event could be made of. They count as read.
    pub refused: Vec<Refused>,
    /// The place behind them, where the next read begins.
    pub offset: Offset,
    /// The instant up to which all that had arrived lies before that place, where the source can tell.
    pub reached: Option<Time>,
    /// The greatest event time among the events: see [`latest_event`].
    pub newest: Option<Time>,
    /// Whether there was nothing more behind that place.
    pub caught_up: bool,
    /// Events behind `from` that are not kept any more, and so were not read.
    pub expired: u64,
}

/// A kind of stream, and the version of its offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// One word, such as `replay`.
    pub kind: &'static str,
    /// What is written. Versions begin with 1.
    pub version: u8,
}

/// A place in a partition, between two events. Only the kind of stream that made it knows what its bytes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offset(Vec<u8>);

impl Offset {
    /// The offset of that form: its kind, a zero, its version, and the place as the kind writes it.
    pub fn new(form: Form, place: &[u8]) -> Self {
        Self([form.kind.as_bytes(), &[0, form.version], place].concat())
    }

    /// Its bytes, to be kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The offset behind bytes that were kept.
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its version and the place in it, for a kind of stream that knows versions up to that of `form`.
    ///
    /// # Errors
    /// When another kind of stream made it, or a later release.
    pub fn place(&self, form: Form, source: &Source) -> Result<(u8, &[u8]), EngineError> {
        let (kind, rest) = self.0.split_at(self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len()));
        let refused = |problem: String| EngineError {
            kind: ErrorKind::Source,
            message: format!("source {}: how far its stream was read is kept {problem}. Nothing was read", source.name),
        };
        if kind != form.kind.as_bytes() {
            let kind = crate::model::clean(&String::from_utf8_lossy(kind)).into_owned();
            return Err(refused(format!(
                "as a place in a stream of kind `{kind}`, and the stream is now of kind `{}`: put the definition of the \
                 stream back, or give its views other names, under which they begin anew",
                form.kind
            )));
        }
        match rest {
            [0, version, place @ ..] if (1..=form.version).contains(version) => Ok((*version, place)),
            _ => Err(refused(format!(
                "in version {} of the offsets of a {}, and this release ({}) knows versions up to {}: start the release that \
                 wrote it or a later one",
                rest.get(1).map_or("none".to_owned(), u8::to_string),
                form.kind,
                env!("CARGO_PKG_VERSION"),
                form.version
            ))),
        }
    }
}

/// The error about an offset of a known form whose place is none.
fn damaged(source: &Source) -> EngineError {
    EngineError {
        kind: ErrorKind::Source,
        message: format!(
            "source {}: how far its stream was read is damaged. Put the data directory back from a copy, or give the views \
             of the stream other names, under which they begin anew",
            source.name
        ),
    }
}

/// The greatest event time among `events`, which have the source's columns.
pub(crate) fn latest_event(events: &DataFrame, source: &Source) -> Option<Time> {
    let column = events.column(source.timestamp_column.as_deref()?).ok()?;
    let times = column.datetime().ok()?;
    Some(from_micros(crate::wire::table::micros(times.phys.max()?, times.time_unit())))
}
