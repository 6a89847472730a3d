//! What feature views refer to, as a server sends it: entities, data sources, transformations.
//!
//! Release 1.2 executes the bodies of functions as Python when it loads an object (docs/wire.md section 2.1), so they
//! only define functions that return a text or what they were given.

use std::collections::BTreeSet;

use super::container::ViewParts;
use super::types::{column_to_proto, spark_schema};
use super::view::metadata_of;
use super::workspace::entry;
use super::{id_to_proto, span_to_proto};
use crate::model::{DataType, Id, Span};
use crate::wire::proto::common::FcoMetadata;
use crate::wire::proto::enums as e;
use crate::wire::proto::source as src;
use crate::wire::proto::view::{Fco, FcoContainer};

/// Python that gives back what it was given, for streams whose records need no translation.
const TRANSLATOR: &str = "def translate(df):\n    return df\n";

/// An entity with all that messages say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityParts {
    /// Identity; views refer to the entity by it.
    pub id: Id,
    /// Name, unique in the deployment's repository.
    pub name: String,
    /// What it is, in its author's words; may be empty.
    pub description: String,
    /// Who keeps it; empty where nobody is named.
    pub owner: String,
    /// File that declares it, relative to the repository.
    pub defined_in: String,
    /// Join keys with their types.
    pub join_keys: Vec<(String, DataType)>,
}

/// A data source with all that messages say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceParts {
    /// Identity; the pipelines of views refer to the source by it.
    pub id: Id,
    /// Name, unique in the deployment's repository.
    pub name: String,
    /// What it holds, in its author's words; may be empty.
    pub description: String,
    /// Who keeps it; empty where nobody is named.
    pub owner: String,
    /// File that declares it, relative to the repository.
    pub defined_in: String,
    /// Labels: names with their values.
    pub tags: Vec<(String, String)>,
    /// Whether it has a stream side.
    pub is_stream: bool,
    /// Column that filters a window.
    pub timestamp_column: Option<String>,
    /// How long after a window's end the batch side may still be incomplete.
    pub data_delay: Span,
    /// Names and types of its columns, which become its schema.
    pub columns: Vec<(String, DataType)>,
}

/// A container of that one object, which is its root; the empty one, which means "not found", where there is none.
pub fn container_of_one(object: Option<(Id, Fco)>, workspace: &str) -> FcoContainer {
    let Some((id, fco)) = object else { return FcoContainer::default() };
    FcoContainer { root_ids: vec![id_to_proto(id)], fcos: vec![fco], workspace: Some(workspace.to_owned()) }
}

/// An entity of that workspace.
pub fn entity_to_proto(entity: &EntityParts, workspace: &str) -> src::Entity {
    src::Entity {
        entity_id: Some(id_to_proto(entity.id)),
        join_keys_legacy: entity.join_keys.iter().map(|(name, _)| name.clone()).collect(),
        fco_metadata: Some(FcoMetadata {
            name: Some(entity.name.clone()),
            description: Some(entity.description.clone()),
            owner: Some(entity.owner.clone()),
            source_filename: Some(entity.defined_in.clone()),
            ..metadata(workspace)
        }),
        options: Vec::new(),
        join_keys: entity.join_keys.iter().map(|(name, data_type)| column_to_proto(name, data_type)).collect(),
    }
}

/// A data source of that workspace: a table, and a stream with the same columns where it has one.
pub fn source_to_proto(source: &SourceParts, workspace: &str) -> src::VirtualDataSource {
    src::VirtualDataSource {
        virtual_data_source_id: Some(id_to_proto(source.id)),
        batch_data_source: Some(batch_side(source)),
        stream_data_source: source.is_stream.then(|| stream_side(source)),
        data_source_type: Some(source_kind(source.is_stream).into()),
        fco_metadata: Some(FcoMetadata {
            name: Some(source.name.clone()),
            description: Some(source.description.clone()),
            owner: Some(source.owner.clone()),
            source_filename: Some(source.defined_in.clone()),
            tags: source.tags.iter().map(|(key, value)| entry(key, value)).collect(),
            ..metadata(workspace)
        }),
        options: Vec::new(),
    }
}

