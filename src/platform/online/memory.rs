//! The byte store in memory, for tests: proof that the trait is all that the online store needs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{PoisonError, RwLock};

use super::OnlineError;
use super::contract::{ByteStore, Change, Space, Visit, wins};

type Entries = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

/// Keys and values of all spaces.
#[derive(Default)]
pub struct MemoryStore(RwLock<Entries>);

impl ByteStore for MemoryStore {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, OnlineError> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(all.get(&(space, key.to_vec())).cloned())
    }

    fn scan(&self, space: Space, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let from = (space, from.to_vec());
        let to = from.clone().max((space, to.to_vec()));
        for ((_, key), value) in all.range(from..to) {
            if let ControlFlow::Break(()) = visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, changes: Vec<Change>) -> Result<Vec<usize>, OnlineError> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut lost = Vec::new();
        for (at, change) in changes.into_iter().enumerate() {
            match change {
                Change::Put { space, key, value } => drop(all.insert((space, key), value)),
                Change::Remove { space, key } => drop(all.remove(&(space, key))),
                Change::PutNewer { space, key, value } => {
                    if all.get(&(space, key.clone())).is_none_or(|stored| wins(&value, stored)) {
                        all.insert((space, key), value);
                    } else {
                        lost.push(at);
                    }
                }
            }
        }
        Ok(lost)
    }
}
