//! Keeps what is read of streams that have no files, as Parquet files by event time: the batch side of their sources.
//!
//! How far a stream was read and which files hold the events change in one write, that of a small manifest
//! (`source/kept.rs`): files first, then the manifest in the place of the old one, all of it on disk. So after a crash
//! at any instruction the files that the manifest names hold the events before its position, each once; what else lies
//! in the folder is removed. It must not look at views.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use polars::prelude::*;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::time::{floor, from_micros, span_micros};
use crate::model::{Span, Time, foreign};
use crate::platform::clock::{Cautious, Clock, backoff, pause};
use crate::platform::compute::panic_text;
use crate::platform::definition::{Kept, Source as Definition};
use crate::platform::offline::Summed;
use crate::platform::source::StreamSource;
use crate::platform::source::kept::{self, Counts, KeptFile, Manifest};
use crate::platform::source::position::{BATCH, Batch, Position};
use crate::platform::source::readers::Readers;
use crate::platform::{frame, private};
use crate::wire::parquet;

mod remembered;

use remembered::Remembered;

/// How often streams are read when they are caught up.
const TICK: Duration = Duration::from_millis(500);
/// Files that one commit writes at most: events of more days than that share files.
const MOST_DAYS: usize = 16;
/// How often old events are removed and the small files of past days joined.
const UPKEEP_EVERY: Duration = Duration::from_secs(600);

/// When what was read is written, and which files are joined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes in memory that are written at once.
    pub bytes: usize,
    /// How long an event waits at most to be written.
    pub age: Span,
    /// As many small files of a day, of about one size, are joined.
    pub run: usize,
    /// Bytes of a file that is large enough.
    pub large: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 16 << 20, age: Span::seconds(10), run: 8, large: 32 << 20 }
    }
}

/// What was read and is in no file yet.
#[derive(Default)]
struct Pending {
    events: Option<DataFrame>,
    bytes: usize,
    /// What became of the events that were read since the last commit.
    counts: Counts,
    /// When the first of them was read, by the steady clock.
    since: Option<Time>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.counts == Counts::default()
    }
}

/// Keeps the stream of one source.
pub(crate) struct Keeper {
    source: Arc<Definition>,
    kept: Kept,
    time: String,
    clock: Clock,
    limits: Limits,
    /// What is removed by a wrong clock would be gone for good.
    present: Cautious,
    manifest: Arc<Manifest>,
    /// How far the stream was read: beyond the manifest's place by what is pending.
    position: Position,
    pending: Pending,
    /// What was kept already, where the stream says what makes two events one.
    remembered: Option<Remembered>,
    /// All that had arrived by then was read.
    until: Option<Time>,
    /// Manifests of the past, oldest first, each with the files that its successor names no more. They go once nobody
    /// holds a manifest as old as that.
    past: VecDeque<(Weak<Manifest>, Vec<PathBuf>)>,
    /// Files of commits of which nobody can tell whether they failed.
    unsure: Vec<PathBuf>,
    upkept: Option<Instant>,
    /// Whether there may be small files of past days to join.
    tidies: bool,
    /// After as many steps a test's process dies.
    #[cfg(test)]
    steps: std::cell::Cell<Option<usize>>,
}

