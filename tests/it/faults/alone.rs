//! Faults of one call while all others go on, changes that fail, and what a deployment does not have.

use std::time::{Duration, Instant};

use super::eye::Eye;
use super::healthy;
use crate::deployment::{Deployment, Fault, Style};

/// A call of the screen, its fault, and what its pane says.
const ALONE: &[(&str, Fault, &[&str])] = &[
    ("GetFeatureFreshness", Fault::Http(500), &["● live, 1 read fails", "answered HTTP 500", "was fresh", "again in"]),
    ("GetFeatureFreshness", Fault::Reset, &["● live, 1 read fails", "broke off its answer", "was fresh"]),
    ("GetFeatureFreshness", Fault::Silent, &["1 read fails", "has not answered within 10 s", "was fresh"]),
    ("ListMaterializationJobs", Fault::Code(13), &["● live, 1 read fails", "The script refuses this call"]),
    ("ListMaterializationJobs", Fault::BadProtobuf, &["● live, 1 read fails"]),
    ("QueryFeatureViews", Fault::Page, &["● live, 1 read fails"]),
];

#[test]
fn one_read_that_fails_shows_on_its_pane_and_the_others_go_on() {
    std::thread::scope(|scope| ALONE.iter().for_each(|case| drop(scope.spawn(|| alone(case)))));
}

fn alone((call, fault, says): &(&str, Fault, &[&str])) {
    let deployment = Deployment::start(Style::Full);
    let mut eye = healthy(&deployment);
    deployment.fail_call(call, fault.clone(), None);
    let screen = eye.until(says);
    println!("=== {call} {fault:?}\n{screen}");
    let other = if *call == "ListMaterializationJobs" { "GetFeatureFreshness" } else { "ListMaterializationJobs" };
    let (begun, own) = (Instant::now(), deployment.count(call));
    eye.while_asked(&deployment, other, 2);
    let (asked, seconds) = (deployment.count(call) - own, begun.elapsed().as_secs() as usize);
    assert!(asked <= 3 + seconds / 2, "{call} was asked for {asked} times in {seconds} s");
    deployment.heal();
    eye.until(&["● live", "!read fails", "!again in", "!was fresh"]);
}

#[test]
fn a_call_that_is_not_served_is_asked_for_once_and_its_pane_says_so() {
    let deployment = Deployment::start(Style::Full);
    for call in ["GetFeatureFreshness", "GetFeatureViewSummary", "GetMaterializationStatus"] {
        deployment.fail_call(call, Fault::Code(12), None);
    }
    let mut eye = Eye::open(deployment.endpoint(), (120, 40));
    let screen = eye.until(&["● live", "✗ failure", "freshness not served by this deployment", "!reads fail"]);
    println!("=== not served\n{screen}");
    eye.while_asked(&deployment, "ListMaterializationJobs", 4);
    for call in ["GetFeatureFreshness", "GetFeatureViewSummary", "GetMaterializationStatus"] {
        assert_eq!(deployment.count(call), 1, "{call}");
    }
    // Whoever wants everything is given it.
    deployment.heal();
    eye.press("R");
    eye.until(&["● live", "● fresh", "SPARK_JOB_FAILURE", "!not served"]);
}

#[test]
fn a_part_that_was_there_before_is_told_with_its_age_and_comes_back_by_itself() {
    // Words that stand in one line of their pane.
    let calls = [
        ("ListMaterializationJobs", "does not serve jobs"),
        ("GetMaterializationStatus", "does not serve the status table"),
        ("GetFeatureFreshness", "says that it does not serve"),
        ("QueryFeatureViews", "says that it does not serve"),
    ];
    std::thread::scope(|scope| calls.iter().for_each(|(call, says)| drop(scope.spawn(|| doubted(call, says)))));
}

fn doubted(call: &str, says: &str) {
    let deployment = Deployment::start(Style::Full);
    let mut eye = healthy(&deployment);
    deployment.fail_call(call, Fault::Code(12), Some(2));
    let screen = eye.until(&["● live, 1 read fails", says, "as of"]);
    println!("=== {call} doubted\n{screen}");
    eye.until(&["● live", "!read fails", "!as of"]);
}

#[test]
fn a_lookup_is_sent_whatever_became_of_the_one_before() {
    let deployment = Deployment::start(Style::Full);
    let mut eye = healthy(&deployment);
    deployment.fail_call("v1/feature-service/get-features", Fault::Http(404), Some(1));
    eye.press("3 space");
    eye.until(&["it did before"]);
    eye.press("space");
    eye.until(&["4711.5"]);
}

#[test]
fn a_change_is_sent_once_however_its_answer_is_lost() {
    let faults = [Fault::Dropped, Fault::Reset, Fault::Truncated, Fault::Wait(503, 1)];
    std::thread::scope(|scope| faults.iter().for_each(|fault| drop(scope.spawn(|| sent_once(fault)))));
}

fn sent_once(fault: &Fault) {
    let deployment = Deployment::start(Style::Full);
    let mut eye = healthy(&deployment);
    deployment.fail_call("CancelMaterializationJob", fault.clone(), None);
    eye.press("2 home c");
    eye.until(&["Cancel"]);
    eye.press("y");
    let screen = eye.until(&["The job was not cancelled.", "It may have been taken all the same"]);
    println!("=== cancel {fault:?}\n{screen}");
    eye.watch(Duration::from_secs(4));
    assert_eq!(deployment.count("CancelMaterializationJob"), 1, "{fault:?}");
}

#[test]
fn a_tecton_deployment_of_either_age_is_understood_and_what_it_lacks_is_said() {
    for style in [Style::New, Style::Old] {
        let deployment = Deployment::start(style);
        let mut eye = Eye::open(deployment.endpoint(), (120, 40));
        let screen = eye.until(&["● live", "● fresh", "SPARK_JOB_FAILURE", "✓ success", "does not serve run_stream"]);
        println!("=== {style:?}\n{screen}");
        assert!(!screen.contains("MATERIALIZATION_TASK_STATUS") && !screen.contains("1970"), "{screen}");
        assert_eq!(style == Style::New, screen.to_lowercase().contains("hibernating"), "{screen}");
        for key in ["x", "H"] {
            eye.press(key);
            eye.until(&["This deployment does not serve run and history."]);
            eye.press("esc");
            eye.until(&["!does not serve run and history"]);
        }
        // What the console counts on is there: a job in full, whether or not its attempts tell their logs.
        eye.press("2 home enter");
        eye.until(&["attempt 1", if style == Style::New { "reading payments" } else { "does not" }]);
    }
}

#[test]
fn a_quiet_live_screen_is_not_drawn_again() {
    let deployment = Deployment::start(Style::Old);
    let mut eye = Eye::open(deployment.endpoint(), (120, 40));
    eye.until(&["● live", "● fresh", "SPARK_JOB_FAILURE"]);
    eye.watch(Duration::from_secs(2));
    let slow = |eye: &Eye| eye.app.notes.journal.iter().filter(|note| note.text.contains("slow to answer")).count();
    let (before, slow_before, begun) = (eye.drawn, slow(&eye), Instant::now());
    eye.while_asked(&deployment, "ListMaterializationJobs", 3);
    // An age moves on now and then; a machine under load is told as a slow deployment.
    let may = 1 + begun.elapsed().as_secs() as usize / 6 + 4 * (slow(&eye) - slow_before);
    assert!(eye.drawn - before <= may, "{} frames of a screen on which nothing happens", eye.drawn - before);
}
