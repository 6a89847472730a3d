//! The model's words to the protocol's messages and back.
//!
//! Both directions live side by side so that a round trip can be tested. Reading never fails: what is missing reads as
//! docs/wire.md says it does, what is unknown is kept as it came.

pub(crate) mod container;
pub(crate) mod coverage;
pub(crate) mod detail;
pub(crate) mod features;
pub(crate) mod fleet;
pub(crate) mod freshness;
pub(crate) mod job;
pub(crate) mod keys;
pub(crate) mod objects;
pub(crate) mod saved;
pub(crate) mod service;
pub(crate) mod status;
pub(crate) mod status_table;
pub(crate) mod summary;
pub(crate) mod types;
pub(crate) mod values;
pub(crate) mod view;
pub(crate) mod wildcard;
pub(crate) mod words;
pub(crate) mod workspace;

pub use container::{AggregationParts, ViewParts, container_of};
pub use coverage::{coverage_from_proto, coverage_to_proto, ready_until};
pub use detail::{detail_from_proto, details_to_proto, logs_to_proto};
pub use features::{Included, batch_response, response_from_vector, vector_from_response};
pub use fleet::{task_from_proto, task_to_proto, view_status_to_proto};
pub use freshness::{freshness_from_proto, freshness_to_proto};
pub use job::{job_from_proto, job_to_proto, trigger_from_proto, trigger_to_proto};
pub use keys::{KeysError, offline_keys_from_file, offline_keys_to_file, online_keys_from_file, online_keys_to_file};
pub use objects::{
    EntityParts, SourceParts, container_of_one, entity_to_proto, source_to_proto, transformation_id,
    transformation_to_proto,
};
pub use saved::{SavedParts, dataset_columns, saved_to_proto};
pub use service::{ServiceItemParts, ServiceParts, container_of_service, service_to_proto};
pub use status::{can_restart, join_status, status_from_jobs, task_state};
pub use status_table::status_table;
pub use summary::{summary_item, summary_list, summary_nested, summary_rows, summary_to_proto};
pub use types::spark_schema;
pub use values::value_to_json;
pub use view::{feature_views, metadata_of};
pub use wildcard::{response_from_vectors, vectors_from_response};
pub use workspace::{configs_from_proto, configs_to_proto, workspace_from_proto, workspace_to_proto};

use chrono::DateTime;

use super::proto::common::{Duration, Id, Timestamp};
use crate::model::{self, Span, Time};

/// Most characters of a name. What refers to it repeats it, and a short message can refer to one long name very often.
const LONGEST_NAME: usize = 250;

/// A name or word out of a message, cut where no name is so long.
fn name_of(text: &str) -> String {
    model::cut(text, LONGEST_NAME).into_owned()
}

/// An instant as the protocol carries it.
pub fn time_to_proto(at: Time) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or(0) }
}

/// An instant of the protocol; absent when no calendar can show it.
pub fn time_from_proto(at: Timestamp) -> Option<Time> {
    DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?)
}

/// When something happened; the epoch, which a message has where nothing was set, is never.
pub fn happened(at: Timestamp) -> Option<Time> {
    time_from_proto(at).filter(|_| at != Timestamp::default())
}

/// A span as the protocol carries it.
pub fn span_to_proto(span: Span) -> Duration {
    Duration { seconds: span.num_seconds(), nanos: span.subsec_nanos() }
}

/// A span of the protocol; clamped to what a span can hold.
pub fn span_from_proto(span: Duration) -> Span {
    let clamped = if span.seconds < 0 { Span::MIN } else { Span::MAX };
    let parts = Span::try_seconds(span.seconds).map(|s| s.checked_add(&Span::nanoseconds(i64::from(span.nanos))));
    parts.flatten().unwrap_or(clamped)
}

/// An id as the protocol carries it.
pub fn id_to_proto(id: model::Id) -> Id {
    let (most, least) = id.halves();
    Id { most_significant_bits: Some(most), least_significant_bits: Some(least) }
}

/// An id of the protocol; absent halves are zero.
pub fn id_from_proto(id: &Id) -> model::Id {
    model::Id::from_halves(id.most_significant_bits.unwrap_or(0), id.least_significant_bits.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_survive_the_round_trip() {
        for micros in [-1, 0, 1, 1_669_000_000_123_456] {
            let at = crate::model::time::from_micros(micros);
            assert_eq!(time_from_proto(time_to_proto(at)), Some(at));
            let span = Span::microseconds(micros);
            assert_eq!(span_from_proto(span_to_proto(span)), span);
        }
        assert_eq!(happened(Timestamp::default()), None);
        assert_eq!(happened(Timestamp { seconds: 0, nanos: 1 }).map(|at| at.timestamp()), Some(0));
        assert_eq!(time_from_proto(Timestamp { seconds: i64::MAX, nanos: 0 }), None);
        assert_eq!(span_from_proto(Duration { seconds: i64::MAX, nanos: 0 }), Span::MAX);
    }
}
