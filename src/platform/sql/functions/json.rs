//! Values out of JSON texts.

use polars::prelude::*;

use super::Kind::Rows;
use super::search::nulls;
use super::texts::argument;
use super::{Function, sure};
use crate::platform::sql::cells::{each, height, texts};
use crate::platform::sql::json::{self, Json};
use crate::platform::sql::types::{Type, UNIT};
use crate::platform::sql::{calendar, ddl, decimal, number};

pub(super) static FUNCTIONS: &[Function] = &[
    sure(
        "get_json_object",
        "string, path -> string",
        "The value at a path such as `$.a.b[0]` as a text; null where there is none or the text is no JSON.",
        r#"get_json_object('{"a": {"b": [7]}}', '$.a.b[0]') = '7'"#,
        Rows(get),
    ),
    sure(
        "from_json",
        "string, schema -> any",
        "The text as a struct, array or map by a constant schema such as `a INT, b STRUCT<c: STRING>`; a field that is not there or does not fit is null.",
        r#"from_json('{"a": 7, "b": {"c": "x"}}', 'a INT, b STRUCT<c: STRING>').b.c = 'x'"#,
        Rows(from_json),
    ),
];

/// A step of a path.
pub(super) enum Step {
    Field(String),
    Index(usize),
}

/// The steps of a path; `Err` says what of it is not shared.
pub(super) fn path(text: &str) -> Result<Vec<Step>, String> {
    let mut rest = text.strip_prefix('$').ok_or("a path that does not begin with `$`")?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let step = if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            rest = after;
            Step::Field(name.to_owned())
        } else {
            let inner = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
            let (inner, after) = inner.ok_or("a path with an open bracket")?;
            rest = after;
            match inner.strip_prefix('\'').and_then(|name| name.strip_suffix('\'')) {
                Some(name) => Step::Field(name.to_owned()),
                None => Step::Index(inner.parse().map_err(|_| format!("`[{inner}]` in a path"))?),
            }
        };
        if matches!(&step, Step::Field(name) if name.is_empty() || name == "*") {
            return Err("`*` or a name that is empty in a path".to_owned());
        }
        steps.push(step);
    }
    Ok(steps)
}

fn get(args: &[Column]) -> PolarsResult<Column> {
    let text = texts(argument(args, 0)?)?;
    let steps = texts(argument(args, 1)?)?.get(0).map(path).transpose();
    let steps = steps.map_err(|problem| polars_err!(ComputeError: "{}", problem))?;
    let Some(steps) = steps else { return Ok(nulls(args, &DataType::String)) };
    each(args, |row| Ok(text.get(row).and_then(|text| value(text, &steps))))
}

