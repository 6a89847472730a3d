//! One job in full: what it is, its attempts on an axis of time, which windows are materialized around its own, and what the
//! chosen attempt did, with its log. Live while it is open.

use ratatui::layout::Rect;

use super::strip::{self, Shown};
use crate::model::time::{print_took, short_second};
use crate::model::{Attempt, AttemptState, Coverage, Id, Job, JobType, Stage, StageState, Stores, Time, Window};
use crate::tui::ages;
use crate::tui::app::periods::{self, Grid};
use crate::tui::app::windows::job::timeline;
use crate::tui::app::{App, Detail, table};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::phase;
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;

/// Cells that names take.
const NAMES: usize = 14;

/// Draws the window.
pub fn draw(canvas: &mut Canvas, app: &App, detail: &Detail, body: Rect) {
    let wide = body.width.saturating_sub(4).min(120);
    let inside = usize::from(wide.saturating_sub(4));
    let lines = match app.jobs.find(detail.job) {
        Some(job) => lines(canvas, app, detail, job, inside),
        None => vec![vec![piece("This job is no longer in the list.", Meaning::Warning)]],
    };
    let area = centred(body, wide, lines.len() as u16 + 2);
    canvas.clear(area);
    let title = [piece("Job ", Meaning::TitleFocus), piece(detail.job.to_string(), Meaning::Strong)];
    let inner = canvas.frame(area, true, &title, &[]);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let scroll = if detail.follow { usize::MAX } else { detail.scroll };
    canvas.layout.window = canvas.lines(inner, &lines, scroll);
    let (total, visible) = canvas.layout.window;
    canvas.thumb(area, scroll, visible, total);
    let more = app.jobs.find(detail.job).is_some_and(|job| job.attempts.len() > 1);
    if more {
        canvas.frame_foot(area, &[piece("← → other attempts", Meaning::Dim)]);
    }
}

fn lines(canvas: &mut Canvas, app: &App, detail: &Detail, job: &Job, wide: usize) -> Vec<Line> {
    let mut lines = facts(canvas, app, job, wide);
    lines.push(Vec::new());
    let attempt = detail.attempt(job);
    lines.extend(timeline::lines(canvas, job, attempt.map(|attempt| attempt.number), wide));
    if let Some(attempt) = attempt {
        lines.push(Vec::new());
        lines.extend(failure(attempt, wide));
    }
    let told = attempt.and_then(|attempt| attempt.id).map(|id| (id, detail.told(id)));
    let under_way = [AttemptState::Pending, AttemptState::Running, AttemptState::Cancelling];
    let ended = attempt.is_some_and(|attempt| !under_way.contains(&attempt.state));
    if let Some((id, told)) = told {
        lines.extend(stages(canvas, detail, (id, ended), told, wide));
    }
    lines.extend(windows(canvas, app, job, wide));
    if let Some((_, Some(Ok(told)))) = told {
        lines.extend(log(&told.log, wide));
    }
    lines
}

fn facts(canvas: &mut Canvas, app: &App, job: &Job, wide: usize) -> Vec<Line> {
    let phase = phase::of(job);
    let mut lines = Vec::new();
    let mut state = vec![
        piece(fit("state", NAMES, false), Meaning::Dim),
        piece(format!("{} {}", phase.glyph, phase.word), phase.meaning),
        piece(format!("  {}  ", job.state), Meaning::Dim),
    ];
    state.extend(super::jobs::progress(canvas, job));
    lines.push(state);
    let mut pair = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(vec![piece(fit(name, NAMES, false), Meaning::Dim), piece(value, Meaning::Text)]);
        }
    };
    pair("view", format!("{} in {}", job.feature_view, job.workspace));
    let stores = Stores { online: job.online, offline: job.offline };
    pair("type", format!("{}, to {}", job.job_type.to_string().to_lowercase(), stores.words()));
    pair("window", job.window.map(table::long_window).unwrap_or_default());
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
    let (word, _, meaning) = phase::of_attempt(&attempt.state);
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
    detail: &Detail,
    (attempt, ended): (Id, bool),
    told: Option<&Result<std::sync::Arc<crate::model::AttemptDetail>, crate::client::message::Problem>>,
    wide: usize,
) -> Vec<Line> {
    match told {
        None if detail.asking == Some(attempt) => vec![vec![piece("  asking what it did…", Meaning::Dim)]],
        None => Vec::new(),
        Some(Err(problem)) => wrap(&format!("Cannot tell what it did. {problem}"), wide.saturating_sub(2))
            .into_iter()
            .map(|line| vec![piece(format!("  {line}"), Meaning::Warning)])
            .collect(),
        Some(Ok(told)) => told.stages.iter().flat_map(|stage| stage_lines(canvas, stage, ended, wide)).collect(),
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
    let grid = Grid::of(view);
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
        let text = said(window, coverage, [view.online, view.offline]);
        lines.extend(wrap(&text, wide).into_iter().map(|line| vec![piece(line, Meaning::Text)]));
    }
    lines
}

/// What of the window each store holds, in words.
fn said(window: Window, coverage: &Coverage, stores: [bool; 2]) -> String {
    let say = |name: &str, windows: &[Window]| {
        let parts = periods::within(windows, window);
        match parts.as_slice() {
            [] => format!("{name} has nothing of the window"),
            [part] if *part == window => format!("{name} has the whole window"),
            parts => {
                let named: Vec<String> = parts.iter().take(3).map(|part| table::long_window(*part)).collect();
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
