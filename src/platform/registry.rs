//! The feature repository: a folder of TOML, read and validated into definitions.
//!
//! `load` never fails as a whole: what is sound is used, what is not is told with file, line, field and fix. This room
//! must not run jobs or write anything.

use std::path::Path;

pub mod definition;

use definition::Repository;

/// Reads the repository below `root`.
pub fn load(root: &Path) -> Repository {
    Repository { root: root.to_owned(), ..Repository::default() }
}
