//! The file of the quarantine: records of all views, durable when a call returns.
//!
//! It knows bytes and words alone: what a record is of, and whether it can be written now, is decided elsewhere.

use std::path::Path;

use rusqlite::{OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

use super::schema::LAYOUTS;
use super::{Bounds, Record, Total, Which};
use crate::model::time::{from_micros, micros};
use crate::model::{Id, Time, clean, cut};
use crate::platform::source::position::Position;
use crate::platform::source::records::Refused;
use crate::platform::sqlite::{File, FileError};

/// The longest sentence or place that is kept, in characters.
const LONGEST: usize = 1_000;
/// The most bytes of records that are handed out for one round of retrying.
const ROUND_BYTES: usize = 16 << 20;
/// The records of a view that are meant: its name, their reason and a list of their numbers, where there are such.
const MEANT: &str = "FROM records WHERE view = ?1 AND (?2 IS NULL OR reason = ?2)
                     AND (?3 IS NULL OR id IN (SELECT value FROM json_each(?3)))";

/// A position of a stream, as far as it has to be told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Behind(Vec<u8>);

impl Behind {
    pub(super) fn of(position: Option<&Position>) -> Self {
        let hash = |position: &Position| Sha256::digest(position.encode()).iter().take(16).copied().collect();
        Self(position.map(hash).unwrap_or_default())
    }
}

/// What becomes of a record that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was written after all.
    Released,
    /// Somebody did not want it any more.
    Dropped,
    /// Newer ones took its place.
    PushedOut,
    /// It will be met again, as if it had never been.
    Unmet,
}

pub(super) struct Store {
    file: File,
    id: [u8; 16],
    bounds: Bounds,
}

