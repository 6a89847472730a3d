//! The place for values on this machine: fjall, an embedded log-structured store in one folder.
//!
//! It keeps more than the contract asks for: a write is one batch over all partitions, and what is read is of one
//! snapshot. Keys are kept joined, in one order over all partitions. It must not know what values mean beyond their
//! times.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::OnlineError;
use super::contract::{
    Change, ENTRY, Expired, Lost, NewerPut, Over, PartitionReads, PartitionStore, Space, Visit, Written,
};
use super::key::{self, Key, KeyRange};
use crate::model::Id;
use expiry::Sweeps;
use open::{FLUSH_CHECK, Failure, Kept, Open};

mod expiry;
mod form;
mod index;
mod open;
mod walk;

/// How long after a write that failed the store is opened anew; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long reads that are under way are waited for then.
const READERS: Duration = Duration::from_secs(10);
/// Bytes that the disk must take before that.
const ROOM: usize = 2 << 20;

/// The store in one folder.
///
/// After a write that failed, fjall takes no more of them, for what is on disk is not certain. Then all of it is closed
/// and opened anew, from what is on disk, as soon as there is room: at a write, or when [`PartitionStore::mend`] is
/// called. Until then it is read as it was.
pub struct FjallStore {
    path: PathBuf,
    /// Absent while it could not be opened again. Scans hold it without the lock, for what they visit may be read
    /// meanwhile.
    open: RwLock<Option<Arc<Open>>>,
    /// Conditional puts read what they change, so writes go one after the other.
    writing: Mutex<Writing>,
    /// What keeps it from being written.
    trouble: Mutex<Option<String>>,
}

/// What the writer whose turn it is knows of earlier ones.
#[derive(Default)]
struct Writing {
    /// What one that failed left behind.
    broken: Option<Broken>,
    sweeps: Sweeps,
}

struct Broken {
    /// When it is opened anew at the earliest.
    not_before: Instant,
    /// How long after a try that failed the next one comes.
    pause: Duration,
}

impl FjallStore {
    /// Opens the store in `dir`, creating it when it is not there, and takes one of an earlier form into the present
    /// one.
    pub fn open(dir: &Path) -> Result<Self, OnlineError> {
        let open = Open::at(dir).map_err(|error| store_error(dir, error))?;
        form::check(&open, dir)?;
        let open = RwLock::new(Some(Arc::new(open)));
        Ok(Self { path: dir.to_owned(), open, writing: Mutex::default(), trouble: Mutex::default() })
    }

    fn failed(&self, error: fjall::Error) -> OnlineError {
        store_error(&self.path, error)
    }

    fn handles(&self) -> Result<Arc<Open>, OnlineError> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(|| self.closed())
    }

    /// The turn to write. A writer that panicked left nothing half done: its batch was not committed.
    fn turn(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn present_trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> OnlineError {
        let why = self.present_trouble().clone().unwrap_or_else(|| "it could not be opened again".to_owned());
        OnlineError::Closed { path: self.place(), problem: why }
    }

    /// Visits the joined keys in `[from, to)` in their order.
    fn scan(&self, kept: Kept, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        self.handles()?.scan(kept, from, to, visit).map_err(|error| self.failed(error))
    }

    /// Does one write, once what an earlier one broke is mended.
    fn change<T>(&self, change: impl FnOnce(&Open, &mut Sweeps) -> Result<T, Failure>) -> Result<T, OnlineError> {
        let mut writing = self.turn();
        let Writing { broken, sweeps } = &mut *writing;
        self.mend_in(broken)?;
        let open = self.handles()?;
        change(&open, sweeps).map_err(|failure| match failure {
            Failure::Read(error) => self.failed(error),
            Failure::Write(error) => {
                let error = self.failed(error);
                *self.present_trouble() = Some(trouble_of(&error));
                *broken = Some(Broken { not_before: Instant::now() + FIRST_PAUSE, pause: FIRST_PAUSE });
                error
            }
        })
    }

    /// Opens the store anew where a write has failed, if it is time to. An error where it stays broken.
    fn mend_in(&self, broken: &mut Option<Broken>) -> Result<(), OnlineError> {
        let Some(state) = broken else { return Ok(()) };
        if Instant::now() < state.not_before {
            return Err(self.closed());
        }
        match self.has_room().and_then(|()| self.open_anew()) {
            Ok(()) => {
                tracing::warn!(store = %self.path.display(), "the online store was opened again and is written as before");
                *broken = None;
                *self.present_trouble() = None;
                Ok(())
            }
            Err(error) => {
                state.pause = (2 * state.pause).min(LONGEST_PAUSE);
                state.not_before = Instant::now() + state.pause;
                *self.present_trouble() = Some(trouble_of(&error));
                Err(self.closed())
            }
        }
    }

    /// Closes all and opens it again. Reads that come meanwhile wait; those under way are waited for.
    fn open_anew(&self) -> Result<(), OnlineError> {
        let until = Instant::now() + READERS;
        loop {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            match open.take().map(Arc::try_unwrap) {
                Some(Err(shared)) => *open = Some(shared),
                // fjall's lock on the folder goes with its last handle.
                last => {
                    drop(last);
                    *open = Some(Arc::new(Open::at(&self.path).map_err(|error| self.failed(error))?));
                    return Ok(());
                }
            }
            drop(open);
            if Instant::now() > until {
                let problem = "somebody reads it without a pause".to_owned();
                return Err(OnlineError::Store { path: self.place(), problem, source: None });
            }
            std::thread::sleep(FLUSH_CHECK);
        }
    }

    /// Whether the disk takes as much as opening the store may write. While it does not, what is open is better than
    /// nothing.
    fn has_room(&self) -> Result<(), OnlineError> {
        let probe = self.path.join("room.probe");
        let written = File::create(&probe).and_then(|mut file| {
            let chunk = vec![0x5a; 1 << 16];
            (0..ROOM / chunk.len()).try_for_each(|_| file.write_all(&chunk))?;
            file.sync_all()
        });
        let _ = std::fs::remove_file(&probe);
        written.map_err(|error| self.failed(fjall::Error::Io(error)))
    }
}

