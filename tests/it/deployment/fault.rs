//! What can go wrong between a console and a deployment, each as data with a name and a sentence, and how it is done to
//! a connection.

use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::http::Answer;
use fvtop::wire::proxy;

/// A fault.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The right answer, so much later.
    Late(Duration),
    /// This HTTP status; its body is a page.
    Http(u16),
    /// This HTTP status with a Retry-After in seconds.
    Wait(u16, u64),
    /// HTTP 200, and in the envelope (or in the JSON of the feature server) this gRPC code.
    Code(i32),
    /// The connection is closed when the request has come.
    Dropped,
    /// The connection is reset in the middle of the body.
    Reset,
    /// The body ends before its stated length.
    Truncated,
    /// Bytes of no meaning, with control sequences for terminals among them.
    Garbage,
    /// The envelope, and in it no base64.
    BadBase64,
    /// The envelope, and in it no protobuf.
    BadProtobuf,
    /// HTTP 200, and nothing.
    Empty,
    /// The envelope says that all is well, and there is no message in it.
    NoMessage,
    /// JSON of another form.
    WrongShape,
    /// HTTP 200 with the page of some portal.
    Page,
    /// The right answer, said to be bytes.
    OctetStream,
    /// Nothing at all is said.
    Silent,
    /// Nothing is said after the head.
    HalfSilent,
    /// The right answer, a few bytes at a time.
    Drip,
}

/// Every fault by its name, with a sentence for who chooses one.
pub(crate) const ALL: &[(&str, Fault, &str)] = &[
    ("late", Fault::Late(Duration::from_millis(3_500)), "The right answer, 3.5 s late."),
    ("http-500", Fault::Http(500), "HTTP 500 with a page."),
    ("http-401", Fault::Http(401), "HTTP 401: the key is not known."),
    ("http-403", Fault::Http(403), "HTTP 403: the key lacks the right."),
    ("http-404", Fault::Http(404), "HTTP 404: there is nothing at that path."),
    ("http-429", Fault::Wait(429, 7), "HTTP 429 with Retry-After: 7."),
    ("http-503", Fault::Wait(503, 7), "HTTP 503 with Retry-After: 7."),
    ("code-3", Fault::Code(3), "gRPC code 3: an argument is wrong."),
    ("code-5", Fault::Code(5), "gRPC code 5: not found."),
    ("code-7", Fault::Code(7), "gRPC code 7: the key lacks the right."),
    ("code-12", Fault::Code(12), "gRPC code 12: the call is not served."),
    ("code-13", Fault::Code(13), "gRPC code 13: the deployment broke on the call."),
    ("code-16", Fault::Code(16), "gRPC code 16: the key is not known."),
    ("dropped", Fault::Dropped, "The connection is closed before the answer."),
    ("reset", Fault::Reset, "The connection is reset in the middle of the answer."),
    ("truncated", Fault::Truncated, "The answer ends before its stated length."),
    ("garbage", Fault::Garbage, "Bytes of no meaning."),
    ("bad-base64", Fault::BadBase64, "The envelope holds no base64."),
    ("bad-protobuf", Fault::BadProtobuf, "The envelope holds no protobuf."),
    ("empty", Fault::Empty, "HTTP 200 without a body."),
    ("no-message", Fault::NoMessage, "The envelope says that all is well, and holds no message."),
    ("wrong-shape", Fault::WrongShape, "JSON of another form."),
    ("page", Fault::Page, "HTTP 200 with the page of a portal."),
    ("octet-stream", Fault::OctetStream, "The right answer as application/octet-stream: no fault for a reader."),
    ("silent", Fault::Silent, "The request is taken, and nothing comes."),
    ("half-silent", Fault::HalfSilent, "The head of an answer comes, and no body."),
    ("drip", Fault::Drip, "The right answer, a few bytes at a time."),
];

