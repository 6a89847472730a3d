//! The door for records of streams beside bare appends to a file: as many writers, single records, and one write that
//! is put on disk for all that have gathered (group commit on both sides); and batches of records.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use fvtop::model::Time;
use fvtop::platform::http::{self, ApiKeys};
use fvtop::platform::{Config, Platform, compute};
use tokio_util::sync::CancellationToken;

/// Writers at the same time.
const WRITERS: usize = 16;
/// How long a side is measured.
const LASTS: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
/// Records of a batch, and connections that send them.
const BATCH: usize = 500;
const SENDERS: usize = 4;
/// Most times that bare appends may be faster.
const BOUND: f64 = 2.0;
/// Least records a second in batches.
const IN_BATCHES: f64 = 100_000.0;

const DEFINITIONS: [(&str, &str); 4] = [
    ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = false\n"),
    ("entities.toml", "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"string\" }]\n"),
    (
        "sources.toml",
        "[[source]]\nname = \"clicks\"\ntimestamp_column = \"at\"\n[source.columns]\nuser_id = \"string\"\n\
         at = \"timestamp\"\namount = \"float64\"\n[source.stream]\nkind = \"ingest\"\nwatermark = \"10m\"\nretention = \"7d\"\n",
    ),
    (
        "views/last_click.toml",
        "name = \"last_click\"\nentities = [\"user\"]\nsource = \"clicks\"\nmode = \"spark_sql\"\n\
         sql = \"SELECT user_id, at, amount FROM clicks\"\nonline = true\nttl = \"1d\"\nbatch_schedule = \"1h\"\n\
         feature_start_time = \"apply - 1d\"\n",
    ),
];

/// Measures both and prints a table. Whether the bounds are met.
pub(crate) fn bench() -> bool {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stores-ingest");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(dir.join("repo/views")).unwrap();
    for (name, text) in DEFINITIONS {
        std::fs::write(dir.join("repo").join(name), text).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (url, key, stop) = runtime.block_on(serve(&dir));
    let (mut bare, mut ours, mut batches) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(appends(&dir.join("bare")));
        ours.push(runtime.block_on(send(&url, &key, WRITERS, 1)));
        batches.push(runtime.block_on(send(&url, &key, SENDERS, BATCH)));
    }
    stop.cancel();
    let (bare, ours, batches) = (super::median(bare), super::median(ours), super::median(batches));
    println!("{:<46} {:>10} {:>10} {:>6} {:>8}", "records of streams", "bare /s", "ours /s", "ratio", "bound");
    println!("{:<46} {bare:>10.0} {ours:>10.0} {:>6.2} {BOUND:>8}", "single records, 16 connections", bare / ours);
    println!("{:<46} {:>10} {batches:>10.0} {:>6} {IN_BATCHES:>8}", "batches of 500, 4 connections", "", "");
    runtime.shutdown_timeout(Duration::from_secs(5));
    std::fs::remove_dir_all(dir).unwrap();
    bare / ours <= BOUND && batches >= IN_BATCHES
}

/// A platform on a free port: its door, and a key.
async fn serve(dir: &Path) -> (String, String, CancellationToken) {
    let config = Config {
        repo: dir.join("repo"),
        allow_sources: Vec::new(),
        data_dir: dir.join("data"),
        feature_separator: Default::default(),
        workers: 1,
        memory: compute::MEMORY,
        retry: Default::default(),
        data_group: None,
        quarantine: Default::default(),
        stream_latency: fvtop::platform::jobs::LATENCY,
    };
    let platform = Arc::new(Platform::start(config).await.unwrap());
    let now: Time = chrono::Utc::now();
    let (keys, key) = ApiKeys::with_own(Arc::clone(platform.access()), "bench", now).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ingest", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(http::serve(platform, listener, None, keys, stop.clone()));
    (url, key, stop)
}

/// One record, some 70 bytes.
fn record(n: usize) -> String {
    format!(r#"{{"user_id":"user-{}","at":"2026-11-22T10:00:00.{:06}Z","amount":{n}.25}}"#, n % 1_000, n % 1_000_000)
}

/// Records a second through the door.
async fn send(url: &str, key: &str, senders: usize, batch: usize) -> f64 {
    let sent = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let one = |sender: usize| {
        let (url, key, sent) = (url.to_owned(), format!("Tecton-key {key}"), Arc::clone(&sent));
        tokio::spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let records: Vec<String> = (0..batch).map(|n| format!(r#"{{"record":{}}}"#, record(n + sender))).collect();
            let body = format!(r#"{{"workspace_name":"prod","records":{{"clicks":[{}]}}}}"#, records.join(","));
            while began.elapsed() < LASTS {
                let call = client.post(&url).header("authorization", &key).body(body.clone());
                assert_eq!(call.send().await.unwrap().status().as_u16(), 200);
                sent.fetch_add(batch, Ordering::SeqCst);
            }
        })
    };
    let senders: Vec<_> = (0..senders).map(one).collect();
    for sender in senders {
        sender.await.unwrap();
    }
    sent.load(Ordering::SeqCst) as f64 / began.elapsed().as_secs_f64()
}

/// What the bare side shares: lines that wait, and how many were put on disk.
#[derive(Default)]
struct Shared {
    waiting: Vec<u8>,
    given: usize,
    durable: usize,
    writing: bool,
}

/// Records a second that as many threads append to a file, each waiting until its own is on the disk. Whoever finds
/// nobody writing writes for all.
fn appends(path: &Path) -> f64 {
    let file = File::create(path).unwrap();
    let (shared, moved) = (Mutex::new(Shared::default()), Condvar::new());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (file, shared, moved) = (&file, &shared, &moved);
            scope.spawn(move || {
                let line = record(writer);
                while began.elapsed() < LASTS {
                    let mut state = shared.lock().unwrap();
                    state.waiting.extend_from_slice(line.as_bytes());
                    state.given += 1;
                    let mine = state.given;
                    while state.durable < mine {
                        if state.writing {
                            state = moved.wait(state).unwrap();
                            continue;
                        }
                        state.writing = true;
                        let (bytes, given) = (std::mem::take(&mut state.waiting), state.given);
                        drop(state);
                        (&mut &*file).write_all(&bytes).unwrap();
                        file.sync_data().unwrap();
                        state = shared.lock().unwrap();
                        (state.writing, state.durable) = (false, given);
                        moved.notify_all();
                    }
                }
            });
        }
    });
    let durable = shared.lock().unwrap().durable;
    durable as f64 / began.elapsed().as_secs_f64()
}
