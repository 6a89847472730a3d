//! The Lookup pane: one field a join key, and the answer of the online store.
//!
//! ```text
//! ╭ Lookup ─────────────────────── server 0.8 ms · round trip 2.1 ms ╮
//! │ carrier string  AA__________                  key from the stream │
//! │ feature                  value  type     effective time           │
//! │ dep_delay_mean_1d_1h     12.5   float64  2026-11-22 10:00:00      │
//! ╰───────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use super::{pane, trouble};
use crate::client::message::Part;
use crate::model::time::short_time;
use crate::model::{FeatureStatus, FeatureValue, FeatureView, Time, Value};
use crate::tui::app::{Answer, App, Pane, Typing};
use crate::tui::canvas::{Canvas, Line, line_width, piece};
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;
use crate::tui::values;

/// Cells of the field of a join key.
const FIELD: usize = 16;

/// Draws the pane: the form, and the answer below it.
pub(super) fn draw(canvas: &mut Canvas, app: &App, area: Rect) {
    let title = pane::title(app, Pane::Lookup);
    let status = times(app, usize::from(area.width).saturating_sub(line_width(&title) + 10));
    let inner = canvas.frame(area, app.focus == Pane::Lookup, &title, &status);
    let foot = trouble::foot(canvas, app, Pane::Lookup);
    canvas.frame_foot(area, &foot);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(view) = app.feature_view() else {
        canvas.empty(inner, &pane::waiting(app));
        return;
    };
    if !view.online {
        canvas.empty(inner, "This view is not written to the online store (online = false).");
        return;
    }
    let used = form(canvas, app, view, inside);
    let below = Rect { y: inside.y + used, height: inside.height.saturating_sub(used), ..inside };
    match &app.lookup.answer {
        Some(answer) => {
            let lines = answer_lines(app, view, answer, usize::from(below.width));
            canvas.layout.lookup = canvas.lines(below, &lines, app.lookup.scroll);
            let (total, visible) = canvas.layout.lookup;
            let track = Rect { y: below.y.saturating_sub(1), height: below.height + 2, ..area };
            canvas.thumb(track, app.lookup.scroll, visible, total);
        }
        None if app.lookup.pending.is_some() => canvas.empty(below, "Looking up."),
        None if let Some(problem) = app.offer(Part::Online).problem() => canvas.empty(below, &problem.to_string()),
        None => canvas.empty(below, "Press enter, type a key, and enter again to look it up."),
    }
}

/// How long the answer took: all that fits into `room` cells, the server's time in any case.
fn times(app: &App, room: usize) -> Line {
    let Some(answer) = &app.lookup.answer else { return Vec::new() };
    let Ok(vector) = &answer.result else { return vec![piece("✗ no answer", Meaning::Bad)] };
    let ms = |seconds: f64| format!("{:.1} ms", seconds * 1_000.0);
    let server = vector.server_seconds.map(|seconds| format!("server {}", ms(seconds)));
    let store = vector.store_seconds.map(|seconds| format!("store {}", ms(seconds)));
    let trip = Some(format!("round trip {}", ms(answer.took.as_secs_f64())));
    let choices = [vec![&store, &server, &trip], vec![&server, &trip], vec![&server]];
    let texts = choices.map(|parts| parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" · "));
    let fits = texts.into_iter().find(|text| width(text) <= room).filter(|text| !text.is_empty());
    fits.map(|text| vec![piece(text, Meaning::Dim)]).unwrap_or_default()
}

/// Draws the fields, as many in a row as fit, and a remark; returns the rows taken.
fn form(canvas: &mut Canvas, app: &App, view: &FeatureView, area: Rect) -> u16 {
    let typing = app.typing == Some(Typing::Key) && app.windows.is_empty();
    let (mut x, mut y) = (area.x, area.y);
    for (place, (name, field)) in app.lookup.fields.iter().enumerate() {
        let declared = view.join_keys.iter().find(|key| key.name == *name);
        let optional = if view.wildcard_join_key() == Some(name) { " (empty: all)" } else { "" };
        let kind = declared.map(|key| format!(" {}{optional} ", key.data_type)).unwrap_or_default();
        let wide = (width(name) + width(&kind) + FIELD) as u16;
        if x > area.x && x + wide > area.right() {
            (x, y) = (area.x, y + 1);
        }
        if y >= area.bottom() {
            break;
        }
        let typed = typing && place == app.lookup.focus;
        let name_meaning = if typed { Meaning::Strong } else { Meaning::Text };
        let label =
            canvas.line(x, y, area.right() - x, &[piece(name.clone(), name_meaning), piece(kind, Meaning::Dim)]);
        let room = (FIELD as u16).min(area.right().saturating_sub(x + label));
        canvas.field(x + label, y, room, field, typed);
        x += wide + 2;
    }
    let remark = remark(app, typing);
    let wide = width(remark) as u16;
    if x + wide <= area.right() && !remark.is_empty() {
        canvas.line_right(area.right(), y, wide, &[piece(remark, Meaning::Dim)]);
    } else if !remark.is_empty() {
        y += 1;
        canvas.text(area.x, y, area.width, remark, Meaning::Dim);
    }
    y + 2 - area.y
}

fn remark(app: &App, typing: bool) -> &'static str {
    match (app.lookup.pending.is_some(), typing) {
        (_, false) if app.lookup.is_unwritten() => "key from the stream, not written yet",
        (true, _) => "looking up…",
        (false, true) => "enter looks up, esc leaves",
        (false, false) if app.lookup.example => "key from the stream",
        (false, false) => "",
    }
}

