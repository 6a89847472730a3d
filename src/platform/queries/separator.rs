//! What stands between a view's and a feature's name in the columns that are joined to a spine (docs/semantics.md
//! section 3).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest separator, in characters.
const LONGEST: usize = 8;

/// A separator: 1 to 8 characters, none of them a control character. The default is `.`, as in `view.feature`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separator(String);

/// A text that cannot be a separator.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a feature separator has 1 to {LONGEST} characters and no control characters, such as `.` or `__`")]
pub struct NotASeparator;

impl Separator {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Separator {
    fn default() -> Self {
        Self(".".to_owned())
    }
}

impl FromStr for Separator {
    type Err = NotASeparator;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=LONGEST).contains(&text.chars().count());
        // What the eye would not see as it is cannot be part of a column's name.
        if fits && crate::model::clean(text) == text { Ok(Self(text.to_owned())) } else { Err(NotASeparator) }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_short_and_visible() {
        for good in [".", "__", "::", "äöü", "12345678"] {
            assert_eq!(good.parse::<Separator>().unwrap().as_str(), good);
        }
        for bad in ["", "123456789", "\n", "a\u{1b}", "\u{202e}"] {
            assert_eq!(bad.parse::<Separator>(), Err(NotASeparator), "{bad:?}");
        }
    }
}
