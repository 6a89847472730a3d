//! The byte store on this machine: fjall, an embedded log-structured store, a keyspace for each space.
//!
//! Every write is one batch, on disk before it returns. It must not know what the bytes mean.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, UserKey, UserValue};

use super::OnlineError;
use super::contract::{ByteStore, Change, Lost, Puts, Space, Visit, wins};

/// Tables in memory that may wait for their flush when a write begins. A write seals two more at most, and from four on fjall
/// makes its writer wait.
const MOST_SEALED: usize = 1;
/// How often that is looked at.
const FLUSH_CHECK: Duration = Duration::from_millis(1);
/// How long after a write that failed the store is opened anew; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long reads that are under way are waited for then.
const READERS: Duration = Duration::from_secs(10);
/// Bytes that the disk must take before that.
const ROOM: usize = 2 << 20;

/// The store in one folder.
///
/// After a write that failed, fjall takes no more of them, for what is on disk is not certain. Then all of it is closed and opened
/// anew, from what is on disk, as soon as there is room: at a write, or when [`ByteStore::mend`] is called. Until then it is read as it
/// was.
pub struct FjallStore {
    path: PathBuf,
    /// Absent while it could not be opened again. Scans hold it without the lock, for what they visit may be read meanwhile.
    open: RwLock<Option<Arc<Open>>>,
    /// Conditional puts read what they change, so writes go one after the other. Holds what an earlier one left behind.
    writing: Mutex<Option<Broken>>,
    /// What keeps it from being written.
    trouble: Mutex<Option<String>>,
}

/// fjall's handles.
struct Open {
    database: Database,
    /// In the order of [`Space::ALL`].
    keyspaces: [Keyspace; 4],
}

/// A write has failed.
struct Broken {
    /// When it is opened anew at the earliest.
    not_before: Instant,
    /// How long after a try that failed the next one comes.
    pause: Duration,
}

impl Open {
    fn at(dir: &Path) -> Result<Self, OnlineError> {
        let failed = |error: fjall::Error| store_error(dir, &error);
        // Small on purpose: the store shares its machine with the engine and the screen.
        let builder = Database::builder(dir).cache_size(32 << 20).max_journaling_size(64 << 20).worker_threads(1);
        let database = builder.open().map_err(failed)?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(8 << 20);
        let keyspace = |name: &str| database.keyspace(name, options).map_err(failed);
        let keyspaces = [keyspace("tiles")?, keyspace("tile_index")?, keyspace("rows")?, keyspace("meta")?];
        Ok(Self { database, keyspaces })
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

    fn load(&self, space: Space, puts: &mut Puts<'_>) -> fjall::Result<Lost> {
        let keyspace = self.keyspace(space);
        // Into files of its own, past journal and memory: they are on disk, and seen all at once, when it is finished.
        let mut files = keyspace.start_ingestion()?;
        let (mut stored, mut lost) = (Beside::all(), Lost::default());
        for (key, value) in puts {
            let found = stored.find(keyspace, &key)?;
            if found.is_none_or(|stored| wins(&value, &stored)) {
                files.write(key, value)?;
            } else {
                lost.changes += 1;
                lost.bytes += (key.len() + value.len()) as u64;
            }
        }
        files.finish()?;
        Ok(lost)
    }

    fn write(&self, changes: Vec<Change>) -> fjall::Result<Vec<usize>> {
        self.wait_for_flushes()?;
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let mut lost = Vec::new();
        let mut stored = Beside::of(&changes);
        for (at, change) in changes.into_iter().enumerate() {
            match change {
                Change::Put { space, key, value } => batch.insert(self.keyspace(space), key, value),
                Change::Remove { space, key } => batch.remove(self.keyspace(space), key),
                Change::PutNewer { space, key, value } => {
                    let found = stored.find(self.keyspace(space), &key)?;
                    if found.is_none_or(|stored| wins(&value, &stored)) {
                        batch.insert(self.keyspace(space), key, value);
                    } else {
                        lost.push(at);
                    }
                }
            }
        }
        batch.commit()?;
        Ok(lost)
    }
}

impl FjallStore {
    /// Opens the store in `dir`, creating it when it is not there.
    pub fn open(dir: &Path) -> Result<Self, OnlineError> {
        let open = RwLock::new(Some(Arc::new(Open::at(dir)?)));
        Ok(Self { path: dir.to_owned(), open, writing: Mutex::default(), trouble: Mutex::default() })
    }

