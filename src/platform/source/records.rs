//! Records of streams, which are JSON objects, as events of a source's columns, and events as records again.
//!
//! It knows bytes and types; it must not read or write anything, nor know where a record came from. What no event can
//! be made of is refused alone, with the reason, and costs no other record.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use polars::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::{DataType as Word, clean, cut};
use crate::platform::definition::{Feed, Source};
use crate::platform::frame;
use crate::wire::table::cell_json;
use crate::wire::typed;

/// Most bytes of a record.
pub(crate) const MOST_BYTES: usize = 1 << 20;
/// Bytes that are kept of a record that has more.
const KEPT_BYTES: usize = 1 << 16;
/// The deepest nesting of a record.
const DEEPEST: usize = 16;
/// Most characters of a value, or of what a library says, that a refusal repeats.
const SHOWN: usize = 60;
const LONGEST: usize = 200;

/// Why a record or an event of a stream is not in the values that the stream makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It is no record of the stream's form.
    Unparsed,
    /// A column that it must name is not there.
    NoKey,
    /// Its event time is not there.
    NoTime,
    /// A value is not of its column's type.
    WrongType,
    /// It has too many bytes.
    TooLarge,
    /// The watermark had passed its event time.
    Late,
    /// Its event time is further in the future than a clock may be wrong.
    FarFuture,
    /// Its event time lies before the view's feature_start_time.
    BeforeStart,
    /// The view's query fails on it.
    QueryFailed,
}

impl Reason {
    /// Every reason that there is, each once.
    pub(crate) const ALL: [Self; 9] = [
        Self::Unparsed,
        Self::NoKey,
        Self::NoTime,
        Self::WrongType,
        Self::TooLarge,
        Self::Late,
        Self::FarFuture,
        Self::BeforeStart,
        Self::QueryFailed,
    ];

    /// Its name, which is kept and printed.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unparsed => "unparsed",
            Self::NoKey => "no-key",
            Self::NoTime => "no-time",
            Self::WrongType => "wrong-type",
            Self::TooLarge => "too-large",
            Self::Late => "late",
            Self::FarFuture => "far-future",
            Self::BeforeStart => "before-start",
            Self::QueryFailed => "query-failed",
        }
    }

    /// What it means, for people.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Unparsed => "It is not a record of the stream's form.",
            Self::NoKey => "It lacks a column that every record of the stream must name.",
            Self::NoTime => "It has no event time.",
            Self::WrongType => "A column holds what is not of its type.",
            Self::TooLarge => "It is larger than records may be.",
            Self::Late => "It came after the watermark had passed its event time.",
            Self::FarFuture => "Its event time lies further in the future than a clock may be wrong.",
            Self::BeforeStart => {
                "Its event time lies before the features of the view begin, less their longest window."
            }
            Self::QueryFailed => "The query of the view fails on it.",
        }
    }

    /// The reason of that name.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// A record that is not in the values of a view, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which rule it breaks; counts go by it.
    pub reason: Reason,
    /// What is wrong with this one, cleaned.
    pub message: String,
    /// Where it stands in its stream, for people.
    pub place: String,
    /// Its bytes; of a record that is too large the first.
    pub record: Vec<u8>,
}

/// The events that records became, and the records that became none.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    /// The events with the source's columns, in the order of the records.
    pub events: DataFrame,
    /// For each event the record that it is of, counted from 0.
    // Kafka alone puts something beside events; the others have no use for it.
    #[cfg_attr(not(feature = "kafka"), allow(dead_code))]
    pub of: Vec<usize>,
    pub refused: Vec<Refused>,
}

/// Makes events of the records of one source.
pub(crate) struct Decoder {
    columns: Vec<Declared>,
    places: HashMap<String, usize>,
}

/// A column, and what a record must say of it.
struct Declared {
    name: String,
    of: Word,
    must: Must,
    /// Whether it comes of something else than the record, and what the record says of it is passed over.
    given: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    /// A record that does not name it says null.
    Nothing,
    /// It must name it, if only to say null.
    Name,
    /// It must hold a value, by which events are told apart.
    Hold,
    /// For it is the event time.
    Tell,
}

