//! Lists in windows: the chooser (palette, views, workspaces).

use ratatui::layout::Rect;

use crate::tui::app::{App, Chooser, ChooserKind, jobs_window};
use crate::tui::canvas::{Canvas, centred, piece};
use crate::tui::text::width;
use crate::tui::theme::Meaning;

/// Draws a list to pick from, its text field on top.
pub fn chooser(canvas: &mut Canvas, app: &App, chooser: &Chooser, body: Rect) {
    let lines = chooser.lines(app);
    let wide = body.width.saturating_sub(4).min(100);
    let rows = body.height.saturating_sub(2).min(lines.len().max(1) as u16 + 4).max(6.min(body.height));
    let area = Rect { y: body.y + (body.height - rows).min(2), ..centred(body, wide, rows) };
    canvas.clear(area);
    let (title, mark) = match chooser.kind {
        ChooserKind::Palette => ("Commands", ":"),
        ChooserKind::Views => ("Feature views", "/"),
        ChooserKind::Workspaces => ("Workspaces", "/"),
    };
    let status = [piece(format!("{}", lines.len()), Meaning::Dim)];
    let inner = canvas.frame(area, true, &[piece(title, Meaning::TitleFocus)], &status);
    if inner.height < 3 {
        return;
    }
    canvas.text(inner.x + 1, inner.y, 1, mark, Meaning::Key);
    canvas.field(inner.x + 3, inner.y, inner.width.saturating_sub(4), &chooser.field, true);
    let list = Rect { y: inner.y + 2, height: inner.height - 2, ..inner };
    let visible = usize::from(list.height);
    canvas.layout.window = (lines.len(), visible);
    if lines.is_empty() {
        canvas.empty(list, "Nothing matches.");
        return;
    }
    let top = jobs_window(0, chooser.selected, visible, lines.len());
    let names = lines.iter().map(|line| width(&line.label)).max().unwrap_or(0).min(usize::from(list.width) / 2);
    for (place, y) in (top..lines.len()).zip(list.y..list.bottom()) {
        let line = &lines[place];
        let remark = width(&line.remark) as u16;
        let (name, detail) = match line.disabled {
            Some(_) => (Meaning::Dim, Meaning::Dim),
            None => (Meaning::Text, Meaning::Dim),
        };
        canvas.text(list.x + 2, y, names as u16, &line.label, name);
        let x = list.x + 2 + names as u16 + 2;
        let room = list.right().saturating_sub(x + remark + 3);
        let said = line.disabled.as_deref().unwrap_or(&line.detail);
        canvas.text(x, y, room, said, detail);
        canvas.line_right(list.right() - 1, y, remark, &[piece(line.remark.clone(), Meaning::Key)]);
        if place == chooser.selected {
            canvas.text(list.x, y, 1, "▌", Meaning::Mark);
            canvas.cover(Rect { x: list.x + 1, y, width: list.width - 1, height: 1 }, Meaning::Selection);
        }
    }
    canvas.thumb(Rect { y: list.y - 1, height: list.height + 2, ..area }, top, visible, lines.len());
}
