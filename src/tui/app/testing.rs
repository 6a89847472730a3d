//! States to test with: the same every time, built of the messages a client would send.

mod job_data;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use polars::prelude::{DataFrame, IntoColumn, IntoSeries, ListChunked, Series, TimeUnit, TimeZone};

use super::windows::query::RunningQuery;
use super::{App, Start, update};
use crate::client::message::{Command, Connection, Problem, QueryAnswer, Serves, Table, TailBatch, TailState, Update};
use crate::model::time::parse_time;
use crate::model::*;
use crate::tui::effect::{Effect, Message};
use crate::tui::{sheet, theme, view};
use crate::wire::quarantine::{QuarantineList, QuarantineRow, QuarantineTotal};
pub(crate) use job_data::*;

/// The time at which all tests happen.
pub(crate) fn noon() -> Time {
    parse_time("2026-11-22 12:00:30").unwrap()
}

pub(crate) fn at(text: &str) -> Time {
    parse_time(&format!("2026-11-{text}")).unwrap()
}

/// A state with a size, a theme, and nothing from any deployment.
pub(crate) fn blank(size: (u16, u16), theme: &str) -> App {
    let start =
        Start { theme: theme::find(theme).unwrap(), endpoint: "localhost:7070".to_owned(), size, ..Start::default() };
    App::new(start, noon()).0
}

/// Has the state take an update in, as the loop does.
pub(crate) fn tell(app: &mut App, update_: Update) -> Vec<Effect> {
    let now = app.now;
    let effects = update(app, Message::Update(update_), now);
    worked(app, effects)
}

/// Does the tasks among the effects, as the loop does, only at once; what is left of the effects.
pub(crate) fn worked(app: &mut App, effects: Vec<Effect>) -> Vec<Effect> {
    let mut left = Vec::new();
    for effect in effects {
        match effect {
            Effect::Work(work) => {
                let now = app.now;
                let more = update(app, Message::Worked(sheet::work(work)), now);
                left.extend(worked(app, more));
            }
            other => left.push(other),
        }
    }
    left
}

/// Presses keys, drawing between them as the loop does; `type:text` types a text. All effects.
pub(crate) fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split(' ').filter(|key| !key.is_empty()) {
        let chords = match key.strip_prefix("type:") {
            Some(text) => text
                .chars()
                .map(|c| if c == '_' { ' ' } else { c })
                .map(|c| crate::tui::chord::Chord::plain(crate::tui::chord::Key::Char(c)))
                .collect(),
            None => vec![key.parse().unwrap()],
        };
        for chord in chords {
            frame(app);
            let now = app.now;
            let more = update(app, Message::Key(chord), now);
            effects.extend(worked(app, more));
        }
    }
    frame(app);
    effects
}

/// Draws the state, and has it learn what drawing learned.
pub(crate) fn frame(app: &mut App) -> ratatui::buffer::Buffer {
    let area = ratatui::layout::Rect::new(0, 0, app.size.0, app.size.1);
    let mut buffer = ratatui::buffer::Buffer::empty(area);
    app.layout = view::draw(&mut buffer, app, &theme::built_in()[app.theme]);
    app.dirty = super::Dirty::Clean;
    buffer
}

/// The client's commands among the effects.
pub(crate) fn commands(effects: &[Effect]) -> Vec<&Command> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Client(command) = effect { Some(command) } else { None })
        .collect()
}

