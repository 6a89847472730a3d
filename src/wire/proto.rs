//! The protobuf messages of the protocol that this program sends or reads.
//!
//! Written as derives: no compiler to install. Names, numbers and types are the protocol's own. The members of a
//! oneof are plain optional fields; whoever builds a message sets one of them. Fields that are not listed are skipped
//! when read. Maps are lists of entries, so that what is read is written again byte for byte.
#![expect(missing_docs, reason = "a field's name is the protocol's; documented are those whose name does not say it")]

pub(crate) mod aggregate;
pub mod common;
pub mod deletion;
pub mod enums;
pub mod fleet;
pub mod jobs;
pub mod keys;
pub(crate) mod materialization;
pub(crate) mod objects;
pub(crate) mod saved;
pub(crate) mod service;
pub mod serving;
pub(crate) mod source;
pub mod status;
pub mod tasks;
pub mod view;
pub mod workspace;
