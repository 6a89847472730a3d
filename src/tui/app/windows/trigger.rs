//! The form of `trigger_materialization_job`: what is typed, the boundaries that are legal, and every check of
//! docs/semantics.md section 10 that needs no deployment.
//!
//! Plain data, captured from the view when it was opened. What is materialized and which jobs there are is given to it.

use crate::client::message::RequestId;
use crate::model::time::{floor, parse_time, print_span, print_time};
use crate::model::{Coverage, FeatureView, Job, JobState, Time, TriggerRequest, Window};
use crate::tui::app::columns::{long_window, short_id};
use crate::tui::app::periods::{self, Grid};
use crate::tui::field::Field;
use crate::tui::phase;

/// Periods that are looked at for one that is free.
const LOOKED_AT: usize = 48;
/// Jobs and periods that one sentence names.
const NAMED: usize = 3;

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

/// The form.
#[derive(Clone, Debug)]
pub struct TriggerForm {
    /// Workspace of the view.
    pub workspace: String,
    /// Name of the view.
    pub feature_view: String,
    /// Where windows may begin and end.
    pub grid: Grid,
    /// Whether the view is written to the online and to the offline store.
    pub has: [bool; 2],
    /// Start as typed, UTC.
    pub start: Field,
    /// End as typed, UTC.
    pub end: Field,
    /// Online, offline, managed retries, overwrite.
    pub boxes: [bool; 4],
    /// The line that has the keys.
    pub focus: usize,
    /// What is wrong with the form, or why the deployment refused it, in a sentence.
    pub error: Option<String>,
    /// The request that was sent and has no answer yet.
    pub sending: Option<RequestId>,
}

/// The newest complete period that no job is still to write; the newest one where that would be far back.
fn newest_free(grid: &Grid, jobs: &[Job], now: Time) -> Window {
    let before = |end: Time| Window { start: grid.beside(end, false, now), end };
    let newest = before(grid.last(now));
    let periods = std::iter::successors(Some(newest), |later| Some(before(later.start)).filter(|w| w.start < w.end));
    let mut near = periods.take(LOOKED_AT);
    near.find(|window| periods::blocking(jobs, *window).next().is_none()).unwrap_or(newest)
}

impl TriggerForm {
    /// A form for the view: the job's window and stores, else the view's own stores and the newest complete period that none
    /// of `jobs` is still to write.
    pub fn new(view: &FeatureView, job: Option<&Job>, jobs: &[Job], now: Time) -> Self {
        let grid = Grid::of(view);
        let window = job.and_then(|job| job.window).unwrap_or_else(|| newest_free(&grid, jobs, now));
        let (online, offline) = job.map_or((true, true), |job| (job.online, job.offline));
        Self {
            workspace: view.workspace.clone(),
            feature_view: view.name.clone(),
            grid,
            has: [view.online, view.offline],
            start: Field::new(&print_time(window.start)),
            end: Field::new(&print_time(window.end)),
            // A window that was materialized can only be run again over what is there.
            boxes: [
                online && view.online,
                offline && view.offline,
                true,
                job.is_some_and(|job| job.state == JobState::Success),
            ],
            focus: 0,
            error: None,
            sending: None,
        }
    }

    /// The line that has the keys.
    pub fn item(&self) -> TriggerItem {
        TriggerItem::ALL[self.focus % TriggerItem::ALL.len()]
    }

    /// The text field that has the keys, if one has. Nothing is typed while an answer is awaited.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.item() {
            _ if self.sending.is_some() => None,
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