impl Must {
    /// Why a record that says null there is refused, where it is.
    fn if_null(self) -> Option<(Reason, &'static str)> {
        match self {
            Self::Tell => Some((Reason::NoTime, "is the event time, and the record has null there")),
            Self::Hold => Some((Reason::NoKey, "must have a value in every record, for events are told apart by it")),
            Self::Name | Self::Nothing => None,
        }
    }

    /// Why a record that does not name it is refused, where it is.
    fn if_absent(self) -> Option<(Reason, &'static str)> {
        match self {
            Self::Tell => Some((Reason::NoTime, "is the event time, and the record does not name it")),
            Self::Name => Some((Reason::NoKey, "must be named by every record: where there is none, write null")),
            Self::Hold | Self::Nothing => self.if_null(),
        }
    }
}

impl Decoder {
    /// A decoder of the records of `source`.
    pub(crate) fn new(source: &Source) -> Self {
        let stream = source.stream.as_ref();
        let taken: Vec<&str> = match stream.map(|stream| &stream.feed) {
            Some(Feed::Kafka(kafka)) => kafka.take.columns().collect(),
            _ => Vec::new(),
        };
        let holds = stream.and_then(|stream| stream.deduplicate.as_ref()).map(|by| by.columns.as_slice());
        let named = stream.map(|stream| stream.required.as_slice());
        let must = |name: &String| match name {
            // The stream gives it, whatever the record says.
            name if taken.contains(&name.as_str()) => Must::Nothing,
            name if source.timestamp_column.as_ref() == Some(name) => Must::Tell,
            name if holds.is_some_and(|columns| columns.contains(name)) => Must::Hold,
            name if named.is_some_and(|columns| columns.contains(name)) => Must::Name,
            _ => Must::Nothing,
        };
        let declared = |(name, of): &(String, Word)| Declared {
            name: name.clone(),
            of: of.clone(),
            must: must(name),
            given: false,
        };
        let columns: Vec<Declared> = source.columns.iter().map(declared).collect();
        let places = columns.iter().enumerate().map(|(at, column)| (column.name.clone(), at)).collect();
        Self { columns, places }
    }

