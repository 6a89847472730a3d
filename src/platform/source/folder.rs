//! A stream out of a folder in which files appear: JSON lines, CSV, Parquet, each read once.
//!
//! It reads; it must not keep a position, nor move, change or remove a file. Files are read in the order of their last
//! change, then of their names, and a file is taken once nobody seems to write it any more. An offset names the files that
//! were read and are still there, so a file that comes with an older time is read as well, and one that was changed after
//! it was read is told by name.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use polars::prelude::DataFrame;
use xxhash_rust::xxh3::xxh3_64;

use super::records::{Decoded, Decoder, Reason, Refused};
use super::{
    Form, Offset, Partition, Read, Seek, StreamSource, damaged, delimited, files, footer, latest_event, lines,
};
use crate::model::{clean, foreign};
use crate::platform::clock::Clock;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{DataFile, Located, Source};

/// Its offsets: the file that is being read (the length of its name in two bytes, the name, its state and the place in it
/// in eight bytes each; no name where none is), and hash and state of each file that was read, in eight bytes each.
const FORM: Form = Form { kind: "folder", version: 1 };
const WHOLE: Partition = 0;
/// How long a file must be unchanged before it is read.
const SETTLED: Duration = Duration::from_secs(5);
/// Most files of a folder: each of them is in every offset.
const MOST_FILES: usize = 100_000;

/// A folder that files come into.
pub(crate) struct Folder {
    source: Source,
    at: Located,
    decoder: Decoder,
    clock: Clock,
    settled: Duration,
}

/// How far a folder was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The file that is being read, its state, and the place in it: of a Parquet file the row, else the byte.
    current: Option<(String, u64, u64)>,
    /// Hashes of the names of files that were read, with their state.
    read: BTreeMap<u64, u64>,
}

/// A file of the folder.
#[derive(Clone, Debug)]
struct Found {
    name: String,
    /// Of the name, as offsets have it.
    hash: u64,
    path: PathBuf,
    form: Option<Kind>,
    /// When it was last changed, nanoseconds since 1970.
    modified: i128,
    /// Of its size and its last change.
    state: u64,
    is_settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lines,
    Delimited,
    Parquet,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Self::Lines,
            "csv" => Self::Delimited,
            "parquet" => Self::Parquet,
            _ => return None,
        })
    }
}

/// A part of a file.
struct Piece {
    events: DataFrame,
    refused: Vec<Refused>,
    /// The place behind it, and whether nothing follows.
    end: u64,
    all: bool,
}

impl Folder {
    pub(crate) fn new(source: &Source, at: &Located, clock: Clock) -> Self {
        Self { source: source.clone(), at: at.clone(), decoder: Decoder::new(source), clock, settled: SETTLED }
    }

