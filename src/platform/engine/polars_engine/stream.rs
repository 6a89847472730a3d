//! A micro-batch of stream events as stored rows: what the online store and the tails are fed with.
//!
//! Its rows are few, so that it is neither watched nor bounded.

use polars::prelude::*;

use super::keys::Keys;
use super::query::{checked, needed, query_error};
use super::tiles::{Grid, TileBuilder, Wanted, stamped};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::View;
use crate::platform::engine::ask::Streamed;
use crate::platform::frame;
use crate::platform::source::files;
use crate::platform::sql::{self, Follows};

/// As [`crate::platform::engine::Engine::transform_stream`] has it.
///
/// # Errors
/// As it says there.
pub(crate) fn transform_stream(view: &View, events: DataFrame) -> Result<Streamed, EngineError> {
    let output = stream_output(view, events)?;
    let streamed = normal_rows(view, output).and_then(|rows| {
        let times = frame::micros_of(rows.column(&view.timestamp_field)?)?.into_iter().flatten().collect();
        // A query that does not read the stream has none.
        let events = match rows.column(sql::EVENT) {
            Ok(events) => events.u32()?.iter().flatten().collect(),
            Err(_) => Vec::new(),
        };
        Ok(Streamed { rows: stored(view, rows, true)?, times, events })
    });
    streamed.map_err(|error| query_error(view, None, &error))
}

/// The query's rows for a micro-batch.
fn stream_output(view: &View, events: DataFrame) -> Result<DataFrame, EngineError> {
    let query = checked(view)?;
    let name = view.inputs.first().map_or("", |input| input.name.as_str());
    if query.follows(name) == Follows::Many {
        let message = format!(
            "view {}: its query makes rows of several events (a window function, GROUP BY, DISTINCT, LIMIT, or a join of `{name}` \
             with itself), and a stream brings them one by one. Aggregate by `aggregations` instead, or leave the stream out \
             of its source: batch jobs and `run` compute this query over their whole window",
            view.name
        );
        return Err(EngineError { kind: ErrorKind::Query, message });
    }
    let numbered = events.with_row_index(sql::EVENT.into(), None);
    let numbered = numbered.map_err(|error| query_error(view, None, &error))?;
    let mut inputs = vec![(name, numbered.lazy())];
    for input in view.inputs.iter().skip(1) {
        let columns = needed(&query, &input.name, &input.source);
        inputs.push((input.name.as_str(), files::whole(&input.source, &columns)?.lazy()));
    }
    let output = sql::lazy(&query, inputs, chrono::Utc::now(), sql::at_once()).and_then(LazyFrame::collect);
    output.map_err(|error| query_error(view, None, &error))
}

/// The query's output in the types of the model, without the rows that have no time.
fn normal_rows(view: &View, output: DataFrame) -> PolarsResult<DataFrame> {
    let named = output.schema().iter().filter(|(name, _)| *name != sql::EVENT);
    let mut columns: Vec<Expr> = named.filter_map(|(name, dtype)| frame::normal(name, dtype)).collect();
    columns.push(sql::carried());
    output.lazy().select(columns).filter(frame::named(&view.timestamp_field).is_not_null()).collect()
}

/// These rows as stored rows. With `times`, ordered tile columns come with their companions.
fn stored(view: &View, rows: DataFrame, times: bool) -> PolarsResult<DataFrame> {
    match Grid::of(view) {
        Some(grid) => {
            let mut builder = TileBuilder::new(view, grid, Keys::new(&view.join_keys), Wanted::All, times);
            builder.push(&rows)?;
            builder.finish()?.stored(view)
        }
        None => stamped(view, rows, [sql::carried()]),
    }
}

/// The query's output as stored rows; those outside `window` are left out where one is given.
#[cfg(test)]
pub(crate) fn fold(
    view: &View,
    output: DataFrame,
    window: Option<crate::model::Window>,
    times: bool,
) -> PolarsResult<DataFrame> {
    let mut rows = normal_rows(view, output)?;
    if let Some(window) = window {
        rows = rows.lazy().filter(frame::within(&view.timestamp_field, window)).collect()?;
    }
    stored(view, rows, times)
}
