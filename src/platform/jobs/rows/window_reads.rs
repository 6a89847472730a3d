//! Which files jobs read for a window, and what those held of it then.

use rusqlite::{OptionalExtension, Row, params};

use super::Rows;
use crate::model::time::{from_micros, micros};
use crate::model::{Id, Window};
use crate::platform::jobs::error::TableError;

/// A file, as a job read it for a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFile {
    /// Its path, as the job opened it.
    pub path: String,
    pub bytes: i64,
    /// When its content was last changed, nanoseconds since 1970.
    pub modified: i64,
    /// Events of the window that it held; absent where that is not known.
    pub rows: Option<i64>,
}

/// What a job read for a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRead {
    /// The window that the job materialized.
    pub window: Window,
    /// When it began to read, nanoseconds since 1970 by the machine's clock, as file systems have it.
    pub at: i64,
    /// The files that may hold something of it.
    pub files: Vec<ReadFile>,
}

impl Rows<'_> {
    /// Keeps what a job read for a window, in the place of what is known of it. Of windows that lie partly in it, the
    /// rest stays known, without its rows.
    pub fn keep_read(&self, view: Id, read: &WindowRead) -> Result<(), TableError> {
        let (id, window) = (view.to_string(), read.window);
        let (start, end) = (micros(window.start), micros(window.end));
        let met = "view = ?1 AND starts < ?3 AND ends > ?2";
        let mut query =
            self.connection.prepare_cached(&format!("SELECT starts, ends, read_at FROM window_reads WHERE {met}"))?;
        let row = |row: &Row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let old = query.query_map(params![id, start, end], row)?.collect::<Result<Vec<_>, _>>()?;
        for (old_start, old_end, at) in old {
            let whole = Window { start: from_micros(old_start), end: from_micros(old_end) };
            let files = self.read_files(view, whole)?;
            self.connection
                .prepare_cached("DELETE FROM read_files WHERE view = ?1 AND starts = ?2")?
                .execute(params![id, old_start])?;
            self.connection
                .prepare_cached("DELETE FROM window_reads WHERE view = ?1 AND starts = ?2")?
                .execute(params![id, old_start])?;
            for rest in whole.without(&[window]) {
                let files = files.iter().map(|file| ReadFile { rows: None, ..file.clone() }).collect();
                self.put_read(view, &WindowRead { window: rest, at, files })?;
            }
        }
        self.put_read(view, read)
    }

    fn put_read(&self, view: Id, read: &WindowRead) -> Result<(), TableError> {
        let (id, start) = (view.to_string(), micros(read.window.start));
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO window_reads (view, starts, ends, read_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![id, start, micros(read.window.end), read.at])?;
        let mut put = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO read_files (view, starts, path, bytes, modified, rows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for file in &read.files {
            put.execute(params![id, start, file.path, file.bytes, file.modified, file.rows])?;
        }
        Ok(())
    }

    /// The windows of a view that jobs read before an instant (nanoseconds since 1970), in the order of time.
    pub fn read_before(&self, view: Id, at: i64) -> Result<Vec<Window>, TableError> {
        let sql = "SELECT starts, ends FROM window_reads WHERE view = ?1 AND read_at < ?2 ORDER BY starts";
        let mut query = self.connection.prepare_cached(sql)?;
        let window = |row: &Row| Ok(Window { start: from_micros(row.get(0)?), end: from_micros(row.get(1)?) });
        let windows = query.query_map(params![view.to_string(), at], window)?;
        Ok(windows.collect::<Result<_, _>>()?)
    }

    /// What a job knew of a file when it read it for a window; nothing when it held nothing of it, or was not there.
    pub fn read_file(&self, view: Id, window: Window, path: &str) -> Result<Option<ReadFile>, TableError> {
        let sql = "SELECT path, bytes, modified, rows FROM read_files WHERE view = ?1 AND starts = ?2 AND path = ?3";
        let mut query = self.connection.prepare_cached(sql)?;
        Ok(query.query_row(params![view.to_string(), micros(window.start), path], file_of).optional()?)
    }

    /// What jobs knew of a file when they read it, by the windows of a view, in the order of time.
    pub fn reads_of(&self, view: Id, path: &str) -> Result<Vec<(Window, ReadFile)>, TableError> {
        let sql = "SELECT path, bytes, modified, rows, read_files.starts, ends
             FROM read_files JOIN window_reads USING (view, starts)
             WHERE view = ?1 AND path = ?2 ORDER BY read_files.starts";
        let mut query = self.connection.prepare_cached(sql)?;
        let read = |row: &Row| {
            let window = Window { start: from_micros(row.get(4)?), end: from_micros(row.get(5)?) };
            Ok((window, file_of(row)?))
        };
        let reads = query.query_map(params![view.to_string(), path], read)?;
        Ok(reads.collect::<Result<_, _>>()?)
    }

    fn read_files(&self, view: Id, window: Window) -> Result<Vec<ReadFile>, TableError> {
        let sql = "SELECT path, bytes, modified, rows FROM read_files WHERE view = ?1 AND starts = ?2";
        let mut query = self.connection.prepare_cached(sql)?;
        let files = query.query_map(params![view.to_string(), micros(window.start)], file_of)?;
        Ok(files.collect::<Result<_, _>>()?)
    }
}

fn file_of(row: &Row) -> rusqlite::Result<ReadFile> {
    Ok(ReadFile { path: row.get(0)?, bytes: row.get(1)?, modified: row.get(2)?, rows: row.get(3)? })
}