    /// The files that are there, in the order in which they are read. Names that begin with `.` or `_` are no data.
    fn list(&self) -> Result<Vec<Found>, EngineError> {
        let failed = |error: std::io::Error| self.failed(&self.at.path, &error.to_string());
        files::located(&self.at).map_err(|problem| self.failed(&self.at.path, &problem))?;
        let now = SystemTime::now();
        let mut found = Vec::new();
        for entry in self.at.path.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(['.', '_']) {
                continue;
            }
            let path = entry.path();
            let about = match std::fs::metadata(&path) {
                Ok(about) if about.is_dir() => continue,
                Ok(about) => about,
                // Gone since it was listed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(self.failed(&path, &error.to_string())),
            };
            let nanos = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
            let modified = nanos(about.mtime(), about.mtime_nsec());
            // What is written into has both times of one moment; a name that it is given later, a later one.
            let was_renamed = nanos(about.ctime(), about.ctime_nsec()) > modified;
            let age = about.modified().ok().and_then(|at| now.duration_since(at).ok());
            // One that holds nothing is still to be written.
            let is_settled = about.len() > 0 && (was_renamed || age.is_some_and(|age| age >= self.settled));
            let state = xxh3_64(&[about.len().to_be_bytes().as_slice(), &modified.to_be_bytes()].concat());
            let (form, hash) = (Kind::of(&name), xxh3_64(name.as_bytes()));
            found.push(Found { form, hash, name, path, modified, state, is_settled });
            if found.len() > MOST_FILES {
                let problem = format!("it has more than {MOST_FILES} files, which no offset holds");
                return Err(EngineError {
                    kind: ErrorKind::Source,
                    message: format!(
                        "source {}: {}: {problem}. Move away those that were read",
                        self.source.name,
                        self.at.path.display()
                    ),
                });
            }
        }
        found.sort_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)));
        Ok(found)
    }

    /// Sees that what was read, in part or whole, is as it was; forgets what is not there any more. Gives the file that
    /// was begun.
    fn look_again<'f>(&self, place: &mut Place, found: &'f [Found]) -> Result<Option<(&'f Found, u64)>, EngineError> {
        let by_hash: BTreeMap<u64, &Found> = found.iter().map(|file| (file.hash, file)).collect();
        place.read.retain(|hash, _| by_hash.contains_key(hash));
        let changed = |file: &Found| EngineError {
            kind: ErrorKind::Source,
            message: format!(
                "source {}: {} was changed after it was read, in part or whole. Nothing more is read, for nobody can tell \
                 what is new in it. Take it away, and give what is new in it another name",
                self.source.name,
                file.path.display()
            ),
        };
        for (hash, state) in &place.read {
            if let Some(file) = by_hash.get(hash).filter(|file| file.state != *state) {
                return Err(changed(file));
            }
        }
        let Some((name, state, from)) = &place.current else { return Ok(None) };
        match found.iter().find(|file| file.name == *name) {
            Some(file) if file.state == *state => return Ok(Some((file, *from))),
            Some(file) => return Err(changed(file)),
            None => tracing::warn!(
                source = self.source.name,
                file = clean(name).as_ref(),
                "a file was taken away while it was read: what followed in it was not read"
            ),
        }
        place.current = None;
        Ok(None)
    }

    /// Some `most` records or rows of a file from a place on.
    fn piece(&self, file: &Found, from: u64, most: usize) -> Result<Piece, EngineError> {
        let failed = |problem: String| self.failed(&file.path, &problem);
        let at = Located { path: file.path.clone(), within: Arc::clone(&self.at.within) };
        files::located(&at).map_err(failed)?;
        let Some(form) = file.form else {
            return Err(EngineError {
                kind: ErrorKind::Source,
                message: format!(
                    "source {}: {} is of no form that is read, which are told by .jsonl, .csv and .parquet. Give it another \
                     name: one that begins with `_` or `.` is passed over",
                    self.source.name,
                    file.path.display()
                ),
            });
        };
        let name = clean(&file.name);
        if form == Kind::Parquet {
            return self.rows(file, from, most);
        }
        let opened = footer::open(&file.path).map_err(failed)?;
        if form == Kind::Lines {
            let read = lines::read(opened, from, most, true).map_err(|error| failed(error.to_string()))?;
            let records = read.lines.iter().map(|line| line.bytes.as_slice());
            let place = |line: usize| format!("{name} at byte {}", read.lines[line].at);
            let Decoded { events, refused, .. } = self.decoder.decode(records, place);
            return Ok(Piece { events, refused, end: read.end, all: read.all });
        }
        let read = delimited::read(opened, from, most).map_err(|error| failed(error.to_string()))?;
        let place = |at: u64| format!("{name} at byte {at}");
        let sound = read.rows.iter().filter_map(|row| Some((row.at, row.record.as_deref().ok()?)));
        let (ats, records): (Vec<u64>, Vec<&[u8]>) = sound.unzip();
        let Decoded { events, mut refused, .. } = self.decoder.decode(records.into_iter(), |row| place(ats[row]));
        for row in &read.rows {
            if let Err((record, problem)) = &row.record {
                let (message, record) = (clean(problem).into_owned(), record.clone());
                refused.push(Refused { reason: Reason::Unparsed, message, place: place(row.at), record });
            }
        }
        Ok(Piece { events, refused, end: read.end, all: read.all })
    }

    fn rows(&self, file: &Found, from: u64, most: usize) -> Result<Piece, EngineError> {
        let data = DataFile { within: Arc::clone(&self.at.within), ..DataFile::at(file.path.clone()) };
        let names: Vec<String> = self.source.columns.iter().map(|(name, _)| name.clone()).collect();
        let slice = || {
            let events = files::columns(&self.source, &data, &names, None)?;
            let length = u32::try_from(most).unwrap_or(u32::MAX);
            events.slice(i64::try_from(from).unwrap_or(i64::MAX), length).collect()?.select(&names)
        };
        let events = files::guarded(&self.source, &data, slice)?;
        let read = events.height();
        let name = clean(&file.name);
        let Decoded { events, refused, .. } =
            self.decoder.judge(events, |row| format!("{name} row {}", from + row as u64));
        Ok(Piece { events, refused, end: from + read as u64, all: read < most })
    }

    fn failed(&self, path: &Path, problem: &str) -> EngineError {
        let (name, path) = (&self.source.name, path.display());
        EngineError {
            kind: ErrorKind::Source,
            message: format!(
                "source {name}: {path} cannot be read: {problem}. Correct that, or take the file away; it is tried again"
            ),
        }
    }

    fn place(&self, offset: &Offset) -> Result<Place, EngineError> {
        let (_, bytes) = offset.place(FORM, &self.source)?;
        Place::decode(bytes).ok_or_else(|| damaged(&self.source))
    }
}

