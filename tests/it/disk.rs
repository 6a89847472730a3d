//! A disk that is full or read-only: what is said, what goes on, and that nothing acknowledged is lost.

mod mounted;

use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use fvtop::client::api::Api;
use fvtop::client::{Error, Kind};
use fvtop::model::{AttemptState, FeatureStatus, Id, Job, JobState, Time, TriggerRequest, Value, Window};
use fvtop::wire::features::Locator;
use polars::prelude::*;

use crate::crash::delta::Log;
use crate::crash::world::{HOUR, hour_of, window};
use crate::support::{Server, Starting, wait_for, write_parquet};
use mounted::Disk;

/// The size of the disk, in megabytes.
const SIZE: usize = 24;
/// Hours of clicks before the present.
const HOURS: i64 = 72;
/// The hour before the present that has so many clicks that its file takes megabytes, and their number.
const LARGE: (i64, i64) = (2, 60_000);
/// Clicks of any other hour.
const FEW: i64 = 20;
/// How long anything may take that does not wait for a person.
const PATIENCE: Duration = crate::support::GUARD;

const DEFINITIONS: [(&str, &str); 4] = [
    ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\ndescription = \"What serves.\"\n"),
    (
        "entities.toml",
        r#"
[[entity]]
name = "user"
description = "A user."
owner = "tests@example.com"
join_keys = [{ name = "user_id", type = "int64" }]
"#,
    ),
    (
        "sources.toml",
        r#"
[[source]]
name = "clicks"
description = "Clicks of users."
owner = "tests@example.com"
files = "clicks.parquet"
timestamp_column = "timestamp"
"#,
    ),
    (
        "views/last_click.toml",
        r#"
name = "last_click"
description = "What users clicked last."
owner = "tests@example.com"
entities = ["user"]
source = "clicks"
mode = "spark_sql"
sql = "SELECT user_id, timestamp, page FROM clicks"
online = true
offline = true
batch_schedule = "1h"
feature_start_time = "apply - 3d"
batch_trigger = "manual"
"#,
    ),
];

