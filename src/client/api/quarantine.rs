//! The quarantine of streams, below `/v1/fvtop/` where a deployment has that.

use super::Api;
use super::own::below;
use crate::client::error::{Error, Kind};
use crate::client::scrub::Scrub;
use crate::client::serves::Part;
use crate::wire::quarantine::{
    DROP, DropAnswer, QUARANTINE, QuarantineAsked, QuarantineList, QuarantineRecord, RETRY, RetryAnswer,
};

/// Which records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuarantineWanted {
    /// Only those of this reason.
    pub reason: Option<String>,
    /// Only those with smaller numbers.
    pub before: Option<i64>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl Api {
    /// Records of a view, the newest first, without their bytes.
    pub(crate) async fn quarantine(
        &self,
        own_api: &str,
        (workspace, view): (&str, &str),
        wanted: &QuarantineWanted,
    ) -> Result<QuarantineList, Error> {
        let (limit, before) = (wanted.limit.to_string(), wanted.before.map(|before| before.to_string()));
        let mut query = vec![("workspace", workspace), ("feature_view", view), ("limit", limit.as_str())];
        query.extend(before.as_deref().map(|before| ("before", before)));
        query.extend(wanted.reason.as_deref().map(|reason| ("reason", reason)));
        let path = below(own_api, QUARANTINE);
        let call = || self.transport.get::<QuarantineList>(&path, &query, self.transport.brief());
        Ok(self.noted(Some(Part::Quarantine), self.persist(call)).await?.scrubbed())
    }

    /// One record, whole. Its bytes come as they are: whoever shows them cleans them.
    pub(crate) async fn quarantined(
        &self,
        own_api: &str,
        (workspace, view): (&str, &str),
        id: i64,
    ) -> Result<QuarantineRecord, Error> {
        let query = [("workspace", workspace), ("feature_view", view)];
        let path = below(own_api, &format!("{QUARANTINE}/{id}"));
        let call = || self.transport.get::<QuarantineRecord>(&path, &query, self.transport.brief());
        Ok(self.persist(call).await?.scrubbed())
    }

    /// Retries records, or says what would come of it; asks again until all that are meant were looked at. A round is
    /// never sent twice.
    pub(crate) async fn retry_quarantined(&self, own_api: &str, asked: &QuarantineAsked) -> Result<RetryAnswer, Error> {
        let path = below(own_api, RETRY);
        let (mut asked, mut all) = (asked.clone(), RetryAnswer::default());
        loop {
            let round: Result<RetryAnswer, Error> = self.transport.post_once(&path, &asked).await;
            let round = round.map_err(|error| maybe_changed(error, all.leaves()))?.scrubbed();
            all.arrived += round.arrived;
            all.filtered += round.filtered;
            all.duplicates += round.duplicates;
            all.stays.extend(round.stays);
            match round.next {
                Some(next) if next > asked.after => asked.after = next,
                _ => return Ok(all),
            }
        }
    }

    /// Drops records, or says how many would go. Never retried.
    pub(crate) async fn drop_quarantined(&self, own_api: &str, asked: &QuarantineAsked) -> Result<u64, Error> {
        let path = below(own_api, DROP);
        let done: Result<DropAnswer, Error> = self.transport.post_once(&path, asked).await;
        Ok(done.map_err(|error| maybe_changed(error, 0))?.dropped)
    }
}

/// Of a change whose answer is missing, or that ended in the middle: a part of it may have happened.
fn maybe_changed(mut error: Error, before: u64) -> Error {
    let unknown = matches!(error.kind, Kind::Unreachable | Kind::Failed | Kind::Foreign) && !error.unsent;
    if unknown || before > 0 {
        error.problem.hint =
            "A part of it may have been done all the same: look at the quarantine before trying again. What was written \
             is not written twice."
                .to_owned();
    }
    error
}
