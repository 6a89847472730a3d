//! Which job is meant: by its id or the beginning of one, in one view or in all of them.

use std::str::FromStr;

use clap::Args;

use super::list::collect;
use super::rows::note_unknown;
use crate::cli::failure::{FAILED, Failure};
use crate::cli::session::Session;
use crate::cli::target::TargetArgs;
use crate::client::api::fleet::JobFilter;
use crate::model::Job;

/// The fewest digits by which a job is known.
const SHORTEST: usize = 6;
/// Digits of a whole id.
const WHOLE: usize = 32;

/// An id, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobName(String);

impl FromStr for JobName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (SHORTEST..=WHOLE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let wrong = || format!("a job's id is {WHOLE} hexadecimal digits; its first {SHORTEST} or more are enough");
        fits.then(|| Self(text.to_ascii_lowercase())).ok_or_else(wrong)
    }
}

/// One job, and where it is looked for.
#[derive(Args, Clone, Debug)]
pub struct OneJob {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Id of the job, or its first digits (6 or more) where no other job has them
    #[arg(value_name = "JOB")]
    pub id: JobName,
    /// The feature view of the job; spares a look through all of them
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl OneJob {
    /// The job.
    ///
    /// # Errors
    /// As [`find`].
    pub async fn find(&self, session: &Session) -> Result<Job, Failure> {
        let found = find(session, self.view.as_deref(), std::slice::from_ref(&self.id)).await?;
        found.into_iter().next().ok_or_else(|| none(&self.id, session))
    }
}

/// The jobs of these names, each once.
///
/// # Errors
/// When one is not there or fits several, or the deployment is not reached or refuses.
pub(super) async fn find(session: &Session, view: Option<&str>, names: &[JobName]) -> Result<Vec<Job>, Failure> {
    let jobs = match view {
        Some(_) => collect(session, view, &JobFilter::default()).await?,
        None => {
            let digits: Vec<String> = names.iter().map(|JobName(digits)| digits.clone()).collect();
            let known = session.api.jobs_like(&session.workspace, &digits).await?;
            note_unknown(known.table_problem.as_ref());
            known.jobs
        }
    };
    let mut found: Vec<Job> = Vec::new();
    for name in names {
        let job = pick(&jobs, name)?.ok_or_else(|| none(name, session))?;
        if !found.iter().any(|known| known.id == job.id) {
            found.push(job.clone());
        }
    }
    Ok(found)
}

fn pick<'a>(jobs: &'a [Job], JobName(digits): &JobName) -> Result<Option<&'a Job>, Failure> {
    let fits: Vec<&Job> = jobs.iter().filter(|job| job.id.to_string().starts_with(digits)).collect();
    if let [first, second, ..] = fits[..] {
        let text = format!("Several jobs begin with {digits}: {}, {}. Give more digits.", first.id, second.id);
        return Err(Failure::new(FAILED, text));
    }
    Ok(fits.first().copied())
}

fn none(JobName(digits): &JobName, session: &Session) -> Failure {
    let (workspace, what) = (&session.workspace, if digits.len() == WHOLE { "is" } else { "begins with" });
    Failure::new(
        FAILED,
        format!("No job's id {what} {digits} in workspace `{workspace}`. `fvtop jobs` lists those there are."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Id, JobState, JobType};

    fn job(id: u128) -> Job {
        Job { job_type: JobType::Batch, state: JobState::Running, ..Job::bare(Id(id << 64), "", "") }
    }

    #[test]
    fn the_first_digits_are_enough_where_no_other_job_has_them() {
        let jobs = [job(0x00ab_cdef_0000_0001), job(0x00ab_cdef_0000_0002), job(0x1234_5600_0000_0000)];
        let name = |text: &str| text.parse::<JobName>().unwrap();
        assert_eq!(pick(&jobs, &name("123456")).unwrap().unwrap().id, jobs[2].id);
        assert_eq!(pick(&jobs, &name("00ABCDEF00000002")).unwrap().unwrap().id, jobs[1].id);
        assert!(pick(&jobs, &name("ffffff")).unwrap().is_none());
        let several = pick(&jobs, &name("00abcdef")).unwrap_err();
        assert!(several.text.contains(&jobs[0].id.to_string()) && several.text.contains("more digits"), "{several}");
        for bad in ["12345", "12345g", "", &"1".repeat(33)] {
            assert!(bad.parse::<JobName>().is_err(), "{bad}");
        }
    }
}
