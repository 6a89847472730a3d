//! The log against what crashes, full disks and time do to it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use proptest::prelude::*;

use super::log::{Commit, Taken};
use super::tags::HORIZON;
use super::*;
use crate::model::time::{from_micros, micros, parse_time, span_micros};
use crate::model::{Span, Time};

/// A clock that a test sets.
#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(micros(parse_time("2026-11-22").unwrap()))))
    }

    fn pass(&self, span: Span) {
        self.0.fetch_add(span_micros(span), Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hand = Arc::clone(&self.0);
        Clock::from_fn(move || from_micros(hand.load(Ordering::SeqCst)))
    }
}

const KEEPING: Keeping = Keeping { age: Span::days(7), bytes: 10 << 30 };

fn open(folder: &Path, clock: &Hand) -> Result<Log, LogError> {
    Log::open(folder, KEEPING, clock.clock())
}

fn records<R: AsRef<[u8]>>(all: impl IntoIterator<Item = R>) -> Records {
    let mut records = Records::default();
    all.into_iter().for_each(|record| assert!(records.push(record.as_ref())));
    records
}

fn append(log: &Log, records: Records, tag: Option<Tag>) -> Result<Taken, AppendError> {
    log.append(records, tag)?.blocking_recv().unwrap()
}

/// All from a number on, read in pieces.
fn read(log: &Log, from: Option<u64>, most: usize) -> Result<Vec<(u64, Vec<u8>)>, LogError> {
    let (mut all, mut from) = (Vec::new(), from);
    loop {
        let piece = log.read(from, most, 1 << 20)?;
        all.extend(piece.records().map(|(number, record)| (number, record.to_vec())));
        if piece.caught_up {
            return Ok(all);
        }
        assert!(piece.records().count() > 0, "a piece that is not the last brings something");
        from = Some(piece.next);
    }
}

fn newest(folder: &Path) -> PathBuf {
    segment::list(folder).unwrap().pop().unwrap()
}

fn numbered(from: u64, texts: &[&str]) -> Vec<(u64, Vec<u8>)> {
    (from..).zip(texts.iter().map(|text| text.as_bytes().to_vec())).collect()
}

#[test]
fn what_was_taken_is_read_in_its_order_also_by_a_later_process() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let folder = dir.path().join("streams/s/log");
    let log = open(&folder, &hand).unwrap();
    let changed = log.changed();
    assert_eq!(append(&log, records(["a", "b"]), None).unwrap(), Taken { first: 0, count: 2, again: false });
    assert_eq!(append(&log, records(["c"]), None).unwrap().first, 2);
    assert!(changed.has_changed().unwrap());
    let all = numbered(0, &["a", "b", "c"]);
    for most in 1..5 {
        assert_eq!(read(&log, None, most).unwrap(), all);
        assert_eq!(read(&log, Some(1), most).unwrap(), all[1..]);
    }
    let id = log.id();
    drop(log);
    let log = open(&folder, &hand).unwrap();
    assert_eq!((log.id(), read(&log, None, 100).unwrap()), (id, all));
    assert_eq!(append(&log, records(["d"]), None).unwrap().first, 3);
    assert_eq!(log.kept(), 0..4);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&newest(&folder)), mode(&folder), mode(&dir.path().join("streams/s"))), (0o600, 0o700, 0o700));
    let beyond = log.read(Some(5), 1, 1).unwrap_err().to_string();
    assert!(beyond.contains("record 4 was read of it, and it ends before record 4"), "{beyond}");
}

#[test]
fn a_reader_knows_up_to_when_all_that_came_was_read() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let log = open(dir.path(), &hand).unwrap();
    let first = hand.clock().now();
    append(&log, records(["a", "b"]), None).unwrap();
    hand.pass(Span::seconds(5));
    append(&log, records(["c"]), None).unwrap();
    hand.pass(Span::seconds(5));
    let reached = |from, most| log.read(Some(from), most, 1 << 20).unwrap().reached.unwrap() - first;
    assert_eq!(reached(0, 1), Span::microseconds(-1), "another came at the same instant");
    assert_eq!(reached(0, 2), Span::zero());
    assert_eq!(reached(0, 3), Span::seconds(10), "nothing more came until now");
}

