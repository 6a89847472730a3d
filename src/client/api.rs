//! The calls to a deployment, one function each: plain data in, plain data out.
//!
//! Everything that comes back is cleaned. Reads may be retried, changes never are.

pub(crate) mod access;
mod deletion;
pub(crate) mod fleet;
mod freshness;
mod ingest;
mod jobs;
mod offers;
pub(super) mod own;
pub(crate) mod quarantine;
#[cfg(test)]
mod sending;
mod streams;

pub use ingest::Ingested;
pub use jobs::KnownJobs;
pub(super) use jobs::{Known, Listing, Table};
use offers::Learnt;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use prost::Message;
use tokio::sync::mpsc::UnboundedSender;

use super::endpoint::Endpoint;
use super::error::{Error, Kind};
use super::message::Sent;
use super::reply::Sealed;
use super::scrub::Scrub;
use super::serves::{Offer, Part};
use super::transport::Transport;
use crate::model::{FeatureVector, FeatureVectors, FeatureView, Id, Value, Workspace};
use crate::wire::convert as c;
use crate::wire::features::{
    DescribeParameters, DescribeRequest, GET_FEATURES_PATH, GetFeaturesRequest, GetFeaturesResponse, Locator,
    METADATA_PATH, MetadataOptions, Parameters, QUERY_FEATURES_PATH, QueryFeaturesResponse, ServiceMetadata, WILDCARD,
};
use crate::wire::proto::common::{Empty, FcoLocator};
use crate::wire::proto::objects as o;
use crate::wire::proto::status as s;
use crate::wire::proto::view as v;
use crate::wire::proto::workspace as w;
use crate::wire::rpc;

/// For how long a read is tried again.
const TRIES: Duration = Duration::from_secs(10);
/// For how long a deployment is believed that it does not have a part.
const BELIEF: Duration = Duration::from_secs(300);

/// What the deployment says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Path below the base of what the protocol has no call for; absent where the deployment has none of it.
    pub own_api: Option<String>,
    /// What it wants shown, such as errors in its repository.
    pub notices: Vec<String>,
    /// What is wrong with feature views that it does not have although they are defined, by name.
    pub refused: BTreeMap<String, Vec<String>>,
}

impl Deployment {
    /// The sentence about errors in its definitions; none where there are none.
    pub fn errors(&self) -> Option<String> {
        let more = self.notices.len().saturating_sub(NAMED);
        let named = self.notices.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        (!named.is_empty()).then(|| format!("Definitions of the deployment have errors: {named}{more}"))
    }
}

/// Errors of definitions that a message names.
const NAMED: usize = 5;

/// A deployment's calls.
#[derive(Clone, Debug)]
pub struct Api {
    transport: Transport,
    retries: usize,
    /// For how long the deployment is believed that it does not have a part.
    belief: Duration,
    /// What the deployment turned out to be and to serve; clones share it.
    learnt: Arc<Mutex<Learnt>>,
}

