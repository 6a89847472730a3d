//! A topic of Kafka as a stream: its partitions, read from the places that readers bring.
//!
//! The library fetches ahead of one place in each partition, so there are several connections, each for readers at a place
//! of their own; where they are more, the one that was idle for longest begins again where it is asked to. It must not decide where anybody goes on: a place that the topic does not hold any more, or holds other records at, is an
//! error until somebody chooses. What is committed to the brokers is for other people's monitors alone, and never read.

mod config;
mod place;
mod record;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, OwnedMessage};
use rdkafka::{Message, Offset as At, TopicPartitionList};
use tokio::sync::watch;

use self::place::{Mark, Place};
use self::record::Records;
use self::words::{Events, Words};
use super::{Backlog, Offset, Partition, Read, Seek, StreamSource, latest_event};
use crate::model::time::{from_micros, micros};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{KafkaFeed, KafkaStart, Source};

/// How long brokers may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an answer about the number of partitions is good, and one about how far they reach.
const PARTITIONS_KNOWN: Duration = Duration::from_secs(3);
const REACH_KNOWN: Duration = Duration::from_secs(2);

/// How often the brokers are told how far the views are.
const COMMITTED: Duration = Duration::from_secs(5);

/// Most bytes of values in one read, whatever their number; the last record may go beyond.
const MOST_BYTES: usize = 8 << 20;

/// Reads without an answer after which a partition is assigned anew.
const SILENT: u32 = 3;

/// How long an assignment may take until it is looked again.
const TAKEN_UP: Duration = Duration::from_millis(20);

/// Places in a partition that are fetched ahead of: what keeps the stream, and views of which one lags or was restarted.
const PLACES: usize = 4;

/// Events of the library that are served before a read.
const SERVED: usize = 64;

type Fetched = BaseConsumer<Events>;

/// The stream of a source whose feed is a topic.
pub(crate) struct Kafka {
    source: Source,
    feed: KafkaFeed,
    words: Words,
    records: Records,
    /// The connections; made when needed, and again after a refused login, for the secrets may be others then.
    clients: Mutex<[Option<Arc<Client>>; PLACES]>,
    /// How far the connections are in each partition.
    heads: Mutex<BTreeMap<Partition, [Head; PLACES]>>,
    /// How often something came into an empty queue.
    came: watch::Sender<u64>,
}

/// How far a connection is in one partition.
#[derive(Default)]
struct Head {
    /// Where it goes on; none where nothing was read, or nothing is known after an error.
    next: Option<Place>,
    is_busy: bool,
    /// When it was taken last: the number of the turn; 0 is never.
    taken: u64,
}

/// A connection to the brokers, and how far it is in each partition.
struct Client {
    /// Before the consumer, for it is in this order that they are dropped: the library's queues must not outlive it.
    lanes: Mutex<BTreeMap<Partition, Arc<Mutex<Lane>>>>,
    consumer: Arc<Fetched>,
    came: watch::Sender<u64>,
    partitions: Mutex<Option<(Instant, Vec<Partition>)>>,
    commits: Mutex<Commits>,
}

/// How far the library is in one partition.
#[derive(Default)]
struct Lane {
    /// Where its records come; none before the first read and after an error.
    queue: Option<PartitionQueue<Events>>,
    /// The place of the next record.
    next: Option<Place>,
    /// A record that came and was not given yet: it tells how old the oldest is that waits.
    ahead: Option<OwnedMessage>,
    /// Whether nothing lies behind, as far as the library told.
    at_end: bool,
    /// How often there had been trouble when the brokers answered last for this partition.
    troubles: u64,
    /// Reads without an answer since the last.
    silent: u32,
    /// The first offset that is kept and the one behind the last, as they were then.
    reach: Option<(Instant, i64, i64)>,
}

/// What the brokers were told of how far the views are.
struct Commits {
    told: Instant,
    waiting: BTreeMap<Partition, i64>,
}

/// Why nothing could be read.
enum Trouble {
    Library(KafkaError),
    Said(EngineError),
    /// No record and no error came in time.
    Silent,
}

impl Trouble {
    /// Whether the place is not one in the partition any more.
    fn is_out_of_range(&self) -> bool {
        let Self::Library(error) = self else { return false };
        matches!(error.rdkafka_error_code(), Some(Code::AutoOffsetReset | Code::OffsetOutOfRange))
    }
}

