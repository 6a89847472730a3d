//! Columns cell by cell: reading arguments that may be one value for all rows, and making results.
//!
//! It knows columns, not SQL.

use polars::prelude::*;

use super::decimal::Size;

/// The cells of a column; one value stands for all rows.
pub(super) struct Cells<C> {
    cells: C,
    one: bool,
    len: usize,
}

impl<C> Cells<C> {
    /// The cell that stands for a row; absent where there are no rows.
    fn at(&self, row: usize) -> Option<usize> {
        let at = if self.one { 0 } else { row };
        (at < self.len).then_some(at)
    }
}

impl Cells<Int64Chunked> {
    /// The number in a row; absent where it is null.
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        self.cells.get(self.at(row)?)
    }
}

impl Cells<Float64Chunked> {
    /// The number in a row; absent where it is null.
    pub(super) fn get(&self, row: usize) -> Option<f64> {
        self.cells.get(self.at(row)?)
    }
}

impl Cells<StringChunked> {
    /// The text in a row; absent where it is null.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        self.cells.get(self.at(row)?)
    }
}

impl Cells<BooleanChunked> {
    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The flag in a row; absent where it is null.
    pub(super) fn get(&self, row: usize) -> Option<bool> {
        self.cells.get(self.at(row)?)
    }
}

impl Cells<ListChunked> {
    /// The list in a row; absent where it is null.
    pub(super) fn get(&self, row: usize) -> Option<Series> {
        logical(self.cells.get_as_series(self.at(row)?)?, self.cells.inner_dtype())
    }
}

/// The items of a list in their own type: Polars gives the integers that hold dates, instants and decimals.
fn logical(items: Series, dtype: &DataType) -> Option<Series> {
    if items.dtype() == dtype {
        return Some(items);
    }
    match dtype {
        // A cast would take the units of the last digit for whole numbers.
        DataType::Decimal(precision, scale) => {
            Some(items.i128().ok()?.clone().into_decimal_unchecked(*precision, *scale).into_series())
        }
        DataType::Struct(fields) => {
            let whole = items.struct_().ok()?;
            let parts = whole.fields_as_series();
            let parts = parts.into_iter().zip(fields).map(|(part, field)| logical(part, field.dtype()));
            let parts = parts.collect::<Option<Vec<_>>>()?;
            let made = StructChunked::from_series(items.name().clone(), items.len(), parts.iter()).ok()?;
            Some(made.with_outer_validity(whole.rechunk_validity()).into_series())
        }
        DataType::List(inner) => {
            let list = items.list().ok()?;
            let parts = (0..list.len()).map(|at| match list.get_as_series(at) {
                Some(part) => logical(part, inner).map(AnyValue::List),
                None => Some(AnyValue::Null),
            });
            let parts = parts.collect::<Option<Vec<_>>>()?;
            Series::from_any_values_and_dtype(items.name().clone(), &parts, dtype, false).ok()
        }
        _ => items.cast(dtype).ok(),
    }
}

impl Cells<Int128Chunked> {
    /// The decimal in a row, in units of its last digit; absent where it is null.
    pub(super) fn get(&self, row: usize) -> Option<i128> {
        self.cells.get(self.at(row)?)
    }
}

fn series(column: &Column, wanted: &DataType) -> PolarsResult<Series> {
    let series = column.as_materialized_series();
    let series = if series.dtype() == wanted { series.clone() } else { series.cast(wanted)? };
    Ok(series.rechunk())
}

pub(super) fn texts(column: &Column) -> PolarsResult<Cells<StringChunked>> {
    Ok(Cells { cells: series(column, &DataType::String)?.str()?.clone(), one: column.len() == 1, len: column.len() })
}

/// A column of integers of any width.
pub(super) fn longs(column: &Column) -> PolarsResult<Cells<Int64Chunked>> {
    Ok(Cells { cells: series(column, &DataType::Int64)?.i64()?.clone(), one: column.len() == 1, len: column.len() })
}

/// A column of floats of any width.
pub(super) fn doubles(column: &Column) -> PolarsResult<Cells<Float64Chunked>> {
    Ok(Cells { cells: series(column, &DataType::Float64)?.f64()?.clone(), one: column.len() == 1, len: column.len() })
}

/// A column of decimals, with their precision and scale.
pub(super) fn decimals(column: &Column) -> PolarsResult<(Cells<Int128Chunked>, Size)> {
    let series = column.as_materialized_series().rechunk();
    let decimals = series.decimal()?;
    let size = (decimals.precision() as u8, decimals.scale() as u8);
    Ok((Cells { cells: decimals.physical().clone(), one: column.len() == 1, len: column.len() }, size))
}

/// The decimal that the function makes of each row.
pub(super) fn each_decimal(
    columns: &[Column],
    (precision, scale): Size,
    value: impl FnMut(usize) -> PolarsResult<Option<i128>>,
) -> PolarsResult<Column> {
    let made: Vec<Option<i128>> = (0..height(columns)).map(value).collect::<PolarsResult<_>>()?;
    let made = Int128Chunked::from_slice_options(PlSmallStr::EMPTY, &made);
    Ok(made.into_decimal_unchecked(precision.into(), scale.into()).into_series().into())
}

pub(super) fn flags(column: &Column) -> PolarsResult<Cells<BooleanChunked>> {
    Ok(Cells { cells: series(column, &DataType::Boolean)?.bool()?.clone(), one: column.len() == 1, len: column.len() })
}

pub(super) fn lists(column: &Column) -> PolarsResult<Cells<ListChunked>> {
    let series = column.as_materialized_series().rechunk();
    Ok(Cells { cells: series.list()?.clone(), one: column.len() == 1, len: column.len() })
}

/// How many rows these arguments make: the length of those that are not one value for all.
pub(super) fn height(columns: &[Column]) -> usize {
    columns.iter().map(Column::len).find(|len| *len != 1).unwrap_or(1)
}

/// The column's value in every row, as its length is.
pub(super) fn spread(column: &Column, height: usize) -> Column {
    if column.len() == 1 && height != 1 { column.new_from_index(0, height) } else { column.clone() }
}

/// What the function makes of each row.
pub(super) fn each<T>(columns: &[Column], value: impl FnMut(usize) -> PolarsResult<Option<T>>) -> PolarsResult<Column>
where
    Series: NamedFrom<Vec<Option<T>>, [Option<T>]>,
{
    let made: Vec<Option<T>> = (0..height(columns)).map(value).collect::<PolarsResult<_>>()?;
    Ok(Series::new(PlSmallStr::EMPTY, made).into())
}
