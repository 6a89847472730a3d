//! The byte store on this machine: fjall, an embedded log-structured store, a keyspace for each space.
//!
//! Every write is one batch, on disk before it returns. It must not know what the bytes mean.

use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, UserKey, UserValue};

use super::OnlineError;
use super::bytes::{ByteStore, Change, Lost, Puts, Space, Visit, wins};

/// Tables in memory that may wait for their flush when a write begins. A write seals two more at most, and from four on fjall
/// makes its writer wait.
const MOST_SEALED: usize = 1;
/// How often that is looked at.
const FLUSH_CHECK: Duration = Duration::from_millis(1);

/// The store in one folder.
pub struct FjallStore {
    path: PathBuf,
    database: Database,
    /// In the order of [`Space::ALL`].
    keyspaces: [Keyspace; 4],
    /// Conditional puts read what they change, so writes go one after the other.
    writing: Mutex<()>,
}

impl FjallStore {
    /// Opens the store in `dir`, creating it when it is not there.
    pub fn open(dir: &Path) -> Result<Self, OnlineError> {
        let failed = |error: fjall::Error| store_error(dir, &error);
        // Small on purpose: the store shares its machine with the engine and the screen.
        let builder = Database::builder(dir).cache_size(32 << 20).max_journaling_size(64 << 20).worker_threads(1);
        let database = builder.open().map_err(failed)?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(8 << 20);
        let keyspace = |name: &str| database.keyspace(name, options).map_err(failed);
        let keyspaces = [keyspace("tiles")?, keyspace("tile_index")?, keyspace("rows")?, keyspace("meta")?];
        Ok(Self { path: dir.to_owned(), database, keyspaces, writing: Mutex::new(()) })
    }

    fn keyspace(&self, space: Space) -> &Keyspace {
        &self.keyspaces[space as usize]
    }

    /// Waits until what earlier writes left in memory is on its way to files. fjall itself waits for that in the middle of
    /// a write, and without end once its background thread has met a full disk; here that is noticed.
    fn wait_for_flushes(&self) -> fjall::Result<()> {
        while self.keyspaces.iter().any(|keyspace| keyspace.sealed_memtable_count() > MOST_SEALED) {
            self.database.persist(PersistMode::Buffer)?;
            std::thread::sleep(FLUSH_CHECK);
        }
        Ok(())
    }

    fn failed(&self, error: &fjall::Error) -> OnlineError {
        store_error(&self.path, error)
    }
}

