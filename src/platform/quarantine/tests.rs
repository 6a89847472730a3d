//! Records go in once, leave once, and arrive once, whatever happens in between.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::*;
use crate::model::time::rfc3339;
use crate::model::{DataType, Span, Value};
use crate::platform::engine::PolarsEngine;
use crate::platform::frame;
use crate::platform::jobs::stream_job::{Refusals, StreamStep, Trouble};
use crate::platform::jobs::stream_step::EngineStep;
use crate::platform::online::memory::MemoryStore;
use crate::platform::source::position::Position;
use crate::platform::source::readers::Readers;
use crate::platform::source::records::Reason;
use crate::platform::source::replay;
use crate::platform::source::testing::MemoryStream;
use crate::platform::testing;

const SMALL: Bounds = Bounds { records: 5, bytes: 10_000, record_bytes: 1_000 };

/// A quarantine and an online store, both of which outlive it.
struct Scene {
    dir: tempfile::TempDir,
    bytes: Arc<MemoryStore>,
    passed: Arc<AtomicI64>,
}

impl Scene {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), bytes: Arc::default(), passed: Arc::default() }
    }

    fn online(&self) -> OnlineStore {
        OnlineStore::over(self.bytes.clone())
    }

    fn clock(&self) -> Clock {
        let passed = Arc::clone(&self.passed);
        Clock::from_fn(move || testing::now() + Span::seconds(passed.fetch_add(1, Ordering::SeqCst)))
    }

    /// As a platform has it that has just started.
    fn open(&self, bounds: Bounds, views: &[&View]) -> Quarantine {
        let quarantine =
            Quarantine::open(self.dir.path(), bounds, Arc::new(self.online()), Arc::new(PolarsEngine), self.clock());
        let quarantine = quarantine.unwrap();
        let views: Vec<_> = views.iter().map(|view| Arc::new((*view).clone())).collect();
        quarantine.begin(&views).unwrap();
        quarantine
    }

    /// Has the stream of the view go on to another position, with nothing to write.
    fn go_on(&self, view: &View, minute: i64) {
        let rows = PolarsEngine.transform_stream(view, frame::empty(&columns(view)).unwrap()).unwrap();
        self.online().write_stream(view, &rows.rows, &position(minute), Some(at(0))).unwrap();
    }

    /// Count and mean of what is online.
    fn found(&self, view: &View) -> (i64, Option<f64>) {
        let found = self.online().lookup(view, &[Value::Text("UA".to_owned())], at(60)).unwrap().found;
        let mean = if let Value::Float(mean) = found.features[0].value { Some(mean) } else { None };
        let count = if let Value::Int(count) = found.features[1].value { count } else { 0 };
        (count, mean)
    }
}

fn columns(view: &View) -> Vec<(String, DataType)> {
    view.inputs[0].source.columns.clone()
}

fn position(minute: i64) -> Position {
    replay::position(at(minute))
}

fn at(minute: i64) -> Time {
    testing::now() + Span::minutes(minute)
}

/// Mean and count of an hour.
fn view() -> View {
    let mut view = testing::view("carrier");
    if let crate::platform::definition::Kind::Aggregate { aggregations, .. } = &mut view.kind {
        let count = crate::platform::definition::Aggregation {
            function: crate::platform::definition::Function::Count,
            feature: "count".to_owned(),
            output_type: DataType::Int64,
            ..aggregations[0].clone()
        };
        aggregations.push(count);
    }
    view
}

/// The same view, whose delays are texts.
fn mended() -> View {
    let mut view = view();
    view.sql = "SELECT carrier, timestamp, CAST(replace(delay, ' min', '') AS DOUBLE) AS delay FROM flights".to_owned();
    let source = Arc::make_mut(&mut view.inputs[0].source);
    source.columns.iter_mut().filter(|(name, _)| name == "delay").for_each(|(_, of)| *of = DataType::String);
    view
}

fn refused(place: &str, record: &[u8]) -> Refused {
    Refused {
        reason: Reason::WrongType,
        message: format!("column `delay` of {place} holds a text"),
        place: place.to_owned(),
        record: record.to_vec(),
    }
}

