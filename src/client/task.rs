//! The client task: one loop that owns the network for a console.
//!
//! Commands set what is wanted (a workspace, a view); polls bring it and keep it fresh; answers become updates. Each
//! kind of poll has at most one request in flight and one pending. The loop itself never waits for the network, nor
//! for a console that is slow to take its updates.

mod audit;
mod link;
mod outbox;
mod poll;
mod quarantine;
mod queries;
mod reads;
mod troubles;
mod wildcard;
mod work;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::mem::Discriminant;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::api::{Api, Deployment};
use super::endpoint::Endpoint;
use super::error::{Error, Kind};
use super::handle::Handle;
use super::message::{Command, Connection, Generation, Part, Problem, RequestId, Sent, Update};
use super::tail::Tail;
use crate::model::{Id, Workspace};
use link::Link;
use outbox::Outbox;
use poll::{Poll, Polls};
use troubles::Troubles;
use work::{Done, Early};

/// How often and how patiently; another pace serves the tests alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    jobs: Duration,
    details: Duration,
    views: Duration,
    workspaces: Duration,
    slow: Duration,
    /// How long the first list of a view's jobs may take before its first page is asked for by itself.
    ahead: Duration,
    backoff: (Duration, Duration),
    refused: Duration,
    failing: Duration,
    forbidden: Duration,
    idle: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            jobs: Duration::from_secs(2),
            details: Duration::from_secs(5),
            views: Duration::from_secs(15),
            workspaces: Duration::from_secs(60),
            slow: Duration::from_secs(2),
            ahead: Duration::from_secs(2),
            backoff: (Duration::from_millis(500), Duration::from_secs(30)),
            refused: Duration::from_secs(30),
            failing: Duration::from_secs(60),
            forbidden: Duration::from_secs(300),
            idle: Duration::from_secs(25),
        }
    }
}

/// Starts the client task of that deployment. Must be called inside a tokio runtime.
pub fn spawn(endpoint: Endpoint) -> Handle {
    spawn_when_ready(async { Ok(endpoint) })
}

/// Starts the client task of a deployment that has yet to come up; until then it is connecting. What is wanted in the
/// meantime is kept. When it does not come up, the connection is refused with that problem.
pub fn spawn_when_ready(ready: impl Future<Output = Result<Endpoint, Problem>> + Send + 'static) -> Handle {
    spawn_at(ready, Pace::default())
}

pub(super) fn spawn_at(ready: impl Future<Output = Result<Endpoint, Problem>> + Send + 'static, pace: Pace) -> Handle {
    let (commands, inbox) = mpsc::channel(64);
    let (updates, outside) = mpsc::channel(256);
    let mut task = Task::new(updates, pace);
    task.work.spawn(async {
        let ready = ready.await.map_err(|problem| Error::of(Kind::Refused, problem));
        Done::Ready(Box::new(ready.and_then(Api::new)))
    });
    tokio::spawn(task.run(inbox));
    Handle { commands, updates: outside }
}

/// A view that was opened.
#[derive(Clone, Debug)]
struct OpenView {
    generation: Generation,
    workspace: String,
    name: String,
}

impl OpenView {
    /// Its workspace and name.
    fn place(&self) -> (String, String) {
        (self.workspace.clone(), self.name.clone())
    }
}

struct Task {
    pace: Pace,
    updates: mpsc::Sender<Update>,
    outbox: Outbox,
    work: JoinSet<Done>,
    /// The changes that were sent; few, for each is a person's.
    sent: (mpsc::UnboundedSender<Sent>, mpsc::UnboundedReceiver<Sent>),
    api: Option<Api>,
    link: Link,
    polls: Polls,
    focused: bool,
    /// When anything was answered last.
    heard: Option<Instant>,
    deployment: Option<Deployment>,
    workspaces: Vec<Workspace>,
    /// The workspace that was asked for; without a name: the configured one, else the first live one.
    wanted: Option<(Generation, Option<String>)>,
    view: Option<OpenView>,
    /// The mark of the jobs that were told last of the open view.
    listed: Option<u64>,
    /// Until when the status table is left alone.
    table_rests: Option<Instant>,
    troubles: Troubles,
    /// Ids of the views seen so far, by workspace and name.
    ids: HashMap<(String, String), Id>,
    /// Those of them that read a stream.
    streams: HashSet<(String, String)>,
    tail: Option<AbortHandle>,
    /// The queries that have not ended.
    queries: HashMap<RequestId, CancellationToken>,
    /// The last question of each kind of which only the newest counts.
    asked: HashMap<Discriminant<Command>, AbortHandle>,
    /// The first jobs of a list that takes long to come.
    early: (mpsc::UnboundedSender<Early>, mpsc::UnboundedReceiver<Early>),
}

