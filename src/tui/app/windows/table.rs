//! The table of an answer: which rows show, in which order, which cell is selected, and what is looked at closer.
//!
//! The selection is a row of the table, whatever is sorted or filtered around it. Whatever looks at every row is asked
//! of the loop as [`Work`]: [`TableWindow::work`] compares what is there with what is wanted, so that at most one task
//! of a kind is under way and the last wish wins.

mod column;
mod plot;
mod record;
mod rows;

use std::time::Duration;

use ratatui::layout::Rect;

use super::save::SaveForm;
use super::{Next, Window};
use crate::client::message::{QueryAnswer, Table};
use crate::model::time::print_took;
use crate::model::{FeatureView, Span, Time};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::app::App;
use crate::tui::app::origin::{NO_FORM, Origin};
use crate::tui::canvas::{Canvas, Line, line_width, piece};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::query;
use crate::tui::scroll::{first_visible, moved, scroll};
use crate::tui::sheet::{self, Kind, Outcome, Plot, Rows, Summary, Task, Work};
use crate::tui::text::clean;
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;

/// What of a table is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Rows,
    /// The selected row in full.
    Record,
    /// What the selected column holds.
    Column,
    /// The selected column over time.
    Plot,
}

/// A column of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    /// Its name, without characters that are not seen.
    pub name: String,
    /// What the head says: without the view's name, which all features have in front.
    pub short: String,
    pub kind: Kind,
    /// The word for its type.
    pub word: String,
    /// How many values are missing.
    pub nulls: usize,
}

/// Wishes that rows were made for: filter and sort.
type Wish = (String, Option<(usize, bool)>);

/// A table and everything about looking at it.
#[derive(Clone, Debug)]
pub(crate) struct TableWindow {
    origin: Origin,
    answer: QueryAnswer,
    took: Duration,
    pub heads: Vec<Head>,
    /// Columns at the left that stay there: the keys.
    pub keys: usize,
    /// The column of the instants.
    pub time: Option<usize>,
    /// What names in a filter may leave out.
    prefix: String,
    /// The rows that show, in their order; absent for all of them as they came.
    rows: Rows,
    /// What they were made for.
    rows_for: Wish,
    /// Counts the changes of `rows`.
    epoch: u64,
    filter: Field,
    /// What is wrong with the filter, in a sentence.
    pub filter_error: Option<String>,
    /// The filter is typed into.
    typing: bool,
    /// The column that rows are sorted by, and whether large comes first.
    sort: Option<(usize, bool)>,
    /// The selected row of the table.
    pub selected: u32,
    /// Its place among the rows that show.
    pub place: usize,
    /// The first place that is visible.
    top: usize,
    /// The column that is selected.
    column: usize,
    face: Face,
    /// How far the other faces are scrolled, in lines.
    scroll: usize,
    /// The order that is being made, and since when.
    ordering: Option<(u64, Time)>,
    /// The task that looks at a column.
    looking: Option<u64>,
    /// What was looked at last: the face, the column, and the rows.
    looked: Option<(Face, usize, u64)>,
    /// What the selected column holds, once known.
    pub summary: Option<Summary>,
    /// The selected column over time, once known, or why not.
    pub plot: Option<Result<Plot, String>>,
}

impl TableWindow {
    /// The table of an answer; `view` tells which columns are keys and which one the time.
    pub(crate) fn new(origin: Origin, answer: QueryAnswer, took: Duration, view: Option<&FeatureView>) -> Self {
        let prefix = format!("{}.", origin.feature_view());
        let mut heads: Vec<Head> = answer.table.0.columns().iter().map(|column| head(column, &prefix)).collect();
        // A column of the spine may be called like a feature: then both keep their whole names.
        let names: Vec<String> = heads.iter().map(|head| head.name.clone()).collect();
        for head in heads.iter_mut().filter(|head| names.contains(&head.short)) {
            head.short.clone_from(&head.name);
        }
        let is_key = |head: &Head| view.is_some_and(|view| view.join_keys.iter().any(|key| key.name == head.name));
        let named = |name: Option<&str>| heads.iter().position(|head| Some(head.name.as_str()) == name);
        let time = named(view.and_then(|view| view.timestamp_field.as_deref()));
        let time = time.filter(|at| heads.get(*at).is_some_and(|head| head.kind == Kind::Time));
        Self {
            keys: heads.iter().take_while(|head| is_key(head)).count(),
            time: time.or_else(|| heads.iter().position(|head| head.kind == Kind::Time)),
            origin,
            answer,
            took,
            heads,
            prefix,
            rows: None,
            rows_for: Wish::default(),
            epoch: 0,
            filter: Field::default(),
            filter_error: None,
            typing: false,
            sort: None,
            selected: 0,
            place: 0,
            top: 0,
            column: 0,
            face: Face::Rows,
            scroll: 0,
            ordering: None,
            looking: None,
            looked: None,
            summary: None,
            plot: None,
        }
    }

