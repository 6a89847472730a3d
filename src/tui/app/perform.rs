//! What keys do: a chord becomes an action by the active layers, an action changes the state.
//!
//! A key that no action takes goes to the text that is typed into, if there is one. Nothing here sends a mutation.

use super::moves::{go, sideways};
use super::receive::look_up;
use super::typing::{choose, field, in_form, step_choice, typed};
use super::windows::chooser::Kind;
use super::windows::{delete_keys, job, query};
use super::{App, Chooser, Column, Dirty, Level, Overlay, Pane, Question, TriggerForm, Typing};
use super::{audit_log, bulk, coverage, mutations, status};
use super::{disabled, marks_count, selected_job};
use crate::client::message::Command;
use crate::model::JobType;
use crate::tui::action::Action;
use crate::tui::chord::{Chord, Key};
use crate::tui::effect::Effect;
use crate::tui::keymap::Keymap;
use crate::tui::theme;

/// Takes a key press.
pub fn press(app: &mut App, chord: Chord, effects: &mut Vec<Effect>) {
    app.notes.read(app.now);
    if let Some(action) = Keymap::standard().resolve(app.layers(), chord) {
        perform(app, action, effects);
    } else if let Some(field) = field(app) {
        let changed = field.press(chord);
        typed(app, changed);
        app.soil(Dirty::Input);
    } else if matches!(chord.key, Key::Left | Key::Right) {
        match app.overlays.last_mut() {
            Some(Overlay::Ask(form)) => form.toggle(chord.key == Key::Right),
            Some(Overlay::Delete(form)) => form.toggle(),
            _ => return,
        }
        app.soil(Dirty::Input);
    }
}

/// Does an action, or says why it cannot be done.
pub fn perform(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    app.soil(Dirty::Input);
    if let Some(reason) = disabled(app, action) {
        app.notes.add(app.now, Level::Warning, reason);
        return;
    }
    match action {
        Action::Open
        | Action::Cancel
        | Action::ForceRetry
        | Action::Trigger
        | Action::Rerun
        | Action::Wait
        | Action::Mark
        | Action::Copy => on_job(app, action, effects),
        Action::MarkShown => app.jobs.mark_shown(),
        Action::DeleteKeys => delete_keys::open(app),
        Action::MaterializationStatus | Action::DeletionStatus => {
            status::open(app, action == Action::DeletionStatus, effects);
        }
        Action::SortNext | Action::SortReverse => sort(app, action),
        Action::Run
        | Action::History
        | Action::StopQuery
        | Action::EditQuery
        | Action::OpenRow
        | Action::Column
        | Action::Plot
        | Action::TableSort
        | Action::TableTurn
        | Action::CopyCell
        | Action::SaveTable => query::act(app, action, effects),
        Action::Filter if matches!(app.overlays.last(), Some(Overlay::Sheet(_))) => query::filter(app),
        Action::Filter => {
            app.typing = Some(if app.focus == Pane::Stream { Typing::StreamFilter } else { Typing::JobFilter });
        }
        Action::Edit => app.typing = Some(Typing::Key),
        Action::LookAgain => look_up(app, effects),
        Action::Pause => app.stream.toggle_pause(),
        Action::Views => app.overlays.push(Overlay::Chooser(Box::new(Chooser::new(Kind::Views)))),
        Action::Workspaces => app.overlays.push(Overlay::Chooser(Box::new(Chooser::new(Kind::Workspaces)))),
        Action::Palette => app.overlays.push(Overlay::Chooser(Box::new(Chooser::new(Kind::Palette)))),
        Action::Help => toggle(app, Overlay::Help(0)),
        Action::Journal => {
            toggle(app, Overlay::Journal(0));
            if matches!(app.overlays.last(), Some(Overlay::Journal(_))) {
                audit_log::ask(app, effects);
            }
        }
        Action::Zoom => app.zoomed = !app.zoomed,
        Action::NextPane | Action::PreviousPane => step_pane(app, action == Action::NextPane),
        Action::Summary => app.focus = Pane::Summary,
        Action::Jobs => app.focus = Pane::Jobs,
        Action::Lookup => app.focus = Pane::Lookup,
        Action::Stream => app.focus = Pane::Stream,
        Action::Back => back(app),
        Action::Refresh => {
            effects.push(Effect::Client(Command::Refresh));
            app.notes.add(app.now, Level::Info, "Asked for everything again.");
        }
        Action::Theme => app.theme = (app.theme + 1) % theme::built_in().len().max(1),
        Action::Quit | Action::QuitNow => effects.extend([Effect::Client(Command::Shutdown), Effect::Quit]),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Repaint => effects.push(Effect::Repaint),
        Action::Close if matches!(app.overlays.last(), Some(Overlay::Sheet(_))) => query::back(app),
        Action::Close | Action::Dismiss | Action::No => drop(app.overlays.pop()),
        Action::Submit | Action::Leave | Action::NextField | Action::PreviousField | Action::Toggle => {
            in_form(app, action, effects);
        }
        Action::Choose | Action::Complete => choose(app, action, effects),
        Action::ChooseUp | Action::ChooseDown | Action::ChoosePageUp | Action::ChoosePageDown => {
            step_choice(app, action)
        }
        Action::Earlier | Action::Later => {
            if let Some(Overlay::Trigger(form)) = app.overlays.last_mut() {
                form.shift(action == Action::Later, app.now);
            }
        }
        Action::Yes => mutations::yes(app, effects),
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => go(app, action),
        Action::Left | Action::Right => sideways(app, action == Action::Right, effects),
    }
}

