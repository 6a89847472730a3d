//! Column types: the model's, the protocol's messages, and the words of the feature server's JSON.

use super::name_of;
use crate::model::DataType;
use crate::wire::features::ItemType;
use crate::wire::proto::common::{self, Column, SparkField, SparkSchema};
use crate::wire::proto::enums::{ColumnType, DataTypeKind};

/// Most characters that are kept of a word that is not known.
const LONGEST_WORD: usize = 64;

/// A type as messages carry it; unknown ones as type 0.
pub(crate) fn type_to_proto(data_type: &DataType) -> common::DataType {
    let kind = match data_type {
        DataType::Int64 => DataTypeKind::Int64,
        DataType::Float64 => DataTypeKind::Float64,
        DataType::String => DataTypeKind::String,
        DataType::Bool => DataTypeKind::Bool,
        DataType::Timestamp => DataTypeKind::Timestamp,
        DataType::Array(_) => DataTypeKind::Array,
        DataType::Struct(_) => DataTypeKind::Struct,
        DataType::Date | DataType::Decimal(..) | DataType::Other(_) => DataTypeKind::Unknown,
    };
    let element = match data_type {
        DataType::Array(element) => Some(Box::new(type_to_proto(element))),
        _ => None,
    };
    common::DataType { r#type: Some(kind.into()), array_element_type: element, ..Default::default() }
}

/// The deepest list of lists that is told apart. A type is repeated with every value.
const DEEPEST: usize = 8;

/// A type of a message. Narrower numbers read as the wide ones; structs and maps as a word.
pub(crate) fn type_from_proto(data_type: &common::DataType) -> DataType {
    nested_from_proto(data_type, DEEPEST)
}

fn nested_from_proto(data_type: &common::DataType, depth: usize) -> DataType {
    let number = data_type.r#type.unwrap_or(0);
    match DataTypeKind::try_from(number) {
        Ok(DataTypeKind::Int32 | DataTypeKind::Int64) => DataType::Int64,
        Ok(DataTypeKind::Float32 | DataTypeKind::Float64) => DataType::Float64,
        Ok(DataTypeKind::String) => DataType::String,
        Ok(DataTypeKind::Bool) => DataType::Bool,
        Ok(DataTypeKind::Timestamp | DataTypeKind::TimestampInt96) => DataType::Timestamp,
        Ok(DataTypeKind::Array) => list(depth, |depth| {
            data_type.array_element_type.as_deref().map(|element| nested_from_proto(element, depth))
        }),
        Ok(DataTypeKind::Struct) => DataType::Other("struct".to_owned()),
        Ok(DataTypeKind::Map) => DataType::Other("map".to_owned()),
        Ok(DataTypeKind::Unknown) => unknown(),
        Err(_) => DataType::Other(format!("type {number}")),
    }
}

/// A list, while there may be deeper ones.
fn list(depth: usize, element: impl FnOnce(usize) -> Option<DataType>) -> DataType {
    match depth.checked_sub(1) {
        Some(depth) => DataType::Array(Box::new(element(depth).unwrap_or_else(unknown))),
        None => DataType::Other("array".to_owned()),
    }
}

fn unknown() -> DataType {
    DataType::Other("unknown".to_owned())
}

/// A column with everything that releases 0.5 and 1.2 look at.
pub(crate) fn column_to_proto(name: &str, data_type: &DataType) -> Column {
    let kind = match data_type {
        DataType::Int64 => ColumnType::Int64,
        DataType::Float64 => ColumnType::Double,
        DataType::String => ColumnType::String,
        DataType::Bool => ColumnType::Bool,
        DataType::Array(element) => match **element {
            DataType::Int64 => ColumnType::Int64Array,
            DataType::Float64 => ColumnType::DoubleArray,
            DataType::String => ColumnType::StringArray,
            _ => ColumnType::DeriveFromDataType,
        },
        _ => ColumnType::DeriveFromDataType,
    };
    Column {
        name: Some(name.to_owned()),
        raw_spark_type: Some(column_word(data_type)),
        feature_server_type: Some(kind.into()),
        raw_snowflake_type: None,
        offline_data_type: Some(type_to_proto(data_type)),
        feature_server_data_type: Some(type_to_proto(data_type)),
    }
}

/// Name and type of a column; by its offline type, else by its Spark word.
pub(crate) fn column_from_proto(column: &Column) -> (String, DataType) {
    let name = column.name.clone().unwrap_or_default();
    let stated = column.offline_data_type.as_ref().or(column.feature_server_data_type.as_ref());
    let data_type =
        stated.map(type_from_proto).unwrap_or_else(|| match column.raw_spark_type.as_deref().unwrap_or_default() {
            "string" => DataType::String,
            "long" | "bigint" | "integer" | "int" => DataType::Int64,
            "double" | "float" => DataType::Float64,
            "boolean" => DataType::Bool,
            "timestamp" => DataType::Timestamp,
            "string_array" => DataType::Array(Box::new(DataType::String)),
            "long_array" => DataType::Array(Box::new(DataType::Int64)),
            "double_array" | "float_array" => DataType::Array(Box::new(DataType::Float64)),
            other => DataType::Other(name_of(other)),
        });
    (name, data_type)
}

/// Columns as a Spark schema: the JSON that Spark writes of its fields.
pub fn spark_schema(columns: &[(String, DataType)]) -> SparkSchema {
    let field = |(name, data_type): &(String, DataType)| SparkField {
        name: Some(name.clone()),
        structfield_json: Some(
            serde_json::json!({"name": name, "type": spark_json(data_type), "nullable": true, "metadata": {}})
                .to_string(),
        ),
    };
    SparkSchema { fields: columns.iter().map(field).collect() }
}

fn spark_json(data_type: &DataType) -> serde_json::Value {
    match data_type {
        DataType::Array(element) => {
            serde_json::json!({"type": "array", "elementType": spark_json(element), "containsNull": true})
        }
        DataType::Struct(fields) => {
            let field = |(name, word): &(String, DataType)| serde_json::json!({"name": name, "type": spark_json(word), "nullable": true, "metadata": {}});
            serde_json::json!({"type": "struct", "fields": fields.iter().map(field).collect::<Vec<_>>()})
        }
        other => spark_word(other).into(),
    }
}

fn spark_word(data_type: &DataType) -> String {
    match data_type {
        DataType::Int64 => "long".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::String => "string".to_owned(),
        DataType::Bool => "boolean".to_owned(),
        DataType::Timestamp => "timestamp".to_owned(),
        DataType::Array(element) => format!("array<{}>", spark_word(element)),
        DataType::Date | DataType::Decimal(..) => data_type.to_string(),
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, word)| format!("{name}:{}", spark_word(word))).collect();
            format!("struct<{}>", fields.join(","))
        }
        DataType::Other(word) => word.clone(),
    }
}

