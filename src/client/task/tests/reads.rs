//! Reads that fail, are not served or are not allowed, against the scripted server: what is told, and what is asked
//! again.

use super::*;
use crate::client::message::{Failing, Offer};
use crate::wire::proto::status as s;

impl Console {
    /// Connected, with the view `quick` open as generation 3.
    async fn at_quick(fake: &Fake, change: impl FnOnce(&mut Pace)) -> Self {
        let mut console = fake.connect_at(change);
        console.send(Command::OpenWorkspace { generation: 2, workspace: Some("prod".into()) }).await;
        console.until(|update| matches!(update, Update::FeatureViews { .. }).then_some(())).await;
        console.open(3, "quick").await;
        console
    }

    async fn failing(&mut self, wanted: Part) -> Failing {
        self.until(|update| match update {
            Update::Reading { part, failing, .. } if part == wanted => failing,
            _ => None,
        })
        .await
    }
}

fn table() -> Act {
    let row = s::MaterializationAttemptStatus {
        materialization_task_id: Some(c::id_to_proto(Id(7))),
        attempt_number: Some(1),
        termination_reason: Some("QUERY_ERROR".into()),
        state_message: Some("no such column".into()),
        allow_forced_retry: Some(true),
        ..Default::default()
    };
    let status = s::MaterializationStatus { materialization_attempts: vec![row], ..Default::default() };
    say(&s::GetMaterializationStatusResponse { materialization_status: Some(status) })
}

#[tokio::test]
async fn what_was_never_served_is_left_alone_until_somebody_wants_it() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::at_quick(&fake, |_| ()).await;
    let lacks =
        |serves: &Serves| [Part::Freshness, Part::Summary, Part::Reasons].iter().all(|part| serves.lacks(*part));
    console.serves(lacks).await;
    let seen = console.while_asked(&fake, rpc::LIST_MATERIALIZATION_JOBS, 4).await;
    let missing = [rpc::GET_FEATURE_FRESHNESS, rpc::GET_FEATURE_VIEW_SUMMARY, rpc::GET_MATERIALIZATION_STATUS];
    for method in missing {
        assert_eq!(fake.count(method), 1, "{method}");
    }
    assert!(!seen.iter().any(|u| matches!(u, Update::Reading { failing: Some(_), .. })), "{seen:?}");
    // Somebody may want everything now, or another view, or another workspace.
    let again = async |console: &mut Console, times| {
        for method in missing {
            console.until_asked(&fake, method, times).await;
        }
    };
    console.send(Command::Refresh).await;
    again(&mut console, 2).await;
    console.open(4, "slow").await;
    again(&mut console, 3).await;
    console.send(Command::OpenWorkspace { generation: 5, workspace: Some("prod".into()) }).await;
    console.open(6, "quick").await;
    again(&mut console, 4).await;
    fake.set(rpc::GET_FEATURE_FRESHNESS, say(&s::GetFeatureFreshnessResponse::default()));
    console.send(Command::Refresh).await;
    console.serves(|serves| *serves.offer(Part::Freshness) == Offer::Served).await;
}

#[tokio::test]
async fn what_was_never_served_is_asked_for_again_after_a_while() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::at_quick(&fake, |pace| pace.forbidden = Duration::from_millis(100)).await;
    let parts = [Part::Freshness, Part::Summary, Part::Reasons];
    console.serves(|serves| parts.iter().all(|part| serves.lacks(*part))).await;
    fake.set(rpc::GET_FEATURE_FRESHNESS, say(&s::GetFeatureFreshnessResponse::default()));
    fake.set(rpc::GET_FEATURE_VIEW_SUMMARY, say(&s::GetFeatureViewSummaryResponse::default()));
    fake.set(rpc::GET_MATERIALIZATION_STATUS, table());
    console.serves(|serves| parts.iter().all(|part| *serves.offer(*part) == Offer::Served)).await;
    console.jobs_when(|jobs| jobs[0].attempts.len() == 1).await;
}

/// Each part that the console polls, the call for it, and a good answer.
fn polled() -> Vec<(Part, &'static str, Act)> {
    vec![
        (Part::Workspaces, rpc::LIST_WORKSPACES, healthy()[rpc::LIST_WORKSPACES].clone()),
        (Part::Views, rpc::QUERY_FEATURE_VIEWS, say(&views())),
        (Part::Jobs, rpc::LIST_MATERIALIZATION_JOBS, Act::JobsOfView),
        (Part::Reasons, rpc::GET_MATERIALIZATION_STATUS, table()),
        (Part::Freshness, rpc::GET_FEATURE_FRESHNESS, say(&s::GetFeatureFreshnessResponse::default())),
        (Part::Summary, rpc::GET_FEATURE_VIEW_SUMMARY, say(&s::GetFeatureViewSummaryResponse::default())),
    ]
}