impl Keeper {
    /// Opens what is kept of a source, and begins it where there is nothing. Removes files that no manifest names: of
    /// a commit that did not come to its end, or joined since.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn open(source: &Arc<Definition>, clock: &Clock, limits: Limits) -> Result<Self, String> {
        let (Some(kept), Some(time)) = (source.kept.clone(), source.timestamp_column.clone()) else {
            return Err(format!("source {}: it has files, so its stream is not kept", source.name));
        };
        let failed = |problem: String| format!("source {}: its stream cannot be kept: {problem}", source.name);
        let disk = |error: io::Error| failed(format!("{}: {error}. Make it writable", kept.folder.display()));
        private::make_folder(&kept.folder).map_err(disk)?;
        let manifest = match kept::load(&kept.folder).map_err(failed)? {
            Some(manifest) => Arc::new(manifest),
            None => {
                let manifest = Manifest::new(clock.now());
                put(&kept.folder, &source.name, &manifest).map_err(disk)?;
                Arc::new(manifest)
            }
        };
        for path in kept::data_files(&kept.folder).map_err(disk)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !manifest.files.iter().any(|file| file.name == name) {
                fs::remove_file(&path).map_err(disk)?;
            }
        }
        kept::publish(&kept.folder, &manifest);
        Ok(Self {
            source: Arc::clone(source),
            kept,
            time,
            clock: clock.clone(),
            limits,
            present: Cautious::default(),
            position: manifest.position.clone(),
            manifest,
            pending: Pending::default(),
            remembered: Remembered::of(source),
            until: None,
            past: VecDeque::new(),
            unsure: Vec::new(),
            upkept: None,
            tidies: false,
            #[cfg(test)]
            steps: std::cell::Cell::default(),
        })
    }

    /// A place between two changes of the disk, where tests kill the process.
    fn step(&self) {
        #[cfg(test)]
        tests::step(&self.steps);
    }

    /// Reads on, and writes what it is time for. True when there is more to read at once.
    ///
    /// # Errors
    /// A sentence: what was read and not written is still there, and so are the files.
    pub(crate) fn turn(&mut self, stream: &dyn StreamSource) -> Result<bool, String> {
        // What cannot be written is not added to.
        let mut more = self.pending.bytes >= self.limits.bytes;
        if !more {
            let asked = self.clock.now();
            let batch = self.position.read(stream, BATCH).map_err(|error| error.message)?;
            more = !batch.caught_up && batch.position != self.position;
            let until = if batch.caught_up { Some(asked) } else { batch.position.reached() };
            self.take(batch)?;
            self.until = until.or(self.until);
        }
        if self.is_due() {
            self.commit()?;
        }
        if self.pending.is_empty() {
            kept::tell(&self.kept.folder, self.until, None);
        }
        if self.upkept.is_none_or(|at| at.elapsed() >= UPKEEP_EVERY) {
            self.upkept = Some(Instant::now());
            self.tidies = true;
            self.retain()?;
        }
        // One in a turn, for what comes is not to wait.
        if self.tidies && !more {
            self.tidies = self.join(Joined::PastDays);
        }
        self.clean();
        Ok(more)
    }

    /// Adds what was read to what waits to be written.
    fn take(&mut self, batch: Batch) -> Result<(), String> {
        // After a change of the source's columns: each form in files of its own.
        let other = |held: &DataFrame| batch.events.height() > 0 && held.schema() != batch.events.schema();
        if self.pending.events.as_ref().is_some_and(other) {
            self.commit()?;
        }
        let refused = batch.refused.len() as u64;
        let mut counts = Counts {
            read: batch.events.height() as u64 + refused,
            refused,
            expired: batch.expired,
            ..Counts::default()
        };
        let events = self.keepable(batch.events, &mut counts).map_err(|error| self.unlike(&error))?;
        let events = self.once(events, &mut counts)?;
        counts.kept = events.height() as u64;
        if counts != Counts::default() {
            self.pending.since.get_or_insert(self.clock.steady());
        }
        if events.height() > 0 {
            self.pending.bytes += events.estimated_size();
            match &mut self.pending.events {
                Some(all) => all.vstack_mut(&events).map(drop).map_err(|error| self.unlike(&error))?,
                none => *none = Some(events),
            }
        }
        self.pending.counts.add(&counts);
        self.position = batch.position;
        Ok(())
    }

    /// The events but for those without a time, and of a time of which nothing is kept.
    fn keepable(&self, events: DataFrame, counts: &mut Counts) -> PolarsResult<DataFrame> {
        if events.height() == 0 {
            return Ok(events);
        }
        let times = frame::micros_of(events.column(&self.time)?)?;
        let gone = self.manifest.gone.map(crate::model::time::micros);
        let timeless = times.iter().filter(|at| at.is_none()).count();
        let outdated = times.iter().flatten().filter(|at| gone.is_some_and(|gone| **at < gone)).count();
        if timeless + outdated == 0 {
            return Ok(events);
        }
        counts.refused += timeless as u64;
        counts.outdated += outdated as u64;
        let stays = |at: &Option<i64>| at.is_some_and(|at| gone.is_none_or(|gone| at >= gone));
        events.filter(&BooleanChunked::from_iter_values("".into(), times.iter().map(stays)))
    }

    /// The events but for those that came before.
    fn once(&mut self, events: DataFrame, counts: &mut Counts) -> Result<DataFrame, String> {
        let Some(remembered) = self.remembered.as_mut().filter(|_| events.height() > 0) else { return Ok(events) };
        let kept = (self.source.as_ref(), &self.kept, self.manifest.as_ref());
        let duplicates = remembered.duplicates(kept, &events, self.clock.now()).map_err(|error| error.message)?;
        let count = duplicates.iter().filter(|duplicate| **duplicate).count();
        if count == 0 {
            return Ok(events);
        }
        counts.deduplicated += count as u64;
        let new = BooleanChunked::from_iter_values("".into(), duplicates.iter().map(|duplicate| !duplicate));
        events.filter(&new).map_err(|error| self.unlike(&error))
    }

    fn unlike(&self, error: &PolarsError) -> String {
        format!(
            "source {}: the events of its stream do not have its columns: {}. Correct the source",
            self.source.name,
            foreign::sentence(error)
        )
    }

    /// Whether what waits is to be written now.
    fn is_due(&self) -> bool {
        // Where it began may never be the latest again.
        if self.manifest.position == Position::default() && self.position != Position::default() {
            return true;
        }
        let Some(since) = self.pending.since else { return false };
        let wanted = || kept::wanted(&self.kept.folder).is_some_and(|at| self.until.is_some_and(|until| at <= until));
        self.pending.bytes >= self.limits.bytes || self.clock.steady() - since >= self.limits.age || wanted()
    }

    /// Writes what waits, and with it how far the stream was read.
    fn commit(&mut self) -> Result<(), String> {
        let commit = self.manifest.commit + 1;
        let mut next = Manifest { commit, position: self.position.clone(), ..(*self.manifest).clone() };
        next.counts.add(&self.pending.counts);
        if let Some(events) = &self.pending.events {
            for (part, times) in by_days(events, &self.time).map_err(|error| self.unlike(&error))? {
                match self.write(commit, times, [Ok(part)].into_iter()) {
                    Ok(file) => next.files.push(file),
                    Err(problem) => {
                        self.fresh(&next).iter().for_each(|path| remove(path));
                        return Err(problem);
                    }
                }
            }
        }
        let oldest = next.files[self.manifest.files.len()..].iter().map(|file| from_micros(file.least)).min();
        next.oldest = next.oldest.into_iter().chain(oldest).min();
        self.replace(next, &[])?;
        self.pending = Pending::default();
        if let Some(remembered) = &mut self.remembered {
            remembered.kept(&self.manifest, self.clock.now());
        }
        while self.join(Joined::Runs) {}
        Ok(())
    }

    /// Writes one file, parts under each other, and puts it on disk; nothing is left of one that fails.
    fn write(
        &self,
        commit: u64,
        (least, greatest): (i64, i64),
        mut parts: impl Iterator<Item = PolarsResult<DataFrame>>,
    ) -> Result<KeptFile, String> {
        let name = format!("{commit:08}-{}.parquet", uuid::Uuid::new_v4());
        let path = self.kept.folder.join(&name);
        let write = || -> PolarsResult<KeptFile> {
            self.step();
            let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
            let Some(first) = parts.next().transpose()? else { polars_bail!(NoData: "there are no events") };
            let mut summed = Summed::new(&file);
            let mut out = parquet::writer(&mut summed, &first)?.batched(first.schema())?;
            let (mut rows, columns) = (0, xxh3_64(format!("{:?}", first.schema()).as_bytes()));
            for part in [Ok(first)].into_iter().chain(parts) {
                let part = part?;
                rows += part.height() as u64;
                out.write_batch(&part)?;
            }
            self.step();
            out.finish()?;
            drop(out);
            file.sync_all()?;
            self.step();
            let (bytes, checksum) = (file.metadata()?.len(), summed.checksum());
            Ok(KeptFile { name, rows, bytes, checksum, columns, least, greatest, commit })
        };
        write().map_err(|error| {
            remove(&path);
            let (name, shown, problem) = (&self.source.name, path.display(), foreign::sentence(&error));
            format!("source {name}: {shown} cannot be written: {problem}. Make room, or mend the disk")
        })
    }

    /// The files of a manifest that the present one does not name.
    fn fresh(&self, next: &Manifest) -> Vec<PathBuf> {
        let known: HashSet<&str> = self.manifest.files.iter().map(|file| file.name.as_str()).collect();
        let new = next.files.iter().filter(|file| !known.contains(file.name.as_str()));
        new.map(|file| self.kept.folder.join(&file.name)).collect()
    }

    /// Puts a manifest in the place of the present one, which names the `gone` files besides.
    fn replace(&mut self, next: Manifest, gone: &[String]) -> Result<(), String> {
        let folder = &self.kept.folder;
        self.step();
        let durable = File::open(folder).and_then(|folder| folder.sync_all());
        if let Err(error) = durable.and_then(|()| put(folder, &self.source.name, &next)) {
            let fresh = self.fresh(&next);
            match kept::load(folder) {
                Ok(Some(there)) if there.commit == self.manifest.commit => fresh.iter().for_each(|path| remove(path)),
                // It may be there, or be there after a crash.
                _ => self.unsure.extend(fresh),
            }
            let (name, folder) = (&self.source.name, self.kept.folder.display());
            return Err(format!(
                "source {name}: what is kept of its stream in {folder} cannot be written: {error}. Make room, or mend \
                 the disk"
            ));
        }
        self.step();
        let next = Arc::new(next);
        kept::publish(folder, &next);
        for path in self.unsure.drain(..) {
            remove(&path);
        }
        let gone = gone.iter().map(|name| folder.join(name)).collect();
        let past = std::mem::replace(&mut self.manifest, next);
        self.past.push_back((Arc::downgrade(&past), gone));
        drop(past);
        self.clean();
        Ok(())
    }

    /// Removes files that nobody can be reading any more.
    fn clean(&mut self) {
        while let Some((past, _)) = self.past.front() {
            if past.strong_count() > 0 {
                return;
            }
            self.step();
            if let Some((_, gone)) = self.past.pop_front() {
                gone.iter().for_each(|path| remove(path));
            }
        }
    }

    /// Removes the files of events that are older than the source keeps them, whole days.
    fn retain(&mut self) -> Result<(), String> {
        let now = self.present.now(&self.clock);
        let Some(first) = self.kept.history.and_then(|history| now.checked_sub_signed(history)) else { return Ok(()) };
        let gone = floor(first, Span::days(1));
        if self.manifest.gone.is_some_and(|known| known >= gone) {
            return Ok(());
        }
        let mut next = Manifest { commit: self.manifest.commit + 1, gone: Some(gone), ..(*self.manifest).clone() };
        let (stay, go): (Vec<_>, Vec<_>) = next.files.into_iter().partition(|file| file.covers().end > gone);
        let removed: u64 = go.iter().map(|file| file.rows).sum();
        next.files = stay;
        next.counts.removed += removed;
        let names: Vec<String> = go.into_iter().map(|file| file.name).collect();
        self.replace(next, &names)?;
        if removed > 0 {
            let source = &self.source.name;
            tracing::info!(source, events = removed, before = %gone, "events that were kept are removed for their age");
        }
        Ok(())
    }

    /// Joins small files into one. False when there is nothing to join, or it failed: the small ones serve as well.
    fn join(&mut self, which: Joined) -> bool {
        let Some(run) = self.run(which) else { return false };
        self.join_run(&run).unwrap_or_else(|problem| {
            tracing::warn!(
                source = self.source.name,
                problem,
                "small files of what is kept of a stream stay as they are"
            );
            false
        })
    }

    fn join_run(&mut self, run: &[usize]) -> Result<bool, String> {
        let mut next = Manifest { commit: self.manifest.commit + 1, ..(*self.manifest).clone() };
        let old: Vec<&KeptFile> = run.iter().map(|at| &self.manifest.files[*at]).collect();
        let (Some(least), Some(greatest), Some(commit)) = (
            old.iter().map(|file| file.least).min(),
            old.iter().map(|file| file.greatest).max(),
            old.iter().map(|file| file.commit).max(),
        ) else {
            return Ok(false);
        };
        let read = |file: &&KeptFile| ParquetReader::new(File::open(self.kept.folder.join(&file.name))?).finish();
        let joined = self.write(commit, (least, greatest), old.iter().map(read))?;
        let gone: Vec<String> = old.iter().map(|file| file.name.clone()).collect();
        next.files[run[0]] = joined;
        let mut places = 0..;
        next.files.retain(|_| places.next().is_none_or(|place| place == run[0] || !run.contains(&place)));
        self.replace(next, &gone)?;
        Ok(true)
    }

    /// The places of files that can become one in the place of the first: of one day, and none that came in between
    /// has events of their times, for events of one time stay in the order in which they came.
    fn run(&self, which: Joined) -> Option<Vec<usize>> {
        let files = &self.manifest.files;
        let today = day(crate::model::time::micros(self.clock.now()));
        let mut days: BTreeMap<Option<i64>, Vec<usize>> = BTreeMap::new();
        for (at, file) in files.iter().enumerate() {
            let days_of = (day(file.least), day(file.greatest));
            days.entry((days_of.0 == days_of.1).then_some(days_of.0)).or_default().push(at);
        }
        let least = if which == Joined::Runs { self.limits.run } else { 2 };
        let size = |at: usize| if which == Joined::Runs { tier(files[at].bytes) } else { 0 };
        for (day, places) in &days {
            if which == Joined::PastDays && day.is_none_or(|day| day + 1 >= today) {
                continue;
            }
            let mut run: Vec<usize> = Vec::new();
            for at in places.iter().copied() {
                let file = &files[at];
                let all: u64 = run.iter().map(|at| files[*at].bytes).sum();
                let in_between = |first: usize| {
                    let mut others = (first..at).filter(|other| !run.contains(other));
                    others.any(|other| files[other].covers().overlaps(&file.covers()))
                };
                let fits = run.first().is_none_or(|first| {
                    size(*first) == size(at)
                        && files[*first].columns == file.columns
                        && all + file.bytes <= self.limits.large
                        && !in_between(*first)
                });
                if !fits {
                    if run.len() >= least {
                        return Some(run);
                    }
                    run.clear();
                }
                if file.bytes < self.limits.large {
                    run.push(at);
                }
            }
            if run.len() >= least {
                return Some(run);
            }
        }
        None
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        kept::withdraw(&self.kept.folder);
    }
}

