//! Datasets as saved feature data frames (docs/wire.md section 2.7).

use super::types::{column_to_proto, spark_schema, type_of_spark, type_of_word};
use super::{id_to_proto, time_to_proto};
use crate::model::Id;
use crate::wire::proto::common::{Schema, SparkSchema};
use crate::wire::proto::enums::SavedFrameType;
use crate::wire::proto::saved as proto;
use crate::wire::queries::{Dataset, DatasetColumn};

/// A dataset with what its description does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedParts {
    /// Identity, made of workspace, name and the instant at which it was kept.
    pub id: Id,
    /// What its description on disk says.
    pub dataset: Dataset,
    /// `file:` URI of its rows: a Parquet file, or the folder that a client writes.
    pub location: String,
    /// Id of its view or feature service; absent when that is gone.
    pub source: Option<Id>,
}

/// A dataset as messages carry it.
pub fn saved_to_proto(parts: &SavedParts) -> proto::SavedFeatureDataFrame {
    let dataset = &parts.dataset;
    let columns: Vec<_> =
        dataset.schema.iter().map(|column| (column.name.clone(), type_of_word(&column.data_type))).collect();
    let info = proto::SavedFeatureDataFrameInfo {
        name: Some(dataset.name.clone()),
        created_at: Some(time_to_proto(dataset.created_at)),
        is_archived: Some(false),
        workspace: Some(dataset.workspace.clone()),
        is_data_deleted: Some(false),
    };
    let (source, of_service) = (parts.source.map(id_to_proto), dataset.feature_service.is_some());
    let unified = columns.iter().map(|(name, data_type)| column_to_proto(name, data_type)).collect();
    proto::SavedFeatureDataFrame {
        saved_feature_dataframe_id: Some(id_to_proto(parts.id)),
        info: Some(info),
        dataframe_location: Some(parts.location.clone()),
        feature_package_id: source.clone().filter(|_| !of_service),
        feature_service_id: source.filter(|_| of_service),
        feature_package_name: (!of_service).then(|| dataset.feature_view.clone()),
        feature_service_name: dataset.feature_service.clone(),
        join_key_column_names: dataset.key_columns.clone().unwrap_or_default(),
        timestamp_column_name: dataset.timestamp_key.clone(),
        schema: Some(spark_schema(&columns)),
        r#type: Some(SavedFrameType::Saved.into()),
        unified_schema: Some(Schema { columns: unified }),
    }
}

/// The columns of a Spark schema.
pub fn dataset_columns(schema: &SparkSchema) -> Vec<DatasetColumn> {
    let column = |field: &crate::wire::proto::common::SparkField| DatasetColumn {
        name: field.name.clone().unwrap_or_default(),
        data_type: type_of_spark(field.structfield_json.as_deref().unwrap_or_default()).to_string(),
    };
    schema.fields.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DataType;

    #[test]
    fn columns_survive_the_way_to_spark_and_back() {
        use DataType::*;
        let list = Array(Box::new(String));
        let types =
            [Int64, Float64, String, Bool, Timestamp, list.clone(), Array(Box::new(list)), Other("date".into())];
        let columns: Vec<_> = types.iter().map(|data_type| ("c".to_owned(), data_type.clone())).collect();
        let read = dataset_columns(&spark_schema(&columns));
        let again: Vec<_> = read.iter().map(|column| type_of_word(&column.data_type)).collect();
        assert_eq!(again, types);
    }

    #[test]
    fn a_field_that_makes_no_sense_has_an_unknown_type() {
        for json in ["", "[]", "{\"type\":7}", "{\"type\":{\"type\":\"struct\"}}"] {
            assert!(matches!(type_of_spark(json), DataType::Other(_)), "{json}");
        }
        let deep =
            format!("{{\"type\":{}\"long\"{}}}", "{\"type\":\"array\",\"elementType\":".repeat(100), "}".repeat(100));
        assert!(type_of_spark(&deep).to_string().len() < 1_000);
    }
}
