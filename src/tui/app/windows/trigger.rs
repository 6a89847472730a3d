//! The form of `trigger_materialization_job`: the window on its grid, what is there already, what the job would
//! overwrite, and every check of docs/semantics.md section 10 that needs no deployment.
//!
//! Captured from the view when it was opened. What is materialized and which jobs there are is given to it.

use ratatui::layout::Rect;

use super::question::Question;
use super::{Next, Window};
use crate::client::message::{Problem, RequestId};
use crate::model::clean::first_few;
use crate::model::time::{floor, parse_time, print_span, print_time};
use crate::model::{self, Coverage, FeatureView, Job, JobState, Time, TriggerRequest};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::app::columns::{long_window, short_id, short_window};
use crate::tui::app::periods::{self, Grid};
use crate::tui::app::{App, Level, Pane, coverage, selected_job};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::phase;
use crate::tui::scroll::next_round;
use crate::tui::text::fit;
use crate::tui::theme::Meaning;
use crate::tui::view::form::{tick, wrapped};
use crate::tui::view::strip::{self, Shown};

/// Periods that are looked at for one that is free.
const LOOKED_AT: usize = 48;
const NAMES: usize = 12;

/// One line of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Start,
    End,
    Online,
    Offline,
    Retries,
    Overwrite,
}

impl Item {
    /// All lines, top to bottom: the boxes follow the two instants.
    const ALL: [Self; 6] = [Self::Start, Self::End, Self::Online, Self::Offline, Self::Retries, Self::Overwrite];
}

/// The form of a new job.
#[derive(Clone, Debug)]
pub(crate) struct TriggerForm {
    workspace: String,
    feature_view: String,
    /// Where windows may begin and end.
    grid: Grid,
    /// Whether the view is written to the online and to the offline store.
    pub has: [bool; 2],
    /// Start as it is typed, UTC.
    pub start: Field,
    /// End as it is typed, UTC.
    pub end: Field,
    /// Online, offline, managed retries, overwrite.
    pub boxes: [bool; 4],
    /// The place of the line that has the keys.
    pub focus: usize,
    /// What is wrong with the form, or why the deployment refused it, in a sentence.
    pub error: Option<String>,
    /// The request that was sent and has no answer yet.
    pub sending: Option<RequestId>,
}

/// Opens the form: for the window of the selected job where that is to run again, else for the newest free period.
pub(crate) fn open(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let job = selected_job(app).filter(|_| action == Action::Rerun);
    if let Some(view) = app.feature_view() {
        let form = TriggerForm::new(view, job, &app.jobs.all, app.now);
        app.windows.open(form);
        coverage::ask(app, effects);
    }
}

/// The job was started, or refused: then the form says why and keeps what was typed.
pub(crate) fn answered(app: &mut App, request: RequestId, answer: Result<Job, Problem>) {
    if app.pending.remove(&request).is_none() {
        return;
    }
    let job = match answer {
        Ok(job) => job,
        Err(problem) => return refused(app, request, &problem),
    };
    app.windows.close::<TriggerForm>(|form| form.sending == Some(request));
    let window = job.window.map(|window| short_window(window, app.now)).unwrap_or_default();
    app.notes.add(app.now, Level::Good, format!("Job {} was started for {window}.", short_id(job.id)));
    // What was started is what is watched next, unless the user is busy elsewhere.
    if !app.is_typing() {
        app.focus = Pane::Jobs;
        app.jobs.started(job, app.now);
        app.jobs.select(app.jobs.row, app.layout.jobs_rows);
    }
}

fn refused(app: &mut App, request: RequestId, problem: &Problem) {
    let waiting = app.windows.all_mut::<TriggerForm>().find(|form| form.sending == Some(request));
    let Some(form) = waiting else {
        return app.notes.add(app.now, Level::Bad, format!("No job was started. {problem}"));
    };
    (form.sending, form.error) = (None, Some(problem.to_string()));
    app.notes.add(app.now, Level::Trace, format!("no job was started: {problem}"));
}