impl From<KafkaError> for Trouble {
    fn from(error: KafkaError) -> Self {
        Self::Library(error)
    }
}

/// What came next of a partition.
enum Next<'q> {
    Record(BorrowedMessage<'q>),
    End,
    Nothing,
}

impl Kafka {
    /// The stream of `source`. No broker is asked yet.
    ///
    /// # Errors
    /// When a secret is missing, or the library refuses a setting.
    pub(crate) fn open(source: &Source, feed: &KafkaFeed) -> Result<Self, EngineError> {
        let kafka = Self {
            source: source.clone(),
            feed: feed.clone(),
            words: Words::new(source, feed),
            records: Records::new(source, feed),
            clients: Mutex::default(),
            heads: Mutex::default(),
            came: watch::Sender::new(0),
        };
        kafka.client(0)?;
        Ok(kafka)
    }

    /// The connection of that number; the first one answers what is asked of the topic.
    fn client(&self, number: usize) -> Result<Arc<Client>, EngineError> {
        let mut clients = lock(&self.clients);
        let client = clients.get_mut(number).ok_or_else(|| self.words.say("has no such connection. Report it"))?;
        if let Some(client) = client.as_ref() {
            return Ok(Arc::clone(client));
        }
        let (config, secrets) = config::of(&self.source, &self.feed, &self.words)?;
        let consumer: Fetched = config.create_with_context(Events::new(secrets)).map_err(|error| match error {
            // The library's own sentence names the setting with its value, which may be a secret.
            KafkaError::ClientConfig(_, problem, setting, _) => self
                .words
                .say(&format!("its Kafka setting {setting} is refused: {problem}. Correct `stream` of the source")),
            error => self.words.say(&format!("no connection can be made: {error}. Correct `stream` of the source")),
        })?;
        let made = Arc::new(Client {
            consumer: Arc::new(consumer),
            lanes: Mutex::default(),
            came: self.came.clone(),
            partitions: Mutex::default(),
            commits: Mutex::new(Commits { told: Instant::now(), waiting: BTreeMap::new() }),
        });
        *client = Some(Arc::clone(&made));
        Ok(made)
    }

    /// The error for readers. After a refused login the next read makes a connection anew.
    fn explain(&self, client: &Arc<Client>, trouble: Trouble) -> EngineError {
        client.serve();
        let events = client.consumer.context();
        let refused = events.refused();
        let error = match trouble {
            Trouble::Said(error) => return error,
            Trouble::Silent => self.words.silent(events),
            Trouble::Library(error) => self.words.explain(&error, events),
        };
        if refused {
            for known in lock(&self.clients).iter_mut() {
                known.take_if(|current| Arc::ptr_eq(current, client));
            }
        }
        error
    }

    /// The number of the connection that reads a partition from a place: the one that goes on there, else the one that was
    /// idle for longest.
    fn take(&self, partition: Partition, from: Option<&Place>) -> usize {
        let mut heads = lock(&self.heads);
        let heads = heads.entry(partition).or_default();
        let turn = heads.iter().map(|head| head.taken).max().unwrap_or_default() + 1;
        let idle = heads.iter_mut().enumerate().filter(|(_, head)| !head.is_busy);
        let found = idle.min_by_key(|(_, head)| (head.next.is_none() || head.next.as_ref() != from, head.taken));
        // Where all are busy the first is waited for.
        let Some((number, head)) = found else { return 0 };
        (head.is_busy, head.taken) = (true, turn);
        number
    }

    /// The connection has read up to that place, or failed.
    fn put_back(&self, partition: Partition, number: usize, next: Option<Place>) {
        if let Some(head) = lock(&self.heads).get_mut(&partition).and_then(|heads| heads.get_mut(number)) {
            (head.is_busy, head.next) = (false, next);
        }
    }

    /// The connection that goes on at a place, else the first.
    fn number_at(&self, partition: Partition, from: Option<&Place>) -> usize {
        let heads = lock(&self.heads);
        let at = |heads: &[Head; PLACES]| heads.iter().position(|head| from.is_some() && head.next.as_ref() == from);
        heads.get(&partition).and_then(at).unwrap_or(0)
    }

