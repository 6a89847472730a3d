//! `fvtop serve`: the platform alone, until it is told to stop.
//!
//! Standard output carries one line, `ready url=...`, once the platform answers; everything else goes to standard
//! error.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::model::Span;
use crate::model::size::parse_size;
use crate::platform::access::key_file::{self, KeyFileError, KeyLine};
use crate::platform::access::{Access, AuditedAction, Outcome};
use crate::platform::compute::MEMORY;
use crate::platform::definition::RepositoryError;
use crate::platform::http::{self, ApiKeys, Tls, TlsError};
use crate::platform::jobs::LATENCY;
use crate::platform::jobs::retry::{Policy, parse_wait};
use crate::platform::private::{self, Group, UnknownGroup};
use crate::platform::quarantine::Bounds;
use crate::platform::queries::Separator;
use crate::platform::sqlite::FileError;
use crate::platform::{Config, Platform, PlatformError};

/// Run the feature platform alone.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Feature repository: a folder of TOML definitions
    #[arg(long, value_name = "DIR")]
    pub repo: PathBuf,
    /// Folder of everything durable; made when it is not there, used by one process at a time
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Folder outside of the repository in which files of sources may lie; may be given again. Files that lie elsewhere,
    /// be it by way of a link, are not read
    #[arg(long, value_name = "DIR")]
    pub allow_sources: Vec<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8765")]
    pub listen: String,
    /// File with API keys that are let in as owners, one a line; not needed once there are keys by `fvtop keys create`
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Certificate that the server shows, in PEM form, with those that signed it after it: the address is https:// then
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of that certificate, in PEM form. Both files are read again when they change
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Allow an address that other machines can reach; without --tls-cert it takes --insecure as well
    #[arg(long)]
    pub allow_remote: bool,
    /// With --allow-remote: leave the connection unencrypted, so that keys and values can be read on their way
    #[arg(long, requires = "allow_remote", conflicts_with = "tls_cert")]
    pub insecure: bool,
    /// What stands between view and feature in the columns that history joins to a spine
    #[arg(long, value_name = "TEXT", env = "FVTOP_FEATURE_SEPARATOR", default_value_t)]
    pub feature_separator: Separator,
    /// Attempts that run at the same time [default: the processor's cores less one, at least 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Wait before a failed attempt is tried again; it doubles with each further failure, up to a day
    #[arg(long, value_name = "SPAN", value_parser = parse_wait, default_value = "5m")]
    pub retry_wait: Span,
    /// Attempts of a job that may fail before it fails for good
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), default_value_t = Policy::default().attempts)]
    pub retry_attempts: u32,
    /// Milliseconds within about which an event that came to a stream is seen online; more takes fewer and larger writes
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(20..=60_000), default_value_t = LATENCY.as_millis() as u32)]
    pub stream_latency: u32,
    /// Records that the quarantine keeps of one view, those that a stream could make no row of; the oldest go first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000), default_value_t = Bounds::default().records)]
    pub quarantine_records: u64,
    /// Bytes that the quarantine keeps of one view
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "64MiB")]
    pub quarantine_bytes: u64,
    /// Group that may read offline/ and datasets/, by name or number; without it the data are readable for their owner alone
    #[arg(long, value_name = "GROUP")]
    pub data_group: Option<String>,
}

impl ServeArgs {
    fn config(self) -> Result<Config, UnknownGroup> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Config {
            data_group: self.data_group.as_deref().map(Group::named).transpose()?,
            repo: self.repo,
            allow_sources: self.allow_sources,
            data_dir: self.data_dir,
            quarantine: Bounds { records: self.quarantine_records, bytes: self.quarantine_bytes, ..Bounds::default() },
            feature_separator: self.feature_separator,
            workers: self.workers.map_or_else(|| cores.saturating_sub(1).max(1), usize::from),
            memory: MEMORY,
            retry: Policy { first_wait: self.retry_wait, attempts: self.retry_attempts, ..Policy::default() },
            stream_latency: Duration::from_millis(self.stream_latency.into()),
        })
    }
}

