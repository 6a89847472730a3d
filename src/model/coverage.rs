//! Which windows of a view are materialized where.

use super::Window;

/// The windows that each store holds: sorted, none touching another. What was materialized and has no rows counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// What lookups may rely on; empty for a view without an online store.
    pub online: Vec<Window>,
    /// What histories may rely on; empty for a view without an offline store.
    pub offline: Vec<Window>,
}
