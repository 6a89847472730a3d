//! The window of one job: what it is, its attempts on an axis of time, which windows are materialized around its own,
//! and what the chosen attempt did, with its log.
//!
//! The job itself is read from the list, so that the window is there at once and live; stages and log are asked for the
//! one attempt that shows.

mod stream;
mod timeline;

use std::sync::Arc;

use ratatui::layout::Rect;

use super::{Next, Window};
use crate::client::message::{Command, Generation, Problem};
use crate::model::time::{print_took, short_second};
use crate::model::{
    self, Attempt, AttemptDetail, AttemptState, Coverage, Id, Job, JobType, Stage, StageState, Stores, Time,
};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::ages;
use crate::tui::app::periods::{self, Grid};
use crate::tui::app::{App, columns, coverage, selected_job};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::phase;
use crate::tui::scroll::moved;
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;
use crate::tui::view::progress;
use crate::tui::view::strip::{self, Shown};

const NAMES: usize = 14;

/// What an attempt did, or why that is not known.
type Answer = Result<Arc<AttemptDetail>, Problem>;

/// The window of a job, which stays with it whatever is selected below.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobWindow {
    pub job: Id,
    /// How far it is scrolled, in lines.
    scroll: usize,
    /// The end stays in sight, as the log grows.
    follow: bool,
    /// Number of the attempt that is looked at; absent for the newest, whichever that is.
    chosen: Option<u32>,
    /// The newest answer, and the attempt it is about.
    answer: Option<(Id, Answer)>,
    /// The attempt that is asked for.
    asking: Option<Id>,
    /// The job changed since: the answer on its way may be old.
    again: bool,
}

/// Opens the window of the selected job.
pub(crate) fn open(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(job) = selected_job(app).map(|job| job.id) else { return };
    let mut window = JobWindow { job, ..JobWindow::default() };
    window.ask(app, effects);
    app.windows.open(window);
    coverage::ask(app, effects);
}

/// A new list of jobs came: where the open job is another now, its attempt may have gone on.
pub(crate) fn refresh(app: &mut App, before: &[Job], effects: &mut Vec<Effect>) {
    let Some(id) = app.windows.find::<JobWindow>().map(|window| window.job) else { return };
    if app.jobs.find(id) != before.iter().find(|job| job.id == id) {
        ask_again(app, effects);
    }
}

/// The answer came; one for an attempt that is no longer looked at is dropped.
pub(crate) fn answered(app: &mut App, attempt: Id, answer: Answer, effects: &mut Vec<Effect>) {
    let Some(window) = app.windows.find_mut::<JobWindow>() else { return };
    if window.asking != Some(attempt) {
        return;
    }
    window.asking = None;
    window.answer = Some((attempt, answer));
    if std::mem::take(&mut window.again) {
        ask_again(app, effects);
    }
}

fn ask_again(app: &mut App, effects: &mut Vec<Effect>) {
    let (generation, jobs) = (app.generation, app.jobs.all.clone());
    if let Some(window) = app.windows.find_mut::<JobWindow>() {
        window.ask_among(&jobs, generation, effects);
    }
}

