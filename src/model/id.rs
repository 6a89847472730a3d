//! Identifiers: 128 bits, shown to people as 32 lower-case hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The identity of a feature view, job or attempt.
///
/// On the wire it is two fixed 64-bit numbers, most significant first (docs/wire.md section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u128);

/// A text that is not 32 hexadecimal digits.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not an id: an id is 32 hexadecimal digits")]
pub struct NotAnId(pub String);

impl Id {
    /// The id made of its two halves, as the wire carries it.
    pub fn from_halves(most: u64, least: u64) -> Self {
        Self((u128::from(most) << 64) | u128::from(least))
    }

    /// The two halves, most significant first.
    pub fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !fits {
            return Err(NotAnId(text.to_owned()));
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NotAnId(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_32_digits() {
        let id = Id::from_halves(0x1f, 2);
        assert_eq!(id.to_string(), "000000000000001f0000000000000002");
        assert_eq!("000000000000001f0000000000000002".parse(), Ok(id));
        assert_eq!(id.halves(), (0x1f, 2));
    }

    #[test]
    fn refuses_anything_else() {
        for text in ["", "12", "+0000000000001f0000000000000002x", "zz00000000000000000000000000000z"] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
    }
}
