//! What the platform does now and then by itself: old jobs are pruned, and the online store drops what no lookup can
//! reach.
//!
//! A store that a full disk has closed is opened again.
//!
//! The rule for jobs: an ended job is kept for 90 days, and the newest 1 000 ended jobs of a view always; what is older
//! goes, with its attempts, their stages and logs, once an hour. The newest stream job of a view stays, for it tells
//! whether the stream is to run. What is materialized is kept apart and for ever. Failures here are logged and tried
//! again at the next time; they must not disturb jobs.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{Span, Time};
use crate::platform::clock::Cautious;
use crate::platform::definition::View;
use crate::platform::online::OnlineStore;

use super::Jobs;
use super::error::TableError;

/// How long an ended job is kept at least.
pub(crate) const KEPT_FOR: Span = Span::days(90);
/// How many of a view's newest ended jobs are kept however old they are.
pub(crate) const KEPT_ENDED: usize = 1_000;
/// Jobs that one transaction removes.
const AT_ONCE: usize = 100;
/// How often old jobs are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// How often the online store looks for what no lookup can reach.
const EXPIRE_EVERY: Duration = Duration::from_secs(600);
/// Tiles or rows of a view that go in one write, so that writers do not wait long.
const EXPIRE_AT_ONCE: u64 = 10_000;
/// Such writes of a view in one turn, so that neither does the schedule.
const EXPIRE_WRITES: usize = 20;

/// When each thing was done last.
pub(crate) struct Upkeep {
    online: Arc<OnlineStore>,
    pruned: Option<Instant>,
    expired: Option<Instant>,
    /// What is out of reach by a wrong clock would be gone for good.
    present: Cautious,
}

impl Upkeep {
    /// Upkeep of which everything is due.
    pub(crate) fn new(online: Arc<OnlineStore>) -> Self {
        Self { online, pruned: None, expired: None, present: Cautious::default() }
    }

    /// Does what is due. `go_on` is asked between parts.
    pub(crate) fn turn(&mut self, jobs: &Jobs, go_on: &dyn Fn() -> bool) {
        let now = self.present.now(jobs.clock());
        jobs.last_list.drop_old();
        if self.online.trouble().is_some()
            && let Err(error) = self.online.mend()
        {
            tracing::debug!(error = &error as &dyn Error, "the online store stays as it is");
        }
        if is_due(&mut self.pruned, PRUNE_EVERY) {
            match jobs.prune(now, go_on) {
                Ok(0) => {}
                Ok(gone) => tracing::info!(gone, "old jobs were removed"),
                Err(error) => tracing::error!(
                    error = &error as &dyn Error,
                    "old jobs could not be removed; trying again in an hour"
                ),
            }
        }
        if is_due(&mut self.expired, EXPIRE_EVERY) {
            self.expire(jobs, now, go_on);
        }
    }

    fn expire(&self, jobs: &Jobs, now: Time, go_on: &dyn Fn() -> bool) {
        for view in jobs.views().filter(|view| view.live && view.online) {
            for _ in 0..EXPIRE_WRITES {
                if !go_on() {
                    return;
                }
                // Fewer than asked for: the rest can still be reached, or is looked at in the next turn.
                if self.expire_some(view, now) < EXPIRE_AT_ONCE {
                    break;
                }
            }
        }
    }

    fn expire_some(&self, view: &View, now: Time) -> u64 {
        let gone = self.online.expire(view, now, EXPIRE_AT_ONCE as usize);
        match &gone {
            Ok(gone) => tracing::debug!(view = view.name, gone, "out of reach of lookups"),
            Err(error) => tracing::error!(
                error = error as &dyn Error,
                view = view.name,
                "nothing was expired; trying again later"
            ),
        }
        gone.unwrap_or_default()
    }
}

fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

impl Jobs {
    /// Removes old jobs by the rule above as of `now`, in small transactions while `go_on` says so. Returns how many
    /// are gone.
    pub fn prune(&self, now: Time, go_on: &dyn Fn() -> bool) -> Result<usize, TableError> {
        let before = now - KEPT_FOR;
        let mut gone = 0;
        for view in self.table.read(|rows| rows.views())? {
            loop {
                if !go_on() {
                    return Ok(gone);
                }
                let removed = self.table.write(|rows| rows.prune(view, before, KEPT_ENDED, AT_ONCE))?;
                gone += removed;
                if removed < AT_ONCE {
                    break;
                }
            }
        }
        Ok(gone)
    }
}