impl JobWindow {
    /// The attempt that is looked at.
    fn attempt<'a>(&self, job: &'a Job) -> Option<&'a Attempt> {
        let chosen = self.chosen.and_then(|number| job.attempts.iter().find(|attempt| attempt.number == number));
        chosen.or(job.last_attempt())
    }

    /// What is known of the attempt.
    fn answer(&self, attempt: Id) -> Option<&Answer> {
        self.answer.as_ref().filter(|(known, _)| *known == attempt).map(|(_, answer)| answer)
    }

    /// Asks for the attempt that shows, unless it is asked for already.
    fn ask(&mut self, app: &App, effects: &mut Vec<Effect>) {
        self.ask_among(&app.jobs.all, app.generation, effects);
    }

    fn ask_among(&mut self, jobs: &[Job], generation: Generation, effects: &mut Vec<Effect>) {
        let job = jobs.iter().find(|job| job.id == self.job);
        let Some(attempt) = job.and_then(|job| self.attempt(job)).and_then(|attempt| attempt.id) else { return };
        if self.asking == Some(attempt) {
            self.again = true;
            return;
        }
        (self.asking, self.again) = (Some(attempt), false);
        effects.push(Effect::Client(Command::Detail { generation, attempt }));
    }

    /// Looks at the attempt before or after.
    fn step(&mut self, app: &App, later: bool, effects: &mut Vec<Effect>) {
        let Some(job) = app.jobs.find(self.job) else { return };
        let Some(number) = self.attempt(job).map(|attempt| attempt.number) else { return };
        let place = job.attempts.iter().position(|attempt| attempt.number == number).unwrap_or(0);
        let to = if later { place + 1 } else { place.saturating_sub(1) };
        let Some(next) = job.attempts.get(to).filter(|next| next.number != number) else { return };
        // The newest one is followed when another one comes.
        self.chosen = Some(next.number).filter(|_| to + 1 < job.attempts.len());
        self.follow = false;
        self.ask(app, effects);
    }
}

impl Window for JobWindow {
    fn layers(&self) -> &'static [Layer] {
        stacks::JOB
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        if let Action::Left | Action::Right = action {
            self.step(app, action == Action::Right, effects);
            return Next::Stay;
        }
        let (lines, height) = app.layout.window;
        let last = lines.saturating_sub(height);
        let at = if self.follow { last } else { self.scroll };
        let Some(to) = moved(at, action, height, last) else { return Next::Pass };
        self.scroll = to;
        // Whoever goes to the end wants to see it grow.
        self.follow = last > 0 && to == last;
        Next::Stay
    }

    fn draw(&self, canvas: &mut Canvas, app: &App, body: Rect) {
        let wide = body.width.saturating_sub(4).min(120);
        let inside = usize::from(wide.saturating_sub(4));
        let job = app.jobs.find(self.job);
        let lines = match job {
            Some(job) => lines(canvas, app, self, job, inside),
            None => vec![vec![piece("This job is no longer in the list.", Meaning::Warning)]],
        };
        let area = centred(body, wide, lines.len() as u16 + 2);
        let title = [piece("Job ", Meaning::TitleFocus), piece(self.job.to_string(), Meaning::Strong)];
        let inner = canvas.window(area, 1, &title, &[]);
        canvas.scrolled(area, inner, &lines, if self.follow { usize::MAX } else { self.scroll });
        if job.is_some_and(|job| job.attempts.len() > 1) {
            canvas.frame_foot(area, &[piece("← → other attempts", Meaning::Dim)]);
        }
    }

    fn shows_coverage(&self) -> bool {
        true
    }
}

fn lines(canvas: &mut Canvas, app: &App, shown: &JobWindow, job: &Job, wide: usize) -> Vec<Line> {
    let mut lines = facts(canvas, app, job, wide);
    lines.push(Vec::new());
    // What is told of the stream is of its newest job.
    if let Some(figures) = app.stream.figures.as_ref().filter(|figures| figures.job == Some(job.id)) {
        lines.extend(stream::lines(figures, app.now, wide));
        lines.push(Vec::new());
    }
    let attempt = shown.attempt(job);
    lines.extend(timeline::lines(canvas, job, attempt.map(|attempt| attempt.number), wide));
    if let Some(attempt) = attempt {
        lines.push(Vec::new());
        lines.extend(failure(attempt, wide));
    }
    let answer = attempt.and_then(|attempt| attempt.id).map(|id| (id, shown.answer(id)));
    let under_way = [AttemptState::Pending, AttemptState::Running, AttemptState::Cancelling];
    let ended = attempt.is_some_and(|attempt| !under_way.contains(&attempt.state));
    if let Some((id, answer)) = answer {
        lines.extend(stages(canvas, shown, (id, ended), answer, wide));
    }
    lines.extend(windows(canvas, app, job, wide));
    if let Some((_, Some(Ok(known)))) = answer {
        lines.extend(log(&known.log, wide));
    }
    lines
}

