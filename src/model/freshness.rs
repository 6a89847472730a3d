//! How fresh a view's online features are.

use super::{Span, Time};

/// The freshness of one feature view (docs/wire.md section 2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Name of the view, unique in the workspace that was asked for.
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

impl Freshness {
    /// Whether its age, and so whether it is stale, means anything: it is materialized, and both spans are known.
    pub fn is_known(&self) -> bool {
        self.materialization_enabled && self.freshness.is_some() && self.expected.is_some()
    }
}

/// The stale ones first, then the fresh ones, then those of which it is not known; else in the order given.
pub(crate) fn in_order(mut all: Vec<Freshness>) -> Vec<Freshness> {
    all.sort_by_key(|view| match (view.is_known(), view.is_stale) {
        (true, true) => 0,
        (true, false) => 1,
        (false, _) => 2,
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_views_come_first_and_unknown_ones_last() {
        let view = |name: &str, is_stale, age| Freshness {
            feature_view: name.to_owned(),
            materialization_enabled: true,
            is_stream: true,
            is_stale,
            freshness: age,
            expected: Some(Span::hours(1)),
            created_at: None,
        };
        let age = Some(Span::minutes(1));
        let all = vec![view("a", true, None), view("b", false, age), view("c", true, age), view("d", true, age)];
        let names: Vec<_> = in_order(all).into_iter().map(|view| view.feature_view).collect();
        assert_eq!(names, ["c", "d", "b", "a"]);
    }
}
