//! What the audit log says of a change: who, which call, which workspace and view, and the rest in a few words.
//!
//! Only members that are named here are taken, so that no key, secret or feature value can slip in.

use axum::body::Bytes;
use serde_json::Value as Json;

use crate::model::{Id, clean};
use crate::platform::Platform;
use crate::platform::access::{Caller, Deed};
use crate::platform::definition::View;
use crate::wire::proto::common::{FcoLocator, Id as ProtoId};
use crate::wire::proto::{deletion, jobs, keys, saved, tasks, workspace};
use crate::wire::proxy::{Request, Response};
use crate::wire::{convert, rpc, status};

/// What a caller is about to do at a door. The words are made of the members of the body that are known to hold no
/// secret.
pub fn at_door(caller: &Caller, request: String, call: String, body: &Bytes) -> Deed {
    let body: Json = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| match body.get(name) {
        Some(Json::String(text)) => Some(clean(text).into_owned()),
        Some(Json::Bool(flag)) => Some(flag.to_string()),
        _ => None,
    };
    let told = ["job_id", "task_id", "start_time", "end_time", "online", "offline", "overwrite", "name", "role"];
    let words = told.into_iter().filter_map(|name| text(name).map(|text| format!("{name} {text}")));
    Deed {
        words: words.collect::<Vec<_>>().join(", "),
        workspace: text("workspace").unwrap_or_default(),
        feature_view: text("feature_view").unwrap_or_default(),
        ..deed(caller, request, call)
    }
}

/// What a caller is about to do with a call of the protocol.
pub fn with_call(platform: &Platform, caller: &Caller, request: &Request) -> Deed {
    let call = request.method.rsplit('/').next().unwrap_or_default();
    let id = request.metadata("x-request-id").filter(|id| !id.is_empty());
    let deed = deed(caller, id.map_or_else(fresh, str::to_owned), call.to_owned());
    match described(platform, request) {
        Some(about) => about.of(deed),
        None => deed,
    }
}

/// A name for a request that has none.
pub fn fresh() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// What a caller is about to do, with nothing said of it yet.
pub fn deed(caller: &Caller, request: String, call: String) -> Deed {
    Deed { request, key: caller.key, name: caller.name.clone(), call, ..Deed::default() }
}

/// What a call is about.
#[derive(Default)]
struct About {
    workspace: Option<String>,
    feature_view: Option<String>,
    words: String,
}

impl About {
    fn of(self, deed: Deed) -> Deed {
        let (workspace, feature_view) = (self.workspace.unwrap_or_default(), self.feature_view.unwrap_or_default());
        Deed { workspace, feature_view, words: self.words, ..deed }
    }

    fn view(view: Option<&View>, words: String) -> Self {
        Self { workspace: view.map(|v| v.workspace.clone()), feature_view: view.map(|v| v.name.clone()), words }
    }

    fn words(words: String) -> Self {
        Self { words, ..Self::default() }
    }
}

/// What a call is about, as far as its message can be read; the call itself says what is wrong with one that cannot.
fn described(platform: &Platform, request: &Request) -> Option<About> {
    Some(match request.method.as_str() {
        rpc::SUBMIT_MATERIALIZATION_JOB => submit(request.decode().ok()?),
        rpc::CANCEL_MATERIALIZATION_JOB => {
            let asked: jobs::CancelJobRequest = request.decode().ok()?;
            let words = format!("job {}", asked.job_id.unwrap_or_default());
            About { workspace: asked.workspace, feature_view: asked.feature_view, words }
        }
        rpc::FORCE_RETRY_MATERIALIZATION_TASK => {
            let asked: tasks::ForceRetryMaterializationTaskRequest = request.decode().ok()?;
            task(platform, asked.materialization_task_id.as_ref())
        }
        rpc::RESTART_MATERIALIZATION_TASK => {
            let asked: tasks::RestartMaterializationTaskRequest = request.decode().ok()?;
            task(platform, asked.materialization_task_id.as_ref())
        }
        rpc::GET_DELETE_ENTITIES_INFO => {
            let asked: deletion::GetDeleteEntitiesInfoRequest = request.decode().ok()?;
            let id = asked.feature_definition_id.as_ref().map(convert::id_from_proto).unwrap_or_default();
            About::view(
                platform.view_by_id(id).map(AsRef::as_ref),
                "a place for keys that are to be deleted".to_owned(),
            )
        }
        rpc::DELETE_ENTITIES => delete(platform, &request.decode().ok()?),
        rpc::CREATE_API_KEY => {
            let asked: keys::CreateApiKeyRequest = request.decode().ok()?;
            let role = if asked.is_admin == Some(true) { "owner" } else { "editor" };
            About::words(format!("a key with the role {role}"))
        }
        rpc::DELETE_API_KEY => {
            let asked: keys::DeleteApiKeyRequest = request.decode().ok()?;
            About::words(format!("key {}", asked.id.as_ref().map(convert::id_from_proto).unwrap_or_default()))
        }
        rpc::CREATE_SERVICE_ACCOUNT => {
            let asked: keys::CreateServiceAccountRequest = request.decode().ok()?;
            About::words(format!("name {}", asked.name.unwrap_or_default()))
        }
        rpc::DELETE_SERVICE_ACCOUNT => {
            let asked: keys::DeleteServiceAccountRequest = request.decode().ok()?;
            About::words(format!("key {}", asked.id.unwrap_or_default()))
        }
        rpc::CREATE_WORKSPACE => {
            let asked: workspace::CreateWorkspaceRequest = request.decode().ok()?;
            About { workspace: asked.workspace_name, ..About::default() }
        }
        rpc::DELETE_WORKSPACE => {
            let asked: workspace::DeleteWorkspaceRequest = request.decode().ok()?;
            About { workspace: asked.workspace, ..About::default() }
        }
        rpc::CREATE_SAVED_FEATURE_DATA_FRAME => {
            let asked: saved::CreateSavedFeatureDataFrameRequest = request.decode().ok()?;
            let id = asked.feature_package_id.as_ref().map(convert::id_from_proto).unwrap_or_default();
            let words = format!("dataset {}", asked.name.unwrap_or_default());
            About::view(platform.view_by_id(id).map(AsRef::as_ref), words)
        }
        rpc::ARCHIVE_SAVED_FEATURE_DATA_FRAME => {
            let asked: saved::ArchiveSavedFeatureDataFrameRequest = request.decode().ok()?;
            let id = asked.saved_feature_dataframe_id.as_ref().map(convert::id_from_proto).unwrap_or_default();
            About::words(format!("dataset {id}"))
        }
        _ => return None,
    })
}

