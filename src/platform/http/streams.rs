//! `/v1/fvtop/streams`: how the streams of a workspace do, and reading one anew from another place.
//!
//! What a restart does to the values of a view is told before it is done, by the same function that decides it.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::app::App;
use super::fault::{Fault, reply};
use crate::model::time::{floor, parse_time, rfc3339};
use crate::model::{Job, Span, StreamCounts, StreamFigures, StreamPartition, Time, clean};
use crate::platform::Platform;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{Kind, View};
use crate::platform::online::Restart;
use crate::platform::source::position::{Place, Position};
use crate::platform::source::{Partition, Seek, StreamSource};
use crate::wire::streams as wire;

/// Which streams are asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    workspace: String,
    /// Of the view of this name alone; of all without it.
    view: Option<String>,
}

/// `GET streams`: the streams of a workspace, in the order of their views.
pub(super) async fn list(State(app): State<App>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    reply(
        app.on_disk(|platform| {
            let Query(Asked { workspace, view }) = asked?;
            let wanted = |known: &&View| view.as_ref().is_none_or(|view| known.name == *view);
            let streams = views(platform).filter(|view| view.workspace == workspace).filter(wanted);
            let streams = streams.map(|view| figures(platform, view).map(wire::StreamRow::from));
            Ok(wire::StreamList { streams: streams.collect::<Result<_, _>>()? })
        })
        .await,
    )
}

/// `POST streams/restart`: reads a stream anew from another place, or says what that would do.
pub(super) async fn restart(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Response {
    reply(
        app.on_disk(move |platform| {
            let body = body?;
            let asked: wire::RestartAsked = serde_json::from_slice(&body)
                .map_err(|error| Fault::invalid(format!("The body is no restart of a stream: {error}.")))?;
            restart_stream(platform, &asked)
        })
        .await,
    )
}

/// The views that write a stream online.
pub(super) fn views(platform: &Platform) -> impl Iterator<Item = &View> {
    let views = platform.repository().views.iter().map(std::convert::AsRef::as_ref);
    views.filter(|view: &&View| view.writes_stream())
}

/// How the stream of a view does.
pub(super) fn figures(platform: &Platform, view: &View) -> Result<StreamFigures, Fault> {
    let source = view.inputs.first().map(|input| &input.source);
    let stream = source.and_then(|source| source.stream.as_ref());
    let job = platform.jobs().newest_stream_job(view.id)?;
    let position = platform.online().stream_position(view.id)?.unwrap_or_default();
    let (live, seconds) = platform.live_streams().of(view.id, platform.clock().steady());
    // Opened already by whoever reads it: a source that is away must not hold up who asks how it does.
    let opened = source.and_then(|source| platform.readers().opened(source));
    let print = |place: &Place| match &opened {
        Some(stream) => stream.print(&place.offset),
        None => String::new(),
    };
    let attempt = job.as_ref().and_then(|job| job.last_attempt());
    let error = attempt.and_then(|attempt| attempt.reason.clone().zip(attempt.message.clone()));
    let mut partitions: BTreeMap<Partition, StreamPartition> = BTreeMap::new();
    for (partition, place) in position.places() {
        let row = StreamPartition {
            partition,
            offset: print(place),
            counts: place.counts,
            newest_event: place.newest,
            ..StreamPartition::default()
        };
        partitions.insert(partition, row);
    }
    for (partition, live) in &live {
        let row = partitions.entry(*partition).or_default();
        (row.partition, row.waiting, row.minute) = (*partition, live.waiting, live.minute);
        // What waits was read.
        row.counts.read += live.waiting;
        row.lag_events = still_known(live.backlog.map(|backlog| backlog.events), error.is_some());
        row.oldest = live.backlog.and_then(|backlog| backlog.oldest);
    }
    let partitions: Vec<StreamPartition> = partitions.into_values().collect();
    let sum = |of: fn(&StreamPartition) -> StreamCounts| {
        partitions.iter().fold(StreamCounts::default(), |sum, partition| sum.plus(&of(partition)))
    };
    let (total, minute) = (sum(|partition| partition.counts), sum(|partition| partition.minute));
    let lag_events = partitions.iter().map(|partition| partition.lag_events).sum::<Option<u64>>();
    let lag_events = lag_events.filter(|_| !partitions.is_empty());
    let oldest = partitions.iter().filter_map(|partition| partition.oldest).min();
    let newest_event = platform.online().latest_event(view.id)?;
    let now = platform.clock().now();
    Ok(StreamFigures {
        workspace: view.workspace.clone(),
        feature_view: view.name.clone(),
        source: source.map(|source| source.name.clone()).unwrap_or_default(),
        kind: stream.map(|stream| stream.feed.kind().to_owned()).unwrap_or_default(),
        state: job.as_ref().map(|job| job.state.clone()),
        error,
        job: job.as_ref().map(|job| job.id),
        lag: lag(lag_events, oldest, position.reached().max(platform.live_streams().reached_of(view.id)), now),
        watermark: newest_event.zip(stream).map(|(newest, stream)| newest - stream.watermark),
        waiting: partitions.iter().map(|partition| partition.waiting).sum(),
        rate_in: minute.read as f64 / seconds as f64,
        rate_out: minute.settled() as f64 / seconds as f64,
        partitions,
        total,
        minute,
        lag_events,
        oldest,
        newest_event,
    })
}

/// What lay behind when the stream was read last, as far as that says something of now: while it cannot be read, nobody
/// knows that there is nothing.
fn still_known(events: Option<u64>, is_held_up: bool) -> Option<u64> {
    events.filter(|events| *events > 0 || !is_held_up)
}

/// How far behind the present a stream was read.
fn lag(events: Option<u64>, oldest: Option<Time>, reached: Option<Time>, now: Time) -> Option<Span> {
    match (events, oldest, reached) {
        (Some(0), ..) => Some(Span::zero()),
        (_, Some(oldest), _) => Some((now - oldest).max(Span::zero())),
        (_, None, Some(reached)) => Some((now - reached).max(Span::zero())),
        (_, None, None) => None,
    }
}

/// From where a stream is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Begin {
    Beginning,
    Latest,
    Time(Time),
    /// Of these partitions; the others stay where they are.
    Offsets(BTreeMap<Partition, String>),
}