fn metadata(workspace: &str) -> FcoMetadata {
    FcoMetadata {
        workspace: Some(workspace.to_owned()),
        framework_version: Some(e::FrameworkVersion::Fwv5.into()),
        ..Default::default()
    }
}

fn batch_side(source: &SourceParts) -> src::BatchDataSource {
    let time = |name: &String| src::TimestampColumnProperties { column_name: Some(name.clone()), format: None };
    let table = src::HiveTableDataSource { table: Some(source.name.clone()), database: Some("fvtop".to_owned()) };
    src::BatchDataSource {
        hive_table: Some(table),
        timestamp_column_properties: source.timestamp_column.as_ref().map(time),
        spark_schema: Some(spark_schema(&source.columns)),
        data_delay: Some(span_to_proto(source.data_delay)),
        ..Default::default()
    }
}

fn stream_side(source: &SourceParts) -> src::StreamDataSource {
    let stream = src::KinesisDsConfig { stream_name: Some(source.name.clone()), region: Some("local".to_owned()) };
    src::StreamDataSource {
        kinesis_data_source: Some(stream),
        raw_stream_translator: Some(function("translate".to_owned(), TRANSLATOR.to_owned())),
        time_column: source.timestamp_column.clone(),
        spark_schema: Some(spark_schema(&source.columns)),
        ..Default::default()
    }
}

/// What a view or source reads.
pub(crate) fn source_kind(is_stream: bool) -> e::SourceKind {
    if is_stream { e::SourceKind::StreamWithBatch } else { e::SourceKind::Batch }
}

/// The transformation of a view has no identity of its own: the view's with all bits turned.
pub fn transformation_id(view: Id) -> Id {
    Id(!view.0)
}

/// The transformation of a view: a function of its inputs that returns the query's text.
pub fn transformation_to_proto(parts: &ViewParts) -> src::Transformation {
    let name = identifier(&parts.view.name);
    // A JSON text is a Python text as well.
    let sql = serde_json::Value::from(parts.sql.as_str());
    let body = format!("def {name}({}):\n    return {sql}\n", input_names(parts).join(", "));
    src::Transformation {
        transformation_id: Some(id_to_proto(transformation_id(parts.view.id))),
        fco_metadata: Some(FcoMetadata { tags: Vec::new(), description: None, ..metadata_of(&parts.view) }),
        transformation_mode: Some(e::TransformationMode::SparkSql.into()),
        user_function: Some(function(name, body)),
        options: Vec::new(),
    }
}

fn function(name: String, body: String) -> src::UserDefinedFunction {
    src::UserDefinedFunction { name: Some(name), body: Some(body), isolate_function_deserialization: None }
}

/// The names of a view's inputs as parameters of its function, each once.
pub(crate) fn input_names(parts: &ViewParts) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |(input, _): &(String, SourceParts)| {
        let mut name = identifier(input);
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    parts.inputs.iter().map(name).collect()
}

/// A name that Python takes as one.
fn identifier(name: &str) -> String {
    let mut text: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    const RESERVED: &str = " False None True __debug__ and as assert async await break class continue def del elif else \
                            except finally for from global if import in is lambda nonlocal not or pass raise return \
                            try while with yield ";
    let reserved = RESERVED.contains(&format!(" {text} "));
    if reserved || text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) {
        text.insert(0, '_');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ones_that_python_takes() {
        for (name, taken) in [("2-fast", "_2_fast"), ("class", "_class"), ("", "_"), ("flights", "flights")] {
            assert_eq!(identifier(name), taken);
        }
    }

    #[test]
    fn one_object_is_the_root_of_its_container_and_none_is_an_empty_one() {
        let found = container_of_one(Some((Id(5), Fco::default())), "prod");
        assert_eq!((found.root_ids, found.fcos.len()), (vec![id_to_proto(Id(5))], 1));
        assert_eq!(container_of_one(None, "prod"), FcoContainer::default());
    }
}
