//! Keys and the audit log in the files of a data directory, whether a server runs on them or not: the way to make the
//! first key.

use std::path::{Path, PathBuf};

use super::failure::{FAILED, Failure};
use crate::client::api::access::AuditWanted;
use crate::model::{Id, Role, Time};
use crate::platform::access::{self, Access, AuditQuery, AuditedAction, LastOwner, Outcome};
use crate::platform::data_dir;
use crate::wire::access::{AuditRow, KeyInfo, KeyMade, NewKey};
use crate::wire::status;

/// The files of a directory.
pub(crate) struct KeyFiles {
    dir: PathBuf,
    access: Box<Access>,
}

impl KeyFiles {
    /// Opens them. `make`: the directory may be one that holds no keys yet.
    ///
    /// # Errors
    /// When it holds none, or the files cannot be used.
    pub(crate) fn open(dir: &Path, make: bool) -> Result<Self, Failure> {
        if !make && !dir.join("access.sqlite").exists() {
            let text =
                format!("There are no API keys in {}: it is not the data directory of a platform.", dir.display());
            return Err(Failure::new(FAILED, text));
        }
        data_dir::claim(dir).map_err(|error| Failure::new(FAILED, format!("{error}.")))?;
        Ok(Self { dir: dir.to_owned(), access: Box::new(Access::open(dir).map_err(failed)?) })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// All keys, also the revoked ones.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn api_keys(&self) -> Result<Vec<KeyInfo>, Failure> {
        Ok(self.access.api_keys.list().map_err(failed)?.into_iter().map(KeyInfo::from).collect())
    }

    /// Makes a key.
    ///
    /// # Errors
    /// When its name or role cannot be had, or it cannot be made.
    pub(crate) fn create(&self, new: NewKey) -> Result<KeyMade, Failure> {
        let role = Role::named(&new.role).ok_or_else(|| failed(format!("There is no role `{}`.", new.role)))?;
        let words = format!("name {}, role {}", new.name, role.name());
        let (name, description) = (new.name, new.description);
        let new = access::NewApiKey { name, description, role, created_by: who() };
        let make = |now| self.access.api_keys.create(new, now);
        let (key, secret) = on_record(&self.access, "fvtop keys create", words, make)?;
        Ok(KeyMade { key: secret.reveal().to_owned(), info: key.into() })
    }

    /// Revokes a key; the last owner key may go as well.
    ///
    /// # Errors
    /// When it is not there, or cannot be revoked.
    pub(crate) fn revoke(&self, id: Id) -> Result<(), Failure> {
        let revoke = |now| self.access.api_keys.revoke(&id.to_string(), LastOwner::MayGo, now);
        on_record(&self.access, "fvtop keys revoke", format!("key {id}"), revoke).map(drop)
    }

    /// The newest entries of the audit log, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn audit(&self, wanted: AuditWanted) -> Result<Vec<AuditRow>, Failure> {
        let AuditWanted { limit, since, key } = wanted;
        let entries = self.access.audit.list(&AuditQuery { limit, since, key }).map_err(failed)?;
        Ok(entries.into_iter().map(AuditRow::from).collect())
    }
}

/// Makes a change of the files, on the record.
fn on_record<T>(
    access: &Access,
    call: &str,
    words: String,
    work: impl FnOnce(Time) -> Result<T, access::AccessError>,
) -> Result<T, Failure> {
    let now = chrono::Utc::now();
    let action = AuditedAction { name: who(), call: call.to_owned(), words, ..AuditedAction::default() };
    let entry = access.audit.begin(&action, now).map_err(failed)?;
    let done = work(now);
    let (code, sentence) = match &done {
        Ok(_) => (status::OK, String::new()),
        Err(error) => (status::INVALID_ARGUMENT, error.to_string()),
    };
    access.audit.end(entry, &Outcome { at: chrono::Utc::now(), code, sentence }).map_err(failed)?;
    done.map_err(failed)
}

/// Who works on the files: whoever may write them, by the name that the environment gives.
fn who() -> String {
    let user = std::env::var("USER").unwrap_or_default();
    let user: String = crate::model::clean(user.trim()).chars().take(64).collect();
    if user.is_empty() { "data directory".to_owned() } else { format!("{user} (data directory)") }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(FAILED, error)
}
