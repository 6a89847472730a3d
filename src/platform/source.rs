//! Where events come from: files of the batch side, recorded streams, and the readers that share them.
//!
//! It reads; it must not compute features, write anything, or keep a position.

pub mod arrivals;
mod arrow_reader;
pub mod files;
pub mod footer;
pub mod lap;
pub mod readers;
pub mod replay;
pub mod schema;
