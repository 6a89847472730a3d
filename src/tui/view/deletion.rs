//! The form of a deletion, and the question before it that wants the view's name typed.

use ratatui::layout::Rect;

use super::trigger::tick;
use crate::tui::app::{Confirm, DeleteForm, DeleteItem, jobs_window};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;

/// Least and most cells that names take.
const NAMES: (usize, usize) = (12, 24);

/// Draws the form.
pub fn form(canvas: &mut Canvas, form: &DeleteForm, body: Rect) {
    let wide = body.width.saturating_sub(2).min(84);
    let inside = usize::from(wide.saturating_sub(6));
    let items = form.items();
    let said = remarks(form, inside);
    let fits = items.len() + said.len() + 5 <= usize::from(body.height);
    let around = if fits { 5 } else { 2 };
    let area = centred(body, wide, (items.len() + said.len() + around) as u16);
    canvas.clear(area);
    let title = [piece("Delete keys of ", Meaning::TitleFocus), piece(form.view.name.clone(), Meaning::Strong)];
    let inner = canvas.frame(area, true, &title, &[piece(form.view.workspace.clone(), Meaning::Dim)]);
    let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
    let top = inner.y + u16::from(fits);
    // What was read or went wrong must show; of the lines, the one that has the keys.
    let room = usize::from(inner.bottom() - top);
    let shown = items.len().min(room.saturating_sub(said.len()).max(1));
    let first = jobs_window(0, form.focus, shown, items.len());
    let mut y = top;
    for item in items.iter().skip(first).take(shown) {
        line(canvas, form, *item, Rect { y, height: 1, ..inner });
        y += 1;
    }
    y += u16::from(fits);
    for (y, line) in (y..inner.bottom()).zip(&said) {
        canvas.line(inner.x, y, inner.width, line);
    }
}

/// What is wrong, what is under way, what was read, or what the form is for.
fn remarks(form: &DeleteForm, inside: usize) -> Vec<Line> {
    let wrapped = |text: &str, meaning| -> Vec<Line> {
        wrap(text, inside).into_iter().map(|line| vec![piece(line, meaning)]).collect()
    };
    if let Some(error) = &form.error {
        return wrapped(error, Meaning::Bad);
    }
    if form.reading.is_some() {
        return wrapped("Reading the keys…", Meaning::Running);
    }
    if form.sending.is_some() {
        return wrapped("Asking the deployment to delete them…", Meaning::Running);
    }
    let Some(summary) = form.summary() else {
        let columns: Vec<&str> = form.view.join_keys.iter().map(|key| key.name.as_str()).collect();
        let text = format!(
            "The keys are the columns {}, of at most 10 000 rows in CSV, Parquet or JSON lines. Enter reads them; nothing is \
             deleted before a question.",
            columns.join(", ")
        );
        return wrapped(&text, Meaning::Dim);
    };
    let mut lines = wrapped(&summary, Meaning::Strong);
    lines.extend(wrapped("Enter goes on to the question.", Meaning::Dim));
    lines
}

fn line(canvas: &mut Canvas, form: &DeleteForm, item: DeleteItem, area: Rect) {
    let here = form.item() == item;
    let names = form.view.join_keys.iter().map(|key| width(&key.name) + 2).max().unwrap_or(0).clamp(NAMES.0, NAMES.1);
    let meaning = if here { Meaning::Strong } else { Meaning::Dim };
    let key = |place: usize| form.view.join_keys.get(place);
    let name = match item {
        DeleteItem::Way => "keys",
        DeleteItem::File => "file",
        DeleteItem::Key(place) => key(place).map_or("", |key| &key.name),
        DeleteItem::Online => "online",
        DeleteItem::Offline => "offline",
    };
    let used = canvas.text(area.x, area.y, names as u16, &fit(name, names, false), meaning);
    let area = Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area };
    match item {
        DeleteItem::Way => {
            let (chosen, other) = match form.typed {
                true => ("‹ one, typed ›", "space: of a file"),
                false => ("‹ of a file ›", "space: type one"),
            };
            let meaning = if here { Meaning::FieldFocus } else { Meaning::Text };
            let used = canvas.text(area.x, area.y, area.width, chosen, meaning);
            canvas.text(area.x + used + 2, area.y, area.width.saturating_sub(used + 2), other, Meaning::Dim);
        }
        DeleteItem::Online => {
            tick(canvas, area, form.boxes[0], here, form.barred(item), "delete from the online store");
        }
        DeleteItem::Offline => {
            tick(canvas, area, form.boxes[1], here, form.barred(item), "delete from the offline store");
        }
        DeleteItem::File | DeleteItem::Key(_) => {
            let kind = match item {
                DeleteItem::Key(place) => key(place).map(|key| key.data_type.to_string()).unwrap_or_default(),
                _ => String::new(),
            };
            let wide = area.width.saturating_sub(if kind.is_empty() { 0 } else { width(&kind) as u16 + 1 });
            if let Some(field) = form.text_of(item) {
                canvas.field(area.x, area.y, wide, field, here && !form.waits());
            }
            canvas.line_right(area.right(), area.y, area.width - wide, &[piece(kind, Meaning::Dim)]);
        }
    }
}

/// Draws the question: what will be deleted, and the field for the view's name.
pub fn confirm(canvas: &mut Canvas, confirm: &Confirm, body: Rect) {
    let wide = body.width.saturating_sub(2).min(72);
    let inside = usize::from(wide.saturating_sub(6));
    let mut lines: Vec<Line> = vec![Vec::new()];
    for (name, value) in &confirm.facts {
        let mut name = fit(name, NAMES.0, false);
        for part in wrap(value, inside.saturating_sub(NAMES.0)) {
            let name = std::mem::replace(&mut name, " ".repeat(NAMES.0));
            lines.push(vec![piece(name, Meaning::Dim), piece(part, Meaning::Strong)]);
        }
    }
    lines.push(Vec::new());
    lines.extend(wrap(&confirm.effect, inside).into_iter().map(|line| vec![piece(line, Meaning::Text)]));
    lines.push(Vec::new());
    let (text, meaning) = match &confirm.error {
        Some(error) => (error.clone(), Meaning::Bad),
        None => ("To delete, type the view's name and press enter; esc leaves.".to_owned(), Meaning::Text),
    };
    lines.extend(wrap(&text, inside).into_iter().map(|line| vec![piece(line, meaning)]));
    // Below stand the field and a blank line.
    let area = centred(body, wide, lines.len() as u16 + 4);
    canvas.clear(area);
    let inner = canvas.frame(area, true, &[piece("Delete these keys?", Meaning::TitleFocus)], &[]);
    let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
    let below = inner.height.min(2);
    canvas.lines(Rect { height: inner.height - below, ..inner }, &lines, usize::MAX);
    if below > 0 {
        canvas.field(inner.x, inner.bottom() - below, inner.width, &confirm.field, true);
    }
}
