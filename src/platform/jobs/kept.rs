//! Jobs over what is kept of a stream: from which time on windows are planned, when what a job is to read is there, and
//! what came after the job.
//!
//! It asks `source/kept.rs`; it must not read events of its own.

use crate::model::time::floor;
use crate::model::{Span, Time, Window};
use crate::platform::compute::EngineError;
use crate::platform::definition::{Kept, Source, View};
use crate::platform::source::kept::{self, Manifest};

use super::Jobs;
use super::error::TableError;
use super::late::Late;
use super::rows::{Queued, ReadFile, WindowRead};

/// How long a job waits without a word for events to be kept.
const PATIENCE: Span = Span::seconds(30);

/// The first input of a view, where its batch side is what is kept of its stream.
pub(super) fn input(view: &View) -> Option<(&Source, &Kept)> {
    let source: &Source = &view.inputs.first()?.source;
    Some((source, source.kept.as_ref()?))
}

/// The instant from which on the schedule of a view makes jobs, for events are kept from then on: the window in which
/// keeping began counts, one of which something is kept no longer does not. Nothing where files say it.
///
/// # Errors
/// When nobody can tell for now.
pub(crate) fn begins(view: &View) -> Result<Option<Time>, EngineError> {
    let Some((source, kept)) = input(view) else { return Ok(None) };
    let manifest = kept::current(source, kept)?;
    let step = view.batch_schedule;
    let began = floor(manifest.began, step);
    let back = view.inputs.first().filter(|input| input.filtered).map(|input| input.start_time_offset);
    let whole = manifest.gone.zip(back).map(|(gone, back)| {
        let first = gone - back;
        let edge = floor(first, step);
        if edge == first { edge } else { edge + step }
    });
    Ok(Some(whole.map_or(began, |whole| whole.max(began))))
}

/// Why rows of a window cannot be computed any more, as a sentence.
pub(crate) fn refusal(view: &View, window: Window) -> Option<String> {
    let (source, _) = input(view)?;
    let refused = kept::check(source, view.source_window(window)?, true).err()?;
    Some(format!("Feature view `{}` cannot be materialized: {}.", view.name, refused.message))
}

/// Whether all that had arrived when the attempt was queued is kept, so that it may run: never over half the events.
/// By a clock that was set back since, when the window was over.
pub(super) fn is_there(view: &View, queued: &Queued, now: Time) -> bool {
    let Some(ends) = queued.ends else { return true };
    let at = if queued.queued_at > now { ends } else { queued.queued_at };
    view.inputs.iter().filter_map(|input| input.source.kept.as_ref()).all(|kept| kept::has_all_until(kept, at))
}

/// The name under which what a job read of a stream is known, for people too.
fn name(source: &Source) -> String {
    format!("the stream of {}", source.name)
}

/// What a job is about to read of what is kept: the last commit and the events of the window.
pub(super) fn about_to_read(
    (source, kept): (&Source, &Kept),
    window: Window,
    events: Window,
    at: i64,
) -> Option<WindowRead> {
    let manifest = kept::current(source, kept).ok()?;
    let rows = kept::rows_in(source, kept, &manifest, events).ok().and_then(|rows| i64::try_from(rows).ok());
    let bytes = manifest.commit.cast_signed();
    Some(WindowRead { window, at, files: vec![ReadFile { path: name(source), bytes, modified: 0, rows }] })
}

/// The last commit that brought events of a window.
fn brought(manifest: &Manifest, events: Window) -> Option<i64> {
    manifest.files_of(Some(events)).map(|file| file.commit.cast_signed()).max()
}

impl Jobs {
    /// Says in the logs of jobs that wait for events to be kept that they do, once they have waited for a while.
    pub(super) fn tell_waiting(&self, now: Time) -> Result<(), TableError> {
        if !self.views.values().any(|view| input(view).is_some()) {
            return Ok(());
        }
        for queued in self.table.read(|rows| rows.queued())? {
            let Some((view, (source, _))) = self.views.get(&queued.view).and_then(|view| Some((view, input(view)?)))
            else {
                continue;
            };
            let waits = now - queued.queued_at >= PATIENCE && !is_there(view, &queued, now);
            if !waits || !self.dispatch().waiting.insert(queued.job) {
                continue;
            }
            let what = kept::sentence(source).unwrap_or_default();
            self.table.write(|rows| {
                let Some(mut record) = rows.job(queued.job)? else { return Ok(()) };
                record.say(&format!("Waits for the stream's events to be kept. Kept so far: {what}."), now);
                rows.save(&mut record)
            })?;
        }
        Ok(())
    }

    /// The events of a view that were kept after the jobs of their windows had read.
    pub(super) fn late_in_kept(&self, view: &View, (source, kept): (&Source, &Kept)) -> Result<Late, TableError> {
        let mut late = Late::default();
        let Ok(manifest) = kept::current(source, kept) else { return Ok(late) };
        let name = name(source);
        let mut left = super::late::MOST_COUNTS;
        for (window, known) in self.table.read(|rows| rows.reads_of(view.id, &name))? {
            let Some(events) = view.source_window(window) else { continue };
            let Some(commit) = brought(&manifest, events).filter(|commit| *commit > known.bytes) else { continue };
            let mut count = || self.counted(view, (window, events), (source, kept, &manifest, commit), &mut left);
            match known.rows.and_then(|before| Some((before.unsigned_abs(), count()?))) {
                Some((before, found)) if before == found => continue,
                Some((before, found)) => {
                    late.rows += found.saturating_sub(before);
                    late.files.insert(name.clone());
                }
                None => {
                    late.uncounted.insert(name.clone());
                }
            }
            late.windows.push(window);
        }
        late.windows = crate::model::time::joined(late.windows);
        Ok(late)
    }

    /// The events of a window that are kept now; nothing where too many were counted already, or counting fails.
    fn counted(
        &self,
        view: &View,
        (window, events): (Window, Window),
        (source, kept, manifest, commit): (&Source, &Kept, &Manifest, i64),
        left: &mut usize,
    ) -> Option<u64> {
        let state = crate::platform::source::arrivals::FileState { bytes: commit, modified: 0, changed: 0 };
        self.counts.of((view.id, window, name(source).into()), state, left, || {
            kept::rows_in(source, kept, manifest, events).ok()
        })
    }
}
