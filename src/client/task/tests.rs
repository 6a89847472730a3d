//! The client task against a scripted server on loopback.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prost::Message;

use super::*;
use crate::client::ApiKey;
use crate::client::endpoint::parse_url;
use crate::client::message::{Part, Serves, TailState};
use crate::wire::convert as c;
use crate::wire::proto::jobs::{ListJobsRequest, ListJobsResponse, MaterializationJob};
use crate::wire::proto::view::{Fco, FcoContainer, FeatureView as FeatureViewProto, QueryFeatureViewsResponse};
use crate::wire::proto::workspace::ListWorkspacesResponse;
use crate::wire::{proxy, rpc};

mod audit;
mod freshness;
mod jobs;
mod queries;
mod reads;

/// What the server does with a call.
#[derive(Clone)]
enum Act {
    /// Answers with that message.
    Say(String),
    /// Answers with that code.
    Code(i32, &'static str),
    /// Answers with that HTTP status and body.
    Http(u16, &'static str),
    /// Answers HTTP 429, and how many seconds to wait.
    Busy(&'static str),
    /// Breaks off in the middle of its answer.
    Break,
    /// Answers after that time with that message.
    Late(u64, String),
    /// Answers with an empty message, and from then on does another thing with another call.
    Then(&'static str, Box<Act>),
    /// Answers a job list with one job named like the view, later for the view `slow`.
    JobsOfView,
}

type Script = Arc<Mutex<HashMap<&'static str, Act>>>;

/// How often each call came.
type Counts = Arc<Mutex<HashMap<String, usize>>>;

struct Fake {
    script: Script,
    counts: Counts,
    url: String,
}

fn say(message: &impl Message) -> Act {
    Act::Say(proxy::encode(message))
}

async fn answer(State((script, counts)): State<(Script, Counts)>, body: String) -> Response {
    let request: proxy::Request = serde_json::from_str(&body).unwrap();
    *counts.lock().unwrap().entry(request.method.clone()).or_default() += 1;
    let act = script.lock().unwrap().get(request.method.as_str()).cloned();
    let good = |response: String| {
        let status = proxy::Status { code: 0, detail: String::new() };
        axum::Json(proxy::Response { status, metadata: None, response: Some(response) }).into_response()
    };
    match act {
        None => axum::Json(proxy::Response::error(12, "This call is not served.")).into_response(),
        Some(Act::Say(response)) => good(response),
        Some(Act::Code(code, detail)) => axum::Json(proxy::Response::error(code, detail)).into_response(),
        Some(Act::Http(code, body)) => (StatusCode::from_u16(code).unwrap(), body).into_response(),
        Some(Act::Busy(seconds)) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds)]).into_response(),
        Some(Act::Break) => {
            let pieces = [Ok("{\"status\":"), Err(std::io::Error::other("broken"))];
            Body::from_stream(futures::stream::iter(pieces)).into_response()
        }
        Some(Act::Late(millis, response)) => {
            let _late = LateCount::new(&counts);
            tokio::time::sleep(Duration::from_millis(millis)).await;
            good(response)
        }
        Some(Act::Then(method, act)) => {
            script.lock().unwrap().insert(method, *act);
            good(String::new())
        }
        Some(Act::JobsOfView) => {
            let view = request.decode::<ListJobsRequest>().unwrap().feature_view.unwrap();
            if view == "slow" {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            good(proxy::encode(&jobs(&view)))
        }
    }
}

/// Counts the late answers that somebody waits for, under a name that no call has.
struct LateCount(Counts);

const LATE: &str = "late answers";

impl LateCount {
    fn new(counts: &Counts) -> Self {
        *counts.lock().unwrap().entry(LATE.to_owned()).or_default() += 1;
        Self(Arc::clone(counts))
    }
}

impl Drop for LateCount {
    fn drop(&mut self) {
        *self.0.lock().unwrap().entry(LATE.to_owned()).or_default() -= 1;
    }
}

/// A path that is counted, and at which nothing is.
async fn nothing(State((_, counts)): State<(Script, Counts)>) -> StatusCode {
    *counts.lock().unwrap().entry("get-features".to_owned()).or_default() += 1;
    StatusCode::NOT_FOUND
}

/// A stream of two records, a control line, a line that is too long, and half a record; then it breaks.
async fn tail() -> Body {
    let mut text =
        "{\"@columns\":[\"tailnum\",\"timestamp\"]}\n{\"tailnum\":\"N1\"}\n\n{\"tailnum\":\"N2\"}\n".to_owned();
    text.push_str("{\"@progress\":{\"events\":42}}\n");
    text.push_str(&"x".repeat(2 * 1024 * 1024));
    text.push_str("\n{\"tailnum\":\"N");
    Body::from(text)
}

fn serve(listener: tokio::net::TcpListener, script: Script, counts: Counts) {
    let router = Router::new()
        .route("/api/proxy", post(answer))
        .route("/api/v1/fvtop/run-stream", get(tail))
        .route("/api/v1/fvtop/audit", get(audit::log))
        .route("/api/v1/feature-service/get-features", post(nothing))
        .with_state((script, counts))
        .nest("/api/v1/fvtop", queries::router());
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
}

fn jobs(view: &str) -> ListJobsResponse {
    let job = MaterializationJob {
        id: Some(Id(7).to_string()),
        feature_view: Some(view.to_owned()),
        state: Some("RUNNING\u{1b}[2J".to_owned()),
        ..Default::default()
    };
    ListJobsResponse { jobs: vec![job] }
}

fn views() -> QueryFeatureViewsResponse {
    let view = |id: u128, name: &str| FeatureViewProto {
        feature_view_id: Some(c::id_to_proto(Id(id))),
        fco_metadata: Some(crate::wire::proto::common::FcoMetadata {
            name: Some(name.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let fcos = [view(1, "slow"), view(2, "quick")];
    let container = FcoContainer {
        root_ids: fcos.iter().map(|view| view.feature_view_id.clone().unwrap()).collect(),
        fcos: fcos.into_iter().map(|view| Fco { feature_view: Some(Box::new(view)), ..Default::default() }).collect(),
        workspace: None,
    };
    QueryFeatureViewsResponse { fco_container: Some(container) }
}

fn healthy() -> HashMap<&'static str, Act> {
    let workspace = |name: &str, live| c::workspace_to_proto(&Workspace { name: name.to_owned(), live });
    let workspaces = ListWorkspacesResponse { workspaces: vec![workspace("dev", false), workspace("prod", true)] };
    HashMap::from([
        (rpc::GET_CONFIGS, say(&c::configs_to_proto(&[("FVTOP_API", "/v1/fvtop"), ("FVTOP_NOTICES", "a\nb")]))),
        (rpc::LIST_WORKSPACES, say(&workspaces)),
        (rpc::QUERY_FEATURE_VIEWS, say(&views())),
        (rpc::LIST_MATERIALIZATION_JOBS, Act::JobsOfView),
    ])
}

impl Fake {
    async fn new(script: HashMap<&'static str, Act>) -> Self {
        let script = Arc::new(Mutex::new(script));
        let counts = Counts::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        serve(listener, Arc::clone(&script), Arc::clone(&counts));
        Self { script, counts, url }
    }

    /// How often that call came.
    fn count(&self, method: &str) -> usize {
        self.counts.lock().unwrap().get(method).copied().unwrap_or(0)
    }

    /// Late answers that somebody still waits for.
    fn under_way(&self) -> usize {
        self.count(LATE)
    }

    fn set(&self, method: &'static str, act: Act) {
        self.script.lock().unwrap().insert(method, act);
    }

    fn connect(&self) -> Console {
        Console::to(&self.url, |_| ())
    }

    /// A console with another pace.
    fn connect_at(&self, change: impl FnOnce(&mut Pace)) -> Console {
        Console::to(&self.url, change)
    }
}

/// How long anything may take that comes by itself: a guard against waiting for ever, not a measure of speed.
const GUARD: Duration = Duration::from_secs(300);

/// A time that no test lives to see.
const NEVER: Duration = Duration::from_secs(100_000);

/// The other end, with patience. No test counts on how soon something comes: it waits until it is there, or until the
/// deployment was asked so many times.
struct Console(Handle, Shown);

/// What a screen would show: the last state of each kind that was told. States may overtake each other on the way, so
/// that a test asks here for those that may have come already.
#[derive(Default)]
struct Shown {
    connection: Option<Connection>,
    serves: Serves,
    jobs: Option<Arc<Vec<crate::model::Job>>>,
}

impl Console {
    fn to(url: &str, change: impl FnOnce(&mut Pace)) -> Self {
        let endpoint = Endpoint::new(parse_url(url).unwrap(), ApiKey::new("test-key").unwrap(), None);
        let ms = Duration::from_millis;
        let mut pace = Pace {
            jobs: ms(30),
            details: ms(50),
            views: ms(50),
            workspaces: ms(50),
            // A machine under load is no slow deployment.
            slow: NEVER,
            ahead: NEVER,
            backoff: (ms(20), ms(100)),
            refused: ms(100),
            failing: ms(200),
            forbidden: NEVER,
            idle: ms(500),
        };
        change(&mut pace);
        Self::of(spawn_at(async { Ok(endpoint) }, pace))
    }

    fn of(handle: Handle) -> Self {
        Self(handle, Shown::default())
    }

    /// Connected, and knowing what the deployment has.
    async fn ready(fake: &Fake) -> Self {
        let mut console = fake.connect();
        console.until(|update| matches!(update, Update::Deployment { .. }).then_some(())).await;
        console
    }

    async fn send(&self, command: Command) {
        self.0.commands.send(command).await.unwrap();
    }

    async fn open(&self, generation: Generation, view: &str) {
        let (workspace, feature_view) = ("prod".to_owned(), view.to_owned());
        self.send(Command::OpenView { generation, workspace, feature_view }).await;
    }

    /// The next update.
    async fn next(&mut self) -> Update {
        let update = tokio::time::timeout(GUARD, self.0.updates.recv()).await.expect("the update never came");
        let update = update.expect("the client task has ended");
        match &update {
            Update::Connection(connection) => self.1.connection = Some(connection.clone()),
            Update::Deployment { serves, .. } => self.1.serves = serves.clone(),
            Update::Jobs { jobs, .. } => self.1.jobs = Some(Arc::clone(jobs)),
            _ => {}
        }
        update
    }

    /// The first update from now on that fits; everything before it is dropped.
    async fn until<T>(&mut self, mut fits: impl FnMut(Update) -> Option<T>) -> T {
        loop {
            if let Some(found) = fits(self.next().await) {
                return found;
            }
        }
    }

    /// The connection as soon as it stands like that.
    async fn connection(&mut self, mut fits: impl FnMut(&Connection) -> bool) -> Connection {
        loop {
            match &self.1.connection {
                Some(connection) if fits(connection) => return connection.clone(),
                _ => drop(self.next().await),
            }
        }
    }

    /// What the deployment serves as soon as it is known to be so.
    async fn serves(&mut self, fits: impl Fn(&Serves) -> bool) -> Serves {
        while !fits(&self.1.serves) {
            self.next().await;
        }
        self.1.serves.clone()
    }

    /// The jobs as soon as they are so.
    async fn jobs_when(&mut self, fits: impl Fn(&[crate::model::Job]) -> bool) -> Arc<Vec<crate::model::Job>> {
        loop {
            match &self.1.jobs {
                Some(jobs) if fits(jobs) => return Arc::clone(jobs),
                _ => drop(self.next().await),
            }
        }
    }

    /// Everything that is told until the deployment has been asked that call so many times more, and all that was told
    /// by then.
    async fn while_asked(&mut self, fake: &Fake, method: &str, times: usize) -> Vec<Update> {
        self.until_asked(fake, method, fake.count(method) + times).await
    }

    /// The same, for so many times in all.
    async fn until_asked(&mut self, fake: &Fake, method: &str, wanted: usize) -> Vec<Update> {
        let mut seen = Vec::new();
        let begun = Instant::now();
        while fake.count(method) < wanted {
            assert!(begun.elapsed() < GUARD, "{method} is not asked for any more");
            if let Ok(update) = tokio::time::timeout(Duration::from_millis(5), self.next()).await {
                seen.push(update);
            }
        }
        // An answer that needs no deployment comes after all that waits to be told.
        let view = Box::new(crate::client::testing::view(&[("k", crate::model::DataType::Int64)]));
        self.send(Command::TypedKeys { request: RequestId::MAX, view, keys: vec![vec!["1".to_owned()]] }).await;
        loop {
            match self.next().await {
                Update::Keys { request: RequestId::MAX, .. } => return seen,
                update => seen.push(update),
            }
        }
    }
}

#[tokio::test]
async fn the_first_live_workspace_opens_and_what_does_not_change_is_not_told_again() {
    let fake = Fake::new(healthy()).await;
    let mut console = fake.connect();
    console.send(Command::OpenWorkspace { generation: 1, workspace: None }).await;
    let names = console
        .until(|update| match update {
            Update::FeatureViews { generation: 1, workspace, views } if workspace == "prod" => {
                Some(views.iter().map(|view| view.name.clone()).collect::<Vec<_>>())
            }
            _ => None,
        })
        .await;
    assert_eq!(names, ["slow", "quick"]);
    console.while_asked(&fake, rpc::LIST_WORKSPACES, 3).await;
    let later = console.while_asked(&fake, rpc::QUERY_FEATURE_VIEWS, 4).await;
    assert!(later.is_empty(), "{later:?}");
}

#[tokio::test]
async fn a_deployment_tells_its_notices_and_whether_it_has_tails() {
    let mut console = Fake::new(healthy()).await.connect();
    let (notices, tails) = console
        .until(|update| match update {
            Update::Deployment { notices, serves, .. } => Some((notices, !serves.lacks(Part::StreamTail))),
            _ => None,
        })
        .await;
    assert_eq!((notices.as_slice(), tails), (["a".to_owned(), "b".to_owned()].as_slice(), true));
}

#[tokio::test]
async fn a_wrong_key_is_refused_whether_by_http_or_by_code() {
    for act in [Act::Http(401, "no"), Act::Code(16, "unknown key")] {
        let mut script = healthy();
        script.values_mut().for_each(|old| *old = act.clone());
        let mut console = Fake::new(script).await.connect();
        let connection = console.connection(|c| !matches!(c, Connection::Connecting)).await;
        let Connection::Refused { problem, .. } = connection else { panic!("{connection:?}") };
        assert!(problem.what.contains("API key") && problem.hint.contains("TECTON_API_KEY"), "{problem}");
    }
}

#[tokio::test]
async fn something_that_is_no_deployment_is_told_with_what_it_sent() {
    for act in [Act::Http(200, "<html>hello</html>"), Act::Http(404, "nothing here")] {
        let mut script = healthy();
        script.values_mut().for_each(|old| *old = act.clone());
        let mut console = Fake::new(script).await.connect();
        let connection = console.connection(|c| !matches!(c, Connection::Connecting)).await;
        let Connection::Refused { problem, .. } = connection else { panic!("{connection:?}") };
        assert!(problem.hint.contains("--url"), "{problem}");
        assert!(problem.what.contains("hello") || problem.what.contains("404"), "{problem}");
    }
}

#[tokio::test]
async fn a_broken_read_is_told_once_and_the_rest_stays_live() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, Act::Http(500, "<html><body>stack trace</body></html>"));
    let mut console = fake.connect();
    console.send(Command::OpenWorkspace { generation: 2, workspace: Some("prod".into()) }).await;
    console.until(|update| matches!(update, Update::FeatureViews { .. }).then_some(())).await;
    console.open(3, "quick").await;
    let broken = console
        .until(|update| match update {
            Update::Reading { generation: 3, part: Part::Jobs, failing } => failing,
            _ => None,
        })
        .await;
    assert!(broken.problem.what.contains("500") && !broken.problem.what.contains('<'), "{broken:?}");
    assert!(broken.as_of.is_none() && broken.next_try > broken.since, "{broken:?}");
    let later = console.while_asked(&fake, rpc::LIST_MATERIALIZATION_JOBS, 3).await;
    assert!(!later.iter().any(|u| matches!(u, Update::Connection(_))), "{later:?}");
    // Each further failure is of the same row of failures, and puts the next try off further.
    let mut last = broken.clone();
    for update in later {
        let Update::Reading { part: Part::Jobs, failing: Some(failing), .. } = update else { continue };
        assert_eq!((&failing.problem, failing.since), (&broken.problem, broken.since));
        assert!(failing.next_try > last.next_try, "{failing:?}");
        last = failing;
    }
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, Act::JobsOfView);
    let mended = |update| matches!(update, Update::Reading { part: Part::Jobs, failing: None, .. }).then_some(());
    console.until(mended).await;
}

#[tokio::test]
async fn an_answer_that_is_overdue_makes_the_connection_slow_and_then_live_again() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::LIST_WORKSPACES, Act::Late(250, String::new()));
    let mut console = fake.connect_at(|pace| pace.slow = Duration::from_millis(100));
    console.connection(|c| matches!(c, Connection::Slow { .. })).await;
    console.connection(|c| *c == Connection::Live).await;
}

