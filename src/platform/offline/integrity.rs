//! Whether a table still is what jobs made of it: damage from outside must never become a value.
//!
//! What jobs know of a table is its [`Manifest`]: the version that they wrote last and the files of that version. The
//! log of the table says the same in other words; where the two differ, something came from outside. It compares and
//! reports; it must not mend.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use deltalake_core::kernel::{Action, LogicalFileView};
use xxhash_rust::xxh3::Xxh3;

use super::stats::Stats;
use super::{OfflineError, OfflineTable};
use crate::model::clean::first_few;
use crate::model::time::{floor, from_micros, joined};
use crate::model::{Span, Window};

/// Bytes that are read at a time to make a checksum.
const CHUNK: usize = 1 << 20;

/// A data file, as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Size of the file in bytes, as the commit states it.
    pub bytes: i64,
    /// Its rows, where that is known.
    pub rows: Option<i64>,
    /// XXH3 of its bytes, where this program wrote it.
    pub checksum: Option<u64>,
    /// The times that its rows may have; absent for any.
    pub times: Option<Window>,
}

/// What a table holds in one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The table's own id, which no other table has.
    pub table: String,
    /// Number of that version in the table's log; the first is 0.
    pub version: u64,
    /// The data files by their path below the table.
    pub files: BTreeMap<String, DataFile>,
}

/// What is not as jobs left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Whether the table itself is another one, or an older version of it: then nothing may be added to it.
    pub replaced: bool,
    /// What was found, in sentences without an end.
    pub problems: Vec<String>,
    /// The times whose rows cannot be relied on; absent for one that may be any.
    pub times: Vec<Option<Window>>,
}

impl Damage {
    /// Whether no problem was found.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    fn note(&mut self, problem: String, times: Option<Window>) {
        self.problems.push(problem);
        self.times.push(times);
    }

    fn absorb(&mut self, other: Self) {
        self.replaced |= other.replaced;
        self.problems.extend(other.problems);
        self.times.extend(other.times);
    }

    /// The windows of jobs that must be written again: the times, rounded outwards to the schedule, as far as jobs
    /// wrote them.
    pub fn windows(&self, schedule: Span, written: &[Window]) -> Vec<Window> {
        let ceil = |at| if floor(at, schedule) == at { at } else { floor(at, schedule) + schedule };
        let whole = |times: Window| Window { start: floor(times.start, schedule), end: ceil(times.end) };
        let mut windows = Vec::new();
        for held in written {
            for times in &self.times {
                let wanted = times.map_or(*held, whole);
                let both = Window { start: wanted.start.max(held.start), end: wanted.end.min(held.end) };
                if both.start < both.end {
                    windows.push(both);
                }
            }
        }
        joined(windows)
    }

    /// What was found, the first few.
    pub fn sentence(&self) -> String {
        first_few(&self.problems)
    }
}

