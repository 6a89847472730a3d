//! Arrays. `a[0]` counts from 0, element_at from 1.

use polars::prelude::*;

use super::Kind::Rows;
use super::texts::argument;
use super::{Function, strict, sure};
use crate::platform::sql::cast::list_column;
use crate::platform::sql::cells::{each, height, lists, longs, spread};
use crate::platform::sql::types::Type;

pub(super) static FUNCTIONS: &[Function] = &[
    sure("array", "same* -> array<same>", "An array of these.", "array(1, 2)[1] = 2", Rows(array)),
    sure("size", "array -> int", "How many elements; null for null.", "size(array(1, 2)) = 2", Rows(size)),
    strict(
        "[]",
        "array, int -> element",
        "`a[i]`, counted from 0; an element that is not there is an error.",
        "array('x', 'y')[0] = 'x'",
        Rows(|a| element(a, Missing::Error, 0)),
    ),
    strict(
        "element_at",
        "array, int -> element",
        "Counted from 1, or from the end if negative; an element that is not there is an error.",
        "element_at(array('x', 'y'), -1) = 'y'",
        Rows(|a| element(a, Missing::Error, 1)),
    ),
    strict(
        "try_element_at",
        "array, int -> element",
        "The same, null for an element that is not there.",
        "try_element_at(array(1), 5) IS NULL",
        Rows(|a| element(a, Missing::Null, 1)),
    ),
    sure(
        "get",
        "array, int -> element",
        "Counted from 0; null for an element that is not there.",
        "get(array(1), 5) IS NULL",
        Rows(|a| element(a, Missing::Null, 0)),
    ),
    sure(
        "array_contains",
        "array, element -> boolean",
        "Whether the element is there; null if it is not, but a null is.",
        "array_contains(array(1, 2), 2)",
        Rows(contains),
    ),
    sure(
        "array_position",
        "array, element -> bigint",
        "Position of the first such element, from 1; 0 if it is not there.",
        "array_position(array('a', 'b'), 'b') = 2",
        Rows(position),
    ),
    sure(
        "array_distinct",
        "array -> array",
        "Each element once, in the order of the first.",
        "size(array_distinct(array(1, 1, 2))) = 2",
        Rows(|a| change(a, unique)),
    ),
    sure(
        "sort_array",
        "array, boolean? -> array",
        "In order, nulls first; descending if the second is false.",
        "sort_array(array(2, 1))[0] = 1",
        Rows(sort),
    ),
    sure(
        "array_sort",
        "array -> array",
        "In order, nulls last.",
        "array_sort(array(2, 1))[0] = 1",
        Rows(|a| change(a, |items| items.sort(SortOptions::default().with_nulls_last(true)))),
    ),
    sure(
        "array_max",
        "array -> element",
        "Greatest element, nulls aside.",
        "array_max(array(1, 3)) = 3",
        Rows(|a| extreme(a, true)),
    ),
    sure(
        "array_min",
        "array -> element",
        "Least element, nulls aside.",
        "array_min(array(1, 3)) = 1",
        Rows(|a| extreme(a, false)),
    ),
    sure(
        "slice",
        "array, int, int -> array",
        "That many elements from a position, counted from 1 or from the end if negative.",
        "size(slice(array(1, 2, 3), 2, 2)) = 2",
        Rows(slice),
    ),
    sure(
        "array_join",
        "texts, string -> string",
        "The elements of an array of texts with the second between, nulls left out.",
        "array_join(array('a', 'b'), '-') = 'a-b'",
        Rows(join),
    ),
    sure("concat arrays", "lists+ -> same", "", "", Rows(concat)),
    sure("reverse array", "array -> array", "", "", Rows(|a| change(a, |items| Ok(items.reverse())))),
    sure(
        "array_append",
        "array, element -> array",
        "With the element at the end.",
        "array_append(array(1), 2)[1] = 2",
        Rows(|a| joined(a, false)),
    ),
    sure(
        "array_prepend",
        "array, element -> array",
        "With the element at the beginning.",
        "array_prepend(array(1), 2)[0] = 2",
        Rows(|a| joined(a, true)),
    ),
    sure(
        "array_repeat",
        "any, int -> array<arg>",
        "The value that many times.",
        "size(array_repeat('x', 3)) = 3",
        Rows(repeated),
    ),
    sure(
        "array_remove",
        "array, element -> array",
        "Without the elements that equal the second.",
        "size(array_remove(array(1, 2, 1), 1)) = 1",
        Rows(remove),
    ),
    sure(
        "array_compact",
        "array -> array",
        "Without nulls.",
        "size(array_compact(array(1, NULL))) = 1",
        Rows(|a| change(a, |items| Ok(items.drop_nulls()))),
    ),
    sure(
        "array_union",
        "lists, lists -> same",
        "The elements of both, each once.",
        "size(array_union(array(1, 2), array(2, 3))) = 3",
        Rows(|a| sets(a, |_, _| true, true)),
    ),
    sure(
        "array_intersect",
        "lists, lists -> same",
        "The elements of the first that are in the second, each once.",
        "array_intersect(array(1, 2), array(2, 3))[0] = 2",
        Rows(|a| sets(a, has, false)),
    ),
    sure(
        "array_except",
        "lists, lists -> same",
        "The elements of the first that are not in the second, each once.",
        "array_except(array(1, 2), array(2, 3))[0] = 1",
        Rows(|a| sets(a, |item, other| !has(item, other), false)),
    ),
    sure(
        "arrays_overlap",
        "lists, lists -> boolean",
        "Whether an element is in both; null if none is, but one of two that are not empty has a null.",
        "arrays_overlap(array(1, 2), array(2, 3))",
        Rows(overlap),
    ),
];

