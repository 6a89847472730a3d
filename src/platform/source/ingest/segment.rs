//! The files of a log: each has the records from a number on, and beside it, once no more is added, an index.
//!
//! An index holds nothing that its file does not say: one that is gone or damaged is made again of the file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use super::error::LogError;
use super::frame::{self, Head, Tag};
use super::tags::Known;
use crate::platform::private;

/// What every file begins with.
const MAGIC: [u8; 8] = *b"fvtoplog";
/// The version of files and their indexes.
pub(super) const VERSION: u32 = 1;
/// Bytes of a file before its first frame.
pub(super) const HEADER: u64 = 60;
/// So many bytes are between two marks, or one frame.
const BETWEEN_MARKS: u64 = 64 << 10;
/// Bytes of a file that are read at a time.
const CHUNK: usize = 256 << 10;
const INDEX_MAGIC: [u8; 8] = *b"fvtopidx";

/// What a file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Seed of the checksums, random: nobody can send a record that looks like a frame.
    pub salt: u64,
    /// The log that the file belongs to.
    pub log: u64,
    /// The number of its first record.
    pub first: u64,
    /// When it was made, microseconds since 1970.
    pub made: i64,
    /// When the last record of the files before it came.
    pub before: i64,
}

/// What the index of a segment holds: marks, and what is known of each idempotency key.
type Index = (Vec<Mark>, Vec<(u128, Known)>);

/// Where the frame of a record begins in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub number: u64,
    pub place: u64,
}

/// One file of a log, with what it says of itself.
#[derive(Debug)]
pub(super) struct Segment {
    pub path: PathBuf,
    pub header: Header,
    /// In rising order; absent until they are asked for.
    marks: Mutex<Option<Vec<Mark>>>,
}

/// What reading a file of its own made out.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub marks: Vec<Mark>,
    /// The requests with an idempotency key, in their order.
    pub tags: Vec<(u128, Known)>,
    /// The number behind the last record.
    pub next: u64,
    /// Where the last whole frame ends.
    pub end: u64,
    /// When the last record came.
    pub arrival: Option<i64>,
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_be_bytes());
        for number in [self.salt, self.log, self.first] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.made.to_be_bytes());
        bytes.extend(self.before.to_be_bytes());
        bytes.extend(xxh3_64(&bytes).to_be_bytes());
        bytes
    }

    fn of_numbers(mut numbers: Numbers<'_>) -> Option<Self> {
        let (salt, log, first) = (numbers.u64()?, numbers.u64()?, numbers.u64()?);
        Some(Self { salt, log, first, made: numbers.i64()?, before: numbers.i64()? })
    }

    /// The header of a file; nothing where the file is too short to have one.
    fn read(path: &Path) -> Result<Option<Self>, LogError> {
        let file = File::open(path).map_err(|problem| LogError::disk(path, problem))?;
        let mut bytes = [0; HEADER as usize];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(problem) => return Err(LogError::disk(path, problem)),
        }
        let mut numbers = Numbers(&bytes[MAGIC.len()..]);
        let version = numbers.u32().unwrap_or_default();
        if bytes.starts_with(&MAGIC) && version > VERSION {
            return Err(LogError::Newer { path: path.to_owned(), found: version });
        }
        let (summed, sum) = bytes.split_at(HEADER as usize - 8);
        let damaged = || LogError::Header { path: path.to_owned() };
        if !bytes.starts_with(&MAGIC) || version == 0 || xxh3_64(summed).to_be_bytes() != *sum {
            return Err(damaged());
        }
        Self::of_numbers(numbers).map(Some).ok_or_else(damaged)
    }
}

/// Numbers that follow each other.
struct Numbers<'b>(&'b [u8]);

impl Numbers<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.take().map(u128::from_be_bytes)
    }
}

/// The file of a log whose first record has that number.
fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.log"))
}

/// Removes what is left of files that are gone, and of ones that were being made.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let half = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(private::NEW));
        let index = path.extension().is_some_and(|extension| extension == "index");
        if half || (index && !path.with_extension("log").exists()) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The paths of a log's files, the oldest first.
