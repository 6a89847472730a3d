//! Streams: reading the stream side of sources, and run_stream's tails.

pub(crate) mod hub;
#[cfg(test)]
mod laws;
pub(crate) mod record;
pub(crate) mod tail;
