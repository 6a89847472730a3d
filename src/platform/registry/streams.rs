//! `[source.stream]`: where the events of a stream come from, by its kind.
//!
//! It must not connect to anything, nor read a secret: definitions say where secrets are, and never what they are.

use super::catalog::{Around, Columns, one};
use super::document::Fields;
use super::files;
use crate::model::time::parse_time;
use crate::model::{DataType, Span, clean, suggest};
use crate::platform::definition::{
    Arrival, DataFile, Deduplicate, Feed, IngestFeed, KafkaFeed, KafkaStart, KafkaTake, KafkaTls, KafkaValues, Located,
    Recorded, Sasl, SaslMechanism, Secret, Stream,
};

/// How far behind the newest event time a late event is still taken, where the definition does not say.
const WATERMARK: Span = Span::days(1);
/// How long a record that is played keeps what arrived.
const RECORD_RETENTION: Span = Span::days(1);
/// How long a log keeps what arrived, and how much of it.
const LOG_RETENTION: Span = Span::days(7);
const LOG_BYTES: u64 = 10_000_000_000;

/// Whether this program reads Kafka.
pub(super) const HAS_KAFKA: bool = cfg!(feature = "kafka");

/// The longest name of a topic that brokers take.
const MOST_OF_A_TOPIC: usize = 249;

/// The kinds of streams by their words; a record that is played has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Replay,
    Ingest,
    Kafka,
    File,
    Folder,
    Stdin,
}

const KINDS: [(&str, Kind); 5] = [
    ("ingest", Kind::Ingest),
    ("kafka", Kind::Kafka),
    ("file", Kind::File),
    ("folder", Kind::Folder),
    ("stdin", Kind::Stdin),
];

/// The kind of a stream; absent, and reported, where there is none of that word.
pub(super) fn kind(stream: &Fields<'_>) -> Option<Kind> {
    let Some(word) = stream.text("kind") else { return (!stream.has("kind")).then_some(Kind::Replay) };
    named(stream, "kind", &word, &KINDS, "a kind of stream")
}

/// What a word of a table means; absent, and reported, where it is none of them.
fn named<T: Copy>(fields: &Fields<'_>, field: &str, word: &str, words: &[(&str, T)], what: &str) -> Option<T> {
    let found = words.iter().find(|(name, _)| *name == word).map(|(_, meant)| *meant);
    if found.is_none() {
        let fix = suggest::fix(word, words.iter().map(|(name, _)| *name));
        fields.report(field, format!("`{}` is not {what}", clean(word)), fix);
    }
    found
}

/// A stream, and how long what is kept of it lasts.
pub(super) struct Read {
    pub stream: Stream,
    pub history: Option<Span>,
}

/// Reads the table of a stream of that kind. `files` are those of a record.
pub(super) fn read(
    around: &Around<'_>,
    stream: &Fields<'_>,
    kind: Kind,
    files: Option<Vec<DataFile>>,
    columns: &Columns<'_>,
) -> Option<Read> {
    let watermark = stream.span("watermark").unwrap_or(WATERMARK);
    let keeps = matches!(kind, Kind::Replay | Kind::Ingest | Kind::Stdin);
    let usual = if kind == Kind::Replay { RECORD_RETENTION } else { LOG_RETENTION };
    let retention = stream.positive_span("retention").unwrap_or(usual);
    if !keeps && stream.has("retention") {
        let fix = "remove it: how long it stays there is up to those who keep it";
        stream.report("retention", "is for what fvtop keeps, and this stream is kept elsewhere", fix);
    }
    let feed = match kind {
        Kind::Replay => recorded(stream, files, columns).map(Feed::Recorded),
        Kind::Ingest => Some(Feed::Ingest(log(stream))),
        Kind::Stdin => {
            let fix = "write `kind = \"ingest\"`, and pipe the lines into `fvtop ingest SOURCE`";
            stream.report("kind", "the standard input of the platform is not read by this program", fix);
            // So that its other fields are checked as those of the stream that is meant.
            log(stream);
            None
        }
        Kind::Kafka => kafka(around, stream, columns).map(|feed| Feed::Kafka(Box::new(feed))),
        Kind::File => path(around, stream, "clicks.jsonl").map(Feed::File),
        Kind::Folder => {
            let folder = path(around, stream, "arriving");
            if let Some(found) = folder.as_ref().filter(|found| found.path.exists() && !found.path.is_dir()) {
                let fix = "name the folder, or write `kind = \"file\"`";
                stream.report("path", format!("{} is no folder", found.path.display()), fix);
            }
            folder.map(Feed::Folder)
        }
    };
    let (mut required, mut deduplicate, mut history) = (Vec::new(), None, None);
    if kind != Kind::Replay {
        required = must_name(around, stream, columns);
        deduplicate = deduplicated(stream, columns);
        history = stream.positive_span("history");
        if columns.has_files && stream.has("history") {
            let fix = "remove it: others keep the `files` of this source";
            stream.report("history", "is for what fvtop keeps of a stream without files", fix);
        }
    }
    stream.finish();
    Some(Read { stream: Stream { feed: feed?, watermark, retention, required, deduplicate }, history })
}

