//! The embedded deployment: a feature platform on one machine.
//!
//! It meets the console over HTTP alone and must not import it.

pub mod clock;
pub mod engine;
pub mod jobs;
pub mod offline;
pub mod online;
pub mod registry;
pub mod stream;
