//! Run and History: from the form over the query under way to the table of its answer, and into a file.
//!
//! One query at a time. Its answer finds the window that waits for it by the request; without such a window it is dropped.

use std::path::PathBuf;
use std::time::Duration;

use super::query_form::{self, AskForm, AskKind};
use super::table::{Face, Origin, Running, SaveForm, Sheet};
use crate::client::message::{Command, Problem, QueryAnswer, RequestId, Table};
use crate::model::{Query, QueryProgress};
use crate::tui::action::Action;
use crate::tui::app::{App, Ask, Dirty, Level, Overlay, Pending, Question, Typing};
use crate::tui::effect::Effect;
use crate::tui::sheet::{self, Done, Outcome, Task, Work};

/// Forms that are remembered.
const REMEMBERED: usize = 64;

/// Does an action of the forms, of a query under way, or of its table.
pub fn act(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Run => open(app, AskKind::Run),
        Action::History => open(app, AskKind::History),
        Action::StopQuery => stop(app, effects),
        Action::EditQuery => edit(app),
        _ => on_sheet(app, action, effects),
    }
}

fn open(app: &mut App, kind: AskKind) {
    let Some(view) = app.feature_view() else { return };
    let mut form = AskForm::new(kind, view, app.read_only, app.now);
    if let Some(earlier) = app.asks.get(&(form.workspace.clone(), form.feature_view.clone(), kind)) {
        form.resume(earlier);
    }
    app.overlays.push(Overlay::Ask(Box::new(form)));
}

/// Back to the form of the failed query or of the table.
fn edit(app: &mut App) {
    match app.overlays.last() {
        Some(Overlay::Running(running)) => {
            let Some(form) = running.origin.form().cloned() else { return };
            app.overlays.pop();
            app.overlays.push(Overlay::Ask(Box::new(form)));
        }
        Some(Overlay::Sheet(sheet)) => {
            let Some(form) = sheet.origin.form().cloned() else { return };
            app.overlays.push(Overlay::Ask(Box::new(form)));
        }
        _ => {}
    }
}

/// Keeps what was typed for the next time the form is opened.
fn remember(app: &mut App, form: &AskForm) {
    if !form.touched {
        return;
    }
    let key = (form.workspace.clone(), form.feature_view.clone(), form.kind);
    if app.asks.len() >= REMEMBERED && !app.asks.contains_key(&key) {
        app.asks.pop_first();
    }
    app.asks.insert(key, form.clone());
}

/// Leaves the form; what was typed is there when it is opened again.
pub fn leave(app: &mut App) {
    if let Some(Overlay::Ask(form)) = app.overlays.pop() {
        remember(app, &form);
    }
}

/// Takes the form: sends the query, or asks first where something is kept, or says what is wrong.
pub fn submit(app: &mut App, effects: &mut Vec<Effect>) {
    let (live, home) = (app.is_live(), app.home.clone());
    let Some(Overlay::Ask(form)) = app.overlays.last_mut() else { return };
    let query = match form.query(home.as_deref()) {
        Ok(query) => query,
        Err((item, text)) => {
            form.go_to(item);
            form.error = Some((item, text));
            return;
        }
    };
    if !live {
        let text = "Not connected: nothing can be asked until the deployment answers again.";
        form.error = Some((form.item(), text.to_owned()));
        return;
    }
    match query {
        Query::History(history) if history.save => {
            app.overlays.push(Overlay::Question(Box::new(Question::keep(&history))));
        }
        query => send(app, query, effects),
    }
}

/// Sends the query of the form that is open.
pub fn send(app: &mut App, query: Query, effects: &mut Vec<Effect>) {
    let Some(Overlay::Ask(form)) = app.overlays.pop() else { return };
    remember(app, &form);
    let request = app.request();
    let text = format!("asked for {} of {}: {}", form.kind.name(), query.feature_view(), query_form::sentence(&query));
    app.notes.add(app.now, Level::Trace, text);
    // One that failed makes room.
    app.overlays.retain(|overlay| !matches!(overlay, Overlay::Running(_)));
    app.overlays.push(Overlay::Running(Box::new(Running {
        request,
        origin: Origin::Query { form, query: Box::new(query.clone()) },
        since: app.now,
        progress: QueryProgress::default(),
        failed: None,
        scroll: 0,
    })));
    effects.push(Effect::Client(Command::Query { request, query }));
}

