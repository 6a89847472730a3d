//! One job as the table keeps it, and every change a job can go through.
//!
//! The changes are pure: they take an instant and alter the record in memory. The table stores the result; nothing here
//! does I/O. State words and their order are those of docs/semantics.md section 10 and docs/wire.md section 2.2.

use crate::model::time::print_time;
use crate::model::{Attempt, AttemptState, Id, Job, JobState, JobType, Stores, Time, Window};
use crate::platform::definition::View;

use super::attempt_log::Line;
use super::retry::{self, Failure, INTERRUPTED, Next, Policy};

/// A job with what the platform knows about it beyond the protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// The job as clients see it.
    pub job: Job,
    /// Identity of the view whose features it writes or whose keys it deletes.
    pub view: Id,
    /// Whether a user asked for it; jobs of users are run first and are not part of the schedule.
    pub by_user: bool,
    /// Whether failed attempts are retried.
    pub managed_retries: bool,
    /// The number of the last attempt whose failure no longer counts, for somebody asked for further attempts after it.
    pub counted_from: u32,
    /// What its changes have to say for the logs of its attempts; moved to the log when the record is saved.
    pub log: Vec<(Id, Line)>,
}

/// How an attempt ended, as its worker tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is written and durable.
    Success,
    /// It was stopped, by a cancel request or by the platform's shutdown, before anything was half done.
    Stopped,
    /// It failed, and what it wrote is replaced by the next attempt.
    Failed {
        /// Whether trying again may help.
        failure: Failure,
        /// Why, in the word that attempts keep.
        reason: String,
        /// Why, in a sentence for people.
        message: String,
    },
}

/// An identity of 122 random bits, for a job or an attempt.
pub fn new_id() -> Id {
    Id(uuid::Uuid::new_v4().as_u128())
}

impl JobRecord {
    /// A new batch job that waits for `starts_at`, or is queued at once when that has passed.
    pub fn batch(view: &View, window: Window, starts_at: Time, now: Time) -> Self {
        let mut record = Self::empty(view, JobType::Batch, Some(window), now);
        record.job.state = JobState::Scheduled;
        record.job.next_attempt_at = Some(starts_at);
        if starts_at <= now {
            record.queue(now);
        }
        record
    }

    /// The stream job of a view: running from the start, for as long as the platform lives.
    pub fn stream(view: &View, now: Time) -> Self {
        let mut record = Self::empty(view, JobType::Stream, None, now);
        record.job.offline = false;
        record.queue(now);
        record.start(now);
        record
    }

    /// A new job that deletes keys from one store, queued at once.
    pub fn deletion(view: &View, store: Stores, now: Time) -> Self {
        let mut record = Self::empty(view, JobType::Deletion, None, now);
        (record.by_user, record.job.online, record.job.offline) = (true, store.online, store.offline);
        record.queue(now);
        record
    }

    /// Adds a line to the log of the newest attempt.
    pub fn say(&mut self, text: &str, now: Time) {
        if let Some(attempt) = self.job.last_attempt().and_then(|attempt| attempt.id) {
            self.log.push((attempt, Line::new(now, text)));
        }
    }

    fn empty(view: &View, job_type: JobType, window: Option<Window>, now: Time) -> Self {
        let job = Job {
            id: new_id(),
            workspace: view.workspace.clone(),
            feature_view: view.name.clone(),
            job_type,
            state: JobState::Running,
            window,
            online: view.online,
            offline: view.offline,
            created_at: Some(now),
            updated_at: Some(now),
            next_attempt_at: None,
            attempts: Vec::new(),
            allowed: Default::default(),
        };
        Self { job, view: view.id, by_user: false, managed_retries: true, counted_from: 0, log: Vec::new() }
    }

    /// Whether the newest attempt waits for a worker.
    pub fn is_pending(&self) -> bool {
        self.job.last_attempt().is_some_and(|attempt| attempt.state == AttemptState::Pending)
    }

