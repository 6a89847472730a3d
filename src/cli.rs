//! The command line: what it says, and what runs it.
//!
//! Without a command it is the console. Headless commands print to standard output and nothing else; what went wrong
//! goes to standard error by way of `main`.

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

pub(crate) mod audit;
#[cfg(feature = "platform")]
pub(crate) mod check;
mod confirm;
pub(crate) mod console;
pub(crate) mod coverage;
pub(crate) mod datasets;
pub(crate) mod delete_keys;
#[cfg(feature = "platform")]
pub(crate) mod embedded;
#[cfg(not(feature = "platform"))]
#[path = "cli/embedded_absent.rs"]
pub(crate) mod embedded;
#[cfg(feature = "platform")]
pub(crate) mod example;
pub(crate) mod failure;
pub(crate) mod freshness;
pub(crate) mod history;
pub(crate) mod ingest;
pub(crate) mod jobs;
#[cfg(feature = "platform")]
mod key_files;
pub(crate) mod keys;
mod log;
pub(crate) mod lookup;
pub(crate) mod output;
pub(crate) mod place;
pub(crate) mod profile;
pub(crate) mod profiles;
pub(crate) mod quarantine;
pub(crate) mod rows;
pub(crate) mod run;
#[cfg(feature = "platform")]
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod surroundings;
pub(crate) mod target;
pub(crate) mod views;
mod watch;

use failure::Failure;
use target::TargetArgs;

/// Exit codes, for `--help`.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 refused or failed; 2 wrong command line or setting; 3 the deployment was \
                          not reached or does not accept the key; 4 the time-out of a wait is over; 130 interrupted. All times are UTC.";

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
    #[cfg(feature = "platform")]
    Serve(serve::ServeArgs),
    /// List the profiles: deployments by name
    #[command(after_help = EXIT_CODES)]
    Profiles(profiles::ProfilesArgs),
    /// List the feature views of a workspace, or show all that is known of one
    #[command(after_help = EXIT_CODES)]
    Views(views::ViewsArgs),
    /// Show how fresh all feature views of a workspace are, the stale ones first
    #[command(after_help = EXIT_CODES)]
    Freshness(freshness::FreshnessArgs),
    /// List materialization and deletion jobs, newest first; start, cancel, retry, watch them
    #[command(after_help = EXIT_CODES)]
    Jobs(jobs::JobsArgs),
    /// Show the streams of feature views; start, stop them, read them anew
    #[command(after_help = EXIT_CODES)]
    Stream(stream::StreamArgs),
    /// Show the status table of a view: an attempt of a job a row
    #[command(after_help = EXIT_CODES)]
    Status(status::StatusArgs),
    /// Show which windows of a view are materialized where
    #[command(after_help = EXIT_CODES)]
    Coverage(coverage::CoverageArgs),
    /// Delete keys of a view from its stores
    #[command(after_help = EXIT_CODES)]
    DeleteKeys(delete_keys::DeleteKeysArgs),
    /// Look one key up in the online store, or all values of a wildcard key
    #[command(after_help = EXIT_CODES)]
    Lookup(lookup::LookupArgs),
    /// Run a feature view over a range of time; nothing is written
    #[command(after_help = EXIT_CODES)]
    Run(run::RunArgs),
    /// Get historical feature values: for a spine, or for a range of time
    #[command(after_help = EXIT_CODES)]
    History(history::HistoryArgs),
    /// List, show and read the results that were kept
    #[command(after_help = EXIT_CODES)]
    Datasets(datasets::DatasetsArgs),
    /// Send records to the stream of a source
    #[command(after_help = EXIT_CODES)]
    Ingest(ingest::IngestArgs),
    /// Look at records that a stream could make no row of; retry or drop them
    #[command(after_help = EXIT_CODES)]
    Quarantine(quarantine::QuarantineArgs),
    /// Make, list and revoke API keys
    #[command(after_help = EXIT_CODES)]
    Keys(keys::KeysArgs),
    /// Show the audit log: who changed what, and what came of it
    #[command(after_help = EXIT_CODES)]
    Audit(audit::AuditArgs),
    /// Look through a data directory in full: whether it holds what jobs wrote
    #[cfg(feature = "platform")]
    #[command(after_help = EXIT_CODES)]
    Check(check::CheckArgs),
}