/// What a crash may leave of the last write is cut off wherever it broke off, and nothing else.
#[test]
fn a_torn_end_is_cut_at_the_last_whole_request() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let folder = dir.path().join("whole");
    let log = open(&folder, &hand).unwrap();
    append(&log, records(["a", "b"]), None).unwrap();
    let whole = fs::metadata(newest(&folder)).unwrap().len() as usize;
    append(&log, records(["c", "d"]), None).unwrap();
    drop(log);
    let path = newest(&folder);
    let bytes = fs::read(&path).unwrap();
    let try_with = |bytes: &[u8], next: &str| {
        let folder = dir.path().join("torn");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(path.file_name().unwrap()), bytes).unwrap();
        let log = open(&folder, &hand).unwrap();
        assert_eq!(append(&log, records([next]), None).unwrap().first, 2);
        assert_eq!(read(&log, None, 10).unwrap(), numbered(0, &["a", "b", next]));
        drop(log);
        assert_eq!(read(&open(&folder, &hand).unwrap(), None, 10).unwrap(), numbered(0, &["a", "b", next]));
    };
    for length in whole..bytes.len() {
        try_with(&bytes[..length], "e");
    }
    // The system may have written the end and not the beginning.
    let mut zeros = bytes.clone();
    zeros[whole..whole + 30].fill(0);
    try_with(&zeros, "f");
    zeros.extend([7; 300]);
    try_with(&zeros, "g");
    // A file that was begun and not whole held nothing.
    fs::write(folder.join(format!("{:020}.log", 4)), b"fvto").unwrap();
    assert_eq!(open(&folder, &hand).unwrap().kept(), 0..4);
}

#[test]
fn a_damage_of_what_was_durable_is_an_error_that_says_where_it_goes_on() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let log = open(dir.path(), &hand).unwrap();
    let end = || fs::metadata(newest(dir.path())).unwrap().len();
    append(&log, records(["a"]), None).unwrap();
    let begin = end();
    append(&log, records(["b", "c"]), None).unwrap();
    append(&log, records(["d"]), None).unwrap();
    let path = newest(dir.path());
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(b"X", begin + 80).unwrap();
    // What lies before it is read, and nothing is passed over.
    assert_eq!(log.read(None, 10, 1 << 20).unwrap().next, 1);
    let error = log.read(Some(1), 10, 1 << 20).unwrap_err().to_string();
    for part in [&format!("damaged at byte {begin}, where its record 1 begins"), "go on from record 3"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(read(&log, Some(3), 10).unwrap(), numbered(3, &["d"]));
    drop(log);
    let error = open(dir.path(), &hand).err().unwrap().to_string();
    assert!(error.contains(&format!("is damaged at byte {begin}")), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), file.metadata().unwrap().len(), "and nothing is cut off");
}

#[test]
fn files_of_a_later_release_or_another_log_are_refused_in_words() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    drop(open(dir.path(), &hand).unwrap());
    let path = newest(dir.path());
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&2_u32.to_be_bytes(), 8).unwrap();
    let error = open(dir.path(), &hand).err().unwrap().to_string();
    assert!(error.contains("has version 2") && error.contains("knows versions up to 1"), "{error}");
    file.write_all_at(&1_u32.to_be_bytes(), 8).unwrap();
    let other = tempfile::tempdir().unwrap();
    drop(open(other.path(), &hand).unwrap());
    fs::copy(newest(other.path()), dir.path().join(format!("{:020}.log", 9))).unwrap();
    let error = open(dir.path(), &hand).err().unwrap().to_string();
    assert!(error.contains("belongs to another log"), "{error}");
    fs::remove_file(dir.path().join(format!("{:020}.log", 9))).unwrap();
    file.write_all_at(b"?", 20).unwrap();
    let error = open(dir.path(), &hand).err().unwrap().to_string();
    assert!(error.contains("damaged in its first bytes"), "{error}");
}

