//! The calls of the protocol: one row for each, with who answers it and what the audit log says of it. Path, name and
//! right of a call are its row in `wire::rpc`; limits are those of the envelope's door, which are the same for all.
//!
//! A call without a row does not compile, and neither does a row that is of another kind than the right of its call.
//! Nothing is decided here but which function is meant.

use super::app::App;
use super::audit::Ending;
use super::fault::Fault;
use super::{api_key_calls, audit_words as words, deletion, fleet, jobs, metadata, objects, ready, saved, tasks};
use crate::model::Right;
use crate::platform::Platform;
use crate::platform::access::Caller;
use crate::wire::proxy::{DecodeError, Request, Response};
use crate::wire::rpc::Call;

/// A call that came in, and all that an answer may need.
pub(super) struct Asked<'a> {
    pub app: &'a App,
    /// Whose API key came with the call.
    pub caller: &'a Caller,
    /// The envelope, with the message of the call.
    pub request: &'a Request,
    /// Where the caller reaches this server; absent when its request does not say.
    pub base_url: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// The platform that is asked.
    pub(super) fn platform(&self) -> &'a Platform {
        &self.app.platform
    }

    /// The message in the envelope.
    ///
    /// # Errors
    /// When it is none of that kind.
    pub(super) fn message<M: prost::Message + Default>(&self) -> Result<M, DecodeError> {
        self.request.decode()
    }
}

/// Answers a call on a blocking thread, for it may read the disk.
pub(super) type Answer = fn(&Asked) -> Result<Response, Fault>;

/// Who answers a call, and what is written down of it.
pub(super) enum Row {
    /// Anybody may ask, without an API key.
    Open(fn() -> Response),
    /// It changes nothing, and stands in no log.
    Reads(Answer),
    /// It changes something, and stands in the audit log.
    Changes {
        /// Makes the change, durable before it is answered.
        answer: Answer,
        /// What the log says before it is made; absent where the message cannot be read, which the answer says.
        subject: fn(&Asked) -> Option<words::Subject>,
        /// What the log says of an answer that is well; absent where there is nothing to say.
        ending: fn(&Response) -> Option<Ending>,
    },
}

/// Nothing to say of an answer that is well.
const PLAIN: fn(&Response) -> Option<Ending> = |_| None;

