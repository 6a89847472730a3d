//! A micro-batch of stream events as stored rows: what the online store and the tails are fed with.
//!
//! Its rows are few, so that it is neither watched nor bounded.

use polars::prelude::*;

use super::keys::Keys;
use super::query::{checked, needed, query_error};
use super::tiles::{Grid, TileBuilder, Wanted, stamped};
use crate::model::Window;
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
pub fn transform_stream(view: &View, events: DataFrame) -> Result<Streamed, EngineError> {
    let output = stream_output(view, events)?;
    let streamed =
        times_of(view, &output).and_then(|times| Ok(Streamed { rows: fold(view, output, None, true)?, times }));
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
    let mut inputs = vec![(name, events.lazy())];
    for input in view.inputs.iter().skip(1) {
        let columns = needed(&query, &input.name, &input.source);
        inputs.push((input.name.as_str(), files::whole(&input.source, &columns)?.lazy()));
    }
    let output = sql::lazy(&query, inputs, chrono::Utc::now(), sql::at_once()).and_then(LazyFrame::collect);
    output.map_err(|error| query_error(view, None, &error))
}

fn times_of(view: &View, output: &DataFrame) -> PolarsResult<Vec<i64>> {
    let time = view.timestamp_field.as_str();
    let column = output.column(time)?;
    let at = frame::normal(time, column.dtype())
        .ok_or_else(|| polars_err!(SchemaMismatch: "column `{}` has type {}", time, column.dtype()))?;
    let times = DataFrame::new(output.height(), vec![column.clone()])?.lazy();
    let times = times.select([at.dt().timestamp(TimeUnit::Microseconds)]).collect()?;
    Ok(times.column(time)?.i64()?.iter().flatten().collect())
}

/// The query's output as stored rows. Rows outside `window` are dropped where one is given, rows without a time always.
/// With `times`, ordered tile columns come with their companions.
pub fn fold(view: &View, output: DataFrame, window: Option<Window>, times: bool) -> PolarsResult<DataFrame> {
    let time = view.timestamp_field.as_str();
    let columns: Vec<Expr> = output.schema().iter().filter_map(|(name, dtype)| frame::normal(name, dtype)).collect();
    let mut rows = output.lazy().select(columns).filter(col(time).is_not_null());
    if let Some(window) = window {
        rows = rows.filter(frame::within(time, window));
    }
    let rows = rows.collect()?;
    match Grid::of(view) {
        Some(grid) => {
            let mut builder = TileBuilder::new(view, grid, Keys::new(&view.join_keys), Wanted::All, times);
            builder.push(&rows)?;
            builder.finish()?.stored(view)
        }
        None => stamped(view, rows),
    }
}
