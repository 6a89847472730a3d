//! The question before anything changes: object, place, effect, what it hits, and which key does what.

use ratatui::layout::Rect;

use crate::tui::app::{App, Ask, Question, table};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::phase;
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;

/// Cells that names take.
const NAMES: usize = 12;

/// Draws the question. What it hits is listed between what it is about and the keys, and scrolls where it is long.
pub fn question(canvas: &mut Canvas, app: &App, question: &Question, body: Rect) {
    let wide = body.width.saturating_sub(2).min(if listed(question) { 84 } else { 72 });
    let inside = usize::from(wide.saturating_sub(6));
    let mut head = facts(question, inside);
    if let Some(change) = changed(app, question) {
        head.push(Vec::new());
        head.extend(wrap(&change, inside).into_iter().map(|line| vec![piece(line, Meaning::Warning)]));
    }
    head.push(Vec::new());
    let list = list(app, question);
    let mut foot: Vec<Line> = if list.is_empty() { Vec::new() } else { vec![Vec::new()] };
    foot.push(vec![
        piece("y", Meaning::Key),
        piece(" yes     ", Meaning::Dim),
        piece("n", Meaning::Key),
        piece(" or ", Meaning::Dim),
        piece("enter", Meaning::Key),
        piece(" no", Meaning::Dim),
    ]);
    let area = centred(body, wide, (head.len() + list.len() + foot.len() + 2) as u16);
    canvas.clear(area);
    let inner = canvas.frame(area, true, &[piece(question.title, Meaning::TitleFocus)], &[]);
    let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
    // Where not all fits, the keys matter most, then what is hit.
    let height = usize::from(inner.height);
    let below = foot.len().min(height);
    let listed = list.len().min((height - below).saturating_sub(head.len()).max((height - below) / 2));
    let above = height - below - listed;
    let part = |from: usize, rows: usize| Rect { y: inner.y + from as u16, height: rows as u16, ..inner };
    canvas.lines(part(0, above), &head, usize::MAX);
    canvas.lines(part(above + listed, below), &foot, usize::MAX);
    if !list.is_empty() {
        canvas.layout.window = canvas.lines(part(above, listed), &list, question.scroll);
        let track = Rect { y: inner.y + above as u16 - 1, height: listed as u16 + 2, ..area };
        canvas.thumb(track, question.scroll, listed, list.len());
    }
}

/// What the question is about, and what will happen.
fn facts(question: &Question, inside: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![Vec::new()];
    let mut pair = |name: &str, value: &str| {
        let mut name = fit(name, NAMES, false);
        for part in wrap(value, inside.saturating_sub(NAMES)) {
            let name = std::mem::replace(&mut name, " ".repeat(NAMES));
            lines.push(vec![piece(name, Meaning::Dim), piece(part, Meaning::Strong)]);
        }
    };
    for (name, value) in [("view", &question.feature_view), ("workspace", &question.workspace)] {
        if !value.is_empty() {
            pair(name, value);
        }
    }
    for (name, value) in &question.facts {
        pair(name, value);
    }
    lines.push(Vec::new());
    lines.extend(wrap(&question.effect, inside).into_iter().map(|line| vec![piece(line, Meaning::Text)]));
    lines
}

fn listed(question: &Question) -> bool {
    matches!(question.ask, Ask::CancelAll(_))
}

/// Each job that the question hits, as it is now.
fn list(app: &App, question: &Question) -> Vec<Line> {
    let Ask::CancelAll(jobs) = &question.ask else { return Vec::new() };
    let windows = jobs.iter().filter_map(|(id, _)| app.jobs.find(*id)?.window);
    let windows = windows.map(|window| width(&table::short_window(window, app.now))).max().unwrap_or(0).max(25);
    let line = |(id, state): &(crate::model::Id, crate::model::JobState)| {
        let mut line = vec![piece(format!("{}  ", table::short_id(*id)), Meaning::Text)];
        let Some(job) = app.jobs.find(*id) else {
            line.push(piece("no longer in the list", Meaning::Warning));
            return line;
        };
        let window = job.window.map(|window| table::short_window(window, app.now)).unwrap_or_default();
        let kind = job.job_type.to_string().to_lowercase();
        let phase = phase::of(job);
        line.push(piece(format!("{} {}  ", fit(&kind, 8, false), fit(&window, windows, false)), Meaning::Dim));
        line.push(piece(format!("{} {}", phase.glyph, phase.word), phase.meaning));
        if job.state != *state {
            let was = state.to_string().to_lowercase();
            line.push(piece(format!("  (was {was})"), Meaning::Warning));
        }
        line
    };
    jobs.iter().map(line).collect()
}

/// What happened to the object since the question was opened.
fn changed(app: &App, question: &Question) -> Option<String> {
    let (job, state) = match &question.ask {
        Ask::Cancel { job, state } => (job, state),
        Ask::Retry { job, .. } => (job, &crate::model::JobState::Failure),
        _ => return None,
    };
    match app.jobs.find(*job) {
        None => Some("This job is no longer in the list.".to_owned()),
        Some(job) if job.state != *state => {
            Some(format!("It has changed since this question was opened: it is {} now.", phase::of(job).word))
        }
        Some(_) => None,
    }
}
