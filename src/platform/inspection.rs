//! Whether the stores hold what jobs wrote: a look at each offline table when a platform starts, and the whole of a
//! data directory for `fvtop check`.
//!
//! It reads and reports; it changes nothing, but for the files of a table of an earlier release, which it makes known
//! to the job table.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use polars::prelude::{ParquetReader, SerReader};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::data_dir::{self, JOBS};
use super::datasets::Datasets;
use super::error::PlatformError;
use super::jobs::Jobs;
use super::jobs::table::ReadOnlyTable;
use super::lock::{self, DirectoryLock};
use super::offline::{OfflineTable, checksum_of};
use super::online::OnlineStore;
use super::source::kept::{self, KeptFile};
use super::{quarantine, sqlite};
use crate::model::clean::first_few;
use crate::model::time::print_windows;
use crate::model::{Coverage, Id, Window};
use crate::platform::definition::View;

/// Looks at the offline tables of all views once, behind everything else, on a thread of its own.
pub(crate) fn spawn(
    jobs: &Arc<Jobs>,
    offline: PathBuf,
    runtime: &Handle,
    stop: &CancellationToken,
) -> std::io::Result<JoinHandle<()>> {
    let (jobs, runtime, stop) = (Arc::clone(jobs), runtime.clone(), stop.clone());
    std::thread::Builder::new().name("inspection".to_owned()).spawn(move || {
        for view in jobs.views().filter(|view| view.live && view.offline) {
            if stop.is_cancelled() {
                return;
            }
            let looked = look(&jobs, &offline, &runtime, view, &|| !stop.is_cancelled());
            if let Err(problem) = looked {
                tracing::error!(view = view.name, "{problem}");
            }
        }
    })
}

/// One view's table: an error says what is wrong with it.
fn look(jobs: &Jobs, offline: &Path, runtime: &Handle, view: &View, go_on: &dyn Fn() -> bool) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let Some(ledger) = jobs.ledger(view.id) else { return Ok(()) };
    let known = ledger.known().map_err(|error| text(&error))?;
    let table = runtime.block_on(OfflineTable::open(offline, view)).map_err(|error| text(&error))?;
    let verdict = known.judge(table.as_ref(), None, false).map_err(|error| text(&error))?;
    if verdict.is_bad() {
        return Err(format!(
            "the offline table of `{}` cannot be relied on: {}",
            view.name,
            verdict.sentence(&view.name)
        ));
    }
    let (None, Some(table)) = (&known.manifest, table) else { return Ok(()) };
    if let Some(manifest) = table.summed(go_on).map_err(|error| text(&error))? {
        ledger.adopt(&manifest).map_err(|error| text(&error))?;
    }
    Ok(())
}

/// What was found of one part of a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file or folder, below the directory.
    pub part: String,
    /// Whether it holds what it should.
    pub sound: bool,
    /// How much it holds where it is sound; else what is wrong, and what to do.
    pub text: String,
}

impl Finding {
    fn sound(part: &str, text: impl Into<String>) -> Self {
        Self { part: part.to_owned(), sound: true, text: text.into() }
    }

    fn damaged(part: &str, text: impl Into<String>) -> Self {
        Self { part: part.to_owned(), sound: false, text: text.into() }
    }
}

/// Looks through a data directory whose platform does not run: the files of SQLite, each data file of the offline
/// tables, all that the online store holds, what is kept of streams, the datasets.
///
/// # Errors
/// When it is no data directory of a format that is known, or in use.
pub(crate) fn whole(dir: &Path, runtime: &Handle) -> Result<Vec<Finding>, PlatformError> {
    data_dir::check(dir)?;
    let _lock = DirectoryLock::take(dir, lock::PATIENCE)?;
    let mut found = Vec::new();
    for file in [JOBS, "access.sqlite", "audit.sqlite", quarantine::FILE] {
        found.extend(looked_through(dir, file));
    }
    if let Err(error) = data_dir::has_jobs(dir) {
        found.push(Finding::damaged(JOBS, error.to_string()));
    }
    // Without the job table nobody knows what the stores should hold.
    if found.iter().all(|finding| finding.sound) && dir.join(JOBS).exists() {
        match written(dir) {
            Ok(views) => {
                views.iter().for_each(|view| found.extend(offline(dir, view, runtime)));
                found.extend(online(dir, &views));
            }
            Err(problem) => found.push(Finding::damaged(JOBS, problem)),
        }
    }
    found.extend(kept_streams(dir));
    found.extend(datasets(dir));
    Ok(found)
}

