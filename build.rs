//! Has the linker make the program smaller, where it can: functions of the same code are kept once, for monomorphised code
//! is full of them, and addresses that are set at the start are kept packed.
//!
//! Each is tried on an empty program first, for not every linker and not every system knows how.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

/// Folds functions of the same code.
const FOLD: &str = "-Wl,--icf=all";
/// Packs the addresses of a program that may lie anywhere in memory, eleven of its 170 megabytes. The system's loader must
/// know the form (glibc 2.36 does), so it is for programs that run where they are built.
const PACK: &str = "-Wl,-z,pack-relative-relocs";
/// Set where the program is to be handed out.
const HANDED_OUT: &str = "FVTOP_HANDED_OUT";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={HANDED_OUT}");
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        let for_here = env::var_os(HANDED_OUT).is_none() && env::var_os("HOST") == env::var_os("TARGET");
        for (option, runs) in [(FOLD, false), (PACK, true)] {
            if (!runs || for_here) && works(option, runs).unwrap_or(false) {
                println!("cargo::rustc-link-arg-bins={option}");
            }
        }
    }
}

/// Whether the linker that rustc uses for this target takes the option and, where that is asked for, what it makes runs;
/// absent where that cannot be tried.
fn works(option: &str, runs: bool) -> Option<bool> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    let (source, program) = (out.join("empty.rs"), out.join("empty"));
    fs::write(&source, "fn main() {}\n").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.arg(&source).arg("-o").arg(&program).arg("--target").arg(env::var_os("TARGET")?);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={}", linker.to_string_lossy()));
    }
    rustc.arg("-C").arg(format!("link-arg={option}"));
    Some(succeeds(&mut rustc)? && (!runs || succeeds(&mut Command::new(program))?))
}

fn succeeds(command: &mut Command) -> Option<bool> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok().map(|status| status.success())
}
