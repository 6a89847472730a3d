//! Validated definitions: what a repository says, checked and resolved.
//!
//! Plain data. Field names follow Tecton's declarative 0.5 API.

pub(crate) mod functions;
mod service;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

pub use functions::Function;
pub use service::{FeatureService, ServiceItem};

use crate::model::{BatchTrigger, DataType, Id, Span, Time, Window, Workspace};

/// All that a repository defines, and what is wrong with the rest of it.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    /// The folder it was read from.
    pub root: PathBuf,
    /// Workspaces, in the order of the file.
    pub workspaces: Vec<Workspace>,
    /// Entities that are sound, in the order of the file. They belong to every workspace.
    pub entities: Vec<Arc<Entity>>,
    /// Sources that are sound, in the order of the file. They belong to every workspace.
    pub sources: Vec<Arc<Source>>,
    /// Views that are sound, one for each workspace they belong to, in definition order.
    pub views: Vec<Arc<View>>,
    /// Feature services that are sound, one for each workspace they belong to, in file order.
    pub services: Vec<Arc<FeatureService>>,
    /// What is wrong. A view that depends on something wrong is left out of `views`.
    pub errors: Vec<RepositoryError>,
    /// Names of the views that are left out, with the files that define them.
    pub refused: Vec<(String, PathBuf)>,
}

impl Repository {
    /// Why a view is left out: what is wrong with its file, and with those that it depends on where these are at fault.
    pub fn refusal(&self, view: &str) -> Vec<&RepositoryError> {
        let Some((_, file)) = self.refused.iter().find(|(name, _)| name == view) else { return Vec::new() };
        let own = |error: &&RepositoryError| error.file == *file;
        let depends = self.errors.iter().filter(own).any(|error| error.problem.ends_with("has errors"));
        let shared = |error: &&RepositoryError| depends && !error.file.starts_with("views");
        self.errors.iter().filter(|error| own(error) || shared(error)).collect()
    }
}

/// One thing that is wrong with a repository: file, line, field, problem and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryError {
    /// File, relative to the repository.
    pub file: PathBuf,
    /// Line, from 1; absent when the file itself is the problem.
    pub line: Option<usize>,
    /// Dotted field name, empty when the file itself is the problem.
    pub field: String,
    /// What is wrong, with the value at fault.
    pub problem: String,
    /// What to write in its place, as the end of the error's line.
    pub fix: String,
}

impl fmt::Display for RepositoryError {
    /// `file:line: field: problem. fix`, with the parts left out that are absent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}. {}", self.problem, self.fix)
    }
}

/// An entity: the thing that join keys name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Identity, the same after every load.
    pub id: Id,
    /// Name, unique among its kind in the repository; of views, in their workspace.
    pub name: String,
    /// What it is, in its author's words; empty where none are given.
    pub description: String,
    /// Who keeps it, mostly an address; empty where nobody is named.
    pub owner: String,
    /// Join keys with their types (int64 or string).
    pub join_keys: Vec<(String, DataType)>,
}

/// A data source: files for batch, and the same events as a stream where `stream` is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Identity, the same after every load.
    pub id: Id,
    /// Name; the SQL of views reads from it by its input name.
    pub name: String,
    /// What it holds, in its author's words; empty where none are given.
    pub description: String,
    /// Who keeps it, mostly an address; empty where nobody is named.
    pub owner: String,
    /// Labels by their names; shown, and of no effect.
    pub tags: BTreeMap<String, String>,
    /// Parquet files of the batch side that others write, sorted by path; none where `kept` is the batch side.
    pub files: Vec<DataFile>,
    /// Column that filters a window; absent for plain tables, which are always read whole.
    pub timestamp_column: Option<String>,
    /// How long after a window's end the batch side may still be incomplete.
    pub data_delay: Span,
    /// Column names and types: of all readable files together, only those whose types queries know; without files, as
    /// the definition declares them.
    pub columns: Vec<(String, DataType)>,
    /// The other columns, and why they are.
    pub unread: Vec<Unread>,
    /// Whether events later than the present are taken; else they have not happened yet.
    pub future_events: bool,
    /// How recorded events are moved onto the present; absent for sources that are already there.
    pub replay: Option<Replay>,
    /// The stream side; absent for sources of batch files alone.
    pub stream: Option<Stream>,
    /// What is kept of the stream, which is then the batch side; absent where that is files that others write.
    pub kept: Option<Kept>,
}