pub(crate) fn carrier_view() -> FeatureView {
    let feature = |name: &str, data_type, definition: &str| Feature {
        name: name.to_owned(),
        data_type: Some(data_type),
        definition: definition.to_owned(),
    };
    FeatureView {
        id: Id(0x1f2e_3d4c_5b6a_7988_1122_3344_5566_7788),
        name: "carrier_delays_hourly".to_owned(),
        workspace: "prod".to_owned(),
        description: "How late each carrier's flights leave and arrive, in tiles of an hour.".to_owned(),
        owner: "ops@flights.example".to_owned(),
        family: String::new(),
        tags: BTreeMap::from([("domain".to_owned(), "punctuality".to_owned()), ("tier".to_owned(), "1".to_owned())]),
        entities: vec!["carrier".to_owned()],
        data_sources: vec!["flights".to_owned()],
        join_keys: vec![JoinKey { name: "carrier".to_owned(), data_type: DataType::String }],
        online_serving_index: vec!["carrier".to_owned()],
        timestamp_field: Some("timestamp".to_owned()),
        features: vec![
            feature("dep_delay_mean_1h_1h", DataType::Float64, "mean(dep_delay) over 1h"),
            feature("dep_delay_mean_1d_1h", DataType::Float64, "mean(dep_delay) over 1d"),
            feature("arr_delay_max_1d_1h", DataType::Float64, "max(arr_delay) over 1d"),
            feature("flights_count_1d_1h", DataType::Int64, "count(flight) over 1d"),
            feature(
                "dest_last_distinct_5_1d_1h",
                DataType::Array(Box::new(DataType::String)),
                "last_distinct(5)(dest) over 1d",
            ),
        ],
        kind: ViewKind::Aggregate { interval: Some(Span::hours(1)) },
        is_stream: true,
        online: true,
        offline: true,
        materialization_enabled: true,
        batch_schedule: Some(Span::hours(1)),
        feature_start_time: Some(at("19 12:00")),
        longest_window: Some(Span::days(1)),
        max_data_delay: Some(Span::minutes(15)),
        batch_trigger: BatchTrigger::Scheduled,
        created_at: Some(at("22 09:30")),
        defined_in: "views/carrier_delays.toml".to_owned(),
        url: String::new(),
    }
}

/// A second view: the latest row of each aircraft, two join keys, one of them a wildcard.
pub(crate) fn route_view() -> FeatureView {
    FeatureView {
        id: Id(2),
        name: "route_traffic".to_owned(),
        description: "Flights by origin and destination.".to_owned(),
        join_keys: vec![
            JoinKey { name: "origin".to_owned(), data_type: DataType::String },
            JoinKey { name: "dest".to_owned(), data_type: DataType::String },
        ],
        online_serving_index: vec!["origin".to_owned()],
        kind: ViewKind::Temporal { ttl: Some(Span::days(3)) },
        longest_window: None,
        batch_trigger: BatchTrigger::Manual,
        ..carrier_view()
    }
}

fn attempt(number: u32, state: AttemptState, from: Time, seconds: i64) -> Attempt {
    Attempt {
        id: Some(Id(u128::from(number) + 900)),
        number,
        state,
        created_at: Some(from),
        updated_at: Some(from + Span::milliseconds(seconds * 1_000 + 340)),
        progress: None,
        reason: None,
        message: None,
    }
}

/// A job of the first view for the hour that ends at `end`.
pub(crate) fn job(number: u128, state: JobState, end: Time, attempts: Vec<Attempt>) -> Job {
    Job {
        id: Id((number << 96) | 0xabcd_0000 | number),
        workspace: "prod".to_owned(),
        feature_view: "carrier_delays_hourly".to_owned(),
        job_type: JobType::Batch,
        state,
        window: Some(Window { start: end - Span::hours(1), end }),
        online: true,
        offline: true,
        created_at: Some(end + Span::minutes(15)),
        updated_at: Some(end + Span::minutes(16)),
        next_attempt_at: None,
        attempts,
        allowed: Default::default(),
    }
}