/// Which of the small files are joined into larger ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// Runs of small ones of about one size, so that an event is written again a few times at most.
    Runs,
    /// The small ones of days before yesterday, for hardly any come to these.
    PastDays,
}

/// Files of one tier are of about one size: each tier is eight times the one before.
fn tier(bytes: u64) -> u32 {
    bytes.div_ceil(256 << 10).max(1).ilog2() / 3
}

/// The day of an instant, in days since 1970.
fn day(at: i64) -> i64 {
    at.div_euclid(span_micros(Span::days(1)))
}

/// The events in the order of their times, cut by days, each part with the least and the greatest time in it; events
/// of one time stay in the order in which they came. More days than one commit writes files for share files. Every event
/// has a time.
fn by_days(events: &DataFrame, time: &str) -> PolarsResult<Vec<(DataFrame, (i64, i64))>> {
    let events = events.sort([time], SortMultipleOptions::default().with_maintain_order(true))?;
    let times: Vec<i64> = frame::micros_of(events.column(time)?)?.into_iter().flatten().collect();
    let runs: Vec<&[i64]> = times.chunk_by(|a, b| day(*a) == day(*b)).collect();
    let mut parts = Vec::new();
    let mut from = 0;
    for shared in runs.chunks(runs.len().div_ceil(MOST_DAYS).max(1)) {
        let rows = shared.iter().map(|run| run.len()).sum::<usize>();
        parts.push((events.slice(from as i64, rows), (times[from], times[from + rows - 1])));
        from += rows;
    }
    Ok(parts)
}