    fn failed(&self, error: &fjall::Error) -> OnlineError {
        store_error(&self.path, error)
    }

    fn handles(&self) -> Result<Arc<Open>, OnlineError> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(|| self.closed())
    }

    /// The turn to write. A writer that panicked left nothing half done: its batch was not committed.
    fn turn(&self) -> MutexGuard<'_, Option<Broken>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> OnlineError {
        let why = self.told().clone().unwrap_or_else(|| "it could not be opened again".to_owned());
        OnlineError::Closed { path: self.place(), problem: why }
    }

    /// Does one write, once what an earlier one broke is mended.
    fn change<T>(&self, change: impl FnOnce(&Open) -> fjall::Result<T>) -> Result<T, OnlineError> {
        let mut broken = self.turn();
        self.mend_in(&mut broken)?;
        let open = self.handles()?;
        change(&open).map_err(|error| {
            let error = self.failed(&error);
            *self.told() = Some(told(&error));
            *broken = Some(Broken { not_before: Instant::now() + FIRST_PAUSE, pause: FIRST_PAUSE });
            error
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
                *self.told() = None;
                Ok(())
            }
            Err(error) => {
                state.pause = (2 * state.pause).min(LONGEST_PAUSE);
                state.not_before = Instant::now() + state.pause;
                *self.told() = Some(told(&error));
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
                    *open = Some(Arc::new(Open::at(&self.path)?));
                    return Ok(());
                }
            }
            drop(open);
            if Instant::now() > until {
                let problem = "somebody reads it without a pause".to_owned();
                return Err(OnlineError::Store { path: self.place(), problem });
            }
            std::thread::sleep(FLUSH_CHECK);
        }
    }

    /// Whether the disk takes as much as opening the store may write. While it does not, what is open is better than nothing.
    fn has_room(&self) -> Result<(), OnlineError> {
        let probe = self.path.join("room.probe");
        let written = File::create(&probe).and_then(|mut file| {
            let chunk = vec![0x5a; 1 << 16];
            (0..ROOM / chunk.len()).try_for_each(|_| file.write_all(&chunk))?;
            file.sync_all()
        });
        let _ = std::fs::remove_file(&probe);
        written.map_err(|error| self.failed(&fjall::Error::Io(error)))
    }
}

/// What keeps the store from being written, as part of a sentence.
fn told(error: &OnlineError) -> String {
    match error {
        OnlineError::Full { .. } => "the disk is full. Make room".to_owned(),
        OnlineError::Store { problem, .. } | OnlineError::Closed { problem, .. } => problem.clone(),
        other => other.to_string(),
    }
}

impl ByteStore for FjallStore {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, OnlineError> {
        let open = self.handles()?;
        let found = open.keyspace(space).get(key).map_err(|error| self.failed(&error))?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    fn scan(&self, space: Space, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        if from >= to {
            return Ok(());
        }
        let open = self.handles()?;
        // Of a snapshot: a plain range may meet a batch while it is being applied, and see half of it.
        for entry in open.database.snapshot().range(open.keyspace(space), from..to) {
            let (key, value) = entry.into_inner().map_err(|error| self.failed(&error))?;
            if let ControlFlow::Break(()) = visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn load(&self, space: Space, puts: &mut Puts<'_>) -> Result<Lost, OnlineError> {
        self.change(|open| open.load(space, puts))
    }

    fn write(&self, changes: Vec<Change>) -> Result<Vec<usize>, OnlineError> {
        self.change(|open| open.write(changes))
    }

    fn trouble(&self) -> Option<String> {
        self.told().clone()
    }

    fn mend(&self) -> Result<(), OnlineError> {
        // Whoever writes just now mends it as well.
        let Ok(mut broken) = self.writing.try_lock() else { return Ok(()) };
        self.mend_in(&mut broken)
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

/// What happened, and what to do next.
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
                                        safe. Mend the disk (room, permissions)"
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
