//! The client of a deployment: commands in, updates out.
//!
//! Owns the network: HTTP, polling, retries, the offline state. It must not know the terminal, and never blocks
//! whoever talks to it.

pub mod handle;
pub mod message;

pub use handle::Handle;
