//! Delta's statistics of a data file: how many rows, and for some columns the least, the greatest and the number of
//! nulls (the Delta protocol, per-file statistics). They tell which files need not be opened.
//!
//! What they say is a bound, never a value: texts are cut, times rounded outwards. What is missing or makes no sense
//! bounds nothing.

use polars::prelude::*;
use serde_json::{Map, Value, json};

use crate::model::time::{from_micros, micros};

/// Characters of a text that are kept.
const TEXT: usize = 32;
/// Microseconds that other writers may have cut off the greatest time.
const CUT: i64 = 999;

/// The statistics of these columns, as an `add` action holds them.
pub(super) fn make(rows: &DataFrame, columns: &[String]) -> PolarsResult<String> {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for name in columns {
        let column = rows.column(name)?;
        nulls.insert(name.clone(), json!(column.null_count()));
        if let Some(value) = bound(column.min_reduce()?.value(), false) {
            least.insert(name.clone(), value);
        }
        if let Some(value) = bound(column.max_reduce()?.value(), true) {
            greatest.insert(name.clone(), value);
        }
    }
    let stats = json!({ "numRecords": rows.height(), "minValues": least, "maxValues": greatest, "nullCount": nulls });
    Ok(stats.to_string())
}

/// A value, moved outwards where it is not kept whole; nothing for a null or a type without an order here.
fn bound(value: &AnyValue<'_>, upper: bool) -> Option<Value> {
    Some(match value {
        AnyValue::Int64(number) => json!(number),
        AnyValue::String(text) => json!(cut(text, upper)?),
        AnyValue::StringOwned(text) => json!(cut(text, upper)?),
        AnyValue::Datetime(at, TimeUnit::Microseconds, _) => json!(iso(*at, upper)),
        AnyValue::DatetimeOwned(at, TimeUnit::Microseconds, _) => json!(iso(*at, upper)),
        _ => return None,
    })
}

/// The beginning of a long text; as an upper bound with its last character raised, so that it is above all texts that
/// begin alike.
fn cut(text: &str, upper: bool) -> Option<String> {
    let mut kept: Vec<char> = text.chars().take(TEXT).collect();
    if !upper || text.chars().nth(TEXT).is_none() {
        return Some(kept.into_iter().collect());
    }
    while let Some(last) = kept.pop() {
        // The characters between are no characters: a range skips them.
        if let Some(next) = (last..=char::MAX).nth(1) {
            kept.push(next);
            return Some(kept.into_iter().collect());
        }
    }
    None
}

