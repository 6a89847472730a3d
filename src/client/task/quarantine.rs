//! The quarantine of a view's stream: asked for when somebody looks at it, and changed when somebody says so.

use std::mem::discriminant;
use std::sync::Arc;

use super::work::{Done, Own, on};
use super::{Part, Task};
use crate::client::api::quarantine::QuarantineWanted;
use crate::client::error::Error;
use crate::client::message::{Command, Quarantined, Update};
use crate::model::clean::clean_bytes;
use crate::wire::quarantine::{LIST_LIMIT, QuarantineRecord};

impl Task {
    /// Sends a question or a change. Of questions that show in the same place the newest counts; a change is never
    /// dropped.
    pub(super) fn quarantine(&mut self, command: Command) {
        let asks = matches!(command, Command::Quarantine { .. } | Command::QuarantineRecord { .. });
        let kind = asks.then(|| discriminant(&command));
        let reached = self.own(Part::Quarantine);
        let asked = self.work.spawn(async move { Done::Reply(serve(reached, command).await.map(Box::new)) });
        if let Some(kind) = kind {
            self.supersede(kind, asked);
        }
    }
}

async fn serve(reached: Result<Own, Error>, command: Command) -> Option<Update> {
    Some(match command {
        Command::Quarantine { request, workspace, feature_view, reason, before } => {
            let wanted = QuarantineWanted { reason, before, limit: LIST_LIMIT };
            let place = (workspace.as_str(), feature_view.as_str());
            let answer = on(reached, async |(api, own)| api.quarantine(&own, place, &wanted).await).await;
            Update::Quarantine { request, answer: answer.map(Arc::new) }
        }
        Command::QuarantineRecord { request, workspace, feature_view, id } => {
            let place = (workspace.as_str(), feature_view.as_str());
            let answer = on(reached, async |(api, own)| api.quarantined(&own, place, id).await).await;
            Update::QuarantineRecord { request, answer: answer.map(shown).map(Arc::new) }
        }
        Command::RetryQuarantined { request, asked } => {
            let answer = on(reached, async |(api, own)| api.retry_quarantined(&own, &asked).await).await;
            Update::QuarantineRetried { request, answer }
        }
        Command::DropQuarantined { request, asked } => {
            let answer = on(reached, async |(api, own)| api.drop_quarantined(&own, &asked).await).await;
            Update::QuarantineDropped { request, answer }
        }
        _ => return None,
    })
}

/// A record as the console has it: no byte of it is as it came.
fn shown(record: QuarantineRecord) -> Quarantined {
    let bytes = record.bytes().unwrap_or_default();
    Quarantined { text: clean_bytes(&bytes), kept: bytes.len() as u64, row: record.record }
}