impl Store {
    /// Opens the file in a data directory, making it when it is not there.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(super) fn open(data_dir: &Path, bounds: Bounds) -> Result<Self, FileError> {
        let file = File::open(data_dir.join(super::FILE), LAYOUTS)?;
        let id = file.read(|rows| rows.query_row("SELECT file FROM about", [], |row| row.get(0)))?;
        Ok(Self { file, id, bounds })
    }

    /// The identity of the file.
    pub(super) fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Takes records in; one of the same view, place and reason that is there already stays as it is. The oldest go
    /// where there are too many. `again`: those that were read from there before go first.
    pub(super) fn add(
        &self,
        view: Id,
        (behind, again): (&Behind, bool),
        refused: &[Refused],
        at: Time,
    ) -> Result<(), FileError> {
        self.file.write(|change| {
            if again {
                unmeet(change, view, behind)?;
            }
            for refused in refused {
                put(change, view, behind, refused, (at, self.bounds.record_bytes))?;
            }
            self.push_out(change, view)
        })
    }

    /// Lets the oldest records of a view go until the rest is within the bounds.
    fn push_out(&self, change: &Transaction, view: Id) -> rusqlite::Result<()> {
        let sums = "SELECT coalesce(sum(held), 0), coalesce(sum(bytes), 0) FROM totals WHERE view = ?1";
        let mut sums = change.prepare_cached(sums)?;
        let (mut held, mut bytes) = sums.query_row([view.to_string()], |row| Ok((number(row, 0)?, number(row, 1)?)))?;
        let mut oldest = change.prepare_cached("SELECT id, size FROM records WHERE view = ?1 ORDER BY id")?;
        let mut gone: Vec<i64> = Vec::new();
        let mut rows = oldest.query([view.to_string()])?;
        while held > self.bounds.records || bytes > self.bounds.bytes {
            let Some(row) = rows.next()? else { break };
            gone.push(row.get(0)?);
            (held, bytes) = (held - 1, bytes.saturating_sub(number(row, 1)?));
        }
        drop(rows);
        gone.into_iter().try_for_each(|id| remove(change, view, id, Fate::PushedOut).map(drop))
    }

    /// Forgets the records that were read from this position, for the stream begins there again: it will meet them
    /// once more, or have another opinion of them. Returns how many.
    pub(super) fn unmeet(&self, view: Id, behind: &Behind) -> Result<u64, FileError> {
        self.file.write(|change| unmeet(change, view, behind))
    }

    /// Records without their bytes, the newest first, below the number `before`.
    pub(super) fn list(
        &self,
        view: Id,
        reason: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Record>, FileError> {
        self.file.read(|rows| {
            let mut found = rows.prepare_cached(
                "SELECT id, reason, place, sentence, met, behind, x'' AS bytes, length, tries, tried, error
                 FROM records WHERE view = ?1 AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR id < ?3)
                 ORDER BY id DESC LIMIT ?4",
            )?;
            found.query_map(params![view.to_string(), reason, before, limit as i64], record)?.collect()
        })
    }

    /// One record with its bytes; nothing where the view has none of that number.
    pub(super) fn get(&self, view: Id, id: i64) -> Result<Option<Record>, FileError> {
        self.file.read(|rows| {
            let sql = "SELECT id, reason, place, sentence, met, behind, bytes, length, tries, tried, error
                       FROM records WHERE view = ?1 AND id = ?2";
            rows.prepare_cached(sql)?.query_row(params![view.to_string(), id], record).optional()
        })
    }

    /// The oldest records behind the number `after` that are meant, whole: at most `limit`, and not many bytes. True
    /// when more are behind them.
    pub(super) fn oldest(
        &self,
        view: Id,
        which: &Which,
        after: i64,
        limit: usize,
    ) -> Result<(Vec<Record>, bool), FileError> {
        self.file.read(|rows| {
            let mut found = rows.prepare_cached(
                "SELECT id, reason, place, sentence, met, behind, bytes, length, tries, tried, error
                 FROM records WHERE view = ?1 AND id > ?2 AND (?3 IS NULL OR reason = ?3)
                   AND (?4 IS NULL OR id IN (SELECT value FROM json_each(?4)))
                 ORDER BY id LIMIT ?5",
            )?;
            let one_more = limit as i64 + 1;
            let mut rows = found.query(params![view.to_string(), after, which.reason(), which.ids(), one_more])?;
            let (mut records, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                if records.len() == limit || bytes > ROUND_BYTES {
                    return Ok((records, true));
                }
                let record = record(row)?;
                bytes += record.bytes.len();
                records.push(record);
            }
            Ok((records, false))
        })
    }

    /// How many records are meant.
    pub(super) fn count(&self, view: Id, which: &Which) -> Result<u64, FileError> {
        self.file.read(|rows| {
            let wanted = params![view.to_string(), which.reason(), which.ids()];
            rows.prepare_cached(&format!("SELECT count(*) {MEANT}"))?.query_row(wanted, |row| number(row, 0))
        })
    }

    /// Lets records go. Returns how many were there.
    pub(super) fn leave(&self, view: Id, ids: &[i64], fate: Fate) -> Result<u64, FileError> {
        self.file.write(|change| removed(change, view, ids.to_vec(), fate))
    }

    /// Drops the records that are meant. Returns how many.
    pub(super) fn drop_all(&self, view: Id, which: &Which) -> Result<u64, FileError> {
        self.file.write(|change| {
            let wanted = params![view.to_string(), which.reason(), which.ids()];
            let ids = numbers(change, &format!("SELECT id {MEANT}"), wanted)?;
            removed(change, view, ids, Fate::Dropped)
        })
    }

    /// Notes that these were tried once more, and why they stay.
    pub(super) fn tried(&self, stays: &[(i64, String)], at: Time) -> Result<(), FileError> {
        self.file.write(|change| {
            let sql = "UPDATE records SET tries = tries + 1, tried = ?2, error = ?3 WHERE id = ?1";
            let mut update = change.prepare_cached(sql)?;
            stays.iter().try_for_each(|(id, why)| update.execute(params![id, micros(at), kept(why)]).map(drop))
        })
    }

    /// What was met since the beginning, by view and reason, and what became of it; of one view, or of all.
    pub(super) fn totals(&self, view: Option<Id>) -> Result<Vec<Total>, FileError> {
        self.file.read(|rows| {
            let sql = "SELECT view, reason, met, held, bytes, released, dropped, pushed_out FROM totals
                       WHERE ?1 IS NULL OR view = ?1 ORDER BY view, reason";
            rows.prepare_cached(sql)?.query_map([view.map(|view| view.to_string())], total)?.collect()
        })
    }
}