fn recorded(stream: &Fields<'_>, files: Option<Vec<DataFile>>, columns: &Columns<'_>) -> Option<Recorded> {
    stream.require("arrival", "`arrival = { column = \"...\" }`");
    let arrival = one(stream, "arrival").and_then(|arrival| {
        let column = arrival.required_text("column", "`column = \"...\"`, when an event arrives");
        let or_end_of_day_of = arrival.text("or_end_of_day_of");
        let day_starts = arrival.span("day_starts").unwrap_or(Span::zero());
        columns.timestamp(&arrival, "column", column.as_deref());
        columns.timestamp(&arrival, "or_end_of_day_of", or_end_of_day_of.as_deref());
        arrival.finish();
        Some(Arrival { column: column?, or_end_of_day_of, day_starts })
    });
    let order = stream.required_text("order", "`order = \"...\"`, the column that orders events of one instant");
    columns.exists(stream, "order", order.as_deref());
    Some(Recorded { files: files?, arrival: arrival?, order: order? })
}

fn log(stream: &Fields<'_>) -> IngestFeed {
    IngestFeed { retention_bytes: stream.size("retention_bytes").unwrap_or(LOG_BYTES) }
}

/// The file or folder of a stream.
fn path(around: &Around<'_>, stream: &Fields<'_>, example: &str) -> Option<Located> {
    let path = stream.required_text("path", &format!("`path = \"data/{example}\"`"))?;
    located(around, stream, "path", &path)
}

fn located(around: &Around<'_>, fields: &Fields<'_>, field: &str, path: &str) -> Option<Located> {
    let found = files::located(around.root, path, around.folders);
    found.map_err(|(problem, fix)| fields.report(field, problem, fix)).ok()
}

/// The columns that every record must name: those that are listed, else the join keys of entities among the columns.
fn must_name(around: &Around<'_>, stream: &Fields<'_>, columns: &Columns<'_>) -> Vec<String> {
    let listed = stream.texts("required");
    for name in listed.iter().flatten() {
        columns.exists(stream, "required", Some(name));
    }
    let keys = || columns.fields.iter().map(|(name, _)| name).filter(|name| around.keys.contains(name)).cloned();
    listed.unwrap_or_else(|| keys().collect())
}

fn deduplicated(stream: &Fields<'_>, columns: &Columns<'_>) -> Option<Deduplicate> {
    let table = one(stream, "deduplicate")?;
    let example = "`columns = [\"event_id\"]`, the columns in which one event agrees with itself";
    table.require("columns", example);
    let names = table.texts("columns");
    for name in names.iter().flatten() {
        columns.exists(&table, "columns", Some(name));
    }
    if names.as_ref().is_some_and(Vec::is_empty) {
        table.report("columns", "names no column", format!("write {example}"));
    }
    table.require("horizon", "`horizon = \"1h\"`, how long an event is remembered");
    let horizon = table.positive_span("horizon");
    table.finish();
    Some(Deduplicate { columns: names?, horizon: horizon? })
}

fn kafka(around: &Around<'_>, stream: &Fields<'_>, columns: &Columns<'_>) -> Option<KafkaFeed> {
    if !HAS_KAFKA {
        let fix = "build it with `--features kafka`, or use another kind";
        stream.report("kind", "streams of Kafka are not built into this program", fix);
    }
    let brokers = brokers(stream);
    let topic = stream.required_text("topic", "`topic = \"...\"`").filter(|topic| {
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let sound = (1..=MOST_OF_A_TOPIC).contains(&topic.len()) && topic.chars().all(sound);
        if !sound {
            let fix = "write the name of one topic: letters, digits, `.`, `_` and `-`, at most 249";
            stream.report("topic", format!("`{}` is no name of a topic", clean(topic)), fix);
        }
        sound
    });
    let start = start(stream);
    let values = values(stream);
    let tls = one(stream, "tls").map(|tls| {
        let ca_file = tls.text("ca_file").and_then(|path| located(around, &tls, "ca_file", &path));
        tls.finish();
        KafkaTls { ca_file }
    });
    let sasl = one(stream, "sasl").map(|sasl| self::sasl(around, &sasl));
    let take = take(stream, columns);
    Some(KafkaFeed {
        brokers: brokers?,
        topic: topic?,
        start: start?,
        values: values?,
        tls,
        sasl: sasl.flatten(),
        take,
    })
}