    /// The table as it came.
    pub(crate) fn table(&self) -> &Table {
        &self.answer.table
    }

    /// How many rows the table has.
    pub(crate) fn height(&self) -> usize {
        self.answer.table.0.height()
    }

    /// How many rows show, of those that there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.height(), |rows| rows.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of the table at a place.
    pub(crate) fn at(&self, place: usize) -> Option<u32> {
        match &self.rows {
            Some(rows) => rows.get(place).copied(),
            None => Some(place as u32).filter(|_| place < self.height()),
        }
    }

    /// Whether a filter hides rows.
    pub(crate) fn is_filtered(&self) -> bool {
        !self.rows_for.0.trim().is_empty()
    }

    /// Selects the row at the place, or the nearest there is, and brings it into a window of `height` rows.
    fn select(&mut self, place: usize, height: usize) {
        self.place = place.min(self.len().saturating_sub(1));
        self.selected = self.at(self.place).unwrap_or(self.selected);
        self.top = first_visible(self.top, self.place, height, self.len());
    }

    /// Selects the next column, or the one before.
    fn step_column(&mut self, right: bool) {
        let last = self.heads.len().saturating_sub(1);
        self.column = if right { (self.column + 1).min(last) } else { self.column.saturating_sub(1) };
        self.scroll = 0;
    }

    /// Sorts by the selected column; where that is sorted by already, rows come as they came.
    fn sort(&mut self) {
        let sorted = self.sort.is_some_and(|(column, _)| column == self.column);
        self.sort = (!sorted).then_some((self.column, false));
    }

    /// Turns the direction; where nothing is sorted, sorts by the selected column, large first.
    fn turn(&mut self) {
        let (column, descending) = self.sort.unwrap_or((self.column, false));
        self.sort = Some((column, !descending));
    }

    /// Takes the filter as it stands in the field.
    fn refilter(&mut self) {
        let names = sheet::names(&self.answer.table.0, &self.prefix);
        self.filter_error = query::Query::parse(self.filter.text(), &names).err();
    }

    /// What rows are wanted for; a filter that cannot be read hides nothing.
    fn wish(&self) -> Wish {
        let filter = if self.filter_error.is_some() { "" } else { self.filter.text() };
        (filter.to_owned(), self.sort)
    }

    /// The task that brings what is there nearer to what is wanted, if one is to be begun; `ticket` names it.
    fn work(&mut self, ticket: u64, now: Time) -> Option<Work> {
        let wish = self.wish();
        let table = self.answer.table.clone();
        if self.ordering.is_none() && wish != self.rows_for {
            self.ordering = Some((ticket, now));
            let (filter, sort) = wish.clone();
            self.rows_for = wish;
            return Some(Work { ticket, task: Task::Order { table, filter, prefix: self.prefix.clone(), sort } });
        }
        let (column, rows) = (self.column, self.rows.clone());
        let task = match self.face {
            Face::Column => Task::Describe { table, column, rows },
            Face::Plot => Task::Plot { table, column, time: self.time, rows },
            Face::Rows | Face::Record => return None,
        };
        let wanted = Some((self.face, self.column, self.epoch));
        if self.looking.is_some() || self.ordering.is_some() || self.looked == wanted {
            return None;
        }
        (self.looking, self.looked) = (Some(ticket), wanted);
        (self.summary, self.plot) = (None, None);
        Some(Work { ticket, task })
    }

