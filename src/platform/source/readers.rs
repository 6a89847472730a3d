//! The opened stream readers of all sources, shared between stream jobs and tails.
//!
//! A source is opened when first asked for, once, on the asking thread (it may take seconds); a failure is not kept, so
//! the next request tries again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{ChunkAgg, DataFrame, TimeUnit};

use crate::model::time::from_micros;
use crate::model::{Id, Time};
use crate::platform::compute::EngineError;
use crate::platform::definition::Source;

use super::replay::StreamReader;

type Slot = Arc<Mutex<Option<Arc<StreamReader>>>>;

/// Readers by source.
#[derive(Default)]
pub struct Readers(Mutex<HashMap<Id, Slot>>);

impl Readers {
    /// The reader of `source`, opened now if it was not. Others who ask for the same source wait.
    pub fn get(&self, source: &Source) -> Result<Arc<StreamReader>, EngineError> {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(source.id).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = slot.as_ref() {
            return Ok(Arc::clone(reader));
        }
        let reader = Arc::new(StreamReader::open(source)?);
        *slot = Some(Arc::clone(&reader));
        Ok(reader)
    }
}

/// The greatest event time among `events`, which have the source's columns.
pub fn latest_event(events: &DataFrame, source: &Source) -> Option<Time> {
    let column = events.column(source.timestamp_column.as_deref()?).ok()?;
    let times = column.datetime().ok()?;
    let greatest = times.phys.max()?;
    Some(from_micros(match times.time_unit() {
        TimeUnit::Nanoseconds => greatest.div_euclid(1_000),
        TimeUnit::Microseconds => greatest,
        TimeUnit::Milliseconds => greatest.saturating_mul(1_000),
    }))
}