fn on_job(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let job = selected_job(app).cloned();
    match (action, job) {
        (Action::Open, Some(selected)) => job::open(app, selected.id, effects),
        (Action::Cancel, _) if marks_count(app) => {
            let question = bulk::question(&app.jobs).map(|question| Overlay::Question(Box::new(question)));
            app.overlays.extend(question);
        }
        (Action::Cancel, Some(job)) => app.overlays.push(Overlay::Question(Box::new(Question::cancel(&job)))),
        (Action::ForceRetry | Action::Rerun, Some(job)) if job.job_type == JobType::Stream => {
            app.overlays.push(Overlay::Question(Box::new(Question::start_stream(&job))));
        }
        (Action::ForceRetry, Some(job)) => {
            let question = Question::retry(&job, &app.jobs.all);
            app.overlays.push(Overlay::Question(Box::new(question)));
        }
        (Action::Rerun, job @ Some(_)) => open_form(app, job.as_ref(), effects),
        (Action::Trigger, _) => open_form(app, None, effects),
        (Action::Mark, Some(job)) => app.jobs.mark(job.id),
        (Action::Wait, Some(job)) => {
            let waits = app.jobs.waits.remove(&job.id);
            if !waits {
                app.jobs.waits.insert(job.id);
            }
            let text =
                if waits { "No longer waiting for the job." } else { "Waiting: a bell rings when the job ends." };
            app.notes.add(app.now, Level::Info, text);
            if !waits {
                super::receive::tell_strange(app, &job);
            }
        }
        (Action::Copy, Some(job)) => {
            effects.push(Effect::Copy { text: job.id.to_string(), what: format!("The id {}", job.id) });
        }
        _ => {}
    }
}

fn open_form(app: &mut App, job: Option<&crate::model::Job>, effects: &mut Vec<Effect>) {
    if let Some(view) = app.feature_view() {
        let form = TriggerForm::new(view, job, &app.jobs.all, app.now);
        app.overlays.push(Overlay::Trigger(Box::new(form)));
        coverage::ask(app, effects);
    }
}

fn sort(app: &mut App, action: Action) {
    let (column, descending, now) = (app.jobs.sort, app.jobs.descending, app.now);
    if action == Action::SortReverse {
        app.jobs.sort_by(column, !descending, now);
    } else {
        let at = Column::ALL.iter().position(|c| *c == column).unwrap_or(0);
        app.jobs.sort_by(Column::ALL[(at + 1) % Column::ALL.len()], false, now);
    }
    let (row, rows) = (app.jobs.row, app.layout.jobs_rows);
    app.jobs.select(row, rows);
}

/// Opens the window, or closes it where it is open already.
fn toggle(app: &mut App, overlay: Overlay) {
    let same = |open: &Overlay| std::mem::discriminant(open) == std::mem::discriminant(&overlay);
    if app.overlays.last().is_some_and(same) {
        app.overlays.pop();
    } else {
        app.overlays.push(overlay);
    }
}

fn step_pane(app: &mut App, forward: bool) {
    let at = Pane::ALL.iter().position(|pane| *pane == app.focus).unwrap_or(0);
    app.focus = Pane::ALL[(at + if forward { 1 } else { 3 }) % 4];
}

fn back(app: &mut App) {
    if app.notes.dismiss() {
    } else if app.zoomed {
        app.zoomed = false;
    } else if app.focus == Pane::Jobs && !app.jobs.filter.text().is_empty() {
        app.jobs.filter.set("");
        app.jobs.refilter(app.now);
    } else if app.focus == Pane::Stream && !app.stream.filter.text().is_empty() {
        app.stream.filter.set("");
        app.stream.refilter();
    } else if app.focus == Pane::Jobs {
        app.jobs.marks.clear();
    }
}
