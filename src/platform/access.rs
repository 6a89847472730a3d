//! Who may ask, and who did what: API keys as hashes, and the audit log.
//!
//! Two files of the data directory: `access.sqlite` holds the keys, `audit.sqlite` the log, so that a log that has
//! grown can be moved away. Keys can be made and revoked in the file also while a server runs on it: each request
//! looks its key up there. Calls block on the disk. What a role may do is `model::access`; this room knows nothing of
//! HTTP.

use std::path::Path;

use crate::model::{Id, Role};
use crate::platform::sqlite::FileError;

mod api_keys;
mod audit;
pub(crate) mod key_file;
mod key_rows;
mod schema;
mod secret;
mod wire_forms;

pub(crate) use api_keys::{AccessError, ApiKeyRecord, ApiKeyStore, LastOwner, NewApiKey};
pub(crate) use audit::{AuditLog, AuditQuery, AuditedAction, Entry, Outcome};
pub(crate) use secret::{Hash, Secret};

/// The API key behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key's id; never the key.
    pub key: Id,
    /// The key's name, for people.
    pub name: String,
    pub role: Role,
}

/// Keys and audit log of one data directory, open.
pub struct Access {
    pub api_keys: ApiKeyStore,
    /// What was changed by whom.
    pub audit: AuditLog,
}

impl Access {
    /// Opens both files in `data_dir`, making them when they are not there.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, FileError> {
        Ok(Self { api_keys: ApiKeyStore::open(data_dir)?, audit: AuditLog::open(data_dir)? })
    }
}
