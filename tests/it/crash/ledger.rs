//! What the server has told, and what therefore must still be so whenever it is asked again.

use std::collections::{BTreeMap, BTreeSet};

use fvtop::model::{Attempt, AttemptState, Id, Job, JobState, JobType, Stores, Time, Window};

use super::world::{View, hours};

/// What a job is for as long as it is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub view: &'static str,
    pub job_type: JobType,
    pub window: Option<Window>,
    pub online: bool,
    pub offline: bool,
}

impl Told {
    pub(super) fn of(view: &View, job: &Job) -> Self {
        let (online, offline) = (job.online, job.offline);
        Self { view: view.name, job_type: job.job_type.clone(), window: job.window, online, offline }
    }
}

/// What a user asked for and got no answer to: it may have been taken.
#[derive(Clone, Debug)]
pub(super) enum Unanswered {
    /// A job like this.
    Job(Told),
    /// A deletion of these users: a job for each store.
    Deletion { view: &'static str, users: BTreeSet<usize> },
    /// Another attempt of this failed job.
    Retry(Id),
    /// The end of this job.
    Cancel,
}

/// Everything that was told.
#[derive(Default)]
pub(super) struct Ledger {
    jobs: BTreeMap<Id, Told>,
    /// The schedule's job of each hour of a view.
    scheduled: BTreeMap<(&'static str, i64), Id>,
    /// The ends that jobs were seen to have.
    ended: BTreeMap<Id, JobState>,
    /// Jobs that were told to be cancelled, or about to be.
    cancelled: BTreeSet<Id>,
    /// Failed jobs of which another attempt was asked since their end was seen.
    retried: BTreeSet<Id>,
    /// How many attempts each job was seen to have.
    attempts: BTreeMap<Id, usize>,
    /// Deletion jobs of which only the identity was told, with what was asked.
    promised: BTreeMap<Id, (&'static str, Stores)>,
    unanswered: Vec<Unanswered>,
    /// The users of each deletion job.
    pub deletions: BTreeMap<Id, BTreeSet<usize>>,
    /// Starts of servers and the generation that each found, in order.
    pub starts: Vec<(Time, u32)>,
    /// When the first list of jobs was read.
    first_seen: Option<Time>,
}

impl Ledger {
    /// A job was started, with this answer.
    pub(super) fn acknowledged(&mut self, view: &View, job: &Job) {
        self.jobs.insert(job.id, Told::of(view, job));
    }

    /// A deletion was acknowledged, with this job among others.
    pub(super) fn deleting(&mut self, view: &View, job: Id, users: &BTreeSet<usize>, stores: Stores) {
        self.deletions.insert(job, users.clone());
        self.promised.insert(job, (view.name, stores));
    }

    /// A cancel was acknowledged, with this answer.
    pub(super) fn cancelled(&mut self, job: &Job) {
        if matches!(job.state, JobState::CancellationRequested | JobState::Cancelled) {
            self.cancelled.insert(job.id);
        }
    }

    /// Another attempt of a failed job was acknowledged.
    pub(super) fn retried(&mut self, job: Id) {
        self.retried.insert(job);
        // It is there from now on, beside those that the failure had been seen with.
        if self.ended.get(&job) == Some(&JobState::Failure) {
            *self.attempts.entry(job).or_default() += 1;
        }
    }

    /// No answer came to a request: the server was killed first.
    pub(super) fn unanswered(&mut self, what: Unanswered) {
        if let Unanswered::Retry(job) = what {
            self.retried.insert(job);
        }
        self.unanswered.push(what);
    }

    /// How many jobs were told.
    pub(super) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// Holds a list of jobs of a view, read at `now`, to everything that was told before; and remembers it, for what a
    /// list shows is told as well.
    pub(super) fn check(&mut self, view: &View, jobs: &[Job], now: Time) {
        let first_seen = *self.first_seen.get_or_insert(now);
        let there: BTreeMap<Id, &Job> = jobs.iter().map(|job| (job.id, job)).collect();
        assert_eq!(there.len(), jobs.len(), "{}: a job is listed twice", view.name);
        for (id, told) in self.jobs.iter().filter(|(_, told)| told.view == view.name) {
            let job = there.get(id).unwrap_or_else(|| panic!("acknowledged job {id} is lost: {told:?}"));
            assert_eq!(&Told::of(view, job), told, "job {id} has become another");
        }
        for (id, _) in self.promised.iter().filter(|(_, (name, _))| *name == view.name) {
            assert!(there.contains_key(id), "acknowledged deletion job {id} of {} is lost", view.name);
        }
        let mut new: Vec<&Job> = jobs.iter().filter(|job| !self.jobs.contains_key(&job.id)).collect();
        new.sort_by_key(|job| job.created_at);
        for job in new {
            self.adopt(view, job);
        }
        for job in jobs {
            self.check_state(job);
            check_attempts(job);
        }
        check_turns(view, jobs);
        self.check_schedule(view, first_seen);
    }

    /// All requests of which nothing was heard have been taken or never will be: the server has been started anew
    /// since.
    pub(super) fn forget_unanswered(&mut self) {
        self.unanswered.clear();
    }

    /// A job that nobody told of yet: the schedule's, or one whose acknowledgement the kill cut off.
    fn adopt(&mut self, view: &View, job: &Job) {
        let told = Told::of(view, job);
        let hour = job.window.filter(|window| hours(*window).count() == 1).map(|window| hours(window).start);
        let of_schedule = view.scheduled && job.job_type == JobType::Batch && job.online && job.offline;
        let free = hour.filter(|hour| of_schedule && !self.scheduled.contains_key(&(view.name, *hour)));
        if let Some((name, stores)) = self.promised.get(&job.id) {
            let fits = *name == view.name
                && job.job_type == JobType::Deletion
                && job.online != job.offline
                && (stores.online || !job.online)
                && (stores.offline || !job.offline);
            assert!(fits, "deletion job {} of {stores:?} is {told:?}", job.id);
        } else if let Some(hour) = free {
            self.scheduled.insert((view.name, hour), job.id);
        } else {
            let fits = |asked: &Unanswered| match asked {
                Unanswered::Job(asked) => *asked == told,
                Unanswered::Deletion { view, .. } => told.job_type == JobType::Deletion && *view == told.view,
                _ => false,
            };
            let asked = self.unanswered.iter().position(fits);
            let asked = asked.unwrap_or_else(|| panic!("nobody asked for job {}: {told:?}", job.id));
            match &self.unanswered[asked] {
                // Its other store's job may come as well.
                Unanswered::Deletion { users, .. } => drop(self.deletions.insert(job.id, users.clone())),
                _ => drop(self.unanswered.remove(asked)),
            }
        }
        self.jobs.insert(job.id, told);
    }

    fn check_state(&mut self, job: &Job) {
        if self.cancelled.contains(&job.id) {
            let stays = matches!(job.state, JobState::CancellationRequested | JobState::Cancelled);
            assert!(stays, "job {} was told to be cancelled and is {}", job.id, job.state);
        }
        if let Some(end) = self.ended.get(&job.id).filter(|end| **end != job.state) {
            let again = *end == JobState::Failure && self.retried.contains(&job.id);
            assert!(again, "job {} had ended with {end} and is now {}", job.id, job.state);
            self.ended.remove(&job.id);
            self.retried.remove(&job.id);
        }
        let attempts = self.attempts.insert(job.id, job.attempts.len()).unwrap_or(0);
        assert!(attempts <= job.attempts.len(), "job {} had {attempts} attempts: {job:?}", job.id);
        if job.state.is_terminal() {
            let unended = job.attempts.iter().filter(|attempt| is_open(attempt)).count();
            assert_eq!(unended, 0, "job {} has ended and an attempt has not", job.id);
            self.ended.insert(job.id, job.state.clone());
        }
    }

    /// Every hour since the schedule's beginning has its job.
    fn check_schedule(&self, view: &View, first_seen: Time) {
        if !view.scheduled {
            return;
        }
        let of_view = (view.name, i64::MIN)..=(view.name, i64::MAX);
        let planned: Vec<i64> = self.scheduled.range(of_view).map(|((_, hour), _)| *hour).collect();
        let (first, last) = (planned[0], planned[planned.len() - 1]);
        assert_eq!(last - first + 1, planned.len() as i64, "{}: an hour has no job: {planned:?}", view.name);
        // The first server applied the view between these two.
        let applied = super::world::hour_of(self.starts[0].0)..=super::world::hour_of(first_seen);
        assert!(applied.contains(&(first + view.begins)), "{}: the schedule begins at {first}", view.name);
    }
}

fn is_open(attempt: &Attempt) -> bool {
    matches!(attempt.state, AttemptState::Pending | AttemptState::Running)
}

/// Attempts count up from one; all but the last have ended.
fn check_attempts(job: &Job) {
    let numbers: Vec<u32> = job.attempts.iter().map(|attempt| attempt.number).collect();
    let expected: Vec<u32> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected, "attempts of job {}", job.id);
    let earlier = job.attempts.len().saturating_sub(1);
    for attempt in &job.attempts[..earlier] {
        assert!(!is_open(attempt), "job {}: attempt {} has not ended and there is a later one", job.id, attempt.number);
    }
    let done = job.attempts.iter().filter(|attempt| attempt.state == AttemptState::Success).count();
    assert!(done <= 1, "job {} has succeeded {done} times", job.id);
    // An attempt that had written everything before it could be stopped has succeeded; its job is cancelled all the
    // same.
    let told = match job.state {
        JobState::Success => done == 1,
        JobState::Cancelled => true,
        _ => done == 0,
    };
    assert!(told, "job {} is {} and {done} attempts succeeded", job.id, job.state);
}

/// No two attempts of a view ran at the same time. (A cancelled one may never have been started, so it does not count.)
fn check_turns(view: &View, jobs: &[Job]) {
    let ran = |attempt: &&Attempt| matches!(attempt.state, AttemptState::Success | AttemptState::Error);
    let mut turns: Vec<(Time, Time, Id)> = jobs
        .iter()
        .filter(|job| job.job_type != JobType::Stream)
        .flat_map(|job| job.attempts.iter().filter(ran).map(|a| (a.created_at.unwrap(), a.updated_at.unwrap(), job.id)))
        .collect();
    turns.sort();
    for pair in turns.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "{}: two attempts at the same time: {pair:?}", view.name);
    }
}
