//! A file of API keys, for deployments whose keys are handed out by something else.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Secret;

/// The shortest key that is taken from a file.
const SHORTEST: usize = 16;

/// A key in a file.
#[derive(Debug)]
pub struct KeyLine {
    pub number: usize,
    pub secret: Secret,
}

/// Why a key file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum KeyFileError {
    #[error(
        "the API key file {0} does not exist. Make one: `(umask 077; head -c 24 /dev/urandom | base64 > {0})`, and give \
         its content to clients as TECTON_API_KEY"
    )]
    Missing(PathBuf),
    #[error("the API key file {path} cannot be read: {problem}")]
    Unreadable {
        path: PathBuf,
        #[source]
        problem: std::io::Error,
    },
    #[error("the API key file {0} holds no key: write one key a line; lines that begin with # are comments")]
    Empty(PathBuf),
    /// A key in it is too easy to guess, or not one word.
    #[error("line {line} of the API key file {path} is not a key: a key is one word of at least {SHORTEST} characters")]
    Weak { path: PathBuf, line: usize },
}

/// The keys in a file: one a line, empty lines and lines that begin with `#` left out.
///
/// # Errors
/// When it is not there, cannot be read, holds no key, or one that is too easy to guess.
pub(crate) fn read(path: &Path) -> Result<Vec<KeyLine>, KeyFileError> {
    let text = std::fs::read_to_string(path).map_err(|problem| match problem.kind() {
        std::io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => KeyFileError::Unreadable { path: path.to_owned(), problem },
    })?;
    let mut api_keys = Vec::new();
    for (number, key) in (1..).zip(text.lines().map(str::trim)) {
        if key.is_empty() || key.starts_with('#') {
            continue;
        }
        if key.len() < SHORTEST || key.contains(char::is_whitespace) {
            return Err(KeyFileError::Weak { path: path.to_owned(), line: number });
        }
        api_keys.push(KeyLine { number, secret: Secret::of(key) });
    }
    if api_keys.is_empty() { Err(KeyFileError::Empty(path.to_owned())) } else { Ok(api_keys) }
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
    fn keys_are_read_line_by_line() {
        let (_dir, path) = file("# mine\nabcdefghijklmnop\n\n  qrstuvwxyz0123456  \n");
        let api_keys = read(&path).unwrap();
        let api_keys: Vec<_> = api_keys.iter().map(|key| (key.number, key.secret.reveal())).collect();
        assert_eq!(api_keys, [(2, "abcdefghijklmnop"), (4, "qrstuvwxyz0123456")]);
    }

    #[test]
    fn a_missing_file_says_how_to_make_one() {
        let text = read(Path::new("/nowhere/keys")).unwrap_err().to_string();
        assert!(text.contains("/dev/urandom") && text.contains("/nowhere/keys"), "{text}");
    }

    #[test]
    fn empty_and_weak_files_are_refused() {
        let (_dir, path) = file("# nothing\n");
        assert!(matches!(read(&path), Err(KeyFileError::Empty(_))));
        let (_dir, path) = file("\nsecret\n");
        let error = read(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::Weak { line: 2, .. }));
        assert!(!error.to_string().contains("secret"), "keys are never printed");
    }
}
