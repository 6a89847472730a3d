//! `/ingest`: records for the streams of sources (docs/wire.md section 3.4, docs/streams.md).
//!
//! A request is answered once its records are durable in the log of their source (`source/ingest.rs`). It looks at each
//! record first: what no event can be made of is told in the answer, and nothing of the request is taken unless the
//! caller wants the rest all the same.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query as Parameters, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::app::App;
use super::fault::Fault;
use super::parts;
use crate::platform::Platform;
use crate::platform::compute::EngineError;
use crate::platform::definition::{Feed, Source};
use crate::platform::source::ingest::{AppendError, Log, Records, Tag};
use crate::platform::source::records::Decoder;
use crate::wire::ingest::{
    IDEMPOTENCY_KEY, INGEST_RECORDS, IngestAnswer, IngestMetrics, IngestRefusal, IngestRequest, Record, RecordError,
    RequestError, SourceCount, Sources, ViewCount,
};
use crate::wire::status;

/// Most characters of an idempotency key.
const LONGEST_KEY: usize = 256;
/// Bad records that a refusal names: released clients read the beginning of one alone.
const NAMED: usize = 20;
/// Seconds after which it is worth another try.
const AGAIN: HeaderValue = HeaderValue::from_static("1");

/// What stands behind the path.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Options {
    /// Whether the good records are taken when others are bad.
    partial: bool,
}

/// Takes records for the sources of a workspace, durable before it is answered.
pub(super) async fn handle(
    State(app): State<App>,
    options: Result<Parameters<Options>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let answer = match read(options, &headers, body) {
        Ok((options, body, key)) => taken(app, options, body, key).await,
        Err(fault) => Err(fault.into()),
    };
    answer.map_or_else(Refusal::into_response, |answer| axum::Json(answer).into_response())
}

/// The parts of a request, which the caller may have got wrong.
fn read(
    options: Result<Parameters<Options>, QueryRejection>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(Options, Bytes, Option<String>), Fault> {
    let Parameters(options) = options?;
    let body = body?;
    Ok((options, body, key(headers)?))
}

/// The idempotency key in the head of a request.
fn key(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value
        .to_str()
        .map_err(|_| Fault::invalid("The Idempotency-Key is no plain text: write letters and digits."))?;
    Ok(Some(text.to_owned()))
}

/// Why nothing of a request was taken, with the records that are to blame.
#[derive(Debug)]
struct Refusal {
    fault: Fault,
    error_type: &'static str,
    http: StatusCode,
    workspace: String,
    records: Vec<RecordError>,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let http = fault.http();
        let error_type = if http.is_server_error() { "Failed" } else { "InvalidRequest" };
        Self { fault, error_type, http, workspace: String::new(), records: Vec::new() }
    }
}

impl Refusal {
    fn of_append(source: &str, error: &AppendError) -> Self {
        let (code, http, error_type) = match error {
            AppendError::OtherRecords => (status::INVALID_ARGUMENT, StatusCode::BAD_REQUEST, "IdempotencyKeyReused"),
            AppendError::Busy => (status::RESOURCE_EXHAUSTED, StatusCode::SERVICE_UNAVAILABLE, "Busy"),
            AppendError::Full => (status::RESOURCE_EXHAUSTED, StatusCode::SERVICE_UNAVAILABLE, "DiskFull"),
            AppendError::Stopped => (status::RESOURCE_EXHAUSTED, StatusCode::SERVICE_UNAVAILABLE, "Stopping"),
            AppendError::Disk(_) => (status::INTERNAL, StatusCode::INTERNAL_SERVER_ERROR, "Failed"),
        };
        let fault = Fault::new(code, format!("Source `{source}`: {error}.")).with_http(http);
        Self { error_type, ..Self::from(fault) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { fault, error_type, http, workspace, records } = self;
        let whole = records.is_empty();
        let request_error = RequestError { error_message: fault.detail.clone(), error_type: error_type.to_owned() };
        let body = IngestRefusal {
            request_error: whole.then_some(request_error),
            workspace_name: workspace,
            record_errors: records,
            error: fault.detail.clone(),
            message: fault.detail.clone(),
            code: fault.code,
        };
        let mut response = (http, axum::Json(body)).into_response();
        if http == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, AGAIN);
        }
        response
    }
}

/// The records of one source, looked at.
struct Checked {
    source: Arc<Source>,
    log: Arc<Log>,
    /// The good ones; absent where a request with the same key brought them before.
    records: Option<Records>,
    tag: Option<Tag>,
    count: u64,
}

/// A request whose records were looked at, before any of them is taken.
struct Looked {
    workspace: String,
    dry_run: bool,
    sources: Vec<Checked>,
    bad: Vec<RecordError>,
}

