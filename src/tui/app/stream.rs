//! The Stream pane's state: a bounded ring of records, a filter over it, and where the window on it stands.
//!
//! Records stay text; they are parsed for the rows that show, and for filters that compare a column. Pausing holds the
//! window, never the intake.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::client::message::{Lost, Problem, TailBatch, TailState};
use crate::model::{Span, StreamFigures, Time};
use crate::tui::field::Field;
use crate::tui::query::{Query, Row, Scorer};

/// The most records that are kept.
pub(super) const RECORDS: usize = 50_000;
/// The most bytes of records that are kept.
pub(super) const BYTES: usize = 32 << 20;
/// What rates are measured over.
const RATE_OVER: Span = Span::seconds(10);
/// Records that come this soon after the first are the newest old ones, sent in one go.
const OPENING: Span = Span::milliseconds(1_500);

/// Where the window on the ring stands: `end` is the number of the record after the last visible one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// At the newest record, and moves with it.
    Newest,
    /// Where it was stopped, by a pause or by scrolling back.
    Held {
        /// Number of the first record that is not shown.
        end: u64,
    },
}

/// The records of the stream that are kept, and the window on them.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The newest records, oldest first.
    pub ring: VecDeque<Box<str>>,
    bytes: usize,
    /// Number of the ring's first record; records are counted from 0 since the view was opened.
    pub first: u64,
    /// Numbers of the records in the ring that match the filter; unused without one.
    matching: VecDeque<u64>,
    /// Whether the tail is open, as it was last heard of.
    pub state: Option<TailState>,
    /// Why the tail broke, and when it is opened again by itself; absent from its opening on.
    pub broken: Option<(Problem, Option<Time>)>,
    /// The columns, in the order in which records have them.
    pub columns: Vec<String>,
    /// Records lost on the way here.
    pub dropped: u64,
    /// Events read by the stream job.
    pub events: Option<u64>,
    /// The newest event time that was read.
    pub latest_event: Option<Time>,
    /// Before it, tiles are complete.
    pub watermark: Option<Time>,
    /// What holds the stream up; empty while nothing does.
    pub trouble: String,
    /// Events that are in no record.
    pub lost: Lost,
    /// How the stream does, as the deployment told last; absent where it does not tell.
    pub figures: Option<Box<StreamFigures>>,
    /// The filter as it is typed.
    pub filter: Field,
    query: Query,
    /// Where the window on the records stands.
    pub anchor: Anchor,
    /// Held by the user's pause, not by scrolling.
    pub paused: bool,
    /// The first column that is visible.
    pub shift: usize,
    /// (time, records so far, events so far), a sample a second at most.
    samples: VecDeque<(Time, u64, u64)>,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            ring: VecDeque::new(),
            bytes: 0,
            first: 0,
            matching: VecDeque::new(),
            state: None,
            broken: None,
            columns: Vec::new(),
            dropped: 0,
            events: None,
            latest_event: None,
            watermark: None,
            trouble: String::new(),
            lost: Lost::default(),
            figures: None,
            filter: Field::default(),
            query: Query::default(),
            anchor: Anchor::Newest,
            paused: false,
            shift: 0,
            samples: VecDeque::new(),
        }
    }
}

struct Record<'a>(&'a str);

impl Row for Record<'_> {
    fn text(&self) -> Cow<'_, str> {
        self.0.into()
    }

    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let record: serde_json::Value = serde_json::from_str(self.0).ok()?;
        match record.get(name)? {
            serde_json::Value::String(text) => Some(text.clone().into()),
            value => Some(value.to_string().into()),
        }
    }
}

impl Stream {
    /// Takes in where the tail stands now.
    pub fn set_state(&mut self, state: TailState) {
        match &state {
            TailState::Opening => {}
            TailState::Open { columns } => {
                self.columns.clone_from(columns);
                self.broken = None;
            }
            TailState::Closed { problem, next_try } => self.broken = Some((problem.clone(), *next_try)),
        }
        self.state = Some(state);
    }

