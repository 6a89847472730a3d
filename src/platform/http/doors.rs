//! The doors: every path there is, what it needs, how long it may take, and who answers.
//!
//! A door is data, so that none is without a right, or without what the audit log says of a change through it. Nothing
//! is decided here but which paths there are.

use axum::routing::{MethodFilter, MethodRouter, on};

use super::app::App;
use super::{
    access_doors, datasets, features, ingest, metrics, proxy, quarantine, queries, rest, run_stream, streams, uploads,
};
use crate::model::Right::{
    self, AnyKey, IngestRecords, ListServiceAccounts, ManageServiceAccounts, ReadConfig, ReadFeatures,
    ReadMaterializationState, UpdateMaterializationState,
};

use Entry::{Changes, Envelope, Open, Reads, Secret, Takes};
use Pace::{Frames, JoinKeyFiles, Records, Soon};
use Verb::{Delete, Get, Post, Put};

/// One path by one HTTP method.
pub(super) struct Door {
    /// The HTTP method that it takes; others are refused.
    pub verb: Verb,
    /// The path, with and without `/api` in front of it; parts in braces stand for anything.
    pub path: &'static str,
    /// Who may go through, and what is written down of it.
    pub entry: Entry,
    /// How long it may take, and how many at a time.
    pub pace: Pace,
    handler: fn(MethodFilter) -> MethodRouter<App>,
}

/// The HTTP methods of the doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// Who may go through a door, and what is written down of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Anybody, without an API key.
    Open,
    /// Whoever has a key with that right, in the HTTP header. Nothing is changed, and it stands in no log.
    Reads(Right),
    /// Whoever has a key with that right, in the HTTP header. It stands in the audit log, with these members of the
    /// body.
    Changes(Right, &'static [&'static str]),
    /// Whoever has a key with that right, in the HTTP header. Events are taken into the log of their source, which is
    /// the record of it: they would flood the audit log.
    Takes(Right),
    /// The key is in the envelope, and the right is that of the call inside (`calls.rs`).
    Envelope,
    /// The address is a secret of its own.
    Secret,
}

/// How long a door may take, and how many requests at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Answered soon. The limit is for the beginning of an answer: rows and tails may go on for as long as they take.
    Soon,
    /// Answered soon; may bring more than other requests.
    Records,
    /// Uploads of tables: few at a time, for each is held whole.
    Frames,
    /// Uploads of join keys that are to be deleted.
    JoinKeyFiles,
}

impl Door {
    /// What answers at this door.
    pub(super) fn handler(&self) -> MethodRouter<App> {
        (self.handler)(self.verb.filter())
    }
}

/// Members of the body of a call about jobs that the audit log has, beside workspace and view.
const JOB: &[&str] = &["job_id", "start_time", "end_time", "online", "offline", "overwrite"];
/// Members of the body of an API key that is to be made.
const API_KEY: &[&str] = &["name", "role"];

/// A path of the second form, which names the feature service (docs/wire.md section 3.2).
macro_rules! of_service {
    ($call:literal) => {
        concat!("/v2/workspaces/{workspace}/feature-services/{service}/", $call)
    };
}

/// Verb, path, entry, pace and handler of each door.
macro_rules! doors {
    ($($verb:ident $path:expr, $entry:expr, $pace:ident, $handler:path;)+) => {
        /// All doors, in the order that docs/keys.md shows them.
        pub(crate) const ALL: &[Door] = &[$(
            Door { verb: $verb, path: $path, entry: $entry, pace: $pace, handler: |verb| on(verb, $handler) }
        ),+];
    };
}

