//! The law of the seam to streams, on a stream in memory with several partitions, read by the step of a stream job and
//! by a tail: in pieces of any size, whatever appears, expires or fails meanwhile, each sees every event once that was
//! kept until it came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polars::prelude::DataFrame;
use proptest::prelude::*;

use super::hub::{Shared, Source};
use super::tail::Tail;
use crate::model::{DataType, Span, StreamCounts, Time, Value};
use crate::platform::definition::{Aggregation, Function, Kind, View};
use crate::platform::engine::{Engine, PolarsEngine};
use crate::platform::jobs::stream_job::{Step, StreamStep, Trouble};
use crate::platform::jobs::stream_step::EngineStep;
use crate::platform::online::OnlineStore;
use crate::platform::online::memory::MemoryStore;
use crate::platform::source::position::{Place, Position};
use crate::platform::source::readers::Readers;
use crate::platform::source::testing::{FORM, MemoryStream};
use crate::platform::source::{Form, Offset, Partition};
use crate::platform::{frame, testing};

/// Longer than any test's events are apart, so that none is late.
const LONG: Span = Span::days(9);

fn with_watermark(mut view: View, watermark: Span) -> View {
    Arc::make_mut(&mut view.inputs[0].source).stream.as_mut().unwrap().watermark = watermark;
    view
}

fn temporal() -> View {
    let features = vec![("delay".to_owned(), DataType::Float64)];
    let view = View { kind: Kind::Temporal { ttl: None, features }, ..testing::view("each") };
    with_watermark(view, LONG)
}

/// Count and sum of the events of an hour.
fn aggregate(watermark: Span) -> View {
    let of = |function, output_type| Aggregation {
        column: "delay".to_owned(),
        function,
        time_window: Span::days(400),
        feature: String::new(),
        input_type: DataType::Float64,
        output_type,
    };
    let count = Aggregation { feature: "count".to_owned(), ..of(Function::Count, DataType::Int64) };
    let sum = Aggregation { feature: "sum".to_owned(), ..of(Function::Sum, DataType::Float64) };
    let kind = Kind::Aggregate { interval: Span::hours(1), aggregations: vec![count, sum] };
    with_watermark(View { kind, ..testing::view("sums") }, watermark)
}

/// An event: its number, and its time in minutes.
type Event = (u32, i64);

fn events(view: &View, events: &[Event]) -> DataFrame {
    let columns = &view.inputs[0].source.columns;
    let cells: [Vec<Value>; 3] = [
        events.iter().map(|_| Value::Text("AA".to_owned())).collect(),
        events.iter().map(|(_, minute)| Value::Time(testing::now() + Span::minutes(*minute))).collect(),
        events.iter().map(|(number, _)| Value::Float(f64::from(*number))).collect(),
    ];
    let columns = columns.iter().zip(cells).map(|((name, of), cells)| frame::column(name, of, &cells).unwrap());
    DataFrame::new(events.len(), columns.collect()).unwrap()
}

fn readers(view: &View, stream: &Arc<MemoryStream>) -> Arc<Readers> {
    Arc::new(Readers::of(&view.inputs[0].source, stream.clone()))
}

/// The step of a stream job that has just been started, over what is stored.
fn started(view: &View, stream: &Arc<MemoryStream>, bytes: &Arc<MemoryStore>) -> EngineStep {
    let online = Arc::new(OnlineStore::over(bytes.clone()));
    EngineStep::of(Arc::new(PolarsEngine), readers(view, stream), online)
}

/// Count and sum of all that was written.
fn written(view: &View, step: &EngineStep) -> (i64, f64) {
    let at: Time = testing::now() + Span::days(300);
    let found = step.online.lookup(view, &[Value::Text("AA".to_owned())], at).unwrap().found;
    let count = if let Value::Int(count) = found.features[0].value { count } else { 0 };
    let sum = if let Value::Float(sum) = found.features[1].value { sum } else { 0.0 };
    (count, sum)
}

/// The numbers of the events that a tail has published.
fn published(shared: &Shared) -> Vec<u32> {
    let number = |record: &str| serde_json::from_str::<serde_json::Value>(record).unwrap()["delay"].as_f64().unwrap();
    shared.newest().iter().map(|record| number(record) as u32).collect()
}

/// What the contract says a reader must have seen.
#[derive(Clone, Default)]
struct Expected {
    next: BTreeMap<Partition, usize>,
    read: Vec<u32>,
    expired: u64,
}

/// All that ever was in each partition, and how much of it is forgotten.
#[derive(Default)]
struct Truth(BTreeMap<Partition, (Vec<u32>, usize)>);

