//! The protocol of a Tecton deployment, in both directions: envelope, messages, JSON of the feature server; and
//! JSON and Arrow tables of what the protocol has no call for.
//!
//! Plain data in, plain data out. This room must not do I/O, and knows nothing of who sends or serves. What travels is
//! described in docs/wire.md and docs/messages.md.

pub mod access;
pub mod arrow;
pub mod convert;
#[cfg(test)]
mod examples;
pub mod features;
#[cfg(test)]
mod fuzz;
pub mod ingest;
pub(crate) mod openmetrics;
pub(crate) mod parquet;
pub mod proto;
pub mod proxy;
pub mod quarantine;
pub mod queries;
pub(crate) mod rest;
pub mod rpc;
pub mod status;
pub(crate) mod streams;
pub(crate) mod table;
pub(crate) mod typed;
