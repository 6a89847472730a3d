//! A column of a table looked at closer: how many values are missing, distinct, frequent, and where they lie.

use ratatui::layout::Rect;

use super::TableWindow;
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::sheet::{Distinct, Summary};
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;

/// Cells of the bar that shows how frequent a value is.
const BAR: usize = 20;
/// Most cells of a frequent value.
const VALUE: usize = 32;

/// Draws what the selected column holds.
pub(super) fn draw(canvas: &mut Canvas, table: &TableWindow, inside: Rect, frame: Rect) {
    let Some(head) = table.heads.get(table.column) else { return };
    let mut lines: Vec<Line> =
        vec![vec![piece(head.name.clone(), Meaning::Strong), piece(format!("  {}", head.word), Meaning::Dim)]];
    lines.push(Vec::new());
    match &table.summary {
        Some(summary) => summary_lines(&mut lines, table, summary, usize::from(inside.width)),
        None if table.is_looking() || table.ordering.is_some() => {
            lines.push(vec![piece("Looking at every row…", Meaning::Running)]);
        }
        None => lines.push(vec![piece("This column could not be read.", Meaning::Bad)]),
    }
    canvas.frame_foot(frame, &[piece("← → other columns", Meaning::Dim)]);
    canvas.scrolled(frame, inside, &lines, table.scroll);
}

fn summary_lines(lines: &mut Vec<Line>, table: &TableWindow, summary: &Summary, wide: usize) {
    let rows = grouped(summary.rows as u64);
    let rows = if table.is_filtered() { format!("{rows} of {}", grouped(table.height() as u64)) } else { rows };
    let distinct = match summary.distinct {
        Distinct::Exactly(count) => grouped(count as u64),
        Distinct::AtLeast(count) => format!("at least {}", grouped(count as u64)),
    };
    let share = 100.0 * summary.nulls as f64 / summary.rows.max(1) as f64;
    let nulls = match summary.nulls {
        0 => "0".to_owned(),
        nulls => format!("{} ({share:.1} %)", grouped(nulls as u64)),
    };
    let mut pair = |name: &str, value: &str| {
        lines.push(vec![piece(fit(name, 14, false), Meaning::Dim), piece(value, Meaning::Value)]);
    };
    for (name, value) in [("rows", rows), ("null", nulls), ("distinct", distinct)] {
        pair(name, &value);
    }
    for (name, value) in &summary.facts {
        pair(name, value);
    }
    let Some((_, most)) = summary.top.first() else { return };
    lines.push(Vec::new());
    lines.push(vec![piece("most frequent", Meaning::Head)]);
    let longest = summary.top.iter().map(|(value, _)| width(value)).max().unwrap_or(0);
    let values = longest.min(VALUE).min(wide.saturating_sub(20));
    let count = width(&grouped(*most as u64));
    for (value, times) in &summary.top {
        let bar = (times * BAR).div_ceil((*most).max(1)).min(BAR);
        let share = 100.0 * *times as f64 / summary.rows.max(1) as f64;
        lines.push(vec![
            piece(fit(value, values, false), Meaning::Value),
            piece(format!("  {}  {share:>5.1} %  ", fit(&grouped(*times as u64), count, true)), Meaning::Dim),
            piece("━".repeat(bar), Meaning::Accent),
        ]);
    }
}
