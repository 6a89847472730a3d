//! Which events of a stream are there already: those that agree in some columns with an event that arrived before, and
//! whose times lie no further apart than the horizon.
//!
//! By event time, not by arrival: whoever reads the stream again, in other pieces or years later, finds the same events
//! to be duplicates. An event that has no value in one of the columns, or no time, is nobody's duplicate. Pure: what was
//! seen before is kept by whoever asks.

use std::collections::HashMap;

use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use crate::model::time::micros;
use crate::model::{Value, foreign};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{Deduplicate, Source};
use crate::platform::frame;

/// What makes an event the same as another: a digest of its values in the columns, which stays as it is, for it is kept.
pub(crate) type Key = [u8; 16];

/// The key and the time (microseconds) of each event; absent where it has none.
///
/// # Errors
/// Of kind `Source` when a column is not there.
pub(crate) fn keys(
    events: &DataFrame,
    source: &Source,
    rule: &Deduplicate,
) -> Result<Vec<Option<(Key, i64)>>, EngineError> {
    let column = |name: &str| {
        let found = events.column(name).map_err(|error| EngineError {
            kind: ErrorKind::Source,
            message: format!(
                "source {}: its events cannot be told from those that came before: {}. Correct `deduplicate` of its stream",
                source.name,
                foreign::sentence(&error)
            ),
        });
        found.map(frame::values)
    };
    let columns = rule.columns.iter().map(|name| column(name)).collect::<Result<Vec<_>, _>>()?;
    let times = source.timestamp_column.as_deref().map(column).transpose()?.unwrap_or_default();
    let key = |row: usize| {
        let Some(Value::Time(at)) = times.get(row) else { return None };
        let mut digest = Sha256::new();
        for column in &columns {
            add(&mut digest, column.get(row).filter(|value| **value != Value::Null)?);
        }
        let digest = digest.finalize();
        Some((*digest.first_chunk::<16>()?, micros(*at)))
    };
    Ok((0..events.height()).map(key).collect())
}

/// Adds a value to a digest, so that no two rows of values are the same bytes.
fn add(digest: &mut Sha256, value: &Value) {
    match value {
        Value::Null => digest.update([0]),
        Value::Bool(flag) => digest.update([1, u8::from(*flag)]),
        Value::Int(number) => {
            digest.update([2]);
            digest.update(number.to_be_bytes());
        }
        Value::Float(number) => {
            digest.update([3]);
            // There is one zero and one NaN.
            let number = if number.is_nan() { f64::NAN } else { number + 0.0 };
            digest.update(number.to_bits().to_be_bytes());
        }
        Value::Text(text) => {
            digest.update([4]);
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        Value::Time(at) => {
            digest.update([5]);
            digest.update(micros(*at).to_be_bytes());
        }
        Value::List(values) => {
            digest.update([6]);
            digest.update((values.len() as u64).to_be_bytes());
            values.iter().for_each(|value| add(digest, value));
        }
    }
}

/// Which of these events, in the order of their arrival, are there already. `seen` are the times of earlier events by
/// their keys; the events that are new are added to them.
pub(crate) fn duplicates(events: &[Option<(Key, i64)>], seen: &mut HashMap<Key, Vec<i64>>, horizon: i64) -> Vec<bool> {
    let judge = |event: &Option<(Key, i64)>| {
        let Some((key, at)) = event else { return false };
        let times = seen.entry(*key).or_default();
        let known = is_near(times, *at, horizon);
        if !known {
            times.push(*at);
        }
        known
    };
    events.iter().map(judge).collect()
}

/// Whether one of the times of earlier events of a key is so near that an event at that time is the same.
pub(crate) fn is_near(times: &[i64], at: i64, horizon: i64) -> bool {
    times.iter().any(|time| time.abs_diff(at) <= horizon.unsigned_abs())
}

/// The time (microseconds) before which an event needs not be remembered once the stream is read up to the event time
/// `newest`: whatever could be its duplicate lies behind the watermark.
pub(crate) fn forget_before(newest: i64, watermark: i64, horizon: i64) -> i64 {
    newest.saturating_sub(watermark).saturating_sub(horizon)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{DataType, Span};
    use crate::platform::testing;

    proptest! {
        /// Against the sentence itself: an event is a duplicate where an earlier one that is none is near it.
        #[test]
        fn pieces_of_any_size_and_forgetting_find_the_same_duplicates(
            events in prop::collection::vec((0_u8..4, 0_i64..200), 0..60), piece in 1_usize..20, horizon in 0_i64..40,
        ) {
            let mut events: Vec<Option<(Key, i64)>> =
                events.into_iter().map(|(key, at)| (at % 7 > 0).then_some(([key; 16], at))).collect();
            // At most 30 behind the newest: nothing is behind a watermark of that.
            let mut newest = 0;
            for event in events.iter_mut().flatten() {
                event.1 = event.1.max(newest - 30);
                newest = newest.max(event.1);
            }
            let mut kept: Vec<(Key, i64)> = Vec::new();
            let expected: Vec<bool> = events.iter().map(|event| {
                let Some((key, at)) = event else { return false };
                let known = kept.iter().any(|(of, time)| of == key && (time - at).abs() <= horizon);
                if !known {
                    kept.push((*key, *at));
                }
                known
            }).collect();
            let (mut seen, mut found, mut newest) = (HashMap::<Key, Vec<i64>>::new(), Vec::new(), 0);
            for piece in events.chunks(piece) {
                found.extend(duplicates(piece, &mut seen, horizon));
                newest = piece.iter().flatten().map(|(_, at)| *at).max().unwrap_or(newest).max(newest);
                let until = forget_before(newest, 30, horizon);
                seen.values_mut().for_each(|times| times.retain(|at| *at >= until));
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn keys_are_the_values_of_the_columns_and_absent_where_one_is() {
        let mut source = testing::view("v").inputs[0].source.as_ref().clone();
        source.columns = vec![
            ("a".to_owned(), DataType::String),
            ("b".to_owned(), DataType::String),
            ("timestamp".to_owned(), DataType::Timestamp),
        ];
        let text = |text: &str| Value::Text(text.to_owned());
        let at = |minute: i64| Value::Time(testing::now() + Span::minutes(minute));
        let cells = [
            vec![text("x"), text("x"), text("xy"), Value::Null, text("x")],
            vec![text("yz"), text("yz"), text("z"), text("z"), text("yz")],
            vec![at(0), at(1), at(0), at(0), Value::Null],
        ];
        let columns =
            source.columns.iter().zip(&cells).map(|((name, of), cells)| frame::column(name, of, cells).unwrap());
        let events = DataFrame::new(5, columns.collect()).unwrap();
        let rule = Deduplicate { columns: vec!["a".to_owned(), "b".to_owned()], horizon: Span::hours(1) };
        let keys = keys(&events, &Arc::new(source), &rule).unwrap();
        let [Some(first), Some(again), Some(other), None, None] = keys[..] else { panic!("{keys:?}") };
        assert_eq!((first.0, first.1 + 60_000_000), (again.0, again.1));
        assert_ne!(first.0, other.0, "`x`, `yz` is not `xy`, `z`");
    }
}
