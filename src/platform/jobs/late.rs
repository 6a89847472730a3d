//! Events that came after the job of their window had read its files: they never reach the stores by themselves.
//!
//! Each job keeps which files it read, with their size, time and rows of its window. A file that is new or another
//! since is counted again, by event time; what it holds more is late. Where that would take long, the files are named
//! alone. A file that holds as many events of a window as before is taken for unchanged there.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::clean::first_few;
use crate::model::time::{joined, print_windows, rfc3339};
use crate::model::{Id, Time, Window};
use crate::platform::definition::View;
use crate::platform::source::arrivals::{self, FileState};

use super::attempt_log::grouped;
use super::error::TableError;
use super::rows::{ReadFile, WindowRead};
use super::{Jobs, kept};

/// By how much the clock of a file system may lag behind the machine's, nanoseconds.
const LAG: i64 = 20_000_000;
/// Counts that one look makes; of more, files are named alone.
pub(super) const MOST_COUNTS: usize = 200;
/// Bytes of a file that is counted.
const MOST_BYTES: i64 = 1 << 30;
/// Files of one window whose rows are counted when a job reads it.
const MOST_FILES: usize = 200;

/// Events that came after the job of their window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Late {
    /// The windows that are to be written again, in the order of time.
    pub windows: Vec<Window>,
    /// The events that are counted.
    pub rows: u64,
    /// Files that hold more events than were read, or fewer.
    pub files: BTreeSet<String>,
    /// Files that are new or another and were not counted.
    pub uncounted: BTreeSet<String>,
}

impl Late {
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// What came late and what to do, in a sentence.
    pub fn sentence(&self, view: &View) -> Option<String> {
        let (first, last) = self.windows.first().zip(self.windows.last())?;
        let list = |files: &BTreeSet<String>| first_few(&files.iter().cloned().collect::<Vec<_>>());
        let mut parts = Vec::new();
        if !self.files.is_empty() {
            let rows = match self.rows {
                0 => "fewer events than were read".to_owned(),
                1 => "1 event that came after its job".to_owned(),
                rows => format!("{} events that came after their jobs", grouped(rows)),
            };
            parts.push(format!("{rows}, in {}", list(&self.files)));
        }
        if !self.uncounted.is_empty() {
            parts.push(format!(
                "files that are new or another since their jobs and not counted: {}",
                list(&self.uncounted)
            ));
        }
        let stores = [(view.online, " --online"), (view.offline, " --offline")];
        let stores: String = stores.iter().filter(|(has, _)| *has).map(|(_, word)| *word).collect();
        Some(format!(
            "{}. The stores do not have them; of {}, write them again (`fvtop jobs trigger {} --start {} --end {}{stores} --overwrite`)",
            parts.join("; "),
            print_windows(&self.windows),
            view.name,
            rfc3339(first.start),
            rfc3339(last.end),
        ))
    }
}

/// The present by the clock that file systems have.
fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// What a job is about to read for a window; nothing for a view whose rows do not come of events by their time.
pub(crate) fn about_to_read(view: &View, window: Window, now: Time) -> Option<WindowRead> {
    let at = wall();
    let (source, events) = arrivals::source_of(view, window)?;
    if let Some(kept) = &source.kept {
        return kept::about_to_read((source, kept), window, events, at);
    }
    let paths = arrivals::files(source, events, now).ok()?;
    let counted = paths.len() <= MOST_FILES;
    let file = |path: &std::path::Path| {
        let state = FileState::of(path)?;
        let rows = || arrivals::rows_in(source, path, events, now).ok().and_then(|rows| i64::try_from(rows).ok());
        let rows = if counted && state.bytes <= MOST_BYTES { rows() } else { None };
        // What held nothing is known by its absence.
        (rows != Some(0)).then(|| ReadFile {
            path: path.display().to_string(),
            bytes: state.bytes,
            modified: state.modified,
            rows,
        })
    };
    Some(WindowRead { window, at, files: paths.iter().filter_map(|path| file(path)).collect() })
}

/// A file, of which the events of a view's window are counted.
type Counted = (Id, Window, PathBuf);

/// Counts that were made: they hold while the file is the same.
#[derive(Default)]
pub(crate) struct Counts(Mutex<HashMap<Counted, (FileState, u64)>>);

impl Counts {
    /// A count that was made of a file in that state; else it is made now, where some are `left`, and holds from then
    /// on.
    pub(super) fn of(
        &self,
        key: Counted,
        state: FileState,
        left: &mut usize,
        count: impl FnOnce() -> Option<u64> + Send,
    ) -> Option<u64> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rows)) = known().get(&key).filter(|(of, _)| *of == state) {
            return Some(*rows);
        }
        *left = left.checked_sub(1)?;
        // A thread of its own: whoever asks may be one of an async runtime.
        let rows = std::thread::scope(|scope| scope.spawn(count).join().ok().flatten())?;
        known().insert(key, (state, rows));
        Some(rows)
    }
}

impl Jobs {
    /// The events of a view that came after the jobs of their windows.
    ///
    /// # Errors
    /// When the job table fails.
    pub fn late(&self, view: &View) -> Result<Late, TableError> {
        let mut late = Late::default();
        let Some(source) = view.inputs.first().map(|input| &input.source).filter(|_| view.live) else {
            return Ok(late);
        };
        if let Some(kept) = kept::input(view) {
            return self.late_in_kept(view, kept);
        }
        let now = self.now();
        let mut left = MOST_COUNTS;
        for data in &source.files {
            let Some(state) = FileState::of(&data.path) else { continue };
            let path = data.path.display().to_string();
            for window in self.table.read(|rows| rows.read_before(view.id, state.changed + LAG))? {
                let Some((source, events)) = arrivals::source_of(view, window) else { continue };
                if source.replay.is_none() && data.covers.is_some_and(|covers| !covers.overlaps(&events)) {
                    continue;
                }
                let known = self.table.read(|rows| rows.read_file(view.id, window, &path))?;
                if known.as_ref().is_some_and(|known| (known.bytes, known.modified) == (state.bytes, state.modified)) {
                    continue;
                }
                let before = known.as_ref().map_or(Some(0), |known| known.rows);
                let mut count = || self.count(view, source, (window, events), (&data.path, state), now, &mut left);
                match before.and_then(|before| Some((before, count()?))) {
                    // As many as then: what else was written into the file is of other windows.
                    Some((before, found)) if before.unsigned_abs() == found => continue,
                    Some((before, found)) => {
                        late.rows += found.saturating_sub(before.unsigned_abs());
                        late.files.insert(path.clone());
                    }
                    None => {
                        late.uncounted.insert(path.clone());
                    }
                }
                late.windows.push(window);
            }
        }
        late.windows = joined(late.windows);
        Ok(late)
    }

    /// The events of a window that a file holds now; nothing where counting would take long or fails.
    fn count(
        &self,
        view: &View,
        source: &crate::platform::definition::Source,
        (window, events): (Window, Window),
        (path, state): (&PathBuf, FileState),
        now: Time,
        left: &mut usize,
    ) -> Option<u64> {
        let count = || if state.bytes > MOST_BYTES { None } else { arrivals::rows_in(source, path, events, now).ok() };
        self.counts.of((view.id, window, path.clone()), state, left, count)
    }
}
