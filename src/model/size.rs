//! Sizes in bytes, as people write them.

use thiserror::Error;

/// Units with their bytes; their case does not matter.
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A text that is not a size.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a size: write a whole number of bytes, kB, MB, GB or TB (KiB, MiB, GiB, TiB), such as `10GB`")]
pub(crate) struct NotASize(pub String);

/// Reads `10GB`, `512 MiB` or `4096`.
///
/// # Errors
/// When it is anything else, or more than 2^64 bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, NotASize> {
    let trimmed = text.trim();
    let (number, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len()));
    let unit = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim_start()));
    let size = unit.zip(number.parse::<u64>().ok()).and_then(|((_, bytes), number)| number.checked_mul(*bytes));
    size.ok_or_else(|| NotASize(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_a_thousand_and_of_1024() {
        let sizes = [
            ("0", 0),
            ("4096", 4_096),
            ("10GB", 10_000_000_000),
            (" 10 gb ", 10_000_000_000),
            ("512MiB", 512 << 20),
            ("18446744073709551615", u64::MAX),
        ];
        for (text, bytes) in sizes {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "1.5GB", "-1", "10 X", "18446744073709551616", "20000000TB", "1e3"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