/// Puts a manifest on disk.
fn put(folder: &Path, source: &str, manifest: &Manifest) -> io::Result<()> {
    private::put(&folder.join(kept::MANIFEST), &manifest.encode(source)?)
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "a file that is not needed any more stays until the next start");
    }
}

/// A source that is kept, as its thread sees it.
struct Watched {
    source: Arc<Definition>,
    /// Absent while it cannot be opened.
    keeper: Option<Keeper>,
    failures: u32,
    not_before: Option<Instant>,
    noted: Option<String>,
}

/// The keepers of all sources that are kept, opened: what is kept can be read from here on.
pub(crate) struct Keepers {
    clock: Clock,
    all: Vec<Watched>,
}

impl Keepers {
    /// Opens what is kept of each source. What cannot be opened is told, and tried again by the thread.
    pub(crate) fn open(sources: &[Arc<Definition>], clock: &Clock) -> Self {
        let mut all = Vec::new();
        for source in sources.iter().filter(|source| source.kept.is_some()) {
            let mut watched =
                Watched { source: Arc::clone(source), keeper: None, failures: 0, not_before: None, noted: None };
            watched.open(clock).unwrap_or_else(|problem| watched.failed(problem));
            all.push(watched);
        }
        Self { clock: clock.clone(), all }
    }

