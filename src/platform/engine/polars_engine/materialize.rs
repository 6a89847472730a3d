//! What jobs store of a window (docs/semantics.md sections 2 to 5).
//!
//! The window is computed at once, whatever its length: a query that needs several events to make a row gives what
//! `run` gives. Where each row comes of one event the files stream through, and memory follows the rows that are
//! stored; any other query holds the events of the window, and ends with kind `Memory` where they do not fit.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::keys::Keys;
use super::query::{Reach, Reader, query_error};
use super::sink::Collector;
use super::tiles::{Grid, TileBuilder, Wanted, stamped};
use crate::model::{Time, Window};
use crate::platform::compute::EngineError;
use crate::platform::definition::View;
use crate::platform::engine::ask::Control;

/// As [`crate::platform::engine::Engine::materialize`] has it.
///
/// # Errors
/// As it says there.
pub(crate) fn materialize(
    view: &View,
    window: Window,
    now: Time,
    control: Control<'_>,
) -> Result<DataFrame, EngineError> {
    let mocks = BTreeMap::new();
    let reader = Reader::new(view, &mocks, Some(view.query_columns()), now, control)?;
    let reach = Reach { source: view.source_window(window), rows: Some(window) };
    let failed = |error: PolarsError| query_error(view, Some(window), &error);
    match Grid::of(view) {
        Some(grid) => {
            let builder = TileBuilder::new(view, grid, Keys::new(&view.join_keys), Wanted::All, false);
            reader.read(reach, builder)?.finish().and_then(|tiles| tiles.stored(view)).map_err(failed)
        }
        None => {
            let collector = reader.read(reach, Collector::default())?;
            let columns = reader.output().map_err(failed)?;
            collector.rows(&columns).and_then(|rows| stamped(view, rows, [])).map_err(failed)
        }
    }
}
