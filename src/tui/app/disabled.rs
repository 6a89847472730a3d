//! Why an action cannot be done now, in a sentence for the user. The one place where read-only and offline are
//! enforced.

use super::windows::job::JobWindow;
use super::windows::quarantine::QuarantineWindow;
use super::windows::{Window, query};
use super::{App, Pane, Pending};
use crate::client::message::{Offer, Part, Problem};
use crate::model::{BatchTrigger, Job, JobState, JobType};
use crate::tui::action::{Action, Danger, Layer};

/// The job that job actions are about: that of the open window of a job, else the selected row.
pub fn selected_job(app: &App) -> Option<&Job> {
    let open = app.windows.find::<JobWindow>().map(|window| window.job);
    app.jobs.find(open.or(app.jobs.selected)?)
}

/// Why the action is not available; absent when it is.
pub fn disabled(app: &App, action: Action) -> Option<String> {
    disabled_under(app, app.windows.top(), action)
}

/// The same, were `top` the topmost window.
pub(super) fn disabled_under(app: &App, top: Option<&dyn Window>, action: Action) -> Option<String> {
    if let Some(problem) = not_served(app, action) {
        return Some(problem.to_string());
    }
    let mutates = top.map_or(action.info().danger == Danger::Mutates, |window| window.mutates(action));
    let reason = if mutates { locked(app).or_else(|| mutation(app, action)) } else { harmless(app, top, action) };
    if reason.is_none() && action == Action::DeleteKeys {
        return wildcard(app);
    }
    reason.map(str::to_owned)
}

/// What Tecton's protocol has no call for cannot be asked for. What the key may not do, or one answer had as not there,
/// can: rights and releases change.
fn not_served(app: &App, action: Action) -> Option<&Problem> {
    let part = match action {
        Action::Run | Action::History => Part::Queries,
        Action::Quarantine => Part::Quarantine,
        Action::RestartStream => Part::Streams,
        _ => return None,
    };
    match app.offer(part) {
        Offer::Missing(problem) => Some(problem),
        _ => None,
    }
}

/// Why nothing may be changed at all.
fn locked(app: &App) -> Option<&'static str> {
    if app.read_only {
        return Some("Read-only: start without --read-only, or with another profile, to change anything.");
    }
    (!app.is_live()).then_some("Not connected: nothing can be changed until the deployment answers again.")
}

fn mutation(app: &App, action: Action) -> Option<&'static str> {
    let job = selected_job(app);
    match action {
        Action::Trigger => trigger(app),
        Action::Cancel if acts_on_marks(app) => {
            let open = app.jobs.marked().any(|job| job.state.can_cancel());
            (!open).then_some(
                "The marked jobs have ended or are ending: there is nothing to cancel. m twice drops the marks.",
            )
        }
        Action::Cancel => match job {
            None => Some("No job is selected."),
            Some(job) if app.pending.values().any(|p| *p == Pending::Cancel(job.id)) => {
                Some("Its end is asked for already.")
            }
            Some(job) if !job.state.can_cancel() => {
                Some("This job has ended or is ending: there is nothing to cancel.")
            }
            Some(_) => None,
        },
        Action::ForceRetry => match job {
            None => Some("No job is selected."),
            Some(job) if job.job_type == JobType::Stream => start_stream(app, job),
            Some(job) => retry(app, job),
        },
        Action::RestartStream => match job {
            Some(job) if job.job_type == JobType::Stream => restart_stream(app, job),
            _ => Some("Only the stream of a view can be read from another place: select its job."),
        },
        Action::DeleteKeys => delete(app),
        _ if action.info().layer == Layer::Quarantine => no_record(app),
        Action::Rerun => match job {
            None => Some("No job is selected."),
            Some(job) if job.job_type == JobType::Stream => start_stream(app, job),
            Some(job) if job.window.is_none() => Some("This job has no window that could be run again."),
            Some(_) => trigger(app),
        },
        _ => None,
    }
}

/// Whether cancelling is about the marked jobs: not where one job is open in full.
pub fn acts_on_marks(app: &App) -> bool {
    app.windows.find::<JobWindow>().is_none() && !app.jobs.marks.is_empty()
}

fn start_stream(app: &App, job: &Job) -> Option<&'static str> {
    if app.pending.values().any(|pending| *pending == Pending::Retry(job.id)) {
        return Some("The stream is asked to start already.");
    }
    if !job.state.is_terminal() {
        return Some("The stream runs, or is ending: there is nothing to start.");
    }
    let runs = |other: &Job| other.job_type == JobType::Stream && !other.state.is_terminal();
    app.jobs.all.iter().any(runs).then_some("A newer job runs the stream of this view already.")
}

fn restart_stream(app: &App, job: &Job) -> Option<&'static str> {
    if !job.state.is_terminal() {
        return Some("The stream runs: stop it first, and wait for its end.");
    }
    start_stream(app, job)
}

