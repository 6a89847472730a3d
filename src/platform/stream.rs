//! Streams: reading the stream side of sources, and run_stream's tails.

pub mod hub;
#[cfg(test)]
mod laws;
pub mod record;
pub mod tail;
