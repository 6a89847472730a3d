//! The retry policy (docs/semantics.md section 10), as a pure function.
//!
//! It decides when a job is tried again; it must not touch the job itself. The numbers are settings of the platform;
//! their defaults are those of Tecton.

use crate::model::time::{parse_span, print_span};
use crate::model::{Attempt, AttemptState, Span, Time};
use crate::platform::descriptors::NONE_LEFT;

/// The reason word of an attempt that the platform itself cut short: a crash, a kill, a shutdown.
pub const INTERRUPTED: &str = "INTERRUPTED";

/// The longest wait before a retry.
const LONGEST_WAIT: Span = Span::days(1);

/// When failed attempts are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Wait before the first retry of a failed attempt; it doubles with each further failure, up to a day.
    pub first_wait: Span,
    /// Attempts that may fail before the job fails.
    pub attempts: u32,
    /// Attempts that may be interrupted before the job fails.
    pub interruptions: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { first_wait: Span::minutes(5), attempts: 10, interruptions: 100 }
    }
}

/// Reads the wait before the first retry as a user writes it: a duration from one second to one day. The error says
/// what to write.
pub fn parse_wait(text: &str) -> Result<Span, String> {
    let wait = parse_span(text).map_err(|error| error.to_string())?;
    if wait < Span::seconds(1) || wait > LONGEST_WAIT {
        return Err(format!("a wait before a retry is from 1s to {}", print_span(LONGEST_WAIT)));
    }
    Ok(wait)
}

/// Attempts in a row that found no file descriptor and are followed by another one at once; after more there is a
/// pause.
const AT_ONCE: u32 = 3;
/// The longest of these pauses.
const LONGEST_PAUSE: Span = Span::minutes(1);

/// Why an attempt did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The process had no file descriptor left, which says nothing about the job.
    Starved,
    /// The platform stopped under it.
    Interrupted,
    /// Another attempt may do better.
    Retryable,
    /// Another attempt would end the same way.
    Permanent,
}

/// What happens to the job after a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is queued again at once.
    Now,
    /// It waits until then, and is queued after that.
    At(Time),
    /// It has failed for good, for this reason (the end of a sentence).
    GiveUp(String),
}

