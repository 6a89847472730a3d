//! Keys made, asked about and revoked over the protocol and over `/v1/fvtop/keys`; and what the audit log says of it.

use super::*;
use crate::model::Role;
use crate::platform::access::AuditQuery;
use crate::wire::proto::keys as messages;

impl Bench {
    async fn with(&self, method: &str, path: &str, key: &str, body: Json) -> (StatusCode, Json) {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Tecton-key {key}"));
        let request = request.header("x-request-id", "from-a-test");
        self.http(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// The audit log, the oldest first: name, call, view, words, code.
    fn log(&self) -> Vec<(String, String, String, String, Option<i32>)> {
        let wanted = AuditQuery { limit: 100, ..AuditQuery::default() };
        let entries = self.platform.access().audit.list(&wanted).unwrap().into_iter().rev();
        let told = |e: crate::platform::access::Entry| {
            (e.action.name, e.action.call, e.action.feature_view, e.action.words, e.outcome.map(|o| o.code))
        };
        entries.map(told).collect()
    }

    /// Starts a job of the view `manual`.
    async fn submit(&self, key: &str) -> envelope::Status {
        self.raw(rpc::SUBMIT_MATERIALIZATION_JOB, key, &convert::trigger_to_proto(&manual_trigger())).await.status
    }

    fn jobs_of_manual(&self) -> usize {
        let view = self.platform.view("prod", "manual").unwrap();
        self.platform.jobs().list(view.id).unwrap().len()
    }
}

#[tokio::test]
async fn a_key_may_ask_for_itself_and_owners_for_all() {
    let bench = Bench::new();
    let viewer = bench.key_of("looker", Role::Viewer);
    let ask = |of: &str| messages::IntrospectApiKeyRequest { api_key: Some(of.to_owned()) };
    let answer = bench.raw(rpc::INTROSPECT_API_KEY, &viewer, &ask(&viewer)).await;
    let own: messages::IntrospectApiKeyResponse = answer.decode().unwrap();
    assert_eq!((own.active, own.is_admin, own.name.as_deref()), (Some(true), Some(false), Some("looker")));
    assert_eq!(own.created_by.as_deref(), Some("the tests"));
    for of in [bench.key.as_str(), "none-at-all"] {
        let refusal = bench.raw(rpc::INTROSPECT_API_KEY, &viewer, &ask(of)).await.status;
        assert_eq!(refusal.code, status::PERMISSION_DENIED, "what is there and what is not is told alike");
        assert!(refusal.detail.contains("role owner"), "{}", refusal.detail);
    }
    let own: messages::IntrospectApiKeyResponse = bench.call(rpc::INTROSPECT_API_KEY, &ask(&bench.key)).await;
    assert_eq!((own.active, own.is_admin), (Some(true), Some(true)));
    assert_eq!(bench.raw(rpc::INTROSPECT_API_KEY, &bench.key, &ask("none")).await.status.code, status::NOT_FOUND);
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_over_the_protocol() {
    let bench = Bench::new();
    let ask = |admin| messages::CreateApiKeyRequest { description: Some("ci".into()), is_admin: admin };
    let made: messages::CreateApiKeyResponse = bench.call(rpc::CREATE_API_KEY, &ask(None)).await;
    let admin: messages::CreateApiKeyResponse = bench.call(rpc::CREATE_API_KEY, &ask(Some(true))).await;
    let key = made.key.unwrap();
    assert_eq!(bench.submit(&key).await.code, 0, "a key that is no administrator's runs jobs all the same");
    let asked = messages::ListApiKeysRequest { include_archived: None };
    let listed: messages::ListApiKeysResponse = bench.call(rpc::LIST_API_KEYS, &asked).await;
    let named: Vec<_> = listed.api_keys.iter().map(|key| (key.name.as_deref().unwrap(), key.is_admin)).collect();
    assert_eq!(named, [("ci", Some(false)), ("ci (2)", Some(true))]);
    assert!(listed.api_keys.iter().all(|key| key.hashed_key.is_none()));
    let shown = listed.api_keys[0].obscured_key.clone().unwrap();
    assert!(key.ends_with(shown.trim_start_matches('…')) && shown.len() < 10, "{shown}");
    let asked = messages::DeleteApiKeyRequest { id: made.id };
    bench.call::<()>(rpc::DELETE_API_KEY, &asked).await;
    assert_eq!(bench.submit(&key).await.code, status::UNAUTHENTICATED, "at once");
    let ask = messages::IntrospectApiKeyRequest { api_key: Some(key.clone()) };
    let gone: messages::IntrospectApiKeyResponse = bench.call(rpc::INTROSPECT_API_KEY, &ask).await;
    assert_eq!(gone.active, Some(false));
    let asked = messages::DeleteApiKeyRequest { id: admin.id };
    let refusal = bench.raw(rpc::DELETE_API_KEY, &bench.key, &asked).await.status;
    assert_eq!(refusal.code, status::FAILED_PRECONDITION);
    assert!(refusal.detail.contains("last owner key"), "{}", refusal.detail);
    let everything = serde_json::to_string(&bench.log()).unwrap();
    assert!(!everything.contains(&key[6..]), "no key stands in the log");
}

#[tokio::test]
async fn service_accounts_are_keys_by_their_name() {
    let bench = Bench::new();
    let ask = messages::CreateServiceAccountRequest {
        name: Some("scoring".into()),
        description: Some("reads features".into()),
        credentials_type: Some(1),
    };
    let made: messages::CreateServiceAccountResponse = bench.call(rpc::CREATE_SERVICE_ACCOUNT, &ask).await;
    let taken = bench.raw(rpc::CREATE_SERVICE_ACCOUNT, &bench.key, &ask).await.status;
    assert_eq!(taken.code, status::INVALID_ARGUMENT);
    let oauth = messages::CreateServiceAccountRequest { name: Some("other".into()), credentials_type: Some(2), ..ask };
    assert_eq!(bench.raw(rpc::CREATE_SERVICE_ACCOUNT, &bench.key, &oauth).await.status.code, 3);
    let (key, lookup) = (made.api_key.unwrap(), "/v1/feature-service/get-features");
    assert_eq!(bench.with("POST", lookup, &key, json!({"params": {}})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bench.submit(&key).await.code, status::PERMISSION_DENIED, "it reads features and runs no jobs");
    let find = |search: &str| messages::GetServiceAccountsRequest { search: Some(search.into()), ids: Vec::new() };
    let found: messages::GetServiceAccountsResponse = bench.call(rpc::GET_SERVICE_ACCOUNTS, &find("SCOR")).await;
    assert_eq!(found.service_accounts.len(), 1);
    let none: messages::GetServiceAccountsResponse = bench.call(rpc::GET_SERVICE_ACCOUNTS, &find("x")).await;
    assert!(none.service_accounts.is_empty());
    let id = messages::DeleteServiceAccountRequest { id: made.id };
    bench.call::<()>(rpc::DELETE_SERVICE_ACCOUNT, &id).await;
    assert_eq!(bench.with("POST", lookup, &key, json!({"params": {}})).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn keys_with_any_role_come_from_the_route_of_our_own() {
    let bench = Bench::new();
    let path = "/api/v1/fvtop/keys";
    let (http, made) = bench.with("POST", path, &bench.key, json!({"name": "ops", "role": "operator"})).await;
    assert_eq!(http, StatusCode::OK, "{made}");
    let key = made["key"].as_str().unwrap();
    assert_eq!(bench.submit(key).await.code, 0);
    let (_, list) = bench.with("GET", path, &bench.key, json!({})).await;
    assert_eq!((&list["keys"][0]["name"], &list["keys"][0]["role"]), (&json!("ops"), &json!("operator")));
    for (body, says) in [
        (json!({"name": "x", "role": "king"}), "viewer, consumer, operator, editor, owner"),
        (json!({"name": "ops", "role": "viewer"}), "`ops` already"),
        (json!({"name": "x"}), "missing field `role`"),
        (json!({"name": "", "role": "viewer"}), "1 to 100 characters"),
    ] {
        let (http, answer) = bench.with("POST", path, &bench.key, body).await;
        assert_eq!(http, StatusCode::BAD_REQUEST);
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
    }
    let one = format!("{path}/{}", made["info"]["id"].as_str().unwrap());
    let (http, gone) = bench.with("DELETE", &one, &bench.key, json!({})).await;
    assert_eq!((http, &gone["active"]), (StatusCode::OK, &json!(false)));
    assert_eq!(bench.submit(key).await.code, status::UNAUTHENTICATED);
}

#[tokio::test]
async fn every_change_stands_in_the_audit_log_with_its_outcome() {
    let bench = Bench::new();
    let (ops, looker) = (bench.key_of("ops", Role::Operator), bench.key_of("looker", Role::Viewer));
    assert_eq!(bench.submit(&ops).await.code, 0);
    assert_eq!(bench.submit(&looker).await.code, status::PERMISSION_DENIED);
    bench.with("POST", "/v1/fvtop/keys", &bench.key, json!({"name": "new", "role": "viewer"})).await;
    bench.with("POST", "/v1/fvtop/keys", &looker, json!({"name": "more", "role": "owner"})).await;
    bench.with("POST", "/v1/fvtop/keys", &bench.key, json!({"name": "new", "role": "viewer"})).await;
    bench.with("GET", "/v1/fvtop/keys", &bench.key, json!({})).await;
    let job = bench.platform.jobs().list(bench.platform.view("prod", "manual").unwrap().id).unwrap()[0].id;
    let retry = crate::wire::proto::tasks::ForceRetryMaterializationTaskRequest {
        materialization_task_id: Some(convert::id_to_proto(job)),
        allow_overwrite: None,
    };
    assert_eq!(bench.raw(rpc::FORCE_RETRY_MATERIALIZATION_TASK, &ops, &retry).await.status.code, 0);
    let log = bench.log();
    let told: Vec<_> = log
        .iter()
        .map(|(who, call, view, words, code)| {
            (who.as_str(), call.as_str(), view.as_str(), words.split(' ').next().unwrap(), *code)
        })
        .collect();
    let keys = "POST /v1/fvtop/keys";
    assert_eq!(
        told,
        [
            ("ops", "SubmitMaterializationJob", "manual", "window", Some(0)),
            ("looker", "SubmitMaterializationJob", "manual", "window", Some(7)),
            ("bench", keys, "", "name", Some(0)),
            ("looker", keys, "", "name", Some(7)),
            ("bench", keys, "", "name", Some(3)),
            // Refused by the answer's own words.
            ("ops", "ForceRetryMaterializationTask", "manual", "job", Some(9)),
        ],
        "reads are not in it"
    );
    assert_eq!(log[2].3, "name new, role viewer");
    let (http, page) = bench.with("GET", "/v1/fvtop/audit?limit=2&key=bench", &bench.key, json!({})).await;
    assert_eq!(http, StatusCode::OK);
    let page: crate::wire::access::AuditList = serde_json::from_value(page).unwrap();
    let told: Vec<_> = page.entries.iter().map(|row| (row.outcome(), row.request_id.as_str())).collect();
    assert_eq!(told, [("INVALID_ARGUMENT (3)".to_owned(), "from-a-test"), ("done".to_owned(), "from-a-test")]);
    let entries = bench.platform.access().audit.list(&AuditQuery { limit: 9, ..AuditQuery::default() }).unwrap();
    let first = entries.last().unwrap();
    assert_eq!(first.outcome.as_ref().unwrap().sentence, format!("job {job}"), "what was started is named");
}

#[tokio::test]
async fn nothing_is_changed_that_cannot_be_written_down() {
    let bench = Bench::new();
    let other = rusqlite::Connection::open(bench._dir.path().join("audit.sqlite")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON deeds BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    other.execute_batch(full).unwrap();
    let before = bench.jobs_of_manual();
    let refusal = bench.submit(&bench.key).await;
    assert_eq!(refusal.code, status::INTERNAL);
    assert!(refusal.detail.contains("Nothing was changed") && refusal.detail.contains("disk is full"), "{refusal:?}");
    let (http, _) = bench.with("POST", "/v1/fvtop/keys", &bench.key, json!({"name": "n", "role": "viewer"})).await;
    assert_eq!(http, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((bench.jobs_of_manual(), bench.platform.access().api_keys.list().unwrap().len()), (before, 0));
    assert_eq!(bench.raw(rpc::LIST_WORKSPACES, &bench.key, &()).await.status.code, 0, "reads go on");
    other.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(bench.submit(&bench.key).await.code, 0, "and changes when it can be written again");
}

#[tokio::test]
async fn keeping_a_result_needs_the_right_to_make_datasets() {
    let bench = Bench::new();
    let (reader, editor) = (bench.key_of("reader", Role::Consumer), bench.key_of("maker", Role::Editor));
    let history = |save: bool| json!({"kind": "history", "workspace": "prod", "feature_view": "manual", "save": save});
    let path = "/v1/fvtop/queries";
    assert_eq!(bench.with("POST", path, &reader, history(false)).await.0, StatusCode::OK);
    let (http, answer) = bench.with("POST", path, &reader, history(true)).await;
    assert_eq!(http, StatusCode::FORBIDDEN);
    assert!(answer["message"].as_str().unwrap().contains("editor or owner"), "{answer}");
    assert_eq!(bench.with("POST", path, &editor, history(true)).await.0, StatusCode::OK);
    let told: Vec<_> = bench.log().into_iter().map(|(who, _, view, _, code)| (who, view, code)).collect();
    let view = || "manual".to_owned();
    assert_eq!(told, [("reader".to_owned(), view(), Some(7)), ("maker".to_owned(), view(), Some(0))]);
}

#[tokio::test]
async fn a_tail_ends_when_its_key_is_revoked() {
    let bench = Bench::new();
    let (key, other) = (bench.key_of("reader", Role::Consumer), bench.key_of("stays", Role::Consumer));
    let open = async |key: &str| {
        let tail = Request::get("/v1/fvtop/run-stream?workspace=prod&feature_view=carrier");
        let tail = tail.header("authorization", format!("Tecton-key {key}")).body(Body::empty()).unwrap();
        let answer = bench.app.clone().oneshot(tail).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.into_body()
    };
    let whole = |body| axum::body::to_bytes(body, 1_000_000);
    let (goes_on, ends) = (whole(open(&other).await), whole(open(&key).await));
    bench.platform.access().api_keys.revoke("reader", crate::platform::access::LastOwner::Stays, now()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(900), async {
        tokio::select! {
            _ = ends => true,
            _ = goes_on => false,
        }
    });
    assert!(ended.await.unwrap(), "the tail of the key that was revoked ends, and no other");
    bench.platform.stop().await;
}