    /// Takes what came of a task; false when it is none of this table's.
    fn done(&mut self, ticket: u64, outcome: Outcome, height: usize) -> bool {
        if self.ordering.is_some_and(|(ordering, _)| ordering == ticket) {
            self.ordering = None;
            if let Outcome::Order(rows) = outcome {
                self.rows = rows;
            }
            self.epoch += 1;
            let found = match &self.rows {
                Some(rows) => rows.iter().position(|row| *row == self.selected),
                None => Some(self.selected as usize),
            };
            self.select(found.unwrap_or(self.place), height);
            return true;
        }
        if self.looking != Some(ticket) {
            return false;
        }
        self.looking = None;
        match outcome {
            Outcome::Summary(summary) => self.summary = Some(*summary),
            Outcome::Plot(plot) => self.plot = Some(plot.map(|plot| *plot)),
            _ => self.plot = Some(Err("This column could not be read.".to_owned())),
        }
        true
    }

    /// What is looked at is being looked for.
    pub(crate) fn is_looking(&self) -> bool {
        self.looking.is_some()
    }

    /// Shows that face, or the rows where it shows already.
    fn turn_to(&mut self, face: Face) {
        self.face = if self.face == face { Face::Rows } else { face };
        self.scroll = 0;
    }

    fn drop_filter(&mut self) {
        self.filter.set("");
        self.refilter();
    }

    /// Back to the rows, then without the filter, then away.
    fn back(&mut self) -> Next {
        if self.face != Face::Rows {
            self.face = Face::Rows;
        } else if !self.filter.text().is_empty() {
            self.drop_filter();
        } else {
            return Next::Close;
        }
        Next::Stay
    }

    /// A key of the filter that is typed.
    fn type_filter(&mut self, action: Action, visible: usize) -> bool {
        match action {
            Action::Submit => self.typing = false,
            Action::Leave => {
                self.typing = false;
                self.drop_filter();
            }
            Action::NextField => self.go(Action::Down, visible),
            Action::PreviousField => self.go(Action::Up, visible),
            _ => return false,
        }
        true
    }

    /// Moves the selection by rows, of which so many show.
    fn go(&mut self, action: Action, visible: usize) {
        if let Some(place) = moved(self.place, action, visible, self.len().saturating_sub(1)) {
            self.select(place, visible);
        }
    }

    /// Another row while one shows in full, else another column.
    fn go_sideways(&mut self, right: bool, visible: usize) {
        if self.face == Face::Record {
            let place = if right { self.place + 1 } else { self.place.saturating_sub(1) };
            self.select(place, visible);
            self.scroll = 0;
        } else {
            self.step_column(right);
        }
    }

    fn copy_cell(&self) -> Effect {
        let column = self.answer.table.0.columns().get(self.column);
        let cell = column.and_then(|column| sheet::exact(column, self.selected as usize)).unwrap_or_default();
        let name = self.heads.get(self.column).map_or("", |head| &head.name);
        Effect::Copy { text: cell, what: format!("The cell of {name}") }
    }

    /// The question for a file, named after what the table answers.
    fn save_form(&self) -> SaveForm {
        let view = self.origin.feature_view().replace(['/', '\\'], "_");
        SaveForm::new(self.table().clone(), &format!("{view}_{}.parquet", self.origin.name()))
    }
}

/// Begins the task that the table needs, if it needs one.
pub(crate) fn begin_work(app: &mut App, effects: &mut Vec<Effect>) {
    let (ticket, now) = (app.last_request + 1, app.now);
    if let Some(work) = app.windows.find_mut::<TableWindow>().and_then(|table| table.work(ticket, now)) {
        app.last_request = ticket;
        effects.push(Effect::Work(work));
    }
}

/// What came of a task; false where it is none of the table's.
pub(crate) fn worked(app: &mut App, ticket: u64, outcome: Outcome) -> bool {
    let visible = app.layout.table.rows;
    app.windows.find_mut::<TableWindow>().is_some_and(|table| table.done(ticket, outcome, visible))
}

