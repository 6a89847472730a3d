//! Streams: reading the stream side of sources, and run_stream's tails.

pub mod readers;
pub mod replay;
