//! The batch side of a stream that has no files: what is kept of it, Parquet files by event time that a manifest names.
//!
//! Here are the manifest and its reading; `stream/keeper.rs` writes both. Whoever reads files holds the manifest that
//! names them, and no file that a held manifest names is removed. It must not write anything.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::files;
use super::position::Position;
use crate::model::clean;
use crate::model::time::{from_micros, micros, print_span, print_time};
use crate::model::{Time, Window};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{DataFile, Kept, Source};

/// Name of the manifest's file in the folder.
pub(crate) const MANIFEST: &str = "kept.json";
/// The form of the manifest that is written.
const FORMAT: u32 = 1;

/// One file of what is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptFile {
    /// Its name in the folder.
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub checksum: u64,
    /// What tells its columns and types from others.
    pub columns: u64,
    /// The least event time in it, microseconds since 1970.
    pub least: i64,
    /// The greatest event time in it, microseconds since 1970.
    pub greatest: i64,
    /// The last commit that brought events of it.
    pub commit: u64,
}

impl KeptFile {
    /// The least window that holds its events.
    pub(crate) fn covers(&self) -> Window {
        Window { start: from_micros(self.least), end: from_micros(self.greatest.saturating_add(1)) }
    }
}

/// What became of the events since keeping began: `read = kept + refused + deduplicated + outdated`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    pub read: u64,
    /// Written into files, whatever became of these.
    pub kept: u64,
    /// Records of which no event could be made: views that read them quarantine them.
    pub refused: u64,
    /// Events that had come before.
    pub deduplicated: u64,
    /// Events of a time of which nothing is kept any more.
    pub outdated: u64,
    /// Events that the stream itself did not keep until they were read; not among those that were read.
    pub expired: u64,
    /// Of those kept, how many have been removed for their age.
    pub removed: u64,
}

impl Counts {
    /// Adds the counts of what came since to these.
    pub(crate) fn add(&mut self, more: &Self) {
        self.read += more.read;
        self.kept += more.kept;
        self.refused += more.refused;
        self.deduplicated += more.deduplicated;
        self.outdated += more.outdated;
        self.expired += more.expired;
        self.removed += more.removed;
    }
}

/// What is kept of a stream, and how far the stream was read for it: they change together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// The number of the commit that wrote it.
    pub commit: u64,
    /// Exactly the events before this place are in the files.
    pub position: Position,
    /// When keeping began, by the platform's clock.
    pub began: Time,
    /// The least event time that ever came.
    pub oldest: Option<Time>,
    /// The instant before which nothing is kept any more.
    pub gone: Option<Time>,
    pub counts: Counts,
    /// Of events of one time those that came first stand in the earlier file, or earlier in it.
    pub files: Vec<KeptFile>,
}

/// The manifest as it is written. A later release may say more.
#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    /// The name of the source, for people.
    source: String,
    commit: u64,
    position: String,
    began: i64,
    oldest: Option<i64>,
    gone: Option<i64>,
    counts: Counts,
    files: Vec<KeptFile>,
}

/// What the manifests of all releases have in common.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

impl Manifest {
    /// That of a stream of which nothing was read.
    pub(crate) fn new(began: Time) -> Self {
        let (position, counts) = (Position::default(), Counts::default());
        Self { commit: 0, position, began, oldest: None, gone: None, counts, files: Vec::new() }
    }