/// Cancels the query; its form comes back as it was.
fn stop(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(place) = app.overlays.iter().position(|overlay| matches!(overlay, Overlay::Running(_))) else { return };
    let Overlay::Running(running) = app.overlays.remove(place) else { return };
    // A status table computes nothing: there is nothing to stop, and its answer is dropped.
    let Origin::Query { form, .. } = running.origin else { return };
    if running.failed.is_none() {
        effects.push(Effect::Client(Command::CancelQuery { request: running.request }));
        app.notes.add(app.now, Level::Trace, "cancelled the query");
    }
    app.overlays.insert(place, Overlay::Ask(form));
}

/// Another view or workspace is opened: what belongs to the old one closes, and its query is cancelled.
pub fn close_all(app: &mut App, effects: &mut Vec<Effect>) {
    for overlay in std::mem::take(&mut app.overlays) {
        match overlay {
            Overlay::Running(running) if running.failed.is_none() && running.origin.form().is_some() => {
                effects.push(Effect::Client(Command::CancelQuery { request: running.request }));
                let text = format!("The query of {} was cancelled.", running.origin.feature_view());
                app.notes.add(app.now, Level::Info, text);
            }
            Overlay::Running(_) | Overlay::Sheet(_) | Overlay::Save(_) => {}
            Overlay::Ask(form) => remember(app, &form),
            Overlay::Question(question) if matches!(question.ask, Ask::Keep(_) | Ask::Replace { .. }) => {}
            other => app.overlays.push(other),
        }
    }
}

/// The query goes on.
pub fn progress(app: &mut App, request: RequestId, progress: QueryProgress) {
    if let Some(running) = waiting(app, request) {
        running.progress = progress;
    }
}

/// The query under way that waits for this request.
fn waiting(app: &mut App, request: RequestId) -> Option<&mut Running> {
    app.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Running(running) if running.request == request && running.failed.is_none() => Some(&mut **running),
        _ => None,
    })
}

/// The query ended: its table takes the place of its window.
pub fn done(app: &mut App, request: RequestId, answer: Result<QueryAnswer, Problem>, took: Duration) {
    let Some(running) = waiting(app, request) else { return };
    let (name, view) = (running.origin.name(), running.origin.feature_view().to_owned());
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => {
            let text = format!("{name} of {view} failed. {problem}");
            running.failed = Some((problem, took));
            app.notes.add(app.now, Level::Trace, text);
            return;
        }
    };
    let running = running.clone();
    for warning in &answer.warnings {
        app.notes.add(app.now, Level::Trace, format!("warning of the query of {view}: {warning}"));
    }
    if let Some(dataset) = &answer.saved_as {
        app.notes.add(app.now, Level::Good, format!("The result is kept as dataset `{dataset}`."));
    }
    let sheet = Sheet::new(running, answer, took, app.feature_view());
    // The table of an earlier query makes room.
    app.overlays.retain(|overlay| !matches!(overlay, Overlay::Sheet(_)));
    app.layout.sheet = Default::default();
    if let Some(place) = app.overlays.iter_mut().find(|overlay| matches!(overlay, Overlay::Running(_))) {
        *place = Overlay::Sheet(Box::new(sheet));
    }
}

/// What came of a task of the loop.
pub fn worked(app: &mut App, done: Done, effects: &mut Vec<Effect>) {
    let height = app.layout.sheet.rows;
    if let Outcome::Found(there) = done.outcome {
        found(app, done.ticket, there, effects);
    } else if app.sheet().is_some_and(|sheet| sheet.done(done.ticket, done.outcome, height)) {
        app.soil(Dirty::Input);
    }
}

/// Begins the task that the table needs, if it needs one.
pub fn begin_work(app: &mut App, effects: &mut Vec<Effect>) {
    let (ticket, now) = (app.last_request + 1, app.now);
    if let Some(work) = app.sheet().and_then(|sheet| sheet.work(ticket, now)) {
        app.last_request = ticket;
        effects.push(Effect::Work(work));
    }
}

