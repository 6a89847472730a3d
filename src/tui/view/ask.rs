//! The forms of `run` and `get_historical_features`, and the question for a file.
//!
//! ```text
//! ╭ Run  carrier_delays_hourly ──────────────────────────── prod ╮
//! │ start         2026-11-22 11:00:00                            │
//! │ end           2026-11-22 12:00:00                            │
//! │ level         ‹ full ›     features, one row a tile          │
//! │ flights                    file in place of the source       │
//! ╰──────────────────────────────────────────────────────────────╯
//! ```
//!
//! Where not all lines fit, the one that has the keys stays in sight with what is wrong with it.

use ratatui::layout::Rect;

use crate::tui::app::{AskForm, AskItem, AskKind, LEVELS, SaveForm, jobs_window};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::field::Field;
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;

/// Least and most cells that names take.
const NAMES: (usize, usize) = (12, 24);
/// Cells of a field that holds an instant.
const INSTANT: u16 = 28;

/// One line of the drawn form.
enum Row {
    Item(AskItem),
    Said(Line),
}

/// Draws the form.
pub fn form(canvas: &mut Canvas, form: &AskForm, body: Rect) {
    let wide = body.width.saturating_sub(2).min(84);
    let inside = usize::from(wide.saturating_sub(6));
    let (rows, focus) = rows(form, inside);
    let remarks: Vec<Line> =
        wrap(remark(form), inside).into_iter().map(|line| vec![piece(line, Meaning::Dim)]).collect();
    // The remark is the first thing to go.
    let full = rows.len() + remarks.len() + 5;
    let remarks = if full <= usize::from(body.height) { remarks } else { Vec::new() };
    let around = if remarks.is_empty() { 2 } else { 5 + remarks.len() };
    let area = centred(body, wide, (rows.len() + around) as u16);
    canvas.clear(area);
    let title = match form.kind {
        AskKind::Run => "Run",
        AskKind::History => "Historical features",
    };
    let title = [piece(format!("{title}  "), Meaning::TitleFocus), piece(form.feature_view.clone(), Meaning::Strong)];
    let inner = canvas.frame(area, true, &title, &[piece(form.workspace.clone(), Meaning::Dim)]);
    let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
    let top = if remarks.is_empty() { inner.y } else { inner.y + 1 };
    let visible = usize::from(inner.bottom() - top).saturating_sub(if remarks.is_empty() { 0 } else { 2 });
    // What is wrong with a line stands below it and should show with it.
    let first = jobs_window(0, (focus + 2).min(rows.len().saturating_sub(1)), visible, rows.len()).min(focus);
    for (y, row) in (top..inner.bottom()).zip(rows.iter().skip(first).take(visible.max(1))) {
        let area = Rect { y, height: 1, ..inner };
        match row {
            Row::Item(item) => line(canvas, form, *item, area),
            Row::Said(said) => drop(canvas.line(area.x, y, area.width, said)),
        }
    }
    canvas.thumb(area, first, visible, rows.len());
    let below = top + rows.len() as u16 + 1;
    for (y, line) in (below..inner.bottom()).zip(&remarks) {
        canvas.line(inner.x, y, inner.width, line);
    }
}

/// The lines of the form, each followed by what is wrong with it; and the place of the one that has the keys.
fn rows(form: &AskForm, inside: usize) -> (Vec<Row>, usize) {
    let (mut rows, mut focus) = (Vec::new(), 0);
    for item in form.items() {
        if item == form.item() {
            focus = rows.len();
        }
        rows.push(Row::Item(item));
        if let Some((_, error)) = form.error.as_ref().filter(|(wrong, _)| *wrong == item) {
            rows.extend(wrap(error, inside).into_iter().map(|line| Row::Said(vec![piece(line, Meaning::Bad)])));
        }
    }
    if form.kind == AskKind::History && form.read_only {
        let said = [("save as", NAMES.0), ("read-only: nothing can be kept", inside)];
        rows.push(Row::Said(said.map(|(text, cells)| piece(fit(text, cells, false), Meaning::Dim)).to_vec()));
    }
    (rows, focus)
}

fn remark(form: &AskForm) -> &'static str {
    match (form.kind, form.with_spine) {
        (AskKind::Run, _) => {
            "Times are UTC; an empty one follows from the batch schedule. Files are CSV, Parquet or JSON lines. Nothing is \
             written."
        }
        (AskKind::History, true) => {
            "One row for each row of the spine, with the features as they were at its instant. Files are CSV, Parquet or \
             JSON lines."
        }
        (AskKind::History, false) => {
            "Times are UTC; an empty start is the beginning of the features, an empty end is now. Files are CSV, Parquet \
             or JSON lines."
        }
    }
}