impl Begin {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(places) = text.strip_prefix("offset ") {
            let one = |place: &str| {
                let (partition, offset) = place.split_once(':')?;
                Some((partition.trim().parse().ok()?, offset.trim().to_owned()))
            };
            let offsets: Option<BTreeMap<_, _>> = places.split(',').map(one).collect();
            let each_once = offsets.filter(|offsets| offsets.len() == places.split(',').count());
            return each_once.map(Self::Offsets).ok_or_else(|| {
                let place = clean(text);
                format!(
                    "`{place}` is no offset: write `offset PARTITION:OFFSET`, or several such as `offset 0:12,2:40`, each \
                     partition once."
                )
            });
        }
        match text {
            "beginning" => Ok(Self::Beginning),
            "latest" => Ok(Self::Latest),
            other => parse_time(other).map(Self::Time).map_err(|_| {
                let place = clean(other);
                format!("`{place}` is no place in a stream: write `beginning`, `latest`, a time, or `offset PARTITION:OFFSET`.")
            }),
        }
    }
}

fn restart_stream(platform: &Platform, asked: &wire::RestartAsked) -> Result<wire::RestartAnswer, Fault> {
    let view = platform.view(&asked.workspace, &asked.feature_view).filter(|view| view.writes_stream());
    let view = view.ok_or_else(|| {
        let (view, workspace) = (clean(&asked.feature_view), clean(&asked.workspace));
        Fault::invalid(format!(
            "Feature view `{view}` of workspace `{workspace}` writes no stream to the online store here. List those that do \
             with `fvtop stream list`."
        ))
    })?;
    let from = Begin::parse(&asked.from).map_err(Fault::invalid)?;
    let source = &view.inputs.first().ok_or_else(|| Fault::invalid("The view has no source.".to_owned()))?.source;
    let refused = |error: EngineError| {
        let mut sentence = error.message;
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Fault::invalid(format!("{sentence}."))
    };
    let stream = platform.readers().get(source).map_err(refused)?;
    // What is planned from the position holds for as long as nobody else moves it: neither another restart nor a job.
    let turn = (!asked.dry_run).then(|| platform.restarts());
    let job = turn.as_ref().map(|_| ended_job(platform, view)).transpose()?;
    let known = platform.online().settled_position(view.id)?.unwrap_or_default();
    let restart = planned(view, &from, &*stream, &known).map_err(refused)?;
    let effect = effect(view, &from, &restart);
    let Some(job) = job else { return Ok(wire::RestartAnswer { effect, job_id: None }) };
    platform.online().restart_stream(view, &restart)?;
    let job = platform.jobs().start_stream(job.id)?;
    platform.jobs().say_of_stream(view.id, &format!("It was asked to read from {}. {effect}", clean(&asked.from)))?;
    Ok(wire::RestartAnswer { effect, job_id: Some(job.id.to_string()) })
}