/// What is kept of streams without files: each file that a manifest names, with its size, rows and checksum.
fn kept_streams(dir: &Path) -> Vec<Finding> {
    let streams = std::fs::read_dir(dir.join(data_dir::STREAMS)).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for folder in streams.map(|entry| entry.path().join(data_dir::KEPT)).filter(|folder| folder.is_dir()) {
        let part = folder.strip_prefix(dir).unwrap_or(&folder).display().to_string();
        let manifest = match kept::load(&folder) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => continue,
            Err(problem) => {
                found.push(Finding::damaged(&part, problem));
                continue;
            }
        };
        let wrong: Vec<String> = manifest.files.iter().filter_map(|file| wrong_with(&folder, file)).collect();
        found.push(match wrong.is_empty() {
            true => Finding::sound(&part, format!("{} files, {} rows", manifest.files.len(), manifest.rows())),
            false => {
                let text = format!("{}. Put back from a copy what is not there as it was", first_few(&wrong));
                Finding::damaged(&part, text)
            }
        });
    }
    found
}

/// What is wrong with a file of what is kept; nothing where it is as it was written.
fn wrong_with(folder: &Path, file: &KeptFile) -> Option<String> {
    let path = folder.join(&file.name);
    let looked = || -> std::io::Result<Option<String>> {
        let opened = std::fs::File::open(&path)?;
        let bytes = opened.metadata()?.len();
        if bytes != file.bytes {
            return Ok(Some(format!("has {bytes} bytes of {}", file.bytes)));
        }
        if checksum_of(opened)? != file.checksum {
            return Ok(Some("holds other bytes than were written".to_owned()));
        }
        let rows = ParquetReader::new(std::fs::File::open(&path)?).num_rows().map_err(std::io::Error::other)?;
        Ok((rows as u64 != file.rows).then(|| format!("has {rows} rows of {}", file.rows)))
    };
    let wrong = looked().unwrap_or_else(|error| Some(format!("cannot be read: {error}")))?;
    Some(format!("{} {wrong}", file.name))
}

fn looked_through(dir: &Path, file: &str) -> Option<Finding> {
    let path = dir.join(file);
    if !path.exists() {
        return None;
    }
    let opened = rusqlite::Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
    let problem = match opened.and_then(|opened| Ok((sqlite::damage(&opened)?, opened))) {
        Ok((None, opened)) => {
            sqlite::looked_through(&opened, "integrity_check(1)").unwrap_or_else(|e| Some(e.to_string()))
        }
        Ok((problem, _)) => problem,
        Err(error) => Some(error.to_string()),
    };
    Some(match problem {
        None => Finding::sound(file, "its pages fit together"),
        Some(problem) => Finding::damaged(file, format!("{problem}. Put it back from a copy")),
    })
}

/// A view that jobs wrote.
struct Written {
    id: Id,
    workspace: String,
    name: String,
    coverage: Coverage,
    known: super::jobs::verdict::Known,
}

fn written(dir: &Path) -> Result<Vec<Written>, String> {
    let table = ReadOnlyTable::open(&dir.join(JOBS)).map_err(|error| error.to_string())?;
    let views = table.read(|rows| {
        let views = rows.named_views()?.into_iter().map(|(id, workspace, name)| {
            let known = rows.known(id, rows.grid(id)?)?;
            Ok(Written { id, workspace, name, coverage: rows.coverage(id)?, known })
        });
        views.collect::<Result<Vec<_>, _>>()
    });
    views.map_err(|error| error.to_string())
}

