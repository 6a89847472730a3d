//! `fvtop jobs`: the list, newest first.

use clap::Args;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::rows::print_jobs;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::target::TargetArgs;
use crate::model::{FeatureView, Job};

/// Views that are asked for at the same time.
const AT_ONCE: usize = 8;

/// List materialization and deletion jobs, newest first.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
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
pub async fn run(args: ListArgs) -> Result<(), Failure> {
    let jobs = Session::run(&args.target, async |session| collect(session, args.view.as_deref()).await).await?;
    print_jobs(&jobs, args.json)
}

/// All jobs of one view, or of every view, newest first.
///
/// # Errors
/// As [`run`].
pub async fn collect(session: &Session, view: Option<&str>) -> Result<Vec<Job>, Failure> {
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
