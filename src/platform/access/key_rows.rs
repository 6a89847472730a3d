//! The rows of `access.sqlite`: read, written, counted. What may be done with a key is decided in `api_keys.rs`.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::api_keys::{ApiKeyRecord, NewApiKey};
use super::key_file::KeyLine;
use super::{Hash, Secret};
use crate::model::time::{from_micros, micros};
use crate::model::{Id, Role, Time};

const COLUMNS: &str = "id, name, description, role, obscured, created_at, created_by, revoked_at";

/// All keys, the oldest first.
pub(super) fn all(rows: &Connection) -> rusqlite::Result<Vec<ApiKeyRecord>> {
    let mut all = rows.prepare_cached(&format!("SELECT {COLUMNS} FROM keys ORDER BY seq"))?;
    all.query_map([], record)?.collect()
}

/// Revokes the keys that came from that file and are not among its lines.
pub(super) fn drop_missing(
    change: &Transaction,
    source: &str,
    lines: &[KeyLine],
    now: Time,
) -> rusqlite::Result<Vec<ApiKeyRecord>> {
    let mut from = change.prepare("SELECT hash FROM keys WHERE source = ?1 AND revoked_at IS NULL")?;
    let kept: Vec<Vec<u8>> = from.query_map([source], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let there: Vec<Hash> = lines.iter().map(|line| line.secret.hash()).collect();
    let mut dropped = Vec::new();
    for hash in kept.iter().filter(|hash| there.iter().all(|line| line.bytes() != hash.as_slice())) {
        let sql = format!("SELECT {COLUMNS} FROM keys WHERE hash = ?1");
        let key = change.query_row(&sql, [hash], record)?;
        end(change, key.id, now)?;
        dropped.push(key);
    }
    Ok(dropped)
}

/// Writes a key and reads it back.
pub(super) fn insert(
    change: &Transaction,
    new: &NewApiKey,
    secret: &Secret,
    now: Time,
    source: Option<&str>,
) -> rusqlite::Result<ApiKeyRecord> {
    let id = Id(uuid::Uuid::new_v4().as_u128());
    change.execute(
        "INSERT INTO keys (id, hash, name, description, role, obscured, created_at, created_by, source)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            id.to_string(),
            secret.hash().bytes(),
            new.name,
            new.description,
            new.role.name(),
            secret.obscured(),
            micros(now),
            new.created_by,
            source
        ],
    )?;
    change.query_row(&format!("SELECT {COLUMNS} FROM keys WHERE id = ?1"), [id.to_string()], record)
}

pub(super) fn end(change: &Transaction, id: Id, now: Time) -> rusqlite::Result<()> {
    change.execute("UPDATE keys SET revoked_at = ?2 WHERE id = ?1", params![id.to_string(), micros(now)]).map(drop)
}

/// Notes that a key that came from a key file was found in this one; whether it is such a key.
pub(super) fn moved(change: &Transaction, hash: &Hash, source: &str) -> rusqlite::Result<bool> {
    let sql = "UPDATE keys SET source = ?2 WHERE hash = ?1 AND source IS NOT NULL";
    change.execute(sql, params![hash.bytes(), source]).map(|found| found > 0)
}

/// The key of that hash.
pub(super) fn by_hash(rows: &Connection, hash: &Hash) -> rusqlite::Result<Option<ApiKeyRecord>> {
    let mut one = rows.prepare_cached(&format!("SELECT {COLUMNS} FROM keys WHERE hash = ?1"))?;
    one.query_row([hash.bytes()], record).optional()
}

/// By id, else by name: the one that is let in, else the one that was revoked last.
pub(super) fn named(rows: &Connection, name_or_id: &str) -> rusqlite::Result<Option<ApiKeyRecord>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM keys WHERE id = ?1 OR name = ?1
         ORDER BY id = ?1 DESC, revoked_at IS NULL DESC, revoked_at DESC LIMIT 1"
    );
    rows.query_row(&sql, [name_or_id], record).optional()
}

/// How many owner keys are let in.
pub(super) fn owners(rows: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT COUNT(*) FROM keys WHERE role = 'owner' AND revoked_at IS NULL";
    rows.query_row(sql, [], |row| row.get(0))
}

/// Whether the key of that id is let in.
pub(super) fn lets_in(rows: &Connection, id: Id) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM keys WHERE id = ?1 AND revoked_at IS NULL)";
    rows.prepare_cached(sql)?.query_row([id.to_string()], |row| row.get(0))
}

/// Whether any key is let in.
pub(super) fn any(rows: &Connection) -> rusqlite::Result<bool> {
    rows.query_row("SELECT EXISTS (SELECT 1 FROM keys WHERE revoked_at IS NULL)", [], |row| row.get(0))
}

/// Whether a key that is let in has that name.
pub(super) fn name_taken(rows: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM keys WHERE name = ?1 AND revoked_at IS NULL)";
    rows.query_row(sql, [name], |row| row.get(0))
}

/// A name that no key has, made of the one that is wanted.
pub(super) fn free_name(rows: &Connection, wanted: &str) -> rusqlite::Result<String> {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while name_taken(rows, &name)? {
        number += 1;
        name = format!("{wanted} ({number})");
    }
    Ok(name)
}

fn record(row: &Row) -> rusqlite::Result<ApiKeyRecord> {
    let (id, role): (String, String) = (row.get("id")?, row.get("role")?);
    let damaged = || rusqlite::Error::InvalidQuery;
    Ok(ApiKeyRecord {
        id: id.parse().map_err(|_| damaged())?,
        name: row.get("name")?,
        description: row.get("description")?,
        role: Role::named(&role).ok_or_else(damaged)?,
        obscured: row.get("obscured")?,
        created_at: from_micros(row.get("created_at")?),
        created_by: row.get("created_by")?,
        revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(from_micros),
    })
}
