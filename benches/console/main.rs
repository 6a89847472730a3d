//! The console before a hundred thousand jobs: how long until they show, and what polls cost that bring nothing new.
//!
//! A server on loopback gives one fabricated answer again and again; the client task and the console's state are the
//! real ones. Prints a table; judges nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use fvtop::client::endpoint::parse_url;
use fvtop::client::message::{Command, Update};
use fvtop::client::{ApiKey, Endpoint, Handle, spawn};
use fvtop::model::time::from_micros;
use fvtop::model::{Attempt, AttemptState, Id, Job, JobState, JobType, Window};
use fvtop::tui::app::{self, App, Start};
use fvtop::tui::effect::Message;
use fvtop::tui::{theme, view};
use fvtop::wire::convert as c;
use fvtop::wire::proto::jobs::ListJobsResponse;
use fvtop::wire::proto::status::GetMaterializationStatusResponse;
use fvtop::wire::proto::view::{Fco, FcoContainer, FeatureView, QueryFeatureViewsResponse};
use fvtop::wire::{proxy, rpc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Jobs in the answer.
const JOBS: usize = 100_000;
/// How long polls are watched that bring nothing new.
const WATCH: Duration = Duration::from_secs(20);

/// The bodies that the server gives, by call, and how often jobs were asked for.
struct Answers {
    jobs: String,
    table: String,
    views: String,
    asked: AtomicUsize,
}

fn job(number: usize) -> Job {
    let start = from_micros(1_700_000_000_000_000 + number as i64 * 3_600_000_000);
    let end = from_micros(1_700_003_600_000_000 + number as i64 * 3_600_000_000);
    let failed = number.is_multiple_of(50);
    let attempt = |number, state, message: Option<&str>| Attempt {
        id: Some(Id(0x2000_0000_0000 + number as u128)),
        number,
        state,
        created_at: Some(start),
        updated_at: Some(end),
        progress: None,
        reason: message.map(|_| "QUERY_ERROR".to_owned()),
        message: message.map(str::to_owned),
    };
    let attempts = match failed {
        true => (1..=3).map(|n| attempt(n, AttemptState::Error, Some("the column wind does not fit a byte"))).collect(),
        false => vec![attempt(1, AttemptState::Success, None)],
    };
    Job {
        id: Id(0x1000_0000_0000 + number as u128),
        workspace: "prod".to_owned(),
        feature_view: "many".to_owned(),
        job_type: JobType::Batch,
        state: if failed { JobState::Failure } else { JobState::Success },
        window: Some(Window { start, end }),
        online: true,
        offline: true,
        created_at: Some(start),
        updated_at: Some(end),
        next_attempt_at: None,
        attempts,
        allowed: Default::default(),
    }
}

fn body(message: &impl prost::Message) -> String {
    serde_json::to_string(&proxy::Response::ok(message)).unwrap_or_default()
}

impl Answers {
    fn new() -> Self {
        let jobs: Vec<Job> = (0..JOBS).map(job).collect();
        let list = ListJobsResponse { jobs: jobs.iter().map(c::job_to_proto).collect() };
        let status =
            GetMaterializationStatusResponse { materialization_status: Some(c::status_from_jobs(Id(1), &jobs)) };
        let metadata = fvtop::wire::proto::common::FcoMetadata { name: Some("many".to_owned()), ..Default::default() };
        let view = FeatureView {
            feature_view_id: Some(c::id_to_proto(Id(1))),
            fco_metadata: Some(metadata),
            ..Default::default()
        };
        let container = FcoContainer {
            root_ids: vec![c::id_to_proto(Id(1))],
            fcos: vec![Fco { feature_view: Some(Box::new(view)), ..Default::default() }],
            workspace: None,
        };
        let views = QueryFeatureViewsResponse { fco_container: Some(container) };
        Self { jobs: body(&list), table: body(&status), views: body(&views), asked: AtomicUsize::new(0) }
    }
}

async fn answer(State(answers): State<Arc<Answers>>, request: String) -> String {
    let call: Result<proxy::Request, _> = serde_json::from_str(&request);
    match call.map(|call| call.method).unwrap_or_default().as_str() {
        rpc::LIST_MATERIALIZATION_JOBS => {
            answers.asked.fetch_add(1, Ordering::Relaxed);
            answers.jobs.clone()
        }
        rpc::GET_MATERIALIZATION_STATUS => answers.table.clone(),
        rpc::QUERY_FEATURE_VIEWS => answers.views.clone(),
        rpc::GET_CONFIGS | rpc::LIST_WORKSPACES => body(&()),
        _ => r#"{"status":{"code":12,"detail":"no"}}"#.to_owned(),
    }
}

/// Processor time of this process, the server included, in seconds.
fn spent() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Greatest resident memory in MiB.
fn peak() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) / 1024
}