/// Jobs in every state, newest first.
pub(crate) fn jobs() -> Vec<Job> {
    let made = |end: Time| end + Span::minutes(15);
    let ok = |end: Time| vec![attempt(1, AttemptState::Success, made(end), 12)];
    let scheduled = Job {
        next_attempt_at: Some(at("22 13:15")),
        created_at: Some(at("22 12:00")),
        ..job(0x91, JobState::Scheduled, at("22 13:00"), Vec::new())
    };
    let mut half = attempt(1, AttemptState::Running, at("22 11:59:40"), 0);
    half.progress = Some(0.52);
    let running =
        Job { created_at: Some(at("22 11:59:30")), ..job(0x90, JobState::Running, at("22 12:00"), vec![half]) };
    let mut lost = attempt(1, AttemptState::Error, at("22 11:15"), 3);
    lost.reason = Some("SOURCE_ERROR".to_owned());
    lost.message = Some("Cannot read data/flights.parquet: the connection was closed after 3 s.".to_owned());
    let retrying = Job {
        next_attempt_at: Some(at("22 12:04:30")),
        ..job(0x8f, JobState::Running, at("22 11:00"), vec![lost.clone()])
    };
    let stream = Job {
        job_type: JobType::Stream,
        window: None,
        offline: false,
        created_at: Some(at("22 09:30")),
        ..job(0x80, JobState::Running, at("22 09:30"), vec![attempt(1, AttemptState::Running, at("22 09:30"), 0)])
    };
    let mut broken = attempt(3, AttemptState::Error, at("22 08:40"), 1);
    broken.reason = Some("QUERY_ERROR".to_owned());
    broken.message = Some(
        "Query of view carrier_delays_hourly failed: conversion from `str` to `f64` failed in column 'dep_delay' for 1 \
         out of 4680 values: [\"n/a\"].\nFix the value in data/flights-2013-11.parquet or cast with try_cast, then \
         trigger the window again."
            .to_owned(),
    );
    let numbered = |number: u32, from: Time, of: &Attempt| Attempt {
        id: Some(Id(u128::from(number) + 970)),
        number,
        created_at: Some(from),
        updated_at: Some(from + Span::milliseconds(1_340)),
        ..of.clone()
    };
    let first = numbered(1, at("22 08:15"), &broken);
    let second = numbered(2, at("22 08:20"), &lost);
    let third = numbered(3, at("22 08:40"), &broken);
    let failed = Job {
        allowed: Allowed { retry: true, overwrite_retry: true, unknown: false },
        ..job(0x7f, JobState::Failure, at("22 08:00"), vec![first, second, third])
    };
    let cancelled =
        job(0x7e, JobState::Cancelled, at("22 07:00"), vec![attempt(1, AttemptState::Cancelled, at("22 07:15"), 2)]);
    let mut all = vec![scheduled, running, retrying];
    all.push(job(
        0x8e,
        JobState::CancellationRequested,
        at("22 10:00"),
        vec![attempt(1, AttemptState::Cancelling, at("22 10:15"), 1)],
    ));
    all.extend([stream, failed, cancelled]);
    for hour in 0..30 {
        let end = at("22 06:00") - Span::hours(hour);
        all.push(job(0x70 - hour as u128, JobState::Success, end, ok(end)));
    }
    all
}

pub(crate) fn vector() -> FeatureVector {
    let feature = |name: &str, data_type, value, status| FeatureValue {
        name: format!("carrier_delays_hourly.{name}"),
        data_type,
        effective_time: (status == FeatureStatus::Present).then(|| at("22 11:00")),
        value,
        status: Some(status),
    };
    let text = |text: &str| Value::Text(text.to_owned());
    use FeatureStatus::{Missing, Present};
    FeatureVector {
        features: vec![
            feature("dep_delay_mean_1h_1h", DataType::Float64, Value::Null, Missing),
            feature("dep_delay_mean_1d_1h", DataType::Float64, Value::Float(12.639_423_076_923_077), Present),
            feature("arr_delay_max_1d_1h", DataType::Float64, Value::Float(278.0), Present),
            feature("flights_count_1d_1h", DataType::Int64, Value::Int(208), Present),
            feature(
                "dest_last_distinct_5_1d_1h",
                DataType::Array(Box::new(DataType::String)),
                Value::List(vec![text("LAX"), text("SFO"), text("BOS"), text("MCO"), text("ATL")]),
                Present,
            ),
        ],
        join_keys: vec![("carrier".to_owned(), text("B6"))],
        server_seconds: Some(0.0011),
        store_seconds: Some(0.0004),
    }
}