    /// Puts a new attempt into the queue.
    pub fn queue(&mut self, now: Time) {
        self.job.state = JobState::Running;
        self.job.next_attempt_at = None;
        let number = self.job.last_attempt().map_or(1, |last| last.number + 1);
        self.job.attempts.push(Attempt {
            id: Some(new_id()),
            number,
            state: AttemptState::Pending,
            created_at: Some(now),
            updated_at: Some(now),
            progress: None,
            reason: None,
            message: None,
        });
        self.job.updated_at = Some(now);
    }

    /// Starts the queued attempt; false when there is none.
    pub fn start(&mut self, now: Time) -> bool {
        let Some(attempt) = self.job.attempts.last_mut().filter(|a| a.state == AttemptState::Pending) else {
            return false;
        };
        attempt.state = AttemptState::Running;
        attempt.created_at = Some(now);
        attempt.updated_at = Some(now);
        let text = format!("Attempt {} began.", attempt.number);
        self.job.updated_at = Some(now);
        self.say(&text, now);
        true
    }

    /// Ends the running attempt and decides what becomes of the job. Once a cancel was asked for, the job ends
    /// cancelled, however the attempt ended; an attempt that had written everything is a success all the same.
    pub fn finish(&mut self, outcome: Outcome, policy: &Policy, now: Time) {
        self.job.updated_at = Some(now);
        if self.job.state == JobState::CancellationRequested {
            // What was written counts, whatever becomes of the job.
            let (how, state) = match outcome {
                Outcome::Success => ("Everything was written before it could stop", AttemptState::Success),
                _ => ("Stopped", AttemptState::Cancelled),
            };
            self.say(&format!("{how}; the job was cancelled on request, so no further attempt follows."), now);
            self.end_attempt(state, None, now);
            self.job.state = JobState::Cancelled;
            self.job.next_attempt_at = None;
            return;
        }
        match outcome {
            Outcome::Success => {
                self.say("Everything is written.", now);
                self.end_attempt(AttemptState::Success, None, now);
                self.job.state = JobState::Success;
            }
            Outcome::Stopped => self.fail(
                Failure::Interrupted,
                (INTERRUPTED.to_owned(), "The platform stopped while this attempt ran.".to_owned()),
                (policy, now),
            ),
            Outcome::Failed { failure, reason, message } => self.fail(failure, (reason, message), (policy, now)),
        }
    }

    fn fail(&mut self, failure: Failure, (reason, message): (String, String), (policy, now): (&Policy, Time)) {
        self.say(&format!("{reason}: {message}"), now);
        self.end_attempt(AttemptState::Error, Some((reason, message)), now);
        let counted = self.job.attempts.iter().filter(|attempt| attempt.number > self.counted_from);
        match retry::next(policy, failure, self.managed_retries, counted, now) {
            Next::Now => {
                self.say("The next attempt follows at once.", now);
                self.queue(now);
            }
            Next::At(at) => {
                self.say(&format!("The next attempt follows at {}.", print_time(at)), now);
                self.job.next_attempt_at = Some(at);
            }
            Next::GiveUp(why) => {
                self.say(&format!("No further attempt follows: {why}."), now);
                self.job.state = JobState::Failure;
            }
        }
    }

    /// Queues another attempt of a job that has failed for good; failures are counted anew. Whether that may be is
    /// decided in `force.rs`.
    pub fn force(&mut self, now: Time) {
        self.counted_from = self.job.last_attempt().map_or(0, |last| last.number);
        self.queue(now);
        self.say("Somebody asked for another attempt after the job had failed for good.", now);
    }

    fn end_attempt(&mut self, state: AttemptState, why: Option<(String, String)>, now: Time) {
        if let Some(attempt) = self.job.attempts.last_mut() {
            attempt.state = state;
            attempt.updated_at = Some(now);
            (attempt.reason, attempt.message) = why.unzip();
        }
    }

