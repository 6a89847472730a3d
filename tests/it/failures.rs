//! Wrong keys, dead and stalling servers, damaged repositories: what is said, and what still works.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use crate::support::{KEY, Server, Terminal, example_repository, fvtop, stderr};

/// An address at which nobody listens.
const DEAD: &str = "http://localhost:1/api";

/// A key file with this content.
fn key_file(folder: &std::path::Path, key: &str) -> String {
    let path = folder.join("key");
    std::fs::write(&path, key).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A server that takes connections and never answers.
fn stalling() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (format!("http://localhost:{}/api", listener.local_addr().unwrap().port()), listener)
}

#[test]
fn a_headless_command_says_what_is_wrong_with_a_dead_server() {
    let output = fvtop().args(["views", "--url", DEAD]).env("TECTON_API_KEY", KEY).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("localhost"), "{said}");
    assert!(!said.contains(KEY), "the key is never shown");
}

#[test]
fn the_console_stays_up_without_a_server_and_quits_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let keys = key_file(folder.path(), KEY);
    let mut terminal = Terminal::start(120, 40, &["--url", DEAD, "--api-key-file", &keys], &[]);
    terminal.until("reconnecting");
    terminal.until("localhost");
    terminal.type_keys("?");
    terminal.until("Go to the next pane");
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_restored());
}

#[test]
fn the_console_quits_while_a_server_stalls() {
    let folder = tempfile::tempdir().unwrap();
    let (url, listener) = stalling();
    let keys = key_file(folder.path(), KEY);
    let held = std::thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let mut chunk = [0; 1024];
            let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
            if matches!(stream.read(&mut chunk), Ok(n) if chunk[..n].starts_with(b"stop")) {
                return;
            }
            open.push(stream); // never answered
        }
    });
    let mut terminal = Terminal::start(120, 40, &["--url", &url, "--api-key-file", &keys], &[]);
    terminal.until("slow");
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_restored());
    let port = url.trim_start_matches("http://localhost:").trim_end_matches("/api");
    let mut stop = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stop.write_all(b"stop").unwrap();
    held.join().unwrap();
}

#[test]
fn a_wrong_key_is_named_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&example_repository(), &folder.path().join("data"));
    let wrong = "ffffffffffffffffffffffffffffffff";
    let output = fvtop().args(["views", "--url", &server.url]).env("TECTON_API_KEY", wrong).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("key") && said.contains("TECTON_API_KEY"), "{said}");
    assert!(!said.contains(wrong), "{said}");

    let keys = key_file(folder.path(), wrong);
    let mut terminal = Terminal::start(120, 40, &["--url", &server.url, "--api-key-file", &keys], &[]);
    terminal.until("key");
    terminal.until("refused");
    assert!(!terminal.screen().contains(wrong));
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_restored());
}

#[test]
fn a_damaged_definition_is_named_and_the_rest_works() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    std::fs::create_dir_all(repo.join("views")).unwrap();
    let from = example_repository();
    for name in ["workspaces.toml", "entities.toml", "sources.toml", "views/carrier_delays.toml"] {
        std::fs::copy(from.join(name), repo.join(name)).unwrap();
    }
    std::os::unix::fs::symlink(from.join("data"), repo.join("data")).unwrap();
    let sound = std::fs::read_to_string(from.join("views/aircraft_state.toml")).unwrap();
    std::fs::write(repo.join("views/aircraft_state.toml"), sound.replace("batch_schedule", "batch_shedule")).unwrap();
    let server = Server::start_on_example_data(&repo, &folder.path().join("data"));

    let views = server.json(&["views", "--json"]);
    let names: Vec<&str> = views.as_array().unwrap().iter().filter_map(|v| v["name"].as_str()).collect();
    assert_eq!(names, ["carrier_delays"]);

    let keys = key_file(folder.path(), KEY);
    let mut terminal = Terminal::start(120, 40, &["--url", &server.url, "--api-key-file", &keys], &[]);
    terminal.until("aircraft_state.toml");
    terminal.until("carrier_delays");
    terminal.type_keys("q");
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_restored());
}

#[test]
fn serve_refuses_what_is_not_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let keys = key_file(folder.path(), KEY);
    let output = fvtop()
        .args(["serve", "--listen", "0.0.0.0:0", "--api-key-file", &keys, "--repo"])
        .arg(example_repository())
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = stderr(&output);
    assert!(said.contains("0.0.0.0") && said.contains("--allow-remote"), "{said}");
}
