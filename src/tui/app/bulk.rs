//! Many jobs cancelled at once: the question that names each of them, one request each, and one note on what came of
//! it.
//!
//! Plain data. Nothing is sent from here; `mutations.rs` does that once the question was answered.

use std::collections::BTreeSet;

use super::windows::question::{Ask, Question};
use super::{App, Jobs, Level};
use crate::client::message::{Problem, RequestId};
use crate::model::{Id, Job, JobType};

/// Refusals that the note repeats; the journal has all of them.
const REPEATED: usize = 2;

/// Cancellations that were asked for together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Requests that have no answer yet.
    pub waits: BTreeSet<RequestId>,
    /// Jobs whose cancellation was taken.
    pub cancelled: usize,
    /// Jobs that ended before they were asked about.
    pub ended: usize,
    /// Why the others were refused, each a sentence.
    pub refused: Vec<String>,
}

/// The question before the marked jobs are cancelled; absent when none of them can be.
pub(super) fn question(jobs: &Jobs) -> Option<Question> {
    let (open, over): (Vec<&Job>, Vec<&Job>) = jobs.marked().partition(|job| job.state.can_cancel());
    let first = open.first()?;
    let mut effect = "Every running attempt is stopped and none follows; the windows stay unfilled.".to_owned();
    if open.iter().any(|job| job.job_type == JobType::Stream) {
        effect.push_str(" The view's stream is no longer written to the online store until it is applied again.");
    }
    if !over.is_empty() {
        let (have, are) = if over.len() == 1 { ("has", "is") } else { ("have", "are") };
        effect.push_str(&format!(
            " {} of {} {have} ended or {are} ending already and {are} left alone.",
            over.len(),
            open.len() + over.len()
        ));
    }
    Some(Question {
        title: "Cancel these jobs?",
        workspace: first.workspace.clone(),
        feature_view: first.feature_view.clone(),
        facts: vec![("jobs", open.len().to_string())],
        effect,
        scroll: 0,
        ask: Ask::CancelAll(open.iter().map(|job| (job.id, job.state.clone())).collect()),
    })
}

/// Takes the answer to one cancellation of a batch. False when the request is of none.
pub(super) fn answered(app: &mut App, request: RequestId, job: Id, answer: &Result<Job, Problem>) -> bool {
    let Some(place) = app.batches.iter().position(|batch| batch.waits.contains(&request)) else { return false };
    let text = match answer {
        Ok(job) => format!("job {} is now {}", job.id, job.state),
        Err(problem) => format!("job {job} was not cancelled: {problem}"),
    };
    app.notes.add(app.now, Level::Trace, text);
    let batch = &mut app.batches[place];
    batch.waits.remove(&request);
    match answer {
        Ok(_) => batch.cancelled += 1,
        Err(problem) => batch.refused.push(problem.to_string()),
    }
    if batch.waits.is_empty() {
        let batch = app.batches.remove(place);
        let level = if batch.refused.is_empty() { Level::Good } else { Level::Bad };
        app.notes.add(app.now, level, outcome(&batch));
    }
    true
}

/// What came of a batch: `3 cancelled, 1 refused: …`.
fn outcome(batch: &Batch) -> String {
    let mut parts = vec![format!("{} cancelled", batch.cancelled)];
    if batch.ended > 0 {
        parts.push(format!("{} had ended meanwhile", batch.ended));
    }
    if batch.refused.is_empty() {
        return format!("Jobs: {}.", parts.join(", "));
    }
    parts.push(format!("{} refused", batch.refused.len()));
    let mut reasons: Vec<&str> = batch.refused.iter().map(String::as_str).collect();
    reasons.dedup();
    let more = if reasons.len() > REPEATED { " The log (L) has the others." } else { "" };
    reasons.truncate(REPEATED);
    let reasons: Vec<&str> = reasons.into_iter().map(str::trim_end).collect();
    format!("Jobs: {}: {}{more}", parts.join(", "), reasons.join(" "))
}
