//! How much memory a reader takes, seen from outside: the greatest size that the process ever had.
//!
//! That is a bound for all inputs together and so for each of them. Other tests would disturb it, so such a test runs
//! in a process of its own.

use std::process::Command;

/// Set in the process that runs one test alone.
const ALONE: &str = "FVTOP_TEST_ALONE";

/// Makes the system's allocator give back what was freed, so that the size of the process tells what is held; and
/// leaves out backtraces of the panics that readers catch, for their names of places take hundreds of megabytes.
const PLAIN: [(&str, &str); 4] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "65536"),
    ("MALLOC_TRIM_THRESHOLD_", "65536"),
    ("RUST_BACKTRACE", "0"),
];

/// Runs a test in a process of its own. `name` is its full name, such as `wire::fuzz::name`.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let program = std::env::current_exe().unwrap();
    let child =
        Command::new(program).args([name, "--exact", "--nocapture"]).env(ALONE, "1").envs(PLAIN).output().unwrap();
    let output = [child.stdout, child.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("");
    assert!(child.status.success() && output.contains("1 passed"), "{}: {output}", child.status);
    // Under `--nocapture` a person sees how long it took and what it found.
    output.lines().filter(|line| line.starts_with("fuzz: ")).for_each(|line| println!("{line}"));
}

/// Runs something and fails when the process has meanwhile grown by more than `most` bytes.
pub(crate) fn bounded<T>(what: &str, most: u64, run: impl FnOnce() -> T) -> T {
    let (result, grown) = measured(run);
    assert!(grown <= most, "{what} took {grown} bytes, more than {most}");
    result
}

/// Runs something and tells by how many bytes the process had grown meanwhile, at most; zero where the system does not
/// tell.
pub(crate) fn measured<T>(run: impl FnOnce() -> T) -> (T, u64) {
    let before = sizes();
    let result = run();
    let grown = before.zip(sizes()).map(|((before, _), (_, greatest))| greatest.saturating_sub(before));
    (result, grown.unwrap_or(0))
}

/// The size of the process now, and the greatest since the last call.
fn sizes() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok();
    let now: u64 = kib("VmRSS:")?;
    let greatest: u64 = kib("VmHWM:")?;
    // The greatest size begins anew.
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    Some((now * 1024, greatest * 1024))
}