    /// The text of its file.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(crate) fn encode(&self, source: &str) -> serde_json::Result<String> {
        let written = Written {
            format: FORMAT,
            source: source.to_owned(),
            commit: self.commit,
            position: STANDARD.encode(self.position.encode()),
            began: micros(self.began),
            oldest: self.oldest.map(micros),
            gone: self.gone.map(micros),
            counts: self.counts,
            files: self.files.clone(),
        };
        serde_json::to_string(&written).map(|text| text + "\n")
    }

    /// The manifest behind the text of a file.
    ///
    /// # Errors
    /// When it is damaged or of a later release: what it is, for a sentence that begins with the file.
    pub(crate) fn decode(text: &str) -> Result<Self, String> {
        let damaged = |error: &dyn std::fmt::Display| {
            format!("is damaged ({}): put it back from a copy", clean(&error.to_string()))
        };
        let form: Form = serde_json::from_str(text).map_err(|error| damaged(&error))?;
        if form.format == 0 || form.format > FORMAT {
            return Err(format!(
                "has format {}, and this release ({}) knows formats up to {FORMAT}: start the release that wrote it or \
                 a later one",
                form.format,
                env!("CARGO_PKG_VERSION")
            ));
        }
        let written: Written = serde_json::from_str(text).map_err(|error| damaged(&error))?;
        let position = STANDARD.decode(&written.position).map_err(|error| damaged(&error))?;
        if let Some(file) = written.files.iter().find(|file| !is_file_name(&file.name)) {
            return Err(damaged(&format!("it names the file {:?}", file.name)));
        }
        Ok(Self {
            commit: written.commit,
            position: Position::decode(&position).map_err(|problem| damaged(&format!("its places are {problem}")))?,
            began: from_micros(written.began),
            oldest: written.oldest.map(from_micros),
            gone: written.gone.map(from_micros),
            counts: written.counts,
            files: written.files,
        })
    }

    /// The files that may hold events of the window; absent for all.
    pub(crate) fn files_of(&self, window: Option<Window>) -> impl Iterator<Item = &KeptFile> {
        self.files.iter().filter(move |file| window.is_none_or(|window| file.covers().overlaps(&window)))
    }

    /// The events that the files hold.
    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// The event time from which on something is kept.
    pub(crate) fn since(&self) -> Time {
        let first = self.oldest.map_or(self.began, |oldest| oldest.min(self.began));
        self.gone.map_or(first, |gone| gone.max(first))
    }

    /// Why a window of event times cannot be computed: part of it is kept no longer, or it was over before anything
    /// was kept. One without a beginning asks for whatever there is.
    fn refusal(&self, source: &Source, window: Window, has_beginning: bool) -> Option<String> {
        let name = &source.name;
        if let Some(gone) = self.gone.filter(|gone| has_beginning && window.start < *gone) {
            let history = source.kept.as_ref().and_then(|kept| kept.history);
            let rule = history.map_or(String::new(), |history| format!(" (`history = \"{}\"`)", print_span(history)));
            return Some(format!(
                "source {name}: its events are kept since {}{rule}, and {} to {} begins earlier: what is gone cannot \
                 be computed again. Ask for a time from then on; what is materialized of earlier ones stays as it is",
                print_time(gone),
                print_time(window.start),
                print_time(window.end)
            ));
        }
        let since = self.since();
        (window.end <= since).then(|| {
            format!(
                "source {name}: its events are kept since {}, and the time asked for ends at {}, before that. Ask for \
                 a later one, or send the events of that time to the stream first",
                print_time(since),
                print_time(window.end)
            )
        })
    }
}

/// A name that a file of what is kept may have: nothing that leads out of the folder.
fn is_file_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    name.ends_with(".parquet") && !name.starts_with('.') && name.bytes().all(plain)
}

/// The manifest of a folder on disk; nothing where nothing was ever kept.
///
/// # Errors
/// A sentence: when it cannot be read, is damaged or of a later release, or is gone while its files are there.
pub(crate) fn load(folder: &Path) -> Result<Option<Manifest>, String> {
    let path = folder.join(MANIFEST);
    let shown = path.display();
    match fs::read_to_string(&path) {
        Ok(text) => Manifest::decode(&text).map(Some).map_err(|problem| format!("{shown} {problem}")),
        Err(error) if error.kind() == Io::NotFound => match data_files(folder) {
            Ok(files) if files.is_empty() => Ok(None),
            Ok(_) => Err(format!(
                "{shown} is gone, though its files are there: without it nobody knows which of them count. Put it back \
                 from a copy; to begin anew, move the folder away"
            )),
            Err(error) => Err(format!("{} cannot be listed: {error}", folder.display())),
        },
        Err(error) => Err(format!("{shown} cannot be read: {error}")),
    }
}

/// The data files in a folder, whether a manifest names them or not; none where there is no folder.
pub(crate) fn data_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == Io::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let ours = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(is_file_name);
    Ok(paths.into_iter().filter(ours).collect())
}

/// What the keeper of a stream tells the rest of the process.
#[derive(Clone)]
struct Published {
    manifest: Arc<Manifest>,
    /// All that had arrived by then is kept.
    until: Option<Time>,
    /// Somebody waits for what had arrived by then.
    wanted: Option<Time>,
    trouble: Option<String>,
}

/// By folder. In memory, so that a reader and whoever removes files agree about which manifest is read.
static PUBLISHED: LazyLock<Mutex<HashMap<PathBuf, Published>>> = LazyLock::new(Mutex::default);

fn published() -> MutexGuard<'static, HashMap<PathBuf, Published>> {
    PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a manifest that is on disk the one that is read from now on.
