//! Removing old jobs. What must outlive them (coverage, the plan) is kept elsewhere.

use rusqlite::params;

use super::{Rows, id_at};
use crate::model::time::micros;
use crate::model::{Id, Time};
use crate::platform::jobs::error::TableError;

impl Rows<'_> {
    /// All views that there ever were jobs of.
    pub fn views(&self) -> Result<Vec<Id>, TableError> {
        self.ids("SELECT id FROM views ORDER BY id", &[])
    }

    /// Removes at most `limit` of a view's ended jobs, with all that is kept of them: those that ended before `before`
    /// and are not among its `keep` newest ended ones. The newest stream job stays, for it tells whether the stream is
    /// to run. Returns how many are gone.
    pub fn prune(&self, view: Id, before: Time, keep: usize, limit: usize) -> Result<usize, TableError> {
        let ended = "state IN ('SUCCESS', 'FAILURE', 'MANUALLY_CANCELLED', 'DRAINED')";
        let sql = format!(
            "SELECT id FROM jobs WHERE view = ?1 AND {ended} AND updated_at < ?2
                 AND seq <= (SELECT seq FROM jobs WHERE view = ?1 AND {ended} ORDER BY seq DESC LIMIT 1 OFFSET ?3)
                 AND seq <> COALESCE((SELECT MAX(seq) FROM jobs WHERE view = ?1 AND job_type = 'STREAM'), -1)
             ORDER BY seq LIMIT ?4"
        );
        let mut query = self.connection.prepare_cached(&sql)?;
        let size = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let mut found = query.query(params![view.to_string(), micros(before), size(keep), size(limit)])?;
        let mut gone = Vec::new();
        while let Some(row) = found.next()? {
            gone.push(id_at(row, 0)?);
        }
        for job in &gone {
            for sql in [
                "DELETE FROM log WHERE attempt IN (SELECT id FROM attempts WHERE job = ?1)",
                "DELETE FROM stages WHERE attempt IN (SELECT id FROM attempts WHERE job = ?1)",
                "DELETE FROM attempts WHERE job = ?1",
                "DELETE FROM deletion_keys WHERE job = ?1",
                "DELETE FROM jobs WHERE id = ?1",
            ] {
                self.connection.prepare_cached(sql)?.execute([job.to_string()])?;
            }
        }
        Ok(gone.len())
    }
}
