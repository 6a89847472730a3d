//! Whether a job that has failed for good may be tried again because somebody asks (docs/wire.md section 2.2, task
//! level calls), as a pure function.

use crate::model::{Allowed, JobState, JobType, Span, Window};

use super::record::JobRecord;
use super::trigger::{check_unended, is_batch_in, list, name};

/// Checks whether the job may be tried again. `others` are at least the batch jobs of its view that overlap its window,
/// as far as they can be in the way. The refusal is a complete sentence.
///
/// With `overwrite` it may be tried again although other jobs have written its window since. A job over the same window
/// that has not ended is in the way even then: a window is never written by two at once.
pub(crate) fn check(record: &JobRecord, others: &[&JobRecord], overwrite: bool) -> Result<(), String> {
    let job = &record.job;
    if job.state != JobState::Failure || !matches!(job.job_type, JobType::Batch | JobType::Deletion) {
        return Err(format!(
            "Job {} is a {} job in state {}: only a BATCH or DELETION job in state FAILURE can be tried again.",
            job.id, job.job_type, job.state
        ));
    }
    let Some(window) = job.window else { return Ok(()) };
    let overlapping = others.iter().copied().filter(|other| other.job.id != job.id && is_batch_in(other, window));
    let overlapping: Vec<&JobRecord> = overlapping.collect();
    check_unended(&overlapping)?;
    let shares_store = |other: &JobRecord| (other.job.online && job.online) || (other.job.offline && job.offline);
    let since = overlapping.into_iter().filter(|other| {
        other.job.state == JobState::Success && shares_store(other) && other.job.updated_at >= job.updated_at
    });
    let since: Vec<String> = since.map(name).collect();
    if overwrite || since.is_empty() {
        return Ok(());
    }
    Err(format!(
        "Since job {} failed, other jobs have materialized part of its window: {}. Allow overwriting to replace what they wrote.",
        job.id,
        list(&since)
    ))
}

/// What may be done with the job, by the same rule.
pub(crate) fn allowed(record: &JobRecord, others: &[&JobRecord]) -> Allowed {
    if record.job.state != JobState::Failure {
        return Allowed::default();
    }
    let may = |overwrite| check(record, others, overwrite).is_ok();
    Allowed { retry: may(false), overwrite_retry: may(true), unknown: false }
}

/// The jobs of a view that can be in the way of a retry, in an order that finds those of a window without looking at
/// all.
pub(crate) struct Rivals<'a> {
    by_start: Vec<(Window, &'a JobRecord)>,
    longest: Span,
}

impl<'a> Rivals<'a> {
    /// Those among these jobs of one view.
    pub(crate) fn among(jobs: &'a [JobRecord]) -> Self {
        let hinders = |record: &&JobRecord| {
            record.job.job_type == JobType::Batch
                && (!record.job.state.is_terminal() || record.job.state == JobState::Success)
        };
        let rivals = jobs.iter().filter(hinders);
        let mut by_start: Vec<(Window, &JobRecord)> = rivals.filter_map(|r| Some((r.job.window?, r))).collect();
        by_start.sort_by_key(|(window, _)| window.start);
        let longest = by_start.iter().map(|(window, _)| window.span()).max().unwrap_or(Span::zero());
        Self { by_start, longest }
    }

    /// Those that can overlap the window of a failed job, newest first.
    pub(crate) fn of(&self, record: &JobRecord) -> Vec<&'a JobRecord> {
        let Some(window) = record.job.window.filter(|_| record.job.state == JobState::Failure) else {
            return Vec::new();
        };
        let end = self.by_start.partition_point(|(rival, _)| rival.start < window.end);
        let near = self.by_start[..end].iter().rev().take_while(|(rival, _)| rival.start + self.longest > window.start);
        near.map(|(_, rival)| *rival).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stores;
    use crate::model::time::parse_time;
    use crate::platform::jobs::record::Outcome;
    use crate::platform::jobs::retry::{Failure, Policy};
    use crate::platform::testing;

    /// A job over the second and third hour that ended this way at that minute of the fourth; without an end it runs.
    fn job(outcome: Option<Outcome>, minute: u32) -> JobRecord {
        let at = |text: &str| parse_time(text).unwrap();
        let window = Window { start: at("2026-01-03 01:00"), end: at("2026-01-03 03:00") };
        let mut record = JobRecord::batch(&testing::view("v"), window, window.end, window.end);
        record.start(window.end);
        let now = at(&format!("2026-01-03 04:{minute:02}"));
        outcome.into_iter().for_each(|outcome| record.finish(outcome, &Policy::default(), now));
        record
    }