doors! {
    Post "/proxy", Envelope, Soon, proxy::handle;
    Post "/v1/feature-service/get-features", Reads(ReadFeatures), Soon, features::get;
    Post "/v1/feature-service/query-features", Reads(ReadFeatures), Soon, features::query;
    Post "/v1/feature-service/get-features-batch", Reads(ReadFeatures), Soon, features::batch;
    Post "/v1/feature-service/metadata", Reads(ReadConfig), Soon, features::metadata;
    Post of_service!("get-features"), Reads(ReadFeatures), Soon, features::get_of_path;
    Post of_service!("get-features-batch"), Reads(ReadFeatures), Soon, features::batch_of_path;
    Get of_service!("metadata"), Reads(ReadConfig), Soon, features::metadata_of_path;
    Post of_service!("metadata"), Reads(ReadConfig), Soon, features::metadata_of_path;
    Post "/ingest", Takes(IngestRecords), Records, ingest::handle;
    Get "/v1/fvtop/run-stream", Reads(ReadFeatures), Soon, run_stream::handle;
    // One whose result is to be kept changes something: `queries.rs` asks for that right and writes the entry.
    Post "/v1/fvtop/queries", Reads(ReadFeatures), Soon, queries::submit;
    Get "/v1/fvtop/queries/{id}", Reads(ReadFeatures), Soon, queries::status;
    Delete "/v1/fvtop/queries/{id}", Reads(ReadFeatures), Soon, queries::cancel;
    Get "/v1/fvtop/queries/{id}/rows", Reads(ReadFeatures), Soon, queries::rows;
    Get "/v1/fvtop/datasets", Reads(ReadFeatures), Soon, datasets::list;
    Get "/v1/fvtop/datasets/{name}", Reads(ReadFeatures), Soon, datasets::describe;
    Get "/v1/fvtop/datasets/{name}/rows", Reads(ReadFeatures), Soon, datasets::rows;
    Post "/v1/jobs/submit-materialization-job", Changes(UpdateMaterializationState, JOB), Soon, rest::submit;
    Post "/v1/jobs/get-materialization-job", Reads(ReadMaterializationState), Soon, rest::get;
    Post "/v1/jobs/cancel-materialization-job", Changes(UpdateMaterializationState, JOB), Soon, rest::cancel;
    Post "/v1/jobs/list-materialization-jobs", Reads(ReadMaterializationState), Soon, rest::list;
    Post "/v1/jobs/get-latest-ready-time", Reads(ReadMaterializationState), Soon, rest::latest_ready_time;
    Post "/v1/jobs/ingest-dataframe", Reads(AnyKey), Soon, rest::no_feature_tables;
    Post "/v1/jobs/get-dataframe-info", Reads(AnyKey), Soon, rest::no_feature_tables;
    Post "/v1/metadata-service/get-login-configs", Open, Soon, rest::login_configs;
    Get "/v1/observability/metrics", Reads(ReadMaterializationState), Soon, metrics::handle;
    Get "/v1/fvtop/streams", Reads(ReadMaterializationState), Soon, streams::list;
    Post "/v1/fvtop/streams/restart", Changes(UpdateMaterializationState, &["from", "dry_run"]), Soon, streams::restart;
    Get "/v1/fvtop/keys", Reads(ListServiceAccounts), Soon, access_doors::list;
    Post "/v1/fvtop/keys", Changes(ManageServiceAccounts, API_KEY), Soon, access_doors::create;
    Delete "/v1/fvtop/keys/{id}", Changes(ManageServiceAccounts, &[]), Soon, access_doors::revoke;
    Get "/v1/fvtop/audit", Reads(ListServiceAccounts), Soon, access_doors::audit;
    Get "/v1/fvtop/quarantine", Reads(ReadMaterializationState), Soon, quarantine::list;
    Get "/v1/fvtop/quarantine/{id}", Reads(ReadFeatures), Soon, quarantine::show;
    Post "/v1/fvtop/quarantine/retry", Changes(UpdateMaterializationState, quarantine::LOGGED), Soon, quarantine::retry;
    Post "/v1/fvtop/quarantine/drop", Changes(UpdateMaterializationState, quarantine::LOGGED), Soon,
        quarantine::drop_records;
    Post "/v1/fvtop/frames", Reads(ReadFeatures), Frames, queries::upload;
    Put "/v1/fvtop/uploads/{secret}", Secret, JoinKeyFiles, uploads::receive;
}

/// What is written down of a door is as its right asks for.
const _: () = {
    let mut doors = ALL;
    while let [door, rest @ ..] = doors {
        let fits = match door.entry {
            Reads(right) => !right.changes() && !matches!(right, Right::Public),
            Changes(right, _) => right.changes(),
            Takes(right) => matches!(right, Right::IngestRecords),
            Open | Envelope | Secret => true,
        };
        assert!(fits, "the entry of a door is of another kind than its right");
        doors = rest;
    }
};
