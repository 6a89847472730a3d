//! `fvtop jobs trigger`: `trigger_materialization_job`.

use clap::Args;

use super::wait::{Ended, ThenWait, in_full, wait};
use crate::cli::failure::Failure;
use crate::cli::output::note;
use crate::cli::session::Session;
use crate::cli::target::TargetArgs;
use crate::model::time::parse_time;
use crate::model::{Time, TriggerRequest, Window};

/// Start a materialization job for a window.
#[derive(Args, Clone, Debug)]
pub struct TriggerArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// First instant of the window, on the view's batch schedule
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub start: Time,
    /// First instant after the window, on the view's batch schedule
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub end: Time,
    /// Write to the online store
    #[arg(long)]
    pub online: bool,
    /// Write to the offline store
    #[arg(long)]
    pub offline: bool,
    /// Allow periods that are materialized already: offline rows of the window are dropped and written anew, online rows
    /// stay where the job has none for their key
    #[arg(long)]
    pub overwrite: bool,
    /// Make one attempt and no other
    #[arg(long)]
    pub no_retries: bool,
    /// What follows.
    #[command(flatten)]
    pub then: ThenWait,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Starts it and prints it, as it was started or, with a wait, as it ended.
///
/// # Errors
/// When the deployment is not reached or refuses; of a wait, when the job does not end well.
pub(super) async fn run(args: TriggerArgs) -> Result<(), Failure> {
    let ended = Session::change(&args.target, async |session| {
        let request = TriggerRequest {
            workspace: session.workspace.clone(),
            feature_view: args.view.clone(),
            window: Window { start: args.start, end: args.end },
            online: args.online,
            offline: args.offline,
            use_tecton_managed_retries: !args.no_retries,
            overwrite: args.overwrite,
        };
        let job = session.api.trigger(&request).await?;
        if args.then.wait {
            note(&format!("started job {}", job.id));
            return Ok(wait(session, job, args.then.timeout).await);
        }
        Ok(Ended { job: in_full(session, job).await, failure: None })
    });
    ended.await?.print(args.json)
}
