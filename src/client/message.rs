//! What the console and its client task say to each other.
//!
//! Plain data. Every answer carries the [`Generation`] it was asked under, so that an answer to an old question
//! never lands in a new place.
#![expect(missing_docs, reason = "the fields of a variant are explained by the variant's sentence")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use polars::prelude::DataFrame;

use crate::model::{
    AttemptDetail, AuditEntry, Coverage, DeletionStarted, FeatureVector, FeatureView, Freshness, Id, Job,
    QueryProgress, Stores, StreamFigures, Time, TriggerRequest, Workspace,
};
use crate::wire::quarantine::{QuarantineAsked, QuarantineList, QuarantineRow, RetryAnswer};
use crate::wire::queries::Query;

pub use super::serves::{Offer, Part, Serves};

/// Counts up with each change of workspace or view; answers with another generation are dropped.
pub type Generation = u64;

/// Names one user request, so that its outcome finds the dialog or row that waits for it.
pub type RequestId = u64;

/// What the console wants of the client task.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Make this workspace the current one: load its views and keep them fresh. Without a name: the configured
    /// workspace, else the first live one.
    OpenWorkspace { generation: Generation, workspace: Option<String> },
    /// Make this view the current one: poll its jobs, freshness and summary, follow its stream.
    OpenView { generation: Generation, workspace: String, feature_view: String },
    /// Poll everything of the current view now.
    Refresh,
    /// Look up one key online: (join key, text as typed) in the view's order.
    Lookup { request: RequestId, workspace: String, feature_view: String, keys: Vec<(String, String)> },
    /// Look up all values of the wildcard key: (join key, text as typed) of the others. Answered by
    /// [`Update::LookedUpAll`].
    LookupAll { request: RequestId, workspace: String, feature_view: String, keys: Vec<(String, String)> },
    /// Start a materialization job.
    Trigger { request: RequestId, trigger: TriggerRequest },
    /// Cancel a job.
    Cancel { request: RequestId, workspace: String, feature_view: String, job: Id },
    /// Compute something; its files are read by the client task. Answered by [`Update::QueryProgress`] any number of
    /// times, then [`Update::QueryDone`] once.
    Query { request: RequestId, query: Query<PathBuf> },
    /// Stop a computation; its [`Update::QueryDone`] still comes.
    CancelQuery { request: RequestId },
    /// Write a table into a file: Parquet, CSV or JSON lines by its ending. An existing file is kept unless `replace`.
    SaveTable { request: RequestId, table: Table, path: PathBuf, replace: bool },
    /// Try a job again that has failed for good; with `overwrite` also over what other jobs wrote since.
    ForceRetry { request: RequestId, workspace: String, feature_view: String, job: Id, overwrite: bool },
    /// Start the stream of a view again whose last job has ended. Answered by [`Update::Retried`].
    StartStream { request: RequestId, workspace: String, feature_view: String, job: Id },
    /// Tell what it does to the values of a view to read its stream from that place.
    StreamEffect { request: RequestId, workspace: String, feature_view: String, from: String },
    /// Read the stream of a view from that place, its last job having ended. Answered by [`Update::Retried`].
    RestartStream { request: RequestId, workspace: String, feature_view: String, job: Id, from: String },
    /// Read the keys to delete from a file (CSV, Parquet, JSON lines), with every check of docs/semantics.md section 11
    /// that needs no deployment.
    ReadKeys { request: RequestId, view: Box<FeatureView>, path: PathBuf },
    /// Take keys as they were typed: each a value for every join key, in the view's order.
    TypedKeys { request: RequestId, view: Box<FeatureView>, keys: Vec<Vec<String>> },
    /// Delete keys that [`Update::Keys`] brought.
    DeleteKeys { request: RequestId, view: Box<FeatureView>, keys: KeySet, stores: Stores },
    /// Tell what one attempt did: its stages and its log.
    Detail { generation: Generation, attempt: Id },
    /// Tell which windows of the current view are materialized where.
    Coverage { generation: Generation },
    /// Tell records of a view's quarantine, the newest first, below the number `before`.
    Quarantine {
        request: RequestId,
        workspace: String,
        feature_view: String,
        reason: Option<String>,
        before: Option<i64>,
    },
    /// Tell one of them in full.
    QuarantineRecord { request: RequestId, workspace: String, feature_view: String, id: i64 },
    /// Retry records of the quarantine, or tell what would come of it. Answered by [`Update::QuarantineRetried`].
    RetryQuarantined { request: RequestId, asked: Box<QuarantineAsked> },
    /// Drop records of the quarantine. Answered by [`Update::QuarantineDropped`].
    DropQuarantined { request: RequestId, asked: Box<QuarantineAsked> },
    /// Tell the newest entries of the deployment's audit log.
    Audit,
    /// Tell the status table of the current view.
    Status { request: RequestId, workspace: String, feature_view: String, deletions: bool },
    /// The console lost (or regained) the eye of its user: poll slower (or at the usual pace).
    Focus(bool),
    /// Stop everything and end.
    Shutdown,
}

