//! An offline table read through its Delta log by this test's own reader, and what must hold of the log at any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fvtop::model::Time;
use polars::prelude::*;
use serde_json::Value;

use super::world::{HOUR, Shape, USERS, View};

/// What a file of a table holds: rows by hour and user, each row as `world::stored` has it.
type Content = BTreeMap<(i64, usize), Vec<Vec<i64>>>;

/// Files that were read already: a data file never changes.
#[derive(Default)]
pub(crate) struct Files(BTreeMap<PathBuf, Option<Content>>);

/// A file in the folder of a table.
#[derive(Debug)]
#[expect(dead_code, reason = "path, live and named are for whoever reads why a check failed")]
pub(crate) struct OnDisk {
    pub path: PathBuf,
    pub written: Time,
    pub live: bool,
    /// Whether any version of the table named it.
    pub named: bool,
    /// The users that have rows in it; nothing when the file cannot be read.
    pub users: Option<BTreeSet<usize>>,
}

/// A table as it lies on the disk.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Rows by hour and user; the rows of a user in an hour in order of time.
    pub content: Content,
    pub files: Vec<OnDisk>,
    /// Jobs that stamped a commit, as the log writes them.
    pub stamps: BTreeSet<String>,
}

/// What a log says, held to what must be true of it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    live: BTreeMap<String, Added>,
    /// Every path that was ever added.
    named: BTreeSet<String>,
    stamps: BTreeSet<String>,
}

/// The size and row count that the log gives a live file.
#[derive(Clone, Debug, PartialEq)]
struct Added {
    size: u64,
    rows: Option<u64>,
}

impl Log {
    /// Reads the log of a table. One that was never begun is empty.
    pub(crate) fn read(root: &Path) -> Self {
        let folder = root.join("_delta_log");
        let mut log = Self::default();
        let commits = commits(&folder);
        let (mut protocols, mut schemas) = (0, 0);
        for (version, path) in commits.iter().enumerate() {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(name, format!("{version:020}.json"), "a version is missing in {}", folder.display());
            let (removed, added, others) = actions(path);
            for path in removed {
                let was_there = log.live.remove(&path).is_some();
                assert!(was_there, "version {version} of {} removes {path}, which is not there", root.display());
            }
            for (path, file) in added {
                let is_new = log.named.insert(path.clone());
                assert!(is_new, "version {version} of {} adds {path} a second time", root.display());
                log.live.insert(path, file);
            }
            for action in others {
                protocols += usize::from(action["protocol"]["minReaderVersion"].is_u64());
                schemas += usize::from(action["metaData"]["schemaString"].is_string());
                log.stamps.extend(action["txn"]["appId"].as_str().map(str::to_owned));
            }
            check_checkpoint(&folder, version, &log.live);
        }
        let begun = usize::from(!commits.is_empty());
        assert!(protocols == begun && schemas == begun, "{}: {protocols} protocols, {schemas} schemas", root.display());
        log
    }

    /// How many rows the live files hold, counted in the files.
    pub(crate) fn rows(&self, root: &Path) -> usize {
        let rows = |path: &String| {
            let file = File::open(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            ParquetReader::new(file).finish().unwrap().height()
        };
        self.live.keys().map(rows).sum()
    }
}

/// Reads the table of a view, log and files.
pub(crate) fn read(root: &Path, view: &View, files: &mut Files) -> Table {
    let log = Log::read(root);
    let mut table = Table { stamps: log.stamps.clone(), ..Table::default() };
    if root.is_dir() {
        read_files(root, view, &log, files, &mut table);
    }
    table
}

fn commits(log: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(log) else { return Vec::new() };
    let is_commit = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.strip_suffix(".json").is_some_and(|version| version.len() == 20 && version.parse::<u64>().is_ok())
    };
    let mut commits: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(is_commit).collect();
    commits.sort();
    commits
}