pub(super) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let numbered = stem.len() == 20 && stem.bytes().all(|byte| byte.is_ascii_digit());
        if numbered && path.extension().is_some_and(|extension| extension == "log") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

impl Segment {
    /// Makes a file, durable with its folder.
    pub(super) fn make(folder: &Path, header: Header) -> io::Result<Self> {
        let path = path(folder, header.first);
        // One of which nobody knows whether it is on disk would be taken for the newest.
        private::put_bytes(&path, &header.encode()).inspect_err(|_| drop(fs::remove_file(&path)))?;
        Ok(Self { path, header, marks: Mutex::new(Some(Vec::new())) })
    }

    /// A file that is there; nothing where it ended before it was made whole, so that it holds no record.
    pub(super) fn open(path: PathBuf) -> Result<Option<Self>, LogError> {
        let Some(header) = Header::read(&path)? else { return Ok(None) };
        Ok(Some(Self { path, header, marks: Mutex::new(None) }))
    }

    pub(super) fn file(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// The file, to be added to.
    pub(super) fn for_writing(&self) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(&self.path)
    }

    pub(super) fn bytes(&self) -> io::Result<u64> {
        Ok(fs::metadata(&self.path)?.len())
    }

    fn index_path(&self) -> PathBuf {
        self.path.with_extension("index")
    }