/// The row of a call.
pub(super) const fn row(call: Call) -> Row {
    use Row::{Open, Reads};
    match call {
        Call::GetConfigs => Reads(|asked| metadata::configs(asked.platform())),
        Call::GetLoginConfigs => Open(|| Response::ok(&metadata::login_configs())),
        // Logs and statistics of clients are taken and forgotten (docs/wire.md section 1.6).
        Call::Nop | Call::IngestClientLogs | Call::IngestAnalytics => Reads(empty),
        Call::IntrospectApiKey => {
            Reads(|asked| api_key_calls::introspect(&asked.app.api_keys, asked.caller, &asked.message()?))
        }
        Call::CreateApiKey => Row::Changes {
            answer: |asked| api_key_calls::create(asked.platform(), asked.caller, &asked.message()?),
            subject: |asked| Some(words::create_api_key(&asked.message().ok()?)),
            ending: |answer| Some(words::api_key_made(answer.decode().ok()?)),
        },
        Call::ListApiKeys => Reads(|asked| api_key_calls::list(asked.platform(), &asked.message()?)),
        Call::DeleteApiKey => Row::Changes {
            answer: |asked| api_key_calls::delete(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::delete_api_key(&asked.message().ok()?)),
            ending: PLAIN,
        },
        Call::GetServiceAccounts => Reads(|asked| api_key_calls::accounts(asked.platform(), &asked.message()?)),
        Call::CreateServiceAccount => Row::Changes {
            answer: |asked| api_key_calls::create_account(asked.platform(), asked.caller, &asked.message()?),
            subject: |asked| Some(words::create_service_account(asked.message().ok()?)),
            ending: |answer| words::service_account_made(answer.decode().ok()?),
        },
        Call::DeleteServiceAccount => Row::Changes {
            answer: |asked| api_key_calls::delete_account(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::delete_service_account(asked.message().ok()?)),
            ending: PLAIN,
        },
        Call::GetWorkspace => Reads(|asked| metadata::get_workspace(asked.platform(), &asked.message()?)),
        Call::ListWorkspaces => Reads(|asked| metadata::list_workspaces(asked.platform())),
        Call::GetFeatureView => Reads(|asked| metadata::get_feature_view(asked.platform(), &asked.message()?)),
        Call::QueryFeatureViews => Reads(|asked| metadata::query_feature_views(asked.platform(), &asked.message()?)),
        Call::GetFeatureViewSummary => Reads(|asked| metadata::summary(asked.platform(), &asked.message()?)),
        Call::GetFeatureFreshness => Reads(|asked| metadata::freshness(asked.platform(), &asked.message()?)),
        Call::GetAllFeatureFreshness => Reads(|asked| metadata::all_freshness(asked.platform(), &asked.message()?)),
        Call::GetAllEntities => Reads(|asked| objects::entities(asked.platform(), &asked.message()?)),
        Call::GetAllVirtualDataSources => Reads(|asked| objects::sources(asked.platform(), &asked.message()?)),
        Call::GetAllTransformations => Reads(|asked| objects::transformations(asked.platform(), &asked.message()?)),
        Call::GetEntity => Reads(|asked| objects::entity(asked.platform(), &asked.message()?)),
        Call::GetVirtualDataSource => Reads(|asked| objects::source(asked.platform(), &asked.message()?)),
        Call::GetTransformation => Reads(|asked| objects::transformation(asked.platform(), &asked.message()?)),
        Call::GetAllFeatureServices => Reads(|asked| objects::services(asked.platform(), &asked.message()?)),
        Call::GetFeatureService => Reads(|asked| objects::service(asked.platform(), &asked.message()?)),
        Call::CreateWorkspace => Row::Changes {
            answer: |asked| metadata::create_workspace(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::create_workspace(asked.message().ok()?)),
            ending: PLAIN,
        },
        Call::DeleteWorkspace => Row::Changes {
            answer: |asked| metadata::delete_workspace(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::delete_workspace(asked.message().ok()?)),
            ending: PLAIN,
        },
        // There are no people, no server groups, and nothing is measured elsewhere: the empty message says so.
        Call::GetUser | Call::GetObservabilityConfig | Call::ListServerGroups | Call::GetServerGroup => Reads(empty),
        Call::GetMaterializationStatus => Reads(|asked| in_envelope(jobs::status(asked.platform(), &asked.message()?))),
        Call::GetAllMaterializationStatusInLiveWorkspaces => {
            Reads(|asked| in_envelope(fleet::statuses(asked.platform(), &asked.message()?)))
        }
        Call::GetJobs => Reads(|asked| in_envelope(fleet::jobs(asked.platform(), &asked.message()?))),
        Call::SubmitMaterializationJob => Row::Changes {
            answer: |asked| in_envelope(jobs::submit(asked.platform(), &asked.message()?)),
            subject: |asked| Some(words::submit_job(asked.message().ok()?)),
            ending: |answer| words::job_submitted(answer.decode().ok()?),
        },
        Call::ListMaterializationJobs => Reads(|asked| in_envelope(jobs::list(asked.platform(), &asked.message()?))),
        Call::GetMaterializationJob => Reads(|asked| in_envelope(jobs::get(asked.platform(), &asked.message()?))),
        Call::CancelMaterializationJob => Row::Changes {
            answer: |asked| in_envelope(jobs::cancel(asked.platform(), &asked.message()?)),
            subject: |asked| Some(words::cancel_job(asked.message().ok()?)),
            ending: PLAIN,
        },
        Call::GetLatestReadyTime => {
            Reads(|asked| in_envelope(ready::latest_ready_time(asked.platform(), &asked.message()?)))
        }
        Call::GetServingStatus => {
            Reads(|asked| in_envelope(ready::serving_status(asked.platform(), &asked.message()?)))
        }
        Call::ForceRetryMaterializationTask => Row::Changes {
            answer: |asked| tasks::force_retry(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::force_retry(asked.platform(), &asked.message().ok()?)),
            ending: |answer| Some(words::retry_forced(answer.decode().ok()?)),
        },
        Call::RestartMaterializationTask => Row::Changes {
            answer: |asked| tasks::restart(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::restart(asked.platform(), &asked.message().ok()?)),
            ending: |answer| Some(words::restarted(answer.decode().ok()?)),
        },
        Call::GetJobDetails => Reads(|asked| tasks::details(asked.platform(), &asked.message()?)),
        Call::GetJobLogs => Reads(|asked| tasks::logs(asked.platform(), &asked.message()?)),
        Call::GetJobStatus => Reads(|asked| tasks::status(asked.platform(), &asked.message()?)),
        Call::CreateSavedFeatureDataFrame => Row::Changes {
            answer: |asked| saved::create(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::create_dataset(asked.platform(), asked.message().ok()?)),
            ending: PLAIN,
        },
        Call::GetSavedFeatureDataFrame => Reads(|asked| saved::get(asked.platform(), &asked.message()?)),
        Call::GetAllSavedFeatureDataFrames => Reads(|asked| saved::all(asked.platform(), &asked.message()?)),
        Call::ArchiveSavedFeatureDataFrame => Row::Changes {
            answer: |asked| saved::archive(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::archive_dataset(&asked.message().ok()?)),
            ending: PLAIN,
        },
        Call::GetDeleteEntitiesInfo => Row::Changes {
            answer: |asked| deletion::info(asked.platform(), asked.caller, asked.base_url, &asked.message()?),
            subject: |asked| Some(words::offer_deletion(asked.platform(), &asked.message().ok()?)),
            ending: PLAIN,
        },
        Call::DeleteEntities => Row::Changes {
            answer: |asked| deletion::delete(asked.platform(), &asked.message()?),
            subject: |asked| Some(words::delete_entities(asked.platform(), &asked.message().ok()?)),
            ending: |answer| Some(words::deletion_begun(&answer.decode().ok()?)),
        },
    }
}

/// Rows are of the kind that the right of their call asks for.
const _: () = {
    let mut calls = Call::ALL;
    while let [call, rest @ ..] = calls {
        let right = call.right();
        let fits = match row(*call) {
            Row::Open(_) => matches!(right, Right::Public),
            Row::Reads(_) => !right.changes() && !matches!(right, Right::Public),
            Row::Changes { .. } => right.changes(),
        };
        assert!(fits, "a row of the calls is of another kind than the right of its call");
        calls = rest;
    }
};

fn empty(_: &Asked) -> Result<Response, Fault> {
    Ok(Response::ok(&()))
}

/// The answer to a call that has a door in plain JSON as well, and so gives its message.
fn in_envelope(answer: Result<impl prost::Message, Fault>) -> Result<Response, Fault> {
    answer.map(|message| Response::ok(&message))
}
