//! The rows of a table: only the cells that show are made.
//!
//! ```text
//! ╭ run carrier_delays_hourly  1 240 rows × 6 ─────────────────── 12 of 1 240 ╮
//! │ 2026-11-22 11:00:00 – 2026-11-22 12:00:00 · level full                    │
//! │ ! The range is shorter than the longest window.                           │
//! │  carrier  timestamp            dep_delay_mean_1h_1h ↓                     │
//! │  string   timestamp                        float64                        │
//! │                                             12 null                       │
//! │▌ UA       2026-11-22 11:00:00              12.25                          │
//! ╰───────────────────────────────────────────────────────── 3 more columns → ╯
//! ```
//!
//! The key columns stay at the left while there is room for others to their right.

use std::ops::Range;

use ratatui::layout::Rect;

use super::{Head, TableWindow};
use crate::tui::app::origin::Origin;
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::scroll::first_visible;
use crate::tui::sheet::{Kind, cell};
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;
use crate::wire::queries::Query;

/// A column is no wider than that, unless it is alone.
const WIDEST: usize = 40;
/// Lines of warnings that show at most; the log has all of them.
const WARNINGS: usize = 3;

/// Draws the rows that show, with what was asked for, warnings and the filter above them.
pub(super) fn draw(canvas: &mut Canvas, table: &TableWindow, inner: Rect, frame: Rect) {
    let inner = above(canvas, table, inner);
    if table.is_empty() || inner.height < 2 || table.heads.is_empty() {
        canvas.empty(inner, &nothing(table));
        return;
    }
    let nulls = table.heads.iter().any(|head| head.nulls > 0);
    let heads = match inner.height {
        0..8 => 1,
        8..12 => 2,
        _ => 2 + u16::from(nulls),
    };
    let visible = usize::from(inner.height - heads);
    let top = first_visible(table.top, table.place, visible, table.len());
    let window: Vec<u32> = (top..top + visible).map_while(|place| table.at(place)).collect();
    let mut columns = Columns::new(table, &window, &canvas.layout.table.widths);
    let (keys, shown) = columns.fit(canvas.layout.table.left, usize::from(inner.width).saturating_sub(2));
    canvas.layout.table.rows = visible;
    canvas.layout.table.left = shown.start;
    canvas.layout.table.widths.clone_from(&columns.widths);
    let mut x = inner.x + 2;
    for column in (0..keys).chain(shown.clone()) {
        let room = inner.right().saturating_sub(x);
        let wide = (columns.width(column) as u16).min(room);
        head(canvas, table, column, heads, Rect::new(x, inner.y, wide, heads));
        for (y, text) in (inner.y + heads..inner.bottom()).zip(columns.cells(column)) {
            let meaning = if text.is_some() { Meaning::Value } else { Meaning::Null };
            let right = is_right(table, column);
            let text = fit(text.as_deref().unwrap_or("null"), usize::from(wide), right);
            canvas.text(x, y, wide, &text, meaning);
        }
        x += wide + 2;
    }
    let y = inner.y + heads + (table.place.saturating_sub(top)) as u16;
    canvas.select(Rect { y, height: 1, ..inner });
    more(canvas, table, keys, &shown, frame);
    let track = Rect { y: inner.y + heads - 1, height: inner.height - heads + 2, ..frame };
    canvas.thumb(track, top, visible, table.len());
}

/// How many columns do not show, and where they are.
fn more(canvas: &mut Canvas, table: &TableWindow, keys: usize, shown: &Range<usize>, frame: Rect) {
    let hidden = table.heads.len() - keys - shown.len();
    if hidden > 0 {
        let word = if hidden == 1 { "column" } else { "columns" };
        let left = if shown.start > keys { "← " } else { "" };
        let right = if shown.end < table.heads.len() { " →" } else { "" };
        canvas.frame_foot(frame, &[piece(format!("{left}{hidden} more {word}{right}"), Meaning::Dim)]);
    }
}

