//! Which windows of the open view are materialized where: what is known of it, and when it is asked anew.
//!
//! Asked when a window opens that shows it, and when a job ends under one. The old answer stays on the screen until the
//! new one is there.

use std::collections::HashSet;
use std::sync::Arc;

use super::App;
use crate::client::message::{Command, Problem};
use crate::model::{Coverage, Id, Job};
use crate::tui::effect::Effect;

/// What is known of the open view's coverage.
#[derive(Clone, Debug, Default)]
pub struct ViewCoverage {
    /// The newest answer that came.
    pub known: Option<Arc<Coverage>>,
    /// Why the last question was not answered.
    pub problem: Option<Problem>,
    /// A question waits for its answer.
    pub asking: bool,
    /// Something ended since it was asked: the answer on its way may not have it.
    again: bool,
}

/// Asks, whatever is under way.
pub(super) fn ask(app: &mut App, effects: &mut Vec<Effect>) {
    app.coverage.asking = true;
    app.coverage.again = false;
    effects.push(Effect::Client(Command::Coverage { generation: app.generation }));
}

/// Takes the coverage; where it did not come, that of before stays.
pub(super) fn answered(app: &mut App, answer: Result<Arc<Coverage>, Problem>, effects: &mut Vec<Effect>) {
    app.coverage.asking = false;
    match answer {
        Ok(coverage) => (app.coverage.known, app.coverage.problem) = (Some(coverage), None),
        Err(problem) => app.coverage.problem = Some(problem),
    }
    if app.coverage.again {
        ask(app, effects);
    }
}

/// A new list of jobs came: where one has ended, the windows may be others.
pub(super) fn refresh(app: &mut App, before: &[Job], effects: &mut Vec<Effect>) {
    if !app.windows.iter().any(|window| window.shows_coverage()) {
        return;
    }
    let open: HashSet<Id> = before.iter().filter(|job| !job.state.is_terminal()).map(|job| job.id).collect();
    if !app.jobs.all.iter().any(|job| job.state.is_terminal() && open.contains(&job.id)) {
        return;
    }
    if app.coverage.asking {
        app.coverage.again = true;
    } else {
        ask(app, effects);
    }
}
