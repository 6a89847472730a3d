//! The form of a new job, and the question before anything changes.
//!
//! Both hold what they are about by value, captured when they were opened: a refresh underneath never changes what a
//! confirmation does.

use std::path::PathBuf;

use crate::client::message::Table;
use crate::model::time::{floor, parse_time, print_span, print_time};
use crate::model::{FeatureView, HistoryQuery, Id, Job, JobState, JobType, Query, Span, Time, TriggerRequest, Window};
use crate::tui::field::Field;

/// One line of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerItem {
    /// Start of the window.
    Start,
    /// End of the window.
    End,
    /// Write to the online store.
    Online,
    /// Write to the offline store.
    Offline,
    /// Managed retries.
    Retries,
    /// Overwrite.
    Overwrite,
}

impl TriggerItem {
    /// All lines, top to bottom.
    pub const ALL: [Self; 6] = [Self::Start, Self::End, Self::Online, Self::Offline, Self::Retries, Self::Overwrite];
}

/// The form of `trigger_materialization_job`.
#[derive(Clone, Debug)]
pub struct TriggerForm {
    /// Workspace of the view.
    pub workspace: String,
    /// Name of the view.
    pub feature_view: String,
    /// The view's batch schedule; both ends of the window lie on it.
    pub schedule: Option<Span>,
    /// Start as typed, UTC.
    pub start: Field,
    /// End as typed, UTC.
    pub end: Field,
    /// Online, offline, managed retries, overwrite.
    pub boxes: [bool; 4],
    /// The line that has the keys.
    pub focus: usize,
    /// What is wrong with the form, in a sentence.
    pub error: Option<String>,
}

impl TriggerForm {
    /// A form for the view: the job's window and stores, else the last complete period and the view's own stores.
    pub fn new(view: &FeatureView, job: Option<&Job>, now: Time) -> Self {
        let step = view.batch_schedule.unwrap_or(Span::days(1));
        let end = floor(now, step);
        let last = Window { start: end.checked_sub_signed(step).unwrap_or(end), end };
        let window = job.and_then(|job| job.window).unwrap_or(last);
        let (online, offline) = job.map_or((view.online, view.offline), |job| (job.online, job.offline));
        Self {
            workspace: view.workspace.clone(),
            feature_view: view.name.clone(),
            schedule: view.batch_schedule,
            start: Field::new(&print_time(window.start)),
            end: Field::new(&print_time(window.end)),
            // A window that was materialized can only be run again over what is there.
            boxes: [online, offline, true, job.is_some_and(|job| job.state == JobState::Success)],
            focus: 0,
            error: None,
        }
    }

    /// The line that has the keys.
    pub fn item(&self) -> TriggerItem {
        TriggerItem::ALL[self.focus % TriggerItem::ALL.len()]
    }

    /// The text field that has the keys, if one has.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.item() {
            TriggerItem::Start => Some(&mut self.start),
            TriggerItem::End => Some(&mut self.end),
            _ => None,
        }
    }

    /// Whether the box of that line is ticked; absent for text.
    pub fn ticked(&self, item: TriggerItem) -> Option<bool> {
        let place = TriggerItem::ALL.iter().position(|i| *i == item)?;
        place.checked_sub(2).map(|place| self.boxes[place])
    }

    /// Goes to the next or previous line.
    pub fn step(&mut self, forward: bool) {
        let count = TriggerItem::ALL.len();
        self.focus = (self.focus + if forward { 1 } else { count - 1 }) % count;
    }

    /// Switches the box that has the keys.
    pub fn toggle(&mut self) {
        if let Some(ticked) = self.focus.checked_sub(2).and_then(|place| self.boxes.get_mut(place)) {
            *ticked = !*ticked;
        }
    }

    /// The request, or what is wrong with the form (semantics.md section 10).
    pub fn request(&self) -> Result<TriggerRequest, String> {
        let start = parse_time(self.start.text()).map_err(|e| format!("Start: {e}."))?;
        let end = parse_time(self.end.text()).map_err(|e| format!("End: {e}."))?;
        if start >= end {
            return Err("The start must lie before the end.".to_owned());
        }
        for (name, at) in [("start", start), ("end", end)] {
            let Some(step) = self.schedule.filter(|step| floor(at, *step) != at) else { continue };
            let (before, after) = (floor(at, step), floor(at, step) + step);
            let every = print_span(step);
            let (before, after) = (print_time(before), print_time(after));
            return Err(format!("The {name} must lie on the batch schedule of {every}: {before} or {after}."));
        }
        let [online, offline, retries, overwrite] = self.boxes;
        if !online && !offline {
            return Err("Choose at least one store: online or offline.".to_owned());
        }
        Ok(TriggerRequest {
            workspace: self.workspace.clone(),
            feature_view: self.feature_view.clone(),
            window: Window { start, end },
            online,
            offline,
            use_tecton_managed_retries: retries,
            overwrite,
        })
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Cancel this job.
    Cancel {
        /// The job.
        job: Id,
        /// Its state when the question was opened.
        state: JobState,
    },
    /// Start this job.
    Trigger(TriggerRequest),
    /// Compute this and keep the result as a dataset.
    Keep(Box<HistoryQuery>),
    /// Write a table over a file that is there. Nothing of the deployment changes.
    Replace {
        /// The table.
        table: Table,
        /// The file.
        path: PathBuf,
    },
}

