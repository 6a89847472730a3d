//! One micro-batch of a stream into the online store: read, told apart, folded, written, each event counted once.
//!
//! An event is refused (far future, before the view's features begin, behind the watermark, poisoned), is there already,
//! makes no row, or is written. What is refused is set aside durably before the position moves behind it, and the counts
//! move with the position. It must not decide when a step is made.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use polars::prelude::{DataFrame, PolarsError};

use crate::model::time::{floor, from_micros, micros, print_span, rfc3339, span_micros};
use crate::model::{Id, Span, StreamCounts, Time, foreign};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{Kind, Source, View};
use crate::platform::engine::ask::Streamed;
use crate::platform::engine::{Engine, sound};
use crate::platform::frame;
use crate::platform::online::{Bounds, Fate, OnlineError, OnlineStore, Seen, StreamRows};
use crate::platform::source::position::{BATCH, Batch, Position};
use crate::platform::source::readers::Readers;
use crate::platform::source::records::{self, Reason, Refused};
use crate::platform::source::{Backlog, FAR_FUTURE, Partition, Read, StreamSource, dedup, newest_of};

use super::figures::LeftOut;
use super::stream_figures::LiveStreams;
use super::stream_job::{Refusals, Step, StreamStep, Trouble};
use super::{materializer, plan};

/// The step of the embedded platform: source, engine, online store.
pub(crate) struct EngineStep {
    pub engine: Arc<dyn Engine>,
    pub readers: Arc<Readers>,
    /// Where rows and positions go.
    pub online: Arc<OnlineStore>,
    /// Where what cannot be written goes.
    pub refusals: Arc<dyn Refusals>,
    pub live: Arc<LiveStreams>,
    /// From when on events count for views ([`super::Jobs::events_begin`]); none of a view without a beginning.
    pub starts: HashMap<Id, Time>,
}

/// Keeps nothing of what is refused.
#[cfg(test)]
struct Forgotten;

#[cfg(test)]
impl Refusals for Forgotten {
    fn add(&self, _: &View, _: &[Refused]) -> Result<(), Trouble> {
        Ok(())
    }
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing was found against it, and no row was made of it.
    Filtered,
    Written,
    Late,
    Quarantined,
    Duplicate,
}

/// A micro-batch while it is told apart.
struct Sorting<'a> {
    view: &'a View,
    source: &'a Source,
    events: &'a DataFrame,
    /// Names the place of an event, for people.
    place: &'a dyn Fn(usize) -> String,
    verdicts: Vec<Verdict>,
    refused: Vec<Refused>,
}

impl StreamStep for EngineStep {
    fn step(&self, view: &View) -> Result<Step, Trouble> {
        let Some(source) = view.stream_source() else { return Ok(Step::default()) };
        let stream = self.readers.get(source).map_err(engine_trouble)?;
        self.online.finish_restart(view).map_err(store_trouble)?;
        let position = self.online.settled_position(view.id).map_err(store_trouble)?.unwrap_or_default();
        let asked = self.readers.clock().now();
        // Of events the present is that after they were read: the machine may sleep in between.
        let newest = |read: &Read| newest_of(read, source, self.readers.clock().now());
        let batch = position.read_by(&*stream, BATCH, &newest).map_err(engine_trouble)?;
        let more = !batch.caught_up && batch.position != position;
        self.live.lies_behind(view.id, backlogs(&*stream, &batch.position));
        // A partition that is read for the first time may begin at what is the latest now, and never again.
        let begins = batch.position.places().count() > position.places().count();
        // Who was given everything has everything that had arrived when it was asked for.
        let reached = batch.position.reached().max(batch.caught_up.then_some(asked));
        // Refused records are read: without a position behind them they would come again each time.
        if batch.events.height() == 0 && batch.refused.is_empty() && !more && !begins {
            self.live.reached(view.id, reached);
            return Ok(Step::default());
        }
        let waiting = batch.by_partition.iter().map(|share| (share.partition, (share.rows + share.refused) as u64));
        self.live.waits(view.id, waiting.collect());
        let place = |event: usize| batch.place(&position, &*stream, event);
        let counts = self.write(view, source, &batch, (&place, self.readers.clock().now()))?;
        batch.position.places().for_each(|(partition, place)| stream.written(partition, &place.offset));
        self.live.settled(view.id, &counts, self.readers.clock().steady());
        self.live.reached(view.id, reached);
        let all = counts.values().fold(StreamCounts::default(), |sum, counts| sum.plus(counts));
        tracing::debug!(view = view.name, position = batch.position.print(&*stream), ?all, "stream written");
        Ok(Step { more, left_out: LeftOut { late: all.late, expired: all.expired } })
    }

