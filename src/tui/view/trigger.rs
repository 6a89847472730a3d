//! The form of a new job: the window on its grid, what is there already, and what the job would overwrite.

use ratatui::layout::Rect;

use super::strip::{self, Shown};
use crate::model::time::{print_span, print_time};
use crate::tui::app::{App, TriggerForm, TriggerItem};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::text::{fit, wrap};
use crate::tui::theme::Meaning;

/// Cells that names take.
const NAMES: usize = 12;

/// Draws the form.
pub fn form(canvas: &mut Canvas, app: &App, form: &TriggerForm, body: Rect) {
    let wide = body.width.saturating_sub(2).min(84);
    let inside = usize::from(wide.saturating_sub(6));
    canvas.changes_at(form.grid.last(app.now).checked_add_signed(form.grid.period()));
    let (mut strips, mut words) = outlook(app, form, inside);
    let said: Vec<Line> = remarks(canvas, form, inside);
    let items = TriggerItem::ALL.len();
    let fits = |rows: usize| rows + 2 <= usize::from(body.height);
    // Where not all fits, what is wrong or would happen matters more than what is there.
    if !fits(items + said.len() + strips.len() + words.len() + 2) {
        strips.clear();
    }
    if form.error.is_some() && !fits(items + said.len() + words.len()) {
        words.clear();
    }
    let outlook = [strips, words].concat();
    let mut lines: Vec<Option<Line>> = vec![None; items];
    let padded = fits(items + said.len() + outlook.len() + 4);
    for part in [outlook, said].into_iter().filter(|part| !part.is_empty()) {
        if fits(lines.len() + part.len() + 1) {
            lines.push(Some(Vec::new()));
        }
        lines.extend(part.into_iter().map(Some));
    }
    let area = centred(body, wide, lines.len() as u16 + if padded { 4 } else { 2 });
    canvas.clear(area);
    let title = [piece("Start a job of ", Meaning::TitleFocus), piece(form.feature_view.clone(), Meaning::Strong)];
    let inner = canvas.frame(area, true, &title, &[piece(form.workspace.clone(), Meaning::Dim)]);
    let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
    let top = inner.y + u16::from(padded);
    // The line that has the keys stays in sight.
    let hidden = (form.focus + 1).saturating_sub(usize::from(inner.bottom() - top));
    for (y, (place, said)) in (top..inner.bottom()).zip(lines.iter().enumerate().skip(hidden)) {
        match said {
            Some(said) => drop(canvas.line(inner.x, y, inner.width, said)),
            None => line(canvas, form, TriggerItem::ALL[place], Rect { y, height: 1, ..inner }),
        }
    }
}

/// What is wrong, or what the grid is.
fn remarks(canvas: &mut Canvas, form: &TriggerForm, inside: usize) -> Vec<Line> {
    let wrapped = |text: &str, meaning| -> Vec<Line> {
        wrap(text, inside).into_iter().map(|line| vec![piece(line, meaning)]).collect()
    };
    if form.sending.is_some() {
        return wrapped("Asking the deployment to start it…", Meaning::Running);
    }
    if let Some(error) = &form.error {
        return wrapped(error, Meaning::Bad);
    }
    let Some(step) = form.grid.step else { return wrapped("Times are UTC.", Meaning::Dim) };
    let last = form.grid.last(canvas.now);
    let first = form.grid.first.map(|first| format!("{} to ", print_time(first)));
    let text = format!(
        "Both ends lie on the batch schedule of {}, from {}{}, UTC. [ and ] step by one.",
        print_span(step),
        first.unwrap_or_else(|| "any time to ".to_owned()),
        print_time(last)
    );
    wrapped(&text, Meaning::Dim)
}

/// Strips around the window; and in words what would be overwritten or blocks the job, or why the window is none.
fn outlook(app: &App, form: &TriggerForm, inside: usize) -> (Vec<Line>, Vec<Line>) {
    let wrapped = |text: &str, meaning| -> Vec<Line> {
        wrap(text, inside).into_iter().map(|line| vec![piece(line, meaning)]).collect()
    };
    let window = match form.window(app.now) {
        Ok(window) => window,
        Err(_) if form.error.is_some() => return Default::default(),
        Err(error) => return (Vec::new(), wrapped(&error, Meaning::Warning)),
    };
    let shown =
        Shown { window, grid: &form.grid, covered: &app.coverage, jobs: &app.jobs.all, stores: form.has, now: app.now };
    let strips = strip::lines(&shown, NAMES, inside);
    let coverage = app.coverage.known.as_deref();
    let clash = form.clash(window, coverage, &app.jobs.all);
    let words = match (&clash, coverage) {
        (Some(clash), _) if form.error.as_ref() == Some(clash) => Vec::new(),
        (Some(clash), _) => wrapped(clash, Meaning::Warning),
        (None, Some(coverage)) => {
            let over: Vec<String> = form.overwrites(window, coverage).into_iter().flatten().collect();
            match over.is_empty() {
                true => wrapped("Nothing is there yet in the chosen stores.", Meaning::Good),
                false => wrapped(&format!("would overwrite: {}", over.join("; ")), Meaning::Warning),
            }
        }
        (None, None) => Vec::new(),
    };
    (strips, words)
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
    let typed = here && form.sending.is_none();
    match (item, form.ticked(item)) {
        (TriggerItem::Start, _) => canvas.field(x, area.y, room.min(24), &form.start, typed),
        (TriggerItem::End, _) => canvas.field(x, area.y, room.min(24), &form.end, typed),
        (_, ticked) => {
            tick(canvas, Rect { x, width: room, ..area }, ticked == Some(true), here, form.barred(item), said)
        }
    }
}

/// A box with what it is for, or why it cannot be ticked.
pub fn tick(canvas: &mut Canvas, area: Rect, ticked: bool, here: bool, barred: Option<&str>, said: &str) {
    let sign = match (barred, ticked) {
        (Some(_), _) => " - ",
        (None, true) => "[x]",
        (None, false) => "[ ]",
    };
    let meaning = if here { Meaning::FieldFocus } else { Meaning::Text };
    let used = canvas.text(area.x, area.y, 3, sign, meaning);
    canvas.text(area.x + used + 1, area.y, area.width.saturating_sub(used + 1), barred.unwrap_or(said), Meaning::Dim);
}
