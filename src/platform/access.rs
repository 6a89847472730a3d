//! Who asks: the API key behind a request, and what it may do.

use crate::model::{Id, Role};

/// The API key behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key's id; never the key.
    pub key: Id,
    /// The key's name, for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
}
