//! Start: read the command line, run what it says, tell how it ended.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fvtop::cli::{self, Cli};

/// How long threads of the runtime may take to end.
const LINGER: Duration = Duration::from_millis(200);

#[expect(clippy::print_stderr, reason = "the last word of a program that failed goes to its user")]
fn main() -> ExitCode {
    let cli = Cli::parse_from(cli::verb_first(std::env::args_os()));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(problem) => {
            eprintln!("fvtop: cannot start: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(cli::run(cli));
    runtime.shutdown_timeout(LINGER);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.text.is_empty() {
                eprintln!("fvtop: {failure}");
            }
            ExitCode::from(failure.code)
        }
    }
}
