//! The embedded stores beside the bare library doing the same writes, and the job table when it is full, in one run:
//! `cargo bench
//! --bench stores`, or one store alone by its name: `cargo bench --bench stores -- offline`.
//!
//! What is measured and what came out is in `benches/README.md`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops at the first surprise and prints")]

mod ingest;
mod jobs;
mod offline;
mod online;

/// A store: its name, and its measurements; they say whether all bounds are met.
type Store = (&'static str, fn() -> bool);

const STORES: [Store; 4] =
    [("offline", offline::bench), ("online", online::bench), ("jobs", jobs::bench), ("ingest", ingest::bench)];

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let met = STORES.iter().filter(|(name, _)| wanted(name)).fold(true, |met, (name, bench)| {
        println!("{name}");
        bench() && met
    });
    println!("{}", if met { "All bounds are met." } else { "Some bounds are NOT met." });
}

/// The one in the middle.
pub(crate) fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
