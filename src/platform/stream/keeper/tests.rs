//! What is kept: whatever dies when, the files hold the events before the position, once each; and what is computed
//! over them is what is computed over files of the same events.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::model::time::{micros, parse_time};
use crate::model::{Value, Window};
use crate::platform::compute::{Cancel, EngineError, ErrorKind, MEMORY};
use crate::platform::definition::{Feed, IngestFeed, View};
use crate::platform::engine::ask::{Control, HistoryArgs, Rows, RunArgs};
use crate::platform::engine::{Engine, PolarsEngine};
use crate::platform::offline::checksum_of;
use crate::platform::source::files;
use crate::platform::source::testing::MemoryStream;
use crate::platform::source::{Offset, Partition, Read, Seek};
use crate::platform::testing;
use crate::wire::queries::{HistoryQuery, RunQuery};

/// Dies at the step that was chosen.
pub(super) fn step(left: &Cell<Option<usize>>) {
    match left.get() {
        Some(0) => panic!("killed"),
        Some(more) => left.set(Some(more - 1)),
        None => {}
    }
}

/// The source of a view with nothing but a stream, kept in that folder.
fn kept_source(mut source: Definition, folder: &Path, history: Option<Span>) -> Arc<Definition> {
    source.files.clear();
    source.kept = Some(Kept { folder: folder.join("streams/1/kept"), history });
    source.stream = testing::view("v").inputs[0].source.stream.clone();
    source.stream.as_mut().unwrap().feed = Feed::Ingest(IngestFeed { retention_bytes: 1 << 30 });
    Arc::new(source)
}

/// A stream, what is kept of it, and a clock.
pub(super) struct Bench {
    folder: tempfile::TempDir,
    pub source: Arc<Definition>,
    pub stream: MemoryStream,
    now: Arc<AtomicI64>,
}

/// Everything is written at once, and joined soon.
pub(super) const EAGER: Limits = Limits { bytes: 1, age: Span::zero(), run: 3, large: 1 << 20 };

impl Bench {
    pub(super) fn new(history: Option<Span>, piece: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let view = testing::view("v");
        let source = kept_source(view.inputs[0].source.as_ref().clone(), folder.path(), history);
        let stream = MemoryStream::new(&source, piece);
        Self { folder, source, stream, now: Arc::new(AtomicI64::new(micros(testing::now()))) }
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::from_fn(move || from_micros(now.load(Ordering::SeqCst)))
    }

