//! The quarantine of streams: records that no row could be made of, kept until somebody mends what is wrong with them.
//!
//! `quarantine.sqlite` of the data directory holds them for all views, each view bounded in records and bytes: the
//! oldest go, and are counted (docs/quarantine.md). A stream job hands records over by [`Refusals`] before its position
//! moves past them, so a crash in between shows a record twice to this room, which keeps one.
//!
//! # Exactly once
//!
//! A record that is retried leaves one store (this file) and arrives in another (the online store), and tiles are sums:
//! twice would be wrong, and so would be never. So:
//!
//! 1. The rows go online in one write together with a mark that names the records they were made of (the file's
//!    identity and their numbers, which are never given twice).
//! 2. Only then the records leave the file.
//!
//! What the mark names was written, whatever the file says: a crash between the two is put right by [`settle`], at the
//! start and before the next retry of the view, which is the only one that may put another mark in its place.
//!
//! The other way round a record may stand in the file although its stream has not moved past it: after a crash between
//! the two, or while the online store cannot be written. The stream reads it again, and may know by then what to do
//! with it. So each record says from which position it was read: while the stream is still there it is not retried; what
//! the stream says from there once more takes its place; and what a stream has still before it at the start is forgotten
//! here, as if it had not been met.
//!
//! It must not read streams nor move their positions.
//!
//! [`Refusals`]: crate::platform::jobs::stream_job::Refusals
//! [`settle`]: Quarantine::settle

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use super::clock::Clock;
use super::compute::EngineError;
use super::definition::View;
use super::engine::Engine;
use super::online::{OnlineError, OnlineStore};
use super::source::records::{self, Refused};
use super::sqlite::FileError;
use crate::model::{Id, Time};

mod mark;
mod refusals;
mod retry;
mod schema;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use retry::Asked;
use store::{Behind, Store};

/// The file in the data directory.
pub(crate) const FILE: &str = "quarantine.sqlite";

/// How much is kept of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most records of one view; the oldest go for newer ones.
    pub records: u64,
    /// Bytes of them, their sentences included.
    pub bytes: u64,
    /// Bytes of one record: of a longer one the beginning is kept, which can be looked at and not retried.
    pub record_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { records: 10_000, bytes: 64 << 20, record_bytes: records::MOST_BYTES }
    }
}

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its number; later ones have greater ones.
    pub id: i64,
    /// The word of its reason.
    pub reason: String,
    /// Where it stands in its stream, for people.
    pub place: String,
    /// What is wrong with it.
    pub sentence: String,
    pub met: Time,
    /// From where its stream read it.
    behind: Behind,
    /// The record, or its beginning; empty in lists.
    pub bytes: Vec<u8>,
    /// Bytes of the whole record.
    pub length: u64,
    /// How often it was retried.
    pub tries: u64,
    pub tried: Option<Time>,
    /// Why the last retry left it here; empty without one.
    pub error: String,
}

/// What was met of a view for one reason since the beginning: met = held + released + dropped + pushed_out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Total {
    pub view: Id,
    /// The word of the reason.
    pub reason: String,
    pub met: u64,
    /// Records that are there now.
    pub held: u64,
    /// Bytes that those held take.
    pub bytes: u64,
    /// Records that were written after all.
    pub released: u64,
    /// Records that somebody dropped by hand.
    pub dropped: u64,
    /// Records that went for newer ones.
    pub pushed_out: u64,
}

/// Which records of a view are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those of the reason with this word.
    Reason(String),
    /// Those records that have one of these numbers.
    Ids(Vec<i64>),
}

impl Which {
    fn reason(&self) -> Option<&str> {
        if let Self::Reason(word) = self { Some(word) } else { None }
    }

