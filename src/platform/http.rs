//! The HTTP surface.

pub mod keys;
pub use keys::{ApiKeys, KeyFileError};
