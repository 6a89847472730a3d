//! One HTTP request and its answer: the envelope around messages, and plain JSON.
//!
//! Knows nothing of what is asked. Redirections are not followed, for the key is in the body.

use std::time::{Duration, Instant};

use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::bytes::Bytes;
use url::Url;

use super::endpoint::{Endpoint, Identity};
use super::error::{Error, Kind};
use super::message::Sent;
use super::reply::{Reply, Sealed};
use crate::wire::proxy::{self, Metadata};

/// Limit for connecting.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// Limit for a read.
pub(super) const READ: Duration = Duration::from_secs(10);
/// Limit for a call that changes something: it should not be given up while it may still be taken.
pub(super) const CHANGE: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const LARGEST: usize = 256 * 1024 * 1024;

/// An answer that is larger is worked on by a blocking thread.
const LARGE: usize = 256 * 1024;

/// Sends requests to one deployment.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    /// For reads, over kept connections.
    http: reqwest::Client,
    /// For changes, each over a connection of its own: one that was kept may be dead, and a change must not be sent twice.
    once: reqwest::Client,
    pub(super) endpoint: Endpoint,
    label: String,
    /// Who wants to know of the changes that are sent.
    sent: Option<UnboundedSender<Sent>>,
}

impl Transport {
    pub(super) fn new(endpoint: Endpoint) -> Result<Self, Error> {
        let builder = || {
            let builder = reqwest::Client::builder()
                .connect_timeout(CONNECT)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .user_agent(concat!("fvtop/", env!("CARGO_PKG_VERSION")));
            let builder = match &endpoint.identity {
                Some(Identity(identity)) => builder.identity(identity.clone()),
                None => builder,
            };
            if endpoint.is_local() { builder.no_proxy() } else { builder }
        };
        let failed = |error: reqwest::Error| {
            Error::new(Kind::Refused, format!("HTTP cannot be set up: {error}."), "Check the system's certificates.")
        };
        let http = builder().build().map_err(failed)?;
        let once = builder().pool_max_idle_per_host(0).build().map_err(failed)?;
        let label = endpoint.label();
        Ok(Self { http, once, endpoint, label, sent: None })
    }

    /// The same, telling of the changes that are sent.
    pub(super) fn telling(self, sent: UnboundedSender<Sent>) -> Self {
        Self { sent: Some(sent), ..self }
    }