    /// The numbers as a list in JSON, which SQLite takes apart.
    fn ids(&self) -> Option<String> {
        let Self::Ids(ids) = self else { return None };
        Some(format!("[{}]", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")))
    }
}

/// Why the quarantine did not do what was asked.
#[derive(Debug, Error)]
pub enum QuarantineError {
    /// Its file did not answer; asking again may help.
    #[error(transparent)]
    File(#[from] FileError),
    /// The online store did not take the rows; the records stay.
    #[error(transparent)]
    Online(#[from] OnlineError),
    /// What the query needs cannot be read for now.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The user can correct it; the sentence says how.
    #[error("{0}")]
    Refused(String),
}

/// The quarantine of all views. Calls block on the disk; none may come from a thread of an async runtime.
pub(crate) struct Quarantine {
    store: Store,
    online: Arc<OnlineStore>,
    engine: Arc<dyn Engine>,
    clock: Clock,
    /// From when on events count for views; none of a view without a beginning.
    starts: HashMap<Id, Time>,
    /// Views whose mark may name records that are still in the file.
    unsettled: Mutex<BTreeSet<Id>>,
    /// From where each view's stream set records aside last.
    met: Mutex<BTreeMap<Id, Behind>>,
    /// The turn to retry or drop: one at a time, for each mark takes the place of the one before.
    turn: Mutex<()>,
}

impl Quarantine {
    /// Opens the file in a data directory, making it when it is not there.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(crate) fn open(
        data_dir: &Path,
        bounds: Bounds,
        online: Arc<OnlineStore>,
        engine: Arc<dyn Engine>,
        clock: Clock,
    ) -> Result<Self, FileError> {
        let store = Store::open(data_dir, bounds)?;
        Ok(Self {
            store,
            online,
            engine,
            clock,
            starts: HashMap::new(),
            unsettled: Mutex::default(),
            met: Mutex::default(),
            turn: Mutex::default(),
        })
    }

    /// The same, knowing from when on events count for views.
    pub(crate) fn with_starts(self, starts: HashMap<Id, Time>) -> Self {
        Self { starts, ..self }
    }

    /// Brings the records of these views in line with what their streams and retries wrote before the last end. To be
    /// called before any stream is read. A view of which the online store cannot tell is left as it is: its stream
    /// cannot be read either.
    ///
    /// # Errors
    /// When the file fails.
    pub(crate) fn begin(&self, views: &[Arc<View>]) -> Result<(), QuarantineError> {
        for view in views.iter().filter(|view| view.writes_stream()) {
            self.unsettled().insert(view.id);
            match self.begin_view(view.id) {
                Ok(0) => {}
                Ok(records) => {
                    tracing::info!(view = view.name, records, "records of the quarantine will be read once more");
                }
                Err(QuarantineError::Online(error)) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, view = view.name, "the quarantine of a view cannot be put in line");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn begin_view(&self, view: Id) -> Result<u64, QuarantineError> {
        self.settle(view)?;
        let behind = Behind::of(self.online.settled_position(view)?.as_ref());
        Ok(self.store.unmeet(view, &behind)?)
    }

    /// Takes records in that the stream of a view has before it; durable when this returns. They are all that it could
    /// make no row of from this position on: what it said from there before counts no more. One of the same view, place
    /// and reason that is there from elsewhere stays as it is.
    ///
    /// # Errors
    /// When the file cannot be written, or the position not be read: the stream must not move on.
    pub(crate) fn add(&self, view: Id, refused: &[Refused]) -> Result<(), QuarantineError> {
        // A view is in one thread at a time; the others must not wait for its write.
        let known = self.met().get(&view).cloned();
        if refused.is_empty() && known.is_none() {
            return Ok(());
        }
        let behind = Behind::of(self.online.stream_position(view)?.as_ref());
        let again = known.as_ref() == Some(&behind);
        if again || !refused.is_empty() {
            self.store.add(view, (&behind, again), refused, self.clock.now())?;
        }
        let mut met = self.met();
        match refused.is_empty() {
            true => met.remove(&view),
            false => met.insert(view, behind),
        };
        Ok(())
    }

    /// Records of a view without their bytes, the newest first, below the number `before`.
    ///
    /// # Errors
    /// When the file fails.
    pub(crate) fn list(
        &self,
        view: Id,
        reason: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Record>, QuarantineError> {
        self.settle_if_needed(view)?;
        Ok(self.store.list(view, reason, before, limit)?)
    }

    /// One record of a view, with its bytes.
    ///
    /// # Errors
    /// When the file fails.
    pub(crate) fn show(&self, view: Id, id: i64) -> Result<Option<Record>, QuarantineError> {
        self.settle_if_needed(view)?;
        Ok(self.store.get(view, id)?)
    }

    /// Drops records of a view, or counts them where `dry_run`. Returns how many.
    ///
    /// # Errors
    /// When the file fails.
    pub(crate) fn drop_records(&self, view: Id, which: &Which, dry_run: bool) -> Result<u64, QuarantineError> {
        let _turn = self.turn();
        self.settle_if_needed(view)?;
        Ok(if dry_run { self.store.count(view, which)? } else { self.store.drop_all(view, which)? })
    }

    /// What was met since the beginning, by view and reason.
    ///
    /// # Errors
    /// When the file fails.
    pub(crate) fn totals(&self) -> Result<Vec<Total>, FileError> {
        self.store.totals(None)
    }

    /// What was met of a view since the beginning, by reason.
    ///
    /// # Errors
    /// When the file fails.
    pub(crate) fn totals_of(&self, view: Id) -> Result<Vec<Total>, FileError> {
        self.store.totals(Some(view))
    }

    fn unsettled(&self) -> MutexGuard<'_, BTreeSet<Id>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn met(&self) -> MutexGuard<'_, BTreeMap<Id, Behind>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle_if_needed(&self, view: Id) -> Result<(), QuarantineError> {
        if self.unsettled().contains(&view) { self.settle(view) } else { Ok(()) }
    }
}
