//! Two hundred jobs of twenty views on two workers, with failures where failures come from: a file that cannot be read,
//! a full disk, too little memory. Each ends in its right state after the right number of attempts, and the pool is
//! never exceeded.
//!
//! The clock is the test's: it moves on by a microsecond with each look, so that attempts can be told apart, and by
//! hours when the test says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fvtop::model::time::{from_micros, micros};
use fvtop::model::{AttemptState, Job, JobState, JobType, Span};
use fvtop::platform::clock::Clock;
use fvtop::platform::frame::timestamp_type;
use fvtop::platform::jobs::retry::Policy;
use fvtop::platform::jobs::table::JobTable;
use fvtop::platform::{Config, Platform, data_dir};
use polars::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::scene::at;
use crate::support::{stderr, stdout, wait_for, write_parquet};

const WORKERS: usize = 2;
/// Where a disk of a megabyte is mounted, in the process that has one.
const SMALL_DISK: &str = "FVTOP_TEST_SMALL_DISK";
/// How long anything may take that does not wait for a person.
const PATIENCE: Duration = crate::support::GUARD;
const TEN: &str =
    "batch_schedule = \"1h\"\nmax_batch_aggregation_interval = \"1h\"\nfeature_start_time = \"apply - 10h\"\n";
const PLAIN: &str = "source = \"{source}\"\nsql = \"SELECT k, ts, v FROM {source}\"\n";
/// More rows than the memory allows.
const HUGE: &str = "source = [\"sound\", \"plain\"]\nsql = \"SELECT k, ts, v + n AS v FROM sound CROSS JOIN plain\"\n";
/// How often the work that takes long goes through each of its rows.
const DEEP: usize = 4;

/// A platform over a repository of its own.
struct Pool {
    folder: TempDir,
    now: Arc<AtomicI64>,
    runtime: Runtime,
    platform: Option<Platform>,
}

/// Ten hours of events up to 2026-01-05 10:05, and a plain table of a hundred thousand rows.
fn sources(root: &Path) {
    let begins = micros(at("2026-01-05 00:00"));
    let times: Vec<i64> = (0..3_600).map(|n| begins + n * 10_000_000).collect();
    let keys: Vec<String> = (0..3_600).map(|n| format!("k{}", n % 50)).collect();
    let values: Vec<i64> = (0..3_600).collect();
    let events = df!("k" => keys, "ts" => times, "v" => values).unwrap();
    let events = events.lazy().with_column(col("ts").cast(timestamp_type())).collect().unwrap();
    for name in ["sound", "mended-a", "lost-a"] {
        write(root, name, &events);
    }
    for name in ["mended-b", "lost-b"] {
        std::fs::write(root.join(format!("{name}.parquet")), "no Parquet").unwrap();
    }
    write(root, "plain", &df!("n" => (0..100_000_i64).collect::<Vec<_>>()).unwrap());
    let source = |name: &str, files: &str| {
        format!("[[source]]\nname = \"{name}\"\nfiles = \"{files}.parquet\"\ntimestamp_column = \"ts\"\n")
    };
    let plain = "[[source]]\nname = \"plain\"\nfiles = \"plain.parquet\"\n";
    let all = source("sound", "sound") + &source("mended", "mended-*") + &source("lost", "lost-*") + plain;
    std::fs::write(root.join("sources.toml"), all).unwrap();
}

fn write(root: &Path, name: &str, rows: &DataFrame) {
    write_parquet(&root.join(format!("{name}.parquet")), rows.clone(), &[]);
}

