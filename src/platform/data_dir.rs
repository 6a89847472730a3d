//! The data directory: whose it is, and in what form.
//!
//! A marker in it says that it is a platform's and which format it has. Nothing is ever made or removed in a folder
//! that is neither marked nor empty nor recognised. It must not know what the stores hold: each of them has a number of
//! its own for the form of what it keeps, and brings an older one up to date by itself.
//!
//! The formats:
//!
//! | format | what changed | numbers of the stores |
//! | --- | --- | --- |
//! | 1 | had no marker | job table 3, online store 2 |
//! | 2 | the marker; the job table knows the files of the offline tables; tiles keep variances in another way | job table 4, online store 3 |

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::compute::Cause;
use super::private::{self, Group};
use crate::model::Id;

/// The format that is written. One that an older release must not touch has another number.
pub const FORMAT: u32 = 3;
/// The format of a directory that has no marker yet is ours.
const UNMARKED: u32 = 1;
/// Name of the marker's file in the data directory.
const MARKER: &str = "fvtop.json";
/// Name of the job table's file in the data directory.
pub const JOBS: &str = "jobs.sqlite";
/// The folder of what streams keep, one in it for each source.
pub(crate) const STREAMS: &str = "streams";

/// The folder, in that of a source, of the events that are kept as its batch side.
pub(crate) const KEPT: &str = "kept";

/// The folder, in [`STREAMS`], of what arrived for a source.
pub(crate) fn log_folder(streams: &Path, source: Id) -> PathBuf {
    streams.join(source.to_string()).join("log")
}

/// The folder, in [`STREAMS`], of the events of a source that are kept as its batch side.
pub(crate) fn kept_folder(streams: &Path, source: Id) -> PathBuf {
    streams.join(source.to_string()).join(KEPT)
}

/// Why a folder is not used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// The folder holds something, and none of it says that it is fvtop's.
    #[error(
        "the folder {dir} is not a data directory of fvtop and not empty (it holds {holds}), so nothing in it is touched. \
         Choose another --data-dir: one that is empty or not there yet"
    )]
    Foreign {
        /// The folder, as the option names it.
        dir: PathBuf,
        /// Some of what is there.
        holds: String,
    },
    /// There is nothing to be looked through.
    #[error("{dir} holds no data of a platform: it is {what}. Name the --data-dir that a platform was started with")]
    Nothing {
        /// The folder that was to be looked through.
        dir: PathBuf,
        /// Why it holds nothing, in words: `not there` or `empty`.
        what: &'static str,
    },
    /// A later release wrote it.
    #[error(
        "the data directory {dir} has format {found}, and this release ({}) knows formats up to {FORMAT}. Start it with the \
         release that wrote it or a later one, or choose another --data-dir. Nothing was changed",
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The data directory that is left as it is.
        dir: PathBuf,
        /// The format that its marker says, greater than [`FORMAT`].
        found: u32,
    },
    /// The marker makes no sense.
    #[error(
        "{path} does not say what the folder is: {problem}. Put it back from a copy. If the folder is a data directory of \
         fvtop, remove the file: the folder is then recognised by its job table"
    )]
    Marker {
        /// Path of the marker's file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: Cause,
    },
    /// The job table is gone while the stores are there.
    #[error(
        "{path} is {what}, though its stores are there: without it nobody knows what they hold. Put it back from a copy. To \
         begin anew, move {dir} away and materialize again"
    )]
    NoJobs {
        /// The data directory that holds the stores.
        dir: PathBuf,
        /// Where the job table should be.
        path: PathBuf,
        /// What became of it, in a word: `gone` or `empty`.
        what: &'static str,
    },
    /// A file or folder of it cannot be read, made or written.
    #[error("the data directory {dir} cannot be used: {problem}. Choose a directory that you may write to")]
    Disk {
        /// The data directory that was to be used.
        dir: PathBuf,
        /// The system's own word for why.
        #[source]
        problem: io::Error,
    },
}

/// What the marker says. A later release may say more.
#[derive(Serialize, Deserialize)]
struct Marker {
    program: String,
    format: u32,
    #[serde(default)]
    about: String,
}

/// Makes the directory where it is not there, and sees that it is a platform's: marked, recognised, or empty so far.
/// Marks it where it is not. Needs no lock: what it does twice is the same.
///
/// # Errors
/// When it is somebody else's, of a later format, or cannot be used.
pub fn claim(dir: &Path) -> Result<(), DataDirError> {
    let disk = |problem| DataDirError::Disk { dir: dir.to_owned(), problem };
    private::make_folder(dir).map_err(disk)?;
    match format(dir)? {
        Some(found) if found > FORMAT => Err(DataDirError::Newer { dir: dir.to_owned(), found }),
        Some(_) => Ok(()),
        None if is_recognised(dir) => mark(dir, UNMARKED).map_err(disk),
        None => match foreign(dir).map_err(disk)? {
            None => mark(dir, FORMAT).map_err(disk),
            Some(holds) => Err(DataDirError::Foreign { dir: dir.to_owned(), holds }),
        },
    }
}

