//! TLS as both sides meet it: a server with a certificate, a client that trusts who signed it or says why it does not,
//! and certificates that are renewed under a running server.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::support::{GUARD, Server, Starting, example_repository, fvtop, stderr, wait_for};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Puts a fixture into the place of a file, as who renews certificates does.
fn put(name: &str, to: &Path) {
    let new = to.with_extension("new");
    std::fs::copy(fixture(name), &new).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(new, to).unwrap();
}

/// A command against that address, which trusts the authority in that file as well.
fn ask(url: &str, authority: Option<&str>) -> Output {
    let mut command = fvtop();
    command.args(["views", "--url", url]).env("TECTON_API_KEY", super::support::KEY);
    if let Some(authority) = authority {
        command.arg("--ca-cert").arg(fixture(authority));
    }
    command.output().unwrap()
}

/// An empty repository: there is nothing to serve but the connection.
fn empty_repository(dir: &Path) -> PathBuf {
    let repository = dir.join("repository");
    std::fs::create_dir_all(&repository).unwrap();
    std::fs::copy(example_repository().join("workspaces.toml"), repository.join("workspaces.toml")).unwrap();
    repository
}

#[test]
fn a_certificate_is_shown_trusted_renewed_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("it.pem"), dir.path().join("it.key"));
    put("server.pem", &certificate);
    put("server.key", &key);
    let (repository, data) = (empty_repository(dir.path()), dir.path().join("data"));
    let (with_certificate, with_key) = (certificate.display().to_string(), key.display().to_string());
    let arguments = ["--tls-cert", &with_certificate, "--tls-key", &with_key];
    let server = Starting::with(fvtop(), &repository, &data, &arguments).ready();
    assert!(server.url.starts_with("https://localhost:"), "{}", server.url);

    let trusted = ask(&server.url, Some("authority.pem"));
    assert!(trusted.status.success(), "{}", stderr(&trusted));
    let by_number = ask(&server.url.replace("localhost", "127.0.0.1"), Some("authority.pem"));
    assert!(by_number.status.success(), "{}", stderr(&by_number));
    let unknown = stderr(&ask(&server.url, None));
    assert!(
        unknown.contains("signed by nobody whom this machine trusts") && unknown.contains("--ca-cert"),
        "{unknown}"
    );
    let plain = stderr(&ask(&server.url.replace("https", "http"), None));
    assert!(plain.contains("https:// in place of http://"), "{plain}");

    // What is shown now, told by what its client makes of it.
    let until = |authority: &str, words: &str| {
        wait_for(words, GUARD, || stderr(&ask(&server.url, Some(authority))).contains(words).then_some(()));
    };
    put("elsewhere.pem", &certificate);
    until("authority.pem", "is for elsewhere.example");
    put("expired.pem", &certificate);
    until("authority.pem", "expired at 2001-01-01");
    put("self-authority.pem", &certificate);
    until("self-authority.pem", "CA:FALSE");
    put("self.pem", &certificate);
    until("authority.pem", "signed by nobody");
    let itself = ask(&server.url, Some("self.pem"));
    assert!(itself.status.success(), "{}", stderr(&itself));
    put("renewed.pem", &certificate);
    put("renewed.key", &key);
    until("self.pem", "signed by nobody");
    let renewed = ask(&server.url, Some("authority.pem"));
    assert!(renewed.status.success(), "{}", stderr(&renewed));
    assert_eq!(server.stop("TERM"), Some(0));
}

#[test]
fn https_to_a_plain_port_says_so_and_files_that_are_no_pair_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (repository, data) = (empty_repository(dir.path()), dir.path().join("data"));
    let file = |name: &str| fixture(name).display().to_string();
    let (certificate, other) = (file("server.pem"), file("renewed.key"));
    let arguments = ["--tls-cert", &certificate, "--tls-key", &other];
    let (code, said) = Starting::with(fvtop(), &repository, &data, &arguments).refused();
    assert!(code == Some(1) && said.contains("renewed.key cannot be used together"), "{said}");
    let (code, said) = Starting::with(fvtop(), &repository, &data, &["--tls-cert", &certificate]).refused();
    assert!(code == Some(2) && said.contains("--tls-key"), "{said}");

    let server = Server::start(&repository, &data);
    let said = stderr(&ask(&server.url.replace("http", "https"), None));
    assert!(said.contains("does not speak TLS") && said.contains("http:// in place of https://"), "{said}");
}

#[test]
fn others_than_this_machine_are_let_in_with_a_certificate_or_by_name_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (repository, data) = (empty_repository(dir.path()), dir.path().join("data"));
    let key_file = dir.path().join("data.key");
    std::fs::write(&key_file, super::support::KEY).unwrap();
    let mut command = fvtop();
    command.args(["serve", "--listen", "0.0.0.0:0", "--allow-remote", "--repo"]).arg(&repository);
    let refused = command.arg("--data-dir").arg(&data).arg("--api-key-file").arg(&key_file).output().unwrap();
    let said = stderr(&refused);
    assert!(!refused.status.success() && said.contains("--tls-cert FILE") && said.contains("--insecure"), "{said}");
}