/// One record of the first view's stream.
pub(crate) fn record(hour: i64, carrier: &str) -> Box<str> {
    let anchor = (at("22 00:00") + Span::hours(hour)).timestamp_micros() * 1_000;
    format!(
        "{{\"carrier\":\"{carrier}\",\"sum_dep_delay\":{}.5,\"count_dep_delay\":{},\"max_arr_delay\":{},\
         \"count_flight\":{},\"_anchor_time\":{anchor}}}",
        hour * 37,
        4 + hour,
        61 + hour,
        5 + hour
    )
    .into()
}

/// A live state with everything in it, the way it is some minutes after the start.
pub(crate) fn live(size: (u16, u16), theme: &str) -> App {
    let mut app = blank(size, theme);
    tell(&mut app, Update::Connection(Connection::Live));
    let url = "http://localhost:7070/api".to_owned();
    tell(&mut app, Update::Deployment { url, notices: Vec::new(), serves: Serves::default() });
    let workspace = |name: &str, live| Workspace { name: name.to_owned(), live };
    tell(&mut app, Update::Workspaces(vec![workspace("prod", true), workspace("dev-ana", false)]));
    let views = Arc::new(vec![carrier_view(), route_view()]);
    tell(&mut app, Update::FeatureViews { generation: 1, workspace: "prod".to_owned(), views });
    let generation = app.generation;
    tell(&mut app, Update::Jobs { generation, jobs: Arc::new(jobs()) });
    let freshness = Freshness {
        feature_view: "carrier_delays_hourly".to_owned(),
        materialization_enabled: true,
        is_stream: true,
        is_stale: false,
        freshness: Some(Span::seconds(14)),
        expected: Some(Span::minutes(90)),
        created_at: Some(at("22 09:30")),
    };
    tell(&mut app, Update::Freshness { generation, freshness });
    let columns = ["carrier", "sum_dep_delay", "count_dep_delay", "max_arr_delay", "count_flight", "_anchor_time"];
    let columns = columns.map(str::to_owned).to_vec();
    tell(&mut app, Update::TailState { generation, state: TailState::Open { columns } });
    let records = (0..12).flat_map(|hour| ["UA", "AA", "EV", "B6"].map(|carrier| record(hour, carrier))).collect();
    let batch = TailBatch {
        records,
        dropped: 0,
        events: Some(14_040),
        latest_event: Some(at("22 12:00:02")),
        watermark: Some(at("22 11:45")),
        trouble: None,
        lost: None,
    };
    let effects = tell(&mut app, Update::Tail { generation, batch });
    let [Command::Lookup { request, .. }] = commands(&effects)[..] else { panic!("no example: {effects:?}") };
    let request = *request;
    tell(&mut app, Update::Lookup { request, answer: Ok(vector()), took: Duration::from_micros(2_300) });
    frame(&mut app);
    app
}

