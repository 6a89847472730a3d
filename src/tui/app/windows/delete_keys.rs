//! The form of `delete_keys` (docs/reference.md, delete_keys; docs/semantics.md section 11): which keys, from which
//! stores, and what came of it.
//!
//! Keys are read and checked by the client task; the form shows what was read, and only then asks. Nothing is deleted
//! from here: that is [`mutations`](crate::tui::app::mutations)'s, once the question was answered.

use ratatui::layout::Rect;

use super::delete_confirm::DeleteConfirm;
use super::{Next, Window};
use crate::client::message::{Command, KeySet, Problem, RequestId};
use crate::model::{DeletionStarted, FeatureView, Stores};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::app::{App, Level, Pane, columns};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::scroll::{first_visible, next_round};
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;
use crate::tui::view::form::{choice, tick, wrapped};

/// Least and most cells that names take.
const NAMES: (usize, usize) = (12, 24);

/// One line of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// Keys of a file, or one that is typed.
    Way,
    File,
    /// The value of this join key.
    Key(usize),
    Online,
    Offline,
}

/// The form of a deletion.
#[derive(Clone, Debug)]
pub(crate) struct DeleteForm {
    /// The view, as it was when the form was opened.
    pub view: Box<FeatureView>,
    /// One key is typed instead of read from a file.
    typed: bool,
    /// The file's path as typed.
    pub file: Field,
    /// A value for every join key, in the view's order.
    values: Vec<Field>,
    /// The stores that are ticked: online, offline.
    pub boxes: [bool; 2],
    /// The line that has the keys, as a place in [`DeleteForm::items`].
    focus: usize,
    /// What is wrong, or why the deployment refused it.
    pub error: Option<String>,
    /// The request that reads the keys.
    pub reading: Option<RequestId>,
    /// The keys as they were read; gone as soon as something else is typed.
    pub keys: Option<KeySet>,
    /// The request that deletes them.
    pub sending: Option<RequestId>,
}

/// Opens the form for the open view.
pub(crate) fn open(app: &mut App) {
    if let Some(view) = app.feature_view() {
        let form = DeleteForm::new(view);
        app.windows.open(form);
    }
}

/// The form that waits for this request.
fn waiting(app: &mut App, request: RequestId) -> Option<&mut DeleteForm> {
    let waits = |form: &&mut DeleteForm| form.reading == Some(request) || form.sending == Some(request);
    app.windows.all_mut().find(waits)
}

/// The keys were read, or not.
pub(crate) fn keys_read(app: &mut App, request: RequestId, answer: Result<KeySet, Problem>) {
    let Some(form) = waiting(app, request) else { return };
    form.reading = None;
    match answer {
        Ok(keys) => form.keys = Some(keys),
        Err(problem) => form.error = Some(problem.to_string()),
    }
}

/// The deletion was started, or refused: then the form says why and keeps what was typed.
pub(crate) fn started(app: &mut App, request: RequestId, answer: Result<DeletionStarted, Problem>) {
    if app.pending.remove(&request).is_none() {
        return;
    }
    match answer {
        Ok(started) => {
            app.windows.close::<DeleteForm>(|form| form.sending == Some(request));
            let level = if started.jobs.is_empty() && !started.notes.is_empty() { Level::Warning } else { Level::Good };
            app.notes.add(app.now, level, outcome(&started));
            if app.typing.is_none() && app.windows.is_empty() {
                app.focus = Pane::Jobs;
            }
        }
        Err(problem) => match waiting(app, request) {
            Some(form) => (form.sending, form.error) = (None, Some(problem.to_string())),
            None => app.notes.add(app.now, Level::Bad, format!("Nothing was deleted. {problem}")),
        },
    }
}

