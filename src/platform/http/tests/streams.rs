//! Reading a stream anew from another place: what is refused, and in which order.

use super::*;

impl Bench {
    /// Asks to read the stream of the view `delays` from there; gives the answer's code, and its sentence.
    async fn read_anew(&self, from: &str, dry_run: bool) -> (StatusCode, String) {
        let asked = json!({"workspace": "prod", "feature_view": "delays", "from": from, "dry_run": dry_run});
        let (http, answer) = self.post("/v1/fvtop/streams/restart", &self.key, asked).await;
        let said = answer["message"].as_str().or_else(|| answer["effect"].as_str());
        (http, said.unwrap_or_else(|| panic!("{answer}")).to_owned())
    }
}

#[tokio::test]
async fn the_job_of_a_stream_must_have_ended_before_anything_is_planned() {
    let bench = Bench::over(ingest::repository());
    let (http, said) = bench.read_anew("yesterday", false).await;
    assert!(http == StatusCode::BAD_REQUEST && said.contains("`yesterday` is no place in a stream"), "{said}");
    for from in ["beginning", "offset 9:7"] {
        let (http, said) = bench.read_anew(from, false).await;
        assert!(http == StatusCode::BAD_REQUEST && said.contains("runs: stop it first"), "{from}: {said}");
    }
    // What is only asked about may run meanwhile.
    let (http, said) = bench.read_anew("beginning", true).await;
    assert!(http == StatusCode::OK && said.contains("`delays`"), "{said}");
    assert!(said.contains("from that place on") && !said.contains("behind"), "{said}");
    let (http, said) = bench.read_anew("offset 9:7", true).await;
    assert!(http == StatusCode::BAD_REQUEST && !said.contains("runs"), "{said}");
    assert!(said.contains("has partition 0 alone, and no partition 9"), "{said}");
    let (http, said) = bench.read_anew("offset 7:0", true).await;
    assert!(http == StatusCode::BAD_REQUEST && said.contains("no partition 7"), "{said}");

    let (jobs, view) = (bench.platform.jobs(), bench.platform.view("prod", "delays").unwrap().id);
    let job = jobs.stream_job(view).unwrap().unwrap().id;
    jobs.cancel(view, job).unwrap();
    jobs.stream_stopped(view).unwrap();
    assert_eq!(bench.read_anew("offset 9:7", false).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(jobs.stream_job(view).unwrap(), None, "a place that is not there starts nothing");
    assert_eq!(bench.read_anew("beginning", false).await.0, StatusCode::OK);
    assert_ne!(jobs.stream_job(view).unwrap().unwrap().id, job);
}

#[tokio::test]
async fn a_stream_without_a_job_is_not_said_to_run() {
    let bench = Bench::unscheduled(ingest::repository());
    let (http, said) = bench.read_anew("beginning", false).await;
    assert!(http == StatusCode::BAD_REQUEST && said.contains("has no job yet") && !said.contains("runs"), "{said}");
}
