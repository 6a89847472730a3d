//! What `delete_keys` asks for and gives (docs/reference.md, delete_keys; docs/semantics.md section 11).

use super::Id;

/// The most keys that one request may name (docs/reference.md, delete_keys).
pub(crate) const MAX_KEYS: usize = 10_000;

/// Which of the two stores a job writes or deletes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stores {
    /// The online store is one of them.
    pub online: bool,
    /// The offline store is one of them.
    pub offline: bool,
}

impl Stores {
    /// In words, to go into a sentence.
    pub fn words(self) -> &'static str {
        match (self.online, self.offline) {
            (true, true) => "online and offline",
            (true, false) => "online",
            (false, true) => "offline",
            (false, false) => "no store",
        }
    }
}

/// The deletion jobs that were started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletionStarted {
    /// One for each store; empty where the deployment does not tell.
    pub jobs: Vec<Id>,
    /// What the caller should know, such as a store that was skipped.
    pub notes: Vec<String>,
}
