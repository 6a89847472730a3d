//! The thread that writes a log: it takes what has gathered, writes it at once and makes it durable once (group
//! commit); begins new files and lets go of old ones.
//!
//! Whoever appends waits here alone, and for no longer than two such writes.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::error::{AppendError, LogError};
use super::frame::{Head, Records, Tag};
use super::log::{Commit, Kept, Shared, Taken, random};
use super::segment::{HEADER, Header, Mark, Segment};
use super::tags::Known;
use crate::model::Time;
use crate::model::time::{micros, span_micros};
use crate::platform::clock::Cautious;

/// Most bytes that wait to be written to one log.
pub(crate) const WAITING: usize = 32 << 20;
/// Most bytes of one write, or one request.
const AT_ONCE: usize = 8 << 20;
/// How often old files are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// A request that waits to be written.
pub(super) struct Waiting {
    pub records: Records,
    pub tag: Option<Tag>,
    pub done: oneshot::Sender<Result<Taken, AppendError>>,
}

/// Requests that wait, bounded in bytes.
#[derive(Default)]
pub(super) struct Queue {
    line: Mutex<Line>,
    moved: Condvar,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), AppendError> {
        let size = waiting.records.size();
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.closed {
            return Err(AppendError::Stopped);
        }
        if line.bytes + size > WAITING {
            return Err(AppendError::Busy);
        }
        line.bytes += size;
        line.waiting.push_back(waiting);
        self.moved.notify_one();
        Ok(())
    }

    pub(super) fn close(&self) {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.moved.notify_all();
    }

    /// What has gathered, at most one write's worth; nothing where none came for a while. Absent once it is closed and
    /// empty.
    fn take(&self) -> Option<Vec<Waiting>> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |line: &mut Line| line.waiting.is_empty() && !line.closed;
        let waited = self.moved.wait_timeout_while(line, TIDY_EVERY, idle);
        let (mut line, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if line.closed && line.waiting.is_empty() {
            return None;
        }
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(next) = line.waiting.pop_front() {
            let size = next.records.size();
            if bytes > 0 && bytes + size > AT_ONCE {
                line.waiting.push_front(next);
                break;
            }
            bytes += size;
            group.push(next);
        }
        line.bytes -= bytes;
        Some(group)
    }
}

/// Writes until the queue is closed.
pub(super) fn run(mut writer: Writer) {
    while let Some(group) = writer.shared.queue.take() {
        if !group.is_empty() {
            writer.write(group);
        }
        writer.tidy();
    }
}

/// What writes a log, on a thread of its own.
pub(super) struct Writer {
    shared: Arc<Shared>,
    commit: Commit,
    /// The last file of the log, which grows.
    file: File,
    /// What stands in the file behind what is durable is not known, for a write failed.
    doubtful: bool,
    /// It was said that nothing can be written.
    failing: bool,
    present: Cautious,
    /// When old files were looked for, by the steady clock.
    tidied: Option<Time>,
}