/// The last stream job of a view, which must have ended.
fn ended_job(platform: &Platform, view: &View) -> Result<Job, Fault> {
    let name = &view.name;
    match platform.jobs().newest_stream_job(view.id)? {
        Some(job) if job.state.is_terminal() => Ok(job),
        Some(_) => Err(Fault::invalid(format!(
            "The stream of feature view `{name}` runs: stop it first (`fvtop stream stop {name}`), and wait for its end."
        ))),
        None => Err(Fault::invalid(format!(
            "The stream of feature view `{name}` has no job yet, so there is nothing to read anew. Try again in a moment."
        ))),
    }
}

/// What a restart from there comes to.
fn planned(view: &View, from: &Begin, stream: &dyn StreamSource, known: &Position) -> Result<Restart, EngineError> {
    let everywhere = |to: &Seek| {
        let mut position = Position::default();
        for partition in stream.partitions()? {
            position = position.with(partition, Place::new(stream.seek(partition, to)?));
        }
        Ok::<_, EngineError>(position)
    };
    let is_tiles = matches!(view.kind, Kind::Aggregate { .. });
    let all = is_tiles.then_some(Time::MIN_UTC);
    let watermark = view.inputs.first().and_then(|input| input.source.stream.as_ref()).map(|stream| stream.watermark);
    Ok(match from {
        Begin::Beginning => {
            let position = Position::beginning(stream)?;
            Restart { position, remove_from: all, newest: Some(None), forget_seen: true }
        }
        Begin::Latest => {
            Restart { position: everywhere(&Seek::Latest)?, remove_from: None, newest: None, forget_seen: false }
        }
        Begin::Time(at) => {
            let at = match &view.kind {
                Kind::Aggregate { interval, .. } if !interval.is_zero() => floor(*at, *interval),
                _ => *at,
            };
            Restart {
                position: everywhere(&Seek::Arrived(at))?,
                remove_from: is_tiles.then_some(at),
                // Tiles that end before stay closed: their events are in them.
                newest: Some(watermark.map(|watermark| at + watermark)),
                forget_seen: true,
            }
        }
        Begin::Offsets(offsets) => {
            let there = stream.partitions()?;
            let mut position = known.clone();
            for (partition, offset) in offsets {
                if !there.contains(partition) {
                    return Err(no_partition(view, *partition, &there));
                }
                let offset = stream.seek(*partition, &Seek::Printed(offset.clone()))?;
                position = position.with(*partition, Place::new(offset));
            }
            Restart { position, remove_from: all, newest: Some(None), forget_seen: true }
        }
    })
}

/// The stream has other partitions than the one that was named.
fn no_partition(view: &View, asked: Partition, there: &[Partition]) -> EngineError {
    let source = view.inputs.first().map_or("", |input| input.source.name.as_str());
    let known = match there {
        [first, .., last] => format!("partitions {first} to {last}"),
        [only] => format!("partition {only} alone"),
        [] => "no partitions yet".to_owned(),
    };
    let message = format!("source {source}: its stream has {known}, and no partition {asked}. Nothing was changed");
    EngineError { kind: ErrorKind::Arguments, message }
}

/// What a restart does to the values of a view, in sentences.
fn effect(view: &View, from: &Begin, restart: &Restart) -> String {
    let name = &view.name;
    if matches!(from, Begin::Latest) {
        return format!(
            "Events of the stream that `{name}` has not read up to now are passed over: its values lack them until a batch \
             job of their windows brings them. Nothing is removed."
        );
    }
    let Some(cut) = restart.remove_from else {
        return format!(
            "Events from that place on are read again. `{name}` keeps the newest row of each key, so that reading rows again \
             changes nothing, and nothing is removed."
        );
    };
    let removed = match from {
        Begin::Time(_) => format!("Tiles of `{name}` that begin at {} or later", rfc3339(cut)),
        _ => format!("All tiles of `{name}`"),
    };
    let meanwhile = match from {
        Begin::Time(_) => "An event that arrives from then on for an earlier tile is late, and goes to the quarantine.",
        Begin::Offsets(_) => {
            "Only the events from that offset on, and those of other partitions that are still to be read, make them anew: what \
             came before is lacking until a batch job of its window brings it."
        }
        _ => "What the stream keeps no longer is lacking afterwards, until a batch job of its window brings it.",
    };
    format!(
        "{removed} which the stream wrote are removed, and made anew from the events from that place on; those that batch \
         jobs wrote stay. Lookups see less until that is done. {meanwhile}"
    )
}

#[cfg(test)]
mod tests {
    use polars::prelude::DataFrame;

