//! The SQL of feature views: one SELECT that means the same here and on Spark 4 (ANSI mode, session time zone UTC).
//!
//! [`check()`] reads a text and refuses what is outside of that dialect; [`lazy`] plans it over frames, following Spark's
//! rules for types, nulls, frames and errors, on Polars. Nothing here reads files, and a query reads only its inputs.
//! docs/sql.md is written from the tables in here.

use polars::prelude::{LazyFrame, PolarsError, PolarsResult};

use crate::model::time::micros;
use crate::model::{Time, foreign};

mod bind;
mod calendar;
mod calendar_pattern;
mod cast;
mod cells;
mod check;
mod follows;
mod frames;
mod functions;
mod lower;
mod node;
mod number;
mod patterns;
mod plan;
mod query;
mod refusal;
mod signature;
mod text;
mod types;

pub use follows::Follows;
pub use query::Query;
pub use refusal::Refusal;

/// Reads a query and checks that it is in the dialect, as far as its text tells. What depends on the columns of its
/// inputs is told by [`plan()`].
pub fn check(query: &str) -> Result<Query, Refusal> {
    Query::read(query)
}

/// The output of the query over the named inputs, planned and not run; names and types are checked. `now` is the instant
/// of `now()`. Instants are microseconds, UTC, in and out. A failing value is an error when the plan runs.
pub fn plan(query: &Query, inputs: Vec<(&str, LazyFrame)>, now: Time) -> Result<LazyFrame, Refusal> {
    let inputs = plan::Planner::new(inputs, micros(now)).map_err(|error| {
        let place = refusal::Place { line: 1, column: 1 };
        place.refuse("the inputs", first_line(&error), "check the view's sources")
    });
    inputs?.finish(query.tree())
}

/// [`plan()`] with Polars' kind of error.
pub fn lazy(query: &Query, inputs: Vec<(&str, LazyFrame)>, now: Time) -> PolarsResult<LazyFrame> {
    Ok(plan(query, inputs, now)?)
}

/// The sentence of an error without the engine's hints and plan dumps.
pub fn first_line(error: &PolarsError) -> String {
    foreign::sentence(error)
}

#[cfg(test)]
mod tests;
