//! Reads that fail, are not served or are not allowed, against the scripted server: what is told, and what is asked again.

use super::*;
use crate::client::message::{Failing, Offer, Serves};
use crate::wire::proto::status as s;

impl Console {
    /// Connected, with the view `quick` open as generation 3.
    async fn at_quick(fake: &Fake) -> Self {
        let mut console = fake.connect();
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

    async fn serves(&mut self, fits: impl Fn(&Serves) -> bool) -> Serves {
        self.until(|update| match update {
            Update::Deployment { serves, .. } if fits(&serves) => Some(serves),
            _ => None,
        })
        .await
    }

    async fn jobs(&mut self) -> Arc<Vec<crate::model::Job>> {
        self.until(|update| match update {
            Update::Jobs { jobs, .. } => Some(jobs),
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
async fn what_is_not_served_is_asked_for_once_a_connection() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::at_quick(&fake).await;
    let lacks =
        |serves: &Serves| [Part::Freshness, Part::Summary, Part::Reasons].iter().all(|part| serves.lacks(*part));
    console.serves(lacks).await;
    let asked = |method| fake.count(method);
    let mut seen = Vec::new();
    while asked(rpc::LIST_MATERIALIZATION_JOBS) < 4 {
        seen.extend(console.during(30).await);
    }
    for method in [rpc::GET_FEATURE_FRESHNESS, rpc::GET_FEATURE_VIEW_SUMMARY, rpc::GET_MATERIALIZATION_STATUS] {
        assert_eq!(asked(method), 1, "{method}");
    }
    assert!(!seen.iter().any(|u| matches!(u, Update::Reading { failing: Some(_), .. })), "{seen:?}");
    // Neither is it for another view, nor because somebody wants everything now.
    console.open(4, "slow").await;
    console.send(Command::Refresh).await;
    console.during(200).await;
    assert_eq!(asked(rpc::GET_FEATURE_FRESHNESS), 1);
}

#[tokio::test]
async fn what_is_not_served_is_asked_for_again_after_the_deployment_was_away() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::at_quick(&fake).await;
    console.serves(|serves| serves.lacks(Part::Freshness)).await;
    fake.script.lock().unwrap().values_mut().for_each(|act| *act = Act::Http(503, "away"));
    console.connection(|c| matches!(c, Connection::Offline { .. })).await;
    *fake.script.lock().unwrap() = healthy();
    let served = crate::wire::proto::status::GetFeatureFreshnessResponse::default();
    fake.set(rpc::GET_FEATURE_FRESHNESS, say(&served));
    console.connection(|c| *c == Connection::Live).await;
    console.serves(|serves| *serves.of(Part::Freshness) == Offer::Served).await;
}

#[tokio::test]
async fn without_the_status_table_the_jobs_stand_alone_and_it_is_told_why() {
    for (act, forbidden) in [(Act::Code(12, "no"), false), (Act::Code(7, "Not for you."), true)] {
        let fake = Fake::new(healthy()).await;
        fake.set(rpc::GET_MATERIALIZATION_STATUS, act);
        let mut console = Console::at_quick(&fake).await;
        assert_eq!(console.jobs().await.len(), 1);
        let serves = console.serves(|serves| serves.problem(Part::Reasons).is_some()).await;
        match serves.of(Part::Reasons) {
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
    let mut console = Console::at_quick(&fake).await;
    let job = console.jobs().await[0].clone();
    let attempt = &job.attempts[0];
    assert_eq!((attempt.reason.as_deref(), attempt.message.as_deref()), (Some("QUERY_ERROR"), Some("no such column")));
    assert!(job.allowed.retry && job.feature_view == "quick", "{job:?}");
    // A table that breaks is told as such, and takes nothing but its own part away.
    fake.set(rpc::GET_MATERIALIZATION_STATUS, Act::Say("/////w==".into()));
    let failing = console.failing(Part::Reasons).await;
    assert!(failing.as_of.is_some() && failing.problem.what.contains("cannot be read"), "{failing:?}");
    assert_eq!(console.jobs().await[0].attempts.len(), 0);
    // The table knows every task, so that it stands for a list that is not served.
    fake.set(rpc::GET_MATERIALIZATION_STATUS, table());
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, Act::Code(12, "no"));
    let job = loop {
        let job = console.jobs().await[0].clone();
        if !job.attempts.is_empty() && job.job_type == crate::model::JobType::Other(String::new()) {
            break job;
        }
    };
    assert_eq!((job.id, job.feature_view.as_str()), (Id(7), "quick"));
}

#[tokio::test]
async fn what_the_key_may_not_read_is_asked_for_slowly_and_when_wanted() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_FEATURE_FRESHNESS, Act::Code(7, "Not for you."));
    let mut console = Console::at_quick(&fake).await;
    console.serves(|serves| matches!(serves.of(Part::Freshness), Offer::Forbidden(_))).await;
    let before = fake.count(rpc::GET_FEATURE_FRESHNESS);
    console.send(Command::Refresh).await;
    console.during(150).await;
    assert_eq!(fake.count(rpc::GET_FEATURE_FRESHNESS), before + 1);
    fake.set(rpc::GET_FEATURE_FRESHNESS, say(&s::GetFeatureFreshnessResponse::default()));
    console.serves(|serves| *serves.of(Part::Freshness) == Offer::Served).await;
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
        let mut console = Console::at_quick(&fake).await;
        if matches!(act, Act::Late(..)) {
            // Overdue for as long as it is, and no longer away than that.
            console.connection(|c| matches!(c, Connection::Slow { .. })).await;
            let seen = console.during(300).await;
            assert!(!seen.iter().any(|u| matches!(u, Update::Connection(_))), "{seen:?}");
            continue;
        }
        console.failing(Part::Jobs).await;
        let seen = console.during(300).await;
        let away =
            |u: &Update| matches!(u, Update::Connection(Connection::Offline { .. } | Connection::Refused { .. }));
        assert!(!seen.iter().any(away), "{seen:?}");
    }
}

#[tokio::test]
async fn a_page_in_place_of_every_answer_is_a_refused_connection_that_recovers() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::at_quick(&fake).await;
    console.jobs().await;
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
    let mut console = Console::at_quick(&fake).await;
    let failing = console.failing(Part::Freshness).await;
    assert!(failing.next_try - failing.since >= crate::model::Span::seconds(119), "{failing:?}");
    console.during(200).await;
    assert_eq!(fake.count(rpc::GET_FEATURE_FRESHNESS), 1);
    // Its user may be in more of a hurry.
    console.send(Command::Refresh).await;
    console.failing(Part::Freshness).await;
    assert_eq!(fake.count(rpc::GET_FEATURE_FRESHNESS), 2);
}
