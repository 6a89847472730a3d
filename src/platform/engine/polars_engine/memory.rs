//! How much memory a computation may take, and what is said when it takes more.
//!
//! Two measures: what sinks say that they hold, and how much the process has grown since the computation began, which
//! also sees what the query itself holds; it is of the whole process, so others that compute at the same time are
//! allowed their share. The second is there on Linux only.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::platform::compute::{EngineError, ErrorKind};

/// Computations that are under way.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// How much the process has grown since the beginning of a computation.
#[derive(Debug)]
pub(crate) struct Growth {
    begun: Option<u64>,
    /// The most computations that were under way together with this one, itself included.
    together: usize,
}

impl Growth {
    pub(crate) fn begin() -> Self {
        let together = UNDER_WAY.fetch_add(1, Ordering::Relaxed) + 1;
        Self { begun: resident(), together }
    }

    /// How much the process has grown, when that is more than `bound` for each computation that had a part in it;
    /// bytes.
    pub(crate) fn above(&mut self, bound: u64) -> Option<u64> {
        self.together = self.together.max(UNDER_WAY.load(Ordering::Relaxed));
        let grown = resident()?.saturating_sub(self.begun?);
        (grown > bound.saturating_mul(self.together as u64)).then_some(grown)
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
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
pub(crate) fn exceeded(view: &str, bytes: u64, bound: u64) -> EngineError {
    let mib = |bytes: u64| bytes >> 20;
    let message = format!(
        "view {view}: the computation takes {} MiB of memory, more than the {} MiB it may. Choose a shorter range or \
         batch_schedule, or fewer keys",
        mib(bytes),
        mib(bound)
    );
    EngineError { kind: ErrorKind::Memory, message }
}
