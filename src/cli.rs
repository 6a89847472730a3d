//! The command line.

use clap::{Parser, Subcommand};

pub mod serve;

/// A terminal console for streaming feature views, with the feature platform behind it.
#[derive(Clone, Debug, Parser)]
#[command(name = "fvtop", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the feature platform alone
    Serve(serve::ServeArgs),
}

/// Does what the command line says.
pub async fn run(cli: Cli) -> color_eyre::Result<()> {
    match cli.command {
        Command::Serve(args) => Ok(serve::run(args).await?),
    }
}
