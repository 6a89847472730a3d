//! `materialization_status` and `deletion_status`: the server's status tables in the window of tables.
//!
//! The server cuts before it filters and sorts (docs/semantics.md section 11); the window's own filter and sort work on
//! everything that came.

use std::sync::Arc;

use polars::prelude::DataType;

use super::origin::Origin;
use super::windows::query::{self, RunningQuery};
use super::{App, Level};
use crate::client::message::{Command, Problem, QueryAnswer, RequestId, Table};
use crate::model::Span;
use crate::tui::action::Action;
use crate::tui::effect::Effect;

/// Asks for the table of the action; a window says that it is asked for.
pub(super) fn ask(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let (Some(workspace), Some(feature_view)) = (app.workspace.clone(), app.view.clone()) else { return };
    let deletions = action == Action::DeletionStatus;
    let request = app.request();
    let origin = Origin::Status { feature_view: feature_view.clone(), deletions };
    app.notes.add(app.now, Level::Trace, format!("asked for {} of {feature_view}", origin.name()));
    query::open(app, request, origin);
    effects.push(Effect::Client(Command::Status { request, workspace, feature_view, deletions }));
}

/// The table came, or not: then the window says why.
pub(super) fn answered(app: &mut App, request: RequestId, answer: Result<Table, Problem>) {
    let answer = answer.map(|table| QueryAnswer { table: numbered(table), warnings: Vec::new(), saved_as: None });
    let asked = app.windows.all::<RunningQuery>().find(|running| running.request == request);
    let took = asked.map_or(Span::zero(), |running| app.now - running.since).to_std().unwrap_or_default();
    query::done(app, request, answer, took);
}

/// The table with its attempts as numbers, so that the tenth sorts after the second. Where one is no number, as it
/// came.
fn numbered(table: Table) -> Table {
    let mut frame = (*table.0).clone();
    let Ok(attempts) = frame.column("ATTEMPT") else { return table };
    let Ok(numbers) = attempts.cast(&DataType::Int64) else { return table };
    let whole = numbers.null_count() == attempts.null_count();
    if whole && frame.with_column(numbers).is_ok() { Table(Arc::new(frame)) } else { table }
}
