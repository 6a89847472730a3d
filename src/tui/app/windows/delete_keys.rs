//! The form of `delete_keys` (docs/reference.md, delete_keys; docs/semantics.md section 11): which keys, from which
//! stores, and what came of it.
//!
//! Keys are read and checked by the client task; the form shows what was read, and only then asks. Nothing is sent from
//! here but on the word of `answer.rs`.

use std::path::PathBuf;

use super::query_form;
use super::question::Confirm;
use crate::client::message::{Command, KeySet, Problem, RequestId};
use crate::model::{DeletionStarted, FeatureView, Stores};
use crate::tui::app::{App, Level, Overlay, Pane, Pending, columns};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::values::grouped;

/// One line of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteItem {
    /// Keys of a file, or one that is typed.
    Way,
    /// The file.
    File,
    /// The value of this join key.
    Key(usize),
    /// Delete from the online store.
    Online,
    /// Delete from the offline store.
    Offline,
}

/// The form.
#[derive(Clone, Debug)]
pub struct DeleteForm {
    /// The view, as it was when the form was opened.
    pub view: Box<FeatureView>,
    /// One key is typed instead of read from a file.
    pub typed: bool,
    /// The file's path as typed.
    pub file: Field,
    /// A value for every join key, in the view's order.
    pub values: Vec<Field>,
    /// Online, offline.
    pub boxes: [bool; 2],
    /// The line that has the keys, as a place in [`DeleteForm::items`].
    pub focus: usize,
    /// What is wrong, or why the deployment refused it.
    pub error: Option<String>,
    /// The request that reads the keys.
    pub reading: Option<RequestId>,
    /// The keys as they were read; gone as soon as something else is typed.
    pub keys: Option<KeySet>,
    /// The request that deletes them.
    pub sending: Option<RequestId>,
}

impl DeleteForm {
    /// A form for the view, with all its stores ticked.
    pub fn new(view: &FeatureView) -> Self {
        Self {
            typed: false,
            file: Field::default(),
            values: view.join_keys.iter().map(|_| Field::default()).collect(),
            boxes: [view.online, view.offline],
            view: Box::new(view.clone()),
            focus: 1,
            error: None,
            reading: None,
            keys: None,
            sending: None,
        }
    }

    /// Its lines, top to bottom.
    pub fn items(&self) -> Vec<DeleteItem> {
        let mut items = vec![DeleteItem::Way];
        match self.typed {
            true => items.extend((0..self.values.len()).map(DeleteItem::Key)),
            false => items.push(DeleteItem::File),
        }
        items.extend([DeleteItem::Online, DeleteItem::Offline]);
        items
    }

    /// The line that has the keys.
    pub fn item(&self) -> DeleteItem {
        self.items().get(self.focus).copied().unwrap_or(DeleteItem::Way)
    }

    /// The text of a line, if it has one.
    pub fn text_of(&self, item: DeleteItem) -> Option<&Field> {
        match item {
            DeleteItem::File => Some(&self.file),
            DeleteItem::Key(place) => self.values.get(place),
            _ => None,
        }
    }

    /// The text field that has the keys, if one has. Nothing is typed while an answer is awaited.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.item() {
            _ if self.waits() => None,
            DeleteItem::File => Some(&mut self.file),
            DeleteItem::Key(place) => self.values.get_mut(place),
            _ => None,
        }
    }

    /// Whether an answer is awaited.
    pub fn waits(&self) -> bool {
        self.reading.is_some() || self.sending.is_some()
    }

    /// Why the box of that line cannot be ticked.
    pub fn barred(&self, item: DeleteItem) -> Option<&'static str> {
        match item {
            DeleteItem::Online if !self.view.online => Some("the view has online = false"),
            DeleteItem::Offline if !self.view.offline => Some("the view has offline = false"),
            _ => None,
        }
    }

    /// Goes to the next or previous line.
    pub fn step(&mut self, forward: bool) {
        let count = self.items().len();
        self.focus = (self.focus + if forward { 1 } else { count - 1 }) % count;
    }

    /// Switches the choice that has the keys, unless it is barred.
    pub fn toggle(&mut self) {
        if self.waits() || self.barred(self.item()).is_some() {
            return;
        }
        self.error = None;
        match self.item() {
            DeleteItem::Way => {
                self.typed = !self.typed;
                self.keys = None;
            }
            DeleteItem::Online => self.boxes[0] = !self.boxes[0],
            DeleteItem::Offline => self.boxes[1] = !self.boxes[1],
            DeleteItem::File | DeleteItem::Key(_) => {}
        }
    }

    /// Something else was typed: the keys that were read are no longer those of the form.
    pub fn changed(&mut self) {
        (self.error, self.keys) = (None, None);
    }

    /// The chosen stores in words.
    pub fn stores(&self) -> &'static str {
        let [online, offline] = self.boxes;
        Stores { online, offline }.words()
    }

    /// What was read, in a sentence: `1 204 keys (1 310 given) from keys.csv for carrier_delays in prod, online and offline`.
    pub fn summary(&self) -> Option<String> {
        let keys = self.keys.as_ref()?;
        let (view, workspace) = (&self.view.name, &self.view.workspace);
        Some(format!("{} for {view} in {workspace}, {}", counted(keys), self.stores()))
    }
}

/// How many keys there are, how many were given, and from where.
fn counted(keys: &KeySet) -> String {
    let count = keys.table.0.height();
    let word = if count == 1 { "key" } else { "keys" };
    let given = if keys.given == count { String::new() } else { format!(" ({} given)", grouped(keys.given as u64)) };
    let file = keys.file.as_ref().map(|file| format!(" from {}", file.display())).unwrap_or_default();
    format!("{} {word}{given}{file}", grouped(count as u64))
}