/// Has the records of a request written, and says what was taken.
async fn taken(app: App, options: Options, body: Bytes, key: Option<String>) -> Result<IngestAnswer, Refusal> {
    let platform = Arc::clone(&app.platform);
    let looked = spawn_blocking(move || look(&platform, &options, &body, key)).await;
    let Looked { workspace, dry_run, mut sources, bad } =
        looked.unwrap_or_else(|error| Err(Fault::internal(&error).into()))?;
    let known = sources.iter().filter(|checked| checked.records.is_none()).count();
    let again = if dry_run { 0 } else { write(&mut sources).await? };
    let taken_before = known + again == sources.len();
    let ingest_metrics = metrics(&app.platform, &workspace, &sources);
    Ok(IngestAnswer { workspace_name: workspace, ingest_metrics, record_errors: bad, taken_before })
}

/// Waits until the records are durable; how many sources had them before.
async fn write(sources: &mut [Checked]) -> Result<usize, Refusal> {
    let mut waiting = Vec::new();
    let mut ended = Vec::new();
    for (at, checked) in sources.iter_mut().enumerate() {
        match checked.records.take() {
            Some(records) if records.count() > 0 => match checked.log.append(records, checked.tag) {
                Ok(done) => waiting.push((at, done)),
                Err(error) => ended.push((at, Err(error))),
            },
            _ => {}
        }
    }
    for (at, done) in waiting {
        ended.push((at, done.await.unwrap_or(Err(AppendError::Stopped))));
    }
    let mut again = 0;
    for (at, taken) in &ended {
        if let (Ok(taken), Some(checked)) = (taken, sources.get_mut(*at)) {
            checked.count = taken.count.into();
            again += usize::from(taken.again);
        }
    }
    let name = |at: &usize| sources.get(*at).map_or("", |checked| checked.source.name.as_str());
    let Some((at, error)) = ended.iter().find_map(|(at, taken)| Some((at, taken.as_ref().err()?))) else {
        return Ok(again);
    };
    let mut refusal = Refusal::of_append(name(at), error);
    let taken: Vec<_> =
        ended.iter().filter(|(_, taken)| taken.is_ok()).map(|(at, _)| format!("`{}`", name(at))).collect();
    if !taken.is_empty() {
        let detail = format!("{} The records of {} were taken.", refusal.fault.detail, taken.join(", "));
        refusal.fault = Fault::new(refusal.fault.code, detail);
    }
    Err(refusal)
}

/// Reads a request, finds its sources, and looks at its records. Blocks on the disk where a log is not open yet.
fn look(platform: &Platform, options: &Options, body: &[u8], key: Option<String>) -> Result<Looked, Refusal> {
    let request: IngestRequest<'_> = serde_json::from_slice(body)
        .map_err(|error| Fault::invalid(format!("The body is no request to ingest: {error}.")))?;
    let workspace = request.workspace_name.unwrap_or_default();
    if workspace.is_empty() {
        let names = parts::list(platform.repository().workspaces.iter().map(|known| known.name.as_str()));
        let detail = format!("The request names no workspace: `workspace_name` is missing. There are: {names}.");
        return Err(Fault::invalid(detail).into());
    }
    if platform.repository().workspaces.iter().all(|known| known.name != workspace) {
        return Err(parts::unknown_workspace(platform, &workspace).into());
    }
    let key = key.or(request.idempotency_key);
    if key.as_ref().is_some_and(|key| key.trim().is_empty() || key.chars().count() > LONGEST_KEY) {
        let detail =
            format!("The idempotency key is empty or longer than {LONGEST_KEY} characters: give a shorter one.");
        return Err(Fault::invalid(detail).into());
    }
    let Sources(given) = request.records;
    let count = given.iter().map(|(_, records)| records.len()).sum::<usize>();
    if count == 0 {
        return Err(Fault::invalid("The request has no records: `records` is to have a list for a source.").into());
    }
    if count > INGEST_RECORDS {
        let detail =
            format!("The request has {count} records, and at most {INGEST_RECORDS} are taken at once: send fewer.");
        return Err(Fault::invalid(detail).with_http(StatusCode::PAYLOAD_TOO_LARGE).into());
    }
    let named: Vec<_> = given.iter().map(|(name, _)| source(platform, name)).collect::<Result<_, _>>()?;
    let (mut sources, mut bad) = (Vec::new(), Vec::new());
    for (source, (_, records)) in named.into_iter().zip(&given) {
        let log = platform.readers().logs().get(&source).map_err(away)?;
        sources.push(check(source, log, records, key.as_deref(), &mut bad)?);
    }
    let dry_run = request.dry_run.unwrap_or(false);
    if !bad.is_empty() && !options.partial && !dry_run {
        return Err(refused(workspace, bad, count));
    }
    Ok(Looked { workspace, dry_run, sources, bad })
}