    use super::*;
    use crate::model::Value;
    use crate::platform::source::testing::MemoryStream;
    use crate::platform::source::{Offset, Read};
    use crate::platform::{frame, testing};

    /// A stream that new readers begin to read at its end, as its definition may say.
    struct FromLatest(MemoryStream);

    impl StreamSource for FromLatest {
        fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
            self.0.partitions()
        }

        fn read(&self, partition: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
            let from = from.map_or_else(|| self.0.seek(partition, &Seek::Latest), |from| Ok(from.clone()))?;
            self.0.read(partition, Some(&from), max)
        }

        fn print(&self, offset: &Offset) -> String {
            self.0.print(offset)
        }

        fn seek(&self, partition: Partition, to: &Seek) -> Result<Offset, EngineError> {
            self.0.seek(partition, to)
        }

        fn appeared(&self, partition: Partition) -> Result<Option<Offset>, EngineError> {
            // The first that is kept.
            self.0.seek(partition, &Seek::Arrived(Time::MIN_UTC)).map(Some)
        }
    }

    /// Five events in each of three partitions, of which the first two are kept no longer.
    fn three_partitions(view: &View) -> FromLatest {
        let source = &view.inputs[0].source;
        let stream = MemoryStream::new(source, 10);
        let cells = [Value::Text("AA".to_owned()), Value::Time(testing::now()), Value::Float(1.0)];
        let columns = source.columns.iter().zip(cells);
        let columns = columns.map(|((name, of), cell)| frame::column(name, of, &vec![cell; 5]).unwrap());
        let events = DataFrame::new(5, columns.collect()).unwrap();
        for partition in 0..3 {
            stream.append(partition, &events);
            stream.forget(partition, 2);
        }
        FromLatest(stream)
    }

    #[test]
    fn the_beginning_is_the_first_event_that_is_kept_wherever_new_readers_begin() {
        let view = testing::view("v");
        let stream = three_partitions(&view);
        let restart = planned(&view, &Begin::Beginning, &stream, &Position::default()).unwrap();
        assert_eq!(restart.position.print(&stream), "0: 2, 1: 2, 2: 2");
        assert_eq!(restart.position.read(&stream, 100).unwrap().events.height(), 9);
        assert_eq!(Position::default().read(&stream, 100).unwrap().events.height(), 0);
    }

    #[test]
    fn offsets_move_their_partitions_alone_and_must_be_of_partitions_that_are_there() {
        let view = testing::view("v");
        let stream = three_partitions(&view);
        let known = Position::beginning(&stream).unwrap();
        let plan = |from: &str| planned(&view, &Begin::parse(from).unwrap(), &stream, &known);
        assert_eq!(plan("offset 0:4,2:3").unwrap().position.print(&stream), "0: 4, 1: 2, 2: 3");
        let error = plan("offset 0:4,7:0").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Arguments);
        assert!(error.message.contains("has partitions 0 to 2, and no partition 7"), "{}", error.message);
    }

    #[test]
    fn nobody_says_that_there_is_no_lag_while_nothing_can_be_read() {
        let at = |minute| parse_time("2026-01-01").unwrap() + Span::minutes(minute);
        let told = |events, is_held_up| {
            let events = still_known(events, is_held_up);
            (events, lag(events, None, Some(at(1)), at(4)))
        };
        assert_eq!(told(Some(0), false), (Some(0), Some(Span::zero())));
        assert_eq!(told(Some(0), true), (None, Some(Span::minutes(3))));
        assert_eq!(told(Some(9), true), (Some(9), Some(Span::minutes(3))));
    }

    #[test]
    fn places_are_read_as_people_write_them() {
        assert_eq!(Begin::parse(" beginning"), Ok(Begin::Beginning));
        assert_eq!(Begin::parse("latest"), Ok(Begin::Latest));
        assert_eq!(Begin::parse("offset 2:1200"), Ok(Begin::Offsets([(2, "1200".to_owned())].into())));
        let several = Begin::Offsets([(0, "12".to_owned()), (2, "40".to_owned())].into());
        assert_eq!(Begin::parse("offset 0:12, 2:40"), Ok(several));
        assert_eq!(Begin::parse("2026-01-01T00:00:00Z"), Ok(Begin::Time(parse_time("2026-01-01").unwrap())));
        for wrong in ["", "offset 2", "offset x:1", "offset 0:1,", "offset 0:1,0:2", "yesterday\u{1b}"] {
            assert!(Begin::parse(wrong).is_err_and(|why| !why.contains('\u{1b}')), "{wrong}");
        }
    }
}