/// Whether an array has an element; a null has its equal in a null.
fn has(item: &AnyValue<'_>, other: &Series) -> bool {
    if item.is_null() { other.null_count() > 0 } else { find(other, item).is_some() }
}

fn concat(args: &[Column]) -> PolarsResult<Column> {
    let parts = args.iter().map(lists).collect::<PolarsResult<Vec<_>>>()?;
    let one = |row| {
        let mut whole: Option<Series> = None;
        for part in &parts {
            let Some(items) = part.get(row) else { return Ok(None) };
            whole = Some(match whole {
                Some(mut whole) => whole.append(&items)?.clone(),
                None => items,
            });
        }
        Ok(whole)
    };
    let made: Vec<_> = (0..height(args)).map(one).collect::<PolarsResult<_>>()?;
    list_column(made, &element_type(argument(args, 0)?)?)
}

fn joined(args: &[Column], first: bool) -> PolarsResult<Column> {
    let (list, item) = (lists(argument(args, 0)?)?, spread(argument(args, 1)?, height(args)));
    let dtype = element_type(argument(args, 0)?)?.polars();
    let one = |row| {
        let Some(mut items) = list.get(row) else { return Ok(None) };
        let mut item = Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &[item.get(row)?], &dtype, false)?;
        Ok(Some(if first { item.append(&items)?.clone() } else { items.append(&item)?.clone() }))
    };
    let made: Vec<_> = (0..height(args)).map(one).collect::<PolarsResult<_>>()?;
    list_column(made, &element_type(argument(args, 0)?)?)
}

/// Most items of an array that is made of one value: a slip must not take all memory.
const MOST_REPEATED: i64 = 100_000;

fn repeated(args: &[Column]) -> PolarsResult<Column> {
    let (item, times) = (spread(argument(args, 0)?, height(args)), longs(argument(args, 1)?)?);
    let dtype = item.dtype().clone();
    let one = |row| {
        let Some(times) = times.get(row).map(|times| times.max(0)) else { return Ok(None) };
        polars_ensure!(times <= MOST_REPEATED, ComputeError: "an array of more than {} elements", MOST_REPEATED);
        let items = vec![item.get(row)?; times as usize];
        Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &items, &dtype, false).map(Some)
    };
    let made: Vec<_> = (0..height(args)).map(one).collect::<PolarsResult<_>>()?;
    list_column(made, &Type::of(&dtype).unwrap_or(Type::Null))
}

fn unique(items: &Series) -> PolarsResult<Series> {
    if !items.dtype().is_decimal() {
        return items.unique_stable();
    }
    // Polars knows no decimals there.
    let mut seen: Vec<AnyValue<'_>> = Vec::new();
    let first = items.iter().map(|item| {
        let new = !seen.contains(&item);
        if new {
            seen.push(item);
        }
        Some(new)
    });
    let first: BooleanChunked = first.collect();
    items.filter(&first)
}