#[tokio::test]
async fn what_was_served_before_is_doubted_told_with_its_age_and_asked_for_again() {
    for (part, method, _) in polled() {
        let fake = Fake::new(healthy()).await;
        polled().into_iter().for_each(|(_, method, act)| fake.set(method, act));
        let mut console = Console::at_quick(&fake, |pace| pace.forbidden = Duration::from_millis(100)).await;
        let all = |serves: &Serves| polled().iter().all(|(part, ..)| *serves.offer(*part) == Offer::Served);
        console.serves(all).await;
        for act in [Act::Code(12, "no such call"), Act::Code(7, "Not for you.")] {
            // Where the list is not allowed, the table has all jobs.
            if matches!((part, &act), (Part::Jobs, Act::Code(7, _))) {
                continue;
            }
            fake.set(method, act);
            let failing = console.failing(part).await;
            assert!(failing.as_of.is_some(), "{part:?}: {failing:?}");
            // It may fail for long, and is still not given up.
            console.while_asked(&fake, method, 3).await;
            let good = polled().into_iter().find(|(known, ..)| *known == part);
            fake.set(method, good.unwrap().2);
            console
                .until(|u| matches!(u, Update::Reading { part: of, failing: None, .. } if of == part).then_some(()))
                .await;
        }
    }
}

#[tokio::test]
async fn a_deployment_that_told_what_it_is_stays_it_through_one_refusal() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::ready(&fake).await;
    for act in [Act::Code(12, "no such call"), Act::Code(7, "Not for you.")] {
        fake.set(rpc::GET_CONFIGS, act);
        let asked = fake.count(rpc::GET_CONFIGS);
        console.send(Command::Refresh).await;
        console.until_asked(&fake, rpc::GET_CONFIGS, asked + 1).await;
        console.while_asked(&fake, rpc::LIST_WORKSPACES, 2).await;
        assert!(!console.1.serves.lacks(Part::Queries), "{:?}", console.1.serves);
    }
}

#[tokio::test]
async fn a_lookup_that_is_not_known_is_sent_again_when_the_user_wants_it() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::ready(&fake).await;
    for request in 1..=3 {
        let (workspace, feature_view) = ("prod".to_owned(), "quick".to_owned());
        console.send(Command::Lookup { request, workspace, feature_view, keys: vec![] }).await;
        let answer = console
            .until(|update| match update {
                Update::Lookup { request: of, answer, .. } if of == request => Some(answer),
                _ => None,
            })
            .await;
        // There is nothing at that path of the scripted server.
        assert!(answer.unwrap_err().what.contains("does not serve online lookups"));
        assert_eq!(fake.count("get-features"), request as usize);
    }
}

#[tokio::test]
async fn what_is_not_served_is_asked_for_again_after_the_deployment_was_away() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::at_quick(&fake, |_| ()).await;
    console.serves(|serves| serves.lacks(Part::Freshness)).await;
    fake.script.lock().unwrap().values_mut().for_each(|act| *act = Act::Http(503, "away"));
    console.connection(|c| matches!(c, Connection::Offline { .. })).await;
    *fake.script.lock().unwrap() = healthy();
    let served = crate::wire::proto::status::GetFeatureFreshnessResponse::default();
    fake.set(rpc::GET_FEATURE_FRESHNESS, say(&served));
    console.connection(|c| *c == Connection::Live).await;
    console.serves(|serves| *serves.offer(Part::Freshness) == Offer::Served).await;
}