/// The newest complete period that no job is still to write; the newest one where that would be far back.
fn newest_free(grid: &Grid, jobs: &[Job], now: Time) -> model::Window {
    let before = |end: Time| model::Window { start: grid.adjacent(end, false, now), end };
    let newest = before(grid.last(now));
    let periods = std::iter::successors(Some(newest), |later| Some(before(later.start)).filter(|w| w.start < w.end));
    let mut near = periods.take(LOOKED_AT);
    near.find(|window| periods::blocking(jobs, *window).next().is_none()).unwrap_or(newest)
}

impl TriggerForm {
    /// A form for the view: the job's window and stores, else the view's own stores and the newest complete period that
    /// none of `jobs` is still to write.
    fn new(view: &FeatureView, job: Option<&Job>, jobs: &[Job], now: Time) -> Self {
        let grid = Grid::new(view);
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
    fn item(&self) -> Item {
        Item::ALL[self.focus % Item::ALL.len()]
    }

    /// Whether the box of that line is ticked; absent for text.
    fn ticked(&self, item: Item) -> Option<bool> {
        let place = Item::ALL.iter().position(|i| *i == item)?;
        place.checked_sub(2).map(|place| self.boxes[place])
    }

    /// Why the box of that line cannot be ticked.
    fn barred(&self, item: Item) -> Option<&'static str> {
        match item {
            Item::Online if !self.has[0] => Some("the view has online = false"),
            Item::Offline if !self.has[1] => Some("the view has offline = false"),
            _ => None,
        }
    }

    /// Goes to the next or previous line.
    fn step(&mut self, forward: bool) {
        self.focus = next_round(self.focus, forward, Item::ALL.len());
    }

    /// Switches the box that has the keys, unless it is barred.
    fn toggle(&mut self) {
        if self.sending.is_some() || self.barred(self.item()).is_some() {
            return;
        }
        self.error = None;
        if let Some(ticked) = self.focus.checked_sub(2).and_then(|place| self.boxes.get_mut(place)) {
            *ticked = !*ticked;
        }
    }