/// The items that a test keeps.
fn kept(items: &Series, test: impl Fn(&AnyValue<'_>) -> bool) -> PolarsResult<Series> {
    let kept: BooleanChunked = items.iter().map(|item| Some(test(&item))).collect();
    items.filter(&kept)
}

fn remove(args: &[Column]) -> PolarsResult<Column> {
    let (list, wanted) = (lists(argument(args, 0)?)?, spread(argument(args, 1)?, height(args)));
    let one = |row| {
        let wanted = wanted.get(row)?;
        let items = list.get(row).filter(|_| !wanted.is_null());
        items.map(|items| kept(&items, |item| item.is_null() || *item != wanted)).transpose()
    };
    let made: Vec<_> = (0..height(args)).map(one).collect::<PolarsResult<_>>()?;
    list_column(made, &element_type(argument(args, 0)?)?)
}

/// The elements of the first array that pass, each once; where `both`, then those of the second.
fn sets(args: &[Column], test: fn(&AnyValue<'_>, &Series) -> bool, both: bool) -> PolarsResult<Column> {
    let (a, b) = (lists(argument(args, 0)?)?, lists(argument(args, 1)?)?);
    let one = |row| {
        let Some((items, other)) = a.get(row).zip(b.get(row)) else { return Ok(None) };
        let mut items = kept(&items, |item| test(item, &other))?;
        if both {
            items.append(&other)?;
        }
        unique(&items).map(Some)
    };
    let made: Vec<_> = (0..height(args)).map(one).collect::<PolarsResult<_>>()?;
    list_column(made, &element_type(argument(args, 0)?)?)
}

fn overlap(args: &[Column]) -> PolarsResult<Column> {
    let (a, b) = (lists(argument(args, 0)?)?, lists(argument(args, 1)?)?);
    each(args, |row| {
        let Some((items, other)) = a.get(row).zip(b.get(row)) else { return Ok(None) };
        let found = items.iter().any(|item| !item.is_null() && has(&item, &other));
        let unknown = !items.is_empty() && !other.is_empty() && items.null_count() + other.null_count() > 0;
        Ok(if found || !unknown { Some(found) } else { None })
    })
}

/// What an element that is not there is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Missing {
    Error,
    Null,
}

fn element_type(column: &Column) -> PolarsResult<Type> {
    let inner = column.dtype().inner_dtype().and_then(Type::of);
    inner.ok_or_else(|| polars_err!(ComputeError: "not an array: {}", column.dtype()))
}

fn array(args: &[Column]) -> PolarsResult<Column> {
    let first = argument(args, 0)?;
    let rows = height(args);
    let columns: Vec<Column> = args.iter().map(|column| spread(column, rows)).collect();
    let mut made = Vec::with_capacity(rows);
    for row in 0..rows {
        let values = columns.iter().map(|column| column.get(row)).collect::<PolarsResult<Vec<_>>>()?;
        made.push(Some(Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, first.dtype(), false)?));
    }
    let ty = Type::of(first.dtype()).unwrap_or(Type::Null);
    list_column(made, &ty)
}

fn size(args: &[Column]) -> PolarsResult<Column> {
    let list = lists(argument(args, 0)?)?;
    each(args, |row| Ok(list.get(row).map(|items| items.len() as i64)))
}

