//! API keys and the entries of the audit log in the forms in which they are told: what is known of a key, never the
//! key.

use super::{ApiKeyRecord, Entry};
use crate::wire::access::{AuditRow, KeyInfo};

impl From<ApiKeyRecord> for KeyInfo {
    fn from(key: ApiKeyRecord) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            description: key.description,
            role: key.role.name().to_owned(),
            obscured: key.obscured,
            active: key.revoked_at.is_none(),
            created_at: Some(key.created_at),
            created_by: key.created_by,
            revoked_at: key.revoked_at,
        }
    }
}

impl From<Entry> for AuditRow {
    fn from(entry: Entry) -> Self {
        let Entry { seq, at, action, outcome } = entry;
        Self {
            seq,
            at,
            request_id: action.request,
            key_id: action.key.to_string(),
            key_name: action.name,
            call: action.call,
            workspace: action.workspace,
            feature_view: action.feature_view,
            words: action.words,
            ended_at: outcome.as_ref().map(|outcome| outcome.at),
            code: outcome.as_ref().map(|outcome| outcome.code),
            sentence: outcome.map(|outcome| outcome.sentence).unwrap_or_default(),
        }
    }
}