/// A record whose delay is a text.
fn event(minute: i64, delay: &str) -> Vec<u8> {
    let time = rfc3339(at(minute));
    format!("{{\"carrier\":\"UA\",\"timestamp\":\"{time}\",\"delay\":\"{delay} min\"}}").into_bytes()
}

fn asked(which: Which) -> Asked {
    Asked { which, dry_run: false, force_late: false, after: 0 }
}

fn places(quarantine: &Quarantine, view: &View) -> Vec<String> {
    let all = quarantine.list(view.id, None, None, 100).unwrap();
    all.into_iter().map(|record| record.place).collect()
}

/// met, held, released, dropped, pushed out; the law holds.
fn total(quarantine: &Quarantine, view: &View) -> [u64; 5] {
    let all = quarantine.totals_of(view.id).unwrap();
    let sum = all
        .iter()
        .fold([0; 5], |[a, b, c, d, e], t| [a + t.met, b + t.held, c + t.released, d + t.dropped, e + t.pushed_out]);
    assert_eq!(sum[0], sum[1..].iter().sum::<u64>(), "met = held + released + dropped + pushed out");
    sum
}

#[test]
fn a_record_is_kept_once_and_whole_and_survives_a_restart() {
    let (scene, view) = (Scene::new(), view());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    let hostile = b"\x00\xff\x1b[2J{".to_vec();
    quarantine.add(view.id, &[refused("offset 1", &hostile), refused("offset 2", b"{}")]).unwrap();
    scene.go_on(&view, 1);
    quarantine.add(view.id, &[refused("offset 1", b"another")]).unwrap();
    scene.go_on(&view, 2);
    for quarantine in [quarantine, scene.open(Bounds::default(), &[&view])] {
        assert_eq!(places(&quarantine, &view), ["offset 2", "offset 1"], "the newest first");
        let record = quarantine.show(view.id, 1).unwrap().unwrap();
        assert_eq!((record.bytes, record.length, record.reason.as_str()), (hostile.clone(), 7, "wrong-type"));
        assert_eq!(record.sentence, "column `delay` of offset 1 holds a text");
        assert_eq!(total(&quarantine, &view), [2, 2, 0, 0, 0]);
        assert_eq!(quarantine.show(crate::model::Id(9), 1).unwrap(), None, "another view has none");
    }
}

#[test]
fn the_oldest_go_where_there_are_too_many_or_too_large_ones() {
    let (scene, view) = (Scene::new(), view());
    let quarantine = scene.open(SMALL, &[&view]);
    let some: Vec<_> = (0..8).map(|n| refused(&format!("{n}"), b"x")).collect();
    quarantine.add(view.id, &some).unwrap();
    assert_eq!(places(&quarantine, &view), ["7", "6", "5", "4", "3"]);
    assert_eq!(total(&quarantine, &view), [8, 5, 0, 0, 3]);
    let large: Vec<_> = (10..30).map(|n| refused(&format!("{n}"), &[b'x'; 5_000])).collect();
    let roomy = scene.open(Bounds { records: 100, ..SMALL }, &[]);
    roomy.add(view.id, &large).unwrap();
    let held = roomy.list(view.id, None, None, 100).unwrap();
    assert_eq!(held[0].length, 5_000);
    assert_eq!(roomy.show(view.id, held[0].id).unwrap().unwrap().bytes.len(), 1_000, "the beginning is kept");
    let kept = total(&roomy, &view);
    assert!(kept[1] < 10 && kept[0] == 28, "bounded in bytes: {kept:?}");
    // One that is cut can be looked at and not retried.
    scene.go_on(&view, 1);
    let told = roomy.retry(&view, &asked(Which::Ids(vec![held[0].id]))).unwrap();
    assert!(told.stays[0].sentence.contains("Of its 5000 bytes 1000 are kept"), "{:?}", told.stays);
}

