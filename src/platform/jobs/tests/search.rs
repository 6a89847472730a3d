//! Jobs of many views by filters and pages, against a look at each job.

use super::super::filter::{Bounds, Filter, Section};
use super::super::search::Found;
use super::*;
use crate::model::Stores;
use crate::wire::convert::task_state;
use crate::wire::proto::enums::StatusState;

const PAGE: Section = Section { oldest_first: false, after: None, skip: 0, size: 7, allowed: false };

/// Jobs of two views in every state that a job can be in, and a third view that is not asked about.
fn bench() -> (Bench, Jobs) {
    let by_hand = View { batch_trigger: BatchTrigger::Manual, ..view("c") };
    let bench = Bench::new(vec![view("a"), view("b"), by_hand]);
    let jobs = bench.open();
    for outcome in [Outcome::Success, failed(), failed(), Outcome::Stopped] {
        let work = jobs.claim().unwrap().unwrap();
        bench.pass(Span::seconds(40));
        jobs.finish(work.job.id, outcome).unwrap();
    }
    let permanent = Outcome::Failed { failure: Failure::Permanent, reason: "X".to_owned(), message: "No.".to_owned() };
    for (outcome, seconds) in [(permanent.clone(), 5), (permanent, 600)] {
        let work = jobs.claim().unwrap().unwrap();
        bench.pass(Span::seconds(seconds));
        jobs.finish(work.job.id, outcome).unwrap();
    }
    let batch = bench.batch(&jobs);
    jobs.cancel(bench.views[0].id, batch[3].id).unwrap();
    jobs.end_cancelled(jobs.now()).unwrap();
    jobs.claim().unwrap().unwrap();
    let asked = jobs.claim().unwrap().unwrap();
    jobs.cancel(asked.view.id, asked.job.id).unwrap();
    let store = Stores { online: true, offline: false };
    let mut deletion = JobRecord::deletion(&bench.views[1], store, jobs.now());
    jobs.table.write(|rows| rows.save(&mut deletion)).unwrap();
    (bench, jobs)
}

/// Everything that a filter lets through, page by page.
fn pages(jobs: &Jobs, filter: &Filter, first: Section) -> Vec<Found> {
    let mut section = first;
    let mut all = Vec::new();
    loop {
        let page = jobs.search(filter, section).unwrap();
        assert!(page.jobs.len() <= section.size);
        all.extend(page.jobs);
        assert_eq!(page.next.is_none(), all.len() == page.total, "a page is followed while there are more");
        match page.next {
            Some(next) => section.after = Some(next),
            None => return all,
        }
    }
}

fn within<T: PartialOrd>(bounds: &Bounds<T>, value: Option<T>) -> bool {
    let Some(value) = value else { return bounds.from.is_none() && bounds.until.is_none() };
    bounds.from.as_ref().is_none_or(|from| *from <= value) && bounds.until.as_ref().is_none_or(|end| value <= *end)
}

fn fits(filter: &Filter, found: &Found, now: Time) -> bool {
    let job = &found.job;
    let took = job.last_attempt().and_then(|attempt| {
        let open = matches!(attempt.state, AttemptState::Pending | AttemptState::Running);
        Some(if open { now } else { attempt.updated_at? } - attempt.created_at?)
    });
    filter.views.contains(&found.view)
        && filter.states.as_ref().is_none_or(|states| states.contains(&task_state(job)))
        && filter.types.as_ref().is_none_or(|types| types.contains(&job.job_type))
        && within(&filter.attempts, u32::try_from(job.attempts.len()).ok())
        && within(&filter.changed, job.updated_at)
        && within(&filter.starts, job.window.map(|window| window.start))
        && within(&filter.ends, job.window.map(|window| window.end))
        && within(&filter.duration, took)
        && filter.by_user.is_none_or(|flag| flag == found.by_user)
        && filter.online.is_none_or(|flag| flag == job.online)
        && filter.offline.is_none_or(|flag| flag == job.offline)
}

