//! Constants: numbers, texts, dates, instants, intervals.

use sqlparser::ast::{DateTimeField, Expr, Interval, TypedString, UnaryOperator, Value};

use super::Binder;
use crate::platform::sql::calendar::{self, DAY};
use crate::platform::sql::decimal;
use crate::platform::sql::node::{Literal, Node, Source};
use crate::platform::sql::refusal::Refusal;
use crate::platform::sql::types::Type;

impl Binder<'_> {
    /// A constant as it is written.
    pub(crate) fn value(&self, value: &Value, from: &Source) -> Result<Node, Refusal> {
        let (literal, ty) = match value {
            Value::Null => (Literal::Null, Type::Null),
            Value::Boolean(flag) => (Literal::Boolean(*flag), Type::Boolean),
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => {
                (Literal::Text(text.clone()), Type::Text)
            }
            Value::Number(digits, long) => number(digits, *long).ok_or_else(|| {
                from.place.refuse(
                    digits,
                    "is a number that no BIGINT and no DECIMAL holds",
                    "write it as a double: `1.0e20`",
                )
            })?,
            _ => {
                return Err(from.place.refuse(
                    value.to_string(),
                    "is a constant of another dialect",
                    "quote texts by '",
                ));
            }
        };
        Ok(Node::literal(literal, ty).at(from))
    }

    /// `DATE '...'` and `TIMESTAMP '...'`.
    pub(crate) fn typed(&self, typed: &TypedString, from: &Source) -> Result<Node, Refusal> {
        let (Value::SingleQuotedString(text) | Value::DoubleQuotedString(text)) = &typed.value.value else {
            return Err(from.place.refuse(
                &*from.text,
                "is not a text in quotes",
                "write TIMESTAMP '2024-01-01 10:00:00'",
            ));
        };
        let unread = |problem: &str| from.place.refuse(&*from.text, problem, "write 2024-01-01 10:00:00");
        Ok(match Type::written(&typed.data_type) {
            Some(Type::Date) => {
                let day = calendar::parse_date(text).ok_or_else(|| unread("is no date"))?;
                let day = calendar::written_day(day).ok_or_else(|| unread(calendar::OUTSIDE))?;
                Node::literal(Literal::Date(day), Type::Date)
            }
            Some(Type::Timestamp) => {
                let at = calendar::parse_timestamp(text).ok_or_else(|| unread("is no timestamp"))?;
                let at = calendar::within(at.into()).ok_or_else(|| unread(calendar::OUTSIDE))?;
                Node::literal(Literal::Timestamp(at), Type::Timestamp)
            }
            _ => return Err(from.place.refuse(&*from.text, "is a typed text that Spark has not", "use CAST")),
        }
        .at(from))
    }

    /// `INTERVAL 1 HOUR`, `INTERVAL '2' DAYS`, `INTERVAL '90 minutes'`.
    pub(crate) fn interval(&self, interval: &Interval, from: &Source) -> Result<Node, Refusal> {
        let form = "write INTERVAL and a whole number and YEAR MONTH WEEK DAY HOUR MINUTE or SECOND";
        let refuse = |problem: &str| from.place.refuse(&*from.text, problem, form);
        if interval.last_field.is_some() || interval.leading_precision.is_some() {
            return Err(refuse("is an interval of several fields"));
        }
        let text = count_text(&interval.value).ok_or_else(|| refuse("is an interval that is no constant"))?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let pairs = match (&interval.leading_field, words.as_slice()) {
            (Some(field), [count]) => vec![((*count).to_owned(), unit_name(field))],
            (None, words) if !words.is_empty() && words.len().is_multiple_of(2) => {
                words.chunks_exact(2).map(pair).collect()
            }
            _ => return Err(refuse("is an interval of another form")),
        };
        let (mut months, mut days, mut micros) = (0_i64, 0_i64, 0_i64);
        for (count, unit) in pairs {
            let (sum, size) = match unit.trim_end_matches('s') {
                "year" => (&mut months, 12),
                "month" => (&mut months, 1),
                "week" => (&mut days, 7),
                "day" => (&mut days, 1),
                "hour" => (&mut micros, 3_600_000_000),
                "minute" => (&mut micros, 60_000_000),
                "second" => (&mut micros, 1_000_000),
                "millisecond" => (&mut micros, 1_000),
                "microsecond" => (&mut micros, 1),
                _ => return Err(refuse("has a unit that is not known")),
            };
            let whole = match count.parse::<i64>() {
                Ok(count) => count.saturating_mul(size),
                // Only seconds have a fraction.
                Err(_) if size == 1_000_000 => decimal::parse(&count, (18, 6))
                    .filter(|_| count.split_once('.').is_some_and(|(_, fraction)| fraction.len() <= 6))
                    .and_then(|micros| i64::try_from(micros).ok())
                    .ok_or_else(|| refuse("has no number of seconds"))?,
                Err(_) => return Err(refuse("has no whole number")),
            };
            *sum = sum.saturating_add(whole);
        }
        if months != 0 && (days != 0 || micros != 0) {
            return Err(refuse("mixes months with days, which Spark does not"));
        }
        let lasts = months.unsigned_abs() / 12 * 365 + days.unsigned_abs() + micros.unsigned_abs() / DAY.unsigned_abs();
        if lasts > 10_000 * 366 {
            return Err(refuse("is longer than the years 0001 to 9999"));
        }
        let literal = Literal::Interval { months: months as i32, days: days as i32, micros };
        Ok(Node::literal(literal, Type::Interval).at(from))
    }
}

fn number(digits: &str, long: bool) -> Option<(Literal, Type)> {
    if digits.contains(['e', 'E']) {
        return Some((Literal::Double(digits.parse().ok()?), Type::Double));
    }
    if digits.contains('.') {
        let (number, (precision, scale)) = decimal::literal(digits)?;
        return Some((Literal::Decimal(number), Type::Decimal(precision, scale)));
    }
    let whole: i64 = digits.parse().ok()?;
    let ty = if long || i32::try_from(whole).is_err() { Type::Long } else { Type::Int };
    Some((Literal::Int(whole), ty))
}

/// The constant of an interval as a text.
fn count_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits.clone()),
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => count_text(expr).map(|text| format!("-{text}")),
        _ => None,
    }
}

/// A count and its unit.
fn pair(words: &[&str]) -> (String, String) {
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    (word(0).to_owned(), word(1).to_lowercase())
}

fn unit_name(field: &DateTimeField) -> String {
    field.to_string().to_lowercase()
}
