//! The tail of a view's stream: lines of JSON that never end, taken as they come.
//!
//! Records are not parsed here. A console that is slow loses records, never the other way round: what does not fit is
//! dropped and counted, and nothing waits for it.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep_until, timeout};

use super::api::Api;
use super::clock::after;
use super::error::{Error, Kind};
use super::message::{Generation, Lost, TailBatch, TailState, Update};
use super::scrub::Scrub;
use crate::model::time::parse_time;

/// The longest line that is taken.
const LONGEST: usize = 1024 * 1024;
/// Records in one batch at most.
const BATCH: usize = 256;
/// The longest time that a record waits for its batch.
const GATHER: Duration = Duration::from_millis(50);
/// Records of the past that are asked for when a tail is opened.
const BACKLOG: usize = 256;
/// Room in the channel that is left for everything but records and progress.
pub(super) const RESERVE: usize = 64;

/// What is followed, and for whom.
pub(super) struct Tail {
    pub api: Api,
    /// Path of the deployment's own calls below its base.
    pub own_api: String,
    pub workspace: String,
    pub feature_view: String,
    pub generation: Generation,
    pub updates: Sender<Update>,
    /// A link that is silent for so long is broken, for the deployment sends at least a blank line each 10 s.
    pub idle: Duration,
    /// Shortest and longest wait before the next try.
    pub backoff: (Duration, Duration),
}

impl Tail {
    /// Follows the stream until it is aborted, or until trying again makes no sense.
    pub(super) async fn run(self) {
        let mut wait = self.backoff.0;
        let mut backlog = BACKLOG;
        loop {
            if !self.say(TailState::Opening).await {
                return;
            }
            let opened = self.api.open_tail(&self.own_api, &self.workspace, &self.feature_view, backlog).await;
            let error = match opened {
                Ok(response) => {
                    // What was shown already is not asked for again.
                    (wait, backlog) = (self.backoff.0, 0);
                    self.follow(response).await
                }
                Err(error) => error,
            };
            let again = error.kind != Kind::Unimplemented;
            if !error.passes() {
                // A refusal may be lifted, though not in a moment.
                wait = self.backoff.1;
            }
            let pause = wait.max(error.granted_wait());
            let state = TailState::Closed { problem: error.problem, next_try: again.then(|| after(pause)) };
            if !self.say(state).await || !again {
                return;
            }
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(self.backoff.1);
        }
    }

    /// Takes lines until the link breaks.
    async fn follow(&self, response: reqwest::Response) -> Error {
        let mut gathered = Gathered::default();
        let error = self.gather(response, &mut gathered).await;
        self.flush(&mut gathered);
        error
    }

    async fn gather(&self, mut response: reqwest::Response, gathered: &mut Gathered) -> Error {
        let mut lines = Lines::default();
        loop {
            let due = gathered.since.map(|since| since + GATHER);
            let chunk = tokio::select! {
                chunk = timeout(self.idle, response.chunk()) => chunk,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.flush(gathered);
                    continue;
                }
            };
            let broken = |what: &str| Error::new(Kind::Unreachable, what, "It is opened again by itself.");
            let chunk = match chunk {
                Err(_) => return broken("The stream has been silent for too long."),
                Ok(Ok(None)) => return broken("The deployment ended the stream."),
                Ok(Err(error)) => return Error::from_http(&error, &self.api.endpoint().label(), self.idle),
                Ok(Ok(Some(chunk))) => chunk,
            };
            let mut chunk = chunk.as_ref();
            while let Some(line) = lines.next(&mut chunk) {
                if let Some(columns) = gathered.take(line)
                    && !self.say(TailState::Open { columns }).await
                {
                    return broken("Nobody listens.");
                }
                if gathered.is_full() {
                    self.flush(gathered);
                }
            }
        }
    }

    /// Sends the batch if there is room, else drops its records and counts them.
    fn flush(&self, gathered: &mut Gathered) {
        if gathered.since.is_none() {
            return;
        }
        (gathered.since, gathered.bytes) = (None, 0);
        let batch = std::mem::take(&mut gathered.batch);
        let records = batch.records.len() as u64;
        let kept = TailBatch { records: Vec::new(), dropped: batch.dropped + records, ..batch.clone() };
        let update = Update::Tail { generation: self.generation, batch };
        if self.updates.capacity() <= RESERVE || self.updates.try_send(update).is_err() {
            gathered.batch = kept;
        }
    }

    async fn say(&self, state: TailState) -> bool {
        self.updates.send(Update::TailState { generation: self.generation, state }).await.is_ok()
    }
}

