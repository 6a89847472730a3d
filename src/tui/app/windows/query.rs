//! A query under way: what is being done, how far it is, since when; or why it failed, in full.
//!
//! One at a time: run, history, a status table, a lookup of many keys. Its answer finds this window by the request, and
//! the table takes its place; without such a window the answer is dropped.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::layout::Rect;

use super::query_form::QueryForm;
use super::table::TableWindow;
use super::{Next, Window};
use crate::client::message::{Command, Problem, QueryAnswer, RequestId};
use crate::model::time::print_took;
use crate::model::{QueryProgress, Span, Time};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::ages;
use crate::tui::app::origin::{NO_FORM, Origin, sentence};
use crate::tui::app::{App, Level};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::layout::TableLayout;
use crate::tui::scroll::scroll;
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;
use crate::tui::view::form::wrapped;
use crate::tui::view::progress;
use crate::wire::queries::Query;

const BAR: usize = 24;

/// A query under way, or one that failed.
#[derive(Clone, Debug)]
pub(crate) struct RunningQuery {
    pub request: RequestId,
    pub origin: Origin,
    pub since: Time,
    pub progress: QueryProgress,
    /// Why it failed, and after how long.
    pub failed: Option<(Problem, Duration)>,
    /// How far the error is scrolled, in lines.
    scroll: usize,
}

/// Opens the window of a query that was just asked for; that of one that failed makes room.
pub(crate) fn open(app: &mut App, request: RequestId, origin: Origin) {
    let (since, progress) = (app.now, QueryProgress::default());
    app.windows.close::<RunningQuery>(|_| true);
    app.windows.open(RunningQuery { request, origin, since, progress, failed: None, scroll: 0 });
}

/// Sends the query of a form that closes.
pub(crate) fn send(app: &mut App, form: QueryForm, query: Query<PathBuf>, effects: &mut Vec<Effect>) {
    form.remember(app);
    let request = app.request();
    let text = format!("asked for {} of {}: {}", form.kind.name(), query.feature_view(), sentence(&query));
    app.notes.add(app.now, Level::Trace, text);
    open(app, request, Origin::Query { form: Box::new(form), query: Box::new(query.clone()) });
    effects.push(Effect::Client(Command::Query { request, query }));
}

/// Whether a query has no answer yet.
pub(crate) fn is_under_way(app: &App) -> bool {
    app.windows.all::<RunningQuery>().any(|running| running.failed.is_none())
}

/// The query under way that waits for this request.
fn waiting(app: &mut App, request: RequestId) -> Option<&mut RunningQuery> {
    let waits = |running: &&mut RunningQuery| running.request == request && running.failed.is_none();
    app.windows.all_mut().find(waits)
}

/// Takes how far the query is.
pub(crate) fn progressed(app: &mut App, request: RequestId, progress: QueryProgress) {
    if let Some(running) = waiting(app, request) {
        running.progress = progress;
    }
}

/// The query ended: its table takes the place of its window.
pub(crate) fn done(app: &mut App, request: RequestId, answer: Result<QueryAnswer, Problem>, took: Duration) {
    let Some(running) = waiting(app, request) else { return };
    let (name, view) = (running.origin.name(), running.origin.feature_view().to_owned());
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => {
            let text = format!("{name} of {view} failed. {problem}");
            running.failed = Some((problem, took));
            app.notes.add(app.now, Level::Trace, text);
            return;
        }
    };
    let origin = running.origin.clone();
    for warning in &answer.warnings {
        app.notes.add(app.now, Level::Trace, format!("warning of the query of {view}: {warning}"));
    }
    if let Some(dataset) = &answer.saved_as {
        app.notes.add(app.now, Level::Good, format!("The result is kept as dataset `{dataset}`."));
    }
    let table = TableWindow::new(origin, answer, took, app.feature_view());
    // The table of an earlier query makes room.
    app.windows.close::<TableWindow>(|_| true);
    app.layout.table = TableLayout::default();
    app.windows.replace::<RunningQuery>(table);
}

impl RunningQuery {
    /// Cancels the query; its form comes back as it was.
    fn stop(&self, app: &mut App, effects: &mut Vec<Effect>) -> Next {
        // A status table computes nothing: there is nothing to stop, and its answer is dropped.
        let Origin::Query { form, .. } = &self.origin else { return Next::Close };
        if self.failed.is_none() {
            effects.push(Effect::Client(Command::CancelQuery { request: self.request }));
            app.notes.add(app.now, Level::Trace, "cancelled the query");
        }
        Next::Replace(form.clone())
    }
}

