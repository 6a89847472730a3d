//! Values out of JSON texts.

use std::fmt;

use polars::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Kind::Rows;
use super::search::nulls;
use super::texts::argument;
use super::{Function, sure};
use crate::platform::engine::sql::cells::{each, texts};
use crate::platform::engine::sql::number::print_double;

pub static FUNCTIONS: &[Function] = &[sure(
    "get_json_object",
    "string, path -> string",
    "The value at a path such as `$.a.b[0]` as a text; null where there is none or the text is no JSON.",
    r#"get_json_object('{"a": {"b": [7]}}', '$.a.b[0]') = '7'"#,
    Rows(get),
)];

/// A JSON value with the fields of an object in their order.
enum Json {
    Null,
    /// A number or flag, as it prints.
    Plain(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

struct JsonVisitor;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Plain(print_double(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Json::Object(object))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => f.write_str("null"),
            Self::Plain(text) => f.write_str(text),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(","))
            }
            Self::Object(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
                write!(f, "{{{}}}", fields.join(","))
            }
        }
    }
}

/// A step of a path.
pub enum Step {
    /// `.name` or `['name']`.
    Field(String),
    /// `[0]`.
    Index(usize),
}

/// The steps of a path; `Err` says what of it is not shared.
pub fn path(text: &str) -> Result<Vec<Step>, String> {
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
    // What follows the first value does not count.
    let mut json = serde_json::Deserializer::from_str(text).into_iter::<Json>().next()?.ok()?;
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