fn facts(canvas: &mut Canvas, app: &App, job: &Job, wide: usize) -> Vec<Line> {
    let phase = phase::phase(job);
    let mut lines = Vec::new();
    let mut state = vec![
        piece(fit("state", NAMES, false), Meaning::Dim),
        piece(format!("{} {}", phase.glyph, phase.word), phase.meaning),
        piece(format!("  {}  ", job.state), Meaning::Dim),
    ];
    state.extend(progress::job(canvas, job));
    lines.push(state);
    let mut pair = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(vec![piece(fit(name, NAMES, false), Meaning::Dim), piece(value, Meaning::Text)]);
        }
    };
    pair("view", format!("{} in {}", job.feature_view, job.workspace));
    let stores = Stores { online: job.online, offline: job.offline };
    pair("type", format!("{}, to {}", job.job_type.to_string().to_lowercase(), stores.words()));
    pair("window", job.window.map(columns::long_window).unwrap_or_default());
    let (created, changed) = (ago(canvas, job.created_at), ago(canvas, job.updated_at));
    let both = format!("{created}, changed {changed}");
    if changed.is_empty() || width(&both) > wide.saturating_sub(NAMES) {
        pair("created", created);
        pair("changed", changed);
    } else {
        pair("created", both);
    }
    if app.jobs.waits.contains(&job.id) {
        pair("waiting", "a bell rings when it ends (W stops waiting)".to_owned());
    }
    lines
}

fn ago(canvas: &mut Canvas, at: Option<Time>) -> String {
    let Some(at) = at else { return String::new() };
    let age = canvas.moving(ages::since(at, canvas.now));
    format!("{} ({age} ago)", short_second(at, canvas.now))
}

/// Number, reason and the whole message of the chosen attempt.
fn failure(attempt: &Attempt, wide: usize) -> Vec<Line> {
    let (word, _, meaning) = phase::attempt_phase(&attempt.state);
    let mut lines = vec![vec![
        piece(format!("attempt {}  ", attempt.number), Meaning::Strong),
        piece(attempt.reason.clone().unwrap_or(word), meaning),
    ]];
    let message = attempt.message.as_deref().filter(|message| !message.is_empty());
    let message = message.into_iter().flat_map(|message| wrap(message, wide.saturating_sub(2)));
    lines.extend(message.map(|line| vec![piece(format!("  {line}"), Meaning::Text)]));
    lines
}

/// What the attempt did, stage by stage; or why that is not known.
fn stages(
    canvas: &mut Canvas,
    shown: &JobWindow,
    (attempt, ended): (Id, bool),
    answer: Option<&Answer>,
    wide: usize,
) -> Vec<Line> {
    match answer {
        None if shown.asking == Some(attempt) => vec![vec![piece("  asking what it did…", Meaning::Dim)]],
        None => Vec::new(),
        Some(Err(problem)) => wrap(&format!("Cannot tell what it did. {problem}"), wide.saturating_sub(2))
            .into_iter()
            .map(|line| vec![piece(format!("  {line}"), Meaning::Warning)])
            .collect(),
        Some(Ok(known)) => known.stages.iter().flat_map(|stage| stage_lines(canvas, stage, ended, wide)).collect(),
    }
}