/// Records on their way into a batch.
#[derive(Default)]
struct Gathered {
    batch: TailBatch,
    /// Bytes of the records.
    bytes: usize,
    /// Since when something waits to be sent.
    since: Option<Instant>,
}

/// A line that is not a record.
#[derive(Deserialize)]
struct Control {
    #[serde(rename = "@columns")]
    columns: Option<Vec<String>>,
    #[serde(rename = "@progress")]
    progress: Option<Progress>,
    #[serde(rename = "@dropped")]
    dropped: Option<u64>,
    #[serde(rename = "@error")]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Progress {
    events: Option<u64>,
    latest_event: Option<String>,
    watermark: Option<String>,
    late: Option<u64>,
    failed: Option<u64>,
    expired: Option<u64>,
    left_out: Option<String>,
}

impl Gathered {
    fn is_full(&self) -> bool {
        self.batch.records.len() >= BATCH || self.bytes >= LONGEST
    }

    /// Takes one line; gives the columns when it tells them.
    fn take(&mut self, line: Line<'_>) -> Option<Vec<String>> {
        let Line::Whole(bytes) = line else {
            self.batch.dropped += 1;
            self.since.get_or_insert_with(Instant::now);
            return None;
        };
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            return None;
        }
        self.since.get_or_insert_with(Instant::now);
        if !bytes.starts_with(b"{\"@") {
            self.bytes += bytes.len();
            self.batch.records.push(String::from_utf8_lossy(bytes).into());
            return None;
        }
        // A control line of another version is skipped.
        let control: Control = serde_json::from_slice(bytes).ok()?;
        if let Some(progress) = control.progress {
            let time = |text: Option<String>| text.and_then(|text| parse_time(&text).ok());
            self.batch.events = progress.events.or(self.batch.events);
            self.batch.latest_event = time(progress.latest_event).or(self.batch.latest_event);
            self.batch.watermark = time(progress.watermark).or(self.batch.watermark);
            if [progress.late, progress.failed, progress.expired].iter().any(Option::is_some) {
                let count = |number: Option<u64>| number.unwrap_or(0);
                self.batch.lost = Some(Lost {
                    late: count(progress.late),
                    failed: count(progress.failed),
                    expired: count(progress.expired),
                    why: progress.left_out.map(Scrub::scrubbed).unwrap_or_default(),
                });
            }
        }
        self.batch.dropped += control.dropped.unwrap_or(0);
        self.batch.trouble = control.error.map(Scrub::scrubbed).or(self.batch.trouble.take());
        control.columns.map(Scrub::scrubbed)
    }
}

/// Cuts pieces of text into lines.
#[derive(Default)]
struct Lines {
    /// The begun line; after [`Lines::next`] the line that it gave.
    rest: Vec<u8>,
    /// Whether the begun line is too long already, so that the rest of it is skipped.
    skipping: bool,
    /// Whether `rest` was given and can go.
    given: bool,
}

enum Line<'a> {
    Whole(&'a [u8]),
    TooLong,
}