impl Window for TableWindow {
    fn layers(&self) -> &'static [Layer] {
        if self.typing { stacks::FORM } else { stacks::TABLE }
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        let visible = app.layout.table.rows;
        if self.typing && self.type_filter(action, visible) {
            return Next::Stay;
        }
        match action {
            Action::OpenRow => self.turn_to(Face::Record),
            Action::Column => self.turn_to(Face::Column),
            Action::Plot => self.turn_to(Face::Plot),
            Action::TableSort => self.sort(),
            Action::TableTurn => self.turn(),
            Action::CopyCell => effects.push(self.copy_cell()),
            Action::SaveTable => return Next::open(self.save_form()),
            Action::Filter => (self.face, self.typing) = (Face::Rows, true),
            Action::Left | Action::Right => self.go_sideways(action == Action::Right, visible),
            Action::Close => return self.back(),
            Action::EditQuery => return self.origin.form().map_or(Next::Stay, |form| Next::open(form.clone())),
            _ if action.info().layer != Layer::Move => return Next::Pass,
            _ if self.face == Face::Rows => self.go(action, visible),
            _ => {
                scroll(&mut self.scroll, action, app.layout.window);
            }
        }
        Next::Stay
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.filter).filter(|_| self.typing)
    }

    fn edited(&mut self) {
        self.refilter();
    }

    fn is_typing(&self) -> bool {
        self.typing
    }

    fn offers(&self, action: Action) -> Result<bool, &'static str> {
        match action {
            Action::OpenRow | Action::CopyCell if self.is_empty() => Err("No row is selected."),
            Action::EditQuery if self.origin.form().is_none() => Err(NO_FORM),
            Action::EditQuery | Action::Filter => Ok(true),
            _ => Ok(action.info().layer == Layer::Table),
        }
    }

    fn draw(&self, canvas: &mut Canvas, app: &App, body: Rect) {
        let status = status(canvas, self);
        let inner = canvas.window(body, 0, &title(self, body, line_width(&status)), &status);
        canvas.layout.table = app.layout.table.clone();
        let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        match self.face {
            Face::Rows => rows::draw(canvas, self, inner, body),
            Face::Record => record::draw(canvas, self, inside, body),
            Face::Column => column::draw(canvas, self, inside, body),
            Face::Plot => plot::draw(canvas, self, inside),
        }
    }
}

fn title(table: &TableWindow, body: Rect, status: usize) -> Line {
    let size = match table.heads.len() {
        1 => format!("  {} rows × 1 column", grouped(table.height() as u64)),
        n => format!("  {} rows × {n} columns", grouped(table.height() as u64)),
    };
    let kind = piece(table.origin.name(), Meaning::TitleFocus);
    let name = piece(format!(" {}", table.origin.feature_view()), Meaning::Strong);
    let line = vec![kind.clone(), name, piece(size.clone(), Meaning::Dim)];
    let room = usize::from(body.width).saturating_sub(status + 9);
    // The view stands in the header as well.
    if line_width(&line) <= room { line } else { vec![kind, piece(size, Meaning::Dim)] }
}

fn status(canvas: &mut Canvas, table: &TableWindow) -> Line {
    // What is fast is not worth a word that comes and goes.
    if let Some((_, since)) = table.ordering {
        let shown = since + Span::milliseconds(300);
        if canvas.now >= shown {
            return vec![piece("working…", Meaning::Running)];
        }
        canvas.changes_at(Some(shown));
    }
    if table.is_filtered() {
        let text = format!("{} of {}", grouped(table.len() as u64), grouped(table.height() as u64));
        return vec![piece(text, Meaning::Warning)];
    }
    vec![piece(format!("took {}", print_took(Span::from_std(table.took).unwrap_or_default())), Meaning::Dim)]
}

fn head(column: &polars::prelude::Column, prefix: &str) -> Head {
    let (kind, word) = sheet::head(column);
    let name = clean(column.name()).into_owned();
    let short = name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(&name).to_owned();
    Head { short, kind, word, nulls: column.null_count(), name }
}