impl DeleteForm {
    /// A form for the view, with all its stores ticked.
    fn new(view: &FeatureView) -> Self {
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
    fn items(&self) -> Vec<Item> {
        let mut items = vec![Item::Way];
        match self.typed {
            true => items.extend((0..self.values.len()).map(Item::Key)),
            false => items.push(Item::File),
        }
        items.extend([Item::Online, Item::Offline]);
        items
    }

    /// The line that has the keys.
    fn item(&self) -> Item {
        self.items().get(self.focus).copied().unwrap_or(Item::Way)
    }

    /// The text of a line, if it has one.
    fn text(&self, item: Item) -> Option<&Field> {
        match item {
            Item::File => Some(&self.file),
            Item::Key(place) => self.values.get(place),
            _ => None,
        }
    }

    /// Whether an answer is awaited.
    fn waits(&self) -> bool {
        self.reading.is_some() || self.sending.is_some()
    }

    /// Why the box of that line cannot be ticked.
    fn barred(&self, item: Item) -> Option<&'static str> {
        match item {
            Item::Online if !self.view.online => Some("the view has online = false"),
            Item::Offline if !self.view.offline => Some("the view has offline = false"),
            _ => None,
        }
    }

    /// Goes to the next or previous line.
    fn step(&mut self, forward: bool) {
        self.focus = next_round(self.focus, forward, self.items().len());
    }

    /// Switches the choice that has the keys, unless it is barred.
    fn toggle(&mut self) {
        if self.waits() || self.barred(self.item()).is_some() {
            return;
        }
        self.error = None;
        match self.item() {
            Item::Way => {
                self.typed = !self.typed;
                self.keys = None;
            }
            Item::Online => self.boxes[0] = !self.boxes[0],
            Item::Offline => self.boxes[1] = !self.boxes[1],
            Item::File | Item::Key(_) => {}
        }
    }

    /// Reads the keys, or asks once they are read.
    fn submit(&mut self, app: &mut App, effects: &mut Vec<Effect>) -> Next {
        if self.waits() {
            return Next::Stay;
        }
        if self.boxes == [false, false] {
            self.error = Some("Choose at least one store: online or offline.".to_owned());
            return Next::Stay;
        }
        if let Some(keys) = &self.keys {
            let (name, workspace) = (self.view.name.clone(), self.view.workspace.clone());
            return Next::open(DeleteConfirm::new(name, workspace, counted(keys), self.stores()));
        }
        let (view, path) = (self.view.clone(), self.file.path(app.home.as_deref()));
        let command = match path {
            _ if self.typed => {
                let values: Vec<String> = self.values.iter().map(|field| field.text().to_owned()).collect();
                Command::TypedKeys { request: app.request(), view, keys: vec![values] }
            }
            Some(path) => Command::ReadKeys { request: app.request(), view, path },
            None => {
                self.error = Some("Name the file with the keys: CSV, Parquet or JSON lines.".to_owned());
                return Next::Stay;
            }
        };
        (self.error, self.reading) = (None, Some(app.last_request));
        effects.push(Effect::Client(command));
        Next::Stay
    }

    /// The chosen stores in words.
    pub(crate) fn stores(&self) -> &'static str {
        let [online, offline] = self.boxes;
        Stores { online, offline }.words()
    }

    /// What was read, in a sentence: `1 204 keys (1 310 given) from keys.csv for carrier_delays in prod, online and
    /// offline`.
    pub(crate) fn summary(&self) -> Option<String> {
        let keys = self.keys.as_ref()?;
        let (view, workspace) = (&self.view.name, &self.view.workspace);
        Some(format!("{} for {view} in {workspace}, {}", counted(keys), self.stores()))
    }
}

