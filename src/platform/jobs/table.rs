//! The durable job table: one SQLite file that survives `kill -9` and power loss.
//!
//! Everything that was acknowledged is here before it was acknowledged (WAL, `synchronous=FULL`). This room stores and
//! loads records; what a record may become is decided in `record.rs`, what the file looks like in `schema.rs`. Calls block on the disk: never make them from
//! an async task.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use thiserror::Error;

use super::rows::Rows;
use super::schema::{self, LAYOUT};
use crate::platform::{private, sqlite};

/// Why the job table did not answer.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file cannot be used.
    #[error("the job table failed: {0}. {advice}", advice = sqlite::advice(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// The file cannot be made.
    #[error("the job table cannot be made: {0}. Choose a data directory that you may write to.")]
    Make(#[source] std::io::Error),
    /// The file was made by another release.
    #[error("the job table has layout {found}, this program knows {LAYOUT}: use the release that made it")]
    Layout {
        /// What the file says.
        found: i64,
    },
    /// The file was made by an earlier release, and is only to be read.
    #[error(
        "the job table has layout {found}, and {LAYOUT} is wanted: start the platform once, which brings it up to date"
    )]
    Older {
        /// What the file says.
        found: i64,
    },
    /// The file holds something that no release writes.
    #[error(
        "the job table is damaged: {0}. Put it back from a copy. Without one, move the data directory away and materialize again."
    )]
    Damaged(String),
}

impl TableError {
    /// Whether the disk is full, so that making room is what helps.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::Make(error) => matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            _ => false,
        }
    }
}

/// The table, open.
pub struct JobTable {
    connection: Mutex<Connection>,
}

impl JobTable {
    /// Opens the file at `path`, making it for its owner alone when it is not there; so SQLite makes those beside it.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        private::make_file(path).map_err(TableError::Make)?;
        Self::prepare(Connection::open(path)?)
    }

    /// Opens a file of the newest layout to be read alone.
    pub fn open_to_read(path: &Path) -> Result<Self, TableError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        schema::check(&connection)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn prepare(mut connection: Connection) -> Result<Self, TableError> {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        if let Some(problem) = sqlite::damage(&connection)? {
            return Err(TableError::Damaged(problem));
        }
        schema::migrate(&mut connection)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic under the lock rolls its transaction back, so the connection behind it is sound.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `change` in one transaction and makes it durable; an error leaves nothing behind.
    pub fn write<T, E: From<TableError>>(&self, change: impl FnOnce(&Rows) -> Result<T, E>) -> Result<T, E> {
        let mut connection = self.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(TableError::from)?;
        let done = change(&Rows::new(&transaction))?;
        transaction.commit().map_err(TableError::from)?;
        Ok(done)
    }

    /// Reads one consistent state.
    pub fn read<T>(&self, look: impl FnOnce(&Rows) -> Result<T, TableError>) -> Result<T, TableError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        look(&Rows::new(&transaction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;
    use crate::model::{JobState, Span, Window};
    use crate::platform::jobs::record::{JobRecord, Outcome};
    use crate::platform::jobs::retry::{Failure, Policy};
    use crate::platform::testing::view;

    fn table() -> (tempfile::TempDir, JobTable) {
        let dir = tempfile::tempdir().unwrap();
        let table = JobTable::open(&dir.path().join("jobs.sqlite")).unwrap();
        (dir, table)
    }

    #[test]
    fn records_are_read_back_as_they_were_written() {
        let (dir, table) = table();
        let (view, now) = (view("v"), from_micros(1_700_000_000_123_456));
        let mut record = JobRecord::batch(&view, Window { start: now - Span::hours(1), end: now }, now, now);
        record.start(now);
        record.finish(
            Outcome::Failed {
                failure: Failure::Retryable,
                reason: "SOURCE_ERROR".to_owned(),
                message: "ünreadable".to_owned(),
            },
            &Policy::default(),
            now,
        );
        table
            .write(|rows| {
                rows.register(&view, now, None)?;
                rows.save(&mut record)?;
                rows.save(&mut JobRecord::stream(&view, now))
            })
            .unwrap();
        drop(table);
        let again = JobTable::open(&dir.path().join("jobs.sqlite")).unwrap();
        again
            .read(|rows| {
                assert_eq!(rows.job(record.job.id)?.as_ref(), Some(&record));
                let jobs = rows.jobs(view.id)?;
                assert_eq!(jobs.len(), 2);
                assert_eq!(jobs[1], record, "newest first");
                assert_eq!(rows.due(now + Span::minutes(5))?, [record.job.id]);
                assert!(rows.due(now)?.is_empty());
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn an_error_leaves_nothing_behind() {
        let (_dir, table) = table();
        let (view, now) = (view("v"), from_micros(0));
        let result: Result<(), TableError> = table.write(|rows| {
            rows.register(&view, now, None)?;
            rows.save(&mut JobRecord::stream(&view, now))?;
            Err(TableError::Damaged("on purpose".to_owned()))
        });
        assert!(result.is_err());
        assert!(table.read(|rows| rows.jobs(view.id)).unwrap().is_empty());
    }

    #[test]
    fn changes_of_a_record_replace_it() {
        let (_dir, table) = table();
        let (view, now) = (view("v"), from_micros(0));
        let mut record = JobRecord::batch(&view, Window { start: now, end: now + Span::hours(1) }, now, now);
        table.write(|rows| rows.register(&view, now, None).and_then(|_| rows.save(&mut record))).unwrap();
        record.start(now);
        table.write(|rows| rows.save(&mut record)).unwrap();
        assert_eq!(table.read(|rows| rows.running()).unwrap(), [record.job.id]);
        record.finish(Outcome::Success, &Policy::default(), now);
        table.write(|rows| rows.save(&mut record)).unwrap();
        let stored = table.read(|rows| rows.job(record.job.id)).unwrap().unwrap();
        assert_eq!(stored.job.state, JobState::Success);
        assert!(table.read(|rows| rows.running()).unwrap().is_empty());
    }
}
