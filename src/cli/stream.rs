//! `fvtop stream`: how the streams of feature views do, and starting, stopping and reading them anew.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::confirm;
use super::failure::{FAILED, Failure, TIMED_OUT, USAGE};
use super::output::{json_time, note, or_dash, print, print_json, table, time};
use super::session::Session;
use super::target::TargetArgs;
use crate::client::message::Part;
use crate::model::time::print_took;
use crate::model::{Id, Job, JobState, StreamCounts, StreamFigures, StreamPartition};
use crate::wire::streams::RestartAsked;

/// How often the end of a stopped stream is looked for.
const LOOK: Duration = Duration::from_millis(200);
/// How long it is waited for.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// Show streams, start them, stop them, read them anew.
#[derive(Args, Clone, Debug)]
pub struct StreamArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with streams.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// List the streams of a workspace: rates, lag, and where their events went
    List {
        /// The deployment.
        #[command(flatten)]
        target: TargetArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show all that is known of the stream of a view, partition by partition
    Show {
        #[command(flatten)]
        of: OfView,
    },
    /// Start a stopped stream again; it goes on where it stopped
    Start {
        #[command(flatten)]
        of: OfView,
    },
    /// Stop a stream; it stays stopped until somebody starts it
    Stop {
        #[command(flatten)]
        of: OfView,
    },
    /// Read a stream anew from another place, once you have seen what that does to values
    Restart {
        #[command(flatten)]
        of: OfView,
        /// From where: beginning (the first record that is still held), latest, a time, or `offset PARTITION:OFFSET`;
        /// several partitions as `offset 0:12,2:40`, and those that are not named stay where they are
        #[arg(long, value_name = "PLACE", num_args = 1..=2)]
        from: Vec<String>,
        /// Only say what it would do
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// The view whose stream is meant.
#[derive(Args, Clone, Debug)]
pub struct OfView {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl StreamArgs {
    /// The deployment.
    pub fn target(&self) -> &TargetArgs {
        match &self.verb {
            Verb::List { target, .. } => target,
            Verb::Show { of } | Verb::Start { of } | Verb::Stop { of } | Verb::Restart { of, .. } => &of.target,
        }
    }
}

/// Does it.
///
/// # Errors
/// When the deployment is not reached, has no such stream or refuses, or nobody agrees.
pub(crate) async fn run(args: StreamArgs) -> Result<(), Failure> {
    match args.verb {
        Verb::List { target, json } => {
            let streams = Session::run(&target, async |session| {
                let streams = Streams::of(session).await?.list(None).await?;
                session.note_refused().await;
                Ok(streams)
            })
            .await?;
            if json {
                return print_json(&streams.iter().map(as_json).collect());
            }
            print(&table(&HEADINGS, &streams.iter().map(as_row).collect::<Vec<_>>()))
        }
        Verb::Show { of } => {
            let stream =
                Session::run(&of.target, async |session| Streams::of(session).await?.one(&of.view).await).await?;
            if of.json { print_json(&as_json(&stream)) } else { print(&in_full(&stream)) }
        }
        Verb::Start { of } => {
            let started =
                Session::change(&of.target, async |session| start(&Streams::of(session).await?, &of.view).await);
            print_stream(&started.await?, of.json)
        }
        Verb::Stop { of } => {
            let stopped =
                Session::change(&of.target, async |session| stop(&Streams::of(session).await?, &of.view).await);
            print_stream(&stopped.await?, of.json)
        }
        Verb::Restart { of, from, dry_run, yes } => {
            let asked = Begin { from: from.join(" "), dry_run, yes };
            let work = async |session: &Session| restart(session, &of.view, &asked).await;
            let done =
                if dry_run { Session::run(&of.target, work).await } else { Session::change(&of.target, work).await };
            match done? {
                Restarted::WouldBe(effect) if of.json => print_json(&json!({ "effect": effect })),
                Restarted::WouldBe(effect) => print(&format!("{effect}\n")),
                Restarted::Is(stream) => print_stream(&stream, of.json),
            }
        }
    }
}

fn print_stream(stream: &StreamFigures, as_json: bool) -> Result<(), Failure> {
    if as_json { print_json(&self::as_json(stream)) } else { print(&table(&HEADINGS, &[as_row(stream)])) }
}

/// The streams of the workspace that is meant.
struct Streams<'s> {
    session: &'s Session,
    own_api: String,
}

impl<'s> Streams<'s> {
    async fn of(session: &'s Session) -> Result<Self, Failure> {
        Ok(Self { session, own_api: session.own_api(Part::Streams).await? })
    }

    async fn list(&self, view: Option<&str>) -> Result<Vec<StreamFigures>, Failure> {
        Ok(self.session.api.streams(&self.own_api, &self.session.workspace, view).await?)
    }

    async fn one(&self, view: &str) -> Result<StreamFigures, Failure> {
        if let Some(found) = self.list(Some(view)).await?.into_iter().next() {
            return Ok(found);
        }
        let workspace = &self.session.workspace;
        // Of a view that is refused or not there, this says so.
        self.session.api.feature_view(workspace, view).await?;
        let text = format!("Feature view `{view}` of workspace `{workspace}` writes no stream to the online store.");
        Err(Failure::new(FAILED, format!("{text} `fvtop stream list` shows those that do.")))
    }
}

/// How the stream of a job does; absent where it is another job's by now, or the deployment does not tell.
pub(super) async fn figures_of(session: &Session, job: &Job) -> Option<StreamFigures> {
    let own_api = session.api.deployment().await.ok()?.own_api?;
    let found = session.api.streams(&own_api, &job.workspace, Some(&job.feature_view)).await.ok()?;
    found.into_iter().find(|stream| stream.job == Some(job.id))
}

async fn start(streams: &Streams<'_>, view: &str) -> Result<StreamFigures, Failure> {
    let known = streams.one(view).await?;
    if runs(&known) {
        note(&format!("the stream of {view} runs already"));
        return Ok(known);
    }
    let job = job_of(&known)?;
    streams.session.api.restart(job).await?;
    note(&format!("the stream of {view} was started again"));
    streams.one(view).await
}

async fn stop(streams: &Streams<'_>, view: &str) -> Result<StreamFigures, Failure> {
    let known = streams.one(view).await?;
    if known.state.as_ref().is_none_or(JobState::is_terminal) {
        note(&format!("the stream of {view} is stopped already"));
        return Ok(known);
    }
    streams.session.api.cancel(&known.workspace, &known.feature_view, job_of(&known)?).await?;
    let until = tokio::time::Instant::now() + STOPPED_WITHIN;
    loop {
        let now = streams.one(view).await?;
        if now.state.as_ref().is_some_and(JobState::is_terminal) {
            note(&format!("the stream of {view} was stopped"));
            return Ok(now);
        }
        if tokio::time::Instant::now() > until {
            let text =
                format!("The stream of {view} was asked to stop and has not within {} s.", STOPPED_WITHIN.as_secs());
            return Err(Failure::new(TIMED_OUT, format!("{text} Look at `fvtop stream show {view}`.")));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Where to begin, and whether to ask.
struct Begin {
    from: String,
    dry_run: bool,
    yes: bool,
}

enum Restarted {
    Is(Box<StreamFigures>),
    WouldBe(String),
}

async fn restart(session: &Session, view: &str, begin: &Begin) -> Result<Restarted, Failure> {
    if begin.from.is_empty() {
        let text = "Say from where with --from: beginning, latest, a time, or `offset PARTITION:OFFSET`.";
        return Err(Failure::new(USAGE, format!("{text} `fvtop stream start` goes on where the stream stopped.")));
    }
    let streams = Streams::of(session).await?;
    let known = streams.one(view).await?;
    let ask = |dry_run| RestartAsked {
        workspace: known.workspace.clone(),
        feature_view: known.feature_view.clone(),
        from: begin.from.clone(),
        dry_run,
    };
    let effect = session.api.restart_stream(&streams.own_api, &ask(true)).await?.effect;
    if begin.dry_run {
        return Ok(Restarted::WouldBe(effect));
    }
    if !begin.yes {
        let question = format!("{effect}\nRead the stream of {view} anew from {}?", begin.from);
        let alone = || Failure::new(USAGE, format!("{effect} There is no terminal to ask on: give --yes to do it."));
        confirm::agree(&question, "Nothing was changed.", alone).await?;
    }
    if known.state.as_ref().is_some_and(|state| !state.is_terminal()) {
        stop(&streams, view).await?;
    }
    session.api.restart_stream(&streams.own_api, &ask(false)).await?;
    note(&format!("the stream of {view} is read from {}", begin.from));
    streams.one(view).await.map(Box::new).map(Restarted::Is)
}

fn runs(stream: &StreamFigures) -> bool {
    stream.state == Some(JobState::Running)
}

fn job_of(stream: &StreamFigures) -> Result<Id, Failure> {
    let none = || {
        Failure::new(FAILED, format!("The stream of {} has no job yet. Try again in a moment.", stream.feature_view))
    };
    stream.job.ok_or_else(none)
}

const HEADINGS: [&str; 9] =
    ["FEATURE VIEW", "SOURCE", "STATE", "IN/S", "OUT/S", "LAG", "EVENTS BEHIND", "READ", "NOT WRITTEN"];

fn as_row(stream: &StreamFigures) -> Vec<String> {
    let state = match &stream.error {
        Some((reason, _)) => reason.clone(),
        None => or_dash(stream.state.as_ref().map(ToString::to_string)),
    };
    let counts = &stream.total;
    vec![
        stream.feature_view.clone(),
        format!("{} ({})", stream.source, stream.kind),
        state,
        format!("{:.1}", stream.rate_in),
        format!("{:.1}", stream.rate_out),
        or_dash(stream.lag.map(print_took)),
        or_dash(stream.lag_events.map(|events| events.to_string())),
        counts.read.to_string(),
        (counts.settled().saturating_sub(counts.written)).to_string(),
    ]
}

/// All that is known, for people.
pub(super) fn in_full(stream: &StreamFigures) -> String {
    let mut facts = vec![
        ("Feature view", stream.feature_view.clone()),
        ("Source", format!("{} ({})", stream.source, stream.kind)),
        ("Job", or_dash(stream.job.map(|job| job.to_string()))),
        ("State", or_dash(stream.state.as_ref().map(ToString::to_string))),
        ("In", format!("{:.1} events/s", stream.rate_in)),
        ("Out", format!("{:.1} events/s", stream.rate_out)),
        ("Lag", or_dash(stream.lag.map(print_took))),
        ("Events behind", or_dash(stream.lag_events.map(|events| events.to_string()))),
        ("Oldest not read", time(stream.oldest)),
        ("Newest event", time(stream.newest_event)),
        ("Watermark", time(stream.watermark)),
    ];
    if let Some((reason, sentence)) = &stream.error {
        facts.push(("Trouble", format!("{reason}: {sentence}")));
    }
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text: String = facts.iter().map(|(name, fact)| format!("{name:width$}  {fact}\n")).collect();
    text.push('\n');
    let counts = |name: &str, total: &StreamCounts, waiting: u64| {
        let cells = total.list().map(|(_, count)| count.to_string());
        let mut row = vec![name.to_owned()];
        row.extend(cells);
        row.push(waiting.to_string());
        row
    };
    let mut rows = vec![
        counts("since the start", &stream.total, stream.waiting),
        counts("last minute", &stream.minute, stream.waiting),
    ];
    let partition = |partition: &StreamPartition| {
        let name = format!("partition {} at {}", partition.partition, partition.offset);
        counts(&name, &partition.counts, partition.waiting)
    };
    rows.extend(stream.partitions.iter().map(partition));
    let headings: Vec<String> =
        ["", "READ", "WRITTEN", "FILTERED", "LATE", "QUARANTINED", "DEDUPLICATED", "EXPIRED", "WAITING"]
            .map(str::to_owned)
            .into();
    text.push_str(&table(&headings.iter().map(String::as_str).collect::<Vec<_>>(), &rows));
    text
}

fn counts_json(counts: &StreamCounts) -> serde_json::Value {
    counts
        .list()
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count.into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

pub(super) fn as_json(stream: &StreamFigures) -> serde_json::Value {
    let partition = |partition: &StreamPartition| {
        json!({
            "partition": partition.partition,
            "offset": partition.offset,
            "total": counts_json(&partition.counts),
            "last_minute": counts_json(&partition.minute),
            "waiting": partition.waiting,
            "lag_events": partition.lag_events,
            "oldest_unread": json_time(partition.oldest),
            "newest_event": json_time(partition.newest_event),
        })
    };
    json!({
        "workspace": stream.workspace,
        "feature_view": stream.feature_view,
        "source": stream.source,
        "kind": stream.kind,
        "job_id": stream.job.map(|job| job.to_string()),
        "state": stream.state.as_ref().map(ToString::to_string),
        "total": counts_json(&stream.total),
        "last_minute": counts_json(&stream.minute),
        "waiting": stream.waiting,
        "rate_in": stream.rate_in,
        "rate_out": stream.rate_out,
        "lag_events": stream.lag_events,
        "lag_seconds": stream.lag.map(|lag| lag.num_milliseconds() as f64 / 1e3),
        "oldest_unread": json_time(stream.oldest),
        "newest_event": json_time(stream.newest_event),
        "watermark": json_time(stream.watermark),
        "reason": stream.error.as_ref().map(|(reason, _)| reason),
        "error": stream.error.as_ref().map(|(_, error)| error),
        "partitions": stream.partitions.iter().map(partition).collect::<Vec<_>>(),
    })
}
