//! One log: what was taken of a source, in the order in which it came, numbered from 0.
//!
//! It must not know what records mean. One thread writes (`writer.rs`); any number read, straight from the files and
//! only what is durable.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use super::error::{AppendError, LogError};
use super::frame::{self, Records, Tag};
use super::segment::{self, Frames, HEADER, Header, Mark, Segment};
use super::tags::{HORIZON, Known, MOST, Tags};
use super::writer::{self, Queue, Waiting, Writer};
use crate::model::time::{from_micros, micros, span_micros};
use crate::model::{Span, Time};
use crate::platform::clock::Clock;
use crate::platform::private;

/// A file that has so many bytes is added to no more.
const SEGMENT: u64 = 64 << 20;
/// The least of them: a log of few bytes is kept in small pieces so that it can be let go in small pieces.
const LEAST_SEGMENT: u64 = 64 << 10;
/// Retention lets go of a log in about so many pieces.
const PIECES: i32 = 8;

/// How long a log keeps what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keeping {
    /// By age: for certain so long, and up to an eighth longer.
    pub age: Span,
    /// By size: the oldest go while it has more.
    pub bytes: u64,
}

impl Keeping {
    /// When a file is full.
    pub(super) fn segment(&self) -> u64 {
        (self.bytes / PIECES as u64).clamp(LEAST_SEGMENT, SEGMENT)
    }

    /// How long records are added to one file.
    pub(super) fn turn(&self) -> Span {
        (self.age / PIECES).clamp(Span::seconds(1), Span::days(1))
    }
}

/// Writes bytes at a place of a file and makes them durable.
pub(super) type Commit = Box<dyn Fn(&File, &[u8], u64) -> io::Result<()> + Send>;

/// One log. The thread that writes it ends with it.
pub(crate) struct Log {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// What readers, appenders and the thread that writes share.
pub(super) struct Shared {
    pub folder: PathBuf,
    pub keeping: Keeping,
    pub clock: Clock,
    /// The log's own number: it makes offsets those of this log alone.
    pub id: u64,
    pub queue: Queue,
    pub changed: watch::Sender<u64>,
    state: Mutex<State>,
}

/// Where the log stands. All of it is durable.
pub(super) struct State {
    /// The oldest first; the last is added to. At least one.
    pub files: VecDeque<Kept>,
    /// The number of the next record.
    pub next: u64,
    /// When the last record came.
    pub arrival: i64,
    /// The arrival of records that are being written.
    pub writing: Option<i64>,
    pub tags: Tags,
}

/// A file and how much of it counts.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub segment: Arc<Segment>,
    pub bytes: u64,
}

/// Records of one request that were taken, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The number of the first.
    pub first: u64,
    pub count: u32,
    /// They had been taken before, with the same idempotency key.
    pub again: bool,
}

/// The records that one read brought.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Where the next read begins.
    pub next: u64,
    /// Whether nothing durable lay behind.
    pub caught_up: bool,
    /// All that arrived until then lies before `next`.
    pub reached: Option<Time>,
    /// Records from the asked number on that are not kept any more.
    pub expired: u64,
    /// When the first of them came.
    pub arrival: Option<Time>,
    bytes: Vec<u8>,
    /// The number of each record and where it ends.
    ends: Vec<(u64, usize)>,
}

impl Piece {
    /// The records with their numbers.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let begins = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        self.ends.iter().zip(begins).map(|((number, end), begin)| (*number, &self.bytes[begin..*end]))
    }

    fn push(&mut self, number: u64, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.ends.push((number, self.bytes.len()));
        self.next = number + 1;
    }
}

impl Log {
    /// Opens the log of a folder, which is made where there is none. What a crash left half written is cut off.
    ///
    /// # Errors
    /// When its files cannot be used, are damaged, or of a later release.
    pub(crate) fn open(folder: &Path, keeping: Keeping, clock: Clock) -> Result<Self, LogError> {
        let commit = |file: &File, bytes: &[u8], place: u64| {
            file.write_all_at(bytes, place)?;
            file.sync_data()
        };
        Self::open_by(folder, keeping, clock, Box::new(commit))
    }