fn on_sheet(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let Some(sheet) = app.sheet() else { return };
    match action {
        Action::OpenRow => face(sheet, Face::Record),
        Action::Column => face(sheet, Face::Column),
        Action::Plot => face(sheet, Face::Plot),
        Action::TableSort => sheet.sort(),
        Action::TableTurn => sheet.turn(),
        Action::CopyCell => {
            let column = sheet.answer.table.0.columns().get(sheet.column);
            let cell = column.and_then(|column| sheet::exact(column, sheet.selected as usize)).unwrap_or_default();
            let name = sheet.heads.get(sheet.column).map_or("", |head| &head.name);
            effects.push(Effect::Copy { text: cell, what: format!("The cell of {name}") });
        }
        Action::SaveTable => {
            let field = crate::tui::field::Field::new(&sheet.file_name().to_string_lossy());
            let form = SaveForm { table: sheet.table().clone(), field, error: None, finding: None, writing: None };
            app.overlays.push(Overlay::Save(Box::new(form)));
        }
        _ => {}
    }
}

/// Shows that face, or the rows where it shows already.
fn face(sheet: &mut Sheet, face: Face) {
    sheet.face = if sheet.face == face { Face::Rows } else { face };
    sheet.scroll = 0;
}

/// Esc on a table: back to the rows, then without the filter, then away.
pub fn back(app: &mut App) {
    let Some(Overlay::Sheet(sheet)) = app.overlays.last_mut() else { return };
    if sheet.face != Face::Rows {
        sheet.face = Face::Rows;
    } else if !sheet.filter.text().is_empty() {
        drop_filter(app);
    } else {
        app.overlays.pop();
        app.typing = None;
    }
}

/// Shows all rows again.
pub fn drop_filter(app: &mut App) {
    if let Some(sheet) = app.sheet() {
        sheet.filter.set("");
        sheet.refilter();
    }
}

/// Types into the table's filter.
pub fn filter(app: &mut App) {
    if let Some(sheet) = app.sheet() {
        sheet.face = Face::Rows;
        app.typing = Some(Typing::TableFilter);
    }
}

/// Takes the path: asks the loop whether the file is there.
pub fn save(app: &mut App, effects: &mut Vec<Effect>) {
    let (ticket, home) = (app.last_request + 1, app.home.clone());
    let Some(Overlay::Save(form)) = app.overlays.last_mut() else { return };
    if form.writing.is_some() {
        return;
    }
    let path = query_form::expand(form.field.text().trim(), home.as_deref());
    if path.as_os_str().is_empty() {
        form.error = Some("Type the name of a file that ends in .parquet, .csv or .jsonl.".to_owned());
        return;
    }
    (form.finding, form.error) = (Some((ticket, path.clone())), None);
    app.last_request = ticket;
    effects.push(Effect::Work(Work { ticket, task: Task::Find(path) }));
}

/// Whether the file is there is known: ask first, or write.
fn found(app: &mut App, ticket: RequestId, there: bool, effects: &mut Vec<Effect>) {
    let Some(Overlay::Save(form)) = app.overlays.last_mut() else { return };
    let Some((_, path)) = form.finding.take_if(|(finding, _)| *finding == ticket) else { return };
    let table = form.table.clone();
    if there {
        app.overlays.push(Overlay::Question(Box::new(Question::replace(table, path))));
    } else {
        write(app, table, path, false, effects);
    }
    app.soil(Dirty::Input);
}

/// Has the table written.
pub fn write(app: &mut App, table: Table, path: PathBuf, replace: bool, effects: &mut Vec<Effect>) {
    let request = app.request();
    if let Some(Overlay::Save(form)) = app.overlays.last_mut() {
        form.writing = Some(request);
    }
    app.pending.insert(request, Pending::Save);
    app.notes.add(app.now, Level::Trace, format!("asked to write {}", path.display()));
    effects.push(Effect::Client(Command::SaveTable { request, table, path, replace }));
}

/// The table was written, or not: then the form says why.
pub fn saved(app: &mut App, request: RequestId, answer: Result<(PathBuf, u64), Problem>) {
    if app.pending.remove(&request).is_none() {
        return;
    }
    let waits = |overlay: &Overlay| matches!(overlay, Overlay::Save(form) if form.writing == Some(request));
    match answer {
        Ok((path, bytes)) => {
            app.overlays.retain(|overlay| !waits(overlay));
            let text = format!("Wrote {} ({}).", path.display(), size(bytes));
            app.notes.add(app.now, Level::Good, text);
        }
        Err(problem) => match app.overlays.iter_mut().find(|overlay| waits(overlay)) {
            Some(Overlay::Save(form)) => (form.writing, form.error) = (None, Some(problem.to_string())),
            _ => app.notes.add(app.now, Level::Bad, format!("The table was not written. {problem}")),
        },
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