    /// The place in a partition where somebody begins.
    fn beginning(&self, client: &Client, partition: i32, start: KafkaStart) -> Result<Place, Trouble> {
        let offset = |at| client.offset_at(&self.feed.topic, partition, at, PATIENCE);
        let offset = match start {
            KafkaStart::Earliest => offset(At::Beginning)?,
            KafkaStart::Latest => offset(At::End)?,
            KafkaStart::At(at) => {
                // Not before: a part of a millisecond goes up.
                let millis = micros(at).div_euclid(1000) + i64::from(micros(at).rem_euclid(1000) > 0);
                match offset(At::Offset(millis))? {
                    Some(offset) => Some(offset),
                    // No record is as late.
                    None => offset(At::End)?,
                }
            }
        };
        let offset = offset.ok_or(Trouble::Silent)?;
        Ok(Place { offset, mark: None })
    }

    /// The same as an offset, for those who ask for it.
    fn place_at(&self, partition: Partition, start: KafkaStart) -> Result<Offset, EngineError> {
        let client = self.client(0)?;
        let place = self.beginning(&client, number(partition), start);
        place.map(|place| place.offset(&self.feed.topic)).map_err(|trouble| self.explain(&client, trouble))
    }

    /// The place of an offset that somebody wrote, which the partition must hold now: reading would stop there.
    fn printed(&self, partition: Partition, text: &str) -> Result<Offset, EngineError> {
        let refused = |message| EngineError { kind: ErrorKind::Arguments, message };
        let offset = text.parse::<i64>().ok().filter(|offset| *offset >= 0).ok_or_else(|| {
            let text = crate::model::clean(text);
            refused(format!("`{text}` is no offset of a topic: write a whole number, such as `offset {partition}:0`"))
        })?;
        let client = self.client(0)?;
        let bound = |start| {
            let place = self.beginning(&client, number(partition), start);
            place.map(|place| place.offset).map_err(|trouble| self.explain(&client, trouble))
        };
        let (low, high) = (bound(KafkaStart::Earliest)?, bound(KafkaStart::Latest)?);
        let problem = match offset {
            _ if offset < low => format!("begins at offset {low}, for earlier records are kept no longer"),
            _ if offset > high => format!("ends at offset {high}"),
            _ => return Ok(Place { offset, mark: None }.offset(&self.feed.topic)),
        };
        let topic = &self.feed.topic;
        Err(refused(format!("partition {partition} of topic {topic} {problem}. Write an offset from {low} to {high}")))
    }

    fn read_by(
        &self,
        number: usize,
        partition: Partition,
        from: Option<&Place>,
        max: usize,
    ) -> Result<(Read, Place), EngineError> {
        let client = self.client(number)?;
        let lane = client.lane(partition);
        let mut lane = lock(&lane);
        client.serve();
        let mut read = self.read_on(&client, &mut lane, partition, from, max);
        if read.as_ref().is_err_and(Trouble::is_out_of_range) {
            // Beginning anew asks how far the partition reaches, and says what is wrong with the place.
            *lane = Lane::default();
            read = self.read_on(&client, &mut lane, partition, from, max);
        }
        read.map_err(|trouble| {
            lane.silent += 1;
            // What is under way may be large, so that it goes on for a while.
            if !matches!(trouble, Trouble::Silent) || lane.silent >= SILENT {
                *lane = Lane::default();
            }
            self.explain(&client, trouble)
        })
    }