/// The arguments with the command in front of the options, for people write the deployment first and what they want of
/// it then: `fvtop --url URL jobs show ID` as `fvtop jobs show ID --url URL`. Without a command they stay as they are.
pub fn verb_first(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let root = Cli::command();
    let mut command = &root;
    let (mut words, mut options, mut at) = (Vec::new(), Vec::new(), 1);
    while let Some(argument) = arguments.get(at).filter(|argument| *argument != "--") {
        let text = argument.to_string_lossy();
        if text.len() > 1 && text.starts_with('-') {
            let taken = if takes_value(command, &text) { 2 } else { 1 };
            options.extend(arguments[at..].iter().take(taken).cloned());
            at += taken;
        } else if let Some(found) = command.find_subcommand(&*text) {
            words.push(argument.clone());
            command = found;
            at += 1;
        } else {
            break;
        }
    }
    if words.is_empty() {
        return arguments;
    }
    // What follows `--` are no options.
    let rest = arguments.get(at..).unwrap_or_default();
    let (rest, behind) = rest.split_at(rest.iter().position(|argument| argument == "--").unwrap_or(rest.len()));
    let first = arguments.first().cloned();
    first.into_iter().chain(words).chain(rest.to_vec()).chain(options).chain(behind.to_vec()).collect()
}

/// Whether the option takes the argument behind it.
fn takes_value(command: &clap::Command, option: &str) -> bool {
    let found = command.get_arguments().find(|known| match option.strip_prefix("--") {
        Some(long) => known.get_long() == Some(long),
        None => {
            option.strip_prefix('-').is_some_and(|short| known.get_short().map(String::from).as_deref() == Some(short))
        }
    });
    found.is_some_and(|known| known.get_action().takes_values())
}

/// Does what the command line says.
///
/// # Errors
/// With the exit code and the words for the user.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let target = cli.command.as_ref().map_or(Some(&cli.console.target), Command::target);
    let _log = log::to_file(target.and_then(|target| target.log.as_deref()))?;
    let Some(command) = cli.command else { return console::run(cli.console).await };
    match command {
        #[cfg(feature = "platform")]
        Command::Serve(args) => serve::run(args).await.map_err(|error| Failure::new(failure::FAILED, error)),
        Command::Profiles(args) => profiles::run(&args),
        #[cfg(feature = "platform")]
        Command::Check(args) => check::run(args).await,
        Command::Views(args) => views::run(args).await,
        Command::Freshness(args) => freshness::run(args).await,
        Command::Stream(args) => stream::run(args).await,
        Command::Jobs(args) => jobs::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Coverage(args) => coverage::run(args).await,
        Command::DeleteKeys(args) => delete_keys::run(args).await,
        Command::Lookup(args) => lookup::run(args).await,
        Command::Run(args) => run::run(args).await,
        Command::History(args) => history::run(args).await,
        Command::Datasets(args) => datasets::run(args).await,
        Command::Ingest(args) => ingest::run(args).await,
        Command::Quarantine(args) => quarantine::run(args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Audit(args) => audit::run(args).await,
    }
}