/// Why `serve` did not start, or ended.
#[derive(Debug, Error)]
pub(crate) enum ServeError {
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The keys of the data directory cannot be used.
    #[error(transparent)]
    Access(#[from] FileError),
    /// Nobody would be let in.
    #[error(
        "no API key is let in, so nobody could use the platform: make an owner key with \
         `fvtop keys create NAME --role owner --data-dir {0}`, which prints it, and give it to clients as TECTON_API_KEY"
    )]
    NoKey(PathBuf),
    /// The address is none, or is taken.
    #[error("cannot listen on {address}: {problem}. Choose another --listen ADDR, such as 127.0.0.1:0.")]
    Listen {
        /// The address as it was given.
        address: String,
        /// What happened.
        problem: io::Error,
    },
    /// The address can be reached from other machines.
    #[error(
        "{0} can be reached from other machines: listen on 127.0.0.1, or add --allow-remote if that is what you want, \
         with --tls-cert FILE and --tls-key FILE so that the connection is encrypted"
    )]
    Remote(String),
    /// The address can be reached from other machines, and nothing would be encrypted.
    #[error(
        "{0} can be reached from other machines and the connection would not be encrypted, so that API keys and values \
         could be read on their way: give a certificate with --tls-cert FILE and --tls-key FILE, or add --insecure \
         where something else encrypts, such as a proxy in front of it"
    )]
    Unencrypted(String),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The group of `--data-group` is not known.
    #[error(transparent)]
    Group(#[from] UnknownGroup),
    /// The platform did not start.
    #[error(transparent)]
    Platform(#[from] Box<PlatformError>),
    /// Serving failed.
    #[error("serving failed: {0}")]
    Serve(#[from] io::Error),
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(args: ServeArgs) -> Result<(), ServeError> {
    log_to_stderr();
    private::close_to_others();
    let lines = args.api_key_file.as_deref().map(key_file::read).transpose()?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::read(certificate, key)?),
        _ => None,
    };
    let listener = listen(&args.listen, Exposure::of(&args)).await?;
    let url = url_of(listener.local_addr()?, tls.is_some());
    // Signals are caught before anything is started, so that none can kill it half-way.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (key_file, data_dir) = (args.api_key_file.clone(), args.data_dir.clone());
    let platform = Arc::new(Platform::start(args.config()?).await.map_err(Box::new)?);
    // After the start, for only now the data directory is this process's own.
    if let Err(error) = take_in(platform.access(), key_file.zip(lines), data_dir) {
        platform.stop().await;
        return Err(error);
    }
    report(&platform.repository().errors)?;
    let keys = ApiKeys::stored(Arc::clone(platform.access()));
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(http::serve(Arc::clone(&platform), listener, tls, keys, shutdown.clone()));
    writeln!(io::stdout(), "ready url={url}")?;
    io::stdout().flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    shutdown.cancel();
    platform.stop().await;
    server.await.unwrap_or(Ok(()))?;
    Ok(())
}

/// Takes the keys of a key file in, on the record, and sees that somebody is let in.
fn take_in(access: &Access, file: Option<(PathBuf, Vec<KeyLine>)>, data_dir: PathBuf) -> Result<(), ServeError> {
    if let Some((path, lines)) = file {
        let now = chrono::Utc::now();
        let (made, dropped) = access.api_keys.take_in(&path, &lines, now)?;
        let done = Outcome { at: now, code: 0, sentence: String::new() };
        let words = made.iter().map(|key| (key, "let in")).chain(dropped.iter().map(|key| (key, "revoked")));
        for (key, what) in words {
            let words = format!("key `{}` {what}", key.name);
            let action = AuditedAction {
                name: "key file".to_owned(),
                call: "serve".to_owned(),
                words,
                ..AuditedAction::default()
            };
            access.audit.note(&action, &done)?;
        }
    }
    if access.api_keys.any()? { Ok(()) } else { Err(ServeError::NoKey(data_dir)) }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // Somebody else may have set it up already.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).try_init();
}

/// Who may reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exposure {
    /// This machine.
    Local,
    /// Others too were allowed, and nobody said that the connection may go unencrypted.
    Unencrypted,
    Remote,
}

impl Exposure {
    fn of(args: &ServeArgs) -> Self {
        match (args.allow_remote, args.tls_cert.is_some() || args.insecure) {
            (false, _) => Self::Local,
            (true, false) => Self::Unencrypted,
            (true, true) => Self::Remote,
        }
    }
}

