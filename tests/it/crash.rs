//! A server that is killed at random moments loses nothing it acknowledged, doubles no window and misses none.
//!
//! Each round changes the source or not, starts a server on the same folder, asks it for a random set of things and
//! kills it, sometimes before it is up. Between two rounds the offline tables are read from the dead folder; after each
//! start the job list and the lookups are held to what was told before. What the stores may hold is replayed from the
//! attempts (`replay.rs`) and computed from the source by this test alone (`world.rs`).
//!
//! `FVTOP_KILLS` is the number of rounds, `FVTOP_SEED` the seed of one that failed.

mod chance;
pub(crate) mod delta;
mod ledger;
mod online;
mod operator;
mod replay;
pub(crate) mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::Utc;
use fvtop::client::api::Api;
use fvtop::model::{FeatureView, Job, JobState, JobType, Time};

use crate::support::{Server, Starting, fvtop};
use chance::Chance;
use delta::{Files, Table};
use ledger::Ledger;
use replay::{Known, Step, Store};
use world::{USERS, VIEWS, View, World};

/// Kills without `FVTOP_KILLS`.
const KILLS: usize = 30;
/// How long after its last request a server is killed at the latest, in milliseconds: mostly, and now and then.
const MOMENT: (usize, usize) = (400, 2_500);
/// How long a start takes at most before it is killed, in milliseconds.
const START: usize = 700;
/// How long the jobs that are left over may take at the end.
const REST: Duration = Duration::from_secs(900);

/// How many times as many rounds there may be as were asked for.
const MOST_TIMES: usize = 4;

/// The tables as they lay on the disk when no server ran.
struct Snapshot {
    at: Time,
    tables: BTreeMap<&'static str, Table>,
}

struct Crash {
    world: World,
    data: PathBuf,
    chance: Chance,
    ledger: Ledger,
    generation: u32,
    files: Files,
    snapshots: Vec<Snapshot>,
    refusals: Vec<String>,
    runtime: tokio::runtime::Runtime,
}