/// A way to write that can be told to fail, having written half.
fn failing(full: &Arc<AtomicBool>) -> Commit {
    let full = Arc::clone(full);
    Box::new(move |file, bytes, place| {
        if full.load(Ordering::SeqCst) {
            file.write_all_at(&bytes[..bytes.len() / 2], place)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all_at(bytes, place)?;
        file.sync_data()
    })
}

#[test]
fn a_full_disk_refuses_keeps_nothing_half_and_opens_again() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let full = Arc::new(AtomicBool::new(false));
    let log = Log::open_by(dir.path(), KEEPING, hand.clock(), failing(&full)).unwrap();
    append(&log, records(["a"]), None).unwrap();
    let before = fs::metadata(newest(dir.path())).unwrap().len();
    full.store(true, Ordering::SeqCst);
    let tag = Tag::new("k", b"");
    for _ in 0..3 {
        assert_eq!(append(&log, records(["lost"]), Some(tag)), Err(AppendError::Full));
        assert_eq!(read(&log, None, 10).unwrap(), numbered(0, &["a"]));
    }
    assert_eq!(fs::metadata(segment::list(dir.path()).unwrap().remove(0)).unwrap().len(), before);
    full.store(false, Ordering::SeqCst);
    assert_eq!(append(&log, records(["b"]), Some(tag)).unwrap(), Taken { first: 1, count: 1, again: false });
    assert!(append(&log, records(["b"]), Some(tag)).unwrap().again);
    assert_eq!(read(&log, None, 10).unwrap(), numbered(0, &["a", "b"]));
    drop(log);
    assert_eq!(read(&open(dir.path(), &hand).unwrap(), None, 10).unwrap(), numbered(0, &["a", "b"]));
}

#[test]
fn a_request_with_a_key_is_taken_once_also_after_a_restart() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    // Files so small that each request begins another.
    let keeping = Keeping { bytes: 512 << 10, ..KEEPING };
    let log = Log::open(dir.path(), keeping, hand.clock()).unwrap();
    let large = "x".repeat(70_000);
    let (one, two) = (Tag::new("one", b"1"), Tag::new("two", b"2"));
    let first = append(&log, records([&large, "b"]), Some(one)).unwrap();
    assert_eq!(first, Taken { first: 0, count: 2, again: false });
    drop(log);
    let log = Log::open(dir.path(), keeping, hand.clock()).unwrap();
    append(&log, records([&large]), Some(two)).unwrap();
    drop(log);
    for index in [true, false] {
        let log = open(dir.path(), &hand).unwrap();
        for (tag, first, count) in [(one, 0, 2), (two, 2, 1)] {
            let again = append(&log, records(["whatever"]), Some(tag)).unwrap();
            assert_eq!(again, Taken { first, count, again: true });
            assert_eq!(log.find(&tag).unwrap().unwrap().count, count);
        }
        let other = Tag::new("one", b"other");
        assert_eq!(append(&log, records(["x"]), Some(other)), Err(AppendError::OtherRecords));
        assert_eq!(log.find(&other), Err(AppendError::OtherRecords));
        assert_eq!(log.kept(), 0..3);
        drop(log);
        if index {
            // What an index says, the file says as well.
            for entry in fs::read_dir(dir.path()).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "index") {
                    fs::remove_file(path).unwrap();
                }
            }
        }
    }
    hand.pass(HORIZON + Span::seconds(1));
    let log = open(dir.path(), &hand).unwrap();
    assert!(!append(&log, records(["x"]), Some(one)).unwrap().again, "it is known for hours, not for ever");
}