/// What was asked for, warnings, and the filter; returns what is left of the area.
fn above(canvas: &mut Canvas, table: &TableWindow, inner: Rect) -> Rect {
    let wide = usize::from(inner.width.saturating_sub(2));
    let mut lines: Vec<Line> = Vec::new();
    if inner.height > 10 {
        lines.push(vec![piece(table.origin.sentence(), Meaning::Dim)]);
    }
    let mut warnings: Vec<String> =
        table.answer.warnings.iter().flat_map(|warning| wrap(&format!("! {warning}"), wide)).collect();
    let most = if inner.height > 10 { WARNINGS } else { 1 };
    if warnings.len() > most {
        warnings.truncate(most);
        if let Some(last) = warnings.last_mut() {
            let room = wide.saturating_sub(9);
            *last = format!("{} … L: all", fit(last, width(last).min(room), false));
        }
    }
    lines.extend(warnings.into_iter().map(|line| vec![piece(line, Meaning::Warning)]));
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    canvas.lines(Rect { height: (lines.len() as u16).min(inner.height), ..inside }, &lines, 0);
    let used = (lines.len() as u16).min(inner.height);
    let left = Rect { y: inner.y + used, height: inner.height - used, ..inner };
    filter(canvas, table, left)
}

/// The filter's line, where one is typed or set; returns what is left of the area.
fn filter(canvas: &mut Canvas, table: &TableWindow, inner: Rect) -> Rect {
    let typed = table.typing;
    if inner.height < 2 || (!typed && table.filter.text().is_empty()) {
        return inner;
    }
    let remark = match &table.filter_error {
        Some(error) => piece(error.clone(), Meaning::Bad),
        None => piece("", Meaning::Dim),
    };
    let wide = (width(&remark.0) as u16).min(inner.width.saturating_sub(24));
    canvas.text(inner.x + 1, inner.y, 2, "/ ", Meaning::Key);
    canvas.field(inner.x + 3, inner.y, inner.width.saturating_sub(wide + 6), &table.filter, typed);
    canvas.line_right(inner.right() - 1, inner.y, wide, &[remark]);
    Rect { y: inner.y + 1, height: inner.height - 1, ..inner }
}

/// Name, type and missing values of a column.
fn head(canvas: &mut Canvas, table: &TableWindow, column: usize, lines: u16, area: Rect) {
    let Some(head) = table.heads.get(column) else { return };
    let meaning = if column == table.column { Meaning::TitleFocus } else { Meaning::Head };
    let texts = [(name(table, column), meaning), (head.word.clone(), Meaning::Dim), (nulls(head), Meaning::Dim)];
    for (y, (text, meaning)) in (area.y..area.y + lines).zip(texts) {
        let text = fit(&text, usize::from(area.width), is_right(table, column));
        canvas.text(area.x, y, area.width, &text, meaning);
    }
}

/// How many values are missing; nothing where none is.
fn nulls(head: &Head) -> String {
    if head.nulls > 0 { format!("{} null", grouped(head.nulls as u64)) } else { String::new() }
}

/// The name in the head, with the direction of sorting.
fn name(table: &TableWindow, column: usize) -> String {
    let short = table.heads.get(column).map_or("", |head| &head.short);
    match table.sort {
        Some((sorted, true)) if sorted == column => format!("{short} ↓"),
        Some((sorted, false)) if sorted == column => format!("{short} ↑"),
        _ => short.to_owned(),
    }
}

fn is_right(table: &TableWindow, column: usize) -> bool {
    table.heads.get(column).is_some_and(|head| head.kind.is_number())
}

/// Cells and widths of columns, made where they are needed.
struct Columns<'a> {
    table: &'a TableWindow,
    window: &'a [u32],
    widths: Vec<usize>,
    made: Vec<Option<Vec<Option<String>>>>,
}

impl<'a> Columns<'a> {
    /// Widths never shrink below those of before.
    fn new(table: &'a TableWindow, window: &'a [u32], before: &[usize]) -> Self {
        let count = table.heads.len();
        let widths = if before.len() == count { before.to_vec() } else { vec![0; count] };
        Self { table, window, widths, made: vec![None; count] }
    }

