//! The layouts of the job table and the way from each to the next.
//!
//! A new file goes the same way as an old one, step by step, so that both end alike. A step runs once, inside one
//! transaction.

use rusqlite::{Connection, Transaction};

use super::error::TableError;
use super::rows::Rows;

/// The newest layout of the file.
pub(super) const LAYOUT: i64 = 4;

const ONE: &str = "
CREATE TABLE views (
    id TEXT PRIMARY KEY,
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    feature_start INTEGER
) STRICT;
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    view TEXT NOT NULL REFERENCES views (id),
    job_type TEXT NOT NULL,
    state TEXT NOT NULL,
    window_start INTEGER,
    window_end INTEGER,
    online INTEGER NOT NULL,
    offline INTEGER NOT NULL,
    by_user INTEGER NOT NULL,
    managed_retries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    next_attempt_at INTEGER
) STRICT;
CREATE INDEX jobs_of_view ON jobs (view, seq);
CREATE INDEX jobs_due ON jobs (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL REFERENCES jobs (id),
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    reason TEXT,
    message TEXT,
    UNIQUE (job, number)
) STRICT;
CREATE INDEX attempts_unended ON attempts (state) WHERE state IN ('PENDING', 'RUNNING');
";

/// What no pruning of jobs may lose moves out of them: how far the schedule is planned, which windows are materialized,
/// whether a store was ever written. Attempts get stages and a log, deletion jobs their keys.
const TWO: &str = "
ALTER TABLE views ADD COLUMN planned_until INTEGER;
ALTER TABLE views ADD COLUMN online_written INTEGER NOT NULL DEFAULT 0;
ALTER TABLE views ADD COLUMN offline_written INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN counted_from INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_by_window ON jobs (view, window_end) WHERE window_end IS NOT NULL;
CREATE INDEX jobs_of_type ON jobs (view, job_type, seq);
CREATE TABLE stages (
    attempt TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    rows INTEGER,
    bytes INTEGER,
    error TEXT,
    PRIMARY KEY (attempt, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE log (
    attempt TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (attempt, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE coverage (
    view TEXT NOT NULL REFERENCES views (id),
    store TEXT NOT NULL,
    starts INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    PRIMARY KEY (view, store, starts)
) STRICT, WITHOUT ROWID;
CREATE TABLE deletion_keys (
    job TEXT PRIMARY KEY,
    keys BLOB NOT NULL
) STRICT;
UPDATE views SET
    planned_until = (SELECT MAX(window_end) FROM jobs
        WHERE jobs.view = views.id AND job_type = 'BATCH' AND NOT by_user),
    online_written = EXISTS (SELECT 1 FROM jobs JOIN attempts ON attempts.job = jobs.id
        WHERE jobs.view = views.id AND jobs.online AND attempts.state <> 'PENDING'),
    offline_written = EXISTS (SELECT 1 FROM jobs JOIN attempts ON attempts.job = jobs.id
        WHERE jobs.view = views.id AND jobs.offline AND attempts.state <> 'PENDING');
";

/// Jobs over part of a window are found without a look at all the later ones: by the longest window there is.
const THREE: &str = "
CREATE INDEX jobs_by_length ON jobs (view, window_end - window_start) WHERE window_end IS NOT NULL;
";

/// What jobs know of the offline tables: the version that they wrote last, its files, and the windows that were found
/// damaged; and of the sources: which files were read for a window, and what they held of it.
const FOUR: &str = "
CREATE TABLE offline_tables (
    view TEXT PRIMARY KEY REFERENCES views (id),
    table_id TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE offline_files (
    view TEXT NOT NULL REFERENCES views (id),
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    rows INTEGER,
    checksum INTEGER,
    starts INTEGER,
    ends INTEGER,
    PRIMARY KEY (view, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE offline_lost (
    view TEXT NOT NULL REFERENCES views (id),
    starts INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    PRIMARY KEY (view, starts)
) STRICT, WITHOUT ROWID;
CREATE TABLE window_reads (
    view TEXT NOT NULL REFERENCES views (id),
    starts INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    read_at INTEGER NOT NULL,
    PRIMARY KEY (view, starts)
) STRICT, WITHOUT ROWID;
CREATE INDEX window_reads_by_time ON window_reads (view, read_at);
CREATE TABLE read_files (
    view TEXT NOT NULL REFERENCES views (id),
    starts INTEGER NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    rows INTEGER,
    PRIMARY KEY (view, starts, path)
) STRICT, WITHOUT ROWID;
";

/// Whether the file has the newest layout.
pub(super) fn check(connection: &Connection) -> Result<(), TableError> {
    match connection.pragma_query_value(None, "user_version", |row| row.get(0))? {
        LAYOUT => Ok(()),
        found if found < LAYOUT => Err(TableError::Older { found, wanted: LAYOUT }),
        found => Err(TableError::Layout { found, known: LAYOUT }),
    }
}

/// Brings the file to the newest layout. An error leaves it as it was.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), TableError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if !(0..=LAYOUT).contains(&found) {
        return Err(TableError::Layout { found, known: LAYOUT });
    }
    let change = connection.transaction()?;
    for layout in found + 1..=LAYOUT {
        step(&change, layout)?;
    }
    change.pragma_update(None, "user_version", LAYOUT)?;
    Ok(change.commit()?)
}

fn step(change: &Transaction, layout: i64) -> Result<(), TableError> {
    match layout {
        1 => Ok(change.execute_batch(ONE)?),
        2 => {
            change.execute_batch(TWO)?;
            Rows::new(change).cover_finished()
        }
        3 => Ok(change.execute_batch(THREE)?),
        _ => Ok(change.execute_batch(FOUR)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;
    use crate::model::{JobState, Span, Window};
    use crate::platform::jobs::record::JobRecord;
    use crate::platform::jobs::table::JobTable;
    use crate::platform::testing::view;

    const HOUR: i64 = 3_600_000_000;

    fn hours(from: i64, to: i64) -> Window {
        Window { start: from_micros(from * HOUR), end: from_micros(to * HOUR) }
    }

    /// A file as the first layout left it: (number, first hour, last hour, state, by a user, online, offline).
    fn old(path: &std::path::Path, jobs: &[(i64, i64, i64, &str, bool, bool, bool)]) {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(ONE).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let id = view("v").id.to_string();
        connection.execute("INSERT INTO views VALUES (?1, 'prod', 'v', 0, NULL)", [&id]).unwrap();
        for (number, from, to, state, by_user, online, offline) in jobs {
            let job = format!("{number:032x}");
            connection
                .execute(
                    "INSERT INTO jobs VALUES (?1, ?2, ?3, 'BATCH', ?4, ?5, ?6, ?7, ?8, ?9, 1, 0, 0, NULL)",
                    rusqlite::params![number, job, id, state, from * HOUR, to * HOUR, online, offline, by_user],
                )
                .unwrap();
            let attempt = format!("{:032x}", 1_000 + number);
            connection
                .execute("INSERT INTO attempts VALUES (?1, ?2, 1, 'SUCCESS', 0, 0, NULL, NULL)", [&attempt, &job])
                .unwrap();
        }
    }

    #[test]
    fn a_file_of_the_first_layout_keeps_its_jobs_and_tells_what_is_materialized() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jobs.sqlite");
        old(
            &path,
            &[
                (1, 0, 2, "SUCCESS", false, true, true),
                (2, 2, 3, "SUCCESS", false, true, false),
                (3, 5, 6, "FAILURE", false, true, true),
                (4, 1, 4, "SUCCESS", true, false, true),
                (5, 8, 9, "SUCCESS", true, true, true),
            ],
        );
        let table = JobTable::open(&path).unwrap();
        let id = view("v").id;
        let coverage = table.read(|rows| rows.coverage(id)).unwrap();
        assert_eq!(coverage.online, [hours(0, 3), hours(8, 9)]);
        assert_eq!(coverage.offline, [hours(0, 4), hours(8, 9)]);
        table
            .read(|rows| {
                let jobs = rows.jobs(id)?;
                assert_eq!(jobs.len(), 5);
                assert_eq!(jobs[2].job.state, JobState::Failure);
                assert_eq!(jobs[0].job.attempts.len(), 1);
                assert_eq!(rows.planned_until(id)?, Some(from_micros(6 * HOUR)), "jobs of users are not the plan");
                let written = rows.written(id)?;
                assert!(written.online && written.offline);
                Ok(())
            })
            .unwrap();
        drop(table);
        let again = JobTable::open(&path).unwrap();
        assert_eq!(again.read(|rows| rows.coverage(id)).unwrap(), coverage, "a second start changes nothing");
    }

    #[test]
    fn an_empty_old_file_was_never_written_to_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jobs.sqlite");
        old(&path, &[]);
        let table = JobTable::open(&path).unwrap();
        let (view, now) = (view("v"), from_micros(HOUR));
        let written = table.read(|rows| rows.written(view.id)).unwrap();
        assert!(!written.online && !written.offline);
        assert_eq!(table.read(|rows| rows.planned_until(view.id)).unwrap(), None);
        let window = Window { start: now - Span::hours(1), end: now };
        table.write(|rows| rows.save(&mut JobRecord::batch(&view, window, now, now))).unwrap();
        assert_eq!(table.read(|rows| rows.jobs(view.id)).unwrap().len(), 1);
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jobs.sqlite");
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 5).unwrap();
        let Err(error) = JobTable::open(&path) else { panic!("layout 5 is not known") };
        assert_eq!(error.to_string(), "the job table has layout 5, this program knows 4: use the release that made it");
    }
}
