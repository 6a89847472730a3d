//! The feature repository: definitions as the platform's other rooms use them.
//!
//! This room reads and validates TOML; it must not run anything.

pub mod definition;