fn offline(dir: &Path, view: &Written, runtime: &Handle) -> Option<Finding> {
    let part = format!("offline/{}/{}", view.workspace, view.name);
    let table = match runtime.block_on(OfflineTable::open_any(&dir.join(&part))) {
        Ok(table) => table,
        Err(error) => return Some(Finding::damaged(&part, error.to_string())),
    };
    let judged = view.known.judge(table.as_ref(), None, true);
    let verdict = match judged {
        Ok(verdict) => verdict,
        Err(error) => return Some(Finding::damaged(&part, error.to_string())),
    };
    if verdict.is_bad() {
        return Some(Finding::damaged(&part, verdict.sentence(&view.name)));
    }
    let table = table?;
    Some(match table.counted() {
        Ok((files, rows)) => {
            let summed = view.known.manifest.iter().flat_map(|known| known.files.values());
            let summed = summed.filter(|file| file.checksum.is_some()).count();
            let rest = files.saturating_sub(summed);
            let unknown =
                if rest > 0 { format!("; of {rest} files only sizes and rows are known") } else { String::new() };
            Finding::sound(&part, format!("{files} files, {rows} rows{unknown}"))
        }
        Err(error) => Finding::damaged(&part, error.to_string()),
    })
}

fn online(dir: &Path, views: &[Written]) -> Vec<Finding> {
    let part = "online";
    let path = dir.join(part);
    let wanted = views.iter().filter(|view| !view.coverage.online.is_empty());
    if !path.exists() {
        let lost: Vec<&str> = wanted.map(|view| view.name.as_str()).collect();
        let text = format!("it is gone, and jobs wrote {}: materialize them again with overwrite", lost.join(", "));
        return if lost.is_empty() { Vec::new() } else { vec![Finding::damaged(part, text)] };
    }
    let store = match OnlineStore::open(&path) {
        Ok(store) => store,
        Err(error) => return vec![Finding::damaged(part, error.to_string())],
    };
    let mut found = vec![match store.read_all() {
        Ok(entries) => Finding::sound(part, format!("{entries} entries")),
        Err(error) => Finding::damaged(part, error.to_string()),
    }];
    for view in wanted {
        let part = format!("online, {}/{}", view.workspace, view.name);
        match store.windows(view.id) {
            Ok(there) => {
                let missing: Vec<Window> =
                    view.coverage.online.iter().flat_map(|window| window.without(&there)).collect();
                if !missing.is_empty() {
                    let text = format!("it lacks {}: materialize again with overwrite", print_windows(&missing));
                    found.push(Finding::damaged(&part, text));
                }
            }
            Err(error) => found.push(Finding::damaged(&part, error.to_string())),
        }
    }
    found
}

fn datasets(dir: &Path) -> Vec<Finding> {
    let root = dir.join("datasets");
    let datasets = Datasets::at(root.clone());
    let workspaces = std::fs::read_dir(&root).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for workspace in workspaces.filter_map(|entry| entry.file_name().into_string().ok()) {
        let part = |name: &str| format!("datasets/{workspace}/{name}");
        let list = match datasets.list(&workspace) {
            Ok(list) => list,
            Err(error) => {
                found.push(Finding::damaged(&part(""), error.to_string()));
                continue;
            }
        };
        found
            .extend(list.damaged.iter().map(|damaged| Finding::damaged(&part(&damaged.name), damaged.problem.clone())));
        for dataset in &list.datasets {
            found.push(match datasets.read(&workspace, &dataset.name) {
                Ok(rows) => Finding::sound(&part(&dataset.name), format!("{} rows", rows.height())),
                Err(super::datasets::DatasetError::Unwritten { .. }) => {
                    Finding::sound(&part(&dataset.name), "no rows yet")
                }
                Err(error) => Finding::damaged(&part(&dataset.name), error.to_string()),
            });
        }
    }
    found
}