#[test]
fn what_is_mended_arrives_once_and_the_rest_stays_with_its_new_sentence() {
    let (scene, broken, mended) = (Scene::new(), view(), mended());
    let quarantine = scene.open(Bounds::default(), &[&broken]);
    let records = [refused("1", &event(0, "7.5")), refused("2", b"{\"carrier\":"), refused("3", &event(1, "2.5"))];
    quarantine.add(broken.id, &records).unwrap();
    scene.go_on(&broken, 5);
    let told = quarantine.retry(&broken, &asked(Which::All)).unwrap();
    assert_eq!((told.arrived, told.stays.len()), (0, 3), "nothing was mended: {told:?}");
    assert_eq!(quarantine.show(broken.id, 1).unwrap().unwrap().tries, 1);

    let dry = Asked { dry_run: true, ..asked(Which::All) };
    let told = quarantine.retry(&mended, &dry).unwrap();
    assert_eq!((told.arrived, told.filtered, told.stays.len()), (2, 0, 1));
    assert_eq!(scene.found(&mended).0, 0, "a dry run writes nothing");
    assert_eq!(total(&quarantine, &mended), [3, 3, 0, 0, 0]);

    let told = quarantine.retry(&mended, &asked(Which::All)).unwrap();
    assert_eq!((told.arrived, told.stays[0].id), (2, 2));
    assert_eq!(scene.found(&mended), (2, Some(5.0)));
    assert_eq!(total(&quarantine, &mended), [3, 1, 2, 0, 0]);
    let left = quarantine.show(mended.id, 2).unwrap().unwrap();
    assert_eq!((left.tries, left.error.as_str()), (2, told.stays[0].sentence.as_str()));
    assert_eq!(scene.online().stream_position(mended.id).unwrap(), Some(position(5)), "the stream is where it was");

    let again = quarantine.retry(&mended, &asked(Which::All)).unwrap();
    assert_eq!((again.arrived, scene.found(&mended)), (0, (2, Some(5.0))), "once");
}

#[test]
fn an_end_between_the_write_and_the_leaving_doubles_nothing() {
    let (scene, view) = (Scene::new(), mended());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    quarantine.add(view.id, &[refused("1", &event(0, "7.5")), refused("2", &event(1, "2.5"))]).unwrap();
    scene.go_on(&view, 5);
    // A copy of the file as it is before the records leave it.
    let file = scene.dir.path().join(FILE);
    let copy = scene.dir.path().join("copy.sqlite");
    rusqlite::Connection::open(&file).unwrap().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    assert_eq!(quarantine.retry(&view, &asked(Which::Ids(vec![1]))).unwrap().arrived, 1);
    drop(quarantine);
    for name in [FILE, "quarantine.sqlite-wal", "quarantine.sqlite-shm"] {
        let _ = std::fs::remove_file(scene.dir.path().join(name));
    }
    std::fs::rename(&copy, &file).unwrap();
    let quarantine = scene.open(Bounds::default(), &[&view]);
    assert_eq!(places(&quarantine, &view), ["2"], "what was written has left");
    assert_eq!(total(&quarantine, &view), [2, 1, 1, 0, 0]);
    assert_eq!(quarantine.retry(&view, &asked(Which::All)).unwrap().arrived, 1);
    assert_eq!(scene.found(&view), (2, Some(5.0)));
}

#[test]
fn a_write_that_fails_leaves_the_record_and_one_that_proves_durable_takes_it_out() {
    let (scene, view) = (Scene::new(), mended());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    quarantine.add(view.id, &[refused("1", &event(0, "7.5"))]).unwrap();
    scene.go_on(&view, 5);
    scene.bytes.let_steps(0);
    assert!(matches!(quarantine.retry(&view, &asked(Which::All)), Err(QuarantineError::Online(_))));
    scene.bytes.let_steps(usize::MAX);
    assert_eq!(places(&quarantine, &view).len(), 1 - scene.found(&view).0 as usize, "in one place, whichever");
    quarantine.retry(&view, &asked(Which::All)).unwrap();
    assert_eq!((scene.found(&view), places(&quarantine, &view).len()), ((1, Some(7.5)), 0));
}

#[test]
fn a_record_that_its_stream_has_still_before_it_is_not_retried_and_forgotten_at_the_next_start() {
    let (scene, view) = (Scene::new(), mended());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    scene.go_on(&view, 1);
    quarantine.add(view.id, &[refused("1", &event(0, "7.5"))]).unwrap();
    let told = quarantine.retry(&view, &asked(Which::All)).unwrap();
    assert!(told.arrived == 0 && told.stays[0].sentence.contains("will read it again by itself"), "{told:?}");
    drop(quarantine);
    // The end came before the position moved: the stream will read the record again, and knows better by then.
    let quarantine = scene.open(Bounds::default(), &[&view]);
    assert_eq!((places(&quarantine, &view).len(), total(&quarantine, &view)), (0, [0; 5]));
    quarantine.add(view.id, &[refused("1", &event(0, "7.5"))]).unwrap();
    scene.go_on(&view, 2);
    let quarantine = scene.open(Bounds::default(), &[&view]);
    assert_eq!((places(&quarantine, &view).len(), total(&quarantine, &view)), (1, [1, 1, 0, 0, 0]));
}

