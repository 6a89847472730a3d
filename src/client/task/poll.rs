//! Which reads are due, and which are on their way.

use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::super::error::Error;
use super::super::message::Part;

/// A kind of read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Poll {
    Deployment,
    Workspaces,
    Views,
    Jobs,
    Freshness,
    Summary,
    /// How the stream does; of views that have one, where the deployment tells.
    Stream,
}

impl Poll {
    pub(super) const ALL: [Self; 7] =
        [Self::Deployment, Self::Workspaces, Self::Views, Self::Jobs, Self::Freshness, Self::Summary, Self::Stream];
    /// Those that belong to the open view.
    pub(super) const OF_VIEW: [Self; 4] = [Self::Jobs, Self::Freshness, Self::Summary, Self::Stream];

    /// What it reads; absent for the probe.
    pub(super) fn part(self) -> Option<Part> {
        match self {
            Self::Deployment => None,
            Self::Workspaces => Some(Part::Workspaces),
            Self::Views => Some(Part::Views),
            Self::Jobs => Some(Part::Jobs),
            Self::Freshness => Some(Part::Freshness),
            Self::Summary => Some(Part::Summary),
            Self::Stream => Some(Part::Streams),
        }
    }
}

/// State of all kinds.
pub(super) struct Polls {
    slots: [Slot; 7],
    stamp: u64,
}

#[derive(Default)]
struct Slot {
    /// When the next request may start; absent: not before somebody wants it.
    due: Option<Instant>,
    running: Option<Running>,
    /// Wanted again as soon as the one that runs has ended.
    again: bool,
    /// A failure that is told once it is known whether the deployment is there at all.
    doubt: Option<Error>,
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

    /// Whether that request is the one that is waited for.
    pub(super) fn is_running(&self, poll: Poll, stamp: u64) -> bool {
        self.slots[poll as usize].running.as_ref().is_some_and(|running| running.stamp == stamp)
    }

    /// A request has ended: when it was sent, or nothing when nobody waits for it any more.
    pub(super) fn ended(&mut self, poll: Poll, stamp: u64) -> Option<Instant> {
        let running = self.slot(poll).running.take_if(|running| running.stamp == stamp)?;
        Some(running.since)
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

    /// Wanted now, unless one runs.
    pub(super) fn want(&mut self, poll: Poll) {
        let slot = self.slot(poll);
        if slot.running.is_none() {
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
            (slot.again, slot.doubt) = (false, None);
            slot.due = Some(Instant::now());
        }
    }

    /// Since when the oldest request is on its way.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| slot.running.as_ref().map(|running| running.since)).min()
    }

    /// Keeps a failure until it is known whether the deployment is there at all.
    pub(super) fn doubt(&mut self, poll: Poll, error: Error) {
        let slot = self.slot(poll);
        (slot.doubt, slot.due) = (Some(error), None);
    }

    /// The failures that were kept.
    pub(super) fn doubts(&mut self) -> Vec<(Poll, Error)> {
        Poll::ALL.into_iter().filter_map(|poll| Some((poll, self.slot(poll).doubt.take()?))).collect()
    }
}
