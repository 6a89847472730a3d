//! Every fault between the console and a deployment: what the screen says, that the data stays, that nothing is asked
//! for too often or sent twice, and that the fault goes away by itself.

mod alone;
mod calls;
mod eye;
mod headless;
mod terminal;

use std::time::{Duration, Instant};

use crate::deployment::{Deployment, Fault, Style, fault};
use crate::support::KEY;
use eye::Eye;

/// A console of a healthy deployment, all panes filled.
fn healthy(deployment: &Deployment) -> Eye {
    let mut eye = Eye::open(deployment.endpoint(), (120, 40));
    eye.until(&["● live", "card_spend_hourly", "SPARK_JOB_FAILURE", "● fresh", "4711.5", "card-1"]);
    eye
}

/// Whether the connection stands while everything suffers a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stands {
    /// It does, and the panes tell their own troubles; on a slow day it may not.
    Live,
    /// It is tried again, after less than a second at first.
    Away,
    /// It is tried again half a minute later.
    Refused,
}

/// A fault of everything, what becomes of the connection, and what the screen says before long. They go away by
/// themselves, but for a right that is missing.
type Case = (&'static str, Stands, &'static [&'static str]);

const CASES: &[Case] = &[
    ("late", Stands::Live, &["◌ slow, no answer for <10s"]),
    ("http-500", Stands::Live, &["answered HTTP 500: Portal 500", "its own log says why", "as of"]),
    ("http-401", Stands::Refused, &["✗ refused", "does not accept the API key", "TECTON_API_KEY"]),
    ("http-403", Stands::Live, &["answered HTTP 403"]),
    ("http-404", Stands::Refused, &["✗ refused", "answered HTTP 404", "Check the address"]),
    ("http-429", Stands::Live, &["answered HTTP 429"]),
    ("http-503", Stands::Away, &["✗ reconnecting in", "answered HTTP 503"]),
    ("code-3", Stands::Live, &["The script refuses this call"]),
    ("code-5", Stands::Live, &["The script refuses this call"]),
    ("code-7", Stands::Live, &["The script refuses this call"]),
    ("code-12", Stands::Live, &["does not serve"]),
    ("code-13", Stands::Live, &["The script refuses this call"]),
    ("code-16", Stands::Refused, &["✗ refused", "does not accept the API key", "TECTON_API_KEY"]),
    ("dropped", Stands::Away, &["✗ reconnecting", "broke off its answer"]),
    ("reset", Stands::Away, &["✗ reconnecting", "broke off its answer"]),
    ("truncated", Stands::Away, &["✗ reconnecting", "broke off its answer"]),
    ("garbage", Stands::Refused, &["✗ refused", "does not speak the feature platform's protocol"]),
    ("bad-base64", Stands::Live, &["sent an answer that cannot be read"]),
    ("bad-protobuf", Stands::Live, &["sent an answer that cannot be read"]),
    ("empty", Stands::Refused, &["✗ refused", "it sent an empty answer"]),
    ("no-message", Stands::Live, &["the message is not in it"]),
    ("wrong-shape", Stands::Live, &["sent an answer that cannot be read"]),
    ("page", Stands::Refused, &["✗ refused", "answered with a web page: `Portal 200`", "login page"]),
    ("octet-stream", Stands::Live, &["● live"]),
    ("silent", Stands::Away, &["✗ reconnecting", "has not answered within 10 s"]),
    ("half-silent", Stands::Away, &["✗ reconnecting", "has not answered within 10 s"]),
    ("drip", Stands::Live, &["● live"]),
];

/// So many consoles at a time: two cores draw for all of them.
const AT_A_TIME: usize = 9;

#[test]
fn every_fault_of_everything_is_said_and_goes_away_by_itself() {
    for some in CASES.chunks(AT_A_TIME) {
        std::thread::scope(|scope| some.iter().for_each(|case| drop(scope.spawn(|| suffer(case)))));
    }
    let missing: Vec<_> = fault::ALL.iter().filter(|(name, ..)| CASES.iter().all(|case| case.0 != *name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Everything fails for a while; then everything is well, and so says the screen.
fn suffer((name, stands, says): &Case) {
    let deployment = Deployment::start(Style::Full);
    let mut eye = healthy(&deployment);
    let (before, begun) = (deployment.calls().len(), Instant::now());
    deployment.fail(fault::named(name).unwrap());
    eye.until(says);
    let screen = eye.watch(Duration::from_secs(3));
    println!("=== {name}\n{screen}");
    assert!(screen.contains("SPARK_JOB_FAILURE") && screen.contains("4711.5"), "{name}: the data is gone:\n{screen}");
    let hostile = |c: char| c.is_control() && c != '\n';
    assert!(!screen.contains(hostile) && !screen.contains("<html") && !screen.contains(KEY), "{name}:\n{screen}");
    let calls = deployment.calls().len() - before;
    let seconds = begun.elapsed().as_secs() as usize;
    assert!(calls < 45 + 5 * seconds, "{name}: {calls} calls in {seconds} s");
    if *stands != Stands::Live {
        eye.until(&["as of"]);
        eye.press("2 c");
        eye.until(&["Not connected: nothing can be changed until the deployment answers again."]);
        assert_eq!(deployment.count("CancelMaterializationJob"), 0, "{name}");
    }
    deployment.heal();
    if matches!(*name, "code-7" | "http-403") {
        // A right that was missing is asked for again after minutes, or when the user says so.
        eye.press("R");
    }
    eye.until(&["● live", "● fresh", "!as of", "!again in", "!reads fail", "!The script refuses", "!✗ closed"]);
}

#[test]
fn a_deployment_that_is_gone_is_tried_less_and_less_often_and_found_again() {
    let deployment = Deployment::start(Style::Full);
    let mut eye = healthy(&deployment);
    deployment.leave();
    eye.until(&["✗ reconnecting in", "Nothing listens at localhost", "(4)"]);
    let screen = eye.until(&["as of", "SPARK_JOB_FAILURE", "4711.5"]);
    println!("=== closed\n{screen}");
    deployment.heal();
    eye.until(&["● live", "!as of"]);
}

#[test]
fn the_waits_between_tries_grow() {
    let deployment = Deployment::start(Style::Full);
    let mut eye = healthy(&deployment);
    deployment.fail(Fault::Dropped);
    eye.until(&["(5)"]);
    let tries: Vec<_> =
        deployment.calls().into_iter().filter(|(_, call)| call == "GetConfigs").map(|(at, _)| at).collect();
    let waits: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // However late the program is, it never comes before its time: a second, two and four, each within a fifth.
    let last = waits[waits.len().saturating_sub(3)..].to_vec();
    let least = [800, 1_600, 3_200].map(Duration::from_millis);
    assert!(last.iter().zip(least).all(|(wait, least)| *wait >= least), "{waits:?}");
}

#[test]
fn retry_after_is_honoured() {
    let deployment = Deployment::start(Style::Full);
    let mut eye = healthy(&deployment);
    deployment.fail(Fault::Wait(503, 7));
    eye.until(&["✗ reconnecting in", "answered HTTP 503"]);
    let before = deployment.count("GetConfigs");
    eye.while_asked(&deployment, "GetConfigs", 1);
    let calls = deployment.calls().into_iter().filter(|(_, call)| call == "GetConfigs");
    let tries: Vec<_> = calls.map(|(at, _)| at).collect();
    let waited = tries[before] - tries[before - 1];
    assert!(waited >= Duration::from_secs(7), "asked again after {waited:?}, and the deployment wanted 7 s");
    deployment.heal();
    eye.until(&["● live"]);
}