/// How the stream of the first view does: it runs, a little behind, with a record in the quarantine here and there.
pub(crate) fn figures() -> StreamFigures {
    let counts = |counts: [u64; 7]| StreamCounts::of_list(counts);
    let partition = |partition, offset: &str, total, minute, waiting, lag| StreamPartition {
        partition,
        offset: offset.to_owned(),
        counts: counts(total),
        minute: counts(minute),
        waiting,
        lag_events: Some(lag),
        oldest: Some(at("22 12:00:27")),
        newest_event: Some(at("22 12:00:02")),
    };
    let (first, second) = ([9_040, 8_795, 120, 40, 10, 70, 0], [320, 300, 10, 4, 2, 4, 0]);
    let partitions = vec![
        partition(0, "88412", first, second, 5, 40),
        partition(1, "71998", [5_000, 4_905, 60, 20, 2, 10, 0], [100, 96, 4, 0, 0, 0, 0], 3, 2),
    ];
    StreamFigures {
        workspace: "prod".to_owned(),
        feature_view: "carrier_delays_hourly".to_owned(),
        source: "flights".to_owned(),
        kind: "kafka".to_owned(),
        job: Some(Id((0x80 << 96) | 0xabcd_0000 | 0x80)),
        state: Some(JobState::Running),
        total: counts([14_040, 13_700, 180, 60, 12, 80, 0]),
        waiting: 8,
        minute: counts([420, 396, 14, 4, 2, 4, 0]),
        rate_in: 7.0,
        rate_out: 6.9,
        lag_events: Some(42),
        lag: Some(Span::seconds(3)),
        oldest: Some(at("22 12:00:27")),
        newest_event: Some(at("22 12:00:02")),
        watermark: Some(at("22 11:45:02")),
        error: None,
        partitions,
    }
}

/// The deployment tells how the stream does.
pub(crate) fn tell_figures(app: &mut App, figures: StreamFigures) {
    let generation = app.generation;
    tell(app, Update::Stream { generation, figures: Some(Box::new(figures)) });
    frame(app);
}

pub(crate) fn problem() -> Problem {
    Problem {
        what: "Cannot reach http://localhost:7070/api: connection refused.".to_owned(),
        hint: "Start the deployment, or give another address with --url.".to_owned(),
    }
}

/// The deployment refuses, and is asked again in half a minute.
pub(crate) fn refused() -> Connection {
    Connection::Refused { problem: problem(), since: noon(), next_try: Some(noon() + Span::seconds(30)) }
}

/// A table as `run` would give it: two days of tiles of four carriers, some values missing.
pub(crate) fn frame_of(rows: usize) -> DataFrame {
    let carrier = |row: usize| ["UA", "AA", "EV", "B6"][row % 4];
    let end = |row: usize| at("20 13:00").timestamp_micros() + (row / 4) as i64 * 3_600_000_000;
    let delay = |row: usize| (row % 11 != 5).then(|| ((row * 37) % 400) as f64 / 8.0 - 6.0 + (row / 40) as f64);
    let dest = |row: usize| (row % 7 != 3).then(|| ["LAX", "SFO", "BOS", "MCO"][row % 3]);
    let lists = (0..rows).map(|row| dest(row).map(|dest| [dest, "ATL"].into_iter().collect::<Series>()));
    let mut frame = polars::df!(
        "carrier" => (0..rows).map(carrier).collect::<Vec<_>>(),
        "timestamp" => (0..rows).map(end).collect::<Vec<_>>(),
        "carrier_delays_hourly.dep_delay_mean_1h_1h" => (0..rows).map(delay).collect::<Vec<_>>(),
        "carrier_delays_hourly.arr_delay_max_1d_1h" => (0..rows).map(|row| (row * 13 % 300) as f64).collect::<Vec<_>>(),
        "carrier_delays_hourly.flights_count_1d_1h" => (0..rows).map(|row| (row * 5 % 90) as i64).collect::<Vec<_>>(),
    )
    .unwrap();
    let utc = polars::prelude::DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let time = frame.column("timestamp").unwrap().cast(&utc).unwrap();
    frame.with_column(time).unwrap();
    let name = "carrier_delays_hourly.dest_last_distinct_5_1d_1h";
    let lists: ListChunked = lists.collect();
    frame.with_column(lists.into_series().with_name(name.into()).into_column()).unwrap();
    frame
}

/// The answer with this table.
pub(crate) fn answer(frame: DataFrame, warnings: &[&str]) -> QueryAnswer {
    let warnings = warnings.iter().map(|text| (*text).to_owned()).collect();
    QueryAnswer { table: Table(Arc::new(frame)), warnings, saved_as: None }
}

