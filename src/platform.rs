//! The embedded deployment: a feature platform on one machine.
//!
//! [`Platform::start`] brings everything up: the repository, the stores, the job table, and the threads that keep the
//! schedule, run attempts and read streams. It meets the console over HTTP alone and must not import it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(crate) mod access;
pub mod clock;
pub mod compute;
pub mod data_dir;
pub(crate) mod datasets;
pub mod definition;
pub(crate) mod descriptors;
pub mod engine;
pub(crate) mod error;
pub mod frame;
pub mod http;
pub(crate) mod inspection;
pub mod jobs;
pub(crate) mod lock;
pub mod offline;
pub mod online;
pub(crate) mod priority;
pub(crate) mod private;
pub(crate) mod quarantine;
pub(crate) mod queries;
pub mod registry;
pub(crate) mod source;
pub(crate) mod sql;
pub(crate) mod sqlite;
pub(crate) mod stream;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod tiles;
pub(crate) mod uploads;

use crate::model::time::print_windows;
use crate::model::{Id, Time};

use access::Access;
use clock::Clock;
use data_dir::DataDirError;
use datasets::Datasets;
use definition::{FeatureService, Repository, View};
use engine::{Engine, PolarsEngine};
pub use error::PlatformError;
use jobs::materializer::EngineMaterializer;
use jobs::retry::Policy;
use jobs::stream_figures::LiveStreams;
use jobs::stream_job::{Refusals, StreamStep, Turns};
use jobs::stream_step::EngineStep;
use jobs::upkeep::Upkeep;
use jobs::worker::Materializer;
use jobs::{Jobs, materializer, scheduler, stream_job, worker};
use lock::DirectoryLock;
use online::OnlineStore;
use private::Group;
use quarantine::Quarantine;
use queries::compute::EngineCompute;
use queries::{Compute, Queries, Separator};
use source::readers::Readers;
use stream::hub::Tails;
use stream::keeper::Keepers;
use uploads::Uploads;

/// How long a shutdown waits for running work. What has not stopped by then is interrupted and runs again later.
const SHUTDOWN: Duration = Duration::from_millis(1_500);

/// How often a shutdown looks whether the threads have ended.
const STOP_CHECK: Duration = Duration::from_millis(20);

/// Where a platform finds its definitions and keeps its data.
#[derive(Clone, Debug)]
pub struct Config {
    /// The feature repository: the folder that holds `workspaces.toml` and the definitions.
    pub repo: PathBuf,
    /// Folders outside of the repository in which files of sources may lie.
    pub allow_sources: Vec<PathBuf>,
    /// Everything durable: `jobs.sqlite`, `access.sqlite`, `audit.sqlite`, `quarantine.sqlite`, `online/`, `offline/`,
    /// `datasets/`, `streams/`, and for a while `uploads/`. One process at a time.
    pub data_dir: PathBuf,
    /// What stands between view and feature in the columns that are joined to a spine.
    pub feature_separator: Separator,
    /// Attempts that run at the same time, at least one. Together they may hold `memory`.
    pub workers: usize,
    /// Most bytes that running attempts may hold, shared by [`materializer::share`]; [`compute::MEMORY`] unless there
    /// is a reason.
    pub memory: u64,
    /// When failed attempts are tried again.
    pub retry: Policy,
    /// Within about which time an event that came is seen online; longer takes fewer and larger writes.
    pub stream_latency: Duration,
    /// How much is kept of a view's records that no row could be made of.
    pub quarantine: quarantine::Bounds,
    /// The group that may read `offline/` and `datasets/`; without one the data are their owner's alone.
    pub data_group: Option<Group>,
}

/// A running platform: its stores, its jobs and streams, and the threads that work for them.
pub struct Platform {
    repository: Repository,
    clock: Clock,
    access: Arc<Access>,
    jobs: Arc<Jobs>,
    online: Arc<OnlineStore>,
    quarantine: Arc<Quarantine>,
    tails: Arc<Tails>,
    readers: Arc<Readers>,
    live: Arc<LiveStreams>,
    restarts: Mutex<()>,
    queries: Queries,
    datasets: Arc<Datasets>,
    uploads: Uploads,
    stop: CancellationToken,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: DirectoryLock,
}

impl Platform {
    /// Starts a platform. Returns as soon as it can answer; backfill and streams go on behind it. Repository errors do
    /// not keep it from starting: they are in [`Platform::repository`].
    pub async fn start(config: Config) -> Result<Self, PlatformError> {
        Self::start_at(config, Clock::system()).await
    }

