//! The durable job table: one SQLite file that survives `kill -9` and power loss.
//!
//! Everything that was acknowledged is here before it was acknowledged (WAL, `synchronous=FULL`). This room stores and
//! loads records; what a record may become is decided in `record.rs`, what the file looks like in `schema.rs`. Calls
//! block on the disk: never make them from an async task.
//!
//! Two connections: one writes, the other only reads, so that lists are read while jobs are being written. A reading
//! begins with what was committed last, so whoever was answered about a change finds it in the next list.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::TableError;
use super::rows::Rows;
use super::schema;
use crate::platform::{private, sqlite};

/// How long one connection waits for another: such as for the one that writes, which may be clearing its log.
const PATIENCE: Duration = Duration::from_secs(5);
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 64;

/// The table, open to be read alone.
pub struct ReadOnlyTable {
    connection: Mutex<Connection>,
}

impl ReadOnlyTable {
    /// Opens a file of the newest layout.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or has another layout.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        schema::check(&connection)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Reads one consistent state: all that was committed when it begins.
    ///
    /// # Errors
    /// As `look`, and when the file fails.
    pub fn read<T>(&self, look: impl FnOnce(&Rows) -> Result<T, TableError>) -> Result<T, TableError> {
        let mut connection = lock(&self.connection);
        let transaction = connection.transaction()?;
        look(&Rows::new(&transaction))
    }
}

/// The job table, open to be read and written.
pub struct JobTable {
    // Dropped first: the connection that is closed last empties the log, and only one that writes can.
    reader: ReadOnlyTable,
    writer: Mutex<Connection>,
}

impl JobTable {
    /// Opens the file at `path`, making it for its owner alone when it is not there; so SQLite makes those beside it.
    ///
    /// # Errors
    /// When it cannot be made or used.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        private::make_file(path).map_err(TableError::Make)?;
        let mut writer = Connection::open(path)?;
        writer.busy_timeout(PATIENCE)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        writer.pragma_update(None, "foreign_keys", true)?;
        writer.set_prepared_statement_cache_capacity(STATEMENTS);
        if let Some(problem) = sqlite::damage(&writer)? {
            return Err(TableError::Damaged(problem));
        }
        schema::migrate(&mut writer)?;
        Ok(Self { reader: ReadOnlyTable::open(path)?, writer: Mutex::new(writer) })
    }

    /// Runs `change` in one transaction and makes it durable; an error leaves nothing behind.
    ///
    /// # Errors
    /// As `change`, and when the file fails.
    pub fn write<T, E: From<TableError>>(&self, change: impl FnOnce(&Rows) -> Result<T, E>) -> Result<T, E> {
        let mut connection = lock(&self.writer);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(TableError::from)?;
        let done = change(&Rows::new(&transaction))?;
        transaction.commit().map_err(TableError::from)?;
        Ok(done)
    }

    /// Reads one consistent state: all that was committed when it begins. It does not wait for those that write.
    ///
    /// # Errors
    /// As `look`, and when the file fails.
    pub fn read<T>(&self, look: impl FnOnce(&Rows) -> Result<T, TableError>) -> Result<T, TableError> {
        self.reader.read(look)
    }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A panic under the lock rolls its transaction back, so the connection behind it is sound.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn the_table_is_read_while_it_is_written_and_shows_a_change_once_it_was_made() {
        let (_dir, table) = table();
        let (view, now) = (view("v"), from_micros(0));
        let jobs = || table.read(|rows| rows.jobs(view.id)).unwrap().len();
        let meanwhile = table.write(|rows| {
            rows.register(&view, now, None)?;
            rows.save(&mut JobRecord::stream(&view, now))?;
            Ok::<_, TableError>(std::thread::scope(|scope| scope.spawn(jobs).join().unwrap()))
        });
        assert_eq!((meanwhile.unwrap(), jobs()), (0, 1));
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
