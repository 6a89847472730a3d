//! Waiting for a job to end: `wait_for_materialization_job` (docs/reference.md, wait_for_materialization_job;
//! docs/wire.md section 2.2).
//!
//! The limit is exact, on a monotonic clock, whatever a poll does; when it is over there is one last look, so that a
//! job that has ended by then is told as such. A state that has not ended, known or not, never ends the wait.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::Error;
use crate::model::{Job, JobState};

/// Polls in a row that may fail on the way before the wait is given up (as in SDK 1.x).
const FAILURES: u32 = 10;
/// How long the last look may take.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// How quickly a job is polled: at first, and at last; each pause is half as long again as the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), longest: Duration::from_secs(2) }
    }
}

/// Why a wait has not brought a successful job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WaitError {
    /// The job ended in any other way.
    Failed(Box<Job>),
    /// The limit is over; the job as it was last seen, if it was.
    TimedOut(Option<Box<Job>>),
    /// The deployment was not reached, too often in a row, or refused to tell. The job may well go on.
    NotReached(Error),
}

/// Polls with `ask` until the job has ended or `limit` is over; without a limit, for as long as it takes. `seen` is
/// told each state of the job.
///
/// # Errors
/// When the job ends without success, the limit is over, or the deployment does not tell.
pub(crate) async fn wait_for_materialization_job<F: Future<Output = Result<Job, Error>>>(
    mut ask: impl FnMut() -> F,
    limit: Option<Duration>,
    pace: Pace,
    seen: impl Fn(&Job),
) -> Result<Job, WaitError> {
    // An instant that no clock reaches is no limit.
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let (mut last, mut failures, mut pause) = (None, 0, pace.first);
    let mut over = false;
    loop {
        let asked = match deadline {
            Some(deadline) => {
                let patience = if over { LAST_LOOK } else { Duration::ZERO };
                timeout_at(deadline.checked_add(patience).unwrap_or(deadline), ask()).await
            }
            None => Ok(ask().await),
        };
        let Ok(asked) = asked else { return Err(WaitError::TimedOut(last.map(Box::new))) };
        let mut wanted_wait = Duration::ZERO;
        match asked {
            Ok(job) => {
                seen(&job);
                match job.state {
                    JobState::Success => return Ok(job),
                    _ if job.state.is_terminal() => return Err(WaitError::Failed(Box::new(job))),
                    _ => (last, failures) = (Some(job), 0),
                }
            }
            Err(error) if error.passes() && failures < FAILURES => {
                (failures, wanted_wait) = (failures + 1, error.granted_wait())
            }
            Err(_) if over => {}
            Err(error) => return Err(WaitError::NotReached(error)),
        }
        if over {
            return Err(WaitError::TimedOut(last.map(Box::new)));
        }
        let next = Instant::now() + pause.max(wanted_wait);
        sleep_until(deadline.map_or(next, |deadline| next.min(deadline))).await;
        over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        pause = pause.mul_f64(1.5).min(pace.longest);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::client::error::Kind;
    use crate::client::testing::job;

    const QUICK: Pace = Pace { first: Duration::from_millis(1), longest: Duration::from_millis(2) };

    fn unreachable() -> Result<Job, Error> {
        Err(Error::new(Kind::Unreachable, "Away.", "Wait."))
    }

    /// Waits while the polls answer by their number, from 0, and gives how many there were.
    async fn waited(
        answer: impl Fn(u32) -> Result<Job, Error>,
        limit: Option<Duration>,
    ) -> (Result<Job, WaitError>, u32) {
        let polls = Cell::new(0);
        let ask = || {
            polls.set(polls.get() + 1);
            std::future::ready(answer(polls.get() - 1))
        };
        let ended =
            tokio::time::timeout(Duration::from_secs(900), wait_for_materialization_job(ask, limit, QUICK, |_| ()));
        (ended.await.expect("the wait must end"), polls.get())
    }

    #[tokio::test]
    async fn a_job_is_waited_for_through_words_that_nobody_knows() {
        let states = [
            JobState::Scheduled,
            JobState::Running,
            JobState::ManualRetry,
            JobState::Draining,
            JobState::CancellationRequested,
            JobState::Other("PAUSED_BY_NEWER_RELEASE".into()),
        ];
        let answer = |poll: u32| Ok(job(states.get(poll as usize).cloned().unwrap_or(JobState::Success)));
        let (ended, polls) = waited(answer, None).await;
        assert_eq!((ended.unwrap().state, polls), (JobState::Success, 7));
    }

    #[tokio::test]
    async fn any_other_end_is_a_failure_with_the_job() {
        for state in [JobState::Failure, JobState::Cancelled, JobState::Drained] {
            let (ended, _) = waited(|_| Ok(job(state.clone())), None).await;
            assert_eq!(ended, Err(WaitError::Failed(Box::new(job(state)))));
        }
    }

    #[tokio::test]
    async fn the_limit_ends_the_wait_with_the_job_as_it_was_seen() {
        let (ended, polls) = waited(|_| Ok(job(JobState::Running)), Some(Duration::from_millis(50))).await;
        assert_eq!(ended, Err(WaitError::TimedOut(Some(Box::new(job(JobState::Running))))));
        assert!(polls > 1, "{polls}");
    }

    #[tokio::test]
    async fn a_job_that_has_ended_by_the_limit_is_no_time_out() {
        let slow = Pace { first: Duration::from_secs(60), longest: Duration::from_secs(60) };
        for (state, well) in [(JobState::Success, true), (JobState::Failure, false)] {
            let polls = Cell::new(0);
            let ask = || {
                polls.set(polls.get() + 1);
                std::future::ready(Ok(job(if polls.get() == 1 { JobState::Running } else { state.clone() })))
            };
            let ended = wait_for_materialization_job(ask, Some(Duration::from_millis(30)), slow, |_| ()).await;
            let expected =
                if well { Ok(job(state.clone())) } else { Err(WaitError::Failed(Box::new(job(state.clone())))) };
            assert_eq!((ended, polls.get()), (expected, 2));
        }
    }

    #[tokio::test]
    async fn the_limit_is_kept_while_a_poll_hangs() {
        let limit = Some(Duration::from_millis(50));
        let hung = wait_for_materialization_job(std::future::pending, limit, QUICK, |_| ());
        let ended = tokio::time::timeout(Duration::from_secs(900), hung).await.expect("the wait must end");
        assert_eq!(ended, Err(WaitError::TimedOut(None)));
    }

    #[tokio::test]
    async fn a_limit_beyond_every_clock_is_none() {
        let (ended, _) = waited(|_| Ok(job(JobState::Success)), Some(Duration::MAX)).await;
        assert!(ended.is_ok());
    }

    #[tokio::test]
    async fn ten_polls_in_a_row_may_fail_and_not_eleven() {
        // Twice ten, with an answer between.
        let (ended, polls) = waited(
            |poll| match poll {
                10 => Ok(job(JobState::Running)),
                21 => Ok(job(JobState::Success)),
                _ => unreachable(),
            },
            None,
        )
        .await;
        assert_eq!((ended.unwrap().state, polls), (JobState::Success, 22));
        let (ended, polls) = waited(|_| unreachable(), None).await;
        assert_eq!((ended, polls), (Err(WaitError::NotReached(unreachable().unwrap_err())), 11));
        let (ended, polls) = waited(|_| Err(Error::new(Kind::Answered, "There is no such job.", "")), None).await;
        assert!(matches!(ended, Err(WaitError::NotReached(error)) if error.kind == Kind::Answered));
        assert_eq!(polls, 1);
    }

    #[tokio::test]
    async fn each_state_is_told() {
        let (states, polls) = (RefCell::new(Vec::new()), Cell::new(0));
        let ask = || {
            polls.set(polls.get() + 1);
            std::future::ready(Ok(job(if polls.get() < 3 { JobState::Running } else { JobState::Success })))
        };
        wait_for_materialization_job(ask, None, QUICK, |job| states.borrow_mut().push(job.state.clone()))
            .await
            .unwrap();
        assert_eq!(states.into_inner(), [JobState::Running, JobState::Running, JobState::Success]);
    }
}