#[test]
fn retention_lets_go_of_whole_files_and_readers_are_told_what_they_missed() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let keeping = Keeping { age: Span::hours(8), ..KEEPING };
    let log = Log::open(dir.path(), keeping, hand.clock()).unwrap();
    for hour in 0..12 {
        append(&log, records([format!("{hour}")]), None).unwrap();
        hand.pass(Span::hours(1));
    }
    // What is as old as eight hours is kept, and the rest of its file.
    append(&log, records(["12"]), None).unwrap();
    settled(&log, |kept| kept.start >= 4);
    let kept = log.kept();
    assert_eq!(kept, 4..13);
    let piece = log.read(Some(1), 100, 1 << 20).unwrap();
    assert_eq!((piece.expired, piece.next), (kept.start - 1, 13));
    assert_eq!(log.read(None, 1, 1).unwrap().expired, 0);
    drop(log);
    let log = Log::open(dir.path(), keeping, hand.clock()).unwrap();
    assert_eq!(log.kept(), kept);
    // Nothing came for days: nothing is kept, and the numbers go on.
    hand.pass(Span::days(3));
    append(&log, records(["13"]), None).unwrap();
    settled(&log, |kept| kept.start == 13);
    assert_eq!(log.read(Some(kept.end), 1, 1).unwrap().expired, 0);
    // Nobody begins at a record that is kept no longer.
    let stream = Ingest::new(&source(), Arc::new(log));
    let printed = |text: &str| stream.seek(WHOLE, &Seek::Printed(text.to_owned()));
    assert_eq!(stream.print(&printed("13").unwrap()), "13");
    let error = printed("12").unwrap_err();
    assert!(error.message.contains("numbers of records, here 13 to 14"), "{error}");
    drop(stream);

    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), Keeping { bytes: 1 << 20, ..KEEPING }, hand.clock()).unwrap();
    let large = vec![b'x'; 40_000];
    for _ in 0..60 {
        hand.pass(Span::seconds(11));
        append(&log, records([&large]), None).unwrap();
    }
    hand.pass(Span::seconds(11));
    append(&log, records([&large]), None).unwrap();
    settled(&log, |kept| kept.start >= 61 - 27);
    assert!(log.kept().start <= 61 - 20, "{:?}", log.kept());
}

#[test]
fn a_reader_that_retention_overtakes_in_the_middle_begins_again() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let log = Log::open(dir.path(), Keeping { age: Span::hours(8), ..KEEPING }, hand.clock()).unwrap();
    append(&log, records(["0"]), None).unwrap();
    // What a reader saw, before its file went.
    let saw = (log.kept(), hand.clock().now());
    hand.pass(Span::days(3));
    append(&log, records(["1"]), None).unwrap();
    settled(&log, |kept| kept.start == 1);
    for from in [None, Some(0)] {
        assert!(log.read_of(saw.clone(), from, 9, 1 << 20).unwrap().is_none(), "{from:?}");
    }
    let piece = log.read(Some(0), 9, 1 << 20).unwrap();
    assert_eq!((piece.expired, piece.records().count(), piece.next), (1, 1, 2));
}

/// Beginning a file may take long: who reads meanwhile must not be told that all was read until then.
#[test]
fn what_is_taken_never_came_before_an_instant_that_a_reader_was_told() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let gate = Arc::new(std::sync::Barrier::new(2));
    let (clock, held, armed) = (hand.clock(), Arc::clone(&gate), Arc::new(AtomicBool::new(false)));
    let holds = Arc::clone(&armed);
    let clock = Clock::from_fn(move || {
        let now = clock.now();
        // The thread that writes looks at the clock for the first time, and then takes long.
        if std::thread::current().name() == Some("ingest") && holds.swap(false, Ordering::SeqCst) {
            held.wait();
            held.wait();
        }
        now
    });
    let log = Log::open(dir.path(), KEEPING, clock).unwrap();
    armed.store(true, Ordering::SeqCst);
    let done = log.append(records(["a"]), None).unwrap();
    gate.wait();
    hand.pass(Span::seconds(10));
    let told = log.read(None, 9, 1 << 20).unwrap();
    assert!(told.caught_up && told.next == 0);
    hand.pass(Span::seconds(1));
    gate.wait();
    assert_eq!(done.blocking_recv().unwrap().unwrap().first, 0);
    let arrival = log.read(None, 9, 1 << 20).unwrap().arrival;
    assert!(arrival > told.reached, "{arrival:?} {told:?}");
}