    /// Takes a cancel request. A job that has ended, or is being cancelled already, stays as it is (false). Any other
    /// is asked to end, and no attempt of it begins any more; it ends with its attempt, or where none runs by
    /// [`JobRecord::end_cancelled`].
    pub fn request_cancel(&mut self, now: Time) -> bool {
        if !self.job.state.can_cancel() {
            return false;
        }
        self.job.updated_at = Some(now);
        self.say("Somebody asked to cancel the job.", now);
        self.job.state = JobState::CancellationRequested;
        self.job.next_attempt_at = None;
        true
    }

    /// Ends a job whose end was asked for; false for any other, and while its attempt runs.
    pub fn end_cancelled(&mut self, now: Time) -> bool {
        let last = self.job.last_attempt().map(|attempt| attempt.state.clone());
        if self.job.state != JobState::CancellationRequested || last == Some(AttemptState::Running) {
            return false;
        }
        if last == Some(AttemptState::Pending) {
            self.end_attempt(AttemptState::Cancelled, None, now);
        }
        self.job.state = JobState::Cancelled;
        self.job.updated_at = Some(now);
        true
    }

    /// Lets a job wait for `starts_at`, the end of its window, that was queued or has ended although that has not come.
    /// Its failures no longer count. False while an attempt runs, and for a job that waits for it anyway.
    pub fn take_back(&mut self, starts_at: Time, now: Time) -> bool {
        let last = self.job.last_attempt().map(|attempt| attempt.state.clone());
        let undone = matches!(self.job.state, JobState::Success | JobState::Failure | JobState::Running);
        if !undone || last == Some(AttemptState::Running) {
            return false;
        }
        self.say(
            &format!(
                "The clock was ahead: the window of this job is not over before {}. It is materialized then, in the place of what was \
                 written.",
                print_time(starts_at)
            ),
            now,
        );
        if last == Some(AttemptState::Pending) {
            self.end_attempt(AttemptState::Cancelled, None, now);
        }
        self.counted_from = self.job.last_attempt().map_or(0, |last| last.number);
        self.job.state = JobState::Scheduled;
        self.job.next_attempt_at = Some(starts_at);
        self.job.updated_at = Some(now);
        true
    }

    /// Brings the record in order after the platform ended, cleanly or not: an attempt left running was interrupted.
    /// A stream job simply goes on. True when something changed.
    pub fn recover(&mut self, policy: &Policy, now: Time) -> bool {
        let runs = self.job.last_attempt().is_some_and(|attempt| attempt.state == AttemptState::Running);
        let cancelling = self.job.state == JobState::CancellationRequested;
        if !runs || (self.job.job_type == JobType::Stream && !cancelling) {
            return false;
        }
        self.finish(Outcome::Stopped, policy, now);
        true
    }

