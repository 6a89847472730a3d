//! The embedded stores beside the bare libraries doing the same work, in one run: `cargo bench --bench stores`.
//!
//! What is measured and what came out is in `benches/README.md`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops at the first surprise and prints")]

mod online;

fn main() {
    let met = online::bench();
    println!("{}", if met { "All bounds are met." } else { "Some bounds are NOT met." });
}
