//! The envelope: every call is one POST of JSON around a base64 message (docs/wire.md section 1.1).
//!
//! Reading is lenient where deployments and clients differ (white space in base64, lists in metadata, absent parts);
//! writing is strict.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::status;

/// Path of the envelope's endpoint below the deployment's URL.
pub const PATH: &str = "proxy";

/// The JSON body of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Full path of the call, such as [`super::rpc::GET_CONFIGS`].
    pub method: String,
    /// What would be headers: the key is `authorization` here, not an HTTP header (docs/wire.md section 1.2).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// Base64 of the request message; empty for an empty message.
    #[serde(default)]
    pub request: String,
}

/// The JSON body of an answer. HTTP status is 200 also when the call failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Outcome of the call; code 0 says that it was done.
    pub status: Status,
    /// What would be headers; fvtop's platform sends none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Base64 of the answer; present when the code is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

/// Outcome of a call: a code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// A gRPC code, see [`super::status`].
    #[serde(default)]
    pub code: i32,
    /// A sentence for people; always written, empty when there is nothing to say.
    #[serde(default, deserialize_with = "text_or_null")]
    pub detail: String,
}

/// Metadata of a request or an answer.
pub type Metadata = BTreeMap<String, OneOrMany>;

/// A metadata value: a text or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// A single text, as clients mostly send.
    One(String),
    /// Several; the last one counts.
    Many(Vec<String>),
}

/// A base64 text or message that cannot be read.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The text is not base64, in the standard alphabet.
    #[error("the message is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Not the message that belongs there.
    #[error("the message does not have the expected form: {}", start(.0))]
    Message(#[from] prost::DecodeError),
}

/// The start of what the library says: it names every field on the way, and a hostile message has long ways.
fn start(error: &prost::DecodeError) -> String {
    crate::model::cut(&error.to_string(), 200).into_owned()
}

impl OneOrMany {
    /// The value that counts: the only one, or the last of several; empty where the list is.
    pub fn last(&self) -> &str {
        match self {
            Self::One(text) => text,
            Self::Many(texts) => texts.last().map_or("", String::as_str),
        }
    }
}

impl From<&str> for OneOrMany {
    fn from(text: &str) -> Self {
        Self::One(text.to_owned())
    }
}

impl Request {
    /// A call of `method` with that message.
    pub fn new(method: &str, metadata: Metadata, message: &impl Message) -> Self {
        Self { method: method.to_owned(), metadata, request: encode(message) }
    }

    /// The message inside. Fails when it is not base64, or not of that message's form.
    pub fn decode<M: Message + Default>(&self) -> Result<M, DecodeError> {
        decode(&self.request)
    }

    /// A metadata value; names are compared without regard to case.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.last())
    }
}

impl Response {
    /// An answer with code 0 that holds the message.
    pub fn ok(message: &impl Message) -> Self {
        let status = Status { code: status::OK, detail: String::new() };
        Self { status, metadata: None, response: Some(encode(message)) }
    }

    /// A refusal; `detail` is a whole sentence that says what to do.
    pub fn error(code: i32, detail: impl Into<String>) -> Self {
        Self { status: Status { code, detail: detail.into() }, metadata: None, response: None }
    }

    /// The message inside; an absent one reads as the empty message.
    pub fn decode<M: Message + Default>(&self) -> Result<M, DecodeError> {
        decode(self.response.as_deref().unwrap_or(""))
    }
}

/// Base64 of a message: standard alphabet with padding, no line feeds.
pub fn encode(message: &impl Message) -> String {
    STANDARD.encode(message.encode_to_vec())
}

/// The message in a base64 text, white space dropped (released clients write a line feed after 76 characters).
pub fn decode<M: Message + Default>(text: &str) -> Result<M, DecodeError> {
    let tight: String;
    let text = if text.bytes().any(|b| b.is_ascii_whitespace()) {
        tight = text.split_ascii_whitespace().collect();
        &tight
    } else {
        text
    };
    Ok(M::decode(STANDARD.decode(text)?.as_slice())?)
}

/// Splits an authorization value into scheme and secret; the scheme is compared without regard to case by the caller
/// (`Tecton-key`, `Bearer`).
pub fn authorization(value: &str) -> Option<(&str, &str)> {
    let (scheme, secret) = value.trim().split_once(char::is_whitespace)?;
    Some((scheme, secret.trim()))
}

fn text_or_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::workspace::GetWorkspaceRequest;

    #[test]
    fn white_space_in_base64_is_dropped() {
        let message: GetWorkspaceRequest = decode("CgRw\ncm9k\n").unwrap();
        assert_eq!(message.workspace_name.as_deref(), Some("prod"));
        assert_eq!(encode(&message), "CgRwcm9k");
        assert!(decode::<GetWorkspaceRequest>("not base64!").is_err());
    }

    #[test]
    fn answers_are_read_leniently() {
        let text = r#"{"status":{"code":5,"detail":null},"metadata":{"a":["x","y"],"b":"z"}}"#;
        let answer: Response = serde_json::from_str(text).unwrap();
        assert_eq!(answer.status, Status { code: 5, detail: String::new() });
        assert_eq!(answer.metadata.unwrap()["a"].last(), "y");
    }

    #[test]
    fn unknown_fields_are_skipped_and_garbage_is_an_error() {
        let message: GetWorkspaceRequest = decode("CgRwcm9kqgYDYWJj").unwrap();
        assert_eq!(message.workspace_name.as_deref(), Some("prod"));
        assert!(decode::<GetWorkspaceRequest>("/////w==").is_err());
    }

    #[test]
    fn numbers_in_a_row_are_read_packed_and_unpacked() {
        #[derive(Clone, PartialEq, ::prost::Message)]
        struct Numbers {
            #[prost(int32, repeated, tag = "1")]
            numbers: Vec<i32>,
        }
        for bytes in [&[0x0a, 3, 1, 2, 3][..], &[0x08, 1, 0x08, 2, 0x08, 3], &[0x08, 1, 0x0a, 2, 2, 3]] {
            let message: Numbers = decode(&STANDARD.encode(bytes)).unwrap();
            assert_eq!(message.numbers, [1, 2, 3]);
        }
    }

    #[test]
    fn authorization_has_two_words() {
        assert_eq!(authorization("Tecton-key abc"), Some(("Tecton-key", "abc")));
        assert_eq!(authorization("abc"), None);
    }
}
