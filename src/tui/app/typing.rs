//! Typing: what goes into fields, what follows from it, and how forms and lists take their keys.

use super::moves::go;
use super::mutations;
use super::perform::perform;
use super::receive::{look_up, open_view, open_workspace};
use super::windows::chooser::Pick;
use super::windows::{delete_keys, query};
use super::{App, Dirty, Level, Overlay, Pane, Question, Typing};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::field::Field;

/// Takes pasted text; it never submits anything.
pub fn paste(app: &mut App, text: &str) {
    if let Some(field) = field(app) {
        field.paste(text);
        typed(app, true);
        app.soil(Dirty::Input);
    }
}

/// The text that is typed into.
pub fn field(app: &mut App) -> Option<&mut Field> {
    match (app.overlays.last_mut(), app.typing) {
        (Some(Overlay::Chooser(chooser)), _) => Some(&mut chooser.field),
        (Some(Overlay::Trigger(form)), _) => form.field(),
        (Some(Overlay::Delete(form)), _) => form.field(),
        (Some(Overlay::Confirm(confirm)), _) => Some(&mut confirm.field),
        (Some(Overlay::Ask(form)), _) => form.field(),
        (Some(Overlay::Save(form)), _) => Some(&mut form.field).filter(|_| form.writing.is_none()),
        (Some(Overlay::Sheet(sheet)), Some(Typing::TableFilter)) => Some(&mut sheet.filter),
        (Some(_), _) | (None, None | Some(Typing::TableFilter)) => None,
        (None, Some(Typing::JobFilter)) => Some(&mut app.jobs.filter),
        (None, Some(Typing::StreamFilter)) => Some(&mut app.stream.filter),
        (None, Some(Typing::Key)) => {
            let focus = app.lookup.focus;
            app.lookup.fields.get_mut(focus).map(|(_, field)| field)
        }
    }
}

/// What follows from a change of the text that is typed into.
pub fn typed(app: &mut App, changed: bool) {
    if !changed {
        return;
    }
    match (app.overlays.last_mut(), app.typing) {
        (Some(Overlay::Chooser(chooser)), _) => chooser.selected = 0,
        (Some(Overlay::Trigger(form)), _) => form.error = None,
        (Some(Overlay::Delete(form)), _) => form.changed(),
        (Some(Overlay::Confirm(confirm)), _) => confirm.error = None,
        (Some(Overlay::Ask(form)), _) => form.changed(),
        (Some(Overlay::Save(form)), _) => (form.error, form.finding) = (None, None),
        (Some(Overlay::Sheet(sheet)), Some(Typing::TableFilter)) => sheet.refilter(),
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

/// A key of a form, or of a line that is typed into.
pub fn in_form(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    match app.overlays.last() {
        Some(Overlay::Trigger(_)) => return in_trigger(app, action),
        Some(Overlay::Delete(_)) => return in_deletion(app, action, effects),
        Some(Overlay::Confirm(_)) => return in_confirm(app, action, effects),
        Some(Overlay::Ask(_)) => return in_ask(app, action, effects),
        Some(Overlay::Save(_)) => return in_save(app, action, effects),
        _ => {}
    }
    match app.typing {
        Some(Typing::Key) => in_key(app, action, effects),
        Some(_) => in_filter(app, action),
        None => {}
    }
}

fn in_trigger(app: &mut App, action: Action) {
    let (coverage, jobs, now) = (app.coverage.known.clone(), app.jobs.all.clone(), app.now);
    let Some(Overlay::Trigger(form)) = app.overlays.last_mut() else { return };
    match action {
        Action::NextField => form.step(true),
        Action::PreviousField => form.step(false),
        Action::Toggle => match form.field() {
            Some(field) => field.paste(" "),
            None => form.toggle(),
        },
        Action::Submit if form.sending.is_some() => {}
        Action::Submit => match form.request(coverage.as_deref(), &jobs, now) {
            Ok(request) => app.overlays.push(Overlay::Question(Box::new(Question::trigger(request)))),
            Err(error) => form.error = Some(error),
        },
        _ => drop(app.overlays.pop()),
    }
}

fn in_deletion(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let Some(Overlay::Delete(form)) = app.overlays.last_mut() else { return };
    match action {
        Action::NextField => form.step(true),
        Action::PreviousField => form.step(false),
        Action::Toggle if form.field().is_none() => form.toggle(),
        Action::Toggle => paste(app, " "),
        Action::Submit => delete_keys::submit(app, effects),
        _ => drop(app.overlays.pop()),
    }
}

/// The question that wants a name typed.
fn in_confirm(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Toggle => paste(app, " "),
        Action::Submit => mutations::named(app, effects),
        Action::NextField | Action::PreviousField => {}
        _ => drop(app.overlays.pop()),
    }
}

fn in_ask(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let Some(Overlay::Ask(form)) = app.overlays.last_mut() else { return };
    match action {
        Action::NextField => form.step(true),
        Action::PreviousField => form.step(false),
        Action::Toggle if form.field().is_none() => form.toggle(true),
        Action::Toggle => paste(app, " "),
        Action::Submit => query::submit(app, effects),
        _ => query::leave(app),
    }
}

fn in_save(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Toggle => paste(app, " "),
        Action::Submit => query::save(app, effects),
        Action::NextField | Action::PreviousField => {}
        _ => drop(app.overlays.pop()),
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
    let (stream, table) = (app.typing == Some(Typing::StreamFilter), app.typing == Some(Typing::TableFilter));
    match action {
        Action::Submit => app.typing = None,
        Action::Leave => {
            app.typing = None;
            if table {
                query::drop_filter(app);
            } else if stream {
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

/// Moves the mark of a list.
pub fn step_choice(app: &mut App, action: Action) {
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

/// Takes, or completes, the marked line of a list.
pub fn choose(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
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
