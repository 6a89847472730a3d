//! The Stream pane: the newest records of run_stream, in columns, newest at the bottom.
//!
//! ```text
//! ╭ Stream ─────────────────────────────────────── ● 1.3 events/s ╮
//! │ read 12 345 = 12 300 written + 40 filtered + 5 late           │
//! │ lag 12 events, 3s · in 1.3/s, out 1.3/s · watermark 11-22 09:12 │
//! │ tailnum  timestamp            origin  dest                    │
//! │ N14228   2026-11-22 10:12:00  EWR     IAH                     │
//! ╰───────────────────────────────────────────────────────────────╯
//! ```
//!
//! Only the records that show are parsed. Whole columns alone are shown; the arrows reach the others.

use ratatui::layout::Rect;

use super::{pane, trouble};
use crate::client::message::{Part, TailState};
use crate::model::time::{floor, short_time};
use crate::model::{StreamFigures, ViewKind};
use crate::tui::app::{Anchor, App, Pane, Typing};
use crate::tui::canvas::{Canvas, Line, line_width, piece};
use crate::tui::flow::{self, rate};
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::values;

/// A column is no wider than that, unless it is alone.
const WIDEST: usize = 40;

/// Draws the pane with the records that show.
pub(super) fn draw(canvas: &mut Canvas, app: &App, area: Rect) {
    let mut status = status(canvas, app, false);
    if line_width(&status) + 14 > usize::from(area.width) {
        status = self::status(canvas, app, true);
    }
    let inner = canvas.frame(area, app.focus == Pane::Stream, &pane::title(app, Pane::Stream), &status);
    let mut foot = foot(canvas, app);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    if app.feature_view().is_none() {
        canvas.empty(inner, &pane::waiting(app));
        canvas.frame_foot(area, &foot);
        return;
    }
    let inside = filter(canvas, app, inside);
    let inside = counters(canvas, app, inside);
    let inside = held_up(canvas, app, inside);
    let inside = left_out(canvas, app, inside);
    if app.stream.matching() == 0 || inside.height < 2 {
        canvas.empty(inside, &nothing(app));
    } else if let Some(more) = records(canvas, app, inside, area) {
        if !foot.is_empty() {
            foot.push(piece(" · ", Meaning::Dim));
        }
        foot.push(piece(more, Meaning::Dim));
    }
    canvas.frame_foot(area, &foot);
}

/// Rate, pause, drops: what the pane's title says.
pub(super) fn status(canvas: &mut Canvas, app: &App, short: bool) -> Line {
    if app.stream.state.is_none() && app.stream.total() == 0 {
        return Vec::new();
    }
    let ((records, events), change) = app.stream.rates(canvas.now);
    canvas.changes_at(change);
    let mut line = Vec::new();
    if app.stream.paused || app.stream.anchor != Anchor::Newest {
        let word = if app.stream.paused { "‖ paused" } else { "↑ scrolled back" };
        line.push(piece(format!("{word}, {} newer  ", app.stream.behind()), Meaning::Warning));
    }
    if app.stream.dropped > 0 && !short {
        line.push(piece(format!("{} dropped  ", app.stream.dropped), Meaning::Warning));
    }
    let lost = app.stream.lost.late + app.stream.lost.failed + app.stream.lost.expired;
    // The sum says where each of them is.
    let figures = app.stream.figures.as_deref();
    if lost > 0 && !short && figures.is_none() {
        line.push(piece(format!("{} in no record  ", values::grouped(lost)), Meaning::Warning));
    }
    match &app.stream.state {
        _ if app.stream.broken.is_some() => line.push(piece("✗ closed", Meaning::Bad)),
        _ if !app.stream.trouble.is_empty() => line.push(piece("✗ held up", Meaning::Bad)),
        _ if let Some(figures) = figures.filter(|figures| !short || !flow::is_well(figures)) => {
            let standing = flow::standing(figures);
            line.push(piece(format!("{} {}", standing.glyph, standing.word), standing.meaning));
        }
        _ if short => {
            let read = figures.map_or(events, |figures| figures.rate_in);
            line.push(piece(format!("{}/s", rate(if read > 0.0 { read } else { records })), Meaning::Dim))
        }
        _ => {
            let text = format!("{} events/s · {} records/s", rate(events), rate(records));
            line.push(piece(text, Meaning::Dim));
        }
    }
    line
}

