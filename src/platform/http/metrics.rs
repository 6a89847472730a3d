//! `GET /v1/observability/metrics`: how the platform does, in figures, as OpenMetrics text (docs/wire.md section 1.9).
//!
//! Each figure is counted or measured; what is not known of a view is left out.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::app::{App, blocking};
use super::fault::Fault;
use super::metadata;
use super::meter::{Counts, Meter};
use super::streams;
use crate::model::time::{micros, span_micros};
use crate::model::{Id, Span, Time};
use crate::platform::Platform;
use crate::platform::definition::View;
use crate::wire::openmetrics::{self, Family, Kind, Labels, MEDIA_TYPE};

pub(super) async fn handle(State(app): State<App>) -> Response {
    let work = move || text(&app.platform, &app.meter);
    match blocking(work).await {
        Ok(text) => ([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        Err(fault) => fault.into_response(),
    }
}

fn text(platform: &Platform, meter: &Meter) -> Result<String, Fault> {
    let mut families = Vec::from(jobs(platform)?);
    families.extend(freshness(platform)?);
    families.extend(streams(platform)?);
    families.extend(quarantine(platform)?);
    let doors = ["fvtop_http_requests", "fvtop_http_request_seconds"];
    families.extend(requests(doors, ("path", "status"), &meter.doors()));
    let calls = ["fvtop_calls", "fvtop_call_seconds"];
    families.extend(requests(calls, ("call", "code"), &meter.calls()));
    Ok(openmetrics::write(&families))
}

fn jobs(platform: &Platform) -> Result<[Family; 4], Fault> {
    let views = &views(platform);
    let mut jobs = Family::new(Kind::Gauge, "fvtop_jobs", "Jobs that are kept, by what they do and where they stand.");
    for count in platform.jobs().counts()? {
        let more = [("type", count.job_type.as_str()), ("state", count.state.as_str())];
        of_view(&mut jobs, views, count.view, &more, count.jobs as f64);
    }
    let mut open = Family::new(Kind::Gauge, "fvtop_open_attempts", "Attempts that wait for a worker or run.");
    for count in platform.jobs().open_attempts()? {
        of_view(&mut open, views, count.view, &[("state", count.state.as_str())], count.attempts as f64);
    }
    let mut ended = Family::new(Kind::Counter, "fvtop_attempts_ended", "Attempts that ended, by how.");
    let mut rows = Family::new(Kind::Counter, "fvtop_rows_written", "Tiles or rows that batch jobs wrote, by store.");
    for (view, counts) in platform.jobs().ended() {
        for (outcome, count) in [("success", counts.success), ("stopped", counts.stopped), ("failed", counts.failed)] {
            of_view(&mut ended, views, view, &[("outcome", outcome)], count as f64);
        }
        for (store, count) in [("online", counts.online_rows), ("offline", counts.offline_rows)] {
            of_view(&mut rows, views, view, &[("store", store)], count as f64);
        }
    }
    Ok([jobs, open, ended, rows])
}

fn freshness(platform: &Platform) -> Result<[Family; 3], Fault> {
    let gauge = |name, help| Family::new(Kind::Gauge, name, help);
    let mut age = gauge("fvtop_freshness_seconds", "Age of the newest event, or of the newest window without one.");
    let mut expected = gauge("fvtop_expected_freshness_seconds", "Age past which the features of a view are stale.");
    let mut stale = gauge("fvtop_stale", "1 where the features of a view are older than they should be, else 0.");
    for view in platform.repository().views.iter().filter(|view| view.live) {
        let freshness = metadata::freshness_of(platform, view)?;
        let Some(seconds) = freshness.freshness.map(seconds) else { continue };
        age.push(&labels(view), seconds);
        stale.push(&labels(view), f64::from(u8::from(freshness.is_stale)));
        if let Some(span) = freshness.expected {
            expected.push(&labels(view), self::seconds(span));
        }
    }
    Ok([age, expected, stale])
}

fn streams(platform: &Platform) -> Result<[Family; 7], Fault> {
    let gauge = |name, help| Family::new(Kind::Gauge, name, help);
    let mut lag = gauge("fvtop_stream_lag_seconds", "How far behind the present a stream was read.");
    let mut behind =
        gauge("fvtop_stream_lag_events", "Events that are there and were not read, where the source can tell.");
    let mut waiting = gauge("fvtop_stream_waiting_events", "Events that were read and are not written yet.");
    let mut newest = gauge("fvtop_stream_newest_event_timestamp_seconds", "Time of the newest event that was written.");
    let mut watermark =
        gauge("fvtop_stream_watermark_timestamp_seconds", "Time before which tiles take no more events of the stream.");
    let mut events = Family::new(
        Kind::Counter,
        "fvtop_stream_events",
        "Events of a stream since its job began or was restarted from a place, by what became of them.",
    );
    for view in streams::views(platform) {
        let told = streams::figures(platform, view)?;
        if let Some(span) = told.lag {
            lag.push(&labels(view), seconds(span));
        }
        if let Some(count) = told.lag_events {
            behind.push(&labels(view), count as f64);
        }
        waiting.push(&labels(view), told.waiting as f64);
        for (outcome, count) in told.total.list() {
            events.push(&[labels(view).as_slice(), &[("outcome", outcome)]].concat(), count as f64);
        }
        if let Some(event) = told.newest_event {
            newest.push(&labels(view), instant(event));
        }
        if let Some(at) = told.watermark {
            watermark.push(&labels(view), instant(at));
        }
    }
    let (mut left_out, views) = (
        Family::new(
            Kind::Counter,
            "fvtop_stream_left_out",
            "Events that a stream did not bring since the start of the process: too late, or not read in time.",
        ),
        &views(platform),
    );
    for (view, counts) in platform.jobs().left_out() {
        for (why, count) in [("late", counts.late), ("expired", counts.expired)] {
            of_view(&mut left_out, views, view, &[("why", why)], count as f64);
        }
    }
    Ok([lag, behind, waiting, newest, watermark, events, left_out])
}

/// Records that no row could be made of, by reason, and what became of them.
fn quarantine(platform: &Platform) -> Result<[Family; 3], Fault> {
    let views = &views(platform);
    let mut records =
        Family::new(Kind::Gauge, "fvtop_quarantine_records", "Records of a stream that wait in the quarantine.");
    let mut met = Family::new(Kind::Counter, "fvtop_quarantine_met", "Records of a stream that were set aside.");
    let mut left = Family::new(
        Kind::Counter,
        "fvtop_quarantine_left",
        "Records that left the quarantine, by what became of them.",
    );
    for total in platform.quarantine().totals()? {
        let reason = ("reason", total.reason.as_str());
        of_view(&mut records, views, total.view, &[reason], total.held as f64);
        of_view(&mut met, views, total.view, &[reason], total.met as f64);
        let fates = [("released", total.released), ("dropped", total.dropped), ("pushed_out", total.pushed_out)];
        for (how, count) in fates {
            of_view(&mut left, views, total.view, &[reason, ("how", how)], count as f64);
        }
    }
    Ok([records, met, left])
}

/// Requests by name and outcome, and how long they took.
fn requests(
    [count, took]: [&'static str; 2],
    (name, outcome): (&'static str, &'static str),
    counts: &Counts,
) -> [Family; 2] {
    let mut requests = Family::new(Kind::Counter, count, "Requests that were answered, by outcome.");
    let mut seconds = Family::new(Kind::Histogram, took, "Time up to the beginning of the answer.");
    for (of, seen) in counts {
        for (code, count) in &seen.codes {
            requests.push(&[(name, of), (outcome, &code.to_string())], *count as f64);
        }
        seconds.push_histogram(&[(name, of)], &seen.seconds);
    }
    [requests, seconds]
}

fn views(platform: &Platform) -> BTreeMap<Id, &View> {
    platform.repository().views.iter().map(|view| (view.id, view.as_ref())).collect()
}

/// Adds a sample of a view; nothing for one that the repository no longer defines.
fn of_view(family: &mut Family, views: &BTreeMap<Id, &View>, view: Id, more: Labels<'_>, value: f64) {
    if let Some(view) = views.get(&view) {
        family.push(&[labels(view).as_slice(), more].concat(), value);
    }
}

fn labels(view: &View) -> [(&'static str, &str); 2] {
    [("workspace", &view.workspace), ("feature_view", &view.name)]
}

fn seconds(span: Span) -> f64 {
    span_micros(span) as f64 / 1e6
}

fn instant(at: Time) -> f64 {
    micros(at) as f64 / 1e6
}
