//! A stream out of one file of JSON lines that grows.
//!
//! It reads; it must not keep a position, nor hold the file open between reads. An offset says which file it is of (its
//! device, number and time of birth, and a hash of how it begins) and how many bytes of it were read. A file that was put
//! in place of another is read from its beginning, once the rest of the one that was renamed is read.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use xxhash_rust::xxh3::xxh3_64;

use super::records::{Decoded, Decoder};
use super::{Form, Offset, Partition, Read, Seek, StreamSource, damaged, files, footer, latest_event, lines};
use crate::platform::clock::Clock;
use crate::platform::compute::{EngineError, ErrorKind as Of};
use crate::platform::definition::{Located, Source};

/// Its offsets: device, number, birth, bytes, hash of the beginning, each in eight bytes; nothing before the first file.
const FORM: Form = Form { kind: "file", version: 1 };
const WHOLE: Partition = 0;
/// Most bytes of the beginning of a file by which it is known again.
const HEAD: u64 = 1 << 10;

/// A stream of the lines of a file that grows.
pub(crate) struct FileTail {
    source: Source,
    at: Located,
    decoder: Decoder,
    clock: Clock,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    file: Identity,
    bytes: u64,
    /// Of the first of these bytes.
    head: u64,
}

/// What makes two looks at a path one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    number: u64,
    /// Nanoseconds since 1970, for numbers are given again; 0 where the file system does not say.
    born: u64,
}

impl Identity {
    fn of(about: &Metadata) -> Self {
        let born = about.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0);
        Self { device: about.dev(), number: about.ino(), born }
    }
}

/// A file, as it is when it is read.
struct Opened {
    path: PathBuf,
    file: File,
    about: Metadata,
}

impl FileTail {
    pub(crate) fn new(source: &Source, at: &Located, clock: Clock) -> Self {
        Self { source: source.clone(), at: at.clone(), decoder: Decoder::new(source), clock }
    }

    /// The file that has the name now; absent where there is none yet.
    fn current(&self) -> Result<Option<Opened>, EngineError> {
        let opened = open(&self.at.path).map_err(|problem| self.failed(&self.at.path, &problem))?;
        if opened.is_some() {
            files::located(&self.at).map_err(|problem| self.failed(&self.at.path, &problem))?;
        }
        Ok(opened)
    }

    /// The files that had the name before and were renamed with a number or a day behind it, oldest change first.
    fn earlier(&self) -> Result<Vec<Opened>, EngineError> {
        let (Some(folder), Some(name)) = (self.at.path.parent(), self.at.path.file_name()) else {
            return Ok(Vec::new());
        };
        let failed = |error: std::io::Error| self.failed(folder, &error.to_string());
        let name = name.to_string_lossy();
        let mut found = Vec::new();
        for entry in folder.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let other = entry.file_name().to_string_lossy().into_owned();
            let behind = other.strip_prefix(name.as_ref()).filter(|behind| behind.starts_with(['.', '-']));
            if behind.is_some_and(|behind| behind[1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')) {
                let at = Located { path: entry.path(), within: Arc::clone(&self.at.within) };
                if files::located(&at).is_ok() {
                    found.extend(open(&at.path).map_err(|problem| self.failed(&at.path, &problem))?);
                }
            }
        }
        found.sort_by_key(|opened| (opened.about.mtime(), opened.about.mtime_nsec()));
        Ok(found)
    }

    /// Where to read: the file of the place, whether it is past its time, and what follows on it.
    fn find(&self, place: Option<Place>) -> Result<Option<Reading>, EngineError> {
        let current = self.current()?;
        let Some(place) = place else {
            return Ok(current.map(|file| Reading { file, from: 0, next: None }));
        };
        if let Some(file) = current.as_ref().filter(|file| Identity::of(&file.about) == place.file) {
            self.is_as_it_was(file, place)?;
            return Ok(current.map(|file| Reading { file, from: place.bytes, next: None }));
        }
        let mut earlier = self.earlier()?.into_iter().skip_while(|file| Identity::of(&file.about) != place.file);
        let Some(file) = earlier.next() else {
            if current.is_none() {
                return Ok(None);
            }
            tracing::warn!(
                source = self.source.name,
                "the file that was read is neither at {} nor beside it, and the one that is there is read from its \
                 beginning: whether anything behind the place was not read nobody can tell. Rename a file by a number or \
                 a day behind its name, and keep it until it is read",
                self.at.path.display()
            );
            return Ok(current.map(|file| Reading { file, from: 0, next: None }));
        };
        self.is_as_it_was(&file, place)?;
        let next = earlier.next().or(current).map(|next| Identity::of(&next.about));
        Ok(Some(Reading { file, from: place.bytes, next: Some(next) }))
    }

