//! What the task does outside its loop: requests on their way, and what they bring back.

use std::mem::{Discriminant, discriminant};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use polars::prelude::{DataFrame, IntoColumn, StringChunked};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::super::api::{Api, Deployment, Known, Listing};
use super::super::error::{Error, Kind};
use super::super::keys;
use super::super::message::{Command, Generation, Part, Problem, Table, Update};
use super::super::transport::blocking;
use super::link::Link;
use super::poll::Poll;
use super::wildcard;
use super::{OpenView, Task};
use crate::model::{Coverage, FeatureView, Freshness, Id, Job, StatusOptions, StatusTable, StreamFigures, Workspace};
use crate::wire::features::Locator;
use crate::wire::streams::RestartAsked;

/// Something that was finished.
pub(super) enum Done {
    /// The deployment is up, or will not come up.
    Ready(Box<Result<Api, Error>>),
    /// A read.
    Poll { poll: Poll, stamp: u64, result: Box<Result<Answer, Error>> },
    /// The tail of the view that was opened as this, not to be opened again by itself.
    TailEnded(Generation),
    /// A request of the user.
    Reply(Option<Box<Update>>),
}

/// What a read brings.
pub(super) enum Answer {
    Deployment(Deployment),
    Workspaces(Vec<Workspace>),
    Views { workspace: String, views: Vec<FeatureView> },
    Jobs(Listing),
    OfView(Fact),
}

/// What a read says of the open view.
pub(super) enum Fact {
    Freshness(Freshness),
    Summary(Vec<(String, String)>),
    Stream(Option<Box<StreamFigures>>),
}

impl Fact {
    /// The update that tells it.
    pub(super) fn update(self, generation: Generation) -> Update {
        match self {
            Self::Freshness(freshness) => Update::Freshness { generation, freshness },
            Self::Summary(rows) => Update::Summary { generation, rows },
            Self::Stream(figures) => Update::Stream { generation, figures },
        }
    }
}

/// The calls, and the path of the deployment's own ones.
pub(super) type Own = (Api, String);

/// One read, with all that it needs.
enum Question {
    /// What the deployment is; `back`: it was away.
    Deployment {
        back: bool,
    },
    Workspaces,
    Views(String),
    Stream {
        own_api: String,
        view: OpenView,
    },
    OfView {
        poll: Poll,
        view: OpenView,
        id: Option<Id>,
        known: Known,
        ahead: Ahead,
    },
}

/// Where the first jobs of a list go that takes long to come.
#[derive(Clone)]
struct Ahead {
    /// The read that they are of.
    stamp: u64,
    /// How long the list may take before they are asked for.
    after: Duration,
    to: UnboundedSender<Early>,
}

/// The first jobs of a list that is still to come.
pub(super) struct Early {
    pub stamp: u64,
    pub jobs: Vec<Job>,
    pub total: Option<u64>,
}

impl Ahead {
    /// Makes the read of a view's jobs. Where none are on the screen yet and the list takes long, the first ones are
    /// asked for beside it; a deployment that cannot give these alone is waited for without.
    async fn list(self, api: &Api, view: &OpenView, id: Id, known: Known) -> Result<Listing, Error> {
        let mut listing = std::pin::pin!(api.listing(&view.workspace, &view.name, id, known));
        if known.mark.is_none() {
            let first = async {
                tokio::time::sleep(self.after).await;
                api.first_jobs(&view.workspace, &view.name).await
            };
            tokio::select! {
                biased;
                listing = &mut listing => return listing,
                first = first => {
                    if let Ok((jobs, total)) = first {
                        // Whoever wanted them may have ended.
                        let _ = self.to.send(Early { stamp: self.stamp, jobs, total });
                    }
                }
            }
        }
        listing.await
    }
}

