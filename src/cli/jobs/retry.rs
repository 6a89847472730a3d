//! `fvtop jobs retry`: another attempt of a job that has failed for good, or a stopped stream started again.

use clap::Args;

use super::find::OneJob;
use super::wait::{Ended, ThenWait, in_full, wait};
use crate::cli::failure::{Failure, USAGE};
use crate::cli::output::note;
use crate::cli::session::Session;
use crate::model::{Job, JobType};

/// Try a job again that has failed for good, or start a stopped stream again.
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
pub(super) async fn run(args: RetryArgs) -> Result<(), Failure> {
    let ended = Session::change(&args.job.target, async |session| {
        let job = args.job.find(session).await?;
        if job.job_type == JobType::Stream {
            return start_stream(session, job, &args).await;
        }
        session.api.force_retry(job.id, args.overwrite).await?;
        if args.then.wait {
            note(&format!("another attempt of job {} was queued", job.id));
            return Ok(wait(session, job, args.then.timeout).await);
        }
        Ok(Ended { job: in_full(session, job).await, failure: None })
    });
    ended.await?.print(args.job.json)
}

/// A new job that goes on where the ended one stopped.
async fn start_stream(session: &Session, job: Job, args: &RetryArgs) -> Result<Ended, Failure> {
    if args.then.wait || args.overwrite {
        let text = format!("Job {} is a stream job, which does not end: leave out --wait and --overwrite.", job.id);
        return Err(Failure::new(USAGE, text));
    }
    let id = session.api.restart(job.id).await?;
    note(&format!("the stream of {} was started again", job.feature_view));
    let job = session.api.job(&job.workspace, &job.feature_view, id).await?;
    Ok(Ended { job: in_full(session, job).await, failure: None })
}
