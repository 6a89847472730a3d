//! The table of an answer: which rows show, in which order, which cell is selected, and what is looked at closer.
//!
//! The selection is a row of the table, whatever is sorted or filtered around it. Whatever looks at every row is asked of the
//! loop as [`Work`]: [`Sheet::work`] compares what is there with what is wanted, so that at most one task of a kind is
//! under way and the last wish wins.

use std::path::PathBuf;
use std::time::Duration;

pub(in crate::tui) mod closer;
pub(in crate::tui) mod plot;
pub(in crate::tui) mod rows;

use super::query_form::{AskForm, sentence};
use crate::client::message::{Problem, QueryAnswer, RequestId, Table};
use crate::model::{FeatureView, Query, QueryProgress, Time};
use crate::tui::app::jobs::window;
use crate::tui::field::Field;
use crate::tui::query;
use crate::tui::sheet::{self, Kind, Outcome, Plot, Rows, Summary, Task, Work};

/// What a table answers.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A query, and the form it came from.
    Query {
        /// The form.
        form: Box<AskForm>,
        /// What was asked for.
        query: Box<Query>,
    },
    /// A lookup of all values of the wildcard key.
    Lookup {
        /// The view.
        feature_view: String,
        /// The other keys as typed, in one line.
        keys: String,
    },
    /// A status table.
    Status {
        /// The view.
        feature_view: String,
        /// Of deletion jobs, else of materialization jobs.
        deletions: bool,
    },
}

impl Origin {
    /// Its name on the screen and in file names.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Query { form, .. } => form.kind.name(),
            Self::Lookup { .. } => "lookup",
            Self::Status { deletions: false, .. } => "materialization_status",
            Self::Status { deletions: true, .. } => "deletion_status",
        }
    }

    /// The view it is of.
    pub fn feature_view(&self) -> &str {
        match self {
            Self::Query { query, .. } => query.feature_view(),
            Self::Lookup { feature_view, .. } | Self::Status { feature_view, .. } => feature_view,
        }
    }

    /// The form to go back to, if it came from one.
    pub fn form(&self) -> Option<&AskForm> {
        match self {
            Self::Query { form, .. } => Some(form),
            Self::Lookup { .. } | Self::Status { .. } => None,
        }
    }

    /// What was asked for, in one line.
    pub fn sentence(&self) -> String {
        match self {
            Self::Query { query, .. } => sentence(query),
            Self::Lookup { keys, .. } => format!("{keys}, one row a value of the wildcard key, now"),
            Self::Status { .. } => "one row an attempt, of every job; times are UTC".to_owned(),
        }
    }
}

/// A query under way, or one that failed.
#[derive(Clone, Debug)]
pub struct Running {
    /// The request.
    pub request: RequestId,
    /// What was asked for.
    pub origin: Origin,
    /// Since when.
    pub since: Time,
    /// How far it is.
    pub progress: QueryProgress,
    /// Why it failed, and after how long.
    pub failed: Option<(Problem, Duration)>,
    /// How far the error is scrolled, in lines.
    pub scroll: usize,
}

/// The question for a file to write a table to.
#[derive(Clone, Debug)]
pub struct SaveForm {
    /// The table.
    pub table: Table,
    /// The path as typed.
    pub field: Field,
    /// What went wrong, in a sentence or two.
    pub error: Option<String>,
    /// The question to the loop whether this file is there.
    pub finding: Option<(u64, PathBuf)>,
    /// The request to write it.
    pub writing: Option<RequestId>,
}

/// What of a table is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Its rows.
    Rows,
    /// One row in full.
    Record,
    /// What a column holds.
    Column,
    /// A column over time.
    Plot,
}

/// A column of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Its name, cleaned.
    pub name: String,
    /// What the head says: without the view's name, which all features have in front.
    pub short: String,
    /// How it is shown.
    pub kind: Kind,
    /// The word for its type.
    pub word: String,
    /// Missing values.
    pub nulls: usize,
}

/// Wishes that rows were made for: filter and sort.
type Wish = (String, Option<(usize, bool)>);