/// Keys that are to be deleted, checked against their view.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySet {
    /// The join key columns, of their types, every key once.
    pub table: Table,
    /// Keys as they were given, repeated ones counted.
    pub given: usize,
    /// The file they came from; absent when they were typed.
    pub file: Option<PathBuf>,
}

/// How the connection to the deployment stands. Instants are by this machine's clock in UTC, the one that the screen
/// goes by.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    /// Nothing was answered yet.
    Connecting,
    /// The last request was answered.
    Live,
    /// A request that was sent at that instant is overdue; the data on the screen still stands.
    Slow { since: Time },
    /// The deployment does not answer since then; trying again by itself.
    Offline { problem: Problem, since: Time, attempt: u32, next_try: Time },
    /// The deployment answers since then but refuses the key, or the address is not a deployment: trying again will not
    /// help without a change, so it is done slowly. Without a next try it never will.
    Refused { problem: Problem, since: Time, next_try: Option<Time> },
}

/// A read that failed while the connection stands: what it brought before stays on the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Failing {
    /// What happened last.
    pub problem: Problem,
    /// When the first of the failures in a row happened.
    pub since: Time,
    /// When it was last answered well, so that what is on the screen is as of then; absent where it never was.
    pub as_of: Option<Time>,
    /// When it is tried next.
    pub next_try: Time,
}

/// What went wrong, to what, and what to do next. All three are cleaned of control characters and secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What happened, in one sentence.
    pub what: String,
    /// What to do next, in one sentence.
    pub hint: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ends = self.what.trim_end().ends_with(['.', '!', '?', ':']);
        match (self.what.trim_end(), self.hint.trim()) {
            (what, "") => f.write_str(what),
            // What a deployment says need not be a whole sentence.
            (what, hint) => write!(f, "{what}{} {hint}", if ends { "" } else { "." }),
        }
    }
}

impl std::error::Error for Problem {}

/// What the client task tells the console.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The connection changed.
    Connection(Connection),
    /// The deployment was reached: what it is, notices it wants shown (such as errors in its repository), and what it
    /// serves as far as that is known. Told again whenever more is known.
    Deployment { url: String, notices: Vec<String>, serves: Serves },
    /// The workspaces there are.
    Workspaces(Vec<Workspace>),
    /// The views of the workspace, in the server's order. `workspace` is the one that was opened.
    FeatureViews { generation: Generation, workspace: String, views: Arc<Vec<FeatureView>> },
    /// All jobs of the view, newest first.
    Jobs { generation: Generation, jobs: Arc<Vec<Job>> },
    /// The first jobs of the view, newest first, while the list of all of them takes long to come; and how many there
    /// are, where the deployment says so. [`Update::Jobs`] follows.
    JobsAhead { generation: Generation, jobs: Arc<Vec<Job>>, total: Option<u64> },
    /// Freshness of the view.
    Freshness { generation: Generation, freshness: Freshness },
    /// The rows of the view's summary: (name, value).
    Summary { generation: Generation, rows: Vec<(String, String)> },
    /// How the view's stream does; nothing where it has none.
    Stream { generation: Generation, figures: Option<Box<StreamFigures>> },
    /// What it does to read a stream from another place, in sentences. Cleaned.
    StreamEffect { request: RequestId, answer: Result<String, Problem> },
    /// Records of the view's stream tail; at most 256 records or 50 ms worth.
    Tail { generation: Generation, batch: TailBatch },
    /// The tail's state changed.
    TailState { generation: Generation, state: TailState },
    /// A read fails (again), or goes well again; what is on the screen stays. What the deployment does not have or the
    /// key may not read is in [`Serves`] instead.
    Reading { generation: Generation, part: Part, failing: Option<Failing> },
    /// The answer of a lookup.
    Lookup { request: RequestId, answer: Result<FeatureVector, Problem>, took: Duration },
    /// The answer of a lookup of all values of the wildcard key: one row each, join keys first, then features.
    LookedUpAll { request: RequestId, answer: Result<Table, Problem> },
    /// A computation goes on.
    QueryProgress { request: RequestId, progress: QueryProgress },
    /// A computation ended.
    QueryDone { request: RequestId, answer: Result<QueryAnswer, Problem>, took: Duration },
    /// A table was written (or not): the path, and the bytes it takes.
    TableSaved { request: RequestId, answer: Result<(PathBuf, u64), Problem> },
    /// A job was started (or refused).
    Triggered { request: RequestId, answer: Result<Job, Problem> },
    /// A job's cancellation was taken (or refused).
    Cancelled { request: RequestId, answer: Result<Job, Problem> },
    /// Another attempt of a failed job was queued (or refused).
    Retried { request: RequestId, job: Id, answer: Result<(), Problem> },
    /// Keys were read (or not).
    Keys { request: RequestId, answer: Result<KeySet, Problem> },
    /// Deletion jobs were started (or refused).
    DeletionStarted { request: RequestId, answer: Result<DeletionStarted, Problem> },
    /// What one attempt did.
    Detail { generation: Generation, attempt: Id, answer: Result<Arc<AttemptDetail>, Problem> },
    /// A change was sent to the deployment and answered, or not.
    Sent(Sent),
    /// Records of the quarantine; cleaned text.
    Quarantine { request: RequestId, answer: Result<Arc<QuarantineList>, Problem> },
    /// One of them in full.
    QuarantineRecord { request: RequestId, answer: Result<Arc<Quarantined>, Problem> },
    /// What came of a retry, or would.
    QuarantineRetried { request: RequestId, answer: Result<RetryAnswer, Problem> },
    /// How many records were dropped.
    QuarantineDropped { request: RequestId, answer: Result<u64, Problem> },
    /// The newest entries of the deployment's audit log, the newest first; or why there are none to be seen.
    Audit { answer: Result<Arc<Vec<AuditEntry>>, Problem> },
    /// Which windows of the view are materialized where.
    Coverage { generation: Generation, answer: Result<Arc<Coverage>, Problem> },
    /// The status table: one row an attempt, its verbose columns included, in the server's order. Cleaned text.
    Status { request: RequestId, answer: Result<Table, Problem> },
}

