//! Finds what is stored under the keys of conditional puts. Where they come in their order it walks along the stored
//! keys beside them, which is cheaper than asking for each; where too much else lies between them, it asks for each.

use fjall::{Keyspace, UserKey, UserValue};

use super::super::contract::{Change, ID_BYTES};

/// Stored keys that a walk may meet before it gives up, for each that it found and at its beginning.
const PATIENCE: usize = 16;

/// The walk along the stored keys.
pub(super) struct StoredWalk {
    /// The key at which it ends; absent once it has begun, and where it never begins.
    last: Option<Vec<u8>>,
    walk: Option<fjall::Iter>,
    at: Option<(UserKey, UserValue)>,
    patience: usize,
}

impl StoredWalk {
    /// For keys that come in their order, up to the last there is.
    pub(super) fn up_to_the_end() -> Self {
        // No view has an id of nothing but 0xff.
        Self { last: Some(vec![0xff; ID_BYTES + 1]), walk: None, at: None, patience: PATIENCE }
    }

    /// For the conditional puts among the changes.
    pub(super) fn along(changes: &[Change]) -> Self {
        let keys = || {
            changes.iter().filter_map(|change| match change {
                Change::PutNewer { space, key, .. } => Some((*space, key.joined())),
                _ => None,
            })
        };
        let one_space = keys().map(|(space, _)| space).is_sorted_by(|a, b| a == b);
        let last = keys().next_back().filter(|_| one_space && keys().is_sorted()).map(|(_, key)| key.to_vec());
        Self { last, walk: None, at: None, patience: PATIENCE }
    }

    /// What is stored under the key.
    pub(super) fn find(&mut self, keyspace: &Keyspace, key: &[u8]) -> fjall::Result<Option<UserValue>> {
        if let Some(last) = self.last.take() {
            self.walk = Some(keyspace.range(key.to_vec()..=last));
            self.step()?;
        }
        while self.walk.is_some() && self.at.as_ref().is_some_and(|(stored, _)| **stored < *key) {
            self.patience -= 1;
            if self.patience == 0 {
                self.walk = None;
            } else {
                self.step()?;
            }
        }
        if self.walk.is_none() {
            return keyspace.get(key);
        }
        let found = self.at.as_ref().filter(|(stored, _)| **stored == *key).map(|(_, value)| value.clone());
        self.patience += if found.is_some() { PATIENCE } else { 1 };
        Ok(found)
    }

    fn step(&mut self) -> fjall::Result<()> {
        self.at = self.walk.as_mut().and_then(Iterator::next).map(fjall::Guard::into_inner).transpose()?;
        Ok(())
    }
}