/// A question before something changes. No is the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked for.
    pub ask: Ask,
    /// Workspace; empty where it does not matter.
    pub workspace: String,
    /// View; empty where it does not matter.
    pub feature_view: String,
    /// What the window is called.
    pub title: &'static str,
    /// Names and values of the object.
    pub facts: Vec<(&'static str, String)>,
    /// What will happen, in a sentence.
    pub effect: String,
}

impl Question {
    /// The question before a job is cancelled.
    pub fn cancel(job: &Job) -> Self {
        let window = job.window.map(super::columns::long_window);
        let effect = match job.job_type {
            JobType::Stream => "The view's stream is no longer written to the online store until it is applied again.",
            _ => "The running attempt is stopped and none follows; its window stays unfilled.",
        };
        let facts = [("job", Some(job.id.to_string())), ("type", Some(job.job_type.to_string())), ("window", window)];
        Self {
            title: "Cancel this job?",
            ask: Ask::Cancel { job: job.id, state: job.state.clone() },
            workspace: job.workspace.clone(),
            feature_view: job.feature_view.clone(),
            facts: facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            effect: effect.to_owned(),
        }
    }

    /// The question before a job is started.
    pub fn trigger(request: TriggerRequest) -> Self {
        let stores = match (request.online, request.offline) {
            (true, true) => "online and offline",
            (true, false) => "online only",
            _ => "offline only",
        };
        let retries = if request.use_tecton_managed_retries { "managed" } else { "none: one attempt" };
        let effect = match (request.overwrite, request.offline) {
            (true, true) => {
                "Starts a batch job. Offline rows of the window are dropped and written anew; online rows may be replaced."
            }
            (true, false) => "Starts a batch job. Online rows of the window may be replaced.",
            (false, _) => "Starts a batch job. It is refused if the window is materialized already.",
        };
        let window = super::columns::long_window(request.window);
        Self {
            title: "Start this job?",
            workspace: request.workspace.clone(),
            feature_view: request.feature_view.clone(),
            facts: vec![
                ("window", format!("{window} UTC")),
                ("stores", stores.to_owned()),
                ("retries", retries.to_owned()),
            ],
            effect: effect.to_owned(),
            ask: Ask::Trigger(request),
        }
    }

    /// The question before a result is kept as a dataset.
    pub fn keep(query: &HistoryQuery) -> Self {
        Self {
            title: "Keep the result?",
            workspace: query.workspace.clone(),
            feature_view: query.feature_view.clone(),
            facts: vec![
                ("dataset", query.save_as.clone().unwrap_or_default()),
                ("of", super::asks::sentence(&Query::History(query.clone()))),
            ],
            effect:
                "Computes the values and keeps them as a dataset of the workspace. A name that is taken is refused."
                    .to_owned(),
            ask: Ask::Keep(Box::new(query.clone())),
        }
    }

    /// The question before a table is written over a file.
    pub fn replace(table: Table, path: PathBuf) -> Self {
        Self {
            title: "Replace this file?",
            workspace: String::new(),
            feature_view: String::new(),
            facts: vec![("file", path.display().to_string())],
            effect: "The file is there already. What is in it is lost.".to_owned(),
            ask: Ask::Replace { table, path },
        }
    }
}
