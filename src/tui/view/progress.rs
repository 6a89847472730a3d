//! How far something is, as a bar or in words.

use crate::model::Job;
use crate::model::time::print_took;
use crate::tui::ages;
use crate::tui::app::{Progress, columns};
use crate::tui::canvas::{Canvas, Line, piece};
use crate::tui::theme::Meaning;

/// Cells of the bar of a job.
const BAR: usize = 8;

/// A bar of so many cells, and the share in percent.
pub(crate) fn bar(share: f32, cells: usize) -> Line {
    let share = share.clamp(0.0, 1.0);
    let done = ((share * cells as f32).round() as usize).min(cells);
    vec![
        piece("━".repeat(done), Meaning::Running),
        piece("─".repeat(cells - done), Meaning::Dim),
        piece(format!(" {:>3}%", (share * 100.0).floor()), Meaning::Text),
    ]
}

/// How far the job is: its bar, or when the next attempt is due, or how long the last one took.
pub(crate) fn job(canvas: &mut Canvas, job: &Job) -> Line {
    match columns::progress(job) {
        Progress::Share(share) => bar(share, BAR),
        Progress::Next(at) => {
            let due = canvas.moving(ages::until(at, canvas.now));
            vec![piece(format!("next {due}"), Meaning::Dim)]
        }
        Progress::Took(span) => vec![piece(format!("took {}", print_took(span)), Meaning::Dim)],
        Progress::Nothing => Vec::new(),
    }
}
