//! The whole course of one query, for the client task and for headless commands alike: read the caller's files, upload
//! them, start, wait, fetch; or cancel, in any of these.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use polars::prelude::DataFrame;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api::Api;
use super::error::{Error, Kind};
use super::message::{QueryAnswer, Table};
use super::table::{self, Purpose};
use super::transport::blocking;
use crate::model::{JoinKey, QueryProgress};
use crate::wire::queries::{HistoryQuery, Query, QueryRequest, QueryState, QueryStatus};

/// How long one question about the query's state waits for a change.
const WAIT: Duration = Duration::from_millis(1_000);
/// How long a deployment may be away while it computes. It gives up a query that nobody has asked about for a minute.
const AWAY: Duration = Duration::from_secs(45);
/// The pause before an unreachable deployment is asked again.
const AGAIN: Duration = Duration::from_millis(1_000);
/// How often the rows are asked for when the link breaks meanwhile.
const FETCHES: usize = 4;
/// How long a cancellation may take.
const CANCEL: Duration = Duration::from_secs(5);

/// Takes the progress of a query.
pub(crate) type Tell<'a> = &'a (dyn Fn(QueryProgress) + Send + Sync);

/// Runs a query to its end. `own_api` is what [`Api::deployment`] told; a deployment without one does not serve
/// queries.
///
/// # Errors
/// When a file cannot be read, the deployment is not reached, does not serve this or refuses, the computation fails, or
/// it was cancelled.
pub(crate) async fn run(
    api: &Api,
    own_api: Option<&str>,
    query: &Query<PathBuf>,
    cancel: &CancellationToken,
    tell: Tell<'_>,
) -> Result<QueryAnswer, Error> {
    let own_api = own_api.ok_or_else(|| not_served(api))?;
    let course = Course { api, own_api, cancel, tell };
    let request = course.until_cancelled(course.prepare(query)).await?;
    let id = course.start(request).await?;
    let fetched = course.until_cancelled(course.follow(&id)).await;
    if cancel.is_cancelled() {
        course.give_up(&id).await;
    }
    fetched
}

/// The sentence for a deployment that serves Tecton's protocol alone.
pub(crate) fn not_served(api: &Api) -> Error {
    let what = format!(
        "{} does not compute run and get_historical_features: Tecton's protocol has no call for them.",
        api.endpoint().label()
    );
    Error::new(
        Kind::Unimplemented,
        what,
        "Use Tecton's Python SDK with Spark for these, or a deployment made by `fvtop serve`.",
    )
}

fn cancelled() -> Error {
    Error::new(Kind::Answered, "The computation was cancelled.", "")
}

struct Course<'a> {
    api: &'a Api,
    own_api: &'a str,
    cancel: &'a CancellationToken,
    tell: Tell<'a>,
}

