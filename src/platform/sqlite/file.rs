//! An SQLite file of the data directory: opened, brought to its layout, durable at each commit.
//!
//! Several processes may have it open at the same time (WAL); one waits a few seconds for another that writes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use thiserror::Error;

use super::{advice, damage};
use crate::platform::private;

/// How long one process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a file did not answer.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("{path} failed: {problem}. {advice}", advice = advice(.problem))]
    Sqlite {
        path: PathBuf,
        #[source]
        problem: rusqlite::Error,
    },
    #[error("{path} cannot be made: {problem}. Choose a directory that you may write to.")]
    Make {
        path: PathBuf,
        #[source]
        problem: std::io::Error,
    },
    #[error(
        "{path} is damaged: {problem}. Put it back from a copy, or move it away: a new one is made, without what was in it."
    )]
    Damaged { path: PathBuf, problem: String },
    /// It was made by another release.
    #[error("{path} has layout {found}, this program knows {known}: use the release that made it.")]
    Layout {
        path: PathBuf,
        found: i64,
        /// The newest layout there is here.
        known: i64,
    },
}

impl FileError {
    /// Whether the disk is full, so that making room is what helps.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Sqlite { problem, .. } => problem.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::Make { problem, .. } => matches!(problem.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            Self::Damaged { .. } | Self::Layout { .. } => false,
        }
    }
}

pub(crate) struct File {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl File {
    /// Opens the file, readable for its owner alone, and brings it to its newest layout, step by step.
    pub(crate) fn open(path: PathBuf, layouts: &[&str]) -> Result<Self, FileError> {
        make(&path).map_err(|problem| FileError::Make { path: path.clone(), problem })?;
        let opened = Connection::open(&path).and_then(|connection| prepare(&connection).map(|()| connection));
        let connection = opened.map_err(|problem| FileError::Sqlite { path: path.clone(), problem })?;
        let damage = damage(&connection);
        if let Some(problem) = damage.map_err(|problem| FileError::Sqlite { path: path.clone(), problem })? {
            return Err(FileError::Damaged { path, problem });
        }
        let file = Self { path, connection: Mutex::new(connection) };
        file.migrate(layouts)?;
        Ok(file)
    }

    fn migrate(&self, layouts: &[&str]) -> Result<(), FileError> {
        let known = layouts.len() as i64;
        let version =
            |change: &Transaction| change.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        // Inside one transaction, for another process may be doing the same.
        let found = self.write(|change| {
            let found = version(change)?;
            for layout in layouts.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
                change.execute_batch(layout)?;
            }
            if (0..known).contains(&found) {
                change.pragma_update(None, "user_version", known)?;
            }
            Ok(found)
        })?;
        if (0..=known).contains(&found) {
            Ok(())
        } else {
            Err(FileError::Layout { path: self.path.clone(), found, known })
        }
    }

    /// Runs `change` in one transaction and makes it durable; an error leaves nothing behind.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&Transaction) -> rusqlite::Result<T>) -> Result<T, FileError> {
        let mut connection = self.lock();
        let run = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = change(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|problem| self.failed(problem))
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, FileError> {
        look(&self.lock()).map_err(|problem| self.failed(problem))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic under the lock rolls its transaction back, so the connection behind it is sound.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, problem: rusqlite::Error) -> FileError {
        FileError::Sqlite { path: self.path.clone(), problem }
    }
}

/// Makes the file and its directory when they are not there; the files that SQLite puts beside it get the same mode.
fn make(path: &Path) -> std::io::Result<()> {
    path.parent().map(private::make_folder).transpose()?;
    private::make_file(path)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_from_layout_to_layout_and_a_newer_one_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new").join("f.sqlite");
        let (one, two) = ("CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y");
        drop(File::open(path.clone(), &[one]).unwrap());
        let file = File::open(path.clone(), &[one, two]).unwrap();
        file.write(|change| change.execute("INSERT INTO a (x, y) VALUES (1, 2)", [])).unwrap();
        drop(File::open(path.clone(), &[one, two]).unwrap());
        let Err(error) = File::open(path.clone(), &[one]) else { panic!("layout 2 is not known") };
        assert!(error.to_string().contains("has layout 2, this program knows 1"), "{error}");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "for its owner alone");
    }
}
