//! `fvtop jobs`: materialization and deletion jobs of one view, or of all views of a workspace, and what can be done
//! with them.

use clap::{Args, Subcommand};

use super::EXIT_CODES;
use super::failure::Failure;
use super::target::TargetArgs;

mod cancel;
mod find;
mod list;
mod retry;
pub(super) mod rows;
mod show;
mod trigger;
pub(super) mod wait;

/// List materialization and deletion jobs, or do something with one.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct JobsArgs {
    /// What to do; without it, list them.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Options of the list.
    #[command(flatten)]
    pub list: list::ListArgs,
}

/// What to do with jobs.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Show all that is known of one job: its attempts, and the stages of one of them
    #[command(after_help = EXIT_CODES)]
    Show(show::ShowArgs),
    /// Print the log of an attempt
    #[command(after_help = EXIT_CODES)]
    Log(show::LogArgs),
    /// Start a materialization job for a window
    #[command(after_help = EXIT_CODES)]
    Trigger(trigger::TriggerArgs),
    /// Cancel jobs; one that has ended is left as it is
    #[command(after_help = EXIT_CODES)]
    Cancel(cancel::CancelArgs),
    /// Wait until a job has ended; only a success ends well
    #[command(after_help = EXIT_CODES)]
    Wait(wait::WaitArgs),
    /// Try a job again that has failed for good, or start a stopped stream again
    #[command(after_help = EXIT_CODES)]
    Retry(retry::RetryArgs),
}

impl JobsArgs {
    /// The deployment.
    pub fn target(&self) -> &TargetArgs {
        match &self.verb {
            None => &self.list.target,
            Some(Verb::Show(args)) => &args.job.target,
            Some(Verb::Log(args)) => &args.job.target,
            Some(Verb::Trigger(args)) => &args.target,
            Some(Verb::Cancel(args)) => &args.target,
            Some(Verb::Wait(args)) => &args.job.target,
            Some(Verb::Retry(args)) => &args.job.target,
        }
    }
}

/// Does it.
///
/// # Errors
/// When the deployment is not reached or refuses, there is no such job, or a wait does not end well.
pub(crate) async fn run(args: JobsArgs) -> Result<(), Failure> {
    match args.verb {
        None => list::run(args.list).await,
        Some(Verb::Show(args)) => show::run(args).await,
        Some(Verb::Log(args)) => show::log(args).await,
        Some(Verb::Trigger(args)) => trigger::run(args).await,
        Some(Verb::Cancel(args)) => cancel::run(args).await,
        Some(Verb::Wait(args)) => wait::run(args).await,
        Some(Verb::Retry(args)) => retry::run(args).await,
    }
}