fn unmeet(change: &Transaction, view: Id, behind: &Behind) -> rusqlite::Result<u64> {
    let sql = "SELECT id FROM records WHERE view = ?1 AND behind = ?2";
    let ids = numbers(change, sql, params![view.to_string(), behind.0])?;
    removed(change, view, ids, Fate::Unmet)
}

fn put(
    change: &Transaction,
    view: Id,
    behind: &Behind,
    refused: &Refused,
    (at, most): (Time, usize),
) -> rusqlite::Result<()> {
    let (view, reason) = (view.to_string(), refused.reason.word());
    let bytes = refused.record.get(..most).unwrap_or(&refused.record);
    let (place, sentence) = (kept(&refused.place), kept(&refused.message));
    let size = bytes.len() + place.len() + sentence.len();
    let sql = "INSERT INTO records (view, reason, place, sentence, met, behind, bytes, length, size)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
    let (length, size) = (refused.record.len() as i64, size as i64);
    let new = change.prepare_cached(sql)?.execute(params![
        view,
        reason,
        place,
        sentence,
        micros(at),
        behind.0,
        bytes,
        length,
        size
    ])?;
    if new > 0 {
        let sql = "INSERT INTO totals (view, reason, met, held, bytes) VALUES (?1, ?2, 1, 1, ?3)
                   ON CONFLICT DO UPDATE SET met = met + 1, held = held + 1, bytes = bytes + excluded.bytes";
        change.prepare_cached(sql)?.execute(params![view, reason, size])?;
    }
    Ok(())
}

/// Takes a record out, and counts it. False where it was not there.
fn remove(change: &Transaction, view: Id, id: i64, fate: Fate) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM records WHERE view = ?1 AND id = ?2 RETURNING reason, size";
    let mut delete = change.prepare_cached(sql)?;
    let gone =
        delete.query_row(params![view.to_string(), id], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
    let Some((reason, size)) = gone.optional()? else { return Ok(false) };
    let counted = match fate {
        Fate::Released => "released = released + 1",
        Fate::Dropped => "dropped = dropped + 1",
        Fate::PushedOut => "pushed_out = pushed_out + 1",
        Fate::Unmet => "met = met - 1",
    };
    let sql =
        format!("UPDATE totals SET held = held - 1, bytes = bytes - ?3, {counted} WHERE view = ?1 AND reason = ?2");
    change.prepare_cached(&sql)?.execute(params![view.to_string(), reason, size])?;
    Ok(true)
}

fn removed(change: &Transaction, view: Id, ids: Vec<i64>, fate: Fate) -> rusqlite::Result<u64> {
    ids.into_iter().try_fold(0, |count, id| Ok(count + u64::from(remove(change, view, id, fate)?)))
}

fn numbers(change: &Transaction, sql: &str, wanted: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Vec<i64>> {
    change.prepare_cached(sql)?.query_map(wanted, |row| row.get(0))?.collect()
}

/// A count, which SQLite keeps with a sign.
fn number<I: rusqlite::RowIndex>(row: &Row, at: I) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::unsigned_abs)
}

/// A text as it is kept: records hold anything, and sentences quote them.
fn kept(text: &str) -> String {
    cut(&clean(text), LONGEST).into_owned()
}

fn record(row: &Row) -> rusqlite::Result<Record> {
    Ok(Record {
        id: row.get("id")?,
        reason: row.get("reason")?,
        place: row.get("place")?,
        sentence: row.get("sentence")?,
        met: from_micros(row.get("met")?),
        behind: Behind(row.get("behind")?),
        bytes: row.get("bytes")?,
        length: number(row, "length")?,
        tries: number(row, "tries")?,
        tried: row.get::<_, Option<i64>>("tried")?.map(from_micros),
        error: row.get("error")?,
    })
}

fn total(row: &Row) -> rusqlite::Result<Total> {
    let view: String = row.get("view")?;
    Ok(Total {
        view: view.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
        reason: row.get("reason")?,
        met: number(row, "met")?,
        held: number(row, "held")?,
        bytes: number(row, "bytes")?,
        released: number(row, "released")?,
        dropped: number(row, "dropped")?,
        pushed_out: number(row, "pushed_out")?,
    })
}
