//! Saved feature data frames: as a client makes, fills, finds and archives one.

use polars::prelude::{ParquetWriter, df};

use super::*;
use crate::platform::datasets::NewDataset;
use crate::wire::proto::common::SparkSchema;
use crate::wire::proto::saved as proto;

impl Bench {
    fn create(&self, name: &str) -> proto::CreateSavedFeatureDataFrameRequest {
        let columns = [("carrier".to_owned(), crate::model::DataType::String)];
        proto::CreateSavedFeatureDataFrameRequest {
            name: Some(name.to_owned()),
            feature_package_id: Some(convert::id_to_proto(self.platform.view("prod", "carrier").unwrap().id)),
            join_key_column_names: vec!["carrier".to_owned()],
            timestamp_column_name: Some("at".to_owned()),
            schema: Some(convert::spark_schema(&columns)),
            workspace: Some("prod".to_owned()),
            ..Default::default()
        }
    }

    async fn frames(&self, workspace: &str) -> Vec<proto::SavedFeatureDataFrame> {
        let asked = proto::GetAllSavedFeatureDataFramesRequest { workspace: Some(workspace.to_owned()) };
        let method = rpc::GET_ALL_SAVED_FEATURE_DATA_FRAMES;
        self.call::<proto::GetAllSavedFeatureDataFramesResponse>(method, &asked).await.saved_feature_dataframes
    }
}

#[tokio::test]
async fn a_client_makes_a_dataset_writes_it_finds_it_and_archives_it() {
    let bench = Bench::new();
    let method = rpc::CREATE_SAVED_FEATURE_DATA_FRAME;
    let made: proto::SavedFeatureDataFrameResponse = bench.call(method, &bench.create("mine")).await;
    let made = made.saved_feature_dataframe.unwrap();
    let folder = made.dataframe_location.as_deref().unwrap().strip_prefix("file://").unwrap();
    std::fs::create_dir(folder).unwrap();
    let mut rows = df!("carrier" => ["UA"], "carrier.delay" => [1.5]).unwrap();
    ParquetWriter::new(std::fs::File::create(format!("{folder}/part-0.parquet")).unwrap()).finish(&mut rows).unwrap();
    // The route that the command line reads datasets by.
    let request = Request::get("/v1/fvtop/datasets/mine?workspace=prod");
    let request = request.header("authorization", format!("Tecton-key {}", bench.key)).body(Body::empty()).unwrap();
    let (http, described) = bench.http(request).await;
    assert_eq!((http, &described["rows"], &described["feature_view"]), (StatusCode::OK, &json!(1), &json!("carrier")));
    let kept = NewDataset {
        name: "kept".to_owned(),
        workspace: "prod".to_owned(),
        feature_view: "carrier".to_owned(),
        feature_service: None,
        key_columns: None,
        timestamp_key: None,
    };
    bench.platform.datasets().save(kept, &rows, now()).unwrap();
    let frames = bench.frames("prod").await;
    let names: Vec<_> = frames.iter().map(|frame| frame.info.as_ref().unwrap().name.clone().unwrap()).collect();
    assert_eq!(names, ["kept", "mine"], "what the platform kept is a dataset as well");
    assert_eq!(frames[1], made);
    assert_eq!(made.feature_package_name.as_deref(), Some("carrier"));
    assert_eq!(convert::dataset_columns(made.schema.as_ref().unwrap())[0].data_type, "string");
    let kept_file = frames[0].dataframe_location.as_deref().unwrap().strip_prefix("file://").unwrap();
    assert!(std::fs::metadata(kept_file).unwrap().is_file());
    for by_id in [true, false] {
        let asked = proto::GetSavedFeatureDataFrameRequest {
            saved_feature_dataframe_name: (!by_id).then(|| "mine".to_owned()),
            saved_feature_dataframe_id: made.saved_feature_dataframe_id.clone().filter(|_| by_id),
            workspace: Some("prod".to_owned()),
        };
        let found: proto::SavedFeatureDataFrameResponse = bench.call(rpc::GET_SAVED_FEATURE_DATA_FRAME, &asked).await;
        assert_eq!(found.saved_feature_dataframe.as_ref(), Some(&made));
    }
    let asked =
        proto::ArchiveSavedFeatureDataFrameRequest { saved_feature_dataframe_id: made.saved_feature_dataframe_id };
    bench.call::<()>(rpc::ARCHIVE_SAVED_FEATURE_DATA_FRAME, &asked).await;
    assert_eq!(bench.frames("prod").await.len(), 1);
    let again = bench.raw(rpc::ARCHIVE_SAVED_FEATURE_DATA_FRAME, &bench.key, &asked).await.status;
    assert_eq!(again.code, status::INVALID_ARGUMENT);
    assert!(again.detail.contains("archived"), "{}", again.detail);
}

