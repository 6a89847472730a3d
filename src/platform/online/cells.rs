//! Columns of a frame as bytes of keys and values, row by row, without a value of the model between. No I/O.

use polars::prelude::*;

use super::contract::ID_BYTES;
use super::key::Key;
use super::plan::Plan;
use super::{OnlineError, codec};
use crate::model::{DataType as Word, Value, foreign};
use crate::platform::frame;

/// A column of a frame by the kind of its values.
pub(super) enum Cells {
    Int(Int64Chunked),
    Float(Float64Chunked),
    Text(StringChunked),
    Micros(Int64Chunked),
    /// Values that have no column of their own kind.
    Other(Vec<Value>),
}

impl Cells {
    /// The column of that name.
    pub(super) fn column(rows: &DataFrame, name: &str) -> PolarsResult<Self> {
        let series = rows.column(name)?.as_materialized_series().rechunk();
        Ok(match series.dtype() {
            DataType::String => Self::Text(series.str()?.clone()),
            DataType::Float32 | DataType::Float64 => Self::Float(series.cast(&DataType::Float64)?.f64()?.clone()),
            DataType::Datetime(..) => {
                let micros = series.cast(&frame::timestamp_type())?.cast(&DataType::Int64)?;
                Self::Micros(micros.i64()?.clone())
            }
            integer if integer.is_integer() && *integer != DataType::UInt64 => {
                Self::Int(series.cast(&DataType::Int64)?.i64()?.clone())
            }
            _ => Self::Other(frame::values(&series.into_column())),
        })
    }

    /// Appends the value of a row to a stored value.
    pub(super) fn push(&self, row: usize, bytes: &mut Vec<u8>) {
        let done = match self {
            Self::Int(column) => column.get(row).map(|number| codec::push_int(bytes, number)),
            Self::Float(column) => column.get(row).map(|number| codec::push_float(bytes, number)),
            Self::Text(column) => column.get(row).map(|text| codec::push_text(bytes, text)),
            Self::Micros(column) => column.get(row).map(|at| codec::push_micros(bytes, at)),
            Self::Other(column) => column.get(row).map(|value| codec::push(bytes, value)),
        };
        if done.is_none() {
            codec::push_null(bytes);
        }
    }

    /// Appends the value of a row to a key; absent for types that cannot be keys.
    fn push_key(&self, row: usize, bytes: &mut Vec<u8>) -> Option<()> {
        let done = match self {
            Self::Int(column) => column.get(row).map(|number| codec::push_int_key(bytes, number)),
            Self::Text(column) => column.get(row).map(|text| codec::push_text_key(bytes, text)),
            Self::Other(column) => column.get(row).and_then(|value| codec::push_key(bytes, value)),
            Self::Float(_) | Self::Micros(_) => return None,
        };
        if done.is_none() {
            codec::push_key(bytes, &Value::Null)?;
        }
        Some(())
    }

    /// The number of a row: an integer, or microseconds.
    pub(super) fn number(&self, row: usize) -> Option<i64> {
        if let Self::Int(column) | Self::Micros(column) = self { column.get(row) } else { None }
    }

    pub(super) fn max(&self) -> Option<i64> {
        if let Self::Int(column) | Self::Micros(column) = self { column.max() } else { None }
    }
}

/// The join keys of a frame's rows.
pub(super) struct KeyCells {
    view: [u8; ID_BYTES],
    /// In the order of stored keys.
    columns: Vec<Cells>,
    /// How many of them make the partition.
    indexed: usize,
}

impl KeyCells {
    /// The join key columns of a frame, of their declared types.
    pub(super) fn new(plan: &Plan, rows: &DataFrame) -> Result<Self, OnlineError> {
        let column = |at: &usize| {
            let (name, data_type) = &plan.join_keys[*at];
            let cells = Cells::column(rows, name).map_err(|error| unfit(plan, &error))?;
            let fits = match &cells {
                Cells::Int(_) => *data_type == Word::Int64,
                Cells::Text(_) => *data_type == Word::String,
                Cells::Other(values) => values.iter().all(|value| *value == Value::Null),
                Cells::Float(_) | Cells::Micros(_) => false,
            };
            let problem =
                || format!("view {}: join key `{name}` must be {data_type}, and that column is not", plan.name);
            if fits { Ok(cells) } else { Err(OnlineError::Mismatch(problem())) }
        };
        let columns = plan.order.iter().map(column).collect::<Result<_, _>>()?;
        Ok(Self { view: plan.id.0.to_be_bytes(), columns, indexed: plan.indexed })
    }

    /// The key of a row's join key, as [`Plan::key`].
    pub(super) fn key(&self, row: usize) -> Key {
        let mut bytes = Vec::with_capacity(48);
        bytes.extend(self.view);
        let mut split = bytes.len();
        for (at, column) in self.columns.iter().enumerate() {
            // The types were checked: each is a key.
            let _ = column.push_key(row, &mut bytes);
            if at < self.indexed {
                split = bytes.len();
            }
        }
        Key::split(bytes, split)
    }
}

/// Rows that lack the columns of the view.
pub(super) fn unfit(plan: &Plan, error: &PolarsError) -> OnlineError {
    OnlineError::Mismatch(format!(
        "view {}: the rows to be written do not fit it: {}",
        plan.name,
        foreign::sentence(error)
    ))
}