    /// Moves the boundary that has the keys by one batch schedule, or both where none has. One that cannot be read
    /// begins anew at the last legal boundary.
    fn shift(&mut self, later: bool, now: Time) {
        if self.sending.is_some() {
            return;
        }
        let (item, grid) = (self.item(), self.grid);
        self.error = None;
        let move_ = |field: &mut Field| {
            let at = parse_time(field.text()).map_or(grid.last(now), |at| grid.adjacent(at, later, now));
            field.set(&print_time(at));
        };
        match item {
            Item::Start => move_(&mut self.start),
            Item::End => move_(&mut self.end),
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
    pub(crate) fn window(&self, now: Time) -> Result<model::Window, String> {
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
                "The start lies before what can be materialized: the features begin at {first}, their longest window \
                 included."
            ));
        }
        let last = self.grid.last(now);
        if self.grid.step.is_some() && end > last {
            let last = print_time(last);
            return Err(format!("The end lies past the newest complete period, which ended at {last}."));
        }
        Ok(model::Window { start, end })
    }

    /// Why a job for the window would be refused for what there is already. `coverage` is absent while it is not known.
    pub(crate) fn clash(&self, window: model::Window, coverage: Option<&Coverage>, jobs: &[Job]) -> Option<String> {
        let name = |job: &Job| format!("{} ({})", short_id(job.id), phase::phase(job).word);
        let blocking: Vec<String> = periods::blocking(jobs, window).map(name).collect();
        if !blocking.is_empty() {
            let word = if blocking.len() == 1 { "job" } else { "jobs" };
            return Some(format!("Blocked by {word} {}: wait for the end, or cancel first.", first_few(&blocking)));
        }
        if self.boxes[3] {
            return None;
        }
        let there: Vec<String> = self.overwrites(window, coverage?).into_iter().flatten().collect();
        (!there.is_empty())
            .then(|| format!("Materialized already: {}. Tick overwrite to replace it.", there.join("; ")))
    }

    /// What of each chosen store the window holds already, in words; nothing where it is free.
    fn overwrites(&self, window: model::Window, coverage: &Coverage) -> [Option<String>; 2] {
        let [online, offline, ..] = self.boxes;
        let say = |name: &str, chosen: bool, windows: &[model::Window]| {
            let parts = periods::within(windows, window);
            let count = periods::count(&parts, self.grid.period());
            let word = if count == 1 { "period" } else { "periods" };
            let parts: Vec<String> = parts.into_iter().map(long_window).collect();
            (chosen && !parts.is_empty()).then(|| format!("{name} {} ({count} {word})", first_few(&parts)))
        };
        [say("online", online, &coverage.online), say("offline", offline, &coverage.offline)]
    }

    /// The request, or what is wrong with the form (docs/semantics.md section 10).
    fn request(&self, coverage: Option<&Coverage>, jobs: &[Job], now: Time) -> Result<TriggerRequest, String> {
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

impl Window for TriggerForm {
    fn layers(&self) -> &'static [Layer] {
        stacks::TRIGGER
    }

    fn act(&mut self, app: &mut App, action: Action, _effects: &mut Vec<Effect>) -> Next {
        match action {
            Action::NextField | Action::PreviousField => self.step(action == Action::NextField),
            Action::Earlier | Action::Later => self.shift(action == Action::Later, app.now),
            Action::Toggle => self.toggle(),
            Action::Submit if self.sending.is_none() => {
                match self.request(app.coverage.known.as_deref(), &app.jobs.all, app.now) {
                    Ok(request) => return Next::open(Question::trigger(request)),
                    Err(error) => self.error = Some(error),
                }
            }
            // One answer is awaited already.
            Action::Submit => return Next::Stay,
            _ => return Next::Pass,
        }
        Next::Stay
    }

    /// Nothing is typed while an answer is awaited.
    fn field(&mut self) -> Option<&mut Field> {
        match self.item() {
            _ if self.sending.is_some() => None,
            Item::Start => Some(&mut self.start),
            Item::End => Some(&mut self.end),
            _ => None,
        }
    }

    fn edited(&mut self) {
        self.error = None;
    }

    fn draw(&self, canvas: &mut Canvas, app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(84);
        let inside = usize::from(wide.saturating_sub(6));
        canvas.changes_at(self.grid.last(app.now).checked_add_signed(self.grid.period()));
        let (mut strips, mut words) = outlook(app, self, inside);
        let remarks: Vec<Line> = remarks(canvas, self, inside);
        let items = Item::ALL.len();
        let fits = |rows: usize| rows + 2 <= usize::from(body.height);
        // Where not all fits, what is wrong or would happen matters more than what is there.
        if !fits(items + remarks.len() + strips.len() + words.len() + 2) {
            strips.clear();
        }
        if self.error.is_some() && !fits(items + remarks.len() + words.len()) {
            words.clear();
        }
        let outlook = [strips, words].concat();
        let mut lines: Vec<Option<Line>> = vec![None; items];
        let padded = fits(items + remarks.len() + outlook.len() + 4);
        for part in [outlook, remarks].into_iter().filter(|part| !part.is_empty()) {
            if fits(lines.len() + part.len() + 1) {
                lines.push(Some(Vec::new()));
            }
            lines.extend(part.into_iter().map(Some));
        }
        let area = centred(body, wide, lines.len() as u16 + if padded { 4 } else { 2 });
        let title = [piece("Start a job of ", Meaning::TitleFocus), piece(self.feature_view.clone(), Meaning::Strong)];
        let inner = canvas.window(area, 2, &title, &[piece(self.workspace.clone(), Meaning::Dim)]);
        let top = inner.y + u16::from(padded);
        // The line that has the keys stays in sight.
        let hidden = (self.focus + 1).saturating_sub(usize::from(inner.bottom() - top));
        for (y, (place, line)) in (top..inner.bottom()).zip(lines.iter().enumerate().skip(hidden)) {
            match line {
                Some(line) => drop(canvas.line(inner.x, y, inner.width, line)),
                None => draw_item(canvas, self, Item::ALL[place], Rect { y, height: 1, ..inner }),
            }
        }
    }

    fn shows_coverage(&self) -> bool {
        true
    }
}

