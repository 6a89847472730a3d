//! `fvtop ingest`: sends the records of a file, or of standard input, to the stream of a source.
//!
//! Records go in batches, one after the other. Each batch has a name: where its answer is lost it is sent again, and
//! taken once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::failure::{FAILED, Failure, INTERRUPTED};
use super::output::{note, print, print_json};
use super::quarantine::count;
use super::session::Session;
use super::target::TargetArgs;
use super::watch::{Line, interrupts};
use crate::client::api::Ingested;
use crate::client::message::Problem;
use crate::client::table::{self, FileFormat, Records};
use crate::model::time::parse_span;
use crate::model::{Span, clean, suggest};
use crate::wire::ingest::{INGEST_RECORDS, IngestAnswer, IngestRequest, Record, Sources};

/// Bytes of records after which a batch is sent though it has fewer records.
const BATCH_BYTES: usize = 1 << 20;
/// The pause before the first try again; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a record of a pipe waits for others.
const LINGER: Duration = Duration::from_millis(100);
/// Bad records, and columns that nothing becomes of, that are told one by one.
const TOLD: usize = 20;

/// Send records to the stream of a source.
///
/// Once a batch is answered its records are durable. While the deployment is away it is tried again.
#[derive(Args, Clone, Debug)]
pub struct IngestArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The source
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// File of records: JSON lines, CSV or Parquet by its ending; - for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// What the file is, whatever its ending [default for standard input: jsonl]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Records of a batch
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = batch)]
    pub batch: u32,
    /// Pass over the file up to this line (of Parquet, row): an earlier call has taken it
    #[arg(long, value_name = "LINE", default_value_t = 0)]
    pub skip: u64,
    /// Take the good records of a batch that has bad ones as well
    #[arg(long)]
    pub partial: bool,
    /// Look at the records and take none
    #[arg(long)]
    pub dry_run: bool,
    /// Name of this delivery: sent again within hours, with the same file and --batch, nothing is taken twice
    #[arg(long, value_name = "NAME")]
    pub delivery: Option<String>,
    /// How long a batch is tried again while the deployment is away or has too much to do
    #[arg(long, value_name = "SPAN", default_value = "1m", value_parser = parse_span)]
    pub try_for: Span,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn batch(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=INGEST_RECORDS as u32).contains(count));
    count.ok_or_else(|| format!("it must be from 1 to {INGEST_RECORDS}"))
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values with a line of names
    Csv,
    /// Parquet
    Parquet,
}

impl Format {
    fn of_table(self) -> FileFormat {
        match self {
            Self::Jsonl => FileFormat::JsonLines,
            Self::Csv => FileFormat::Csv,
            Self::Parquet => FileFormat::Parquet,
        }
    }
}

/// Records that are sent at once.
#[derive(Default)]
struct Batch {
    texts: Vec<String>,
    /// The line of each.
    lines: Vec<u64>,
    bytes: usize,
    /// Lines among them that are no records.
    broken: Vec<(u64, String)>,
    /// The last line of it.
    last: u64,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.broken.is_empty()
    }
}

/// What came of all so far.
#[derive(Default)]
struct Sum {
    /// Records that were read.
    read: u64,
    taken: u64,
    /// Of them, taken by an earlier request of the same name.
    before: u64,
    bad: u64,
    /// The first bad ones: line, word, sentence.
    told: Vec<(u64, String, String)>,
    /// The line up to which all is settled.
    line: u64,
    /// The views that the records go to: online and offline records.
    views: BTreeMap<String, (u64, u64)>,
}

