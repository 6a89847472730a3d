//! The only place from which a mutation is sent: a question was answered with yes, or with the name it wanted typed.

use super::bulk::Batch;
use super::windows::{delete_keys, query};
use super::{App, Ask, Level, Overlay, Pending};
use crate::client::message::Command;
use crate::model::{Id, JobState, Query};
use crate::tui::action::{Action, Danger};
use crate::tui::effect::Effect;

/// The question was answered with yes.
pub fn yes(app: &mut App, effects: &mut Vec<Effect>) {
    debug_assert_eq!(Action::Yes.info().danger, Danger::Mutates);
    let Some(Overlay::Question(question)) = app.overlays.pop_if(|top| matches!(top, Overlay::Question(_))) else {
        return;
    };
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
        Ask::StartStream(job) => {
            if app.jobs.find(job).is_none_or(|job| !job.state.is_terminal()) {
                return nothing(app, "Nothing was started: the stream job has not ended, or is gone.");
            }
            let request = app.request();
            app.pending.insert(request, Pending::Retry(job));
            app.notes.add(app.now, Level::Trace, format!("asked to start the stream of {feature_view} again"));
            effects.push(Effect::Client(Command::StartStream { request, workspace, feature_view, job }));
        }
        Ask::Trigger(trigger) => {
            let request = app.request();
            app.pending.insert(request, Pending::Trigger);
            let window = super::columns::long_window(trigger.window);
            app.notes.add(app.now, Level::Trace, format!("asked to start a job of {feature_view} for {window}"));
            // The form waits for the answer: a refusal is shown in it, with what was typed.
            if let Some(Overlay::Trigger(form)) = app.overlays.last_mut() {
                form.sending = Some(request);
            }
            effects.push(Effect::Client(Command::Trigger { request, trigger }));
        }
        Ask::Keep(kept) => query::send(app, Query::History(*kept), effects),
        Ask::Replace { table, path } => query::write(app, table, path, true, effects),
    }
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

/// Enter in the question that wants a name typed: with another text nothing is done, and it says so.
pub fn named(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Confirm(confirm)) = app.overlays.last_mut() else { return };
    if confirm.field.text() != confirm.name {
        confirm.error = Some(format!("Nothing was deleted: type `{}` to delete, or leave with esc.", confirm.name));
        return;
    }
    app.overlays.pop();
    delete_keys::send(app, effects);
}