/// What is wrong, or what the grid is.
fn remarks(canvas: &mut Canvas, form: &TriggerForm, inside: usize) -> Vec<Line> {
    if form.sending.is_some() {
        return wrapped("Asking the deployment to start it…", inside, Meaning::Running);
    }
    if let Some(error) = &form.error {
        return wrapped(error, inside, Meaning::Bad);
    }
    let Some(step) = form.grid.step else { return wrapped("Times are UTC.", inside, Meaning::Dim) };
    let last = form.grid.last(canvas.now);
    let first = form.grid.first.map(|first| format!("{} to ", print_time(first)));
    let text = format!(
        "Both ends lie on the batch schedule of {}, from {}{}, UTC. [ and ] step by one.",
        print_span(step),
        first.unwrap_or_else(|| "any time to ".to_owned()),
        print_time(last)
    );
    wrapped(&text, inside, Meaning::Dim)
}

/// Strips around the window; and in words what would be overwritten or blocks the job, or why the window is none.
fn outlook(app: &App, form: &TriggerForm, inside: usize) -> (Vec<Line>, Vec<Line>) {
    let window = match form.window(app.now) {
        Ok(window) => window,
        Err(_) if form.error.is_some() => return Default::default(),
        Err(error) => return (Vec::new(), wrapped(&error, inside, Meaning::Warning)),
    };
    let shown =
        Shown { window, grid: &form.grid, covered: &app.coverage, jobs: &app.jobs.all, stores: form.has, now: app.now };
    let strips = strip::lines(&shown, NAMES, inside);
    let coverage = app.coverage.known.as_deref();
    let clash = form.clash(window, coverage, &app.jobs.all);
    let words = match (&clash, coverage) {
        (Some(clash), _) if form.error.as_ref() == Some(clash) => Vec::new(),
        (Some(clash), _) => wrapped(clash, inside, Meaning::Warning),
        (None, Some(coverage)) => {
            let over: Vec<String> = form.overwrites(window, coverage).into_iter().flatten().collect();
            match over.is_empty() {
                true => wrapped("Nothing is there yet in the chosen stores.", inside, Meaning::Good),
                false => wrapped(&format!("would overwrite: {}", over.join("; ")), inside, Meaning::Warning),
            }
        }
        (None, None) => Vec::new(),
    };
    (strips, words)
}

fn draw_item(canvas: &mut Canvas, form: &TriggerForm, item: Item, area: Rect) {
    let (name, purpose) = match item {
        Item::Start => ("start", ""),
        Item::End => ("end", ""),
        Item::Online => ("online", "write to the online store"),
        Item::Offline => ("offline", "write to the offline store"),
        Item::Retries => ("retries", "let the platform retry failed attempts"),
        Item::Overwrite => ("overwrite", "allow a window that is materialized already"),
    };
    let here = form.item() == item;
    let meaning = if here { Meaning::Strong } else { Meaning::Dim };
    canvas.text(area.x, area.y, NAMES as u16, &fit(name, NAMES, false), meaning);
    let x = area.x + NAMES as u16;
    let room = area.right().saturating_sub(x);
    let typed = here && form.sending.is_none();
    match (item, form.ticked(item)) {
        (Item::Start, _) => canvas.field(x, area.y, room.min(24), &form.start, typed),
        (Item::End, _) => canvas.field(x, area.y, room.min(24), &form.end, typed),
        (_, ticked) => {
            tick(canvas, Rect { x, width: room, ..area }, ticked == Some(true), here, form.barred(item), purpose)
        }
    }
}