    /// Removes it and its index.
    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        // One without its file is removed when the log is opened.
        let _ = fs::remove_file(self.index_path());
        Ok(())
    }

    /// Reads all of it up to `end`, or as far as it is whole.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged before `end`.
    pub(super) fn scan(&self, end: u64) -> Result<Scanned, LogError> {
        let (scanned, damage) = self.scan_whole(end)?;
        match damage {
            None => Ok(scanned),
            Some(damage) => Err(damage),
        }
    }

    /// As [`Segment::scan`]; a damage comes with what is whole before it.
    fn scan_whole(&self, end: u64) -> Result<(Scanned, Option<LogError>), LogError> {
        let file = self.file().map_err(|problem| LogError::disk(&self.path, problem))?;
        let mut frames = Frames::new(self, &file, Mark { number: self.header.first, place: HEADER }, end);
        let mut scanned = Scanned { next: self.header.first, end: HEADER, ..Scanned::default() };
        loop {
            let place = frames.place;
            let (head, _) = match frames.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok((scanned, None)),
                Err(damage @ LogError::Damaged { .. }) => return Ok((scanned, Some(damage))),
                Err(error) => return Err(error),
            };
            scanned.note(&head, place);
            scanned.end = frames.place;
        }
    }

    /// Makes the newest file end with its last whole frame: what a crash left behind is cut off, for it was never said
    /// to be taken. True when something was cut, and how much.
    ///
    /// # Errors
    /// When it cannot be read or cut; when it is damaged before what was durable.
    pub(super) fn recover(&self) -> Result<(Scanned, u64), LogError> {
        let disk = |problem| LogError::disk(&self.path, problem);
        let length = self.bytes().map_err(disk)?;
        let (scanned, damage) = self.scan_whole(length)?;
        if let Some(damage) = damage {
            // A frame behind it that was written once this place was durable says that it was whole.
            let mut was_durable = false;
            let look = |head: &Head, _| {
                was_durable = head.durable > scanned.end;
                !was_durable
            };
            self.whole_behind(scanned.end, length, look).map_err(disk)?;
            if was_durable {
                return Err(damage);
            }
        }
        let cut = length - scanned.end;
        if cut > 0 {
            let file = self.for_writing().map_err(disk)?;
            file.set_len(scanned.end).and_then(|()| file.sync_all()).map_err(disk)?;
        }
        *self.lock() = Some(scanned.marks.clone());
        Ok((scanned, cut))
    }

    /// Shows the whole frames behind a damaged place and where they begin, until no more are wanted.
    fn whole_behind(&self, place: u64, end: u64, mut wants_more: impl FnMut(&Head, u64) -> bool) -> io::Result<()> {
        let mut bytes = vec![0; end.saturating_sub(place) as usize];
        self.file()?.read_exact_at(&mut bytes, place)?;
        let mut at = 1;
        while let Some(begin) = frame::next_magic(&bytes, at) {
            at = begin + 1;
            let Some(size) = frame::size(&bytes[begin..]) else { continue };
            let Some(whole) = bytes.get(begin..begin + size) else { continue };
            let Some((head, _)) = frame::read(whole, self.header.salt, place + begin as u64) else { continue };
            if !wants_more(&head, place + begin as u64) {
                break;
            }
            at = begin + size;
        }
        Ok(())
    }

    /// The first frame behind a damaged place that can be read, as far as there is one.
    pub(super) fn goes_on(&self, place: u64, end: u64) -> Option<Mark> {
        let mut found = None;
        let take_first = |head: &Head, place: u64| {
            found = Some(Mark { number: head.first, place });
            false
        };
        self.whole_behind(place, end, take_first).ok()?;
        found
    }

    /// A place to read record `number` from, at it or somewhat before. `end`: how much of the file counts.
    ///
    /// # Errors
    /// When neither the index nor the file can be read.
    pub(super) fn mark(&self, number: u64, end: u64) -> Result<Mark, LogError> {
        let mut marks = self.lock();
        if marks.is_none() {
            *marks = Some(match self.read_index() {
                Some((marks, _)) => marks,
                None => self.scan(end)?.marks,
            });
        }
        let marks = marks.as_deref().unwrap_or_default();
        let at = marks.partition_point(|mark| mark.number <= number);
        let begin = Mark { number: self.header.first, place: HEADER };
        Ok(at.checked_sub(1).and_then(|at| marks.get(at)).copied().unwrap_or(begin))
    }

    /// Notes where a frame was added.
    pub(super) fn added(&self, mark: Mark) {
        note(self.lock().get_or_insert_default(), mark);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<Mark>>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the index of a file that nothing is added to any more.
    pub(super) fn write_index(&self, tags: &[(u128, Known)]) -> io::Result<()> {
        let mut bytes = INDEX_MAGIC.to_vec();
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend(self.header.salt.to_be_bytes());
        {
            let marks = self.lock();
            let marks = marks.as_deref().unwrap_or_default();
            bytes.extend((marks.len() as u32).to_be_bytes());
            for mark in marks {
                bytes.extend(mark.number.to_be_bytes());
                bytes.extend(mark.place.to_be_bytes());
            }
        }
        bytes.extend((tags.len() as u32).to_be_bytes());
        for (key, known) in tags {
            bytes.extend(key.to_be_bytes());
            bytes.extend(known.body.to_be_bytes());
            bytes.extend(known.first.to_be_bytes());
            bytes.extend(known.count.to_be_bytes());
            bytes.extend(known.arrival.to_be_bytes());
        }
        bytes.extend(xxh3_64(&bytes).to_be_bytes());
        private::put_bytes(&self.index_path(), &bytes)
    }

    /// The index; nothing where it is gone, damaged or of another version.
    fn read_index(&self) -> Option<Index> {
        let bytes = fs::read(self.index_path()).ok()?;
        let (summed, sum) = bytes.split_last_chunk::<8>()?;
        let rest = summed.strip_prefix(&INDEX_MAGIC)?;
        if xxh3_64(summed).to_be_bytes() != *sum {
            return None;
        }
        let mut numbers = Numbers(rest);
        if numbers.u32()? != VERSION || numbers.u64()? != self.header.salt {
            return None;
        }
        let marks = (0..numbers.u32()?).map(|_| Some(Mark { number: numbers.u64()?, place: numbers.u64()? }));
        let marks = marks.collect::<Option<Vec<_>>>()?;
        let tags = (0..numbers.u32()?).map(|_| {
            let (key, body) = (numbers.u128()?, numbers.u128()?);
            let (first, count, arrival) = (numbers.u64()?, numbers.u32()?, numbers.i64()?);
            Some((key, Known { body, first, count, arrival }))
        });
        Some((marks, tags.collect::<Option<Vec<_>>>()?))
    }

    /// The requests with an idempotency key of a file that nothing is added to any more.
    ///
    /// # Errors
    /// When neither the index nor the file can be read.
    pub(super) fn tags(&self) -> Result<Vec<(u128, Known)>, LogError> {
        if let Some((_, tags)) = self.read_index() {
            return Ok(tags);
        }
        let end = self.bytes().map_err(|problem| LogError::disk(&self.path, problem))?;
        let scanned = self.scan(end)?;
        *self.lock() = Some(scanned.marks);
        Ok(scanned.tags)
    }
}

