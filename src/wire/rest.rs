//! The JSON of the public doors to the job calls (docs/wire.md section 1.9): the same messages, written in snake_case,
//! times as `YYYY-MM-DDTHH:MM:SSZ`, states with their prefix, types in lower case.
//!
//! Reading also takes camelCase, and skips members that are not known.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::convert::{time_from_proto, time_to_proto};
use super::proto::common::Timestamp;
use super::proto::jobs as proto;
use super::proto::workspace::GetConfigsResponse;
use crate::model::time::parse_time;

/// In front of the state of a job.
const JOB_STATE: &str = "MATERIALIZATION_TASK_STATUS_";
/// In front of the state of an attempt.
const ATTEMPT_STATE: &str = "MATERIALIZATION_ATTEMPT_STATUS_";

/// The body of any call about jobs; each call uses what it needs of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub workspace: Option<String>,
    /// Name of the feature view.
    #[serde(alias = "featureView")]
    pub feature_view: Option<String>,
    /// Name of the feature service.
    #[serde(alias = "featureService")]
    pub feature_service: Option<String>,
    #[serde(alias = "jobId")]
    pub job_id: Option<String>,
    #[serde(alias = "startTime", deserialize_with = "time_of")]
    pub start_time: Option<Timestamp>,
    #[serde(alias = "endTime", deserialize_with = "time_of")]
    pub end_time: Option<Timestamp>,
    /// Whether the job writes to the online store.
    pub online: Option<bool>,
    /// Whether the job writes to the offline store.
    pub offline: Option<bool>,
    /// Whether failed attempts are tried again; true when absent.
    #[serde(alias = "useTectonManagedRetries")]
    pub use_tecton_managed_retries: Option<bool>,
    /// Whether windows that are materialized already may be written again.
    pub overwrite: Option<bool>,
}

fn time_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_time(&text).map(time_to_proto).map_err(D::Error::custom)).transpose()
}

impl Asked {
    /// The message that starts a job.
    pub(crate) fn submit(self) -> proto::MaterializationJobRequest {
        proto::MaterializationJobRequest {
            workspace: self.workspace,
            feature_view: self.feature_view,
            start_time: self.start_time,
            end_time: self.end_time,
            online: self.online,
            offline: self.offline,
            use_tecton_managed_retries: self.use_tecton_managed_retries,
            overwrite: self.overwrite,
        }
    }

    /// The message that lists jobs.
    pub(crate) fn list(self) -> proto::ListJobsRequest {
        let Self { workspace, feature_view, feature_service, .. } = self;
        proto::ListJobsRequest { workspace, feature_view, feature_service }
    }

    /// The message that asks for a job.
    pub(crate) fn get(self) -> proto::GetJobRequest {
        let Self { job_id, workspace, feature_view, feature_service, .. } = self;
        proto::GetJobRequest { job_id, workspace, feature_view, feature_service }
    }

    /// The message that cancels a job.
    pub(crate) fn cancel(self) -> proto::CancelJobRequest {
        let Self { job_id, workspace, feature_view, feature_service, .. } = self;
        proto::CancelJobRequest { job_id, workspace, feature_view, feature_service }
    }

    /// The message that asks up to when the windows are ready.
    pub(crate) fn latest_ready_time(self) -> proto::GetLatestReadyTimeRequest {
        let Self { workspace, feature_view, feature_service, .. } = self;
        proto::GetLatestReadyTimeRequest { workspace, feature_view, feature_service }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct OneJob {
    pub job: Job,
}

/// All jobs of a view, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Jobs {
    pub jobs: Vec<Job>,
}

/// A job. What is absent is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Job {
    id: String,
    workspace: String,
    feature_view: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    state: String,
    attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    online: bool,
    offline: bool,
    job_type: String,
}

/// One attempt of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Attempt {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_url: Option<String>,
}

/// Up to when the windows are ready in each store; absent while the first one is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct ReadyTimes {
    #[serde(skip_serializing_if = "Option::is_none")]
    online_latest_ready_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline_latest_ready_time: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Configs {
    key_values: BTreeMap<String, String>,
}

