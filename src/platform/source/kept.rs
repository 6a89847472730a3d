//! What is kept of a stream: Parquet files by event time, the batch side of a source that has no other.
//!
//! It says which files there are; it must not write any, nor read events.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{DataFile, Kept, Source};

/// All files that are kept of a source's stream, sorted by path; none before the first is written.
///
/// # Errors
/// When the folder cannot be listed.
pub(crate) fn files(source: &Source, kept: &Kept) -> Result<Vec<DataFile>, EngineError> {
    let mut found = Vec::new();
    list(&kept.folder, &mut found).map_err(|(folder, error)| EngineError {
        kind: ErrorKind::Source,
        message: format!(
            "source {}: the folder {} of what is kept of its stream cannot be listed: {error}. Correct its permissions",
            source.name,
            folder.display()
        ),
    })?;
    found.sort();
    let within: Arc<[PathBuf]> = Arc::from([]);
    Ok(found.into_iter().map(|path| DataFile { within: Arc::clone(&within), ..DataFile::at(path) }).collect())
}

/// The Parquet files below a folder. Names that begin with `.` or `_` are still being written.
fn list(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, std::io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() {
            list(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    Ok(())
}
