//! The command line: what it says, and what runs it.
//!
//! Without a command it is the console. Headless commands print to standard output and nothing else; what went wrong
//! goes to standard error by way of `main`.

use clap::{Parser, Subcommand};

pub mod console;
pub mod embedded;
pub mod example;
pub mod failure;
pub mod jobs;
mod log;
pub mod lookup;
pub mod output;
pub mod serve;
pub mod session;
pub mod target;
pub mod views;

use failure::{FAILED, Failure};

/// Exit codes, for `--help`.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 refused or failed; 2 wrong command line or setting; 3 the deployment was \
                          not reached or does not accept the key. All times are UTC.";

/// A terminal console for streaming feature views, with the feature platform behind it.
#[derive(Clone, Debug, Parser)]
#[command(name = "fvtop", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without it, the console.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of the console.
    #[command(flatten)]
    pub console: console::ConsoleArgs,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the feature platform alone
    Serve(serve::ServeArgs),
    /// List the feature views of a workspace
    #[command(after_help = EXIT_CODES)]
    Views(views::ViewsArgs),
    /// List materialization and deletion jobs, newest first
    #[command(after_help = EXIT_CODES)]
    Jobs(jobs::JobsArgs),
    /// Look one key up in the online store
    #[command(after_help = EXIT_CODES)]
    Lookup(lookup::LookupArgs),
}

/// Does what the command line says.
///
/// # Errors
/// With the exit code and the words for the user.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let Some(command) = cli.command else {
        let _log = log::to_file(cli.console.target.log.as_deref())?;
        return console::run(cli.console).await;
    };
    match command {
        Command::Serve(args) => serve::run(args).await.map_err(|error| Failure::new(FAILED, error)),
        Command::Views(args) => {
            let _log = log::to_file(args.target.log.as_deref())?;
            views::run(args).await
        }
        Command::Jobs(args) => {
            let _log = log::to_file(args.target.log.as_deref())?;
            jobs::run(args).await
        }
        Command::Lookup(args) => {
            let _log = log::to_file(args.target.log.as_deref())?;
            lookup::run(args).await
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("fvtop").unwrap().command.is_none());
        assert!(parse("fvtop --snapshot --size 80x24").is_ok());
        assert!(matches!(parse("fvtop jobs --view v --json").unwrap().command, Some(Command::Jobs(_))));
        for wrong in ["fvtop lookup", "fvtop --size 80x24", "fvtop --url http://h --repo d", "fvtop --read-only views"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