    fn ended(&self, view: &View) {
        self.live.ended(view.id);
    }

    fn changed(&self, view: &View) -> Option<tokio::sync::watch::Receiver<u64>> {
        let source = &view.inputs.first()?.source;
        self.readers.get(source).ok()?.changed()
    }
}

impl EngineStep {
    /// A step that keeps nothing of what is refused, for tests.
    #[cfg(test)]
    pub(crate) fn of(engine: Arc<dyn Engine>, readers: Arc<Readers>, online: Arc<OnlineStore>) -> Self {
        Self { engine, readers, online, refusals: Arc::new(Forgotten), live: Arc::default(), starts: HashMap::new() }
    }

    /// Writes a micro-batch and the position behind it. Returns what became of it.
    fn write(
        &self,
        view: &View,
        source: &Source,
        batch: &Batch,
        (place, now): (&dyn Fn(usize) -> String, Time),
    ) -> Result<BTreeMap<Partition, StreamCounts>, Trouble> {
        let events = &batch.events;
        loop {
            let bounds = self.online.bounds(view).map_err(store_trouble)?;
            let mut sorting = Sorting {
                view,
                source,
                events,
                place,
                verdicts: vec![Verdict::Filtered; events.height()],
                refused: Vec::new(),
            };
            sorting.far_future(now).map_err(engine_trouble)?;
            let keys = self.deduplicate(&mut sorting)?;
            let streamed = self.fold(&mut sorting).map_err(engine_trouble)?;
            sorting.by_bounds(&streamed, &bounds);
            let refused: Vec<Refused> = batch.refused.iter().chain(&sorting.refused).cloned().collect();
            // Also where there are none: what an earlier try said of these events counts no more.
            self.refusals.add(view, &refused)?;
            let (seen, forget) = remembered(&sorting, &keys, batch.newest, &bounds);
            let (rows, newest) = (&streamed.rows, batch.newest);
            let rows = StreamRows { rows, bounds: &bounds, newest, seen: &seen, forget };
            let settled = RefCell::new(BTreeMap::new());
            let position = |overtaken: &[u32]| {
                let counts = counted(batch, &sorting.verdicts, &streamed.events, overtaken);
                let position = batch.position.with_counts(&counts);
                settled.replace(counts);
                position
            };
            if self.online.write_events(view, &rows, &position).map_err(store_trouble)?.is_some() {
                return Ok(settled.into_inner());
            }
            // A batch job wrote its window meanwhile, or a retry an event that may be among these.
        }
    }

    /// Marks the events that were there before; the keys of all others.
    fn deduplicate(&self, sorting: &mut Sorting<'_>) -> Result<Vec<Option<Seen>>, Trouble> {
        let rule = sorting.source.stream.as_ref().and_then(|stream| stream.deduplicate.as_ref());
        let Some(rule) = rule else { return Ok(Vec::new()) };
        let mut keys = dedup::keys(sorting.events, sorting.source, rule).map_err(engine_trouble)?;
        // What is refused is as if it had never come.
        for (key, verdict) in keys.iter_mut().zip(&sorting.verdicts) {
            if *verdict != Verdict::Filtered {
                *key = None;
            }
        }
        let asked: BTreeSet<dedup::Key> = keys.iter().flatten().map(|(key, _)| *key).collect();
        let asked: Vec<dedup::Key> = asked.into_iter().collect();
        let times = self.online.seen(sorting.view.id, &asked).map_err(store_trouble)?;
        let mut seen: HashMap<dedup::Key, Vec<i64>> = asked.into_iter().zip(times).collect();
        let duplicates = dedup::duplicates(&keys, &mut seen, span_micros(rule.horizon));
        for ((key, verdict), duplicate) in keys.iter_mut().zip(&mut sorting.verdicts).zip(duplicates) {
            if duplicate {
                (*key, *verdict) = (None, Verdict::Duplicate);
            }
        }
        Ok(keys)
    }