impl Source {
    /// How the events of the batch files arrived, where these are those of a stream that is played.
    pub fn recorded(&self) -> Option<&Recorded> {
        match &self.stream.as_ref()?.feed {
            Feed::Recorded(recorded) => Some(recorded),
            _ => None,
        }
    }

    /// Whether it has a stream whose events come from outside while the platform runs, as those of a record do not.
    pub fn is_live(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| !matches!(stream.feed, Feed::Recorded(_)))
    }
}

/// The events of a stream that the platform keeps by itself, in Parquet files by event time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Their folder. Empty where the repository was read without a data directory: then nothing is kept.
    pub folder: PathBuf,
    /// How long an event is kept behind its event time; absent for ever.
    pub history: Option<Span>,
}

/// A column that queries cannot name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The column's name, as the files spell it.
    pub name: String,
    /// Why queries cannot name it, with the file that says so.
    pub why: String,
    /// What to do so that they can, to go into a sentence.
    pub fix: String,
}

/// One Parquet file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Absolute path, as the pattern found it.
    pub path: PathBuf,
    /// The time that the file's name says it holds, where the source's pattern has `{yyyy}` and the like in it.
    pub named: Option<Window>,
    /// The event times (of the record) that the file held when the repository was read, as its footer stated them; for
    /// a file that could not be read, as its name says, and some more. Windows that do not touch it never open the
    /// file.
    pub covers: Option<Window>,
    /// Size and time of change of the file for which `covers` holds.
    pub seen: Option<(u64, SystemTime)>,
    /// The folders that the file must lie in, wherever links lead.
    pub within: Arc<[PathBuf]>,
}

impl DataFile {
    /// A file of which nothing is known.
    pub fn at(path: PathBuf) -> Self {
        Self { path, named: None, covers: None, seen: None, within: Arc::from([]) }
    }
}

/// The fixed mapping of recorded event time onto the present.
///
/// The record `[begins, begins + lasts)` is played again and again, each time in `plays_in`, the laps aligned to
/// multiples of `plays_in` since 1970: `t` becomes `lap + floor((t - begins) * plays_in / lasts)` microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// First instant of the record.
    pub begins: Time,
    /// Length of the record. Events past its end spill into the first instants of the next lap.
    pub lasts: Span,
    /// How long one lap takes in the present.
    pub plays_in: Span,
    /// All timestamp columns to map, `timestamp_column` among them.
    pub columns: Vec<String>,
}

/// The stream side of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Where its events come from.
    pub feed: Feed,
    /// How far behind the newest event time a late event is still taken.
    pub watermark: Span,
    /// How long the stream keeps what arrived, and so how far back a reader that starts anew begins. Where others keep
    /// it (Kafka, files), it says nothing.
    pub retention: Span,
    /// Columns that every record must name, if only to say null. Of the event time more is asked, and of what the
    /// stream itself gives nothing.
    pub required: Vec<String>,
    /// How events that came before are told.
    pub deduplicate: Option<Deduplicate>,
}

/// Events that agree in these columns are one event, and the first to arrive is it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deduplicate {
    /// Columns, at least one. Records must have a value in each.
    pub columns: Vec<String>,
    /// How long an event is remembered.
    pub horizon: Span,
}