/// A table and everything about looking at it.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// What it answers.
    pub origin: Origin,
    /// The answer.
    pub answer: QueryAnswer,
    /// How long it took.
    pub took: Duration,
    /// Columns.
    pub heads: Vec<Head>,
    /// Columns at the left that stay there: the keys.
    pub keys: usize,
    /// The column of the instants.
    pub time: Option<usize>,
    /// What names in a filter may leave out.
    pub prefix: String,
    /// The rows that show.
    pub rows: Rows,
    rows_for: Wish,
    /// Counts the changes of `rows`.
    epoch: u64,
    /// The filter as typed.
    pub filter: Field,
    /// What is wrong with the filter, in a sentence.
    pub filter_error: Option<String>,
    /// The column that rows are sorted by, and whether large comes first.
    pub sort: Option<(usize, bool)>,
    /// The selected row of the table.
    pub selected: u32,
    /// Its place among the rows that show.
    pub place: usize,
    /// The first visible place.
    pub top: usize,
    /// The selected column.
    pub column: usize,
    /// What is looked at.
    pub face: Face,
    /// How far the other faces are scrolled, in lines.
    pub scroll: usize,
    /// The order that is being made, and since when.
    pub ordering: Option<(u64, Time)>,
    looking: Option<u64>,
    looked: Option<(Face, usize, u64)>,
    /// What the selected column holds, once known.
    pub summary: Option<Summary>,
    /// The selected column over time, once known, or why not.
    pub plot: Option<Result<Plot, String>>,
}

impl Sheet {
    /// The table of an answer; `view` tells which columns are keys and which one the time.
    pub fn new(running: Running, answer: QueryAnswer, took: Duration, view: Option<&FeatureView>) -> Self {
        let prefix = format!("{}.", running.origin.feature_view());
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
            origin: running.origin,
            answer,
            took,
            heads,
            prefix,
            rows: None,
            rows_for: Wish::default(),
            epoch: 0,
            filter: Field::default(),
            filter_error: None,
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

    /// The table.
    pub fn table(&self) -> &Table {
        &self.answer.table
    }

    /// Rows of the table.
    pub fn height(&self) -> usize {
        self.answer.table.0.height()
    }

    /// Rows that show.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.height(), |rows| rows.len())
    }

    /// Whether no row shows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of the table at a place.
    pub fn at(&self, place: usize) -> Option<u32> {
        match &self.rows {
            Some(rows) => rows.get(place).copied(),
            None => Some(place as u32).filter(|_| place < self.height()),
        }
    }

    /// Whether a filter hides rows.
    pub fn is_filtered(&self) -> bool {
        !self.rows_for.0.trim().is_empty()
    }

    /// Selects the row at the place, or the nearest there is, and brings it into a window of `height` rows.
    pub fn select(&mut self, place: usize, height: usize) {
        self.place = place.min(self.len().saturating_sub(1));
        self.selected = self.at(self.place).unwrap_or(self.selected);
        self.top = window(self.top, self.place, height, self.len());
    }

    /// Selects the next column, or the one before.
    pub fn step_column(&mut self, right: bool) {
        let last = self.heads.len().saturating_sub(1);
        self.column = if right { (self.column + 1).min(last) } else { self.column.saturating_sub(1) };
        self.scroll = 0;
    }

    /// Sorts by the selected column; where that is sorted by already, rows come as they came.
    pub fn sort(&mut self) {
        let sorted = self.sort.is_some_and(|(column, _)| column == self.column);
        self.sort = (!sorted).then_some((self.column, false));
    }

    /// Turns the direction; where nothing is sorted, sorts by the selected column, large first.
    pub fn turn(&mut self) {
        let (column, descending) = self.sort.unwrap_or((self.column, false));
        self.sort = Some((column, !descending));
    }

    /// Takes the filter as it stands in the field.
    pub fn refilter(&mut self) {
        let names = sheet::names(&self.answer.table.0, &self.prefix);
        self.filter_error = query::Query::parse(self.filter.text(), &names).err();
    }

    /// What rows are wanted for; a filter that cannot be read hides nothing.
    fn wish(&self) -> Wish {
        let filter = if self.filter_error.is_some() { "" } else { self.filter.text() };
        (filter.to_owned(), self.sort)
    }

    /// The task that brings what is there nearer to what is wanted, if one is to be begun; `ticket` names it.
    pub fn work(&mut self, ticket: u64, now: Time) -> Option<Work> {
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
    pub fn done(&mut self, ticket: u64, outcome: Outcome, height: usize) -> bool {
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
    pub fn is_looking(&self) -> bool {
        self.looking.is_some()
    }

    /// The name of a file to write it to.
    pub fn file_name(&self) -> PathBuf {
        let name = self.origin.feature_view().replace(['/', '\\'], "_");
        PathBuf::from(format!("{name}_{}.parquet", self.origin.name()))
    }
}

fn head(column: &polars::prelude::Column, prefix: &str) -> Head {
    let (kind, word) = sheet::head(column);
    let name = crate::tui::text::clean(column.name()).into_owned();
    let short = name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(&name).to_owned();
    Head { short, kind, word, nulls: column.null_count(), name }
}