impl ByteStore for FjallStore {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, OnlineError> {
        let found = self.keyspace(space).get(key).map_err(|error| self.failed(&error))?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    fn scan(&self, space: Space, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        if from >= to {
            return Ok(());
        }
        // Of a snapshot: a plain range may meet a batch while it is being applied, and see half of it.
        for entry in self.database.snapshot().range(self.keyspace(space), from..to) {
            let (key, value) = entry.into_inner().map_err(|error| self.failed(&error))?;
            if let ControlFlow::Break(()) = visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn load(&self, space: Space, puts: &mut Puts<'_>) -> Result<Lost, OnlineError> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: fjall::Error| self.failed(&error);
        let keyspace = self.keyspace(space);
        // Into files of its own, past journal and memory: they are on disk, and seen all at once, when it is finished.
        let mut files = keyspace.start_ingestion().map_err(failed)?;
        let (mut stored, mut lost) = (Beside::all(), Lost::default());
        for (key, value) in puts {
            let found = stored.find(keyspace, &key).map_err(failed)?;
            if found.is_none_or(|stored| wins(&value, &stored)) {
                files.write(key, value).map_err(failed)?;
            } else {
                lost.changes += 1;
                lost.bytes += (key.len() + value.len()) as u64;
            }
        }
        files.finish().map_err(failed)?;
        Ok(lost)
    }

    fn write(&self, changes: Vec<Change>) -> Result<Vec<usize>, OnlineError> {
        // A writer that panicked left nothing half done: its batch was not committed.
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.wait_for_flushes().map_err(|error| self.failed(&error))?;
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let mut lost = Vec::new();
        let mut stored = Beside::of(&changes);
        for (at, change) in changes.into_iter().enumerate() {
            match change {
                Change::Put { space, key, value } => batch.insert(self.keyspace(space), key, value),
                Change::Remove { space, key } => batch.remove(self.keyspace(space), key),
                Change::PutNewer { space, key, value } => {
                    let found = stored.find(self.keyspace(space), &key).map_err(|error| self.failed(&error))?;
                    if found.is_none_or(|stored| wins(&value, &stored)) {
                        batch.insert(self.keyspace(space), key, value);
                    } else {
                        lost.push(at);
                    }
                }
            }
        }
        batch.commit().map_err(|error| self.failed(&error))?;
        Ok(lost)
    }
}

/// Stored keys that a walk may meet before it gives up, for each that it found and at its beginning.
const PATIENCE: usize = 16;

/// Finds what is stored under the keys of conditional puts. Where they come in their order it walks along the stored keys
/// beside them, which is cheaper than asking for each; where too much else lies between them, it asks for each.
struct Beside {
    last: Option<Vec<u8>>,
    walk: Option<fjall::Iter>,
    at: Option<(UserKey, UserValue)>,
    patience: usize,
}

impl Beside {
    /// For keys that come in their order, up to the last there is.
    fn all() -> Self {
        // No view has an id of nothing but 0xff.
        Self { last: Some(vec![0xff; 17]), walk: None, at: None, patience: PATIENCE }
    }

    fn of(changes: &[Change]) -> Self {
        let keys = || {
            changes.iter().filter_map(|change| match change {
                Change::PutNewer { space, key, .. } => Some((*space, key)),
                _ => None,
            })
        };
        let one_space = keys().map(|(space, _)| space).is_sorted_by(|a, b| a == b);
        let last = keys().next_back().filter(|_| one_space && keys().is_sorted()).map(|(_, key)| key.clone());
        Self { last, walk: None, at: None, patience: PATIENCE }
    }

    fn find(&mut self, keyspace: &Keyspace, key: &[u8]) -> fjall::Result<Option<UserValue>> {
        if let Some(last) = self.last.take() {
            self.walk = Some(keyspace.range(key.to_vec()..=last));
            self.step()?;
        }
        while self.walk.is_some() && self.at.as_ref().is_some_and(|(stored, _)| **stored < *key) {
            self.patience -= 1;
            if self.patience == 0 {
                self.walk = None;
            } else {
                self.step()?;
            }
        }
        if self.walk.is_none() {
            return keyspace.get(key);
        }
        let found = self.at.as_ref().filter(|(stored, _)| **stored == *key).map(|(_, value)| value.clone());
        self.patience += if found.is_some() { PATIENCE } else { 1 };
        Ok(found)
    }

    fn step(&mut self) -> fjall::Result<()> {
        self.at = self.walk.as_mut().and_then(Iterator::next).map(fjall::Guard::into_inner).transpose()?;
        Ok(())
    }
}

/// What happened, and what to do next. After a failed write fjall takes no more of them, for what is on disk is not certain.
fn store_error(path: &Path, error: &fjall::Error) -> OnlineError {
    let io = match error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => Some(io),
        _ => None,
    };
    let problem = match (error, io.map(std::io::Error::kind)) {
        (fjall::Error::Locked, _) => {
            "another process uses it: stop that one, or choose another data directory".to_owned()
        }
        (fjall::Error::Poisoned, _) => "an earlier write failed, so nothing more is written; what was acknowledged is \
                                        safe. Mend the disk (room, permissions) and start the platform again"
            .to_owned(),
        (_, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)) => {
            return OnlineError::Full { path: path.display().to_string() };
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
    OnlineError::Store { path: path.display().to_string(), problem }
}
