//! How much of an answer is read, by what was asked: a deployment that sends without end must not fill this machine's
//! memory.
//!
//! The numbers are for the body as it travels. A message may take up to a few hundred times its bytes once it is read
//! (`wire::fuzz` holds every message to that), but no deployment in good faith sends such ones.

use crate::wire::{features, rpc};

/// Lists over jobs and attempts: a hundred thousand of them with room to spare.
const LISTS: usize = 128 << 20;
/// Everything that a workspace defines, the log of an attempt, and the features of ten thousand keys.
const GREAT: usize = 64 << 20;
/// All other answers.
const PLAIN: usize = 8 << 20;
/// What is read of an answer with another HTTP status than 200: it holds a sentence or a page. The rest is not looked
/// at.
pub(super) const REFUSAL: usize = 64 << 10;

/// Most bytes of the answer to a call of the envelope.
pub(super) fn of_call(method: &str) -> usize {
    match method {
        rpc::LIST_MATERIALIZATION_JOBS | rpc::GET_JOBS | rpc::GET_MATERIALIZATION_STATUS => LISTS,
        rpc::QUERY_FEATURE_VIEWS | rpc::GET_FEATURE_VIEW | rpc::GET_ALL_FEATURE_FRESHNESS | rpc::GET_JOB_LOGS => GREAT,
        _ => PLAIN,
    }
}

/// Whether the answer to a call of the envelope may be great, so that it may take long to be made.
pub(super) fn is_great(method: &str) -> bool {
    of_call(method) > PLAIN
}

/// Most bytes of the answer at a path below the base.
pub(super) fn of_path(path: &str) -> usize {
    match path {
        features::GET_FEATURES_PATH | features::QUERY_FEATURES_PATH => GREAT,
        // Lists of keys, of what was done, of datasets.
        _ => PLAIN,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::client::api::Api;
    use crate::client::endpoint::{ApiKey, Endpoint, parse_url};
    use crate::client::error::Kind;

    /// A deployment that answers every request with that HTTP status and blanks without end; counts what it could send.
    async fn endless(http: &'static str) -> (Api, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/api", listener.local_addr().unwrap().port());
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4096]).await;
                    let head = format!(
                        "HTTP/1.1 {http}\r\ncontent-type: application/json\r\ncontent-length: 999999999999\r\n\r\n"
                    );
                    let mut alive = stream.write_all(head.as_bytes()).await.is_ok();
                    while alive {
                        alive = stream.write_all(&[b' '; 65_536]).await.is_ok();
                        count.fetch_add(65_536, Ordering::SeqCst);
                    }
                });
            }
        });
        let key = ApiKey::new("a-key-of-no-meaning").unwrap();
        (Api::new(Endpoint::new(parse_url(&url).unwrap(), key, None)).unwrap(), sent)
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up_with_a_sentence() {
        let (api, sent) = endless("200 OK").await;
        let error = api.workspaces().await.unwrap_err();
        assert!(error.problem.what.ends_with(" sent more than 8 MiB in one answer."), "{error}");
        assert_eq!(error.kind, Kind::Answered);
        // What the system's buffers hold comes on top.
        assert!(sent.load(Ordering::SeqCst) < PLAIN + (32 << 20));
    }

    #[tokio::test]
    async fn of_a_refusal_without_end_the_beginning_is_read() {
        let (api, _) = endless("500 Internal Server Error").await;
        let error = api.workspaces().await.unwrap_err();
        assert!(error.problem.what.contains("answered HTTP 500"), "{error}");
    }

    #[test]
    fn great_answers_are_for_calls_that_have_them() {
        assert!(of_call(rpc::LIST_MATERIALIZATION_JOBS) > of_call(rpc::QUERY_FEATURE_VIEWS));
        assert!(of_call(rpc::QUERY_FEATURE_VIEWS) > of_call(rpc::GET_CONFIGS));
        assert!(is_great(rpc::GET_JOBS) && is_great(rpc::QUERY_FEATURE_VIEWS) && !is_great(rpc::GET_CONFIGS));
        assert!(of_path(features::QUERY_FEATURES_PATH) > of_path("v1/fvtop/queries"));
    }
}