impl Place {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match &self.current {
            Some((name, state, from)) => {
                bytes.extend((name.len() as u16).to_be_bytes());
                bytes.extend(name.as_bytes());
                bytes.extend(state.to_be_bytes());
                bytes.extend(from.to_be_bytes());
            }
            None => bytes.extend([0, 0]),
        }
        bytes.extend(self.read.iter().flat_map(|(hash, state)| [hash.to_be_bytes(), state.to_be_bytes()].concat()));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
        let (length, mut rest) = bytes.split_first_chunk::<2>()?;
        let mut current = None;
        if *length != [0, 0] {
            let (name, behind) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            let (numbers, behind) = behind.split_at_checked(16)?;
            let name = String::from_utf8(name.to_vec()).ok()?;
            current = Some((name, number(&numbers[..8])?, number(&numbers[8..])?));
            rest = behind;
        }
        let whole = rest.len() % 16 == 0;
        let read = rest.chunks_exact(16).map(|pair| Some((number(&pair[..8])?, number(&pair[8..])?)));
        let read = read.collect::<Option<_>>().filter(|_| whole)?;
        Some(Self { current, read })
    }
}

impl StreamSource for Folder {
    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        Ok(vec![WHOLE])
    }

    fn read(&self, _: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
        let now = self.clock.now();
        let mut place = from.map(|offset| self.place(offset)).transpose()?.unwrap_or_default();
        let found = self.list()?;
        let Decoded { mut events, mut refused, .. } = self.decoder.decode(std::iter::empty(), |_| String::new());
        let max = max.max(1);
        // The one that was begun, then in their order those that were not read.
        let mut begun = self.look_again(&mut place, &found)?;
        let mut settled = found.iter().filter(|file| file.is_settled);
        let mut caught_up = false;
        while events.height() + refused.len() < max {
            let mut new = || settled.find(|file| !place.read.contains_key(&file.hash)).map(|file| (file, 0));
            let Some((file, begin)) = begun.take().or_else(&mut new) else {
                caught_up = true;
                break;
            };
            let piece = match self.piece(file, begin, max - events.height() - refused.len()) {
                Ok(piece) => piece,
                // What was read of files before it is not held up; the error comes again with the next read.
                Err(_) if events.height() + refused.len() > 0 => break,
                Err(error) => return Err(error),
            };
            events
                .vstack_mut_owned(piece.events)
                .map_err(|error| self.failed(&file.path, &foreign::sentence(&error)))?;
            refused.extend(piece.refused);
            if piece.all {
                place.read.insert(file.hash, file.state);
                place.current = None;
            } else {
                place.current = Some((file.name.clone(), file.state, piece.end));
                begun = Some((file, piece.end));
            }
        }
        let newest = latest_event(&events, &self.source);
        let (offset, reached) = (Offset::new(FORM, &place.encode()), caught_up.then_some(now));
        Ok(Read { events, refused, offset, reached, newest, caught_up, expired: 0 })
    }

    fn print(&self, offset: &Offset) -> String {
        match self.place(offset) {
            Ok(Place { current: Some((name, _, from)), read }) => {
                format!("{} files, and {} up to {from}", read.len(), clean(&name))
            }
            Ok(Place { current: None, read }) => format!("{} files", read.len()),
            Err(_) => format!("{:02x?}", offset.bytes()),
        }
    }

    fn seek(&self, _: Partition, to: &Seek) -> Result<Offset, EngineError> {
        if *to != Seek::Latest {
            let message =
                "files of a folder are read whole: say `latest`, for those that come from now on, or `beginning`";
            return Err(EngineError { kind: ErrorKind::Arguments, message: message.to_owned() });
        }
        // What is still being written comes from now on.
        let found = self.list()?;
        let there = found.iter().filter(|file| file.is_settled);
        let read = there.map(|file| (file.hash, file.state)).collect();
        Ok(Offset::new(FORM, &Place { current: None, read }.encode()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::UNIX_EPOCH;

    use polars::prelude::{Column, ParquetWriter};

    use super::super::position::Position;
    use super::*;
    use crate::platform::{frame, testing};

    struct Scene {
        dir: tempfile::TempDir,
        folder: Folder,
        position: Position,
    }

    impl Scene {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let at = Located { path: dir.path().to_owned(), within: Arc::from([]) };
            let folder = Folder::new(&testing::view("v").inputs[0].source, &at, Clock::system());
            Self { dir, folder, position: Position::default() }
        }

        /// A file that was last changed so many seconds after 1970.
        fn put(&self, name: &str, text: &str, seconds: u64) {
            let path = self.dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            self.stamp(name, seconds);
        }

        fn stamp(&self, name: &str, seconds: u64) {
            let file = File::options().append(true).open(self.dir.path().join(name)).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        }

        /// Reads until it is caught up, so many at a time, each time from the bytes of a position.
        fn read(&mut self, most: usize) -> (Vec<f64>, Vec<String>) {
            let (mut delays, mut refused) = (Vec::new(), Vec::new());
            loop {
                let batch = self.position.read(&self.folder, most).unwrap();
                assert!(batch.caught_up || batch.position != self.position);
                assert!(batch.events.height() + batch.refused.len() <= most);
                delays.extend(batch.events.column("delay").unwrap().f64().unwrap().iter().flatten());
                refused.extend(batch.refused.iter().map(|refused| format!("{}: {}", refused.place, refused.message)));
                self.position = Position::decode(&batch.position.encode()).unwrap();
                if batch.caught_up {
                    return (delays, refused);
                }
            }
        }

        fn refusal(&mut self) -> String {
            let before = self.position.clone();
            let error = self.position.read(&self.folder, 9).unwrap_err().message;
            assert_eq!(self.position, before);
            error
        }
    }

    fn line(delay: u32) -> String {
        format!("{{\"carrier\":\"AA\",\"timestamp\":\"2026-11-22\",\"delay\":{delay}}}\n")
    }

    fn parquet(delays: &[f64]) -> Vec<u8> {
        let times = (0..delays.len()).map(|at| (at != 1).then_some(at as i64));
        let times = Column::new("timestamp".into(), times.collect::<Vec<_>>()).cast(&frame::timestamp_type()).unwrap();
        let columns = vec![times, Column::new("delay".into(), delays)];
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut DataFrame::new(delays.len(), columns).unwrap()).unwrap();
        bytes
    }

    #[test]
    fn files_are_read_once_each_in_the_order_of_time_and_name() {
        for most in [1, 2, 3, 50] {
            let mut scene = Scene::new();
            assert_eq!(scene.read(most).0, [0.0; 0]);
            scene.put("b.jsonl", &[line(3), line(4), "x\n".to_owned(), line(5)].concat(), 100);
            scene.put(
                "a.csv",
                "timestamp,delay,other\n2026-11-22,6,x\n2026-11-22,soon,x\n2026-11-22,7\n2026-11-22,,\"\"\n",
                100,
            );
            scene.put("z.json", &[line(1), line(2).trim_end().to_owned()].concat(), 50);
            scene.put("_half.jsonl", &line(90), 10);
            scene.put(".part.csv", &line(91), 10);
            std::fs::write(scene.dir.path().join("c.parquet"), parquet(&[8.0, 90.0, 9.0])).unwrap();
            scene.stamp("c.parquet", 200);
            let (delays, refused) = scene.read(most);
            assert_eq!(delays, [1.0, 2.0, 6.0, 3.0, 4.0, 5.0, 8.0, 9.0], "{most}");
            assert_eq!(refused.len(), 4, "{refused:?}");
            for told in [
                "a.csv at byte 37: column `delay` is float64 and holds `soon`",
                "a.csv at byte 55: it has 2 fields, and the first line names 3",
                "b.jsonl at byte 104: it is no JSON object",
                "c.parquet row 1: column `timestamp` is the event time",
            ] {
                assert!(refused.iter().any(|refused| refused.starts_with(told)), "{told}: {refused:#?}");
            }
            assert_eq!(scene.read(most).0, [0.0; 0]);
            // One that comes later with an older time is read as well, and the same name again once it was away.
            scene.put("old.jsonl", &line(10), 20);
            std::fs::remove_file(scene.dir.path().join("z.json")).unwrap();
            assert_eq!(scene.read(most).0, [10.0]);
            scene.put("z.json", &line(11), 50);
            assert_eq!(scene.read(most).0, [11.0]);
            assert_eq!(scene.position.print(&scene.folder), "5 files");
        }
    }

    #[test]
    fn a_file_is_taken_when_it_was_renamed_or_is_unchanged_for_a_while() {
        let mut scene = Scene::new();
        scene.folder.settled = Duration::from_secs(3_600);
        std::fs::write(scene.dir.path().join("growing.jsonl"), line(1)).unwrap();
        assert_eq!(scene.read(9).0, [0.0; 0]);
        scene.folder.settled = Duration::ZERO;
        let latest = scene.folder.seek(WHOLE, &Seek::Latest).unwrap();
        assert_eq!(scene.folder.read(WHOLE, Some(&latest), 9).unwrap().events.height(), 0);
        assert_eq!(scene.read(9).0, [1.0]);
    }

    #[test]
    fn a_file_that_is_being_written_when_somebody_asks_for_the_latest_is_read_once_it_is_whole() {
        let mut scene = Scene::new();
        scene.put("before.jsonl", &line(1), 100);
        scene.folder.settled = Duration::from_secs(3_600);
        let path = scene.dir.path().join("growing.jsonl");
        std::fs::write(&path, line(2)).unwrap();
        let latest = scene.folder.seek(WHOLE, &Seek::Latest).unwrap();
        std::fs::write(&path, [line(2), line(3)].concat()).unwrap();
        assert_eq!(scene.folder.read(WHOLE, Some(&latest), 9).unwrap().events.height(), 0);
        scene.folder.settled = Duration::ZERO;
        let read = scene.folder.read(WHOLE, Some(&latest), 9).unwrap();
        let delays: Vec<f64> = read.events.column("delay").unwrap().f64().unwrap().iter().flatten().collect();
        assert_eq!((delays, read.caught_up), (vec![2.0, 3.0], true));
    }

    #[test]
    fn a_file_that_holds_nothing_yet_is_read_once_it_holds_something() {
        let mut scene = Scene::new();
        scene.put("slow.jsonl", "", 100);
        scene.put("other.jsonl", &line(1), 200);
        assert_eq!(scene.read(9).0, [1.0]);
        scene.put("slow.jsonl", &line(2), 300);
        assert_eq!(scene.read(9).0, [2.0]);
        assert_eq!(scene.position.print(&scene.folder), "2 files");
    }

    #[test]
    fn a_file_that_was_changed_or_is_of_no_form_is_told_by_name() {
        let mut scene = Scene::new();
        scene.put("a.jsonl", &[line(1), line(2)].concat(), 100);
        let batch = scene.position.read(&scene.folder, 1).unwrap();
        scene.position = batch.position;
        scene.put("a.jsonl", &[line(1), line(2), line(3)].concat(), 200);
        assert!(scene.refusal().contains("a.jsonl was changed after it was read"));
        scene.put("a.jsonl", &[line(1), line(2)].concat(), 100);
        assert_eq!(scene.read(1).0, [2.0]);
        scene.put("a.jsonl", &[line(1), line(3)].concat(), 300);
        assert!(scene.refusal().contains("a.jsonl was changed after it was read"));
        std::fs::remove_file(scene.dir.path().join("a.jsonl")).unwrap();
        scene.put("notes.txt", "x", 400);
        assert!(scene.refusal().contains("notes.txt is of no form that is read"));
        // What came before it is not held up.
        scene.put("b.jsonl", &line(4), 300);
        let batch = scene.position.read(&scene.folder, 9).unwrap();
        assert_eq!((batch.events.height(), batch.caught_up), (1, false));
        std::fs::rename(scene.dir.path().join("notes.txt"), scene.dir.path().join("_notes.txt")).unwrap();
        scene.put("c.parquet", "x", 500);
        scene.position = batch.position;
        assert!(scene.refusal().contains("c.parquet cannot be read"));
    }

    #[test]
    fn offsets_survive_their_bytes() {
        let whole = Place { current: Some(("ä.csv".to_owned(), 7, 9)), read: BTreeMap::from([(1, 2), (3, u64::MAX)]) };
        for place in [Place::default(), Place { current: None, ..whole.clone() }, whole] {
            let bytes = place.encode();
            assert_eq!(Place::decode(&bytes), Some(place));
            for cut in 1..bytes.len() {
                assert!(Place::decode(&bytes[..cut]).is_none_or(|other| other.encode() == bytes[..cut]));
            }
        }
    }
}
