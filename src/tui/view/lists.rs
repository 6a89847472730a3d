//! Lists in windows: the chooser (palette, views, workspaces) and the log.

use ratatui::layout::Rect;

use super::chrome;
use crate::tui::app::{App, Chooser, ChooserKind, jobs_window};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::text::{fit, width, wrap};
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

/// Draws requests, notes and the deployment's notices, the newest first.
pub fn journal(canvas: &mut Canvas, app: &App, scroll: usize, body: Rect) {
    let wide = body.width.saturating_sub(2).min(140);
    let lines = journal_lines(app, usize::from(wide.saturating_sub(4)));
    let area = centred(body, wide, body.height.saturating_sub(2));
    canvas.clear(area);
    let title = [piece("Log", Meaning::TitleFocus)];
    let inner = canvas.frame(area, true, &title, &[piece("esc closes", Meaning::Dim)]);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    canvas.layout.window = canvas.lines(inner, &lines, scroll);
    let (total, visible) = canvas.layout.window;
    canvas.thumb(area, scroll, visible, total);
}

fn journal_lines(app: &App, wide: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    if let Some(deployment) = &app.deployment {
        lines.push(vec![piece("deployment  ", Meaning::Dim), piece(deployment.url.clone(), Meaning::Text)]);
        for notice in &deployment.notices {
            let mut mark = "!  ";
            for line in wrap(notice, wide.saturating_sub(3)) {
                lines.push(vec![
                    piece(std::mem::replace(&mut mark, "   "), Meaning::Warning),
                    piece(line, Meaning::Text),
                ]);
            }
        }
        lines.push(Vec::new());
    }
    for note in app.notes.journal.iter().rev() {
        let (glyph, meaning) = chrome::level(note.level);
        let mut at = note.at.format("%H:%M:%S").to_string();
        let mut glyph = glyph;
        for line in wrap(&note.text, wide.saturating_sub(12)) {
            lines.push(vec![
                piece(fit(&std::mem::take(&mut at), 8, false), Meaning::Dim),
                piece(format!("  {} ", std::mem::replace(&mut glyph, " ")), meaning),
                piece(line, Meaning::Text),
            ]);
        }
    }
    if lines.is_empty() {
        lines.push(vec![piece("Nothing happened yet.", Meaning::Dim)]);
    }
    lines
}