    /// As [`Log::open`], by another way to write.
    pub(super) fn open_by(folder: &Path, keeping: Keeping, clock: Clock, commit: Commit) -> Result<Self, LogError> {
        let disk = |problem| LogError::disk(folder, problem);
        if let Some(parent) = folder.parent() {
            private::make_folder(parent).map_err(disk)?;
        }
        private::make_folder(folder).map_err(disk)?;
        segment::sweep(folder).map_err(disk)?;
        let now = micros(clock.now());
        let files = files(folder, now)?;
        let id = files.front().map_or(0, |file| file.segment.header.log);
        let state = State::of(files, now)?;
        let next = state.next;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            keeping,
            clock,
            id,
            queue: Queue::default(),
            changed: watch::Sender::new(next),
            state: Mutex::new(state),
        });
        let writer = Writer::new(Arc::clone(&shared), commit)?;
        let thread = std::thread::Builder::new().name("ingest".to_owned());
        let writer = thread.spawn(move || writer::run(writer)).map_err(disk)?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// The log's own number.
    pub(super) fn id(&self) -> u64 {
        self.shared.id
    }

    pub(super) fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// Hands records over to be written. What is received says that they are durable, or why they were not taken. A
    /// request is whole in the log or not at all.
    ///
    /// # Errors
    /// When too much waits to be written.
    pub(crate) fn append(
        &self,
        records: Records,
        tag: Option<Tag>,
    ) -> Result<oneshot::Receiver<Result<Taken, AppendError>>, AppendError> {
        let (done, receiver) = oneshot::channel();
        self.shared.queue.push(Waiting { records, tag, done })?;
        Ok(receiver)
    }

    /// What came with an idempotency key that was given lately.
    ///
    /// # Errors
    /// When something else came with it.
    pub(crate) fn find(&self, tag: &Tag) -> Result<Option<Known>, AppendError> {
        match self.shared.state().tags.find(tag) {
            Some(known) if known.body != tag.body => Err(AppendError::OtherRecords),
            found => Ok(found),
        }
    }

    /// Told the number of the next record whenever records were taken.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// The oldest record that is kept, and the number of the next one.
    pub(crate) fn kept(&self) -> std::ops::Range<u64> {
        self.shared.state().kept()
    }

    /// The number of the first record that came at that instant or later; that of the next one where there is none yet.
    ///
    /// # Errors
    /// When the file that has it cannot be read or is damaged.
    pub(crate) fn since(&self, at: Time) -> Result<u64, LogError> {
        let Some((file, until)) = self.shared.state().begun_before(micros(at)) else { return Ok(self.kept().end) };
        let open = file.segment.file().map_err(|problem| LogError::disk(&file.segment.path, problem))?;
        let begin = Mark { number: file.segment.header.first, place: HEADER };
        let mut frames = Frames::new(&file.segment, &open, begin, file.bytes);
        while let Some((head, _)) = frames.next()? {
            if head.arrival >= micros(at) {
                return Ok(head.first);
            }
        }
        Ok(until)
    }

    /// Some records from number `from` on, or from the oldest: at least one, `most` or so many as have `bytes` bytes.
    ///
    /// # Errors
    /// When they cannot be read, are damaged or gone, or the log never had so many.
    pub(crate) fn read(&self, from: Option<u64>, most: usize, bytes: usize) -> Result<Piece, LogError> {
        loop {
            let seen = self.shared.state().reading(&self.shared.clock);
            if let Some(piece) = self.read_of(seen, from, most, bytes)? {
                return Ok(piece);
            }
        }
    }

    /// As [`Log::read`], of what was kept and reached a moment ago; nothing where retention has taken since what was to
    /// be read.
    pub(super) fn read_of(
        &self,
        (kept, reached): (std::ops::Range<u64>, Time),
        from: Option<u64>,
        most: usize,
        bytes: usize,
    ) -> Result<Option<Piece>, LogError> {
        let asked = from.unwrap_or(kept.start);
        if asked > kept.end {
            let folder = self.shared.folder.clone();
            return Err(LogError::Beyond { folder, number: asked - 1, next: kept.end });
        }
        let begin = asked.max(kept.start);
        let mut piece = Piece { next: begin, expired: begin - asked, ..Piece::default() };
        let most = Most { records: most.max(1), bytes, until: kept.end };
        match self.fill(&mut piece, most) {
            // What was read before it is good.
            Err(error) if piece.ends.is_empty() => {
                if self.kept().start > begin {
                    return Ok(None);
                }
                return Err(error);
            }
            _ => {}
        }
        piece.caught_up = piece.next == kept.end;
        if piece.caught_up {
            piece.reached = Some(reached);
        }
        Ok(Some(piece))
    }

    fn fill(&self, piece: &mut Piece, most: Most) -> Result<(), LogError> {
        while most.wants_more(piece) {
            let Some((segment, end, until)) = self.shared.state().holding(piece.next) else {
                let from = piece.next;
                return Err(LogError::Gap { folder: self.shared.folder.clone(), from, until: most.until });
            };
            let file = segment.file().map_err(|problem| LogError::disk(&segment.path, problem))?;
            let mut frames = Frames::new(&segment, &file, segment.mark(piece.next, end)?, end);
            while most.wants_more(piece) {
                let place = frames.place;
                let (head, records) = match frames.next() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(LogError::Damaged { path, place, number, .. }) => {
                        let behind = segment.goes_on(place, end);
                        if let Some(mark) = behind.filter(|mark| mark.number <= piece.next) {
                            // Nothing that is asked for is lost.
                            frames = Frames::new(&segment, &file, mark, end);
                            continue;
                        }
                        let goes_on = behind.map(|mark| mark.number).or_else(|| (until < most.until).then_some(until));
                        return Err(LogError::Damaged { path, place, number, goes_on });
                    }
                    Err(error) => return Err(error),
                };
                let behind = piece.next.saturating_sub(head.first) as usize;
                let numbered = (head.first..).zip(frame::records(records)).take(head.count as usize);
                for (number, record) in numbered.skip(behind) {
                    if !most.wants_more(piece) {
                        break;
                    }
                    piece.arrival.get_or_insert(from_micros(head.arrival));
                    piece.push(number, record);
                }
                // Not all of what came then is read yet where the frame was too large.
                let whole = piece.next == head.first + u64::from(head.count);
                piece.reached = Some(from_micros(head.arrival - i64::from(!whole)));
                debug_assert!(frames.place > place);
            }
            if most.wants_more(piece) && piece.next < until {
                return Err(LogError::Gap { folder: self.shared.folder.clone(), from: piece.next, until });
            }
        }
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!(folder = %self.shared.folder.display(), "the thread that writes a log panicked");
        }
    }
}

