//! What takes the rows of a query: batch by batch, in the order of arrival.
//!
//! In memory only.

use polars::prelude::*;

use super::tiles::TileBuilder;
use crate::platform::frame;

/// What takes the rows of a query. Batches come in the order of arrival, columns in the types of the model.
pub(crate) trait Sink: Send + 'static {
    fn push(&mut self, rows: &DataFrame) -> PolarsResult<()>;
    fn bytes(&self) -> usize;
}

#[derive(Default)]
pub(crate) struct Collector {
    rows: Vec<DataFrame>,
    bytes: usize,
}

impl Collector {
    /// All rows under each other; without any, a frame of these columns.
    pub(crate) fn rows(self, columns: &[(String, crate::model::DataType)]) -> PolarsResult<DataFrame> {
        let mut parts = self.rows.into_iter();
        let Some(mut all) = parts.next() else { return frame::empty(columns) };
        for part in parts {
            all.vstack_mut_owned(part)?;
        }
        Ok(all)
    }
}

impl Sink for Collector {
    fn push(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        self.bytes += rows.estimated_size();
        self.rows.push(rows.clone());
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Sink for TileBuilder {
    fn push(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        Self::push(self, rows)
    }

    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}