    /// The same, for records beside which something else gives these columns: what a record says of them is passed
    /// over, whatever its type, as are members that are no columns. Whole events that are read again are not such
    /// records.
    #[cfg(any(test, feature = "kafka"))]
    pub(crate) fn passing_over<'n>(mut self, names: impl Iterator<Item = &'n str>) -> Self {
        for name in names {
            if let Some(column) = self.places.get(name).and_then(|at| self.columns.get_mut(*at)) {
                column.given = true;
            }
        }
        self
    }

    /// The events of these records; what cannot be one is refused alone. `place` names the place of a record by its
    /// number.
    ///
    /// A member that is no column of the source is passed over. A column that a record does not name is null in it.
    pub(crate) fn decode<'r>(
        &self,
        records: impl Iterator<Item = &'r [u8]>,
        place: impl Fn(usize) -> String,
    ) -> Decoded {
        let mut builders: Vec<Builder> = self.columns.iter().map(|column| Builder::of(&column.of)).collect();
        let mut of = Vec::new();
        let refused = self.sort(records, place, |number, cells| {
            for (builder, cell) in builders.iter_mut().zip(cells) {
                builder.push(cell.take().unwrap_or(Cell::Null));
            }
            of.push(number);
        });
        let rows = of.len();
        let columns = self.columns.iter().zip(builders).map(|(column, builder)| builder.finish(column, rows));
        // The lengths are equal and the names those of a source, each once.
        let events = DataFrame::new(rows, columns.collect()).unwrap_or_default();
        Decoded { events, of, refused }
    }

    /// As [`Decoder::decode`] without the events: the numbers of the records that become one, and those that become
    /// none.
    pub(crate) fn check<'r>(
        &self,
        records: impl Iterator<Item = &'r [u8]>,
        place: impl Fn(usize) -> String,
    ) -> (Vec<usize>, Vec<Refused>) {
        let mut of = Vec::new();
        let refused = self.sort(records, place, |number, _| of.push(number));
        (of, refused)
    }

    /// Gives `keep` the cells of each record that becomes an event, with its number. Returns those that become none.
    fn sort<'r>(
        &self,
        records: impl Iterator<Item = &'r [u8]>,
        place: impl Fn(usize) -> String,
        mut keep: impl FnMut(usize, &mut [Option<Cell<'r>>]),
    ) -> Vec<Refused> {
        let mut refused = Vec::new();
        let mut cells: Vec<Option<Cell<'r>>> = Vec::new();
        for (number, record) in records.enumerate() {
            cells.clear();
            cells.resize_with(self.columns.len(), || None);
            match self.read(record, &mut cells) {
                Ok(()) => keep(number, &mut cells),
                Err(Fault { reason, message }) => {
                    let most = if reason == Reason::TooLarge { KEPT_BYTES } else { MOST_BYTES };
                    let record = record.get(..most).unwrap_or(record).to_vec();
                    let message = clean(&message).into_owned();
                    refused.push(Refused { reason, message, place: place(number), record });
                }
            }
        }
        refused
    }

    /// Events that were not made of JSON, such as rows of a file: those without what a record must have are refused.
    pub(crate) fn judge(&self, events: DataFrame, place: impl Fn(usize) -> String) -> Decoded {
        let mut refused = Vec::new();
        let mut is_sound = vec![true; events.height()];
        for Declared { name, must, .. } in &self.columns {
            let Some((reason, why)) = must.if_null() else { continue };
            let Ok(column) = events.column(name) else { continue };
            let nulls = column.is_null();
            for (row, _) in nulls.iter().enumerate().filter(|(_, is_null)| *is_null == Some(true)) {
                if std::mem::take(&mut is_sound[row]) {
                    let message = clean(&format!("column `{name}` {why}")).into_owned();
                    refused.push(Refused { reason, message, place: place(row), record: encode(&events, row) });
                }
            }
        }
        let of: Vec<usize> = (0..events.height()).filter(|row| is_sound[*row]).collect();
        if refused.is_empty() {
            return Decoded { events, of, refused };
        }
        let kept = events.filter(&BooleanChunked::from_slice(PlSmallStr::EMPTY, &is_sound));
        // The mask is as long as the events.
        Decoded { events: kept.unwrap_or_default(), of, refused }
    }

    fn read<'r>(&self, record: &'r [u8], cells: &mut [Option<Cell<'r>>]) -> Result<(), Fault> {
        if record.len() > MOST_BYTES {
            let message = format!("it has more than the {MOST_BYTES} bytes that a record may have");
            return Err(Fault { reason: Reason::TooLarge, message });
        }
        let mut fault = None;
        let mut from = serde_json::Deserializer::from_slice(record);
        let row = Row { decoder: self, cells, fault: &mut fault };
        let read = from.deserialize_any(row).and_then(|()| from.end());
        if let Err(error) = read {
            return Err(fault.unwrap_or_else(|| Fault { reason: Reason::Unparsed, message: not_json(&error) }));
        }
        for (Declared { name, must, .. }, cell) in self.columns.iter().zip(cells) {
            let refusal = match cell {
                None => must.if_absent(),
                Some(Cell::Null) => must.if_null(),
                Some(_) => None,
            };
            if let Some((reason, why)) = refusal {
                return Err(Fault { reason, message: format!("column `{name}` {why}") });
            }
        }
        Ok(())
    }

    /// The place of a column; most often members come in one order, and this one is the expected.
    fn place(&self, name: &str, expected: usize) -> Option<usize> {
        match self.columns.get(expected) {
            Some(column) if column.name == name => Some(expected),
            _ => self.places.get(name).copied(),
        }
    }
}

/// One event of a frame as a record, of which [`Decoder::decode`] makes the same event.
pub(crate) fn encode(events: &DataFrame, row: usize) -> Vec<u8> {
    let members = events.columns().iter().map(|column| (column.name().to_string(), cell_json(column, row)));
    serde_json::Value::Object(members.collect()).to_string().into_bytes()
}

/// Why a record is refused.
struct Fault {
    reason: Reason,
    message: String,
}

/// What the library says, with the place counted from the record's beginning.
fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("it is no JSON object: {} (character {})", cut(what, LONGEST), error.column())
}

/// A value of a record in the type of its column.
#[derive(Debug)]
enum Cell<'r> {
    Null,
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(Cow<'r, str>),
    /// An instant in microseconds since 1970.
    Time(i64),
    List(Series),
}