impl Pool {
    /// Views by name; each has ten jobs that are due.
    fn start(views: &BTreeMap<String, String>, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repo");
        std::fs::create_dir_all(root.join("views")).unwrap();
        sources(&root);
        std::fs::write(root.join("workspaces.toml"), "[[workspace]]\nname = \"prod\"\nlive = true\n").unwrap();
        let entity = "[[entity]]\nname = \"thing\"\njoin_keys = [{ name = \"k\", type = \"string\" }]\n";
        std::fs::write(root.join("entities.toml"), entity).unwrap();
        for (name, text) in views {
            let head = format!(
                "name = \"{name}\"\nentities = [\"thing\"]\nmode = \"spark_sql\"\nonline = true\noffline = true\n"
            );
            std::fs::write(root.join(format!("views/{name}.toml")), format!("{head}{text}{TEN}")).unwrap();
        }
        let data_dir = folder.path().join("data");
        // A directory that is the platform's already.
        data_dir::claim(&data_dir).unwrap();
        JobTable::open(&data_dir.join("jobs.sqlite")).unwrap();
        std::fs::create_dir_all(data_dir.join("offline/prod")).unwrap();
        prepare(&data_dir);
        let config = Config {
            repo: root,
            allow_sources: vec![],
            data_dir,
            feature_separator: ".".parse().unwrap(),
            workers: WORKERS,
            memory: 600 << 20,
            retry: Policy { attempts: 3, ..Policy::default() },
            quarantine: Default::default(),
            data_group: None,
            stream_latency: fvtop::platform::jobs::LATENCY,
        };
        let now = Arc::new(AtomicI64::new(micros(at("2026-01-05 10:05"))));
        let ticking = Arc::clone(&now);
        let clock = Clock::from_fn(move || from_micros(ticking.fetch_add(1, Ordering::SeqCst)));
        let runtime = Runtime::new().unwrap();
        let platform = runtime.block_on(Platform::start_at(config, clock)).unwrap();
        let errors: Vec<String> = platform.repository().errors.iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
        Self { folder, now, runtime, platform: Some(platform) }
    }

    fn platform(&self) -> &Platform {
        self.platform.as_ref().unwrap()
    }

