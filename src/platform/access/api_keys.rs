//! The API keys of a deployment: made, listed, revoked, and looked up for each request.
//!
//! A key is found by its hash, which the index of the file compares: what an attacker sends is hashed first, so the
//! time of a look-up says nothing of the keys there are. Nothing is remembered between two requests, so a revocation
//! counts at once, whichever process made it.

use std::path::Path;

use thiserror::Error;

use super::key_file::KeyLine;
use super::{Caller, Hash, Secret, key_rows as rows, schema};
use crate::model::{Id, Role, Time};
use crate::platform::sqlite::{File, FileError};

/// The longest name of a key, in characters.
const LONGEST_NAME: usize = 100;
/// The longest description of a key, in characters.
const LONGEST_DESCRIPTION: usize = 500;

/// What is known of a key; never the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRecord {
    pub id: Id,
    /// Its name; no other key that is not revoked has it.
    pub name: String,
    pub description: String,
    pub role: Role,
    pub obscured: String,
    pub created_at: Time,
    /// The name of the key that made it, or what else did.
    pub created_by: String,
    /// When it was revoked; absent while it is let in.
    pub revoked_at: Option<Time>,
}

impl ApiKeyRecord {
    /// Who asks with this key; nobody once it is revoked.
    pub fn caller(&self) -> Option<Caller> {
        self.revoked_at.is_none().then(|| Caller { key: self.id, name: self.name.clone(), role: self.role })
    }
}

/// A key that is to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub name: String,
    pub description: String,
    pub role: Role,
    pub created_by: String,
}

/// Whether the last owner key may be revoked: then nobody can make keys over the network any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastOwner {
    Stays,
    /// It may go; the file is still there to make another.
    MayGo,
}

/// Why a key was not made, changed or revoked.
#[derive(Debug, Error)]
pub enum AccessError {
    #[error(transparent)]
    File(#[from] FileError),
    /// The system gave no randomness.
    #[error("No key can be made: {0}.")]
    Random(#[from] std::io::Error),
    /// The name or description cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// There is no such key.
    #[error("There is no API key `{0}`. List the keys to see those there are.")]
    NoSuchKey(String),
    /// It is the last one that may make keys.
    #[error(
        "`{0}` is the last owner key: without it nobody could make or revoke keys over the network. Make another owner \
         key first, or revoke this one on the server's machine: `fvtop keys revoke NAME --data-dir DIR`."
    )]
    LastOwner(String),
}

pub struct ApiKeyStore(File);

