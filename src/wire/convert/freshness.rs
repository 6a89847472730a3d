//! Freshness of a view (docs/wire.md section 2.3).

use super::{happened, id_to_proto, span_from_proto, span_to_proto, time_to_proto};
use crate::model::{Freshness, Id};
use crate::wire::proto::status::FreshnessStatus;

/// Freshness as messages carry it.
pub fn freshness_to_proto(view: Id, freshness: &Freshness) -> FreshnessStatus {
    FreshnessStatus {
        feature_view_id: Some(id_to_proto(view)),
        feature_view_name: Some(freshness.feature_view.clone()),
        created_at: freshness.created_at.map(time_to_proto),
        expected_freshness: freshness.expected.map(span_to_proto),
        is_stream: Some(freshness.is_stream),
        materialization_enabled: Some(freshness.materialization_enabled),
        freshness: freshness.freshness.map(span_to_proto),
        is_stale: Some(freshness.is_stale),
    }
}

/// Freshness of a message. A duration of zero or less means "not known", as the released command line reads it.
pub fn freshness_from_proto(status: &FreshnessStatus) -> Freshness {
    let known = |span| Some(span_from_proto(span)).filter(|span| *span > crate::model::Span::zero());
    Freshness {
        feature_view: status.feature_view_name.clone().unwrap_or_default(),
        materialization_enabled: status.materialization_enabled.unwrap_or(false),
        is_stream: status.is_stream.unwrap_or(false),
        is_stale: status.is_stale.unwrap_or(false),
        freshness: status.freshness.and_then(known),
        expected: status.expected_freshness.and_then(known),
        created_at: status.created_at.and_then(happened),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    #[test]
    fn round_trip() {
        let freshness = Freshness {
            feature_view: "v".into(),
            materialization_enabled: true,
            is_stream: true,
            is_stale: false,
            freshness: Some(Span::seconds(7)),
            expected: None,
            created_at: Some(crate::model::time::from_micros(1)),
        };
        assert_eq!(freshness_from_proto(&freshness_to_proto(Id(1), &freshness)), freshness);
    }
}
