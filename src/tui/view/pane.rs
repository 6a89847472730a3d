//! What all four panes share: the title on the frame, and what stands in it while no view is open.

use crate::client::message::{Connection, Part};
use crate::tui::app::{App, Pane};
use crate::tui::canvas::{Line, piece};
use crate::tui::theme::Meaning;

/// Name of a pane for its frame.
pub(super) fn title(app: &App, pane: Pane) -> Line {
    let meaning = if app.focus == pane { Meaning::TitleFocus } else { Meaning::Title };
    vec![piece(pane.title(), meaning)]
}

/// What is awaited while there is no view.
pub(super) fn waiting(app: &App) -> String {
    if let (None, Connection::Refused { .. }) = (&app.views, &app.connection) {
        return "Nothing to show: what is wrong stands at the top.".to_owned();
    }
    let failing = [Part::Views, Part::Workspaces].into_iter().find_map(|part| app.failing.get(&part));
    if let (None, true, Some(failing)) = (&app.views, app.is_live(), failing) {
        return failing.problem.to_string();
    }
    if let (None, Some(problem)) = (&app.views, app.offer(Part::Views).problem()) {
        return problem.to_string();
    }
    match (&app.views, app.is_live()) {
        (None, false) => "Waiting for the deployment to answer.".to_owned(),
        (None, true) => "Loading the feature views.".to_owned(),
        (Some(views), _) if views.is_empty() => {
            let workspace = app.workspace.as_deref().unwrap_or("this workspace");
            format!("There is no feature view in {workspace}. Press w for another workspace.")
        }
        (Some(_), _) => "Press v to pick a feature view.".to_owned(),
    }
}
