//! A key as it is handed out once, and the hash that is kept of it.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every key made here begins with, so that people and secret scanners know it.
const PREFIX: &str = "fvtop_";
/// Characters of a key that people may see.
const SHOWN: usize = 4;
/// Keys shorter than this are shown by nothing at all.
const LONG: usize = 24;

/// A key itself. It is shown once and never kept.
pub struct Secret(String);

impl Secret {
    /// A fresh key: 256 random bits in hexadecimal digits behind a prefix.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn random() -> std::io::Result<Self> {
        let mut bits = [0_u8; 32];
        getrandom::fill(&mut bits).map_err(std::io::Error::other)?;
        Ok(Self(bits.iter().fold(PREFIX.to_owned(), |text, byte| text + &format!("{byte:02x}"))))
    }

    /// A key that somebody else made.
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The key, for the one who is to use it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What people may see of it: its last characters, when enough others are left to guess.
    pub fn obscured(&self) -> String {
        let shown: String = match self.0.char_indices().rev().nth(SHOWN - 1) {
            Some((at, _)) if self.0.len() >= LONG => self.0.get(at..).unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        format!("…{shown}")
    }

    pub fn hash(&self) -> Hash {
        Hash::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What is kept of a key: its SHA-256. A key is random, so there is no list of likely ones to try against a hash, and
/// a slow hash would only slow every request down.
#[derive(Clone)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of a key as it was given.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether two are the same, in a time that does not tell how far they agree.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_differ_and_are_not_shown() {
        let (key, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!((key.reveal().len(), &key.reveal()[..6]), (6 + 64, "fvtop_"));
        assert_ne!(key.reveal(), other.reveal());
        assert!(!format!("{key:?}").contains(&key.reveal()[6..]));
        assert_eq!(key.obscured(), format!("…{}", &key.reveal()[66..]));
        assert_eq!(Secret::of("0123456789abcdef").obscured(), "…", "too short to give anything away");
        assert!(key.hash().is(&Hash::of(key.reveal())) && !key.hash().is(&other.hash()));
    }
}
