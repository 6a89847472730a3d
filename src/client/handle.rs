//! The two ends that the console holds of the client task.

use tokio::sync::mpsc;

use super::message::{Command, Update};

/// Commands go in, updates come out; both channels are bounded. Dropping it ends the client task.
#[derive(Debug)]
pub struct Handle {
    /// What is wanted of the client task.
    pub commands: mpsc::Sender<Command>,
    /// What the client task tells.
    pub updates: mpsc::Receiver<Update>,
}
