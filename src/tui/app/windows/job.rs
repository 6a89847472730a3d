//! One job in full: which of its attempts is looked at, what that attempt did, and when it is asked anew.
//!
//! The job itself is read from the list, so that the window is there at once and live; stages and log are asked for the one
//! attempt that shows.

pub(in crate::tui) mod timeline;

use std::sync::Arc;

use crate::client::message::{Command, Problem};
use crate::model::{Attempt, AttemptDetail, Id, Job};
use crate::tui::app::{App, Overlay, coverage};
use crate::tui::effect::Effect;

/// The open window of a job.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// The job.
    pub job: Id,
    /// How far it is scrolled, in lines.
    pub scroll: usize,
    /// The end stays in sight, as the log grows.
    pub follow: bool,
    /// Number of the attempt that is looked at; absent for the newest, whichever that is.
    pub chosen: Option<u32>,
    /// What is known of an attempt, or why nothing.
    pub told: Option<(Id, Result<Arc<AttemptDetail>, Problem>)>,
    /// The attempt that is asked for.
    pub asking: Option<Id>,
    /// The job changed since: the answer on its way may be old.
    again: bool,
}

impl Detail {
    /// The attempt that is looked at.
    pub fn attempt<'a>(&self, job: &'a Job) -> Option<&'a Attempt> {
        let chosen = self.chosen.and_then(|number| job.attempts.iter().find(|attempt| attempt.number == number));
        chosen.or(job.last_attempt())
    }

    /// What is known of the attempt.
    pub fn told(&self, attempt: Id) -> Option<&Result<Arc<AttemptDetail>, Problem>> {
        self.told.as_ref().filter(|(known, _)| *known == attempt).map(|(_, told)| told)
    }
}

/// Opens the window of a job.
pub fn open(app: &mut App, job: Id, effects: &mut Vec<Effect>) {
    app.overlays.push(Overlay::Detail(Box::new(Detail { job, ..Detail::default() })));
    ask(app, effects);
    coverage::ask(app, effects);
}

fn detail(app: &mut App) -> Option<&mut Detail> {
    app.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Detail(detail) => Some(&mut **detail),
        _ => None,
    })
}

/// Asks for the attempt that shows, unless it is asked for already.
fn ask(app: &mut App, effects: &mut Vec<Effect>) {
    let (generation, jobs) = (app.generation, app.jobs.all.clone());
    let Some(detail) = detail(app) else { return };
    let job = jobs.iter().find(|job| job.id == detail.job);
    let Some(attempt) = job.and_then(|job| detail.attempt(job)).and_then(|attempt| attempt.id) else { return };
    if detail.asking == Some(attempt) {
        detail.again = true;
        return;
    }
    (detail.asking, detail.again) = (Some(attempt), false);
    effects.push(Effect::Client(Command::Detail { generation, attempt }));
}

/// A new list of jobs came: where the open job is another now, its attempt may have gone on.
pub fn refresh(app: &mut App, before: &[Job], effects: &mut Vec<Effect>) {
    let Some(id) = detail(app).map(|detail| detail.job) else { return };
    let was = before.iter().find(|job| job.id == id);
    if app.jobs.find(id) != was {
        ask(app, effects);
    }
}

/// The answer came; one for an attempt that is no longer looked at is dropped.
pub fn told(app: &mut App, attempt: Id, answer: Result<Arc<AttemptDetail>, Problem>, effects: &mut Vec<Effect>) {
    let Some(detail) = detail(app) else { return };
    if detail.asking != Some(attempt) {
        return;
    }
    detail.asking = None;
    detail.told = Some((attempt, answer));
    if std::mem::take(&mut detail.again) {
        ask(app, effects);
    }
}

/// Looks at the attempt before or after.
pub fn step(app: &mut App, later: bool, effects: &mut Vec<Effect>) {
    let jobs = app.jobs.all.clone();
    let Some(Overlay::Detail(detail)) = app.overlays.last_mut() else { return };
    let Some(job) = jobs.iter().find(|job| job.id == detail.job) else { return };
    let Some(number) = detail.attempt(job).map(|attempt| attempt.number) else { return };
    let place = job.attempts.iter().position(|attempt| attempt.number == number).unwrap_or(0);
    let to = if later { place + 1 } else { place.saturating_sub(1) };
    let Some(next) = job.attempts.get(to).filter(|next| next.number != number) else { return };
    // The newest one is followed when another one comes.
    detail.chosen = Some(next.number).filter(|_| to + 1 < job.attempts.len());
    detail.follow = false;
    ask(app, effects);
}
