//! Jobs as those see them who watch and drive many views: an orchestrator at the JSON doors, the list over all views.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::commands::{hour, start, text};
use crate::support::{KEY, Server, stderr, wait_for};

/// What an orchestrator knows of a deployment: its address, a key, and JSON.
struct Orchestrator<'a> {
    server: &'a Server,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl<'a> Orchestrator<'a> {
    fn new(server: &'a Server) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { server, runtime: tokio::runtime::Runtime::new().unwrap(), http }
    }

    fn send(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        self.runtime.block_on(async {
            let answer = request.header("authorization", format!("Tecton-key {KEY}")).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    fn ask(&self, call: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/v1/jobs/{call}", self.server.url);
        let (status, answer) = self.send(self.http.post(url).json(body));
        (status, serde_json::from_str(&answer).unwrap())
    }

    fn well(&self, call: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(call, body);
        assert_eq!(status, 200, "{call}: {answer}");
        answer
    }

    /// Submits the hours from `from` to `to` before the last whole one, and gives what names the job.
    fn submit(&self, view: &str, from: i64, to: i64) -> Value {
        let window = json!({"workspace": "prod", "feature_view": view, "start_time": text(hour(from)),
                            "end_time": text(hour(to)), "online": true, "offline": true,
                            "use_tecton_managed_retries": true, "overwrite": false});
        let job = self.well("submit-materialization-job", &window)["job"].clone();
        json!({"workspace": "prod", "feature_view": view, "job_id": job["id"]})
    }

    /// Polls a job until its state ends with one of these words.
    fn until(&self, job: &Value, words: &[&str]) -> Value {
        wait_for("a job's end", crate::support::GUARD, || {
            let job = self.well("get-materialization-job", job)["job"].clone();
            let state = job["state"].as_str().unwrap();
            words.iter().any(|word| state.ends_with(word)).then(|| job.clone())
        })
    }
}

#[test]
fn an_orchestrator_submits_polls_cancels_and_lists() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let driver = Orchestrator::new(&server);
    let view = json!({"workspace": "prod", "feature_view": "clicks_hourly"});
    assert_eq!(driver.well("list-materialization-jobs", &view), json!({"jobs": []}));
    assert_eq!(driver.well("get-latest-ready-time", &view), json!({}));

    // From where its features begin, so that there is no gap before the window.
    let job = driver.submit("clicks_hourly", 48, 0);
    let ended = driver.until(&job, &["SUCCESS", "FAILURE"]);
    assert_eq!(ended["state"], json!("MATERIALIZATION_TASK_STATUS_SUCCESS"));
    assert_eq!(driver.well("cancel-materialization-job", &job)["job"], ended, "what has ended stays as it is");
    let until = &ended["end_time"];
    let ready = json!({"online_latest_ready_time": until, "offline_latest_ready_time": until});
    assert_eq!(driver.well("get-latest-ready-time", &view), ready);
    let (status, refused) = driver.ask("submit-materialization-job", &{
        let mut again = job.clone();
        (again["start_time"], again["end_time"]) = (json!(text(hour(2))), json!(text(hour(0))));
        (again["online"], again["offline"]) = (json!(true), json!(true));
        again
    });
    assert_eq!((status, &refused["code"]), (400, &json!(3)));
    assert!(refused["error"].as_str().unwrap().contains("materialized already"), "{refused}");

    // Its source is gone, so the job waits for its retry until it is cancelled.
    std::fs::remove_file(folder.path().join("repo/later.parquet")).unwrap();
    let stuck = driver.submit("clicks_later", 2, 0);
    wait_for("the first failure", crate::support::GUARD, || {
        let job = driver.well("get-materialization-job", &stuck)["job"].clone();
        assert!(job["state"].as_str().unwrap().ends_with("RUNNING"), "{job}");
        job["next_attempt_at"].is_string().then_some(())
    });
    let asked = driver.well("cancel-materialization-job", &stuck)["job"]["state"].clone();
    assert!(asked.as_str().unwrap().ends_with("MANUAL_CANCELLATION_REQUESTED"), "{asked}");
    let cancelled = driver.until(&stuck, &["MANUALLY_CANCELLED"]);
    assert_eq!(cancelled.get("next_attempt_at"), None);
    let listed =
        driver.well("list-materialization-jobs", &json!({"workspace": "prod", "feature_view": "clicks_later"}));
    assert_eq!(listed, json!({"jobs": [cancelled]}));

    let (_, figures) = driver.send(driver.http.get(format!("{}/v1/observability/metrics", server.url)));
    let sample =
        "fvtop_attempts_ended_total{workspace=\"prod\",feature_view=\"clicks_hourly\",outcome=\"success\"} 1\n";
    assert!(figures.contains(sample) && figures.ends_with("# EOF\n"), "{figures}");
    both_lists_agree(&server, &[job, stuck]);
}

/// The list over all views, which is one call, tells what the lists of the views do, and its filters hold.
fn both_lists_agree(server: &Server, jobs: &[Value]) {
    let by_id = |list: Value| -> BTreeMap<String, Value> {
        list.as_array().unwrap().iter().map(|job| (job["id"].as_str().unwrap().to_owned(), job.clone())).collect()
    };
    let mut apart = BTreeMap::new();
    for view in ["clicks_hourly", "clicks_later"] {
        apart.extend(by_id(server.json(&["jobs", "--view", view, "--json"])));
    }
    assert_eq!(by_id(server.json(&["jobs", "--json"])), apart);
    let [done, cancelled] = jobs else { panic!("two jobs") };
    for (filters, expected) in [
        (vec!["--state", "success"], vec![done]),
        (vec!["--state", "success,MANUALLY_CANCELLED", "--type", "batch"], vec![cancelled, done]),
        (vec!["--type", "stream,deletion"], vec![]),
        (vec!["--since", "1h"], vec![cancelled, done]),
        (vec!["--since", "2100-01-01"], vec![]),
    ] {
        for view in [&[][..], &["--view", "clicks_hourly"]] {
            let found = server.json(&[&["jobs", "--json"], filters.as_slice(), view].concat());
            let found: Vec<_> = found.as_array().unwrap().iter().map(|job| job["id"].clone()).collect();
            let wanted = expected.iter().filter(|job| view.is_empty() || job["feature_view"] == json!(view[1]));
            assert_eq!(found, wanted.map(|job| job["job_id"].clone()).collect::<Vec<_>>(), "{filters:?} {view:?}");
        }
    }
    let output = server.run(&["jobs", "--state", "failed"]);
    let said = stderr(&output);
    assert!(output.status.code() == Some(2) && said.contains("SUCCESS, FAILURE"), "{said}");
}
