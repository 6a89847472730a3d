//! `fvtop jobs cancel`: one job or several, after a look at what will be hit.

use clap::Args;
use futures::stream::{self, StreamExt};

use super::find::{JobName, find};
use super::rows::{print_jobs, text};
use crate::cli::confirm;
use crate::cli::failure::{Failure, USAGE};
use crate::cli::output::note;
use crate::cli::session::Session;
use crate::cli::target::TargetArgs;
use crate::model::Job;

/// Jobs that are cancelled at the same time.
const AT_ONCE: usize = 8;

/// Cancel jobs.
#[derive(Args, Clone, Debug)]
pub struct CancelArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Ids of the jobs, or their first digits (6 or more) where no other job has them
    #[arg(value_name = "JOB", required = true)]
    pub ids: Vec<JobName>,
    /// The feature view of the jobs; spares a look through all of them
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Cancels them, once all were found and the user agrees, and prints them as they then are.
///
/// # Errors
/// When one is not there, nobody agrees, or the deployment is not reached or refuses one.
pub(super) async fn run(args: CancelArgs) -> Result<(), Failure> {
    let (jobs, failure) = Session::change(&args.target, async |session| {
        let (hit, left): (Vec<Job>, Vec<Job>) =
            find(session, args.view.as_deref(), &args.ids).await?.into_iter().partition(|job| job.state.can_cancel());
        for job in &left {
            note(&format!("job {} is {} and is left as it is", job.id, job.state));
        }
        if !args.yes && !hit.is_empty() {
            agree(&hit).await?;
        }
        Ok(cancel(session, hit, left).await)
    })
    .await?;
    print_jobs(&jobs, args.json)?;
    failure.map_or(Ok(()), Err)
}

async fn agree(hit: &[Job]) -> Result<(), Failure> {
    let question = format!("{}Cancel {}?", text(hit), count(hit.len()));
    let alone = || {
        let what = format!("This would cancel {}; there is no terminal to ask on.", count(hit.len()));
        Failure::new(USAGE, format!("{what} Give --yes to do it.\n{}", text(hit)))
    };
    confirm::agree(&question, "Nothing was cancelled.", alone).await
}

/// Cancels what can be; gives all jobs as they then are, and the failure when one was refused.
async fn cancel(session: &Session, hit: Vec<Job>, mut jobs: Vec<Job>) -> (Vec<Job>, Option<Failure>) {
    let (all, api) = (hit.len(), &session.api);
    let calls = hit.into_iter().map(|job| async move {
        let answer = api.cancel(&job.workspace, &job.feature_view, job.id).await;
        (job, answer)
    });
    let answers: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
    let (mut refused, mut code) = (0, 0);
    for (job, answer) in answers {
        match answer {
            Ok(job) => jobs.push(job),
            Err(error) => {
                note(&format!("job {} was not cancelled: {error}", job.id));
                code = Failure::from(error).code;
                refused += 1;
                jobs.push(job);
            }
        }
    }
    let failure = || Failure::new(code, format!("{refused} of {} not cancelled.", count(all)));
    let failure = (refused > 0).then(failure);
    (jobs, failure)
}

fn count(jobs: usize) -> String {
    if jobs == 1 { "1 job".to_owned() } else { format!("{jobs} jobs") }
}