#[test]
fn every_filter_lets_through_what_a_look_at_each_job_does() {
    let (bench, jobs) = bench();
    let [a, b] = [bench.views[0].id, bench.views[1].id];
    let now = jobs.now();
    let both = Filter { views: vec![a, b], ..Filter::default() };
    let everything = pages(&jobs, &both, PAGE);
    assert_eq!(everything.len(), jobs.list(a).unwrap().len() + jobs.list(b).unwrap().len());
    let hour = |n: i64| Some(crate::model::time::floor(now, Span::hours(1)) - Span::hours(n));
    use StatusState as S;
    let states = |states: &[S]| Filter { states: Some(states.to_vec()), ..both.clone() };
    let mut filters = vec![
        Filter { views: vec![b], ..both.clone() },
        Filter { types: Some(vec![JobType::Stream, JobType::Deletion]), ..both.clone() },
        Filter { types: Some(vec![JobType::Batch]), offline: Some(true), ..both.clone() },
        Filter { attempts: Bounds { from: Some(2), until: None }, ..both.clone() },
        Filter { attempts: Bounds { from: Some(1), until: Some(1) }, ..both.clone() },
        Filter {
            changed: Bounds { from: Some(now - Span::seconds(645)), until: Some(now - Span::seconds(1)) },
            ..both.clone()
        },
        Filter { starts: Bounds { from: hour(8), until: hour(5) }, ..both.clone() },
        Filter { ends: Bounds { from: None, until: hour(9) }, ..both.clone() },
        Filter { duration: Bounds { from: Some(Span::seconds(5)), until: Some(Span::seconds(41)) }, ..both.clone() },
        Filter { duration: Bounds { from: Some(Span::seconds(300)), until: None }, ..both.clone() },
        Filter { by_user: Some(true), ..both.clone() },
        Filter { by_user: Some(false), online: Some(true), ..both.clone() },
        states(&[S::Pending, S::Error]),
    ];
    let each = [
        S::Scheduled,
        S::Pending,
        S::Running,
        S::Success,
        S::Error,
        S::ManualCancellationRequested,
        S::ManuallyCancelled,
    ];
    filters.extend(each.map(|state| states(&[state])));
    for filter in &filters {
        let expected: Vec<_> = everything.iter().filter(|found| fits(filter, found, now)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < everything.len(), "it tells something: {filter:?}");
        assert_eq!(pages(&jobs, filter, PAGE), expected, "{filter:?}");
        let mut oldest: Vec<_> = pages(&jobs, filter, Section { oldest_first: true, ..PAGE });
        oldest.reverse();
        assert_eq!(oldest, expected, "the other way round: {filter:?}");
    }
    for nothing in [states(&[S::Drained]), states(&[]), states(&[S::Unspecified]), Filter::default()] {
        assert_eq!(jobs.search(&nothing, PAGE).unwrap(), Default::default(), "{nothing:?}");
    }
}

#[test]
fn jobs_that_come_meanwhile_do_not_shift_the_pages() {
    let (bench, jobs) = bench();
    let filter = Filter { views: vec![bench.views[0].id, bench.views[1].id], ..Filter::default() };
    let before = pages(&jobs, &filter, PAGE);
    let first = jobs.search(&filter, PAGE).unwrap();
    let store = Stores { online: true, offline: false };
    for view in &bench.views {
        let mut deletion = JobRecord::deletion(view, store, jobs.now());
        jobs.table.write(|rows| rows.save(&mut deletion)).unwrap();
    }
    let rest = pages_after(&jobs, &filter, first.next);
    assert_eq!([first.jobs, rest].concat(), before);
    let second = jobs.search(&filter, Section { skip: 7, ..PAGE }).unwrap();
    assert_eq!(second.jobs[2..], before[7..12], "by its number a page is shifted by those two");
}

fn pages_after(jobs: &Jobs, filter: &Filter, after: Option<i64>) -> Vec<Found> {
    let mut all = Vec::new();
    let mut section = Section { after, ..PAGE };
    while section.after.is_some() {
        let page = jobs.search(filter, section).unwrap();
        all.extend(page.jobs);
        section.after = page.next;
    }
    all
}

#[test]
fn what_may_be_done_is_told_when_it_is_asked_for() {
    let (bench, jobs) = bench();
    let filter = Filter { views: vec![bench.views[0].id], states: Some(vec![StatusState::Error]), ..Filter::default() };
    let may = |allowed| {
        let page = jobs.search(&filter, Section { allowed, ..PAGE }).unwrap();
        page.jobs.iter().map(|found| found.job.allowed.retry).collect::<Vec<_>>()
    };
    assert!(!may(true).is_empty() && may(true).iter().all(|retry| *retry));
    assert!(may(false).iter().all(|retry| !retry));
}

#[test]
fn old_jobs_that_have_ended_are_not_recent() {
    let (bench, jobs) = bench();
    let a = bench.views[0].id;
    let all = jobs.list(a).unwrap();
    assert_eq!(jobs.recent(a, None).unwrap(), all);
    let recent = jobs.recent(a, Some(jobs.now() + Span::seconds(1))).unwrap();
    let open: Vec<_> = all.into_iter().filter(|job| !job.state.is_terminal()).collect();
    assert_eq!(recent, open);
}
