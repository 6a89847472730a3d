//! The form of a new job, and the question before anything changes.

use ratatui::layout::Rect;

use crate::model::time::print_span;
use crate::tui::app::{App, Ask, Question, TriggerForm, TriggerItem};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::phase;
use crate::tui::text::{fit, wrap};
use crate::tui::theme::Meaning;

/// Cells that names take.
const NAMES: usize = 12;

/// Draws the form.
pub fn form(canvas: &mut Canvas, form: &TriggerForm, body: Rect) {
    let wide = body.width.saturating_sub(2).min(72);
    let inside = usize::from(wide.saturating_sub(6));
    let mut remarks: Vec<Line> = Vec::new();
    match (&form.error, form.schedule) {
        (Some(error), _) => remarks.extend(wrap(error, inside).into_iter().map(|line| vec![piece(line, Meaning::Bad)])),
        (None, Some(step)) => {
            let text = format!("Both ends lie on the batch schedule of {}. Times are UTC.", print_span(step));
            remarks.extend(wrap(&text, inside).into_iter().map(|line| vec![piece(line, Meaning::Dim)]));
        }
        (None, None) => remarks.push(vec![piece("Times are UTC.", Meaning::Dim)]),
    }
    let area = centred(body, wide, 11 + remarks.len() as u16);
    canvas.clear(area);
    let title = [piece("Start a job of ", Meaning::TitleFocus), piece(form.feature_view.clone(), Meaning::Strong)];
    let inner = canvas.frame(area, true, &title, &[piece(form.workspace.clone(), Meaning::Dim)]);
    let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
    let mut y = inner.y + 1;
    for item in TriggerItem::ALL {
        if y < inner.bottom() {
            line(canvas, form, item, Rect { y, height: 1, ..inner });
        }
        y += 1;
    }
    y += 1;
    for (y, line) in (y..inner.bottom()).zip(&remarks) {
        canvas.line(inner.x, y, inner.width, line);
    }
}

fn line(canvas: &mut Canvas, form: &TriggerForm, item: TriggerItem, area: Rect) {
    let (name, said) = match item {
        TriggerItem::Start => ("start", ""),
        TriggerItem::End => ("end", ""),
        TriggerItem::Online => ("online", "write to the online store"),
        TriggerItem::Offline => ("offline", "write to the offline store"),
        TriggerItem::Retries => ("retries", "let the platform retry failed attempts"),
        TriggerItem::Overwrite => ("overwrite", "allow a window that is materialized already"),
    };
    let here = form.item() == item;
    let meaning = if here { Meaning::Strong } else { Meaning::Dim };
    canvas.text(area.x, area.y, NAMES as u16, &fit(name, NAMES, false), meaning);
    let x = area.x + NAMES as u16;
    let room = area.right().saturating_sub(x);
    match (item, form.ticked(item)) {
        (TriggerItem::Start, _) => canvas.field(x, area.y, room.min(24), &form.start, here),
        (TriggerItem::End, _) => canvas.field(x, area.y, room.min(24), &form.end, here),
        (_, ticked) => {
            let tick = if ticked == Some(true) { "[x]" } else { "[ ]" };
            let meaning = if here { Meaning::FieldFocus } else { Meaning::Text };
            let used = canvas.text(x, area.y, 3, tick, meaning);
            canvas.text(x + used + 1, area.y, room.saturating_sub(used + 1), said, Meaning::Dim);
        }
    }
}

/// Draws the question: object, place, effect, and which key does what.
pub fn question(canvas: &mut Canvas, app: &App, question: &Question, body: Rect) {
    let wide = body.width.saturating_sub(2).min(72);
    let inside = usize::from(wide.saturating_sub(6));
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
    if let Some(change) = changed(app, question) {
        lines.push(Vec::new());
        lines.extend(wrap(&change, inside).into_iter().map(|line| vec![piece(line, Meaning::Warning)]));
    }
    lines.push(Vec::new());
    lines.push(vec![
        piece("y", Meaning::Key),
        piece(" yes     ", Meaning::Dim),
        piece("n", Meaning::Key),
        piece(" or ", Meaning::Dim),
        piece("enter", Meaning::Key),
        piece(" no", Meaning::Dim),
    ]);
    let area = centred(body, wide, lines.len() as u16 + 2);
    canvas.clear(area);
    let inner = canvas.frame(area, true, &[piece(question.title, Meaning::TitleFocus)], &[]);
    let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
    // Where not all fits, the end with the keys matters most.
    canvas.lines(inner, &lines, usize::MAX);
}

/// What happened to the object since the question was opened.
fn changed(app: &App, question: &Question) -> Option<String> {
    let Ask::Cancel { job, state } = &question.ask else { return None };
    match app.jobs.find(*job) {
        None => Some("This job is no longer in the list.".to_owned()),
        Some(job) if job.state != *state => {
            Some(format!("It has changed since this question was opened: it is {} now.", phase::of(job).word))
        }
        Some(_) => None,
    }
}
