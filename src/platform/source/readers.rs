//! The opened streams of all sources, shared between stream jobs and tails.
//!
//! A source is opened when first asked for, once, on the asking thread (it may take seconds); a failure is not kept, so
//! the next request tries again. Those who read one source share what they read.

use std::path::Path;
use std::sync::Arc;

use super::StreamSource;
use super::file_tail::FileTail;
use super::folder::Folder;
use super::ingest::{Ingest, Logs};
use super::replay::Replay;
use super::shared::Shared;
use super::slots::Slots;
use crate::platform::clock::Clock;
use crate::platform::compute::EngineError;
use crate::platform::definition::{Feed, Source};

#[derive(Default)]
pub struct Readers {
    clock: Clock,
    logs: Arc<Logs>,
    slots: Slots<Arc<dyn StreamSource>>,
}

impl Readers {
    /// None opened yet. Records are played by that clock; what arrives is kept in that folder of the data directory.
    pub fn new(clock: Clock, streams: &Path) -> Self {
        let logs = Arc::new(Logs::new(streams, clock.clone()));
        Self { clock, logs, slots: Slots::default() }
    }

    /// The logs of sources that records are sent to.
    pub(crate) fn logs(&self) -> &Arc<Logs> {
        &self.logs
    }

    /// The clock that streams go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The stream of `source`, opened now if it was not. Others who ask for the same source wait.
    pub fn get(&self, source: &Source) -> Result<Arc<dyn StreamSource>, EngineError> {
        self.slots.get(source.id, || Ok(Arc::new(Shared::new(self.open(source)?))))
    }

    /// The stream of `source`, if it was opened and nobody is at it.
    pub fn opened(&self, source: &Source) -> Option<Arc<dyn StreamSource>> {
        self.slots.opened(source.id)
    }

    /// Opens the stream that the definition describes.
    fn open(&self, source: &Source) -> Result<Arc<dyn StreamSource>, EngineError> {
        match source.stream.as_ref().map(|stream| &stream.feed) {
            Some(Feed::Recorded(_)) | None => Ok(Arc::new(Replay::open(source, self.clock.clone())?)),
            Some(Feed::Ingest(_)) => Ok(Arc::new(Ingest::new(source, self.logs.get(source)?))),
            #[cfg(feature = "kafka")]
            Some(Feed::Kafka(feed)) => Ok(Arc::new(super::kafka::Kafka::open(source, feed)?)),
            #[cfg(not(feature = "kafka"))]
            Some(Feed::Kafka(_)) => Err(unbuilt(source)),
            Some(Feed::File(at)) => Ok(Arc::new(FileTail::new(source, at, self.clock.clone()))),
            Some(Feed::Folder(at)) => Ok(Arc::new(Folder::new(source, at, self.clock.clone()))),
        }
    }

    /// Readers that have a stream of a test's own for a source.
    #[cfg(test)]
    pub fn of(source: &Source, stream: Arc<dyn StreamSource>) -> Self {
        Self::of_at(source, stream, Clock::default())
    }

    /// The same by another clock.
    #[cfg(test)]
    pub fn of_at(source: &Source, stream: Arc<dyn StreamSource>, clock: Clock) -> Self {
        let readers = Self { clock, ..Self::default() };
        let _ = readers.slots.get(source.id, || Ok::<_, EngineError>(stream));
        readers
    }
}

/// A stream that this program was built without.
#[cfg(not(feature = "kafka"))]
fn unbuilt(source: &Source) -> EngineError {
    let message =
        format!("source {}: streams of kind `kafka` are not read by this program. Use another kind", source.name);
    EngineError { kind: crate::platform::compute::ErrorKind::Source, message }
}