/// The source of that name, which must take records.
fn source(platform: &Platform, name: &str) -> Result<Arc<Source>, Fault> {
    let takes =
        |source: &&Arc<Source>| source.stream.as_ref().is_some_and(|stream| matches!(stream.feed, Feed::Ingest(_)));
    let sources = &platform.repository().sources;
    if let Some(found) = sources.iter().filter(takes).find(|source| source.name == name) {
        return Ok(Arc::clone(found));
    }
    let names = parts::list(sources.iter().filter(takes).map(|source| source.name.as_str()));
    let what = match sources.iter().any(|source| source.name == name) {
        true => format!("The source `{name}` takes no records: it has no stream of kind `ingest`."),
        false => format!("There is no source `{name}`."),
    };
    Err(Fault::invalid(format!("{what} Sources that take records: {names}.")))
}

/// A log that cannot be opened.
fn away(error: EngineError) -> Refusal {
    tracing::error!(error = &error as &dyn std::error::Error, "records cannot be taken");
    Fault::new(status::INTERNAL, format!("{error}.")).into()
}

/// Looks at the records of one source.
fn check(
    source: Arc<Source>,
    log: Arc<Log>,
    given: &[Record<'_>],
    key: Option<&str>,
    bad: &mut Vec<RecordError>,
) -> Result<Checked, Refusal> {
    let texts = || given.iter().map(|record| record.record.get().as_bytes());
    let all = gathered(texts())?;
    let tag = key.map(|key| Tag::new(key, all.bytes()));
    let known = tag.map(|tag| log.find(&tag)).transpose();
    let known = known.map_err(|error| Refusal::of_append(&source.name, &error))?.flatten();
    if let Some(known) = known.filter(|known| known.count as usize == given.len()) {
        return Ok(Checked { source, log, records: None, tag, count: known.count.into() });
    }
    let (of, refused) = Decoder::new(&source).check(texts(), |index| index.to_string());
    bad.extend(refused.into_iter().map(|refused| RecordError {
        push_source_name: source.name.clone(),
        record_index: refused.place.parse().unwrap_or_default(),
        error_type: refused.reason.word().to_owned(),
        error_message: refused.message,
    }));
    if let Some(known) = known {
        return Ok(Checked { source, log, records: None, tag, count: known.count.into() });
    }
    let records = match of.len() == given.len() {
        true => all,
        false => gathered(of.iter().filter_map(|at| Some(given.get(*at)?.record.get().as_bytes())))?,
    };
    let count = records.count().into();
    Ok(Checked { source, log, records: Some(records), tag, count })
}

/// Records as the log takes them.
fn gathered<'r>(texts: impl Iterator<Item = &'r [u8]>) -> Result<Records, Fault> {
    let mut records = Records::default();
    for text in texts {
        if !records.push(text) {
            let detail = "The records of the request are too large together: send fewer at a time.";
            return Err(Fault::invalid(detail).with_http(StatusCode::PAYLOAD_TOO_LARGE));
        }
    }
    Ok(records)
}

/// Nothing is taken, for some records cannot be events.
fn refused(workspace: String, mut bad: Vec<RecordError>, count: usize) -> Refusal {
    let first = bad.first().map(|error| {
        let RecordError { push_source_name, record_index, error_message, .. } = error;
        format!("record {record_index} of `{push_source_name}`: {error_message}")
    });
    let detail = format!(
        "Nothing was taken, for of {count} records {} cannot be events; the first is {}. Correct them, or send them to \
         ?partial=true, which takes the others.",
        bad.len(),
        first.unwrap_or_default()
    );
    bad.truncate(NAMED);
    Refusal { error_type: "InvalidRecords", workspace, records: bad, ..Refusal::from(Fault::invalid(detail)) }
}

/// How many records went where.
fn metrics(platform: &Platform, workspace: &str, sources: &[Checked]) -> IngestMetrics {
    let mut metrics = IngestMetrics::default();
    for Checked { source, count, .. } in sources {
        let over = |view: &&Arc<crate::platform::definition::View>| {
            view.workspace == workspace && view.inputs.first().is_some_and(|input| input.source.id == source.id)
        };
        for view in platform.repository().views.iter().filter(over) {
            let of = |goes: bool| if goes { count.to_string() } else { "0".to_owned() };
            metrics.feature_view_ingest_metrics.push(ViewCount {
                feature_view_name: view.name.clone(),
                feature_view_id: view.id.to_string(),
                online_record_ingest_count: of(view.live && view.online),
                // The batch side is what is kept of the stream, where there are no files of others.
                offline_record_ingest_count: of(view.live && view.offline && source.kept.is_some()),
            });
        }
        metrics.data_source_ingest_metrics.push(SourceCount {
            data_source_name: source.name.clone(),
            data_source_id: source.id.to_string(),
            record_ingest_count: count.to_string(),
        });
    }
    metrics
}