fn value(text: &str, steps: &[Step]) -> Option<String> {
    let mut json = json::first(text)??;
    for step in steps {
        json = match (step, json) {
            (Step::Field(wanted), Json::Object(fields)) => {
                fields.into_iter().find(|(name, _)| name == wanted).map(|(_, value)| value)?
            }
            (Step::Index(index), Json::List(items)) => items.into_iter().nth(*index)?,
            _ => return None,
        };
    }
    match json {
        Json::Null => None,
        Json::Text(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn from_json(args: &[Column]) -> PolarsResult<Column> {
    let text = texts(argument(args, 0)?)?;
    let schema = texts(argument(args, 1)?)?.get(0).map(ddl::schema).transpose();
    let ty = schema.map_err(|problem| polars_err!(ComputeError: "the schema has {}", problem))?.unwrap_or(Type::Null);
    let mut values = Vec::with_capacity(height(args));
    for row in 0..height(args) {
        values.push(match text.get(row).map(json::first) {
            // No text, or one of blanks only.
            None | Some(Some(None)) => AnyValue::Null,
            Some(Some(Some(json))) => whole(&json, &ty)?,
            Some(None) => broken(&ty),
        });
    }
    Ok(Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, &ty.polars(), false)?.into())
}

/// What a text that is not of the schema is: a struct of nulls, or null.
fn broken(ty: &Type) -> AnyValue<'static> {
    match ty {
        Type::Struct(fields) => record(fields, |_| AnyValue::Null),
        _ => AnyValue::Null,
    }
}

fn record(fields: &[(String, Type)], value: impl Fn(&(String, Type)) -> AnyValue<'static>) -> AnyValue<'static> {
    let values = fields.iter().map(value).collect();
    let names = fields.iter().map(|(name, ty)| Field::new(name.as_str().into(), ty.polars())).collect();
    AnyValue::StructOwned(Box::new((values, names)))
}

/// The value of a whole text.
fn whole(json: &Json<'_>, ty: &Type) -> PolarsResult<AnyValue<'static>> {
    Ok(match (json, ty) {
        (Json::Object(_), Type::List(element)) if matches!(**element, Type::Struct(_)) => {
            let one = typed(json, element)?.unwrap_or(AnyValue::Null);
            AnyValue::List(Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &[one], &element.polars(), false)?)
        }
        _ => typed(json, ty)?.unwrap_or_else(|| broken(ty)),
    })
}

/// A JSON value in a type; absent where it is of another one. A field that does not fit is null.
fn typed(json: &Json<'_>, ty: &Type) -> PolarsResult<Option<AnyValue<'static>>> {
    let list = |items: &[AnyValue<'static>], element: &Type| {
        Series::from_any_values_and_dtype(PlSmallStr::EMPTY, items, &element.polars(), false).map(AnyValue::List)
    };
    Ok(match (json, ty) {
        (Json::Null, Type::Struct(_)) => None,
        (Json::Null, _) => Some(AnyValue::Null),
        (Json::Object(values), Type::Struct(fields)) => {
            let mut found = Vec::with_capacity(fields.len());
            for (name, ty) in fields {
                // Of two fields with one name the last one counts.
                let value = values.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
                let value = value.filter(|value| !matches!(value, Json::Null));
                found.push(value.map(|value| typed(value, ty)).transpose()?.flatten().unwrap_or(AnyValue::Null));
            }
            let names = fields.iter().map(|(name, ty)| Field::new(name.as_str().into(), ty.polars())).collect();
            Some(AnyValue::StructOwned(Box::new((found, names))))
        }
        (Json::Object(values), Type::Map(key, value)) if **key == Type::Text => {
            let mut entries: Vec<AnyValue<'static>> = Vec::with_capacity(values.len());
            let fields = [("key".to_owned(), Type::Text), ("value".to_owned(), (**value).clone())];
            for (name, json) in values {
                let made = typed(json, value)?.unwrap_or(AnyValue::Null);
                let name = AnyValue::StringOwned(name.as_str().into());
                entries.push(record(&fields, |(field, _)| if field == "key" { name.clone() } else { made.clone() }));
            }
            Some(list(&entries, &Type::Struct(fields.to_vec()))?)
        }
        (Json::List(values), Type::List(element)) => {
            let items = values.iter().map(|value| Ok(typed(value, element)?.unwrap_or(AnyValue::Null)));
            Some(list(&items.collect::<PolarsResult<Vec<_>>>()?, element)?)
        }
        (Json::Text(text), Type::Text) => Some(AnyValue::StringOwned(text.as_str().into())),
        // Anything else as a text is printed again.
        (_, Type::Text) => Some(AnyValue::StringOwned(json.to_string().into())),
        (Json::Flag(flag), Type::Boolean) => Some(AnyValue::Boolean(*flag)),
        (Json::Number(digits), ty) => number(digits, ty),
        (Json::Text(text), Type::Double | Type::Float) => {
            let special =
                matches!(text.as_str(), "NaN" | "INF" | "+INF" | "-INF" | "Infinity" | "+Infinity" | "-Infinity");
            number::parse_double(text).filter(|_| special).map(|number| float(number, ty))
        }
        (Json::Text(text), Type::Decimal(precision, scale)) => decimal(text, (*precision, *scale)),
        (Json::Text(text), Type::Date) => {
            calendar::parse_date(text).and_then(calendar::written_day).map(AnyValue::Date)
        }
        (Json::Text(text), Type::Timestamp) => {
            calendar::parse_timestamp(text).and_then(|at| calendar::within(at.into())).map(timestamp)
        }
        _ => None,
    })
}

fn timestamp(at: i64) -> AnyValue<'static> {
    AnyValue::DatetimeOwned(at, UNIT, Some(std::sync::Arc::new(TimeZone::UTC)))
}

fn float(number: f64, ty: &Type) -> AnyValue<'static> {
    if *ty == Type::Float { AnyValue::Float32(number as f32) } else { AnyValue::Float64(number) }
}

fn decimal(digits: &str, size: decimal::Size) -> Option<AnyValue<'static>> {
    let number = decimal::parse(digits, size)?;
    Some(AnyValue::Decimal(number, size.0.into(), size.1.into()))
}

fn number(digits: &str, ty: &Type) -> Option<AnyValue<'static>> {
    match ty {
        Type::Double | Type::Float => digits.parse().ok().map(|number| float(number, ty)),
        Type::Decimal(precision, scale) => decimal(digits, (*precision, *scale)),
        Type::Timestamp => {
            let seconds: i64 = digits.parse().ok()?;
            calendar::within(i128::from(seconds) * 1_000_000).map(timestamp)
        }
        ty => {
            let number: i64 = digits.parse().ok()?;
            let (low, high) = ty.bounds()?;
            (low..=high).contains(&number).then_some(AnyValue::Int64(number))
        }
    }
}