#[test]
fn killed_at_random_moments() {
    let kills = std::env::var("FVTOP_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = Chance::seed();
    println!("FVTOP_KILLS={kills} FVTOP_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut crash = Crash::new(folder.path(), seed);
    let begun = Instant::now();
    let mut round = 0;
    // On a busy machine a few rounds may bring no deletion. Then there are more: a test that met nothing proves
    // nothing.
    while round < kills || (crash.ledger.deletions.is_empty() && round < MOST_TIMES * kills) {
        round += 1;
        crash.change_source();
        if crash.chance.once_in(6) {
            crash.kill_starting();
        } else {
            crash.kill_working();
        }
        crash.read_tables();
        println!("kill {round}: {} jobs, {} s", crash.ledger.count(), begun.elapsed().as_secs());
    }
    crash.end();
}

impl Crash {
    fn new(folder: &Path, seed: u64) -> Self {
        let world = World::make(&folder.join("repo"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self {
            world,
            data: folder.join("data"),
            chance: Chance::new(seed),
            ledger: Ledger::default(),
            generation: 0,
            files: Files::default(),
            snapshots: Vec::new(),
            refusals: Vec::new(),
            runtime,
        }
    }

    /// Publishes another generation now and then; no server runs meanwhile.
    fn change_source(&mut self) {
        if self.chance.once_in(2) {
            self.generation += 1;
            self.world.publish(self.generation);
        }
        self.ledger.starts.push((Utc::now(), self.generation));
    }

    /// Kills a server before or just when it is up.
    fn kill_starting(&mut self) {
        let server = Starting::new(fvtop(), &self.world.repo, &self.data);
        std::thread::sleep(self.chance.millis(START));
        server.kill();
    }

    /// Checks a server, keeps it busy and kills it.
    fn kill_working(&mut self) {
        let server = Server::start(&self.world.repo, &self.data);
        self.check(&server);
        let (api, chance) = (server.api(), self.chance.split());
        let user = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(operator::operate(api, chance))
        });
        let moment = if self.chance.once_in(5) { MOMENT.1 } else { MOMENT.0 };
        std::thread::sleep(self.chance.millis(moment));
        server.kill();
        operator::tell(user.join().unwrap(), &mut self.ledger, &mut self.refusals);
    }

    fn table_of(&self, view: &View) -> PathBuf {
        self.data.join("offline/prod").join(view.name)
    }

    /// Reads the tables of the dead folder. What they may hold is known once the next server tells how far it had come.
    fn read_tables(&mut self) {
        let at = Utc::now();
        let tables = VIEWS.iter().map(|view| (view.name, delta::read(&self.table_of(view), view, &mut self.files)));
        let tables = tables.collect();
        self.snapshots.push(Snapshot { at, tables });
    }

    /// Holds a server to everything that was told, and both stores to the source.
    fn check(&mut self, server: &Server) {
        let api = server.api();
        let views = self.runtime.block_on(operator::views(&api)).unwrap();
        let snapshots = std::mem::take(&mut self.snapshots);
        for view in &VIEWS {
            let jobs = self.list(&api, &views, view);
            self.ledger.check(view, &jobs, Utc::now());
            for snapshot in &snapshots {
                self.check_offline(view, &jobs, snapshot);
            }
            self.check_online(&api, &views, view);
        }
        self.ledger.forget_unanswered();
    }

    fn list(&self, api: &Api, views: &[FeatureView], view: &View) -> Vec<Job> {
        self.runtime.block_on(operator::list(api, views, view)).unwrap()
    }

    /// The steps of a store up to `until`; those that had `succeeded` by another list are sure.
    fn steps(&self, jobs: &[Job], sure: &[Job], until: Time, store: Store) -> Vec<Step> {
        let known = Known {
            jobs,
            until,
            succeeded: replay::succeeded(sure),
            deletions: &self.ledger.deletions,
            starts: &self.ledger.starts,
        };
        replay::steps(&known, store)
    }

    /// A table holds, hour by hour, what the attempts up to the kill may have left, and of deleted keys nothing that is
    /// older than the deletion, on the whole disk.
    fn check_offline(&self, view: &View, jobs: &[Job], snapshot: &Snapshot) {
        let steps = self.steps(jobs, jobs, snapshot.at, Store::Offline);
        let table = &snapshot.tables[view.name];
        for stamp in &table.stamps {
            let of_job = jobs.iter().any(|job| job.offline && stamp.contains(&job.id.to_string()));
            assert!(of_job, "{}: the log knows {stamp}, the job list does not", view.name);
        }
        let mut hours: Vec<i64> = table.content.keys().map(|(hour, _)| *hour).collect();
        hours.extend(self.world.hours());
        hours.sort_unstable();
        hours.dedup();
        for hour in hours {
            let states = replay::hour_states(&steps, hour);
            let fits = |held: &replay::Held| {
                (0..USERS).all(|user| {
                    let expected = held[user].map(|g| world::stored(view.shape, hour, user, g)).unwrap_or_default();
                    table.content.get(&(hour, user)).is_none_or(Vec::is_empty) && expected.is_empty()
                        || table.content.get(&(hour, user)) == Some(&expected)
                })
            };
            if !states.iter().any(fits) {
                let found: Vec<_> = (0..USERS).map(|user| table.content.get(&(hour, user))).collect();
                let steps: Vec<_> = steps.iter().filter(|step| step.concerns(hour)).collect();
                panic!(
                    "{} offline, hour {hour}: none of the states {states:?} after {steps:#?}, but {found:?}",
                    view.name
                );
            }
        }
        for (began, users) in replay::deletions(&steps) {
            for file in table.files.iter().filter(|file| file.written < began) {
                let holds = file.users.as_ref().is_none_or(|there| !there.is_disjoint(users));
                assert!(
                    !holds,
                    "{}: users {users:?} were deleted at {began}, and there is {file:?}; servers started at {:?}",
                    view.name, self.ledger.starts
                );
            }
        }
    }

    /// Lookups answer what the attempts so far may have left.
    fn check_online(&self, api: &Api, views: &[FeatureView], view: &View) {
        let before = self.list(api, views, view);
        let answers: Vec<_> = (0..USERS).map(|user| self.runtime.block_on(online::look_up(api, view, user))).collect();
        let until = Utc::now();
        let after = self.list(api, views, view);
        let steps = self.steps(&after, &before, until, Store::Online);
        for (user, answer) in answers.iter().enumerate() {
            if let Err(problem) = online::check(view, user, answer, &steps) {
                panic!("{} online: {problem} after {steps:#?}", view.name);
            }
        }
    }

    /// Lets a last server do what is left, checks everything again, and ends it politely.
    fn end(&mut self) {
        self.change_source();
        let server = Server::start(&self.world.repo, &self.data);
        self.check(&server);
        let api = server.api();
        let views = self.runtime.block_on(operator::views(&api)).unwrap();
        let open = |job: &Job| !job.state.is_terminal() && job.state != JobState::Scheduled;
        crate::support::wait_for("every job to end", REST, || {
            VIEWS.iter().all(|view| !self.list(&api, &views, view).iter().any(open)).then_some(())
        });
        self.check(&server);
        self.check_printed(&server, &api, &views);
        self.say_what_was_met(&api, &views);
        assert_eq!(server.stop("TERM"), Some(0));
        self.read_tables();
        let server = Server::start(&self.world.repo, &self.data);
        self.check(&server);
    }

    /// `fvtop lookup` prints what is right as well.
    fn check_printed(&self, server: &Server, api: &Api, views: &[FeatureView]) {
        for view in &VIEWS {
            let jobs = self.list(api, views, view);
            let steps = self.steps(&jobs, &jobs, Utc::now(), Store::Online);
            for user in 0..USERS {
                let answer = loop {
                    let hour = world::hour_of(Utc::now());
                    let printed = server.json(&["lookup", view.name, &format!("user_id={user}"), "--json"]);
                    if world::hour_of(Utc::now()) == hour {
                        break online::printed(&printed, hour);
                    }
                };
                online::check(view, user, &answer, &steps).unwrap_or_else(|problem| panic!("{}: {problem}", view.name));
            }
        }
    }

    /// Says how much the kills met; a test that met nothing proves nothing.
    fn say_what_was_met(&self, api: &Api, views: &[FeatureView]) {
        let jobs: Vec<Job> = VIEWS.iter().flat_map(|view| self.list(api, views, view)).collect();
        let attempts = || jobs.iter().flat_map(|job| &job.attempts);
        let interrupted = attempts().filter(|a| a.reason.as_deref() == Some("INTERRUPTED")).count();
        let done =
            |kind: JobType| jobs.iter().filter(|job| job.job_type == kind && job.state == JobState::Success).count();
        println!(
            "{} jobs, {} batch and {} deletion jobs done, {} attempts, {interrupted} interrupted, {} requests refused, \
             {} generations",
            jobs.len(),
            done(JobType::Batch),
            done(JobType::Deletion),
            attempts().count(),
            self.refusals.len(),
            self.generation + 1
        );
        let mut refusals: Vec<&String> = self.refusals.iter().collect();
        refusals.dedup_by_key(|text| text.chars().take(20).collect::<String>());
        refusals.iter().take(12).for_each(|text| println!("refused: {text}"));
        assert!(interrupted > 0, "no kill met an attempt");
        assert!(done(JobType::Deletion) > 0, "no deletion was done");
    }
}