/// The request of the query that is under way.
pub(crate) fn query_request(app: &App) -> u64 {
    app.windows.find::<RunningQuery>().expect("no query is under way").request
}

/// Answers the query that is under way.
pub(crate) fn answered(app: &mut App, answer: Result<QueryAnswer, Problem>) -> Vec<Effect> {
    let request = query_request(app);
    let effects = tell(app, Update::QueryDone { request, answer, took: Duration::from_millis(1_240) });
    frame(app);
    effects
}

/// A live state with the table of a run on it.
pub(crate) fn with_table(size: (u16, u16), theme: &str) -> App {
    let mut app = live(size, theme);
    press(&mut app, "x enter");
    answered(&mut app, Ok(answer(frame_of(190), &[])));
    app
}

/// The audit log of a deployment: a change that was done, one that was refused, one whose end nobody saw.
pub(crate) fn audit_log() -> Update {
    let entry = |time: &str, key: &str, done: Option<bool>, outcome: &str, sentence: &str| AuditEntry {
        at: at(time),
        key: key.to_owned(),
        call: "SubmitMaterializationJob".to_owned(),
        workspace: "prod".to_owned(),
        feature_view: "carrier_delays_hourly".to_owned(),
        words: "window 2026-11-21 to 2026-11-22, online".to_owned(),
        done,
        outcome: outcome.to_owned(),
        sentence: sentence.to_owned(),
        request: "3f2a91c077b01d52".to_owned(),
    };
    let refusal = "The API key `scoring` has the role consumer, which may not do this.";
    let entries = vec![
        entry("22 11:58:00", "ops", None, "not known", ""),
        entry("22 11:50:00", "scoring", Some(false), "PERMISSION_DENIED (7)", refusal),
        entry("21 23:10:00", "ops", Some(true), "done", "job 4d5e6f"),
    ];
    Update::Audit { answer: Ok(Arc::new(entries)) }
}

/// Three records of a quarantine, the newest first.
pub(crate) fn quarantined_rows() -> Vec<QuarantineRow> {
    let row = |id, reason: &str, place: &str, time: &str, sentence: &str| QuarantineRow {
        id,
        reason: reason.to_owned(),
        place: place.to_owned(),
        sentence: sentence.to_owned(),
        met_at: at(time),
        length: 118,
        ..QuarantineRow::default()
    };
    let late = "It came after the watermark had passed its event time.";
    vec![
        row(14, "late", "offset 48230", "22 11:58:12", late),
        QuarantineRow {
            tries: 2,
            tried_at: Some(at("22 11:50:00")),
            error: "column `dep_delay` holds \"late\", which is no float64".to_owned(),
            ..row(13, "wrong-type", "offset 48112", "22 11:31:40", "column `dep_delay` holds a text")
        },
        row(12, "late", "offset 47001", "21 23:10:05", late),
    ]
}

/// The answer with them: five are there.
pub(crate) fn quarantine_list() -> QuarantineList {
    let total = |reason: &str, met, held, released| QuarantineTotal {
        reason: reason.to_owned(),
        means: String::new(),
        met,
        held,
        released,
        ..QuarantineTotal::default()
    };
    let totals = vec![total("late", 3, 3, 0), total("unparsed", 4, 0, 4), total("wrong-type", 9, 2, 7)];
    QuarantineList { records: quarantined_rows(), next: Some(12), totals }
}

/// A live state with the quarantine of its view open.
pub(crate) fn quarantine(size: (u16, u16), theme: &str) -> App {
    let mut app = live(size, theme);
    let effects = press(&mut app, "4 Q");
    let [Command::Quarantine { request, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    tell(&mut app, Update::Quarantine { request: *request, answer: Ok(Arc::new(quarantine_list())) });
    frame(&mut app);
    app
}