/// Where the events of a stream come from, by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Feed {
    /// A record that is played.
    Recorded(Recorded),
    /// Records that clients send over HTTP, kept in a log of the platform's.
    Ingest(IngestFeed),
    /// The records of a topic of Kafka, partition by partition.
    Kafka(Box<KafkaFeed>),
    /// A file of JSON lines that grows.
    File(Located),
    /// A folder in which files appear.
    Folder(Located),
}

impl Feed {
    /// Its word in a definition; a record has none there.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Recorded(_) => "replay",
            Self::Ingest(_) => "ingest",
            Self::Kafka(_) => "kafka",
            Self::File(_) => "file",
            Self::Folder(_) => "folder",
        }
    }
}

/// The bounds of a log of what arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestFeed {
    /// Most bytes of the log; the oldest go first.
    pub retention_bytes: u64,
}

/// A path that a definition names, and where it may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Absolute, with the links that it may have.
    pub path: PathBuf,
    /// The folders that it must lie in, wherever links lead; none for anywhere.
    pub within: Arc<[PathBuf]>,
}

/// A topic, and how its records are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaFeed {
    /// Brokers to ask first, each as `host:port`; at least one.
    pub brokers: Vec<String>,
    /// Name of the topic, all of whose partitions are read.
    pub topic: String,
    /// Where a view that never read begins.
    pub start: KafkaStart,
    /// The form of the values.
    pub values: KafkaValues,
    /// What the broker must show to be believed; absent for connections that are not encrypted.
    pub tls: Option<KafkaTls>,
    /// Who asks; absent where the brokers let anybody in.
    pub sasl: Option<Sasl>,
    /// Columns that take what Kafka knows of a record.
    pub take: KafkaTake,
}

/// Where a view that never read a topic begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KafkaStart {
    /// At the oldest record that is kept.
    Earliest,
    /// Behind the newest record that is there at its first read.
    Latest,
    /// At the first record of that time or later.
    At(Time),
}

/// The form of the values of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KafkaValues {
    /// A JSON object and nothing before it.
    Json,
    /// A JSON object behind the five bytes of a schema registry.
    RegistryJson,
}

/// How a connection to a broker is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaTls {
    /// Certificates of those who vouch for the brokers; absent for those that the system trusts.
    pub ca_file: Option<Located>,
}

/// User and password of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// How the broker is shown that they are right.
    pub mechanism: SaslMechanism,
    /// Where the user's name is.
    pub user: Secret,
    /// Where the user's password is.
    pub password: Secret,
}

/// How a broker is shown who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// The password itself, which only an encrypted connection hides.
    Plain,
    /// A proof of the password by SCRAM with SHA-256.
    ScramSha256,
    /// A proof of the password by SCRAM with SHA-512.
    ScramSha512,
}

impl SaslMechanism {
    /// All of them, the weakest first.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// Its name in definitions and for brokers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Where a secret is. Definitions never hold one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In the variable of that name of the platform's environment.
    Env(String),
    /// In that file, without the line end behind it.
    File(Located),
}

/// The names of the columns that take what Kafka knows of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaTake {
    /// Its key as a string; null where it has none.
    pub key: Option<String>,
    /// The number of its partition, an int64.
    pub partition: Option<String>,
    /// Its number in the partition, an int64.
    pub offset: Option<String>,
    /// When it was made or came to the broker, a timestamp.
    pub timestamp: Option<String>,
    /// Its headers, a string that holds a JSON object.
    pub headers: Option<String>,
}

impl KafkaTake {
    /// The columns that are named.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let Self { key, partition, offset, timestamp, headers } = self;
        [key, partition, offset, timestamp, headers].into_iter().filter_map(Option::as_deref)
    }
}

/// Recorded events in their real order of arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Parquet files that hold the events; may be other files than the batch side's.
    pub files: Vec<DataFile>,
    /// When an event arrives (mapped like every time of the record).
    pub arrival: Arrival,
    /// Column that orders events which arrive at one instant.
    pub order: String,
}