#[test]
fn what_a_stream_says_once_more_from_the_same_position_is_what_counts() {
    let (scene, view) = (Scene::new(), view());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    quarantine.add(view.id, &[refused("1", b"x"), refused("2", b"x")]).unwrap();
    // The write behind it failed, and the second try has another opinion of the first record.
    quarantine.add(view.id, &[refused("2", b"x"), refused("3", b"x")]).unwrap();
    assert_eq!((places(&quarantine, &view).join(" "), total(&quarantine, &view)), ("3 2".to_owned(), [2, 2, 0, 0, 0]));
    quarantine.add(view.id, &[]).unwrap();
    assert_eq!(total(&quarantine, &view), [0; 5]);
    quarantine.add(view.id, &[refused("1", b"x")]).unwrap();
    scene.go_on(&view, 1);
    quarantine.add(view.id, &[]).unwrap();
    quarantine.add(view.id, &[refused("1", b"x"), refused("4", b"x")]).unwrap();
    assert_eq!((places(&quarantine, &view).join(" "), total(&quarantine, &view)), ("4 1".to_owned(), [2, 2, 0, 0, 0]));
}

#[test]
fn another_file_under_the_same_name_has_nothing_to_do_with_the_mark() {
    let (scene, view) = (Scene::new(), mended());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    quarantine.add(view.id, &[refused("1", &event(0, "7.5"))]).unwrap();
    scene.go_on(&view, 5);
    quarantine.retry(&view, &asked(Which::All)).unwrap();
    drop(quarantine);
    let other = Scene { dir: tempfile::tempdir().unwrap(), ..scene };
    let quarantine = other.open(Bounds::default(), &[&view]);
    quarantine.add(view.id, &[refused("9", &event(1, "2.5"))]).unwrap();
    other.go_on(&view, 6);
    let quarantine = other.open(Bounds::default(), &[&view]);
    assert_eq!(places(&quarantine, &view), ["9"], "the number 1 is another record here");
}

#[test]
fn late_records_stay_late_unless_they_are_forced_and_batch_windows_are_left_alone() {
    let (scene, view) = (Scene::new(), mended());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    quarantine.add(view.id, &[refused("1", &event(-300, "7.5"))]).unwrap();
    scene.go_on(&view, 5);
    let told = quarantine.retry(&view, &asked(Which::All)).unwrap();
    let said = &told.stays[0].sentence;
    assert!(said.contains("beyond the watermark") && said.contains("fvtop jobs trigger carrier"), "{said}");
    let forced = Asked { force_late: true, ..asked(Which::All) };
    let window = crate::model::Window { start: at(-600), end: at(-60) };
    let start = crate::model::time::floor(window.start, Span::hours(1));
    let window = crate::model::Window { start, end: start + Span::hours(9) };
    let none = PolarsEngine.transform_stream(&view, frame::empty(&columns(&view)).unwrap()).unwrap();
    let online = scene.online();
    online.write_batch(&view, window, &none.rows, at(0)).unwrap();
    let told = quarantine.retry(&view, &forced).unwrap();
    assert!(told.stays[0].sentence.contains("A batch job wrote its window"), "{:?}", told.stays);
    assert_eq!(scene.found(&view).0, 0);

    let (scene, quarantine) = {
        let scene = Scene::new();
        let quarantine = scene.open(Bounds::default(), &[&view]);
        (scene, quarantine)
    };
    quarantine.add(view.id, &[refused("1", &event(-300, "7.5"))]).unwrap();
    scene.go_on(&view, 5);
    assert_eq!(quarantine.retry(&view, &forced).unwrap().arrived, 1);
    assert_eq!(scene.found(&view), (1, Some(7.5)));
}

