//! The online store on this machine: fjall, an embedded log-structured store.
//!
//! Keyspaces: `tiles` (view, key, tile start -> tile), `tile_index` (view, tile start, key -> nothing; finds the tiles of
//! a window), `rows` (view, key -> latest row), `meta` (view, what -> offset, newest event, windows, shape).
//! Every write is one atomic batch, on disk before it returns.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use polars::prelude::DataFrame;

use super::codec;
use super::meta::{Meta, Windows};
use super::{BatchWrite, Entry, OnlineError, OnlineStore, StreamWrite, vector};
use crate::model::{FeatureVector, Id, Span, Time, Value, Window};
use crate::platform::registry::definition::{Kind, View};

mod rows;
mod tiles;

/// The store in one folder.
pub struct EmbeddedStore {
    path: PathBuf,
    database: Database,
    tiles: Keyspace,
    tile_index: Keyspace,
    rows: Keyspace,
    meta: Keyspace,
    /// Writes read what they change, so they go one after the other.
    writing: Mutex<()>,
}

impl EmbeddedStore {
    /// Opens the store in `dir`, creating it when it is not there.
    pub fn open(dir: &Path) -> Result<Self, OnlineError> {
        let failed = |error: fjall::Error| store_error(dir, &error);
        // Small on purpose: the store shares its machine with the engine and the screen.
        let builder = Database::builder(dir).cache_size(32 << 20).max_journaling_size(64 << 20).worker_threads(1);
        let database = builder.open().map_err(failed)?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(8 << 20);
        let keyspace = |name: &str| database.keyspace(name, options).map_err(failed);
        Ok(Self {
            path: dir.to_owned(),
            tiles: keyspace("tiles")?,
            tile_index: keyspace("tile_index")?,
            rows: keyspace("rows")?,
            meta: keyspace("meta")?,
            database,
            writing: Mutex::new(()),
        })
    }

    fn failed(&self, error: &fjall::Error) -> OnlineError {
        store_error(&self.path, error)
    }

