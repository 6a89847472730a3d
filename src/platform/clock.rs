//! The platform's clock: one source of "now", so that tests can set it.
//!
//! Everything that decides by time takes a [`Clock`] or an instant; nothing else of the platform asks the machine.

use std::fmt;
use std::sync::Arc;

use crate::model::Time;
use crate::model::time::{from_micros, micros};

/// Tells the present instant in whole microseconds.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Time + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::from_fn(chrono::Utc::now)
    }

    /// A clock that asks `now`; for tests.
    pub fn from_fn(now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The present instant, cut to whole microseconds.
    pub fn now(&self) -> Time {
        from_micros(micros((self.0)()))
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
