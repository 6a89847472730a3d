//! Where a job stands, in one word and one glyph for the screen.
//!
//! Finer than [`JobState`]: a `RUNNING` job may wait for a worker or for its next attempt (docs/semantics.md
//! section 10). The protocol's own word is shown in the job's detail.

use std::borrow::Cow;

use super::theme::Meaning;
use crate::model::{AttemptState, Job, JobState};

/// One word for a job's state, its glyph, its meaning, and its rank when sorting (what needs an eye first).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The word: lower case, at most ten cells for the known ones.
    pub word: Cow<'static, str>,
    /// A sign one cell wide, which reads without colours.
    pub glyph: &'static str,
    pub meaning: Meaning,
    /// What sorts first is smaller.
    pub rank: u8,
}

/// The phase of a job.
pub(super) fn phase(job: &Job) -> Phase {
    let (word, glyph, meaning, rank) = match &job.state {
        JobState::Failure => ("failure", "✗", Meaning::Bad, 0),
        JobState::Running | JobState::ManualRetry => return running(job),
        JobState::CancellationRequested => ("cancelling", "◌", Meaning::Warning, 3),
        JobState::Draining => ("draining", "◌", Meaning::Warning, 3),
        JobState::Scheduled => ("scheduled", "○", Meaning::Waiting, 5),
        JobState::Success => ("success", "✓", Meaning::Good, 6),
        JobState::Cancelled => ("cancelled", "⊘", Meaning::Over, 7),
        JobState::Drained => ("drained", "⊘", Meaning::Over, 7),
        JobState::Other(word) => {
            let word = if word.is_empty() { "unknown".into() } else { Cow::Owned(word.to_lowercase()) };
            return Phase { word, glyph: "?", meaning: Meaning::Warning, rank: 4 };
        }
    };
    Phase { word: word.into(), glyph, meaning, rank }
}

fn running(job: &Job) -> Phase {
    let (word, glyph, meaning, rank) = match job.last_attempt().map(|attempt| &attempt.state) {
        Some(AttemptState::Error) => ("retrying", "↻", Meaning::Warning, 1),
        None | Some(AttemptState::Pending) => ("queued", "○", Meaning::Waiting, 4),
        _ => ("running", "●", Meaning::Running, 2),
    };
    Phase { word: word.into(), glyph, meaning, rank }
}

/// The phase of one attempt: word, glyph, meaning.
pub(super) fn attempt_phase(state: &AttemptState) -> (String, &'static str, Meaning) {
    let (glyph, meaning) = match state {
        AttemptState::Pending => ("○", Meaning::Waiting),
        AttemptState::Running => ("●", Meaning::Running),
        AttemptState::Success => ("✓", Meaning::Good),
        AttemptState::Error => ("✗", Meaning::Bad),
        AttemptState::Cancelling => ("◌", Meaning::Warning),
        AttemptState::Cancelled => ("⊘", Meaning::Over),
        AttemptState::Other(_) => ("?", Meaning::Warning),
    };
    (state.to_string().to_lowercase(), glyph, meaning)
}
