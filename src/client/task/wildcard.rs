//! The answer of a lookup without the wildcard key, as a table.

use std::sync::Arc;

use polars::prelude::*;

use super::super::api::Api;
use super::super::error::{Error, Kind};
use super::super::message::Table;
use crate::model::time::micros;
use crate::model::{FeatureVectors, Value};
use crate::wire::features::Locator;

/// One row for each value of the wildcard key: the join keys, then the features by their own names. Cleaned text.
///
/// # Errors
/// When the deployment is not reached or refuses.
pub(super) async fn look_up(
    api: &Api,
    workspace: &str,
    feature_view: &str,
    keys: &[(String, String)],
) -> Result<Table, Error> {
    let found = api.query(workspace, Locator::view(feature_view), keys).await?;
    let table = table(&found, feature_view).map_err(|error| {
        let what = format!("The answer cannot be shown as a table: {error}.");
        Error::new(Kind::Failed, what, "`fvtop lookup` with --json prints it.")
    })?;
    Ok(Table(Arc::new(table)))
}

fn table(found: &FeatureVectors, feature_view: &str) -> PolarsResult<DataFrame> {
    let keys: Vec<&str> = match found.vectors.first() {
        Some(first) => first.join_keys.iter().map(|(name, _)| name.as_str()).collect(),
        None => found.wildcard_keys.iter().map(|key| key.name.as_str()).collect(),
    };
    let mut columns = Vec::with_capacity(keys.len() + found.features.len());
    for (at, name) in keys.iter().enumerate() {
        let values = found.vectors.iter().map(|vector| vector.join_keys.get(at).map(|(_, value)| value));
        columns.push(column(name, values.collect()));
    }
    for (at, (name, _)) in found.features.iter().enumerate() {
        let own = name.strip_prefix(feature_view).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
        let values = found.vectors.iter().map(|vector| vector.features.get(at).map(|feature| &feature.value));
        columns.push(column(own, values.collect()));
    }
    DataFrame::new(found.vectors.len(), columns)
}

/// A column of the type that all its values have; text where they differ, or where there is no plain type for them.
fn column(name: &str, values: Vec<Option<&Value>>) -> Column {
    let all = |is: fn(&Value) -> bool| values.iter().flatten().all(|value| **value == Value::Null || is(value));
    let name = PlSmallStr::from(name);
    if all(|value| matches!(value, Value::Int(_))) {
        let numbers =
            values.iter().map(|value| if let Some(Value::Int(number)) = value { Some(*number) } else { None });
        return Column::new(name, numbers.collect::<Vec<_>>());
    }
    if all(|value| matches!(value, Value::Float(_))) {
        let numbers =
            values.iter().map(|value| if let Some(Value::Float(number)) = value { Some(*number) } else { None });
        return Column::new(name, numbers.collect::<Vec<_>>());
    }
    Column::new(name, values.iter().map(|value| value.and_then(text)).collect::<Vec<_>>())
}

fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Time(at) => crate::model::time::print_time(crate::model::time::from_micros(micros(*at))),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| text(item).unwrap_or_else(|| "null".to_owned())).collect();
            format!("[{}]", items.join(", "))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DataType, FeatureValue, FeatureVector, JoinKey};

    fn vector(carrier: &str, count: Value, last: Value) -> FeatureVector {
        let feature = |name: &str, data_type, value| FeatureValue {
            name: format!("v.{name}"),
            data_type,
            value,
            effective_time: None,
            status: None,
        };
        let list = DataType::Array(Box::new(DataType::String));
        FeatureVector {
            features: vec![feature("n", DataType::Int64, count), feature("last", list, last)],
            join_keys: vec![
                ("origin".to_owned(), Value::Text("JFK".to_owned())),
                ("carrier".to_owned(), Value::Text(carrier.to_owned())),
            ],
            ..FeatureVector::default()
        }
    }

    #[test]
    fn a_row_is_a_value_of_the_wildcard_key() {
        let list = |items: &[&str]| Value::List(items.iter().map(|item| Value::Text((*item).to_owned())).collect());
        let found = FeatureVectors {
            wildcard_keys: vec![JoinKey { name: "carrier".to_owned(), data_type: DataType::String }],
            features: vec![("v.n".to_owned(), DataType::Int64), ("v.last".to_owned(), DataType::String)],
            vectors: vec![vector("AA", Value::Int(3), list(&["LAX", "SFO"])), vector("UA", Value::Null, Value::Null)],
            ..FeatureVectors::default()
        };
        let table = table(&found, "v").unwrap();
        assert_eq!(table.get_column_names(), ["origin", "carrier", "n", "last"]);
        assert_eq!(table.column("n").unwrap().i64().unwrap().iter().collect::<Vec<_>>(), [Some(3), None]);
        assert_eq!(table.column("last").unwrap().str().unwrap().get(0), Some("[LAX, SFO]"));
        let none = FeatureVectors { vectors: Vec::new(), ..found };
        assert_eq!(super::table(&none, "v").unwrap().get_column_names(), ["carrier", "n", "last"]);
    }
}
