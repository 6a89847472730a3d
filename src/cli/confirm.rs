//! Questions on the terminal, before something that cannot be undone.

use std::io::{self, IsTerminal, Write};

use super::failure::{FAILED, Failure};
use crate::model::clean_lines;

/// Asks for a `yes`.
///
/// # Errors
/// `unchanged`, when something else is typed; what `alone` says, where there is no terminal to ask on.
pub(super) async fn agree(question: &str, unchanged: &str, alone: impl FnOnce() -> Failure) -> Result<(), Failure> {
    match ask(&format!("{question} Type yes:")).await {
        Some(answer) if answer == "yes" => Ok(()),
        Some(_) => Err(Failure::new(FAILED, unchanged)),
        None => Err(alone()),
    }
}

/// Asks, and gives the line that was typed, without blanks around it; nothing where there is no terminal to ask on.
pub(super) async fn ask(question: &str) -> Option<String> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    let question = format!("{} ", clean_lines(question));
    let answer = tokio::task::spawn_blocking(move || {
        let mut out = io::stderr().lock();
        out.write_all(question.as_bytes()).and_then(|()| out.flush())?;
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok::<_, io::Error>(line.trim().to_owned())
    });
    answer.await.ok()?.ok()
}
