//! The audit log: who asked for which change, and what came of it. Rows are only ever added; the file itself refuses
//! anything else.
//!
//! A change is two rows. The first is durable before the change begins, so that no change is without one; the second
//! before its answer is sent. A first row without a second is a change whose end nobody saw.

use std::path::Path;

use rusqlite::{Row, Transaction, params};

use super::schema;
use crate::model::time::{from_micros, micros};
use crate::model::{Id, Time, clean};
use crate::platform::sqlite::{File, FileError};

/// The longest text that is kept in a column, in characters.
const LONGEST: usize = 500;
/// The most rows that are read at a time.
pub(super) const MOST: usize = 10_000;

/// What is asked for: never a key, never a value of a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditedAction {
    /// The caller's name for its request (`x-request-id`), or one that was made here.
    pub request: String,
    pub key: Id,
    pub name: String,
    /// The call: its name, or an HTTP method and path.
    pub call: String,
    /// The workspace that is meant.
    pub workspace: String,
    /// The feature view that is meant.
    pub feature_view: String,
    /// What is asked for in a few words.
    pub words: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub at: Time,
    /// A gRPC code; 0 is done.
    pub code: i32,
    /// Why not; empty when it was done.
    pub sentence: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; later ones have greater ones.
    pub seq: i64,
    /// When it was asked for.
    pub at: Time,
    /// What was asked for, by whom.
    pub action: AuditedAction,
    /// What came of it; absent while it runs, and when nobody saw its end.
    pub outcome: Option<Outcome>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// At most so many, the newest; never more than `MOST`.
    pub limit: usize,
    /// Only those from then on.
    pub since: Option<Time>,
    /// Only those of the key with this name or id.
    pub key: Option<String>,
}

pub struct AuditLog(File);

impl AuditLog {
    /// Opens `audit.sqlite` in a data directory, making it when it is not there.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, FileError> {
        File::open(data_dir.join("audit.sqlite"), schema::AUDIT).map(Self)
    }

    /// Writes down what is about to be done, and gives the entry's number.
    ///
    /// # Errors
    /// When the file fails: then it must not be done.
    pub fn begin(&self, action: &AuditedAction, now: Time) -> Result<i64, FileError> {
        self.0.write(|change| add(change, action, now))
    }

    /// Writes down what came of it.
    ///
    /// # Errors
    /// When the file fails.
    pub fn end(&self, seq: i64, outcome: &Outcome) -> Result<(), FileError> {
        self.0.write(|change| close(change, seq, outcome))
    }

    /// Writes down something together with what came of it: what was refused, and what was done with the files alone.
    ///
    /// # Errors
    /// When the file fails.
    pub fn note(&self, action: &AuditedAction, outcome: &Outcome) -> Result<(), FileError> {
        self.0.write(|change| {
            let seq = add(change, action, outcome.at)?;
            close(change, seq, outcome)
        })
    }

    /// The newest entries that are wanted, the newest first.
    ///
    /// # Errors
    /// When the file fails.
    pub fn list(&self, wanted: &AuditQuery) -> Result<Vec<Entry>, FileError> {
        self.0.read(|rows| {
            let mut found = rows.prepare_cached(
                "SELECT seq, deeds.at AS at, request, key, name, call, workspace, feature_view, words,
                        outcomes.at AS ended, code, sentence
                 FROM deeds LEFT JOIN outcomes ON outcomes.deed = deeds.seq
                 WHERE deeds.at >= ?1 AND (?2 IS NULL OR name = ?2 OR key = ?2)
                 ORDER BY seq DESC LIMIT ?3",
            )?;
            let since = wanted.since.map_or(i64::MIN, micros);
            let limit = wanted.limit.min(MOST) as i64;
            found.query_map(params![since, wanted.key, limit], entry)?.collect()
        })
    }
}

fn add(change: &Transaction, action: &AuditedAction, now: Time) -> rusqlite::Result<i64> {
    change.execute(
        "INSERT INTO deeds (at, request, key, name, call, workspace, feature_view, words)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            micros(now),
            kept(&action.request),
            action.key.to_string(),
            kept(&action.name),
            kept(&action.call),
            kept(&action.workspace),
            kept(&action.feature_view),
            kept(&action.words)
        ],
    )?;
    Ok(change.last_insert_rowid())
}

