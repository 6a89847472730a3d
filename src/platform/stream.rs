//! Streams: reading the stream side of sources, and run_stream's tails.

pub mod hub;
pub mod record;
pub mod tail;
