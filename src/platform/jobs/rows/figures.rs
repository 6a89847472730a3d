//! Counts over the job table.

use rusqlite::Row;

use super::{Rows, id_at};
use crate::model::Id;
use crate::platform::jobs::error::TableError;

/// Jobs of a view that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCount {
    pub view: Id,
    /// What they do, in a word.
    pub job_type: String,
    /// Where they stand, in a word.
    pub state: String,
    pub jobs: u64,
}

/// Attempts of a view that have not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAttempts {
    pub view: Id,
    /// Where they stand, in a word.
    pub state: String,
    /// How many attempts are alike.
    pub attempts: u64,
}

impl Rows<'_> {
    /// The jobs by view, type and state.
    pub fn job_counts(&self) -> Result<Vec<JobCount>, TableError> {
        let sql = "SELECT view, job_type, state, COUNT(*) FROM jobs GROUP BY view, job_type, state";
        self.counted(sql, |row| {
            Ok(JobCount { view: id_at(row, 0)?, job_type: row.get(1)?, state: row.get(2)?, jobs: count_at(row, 3)? })
        })
    }

    /// The attempts that wait or run, by view and state.
    pub fn open_attempts(&self) -> Result<Vec<OpenAttempts>, TableError> {
        let sql = "SELECT jobs.view, attempts.state, COUNT(*) FROM attempts JOIN jobs ON jobs.id = attempts.job
             WHERE attempts.state IN ('PENDING', 'RUNNING') GROUP BY jobs.view, attempts.state";
        self.counted(sql, |row| {
            Ok(OpenAttempts { view: id_at(row, 0)?, state: row.get(1)?, attempts: count_at(row, 2)? })
        })
    }

    fn counted<T>(&self, sql: &str, read: impl Fn(&Row) -> Result<T, TableError>) -> Result<Vec<T>, TableError> {
        let mut query = self.connection.prepare_cached(sql)?;
        let mut found = query.query([])?;
        let mut counts = Vec::new();
        while let Some(row) = found.next()? {
            counts.push(read(row)?);
        }
        Ok(counts)
    }
}

fn count_at(row: &Row, column: usize) -> Result<u64, TableError> {
    let count: i64 = row.get(column)?;
    Ok(u64::try_from(count).unwrap_or(0))
}