    /// Keeps what troubles the running attempt of a stream job, or that nothing does any more. True when it changed.
    pub fn note(&mut self, trouble: Option<(&str, &str)>, now: Time) -> bool {
        let Some(attempt) = self.job.attempts.last_mut() else { return false };
        let (reason, message) = trouble.map(|(r, m)| (r.to_owned(), m.to_owned())).unzip();
        if (&attempt.reason, &attempt.message) == (&reason, &message) {
            return false;
        }
        (attempt.reason, attempt.message) = (reason, message);
        attempt.updated_at = Some(now);
        self.job.updated_at = Some(now);
        match trouble {
            Some((reason, message)) => {
                self.say(&format!("{reason}: {message}"), now);
                self.say("It is tried again after a pause.", now);
            }
            None => self.say("The stream is read and written without trouble.", now),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::model::time::from_micros;
    use crate::platform::testing::view;

    fn now() -> Time {
        from_micros(1_700_000_000_000_000)
    }

    fn due() -> JobRecord {
        JobRecord::batch(&view("v"), Window { start: now() - Span::hours(1), end: now() }, now(), now())
    }

    fn failed(failure: Failure) -> Outcome {
        Outcome::Failed { failure, reason: "SOURCE_ERROR".to_owned(), message: "No file.".to_owned() }
    }

    #[test]
    fn a_job_waits_then_runs_then_succeeds() {
        let later = now() + Span::minutes(1);
        let mut record = JobRecord::batch(&view("v"), Window { start: now(), end: later }, later, now());
        assert_eq!(record.job.state, JobState::Scheduled);
        assert!(record.job.attempts.is_empty() && !record.start(later));
        record.queue(later);
        assert!(record.is_pending() && record.start(later));
        record.finish(Outcome::Success, &Policy::default(), later);
        assert_eq!(record.job.state, JobState::Success);
        assert_eq!(record.job.attempts[0].state, AttemptState::Success);
    }

    #[test]
    fn a_retryable_failure_waits_and_a_permanent_one_ends() {
        let mut record = due();
        record.start(now());
        record.finish(failed(Failure::Retryable), &Policy::default(), now());
        assert_eq!(record.job.state, JobState::Running);
        assert_eq!(record.job.next_attempt_at, Some(now() + Span::minutes(5)));
        record.queue(now());
        record.start(now());
        record.finish(failed(Failure::Permanent), &Policy::default(), now());
        assert_eq!(record.job.state, JobState::Failure);
        assert_eq!(record.job.attempts.len(), 2);
        assert_eq!(record.job.failure(), Some("No file."));
    }

    #[test]
    fn cancel_of_a_running_job_waits_for_its_attempt() {
        let mut record = due();
        record.start(now());
        assert!(record.request_cancel(now()));
        assert_eq!(record.job.state, JobState::CancellationRequested);
        assert!(!record.request_cancel(now()), "a second request changes nothing");
        record.finish(Outcome::Stopped, &Policy::default(), now());
        assert_eq!(record.job.state, JobState::Cancelled);
        assert_eq!(record.job.attempts[0].state, AttemptState::Cancelled);
        let before = record.clone();
        assert!(!record.request_cancel(now()));
        assert_eq!(record, before);
    }

    #[test]
    fn cancel_of_scheduled_queued_and_waiting_jobs_is_asked_for_and_then_done() {
        let scheduled = JobRecord::batch(
            &view("v"),
            Window { start: now(), end: now() + Span::hours(1) },
            now() + Span::hours(1),
            now(),
        );
        let mut waiting = due();
        waiting.start(now());
        waiting.finish(failed(Failure::Retryable), &Policy::default(), now());
        for mut record in [scheduled, due(), waiting] {
            assert!(!record.end_cancelled(now()), "nobody asked");
            assert!(record.request_cancel(now()));
            assert_eq!((&record.job.state, record.job.next_attempt_at), (&JobState::CancellationRequested, None));
            assert!(record.end_cancelled(now()));
            assert_eq!(record.job.state, JobState::Cancelled);
            assert!(!record.is_pending());
        }
    }

    #[test]
    fn recovery_reruns_what_was_interrupted() {
        let mut record = due();
        assert!(!record.recover(&Policy::default(), now()), "a queued attempt is still queued");
        record.start(now());
        assert!(record.recover(&Policy::default(), now()));
        assert_eq!(record.job.attempts[0].reason.as_deref(), Some(INTERRUPTED));
        assert!(record.is_pending());
        assert_eq!(record.job.attempts[1].number, 2);
    }

    #[test]
    fn recovery_completes_a_cancel_that_was_asked_for() {
        let mut record = due();
        record.start(now());
        record.request_cancel(now());
        assert!(record.recover(&Policy::default(), now()));
        assert_eq!(record.job.state, JobState::Cancelled);
    }

    #[test]
    fn a_stream_job_goes_on_unless_it_was_cancelled() {
        let mut record = JobRecord::stream(&view("v"), now());
        assert_eq!(record.job.state, JobState::Running);
        assert!(!record.recover(&Policy::default(), now()));
        assert!(record.note(Some(("SOURCE_ERROR", "No file.")), now()));
        assert!(!record.note(Some(("SOURCE_ERROR", "No file.")), now()));
        record.request_cancel(now());
        assert!(record.recover(&Policy::default(), now()));
        assert_eq!(record.job.state, JobState::Cancelled);
    }
}