/// The filter's line, where one is typed or set; returns what is left of the area.
fn filter(canvas: &mut Canvas, app: &App, inner: Rect) -> Rect {
    let typed = app.typing == Some(Typing::StreamFilter) && app.windows.is_empty();
    if inner.height < 4 || (!typed && app.stream.filter.text().is_empty()) {
        return inner;
    }
    let remark = format!("{} of {}", app.stream.matching(), app.stream.ring.len());
    let wide = width(&remark) as u16;
    canvas.text(inner.x, inner.y, 2, "/ ", Meaning::Key);
    canvas.field(inner.x + 2, inner.y, inner.width.saturating_sub(wide + 4), &app.stream.filter, typed);
    canvas.line_right(inner.right(), inner.y, wide, &[piece(remark, Meaning::Dim)]);
    Rect { y: inner.y + 1, height: inner.height - 1, ..inner }
}

/// How much was read so far, and where it went where that is told; returns what is left of the area.
fn counters(canvas: &mut Canvas, app: &App, inner: Rect) -> Rect {
    if let Some(figures) = &app.stream.figures {
        return sum_and_pace(canvas, app, figures, inner);
    }
    let mut parts = Vec::new();
    parts.extend(app.stream.events.map(|events| format!("{} events read", values::grouped(events))));
    if app.stream.total() > 0 {
        parts.push(format!("{} records", values::grouped(app.stream.total())));
    }
    parts.extend(app.stream.watermark.map(|at| format!("watermark {}", short_time(at, app.now))));
    if parts.is_empty() || inner.height < 4 {
        return inner;
    }
    canvas.text(inner.x, inner.y, inner.width, &parts.join(" · "), Meaning::Dim);
    Rect { y: inner.y + 1, height: inner.height - 1, ..inner }
}

/// The sum of all events, and below it how far behind and how fast the stream is; returns what is left of the area.
fn sum_and_pace(canvas: &mut Canvas, app: &App, figures: &StreamFigures, inner: Rect) -> Rect {
    if inner.height < 4 {
        return inner;
    }
    canvas.line(inner.x, inner.y, inner.width, &flow::sum(figures, usize::from(inner.width)));
    let inner = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    if inner.height < 4 {
        return inner;
    }
    let watermark = figures.watermark.map(|at| format!("watermark {}", short_time(at, app.now)));
    let records = app.stream.total();
    let records = (records > 0).then(|| format!("{} records", values::grouped(records)));
    let parts = [flow::lag(figures), Some(flow::rates(figures)), watermark, records];
    let text = flow::joined(parts.into_iter().flatten(), usize::from(inner.width));
    canvas.text(inner.x, inner.y, inner.width, &text, Meaning::Dim);
    Rect { y: inner.y + 1, height: inner.height - 1, ..inner }
}

/// How old the records are, or when a stream that broke is opened again.
fn foot(canvas: &mut Canvas, app: &App) -> Line {
    match &app.stream.broken {
        Some((_, Some(next_try))) if app.is_live() => {
            vec![piece(format!("opened again {}", trouble::again(canvas, *next_try)), Meaning::Warning)]
        }
        _ => trouble::foot(canvas, app, Pane::Stream),
    }
}

/// What holds the stream up, or why it broke; returns what is left of the area.
fn held_up(canvas: &mut Canvas, app: &App, inner: Rect) -> Rect {
    match &app.stream.broken {
        // Without a record, the reason stands in the middle; without a connection, it stands at the top of the screen.
        Some((problem, _)) if app.is_live() && app.stream.total() > 0 => {
            trouble::write(canvas, &problem.to_string(), Meaning::Warning, inner)
        }
        None if !app.stream.trouble.is_empty() => trouble::write(canvas, &app.stream.trouble, Meaning::Bad, inner),
        None => match app.stream.figures.as_deref().and_then(flow::trouble) {
            Some(text) => trouble::write(canvas, &text, Meaning::Bad, inner),
            None => inner,
        },
        Some(_) => inner,
    }
}