impl Question {
    async fn ask(self, api: Api) -> Result<Answer, Error> {
        match self {
            Self::Deployment { back } => api.probe(back).await.map(Answer::Deployment),
            Self::Workspaces => api.workspaces().await.map(Answer::Workspaces),
            Self::Views(workspace) => {
                let views = api.feature_views(&workspace).await?;
                Ok(Answer::Views { workspace, views })
            }
            Self::Stream { own_api, view } => {
                let mut found = api.streams(&own_api, &view.workspace, Some(&view.name)).await?;
                Ok(Answer::OfView(Fact::Stream(found.pop().map(Box::new))))
            }
            Self::OfView { poll, view, id, known, ahead } => {
                let id = match id {
                    Some(id) => id,
                    None => api.feature_view(&view.workspace, &view.name).await?.id,
                };
                Ok(match poll {
                    Poll::Freshness => Answer::OfView(Fact::Freshness(api.freshness(&view.workspace, id).await?)),
                    Poll::Summary => Answer::OfView(Fact::Summary(api.summary(&view.workspace, id).await?)),
                    _ => Answer::Jobs(ahead.list(&api, &view, id, known).await?),
                })
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
            let stamp = self.polls.next_stamp();
            let Some(question) = self.question(poll, stamp) else { continue };
            let asked = AssertUnwindSafe(question.ask(api.clone())).catch_unwind();
            let abort = self.work.spawn(async move {
                // A read that ended without a word would never be made again.
                let result = asked.await.unwrap_or_else(|_| {
                    let what = "An answer could not be worked on.";
                    Err(Error::new(Kind::Failed, what, "This is a defect of the program."))
                });
                Done::Poll { poll, stamp, result: Box::new(result) }
            });
            self.polls.started(poll, stamp, abort);
        }
    }

    /// What that kind asks for now; nothing when nothing is wanted of it.
    fn question(&self, poll: Poll, stamp: u64) -> Option<Question> {
        match poll {
            Poll::Deployment => Some(Question::Deployment { back: self.link.is_down() }),
            Poll::Workspaces => Some(Question::Workspaces),
            Poll::Views => self.workspace().map(Question::Views),
            Poll::Stream => {
                let view = self.view.clone().filter(|view| self.streams.contains(&view.place()))?;
                let own_api = self.deployment.as_ref()?.own_api.clone()?;
                let leaves_alone = self.api.as_ref()?.leaves_alone(Part::Streams);
                (!leaves_alone).then_some(Question::Stream { own_api, view })
            }
            Poll::Jobs | Poll::Freshness | Poll::Summary => {
                let view = self.view.clone()?;
                let id = self.ids.get(&view.place()).copied();
                let table_rests = self.table_rests.is_some_and(|until| until > Instant::now());
                let known = Known { mark: self.listed, table_rests };
                let ahead = Ahead { stamp, after: self.pace.ahead, to: self.early.0.clone() };
                Some(Question::OfView { poll, view, id, known, ahead })
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
    pub(super) fn wake(&self) -> Option<Instant> {
        self.api.as_ref()?;
        let oldest = self.polls.oldest().filter(|_| matches!(self.link, Link::Live | Link::Connecting));
        let slow_at = oldest.map(|since| since + self.pace.slow);
        let due = |poll: &Poll| self.question(*poll, 0).and_then(|_| self.polls.due(*poll));
        let next = match self.link {
            Link::Down { at, .. } => self.polls.due(Poll::Deployment).map(|due| due.max(at)),
            _ => Poll::ALL.iter().filter_map(due).min(),
        };
        next.into_iter().chain(slow_at).min()
    }

    /// Asks which windows of the open view are materialized where; an old question about another view has no answer.
    pub(super) fn coverage(&mut self, generation: Generation) {
        let Some(view) = self.view.clone().filter(|view| view.generation == generation) else { return };
        let id = self.ids.get(&view.place()).copied();
        let (api, kind) = (self.api.clone(), discriminant(&Command::Coverage { generation }));
        let asked = self.work.spawn(async move {
            let answer = match api {
                Some(api) => covered(&api, &view, id).await.map_err(Problem::from),
                None => Err(Problem::from(not_connected())),
            };
            Done::Reply(Some(Box::new(Update::Coverage { generation, answer: answer.map(Arc::new) })))
        });
        self.supersede(kind, asked);
    }

    /// Gives up the question of that kind that is on its way: its answer is not waited for any more.
    pub(super) fn supersede(&mut self, kind: Discriminant<Command>, asked: AbortHandle) {
        if let Some(before) = self.asked.insert(kind, asked) {
            before.abort();
        }
    }

    /// Where that part of the deployment's own calls is.
    ///
    /// # Errors
    /// When the deployment is not connected, or has no calls of its own.
    pub(super) fn own(&self, part: Part) -> Result<Own, Error> {
        let (Some(api), Some(deployment)) = (&self.api, &self.deployment) else { return Err(not_connected()) };
        let own_api = deployment.own_api.clone();
        let own_api = own_api.ok_or_else(|| Error::of(Kind::Unimplemented, part.not_served()))?;
        Ok((api.clone(), own_api))
    }

    /// Sends a request of the user; it runs beside everything else. A change is never dropped; of questions that show
    /// in the same place, the newest one counts.
    pub(super) fn request(&mut self, command: Command) {
        use Command::{Detail, Lookup, LookupAll, Status};
        let kind = matches!(command, Lookup { .. } | LookupAll { .. } | Detail { .. } | Status { .. });
        let (api, kind) = (self.api.clone(), kind.then(|| discriminant(&command)));
        let streams = self.own(Part::Streams);
        let asked = self.work.spawn(async move { Done::Reply(serve(api, streams, command).await.map(Box::new)) });
        if let Some(kind) = kind {
            self.supersede(kind, asked);
        }
    }
}

/// The answer to a request of the user; commands that the loop obeys by itself have none. `streams`: where the calls
/// about streams are.
async fn serve(api: Option<Api>, streams: Result<Own, Error>, command: Command) -> Option<Update> {
    let begun = Instant::now();
    let api = api.ok_or_else(not_connected);
    Some(match command {
        Command::Lookup { request, workspace, feature_view, keys } => {
            let answer = on(api, async |api| api.lookup(&workspace, Locator::view(&feature_view), &keys).await).await;
            Update::Lookup { request, answer, took: begun.elapsed() }
        }
        Command::Trigger { request, trigger } => {
            Update::Triggered { request, answer: on(api, async |api| api.trigger(&trigger).await).await }
        }
        Command::Cancel { request, workspace, feature_view, job } => {
            let answer = on(api, async |api| api.cancel(&workspace, &feature_view, job).await).await;
            Update::Cancelled { request, answer }
        }
        Command::ForceRetry { request, job, overwrite, .. } => {
            let answer = on(api, async |api| api.force_retry(job, overwrite).await).await;
            Update::Retried { request, job, answer }
        }
        Command::StartStream { request, job, .. } => {
            let answer = on(api, async |api| api.restart(job).await.map(drop)).await;
            Update::Retried { request, job, answer }
        }
        Command::StreamEffect { request, workspace, feature_view, from } => {
            let asked = RestartAsked { workspace, feature_view, from, dry_run: true };
            let answer = on(streams, async |(api, own)| api.restart_stream(&own, &asked).await).await;
            Update::StreamEffect { request, answer: answer.map(|told| told.effect) }
        }
        Command::RestartStream { request, workspace, feature_view, job, from } => {
            let asked = RestartAsked { workspace, feature_view, from, dry_run: false };
            let answer = on(streams, async |(api, own)| api.restart_stream(&own, &asked).await.map(drop)).await;
            Update::Retried { request, job, answer }
        }
        Command::ReadKeys { request, view, path } => {
            let read = blocking(move || keys::from_file(&view, &path)).await;
            Update::Keys { request, answer: read.map_err(Problem::from).and_then(|read| read) }
        }
        Command::TypedKeys { request, view, keys: typed } => {
            Update::Keys { request, answer: keys::typed(&view, &typed) }
        }
        Command::DeleteKeys { request, view, keys, stores } => {
            let answer = on(api, async |api| api.delete_keys(&view, &keys, stores).await).await;
            Update::DeletionStarted { request, answer }
        }
        Command::Detail { generation, attempt } => {
            let answer = on(api, async |api| api.detail(attempt).await).await;
            Update::Detail { generation, attempt, answer: answer.map(Arc::new) }
        }
        Command::LookupAll { request, workspace, feature_view, keys } => {
            let answer = on(api, async |api| wildcard::look_up(&api, &workspace, &feature_view, &keys).await).await;
            Update::LookedUpAll { request, answer }
        }
        Command::Status { request, workspace, feature_view, deletions } => {
            let answer = on(api, async |api| status(&api, &workspace, &feature_view, deletions).await).await;
            Update::Status { request, answer }
        }
        _ => return None,
    })
}

/// Asks a deployment that can be asked.
pub(super) async fn on<R, T>(
    reached: Result<R, Error>,
    ask: impl AsyncFnOnce(R) -> Result<T, Error>,
) -> Result<T, Problem> {
    match reached {
        Ok(reached) => ask(reached).await.map_err(Problem::from),
        Err(error) => Err(error.problem),
    }
}

async fn covered(api: &Api, view: &OpenView, id: Option<Id>) -> Result<Coverage, Error> {
    let id = match id {
        Some(id) => id,
        None => api.feature_view(&view.workspace, &view.name).await?.id,
    };
    api.coverage(&view.workspace, id).await
}

pub(super) fn not_connected() -> Error {
    Error::new(Kind::Unreachable, "The deployment is not connected yet.", "Try again in a moment.")
}

/// All rows of a view's status table, with every column.
async fn status(api: &Api, workspace: &str, feature_view: &str, deletions: bool) -> Result<Table, Error> {
    let view = api.feature_view(workspace, feature_view).await?;
    let options = StatusOptions { deletions, verbose: true, limit: usize::MAX, ..StatusOptions::default() };
    let StatusTable { columns, rows } = api.status(workspace, view.id, &options).await?;
    let column = |(at, name): (usize, &&str)| {
        let cells: StringChunked = rows.iter().map(|row| row.get(at).map(String::as_str)).collect();
        cells.with_name((*name).into()).into_column()
    };
    let columns = columns.iter().enumerate().map(column).collect();
    let table = DataFrame::new(rows.len(), columns).map_err(|error| {
        Error::new(
            Kind::Failed,
            format!("The status table cannot be shown: {error}."),
            "This is a defect of the program.",
        )
    })?;
    Ok(Table(Arc::new(table)))
}
