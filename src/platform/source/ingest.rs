//! The stream of a source whose records are sent to the platform: a log of its own that outlives the process.
//!
//! The door takes records (`http/ingest.rs`), readers read them from here. It has one partition. Its offsets are the
//! number of the log and that of the next record. Records are kept as they came and are made events of when they are
//! read: a definition that was mended reads old ones as well.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::records::{Decoded, Decoder};
use super::slots::Slots;
use super::{Backlog, Form, Offset, Partition, Read, Seek, StreamSource, damaged, latest_event};
use crate::platform::clock::Clock;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::data_dir;
use crate::platform::definition::{Feed, Source};

mod error;
mod frame;
mod log;
mod segment;
mod tags;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use error::{AppendError, LogError};
pub(crate) use frame::{Records, Tag};
pub(crate) use log::{Keeping, Log};

/// Its offsets: the number of the log and of the next record, eight bytes each.
const FORM: Form = Form { kind: "ingest", version: 1 };
const WHOLE: Partition = 0;
/// Bytes of records that are read at once.
const PIECE: usize = 4 << 20;

/// The logs of all sources, shared by the door and the readers: each is opened when first asked for.
#[derive(Default)]
pub(crate) struct Logs {
    streams: PathBuf,
    clock: Clock,
    slots: Slots<Arc<Log>>,
}

impl Logs {
    /// None opened yet. `streams` is the folder of what streams keep.
    pub(crate) fn new(streams: &Path, clock: Clock) -> Self {
        Self { streams: streams.to_owned(), clock, slots: Slots::default() }
    }

    /// The log of a source, opened now if it was not. Others who ask for the same wait.
    ///
    /// # Errors
    /// When the source keeps none, or it cannot be opened.
    pub(crate) fn get(&self, source: &Source) -> Result<Arc<Log>, EngineError> {
        let stream = source.stream.as_ref();
        let (Some(stream), Some(Feed::Ingest(feed))) = (stream, stream.map(|stream| &stream.feed)) else {
            return Err(no_log(source));
        };
        if self.streams.as_os_str().is_empty() {
            let message =
                format!("source {}: nothing is kept here, for there is no data directory. Name one", source.name);
            return Err(EngineError { kind: ErrorKind::Source, message });
        }
        self.slots.get(source.id, || {
            let folder = data_dir::log_folder(&self.streams, source.id);
            let keeping = Keeping { age: stream.retention, bytes: feed.retention_bytes };
            let log = Log::open(&folder, keeping, self.clock.clone());
            log.map(Arc::new).map_err(|error| failed(source, &error))
        })
    }
}

fn no_log(source: &Source) -> EngineError {
    let message = format!(
        "source {} takes no records: it has no [source.stream] of kind \"ingest\". Send them to a source that has one",
        source.name
    );
    EngineError { kind: ErrorKind::Source, message }
}

fn failed(source: &Source, error: &LogError) -> EngineError {
    EngineError { kind: ErrorKind::Source, message: format!("source {}: its stream: {error}", source.name) }
}

/// The stream of one source.
pub(crate) struct Ingest {
    source: Source,
    decoder: Decoder,
    log: Arc<Log>,
}

impl Ingest {
    /// The stream over an open log.
    pub(crate) fn new(source: &Source, log: Arc<Log>) -> Self {
        Self { source: source.clone(), decoder: Decoder::new(source), log }
    }

    fn offset(&self, next: u64) -> Offset {
        Offset::new(FORM, &[self.log.id().to_be_bytes(), next.to_be_bytes()].concat())
    }

    /// The number of an offset of this log.
    fn number(&self, offset: &Offset) -> Result<u64, EngineError> {
        match self.place(offset)? {
            (log, number) if log == self.log.id() => Ok(number),
            _ => Err(failed(&self.source, &LogError::Replaced { folder: self.log.folder().to_owned() })),
        }
    }

    /// The log and the number of an offset.
    fn place(&self, offset: &Offset) -> Result<(u64, u64), EngineError> {
        let (_, place) = offset.place(FORM, &self.source)?;
        let whole = place
            .split_first_chunk::<8>()
            .and_then(|(log, next)| Some((u64::from_be_bytes(*log), u64::from_be_bytes(next.try_into().ok()?))));
        whole.ok_or_else(|| damaged(&self.source))
    }
}

impl StreamSource for Ingest {
    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        Ok(vec![WHOLE])
    }

    fn read(&self, _: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
        let from = from.map(|offset| self.number(offset)).transpose()?;
        let piece = self.log.read(from, max, PIECE).map_err(|error| failed(&self.source, &error))?;
        let (numbers, records): (Vec<u64>, Vec<&[u8]>) = piece.records().unzip();
        let Decoded { events, refused, .. } = self.decoder.decode(records.into_iter(), |at| numbers[at].to_string());
        Ok(Read {
            newest: latest_event(&events, &self.source),
            offset: self.offset(piece.next),
            reached: piece.reached,
            caught_up: piece.caught_up,
            expired: piece.expired,
            events,
            refused,
        })
    }

    fn print(&self, offset: &Offset) -> String {
        self.place(offset).map_or_else(|_| format!("{:02x?}", offset.bytes()), |(_, next)| next.to_string())
    }

    fn backlog(&self, _: Partition, from: Option<&Offset>) -> Result<Option<Backlog>, EngineError> {
        let from = from.map(|offset| self.number(offset)).transpose()?;
        let kept = self.log.kept();
        let begin = from.unwrap_or(kept.start).max(kept.start);
        let oldest = match begin < kept.end {
            true => self.log.read(Some(begin), 1, 1).map_err(|error| failed(&self.source, &error))?.arrival,
            false => None,
        };
        Ok(Some(Backlog { events: kept.end.saturating_sub(begin), oldest }))
    }

    fn seek(&self, _: Partition, to: &Seek) -> Result<Offset, EngineError> {
        let kept = self.log.kept();
        let is_place = |number: &u64| (kept.start..=kept.end).contains(number);
        let number = match to {
            Seek::Latest => Ok(kept.end),
            Seek::Arrived(at) => self.log.since(*at).map_err(|error| failed(&self.source, &error)),
            Seek::Printed(text) => text.trim().parse().ok().filter(is_place).ok_or_else(|| {
                let message = format!(
                    "source {}: the places of its stream are the numbers of records, here {} to {}. Write one of them",
                    self.source.name, kept.start, kept.end
                );
                EngineError { kind: ErrorKind::Arguments, message }
            }),
        };
        Ok(self.offset(number?))
    }

    fn changed(&self) -> Option<watch::Receiver<u64>> {
        Some(self.log.changed())
    }
}
