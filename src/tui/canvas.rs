//! What panes draw on: text by meaning, cut to its place; frames; rows. The one way from a text to a cell.
//!
//! Wraps a buffer and a theme. It notes the earliest instant at which something drawn will read differently. It never
//! reads a clock and never draws outside the rectangle it was given.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, BorderType, Widget};

use super::ages::Moving;
use super::field::Field;
use super::layout::Layout;
use super::text::{cut, width};
use super::theme::{Meaning, Theme};
use crate::model::Time;

/// A text and what it means.
pub(super) type Piece = (String, Meaning);
/// The pieces of one line, left to right.
pub(super) type Line = Vec<Piece>;

pub(super) fn piece(text: impl Into<String>, meaning: Meaning) -> Piece {
    (text.into(), meaning)
}

/// Cells that a line takes.
pub(super) fn line_width(line: &[Piece]) -> usize {
    line.iter().map(|(text, _)| width(text)).sum()
}

/// A buffer that is drawn on, in the colours of a theme.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    /// The time of the state that is drawn.
    pub now: Time,
    /// What is learned while drawing.
    pub layout: Layout,
}

impl<'a> Canvas<'a> {
    /// A canvas over the whole buffer.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme, now: Time) -> Self {
        Self { buffer, theme, now, layout: Layout::default() }
    }

    /// The part of the screen that the buffer stands for: all of it.
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// The style of a meaning.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.theme.style(meaning)
    }

    /// Whether there are no colours: such a theme is for paper and plain terminals, and so are the glyphs.
    pub fn is_plain(&self) -> bool {
        self.theme.name == "plain"
    }

    /// Writes text in at most `max` cells; returns the cells taken.
    pub fn text(&mut self, x: u16, y: u16, max: u16, text: &str, meaning: Meaning) -> u16 {
        let area = self.buffer.area;
        if y >= area.bottom() || x >= area.right() || max == 0 {
            return 0;
        }
        let max = usize::from(max.min(area.right() - x));
        let text = cut(text, max);
        // Whatever stood there, a border for one, lends the text nothing.
        let style = Style::reset().patch(self.style(meaning));
        let (end, _) = self.buffer.set_stringn(x, y, &text, max, style);
        end.saturating_sub(x)
    }

    /// Writes pieces one after the other; returns the cells taken.
    pub fn line(&mut self, x: u16, y: u16, max: u16, line: &[Piece]) -> u16 {
        let mut used = 0;
        for (text, meaning) in line {
            used += self.text(x + used, y, max.saturating_sub(used), text, *meaning);
        }
        used
    }

    /// Writes pieces so that they end before `end`; returns the column where they begin.
    pub fn line_right(&mut self, end: u16, y: u16, max: u16, line: &[Piece]) -> u16 {
        let wide = (line_width(line) as u16).min(max);
        let x = end.saturating_sub(wide);
        self.line(x, y, wide, line);
        x
    }

    /// Blanks the cells, as for a window over what was drawn before.
    pub fn clear(&mut self, area: Rect) {
        self.fill(area, Meaning::Text);
    }

    /// Blanks the cells in the style of a meaning.
    pub fn fill(&mut self, area: Rect, meaning: Meaning) {
        let style = self.style(meaning);
        self.each(area, |cell| {
            cell.reset();
            cell.set_style(style);
        });
    }

    /// Lays a meaning over the cells in place of their own style; the text stays.
    pub fn cover(&mut self, area: Rect, meaning: Meaning) {
        let style = self.style(meaning);
        self.each(area, |cell| {
            cell.set_style(Style::reset());
            cell.set_style(style);
        });
    }

    /// Shows that a row of a list is the selected one, by a mark in its first cell and a bar over the others.
    pub fn select(&mut self, row: Rect) {
        self.text(row.x, row.y, 1, "▌", Meaning::Mark);
        self.cover(Rect { x: row.x + 1, width: row.width.saturating_sub(1), ..row }, Meaning::Selection);
    }

    fn each(&mut self, area: Rect, mut change: impl FnMut(&mut ratatui::buffer::Cell)) {
        for position in area.intersection(self.buffer.area).positions() {
            change(&mut self.buffer[position]);
        }
    }

    /// A frame with a title and, at the right, a status; returns what is inside.
    pub fn frame(&mut self, area: Rect, focused: bool, title: &[Piece], status: &[Piece]) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 4 || area.height < 2 {
            return Rect::ZERO;
        }
        let border = if focused { Meaning::BorderFocus } else { Meaning::Border };
        let block = Block::bordered().border_type(BorderType::Rounded).border_style(self.style(border));
        let inner = block.inner(area);
        block.render(area, self.buffer);
        let room = area.width - 4;
        let mut end = area.x + 2;
        if !title.is_empty() {
            end += self.text(end, area.y, 1, " ", border);
            end += self.line(end, area.y, room.saturating_sub(2), title);
            end += self.text(end, area.y, 1, " ", border);
        }
        let wide = line_width(status) as u16 + 2;
        if !status.is_empty() && end + wide < area.right() - 1 {
            let x = self.line_right(area.right() - 3, area.y, wide, status);
            self.text(x - 1, area.y, 1, " ", border);
            self.text(area.right() - 3, area.y, 1, " ", border);
        }
        inner
    }

    /// The frame of a window over the panes, which has the keys; returns what is inside, `margin` cells from the frame.
    pub fn window(&mut self, area: Rect, margin: u16, title: &[Piece], status: &[Piece]) -> Rect {
        self.clear(area);
        let inner = self.frame(area, true, title, status);
        Rect { x: inner.x + margin, width: inner.width.saturating_sub(2 * margin), ..inner }
    }

    /// The lines of a window that scrolls, with its thumb on the frame; what is learned of them is for the next key.
    pub fn scrolled(&mut self, frame: Rect, inner: Rect, lines: &[Line], scroll: usize) {
        self.layout.window = self.lines(inner, lines, scroll);
        let (total, visible) = self.layout.window;
        self.thumb(frame, scroll, visible, total);
    }

    /// A remark at the right end of a frame's lower border.
    pub fn frame_foot(&mut self, area: Rect, remark: &[Piece]) {
        let wide = line_width(remark) as u16;
        if area.width > wide + 6 && area.height > 1 && wide > 0 {
            let y = area.bottom() - 1;
            let x = self.line_right(area.right() - 3, y, wide, remark);
            self.text(x - 1, y, 1, " ", Meaning::Text);
            self.text(area.right() - 3, y, 1, " ", Meaning::Text);
        }
    }

    /// Shows on a frame's right border which part of `total` lines is visible.
    pub fn thumb(&mut self, frame: Rect, first: usize, visible: usize, total: usize) {
        let track = usize::from(frame.height.saturating_sub(2));
        if total <= visible || track == 0 || visible == 0 {
            return;
        }
        let size = (visible * track / total).clamp(1, track);
        let last = total - visible;
        let at = (first.min(last) * (track - size) + last / 2) / last;
        for row in at..at + size {
            self.text(frame.right() - 1, frame.y + 1 + row as u16, 1, "┃", Meaning::Dim);
        }
    }

    /// Draws lines from `scroll` on; returns how many there are and how many fit.
    pub fn lines(&mut self, area: Rect, lines: &[Line], scroll: usize) -> (usize, usize) {
        let height = usize::from(area.height);
        let first = scroll.min(lines.len().saturating_sub(height));
        for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(first)) {
            self.line(area.x, y, area.width, line);
        }
        (lines.len(), height)
    }

    /// A sentence or two in the middle of an empty area.
    pub fn empty(&mut self, area: Rect, text: &str) {
        let lines = super::text::wrap_even(text, usize::from(area.width.saturating_sub(4)).min(60));
        let top = area.y + area.height.saturating_sub(lines.len() as u16) / 2;
        for (y, line) in (top..area.bottom()).zip(&lines) {
            let x = area.x + area.width.saturating_sub(width(line) as u16) / 2;
            self.text(x, y, area.width, line, Meaning::Dim);
        }
    }

    /// A text field; the part around the cursor shows, and the cursor as a reversed cell where it is typed into.
    pub fn field(&mut self, x: u16, y: u16, max: u16, field: &Field, typed: bool) {
        let max = max.min(self.buffer.area.right().saturating_sub(x));
        if max == 0 || y >= self.buffer.area.bottom() {
            return;
        }
        let meaning = if typed { Meaning::FieldFocus } else { Meaning::Field };
        self.fill(Rect::new(x, y, max, 1), meaning);
        let before: String = field.text().chars().take(field.cursor()).collect();
        if !typed || width(field.text()) < usize::from(max) {
            self.text(x, y, max, field.text(), meaning);
        } else {
            // Only what lies before the cursor is sure to fit: its tail shows, and the cursor after it.
            let mut tail = before.as_str();
            while width(tail) >= usize::from(max) {
                tail = tail.char_indices().nth(1).map_or("", |(at, _)| &tail[at..]);
            }
            let used = self.text(x, y, max, tail, meaning);
            let after: String = field.text().chars().skip(field.cursor()).collect();
            self.text(x + used, y, max - used, &after, meaning);
            self.cursor(x + used, y);
            return;
        }
        if typed {
            self.cursor(x + width(&before) as u16, y);
        }
    }

    fn cursor(&mut self, x: u16, y: u16) {
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.set_style(Style::reset().add_modifier(ratatui::style::Modifier::REVERSED));
        }
    }

    /// The text of something that moves with the clock; remembers when it will be another.
    pub fn moving(&mut self, moving: Moving) -> String {
        self.changes_at(moving.until);
        moving.text
    }

    /// Something drawn will read differently from then on.
    pub fn changes_at(&mut self, at: Option<Time>) {
        let next = self.layout.next_change;
        self.layout.next_change = match (next, at) {
            (Some(next), Some(at)) => Some(next.min(at)),
            (next, at) => next.or(at),
        };
    }
}

/// The rectangle of that size in the middle of `area`, or as much of it as fits.
pub(super) fn centred(area: Rect, columns: u16, rows: u16) -> Rect {
    let (width, height) = (columns.min(area.width), rows.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}