/// Opens the form.
pub fn open(app: &mut App) {
    if let Some(view) = app.feature_view() {
        let form = DeleteForm::new(view);
        app.overlays.push(Overlay::Delete(Box::new(form)));
    }
}

/// Enter in the form: reads the keys; once they are read, asks.
pub fn submit(app: &mut App, effects: &mut Vec<Effect>) {
    let (request, home) = (app.last_request + 1, app.home.clone());
    let Some(Overlay::Delete(form)) = app.overlays.last_mut() else { return };
    if form.waits() {
        return;
    }
    if form.boxes == [false, false] {
        form.error = Some("Choose at least one store: online or offline.".to_owned());
        return;
    }
    if let Some(confirm) = confirm(form) {
        app.overlays.push(Overlay::Confirm(Box::new(confirm)));
        return;
    }
    let path = query_form::expand(form.file.text().trim(), home.as_deref());
    let command = match read(form, path, request) {
        Ok(command) => command,
        Err(error) => return form.error = Some(error),
    };
    (form.error, form.reading) = (None, Some(request));
    app.last_request = request;
    effects.push(Effect::Client(command));
}

/// What reads the keys, or what is missing for it.
fn read(form: &DeleteForm, path: PathBuf, request: RequestId) -> Result<Command, String> {
    let view = form.view.clone();
    if form.typed {
        let values: Vec<String> = form.values.iter().map(|field| field.text().to_owned()).collect();
        return Ok(Command::TypedKeys { request, view, keys: vec![values] });
    }
    if path.as_os_str().is_empty() {
        return Err("Name the file with the keys: CSV, Parquet or JSON lines.".to_owned());
    }
    Ok(Command::ReadKeys { request, view, path })
}

/// The question about the keys that were read.
fn confirm(form: &DeleteForm) -> Option<Confirm> {
    let keys = form.keys.as_ref()?;
    let effect = "Deletes the materialized rows of these keys by one job for each store. Deleted rows do not come back, but \
                  later jobs and stream events may write the keys again.";
    Some(Confirm {
        name: form.view.name.clone(),
        field: Field::default(),
        facts: vec![
            ("view", form.view.name.clone()),
            ("workspace", form.view.workspace.clone()),
            ("keys", counted(keys)),
            ("stores", form.stores().to_owned()),
        ],
        effect: effect.to_owned(),
        error: None,
    })
}

/// The form that waits for this request.
fn waiting(app: &mut App, request: RequestId) -> Option<&mut DeleteForm> {
    app.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Delete(form) if form.reading == Some(request) || form.sending == Some(request) => Some(&mut **form),
        _ => None,
    })
}

/// The keys were read, or not.
pub fn read_keys(app: &mut App, request: RequestId, answer: Result<KeySet, Problem>) {
    let Some(form) = waiting(app, request) else { return };
    form.reading = None;
    match answer {
        Ok(keys) => form.keys = Some(keys),
        Err(problem) => form.error = Some(problem.to_string()),
    }
}

/// Sends the deletion of the form that is open; its question was answered.
pub fn send(app: &mut App, effects: &mut Vec<Effect>) {
    let request = app.last_request + 1;
    let Some(Overlay::Delete(form)) = app.overlays.last_mut() else { return };
    let (Some(keys), Some(what)) = (form.keys.clone(), form.summary()) else { return };
    let stores = Stores { online: form.boxes[0], offline: form.boxes[1] };
    let view = form.view.clone();
    form.sending = Some(request);
    app.last_request = request;
    app.pending.insert(request, Pending::Delete);
    app.notes.add(app.now, Level::Trace, format!("asked to delete {what}"));
    effects.push(Effect::Client(Command::DeleteKeys { request, view, keys, stores }));
}

/// The deletion was started, or refused: then the form says why and keeps what was typed.
pub fn started(app: &mut App, request: RequestId, answer: Result<DeletionStarted, Problem>) {
    if app.pending.remove(&request).is_none() {
        return;
    }
    match answer {
        Ok(started) => {
            let waits = |overlay: &Overlay| matches!(overlay, Overlay::Delete(form) if form.sending == Some(request));
            app.overlays.retain(|overlay| !waits(overlay));
            let level = if started.jobs.is_empty() && !started.notes.is_empty() { Level::Warning } else { Level::Good };
            app.notes.add(app.now, level, told(&started));
            if app.typing.is_none() && app.overlays.is_empty() {
                app.focus = Pane::Jobs;
            }
        }
        Err(problem) => match waiting(app, request) {
            Some(form) => (form.sending, form.error) = (None, Some(problem.to_string())),
            None => app.notes.add(app.now, Level::Bad, format!("Nothing was deleted. {problem}")),
        },
    }
}

/// What was started, and what was skipped.
fn told(started: &DeletionStarted) -> String {
    let ids: Vec<String> = started.jobs.iter().map(|id| columns::short_id(*id)).collect();
    let mut text = match ids.len() {
        0 if started.notes.is_empty() => "The deletion was started.".to_owned(),
        0 => "No deletion job is told of.".to_owned(),
        1 => format!("Deletion job {} was started.", ids[0]),
        _ => format!("Deletion jobs {} were started.", ids.join(" and ")),
    };
    for note in &started.notes {
        text.push(' ');
        text.push_str(note);
    }
    text
}