/// Waits until what is kept is so: the thread that writes tidies up behind its answers.
fn settled(log: &Log, is: impl Fn(std::ops::Range<u64>) -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is(log.kept()) {
        assert!(std::time::Instant::now() < deadline, "{:?}", log.kept());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn a_file_that_is_gone_is_told_and_not_passed_over() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let log = Log::open(dir.path(), Keeping { bytes: 4 << 20, ..KEEPING }, hand.clock()).unwrap();
    for _ in 0..9 {
        append(&log, records([vec![b'x'; 300_000]]), None).unwrap();
    }
    let files = segment::list(dir.path()).unwrap();
    assert!(files.len() >= 3);
    drop(log);
    fs::remove_file(&files[1]).unwrap();
    let error = read(&open(dir.path(), &hand).unwrap(), None, 10).unwrap_err().to_string();
    assert!(error.contains("are gone: no file of") && error.contains("go on from record"), "{error}");
}

#[test]
fn many_appenders_share_their_writes() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let commits = Arc::new(AtomicUsize::new(0));
    let (count, gate) = (Arc::clone(&commits), Arc::new(std::sync::Barrier::new(2)));
    let first = Arc::clone(&gate);
    let commit: Commit = Box::new(move |file, bytes, place| {
        // The first write lasts until all the others wait.
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            first.wait();
        }
        file.write_all_at(bytes, place)?;
        file.sync_data()
    });
    let log = Log::open_by(dir.path(), KEEPING, hand.clock(), commit).unwrap();
    let waiting: Vec<_> = (0..100).map(|n| log.append(records([n.to_string()]), None).unwrap()).collect();
    gate.wait();
    let numbers: Vec<_> = waiting.into_iter().map(|done| done.blocking_recv().unwrap().unwrap().first).collect();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    assert!(commits.load(Ordering::SeqCst) <= 3, "{commits:?}");
    assert_eq!(read(&log, None, 7).unwrap().len(), 100);
}

#[test]
fn more_than_the_disk_keeps_up_with_is_refused() {
    let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    let gate = Arc::new(std::sync::Barrier::new(2));
    let held = Arc::clone(&gate);
    let begun = AtomicUsize::new(0);
    let commit: Commit = Box::new(move |file, bytes, place| {
        if begun.fetch_add(1, Ordering::SeqCst) == 0 {
            held.wait();
        }
        file.write_all_at(bytes, place)
    });
    let log = Log::open_by(dir.path(), KEEPING, hand.clock(), commit).unwrap();
    let large = vec![b'x'; 1 << 20];
    let mut waiting = Vec::new();
    let refused = loop {
        match log.append(records([&large]), None) {
            Ok(done) => waiting.push(done),
            Err(error) => break error,
        }
    };
    assert_eq!(refused, AppendError::Busy);
    gate.wait();
    assert!(waiting.len() >= 31);
    waiting.into_iter().for_each(|done| assert!(done.blocking_recv().unwrap().is_ok()));
    assert!(append(&log, records([&large]), None).is_ok(), "it goes on by itself");
}

/// A source that takes records.
fn source() -> Source {
    let mut source = Source::clone(&crate::platform::testing::view("v").inputs[0].source);
    let stream = source.stream.as_mut().unwrap();
    stream.retention = Span::days(7);
    stream.feed = Feed::Ingest(crate::platform::definition::IngestFeed { retention_bytes: 10 << 30 });
    source
}

