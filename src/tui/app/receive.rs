//! What the client task tells, taken into the state.
//!
//! Answers to an old question (another generation, an unknown request) are dropped here and nowhere else.

use std::sync::Arc;

use super::columns::{self, short_id};
use super::windows::{delete_keys, job, leave_view, quarantine, query, restart, save, trigger};
use super::{Answer, App, Deployment, Dirty, Jobs, Level, Lookup, Pane, Pending, Stream, ViewCoverage};
use super::{audit_log, bulk, coverage, status, wildcard};
use crate::client::message::{Command, Connection, Failing, Generation, Part, Problem, RequestId, TailBatch, Update};
use crate::model::{FeatureView, Id, Job, JobState, JobType};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::phase;

/// Takes what the client task sent into the state.
pub(super) fn receive(app: &mut App, update: Update, effects: &mut Vec<Effect>) {
    app.mark_dirty(Dirty::Data);
    let current = app.generation;
    match update {
        Update::Connection(connection) => connected(app, connection),
        Update::Deployment { url, notices, serves } => deployment(app, Deployment { url, notices, serves }),
        Update::Workspaces(workspaces) => app.workspaces = workspaces,
        Update::FeatureViews { generation, workspace, views } => {
            feature_views(app, generation, workspace, views, effects);
        }
        Update::Jobs { generation, jobs } if generation == current => receive_jobs(app, jobs, effects),
        Update::JobsAhead { generation, jobs, total } if generation == current => {
            receive_jobs(app, jobs, effects);
            app.jobs.rest = Some(total);
        }
        Update::Freshness { generation, freshness } if generation == current => app.freshness = Some(freshness),
        Update::Summary { generation, rows } if generation == current => app.summary_rows = rows,
        Update::Stream { generation, figures } if generation == current => app.stream.figures = figures,
        Update::StreamEffect { request, answer } => restart::told(app, request, answer),
        Update::Tail { generation, batch } if generation == current => tail(app, batch, effects),
        Update::TailState { generation, state } if generation == current => {
            app.stream.set_state(state);
        }
        Update::Reading { generation, part, failing }
            if generation == current || generation == app.workspace_generation =>
        {
            reading(app, part, failing);
        }
        Update::Lookup { request, answer, took } => looked_up(app, request, answer, took),
        Update::QueryProgress { request, progress } => query::progressed(app, request, progress),
        Update::QueryDone { request, answer, took } => query::done(app, request, answer, took),
        Update::TableSaved { request, answer } => save::saved(app, request, answer),
        Update::Triggered { request, answer } => trigger::answered(app, request, answer),
        Update::Cancelled { request, answer } => cancelled(app, request, answer),
        Update::Retried { request, job, answer } => retried(app, request, job, answer),
        Update::Keys { request, answer } => delete_keys::keys_read(app, request, answer),
        Update::DeletionStarted { request, answer } => delete_keys::started(app, request, answer),
        Update::Detail { generation, attempt, answer } if generation == current => {
            job::answered(app, attempt, answer, effects);
        }
        Update::Quarantine { request, answer } => quarantine::listed(app, request, answer),
        Update::QuarantineRecord { request, answer } => quarantine::shown(app, request, answer),
        Update::QuarantineRetried { request, answer } => quarantine::retried(app, request, answer, effects),
        Update::QuarantineDropped { request, answer } => quarantine::dropped(app, request, answer, effects),
        Update::Audit { answer } => audit_log::answered(app, answer),
        Update::Sent(sent) => audit_log::sent(app, &sent),
        Update::Coverage { generation, answer } if generation == current => coverage::answered(app, answer, effects),
        Update::Status { request, answer } | Update::LookedUpAll { request, answer } => {
            status::answered(app, request, answer);
        }
        // What belongs to a view that is no longer open.
        Update::Jobs { .. }
        | Update::JobsAhead { .. }
        | Update::Freshness { .. }
        | Update::Summary { .. }
        | Update::Stream { .. }
        | Update::Tail { .. }
        | Update::TailState { .. }
        | Update::Reading { .. }
        | Update::Detail { .. }
        | Update::Coverage { .. } => {}
    }
}

fn connected(app: &mut App, connection: Connection) {
    let name = |connection: &Connection| match connection {
        Connection::Connecting => "connecting".to_owned(),
        Connection::Live => "connected".to_owned(),
        Connection::Slow { .. } => "the deployment is slow to answer".to_owned(),
        Connection::Offline { problem, .. } => format!("offline: {problem}"),
        Connection::Refused { problem, .. } => format!("refused: {problem}"),
    };
    if name(&app.connection) != name(&connection) {
        app.notes.add(app.now, Level::Trace, name(&connection));
    }
    let was_live = app.is_live();
    app.connection = connection;
    match (was_live, app.is_live()) {
        (_, true) => app.stale_since = None,
        (true, false) => app.stale_since = Some(app.now),
        (false, false) => {}
    }
}