#[test]
fn records_are_meant_by_number_by_reason_or_all_and_dropped() {
    let (scene, view) = (Scene::new(), view());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    let late = Refused { reason: Reason::Late, ..refused("3", b"x") };
    quarantine.add(view.id, &[refused("1", b"x"), refused("2", b"x"), late]).unwrap();
    let count = |which: &Which| quarantine.drop_records(view.id, which, true).unwrap();
    let by_reason = Which::Reason("late".to_owned());
    assert_eq!([count(&Which::All), count(&by_reason), count(&Which::Ids(vec![1, 77]))], [3, 1, 1]);
    assert_eq!(quarantine.drop_records(view.id, &by_reason, false).unwrap(), 1);
    assert_eq!(quarantine.drop_records(view.id, &Which::Ids(vec![1, 77]), false).unwrap(), 1);
    assert_eq!((places(&quarantine, &view), total(&quarantine, &view)), (vec!["2".to_owned()], [3, 1, 0, 2, 0]));
    let late = quarantine.list(view.id, Some("late"), None, 10).unwrap();
    assert!(late.is_empty());
}

#[test]
fn pages_follow_each_other_and_rounds_of_a_retry_too() {
    let (scene, view) = (Scene::new(), mended());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    let many: Vec<_> = (0..retry::ROUND + 3).map(|n| refused(&n.to_string(), &event(0, "1.0"))).collect();
    quarantine.add(view.id, &many).unwrap();
    scene.go_on(&view, 5);
    let first = quarantine.list(view.id, None, None, 2).unwrap();
    let second = quarantine.list(view.id, None, Some(first[1].id), 2).unwrap();
    assert_eq!(first[1].id - 1, second[0].id);
    let told = quarantine.retry(&view, &asked(Which::All)).unwrap();
    assert_eq!((told.arrived as usize, told.next), (retry::ROUND, Some(retry::ROUND as i64)));
    let rest = quarantine.retry(&view, &Asked { after: told.next.unwrap(), ..asked(Which::All) }).unwrap();
    assert_eq!((rest.arrived, rest.next, scene.found(&view).0 as usize), (3, None, many.len()));
}

#[test]
fn a_view_without_an_online_stream_has_nothing_to_retry() {
    let (scene, view) = (Scene::new(), View { online: false, ..view() });
    let quarantine = scene.open(Bounds::default(), &[&view]);
    let refusal = quarantine.retry(&view, &asked(Which::All)).unwrap_err().to_string();
    assert!(refusal.contains("`carrier` writes no stream online"), "{refusal}");
}

/// Events of the view, with these delays, a minute apart at most.
fn events(view: &View, delays: impl Iterator<Item = &'static str>) -> polars::prelude::DataFrame {
    let delays: Vec<Value> = delays.map(|delay| Value::Text(delay.to_owned())).collect();
    let rows = delays.len();
    let cells = [vec![Value::Text("UA".to_owned()); rows], vec![Value::Time(at(0)); rows], delays];
    let columns = columns(view).into_iter().zip(cells);
    let columns = columns.map(|((name, of), cells)| frame::column(&name, &of, &cells).unwrap());
    polars::prelude::DataFrame::new(rows, columns.collect()).unwrap()
}

#[test]
fn one_poisoned_event_of_a_batch_waits_here_and_arrives_once_the_query_is_mended() {
    let (scene, broken) = (Scene::new(), mended());
    let quarantine = Arc::new(scene.open(Bounds::default(), &[&broken]));
    let source = &broken.inputs[0].source;
    let stream = Arc::new(MemoryStream::new(source, usize::MAX));
    stream.append(0, &events(&broken, (0..2_000).map(|n| if n == 777 { "soon" } else { "1 min" })));
    let readers = Arc::new(Readers::of(source, stream));
    let step = EngineStep {
        refusals: quarantine.clone(),
        ..EngineStep::of(Arc::new(PolarsEngine), readers, Arc::new(scene.online()))
    };
    while step.step(&broken).unwrap().more {}
    assert_eq!(scene.found(&broken), (1_999, Some(1.0)));
    let [record] = &quarantine.list(broken.id, None, None, 10).unwrap()[..] else { panic!("one record") };
    assert_eq!(record.reason, "query-failed");
    assert!(record.sentence.contains("soon"), "{}", record.sentence);

    let sql = broken.sql.replace("replace(delay, ' min', '')", "replace(replace(delay, ' min', ''), 'soon', '2001')");
    let mended = View { sql, ..broken };
    assert_eq!(quarantine.retry(&mended, &asked(Which::All)).unwrap().arrived, 1);
    assert_eq!(scene.found(&mended), (2_000, Some(2.0)));
    assert_eq!(total(&quarantine, &mended), [1, 0, 1, 0, 0]);
}

