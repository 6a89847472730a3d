//! Streams: reading the stream side of sources, and run_stream's tails.

pub mod hub;
pub mod readers;
pub mod record;
pub mod replay;
pub mod tail;
