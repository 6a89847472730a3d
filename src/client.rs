//! The client of a deployment: commands in, updates out.
//!
//! Owns the network: HTTP, polling, retries, the offline state. It must not know the terminal, and never blocks
//! whoever talks to it.

pub mod api;
mod clock;
pub mod endpoint;
pub mod error;
#[cfg(test)]
mod fuzz;
pub mod handle;
pub mod keys;
pub mod message;
pub mod query;
mod reply;
mod scrub;
pub mod serves;
pub mod table;
pub mod tail;
pub mod task;
#[cfg(test)]
mod testing;
mod transport;
pub mod wait;

pub use api::Api;
pub use endpoint::{ApiKey, Endpoint, Identity};
pub use error::{Error, Kind};
pub use handle::Handle;
pub use task::{spawn, spawn_when_ready};