    /// Takes in records and what is known of the stream; drops the oldest where there are too many.
    pub fn receive(&mut self, batch: TailBatch, now: Time) {
        self.dropped += batch.dropped;
        self.events = batch.events.or(self.events);
        self.latest_event = batch.latest_event.or(self.latest_event);
        self.watermark = batch.watermark.or(self.watermark);
        if let Some(lost) = batch.lost {
            self.lost = lost;
        }
        if let Some(trouble) = batch.trouble {
            self.trouble = trouble;
        }
        let mut scorer = Scorer::default();
        for record in batch.records {
            if !self.query.is_empty() && self.query.matches(&Record(&record), &mut scorer) {
                self.matching.push_back(self.total());
            }
            self.bytes += record.len();
            self.ring.push_back(record);
        }
        while self.ring.len() > RECORDS || self.bytes > BYTES {
            let Some(record) = self.ring.pop_front() else { break };
            self.bytes -= record.len();
            self.first += 1;
        }
        while self.matching.front().is_some_and(|number| *number < self.first) {
            self.matching.pop_front();
        }
        self.sample(now);
    }

    /// How many records came since the view was opened.
    pub fn total(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    fn sample(&mut self, now: Time) {
        let sample = (now, self.total(), self.events.unwrap_or(0));
        match self.samples.make_contiguous() {
            // What is sent at the opening was there before: it is no rate.
            [first] if now - first.0 < OPENING => (first.1, first.2) = (sample.1, sample.2),
            [.., last] if now - last.0 < Span::milliseconds(900) => {}
            _ => self.samples.push_back(sample),
        }
        self.settle(now);
    }

    /// Forgets samples that are too old to count.
    pub fn settle(&mut self, now: Time) {
        while self.samples.len() > 1 && now - self.samples[1].0 >= RATE_OVER {
            self.samples.pop_front();
        }
    }

    /// (records, events) a second over the last ten seconds, and when that will be less if nothing comes.
    pub fn rates(&self, now: Time) -> ((f64, f64), Option<Time>) {
        let Some((at, records, events)) = self.samples.front() else { return ((0.0, 0.0), None) };
        // Whole seconds, so that the figure holds for a second.
        let seconds = (now - *at).num_seconds().max(1);
        let newer = |then: u64, now: u64| now.saturating_sub(then) as f64 / seconds as f64;
        let read = if *events == 0 { 0.0 } else { newer(*events, self.events.unwrap_or(0)) };
        let rates = (newer(*records, self.total()), read);
        let moving = rates.0 > 0.0 || rates.1 > 0.0;
        (rates, moving.then(|| *at + Span::seconds(seconds + 1)))
    }

    /// Takes the filter as it stands in the field. Columns are the stream's own, so any name may be compared.
    pub fn refilter(&mut self) {
        self.query = Query::parse(self.filter.text(), &[]).unwrap_or_default();
        let mut scorer = Scorer::default();
        let numbered = (self.first..).zip(&self.ring);
        let matching = numbered.filter(|(_, record)| self.query.matches(&Record(record), &mut scorer));
        self.matching = if self.query.is_empty() { VecDeque::new() } else { matching.map(|(n, _)| n).collect() };
    }

    /// Whether a filter hides records.
    pub fn is_filtered(&self) -> bool {
        !self.query.is_empty()
    }

    /// Records that match the filter, or all.
    pub fn matching(&self) -> usize {
        if self.is_filtered() { self.matching.len() } else { self.ring.len() }
    }

    /// How many of the matching records lie before the one of that number.
    fn before(&self, end: u64) -> usize {
        if self.is_filtered() {
            self.matching.partition_point(|number| *number < end)
        } else {
            (end.saturating_sub(self.first) as usize).min(self.ring.len())
        }
    }

    /// Number of the matching record at that place.
    fn number(&self, place: usize) -> u64 {
        if self.is_filtered() {
            self.matching.get(place).copied().unwrap_or(self.total())
        } else {
            self.first + place as u64
        }
    }

    /// The last `height` records up to the window's end, oldest first.
    pub fn visible(&self, height: usize) -> Vec<&str> {
        let end = match self.anchor {
            Anchor::Newest => self.matching(),
            // The ring may have moved past a held window: then the oldest records show.
            Anchor::Held { end } => self.before(end).max(height.min(self.matching())),
        };
        let places = end.saturating_sub(height)..end;
        let record = |place| self.ring.get((self.number(place).saturating_sub(self.first)) as usize);
        places.filter_map(record).map(|record| &**record).collect()
    }

    /// Matching records after the window.
    pub fn behind(&self) -> usize {
        match self.anchor {
            Anchor::Newest => 0,
            Anchor::Held { end } => self.matching() - self.before(end),
        }
    }

    /// Moves the window by so many records; to the newest when it reaches them and nothing is paused.
    pub fn scroll(&mut self, by: isize, height: usize) {
        let all = self.matching();
        let at = all - self.behind();
        let to = at.saturating_add_signed(by).clamp(height.min(all), all);
        let end = if to == all { self.total() } else { self.number(to) };
        let follows = to == all && !self.paused;
        self.anchor = if follows { Anchor::Newest } else { Anchor::Held { end } };
    }

    /// Holds the window where it is, or lets it go on.
    pub fn toggle_pause(&mut self) {
        self.paused = !self.paused;
        match (self.paused, self.anchor) {
            (true, Anchor::Newest) => self.anchor = Anchor::Held { end: self.total() },
            (true, Anchor::Held { .. }) => {}
            (false, _) => self.anchor = Anchor::Newest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;

    fn batch(numbers: std::ops::Range<u32>) -> TailBatch {
        let records = numbers.map(|n| format!("{{\"n\":{n}}}").into_boxed_str()).collect();
        TailBatch { records, ..TailBatch::default() }
    }

    fn last(stream: &Stream) -> String {
        stream.visible(3).last().map(|r| (*r).to_owned()).unwrap_or_default()
    }

    #[test]
    fn pause_holds_the_window_and_counts() {
        let (mut stream, now) = (Stream::default(), from_micros(0));
        stream.receive(batch(0..10), now);
        stream.toggle_pause();
        stream.receive(batch(10..25), now);
        assert_eq!((last(&stream), stream.behind()), ("{\"n\":9}".to_owned(), 15));
        stream.toggle_pause();
        assert_eq!((last(&stream), stream.behind()), ("{\"n\":24}".to_owned(), 0));
    }

    #[test]
    fn scrolling_back_holds_and_the_end_follows_again() {
        let (mut stream, now) = (Stream::default(), from_micros(0));
        stream.receive(batch(0..10), now);
        stream.scroll(-4, 3);
        stream.receive(batch(10..12), now);
        assert_eq!(last(&stream), "{\"n\":5}");
        stream.scroll(-99, 3);
        assert_eq!(last(&stream), "{\"n\":2}");
        stream.scroll(isize::MAX, 3);
        assert_eq!(stream.anchor, Anchor::Newest);
    }

    #[test]
    fn a_filter_holds_for_the_ring_and_for_what_comes() {
        let (mut stream, now) = (Stream::default(), from_micros(0));
        stream.receive(batch(0..10), now);
        stream.filter.set("n>7");
        stream.refilter();
        stream.receive(batch(10..12), now);
        assert_eq!((stream.matching(), last(&stream)), (4, "{\"n\":11}".to_owned()));
    }

    #[test]
    fn the_ring_is_bounded_and_a_held_window_survives_it() {
        let (mut stream, now) = (Stream::default(), from_micros(0));
        stream.receive(batch(0..100), now);
        stream.toggle_pause();
        for _ in 0..10 {
            stream.receive(batch(0..10_000), now);
        }
        assert_eq!((stream.ring.len(), stream.total()), (RECORDS, 100_100));
        assert_eq!(stream.visible(3).len(), 3);
    }
}