    fn failed() -> Option<Outcome> {
        let (reason, message) = ("QUERY_ERROR".to_owned(), "No.".to_owned());
        Some(Outcome::Failed { failure: Failure::Permanent, reason, message })
    }

    #[test]
    fn only_what_failed_for_good_is_tried_again_by_hand() {
        assert_eq!(check(&job(failed(), 0), &[], false), Ok(()));
        let mut deletion =
            JobRecord::deletion(&testing::view("v"), Stores { online: true, offline: false }, testing::now());
        deletion.job.state = JobState::Failure;
        assert_eq!(check(&deletion, &[&job(None, 0)], false), Ok(()), "a deletion has no window");
        let mut stream = JobRecord::stream(&testing::view("v"), testing::now());
        stream.job.state = JobState::Failure;
        for (record, words) in [
            (job(None, 0), "a BATCH job in state RUNNING"),
            (job(Some(Outcome::Success), 0), "a BATCH job in state SUCCESS"),
            (stream, "a STREAM job in state FAILURE"),
        ] {
            let expected = format!(
                "Job {} is {words}: only a BATCH or DELETION job in state FAILURE can be tried again.",
                record.job.id
            );
            assert_eq!(check(&record, &[], true), Err(expected));
        }
    }

    #[test]
    fn what_others_wrote_since_is_replaced_only_when_that_is_allowed() {
        let record = job(failed(), 30);
        let (before, after) = (job(Some(Outcome::Success), 10), job(Some(Outcome::Success), 40));
        assert_eq!(check(&record, &[&before], false), Ok(()), "it was there when the job failed");
        let expected = format!(
            "Since job {} failed, other jobs have materialized part of its window: 2026-01-03 01:00:00 to 2026-01-03 \
             03:00:00 (job {}). Allow overwriting to replace what they wrote.",
            record.job.id, after.job.id
        );
        assert_eq!(check(&record, &[&before, &after], false), Err(expected));
        assert_eq!(allowed(&record, &[&after]), Allowed { retry: false, overwrite_retry: true, unknown: false });
        let mut elsewhere = after;
        elsewhere.job.online = false;
        let mut online = record;
        online.job.offline = false;
        assert_eq!(check(&online, &[&elsewhere], false), Ok(()), "it wrote to the other store");
    }

    #[test]
    fn a_window_that_is_being_written_is_not_written_by_a_second_job() {
        let (record, running) = (job(failed(), 0), job(None, 0));
        let expected = format!(
            "The window overlaps jobs that have not ended: 2026-01-03 01:00:00 to 2026-01-03 03:00:00 (job {}). Wait for \
             them or cancel them first; overwrite does not change that.",
            running.job.id
        );
        assert_eq!(check(&record, &[&running], true), Err(expected));
        assert_eq!(allowed(&record, &[&running]), Allowed::default());
        assert_eq!(
            allowed(&record, &[&record]),
            Allowed { retry: true, overwrite_retry: true, unknown: false },
            "it is not its own rival"
        );
    }

    #[test]
    fn the_rivals_of_a_job_are_found_among_many() {
        let at = |hour: i64| parse_time("2026-01-03 00:00").unwrap() + Span::hours(hour);
        let over = |from: i64, to: i64, state: JobState| {
            let mut record = job(None, 0);
            (record.job.window, record.job.state) = (Some(Window { start: at(from), end: at(to) }), state);
            record
        };
        let mut jobs: Vec<JobRecord> = (0..50).map(|hour| over(hour, hour + 1, JobState::Success)).collect();
        jobs.push(over(3, 9, JobState::Running));
        jobs.push(over(0, 50, JobState::Cancelled));
        let failed = over(7, 9, JobState::Failure);
        jobs.push(failed.clone());
        let rivals = Rivals::among(&jobs).of(&failed);
        let meets = |record: &&&JobRecord| record.job.window.unwrap().overlaps(&failed.job.window.unwrap());
        assert_eq!(rivals.iter().filter(meets).count(), 3);
        assert!(rivals.len() < 10, "{}", rivals.len());
        assert!(Rivals::among(&jobs).of(&jobs[0]).is_empty(), "nothing is in the way of what has not failed");
    }
}