#[tokio::test]
async fn without_the_status_table_the_jobs_stand_alone_and_it_is_told_why() {
    for (act, forbidden) in [(Act::Code(12, "no"), false), (Act::Code(7, "Not for you."), true)] {
        let fake = Fake::new(healthy()).await;
        fake.set(rpc::GET_MATERIALIZATION_STATUS, act);
        let mut console = Console::at_quick(&fake, |_| ()).await;
        console.jobs_when(|jobs| jobs.len() == 1).await;
        let serves = console.serves(|serves| serves.problem(Part::Reasons).is_some()).await;
        match serves.offer(Part::Reasons) {
            Offer::Forbidden(problem) => assert!(forbidden && problem.what == "Not for you.", "{problem}"),
            Offer::Missing(problem) => assert!(!forbidden && problem.what.contains("status table"), "{problem}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_job_has_what_either_call_tells_and_either_stands_alone() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_MATERIALIZATION_STATUS, table());
    let mut console = Console::at_quick(&fake, |_| ()).await;
    let job = console.jobs_when(|jobs| !jobs[0].attempts.is_empty()).await[0].clone();
    let attempt = &job.attempts[0];
    assert_eq!((attempt.reason.as_deref(), attempt.message.as_deref()), (Some("QUERY_ERROR"), Some("no such column")));
    assert!(job.allowed.retry && job.feature_view == "quick", "{job:?}");
    // A table that breaks is told as such, and takes nothing but its own part away.
    fake.set(rpc::GET_MATERIALIZATION_STATUS, Act::Say("/////w==".into()));
    let failing = console.failing(Part::Reasons).await;
    assert!(failing.as_of.is_some() && failing.problem.what.contains("cannot be read"), "{failing:?}");
    console.jobs_when(|jobs| jobs[0].attempts.is_empty()).await;
    // One that stays broken stays told: it is not taken for read because it was seen before.
    let seen = console.while_asked(&fake, rpc::GET_MATERIALIZATION_STATUS, 3).await;
    assert!(!seen.iter().any(|u| matches!(u, Update::Reading { failing: None, .. })), "{seen:?}");
    // The table knows every task, so that it stands for a list that is not served; also where it has been broken
    // before.
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, Act::Code(12, "no"));
    fake.set(rpc::GET_MATERIALIZATION_STATUS, Act::Say("/////w==".into()));
    let mut console = Console::at_quick(&fake, |_| ()).await;
    assert!(console.failing(Part::Jobs).await.problem.what.contains("cannot be read"));
    fake.set(rpc::GET_MATERIALIZATION_STATUS, table());
    let job = console.jobs_when(|jobs| !jobs[0].attempts.is_empty()).await[0].clone();
    assert_eq!(job.job_type, crate::model::JobType::Other(String::new()));
    assert_eq!((job.id, job.feature_view.as_str()), (Id(7), "quick"));
}

#[tokio::test]
async fn what_the_key_may_not_read_is_asked_for_slowly_and_when_wanted() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_FEATURE_FRESHNESS, Act::Code(7, "Not for you."));
    let mut console = Console::at_quick(&fake, |_| ()).await;
    console.serves(|serves| matches!(serves.offer(Part::Freshness), Offer::Forbidden(_))).await;
    console.while_asked(&fake, rpc::LIST_MATERIALIZATION_JOBS, 4).await;
    assert_eq!(fake.count(rpc::GET_FEATURE_FRESHNESS), 1);
    console.send(Command::Refresh).await;
    console.until_asked(&fake, rpc::GET_FEATURE_FRESHNESS, 2).await;
    fake.set(rpc::GET_FEATURE_FRESHNESS, say(&s::GetFeatureFreshnessResponse::default()));
    console.send(Command::Refresh).await;
    console.serves(|serves| *serves.offer(Part::Freshness) == Offer::Served).await;
}

#[tokio::test]
async fn one_read_in_trouble_leaves_the_connection_alone() {
    for act in [
        Act::Break,
        Act::Http(200, "<html><title>Sign in</title></html>"),
        Act::Http(200, "{\"status\":{\"co"),
        Act::Http(503, "away"),
        Act::Http(404, "nothing"),
        Act::Code(16, "unknown key"),
        Act::Say("%%%".into()),
        Act::Late(60_000, String::new()),
    ] {
        let fake = Fake::new(healthy()).await;
        fake.set(rpc::LIST_MATERIALIZATION_JOBS, act.clone());
        let late = matches!(act, Act::Late(..));
        let mut console = Console::at_quick(&fake, |pace| {
            if late {
                pace.slow = Duration::from_millis(100);
            }
        })
        .await;
        match late {
            // Overdue for as long as it is, and no longer away than that.
            true => drop(console.connection(|c| matches!(c, Connection::Slow { .. })).await),
            false => drop(console.failing(Part::Jobs).await),
        }
        let seen = console.while_asked(&fake, rpc::LIST_WORKSPACES, 5).await;
        let away =
            |u: &Update| matches!(u, Update::Connection(Connection::Offline { .. } | Connection::Refused { .. }));
        assert!(!seen.iter().any(away), "{seen:?}");
        assert!(!late || matches!(console.1.connection, Some(Connection::Slow { .. })), "{seen:?}");
    }
}

