//! Retrying: decodes a record by the definition of now, runs the view's query on it, and writes what it gives.

use super::store::{Behind, Fate};
use super::{Quarantine, QuarantineError, Record, Which, mark};
use crate::model::Time;
use crate::model::time::{micros, rfc3339, span_micros};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{Deduplicate, Feed, Source, View};
use crate::platform::engine::sound;
use crate::platform::jobs::plan;
use crate::platform::online::{Release, Released, Verdict};
use crate::platform::source::records::{Decoder, Reason};
use crate::platform::source::{FAR_FUTURE, dedup, latest_event};

/// Records that one call looks at: a caller who waits for the answer asks again for the rest.
pub(super) const ROUND: usize = 500;

/// What a retry is asked for: which records, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub which: Which,
    /// Only say what would come of it.
    pub dry_run: bool,
    /// Write records too that lie beyond the watermark.
    pub force_late: bool,
    /// Only records with greater numbers: where the call before ended.
    pub after: i64,
}

/// What came of it, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retried {
    /// Records whose rows are written.
    pub arrived: u64,
    /// Records of which the query makes no row; they leave the quarantine too.
    pub filtered: u64,
    /// Records of which an event with the same columns of deduplication is there already; they leave too.
    pub duplicates: u64,
    /// Those that stay, with the reason of now.
    pub stays: Vec<Stays>,
    /// Where to go on, where there is more.
    pub next: Option<i64>,
}

/// A record that stays, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stays {
    pub id: i64,
    pub place: String,
    /// The word of the reason that it was set aside for.
    pub reason: String,
    pub sentence: String,
}

/// What a record is by the definition of now.
enum Judged {
    /// Rows that are to be written to the online store, and the time of their event.
    Rows(Released, Option<Time>),
    /// The query makes no row of it.
    Filtered,
    Stays(String),
}

impl Quarantine {
    /// Retries some records of a view, the oldest first; those that are written leave.
    ///
    /// # Errors
    /// When the view has no stream that is written online; when a store fails; when what the query joins cannot be
    /// read. Whatever was written by then has left, or leaves before anything else is written of the view.
    pub(crate) fn retry(&self, view: &View, asked: &Asked) -> Result<Retried, QuarantineError> {
        let Some(source) = view.stream_source().filter(|_| view.writes_stream()) else {
            let what = format!("The feature view `{}` writes no stream online, so nothing can be retried.", view.name);
            return Err(QuarantineError::Refused(what));
        };
        let _turn = self.turn();
        self.settle_if_needed(view.id)?;
        let behind = Behind::of(self.online.settled_position(view.id)?.as_ref());
        let (mut records, has_more) = self.store.oldest(view.id, &asked.which, asked.after, ROUND)?;
        let next = records.last().map(|last| last.id).filter(|_| has_more);
        // A thread of its own: whoever asks may be one of an async runtime.
        let judged = std::thread::scope(|scope| {
            let judging = scope.spawn(|| self.judge_all(view, source, &behind, &records));
            judging.join().unwrap_or_else(|panic| {
                Err(EngineError { kind: ErrorKind::Query, message: sound::stopped(panic.as_ref()) }.into())
            })
        })?;
        let mut retried = Retried { next, ..Retried::default() };
        let (mut rows, mut whose, mut times) = (Vec::new(), Vec::new(), Vec::new());
        let (mut gone, mut stays) = (Vec::new(), Vec::new());
        for (at, judged) in judged.into_iter().enumerate() {
            match judged {
                Judged::Rows(released, time) => {
                    rows.push(released);
                    times.push(time);
                    whose.push(at);
                }
                Judged::Filtered => {
                    retried.filtered += 1;
                    gone.push(records[at].id);
                }
                Judged::Stays(why) => stays.push((at, why)),
            }
        }
        let id = |taken: usize| records[whose[taken]].id;
        let mark = |taken: &[usize]| mark::encode(self.store.id(), &taken.iter().map(|at| id(*at)).collect::<Vec<_>>());
        if !asked.dry_run {
            // Before the write: one that seems to fail may prove durable.
            self.unsettled().insert(view.id);
        }
        let horizon = rule(source).map_or(0, |rule| span_micros(rule.horizon));
        let release = Release { late_too: asked.force_late, horizon, mark: (!asked.dry_run).then_some(&mark) };
        for (at, verdict) in self.online.write_released(view, &rows, release)?.into_iter().enumerate() {
            match verdict {
                Verdict::Taken => {
                    retried.arrived += 1;
                    gone.push(id(at));
                }
                Verdict::Duplicate => {
                    retried.duplicates += 1;
                    gone.push(id(at));
                }
                Verdict::Late => stays.push((whose[at], still_late(view, times[at]))),
                Verdict::InBatchWindow => stays.push((whose[at], in_batch_window(view, times[at]))),
            }
        }
        stays.sort_unstable_by_key(|(at, _)| *at);
        if !asked.dry_run {
            self.store.leave(view.id, &gone, Fate::Released)?;
            self.unsettled().remove(&view.id);
            let failures: Vec<_> = stays.iter().map(|(at, why)| (records[*at].id, why.clone())).collect();
            self.store.tried(&failures, self.clock.now())?;
        }
        retried.stays = stays
            .into_iter()
            .map(|(at, sentence)| {
                let record = &mut records[at];
                let (place, reason) = (std::mem::take(&mut record.place), std::mem::take(&mut record.reason));
                Stays { id: record.id, place, reason, sentence }
            })
            .collect();
        Ok(retried)
    }

