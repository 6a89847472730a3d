//! Streams by their kinds: what a definition says, and what is said of one that is wrong.

use super::*;
use crate::model::DataType;
use crate::platform::definition::{Feed, Source};

const SOUND: &str = r#"[[source]]
name = "flights"
timestamp_column = "timestamp"
[source.columns]
carrier = "string"
timestamp = "timestamp"
dep_delay = "float64"
arr_delay = "float64"
seq = "int64"
tags = "array<array<string>>"
[source.stream]
kind = "ingest"
watermark = "10m"
retention = "2d"
retention_bytes = "10GB"
history = "365d"
deduplicate = { columns = ["seq"], horizon = "1h" }
"#;

/// What is said about `sources.toml`, and the sources that are left; `files` are those of the folder.
fn loaded(sources: &str) -> (Vec<String>, Vec<std::sync::Arc<Source>>) {
    let root = repository(&[("sources.toml", sources)]);
    std::fs::write(root.path().join("ca.pem"), "").unwrap();
    std::fs::create_dir(root.path().join("arriving")).unwrap();
    let streams = root.path().join("streams");
    let loaded = crate::platform::registry::load_in(root.path(), &[data()], Some(&streams));
    let shown = format!("{}/", root.path().display());
    let of_sources = |error: &&crate::platform::definition::RepositoryError| error.file.ends_with("sources.toml");
    let errors = loaded.errors.iter().filter(of_sources).map(|error| error.to_string().replace(&shown, "")).collect();
    (errors, loaded.sources)
}

#[test]
fn a_stream_without_files_says_its_columns_and_is_kept() {
    let (errors, sources) = loaded(SOUND);
    assert_eq!(errors, Vec::<String>::new());
    let source = &sources[0];
    let names: Vec<&str> = source.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["carrier", "timestamp", "dep_delay", "arr_delay", "seq", "tags"], "in the order of the file");
    assert_eq!(source.columns[5].1.to_string(), "array<array<string>>");
    assert_eq!(source.columns[4].1, DataType::Int64);
    let kept = source.kept.as_ref().unwrap();
    assert!(kept.folder.ends_with(format!("streams/{}/kept", source.id)), "{}", kept.folder.display());
    assert_eq!((kept.history, source.files.len()), (Some(Span::days(365)), 0));
    let stream = source.stream.as_ref().unwrap();
    assert_eq!((stream.watermark, stream.retention), (Span::minutes(10), Span::days(2)));
    assert_eq!(stream.required, ["carrier"], "a join key of an entity");
    let deduplicate = stream.deduplicate.as_ref().unwrap();
    assert_eq!((deduplicate.columns.as_slice(), deduplicate.horizon), (&["seq".to_owned()][..], Span::hours(1)));
    assert!(matches!(&stream.feed, Feed::Ingest(log) if log.retention_bytes == 10_000_000_000));
    assert!(source.is_live() && source.recorded().is_none());
    // Views are planned over it as over any other.
    let root = repository(&[("sources.toml", SOUND)]);
    let loaded = load(root.path());
    assert_eq!((loaded.errors.len(), loaded.views.len()), (0, 1), "{:?}", loaded.errors);
    assert!(loaded.views[0].is_stream());
}

