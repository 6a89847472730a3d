//! One query from the queue to its result.
//!
//! Plain state: no thread and no clock of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use polars::prelude::DataFrame;
use tokio::sync::watch;

use super::{Ask, Computed, Failure, Owner, Refusal};
use crate::platform::compute::Cancel;
use crate::wire::queries::{QueryState, QueryStatus};

pub(super) struct Entry {
    pub(super) owner: Owner,
    /// Absent once it was taken to be computed.
    ask: Option<Ask>,
    pub(super) cancel: Cancel,
    pub(super) rows_read: Arc<AtomicU64>,
    state: watch::Sender<QueryState>,
    outcome: Option<Result<Computed, Failure>>,
    fetched: bool,
    asked_at: Instant,
    began: Option<Instant>,
    ended: Option<Instant>,
}

impl Entry {
    pub(super) fn new(owner: Owner, ask: Ask, now: Instant) -> Self {
        Self {
            owner,
            ask: Some(ask),
            cancel: Cancel::default(),
            rows_read: Arc::default(),
            state: watch::Sender::new(QueryState::Queued),
            outcome: None,
            fetched: false,
            asked_at: now,
            began: None,
            ended: None,
        }
    }

    pub(super) fn state(&self) -> QueryState {
        *self.state.borrow()
    }

    /// Tells each change of the state.
    pub(super) fn watch(&self) -> watch::Receiver<QueryState> {
        self.state.subscribe()
    }

    pub(super) fn touch(&mut self, now: Instant) {
        self.asked_at = self.asked_at.max(now);
    }

    pub(super) fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// How long nobody has asked.
    pub(super) fn unasked(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.asked_at)
    }

    pub(super) fn is_fetched(&self) -> bool {
        self.fetched
    }

    /// Bytes of the tables that it waits with.
    pub(super) fn asked_bytes(&self) -> usize {
        self.ask.as_ref().map_or(0, Ask::bytes)
    }

    pub(super) fn bytes(&self) -> usize {
        match &self.outcome {
            Some(Ok(computed)) => computed.frame.estimated_size(),
            _ => 0,
        }
    }

    pub(super) fn start(&mut self, now: Instant) -> Option<Ask> {
        self.began = Some(now);
        self.state.send_replace(QueryState::Running);
        self.ask.take()
    }

    /// Asks it to stop; one that waits has ended with that.
    pub(super) fn cancel(&mut self, now: Instant) {
        self.cancel.cancel();
        if self.state() == QueryState::Queued {
            self.ask = None;
            self.finish(Err(Failure::Cancelled), now);
        }
    }

    pub(super) fn finish(&mut self, outcome: Result<Computed, Failure>, now: Instant) {
        let state = match &outcome {
            Ok(_) => QueryState::Done,
            Err(Failure::Cancelled) => QueryState::Cancelled,
            Err(Failure::Error(_)) => QueryState::Failed,
        };
        self.outcome = Some(outcome);
        self.ended = Some(now);
        self.state.send_replace(state);
    }

    pub(super) fn status(&self, now: Instant) -> QueryStatus {
        let mut status = QueryStatus {
            state: self.state(),
            rows_read: self.rows_read.load(Ordering::Relaxed),
            ..QueryStatus::default()
        };
        if let Some(began) = self.began {
            status.seconds = self.ended.unwrap_or(now).saturating_duration_since(began).as_secs_f64();
        }
        match &self.outcome {
            Some(Ok(computed)) => {
                status.rows = Some(computed.frame.height() as u64);
                status.warnings.clone_from(&computed.warnings);
                status.saved_as.clone_from(&computed.saved_as);
            }
            Some(Err(Failure::Error(error))) => status.error = Some(error.clone()),
            Some(Err(Failure::Cancelled)) | None => {}
        }
        status
    }

    /// The rows, once it is done.
    pub(super) fn rows(&mut self) -> Result<DataFrame, Refusal> {
        match &self.outcome {
            Some(Ok(computed)) => {
                self.fetched = true;
                Ok(computed.frame.clone())
            }
            Some(Err(Failure::Error(error))) => Err(Refusal::Failed(error.clone())),
            Some(Err(Failure::Cancelled)) => {
                Err(Refusal::NotNow("The query was cancelled, so it has no rows. Start it again.".to_owned()))
            }
            None => Err(Refusal::NotNow(
                "The query has not ended yet. Ask for its status until it is done, then for its rows.".to_owned(),
            )),
        }
    }
}