/// The same view, in which events of one carrier and delay are one, so far apart at most.
fn deduplicating(horizon: Span) -> View {
    let mut view = mended();
    let stream = Arc::make_mut(&mut view.inputs[0].source).stream.as_mut().unwrap();
    let columns = vec!["carrier".to_owned(), "delay".to_owned()];
    stream.deduplicate = Some(crate::platform::definition::Deduplicate { columns, horizon });
    view
}

#[test]
fn an_event_that_is_there_already_leaves_and_changes_nothing() {
    let (scene, view) = (Scene::new(), deduplicating(Span::hours(1)));
    let quarantine = scene.open(Bounds::default(), &[&view]);
    let records = [refused("1", &event(0, "7.5")), refused("2", &event(0, "7.5")), refused("3", &event(0, "2.5"))];
    quarantine.add(view.id, &records).unwrap();
    scene.go_on(&view, 5);
    let told = quarantine.retry(&view, &asked(Which::All)).unwrap();
    assert_eq!((told.arrived, told.duplicates, scene.found(&view)), (2, 1, (2, Some(5.0))));
    quarantine.add(view.id, &[refused("9", &event(10, "2.5"))]).unwrap();
    scene.go_on(&view, 6);
    let told = quarantine.retry(&view, &asked(Which::All)).unwrap();
    assert_eq!((told.arrived, told.duplicates, scene.found(&view)), (0, 1, (2, Some(5.0))), "it was kept in the write");
    assert_eq!(total(&quarantine, &view), [4, 0, 4, 0, 0]);
}

/// A stream of the view that has written one event, with what reads and writes it.
fn begun(view: &View, online: &Arc<OnlineStore>) -> (Arc<MemoryStream>, EngineStep) {
    let source = &view.inputs[0].source;
    let stream = Arc::new(MemoryStream::new(source, usize::MAX));
    let readers = Arc::new(Readers::of(source, stream.clone()));
    let step = EngineStep::of(Arc::new(PolarsEngine), readers, Arc::clone(online));
    stream.append(0, &events(view, ["1 min"].into_iter()));
    step.step(view).unwrap();
    (stream, step)
}

#[test]
fn an_event_that_its_stream_writes_while_it_is_retried_is_written_once() {
    let (scene, view) = (Scene::new(), deduplicating(Span::hours(1)));
    let online = Arc::new(scene.online());
    let (asks, streams) =
        (Arc::new(AtomicI64::new(i64::MIN)), Arc::new(OnceLock::<(Arc<MemoryStream>, EngineStep)>::new()));
    let clock = {
        let (asks, streams, view) = (Arc::clone(&asks), Arc::clone(&streams), view.clone());
        Clock::from_fn(move || {
            // The second record is judged, and the first one was.
            if asks.fetch_add(1, Ordering::SeqCst) == 1 {
                let (stream, step) = streams.get().unwrap();
                stream.append(0, &events(&view, ["7.5 min"].into_iter()));
                step.step(&view).unwrap();
            }
            testing::now()
        })
    };
    let engine = Arc::new(PolarsEngine);
    let quarantine = Quarantine::open(scene.dir.path(), Bounds::default(), Arc::clone(&online), engine, clock).unwrap();
    quarantine.add(view.id, &[refused("1", &event(0, "7.5")), refused("2", &event(0, "2.5"))]).unwrap();
    assert!(streams.set(begun(&view, &online)).is_ok());
    asks.store(0, Ordering::SeqCst);
    let told = quarantine.retry(&view, &asked(Which::All)).unwrap();
    assert_eq!((told.arrived, told.duplicates, told.stays), (1, 1, Vec::new()));
    assert_eq!(scene.found(&view), (3, Some(11.0 / 3.0)));
}

