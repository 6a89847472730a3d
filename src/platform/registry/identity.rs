//! Identities that are the same after every load.

use crate::model::Id;

/// The id of a thing of a workspace: two rounds of 64-bit FNV-1a over `workspace/kind/name`, the second begun with the
/// result of the first. Not a secret and no defence against collisions made on purpose: names are unique by check.
pub fn stable_id(workspace: &str, kind: &str, name: &str) -> Id {
    let text = format!("{workspace}/{kind}/{name}");
    let most = fnv1a(0xcbf2_9ce4_8422_2325, text.as_bytes());
    Id::from_halves(most, fnv1a(most, text.as_bytes()))
}

/// 64-bit FNV-1a from `state` on.
pub fn fnv1a(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_apart() {
        let id = stable_id("prod", "view", "route_stats");
        assert_eq!(id, stable_id("prod", "view", "route_stats"));
        assert_ne!(id, stable_id("dev", "view", "route_stats"));
        assert_ne!(id, stable_id("prod", "entity", "route_stats"));
    }
}