/// A record of the quarantine in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    /// What is known of it. Cleaned.
    pub row: QuarantineRow,
    /// Its bytes as text that is safe to show, on several lines.
    pub text: String,
    /// Bytes that are kept of it.
    pub kept: u64,
}

/// A change that was sent to the deployment, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// The call's name.
    pub call: String,
    /// The name of the request (`x-request-id`), by which the deployment's audit log has it.
    pub request: String,
    /// How long the answer took.
    pub took: Duration,
    /// What went wrong.
    pub problem: Option<Problem>,
}

/// What a computation gave.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryAnswer {
    /// The rows. Text in it is as the deployment sent it: clean it before it is shown.
    pub table: Table,
    /// What the caller should know, such as a range shorter than the longest window. Cleaned.
    pub warnings: Vec<String>,
    /// The dataset it was kept as. Cleaned.
    pub saved_as: Option<String>,
}

/// A table that several may hold. Two are equal when they are the same one.
#[derive(Clone, Debug)]
pub struct Table(pub Arc<DataFrame>);

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Where the stream tail stands.
#[derive(Clone, Debug, PartialEq)]
pub enum TailState {
    /// Being opened.
    Opening,
    /// Open; `columns` in record order.
    Open { columns: Vec<String> },
    /// Ended or broken; tried again by itself at `next_try`, where there is one.
    Closed { problem: Problem, next_try: Option<Time> },
}

/// A batch of stream records.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TailBatch {
    /// Records, oldest first: each a JSON object as it came, not yet parsed.
    pub records: Vec<Box<str>>,
    /// Records that were lost on the way because the console or the link was slow.
    pub dropped: u64,
    /// Events that the stream job has read so far; it reads many before one tile is complete.
    pub events: Option<u64>,
    /// The newest event time the stream job has seen.
    pub latest_event: Option<Time>,
    /// The instant before which tiles are complete.
    pub watermark: Option<Time>,
    /// What holds the stream up, when that changed; empty when it goes on.
    pub trouble: Option<String>,
    /// Events that are in no record, when that changed.
    pub lost: Option<Lost>,
}

/// Events that the stream read and that are in no record.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Lost {
    /// They came after their tile was emitted.
    pub late: u64,
    /// The query failed on them.
    pub failed: u64,
    /// They had arrived longer ago than the stream keeps them.
    pub expired: u64,
    /// Why the query failed last; empty where it did not.
    pub why: String,
}