fn retry(app: &App, job: &Job) -> Option<&'static str> {
    if app.pending.values().any(|pending| *pending == Pending::Retry(job.id)) {
        return Some("Another attempt is asked for already.");
    }
    if job.state != JobState::Failure {
        return Some("Only a job that has failed for good can be tried again; r starts a new one for its window.");
    }
    // Without the status table, which tells it, the deployment is asked.
    let allowed = job.allowed.retry || job.allowed.overwrite_retry || job.allowed.unknown;
    (!allowed)
        .then_some("The deployment does not allow another attempt of this job; r starts a new one for its window.")
}

fn delete(app: &App) -> Option<&'static str> {
    let Some(view) = app.feature_view() else { return Some("No feature view is open yet.") };
    if !view.materialization_enabled {
        return Some("This view is not materialized: its workspace is not live.");
    }
    (!view.online && !view.offline).then_some("This view is written to no store: there is nothing to delete.")
}

/// Deletion wants every join key, and a view with a wildcard key is stored by the others.
fn wildcard(app: &App) -> Option<String> {
    let key = app.feature_view()?.wildcard_join_key()?;
    Some(format!("Keys of this view cannot be deleted one by one: its join key {key} is a wildcard."))
}

fn trigger(app: &App) -> Option<&'static str> {
    let Some(view) = app.feature_view() else { return Some("No feature view is open yet.") };
    if !view.materialization_enabled {
        return Some("This view is not materialized: its workspace is not live.");
    }
    (view.batch_trigger == BatchTrigger::NoBatch).then_some("This view has no batch materialization.")
}

fn harmless(app: &App, top: Option<&dyn Window>, action: Action) -> Option<&'static str> {
    // What the topmost window has a say in is its alone.
    let offered = top.map_or(Ok(false), |window| window.offers(action));
    if offered != Ok(false) {
        return offered.err();
    }
    match action {
        Action::Open | Action::Copy | Action::Mark if selected_job(app).is_none() => Some("No job is selected."),
        Action::Wait => match selected_job(app) {
            None => Some("No job is selected."),
            Some(job) if job.state.is_terminal() => Some("This job has ended already."),
            Some(_) => None,
        },
        Action::MarkShown if app.jobs.order.is_empty() => Some("No job shows that could be marked."),
        Action::MaterializationStatus | Action::DeletionStatus => status(app),
        Action::Edit | Action::LookAgain => lookup(app, action),
        Action::Pause if app.stream.total() == 0 && !app.stream.paused => Some("No record came yet."),
        Action::Run | Action::History => new_query(app),
        Action::Quarantine => quarantine(app),
        _ if action.info().layer == Layer::Quarantine => Some(NO_QUARANTINE),
        Action::StopQuery => Some("No query is under way."),
        Action::EditQuery => Some("No query was made: press x for run or H for history."),
        _ if action.info().layer == Layer::Table => Some("No table is open: press x for run or H for history."),
        Action::Filter if app.focus != Pane::Jobs && app.focus != Pane::Stream => Some("Jobs and Stream have filters."),
        Action::Views if app.views.is_none() => Some("The feature views are not here yet."),
        Action::Workspaces if app.workspaces.is_empty() => Some("The workspaces are not here yet."),
        _ => None,
    }
}

/// What to do where no quarantine is open.
const NO_QUARANTINE: &str = "No quarantine is open: press 4 for the stream and Q for its quarantine.";

/// Why nothing can be retried or dropped.
fn no_record(app: &App) -> Option<&'static str> {
    match app.windows.find::<QuarantineWindow>() {
        None => Some(NO_QUARANTINE),
        Some(window) => window.busy(),
    }
}

fn quarantine(app: &App) -> Option<&'static str> {
    match app.feature_view() {
        None => Some("No feature view is open yet."),
        Some(view) if !view.is_stream => Some("This view reads no stream."),
        Some(_) => None,
    }
}

fn new_query(app: &App) -> Option<&'static str> {
    if query::is_under_way(app) {
        return Some("A query is under way already: esc cancels it.");
    }
    app.feature_view().is_none().then_some("No feature view is open yet.")
}

fn status(app: &App) -> Option<&'static str> {
    if !app.is_live() {
        return Some("Not connected: the table can be had when the deployment answers again.");
    }
    new_query(app)
}

fn lookup(app: &App, action: Action) -> Option<&'static str> {
    let Some(view) = app.feature_view() else { return Some("No feature view is open yet.") };
    if !view.online {
        return Some("This view is not written to the online store (online = false).");
    }
    let empty = app.lookup.keys().iter().all(|(_, text)| text.is_empty());
    match action {
        Action::LookAgain if empty => Some("There is no key to look up: press enter and type one."),
        _ => None,
    }
}