/// What was read and is in no record; returns what is left of the area.
fn left_out(canvas: &mut Canvas, app: &App, inner: Rect) -> Rect {
    let lost = &app.stream.lost;
    let counts = [
        (lost.late, "too late for their tile"),
        (lost.failed, "the query failed on"),
        (lost.expired, "not read in time"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{} {what}", values::grouped(*count))).collect();
    if counts.is_empty() || inner.height < 4 || app.stream.figures.is_some() {
        return inner;
    }
    let why = if lost.why.is_empty() { String::new() } else { format!(": {}", lost.why) };
    trouble::write(canvas, &format!("Events in no record: {}{why}", counts.join(", ")), Meaning::Warning, inner)
}

/// Why there are no records.
fn nothing(app: &App) -> String {
    if app.stream.total() > 0 {
        return "No record matches the filter. Press esc to drop it.".to_owned();
    }
    let Some(view) = app.feature_view() else { return String::new() };
    match &app.stream.state {
        _ if !view.is_stream => "This view reads no stream.".to_owned(),
        _ if let Some(problem) = app.offer(Part::StreamTail).problem() => problem.to_string(),
        _ if let Some((problem, _)) = &app.stream.broken => problem.to_string(),
        None | Some(TailState::Opening) => "Opening the stream.".to_owned(),
        Some(TailState::Open { .. } | TailState::Closed { .. }) => match (&view.kind, app.stream.watermark) {
            (ViewKind::Aggregate { interval: Some(step) }, Some(watermark)) => {
                let end = floor(watermark, *step) + *step;
                format!(
                    "A tile appears when the watermark passes its end: the next one at {}.",
                    short_time(end, app.now)
                )
            }
            (ViewKind::Aggregate { interval: Some(_) }, None) => {
                "Tiles appear once the watermark passes their end; no event was read yet.".to_owned()
            }
            _ => "Waiting for the first record.".to_owned(),
        },
    }
}

/// Draws the newest records; says how many columns are left out.
fn records(canvas: &mut Canvas, app: &App, inner: Rect, frame: Rect) -> Option<String> {
    let rows = usize::from(inner.height) - 1;
    canvas.layout.stream_rows = rows;
    let parsed: Vec<serde_json::Value> =
        app.stream.visible(rows).into_iter().map(|record| serde_json::from_str(record).unwrap_or_default()).collect();
    let names = columns(app, &parsed);
    let cells: Vec<Vec<(String, bool)>> = parsed
        .iter()
        .map(|record| names.iter().map(|name| values::field(name, record.get(name).unwrap_or(&NULL))).collect())
        .collect();
    let widths = widths(app, &names, &cells);
    canvas.layout.stream_widths.clone_from(&widths);
    let shown = fitting(&widths, app.stream.shift, usize::from(inner.width));
    let mut x = inner.x;
    for column in shown.clone() {
        let wide = widths[column].min(usize::from(inner.width));
        let right = cells.iter().all(|row| row[column].1 || row[column].0 == "null");
        canvas.text(x, inner.y, wide as u16, &fit(&names[column], wide, right), Meaning::Head);
        for (y, row) in (inner.y + 1..inner.bottom()).zip(&cells) {
            let (text, _) = &row[column];
            let meaning = if text == "null" { Meaning::Null } else { Meaning::Value };
            canvas.text(x, y, wide as u16, &fit(text, wide, right), meaning);
        }
        x += wide as u16 + 2;
    }
    let end = app.stream.matching() - app.stream.behind();
    canvas.thumb(frame, end.saturating_sub(rows), rows, app.stream.matching());
    let more = names.len() - shown.len();
    let word = if more == 1 { "column" } else { "columns" };
    let left = if shown.start > 0 { "← " } else { "" };
    let right = if shown.end < names.len() { " →" } else { "" };
    (more > 0).then(|| format!("{left}{more} more {word}{right}"))
}

static NULL: serde_json::Value = serde_json::Value::Null;

/// The columns that the stream names, else those of the records.
fn columns(app: &App, parsed: &[serde_json::Value]) -> Vec<String> {
    if !app.stream.columns.is_empty() {
        return app.stream.columns.clone();
    }
    let first = parsed.iter().find_map(serde_json::Value::as_object);
    first.map(|record| record.keys().cloned().collect()).unwrap_or_default()
}

/// Widths that hold the heads and the visible cells, and never shrink while the view is open.
fn widths(app: &App, names: &[String], cells: &[Vec<(String, bool)>]) -> Vec<usize> {
    let before = &app.layout.stream_widths;
    let known = |column| if before.len() == names.len() { before[column] } else { 0 };
    let widest = |column: usize| cells.iter().map(|row| width(&row[column].0)).max().unwrap_or(0);
    (0..names.len()).map(|column| widest(column).max(width(&names[column])).min(WIDEST).max(known(column))).collect()
}

/// The whole columns that fit from `shift` on; at least one.
fn fitting(widths: &[usize], shift: usize, room: usize) -> std::ops::Range<usize> {
    let first = shift.min(widths.len().saturating_sub(1));
    let mut taken = 0;
    let fits = widths[first..].iter().take_while(|wide| {
        taken += **wide + if taken > 0 { 2 } else { 0 };
        taken <= room
    });
    first..(first + fits.count().max(1)).min(widths.len())
}

#[cfg(test)]
mod tests;