    fn pass(&self, span: Span) {
        self.now.fetch_add(span.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// The backfill jobs of the views whose names begin so.
    fn jobs(&self, prefix: &str) -> Vec<Job> {
        let views = self.platform().repository().views.iter().filter(|view| view.name.starts_with(prefix));
        let jobs = views.flat_map(|view| self.platform().jobs().list(view.id).unwrap());
        jobs.filter(|job| job.job_type == JobType::Batch && job.state != JobState::Scheduled).collect()
    }

    /// Waits until nothing runs and nothing is queued: each job has ended or waits for the clock.
    fn settle(&self) {
        let settled = |job: &Job| job.state.is_terminal() || job.next_attempt_at.is_some();
        wait_for("the pool to come to rest", PATIENCE, || self.jobs("").iter().all(settled).then_some(()));
    }

    /// Each of the jobs stands so, after that many attempts, of which all but a last successful one failed for that
    /// reason.
    fn expect(&self, prefix: &str, count: usize, state: &JobState, attempts: usize, reason: &str) {
        let jobs = self.jobs(prefix);
        assert_eq!(jobs.len(), count, "{prefix}");
        for job in jobs {
            assert_eq!(
                (&job.state, job.attempts.len()),
                (state, attempts),
                "{}: {:?}",
                job.feature_view,
                job.failure()
            );
            for attempt in job.attempts.iter().filter(|attempt| attempt.state != AttemptState::Success) {
                assert_eq!(attempt.reason.as_deref(), Some(reason), "{}: {:?}", job.feature_view, attempt.message);
            }
            let well = job.attempts.iter().filter(|attempt| attempt.state == AttemptState::Success).count();
            assert_eq!(well, usize::from(*state == JobState::Success), "{}", job.feature_view);
        }
    }

    /// The most attempts that ran at one time, by the times that they tell.
    fn most_at_once(&self) -> i32 {
        let attempts = self.jobs("").into_iter().flat_map(|job| job.attempts);
        let mut changes: Vec<_> = attempts
            .flat_map(|attempt| [(attempt.created_at.unwrap(), 1), (attempt.updated_at.unwrap(), -1)])
            .collect();
        changes.sort();
        let running = changes.iter().scan(0, |running, (_, change)| {
            *running += change;
            Some(*running)
        });
        running.max().unwrap()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(platform) = self.platform.take() {
            self.runtime.block_on(platform.shutdown());
        }
    }
}

fn twenty(kinds: &[(&str, usize, String)]) -> BTreeMap<String, String> {
    let views = |(name, count, text): &(&str, usize, String)| {
        (0..*count).map(|n| (format!("{name}_{n:02}"), text.clone())).collect::<Vec<_>>()
    };
    let views: BTreeMap<String, String> = kinds.iter().flat_map(views).collect();
    assert_eq!(views.len(), 20);
    views
}

fn reads(source: &str) -> String {
    PLAIN.replace("{source}", source)
}

/// Runs the test beneath in a process of its own that has a small disk mounted; false where that is not permitted.
fn with_small_disk() -> bool {
    let disk = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let mount = format!("mount -t tmpfs -o size=1m small {} && echo mounted", disk.path().display());
    let flags = ["-m", "-rm"].into_iter().find(|flags| {
        let tried = Command::new("unshare").args([flags, "sh", "-c", &mount]).output();
        tried.is_ok_and(|output| output.stdout.starts_with(b"mounted"))
    });
    let Some(flags) = flags else { return false };
    let script = format!("{mount} && exec \"$0\" --exact {BENEATH} --ignored --nocapture");
    let run = Command::new("unshare")
        .args([flags, "sh", "-c", &script])
        .arg(test)
        .env(SMALL_DISK, disk.path())
        .output()
        .unwrap();
    let (out, err) = (stdout(&run), stderr(&run));
    assert!(run.status.success() && out.contains("1 passed"), "{out}\n{err}");
    true
}

const BENEATH: &str = "pool::two_hundred_jobs_in_a_process_of_their_own";

#[test]
fn two_hundred_jobs_end_in_the_right_state_with_the_right_attempts() {
    if !with_small_disk() {
        println!("skipped: the full disk, for this machine permits no mount namespace");
        two_hundred_jobs(None);
    }
}

#[test]
#[ignore = "run by the test above, which gives it a small disk"]
fn two_hundred_jobs_in_a_process_of_their_own() {
    two_hundred_jobs(Some(&PathBuf::from(std::env::var_os(SMALL_DISK).unwrap())));
}

fn two_hundred_jobs(disk: Option<&Path>) {
    let kinds = [
        ("sound", 13, reads("sound")),
        ("mended", 2, reads("mended")),
        ("lost", 2, reads("lost")),
        ("full", 2, reads("sound")),
        ("huge", 1, HUGE.to_owned()),
    ];
    let pool = Pool::start(&twenty(&kinds), |data| {
        for name in disk.into_iter().flat_map(|_| ["full_00", "full_01"]) {
            let there = disk.unwrap().join(name);
            std::fs::create_dir(&there).unwrap();
            std::os::unix::fs::symlink(&there, data.join("offline/prod").join(name)).unwrap();
        }
        if let Some(disk) = disk {
            fill(disk);
        }
    });
    std::fs::remove_file(pool.repo().join("lost-b.parquet")).unwrap();
    let full = |state: JobState, attempts| match disk {
        Some(_) => pool.expect("full", 20, &state, attempts, "DISK_FULL"),
        None => pool.expect("full", 20, &JobState::Success, 1, "-"),
    };

    pool.settle();
    pool.expect("sound", 130, &JobState::Success, 1, "-");
    pool.expect("mended", 20, &JobState::Running, 1, "SOURCE_ERROR");
    pool.expect("lost", 20, &JobState::Running, 1, "SOURCE_ERROR");
    pool.expect("huge", 10, &JobState::Failure, 1, "MEMORY_ERROR");
    full(JobState::Running, 1);

    // Nothing is mended yet: the second attempts end like the first.
    pool.pass(Span::minutes(6));
    pool.settle_after_retry(2);
    pool.expect("mended", 20, &JobState::Running, 2, "SOURCE_ERROR");
    full(JobState::Running, 2);

    write(&pool.repo(), "mended-b", &events_none());
    if let Some(disk) = disk {
        std::fs::remove_file(disk.join("filler")).unwrap();
    }
    pool.pass(Span::minutes(12));
    pool.settle_after_retry(3);
    pool.expect("sound", 130, &JobState::Success, 1, "-");
    pool.expect("mended", 20, &JobState::Success, 3, "SOURCE_ERROR");
    pool.expect("lost", 20, &JobState::Failure, 3, "SOURCE_ERROR");
    pool.expect("huge", 10, &JobState::Failure, 1, "MEMORY_ERROR");
    full(JobState::Success, 3);
    assert_eq!(pool.jobs("").len(), 200);
    assert_eq!(pool.most_at_once(), i32::try_from(WORKERS).unwrap(), "the pool is used, and never exceeded");
}

fn events_none() -> DataFrame {
    let none = df!("k" => Vec::<String>::new(), "ts" => Vec::<i64>::new(), "v" => Vec::<i64>::new()).unwrap();
    none.lazy().with_column(col("ts").cast(timestamp_type())).collect().unwrap()
}

/// Leaves no room on a disk.
fn fill(disk: &Path) {
    let mut filler = File::create(disk.join("filler")).unwrap();
    let block = [0_u8; 4_096];
    while std::io::Write::write_all(&mut filler, &block).is_ok() {}
}

impl Pool {
    /// Waits until the jobs that are retried have had that many attempts, and everything is at rest again.
    fn settle_after_retry(&self, attempts: usize) {
        let tried = || self.jobs("lost").iter().all(|job| job.attempts.len() >= attempts).then_some(());
        wait_for("the retries", PATIENCE, tried);
        self.settle();
    }

    fn running(&self, prefix: &str) -> usize {
        let runs = |job: &Job| job.last_attempt().is_some_and(|attempt| attempt.state == AttemptState::Running);
        self.jobs(prefix).iter().filter(|job| runs(job)).count()
    }
}

/// Little memory, and more work than anybody waits for: each of a job's 36 million rows is hashed again and again.
fn slow() -> String {
    let hashed = (0..DEEP).fold("CAST(v + n AS STRING)".to_owned(), |inner, _| format!("SHA2({inner}, 256)"));
    format!(
        "source = [\"sound\", \"plain\"]\n\
         sql = \"SELECT k, ts, MAX(LENGTH({hashed})) AS v FROM sound CROSS JOIN plain GROUP BY k, ts\"\n"
    )
}

#[test]
fn cancelling_half_of_the_jobs_frees_the_pool() {
    let kinds = [("slow", 20, slow())];
    let pool = Pool::start(&twenty(&kinds), |_| {});
    wait_for("a full pool", PATIENCE, || (pool.running("") == WORKERS).then_some(()));
    // The half that holds the pool, and the half that waits.
    let holding: Vec<String> = pool.names().into_iter().filter(|name| pool.running(name) > 0).collect();
    let waiting: Vec<String> = pool.names().into_iter().filter(|name| !holding.contains(name)).collect();
    let half: Vec<String> = holding.into_iter().chain(waiting).take(10).collect();
    let others: Vec<String> = pool.names().into_iter().filter(|name| !half.contains(name)).collect();
    let count = |names: &[String]| names.iter().map(|name| pool.running(name)).sum::<usize>();
    half.iter().for_each(|name| pool.cancel(name));
    // Left to themselves, they would hold it for longer than anybody waits.
    let freed = || (count(&half) == 0 && count(&others) == WORKERS).then_some(());
    wait_for("the other half to get the pool", PATIENCE, freed);
    let states = |names: &[String]| -> BTreeSet<String> {
        names.iter().flat_map(|name| pool.jobs(name)).map(|job| format!("{:?}", job.state)).collect()
    };
    let only = |state: &JobState| BTreeSet::from([format!("{state:?}")]);
    let cancelled = || (states(&half) == only(&JobState::Cancelled)).then_some(());
    wait_for("the jobs that wait to end", PATIENCE, cancelled);
    assert_eq!(states(&others), only(&JobState::Running), "the others are left alone");
}

impl Pool {
    fn names(&self) -> Vec<String> {
        self.platform().repository().views.iter().map(|view| view.name.clone()).collect()
    }

    fn cancel(&self, view: &str) {
        let (view, jobs) = (self.platform().view("prod", view).unwrap(), self.platform().jobs());
        for job in jobs.list(view.id).unwrap().iter().filter(|job| job.state == JobState::Running) {
            jobs.cancel(view.id, job.id).unwrap().unwrap();
        }
    }
}
