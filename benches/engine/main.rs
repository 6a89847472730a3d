//! Feature computation beside plain Polars doing the minimum of the same work, in one run: `cargo bench`.
//!
//! Each measurement is a process of its own, so that its peak of resident memory is its own too; ours and Polars' take
//! turns. What is measured and what came out is in `benches/README.md`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops at the first surprise and prints")]

mod data;
mod ours;
mod plain;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Runs of each side.
const ROUNDS: usize = 3;

/// One line of the table.
struct Case {
    name: &'static str,
    /// Ours may take so many times what Polars takes.
    bound: f64,
    plain: fn(&Path) -> String,
    ours: fn(&Path) -> String,
}

const CASES: [Case; 4] = [
    Case { name: "as-of, 100 k x 10 M", bound: 1.2, plain: plain::as_of, ours: ours::as_of },
    Case {
        name: "9 windowed aggregates, 100 k x 10 M",
        bound: 0.5,
        plain: |dir| plain::windows(dir, data::SMALL),
        ours: |dir| ours::windows(dir, data::SMALL),
    },
    Case {
        name: "9 windowed aggregates, 1 M x 10 M",
        bound: 0.7,
        plain: |dir| plain::windows(dir, data::LARGE),
        ours: |dir| ours::windows(dir, data::LARGE),
    },
    Case { name: "10 M events into a Delta commit", bound: 1.3, plain: plain::tiles, ours: ours::tiles },
];

fn main() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    if let Some(side) = args.next_if_side() {
        let case = &CASES[args.next().unwrap().parse::<usize>().unwrap()];
        return measure(case, &side, &dir);
    }
    data::make(&dir);
    println!(
        "{:<38} {:>8} {:>8} {:>6} {:>6} {:>10} {:>10}",
        "", "Polars s", "ours s", "ratio", "bound", "Polars MiB", "ours MiB"
    );
    let mut met = true;
    for (at, case) in CASES.iter().enumerate() {
        let (mut plain, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(child("plain", at));
            ours.push(child("ours", at));
        }
        for (a, b) in plain.iter().zip(&ours) {
            assert_eq!(a.2, b.2, "{}: the two do not give the same", case.name);
        }
        let median = |runs: &[(f64, f64, String)]| {
            let mut seconds: Vec<f64> = runs.iter().map(|run| run.0).collect();
            seconds.sort_by(f64::total_cmp);
            seconds[seconds.len() / 2]
        };
        let peak = |runs: &[(f64, f64, String)]| runs.iter().map(|run| run.1).fold(0.0, f64::max);
        let ratio = median(&ours) / median(&plain);
        met &= ratio <= case.bound && peak(&ours) <= 1536.0;
        println!(
            "{:<38} {:>8.2} {:>8.2} {ratio:>6.2} {:>6.2} {:>10.0} {:>10.0}",
            case.name,
            median(&plain),
            median(&ours),
            case.bound,
            peak(&plain),
            peak(&ours)
        );
    }
    println!("{}", if met { "All bounds are met." } else { "Some bounds are NOT met." });
}

trait NextSide {
    fn next_if_side(&mut self) -> Option<String>;
}

impl<I: Iterator<Item = String>> NextSide for I {
    fn next_if_side(&mut self) -> Option<String> {
        self.next().filter(|word| word == "plain" || word == "ours")
    }
}

/// Does one measurement in this process and prints seconds, peak MiB, and what came out.
fn measure(case: &Case, side: &str, dir: &Path) {
    let work = if side == "plain" { case.plain } else { case.ours };
    let begun = Instant::now();
    let result = work(dir);
    let seconds = begun.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: f64 = peak.trim().trim_end_matches("kB").trim().parse().unwrap();
    println!("{seconds} {} {result}", peak / 1024.0);
}

fn child(side: &str, case: usize) -> (f64, f64, String) {
    let out = Command::new(std::env::current_exe().unwrap()).args([side, &case.to_string()]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    let mut words = text.trim().splitn(3, ' ');
    let mut number = || words.next().unwrap().parse::<f64>().unwrap();
    (number(), number(), words.next().unwrap_or_default().to_owned())
}