fn stage_lines(canvas: &mut Canvas, stage: &Stage, ended: bool, wide: usize) -> Vec<Line> {
    let (word, glyph, meaning) = match stage.state {
        StageState::Pending if ended => ("not begun", "·", Meaning::Dim),
        StageState::Pending => ("waits", "○", Meaning::Waiting),
        StageState::Running => ("running", "●", Meaning::Running),
        StageState::Success => ("done", "✓", Meaning::Good),
        StageState::Error => ("error", "✗", Meaning::Bad),
        StageState::Cancelled => ("cancelled", "⊘", Meaning::Over),
    };
    let took = match (stage.took, stage.started_at, stage.state) {
        (Some(took), ..) => print_took(took),
        (None, Some(from), StageState::Running) => canvas.moving(ages::since(from, canvas.now)),
        _ => String::new(),
    };
    let share = stage.progress.filter(|_| stage.state == StageState::Running);
    let share = share.map(|share| format!("{:.0}%  ", share.clamp(0.0, 1.0) * 100.0)).unwrap_or_default();
    let mut lines = vec![vec![
        piece(format!("  {}  ", fit(&stage.kind.to_string(), 13, false)), Meaning::Dim),
        piece(fit(&format!("{glyph} {word}"), 11, false), meaning),
        piece(format!("  {}  ", fit(&took, 7, false)), Meaning::Dim),
        piece(format!("{share}{}", stage.description), Meaning::Text),
    ]];
    let error = stage.error.as_deref().filter(|error| !error.is_empty());
    let error = error.into_iter().flat_map(|error| wrap(error, wide.saturating_sub(17)));
    lines.extend(error.map(|line| vec![piece(format!("{}{line}", " ".repeat(17)), Meaning::Bad)]));
    lines
}

/// Which windows around the job's own are materialized where, as strips and in words.
fn windows(canvas: &mut Canvas, app: &App, job: &Job, wide: usize) -> Vec<Line> {
    let (Some(window), Some(view)) = (job.window, app.feature_view()) else { return Vec::new() };
    if job.job_type != JobType::Batch {
        return Vec::new();
    }
    let mut lines = vec![Vec::new(), vec![piece("materialized", Meaning::Strong)]];
    let grid = Grid::new(view);
    canvas.changes_at(grid.last(app.now).checked_add_signed(grid.period()));
    let shown = Shown {
        window,
        grid: &grid,
        covered: &app.coverage,
        jobs: &app.jobs.all,
        stores: [view.online, view.offline],
        now: app.now,
    };
    lines.extend(strip::lines(&shown, NAMES, wide));
    if let Some(coverage) = &app.coverage.known {
        let text = covered_parts(window, coverage, [view.online, view.offline]);
        lines.extend(wrap(&text, wide).into_iter().map(|line| vec![piece(line, Meaning::Text)]));
    }
    lines
}

/// What of the window each store holds, in words.
fn covered_parts(window: model::Window, coverage: &Coverage, stores: [bool; 2]) -> String {
    let say = |name: &str, windows: &[model::Window]| {
        let parts = periods::within(windows, window);
        match parts.as_slice() {
            [] => format!("{name} has nothing of the window"),
            [part] if *part == window => format!("{name} has the whole window"),
            parts => {
                let named: Vec<String> = parts.iter().take(3).map(|part| columns::long_window(*part)).collect();
                let more = if parts.len() > 3 { " and more" } else { "" };
                format!("{name} has {}{more}", named.join(", "))
            }
        }
    };
    let all = [("online", &coverage.online, stores[0]), ("offline", &coverage.offline, stores[1])];
    let all: Vec<String> = all.iter().filter(|(.., has)| *has).map(|(name, windows, _)| say(name, windows)).collect();
    format!("{}.", all.join("; "))
}

fn log(log: &[String], wide: usize) -> Vec<Line> {
    if log.is_empty() {
        return Vec::new();
    }
    let count = if log.len() == 1 { "1 line".to_owned() } else { format!("{} lines", log.len()) };
    let head = vec![piece("log  ", Meaning::Strong), piece(count, Meaning::Dim)];
    let mut lines = vec![Vec::new(), head];
    lines.extend(log.iter().flat_map(|line| wrap(line, wide)).map(|line| vec![piece(line, Meaning::Text)]));
    lines
}
