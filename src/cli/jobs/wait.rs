//! `fvtop jobs wait`, and the waits of the commands that start something.

use std::cell::RefCell;
use std::time::Duration;

use clap::Args;

use super::find::OneJob;
use super::rows::{note_unknown, print_job};
use crate::cli::failure::{FAILED, Failure, TIMED_OUT};
use crate::cli::output::note;
use crate::cli::session::Session;
use crate::client::wait::{Pace, WaitError, wait_for_materialization_job};
use crate::model::time::parse_span;
use crate::model::{Job, JobState};

/// Wait until a job has ended.
#[derive(Args, Clone, Debug)]
pub struct WaitArgs {
    /// The job.
    #[command(flatten)]
    pub job: OneJob,
    /// Give up after this long, such as 90s or 5m [default: never]; the job goes on
    #[arg(long, value_name = "SPAN", value_parser = limit)]
    pub timeout: Option<Duration>,
}

/// Whether to wait for what was started.
#[derive(Args, Clone, Copy, Debug)]
pub struct ThenWait {
    /// Wait until the job has ended; only a success ends well
    #[arg(long)]
    pub wait: bool,
    /// Give up waiting after this long, such as 90s or 5m [default: never]; the job goes on
    #[arg(long, value_name = "SPAN", value_parser = limit, requires = "wait")]
    pub timeout: Option<Duration>,
}

/// A limit as it is written.
fn limit(text: &str) -> Result<Duration, String> {
    let span = parse_span(text).map_err(|error| error.to_string())?;
    span.to_std().map_err(|_| "a limit is not negative".to_owned())
}

/// Waits and prints the job as it ended.
///
/// # Errors
/// When the job does not end in a success, or not in time, or the deployment is not reached.
pub(crate) async fn run(args: WaitArgs) -> Result<(), Failure> {
    let ended = Session::run(&args.job.target, async |session| {
        let job = args.job.find(session).await?;
        Ok(wait(session, job, args.timeout).await)
    });
    ended.await?.print(args.job.json)
}

/// How a wait ended.
pub(crate) struct Ended {
    /// The job as it was last seen.
    pub job: Job,
    /// Why it did not end well.
    pub failure: Option<Failure>,
}

impl Ended {
    /// Prints the job, then fails where the wait did.
    ///
    /// # Errors
    /// With the failure of the wait, or when standard output cannot be written.
    pub(crate) fn print(self, as_json: bool) -> Result<(), Failure> {
        print_job(&self.job, as_json)?;
        self.failure.map_or(Ok(()), Err)
    }
}

/// Waits until `job` has ended.
pub(crate) async fn wait(session: &Session, job: Job, limit: Option<Duration>) -> Ended {
    // The wait bears failures by itself.
    let api = session.api.clone().with_retries(0);
    let (workspace, view, id) = (job.workspace.as_str(), job.feature_view.as_str(), job.id);
    let strange = RefCell::new(None);
    let seen = |job: &Job| tell_strange(job, &mut strange.borrow_mut());
    let ended = wait_for_materialization_job(|| api.job(workspace, view, id), limit, Pace::default(), seen).await;
    match ended {
        Ok(job) => Ended { job: in_full(session, job).await, failure: None },
        Err(WaitError::Failed(job)) => {
            let job = in_full(session, *job).await;
            let why = job.failure().map(|why| format!(": {why}")).unwrap_or_default();
            let failure =
                Failure::new(FAILED, format!("Job {id} of `{}` ended as {}{why}", job.feature_view, job.state));
            Ended { job, failure: Some(failure) }
        }
        Err(WaitError::TimedOut(seen)) => {
            let job = seen.map_or(job, |seen| *seen);
            let limit = limit.unwrap_or_default().as_secs();
            let text = format!("Job {id} has not ended within {limit} s; it is {} and goes on.", job.state);
            let hint = format!("`fvtop jobs wait {id}` waits again.");
            Ended { job, failure: Some(Failure::new(TIMED_OUT, format!("{text} {hint}"))) }
        }
        Err(WaitError::NotReached(error)) => Ended { job, failure: Some(error.into()) },
    }
}

/// Tells once of a state that nobody here knows: whether a job that is in it has ended is not known either.
fn tell_strange(job: &Job, shown: &mut Option<JobState>) {
    if matches!(job.state, JobState::Other(_)) && shown.as_ref() != Some(&job.state) {
        let text = format!("job {} is in the state `{}`, which this program does not know", job.id, job.state);
        note(&format!("{text}: it is waited for until the deployment tells of an end that is known"));
        *shown = Some(job.state.clone());
    }
}

/// The job with what only the status table tells, such as why it failed; as it is where that cannot be read.
pub(crate) async fn in_full(session: &Session, job: Job) -> Job {
    let full = async {
        let view = session.api.feature_view(&job.workspace, &job.feature_view).await?;
        session.api.known_jobs(&job.workspace, &job.feature_view, view.id).await
    };
    match full.await {
        Ok(known) => {
            note_unknown(known.table_problem.as_ref());
            known.jobs.into_iter().find(|full| full.id == job.id).unwrap_or(job)
        }
        Err(error) => {
            note_unknown(Some(&error.problem));
            job
        }
    }
}