/// A type by its word in the model; words that are not known are kept.
pub(crate) fn type_of_word(word: &str) -> DataType {
    match word {
        "int64" => DataType::Int64,
        "float64" => DataType::Float64,
        "string" => DataType::String,
        "boolean" => DataType::Bool,
        "timestamp" => DataType::Timestamp,
        other => match other.strip_prefix("array<").and_then(|rest| rest.strip_suffix('>')) {
            Some(element) => DataType::Array(Box::new(type_of_word(element))),
            None => DataType::Other(other.to_owned()),
        },
    }
}

/// The type in the JSON that Spark writes of a field.
pub(crate) fn type_of_spark(field: &str) -> DataType {
    let field: serde_json::Value = serde_json::from_str(field).unwrap_or_default();
    spark_type(&field["type"])
}

/// Nested as deep as the JSON's reader lets through.
fn spark_type(json: &serde_json::Value) -> DataType {
    match json.as_str() {
        Some("long" | "integer" | "short" | "byte") => DataType::Int64,
        Some("double" | "float") => DataType::Float64,
        Some("string") => DataType::String,
        Some("boolean") => DataType::Bool,
        Some("timestamp") => DataType::Timestamp,
        Some(other) => DataType::Other(other.chars().take(LONGEST_WORD).collect()),
        None if json["type"] == "array" => DataType::Array(Box::new(spark_type(&json["elementType"]))),
        None => match json["type"].as_str() {
            Some(kind) => DataType::Other(kind.chars().take(LONGEST_WORD).collect()),
            None => unknown(),
        },
    }
}

