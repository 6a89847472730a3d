//! Which reads are due, and which are on their way.

use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::super::message::Problem;

/// A kind of read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Poll {
    Deployment,
    Workspaces,
    Views,
    Jobs,
    Freshness,
    Summary,
}

impl Poll {
    pub(super) const ALL: [Self; 6] =
        [Self::Deployment, Self::Workspaces, Self::Views, Self::Jobs, Self::Freshness, Self::Summary];
    /// Those that belong to the open view.
    pub(super) const OF_VIEW: [Self; 3] = [Self::Jobs, Self::Freshness, Self::Summary];
}

/// State of all kinds.
pub(super) struct Polls {
    slots: [Slot; 6],
    stamp: u64,
}

#[derive(Default)]
struct Slot {
    /// When the next request may start; absent: not before somebody wants it.
    due: Option<Instant>,
    running: Option<Running>,
    /// Wanted again as soon as the one that runs has ended.
    again: bool,
    /// The problem that was told last.
    told: Option<Problem>,
}

struct Running {
    stamp: u64,
    since: Instant,
    abort: AbortHandle,
}

impl Default for Polls {
    fn default() -> Self {
        let now = || Slot { due: Some(Instant::now()), ..Slot::default() };
        Self { slots: std::array::from_fn(|_| now()), stamp: 0 }
    }
}

impl Polls {
    fn slot(&mut self, poll: Poll) -> &mut Slot {
        &mut self.slots[poll as usize]
    }

    /// Whether a request of that kind may start now.
    pub(super) fn is_due(&self, poll: Poll, now: Instant) -> bool {
        let slot = &self.slots[poll as usize];
        slot.running.is_none() && slot.due.is_some_and(|due| due <= now)
    }

    /// When a request of that kind may start, if none runs.
    pub(super) fn due(&self, poll: Poll) -> Option<Instant> {
        let slot = &self.slots[poll as usize];
        slot.due.filter(|_| slot.running.is_none())
    }

    /// The mark of the next request, by which its answer is known again.
    pub(super) fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    /// A request of that kind has started.
    pub(super) fn started(&mut self, poll: Poll, stamp: u64, abort: AbortHandle) {
        self.slot(poll).running = Some(Running { stamp, since: Instant::now(), abort });
    }

    /// A request has ended; false when nobody waits for it any more.
    pub(super) fn ended(&mut self, poll: Poll, stamp: u64) -> bool {
        let slot = self.slot(poll);
        let current = slot.running.as_ref().is_some_and(|running| running.stamp == stamp);
        if current {
            slot.running = None;
        }
        current
    }

    /// The next request starts after that wait, or at once if it was wanted meanwhile; without a wait, not by itself.
    pub(super) fn schedule(&mut self, poll: Poll, wait: Option<Duration>) {
        let slot = self.slot(poll);
        let again = std::mem::take(&mut slot.again);
        slot.due = if again { Some(Instant::now()) } else { wait.map(|wait| Instant::now() + wait) };
    }

    /// Wanted now: starts at once, or as soon as the one that runs has ended.
    pub(super) fn hurry(&mut self, polls: &[Poll]) {
        for poll in polls {
            let slot = self.slot(*poll);
            slot.again = slot.running.is_some();
            slot.due = Some(Instant::now());
        }
    }

    /// Gives up requests of these kinds that are on their way; they become due at once.
    pub(super) fn cancel(&mut self, polls: &[Poll]) {
        for poll in polls {
            let slot = self.slot(*poll);
            if let Some(running) = slot.running.take() {
                running.abort.abort();
            }
            slot.again = false;
            slot.due = Some(Instant::now());
        }
    }

    /// Starts anew for another question.
    pub(super) fn restart(&mut self, polls: &[Poll]) {
        self.cancel(polls);
        polls.iter().for_each(|poll| self.slot(*poll).told = None);
    }

    /// Since when the oldest request is on its way.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| slot.running.as_ref().map(|running| running.since)).min()
    }

    /// Whether that problem was not told yet; remembers it.
    pub(super) fn is_new_problem(&mut self, poll: Poll, problem: &Problem) -> bool {
        let told = &mut self.slot(poll).told;
        let new = told.as_ref() != Some(problem);
        *told = Some(problem.clone());
        new
    }

    /// It works again.
    pub(super) fn forget_problem(&mut self, poll: Poll) {
        self.slot(poll).told = None;
    }
}
