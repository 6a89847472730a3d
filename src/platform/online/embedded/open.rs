//! fjall's handles of one folder, and what is done with them: writes are batches that are on disk before they return.
//! It must not know whether an earlier write has failed, nor what values mean.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable};

use super::super::chunks::PART_BYTES;
use super::super::contract::{Change, ENTRY, Lost, NewerPut, Space, Written, wins};
use super::super::key::KeyRange;
use super::expiry::{Oldest, Sweeps};
use super::index;
use super::walk::StoredWalk;

/// Tables in memory that may wait for their flush when a write begins. A write seals two more at most, and from four on
/// fjall makes its writer wait.
const MOST_SEALED: usize = 1;
/// How often that is looked at.
pub(super) const FLUSH_CHECK: Duration = Duration::from_millis(1);

/// What is kept, each in a keyspace of fjall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Tiles,
    /// For each tile an entry that finds it by its start.
    TileIndex,
    Rows,
    /// [`Space::Views`], and the number of the form.
    Views,
}

impl Kept {
    /// All of them, with the names of their keyspaces.
    pub(super) const ALL: [(Self, &'static str); 4] =
        [(Self::Tiles, "tiles"), (Self::TileIndex, "tile_index"), (Self::Rows, "rows"), (Self::Views, "meta")];

    /// The space whose values these are; absent for what the store keeps for itself.
    pub(super) fn space(self) -> Option<Space> {
        match self {
            Self::Tiles => Some(Space::Tiles),
            Self::Rows => Some(Space::Rows),
            Self::Views => Some(Space::Views),
            Self::TileIndex => None,
        }
    }
}

impl From<Space> for Kept {
    fn from(space: Space) -> Self {
        match space {
            Space::Tiles => Self::Tiles,
            Space::Rows => Self::Rows,
            Space::Views => Self::Views,
        }
    }
}

/// Takes a joined key and its value; breaks when it has seen enough.
type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Why a write did not come about.
pub(super) enum Failure {
    /// What it needs to know could not be read: nothing was written, and other writes may go on.
    Read(fjall::Error),
    /// What is on disk is not certain.
    Write(fjall::Error),
}

impl From<fjall::Error> for Failure {
    fn from(error: fjall::Error) -> Self {
        Self::Write(error)
    }
}

/// fjall's handles of one folder; while they are there, nobody else opens it.
pub(super) struct Open {
    database: Database,
    /// In the order of [`Kept::ALL`].
    keyspaces: [Keyspace; 4],
}

impl Open {
    /// Opens the folder, creating what is not there.
    pub(super) fn at(dir: &Path) -> fjall::Result<Self> {
        // Small on purpose: the store shares its machine with the engine and the screen.
        let builder = Database::builder(dir).cache_size(32 << 20).max_journaling_size(64 << 20).worker_threads(1);
        let database = builder.open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(8 << 20);
        let keyspace = |at: usize| database.keyspace(Kept::ALL[at].1, options);
        let keyspaces = [keyspace(0)?, keyspace(1)?, keyspace(2)?, keyspace(3)?];
        Ok(Self { database, keyspaces })
    }

    /// The keyspace of what is kept.
    pub(super) fn keyspace(&self, kept: Kept) -> &Keyspace {
        &self.keyspaces[kept as usize]
    }

    /// Visits the keys in `[from, to)` in their order.
    pub(super) fn scan(&self, kept: Kept, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> fjall::Result<()> {
        if from >= to {
            return Ok(());
        }
        // Of a snapshot: a plain range may meet a batch while it is being applied, and see half of it.
        for entry in self.database.snapshot().range(self.keyspace(kept), from..to) {
            let (key, value) = entry.into_inner()?;
            if let ControlFlow::Break(()) = visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    /// An empty batch, which is on disk once it is committed.
    pub(super) fn batch(&self) -> OwnedWriteBatch {
        self.database.batch().durability(Some(PersistMode::SyncAll))
    }

    /// Waits until what earlier writes left in memory is on its way to files. fjall itself waits for that in the middle
    /// of a write, and without end once its background thread has met a full disk; here that is noticed.
    pub(super) fn wait_for_flushes(&self) -> fjall::Result<()> {
        while self.keyspaces.iter().any(|keyspace| keyspace.sealed_memtable_count() > MOST_SEALED) {
            self.database.persist(PersistMode::Buffer)?;
            std::thread::sleep(FLUSH_CHECK);
        }
        Ok(())
    }

    /// Does the changes in one batch. Where ranges hold more than one part of a great write, and need not go together,
    /// in several, cut between two partitions.
    pub(super) fn write(&self, changes: Vec<Change>, together: bool, sweeps: &mut Sweeps) -> Result<Written, Failure> {
        self.wait_for_flushes()?;
        let mut stored = StoredWalk::along(&changes);
        let mut pending = Pending { open: self, batch: self.batch(), oldest: Oldest::default() };
        let (mut written, mut size, mut partition) = (Written::default(), 0, Vec::new());
        for (at, change) in changes.into_iter().enumerate() {
            match change {
                Change::Put { space, key, value, .. } => pending.put(space, key.into_joined(), value),
                Change::Replace { space, key, value, .. } => {
                    pending.batch.insert(self.keyspace(space.into()), key.into_joined(), value);
                }
                Change::PutNewer { space, key, value, .. } => {
                    let found = stored.find(self.keyspace(space.into()), key.joined()).map_err(Failure::Read)?;
                    if found.is_none_or(|stored| wins(&value, &stored)) {
                        pending.put(space, key.into_joined(), value);
                    } else {
                        written.lost.push(at);
                    }
                }
                Change::Remove { space, key } => pending.remove(space, key.into_joined()),
                Change::RemoveRange { space, range } => {
                    if size >= PART_BYTES && !together && partition != range.partition() {
                        pending.commit(sweeps)?;
                        self.wait_for_flushes()?;
                        size = 0;
                    }
                    partition.clear();
                    partition.extend_from_slice(range.partition());
                    let (values, bytes) = pending.remove_range(space, &range)?;
                    written.removed += values;
                    size += bytes;
                }
            }
        }
        pending.commit(sweeps)?;
        Ok(written)
    }

    /// Puts rows in the ascending order of their keys where none that is newer is stored.
    pub(super) fn load_rows(
        &self,
        puts: &mut dyn Iterator<Item = NewerPut>,
        sweeps: &mut Sweeps,
    ) -> Result<Lost, Failure> {
        let keyspace = self.keyspace(Kept::Rows);
        // Into files of its own, past journal and memory: they are on disk, and seen all at once, when it is finished.
        let mut files = keyspace.start_ingestion()?;
        let (mut stored, mut lost, mut oldest) = (StoredWalk::up_to_the_end(), Lost::default(), Oldest::default());
        for (key, value, _) in puts {
            let key = key.into_joined();
            let found = stored.find(keyspace, &key)?;
            if found.is_none_or(|stored| wins(&value, &stored)) {
                oldest.row(&key, &value);
                files.write(key, value)?;
            } else {
                lost.changes += 1;
                lost.bytes += (key.len() + value.len()) as u64;
            }
        }
        sweeps.note(oldest);
        files.finish()?;
        Ok(lost)
    }

    /// Removes values by their joined keys, in one batch.
    pub(super) fn remove(&self, space: Space, keys: Vec<Vec<u8>>) -> fjall::Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        self.wait_for_flushes()?;
        let mut pending = Pending { open: self, batch: self.batch(), oldest: Oldest::default() };
        keys.into_iter().for_each(|key| pending.remove(space, key));
        pending.batch.commit()
    }
}

/// A batch under way. What it changes of tiles it changes of their index.
struct Pending<'a> {
    open: &'a Open,
    batch: OwnedWriteBatch,
    oldest: Oldest,
}

impl Pending<'_> {
    fn put(&mut self, space: Space, key: Vec<u8>, value: Vec<u8>) {
        match space {
            Space::Tiles => {
                self.oldest.tile(&key);
                if let Some(entry) = index::entry_of(&key) {
                    self.batch.insert(self.open.keyspace(Kept::TileIndex), entry, Vec::new());
                }
            }
            Space::Rows => self.oldest.row(&key, &value),
            Space::Views => {}
        }
        self.batch.insert(self.open.keyspace(space.into()), key, value);
    }

    fn remove(&mut self, space: Space, key: Vec<u8>) {
        if let Some(entry) = index::entry_of(&key).filter(|_| space == Space::Tiles) {
            self.batch.remove(self.open.keyspace(Kept::TileIndex), entry);
        }
        self.batch.remove(self.open.keyspace(space.into()), key);
    }

    /// Removes what lies in a range. Gives how many values, and about how many bytes of the batch.
    fn remove_range(&mut self, space: Space, range: &KeyRange) -> Result<(u64, usize), Failure> {
        let (mut values, mut bytes) = (0, 0);
        let (first, behind) = range.joined();
        let open = self.open;
        open.scan(space.into(), first, behind, &mut |key, _| {
            values += 1;
            bytes += key.len() + ENTRY;
            self.remove(space, key.to_vec());
            ControlFlow::Continue(())
        })
        .map_err(Failure::Read)?;
        Ok((values, bytes))
    }

    /// Commits what there is, and begins again.
    fn commit(&mut self, sweeps: &mut Sweeps) -> fjall::Result<()> {
        sweeps.note(std::mem::take(&mut self.oldest));
        std::mem::replace(&mut self.batch, self.open.batch()).commit()
    }
}