/// The paths that a commit removes, the files it adds, and its other actions.
fn actions(commit: &Path) -> (Vec<String>, Vec<(String, Added)>, Vec<Value>) {
    let (mut removed, mut added, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for line in std::fs::read_to_string(commit).unwrap().lines() {
        let action: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", commit.display()));
        if let Some(path) = action["remove"]["path"].as_str() {
            removed.push(decoded(path));
        } else if let Some(path) = action["add"]["path"].as_str() {
            let stats = action["add"]["stats"].as_str().map(|stats| serde_json::from_str::<Value>(stats).unwrap());
            let rows = stats.and_then(|stats| stats["numRecords"].as_u64());
            added.push((decoded(path), Added { size: action["add"]["size"].as_u64().unwrap(), rows }));
        } else {
            others.push(action);
        }
    }
    (removed, added, others)
}

/// A path of the log, in which Delta writes some characters by their numbers.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut plain = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        plain.push(u8::from_str_radix(&part[..2], 16).unwrap());
        plain.extend(part[2..].bytes());
    }
    String::from_utf8(plain).unwrap()
}

/// A checkpoint of that version, where there is one, names exactly the files that are live by the commits.
fn check_checkpoint(log: &Path, version: usize, live: &BTreeMap<String, Added>) {
    let path = log.join(format!("{version:020}.checkpoint.parquet"));
    let Ok(file) = File::open(&path) else { return };
    let frame = ParquetReader::new(file).with_columns(Some(vec!["add".to_owned()])).finish().unwrap();
    let paths = frame.column("add").unwrap().struct_().unwrap().field_by_name("path").unwrap();
    let named: BTreeSet<String> = paths.str().unwrap().iter().flatten().map(decoded).collect();
    assert!(named.iter().eq(live.keys()), "checkpoint {version} names other files than the commits");
}

/// Reads every data file in the folder; the live ones must be whole.
fn read_files(root: &Path, view: &View, log: &Log, files: &mut Files, table: &mut Table) {
    let mut there = BTreeSet::new();
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "_delta_log" || !folder.is_dir() {
            continue;
        }
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = format!("{name}/{}", path.file_name().unwrap().to_str().unwrap());
            let data = std::fs::metadata(&path).unwrap();
            let added = log.live.get(&name);
            let content = files.0.entry(path.clone()).or_insert_with(|| content(&path, view.shape)).as_ref();
            if let Some(added) = added {
                let content = content.unwrap_or_else(|| panic!("{} is live and cannot be read", path.display()));
                let rows = content.values().map(Vec::len).sum::<usize>() as u64;
                assert_eq!(data.len(), added.size, "size of {}", path.display());
                assert_eq!(Some(rows), added.rows, "rows of {} beside its statistics", path.display());
                for (at, rows) in content {
                    table.content.entry(*at).or_default().extend(rows.iter().cloned());
                }
            }
            let users = content.map(|content| content.keys().map(|(_, user)| *user).collect());
            let written = data.modified().map(SystemTime::into).unwrap();
            table.files.push(OnDisk { path, written, live: added.is_some(), named: log.named.contains(&name), users });
            there.insert(name);
        }
    }
    let lost: Vec<&String> = log.live.keys().filter(|path| !there.contains(*path)).collect();
    assert!(lost.is_empty(), "{}: live files are not on the disk: {lost:?}", view.name);
    table.content.values_mut().for_each(|rows| rows.sort());
}

/// The rows of a file; nothing when it is no whole Parquet file, such as one that a kill cut off.
fn content(path: &Path, shape: Shape) -> Option<Content> {
    let frame = ParquetReader::new(File::open(path).unwrap()).finish().ok()?;
    let whole = |name: &str| -> Vec<i64> {
        let column = frame.column(name).unwrap().cast(&DataType::Int64).unwrap();
        column.i64().unwrap().iter().map(|value| value.unwrap_or_else(|| panic!("{name} is null"))).collect()
    };
    let names: &[&str] = match shape {
        Shape::Tiles => &["count_amount", "sum_amount", "last_amount"],
        Shape::Rows => &["timestamp", "amount"],
    };
    let (users, anchors) = (whole("user_id"), whole("_anchor_time"));
    let columns: Vec<Vec<i64>> = names.iter().map(|name| whole(name)).collect();
    let mut content = Content::new();
    for row in 0..frame.height() {
        let (hour, rest) = (anchors[row].div_euclid(HOUR * 1_000), anchors[row].rem_euclid(HOUR * 1_000));
        assert_eq!(rest, 0, "{}: _anchor_time is no hour", path.display());
        let user = usize::try_from(users[row]).unwrap();
        assert!(user < USERS, "{}: user {user}", path.display());
        content.entry((hour, user)).or_default().push(columns.iter().map(|column| column[row]).collect());
    }
    Some(content)
}
