//! Who may do what: five roles, a revoked key and no key, at every call and every door.
//!
//! The expectations are written out by hand. `+` is let in, `-` is code 7 or HTTP 403, `!` is code 16 or HTTP 401; in the
//! order viewer, consumer, operator, editor, owner, a revoked key, no key.

use super::*;
use crate::model::Role;
use crate::platform::access::{LastOwner, NewKey};

const CALLS: &[(&str, &str)] = &[
    ("metadataservice.MetadataService/GetConfigs", "+++++!!"),
    ("metadataservice.MetadataService/GetLoginConfigs", "+++++++"),
    ("metadataservice.MetadataService/Nop", "+++++!!"),
    ("metadataservice.MetadataService/IngestClientLogs", "+++++!!"),
    ("metadataservice.MetadataService/IngestAnalytics", "+++++!!"),
    // Of a key that is not one's own; one's own is another test.
    ("metadataservice.MetadataService/IntrospectApiKey", "----+!!"),
    ("metadataservice.MetadataService/CreateApiKey", "----+!!"),
    ("metadataservice.MetadataService/ListApiKeys", "----+!!"),
    ("metadataservice.MetadataService/DeleteApiKey", "----+!!"),
    ("metadataservice.MetadataService/GetServiceAccounts", "----+!!"),
    ("metadataservice.MetadataService/CreateServiceAccount", "----+!!"),
    ("metadataservice.MetadataService/DeleteServiceAccount", "----+!!"),
    ("metadataservice.MetadataService/GetWorkspace", "+++++!!"),
    ("metadataservice.MetadataService/ListWorkspaces", "+++++!!"),
    ("metadataservice.MetadataService/GetFeatureView", "+++++!!"),
    ("metadataservice.MetadataService/QueryFeatureViews", "+++++!!"),
    ("metadataservice.MetadataService/GetFeatureViewSummary", "+++++!!"),
    ("metadataservice.MetadataService/GetFeatureFreshness", "+++++!!"),
    ("metadataservice.MetadataService/GetMaterializationStatus", "+++++!!"),
    ("materializationjobservice.MaterializationJobService/SubmitMaterializationJob", "--+++!!"),
    ("materializationjobservice.MaterializationJobService/ListMaterializationJobs", "+++++!!"),
    ("materializationjobservice.MaterializationJobService/GetMaterializationJob", "+++++!!"),
    ("materializationjobservice.MaterializationJobService/CancelMaterializationJob", "--+++!!"),
    ("materializationjobservice.MaterializationJobService/GetLatestReadyTime", "+++++!!"),
    ("metadataservice.MetadataService/GetServingStatus", "+++++!!"),
    ("metadataservice.MetadataService/ForceRetryMaterializationTask", "--+++!!"),
    ("metadataservice.MetadataService/RestartMaterializationTask", "--+++!!"),
    ("metadataservice.MetadataService/GetJobDetails", "+++++!!"),
    ("metadataservice.MetadataService/GetJobLogs", "+++++!!"),
    ("metadataservice.MetadataService/GetJobStatus", "+++++!!"),
    ("metadataservice.MetadataService/GetDeleteEntitiesInfo", "---++!!"),
    ("metadataservice.MetadataService/DeleteEntities", "---++!!"),
    ("metadataservice.MetadataService/GetAllFeatureFreshness", "+++++!!"),
    ("metadataservice.MetadataService/GetAllEntities", "+++++!!"),
    ("metadataservice.MetadataService/GetAllVirtualDataSources", "+++++!!"),
    ("metadataservice.MetadataService/GetAllTransformations", "+++++!!"),
    ("metadataservice.MetadataService/GetEntity", "+++++!!"),
    ("metadataservice.MetadataService/GetVirtualDataSource", "+++++!!"),
    ("metadataservice.MetadataService/GetTransformation", "+++++!!"),
    ("metadataservice.MetadataService/CreateWorkspace", "---++!!"),
    ("metadataservice.MetadataService/DeleteWorkspace", "---++!!"),
    ("metadataservice.MetadataService/GetUser", "+++++!!"),
    ("metadataservice.MetadataService/GetObservabilityConfig", "+++++!!"),
    ("servergroupservice.ServerGroupService/ListServerGroups", "+++++!!"),
    ("servergroupservice.ServerGroupService/GetServerGroup", "+++++!!"),
    ("metadataservice.MetadataService/CreateSavedFeatureDataFrame", "---++!!"),
    ("metadataservice.MetadataService/GetSavedFeatureDataFrame", "-+-++!!"),
    ("metadataservice.MetadataService/GetAllSavedFeatureDataFrames", "-+-++!!"),
    ("metadataservice.MetadataService/ArchiveSavedFeatureDataFrame", "---++!!"),
    // Not a call of this deployment: whoever has a key is told so.
    ("metadataservice.MetadataService/Fly", "+++++!!"),
];

