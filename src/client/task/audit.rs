//! The audit log for the journal: asked for when somebody looks at it.

use std::sync::Arc;

use super::work::{Done, on};
use super::{Part, Task};
use crate::client::api::access::AuditWanted;
use crate::client::message::Update;
use crate::model::{AuditEntry, Time};
use crate::wire::access::{AUDIT_LIMIT, AuditRow};

impl Task {
    /// Asks for the newest entries.
    pub(super) fn audit(&mut self) {
        let reached = self.own(Part::Audit);
        self.work.spawn(async move {
            let wanted = AuditWanted { limit: AUDIT_LIMIT, ..AuditWanted::default() };
            let rows = on(reached, async |(api, own)| api.audit(&own, &wanted).await).await;
            let answer = rows.map(|rows| Arc::new(rows.into_iter().map(entry).collect()));
            Done::Reply(Some(Box::new(Update::Audit { answer })))
        });
    }
}

fn entry(row: AuditRow) -> AuditEntry {
    let outcome = row.outcome();
    let done: Option<bool> = row.code.map(|code| code == crate::wire::status::OK);
    let at: Time = row.at;
    AuditEntry {
        at,
        key: row.key_name,
        call: row.call,
        workspace: row.workspace,
        feature_view: row.feature_view,
        words: row.words,
        done,
        outcome,
        sentence: row.sentence,
        request: row.request_id,
    }
}