impl Cell<'_> {
    /// A value that was turned into its column's type.
    fn turned(value: AnyValue<'static>) -> Self {
        match value {
            AnyValue::Int64(number) => Self::Int(number),
            AnyValue::Float64(number) => Self::Float(number),
            AnyValue::Boolean(flag) => Self::Bool(flag),
            AnyValue::StringOwned(text) => Self::Text(Cow::Owned(text.to_string())),
            AnyValue::DatetimeOwned(at, ..) => Self::Time(at),
            AnyValue::List(items) => Self::List(items),
            _ => Self::Null,
        }
    }
}

/// A column while records are read.
enum Builder {
    Int(PrimitiveChunkedBuilder<Int64Type>),
    Float(PrimitiveChunkedBuilder<Float64Type>),
    Bool(BooleanChunkedBuilder),
    Text(StringChunkedBuilder),
    Time(PrimitiveChunkedBuilder<Int64Type>),
    List(Vec<AnyValue<'static>>),
    /// Of a type that no record can hold: null everywhere.
    Nothing,
}

impl Builder {
    fn of(word: &Word) -> Self {
        let name = PlSmallStr::EMPTY;
        match word {
            Word::Int64 => Self::Int(PrimitiveChunkedBuilder::new(name, 0)),
            Word::Float64 => Self::Float(PrimitiveChunkedBuilder::new(name, 0)),
            Word::Bool => Self::Bool(BooleanChunkedBuilder::new(name, 0)),
            Word::String => Self::Text(StringChunkedBuilder::new(name, 0)),
            Word::Timestamp => Self::Time(PrimitiveChunkedBuilder::new(name, 0)),
            Word::Array(_) => Self::List(Vec::new()),
            Word::Date | Word::Decimal(..) | Word::Struct(_) | Word::Other(_) => Self::Nothing,
        }
    }

    /// Adds a cell, which is of this type.
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Int(column) | Self::Time(column), Cell::Int(number) | Cell::Time(number)) => {
                column.append_value(number);
            }
            (Self::Int(column) | Self::Time(column), _) => column.append_null(),
            (Self::Float(column), Cell::Float(number)) => column.append_value(number),
            (Self::Float(column), _) => column.append_null(),
            (Self::Bool(column), Cell::Bool(flag)) => column.append_value(flag),
            (Self::Bool(column), _) => column.append_null(),
            (Self::Text(column), Cell::Text(text)) => column.append_value(text),
            (Self::Text(column), _) => column.append_null(),
            (Self::List(column), Cell::List(items)) => column.push(AnyValue::List(items)),
            (Self::List(column), _) => column.push(AnyValue::Null),
            (Self::Nothing, _) => {}
        }
    }

    fn finish(self, column: &Declared, rows: usize) -> Column {
        let dtype = frame::polars_type(&column.of).unwrap_or(DataType::Null);
        let made = match self {
            Self::Int(column) => column.finish().into_series(),
            Self::Float(column) => column.finish().into_series(),
            Self::Bool(column) => column.finish().into_series(),
            Self::Text(column) => column.finish().into_series(),
            Self::Time(column) => {
                column.finish().into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_series()
            }
            Self::List(values) => Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, &dtype, false)
                .unwrap_or_else(|_| Series::full_null(PlSmallStr::EMPTY, rows, &dtype)),
            Self::Nothing => Series::full_null(PlSmallStr::EMPTY, rows, &dtype),
        };
        made.with_name(column.name.as_str().into()).into_column()
    }
}

/// Reads one record into cells.
struct Row<'s, 'r> {
    decoder: &'s Decoder,
    cells: &'s mut [Option<Cell<'r>>],
    fault: &'s mut Option<Fault>,
}

impl<'de> Visitor<'de> for Row<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut expected = 0;
        while let Some(at) = map.next_key_seed(Name { decoder: self.decoder, expected })? {
            let column = at.and_then(|at| Some((at, self.decoder.columns.get(at)?, self.cells.get_mut(at)?)));
            let asked = column.filter(|(_, declared, _)| !declared.given);
            let Some((at, Declared { name, of, .. }, cell)) = asked else {
                map.next_value_seed(Skip { depth: 2, fault: &mut *self.fault })?;
                continue;
            };
            if cell.is_some() {
                let message = format!("it names the column `{name}` more than once");
                *self.fault = Some(Fault { reason: Reason::Unparsed, message });
                return Err(A::Error::custom("twice"));
            }
            *cell = Some(map.next_value_seed(Value { name, of, whole: of, depth: 1, fault: &mut *self.fault })?);
            expected = at + 1;
        }
        Ok(())
    }
}

