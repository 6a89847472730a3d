//! fvtop: a terminal console for streaming feature views, and the feature platform behind it.
//!
//! Arrows go one way: `cli -> tui -> client -> wire -> model` and `cli -> platform -> wire -> model`. The console
//! never imports the platform nor the platform the console: they meet over HTTP alone, also in one process.

pub mod cli;
pub mod client;
#[cfg(test)]
mod fuzz;
// The console alone has the whole of this room and of `wire`, and uses its half of them.
#[cfg_attr(not(feature = "platform"), allow(dead_code))]
pub mod model;
#[cfg(feature = "platform")]
pub mod platform;
pub mod tui;
#[cfg_attr(not(feature = "platform"), allow(dead_code))]
pub mod wire;