/// When a recorded event arrives: at `column`; where that is null, at the end of the day of `or_end_of_day_of`, a day
/// beginning `day_starts` after midnight UTC. Never before its event time.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// Column with the instant of arrival.
    pub column: String,
    /// Column used where that is null.
    pub or_end_of_day_of: Option<String>,
    /// Start of the source's local day after midnight UTC.
    pub day_starts: Span,
}

/// An input of a view: a source under the name its SQL uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Table name in the SQL.
    pub name: String,
    /// The source that the table is read from, shared by all views that read it.
    pub source: Arc<Source>,
    /// Whether only the events of a window are read to compute it; otherwise all there are.
    pub filtered: bool,
    /// How much earlier than a window its events begin; zero or negative.
    pub start_time_offset: Span,
}

impl Input {
    /// An input of that name over the events of each window.
    pub fn plain(name: &str, source: Source) -> Self {
        Self { name: name.to_owned(), source: Arc::new(source), filtered: true, start_time_offset: Span::zero() }
    }
}

/// One aggregation: a column, a function and a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// The column of the query that is aggregated.
    pub column: String,
    /// The function that makes one value of a window's.
    pub function: Function,
    /// Length of the window, a positive multiple of the interval.
    pub time_window: Span,
    /// Public feature name (docs/semantics.md section 3), with the spelling of the function the user wrote.
    pub feature: String,
    /// Type of the input column.
    pub input_type: DataType,
    /// Type of the feature's values (docs/semantics.md section 4).
    pub output_type: DataType,
}

/// How a view makes its features.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Aggregates over time windows, built of tiles.
    Aggregate {
        /// Size of a tile; zero in continuous mode, where each event counts at its own time.
        interval: Span,
        /// In definition order, at least one.
        aggregations: Vec<Aggregation>,
    },
    /// The latest row of each key.
    Temporal {
        /// How long a row counts; absent for ever.
        ttl: Option<Span>,
        /// Feature columns with their types, in the query's order.
        features: Vec<(String, DataType)>,
    },
}

/// When a view's features begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureStart {
    /// At this instant, the same after every load.
    At(Time),
    /// So long before the view was first applied; the instant is then kept.
    BeforeApply(Span),
}

/// One feature view of one workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Identity, the same after every load: made of workspace and name.
    pub id: Id,
    /// Name, unique among its kind in the repository; of views, in their workspace.
    pub name: String,
    /// Name of the workspace that it is in.
    pub workspace: String,
    /// Whether the workspace is live, so that the view is materialized.
    pub live: bool,
    /// What it is for, in its author's words; empty where none are given.
    pub description: String,
    /// Who keeps it, mostly an address; empty where nobody is named.
    pub owner: String,
    /// Free text that groups views; deprecated (docs/reference.md, Attributes).
    pub family: String,
    /// Labels by their names; shown, and of no effect.
    pub tags: BTreeMap<String, String>,
    /// File that declares it, relative to the repository.
    pub defined_in: String,
    /// Entities, in definition order, which is that of the join keys.
    pub entities: Vec<Arc<Entity>>,
    /// Inputs; the first is the one that filters by time and streams. Further ones must be plain tables.
    pub inputs: Vec<Input>,
    /// The transformation: one SELECT in the dialect that Spark and the engine share.
    pub sql: String,
    /// Join keys with types, in entity order.
    pub join_keys: Vec<(String, DataType)>,
    /// Join keys a lookup must give.
    pub online_serving_index: Vec<String>,
    /// Timestamp column of the query's output.
    pub timestamp_field: String,
    /// How features are made of the query's rows, and which there are.
    pub kind: Kind,
    /// Written to the online store.
    pub online: bool,
    /// Written to the offline store.
    pub offline: bool,
    /// How often batch jobs run; a multiple of the aggregation interval.
    pub batch_schedule: Span,
    /// The longest window of one backfill job; a multiple of `batch_schedule`.
    pub max_batch_aggregation_interval: Option<Span>,
    /// Size of a partition of the offline table: whole days, or a divisor of a day.
    pub offline_partition: Span,
    /// When features begin; absent where the definition does not say (docs/semantics.md section 10).
    pub feature_start_time: Option<FeatureStart>,
    /// Who starts batch jobs: the schedule, the user alone, or nobody.
    pub batch_trigger: BatchTrigger,
    /// The age at which the view counts as stale.
    pub expected_freshness: Option<Span>,
}