/// The name of a member: the place of its column, none where it is no column.
struct Name<'s> {
    decoder: &'s Decoder,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.decoder.place(name, self.expected))
    }
}

/// A value of a column, or an item of one that holds lists.
struct Value<'s> {
    name: &'s str,
    of: &'s Word,
    /// The type of the column, of which `of` may be an item.
    whole: &'s Word,
    depth: usize,
    fault: &'s mut Option<Fault>,
}

impl Value<'_> {
    /// A value that is not of the type as it stands, but may mean one thing only in it.
    fn turned<'r, E: Error>(self, value: &AnyValue<'_>) -> Result<Cell<'r>, E> {
        match typed::value(value, self.of) {
            Ok(value) => Ok(Cell::turned(value)),
            Err(fix) => {
                let text = typed::shown(value);
                self.wrong(&format!("`{}`", cut(&text, SHOWN)), &fix)
            }
        }
    }

    fn wrong<T, E: Error>(self, found: &str, fix: &str) -> Result<T, E> {
        let message = format!("column `{}` is {} and holds {found}: {fix}", self.name, self.whole);
        *self.fault = Some(Fault { reason: Reason::WrongType, message });
        Err(E::custom("type"))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Cell<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Cell<'de>, E> {
        match self.of {
            Word::Bool => Ok(Cell::Bool(flag)),
            _ => self.turned(&AnyValue::Boolean(flag)),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Cell<'de>, E> {
        match self.of {
            Word::Int64 => Ok(Cell::Int(number)),
            _ => self.turned(&AnyValue::Int64(number)),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Cell<'de>, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => self.turned(&AnyValue::UInt64(number)),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Cell<'de>, E> {
        match self.of {
            Word::Float64 => Ok(Cell::Float(number)),
            _ => self.turned(&AnyValue::Float64(number)),
        }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cell<'de>, E> {
        match self.of {
            Word::String => Ok(Cell::Text(Cow::Borrowed(text))),
            _ => self.turned(&AnyValue::String(text)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cell<'de>, E> {
        match self.of {
            Word::String => Ok(Cell::Text(Cow::Owned(text.to_owned()))),
            _ => self.turned(&AnyValue::String(text)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Cell<'de>, A::Error> {
        let Word::Array(item) = self.of else { return self.wrong("a list", "write one value") };
        let mut column = Builder::of(item);
        let Value { name, whole, depth, fault, .. } = self;
        if depth >= DEEPEST {
            return Err(too_deep(fault));
        }
        let mut count = 0;
        while let Some(cell) =
            items.next_element_seed(Value { name, of: item, whole, depth: depth + 1, fault: &mut *fault })?
        {
            column.push(cell);
            count += 1;
        }
        let declared = Declared { name: String::new(), of: Word::clone(item), must: Must::Nothing, given: false };
        Ok(Cell::List(column.finish(&declared, count).take_materialized_series()))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Cell<'de>, A::Error> {
        self.wrong("an object", "write one value, or name the members in columns of their own")
    }
}

fn too_deep<E: Error>(fault: &mut Option<Fault>) -> E {
    let message = format!("it is nested more than {DEEPEST} deep");
    *fault = Some(Fault { reason: Reason::Unparsed, message });
    E::custom("depth")
}

/// A value that no column takes.
struct Skip<'s> {
    depth: usize,
    fault: &'s mut Option<Fault>,
}

impl<'de> DeserializeSeed<'de> for Skip<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { depth, fault } = self;
        if depth > DEEPEST {
            return Err(too_deep(fault));
        }
        while items.next_element_seed(Skip { depth: depth + 1, fault: &mut *fault })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { depth, fault } = self;
        if depth > DEEPEST {
            return Err(too_deep(fault));
        }
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Skip { depth: depth + 1, fault: &mut *fault })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
