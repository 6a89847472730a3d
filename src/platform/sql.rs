//! The SQL of feature views: one SELECT that means the same here and on Spark 4 (ANSI mode, session time zone UTC).
//!
//! [`check()`] reads a text and refuses what is outside of that dialect; [`lazy`] plans it over frames, following
//! Spark's rules for types, nulls, frames and errors, on Polars. Nothing here reads files, and a query reads only its
//! inputs. docs/sql.md is written from the tables in here.

use std::sync::Arc;

use polars::prelude::{DataFrame, LazyFrame, PolarsError, PolarsResult};

use crate::model::time::micros;
use crate::model::{Time, foreign};

mod bind;
mod calendar;
mod calendar_pattern;
mod cast;
mod cells;
mod check;
mod ddl;
mod decimal;
mod depth;
mod follows;
mod frames;
mod functions;
mod join_kind;
mod json;
mod lambda;
mod lower;
mod node;
mod number;
pub(crate) mod output;
mod patterns;
mod plan;
mod query;
mod refusal;
mod signature;
mod text;
mod types;
mod zone;

pub(crate) use depth::on_deep_stack as deep;
pub(crate) use follows::Follows;
pub(crate) use plan::{EVENT, carried};
pub(crate) use query::Query;
pub(crate) use refusal::Refusal;

/// Reads a query and checks that it is in the dialect, as far as its text tells. What depends on the columns of its
/// inputs is told by [`plan()`].
pub(crate) fn check(query: &str) -> Result<Query, Refusal> {
    Query::read(query)
}

/// How a table that a query reads several times is computed: once, before the query itself.
pub(crate) type Compute = Arc<dyn Fn(LazyFrame) -> PolarsResult<DataFrame> + Send + Sync>;

/// On this thread and without bounds: for few rows.
pub(crate) fn at_once() -> Compute {
    Arc::new(LazyFrame::collect)
}

/// The output of the query over the named inputs, planned and not run but for tables that it reads several times; names
/// and types are checked. `now` is the instant of `now()`. Instants are microseconds, UTC, in and out; a date comes out
/// as the instant it begins, a decimal as the double nearest to it. A failing value is an error when the plan runs.
pub(crate) fn plan(
    query: &Query,
    inputs: Vec<(&str, LazyFrame)>,
    now: Time,
    compute: Compute,
) -> Result<LazyFrame, Refusal> {
    planned(query, inputs, now, compute, &mut None, true)
}

/// [`plan()`] with Polars' kind of error. Where an input has a column [`EVENT`], so has the output: the number of the row
/// that each came of, for queries whose rows come of one row of that input ([`Query::follows`]).
pub(crate) fn lazy(
    query: &Query,
    inputs: Vec<(&str, LazyFrame)>,
    now: Time,
    compute: Compute,
) -> PolarsResult<LazyFrame> {
    let mut failed = None;
    planned(query, inputs, now, compute, &mut failed, true).map_err(|refusal| failed.unwrap_or_else(|| refusal.into()))
}

/// The output in the types in which features hold it where `as_features`, else in Spark's own.
fn planned(
    query: &Query,
    inputs: Vec<(&str, LazyFrame)>,
    now: Time,
    compute: Compute,
    failed: &mut Option<PolarsError>,
    as_features: bool,
) -> Result<LazyFrame, Refusal> {
    depth::on_deep_stack(|| {
        let planner = plan::Planner::new(inputs, micros(now), query, compute).map_err(|error| {
            let place = refusal::Place { line: 1, column: 1 };
            place.refuse("the inputs", first_line(&error), "check the view's sources")
        });
        planner?.finish(failed, as_features)
    })
}

/// The sentence of an error without the engine's hints and plan dumps.
pub(crate) fn first_line(error: &PolarsError) -> String {
    foreign::sentence(error)
}

#[cfg(test)]
mod tests;
