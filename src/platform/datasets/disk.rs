//! The folders of datasets: made whole under another name, then renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::outside;
use crate::platform::compute::Cause;
use crate::platform::private;
use crate::wire::parquet;
use crate::wire::queries::{Dataset, is_plain_name};

const DESCRIPTION: &str = "dataset.json";
/// How the name of a folder begins that is being made. No dataset's name begins so.
const NEW: &str = ".new-";
/// How the name of a folder begins that was archived.
const ARCHIVED: &str = ".archived-";
/// The folder that a client writes the rows to, beside the description. It is not made here: Spark wants to make it
/// itself.
const ROWS: &str = "rows";

/// A description as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Description {
    /// Name of the Parquet file, or of the folder that a client writes.
    pub(super) file: String,
    /// Whether a client writes the rows.
    #[serde(default)]
    pub(super) by_client: bool,
    #[serde(flatten)]
    pub(super) dataset: Dataset,
}

/// Why a dataset was not made.
pub(super) enum Problem {
    /// Another one has the name.
    Taken,
    Other(Cause),
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Removes the folders that were being made when the process before this one ended: those that have a name which only
/// [`make`] gives, and nothing in them but what it puts there.
pub(super) fn clear(root: &Path) -> io::Result<()> {
    for workspace in entries(root)? {
        let folder = root.join(workspace);
        for name in entries(&folder)? {
            if is_half_made(&folder, &name) {
                // What stays is harmless: it is never listed.
                let _ = fs::remove_dir_all(folder.join(name));
            }
        }
    }
    Ok(())
}

fn is_half_made(workspace: &Path, name: &str) -> bool {
    let unique = |text: &str| Uuid::try_parse(text).is_ok();
    let ours = |name: &str| name == DESCRIPTION || name.strip_suffix(".parquet").is_some_and(unique);
    let folder = workspace.join(name);
    name.strip_prefix(NEW).is_some_and(unique)
        && !folder.is_symlink()
        && fs::read_dir(folder).is_ok_and(|mut listed| {
            listed.all(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(ours)))
        })
}

/// The names of the datasets in a workspace's folder, sorted.
pub(super) fn names(workspace: &Path) -> io::Result<Vec<String>> {
    let mut names = entries(workspace)?;
    names.retain(|name| is_plain_name(name));
    names.sort_unstable();
    Ok(names)
}

/// The names of the folders in a folder; one that is not there has none.
fn entries(folder: &Path) -> io::Result<Vec<String>> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry?;
        if entry.path().is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

/// The description in a dataset's folder, once it is found sound; else the file at fault and what is wrong with it.
pub(super) fn read(folder: &Path) -> Result<Description, (PathBuf, Cause)> {
    let path = folder.join(DESCRIPTION);
    let text = fs::read(&path).map_err(|error| (path.clone(), error.into()))?;
    let description: Description = serde_json::from_slice(&text).map_err(|error| (path.clone(), error.into()))?;
    if !is_plain_name(&description.file) {
        return Err((path, "it names no file beside it".into()));
    }
    let rows = folder.join(&description.file);
    if description.by_client {
        return measured(description, rows);
    }
    let found = fs::metadata(&rows).map_err(|error| (rows.clone(), error.into()))?.len();
    let stated = description.dataset.bytes;
    if found != stated {
        return Err((rows, format!("it has {found} bytes where its description says {stated}").into()));
    }
    Ok(description)
}

/// The description with what the files of a client hold now.
fn measured(mut description: Description, rows: PathBuf) -> Result<Description, (PathBuf, Cause)> {
    let size = outside::size(&rows).map_err(|problem| (rows, problem.into()))?;
    (description.dataset.rows, description.dataset.bytes) = (size.rows, size.bytes);
    Ok(description)
}

/// Makes the folder of a dataset with its rows and its description; without rows, for a client that is to write them.
/// Whole and on disk when this returns, else not there. Gives the description with the bytes filled in.
pub(super) fn make(folder: &Path, rows: Option<&DataFrame>, dataset: Dataset) -> Result<Dataset, Problem> {
    let workspace = folder.parent().ok_or_else(|| Problem::Other("it has no folder to be in".into()))?;
    if !workspace.is_dir() {
        fs::create_dir_all(workspace)?;
        private::settle(workspace)?;
    }
    let new = workspace.join(format!("{NEW}{}", Uuid::new_v4()));
    let made = fill(&new, rows, dataset).and_then(|dataset| {
        // Fails where a folder of that name is, unless it is empty and thus no dataset.
        match fs::rename(&new, folder) {
            Ok(()) => Ok(dataset),
            Err(_) if folder.symlink_metadata().is_ok() => Err(Problem::Taken),
            Err(error) => Err(error.into()),
        }
    });
    match made {
        Ok(dataset) => {
            File::open(workspace)?.sync_all()?;
            Ok(dataset)
        }
        Err(problem) => {
            let _ = fs::remove_dir_all(&new);
            Err(problem)
        }
    }
}

/// Takes a dataset's folder out of the way, its rows kept; on disk when this returns.
pub(super) fn archive(folder: &Path, name: &str) -> io::Result<()> {
    let workspace = folder.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::rename(folder, workspace.join(format!("{ARCHIVED}{name}-{}", Uuid::new_v4())))?;
    File::open(workspace)?.sync_all()
}

fn fill(folder: &Path, rows: Option<&DataFrame>, mut dataset: Dataset) -> Result<Dataset, Problem> {
    fs::create_dir(folder)?;
    if rows.is_some() {
        private::settle(folder)?
    } else {
        private::settle_open(folder)?
    }
    let mut file = ROWS.to_owned();
    if let Some(rows) = rows {
        file = format!("{}.parquet", Uuid::new_v4());
        let out = File::create_new(folder.join(&file))?;
        private::settle(&folder.join(&file))?;
        // Columns are shared: this copies no rows.
        parquet::writer(&out, rows)?.finish(&mut rows.clone())?;
        out.sync_all()?;
        dataset.bytes = out.metadata()?.len();
    }
    let description = Description { file, by_client: rows.is_none(), dataset };
    let mut out = File::create_new(folder.join(DESCRIPTION))?;
    private::settle(&folder.join(DESCRIPTION))?;
    out.write_all(&serde_json::to_vec_pretty(&description)?)?;
    out.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(description.dataset)
}