#[tokio::test]
async fn what_cannot_be_a_dataset_is_refused_with_a_sentence_and_never_with_code_5() {
    let bench = Bench::new();
    let method = rpc::CREATE_SAVED_FEATURE_DATA_FRAME;
    let good = bench.create("mine");
    bench.call::<proto::SavedFeatureDataFrameResponse>(method, &good).await;
    let cases = [
        (
            proto::CreateSavedFeatureDataFrameRequest { name: Some("../x".into()), ..good.clone() },
            3,
            "cannot be the name",
        ),
        (good.clone(), 9, "has a dataset `mine` already"),
        (proto::CreateSavedFeatureDataFrameRequest { feature_package_id: None, ..good.clone() }, 3, "feature view"),
        (
            proto::CreateSavedFeatureDataFrameRequest {
                feature_package_id: Some(convert::id_to_proto(Id(1))),
                name: Some("other".into()),
                ..good.clone()
            },
            3,
            "no feature view",
        ),
        (proto::CreateSavedFeatureDataFrameRequest { workspace: Some("nowhere".into()), ..good.clone() }, 3, "nowhere"),
    ];
    for (asked, code, word) in cases {
        let refused = bench.raw(method, &bench.key, &asked).await.status;
        assert_eq!(refused.code, code, "{}", refused.detail);
        assert!(refused.detail.contains(word), "{}", refused.detail);
    }
    let nameless = proto::CreateSavedFeatureDataFrameRequest {
        name: None,
        schema: Some(SparkSchema::default()),
        timestamp_column_name: None,
        ..good
    };
    let made: proto::SavedFeatureDataFrameResponse = bench.call(method, &nameless).await;
    let name = made.saved_feature_dataframe.unwrap().info.unwrap().name.unwrap();
    assert!(name.starts_with("carrier-"), "{name}");
    for asked in ["none", "../../etc"] {
        let asked = proto::GetSavedFeatureDataFrameRequest {
            saved_feature_dataframe_name: Some(asked.to_owned()),
            workspace: Some("prod".to_owned()),
            ..Default::default()
        };
        let refused = bench.raw(rpc::GET_SAVED_FEATURE_DATA_FRAME, &bench.key, &asked).await.status;
        assert_eq!(refused.code, status::INVALID_ARGUMENT);
        assert!(refused.detail.contains("no dataset"), "{}", refused.detail);
    }
    assert!(bench.frames("nowhere").await.is_empty());
}

#[tokio::test]
async fn a_dataset_may_be_of_a_feature_service() {
    let bench = Bench::over(kinds::repository());
    let service = bench.platform.repository().services[0].clone();
    let asked = proto::CreateSavedFeatureDataFrameRequest {
        feature_service_id: Some(convert::id_to_proto(service.id)),
        workspace: Some(service.workspace.clone()),
        ..Default::default()
    };
    let method = rpc::CREATE_SAVED_FEATURE_DATA_FRAME;
    let made: proto::SavedFeatureDataFrameResponse = bench.call(method, &asked).await;
    let made = made.saved_feature_dataframe.unwrap();
    assert_eq!((made.feature_service_id, made.feature_package_id), (asked.feature_service_id.clone(), None));
    assert_eq!((made.feature_service_name.as_deref(), made.feature_package_name), (Some("risk"), None));
    let elsewhere = proto::CreateSavedFeatureDataFrameRequest { workspace: Some("dev".to_owned()), ..asked };
    assert_eq!(bench.raw(method, &bench.key, &elsewhere).await.status.code, status::INVALID_ARGUMENT);
}