fn iso(at: i64, upper: bool) -> String {
    let millis = if upper { -(-at).div_euclid(1_000) } else { at.div_euclid(1_000) };
    from_micros(millis.saturating_mul(1_000)).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Statistics as they were read.
pub(super) struct Stats(Value);

impl Stats {
    /// Reads them; text that makes no sense tells nothing.
    pub(super) fn parse(text: Option<&str>) -> Self {
        Self(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// How many rows the file has.
    pub(super) fn rows(&self) -> Option<i64> {
        self.0.get("numRecords")?.as_i64()
    }

    /// Bounds of a column of times, in microseconds: timestamps, or nanoseconds as int64 with `scale` 1000.
    pub(super) fn times(&self, column: &str, scale: i64) -> Option<(i64, i64)> {
        let (least, greatest) = self.range(column)?;
        match (least.as_i64(), greatest.as_i64()) {
            (Some(least), Some(greatest)) => Some((least.div_euclid(scale), greatest.div_euclid(scale))),
            _ => {
                let time = |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok();
                Some((micros(time(least)?.to_utc()), micros(time(greatest)?.to_utc()).saturating_add(CUT)))
            }
        }
    }

    /// Which of the keys the file may hold, by one key column of it.
    pub(super) fn may_hold(&self, keys: &Column) -> PolarsResult<BooleanChunked> {
        let all = || BooleanChunked::full(keys.name().clone(), true, keys.len());
        let Some((least, greatest)) = self.range(keys.name()) else { return Ok(all()) };
        Ok(match (least, greatest) {
            (Value::Number(least), Value::Number(greatest)) => {
                let (Some(least), Some(greatest)) = (least.as_i64(), greatest.as_i64()) else { return Ok(all()) };
                keys.i64()?.iter().map(|key| key.is_some_and(|key| least <= key && key <= greatest)).collect()
            }
            (Value::String(least), Value::String(greatest)) => {
                let inside = |key: &str| least.as_str() <= key && key <= greatest.as_str();
                keys.str()?.iter().map(|key| key.is_some_and(inside)).collect()
            }
            _ => all(),
        })
    }

    fn range(&self, column: &str) -> Option<(&Value, &Value)> {
        Some((self.0.get("minValues")?.get(column)?, self.0.get("maxValues")?.get(column)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::parse_time;
    use crate::model::{DataType as Word, Value as Cell};
    use crate::platform::frame;

    fn made(word: &Word, cells: &[Cell]) -> (Stats, Value) {
        let column = frame::column("c", word, cells).unwrap();
        let frame = DataFrame::new(cells.len(), vec![column]).unwrap();
        let text = make(&frame, &["c".to_owned()]).unwrap();
        (Stats::parse(Some(&text)), serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn times_are_rounded_outwards() {
        let at = |text: &str| Cell::Time(parse_time(text).unwrap());
        let cells = [at("1969-12-31T23:59:59.000001Z"), Cell::Null, at("2026-11-22T10:00:00.000001Z")];
        let (stats, json) = made(&Word::Timestamp, &cells);
        assert_eq!(json["minValues"]["c"], "1969-12-31T23:59:59.000Z");
        assert_eq!(json["maxValues"]["c"], "2026-11-22T10:00:00.001Z");
        assert_eq!(json["nullCount"]["c"], 1);
        assert_eq!(json["numRecords"], 3);
        let (least, greatest) = stats.times("c", 1).unwrap();
        assert!(least <= -999_999 && micros(parse_time("2026-11-22T10:00:00.000001Z").unwrap()) <= greatest);
        // Another writer cut the microseconds off, and a checkpoint may write them in full.
        let text = r#"{"minValues":{"c":"2026-01-01T00:00:00.000000Z"},"maxValues":{"c":"2026-01-01T00:00:00Z"}}"#;
        let (least, greatest) = Stats::parse(Some(text)).times("c", 1).unwrap();
        assert_eq!(greatest - least, 999);
    }

    #[test]
    fn long_texts_are_cut_to_bounds() {
        let text = |text: &str| Cell::Text(text.to_owned());
        let long = |end: &str| format!("{}{end}", "ä".repeat(31));
        let cases = [
            (long("bcd"), long("c")),
            (long("\u{d7ff}x"), long("\u{e000}")),
            (long("\u{10ffff}\u{10ffff}"), format!("{}å", "ä".repeat(30))),
        ];
        for (value, bound) in cases {
            let (stats, json) = made(&Word::String, &[text(&value), Cell::Null]);
            assert_eq!(json["maxValues"]["c"], bound);
            let keys = [text(&value), text("a"), text(&format!("{bound}z")), Cell::Null];
            let keys = frame::column("c", &Word::String, &keys).unwrap();
            let held: Vec<bool> = stats.may_hold(&keys).unwrap().iter().map(Option::unwrap).collect();
            assert_eq!(held, [true, false, false, false], "{value}");
        }
        let (stats, json) = made(&Word::String, &[text(&"\u{10ffff}".repeat(40))]);
        assert_eq!(json["maxValues"], json!({}));
        let keys = frame::column("c", &Word::String, &[text("b")]).unwrap();
        assert_eq!(stats.may_hold(&keys).unwrap().sum(), Some(1), "without a bound a file may hold anything");
    }

    #[test]
    fn numbers_bound_keys_and_nothing_bounds_nothing() {
        let (stats, _) = made(&Word::Int64, &[Cell::Int(-3), Cell::Int(i64::MAX)]);
        let cells = [Cell::Int(-4), Cell::Int(-3), Cell::Int(i64::MAX), Cell::Null];
        let keys = frame::column("c", &Word::Int64, &cells).unwrap();
        let held: Vec<bool> = stats.may_hold(&keys).unwrap().iter().map(Option::unwrap).collect();
        assert_eq!(held, [false, true, true, false]);
        for text in [None, Some("{"), Some("{}"), Some(r#"{"minValues":{"c":true},"maxValues":{"c":1}}"#)] {
            let stats = Stats::parse(text);
            assert_eq!(stats.may_hold(&keys).unwrap().sum(), Some(4));
            assert_eq!(stats.times("c", 1), None);
        }
        let (_, json) = made(&Word::Int64, &[Cell::Null]);
        assert_eq!((&json["minValues"], &json["nullCount"]["c"]), (&json!({}), &json!(1)));
    }
}
