//! Computations that people ask for, as resources: uploaded tables, queries that wait or run, and their results.
//!
//! All of it is in memory and bounded, and forgotten when the platform stops. Each thing has an id that cannot be
//! guessed and belongs to the API key that made it: for any other key it is not there. What is computed is a
//! [`Compute`]'s business; it runs on threads of its own, for the engine is synchronous and must not be called on async
//! ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use polars::prelude::DataFrame;
use thiserror::Error;
use uuid::Uuid;

use crate::model::Id;
use crate::platform::engine::ask::Control;
use crate::wire::queries::{QueryError, QueryState, QueryStatus};

mod ask;
pub(crate) mod compute;
mod coverage;
mod entry;
mod frames;
pub(crate) mod separator;
#[cfg(test)]
pub(crate) mod testing;
mod worker;

pub(crate) use ask::Ask;
use entry::Entry;
use frames::Frames;
pub(crate) use separator::Separator;
pub(crate) use worker::spawn;

/// Queries that are computed at the same time; more wait in the order they came.
const AT_ONCE: usize = 2;
/// Queries that may wait. A key may have as many waiting as there is room for others.
const QUEUE: usize = 64;
/// Bytes that the tables of waiting queries may take, one that waits alone aside.
const QUEUE_BYTES: usize = 1 << 30;
/// Queries that are known at all, those that ended included.
const KNOWN: usize = 256;
/// Bytes that all results may take; past them the oldest go.
const RESULT_BYTES: usize = 1 << 30;
/// How long a query that waits or runs goes on although nobody asks about it.
const UNWATCHED: Duration = Duration::from_secs(60);
/// How long a query that ended is known after somebody asked about it last.
const KEPT: Duration = Duration::from_secs(600);

/// Whose something is: the id of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub Id);

#[derive(Clone, Debug)]
pub(crate) struct Computed {
    pub frame: DataFrame,
    /// What the caller should know.
    pub warnings: Vec<String>,
    /// The dataset it was kept as.
    pub saved_as: Option<String>,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Cancelled,
    Error(QueryError),
}

/// Computes what is asked, on the calling thread.
pub(crate) trait Compute: Send + Sync {
    /// Looks at `control.cancel` often and tells `control.progress`.
    fn compute(&self, ask: &Ask, control: Control<'_>) -> Result<Computed, Failure>;
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is not there, or belongs to somebody else.
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Full(String),
    /// It is not in the state for this.
    #[error("{0}")]
    NotNow(String),
    #[error("{}", .0.message)]
    Failed(QueryError),
}

/// Tables, queries and results. Clones share them.
#[derive(Clone, Default)]
pub struct Queries(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work_came: Condvar,
}

#[derive(Default)]
struct State {
    frames: Frames,
    entries: HashMap<Uuid, Entry>,
    queue: VecDeque<Uuid>,
    stopping: bool,
}

impl Queries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an uploaded table for a while, and gives its id.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn keep_frame(&self, owner: Owner, frame: DataFrame) -> Result<Uuid, Refusal> {
        self.state().frames.keep(owner, frame, Instant::now())
    }

    /// An uploaded table.
    ///
    /// # Errors
    /// When it is not there (any more), or another key's.
    pub fn frame(&self, owner: Owner, id: &str) -> Result<DataFrame, Refusal> {
        self.state().frames.get(owner, id, Instant::now())
    }

