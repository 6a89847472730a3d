//! Keys as an administrator makes, lists and revokes them.

use super::*;
use crate::model::time::from_micros;

fn store() -> (tempfile::TempDir, ApiKeyStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = ApiKeyStore::open(dir.path()).unwrap();
    (dir, store)
}

fn new(name: &str, role: Role) -> NewApiKey {
    NewApiKey { name: name.to_owned(), description: "for tests".to_owned(), role, created_by: "me".to_owned() }
}

fn now() -> Time {
    from_micros(1_700_000_000_000_000)
}

fn let_in(store: &ApiKeyStore, key: &str) -> Option<Caller> {
    store.find(&Hash::of(key)).unwrap().and_then(|key| key.caller())
}

#[test]
fn a_key_is_let_in_until_it_is_revoked_and_only_its_hash_is_kept() {
    let (dir, store) = store();
    let (record, key) = store.create(new("ci", Role::Operator), now()).unwrap();
    let caller = let_in(&store, key.reveal()).unwrap();
    assert_eq!((caller.key, caller.name.as_str(), caller.role), (record.id, "ci", Role::Operator));
    assert!(let_in(&store, &key.reveal()[1..]).is_none());
    let kept = std::fs::read(dir.path().join("access.sqlite")).unwrap();
    let wal = std::fs::read(dir.path().join("access.sqlite-wal")).unwrap_or_default();
    let digits = &key.reveal().as_bytes()[6..];
    let holds = |bytes: &[u8]| bytes.windows(digits.len()).any(|window| window == digits);
    assert!(!holds(&kept) && !holds(&wal), "the key itself is nowhere");
    // Another process revokes it; this one is not told.
    ApiKeyStore::open(dir.path()).unwrap().revoke("ci", LastOwner::Stays, now()).unwrap();
    assert!(let_in(&store, key.reveal()).is_none());
    assert_eq!(store.list().unwrap()[0].revoked_at, Some(now()));
    assert_eq!(store.find(&key.hash()).unwrap().unwrap().id, record.id, "a revoked key is still known");
}

#[test]
fn a_name_belongs_to_one_key_at_a_time() {
    let (_dir, store) = store();
    let (first, _) = store.create(new("ci", Role::Viewer), now()).unwrap();
    let refusal = store.create(new(" ci ", Role::Viewer), now()).unwrap_err().to_string();
    assert!(refusal.contains("`ci` already"), "{refusal}");
    assert_eq!(store.free_name("ci").unwrap(), "ci (2)");
    store.revoke(&first.id.to_string(), LastOwner::Stays, now()).unwrap();
    let (second, key) = store.create(new("ci", Role::Viewer), now()).unwrap();
    store.revoke("ci", LastOwner::Stays, now()).unwrap();
    assert!(let_in(&store, key.reveal()).is_none(), "by name it is the key that is let in");
    assert_ne!(first.id, second.id);
    for bad in ["", "  ", "a\nb", "\u{202e}x", &"x".repeat(101)] {
        assert!(matches!(store.create(new(bad, Role::Viewer), now()), Err(AccessError::Unusable(_))), "{bad:?}");
    }
    assert!(matches!(store.revoke("none", LastOwner::Stays, now()), Err(AccessError::NoSuchKey(_))));
}

#[test]
fn the_last_owner_key_goes_only_by_the_file() {
    let (_dir, store) = store();
    store.create(new("a", Role::Owner), now()).unwrap();
    store.create(new("b", Role::Owner), now()).unwrap();
    store.create(new("c", Role::Editor), now()).unwrap();
    store.revoke("a", LastOwner::Stays, now()).unwrap();
    let refusal = store.revoke("b", LastOwner::Stays, now()).unwrap_err();
    assert!(matches!(&refusal, AccessError::LastOwner(name) if name == "b"), "{refusal}");
    assert!(store.revoke("a", LastOwner::Stays, now()).is_ok(), "a revoked key stays as it is");
    assert_eq!(store.owners().unwrap(), 1);
    store.revoke("b", LastOwner::MayGo, now()).unwrap();
    assert_eq!((store.owners().unwrap(), store.any().unwrap()), (0, true));
}

#[test]
fn a_key_file_is_taken_in_once_and_what_leaves_it_is_locked_out() {
    let (dir, store) = store();
    let take_from = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let (made, dropped) = store.take_in(&path, &super::super::key_file::read(&path).unwrap(), now()).unwrap();
        (made.len(), dropped.len())
    };
    let take = |text: &str| take_from("keys", text);
    let (one, two) = ("one-of-the-old-keys", "two-of-the-old-keys");
    assert_eq!(take(&format!("{one}\n{two}\n")), (2, 0));
    assert_eq!(take(&format!("{one}\n{two}\n")), (0, 0), "the same file again changes nothing");
    let caller = let_in(&store, two).unwrap();
    assert_eq!((caller.role, caller.name), (Role::Owner, "keys line 2".to_owned()));
    assert_eq!(take(&format!("{two}\nthree-of-the-old-keys\n")), (1, 1));
    assert!(let_in(&store, one).is_none() && let_in(&store, two).is_some());
    store.revoke(&let_in(&store, two).unwrap().key.to_string(), LastOwner::MayGo, now()).unwrap();
    assert_eq!(take(&format!("{one}\n{two}\nthree-of-the-old-keys\n")), (0, 0));
    assert!(let_in(&store, one).is_none() && let_in(&store, two).is_none(), "a revoked key stays revoked");
    assert_eq!(take_from("moved", "three-of-the-old-keys\nfour-of-the-old-keys\n"), (1, 0), "a file may move");
    assert_eq!(take_from("moved", "four-of-the-old-keys\n"), (0, 1), "and what leaves it then is locked out too");
}