/// Writes a repository whose pages cannot be packed small.
fn repository(repo: &Path) {
    std::fs::create_dir_all(repo.join("views")).unwrap();
    for (name, text) in DEFINITIONS {
        std::fs::write(repo.join(name), text).unwrap();
    }
    let present = hour_of(Utc::now());
    let (mut users, mut times, mut pages) = (Vec::new(), Vec::new(), Vec::new());
    for back in 1..=HOURS {
        let count = clicks(back);
        for click in 0..count {
            let time = (present - back) * HOUR + click * (HOUR / count);
            // Each click of the large hour is another user's, so that it is large online as well.
            users.push(if back == LARGE.0 { click } else { click % 5 });
            times.push(time);
            pages.push(format!("{:016x}", time.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(2));
        }
    }
    for page in &mut pages {
        let mixed = page.bytes().fold(1_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        page.push_str(&format!("{mixed:016x}"));
    }
    let frame = df!("user_id" => users, "timestamp" => times, "page" => pages).unwrap();
    write_parquet(&repo.join("clicks.parquet"), frame, &["timestamp"]);
}

fn clicks(back: i64) -> i64 {
    if back == LARGE.0 { LARGE.1 } else { FEW }
}

/// A server on a disk of its own, and a user of it.
struct Scene {
    disk: Disk,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    present: i64,
}

impl Scene {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::mount(&folder.path().join("disk"), SIZE)?;
        repository(&folder.path().join("repo"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Some(Self { disk, folder, runtime, present: hour_of(Utc::now()) })
    }

    /// A server that tries failed attempts again after a second.
    fn start(&self) -> Server {
        self.starting().ready()
    }

    fn starting(&self) -> Starting {
        let (repo, data) = (self.folder.path().join("repo"), self.folder.path().join("disk"));
        Starting::with(self.disk.program(), &repo, &data, &["--retry-wait", "1s"])
    }

    fn hour(&self, back: i64) -> Window {
        window(self.present - back..self.present - back + 1)
    }

    /// Asks for the hour so many hours back.
    fn trigger(&self, api: &Api, back: i64, (online, offline): (bool, bool)) -> Result<Job, Error> {
        let request = TriggerRequest {
            workspace: "prod".to_owned(),
            feature_view: "last_click".to_owned(),
            window: self.hour(back),
            online,
            offline,
            use_tecton_managed_retries: true,
            overwrite: false,
        };
        self.runtime.block_on(api.trigger(&request))
    }

    fn jobs(&self, api: &Api) -> Vec<Job> {
        self.runtime.block_on(async {
            let view = api.feature_view("prod", "last_click").await.unwrap();
            api.jobs("prod", "last_click", view.id).await.unwrap()
        })
    }

    fn job(&self, api: &Api, id: Id) -> Job {
        self.jobs(api).into_iter().find(|job| job.id == id).unwrap_or_else(|| panic!("acknowledged job {id} is lost"))
    }

    fn until_done(&self, api: &Api, id: Id) {
        wait_for("a job to succeed", PATIENCE, || (self.job(api, id).state == JobState::Success).then_some(()));
    }

    /// Waits until an attempt has failed and another is due; gives what the failed one said.
    fn until_it_waits(&self, api: &Api, id: Id) -> (String, Time) {
        wait_for("a failed attempt", PATIENCE, || {
            let job = self.job(api, id);
            let failed = job.attempts.iter().find(|attempt| attempt.state == AttemptState::Error)?;
            assert_eq!(job.state, JobState::Running, "{job:?}");
            Some((failed.message.clone().unwrap(), job.next_attempt_at?))
        })
    }

    /// The effective time of the newest page of a user, in hours back from the present.
    fn newest(&self, api: &Api, user: usize) -> Option<i64> {
        let keys = [("user_id".to_owned(), user.to_string())];
        let vector = self.runtime.block_on(api.lookup("prod", Locator::view("last_click"), &keys)).unwrap();
        let page = &vector.features[0];
        assert_eq!(page.value == Value::Null, page.effective_time.is_none());
        page.effective_time.map(|at| self.present - hour_of(at))
    }

    /// Rows of the offline table, its log being sound.
    fn rows(&self) -> i64 {
        let root = self.disk.inside().join("offline/prod/last_click");
        Log::read(&root).rows(&root) as i64
    }
}

#[test]
fn a_full_disk_fails_an_attempt_in_words_and_the_next_one_succeeds() {
    let Some(scene) = Scene::new() else { return };
    let server = scene.start();
    let api = server.api();
    let small = scene.trigger(&api, 3, (true, true)).unwrap();
    scene.until_done(&api, small.id);

    // Room for the job table, not for the file of the large hour.
    scene.disk.fill(1 << 20);
    let large = scene.trigger(&api, LARGE.0, (false, true)).unwrap();
    let (said, next) = scene.until_it_waits(&api, large.id);
    assert!(said.contains("disk") && said.contains("full"), "{said}");
    assert!(next > large.created_at.unwrap(), "{next}");
    assert_eq!(scene.newest(&api, 1), Some(3), "lookups go on");

    scene.disk.free();
    scene.until_done(&api, large.id);
    assert_eq!(scene.rows(), clicks(3) + LARGE.1);
    server.kill();
    let server = scene.start();
    let api = server.api();
    assert_eq!(scene.job(&api, small.id).state, JobState::Success);
    assert_eq!(scene.job(&api, large.id).state, JobState::Success);
    assert_eq!(scene.newest(&api, 1), Some(3));
}

#[test]
fn an_online_store_that_met_a_full_disk_is_opened_again_without_a_restart() {
    let Some(scene) = Scene::new() else { return };
    let server = scene.start();
    let api = server.api();
    let small = scene.trigger(&api, 3, (true, true)).unwrap();
    scene.until_done(&api, small.id);
    let told = |word: &str| {
        let view = scene.runtime.block_on(api.feature_view("prod", "last_click")).unwrap();
        let summary = scene.runtime.block_on(api.summary("prod", view.id)).unwrap();
        summary.iter().any(|(title, value)| title == "Online store" && value.contains(word))
    };
    let status = || {
        let keys = [("user_id".to_owned(), "1".to_owned())];
        let vector = scene.runtime.block_on(api.lookup("prod", Locator::view("last_click"), &keys)).unwrap();
        vector.features[0].status.clone()
    };
    assert_eq!(status(), Some(FeatureStatus::Present));

    // Room for the job, not for what the large hour writes online. The online store takes all that is left, so that the
    // job table has no room for the end of the attempt either: what is wrong is told by the store alone.
    scene.disk.fill(1 << 20);
    let large = scene.trigger(&api, LARGE.0, (true, false)).unwrap();
    wait_for("the summary to say so", PATIENCE, || told("the disk is full").then_some(()));
    assert_eq!(scene.newest(&api, 1), Some(3), "lookups go on");
    assert_eq!(status(), Some(FeatureStatus::Other("CACHED_PRESENT".to_owned())), "and say how old they may be");

    scene.disk.free();
    scene.until_done(&api, large.id);
    assert_eq!(scene.newest(&api, 1), Some(LARGE.0));
    assert_eq!(status(), Some(FeatureStatus::Present));
    assert!(!told("the disk is full"));
    server.kill();
    let server = scene.start();
    assert_eq!(scene.newest(&server.api(), 1), Some(LARGE.0), "what was acknowledged is on disk");
}

#[test]
fn on_a_full_disk_a_job_is_either_refused_or_done_later() {
    let Some(scene) = Scene::new() else { return };
    let server = scene.start();
    let api = server.api();
    let first = scene.trigger(&api, 3, (true, true)).unwrap();
    scene.until_done(&api, first.id);

    scene.disk.fill(0);
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    // The job table may find room in what it has already: it is asked until it does not.
    for back in 4..HOURS - 1 {
        match scene.trigger(&api, back, (true, true)) {
            Ok(job) => taken.push((back, job.id)),
            Err(error) => {
                assert_ne!(error.kind, Kind::Unreachable, "{error}");
                let said = error.to_string();
                assert!(said.contains("disk") && said.contains("full"), "{said}");
                refused.push(back);
            }
        }
        assert_eq!(scene.newest(&api, 1), Some(3), "lookups go on");
        if refused.len() == 5 {
            break;
        }
    }
    assert!(!refused.is_empty(), "no trigger was refused on a full disk; {} were taken", taken.len());
    let of_refused = |job: &Job| refused.iter().any(|back| job.window == Some(scene.hour(*back)));
    assert!(!scene.jobs(&api).iter().any(of_refused), "a refused job is in the list");

    scene.disk.free();
    // A store that met the full disk may want a new start before it writes again.
    server.kill();
    let server = scene.start();
    let api = server.api();
    assert!(!scene.jobs(&api).iter().any(of_refused), "a refused job is in the list after a restart");
    taken.iter().for_each(|(_, id)| scene.until_done(&api, *id));
    for back in &refused {
        let job = scene.trigger(&api, *back, (true, true)).unwrap();
        scene.until_done(&api, job.id);
    }
    assert_eq!(scene.rows(), FEW * (1 + taken.len() + refused.len()) as i64);
    assert_eq!(scene.newest(&api, 1), Some(3));
}

#[test]
fn a_read_only_folder_is_refused_at_the_start_and_loses_nothing() {
    let Some(scene) = Scene::new() else { return };
    let server = scene.start();
    let api = server.api();
    let job = scene.trigger(&api, 3, (true, true)).unwrap();
    scene.until_done(&api, job.id);
    assert_eq!(server.stop("TERM"), Some(0));

    scene.disk.read_only(true);
    let (code, said) = scene.starting().refused();
    assert_eq!(code, Some(1), "{said}");
    let folder = scene.folder.path().join("disk");
    assert!(said.contains(folder.to_str().unwrap()) && said.to_lowercase().contains("read-only"), "{said}");
    assert!(said.contains("that you may write to"), "says what to do: {said}");

    scene.disk.read_only(false);
    let server = scene.start();
    let api = server.api();
    assert_eq!(scene.job(&api, job.id).state, JobState::Success);
    assert_eq!(scene.newest(&api, 1), Some(3));
    assert_eq!(scene.rows(), clicks(3));
}

#[test]
fn tables_that_become_read_only_fail_attempts_in_words_and_the_next_one_succeeds() {
    let Some(scene) = Scene::new() else { return };
    let server = scene.start();
    let api = server.api();
    let first = scene.trigger(&api, 4, (true, true)).unwrap();
    scene.until_done(&api, first.id);

    scene.disk.cover("offline");
    let second = scene.trigger(&api, 3, (true, true)).unwrap();
    let (said, _) = scene.until_it_waits(&api, second.id);
    assert!(said.to_lowercase().contains("read-only"), "{said}");
    assert_eq!(scene.newest(&api, 1), Some(4), "nothing of a failed attempt is online");

    scene.disk.uncover("offline");
    scene.until_done(&api, second.id);
    assert_eq!(scene.newest(&api, 1), Some(3));
    assert_eq!(scene.rows(), clicks(4) + clicks(3));
}