impl Lines {
    /// The next whole line in what is left of the piece; its begun last line is kept for the next piece.
    fn next<'a>(&'a mut self, piece: &mut &[u8]) -> Option<Line<'a>> {
        if std::mem::take(&mut self.given) {
            self.rest.clear();
            self.skipping = false;
        }
        let Some(end) = piece.iter().position(|byte| *byte == b'\n') else {
            self.keep(piece);
            *piece = &[];
            return None;
        };
        let (line, more) = piece.split_at(end);
        *piece = more.get(1..).unwrap_or_default();
        self.keep(line);
        self.given = true;
        Some(if self.skipping { Line::TooLong } else { Line::Whole(&self.rest) })
    }

    fn keep(&mut self, part: &[u8]) {
        if self.skipping || self.rest.len() + part.len() > LONGEST {
            self.skipping = true;
            self.rest = Vec::new();
        } else {
            self.rest.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<Option<String>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for chunk in chunks {
            let mut chunk = *chunk;
            while let Some(line) = lines.next(&mut chunk) {
                found.push(match line {
                    Line::Whole(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                    Line::TooLong => None,
                });
            }
        }
        found
    }

    #[test]
    fn lines_are_found_wherever_they_are_cut() {
        let lines = cut(&[b"{\"a\":", b"1}\n{\"b\"", b":2}\n\n{\"half"]);
        assert_eq!(lines, [Some("{\"a\":1}".into()), Some("{\"b\":2}".into()), Some(String::new())]);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let long = vec![b'x'; LONGEST];
        let lines = cut(&[b"a\n", &long, &long, b"tail\nb\n"]);
        assert_eq!(lines, [Some("a".into()), None, Some("b".into())]);
    }

    #[test]
    fn lines_may_hold_anything() {
        use crate::fuzz::{Random, alone, bend, bounded, cases};
        alone("client::tail::tests::lines_may_hold_anything", || {
            let good =
                b"{\"@columns\":[\"a\"]}\n{\"a\":1}\n\n{\"@progress\":{\"events\":7,\"watermark\":\"2026-11-22\"}}\n\
                         {\"@dropped\":3}\n{\"@error\":\"held up\"}\n";
            let cases = cases(2_000, 20);
            bounded("reading tails", 64 << 20, || {
                for case in 0..cases {
                    let mut random = Random::of(case);
                    let bytes = bend(&mut random, good, &[]);
                    let (mut lines, mut gathered) = (Lines::default(), Gathered::default());
                    for mut piece in bytes.chunks(1 + random.below(100)) {
                        while let Some(line) = lines.next(&mut piece) {
                            let columns = gathered.take(line).unwrap_or_default();
                            let shown = columns.iter().chain(&gathered.batch.trouble);
                            shown.for_each(|text| assert_eq!(crate::model::clean(text), text.as_str()));
                        }
                    }
                    assert!(gathered.bytes <= bytes.len());
                }
            });
            println!("fuzz: {cases} tails");
        });
    }

    #[test]
    fn control_lines_are_told_apart_from_records() {
        let mut gathered = Gathered::default();
        let mut take = |line: &str| gathered.take(Line::Whole(line.as_bytes()));
        assert_eq!(take(r#"{"@columns":["a","b\u001b"]}"#), Some(vec!["a".to_owned(), "b␛".to_owned()]));
        assert_eq!(take(r#"{"a":1,"b":2}"#), None);
        assert_eq!(take(r#"{"@progress":{"events":7,"latest_event":"2026-11-22T10:00:00Z"}}"#), None);
        assert_eq!(take(r#"{"@progress":{"late":2,"failed":4,"expired":1,"left_out":"no \u001b"}}"#), None);
        assert_eq!(take(r#"{"@dropped":3}"#), None);
        assert_eq!(take(r#"{"@error":"held \u001b up"}"#), None);
        assert_eq!(take(r#"{"@later":"thing"}"#), None);
        assert_eq!(take("\r"), None);
        let batch = gathered.batch;
        assert_eq!((batch.records.len(), batch.dropped, batch.events), (1, 3, Some(7)));
        assert_eq!(batch.trouble.as_deref(), Some("held ␛ up"));
        assert_eq!(batch.lost, Some(Lost { late: 2, failed: 4, expired: 1, why: "no ␛".to_owned() }));
        assert_eq!(batch.latest_event, parse_time("2026-11-22T10:00:00Z").ok());
    }
}