/// The fault of that name.
pub(crate) fn named(name: &str) -> Option<Fault> {
    ALL.iter().find(|(known, ..)| *known == name).map(|(_, fault, _)| fault.clone())
}

/// What a terminal must never be sent, in whatever a fault says.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}";

/// Answers with the fault in place of `good`; false when the connection is over.
pub(crate) async fn answer(stream: &mut BufReader<TcpStream>, fault: Fault, good: Answer, is_proxy: bool) -> bool {
    let said = match fault {
        Fault::Late(late) => {
            tokio::time::sleep(late).await;
            good.bytes()
        }
        Fault::Http(code) => page(code, String::new()),
        Fault::Wait(code, seconds) => page(code, format!("retry-after: {seconds}\r\n")),
        Fault::Code(code) => refusal(code, is_proxy),
        Fault::Dropped => return false,
        Fault::Truncated | Fault::Reset => return cut(stream, &good, fault == Fault::Reset).await,
        Fault::Garbage => {
            Answer::new(200, "application/json", [b"\x00\xfe\xff".as_slice(), HOSTILE.as_bytes()].concat()).bytes()
        }
        Fault::BadBase64 => envelope("%%% this is no base64 %%%"),
        Fault::BadProtobuf => envelope("/////////w=="),
        Fault::Empty => Answer::new(200, "application/json", "").bytes(),
        Fault::NoMessage => Answer::new(200, "application/json", "{\"status\": {\"code\": 0}}").bytes(),
        Fault::WrongShape => Answer::new(200, "application/json", "{\"hello\": [\"world\"]}").bytes(),
        Fault::Page => page(200, String::new()),
        Fault::OctetStream => Answer { content_type: "application/octet-stream", ..good }.bytes(),
        Fault::Silent => return silence().await,
        Fault::HalfSilent => {
            let _ = stream.get_mut().write_all(&good.head(good.body.len())).await;
            return silence().await;
        }
        Fault::Drip => return drip(stream, &good.bytes()).await,
    };
    stream.get_mut().write_all(&said).await.is_ok()
}

async fn silence() -> bool {
    std::future::pending().await
}

fn page(code: u16, more: String) -> Vec<u8> {
    let body = format!(
        "<!DOCTYPE html>\n<html><head><title>Portal {code}</title><script>alert('{HOSTILE}')</script></head><body>Sign in</body></html>"
    );
    Answer { more, ..Answer::new(code, "text/html", body) }.bytes()
}

fn envelope(response: &str) -> Vec<u8> {
    Answer::json(&serde_json::json!({"status": {"code": 0, "detail": ""}, "response": response})).bytes()
}

/// A refusal in the form of the path that was asked.
fn refusal(code: i32, is_proxy: bool) -> Vec<u8> {
    let detail = format!("The script refuses this call{HOSTILE} with code {code}.");
    if is_proxy {
        return Answer::json(&proxy::Response::error(code, detail)).bytes();
    }
    let http = match code {
        16 => 401,
        7 => 403,
        5 => 404,
        13 => 500,
        12 => 501,
        _ => 400,
    };
    let body = serde_json::json!({"error": detail, "message": detail, "code": code});
    Answer::new(http, "application/json", serde_json::to_vec(&body).unwrap()).bytes()
}

/// Half of the body of at least some bytes, then the end.
async fn cut(stream: &mut BufReader<TcpStream>, good: &Answer, reset: bool) -> bool {
    let mut said = good.head(good.body.len() + 64);
    said.extend_from_slice(&good.body[..good.body.len() / 2]);
    let socket = stream.get_mut();
    let _ = socket.write_all(&said).await;
    let _ = socket.flush().await;
    if reset {
        // The half that was sent gets there first.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let _ = socket.set_zero_linger();
    }
    false
}

async fn drip(stream: &mut BufReader<TcpStream>, bytes: &[u8]) -> bool {
    for piece in bytes.chunks(bytes.len().div_ceil(40)) {
        if stream.get_mut().write_all(piece).await.is_err() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
}
