//! The columns of an offline table, and which window and day a row belongs to (semantics.md section 10).

use chrono::NaiveDate;
use deltalake_core::kernel::{ArrayType, DataType as DeltaType, StructField};
use polars::prelude::*;

use crate::model::time::{from_micros, micros, span_micros};
use crate::model::{DataType, Span, Window};
use crate::platform::engine::aggregate::stored_columns;
use crate::platform::engine::tiles::ANCHOR;
use crate::platform::engine::{frame, schema};
use crate::platform::registry::definition::{Kind, View};

/// The partition column: the day of a row's tile start or timestamp, `yyyy-MM-dd`.
pub const PARTITION: &str = "time_partition";

/// The columns of a view's table.
pub struct Layout {
    columns: Vec<(String, DataType)>,
    /// The column that says which window a row belongs to: the tile start, or the timestamp.
    time: String,
}

impl Layout {
    /// Keys, stored tile columns or timestamp and features, `_anchor_time`.
    pub fn of(view: &View) -> Self {
        let mut columns = view.join_keys.clone();
        let time = match &view.kind {
            Kind::Aggregate { .. } => {
                if view.is_continuous() {
                    columns.push((view.timestamp_field.clone(), DataType::Timestamp));
                }
                columns.extend(stored_columns(&view.kind).into_iter().map(|stored| (stored.name, stored.data_type)));
                ANCHOR.to_owned()
            }
            Kind::Temporal { features, .. } => {
                columns.push((view.timestamp_field.clone(), DataType::Timestamp));
                columns.extend(features.iter().cloned());
                view.timestamp_field.clone()
            }
        };
        columns.push((ANCHOR.to_owned(), DataType::Int64));
        Self { columns, time }
    }

    /// The column that says which window a row belongs to.
    pub fn time_column(&self) -> &str {
        &self.time
    }

    /// The columns as Delta names them, the partition last.
    pub fn fields(&self) -> Result<Vec<StructField>, String> {
        let field = |(name, data_type): &(String, DataType)| {
            let delta = delta_type(data_type)
                .ok_or_else(|| format!("column {name} has type {data_type}, which cannot be kept"))?;
            Ok(StructField::new(name.clone(), delta, true))
        };
        let partition = StructField::new(PARTITION, DeltaType::STRING, true);
        self.columns.iter().map(field).chain([Ok(partition)]).collect()
    }

    /// A frame of these columns without rows.
    pub fn empty(&self) -> PolarsResult<DataFrame> {
        schema::empty(&self.columns)
    }

    /// The frame with these columns alone, in this order and of these types.
    pub fn conform(&self, rows: DataFrame) -> PolarsResult<DataFrame> {
        let column = |(name, data_type): &(String, DataType)| {
            let column = rows.column(name)?;
            let wanted = frame::polars_type(data_type)
                .ok_or_else(|| polars_err!(SchemaMismatch: "column {} has type {}", name, data_type))?;
            if *column.dtype() != wanted {
                polars_bail!(SchemaMismatch: "column {} is {}, not {}", name, column.dtype(), wanted);
            }
            Ok(column.clone())
        };
        let columns = self.columns.iter().map(column).collect::<PolarsResult<Vec<_>>>()?;
        DataFrame::new(rows.height(), columns)
    }

    /// The rows of the window.
    pub fn inside(&self, rows: &DataFrame, window: Window) -> PolarsResult<DataFrame> {
        rows.filter(&self.mask(rows, window)?)
    }

    /// How many rows belong to other windows.
    pub fn count_outside(&self, rows: &DataFrame, window: Window) -> PolarsResult<usize> {
        Ok(rows.height() - self.mask(rows, window)?.sum().unwrap_or(0) as usize)
    }

    /// The rows of all other windows.
    pub fn outside(&self, rows: &DataFrame, window: Window) -> PolarsResult<DataFrame> {
        rows.filter(&!&self.mask(rows, window)?)
    }

    /// The rows by day, days in order, none empty.
    pub fn by_day(&self, rows: &DataFrame) -> PolarsResult<Vec<(String, DataFrame)>> {
        let mut rows = rows.clone();
        let mut times = self.times(&rows)?;
        if !times.is_sorted() {
            rows = rows.sort([self.time.as_str()], SortMultipleOptions::default().with_maintain_order(true))?;
            times = self.times(&rows)?;
        }
        let step = span_micros(Span::days(1));
        let mut days = Vec::new();
        let mut from = 0;
        while let Some(first) = times.get(from) {
            let day = first.div_euclid(step);
            let height = times[from..].partition_point(|at| at.div_euclid(step) == day);
            let start = from_micros(day.saturating_mul(step));
            days.push((start.format("%Y-%m-%d").to_string(), rows.slice(from as i64, height)));
            from += height;
        }
        Ok(days)
    }

    fn mask(&self, rows: &DataFrame, window: Window) -> PolarsResult<BooleanChunked> {
        let (from, to) = (micros(window.start), micros(window.end));
        let inside = self.times(rows)?.into_iter().map(|at| from <= at && at < to);
        Ok(BooleanChunked::from_iter_values("".into(), inside))
    }

    /// The row times in microseconds.
    fn times(&self, rows: &DataFrame) -> PolarsResult<Vec<i64>> {
        let column = rows.column(&self.time)?;
        if column.null_count() > 0 {
            polars_bail!(ComputeError: "a row has no {}", self.time);
        }
        let scale = if self.time == ANCHOR { 1_000 } else { 1 };
        let times = column.cast(&polars::prelude::DataType::Int64)?;
        Ok(times.i64()?.iter().map(|at| at.unwrap_or_default().div_euclid(scale)).collect())
    }
}

fn delta_type(data_type: &DataType) -> Option<DeltaType> {
    Some(match data_type {
        DataType::Int64 => DeltaType::LONG,
        DataType::Float64 => DeltaType::DOUBLE,
        DataType::String => DeltaType::STRING,
        DataType::Bool => DeltaType::BOOLEAN,
        DataType::Timestamp => DeltaType::TIMESTAMP,
        DataType::Array(element) => DeltaType::from(ArrayType::new(delta_type(element)?, true)),
        DataType::Other(_) => return None,
    })
}

/// The day that a partition value names.
pub fn day_window(day: &str) -> Option<Window> {
    let start = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?.and_utc();
    Some(Window { start, end: start + Span::days(1) })
}