/// Decides what follows a failure at `now`. `attempts` are those that count, the one that just failed included. Without
/// managed retries the first failure is final, whatever it was.
pub fn next<'a>(
    policy: &Policy,
    failure: Failure,
    managed: bool,
    attempts: impl Iterator<Item = &'a Attempt>,
    now: Time,
) -> Next {
    let (mut failures, mut interruptions, mut starved) = (0_u32, 0_u32, 0_u32);
    for attempt in attempts.filter(|attempt| attempt.state == AttemptState::Error) {
        let count = match attempt.reason.as_deref() {
            Some(INTERRUPTED) => &mut interruptions,
            Some(NONE_LEFT) => &mut starved,
            _ => &mut failures,
        };
        *count = count.saturating_add(1);
        if attempt.reason.as_deref() != Some(NONE_LEFT) {
            starved = 0;
        }
    }
    match failure {
        _ if !managed => Next::GiveUp("the job was started without managed retries".to_owned()),
        Failure::Permanent => Next::GiveUp("another attempt would end the same way".to_owned()),
        Failure::Interrupted if interruptions >= policy.interruptions => {
            Next::GiveUp(format!("it was interrupted {interruptions} times, which is the most allowed"))
        }
        Failure::Interrupted => Next::Now,
        Failure::Starved if starved <= AT_ONCE => Next::Now,
        Failure::Starved => {
            let doubled = 2_i32.saturating_pow((starved - AT_ONCE - 1).min(10));
            Next::At(now + (Span::seconds(1) * doubled).min(LONGEST_PAUSE))
        }
        Failure::Retryable if failures >= policy.attempts => {
            Next::GiveUp(format!("{failures} attempts have failed, which is the most allowed"))
        }
        Failure::Retryable => {
            let doubled = 2_i32.saturating_pow(failures.saturating_sub(1));
            let wait = policy.first_wait.checked_mul(doubled).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
            Next::At(now + wait)
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

    fn after(policy: &Policy, failure: Failure, managed: bool, attempts: &[Attempt]) -> Next {
        next(policy, failure, managed, attempts.iter(), from_micros(0))
    }

    fn in_minutes(minutes: i64) -> Next {
        Next::At(from_micros(0) + Span::minutes(minutes))
    }

    fn gives_up(next: &Next, why: &str) {
        assert_eq!(next, &Next::GiveUp(why.to_owned()));
    }

    #[test]
    fn waits_five_minutes_and_doubles() {
        let wait = |n| after(&Policy::default(), Failure::Retryable, true, &failed(n, "SOURCE_ERROR"));
        assert_eq!(wait(1), in_minutes(5));
        assert_eq!(wait(2), in_minutes(10));
        assert_eq!(wait(9), in_minutes(5 * 256));
        gives_up(&wait(10), "10 attempts have failed, which is the most allowed");
    }

    #[test]
    fn a_lack_of_descriptors_is_tried_again_soon_and_never_counts() {
        let starved = |n| after(&Policy::default(), Failure::Starved, true, &failed(n, NONE_LEFT));
        assert_eq!((starved(1), starved(3)), (Next::Now, Next::Now));
        let in_seconds = |seconds| Next::At(from_micros(0) + Span::seconds(seconds));
        assert_eq!((starved(4), starved(5), starved(6)), (in_seconds(1), in_seconds(2), in_seconds(4)));
        assert_eq!(starved(10_000), in_seconds(60));
        // Nine failures and any number of these: the tenth failure has not come yet.
        let mixed = [failed(500, NONE_LEFT), failed(9, "SOURCE_ERROR")].concat();
        assert_eq!(after(&Policy::default(), Failure::Retryable, true, &mixed), in_minutes(5 * 256));
        let again = [failed(500, NONE_LEFT), failed(1, "SOURCE_ERROR"), failed(1, NONE_LEFT)].concat();
        assert_eq!(after(&Policy::default(), Failure::Starved, true, &again), Next::Now);
    }

    #[test]
    fn a_policy_of_ones_own_counts_and_waits_and_no_wait_is_longer_than_a_day() {
        let policy = Policy { first_wait: Span::minutes(7), attempts: 70, interruptions: 1 };
        let wait = |n| after(&policy, Failure::Retryable, true, &failed(n, "SOURCE_ERROR"));
        assert_eq!((wait(1), wait(3)), (in_minutes(7), in_minutes(28)));
        assert_eq!((wait(40), wait(69)), (in_minutes(24 * 60), in_minutes(24 * 60)));
        gives_up(&wait(70), "70 attempts have failed, which is the most allowed");
        let interrupted = after(&policy, Failure::Interrupted, true, &failed(1, INTERRUPTED));
        gives_up(&interrupted, "it was interrupted 1 times, which is the most allowed");
    }

    #[test]
    fn interruptions_run_again_at_once_and_do_not_count_as_failures() {
        let policy = Policy::default();
        assert_eq!(after(&policy, Failure::Interrupted, true, &failed(99, INTERRUPTED)), Next::Now);
        assert!(matches!(after(&policy, Failure::Interrupted, true, &failed(100, INTERRUPTED)), Next::GiveUp(_)));
        let mut mixed = failed(50, INTERRUPTED);
        mixed.extend(failed(1, "SOURCE_ERROR"));
        assert_eq!(after(&policy, Failure::Retryable, true, &mixed), in_minutes(5));
    }

    #[test]
    fn permanent_failures_and_unmanaged_jobs_end() {
        let end = |failure, managed, word| after(&Policy::default(), failure, managed, &failed(1, word));
        gives_up(&end(Failure::Permanent, true, "QUERY_ERROR"), "another attempt would end the same way");
        let unmanaged = "the job was started without managed retries";
        gives_up(&end(Failure::Retryable, false, "SOURCE_ERROR"), unmanaged);
        gives_up(&end(Failure::Interrupted, false, INTERRUPTED), unmanaged);
    }

    #[test]
    fn a_wait_is_a_duration_from_a_second_to_a_day() {
        assert_eq!(parse_wait("90s"), Ok(Span::seconds(90)));
        assert_eq!(parse_wait("1d"), Ok(Span::days(1)));
        for text in ["0s", "2d", "1d1s"] {
            assert_eq!(parse_wait(text), Err("a wait before a retry is from 1s to 1d".to_owned()), "{text}");
        }
        assert!(parse_wait("soon").unwrap_err().contains("`soon` is not a duration"));
    }
}