fn brokers(stream: &Fields<'_>) -> Option<Vec<String>> {
    let example = "`brokers = \"a.example.com:9092,b.example.com:9092\"`";
    stream.require("brokers", example);
    let texts = stream.texts("brokers")?;
    let brokers: Vec<String> =
        texts.iter().flat_map(|text| text.split(',')).map(|text| text.trim().to_owned()).collect();
    for broker in &brokers {
        let parts = broker.rsplit_once(':');
        let sound = parts.is_some_and(|(host, port)| {
            let plain = host.chars().all(|c| c.is_ascii_graphic() && c != '/');
            !host.is_empty() && plain && port.parse::<u16>().is_ok()
        });
        if !sound {
            stream.report(
                "brokers",
                format!("`{}` is not a host with a port", clean(broker)),
                format!("write {example}"),
            );
        }
    }
    Some(brokers)
}

fn start(stream: &Fields<'_>) -> Option<KafkaStart> {
    let Some(text) = stream.text("start") else { return (!stream.has("start")).then_some(KafkaStart::Earliest) };
    match text.as_str() {
        "earliest" => Some(KafkaStart::Earliest),
        "latest" => Some(KafkaStart::Latest),
        text => {
            let at = parse_time(text).ok().map(KafkaStart::At);
            if at.is_none() {
                let fix = "write \"earliest\", \"latest\" or a time such as \"2026-11-22T10:00:00Z\"";
                stream.report("start", format!("`{}` is no place to begin", clean(text)), fix);
            }
            at
        }
    }
}

fn values(stream: &Fields<'_>) -> Option<KafkaValues> {
    const VALUES: [(&str, KafkaValues); 2] =
        [("json", KafkaValues::Json), ("registry-json", KafkaValues::RegistryJson)];
    let Some(word) = stream.text("values") else { return (!stream.has("values")).then_some(KafkaValues::Json) };
    if word == "avro" {
        let problem = "Avro is not read: its bytes mean something only with the schema that wrote them";
        stream.report("values", problem, "have the topic written in JSON, or copied to one that is");
        return None;
    }
    named(stream, "values", &word, &VALUES, "a form of values")
}

fn sasl(around: &Around<'_>, sasl: &Fields<'_>) -> Option<Sasl> {
    let example = "`mechanism = \"SCRAM-SHA-512\"`";
    let mechanism = sasl.required_text("mechanism", example).and_then(|word| {
        let words = SaslMechanism::ALL.map(|mechanism| (mechanism.word(), mechanism));
        named(sasl, "mechanism", &word, &words, "a mechanism")
    });
    let user = secret(around, sasl, "user", ["user_env", "user_file"]);
    let password = secret(around, sasl, "password", ["password_env", "password_file"]);
    for name in ["user", "password"] {
        // Asked for, so that it is refused by what it is and not by its name.
        if sasl.text(name).is_some() {
            let fix = format!(
                "write `{name}_env = \"NAME\"` or `{name}_file = \"PATH\"`, and give the old one up: it was written down"
            );
            sasl.report(name, "is a secret, and definitions hold none", fix);
        }
    }
    sasl.finish();
    Some(Sasl { mechanism: mechanism?, user: user?, password: password? })
}

/// Where a secret is: a variable of the environment or a file.
fn secret(around: &Around<'_>, fields: &Fields<'_>, what: &str, [env, file]: [&'static str; 2]) -> Option<Secret> {
    match (fields.text(env), fields.text(file)) {
        (Some(_), Some(_)) => {
            fields.report(file, format!("is there beside `{env}`"), "keep one of them");
            None
        }
        (Some(name), None) => {
            let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !plain {
                let fix = "write the name of a variable of the environment, never what is in it";
                fields.report(env, "is not the name of a variable", fix);
            }
            plain.then_some(Secret::Env(name))
        }
        (None, Some(path)) => located(around, fields, file, &path).map(Secret::File),
        (None, None) => {
            if !fields.has(env) && !fields.has(file) {
                fields.report(
                    env,
                    "is missing",
                    format!("add `{env} = \"NAME\"` or `{file} = \"PATH\"`, where the {what} is"),
                );
            }
            None
        }
    }
}

fn take(stream: &Fields<'_>, columns: &Columns<'_>) -> KafkaTake {
    let Some(table) = one(stream, "take") else { return KafkaTake::default() };
    let column = |field: &'static str, wanted: DataType| {
        let name = table.text(field)?;
        let found = columns.exists(&table, field, Some(&name));
        if let Some(found) = found.filter(|found| **found != wanted) {
            let fix = format!("declare it {wanted}, or name another column");
            table.report(field, format!("column `{name}` is {found}, and this is {wanted}"), fix);
        }
        Some(name)
    };
    let take = KafkaTake {
        key: column("key", DataType::String),
        partition: column("partition", DataType::Int64),
        offset: column("offset", DataType::Int64),
        timestamp: column("timestamp", DataType::Timestamp),
        headers: column("headers", DataType::String),
    };
    table.finish();
    let names: Vec<&str> = take.columns().collect();
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        stream.report("take", format!("column `{}` takes two things", twice.1), "name another column for one of them");
    }
    take
}
