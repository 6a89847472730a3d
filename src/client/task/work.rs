//! What the task does outside its loop: requests on their way, and what they bring back.

use std::sync::Arc;

use tokio::time::Instant;

use super::super::api::{Api, Deployment};
use super::super::error::Error;
use super::super::message::{Command, Connection, Generation, Problem, Update};
use super::link::Link;
use super::poll::Poll;
use super::{OpenView, Task};
use crate::model::{FeatureView, Freshness, Id, Job, Workspace};

/// Something that was finished.
pub(super) enum Done {
    /// The deployment is up, or will not come up.
    Ready(Result<Api, Error>),
    /// A read.
    Poll { poll: Poll, stamp: u64, result: Box<Result<Answer, Error>> },
    /// A request of the user.
    Reply(Option<Box<Update>>),
}

/// What a read brings.
pub(super) enum Answer {
    Deployment(Deployment),
    Workspaces(Vec<Workspace>),
    Views { workspace: String, views: Vec<FeatureView> },
    OfView(Fact),
}

/// What a read says of the open view.
pub(super) enum Fact {
    Jobs(Vec<Job>),
    Freshness(Freshness),
    Summary(Vec<(String, String)>),
}

impl Fact {
    /// The update that tells it.
    pub(super) fn update(self, generation: Generation) -> Update {
        match self {
            Self::Jobs(jobs) => Update::Jobs { generation, jobs: Arc::new(jobs) },
            Self::Freshness(freshness) => Update::Freshness { generation, freshness },
            Self::Summary(rows) => Update::Summary { generation, rows },
        }
    }
}

/// One read, with all that it needs.
enum Question {
    Deployment,
    Workspaces,
    Views(String),
    OfView(Poll, OpenView, Option<Id>),
}

impl Question {
    async fn ask(self, api: Api) -> Result<Answer, Error> {
        match self {
            Self::Deployment => api.deployment().await.map(Answer::Deployment),
            Self::Workspaces => api.workspaces().await.map(Answer::Workspaces),
            Self::Views(workspace) => {
                let views = api.feature_views(&workspace).await?;
                Ok(Answer::Views { workspace, views })
            }
            Self::OfView(poll, view, id) => {
                let id = match id {
                    Some(id) => id,
                    None => api.feature_view(&view.workspace, &view.name).await?.id,
                };
                let fact = match poll {
                    Poll::Freshness => Fact::Freshness(api.freshness(&view.workspace, id).await?),
                    Poll::Summary => Fact::Summary(api.summary(&view.workspace, id).await?),
                    _ => Fact::Jobs(api.jobs(&view.workspace, &view.name, id).await?),
                };
                Ok(Answer::OfView(fact))
            }
        }
    }
}

impl Task {
    /// Starts every read that is due.
    pub(super) fn launch(&mut self) {
        let Some(api) = self.api.clone() else { return };
        let now = Instant::now();
        for poll in Poll::ALL {
            let may = match self.link {
                // While the deployment is away, one request tries whether it is back.
                Link::Down { at, .. } => poll == Poll::Deployment && at <= now,
                _ => true,
            };
            if !may || !self.polls.is_due(poll, now) {
                continue;
            }
            let Some(question) = self.question(poll) else { continue };
            let stamp = self.polls.next_stamp();
            let asked = question.ask(api.clone());
            let abort = self.work.spawn(async move { Done::Poll { poll, stamp, result: Box::new(asked.await) } });
            self.polls.started(poll, stamp, abort);
        }
    }

    /// What that kind asks for now; nothing when nothing is wanted of it.
    fn question(&self, poll: Poll) -> Option<Question> {
        match poll {
            Poll::Deployment => Some(Question::Deployment),
            Poll::Workspaces => Some(Question::Workspaces),
            Poll::Views => self.workspace().map(Question::Views),
            Poll::Jobs | Poll::Freshness | Poll::Summary => {
                let view = self.view.clone()?;
                let id = self.ids.get(&(view.workspace.clone(), view.name.clone())).copied();
                Some(Question::OfView(poll, view, id))
            }
        }
    }

    /// The workspace that is wanted, as soon as its name is known.
    fn workspace(&self) -> Option<String> {
        let (_, name) = self.wanted.as_ref()?;
        let configured = || self.api.as_ref().and_then(|api| api.endpoint().workspace.clone());
        let first = || self.workspaces.iter().find(|w| w.live).or(self.workspaces.first()).map(|w| w.name.clone());
        name.clone().or_else(configured).or_else(first)
    }

    /// When the loop must look again although nothing happens.
    pub(super) fn wake(&mut self) -> Option<Instant> {
        self.api.as_ref()?;
        let slow_at = self.polls.oldest().map(|since| since + self.pace.slow);
        if let (Link::Live | Link::Connecting, Some(at)) = (self.link, slow_at)
            && at <= Instant::now()
        {
            self.link = Link::Slow;
            self.outbox.push(Update::Connection(Connection::Slow { since: self.pace.slow }));
        }
        let slow_at = slow_at.filter(|_| matches!(self.link, Link::Live | Link::Connecting));
        let due = |poll: &Poll| self.question(*poll).and_then(|_| self.polls.due(*poll));
        let next = match self.link {
            Link::Down { at, .. } => self.polls.due(Poll::Deployment).map(|due| due.max(at)),
            _ => Poll::ALL.iter().filter_map(due).min(),
        };
        next.into_iter().chain(slow_at).min()
    }

    /// Sends a request of the user; it runs beside everything else and is never dropped.
    pub(super) fn request(&mut self, command: Command) {
        let api = self.api.clone();
        self.work.spawn(async move { Done::Reply(serve(api, command).await.map(Box::new)) });
    }
}

/// The answer to a request of the user; commands that the loop obeys by itself have none.
async fn serve(api: Option<Api>, command: Command) -> Option<Update> {
    let begun = Instant::now();
    let early = || Problem {
        what: "The deployment is not connected yet.".to_owned(),
        hint: "Try again in a moment.".to_owned(),
    };
    let api = api.ok_or_else(early);
    match command {
        Command::Lookup { request, workspace, feature_view, keys } => {
            let answer = match api {
                Ok(api) => api.lookup(&workspace, &feature_view, &keys).await.map_err(Problem::from),
                Err(problem) => Err(problem),
            };
            Some(Update::Lookup { request, answer, took: begun.elapsed() })
        }
        Command::Trigger { request, trigger } => {
            let answer = match api {
                Ok(api) => api.trigger(&trigger).await.map_err(Problem::from),
                Err(problem) => Err(problem),
            };
            Some(Update::Triggered { request, answer })
        }
        Command::Cancel { request, workspace, feature_view, job } => {
            let answer = match api {
                Ok(api) => api.cancel(&workspace, &feature_view, job).await.map_err(Problem::from),
                Err(problem) => Err(problem),
            };
            Some(Update::Cancelled { request, answer })
        }
        _ => None,
    }
}