#[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
fn tell(what: &str, figure: impl std::fmt::Display) {
    println!("{what:<58} {figure}");
}

/// Feeds the console until the jobs are there; gives when they came, and how long the state took to take them in.
async fn until_jobs(handle: &mut Handle, app: &mut App) -> Option<(Instant, Duration)> {
    while let Some(update) = handle.updates.recv().await {
        let jobs = matches!(update, Update::Jobs { .. });
        let begun = Instant::now();
        let effects = app::update(app, Message::Update(update), chrono::Utc::now());
        let took = begun.elapsed();
        for effect in effects {
            if let fvtop::tui::effect::Effect::Client(command) = effect {
                handle.commands.send(command).await.ok()?;
            }
        }
        if jobs {
            return Some((begun, took));
        }
    }
    None
}

async fn measure() -> Option<()> {
    let answers = Arc::new(Answers::new());
    tell("jobs", JOBS);
    tell(
        "MiB of one answer: job list, status table",
        format!("{} {}", answers.jobs.len() >> 20, answers.table.len() >> 20),
    );
    let before = peak();
    let router = Router::new().route("/api/proxy", post(answer)).with_state(Arc::clone(&answers));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.ok()?;
    let url = parse_url(&format!("http://{}/api", listener.local_addr().ok()?)).ok()?;
    tokio::spawn(async { axum::serve(listener, router).await });

    let mut handle = spawn(Endpoint::new(url, ApiKey::new("bench").ok()?, Some("prod".to_owned())));
    let size = (120, 40);
    let start = Start { workspace: Some("prod".to_owned()), size, ..Start::default() };
    let (mut app, _) = App::new(start, chrono::Utc::now());
    let begun = Instant::now();
    handle.commands.send(Command::OpenWorkspace { generation: 1, workspace: Some("prod".to_owned()) }).await.ok()?;
    let (came, took) = until_jobs(&mut handle, &mut app).await?;
    tell("ms until the jobs are there", (came - begun).as_millis());
    tell("ms for the console's state to take them in", took.as_millis());
    let begun = Instant::now();
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    app.layout = view::draw(&mut buffer, &app, &theme::built_in()[0]);
    tell("ms to draw a frame", begun.elapsed().as_millis());
    tell("MiB at most, before and after (server and client)", format!("{before} {}", peak()));

    let (polls, used) = (answers.asked.load(Ordering::Relaxed), spent());
    let again = tokio::time::timeout(WATCH, until_jobs(&mut handle, &mut app)).await;
    let polls = answers.asked.load(Ordering::Relaxed) - polls;
    tell("told again although nothing changed", again.is_ok());
    tell("polls in 20 s", polls);
    tell("processor ms a poll (server and client)", ((spent() - used) * 1_000.0) as usize / polls.max(1));
    Some(())
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    if runtime.map(|runtime| runtime.block_on(measure())).ok().flatten().is_none() {
        tell("the bench could not be run", "");
    }
}
