//! The online store over any place that keeps the contract: what it promises, whose turn it is to write, and what is
//! known of views.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use polars::prelude::DataFrame;

mod released;

pub(crate) use released::{Release, Released, Verdict};

use super::chunks::{Chunks, PART_BYTES};
use super::contract::{Change, PartitionStore, Space, TIME_BYTES};
use super::count_reads::{CountedReads, Read};
use super::embedded::FjallStore;
use super::meta::{Meta, Windows, put};
use super::plan::Plan;
use super::vector::{self, TileSpan};
use super::{
    BatchWrite, Bounds, Entry, OnlineError, Restart, StreamRows, StreamWrite, codec, query, remove, reorder, restart,
    rows, seen, tiles,
};
use crate::model::time::{from_micros, micros, print_windows, rfc3339};
use crate::model::{FeatureStatus, FeatureVector, Id, Time, Value, Window};
use crate::platform::definition::View;
use crate::platform::source::position::Position;

/// The protocol's words for values that may be older than they should be.
const CACHED_PRESENT: &str = "CACHED_PRESENT";
const CACHED_MISSING: &str = "CACHED_MISSING_DATA";

/// The online store. Reads take no lock that a writer holds; writes go one after the other.
pub struct OnlineStore {
    place: Arc<dyn PartitionStore>,
    plans: RwLock<HashMap<Id, Arc<Plan>>>,
    /// The turn to write: what a writer has read stays as it is until it has written.
    writing: Mutex<()>,
    /// How often what deduplication knows may have changed by another write than that of the stream itself.
    releases: AtomicU64,
    /// Bytes of one part of a great write.
    part: usize,
    /// Of views whose batch windows were not all there at the start: the windows that jobs have written.
    wanted: RwLock<HashMap<Id, Vec<Window>>>,
}

impl OnlineStore {
    /// The embedded store in `dir`, created when it is not there.
    pub fn open(dir: &Path) -> Result<Self, OnlineError> {
        Ok(Self::over(Arc::new(FjallStore::open(dir)?)))
    }

    /// The store over a place for its values.
    pub fn over(place: Arc<dyn PartitionStore>) -> Self {
        Self {
            place,
            plans: RwLock::default(),
            writing: Mutex::default(),
            releases: AtomicU64::default(),
            part: PART_BYTES,
            wanted: RwLock::default(),
        }
    }

    /// The store with parts of another size.
    #[cfg(test)]
    pub(super) fn with_parts(self, part: usize) -> Self {
        Self { part, ..self }
    }

