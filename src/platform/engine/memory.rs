//! How much memory a computation may take, and what is said when it takes more.
//!
//! Two measures: what sinks say that they hold, and how much the process has grown since the computation began, which also
//! sees what the query itself holds. The second is there on Linux only.

use super::{EngineError, ErrorKind};

/// The process's resident memory at the beginning of a computation.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    begun: Option<u64>,
}

impl Growth {
    /// From now on.
    pub fn begin() -> Self {
        Self { begun: resident() }
    }

    /// How much the process has grown, when that is more than `bound`; bytes.
    pub fn above(&self, bound: u64) -> Option<u64> {
        let grown = resident()?.saturating_sub(self.begun?);
        (grown > bound).then_some(grown)
    }
}

/// Resident memory of this process, bytes.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The error of a computation that takes more than its bound.
pub fn exceeded(view: &str, bytes: u64, bound: u64) -> EngineError {
    let mib = |bytes: u64| bytes >> 20;
    let message = format!(
        "view {view}: the computation takes {} MiB of memory, more than the {} MiB it may. Choose a shorter range or \
         batch_schedule, or fewer keys",
        mib(bytes),
        mib(bound)
    );
    EngineError { kind: ErrorKind::Memory, message }
}
