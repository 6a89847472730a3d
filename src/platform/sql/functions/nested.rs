//! Structs and maps: made, looked into, taken apart. A map is an array of its entries, in their order.

use polars::prelude::*;

use super::Kind::{Rewritten, Rows};
use super::arrays::find;
use super::texts::argument;
use super::{Function, strict, sure};
use crate::platform::sql::cast::list_column;
use crate::platform::sql::cells::{each, height, lists, spread};
use crate::platform::sql::types::Type;

pub(super) static FUNCTIONS: &[Function] = &[
    sure(
        "named_struct",
        "any+ -> any",
        "A struct of names and values; a feature is one of its fields, `s.a`.",
        "named_struct('a', 1, 'b', 'x').b = 'x'",
        Rewritten,
    ),
    sure(
        "struct",
        "any+ -> any",
        "A struct of columns with their names; other values are `col1`, `col2`.",
        "struct(1, 'x').col2 = 'x'",
        Rewritten,
    ),
    strict(
        "map",
        "any* -> any",
        "A map of keys and values; a key that is null or comes twice is an error. A feature is one of its values, `m['k']`.",
        "map('a', 1, 'b', 2)['b'] = 2",
        Rows(map),
    ),
    sure("map value", "any, any -> any", "", "", Rows(value)),
    sure(
        "map_keys",
        "any -> any",
        "The keys of a map, in their order.",
        "array_join(map_keys(map('a', 1, 'b', 2)), ',') = 'a,b'",
        Rows(|a| field(a, 0)),
    ),
    sure(
        "map_values",
        "any -> any",
        "The values of a map, in their order.",
        "map_values(map('a', 1, 'b', 2))[1] = 2",
        Rows(|a| field(a, 1)),
    ),
    sure(
        "map_contains_key",
        "any, any -> boolean",
        "Whether the map has the key.",
        "map_contains_key(map('a', 1), 'a')",
        Rows(contains),
    ),
];

fn types(column: &Column) -> PolarsResult<(Type, Type)> {
    match column.dtype().inner_dtype().and_then(Type::of) {
        Some(Type::Struct(fields)) => match fields.as_slice() {
            [(_, key), (_, value)] => Ok((key.clone(), value.clone())),
            _ => Err(polars_err!(ComputeError: "not a map: {}", column.dtype())),
        },
        _ => Err(polars_err!(ComputeError: "not a map: {}", column.dtype())),
    }
}

fn map(args: &[Column]) -> PolarsResult<Column> {
    let (key, value) = (argument(args, 0)?, argument(args, 1)?);
    let wanted = |column: &Column| Type::of(column.dtype()).unwrap_or(Type::Null);
    let ty = Type::Map(Box::new(wanted(key)), Box::new(wanted(value)));
    let rows = height(args);
    let columns: Vec<Column> = args.iter().map(|column| spread(column, rows)).collect();
    let mut made = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut sides = [Vec::new(), Vec::new()];
        for (index, column) in columns.iter().enumerate() {
            let item = column.get(row)?;
            if index % 2 == 0 {
                let [keys, _] = &sides;
                polars_ensure!(!item.is_null(), ComputeError: "a key of a map is null");
                polars_ensure!(!keys.contains(&item), ComputeError: "the key {} comes twice in a map", item);
            }
            if let Some(side) = sides.get_mut(index % 2) {
                side.push(item);
            }
        }
        let mut fields = Vec::new();
        for (side, (name, column)) in sides.iter().zip(crate::platform::sql::types::ENTRY.iter().zip([key, value])) {
            fields.push(Series::from_any_values_and_dtype((*name).into(), side, column.dtype(), false)?);
        }
        let entries = columns.len() / 2;
        made.push(Some(StructChunked::from_series(PlSmallStr::EMPTY, entries, fields.iter())?.into_series()));
    }
    list_column(made, &Type::of(ty.polars().inner_dtype().unwrap_or(&DataType::Null)).unwrap_or(Type::Null))
}

/// One side of the entries of a map.
fn side(entries: &Series, at: usize) -> PolarsResult<Series> {
    let fields = entries.struct_()?.fields_as_series();
    fields.into_iter().nth(at).ok_or_else(|| polars_err!(ComputeError: "a map without entries"))
}

fn field(args: &[Column], at: usize) -> PolarsResult<Column> {
    let map = argument(args, 0)?;
    let (list, (key, value)) = (lists(map)?, types(map)?);
    let made = (0..height(args)).map(|row| list.get(row).map(|entries| side(&entries, at)).transpose());
    list_column(made.collect::<PolarsResult<_>>()?, if at == 0 { &key } else { &value })
}

/// The value of each row's key; null where the map has none, as in Spark.
fn value(args: &[Column]) -> PolarsResult<Column> {
    let map = argument(args, 0)?;
    let (list, (_, ty), wanted) = (lists(map)?, types(map)?, spread(argument(args, 1)?, height(args)));
    let mut values = Vec::with_capacity(height(args));
    for row in 0..height(args) {
        let wanted = wanted.get(row)?;
        let entries = list.get(row).filter(|_| !wanted.is_null());
        let found = match entries {
            Some(entries) => match find(&side(&entries, 0)?, &wanted) {
                Some(at) => side(&entries, 1)?.get(at)?.into_static(),
                None => AnyValue::Null,
            },
            None => AnyValue::Null,
        };
        values.push(found);
    }
    Ok(Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, &ty.polars(), false)?.into())
}

fn contains(args: &[Column]) -> PolarsResult<Column> {
    let list = lists(argument(args, 0)?)?;
    let wanted = spread(argument(args, 1)?, height(args));
    each(args, |row| {
        let wanted = wanted.get(row)?;
        let Some(entries) = list.get(row).filter(|_| !wanted.is_null()) else { return Ok(None) };
        Ok(Some(find(&side(&entries, 0)?, &wanted).is_some()))
    })
}
