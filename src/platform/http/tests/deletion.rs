//! Keys are sent and deleted as released clients do it.

use std::path::Path;

use polars::prelude::df;

use super::*;
use crate::model::{AttemptState, JobType, StageKind};
use crate::platform::jobs::record::Outcome;
use crate::platform::uploads::{LIMIT, OPEN_FOR};
use crate::wire::proto::common::FcoLocator;
use crate::wire::proto::deletion as proto;

const HOST: &str = "platform.example:7070";

impl Bench {
    /// Runs every attempt that is due, as a worker would that finds 5 rows everywhere.
    pub(super) fn run_everything(&self) {
        while let Some(work) = self.platform.jobs().claim().unwrap() {
            for kind in [StageKind::Compute, StageKind::Offline, StageKind::Online] {
                work.report.begin(kind).unwrap();
                work.report.done(Some(5), Some(1_200_000));
            }
            self.platform.jobs().finish(work.job.id, Outcome::Success).unwrap();
        }
    }

    fn id(&self, view: &str) -> Id {
        self.platform.view("prod", view).unwrap().id
    }

    async fn send(&self, url: &str, body: impl Into<Body>) -> (StatusCode, Json) {
        let path = url.strip_prefix("http://platform.example:7070").unwrap();
        self.http(Request::put(path).body(body.into()).unwrap()).await
    }

    async fn place(&self, view: &str) -> proto::GetDeleteEntitiesInfoResponse {
        let feature_definition_id = Some(convert::id_to_proto(self.id(view)));
        let message = proto::GetDeleteEntitiesInfoRequest { feature_definition_id };
        let metadata = [("authorization".to_owned(), format!("Tecton-key {}", self.key).as_str().into())].into();
        let body =
            serde_json::to_vec(&envelope::Request::new(rpc::GET_DELETE_ENTITIES_INFO, metadata, &message)).unwrap();
        let (_, answer) = self.http(Request::post("/api/proxy").header("host", HOST).body(body.into()).unwrap()).await;
        let answer: envelope::Response = serde_json::from_value(answer).unwrap();
        assert_eq!(answer.status.code, 0, "{}", answer.status.detail);
        answer.decode().unwrap()
    }

    fn request(&self, view: &str, df_path: &str) -> proto::DeleteEntitiesRequest {
        let id = Some(convert::id_to_proto(self.id(view)));
        proto::DeleteEntitiesRequest {
            fco_locator: Some(FcoLocator { id, workspace: Some("prod".to_owned()), ..Default::default() }),
            online: Some(true),
            offline: Some(true),
            offline_join_keys_path: Some(format!("{df_path}/offline")),
            online_join_keys_full_path: Some(format!("{df_path}/online/keys.csv")),
            ..Default::default()
        }
    }

    async fn refusal(&self, request: &proto::DeleteEntitiesRequest) -> String {
        let answer = self.raw(rpc::DELETE_ENTITIES, &self.key, request).await;
        assert_eq!(answer.status.code, status::INVALID_ARGUMENT, "{}", answer.status.detail);
        answer.status.detail
    }

    fn uploads_left(&self) -> usize {
        std::fs::read_dir(self._dir.path().join("uploads")).unwrap().count()
    }

    fn deletions(&self, view: &str) -> Vec<crate::model::Job> {
        let jobs = self.platform.jobs().list(self.id(view)).unwrap();
        jobs.into_iter().filter(|job| job.job_type == JobType::Deletion).collect()
    }
}

fn online_file(carriers: &[&str]) -> Vec<u8> {
    convert::online_keys_to_file(&df!("carrier" => carriers).unwrap(), &["carrier".to_owned()]).unwrap()
}

fn offline_file(carriers: &[&str]) -> Vec<u8> {
    convert::offline_keys_to_file(&df!("carrier" => carriers).unwrap()).unwrap()
}

