//! Leaves the screen its share of the processors: the platform's threads run at a lower priority.
//!
//! It must not be called on a thread that serves people.

/// How much nicer than its process a platform thread is, in `nice` levels.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;

/// Lowers the priority of the calling thread and of every thread it starts from now on.
///
/// Linux only: there, niceness belongs to a thread and is inherited, elsewhere to the whole process.
pub(crate) fn lower() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::debug!(%error, "the platform's threads keep their priority");
    }
}