/// A problem is reported once, however often it comes back before the read goes well again.
fn reading(app: &mut App, part: Part, failing: Option<Failing>) {
    let Some(failing) = failing else {
        app.failing.remove(&part);
        return;
    };
    // A pane that shows it says it itself.
    let shown = Pane::ALL.into_iter().any(|pane| pane.reads().contains(&part));
    let level = if shown { Level::Trace } else { Level::Warning };
    let text = failing.problem.to_string();
    let before = app.failing.insert(part, failing);
    if before.is_none_or(|before| before.problem.to_string() != text) {
        app.notes.add(app.now, level, format!("{}: {text}", part.name()));
    }
}

fn deployment(app: &mut App, deployment: Deployment) {
    let known = app.deployment.as_ref().map(|d| d.notices.as_slice()).unwrap_or_default();
    let new: Vec<_> = deployment.notices.iter().filter(|notice| !known.contains(notice)).cloned().collect();
    for notice in &new {
        app.notes.add(app.now, Level::Trace, format!("notice: {notice}"));
    }
    if let Some(first) = new.first() {
        let text = match new.len() {
            1 => format!("The deployment says: {first}"),
            n => format!("The deployment has {n} notices; press L to read them. {first}"),
        };
        app.notes.add(app.now, Level::Warning, text);
    }
    app.deployment = Some(deployment);
}

fn feature_views(
    app: &mut App,
    generation: Generation,
    workspace: String,
    views: Arc<Vec<FeatureView>>,
    effects: &mut Vec<Effect>,
) {
    let ours = app.workspace.as_ref().is_none_or(|open| *open == workspace);
    if generation < app.workspace_generation || !ours {
        return;
    }
    app.workspace = Some(workspace);
    app.views = Some(views);
    let wanted = app.wanted_view.take();
    if let Some(name) = wanted.or_else(|| app.view.clone()) {
        if app.feature_view().is_some_and(|view| view.name == name) {
            refit(app);
            return;
        }
        let views = app.views.iter().flat_map(|views| views.iter());
        if views.clone().any(|view| view.name == name) {
            open_view(app, name, effects);
            return;
        }
        let workspace = app.workspace.clone().unwrap_or_default();
        let text = format!("There is no feature view `{name}` in workspace `{workspace}`. Press v to pick another.");
        app.notes.add(app.now, Level::Bad, text);
        app.view = None;
    }
    // Most is to be seen on a view that is served online from a stream.
    let views = app.views.iter().flat_map(|views| views.iter());
    let best = views.clone().find(|view| view.is_stream && view.online).or_else(|| views.clone().next());
    if let Some(name) = best.map(|view| view.name.clone()) {
        open_view(app, name, effects);
    }
}

/// The open view's definition may have changed: the lookup form follows it.
fn refit(app: &mut App) {
    if let Some(view) = app.feature_view().cloned() {
        app.lookup.fit(&view);
    }
}

/// Makes this view the open one.
pub(super) fn open_view(app: &mut App, name: String, effects: &mut Vec<Effect>) {
    leave_view(app, effects);
    app.generation += 1;
    app.view = Some(name.clone());
    app.summary_scroll = 0;
    app.summary_rows.clear();
    app.freshness = None;
    app.failing.retain(|part, _| matches!(part, Part::Workspaces | Part::Views));
    app.jobs = app.jobs.emptied();
    app.stream = Stream::default();
    app.layout.stream_widths.clear();
    app.lookup = app.feature_view().map(Lookup::new).unwrap_or_default();
    app.coverage = ViewCoverage::default();
    app.typing = None;
    let workspace = app.workspace.clone().unwrap_or_default();
    let open = Command::OpenView { generation: app.generation, workspace, feature_view: name };
    effects.push(Effect::Client(open));
}

/// Makes this workspace the open one.
pub(super) fn open_workspace(app: &mut App, name: String, effects: &mut Vec<Effect>) {
    leave_view(app, effects);
    app.generation += 1;
    app.workspace_generation = app.generation;
    app.view = None;
    app.workspace = Some(name.clone());
    app.views = None;
    app.freshness = None;
    app.failing.clear();
    app.summary_rows.clear();
    app.jobs = Jobs::default();
    app.coverage = ViewCoverage::default();
    app.stream = Stream::default();
    app.lookup = Lookup::default();
    app.windows.clear();
    let open = Command::OpenWorkspace { generation: app.generation, workspace: Some(name) };
    effects.push(Effect::Client(open));
}