    /// Queues a query and gives its id. It is computed when its turn comes, and cancelled when nobody asks about it for
    /// a minute.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn submit(&self, owner: Owner, ask: Ask) -> Result<Uuid, Refusal> {
        let mut state = self.state();
        let waiting = state.queue.len();
        let held: usize = state.queue.iter().filter_map(|id| state.entries.get(id)).map(Entry::asked_bytes).sum();
        let no_room = waiting > 0 && held.saturating_add(ask.bytes()) > QUEUE_BYTES;
        let own =
            state.queue.iter().filter_map(|id| state.entries.get(id)).filter(|entry| entry.owner == owner).count();
        if own >= QUEUE.saturating_sub(waiting) || no_room || state.stopping {
            return Err(Refusal::Full(format!(
                "{waiting} queries wait already, {own} of them with this API key. Try again when some have ended."
            )));
        }
        state.forget_over(KNOWN - 1, RESULT_BYTES);
        let id = Uuid::new_v4();
        state.entries.insert(id, Entry::new(owner, ask, Instant::now()));
        state.queue.push_back(id);
        self.0.work_came.notify_one();
        Ok(id)
    }

    /// Where a query stands.
    ///
    /// # Errors
    /// When it is not there (any more), or another key's.
    pub fn status(&self, owner: Owner, id: &str) -> Result<QueryStatus, Refusal> {
        let now = Instant::now();
        Ok(self.state().asked(owner, id, now)?.status(now))
    }

    /// Where a query stands once its state has changed, or it has ended, or after `limit`.
    ///
    /// # Errors
    /// As [`Queries::status`].
    pub async fn wait(&self, owner: Owner, id: &str, limit: Duration) -> Result<QueryStatus, Refusal> {
        let mut state = self.state().asked(owner, id, Instant::now())?.watch();
        let before = *state.borrow_and_update();
        if !before.has_ended() {
            let changed = state.wait_for(|state| *state != before);
            // An entry that is forgotten meanwhile is told of below.
            let _ = tokio::time::timeout(limit, changed).await;
        }
        self.status(owner, id)
    }

    /// The rows of a query that is done. They stay for a while, so that a broken link can be tried again.
    ///
    /// # Errors
    /// When it is not done, or not there (any more), or another key's.
    pub fn rows(&self, owner: Owner, id: &str) -> Result<DataFrame, Refusal> {
        let mut state = self.state();
        let entry = state.asked(owner, id, Instant::now())?;
        entry.rows()
    }

    /// Cancels a query: at once when it waits, else as soon as the engine has stopped. One that has ended stays as it
    /// is.
    ///
    /// # Errors
    /// When it is not there (any more), or another key's.
    pub fn cancel(&self, owner: Owner, id: &str) -> Result<QueryStatus, Refusal> {
        let now = Instant::now();
        let mut state = self.state();
        let entry = state.asked(owner, id, now)?;
        entry.cancel(now);
        let status = entry.status(now);
        state.drop_cancelled();
        Ok(status)
    }

    /// Cancels what nobody has asked about, and forgets what has been kept for long enough, as of `now`.
    pub fn sweep(&self, now: Instant) {
        let mut state = self.state();
        state.frames.sweep(now);
        for entry in state.entries.values_mut() {
            if !entry.state().has_ended() && entry.unasked(now) >= UNWATCHED {
                entry.cancel(now);
            }
        }
        state.drop_cancelled();
        state.entries.retain(|_, entry| !entry.state().has_ended() || entry.unasked(now) < KEPT);
    }

    /// Cancels everything and lets the threads end.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        let now = Instant::now();
        state.entries.values_mut().for_each(|entry| entry.cancel(now));
        state.queue.clear();
        self.0.work_came.notify_all();
    }
}

impl State {
    /// The entry of that id, if it is that owner's; notes that somebody asked.
    fn asked(&mut self, owner: Owner, id: &str, now: Instant) -> Result<&mut Entry, Refusal> {
        let found = Uuid::try_parse(id).ok().and_then(|id| self.entries.get_mut(&id));
        let entry = found.filter(|entry| entry.owner == owner).ok_or_else(|| {
            let minutes = KEPT.as_secs() / 60;
            Refusal::NotFound(format!(
                "There is no such query (any more): results are kept for {minutes} minutes, and queries that nobody asks \
                 about are dropped. Start it again."
            ))
        })?;
        entry.touch(now);
        Ok(entry)
    }

    fn drop_cancelled(&mut self) {
        let entries = &self.entries;
        self.queue.retain(|id| entries.get(id).is_some_and(|entry| entry.state() == QueryState::Queued));
    }

    /// Forgets the results that were asked about least lately, fetched ones first, until so many entries and so many
    /// bytes are left.
    fn forget_over(&mut self, count: usize, bytes: usize) {
        let ended = self.entries.iter().filter(|(_, entry)| entry.state().has_ended());
        let mut oldest: Vec<_> = ended.map(|(id, entry)| (!entry.is_fetched(), entry.asked_at(), *id)).collect();
        oldest.sort_unstable();
        let mut oldest = oldest.into_iter();
        let held = |entries: &HashMap<Uuid, Entry>| entries.values().map(Entry::bytes).sum::<usize>();
        while self.entries.len() > count || held(&self.entries) > bytes {
            let Some((_, _, id)) = oldest.next() else { return };
            self.entries.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests;