#[tokio::test]
async fn keys_are_sent_and_deleted_from_both_stores() {
    let bench = Bench::new();
    bench.run_everything();
    let place = bench.place("carrier").await;
    let (online, offline) =
        (place.signed_url_for_df_upload_online.unwrap(), place.signed_url_for_df_upload_offline.unwrap());
    assert!(online.starts_with("http://platform.example:7070/api/v1/fvtop/uploads/"), "{online}");
    assert_ne!(online, offline);
    assert_eq!(bench.send(&online, online_file(&["UA", "AA", "UA"])).await.0, StatusCode::OK);
    assert_eq!(bench.send(&offline, offline_file(&["AA", "UA"])).await.0, StatusCode::OK);
    // Without /api too.
    assert_eq!(bench.send(&offline.replace("/api", ""), offline_file(&["AA", "UA"])).await.0, StatusCode::OK);
    let request = bench.request("carrier", place.df_path.as_deref().unwrap());
    let answer: proto::DeleteEntitiesResponse = bench.call(rpc::DELETE_ENTITIES, &request).await;
    let jobs = bench.deletions("carrier");
    let mut ids: Vec<String> = jobs.iter().map(|job| job.id.to_string()).collect();
    ids.sort();
    let mut told = answer.job_ids.clone();
    told.sort();
    assert_eq!((told.len(), told), (2, ids));
    assert!(jobs.iter().any(|job| job.online && !job.offline) && jobs.iter().any(|job| job.offline && !job.online));
    assert_eq!(bench.uploads_left(), 0);
    assert_eq!(bench.send(&online, online_file(&["UA"])).await.0, StatusCode::NOT_FOUND, "the address is closed");
    assert!(bench.refusal(&request).await.contains("was used already"));
    assert_eq!(bench.deletions("carrier").len(), 2);

    let asked = status_messages::GetMaterializationStatusRequest {
        feature_package_id: Some(convert::id_to_proto(bench.id("carrier"))),
        ..Default::default()
    };
    let table: status_messages::GetMaterializationStatusResponse =
        bench.call(rpc::GET_MATERIALIZATION_STATUS, &asked).await;
    let options = crate::model::StatusOptions { limit: 2, ..Default::default() };
    let table = convert::status_table(&table.materialization_status.unwrap(), &options).unwrap();
    let newest: Vec<_> = table.rows.iter().map(|row| row[..4].join("|")).collect();
    assert_eq!(newest, ["DELETION|N/A|N/A|PENDING"; 2], "the newest rows come first, without a window");
}

#[tokio::test]
async fn the_job_gets_the_distinct_keys_that_were_sent() {
    let bench = Bench::new();
    bench.run_everything();
    let place = bench.place("carrier").await;
    let url = place.signed_url_for_df_upload_online.unwrap();
    assert_eq!(bench.send(&url, online_file(&["UA", "AA", "UA"])).await.0, StatusCode::OK);
    let mut request = bench.request("carrier", place.df_path.as_deref().unwrap());
    request.offline = Some(false);
    let answer: proto::DeleteEntitiesResponse = bench.call(rpc::DELETE_ENTITIES, &request).await;
    let work = bench.platform.jobs().claim().unwrap().unwrap();
    assert_eq!([work.job.id.to_string()], answer.job_ids[..]);
    assert_eq!(work.job.attempts[0].state, AttemptState::Running);
    let keys = crate::wire::arrow::decode(&work.deletion_keys.unwrap(), 1 << 20).unwrap();
    assert!(keys.equals(&df!("carrier" => ["UA", "AA"]).unwrap()), "{keys}");
}

