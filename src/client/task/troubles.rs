//! Reads that fail: since when, how often in a row, and when they went well last.

use std::collections::BTreeMap;

use chrono::Utc;

use super::super::message::{Failing, Part, Problem};
use crate::model::Time;

/// How each part that was read stands.
#[derive(Default)]
pub(super) struct Troubles(BTreeMap<Part, Trouble>);

#[derive(Default)]
struct Trouble {
    /// When it was answered well last.
    as_of: Option<Time>,
    /// Failures in a row, and when the first of them was.
    row: Option<(u32, Time)>,
}

impl Troubles {
    /// It was answered well; true when it had failed before.
    pub(super) fn worked(&mut self, part: Part) -> bool {
        let trouble = self.0.entry(part).or_default();
        trouble.as_of = Some(Utc::now());
        trouble.row.take().is_some()
    }

    /// There is nothing to it; true when it had failed before.
    pub(super) fn over(&mut self, part: Part) -> bool {
        self.0.get_mut(&part).is_some_and(|trouble| trouble.row.take().is_some())
    }

    /// Whether it was ever answered well.
    pub(super) fn has_worked(&self, part: Part) -> bool {
        self.0.get(&part).is_some_and(|trouble| trouble.as_of.is_some())
    }

    /// It failed once more; gives how many times in a row now.
    pub(super) fn failed(&mut self, part: Part) -> u32 {
        let trouble = self.0.entry(part).or_default();
        let (count, since) = trouble.row.map_or_else(|| (1, Utc::now()), |(count, since)| (count + 1, since));
        trouble.row = Some((count, since));
        count
    }

    /// How it fails; nothing when it does not.
    pub(super) fn failing(&self, part: Part, problem: Problem, next_try: Time) -> Option<Failing> {
        let trouble = self.0.get(&part)?;
        let (_, since) = trouble.row?;
        Some(Failing { problem, since, as_of: trouble.as_of, next_try })
    }

    /// Another question from now on.
    pub(super) fn forget(&mut self, parts: &[Part]) {
        self.0.retain(|part, _| !parts.contains(part));
    }
}
