//! What is sent how often, counted by a server of bare sockets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::client::ApiKey;
use crate::client::endpoint::parse_url;
use crate::model::time::from_micros;
use crate::model::{TriggerRequest, Window};
use crate::wire::proxy;

/// What the server does with a call once it has read it whole.
#[derive(Clone, Copy)]
enum Act {
    /// Answers with an empty message and keeps the connection.
    Good,
    /// Answers with an empty message and closes the connection soon after, as if it had been idle for too long.
    GoodThenClose,
    /// Closes the connection without an answer.
    Drop,
    /// Answers half, then closes.
    Half,
    /// HTTP 503 with a time to wait.
    Busy,
}

#[derive(Clone, Default)]
struct Server {
    acts: Arc<Mutex<HashMap<&'static str, Act>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(acts: &[(&'static str, Act)]) -> (Self, Api) {
        let server = Self { acts: Arc::new(Mutex::new(acts.iter().copied().collect())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().talk(stream));
            }
        });
        let endpoint = Endpoint::new(parse_url(&url).unwrap(), ApiKey::new("k").unwrap(), None);
        (server, Api::new(endpoint).unwrap().with_retries(3))
    }

    async fn talk(self, mut stream: TcpStream) {
        while let Some(body) = request(&mut stream).await {
            let call: proxy::Request = serde_json::from_slice(&body).unwrap();
            let act = self.acts.lock().unwrap().get(call.method.as_str()).copied().unwrap_or(Act::Good);
            self.seen.lock().unwrap().push(call.method);
            let body = "{\"status\":{\"code\":0},\"response\":\"\"}";
            let answer =
                |status: &str, body: &str| format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let text = match act {
                Act::Drop => return,
                Act::Half => answer("200 OK", body)[..60].to_owned(),
                Act::Busy => answer("503 Service Unavailable\r\nretry-after: 1", "wait"),
                Act::Good | Act::GoodThenClose => answer("200 OK", body),
            };
            stream.write_all(text.as_bytes()).await.unwrap();
            match act {
                Act::Half => return,
                Act::GoodThenClose => return tokio::time::sleep(Duration::from_millis(20)).await,
                _ => {}
            }
        }
    }

    fn count(&self, method: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| *seen == method).count()
    }
}

/// The body of the next request; nothing when there is none.
async fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(body.as_bytes().to_vec());
        }
    }
}

fn trigger() -> TriggerRequest {
    TriggerRequest {
        workspace: "prod".into(),
        feature_view: "v".into(),
        window: Window { start: from_micros(0), end: from_micros(3_600_000_000) },
        online: true,
        offline: true,
        use_tecton_managed_retries: true,
        overwrite: false,
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_sent_once_and_may_have_been_taken() {
    for act in [Act::Drop, Act::Half, Act::Busy] {
        let (server, api) = Server::start(&[(rpc::SUBMIT_MATERIALIZATION_JOB, act)]).await;
        // A connection is kept from before.
        api.workspaces().await.unwrap();
        let error = api.trigger(&trigger()).await.unwrap_err();
        assert!(error.problem.hint.starts_with("It may have been taken"), "{error}");
        assert_eq!(server.count(rpc::SUBMIT_MATERIALIZATION_JOB), 1);
    }
}

#[tokio::test]
async fn a_connection_that_has_died_meanwhile_is_not_used_for_a_change() {
    let (server, api) = Server::start(&[(rpc::LIST_WORKSPACES, Act::GoodThenClose)]).await;
    for pause in [0, 20, 60] {
        api.workspaces().await.unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let before = server.count(rpc::SUBMIT_MATERIALIZATION_JOB);
        // It is answered, though with no job.
        let error = api.trigger(&trigger()).await.unwrap_err();
        assert!(error.problem.what.contains("did not say which job"), "{error}");
        assert_eq!(server.count(rpc::SUBMIT_MATERIALIZATION_JOB), before + 1);
    }
}

#[tokio::test]
async fn a_change_that_could_not_be_sent_was_not_taken() {
    // A port that is taken, and on which nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = parse_url(&format!("http://{}/api", socket.local_addr().unwrap())).unwrap();
    let api = Api::new(Endpoint::new(url, ApiKey::new("k").unwrap(), None)).unwrap();
    let error = api.trigger(&trigger()).await.unwrap_err();
    assert!(error.unsent && !error.problem.hint.contains("taken"), "{error}");
}

#[tokio::test]
async fn a_read_that_does_not_get_through_is_tried_again_after_the_wait_that_is_asked_for() {
    let (server, api) = Server::start(&[(rpc::LIST_WORKSPACES, Act::Busy)]).await;
    let acts = Arc::clone(&server.acts);
    let mend = async {
        while server.count(rpc::LIST_WORKSPACES) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        acts.lock().unwrap().insert(rpc::LIST_WORKSPACES, Act::Good);
    };
    let begun = Instant::now();
    let (found, ()) = tokio::join!(api.workspaces(), mend);
    assert_eq!(found, Ok(vec![]));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.count(rpc::LIST_WORKSPACES), 2);
    // Where the tries are used up, the last failure is told.
    for act in [Act::Drop, Act::Half] {
        let (server, api) = Server::start(&[(rpc::LIST_WORKSPACES, act)]).await;
        assert!(api.workspaces().await.unwrap_err().problem.what.contains("broke off"));
        assert_eq!(server.count(rpc::LIST_WORKSPACES), 4);
    }
}
