//! Some faults in the real program on a real terminal.

use crate::deployment::{Deployment, Fault, Style};
use crate::support::{KEY, Terminal};

fn console(deployment: &Deployment, columns: u16, rows: u16) -> Terminal {
    Terminal::start(columns, rows, &["--url", &deployment.url], &[("TECTON_API_KEY", KEY)])
}

#[test]
fn a_deployment_that_goes_and_comes_back_is_seen_to_on_a_small_terminal() {
    let deployment = Deployment::start(Style::Full);
    let mut terminal = console(&deployment, 80, 24);
    terminal.until("● live");
    terminal.until("SPARK_JOB_FAILURE");
    deployment.leave();
    terminal.until("reconnecting in");
    terminal.until("Nothing listens at localhost");
    terminal.until("as of");
    assert!(terminal.screen().contains("SPARK_JOB_FAILURE"), "{}", terminal.screen());
    terminal.type_keys("c");
    terminal.until("Not connected");
    deployment.heal();
    terminal.until("● live");
    terminal.until_gone("as of");
    assert_eq!(deployment.count("CancelMaterializationJob"), 0);
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn a_wrong_key_says_where_to_set_another() {
    let deployment = Deployment::start(Style::Full);
    deployment.fail(Fault::Code(16));
    let mut terminal = console(&deployment, 120, 40);
    terminal.until("✗ refused");
    terminal.until("does not accept the API key");
    terminal.until("TECTON_API_KEY");
    assert!(!terminal.screen().contains(KEY));
    deployment.heal();
    terminal.until("● live");
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn the_program_obeys_while_a_deployment_is_silent() {
    let deployment = Deployment::start(Style::Full);
    let mut terminal = console(&deployment, 120, 40);
    terminal.until("SPARK_JOB_FAILURE");
    deployment.fail(Fault::Silent);
    terminal.until("slow, no answer for");
    terminal.type_keys("?");
    terminal.until("Pick a feature view.");
    terminal.type_keys("\x1b");
    terminal.until_gone("Pick a feature view.");
    terminal.type_keys("q");
    // Nobody will ever answer, so that waiting for an answer would be waiting for ever.
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_restored());
}
