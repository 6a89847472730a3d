//! A row of a table looked at closer: every column with its whole value.

use ratatui::layout::Rect;

use super::TableWindow;
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::sheet::cell;
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;
use crate::tui::view::form::hanging;

/// Draws the selected row: every column with its whole value.
pub(super) fn draw(canvas: &mut Canvas, table: &TableWindow, inside: Rect, frame: Rect) {
    let wide = usize::from(inside.width);
    let names = table.heads.iter().map(|head| width(&head.short)).max().unwrap_or(0).min(wide * 2 / 5);
    let place = format!("row {} of {}", grouped(table.place as u64 + 1), grouped(table.len() as u64));
    let mut lines: Vec<Line> = vec![vec![piece(place, Meaning::Strong)], Vec::new()];
    for (head, column) in table.heads.iter().zip(table.table().0.columns()) {
        let value = cell(column, table.selected as usize);
        let meaning = if value.is_some() { Meaning::Value } else { Meaning::Null };
        let name = fit(&head.short, names, false);
        let value = match value {
            None => "null".to_owned(),
            // A text of nothing or of blanks would not be seen, and its column would have no line.
            Some(text) if text.trim().is_empty() => format!("\"{text}\""),
            Some(text) => text,
        };
        let head = vec![piece(name, Meaning::Dim), piece("  ", Meaning::Text)];
        lines.extend(hanging(head, &value, wide, meaning));
    }
    canvas.frame_foot(frame, &[piece("← → other rows", Meaning::Dim)]);
    canvas.scrolled(frame, inside, &lines, table.scroll);
}
