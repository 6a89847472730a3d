//! The rows of the job table: SQL, and nothing but SQL.
//!
//! Used inside a transaction of `table.rs`. Instants are stored as microseconds since 1970, ids as 32 hex digits,
//! states as the words of the protocol.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::time::{from_micros, micros, span_micros};
use crate::model::{Id, Span, Time, Window};
use crate::platform::definition::View;

use super::error::TableError;
use super::record::JobRecord;

mod cells;
mod coverage;
mod deletion_keys;
mod figures;
mod job;
mod ledger;
mod prune;
mod report;
mod search;
mod window_reads;

use cells::{id_at, parse_id, time_at};
use job::{ATTEMPTS, AttemptColumn, JOBS, attempt_in, job_in};

pub(crate) use figures::{JobCount, OpenAttempts};
pub(crate) use window_reads::{ReadFile, WindowRead};

/// What is kept of a view from its first application on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// When it was first applied.
    pub created_at: Time,
    /// When its features begin, resolved; absent when the definition does not say.
    pub feature_start: Option<Time>,
}

/// A queued attempt's job, as far as choosing the next one needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    pub job: Id,
    pub view: Id,
    pub starts: Option<Time>,
    /// The end of its window.
    pub ends: Option<Time>,
    pub queued_at: Time,
    /// Whether a user asked for it.
    pub by_user: bool,
    pub is_deletion: bool,
}

/// The rows, within one transaction.
pub struct Rows<'a> {
    connection: &'a Connection,
}