/// Whether both are known and not the same.
fn differ(one: Option<i64>, other: Option<i64>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

impl OfflineTable {
    /// What the version that is open holds. Checksums are those of the files that this handle wrote.
    pub fn manifest(&self) -> Result<Manifest, OfflineError> {
        let state = self.table.snapshot().map_err(|e| OfflineError::log(&self.root, e))?;
        let files = self.files()?.iter().map(|file| (file.path().into_owned(), self.described(file))).collect();
        Ok(Manifest {
            table: state.metadata().id().to_owned(),
            version: self.table.version().unwrap_or_default(),
            files,
        })
    }

    /// [`Self::manifest`] with the checksums of all files as they are now; nothing when `go_on` says no.
    pub fn summed(&self, go_on: &dyn Fn() -> bool) -> Result<Option<Manifest>, OfflineError> {
        let mut manifest = self.manifest()?;
        for file in self.files()? {
            if !go_on() {
                return Ok(None);
            }
            let path = self.path(&file);
            let sum = File::open(&path).and_then(checksum_of);
            let sum =
                sum.map_err(|e| OfflineError::disk(&self.root, &format!("{} cannot be read", path.display()), e))?;
            if let Some(known) = manifest.files.get_mut(file.path().as_ref()) {
                known.checksum = Some(sum);
            }
        }
        Ok(Some(manifest))
    }

    fn described(&self, file: &LogicalFileView) -> DataFile {
        let stats = Stats::parse(file.stats().as_deref());
        let times = self.layout.range(&stats).map(|(least, greatest)| Window {
            start: from_micros(least),
            end: from_micros(greatest.saturating_add(1)),
        });
        let path = file.path();
        DataFile {
            bytes: file.size(),
            rows: stats.rows(),
            checksum: self.written.get(path.as_ref()).copied(),
            times: times.or_else(|| self.partition(file)),
        }
    }

    /// What differs between the version that is open and what jobs know, and, of the files that reads of `window` open
    /// (of all without one), between the log and the disk. Opens no data file. What others committed since is taken
    /// from the log.
    pub fn damage(&self, known: &Manifest, window: Option<Window>) -> Result<Damage, OfflineError> {
        let found = self.manifest()?;
        let mut damage = Damage::default();
        let mut expected = known.clone();
        if found.table != known.table {
            damage.replaced = true;
            damage.note("it is another table than the one that jobs wrote".to_owned(), None);
        } else if found.version < known.version {
            damage.replaced = true;
            let (found, known) = (found.version, known.version);
            let problem = format!("its newest version is {found}, and jobs have written version {known}");
            damage.problems.push(problem);
        } else if let Err(problem) = self.replay(&mut expected, found.version) {
            damage.replaced = true;
            damage.note(problem, None);
        }
        for (path, file) in &expected.files {
            match found.files.get(path) {
                None => damage.note(format!("its log does not name the file {path} any more"), file.times),
                Some(other) if other.bytes != file.bytes || differ(other.rows, file.rows) => {
                    damage.note(format!("its log says something else of the file {path}"), file.times);
                }
                Some(_) => {}
            }
        }
        for (path, file) in &found.files {
            if !expected.files.contains_key(path) {
                damage.note(format!("its log names the file {path}, which no job left there"), file.times);
            }
        }
        for file in self.files_of(window)? {
            let path = self.path(&file);
            match path.metadata() {
                Ok(on_disk) if on_disk.len() == file.size().unsigned_abs() => {}
                Ok(on_disk) => {
                    let (size, wanted) = (on_disk.len(), file.size());
                    let problem = format!("the file {} has {size} bytes instead of {wanted}", file.path());
                    damage.note(problem, self.described(&file).times);
                }
                Err(error) => {
                    damage
                        .note(format!("the file {} cannot be read: {error}", file.path()), self.described(&file).times);
                }
            }
        }
        Ok(damage)
    }

    /// Brings what is expected up to a version by the entries of the log. An error says which entry is not to be relied
    /// on.
    fn replay(&self, expected: &mut Manifest, version: u64) -> Result<(), String> {
        for at in expected.version + 1..=version {
            let entry = self.root.join("_delta_log").join(format!("{at:020}.json"));
            let text = match fs::read_to_string(&entry) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.is_summed_up(at) => {
                    // Another program has cleared the log up. What it says now is all there is to go by.
                    *expected = self.manifest().map_err(|error| error.to_string())?;
                    return Ok(());
                }
                Err(error) => return Err(format!("the entry {at} of its log cannot be read: {error}")),
            };
            let damaged = |_| format!("the entry {at} of its log is damaged");
            let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            if lines.is_empty() {
                return Err(format!("the entry {at} of its log is empty"));
            }
            for line in lines {
                let action: serde_json::Value = serde_json::from_str(line).map_err(damaged)?;
                // Other programs may know actions that nothing here does.
                if action.get("add").or(action.get("remove")).is_none() {
                    continue;
                }
                match serde_json::from_value(action).map_err(damaged)? {
                    Action::Add(add) => {
                        let rows = Stats::parse(add.stats.as_deref()).rows();
                        let file = DataFile { bytes: add.size, rows, checksum: None, times: None };
                        expected.files.insert(add.path, file);
                    }
                    Action::Remove(gone) => drop(expected.files.remove(&gone.path)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Whether a checkpoint stands for the entry of a version.
    fn is_summed_up(&self, version: u64) -> bool {
        let names = fs::read_dir(self.root.join("_delta_log")).into_iter().flatten().flatten();
        let versions = names.filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| name.contains(".checkpoint."))?;
            name.get(..20)?.parse::<u64>().ok()
        });
        versions.max().is_some_and(|newest| newest >= version)
    }

    /// The files that reads of `window` open whose bytes are not those that were written. A file that was found sound
    /// is not read again by this process until something touches it.
    pub fn corrupt(&self, known: &Manifest, window: Option<Window>) -> Result<Damage, OfflineError> {
        let mut damage = Damage::default();
        for file in self.files_of(window)? {
            let path = file.path();
            let Some(expected) = known.files.get(path.as_ref()) else { continue };
            let Some(checksum) = expected.checksum else { continue };
            match is_sound(&self.path(&file), checksum) {
                Ok(true) => {}
                Ok(false) => {
                    damage.note(format!("the file {path} has other bytes than were written"), expected.times);
                }
                Err(error) => damage.note(format!("the file {path} cannot be read: {error}"), expected.times),
            }
        }
        Ok(damage)
    }

    /// Both [`Self::damage`] and [`Self::corrupt`]: which files are there, and whether their bytes are those written.
    pub fn inspect(&self, known: &Manifest, window: Option<Window>) -> Result<Damage, OfflineError> {
        let mut damage = self.damage(known, window)?;
        damage.absorb(self.corrupt(known, window)?);
        Ok(damage)
    }
}

/// What is known of a file's state on disk: where that is the same, so are its bytes, as far as the system tells.
type State = (u64, u64, i64, i64, i64, i64);

/// The files that were found sound, with the state that they had then and their checksum.
static SOUND: LazyLock<Mutex<HashMap<PathBuf, (State, u64)>>> = LazyLock::new(Mutex::default);

fn is_sound(path: &Path, checksum: u64) -> io::Result<bool> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    let state = (about.ino(), about.len(), about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec());
    if SOUND.lock().unwrap_or_else(PoisonError::into_inner).get(path) == Some(&(state, checksum)) {
        return Ok(true);
    }
    let sound = checksum_of(file)? == checksum;
    if sound {
        let mut all = SOUND.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(path.to_owned(), (state, checksum));
    }
    Ok(sound)
}

/// The checksum of what a file holds.
pub fn checksum_of(mut file: impl Read) -> io::Result<u64> {
    let mut hash = Xxh3::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hash.digest()),
            Ok(read) => hash.update(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes on, and makes the checksum of what was written.
pub(crate) struct Summed<W> {
    into: W,
    hash: Xxh3,
}

impl<W: Write> Summed<W> {
    pub(crate) fn new(into: W) -> Self {
        Self { into, hash: Xxh3::new() }
    }

    pub(crate) fn checksum(&self) -> u64 {
        self.hash.digest()
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}