/// A type as columns name it: lists of plain values have words of their own (docs/messages.md section 2,
/// `common.Column`).
fn column_word(data_type: &DataType) -> String {
    match data_type {
        DataType::Array(element) if !matches!(**element, DataType::Array(_) | DataType::Other(_)) => {
            format!("{}_array", spark_word(element))
        }
        other => spark_word(other),
    }
}

/// A type as the feature server's JSON names it.
pub(crate) fn type_to_json(data_type: &DataType) -> ItemType {
    match data_type {
        DataType::Array(element) => ItemType {
            kind: "array".to_owned(),
            element_type: Some(Box::new(type_to_json(element))),
            ..ItemType::default()
        },
        other => ItemType { kind: other.to_string(), ..ItemType::default() },
    }
}

/// A type of the feature server's JSON; structs and maps as a word that tells their parts.
pub(crate) fn type_from_json(item: &ItemType) -> DataType {
    nested_from_json(item, DEEPEST)
}

fn nested_from_json(item: &ItemType, depth: usize) -> DataType {
    match item.kind.as_str() {
        "int64" => DataType::Int64,
        "float64" | "float32" => DataType::Float64,
        "string" => DataType::String,
        "boolean" => DataType::Bool,
        "timestamp" => DataType::Timestamp,
        "string_array" => DataType::Array(Box::new(DataType::String)),
        "array" => list(depth, |depth| item.element_type.as_deref().map(|element| nested_from_json(element, depth))),
        "" => unknown(),
        _ => {
            let mut word = String::new();
            push_word(item, &mut word);
            DataType::Other(name_of(&word))
        }
    }
}

/// Such as `struct<x: int64, y: map<string, float64>>`.
fn push_word(item: &ItemType, word: &mut String) {
    word.push_str(&item.kind);
    let inner = [&item.element_type, &item.key_type, &item.value_type].into_iter().flatten();
    let fields = item.fields.iter().map(|field| (field.name.as_str(), &field.data_type));
    let parts: Vec<(&str, &ItemType)> = inner.map(|inner| ("", &**inner)).chain(fields).collect();
    for (at, (name, part)) in parts.iter().enumerate() {
        word.push_str(if at == 0 { "<" } else { ", " });
        if !name.is_empty() {
            word.push_str(name);
            word.push_str(": ");
        }
        push_word(part, word);
    }
    if !parts.is_empty() {
        word.push('>');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<DataType> {
        use DataType::*;
        let list = Array(Box::new(String));
        vec![Int64, Float64, String, Bool, Timestamp, list.clone(), Array(Box::new(list))]
    }

    #[test]
    fn types_survive_both_round_trips() {
        for data_type in known() {
            assert_eq!(type_from_proto(&type_to_proto(&data_type)), data_type);
            assert_eq!(type_from_json(&type_to_json(&data_type)), data_type);
            let column = column_to_proto("c", &data_type);
            assert_eq!(column_from_proto(&column), ("c".to_owned(), data_type));
        }
    }

    #[test]
    fn structs_and_maps_are_told_by_their_parts() {
        let text = r#"{"type":"struct","fields":[{"name":"x","dataType":{"type":"int64"}},{"name":"y","data_type":
            {"type":"map","keyType":{"type":"string"},"value_type":{"type":"array","elementType":{"type":"float64"}}}}]}"#;
        let item: ItemType = serde_json::from_str(text).unwrap();
        assert_eq!(type_from_json(&item).to_string(), "struct<x: int64, y: map<string, array<float64>>>");
        assert_eq!(type_from_json(&ItemType::default()).to_string(), "unknown");
    }

    #[test]
    fn a_column_without_types_is_read_by_its_spark_word() {
        let list = |element| DataType::Array(Box::new(element));
        for (word, data_type) in [
            ("bigint", DataType::Int64),
            ("string_array", list(DataType::String)),
            ("long_array", list(DataType::Int64)),
            ("double_array", list(DataType::Float64)),
        ] {
            let column = Column { name: Some("c".into()), raw_spark_type: Some(word.into()), ..Default::default() };
            assert_eq!(column_from_proto(&column).1, data_type);
            // The word that is written is one that is read.
            let written =
                Column { offline_data_type: None, feature_server_data_type: None, ..column_to_proto("c", &data_type) };
            assert_eq!(column_from_proto(&written).1, data_type);
        }
    }
}