impl<'a> Rows<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// Keeps a view's first application; on later ones the kept values are returned and stay as they are.
    pub fn register(&self, view: &View, now: Time, feature_start: Option<Time>) -> Result<Applied, TableError> {
        self.connection.execute(
            "INSERT INTO views (id, workspace, name, created_at, feature_start) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO NOTHING",
            params![view.id.to_string(), view.workspace, view.name, micros(now), feature_start.map(micros)],
        )?;
        let kept = |row: &Row| {
            let start: Option<i64> = row.get(1)?;
            Ok(Applied { created_at: from_micros(row.get(0)?), feature_start: start.map(from_micros) })
        };
        let sql = "SELECT created_at, feature_start FROM views WHERE id = ?1";
        Ok(self.connection.query_row(sql, [view.id.to_string()], kept)?)
    }

    /// Writes a record, new or changed, with all its attempts and what its changes say for their logs.
    pub fn save(&self, record: &mut JobRecord) -> Result<(), TableError> {
        self.save_job(record)?;
        record.job.attempts.iter().try_for_each(|attempt| self.save_attempt(record.job.id, attempt))?;
        for (attempt, line) in record.log.drain(..) {
            self.append_log(attempt, &[line])?;
        }
        Ok(())
    }

    /// A number that is another one after each commit by another connection, and stays within one reading.
    pub fn version(&self) -> Result<i64, TableError> {
        Ok(self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// All jobs of a view, newest first.
    pub fn jobs(&self, view: Id) -> Result<Vec<JobRecord>, TableError> {
        self.select("jobs.view = ?1", &[&view.to_string()])
    }

    /// The batch jobs of a view whose windows share an instant with this one, newest first.
    pub fn batch_jobs_in(&self, view: Id, window: Window) -> Result<Vec<JobRecord>, TableError> {
        // No window ends later than the longest one that begins inside: so an old window is found without those that
        // came after.
        let inside = "jobs.view = ?1 AND jobs.job_type = 'BATCH' AND jobs.window_end > ?2 AND jobs.window_start < ?3
             AND jobs.window_end < ?3 + ?4";
        let longest = self.longest_window(view)?;
        self.select(inside, &[&view.to_string(), &micros(window.start), &micros(window.end), &longest])
    }

    /// The length of a view's longest window, in microseconds.
    fn longest_window(&self, view: Id) -> Result<i64, TableError> {
        let sql = "SELECT window_end - window_start FROM jobs INDEXED BY jobs_by_length
             WHERE view = ?1 AND window_end IS NOT NULL ORDER BY window_end - window_start DESC LIMIT 1";
        let found = self.connection.prepare_cached(sql)?.query_row([view.to_string()], |row| row.get(0)).optional()?;
        Ok(found.unwrap_or(0))
    }

    fn select(&self, condition: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<JobRecord>, TableError> {
        let sql = format!("{} WHERE {condition} ORDER BY jobs.seq DESC", *JOBS);
        let mut query = self.connection.prepare_cached(&sql)?;
        let mut records = Vec::new();
        let mut found = query.query(parameters)?;
        while let Some(row) = found.next()? {
            records.push(job_in(row)?);
        }
        let mut query = self.connection.prepare_cached(&format!(
            "SELECT {} FROM jobs JOIN attempts ON attempts.job = jobs.id WHERE {condition}
             ORDER BY jobs.seq DESC, attempts.number",
            *ATTEMPTS
        ))?;
        let mut found = query.query(parameters)?;
        // Both come in the same order, so each attempt belongs to this job or to a later one.
        let mut jobs = records.iter_mut();
        let mut job = jobs.next();
        while let Some(row) = found.next()? {
            let id = id_at(row, AttemptColumn::Job.at())?;
            while job.as_ref().is_some_and(|record| record.job.id != id) {
                job = jobs.next();
            }
            if let Some(record) = &mut job {
                record.job.attempts.push(attempt_in(row)?);
            }
        }
        Ok(records)
    }

    /// One job by its id, with its attempts.
    pub fn job(&self, id: Id) -> Result<Option<JobRecord>, TableError> {
        let mut query = self.connection.prepare_cached(&format!("{} WHERE jobs.id = ?1", *JOBS))?;
        let mut found = query.query([id.to_string()])?;
        let Some(mut record) = found.next()?.map(job_in).transpose()? else { return Ok(None) };
        let mut query = self
            .connection
            .prepare_cached(&format!("SELECT {} FROM attempts WHERE job = ?1 ORDER BY number", *ATTEMPTS))?;
        let mut found = query.query([id.to_string()])?;
        while let Some(row) = found.next()? {
            record.job.attempts.push(attempt_in(row)?);
        }
        Ok(Some(record))
    }

    /// Jobs whose start or retry is due at `now`, oldest window first.
    pub fn due(&self, now: Time) -> Result<Vec<Id>, TableError> {
        self.ids(
            "SELECT id FROM jobs WHERE next_attempt_at <= ?1 AND state IN ('SCHEDULED', 'RUNNING')
             ORDER BY window_start, seq",
            &[&micros(now)],
        )
    }

    /// Jobs with a running attempt.
    pub fn running(&self) -> Result<Vec<Id>, TableError> {
        self.ids("SELECT job FROM attempts WHERE state = 'RUNNING'", &[])
    }

    /// Jobs of a view's schedule whose windows end later than that and of which something was done, or waits to be done
    /// at once.
    pub fn ahead_of(&self, view: Id, at: Time) -> Result<Vec<Id>, TableError> {
        self.ids(
            "SELECT id FROM jobs WHERE view = ?1 AND window_end > ?2 AND job_type = 'BATCH' AND NOT by_user
                 AND state IN ('SUCCESS', 'FAILURE', 'RUNNING')",
            &[&view.to_string(), &micros(at)],
        )
    }

    /// Moves the times of all jobs that wait for another attempt. Returns how many there are.
    pub fn move_retries(&self, by: Span) -> Result<usize, TableError> {
        let sql = "UPDATE jobs SET next_attempt_at = next_attempt_at + ?1 WHERE next_attempt_at IS NOT NULL AND state = 'RUNNING'";
        Ok(self.connection.execute(sql, [span_micros(by)])?)
    }

    /// Jobs whose end was asked for.
    pub fn cancelling(&self) -> Result<Vec<Id>, TableError> {
        self.ids("SELECT id FROM jobs WHERE state = 'MANUAL_CANCELLATION_REQUESTED' ORDER BY seq", &[])
    }

    /// Jobs with a queued attempt that is to run.
    pub fn queued(&self) -> Result<Vec<Queued>, TableError> {
        let mut query = self.connection.prepare_cached(
            "SELECT jobs.id, jobs.view, jobs.window_start, jobs.by_user, jobs.job_type = 'DELETION', jobs.window_end,
                 attempts.created_at
             FROM attempts JOIN jobs ON jobs.id = attempts.job
             WHERE attempts.state = 'PENDING' AND jobs.state = 'RUNNING' ORDER BY jobs.seq",
        )?;
        let mut found = query.query([])?;
        let mut queued = Vec::new();
        while let Some(row) = found.next()? {
            let (starts, ends): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(5)?);
            queued.push(Queued {
                job: id_at(row, 0)?,
                view: id_at(row, 1)?,
                starts: starts.map(from_micros),
                ends: ends.map(from_micros),
                queued_at: from_micros(row.get(6)?),
                by_user: row.get(3)?,
                is_deletion: row.get(4)?,
            });
        }
        Ok(queued)
    }

    /// Up to where the schedule of a view has made jobs; absent before its first plan.
    pub fn planned_until(&self, view: Id) -> Result<Option<Time>, TableError> {
        let sql = "SELECT planned_until FROM views WHERE id = ?1";
        let at = self.connection.query_row(sql, [view.to_string()], |row| row.get::<_, Option<i64>>(0)).optional()?;
        Ok(at.flatten().map(from_micros))
    }

    /// Keeps up to where the schedule of a view has made jobs.
    pub fn plan_until(&self, view: Id, until: Time) -> Result<(), TableError> {
        let sql = "UPDATE views SET planned_until = MAX(COALESCE(planned_until, ?2), ?2) WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute(params![view.to_string(), micros(until)])?;
        Ok(())
    }

    /// The stream job of a view.
    pub fn stream_job(&self, view: Id) -> Result<Option<JobRecord>, TableError> {
        let sql = "SELECT id FROM jobs WHERE view = ?1 AND job_type = 'STREAM' ORDER BY seq DESC LIMIT 1";
        let id = self.connection.query_row(sql, [view.to_string()], |row| row.get::<_, String>(0)).optional()?;
        id.map(|text| parse_id(&text)).transpose()?.map(|id| self.job(id)).transpose().map(Option::flatten)
    }

    fn ids(&self, sql: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<Id>, TableError> {
        let mut query = self.connection.prepare_cached(sql)?;
        let mut found = query.query(parameters)?;
        let mut ids = Vec::new();
        while let Some(row) = found.next()? {
            ids.push(id_at(row, 0)?);
        }
        Ok(ids)
    }
}