/// The element of each row's array, by an index that counts from `first`.
pub(super) fn element(args: &[Column], missing: Missing, first: i64) -> PolarsResult<Column> {
    let (list, index) = (lists(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    let mut values = Vec::with_capacity(height(args));
    for row in 0..height(args) {
        let Some((items, index)) = list.get(row).zip(index.get(row)) else {
            values.push(AnyValue::Null);
            continue;
        };
        polars_ensure!(!(first == 1 && index == 0), ComputeError: "element 0: elements count from 1");
        let at = if first == 1 && index < 0 { items.len() as i64 + index } else { index - first };
        match usize::try_from(at).ok().filter(|at| *at < items.len()) {
            Some(at) => values.push(items.get(at)?.into_static()),
            None if missing == Missing::Null => values.push(AnyValue::Null),
            None => polars_bail!(ComputeError: "there is no element {} in an array of {}: use get", index, items.len()),
        }
    }
    let dtype = element_type(argument(args, 0)?)?.polars();
    Ok(Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, &dtype, false)?.into())
}

/// The position of the first element that equals the second argument.
pub(super) fn find(items: &Series, wanted: &AnyValue<'_>) -> Option<usize> {
    items.iter().position(|item| !item.is_null() && item == *wanted)
}

fn contains(args: &[Column]) -> PolarsResult<Column> {
    let (list, wanted) = (lists(argument(args, 0)?)?, spread(argument(args, 1)?, height(args)));
    each(args, |row| {
        let wanted = wanted.get(row)?;
        let Some(items) = list.get(row).filter(|_| !wanted.is_null()) else { return Ok(None) };
        let found = find(&items, &wanted).is_some();
        Ok(if found || items.null_count() == 0 { Some(found) } else { None })
    })
}

fn position(args: &[Column]) -> PolarsResult<Column> {
    let (list, wanted) = (lists(argument(args, 0)?)?, spread(argument(args, 1)?, height(args)));
    each(args, |row| {
        let wanted = wanted.get(row)?;
        let items = list.get(row).filter(|_| !wanted.is_null());
        Ok(items.map(|items| find(&items, &wanted).map_or(0, |at| at as i64 + 1)))
    })
}

/// An array made of each array.
fn change(args: &[Column], of: impl Fn(&Series) -> PolarsResult<Series>) -> PolarsResult<Column> {
    let list = lists(argument(args, 0)?)?;
    let made = (0..height(args)).map(|row| list.get(row).map(|items| of(&items)).transpose());
    list_column(made.collect::<PolarsResult<_>>()?, &element_type(argument(args, 0)?)?)
}

fn sort(args: &[Column]) -> PolarsResult<Column> {
    let ascending = args.get(1).map(crate::platform::sql::cells::flags).transpose()?;
    let descending = ascending.is_some_and(|ascending| ascending.get(0) == Some(false));
    // Nulls are less than any value.
    let options = SortOptions::default().with_order_descending(descending).with_nulls_last(descending);
    change(args, |items| items.sort(options))
}

fn extreme(args: &[Column], greatest: bool) -> PolarsResult<Column> {
    let list = lists(argument(args, 0)?)?;
    let mut values = Vec::with_capacity(height(args));
    for row in 0..height(args) {
        let sorted = list.get(row).map(|items| items.drop_nulls().sort(SortOptions::default())).transpose()?;
        let last = sorted.as_ref().map(|sorted| if greatest { sorted.len().saturating_sub(1) } else { 0 });
        let value = sorted.zip(last).filter(|(sorted, _)| !sorted.is_empty());
        values.push(
            value.map(|(sorted, at)| sorted.get(at).map(AnyValue::into_static)).transpose()?.unwrap_or(AnyValue::Null),
        );
    }
    let dtype = element_type(argument(args, 0)?)?.polars();
    Ok(Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, &dtype, false)?.into())
}

fn slice(args: &[Column]) -> PolarsResult<Column> {
    let (list, from, count) = (lists(argument(args, 0)?)?, longs(argument(args, 1)?)?, longs(argument(args, 2)?)?);
    let mut made = Vec::with_capacity(height(args));
    for row in 0..height(args) {
        let (Some(items), Some(from), Some(count)) = (list.get(row), from.get(row), count.get(row)) else {
            made.push(None);
            continue;
        };
        polars_ensure!(from != 0 && count >= 0, ComputeError: "slice from {} of {}: positions count from 1", from, count);
        let start = if from > 0 { from - 1 } else { items.len() as i64 + from };
        let outside = start < 0 || start >= items.len() as i64;
        made.push(Some(if outside { items.clear() } else { items.slice(start, count as usize) }));
    }
    list_column(made, &element_type(argument(args, 0)?)?)
}

fn join(args: &[Column]) -> PolarsResult<Column> {
    let (list, mark) = (lists(argument(args, 0)?)?, crate::platform::sql::cells::texts(argument(args, 1)?)?);
    each(args, |row| {
        let Some((items, mark)) = list.get(row).zip(mark.get(row)) else { return Ok(None) };
        Ok(Some(items.str()?.iter().flatten().collect::<Vec<_>>().join(mark)))
    })
}
