//! One HTTP request and its answer: the envelope around messages, and plain JSON.
//!
//! Knows nothing of what is asked. Redirections are not followed, for the key is in the body. An answer is given up
//! when nothing of it comes for too long, however long the whole of it takes; what is given up is taken back from the
//! link.

use std::time::{Duration, Instant};

use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::bytes::Bytes;
use url::Url;

use super::endpoint::{Endpoint, Identity};
use super::error::{Error, Kind};
use super::limits;
use super::message::Sent;
use super::reply::{Reply, Sealed};
use crate::wire::ingest::IDEMPOTENCY_KEY;
use crate::wire::proxy::{self, Metadata};

/// Limit for connecting.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// How many times shorter than for a great answer the patience with a plain one is.
const PLAIN: u32 = 12;
/// Limit for a call that changes something: it should not be given up while it may still be taken.
pub(super) const CHANGE: Duration = Duration::from_secs(30);
/// An answer that is larger is worked on by a blocking thread.
const LARGE: usize = 256 * 1024;

/// Sends requests to one deployment.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    /// For reads, over kept connections.
    http: reqwest::Client,
    /// For changes, each over a connection of its own: one that was kept may be dead, and a change must not be sent
    /// twice.
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
                .tls_certs_merge(endpoint.authorities.certificates())
                .user_agent(concat!("fvtop/", env!("CARGO_PKG_VERSION")));
            let builder = match &endpoint.identity {
                Some(Identity(identity)) => builder.identity(identity.clone()),
                None => builder,
            };
            let builder = if endpoint.is_local() { builder.no_proxy() } else { builder };
            // Neither a proxy nor a redirect leads to an encrypted connection: the system's certificates are not read,
            // which takes longer than all else that a command does before it asks.
            if endpoint.is_local() && endpoint.is_plain() { builder.tls_certs_only([]) } else { builder }
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
    ) -> Result<M, Error> {
        let sealed = self.sealed(method, message).await?;
        heavy(sealed.len(), move || sealed.decode()).await
    }

    /// One read through the envelope, its answer not decoded yet.
    pub(super) async fn sealed(&self, method: &str, message: &impl Message) -> Result<Sealed, Error> {
        let limit = if limits::is_great(method) { self.endpoint.patience } else { self.brief() };
        self.ask(&self.http, method, &request_id(), message, limit).await
    }

    /// How long a plain answer may take to begin, and to go on.
    pub(super) fn brief(&self) -> Duration {
        self.endpoint.patience / PLAIN
    }

    /// One change through the envelope, sent once. A failure says whether it may have been taken.
    pub(super) async fn change<M: Message + Default>(&self, method: &str, message: &impl Message) -> Result<M, Error> {
        let (request, begun) = (request_id(), Instant::now());
        let asked = self.ask(&self.once, method, &request, message, CHANGE).await;
        let done = asked.and_then(|sealed| sealed.decode()).map_err(Error::maybe_taken);
        if let Some(sent) = &self.sent {
            let call = crate::wire::rpc::name_in(method).to_owned();
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
        let call = http.post(self.endpoint.join(proxy::PATH)).json(&request);
        let reply = self.send(call, limit, limits::of_call(method), &self.label).await?;
        let label = self.label.clone();
        heavy(reply.body.len(), move || reply.open(&label)).await
    }

    /// One question to the feature server, which takes an API key alone; a refusal's own code is honoured (docs/wire.md
    /// section 3.3).
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
        let label = self.endpoint.feature_label();
        let answered = self.send(call.json(body), self.brief(), limits::of_path(path), &label).await;
        let answer = answered.and_then(|reply| reply.read(&label));
        answer.map_err(|error| if self.endpoint.has_own_features() { error.of_features() } else { error })
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
        self.json(path, call.body(body), limit).await
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
        self.json(path, self.http.get(url), limit).await
    }

    /// One DELETE, answered with JSON.
    pub(super) async fn delete<A: DeserializeOwned>(&self, path: &str, limit: Duration) -> Result<A, Error> {
        self.json(path, self.http.delete(self.endpoint.join(path)), limit).await
    }

    /// One POST of JSON that changes or starts something, sent once.
    pub(super) async fn post_once<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, Error> {
        self.json(path, self.once.post(self.endpoint.join(path)).json(body), CHANGE).await
    }

    /// Records for a stream, with the name by which they are known should they come again: so they may be sent again
    /// where no answer came.
    pub(super) async fn post_records(
        &self,
        path: &str,
        body: Bytes,
        name: &str,
        partial: bool,
    ) -> Result<Reply, Error> {
        let mut url = self.endpoint.join(path);
        if partial {
            url.query_pairs_mut().append_pair("partial", "true");
        }
        let call = self.http.post(url).header("content-type", "application/json").header(IDEMPOTENCY_KEY, name);
        let call = call.header("authorization", self.endpoint.key.reveal()).header("x-request-id", request_id());
        self.send(call.body(body), CHANGE, limits::of_path(path), &self.label).await
    }

    /// One DELETE that changes something, sent once.
    pub(super) async fn delete_once<A: DeserializeOwned>(&self, path: &str) -> Result<A, Error> {
        self.json(path, self.once.delete(self.endpoint.join(path)), CHANGE).await
    }

    /// One PUT to an address that is a secret of its own: it gets no key of ours, and no message names it. Only HTTP
    /// 200 is a success (docs/wire.md section 2.6).
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

    async fn json<A: DeserializeOwned>(
        &self,
        path: &str,
        call: reqwest::RequestBuilder,
        limit: Duration,
    ) -> Result<A, Error> {
        let call = call.header("authorization", self.endpoint.key.reveal()).header("x-request-id", request_id());
        self.send(call, limit, limits::of_path(path), &self.label).await?.read(&self.label)
    }

    /// The bytes of an answer of any length up to `largest`.
    pub(super) async fn fetch(&self, path: &str, query: &[(&str, &str)], largest: usize) -> Result<Vec<u8>, Error> {
        let response = self.open(path, query).await?;
        pieces(response, largest, self.brief(), &self.label).await
    }

    /// Opens an answer that is read piece by piece; there is no limit for the whole of it.
    pub(super) async fn open(&self, path: &str, query: &[(&str, &str)]) -> Result<reqwest::Response, Error> {
        let mut url = self.endpoint.join(path);
        url.query_pairs_mut().extend_pairs(query);
        let call = self.http.get(url).header("authorization", self.endpoint.key.reveal());
        let response = head(call, self.brief(), &self.label).await?;
        if response.status().as_u16() == 200 {
            return Ok(response);
        }
        Err(reply(response, limits::REFUSAL, self.brief(), &self.label).await?.refusal(&self.label))
    }

    /// `limit`: how long nothing may come. `largest`: most bytes of a good answer.
    async fn send(
        &self,
        call: reqwest::RequestBuilder,
        limit: Duration,
        largest: usize,
        label: &str,
    ) -> Result<Reply, Error> {
        reply(head(call, limit, label).await?, largest, limit, label).await
    }

    /// Metadata of a request (docs/wire.md section 1.2).
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