impl Command {
    /// The deployment that it speaks to; absent where it speaks to none.
    fn target(&self) -> Option<&TargetArgs> {
        Some(match self {
            #[cfg(feature = "platform")]
            Self::Serve(_) | Self::Check(_) => return None,
            Self::Profiles(_) => return None,
            Self::Views(args) => args.target(),
            Self::Freshness(args) => &args.target,
            Self::Stream(args) => args.target(),
            Self::Jobs(args) => args.target(),
            Self::Status(args) => &args.target,
            Self::Coverage(args) => &args.target,
            Self::DeleteKeys(args) => &args.target,
            Self::Lookup(args) => &args.target,
            Self::Run(args) => &args.target,
            Self::History(args) => &args.target,
            Self::Datasets(args) => args.target(),
            Self::Ingest(args) => &args.target,
            Self::Quarantine(args) => args.target(),
            Self::Keys(args) => args.target(),
            Self::Audit(args) => &args.target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_may_stand_before_the_command() {
        for (written, read) in [
            ("fvtop", "fvtop"),
            ("fvtop --url u --read-only", "fvtop --url u --read-only"),
            ("fvtop --url u jobs", "fvtop jobs --url u"),
            ("fvtop --url=u --workspace w jobs show 01 --json", "fvtop jobs show 01 --json --url=u --workspace w"),
            ("fvtop jobs --view v show 01", "fvtop jobs show 01 --view v"),
            ("fvtop --url jobs jobs", "fvtop jobs --url jobs"),
            ("fvtop --url u lookup v -- --odd=1", "fvtop lookup v --url u -- --odd=1"),
            ("fvtop --nonsense x jobs", "fvtop --nonsense x jobs"),
            ("fvtop --url u jbos", "fvtop --url u jbos"),
        ] {
            let found = verb_first(written.split(' ').map(OsString::from));
            assert_eq!(found.join(" ".as_ref()).to_string_lossy(), read, "{written}");
        }
        let parse = |line: &str| Cli::try_parse_from(verb_first(line.split(' ').map(OsString::from)));
        assert!(matches!(parse("fvtop --url https://h/api jobs").unwrap().command, Some(Command::Jobs(_))));
        assert!(parse("fvtop --url https://h/api --workspace w jobs cancel 0123ab --yes").is_ok());
        let refused = parse("fvtop --snapshot jobs").unwrap_err().to_string();
        assert!(refused.contains("--snapshot"), "{refused}");
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("fvtop").unwrap().command.is_none());
        assert!(parse("fvtop --snapshot --size 80x24").is_ok());
        assert!(matches!(parse("fvtop jobs --view v --json").unwrap().command, Some(Command::Jobs(_))));
        assert!(parse("fvtop run v --start 2026-11-22 --end 2026-11-23T01:00:00Z --level full --mock a=b.csv").is_ok());
        assert!(
            parse("fvtop history v --spine s.csv --timestamp-key at --from-source --save-as d --out o.csv").is_ok()
        );
        assert!(parse("fvtop datasets read d --format jsonl --limit 3").is_ok());
        for right in [
            "fvtop jobs",
            "fvtop jobs show 0123ab --view v --attempt 2",
            "fvtop jobs log 0123ab --json",
            "fvtop jobs trigger v --start 2026-11-22 --end 2026-11-23 --online --offline --overwrite --no-retries --wait --timeout 5m",
            "fvtop jobs cancel 0123ab 0123456789abcdef0123456789abcdef --yes",
            "fvtop jobs wait 0123ab --timeout 90s",
            "fvtop jobs retry 0123ab --overwrite --wait",
            "fvtop delete-keys v --keys k.csv --online --yes v --wait",
            "fvtop delete-keys v --key a=1,b=x --key a=2,b=y=z --json",
            "fvtop status v --verbose --limit 10 --sort-columns type,attempt --errors-only --filter-first --deletions",
            "fvtop coverage v --json",
            "fvtop views --profile p --workspace w",
            "fvtop profiles --json",
            "fvtop profiles --sample",
            "fvtop keys create ci --role operator --description x --quiet --data-dir d",
            "fvtop quarantine list v --reason late --limit 5 --json",
            "fvtop quarantine show v 12 --raw",
            "fvtop quarantine retry v 1 2 --dry-run",
            "fvtop quarantine retry v --reason late --force-late --yes --json",
            "fvtop quarantine drop v --all --yes",
            "fvtop keys list --all --json --url http://h/api",
            "fvtop keys revoke ci --yes",
            "fvtop check --data-dir d --json",
            "fvtop audit --limit 5 --since 2026-11-22 --key ci --csv",
            "fvtop ingest s",
            "fvtop ingest s - --format csv --dry-run",
            "fvtop ingest s f.parquet --batch 100 --skip 500 --partial --delivery d --json --url http://h/api",
            "fvtop views --json",
            "fvtop views show v --json",
            "fvtop freshness --json",
        ] {
            assert!(parse(right).is_ok(), "{right}: {}", parse(right).unwrap_err());
        }
        for wrong in [
            "fvtop views show",
            "fvtop views --json show v",
            "fvtop jobs show",
            "fvtop jobs show 12345",
            "fvtop jobs --json show 0123ab",
            "fvtop jobs trigger v --start 2026-11-22",
            "fvtop jobs trigger v --start 2026-11-22 --end 2026-11-23 --timeout 5m",
            "fvtop jobs cancel --yes",
            "fvtop jobs wait 0123ab --timeout soon",
            "fvtop delete-keys v",
            "fvtop delete-keys v --key a",
            "fvtop delete-keys v --keys k.csv --key a=1",
            "fvtop status v --limit many",
            "fvtop run",
            "fvtop run v --start yesterday",
            "fvtop run v --mock a",
            "fvtop run v --force",
            "fvtop history v --spine s.csv --start 2026-11-22",
            "fvtop history v --spine s.csv --entities e.csv",
            "fvtop history v --timestamp-key at",
            "fvtop datasets",
            "fvtop datasets read",
            "fvtop quarantine",
            "fvtop quarantine list",
            "fvtop quarantine show v",
            "fvtop quarantine show v 1 --raw --json",
            "fvtop quarantine retry v",
            "fvtop quarantine retry v 1 --all",
            "fvtop quarantine drop v --all --reason late",
            "fvtop quarantine drop v --all --force-late",
            "fvtop keys",
            "fvtop keys create ci",
            "fvtop keys create ci --role king",
            "fvtop keys revoke",
            "fvtop audit --csv --json",
            "fvtop ingest",
            "fvtop ingest s f --format xml",
            "fvtop ingest s f --batch 0",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for wrong in [
            "fvtop lookup",
            "fvtop --size 80x24",
            "fvtop --url http://h --repo d",
            "fvtop views --url http://h --profile p",
            "fvtop --read-only views",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
