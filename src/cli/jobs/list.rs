//! `fvtop jobs`: the list, newest first.

use clap::Args;

use super::rows::{note_unknown, print_jobs};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::target::TargetArgs;
use crate::client::api::fleet::JobFilter;
use crate::model::time::{parse_span, parse_time};
use crate::model::{Job, JobState, JobType, Time};
use crate::wire::convert::words;

/// The states that can be asked for.
const STATES: [JobState; 9] = [
    JobState::Scheduled,
    JobState::Running,
    JobState::Success,
    JobState::Failure,
    JobState::CancellationRequested,
    JobState::Cancelled,
    JobState::Draining,
    JobState::Drained,
    JobState::ManualRetry,
];
/// The types that can be asked for.
const TYPES: [JobType; 4] = [JobType::Batch, JobType::Stream, JobType::Ingest, JobType::Deletion];

/// List materialization and deletion jobs, newest first.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// One feature view [default: all of the workspace]
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// Only jobs in this state, or in one of these, separated by commas
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', value_parser = state)]
    pub states: Vec<JobState>,
    /// Only jobs of this type, or of one of these: batch, stream, ingest, deletion
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = job_type)]
    pub types: Vec<JobType>,
    /// Only jobs that changed since then: a time, or so long ago, such as 2h or 7d
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub since: Option<Time>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints them.
///
/// # Errors
/// When the deployment is not reached or refuses, or does not have the view.
pub(super) async fn run(args: ListArgs) -> Result<(), Failure> {
    let jobs = Session::run(&args.target, async |session| collect(session, args.view.as_deref(), &args.filter()).await)
        .await?;
    print_jobs(&jobs, args.json)
}

/// The jobs of one view, or of every view, that are wanted, newest first.
///
/// # Errors
/// As [`run`].
pub(super) async fn collect(session: &Session, view: Option<&str>, filter: &JobFilter) -> Result<Vec<Job>, Failure> {
    let (api, workspace) = (&session.api, session.workspace.as_str());
    let mut known = match view {
        None => api.all_jobs(workspace, filter).await?,
        Some(name) => {
            let view = api.feature_view(workspace, name).await?;
            api.known_jobs(workspace, &view.name, view.id).await?
        }
    };
    note_unknown(known.table_problem.as_ref());
    known.jobs.retain(|job| filter.fits(job));
    Ok(known.jobs)
}

impl ListArgs {
    fn filter(&self) -> JobFilter {
        JobFilter { states: self.states.clone(), types: self.types.clone(), since: self.since }
    }
}

/// A state as the list shows it, in any case, with or without the protocol's prefix.
fn state(word: &str) -> Result<JobState, String> {
    match words::job_state(word) {
        JobState::Other(_) => Err(format!("it is not one of {}", STATES.map(|state| state.to_string()).join(", "))),
        state => Ok(state),
    }
}

/// A type as the list shows it, in any case.
fn job_type(word: &str) -> Result<JobType, String> {
    match words::job_type(word) {
        JobType::Other(_) => Err(format!("it is not one of {}", TYPES.map(|kind| kind.to_string()).join(", "))),
        kind => Ok(kind),
    }
}

/// An instant, or so long ago.
fn instant(text: &str) -> Result<Time, String> {
    let ago = parse_span(text).ok().and_then(|span| chrono::Utc::now().checked_sub_signed(span));
    let wrong = || {
        format!("`{text}` is neither a time such as `2026-11-22T10:00:00Z` nor a length of time such as `2h` or `7d`")
    };
    ago.or(parse_time(text).ok()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    #[test]
    fn filters_are_read_as_the_list_shows_them() {
        for state_shown in STATES {
            assert_eq!(state(&state_shown.to_string().to_lowercase()), Ok(state_shown));
        }
        assert_eq!(state("MATERIALIZATION_TASK_STATUS_PERMANENT_FAILURE"), Ok(JobState::Failure));
        assert!(state("failed").unwrap_err().contains("SUCCESS, FAILURE"));
        assert_eq!(job_type("stream"), Ok(JobType::Stream));
        assert_eq!(job_type("flying").unwrap_err(), "it is not one of BATCH, STREAM, INGEST, DELETION");
        assert_eq!(instant("2026-11-22 10:00"), parse_time("2026-11-22 10:00").map_err(|e| e.to_string()));
        let then = instant("2h").unwrap();
        let ago = chrono::Utc::now() - then;
        assert!((Span::hours(2)..Span::minutes(121)).contains(&ago), "{ago}");
        assert!(instant("yesterday").unwrap_err().contains("`2h`"));
    }
}
