//! The embedded platform inside this process: on a free loopback port, with a random key that is never shown.
//!
//! The console and the headless commands meet it over HTTP like any other deployment.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::example;
use super::target::TargetArgs;
use crate::client::endpoint::parse_url;
use crate::client::message::Problem;
use crate::client::{ApiKey, Endpoint};
use crate::model::clean;
use crate::platform::compute::MEMORY;
use crate::platform::http::{self, ApiKeys};
use crate::platform::jobs::LATENCY;
use crate::platform::jobs::retry::Policy;
use crate::platform::quarantine::Bounds;
use crate::platform::queries::Separator;
use crate::platform::{Config, Platform, data_dir};

/// Options of the embedded platform.
#[derive(Args, Clone, Debug, Default)]
pub struct EmbeddedArgs {
    /// Run the embedded platform on this feature repository [default: the built-in example]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["url", "profile"])]
    pub repo: Option<PathBuf>,
    /// Folder outside of the repository in which the embedded platform may read files of sources; may be given again
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    pub allow_sources: Vec<PathBuf>,
    /// Folder where the embedded platform keeps its data
    #[arg(long, value_name = "DIR", env = "FVTOP_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// What stands between view and feature in the columns that the embedded platform's history joins to a spine
    /// [default: .]
    #[arg(long, value_name = "TEXT", env = "FVTOP_FEATURE_SEPARATOR")]
    pub feature_separator: Option<Separator>,
}

impl EmbeddedArgs {
    /// Whether it is named as the deployment to talk to.
    pub fn is_named(&self) -> bool {
        self.repo.is_some()
    }
}

/// A platform that runs in this process.
pub(crate) struct Embedded {
    platform: Arc<Platform>,
    server: JoinHandle<std::io::Result<()>>,
    shutdown: CancellationToken,
    endpoint: Endpoint,
}

/// Where the embedded platform finds its definitions and keeps its data.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// The repository; absent for the built-in example.
    repo: Option<PathBuf>,
    allow_sources: Vec<PathBuf>,
    data_dir: PathBuf,
    workspace: Option<String>,
    feature_separator: Separator,
}

impl Setup {
    /// What the options say. Without a data directory, each repository has one of its own below the user's.
    ///
    /// # Errors
    /// When there is no home directory to put it in.
    pub(crate) fn new(args: &TargetArgs, workspace: Option<String>) -> Result<Self, Problem> {
        let args = &args.embedded;
        let repo = args.repo.clone();
        let data_dir = args.data_dir.clone().or_else(|| {
            let own = directories::ProjectDirs::from("", "", "fvtop")?;
            Some(own.data_dir().join(repo.as_deref().map_or_else(|| "flights".to_owned(), folder_of)))
        });
        let data_dir = data_dir.ok_or_else(|| Problem {
            what: "There is no home directory to keep the platform's data in.".to_owned(),
            hint: "Name a folder with --data-dir.".to_owned(),
        })?;
        let feature_separator = args.feature_separator.clone().unwrap_or_default();
        let allow_sources = args.allow_sources.clone();
        Ok(Self { repo, allow_sources, data_dir, workspace, feature_separator })
    }
}

/// A folder name for the data of a repository: its own name, and a hash of its whole path.
fn folder_of(repo: &Path) -> String {
    let path = std::path::absolute(repo).unwrap_or_else(|_| repo.to_owned());
    let name: String = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = path.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    format!("{name}-{hash:016x}")
}

impl Embedded {
    /// Starts it; it answers as soon as this returns. Backfill and streams go on behind it.
    ///
    /// # Errors
    /// When the repository cannot be unpacked, the data directory is in use or cannot be written, or no port is free.
    pub(crate) async fn start(setup: Setup) -> Result<Self, Problem> {
        let problem = |what: String, hint: &str| Problem { what: clean(&what).into_owned(), hint: hint.to_owned() };
        let data_dir = setup.data_dir;
        // Before anything is unpacked into it.
        data_dir::claim(&data_dir).map_err(|error| {
            problem(format!("The embedded platform does not start: {error}."), "Name another folder with --data-dir.")
        })?;
        let repo = match setup.repo {
            Some(repo) => repo,
            None => {
                let parent = data_dir.clone();
                let unpacked = tokio::task::spawn_blocking(move || example::unpack(&parent)).await;
                unpacked.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(|error| {
                    let what = format!("The example cannot be unpacked into {}: {error}.", data_dir.display());
                    problem(what, "Name a folder that you may write to with --data-dir.")
                })?
            }
        };
        let config = Config {
            repo,
            allow_sources: setup.allow_sources,
            data_dir,
            feature_separator: setup.feature_separator,
            // One, so that the screen keeps its share of two cores.
            workers: 1,
            memory: MEMORY,
            retry: Policy::default(),
            quarantine: Bounds::default(),
            data_group: None,
            stream_latency: LATENCY,
        };
        let started = Platform::start(config).await;
        let platform = Arc::new(started.map_err(|error| {
            problem(
                format!("The embedded platform does not start: {error}."),
                "With --url URL the console talks to a deployment that runs already.",
            )
        })?);
        let no_port = |error: std::io::Error| {
            problem(format!("No port on this machine is free for the embedded platform: {error}."), "Try again.")
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(no_port)?;
        let port = listener.local_addr().map_err(no_port)?.port();
        let access = Arc::clone(platform.access());
        let (keys, key) = ApiKeys::with_own(access, "this console", platform.clock().now()).map_err(|error| {
            problem(format!("No key can be made for the embedded platform: {error}."), "Try again.")
        })?;
        // Not by the name `localhost`, which may mean another address on this machine.
        let url = parse_url(&format!("http://127.0.0.1:{port}/api"))?;
        let endpoint = Endpoint::new(url, ApiKey::new(&key)?, setup.workspace);
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(http::serve(Arc::clone(&platform), listener, None, keys, shutdown.clone()));
        Ok(Self { platform, server, shutdown, endpoint })
    }

    /// How to reach it.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// Stops it within `limit`. What has not stopped by then is cut off, which loses nothing: work that was not
    /// finished runs again at the next start.
    pub(crate) async fn stop(self, limit: Duration) {
        self.shutdown.cancel();
        let ended = async {
            self.platform.stop().await;
            self.server.await.ok();
        };
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::info!("the embedded platform was cut off while it stopped");
        }
    }
}
