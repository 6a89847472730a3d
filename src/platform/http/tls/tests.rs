//! Which pairs of files are taken, when they are read again, and that the bounds of connections hold for encrypted ones.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Link;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::platform::http::connections::{self, Limits};

const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";
const SOON: Duration = Duration::from_millis(200);
const NEVER: Duration = Duration::from_secs(3_600);
const PATIENT: Limits = Limits { silent: NEVER, head: NEVER, idle: NEVER, unread: NEVER, at_once: 4 };

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A folder with the pair of that name, as `it.pem` and `it.key`.
fn pair(certificate: &str, key: &str) -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (to_certificate, to_key) = (dir.path().join("it.pem"), dir.path().join("it.key"));
    put(certificate, &to_certificate);
    put(key, &to_key);
    (dir, to_certificate, to_key)
}

/// Puts a fixture into the place of a file, as who renews certificates does.
fn put(name: &str, to: &Path) {
    let new = to.with_extension("new");
    fs::write(&new, fs::read(fixture(name)).unwrap()).unwrap();
    fs::rename(new, to).unwrap();
}

fn read(certificate: &Path, key: &Path) -> Result<Tls, String> {
    Tls::read(certificate, key).map_err(|error| error.to_string())
}

fn certificate_in(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(name)).unwrap()
}

async fn server(limits: Limits) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/long", get(|| async { Body::from(vec![b'x'; 64 << 20]) }));
    let tls = Tls::read(&fixture("server.pem"), &fixture("server.key")).unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(connections::serve(listener, router, limits, Some(tls), shutdown.clone()));
    (address, shutdown.drop_guard())
}

fn client(version: &'static rustls::SupportedProtocolVersion, protocols: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate_in("authority.pem")).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn encrypted(address: SocketAddr) -> Link<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    client(&rustls::version::TLS13, &["http/1.1"]).connect(name, stream).await.unwrap()
}

/// Reads until the answer ends with that.
async fn until(link: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let (mut read, mut piece) = (Vec::new(), [0; 4_096]);
    while !read.ends_with(end.as_bytes()) {
        let count = link.read(&mut piece).await.unwrap();
        assert!(count > 0, "closed after {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(read).unwrap()
}

/// Waits until the other side has closed it.
async fn closed(link: &mut (impl AsyncRead + Unpin)) {
    let mut piece = [0; 4_096];
    while link.read(&mut piece).await.is_ok_and(|count| count > 0) {}
}

#[test]
fn files_that_are_no_pair_are_refused_with_what_to_do() {
    let (_dir, certificate, key) = pair("server.pem", "server.key");
    assert!(read(&certificate, &key).is_ok());
    let (missing, other) = (fixture("none.pem"), fixture("renewed.key"));
    for (certificate, key, words) in [
        (&missing, &key, "none.pem cannot be read"),
        (&key, &key, "it.key holds no certificate"),
        (&certificate, &certificate, "it.pem holds no private key"),
        (&certificate, &missing, "none.pem cannot be read"),
        (&certificate, &other, "cannot be used together"),
    ] {
        let told = read(certificate, key).err().unwrap();
        assert!(told.contains(words) && !told.contains("MIG"), "{told}");
    }
}

#[test]
fn files_that_change_are_read_again_once_they_settle_and_a_broken_pair_changes_nothing() {
    let (_dir, certificate, key) = pair("server.pem", "server.key");
    let tls = Tls::read(&certificate, &key).unwrap();
    let first = tls.shown();
    let same = |config: &Arc<ServerConfig>| Arc::ptr_eq(config, &tls.shown());
    let mut looked = tls.look(tls.looked());
    assert!(same(&first), "nothing changed");
    put("renewed.pem", &certificate);
    looked = tls.look(looked);
    assert!(same(&first), "the key may be on its way");
    looked = tls.look(tls.look(looked));
    assert!(same(&first), "the new certificate does not fit the key from before");
    put("renewed.key", &key);
    looked = tls.look(tls.look(looked));
    let second = tls.shown();
    assert!(!same(&first), "both are new");
    fs::remove_file(&key).unwrap();
    looked = tls.look(tls.look(looked));
    assert!(same(&second), "a file that is gone changes nothing");
    put("renewed.key", &key);
    tls.look(tls.look(looked));
    assert!(!same(&second), "it is back");
}

#[tokio::test]
async fn both_versions_are_spoken_and_no_other_protocol_than_http_1() {
    let (address, _server) = server(PATIENT).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for protocols in [&["http/1.1"][..], &["h2", "http/1.1"], &[]] {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let mut link = client(version, protocols).connect(name, stream).await.unwrap();
            link.write_all(HELLO).await.unwrap();
            assert!(until(&mut link, "hello").await.starts_with("HTTP/1.1 200"), "{version:?} {protocols:?}");
        }
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        assert!(client(version, &["h2"]).connect(name, stream).await.is_err());
    }
}

#[tokio::test]
async fn who_speaks_plain_http_is_told() {
    let (address, _server) = server(PATIENT).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(HELLO).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("https://"), "{answer}");
    let mut noise = TcpStream::connect(address).await.unwrap();
    noise.write_all(&[0; 64]).await.unwrap();
    closed(&mut noise).await;
    let mut link = encrypted(address).await;
    link.write_all(HELLO).await.unwrap();
    until(&mut link, "hello").await;
}

#[tokio::test]
async fn what_is_silent_or_slow_before_it_is_encrypted_is_closed() {
    let silent = Limits { silent: SOON, ..PATIENT };
    let head = Limits { head: SOON, ..PATIENT };
    // A record of a handshake, of which two of 512 bytes come; a plain request whose sender never ends.
    for (limits, sends) in [(silent, &b""[..]), (head, &[0x16, 3, 1, 2, 0, 1, 0]), (head, HELLO)] {
        let (address, _server) = server(limits).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sends).await.unwrap();
        if sends == HELLO {
            // It is answered and heard out, but not for ever: writing tells when it was closed.
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SOON / 10).await;
            }
        }
        closed(&mut stream).await;
    }
}

#[tokio::test]
async fn what_is_slow_idle_or_unread_once_it_is_encrypted_is_closed() {
    let silent = Limits { silent: SOON, ..PATIENT };
    let head = Limits { head: SOON, ..PATIENT };
    let idle = Limits { idle: SOON, ..PATIENT };
    let unread = Limits { unread: SOON, ..PATIENT };
    for (limits, sends) in [
        (silent, &b""[..]),
        (head, b"GET /hello HTTP/1.1\r\nx-slow: "),
        (idle, HELLO),
        (unread, b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n"),
    ] {
        let (address, _server) = server(limits).await;
        // A handshake that takes longer than the limit, on a slow machine, is closed as well.
        let mut link = loop {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            if let Ok(link) = client(&rustls::version::TLS13, &[]).connect(name, stream).await {
                break link;
            }
        };
        if link.write_all(sends).await.is_err() {
            continue;
        }
        if limits.unread == SOON {
            // Nothing is read until the server has given up, which writing to it tells.
            while link.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SOON / 10).await;
            }
        }
        closed(&mut link).await;
    }
}

#[tokio::test]
async fn handshakes_that_stall_make_room() {
    let (address, _server) = server(PATIENT).await;
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[0x16, 3, 1]).await.unwrap();
        stalled.push(stream);
    }
    let mut link = encrypted(address).await;
    link.write_all(HELLO).await.unwrap();
    until(&mut link, "hello").await;
}