/// Sends them and prints how many were taken.
///
/// # Errors
/// When the file cannot be read, the deployment is not reached or refuses, or records cannot be events.
pub(crate) async fn run(args: IngestArgs) -> Result<(), Failure> {
    let path = Some(args.file.as_path()).filter(|path| *path != Path::new("-"));
    let records =
        Records::open(path, args.format.map(Format::of_table)).map_err(|problem| Failure::new(FAILED, problem))?;
    let columns = records.columns();
    let (sum, ended) = Session::change(&args.target, async |session| {
        warn_of(columns.as_deref(), session, &args).await;
        let cancel = CancellationToken::new();
        let interrupts = interrupts(&cancel);
        let line = Line::new();
        let mut sum = Sum { line: args.skip, ..Sum::default() };
        let ended = send_all(session, &args, records, &cancel, &mut sum, &line).await;
        line.clear();
        drop(interrupts);
        Ok((sum, ended))
    })
    .await?;
    tell(&args, &sum, ended)
}

/// Warns of columns of a file that the source does not have: a value under a misspelt name would be null in silence.
async fn warn_of(columns: Option<&[String]>, session: &Session, args: &IngestArgs) {
    let Some(columns) = columns else { return };
    // Whether records can be sent does not depend on it: where the deployment does not tell, nothing is said.
    let known = session.api.source_columns(&session.workspace, &args.source).await.unwrap_or_default();
    passed_over(columns, &known).iter().for_each(|warning| note(&format!("warning: {warning}")));
}

/// A sentence for each column that is none of those known, unless none is known.
fn passed_over(columns: &[String], known: &[String]) -> Vec<String> {
    let unknown: Vec<&String> = columns.iter().filter(|column| !known.is_empty() && !known.contains(column)).collect();
    // What the file has as well is not what was meant.
    let lacking = || known.iter().filter(|name| !columns.contains(name)).map(String::as_str);
    let sentence = |column: &&String| {
        let meant = suggest::nearest(column, lacking()).map(|name| format!(" (did you mean `{name}`?)"));
        format!("column `{column}` is none of the source's{}; it is passed over", meant.unwrap_or_default())
    };
    let mut sentences: Vec<String> = unknown.iter().take(TOLD).map(sentence).collect();
    if unknown.len() > TOLD {
        sentences.push(format!("and {} more columns are passed over", unknown.len() - TOLD));
    }
    sentences
}

/// Sends batch after batch.
async fn send_all(
    session: &Session,
    args: &IngestArgs,
    records: Records,
    cancel: &CancellationToken,
    sum: &mut Sum,
    line: &Line,
) -> Result<(), Failure> {
    let delivery = args.delivery.clone().unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    // Of a pipe, records are not held up for others to come, but where batches must come out alike.
    let linger = (args.file == Path::new("-") && args.delivery.is_none()).then_some(LINGER);
    let mut records = reading(records, args.batch as usize)?;
    let mut shown = Instant::now();
    loop {
        let batch = tokio::select! {
            batch = gather(&mut records, args, linger) => batch?,
            () = cancel.cancelled() => return Err(interrupted()),
        };
        if batch.is_empty() {
            return Ok(());
        }
        settle(session, args, &delivery, batch, cancel, sum).await?;
        if shown.elapsed() > Duration::from_millis(200) {
            shown = Instant::now();
            line.write(&format!("{} taken ...", count(sum.taken)));
        }
        if cancel.is_cancelled() {
            return Err(interrupted());
        }
    }
}

fn interrupted() -> Failure {
    Failure::new(INTERRUPTED, "It was interrupted.")
}

type Reading = mpsc::Receiver<Result<table::Record, Problem>>;

