//! Files of keys on their way to a deletion: who may send one where, and for how long (docs/wire.md section 2.6).
//!
//! A place is made for one view; its two addresses, one for each store, are secrets and need no API key. A path that a
//! client names is only ever compared, never opened: what is read lies in the folder of a place that was made here. It
//! must not look into the files.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use subtle::ConstantTimeEq;
use thiserror::Error;

use super::private;
use crate::model::{Id, Span, Time, clean};

/// Most bytes of the keys of one store.
pub(crate) const LIMIT: u64 = 64 << 20;
/// Most places at the same time.
pub(crate) const MOST_OPEN: usize = 64;
/// How long a place stays open.
pub(crate) const OPEN_FOR: Span = Span::minutes(15);
/// Most files of one store; Spark writes several.
const MOST_FILES: usize = 1_000;
/// Most characters of a path that a refusal repeats.
const SHOWN: usize = 200;

/// The store that a file of keys is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Online,
    Offline,
}

impl Store {
    /// Its name, and the name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }
}

/// Why keys cannot be sent or read.
#[derive(Debug, Error)]
pub enum UploadError {
    #[error(
        "The upload of the keys is not known, has expired or was used already. Ask for a new one with GetDeleteEntitiesInfo and \
         send the keys again."
    )]
    Gone,
    /// A path that is not in the place of that view.
    #[error(
        "The path `{0}` is not below the df_path that GetDeleteEntitiesInfo gave for this feature view. Name one below it."
    )]
    Outside(String),
    #[error(
        "No keys were sent for the {} store. Send them to the address that GetDeleteEntitiesInfo gave, then try again.",
        .0.name()
    )]
    Missing(Store),
    #[error("The keys for the {} store take more than {} MiB. Send fewer keys at a time.", .0.name(), LIMIT >> 20)]
    TooLarge(Store),
    #[error(
        "The uploads in {dir} failed: {problem}. Check that the disk is not full and that the data directory is writable."
    )]
    Disk {
        dir: PathBuf,
        #[source]
        problem: io::Error,
    },
}

/// A place for the keys of one deletion.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The folder of both files, as a URI.
    pub df_path: String,
    /// The secret in the address of the online store's file.
    pub online: String,
    /// The secret in the address of the offline store's file.
    pub offline: String,
}

struct Place {
    owner: Id,
    view: Id,
    offer: Offer,
    closes: Time,
}

/// The places of a deployment. Its calls touch the disk.
pub struct Uploads {
    dir: PathBuf,
    /// By the name of its folder.
    places: Mutex<HashMap<String, Place>>,
}

impl Uploads {
    /// Uploads below `dir`, in a data directory that is ours. The places that an earlier process left there are
    /// removed; what has no name of a place stays.
    pub fn open(dir: &Path) -> io::Result<Self> {
        private::make_folder(dir)?;
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() && entry.file_name().to_str().is_some_and(is_place) {
                fs::remove_dir_all(entry.path())?;
            } else {
                tracing::warn!(path = %entry.path().display(), "this is no upload of keys; it stays where it is");
            }
        }
        Ok(Self { dir: dir.canonicalize()?, places: Mutex::default() })
    }

    fn places(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, problem: io::Error) -> UploadError {
        UploadError::Disk { dir: self.dir.clone(), problem }
    }

    /// Opens a place for keys of `view`, for the API key `owner`. Where too many are open, the oldest of the key that
    /// has the most is closed, so that nobody's places keep another's out.
    pub fn offer(&self, owner: Id, view: Id, now: Time) -> Result<Offer, UploadError> {
        self.sweep(now);
        let mut places = self.places();
        if places.len() >= MOST_OPEN {
            let of_owner = |owner: Id| places.values().filter(|place| place.owner == owner).count();
            let closed = places.iter().max_by_key(|(name, place)| {
                (of_owner(place.owner), place.owner, std::cmp::Reverse((place.closes, name.as_str())))
            });
            if let Some(name) = closed.map(|(name, _)| name.clone()) {
                places.remove(&name);
                remove(&self.dir.join(name));
            }
        }
        let name = uuid::Uuid::new_v4().simple().to_string();
        let folder = self.dir.join(&name);
        private::make_folder(&folder).map_err(|problem| self.failed(problem))?;
        let df_path = format!("file://{}", folder.display());
        let offer = Offer { df_path, online: secret(), offline: secret() };
        places.insert(name, Place { owner, view, offer: offer.clone(), closes: now + OPEN_FOR });
        Ok(offer)
    }

    /// The folder that takes the file sent to the address with that secret; nothing when there is none, or no longer.
    pub fn folder(&self, secret: &str, now: Time) -> Option<PathBuf> {
        let places = self.places();
        let mut open = places.iter().filter(|(_, place)| now < place.closes);
        open.find_map(|(name, place)| {
            // In constant time, so that the time taken does not tell which address came close.
            let is = |known: &str| bool::from(known.as_bytes().ct_eq(secret.as_bytes()));
            let store = match (is(&place.offer.online), is(&place.offer.offline)) {
                (true, _) => Store::Online,
                (_, true) => Store::Offline,
                _ => return None,
            };
            Some(self.dir.join(name).join(store.name()))
        })
    }

    /// Takes the place of `view` that all of `paths` lie in: its addresses are closed at once, its files are removed
    /// when the answer is dropped.
    pub fn take(&self, view: Id, paths: &[&str], now: Time) -> Result<Taken, UploadError> {
        let outside = |path: &str| UploadError::Outside(clean(path).chars().take(SHOWN).collect());
        let names = paths.iter().map(|path| self.name_of(path).ok_or_else(|| outside(path)));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let name = names.first().copied().ok_or(UploadError::Gone)?;
        if let Some((path, _)) = paths.iter().zip(&names).find(|(_, other)| **other != name) {
            return Err(outside(path));
        }
        let mut places = self.places();
        let place = places.get(name).filter(|place| now < place.closes).ok_or(UploadError::Gone)?;
        if place.view != view {
            return Err(outside(paths.first().copied().unwrap_or_default()));
        }
        places.remove(name);
        Ok(Taken { dir: self.dir.join(name) })
    }

    /// The name of the place that a path lies in, by its text alone.
    fn name_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        let plain = path.strip_prefix("file://").or_else(|| path.strip_prefix("file:")).unwrap_or(path);
        let below = plain.strip_prefix(&self.dir.display().to_string())?.strip_prefix('/')?;
        let mut parts = below.trim_end_matches('/').split('/');
        let sound = parts.clone().all(|part| !part.is_empty() && part != "." && part != "..");
        parts.next().filter(|_| sound)
    }

    /// Closes the places whose time is over and removes their files.
    pub fn sweep(&self, now: Time) {
        let closed: Vec<_> = self.places().extract_if(|_, place| place.closes <= now).collect();
        for (name, _) in closed {
            remove(&self.dir.join(name));
        }
    }
}

