//! The question for a file to write a table to: asks before one that is there is replaced.

use std::path::PathBuf;

use ratatui::layout::Rect;

use super::question::Question;
use super::{Next, Window};
use crate::client::message::{Command, Problem, RequestId, Table};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::app::{App, Level, Pending};
use crate::tui::canvas::{Canvas, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::sheet::{Task, Work};
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;
use crate::tui::view::form::wrapped;

/// The question for a file.
#[derive(Clone, Debug)]
pub(crate) struct SaveForm {
    table: Table,
    /// The path as it is typed.
    pub field: Field,
    /// What went wrong, in a sentence or two.
    pub error: Option<String>,
    /// The file about which the loop is asked whether it is there, and the ticket of the answer.
    finding: Option<(u64, PathBuf)>,
    /// The request to write it.
    writing: Option<RequestId>,
}

impl SaveForm {
    /// Asks for a file for the table, and offers this name.
    pub(crate) fn new(table: Table, name: &str) -> Self {
        Self { table, field: Field::new(name), error: None, finding: None, writing: None }
    }

    /// Takes the path: asks the loop whether the file is there.
    fn submit(&mut self, app: &mut App, effects: &mut Vec<Effect>) {
        if self.writing.is_some() {
            return;
        }
        let Some(path) = self.field.path(app.home.as_deref()) else {
            self.error = Some("Type the name of a file that ends in .parquet, .csv or .jsonl.".to_owned());
            return;
        };
        let ticket = app.request();
        (self.finding, self.error) = (Some((ticket, path.clone())), None);
        effects.push(Effect::Work(Work { ticket, task: Task::Find(path) }));
    }
}

/// Whether the file is there is known: asks before it is replaced, else writes it. False where nobody waits for that.
pub(crate) fn found(app: &mut App, ticket: u64, there: bool, effects: &mut Vec<Effect>) -> bool {
    let Some(form) = app.windows.on_top_mut::<SaveForm>() else { return false };
    let Some((_, path)) = form.finding.take_if(|(finding, _)| *finding == ticket) else { return false };
    let table = form.table.clone();
    if there {
        app.windows.open(Question::replace(table, path));
    } else {
        write(app, table, path, false, effects);
    }
    true
}

/// Has the table of the topmost window written.
pub(crate) fn write(app: &mut App, table: Table, path: PathBuf, replace: bool, effects: &mut Vec<Effect>) {
    let request = app.request();
    if let Some(form) = app.windows.on_top_mut::<SaveForm>() {
        form.writing = Some(request);
    }
    app.pending.insert(request, Pending::Save);
    app.notes.add(app.now, Level::Trace, format!("asked to write {}", path.display()));
    effects.push(Effect::Client(Command::SaveTable { request, table, path, replace }));
}

/// The table was written, or not: then the form says why.
pub(crate) fn saved(app: &mut App, request: RequestId, answer: Result<(PathBuf, u64), Problem>) {
    if app.pending.remove(&request).is_none() {
        return;
    }
    match answer {
        Ok((path, bytes)) => {
            app.windows.close::<SaveForm>(|form| form.writing == Some(request));
            let text = format!("Wrote {} ({}).", path.display(), size(bytes));
            app.notes.add(app.now, Level::Good, text);
        }
        Err(problem) => match app.windows.all_mut::<SaveForm>().find(|form| form.writing == Some(request)) {
            Some(form) => (form.writing, form.error) = (None, Some(problem.to_string())),
            None => app.notes.add(app.now, Level::Bad, format!("The table was not written. {problem}")),
        },
    }
}

impl Window for SaveForm {
    fn layers(&self) -> &'static [Layer] {
        stacks::FORM
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        match action {
            Action::Submit => self.submit(app, effects),
            // There is but one field.
            Action::NextField | Action::PreviousField => {}
            _ => return Next::Pass,
        }
        Next::Stay
    }

    /// Nothing is typed while the file is written.
    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.field).filter(|_| self.writing.is_none())
    }

    fn edited(&mut self) {
        (self.error, self.finding) = (None, None);
    }

    fn draw(&self, canvas: &mut Canvas, _app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(84);
        let inside = usize::from(wide.saturating_sub(6));
        let (text, meaning) = match (&self.error, self.writing) {
            (Some(error), _) => (error.as_str(), Meaning::Bad),
            (None, Some(_)) => ("Writing…", Meaning::Running),
            (None, None) => (
                "All rows as they came, filtered or not. The ending says the format: .parquet, .csv or .jsonl.",
                Meaning::Dim,
            ),
        };
        let lines = wrapped(text, inside, meaning);
        let area = centred(body, wide, lines.len() as u16 + 5);
        let rows = self.table.0.height();
        let status = [piece(format!("{} rows", grouped(rows as u64)), Meaning::Dim)];
        let inner = canvas.window(area, 2, &[piece("Save to file", Meaning::TitleFocus)], &status);
        let y = inner.y + u16::from(inner.height > 3);
        let used = canvas.text(inner.x, y, 6, "file  ", Meaning::Strong);
        let room = inner.width.saturating_sub(used);
        canvas.field(inner.x + used, y, room, &self.field, self.writing.is_none());
        let below = Rect { y: y + 2, height: inner.bottom().saturating_sub(y + 2), ..inner };
        canvas.lines(below, &lines, 0);
    }
}

/// A number of bytes in the unit that people read it in.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
