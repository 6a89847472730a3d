//! What the stores may hold, replayed from the attempts that the job list tells of.
//!
//! The rule, from docs/semantics.md sections 10 and 11: the attempts of a view happen one after the other. One that
//! succeeded did all of its work: a batch attempt has put the rows of its generation into the place of what its window
//! held (online, a row of `last_click` only over an older or equal one), a deletion attempt has taken everything of its
//! keys away. Any other that was started did all of its work or nothing of it, in each store by itself. So after each
//! attempt a store is in one of few states, and after a success in one only; a deletion is no ban: what runs after it
//! writes its keys again.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use fvtop::model::{AttemptState, Id, Job, JobType, Time};

use super::world::{USERS, clicks, hours};

/// One of the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Online,
    Offline,
}

/// What an attempt does to a store.
#[derive(Clone, Debug)]
enum Deed {
    Write { hours: Range<i64>, generation: u32 },
    Delete { users: BTreeSet<usize> },
}

/// One attempt.
#[derive(Clone, Debug)]
pub(super) struct Step {
    at: Time,
    sure: bool,
    deed: Deed,
}

/// The attempts that a job list tells of, and what is known beside it.
pub(super) struct Known<'a> {
    pub jobs: &'a [Job],
    /// Attempts started later are left out.
    pub until: Time,
    /// The attempts that certainly had succeeded, by job and number.
    pub succeeded: HashSet<(Id, u32)>,
    /// The users of each deletion job.
    pub deletions: &'a BTreeMap<Id, BTreeSet<usize>>,
    /// Starts of servers and the generation that each found, in order.
    pub starts: &'a [(Time, u32)],
}

impl Step {
    /// Whether it may change what that hour holds.
    pub(super) fn concerns(&self, hour: i64) -> bool {
        matches!(&self.deed, Deed::Delete { .. })
            || matches!(&self.deed, Deed::Write { hours, .. } if hours.contains(&hour))
    }
}

/// The attempts of a job list that succeeded.
pub(super) fn succeeded(jobs: &[Job]) -> HashSet<(Id, u32)> {
    let ended = |job: &Job| -> Vec<(Id, u32)> {
        let done = job.attempts.iter().filter(|attempt| attempt.state == AttemptState::Success);
        done.map(|attempt| (job.id, attempt.number)).collect()
    };
    jobs.iter().flat_map(ended).collect()
}

/// The steps of a store, in order.
pub(super) fn steps(known: &Known, store: Store) -> Vec<Step> {
    let mut steps = Vec::new();
    for job in known.jobs.iter().filter(|job| if store == Store::Online { job.online } else { job.offline }) {
        for attempt in job.attempts.iter().filter(|attempt| attempt.state != AttemptState::Pending) {
            let at = attempt.created_at.unwrap();
            if at > known.until {
                continue;
            }
            let deed = match job.job_type {
                JobType::Batch => {
                    let generation = known.starts.iter().rev().find(|(start, _)| *start <= at).unwrap().1;
                    Deed::Write { hours: hours(job.window.unwrap()), generation }
                }
                JobType::Deletion => Deed::Delete { users: known.deletions[&job.id].clone() },
                _ => continue,
            };
            let sure = known.succeeded.contains(&(job.id, attempt.number));
            steps.push(Step { at, sure, deed });
        }
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// The deletions that certainly were done: when each began, and its users.
pub(super) fn deletions(steps: &[Step]) -> Vec<(Time, &BTreeSet<usize>)> {
    let mut done = Vec::new();
    for step in steps.iter().filter(|step| step.sure) {
        if let Deed::Delete { users } = &step.deed {
            done.push((step.at, users));
        }
    }
    done
}

/// What a window of one hour holds of each user: the generation, or nothing.
pub(super) type Held = [Option<u32>; USERS];

/// The states that an hour may be in, where windows are replaced: offline tables, and tiles online.
pub(super) fn hour_states(steps: &[Step], hour: i64) -> Vec<Held> {
    let mut states = vec![[None; USERS]];
    for step in steps {
        let next: Vec<Held> = match &step.deed {
            Deed::Write { hours, .. } if !hours.contains(&hour) => continue,
            Deed::Write { generation, .. } => vec![[Some(*generation); USERS]],
            Deed::Delete { users } => {
                let without = |held: &Held| {
                    let kept = |user: usize| held[user].filter(|_| !users.contains(&user));
                    std::array::from_fn(kept)
                };
                states.iter().map(without).collect()
            }
        };
        states = joined(states, next, step.sure);
    }
    states
}

/// The rows (time, amount) that may stand online for a user, where the newest row is kept.
pub(super) fn newest_states(steps: &[Step], user: usize) -> Vec<Option<(i64, i64)>> {
    let mut states = vec![None];
    for step in steps {
        let next: Vec<Option<(i64, i64)>> = match &step.deed {
            Deed::Write { hours, generation } => {
                let newest = hours.clone().rev().find_map(|hour| clicks(hour, user, *generation).pop());
                let after = |held: &Option<(i64, i64)>| {
                    let wins = |newest: &(i64, i64)| held.is_none_or(|held| held.0 <= newest.0);
                    newest.filter(wins).or(*held)
                };
                states.iter().map(after).collect()
            }
            Deed::Delete { users } if users.contains(&user) => vec![None],
            Deed::Delete { .. } => continue,
        };
        states = joined(states, next, step.sure);
    }
    states
}

/// The states after a step: those it makes, and those before it when nobody knows whether it was done.
fn joined<T: PartialEq>(before: Vec<T>, after: Vec<T>, sure: bool) -> Vec<T> {
    let mut all = if sure { Vec::new() } else { before };
    for state in after {
        if !all.contains(&state) {
            all.push(state);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(hour: i64, sure: bool, deed: Deed) -> Step {
        Step { at: super::super::world::window(hour..hour + 1).start, sure, deed }
    }

    fn write(generation: u32) -> Deed {
        Deed::Write { hours: 10..12, generation }
    }

    #[test]
    fn only_what_is_unsure_leaves_a_choice() {
        let delete = Deed::Delete { users: BTreeSet::from([1]) };
        let steps =
            [step(1, true, write(0)), step(2, false, write(1)), step(3, true, delete), step(4, false, write(2))];
        let without = |generation| {
            let mut held = [Some(generation); USERS];
            held[1] = None;
            held
        };
        assert_eq!(hour_states(&steps[..1], 11), [[Some(0); USERS]]);
        assert_eq!(hour_states(&steps[..3], 11), [without(0), without(1)]);
        assert_eq!(hour_states(&steps, 11), [without(0), without(1), [Some(2); USERS]]);
        assert_eq!(hour_states(&steps, 12), [[None; USERS]]);
    }

    #[test]
    fn a_newer_row_stands_against_an_older_window() {
        let older = Deed::Write { hours: 5..6, generation: 3 };
        let user = (0..USERS).find(|user| !clicks(5, *user, 3).is_empty() && !clicks(11, *user, 0).is_empty()).unwrap();
        let newest = clicks(11, user, 0).pop();
        assert_eq!(newest_states(&[step(1, true, write(0)), step(2, true, older.clone())], user), [newest]);
        let gone = Deed::Delete { users: BTreeSet::from([user]) };
        let after = [step(1, true, write(0)), step(2, true, gone), step(3, true, older)];
        assert_eq!(newest_states(&after, user), [clicks(5, user, 3).pop()]);
    }
}