    /// [`Platform::start`] by another clock; for tests.
    pub async fn start_at(config: Config, clock: Clock) -> Result<Self, PlatformError> {
        descriptors::raise();
        let runtime = tokio::runtime::Handle::current();
        let (done, started) = tokio::sync::oneshot::channel();
        // A thread of its own, for everything that it starts inherits its priority, the engine's threads included.
        std::thread::Builder::new().name("platform".to_owned()).spawn(move || {
            priority::lower();
            let _ = done.send(Self::start_blocking(&config, clock, runtime));
        })?;
        started.await.map_err(|_| PlatformError::Stopped)?
    }

    fn start_blocking(config: &Config, clock: Clock, runtime: tokio::runtime::Handle) -> Result<Self, PlatformError> {
        data_dir::claim(&config.data_dir)?;
        let lock = DirectoryLock::take(&config.data_dir, lock::PATIENCE)?;
        data_dir::raise(&config.data_dir)?;
        data_dir::close(&config.data_dir, config.data_group.as_ref())?;
        let access = Arc::new(Access::open(&config.data_dir)?);
        let streams = config.data_dir.join(data_dir::STREAMS);
        let repository = registry::load_in(&config.repo, &config.allow_sources, Some(&streams));
        // Before jobs are planned, for these ask from when on events are kept.
        let keepers = Keepers::open(&repository.sources, &clock);
        let path = config.data_dir.join(data_dir::JOBS);
        let jobs = Jobs::open_with(&path, &repository.views, clock.clone(), config.retry)
            .and_then(|jobs| jobs.schedule().map(|_| jobs))
            .map_err(|problem| PlatformError::Jobs { path, problem })?;
        let jobs = Arc::new(jobs);
        let folder = config.data_dir.join("online");
        let failed = |problem| DataDirError::Disk { dir: folder.clone(), problem };
        private::make_folder(&folder).map_err(failed)?;
        let online = Arc::new(OnlineStore::open(&folder)?);
        hold_against(&jobs, &online)?;
        let engine: Arc<dyn Engine> = Arc::new(PolarsEngine);
        let begins = |view: &Arc<View>| Some((view.id, jobs.events_begin(view)?));
        let starts: HashMap<Id, Time> = repository.views.iter().filter_map(begins).collect();
        let quarantine = Quarantine::open(
            &config.data_dir,
            config.quarantine,
            Arc::clone(&online),
            Arc::clone(&engine),
            clock.clone(),
        )?;
        let quarantine = quarantine.with_starts(starts.clone());
        quarantine.begin(&repository.views).map_err(PlatformError::Quarantine)?;
        let quarantine = Arc::new(quarantine);
        let readers = Arc::new(Readers::new(clock.clone(), &streams));
        let stop = CancellationToken::new();
        let materializer: Arc<dyn Materializer> = Arc::new(EngineMaterializer {
            engine: Arc::clone(&engine),
            offline: config.data_dir.join("offline"),
            online: Arc::clone(&online),
            runtime: runtime.clone(),
            clock: clock.clone(),
            memory: materializer::share(config.memory, config.workers),
        });
        let mut threads = worker::spawn(config.workers.max(1), &jobs, &materializer, &stop)?;
        threads.push(inspection::spawn(&jobs, config.data_dir.join("offline"), &runtime, &stop)?);
        threads.push(spawn_scheduler(&jobs, Upkeep::new(Arc::clone(&online)), &stop)?);
        let live = Arc::new(LiveStreams::default());
        let step: Arc<dyn StreamStep> = Arc::new(EngineStep {
            engine: Arc::clone(&engine),
            readers: Arc::clone(&readers),
            online: Arc::clone(&online),
            refusals: Arc::clone(&quarantine) as Arc<dyn Refusals>,
            live: Arc::clone(&live),
            starts,
        });
        let turns = Arc::new(Turns::new(&repository.views, config.stream_latency, Some(runtime.clone())));
        threads.extend(stream_job::spawn(&jobs, &turns, &step, &stop)?);
        threads.extend(keepers.spawn(&readers, &stop)?);
        let tails = Arc::new(Tails::new(Arc::clone(&engine), Arc::clone(&readers), stop.child_token()));
        let datasets = config.data_dir.join("datasets");
        let failed = |problem| DataDirError::Disk { dir: datasets.clone(), problem };
        let datasets = Arc::new(Datasets::open(datasets.clone()).map_err(failed)?);
        let uploads = config.data_dir.join("uploads");
        let failed = |problem| DataDirError::Disk { dir: uploads.clone(), problem };
        let uploads = Uploads::open(&uploads).map_err(failed)?;
        let queries = Queries::default();
        let compute: Arc<dyn Compute> = Arc::new(EngineCompute {
            engine,
            offline: config.data_dir.join("offline"),
            datasets: Arc::clone(&datasets),
            jobs: Arc::clone(&jobs),
            runtime,
            clock: clock.clone(),
            separator: config.feature_separator.clone(),
        });
        threads.extend(queries::spawn(&queries, &compute, &stop)?);
        let threads = Mutex::new(threads);
        Ok(Self {
            repository,
            clock,
            access,
            jobs,
            online,
            quarantine,
            tails,
            readers,
            live,
            restarts: Mutex::default(),
            queries,
            datasets,
            uploads,
            stop,
            threads,
            _lock: lock,
        })
    }