pub(crate) fn publish(folder: &Path, manifest: &Arc<Manifest>) {
    let mut all = published();
    let new = || Published { manifest: Arc::clone(manifest), until: None, wanted: None, trouble: None };
    all.entry(folder.to_owned()).or_insert_with(new).manifest = Arc::clone(manifest);
}

/// Tells up to when all that had arrived is kept, where that is another instant now, and what troubles the keeper.
pub(crate) fn tell(folder: &Path, until: Option<Time>, trouble: Option<&str>) {
    if let Some(state) = published().get_mut(folder) {
        (state.until, state.trouble) = (until.or(state.until), trouble.map(str::to_owned));
    }
}

/// The keeper has ended: what is kept is read from disk again.
pub(crate) fn withdraw(folder: &Path) {
    published().remove(folder);
}

/// The instant up to which somebody waits for events to be kept.
pub(crate) fn wanted(folder: &Path) -> Option<Time> {
    published()
        .get(folder)
        .and_then(|state| state.wanted.filter(|wanted| state.until.is_none_or(|until| until < *wanted)))
}

/// The instant up to which all that had arrived is kept; absent where nobody can tell.
pub(crate) fn until(kept: &Kept) -> Option<Time> {
    published().get(&kept.folder)?.until
}

/// Whether all that had arrived at that instant is kept. Where it is not, the keeper hurries.
pub(crate) fn has_all_until(kept: &Kept, at: Time) -> bool {
    let mut all = published();
    let Some(state) = all.get_mut(&kept.folder) else { return false };
    let has = state.until.is_some_and(|until| at <= until);
    if !has {
        state.wanted = state.wanted.max(Some(at));
    }
    has
}

/// The present manifest of a source whose stream is kept.
///
/// # Errors
/// Of kind `Source` when there is none, or it cannot be read.
pub(crate) fn current(source: &Source, kept: &Kept) -> Result<Arc<Manifest>, EngineError> {
    if let Some(state) = published().get(&kept.folder) {
        return Ok(Arc::clone(&state.manifest));
    }
    let failed = |problem: String| EngineError {
        kind: ErrorKind::Source,
        message: format!("source {}: what is kept of its stream cannot be read: {problem}", source.name),
    };
    if kept.folder.as_os_str().is_empty() {
        return Err(failed("the repository is read without a data directory. Ask a platform that runs".to_owned()));
    }
    let loaded = load(&kept.folder).map_err(&failed)?;
    let none = || failed(format!("nothing is in {} yet. Start the platform on it", kept.folder.display()));
    loaded.map(Arc::new).ok_or_else(none)
}

/// The files of a manifest, in its order.
pub(super) fn listed(kept: &Kept, manifest: &Manifest) -> Vec<DataFile> {
    let file = |file: &KeptFile| DataFile { covers: Some(file.covers()), ..DataFile::at(kept.folder.join(&file.name)) };
    manifest.files.iter().map(file).collect()
}

/// Refuses a window of event times of which something is not kept any more, or that was over before anything was kept.
/// For a source with files there is nothing to refuse.
///
/// # Errors
/// Of kind `Arguments`; as [`current`].
pub(crate) fn check(source: &Source, window: Window, has_beginning: bool) -> Result<(), EngineError> {
    let Some(kept) = &source.kept else { return Ok(()) };
    let refusal = current(source, kept)?.refusal(source, window, has_beginning);
    refusal.map_or(Ok(()), |message| Err(EngineError { kind: ErrorKind::Arguments, message }))
}

/// The events of a window that are kept.
///
/// # Errors
/// When a file that lies partly in the window cannot be read.
pub(crate) fn rows_in(source: &Source, kept: &Kept, manifest: &Manifest, window: Window) -> Result<u64, EngineError> {
    let Some(time) = &source.timestamp_column else { return Ok(0) };
    let mut rows = 0;
    for file in manifest.files_of(Some(window)) {
        let covers = file.covers();
        if window.start <= covers.start && covers.end <= window.end {
            rows += file.rows;
            continue;
        }
        let data = DataFile::at(kept.folder.join(&file.name));
        rows += files::guarded(source, &data, || {
            files::count(files::columns(source, &data, std::slice::from_ref(time), Some(window))?)
        })?;
    }
    Ok(rows)
}