    /// Folds the events that nothing was found against, but for those on which the query fails and those from before the
    /// view's features begin.
    fn fold(&self, sorting: &mut Sorting<'_>) -> Result<Streamed, EngineError> {
        let transform = |view: &View, events| sound::transform(self.engine.as_ref(), view, events);
        let fold = |sorting: &mut Sorting<'_>| {
            let left: Vec<u32> = sorting.open();
            let events = match left.len() == sorting.events.height() {
                true => sorting.events.clone(),
                false => sound::taken(sorting.events, &left)?,
            };
            // A batch that brought nothing has no columns.
            let empty = || frame::empty(&sorting.source.columns).map_err(|error| sorting.unfit(&error));
            let events = if events.width() == 0 { empty()? } else { events };
            let mut sound = sound::fold(sorting.view, &events, &transform)?;
            let whole = |event: &u32| left.get(*event as usize).copied();
            sound.streamed.events = sound.streamed.events.iter().filter_map(whole).collect();
            for (event, why) in sound.poisoned {
                let Some(event) = whole(&event) else { continue };
                sorting.refuse(event as usize, Verdict::Quarantined, Reason::QueryFailed, why);
            }
            Ok::<_, EngineError>(sound.streamed)
        };
        let streamed = fold(sorting)?;
        let Some(start) = self.starts.get(&sorting.view.id).copied() else { return Ok(streamed) };
        if !sorting.before(start, &streamed) {
            return Ok(streamed);
        }
        fold(sorting)
    }
}

impl Sorting<'_> {
    /// The places of the events that nothing was found against.
    fn open(&self) -> Vec<u32> {
        let places = self.verdicts.iter().zip(0_u32..);
        places.filter(|(verdict, _)| **verdict == Verdict::Filtered).map(|(_, place)| place).collect()
    }

    fn unfit(&self, error: &PolarsError) -> EngineError {
        let (source, problem) = (&self.source.name, foreign::sentence(error));
        let message = format!("source {source}: the events of its stream do not fit it: {problem}. Correct the source");
        EngineError { kind: ErrorKind::Source, message }
    }

    fn refuse(&mut self, event: usize, verdict: Verdict, reason: Reason, message: String) {
        let record = records::encode(self.events, event);
        self.refused.push(Refused { reason, message, place: (self.place)(event), record });
        if let Some(known) = self.verdicts.get_mut(event) {
            *known = verdict;
        }
    }

    /// Refuses events whose time has not come for long, where that is an error.
    fn far_future(&mut self, now: Time) -> Result<(), EngineError> {
        if self.source.future_events || self.events.height() == 0 {
            return Ok(());
        }
        let Some(column) = &self.source.timestamp_column else { return Ok(()) };
        let times = self.events.column(column).and_then(frame::micros_of).map_err(|error| self.unfit(&error))?;
        let until = micros(now + FAR_FUTURE);
        for (event, at) in times.iter().enumerate() {
            if let Some(at) = at.filter(|at| *at > until) {
                let message = format!(
                    "its time {} is more than {} later than the present. Mend the clock of what sends it, send the \
                     event again and drop this record. Only where such times are meant, say `future_events = true` of \
                     the source",
                    rfc3339(from_micros(at)),
                    print_span(FAR_FUTURE)
                );
                self.refuse(event, Verdict::Quarantined, Reason::FarFuture, message);
            }
        }
        Ok(())
    }

    /// Refuses the events all of whose rows lie before what the view's features are made of. True when there were some.
    fn before(&mut self, start: Time, streamed: &Streamed) -> bool {
        let found = of_events(streamed, |at| at < micros(start));
        let early: Vec<u32> =
            found.into_iter().filter(|(_, (early, rest))| *early && !*rest).map(|(event, _)| event).collect();
        for event in &early {
            let message = format!(
                "it is from before the features of view {} begin{}, {}: move `feature_start_time` of the view if it is \
                 wanted",
                self.view.name,
                plan::reach(self.view),
                rfc3339(start)
            );
            self.refuse(*event as usize, Verdict::Quarantined, Reason::BeforeStart, message);
        }
        !early.is_empty()
    }

    /// Tells written and late events apart. Late ones whose window a batch job wrote are that job's, and are not set
    /// aside.
    fn by_bounds(&mut self, streamed: &Streamed, bounds: &Bounds) {
        let mut fates = vec![None; self.verdicts.len()];
        for (event, at) in streamed.events.iter().zip(&streamed.times) {
            if let Some(known) = fates.get_mut(*event as usize) {
                *known = (*known).max(Some(bounds.fate(*at)));
            }
        }
        for (event, fate) in fates.into_iter().enumerate() {
            let verdict = match fate {
                None => continue,
                Some(Fate::Taken) => Verdict::Written,
                Some(Fate::Covered) => Verdict::Late,
                Some(Fate::Late) => {
                    let watermark = self.source.stream.as_ref().map_or(Span::zero(), |stream| stream.watermark);
                    let message = format!(
                        "it came when the watermark ({} behind the newest event) had passed its tile",
                        print_span(watermark)
                    );
                    self.refuse(event, Verdict::Late, Reason::Late, message);
                    continue;
                }
            };
            if let Some(known) = self.verdicts.get_mut(event) {
                *known = verdict;
            }
        }
    }
}

