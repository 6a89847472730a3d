//! The stages and the log of attempts.

use rusqlite::{OptionalExtension, params};

use super::{Rows, time_at};
use crate::model::time::{from_micros, micros};
use crate::model::{Id, StageKind, StageState, Time};
use crate::platform::jobs::attempt_log::{Line, MAX_LINES, StageRecord};
use crate::platform::jobs::error::TableError;

impl Rows<'_> {
    /// Keeps the stages of an attempt as they stand.
    pub fn save_stages(&self, attempt: Id, stages: &[StageRecord]) -> Result<(), TableError> {
        let mut upsert = self.connection.prepare_cached(
            "INSERT INTO stages (attempt, number, kind, state, started_at, ended_at, rows, bytes, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (attempt, number) DO UPDATE SET state = excluded.state, started_at = excluded.started_at,
                 ended_at = excluded.ended_at, rows = excluded.rows, bytes = excluded.bytes, error = excluded.error",
        )?;
        let count = |n: Option<u64>| n.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        for (number, stage) in (1_i64..).zip(stages) {
            upsert.execute(params![
                attempt.to_string(),
                number,
                kind_word(&stage.kind),
                stage.state.to_string(),
                stage.started_at.map(micros),
                stage.ended_at.map(micros),
                count(stage.rows),
                count(stage.bytes),
                stage.error,
            ])?;
        }
        Ok(())
    }

    /// Ends a stage that was running when the process died.
    pub fn break_off(&self, attempt: Id, now: Time) -> Result<(), TableError> {
        let sql = "UPDATE stages SET state = 'ERROR', ended_at = ?2, error = 'The platform stopped.'
             WHERE attempt = ?1 AND state = 'RUNNING'";
        self.connection.execute(sql, params![attempt.to_string(), micros(now)])?;
        Ok(())
    }

    /// Adds lines to the log of an attempt; of a long one the newest stay.
    pub fn append_log(&self, attempt: Id, lines: &[Line]) -> Result<(), TableError> {
        if lines.is_empty() {
            return Ok(());
        }
        let attempt = attempt.to_string();
        let sql = "SELECT COALESCE(MAX(number), 0) FROM log WHERE attempt = ?1";
        let mut last: i64 = self.connection.prepare_cached(sql)?.query_row([&attempt], |row| row.get(0))?;
        let sql = "INSERT INTO log (attempt, number, at, line) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = self.connection.prepare_cached(sql)?;
        for line in lines {
            last += 1;
            insert.execute(params![attempt, last, micros(line.at), line.text])?;
        }
        let oldest = last - i64::try_from(MAX_LINES).unwrap_or(i64::MAX);
        let sql = "DELETE FROM log WHERE attempt = ?1 AND number <= ?2";
        self.connection.prepare_cached(sql)?.execute(params![attempt, oldest])?;
        Ok(())
    }

    /// The job of an attempt; absent for an attempt that is not there.
    pub fn job_of_attempt(&self, attempt: Id) -> Result<Option<Id>, TableError> {
        let sql = "SELECT job FROM attempts WHERE id = ?1";
        let found = self.connection.query_row(sql, [attempt.to_string()], |row| row.get::<_, String>(0)).optional()?;
        found.map(|text| super::parse_id(&text)).transpose()
    }

    /// The stages of an attempt, in the order of the work.
    pub fn stages(&self, attempt: Id) -> Result<Vec<StageRecord>, TableError> {
        let mut query = self.connection.prepare_cached(
            "SELECT kind, state, started_at, ended_at, rows, bytes, error FROM stages WHERE attempt = ?1 ORDER BY number",
        )?;
        let mut found = query.query([attempt.to_string()])?;
        let mut stages = Vec::new();
        while let Some(row) = found.next()? {
            let count = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
            stages.push(StageRecord {
                kind: kind_of(&row.get::<_, String>(0)?),
                state: state_of(&row.get::<_, String>(1)?)?,
                progress: None,
                started_at: time_at(row, 2)?,
                ended_at: time_at(row, 3)?,
                rows: count(row.get(4)?),
                bytes: count(row.get(5)?),
                error: row.get(6)?,
            });
        }
        Ok(stages)
    }

    /// The log of an attempt, oldest line first.
    pub fn log(&self, attempt: Id) -> Result<Vec<Line>, TableError> {
        let mut query =
            self.connection.prepare_cached("SELECT at, line FROM log WHERE attempt = ?1 ORDER BY number")?;
        let line = |row: &rusqlite::Row| Ok(Line { at: from_micros(row.get(0)?), text: row.get(1)? });
        let lines = query.query_map([attempt.to_string()], line)?;
        Ok(lines.collect::<Result<_, _>>()?)
    }
}

fn kind_word(kind: &StageKind) -> &str {
    match kind {
        StageKind::Compute => "COMPUTE",
        StageKind::Offline => "OFFLINE",
        StageKind::Online => "ONLINE",
        StageKind::Other(word) => word,
    }
}

fn kind_of(word: &str) -> StageKind {
    match word {
        "COMPUTE" => StageKind::Compute,
        "OFFLINE" => StageKind::Offline,
        "ONLINE" => StageKind::Online,
        other => StageKind::Other(other.to_owned()),
    }
}

fn state_of(word: &str) -> Result<StageState, TableError> {
    use StageState::{Cancelled, Error, Pending, Running, Success};
    let known = [Pending, Running, Success, Error, Cancelled].into_iter().find(|state| state.to_string() == word);
    known.ok_or_else(|| TableError::Damaged(format!("`{word}` is not the state of a stage")))
}
