//! The Lookup pane: one field a join key, and the answer of the online store.
//!
//! ```text
//! ╭ Lookup ─────────────────────── server 0.8 ms · round trip 2.1 ms ╮
//! │ carrier string  AA__________          example key from the stream │
//! │ feature                  value  type     effective time           │
//! │ dep_delay_mean_1d_1h     12.5   float64  2026-11-22 10:00:00      │
//! ╰───────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use super::{chrome, values};
use crate::model::{FeatureStatus, FeatureValue, FeatureView, Value};
use crate::tui::app::{Answer, App, Pane, Typing};
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;

/// Cells of a field.
const FIELD: usize = 16;

/// Draws the pane.
pub fn draw(canvas: &mut Canvas, app: &App, area: Rect) {
    let status = times(app);
    let inner = canvas.frame(area, app.focus == Pane::Lookup, &chrome::title(app, Pane::Lookup), &status);
    let stale = chrome::stale(canvas, app);
    canvas.frame_foot(area, &stale);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(view) = app.feature_view() else {
        canvas.empty(inner, &super::summary::waiting(app));
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
        None => canvas.empty(below, "Press enter, type a key, and enter again to look it up."),
    }
}

/// Where the time of the last answer went.
fn times(app: &App) -> Line {
    let Some(answer) = &app.lookup.answer else { return Vec::new() };
    let Ok(vector) = &answer.result else { return vec![piece("✗ no answer", Meaning::Bad)] };
    let ms = |seconds: f64| format!("{:.1} ms", seconds * 1_000.0);
    let mut parts = Vec::new();
    parts.extend(vector.store_seconds.map(|seconds| format!("store {}", ms(seconds))));
    parts.extend(vector.server_seconds.map(|seconds| format!("server {}", ms(seconds))));
    parts.push(format!("round trip {}", ms(answer.took.as_secs_f64())));
    vec![piece(parts.join(" · "), Meaning::Dim)]
}

/// Draws the fields, as many beside each other as fit, and a remark; returns the rows taken.
fn form(canvas: &mut Canvas, app: &App, view: &FeatureView, area: Rect) -> u16 {
    let typing = app.typing == Some(Typing::Key) && app.overlays.is_empty();
    let (mut x, mut y) = (area.x, area.y);
    for (place, (name, field)) in app.lookup.fields.iter().enumerate() {
        let declared = view.join_keys.iter().find(|key| key.name == *name);
        let optional = if view.wildcard_join_key() == Some(name) { " (may be empty)" } else { "" };
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
        (true, _) => "looking up…",
        (false, true) => "enter looks up, esc leaves",
        (false, false) if app.lookup.example => "example key from the stream",
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
        Ok(vector) => table(&mut lines, view, &vector.features, wide),
        Err(problem) => {
            for (text, meaning) in [(&problem.what, Meaning::Bad), (&problem.hint, Meaning::Text)] {
                lines.extend(wrap(text, wide).into_iter().map(|line| vec![piece(line, meaning)]));
            }
        }
    }
    lines
}

struct Row {
    cells: [String; 5],
    right: bool,
    meaning: Meaning,
}

const HEADS: [&str; 5] = ["feature", "value", "type", "effective time", "status"];
/// Columns by number, the first to be left out first.
const LEAVE_OUT: [usize; 3] = [4, 2, 3];

fn table(lines: &mut Vec<Line>, view: &FeatureView, features: &[FeatureValue], wide: usize) {
    let rows: Vec<Row> = features.iter().map(|feature| row(view, feature)).collect();
    let longest = |at: usize| rows.iter().map(|row| width(&row.cells[at])).max().unwrap_or(0).max(width(HEADS[at]));
    let mut widths: Vec<(usize, usize)> = (0..5).map(|at| (at, longest(at))).collect();
    // A long list does not push the other columns out: the value is cut first, down to a third.
    let others =
        |widths: &[(usize, usize)]| widths.iter().filter(|(at, _)| *at != 1).map(|(_, w)| w + 2).sum::<usize>();
    let value = widths[1].1;
    for leave in LEAVE_OUT {
        let least = value.min(12).max(if value > 24 { wide / 3 } else { value });
        if others(&widths) + least > wide {
            widths.retain(|(at, _)| *at != leave);
        }
    }
    let names = wide.saturating_sub(value.min(12) + 2);
    for (at, wide) in &mut widths {
        *wide = if *at == 0 { (*wide).min(names) } else { *wide };
    }
    let room = wide.saturating_sub(others(&widths));
    for (at, wide) in &mut widths {
        *wide = if *at == 1 { (*wide).min(room) } else { *wide };
    }
    let right = rows.iter().any(|row| row.right) && value <= 24;
    let head = widths.iter().map(|(at, w)| piece(fit(HEADS[*at], w + 2, false), Meaning::Head));
    let head = head.zip(&widths).map(|((text, meaning), (at, w))| match *at == 1 && right {
        true => (format!("{}  ", fit(HEADS[1], *w, true)), meaning),
        false => (text, meaning),
    });
    lines.push(head.collect());
    for row in rows {
        let cell = |(at, w): &(usize, usize)| {
            let text = format!("{}  ", fit(&row.cells[*at], *w, *at == 1 && right));
            piece(
                text,
                if *at == 0 {
                    Meaning::Text
                } else if *at == 1 {
                    row.meaning
                } else {
                    Meaning::Dim
                },
            )
        };
        lines.push(widths.iter().map(cell).collect());
    }
}

fn row(view: &FeatureView, feature: &FeatureValue) -> Row {
    let name = feature.name.strip_prefix(&view.name).and_then(|name| name.strip_prefix('.'));
    let (value, right) = values::value(&feature.value);
    let status = match &feature.status {
        Some(FeatureStatus::Present) => "present",
        Some(FeatureStatus::Missing) => "missing: nothing stored",
        Some(FeatureStatus::Other(word)) => word,
        None => "",
    };
    let missing = feature.value == Value::Null || feature.status == Some(FeatureStatus::Missing);
    let cells = [
        name.unwrap_or(&feature.name).to_owned(),
        value,
        feature.data_type.to_string(),
        feature.effective_time.map(values::time).unwrap_or_default(),
        status.to_owned(),
    ];
    Row { cells, right, meaning: if missing { Meaning::Null } else { Meaning::Value } }
}
