//! What keys do: a chord becomes an action by the active layers, an action changes the state.
//!
//! A key that no action takes goes to the text that is typed into, if there is one. Nothing here sends a mutation but
//! [`answer_yes`].

use super::chooser::{Kind, Pick};
use super::receive::{look_up, open_view, open_workspace};
use super::{App, Ask, Chooser, Column, Dirty, Level, Overlay, Pane, Pending, Question, TriggerForm, Typing};
use super::{disabled, selected_job};
use crate::client::message::Command;
use crate::tui::action::{Action, Danger};
use crate::tui::chord::Chord;
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::keymap::Keymap;
use crate::tui::theme;

/// Takes a key press.
pub fn press(app: &mut App, chord: Chord, effects: &mut Vec<Effect>) {
    if let Some(action) = Keymap::standard().resolve(app.layers(), chord) {
        perform(app, action, effects);
    } else if let Some(field) = field(app) {
        let changed = field.press(chord);
        typed(app, changed);
        app.soil(Dirty::Input);
    }
}

/// Takes pasted text; it never submits anything.
pub fn paste(app: &mut App, text: &str) {
    if let Some(field) = field(app) {
        field.paste(text);
        typed(app, true);
        app.soil(Dirty::Input);
    }
}

/// The text that is typed into.
fn field(app: &mut App) -> Option<&mut Field> {
    match (app.overlays.last_mut(), app.typing) {
        (Some(Overlay::Chooser(chooser)), _) => Some(&mut chooser.field),
        (Some(Overlay::Trigger(form)), _) => form.field(),
        (Some(_), _) | (None, None) => None,
        (None, Some(Typing::JobFilter)) => Some(&mut app.jobs.filter),
        (None, Some(Typing::StreamFilter)) => Some(&mut app.stream.filter),
        (None, Some(Typing::Key)) => {
            let focus = app.lookup.focus;
            app.lookup.fields.get_mut(focus).map(|(_, field)| field)
        }
    }
}

/// What follows from a change of the text that is typed into.
fn typed(app: &mut App, changed: bool) {
    if !changed {
        return;
    }
    match (app.overlays.last_mut(), app.typing) {
        (Some(Overlay::Chooser(chooser)), _) => chooser.selected = 0,
        (Some(Overlay::Trigger(form)), _) => form.error = None,
        (None, Some(Typing::JobFilter)) => {
            app.jobs.refilter(app.now);
            let (row, rows) = (app.jobs.row, app.layout.jobs_rows);
            app.jobs.select(row, rows);
        }
        (None, Some(Typing::StreamFilter)) => app.stream.refilter(),
        (None, Some(Typing::Key)) => {
            app.lookup.touched = true;
            app.lookup.example = false;
        }
        _ => {}
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
        Action::Open | Action::Cancel | Action::Trigger | Action::Rerun | Action::Wait | Action::Copy => {
            on_job(app, action, effects);
        }
        Action::SortNext | Action::SortReverse => sort(app, action),
        Action::Filter => {
            app.typing = Some(if app.focus == Pane::Stream { Typing::StreamFilter } else { Typing::JobFilter });
        }
        Action::Edit => app.typing = Some(Typing::Key),
        Action::LookAgain => look_up(app, effects),
        Action::Pause => app.stream.toggle_pause(),
        Action::Views => app.overlays.push(Overlay::Chooser(Chooser::new(Kind::Views))),
        Action::Workspaces => app.overlays.push(Overlay::Chooser(Chooser::new(Kind::Workspaces))),
        Action::Palette => app.overlays.push(Overlay::Chooser(Chooser::new(Kind::Palette))),
        Action::Help => toggle(app, Overlay::Help(0)),
        Action::Journal => toggle(app, Overlay::Journal(0)),
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
        Action::Close | Action::Dismiss | Action::No => drop(app.overlays.pop()),
        Action::Submit | Action::Leave | Action::NextField | Action::PreviousField | Action::Toggle => {
            in_form(app, action, effects);
        }
        Action::Choose | Action::Complete => choose(app, action, effects),
        Action::ChooseUp | Action::ChooseDown | Action::ChoosePageUp | Action::ChoosePageDown => {
            step_choice(app, action)
        }
        Action::Yes => answer_yes(app, effects),
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => go(app, action),
        Action::Left | Action::Right => sideways(app, action == Action::Right),
    }
}

