//! File descriptors: as many as the system allows, and a word for when there are none left.
//!
//! A process that has none left can neither read a source nor take a connection. That says nothing about the source: it
//! is told by a reason of its own, and tried again soon.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The reason word of an attempt that found no file descriptor left.
pub(crate) const NONE_LEFT: &str = "NO_FILE_DESCRIPTORS";
/// More than any work of one process needs; beyond it a system may be slow to close them all.
const ENOUGH: u64 = 65_536;

/// Raises the limit of the process as far as it may. Returns how many descriptors it may have.
pub(crate) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let (current, most) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    let wanted = most.min(ENOUGH);
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, current, wanted, "the limit of file descriptors stays as it is");
            current
        }
    }
}

/// Whether an error says that there is no descriptor left, in the process or in the system. The errors of libraries are
/// texts by the time they are told, and end with the system's number: 23 (ENFILE) or 24 (EMFILE).
pub(crate) fn are_lacking(message: &str) -> bool {
    message.contains("(os error 24)") || message.contains("(os error 23)") || message.contains("Too many open files")
}

/// The sentence in the place of such an error.
pub(crate) fn advice(message: &str) -> String {
    let most = getrlimit(Resource::Nofile).current.map_or("any number of".to_owned(), |most| most.to_string());
    format!(
        "The platform had no file descriptor left (it may have {most}), so it could not go on; it tries again by itself. Where \
         this lasts, allow it more: `ulimit -n`, or LimitNOFILE of its service. What failed: {message}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        let limit = raise();
        assert_eq!(getrlimit(Resource::Nofile).current, Some(limit));
        assert_eq!(raise(), limit);
    }

    #[test]
    fn a_lack_is_told_by_the_errors_of_the_system() {
        let of = |number: i32| std::io::Error::from_raw_os_error(number).to_string();
        assert!(are_lacking(&of(23)) && are_lacking(&of(24)));
        assert!(are_lacking(&format!("source s: file f cannot be read: {}. Replace the file", of(24))));
        assert!(!are_lacking(&of(2)) && !are_lacking("error 24"));
        assert!(advice("no").contains("ulimit -n"));
    }
}
