//! Constants: numbers, texts, dates, instants, intervals.

use sqlparser::ast::{DateTimeField, Expr, Interval, TypedString, UnaryOperator, Value};

use super::Binder;
use crate::platform::engine::sql::calendar::{self, DAY};
use crate::platform::engine::sql::node::{Literal, Node, Source};
use crate::platform::engine::sql::refusal::Refusal;
use crate::platform::engine::sql::types::Type;

impl Binder<'_> {
    /// A constant as it is written.
    pub fn value(&self, value: &Value, from: &Source) -> Result<Node, Refusal> {
        let (literal, ty) = match value {
            Value::Null => (Literal::Null, Type::Null),
            Value::Boolean(flag) => (Literal::Boolean(*flag), Type::Boolean),
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => {
                (Literal::Text(text.clone()), Type::Text)
            }
            Value::Number(digits, long) => number(digits, *long).ok_or_else(|| {
                from.place.refuse(digits, "is a number that no BIGINT holds", "write it as a double: `1.0e20`")
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
    pub fn typed(&self, typed: &TypedString, from: &Source) -> Result<Node, Refusal> {
        let (Value::SingleQuotedString(text) | Value::DoubleQuotedString(text)) = &typed.value.value else {
            return Err(from.place.refuse(
                &*from.text,
                "is not a text in quotes",
                "write TIMESTAMP '2024-01-01 10:00:00'",
            ));
        };
        let unread = |what: &str| from.place.refuse(&*from.text, format!("is no {what}"), "write 2024-01-01 10:00:00");
        Ok(match Type::written(&typed.data_type) {
            Some(Type::Date) => {
                let day = calendar::parse_date(text).ok_or_else(|| unread("date"))?;
                Node::literal(Literal::Date(day), Type::Date)
            }
            Some(Type::Timestamp) => {
                let at = calendar::parse_timestamp(text).ok_or_else(|| unread("timestamp"))?;
                Node::literal(Literal::Timestamp(at), Type::Timestamp)
            }
            _ => return Err(from.place.refuse(&*from.text, "is a typed text that Spark has not", "use CAST")),
        }
        .at(from))
    }

    /// `INTERVAL 1 HOUR`, `INTERVAL '2' DAYS`, `INTERVAL '90 minutes'`.
    pub fn interval(&self, interval: &Interval, from: &Source) -> Result<Node, Refusal> {
        let form = "write INTERVAL and a whole number and YEAR MONTH WEEK DAY HOUR MINUTE or SECOND";
        let refuse = |problem: &str| from.place.refuse(&*from.text, problem, form);
        if interval.last_field.is_some() || interval.leading_precision.is_some() {
            return Err(refuse("is an interval of several fields"));
        }
        let text = count_text(&interval.value).ok_or_else(|| refuse("is an interval that is no constant"))?;
        let (count, unit) = match (&interval.leading_field, text.trim().split_once(' ')) {
            (Some(field), None) => (text.trim().to_owned(), unit_name(field)),
            (None, Some((count, unit))) => (count.to_owned(), unit.trim().to_lowercase()),
            _ => return Err(refuse("is an interval of another form")),
        };
        let count: i64 = count.parse().map_err(|_| refuse("has no whole number"))?;
        let (mut months, mut days, mut micros) = (0, 0, 0);
        match unit.trim_end_matches('s') {
            "year" => months = count.saturating_mul(12),
            "month" => months = count,
            "week" => days = count.saturating_mul(7),
            "day" => days = count,
            "hour" => micros = count.saturating_mul(3_600_000_000),
            "minute" => micros = count.saturating_mul(60_000_000),
            "second" => micros = count.saturating_mul(1_000_000),
            "millisecond" => micros = count.saturating_mul(1_000),
            "microsecond" => micros = count,
            _ => return Err(refuse("has a unit that is not known")),
        }
        let small = |number: i64| i32::try_from(number).map_err(|_| refuse("is too long"));
        if micros.unsigned_abs() > 10_000 * 366 * DAY.unsigned_abs() {
            return Err(refuse("is too long"));
        }
        let literal = Literal::Interval { months: small(months)?, days: small(days)?, micros };
        Ok(Node::literal(literal, Type::Interval).at(from))
    }
}

fn number(digits: &str, long: bool) -> Option<(Literal, Type)> {
    if digits.contains(['e', 'E']) {
        return Some((Literal::Double(digits.parse().ok()?), Type::Double));
    }
    if digits.contains('.') {
        return Some((Literal::Double(digits.parse().ok()?), Type::Decimal));
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

fn unit_name(field: &DateTimeField) -> String {
    field.to_string().to_lowercase()
}
