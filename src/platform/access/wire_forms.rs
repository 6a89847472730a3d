//! API keys and the entries of the audit log in the forms in which they are told: what is known of a key, never the
//! key.

use super::{Entry, KeyRecord};
use crate::wire::access::{AuditRow, KeyInfo};

impl From<KeyRecord> for KeyInfo {
    fn from(key: KeyRecord) -> Self {
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
        let Entry { seq, at, deed, outcome } = entry;
        Self {
            seq,
            at,
            request_id: deed.request,
            key_id: deed.key.to_string(),
            key_name: deed.name,
            call: deed.call,
            workspace: deed.workspace,
            feature_view: deed.feature_view,
            words: deed.words,
            ended_at: outcome.as_ref().map(|outcome| outcome.at),
            code: outcome.as_ref().map(|outcome| outcome.code),
            sentence: outcome.map(|outcome| outcome.sentence).unwrap_or_default(),
        }
    }
}