    /// The visible cells of a column, padded so that points stand below each other.
    fn cells(&mut self, column: usize) -> &[Option<String>] {
        let (table, window) = (self.table, self.window);
        let Some(slot) = self.made.get_mut(column) else { return &[] };
        slot.get_or_insert_with(|| {
            let Some(data) = table.table().0.columns().get(column) else { return Vec::new() };
            let mut cells: Vec<_> = window.iter().map(|row| cell(data, *row as usize)).collect();
            if table.heads.get(column).is_some_and(|head| head.kind == Kind::Float) {
                align(&mut cells);
            }
            cells
        })
    }

    /// Cells that a column takes: found once, when its cells are made.
    fn width(&mut self, column: usize) -> usize {
        if self.made.get(column).is_some_and(Option::is_some) {
            return self.widths.get(column).copied().unwrap_or(0);
        }
        let widest = self.cells(column).iter().map(|cell| cell.as_deref().map_or(4, width)).max().unwrap_or(0);
        let Some(head) = self.table.heads.get(column) else { return 0 };
        // The arrow of the sort column may come and go; its room stays.
        let least = (width(&head.short) + 2).max(width(&head.word)).max(width(&nulls(head)));
        let Some(known) = self.widths.get_mut(column) else { return 0 };
        *known = widest.max(least).min(WIDEST).max(*known);
        *known
    }

    /// How many key columns stay at the left, and which others show to their right, so that the selected one does.
    fn fit(&mut self, left: usize, room: usize) -> (usize, Range<usize>) {
        let count = self.table.heads.len();
        let (mut keys, mut taken) = (0, 0);
        while keys < self.table.keys.min(count) && taken + self.width(keys) + 2 <= room / 2 {
            taken += self.width(keys) + 2;
            keys += 1;
        }
        let room = room - taken;
        let mut first = left.clamp(keys, count.saturating_sub(1).max(keys));
        let selected = self.table.column;
        if selected >= keys {
            first = first.min(selected);
            while first < selected && self.needs(first..selected + 1) > room {
                first += 1;
            }
        }
        // Room at the right end is given to columns at the left.
        while first > keys && self.needs(first - 1..count) <= room {
            first -= 1;
        }
        let mut end = (first + 1).min(count);
        while end < count && self.needs(first..end + 1) <= room {
            end += 1;
        }
        (keys, first..end.max(first))
    }

    /// Cells that these columns take in a row. Columns far out of sight are not looked at: a table may have hundreds.
    fn needs(&mut self, columns: Range<usize>) -> usize {
        if columns.len() > 120 {
            return usize::MAX;
        }
        columns.map(|column| self.width(column) + 2).sum::<usize>().saturating_sub(2)
    }
}

/// Pads numbers at the right so that their points stand below each other.
fn align(cells: &mut [Option<String>]) {
    let after = |text: &str| text.find('.').map_or(0, |point| text.len() - point);
    let most = cells.iter().flatten().map(|text| after(text)).max().unwrap_or(0);
    for text in cells.iter_mut().flatten() {
        let missing = most - after(text);
        text.extend(std::iter::repeat_n(' ', missing));
    }
}

/// Why the table is empty.
fn nothing(table: &TableWindow) -> String {
    if table.height() > 0 {
        return "No row matches the filter. Press esc to drop it.".to_owned();
    }
    let Origin::Query { query, .. } = &table.origin else { return "No rows: there are no such jobs yet.".to_owned() };
    match &**query {
        Query::Run(run) if !run.mock_sources.is_empty() => {
            "No rows: no row of the given files lies in the range. Press e to widen it.".to_owned()
        }
        Query::Run(_) => "No rows: no event lies in the range. Press e to choose another one.".to_owned(),
        Query::History(history) if history.spine.is_some() => "No rows: the spine has none.".to_owned(),
        Query::History(history) if history.entities.is_some() => {
            "No rows: none of the given keys has values in the range. Press e to widen it.".to_owned()
        }
        Query::History(history) if !history.from_source => {
            "No rows: nothing was materialized for the range. Press e to choose another one, or to compute from the \
             source."
                .to_owned()
        }
        Query::History(_) => "No rows: no features arise in the range. Press e to choose another one.".to_owned(),
    }
}
