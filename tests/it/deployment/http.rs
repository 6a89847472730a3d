//! HTTP/1.1 at the level of bytes: a request is read whole, an answer is bytes that a fault may cut, spoil or hold
//! back.

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

/// A request, read whole.
pub(crate) struct Request {
    pub method: String,
    /// Without its query.
    pub path: String,
    pub body: Vec<u8>,
}

/// An answer of known length.
#[derive(Clone)]
pub(crate) struct Answer {
    pub code: u16,
    pub content_type: &'static str,
    /// Further header lines, each with its line end.
    pub more: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(code: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { code, content_type, more: String::new(), body: body.into() }
    }

    pub(crate) fn json(body: &impl Serialize) -> Self {
        Self::new(200, "application/json", serde_json::to_vec(body).unwrap())
    }

    /// Everything before the body; `length` is what it promises.
    pub(crate) fn head(&self, length: usize) -> Vec<u8> {
        let Self { code, content_type, more, .. } = self;
        format!("HTTP/1.1 {code} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{more}\r\n")
            .into_bytes()
    }

    /// The whole of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head(self.body.len()), self.body.clone()].concat()
    }
}

/// The head of an answer without an end.
pub(crate) const ENDLESS: &[u8] =
    b"HTTP/1.1 200 Scripted\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";

/// The next request of a kept connection; nothing when the other side has closed it.
pub(crate) async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let path = target.split('?').next()?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok().filter(|read| *read > 0)?;
        match header.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { method, path, body })
}