    /// The deployment's name in messages.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// One read through the envelope.
    pub(super) async fn call<M: Message + Default + Send + 'static>(
        &self,
        method: &str,
        message: &impl Message,
        limit: Duration,
    ) -> Result<M, Error> {
        let sealed = self.ask(&self.http, method, &request_id(), message, limit).await?;
        heavy(sealed.len(), move || sealed.decode()).await
    }

    /// One read through the envelope, its answer not decoded yet.
    pub(super) async fn sealed(&self, method: &str, message: &impl Message) -> Result<Sealed, Error> {
        self.ask(&self.http, method, &request_id(), message, READ).await
    }

    /// One change through the envelope, sent once. A failure says whether it may have been taken.
    pub(super) async fn change<M: Message + Default>(&self, method: &str, message: &impl Message) -> Result<M, Error> {
        let (request, begun) = (request_id(), Instant::now());
        let asked = self.ask(&self.once, method, &request, message, CHANGE).await;
        let done = asked.and_then(|sealed| sealed.decode()).map_err(Error::maybe_taken);
        if let Some(sent) = &self.sent {
            let call = method.rsplit('/').next().unwrap_or(method).to_owned();
            let problem = done.as_ref().err().map(|error: &Error| error.problem.clone());
            // Whoever wanted to know may have ended.
            let _ = sent.send(Sent { call, request, took: begun.elapsed(), problem });
        }
        done
    }

    async fn ask(
        &self,
        http: &reqwest::Client,
        method: &str,
        id: &str,
        message: &impl Message,
        limit: Duration,
    ) -> Result<Sealed, Error> {
        let request = proxy::Request::new(method, self.metadata(id), message);
        let reply = self.send(http.post(self.endpoint.join(proxy::PATH)).json(&request), limit).await?;
        let label = self.label.clone();
        heavy(reply.body.len(), move || reply.open(&label)).await
    }

    /// One question to the feature server, which takes an API key alone; a refusal's own code is honoured (wire section 3.3).
    pub(super) async fn ask_features<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, Error> {
        let key = self.endpoint.feature_key.as_ref().ok_or_else(|| {
            let what = "The feature server takes an API key alone, and only the token of a login is configured.";
            Error::new(Kind::Forbidden, what, "Set TECTON_API_KEY, or give a file with --api-key-file.")
        })?;
        let call = self.http.post(self.endpoint.join_feature(path)).header("authorization", key.reveal());
        let call = call.header("x-request-id", request_id());
        self.send(call.json(body), READ).await?.read(&self.label)
    }

    /// One POST of bytes, answered with JSON.
    pub(super) async fn post_bytes<A: DeserializeOwned>(
        &self,
        path: &str,
        body: Bytes,
        content_type: &str,
        limit: Duration,
    ) -> Result<A, Error> {
        let call = self.http.post(self.endpoint.join(path)).header("content-type", content_type);
        self.json(call.body(body), limit).await
    }

    /// One GET, answered with JSON.
    pub(super) async fn get<A: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        limit: Duration,
    ) -> Result<A, Error> {
        let mut url = self.endpoint.join(path);
        url.query_pairs_mut().extend_pairs(query);
        self.json(self.http.get(url), limit).await
    }

    /// One DELETE, answered with JSON.
    pub(super) async fn delete<A: DeserializeOwned>(&self, path: &str, limit: Duration) -> Result<A, Error> {
        self.json(self.http.delete(self.endpoint.join(path)), limit).await
    }

    /// One POST of JSON that changes or starts something, sent once.
    pub(super) async fn post_once<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, Error> {
        self.json(self.once.post(self.endpoint.join(path)).json(body), CHANGE).await
    }

    /// One DELETE that changes something, sent once.
    pub(super) async fn delete_once<A: DeserializeOwned>(&self, path: &str) -> Result<A, Error> {
        self.json(self.once.delete(self.endpoint.join(path)), CHANGE).await
    }

    /// One PUT to an address that is a secret of its own: it gets no key of ours, and no message names it. Only HTTP 200 is a
    /// success (wire section 2.6).
    pub(super) async fn put(&self, url: Url, body: Bytes, limit: Duration) -> Result<(), Error> {
        let failed = |error: reqwest::Error| Error::from_http(&error.without_url(), &self.label, limit);
        let response = self.http.put(url).body(body).timeout(limit).send().await.map_err(failed)?;
        let code = response.status().as_u16();
        if code == 200 {
            return Ok(());
        }
        // What a store of files answers may quote the address: it is not shown.
        let what = format!("The place that {} gave for the keys answered HTTP {code}.", self.label);
        let kind = if matches!(code, 429 | 502..=504) { Kind::Unreachable } else { Kind::Failed };
        Err(Error::new(kind, what, "Nothing was deleted; try again."))
    }

    async fn json<A: DeserializeOwned>(&self, call: reqwest::RequestBuilder, limit: Duration) -> Result<A, Error> {
        let call = call.header("authorization", self.endpoint.key.reveal()).header("x-request-id", request_id());
        self.send(call, limit).await?.read(&self.label)
    }

    /// The bytes of an answer of any length up to `largest`; only a silence is limited, not the whole.
    pub(super) async fn fetch(&self, path: &str, query: &[(&str, &str)], largest: usize) -> Result<Vec<u8>, Error> {
        let response = self.open(path, query).await?;
        self.pieces(response, largest, Some(READ)).await
    }

    /// Opens an answer that is read piece by piece; there is no limit for the whole of it.
    pub(super) async fn open(&self, path: &str, query: &[(&str, &str)]) -> Result<reqwest::Response, Error> {
        let mut url = self.endpoint.join(path);
        url.query_pairs_mut().extend_pairs(query);
        let call = self.http.get(url).header("authorization", self.endpoint.key.reveal());
        let opening = tokio::time::timeout(READ, call.send()).await;
        let response = opening.map_err(|_| self.late())?.map_err(|e| Error::from_http(&e, &self.label, READ))?;
        if response.status().as_u16() == 200 {
            return Ok(response);
        }
        let reply = tokio::time::timeout(READ, self.reply(response)).await.map_err(|_| self.late())??;
        Err(reply.refusal(&self.label))
    }

    async fn send(&self, call: reqwest::RequestBuilder, limit: Duration) -> Result<Reply, Error> {
        let failed = |error: reqwest::Error| Error::from_http(&error, &self.label, limit);
        self.reply(call.timeout(limit).send().await.map_err(failed)?).await
    }

    async fn reply(&self, response: reqwest::Response) -> Result<Reply, Error> {
        let reply = Reply::new(response.status().as_u16(), response.headers());
        Ok(Reply { body: self.pieces(response, LARGEST, None).await?, ..reply })
    }

    /// The body, piece by piece; `silence` is the longest time between two of them.
    async fn pieces(
        &self,
        mut response: reqwest::Response,
        largest: usize,
        silence: Option<Duration>,
    ) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        loop {
            let piece = match silence {
                Some(limit) => tokio::time::timeout(limit, response.chunk()).await.map_err(|_| self.late())?,
                None => response.chunk().await,
            };
            let Some(piece) = piece.map_err(|e| Error::from_http(&e, &self.label, READ))? else { return Ok(body) };
            if body.len() + piece.len() > largest {
                let what = format!("{} sent more than {} MiB in one answer.", self.label, largest >> 20);
                return Err(Error::new(Kind::Answered, what, "Ask for less."));
            }
            body.extend_from_slice(&piece);
        }
    }

    /// Nothing came for too long.
    fn late(&self) -> Error {
        let what = format!("{} has not answered within {} s.", self.label, READ.as_secs());
        Error::new(Kind::Unreachable, what, "It may be busy or stalled: look at the deployment itself.")
    }

    /// Metadata of a request (wire section 1.2).
    fn metadata(&self, id: &str) -> Metadata {
        let workspace = self.endpoint.workspace.as_deref().unwrap_or("prod");
        let pairs = [
            ("authorization", self.endpoint.key.reveal()),
            ("x-request-id", id.to_owned()),
            ("x-workspace", workspace.to_owned()),
            ("x-tecton-client-version", env!("CARGO_PKG_VERSION").to_owned()),
            ("host", self.label.clone()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), proxy::OneOrMany::One(value))).collect()
    }
}

/// A new name for a request (wire section 1.2).
fn request_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Does work on that many bytes where it holds up nobody.
pub(super) async fn heavy<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    if bytes < LARGE { work() } else { blocking(work).await? }
}

/// Runs on a blocking thread; a panic there is an error here.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        let what = format!("An answer or a table could not be worked on: {error}.");
        Error::new(Kind::Failed, what, "This is a defect of the program.")
    })
}
