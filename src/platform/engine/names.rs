//! The names that this program gives to columns, kept apart from those that its users give.
//!
//! Pure data. Names are equal whatever their case, for that is how Spark reads the tables they stand in.

use std::collections::BTreeSet;

/// Names that are taken.
pub struct Taken(BTreeSet<String>);

impl Taken {
    /// By these, which stay as they are.
    pub fn by<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(str::to_lowercase).collect())
    }

    /// The name, or where it is taken the first free one with `_` before it; now taken.
    pub fn give(&mut self, mut name: String) -> String {
        while !self.0.insert(name.to_lowercase()) {
            name.insert(0, '_');
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once_whatever_its_case() {
        let mut taken = Taken::by(["Count_x", "_count_X"]);
        let given = ["sum_x", "count_x", "SUM_x"].map(|name| taken.give(name.to_owned()));
        assert_eq!(given, ["sum_x", "__count_x", "_SUM_x"]);
    }
}
