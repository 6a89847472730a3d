//! `fvtop jobs show` and `fvtop jobs log`: what is known of one job and of its attempts.

use clap::Args;
use serde_json::json;

use super::find::OneJob;
use super::rows::{json_of, text};
use crate::cli::failure::{FAILED, Failure};
use crate::cli::output::{json_time, note, or_dash, print, print_json, table, time};
use crate::cli::session::Session;
use crate::cli::stream;
use crate::model::time::print_took;
use crate::model::{Attempt, AttemptDetail, Job, JobType, Stage};

/// Show all that is known of one job.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The job.
    #[command(flatten)]
    pub job: OneJob,
    /// The attempt whose stages are shown, from 1 [default: the newest]
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
}

/// Print the log of an attempt.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// The job.
    #[command(flatten)]
    pub job: OneJob,
    /// The attempt, from 1 [default: the newest]
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
}

/// Shows it.
///
/// # Errors
/// When there is no such job or attempt, or the deployment is not reached or refuses.
pub(super) async fn run(args: ShowArgs) -> Result<(), Failure> {
    let (Fetched { job, detail }, stream) = Session::run(&args.job.target, async |session| {
        let fetched = fetch(session, &args.job, args.attempt).await?;
        let stream = match fetched.job.job_type {
            JobType::Stream => stream::figures_of(session, &fetched.job).await,
            _ => None,
        };
        Ok((fetched, stream))
    })
    .await?;
    if args.job.json {
        let mut shown = json_of(&job);
        if let Some(figures) = &stream {
            shown["stream"] = stream::as_json(figures);
        }
        shown["detail"] = detail.as_ref().map(|(number, detail)| detail_json(*number, detail)).into();
        return print_json(&shown);
    }
    let mut shown = format!("{}\n{}", text(std::slice::from_ref(&job)), attempts(&job));
    if let Some(due) = job.next_attempt_at {
        shown.push_str(&format!("\nThe next attempt is due at {}.\n", time(Some(due))));
    }
    match &detail {
        Some((number, detail)) if !detail.stages.is_empty() => {
            shown.push_str(&format!("\nStages of attempt {number}:\n{}", stages(detail)));
        }
        _ => {}
    }
    if let Some(figures) = &stream {
        shown.push_str(&format!("\nThe stream:\n{}", stream::in_full(figures)));
    }
    print(&shown)
}

/// Prints the log.
///
/// # Errors
/// As [`run`].
pub(super) async fn log(args: LogArgs) -> Result<(), Failure> {
    let fetched = Session::run(&args.job.target, async |session| fetch(session, &args.job, args.attempt).await);
    let Fetched { job, detail } = fetched.await?;
    let Some((number, detail)) = detail else {
        note(&format!("Job {} has made no attempt that could have a log.", job.id));
        return if args.job.json { print_json(&json!([])) } else { Ok(()) };
    };
    if args.job.json {
        return print_json(&json!(detail.log));
    }
    if detail.log.is_empty() {
        note(&format!("The log of attempt {number} is empty."));
    }
    print(&detail.log.iter().map(|line| format!("{line}\n")).collect::<String>())
}

/// What is known of a job.
struct Fetched {
    job: Job,
    /// What one of its attempts did, and the number of that.
    detail: Option<(u32, AttemptDetail)>,
}

async fn fetch(session: &Session, job: &OneJob, attempt: Option<u32>) -> Result<Fetched, Failure> {
    let job = job.find(session).await?;
    let chosen = choose(&job, attempt)?;
    let Some((number, id)) = chosen.and_then(|attempt| Some((attempt.number, attempt.id?))) else {
        return Ok(Fetched { job, detail: None });
    };
    let detail = session.api.detail(id).await?;
    Ok(Fetched { job, detail: Some((number, detail)) })
}

fn choose(job: &Job, number: Option<u32>) -> Result<Option<&Attempt>, Failure> {
    let Some(number) = number else { return Ok(job.last_attempt()) };
    let found = job.attempts.iter().find(|attempt| attempt.number == number);
    let none =
        || Failure::new(FAILED, format!("Job {} has no attempt {number}; it has made {}.", job.id, job.attempts.len()));
    found.map(Some).ok_or_else(none)
}

fn attempts(job: &Job) -> String {
    let row = |attempt: &Attempt| {
        vec![
            attempt.number.to_string(),
            attempt.state.to_string(),
            or_dash(attempt.progress.map(percent)),
            time(attempt.created_at),
            time(attempt.updated_at),
            or_dash(attempt.reason.clone()),
            or_dash(attempt.message.clone()),
        ]
    };
    let headings = ["ATTEMPT", "STATE", "PROGRESS", "CREATED", "UPDATED", "REASON", "MESSAGE"];
    table(&headings, &job.attempts.iter().map(row).collect::<Vec<_>>())
}

fn stages(detail: &AttemptDetail) -> String {
    let row = |stage: &Stage| {
        vec![
            stage.kind.to_string(),
            stage.state.to_string(),
            or_dash(stage.progress.map(percent)),
            time(stage.started_at),
            or_dash(stage.took.map(print_took)),
            stage.description.clone(),
            or_dash(stage.error.clone()),
        ]
    };
    let headings = ["STAGE", "STATE", "PROGRESS", "STARTED", "TOOK", "WHAT", "ERROR"];
    table(&headings, &detail.stages.iter().map(row).collect::<Vec<_>>())
}

fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}

fn detail_json(number: u32, detail: &AttemptDetail) -> serde_json::Value {
    let stage = |stage: &Stage| {
        json!({
            "stage": stage.kind.to_string(),
            "state": stage.state.to_string(),
            "progress": stage.progress,
            "started_at": json_time(stage.started_at),
            "took_seconds": stage.took.map(|took| took.as_seconds_f64()),
            "description": stage.description,
            "error": stage.error,
        })
    };
    json!({
        "attempt": number,
        "stages": detail.stages.iter().map(stage).collect::<Vec<_>>(),
        "log": detail.log,
    })
}
