//! Instants of this program by the clock that the screen goes by: this machine's, in UTC.

use std::time::Duration;

use chrono::Utc;
use tokio::time::Instant;

use crate::model::{Span, Time};

/// The instant after that wait.
pub(super) fn after(wait: Duration) -> Time {
    let now = Utc::now();
    Span::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now)
}

/// When that instant was.
pub(super) fn when(at: Instant) -> Time {
    let now = Utc::now();
    Span::from_std(at.elapsed()).ok().and_then(|ago| now.checked_sub_signed(ago)).unwrap_or(now)
}
