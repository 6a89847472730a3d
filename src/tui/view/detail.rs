//! One job in full: what it is, and every attempt with its times and the whole message. Live while it is open.

use ratatui::layout::Rect;

use crate::model::time::print_time;
use crate::model::{Attempt, AttemptState, Id, Job, Time};
use crate::tui::ages;
use crate::tui::app::{App, table};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::phase;
use crate::tui::text::{fit, wrap};
use crate::tui::theme::Meaning;

/// Cells that names take.
const NAMES: usize = 14;

/// Draws the window.
pub fn draw(canvas: &mut Canvas, app: &App, id: Id, scroll: usize, body: Rect) {
    let wide = body.width.saturating_sub(4).min(120);
    let inside = usize::from(wide.saturating_sub(4));
    let lines = match app.jobs.find(id) {
        Some(job) => lines(canvas, app, job, inside),
        None => vec![vec![piece("This job is no longer in the list.", Meaning::Warning)]],
    };
    let area = centred(body, wide, lines.len() as u16 + 2);
    canvas.clear(area);
    let title = [piece("Job ", Meaning::TitleFocus), piece(id.to_string(), Meaning::Strong)];
    let inner = canvas.frame(area, true, &title, &[]);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    canvas.layout.window = canvas.lines(inner, &lines, scroll);
    let (total, visible) = canvas.layout.window;
    canvas.thumb(area, scroll, visible, total);
}

fn lines(canvas: &mut Canvas, app: &App, job: &Job, wide: usize) -> Vec<Line> {
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
    pair("type", job.job_type.to_string().to_lowercase());
    pair("window", job.window.map(table::long_window).unwrap_or_default());
    pair("stores", table::stores(job).to_owned());
    pair("created", ago(canvas, job.created_at));
    pair("changed", ago(canvas, job.updated_at));
    if let Some(at) = job.next_attempt_at.filter(|_| !job.state.is_terminal()) {
        let due = canvas.moving(ages::until(at, canvas.now));
        pair("next attempt", format!("{} UTC, {due}", print_time(at)));
    }
    if app.jobs.waits.contains(&job.id) {
        pair("waiting", "a bell rings when it ends (W stops waiting)".to_owned());
    }
    lines.push(Vec::new());
    attempts(canvas, &mut lines, job, wide);
    lines
}

fn ago(canvas: &mut Canvas, at: Option<Time>) -> String {
    let Some(at) = at else { return String::new() };
    let age = canvas.moving(ages::since(at, canvas.now));
    format!("{} UTC, {age} ago", print_time(at))
}

/// All attempts, the newest first, for it is the one that matters.
fn attempts(canvas: &mut Canvas, lines: &mut Vec<Line>, job: &Job, wide: usize) {
    if job.attempts.is_empty() {
        lines.push(vec![piece("No attempt was made yet.", Meaning::Dim)]);
        return;
    }
    let head = format!(
        "{}  {}  {}  {}  reason",
        fit("try", 4, true),
        fit("state", 12, false),
        fit("started", 19, false),
        fit("took", 8, false)
    );
    lines.push(vec![piece(head, Meaning::Head)]);
    let mut said: Option<&str> = None;
    for attempt in job.attempts.iter().rev() {
        lines.push(attempt_line(canvas, attempt));
        let Some(message) = attempt.message.as_deref().filter(|message| !message.is_empty()) else { continue };
        if said == Some(message) {
            lines.push(vec![piece("      the same message", Meaning::Dim)]);
            continue;
        }
        said = Some(message);
        let text = wrap(message, wide.saturating_sub(6));
        lines.extend(text.into_iter().map(|line| vec![piece(format!("      {line}"), Meaning::Text)]));
    }
}

fn attempt_line(canvas: &mut Canvas, attempt: &Attempt) -> Line {
    let (word, glyph, meaning) = phase::of_attempt(&attempt.state);
    let started = attempt.created_at.map(print_time).unwrap_or_default();
    let took = match (&attempt.state, attempt.created_at, attempt.updated_at) {
        (AttemptState::Pending, ..) => String::new(),
        (AttemptState::Running, Some(from), _) => canvas.moving(ages::since(from, canvas.now)),
        (_, Some(from), Some(to)) if to >= from => ages::exact(to - from),
        _ => String::new(),
    };
    let progress = attempt.progress.filter(|_| attempt.state == AttemptState::Running);
    let progress = progress.map(|share| format!("{:.0}% done", share * 100.0));
    let reason = attempt.reason.clone().or(progress).unwrap_or_default();
    vec![
        piece(format!("{:>4}  ", attempt.number), Meaning::Text),
        piece(fit(&format!("{glyph} {word}"), 14, false), meaning),
        piece(format!("{}  {}  ", fit(&started, 19, false), fit(&took, 8, false)), Meaning::Dim),
        piece(reason, meaning),
    ]
}
