//! A stream that several views read: what one has read from a place, the others that come to the same place are given
//! without a read of their own.
//!
//! Bounded in bytes. It changes nothing of what a stream promises: what lies between two offsets stays what it is, and
//! whoever is given an earlier read is told to go on at once, for more may have come since.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Backlog, Offset, Partition, Read, Seek, StreamSource};
use crate::platform::compute::EngineError;

/// Most bytes that one stream keeps of what was read of it.
const BYTES: usize = 16 << 20;
/// Most reads that it keeps.
const READS: usize = 1_024;

/// What a read depends on besides what has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    partition: Partition,
    from: Offset,
    max: usize,
}

/// One of the newest reads. Whoever asks for it while it is made waits for it.
struct Recent {
    asked: Asked,
    read: Arc<Mutex<Option<Read>>>,
    bytes: usize,
}

/// A stream with its newest reads.
pub(crate) struct Shared {
    stream: Arc<dyn StreamSource>,
    bytes: usize,
    recent: Mutex<VecDeque<Recent>>,
}

impl Shared {
    /// No read of it is kept yet.
    pub(crate) fn new(stream: Arc<dyn StreamSource>) -> Self {
        Self { stream, bytes: BYTES, recent: Mutex::default() }
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<Recent>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, asked: Asked) -> Arc<Mutex<Option<Read>>> {
        let mut recent = self.recent();
        if let Some(known) = recent.iter().find(|known| known.asked == asked) {
            return Arc::clone(&known.read);
        }
        let read = Arc::default();
        if recent.len() == READS {
            recent.pop_front();
        }
        recent.push_back(Recent { asked, read: Arc::clone(&read), bytes: 0 });
        read
    }

    /// Lets go of the oldest reads beyond the bound, now that one has so many bytes.
    fn weigh(&self, read: &Arc<Mutex<Option<Read>>>, bytes: usize) {
        let mut recent = self.recent();
        if let Some(known) = recent.iter_mut().find(|known| Arc::ptr_eq(&known.read, read)) {
            known.bytes = bytes;
        }
        let mut all: usize = recent.iter().map(|known| known.bytes).sum();
        while all > self.bytes {
            let Some(oldest) = recent.pop_front() else { break };
            all -= oldest.bytes;
        }
    }
}

