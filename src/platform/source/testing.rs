//! A stream in memory with several partitions, for tests: proof that the trait is all that readers need.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use polars::prelude::DataFrame;

use super::records::Refused;
use super::{Backlog, Form, Offset, Partition, Read, Seek, StreamSource, latest_event};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::Source;
use crate::platform::frame;

/// Its offsets: the number of the next event of the partition, in eight bytes.
pub(crate) const FORM: Form = Form { kind: "memory", version: 1 };

/// Numbered events in partitions; appended to and forgotten by a test while they are read.
pub(crate) struct MemoryStream {
    source: Source,
    /// Most events of one read, whatever a reader would take.
    piece: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    partitions: BTreeMap<Partition, Log>,
    /// Records of partitions that no event can be made of; they come with the events behind the first place.
    refused: BTreeMap<Partition, Vec<Refused>>,
    /// The partition whose next read fails.
    failing: Option<Partition>,
}

struct Log {
    /// The number of the first event that is kept.
    first: usize,
    events: DataFrame,
}

impl MemoryStream {
    pub(crate) fn new(source: &Source, piece: usize) -> Self {
        Self { source: source.clone(), piece, state: Mutex::default() }
    }

    /// Adds events to a partition, which appears when it was not there.
    pub(crate) fn append(&self, partition: Partition, events: &DataFrame) {
        let none = || Log { first: 0, events: frame::empty(&self.source.columns).unwrap() };
        let mut state = self.state();
        state.partitions.entry(partition).or_insert_with(none).events.vstack_mut(events).unwrap();
    }

    /// Gives these records as refused to whoever reads a partition from its first event.
    pub(crate) fn refuse(&self, partition: Partition, records: Vec<Refused>) {
        self.state().refused.insert(partition, records);
    }

    /// Retention: forgets the oldest events of a partition.
    pub(crate) fn forget(&self, partition: Partition, count: usize) {
        if let Some(log) = self.state().partitions.get_mut(&partition) {
            let count = count.min(log.events.height());
            log.first += count;
            log.events = log.events.slice(count as i64, usize::MAX);
        }
    }

    /// Makes the next read of a partition fail.
    pub(crate) fn fail(&self, partition: Partition) {
        self.state().failing = Some(partition);
    }

    /// Takes a partition away, which no stream may do.
    pub(crate) fn lose(&self, partition: Partition) {
        self.state().partitions.remove(&partition);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamSource for MemoryStream {
    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        Ok(self.state().partitions.keys().copied().collect())
    }

    fn read(&self, partition: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
        let mut state = self.state();
        if state.failing.take_if(|failing| *failing == partition).is_some() {
            return Err(EngineError { kind: ErrorKind::Source, message: "it is away".to_owned() });
        }
        let log = &state.partitions[&partition];
        let from = from.map(|offset| number(offset, &self.source)).transpose()?.unwrap_or(log.first);
        let begin = from.max(log.first);
        let events = log.events.slice((begin - log.first) as i64, max.min(self.piece));
        let end = begin + events.height();
        Ok(Read {
            newest: latest_event(&events, &self.source),
            offset: Offset::new(FORM, &(end as u64).to_be_bytes()),
            reached: None,
            refused: match begin {
                0 => state.refused.get(&partition).cloned().unwrap_or_default(),
                _ => Vec::new(),
            },
            caught_up: end == log.first + log.events.height(),
            expired: (begin - from) as u64,
            events,
        })
    }

    fn backlog(&self, partition: Partition, from: Option<&Offset>) -> Result<Option<Backlog>, EngineError> {
        let state = self.state();
        let log = &state.partitions[&partition];
        let from = from.map(|offset| number(offset, &self.source)).transpose()?.unwrap_or(log.first).max(log.first);
        Ok(Some(Backlog { events: (log.first + log.events.height() - from) as u64, oldest: None }))
    }

    fn seek(&self, partition: Partition, to: &Seek) -> Result<Offset, EngineError> {
        let state = self.state();
        let log = &state.partitions[&partition];
        let number = match to {
            Seek::Latest => log.first + log.events.height(),
            Seek::Arrived(_) => log.first,
            Seek::Printed(text) => text.parse().unwrap(),
        };
        Ok(Offset::new(FORM, &(number as u64).to_be_bytes()))
    }

    fn print(&self, offset: &Offset) -> String {
        number(offset, &self.source).unwrap().to_string()
    }
}

fn number(offset: &Offset, source: &Source) -> Result<usize, EngineError> {
    let (_, place) = offset.place(FORM, source)?;
    Ok(u64::from_be_bytes(place.try_into().unwrap()) as usize)
}
