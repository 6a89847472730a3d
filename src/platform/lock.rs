//! The lock on a data directory: one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::PlatformError;

/// Holds the directory until it is dropped; the operating system lets go of it also when the process is killed.
#[derive(Debug)]
pub struct DirectoryLock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl DirectoryLock {
    /// Creates `dir` when it is not there, and locks it.
    pub fn take(dir: &Path) -> Result<Self, PlatformError> {
        let failed = |problem| PlatformError::DataDir { dir: dir.to_owned(), problem };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(PlatformError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(problem)) => Err(failed(problem)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_user_is_told_which_directory_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(&dir.path().join("data")).unwrap();
        let refusal = DirectoryLock::take(&dir.path().join("data")).unwrap_err().to_string();
        assert!(refusal.contains(&dir.path().join("data").display().to_string()), "{refusal}");
        drop(first);
        DirectoryLock::take(&dir.path().join("data")).unwrap();
    }
}
