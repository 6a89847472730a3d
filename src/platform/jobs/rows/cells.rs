//! The cells of a row as the program's own values.

use rusqlite::Row;

use crate::model::time::from_micros;
use crate::model::{Id, Time};
use crate::platform::jobs::error::TableError;

/// An id as the table writes it.
pub(super) fn parse_id(text: &str) -> Result<Id, TableError> {
    text.parse().map_err(|_| TableError::Damaged(format!("`{text}` is not an id")))
}

/// The id in a cell.
pub(super) fn id_at(row: &Row, column: usize) -> Result<Id, TableError> {
    parse_id(text_at(row, column)?)
}

/// The text of a cell, as it lies in the row.
pub(super) fn text_at<'r>(row: &'r Row, column: usize) -> Result<&'r str, TableError> {
    row.get_ref(column)?.as_str().map_err(|error| TableError::Damaged(error.to_string()))
}

/// The instant in a cell; absent where there is none.
pub(super) fn time_at(row: &Row, column: usize) -> Result<Option<Time>, TableError> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(from_micros))
}
