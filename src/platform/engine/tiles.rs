//! Rows of a query folded into what is stored: tiles, or rows with their anchor.
//!
//! Tiles by truncation and `group_by`: a ninth of the cost of dynamic grouping.

use polars::prelude::*;

use super::aggregate::{Part, StoredColumn, stored_columns};
use super::frame::{normal, timestamp_type};
use crate::model::Window;
use crate::model::time::{micros, span_micros};
use crate::platform::registry::definition::{Kind, View};

/// Name of the tile start (aggregates) or the aligned timestamp (temporal views), int64 nanoseconds.
pub const ANCHOR: &str = "_anchor_time";

/// The companion of an ordered stored column that holds the event times of its values.
pub fn times_name(stored: &str) -> String {
    format!("_at_{stored}")
}

/// Names of the stored columns of a view as they are kept and shown: keys, then tile columns or timestamp and features,
/// then `_anchor_time`.
pub fn stored_names(view: &View) -> Vec<String> {
    let mut names: Vec<String> = view.join_keys.iter().map(|(name, _)| name.clone()).collect();
    match &view.kind {
        Kind::Aggregate { aggregations, .. } => {
            names.extend(stored_columns(aggregations).into_iter().map(|stored| stored.name));
        }
        Kind::Temporal { features, .. } => {
            names.push(view.timestamp_field.clone());
            names.extend(features.iter().map(|(name, _)| name.clone()));
        }
    }
    names.push(ANCHOR.to_owned());
    names
}

/// The query's output as stored rows. Rows outside `window` are dropped where one is given, rows without a time always.
/// With `times`, ordered tile columns come with their companions.
pub fn fold(view: &View, output: DataFrame, window: Option<Window>, times: bool) -> PolarsResult<DataFrame> {
    let time = view.timestamp_field.as_str();
    let schema = output.schema().clone();
    let columns: Vec<Expr> = schema.iter().filter_map(|(name, dtype)| normal(name, dtype)).collect();
    let mut rows = output.lazy().select(columns).filter(col(time).is_not_null());
    if let Some(window) = window {
        let edge = |at| lit(micros(at)).cast(timestamp_type());
        rows = rows.filter(col(time).gt_eq(edge(window.start)).and(col(time).lt(edge(window.end))));
    }
    let rows = rows.sort([time], SortMultipleOptions::default().with_maintain_order(true));
    match &view.kind {
        Kind::Temporal { .. } => {
            let anchor = anchor(time, span_micros(view.batch_schedule));
            let names = stored_names(view);
            rows.with_column(anchor).select(names.iter().map(|name| col(name.as_str())).collect::<Vec<_>>()).collect()
        }
        Kind::Aggregate { interval, aggregations } => {
            let layout = stored_columns(aggregations);
            let keys: Vec<Expr> = view.join_keys.iter().map(|(name, _)| col(name.as_str())).collect();
            let groups: Vec<Expr> = keys.iter().cloned().chain([col(ANCHOR)]).collect();
            let tiles = rows.with_column(anchor(time, span_micros(*interval))).group_by(groups.clone());
            let tiles = tiles.agg(aggregates(&layout, time, times));
            let order = SortMultipleOptions::default();
            finish(view, &layout, tiles.sort_by_exprs(groups, order).collect()?, times)
        }
    }
}

/// `floor(timestamp, step)` in nanoseconds.
fn anchor(time: &str, step: i64) -> Expr {
    let step = step.max(1);
    let at = col(time).dt().timestamp(TimeUnit::Microseconds);
    (at.floor_div(lit(step)) * lit(step) * lit(1_000_i64)).alias(ANCHOR)
}

/// Sums of integers are made a second time in floats, under this name, to see an overflow.
fn check_name(stored: &str) -> String {
    format!("_check_{stored}")
}

fn aggregates(layout: &[StoredColumn], time: &str, times: bool) -> Vec<Expr> {
    let mut expressions = Vec::new();
    for stored in layout {
        let column = col(stored.column.as_str());
        let known = || column.clone().is_not_null();
        let or_null = |value: Expr| when(column.clone().count().gt(lit(0))).then(value).otherwise(lit(NULL));
        let float = || column.clone().cast(DataType::Float64);
        // Newest first, each distinct value at its last occurrence.
        let newest = |values: Expr| {
            values.filter(known()).reverse().gather(column.clone().filter(known()).reverse().arg_unique(), false)
        };
        let pick = |values: Expr| match stored.part {
            Part::Last => values.filter(known()).last(),
            Part::LastN(n) => values.filter(known()).tail(Some(n as usize)),
            Part::LastDistinct(n) => newest(values).head(Some(n as usize)).reverse(),
            _ => lit(NULL),
        };
        let value = match stored.part {
            Part::Count => column.clone().count().cast(DataType::Int64),
            Part::Sum => {
                expressions.push(float().sum().alias(check_name(&stored.name)));
                or_null(column.clone().sum())
            }
            Part::Mean => column.clone().mean(),
            Part::Min => column.clone().min(),
            Part::Max => column.clone().max(),
            Part::SumOfSquares => or_null((float() * float()).sum()),
            Part::Last | Part::LastN(_) | Part::LastDistinct(_) => pick(column.clone()),
        };
        expressions.push(value.alias(stored.name.as_str()));
        if times && stored.part.is_ordered() {
            expressions.push(pick(col(time)).alias(times_name(&stored.name)));
        }
    }
    expressions
}

/// Checks the sums and puts the columns into order.
fn finish(view: &View, layout: &[StoredColumn], tiles: DataFrame, times: bool) -> PolarsResult<DataFrame> {
    for stored in layout.iter().filter(|stored| stored.part == Part::Sum) {
        let is_integer = tiles.column(&stored.name)?.dtype().is_integer();
        let greatest =
            tiles.column(&check_name(&stored.name))?.f64()?.iter().flatten().fold(0.0, |a: f64, b| a.max(b.abs()));
        if is_integer && greatest >= i64::MAX as f64 {
            let overflow = super::aggregate::Overflow { column: stored.column.clone() };
            return Err(PolarsError::ComputeError(overflow.to_string().into()));
        }
    }
    let mut names = stored_names(view);
    if times {
        let ordered = layout.iter().filter(|stored| stored.part.is_ordered());
        names.extend(ordered.map(|stored| times_name(&stored.name)));
    }
    tiles.select(names)
}
