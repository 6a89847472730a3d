//! The console: state, update, view, and the loop that drives them.
//!
//! ```text
//!  keys, paste, resize ─┐                                        ┌─► view::draw(&App) ─► Screen ─► bytes ─► Writer
//!  signals ─────────────┤                                        │
//!  clock ───────────────┼─► Session ─► app::update(&mut App) ────┤
//!  client updates ──────┘     (drains all, then draws once)      └─► Effects ─► client commands, clipboard, quit
//! ```
//!
//! `App` is plain data; `update` is its only writer and reads no clock; `view` only reads. Selection is a job's id.
//! Nothing is drawn that did not change. A pane is a state in `app` and a drawing in `view`; a window over the panes is
//! both, in one file of `app/windows`. This room knows the client's messages and nothing of HTTP, and never imports the
//! platform.

mod action;
mod ages;
pub mod app;
mod canvas;
mod chord;
mod clipboard;
pub mod effect;
mod field;
mod flow;
mod keymap;
mod layout;
mod pace;
mod phase;
pub mod picture;
mod query;
mod screen;
mod scroll;
mod session;
pub mod sheet;
mod signals;
mod snapshot;
mod term;
mod text;
pub mod theme;
mod values;
pub mod view;
mod writer;

use std::io::{self, IsTerminal};

use thiserror::Error;

pub use snapshot::{Format, snapshot};

use crate::client::Handle;

/// How the console is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Name of the theme; without one, `plain` where `NO_COLOR` is set, else `dark`.
    pub theme: Option<String>,
    /// Nothing of the deployment may be changed.
    pub read_only: bool,
    /// View to open; without one, the first that is served online from a stream.
    pub view: Option<String>,
    /// Workspace to open; without one, the deployment's first live one.
    pub workspace: Option<String>,
    /// How the deployment is called in the header. No secret may be in it.
    pub endpoint_label: String,
    /// Name and colour of the profile that names the deployment, for the header.
    pub profile: Option<(String, Option<String>)>,
    /// What the user should know from the start, in whole sentences.
    pub warnings: Vec<String>,
    /// Keys that [`snapshot()`] presses once the panes are filled, such as `["2", "enter"]`.
    pub keys: Vec<String>,
}

/// Why the console ended other than by its user.
#[derive(Debug, Error)]
pub enum TuiError {
    /// There is nobody to look at it.
    #[error(
        "standard input and output must be a terminal: use `fvtop --snapshot`, or commands such as `fvtop jobs`, in \
         pipes"
    )]
    NoTerminal,
    /// The terminal could not be read or written.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
    /// A signal asked for the end.
    #[error("ended by signal {0}")]
    Signal(i32),
    /// No theme has that name.
    #[error("there is no theme `{0}`; themes: {1}")]
    UnknownTheme(String, String),
    /// A key of [`Options::keys`] cannot be read.
    #[error(transparent)]
    Key(#[from] chord::NotAChord),
}

impl TuiError {
    /// The exit code of the program: 128 and the signal's number, else 1. Nothing need be printed for a signal.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(1),
            _ => 1,
        }
    }
}

/// Runs the interactive console until its user or a signal ends it. The terminal is as it was when this returns.
///
/// Call it on the main task of the main thread: a panic there restores the terminal before it is reported.
pub async fn run(handle: Handle, options: Options) -> Result<(), TuiError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let size = crossterm::terminal::size()?;
    let start = start(options, size)?;
    session::Session::open(handle, start)?.run().await
}

fn start(options: Options, size: (u16, u16)) -> Result<app::Start, TuiError> {
    if let Some(name) = options.theme.as_deref().filter(|name| theme::find(name).is_none()) {
        let names: Vec<_> = theme::built_in().iter().map(|theme| theme.name.as_str()).collect();
        return Err(TuiError::UnknownTheme(name.to_owned(), names.join(", ")));
    }
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Ok(app::Start {
        theme: theme::choose(options.theme.as_deref(), no_color),
        read_only: options.read_only,
        workspace: options.workspace,
        view: options.view,
        endpoint: options.endpoint_label,
        profile: options.profile.map(|(name, colour)| app::Profile { name, colour }),
        warnings: options.warnings,
        home: std::env::var("HOME").ok().filter(|home| !home.is_empty()),
        size,
    })
}
