//! What the audit log says of a change: who, which call, which workspace and view, and the rest in a few words.
//!
//! Only members that are named here or in the table of doors are taken, so that no key, secret or feature value can
//! slip in.

use axum::body::Bytes;
use serde_json::Value as Json;

use super::audit::{Ending, RequestName};
use super::metadata;
use crate::model::{Id, clean};
use crate::platform::Platform;
use crate::platform::access::{AuditedAction, Caller};
use crate::platform::definition::View;
use crate::wire::convert;
use crate::wire::proto::common::{FcoLocator, Id as ProtoId};
use crate::wire::proto::{deletion, jobs, keys as api_keys, saved, tasks, workspace};

/// The entry of a change at a door. Of the body it says the workspace, the view and these members, which must hold no
/// secret.
pub(super) fn entry_at_door(
    caller: &Caller,
    name: RequestName,
    call: String,
    body: &Bytes,
    members: &[&str],
) -> AuditedAction {
    let body: Json = serde_json::from_slice(body).unwrap_or_default();
    let text = |member: &str| match body.get(member) {
        Some(Json::String(text)) => Some(clean(text).into_owned()),
        Some(Json::Bool(flag)) => Some(flag.to_string()),
        Some(Json::Array(numbers)) => {
            let numbers: Vec<_> = numbers.iter().filter_map(Json::as_i64).map(|number| number.to_string()).collect();
            (!numbers.is_empty()).then(|| clean::first_few(&numbers))
        }
        _ => None,
    };
    let words = members.iter().filter_map(|member| text(member).map(|text| format!("{member} {text}")));
    AuditedAction {
        words: words.collect::<Vec<_>>().join(", "),
        workspace: text("workspace").unwrap_or_default(),
        feature_view: text("feature_view").unwrap_or_default(),
        ..entry(caller, name, call)
    }
}

/// The entry of a change of which nothing is known yet but who asks for it.
pub(super) fn entry(caller: &Caller, RequestName(request): RequestName, call: String) -> AuditedAction {
    AuditedAction { request, key: caller.key, name: caller.name.clone(), call, ..AuditedAction::default() }
}

/// What a call is about.
#[derive(Default)]
pub(super) struct Subject {
    workspace: Option<String>,
    feature_view: Option<String>,
    words: String,
}

impl Subject {
    /// The entry with what it is about.
    pub(super) fn written_in(self, entry: AuditedAction) -> AuditedAction {
        let (workspace, feature_view) = (self.workspace.unwrap_or_default(), self.feature_view.unwrap_or_default());
        AuditedAction { workspace, feature_view, words: self.words, ..entry }
    }

    fn view(view: Option<&View>, words: String) -> Self {
        Self { workspace: view.map(|v| v.workspace.clone()), feature_view: view.map(|v| v.name.clone()), words }
    }

    fn words(words: String) -> Self {
        Self { words, ..Self::default() }
    }
}

/// A job is to be started.
pub(super) fn submit_job(asked: jobs::MaterializationJobRequest) -> Subject {
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
    Subject { workspace: asked.workspace, feature_view: asked.feature_view, words }
}

pub(super) fn job_submitted(made: jobs::MaterializationJobResponse) -> Option<Ending> {
    Some(Ending::done(format!("job {}", made.job?.id?)))
}

/// A job is to be cancelled.
pub(super) fn cancel_job(asked: jobs::CancelJobRequest) -> Subject {
    let words = format!("job {}", asked.job_id.unwrap_or_default());
    Subject { workspace: asked.workspace, feature_view: asked.feature_view, words }
}

/// A job is to be tried again.
pub(super) fn force_retry(platform: &Platform, asked: &tasks::ForceRetryMaterializationTaskRequest) -> Subject {
    task(platform, asked.materialization_task_id.as_ref())
}

/// A job is tried again, or not.
pub(super) fn retry_forced(answer: tasks::ForceRetryMaterializationTaskResponse) -> Ending {
    Ending::done_or_refused(answer.error_message, None)
}

/// A job is to be started anew.
pub(super) fn restart(platform: &Platform, asked: &tasks::RestartMaterializationTaskRequest) -> Subject {
    task(platform, asked.materialization_task_id.as_ref())
}

/// A job was started anew, or not.
pub(super) fn restarted(answer: tasks::RestartMaterializationTaskResponse) -> Ending {
    let new = answer.new_materialization_task_id.map(|id| format!("job {}", convert::id_from_proto(&id)));
    Ending::done_or_refused(answer.error_message, new)
}

