//! The columns of an offline table, and which window and partition a row belongs to (docs/semantics.md section 10).

use chrono::{NaiveDate, NaiveDateTime};
use deltalake_core::kernel::{ArrayType, DataType as DeltaType, StructField};
use polars::prelude::*;

use super::stats::Stats;
use crate::model::time::{from_micros, micros, print_span, span_micros};
use crate::model::{DataType, Span, Window};
use crate::platform::definition::{Kind, View};
use crate::platform::frame;
use crate::platform::tiles::names::ANCHOR;
/// The partition column, a text: the instant that the partition of a row's tile start or timestamp begins.
pub(super) use crate::platform::tiles::names::PARTITION;
use crate::platform::tiles::stored_columns;

/// The table property that keeps the size of a partition. A table without it has partitions of a day.
pub(super) const SIZE: &str = "fvtop.offlinePartition";

/// How a partition is named when its size is whole days (docs/semantics.md section 10).
const DAY: &str = "%Y-%m-%d";
/// How a smaller one is.
const INSTANT: &str = "%Y-%m-%d-%H:%M:%S";

/// The columns of a view's table.
#[derive(Clone)]
pub(super) struct Layout {
    columns: Vec<(String, DataType)>,
    /// How many of the columns, the last ones, are not shown; tables and files of earlier versions lack them.
    unshown: usize,
    keys: Vec<String>,
    /// The column that says which window a row belongs to: the tile start, or the timestamp.
    time: String,
    partition: Span,
}

impl Layout {
    /// Keys, stored tile columns or timestamp and features, `_anchor_time`.
    pub(super) fn of(view: &View) -> Self {
        let mut columns = view.join_keys.clone();
        let (shown, unshown): (Vec<_>, Vec<_>) =
            stored_columns(view).into_iter().partition(|stored| stored.part.is_shown());
        let time = match &view.kind {
            Kind::Aggregate { .. } => {
                if view.is_continuous() {
                    columns.push((view.timestamp_field.clone(), DataType::Timestamp));
                }
                columns.extend(shown.into_iter().map(|stored| (stored.name, stored.data_type)));
                ANCHOR.to_owned()
            }
            Kind::Temporal { features, .. } => {
                columns.push((view.timestamp_field.clone(), DataType::Timestamp));
                columns.extend(features.iter().cloned());
                view.timestamp_field.clone()
            }
        };
        columns.push((ANCHOR.to_owned(), DataType::Int64));
        let count = unshown.len();
        columns.extend(unshown.into_iter().map(|stored| (stored.name, stored.data_type)));
        let keys = view.join_keys.iter().map(|(name, _)| name.clone()).collect();
        Self { columns, unshown: count, keys, time, partition: view.offline_partition }
    }

    /// The layout that versions before columns without show gave the view.
    #[cfg(test)]
    pub(super) fn of_earlier_version(view: &View) -> Self {
        let mut layout = Self::of(view);
        layout.columns.truncate(layout.columns.len() - layout.unshown);
        layout.unshown = 0;
        layout
    }

    /// The layout of a table whose columns are not known, but for its partitions.
    pub(super) fn of_partitions(partition: Span) -> Self {
        Self { columns: Vec::new(), unshown: 0, keys: Vec::new(), time: ANCHOR.to_owned(), partition }
    }

    /// The size of a partition, as the table keeps it.
    pub(super) fn size(&self) -> String {
        print_span(self.partition)
    }

    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The columns that files have statistics of: the time, `_anchor_time` and the join keys.
    pub(super) fn measured(&self) -> Vec<String> {
        let mut columns = vec![ANCHOR.to_owned()];
        columns.extend(Some(self.time.clone()).filter(|time| time != ANCHOR));
        columns.extend(self.keys.iter().cloned());
        columns
    }

    /// The columns as Delta names them: those that are shown, the partition, and those that are not.
    pub(super) fn fields(&self) -> Result<Vec<StructField>, String> {
        let field = |(name, data_type): &(String, DataType)| {
            let delta = delta_type(data_type)
                .ok_or_else(|| format!("column {name} has type {data_type}, which cannot be kept"))?;
            Ok(StructField::new(name.clone(), delta, true))
        };
        let partition = StructField::new(PARTITION, DeltaType::STRING, true);
        let (shown, unshown) = self.columns.split_at(self.columns.len() - self.unshown);
        shown.iter().map(field).chain([Ok(partition)]).chain(unshown.iter().map(field)).collect()
    }

    /// How many of the fields, the last ones, a table of an earlier version may lack.
    pub(super) fn unshown(&self) -> usize {
        self.unshown
    }