fn close(change: &Transaction, seq: i64, outcome: &Outcome) -> rusqlite::Result<()> {
    let sql = "INSERT INTO outcomes (deed, at, code, sentence) VALUES (?1, ?2, ?3, ?4)";
    change.execute(sql, params![seq, micros(outcome.at), outcome.code, kept(&outcome.sentence)]).map(drop)
}

/// Text as it is kept: what others sent may hold anything and be of any length.
fn kept(text: &str) -> String {
    let mut kept: String = clean(text).chars().take(LONGEST).collect();
    if kept.len() < text.len() && text.chars().count() > LONGEST {
        kept.push('…');
    }
    kept
}

fn entry(row: &Row) -> rusqlite::Result<Entry> {
    let key: String = row.get("key")?;
    let outcome = row
        .get::<_, Option<i64>>("ended")?
        .map(from_micros)
        .map(|at| Ok::<_, rusqlite::Error>(Outcome { at, code: row.get("code")?, sentence: row.get("sentence")? }));
    Ok(Entry {
        seq: row.get("seq")?,
        at: from_micros(row.get("at")?),
        action: AuditedAction {
            request: row.get("request")?,
            key: key.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
            name: row.get("name")?,
            call: row.get("call")?,
            workspace: row.get("workspace")?,
            feature_view: row.get("feature_view")?,
            words: row.get("words")?,
        },
        outcome: outcome.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(name: &str, words: &str) -> AuditedAction {
        AuditedAction {
            name: name.to_owned(),
            words: words.to_owned(),
            call: "Fly".to_owned(),
            ..AuditedAction::default()
        }
    }

    fn at(seconds: i64) -> Time {
        from_micros(seconds * 1_000_000)
    }

    #[test]
    fn changes_stand_with_what_came_of_them_and_without_when_nobody_saw_it() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::open(dir.path()).unwrap();
        let first = log.begin(&action("ann", "one"), at(1)).unwrap();
        log.begin(&action("bob", "two"), at(2)).unwrap();
        log.end(first, &Outcome { at: at(3), code: 0, sentence: String::new() }).unwrap();
        let refused = Outcome { at: at(4), code: 7, sentence: "No.".to_owned() };
        log.note(&action("ann", "three"), &refused).unwrap();
        drop(log);
        let log = AuditLog::open(dir.path()).unwrap();
        let words = |query: AuditQuery| {
            let entries = log.list(&query).unwrap();
            entries.into_iter().map(|e| (e.action.words, e.outcome.map(|o| o.code))).collect::<Vec<_>>()
        };
        let all = AuditQuery { limit: 10, ..AuditQuery::default() };
        let (one, two, three) = (("one".into(), Some(0)), ("two".into(), None), ("three".into(), Some(7)));
        assert_eq!(words(all.clone()), [three.clone(), two.clone(), one.clone()]);
        assert_eq!(words(AuditQuery { limit: 1, ..all.clone() }), std::slice::from_ref(&three));
        assert_eq!(words(AuditQuery { since: Some(at(2)), ..all.clone() }), [three.clone(), two]);
        assert_eq!(words(AuditQuery { key: Some("ann".into()), ..all }), [three, one]);
    }

    #[test]
    fn nothing_that_is_written_can_be_changed_or_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::open(dir.path()).unwrap();
        log.note(&action("ann", "one"), &Outcome { at: at(1), code: 0, sentence: String::new() }).unwrap();
        let other = rusqlite::Connection::open(dir.path().join("audit.sqlite")).unwrap();
        for attempt in ["UPDATE deeds SET name = 'bob'", "DELETE FROM deeds", "UPDATE outcomes SET code = 7"] {
            let refusal = other.execute(attempt, []).unwrap_err().to_string();
            assert!(refusal.contains("append-only"), "{attempt}: {refusal}");
        }
        assert!(other.execute("DELETE FROM outcomes", []).is_err());
        let second = Outcome { at: at(2), code: 13, sentence: String::new() };
        assert!(log.end(1, &second).is_err(), "what came of it is said once");
    }

    #[test]
    fn text_from_outside_is_cleaned_and_cut() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::open(dir.path()).unwrap();
        log.begin(&action("a\u{1b}[31m", &"x".repeat(2 * LONGEST)), at(1)).unwrap();
        let entry = log.list(&AuditQuery { limit: 1, ..AuditQuery::default() }).unwrap().remove(0);
        assert_eq!(entry.action.name, "a␛[31m");
        assert_eq!(entry.action.words, format!("{}…", "x".repeat(LONGEST)));
    }
}
