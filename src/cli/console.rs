//! `fvtop` without a command: the console, or one frame of it.
//!
//! The embedded platform starts behind the screen, so that the first frame never waits for it; and the terminal is
//! given back before it stops.

use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::sync::oneshot;

use super::embedded::{Embedded, Setup};
use super::failure::{CONNECTION, Failure, USAGE};
use super::surroundings::Surroundings;
use super::target::{Target, TargetArgs, resolve};
use crate::client::{Handle, spawn, spawn_when_ready};

use crate::tui::{self, Format, Options, TuiError, snapshot};

/// How long the embedded platform may take to stop once the user has quit. What is cut off runs again at the next
/// start.
const STOP: Duration = Duration::from_millis(150);

/// Open the console.
#[derive(Args, Clone, Debug)]
pub struct ConsoleArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Feature view to open first
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// Allow nothing that changes the deployment
    #[arg(long)]
    pub read_only: bool,
    /// Colours [default: dark, or plain where NO_COLOR is set]
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Print one frame of the console, once its panes are filled, and end
    #[arg(long)]
    pub snapshot: bool,
    /// Columns and rows of the snapshot
    #[arg(long, value_name = "WxH", default_value = "120x40", requires = "snapshot")]
    pub size: Size,
    /// Form of the snapshot
    #[arg(long, value_enum, default_value_t = Picture::Text, requires = "snapshot")]
    pub format: Picture,
    /// Seconds that the snapshot waits for panes to fill
    #[arg(long, value_name = "SECONDS", default_value_t = 20, requires = "snapshot")]
    pub wait_secs: u64,
    /// A key to press before the snapshot, such as enter or ctrl-p; may be given more than once
    #[arg(long, value_name = "KEY", requires = "snapshot")]
    pub press: Vec<String>,
}

/// The form of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    /// Lines of text.
    Text,
    /// An SVG document.
    Svg,
}

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    columns: u16,
    rows: u16,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(['x', 'X']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        match parts {
            Some((columns @ 20..=500, rows @ 5..=300)) => Ok(Self { columns, rows }),
            _ => Err("write it as COLUMNSxROWS, such as 120x40 (20x5 to 500x300)".to_owned()),
        }
    }
}

/// Runs the console until its user ends it, or prints one frame.
///
/// # Errors
/// When there is no terminal, or a setting is wrong; what goes wrong with the deployment is told on the screen.
pub(crate) async fn run(args: ConsoleArgs) -> Result<(), Failure> {
    let (started, embedded) = oneshot::channel();
    let choice = resolve(&args.target, &Surroundings::of_program()?)?;
    let read_only = args.read_only || choice.read_only();
    let (handle, endpoint_label) = match choice.target {
        Target::Remote(endpoint) => {
            let label = endpoint.label();
            (spawn(*endpoint), label)
        }
        Target::Embedded { workspace } => {
            let setup = Setup::new(&args.target, workspace).map_err(|problem| Failure::new(CONNECTION, problem))?;
            (behind_the_screen(setup, started), "embedded".to_owned())
        }
    };
    let options = Options {
        theme: args.theme.clone(),
        read_only,
        view: args.view.clone(),
        workspace: args.target.workspace.clone(),
        endpoint_label,
        profile: choice.profile.map(|profile| (profile.name, profile.colour)),
        warnings: choice.warnings,
        keys: args.press.clone(),
    };
    let ended = show(handle, options, &args).await;
    stop(embedded).await;
    ended
}

/// A client of the embedded platform, which starts meanwhile; it is handed over once it runs.
fn behind_the_screen(setup: Setup, started: oneshot::Sender<Embedded>) -> Handle {
    spawn_when_ready(async move {
        let embedded = Embedded::start(setup).await?;
        let endpoint = embedded.endpoint();
        // Nobody is there to take it when the user has quit already; it ends with the process then.
        started.send(embedded).ok();
        Ok(endpoint)
    })
}

fn stop(mut embedded: oneshot::Receiver<Embedded>) -> impl Future<Output = ()> {
    let running = embedded.try_recv().ok();
    async {
        if let Some(embedded) = running {
            embedded.stop(STOP).await;
        }
    }
}

async fn show(handle: Handle, options: Options, args: &ConsoleArgs) -> Result<(), Failure> {
    if !args.snapshot {
        return tui::run(handle, options).await.map_err(failure);
    }
    let format = match args.format {
        Picture::Text => Format::Text,
        Picture::Svg => Format::Svg,
    };
    let limit = Duration::from_secs(args.wait_secs);
    let frame = snapshot(handle, options, (args.size.columns, args.size.rows), format, limit).await;
    super::output::print(&frame.map_err(failure)?)
}

fn failure(error: TuiError) -> Failure {
    match error {
        TuiError::Signal(_) => Failure::new(error.exit_code(), ""),
        TuiError::NoTerminal | TuiError::UnknownTheme(..) | TuiError::Key(_) => Failure::new(USAGE, error),
        TuiError::Terminal(_) => Failure::new(error.exit_code(), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!("80x24".parse(), Ok(Size { columns: 80, rows: 24 }));
        for bad in ["80", "80x", "x24", "0x0", "80x24x1", "99999x2"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}
