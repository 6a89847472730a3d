//! The retry policy (semantics.md section 10), as a pure function.
//!
//! It decides when a job is tried again; it must not touch the job itself.

use crate::model::{Attempt, AttemptState, Span, Time};

/// The reason word of an attempt that the platform itself cut short: a crash, a kill, a shutdown.
pub const INTERRUPTED: &str = "INTERRUPTED";

/// Attempts that may fail on their own before the job fails.
const MAX_FAILURES: usize = 10;
/// Attempts that may be interrupted before the job fails.
const MAX_INTERRUPTIONS: usize = 100;
/// Wait before the first retry of a failed attempt; it doubles with each further failure.
const FIRST_WAIT: Span = Span::minutes(5);

/// Why an attempt did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The platform stopped under it.
    Interrupted,
    /// Another attempt may do better.
    Retryable,
    /// Another attempt would end the same way.
    Permanent,
}

/// What happens to the job after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is queued again at once.
    Now,
    /// It waits until then.
    At(Time),
    /// It has failed for good.
    GiveUp,
}

/// Decides what follows a failure at `now`. `attempts` are all attempts of the job, the one that just failed
/// included. Without managed retries the first failure is final, whatever it was.
pub fn next(failure: Failure, managed: bool, attempts: &[Attempt], now: Time) -> Next {
    let failed = attempts.iter().filter(|a| a.state == AttemptState::Error);
    let interruptions = failed.clone().filter(|a| a.reason.as_deref() == Some(INTERRUPTED)).count();
    let failures = failed.count() - interruptions;
    match failure {
        _ if !managed => Next::GiveUp,
        Failure::Permanent => Next::GiveUp,
        Failure::Interrupted if interruptions >= MAX_INTERRUPTIONS => Next::GiveUp,
        Failure::Interrupted => Next::Now,
        Failure::Retryable if failures >= MAX_FAILURES => Next::GiveUp,
        Failure::Retryable => {
            let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0);
            Next::At(now + FIRST_WAIT * 2_i32.pow(doublings))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;

    fn failed(count: usize, reason: &str) -> Vec<Attempt> {
        let attempt = |number| Attempt {
            id: None,
            number,
            state: AttemptState::Error,
            created_at: None,
            updated_at: None,
            progress: None,
            reason: Some(reason.to_owned()),
            message: None,
        };
        (1..=count as u32).map(attempt).collect()
    }

    #[test]
    fn waits_five_minutes_and_doubles() {
        let now = from_micros(0);
        let wait = |n| next(Failure::Retryable, true, &failed(n, "SOURCE_ERROR"), now);
        assert_eq!(wait(1), Next::At(now + Span::minutes(5)));
        assert_eq!(wait(2), Next::At(now + Span::minutes(10)));
        assert_eq!(wait(9), Next::At(now + Span::minutes(5 * 256)));
        assert_eq!(wait(10), Next::GiveUp);
    }

    #[test]
    fn interruptions_run_again_at_once_and_do_not_count_as_failures() {
        let now = from_micros(0);
        assert_eq!(next(Failure::Interrupted, true, &failed(99, INTERRUPTED), now), Next::Now);
        assert_eq!(next(Failure::Interrupted, true, &failed(100, INTERRUPTED), now), Next::GiveUp);
        let mut mixed = failed(50, INTERRUPTED);
        mixed.extend(failed(1, "SOURCE_ERROR"));
        assert_eq!(next(Failure::Retryable, true, &mixed, now), Next::At(now + Span::minutes(5)));
    }

    #[test]
    fn permanent_failures_and_unmanaged_jobs_end() {
        let now = from_micros(0);
        assert_eq!(next(Failure::Permanent, true, &failed(1, "QUERY_ERROR"), now), Next::GiveUp);
        assert_eq!(next(Failure::Retryable, false, &failed(1, "SOURCE_ERROR"), now), Next::GiveUp);
        assert_eq!(next(Failure::Interrupted, false, &failed(1, INTERRUPTED), now), Next::GiveUp);
    }
}