/// What is kept of a source's stream, in a sentence for people without its end; nothing for a source with files.
pub(crate) fn sentence(source: &Source) -> Option<String> {
    let kept = source.kept.as_ref()?;
    let manifest = match current(source, kept) {
        Ok(manifest) => manifest,
        Err(error) => return Some(error.message),
    };
    let (until, trouble) =
        published().get(&kept.folder).map(|state| (state.until, state.trouble.clone())).unwrap_or_default();
    let until = until.map_or(String::new(), |until| format!(", all that had arrived by {}", print_time(until)));
    let mut parts = vec![format!(
        "{} events in {} files, since {}{until}",
        manifest.rows(),
        manifest.files.len(),
        print_time(manifest.since())
    )];
    let Counts { refused, deduplicated, outdated, expired, .. } = manifest.counts;
    for (count, what) in [
        (outdated, "not kept, for they came when events of their time were kept no longer"),
        (refused, "not kept, for no event could be made of the record"),
        (deduplicated, "left out, for they had come before"),
        (expired, "lost, for the stream did not keep them until they were read"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.extend(trouble.map(|trouble| format!("nothing is kept for now: {trouble}")));
    Some(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::platform::testing;

    fn at(hour: i64) -> Time {
        testing::now() + Span::hours(hour)
    }

    fn window(from: i64, to: i64) -> Window {
        Window { start: at(from), end: at(to) }
    }

    fn manifest() -> Manifest {
        let file = |name: &str, from: i64, to: i64| KeptFile {
            name: format!("{name}.parquet"),
            rows: 3,
            bytes: 1_000,
            checksum: u64::MAX,
            columns: 1,
            least: micros(at(from)),
            greatest: micros(at(to)),
            commit: 7,
        };
        let counts = Counts { read: 9, kept: 6, refused: 1, deduplicated: 1, outdated: 1, expired: 4, removed: 0 };
        let files = vec![file("a", 0, 1), file("b", 2, 3)];
        Manifest { commit: 7, oldest: Some(at(-5)), gone: Some(at(-2)), counts, files, ..Manifest::new(at(0)) }
    }

    #[test]
    fn a_manifest_survives_its_text_and_a_later_or_damaged_one_is_refused_in_words() {
        let made = manifest();
        let text = made.encode("clicks").unwrap();
        assert_eq!(Manifest::decode(&text), Ok(made));
        let later = Manifest::decode(&text.replace("\"format\":1", "\"format\":2")).unwrap_err();
        assert!(later.contains("has format 2") && later.contains("knows formats up to 1"), "{later}");
        for wrong in ["", "{}", &text[..text.len() / 2], &text.replace("a.parquet", "../a.parquet")] {
            assert!(Manifest::decode(wrong).unwrap_err().starts_with("is damaged"), "{wrong}");
        }
    }

    #[test]
    fn the_files_of_a_window_are_told_by_the_manifest_alone() {
        let made = manifest();
        let of = |from, to| made.files_of(Some(window(from, to))).map(|file| file.name.clone()).collect::<Vec<_>>();
        assert_eq!(of(1, 2), ["a.parquet"]);
        assert_eq!(of(1, 3), ["a.parquet", "b.parquet"]);
        assert_eq!(of(4, 9), Vec::<String>::new());
        assert_eq!(made.rows(), 6);
    }

    #[test]
    fn what_is_not_kept_any_more_is_refused_and_never_computed_as_empty() {
        let view = testing::view("v");
        let source = &view.inputs[0].source;
        let made = manifest();
        let refusal = |from, to| made.refusal(source, window(from, to), true);
        assert_eq!(refusal(-2, 1), None);
        assert_eq!(refusal(5, 6), None, "of a time that may still come");
        let sentence = refusal(-3, 1).unwrap();
        assert!(sentence.contains("source flights") && sentence.contains(&print_time(at(-2))), "{sentence}");
        assert!(sentence.contains("what is materialized of earlier ones stays"), "{sentence}");
        assert_eq!(made.refusal(source, window(-9, 1), false), None, "all there is");
        // Before anything was kept: where keeping began, or the oldest event.
        let young = Manifest { gone: None, ..made.clone() };
        assert_eq!(young.refusal(source, window(-6, -4), true), None);
        assert!(young.refusal(source, window(-6, -5), true).unwrap().contains("send the events of that time"));
    }

    #[test]
    fn a_folder_that_lost_its_manifest_is_not_taken_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()), Ok(None));
        assert_eq!(load(&folder.path().join("none")), Ok(None));
        fs::write(folder.path().join("a.parquet"), "").unwrap();
        assert!(load(folder.path()).unwrap_err().contains("is gone, though its files are there"));
    }
}