#[tokio::test]
async fn the_oldest_clients_let_spark_write_into_the_folder() {
    let bench = Bench::new();
    bench.run_everything();
    let df_path = bench.place("carrier").await.df_path.unwrap();
    let folder = PathBuf::from(df_path.strip_prefix("file://").unwrap());
    for (name, bytes) in [
        ("online/part-00000.csv", online_file(&["UA"])),
        ("online/part-00001.csv", online_file(&["AA"])),
        ("online/_SUCCESS", Vec::new()),
        ("offline/part-00000.parquet", offline_file(&["AA"])),
        ("offline/part-00001.parquet", offline_file(&["UA"])),
    ] {
        std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let request = proto::DeleteEntitiesRequest {
        online_join_keys_full_path: None,
        online_join_keys_path: Some(format!("{df_path}/online")),
        ..bench.request("carrier", &df_path)
    };
    let answer: proto::DeleteEntitiesResponse = bench.call(rpc::DELETE_ENTITIES, &request).await;
    assert_eq!((answer.job_ids.len(), bench.uploads_left()), (2, 0));
}

#[tokio::test]
async fn a_refused_deletion_says_why_and_starts_nothing() {
    let bench = Bench::new();
    bench.run_everything();
    let large: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
    let large: Vec<&str> = large.iter().map(String::as_str).collect();
    let other = convert::offline_keys_to_file(&df!("dest" => ["EWR"]).unwrap()).unwrap();
    let number = convert::offline_keys_to_file(&df!("carrier" => [7_i64]).unwrap()).unwrap();
    let decimal = convert::offline_keys_to_file(&df!("carrier" => [1.5]).unwrap()).unwrap();
    let ua = || online_file(&["UA"]);
    for (online, offline, said) in [
        (
            online_file(&["UA", "AA"]),
            offline_file(&["UA", "DL"]),
            "The two files do not hold the same keys (online 2, offline 2), and nothing was deleted. Send the same keys for both \
             stores, or ask for each store by itself.",
        ),
        (
            b"UA\n".to_vec(),
            offline_file(&["UA"]),
            "The file of keys for the online store cannot be read: line 1 is not base64 of a FeatureValueList. Correct it and send \
             it again.",
        ),
        (
            ua(),
            b"carrier\nUA\n".to_vec(),
            "The file of keys for the offline store cannot be read: it is not a Parquet file: Parquet error: Invalid Parquet file. \
             Corrupt footer. Correct it and send it again.",
        ),
        (
            ua(),
            decimal,
            "The file of keys for the offline store cannot be read: its column `carrier` is neither of texts nor of 64-bit \
             integers, as join keys are. Correct it and send it again.",
        ),
        (
            ua(),
            other,
            "The columns of the keys must be the join keys of feature view `carrier`, `carrier`: they lack `carrier` and have \
             `dest`, no join key.",
        ),
        (
            ua(),
            number,
            "Column `carrier` of the keys is int64, and join key `carrier` of feature view `carrier` is string. Give it as string.",
        ),
        (
            online_file(&large),
            offline_file(&large),
            "10,001 keys are more than the 10,000 that one request may delete, and none was deleted. Split them into several \
             requests.",
        ),
        (online_file(&[]), offline_file(&[]), "There are no keys to delete. Give at least one row of join keys."),
    ] {
        let place = bench.place("carrier").await;
        bench.send(&place.signed_url_for_df_upload_online.unwrap(), online).await;
        bench.send(&place.signed_url_for_df_upload_offline.unwrap(), offline).await;
        assert_eq!(bench.refusal(&bench.request("carrier", &place.df_path.unwrap())).await, said);
        assert_eq!(bench.uploads_left(), 0, "keys are not kept after a refusal");
    }
    assert!(bench.deletions("carrier").is_empty());
}

#[tokio::test]
async fn a_deletion_reads_nothing_but_what_was_sent_for_its_view() {
    let bench = Bench::new();
    bench.run_everything();
    let place = bench.place("carrier").await;
    let df_path = place.df_path.unwrap();
    let sound = bench.request("carrier", &df_path);
    let with = |online: Option<&str>, offline: Option<&str>| proto::DeleteEntitiesRequest {
        online_join_keys_full_path: online.map(str::to_owned),
        offline_join_keys_path: offline.map(str::to_owned),
        ..sound.clone()
    };
    let secret = bench._dir.path().join("jobs.sqlite").display().to_string();
    let up = format!("{df_path}/../../jobs.sqlite");
    for path in [secret.as_str(), &up, "/etc/passwd", "s3://bucket/keys", "x\u{1b}[31m"] {
        let said = bench.refusal(&with(Some(path), sound.offline_join_keys_path.as_deref())).await;
        assert!(said.contains("is not below the df_path") && !said.contains('\u{1b}'), "{said}");
    }
    let foreign = bench.place("manual").await;
    let said = bench.refusal(&bench.request("carrier", foreign.df_path.as_deref().unwrap())).await;
    assert!(said.contains("is not below the df_path"), "{said}");
    assert_eq!(
        bench.refusal(&with(None, sound.offline_join_keys_path.as_deref())).await,
        "The request asks for online=true, but online_join_keys_full_path is not set. Name the file of keys there."
    );
    assert_eq!(
        bench.refusal(&with(sound.online_join_keys_full_path.as_deref(), Some(""))).await,
        "The request asks for offline=true, but offline_join_keys_path is not set. Name the file of keys there."
    );
    let neither = proto::DeleteEntitiesRequest { online: Some(false), offline: None, ..sound.clone() };
    assert_eq!(bench.refusal(&neither).await, "Choose at least one store to delete from: online, offline or both.");
    let nowhere = proto::DeleteEntitiesRequest { fco_locator: None, ..sound.clone() };
    assert!(bench.refusal(&nowhere).await.starts_with("There is no feature view"));
    // All this closed nothing; what is missing then is the keys.
    assert_eq!(
        bench.refusal(&sound).await,
        "No keys were sent for the online store. Send them to the address that GetDeleteEntitiesInfo gave, then try again."
    );
    assert!(bench.deletions("carrier").is_empty());
}

#[tokio::test]
async fn addresses_close_after_a_while_and_strangers_have_none() {
    let bench = Bench::new();
    let place = bench.place("carrier").await;
    let url = place.signed_url_for_df_upload_online.unwrap();
    let gone = "The upload of the keys is not known, has expired or was used already. Ask for a new one with \
                GetDeleteEntitiesInfo and send the keys again.";
    let (http, body) = bench.send(&format!("http://{HOST}/api/v1/fvtop/uploads/{}", "0".repeat(64)), "x").await;
    assert_eq!((http, &body["message"]), (StatusCode::NOT_FOUND, &json!(gone)));
    bench.pass(OPEN_FOR - Span::seconds(1));
    assert_eq!(bench.send(&url, online_file(&["UA"])).await.0, StatusCode::OK);
    bench.pass(Span::seconds(1));
    let (http, body) = bench.send(&url, online_file(&["UA"])).await;
    assert_eq!((http, &body["message"]), (StatusCode::NOT_FOUND, &json!(gone)));
    assert_eq!(bench.refusal(&bench.request("carrier", &place.df_path.unwrap())).await, gone);
    bench.platform.uploads().sweep(bench.platform.clock().now());
    assert_eq!(bench.uploads_left(), 0);
}

#[tokio::test]
async fn files_that_are_too_large_or_break_off_are_not_kept() {
    let bench = Bench::new();
    let place = bench.place("carrier").await;
    let url = place.signed_url_for_df_upload_online.unwrap();
    let (http, body) = bench.send(&url, vec![b'x'; usize::try_from(LIMIT).unwrap() + 1]).await;
    let said = "The file is larger than the 64 MiB allowed. Send fewer keys at a time.";
    assert_eq!((http, &body["message"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(said)));
    // Of unknown length: noticed while it comes in.
    let piece = axum::body::Bytes::from(vec![b'x'; 1 << 20]);
    let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()));
    let (http, body) = bench.send(&url, Body::from_stream(endless)).await;
    assert_eq!((http, &body["message"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(said)));
    let pieces = [Ok("QUE=\n"), Err(std::io::Error::other("the link is gone"))];
    let (http, _) = bench.send(&url, Body::from_stream(futures::stream::iter(pieces))).await;
    assert_eq!(http, StatusCode::BAD_REQUEST);
    let folder = PathBuf::from(place.df_path.unwrap().strip_prefix("file://").unwrap()).join("online");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "nothing of them is left");
}