    fn read_on(
        &self,
        client: &Client,
        lane: &mut Lane,
        partition: Partition,
        from: Option<&Place>,
        max: usize,
    ) -> Result<(Read, Place), Trouble> {
        let number = number(partition);
        let from = match from {
            Some(from) => from.clone(),
            None => self.beginning(client, number, self.feed.start)?,
        };
        if lane.queue.is_none() || lane.next.as_ref() != Some(&from) {
            self.go_to(client, lane, number, &from)?;
            lane.next = Some(from.clone());
        }
        let deadline = Instant::now() + PATIENCE;
        let Lane { queue: Some(queue), ahead, at_end, .. } = lane else { return Err(Trouble::Silent) };
        let first = ahead.take();
        let mut rest: Vec<BorrowedMessage<'_>> = Vec::new();
        let mut bytes = first.as_ref().and_then(Message::payload).map_or(0, <[u8]>::len);
        let count = |rest: &Vec<BorrowedMessage<'_>>| rest.len() + usize::from(first.is_some());
        let mut full = false;
        while !full {
            let patience = match *at_end || count(&rest) > 0 {
                true => Duration::ZERO,
                false => deadline.saturating_duration_since(Instant::now()),
            };
            full = count(&rest) >= max.max(1) || bytes >= MOST_BYTES;
            match next(queue, patience)? {
                // How old it is tells how far behind the reader is.
                Next::Record(record) if full => *ahead = Some(record.detach()),
                Next::Record(record) => {
                    *at_end = false;
                    bytes += record.payload_len();
                    rest.push(record);
                    continue;
                }
                Next::End => *at_end = true,
                Next::Nothing => break,
            }
        }
        if ahead.is_some() {
            *at_end = false;
        }
        let last = rest.last().map(Mark::of).or_else(|| first.as_ref().map(Mark::of));
        if last.is_none() && !*at_end {
            return Err(Trouble::Silent);
        }
        let place = match last {
            Some(mark) => Place { offset: mark.offset + 1, mark: Some(mark) },
            None => from,
        };
        let came_before = first.iter().map(|record| self.records.record(record));
        let records: Vec<_> = came_before.chain(rest.iter().map(|record| self.records.record(record))).collect();
        let decoded = self.records.decode(number, &records).map_err(Trouble::Said)?;
        drop(records);
        drop(rest);
        self.settle(client, lane, number, last.is_some())?;
        lane.next = Some(place.clone());
        let read = Read {
            newest: latest_event(&decoded.events, &self.source),
            offset: place.offset(&self.feed.topic),
            reached: None,
            caught_up: lane.at_end,
            expired: 0,
            events: decoded.events,
            refused: decoded.refused,
        };
        Ok((read, place))
    }

    /// Makes the library's next record that behind `from`.
    fn go_to(&self, client: &Client, lane: &mut Lane, partition: i32, from: &Place) -> Result<(), Trouble> {
        lane.ahead = None;
        lane.next = None;
        let (low, high) = lane.look(client, &self.feed.topic, partition, PATIENCE)?;
        if from.offset < low {
            return Err(Trouble::Said(self.words.overtaken(partition, from.offset, low)));
        }
        let ends = || {
            let found = format!("it was read up to offset {}, and now ends at {high}", from.offset);
            Trouble::Said(self.words.replaced(partition, &found))
        };
        // The record that was read last is read once more, where it is kept: it tells that the topic is the same.
        let Some(mark) = from.mark.filter(|mark| mark.offset >= low) else {
            if from.offset > high {
                return Err(ends());
            }
            return lane.jump(client, &self.feed.topic, partition, from.offset);
        };
        lane.jump(client, &self.feed.topic, partition, mark.offset)?;
        let Lane { queue: Some(queue), .. } = lane else { return Err(Trouble::Silent) };
        let record = next(queue, PATIENCE).map_err(Trouble::from);
        let behind = match record.map_err(|trouble| if trouble.is_out_of_range() { ends() } else { trouble })? {
            Next::Record(record) if record.offset() == mark.offset => match Mark::of(&record) == mark {
                true => Some(mark.offset + 1),
                false => {
                    let found = format!("at offset {} is another record now", mark.offset);
                    return Err(Trouble::Said(self.words.replaced(partition, &found)));
                }
            },
            // A topic that keeps the last record of each key alone may have dropped it.
            Next::Record(_) => None,
            Next::End if high > mark.offset => None,
            Next::End => return Err(ends()),
            Next::Nothing => return Err(Trouble::Silent),
        };
        match behind == Some(from.offset) {
            true => Ok(()),
            false => lane.jump(client, &self.feed.topic, partition, from.offset),
        }
    }

    /// Counts an answer; where there was none but that nothing is there, asks whether the brokers are still there, if
    /// there was trouble since they last answered.
    fn settle(&self, client: &Client, lane: &mut Lane, partition: i32, answered: bool) -> Result<(), Trouble> {
        let events = client.consumer.context();
        let troubles = events.troubles();
        if !answered && lane.troubles != troubles {
            lane.look(client, &self.feed.topic, partition, PATIENCE)?;
        }
        events.all_is_well();
        lane.troubles = troubles;
        lane.silent = 0;
        Ok(())
    }
}

