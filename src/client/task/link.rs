//! How the connection stands, and when to try again.

use std::time::Duration;

use tokio::time::Instant;

use super::Pace;

/// The connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Link {
    /// Nothing was answered yet.
    Connecting,
    /// The last request was answered in time.
    Live,
    /// A request is overdue.
    Slow,
    /// Away: only one request is tried, at that instant.
    Down { attempt: u32, at: Instant },
}

impl Link {
    pub(super) fn is_down(&self) -> bool {
        matches!(self, Self::Down { .. })
    }

    /// Tries in a row that failed.
    pub(super) fn attempt(&self) -> u32 {
        match self {
            Self::Down { attempt, .. } => *attempt,
            _ => 0,
        }
    }

    /// One more failure; gives the wait before the next try: growing, with jitter, and long where a new try is not
    /// likely to help.
    pub(super) fn go_down(&mut self, pace: &Pace, refused: bool) -> Duration {
        let attempt = self.attempt() + 1;
        let grown = pace.backoff.0.saturating_mul(1 << (attempt - 1).min(16));
        let wait = if refused { pace.refused } else { grown.min(pace.backoff.1) };
        let wait = wait.mul_f64(1.0 + 0.2 * jitter());
        *self = Self::Down { attempt, at: Instant::now() + wait };
        wait
    }

    /// Somebody wants it now.
    pub(super) fn hurry(&mut self) {
        if let Self::Down { at, .. } = self {
            *at = Instant::now();
        }
    }
}

/// A number from -1 to 1, so that many consoles do not ask at the same instant.
pub(super) fn jitter() -> f64 {
    let byte = uuid::Uuid::new_v4().as_bytes()[0];
    f64::from(byte) / 127.5 - 1.0
}
