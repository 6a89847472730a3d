//! One cell of a table as text.

use polars::prelude::{AnyValue, Column, DataType};

use crate::model::Span;
use crate::model::time::{from_micros, print_span};
use crate::tui::text::clean;
use crate::tui::values;
use crate::wire::table::{any_text, micros, time};

/// Elements of a list that are shown; the rest is counted.
const ELEMENTS: usize = 200;
/// The column of stream records and tiles that holds an instant in nanoseconds (docs/semantics.md section 7.1).
const ANCHOR: &str = "_anchor_time";

/// How a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers, to the right.
    Int,
    /// Other numbers, their points below each other.
    Float,
    /// Instants and days, as whole times in UTC.
    Time,
    /// Anything else, to the left.
    Text,
}

impl Kind {
    /// Whether its values can be drawn over time.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

/// How the column is shown, and the word for its type.
pub fn head(column: &Column) -> (Kind, String) {
    let dtype = column.dtype();
    let kind = match dtype {
        DataType::Datetime(..) | DataType::Date => Kind::Time,
        dtype if dtype.is_integer() && column.name() == ANCHOR => Kind::Time,
        dtype if dtype.is_integer() => Kind::Int,
        dtype if dtype.is_float() => Kind::Float,
        _ => Kind::Text,
    };
    (kind, word(dtype))
}

/// The field's word for a type (the same words as in Lookup); Polars' own for what the field has none for.
fn word(dtype: &DataType) -> String {
    match dtype {
        DataType::String => "string".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Datetime(..) => "timestamp".to_owned(),
        DataType::List(element) => format!("array<{}>", word(element)),
        other => clean(&other.to_string()).into_owned(),
    }
}

/// What a cell says: cleaned text; absent for a missing value.
pub fn cell(column: &Column, row: usize) -> Option<String> {
    let value = column.get(row).ok()?;
    if let (true, Some(nanos)) = (column.name() == ANCHOR, value.extract::<i64>()) {
        return Some(values::time(from_micros(nanos.div_euclid(1_000))));
    }
    text(&value)
}

/// The same with every digit, for comparisons and the clipboard.
pub fn exact(column: &Column, row: usize) -> Option<String> {
    match column.get(row).ok()? {
        AnyValue::Float64(x) if (1e-5..1e16).contains(&x.abs()) || x == 0.0 => Some(x.to_string()),
        AnyValue::Float32(x) if (1e-5..1e16).contains(&x.abs()) || x == 0.0 => Some(x.to_string()),
        value @ (AnyValue::Float64(_) | AnyValue::Float32(_)) => any_text(&value),
        _ => cell(column, row),
    }
}

fn text(value: &AnyValue<'_>) -> Option<String> {
    Some(match value {
        AnyValue::Null => return None,
        AnyValue::String(text) => clean(text).into_owned(),
        AnyValue::Float64(x) => values::float(*x),
        AnyValue::Float32(x) => values::float(f64::from(*x)),
        AnyValue::Datetime(at, unit, _) => values::time(time(*at, *unit)),
        AnyValue::DatetimeOwned(at, unit, _) => values::time(time(*at, *unit)),
        AnyValue::Date(days) => {
            from_micros(i64::from(*days).saturating_mul(86_400_000_000)).format("%Y-%m-%d").to_string()
        }
        AnyValue::Duration(length, unit) => print_span(Span::microseconds(micros(*length, *unit))),
        AnyValue::List(items) | AnyValue::Array(items, _) => {
            let shown = items.len().min(ELEMENTS);
            let element = |at| match items.get(at).ok()? {
                item if item.get_str().is_some() => {
                    item.get_str().map(|text| clean(&values::quoted(text)).into_owned())
                }
                item => text(&item),
            };
            let mut elements: Vec<String> =
                (0..shown).map(|at| element(at).unwrap_or_else(|| "null".to_owned())).collect();
            if items.len() > shown {
                elements.push(format!("… {} more", items.len() - shown));
            }
            format!("[{}]", elements.join(", "))
        }
        other => return any_text(other).map(|text| clean(&text).into_owned()),
    })
}

/// Microseconds since the epoch of each row of a column of instants; absent for other columns.
pub(super) fn instants(column: &Column) -> Option<Vec<Option<i64>>> {
    let counts = column.cast(&DataType::Int64).ok()?;
    let counts = counts.i64().ok()?;
    let to_micros: Box<dyn Fn(i64) -> i64> = match column.dtype() {
        DataType::Datetime(unit, _) => {
            let unit = *unit;
            Box::new(move |count| micros(count, unit))
        }
        DataType::Date => Box::new(|days| days.saturating_mul(86_400_000_000)),
        dtype if dtype.is_integer() && column.name() == ANCHOR => Box::new(|nanos| nanos.div_euclid(1_000)),
        _ => return None,
    };
    Some(counts.iter().map(|count| count.map(&to_micros)).collect())
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn cells_read_like_the_rest_of_the_screen() {
        let frame = df!(
            "carrier" => [Some("UA\u{1b}[31m"), None],
            "mean" => [Some(1.0 / 3.0), None],
            "flights" => [Some(12_i64), None],
            "_anchor_time" => [Some(1_795_341_600_000_000_000_i64), None],
        )
        .unwrap();
        let shown: Vec<_> = frame.columns().iter().map(|column| (cell(column, 0), cell(column, 1))).collect();
        let texts = ["UA␛[31m", "0.333333", "12", "2026-11-22 10:00:00"];
        assert_eq!(shown, texts.map(|text| (Some(text.to_owned()), None)));
        assert_eq!(exact(&frame.columns()[1], 0).unwrap(), "0.3333333333333333");
        let words: Vec<_> = frame.columns().iter().map(|column| head(column).1).collect();
        assert_eq!(words, ["string", "float64", "int64", "int64"]);
    }

    #[test]
    fn lists_show_their_elements_and_count_the_rest() {
        let texts: Series = ["LAX", "S\nO"].into_iter().collect();
        let numbers: Series = (0..300_i64).collect();
        let column = Series::new("last".into(), [texts]).into_column();
        assert_eq!(cell(&column, 0).unwrap(), "[LAX, S⏎O]");
        let nothing = Series::new("last".into(), [Series::new("".into(), [""])]).into_column();
        assert_eq!(cell(&nothing, 0).unwrap(), "[\"\"]");
        let record =
            df!("x" => [1_i64], "y" => [Some("a")]).unwrap().into_struct("r".into()).into_series().into_column();
        assert_eq!(cell(&record, 0).unwrap(), "{\"x\":1,\"y\":\"a\"}");
        let category = Series::new("c".into(), ["a"]).cast(&DataType::from_categories(Categories::global())).unwrap();
        assert_eq!(cell(&category.into_column(), 0).unwrap(), "a");
        assert_eq!(head(&column), (Kind::Text, "array<string>".to_owned()));
        let column = Series::new("many".into(), [numbers]).into_column();
        assert!(cell(&column, 0).unwrap().ends_with("199, … 100 more]"));
    }
}
