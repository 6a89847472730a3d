//! What came back over HTTP, judged: an answer of the protocol, something broken, or something that is no deployment.
//!
//! Pure. A body that is not of the protocol at all says that something else answers at the address (a login page of the
//! network, another service); one that is only broken is the trouble of that call alone.

use std::hash::BuildHasher;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::{Error, Kind};
use crate::wire::features::ErrorBody;
use crate::wire::proxy;
use crate::wire::status;

/// An HTTP answer that was read to its end.
pub(super) struct Reply {
    pub code: u16,
    pub content_type: String,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// A good answer of the envelope, not decoded yet.
#[derive(Debug)]
pub(super) struct Sealed {
    text: String,
    label: String,
}

impl Reply {
    /// The answer with that code and those headers; its body is still to come.
    pub(super) fn new(code: u16, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = text(CONTENT_TYPE).to_owned();
        Self { code, content_type, retry_after: wait(text(RETRY_AFTER), Utc::now()), body: Vec::new() }
    }

    /// The message in the envelope.
    pub(super) fn open(self, label: &str) -> Result<Sealed, Error> {
        if self.code != 200 {
            return Err(self.waiting(Error::from_status(self.code, &self.refusal_text(), label)));
        }
        let answer: proxy::Response = self.json(label)?;
        match answer.status.code {
            // An empty message is an empty text; no text is half an answer (docs/wire.md section 1.1).
            status::OK => match answer.response {
                Some(text) => Ok(Sealed { text, label: label.to_owned() }),
                None => Err(Error::unreadable(label, "it says that all is well, and the message is not in it")),
            },
            code => Err(self.waiting(Error::from_code(code, &answer.status.detail, label))),
        }
    }

    /// The JSON of a path below the base.
    pub(super) fn read<A: DeserializeOwned>(&self, label: &str) -> Result<A, Error> {
        match self.code {
            200 => self.json(label),
            _ => Err(self.refusal(label)),
        }
    }

    /// What the refusal of a path below the base says: by its own code where it has one, else by the HTTP status.
    pub(super) fn refusal(&self, label: &str) -> Error {
        let text = |body: &ErrorBody| if body.message.is_empty() { body.error.clone() } else { body.message.clone() };
        let error = match serde_json::from_slice::<ErrorBody>(&self.body) {
            // No fault of the call, which is taken once there is room.
            Ok(body) if self.code == 503 && body.code == status::RESOURCE_EXHAUSTED => {
                Error::new(Kind::Busy, text(&body), "It has too much to do: try again in a while.")
            }
            Ok(body) if body.code != status::OK && self.code != 429 => Error::from_code(body.code, &text(&body), label),
            _ if matches!(self.code, 404 | 405) => {
                let what = format!("{label} does not have this call: it answered HTTP {}.", self.code);
                Error::new(Kind::Unimplemented, what, "This deployment does not offer that; the rest works.")
            }
            _ => Error::from_status(self.code, &self.refusal_text(), label),
        };
        self.waiting(error)
    }

    fn waiting(&self, error: Error) -> Error {
        Error { retry_after: self.retry_after, ..error }
    }

    fn json<A: DeserializeOwned>(&self, label: &str) -> Result<A, Error> {
        serde_json::from_slice(&self.body).map_err(|error| match error.classify() {
            _ if self.is_page() => Error::page(label, &self.title()),
            Category::Eof if !self.body.trim_ascii().is_empty() => Error::cut_off(label, self.body.len()),
            Category::Data => {
                let why = super::error::first_line(&error.to_string());
                Error::unreadable(label, &format!("{why}; it begins with `{}`", self.start()))
            }
            _ => Error::foreign(label, &self.content_type, &self.start()),
        })
    }

    /// Whether it is made for a browser.
    fn is_page(&self) -> bool {
        self.content_type.to_ascii_lowercase().starts_with("text/html")
            || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// The first line worth showing.
    fn start(&self) -> String {
        super::error::first_line(&String::from_utf8_lossy(self.body.get(..4096).unwrap_or(&self.body)))
    }

    /// The title of a page, else its first line.
    fn title(&self) -> String {
        let text = String::from_utf8_lossy(self.body.get(..16_384).unwrap_or(&self.body)).into_owned();
        let lower = text.to_ascii_lowercase();
        let from = lower.find("<title").and_then(|at| lower.get(at..)?.find('>').map(|end| at + end + 1));
        let title = from.and_then(|from| text.get(from..from + lower.get(from..)?.find("</title")?));
        super::error::first_line(title.filter(|title| !title.trim().is_empty()).unwrap_or(&text))
    }

    /// What the body of a refusal says in words: a JSON error's message, the title of a page, else its first line.
    fn refusal_text(&self) -> String {
        if let Ok(error) = serde_json::from_slice::<ErrorBody>(&self.body) {
            return if error.message.is_empty() { error.error } else { error.message };
        }
        let text = if self.is_page() { self.title() } else { self.start() };
        if text.starts_with('<') { String::new() } else { text }
    }
}

impl Sealed {
    /// A mark by which the same answer is known again.
    pub(super) fn mark(&self) -> u64 {
        foldhash::quality::FixedState::default().hash_one(&self.text)
    }

