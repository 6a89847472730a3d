//! What an answer cost: measured, or not said.
//!
//! There is no service level here that an answer could count for, so `sloEligible` and what belongs to it are left out.

use std::time::{Duration, Instant};

use crate::platform::online::{OnlineError, Read};
use crate::wire::features::{BatchSloInfo, SloInfo};

/// The reads of the online store for one answer.
pub(super) struct Meter {
    began: Instant,
    store: Duration,
    longest: Duration,
    bytes: u64,
}

impl Meter {
    /// Begins to measure; `began` is when the request came.
    pub(super) fn since(began: Instant) -> Self {
        Self { began, store: Duration::ZERO, longest: Duration::ZERO, bytes: 0 }
    }

    /// Measures one read of the online store.
    pub(super) fn read<T>(&mut self, read: impl FnOnce() -> Result<Read<T>, OnlineError>) -> Result<T, OnlineError> {
        let began = Instant::now();
        let read = read();
        let took = began.elapsed();
        self.store += took;
        self.longest = self.longest.max(took);
        let Read { found, bytes } = read?;
        self.bytes += bytes;
        Ok(found)
    }

    /// What it came to until now.
    pub(super) fn slo(&self) -> SloInfo {
        SloInfo {
            server_time_seconds: Some(self.began.elapsed().as_secs_f64()),
            store_time_seconds: Some(self.store.as_secs_f64()),
            store_max_latency: Some(self.longest.as_secs_f64()),
            store_response_size_bytes: Some(self.bytes),
            ..SloInfo::default()
        }
    }

    /// The times of a batch that began at `began`, of the meters of its keys.
    pub(super) fn whole(began: Instant, each: &[Self]) -> BatchSloInfo {
        BatchSloInfo {
            server_time_seconds: Some(began.elapsed().as_secs_f64()),
            store_max_latency: each.iter().map(|meter| meter.longest).max().map(|longest| longest.as_secs_f64()),
        }
    }
}
