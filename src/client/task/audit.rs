//! The audit log for the journal: asked for when somebody looks at it.

use std::sync::Arc;

use super::work::{Done, not_connected};
use super::{Part, Task};
use crate::client::api::Api;
use crate::client::api::access::AuditWanted;
use crate::client::error::{Error, Kind};
use crate::client::message::{Problem, Update};
use crate::model::{AuditEntry, Time};
use crate::wire::access::{AUDIT_LIMIT, AuditRow};

impl Task {
    /// Asks for the newest entries.
    pub(super) fn audit(&mut self) {
        let api = self.api.clone();
        let own_api = self.deployment.as_ref().map(|deployment| deployment.own_api.clone());
        self.work.spawn(async move {
            let answer = match (api, own_api) {
                (Some(api), Some(own_api)) => read(&api, own_api.as_deref()).await,
                _ => Err(not_connected()),
            };
            let answer = answer.map(Arc::new).map_err(Problem::from);
            Done::Reply(Some(Box::new(Update::Audit { answer })))
        });
    }
}

async fn read(api: &Api, own_api: Option<&str>) -> Result<Vec<AuditEntry>, Error> {
    let own_api = own_api.ok_or_else(|| Error::of(Kind::Unimplemented, Part::Audit.not_served()))?;
    let wanted = AuditWanted { limit: AUDIT_LIMIT, ..AuditWanted::default() };
    Ok(api.audit(own_api, &wanted).await?.into_iter().map(entry).collect())
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