impl ApiKeyStore {
    /// Opens `access.sqlite` in a data directory, making it when it is not there.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, FileError> {
        File::open(data_dir.join("access.sqlite"), schema::API_KEYS).map(Self)
    }

    /// The key of that hash, revoked or not: one look-up in an index, of some microseconds.
    ///
    /// # Errors
    /// When the file fails.
    pub fn find(&self, hash: &Hash) -> Result<Option<ApiKeyRecord>, FileError> {
        self.0.read(|file| rows::by_hash(file, hash))
    }

    /// All keys, the oldest first; also the revoked ones.
    ///
    /// # Errors
    /// When the file fails.
    pub fn list(&self) -> Result<Vec<ApiKeyRecord>, FileError> {
        self.0.read(rows::all)
    }

    /// Makes a key and keeps its hash.
    ///
    /// # Errors
    /// When its name is taken or cannot be used, or the file fails.
    pub fn create(&self, new: NewApiKey, now: Time) -> Result<(ApiKeyRecord, Secret), AccessError> {
        let (secret, new) = (Secret::random()?, checked(new)?);
        let made = self.0.write(|change| {
            if rows::name_taken(change, &new.name)? {
                Ok(None)
            } else {
                rows::insert(change, &new, &secret, now, None).map(Some)
            }
        })?;
        match made {
            Some(made) => Ok((made, secret)),
            None => Err(taken(&new.name)),
        }
    }

    /// Revokes the key of that id, or else of that name; it stays in the list, and what it did in the audit log. One
    /// that is revoked already stays as it is.
    ///
    /// # Errors
    /// When there is no such key, it is the last owner key and stays, or the file fails.
    pub fn revoke(&self, name_or_id: &str, last: LastOwner, now: Time) -> Result<ApiKeyRecord, AccessError> {
        self.0.write(|change| {
            let Some(known) = rows::named(change, name_or_id)? else {
                return Ok(Err(AccessError::NoSuchKey(name_or_id.to_owned())));
            };
            if known.revoked_at.is_some() {
                return Ok(Ok(known));
            }
            if known.role == Role::Owner && last == LastOwner::Stays && rows::owners(change)? == 1 {
                return Ok(Err(AccessError::LastOwner(known.name)));
            }
            rows::end(change, known.id, now)?;
            Ok(Ok(ApiKeyRecord { revoked_at: Some(now), ..known }))
        })?
    }

    /// Whether the key of that id is let in.
    ///
    /// # Errors
    /// When the file fails.
    pub fn lets_in(&self, id: Id) -> Result<bool, FileError> {
        self.0.read(|file| rows::lets_in(file, id))
    }

    /// Whether any key is let in.
    ///
    /// # Errors
    /// When the file fails.
    pub fn any(&self) -> Result<bool, FileError> {
        self.0.read(rows::any)
    }

    /// How many owner keys are let in.
    ///
    /// # Errors
    /// When the file fails.
    pub fn owners(&self) -> Result<i64, FileError> {
        self.0.read(rows::owners)
    }

    /// Takes the keys of a key file in, as owner keys; one that was revoked stays revoked. Keys that came from this
    /// file and stand in it no longer are revoked: taking a line out of the file is how its readers lock somebody out.
    /// Gives the keys that are new, then those that were revoked.
    ///
    /// # Errors
    /// When the file fails.
    pub fn take_in(
        &self,
        path: &Path,
        lines: &[KeyLine],
        now: Time,
    ) -> Result<(Vec<ApiKeyRecord>, Vec<ApiKeyRecord>), FileError> {
        let source = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let file: String = crate::model::clean(&file).chars().take(LONGEST_NAME / 2).collect();
        self.0.write(|change| {
            let mut made = Vec::new();
            for line in lines {
                let hash = line.secret.hash();
                // A key file may move: what has left it is told by where its keys were found last.
                let moved = rows::moved(change, &hash, &source)?;
                if !moved && rows::by_hash(change, &hash)?.is_none() {
                    let new = NewApiKey {
                        name: rows::free_name(change, &format!("{file} line {}", line.number))?,
                        description: "Taken from a key file.".to_owned(),
                        role: Role::Owner,
                        created_by: "key file".to_owned(),
                    };
                    made.push(rows::insert(change, &new, &line.secret, now, Some(&source))?);
                }
            }
            Ok((made, rows::drop_missing(change, &source, lines, now)?))
        })
    }

    /// A name that no key has, made of the one that is wanted.
    ///
    /// # Errors
    /// When the file fails.
    pub fn free_name(&self, wanted: &str) -> Result<String, FileError> {
        self.0.read(|file| rows::free_name(file, wanted))
    }
}

fn taken(name: &str) -> AccessError {
    AccessError::Unusable(format!(
        "There is an API key `{name}` already. Choose another name, or revoke that one first."
    ))
}

fn checked(new: NewApiKey) -> Result<NewApiKey, AccessError> {
    Ok(NewApiKey { name: name_of(&new.name)?, description: description_of(&new.description)?, ..new })
}

/// A name without blanks around it, that can stand in a line.
fn name_of(text: &str) -> Result<String, AccessError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_NAME || crate::model::clean(text) != text {
        let rule = format!("a name has 1 to {LONGEST_NAME} characters, all of which can be printed in a line");
        return Err(AccessError::Unusable(format!("An API key cannot have that name: {rule}. Choose another one.")));
    }
    Ok(text.to_owned())
}

fn description_of(text: &str) -> Result<String, AccessError> {
    if text.chars().count() > LONGEST_DESCRIPTION {
        let rule = format!("it is longer than {LONGEST_DESCRIPTION} characters");
        return Err(AccessError::Unusable(format!("The description cannot be kept: {rule}. Write a shorter one.")));
    }
    Ok(crate::model::clean(text.trim()).into_owned())
}

#[cfg(test)]
mod tests;