impl StreamSource for Kafka {
    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        let client = self.client(0)?;
        let mut known = lock(&client.partitions);
        if let Some((at, partitions)) = known.as_ref()
            && at.elapsed() < PARTITIONS_KNOWN
        {
            return Ok(partitions.clone());
        }
        client.serve();
        let topic = self.feed.topic.as_str();
        let metadata = client.consumer.fetch_metadata(Some(topic), PATIENCE);
        let metadata = metadata.map_err(|error| self.explain(&client, error.into()))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        if let Some(error) = found.and_then(|found| found.error()) {
            return Err(self.explain(&client, KafkaError::MetadataFetch(error.into()).into()));
        }
        let partitions = found.map(|found| found.partitions()).unwrap_or_default();
        let mut partitions: Vec<Partition> =
            partitions.iter().filter_map(|partition| Partition::try_from(partition.id()).ok()).collect();
        if partitions.is_empty() {
            return Err(self.explain(&client, KafkaError::MetadataFetch(Code::UnknownTopicOrPartition).into()));
        }
        partitions.sort_unstable();
        client.consumer.context().all_is_well();
        *known = Some((Instant::now(), partitions.clone()));
        Ok(partitions)
    }

    fn read(&self, partition: Partition, from: Option<&Offset>, max: usize) -> Result<Read, EngineError> {
        let from = from.map(|offset| Place::of(offset, &self.source, &self.feed.topic)).transpose()?;
        let number = self.take(partition, from.as_ref());
        let read = self.read_by(number, partition, from.as_ref(), max);
        // Who heard nothing goes on where it is: what is under way may be large.
        let next = read.as_ref().map_or(from, |(_, place)| Some(place.clone()));
        self.put_back(partition, number, next);
        read.map(|(read, _)| read)
    }

    fn print(&self, offset: &Offset) -> String {
        let number = Place::number(offset, &self.source);
        number.map_or_else(
            || crate::model::clean(&String::from_utf8_lossy(offset.bytes())).into_owned(),
            |n| n.to_string(),
        )
    }

    fn appeared(&self, partition: Partition) -> Result<Option<Offset>, EngineError> {
        self.place_at(partition, KafkaStart::Earliest).map(Some)
    }

    fn seek(&self, partition: Partition, to: &Seek) -> Result<Offset, EngineError> {
        match to {
            Seek::Latest => self.place_at(partition, KafkaStart::Latest),
            Seek::Arrived(at) => self.place_at(partition, KafkaStart::At(*at)),
            Seek::Printed(text) => self.printed(partition, text),
        }
    }

    fn changed(&self) -> Option<watch::Receiver<u64>> {
        Some(self.came.subscribe())
    }

    fn backlog(&self, partition: Partition, from: Option<&Offset>) -> Result<Option<Backlog>, EngineError> {
        let from = from.map(|offset| Place::of(offset, &self.source, &self.feed.topic)).transpose()?;
        let client = self.client(self.number_at(partition, from.as_ref()))?;
        let lane = client.lane(partition);
        let mut lane = lock(&lane);
        let here = lane.queue.is_some() && lane.next == from;
        if here && lane.at_end {
            return Ok(Some(Backlog::default()));
        }
        let (low, high) = match lane.reach {
            Some((at, low, high)) if at.elapsed() < REACH_KNOWN => (low, high),
            _ => {
                let reach = lane.look(&client, &self.feed.topic, number(partition), REACH_KNOWN);
                reach.map_err(|error| self.explain(&client, error.into()))?
            }
        };
        let oldest = lane.ahead.as_ref().filter(|_| here).and_then(|record| record.timestamp().to_millis());
        Ok(Some(Backlog {
            events: high.saturating_sub(from.map_or(low, |place| place.offset)).try_into().unwrap_or(0),
            oldest: oldest.and_then(|millis| millis.checked_mul(1000)).map(from_micros),
        }))
    }

    fn written(&self, partition: Partition, offset: &Offset) {
        let Some(offset) = Place::number(offset, &self.source) else { return };
        let Ok(client) = self.client(0) else { return };
        let mut commits = lock(&client.commits);
        // Of several views the one that is furthest behind.
        commits.waiting.entry(partition).and_modify(|known| *known = offset.min(*known)).or_insert(offset);
        if commits.told.elapsed() < COMMITTED {
            return;
        }
        let waiting = std::mem::take(&mut commits.waiting);
        commits.told = Instant::now();
        let mut list = TopicPartitionList::new();
        for (partition, offset) in waiting {
            // Nothing depends on it: what cannot be told is told later or never.
            list.add_partition_offset(&self.feed.topic, number(partition), At::Offset(offset)).ok();
        }
        client.consumer.commit(&list, CommitMode::Async).ok();
    }
}