impl Window for DeleteForm {
    fn layers(&self) -> &'static [Layer] {
        stacks::FORM
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        match action {
            Action::NextField | Action::PreviousField => self.step(action == Action::NextField),
            Action::Toggle => self.toggle(),
            Action::Submit => return self.submit(app, effects),
            _ => return Next::Pass,
        }
        Next::Stay
    }

    /// Nothing is typed while an answer is awaited.
    fn field(&mut self) -> Option<&mut Field> {
        match self.item() {
            _ if self.waits() => None,
            Item::File => Some(&mut self.file),
            Item::Key(place) => self.values.get_mut(place),
            _ => None,
        }
    }

    /// The keys that were read are no longer those of the form.
    fn edited(&mut self) {
        (self.error, self.keys) = (None, None);
    }

    fn switch(&mut self, _forward: bool) -> bool {
        self.toggle();
        true
    }

    fn draw(&self, canvas: &mut Canvas, _app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(84);
        let inside = usize::from(wide.saturating_sub(6));
        let items = self.items();
        let remarks = remarks(self, inside);
        let fits = items.len() + remarks.len() + 5 <= usize::from(body.height);
        let around = if fits { 5 } else { 2 };
        let area = centred(body, wide, (items.len() + remarks.len() + around) as u16);
        let title = [piece("Delete keys of ", Meaning::TitleFocus), piece(self.view.name.clone(), Meaning::Strong)];
        let inner = canvas.window(area, 2, &title, &[piece(self.view.workspace.clone(), Meaning::Dim)]);
        let top = inner.y + u16::from(fits);
        // What was read or went wrong must show; of the lines, the one that has the keys.
        let room = usize::from(inner.bottom() - top);
        let shown = items.len().min(room.saturating_sub(remarks.len()).max(1));
        let first = first_visible(0, self.focus, shown, items.len());
        let mut y = top;
        for item in items.iter().skip(first).take(shown) {
            draw_item(canvas, self, *item, Rect { y, height: 1, ..inner });
            y += 1;
        }
        y += u16::from(fits);
        for (y, line) in (y..inner.bottom()).zip(&remarks) {
            canvas.line(inner.x, y, inner.width, line);
        }
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

/// What was started, and what was skipped.
fn outcome(started: &DeletionStarted) -> String {
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

/// What is wrong, what is under way, what was read, or what the form is for.
fn remarks(form: &DeleteForm, inside: usize) -> Vec<Line> {
    if let Some(error) = &form.error {
        return wrapped(error, inside, Meaning::Bad);
    }
    if form.reading.is_some() {
        return wrapped("Reading the keys…", inside, Meaning::Running);
    }
    if form.sending.is_some() {
        return wrapped("Asking the deployment to delete them…", inside, Meaning::Running);
    }
    let Some(summary) = form.summary() else {
        let columns: Vec<&str> = form.view.join_keys.iter().map(|key| key.name.as_str()).collect();
        let text = format!(
            "The keys are the columns {}, of at most 10 000 rows in CSV, Parquet or JSON lines. Enter reads them; \
             nothing is deleted before a question.",
            columns.join(", ")
        );
        return wrapped(&text, inside, Meaning::Dim);
    };
    let mut lines = wrapped(&summary, inside, Meaning::Strong);
    lines.extend(wrapped("Enter goes on to the question.", inside, Meaning::Dim));
    lines
}

fn draw_item(canvas: &mut Canvas, form: &DeleteForm, item: Item, area: Rect) {
    let here = form.item() == item;
    let names = form.view.join_keys.iter().map(|key| width(&key.name) + 2).max().unwrap_or(0).clamp(NAMES.0, NAMES.1);
    let meaning = if here { Meaning::Strong } else { Meaning::Dim };
    let key = |place: usize| form.view.join_keys.get(place);
    let name = match item {
        Item::Way => "keys",
        Item::File => "file",
        Item::Key(place) => key(place).map_or("", |key| &key.name),
        Item::Online => "online",
        Item::Offline => "offline",
    };
    let used = canvas.text(area.x, area.y, names as u16, &fit(name, names, false), meaning);
    let area = Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area };
    match item {
        Item::Way if form.typed => choice(canvas, area, "‹ one, typed ›", "space: of a file", here),
        Item::Way => choice(canvas, area, "‹ of a file ›", "space: type one", here),
        Item::Online => {
            tick(canvas, area, form.boxes[0], here, form.barred(item), "delete from the online store");
        }
        Item::Offline => {
            tick(canvas, area, form.boxes[1], here, form.barred(item), "delete from the offline store");
        }
        Item::File | Item::Key(_) => {
            let kind = match item {
                Item::Key(place) => key(place).map(|key| key.data_type.to_string()).unwrap_or_default(),
                _ => String::new(),
            };
            let wide = area.width.saturating_sub(if kind.is_empty() { 0 } else { width(&kind) as u16 + 1 });
            if let Some(field) = form.text(item) {
                canvas.field(area.x, area.y, wide, field, here && !form.waits());
            }
            canvas.line_right(area.right(), area.y, area.width - wide, &[piece(kind, Meaning::Dim)]);
        }
    }
}

#[cfg(test)]
mod tests;
