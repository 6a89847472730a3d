//! API keys: who asks, and whether it may.
//!
//! A key is known by its hash. Keys are never printed.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fault::Fault;
use crate::model::{Id, Right, Role, Time};
use crate::platform::access::{Access, ApiKeyRecord, Caller, Hash, Secret};
use crate::platform::sqlite::FileError;

/// How often at most it is logged that somebody was not known.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// The keys of a deployment: those of its file, and where the platform is part of the console, one of that console
/// alone.
pub struct ApiKeys {
    access: Arc<Access>,
    own: Option<(Hash, ApiKeyRecord)>,
    strangers: Mutex<Strangers>,
}

/// Requests whose key was not known since that was last logged.
#[derive(Default)]
struct Strangers {
    seen: u64,
    last_logged: Option<Instant>,
}

impl ApiKeys {
    /// The keys of the file.
    pub fn stored(access: Arc<Access>) -> Self {
        Self { access, own: None, strangers: Mutex::default() }
    }

    /// The keys of the file and a fresh owner key of that name, which lives as long as this process, and the key
    /// itself for the client that is to use it.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn with_own(access: Arc<Access>, name: &str, now: Time) -> std::io::Result<(Self, String)> {
        let key = Secret::random()?;
        let record = ApiKeyRecord {
            id: Id(uuid::Uuid::new_v4().as_u128()),
            name: name.to_owned(),
            description: "The key of the console that the platform is part of; it ends with it.".to_owned(),
            role: Role::Owner,
            obscured: key.obscured(),
            created_at: now,
            created_by: name.to_owned(),
            revoked_at: None,
        };
        let keys = Self { own: Some((key.hash(), record)), ..Self::stored(access) };
        Ok((keys, key.reveal().to_owned()))
    }

    /// The caller that an authorization value (`Tecton-key KEY` or `Bearer KEY`, the scheme in any case) names.
    ///
    /// # Errors
    /// Code 16 for a key that is missing, not known or revoked (docs/wire.md section 1.2).
    pub fn caller(&self, authorization: Option<&str>) -> Result<Caller, Fault> {
        let key = authorization.and_then(key_of);
        let found = key.map(|key| self.find(key)).transpose()?.flatten();
        found.as_ref().and_then(ApiKeyRecord::caller).ok_or_else(|| {
            self.stranger();
            Fault::unknown_key()
        })
    }

    /// What is known of a key, revoked or not.
    ///
    /// # Errors
    /// When the file fails.
    pub fn find(&self, key: &str) -> Result<Option<ApiKeyRecord>, FileError> {
        let hash = Hash::of(key);
        match &self.own {
            Some((own, record)) if own.is(&hash) => Ok(Some(record.clone())),
            // In memory but for the first time, and never waiting for a writer: this may be asked on an async thread.
            _ => self.access.api_keys.find(&hash),
        }
    }

    /// Whether a caller's key is still let in. A file that fails lets nobody in.
    pub fn lets_in(&self, caller: &Caller) -> bool {
        let own = self.own.as_ref().is_some_and(|(_, record)| record.id == caller.key);
        own || self.access.api_keys.lets_in(caller.key).unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn Error, "the keys cannot be read");
            false
        })
    }

    /// Counts somebody who is not known. A flood of them is a line a minute, for each to be logged would fill the disk.
    fn stranger(&self) {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.seen += 1;
        if strangers.last_logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            let seen = std::mem::take(&mut strangers.seen);
            tracing::warn!(requests = seen, "requests came without a known API key");
            strangers.last_logged = Some(Instant::now());
        }
    }
}

/// Whether a caller may do what needs that right.
///
/// # Errors
/// Code 7 when it may not; the detail says which roles may.
pub(super) fn allow(caller: &Caller, right: Right) -> Result<(), Fault> {
    if caller.role.may(right) { Ok(()) } else { Err(Fault::forbidden(caller, right)) }
}

/// The key in an authorization value.
fn key_of(authorization: &str) -> Option<&str> {
    let (scheme, key) = crate::wire::proxy::authorization(authorization)?;
    let known = ["tecton-key", "bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (known && !key.is_empty()).then_some(key)
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::access::{LastOwner, NewApiKey};
    use crate::wire::status;

    #[test]
    fn keys_are_taken_with_either_scheme_until_they_are_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let access = Arc::new(Access::open(dir.path()).unwrap());
        let now = chrono::Utc::now();
        let new =
            NewApiKey { name: "ci".into(), description: String::new(), role: Role::Viewer, created_by: "me".into() };
        let (record, key) = access.api_keys.create(new, now).unwrap();
        let (keys, own) = ApiKeys::with_own(Arc::clone(&access), "this console", now).unwrap();
        let key = key.reveal();
        for good in [format!("Tecton-key {key}"), format!("bearer {own}"), format!("TECTON-KEY  {key} ")] {
            assert!(keys.caller(Some(&good)).is_ok());
        }
        for bad in
            [key.to_owned(), format!("Basic {key}"), format!("Bearer {}", &key[1..]), "Bearer ".into(), "".into()]
        {
            assert_eq!(keys.caller(Some(&bad)).unwrap_err().code, status::UNAUTHENTICATED);
        }
        assert_eq!(keys.caller(None).unwrap_err().code, status::UNAUTHENTICATED);
        let key = format!("Tecton-key {key}");
        let refusal = allow(&keys.caller(Some(&key)).unwrap(), Right::ReadFeatures).unwrap_err();
        assert_eq!(refusal.code, status::PERMISSION_DENIED);
        assert!(refusal.detail.contains("`ci` has the role viewer"), "{}", refusal.detail);
        assert!(refusal.detail.contains("consumer or editor or owner"), "{}", refusal.detail);
        access.api_keys.revoke(&record.id.to_string(), LastOwner::Stays, now).unwrap();
        assert_eq!(keys.caller(Some(&key)).unwrap_err().code, status::UNAUTHENTICATED);
        assert!(!format!("{keys:?}").contains(&own));
    }
}
