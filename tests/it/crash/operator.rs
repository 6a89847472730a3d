//! A user who keeps a server busy until it dies: triggers, overwrites, cancels, deletes keys, retries by force.

use std::collections::BTreeSet;

use chrono::Utc;
use fvtop::client::api::Api;
use fvtop::client::{Error, Kind, keys};
use fvtop::model::{FeatureView, Id, Job, JobState, JobType, Stores, Time, TriggerRequest};

use super::chance::Chance;
use super::ledger::{Ledger, Told, Unanswered};
use super::world::{USERS, VIEWS, View, hour_of, window};

/// Requests of one round at most: what is asked for must also be done before the test ends.
const REQUESTS: usize = 6;
/// The longest pause between two requests, in milliseconds.
const PAUSE: usize = 40;
/// Hours back from the present that windows are chosen from.
const BACK: i64 = 26;

/// What happened, in order.
#[derive(Debug)]
pub(super) enum Event {
    Listed(&'static View, Vec<Job>, Time),
    Started(&'static View, Job),
    Refused(String),
    Cancelled(Job),
    Deleting { view: &'static View, jobs: Vec<Id>, users: BTreeSet<usize>, stores: Stores },
    Retried(Id),
    Unanswered(Unanswered),
}

/// The views as the server knows them.
pub(super) async fn views(api: &Api) -> Result<Vec<FeatureView>, Error> {
    let mut found = Vec::new();
    for view in &VIEWS {
        found.push(api.feature_view("prod", view.name).await?);
    }
    Ok(found)
}

/// All jobs of a view.
pub(super) async fn list(api: &Api, views: &[FeatureView], view: &View) -> Result<Vec<Job>, Error> {
    let id = views.iter().find(|known| known.name == view.name).unwrap().id;
    api.jobs("prod", view.name, id).await
}

/// Asks for one thing after the other until the server is gone or enough was asked.
pub(super) async fn operate(api: Api, mut chance: Chance) -> Vec<Event> {
    let mut events = Vec::new();
    let Ok(views) = views(&api).await else { return events };
    for _ in 0..REQUESTS {
        tokio::time::sleep(chance.millis(PAUSE)).await;
        let view = chance.pick(&VIEWS);
        let Ok(jobs) = list(&api, &views, view).await else { return events };
        events.push(Event::Listed(view, jobs.clone(), Utc::now()));
        let asked = match chance.below(20) {
            0..10 => trigger(&api, &mut chance, view).await,
            10..13 => cancel(&api, &mut chance, &jobs).await,
            13..17 => delete(&api, &mut chance, view, &views).await,
            _ => retry(&api, &mut chance, &jobs).await,
        };
        match asked {
            Ok(event) => events.extend(event),
            Err(unanswered) => {
                events.push(Event::Unanswered(unanswered));
                return events;
            }
        }
    }
    events
}

type Asked = Result<Option<Event>, Unanswered>;

/// What became of a request: refused in words, or without an answer. Anything else is a defect.
fn settled<T>(answer: Result<T, Error>, took: impl FnOnce(T) -> Event, asked: Unanswered) -> Asked {
    match answer {
        Ok(answer) => Ok(Some(took(answer))),
        Err(error) if error.kind == Kind::Answered => Ok(Some(Event::Refused(error.to_string()))),
        Err(error) if error.kind == Kind::Unreachable => Err(asked),
        Err(error) => panic!("{asked:?}: {error:?}"),
    }
}

async fn trigger(api: &Api, chance: &mut Chance, view: &'static View) -> Asked {
    let present = hour_of(Utc::now());
    let back = 1 + chance.below(usize::try_from(view.begins.min(BACK)).unwrap()) as i64;
    let start = present - back;
    let end = present.min(start + 1 + chance.below(4) as i64);
    let (online, offline) = *chance.pick(&[(true, true), (true, true), (true, true), (true, false), (false, true)]);
    let request = TriggerRequest {
        workspace: "prod".to_owned(),
        feature_view: view.name.to_owned(),
        window: window(start..end),
        online,
        offline,
        use_tecton_managed_retries: !chance.once_in(3),
        overwrite: view.scheduled || chance.once_in(2),
    };
    let told = Told { view: view.name, job_type: JobType::Batch, window: Some(request.window), online, offline };
    settled(api.trigger(&request).await, |job| Event::Started(view, job), Unanswered::Job(told))
}

async fn cancel(api: &Api, chance: &mut Chance, jobs: &[Job]) -> Asked {
    let open: Vec<&Job> = jobs.iter().filter(|job| !job.state.is_terminal()).collect();
    if open.is_empty() {
        return Ok(None);
    }
    let job = chance.pick(&open);
    settled(api.cancel("prod", &job.feature_view, job.id).await, Event::Cancelled, Unanswered::Cancel)
}

/// Deletes one or two users from one store or both. The source still has them.
async fn delete(api: &Api, chance: &mut Chance, view: &'static View, views: &[FeatureView]) -> Asked {
    let known = views.iter().find(|known| known.name == view.name).unwrap();
    let users: BTreeSet<usize> = (0..1 + chance.below(2)).map(|_| chance.below(USERS)).collect();
    let (online, offline) = *chance.pick(&[(true, true), (true, true), (true, false), (false, true)]);
    let stores = Stores { online, offline };
    let typed: Vec<Vec<String>> = users.iter().map(|user| vec![user.to_string()]).collect();
    let keys = keys::typed(known, &typed).unwrap();
    let asked = Unanswered::Deletion { view: view.name, users: users.clone() };
    let took = |jobs| Event::Deleting { view, jobs, users, stores };
    settled(api.delete_keys(known, &keys, stores).await.map(|started| started.jobs), took, asked)
}

/// Asks for another attempt of a job that has failed for good.
async fn retry(api: &Api, chance: &mut Chance, jobs: &[Job]) -> Asked {
    let failed: Vec<&Job> = jobs.iter().filter(|job| job.state == JobState::Failure).collect();
    if failed.is_empty() {
        return Ok(None);
    }
    let job = chance.pick(&failed).id;
    settled(api.force_retry(job, chance.once_in(2)).await, |()| Event::Retried(job), Unanswered::Retry(job))
}

/// Brings the ledger up to what happened.
pub(super) fn tell(events: Vec<Event>, ledger: &mut Ledger, refusals: &mut Vec<String>) {
    for event in events {
        match event {
            Event::Listed(view, jobs, at) => ledger.check(view, &jobs, at),
            Event::Started(view, job) => ledger.acknowledged(view, &job),
            Event::Refused(text) => refusals.push(text),
            Event::Cancelled(job) => ledger.cancelled(&job),
            Event::Deleting { view, jobs, users, stores } => {
                jobs.into_iter().for_each(|job| ledger.deleting(view, job, &users, stores));
            }
            Event::Retried(job) => ledger.retried(job),
            Event::Unanswered(what) => ledger.unanswered(what),
        }
    }
}