const DOORS: &[(&str, &str)] = &[
    // The key is in the envelope, which is missing here.
    ("POST /proxy", "+++++++"),
    ("POST /v1/feature-service/get-features", "-+-++!!"),
    ("POST /v1/feature-service/query-features", "-+-++!!"),
    ("GET /v1/fvtop/run-stream", "-+-++!!"),
    ("POST /v1/fvtop/queries", "-+-++!!"),
    ("GET /v1/fvtop/queries/{id}", "-+-++!!"),
    ("DELETE /v1/fvtop/queries/{id}", "-+-++!!"),
    ("GET /v1/fvtop/queries/{id}/rows", "-+-++!!"),
    ("GET /v1/fvtop/datasets", "-+-++!!"),
    ("GET /v1/fvtop/datasets/{name}", "-+-++!!"),
    ("GET /v1/fvtop/datasets/{name}/rows", "-+-++!!"),
    ("GET /v1/fvtop/keys", "----+!!"),
    ("POST /v1/fvtop/keys", "----+!!"),
    ("DELETE /v1/fvtop/keys/{id}", "----+!!"),
    ("GET /v1/fvtop/audit", "----+!!"),
    ("POST /v1/fvtop/frames", "-+-++!!"),
    // The address is a secret of its own.
    ("PUT /v1/fvtop/uploads/{secret}", "+++++++"),
];

impl Bench {
    /// A fresh key of that name and role.
    pub fn key_of(&self, name: &str, role: Role) -> String {
        let new =
            NewKey { name: name.to_owned(), description: String::new(), role, created_by: "the tests".to_owned() };
        self.platform.access().keys.create(new, now()).unwrap().1.reveal().to_owned()
    }

    /// Five roles, a revoked owner key, no key.
    fn everybody(&self) -> Vec<Option<String>> {
        let mut keys: Vec<_> = Role::ALL.into_iter().map(|role| Some(self.key_of(role.name(), role))).collect();
        keys.push(Some(self.key_of("gone", Role::Owner)));
        self.platform.access().keys.revoke("gone", LastOwner::Stays, now()).unwrap();
        keys.push(None);
        keys
    }

    /// One request at a door, with a body that is nothing in particular.
    async fn knock(&self, door: &str, key: Option<&str>) -> (StatusCode, Json) {
        let (verb, path) = door.split_once(' ').unwrap();
        let path: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { "none" } else { part }).collect();
        let mut request = Request::builder().method(verb).uri(path.join("/"));
        if let Some(key) = key {
            request = request.header("authorization", format!("Tecton-key {key}"));
        }
        self.http(request.body(Body::from("{}")).unwrap()).await
    }

    /// One call of an empty message.
    async fn empty_call(&self, method: &str, key: Option<&str>) -> i32 {
        let mut body = json!({ "method": method, "request": "" });
        if let Some(key) = key {
            body["metadata"] = json!({ "authorization": format!("Bearer {key}") });
        }
        let (_, answer) = self.post("/proxy", "", body).await;
        answer["status"]["code"].as_i64().unwrap().try_into().unwrap()
    }
}

fn mark(code: i64) -> char {
    match code {
        7 | 403 => '-',
        16 | 401 => '!',
        _ => '+',
    }
}

#[tokio::test]
async fn every_call_lets_in_whom_it_should_and_nobody_else() {
    let bench = Bench::new();
    let keys = bench.everybody();
    let path = |call: &str| format!("/tecton_proto.{call}");
    for (call, expected) in CALLS {
        let mut found = String::new();
        for key in &keys {
            found.push(mark(bench.empty_call(&path(call), key.as_deref()).await.into()));
        }
        assert_eq!(&found, expected, "{call}");
    }
    for (call, _) in rpc::ALL {
        assert!(CALLS.iter().any(|(known, _)| path(known) == *call), "{call} has no row in this test");
    }
}

#[tokio::test]
async fn every_door_lets_in_whom_it_should_and_nobody_else() {
    let bench = Bench::new();
    let keys = bench.everybody();
    for (door, expected) in DOORS {
        for door in [(*door).to_owned(), door.replacen(' ', " /api", 1)] {
            let mut found = String::new();
            for key in &keys {
                found.push(mark(bench.knock(&door, key.as_deref()).await.0.as_u16().into()));
            }
            assert_eq!(&found, expected, "{door}");
        }
    }
    for door in doors::all() {
        let name = format!("{} {}", format!("{:?}", door.verb).to_uppercase(), door.path);
        assert!(DOORS.iter().any(|(known, _)| *known == name), "{name} has no row in this test");
    }
    assert_eq!(doors::all().len(), DOORS.len());
}
