//! The window of the log: the deployment and its notices, what this console did and heard, and the deployment's audit
//! log.

use ratatui::layout::Rect;

use super::{Next, Window};
use crate::model::time::short_second;
use crate::model::{AuditEntry, Time};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::app::{App, audit_log};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::scroll::scroll;
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::view::form::hanging;
use crate::tui::view::notes::sign;

/// Requests, notes, notices and the audit log, of each the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    /// How far it is scrolled, in lines.
    scroll: usize,
}

/// Opens the log, and asks for the newest entries of the audit log.
pub(crate) fn open(app: &mut App, effects: &mut Vec<Effect>) {
    app.windows.open(Journal::default());
    audit_log::ask(app, effects);
}

impl Window for Journal {
    fn layers(&self) -> &'static [Layer] {
        stacks::WINDOW
    }

    fn act(&mut self, app: &mut App, action: Action, _effects: &mut Vec<Effect>) -> Next {
        match action {
            // The key that opened it closes it.
            Action::Journal => Next::Close,
            _ => Next::stay_if(scroll(&mut self.scroll, action, app.layout.window)),
        }
    }

    fn draw(&self, canvas: &mut Canvas, app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(140);
        let lines = lines(app, usize::from(wide.saturating_sub(4)));
        let area = centred(body, wide, body.height.saturating_sub(2));
        let inner = canvas.window(area, 1, &[piece("Log", Meaning::TitleFocus)], &[piece("esc closes", Meaning::Dim)]);
        canvas.scrolled(area, inner, &lines, self.scroll);
    }

    fn closes_with_view(&mut self, _app: &mut App, _effects: &mut Vec<Effect>) -> bool {
        false
    }
}

fn lines(app: &App, wide: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    if let Some(deployment) = &app.deployment {
        lines.push(vec![piece("deployment  ", Meaning::Dim), piece(deployment.url.clone(), Meaning::Text)]);
        let heading = vec![piece("audit log   ", Meaning::Dim)];
        lines.extend(hanging(heading, &audit_state(app), wide, Meaning::Text));
        for notice in &deployment.notices {
            lines.extend(hanging(vec![piece("!  ", Meaning::Warning)], notice, wide, Meaning::Text));
        }
        lines.push(Vec::new());
    }
    lines.extend(notes(app, wide));
    let entries = app.audit.known.iter().flat_map(|entries| entries.iter());
    let mut audit = entries.flat_map(|entry| audit_entry(entry, wide, app.now)).peekable();
    if audit.peek().is_some() {
        lines.extend([Vec::new(), vec![piece("Audit log of the deployment", Meaning::Title)]]);
        lines.extend(audit);
    }
    if lines.is_empty() {
        lines.push(vec![piece("Nothing happened yet.", Meaning::Dim)]);
    }
    lines
}

/// What is known of the audit log as a whole.
fn audit_state(app: &App) -> String {
    match (&app.audit.problem, &app.audit.known) {
        (Some(problem), _) => problem.to_string(),
        (None, Some(entries)) if entries.is_empty() => "nothing was changed yet".to_owned(),
        (None, Some(entries)) => format!("the newest {} entries are below", entries.len()),
        (None, None) => "asking".to_owned(),
    }
}

fn notes(app: &App, wide: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for note in app.notes.journal.iter().rev() {
        let (glyph, meaning) = sign(note.level);
        let at = piece(note.at.format("%H:%M:%S").to_string(), Meaning::Dim);
        let head = vec![at, piece(format!("  {glyph} "), meaning)];
        lines.extend(hanging(head, &note.text, wide, Meaning::Text));
    }
    lines
}

/// One change: when, who, what, and what came of it; the request's name last.
fn audit_entry(entry: &AuditEntry, wide: usize, now: Time) -> Vec<Line> {
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
    let at = short_second(entry.at, now);
    let at = fit(&at, width(&at).max(14), false);
    hanging(vec![piece(at, Meaning::Dim), piece("  • ", meaning)], &text, wide, Meaning::Text)
}
