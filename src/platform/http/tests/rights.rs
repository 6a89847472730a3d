//! Who may do what: five roles, a revoked key and no key, at every call and every door.
//!
//! The expectations are written out by hand. `+` is let in, `-` is code 7 or HTTP 403, `!` is code 16 or HTTP 401; in
//! the order viewer, consumer, operator, editor, owner, a revoked key, no key.

use super::*;
use crate::model::{Right, Role};
use crate::platform::access::{LastOwner, NewApiKey};

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
    ("metadataservice.MetadataService/GetAllFeatureServices", "+++++!!"),
    ("metadataservice.MetadataService/GetFeatureService", "+++++!!"),
    ("metadataservice.MetadataService/GetAllMaterializationStatusInLiveWorkspaces", "+++++!!"),
    ("metadataservice.MetadataService/GetJobs", "+++++!!"),
    // Not a call of this deployment: whoever has a key is told so.
    ("metadataservice.MetadataService/Fly", "+++++!!"),
];

const DOORS: &[(&str, &str)] = &[
    // The key is in the envelope, which is missing here.
    ("POST /proxy", "+++++++"),
    ("POST /v1/feature-service/get-features", "-+-++!!"),
    ("POST /v1/feature-service/query-features", "-+-++!!"),
    ("POST /ingest", "---++!!"),
    ("GET /v1/fvtop/run-stream", "-+-++!!"),
    ("POST /v1/fvtop/queries", "-+-++!!"),
    ("GET /v1/fvtop/queries/{id}", "-+-++!!"),
    ("DELETE /v1/fvtop/queries/{id}", "-+-++!!"),
    ("GET /v1/fvtop/queries/{id}/rows", "-+-++!!"),
    ("GET /v1/fvtop/datasets", "-+-++!!"),
    ("GET /v1/fvtop/datasets/{name}", "-+-++!!"),
    ("GET /v1/fvtop/datasets/{name}/rows", "-+-++!!"),
    ("POST /v1/feature-service/get-features-batch", "-+-++!!"),
    ("POST /v1/feature-service/metadata", "+++++!!"),
    ("POST /v2/workspaces/{workspace}/feature-services/{service}/get-features", "-+-++!!"),
    ("POST /v2/workspaces/{workspace}/feature-services/{service}/get-features-batch", "-+-++!!"),
    ("GET /v2/workspaces/{workspace}/feature-services/{service}/metadata", "+++++!!"),
    ("POST /v2/workspaces/{workspace}/feature-services/{service}/metadata", "+++++!!"),
    ("POST /v1/jobs/submit-materialization-job", "--+++!!"),
    ("POST /v1/jobs/get-materialization-job", "+++++!!"),
    ("POST /v1/jobs/cancel-materialization-job", "--+++!!"),
    ("POST /v1/jobs/list-materialization-jobs", "+++++!!"),
    ("POST /v1/jobs/get-latest-ready-time", "+++++!!"),
    ("POST /v1/jobs/ingest-dataframe", "+++++!!"),
    ("POST /v1/jobs/get-dataframe-info", "+++++!!"),
    ("POST /v1/metadata-service/get-login-configs", "+++++++"),
    ("GET /v1/observability/metrics", "+++++!!"),
    ("GET /v1/fvtop/streams", "+++++!!"),
    ("POST /v1/fvtop/streams/restart", "--+++!!"),
    ("GET /v1/fvtop/keys", "----+!!"),
    ("POST /v1/fvtop/keys", "----+!!"),
    ("DELETE /v1/fvtop/keys/{id}", "----+!!"),
    ("GET /v1/fvtop/audit", "----+!!"),
    ("GET /v1/fvtop/quarantine", "+++++!!"),
    ("GET /v1/fvtop/quarantine/{id}", "-+-++!!"),
    ("POST /v1/fvtop/quarantine/retry", "--+++!!"),
    ("POST /v1/fvtop/quarantine/drop", "--+++!!"),
    ("POST /v1/fvtop/frames", "-+-++!!"),
    // The address is a secret of its own.
    ("PUT /v1/fvtop/uploads/{secret}", "+++++++"),
];

impl Bench {
    /// A fresh key of that name and role.
    pub(super) fn key_of(&self, name: &str, role: Role) -> String {
        let new =
            NewApiKey { name: name.to_owned(), description: String::new(), role, created_by: "the tests".to_owned() };
        self.platform.access().api_keys.create(new, now()).unwrap().1.reveal().to_owned()
    }