/// Reads records ahead, on a thread of its own: a pipe may bring the next one in hours, and nobody waits for that.
fn reading(mut records: Records, ahead: usize) -> Result<Reading, Failure> {
    let (sender, receiver) = mpsc::channel(ahead);
    let read = move || {
        while let Some(next) = records.next().transpose() {
            let failed = next.is_err();
            if sender.blocking_send(next).is_err() || failed {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("records".to_owned()).spawn(read);
    thread.map_err(|error| Failure::new(FAILED, format!("The records cannot be read: {error}.")))?;
    Ok(receiver)
}

/// Waits for a batch; for no longer than `linger` once it has a record.
async fn gather(records: &mut Reading, args: &IngestArgs, linger: Option<Duration>) -> Result<Batch, Failure> {
    let mut batch = Batch::default();
    while batch.texts.len() + batch.broken.len() < args.batch as usize && batch.bytes < BATCH_BYTES {
        let next = match linger.filter(|_| !batch.is_empty()) {
            Some(linger) => match tokio::time::timeout(linger, records.recv()).await {
                Ok(next) => next,
                Err(_) => break,
            },
            None => records.recv().await,
        };
        let Some(record) = next.transpose().map_err(|problem| Failure::new(FAILED, problem))? else { break };
        if record.line <= args.skip {
            continue;
        }
        batch.last = record.line;
        match record.text {
            Ok(text) => {
                batch.bytes += text.len();
                batch.texts.push(text);
                batch.lines.push(record.line);
            }
            Err(why) => batch.broken.push((record.line, why)),
        }
    }
    Ok(batch)
}

/// Has a batch taken, and notes what came of it.
async fn settle(
    session: &Session,
    args: &IngestArgs,
    delivery: &str,
    batch: Batch,
    cancel: &CancellationToken,
    sum: &mut Sum,
) -> Result<(), Failure> {
    sum.read += (batch.texts.len() + batch.broken.len()) as u64;
    if let Some((line, why)) = batch.broken.first().filter(|_| !args.partial && !args.dry_run) {
        return Err(Failure::new(FAILED, format!("Line {line} is no record: {why}.")));
    }
    for (line, why) in &batch.broken {
        sum.bad(*line, "unparsed", why);
    }
    if batch.texts.is_empty() {
        sum.line = batch.last;
        return Ok(());
    }
    let request = request(session, args, &batch)?;
    // A delivery that is sent again in other pieces has other names, so that no name means two things.
    let name = format!("{delivery}-{}-{}", batch.lines.first().copied().unwrap_or_default(), batch.last);
    match sent(session, args, request, &name, cancel).await? {
        Ingested::Taken(answer) => sum.taken(&answer, &batch),
        Ingested::Refused(_, errors) => {
            let line = |index: u64| batch.lines.get(index as usize).copied().unwrap_or_default();
            let told = errors
                .iter()
                .take(TOLD)
                .map(|error| format!("line {}: {}", line(error.record_index), error.error_message));
            let told: Vec<_> = told.collect();
            let text = format!(
                "Records cannot be events, so none of their batch was taken:\n{}\nCorrect them, or give --partial to take \
                 the others.",
                told.join("\n")
            );
            return Err(Failure::new(FAILED, text));
        }
    }
    sum.line = batch.last;
    Ok(())
}

/// The request with a batch.
fn request(session: &Session, args: &IngestArgs, batch: &Batch) -> Result<Bytes, Failure> {
    let failed = |error: serde_json::Error| Failure::new(FAILED, format!("The records cannot be sent: {error}."));
    let raw: Vec<&RawValue> =
        batch.texts.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>().map_err(failed)?;
    let records = raw.into_iter().map(|record| Record { record }).collect();
    let request = IngestRequest {
        workspace_name: Some(session.workspace.clone()),
        dry_run: Some(args.dry_run),
        idempotency_key: None,
        records: Sources(vec![(args.source.clone(), records)]),
    };
    serde_json::to_vec(&request).map(Bytes::from).map_err(failed)
}

/// Sends a batch until it is answered, for a while.
async fn sent(
    session: &Session,
    args: &IngestArgs,
    request: Bytes,
    name: &str,
    cancel: &CancellationToken,
) -> Result<Ingested, Failure> {
    let (begun, mut pause) = (Instant::now(), PAUSE);
    loop {
        let error = match session.api.ingest(request.clone(), name, args.partial).await {
            Ok(ingested) => return Ok(ingested),
            Err(error) => error,
        };
        let wait = pause.max(error.granted_wait());
        if !error.passes() || begun.elapsed() + wait > args.try_for.to_std().unwrap_or_default() {
            return Err(error.into());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cancel.cancelled() => return Err(interrupted()),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl Sum {
    fn bad(&mut self, line: u64, word: &str, why: &str) {
        self.bad += 1;
        if self.told.len() < TOLD {
            self.told.push((line, word.to_owned(), why.to_owned()));
        }
    }

    fn taken(&mut self, answer: &IngestAnswer, batch: &Batch) {
        let metrics = &answer.ingest_metrics;
        let number = |text: &str| text.parse::<u64>().unwrap_or_default();
        let sources = &metrics.data_source_ingest_metrics;
        let taken: u64 = sources.iter().map(|source| number(&source.record_ingest_count)).sum();
        self.taken += taken;
        if answer.taken_before {
            self.before += taken;
        }
        for view in &metrics.feature_view_ingest_metrics {
            let counts = self.views.entry(view.feature_view_name.clone()).or_default();
            counts.0 += number(&view.online_record_ingest_count);
            counts.1 += number(&view.offline_record_ingest_count);
        }
        for error in &answer.record_errors {
            let line = batch.lines.get(error.record_index as usize).copied().unwrap_or_default();
            self.bad(line, &error.error_type, &error.error_message);
        }
    }
}

/// Prints what came of it.
fn tell(args: &IngestArgs, sum: &Sum, ended: Result<(), Failure>) -> Result<(), Failure> {
    for (line, _, why) in &sum.told {
        note(&format!("line {line}: {why}"));
    }
    if sum.bad > sum.told.len() as u64 {
        note(&format!("and {} more bad records", sum.bad - sum.told.len() as u64));
    }
    let source = clean(&args.source);
    if args.json {
        let errors: Vec<_> =
            sum.told.iter().map(|(line, word, why)| json!({"line": line, "type": word, "error": why})).collect();
        let view = |(name, (online, offline)): (&String, &(u64, u64))| json!({"name": name, "online": online, "offline": offline});
        print_json(&json!({
            "source": source,
            "dry_run": args.dry_run,
            "records": sum.read,
            "taken": sum.taken,
            "taken_before": sum.before,
            "refused": sum.bad,
            "line": sum.line,
            "feature_views": sum.views.iter().map(view).collect::<Vec<_>>(),
            "errors": errors,
        }))?;
    } else if ended.is_ok() {
        let done = if args.dry_run { "would be taken" } else { "taken" };
        let before = match sum.before {
            0 => String::new(),
            before => format!(" ({} of them before)", before),
        };
        print(&format!("{} {done} by the source {source}{before}\n", count(sum.taken)))?;
    }
    if let Err(failure) = ended {
        let up_to = match sum.line {
            0 => "Nothing was taken before that.".to_owned(),
            line => format!("It was taken up to line {line}: go on with --skip {line}."),
        };
        return Err(Failure::new(failure.code, format!("{}\n{up_to}", failure.text)));
    }
    match sum.bad {
        0 => Ok(()),
        1 => Err(Failure::new(FAILED, "1 record was refused.")),
        bad => Err(Failure::new(FAILED, format!("{} records were refused.", bad))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_the_source_lacks_are_told() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let known = names(&["gate", "at", "waiting"]);
        let told = |columns: &[&str]| passed_over(&names(columns), &known);
        assert_eq!(
            told(&["gate", "at", "wating", "colour"]),
            [
                "column `wating` is none of the source's (did you mean `waiting`?); it is passed over",
                "column `colour` is none of the source's; it is passed over",
            ]
        );
        let beside = ["column `wating` is none of the source's; it is passed over"];
        assert_eq!(told(&["gate", "at", "wating", "waiting"]), beside, "the file has what it might have meant");
        assert!(told(&["at", "gate"]).is_empty());
        assert!(passed_over(&names(&["x"]), &[]).is_empty(), "of a source that nothing is known of");
        let many: Vec<String> = (0..TOLD + 3).map(|number| format!("unheard_of_{number}")).collect();
        let told = passed_over(&many, &known);
        assert_eq!((told.len(), told[TOLD].as_str()), (TOLD + 1, "and 3 more columns are passed over"));
    }
}