fn answer_lines(app: &App, view: &FeatureView, answer: &Answer, wide: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if answer.keys != app.lookup.keys() {
        let keys: Vec<String> = answer.keys.iter().map(|(name, text)| format!("{name}={text}")).collect();
        lines.push(vec![piece("answer for ", Meaning::Dim), piece(keys.join(" "), Meaning::Strong)]);
    }
    match &answer.result {
        Ok(vector) if vector.features.is_empty() => {
            lines.push(vec![piece("The answer has no features.", Meaning::Dim)])
        }
        Ok(vector) => table(&mut lines, view, &vector.features, wide, app.now),
        Err(problem) => {
            for (text, meaning) in [(&problem.what, Meaning::Bad), (&problem.hint, Meaning::Text)] {
                lines.extend(wrap(text, wide).into_iter().map(|line| vec![piece(line, meaning)]));
            }
        }
    }
    lines
}

struct Row {
    /// Feature, value, type, effective time, status.
    cells: [String; 5],
    right: bool,
    is_list: bool,
    meaning: Meaning,
}

const HEADS: [&str; 5] = ["feature", "value", "type", "effective", "status"];
/// Place of the value among the cells.
const VALUE: usize = 1;
/// Places in the order in which they are left out where not all fit.
const LEAVE_OUT: [usize; 3] = [4, 2, 3];
/// Least cells for values; a longer list goes to lines of its own.
const LEAST_VALUE: usize = 9;

fn table(lines: &mut Vec<Line>, view: &FeatureView, features: &[FeatureValue], wide: usize, now: Time) {
    let short = wide < 66;
    let rows: Vec<Row> = features.iter().map(|feature| row(view, feature, short, now)).collect();
    let widths = widths(&rows, wide);
    let right = rows.iter().all(|row| row.right || row.is_list || row.meaning == Meaning::Null);
    let cells = |texts: [&str; 5], meanings: [Meaning; 5]| -> Line {
        let last = widths.last().map(|(at, _)| *at);
        let cell = |(at, cells): &(usize, usize)| {
            let gap = if Some(*at) == last { "" } else { "  " };
            piece(format!("{}{gap}", fit(texts[*at], *cells, *at == VALUE && right)), meanings[*at])
        };
        widths.iter().map(cell).collect()
    };
    lines.push(cells(HEADS, [Meaning::Head; 5]));
    let room = widths.iter().find(|(at, _)| *at == VALUE).map_or(0, |(_, cells)| *cells);
    for row in &rows {
        let mut texts: [&str; 5] = std::array::from_fn(|at| row.cells[at].as_str());
        let apart = row.is_list && width(texts[VALUE]) > room;
        if apart {
            texts[VALUE] = "below";
        }
        let dim = Meaning::Dim;
        let value = if apart { dim } else { row.meaning };
        lines.push(cells(texts, [Meaning::Text, value, dim, dim, dim]));
        if apart {
            let list = wrap(&row.cells[VALUE], wide.saturating_sub(2));
            lines.extend(list.into_iter().map(|line| vec![piece(format!("  {line}"), row.meaning)]));
        }
    }
}

/// The columns that fit, by place, and their cells.
fn widths(rows: &[Row], wide: usize) -> Vec<(usize, usize)> {
    let longest = |at: usize| {
        let counts = rows.iter().filter(|row| at != VALUE || !row.is_list);
        counts.map(|row| width(&row.cells[at])).max().unwrap_or(0).max(width(HEADS[at]))
    };
    let mut widths: Vec<(usize, usize)> = (0..HEADS.len()).map(|at| (at, longest(at))).collect();
    let value = widths[VALUE].1.max(LEAST_VALUE);
    let others = |widths: &[(usize, usize)]| -> usize {
        widths.iter().filter(|(at, _)| *at != VALUE).map(|(_, cells)| cells + 2).sum()
    };
    for leave in LEAVE_OUT {
        if others(&widths) + value.min(wide / 3) > wide {
            widths.retain(|(at, _)| *at != leave);
        }
    }
    widths[0].1 = widths[0].1.min(wide.saturating_sub(LEAST_VALUE + 2));
    let lists = rows.iter().filter(|row| row.is_list).map(|row| width(&row.cells[VALUE])).max().unwrap_or(0);
    let room = wide.saturating_sub(others(&widths));
    widths[VALUE].1 = if lists <= room { value.max(lists) } else { value }.min(room);
    widths
}

fn row(view: &FeatureView, feature: &FeatureValue, short: bool, now: Time) -> Row {
    let name = feature.name.strip_prefix(&view.name).and_then(|name| name.strip_prefix('.'));
    let (value, right) = values::value(&feature.value);
    let status = match &feature.status {
        Some(FeatureStatus::Present) => "present",
        Some(FeatureStatus::Missing) => "missing",
        Some(FeatureStatus::Other(word)) => word,
        None => "",
    };
    let missing = feature.value == Value::Null || feature.status == Some(FeatureStatus::Missing);
    let time = |at: Time| if short { short_time(at, now) } else { values::time(at) };
    let cells = [
        name.unwrap_or(&feature.name).to_owned(),
        value,
        feature.data_type.to_string(),
        feature.effective_time.map(time).unwrap_or_default(),
        status.to_owned(),
    ];
    let is_list = matches!(feature.value, Value::List(_));
    Row { cells, right, is_list, meaning: if missing { Meaning::Null } else { Meaning::Value } }
}
