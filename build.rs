//! Has the linker keep functions of the same code once, where it can: monomorphised code is full of them.
//!
//! Tried on an empty program first, for not every linker knows how.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

const FOLD: &str = "-Wl,--icf=all";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") && folds().unwrap_or(false) {
        println!("cargo::rustc-link-arg-bins={FOLD}");
    }
}

/// Whether the linker that rustc uses for this target takes the option; absent where that cannot be tried.
fn folds() -> Option<bool> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    let empty = out.join("empty.rs");
    fs::write(&empty, "fn main() {}\n").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.arg(&empty).arg("-o").arg(out.join("empty")).arg("--target").arg(env::var_os("TARGET")?);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={}", linker.to_string_lossy()));
    }
    let tried = rustc.arg("-C").arg(format!("link-arg={FOLD}")).stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.ok().map(|status| status.success())
}
