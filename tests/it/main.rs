//! The program as its users meet it: a server killed in the middle of its work, lookups checked against the events, the
//! console in a real terminal, wrong keys and dead servers.
//!
//! One binary, so that it links once.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "a seed, and why something was skipped, are for whoever runs the tests")]

mod arguments;
mod bounds;
mod citations;
mod commands;
mod console;
mod crash;
mod damage;
mod deployment;
mod disk;
mod failures;
mod faults;
mod fleet;
mod format;
mod golden;
mod golden_stream;
mod ingest;
mod kept;
mod keys;
mod late;
mod lookup;
mod pool;
mod privacy;
mod profiles;
mod queries;
mod readers;
mod rooms;
mod scene;
mod sdk;
mod semantics;
mod sources;
mod streams;
mod support;
mod tls;
mod views;
