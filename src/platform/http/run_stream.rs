//! `GET /v1/fvtop/run-stream`: a view's stream tail as lines of JSON that never end.
//!
//! First `{"@columns":[...]}`, then one record a line. Between them, when they apply: `{"@progress":{...}}` about each
//! second when it changed (with `late`, `failed` and `expired` events and `left_out` once some were left out of the
//! records), `{"@dropped":n}` when this reader was too slow, `{"@error":"..."}` when the stream is held up (and an
//! empty text when it goes on), and an empty line at least each ten seconds as a heartbeat. It ends within a second
//! once its key was revoked.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::auth::ApiKeys;
use super::fault::Fault;
use super::parts;
use super::places::Place;
use crate::model::time::rfc3339;
use crate::platform::access::Caller;
use crate::platform::stream::hub::{HISTORY, Heard, Listener};
use crate::platform::stream::record::quoted;
use crate::platform::stream::tail::Progress;
use crate::wire::status;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(1);
/// The longest silence before a heartbeat, so that a dead connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(9);

/// Which tail is asked for, and how many records from before.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    workspace: String,
    feature_view: String,
    backlog: usize,
}

impl Default for Asked {
    fn default() -> Self {
        Self { workspace: String::new(), feature_view: String::new(), backlog: HISTORY }
    }
}

/// Opens the tail of a view that reads a stream.
pub(super) async fn handle(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Query(asked) = match asked {
        Ok(asked) => asked,
        Err(rejection) => return Fault::from(rejection).into_response(),
    };
    let opened = app.tails.take(caller.key).and_then(|place| Ok((listen(&app, &asked)?, place)));
    match opened {
        Ok((listener, place)) => {
            let session = Session::new(listener, asked.backlog.min(HISTORY), &app, (caller, place));
            let lines = futures::stream::unfold(session, |mut session| async {
                session.next().await.map(|lines| (Ok::<_, std::io::Error>(lines), session))
            });
            ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
        }
        Err(fault) => fault.into_response(),
    }
}

fn listen(app: &App, asked: &Asked) -> Result<Listener, Fault> {
    let view = app.platform.view(&asked.workspace, &asked.feature_view);
    let view = view.ok_or_else(|| parts::unknown_view(&app.platform, &asked.workspace, &asked.feature_view))?;
    if !view.is_stream() {
        let detail = format!("Feature view `{}` does not read a stream, so there is nothing to follow.", view.name);
        return Err(Fault::new(status::FAILED_PRECONDITION, detail));
    }
    app.platform.tails().listen(view).map_err(|error| Fault::internal(&error))
}

enum Phase {
    /// Nothing was sent; the source may still be opening.
    Opening,
    /// Columns are sent; the tail reads what there is.
    CatchingUp,
    /// The backlog is sent; records follow as they come.
    Following,
}

struct Session {
    listener: Listener,
    backlog: usize,
    stop: CancellationToken,
    api_keys: Arc<ApiKeys>,
    caller: Caller,
    /// Held for as long as somebody listens.
    _place: Place,
    phase: Phase,
    tick: tokio::time::Interval,
    last_progress: Progress,
    trouble: Option<String>,
    left_out: Option<String>,
    last_sent: Instant,
}

impl Session {
    fn new(listener: Listener, backlog: usize, app: &App, (caller, place): (Caller, Place)) -> Self {
        let mut tick = interval(PROGRESS);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (last_progress, last_sent) = (Progress::default(), Instant::now());
        let (stop, api_keys) = (app.shutdown.clone(), Arc::clone(&app.api_keys));
        let phase = Phase::Opening;
        Self {
            listener,
            backlog,
            stop,
            api_keys,
            caller,
            _place: place,
            phase,
            tick,
            last_progress,
            trouble: None,
            left_out: None,
            last_sent,
        }
    }

    /// The next lines; `None` ends the answer. Nothing is lost when the reader is slow but what `@dropped` counts.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let lines = match self.phase {
                Phase::Opening | Phase::CatchingUp => self.prepare().await,
                Phase::Following => self.follow().await,
            }?;
            if !lines.is_empty() {
                self.last_sent = Instant::now();
                return Some(Bytes::from(lines));
            }
        }
    }

    /// Waits for columns, then for the tail to catch up, telling progress meanwhile.
    async fn prepare(&mut self) -> Option<String> {
        let (columns, caught_up) = {
            let status = self.listener.status().borrow_and_update();
            (status.columns.clone(), status.caught_up)
        };
        match (&self.phase, columns) {
            (Phase::Opening, Some(columns)) => {
                self.phase = Phase::CatchingUp;
                Some(format!("{}\n", json!({ "@columns": *columns })))
            }
            (Phase::CatchingUp, _) if caught_up => {
                self.phase = Phase::Following;
                let mut lines = String::new();
                push_records(&mut lines, &self.listener.backlog(self.backlog));
                lines.push_str(&self.changes());
                Some(lines)
            }
            _ => {
                tokio::select! {
                    () = self.stop.cancelled() => None,
                    changed = self.listener.status().changed() => changed.ok().map(|()| String::new()),
                    _ = self.tick.tick() => self.changes_while_let_in(),
                }
            }
        }
    }

    async fn follow(&mut self) -> Option<String> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            heard = self.listener.next() => match heard {
                Heard::Records { dropped, records } => {
                    let mut lines = String::new();
                    if dropped > 0 {
                        lines.push_str(&format!("{{\"@dropped\":{dropped}}}\n"));
                    }
                    push_records(&mut lines, &records);
                    Some(lines)
                }
                Heard::Ended => None,
            },
            _ = self.tick.tick() => self.changes_while_let_in(),
        }
    }

    /// What changed; nothing more for a key that was revoked meanwhile.
    fn changes_while_let_in(&mut self) -> Option<String> {
        self.api_keys.lets_in(&self.caller).then(|| self.changes())
    }

    /// What changed since it was last told; a heartbeat when nothing did for long.
    fn changes(&mut self) -> String {
        let (progress, trouble, left_out) = {
            let status = self.listener.status().borrow();
            (status.progress, status.trouble.clone(), status.left_out.clone())
        };
        let mut lines = String::new();
        if trouble != self.trouble {
            let message = trouble.as_deref().unwrap_or_default();
            lines.push_str(&format!("{{\"@error\":{}}}\n", quoted(message)));
            self.trouble = trouble;
        }
        if progress != self.last_progress || left_out != self.left_out {
            lines.push_str(&format!(
                "{}\n",
                json!({ "@progress": {
                    "events": progress.events,
                    "latest_event": progress.latest_event.map(rfc3339),
                    "watermark": progress.watermark.map(rfc3339),
                    "late": progress.late,
                    "failed": progress.failed,
                    "expired": progress.expired,
                    "left_out": left_out,
                } })
            ));
            (self.last_progress, self.left_out) = (progress, left_out);
        }
        if lines.is_empty() && self.last_sent.elapsed() >= HEARTBEAT {
            lines.push('\n');
        }
        lines
    }
}

fn push_records(lines: &mut String, records: &[Box<str>]) {
    for record in records {
        lines.push_str(record);
        lines.push('\n');
    }
}
