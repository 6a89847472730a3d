//! The doors: every path there is, what it needs, how long it may take, and who answers.
//!
//! A door is data, so that no path is without a right. Nothing is decided here but which paths there are.

use axum::routing::{MethodFilter, MethodRouter, on};

use super::{App, access_doors, datasets, features, metrics, proxy, queries, rest, run_stream, uploads};
use crate::model::Right;

/// One path by one HTTP method.
pub struct Door {
    /// The HTTP method.
    pub verb: Verb,
    /// The path, with and without `/api` in front of it; parts in braces stand for anything.
    pub path: &'static str,
    /// Who may go through.
    pub entry: Entry,
    /// How long it may take, and how many at a time.
    pub pace: Pace,
    handler: fn(MethodFilter) -> MethodRouter<App>,
}

/// The HTTP methods of the doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Asks, or changes something.
    Post,
    /// Sends a file.
    Put,
    /// Cancels or revokes.
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

/// Who may go through a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Whoever has a key with that right, in the HTTP header.
    Key(Right),
    /// The key is in the envelope, and the right is that of the call inside (`wire::rpc`).
    Envelope,
    /// The address is a secret of its own.
    Secret,
}

/// How long a door may take, and how many requests at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Answered soon. The limit is for the beginning of an answer: rows and tails may go on for as long as they take.
    Soon,
    /// Uploads of tables: few at a time, for each is held whole.
    Frames,
    /// Uploads of keys that are to be deleted.
    KeysIn,
}

impl Door {
    fn new(verb: Verb, path: &'static str, right: Right, handler: fn(MethodFilter) -> MethodRouter<App>) -> Self {
        Self { verb, path, entry: Entry::Key(right), pace: Pace::Soon, handler }
    }

    /// What answers at this door.
    pub fn handler(&self) -> MethodRouter<App> {
        (self.handler)(self.verb.filter())
    }
}

/// A path of the second form, which names the feature service (docs/wire.md section 3.2).
macro_rules! of_service {
    ($call:literal) => {
        concat!("/v2/workspaces/{workspace}/feature-services/{service}/", $call)
    };
}

/// All of them.
pub fn all() -> Vec<Door> {
    use Right::{
        AnyKey, ListServiceAccounts, ManageServiceAccounts, ReadConfig, ReadFeatures, ReadMaterializationState,
        UpdateMaterializationState,
    };
    use Verb::{Delete, Get, Post, Put};
    let door = Door::new;
    vec![
        Door { entry: Entry::Envelope, ..door(Post, "/proxy", Right::Public, |m| on(m, proxy::handle)) },
        door(Post, "/v1/feature-service/get-features", ReadFeatures, |m| on(m, features::get)),
        door(Post, "/v1/feature-service/query-features", ReadFeatures, |m| on(m, features::query)),
        door(Post, "/v1/feature-service/get-features-batch", ReadFeatures, |m| on(m, features::batch)),
        door(Post, "/v1/feature-service/metadata", ReadConfig, |m| on(m, features::metadata)),
        door(Post, of_service!("get-features"), ReadFeatures, |m| on(m, features::get_of_path)),
        door(Post, of_service!("get-features-batch"), ReadFeatures, |m| on(m, features::batch_of_path)),
        door(Get, of_service!("metadata"), ReadConfig, |m| on(m, features::metadata_of_path)),
        door(Post, of_service!("metadata"), ReadConfig, |m| on(m, features::metadata_of_path)),
        door(Get, "/v1/fvtop/run-stream", ReadFeatures, |m| on(m, run_stream::handle)),
        door(Post, "/v1/fvtop/queries", ReadFeatures, |m| on(m, queries::submit)),
        door(Get, "/v1/fvtop/queries/{id}", ReadFeatures, |m| on(m, queries::status)),
        door(Delete, "/v1/fvtop/queries/{id}", ReadFeatures, |m| on(m, queries::cancel)),
        door(Get, "/v1/fvtop/queries/{id}/rows", ReadFeatures, |m| on(m, queries::rows)),
        door(Get, "/v1/fvtop/datasets", ReadFeatures, |m| on(m, datasets::list)),
        door(Get, "/v1/fvtop/datasets/{name}", ReadFeatures, |m| on(m, datasets::describe)),
        door(Get, "/v1/fvtop/datasets/{name}/rows", ReadFeatures, |m| on(m, datasets::rows)),
        door(Post, "/v1/jobs/submit-materialization-job", UpdateMaterializationState, |m| on(m, rest::submit)),
        door(Post, "/v1/jobs/get-materialization-job", ReadMaterializationState, |m| on(m, rest::get)),
        door(Post, "/v1/jobs/cancel-materialization-job", UpdateMaterializationState, |m| on(m, rest::cancel)),
        door(Post, "/v1/jobs/list-materialization-jobs", ReadMaterializationState, |m| on(m, rest::list)),
        door(Post, "/v1/jobs/get-latest-ready-time", ReadMaterializationState, |m| on(m, rest::latest_ready_time)),
        door(Post, "/v1/jobs/ingest-dataframe", AnyKey, |m| on(m, rest::no_feature_tables)),
        door(Post, "/v1/jobs/get-dataframe-info", AnyKey, |m| on(m, rest::no_feature_tables)),
        door(Post, "/v1/metadata-service/get-login-configs", Right::Public, |m| on(m, rest::login_configs)),
        door(Get, "/v1/observability/metrics", ReadMaterializationState, |m| on(m, metrics::handle)),
        door(Get, "/v1/fvtop/keys", ListServiceAccounts, |m| on(m, access_doors::list)),
        door(Post, "/v1/fvtop/keys", ManageServiceAccounts, |m| on(m, access_doors::create)),
        door(Delete, "/v1/fvtop/keys/{id}", ManageServiceAccounts, |m| on(m, access_doors::revoke)),
        door(Get, "/v1/fvtop/audit", ListServiceAccounts, |m| on(m, access_doors::audit)),
        Door { pace: Pace::Frames, ..door(Post, "/v1/fvtop/frames", ReadFeatures, |m| on(m, queries::upload)) },
        Door {
            entry: Entry::Secret,
            pace: Pace::KeysIn,
            ..door(Put, "/v1/fvtop/uploads/{secret}", Right::Public, |m| on(m, uploads::receive))
        },
    ]
}