    /// Keeps until `stop`, on a thread of its own; none where there is nothing to keep.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn spawn(
        mut self,
        readers: &Arc<Readers>,
        stop: &CancellationToken,
    ) -> io::Result<Option<JoinHandle<()>>> {
        if self.all.is_empty() {
            return Ok(None);
        }
        let (readers, stop) = (Arc::clone(readers), stop.clone());
        let thread = std::thread::Builder::new().name("keeper".to_owned());
        thread.spawn(move || self.run(&readers, &stop)).map(Some)
    }

    fn run(&mut self, readers: &Readers, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let mut more = false;
            for watched in &mut self.all {
                if stop.is_cancelled() {
                    return;
                }
                more |= watched.turn(&self.clock, readers);
            }
            if !more {
                pause(TICK, stop);
            }
        }
    }
}

impl Watched {
    /// True when there is more to do at once.
    fn turn(&mut self, clock: &Clock, readers: &Readers) -> bool {
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        let turned = catch_unwind(AssertUnwindSafe(|| {
            self.open(clock)?;
            let Some(keeper) = &mut self.keeper else { return Ok(false) };
            let stream = readers.get(&self.source).map_err(|error| error.message)?;
            keeper.turn(&*stream)
        }));
        let turned = turned.unwrap_or_else(|panic| {
            // What it held may be half of something: it is read again from what is on disk.
            self.keeper = None;
            Err(format!("keeping stopped unexpectedly: {}", panic_text(panic.as_ref())))
        });
        match turned {
            Ok(more) => {
                if self.noted.take().is_some() {
                    tracing::info!(source = self.source.name, "the stream is kept again");
                }
                self.failures = 0;
                // Others may have more: this one is not read again before it is time.
                self.not_before = (!more).then(|| Instant::now() + TICK);
                more
            }
            Err(problem) => {
                self.failed(problem);
                false
            }
        }
    }

    fn open(&mut self, clock: &Clock) -> Result<(), String> {
        if self.keeper.is_none() {
            self.keeper = Some(Keeper::open(&self.source, clock, Limits::default())?);
        }
        Ok(())
    }

    fn failed(&mut self, problem: String) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + backoff(self.failures));
        if let Some(kept) = &self.source.kept {
            let until = self.keeper.as_ref().filter(|keeper| keeper.pending.is_empty()).and_then(|keeper| keeper.until);
            kept::tell(&kept.folder, until, Some(&problem));
        }
        if self.noted.as_ref() != Some(&problem) {
            tracing::error!(source = self.source.name, problem, "the stream is not kept for now; trying again");
            self.noted = Some(problem);
        }
    }
}

#[cfg(test)]
mod tests;
