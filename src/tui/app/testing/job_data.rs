//! What the deployment tells of jobs, to test with: coverage, what an attempt did, status tables.

use std::sync::Arc;

use super::{at, frame, jobs, tell};
use crate::client::message::{Table, Update};
use crate::model::*;
use crate::tui::app::App;
use crate::tui::effect::Effect;

/// What is materialized of the first view: online up to nine but for an hour, offline up to six.
pub(crate) fn coverage() -> Coverage {
    let window = |start: &str, end: &str| Window { start: at(start), end: at(end) };
    Coverage {
        online: vec![window("18 12:00", "22 02:00"), window("22 03:00", "22 09:00")],
        offline: vec![window("18 12:00", "22 06:00")],
    }
}

/// What an attempt of a failed job did.
pub(crate) fn attempt_detail(attempt: Id) -> AttemptDetail {
    let stage = |kind, state, took: Option<i64>, description: &str| Stage {
        kind,
        state,
        progress: None,
        started_at: Some(at("22 08:40")),
        took: took.map(Span::milliseconds),
        description: description.to_owned(),
        error: None,
    };
    let failed = Stage {
        error: Some("conversion from `str` to `f64` failed in column 'dep_delay'".to_owned()),
        ..stage(StageKind::Compute, StageState::Error, Some(1_310), "4,680 rows read, 1.2 MB")
    };
    AttemptDetail {
        attempt,
        stages: vec![
            failed,
            stage(StageKind::Offline, StageState::Pending, None, ""),
            stage(StageKind::Online, StageState::Pending, None, ""),
        ],
        log: vec![
            "2026-11-22T08:40:00Z began attempt 3".to_owned(),
            "2026-11-22T08:40:00Z reads flights from 2026-11-22 07:00 to 2026-11-22 08:00".to_owned(),
            "2026-11-22T08:40:01Z ended: QUERY_ERROR".to_owned(),
        ],
    }
}

/// Answers what is materialized, and draws.
pub(crate) fn covered(app: &mut App) {
    let generation = app.generation;
    tell(app, Update::Coverage { generation, answer: Ok(Arc::new(coverage())) });
    frame(app);
}

/// Tells the list of jobs, changed.
pub(crate) fn jobs_again(app: &mut App, change: impl Fn(&mut Vec<Job>)) -> Vec<Effect> {
    let mut jobs = jobs();
    change(&mut jobs);
    let generation = app.generation;
    tell(app, Update::Jobs { generation, jobs: Arc::new(jobs) })
}

/// The newest note on the screen.
pub(crate) fn toast(app: &App) -> &str {
    app.notes.toasts.back().map_or("", |note| &note.text)
}

/// What stands on the screen.
pub(crate) fn screen(app: &mut App) -> String {
    crate::tui::picture::text(&frame(app))
}

/// A status table as the client gives it: all text.
pub(crate) fn status_table() -> Table {
    let rows = 40;
    let text = |of: fn(usize) -> String| (0..rows).map(of).collect::<Vec<_>>();
    let hour = |row: usize| format!("2026-11-2{} {:02}:00:00", row / 24, row % 24);
    let window = |row: usize, end: usize| if row == 0 { "N/A".to_owned() } else { hour(row + end) };
    let frame = polars::df!(
        "TYPE" => text(|row| if row == 0 { "STREAM" } else { "BATCH" }.to_owned()),
        "WINDOW_START_TIME" => (0..rows).map(|row| window(row, 0)).collect::<Vec<_>>(),
        "WINDOW_END_TIME" => (0..rows).map(|row| window(row, 1)).collect::<Vec<_>>(),
        "STATUS" => text(|row| ["SUCCESS", "ERROR", "RUNNING"][row % 3].to_owned()),
        "ATTEMPT" => text(|row| (row % 3 + 1).to_string()),
        "MATERIALIZATION_TASK" => text(|row| format!("{row:032x}")),
        "ENV_VERSION" => text(|_| "N/A".to_owned()),
        "TERMINATION_REASON" => text(|row| ["N/A", "SOURCE_ERROR", "N/A"][row % 3].to_owned()),
        "STATE_MESSAGE" => text(|row| ["N/A", "Cannot read data/flights.parquet.", "N/A"][row % 3].to_owned()),
        "TASK_SCHEDULED_AT" => text(|row| format!("2026-11-22 {:02}:15:00", row % 24)),
        "JOB_CREATED_AT" => text(|row| format!("2026-11-22 {:02}:15:01", row % 24)),
        "JOB_LOGS" => text(|_| "N/A".to_owned()),
    );
    Table(Arc::new(frame.unwrap()))
}
