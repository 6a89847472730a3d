//! What the files of a source hold of a window, so that events which came after a job can be told.
//!
//! It stats files and counts rows by their time; it must not compute anything of them.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::model::{Time, Window};
use crate::platform::compute::EngineError;
use crate::platform::definition::{Source, View};
use crate::platform::source::files;

/// The state of a file on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileState {
    pub bytes: i64,
    /// When its content was last changed, nanoseconds since 1970.
    pub modified: i64,
    /// When it was last changed in any way, also moved here or copied with its old times, nanoseconds since 1970.
    pub changed: i64,
}

impl FileState {
    /// The state of a file that is there.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        let nanos = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Some(Self {
            bytes: found.len().cast_signed(),
            modified: nanos(found.mtime(), found.mtime_nsec()),
            changed: nanos(found.ctime(), found.ctime_nsec()),
        })
    }
}

/// The source whose events a view's rows are made of by their time, and the events' times for rows of `window`; nothing
/// for views that read their first input whole.
pub(crate) fn source_of(view: &View, window: Window) -> Option<(&Source, Window)> {
    let source = &view.inputs.first()?.source;
    source.timestamp_column.as_ref()?;
    Some((source, view.source_window(window)?))
}

/// The files of a source that may hold events of the window.
///
/// # Errors
/// When what is kept of a stream cannot be told.
pub(crate) fn files(source: &Source, window: Window, now: Time) -> Result<Vec<PathBuf>, EngineError> {
    let mut seen = HashSet::new();
    let parts = files::parts(source, Some(window), now)?.into_iter().map(|part| part.data.path);
    Ok(parts.filter(|path| seen.insert(path.clone())).collect())
}

/// The events of a window that a file holds and that have arrived by `now`.
pub(crate) fn rows_in(source: &Source, path: &Path, window: Window, now: Time) -> Result<u64, EngineError> {
    let Some(time) = &source.timestamp_column else { return Ok(0) };
    let mut rows = 0;
    for part in files::parts(source, Some(window), now)?.iter().filter(|part| part.data.path == path) {
        let count = || files::count(files::lazy(source, part, std::slice::from_ref(time), false)?);
        rows += files::guarded(source, &part.data, count)?;
    }
    Ok(rows)
}