fn submit(asked: jobs::MaterializationJobRequest) -> About {
    let time = |at: Option<_>| at.and_then(convert::time_from_proto).map(|at| at.to_rfc3339()).unwrap_or_default();
    let flag = |set: Option<bool>, word: &str| if set == Some(true) { format!(", {word}") } else { String::new() };
    let words = format!(
        "window {} to {}{}{}{}",
        time(asked.start_time),
        time(asked.end_time),
        flag(asked.online, "online"),
        flag(asked.offline, "offline"),
        flag(asked.overwrite, "overwrite"),
    );
    About { workspace: asked.workspace, feature_view: asked.feature_view, words }
}

fn delete(platform: &Platform, asked: &deletion::DeleteEntitiesRequest) -> About {
    let found = super::metadata::located(platform, asked.fco_locator.as_ref()).ok();
    let stores = [(asked.online, "online"), (asked.offline, "offline")];
    let stores: Vec<_> = stores.iter().filter(|(set, _)| *set == Some(true)).map(|(_, store)| *store).collect();
    let words = format!("keys from {}", stores.join(" and "));
    match (found, asked.fco_locator.as_ref()) {
        (None, Some(FcoLocator { name, workspace, .. })) => {
            About { workspace: workspace.clone(), feature_view: name.clone(), words }
        }
        (found, _) => About::view(found, words),
    }
}

fn task(platform: &Platform, id: Option<&ProtoId>) -> About {
    let id: Id = id.map(convert::id_from_proto).unwrap_or_default();
    let view = platform.jobs().find(id).ok().flatten().and_then(|(view, _)| platform.view_by_id(view));
    About::view(view.map(AsRef::as_ref), format!("job {id}"))
}

/// What an answer that is well says came of its call: what was made, or that it was refused all the same.
pub fn told(method: &str, answer: &Response) -> (i32, String) {
    told_by(method, answer).unwrap_or((status::OK, String::new()))
}

fn told_by(method: &str, answer: &Response) -> Option<(i32, String)> {
    let or_refused = |refusal: Option<String>, done: Option<String>| match refusal {
        Some(refusal) => (status::FAILED_PRECONDITION, refusal),
        None => (status::OK, done.unwrap_or_default()),
    };
    let key = |id: Option<ProtoId>| id.map(|id| format!("key {}", convert::id_from_proto(&id))).unwrap_or_default();
    Some(match method {
        rpc::SUBMIT_MATERIALIZATION_JOB => {
            let made: jobs::MaterializationJobResponse = answer.decode().ok()?;
            (status::OK, format!("job {}", made.job?.id?))
        }
        rpc::DELETE_ENTITIES => {
            let made: deletion::DeleteEntitiesResponse = answer.decode().ok()?;
            (status::OK, format!("jobs {}", made.job_ids.join(", ")))
        }
        rpc::FORCE_RETRY_MATERIALIZATION_TASK => {
            let done: tasks::ForceRetryMaterializationTaskResponse = answer.decode().ok()?;
            or_refused(done.error_message, None)
        }
        rpc::RESTART_MATERIALIZATION_TASK => {
            let done: tasks::RestartMaterializationTaskResponse = answer.decode().ok()?;
            let new = done.new_materialization_task_id.map(|id| format!("job {}", convert::id_from_proto(&id)));
            or_refused(done.error_message, new)
        }
        rpc::CREATE_API_KEY => {
            let made: keys::CreateApiKeyResponse = answer.decode().ok()?;
            (status::OK, key(made.id))
        }
        rpc::CREATE_SERVICE_ACCOUNT => {
            let made: keys::CreateServiceAccountResponse = answer.decode().ok()?;
            (status::OK, format!("key {}", made.id?))
        }
        _ => return None,
    })
}