    /// Sees that what was read of a file is still in it.
    fn is_as_it_was(&self, opened: &Opened, place: Place) -> Result<(), EngineError> {
        let size = opened.about.len();
        let what = if size < place.bytes {
            format!("it has {size} bytes, and {} of it were read", place.bytes)
        } else if self.head(opened, place.bytes)? != place.head {
            "it begins with other bytes than those that were read".to_owned()
        } else {
            return Ok(());
        };
        let path = opened.path.display();
        Err(EngineError {
            kind: Of::Source,
            message: format!(
                "source {}: the file {path} was written anew in place: {what}. Nothing was read, for what was lost with it \
                 is not known. To read what it holds now from its beginning, put a copy in its place: `cp {path} {path}.new \
                 && mv {path}.new {path}`. A file that is renamed and begun under its name is followed by itself",
                self.source.name
            ),
        })
    }

    fn head(&self, opened: &Opened, bytes: u64) -> Result<u64, EngineError> {
        let mut head = Vec::new();
        let mut file = &opened.file;
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(bytes.min(HEAD)).read_to_end(&mut head));
        read.map_err(|error| self.failed(&opened.path, &error.to_string()))?;
        Ok(xxh3_64(&head))
    }

    fn failed(&self, path: &Path, problem: &str) -> EngineError {
        let (name, path) = (&self.source.name, path.display());
        EngineError {
            kind: Of::Source,
            message: format!("source {name}: {path} cannot be read: {problem}. Correct that; it is tried again"),
        }
    }

    fn place(&self, offset: &Offset) -> Result<Option<Place>, EngineError> {
        let (_, place) = offset.place(FORM, &self.source)?;
        if place.is_empty() {
            return Ok(None);
        }
        let numbers: Option<Vec<u64>> =
            place.chunks(8).map(|part| part.try_into().ok().map(u64::from_be_bytes)).collect();
        match numbers.as_deref() {
            Some([device, number, born, bytes, head]) => {
                let file = Identity { device: *device, number: *number, born: *born };
                Ok(Some(Place { file, bytes: *bytes, head: *head }))
            }
            _ => Err(damaged(&self.source)),
        }
    }
}

/// Which file is read next, and from where.
struct Reading {
    file: Opened,
    from: u64,
    /// Where the file was renamed: the one that follows, if there is any yet.
    next: Option<Option<Identity>>,
}

