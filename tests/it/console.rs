//! The console in a real terminal: what a newcomer sees, what the person on call does, and how it leaves.

use crate::support::{KEY, Server, Terminal, example_repository, wait_for};

struct Stand {
    _folder: tempfile::TempDir,
    server: Server,
    keys: String,
}

fn stand() -> Stand {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&example_repository(), &folder.path().join("data"));
    let keys = folder.path().join("keys");
    std::fs::write(&keys, KEY).unwrap();
    Stand { keys: keys.to_str().unwrap().to_owned(), server, _folder: folder }
}

impl Stand {
    fn console(&self, columns: u16, rows: u16, more: &[&str]) -> Terminal {
        let mut arguments = vec!["--url", self.server.url.as_str(), "--api-key-file", self.keys.as_str()];
        arguments.extend(more);
        Terminal::start(columns, rows, &arguments, &[])
    }
}

#[test]
fn every_way_out_leaves_the_terminal_as_it_was() {
    let stand = stand();
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129), ("QUIT", 131)] {
        let mut terminal = stand.console(120, 40, &[]);
        terminal.until("Summary");
        terminal.signal(signal);
        assert_eq!(terminal.ended(), code, "{signal}");
        assert!(terminal.is_restored(), "{signal}");
    }
    let mut terminal = stand.console(80, 24, &[]);
    terminal.until("Summary");
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_restored());
}

/// The terminal's own queue is full of a frame that nobody takes: what undoes the modes still gets through.
#[test]
fn a_stalled_link_is_left_as_it_was_found() {
    let stand = stand();
    for leave in ["q", "\x03"] {
        let mut terminal = stand.console(200, 60, &[]);
        terminal.until("Summary");
        terminal.hold(true);
        // More than any terminal queues; the first read that is still under way takes a piece of it.
        terminal.type_keys(&"\x0c?\x0c".repeat(8));
        std::thread::sleep(std::time::Duration::from_millis(500));
        terminal.type_keys(leave);
        assert_eq!(terminal.ended(), 0);
        terminal.hold(false);
        wait_for("the terminal as it was", crate::support::GUARD, || terminal.is_restored().then_some(()));
    }
}

#[test]
fn four_panes_show_live_data() {
    let stand = stand();
    let mut terminal = stand.console(120, 40, &[]);
    for title in ["Summary", "Jobs", "Lookup", "Stream"] {
        terminal.until(title);
    }
    terminal.until("aircraft_state");
    terminal.until("fleet@example.com"); // the summary's owner
    terminal.until("batch"); // a job
    terminal.until("tailnum"); // a key to look up, a column of the stream
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn the_failed_job_is_found_read_and_run_again() {
    let stand = stand();
    // The one absurd wind speed of the record fails its window for good; every lap has one.
    wait_for("the failure", crate::support::GUARD, || {
        let jobs = stand.server.json(&["jobs", "--view", "wind_force", "--json"]);
        jobs.as_array().unwrap().iter().any(|job| job["state"] == "FAILURE").then_some(())
    });
    let mut terminal = stand.console(120, 40, &["--view", "wind_force"]);
    terminal.until("wind_force");
    terminal.type_keys("2"); // the jobs pane
    terminal.type_keys("/state=failure\r");
    terminal.until("✗ failure");
    terminal.type_keys("\r"); // its detail: the error with the value at fault
    terminal.until("attempt 1  QUERY_ERROR");
    terminal.until("1048.36");
    terminal.type_keys("\x1b");
    // The value itself stays on the screen while the stream plays the hours after it: it is the stream's trouble too.
    terminal.until_gone("attempt 1  QUERY_ERROR");
    terminal.type_keys("r"); // run its window again: asks first
    terminal.until("Start a job of");
    terminal.type_keys("q"); // a key that confirms nothing
    terminal.type_keys("\x1b");
    assert!(terminal.screen().contains("✗ failure"), "{}", terminal.screen());
    terminal.type_keys("\x1bq");
}

#[test]
fn read_only_refuses_to_cancel() {
    let stand = stand();
    let mut terminal = stand.console(120, 40, &["--read-only"]);
    terminal.until("batch");
    terminal.until("read-only");
    terminal.type_keys("2c");
    terminal.until("read-only");
    terminal.type_keys("y");
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
}
