//! The journal: the deployment and its notices, what this console did and was told, and the deployment's audit log.

use ratatui::layout::Rect;

use crate::model::time::short_second;
use crate::model::{AuditEntry, Time};
use crate::tui::app::App;
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;
use crate::tui::view::chrome;

/// Draws it, of each part the newest first.
pub fn journal(canvas: &mut Canvas, app: &App, scroll: usize, body: Rect) {
    let wide = body.width.saturating_sub(2).min(140);
    let lines = lines(app, usize::from(wide.saturating_sub(4)));
    let area = centred(body, wide, body.height.saturating_sub(2));
    canvas.clear(area);
    let title = [piece("Log", Meaning::TitleFocus)];
    let inner = canvas.frame(area, true, &title, &[piece("esc closes", Meaning::Dim)]);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    canvas.layout.window = canvas.lines(inner, &lines, scroll);
    let (total, visible) = canvas.layout.window;
    canvas.thumb(area, scroll, visible, total);
}

fn lines(app: &App, wide: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    if let Some(deployment) = &app.deployment {
        lines.push(vec![piece("deployment  ", Meaning::Dim), piece(deployment.url.clone(), Meaning::Text)]);
        lines.extend(wrapped("audit log   ", &standing(app), wide));
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
    lines.extend(notes(app, wide));
    let entries = app.audit.known.iter().flat_map(|entries| entries.iter());
    let mut audit = entries.flat_map(|entry| audited(entry, wide, app.now)).peekable();
    if audit.peek().is_some() {
        lines.extend([Vec::new(), vec![piece("Audit log of the deployment", Meaning::Title)]]);
        lines.extend(audit);
    }
    if lines.is_empty() {
        lines.push(vec![piece("Nothing happened yet.", Meaning::Dim)]);
    }
    lines
}

/// How the audit log stands.
fn standing(app: &App) -> String {
    match (&app.audit.problem, &app.audit.known) {
        (Some(problem), _) => problem.to_string(),
        (None, Some(entries)) if entries.is_empty() => "nothing was changed yet".to_owned(),
        (None, Some(entries)) => format!("the newest {} entries are below", entries.len()),
        (None, None) => "asking".to_owned(),
    }
}

/// A text behind a heading, on as many lines as it takes.
fn wrapped(heading: &'static str, text: &str, wide: usize) -> Vec<Line> {
    let mut heading = heading.to_owned();
    let room = wide.saturating_sub(heading.len());
    let line = |text: String| {
        let blank = " ".repeat(heading.len());
        vec![piece(std::mem::replace(&mut heading, blank), Meaning::Dim), piece(text, Meaning::Text)]
    };
    wrap(text, room).into_iter().map(line).collect()
}

fn notes(app: &App, wide: usize) -> Vec<Line> {
    let mut lines = Vec::new();
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
    lines
}

/// One change: when, who, what, and what came of it; the request's name last.
fn audited(entry: &AuditEntry, wide: usize, now: Time) -> Vec<Line> {
    let meaning = match entry.done {
        Some(true) => Meaning::Good,
        Some(false) => Meaning::Bad,
        None => Meaning::Warning,
    };
    let place = match (entry.workspace.as_str(), entry.feature_view.as_str()) {
        ("", "") => String::new(),
        ("", view) => format!(" of {view}"),
        (workspace, "") => format!(" in {workspace}"),
        (workspace, view) => format!(" of {workspace}/{view}"),
    };
    let after = |mark: &str, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
    let text = format!(
        "{}: {}{place}{}. {}{}{}",
        entry.key,
        entry.call,
        after(", ", &entry.words),
        entry.outcome,
        after(": ", &entry.sentence),
        after(" · request ", &entry.request),
    );
    let mut at = short_second(entry.at, now);
    let before = width(&at).max(14);
    let mut mark = "• ";
    let line = |text: String| {
        vec![
            piece(fit(&std::mem::take(&mut at), before, false), Meaning::Dim),
            piece(format!("  {}", std::mem::replace(&mut mark, "  ")), meaning),
            piece(text, Meaning::Text),
        ]
    };
    wrap(&text, wide.saturating_sub(before + 4)).into_iter().map(line).collect()
}