    /// Waits for its turn to write. A writer that panicked left nothing half done: its changes were not written.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`OnlineStore::turn`], for who reads what it writes anew: a write that failed is settled first, so that
    /// nothing of it appears between the two. An error where it cannot be yet.
    fn settled_turn(&self) -> Result<MutexGuard<'_, ()>, OnlineError> {
        let turn = self.turn();
        self.mend_in_turn()?;
        Ok(turn)
    }

    /// Has the place made fit to be written. What a write that failed has left may appear with that.
    fn mend_in_turn(&self) -> Result<(), OnlineError> {
        let was_unfit = self.place.trouble().is_some();
        let mended = self.place.mend();
        if was_unfit {
            self.note_release();
        }
        mended
    }

    /// Has every stream that is telling events apart just now do it again. In a turn to write.
    fn note_release(&self) {
        self.releases.fetch_add(1, Ordering::SeqCst);
    }

    /// The plan of a view. A definition that is met for the first time is held against what is stored of it: tiles of
    /// another one would be read as what they are not.
    fn plan(&self, view: &View) -> Result<Arc<Plan>, OnlineError> {
        let known = self.plans.read().unwrap_or_else(PoisonError::into_inner).get(&view.id).cloned();
        if let Some(plan) = known.filter(|plan| plan.fits(view)) {
            return Ok(plan);
        }
        let plan = Arc::new(Plan::new(view));
        // Without a shape nothing is stored of the view, and there is nothing to hold it against.
        if let Some(shape) = self.get(view.id, Meta::Shape)? {
            if shape != plan.shape {
                return Err(self.another_definition(view));
            }
            // Lookups come by here: they wait for a writer only where keys are still to be brought into order.
            if !reorder::is_ordered(&*self.place, &plan)? {
                let _turn = self.settled_turn()?;
                reorder::reorder(&*self.place, &plan)?;
            }
        }
        self.plans.write().unwrap_or_else(PoisonError::into_inner).insert(view.id, Arc::clone(&plan));
        Ok(plan)
    }

    fn another_definition(&self, view: &View) -> OnlineError {
        OnlineError::Mismatch(format!(
            "view {}: the online store in {} holds data of another definition of it (keys, tiles or columns differ). \
             Restore that definition, rename the view, or start with an empty data directory",
            view.name,
            self.place.place()
        ))
    }

    fn get(&self, view: Id, meta: Meta) -> Result<Option<Vec<u8>>, OnlineError> {
        self.place.get(Space::Views, &meta.key(view))
    }

    fn get_time(&self, view: Id, meta: Meta) -> Result<Option<Time>, OnlineError> {
        Ok(self.get(view, meta)?.and_then(|bytes| codec::unordered(&bytes)).map(from_micros))
    }

    fn known_windows(&self, view: Id) -> Result<Windows, OnlineError> {
        Ok(self.get(view, Meta::Windows)?.map(|bytes| Windows::decode(&bytes)).unwrap_or_default())
    }

    /// The windows that batch jobs wrote, joined where they touch, in the order of time. A lookup that finds nothing
    /// means "no data" inside them, and "not materialized" outside.
    pub fn windows(&self, view: Id) -> Result<Vec<Window>, OnlineError> {
        Ok(self.known_windows(view)?.list())
    }

    /// Reads all that is stored, and gives how many entries that are. An error where something cannot be read.
    pub fn read_all(&self) -> Result<u64, OnlineError> {
        let mut damaged = 0;
        let entries = self.place.read_all(&mut |space, value| {
            let readable = match space {
                Space::Tiles => codec::decode_tile(value).is_some(),
                Space::Rows => value.get(TIME_BYTES..).and_then(codec::decode).is_some(),
                Space::Views => true,
            };
            damaged += u64::from(!readable);
        })?;
        if damaged == 0 {
            return Ok(entries);
        }
        let problem = format!("{damaged} of {entries} entries cannot be read: materialize again with overwrite");
        Err(OnlineError::Store { path: self.place.place(), problem, source: None })
    }

    /// Holds the store against the windows that jobs say they wrote of a view. What is not there, for the store was
    /// removed or is an older copy, is given, and is refused by lookups that need it until jobs write it again.
    pub fn hold_against(&self, view: Id, written: &[Window]) -> Result<Vec<Window>, OnlineError> {
        let there = self.windows(view)?;
        let missing: Vec<Window> = written.iter().flat_map(|window| window.without(&there)).collect();
        if !missing.is_empty() {
            self.wanted.write().unwrap_or_else(PoisonError::into_inner).insert(view, written.to_vec());
        }
        Ok(missing)
    }

    /// The windows that jobs wrote of a view and that the store has lost, as far as they are not written again.
    pub fn missing(&self, view: Id) -> Result<Vec<Window>, OnlineError> {
        let wanted = self.wanted.read().unwrap_or_else(PoisonError::into_inner).get(&view).cloned();
        let Some(wanted) = wanted else { return Ok(Vec::new()) };
        let there = self.windows(view)?;
        Ok(wanted.iter().flat_map(|window| window.without(&there)).collect())
    }

    /// Refuses what would have to be answered out of windows that were lost.
    fn check_whole(&self, plan: &Plan, at: Time) -> Result<(), OnlineError> {
        let reach = plan.seen_at(at);
        let missing: Vec<Window> =
            self.missing(plan.id)?.into_iter().filter(|window| window.overlaps(&reach)).collect();
        let Some((first, last)) = missing.first().zip(missing.last()) else { return Ok(()) };
        Err(OnlineError::Lost {
            path: self.place.place(),
            view: plan.name.clone(),
            windows: print_windows(&missing),
            start: rfc3339(first.start),
            end: rfc3339(last.end),
        })
    }

    /// What keeps the store from being written, in words. What is read meanwhile may be old.
    pub fn trouble(&self) -> Option<String> {
        self.place.trouble()
    }

    /// Tries to make the store fit to be written again, where a write has failed.
    pub fn mend(&self) -> Result<(), OnlineError> {
        // Whoever writes just now mends it as well, and what it has read must stay as it is meanwhile.
        let _turn = match self.writing.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(()),
            turn => turn,
        };
        self.mend_in_turn()
    }

    /// Says of a vector that it may be old, where the store cannot be written.
    fn aged(&self, mut vector: FeatureVector) -> FeatureVector {
        if self.trouble().is_some() {
            for feature in &mut vector.features {
                let word = match feature.status {
                    Some(FeatureStatus::Present) => CACHED_PRESENT,
                    Some(FeatureStatus::Missing) => CACHED_MISSING,
                    _ => continue,
                };
                feature.status = Some(FeatureStatus::Other(word.to_owned()));
            }
        }
        vector
    }

    /// Whether batch jobs wrote all of the window.
    pub fn is_materialized(&self, view: Id, window: Window) -> Result<bool, OnlineError> {
        Ok(self.known_windows(view)?.cover(window))
    }

    /// The change that keeps the newest event of a view, which never goes back.
    fn latest(&self, view: Id, seen: Option<Time>) -> Result<Option<Change>, OnlineError> {
        let known = self.get_time(view, Meta::LatestEvent)?;
        let newer = seen.filter(|seen| known.is_none_or(|known| known < *seen));
        Ok(newer.map(|seen| put(Meta::LatestEvent, view, codec::instant(seen).to_vec())))
    }

    /// Batch: replaces the tiles of the window (aggregates), or upserts rows by newer-or-equal timestamp (temporal),
    /// and marks the window as batch-materialized. Idempotent. What no lookup can reach at `now` or later is left out.
    ///
    /// A write of a partition at a time, in which the window is marked last. Of great windows the rows go in one write
    /// ahead of it, the tiles in parts, cut between two join keys. So a lookup sees all of a key's window or nothing of
    /// it, and what an end in the middle leaves behind is replaced when the window is written again.
    pub fn write_batch(
        &self,
        view: &View,
        window: Window,
        rows: &DataFrame,
        now: Time,
    ) -> Result<BatchWrite, OnlineError> {
        let plan = self.plan(view)?;
        let _turn = self.settled_turn()?;
        let windows = self.known_windows(plan.id)?.with(window);
        let mut chunks = Chunks::new(&*self.place, self.part);
        // First, so that no data is ever there without its shape.
        self.form_of(&plan).for_each(|change| chunks.push(change));
        let (mut done, newest);
        match plan.space() {
            Space::Rows => {
                let written = rows::upsert(&mut chunks, &plan, rows, now)?;
                (done, newest) = (written, rows::newest_event(&plan, rows)?);
            }
            _ => {
                let written = tiles::replace(&mut chunks, &*self.place, &plan, (window, now), rows)?;
                (done, newest) = (written, tiles::newest_event(&plan, rows)?);
            }
        }
        chunks.push(put(Meta::Windows, plan.id, windows.encode()));
        self.latest(plan.id, newest)?.into_iter().for_each(|change| chunks.push(change));
        let lost = chunks.finish()?.lost;
        done.rows -= lost.changes;
        done.bytes -= lost.bytes;
        done.skipped += lost.changes;
        Ok(done)
    }

    /// What a stream's events are held against at this time. To be asked for before [`OnlineStore::seen`].
    pub fn bounds(&self, view: &View) -> Result<Bounds, OnlineError> {
        let plan = self.plan(view)?;
        let releases = self.releases.load(Ordering::SeqCst);
        if plan.space() == Space::Rows {
            return Ok(Bounds { releases, ..Bounds::default() });
        }
        let stream = view.inputs.first().and_then(|input| input.source.stream.as_ref());
        // The newest event of earlier writes: what comes together is not late for each other (docs/semantics.md section
        // 7.1).
        let newest = self.latest_event(plan.id)?;
        let passed = newest.zip(stream).map(|(newest, stream)| micros(newest - stream.watermark));
        Ok(Bounds { interval: plan.reach().0, passed, windows: self.known_windows(plan.id)?, releases })
    }

    /// Stream: merges tiles or upserts rows and stores the position, all or nothing. Tiles inside batch-materialized
    /// windows, and tiles that ended before the newest event of earlier writes less the watermark, are left out and
    /// counted.
    ///
    /// `position` makes what is stored of the events of rows that a newer one of their key had overtaken, each as often
    /// as that happened. Absent, and nothing is written, where the bounds are no longer those by which the events were
    /// told apart: tell them apart again.
    pub fn write_events(
        &self,
        view: &View,
        written: &StreamRows<'_>,
        position: &dyn Fn(&[u32]) -> Position,
    ) -> Result<Option<StreamWrite>, OnlineError> {
        let plan = self.plan(view)?;
        let _turn = self.settled_turn()?;
        if self.bounds(view)? != *written.bounds {
            return Ok(None);
        }
        let meta = |overtaken: &[u32]| put(Meta::Position, plan.id, position(overtaken).encode());
        self.write_rows(&plan, written, meta).map(Some)
    }

    /// Merges tiles or upserts rows of a stream, and keeps with them what is known from then on. `meta` makes one
    /// change more, of the events of rows that a newer one had overtaken. In a turn to write.
    fn write_rows(
        &self,
        plan: &Plan,
        written: &StreamRows<'_>,
        meta: impl FnOnce(&[u32]) -> Change,
    ) -> Result<StreamWrite, OnlineError> {
        let (mut changes, done, overtaken) = match plan.space() {
            Space::Rows => rows::upsert_stream(&*self.place, plan, written.rows)?,
            _ => {
                let (changes, done) = tiles::merge_stream(&*self.place, plan, written.bounds, written.rows)?;
                (changes, done, Vec::new())
            }
        };
        changes.extend(seen::changes(&*self.place, plan.id, written.seen, written.forget)?);
        changes.push(meta(&overtaken));
        changes.extend(self.form_of(plan));
        changes.extend(self.latest(plan.id, written.newest)?);
        // All or nothing: tiles are sums, and to add the same events again would count them twice.
        self.place.write_once(changes)?;
        Ok(done)
    }

    /// The times (microseconds) at which events of each of these keys were seen by the stream of a view.
    pub fn seen(&self, view: Id, keys: &[[u8; seen::KEY_BYTES]]) -> Result<Vec<Vec<i64>>, OnlineError> {
        seen::times(&*self.place, view, keys)
    }

    /// As [`OnlineStore::write_events`] of events that nobody tells apart.
    #[cfg(test)]
    pub(crate) fn write_stream(
        &self,
        view: &View,
        rows: &DataFrame,
        position: &Position,
        newest: Option<Time>,
    ) -> Result<StreamWrite, OnlineError> {
        loop {
            let bounds = self.bounds(view)?;
            let rows = StreamRows { rows, bounds: &bounds, newest, seen: &[], forget: None };
            if let Some(done) = self.write_events(view, &rows, &|_| position.clone())? {
                return Ok(done);
            }
        }
    }

    /// Reads the stream of a view anew from another place. What it says is durable when this returns; after an error it is
    /// done by the next [`OnlineStore::finish_restart`], or it was never said.
    pub fn restart_stream(&self, view: &View, restart: &Restart) -> Result<(), OnlineError> {
        let plan = self.plan(view)?;
        {
            let _turn = self.settled_turn()?;
            self.place.write_once(vec![put(Meta::Restart, plan.id, restart.encode())])?;
        }
        self.finish_restart(view)
    }

    /// Does what is left of a restart that was said; nothing where there is none.
    pub fn finish_restart(&self, view: &View) -> Result<(), OnlineError> {
        if self.get(view.id, Meta::Restart)?.is_none() {
            return Ok(());
        }
        let plan = self.plan(view)?;
        let _turn = self.settled_turn()?;
        let Some(bytes) = self.get(plan.id, Meta::Restart)? else { return Ok(()) };
        let restart = Restart::decode(&bytes).ok_or_else(|| OnlineError::Store {
            source: None,
            path: self.place.place(),
            problem: format!(
                "what is left of a restart of the stream of view {} cannot be read: start the release that began it or a later \
                 one, or restart the stream again",
                plan.name
            ),
        })?;
        restart::finish(&*self.place, self.part, &plan, &restart, &self.known_windows(plan.id)?)
    }

    /// The position from which a stream job goes on: as [`OnlineStore::stream_position`], but an error while a write
    /// that failed may still prove durable. It would move the position, and what was read from the former one would
    /// count twice.
    ///
    /// # Errors
    /// As [`OnlineStore::stream_position`], and while the store cannot be written.
    pub fn settled_position(&self, view: Id) -> Result<Option<Position>, OnlineError> {
        self.settle()?;
        self.stream_position(view)
    }

    /// An error while a write that failed may still prove durable.
    fn settle(&self) -> Result<(), OnlineError> {
        if self.trouble().is_some() { self.settled_turn().map(drop) } else { Ok(()) }
    }

    /// The position of the last stream write.
    pub fn stream_position(&self, view: Id) -> Result<Option<Position>, OnlineError> {
        let position = self.get(view, Meta::Position)?.map(|bytes| Position::decode(&bytes)).transpose();
        position.map_err(|problem| OnlineError::Store {
            path: self.place.place(),
            problem: format!(
                "the bytes that keep how far a stream was read cannot be used, for they are {problem}: start the release that \
                 wrote them or a later one, or put the store back from a copy"
            ),
            source: None,
        })
    }

    /// The newest event time written.
    pub fn latest_event(&self, view: Id) -> Result<Option<Time>, OnlineError> {
        self.get_time(view, Meta::LatestEvent)
    }

    /// The feature vector of one key at instant `at` (docs/semantics.md section 9). `keys` are all join keys in the
    /// view's order, already typed; `Null` is a legal key.
    pub fn lookup(&self, view: &View, keys: &[Value], at: Time) -> Result<Read<FeatureVector>, OnlineError> {
        let plan = self.plan(view)?;
        plan.check_keys(keys)?;
        let key = plan.key(keys)?;
        self.check_whole(&plan, at)?;
        let reads = CountedReads::new(&*self.place);
        if plan.space() == Space::Rows {
            let row = rows::read(&reads, &plan, &key)?;
            let alive = row.filter(|(time, _)| vector::is_alive(&plan, micros(*time), micros(at)));
            return Ok(reads.read(self.aged(vector::from_row(&plan, keys, alive))));
        }
        let span = TileSpan::seen_at(&plan, at);
        let tiles = tiles::read(&reads, &plan, key, (span.from, span.to))?;
        Ok(reads.read(self.aged(vector::from_tiles(&plan, keys, &tiles, span)?)))
    }

    /// One entry for each value of the wildcard key that has anything inside the longest window, or the ttl, at `at`;
    /// in the order of that value. `indexed` are the keys of the view's `online_serving_index`, in its order. More than
    /// 10 000 entries are refused.
    pub fn query(&self, view: &View, indexed: &[Value], at: Time) -> Result<Read<Vec<Entry>>, OnlineError> {
        let plan = self.plan(view)?;
        self.check_whole(&plan, at)?;
        let reads = CountedReads::new(&*self.place);
        let found = query::query(&reads, &plan, indexed, at)?;
        Ok(reads.read(found.into_iter().map(|(keys, vector)| (keys, self.aged(vector))).collect()))
    }

    /// Removes everything of these keys (a frame of the view's join key columns, distinct, of their types; null is a
    /// legal key). Returns the tiles or rows that are gone. Deleting again is harmless.
    ///
    /// Many go in parts, cut between two join keys, so that a key is whole or gone. After an end in the middle,
    /// deleting again removes the rest.
    pub fn delete(&self, view: &View, keys: &DataFrame) -> Result<u64, OnlineError> {
        let plan = self.plan(view)?;
        let _turn = self.turn();
        let mut chunks = Chunks::new(&*self.place, self.part);
        remove::delete(&mut chunks, &plan, keys)?;
        chunks.finish().map(|done| done.removed)
    }

    /// Removes what no lookup can reach at `now` or later: tiles behind the longest window, the oldest first, and rows
    /// whose ttl is over. At most `limit` of them; returns how many. One call looks at a bounded number of rows and the
    /// next goes on from there, so nothing removed need not mean that nothing is left; it costs nothing where nothing
    /// can be over.
    pub fn expire(&self, view: &View, now: Time, limit: usize) -> Result<u64, OnlineError> {
        let plan = self.plan(view)?;
        let Some(over) = plan.over(micros(now)) else { return Ok(0) };
        let _turn = self.turn();
        let expired = self.place.expire(plan.space(), plan.id, over, limit)?;
        if expired.damaged == 0 { Ok(expired.gone) } else { Err(plan.damaged(&*self.place)) }
    }

    /// The changes that keep how the data of a view lies.
    fn form_of(&self, plan: &Plan) -> impl Iterator<Item = Change> {
        [put(Meta::Shape, plan.id, plan.shape.clone())].into_iter().chain(reorder::order_of(&*self.place, plan))
    }
}