/// The place behind the last line that ends before that byte.
fn last_end(mut file: &File, before: u64) -> std::io::Result<u64> {
    let mut end = before;
    while end > 0 {
        let begin = end.saturating_sub(1 << 16);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        file.take(end - begin).read_to_end(&mut bytes)?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// Opens a file; absent where there is none.
fn open(path: &Path) -> Result<Option<Opened>, String> {
    if matches!(std::fs::metadata(path), Err(error) if error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let file = footer::open(path)?;
    let about = file.metadata().map_err(|error| error.to_string())?;
    Ok(Some(Opened { path: path.to_owned(), file, about }))
}

fn offset(place: Option<Place>) -> Offset {
    let bytes = place.map(|Place { file, bytes, head }| {
        [file.device, file.number, file.born, bytes, head].map(u64::to_be_bytes).concat()
    });
    Offset::new(FORM, &bytes.unwrap_or_default())
}

impl StreamSource for FileTail {
    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        Ok(vec![WHOLE])
    }

    fn read(&self, _: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
        let now = self.clock.now();
        let place = from.map(|offset| self.place(offset)).transpose()?.flatten();
        let Some(reading) = self.find(place)? else {
            let Decoded { events, refused, .. } = self.decoder.decode(std::iter::empty(), |_| String::new());
            // It comes under its name again, or for the first time.
            let (offset, reached) = (offset(place), Some(now));
            return Ok(Read { events, refused, offset, reached, newest: None, caught_up: true, expired: 0 });
        };
        let Reading { file, from, next } = reading;
        // Once another has the name, nobody is to write more into a file that was renamed.
        let is_whole = next.is_some_and(|next| next.is_some());
        let read = lines::read(&file.file, from, max.max(1), is_whole);
        let read = read.map_err(|error| self.failed(&file.path, &error.to_string()))?;
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        let records = read.lines.iter().map(|line| line.bytes.as_slice());
        let place = |line: usize| format!("{name} at byte {}", read.lines[line].at);
        let Decoded { events, refused, .. } = self.decoder.decode(records, place);
        let identity = Identity::of(&file.about);
        let place = match next.flatten() {
            Some(next) if read.all => Place { file: next, bytes: 0, head: xxh3_64(&[]) },
            _ => Place { file: identity, bytes: read.end, head: self.head(&file, read.end)? },
        };
        let caught_up = read.all && place.file == identity;
        let newest = latest_event(&events, &self.source);
        let (offset, reached) = (offset(Some(place)), caught_up.then_some(now));
        Ok(Read { events, refused, offset, reached, newest, caught_up, expired: 0 })
    }

    fn print(&self, offset: &Offset) -> String {
        match self.place(offset) {
            Ok(Some(place)) => format!("byte {} of file {}", place.bytes, place.file.number),
            Ok(None) => "the beginning".to_owned(),
            Err(_) => format!("{:02x?}", offset.bytes()),
        }
    }

    fn seek(&self, _: Partition, to: &Seek) -> Result<Offset, EngineError> {
        let refused = |message: &str| EngineError { kind: Of::Arguments, message: message.to_owned() };
        let Some(file) = self.current()? else {
            return match to {
                Seek::Printed(_) => Err(refused("there is no file yet, and so no place in it: say `beginning`")),
                Seek::Latest | Seek::Arrived(_) => Ok(offset(None)),
            };
        };
        let failed = |error: std::io::Error| self.failed(&file.path, &error.to_string());
        let bytes = match to {
            Seek::Latest => last_end(&file.file, file.about.len()).map_err(failed)?,
            Seek::Arrived(_) => {
                return Err(refused("lines of a file do not say when they came: say `latest`, `beginning` or a byte"));
            }
            Seek::Printed(text) => {
                let word = text.trim().trim_start_matches("byte ").split(' ').next().unwrap_or_default();
                let byte = word.parse::<u64>().ok().filter(|byte| *byte <= file.about.len());
                // Between two lines.
                let end = byte.map(|byte| last_end(&file.file, byte)).transpose().map_err(failed)?;
                let wrong = "the places of a file are the bytes at which its lines begin, such as `byte 1024`";
                byte.filter(|byte| Some(*byte) == end).ok_or_else(|| refused(wrong))?
            }
        };
        Ok(offset(Some(Place { file: Identity::of(&file.about), bytes, head: self.head(&file, bytes)? })))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::position::Position;
    use super::*;
    use crate::platform::frame;
    use crate::platform::testing;

    struct Scene {
        dir: tempfile::TempDir,
        tail: FileTail,
        position: Position,
    }

    impl Scene {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let at = Located { path: dir.path().join("in.jsonl"), within: Arc::from([]) };
            let tail = FileTail::new(&testing::view("v").inputs[0].source, &at, Clock::system());
            Self { dir, tail, position: Position::default() }
        }

        fn write(&self, name: &str, text: &str) {
            let options = std::fs::File::options().create(true).append(true).open(self.dir.path().join(name));
            options.unwrap().write_all(text.as_bytes()).unwrap();
        }

        fn rename(&self, from: &str, to: &str) {
            std::fs::rename(self.dir.path().join(from), self.dir.path().join(to)).unwrap();
        }

        /// Reads until it is caught up, each time from the bytes of a position.
        fn read(&mut self) -> Vec<f64> {
            self.try_read().unwrap()
        }

        fn try_read(&mut self) -> Result<Vec<f64>, EngineError> {
            let mut all = Vec::new();
            loop {
                let batch = self.position.read(&self.tail, 2)?;
                assert!(batch.caught_up || batch.position != self.position);
                let delays = frame::values(batch.events.column("delay").unwrap());
                all.extend(delays.into_iter().map(|delay| match delay {
                    crate::model::Value::Float(delay) => delay,
                    other => panic!("{other:?}"),
                }));
                self.position = Position::decode(&batch.position.encode()).unwrap();
                if batch.caught_up {
                    return Ok(all);
                }
            }
        }
    }

    fn event(delay: u32) -> String {
        format!("{{\"carrier\":\"AA\",\"timestamp\":\"2026-11-22\",\"delay\":{delay}}}\n")
    }

    fn events(delays: &[u32]) -> String {
        delays.iter().map(|delay| event(*delay)).collect()
    }

    #[test]
    fn a_file_is_read_as_it_grows_each_line_once() {
        let mut scene = Scene::new();
        assert_eq!(scene.read(), [0.0; 0], "nothing is there yet");
        scene.write("in.jsonl", &events(&[1, 2, 3]));
        let (half, rest) = (event(4).split_at(20).0.to_owned(), event(4).split_at(20).1.to_owned());
        scene.write("in.jsonl", &half);
        assert_eq!(scene.read(), [1.0, 2.0, 3.0], "a part of a line waits");
        assert_eq!(scene.read(), [0.0; 0]);
        scene.write("in.jsonl", &rest);
        assert_eq!(scene.read(), [4.0]);
        scene.write("in.jsonl", &format!("\nnothing\n{}", event(5)));
        let batch = scene.position.read(&scene.tail, 9).unwrap();
        assert_eq!((batch.events.height(), batch.refused.len(), batch.caught_up), (1, 1, true));
        assert!(batch.refused[0].place.starts_with("in.jsonl at byte "), "{}", batch.refused[0].place);
        assert_eq!((batch.by_partition[0].rows, batch.by_partition[0].refused), (1, 1));
        assert!(batch.position.reached().is_some());
        assert!(batch.position.print(&scene.tail).starts_with("byte "), "{}", batch.position.print(&scene.tail));
    }

    #[test]
    fn a_reader_may_begin_at_the_end_or_between_two_lines() {
        let mut scene = Scene::new();
        let none = scene.tail.seek(WHOLE, &Seek::Latest).unwrap();
        assert_eq!(scene.tail.print(&none), "the beginning");
        let error = scene.tail.seek(WHOLE, &Seek::Printed("byte 99".to_owned())).unwrap_err();
        assert!(error.message.contains("there is no file yet"), "{error}");
        scene.write("in.jsonl", &events(&[1, 2]));
        let half = event(3).split_at(9).0.to_owned();
        scene.write("in.jsonl", &half);
        let line = event(1).len();
        for (to, expected) in [
            (Seek::Latest, 2 * line),
            (Seek::Printed(format!("byte {line} of file 7")), line),
            (Seek::Printed("0".to_owned()), 0),
        ] {
            let found = scene.tail.seek(WHOLE, &to).unwrap();
            assert!(scene.tail.print(&found).starts_with(&format!("byte {expected} of file ")), "{to:?}");
            let read = scene.tail.read(WHOLE, Some(&found), 9).unwrap();
            assert_eq!(read.events.height(), 2 - expected / line);
        }
        for to in [Seek::Arrived(testing::now()), Seek::Printed("7".to_owned()), Seek::Printed("byte 999".to_owned())] {
            assert_eq!(scene.tail.seek(WHOLE, &to).unwrap_err().kind, Of::Arguments, "{to:?}");
        }
        assert_eq!(scene.read(), [1.0, 2.0]);
    }

    #[test]
    fn a_renamed_file_is_read_to_its_end_and_then_those_that_followed() {
        let mut scene = Scene::new();
        scene.write("in.jsonl", &events(&[1, 2]));
        assert_eq!(scene.read(), [1.0, 2.0]);
        scene.write("in.jsonl", &events(&[3]));
        scene.rename("in.jsonl", "in.jsonl.1");
        assert_eq!(scene.read(), [3.0], "what was written before it was renamed");
        scene.write("in.jsonl.1", &events(&[4]));
        assert_eq!(scene.read(), [4.0], "and by who has it open still");
        // Two turns while nobody read. The last line has no end, and will have none.
        scene.write("in.jsonl.1", events(&[5]).trim_end());
        scene.rename("in.jsonl.1", "in.jsonl.2");
        scene.write("in.jsonl", &events(&[6, 7, 8]));
        scene.rename("in.jsonl", "in.jsonl.1");
        scene.write("in.jsonl", &events(&[9]));
        let stamp = |name: &str, seconds: u64| {
            let file = File::options().append(true).open(scene.dir.path().join(name)).unwrap();
            file.set_modified(UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        };
        stamp("in.jsonl.2", 1_000);
        stamp("in.jsonl.1", 2_000);
        assert_eq!(scene.read(), [5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(scene.read(), [0.0; 0]);
    }

    #[test]
    fn another_file_is_read_from_its_beginning_and_one_that_shrank_is_refused() {
        let mut scene = Scene::new();
        scene.write("in.jsonl", &events(&[1, 2, 3]));
        scene.write("new.jsonl", &events(&[7]));
        assert_eq!(scene.read(), [1.0, 2.0, 3.0]);
        scene.rename("new.jsonl", "in.jsonl");
        assert_eq!(scene.read(), [7.0]);
        scene.write("in.jsonl", &events(&[8, 9]));
        assert_eq!(scene.read(), [8.0, 9.0]);
        for text in [events(&[5]), events(&[5, 6, 7, 8])] {
            let before = scene.position.clone();
            std::fs::write(scene.dir.path().join("in.jsonl"), text).unwrap();
            let error = scene.try_read().unwrap_err().message;
            assert!(error.contains("was written anew in place") && error.contains("put a copy"), "{error}");
            assert_eq!(scene.position, before);
        }
        std::fs::copy(scene.dir.path().join("in.jsonl"), scene.dir.path().join("copy")).unwrap();
        scene.rename("copy", "in.jsonl");
        assert_eq!(scene.read(), [5.0, 6.0, 7.0, 8.0]);
    }
}
