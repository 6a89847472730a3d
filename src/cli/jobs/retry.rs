//! `fvtop jobs retry`: another attempt of a job that has failed for good.

use clap::Args;

use super::find::OneJob;
use super::wait::{Ended, ThenWait, in_full, wait};
use crate::cli::failure::Failure;
use crate::cli::output::note;
use crate::cli::session::Session;

/// Try a job again that has failed for good.
#[derive(Args, Clone, Debug)]
pub struct RetryArgs {
    /// The job.
    #[command(flatten)]
    pub job: OneJob,
    /// Allow it although other jobs have written its window since
    #[arg(long)]
    pub overwrite: bool,
    /// What follows.
    #[command(flatten)]
    pub then: ThenWait,
}

/// Queues the attempt and prints the job, as it then is or, with a wait, as it ended.
///
/// # Errors
/// When there is no such job, or the deployment is not reached or refuses; of a wait, when the job does not end well.
pub async fn run(args: RetryArgs) -> Result<(), Failure> {
    let ended = Session::change(&args.job.target, async |session| {
        let job = args.job.find(session).await?;
        session.api.force_retry(job.id, args.overwrite).await?;
        if args.then.wait {
            note(&format!("another attempt of job {} was queued", job.id));
            return Ok(wait(session, job, args.then.timeout).await);
        }
        Ok(Ended { job: in_full(session, job).await, failure: None })
    });
    ended.await?.print(args.job.json)
}