fn on_job(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let job = selected_job(app).cloned();
    match (action, job) {
        (Action::Open, Some(job)) => app.overlays.push(Overlay::Detail(job.id, 0)),
        (Action::Cancel, Some(job)) => app.overlays.push(Overlay::Question(Question::cancel(&job))),
        (Action::Rerun, job @ Some(_)) => open_form(app, job.as_ref()),
        (Action::Trigger, _) => open_form(app, None),
        (Action::Wait, Some(job)) => {
            let waits = app.jobs.waits.remove(&job.id);
            if !waits {
                app.jobs.waits.insert(job.id);
            }
            let text =
                if waits { "No longer waiting for the job." } else { "Waiting: a bell rings when the job ends." };
            app.notes.add(app.now, Level::Info, text);
        }
        (Action::Copy, Some(job)) => {
            effects.push(Effect::Copy(job.id.to_string()));
            app.notes.add(app.now, Level::Info, format!("Copied {}.", job.id));
        }
        _ => {}
    }
}

fn open_form(app: &mut App, job: Option<&crate::model::Job>) {
    if let Some(view) = app.feature_view() {
        let form = TriggerForm::new(view, job, app.now);
        app.overlays.push(Overlay::Trigger(form));
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
    }
}

/// Moves in the topmost window, else in the pane that has the keys.
fn go(app: &mut App, action: Action) {
    let (lines, height) = app.layout.window;
    let (summary, lookup) = (app.layout.summary, app.layout.lookup);
    if let Some(Overlay::Help(at) | Overlay::Journal(at) | Overlay::Detail(_, at)) = app.overlays.last_mut() {
        *at = moved(*at, action, height, lines.saturating_sub(height));
        return;
    }
    match app.focus {
        Pane::Summary => {
            app.summary_scroll = moved(app.summary_scroll, action, summary.1, summary.0.saturating_sub(summary.1));
        }
        Pane::Lookup => {
            app.lookup.scroll = moved(app.lookup.scroll, action, lookup.1, lookup.0.saturating_sub(lookup.1));
        }
        Pane::Jobs => {
            let rows = app.layout.jobs_rows;
            let row = moved(app.jobs.row, action, rows, app.jobs.order.len().saturating_sub(1));
            app.jobs.select(row, rows);
        }
        Pane::Stream => {
            let rows = app.layout.stream_rows.max(1);
            let by = match action {
                Action::Up => -1,
                Action::Down => 1,
                Action::PageUp => -(rows as isize),
                Action::PageDown => rows as isize,
                Action::Top => isize::MIN / 2,
                _ => isize::MAX / 2,
            };
            app.stream.scroll(by, rows);
        }
    }
}

/// A place between 0 and `last`, moved; a page leaves one line of the old one.
fn moved(at: usize, action: Action, height: usize, last: usize) -> usize {
    let page = height.saturating_sub(1).max(1);
    let to = match action {
        Action::Up => at.min(last).saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.min(last).saturating_sub(page),
        Action::PageDown => at + page,
        Action::Top => 0,
        _ => last,
    };
    to.min(last)
}

fn sideways(app: &mut App, right: bool) {
    if app.overlays.is_empty() && app.focus == Pane::Stream {
        let last = app.stream.columns.len().saturating_sub(1);
        let shift = app.stream.shift;
        app.stream.shift = if right { (shift + 1).min(last) } else { shift.saturating_sub(1) };
    }
}

fn in_form(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    if let Some(Overlay::Trigger(form)) = app.overlays.last_mut() {
        match action {
            Action::NextField => form.step(true),
            Action::PreviousField => form.step(false),
            Action::Toggle => match form.field() {
                Some(field) => field.paste(" "),
                None => form.toggle(),
            },
            Action::Submit => match form.request() {
                Ok(request) => app.overlays.push(Overlay::Question(Question::trigger(request))),
                Err(error) => form.error = Some(error),
            },
            _ => drop(app.overlays.pop()),
        }
        return;
    }
    match app.typing {
        Some(Typing::Key) => in_key(app, action, effects),
        Some(_) => in_filter(app, action),
        None => {}
    }
}

