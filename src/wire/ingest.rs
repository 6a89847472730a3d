//! The JSON of stream ingest (docs/wire.md section 3.4): records for the streams of sources, and what became of them.
//!
//! Requests are read in snake_case and in lowerCamelCase; answers are written in lowerCamelCase, counts as text.
//! Unknown members are skipped.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Path of the call, below the deployment's URL.
pub const INGEST_PATH: &str = "ingest";
/// The HTTP header with the name of a request, by which it is known when it comes again.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Most bytes of a request.
pub const INGEST_LIMIT: usize = 4 << 20;
/// Most records of a request.
pub const INGEST_RECORDS: usize = 10_000;

/// Records that are sent, as they stand in the request.
#[derive(Debug, Deserialize, Serialize)]
pub struct IngestRequest<'r> {
    /// The workspace whose views are counted in the answer.
    #[serde(default, alias = "workspaceName")]
    pub workspace_name: Option<String>,
    /// Whether the records are looked at alone.
    #[serde(default, alias = "dryRun")]
    pub dry_run: Option<bool>,
    /// The name of the request, where no header has it.
    #[serde(default, alias = "idempotencyKey", skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The records by the names of their sources.
    #[serde(borrow)]
    pub records: Sources<'r>,
}

/// Sources with their records, each source once.
#[derive(Debug, Default)]
pub struct Sources<'r>(pub Vec<(String, Vec<Record<'r>>)>);

/// One record of a request, its event not parsed yet.
#[derive(Debug, Deserialize, Serialize)]
pub struct Record<'r> {
    /// The event: a JSON object.
    #[serde(borrow)]
    pub record: &'r RawValue,
}

impl<'de: 'r, 'r> Deserialize<'de> for Sources<'r> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, Vec<Record<'de>>)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object that has a list of records for each source")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut sources: Self::Value = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if sources.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("the source `{name}` is there twice")));
                    }
                    sources.push((name, map.next_value()?));
                }
                Ok(sources)
            }
        }
        from.deserialize_map(Each).map(Self)
    }
}

impl Serialize for Sources<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, records) in &self.0 {
            map.serialize_entry(name, records)?;
        }
        map.end()
    }
}

/// What became of the records of a request that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IngestAnswer {
    /// The workspace that was named.
    pub workspace_name: String,
    /// How many were taken; of a dry run, would be.
    pub ingest_metrics: IngestMetrics,
    /// What is wrong with single records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub record_errors: Vec<RecordError>,
    /// Whether they were taken before, by a request with the same idempotency key, and so not now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub taken_before: bool,
}

/// How many records were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IngestMetrics {
    /// For each stream view of the workspace over one of the sources.
    pub feature_view_ingest_metrics: Vec<ViewCount>,
    /// For each source that the request names.
    pub data_source_ingest_metrics: Vec<SourceCount>,
}

/// Records that go to one view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ViewCount {
    /// Name of the view, unique in the workspace.
    pub feature_view_name: String,
    /// Identity of the view, 32 hexadecimal digits.
    pub feature_view_id: String,
    /// Records on their way to the online store.
    pub online_record_ingest_count: String,
    /// Records that are kept for the offline store.
    pub offline_record_ingest_count: String,
}

/// Records that the stream of one source has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceCount {
    /// Name of the source, as the request gives it.
    pub data_source_name: String,
    /// Identity of the source, 32 hexadecimal digits.
    pub data_source_id: String,
    /// How many records, as a text of digits.
    pub record_ingest_count: String,
}

/// What is wrong with a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RecordError {
    /// Name of the source, as the request gives it.
    pub push_source_name: String,
    /// Which of the source's records in the request, from 0.
    pub record_index: u64,
    /// One word, such as `wrong-type`.
    pub error_type: String,
    /// The sentence: what is wrong and what to do.
    pub error_message: String,
}

/// Why nothing was taken: for Tecton's clients, and for those of the feature server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IngestRefusal {
    /// What is wrong with the request as a whole; absent where single records are to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_error: Option<RequestError>,
    /// The workspace that was named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workspace_name: String,
    /// What is wrong with single records: the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub record_errors: Vec<RecordError>,
    /// The sentence: what is wrong and what to do.
    pub error: String,
    /// The same sentence; what released clients show.
    pub message: String,
    /// A gRPC code, see [`super::status`].
    pub code: i32,
}

/// What is wrong with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RequestError {
    /// The sentence: what is wrong and what to do.
    pub error_message: String,
    /// One word, such as `InvalidRequest`.
    pub error_type: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_stand_in_the_request() {
        let text = r#"{"workspace_name": "prod", "dry_run": false, "more": 1,
            "records": {"clicks": [{"record": {"n": 10000000000000000000000, "f": 1.50}, "x": 2}], "empty": []}}"#;
        let request: IngestRequest<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(request.workspace_name.as_deref(), Some("prod"));
        let Sources(sources) = &request.records;
        assert_eq!(
            sources.iter().map(|(name, all)| (name.as_str(), all.len())).collect::<Vec<_>>(),
            [("clicks", 1), ("empty", 0)]
        );
        assert_eq!(sources[0].1[0].record.get(), r#"{"n": 10000000000000000000000, "f": 1.50}"#);
        let again = serde_json::to_string(&request).unwrap();
        assert!(again.contains(r#"{"record":{"n": 10000000000000000000000, "f": 1.50}}"#), "{again}");
        let camel = r#"{"workspaceName": "w", "dryRun": true, "idempotencyKey": "k", "records": {}}"#;
        let request: IngestRequest<'_> = serde_json::from_str(camel).unwrap();
        assert_eq!((request.dry_run, request.idempotency_key.as_deref()), (Some(true), Some("k")));
        for (wrong, told) in [
            (r#"{"records": {"a": [], "a": []}}"#, "`a` is there twice"),
            (r#"{"records": {"a": [{"rec": 1}]}}"#, "missing field `record`"),
            (r#"{"records": []}"#, "a list of records for each source"),
            (r#"{}"#, "missing field `records`"),
        ] {
            let error = serde_json::from_str::<IngestRequest<'_>>(wrong).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
