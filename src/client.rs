//! The client of a deployment: commands in, updates out.
//!
//! Owns the network: HTTP, polling, retries, the offline state. It must not know the terminal, and never blocks
//! whoever talks to it.

pub mod api;
mod clock;
pub mod endpoint;
pub(crate) mod error;
#[cfg(test)]
mod fuzz;
pub(crate) mod handle;
pub mod keys;
mod limits;
pub mod message;
pub(crate) mod query;
mod reply;
mod scrub;
pub(crate) mod serves;
pub(crate) mod table;
pub(crate) mod tail;
pub(crate) mod task;
#[cfg(test)]
mod testing;
mod transport;
pub(crate) mod trust;
pub(crate) mod wait;

pub use api::Api;
pub use endpoint::{ApiKey, Endpoint, Identity};
pub use error::{Error, Kind};
pub use handle::Handle;
pub use task::{spawn, spawn_when_ready};
pub use trust::Authorities;