#[test]
fn files_stay_the_batch_side_of_a_stream_of_a_kind() {
    let files = format!(
        "[[source]]\nname = \"flights\"\nfiles = \"{}/flights.parquet\"\ntimestamp_column = \"timestamp\"\n[source.stream]\nkind = \"ingest\"\nrequired = []\n",
        data().display()
    );
    let (errors, sources) = loaded(&files);
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!((sources[0].files.len(), sources[0].kept.clone()), (1, None));
    assert_eq!(sources[0].stream.as_ref().unwrap().required, Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_a_stream_is_told_with_file_line_field_and_fix() {
    let kind = "kind = \"ingest\"";
    let cases: &[(&str, &str, &str)] = &[
        (
            kind,
            "kind = \"ingst\"",
            "sources.toml:12: source[0].stream.kind: `ingst` is not a kind of stream. did you mean `ingest`?",
        ),
        (
            "10GB",
            "10 gigs",
            "sources.toml:15: source[0].stream.retention_bytes: `10 gigs` is not a size. write a whole number above zero with kB, MB, GB or TB (or KiB, MiB, GiB, TiB), such as `10GB`",
        ),
        (
            "retention_bytes",
            "retention_byte",
            "sources.toml:15: source[0].stream.retention_byte: is not a known field. did you mean `retention_bytes`?",
        ),
        (
            "[\"seq\"]",
            "[\"sq\"]",
            "sources.toml:17: source[0].stream.deduplicate.columns: the source declares no column `sq`. did you mean `seq`?",
        ),
        (
            ", horizon = \"1h\"",
            "",
            "sources.toml:17: source[0].stream.deduplicate.horizon: is missing. add `horizon = \"1h\"`, how long an event is remembered",
        ),
        (
            "dep_delay = \"float64\"",
            "dep_delay = \"float\"",
            "sources.toml:7: source[0].columns.dep_delay: `float` is not a type of a column. did you mean `float64`?",
        ),
        (
            "dep_delay = ",
            "Carrier = ",
            "sources.toml:7: source[0].columns.Carrier: is `carrier` in another case. rename one of them: queries mean names without regard to case",
        ),
        (
            "timestamp = \"timestamp\"",
            "timestamp = \"string\"",
            "sources.toml:3: source[0].timestamp_column: column `timestamp` is string, not a timestamp. name a timestamp column",
        ),
        (
            "name = \"flights\"",
            "name = \"flights\"\nreplay = { begins = \"2013-01-01\", lasts = \"365d\", plays_in = \"3d\" }",
            "sources.toml:3: source[0].replay: moves the times of a record, and the events of this stream are of now. remove it, or play a record: files, and a stream without `kind`",
        ),
        (
            kind,
            "kind = \"file\"\npath = \"nowhere/clicks.jsonl\"",
            "sources.toml:13: source[0].stream.path: neither nowhere/clicks.jsonl nor its folder is there. correct the path (it is relative to ",
        ),
        (
            kind,
            "kind = \"folder\"\npath = \"ca.pem\"",
            "sources.toml:13: source[0].stream.path: ca.pem is no folder. name the folder, or write `kind = \"file\"`",
        ),
        (
            kind,
            "kind = \"file\"\npath = \"clicks.jsonl\"",
            "sources.toml:15: source[0].stream.retention: is for what fvtop keeps, and this stream is kept elsewhere. remove it: how long it stays there is up to those who keep it",
        ),
        (
            "watermark = ",
            "required = [\"nobody\"]\nwatermark = ",
            "sources.toml:13: source[0].stream.required: the source declares no column `nobody`. use one of carrier, timestamp, dep_delay, arr_delay, seq, tags",
        ),
    ];
    for (from, to, expected) in cases {
        let (errors, _) = loaded(&SOUND.replace(from, to));
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{to}: {errors:#?}");
    }
    let (errors, _) = loaded(&SOUND.replace("[source.columns]", "[source.colums]"));
    assert!(errors.contains(&"sources.toml:1: source[0].columns: is missing. add `columns = { user_id = \"string\", at = \"timestamp\" }`, or `files` that hold the same events".to_owned()), "{errors:#?}");
    let files = format!("files = \"{}/flights.parquet\"\ntimestamp_column", data().display());
    let (errors, _) = loaded(&SOUND.replace("timestamp_column", &files));
    let expected = [
        "sources.toml:5: source[0].columns: is declared, and the columns are those of the `files`. remove it; a stream of its own kind without files has declared columns",
        "sources.toml:17: source[0].stream.history: is for what fvtop keeps of a stream without files. remove it: others keep the `files` of this source",
    ];
    for expected in expected {
        assert!(errors.iter().any(|error| error == expected), "{errors:#?}");
    }
    let (errors, _) = loaded(&SOUND.replace("ingest", "stdin"));
    let expected = "sources.toml:12: source[0].stream.kind: the standard input of the platform is not read by this program. write `kind = \"ingest\"`, and pipe the lines into `fvtop ingest SOURCE`";
    assert_eq!(errors, [expected]);
}

#[test]
fn a_topic_is_checked_and_no_secret_stands_in_a_definition() {
    let stream = r#"[source.stream]
kind = "kafka"
brokers = "a:9092, b:9092"
topic = "clicks"
start = "2026-11-22T10:00:00Z"
values = "registry-json"
tls = { ca_file = "ca.pem" }
sasl = { mechanism = "SCRAM-SHA-512", user_env = "CLICKS_USER", password_file = "ca.pem" }
take = { key = "carrier", offset = "seq" }
"#;
    let sound = format!("{}{stream}", SOUND.split("[source.stream]").next().unwrap());
    let (errors, _) = loaded(&sound);
    let unbuilt = |error: &String| error.contains("streams of Kafka are not built into this program");
    assert!(errors.iter().all(unbuilt), "{errors:#?}");
    assert_eq!(errors.is_empty(), crate::platform::registry::streams::HAS_KAFKA);
    let cases: &[(&str, &str, &str)] = &[
        ("b:9092", "b", "sources.toml:13: source[0].stream.brokers: `b` is not a host with a port. write"),
        ("\"clicks\"", "\"\"", "sources.toml:14: source[0].stream.topic: is empty. write"),
        (
            "\"clicks\"",
            "\"clicks, visits\"",
            "sources.toml:14: source[0].stream.topic: `clicks, visits` is no name of a topic. write the name of one topic",
        ),
        (
            "registry-json",
            "avro",
            "sources.toml:16: source[0].stream.values: Avro is not read: its bytes mean something only with the schema",
        ),
        ("2026-11-22T10:00:00Z", "soon", "sources.toml:15: source[0].stream.start: `soon` is no place to begin. write"),
        (
            "registry-json",
            "jason",
            "sources.toml:16: source[0].stream.values: `jason` is not a form of values. did you mean `json`?",
        ),
        (
            "SHA-512",
            "SHA-513",
            "sources.toml:18: source[0].stream.sasl.mechanism: `SCRAM-SHA-513` is not a mechanism. did you mean `SCRAM-SHA-512`?",
        ),
        (
            "user_env = \"CLICKS_USER\"",
            "user_env = \"hunter2!\"",
            "sources.toml:18: source[0].stream.sasl.user_env: is not the name of a variable. write the name of",
        ),
        (
            "password_file = \"ca.pem\"",
            "password = \"hunter2!\"",
            "sources.toml:18: source[0].stream.sasl.password: is a secret, and definitions hold none. write `password_env",
        ),
        (
            "password_file = \"ca.pem\"",
            "password_file = \"/etc/hostname\"",
            "sources.toml:18: source[0].stream.sasl.password_file: /etc/hostname lies outside of the repository",
        ),
        (
            "\"seq\" }",
            "\"tags\" }",
            "sources.toml:19: source[0].stream.take.offset: column `tags` is array<array<string>>, and this is int64.",
        ),
        (
            "offset = \"seq\"",
            "headers = \"carrier\"",
            "sources.toml:19: source[0].stream.take: column `carrier` takes two things.",
        ),
    ];
    for (from, to, expected) in cases {
        let (errors, _) = loaded(&sound.replace(from, to));
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{to}: {errors:#?}");
        assert!(errors.iter().all(|error| !error.contains("hunter2")), "{errors:#?}");
    }
}
