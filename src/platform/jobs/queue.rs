//! Which queued attempt runs next, as a pure function.
//!
//! Deletions first, for what is to go should go soon; then jobs of users; then the views in turn, so that every view
//! shows progress soon; within a view the oldest window first.

use std::collections::HashMap;

use crate::model::Id;

use super::rows::Queued;

/// When each view last got a worker, counted in claims.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    claims: u64,
    last: HashMap<Id, u64>,
}

impl Served {
    /// The view got a worker.
    pub(crate) fn serve(&mut self, view: Id) {
        self.claims += 1;
        self.last.insert(view, self.claims);
    }
}

/// Chooses the attempt that runs next; absent when none is queued.
pub(crate) fn choose<'a>(queued: impl Iterator<Item = &'a Queued>, served: &Served) -> Option<Queued> {
    let rank = |q: &&Queued| (!q.is_deletion, !q.by_user, served.last.get(&q.view).copied().unwrap_or(0), q.starts);
    queued.min_by_key(rank).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;

    fn queued(view: u128, hour: i64, by_user: bool) -> Queued {
        let starts = Some(from_micros(hour * 3_600_000_000));
        let (ends, queued_at) = (None, from_micros(0));
        let job = Id(view * 100 + hour as u128);
        Queued { job, view: Id(view), starts, ends, queued_at, by_user, is_deletion: false }
    }

    #[test]
    fn views_take_turns_and_each_begins_with_its_oldest_window() {
        let mut waiting = vec![
            queued(1, 2, false),
            queued(1, 1, false),
            queued(2, 5, false),
            queued(2, 4, false),
            queued(3, 9, false),
        ];
        let mut served = Served::default();
        let mut order = Vec::new();
        while let Some(next) = choose(waiting.iter(), &served) {
            served.serve(next.view);
            waiting.retain(|q| q != &next);
            order.push(next.job.0);
        }
        assert_eq!(order, [101, 204, 309, 102, 205]);
    }

    #[test]
    fn a_user_does_not_wait_for_the_backfill() {
        let mut served = Served::default();
        served.serve(Id(2));
        let waiting = [queued(1, 1, false), queued(2, 8, true)];
        assert_eq!(choose(waiting.iter(), &served).map(|q| q.job), Some(Id(208)));
    }

    #[test]
    fn a_deletion_goes_before_everything_that_waits() {
        let deletion = Queued { is_deletion: true, starts: None, ..queued(1, 9, true) };
        let waiting = [queued(1, 1, false), queued(2, 0, true), deletion];
        assert_eq!(choose(waiting.iter(), &Served::default()).map(|q| q.job), Some(deletion.job));
    }
}