impl Window for RunningQuery {
    fn layers(&self) -> &'static [Layer] {
        if self.failed.is_none() { stacks::RUNNING } else { stacks::FAILED }
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        match (action, self.origin.form()) {
            (Action::StopQuery, _) => self.stop(app, effects),
            (Action::EditQuery, Some(form)) => Next::Replace(Box::new(form.clone())),
            _ => Next::stay_if(scroll(&mut self.scroll, action, app.layout.window)),
        }
    }

    fn offers(&self, action: Action) -> Result<bool, &'static str> {
        match action {
            Action::EditQuery if self.origin.form().is_none() => Err(NO_FORM),
            Action::EditQuery | Action::StopQuery => Ok(true),
            _ => Ok(false),
        }
    }

    fn draw(&self, canvas: &mut Canvas, _app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(if self.failed.is_some() { 110 } else { 84 });
        let inside = usize::from(wide.saturating_sub(6));
        let mut lines = wrapped(&self.origin.sentence(), inside, Meaning::Dim);
        lines.push(Vec::new());
        let (title, clock) = match &self.failed {
            Some((problem, took)) => {
                lines.extend(failure_lines(problem, inside));
                let took = print_took(Span::from_std(*took).unwrap_or_default());
                ("✗ failed  ", piece(format!("after {took}"), Meaning::Dim))
            }
            None => {
                lines.extend(progress_lines(self));
                let clock = canvas.moving(ages::elapsed(self.since, canvas.now));
                ("", piece(clock, Meaning::Running))
            }
        };
        let padded = lines.len() + 4 <= usize::from(body.height);
        let area = centred(body, wide, lines.len() as u16 + if padded { 4 } else { 2 });
        let name = format!("{} {}", self.origin.name(), self.origin.feature_view());
        let title = [piece(title, Meaning::Bad), piece(name, Meaning::TitleFocus)];
        let inner = canvas.window(area, 2, &title, std::slice::from_ref(&clock));
        let keys: [(&str, &str); 2] = match (&self.failed, self.origin.form()) {
            (None, _) => [("esc", " cancel"), ("", "")],
            (Some(_), Some(_)) => [("e", " edit  "), ("esc", " close")],
            (Some(_), None) => [("esc", " close"), ("", "")],
        };
        let foot: Line =
            keys.iter().flat_map(|(key, word)| [piece(*key, Meaning::Key), piece(*word, Meaning::Dim)]).collect();
        canvas.frame_foot(area, &foot);
        let inner = Rect {
            y: inner.y + u16::from(padded),
            height: inner.height.saturating_sub(if padded { 2 } else { 0 }),
            ..inner
        };
        canvas.scrolled(area, inner, &lines, self.scroll);
    }

    /// A query that is computed for the old view is cancelled.
    fn closes_with_view(&mut self, app: &mut App, effects: &mut Vec<Effect>) -> bool {
        if self.failed.is_none() && self.origin.form().is_some() {
            effects.push(Effect::Client(Command::CancelQuery { request: self.request }));
            let text = format!("The query of {} was cancelled.", self.origin.feature_view());
            app.notes.add(app.now, Level::Info, text);
        }
        true
    }
}

fn progress_lines(running: &RunningQuery) -> Vec<Line> {
    let progress = &running.progress;
    let step = if progress.step.is_empty() { "asking the deployment" } else { &progress.step };
    let mut lines = vec![vec![piece(step, Meaning::Text)]];
    let mut line: Line = Vec::new();
    if let Some(share) = progress.share {
        line.extend(progress::bar(share, BAR));
        line.push(piece("  ", Meaning::Text));
    }
    if let Some(rows) = progress.rows_read {
        line.push(piece(format!("{} rows read", grouped(rows)), Meaning::Dim));
    }
    lines.push(line);
    lines
}

fn failure_lines(problem: &Problem, inside: usize) -> Vec<Line> {
    let mut lines = wrapped(&problem.what, inside, Meaning::Bad);
    lines.extend(wrapped(&problem.hint, inside, Meaning::Text));
    lines
}

#[cfg(test)]
mod tests;