#[tokio::test]
async fn a_page_in_place_of_every_answer_is_a_refused_connection_that_recovers() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::at_quick(&fake, |_| ()).await;
    console.jobs_when(|_| true).await;
    let page = Act::Http(200, "<html><title>Sign in</title></html>");
    fake.script.lock().unwrap().values_mut().for_each(|act| *act = page.clone());
    let refused = console.connection(|c| matches!(c, Connection::Refused { .. })).await;
    let Connection::Refused { problem, since, next_try: Some(next_try) } = refused else { panic!("{refused:?}") };
    assert!(problem.what.contains("web page: `Sign in`") && next_try > since, "{problem}");
    *fake.script.lock().unwrap() = healthy();
    console.connection(|c| *c == Connection::Live).await;
}

#[tokio::test]
async fn the_wait_that_the_deployment_asks_for_is_kept() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_FEATURE_FRESHNESS, Act::Busy("120"));
    let mut console = Console::at_quick(&fake, |_| ()).await;
    let failing = console.failing(Part::Freshness).await;
    assert!(failing.next_try - failing.since >= crate::model::Span::seconds(119), "{failing:?}");
    console.while_asked(&fake, rpc::LIST_MATERIALIZATION_JOBS, 5).await;
    assert_eq!(fake.count(rpc::GET_FEATURE_FRESHNESS), 1);
    // Its user may be in more of a hurry.
    console.send(Command::Refresh).await;
    console.failing(Part::Freshness).await;
    assert_eq!(fake.count(rpc::GET_FEATURE_FRESHNESS), 2);
}

#[tokio::test]
async fn the_first_jobs_come_ahead_of_a_list_that_takes_long() {
    use crate::wire::proto::fleet as f;
    let fake = Fake::new(healthy()).await;
    let page = |view: &str| {
        let job = crate::model::Job::bare(Id(9), "prod", view);
        let tasks_with_attempts = vec![c::task_to_proto(Id(2), &job, false)];
        let pagination = Some(f::PaginationResponse { total: Some(40_000), ..Default::default() });
        say(&f::GetJobsResponse { tasks_with_attempts, pagination })
    };
    fake.set(rpc::GET_JOBS, page("quick"));
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, Act::Late(100_000_000, String::new()));
    let mut console = Console::at_quick(&fake, |pace| pace.ahead = Duration::from_millis(10)).await;
    let (jobs, total) = console
        .until(|update| match update {
            Update::JobsAhead { generation: 3, jobs, total } => Some((jobs, total)),
            _ => None,
        })
        .await;
    assert_eq!((jobs.len(), jobs[0].id, total), (1, Id(9), Some(40_000)));
    // Once, whatever else is asked for meanwhile; and there is one list under way, however often it is wanted.
    for _ in 0..3 {
        console.send(Command::Refresh).await;
        console.while_asked(&fake, rpc::LIST_WORKSPACES, 2).await;
    }
    assert_eq!((fake.count(rpc::GET_JOBS), fake.count(rpc::LIST_MATERIALIZATION_JOBS)), (1, 1));
    // Where the list is quick, nobody asks for its beginning.
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_JOBS, page("quick"));
    let mut console = Console::at_quick(&fake, |pace| pace.ahead = Duration::from_secs(3_600)).await;
    console.jobs_when(|_| true).await;
    console.while_asked(&fake, rpc::LIST_MATERIALIZATION_JOBS, 3).await;
    assert_eq!(fake.count(rpc::GET_JOBS), 0);
}

#[tokio::test]
async fn a_newer_question_takes_the_place_of_the_one_before() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_JOB_DETAILS, Act::Late(100_000_000, String::new()));
    fake.set(rpc::GET_JOB_LOGS, Act::Late(100_000_000, String::new()));
    let mut console = Console::at_quick(&fake, |_| ()).await;
    for attempt in 1..=5 {
        console.send(Command::Detail { generation: 3, attempt: Id(attempt) }).await;
        let begun = Instant::now();
        while fake.count(rpc::GET_JOB_LOGS) < attempt as usize {
            assert!(begun.elapsed() < GUARD);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    // Each but the last one was taken back.
    let begun = Instant::now();
    while fake.under_way() > 2 {
        assert!(begun.elapsed() < GUARD, "{} requests are still worked on", fake.under_way());
        console.while_asked(&fake, rpc::LIST_WORKSPACES, 1).await;
    }
    // Nor is anything left of it when the view is closed.
    console.open(4, "quick").await;
    while fake.under_way() > 0 {
        assert!(begun.elapsed() < GUARD, "{} requests are still worked on", fake.under_way());
        console.while_asked(&fake, rpc::LIST_WORKSPACES, 1).await;
    }
}
