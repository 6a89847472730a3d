//! The keys of deletion jobs. They are about people: kept no longer than the job may need them.

use rusqlite::{OptionalExtension, params};

use super::Rows;
use crate::model::Id;
use crate::platform::jobs::error::TableError;

impl Rows<'_> {
    /// Keeps the keys of a deletion job, an Arrow IPC stream.
    pub fn save_deletion_keys(&self, job: Id, keys: &[u8]) -> Result<(), TableError> {
        self.connection
            .execute("INSERT INTO deletion_keys (job, keys) VALUES (?1, ?2)", params![job.to_string(), keys])?;
        Ok(())
    }

    /// The keys of a deletion job; absent once they are dropped.
    pub fn deletion_keys(&self, job: Id) -> Result<Option<Vec<u8>>, TableError> {
        let sql = "SELECT keys FROM deletion_keys WHERE job = ?1";
        Ok(self.connection.query_row(sql, [job.to_string()], |row| row.get(0)).optional()?)
    }

    /// Drops the keys of a deletion job.
    pub fn drop_deletion_keys(&self, job: Id) -> Result<(), TableError> {
        self.connection.prepare_cached("DELETE FROM deletion_keys WHERE job = ?1")?.execute([job.to_string()])?;
        Ok(())
    }
}
