//! Which rows of a table show, and in which order.

use std::borrow::Cow;
use std::sync::Arc;

use polars::prelude::{AnyValue, Column, DataFrame, DataType, SortOptions};

use super::cell::{cell, exact};
use crate::tui::query::{Query, Row, Scorer, contains};
use crate::tui::text::clean;

/// Places of rows in the table, in the order in which they show; absent for all of them as they came.
pub type Rows = Option<Arc<Vec<u32>>>;

/// Names that a filter may compare: those of the columns, and what is left of them without `prefix`.
pub fn names<'a>(frame: &'a DataFrame, prefix: &str) -> Vec<&'a str> {
    let columns = frame.columns().iter().map(|column| column.name().as_str());
    columns.flat_map(|name| [Some(name), short(name, prefix)]).flatten().collect()
}

/// The name without the prefix, where something is left of it.
fn short<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.strip_prefix(prefix).filter(|rest| !prefix.is_empty() && !rest.is_empty())
}

struct TableRow<'a> {
    columns: &'a [Column],
    prefix: &'a str,
    row: usize,
}

impl Row for TableRow<'_> {
    fn text(&self) -> Cow<'_, str> {
        let cells = self.columns.iter().map(|column| cell(column, self.row));
        cells.map(|cell| cell.unwrap_or_else(|| "null".to_owned())).collect::<Vec<_>>().join(" ").into()
    }

    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let full = self.columns.iter().find(|column| column.name() == name);
        let column =
            full.or_else(|| self.columns.iter().find(|column| short(column.name(), self.prefix) == Some(name)))?;
        Some(exact(column, self.row).map_or(Cow::Borrowed("null"), Cow::Owned))
    }

    fn says(&self, needle: &str) -> bool {
        let numeric = may_be_in_number(needle);
        self.columns.iter().any(|column| match column.get(self.row) {
            Ok(AnyValue::Null) | Err(_) => "null".contains(needle),
            Ok(AnyValue::String(text)) => contains(&clean(text), needle),
            Ok(_) if !numeric && is_numeric(column.dtype()) => false,
            Ok(_) => cell(column, self.row).is_some_and(|cell| contains(&cell, needle)),
        })
    }
}

/// Whether the column holds numbers or instants.
fn is_numeric(dtype: &DataType) -> bool {
    dtype.is_primitive_numeric() || matches!(dtype, DataType::Datetime(..) | DataType::Date)
}

/// Whether a number or an instant can read so. Most words cannot, and then no number need be written out to know it.
fn may_be_in_number(needle: &str) -> bool {
    let usual = needle.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | ':' | 'e' | ' '));
    usual || ["nan", "inf", "-inf"].iter().any(|odd| odd.contains(needle))
}

/// The rows that pass the filter, sorted by a column, large first where asked; missing values always come last, equal
/// values stay in the order of the table.
pub fn order(frame: &DataFrame, filter: &str, prefix: &str, sort: Option<(usize, bool)>) -> Rows {
    let query = Query::parse(filter, &names(frame, prefix)).unwrap_or_default();
    let sorted = sort.and_then(|(column, descending)| Some(sorted(frame.columns().get(column)?, descending)));
    if query.is_empty() {
        return sorted.map(Arc::new);
    }
    let mut scorer = Scorer::default();
    let columns = frame.columns();
    let mut shows = |row: u32| query.matches(&TableRow { columns, prefix, row: row as usize }, &mut scorer);
    let rows = match sorted {
        Some(sorted) => sorted.into_iter().filter(|row| shows(*row)).collect(),
        None => (0..frame.height() as u32).filter(|row| shows(*row)).collect(),
    };
    Some(Arc::new(rows))
}

fn sorted(column: &Column, descending: bool) -> Vec<u32> {
    let dtype = column.dtype();
    let known = dtype.is_primitive_numeric() || dtype.is_temporal();
    if known || matches!(dtype, DataType::String | DataType::Boolean) {
        let options = SortOptions {
            descending,
            nulls_last: true,
            // The console does not keep a pool of threads for this.
            multithreaded: false,
            maintain_order: true,
            limit: None,
        };
        return column.arg_sort(options).iter().flatten().collect();
    }
    // Lists and the like sort by what they read.
    let mut rows: Vec<(Option<String>, u32)> =
        (0..column.len() as u32).map(|row| (cell(column, row as usize), row)).collect();
    rows.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if descending => b.cmp(a),
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn frame() -> DataFrame {
        df!(
            "carrier" => [Some("UA"), Some("AA"), None, Some("EV")],
            "late.mean" => [Some(3.5), Some(12.25), Some(-1.0), None],
        )
        .unwrap()
    }

    fn rows(filter: &str, sort: Option<(usize, bool)>) -> Vec<u32> {
        order(&frame(), filter, "late.", sort).map_or_else(|| (0..4).collect(), |rows| rows.to_vec())
    }

    #[test]
    fn sorts_with_missing_values_last_either_way() {
        assert_eq!(rows("", None), [0, 1, 2, 3]);
        assert_eq!(rows("", Some((1, false))), [2, 0, 1, 3]);
        assert_eq!(rows("", Some((1, true))), [1, 0, 2, 3]);
        assert_eq!(rows("", Some((0, true))), [0, 3, 1, 2]);
    }

    #[test]
    fn filters_by_text_and_by_columns_with_or_without_the_prefix() {
        for (filter, expected) in [
            ("ua", vec![0]),
            ("!ua", vec![1, 2, 3]),
            ("12.2", vec![1]),
            ("null", vec![2, 3]),
            ("-1 !x", vec![2]),
            ("late.mean>3", vec![0, 1]),
            ("mean<=3.5", vec![0, 2]),
            ("mean=null", vec![3]),
            ("carrier!=UA mean>0", vec![1]),
            ("nonsense=1", vec![0, 1, 2, 3]),
        ] {
            assert_eq!(rows(filter, None), expected, "{filter}");
        }
        assert_eq!(rows("mean>0", Some((0, false))), [1, 0]);
    }

    #[test]
    fn there_is_one_nan_and_it_is_the_greatest_number() {
        let frame = df!("x" => [f64::NAN, 1.0, -f64::NAN, f64::INFINITY, -0.0, 0.0]).unwrap();
        let sorted = |descending| order(&frame, "", "", Some((0, descending))).unwrap().to_vec();
        assert_eq!(sorted(false), [4, 5, 1, 3, 0, 2]);
        assert_eq!(sorted(true), [0, 2, 3, 1, 4, 5]);
        assert_eq!(order(&frame, "x>5", "", None).unwrap().to_vec(), [0, 2, 3]);
    }

    #[test]
    fn lists_sort_by_what_they_read() {
        let lists = [["b"], ["a"]].map(|list| list.into_iter().collect::<Series>());
        let frame = DataFrame::new(2, vec![Series::new("list".into(), lists).into_column()]).unwrap();
        assert_eq!(order(&frame, "", "", Some((0, false))).unwrap().to_vec(), [1, 0]);
    }
}
