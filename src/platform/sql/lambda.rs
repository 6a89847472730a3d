//! Lambda functions over whole columns: all elements are rows of one frame, on which the body is computed at once.
//!
//! It knows columns and expressions; names and types are settled before.

use polars::prelude as pl;
use polars::prelude::{
    ChunkFillNullValue, Column, DataFrame, ExplodeOptions, Expr, IdxCa, IdxSize, IntoLazy, NewChunkedArray,
    PolarsResult, Series,
};

use super::cast::list_column;
use super::cells::{each, flags, height, lists, spread};
use super::node::{Lambda, Walk, name};
use super::types::Type;

/// The value of each row: `columns` are the arrays, then the columns that the body names.
pub(super) fn elements(
    lambda: &Lambda,
    captured: &[u32],
    body: &Expr,
    ty: &Type,
    columns: &[Column],
) -> PolarsResult<Column> {
    let rows = height(columns);
    let Some((list, others)) = columns.split_first() else { pl::polars_bail!(ComputeError: "no array") };
    let list = spread(list, rows);
    let arrays = lists(&list)?;
    let arrays: Vec<Option<Series>> = (0..rows).map(|row| arrays.get(row)).collect();
    let options = ExplodeOptions { empty_as_null: false, keep_nulls: false };
    let flat = list.as_materialized_series().explode(options)?;
    let (mut from, mut positions): (Vec<IdxSize>, Vec<i32>) = (Vec::new(), Vec::new());
    for (row, array) in arrays.iter().enumerate() {
        for position in 0..array.as_ref().map_or(0, |array| array.len()) {
            from.push(row as IdxSize);
            positions.push(position as i32);
        }
    }
    let from = IdxCa::from_slice("from".into(), &from);
    let mut frame = Vec::new();
    let mut parameters = lambda.parameters.iter();
    if let Some(element) = parameters.next() {
        frame.push(Column::from(flat.with_name(name(*element))));
    }
    if let Some(position) = parameters.next() {
        frame.push(Column::new(name(*position), positions));
    }
    for (id, column) in captured.iter().zip(others) {
        let known = frame.iter().any(|column: &Column| *column.name() == name(*id));
        if !known {
            frame.push(spread(column, rows).take(&from)?.with_name(name(*id)));
        }
    }
    let made = DataFrame::new(from.len(), frame)?.lazy().with_columns([body.clone().alias("made")]).collect()?;
    let made = made.column("made")?;
    let mut parts = Parts { made, arrays: &arrays, at: 0, row: 0 };
    match lambda.walk {
        Walk::Transform => {
            let made = (0..rows).map(|_| Ok(parts.next().map(|part| part.take_materialized_series())));
            list_column(made.collect::<PolarsResult<_>>()?, ty)
        }
        Walk::Filter => {
            let element = list.dtype().inner_dtype().and_then(Type::of).unwrap_or(Type::Null);
            let kept = arrays.iter().map(|array| {
                let (Some(array), Some(part)) = (array, parts.next()) else { return Ok(None) };
                let wanted = part.bool()?.fill_null_with_values(false)?;
                array.filter(&wanted).map(Some)
            });
            list_column(kept.collect::<PolarsResult<_>>()?, &element)
        }
        Walk::All | Walk::Any => {
            // One answer ends it; without that a null leaves it open.
            let ends = lambda.walk == Walk::Any;
            let answers = (0..rows).map(|_| {
                let Some(part) = parts.next() else { return Ok(None) };
                let (part, open) = (flags(&part)?, part.null_count() > 0);
                let found = (0..part.len()).any(|row| part.get(row) == Some(ends));
                Ok(if found {
                    Some(ends)
                } else if open {
                    None
                } else {
                    Some(!ends)
                })
            });
            let answers: Vec<Option<bool>> = answers.collect::<PolarsResult<_>>()?;
            each(std::slice::from_ref(&list), |row| Ok(answers.get(row).copied().flatten()))
        }
    }
}

/// What was made of the elements, row by row; absent where there is no array.
struct Parts<'a> {
    made: &'a Column,
    arrays: &'a [Option<Series>],
    at: usize,
    row: usize,
}

impl Parts<'_> {
    fn next(&mut self) -> Option<Column> {
        let array = self.arrays.get(self.row)?.as_ref();
        self.row += 1;
        let array = array?;
        let part = self.made.slice(self.at as i64, array.len());
        self.at += array.len();
        Some(part)
    }
}
