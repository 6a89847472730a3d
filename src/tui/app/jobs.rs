//! The Jobs pane's state: all jobs of the view, which of them show, in which order, and which one is selected.
//!
//! The selection is a job's id. It stays with its job whatever arrives; only a key of the user moves it, or the job's
//! end of being there, which a note reports.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::columns::{self, Column};
use crate::model::time::print_span;
use crate::model::{Id, Job, JobType, Time};
use crate::tui::field::Field;
use crate::tui::phase::{self, Phase};
use crate::tui::query::{Query, Row, Scorer};
use crate::tui::scroll::first_visible;

/// Names that a filter of jobs can compare.
const FIELDS: &[&str] =
    &["state", "type", "window", "attempts", "progress", "age", "reason", "store", "id", "online", "offline"];

/// The jobs of the open view, and what of them shows.
#[derive(Clone, Debug)]
pub struct Jobs {
    /// All jobs, in the server's order: newest first.
    pub all: Arc<Vec<Job>>,
    /// Whether the list came at all.
    pub loaded: bool,
    /// Only the first jobs came, and the rest is on its way: how many there are, where that is known.
    pub rest: Option<Option<u64>>,
    /// Indices of the rows that show, in the order in which they show.
    pub order: Vec<u32>,
    /// The filter as it is typed.
    pub filter: Field,
    /// What is wrong with the filter, in a sentence.
    pub filter_error: Option<String>,
    query: Query,
    /// The column that rows are sorted by.
    pub sort: Column,
    /// Rows are sorted large first.
    pub descending: bool,
    /// The id of the selected job.
    pub selected: Option<Id>,
    /// The row of the selected job in `order`.
    pub row: usize,
    /// The first row that is visible.
    pub top: usize,
    /// Jobs that the user marked; all of them are there.
    pub marks: BTreeSet<Id>,
    /// Jobs that the user waits for.
    pub waits: BTreeSet<Id>,
    /// How many jobs there are in each phase, what needs an eye first.
    pub counts: Vec<(Phase, usize)>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            all: Arc::default(),
            loaded: false,
            rest: None,
            order: Vec::new(),
            filter: Field::default(),
            filter_error: None,
            query: Query::default(),
            sort: Column::Age,
            descending: false,
            selected: None,
            row: 0,
            top: 0,
            marks: BTreeSet::new(),
            waits: BTreeSet::new(),
            counts: Vec::new(),
        }
    }
}

struct JobRow<'a> {
    job: &'a Job,
    now: Time,
}

impl Row for JobRow<'_> {
    fn text(&self) -> Cow<'_, str> {
        let window = self.job.window.map(columns::long_window).unwrap_or_default();
        let (word, reason) = (phase::phase(self.job).word, columns::reason(self.job));
        format!("{word} {} {window} {} {reason} {}", self.job.job_type, columns::stores(self.job), self.job.id).into()
    }

    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let job = self.job;
        Some(match name {
            // Both words are accepted: the screen's and the protocol's.
            "state" => format!("{} {}", phase::phase(job).word, job.state).into(),
            "type" => job.job_type.to_string().into(),
            "window" => job.window.map(columns::long_window).unwrap_or_default().into(),
            "attempts" => columns::attempts(job).to_string().into(),
            "progress" => job.progress().map(|share| (share * 100.0).round().to_string()).unwrap_or_default().into(),
            "age" => job.created_at.map(|at| print_span(self.now - at)).unwrap_or_default().into(),
            "reason" => columns::reason(job).into(),
            "store" => columns::stores(job).into(),
            "id" => job.id.to_string().into(),
            "online" => job.online.to_string().into(),
            "offline" => job.offline.to_string().into(),
            _ => return None,
        })
    }
}

impl Jobs {
    /// The pane of another view: nothing but the order is kept.
    pub fn emptied(&self) -> Self {
        Self { sort: self.sort, descending: self.descending, ..Self::default() }
    }

    /// Takes a new list. True when the selected job is no longer in it.
    pub fn receive(&mut self, all: Arc<Vec<Job>>, now: Time) -> bool {
        self.all = all;
        (self.loaded, self.rest) = (true, None);
        if !self.marks.is_empty() {
            let there: HashSet<Id> = self.all.iter().map(|job| job.id).collect();
            self.marks.retain(|id| there.contains(id));
        }
        self.count();
        let before = self.row;
        let gone = self.selected.is_some_and(|id| !self.all.iter().any(|job| job.id == id));
        self.rebuild(now);
        // Rows that came in above push the window down with the selection, so that the eye stays where it was.
        if !gone && self.top > 0 {
            self.top = (self.top + self.row).saturating_sub(before);
        }
        gone
    }

