//! Faults as scripts meet them: what a headless command prints, says and ends with.

use std::process::Output;

use serde_json::Value as Json;

use crate::deployment::{Deployment, Fault, Style};
use crate::support::{KEY, fvtop, stderr};

fn run(deployment: &Deployment, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = fvtop();
    command.args(arguments).args(["--url", &deployment.url]).env("TECTON_API_KEY", KEY);
    command.envs(environment.iter().copied()).output().unwrap()
}

fn json(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

/// The job of the world whose window ended so many hours ago.
fn job(back: u128) -> String {
    let number = 100 - back;
    format!("{:032x}", (number << 96) | 0xbeef_0000 | number)
}

#[test]
fn what_the_status_table_would_tell_is_null_and_said_where_it_is_not_to_be_had() {
    for (style, arguments) in [
        (Style::Full, &["jobs", "--view", "card_spend_hourly", "--json"][..]),
        (Style::Old, &["jobs", "--json"]),
        (Style::Old, &["jobs", "show", &job(3), "--json"]),
    ] {
        for fault in [Fault::Http(500), Fault::Code(12), Fault::Code(7), Fault::BadProtobuf, Fault::Page] {
            let deployment = Deployment::start(style);
            let good = run(&deployment, arguments, &[]);
            assert!(good.status.success() && !stderr(&good).contains("is not known"), "{}", stderr(&good));
            deployment.fail_call("GetMaterializationStatus", fault.clone(), None);
            let output = run(&deployment, arguments, &[]);
            assert!(output.status.success(), "{fault:?}: {}", stderr(&output));
            assert_eq!(stderr(&output).matches("why attempts ended").count(), 1, "{fault:?}: {}", stderr(&output));
            let told = json(&output);
            let jobs = told.as_array().cloned().unwrap_or_else(|| vec![told]);
            assert!(!jobs.is_empty());
            for job in jobs {
                assert_eq!((&job["may_retry"], &job["may_retry_with_overwrite"]), (&Json::Null, &Json::Null), "{job}");
            }
        }
    }
}

#[test]
fn one_job_is_found_with_few_calls_where_there_is_none_for_all_jobs() {
    let deployment = Deployment::start(Style::Old);
    let output = run(&deployment, &["jobs", "show", &job(3), "--json"], &[]);
    assert_eq!(json(&output)["state"], "FAILURE", "{}", stderr(&output));
    assert_eq!(deployment.count("GetMaterializationStatus"), 1, "one view has it");
    assert!(deployment.count("ListMaterializationJobs") <= 3);
}

#[test]
fn a_wait_outlives_whatever_answers_in_between() {
    for fault in [Fault::Page, Fault::Garbage, Fault::Http(302), Fault::Http(404), Fault::Http(503), Fault::Truncated] {
        let deployment = Deployment::start(Style::Full);
        deployment.fail_call("GetMaterializationJob", fault.clone(), Some(3));
        let output = run(&deployment, &["jobs", "wait", &job(1), "--json"], &[]);
        assert_eq!(output.status.code(), Some(0), "{fault:?}: {}", stderr(&output));
        assert_eq!(deployment.count("GetMaterializationJob"), 4, "{fault:?}");
    }
}

#[test]
fn a_word_of_another_set_is_an_end_and_an_unknown_one_is_said_while_it_is_waited_for() {
    let deployment = Deployment::start(Style::New);
    // This kind of deployment calls a failure ERROR, and a running batch job by a word that nobody knows.
    let listed = json(&run(&deployment, &["jobs", "--state", "error", "--json"], &[]));
    let listed: Vec<&Json> = listed.as_array().unwrap().iter().map(|job| &job["id"]).collect();
    assert_eq!(listed, [&Json::from(job(3))]);
    let output = run(&deployment, &["jobs", "wait", &job(3), "--json"], &[]);
    assert_eq!(
        (output.status.code(), &json(&output)["state"]),
        (Some(1), &Json::from("FAILURE")),
        "{}",
        stderr(&output)
    );
    let output = run(&deployment, &["jobs", "wait", &job(0), "--timeout", "1s", "--json"], &[]);
    assert_eq!((output.status.code(), &json(&output)["state"]), (Some(4), &Json::from("HIBERNATING")));
    assert_eq!(
        stderr(&output).matches("`HIBERNATING`, which this program does not know").count(),
        1,
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_change_that_something_else_answers_may_have_been_taken() {
    for fault in [
        Fault::Page,
        Fault::Http(302),
        Fault::Http(404),
        Fault::Garbage,
        Fault::Dropped,
        Fault::Truncated,
        Fault::Empty,
        Fault::NoMessage,
    ] {
        let deployment = Deployment::start(Style::Full);
        deployment.fail_call("CancelMaterializationJob", fault.clone(), None);
        let output = run(&deployment, &["jobs", "cancel", &job(0), "--yes"], &[]);
        assert_ne!(output.status.code(), Some(0), "{fault:?}");
        assert!(stderr(&output).contains("may have been taken"), "{fault:?}: {}", stderr(&output));
        assert_eq!(deployment.count("CancelMaterializationJob"), 1, "{fault:?}");
    }
}

#[test]
fn a_deployment_without_calls_of_its_own_says_which_part_it_lacks() {
    let deployment = Deployment::start(Style::Old);
    for (arguments, part) in [
        (&["stream", "list"][..], "figures of streams"),
        (&["stream", "show", "card_spend_hourly"], "figures of streams"),
        (&["quarantine", "list", "card_spend_hourly"], "the quarantine"),
    ] {
        let output = run(&deployment, arguments, &[]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("This deployment does not serve {part}.")), "{said}");
    }
}

#[test]
fn an_answer_without_its_message_is_no_empty_list() {
    let deployment = Deployment::start(Style::Full);
    for (call, arguments) in [("QueryFeatureViews", &["views"][..]), ("GetJobs", &["jobs"])] {
        deployment.fail_call(call, Fault::NoMessage, None);
        let output = run(&deployment, arguments, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains("the message is not in it"), "{}", stderr(&output));
    }
}

#[test]
fn a_workspace_that_is_named_needs_no_list_of_them() {
    for fault in [Fault::Code(12), Fault::Code(7), Fault::Http(500), Fault::Page, Fault::Dropped] {
        let deployment = Deployment::start(Style::Full);
        deployment.fail_call("ListWorkspaces", fault.clone(), None);
        let output = run(&deployment, &["views", "--workspace", "prod", "--json"], &[]);
        assert_eq!(output.status.code(), Some(0), "{fault:?}: {}", stderr(&output));
        assert_eq!(json(&output).as_array().unwrap().len(), 2, "{fault:?}");
        let output = run(&deployment, &["views"], &[]);
        assert_ne!(output.status.code(), Some(0), "nobody said which workspace: {fault:?}");
    }
    // Where the list is there, a wrong name is told with the right ones.
    let deployment = Deployment::start(Style::Full);
    let output = run(&deployment, &["views", "--workspace", "prd"], &[]);
    assert!(stderr(&output).contains("prod, dev"), "{}", stderr(&output));
    deployment.fail_call("ListWorkspaces", Fault::Http(401), None);
    let output = run(&deployment, &["views", "--workspace", "prod"], &[]);
    assert_eq!(output.status.code(), Some(3), "a wrong key is told at once: {}", stderr(&output));
}