/// How much of a log is read at once.
#[derive(Clone, Copy)]
struct Most {
    records: usize,
    bytes: usize,
    until: u64,
}

impl Most {
    fn wants_more(&self, piece: &Piece) -> bool {
        let some = piece.ends.is_empty() || (piece.ends.len() < self.records && piece.bytes.len() < self.bytes);
        some && piece.next < self.until
    }
}

/// The files of a folder, at least one; the last one ends with a whole frame.
fn files(folder: &Path, now: i64) -> Result<VecDeque<Kept>, LogError> {
    let disk = |problem| LogError::disk(folder, problem);
    let mut files: VecDeque<Kept> = VecDeque::new();
    let paths = segment::list(folder).map_err(disk)?;
    let last = paths.last().cloned();
    for path in paths {
        let Some(segment) = Segment::open(path.clone())? else {
            if Some(&path) == last.as_ref() {
                let shown = path.display();
                tracing::warn!(path = %shown, "a file of a log was not whole when the platform ended; it held nothing");
                std::fs::remove_file(&path).map_err(|problem| LogError::disk(&path, problem))?;
                continue;
            }
            return Err(LogError::Header { path });
        };
        if files.front().is_some_and(|first| first.segment.header.log != segment.header.log) {
            return Err(LogError::Foreign { path });
        }
        let bytes = segment.bytes().map_err(|problem| LogError::disk(&path, problem))?;
        files.push_back(Kept { segment: Arc::new(segment), bytes });
    }
    if files.is_empty() {
        let header = Header { salt: random(), log: random(), first: 0, made: now, before: i64::MIN };
        let segment = Arc::new(Segment::make(folder, header).map_err(disk)?);
        files.push_back(Kept { segment, bytes: HEADER });
    }
    Ok(files)
}

