//! How fresh a view's online features are.

use super::{Span, Time};

/// The freshness of one feature view (wire section 2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Name of the view.
    pub feature_view: String,
    /// Whether the view is materialized at all.
    pub materialization_enabled: bool,
    /// Whether the view has a stream.
    pub is_stream: bool,
    /// Whether the server calls it stale.
    pub is_stale: bool,
    /// Age of the newest feature data; absent when nothing was written yet.
    pub freshness: Option<Span>,
    /// The age at which it counts as stale.
    pub expected: Option<Span>,
    /// When the view was created.
    pub created_at: Option<Time>,
}
