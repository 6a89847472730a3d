//! Stream records as lines of JSON.
//!
//! Each record is one object in column order: integers and floats as numbers, instants as RFC 3339 in UTC, lists as
//! lists, what is missing as null. Numbers that JSON does not have are the texts `NaN`, `Infinity` and `-Infinity`.

use polars::prelude::DataFrame;

use crate::wire::table::cell_json;

/// The rows of `frame`, one JSON object each.
pub(crate) fn records(frame: &DataFrame) -> Vec<Box<str>> {
    let names: Vec<String> = frame.get_column_names().iter().map(|name| quoted(name)).collect();
    let columns = frame.columns();
    let record = |row: usize| {
        let mut line = String::with_capacity(columns.len() * 24);
        for (name, column) in names.iter().zip(columns) {
            line.push(if line.is_empty() { '{' } else { ',' });
            line.push_str(name);
            line.push(':');
            line.push_str(&cell_json(column, row).to_string());
        }
        line.push('}');
        line.into_boxed_str()
    };
    (0..frame.height()).map(record).collect()
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, DataType, IntoColumn, TimeUnit, TimeZone, df};

    use super::*;

    fn lines(frame: &DataFrame) -> Vec<String> {
        records(frame).into_iter().map(String::from).collect()
    }

    #[test]
    fn values_are_written_as_their_types() {
        let mut frame = df!(
            "key" => [Some("a\"b\u{1b}"), None],
            "count" => [7_i64, 9_007_199_254_740_993],
            "mean" => [1.5, f64::NAN],
            "late" => [true, false],
        )
        .unwrap();
        let times = Column::new("at".into(), [1_700_000_000_000_000_i64, 1_700_000_000_000_001]);
        frame
            .with_column(times.cast(&DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))).unwrap())
            .unwrap();
        assert_eq!(
            lines(&frame),
            [
                r#"{"key":"a\"b\u001b","count":7,"mean":1.5,"late":true,"at":"2023-11-14T22:13:20Z"}"#,
                r#"{"key":null,"count":9007199254740993,"mean":"NaN","late":false,"at":"2023-11-14T22:13:20.000001Z"}"#,
            ]
        );
    }

    #[test]
    fn lists_are_lists() {
        let frame = df!("dest" => [Some("x"), None, Some("y")]).unwrap();
        let series = frame.column("dest").unwrap().as_materialized_series().implode().unwrap();
        let frame = DataFrame::new(1, vec![series.into_column()]).unwrap();
        assert_eq!(lines(&frame), [r#"{"dest":["x",null,"y"]}"#]);
    }
}
