//! `/v1/fvtop/quarantine`: records of streams that no row could be made of: looked at, retried, dropped.
//!
//! That there are such records, where, and for which reason is known to whoever may look at jobs. What a record holds,
//! and the sentences about it, which quote it, are feature values in all but name: they need the right to read these.
//! To retry and to drop is to run the stream's job, and needs the right for that.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::app::App;
use super::audit::Ending;
use super::fault::{Fault, reply};
use super::parts;
use crate::model::Right;
use crate::platform::Platform;
use crate::platform::access::Caller;
use crate::platform::definition::View;
use crate::platform::quarantine::{Asked, Record, Total, Which};
use crate::platform::source::records::Reason;
use crate::wire::quarantine as wire;
use crate::wire::status;

/// Members of the body of a retry or a drop that the audit log has, beside workspace and view.
pub(super) const LOGGED: &[&str] = &["ids", "reason", "all", "dry_run", "force_late"];

#[derive(Deserialize)]
pub(super) struct Listed {
    workspace: String,
    feature_view: String,
    reason: Option<String>,
    before: Option<i64>,
    #[serde(default = "list_limit")]
    limit: usize,
}

fn list_limit() -> usize {
    wire::LIST_LIMIT
}

#[derive(Deserialize)]
pub(super) struct Place {
    workspace: String,
    feature_view: String,
}

/// `GET quarantine`: records of a view, the newest first, without their bytes.
pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    asked: Result<Query<Listed>, QueryRejection>,
) -> Response {
    reply(
        app.on_disk(move |platform| {
            let Query(asked) = asked?;
            let view = parts::view_of(platform, Some(&asked.workspace), Some(&asked.feature_view))?;
            let reason = asked.reason.as_deref().map(known_reason).transpose()?;
            let limit = asked.limit.clamp(1, wire::LIST_MOST);
            let records = platform.quarantine().list(view.id, reason, asked.before, limit)?;
            let next = records.last().map(|last| last.id).filter(|_| records.len() >= limit);
            let totals = platform.quarantine().totals_of(view.id)?.into_iter().map(total).collect();
            let records = records.into_iter().map(|record| row(record, may_read(&caller))).collect();
            Ok(wire::QuarantineList { records, next, totals })
        })
        .await,
    )
}

/// `GET quarantine/{id}`: one record, whole.
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    place: Result<Query<Place>, QueryRejection>,
) -> Response {
    reply(
        app.on_disk(move |platform| {
            let Query(place) = place?;
            let view = parts::view_of(platform, Some(&place.workspace), Some(&place.feature_view))?;
            let record = id.parse().ok().map(|id| platform.quarantine().show(view.id, id)).transpose()?.flatten();
            let mut record = record.ok_or_else(|| no_record(view, &id))?;
            let bytes = std::mem::take(&mut record.bytes);
            Ok(wire::QuarantineRecord::new(row(record, true), &bytes))
        })
        .await,
    )
}

/// `POST quarantine/retry`: writes what can be written now.
pub(super) async fn retry(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    change(app, body, move |platform, view, asked| {
        let which = which(&asked)?;
        let wanted = Asked { which, dry_run: asked.dry_run, force_late: asked.force_late, after: asked.after };
        let told = platform.quarantine().retry(view, &wanted)?;
        let stays = told.stays.into_iter().map(|stays| wire::StaysRow {
            id: stays.id,
            sentence: if may_read(&caller) { stays.sentence } else { meaning(&stays.reason) },
            place: stays.place,
            reason: stays.reason,
        });
        let answer = wire::RetryAnswer {
            arrived: told.arrived,
            filtered: told.filtered,
            duplicates: told.duplicates,
            stays: stays.collect(),
            next: told.next,
        };
        let wire::RetryAnswer { arrived, filtered, duplicates, .. } = answer;
        let stays = answer.stays.len();
        let sentence = format!("{arrived} arrived, {filtered} filtered, {duplicates} duplicates, {stays} stay");
        Ok((answer, sentence))
    })
    .await
}

/// `POST quarantine/drop`: records that nobody wants any more.
pub(super) async fn drop_records(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Response {
    change(app, body, |platform, view, asked| {
        let dropped = platform.quarantine().drop_records(view.id, &which(&asked)?, asked.dry_run)?;
        Ok((wire::DropAnswer { dropped }, format!("{dropped} dropped")))
    })
    .await
}

/// Reads what is asked for and does it; what came of it goes into the audit log with the answer.
async fn change<T: serde::Serialize + Send + 'static>(
    app: App,
    body: Result<Bytes, BytesRejection>,
    work: impl FnOnce(&Platform, &View, wire::QuarantineAsked) -> Result<(T, String), Fault> + Send + 'static,
) -> Response {
    let done = app.on_disk(move |platform| {
        let body = body?;
        let asked: wire::QuarantineAsked = serde_json::from_slice(&body)
            .map_err(|error| Fault::invalid(format!("The body does not say which records are meant: {error}.")))?;
        let view = parts::view_of(platform, Some(&asked.workspace), Some(&asked.feature_view))?;
        let dry_run = asked.dry_run;
        let (answer, sentence) = work(platform, view, asked)?;
        Ok((answer, if dry_run { format!("a dry run: {sentence}") } else { sentence }))
    });
    match done.await {
        Ok((answer, sentence)) => {
            let mut response = axum::Json(answer).into_response();
            response.extensions_mut().insert(Ending::done(sentence));
            response
        }
        Err(fault) => fault.into_response(),
    }
}

/// The records that are meant: said in one way, so that nothing is hit by mistake.
fn which(asked: &wire::QuarantineAsked) -> Result<Which, Fault> {
    match (asked.ids.as_slice(), asked.reason.as_deref(), asked.all) {
        ([], None, true) => Ok(Which::All),
        ([], Some(word), false) => Ok(Which::Reason(known_reason(word)?.to_owned())),
        ([_, ..], None, false) => Ok(Which::Ids(asked.ids.clone())),
        _ => Err(Fault::invalid("Say which records are meant: one of `ids`, `reason` and `all`.")),
    }
}

/// A word that is one of the reasons.
fn known_reason(word: &str) -> Result<&str, Fault> {
    if Reason::named(word).is_some() {
        return Ok(word);
    }
    let known: Vec<_> = Reason::ALL.iter().map(|reason| reason.word()).collect();
    Err(Fault::invalid(format!("There is no reason `{word}`. Those there are: {}.", known.join(", "))))
}

/// What a reason means; nothing of one that a later release wrote.
fn meaning(word: &str) -> String {
    Reason::named(word).map(|reason| reason.sentence().to_owned()).unwrap_or_default()
}

fn may_read(caller: &Caller) -> bool {
    caller.role.may(Right::ReadFeatures)
}

fn row(record: Record, may_read: bool) -> wire::QuarantineRow {
    wire::QuarantineRow {
        id: record.id,
        sentence: if may_read { record.sentence } else { meaning(&record.reason) },
        reason: record.reason,
        place: record.place,
        met_at: record.met,
        length: record.length,
        tries: record.tries,
        tried_at: record.tried,
        error: if may_read { record.error } else { String::new() },
    }
}

fn total(total: Total) -> wire::QuarantineTotal {
    let Total { reason, met, held, released, dropped, pushed_out, .. } = total;
    wire::QuarantineTotal { means: meaning(&reason), reason, met, held, released, dropped, pushed_out }
}

fn no_record(view: &View, id: &str) -> Fault {
    let what = format!("There is no record {id} in the quarantine of `{}`: it has left, or never was.", view.name);
    Fault::new(status::NOT_FOUND, what)
}