    /// Each record by itself, so that none is held up by another.
    fn judge_all(
        &self,
        view: &View,
        source: &Source,
        behind: &Behind,
        records: &[Record],
    ) -> Result<Vec<Judged>, QuarantineError> {
        let mut judge = Judge { quarantine: self, view, source, decoder: Decoder::new(source) };
        records.iter().map(|record| judge.judge(behind, record)).collect()
    }
}

/// Tells what records are by the definition of now.
struct Judge<'a> {
    quarantine: &'a Quarantine,
    view: &'a View,
    source: &'a Source,
    decoder: Decoder,
}

impl Judge<'_> {
    fn judge(&mut self, behind: &Behind, record: &Record) -> Result<Judged, QuarantineError> {
        let Self { quarantine, view, source, .. } = *self;
        if record.behind == *behind {
            let why = "Its stream has not gone on since it was met and will read it again by itself. Try again once the \
                       stream goes on.";
            return Ok(Judged::Stays(why.to_owned()));
        }
        if record.bytes.len() as u64 != record.length {
            let (kept, length) = (record.bytes.len(), record.length);
            let why = format!("Of its {length} bytes {kept} are kept, so it cannot be read. Send it again, shorter.");
            return Ok(Judged::Stays(why));
        }
        if lacks_columns(source, record) {
            let why = "Columns of it come of what Kafka knows of a record, which is not kept here. Send the record to the \
                       topic again, mended, and drop it here.";
            return Ok(Judged::Stays(why.to_owned()));
        }
        let decoded = self.decoder.decode(std::iter::once(record.bytes.as_slice()), |_| record.place.clone());
        if let Some(refused) = decoded.refused.into_iter().next() {
            return Ok(Judged::Stays(refused.message));
        }
        let newest = latest_event(&decoded.events, source);
        let now = quarantine.clock.now();
        if let Some(at) = newest.filter(|at| *at > now + FAR_FUTURE && !source.future_events) {
            let why = format!("Its time {} lies too far in the future still. Try again once it has come.", rfc3339(at));
            return Ok(Judged::Stays(why));
        }
        let streamed = match sound::transform(quarantine.engine.as_ref(), view, decoded.events.clone()) {
            Ok(streamed) => streamed,
            Err(error) if error.kind == ErrorKind::Query => return Ok(Judged::Stays(error.message)),
            Err(error) => return Err(error.into()),
        };
        if streamed.rows.height() == 0 {
            return Ok(Judged::Filtered);
        }
        let start = quarantine.starts.get(&view.id).copied();
        if let Some(start) = start.filter(|start| streamed.times.iter().all(|at| *at < micros(*start))) {
            let why = format!(
                "It is from before the features of view {} begin{}, {}. Move `feature_start_time` of the view if it is \
                 wanted.",
                view.name,
                plan::reach(view),
                rfc3339(start)
            );
            return Ok(Judged::Stays(why));
        }
        let keys = rule(source).map(|rule| dedup::keys(&decoded.events, source, rule)).transpose()?.unwrap_or_default();
        let seen = keys.into_iter().next().flatten();
        Ok(Judged::Rows(Released { rows: streamed.rows, times: streamed.times, seen }, newest))
    }
}

/// How deduplication tells events of the stream apart; absent where it does not.
fn rule(source: &Source) -> Option<&Deduplicate> {
    source.stream.as_ref().and_then(|stream| stream.deduplicate.as_ref())
}

/// Whether columns come of what the stream knew of the record beside its bytes. What was an event already when it was
/// set aside holds all of them.
fn lacks_columns(source: &Source, record: &Record) -> bool {
    let was_event = [Reason::Late, Reason::FarFuture, Reason::BeforeStart, Reason::QueryFailed];
    match source.stream.as_ref().map(|stream| &stream.feed) {
        Some(Feed::Kafka(kafka)) => {
            kafka.take.columns().next().is_some() && was_event.iter().all(|reason| reason.word() != record.reason)
        }
        _ => false,
    }
}

/// How to have batch jobs bring an event of that time.
fn by_batch(view: &View, at: Option<Time>) -> String {
    let Some(at) = at else { return "A batch job of its window brings it, with overwrite.".to_owned() };
    format!(
        "Where the batch side holds it (its time is {}), a batch job of its window brings it: `fvtop jobs trigger {} \
         --start START --end END --online --overwrite`.",
        rfc3339(at),
        view.name
    )
}

fn still_late(view: &View, at: Option<Time>) -> String {
    format!(
        "It lies beyond the watermark, as it did. {} Where no batch job is to bring it, retry it with --force-late.",
        by_batch(view, at)
    )
}

fn in_batch_window(view: &View, at: Option<Time>) -> String {
    format!(
        "A batch job wrote its window, and what a batch job wrote is changed by another one alone. {}",
        by_batch(view, at)
    )
}
