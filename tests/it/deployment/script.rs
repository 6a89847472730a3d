//! What the scripted deployment answers to each call that the console makes.
//!
//! A call is named by the last part of its gRPC path, or by its HTTP path below the base with ids left out. [`CALLS`]
//! lists all that are answered: a test compares it with the calls in the client's sources.

use fvtop::model::*;
use fvtop::wire::access::{AuditList, KeyInfo, KeyList, KeyMade};
use fvtop::wire::convert as c;
use fvtop::wire::features::{MetadataOptions, SloInfo};
use fvtop::wire::proto::common::Empty;
use fvtop::wire::proto::{
    deletion as d, fleet as f, jobs as j, keys as k, serving as sv, status as s, tasks as t, view as v, workspace as w,
};
use fvtop::wire::queries::{DatasetList, FrameAnswer, QueryAccepted, QueryState, QueryStatus};
use fvtop::wire::{arrow, proxy, status};
use polars::prelude::df;
use prost::Message;
use serde_json::json;

use super::http::{Answer, Request};
use super::world::{self, World};

/// Which kind of deployment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// It has the calls below `/v1/fvtop` as well.
    Full,
    /// A Tecton deployment of release 1.x: prefixed states, types in lower case, words and fields that nobody knows, a
    /// failure by the status table's word.
    New,
    /// A Tecton deployment of release 0.5: no details, no logs, no ids of deletion jobs.
    Old,
}

/// What is said to a call.
pub(crate) enum Reply {
    Whole(Answer),
    /// The stream of records, which never ends.
    Tail,
}

/// The path of the stream of records.
pub(crate) const TAIL: &str = "v1/fvtop/run-stream";

/// The calls of the envelope that are answered.
pub(crate) const CALLS: &[&str] = &[
    "GetConfigs",
    "ListWorkspaces",
    "QueryFeatureViews",
    "GetFeatureView",
    "GetFeatureViewSummary",
    "GetFeatureFreshness",
    "GetAllFeatureFreshness",
    "GetMaterializationStatus",
    "GetServingStatus",
    "ListMaterializationJobs",
    "GetMaterializationJob",
    "GetJobs",
    "SubmitMaterializationJob",
    "CancelMaterializationJob",
    "ForceRetryMaterializationTask",
    "RestartMaterializationTask",
    "GetJobDetails",
    "GetJobLogs",
    "GetDeleteEntitiesInfo",
    "DeleteEntities",
    "ListApiKeys",
    "CreateApiKey",
    "DeleteApiKey",
    "GetVirtualDataSource",
];

/// The paths that are answered; `{}` stands for an id.
pub(crate) const PATHS: &[&str] = &[
    "v1/feature-service/get-features",
    "v1/feature-service/query-features",
    TAIL,
    "v1/fvtop/frames",
    "v1/fvtop/queries",
    "v1/fvtop/queries/{}",
    "v1/fvtop/queries/{}/rows",
    "v1/fvtop/datasets",
    "v1/fvtop/datasets/{}",
    "v1/fvtop/datasets/{}/rows",
    "v1/fvtop/audit",
    "v1/fvtop/keys",
    "v1/fvtop/keys/{}",
    "v1/fvtop/streams",
    "v1/fvtop/streams/restart",
    "v1/fvtop/quarantine",
    "v1/fvtop/quarantine/retry",
    "v1/fvtop/quarantine/drop",
    "v1/fvtop/quarantine/{}",
    "upload/{}",
];

/// The name of the call that a request is.
pub(crate) fn name(request: &Request) -> String {
    let path = request.path.trim_start_matches("/api").trim_matches('/');
    if path == proxy::PATH {
        let call: Option<proxy::Request> = serde_json::from_slice(&request.body).ok();
        return call.map_or_else(|| "?".to_owned(), |call| call.method.rsplit('/').next().unwrap_or("?").to_owned());
    }
    let fits = |known: &&&str| {
        let (mut own, mut asked) = (known.split('/'), path.split('/'));
        own.by_ref().zip(asked.by_ref()).all(|(own, asked)| own == "{}" || own == asked)
            && known.split('/').count() == path.split('/').count()
    };
    PATHS.iter().find(fits).map_or_else(|| path.to_owned(), |known| (*known).to_owned())
}

pub(crate) struct Script {
    pub style: Style,
    pub world: World,
    /// Where it listens, for addresses to upload to.
    pub url: String,
}