fn in_key(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let count = app.lookup.fields.len().max(1);
    match action {
        Action::NextField => app.lookup.focus = (app.lookup.focus + 1) % count,
        Action::PreviousField => app.lookup.focus = (app.lookup.focus + count - 1) % count,
        Action::Toggle => {
            paste(app, " ");
        }
        Action::Submit if !app.is_live() => {
            app.notes.add(
                app.now,
                Level::Warning,
                "Not connected: the key is looked up when you press enter again later.",
            );
        }
        Action::Submit => look_up(app, effects),
        _ => app.typing = None,
    }
}

fn in_filter(app: &mut App, action: Action) {
    let stream = app.typing == Some(Typing::StreamFilter);
    match action {
        Action::Submit => app.typing = None,
        Action::Leave => {
            app.typing = None;
            if stream {
                app.stream.filter.set("");
                app.stream.refilter();
            } else {
                app.jobs.filter.set("");
                app.jobs.refilter(app.now);
            }
        }
        Action::Toggle => paste(app, " "),
        Action::NextField => go(app, Action::Down),
        _ => go(app, Action::Up),
    }
}

fn step_choice(app: &mut App, action: Action) {
    let Some(Overlay::Chooser(chooser)) = app.overlays.last() else { return };
    let count = chooser.lines(app).len();
    let page = app.layout.window.1.max(1) as isize;
    let Some(Overlay::Chooser(chooser)) = app.overlays.last_mut() else { return };
    let by = match action {
        Action::ChooseUp => -1,
        Action::ChooseDown => 1,
        Action::ChoosePageUp => -page,
        _ => page,
    };
    chooser.step(by, count);
}

fn choose(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let Some(Overlay::Chooser(chooser)) = app.overlays.last() else { return };
    let Some(line) = chooser.lines(app).into_iter().nth(chooser.selected) else { return };
    if let (Action::Complete, _) | (_, Pick::Fill(_)) = (action, &line.pick) {
        let text = match &line.pick {
            Pick::Fill(text) => text.clone(),
            _ => completed(chooser.field.text(), &line.label),
        };
        if let Some(Overlay::Chooser(chooser)) = app.overlays.last_mut() {
            chooser.field.set(&text);
            chooser.selected = 0;
        }
        return;
    }
    app.overlays.pop();
    match line.pick {
        Pick::Action(action) => perform(app, action, effects),
        Pick::View(name) => open_view(app, name, effects),
        Pick::Workspace(name) => open_workspace(app, name, effects),
        Pick::Theme(at) => app.theme = at,
        Pick::Sort(column, descending) => app.jobs.sort_by(column, descending, app.now),
        Pick::Filter(text) if app.focus == Pane::Stream => {
            app.stream.filter.set(&text);
            app.stream.refilter();
        }
        Pick::Filter(text) => {
            app.jobs.filter.set(&text);
            app.jobs.refilter(app.now);
        }
        Pick::Fill(_) => {}
    }
}

/// The typed command with its last word completed.
fn completed(typed: &str, label: &str) -> String {
    match typed.trim_start().split_once(' ') {
        Some((word, _)) => format!("{word} {label}"),
        None => label.to_owned(),
    }
}

/// The only place from which a mutation is sent: the question was answered with yes.
fn answer_yes(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Question(question)) = app.overlays.last().cloned() else { return };
    debug_assert_eq!(Action::Yes.info().danger, Danger::Mutates);
    let workspace = question.workspace.clone();
    let (pending, text) = match &question.ask {
        Ask::Cancel { job, .. } => {
            // The job may have moved on while the question stood open.
            if app.jobs.find(*job).is_none_or(|job| !job.state.can_cancel()) {
                app.overlays.pop();
                app.notes.add(
                    app.now,
                    Level::Warning,
                    "Nothing was cancelled: the job has ended or is gone meanwhile.",
                );
                return;
            }
            (Pending::Cancel(*job), format!("asked to cancel job {job} of {}", question.feature_view))
        }
        Ask::Trigger(request) => {
            let window = super::columns::long_window(request.window);
            (Pending::Trigger, format!("asked to start a job of {} for {window}", question.feature_view))
        }
    };
    app.overlays.retain(|overlay| !matches!(overlay, Overlay::Question(_) | Overlay::Trigger(_)));
    let request = app.request();
    app.pending.insert(request, pending);
    app.notes.add(app.now, Level::Trace, text);
    let feature_view = question.feature_view;
    effects.push(Effect::Client(match question.ask {
        Ask::Cancel { job, .. } => Command::Cancel { request, workspace, feature_view, job },
        Ask::Trigger(trigger) => Command::Trigger { request, trigger },
    }));
}