impl Expected {
    /// A round of reading. True when there was anything to read.
    fn round(&mut self, truth: &Truth, most: usize) -> bool {
        let before = self.read.len();
        let share = (2_000 / truth.0.len().max(1)).min(most);
        for (partition, (all, first)) in &truth.0 {
            let from = *self.next.get(partition).unwrap_or(first);
            let begin = from.max(*first);
            let end = (begin + share).min(all.len());
            self.expired += (begin - from) as u64;
            self.read.extend(&all[begin..end]);
            self.next.insert(*partition, end);
        }
        self.read.len() > before
    }
}

#[derive(Clone, Debug)]
enum Act {
    Append(Partition, Vec<i64>),
    Forget(Partition, usize),
    Fail(Partition),
    Job,
    Restart,
    Tail,
}

fn act() -> impl Strategy<Value = Act> {
    let minutes = || prop::collection::vec(0_i64..5_000, 1..25);
    prop_oneof![
        4 => (0_u32..4, minutes()).prop_map(|(partition, minutes)| Act::Append(partition, minutes)),
        1 => (0_u32..4, 1_usize..30).prop_map(|(partition, count)| Act::Forget(partition, count)),
        1 => (0_u32..4).prop_map(Act::Fail),
        3 => Just(Act::Job),
        1 => Just(Act::Restart),
        3 => Just(Act::Tail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_event_that_is_kept_is_read_once(acts in prop::collection::vec(act(), 1..25), piece in 1_usize..40) {
        let (sums, each) = (aggregate(LONG), temporal());
        let stream = Arc::new(MemoryStream::new(&sums.inputs[0].source, piece));
        let bytes = Arc::new(MemoryStore::default());
        let mut job = started(&sums, &stream, &bytes);
        let mut last = Step { more: true, ..Step::default() };
        let (mut tail, shared, of_tail) = (Tail::default(), Shared::new(), readers(&each, &stream));
        let mut source = Source { engine: &PolarsEngine, view: &each, readers: &of_tail, position: Position::default() };
        let (mut truth, mut by_job, mut by_tail) = (Truth::default(), Expected::default(), Expected::default());
        let (mut numbers, mut failing, mut lost) = (1.., None, 0);
        // In the end all that is left is read.
        let rest = std::iter::repeat_n([Act::Job, Act::Tail], 700).flatten();
        for (at, act) in acts.iter().cloned().chain(rest).enumerate() {
            let fails = failing.filter(|partition| truth.0.contains_key(partition));
            match act {
                Act::Append(partition, minutes) => {
                    let new: Vec<Event> = numbers.by_ref().zip(minutes).collect();
                    stream.append(partition, &events(&sums, &new));
                    truth.0.entry(partition).or_default().0.extend(new.iter().map(|(number, _)| number));
                }
                Act::Forget(partition, count) => {
                    stream.forget(partition, count);
                    if let Some((all, first)) = truth.0.get_mut(&partition) {
                        *first = (*first + count).min(all.len());
                    }
                }
                Act::Fail(partition) => {
                    stream.fail(partition);
                    failing = Some(partition);
                }
                Act::Restart => job = started(&sums, &stream, &bytes),
                Act::Job => match job.step(&sums) {
                    Ok(step) => {
                        prop_assert!(fails.is_none());
                        last = step;
                        lost += step.left_out.expired;
                        prop_assert_eq!(step.left_out.late, 0);
                        let mut next = by_job.clone();
                        // A round that brings nothing is written where a partition begins: at the place where its reader
                        // found it, whatever is forgotten later.
                        if next.round(&truth, piece) || next.next.len() > by_job.next.len() {
                            by_job = next;
                        }
                    }
                    Err(trouble) => {
                        prop_assert!(fails.is_some(), "{}", trouble.message);
                        failing = None;
                        // What it did not read now is still to be read.
                        last.more = true;
                    }
                },
                Act::Tail => match source.step(&mut tail, &shared) {
                    Ok(more) => {
                        prop_assert!(fails.is_none());
                        by_tail.round(&truth, piece);
                        if at >= acts.len() && !more && !last.more {
                            break;
                        }
                    }
                    Err(error) => {
                        prop_assert!(fails.is_some(), "{}", error.message);
                        failing = None;
                    }
                },
            }
            let sum: f64 = by_job.read.iter().map(|number| f64::from(*number)).sum();
            prop_assert_eq!(written(&sums, &job), (by_job.read.len() as i64, sum));
            prop_assert_eq!(lost, by_job.expired);
        }
        prop_assert!(!last.more, "it comes to an end");
        let sorted = |mut numbers: Vec<u32>| {
            numbers.sort_unstable();
            numbers
        };
        // The records of a round stand in the order of their times.
        prop_assert_eq!(sorted(published(&shared)), sorted(by_tail.read.clone()));
        prop_assert_eq!((tail.progress().events, tail.progress().expired), (by_tail.read.len() as u64, by_tail.expired));
        for seen in [by_job.read, by_tail.read] {
            let kept: BTreeSet<u32> = truth.0.values().flat_map(|(all, first)| &all[*first..]).copied().collect();
            let distinct: BTreeSet<u32> = seen.iter().copied().collect();
            prop_assert_eq!(distinct.len(), seen.len());
            prop_assert!(kept.is_subset(&distinct));
        }
    }
}

#[test]
fn a_partition_that_is_ahead_makes_no_event_of_another_late() {
    let view = aggregate(Span::zero());
    let stream = Arc::new(MemoryStream::new(&view.inputs[0].source, 5));
    // One partition has an event a day, the other one a minute.
    let of = |numbers: std::ops::Range<u32>, step: i64| -> Vec<Event> {
        numbers.map(|number| (number, i64::from(number) * step)).collect()
    };
    stream.append(0, &events(&view, &of(0..20, 1_440)));
    stream.append(1, &events(&view, &of(0..400, 1)));
    let step = started(&view, &stream, &Arc::default());
    while step.step(&view).map(|step| (step.more, assert_eq!(step.left_out.late, 0)).0).unwrap() {}
    assert_eq!(written(&view, &step).0, 420);
    let newest = step.online.latest_event(view.id).unwrap();
    assert_eq!(newest, Some(testing::now() + Span::days(19)), "the greatest, once none is behind");

    let (shared, of_tail, mut tail) = (Shared::new(), readers(&view, &stream), Tail::default());
    let mut source = Source { engine: &PolarsEngine, view: &view, readers: &of_tail, position: Position::default() };
    while source.step(&mut tail, &shared).unwrap() {}
    assert_eq!((tail.progress().events, tail.progress().late), (420, 0));
    let tiles: BTreeSet<String> = shared.newest().iter().map(|record| record.to_string()).collect();
    assert_eq!(tiles.len(), shared.newest().len(), "each tile once");
}

#[test]
fn a_position_that_is_not_of_the_stream_is_refused_in_words_and_moves_nothing() {
    let view = aggregate(LONG);
    let stream = Arc::new(MemoryStream::new(&view.inputs[0].source, 5));
    stream.append(0, &events(&view, &[(1, 1)]));
    let (later, other) = (Form { version: 2, ..FORM }, Form { kind: "replay", version: 1 });
    let kept = [
        (Offset::new(later, &[9]), "in version 2 of the offsets of a memory, and this release"),
        (Offset::new(other, &[9]), "in a stream of kind `replay`, and the stream is now of kind `memory`"),
        (Offset::of_bytes(Vec::new()), "in a stream of kind ``"),
        (Offset::of_bytes(b"memory".to_vec()), "in version none"),
    ];
    for (offset, words) in kept {
        let step = started(&view, &stream, &Arc::default());
        let position = Position::of(0, Place { offset, reached: None, newest: None, counts: StreamCounts::default() });
        let none = PolarsEngine.transform_stream(&view, events(&view, &[])).unwrap().rows;
        step.online.write_stream(&view, &none, &position, None).unwrap();
        let Trouble { reason, message } = step.step(&view).unwrap_err();
        assert_eq!(reason, "SOURCE_ERROR");
        assert!(
            message.starts_with("source flights: how far its stream was read is kept") && message.contains(words),
            "{message}"
        );
        assert_eq!(step.online.stream_position(view.id).unwrap(), Some(position));
        let of_tail = readers(&view, &stream);
        let mut source = Source {
            engine: &PolarsEngine,
            view: &view,
            readers: &of_tail,
            position: step.online.stream_position(view.id).unwrap().unwrap(),
        };
        let error = source.step(&mut Tail::default(), &Shared::new()).unwrap_err();
        assert_eq!(error.message, message);
    }
}

#[test]
fn a_partition_that_is_gone_stops_its_readers() {
    let view = aggregate(LONG);
    let stream = Arc::new(MemoryStream::new(&view.inputs[0].source, 5));
    (0..2).for_each(|partition| stream.append(partition, &events(&view, &[(1, 1)])));
    let step = started(&view, &stream, &Arc::default());
    step.step(&view).unwrap();
    stream.lose(1);
    let trouble = step.step(&view).unwrap_err();
    assert!(trouble.message.starts_with("partition 1 of the stream was read and is not there any more"), "{trouble:?}");
}