    fn pass(&self, span: Span) {
        self.now.fetch_add(span.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    pub(super) fn open(&self, limits: Limits) -> Keeper {
        Keeper::open(&self.source, &self.clock(), limits).unwrap()
    }

    fn kept(&self) -> &Kept {
        self.source.kept.as_ref().unwrap()
    }

    /// Adds events, as (number, minute).
    pub(super) fn append(&self, partition: Partition, events: &[(u32, i64)]) {
        self.stream.append(partition, &frame_of(&self.source, events));
    }

    /// The files in the folder, named or not.
    fn on_disk(&self) -> usize {
        kept::data_files(&self.kept().folder).unwrap().len()
    }

    /// The events of a manifest, as (number, minute), in its order.
    pub(super) fn held(&self, manifest: &Manifest) -> Vec<(u32, i64)> {
        let read = |file: &KeptFile| {
            let path = self.kept().folder.join(&file.name);
            let found = ParquetReader::new(File::open(&path).unwrap()).finish().unwrap();
            assert_eq!(found.height() as u64, file.rows);
            assert_eq!(checksum_of(File::open(&path).unwrap()).unwrap(), file.checksum);
            let numbers = frame::values(found.column("delay").unwrap());
            let times = frame::micros_of(found.column("timestamp").unwrap()).unwrap();
            let range = times.iter().flatten().min().copied().zip(times.iter().flatten().max().copied());
            assert_eq!(range, Some((file.least, file.greatest)));
            let event = |(number, at): (Value, Option<i64>)| {
                let Value::Float(number) = number else { panic!("{number:?}") };
                (number as u32, (at.unwrap() - micros(testing::now())) / 60_000_000)
            };
            numbers.into_iter().zip(times).map(event).collect::<Vec<_>>()
        };
        manifest.files.iter().flat_map(read).collect()
    }
}

fn frame_of(source: &Definition, events: &[(u32, i64)]) -> DataFrame {
    let cells: [Vec<Value>; 3] = [
        events.iter().map(|_| Value::Text("AA".to_owned())).collect(),
        events.iter().map(|(_, minute)| Value::Time(testing::now() + Span::minutes(*minute))).collect(),
        events.iter().map(|(number, _)| Value::Float(f64::from(*number))).collect(),
    ];
    let columns = source.columns.iter().zip(cells).map(|((name, of), cells)| frame::column(name, of, &cells).unwrap());
    DataFrame::new(events.len(), columns.collect()).unwrap()
}

#[derive(Clone, Debug)]
enum Deed {
    Append(Partition, Vec<i64>),
    /// A turn of the keeper.
    Turn,
    /// A turn in which the process dies after as many steps; then it is started again.
    Die(usize),
    /// The small files of past days are joined.
    Tidy,
}

fn deed() -> impl Strategy<Value = Deed> {
    let minutes = prop::collection::vec(prop_oneof![0_i64..4, -6_000_i64..0], 1..6);
    prop_oneof![
        3 => (0_u32..3, minutes).prop_map(|(partition, minutes)| Deed::Append(partition, minutes)),
        3 => Just(Deed::Turn),
        3 => (0_usize..14).prop_map(Deed::Die),
        1 => Just(Deed::Tidy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_dies_when_the_files_hold_the_events_before_the_position_once_each(
        deeds in prop::collection::vec(deed(), 1..40), piece in 1_usize..9,
    ) {
        let bench = Bench::new(None, piece);
        let mut sent: BTreeMap<Partition, Vec<(u32, i64)>> = BTreeMap::new();
        let (mut keeper, mut number) = (bench.open(EAGER), 0);
        for deed in deeds.into_iter().chain([Deed::Die(99), Deed::Turn]) {
            match deed {
                Deed::Append(partition, minutes) => {
                    let numbers = number + 1..;
                    number += minutes.len() as u32;
                    let events: Vec<(u32, i64)> = numbers.zip(minutes).collect();
                    bench.append(partition, &events);
                    sent.entry(partition).or_default().extend(events);
                }
                Deed::Turn => {
                    keeper.turn(&bench.stream).unwrap();
                }
                Deed::Tidy => while keeper.join(Joined::PastDays) {},
                Deed::Die(steps) => {
                    keeper.steps.set(Some(steps));
                    let died = catch_unwind(AssertUnwindSafe(|| keeper.turn(&bench.stream).map(drop)));
                    prop_assert!(died.is_err() || died.unwrap() == Ok(()));
                    keeper = bench.open(EAGER);
                    prop_assert_eq!(bench.on_disk(), keeper.manifest.files.len(), "nothing else is left");
                }
            }
            let manifest = kept::load(&bench.kept().folder).unwrap().unwrap();
            let held = bench.held(&manifest);
            let mut expected = Vec::new();
            for (partition, place) in manifest.position.places() {
                let read: usize = bench.stream.print(&place.offset).parse().unwrap();
                expected.extend(&sent[&partition][..read]);
                // Events of one time stay in the order in which they came.
                let of_one: Vec<_> = held.iter().filter(|event| sent[&partition].contains(event)).collect();
                for minute in of_one.iter().map(|(_, minute)| minute) {
                    let numbers: Vec<u32> = of_one.iter().filter(|(_, at)| at == minute).map(|(n, _)| *n).collect();
                    prop_assert!(numbers.is_sorted(), "{:?}", numbers);
                }
            }
            let mut sorted = held.clone();
            sorted.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(sorted, expected);
            prop_assert_eq!(manifest.counts.kept, held.len() as u64);
            prop_assert_eq!(manifest.counts.read, manifest.counts.kept);
        }
        while keeper.turn(&bench.stream).unwrap() {}
        prop_assert_eq!(bench.held(&keeper.manifest).len(), number as usize, "and in the end all of them");
        prop_assert_eq!(bench.on_disk(), keeper.manifest.files.len());
    }
}

/// A stream that whoever reads it first begins at its end.
struct FromNow<'a>(&'a MemoryStream);

impl StreamSource for FromNow<'_> {
    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        self.0.partitions()
    }

    fn read(&self, partition: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
        let now = self.0.seek(partition, &Seek::Latest)?;
        self.0.read(partition, Some(from.unwrap_or(&now)), max)
    }

    fn print(&self, offset: &Offset) -> String {
        self.0.print(offset)
    }
}

#[test]
fn where_keeping_began_is_known_after_a_restart_before_anything_came() {
    let bench = Bench::new(None, 100);
    let stream = FromNow(&bench.stream);
    bench.append(0, &[(1, 0)]);
    let mut keeper = bench.open(Limits::default());
    assert!(!keeper.turn(&stream).unwrap());
    drop(keeper);
    bench.append(0, &[(2, 1)]);
    let mut keeper = bench.open(EAGER);
    while keeper.turn(&stream).unwrap() {}
    assert_eq!(bench.held(&keeper.manifest), [(2, 1)], "it came after keeping began");
    assert_eq!((keeper.manifest.counts.read, keeper.manifest.counts.kept), (1, 1));
}

#[test]
fn an_event_is_in_a_file_after_a_while_or_as_soon_as_somebody_waits_for_it() {
    let bench = Bench::new(None, 100);
    let mut keeper = bench.open(Limits { age: Span::seconds(10), ..Limits::default() });
    let turn = |keeper: &mut Keeper| keeper.turn(&bench.stream).unwrap();
    let rows = || kept::current(&bench.source, bench.kept()).unwrap().rows();
    let at = || from_micros(bench.now.load(Ordering::SeqCst));
    // Where keeping begins is written at once.
    bench.append(0, &[]);
    turn(&mut keeper);
    bench.append(0, &[(1, 0), (2, 1)]);
    turn(&mut keeper);
    assert_eq!(rows(), 0);
    bench.pass(Span::seconds(9));
    turn(&mut keeper);
    assert_eq!(rows(), 0);
    bench.pass(Span::seconds(1));
    turn(&mut keeper);
    assert_eq!(rows(), 2);
    assert!(kept::has_all_until(bench.kept(), at()));

    bench.append(0, &[(3, 2)]);
    bench.pass(Span::seconds(1));
    turn(&mut keeper);
    assert_eq!(rows(), 2, "it may wait");
    assert!(!kept::has_all_until(bench.kept(), at()), "and now somebody does");
    turn(&mut keeper);
    assert_eq!(rows(), 3);
    assert!(kept::has_all_until(bench.kept(), at()));
    let commit = keeper.manifest.commit;
    turn(&mut keeper);
    assert_eq!(keeper.manifest.commit, commit, "what brings nothing is not written");
    bench.pass(Span::seconds(1));
    assert!(!kept::has_all_until(bench.kept(), at()), "what came since is not known yet");
    turn(&mut keeper);
    assert!(kept::has_all_until(bench.kept(), at()));
    // Nobody keeps any more: nobody may rely on it.
    drop(keeper);
    assert!(!kept::has_all_until(bench.kept(), at()));
    assert_eq!(rows(), 3, "read from the disk");
}

#[test]
fn a_slow_stream_makes_few_files_and_events_of_many_days_do_so_too() {
    let bench = Bench::new(None, 1_000);
    let mut keeper = bench.open(Limits { run: 8, ..EAGER });
    for number in 0..200 {
        bench.append(0, &[(number, i64::from(number) % 60)]);
        keeper.turn(&bench.stream).unwrap();
    }
    assert!(keeper.manifest.files.len() <= 8, "{}", keeper.manifest.files.len());
    let before = keeper.manifest.files.len();
    let years: Vec<(u32, i64)> = (0..400).map(|day| (day, -1_440 * i64::from(day))).collect();
    bench.append(0, &years);
    keeper.turn(&bench.stream).unwrap();
    assert!(keeper.manifest.files.len() <= before + MOST_DAYS);
    assert_eq!(keeper.manifest.rows(), 600);
    assert_eq!(keeper.manifest.oldest, Some(testing::now() - Span::days(399)));
    let modes: Vec<u32> = fs::read_dir(&bench.kept().folder)
        .unwrap()
        .map(|entry| std::os::unix::fs::MetadataExt::mode(&entry.unwrap().metadata().unwrap()) & 0o777)
        .collect();
    assert!(modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
}

#[test]
fn whoever_reads_keeps_the_files_that_he_was_told() {
    let bench = Bench::new(None, 100);
    let mut keeper = bench.open(EAGER);
    for number in 0..2 {
        bench.append(0, &[(number, 0)]);
        keeper.turn(&bench.stream).unwrap();
    }
    let (day, now) = (floor(testing::now(), Span::days(1)), testing::now() + Span::days(9));
    let window = Window { start: day, end: day + Span::days(1) };
    let parts = files::parts(&bench.source, Some(window), now).unwrap();
    assert_eq!(parts.len(), 2);
    bench.append(0, &[(2, 0)]);
    keeper.turn(&bench.stream).unwrap();
    assert_eq!((keeper.manifest.files.len(), bench.on_disk()), (1, 4), "joined, and read all the same");
    let columns = ["delay".to_owned()];
    let read: usize = parts
        .iter()
        .map(|part| files::lazy(&bench.source, part, &columns, false).unwrap().collect().unwrap().height())
        .sum();
    assert_eq!(read, 2);
    drop(parts);
    keeper.turn(&bench.stream).unwrap();
    assert_eq!(bench.on_disk(), 1);
}

#[test]
fn old_events_go_by_whole_days_and_what_needs_them_is_refused() {
    let bench = Bench::new(Some(Span::days(2)), 100);
    let mut keeper = bench.open(EAGER);
    let day = |back: i64| -1_440 * back;
    bench.append(0, &[(1, day(0)), (2, day(1)), (3, day(2)), (4, day(3))]);
    bench.append(1, &[(5, day(5))]);
    // In the first turn events are read before old ones are looked for.
    keeper.turn(&bench.stream).unwrap();
    let gone = floor(testing::now() - Span::days(2), Span::days(1));
    assert_eq!(keeper.manifest.gone, Some(gone));
    assert_eq!(bench.held(&keeper.manifest).len(), 3);
    assert_eq!((keeper.manifest.counts.kept, keeper.manifest.counts.removed), (5, 2));
    assert_eq!(bench.on_disk(), 3);
    // One that comes later for a time of which nothing is kept is counted.
    bench.append(1, &[(6, day(4)), (7, day(0))]);
    keeper.turn(&bench.stream).unwrap();
    let counts = keeper.manifest.counts;
    assert_eq!((counts.read, counts.kept, counts.outdated), (7, 6, 1));
    let sentence = kept::sentence(&bench.source).unwrap();
    assert!(sentence.starts_with("4 events in ") && sentence.contains("1 not kept, for they came when"), "{sentence}");

    let mut view = testing::view("v");
    view.inputs[0].source = Arc::clone(&bench.source);
    let materialize = |start: Time| {
        let window = Window { start, end: start + Span::hours(1) };
        PolarsEngine.materialize(&view, window, testing::now(), Control::quiet(&Cancel::default(), MEMORY))
    };
    let refused = materialize(gone - Span::hours(1)).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Arguments);
    assert!(refused.message.contains("its events are kept since") && refused.message.contains("(`history = \"2d\"`)"));
    assert_eq!(materialize(gone).unwrap().height(), 0, "there was none in that hour");
    assert_eq!(crate::platform::jobs::kept::begins(&view).unwrap(), Some(floor(testing::now(), Span::hours(1))));
    // Time goes on, and what is kept with it.
    bench.pass(Span::days(9));
    keeper.present = Cautious::default();
    keeper.retain().unwrap();
    assert_eq!((keeper.manifest.files.len(), keeper.manifest.rows()), (0, 0));
    assert!(materialize(testing::now()).is_err());
    drop(keeper);
    assert!(bench.open(EAGER).manifest.gone > Some(gone), "and is known after a restart");
}

#[test]
fn a_stream_or_a_disk_that_fails_loses_nothing() {
    let bench = Bench::new(None, 2);
    let mut keeper = bench.open(EAGER);
    bench.append(0, &[(1, 0), (2, 0), (3, 0)]);
    bench.stream.fail(0);
    assert_eq!(keeper.turn(&bench.stream), Err("it is away".to_owned()));
    // Somebody took the folder away; what was read waits, and no more is read.
    fs::rename(&bench.kept().folder, bench.folder.path().join("away")).unwrap();
    for _ in 0..3 {
        assert!(keeper.turn(&bench.stream).unwrap_err().contains("cannot be written"));
    }
    assert_eq!(keeper.pending.counts.read, 2);
    fs::rename(bench.folder.path().join("away"), &bench.kept().folder).unwrap();
    while keeper.turn(&bench.stream).unwrap() {}
    assert_eq!(bench.held(&keeper.manifest), [(1, 0), (2, 0), (3, 0)]);
    assert_eq!(bench.on_disk(), keeper.manifest.files.len());
}

/// Else a stream that has more would make its neighbours be read as often as it is.
#[test]
fn a_stream_that_is_caught_up_is_not_read_again_before_it_is_time() {
    let bench = Bench::new(None, 5);
    let all: Vec<(u32, i64)> = (0..8).map(|number| (number, 0)).collect();
    bench.append(0, &all);
    let readers = Readers::of(&bench.source, Arc::new(bench.stream));
    let clock = Clock::from_fn(testing::now);
    let mut watched = Watched {
        source: Arc::clone(&bench.source),
        keeper: Some(Keeper::open(&bench.source, &clock, EAGER).unwrap()),
        failures: 0,
        not_before: None,
        noted: None,
    };
    assert!(watched.turn(&clock, &readers));
    assert_eq!(watched.not_before, None, "there is more");
    assert!(!watched.turn(&clock, &readers));
    assert!(watched.not_before.is_some(), "there is no more");
}

#[test]
fn what_was_not_kept_in_time_is_counted() {
    let bench = Bench::new(None, 100);
    let mut keeper = bench.open(EAGER);
    bench.append(0, &[(1, 0)]);
    keeper.turn(&bench.stream).unwrap();
    bench.append(0, &[(2, 0), (3, 0), (4, 0)]);
    bench.stream.forget(0, 3);
    keeper.turn(&bench.stream).unwrap();
    assert_eq!((keeper.manifest.counts.expired, bench.held(&keeper.manifest)), (2, vec![(1, 0), (4, 0)]));
}

const DEFINITIONS: [(&str, &str); 6] = [
    ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n"),
    (
        "entities.toml",
        "[[entity]]\nname = \"carrier\"\njoin_keys = [{ name = \"carrier\", type = \"string\" }]\n\
         [[entity]]\nname = \"tail\"\njoin_keys = [{ name = \"tailnum\", type = \"string\" }]\n",
    ),
    ("sources.toml", "[[source]]\nname = \"flights\"\nfiles = \"flights.parquet\"\ntimestamp_column = \"timestamp\"\n"),
    (
        "views/carrier_delays.toml",
        "name = \"carrier_delays\"\nentities = [\"carrier\"]\nsource = \"flights\"\nmode = \"spark_sql\"\n\
         sql = \"SELECT carrier, timestamp, arr_delay, origin FROM flights\"\nonline = true\noffline = true\n\
         batch_schedule = \"1d\"\naggregation_interval = \"1h\"\n\
         [[aggregations]]\ncolumn = \"arr_delay\"\nfunction = \"mean\"\ntime_window = \"6h\"\n\
         [[aggregations]]\ncolumn = \"arr_delay\"\nfunction = \"sum\"\ntime_window = \"1d\"\n\
         [[aggregations]]\ncolumn = \"origin\"\nfunction = \"last_n\"\nn = 3\ntime_window = \"1d\"\n",
    ),
    (
        "views/carrier_continuous.toml",
        "name = \"carrier_continuous\"\nentities = [\"carrier\"]\nsource = \"flights\"\nmode = \"spark_sql\"\n\
         sql = \"SELECT carrier, timestamp, distance FROM flights\"\nonline = true\noffline = true\n\
         batch_schedule = \"1d\"\naggregation_mode = \"continuous\"\n\
         [[aggregations]]\ncolumn = \"distance\"\nfunction = \"max\"\ntime_window = \"90m\"\n",
    ),
    (
        "views/tail_state.toml",
        "name = \"tail_state\"\nentities = [\"tail\"]\nsource = \"flights\"\nmode = \"spark_sql\"\n\
         sql = \"SELECT tailnum, timestamp, carrier, origin, dep_delay FROM flights\"\nonline = true\noffline = true\n\
         batch_schedule = \"1d\"\nttl = \"2d\"\n",
    ),
];

/// Real flights of eleven days, as files and as a stream of three partitions that brings them in another order: `run`,
/// what jobs store, and histories are the same to the last digit.
#[test]
fn what_is_kept_computes_as_files_of_the_same_events_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("views")).unwrap();
    for (name, text) in DEFINITIONS {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights/data/flights.parquet");
    let all = ParquetReader::new(File::open(data).unwrap()).finish().unwrap();
    let at = frame::micros_of(all.column("timestamp").unwrap()).unwrap();
    let (begin, end) = (parse_time("2013-01-05").unwrap(), parse_time("2013-01-16").unwrap());
    let inside = |at: &Option<i64>| at.is_some_and(|at| (micros(begin)..micros(end)).contains(&at));
    let mut events = all.filter(&BooleanChunked::from_iter_values("".into(), at.iter().map(inside))).unwrap();
    let parquet = File::create(folder.path().join("flights.parquet")).unwrap();
    ParquetWriter::new(parquet).finish(&mut events).unwrap();
    let repository = crate::platform::registry::load(folder.path());
    assert_eq!(repository.errors, []);
    let flights = repository.sources[0].as_ref().clone();

    // Up to two hours late, events of one time together.
    let source = kept_source(flights, folder.path(), None);
    let stream = MemoryStream::new(&source, 1_700);
    let names: Vec<&str> = source.columns.iter().map(|(name, _)| name.as_str()).collect();
    let events = files::whole(&repository.sources[0], &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let events = events.unwrap();
    let at: Vec<i64> = frame::micros_of(events.column("timestamp").unwrap()).unwrap().into_iter().flatten().collect();
    let mixed = |at: i64| xxh3_64(&at.to_be_bytes());
    let mut order: Vec<usize> = (0..at.len()).collect();
    order.sort_by_key(|row| at[*row] + (mixed(at[*row]) % 7_200_000_000) as i64);
    let now = Arc::new(AtomicI64::new(micros(end + Span::days(1))));
    let clock = Clock::from_fn(move || from_micros(now.load(Ordering::SeqCst)));
    let mut keeper = Keeper::open(&source, &clock, Limits { bytes: 200_000, ..EAGER }).unwrap();
    for chunk in order.chunks(2_500) {
        for partition in 0..3 {
            let rows: Vec<IdxSize> =
                chunk.iter().filter(|row| mixed(at[**row]) % 3 == partition).map(|row| *row as IdxSize).collect();
            let rows = IdxCa::from_vec("".into(), rows);
            stream.append(partition as Partition, &events.take(&rows).unwrap());
        }
        keeper.turn(&stream).unwrap();
    }
    while keeper.turn(&stream).unwrap() {}
    keeper.turn(&stream).unwrap();
    assert_eq!(keeper.manifest.rows() as usize, events.height());

    let cancel = Cancel::default();
    let control = || Control::quiet(&cancel, MEMORY);
    let now = end + Span::days(1);
    let sorted = |frame: DataFrame| {
        let names: Vec<String> = frame.get_column_names().iter().map(|name| name.to_string()).collect();
        let mut rows = frame::rows(&frame, &names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        rows.sort_by_key(|row| format!("{row:?}"));
        (names, rows)
    };
    for view in &repository.views {
        let kept = View {
            inputs: vec![crate::platform::definition::Input::plain("flights", source.as_ref().clone())],
            ..view.as_ref().clone()
        };
        let window = Window { start: begin + Span::days(1), end: end - Span::days(1) };
        let range = (Some(window.start), Some(window.end));
        let run = RunQuery { start_time: range.0, end_time: range.1, ..RunQuery::default() };
        let history =
            HistoryQuery { start_time: range.0, end_time: range.1, from_source: true, ..HistoryQuery::default() };
        let of = |view: &View| {
            let run = PolarsEngine.run(view, &RunArgs { query: &run, now }, control()).unwrap().frame;
            let args = HistoryArgs {
                query: &history,
                rows: Rows::Source,
                feature_start_time: None,
                separator: ".".to_owned(),
                now,
            };
            let history = PolarsEngine.history(view, &args, control()).unwrap().frame;
            let stored = PolarsEngine.materialize(view, window, now, control()).unwrap();
            assert!(run.height() > 100 && history.height() > 100 && stored.height() > 100);
            [run, history, stored].map(sorted)
        };
        assert_eq!(of(&kept), of(view), "{}", view.name);
    }
}