/// Has everything retried once, in the middle of a step.
struct RetriesAmid {
    quarantine: Arc<Quarantine>,
    waits: AtomicBool,
}

impl Refusals for RetriesAmid {
    fn add(&self, view: &View, refused: &[Refused]) -> Result<(), Trouble> {
        if self.waits.swap(false, Ordering::SeqCst) {
            assert_eq!(self.quarantine.retry(view, &asked(Which::All)).unwrap().arrived, 1);
        }
        Refusals::add(self.quarantine.as_ref(), view, refused)
    }
}

#[test]
fn an_event_that_a_retry_writes_while_its_stream_tells_it_apart_is_written_once() {
    let (scene, view) = (Scene::new(), deduplicating(Span::hours(1)));
    let online = Arc::new(scene.online());
    let engine = Arc::new(PolarsEngine);
    let quarantine =
        Quarantine::open(scene.dir.path(), Bounds::default(), Arc::clone(&online), engine, scene.clock()).unwrap();
    quarantine.add(view.id, &[refused("1", &event(0, "7.5"))]).unwrap();
    let (stream, step) = begun(&view, &online);
    let step =
        EngineStep { refusals: Arc::new(RetriesAmid { quarantine: Arc::new(quarantine), waits: true.into() }), ..step };
    stream.append(0, &events(&view, ["7.5 min", "2.5 min"].into_iter()));
    step.step(&view).unwrap();
    assert_eq!(scene.found(&view), (3, Some(11.0 / 3.0)));
    let counts = online.stream_position(view.id).unwrap().unwrap().counts();
    assert_eq!((counts.read, counts.written, counts.deduplicated), (3, 2, 1));
}

#[test]
fn a_record_that_stays_makes_no_duplicate_of_another() {
    let (scene, view) = (Scene::new(), deduplicating(Span::hours(6)));
    let quarantine = scene.open(Bounds::default(), &[&view]);
    quarantine.add(view.id, &[refused("1", &event(-300, "7.5")), refused("2", &event(0, "7.5"))]).unwrap();
    scene.go_on(&view, 5);
    let told = quarantine.retry(&view, &asked(Which::All)).unwrap();
    assert!(told.stays[0].sentence.contains("beyond the watermark"), "{told:?}");
    assert_eq!((told.arrived, told.duplicates, told.stays.len()), (1, 0, 1));
    assert_eq!((scene.found(&view), places(&quarantine, &view)), ((1, Some(7.5)), vec!["1".to_owned()]));
}

#[test]
fn what_is_from_before_the_beginning_or_far_ahead_stays() {
    let (scene, view) = (Scene::new(), mended());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    let quarantine = quarantine.with_starts(HashMap::from([(view.id, at(-10))]));
    quarantine.add(view.id, &[refused("1", &event(-11, "1.0")), refused("2", &event(500, "1.0"))]).unwrap();
    scene.go_on(&view, 5);
    let told = quarantine.retry(&view, &asked(Which::All)).unwrap();
    let said = [&told.stays[0].sentence, &told.stays[1].sentence];
    assert!(said[0].contains("before the features of view carrier begin"), "{said:?}");
    assert!(said[1].contains("too far in the future still"), "{said:?}");
    // Another definition lets both in.
    let mut other = view.clone();
    Arc::make_mut(&mut other.inputs[0].source).future_events = true;
    let quarantine = quarantine.with_starts(HashMap::new());
    assert_eq!(quarantine.retry(&other, &asked(Which::All)).unwrap().arrived, 2);
    // And nothing of the present is late then.
    assert_eq!(scene.online().latest_event(view.id).unwrap(), Some(at(0)));
}

#[test]
fn a_retry_leaves_the_watermark_to_the_stream() {
    let (scene, view) = (Scene::new(), mended());
    let quarantine = scene.open(Bounds::default(), &[&view]);
    quarantine.add(view.id, &[refused("1", &event(30, "7.5"))]).unwrap();
    scene.go_on(&view, 5);
    assert_eq!(quarantine.retry(&view, &asked(Which::All)).unwrap().arrived, 1);
    assert_eq!(scene.online().latest_event(view.id).unwrap(), Some(at(0)));
    assert_eq!(scene.found(&view), (1, Some(7.5)));
}