fn receive_jobs(app: &mut App, jobs: Arc<Vec<Job>>, effects: &mut Vec<Effect>) {
    let before = app.jobs.all.clone();
    let gone = app.jobs.receive(jobs, app.now);
    job::refresh(app, &before, effects);
    coverage::refresh(app, &before, effects);
    if gone {
        app.notes.add(
            app.now,
            Level::Warning,
            "The selected job is no longer there; the one now in its row is selected.",
        );
    }
    let changed = app.jobs.waits.iter().filter_map(|id| app.jobs.find(*id));
    let changed = changed.filter(|job| before.iter().all(|known| known.id != job.id || known.state != job.state));
    for job in changed.cloned().collect::<Vec<_>>() {
        warn_of_unknown_state(app, &job);
    }
    let ended = app.jobs.waits.iter().filter_map(|id| app.jobs.find(*id)).filter(|job| job.state.is_terminal());
    let ended: Vec<Job> = ended.cloned().collect();
    for job in ended {
        app.jobs.waits.remove(&job.id);
        let level = if job.state == JobState::Success { Level::Good } else { Level::Bad };
        let window = job.window.map(|window| columns::short_window(window, app.now)).unwrap_or_default();
        let text =
            format!("Job {} has ended: {}. {} {window}", short_id(job.id), phase::phase(&job).word, job.feature_view);
        let text = text.trim_end().to_owned();
        app.notes.add(app.now, level, text.clone());
        effects.push(Effect::Notify(text));
    }
}

/// Warns that the state of a job that is waited for is not known here, and so not whether it has ended either.
pub(super) fn warn_of_unknown_state(app: &mut App, job: &Job) {
    if let JobState::Other(word) = &job.state {
        let text = format!(
            "Job {} is in the state `{word}`, which this program does not know: it is waited for until another one \
             comes.",
            short_id(job.id)
        );
        app.notes.add(app.now, Level::Warning, text);
    }
}

fn tail(app: &mut App, batch: TailBatch, effects: &mut Vec<Effect>) {
    let newest = batch.records.last().cloned();
    app.stream.receive(batch, app.now);
    let online = app.feature_view().is_some_and(|view| view.online);
    if let (true, Some(record)) = (online && app.lookup.wants_example(), newest)
        && app.lookup.fill(&record)
    {
        look_up(app, effects);
    } else if app.lookup.is_due_again(app.now) {
        // The stream goes on, so its job may have written the key by now.
        app.lookup.again += 1;
        look_up(app, effects);
    }
}

/// Sends the key in the form.
pub(super) fn look_up(app: &mut App, effects: &mut Vec<Effect>) {
    let (Some(workspace), Some(feature_view)) = (app.workspace.clone(), app.view.clone()) else { return };
    if wildcard::look_up(app, effects) {
        return;
    }
    let request = app.request();
    let keys = app.lookup.keys();
    app.lookup.pending = Some((request, app.now));
    app.lookup.asked.clone_from(&keys);
    let shown: Vec<String> = keys.iter().map(|(name, text)| format!("{name}={text}")).collect();
    app.notes.add(app.now, Level::Trace, format!("looked up {feature_view} {}", shown.join(" ")));
    effects.push(Effect::Client(Command::Lookup { request, workspace, feature_view, keys }));
}

fn looked_up(
    app: &mut App,
    request: RequestId,
    answer: Result<crate::model::FeatureVector, Problem>,
    took: std::time::Duration,
) {
    if app.lookup.pending.is_none_or(|(pending, _)| pending != request) {
        return;
    }
    app.lookup.pending = None;
    app.lookup.scroll = 0;
    let keys = std::mem::take(&mut app.lookup.asked);
    app.lookup.answer = Some(Answer { keys, result: answer, took, at: app.now });
}

fn cancelled(app: &mut App, request: RequestId, answer: Result<Job, Problem>) {
    let Some(Pending::Cancel(job)) = app.pending.remove(&request) else { return };
    if bulk::answered(app, request, job, &answer) {
        return;
    }
    match answer {
        Ok(job) => {
            let text = format!("Job {}: {} is now {}.", short_id(job.id), Action::Cancel.info().label, job.state);
            app.notes.add(app.now, Level::Good, text);
        }
        Err(problem) => app.notes.add(app.now, Level::Bad, format!("The job was not cancelled. {problem}")),
    }
}

fn retried(app: &mut App, request: RequestId, job: Id, answer: Result<(), Problem>) {
    if app.pending.remove(&request).is_none() {
        return;
    }
    let is_stream = app.jobs.find(job).is_some_and(|job| job.job_type == JobType::Stream);
    match answer {
        Ok(()) if is_stream => app.notes.add(app.now, Level::Good, "The stream was started again, by a new job."),
        Err(problem) if is_stream => {
            app.notes.add(app.now, Level::Bad, format!("The stream was not started. {problem}"));
        }
        Ok(()) => {
            let text = format!("Another attempt of job {} is queued.", short_id(job));
            app.notes.add(app.now, Level::Good, text);
        }
        Err(problem) => app.notes.add(app.now, Level::Bad, format!("The job was not tried again. {problem}")),
    }
}