#[test]
fn the_stream_makes_events_of_records_and_refuses_the_others_alone() {
    let (dir, hand, source) = (tempfile::tempdir().unwrap(), Hand::new(), source());
    let logs = Logs::new(dir.path(), hand.clock());
    let log = logs.get(&source).unwrap();
    assert!(Arc::ptr_eq(&log, &logs.get(&source).unwrap()));
    let stream = Ingest::new(&source, Arc::clone(&log));
    let event = |n: i64| format!(r#"{{"carrier": "UA", "timestamp": "2026-11-22T00:00:00Z", "delay": {n}}}"#);
    let empty = stream.read(WHOLE, None, 10).unwrap();
    assert!(empty.caught_up && empty.events.height() == 0 && empty.events.width() == 3);
    append(&log, records([event(0), event(1)]), None).unwrap();
    hand.pass(Span::seconds(10));
    append(&log, records(["no json".to_owned(), event(3), event(4)]), None).unwrap();
    let (mut offset, mut delays, mut refused) = (empty.offset, Vec::new(), Vec::new());
    loop {
        let read = stream.read(WHOLE, Some(&offset), 2).unwrap();
        delays.extend(read.events.column("delay").unwrap().f64().unwrap().iter().flatten());
        refused.extend(read.refused.into_iter().map(|refused| (refused.place, refused.record)));
        offset = read.offset;
        if read.caught_up {
            break;
        }
    }
    assert_eq!((delays, refused), (vec![0.0, 1.0, 3.0, 4.0], vec![("2".to_owned(), b"no json".to_vec())]));
    assert_eq!(stream.print(&offset), "5");

    // Where it stands, and how one begins elsewhere.
    let backlog = |offset: &Offset| stream.backlog(WHOLE, Some(offset)).unwrap().unwrap();
    let printed = |text: &str| stream.seek(WHOLE, &Seek::Printed(text.to_owned()));
    let now = hand.clock().now();
    assert_eq!(backlog(&printed("1").unwrap()), Backlog { events: 4, oldest: Some(now - Span::seconds(10)) });
    assert_eq!(backlog(&printed("2").unwrap()), Backlog { events: 3, oldest: Some(now) });
    assert_eq!(backlog(&offset), Backlog::default());
    assert_eq!(stream.seek(WHOLE, &Seek::Latest).unwrap(), offset);
    let since = |at| stream.print(&stream.seek(WHOLE, &Seek::Arrived(at)).unwrap());
    let second = Span::seconds(1);
    assert_eq!([since(now - second * 11), since(now - second), since(now), since(now + second)], ["0", "2", "2", "5"]);
    for wrong in ["6", "-1", "yesterday"] {
        let error = printed(wrong).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Arguments);
        assert!(error.message.contains("numbers of records, here 0 to 5"), "{error}");
    }

    // An offset of another log, and one that is damaged.
    let other = tempfile::tempdir().unwrap();
    let other = Ingest::new(&source, Logs::new(other.path(), hand.clock()).get(&source).unwrap());
    let error = other.read(WHOLE, Some(&offset), 1).unwrap_err();
    assert!(error.message.contains("it was read as another log"), "{error}");
    let error = stream.read(WHOLE, Some(&Offset::new(FORM, &[1, 2])), 1).unwrap_err();
    assert!(error.message.contains("how far its stream was read is damaged"), "{error}");
    let error = Logs::default().get(&source).err().unwrap();
    assert!(error.message.contains("there is no data directory"), "{error}");
}

/// What may happen to a log.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<usize>),
    AppendWithKey(u8, Vec<usize>),
    Read { from: usize, most: usize, bytes: usize },
    Reopen,
    Tear(usize),
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes = || prop::collection::vec(prop_oneof![0..40_usize, 0..20_000_usize], 1..6);
    let step = prop_oneof![
        6 => sizes().prop_map(Step::Append),
        3 => (0..4_u8, sizes()).prop_map(|(key, sizes)| Step::AppendWithKey(key, sizes)),
        4 => (0..100_usize, 1..20_usize, 1..50_000_usize)
            .prop_map(|(from, most, bytes)| Step::Read { from, most, bytes }),
        1 => Just(Step::Reopen),
        1 => (1..200_usize).prop_map(Step::Tear),
        1 => (1..100_i64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A log is a list of what was taken, whatever happens to it.
    #[test]
    fn a_log_is_a_list(steps in steps()) {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::new());
        // Nothing is let go of: the list knows no retention. A file is of one day.
        let keeping = Keeping { bytes: 1 << 40, age: Span::days(1_000) };
        let mut list: Vec<Vec<u8>> = Vec::new();
        let mut keys: HashMap<u8, (Taken, Time)> = HashMap::new();
        let mut log = Some(Log::open(dir.path(), keeping, hand.clock()).unwrap());
        for step in steps {
            let open = log.as_ref().unwrap();
            match step {
                Step::Append(sizes) => {
                    let new: Vec<Vec<u8>> = sizes.iter().map(|size| vec![list.len() as u8; *size]).collect();
                    let taken = append(open, records(&new), None).unwrap();
                    prop_assert_eq!(taken.first, list.len() as u64);
                    list.extend(new);
                }
                Step::AppendWithKey(key, sizes) => {
                    let new: Vec<Vec<u8>> = sizes.iter().map(|size| vec![list.len() as u8; *size]).collect();
                    let taken = append(open, records(&new), Some(Tag::new(&key.to_string(), b""))).unwrap();
                    let now = hand.clock().now();
                    match keys.get(&key) {
                        Some((known, at)) if taken.again || now - *at <= HORIZON => {
                            prop_assert_eq!(taken, Taken { again: true, ..*known });
                        }
                        _ => {
                            prop_assert_eq!(taken.first, list.len() as u64);
                            keys.insert(key, (taken, now));
                            list.extend(new);
                        }
                    }
                }
                Step::Read { from, most, bytes } => {
                    let from = from.min(list.len());
                    let piece = open.read(Some(from as u64), most, bytes).unwrap();
                    let found: Vec<_> = piece.records().map(|(number, record)| (number, record.to_vec())).collect();
                    let expected = (from as u64..).zip(list[from..].iter().cloned());
                    let expected: Vec<_> = expected.take(found.len()).collect();
                    prop_assert!(found.len() <= most);
                    prop_assert_eq!(&found, &expected);
                    prop_assert_eq!(piece.next as usize, from + found.len());
                    prop_assert_eq!(piece.caught_up, piece.next as usize == list.len());
                }
                Step::Reopen | Step::Tear(_) => {
                    drop(log.take());
                    if let Step::Tear(bytes) = step {
                        let file = File::options().append(true).open(newest(dir.path())).unwrap();
                        io::Write::write_all(&mut &file, &vec![0xa5; bytes]).unwrap();
                    }
                    log = Some(Log::open(dir.path(), keeping, hand.clock()).unwrap());
                }
                Step::Pass(hours) => hand.pass(Span::hours(hours)),
            }
        }
        let all = read(log.as_ref().unwrap(), None, 3).unwrap();
        prop_assert_eq!(all, (0..).zip(list).collect::<Vec<_>>());
    }
}