/// For each event that rows were made of: whether that holds of some of their times, and whether it fails to of some.
fn of_events(streamed: &Streamed, holds: impl Fn(i64) -> bool) -> BTreeMap<u32, (bool, bool)> {
    let mut events: BTreeMap<u32, (bool, bool)> = BTreeMap::new();
    for (event, at) in streamed.events.iter().zip(&streamed.times) {
        let (some, others) = events.entry(*event).or_default();
        let holds = holds(*at);
        (*some, *others) = (*some || holds, *others || !holds);
    }
    events
}

/// What became of the events of each partition. An event all of whose rows were overtaken is late.
fn counted(batch: &Batch, verdicts: &[Verdict], rows: &[u32], overtaken: &[u32]) -> BTreeMap<Partition, StreamCounts> {
    let mut left: HashMap<u32, i64> = HashMap::new();
    if !overtaken.is_empty() {
        rows.iter().for_each(|event| *left.entry(*event).or_default() += 1);
        overtaken.iter().for_each(|event| *left.entry(*event).or_default() -= 1);
    }
    let mut counts: BTreeMap<Partition, StreamCounts> = BTreeMap::new();
    let mut events = verdicts.iter().zip(0_u32..);
    for share in &batch.by_partition {
        let of = counts.entry(share.partition).or_default();
        of.read += (share.rows + share.refused) as u64;
        of.quarantined += share.refused as u64;
        of.expired += share.expired;
        for (verdict, event) in events.by_ref().take(share.rows) {
            match verdict {
                Verdict::Written if left.get(&event).is_some_and(|left| *left <= 0) => of.late += 1,
                Verdict::Written => of.written += 1,
                Verdict::Filtered => of.filtered += 1,
                Verdict::Late => of.late += 1,
                Verdict::Quarantined => of.quarantined += 1,
                Verdict::Duplicate => of.deduplicated += 1,
            }
        }
    }
    counts
}

/// What deduplication is to know from now on, and what it may forget. An event that was refused is not known: it may
/// come again.
fn remembered(
    sorting: &Sorting<'_>,
    keys: &[Option<Seen>],
    newest: Option<Time>,
    bounds: &Bounds,
) -> (Vec<Seen>, Option<i64>) {
    let Some(stream) = &sorting.source.stream else { return (Vec::new(), None) };
    let Some(rule) = &stream.deduplicate else { return (Vec::new(), None) };
    let taken = |verdict: &Verdict| matches!(verdict, Verdict::Written | Verdict::Filtered);
    // All of a tile that is still open is told apart, also what lies in it behind the watermark.
    let open = |passed: Time| match &sorting.view.kind {
        Kind::Aggregate { interval, .. } if !interval.is_zero() => floor(passed, *interval),
        _ => passed,
    };
    let passed = newest.map(|newest| newest - stream.watermark).max(bounds.passed());
    let forget = passed.map(|passed| dedup::forget_before(micros(open(passed)), 0, span_micros(rule.horizon)));
    let known = keys.iter().zip(&sorting.verdicts).filter(|(_, verdict)| taken(verdict)).filter_map(|(key, _)| *key);
    (known.filter(|(_, at)| forget.is_none_or(|until| *at >= until)).collect(), forget)
}

/// What lies behind the places of a position, as far as the source can tell: no figure is worth an error.
fn backlogs(stream: &dyn StreamSource, position: &Position) -> BTreeMap<Partition, Backlog> {
    let behind = |(partition, place): (Partition, &_)| {
        let place: &crate::platform::source::position::Place = place;
        stream.backlog(partition, Some(&place.offset)).ok().flatten().map(|backlog| (partition, backlog))
    };
    position.places().filter_map(behind).collect()
}

fn engine_trouble(error: EngineError) -> Trouble {
    Trouble { reason: materializer::reason(error.kind).to_owned(), message: error.message }
}

fn store_trouble(error: OnlineError) -> Trouble {
    Trouble { reason: materializer::store_reason(error.is_full()).to_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests;