impl Task {
    fn new(updates: mpsc::Sender<Update>, pace: Pace) -> Self {
        Self {
            pace,
            updates,
            outbox: Outbox::default(),
            work: JoinSet::new(),
            sent: mpsc::unbounded_channel(),
            api: None,
            link: Link::Connecting,
            polls: Polls::default(),
            focused: true,
            heard: None,
            deployment: None,
            workspaces: Vec::new(),
            wanted: None,
            view: None,
            listed: None,
            table_rests: None,
            troubles: Troubles::default(),
            ids: HashMap::new(),
            streams: HashSet::new(),
            tail: None,
            queries: HashMap::new(),
            asked: HashMap::new(),
            early: mpsc::unbounded_channel(),
        }
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        self.outbox.push(Update::Connection(Connection::Connecting));
        let updates = self.updates.clone();
        loop {
            self.look_whether_slow();
            self.launch();
            let wake = self.wake();
            tokio::select! {
                command = inbox.recv() => match command {
                    None | Some(Command::Shutdown) => break,
                    Some(command) => self.obey(command),
                },
                Some(done) = self.work.join_next() => {
                    // A request that was aborted has nothing to say.
                    if let Ok(done) = done {
                        self.finish(done);
                    }
                }
                Some(sent) = self.sent.1.recv() => self.outbox.push(Update::Sent(sent)),
                Some(early) = self.early.1.recv() => self.show_early(early),
                room = updates.reserve(), if !self.outbox.is_empty() => match (room, self.outbox.pop()) {
                    (Ok(room), Some(update)) => room.send(update),
                    _ => break,
                },
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
        self.stop_tail();
        self.part().await;
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::OpenWorkspace { generation, workspace } => {
                self.wanted = Some((generation, workspace));
                self.polls.cancel(&[Poll::Views]);
                self.troubles.forget(&[Part::Views, Part::Workspaces]);
                self.close_view();
                self.doubt();
            }
            Command::OpenView { generation, workspace, feature_view } => {
                self.close_view();
                self.view = Some(OpenView { generation, workspace, name: feature_view });
                self.doubt();
                self.open_tail();
            }
            Command::Refresh => {
                self.link.hurry();
                self.table_rests = None;
                self.doubt();
                self.open_tail();
                self.polls.hurry(&Poll::ALL);
            }
            Command::Focus(focused) => {
                if focused && !self.focused {
                    self.polls.hurry(&Poll::OF_VIEW);
                }
                self.focused = focused;
            }
            Command::Query { request, query } => {
                self.doubt();
                self.start_query(request, query);
            }
            Command::CancelQuery { request } => self.cancel_query(request),
            Command::SaveTable { request, table, path, replace } => self.save_table(request, table, path, replace),
            Command::Coverage { generation } => self.coverage(generation),
            Command::Audit => {
                self.doubt();
                self.audit();
            }
            Command::Shutdown => {}
            command @ (Command::Quarantine { .. }
            | Command::QuarantineRecord { .. }
            | Command::RetryQuarantined { .. }
            | Command::DropQuarantined { .. }) => {
                self.doubt();
                self.quarantine(command);
            }
            // Asked for by the console too, whenever the job changes.
            detail @ Command::Detail { .. } => self.request(detail),
            request => {
                self.doubt();
                self.request(request);
            }
        }
    }

    /// The user wants to see something: it is asked for whatever the deployment was believed not to have.
    fn doubt(&self) {
        if let Some(api) = &self.api {
            api.doubt();
        }
    }

    fn close_view(&mut self) {
        (self.view, self.listed, self.table_rests) = (None, None, None);
        self.polls.cancel(&Poll::OF_VIEW);
        // Nobody waits for answers about a view that is closed.
        self.asked.drain().for_each(|(_, asked)| asked.abort());
        self.troubles.forget(&[Part::Jobs, Part::Reasons, Part::Freshness, Part::Summary, Part::Streams]);
        self.stop_tail();
    }

    fn stop_tail(&mut self) {
        if let Some(tail) = self.tail.take() {
            tail.abort();
        }
    }

    /// Follows the stream of the open view, once it is known whether the deployment has tails.
    fn open_tail(&mut self) {
        let (Some(view), Some(api), Some(deployment)) = (&self.view, &self.api, &self.deployment) else { return };
        let Some(own_api) = deployment.own_api.clone() else { return };
        if self.tail.is_some() || api.leaves_alone(Part::StreamTail) {
            return;
        }
        let tail = Tail {
            api: api.clone(),
            own_api,
            workspace: view.workspace.clone(),
            feature_view: view.name.clone(),
            generation: view.generation,
            updates: self.updates.clone(),
            idle: self.pace.idle,
            backoff: self.pace.backoff,
        };
        let generation = view.generation;
        self.tail = Some(self.work.spawn(async move {
            tail.run().await;
            Done::TailEnded(generation)
        }));
    }

    fn finish(&mut self, done: Done) {
        self.take(done);
        self.tell_deployment();
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Ready(ready) => match *ready {
                Ok(api) => self.api = Some(api.telling(self.sent.0.clone()).believing(self.pace.forbidden)),
                Err(error) => {
                    let (problem, since) = (error.problem, chrono::Utc::now());
                    self.outbox.push(Update::Connection(Connection::Refused { problem, since, next_try: None }));
                }
            },
            Done::Reply(None) => {}
            Done::Reply(Some(update)) => {
                if changes_jobs(&update) {
                    self.polls.hurry(&[Poll::Jobs, Poll::Freshness]);
                }
                if let Update::QueryDone { request, .. } = &*update {
                    self.queries.remove(request);
                }
                self.outbox.push(*update);
            }
            Done::TailEnded(generation) => {
                if self.view.as_ref().is_some_and(|view| view.generation == generation) {
                    self.tail = None;
                }
            }
            Done::Poll { poll, stamp, result } => {
                if let Some(sent) = self.polls.ended(poll, stamp) {
                    match *result {
                        Ok(answer) => self.answered(poll, answer, sent),
                        Err(error) => self.failed(poll, error, sent),
                    }
                }
            }
        }
    }
}

/// Whether that answer says that jobs may be others now.
fn changes_jobs(update: &Update) -> bool {
    use Update::{Cancelled, DeletionStarted, Retried, Triggered};
    matches!(update, Triggered { .. } | Cancelled { .. } | Retried { .. } | DeletionStarted { .. })
}

#[cfg(test)]
mod tests;