impl View {
    /// The source of its stream: that of its first input, where it streams.
    pub(crate) fn stream_source(&self) -> Option<&Arc<Source>> {
        self.inputs.first().map(|input| &input.source).filter(|source| source.stream.is_some())
    }

    /// Whether its first input streams.
    pub fn is_stream(&self) -> bool {
        self.stream_source().is_some()
    }

    /// Whether a stream is written to the online store for it.
    pub(crate) fn writes_stream(&self) -> bool {
        self.live && self.online && self.is_stream()
    }

    /// The names that spell columns of its query's output: join keys and the timestamp. Queries mean names without
    /// regard to case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.join_keys.iter().map(|(name, _)| name.as_str()).chain([self.timestamp_field.as_str()])
    }

    /// The greatest data delay over its sources.
    pub fn max_data_delay(&self) -> Span {
        self.inputs.iter().map(|input| input.source.data_delay).max().unwrap_or(Span::zero())
    }

    /// Whether its windows end at each event instead of at the edges of tiles.
    pub fn is_continuous(&self) -> bool {
        matches!(&self.kind, Kind::Aggregate { interval, .. } if interval.is_zero())
    }

    /// The type of an aggregated column of its query; text for a column that no aggregation reads.
    pub fn input_type(&self, column: &str) -> DataType {
        let Kind::Aggregate { aggregations, .. } = &self.kind else { return DataType::String };
        let found = aggregations.iter().find(|aggregation| aggregation.column == column);
        found.map_or(DataType::String, |aggregation| aggregation.input_type.clone())
    }

    /// The join key that is not in the online serving index, with its type; at most one is left out of it.
    pub fn wildcard_key(&self) -> Option<&(String, DataType)> {
        self.join_keys.iter().find(|(name, _)| !self.online_serving_index.contains(name))
    }

    /// The names and types of its features, in definition order.
    pub fn features(&self) -> Vec<(String, DataType)> {
        match &self.kind {
            Kind::Aggregate { aggregations, .. } => {
                aggregations.iter().map(|a| (a.feature.clone(), a.output_type.clone())).collect()
            }
            Kind::Temporal { features, .. } => features.clone(),
        }
    }

    /// The names of its features, in definition order.
    pub fn feature_names(&self) -> Vec<String> {
        self.features().into_iter().map(|(name, _)| name).collect()
    }

    /// The columns of its query that are stored or aggregated: join keys, timestamp, inputs of features.
    pub fn query_columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = self.join_keys.iter().map(|(name, _)| name.clone()).collect();
        columns.push(self.timestamp_field.clone());
        match &self.kind {
            Kind::Aggregate { aggregations, .. } => columns.extend(aggregations.iter().map(|a| a.column.clone())),
            Kind::Temporal { features, .. } => columns.extend(features.iter().map(|(name, _)| name.clone())),
        }
        columns.sort();
        columns.dedup();
        columns
    }

    /// The event times of its first input that rows of `window` are made of; absent where the input is read whole
    /// (docs/semantics.md section 2).
    pub fn source_window(&self, window: Window) -> Option<Window> {
        let input = self.inputs.first().filter(|input| input.filtered)?;
        Some(Window { start: window.start + input.start_time_offset, end: window.end })
    }

    /// The longest aggregation window; absent for views without aggregations.
    pub fn longest_window(&self) -> Option<Span> {
        match &self.kind {
            Kind::Aggregate { aggregations, .. } => aggregations.iter().map(|a| a.time_window).max(),
            Kind::Temporal { .. } => None,
        }
    }
}