#[tokio::test]
async fn a_dead_deployment_is_tried_again_until_it_is_back() {
    // A port that is taken, and on which nobody listens yet.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let mut console = Console::to(&format!("http://127.0.0.1:{port}/api"), |_| ());
    console.send(Command::OpenWorkspace { generation: 1, workspace: Some("prod".into()) }).await;
    let offline = console.connection(|c| matches!(c, Connection::Offline { attempt: 2.., .. })).await;
    let Connection::Offline { problem, .. } = offline else { panic!() };
    assert!(problem.what.contains("Nothing listens"), "{problem}");
    let failed = |update| match update {
        Update::Lookup { request: 9, answer, .. } => Some(answer),
        _ => None,
    };
    let (workspace, feature_view) = ("prod".to_owned(), "quick".to_owned());
    console.send(Command::Lookup { request: 9, workspace, feature_view, keys: vec![] }).await;
    assert!(console.until(failed).await.is_err());
    serve(socket.listen(64).unwrap(), Arc::new(Mutex::new(healthy())), Counts::default());
    console.connection(|c| *c == Connection::Live).await;
    console.until(|update| matches!(update, Update::FeatureViews { generation: 1, .. }).then_some(())).await;
}

#[tokio::test]
async fn an_answer_to_an_old_question_never_lands_in_a_new_place() {
    let fake = Fake::new(healthy()).await;
    let mut console = fake.connect();
    console.send(Command::OpenWorkspace { generation: 1, workspace: Some("prod".into()) }).await;
    console.until(|update| matches!(update, Update::FeatureViews { .. }).then_some(())).await;
    console.open(2, "slow").await;
    console.while_asked(&fake, rpc::LIST_MATERIALIZATION_JOBS, 1).await;
    console.open(3, "quick").await;
    // Long enough for the answer about the other view, which comes 300 ms late.
    let mut seen = Vec::new();
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_millis(400) {
        seen.extend(console.while_asked(&fake, rpc::LIST_MATERIALIZATION_JOBS, 3).await);
    }
    let jobs: Vec<_> = seen
        .iter()
        .filter_map(|update| match update {
            Update::Jobs { generation, jobs } => Some((*generation, jobs[0].feature_view.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(jobs, [(3, "quick".to_owned())]);
}

#[tokio::test]
async fn what_a_deployment_sends_is_cleaned() {
    let mut console = Fake::new(healthy()).await.connect();
    console.open(1, "quick").await;
    // The view's id is not known and GetFeatureView is not served, so that nothing but the failure is told.
    console.until(|u| matches!(u, Update::Reading { failing: Some(_), .. }).then_some(())).await;
    console.send(Command::OpenWorkspace { generation: 2, workspace: Some("prod".into()) }).await;
    console.until(|update| matches!(update, Update::FeatureViews { .. }).then_some(())).await;
    console.open(3, "quick").await;
    let state = console
        .until(|update| match update {
            Update::Jobs { jobs, .. } => Some(jobs[0].state.to_string()),
            _ => None,
        })
        .await;
    assert_eq!(state, "RUNNING␛[2J");
}

#[tokio::test]
async fn a_tail_gives_whole_records_counts_what_is_too_long_and_is_opened_again() {
    let mut console = Fake::new(healthy()).await.connect();
    console.open(5, "quick").await;
    let (mut records, mut dropped, mut events, mut opened) = (Vec::new(), 0, None, false);
    let again = console
        .until(|update| match update {
            Update::Tail { generation: 5, batch } => {
                assert!(opened, "the columns are told first");
                records.extend(batch.records.into_iter().map(String::from));
                dropped += batch.dropped;
                events = batch.events.or(events);
                None
            }
            Update::TailState { generation: 5, state: TailState::Open { columns } } => {
                assert_eq!(columns, ["tailnum", "timestamp"]);
                opened = true;
                None
            }
            Update::TailState { state: TailState::Closed { next_try, .. }, .. } => Some(next_try),
            _ => None,
        })
        .await;
    assert!(again.is_some());
    assert_eq!(records, ["{\"tailnum\":\"N1\"}", "{\"tailnum\":\"N2\"}"]);
    assert_eq!((dropped, events), (1, Some(42)));
    console.until(|u| matches!(u, Update::TailState { state: TailState::Open { .. }, .. }).then_some(())).await;
}

#[tokio::test]
async fn a_deployment_that_does_not_come_up_is_refused_and_requests_are_answered() {
    let problem = Problem { what: "It is locked.".into(), hint: "Use another.".into() };
    let expected = problem.clone();
    let mut console = Console::of(spawn_when_ready(async { Err(problem) }));
    // Nothing is tried again where there is nothing to try.
    let refused =
        |c: &Connection| matches!(c, Connection::Refused { problem, next_try: None, .. } if *problem == expected);
    console.connection(refused).await;
    console.send(Command::Cancel { request: 4, workspace: "w".into(), feature_view: "v".into(), job: Id(1) }).await;
    let answer = console
        .until(|update| match update {
            Update::Cancelled { request: 4, answer } => Some(answer),
            _ => None,
        })
        .await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn the_task_ends_when_it_is_told_to_or_left_alone() {
    let fake = Fake::new(healthy()).await;
    let mut console = fake.connect();
    console.send(Command::Shutdown).await;
    while console.0.updates.recv().await.is_some() {}
    let Handle { commands, updates } = fake.connect().0;
    drop(updates);
    let ended = async { while commands.send(Command::Refresh).await.is_ok() {} };
    tokio::time::timeout(GUARD, ended).await.expect("the task must end");
}