    /// Five roles, a revoked owner key, no key.
    fn everybody(&self) -> Vec<Option<String>> {
        let mut keys: Vec<_> = Role::ALL.into_iter().map(|role| Some(self.key_of(role.name(), role))).collect();
        keys.push(Some(self.key_of("gone", Role::Owner)));
        self.platform.access().api_keys.revoke("gone", LastOwner::Stays, now()).unwrap();
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
    for call in Call::ALL {
        assert!(CALLS.iter().any(|(known, _)| path(known) == call.path()), "{call:?} has no row in this test");
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
    for door in doors::ALL {
        let name = format!("{} {}", format!("{:?}", door.verb).to_uppercase(), door.path);
        assert!(DOORS.iter().any(|(known, _)| *known == name), "{name} has no row in this test");
    }
    assert_eq!(doors::ALL.len(), DOORS.len());
}

/// docs/keys.md with its tables written anew.
fn documented(text: &str) -> String {
    let roles = [
        ("look at workspaces, views, jobs, status, freshness", Right::ReadConfig),
        ("read feature values: lookups, run, history, stream tails, datasets", Right::ReadFeatures),
        (
            "start, cancel, retry and restart jobs; retry and drop records of the quarantine",
            Right::UpdateMaterializationState,
        ),
        ("send records to the streams of sources", Right::IngestRecords),
        ("delete keys from the stores, make and archive datasets, change workspaces", Right::DeleteFeatures),
        ("look at API keys and the audit log, make and revoke API keys", Right::ManageServiceAccounts),
    ];
    let tick = |may: bool| if may { "yes" } else { "" };
    let row = |(what, right): &(&str, Right)| {
        let may = Role::ALL.map(|role| tick(role.may(*right)));
        format!("| {what} | {} |", may.join(" | "))
    };
    let names = Role::ALL.map(Role::name).join(" | ");
    let mut tables = vec![("roles", format!("| | {names} |\n|---|---|---|---|---|---|"))];
    tables[0].1 += &roles.iter().map(|each| format!("\n{}", row(each))).collect::<String>();
    let who = |right: Right| match right {
        Right::Public => "anybody, without a key".to_owned(),
        _ if Role::ALL.into_iter().all(|role| role.may(right)) => "any key".to_owned(),
        _ => Role::ALL.into_iter().filter(|role| role.may(right)).map(Role::name).collect::<Vec<_>>().join(", "),
    };
    let logged = |right: Right| tick(right.changes());
    let call = |call: &Call| format!("\n| {} | {} | {} |", call.name(), who(call.right()), logged(call.right()));
    let head = "who | in the audit log |\n|---|---|---|";
    tables.push(("calls", format!("| call | {head}{}", Call::ALL.iter().map(call).collect::<String>())));
    let door = |door: &doors::Door| {
        let (who, logged) = match door.entry {
            doors::Entry::Open => (who(Right::Public), logged(Right::Public)),
            doors::Entry::Reads(right) | doors::Entry::Changes(right, _) | doors::Entry::Takes(right) => {
                (who(right), logged(right))
            }
            doors::Entry::Envelope => ("as the call in the envelope".to_owned(), "as the call"),
            doors::Entry::Secret => ("whoever has the address".to_owned(), ""),
        };
        let verb = format!("{:?}", door.verb).to_uppercase();
        format!("\n| {verb} `{}` | {who} | {logged} |", door.path)
    };
    tables.push(("doors", format!("| path | {head}{}", doors::ALL.iter().map(door).collect::<String>())));
    tables.iter().fold(text.to_owned(), |text, (name, table)| {
        let begin = format!("<!-- {name} -->\n");
        let (before, rest) = text.split_once(&begin).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        format!("{before}{begin}{table}\n<!-- end -->{after}")
    })
}

/// `FVTOP_BLESS=1 cargo test --lib rights` writes the tables anew.
#[test]
fn the_tables_of_docs_keys_are_those_of_the_calls_and_doors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
    let text = std::fs::read_to_string(path).unwrap();
    let wanted = documented(&text);
    if std::env::var_os("FVTOP_BLESS").is_some() {
        std::fs::write(path, wanted).unwrap();
    } else {
        assert_eq!(text, wanted, "docs/keys.md is of other calls; FVTOP_BLESS=1 writes it anew");
    }
}