/// What keeps the store from being written, as part of a sentence.
fn trouble_of(error: &OnlineError) -> String {
    match error {
        OnlineError::Full { .. } => "the disk is full. Make room".to_owned(),
        OnlineError::Store { problem, .. } | OnlineError::Closed { problem, .. } => problem.clone(),
        other => other.to_string(),
    }
}

impl PartitionReads for FjallStore {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn get(&self, space: Space, key: &Key) -> Result<Option<Vec<u8>>, OnlineError> {
        let open = self.handles()?;
        let found = open.keyspace(space.into()).get(key.joined()).map_err(|error| self.failed(error))?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    fn range(&self, space: Space, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        let (first, behind) = range.joined();
        let partition = range.partition().len();
        self.scan(space.into(), first, behind, &mut |key, value| visit(&key[partition..], value))
    }
}

impl PartitionStore for FjallStore {
    fn write(&self, changes: Vec<Change>) -> Result<Written, OnlineError> {
        self.change(|open, sweeps| open.write(changes, false, sweeps))
    }

    fn write_once(&self, changes: Vec<Change>) -> Result<Written, OnlineError> {
        self.change(|open, sweeps| open.write(changes, true, sweeps))
    }

    fn load_rows(&self, puts: &mut dyn Iterator<Item = NewerPut>) -> Result<Lost, OnlineError> {
        self.change(|open, sweeps| open.load_rows(puts, sweeps))
    }

    fn tiles_in(&self, view: Id, from: i64, to: i64, visit: &mut dyn FnMut(&[u8])) -> Result<(), OnlineError> {
        self.scan(Kept::TileIndex, &index::edge(view, from), &index::edge(view, to), &mut |entry, _| {
            index::tile_of(entry).iter().for_each(|tile| visit(tile));
            ControlFlow::Continue(())
        })
    }

    fn values_of(&self, space: Space, view: Id, visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        let first = view.0.to_be_bytes();
        self.scan(space.into(), &first, &key::after(&first), visit)
    }

    fn expire(&self, space: Space, view: Id, over: Over, limit: usize) -> Result<Expired, OnlineError> {
        // Said without a write, so that it is no trouble where the store cannot be written.
        if limit == 0 || !self.turn().sweeps.may_hold(view, over) {
            return Ok(Expired::default());
        }
        self.change(|open, sweeps| sweeps.expire(open, (space, view), over, limit))
    }

    fn read_all(&self, visit: &mut dyn FnMut(Space, &[u8])) -> Result<u64, OnlineError> {
        let mut entries = 0;
        for (kept, _) in Kept::ALL {
            self.scan(kept, &[], &[0xff; 32], &mut |_, value| {
                entries += 1;
                kept.space().into_iter().for_each(|space| visit(space, value));
                ControlFlow::Continue(())
            })?;
        }
        Ok(entries)
    }

    fn cost(&self, change: &Change) -> usize {
        // A tile's entry in the index comes and goes with it.
        let entry = match change {
            Change::Put { space: Space::Tiles, key, .. } | Change::Remove { space: Space::Tiles, key } => {
                key.len() + ENTRY
            }
            _ => 0,
        };
        change.bytes() + ENTRY + entry
    }

    fn keeps_partitions_apart(&self) -> bool {
        false
    }

    fn trouble(&self) -> Option<String> {
        self.present_trouble().clone()
    }

    fn mend(&self) -> Result<(), OnlineError> {
        let mut writing = self.turn();
        self.mend_in(&mut writing.broken)
    }
}
/// What happened, and what to do next.
fn store_error(path: &Path, error: fjall::Error) -> OnlineError {
    let io = match &error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => Some(io),
        _ => None,
    };
    let problem = match (&error, io.map(std::io::Error::kind)) {
        (fjall::Error::Locked, _) => {
            "another process uses it: stop that one, or choose another data directory".to_owned()
        }
        (fjall::Error::Poisoned, _) => "an earlier write failed, so nothing more is written; what was acknowledged is \
                                        safe. Mend the disk (room, permissions)"
            .to_owned(),
        (_, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)) => {
            return OnlineError::Full { path: path.display().to_string(), source: Some(error.into()) };
        }
        (_, Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)) => {
            "it cannot be written. Make the folder writable, or choose another data directory".to_owned()
        }
        (_, Some(_)) => {
            format!("{}. Check the disk and the folder's permissions", io.map_or_else(String::new, ToString::to_string))
        }
        (fjall::Error::InvalidVersion(_), None) => {
            "another version of fvtop wrote it in a form this one does not read: use that version, or another data \
             directory"
                .to_owned()
        }
        (other, None) => format!(
            "its files are damaged ({other:?}): put back a copy of the folder, or remove it and materialize again with \
             overwrite"
        ),
    };
    OnlineError::Store { path: path.display().to_string(), problem, source: Some(error.into()) }
}
