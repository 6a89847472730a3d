//! API keys: who may ask anything at all.
//!
//! Keys are compared in constant time and never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use subtle::{ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

use super::fault::Fault;
use crate::model::{Id, Right, Role};
use crate::platform::access::Caller;

/// The shortest key that is taken from a file.
const SHORTEST: usize = 16;

/// The keys of a deployment. All have the same rights.
#[derive(Clone)]
pub struct ApiKeys(Vec<Box<str>>);

/// Why a key file cannot be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It is not there.
    #[error(
        "the API key file {0} does not exist. Make one: `(umask 077; head -c 24 /dev/urandom | base64 > {0})`, and give \
         its content to clients as TECTON_API_KEY"
    )]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("the API key file {path} cannot be read: {problem}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What happened.
        problem: std::io::Error,
    },
    /// It holds no key.
    #[error("the API key file {0} holds no key: write one key a line; lines that begin with # are comments")]
    Empty(PathBuf),
    /// A key in it is too easy to guess, or not one word.
    #[error("line {line} of the API key file {path} is not a key: a key is one word of at least {SHORTEST} characters")]
    Weak {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl ApiKeys {
    /// The keys in a file: one a line, empty lines and lines that begin with `#` left out.
    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        let text = std::fs::read_to_string(path).map_err(|problem| match problem.kind() {
            std::io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
            _ => KeyFileError::Unreadable { path: path.to_owned(), problem },
        })?;
        let mut keys = Vec::new();
        for (line, key) in (1..).zip(text.lines().map(str::trim)) {
            if key.is_empty() || key.starts_with('#') {
                continue;
            }
            if key.len() < SHORTEST || key.contains(char::is_whitespace) {
                return Err(KeyFileError::Weak { path: path.to_owned(), line });
            }
            keys.push(key.into());
        }
        if keys.is_empty() { Err(KeyFileError::Empty(path.to_owned())) } else { Ok(Self(keys)) }
    }

    /// One fresh random key, and the key itself for the client that is to use it.
    pub fn random() -> (Self, String) {
        let word = || uuid::Uuid::new_v4().simple().to_string();
        let key = word() + &word();
        (Self(vec![key.as_str().into()]), key)
    }

    /// The caller that an authorization value (`Tecton-key KEY` or `Bearer KEY`, the scheme in any case) names, when it may do
    /// what needs that right.
    ///
    /// # Errors
    /// Code 16 for a key that is missing or not known, code 7 for one without the right (wire section 1.2).
    pub fn admit(&self, authorization: Option<&str>, right: Right) -> Result<Caller, Fault> {
        let caller = self.caller(authorization).ok_or_else(Fault::unknown_key)?;
        if caller.role.may(right) { Ok(caller) } else { Err(Fault::forbidden(&caller, right)) }
    }

    fn caller(&self, authorization: Option<&str>) -> Option<Caller> {
        let (scheme, key) = authorization?.trim().split_once(char::is_whitespace)?;
        let known_scheme = ["tecton-key", "bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let key = key.trim().as_bytes();
        // Every key is compared, so that the time taken does not tell which one came close. 0 stands for none.
        let mut found = 0;
        for (number, own) in (1_u64..).zip(&self.0) {
            found.conditional_assign(&number, own.as_bytes().ct_eq(key));
        }
        let caller = Caller { key: Id(found.into()), name: format!("key {found}"), role: Role::Owner };
        (known_scheme && found > 0).then_some(caller)
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({} keys)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn keys_are_taken_with_either_scheme() {
        let (_dir, path) = file("# mine\nabcdefghijklmnop\n\n  qrstuvwxyz0123456  \n");
        let keys = ApiKeys::from_file(&path).unwrap();
        for good in ["Tecton-key abcdefghijklmnop", "bearer qrstuvwxyz0123456", "TECTON-KEY  abcdefghijklmnop "] {
            assert!(keys.admit(Some(good), Right::AnyKey).is_ok(), "{good}");
        }
        for bad in
            ["abcdefghijklmnop", "Basic abcdefghijklmnop", "Bearer abcdefghijklmno", "Bearer ", "Bearer # mine", ""]
        {
            assert!(keys.admit(Some(bad), Right::AnyKey).is_err(), "{bad}");
        }
        assert!(keys.admit(None, Right::AnyKey).is_err());
        let owner = |key: &str| keys.admit(Some(&format!("Tecton-key {key}")), Right::AnyKey);
        assert_ne!(owner("abcdefghijklmnop").unwrap(), owner("qrstuvwxyz0123456").unwrap());
    }

    #[test]
    fn a_missing_file_says_how_to_make_one() {
        let text = ApiKeys::from_file(Path::new("/nowhere/keys")).unwrap_err().to_string();
        assert!(text.contains("/dev/urandom") && text.contains("/nowhere/keys"), "{text}");
    }

    #[test]
    fn empty_and_weak_files_are_refused() {
        let (_dir, path) = file("# nothing\n");
        assert!(matches!(ApiKeys::from_file(&path), Err(KeyFileError::Empty(_))));
        let (_dir, path) = file("\nsecret\n");
        let error = ApiKeys::from_file(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::Weak { line: 2, .. }));
        assert!(!error.to_string().contains("secret"), "keys are never printed");
    }

    #[test]
    fn random_keys_differ_and_are_not_shown() {
        let ((keys, key), (_, other)) = (ApiKeys::random(), ApiKeys::random());
        assert_ne!(key, other);
        assert!(keys.admit(Some(&format!("Tecton-key {key}")), Right::AnyKey).is_ok());
        assert!(!format!("{keys:?}").contains(&key));
    }
}
