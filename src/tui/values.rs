//! Feature values and record fields as text.
//!
//! Pure. Floats show at most six digits after the point; instants are UTC, with parts of a second where they have them;
//! texts in a list stand in quotes where they could be taken for something else.

use crate::model::time::{from_micros, parse_time};
use crate::model::{Time, Value};

/// A value, and whether it is aligned right, as numbers are.
pub(super) fn value(value: &Value) -> (String, bool) {
    match value {
        Value::Null => ("null".to_owned(), false),
        Value::Int(n) => (n.to_string(), true),
        Value::Float(x) => (float(*x), true),
        Value::Text(text) => (text.clone(), false),
        Value::Bool(b) => (b.to_string(), false),
        Value::Time(at) => (time(*at), false),
        Value::List(items) => {
            let item = |item: &Value| match item {
                Value::Text(text) => quoted(text),
                other => self::value(other).0,
            };
            (format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(", ")), false)
        }
    }
}

/// A text inside a list.
pub(super) fn quoted(text: &str) -> String {
    let word = matches!(text, "" | "null" | "true" | "false") || text.parse::<f64>().is_ok() || text.trim() != text;
    let mistaken = word || text.contains([',', '"', '[', ']']) || text.starts_with('…');
    if mistaken { serde_json::Value::from(text).to_string() } else { text.to_owned() }
}

/// A float without needless digits.
pub(super) fn float(x: f64) -> String {
    if x.is_infinite() {
        return if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if x.is_nan() || x == 0.0 {
        return x.to_string();
    }
    if !(1e-4..1e15).contains(&x.abs()) {
        return format!("{x:e}");
    }
    let text = format!("{x:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// An instant to the last digit that is not 0.
pub(super) fn time(at: Time) -> String {
    // Three digits after the point, six or nine, whichever tell all there is.
    at.format("%Y-%m-%d %H:%M:%S%.f").to_string()
}

/// A count with its thousands apart.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// A field of a stream record. `_anchor_time` is an instant in nanoseconds (docs/semantics.md section 7.1).
pub(super) fn field(name: &str, value: &serde_json::Value) -> (String, bool) {
    use serde_json::Value as Json;
    match value {
        Json::Null => ("null".to_owned(), false),
        Json::Number(n) if name == "_anchor_time" => match n.as_i64() {
            Some(nanos) => (time(from_micros(nanos / 1_000)), false),
            None => (n.to_string(), true),
        },
        Json::Number(n) if n.is_f64() => (n.as_f64().map(float).unwrap_or_default(), true),
        Json::Number(n) => (n.to_string(), true),
        Json::String(text) if looks_like_time(text) => match parse_time(text) {
            Ok(at) => (time(at), false),
            Err(_) => (text.clone(), false),
        },
        Json::String(text) => (text.clone(), false),
        other => (other.to_string(), false),
    }
}

fn looks_like_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_instants_read_well() {
        for (x, text) in [(12.5, "12.5"), (1.0 / 3.0, "0.333333"), (-3.0, "-3"), (1e20, "1e20"), (f64::NAN, "NaN")] {
            assert_eq!(float(x), text);
        }
        assert_eq!((float(f64::INFINITY), float(f64::NEG_INFINITY)), ("Infinity".to_owned(), "-Infinity".to_owned()));
        assert_eq!(time(from_micros(1_795_341_600_000_001)), "2026-11-22 10:00:00.000001");
        let text = |text: &str| Value::Text(text.to_owned());
        for (items, shown) in [
            (vec![], "[]"),
            (vec![text("")], "[\"\"]"),
            (vec![text("LAX"), text("a, b"), Value::Null, text("null")], "[LAX, \"a, b\", null, \"null\"]"),
            (vec![Value::Int(7), text("7")], "[7, \"7\"]"),
        ] {
            assert_eq!(value(&Value::List(items)).0, shown);
        }
        let text = serde_json::json!("2026-11-22T09:00:00Z");
        assert_eq!(field("timestamp", &text).0, "2026-11-22 09:00:00");
        assert_eq!(field("_anchor_time", &serde_json::json!(1_795_341_600_000_000_000_i64)).0, "2026-11-22 10:00:00");
        assert_eq!(field("name", &serde_json::json!("日本日本日本日本Z")).0, "日本日本日本日本Z");
    }
}