    /// Bytes that it takes as it is.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The message.
    pub(super) fn decode<M: Message + Default>(&self) -> Result<M, Error> {
        proxy::decode(&self.text).map_err(|error| Error::unreadable(&self.label, &error.to_string()))
    }
}

/// How long `Retry-After` says to wait, in seconds or until a date.
fn wait(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some((until.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::workspace::GetWorkspaceRequest;

    fn reply(code: u16, content_type: &str, body: &str) -> Reply {
        Reply { code, content_type: content_type.to_owned(), retry_after: None, body: body.as_bytes().to_vec() }
    }

    fn opened(code: u16, content_type: &str, body: &str) -> Result<GetWorkspaceRequest, Error> {
        reply(code, content_type, body).open("h")?.decode()
    }

    #[test]
    fn each_way_to_be_wrong_has_its_own_words() {
        let json = "application/json";
        let page = "<!doctype html>\n<html><head><TITLE lang=en>Sign in to \u{1b}[1mWiFi</TITLE></head>";
        for (code, kind_of_body, body, kind, words) in [
            (200, "text/html; charset=utf-8", page, Kind::Foreign, "answered with a web page: `Sign in to ␛[1mWiFi`"),
            (200, json, "<html>hello</html>", Kind::Foreign, "answered with a web page: `<html>hello</html>`"),
            (200, "text/plain", "pong", Kind::Foreign, "it sent `pong` (text/plain)"),
            (200, json, "", Kind::Foreign, "it sent an empty answer"),
            (200, json, r#"{"status":{"code":0},"resp"#, Kind::Failed, "broke off its answer after 26 bytes"),
            (200, json, r#"{"hello":"world"}"#, Kind::Failed, "missing field `status`"),
            (200, json, r#"{"hello":"world"}"#, Kind::Failed, r#"it begins with `{"hello":"world"}`"#),
            (200, json, r#"{"status":{"code":0},"response":"%%%"}"#, Kind::Failed, "not base64"),
            (200, json, r#"{"status":{"code":0},"response":"/////w=="}"#, Kind::Failed, "expected form"),
            (200, json, r#"{"status":{"code":7}}"#, Kind::Forbidden, "PERMISSION_DENIED"),
            (200, json, r#"{"status":{"code":12,"detail":"no such"}}"#, Kind::Unimplemented, "no such"),
            (429, json, "", Kind::Busy, "HTTP 429"),
            (503, "text/html", page, Kind::Unreachable, "HTTP 503: Sign in"),
            (500, "text/html", "<html><body>stack</body></html>", Kind::Failed, "HTTP 500."),
            (302, "text/html", "", Kind::Foreign, "HTTP 302"),
            (404, "text/plain", "nothing here", Kind::Foreign, "HTTP 404: nothing here"),
        ] {
            let error = opened(code, kind_of_body, body).unwrap_err();
            assert_eq!(error.kind, kind, "{code} {body}: {error}");
            assert!(error.problem.what.contains(words), "{code} {body}: {error}");
            assert!(error.kind == Kind::Answered || !error.problem.hint.is_empty(), "{error}");
        }
    }

    #[test]
    fn parts_of_the_envelope_may_be_absent_and_the_content_type_may_be_any() {
        for body in [
            r#"{"status":{"code":0,"detail":""},"metadata":{"a":["b"]},"response":"CgRwcm9k"}"#,
            r#"{"status":{},"response":"CgRw\ncm9k\n"}"#,
            r#"{"response":"CgRwcm9kqgYDYWJj","status":{"detail":null},"metadata":null,"later":[1]}"#,
        ] {
            assert_eq!(opened(200, "text/plain", body).unwrap().workspace_name.as_deref(), Some("prod"), "{body}");
        }
        let empty = r#"{"status":{"code":0},"response":""}"#;
        assert_eq!(opened(200, "", empty), Ok(GetWorkspaceRequest::default()));
    }

    #[test]
    fn an_answer_without_its_message_is_no_empty_one() {
        for body in
            [r#"{"status":{"code":0}}"#, r#"{"status":{},"response":null}"#, r#"{"status":{"code":0},"metadata":{}}"#]
        {
            let error = opened(200, "application/json", body).unwrap_err();
            assert_eq!(error.kind, Kind::Failed, "{body}");
            assert!(error.problem.what.contains("the message is not in it"), "{error}");
            assert!(error.maybe_taken().problem.hint.contains("may have been taken"));
        }
    }

    #[test]
    fn a_path_that_is_not_there_is_told_apart_from_a_thing_that_is_not_there() {
        let thing = r#"{"error":"No view v.","message":"No view v.","code":5}"#;
        assert_eq!(reply(404, "application/json", thing).refusal("h").kind, Kind::Answered);
        assert_eq!(reply(404, "text/plain", "404 page not found").refusal("h").kind, Kind::Unimplemented);
        let full = r#"{"error":"No room.","message":"","code":8}"#;
        assert_eq!(reply(503, "application/json", full).refusal("h").problem.what, "No room.");
        assert_eq!(
            reply(400, "application/json", full).refusal("h").kind,
            Kind::Answered,
            "it is the call's own fault"
        );
        let busy = Reply { retry_after: Some(Duration::from_secs(7)), ..reply(429, "", thing) }.refusal("h");
        assert_eq!((busy.kind, busy.retry_after), (Kind::Busy, Some(Duration::from_secs(7))));
    }

    #[test]
    fn the_same_answer_is_known_again() {
        let mark = |text: &str| reply(200, "", text).open("h").unwrap().mark();
        let first = mark(r#"{"status":{},"metadata":{"x-request-id":"1"},"response":"CgRwcm9k"}"#);
        assert_eq!(first, mark(r#"{"status":{},"metadata":{"x-request-id":"2"},"response":"CgRwcm9k"}"#));
        assert_ne!(first, mark(r#"{"status":{},"response":"CgRwcm9l"}"#));
    }

    #[test]
    fn the_wait_is_read_in_both_forms() {
        let now = DateTime::parse_from_rfc3339("2026-11-24T10:00:00Z").unwrap().to_utc();
        for (text, seconds) in [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("Tue, 24 Nov 2026 10:01:30 GMT", Some(90)),
            ("Tue, 24 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-3", None),
            ("", None),
        ] {
            assert_eq!(wait(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