    /// Why the box of that line cannot be ticked.
    pub fn barred(&self, item: TriggerItem) -> Option<&'static str> {
        match item {
            TriggerItem::Online if !self.has[0] => Some("the view has online = false"),
            TriggerItem::Offline if !self.has[1] => Some("the view has offline = false"),
            _ => None,
        }
    }

    /// Goes to the next or previous line.
    pub fn step(&mut self, forward: bool) {
        let count = TriggerItem::ALL.len();
        self.focus = (self.focus + if forward { 1 } else { count - 1 }) % count;
    }

    /// Switches the box that has the keys, unless it is barred.
    pub fn toggle(&mut self) {
        if self.sending.is_some() || self.barred(self.item()).is_some() {
            return;
        }
        self.error = None;
        if let Some(ticked) = self.focus.checked_sub(2).and_then(|place| self.boxes.get_mut(place)) {
            *ticked = !*ticked;
        }
    }

    /// Moves the boundary that has the keys by one batch schedule, or both where none has. One that cannot be read begins
    /// anew at the last legal boundary.
    pub fn shift(&mut self, later: bool, now: Time) {
        if self.sending.is_some() {
            return;
        }
        let (item, grid) = (self.item(), self.grid);
        self.error = None;
        let move_ = |field: &mut Field| {
            let at = parse_time(field.text()).map_or(grid.last(now), |at| grid.beside(at, later, now));
            field.set(&print_time(at));
        };
        match item {
            TriggerItem::Start => move_(&mut self.start),
            TriggerItem::End => move_(&mut self.end),
            // At the edge of what is legal the window would only shrink.
            _ if later && parse_time(self.end.text()).is_ok_and(|end| end >= grid.last(now)) => {}
            _ if !later && parse_time(self.start.text()).ok().is_some_and(|start| grid.first >= Some(start)) => {}
            _ => {
                move_(&mut self.start);
                move_(&mut self.end);
            }
        }
    }

    /// The window that is typed, or what is wrong with it.
    pub fn window(&self, now: Time) -> Result<Window, String> {
        let start = parse_time(self.start.text()).map_err(|e| format!("Start: {e}."))?;
        let end = parse_time(self.end.text()).map_err(|e| format!("End: {e}."))?;
        if start >= end {
            return Err("The start must lie before the end.".to_owned());
        }
        for (name, at) in [("start", start), ("end", end)] {
            let Some(step) = self.grid.step.filter(|step| floor(at, *step) != at) else { continue };
            let before = floor(at, step);
            let after = before.checked_add_signed(step).map(print_time).unwrap_or_default();
            let (before, every) = (print_time(before), print_span(step));
            return Err(format!("The {name} must lie on the batch schedule of {every}: {before} or {after}."));
        }
        if let Some(first) = self.grid.first.filter(|first| start < *first) {
            let first = print_time(first);
            return Err(format!(
                "The start lies before what can be materialized: the features begin at {first}, their longest window included."
            ));
        }
        let last = self.grid.last(now);
        if self.grid.step.is_some() && end > last {
            let last = print_time(last);
            return Err(format!("The end lies past the newest complete period, which ended at {last}."));
        }
        Ok(Window { start, end })
    }

    /// Why a job for the window would be refused for what there is already. `coverage` is absent while it is not known.
    pub fn clash(&self, window: Window, coverage: Option<&Coverage>, jobs: &[Job]) -> Option<String> {
        let name = |job: &Job| format!("{} ({})", short_id(job.id), phase::of(job).word);
        let blocking: Vec<String> = periods::blocking(jobs, window).map(name).collect();
        if !blocking.is_empty() {
            let word = if blocking.len() == 1 { "job" } else { "jobs" };
            return Some(format!("Blocked by {word} {}: wait for the end, or cancel first.", listed(&blocking)));
        }
        if self.boxes[3] {
            return None;
        }
        let there: Vec<String> = self.overwrites(window, coverage?).into_iter().flatten().collect();
        (!there.is_empty())
            .then(|| format!("Materialized already: {}. Tick overwrite to replace it.", there.join("; ")))
    }

    /// What of each chosen store the window holds already, in words; nothing where it is free.
    pub fn overwrites(&self, window: Window, coverage: &Coverage) -> [Option<String>; 2] {
        let [online, offline, ..] = self.boxes;
        let say = |name: &str, chosen: bool, windows: &[Window]| {
            let parts = periods::within(windows, window);
            let count = periods::count(&parts, self.grid.period());
            let word = if count == 1 { "period" } else { "periods" };
            let parts: Vec<String> = parts.into_iter().map(long_window).collect();
            (chosen && !parts.is_empty()).then(|| format!("{name} {} ({count} {word})", listed(&parts)))
        };
        [say("online", online, &coverage.online), say("offline", offline, &coverage.offline)]
    }

    /// The request, or what is wrong with the form (docs/semantics.md section 10).
    pub fn request(&self, coverage: Option<&Coverage>, jobs: &[Job], now: Time) -> Result<TriggerRequest, String> {
        let window = self.window(now)?;
        let [online, offline, retries, overwrite] = self.boxes;
        if !online && !offline {
            return Err("Choose at least one store: online or offline.".to_owned());
        }
        if let Some(clash) = self.clash(window, coverage, jobs) {
            return Err(clash);
        }
        Ok(TriggerRequest {
            workspace: self.workspace.clone(),
            feature_view: self.feature_view.clone(),
            window,
            online,
            offline,
            use_tecton_managed_retries: retries,
            overwrite,
        })
    }
}

/// The first few of a list, and how many more there are.
fn listed(parts: &[String]) -> String {
    let mut text = parts.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if parts.len() > NAMED {
        text.push_str(&format!(" and {} more", parts.len() - NAMED));
    }
    text
}