/// The head of an answer.
async fn head(call: reqwest::RequestBuilder, limit: Duration, label: &str) -> Result<reqwest::Response, Error> {
    let answered = tokio::time::timeout(limit, call.send()).await.map_err(|_| Error::silent(label, limit, 0))?;
    answered.map_err(|error| Error::from_http(&error, label, limit))
}

/// The whole of an answer; of a refusal, as much as is looked at.
async fn reply(response: reqwest::Response, largest: usize, limit: Duration, label: &str) -> Result<Reply, Error> {
    let reply = Reply::new(response.status().as_u16(), response.headers());
    let body = match reply.code {
        200 => pieces(response, largest, limit, label).await?,
        _ => beginning(response, limit, label).await?,
    };
    Ok(Reply { body, ..reply })
}

/// The next piece of a body; `before` are the bytes that came.
async fn piece(
    response: &mut reqwest::Response,
    before: usize,
    limit: Duration,
    label: &str,
) -> Result<Option<Bytes>, Error> {
    let piece = tokio::time::timeout(limit, response.chunk()).await;
    piece.map_err(|_| Error::silent(label, limit, before))?.map_err(|error| Error::from_http(&error, label, limit))
}

/// As much of a refusal as is looked at.
async fn beginning(mut response: reqwest::Response, limit: Duration, label: &str) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while body.len() < limits::REFUSAL {
        let Some(piece) = piece(&mut response, body.len(), limit, label).await? else { break };
        body.extend_from_slice(&piece);
    }
    body.truncate(limits::REFUSAL);
    Ok(body)
}

/// The body, piece by piece.
async fn pieces(
    mut response: reqwest::Response,
    largest: usize,
    limit: Duration,
    label: &str,
) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(piece) = piece(&mut response, body.len(), limit, label).await? {
        if body.len() + piece.len() > largest {
            let what = format!("{label} sent more than {} MiB in one answer.", largest >> 20);
            return Err(Error::new(Kind::Answered, what, "Ask for less."));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// A new name for a request (docs/wire.md section 1.2).
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

#[cfg(test)]
mod tests;