#[tokio::test]
async fn a_place_needs_a_key_a_view_and_a_host() {
    let bench = Bench::new();
    let ask = |id: Id| proto::GetDeleteEntitiesInfoRequest { feature_definition_id: Some(convert::id_to_proto(id)) };
    let status = bench.raw(rpc::GET_DELETE_ENTITIES_INFO, "wrong", &ask(bench.id("carrier"))).await.status;
    assert_eq!(status.code, status::UNAUTHENTICATED);
    let status = bench.raw(rpc::GET_DELETE_ENTITIES_INFO, &bench.key, &ask(Id(404))).await.status;
    assert!(status.detail.starts_with("There is no feature view"), "{}", status.detail);
    let status = bench.raw(rpc::GET_DELETE_ENTITIES_INFO, &bench.key, &ask(bench.id("carrier"))).await.status;
    assert_eq!(
        (status.code, status.detail.as_str()),
        (3, "The request has no usable Host header, so there is no address to send keys to. Set it.")
    );
}

#[tokio::test]
async fn keys_go_to_an_encrypted_port_as_such() {
    let bench = Bench::new();
    let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name);
    let tls = Tls::read(&fixture("server.pem"), &fixture("server.key")).unwrap();
    let (keys, key) = ApiKeys::with_own(Arc::clone(bench.platform.access()), "again", now()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(Arc::clone(&bench.platform), listener, Some(tls), keys, stop.clone()));

    let authority = std::fs::read(fixture("authority.pem")).unwrap();
    let authority = reqwest::Certificate::from_pem(&authority).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap();
    let asked =
        proto::GetDeleteEntitiesInfoRequest { feature_definition_id: Some(convert::id_to_proto(bench.id("carrier"))) };
    let metadata = [("Authorization".to_owned(), format!("bearer {key}").as_str().into())].into();
    let body = envelope::Request::new(rpc::GET_DELETE_ENTITIES_INFO, metadata, &asked);
    let body = serde_json::to_vec(&body).unwrap();
    let answer = client.post(format!("https://{address}/api/proxy")).body(body).send().await.unwrap();
    let answer: envelope::Response = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let place: proto::GetDeleteEntitiesInfoResponse = answer.decode().unwrap();
    for url in [place.signed_url_for_df_upload_online, place.signed_url_for_df_upload_offline] {
        let url = url.unwrap();
        assert!(url.starts_with(&format!("https://{address}/api/v1/fvtop/uploads/")), "{url}");
    }
    stop.cancel();
    server.await.unwrap().unwrap();
}

#[test]
fn addresses_are_as_the_caller_reached_the_server() {
    let base_of = |pairs: &[(&'static str, &str)], encrypted| {
        let headers = pairs.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_str(value).unwrap())
        });
        super::super::deletion::base_url(&headers.collect(), encrypted)
    };
    let base = |pairs: &[(&'static str, &str)]| base_of(pairs, false);
    assert_eq!(base(&[("host", "localhost:7070")]).as_deref(), Some("http://localhost:7070/api"));
    let secure = [("host", "fv.example"), ("x-forwarded-proto", "https")];
    assert_eq!(base(&secure).as_deref(), Some("https://fv.example/api"));
    let plain = [("host", "fv.example"), ("x-forwarded-proto", "http")];
    assert_eq!(base_of(&plain, true).as_deref(), Some("https://fv.example/api"), "as it came in here");
    for host in ["", "user@evil", "a b", "a/b", "http://a"] {
        assert_eq!(base(&[("host", host)]), None, "{host}");
    }
}
