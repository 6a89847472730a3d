//! The JSON of keys and audit below `/v1/fvtop/`: what the protocol's calls about keys do not carry, above all roles.

use serde::{Deserialize, Serialize};

use crate::model::Time;

/// Path of the keys below the deployment's own API.
pub const API_KEYS: &str = "keys";
/// Path of the audit log below the deployment's own API.
pub const AUDIT: &str = "audit";
/// Entries of the audit log that are answered when nothing else is asked for.
pub const AUDIT_LIMIT: usize = 100;

/// What is known of an API key; never the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// Its id, 32 hexadecimal digits; revoking names it.
    pub id: String,
    /// Its name, which the audit log shows; unique among the keys that are let in.
    pub name: String,
    /// What it is for, as its maker said; may be empty.
    #[serde(default)]
    pub description: String,
    /// The word of its role; empty where a deployment does not say.
    #[serde(default)]
    pub role: String,
    /// Its last characters, for people.
    #[serde(default)]
    pub obscured: String,
    /// Whether it is let in.
    pub active: bool,
    /// When it was made; absent where a deployment does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// Name of the key that made it, or `key file`; empty where a deployment does not say.
    #[serde(default)]
    pub created_by: String,
    /// When it was revoked; absent while it is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
}

/// All keys, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    /// The keys, those that were revoked included.
    #[serde(rename = "keys")]
    pub api_keys: Vec<KeyInfo>,
}

/// A key that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Its name; refused where a key that is let in has it already.
    pub name: String,
    /// What it is for; may be empty.
    #[serde(default)]
    pub description: String,
    /// The word of its role.
    pub role: String,
}

/// A key that was made. No `Debug`, for it holds the key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMade {
    /// The key itself: the only time it is shown.
    pub key: String,
    /// What is known of it from now on.
    pub info: KeyInfo,
}

/// The audit log, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditList {
    /// The entries, at most as many as were asked for, [`AUDIT_LIMIT`] otherwise.
    pub entries: Vec<AuditRow>,
}

/// One change that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its number; later ones have greater ones.
    pub seq: i64,
    /// When it was asked for.
    pub at: Time,
    /// The caller's name for its request.
    #[serde(default)]
    pub request_id: String,
    /// The id of the caller's key.
    #[serde(default)]
    pub key_id: String,
    /// The name of the caller's key.
    #[serde(default)]
    pub key_name: String,
    /// The call: its name, or an HTTP method and path.
    pub call: String,
    /// The workspace that was meant.
    #[serde(default)]
    pub workspace: String,
    /// The feature view that was meant.
    #[serde(default)]
    pub feature_view: String,
    /// What was asked for, in a few words.
    #[serde(default)]
    pub words: String,
    /// When it ended; absent while it runs, and when nobody saw its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// A gRPC code, 0 when it was done; absent like `ended_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Why it was not done.
    #[serde(default)]
    pub sentence: String,
}

impl AuditRow {
    /// What came of it in words.
    pub fn outcome(&self) -> String {
        match self.code {
            None => "not known".to_owned(),
            Some(super::status::OK) => "done".to_owned(),
            Some(code) => format!("{} ({code})", super::status::name(code)),
        }
    }
}