    /// Puts a job that was just started into the list and selects it, unless the filter hides it.
    pub fn started(&mut self, job: Job, now: Time) {
        let (before, id) = (self.selected, job.id);
        let others = self.all.iter().filter(|other| other.id != id).cloned();
        self.all = Arc::new(std::iter::once(job).chain(others).collect());
        self.count();
        self.selected = Some(id);
        self.rebuild(now);
        if self.selected != Some(id) {
            self.selected = before;
            self.rebuild(now);
        }
    }

    fn count(&mut self) {
        self.counts.clear();
        for phase in self.all.iter().map(phase::phase) {
            match self.counts.iter_mut().find(|(known, _)| *known == phase) {
                Some((_, count)) => *count += 1,
                None => self.counts.push((phase, 1)),
            }
        }
        self.counts.sort_by_key(|(phase, _)| phase.rank);
    }

    /// Takes the filter as it stands in the field.
    pub fn refilter(&mut self, now: Time) {
        let parsed = Query::parse(self.filter.text(), FIELDS);
        self.filter_error = parsed.as_ref().err().cloned();
        // A filter that cannot be read hides nothing.
        self.query = parsed.unwrap_or_default();
        self.rebuild(now);
    }

    /// Filters and sorts again; the selection stays with its job if that shows, else with its row.
    pub fn rebuild(&mut self, now: Time) {
        let mut scorer = Scorer::default();
        let shows = |job: &Job| self.query.is_empty() || self.query.matches(&JobRow { job, now }, &mut scorer);
        let mut shows = shows;
        let mut order: Vec<u32> =
            (0u32..).zip(self.all.iter()).filter(|(_, job)| shows(job)).map(|(at, _)| at).collect();
        order.sort_by_cached_key(|at| self.sort.sort_key(&self.all[*at as usize]));
        if self.descending {
            order.reverse();
        }
        self.order = order;
        let found = self.selected.and_then(|id| self.order.iter().position(|at| self.all[*at as usize].id == id));
        self.row = found.unwrap_or(self.row).min(self.order.len().saturating_sub(1));
        self.selected = self.at(self.row).map(|job| job.id);
    }

    /// The job of a row.
    pub fn at(&self, row: usize) -> Option<&Job> {
        self.order.get(row).and_then(|at| self.all.get(*at as usize))
    }

    /// The job of that id.
    pub fn find(&self, id: Id) -> Option<&Job> {
        self.all.iter().find(|job| job.id == id)
    }

    /// Marks the job, or takes its mark away.
    pub fn mark(&mut self, id: Id) {
        if !self.marks.remove(&id) {
            self.marks.insert(id);
        }
    }

    /// Marks all jobs that show, but never a stream job that can be cancelled: what is done to many jobs must not stop
    /// the stream unseen. Where they are marked already, takes all marks away.
    pub fn mark_shown(&mut self) {
        let jobs = (0..self.order.len()).filter_map(|row| self.at(row));
        let shown: Vec<Id> =
            jobs.filter(|job| job.job_type != JobType::Stream || !job.state.can_cancel()).map(|job| job.id).collect();
        if shown.iter().all(|id| self.marks.contains(id)) {
            self.marks.clear();
        } else {
            self.marks.extend(shown);
        }
    }

    /// The marked jobs, newest first, hidden ones too.
    pub fn marked(&self) -> impl Iterator<Item = &Job> {
        self.all.iter().filter(|job| self.marks.contains(&job.id))
    }

    /// Selects the row, or the nearest there is, and brings it into a window of `height` rows.
    pub fn select(&mut self, row: usize, height: usize) {
        self.row = row.min(self.order.len().saturating_sub(1));
        self.selected = self.at(self.row).map(|job| job.id);
        self.top = first_visible(self.top, self.row, height, self.order.len());
    }

    /// Sorts by the column; by its direction turned round where it is the sort column already.
    pub fn sort_by(&mut self, column: Column, descending: bool, now: Time) {
        self.sort = column;
        self.descending = descending;
        self.rebuild(now);
    }

    /// Whether a filter hides rows.
    pub fn is_filtered(&self) -> bool {
        !self.query.is_empty()
    }
}

#[cfg(test)]
mod tests;
