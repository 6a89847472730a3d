//! Which events a keeper has kept already, where the definition of a stream says what makes two events one.
//!
//! Those of late are in memory, for that is where nearly all duplicates are: of the horizon and the watermark behind
//! the newest event, and no more than [`MOST`]. Events before that are looked for in the files. So what is told is
//! exact however late an event comes, and after any crash. It must not write anything.

use std::collections::{BTreeSet, HashMap};

use polars::prelude::DataFrame;

use crate::model::Window;
use crate::model::time::{from_micros, micros, span_micros};
use crate::model::{Span, Time};
use crate::platform::compute::EngineError;
use crate::platform::definition::{DataFile, Deduplicate, Kept, Source};
use crate::platform::source::dedup::{self, Key};
use crate::platform::source::files;
use crate::platform::source::kept::{KeptFile, Manifest};

/// Most events in memory, some 40 bytes each.
const MOST: usize = 4_000_000;

pub(super) struct Remembered {
    rule: Deduplicate,
    watermark: Span,
    /// The events of these times or later are in memory, all of them; those before are in the files, or in memory too.
    from: Option<i64>,
    events: BTreeSet<(Key, i64)>,
    /// How many there were when it was last looked which may go.
    left: usize,
    most: usize,
}

impl Remembered {
    /// Nothing yet; nothing at all where the source does not say what makes two events one.
    pub(super) fn of(source: &Source) -> Option<Self> {
        let stream = source.stream.as_ref()?;
        let (rule, watermark) = (stream.deduplicate.clone()?, stream.watermark);
        Some(Self { rule, watermark, from: None, events: BTreeSet::new(), left: 0, most: MOST })
    }

    /// Whether each event is one that was there before; the others are remembered.
    ///
    /// # Errors
    /// When a file cannot be read, or the events have not the columns: nothing of them is remembered.
    pub(super) fn duplicates(
        &mut self,
        (source, kept, manifest): (&Source, &Kept, &Manifest),
        events: &DataFrame,
        now: Time,
    ) -> Result<Vec<bool>, EngineError> {
        let keys = dedup::keys(events, source, &self.rule)?;
        let from = match self.from {
            Some(from) => from,
            None => self.fill((source, kept, manifest), now)?,
        };
        let horizon = span_micros(self.rule.horizon);
        let times = |key: &Key| self.events.range((*key, i64::MIN)..=(*key, i64::MAX)).map(|(_, at)| *at).collect();
        let mut seen: HashMap<Key, Vec<i64>> = keys.iter().flatten().map(|(key, _)| (*key, times(key))).collect();
        let old: Vec<(i64, i64)> = keys
            .iter()
            .flatten()
            .map(|(_, at)| (at.saturating_sub(horizon), at.saturating_add(horizon)))
            .filter(|(least, _)| *least < from)
            .collect();
        let reaches = |file: &&KeptFile| {
            file.least < from && old.iter().any(|(least, greatest)| file.least <= *greatest && *least <= file.greatest)
        };
        for file in manifest.files.iter().filter(reaches) {
            for (key, at) in read(source, kept, file, &self.rule, None)? {
                if let Some(times) = seen.get_mut(&key).filter(|times| !times.contains(&at)) {
                    times.push(at);
                }
            }
        }
        let duplicates = dedup::duplicates(&keys, &mut seen, horizon);
        let new = keys.into_iter().zip(&duplicates).filter(|(_, duplicate)| !**duplicate);
        self.events.extend(new.filter_map(|(event, _)| event));
        Ok(duplicates)
    }

    /// Reads what belongs in memory from the files, after a start.
    fn fill(&mut self, (source, kept, manifest): (&Source, &Kept, &Manifest), now: Time) -> Result<i64, EngineError> {
        let from = self.begins(manifest, now);
        let window = Window { start: from_micros(from), end: from_micros(i64::MAX) };
        for file in manifest.files.iter().filter(|file| from <= file.greatest) {
            self.events.extend(read(source, kept, file, &self.rule, Some(window))?);
        }
        self.from = Some(from);
        self.shrink(from);
        Ok(self.from.unwrap_or(from))
    }