impl Scanned {
    fn note(&mut self, head: &Head, place: u64) {
        note(&mut self.marks, Mark { number: head.first, place });
        if let Some(Tag { key, body }) = head.tag {
            let known = Known { body, first: head.first, count: head.count, arrival: head.arrival };
            self.tags.push((key, known));
        }
        self.next = head.first + u64::from(head.count);
        self.arrival = Some(head.arrival);
    }
}

/// Keeps a mark where it is far enough from the last.
fn note(marks: &mut Vec<Mark>, mark: Mark) {
    if marks.last().is_none_or(|last| mark.place - last.place >= BETWEEN_MARKS) {
        marks.push(mark);
    }
}

/// The frames of a file from a place on, in pieces of bounded size.
pub(super) struct Frames<'f> {
    segment: &'f Segment,
    file: &'f File,
    /// Where the next one begins.
    pub place: u64,
    /// The number of its first record.
    number: u64,
    end: u64,
    buffer: Vec<u8>,
    /// The place of the buffer's first byte.
    begins: u64,
}

impl<'f> Frames<'f> {
    pub(super) fn new(segment: &'f Segment, file: &'f File, from: Mark, end: u64) -> Self {
        let Mark { number, place } = from;
        Self { segment, file, place, number, end, buffer: Vec::new(), begins: place }
    }

    /// The next one: what it says, and its records.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged there.
    pub(super) fn next(&mut self) -> Result<Option<(Head, &[u8])>, LogError> {
        if self.place >= self.end {
            return Ok(None);
        }
        let disk = |problem| LogError::disk(&self.segment.path, problem);
        let whole = self.fill(frame::HEAD).map_err(disk)?;
        let size = if whole { frame::size(self.filled()) } else { None };
        let whole = match size {
            Some(size) => self.fill(size).map_err(disk)?,
            None => false,
        };
        let (place, number) = (self.place, self.number);
        let damaged = LogError::Damaged { path: self.segment.path.clone(), place, number, goes_on: None };
        let size = size.filter(|_| whole);
        let Some(size) = size else { return Err(damaged) };
        self.place += size as u64;
        let at = (place - self.begins) as usize;
        let read = frame::read(&self.buffer[at..at + size], self.segment.header.salt, place);
        match read.filter(|(head, _)| head.first == number) {
            Some((head, records)) => {
                self.number = head.first + u64::from(head.count);
                Ok(Some((head, records)))
            }
            None => Err(damaged),
        }
    }

    fn filled(&self) -> &[u8] {
        &self.buffer[(self.place - self.begins) as usize..]
    }

    /// Makes so many bytes stand in the buffer; false where the file has fewer.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        if self.place + wanted as u64 > self.end {
            return Ok(false);
        }
        let have = self.filled().len();
        if have >= wanted {
            return Ok(true);
        }
        self.buffer.drain(..(self.place - self.begins) as usize);
        self.begins = self.place;
        let left = (self.end - self.place) as usize;
        self.buffer.resize(wanted.max(CHUNK).min(left), 0);
        match self.file.read_exact_at(&mut self.buffer[have..], self.place + have as u64) {
            Ok(()) => Ok(true),
            // It is shorter than it was.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.buffer.truncate(have);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