/// Whether a folder is a data directory of a format that is known. Makes and changes nothing.
///
/// # Errors
/// When it is not.
pub fn check(dir: &Path) -> Result<(), DataDirError> {
    let dir = dir.to_owned();
    if !dir.exists() {
        return Err(DataDirError::Nothing { dir, what: "not there" });
    }
    match format(&dir)? {
        Some(found) if found > FORMAT => Err(DataDirError::Newer { dir, found }),
        Some(_) => Ok(()),
        None if is_recognised(&dir) => Ok(()),
        None => match foreign(&dir) {
            Ok(Some(holds)) => Err(DataDirError::Foreign { dir, holds }),
            Ok(None) => Err(DataDirError::Nothing { dir, what: "empty" }),
            Err(problem) => Err(DataDirError::Disk { dir, problem }),
        },
    }
}

/// Makes a claimed directory one of the present format, before any store is opened: from here on older releases refuse
/// it. The lock on it must be held.
///
/// # Errors
/// When its job table is gone, or the marker cannot be written.
pub fn raise(dir: &Path) -> Result<(), DataDirError> {
    has_jobs(dir)?;
    if format(dir)? == Some(FORMAT) {
        return Ok(());
    }
    mark(dir, FORMAT).map_err(|problem| DataDirError::Disk { dir: dir.to_owned(), problem })
}

/// Whether the job table is there where stores are.
///
/// # Errors
/// When it is not.
pub fn has_jobs(dir: &Path) -> Result<(), DataDirError> {
    let jobs = dir.join(JOBS);
    let size = jobs.metadata().ok().map(|found| found.len());
    let tables = fs::read_dir(dir.join("offline")).is_ok_and(|mut tables| tables.next().is_some());
    let stores = tables || dir.join("online").exists();
    // SQLite takes an empty file for a new one. Its first pages may still be in the file beside it.
    let written_ahead = dir.join(format!("{JOBS}-wal")).metadata().is_ok_and(|found| found.len() > 0);
    let lost = match size {
        None => Some("gone"),
        Some(0) if !written_ahead => Some("empty"),
        Some(_) => None,
    };
    if let Some(what) = lost.filter(|_| stores) {
        return Err(DataDirError::NoJobs { dir: dir.to_owned(), path: jobs, what });
    }
    Ok(())
}

/// Sees that nobody reads what is in a claimed directory who should not, and says so where somebody could.
pub fn close(dir: &Path, group: Option<&Group>) -> Result<(), DataDirError> {
    let disk = |problem| DataDirError::Disk { dir: dir.to_owned(), problem };
    // What is made in them takes after them.
    for folder in private::SHARED {
        private::make_folder(&dir.join(folder)).map_err(disk)?;
    }
    let met = private::tighten(dir, group);
    if met.was_open {
        let shown = dir.display();
        let open =
            if group.is_some() { "" } else { " (--data-group GROUP keeps offline/ and datasets/ open to a group)" };
        tracing::warn!(
            "the data directory {shown} was open to other users of this machine: {} files and folders in it are now for its \
             owner alone{open}",
            met.changed
        );
    }
    if let Some((path, error)) = met.first {
        let (count, path) = (met.failed, path.display());
        tracing::warn!(
            "{count} files or folders of the data directory keep the mode and group they had, first {path}: {error}. They \
             should belong to the user that runs fvtop, and that user to the group"
        );
    }
    Ok(())
}

/// The format that the marker says; nothing where there is no marker.
fn format(dir: &Path) -> Result<Option<u32>, DataDirError> {
    let path = dir.join(MARKER);
    let wrong = |problem: Cause| DataDirError::Marker { path: path.clone(), problem };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.into())),
    };
    let marker: Marker = serde_json::from_str(&text).map_err(|error| wrong(error.into()))?;
    if marker.program != "fvtop" || marker.format == 0 {
        return Err(wrong("it is not a marker of fvtop".into()));
    }
    Ok(Some(marker.format))
}

fn mark(dir: &Path, format: u32) -> io::Result<()> {
    let about =
        "This folder is a data directory of fvtop, which makes and removes files in it. Leave this file where it is.";
    let marker = Marker { program: "fvtop".to_owned(), format, about: about.to_owned() };
    private::put(&dir.join(MARKER), &format!("{}\n", serde_json::to_string_pretty(&marker)?))
}