    /// The definitions it runs, and what is wrong with the rest.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// A view by workspace and name, or by workspace and id.
    pub fn view(&self, workspace: &str, name_or_id: &str) -> Option<&Arc<View>> {
        let mut views = self.repository.views.iter().filter(|view| view.workspace == workspace);
        views.find(|view| view.name == name_or_id || view.id.to_string() == name_or_id)
    }

    /// The view of that id, in whichever workspace; absent where none has it.
    pub fn view_by_id(&self, id: Id) -> Option<&Arc<View>> {
        self.repository.views.iter().find(|view| view.id == id)
    }

    /// The API keys and the audit log. Calls block on the disk.
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// A feature service by workspace and name, or by workspace and id.
    pub fn service(&self, workspace: &str, name_or_id: &str) -> Option<&Arc<FeatureService>> {
        let mut services = self.repository.services.iter().filter(|service| service.workspace == workspace);
        services.find(|service| service.name == name_or_id || service.id.to_string() == name_or_id)
    }

    /// The jobs. Calls block on the disk.
    pub fn jobs(&self) -> &Arc<Jobs> {
        &self.jobs
    }

    /// The online store. Calls may block on the disk.
    pub fn online(&self) -> &Arc<OnlineStore> {
        &self.online
    }

    /// The records of streams that no row could be made of. Calls block on the disk.
    pub(crate) fn quarantine(&self) -> &Arc<Quarantine> {
        &self.quarantine
    }

    /// The tails of `run_stream`: one for each view that somebody listens to.
    pub fn tails(&self) -> &Arc<Tails> {
        &self.tails
    }

    /// The opened streams of sources.
    pub(crate) fn readers(&self) -> &Arc<Readers> {
        &self.readers
    }

    /// What is known of running stream jobs besides what is stored.
    pub(crate) fn live_streams(&self) -> &Arc<LiveStreams> {
        &self.live
    }

    /// The turn to read a stream anew from another place: one at a time, so that none runs meanwhile.
    pub(crate) fn restarts(&self) -> std::sync::MutexGuard<'_, ()> {
        self.restarts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The computations that people ask for.
    pub fn queries(&self) -> &Queries {
        &self.queries
    }

    /// The results that people keep. Calls block on the disk.
    pub fn datasets(&self) -> &Arc<Datasets> {
        &self.datasets
    }

    /// Keys on their way to a deletion. Calls touch the disk.
    pub fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// The clock by which jobs, streams and lookups go.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Stops everything within a second or so; see [`Platform::shutdown`]. For a platform that is shared.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.jobs.stop();
        self.queries.stop();
        let deadline = tokio::time::Instant::now() + SHUTDOWN;
        let mut threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        while !threads.is_empty() {
            if tokio::time::Instant::now() > deadline {
                tracing::warn!("some work did not stop in time; it will run again at the next start");
                return;
            }
            tokio::time::sleep(STOP_CHECK).await;
            for ended in threads.extract_if(.., |thread| thread.is_finished()) {
                if ended.join().is_err() {
                    tracing::error!("a thread of the platform panicked");
                }
            }
        }
    }

    /// Stops everything within a second or so. Attempts that run are interrupted and run again at the next start.
    pub async fn shutdown(self) {
        self.stop().await;
    }
}

/// Holds the online store against what jobs say they wrote, and says what is not there.
fn hold_against(jobs: &Jobs, online: &OnlineStore) -> Result<(), PlatformError> {
    for view in jobs.views().filter(|view| view.live && view.online) {
        let written = jobs.coverage(view.id).map_err(PlatformError::Coverage)?;
        let missing = online.hold_against(view.id, &written.online)?;
        if !missing.is_empty() {
            let (name, windows) = (&view.name, print_windows(&missing));
            tracing::error!(
                "the online store does not hold what jobs wrote of `{name}`, {windows}: lookups that need it are refused. Put the \
                 right copy of online/ back, or materialize these windows again with overwrite"
            );
        }
    }
    Ok(())
}

fn spawn_scheduler(jobs: &Arc<Jobs>, upkeep: Upkeep, stop: &CancellationToken) -> std::io::Result<JoinHandle<()>> {
    let (jobs, stop) = (Arc::clone(jobs), stop.clone());
    std::thread::Builder::new().name("scheduler".to_owned()).spawn(move || scheduler::run(&jobs, upkeep, &stop))
}