impl StreamSource for Shared {
    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        self.stream.partitions()
    }

    fn read(&self, partition: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
        // Where the oldest event is changes.
        let Some(from) = from else { return self.stream.read(partition, None, max) };
        let slot = self.slot(Asked { partition, from: from.clone(), max });
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = &*known {
            return Ok(Read { caught_up: false, ..read.clone() });
        }
        let read = self.stream.read(partition, Some(from), max)?;
        // Where nothing was, something may be the next time.
        if read.events.height() > 0 || !read.refused.is_empty() {
            let refused: usize = read.refused.iter().map(|refused| refused.record.len()).sum();
            *known = Some(read.clone());
            drop(known);
            let places = from.bytes().len() + read.offset.bytes().len();
            self.weigh(&slot, read.events.estimated_size() + refused + places);
        }
        Ok(read)
    }

    fn print(&self, offset: &Offset) -> String {
        self.stream.print(offset)
    }

    fn backlog(&self, partition: Partition, from: Option<&Offset>) -> Result<Option<Backlog>, EngineError> {
        self.stream.backlog(partition, from)
    }

    fn changed(&self) -> Option<watch::Receiver<u64>> {
        self.stream.changed()
    }

    fn seek(&self, partition: Partition, to: &Seek) -> Result<Offset, EngineError> {
        self.stream.seek(partition, to)
    }

    fn appeared(&self, partition: Partition) -> Result<Option<Offset>, EngineError> {
        self.stream.appeared(partition)
    }

    fn written(&self, partition: Partition, offset: &Offset) {
        self.stream.written(partition, offset);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::model::{Span, Value};
    use crate::platform::source::testing::MemoryStream;
    use crate::platform::{frame, testing};

    /// Counts the reads of the stream behind.
    struct Counted(MemoryStream, AtomicUsize);

    impl StreamSource for Counted {
        fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
            self.0.partitions()
        }

        fn read(&self, partition: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.read(partition, from, max)
        }

        fn print(&self, offset: &Offset) -> String {
            self.0.print(offset)
        }
    }

    fn counted() -> (Arc<Counted>, Shared) {
        let source = &testing::view("v").inputs[0].source;
        let stream = Arc::new(Counted(MemoryStream::new(source, usize::MAX), AtomicUsize::new(0)));
        (Arc::clone(&stream), Shared::new(stream))
    }

    fn add(stream: &Counted, count: i64) {
        let columns = &testing::view("v").inputs[0].source.columns;
        let cells: [Vec<Value>; 3] = [
            (0..count).map(|_| Value::Text("AA".to_owned())).collect(),
            (0..count).map(|minute| Value::Time(testing::now() + Span::minutes(minute))).collect(),
            (0..count).map(|_| Value::Float(1.0)).collect(),
        ];
        let columns = columns.iter().zip(cells).map(|((name, of), cells)| frame::column(name, of, &cells).unwrap());
        let events = polars::prelude::DataFrame::new(count as usize, columns.collect()).unwrap();
        stream.0.append(0, &events);
    }

    #[test]
    fn readers_at_one_place_read_once_and_see_what_comes_later() {
        let (stream, shared) = counted();
        add(&stream, 10);
        let begin = shared.read(0, None, 3).unwrap().offset;
        stream.1.store(0, Ordering::SeqCst);
        // Five readers go the same way.
        let mut places = vec![begin; 5];
        let mut seen = [0; 5];
        for round in 0..6 {
            for (place, seen) in places.iter_mut().zip(&mut seen) {
                let read = shared.read(0, Some(place), 3).unwrap();
                (*place, *seen) = (read.offset, *seen + read.events.height());
            }
            if round == 3 {
                assert_eq!(seen, [7; 5]);
                // Three pieces, and the end once for each.
                assert_eq!(stream.1.load(Ordering::SeqCst), 3 + 5);
                add(&stream, 2);
            }
        }
        assert_eq!(seen, [9; 5]);
    }

    /// A stream whose offsets are large, as those of a folder of many files are.
    struct Padded(MemoryStream);

    const PADDING: usize = 1 << 16;

    impl StreamSource for Padded {
        fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
            self.0.partitions()
        }

        fn read(&self, partition: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
            let bare = |offset: &Offset| Offset::of_bytes(offset.bytes()[..offset.bytes().len() - PADDING].to_vec());
            let read = self.0.read(partition, from.map(bare).as_ref(), max)?;
            let offset = Offset::of_bytes([read.offset.bytes(), &[0; PADDING]].concat());
            Ok(Read { offset, ..read })
        }

        fn print(&self, offset: &Offset) -> String {
            self.0.print(offset)
        }
    }

    #[test]
    fn the_places_of_what_is_kept_are_bounded_as_well() {
        let (stream, _) = counted();
        add(&stream, 100);
        let Ok(Counted(stream, _)) = Arc::try_unwrap(stream) else { panic!("it is held") };
        let shared = Shared { bytes: 10 * PADDING, ..Shared::new(Arc::new(Padded(stream))) };
        let mut place = shared.read(0, None, 1).unwrap().offset;
        for _ in 0..30 {
            place = shared.read(0, Some(&place), 1).unwrap().offset;
        }
        // Each where it begins and where it ends.
        let kept = shared.recent().len();
        assert!((1..=5).contains(&kept), "{kept}");
    }

    #[test]
    fn whoever_gets_an_earlier_read_is_told_to_go_on() {
        let (stream, shared) = counted();
        add(&stream, 1);
        let begin = shared.read(0, None, 1).unwrap().offset;
        add(&stream, 2);
        assert!(shared.read(0, Some(&begin), 5).unwrap().caught_up);
        add(&stream, 1);
        let again = shared.read(0, Some(&begin), 5).unwrap();
        assert_eq!((again.events.height(), again.caught_up), (2, false));
        assert_eq!(shared.read(0, Some(&again.offset), 5).unwrap().events.height(), 1);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (stream, shared) = counted();
        add(&stream, 100);
        let one = shared.read(0, None, 1).unwrap();
        let shared = Shared { bytes: 5 * one.events.estimated_size(), ..shared };
        let mut place = one.offset;
        for _ in 0..90 {
            place = shared.read(0, Some(&place), 1).unwrap().offset;
            let recent = shared.recent();
            assert!(recent.iter().map(|recent| recent.bytes).sum::<usize>() <= shared.bytes && recent.len() < 10);
        }
    }
}
