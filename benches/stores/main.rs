//! The embedded stores beside the bare libraries doing the same writes, in one run: `cargo bench --bench stores`, or one store
//! alone by its name: `cargo bench --bench stores -- offline`.
//!
//! What is measured and what came out is in `benches/README.md`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops at the first surprise and prints")]

mod offline;
mod online;

use std::path::Path;

/// A store: its name, and its measurements below a folder; they say whether all bounds are met.
type Store = (&'static str, fn(&Path) -> bool);

const STORES: [Store; 2] = [("offline", offline::run), ("online", |_| online::bench())];

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-stores");
    let mut met = true;
    for (name, run) in STORES.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name)) {
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        println!("{name}");
        met &= run(&dir);
    }
    println!("{}", if met { "All bounds are met." } else { "Some bounds are NOT met." });
}

/// The one in the middle.
pub fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