    /// Waits for its turn to write. A writer that panicked left nothing half done: its batch was not committed.
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self) -> OwnedWriteBatch {
        self.database.batch().durability(Some(PersistMode::SyncAll))
    }

    fn commit(&self, batch: OwnedWriteBatch) -> Result<(), OnlineError> {
        batch.commit().map_err(|error| self.failed(&error))
    }

    fn get_meta(&self, view: Id, meta: Meta) -> Result<Option<Vec<u8>>, OnlineError> {
        let found = self.meta.get(meta.key(view)).map_err(|error| self.failed(&error))?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    fn get_time(&self, view: Id, meta: Meta) -> Result<Option<Time>, OnlineError> {
        Ok(self.get_meta(view, meta)?.and_then(|bytes| codec::unordered(&bytes)).map(crate::model::time::from_micros))
    }

    fn windows(&self, view: Id) -> Result<Windows, OnlineError> {
        Ok(self.get_meta(view, Meta::Windows)?.map(|bytes| Windows::decode(&bytes)).unwrap_or_default())
    }

    /// Refuses data of another definition of the view: its tiles would be read as what they are not.
    fn check_shape(&self, view: &View) -> Result<(), OnlineError> {
        match self.get_meta(view.id, Meta::Shape)? {
            Some(shape) if shape != Meta::shape_of(view) => Err(OnlineError::Mismatch(format!(
                "view {}: the online store in {} holds data of another definition of it (keys, tiles or columns differ). \
                 Restore that definition, rename the view, or start with an empty data directory",
                view.name,
                self.path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// The newest event of a view, never going back.
    fn push_latest(&self, batch: &mut OwnedWriteBatch, view: Id, seen: Option<Time>) -> Result<(), OnlineError> {
        let known = self.latest_event(view)?;
        if let Some(seen) = seen.filter(|seen| known.is_none_or(|known| known < *seen)) {
            batch.insert(&self.meta, Meta::LatestEvent.key(view), codec::instant(seen).to_vec());
        }
        Ok(())
    }
}

fn store_error(path: &Path, error: &fjall::Error) -> OnlineError {
    let problem = match error {
        fjall::Error::Locked => "another process uses it: stop that one, or choose another data directory".to_owned(),
        other => format!("{other}. Check the disk and the folder's permissions"),
    };
    OnlineError::Store { path: path.display().to_string(), problem }
}

/// The beginning of all keys of one view and key. Absent values are an error naming the key.
fn key_prefix(view: &View, keys: &[Value]) -> Result<Vec<u8>, OnlineError> {
    let mut bytes = view.id.0.to_be_bytes().to_vec();
    for (key, (name, data_type)) in keys.iter().zip(&view.join_keys) {
        codec::push_key(&mut bytes, key).ok_or_else(|| {
            OnlineError::Mismatch(format!("join key `{name}` must be {data_type}: {key:?} cannot be a key"))
        })?;
    }
    Ok(bytes)
}

impl OnlineStore for EmbeddedStore {
    fn write_batch(
        &self,
        view: &View,
        window: Window,
        rows: &DataFrame,
        _now: Time,
    ) -> Result<BatchWrite, OnlineError> {
        let _turn = self.lock();
        self.check_shape(view)?;
        let mut batch = self.batch();
        let written = match &view.kind {
            Kind::Aggregate { .. } => self.replace_tiles(&mut batch, view, window, rows)?,
            Kind::Temporal { .. } => self.upsert_rows(&mut batch, view, rows)?.written,
        };
        let windows = self.windows(view.id)?.with(window);
        batch.insert(&self.meta, Meta::Windows.key(view.id), windows.encode());
        batch.insert(&self.meta, Meta::Shape.key(view.id), Meta::shape_of(view));
        self.push_latest(&mut batch, view.id, self.newest_of(view, rows)?)?;
        self.commit(batch)?;
        Ok(BatchWrite { rows: written, ..BatchWrite::default() })
    }

    fn write_stream(
        &self,
        view: &View,
        rows: &DataFrame,
        offset: Time,
        latest_event: Option<Time>,
    ) -> Result<StreamWrite, OnlineError> {
        let _turn = self.lock();
        self.check_shape(view)?;
        let mut batch = self.batch();
        let written = match &view.kind {
            Kind::Aggregate { .. } => self.merge_tiles(&mut batch, view, rows)?,
            Kind::Temporal { .. } => self.upsert_rows(&mut batch, view, rows)?,
        };
        batch.insert(&self.meta, Meta::Offset.key(view.id), codec::instant(offset).to_vec());
        batch.insert(&self.meta, Meta::Shape.key(view.id), Meta::shape_of(view));
        self.push_latest(&mut batch, view.id, latest_event)?;
        self.commit(batch)?;
        Ok(written)
    }

    fn stream_offset(&self, view: Id) -> Result<Option<Time>, OnlineError> {
        self.get_time(view, Meta::Offset)
    }

    fn latest_event(&self, view: Id) -> Result<Option<Time>, OnlineError> {
        self.get_time(view, Meta::LatestEvent)
    }

    fn lookup(&self, view: &View, keys: &[Value], at: Time) -> Result<FeatureVector, OnlineError> {
        vector::check_keys(view, keys)?;
        self.check_shape(view)?;
        match &view.kind {
            Kind::Aggregate { interval, aggregations } => {
                let end = crate::model::time::floor(at, *interval);
                let longest = view.longest_window().unwrap_or(*interval);
                // Tiles that end after `end - longest` and at or before `end` (semantics.md section 6).
                let after = end - *interval + Span::microseconds(1);
                let tiles = self.read_tiles(view, keys, Window { start: after - longest, end: after })?;
                vector::of_tiles(view, keys, aggregations, &tiles, (end, *interval))
            }
            Kind::Temporal { ttl, features } => {
                let row = self.read_row(view, keys)?;
                let alive = row.filter(|(time, _)| *time <= at && ttl.is_none_or(|ttl| at < *time + ttl));
                Ok(vector::of_row(view, keys, features, alive))
            }
        }
    }

    fn query(&self, _view: &View, _indexed: &[Value], _at: Time) -> Result<Vec<Entry>, OnlineError> {
        Err(OnlineError::Mismatch("querying is not there yet".to_owned()))
    }

    fn delete(&self, _view: &View, _keys: &DataFrame) -> Result<u64, OnlineError> {
        Err(OnlineError::Mismatch("deleting is not there yet".to_owned()))
    }

    fn expire(&self, _view: &View, _now: Time, _limit: usize) -> Result<u64, OnlineError> {
        Ok(0)
    }
}

#[cfg(test)]
mod tests;
