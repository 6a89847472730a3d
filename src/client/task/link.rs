//! How the connection stands, and when to try again.

use std::time::Duration;

use chrono::Utc;
use tokio::time::Instant;

use super::super::clock::after;
use super::super::error::{Error, Kind};
use super::super::message::Connection;
use super::Pace;
use crate::model::Time;

/// The connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Link {
    /// Nothing was answered yet.
    Connecting,
    /// The last request was answered in time.
    Live,
    /// A request is overdue.
    Slow,
    /// Away since then: only one request is tried, at that instant.
    Down { attempt: u32, since: Time, at: Instant },
}

impl Link {
    pub(super) fn is_down(&self) -> bool {
        matches!(self, Self::Down { .. })
    }

    /// One more failure: the next try is after a wait that grows, with jitter, and that is long where a new try is not
    /// likely to help, or where the deployment itself said how long (`told`).
    pub(super) fn go_down(&mut self, pace: &Pace, error: Error) -> Connection {
        let (attempt, since) = match self {
            Self::Down { attempt, since, .. } => (*attempt + 1, *since),
            _ => (1, Utc::now()),
        };
        let refused = matches!(error.kind, Kind::Refused | Kind::Foreign);
        let wait = if refused { pace.refused } else { grown(pace.backoff, attempt) };
        let wait = wait.mul_f64(1.0 + 0.2 * jitter()).max(error.granted_wait());
        *self = Self::Down { attempt, since, at: Instant::now() + wait };
        let (problem, next_try) = (error.problem, after(wait));
        match refused {
            true => Connection::Refused { problem, since, next_try: Some(next_try) },
            false => Connection::Offline { problem, since, attempt, next_try },
        }
    }

    /// Somebody wants it now.
    pub(super) fn hurry(&mut self) {
        if let Self::Down { at, .. } = self {
            *at = Instant::now();
        }
    }
}

/// The wait after that many failures in a row, from the first to the longest.
pub(super) fn grown((first, longest): (Duration, Duration), failures: u32) -> Duration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest)
}

/// A number from -1 to 1, so that many consoles do not ask at the same instant.
pub(super) fn jitter() -> f64 {
    let byte = uuid::Uuid::new_v4().as_bytes()[0];
    f64::from(byte) / 127.5 - 1.0
}
