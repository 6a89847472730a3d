//! The lock on a data directory: one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::data_dir::DataDirError;

/// How often a lock that is taken is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// How long a start waits for the process before it to be cleared away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Why a data directory cannot be locked.
#[derive(Debug, Error)]
pub enum LockError {
    #[error("the data directory {dir} is in use by another fvtop: stop that one, or choose another --data-dir")]
    InUse { dir: PathBuf },
    /// The disk does not let it.
    #[error(transparent)]
    Disk(#[from] DataDirError),
}

/// Holds the directory until it is dropped; the operating system lets go of it also when the process is killed.
#[derive(Debug)]
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl DirectoryLock {
    /// Creates `dir` when it is not there, and locks it. Waits up to `patience` for another user: a process that was
    /// killed a moment ago holds on until the system has cleared it away. Blocks the thread.
    pub(crate) fn take(dir: &Path, patience: Duration) -> Result<Self, LockError> {
        let failed = |problem| DataDirError::Disk { dir: dir.to_owned(), problem };
        super::private::make_folder(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(dir.join("lock")).map_err(failed)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(problem)) => return Err(failed(problem).into()),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(LockError::InUse { dir: dir.to_owned() });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(AGAIN),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    #[test]
    fn a_second_user_is_told_which_directory_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(&dir.path().join("data"), NONE).unwrap();
        let refusal = DirectoryLock::take(&dir.path().join("data"), NONE).unwrap_err().to_string();
        assert!(refusal.contains(&dir.path().join("data").display().to_string()), "{refusal}");
        drop(first);
        DirectoryLock::take(&dir.path().join("data"), NONE).unwrap();
    }

    #[test]
    fn a_user_that_is_about_to_leave_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(dir.path(), NONE).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| DirectoryLock::take(dir.path(), Duration::from_secs(30)));
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
