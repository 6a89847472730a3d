//! What jobs know of the files of offline tables, and which windows must be written again because those were damaged.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, params};

use super::{Rows, id_at};
use crate::model::time::{from_micros, joined, micros};
use crate::model::{Id, Span, Window};
use crate::platform::jobs::error::TableError;
use crate::platform::jobs::verdict::Known;
use crate::platform::offline::{DataFile, Manifest};

impl Rows<'_> {
    /// What jobs know of a view's offline table; nothing when none has written it since that is kept.
    pub fn manifest(&self, view: Id) -> Result<Option<Manifest>, TableError> {
        let sql = "SELECT table_id, version FROM offline_tables WHERE view = ?1";
        let table = |row: &Row| Ok((row.get(0)?, row.get::<_, i64>(1)?));
        let Some((table, version)) =
            self.connection.prepare_cached(sql)?.query_row([view.to_string()], table).optional()?
        else {
            return Ok(None);
        };
        let sql = "SELECT path, bytes, rows, checksum, starts, ends FROM offline_files WHERE view = ?1";
        let mut query = self.connection.prepare_cached(sql)?;
        let file = |row: &Row| {
            let (starts, ends): (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
            let times =
                starts.zip(ends).map(|(start, end)| Window { start: from_micros(start), end: from_micros(end) });
            let checksum: Option<i64> = row.get(3)?;
            let checksum = checksum.map(i64::cast_unsigned);
            Ok((row.get(0)?, DataFile { bytes: row.get(1)?, rows: row.get(2)?, checksum, times }))
        };
        let files = query.query_map([view.to_string()], file)?.collect::<Result<BTreeMap<_, _>, _>>()?;
        Ok(Some(Manifest { table, version: u64::try_from(version).unwrap_or_default(), files }))
    }

    /// What jobs know of a view's offline table, whose windows are multiples of `schedule`.
    pub fn known(&self, view: Id, schedule: Span) -> Result<Known, TableError> {
        let (manifest, lost, written) = (self.manifest(view)?, self.lost(view)?, self.coverage(view)?.offline);
        Ok(Known { manifest, lost, written, schedule })
    }

    /// The largest span that all windows of a view's jobs begin and end on: its batch schedule or a multiple of it. It
    /// reads them all, for where the definition, which has the schedule, is not at hand.
    pub fn grid(&self, view: Id) -> Result<Span, TableError> {
        let sql = "SELECT window_start, window_end FROM jobs WHERE view = ?1 AND window_end IS NOT NULL
             UNION SELECT starts, ends FROM coverage WHERE view = ?1";
        let mut query = self.connection.prepare_cached(sql)?;
        let edges = query.query_map([view.to_string()], |row| Ok([row.get::<_, i64>(0)?, row.get::<_, i64>(1)?]))?;
        let mut common = 0;
        for edge in edges {
            common = edge?.into_iter().fold(common, |common, at| divisor(common, at.unsigned_abs()));
        }
        Ok(Span::microseconds(i64::try_from(common.max(1)).unwrap_or(1)))
    }

    /// The views that there ever were jobs of, with workspace and name.
    pub fn named_views(&self) -> Result<Vec<(Id, String, String)>, TableError> {
        let mut query = self.connection.prepare("SELECT id, workspace, name FROM views ORDER BY workspace, name")?;
        let mut found = query.query([])?;
        let mut views = Vec::new();
        while let Some(row) = found.next()? {
            views.push((id_at(row, 0)?, row.get(1)?, row.get(2)?));
        }
        Ok(views)
    }

    /// Keeps what a table holds now. Checksums that are known stay where the manifest has none.
    pub fn keep_manifest(&self, view: Id, manifest: &Manifest) -> Result<(), TableError> {
        let (id, version) = (view.to_string(), i64::try_from(manifest.version).unwrap_or(i64::MAX));
        let known = self.manifest(view)?.unwrap_or_default();
        let sql = "INSERT INTO offline_tables (view, table_id, version) VALUES (?1, ?2, ?3)
             ON CONFLICT (view) DO UPDATE SET table_id = excluded.table_id, version = excluded.version";
        self.connection.prepare_cached(sql)?.execute(params![id, manifest.table, version])?;
        let mut gone = self.connection.prepare_cached("DELETE FROM offline_files WHERE view = ?1 AND path = ?2")?;
        for path in known.files.keys().filter(|path| !manifest.files.contains_key(*path)) {
            gone.execute(params![id, path])?;
        }
        let mut put = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO offline_files (view, path, bytes, rows, checksum, starts, ends)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for (path, file) in &manifest.files {
            let old = known.files.get(path);
            let same = old.is_some_and(|old| old.bytes == file.bytes);
            let checksum = file.checksum.or_else(|| old.filter(|_| same).and_then(|old| old.checksum));
            let new = DataFile { checksum, ..file.clone() };
            if old == Some(&new) {
                continue;
            }
            let (starts, ends) = (file.times.map(|w| micros(w.start)), file.times.map(|w| micros(w.end)));
            put.execute(params![id, path, file.bytes, file.rows, checksum.map(u64::cast_signed), starts, ends])?;
        }
        Ok(())
    }

    /// The windows of a view's offline table that were damaged and are not written again yet, in the order of time.
    pub fn lost(&self, view: Id) -> Result<Vec<Window>, TableError> {
        let sql = "SELECT starts, ends FROM offline_lost WHERE view = ?1 ORDER BY starts";
        let mut query = self.connection.prepare_cached(sql)?;
        let window = |row: &Row| Ok(Window { start: from_micros(row.get(0)?), end: from_micros(row.get(1)?) });
        let windows = query.query_map([view.to_string()], window)?;
        Ok(windows.collect::<Result<_, _>>()?)
    }

    /// Adds windows that were found damaged, then takes away one that is written again.
    pub fn keep_lost(&self, view: Id, found: &[Window], written: Option<Window>) -> Result<(), TableError> {
        let known = self.lost(view)?;
        let lost = joined(known.iter().chain(found).copied().collect());
        let rest: Vec<Window> = match written {
            Some(written) => lost.iter().flat_map(|window| window.without(&[written])).collect(),
            None => lost,
        };
        if rest == known {
            return Ok(());
        }
        self.connection.execute("DELETE FROM offline_lost WHERE view = ?1", [view.to_string()])?;
        let mut put =
            self.connection.prepare_cached("INSERT INTO offline_lost (view, starts, ends) VALUES (?1, ?2, ?3)")?;
        for window in rest {
            put.execute(params![view.to_string(), micros(window.start), micros(window.end)])?;
        }
        Ok(())
    }
}

/// The greatest common divisor; of nothing and a number the number.
fn divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { divisor(other, one % other) }
}