/// Where the child process of the test below appends.
const FOLDER: &str = "FVTOP_TEST_LOG";

/// Appends until it is killed, and prints each number that was acknowledged: the child of the test below.
#[test]
fn appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let log = Log::open(Path::new(&folder), Keeping { bytes: 32 << 20, ..KEEPING }, Clock::system()).unwrap();
    let log = Arc::new(log);
    let begin = log.kept().end;
    for thread in 0..8_u64 {
        let log = Arc::clone(&log);
        std::thread::spawn(move || {
            for n in 0.. {
                let size = 1 + (n * 7 + thread * 13) % 2_000;
                let name = format!("{begin}-{thread}-{n} ");
                let texts = (0..1 + n % 3).map(|part| format!("{name}{part}{}", "x".repeat(size as usize)));
                let count = append(&log, records(texts), Some(Tag::new(&name, b""))).unwrap().count;
                // In one write, so that it is whole or not there.
                let line = format!("\ntaken {name}{count}\n");
                io::Write::write_all(&mut io::stdout(), line.as_bytes()).unwrap();
            }
        });
    }
    std::thread::park();
}

/// The process is killed in the middle of appends: what was acknowledged is there, once and whole.
#[test]
fn killed_at_any_moment_it_has_what_it_acknowledged() {
    use std::io::BufRead;

    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<String, usize> = HashMap::new();
    for round in 0..6_usize {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "platform::source::ingest::tests::appends_until_it_is_killed", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let lines = io::BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            let Ok(line) = line else { break };
            let Some(taken) = line.strip_prefix("taken ") else { continue };
            let (name, count) = taken.rsplit_once(' ').unwrap();
            acknowledged.insert(name.to_owned(), count.parse().unwrap());
            seen += 1;
            if seen == 40 + round * 77 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= 40 + round * 77);
        let log = open(dir.path(), &Hand::new()).unwrap();
        let mut found: HashMap<String, Vec<String>> = HashMap::new();
        let mut from = None;
        loop {
            let piece = log.read(from, 1_000, 1 << 20).unwrap();
            for (_, record) in piece.records() {
                let text = std::str::from_utf8(record).unwrap().trim_end_matches('x');
                let (name, part) = text.rsplit_once(' ').unwrap();
                found.entry(name.to_owned()).or_default().push(part.to_owned());
            }
            if piece.caught_up {
                break;
            }
            from = Some(piece.next);
        }
        for (name, parts) in &found {
            let n: usize = name.rsplit_once('-').unwrap().1.parse().unwrap();
            let whole: Vec<_> = (0..1 + n % 3).map(|part| part.to_string()).collect();
            assert_eq!(*parts, whole, "{name}: once and whole");
        }
        for (name, count) in &acknowledged {
            assert_eq!(found.get(name).map(Vec::len), Some(*count), "{name} was acknowledged");
        }
    }
}
