//! Which windows are materialized where, and what was ever written: kept apart from jobs, which are pruned.

use rusqlite::{OptionalExtension, params};

use super::{Rows, id_at};
use crate::model::time::{from_micros, micros};
use crate::model::{Coverage, Id, Stores, Window};
use crate::platform::jobs::error::TableError;

const ONLINE: &str = "ONLINE";
const OFFLINE: &str = "OFFLINE";

impl Rows<'_> {
    /// Which windows of a view are materialized where.
    pub fn coverage(&self, view: Id) -> Result<Coverage, TableError> {
        Ok(Coverage { online: self.covered(view, ONLINE)?, offline: self.covered(view, OFFLINE)? })
    }

    fn covered(&self, view: Id, store: &str) -> Result<Vec<Window>, TableError> {
        let sql = "SELECT starts, ends FROM coverage WHERE view = ?1 AND store = ?2 ORDER BY starts";
        let mut query = self.connection.prepare_cached(sql)?;
        let window =
            |row: &rusqlite::Row| Ok(Window { start: from_micros(row.get(0)?), end: from_micros(row.get(1)?) });
        let windows = query.query_map([view.to_string().as_str(), store], window)?;
        Ok(windows.collect::<Result<_, _>>()?)
    }

    /// Keeps that a window is materialized in these stores.
    pub fn cover(&self, view: Id, window: Window, stores: Stores) -> Result<(), TableError> {
        for (chosen, store) in [(stores.online, ONLINE), (stores.offline, OFFLINE)] {
            if chosen {
                self.cover_in(view, window, store)?;
            }
        }
        Ok(())
    }

    /// Windows that touch become one.
    fn cover_in(&self, view: Id, window: Window, store: &str) -> Result<(), TableError> {
        let (view, start, end) = (view.to_string(), micros(window.start), micros(window.end));
        let touching = "FROM coverage WHERE view = ?1 AND store = ?2 AND starts <= ?4 AND ends >= ?3";
        let whole = |row: &rusqlite::Row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?));
        let mut query = self.connection.prepare_cached(&format!("SELECT MIN(starts), MAX(ends) {touching}"))?;
        let (first, last) = query.query_row(params![view, store, start, end], whole)?;
        self.connection.prepare_cached(&format!("DELETE {touching}"))?.execute(params![view, store, start, end])?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO coverage (view, store, starts, ends) VALUES (?1, ?2, ?3, ?4)")?;
        let (start, end) = (first.map_or(start, |at| at.min(start)), last.map_or(end, |at| at.max(end)));
        insert.execute(params![view, store, start, end])?;
        Ok(())
    }

    /// Fills the coverage from the jobs that have succeeded; for files that were made before it was kept.
    pub fn cover_finished(&self) -> Result<(), TableError> {
        let mut query = self.connection.prepare(
            "SELECT view, window_start, window_end, online, offline FROM jobs
             WHERE job_type = 'BATCH' AND state = 'SUCCESS' AND window_end IS NOT NULL ORDER BY window_start",
        )?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let window = Window { start: from_micros(row.get(1)?), end: from_micros(row.get(2)?) };
            self.cover(id_at(row, 0)?, window, Stores { online: row.get(3)?, offline: row.get(4)? })?;
        }
        Ok(())
    }

    /// The stores that something of a view was ever written to, or may have been before an attempt broke off.
    pub fn written(&self, view: Id) -> Result<Stores, TableError> {
        let sql = "SELECT online_written, offline_written FROM views WHERE id = ?1";
        let stores = |row: &rusqlite::Row| Ok(Stores { online: row.get(0)?, offline: row.get(1)? });
        let found = self.connection.query_row(sql, [view.to_string()], stores).optional()?;
        Ok(found.unwrap_or(Stores { online: false, offline: false }))
    }

    /// Keeps, before the first write, that these stores will have been written to.
    pub fn will_write(&self, view: Id, stores: Stores) -> Result<(), TableError> {
        let sql = "UPDATE views SET online_written = online_written OR ?2, offline_written = offline_written OR ?3
             WHERE id = ?1 AND (online_written < ?2 OR offline_written < ?3)";
        self.connection.prepare_cached(sql)?.execute(params![view.to_string(), stores.online, stores.offline])?;
        Ok(())
    }
}