/// Whether the folder is a data directory of a release that had no marker: by its job table, the keys made before that,
/// or an audit log that was moved away.
fn is_recognised(dir: &Path) -> bool {
    let known: [(&str, &[&str]); 3] = [
        (JOBS, &["views", "jobs", "attempts"]),
        ("access.sqlite", &["keys"]),
        ("audit.sqlite", &["deeds", "outcomes"]),
    ];
    known.iter().any(|(file, tables)| has_tables(&dir.join(file), tables))
}

fn has_tables(path: &Path, tables: &[&str]) -> bool {
    // Nothing is made or changed: the file may be anybody's.
    let Ok(file) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else { return false };
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let strict = file.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    strict.is_ok_and(|layout| layout > 0) && tables.iter().all(|table| file.query_row(sql, [table], |_| Ok(())).is_ok())
}

/// Some of what a folder holds that is not empty; what a file system puts there by itself does not count.
fn foreign(dir: &Path) -> io::Result<Option<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        // A start of an earlier release that went no further leaves its lock.
        let lock = name == "lock" && entry.metadata().is_ok_and(|found| found.is_file() && found.len() == 0);
        let name = name.to_string_lossy();
        if name != "lost+found" && !lock && !name.starts_with(private::NEW) {
            names.push(crate::model::clean(&name).into_owned());
        }
    }
    names.sort();
    Ok((!names.is_empty()).then(|| crate::model::clean::first_few(&names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn claimed(dir: &Path) -> String {
        claim(dir).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_folder_is_taken_and_marked() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["new", "mount"] {
            let dir = dir.path().join(name);
            if name == "mount" {
                fs::create_dir_all(dir.join("lost+found")).unwrap();
            }
            claim(&dir).unwrap();
            raise(&dir).unwrap();
            claim(&dir).unwrap();
            assert_eq!(format(&dir).unwrap(), Some(FORMAT));
        }
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["uploads", "datasets", "notes.txt", "zebra", "yak"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let before = names(dir.path());
        let refusal = claimed(dir.path());
        assert!(refusal.contains("is not a data directory of fvtop"), "{refusal}");
        assert!(refusal.contains("(it holds datasets, notes.txt, uploads and 2 more)"), "{refusal}");
        assert_eq!(names(dir.path()), before);
    }

    #[test]
    fn names_like_ours_do_not_make_a_folder_ours() {
        let dir = tempfile::tempdir().unwrap();
        // An empty file, no database, and one of another program.
        for content in [&b""[..], b"not a database"] {
            fs::write(dir.path().join(JOBS), content).unwrap();
            assert!(claimed(dir.path()).contains("(it holds jobs.sqlite)"));
        }
        fs::remove_file(dir.path().join(JOBS)).unwrap();
        let other = Connection::open(dir.path().join(JOBS)).unwrap();
        other.execute_batch("CREATE TABLE jobs (x); CREATE TABLE queue (y); PRAGMA user_version = 7").unwrap();
        assert!(claimed(dir.path()).contains("not a data directory"));
        assert_eq!(names(dir.path()), [JOBS]);
    }

    #[test]
    fn a_directory_of_a_release_without_marker_is_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let old = "CREATE TABLE views (x); CREATE TABLE jobs (x); CREATE TABLE attempts (x); PRAGMA user_version = 3";
        Connection::open(dir.path().join(JOBS)).unwrap().execute_batch(old).unwrap();
        fs::create_dir(dir.path().join("online")).unwrap();
        claim(dir.path()).unwrap();
        assert_eq!(format(dir.path()).unwrap(), Some(UNMARKED));
        raise(dir.path()).unwrap();
        assert_eq!(format(dir.path()).unwrap(), Some(FORMAT));
    }

    #[test]
    fn a_later_format_is_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MARKER), r#"{"program": "fvtop", "format": 4, "more": []}"#).unwrap();
        let (refusal, shown) = (claimed(dir.path()), dir.path().display().to_string());
        for part in [shown.as_str(), "has format 4", "knows formats up to 3", "Start it with the release that wrote it"]
        {
            assert!(refusal.contains(part), "{refusal}");
        }
        for wrong in ["", "{}", r#"{"program": "other", "format": 1}"#, r#"{"program": "fvtop", "format": 0}"#] {
            fs::write(dir.path().join(MARKER), wrong).unwrap();
            let refusal = claimed(dir.path());
            assert!(refusal.contains("does not say what the folder is"), "{refusal}");
        }
    }

    #[test]
    fn stores_without_their_job_table_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        claim(dir.path()).unwrap();
        fs::create_dir_all(dir.path().join("offline/prod")).unwrap();
        let refusal = raise(dir.path()).unwrap_err().to_string();
        assert!(refusal.contains("jobs.sqlite is gone") && refusal.contains("Put it back from a copy"), "{refusal}");
        fs::write(dir.path().join(JOBS), "").unwrap();
        let refusal = raise(dir.path()).unwrap_err().to_string();
        assert!(refusal.contains("jobs.sqlite is empty"), "{refusal}");
    }
}