/// A number that nobody can guess.
pub(super) fn random() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1.rotate_left(32) ^ uuid::Uuid::new_v4().as_u64_pair().0
}

impl State {
    /// The state of a log with these files.
    fn of(mut files: VecDeque<Kept>, now: i64) -> Result<Self, LogError> {
        let mut state =
            Self { files: VecDeque::new(), next: 0, arrival: i64::MIN, writing: None, tags: Tags::default() };
        let mut known = Vec::new();
        if let Some(last) = files.back_mut() {
            let (scanned, cut) = last.segment.recover()?;
            if cut > 0 {
                tracing::warn!(
                    path = %last.segment.path.display(), bytes = cut, next = scanned.next,
                    "the end of a log was not whole when the platform ended and was cut off: nobody was told that it was taken"
                );
            }
            last.bytes = scanned.end;
            state.next = scanned.next;
            state.arrival = scanned.arrival.unwrap_or(last.segment.header.before);
            known.push(scanned.tags);
        }
        // Of older files as many as have keys that count.
        let since = now.saturating_sub(span_micros(HORIZON));
        let mut count = known.iter().map(Vec::len).sum::<usize>();
        for (older, newer) in files.iter().rev().skip(1).zip(files.iter().rev()) {
            if newer.segment.header.before < since || count >= MOST {
                break;
            }
            let tags = older.segment.tags()?;
            count += tags.len();
            known.push(tags);
        }
        known.into_iter().rev().flatten().for_each(|(key, known)| state.tags.insert(key, known));
        state.tags.forget(now);
        state.files = files;
        Ok(state)
    }

    fn kept(&self) -> std::ops::Range<u64> {
        self.files.front().map_or(self.next, |oldest| oldest.segment.header.first)..self.next
    }

    /// What is kept, and the instant up to which all that came is among it.
    fn reading(&self, clock: &Clock) -> (std::ops::Range<u64>, Time) {
        let now = micros(clock.now());
        // What is being written came at an instant that is not behind a reader yet.
        let before = self.writing.map_or(now, |arrival| now.min(arrival - 1));
        (self.kept(), from_micros(before))
    }

    /// The newest file of which all older ones hold only what came before that instant, and the number behind its last
    /// record.
    fn begun_before(&self, at: i64) -> Option<(Kept, u64)> {
        let index = self.files.partition_point(|file| file.segment.header.before < at).saturating_sub(1);
        let next = self.files.get(index + 1).map_or(self.next, |next| next.segment.header.first);
        Some((self.files.get(index)?.clone(), next))
    }

    /// The file that holds a record, how much of it counts, and the number behind its last record.
    fn holding(&self, number: u64) -> Option<(Arc<Segment>, u64, u64)> {
        let at = self.files.partition_point(|file| file.segment.header.first <= number).checked_sub(1)?;
        let (file, next) = (self.files.get(at)?, self.files.get(at + 1));
        let until = next.map_or(self.next, |next| next.segment.header.first);
        (number < until).then(|| (Arc::clone(&file.segment), file.bytes, until))
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