impl Api {
    /// The calls of that deployment; nothing is sent yet.
    ///
    /// # Errors
    /// When HTTP cannot be set up at all.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        Ok(Self { transport: Transport::new(endpoint)?, retries: 0, belief: BELIEF, learnt: Arc::default() })
    }

    /// Makes reads that do not get through be tried so many times more, within a few seconds.
    #[must_use]
    pub fn with_retries(self, retries: usize) -> Self {
        Self { retries, ..self }
    }

    /// The same, telling of the changes that are sent.
    #[must_use]
    pub(super) fn telling(self, sent: UnboundedSender<Sent>) -> Self {
        Self { transport: self.transport.telling(sent), ..self }
    }

    /// The same, believing for so long that the deployment does not have a part.
    #[must_use]
    pub(super) fn believing(self, belief: Duration) -> Self {
        Self { belief, ..self }
    }

    /// Where the calls go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.transport.endpoint
    }

    /// What the deployment is; needs a valid key, so it is the probe for "is this address and key good".
    pub async fn deployment(&self) -> Result<Deployment, Error> {
        self.probe(false).await
    }

    /// As [`Api::deployment`]; `back`: it was away, so that what it was known to serve is forgotten once it answers.
    pub(super) async fn probe(&self, back: bool) -> Result<Deployment, Error> {
        let answer: Result<w::GetConfigsResponse, Error> = self.read(rpc::GET_CONFIGS, &Empty {}).await;
        if back && matches!(&answer, Ok(_) | Err(Error { kind: Kind::Forbidden | Kind::Unimplemented, .. })) {
            self.renew();
        }
        // It told before what it is: one refusal does not make it another one.
        if let (Err(Error { kind: Kind::Forbidden | Kind::Unimplemented, .. }), Some(known)) =
            (&answer, self.learnt().deployment.clone())
        {
            return Ok(known);
        }
        let answer = match answer {
            // The key is known and may do less than this; what it may do shows with each read (docs/wire.md
            // section 1.8).
            Err(error) if error.kind == Kind::Forbidden => {
                self.note_own(Offer::Forbidden(error.problem));
                return Ok(Deployment::default());
            }
            Err(error) if error.kind == Kind::Answered => return Err(Error { kind: Kind::Refused, ..error }),
            Err(error) if error.passes() && error.kind != Kind::Foreign => {
                return Err(Error { kind: Kind::Unreachable, ..error });
            }
            Err(error) if error.kind == Kind::Unimplemented => (w::GetConfigsResponse::default(), false),
            other => (other?, true),
        };
        let (answer, answered) = answer;
        let mut deployment = Deployment::default();
        for (key, value) in c::configs_from_proto(&answer) {
            match key.as_str() {
                "FVTOP_API" => deployment.own_api = Some(value),
                "FVTOP_NOTICES" => {
                    deployment.notices = value.lines().map(|line| line.to_owned().scrubbed()).collect();
                }
                "FVTOP_REFUSED" => {
                    let refused: BTreeMap<String, Vec<String>> = serde_json::from_str(&value).unwrap_or_default();
                    let lines = |lines: Vec<String>| lines.into_iter().map(Scrub::scrubbed).collect();
                    deployment.refused =
                        refused.into_iter().map(|(name, errors)| (name.scrubbed(), lines(errors))).collect();
                }
                _ => {}
            }
        }
        match deployment.own_api {
            None => self.note_own_missing(),
            Some(_) => self.note_own_there(),
        }
        if answered {
            self.learnt().deployment = Some(deployment.clone());
        }
        Ok(deployment)
    }

    /// All workspaces.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, Error> {
        let answer: w::ListWorkspacesResponse = self.read(rpc::LIST_WORKSPACES, &Empty {}).await?;
        Ok(answer.workspaces.iter().map(|workspace| c::workspace_from_proto(workspace).scrubbed()).collect())
    }

    /// All feature views of a workspace, in the deployment's order.
    pub async fn feature_views(&self, workspace: &str) -> Result<Vec<FeatureView>, Error> {
        let request = v::QueryFeatureViewsRequest {
            workspace: Some(workspace.to_owned()),
            disable_legacy_response: Some(true),
            ..Default::default()
        };
        let answer: v::QueryFeatureViewsResponse = self.read(rpc::QUERY_FEATURE_VIEWS, &request).await?;
        Ok(c::feature_views(&answer.fco_container.unwrap_or_default()).scrubbed())
    }

    /// One feature view by name, or by its id of 32 digits.
    pub async fn feature_view(&self, workspace: &str, name: &str) -> Result<FeatureView, Error> {
        let request = v::GetFeatureViewRequest {
            version_specifier: Some(name.to_owned()),
            workspace: Some(workspace.to_owned()),
            disable_legacy_response: Some(true),
            ..Default::default()
        };
        let answer: v::GetFeatureViewResponse = self.read(rpc::GET_FEATURE_VIEW, &request).await?;
        let found = c::feature_views(&answer.fco_container.unwrap_or_default()).into_iter().next();
        match found {
            Some(found) => Ok(found.scrubbed()),
            None => Err(self.no_view(workspace, name).await),
        }
    }

    /// Why there is no such view: its definition may be refused.
    async fn no_view(&self, workspace: &str, name: &str) -> Error {
        // Who may not ask that is told less.
        let mut deployment = self.deployment().await.unwrap_or_default();
        let missing = |what: String, hint: &str| Error::new(Kind::Answered, what, hint);
        if let Some(lines) = deployment.refused.remove(name).filter(|lines| !lines.is_empty()) {
            let what = format!("The feature view `{name}` is refused: {}", lines.join("; "));
            return missing(what, "Correct the definition and start the deployment again.");
        }
        let what = format!("There is no feature view `{name}` in workspace `{workspace}`.");
        match deployment.errors() {
            None => missing(what, "`fvtop views` lists those there are."),
            Some(errors) => missing(format!("{what} {errors}"), "`fvtop views` lists the views there are."),
        }
    }

    /// The names of a source's columns; none where the deployment does not know them.
    pub(crate) async fn source_columns(&self, workspace: &str, source: &str) -> Result<Vec<String>, Error> {
        let request = o::GetVirtualDataSourceRequest {
            name: Some(source.to_owned()),
            workspace: Some(workspace.to_owned()),
            ..Default::default()
        };
        let answer: o::GetVirtualDataSourceResponse = self.read(rpc::GET_VIRTUAL_DATA_SOURCE, &request).await?;
        let mut found = answer.fco_container.unwrap_or_default().fcos.into_iter();
        let schema = found.find_map(|fco| fco.virtual_data_source?.stream_data_source?.spark_schema);
        let names = schema.unwrap_or_default().fields.into_iter().filter_map(|field| field.name);
        Ok(names.collect::<Vec<_>>().scrubbed())
    }

    /// The rows of a view's summary.
    pub async fn summary(&self, workspace: &str, id: Id) -> Result<Vec<(String, String)>, Error> {
        let request = s::GetFeatureViewSummaryRequest { fco_locator: Some(locator(workspace, id)) };
        let answer: s::GetFeatureViewSummaryResponse = self.read(rpc::GET_FEATURE_VIEW_SUMMARY, &request).await?;
        Ok(c::summary_rows(&answer.fco_summary.unwrap_or_default()).scrubbed())
    }

    /// One feature vector of a view or service from the online store. Keys travel as text; the deployment reads them by
    /// their types.
    pub async fn lookup(
        &self,
        workspace: &str,
        of: Locator,
        keys: &[(String, String)],
    ) -> Result<FeatureVector, Error> {
        let call = self.features(GET_FEATURES_PATH, workspace, of, keys);
        let answer: GetFeaturesResponse = self.noted(Some(Part::Online), call).await?;
        Ok(c::vector_from_response(&answer, as_texts(keys)).scrubbed())
    }

    /// One feature vector for each value of the wildcard key, which is left out of `keys`. Keys travel as in
    /// [`Api::lookup`].
    pub async fn query(
        &self,
        workspace: &str,
        of: Locator,
        keys: &[(String, String)],
    ) -> Result<FeatureVectors, Error> {
        let call = self.features(QUERY_FEATURES_PATH, workspace, of, keys);
        let answer: QueryFeaturesResponse = self.noted(Some(Part::Wildcard), call).await?;
        Ok(c::vectors_from_response(&answer, &as_texts(keys)).scrubbed())
    }

    /// The join key that lookups of a feature service may leave out, if it has one.
    pub async fn wildcard_key_of_service(&self, workspace: &str, service: &str) -> Result<Option<String>, Error> {
        let params = DescribeParameters { workspace_name: workspace.to_owned(), locator: Locator::service(service) };
        let request = DescribeRequest { params };
        let answer: ServiceMetadata = self.persist(|| self.transport.ask_features(METADATA_PATH, &request)).await?;
        let wildcard = answer.output_join_keys.into_iter().next().filter(|_| answer.feature_service_type == WILDCARD);
        Ok(wildcard.map(|key| key.name.scrubbed()))
    }

    /// One call of the feature server, with everything it has to say.
    async fn features<A: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        workspace: &str,
        of: Locator,
        keys: &[(String, String)],
    ) -> Result<A, Error> {
        let params = Parameters {
            workspace_name: workspace.to_owned(),
            locator: of,
            join_key_map: keys.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect(),
            metadata_options: MetadataOptions::ALL,
            ..Default::default()
        };
        let request = GetFeaturesRequest { params };
        self.persist(|| self.transport.ask_features(path, &request)).await
    }

    /// Opens the tail of a view's stream; `own_api` is the path that [`Api::deployment`] told.
    pub(super) async fn open_tail(
        &self,
        own_api: &str,
        workspace: &str,
        feature_view: &str,
        backlog: usize,
    ) -> Result<reqwest::Response, Error> {
        let path = format!("{}/run-stream", own_api.trim_matches('/'));
        let backlog = backlog.to_string();
        let query = [("workspace", workspace), ("feature_view", feature_view), ("backlog", backlog.as_str())];
        self.noted(Some(Part::StreamTail), self.transport.open(&path, &query)).await
    }

    async fn read<M: Message + Default + Send + 'static>(
        &self,
        method: &str,
        request: &impl Message,
    ) -> Result<M, Error> {
        let call = || self.transport.call(method, request);
        self.noted(offers::part_of(method), self.persist(call)).await
    }

    /// A read whose answer is not decoded yet.
    async fn sealed(&self, method: &str, request: &impl Message) -> Result<Sealed, Error> {
        let call = || self.transport.sealed(method, request);
        self.noted(offers::part_of(method), self.persist(call)).await
    }

    /// Makes a read, tried again where it does not get through: with growing pauses and jitter, or the pause that the
    /// deployment asks for, and not for longer than a few seconds in all.
    async fn persist<T, F: Future<Output = Result<T, Error>>>(&self, call: impl FnMut() -> F) -> Result<T, Error> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(250))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(self.retries)
            .with_jitter();
        let begun = Instant::now();
        let pause = move |error: &Error, pause: Option<Duration>| {
            let pause = pause?.max(error.granted_wait());
            (begun.elapsed() + pause < TRIES).then_some(pause)
        };
        call.retry(pauses).when(Error::may_get_through).adjust(pause).await
    }
}

fn as_texts(keys: &[(String, String)]) -> Vec<(String, Value)> {
    keys.iter().map(|(key, value)| (key.clone(), Value::Text(value.clone()))).collect()
}

fn locator(workspace: &str, id: Id) -> FcoLocator {
    FcoLocator { name: None, id: Some(c::id_to_proto(id)), workspace: Some(workspace.to_owned()) }
}
