//! The audit log and the changes of the journal, against the scripted server.

use serde_json::json;

use super::*;
use crate::model::AuditEntry;

/// A log of one change, told by a server that sends what drives terminals.
pub(super) async fn log() -> Response {
    let entry = json!({
        "seq": 1, "at": "2026-11-22T11:58:00Z", "request_id": "abc", "key_name": "o\u{1b}[2Jps",
        "call": "CancelMaterializationJob", "workspace": "prod", "feature_view": "quick", "code": 7,
        "sentence": "No.", "unknown": true,
    });
    axum::Json(json!({ "entries": [entry] })).into_response()
}

impl Console {
    async fn audit(&mut self) -> Result<Arc<Vec<AuditEntry>>, Problem> {
        self.send(Command::Audit).await;
        self.until(|update| match update {
            Update::Audit { answer } => Some(answer),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn the_audit_log_comes_clean_and_a_deployment_without_one_is_told() {
    let fake = Fake::new(healthy()).await;
    let entries = Console::ready(&fake).await.audit().await.unwrap();
    assert_eq!((entries[0].key.as_str(), entries[0].done), ("o␛[2Jps", Some(false)));
    assert_eq!((entries[0].outcome.as_str(), entries[0].sentence.as_str()), ("PERMISSION_DENIED (7)", "No."));
    let mut other = healthy();
    other.insert(rpc::GET_CONFIGS, say(&c::configs_to_proto(&[])));
    let fake = Fake::new(other).await;
    let problem = Console::ready(&fake).await.audit().await.unwrap_err();
    assert!(problem.what.contains("does not serve the audit log"), "{problem}");
}

#[tokio::test]
async fn a_change_is_told_by_the_name_of_its_request() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::FORCE_RETRY_MATERIALIZATION_TASK, Act::Code(7, "Not with this key."));
    let mut console = Console::ready(&fake).await;
    let (workspace, feature_view) = ("prod".to_owned(), "quick".to_owned());
    let mut names = std::collections::HashSet::new();
    for request in 1..=2 {
        let (workspace, feature_view) = (workspace.clone(), feature_view.clone());
        console.send(Command::ForceRetry { request, workspace, feature_view, job: Id(7), overwrite: false }).await;
        let sent = console
            .until(|update| match update {
                Update::Sent(sent) => Some(sent),
                _ => None,
            })
            .await;
        assert_eq!(sent.call, "ForceRetryMaterializationTask");
        assert!(sent.problem.unwrap().to_string().contains("Not with this key."));
        assert_eq!(sent.request.len(), 32);
        names.insert(sent.request);
    }
    assert_eq!(names.len(), 2, "each request has a name of its own");
}
