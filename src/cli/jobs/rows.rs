//! Jobs as rows of a table and as JSON.

use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::output::{json_time, note, print, print_json, table, time};
use crate::client::message::Problem;
use crate::model::{Attempt, Job, cut};

/// The longest failure that a row shows, in characters.
const SHOWN: usize = 100;

/// The longest word of a state or type that a row shows, in characters; the longest known one has 29.
const WORD: usize = 30;

const HEADINGS: [&str; 10] =
    ["JOB", "VIEW", "TYPE", "STORES", "STATE", "START", "END", "ATTEMPTS", "UPDATED", "FAILURE"];

/// Prints jobs.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_jobs(jobs: &[Job], as_json: bool) -> Result<(), Failure> {
    if as_json { print_json(&jobs.iter().map(json_of).collect()) } else { print(&text(jobs)) }
}

/// Prints one job: a table of one row, or a JSON object.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_job(job: &Job, as_json: bool) -> Result<(), Failure> {
    if as_json { print_json(&json_of(job)) } else { print(&text(std::slice::from_ref(job))) }
}

/// Jobs as a table.
pub(crate) fn text(jobs: &[Job]) -> String {
    table(&HEADINGS, &jobs.iter().map(as_row).collect::<Vec<_>>())
}

fn as_row(job: &Job) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.feature_view.clone(),
        cut(&job.job_type.to_string(), WORD).into_owned(),
        stores(job),
        cut(&job.state.to_string(), WORD).into_owned(),
        time(job.window.map(|window| window.start)),
        time(job.window.map(|window| window.end)),
        job.attempts.len().to_string(),
        time(job.updated_at),
        failure(job),
    ]
}

/// The stores that a job writes to or deletes from.
fn stores(job: &Job) -> String {
    let named = [(job.online, "online"), (job.offline, "offline")].into_iter().filter(|(has, _)| *has);
    let named = named.map(|(_, name)| name).collect::<Vec<_>>().join(",");
    if named.is_empty() { "-".to_owned() } else { named }
}

/// The failure of a job that has one to show, on one line.
fn failure(job: &Job) -> String {
    let text = job.failure().unwrap_or_default();
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN { line } else { line.chars().take(SHOWN - 1).chain(['…']).collect() }
}

/// A job as JSON.
pub(crate) fn json_of(job: &Job) -> serde_json::Value {
    json!({
        "id": job.id.to_string(),
        "workspace": job.workspace,
        "feature_view": job.feature_view,
        "type": job.job_type.to_string(),
        "state": job.state.to_string(),
        "window_start": json_time(job.window.map(|window| window.start)),
        "window_end": json_time(job.window.map(|window| window.end)),
        "online": job.online,
        "offline": job.offline,
        "created_at": json_time(job.created_at),
        "updated_at": json_time(job.updated_at),
        "next_attempt_at": json_time(job.next_attempt_at),
        "may_retry": if_known(job, job.allowed.retry),
        "may_retry_with_overwrite": if_known(job, job.allowed.overwrite_retry),
        "attempts": job.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
}

/// What the deployment allows; nothing where it did not say.
fn if_known(job: &Job, allowed: bool) -> Option<bool> {
    (!job.allowed.unknown).then_some(allowed)
}

/// Tells why reasons and what may be done are missing from jobs, where they are.
pub(crate) fn note_unknown(table_problem: Option<&Problem>) {
    if let Some(problem) = table_problem {
        note(&format!("why attempts ended, and which jobs may be tried again, is not known: {problem}"));
    }
}

fn attempt(attempt: &Attempt) -> serde_json::Value {
    json!({
        "number": attempt.number,
        "id": attempt.id.map(|id| id.to_string()),
        "state": attempt.state.to_string(),
        "created_at": json_time(attempt.created_at),
        "updated_at": json_time(attempt.updated_at),
        "progress": attempt.progress,
        "reason": attempt.reason,
        "message": attempt.message,
    })
}
