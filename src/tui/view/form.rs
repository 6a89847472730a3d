//! What forms and questions are drawn of: boxes, choices, facts, wrapped text. It knows no form.

use ratatui::layout::Rect;

use crate::tui::canvas::{Canvas, Line, line_width, piece};
use crate::tui::text::{fit, wrap};
use crate::tui::theme::Meaning;

/// The text on as many lines of so many cells as it takes.
pub(crate) fn wrapped(text: &str, wide: usize, meaning: Meaning) -> Vec<Line> {
    wrap(text, wide).into_iter().map(|line| vec![piece(line, meaning)]).collect()
}

/// The text behind a head, on as many lines of `wide` cells as it takes; further lines are blank below the head. No
/// lines where there is no text.
pub(crate) fn hanging(head: Line, text: &str, wide: usize, meaning: Meaning) -> Vec<Line> {
    let blank = " ".repeat(line_width(&head));
    let room = wide.saturating_sub(blank.len());
    let mut head = Some(head);
    let line = |part: String| {
        let mut line = head.take().unwrap_or_else(|| vec![piece(blank.clone(), Meaning::Text)]);
        line.push(piece(part, meaning));
        line
    };
    wrap(text, room).into_iter().map(line).collect()
}

/// A name in `names` of `wide` cells, and its value in the rest of them, on as many lines as it takes.
pub(crate) fn fact(name: &str, value: &str, names: usize, wide: usize) -> Vec<Line> {
    hanging(vec![piece(fit(name, names, false), Meaning::Dim)], value, wide, Meaning::Strong)
}

/// A box with what it is for, or why it cannot be ticked; `here` where it has the keys.
pub(crate) fn tick(canvas: &mut Canvas, area: Rect, ticked: bool, here: bool, barred: Option<&str>, purpose: &str) {
    let sign = match (barred, ticked) {
        (Some(_), _) => " - ",
        (None, true) => "[x]",
        (None, false) => "[ ]",
    };
    let meaning = if here { Meaning::FieldFocus } else { Meaning::Text };
    let used = canvas.text(area.x, area.y, 3, sign, meaning);
    canvas.text(
        area.x + used + 1,
        area.y,
        area.width.saturating_sub(used + 1),
        barred.unwrap_or(purpose),
        Meaning::Dim,
    );
}

/// The chosen one of several values, and a remark on it or on the others; `here` where it has the keys.
pub(crate) fn choice(canvas: &mut Canvas, area: Rect, chosen: &str, remark: &str, here: bool) {
    let meaning = if here { Meaning::FieldFocus } else { Meaning::Text };
    let used = canvas.text(area.x, area.y, area.width, chosen, meaning);
    canvas.text(area.x + used + 2, area.y, area.width.saturating_sub(used + 2), remark, Meaning::Dim);
}
