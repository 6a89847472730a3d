//! `fvtop jobs`: materialization and deletion jobs of one view, or of all views of a workspace.

use clap::Args;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;

use super::failure::Failure;
use super::output::{json_time, print, print_json, table, time};
use super::session::Session;
use super::target::TargetArgs;
use crate::model::{Attempt, FeatureView, Job};

/// Views that are asked for at the same time.
const AT_ONCE: usize = 8;
/// The longest failure that a row shows, in characters.
const SHOWN: usize = 100;

/// List materialization and deletion jobs, newest first.
#[derive(Args, Clone, Debug)]
pub struct JobsArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// One feature view [default: all of the workspace]
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints them.
///
/// # Errors
/// When the deployment is not reached or refuses, or does not have the view.
pub async fn run(args: JobsArgs) -> Result<(), Failure> {
    let session = Session::open(&args.target).await?;
    let jobs = collect(&session, args.view.as_deref()).await;
    session.close().await;
    let jobs = jobs?;
    if args.json {
        return print_json(&jobs.iter().map(as_json).collect());
    }
    let headings = ["JOB", "VIEW", "TYPE", "STATE", "START", "END", "ATTEMPTS", "UPDATED", "FAILURE"];
    print(&table(&headings, &jobs.iter().map(as_row).collect::<Vec<_>>()))
}

async fn collect(session: &Session, view: Option<&str>) -> Result<Vec<Job>, Failure> {
    let (api, workspace) = (&session.api, session.workspace.as_str());
    let views: Vec<FeatureView> = match view {
        Some(name) => vec![api.feature_view(workspace, name).await?],
        None => api.feature_views(workspace).await?,
    };
    let calls = views.iter().map(|view| api.jobs(workspace, &view.name, view.id));
    let lists: Vec<Vec<Job>> = stream::iter(calls).buffered(AT_ONCE).try_collect().await?;
    let mut jobs: Vec<Job> = lists.into_iter().flatten().collect();
    jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.window, job.id)));
    Ok(jobs)
}

fn as_row(job: &Job) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.feature_view.clone(),
        job.job_type.to_string(),
        job.state.to_string(),
        time(job.window.map(|window| window.start)),
        time(job.window.map(|window| window.end)),
        job.attempts.len().to_string(),
        time(job.updated_at),
        failure(job),
    ]
}

/// The failure of a job that has one to show, on one line.
fn failure(job: &Job) -> String {
    let text = job.failure().unwrap_or_default();
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN { line } else { line.chars().take(SHOWN - 1).chain(['…']).collect() }
}

fn as_json(job: &Job) -> serde_json::Value {
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
        "attempts": job.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
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