fn line(canvas: &mut Canvas, form: &AskForm, item: AskItem, area: Rect) {
    let here = form.item() == item;
    let names = form.mocks.iter().map(|(name, _)| width(name) + 1).max().unwrap_or(0);
    let names = if form.kind == AskKind::Run { names.clamp(NAMES.0, NAMES.1) } else { NAMES.0 };
    let meaning = if here { Meaning::Strong } else { Meaning::Dim };
    let used = canvas.text(area.x, area.y, names as u16, &fit(name(form, item), names, false), meaning);
    let (x, room) = (area.x + used, area.width.saturating_sub(used));
    let Some(field) = form.text_of(item) else {
        choice(canvas, form, item, Rect { x, width: room, ..area });
        return;
    };
    let hint = hint(item);
    let instant = matches!(item, AskItem::Start | AskItem::End);
    // A path may be long; the hint stands only where nothing is typed.
    let wide = if instant { room.min(INSTANT) } else { room };
    let hinted = field.text().is_empty() && !hint.is_empty();
    let wide = if hinted && !instant { wide.saturating_sub(width(hint) as u16 + 1).max(8).min(room) } else { wide };
    canvas.field(x, area.y, wide, field, here);
    if hinted {
        canvas.text(x + wide + 1, area.y, room.saturating_sub(wide + 1), hint, Meaning::Dim);
    }
}

fn name(form: &AskForm, item: AskItem) -> &str {
    match item {
        AskItem::Shape => "shape",
        AskItem::Spine => "spine",
        AskItem::TimestampKey => "time column",
        AskItem::Start => "start",
        AskItem::End => "end",
        AskItem::Entities => "keys",
        AskItem::Level => "level",
        AskItem::Mock(place) => form.mocks.get(place).map_or("", |(name, _)| name),
        AskItem::FromSource => "from source",
        AskItem::SaveAs => "save as",
    }
}

/// What a field is for, while nothing is typed into it.
fn hint(item: AskItem) -> &'static str {
    match item {
        AskItem::Spine => "file of keys and times",
        AskItem::TimestampKey => "if it has several",
        AskItem::Entities => "file of keys, else all",
        AskItem::Mock(_) => "file in place of the source",
        AskItem::SaveAs => "name of a dataset",
        _ => "",
    }
}

fn choice(canvas: &mut Canvas, form: &AskForm, item: AskItem, area: Rect) {
    let (chosen, said) = match item {
        AskItem::Shape if form.with_spine => ("‹ with a spine ›", "space: over a range"),
        AskItem::Shape => ("‹ over a range ›", "space: with a spine"),
        AskItem::Level => match form.level {
            0 => ("‹ full ›", "features, a row for each key and tile"),
            1 => ("‹ partial ›", "one row for each key and tile"),
            _ => ("‹ disabled ›", "rows of the query, nothing aggregated"),
        },
        _ if form.from_source => ("[x]", "compute from the source"),
        _ => ("[ ]", "read what is in the offline store"),
    };
    debug_assert!(form.level < LEVELS.len());
    let meaning = if form.item() == item { Meaning::FieldFocus } else { Meaning::Text };
    let used = canvas.text(area.x, area.y, area.width, chosen, meaning);
    canvas.text(area.x + used + 2, area.y, area.width.saturating_sub(used + 2), said, Meaning::Dim);
}

/// Draws the question for a file.
pub fn save(canvas: &mut Canvas, save: &SaveForm, body: Rect) {
    let wide = body.width.saturating_sub(2).min(84);
    let inside = usize::from(wide.saturating_sub(6));
    let (text, meaning) = match (&save.error, save.writing) {
        (Some(error), _) => (error.as_str(), Meaning::Bad),
        (None, Some(_)) => ("Writing…", Meaning::Running),
        (None, None) => (
            "All rows as they came, filtered or not. The ending says the format: .parquet, .csv or .jsonl.",
            Meaning::Dim,
        ),
    };
    let lines: Vec<Line> = wrap(text, inside).into_iter().map(|line| vec![piece(line, meaning)]).collect();
    let area = centred(body, wide, lines.len() as u16 + 5);
    canvas.clear(area);
    let rows = save.table.0.height();
    let status = [piece(format!("{} rows", crate::tui::values::grouped(rows as u64)), Meaning::Dim)];
    let inner = canvas.frame(area, true, &[piece("Save to file", Meaning::TitleFocus)], &status);
    let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
    let y = inner.y + u16::from(inner.height > 3);
    path(canvas, inner, y, &save.field, save.writing.is_none());
    let below = Rect { y: y + 2, height: inner.bottom().saturating_sub(y + 2), ..inner };
    canvas.lines(below, &lines, 0);
}

fn path(canvas: &mut Canvas, inner: Rect, y: u16, field: &Field, typed: bool) {
    let used = canvas.text(inner.x, y, 6, "file  ", Meaning::Strong);
    canvas.field(inner.x + used, y, inner.width.saturating_sub(used), field, typed);
}
