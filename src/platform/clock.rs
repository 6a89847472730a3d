//! The platform's clock: one source of "now", so that tests can set it.
//!
//! Everything that decides by time takes a [`Clock`] or an instant; nothing else of the platform asks the machine. The
//! present may jump: somebody sets the machine's clock, or the machine sleeps. What only measures how long something
//! took goes by [`Clock::steady`], which never does.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::model::time::{from_micros, micros};
use crate::model::{Span, Time};

/// The least jump that is one: clocks that are kept right by the network drift and are moved in small steps.
pub const STEP: Span = Span::seconds(10);

/// How often waiting threads look whether the platform stops.
const STOP_CHECK: Duration = Duration::from_millis(50);
/// Pause after the first error; it doubles.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause after an error.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Tells the present instant in whole microseconds.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Time + Send + Sync>,
    steady: Arc<dyn Fn() -> Time + Send + Sync>,
}

impl Clock {
    /// The machine's clock, with a steady one that counts from now on.
    pub fn system() -> Self {
        let (began, since) = (chrono::Utc::now(), Instant::now());
        let steady = move || began + Span::from_std(since.elapsed()).unwrap_or(Span::MAX);
        Self { now: Arc::new(chrono::Utc::now), steady: Arc::new(steady) }
    }

    /// A clock that asks `now` and never jumps; for tests.
    pub fn from_fn(now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        let now = Arc::new(now);
        Self { now: now.clone(), steady: now }
    }

    /// A clock that may jump: `steady` goes on evenly; for tests.
    pub fn from_fns(
        now: impl Fn() -> Time + Send + Sync + 'static,
        steady: impl Fn() -> Time + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), steady: Arc::new(steady) }
    }

    /// The present instant, cut to whole microseconds.
    pub fn now(&self) -> Time {
        from_micros(micros((self.now)()))
    }

    /// An instant that goes on evenly from the start of the process, whatever becomes of the machine's clock: only the
    /// difference of two of them means something. It stands still while the machine sleeps.
    pub fn steady(&self) -> Time {
        from_micros(micros((self.steady)()))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// Looks whether the present has jumped.
#[derive(Debug, Default)]
pub struct Jumps {
    /// How far the present was ahead of the steady clock.
    ahead: Option<Span>,
}

impl Jumps {
    /// By how much the present has jumped since the last look; negative where it was set back. Small steps are none.
    pub fn look(&mut self, clock: &Clock) -> Option<Span> {
        let ahead = clock.now() - clock.steady();
        let jump = ahead - self.ahead.replace(ahead)?;
        (jump.abs() >= STEP).then_some(jump)
    }
}

/// A present that does not follow a jump forward for a day, for what it decides cannot be undone.
#[derive(Debug, Default)]
pub struct Cautious {
    trusted: Option<(Time, Time)>,
    ahead_since: Option<Time>,
}

impl Cautious {
    /// How long a jump forward has to last before it is believed.
    pub const HOLD: Span = Span::days(1);

    /// The present, or what it would be without the jumps forward of the last day.
    pub fn now(&mut self, clock: &Clock) -> Time {
        let (now, steady) = (clock.now(), clock.steady());
        let expected = self.trusted.map(|(then, at)| then + (steady - at)).filter(|expected| now - *expected >= STEP);
        let Some(expected) = expected else {
            (self.trusted, self.ahead_since) = (Some((now, steady)), None);
            return now;
        };
        if steady - *self.ahead_since.get_or_insert(steady) < Self::HOLD {
            return expected;
        }
        (self.trusted, self.ahead_since) = (Some((now, steady)), None);
        now
    }
}

/// How long to wait before something is tried again that failed so many times on end.
pub(crate) fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    (FIRST_BACKOFF * 2_u32.pow(doublings)).min(LONGEST_BACKOFF)
}

/// Sleeps for `span`, less when the platform stops.
pub fn pause(span: Duration, stop: &CancellationToken) {
    let until = Instant::now() + span;
    while !stop.is_cancelled() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(STOP_CHECK));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A clock in seconds: the present, and how long the process runs.
    fn clock() -> (Arc<[AtomicI64; 2]>, Clock) {
        let hands = Arc::new([AtomicI64::new(1_000_000), AtomicI64::new(0)]);
        let hand = |place: usize| {
            let hands = Arc::clone(&hands);
            move || from_micros(hands[place].load(Ordering::SeqCst) * 1_000_000)
        };
        let clock = Clock::from_fns(hand(0), hand(1));
        (hands, clock)
    }

    fn pass(hands: &[AtomicI64; 2], seconds: i64) {
        for hand in hands {
            hand.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    #[test]
    fn jumps_are_told_once_and_drift_is_none() {
        let (hands, clock) = clock();
        let mut jumps = Jumps::default();
        assert_eq!(jumps.look(&clock), None);
        pass(&hands, 7_200);
        assert_eq!(jumps.look(&clock), None, "time that passes is no jump");
        hands[0].fetch_add(3_600, Ordering::SeqCst);
        assert_eq!((jumps.look(&clock), jumps.look(&clock)), (Some(Span::hours(1)), None));
        hands[0].fetch_sub(7_200, Ordering::SeqCst);
        assert_eq!(jumps.look(&clock), Some(Span::hours(-2)));
        for _ in 0..100 {
            pass(&hands, 1);
            hands[0].fetch_add(2, Ordering::SeqCst);
            assert_eq!(jumps.look(&clock), None);
        }
    }

    #[test]
    fn what_cannot_be_undone_waits_until_a_jump_forward_has_lasted() {
        let (hands, clock) = clock();
        let mut cautious = Cautious::default();
        let began = cautious.now(&clock);
        assert_eq!(began, clock.now());
        hands[0].fetch_add(3_600, Ordering::SeqCst);
        pass(&hands, 60);
        assert_eq!(cautious.now(&clock), began + Span::minutes(1));
        hands[0].fetch_sub(3_600, Ordering::SeqCst);
        assert_eq!(cautious.now(&clock), clock.now(), "it was set right again");
        hands[0].fetch_add(36_000, Ordering::SeqCst);
        cautious.now(&clock);
        pass(&hands, 86_399);
        assert!(cautious.now(&clock) < clock.now());
        pass(&hands, 1);
        assert_eq!(cautious.now(&clock), clock.now());
        hands[0].fetch_sub(36_000, Ordering::SeqCst);
        assert_eq!(cautious.now(&clock), clock.now(), "a clock that is set back is followed at once");
    }

    #[test]
    fn the_machines_clocks_go_on() {
        let clock = Clock::system();
        let (now, steady) = (clock.now(), clock.steady());
        assert!(clock.steady() >= steady);
        assert!((now - steady).abs() < Span::seconds(60));
    }
}
