//! The only place from which a mutation is sent: a question was answered with yes, or with the name it wanted typed.

use super::bulk::Batch;
use super::windows::delete_keys::DeleteForm;
use super::windows::question::{Ask, Question};
use super::windows::restart::RestartForm;
use super::windows::trigger::TriggerForm;
use super::windows::{quarantine, query, save};
use super::{App, Level, Pending, columns};
use crate::client::message::Command;
use crate::model::{Id, JobState, Stores};
use crate::tui::effect::Effect;
use crate::wire::queries::Query;

/// The question was answered with yes and is closed: what it was opened over is on top.
pub(super) fn confirmed(app: &mut App, question: Question, effects: &mut Vec<Effect>) {
    let (workspace, feature_view) = (question.workspace, question.feature_view);
    match question.ask {
        Ask::Cancel { job, .. } => {
            // The job may have moved on while the question stood open.
            if app.jobs.find(job).is_none_or(|job| !job.state.can_cancel()) {
                return nothing(app, "Nothing was cancelled: the job has ended or is gone meanwhile.");
            }
            cancel(app, &workspace, &feature_view, job, effects);
        }
        Ask::CancelAll(jobs) => cancel_all(app, &workspace, &feature_view, &jobs, effects),
        Ask::Retry { job, overwrite } => {
            if app.jobs.find(job).is_none_or(|job| job.state != JobState::Failure) {
                return nothing(app, "Nothing was tried again: the job is no longer one that failed for good.");
            }
            let request = app.request();
            app.pending.insert(request, Pending::Retry(job));
            app.notes.add(app.now, Level::Trace, format!("asked to try job {job} of {feature_view} again"));
            effects.push(Effect::Client(Command::ForceRetry { request, workspace, feature_view, job, overwrite }));
        }
        Ask::StartStream(job) | Ask::RestartStream { job, .. }
            if app.jobs.find(job).is_none_or(|job| !job.state.is_terminal()) =>
        {
            nothing(app, "Nothing was started: the stream job has not ended, or is gone.");
        }
        Ask::StartStream(job) => {
            let request = app.request();
            app.pending.insert(request, Pending::Retry(job));
            app.notes.add(app.now, Level::Trace, format!("asked to start the stream of {feature_view} again"));
            effects.push(Effect::Client(Command::StartStream { request, workspace, feature_view, job }));
        }
        Ask::RestartStream { job, from } => {
            let request = app.request();
            app.pending.insert(request, Pending::Retry(job));
            let text = format!("asked to read the stream of {feature_view} from {from}");
            app.notes.add(app.now, Level::Trace, text);
            app.windows.close::<RestartForm>(|_| true);
            effects.push(Effect::Client(Command::RestartStream { request, workspace, feature_view, job, from }));
        }
        Ask::Trigger(trigger) => {
            let request = app.request();
            app.pending.insert(request, Pending::Trigger);
            let window = columns::long_window(trigger.window);
            app.notes.add(app.now, Level::Trace, format!("asked to start a job of {feature_view} for {window}"));
            // The form waits for the answer: a refusal is shown in it, with what was typed.
            if let Some(form) = app.windows.on_top_mut::<TriggerForm>() {
                form.sending = Some(request);
            }
            effects.push(Effect::Client(Command::Trigger { request, trigger }));
        }
        Ask::Quarantine { asked, drops } => quarantine::confirmed(app, *asked, drops, effects),
        Ask::Keep(history) => {
            if let Some(form) = app.windows.take_top() {
                query::send(app, form, Query::History(*history), effects);
            }
        }
        Ask::Replace { table, path } => save::write(app, table, path, true, effects),
    }
}

/// The view's name was typed and the question is closed: deletes the keys that its form has read.
pub(super) fn delete_keys(app: &mut App, effects: &mut Vec<Effect>) {
    let request = app.last_request + 1;
    let Some(form) = app.windows.on_top_mut::<DeleteForm>() else { return };
    let (Some(keys), Some(summary)) = (form.keys.clone(), form.summary()) else { return };
    let stores = Stores { online: form.boxes[0], offline: form.boxes[1] };
    let view = form.view.clone();
    form.sending = Some(request);
    app.last_request = request;
    app.pending.insert(request, Pending::Delete);
    app.notes.add(app.now, Level::Trace, format!("asked to delete {summary}"));
    effects.push(Effect::Client(Command::DeleteKeys { request, view, keys, stores }));
}

fn nothing(app: &mut App, text: &str) {
    app.notes.add(app.now, Level::Warning, text);
}

fn cancel(app: &mut App, workspace: &str, feature_view: &str, job: Id, effects: &mut Vec<Effect>) -> u64 {
    let request = app.request();
    app.pending.insert(request, Pending::Cancel(job));
    app.notes.add(app.now, Level::Trace, format!("asked to cancel job {job} of {feature_view}"));
    let (workspace, feature_view) = (workspace.to_owned(), feature_view.to_owned());
    effects.push(Effect::Client(Command::Cancel { request, workspace, feature_view, job }));
    request
}

/// One cancellation for each job that can still be cancelled.
fn cancel_all(app: &mut App, workspace: &str, view: &str, jobs: &[(Id, JobState)], effects: &mut Vec<Effect>) {
    let mut batch = Batch::default();
    for (job, _) in jobs {
        app.jobs.marks.remove(job);
        if app.jobs.find(*job).is_none_or(|job| !job.state.can_cancel()) {
            batch.ended += 1;
            app.notes.add(
                app.now,
                Level::Trace,
                format!("job {job} was left alone: it has ended or is gone meanwhile"),
            );
        } else {
            batch.waits.insert(cancel(app, workspace, view, *job, effects));
        }
    }
    if batch.waits.is_empty() {
        return nothing(app, "Nothing was cancelled: the jobs have ended or are gone meanwhile.");
    }
    app.batches.push(batch);
}
