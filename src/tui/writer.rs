//! Bytes to the terminal, from a thread of their own, so that a terminal that does not take them stops nothing.
//!
//! One frame at a time: whoever draws asks for the next only when the last is out. It knows nothing of what the bytes
//! mean.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// Bytes handed to the kernel in one call. Between two of them the rest of a frame can be given up: over a slow link
/// that is what quitting waits for.
const CHUNK: usize = 2 << 10;

enum Task {
    Frame(Vec<u8>),
    Last(Vec<u8>, std_mpsc::Sender<()>),
}

/// The writing thread, seen from outside. Dropping it ends the thread once it has written what it has.
#[derive(Debug)]
pub(super) struct Writer {
    tasks: std_mpsc::Sender<Task>,
    done: mpsc::UnboundedReceiver<io::Result<Duration>>,
    abort: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread on standard output, past the standard library's line buffer.
    pub(super) fn stdout() -> io::Result<Self> {
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Self::start(out)
    }

    /// Starts the thread on any output.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (tasks, queue) = std_mpsc::channel();
        let (tell, done) = mpsc::unbounded_channel();
        let abort = Arc::new(AtomicBool::new(false));
        let aborted = Arc::clone(&abort);
        thread::Builder::new().name("terminal".to_owned()).spawn(move || work(out, &queue, &tell, &aborted))?;
        Ok(Self { tasks, done, abort })
    }

    /// Hands over a frame. The caller waits for [`Writer::wrote`] before it hands over another.
    pub(super) fn frame(&self, bytes: Vec<u8>) {
        drop(self.tasks.send(Task::Frame(bytes)));
    }

    /// How long the last frame took; an error when the terminal is gone.
    pub(super) async fn wrote(&mut self) -> io::Result<Duration> {
        self.done.recv().await.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }

    /// Drops what is left of the frame being written, writes these bytes, and waits no longer than `limit`.
    /// `drop_unsent` drops what the output has taken and not passed on: it makes room for the bytes, also where the
    /// thread waits for that. True when they were written.
    pub(super) fn last(&self, bytes: &[u8], limit: Duration, drop_unsent: fn()) -> bool {
        self.abort.store(true, Ordering::SeqCst);
        drop_unsent();
        let (tell, done) = std_mpsc::channel();
        let sent = self.tasks.send(Task::Last(bytes.to_vec(), tell));
        sent.is_ok() && done.recv_timeout(limit).is_ok()
    }
}

fn work(
    mut out: impl Write,
    queue: &std_mpsc::Receiver<Task>,
    tell: &mpsc::UnboundedSender<io::Result<Duration>>,
    abort: &AtomicBool,
) {
    while let Ok(task) = queue.recv() {
        match task {
            Task::Frame(bytes) => {
                let begun = Instant::now();
                let mut chunks = bytes.chunks(CHUNK).take_while(|_| !abort.load(Ordering::SeqCst));
                let written = chunks.try_for_each(|chunk| out.write_all(chunk));
                drop(tell.send(written.and_then(|()| out.flush()).map(|()| begun.elapsed())));
            }
            Task::Last(bytes, done) => {
                let written = out.write_all(&bytes).and_then(|()| out.flush());
                abort.store(false, Ordering::SeqCst);
                drop(written.map(|()| done.send(())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that takes nothing, ever.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            thread::park();
            Ok(0)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_terminal_keeps_nobody() {
        let writer = Writer::start(Full).unwrap();
        writer.frame(vec![b'x'; 1 << 20]);
        assert!(!writer.last(b"bye", Duration::from_millis(20), || {}));
    }

    #[tokio::test]
    async fn a_gone_terminal_is_reported() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = Writer::start(Gone).unwrap();
        writer.frame(b"x".to_vec());
        assert!(writer.wrote().await.is_err());
    }
}
