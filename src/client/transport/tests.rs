//! When an answer is given up, and where a key goes, against servers of bare sockets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::client::api::Api;
use crate::client::endpoint::{ApiKey, parse_url};
use crate::wire::features::Locator;
use crate::wire::streams::RestartAsked;

/// A guard against waiting for ever, not a measure of speed.
const GUARD: Duration = Duration::from_secs(300);
const GOOD: &str = "{\"status\":{\"code\":0},\"response\":\"\"}";

/// The calls to a server that does this with each connection and the first request on it; `brief`: the patience with a
/// plain answer.
async fn server<F: Future<Output = ()> + Send + 'static>(
    brief: Duration,
    act: impl Fn(TcpStream, String) -> F + Send + 'static,
) -> Api {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = parse_url(&format!("http://{}/api", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 16_384];
            let read = stream.read(&mut request).await.unwrap_or(0);
            tokio::spawn(act(stream, String::from_utf8_lossy(&request[..read]).into_owned()));
        }
    });
    let endpoint = Endpoint::new(url, ApiKey::new("hush-hush").unwrap(), None);
    Api::new(Endpoint { patience: brief * PLAIN, ..endpoint }).unwrap()
}

fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
}

#[tokio::test]
async fn an_answer_that_keeps_coming_is_waited_for_however_long_it_takes() {
    let brief = Duration::from_millis(600);
    let longest: Arc<Mutex<Duration>> = Arc::default();
    let gap = Arc::clone(&longest);
    let api = server(brief, move |mut stream, _| {
        let gap = Arc::clone(&gap);
        async move {
            let begun = Instant::now();
            let _ = stream.write_all(head(GOOD.len() + 10_000).as_bytes()).await;
            let (mut last, mut sent) = (Instant::now(), 0);
            // Blanks, then the answer.
            while begun.elapsed() < 2 * brief || sent < 10_000 {
                let piece = if begun.elapsed() < 2 * brief { 1 } else { 10_000 - sent };
                let _ = stream.write_all(&vec![b' '; piece]).await;
                sent += piece;
                tokio::time::sleep(Duration::from_millis(10)).await;
                let mut longest = gap.lock().unwrap();
                *longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            let _ = stream.write_all(GOOD.as_bytes()).await;
        }
    })
    .await;
    // Where the machine itself held the server up, the answer did not keep coming.
    loop {
        let (begun, answer) = (Instant::now(), api.workspaces().await);
        let held_up = std::mem::take(&mut *longest.lock().unwrap()) > brief / 2;
        if answer.is_ok() || !held_up {
            assert_eq!(answer, Ok(vec![]));
            assert!(begun.elapsed() >= 2 * brief);
            return;
        }
    }
}

#[tokio::test]
async fn an_answer_that_stops_is_given_up_and_taken_back_from_the_link() {
    for (text, words) in [
        (String::new(), "has not answered within 0.05 s"),
        (head(1_000), "has not answered within 0.05 s"),
        (head(1_000) + "{\"status\":", "broke off its answer: after 10 bytes nothing came for 0.05 s"),
    ] {
        let gone = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&gone);
        let api = server(Duration::from_millis(50), move |mut stream, _| {
            let (count, text) = (Arc::clone(&count), text.clone());
            async move {
                let _ = stream.write_all(text.as_bytes()).await;
                // Nothing more comes from there but the end of the link.
                let ended = stream.read(&mut [0; 16]).await;
                count.fetch_add(usize::from(!matches!(ended, Ok(1..))), Ordering::SeqCst);
            }
        })
        .await;
        // Where the machine held the server up, the little that it says may come too late.
        loop {
            let error = api.workspaces().await.unwrap_err();
            assert_eq!(error.kind, Kind::Unreachable, "{error}");
            if error.problem.what.contains(words) {
                break;
            }
            assert!(error.problem.what.contains("has not answered within 0.05 s"), "{error}");
        }
        let begun = Instant::now();
        while gone.load(Ordering::SeqCst) == 0 {
            assert!(begun.elapsed() < GUARD, "the server still works on what nobody waits for");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_list_is_waited_for_longer_than_a_plain_answer() {
    let brief = Duration::from_millis(500);
    let api = server(brief, move |mut stream, request| async move {
        // A plain answer never comes, and a list after the time for plain ones.
        if request.contains("ListWorkspaces") {
            return std::future::pending().await;
        }
        tokio::time::sleep(brief + Duration::from_millis(100)).await;
        let _ = stream.write_all((head(GOOD.len()) + GOOD).as_bytes()).await;
    })
    .await;
    assert!(api.workspaces().await.unwrap_err().problem.what.contains("within 0.5 s"));
    assert_eq!(api.feature_views("prod").await, Ok(vec![]));
}

#[tokio::test]
async fn a_key_follows_no_redirection() {
    let followed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&followed);
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other.local_addr().unwrap();
    tokio::spawn(async move {
        while other.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    for code in [301, 302, 303, 307, 308] {
        let api = server(GUARD, move |mut stream, _| async move {
            let text =
                format!("HTTP/1.1 {code} Moved\r\nlocation: http://{address}/api/proxy\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(text.as_bytes()).await;
        })
        .await;
        let errors = [
            api.workspaces().await.unwrap_err(),
            api.lookup("prod", Locator::view("v"), &[]).await.unwrap_err(),
            api.datasets("v1/fvtop", "prod").await.unwrap_err(),
            api.dataset_rows("v1/fvtop", "prod", "d").await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.problem.what.contains(&format!("HTTP {code}")), "{error}");
            assert_eq!(error.kind, Kind::Foreign, "{error}");
        }
        let error = api.force_retry(crate::model::Id(1), false).await.unwrap_err();
        assert!(error.problem.hint.contains("may have been taken"), "{error}");
    }
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn who_has_no_room_now_is_asked_again_after_the_wait_it_names() {
    let body = "{\"error\":\"No room.\",\"message\":\"No room.\",\"code\":8}";
    let api = server(GUARD, move |mut stream, _| async move {
        let head = format!("HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all((head + body).as_bytes()).await;
    })
    .await;
    let records = Bytes::from_static(b"{\"records\":{}}");
    let errors = [
        api.ingest(records, "monday", false).await.unwrap_err(),
        // Not that there are no figures of streams.
        api.streams("v1/fvtop", "prod", None).await.unwrap_err(),
        api.dataset("v1/fvtop", "prod", "d").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind, error.granted_wait()), (Kind::Busy, Duration::from_secs(7)), "{error}");
        assert!(error.passes() && error.problem.what == "No room." && error.problem.hint.contains("try again"));
    }
}

#[tokio::test]
async fn a_restart_of_a_stream_whose_answer_is_lost_may_have_been_taken() {
    let api = server(GUARD, |stream, _| async move { drop(stream) }).await;
    for dry_run in [false, true] {
        let asked = RestartAsked {
            workspace: "prod".to_owned(),
            feature_view: "v".to_owned(),
            from: "beginning".to_owned(),
            dry_run,
        };
        let error = api.restart_stream("v1/fvtop", &asked).await.unwrap_err();
        assert_eq!(error.problem.hint.contains("may have been taken"), !dry_run, "{error}");
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_says_how_to_write_the_address() {
    for reply in [&b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"[..], b""] {
        let api = server(GUARD, move |mut stream, _| async move {
            let _ = stream.write_all(reply).await;
        })
        .await;
        let mut url = api.endpoint().url.clone();
        url.set_scheme("https").unwrap();
        let api = Api::new(Endpoint { url, ..api.endpoint().clone() }).unwrap();
        let error = api.workspaces().await.unwrap_err();
        assert!(error.problem.what.contains("does not speak TLS"), "{error}");
        assert!(error.problem.hint.contains("http:// in place of https://") && error.unsent, "{error}");
    }
    // The other way round: what TLS says to who does not speak it.
    let api = server(GUARD, |mut stream, _| async move {
        let _ = stream.write_all(b"\x15\x03\x01\x00\x02\x02\x46").await;
    })
    .await;
    let error = api.workspaces().await.unwrap_err();
    assert!(error.problem.hint.contains("https:// in place of http://"), "{error}");
}

#[tokio::test]
async fn a_dead_feature_server_is_named_by_its_own_address() {
    let api = server(GUARD, |mut stream, _| async move {
        let _ = stream.write_all((head(GOOD.len()) + GOOD).as_bytes()).await;
    })
    .await;
    // A port that is taken, and on which nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let feature_url = parse_url(&format!("http://{address}/api")).unwrap();
    let api = Api::new(Endpoint { feature_url, ..api.endpoint().clone() }).unwrap();
    let error = api.lookup("prod", Locator::view("v"), &[]).await.unwrap_err();
    assert_eq!(error.problem.what, format!("Nothing listens at {address}."));
    assert!(error.problem.hint.contains("FEATURE_SERVICE") && !error.problem.hint.contains("--url"), "{error}");
}