async fn listen(address: &str, exposure: Exposure) -> Result<TcpListener, ServeError> {
    let failed = |problem| ServeError::Listen { address: address.to_owned(), problem };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(address).await.map_err(failed)?.collect();
    if addresses.iter().any(|address| !address.ip().is_loopback()) {
        match exposure {
            Exposure::Local => return Err(ServeError::Remote(address.to_owned())),
            Exposure::Unencrypted => return Err(ServeError::Unencrypted(address.to_owned())),
            Exposure::Remote => {}
        }
    }
    TcpListener::bind(addresses.as_slice()).await.map_err(failed)
}

/// The deployment's URL. On loopback it says `localhost`, for released clients take no other name without TLS
/// (docs/wire.md section 1.4), and certificates for this machine are for that name.
fn url_of(address: SocketAddr, encrypted: bool) -> String {
    let scheme = if encrypted { "https" } else { "http" };
    match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => format!("{scheme}://localhost:{}/api", address.port()),
        _ => format!("{scheme}://{address}/api"),
    }
}

/// Tells what is wrong with the repository; what is sound is served all the same.
fn report(errors: &[RepositoryError]) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    for error in errors {
        let line: String =
            http::error_line(error).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        writeln!(stderr, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parsed(more: &str) -> Result<ServeArgs, clap::Error> {
        let line = format!("fvtop serve --repo r --data-dir d --api-key-file k {more}");
        match Cli::try_parse_from(line.split_whitespace())?.command {
            Some(Command::Serve(args)) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn retries_and_workers_are_settings_with_defaults_and_bounds() {
        let default = parsed("").unwrap().config().unwrap();
        assert_eq!(default.retry, Policy::default());
        assert!(default.workers >= 1 && default.data_group.is_none());
        assert_eq!(default.stream_latency, LATENCY);
        assert!(parsed("--data-group 0").unwrap().config().unwrap().data_group.is_some());
        let own = parsed("--workers 3 --retry-wait 10s --retry-attempts 2").unwrap().config().unwrap();
        assert_eq!((own.workers, own.retry.first_wait, own.retry.attempts), (3, Span::seconds(10), 2));
        for (wrong, says) in [
            ("--workers 0", "0 is not in 1..=256"),
            ("--retry-attempts 0", "0 is not in 1..=1000"),
            ("--stream-latency 0", "0 is not in 20..=60000"),
            ("--retry-wait 0s", "a wait before a retry is from 1s to 1d"),
            ("--retry-wait soon", "`soon` is not a duration"),
        ] {
            let refusal = parsed(wrong).unwrap_err().to_string();
            assert!(refusal.contains(says), "{refusal}");
        }
    }

    #[tokio::test]
    async fn only_loopback_without_leave() {
        assert!(matches!(listen("0.0.0.0:0", Exposure::Local).await, Err(ServeError::Remote(_))));
        assert!(matches!(listen("0.0.0.0:0", Exposure::Unencrypted).await, Err(ServeError::Unencrypted(_))));
        assert!(matches!(listen("nonsense", Exposure::Local).await, Err(ServeError::Listen { .. })));
        for exposure in [Exposure::Local, Exposure::Unencrypted] {
            let local = listen("127.0.0.1:0", exposure).await.unwrap().local_addr().unwrap();
            assert_eq!(url_of(local, false), format!("http://localhost:{}/api", local.port()));
            assert_eq!(url_of(local, true), format!("https://localhost:{}/api", local.port()));
        }
        assert_eq!(url_of("10.0.0.1:7".parse().unwrap(), true), "https://10.0.0.1:7/api");
        listen("0.0.0.0:0", Exposure::Remote).await.unwrap();
    }

    #[test]
    fn others_are_let_in_by_tls_or_by_name_alone() {
        for (more, exposure) in [
            ("", Exposure::Local),
            ("--tls-cert c --tls-key k", Exposure::Local),
            ("--allow-remote", Exposure::Unencrypted),
            ("--allow-remote --insecure", Exposure::Remote),
            ("--allow-remote --tls-cert c --tls-key k", Exposure::Remote),
        ] {
            assert_eq!(Exposure::of(&parsed(more).unwrap()), exposure, "{more}");
        }
        for wrong in ["--tls-cert c", "--tls-key k", "--insecure", "--allow-remote --insecure --tls-cert c --tls-key k"]
        {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