    /// The time from which on events belong in memory. One that says that it is of the future makes nobody forget.
    fn begins(&self, manifest: &Manifest, now: Time) -> i64 {
        let newest = manifest.files.iter().map(|file| file.greatest).max().unwrap_or(i64::MIN).min(micros(now));
        dedup::forget_before(newest, span_micros(self.watermark), span_micros(self.rule.horizon))
    }

    /// What was remembered is in files now: what is old is forgotten.
    pub(super) fn kept(&mut self, manifest: &Manifest, now: Time) {
        let Some(from) = self.from else { return };
        if self.events.len() > self.left + self.left / 4 + 10_000 || self.events.len() > self.most {
            self.shrink(self.begins(manifest, now).max(from));
        }
    }

    fn shrink(&mut self, from: i64) {
        self.events.retain(|(_, at)| from <= *at);
        self.from = Some(from);
        if self.events.len() > self.most {
            let mut times: Vec<i64> = self.events.iter().map(|(_, at)| *at).collect();
            let middle = times.len() / 2;
            let from = *times.select_nth_unstable(middle).1;
            self.events.retain(|(_, at)| from <= *at);
            self.from = Some(from);
        }
        self.left = self.events.len();
    }
}

/// The keys and times of the events of a file; with a window those of it.
fn read(
    source: &Source,
    kept: &Kept,
    file: &KeptFile,
    rule: &Deduplicate,
    window: Option<Window>,
) -> Result<impl Iterator<Item = (Key, i64)>, EngineError> {
    let data = DataFile::at(kept.folder.join(&file.name));
    let names: Vec<String> = rule.columns.iter().chain(&source.timestamp_column).cloned().collect();
    let events = files::guarded(source, &data, || files::columns(source, &data, &names, window)?.collect())?;
    Ok(dedup::keys(&events, source, rule)?.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::platform::stream::keeper::tests::{Bench, EAGER};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        /// Against the sentence itself: an event is kept unless one that was kept before is near it. Whatever is
        /// forgotten, and whenever the process dies.
        #[test]
        fn an_event_is_kept_once_however_late_it_comes_again(
            events in prop::collection::vec((0_u32..4, -300_i64..300), 1..60),
            (piece, horizon) in (1_usize..9, 0_i64..40),
            deaths in prop::collection::vec(0_usize..30, 0..3), most in 1_usize..50,
        ) {
            let mut bench = Bench::new(None, piece);
            let source = Arc::make_mut(&mut bench.source);
            let stream = source.stream.as_mut().unwrap();
            let columns = vec!["delay".to_owned()];
            stream.deduplicate = Some(Deduplicate { columns, horizon: Span::minutes(horizon) });
            stream.watermark = Span::minutes(5);
            bench.append(0, &events);
            let mut expected: Vec<(u32, i64)> = Vec::new();
            for (key, at) in &events {
                if !expected.iter().any(|(of, time)| of == key && (time - at).abs() <= horizon) {
                    expected.push((*key, *at));
                }
            }
            let open = || {
                let mut keeper = bench.open(EAGER);
                if let Some(remembered) = &mut keeper.remembered {
                    remembered.most = most;
                }
                keeper
            };
            let mut keeper = open();
            for turn in 0.. {
                if deaths.contains(&turn) {
                    keeper = open();
                }
                if !keeper.turn(&bench.stream).unwrap() {
                    break;
                }
            }
            let mut held = bench.held(&keeper.manifest);
            held.sort_unstable();
            expected.sort_unstable();
            let counts = keeper.manifest.counts;
            prop_assert_eq!(counts.read, counts.kept + counts.deduplicated);
            prop_assert_eq!(counts.kept, expected.len() as u64);
            prop_assert_eq!(held, expected);
        }
    }
}
