//! The stream side of a source: recorded events in their real order of arrival, played onto the present.
//!
//! It reads; it must not keep a position: its callers store how far they have read.

use polars::prelude::DataFrame;

use crate::model::Time;
use crate::platform::engine::{EngineError, ErrorKind};
use crate::platform::registry::definition::Source;

/// The events of one source, sorted by arrival.
pub struct StreamReader {}

impl StreamReader {
    /// Loads the events of the stream side of `source`.
    pub fn open(_source: &Source) -> Result<Self, EngineError> {
        Err(EngineError { kind: ErrorKind::Source, message: "the stream reader is not built yet".to_owned() })
    }

    /// Events with `from < arrival <= until` (mapped), oldest first, at most `max`, and the arrival instant read up to:
    /// the `from` of the next call.
    pub fn read(&self, _from: Time, until: Time, _max: usize) -> (DataFrame, Time) {
        (DataFrame::empty(), until)
    }
}
