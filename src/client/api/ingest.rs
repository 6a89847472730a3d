//! Stream ingest (docs/wire.md section 3.4): records for the stream of a source.

use tokio_util::bytes::Bytes;

use super::Api;
use crate::client::error::Error;
use crate::client::scrub::Scrub;
use crate::model::clean;
use crate::wire::ingest::{INGEST_PATH, IngestAnswer, IngestRefusal, RecordError};

/// What became of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// They were taken, but for those that the answer names.
    Taken(IngestAnswer),
    /// None was taken, for some cannot be events: the first of them, and a sentence.
    Refused(String, Vec<RecordError>),
}

impl Api {
    /// Sends a request of records once. Sent again with the same name it is taken once.
    ///
    /// # Errors
    /// When it is not known whether they were taken, or the deployment refuses the whole of it.
    pub async fn ingest(&self, request: Bytes, name: &str, partial: bool) -> Result<Ingested, Error> {
        let reply = self.transport.post_records(INGEST_PATH, request, name, partial).await?;
        if reply.code == 400
            && let Ok(refusal) = serde_json::from_slice::<IngestRefusal>(&reply.body)
            && !refusal.record_errors.is_empty()
        {
            let errors = refusal.record_errors.into_iter().map(cleaned).collect();
            return Ok(Ingested::Refused(refusal.message.scrubbed(), errors));
        }
        let mut answer: IngestAnswer = reply.read(self.transport.label())?;
        answer.record_errors = answer.record_errors.into_iter().map(cleaned).collect();
        for view in &mut answer.ingest_metrics.feature_view_ingest_metrics {
            view.feature_view_name.scrub();
        }
        Ok(Ingested::Taken(answer))
    }
}

fn cleaned(error: RecordError) -> RecordError {
    let text = |text: &str| clean(text).into_owned();
    RecordError {
        push_source_name: text(&error.push_source_name),
        record_index: error.record_index,
        error_type: text(&error.error_type),
        error_message: text(&error.error_message),
    }
}