/// A group that is about to be written.
#[derive(Default)]
struct Group {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    tags: HashMap<u128, Known>,
    /// Who waits for it, and what is told once it is durable.
    waiting: Vec<(oneshot::Sender<Result<Taken, AppendError>>, Taken)>,
    /// The number behind its last record.
    next: u64,
    arrival: i64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, commit: Commit) -> Result<Self, LogError> {
        let last = shared.state().files.back().map(|kept| Arc::clone(&kept.segment));
        let Some(last) = last else { return Err(LogError::disk(&shared.folder, io::ErrorKind::NotFound.into())) };
        let file = last.for_writing().map_err(|problem| LogError::disk(&last.path, problem))?;
        Ok(Self { shared, commit, file, doubtful: false, failing: false, present: Cautious::default(), tidied: None })
    }

    /// Writes a group, and answers who waits for it.
    fn write(&mut self, group: Vec<Waiting>) {
        if let Err(problem) = self.ready() {
            self.failed(&problem);
            for waiting in group {
                // Who does not wait any more needs no answer, here and below.
                let _ = waiting.done.send(Err(AppendError::of_disk(&problem)));
            }
            return;
        }
        let (group, place) = self.gather(group);
        match if group.bytes.is_empty() { Ok(()) } else { (self.commit)(&self.file, &group.bytes, place) } {
            Ok(()) => {
                self.failing = false;
                self.settle(group, place);
            }
            Err(problem) => {
                self.doubtful = true;
                self.shared.state().writing = None;
                // Room for others; what could not be cut is cut before the next write.
                let _ = self.file.set_len(place);
                self.failed(&problem);
                for (done, _) in group.waiting {
                    let _ = done.send(Err(AppendError::of_disk(&problem)));
                }
            }
        }
    }

    /// Says that nothing can be written, once until something can.
    fn failed(&mut self, problem: &io::Error) {
        if !std::mem::replace(&mut self.failing, true) {
            let folder = self.shared.folder.display();
            tracing::error!(%folder, error = problem as &dyn std::error::Error, "records of a stream cannot be taken");
        }
    }

    /// Sees that the last file may be added to, beginning another where it is full, old or doubtful.
    fn ready(&mut self) -> io::Result<()> {
        let now = micros(self.shared.clock.now());
        let keeping = self.shared.keeping;
        let (begun, end, empty) = {
            let state = self.shared.state();
            let last = state.files.back();
            let (begun, end) = last.map_or((now, HEADER), |last| (last.segment.header.made, last.bytes));
            (begun, end, end == HEADER)
        };
        if self.doubtful {
            self.file.set_len(end)?;
            self.file.sync_all()?;
            self.begin_file(now)?;
            self.doubtful = false;
            return Ok(());
        }
        let old = now.saturating_sub(begun) >= span_micros(keeping.turn());
        if end >= keeping.segment() || (old && !empty) { self.begin_file(now) } else { Ok(()) }
    }

    /// Begins another file. One that holds nothing is replaced.
    fn begin_file(&mut self, now: i64) -> io::Result<()> {
        let (first, before, last) = {
            let state = self.shared.state();
            (state.next, state.arrival, state.files.back().cloned())
        };
        let header = Header { salt: random(), log: self.shared.id, first, made: now, before };
        let segment = Arc::new(Segment::make(&self.shared.folder, header)?);
        self.file = segment.for_writing()?;
        let ended = last.filter(|last| last.segment.header.first < first);
        let tags = {
            let mut state = self.shared.state();
            if ended.is_none() {
                state.files.pop_back();
            }
            state.files.push_back(Kept { segment, bytes: HEADER });
            ended.as_ref().map(|last| state.tags.since(last.segment.header.first))
        };
        if let Some((last, tags)) = ended.zip(tags) {
            // It says nothing that the file does not.
            if let Err(error) = last.segment.write_index(&tags) {
                let path = last.segment.path.display();
                tracing::warn!(%error, %path, "the index of a log's file was not written");
            }
        }
        Ok(())
    }

    /// The frames of a group, and where they go. A request that was taken before is not taken again.
    fn gather(&self, requests: Vec<Waiting>) -> (Group, u64) {
        let mut state = self.shared.state();
        // Under the lock: no reader is told a later instant before it knows that these are being written.
        let arrival = micros(self.shared.clock.now()).max(state.arrival);
        state.writing = Some(arrival);
        let (place, salt) = state.files.back().map_or((HEADER, 0), |last| (last.bytes, last.segment.header.salt));
        let mut group = Group { next: state.next, arrival, ..Group::default() };
        for Waiting { records, tag, done } in requests {
            let durable = tag.and_then(|tag| state.tags.find(&tag));
            let known = durable.or_else(|| group.tags.get(&tag?.key).copied());
            if let (Some(known), Some(tag)) = (known, tag) {
                let again = Taken { first: known.first, count: known.count, again: true };
                match known.body == tag.body {
                    true if durable.is_some() => drop(done.send(Ok(again))),
                    true => group.waiting.push((done, again)),
                    false => drop(done.send(Err(AppendError::OtherRecords))),
                }
                continue;
            }
            let (first, count) = (group.next, records.count());
            let at = place + group.bytes.len() as u64;
            let head = Head { first, count, durable: place, arrival, tag };
            records.write(&head, salt, at, &mut group.bytes);
            group.marks.push(Mark { number: first, place: at });
            if let Some(tag) = tag {
                group.tags.insert(tag.key, Known { body: tag.body, first, count, arrival });
            }
            group.next += u64::from(count);
            group.waiting.push((done, Taken { first, count, again: false }));
        }
        (group, place)
    }

    /// Lets readers have a group that is durable.
    fn settle(&mut self, group: Group, place: u64) {
        {
            let mut state = self.shared.state();
            state.writing = None;
            if let Some(last) = state.files.back_mut() {
                last.bytes = place + group.bytes.len() as u64;
                group.marks.iter().for_each(|mark| last.segment.added(*mark));
            }
            if group.next > state.next {
                (state.next, state.arrival) = (group.next, group.arrival);
            }
            let mut tags: Vec<_> = group.tags.into_iter().collect();
            tags.sort_by_key(|(_, known)| known.first);
            tags.into_iter().for_each(|(key, known)| state.tags.insert(key, known));
            state.tags.forget(group.arrival);
        }
        self.shared.changed.send_replace(group.next);
        for (done, taken) in group.waiting {
            let _ = done.send(Ok(taken));
        }
    }

    /// Lets go of files that are kept long enough, now and then.
    fn tidy(&mut self) {
        let steady = self.shared.clock.steady();
        if self.tidied.is_some_and(|at| (steady - at).to_std().is_ok_and(|passed| passed < TIDY_EVERY)) {
            return;
        }
        self.tidied = Some(steady);
        if let Err(error) = self.let_go() {
            tracing::warn!(%error, folder = %self.shared.folder.display(), "an old file of a log was not removed");
        }
    }

    fn let_go(&mut self) -> io::Result<()> {
        let now = micros(self.present.now(&self.shared.clock));
        let keeping = self.shared.keeping;
        let until = now.saturating_sub(span_micros(keeping.age));
        let outlived = {
            let state = self.shared.state();
            state.arrival < until && state.files.back().is_some_and(|last| last.bytes > HEADER)
        };
        if outlived && !self.doubtful {
            self.begin_file(now)?;
        }
        // Nobody waits for the disk: first nobody reads them any more, then they are removed.
        let mut gone = VecDeque::new();
        {
            let mut state = self.shared.state();
            let mut bytes = state.files.iter().map(|file| file.bytes).sum::<u64>();
            while let Some(next) = state.files.get(1)
                && (next.segment.header.before < until || bytes > keeping.bytes)
                && let Some(oldest) = state.files.pop_front()
            {
                bytes -= oldest.bytes;
                gone.push_back(oldest);
            }
        }
        while let Some(oldest) = gone.front() {
            if let Err(error) = oldest.segment.remove() {
                // What is there is kept, and tried again.
                let mut state = self.shared.state();
                gone.into_iter().rev().for_each(|file| state.files.push_front(file));
                return Err(error);
            }
            gone.pop_front();
        }
        Ok(())
    }
}
