//! Work for a second processor: what is to be written is made on a thread beside the one that writes it. No I/O of its
//! own.

use std::sync::mpsc::sync_channel;

/// How many handfuls are made ahead, and how many entries are one.
const AHEAD: (usize, usize) = (4, 4_096);

/// Makes entries on a thread of its own, some ahead of who takes them, in their order.
pub(super) fn make_ahead<E: Send, T>(
    mut entries: impl Iterator<Item = E> + Send,
    take: impl FnOnce(&mut dyn Iterator<Item = E>) -> T,
) -> T {
    std::thread::scope(|scope| {
        let (made, wanted) = sync_channel::<Vec<E>>(AHEAD.0);
        scope.spawn(move || {
            loop {
                let some: Vec<E> = entries.by_ref().take(AHEAD.1).collect();
                // Nobody takes them any more once a write has failed.
                if some.is_empty() || made.send(some).is_err() {
                    return;
                }
            }
        });
        take(&mut wanted.into_iter().flatten())
    })
}