impl Client {
    fn lane(&self, partition: Partition) -> Arc<Mutex<Lane>> {
        Arc::clone(lock(&self.lanes).entry(partition).or_default())
    }

    /// The offset in a partition that `at` stands for: its beginning, its end, or where it was at a time in milliseconds.
    /// None where no record is as late.
    ///
    /// The library's own question for beginning and end at once takes the one for the other where the answer to one of
    /// the two is an error: a topic whose leader was changing would have been passed over as if nothing were in it.
    fn offset_at(&self, topic: &str, partition: i32, at: At, patience: Duration) -> KafkaResult<Option<i64>> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(topic, partition, at)?;
        let found = self.consumer.offsets_for_times(asked, patience)?;
        let found = found.find_partition(topic, partition);
        found.map_or(Ok(None), |found| {
            found.error()?;
            Ok(if let At::Offset(offset) = found.offset() { Some(offset) } else { None })
        })
    }

    /// Has the library tell what it has to tell: errors, lines for the log. Records do not come this way.
    fn serve(&self) {
        for _ in 0..SERVED {
            self.consumer.poll(Duration::ZERO);
        }
    }
}

impl Lane {
    /// Asks how far the partition reaches: the first offset that is kept, and the one behind the last.
    fn look(&mut self, client: &Client, topic: &str, partition: i32, patience: Duration) -> KafkaResult<(i64, i64)> {
        let offset = |at| client.offset_at(topic, partition, at, patience);
        let (Some(low), Some(high)) = (offset(At::Beginning)?, offset(At::End)?) else {
            return Err(KafkaError::OffsetFetch(Code::NoOffset));
        };
        self.reach = Some((Instant::now(), low, high));
        Ok((low, high))
    }

    /// Makes the library fetch from an offset on.
    fn jump(&mut self, client: &Client, topic: &str, partition: i32, offset: i64) -> Result<(), Trouble> {
        self.at_end = false;
        match &self.queue {
            Some(_) => seek(&client.consumer, topic, partition, offset)?,
            None => self.queue = Some(assign(client, topic, partition, offset)?),
        }
        Ok(())
    }
}

/// Has a partition fetched from an offset on, into a queue of its own.
fn assign(client: &Client, topic: &str, partition: i32, offset: i64) -> KafkaResult<PartitionQueue<Events>> {
    let consumer = &client.consumer;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, At::Offset(offset))?;
    if consumer.assignment()?.find_partition(topic, partition).is_none() {
        consumer.incremental_assign(&list)?;
    }
    // An assignment is taken up in the background, and would lead the queue back into the common one. A seek that was
    // answered comes behind it; the second one makes void what has come into the common queue by then.
    let sought = seek(consumer, topic, partition, offset);
    if sought.is_err() {
        // Next time from scratch.
        consumer.incremental_unassign(&list)?;
    }
    sought?;
    let queue = consumer.split_partition_queue(topic, partition);
    let mut queue = queue.ok_or(KafkaError::MessageConsumption(Code::UnknownPartition))?;
    let came = client.came.clone();
    queue.set_nonempty_callback(move || came.send_modify(|times| *times = times.wrapping_add(1)));
    seek(consumer, topic, partition, offset)?;
    Ok(queue)
}

/// Has the library fetch from an offset on, once the assignment is taken up.
fn seek(consumer: &Fetched, topic: &str, partition: i32, offset: i64) -> KafkaResult<()> {
    let began = Instant::now();
    loop {
        match consumer.seek(topic, partition, At::Offset(offset), PATIENCE) {
            Err(KafkaError::Seek(_)) if began.elapsed() < PATIENCE => std::thread::sleep(TAKEN_UP),
            sought => return sought,
        }
    }
}

/// What comes next of a partition within `patience`.
fn next(queue: &PartitionQueue<Events>, patience: Duration) -> KafkaResult<Next<'_>> {
    match queue.poll(patience) {
        Some(Ok(record)) => Ok(Next::Record(record)),
        Some(Err(KafkaError::PartitionEOF(_))) => Ok(Next::End),
        Some(Err(error)) => Err(error),
        None => Ok(Next::Nothing),
    }
}

/// A partition's number as the library has it.
fn number(partition: Partition) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