/// Whether a folder has a name that [`Uploads::offer`] gives.
fn is_place(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// At least 128 random bits.
fn secret() -> String {
    let word = || uuid::Uuid::new_v4().simple().to_string();
    word() + &word()
}

fn remove(dir: &Path) {
    if let Err(error) = fs::remove_dir_all(dir) {
        tracing::warn!(dir = %dir.display(), error = &error as &dyn std::error::Error, "uploaded keys could not be removed; the next start removes them");
    }
}

/// A place whose keys are being used.
#[derive(Debug)]
pub struct Taken {
    dir: PathBuf,
}

impl Taken {
    /// The files of a store, in the order of their names. Files that begin with `.` or `_` are Spark's own.
    pub fn read(&self, store: Store) -> Result<Vec<Vec<u8>>, UploadError> {
        let failed = |problem| UploadError::Disk { dir: self.dir.clone(), problem };
        let entries = match fs::read_dir(self.dir.join(store.name())) {
            Ok(entries) => entries,
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Err(UploadError::Missing(store)),
            Err(problem) => return Err(failed(problem)),
        };
        let (mut paths, mut size) = (Vec::new(), 0_u64);
        for entry in entries {
            let entry = entry.map_err(failed)?;
            // Of the link itself where it is one: links are not followed out of the folder.
            let kind = entry.metadata().map_err(failed)?;
            if !kind.is_file() || entry.file_name().to_string_lossy().starts_with(['.', '_']) {
                continue;
            }
            size = size.saturating_add(kind.len());
            paths.push(entry.path());
            if size > LIMIT || paths.len() > MOST_FILES {
                return Err(UploadError::TooLarge(store));
            }
        }
        paths.sort();
        if paths.is_empty() {
            return Err(UploadError::Missing(store));
        }
        paths.iter().map(|path| fs::read(path).map_err(failed)).collect()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        remove(&self.dir);
    }
}

/// A file that is being received: removed unless it is kept.
pub(crate) struct Part {
    folder: PathBuf,
    path: PathBuf,
}

impl Part {
    /// Makes an empty file for a body that goes to `folder`, and its folder. It is not among the files that are read.
    pub(crate) fn begin(folder: PathBuf) -> io::Result<(Self, File)> {
        if !folder.is_dir() {
            // Not what leads to it: the place may have been closed meanwhile.
            match fs::create_dir(&folder) {
                Err(problem) if problem.kind() != io::ErrorKind::AlreadyExists => return Err(problem),
                _ => private::settle(&folder)?,
            }
        }
        let path = folder.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        let file = File::create_new(&path)?;
        private::settle(&path)?;
        Ok((Self { folder, path }, file))
    }

    /// Makes the file durable and puts it in the place of an earlier one.
    pub(crate) fn keep(self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        fs::rename(&self.path, self.folder.join("keys"))?;
        File::open(&self.folder)?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // A file that was kept, or went away with its folder, is not there any more.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests;