impl Script {
    /// The answer, or `None` where the deployment does not know the call.
    pub(crate) fn answer(&mut self, name: &str, request: &Request) -> Reply {
        if request.path.ends_with(proxy::PATH) {
            let call: proxy::Request = serde_json::from_slice(&request.body).unwrap();
            let said = self.call(name, &call).map_or_else(
                || proxy::Response::error(status::UNIMPLEMENTED, format!("{name} is not served here.")),
                |message| proxy::Response {
                    status: proxy::Status { code: 0, detail: String::new() },
                    metadata: None,
                    response: Some(message),
                },
            );
            return Reply::Whole(Answer::json(&said));
        }
        if name == TAIL && self.style == Style::Full {
            return Reply::Tail;
        }
        let body = b"{\"error\":\"There is nothing at this path.\"}".to_vec();
        Reply::Whole(self.path(name, request).unwrap_or_else(|| Answer::new(404, "application/json", body)))
    }

    /// An answer in base64; what a newer deployment adds is unknown to everybody.
    fn say(&self, message: &impl Message) -> Option<String> {
        use base64::Engine as _;
        let mut bytes = message.encode_to_vec();
        if self.style == Style::New {
            // Field 1999, five bytes of text.
            bytes.extend_from_slice(&[0xfa, 0x7c, 5, b'l', b'a', b't', b'e', b'r']);
        }
        Some(base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    fn call(&mut self, name: &str, call: &proxy::Request) -> Option<String> {
        match name {
            "GetConfigs" => {
                let own = [("FVTOP_API", "/v1/fvtop")];
                let pairs: &[(&str, &str)] = if self.style == Style::Full { &own } else { &[("CLUSTER_REGION", "eu")] };
                self.say(&c::configs_to_proto(pairs))
            }
            "ListWorkspaces" => {
                let workspaces = [("prod", true), ("dev", false)];
                let proto =
                    |(name, live): (&str, bool)| c::workspace_to_proto(&Workspace { name: name.to_owned(), live });
                self.say(&w::ListWorkspacesResponse { workspaces: workspaces.map(proto).to_vec() })
            }
            "QueryFeatureViews" | "GetFeatureView" => self.views(name, call),
            "GetFeatureViewSummary" => {
                let asked: s::GetFeatureViewSummaryRequest = call.decode().ok()?;
                let parts = self.located(asked.fco_locator?.id?)?;
                let summary = c::summary_to_proto(&parts.view, vec![c::summary_item("cluster", "Cluster", "spark-7")]);
                self.say(&s::GetFeatureViewSummaryResponse { fco_summary: Some(summary) })
            }
            "GetFeatureFreshness" => {
                let asked: s::GetFeatureFreshnessRequest = call.decode().ok()?;
                let freshness_status = Some(freshness(&self.located(asked.fco_locator?.id?)?.view));
                self.say(&s::GetFeatureFreshnessResponse { freshness_status })
            }
            "GetAllFeatureFreshness" => {
                let freshness_statuses = self.world.views.iter().map(|parts| freshness(&parts.view)).collect();
                self.say(&s::GetAllFeatureFreshnessResponse { freshness_statuses })
            }
            "ListApiKeys" => self.say(&k::ListApiKeysResponse { api_keys: vec![key()] }),
            "CreateApiKey" => {
                let id = key().id;
                self.say(&k::CreateApiKeyResponse { key: Some("ffff0000".to_owned()), id })
            }
            "DeleteApiKey" => self.say(&Empty {}),
            // It knows no sources: an answer without an object.
            "GetVirtualDataSource" => self.say(&Empty {}),
            "GetMaterializationStatus" => {
                let asked: s::GetMaterializationStatusRequest = call.decode().ok()?;
                let id = c::id_from_proto(&asked.feature_package_id?);
                let jobs = self.world.jobs_of(&self.world.view(&id.to_string())?.view.name);
                let table = c::status_from_jobs(id, &jobs);
                self.say(&s::GetMaterializationStatusResponse { materialization_status: Some(table) })
            }
            "GetServingStatus" => {
                let end = self.world.hour - Span::hours(1);
                let windows = vec![Window { start: end - Span::days(1), end }];
                let coverage = Coverage { online: windows.clone(), offline: windows };
                let summary = c::coverage_to_proto(&coverage);
                self.say(&sv::GetServingStatusResponse { serving_status_summary: Some(summary) })
            }
            "GetJobs" | "GetJobDetails" | "GetJobLogs" if self.style == Style::Old => None,
            "GetJobDetails" | "GetJobLogs" => self.detail(name, call),
            "GetJobs" => {
                let view = |job: &Job| self.world.view(&job.feature_view).map_or(Id(0), |parts| parts.view.id);
                let task = |job: &Job| c::task_to_proto(view(job), job, false);
                let tasks_with_attempts = self.world.jobs.iter().map(task).collect();
                self.say(&f::GetJobsResponse { tasks_with_attempts, pagination: None })
            }
            _ => self.jobs(name, call),
        }
    }

    fn located(&self, id: fvtop::wire::proto::common::Id) -> Option<&c::ViewParts> {
        self.world.view(&c::id_from_proto(&id).to_string())
    }

    fn views(&self, name: &str, call: &proxy::Request) -> Option<String> {
        if name == "QueryFeatureViews" {
            let asked: v::QueryFeatureViewsRequest = call.decode().ok()?;
            let workspace = asked.workspace.unwrap_or_default();
            let views: &[c::ViewParts] = if workspace == "prod" { &self.world.views } else { &[] };
            let fco_container = Some(c::container_of(views, &workspace));
            return self.say(&v::QueryFeatureViewsResponse { fco_container });
        }
        let asked: v::GetFeatureViewRequest = call.decode().ok()?;
        let found = self.world.view(&asked.version_specifier?).cloned();
        let fco_container = Some(c::container_of(&found.into_iter().collect::<Vec<_>>(), "prod"));
        self.say(&v::GetFeatureViewResponse { fco_container, ..Default::default() })
    }

    fn detail(&self, name: &str, call: &proxy::Request) -> Option<String> {
        let asked: t::GetJobDetailsRequest = call.decode().ok()?;
        let attempt = c::id_from_proto(&asked.tecton_managed_attempt_id?);
        let job = self.world.jobs.iter().find(|job| job.attempts.iter().any(|a| a.id == Some(attempt)))?;
        let view = self.world.view(&job.feature_view)?.view.id;
        let log = vec!["reading payments".to_owned(), "writing tiles".to_owned()];
        let detail = AttemptDetail { attempt, stages: Vec::new(), log };
        if name == "GetJobLogs" {
            return self.say(&c::logs_to_proto(view, "prod", &detail));
        }
        self.say(&c::details_to_proto(view, job, &detail))
    }

    fn jobs(&mut self, name: &str, call: &proxy::Request) -> Option<String> {
        match name {
            "ListMaterializationJobs" => {
                let asked: j::ListJobsRequest = call.decode().ok()?;
                let jobs = self.world.jobs_of(&asked.feature_view?);
                self.say(&j::ListJobsResponse { jobs: jobs.iter().map(|job| self.job(job)).collect() })
            }
            "GetMaterializationJob" => {
                let asked: j::GetJobRequest = call.decode().ok()?;
                let job = self.world.find(asked.job_id?.parse().ok()?).cloned();
                self.say(&j::GetJobResponse { job: job.map(|job| self.job(&job)) })
            }
            "SubmitMaterializationJob" => {
                let asked = c::trigger_from_proto(&call.decode().ok()?).ok()?;
                let stores = Stores { online: asked.online, offline: asked.offline };
                let job = self.world.start(&asked.feature_view, JobType::Batch, Some(asked.window), stores);
                self.say(&j::MaterializationJobResponse { job: Some(self.job(&job)) })
            }
            "CancelMaterializationJob" => {
                let asked: j::CancelJobRequest = call.decode().ok()?;
                let job = self.world.find(asked.job_id?.parse().ok()?)?;
                job.state = JobState::CancellationRequested;
                let job = job.clone();
                self.say(&j::CancelJobResponse { job: Some(self.job(&job)) })
            }
            "ForceRetryMaterializationTask" => {
                let asked: t::ForceRetryMaterializationTaskRequest = call.decode().ok()?;
                self.world.find(c::id_from_proto(&asked.materialization_task_id?))?.state = JobState::ManualRetry;
                self.say(&t::ForceRetryMaterializationTaskResponse::default())
            }
            "RestartMaterializationTask" => {
                let asked: t::RestartMaterializationTaskRequest = call.decode().ok()?;
                let old = self.world.find(c::id_from_proto(&asked.materialization_task_id?))?.clone();
                let stores = Stores { online: old.online, offline: old.offline };
                let job = self.world.start(&old.feature_view, old.job_type, old.window, stores);
                self.say(&t::RestartMaterializationTaskResponse {
                    new_materialization_task_id: Some(c::id_to_proto(job.id)),
                    ..Default::default()
                })
            }
            "GetDeleteEntitiesInfo" => self.say(&d::GetDeleteEntitiesInfoResponse {
                df_path: Some("s3://keys/9".to_owned()),
                signed_url_for_df_upload_online: Some(format!("{}/upload/online", self.url)),
                signed_url_for_df_upload_offline: Some(format!("{}/upload/offline", self.url)),
            }),
            "DeleteEntities" => self.delete(call),
            _ => None,
        }
    }

    fn delete(&mut self, call: &proxy::Request) -> Option<String> {
        let asked: d::DeleteEntitiesRequest = call.decode().ok()?;
        let view = self.located(asked.fco_locator?.id?)?.view.name.clone();
        let stores = [(asked.online, true, false), (asked.offline, false, true)];
        let mut job_ids = Vec::new();
        for (_, online, offline) in stores.into_iter().filter(|(wanted, ..)| *wanted == Some(true)) {
            let job = self.world.start(&view, JobType::Deletion, None, Stores { online, offline });
            job_ids.push(job.id.to_string());
        }
        if self.style == Style::Old {
            job_ids.clear();
        }
        self.say(&d::DeleteEntitiesResponse { job_ids })
    }

    /// A job as this kind of deployment writes it.
    fn job(&self, job: &Job) -> j::MaterializationJob {
        let mut proto = c::job_to_proto(job);
        if self.style == Style::New {
            let prefixed = |word: Option<String>| word.map(|word| format!("MATERIALIZATION_TASK_STATUS_{word}"));
            proto.state = prefixed(proto.state);
            proto.job_type = proto.job_type.map(|word| word.to_lowercase());
            // A word of the status table's.
            if job.state == JobState::Failure {
                proto.state = Some("MATERIALIZATION_STATUS_STATE_ERROR".to_owned());
            }
            if job.state == JobState::Running && job.window.is_some() {
                proto.state = Some("MATERIALIZATION_TASK_STATUS_HIBERNATING".to_owned());
            }
            for attempt in &mut proto.attempts {
                attempt.state = prefixed(attempt.state.take());
            }
        }
        proto
    }

    fn path(&mut self, name: &str, request: &Request) -> Option<Answer> {
        let own = name.strip_prefix("v1/fvtop/");
        if own.is_some() && self.style != Style::Full {
            return None;
        }
        match own.unwrap_or(name) {
            "v1/feature-service/get-features" => {
                let vector = world::vector(&self.world.views.first()?.view);
                Some(Answer::json(&c::response_from_vector(&vector, &everything(), SloInfo::default())))
            }
            "v1/feature-service/query-features" => {
                let vector = world::vector(&self.world.views.first()?.view);
                let features = vector.features.iter().map(|f| (f.name.clone(), f.data_type.clone())).collect();
                let answer = FeatureVectors { features, vectors: vec![vector], ..FeatureVectors::default() };
                Some(Answer::json(&c::response_from_vectors(&answer, &everything(), SloInfo::default())))
            }
            "frames" => {
                Some(Answer::json(&FrameAnswer { frame_id: "frame-1".to_owned(), rows: 1, columns: Vec::new() }))
            }
            "queries" => Some(Answer::json(&QueryAccepted { query_id: "query-1".to_owned() })),
            "queries/{}" => {
                let state = if request.method == "DELETE" { QueryState::Cancelled } else { QueryState::Done };
                Some(Answer::json(&QueryStatus { state, rows_read: 12, rows: Some(3), ..QueryStatus::default() }))
            }
            "queries/{}/rows" | "datasets/{}/rows" => {
                let table = df!("card_id" => ["card-1", "card-2", "card-3"], "amount_sum_1d_1h" => [1.5, 2.5, 3.5]);
                Some(Answer::new(200, arrow::CONTENT_TYPE, arrow::encode(&table.unwrap()).unwrap()))
            }
            "datasets" => Some(Answer::json(&DatasetList::default())),
            "datasets/{}" => None,
            "audit" => Some(Answer::json(&AuditList::default())),
            "keys" if request.method == "POST" => {
                Some(Answer::json(&KeyMade { key: "ffff0000".to_owned(), info: KeyInfo::default() }))
            }
            "keys" => Some(Answer::json(&KeyList { api_keys: vec![KeyInfo::default()] })),
            "keys/{}" => Some(Answer::json(&KeyInfo::default())),
            "streams" => Some(Answer::json(&json!({ "streams": [] }))),
            "streams/restart" => Some(Answer::json(&json!({ "effect": "The stream is read on from there." }))),
            "quarantine" => Some(Answer::json(&json!({ "records": [] }))),
            "quarantine/{}" => None,
            "quarantine/retry" => Some(Answer::json(&json!({ "arrived": 0, "filtered": 0 }))),
            "quarantine/drop" => Some(Answer::json(&json!({ "dropped": 0 }))),
            "upload/{}" => Some(Answer::new(200, "text/plain", "")),
            _ => None,
        }
    }
}

fn freshness(view: &FeatureView) -> s::FreshnessStatus {
    let freshness = Freshness {
        feature_view: view.name.clone(),
        materialization_enabled: true,
        is_stream: view.is_stream,
        is_stale: false,
        freshness: Some(Span::minutes(4)),
        expected: Some(Span::hours(2)),
        created_at: view.created_at,
    };
    c::freshness_to_proto(view.id, &freshness)
}

fn key() -> k::TectonApiKey {
    let id = Some(c::id_to_proto(Id(0xfeed)));
    k::TectonApiKey { id, name: Some("oncall".to_owned()), is_active: Some(true), ..Default::default() }
}

fn everything() -> c::Included<'static> {
    c::Included { options: MetadataOptions::ALL, ..c::Included::default() }
}