impl Course<'_> {
    async fn until_cancelled<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(cancelled()),
            done = work => done,
        }
    }

    fn step(&self, step: &str) {
        (self.tell)(QueryProgress { step: step.to_owned(), ..QueryProgress::default() });
    }

    /// The request, with the caller's files uploaded.
    async fn prepare(&self, query: &Query<PathBuf>) -> Result<QueryRequest, Error> {
        Ok(match query {
            Query::Run(run) => {
                let mut mocks = BTreeMap::new();
                for (input, path) in &run.mock_sources {
                    let sent = self.send(&format!("the table for `{input}`"), path, Wanted::Mock).await?;
                    mocks.insert(input.clone(), sent.frame_id);
                }
                Query::Run(run.clone().with(mocks))
            }
            Query::History(history) => Query::History(self.prepare_history(history).await?),
        })
    }

    async fn prepare_history(&self, history: &HistoryQuery<PathBuf>) -> Result<HistoryQuery<String>, Error> {
        if history.spine.is_none() && history.entities.is_none() {
            return Ok(history.clone().with(None, None));
        }
        self.step("looking the view up");
        let view = self.api.feature_view(&history.workspace, &history.feature_view).await?;
        let mut timestamp_key = history.timestamp_key.clone();
        let (mut spine, mut entities) = (None, None);
        if let Some(path) = &history.spine {
            let wanted = Wanted::Spine(view.join_keys.clone(), timestamp_key.clone());
            let sent = self.send("the spine", path, wanted).await?;
            timestamp_key = sent.timestamp_key.or(timestamp_key);
            spine = Some(sent.frame_id);
        }
        if let Some(path) = &history.entities {
            entities = Some(self.send("the entities", path, Wanted::Keys(view.join_keys)).await?.frame_id);
        }
        Ok(HistoryQuery { timestamp_key, ..history.clone().with(spine, entities) })
    }

    async fn send(&self, what: &str, path: &Path, wanted: Wanted) -> Result<Uploaded, Error> {
        self.step(&format!("reading {what}"));
        let read = read(path.to_owned(), wanted).await?;
        self.step(&format!("uploading {what}"));
        let frame_id = self.api.upload_frame(self.own_api, read.table).await?.frame_id;
        Ok(Uploaded { frame_id, timestamp_key: read.timestamp_key })
    }

    /// Starts the query. When that is cancelled half-way, the query is cancelled as soon as its id is known.
    async fn start(&self, request: QueryRequest) -> Result<String, Error> {
        self.step("starting");
        let (api, own_api) = (self.api.clone(), self.own_api.to_owned());
        let mut starting = tokio::spawn(async move { api.start_query(&own_api, &request).await });
        let lost = |_| Error::new(Kind::Failed, "The query could not be started.", "Try again.");
        tokio::select! {
            started = &mut starting => return started.map_err(lost)?,
            () = self.cancel.cancelled() => {}
        }
        let (api, own_api) = (self.api.clone(), self.own_api.to_owned());
        tokio::spawn(async move {
            if let Ok(Ok(id)) = starting.await {
                let _ = api.cancel_query(&own_api, &id).await;
            }
        });
        Err(cancelled())
    }

    /// Waits for the end and fetches the rows.
    async fn follow(&self, id: &str) -> Result<QueryAnswer, Error> {
        let status = self.ended(id).await?;
        match status.state {
            QueryState::Done => {}
            QueryState::Cancelled => {
                let what = "The deployment cancelled the computation: it stopped, or heard nothing from here for long.";
                return Err(Error::new(Kind::Answered, what, "Start it again."));
            }
            _ => {
                let error = status.error.unwrap_or_default();
                return Err(Error::from_code(error.code, &error.message, &self.api.endpoint().label()));
            }
        }
        (self.tell)(QueryProgress { step: "fetching".to_owned(), share: None, rows_read: Some(status.rows_read) });
        let table = self.fetch(id).await?;
        if status.rows.is_some_and(|rows| rows != table.height() as u64) {
            let what = format!("{} sent a part of the rows alone.", self.api.endpoint().label());
            return Err(Error::new(Kind::Failed, what, "Try again."));
        }
        Ok(QueryAnswer { table: Table(table.into()), warnings: status.warnings, saved_as: status.saved_as })
    }

    /// The rows. They stay on the deployment for a while, so a link that breaks is tried again from the beginning.
    async fn fetch(&self, id: &str) -> Result<DataFrame, Error> {
        for _ in 1..FETCHES {
            match self.api.query_rows(self.own_api, id).await {
                Err(error) if error.may_be_back() => tokio::time::sleep(AGAIN.max(error.granted_wait())).await,
                fetched => return fetched,
            }
        }
        self.api.query_rows(self.own_api, id).await
    }

    /// Asks until nothing changes any more; a deployment that is away for less than a minute is waited for.
    async fn ended(&self, id: &str) -> Result<QueryStatus, Error> {
        let mut heard = Instant::now();
        loop {
            match self.api.query_status(self.own_api, id, WAIT).await {
                Ok(status) if status.state.has_ended() => return Ok(status),
                Ok(status) => {
                    heard = Instant::now();
                    let step =
                        if status.state == QueryState::Queued { "waiting for other queries" } else { "computing" };
                    let rows_read = Some(status.rows_read).filter(|_| status.state != QueryState::Queued);
                    (self.tell)(QueryProgress { step: step.to_owned(), share: None, rows_read });
                }
                Err(error) if error.passes() && heard.elapsed() < AWAY => {
                    self.step("waiting for the deployment");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Tells the deployment that nobody wants it any more; one that is away finds that out by itself.
    async fn give_up(&self, id: &str) {
        self.step("cancelling");
        let _ = tokio::time::timeout(CANCEL, self.api.cancel_query(self.own_api, id)).await;
    }
}

/// What a file is wanted for; owned, so that it is read on another thread.
enum Wanted {
    Keys(Vec<JoinKey>),
    Spine(Vec<JoinKey>, Option<String>),
    Mock,
}

/// A table that the deployment has.
struct Uploaded {
    frame_id: String,
    timestamp_key: Option<String>,
}

async fn read(path: PathBuf, wanted: Wanted) -> Result<table::Read, Error> {
    let read = blocking(move || {
        let purpose = match &wanted {
            Wanted::Keys(keys) => Purpose::Keys(keys),
            Wanted::Spine(keys, timestamp_key) => Purpose::Spine { keys, timestamp_key: timestamp_key.as_deref() },
            Wanted::Mock => Purpose::Mock,
        };
        table::read(&path, purpose)
    });
    read.await?.map_err(|problem| Error::of(Kind::Answered, problem))
}