impl From<proto::MaterializationJob> for Job {
    fn from(job: proto::MaterializationJob) -> Self {
        let state = job.state.unwrap_or_default();
        // The word of the enumeration that these names are of.
        let state = if state == "FAILURE" { "PERMANENT_FAILURE" } else { &state };
        Self {
            id: job.id.unwrap_or_default(),
            workspace: job.workspace.unwrap_or_default(),
            feature_view: job.feature_view.unwrap_or_default(),
            start_time: job.start_time.and_then(time),
            end_time: job.end_time.and_then(time),
            created_at: job.created_at.and_then(time),
            updated_at: job.updated_at.and_then(time),
            state: format!("{JOB_STATE}{state}"),
            attempts: job.attempts.into_iter().map(Into::into).collect(),
            next_attempt_at: job.next_attempt_at.and_then(time),
            online: job.online.unwrap_or(false),
            offline: job.offline.unwrap_or(false),
            job_type: job.job_type.unwrap_or_default().to_lowercase(),
        }
    }
}

impl From<proto::JobAttempt> for Attempt {
    fn from(attempt: proto::JobAttempt) -> Self {
        Self {
            id: attempt.id.unwrap_or_default(),
            created_at: attempt.created_at.and_then(time),
            updated_at: attempt.updated_at.and_then(time),
            state: format!("{ATTEMPT_STATE}{}", attempt.state.unwrap_or_default()),
            run_url: attempt.run_url,
        }
    }
}

impl From<Option<proto::MaterializationJob>> for OneJob {
    fn from(job: Option<proto::MaterializationJob>) -> Self {
        Self { job: job.unwrap_or_default().into() }
    }
}

impl From<proto::ListJobsResponse> for Jobs {
    fn from(answer: proto::ListJobsResponse) -> Self {
        Self { jobs: answer.jobs.into_iter().map(Into::into).collect() }
    }
}

impl From<proto::GetLatestReadyTimeResponse> for ReadyTimes {
    fn from(answer: proto::GetLatestReadyTimeResponse) -> Self {
        Self {
            online_latest_ready_time: answer.online_latest_ready_time.and_then(time),
            offline_latest_ready_time: answer.offline_latest_ready_time.and_then(time),
        }
    }
}

impl From<GetConfigsResponse> for Configs {
    fn from(answer: GetConfigsResponse) -> Self {
        Self { key_values: super::convert::configs_from_proto(&answer).into_iter().collect() }
    }
}

fn time(at: Timestamp) -> Option<String> {
    time_from_proto(at).map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_are_read_in_both_cases_and_unknown_members_are_skipped() {
        let start_time = Some(Timestamp { seconds: 1_795_305_600, nanos: 0 });
        let asked = Asked {
            workspace: Some("prod".into()),
            feature_view: Some("v".into()),
            start_time,
            use_tecton_managed_retries: Some(false),
            online: Some(true),
            ..Asked::default()
        };
        for body in [
            json!({"workspace": "prod", "feature_view": "v", "start_time": "2026-11-22T00:00:00Z", "online": true,
                   "use_tecton_managed_retries": false, "end_time": null, "colour": 7}),
            json!({"workspace": "prod", "featureView": "v", "startTime": "2026-11-22T01:00:00+01:00", "online": true,
                   "useTectonManagedRetries": false}),
        ] {
            assert_eq!(serde_json::from_value::<Asked>(body).unwrap(), asked);
        }
        let soon = serde_json::from_value::<Asked>(json!({"end_time": "soon"})).unwrap_err();
        assert!(soon.to_string().contains("`soon` is not a time: write it as"), "{soon}");
    }

    #[test]
    fn a_job_is_written_as_the_public_samples_are() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 999_999_000 });
        let attempt = proto::JobAttempt {
            id: Some("a1".into()),
            created_at: at(60),
            updated_at: at(90),
            state: Some("ERROR".into()),
            run_url: None,
        };
        let job = proto::MaterializationJob {
            id: Some("j1".into()),
            workspace: Some("prod".into()),
            feature_view: Some("v".into()),
            start_time: at(0),
            end_time: at(3_600),
            created_at: at(60),
            state: Some("FAILURE".into()),
            attempts: vec![attempt],
            online: Some(true),
            job_type: Some("BATCH".into()),
            ..Default::default()
        };
        let expected = json!({"job": {
            "id": "j1", "workspace": "prod", "feature_view": "v", "start_time": "1970-01-01T00:00:00Z",
            "end_time": "1970-01-01T01:00:00Z", "created_at": "1970-01-01T00:01:00Z",
            "state": "MATERIALIZATION_TASK_STATUS_PERMANENT_FAILURE", "online": true, "offline": false, "job_type": "batch",
            "attempts": [{"id": "a1", "created_at": "1970-01-01T00:01:00Z", "updated_at": "1970-01-01T00:01:30Z",
                          "state": "MATERIALIZATION_ATTEMPT_STATUS_ERROR"}],
        }});
        assert_eq!(serde_json::to_value(OneJob::from(Some(job))).unwrap(), expected);
    }
}