fn task(platform: &Platform, id: Option<&ProtoId>) -> Subject {
    let id = id_of(id);
    let view = platform.jobs().find(id).ok().flatten().and_then(|(view, _)| platform.view_by_id(view));
    Subject::view(view.map(AsRef::as_ref), format!("job {id}"))
}

/// Join keys are to be sent for their deletion.
pub(super) fn offer_deletion(platform: &Platform, asked: &deletion::GetDeleteEntitiesInfoRequest) -> Subject {
    let view = platform.view_by_id(id_of(asked.feature_definition_id.as_ref()));
    Subject::view(view.map(AsRef::as_ref), "a place for keys that are to be deleted".to_owned())
}

/// Join keys are to be deleted.
pub(super) fn delete_entities(platform: &Platform, asked: &deletion::DeleteEntitiesRequest) -> Subject {
    let found = metadata::located(platform, asked.fco_locator.as_ref()).ok();
    let stores = [(asked.online, "online"), (asked.offline, "offline")];
    let stores: Vec<_> = stores.iter().filter(|(set, _)| *set == Some(true)).map(|(_, store)| *store).collect();
    let words = format!("keys from {}", stores.join(" and "));
    match (found, asked.fco_locator.as_ref()) {
        (None, Some(FcoLocator { name, workspace, .. })) => {
            Subject { workspace: workspace.clone(), feature_view: name.clone(), words }
        }
        (found, _) => Subject::view(found, words),
    }
}

/// The jobs that delete join keys were started.
pub(super) fn deletion_begun(made: &deletion::DeleteEntitiesResponse) -> Ending {
    Ending::done(format!("jobs {}", made.job_ids.join(", ")))
}

/// An API key is to be made.
pub(super) fn create_api_key(asked: &api_keys::CreateApiKeyRequest) -> Subject {
    let role = if asked.is_admin == Some(true) { "owner" } else { "editor" };
    Subject::words(format!("a key with the role {role}"))
}

/// An API key was made.
pub(super) fn api_key_made(made: api_keys::CreateApiKeyResponse) -> Ending {
    Ending::done(made.id.map(|id| format!("key {}", convert::id_from_proto(&id))).unwrap_or_default())
}

/// An API key is to be revoked.
pub(super) fn delete_api_key(asked: &api_keys::DeleteApiKeyRequest) -> Subject {
    Subject::words(format!("key {}", id_of(asked.id.as_ref())))
}

/// A service account is to be made.
pub(super) fn create_service_account(asked: api_keys::CreateServiceAccountRequest) -> Subject {
    Subject::words(format!("name {}", asked.name.unwrap_or_default()))
}

/// A service account was made.
pub(super) fn service_account_made(made: api_keys::CreateServiceAccountResponse) -> Option<Ending> {
    Some(Ending::done(format!("key {}", made.id?)))
}

/// The key of a service account is to be revoked.
pub(super) fn delete_service_account(asked: api_keys::DeleteServiceAccountRequest) -> Subject {
    Subject::words(format!("key {}", asked.id.unwrap_or_default()))
}

/// A workspace is to be made.
pub(super) fn create_workspace(asked: workspace::CreateWorkspaceRequest) -> Subject {
    Subject { workspace: asked.workspace_name, ..Subject::default() }
}

/// A workspace is to be deleted.
pub(super) fn delete_workspace(asked: workspace::DeleteWorkspaceRequest) -> Subject {
    Subject { workspace: asked.workspace, ..Subject::default() }
}

/// A dataset is to be made.
pub(super) fn create_dataset(platform: &Platform, asked: saved::CreateSavedFeatureDataFrameRequest) -> Subject {
    let view = platform.view_by_id(id_of(asked.feature_package_id.as_ref()));
    Subject::view(view.map(AsRef::as_ref), format!("dataset {}", asked.name.unwrap_or_default()))
}

/// A dataset is to be taken out of the lists.
pub(super) fn archive_dataset(asked: &saved::ArchiveSavedFeatureDataFrameRequest) -> Subject {
    Subject::words(format!("dataset {}", id_of(asked.saved_feature_dataframe_id.as_ref())))
}

fn id_of(id: Option<&ProtoId>) -> Id {
    id.map(convert::id_from_proto).unwrap_or_default()
}