    /// A frame of these columns without rows.
    pub(super) fn empty(&self) -> PolarsResult<DataFrame> {
        frame::empty(&self.columns)
    }

    /// The frame with these columns alone, in this order and of these types; columns that are not shown are null where
    /// it lacks them.
    pub(super) fn conform(&self, rows: DataFrame) -> PolarsResult<DataFrame> {
        let shown = self.columns.len() - self.unshown;
        let column = |(at, (name, data_type)): (usize, &(String, DataType))| {
            let wanted = frame::polars_type(data_type)
                .ok_or_else(|| polars_err!(SchemaMismatch: "column {} has type {}", name, data_type))?;
            if at >= shown && rows.column(name).is_err() {
                return Ok(Column::full_null(name.as_str().into(), rows.height(), &wanted));
            }
            let column = rows.column(name)?;
            if *column.dtype() != wanted {
                polars_bail!(SchemaMismatch: "column {} is {}, not {}", name, column.dtype(), wanted);
            }
            Ok(column.clone())
        };
        let columns = self.columns.iter().enumerate().map(column).collect::<PolarsResult<Vec<_>>>()?;
        DataFrame::new(rows.height(), columns)
    }

    /// The join key columns alone, of their types.
    pub(super) fn conform_keys(&self, keys: &DataFrame) -> PolarsResult<DataFrame> {
        let wanted = self.empty()?.select(self.keys.iter().map(String::as_str))?;
        let keys = keys.select(self.keys.iter().map(String::as_str))?;
        if keys.dtypes() != wanted.dtypes() {
            polars_bail!(SchemaMismatch: "their types are {:?}, not {:?}", keys.dtypes(), wanted.dtypes());
        }
        Ok(keys)
    }

    /// The rows of the window.
    pub(super) fn inside(&self, rows: &DataFrame, window: Window) -> PolarsResult<DataFrame> {
        rows.filter(&self.mask(rows, window)?)
    }

    /// How many rows belong to other windows.
    pub(super) fn count_outside(&self, rows: &DataFrame, window: Window) -> PolarsResult<usize> {
        Ok(rows.height() - self.mask(rows, window)?.sum().unwrap_or(0) as usize)
    }

    /// The rows of all other windows.
    pub(super) fn outside(&self, rows: &DataFrame, window: Window) -> PolarsResult<DataFrame> {
        rows.filter(&!&self.mask(rows, window)?)
    }

    /// The rows by partition, sorted by time, none empty.
    pub(super) fn by_partition(&self, rows: &DataFrame) -> PolarsResult<Vec<(String, DataFrame)>> {
        let mut rows = rows.clone();
        let mut times = self.times(&rows)?;
        if !times.is_sorted() {
            rows = rows.sort([self.time.as_str()], SortMultipleOptions::default().with_maintain_order(true))?;
            times = self.times(&rows)?;
        }
        let step = span_micros(self.partition);
        let mut parts = Vec::new();
        let mut from = 0;
        while let Some(first) = times.get(from) {
            let part = first.div_euclid(step);
            let height = times[from..].partition_point(|at| at.div_euclid(step) == part);
            let start = from_micros(part.saturating_mul(step));
            parts.push((start.format(self.pattern()).to_string(), rows.slice(from as i64, height)));
            from += height;
        }
        Ok(parts)
    }

    /// The times that a partition value names; nothing where it is not a value of this table.
    pub(super) fn partition_window(&self, value: &str) -> Option<Window> {
        // A date alone is no instant: midnight is added.
        let start = match self.pattern() {
            DAY => NaiveDate::parse_from_str(value, DAY).ok()?.and_hms_opt(0, 0, 0)?,
            pattern => NaiveDateTime::parse_from_str(value, pattern).ok()?,
        };
        let start = start.and_utc();
        Some(Window { start, end: start.checked_add_signed(self.partition)? })
    }

    /// The times of a file's rows by its statistics, in microseconds, both inclusive.
    pub(super) fn range(&self, stats: &Stats) -> Option<(i64, i64)> {
        stats.times(&self.time, self.scale())
    }

    fn pattern(&self) -> &'static str {
        if span_micros(self.partition) % span_micros(Span::days(1)) == 0 { DAY } else { INSTANT }
    }

    /// How many units of the time column a microsecond has.
    fn scale(&self) -> i64 {
        if self.time == ANCHOR { 1_000 } else { 1 }
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
        let scale = self.scale();
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
        DataType::Date | DataType::Decimal(..) | DataType::Struct(_) | DataType::Other(_) => return None,
    })
}
