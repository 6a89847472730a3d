//! The fold of a micro-batch of which some events may be such that the query fails on them: these are found and left out,
//! and the others go on.
//!
//! For stream jobs and tails alike. It must not decide what becomes of the events that are left out.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::{DataFrame, IdxCa, NewChunkedArray};

use super::Engine;
use super::ask::Streamed;
use crate::model::foreign;
use crate::platform::compute::{EngineError, ErrorKind, panic_text};
use crate::platform::definition::View;

/// The engine's fold of stream events to stored rows.
pub(crate) type Transform<'a> = &'a dyn Fn(&View, DataFrame) -> Result<Streamed, EngineError>;

/// What became of a micro-batch.
#[derive(Clone, Debug)]
pub(crate) struct Sound {
    /// What the sound events come to; each by its place in the whole batch.
    pub streamed: Streamed,
    /// The events that the query does not fail on, in their order.
    pub events: DataFrame,
    /// The events that the query fails on, by their places, with the engine's sentence.
    pub poisoned: Vec<(u32, String)>,
}

/// Folds the events, or those of them that can be.
///
/// # Errors
/// What is not the fault of single events: a source that is away, or a query that fails on no events at all.
pub(crate) fn fold(view: &View, events: &DataFrame, transform: Transform) -> Result<Sound, EngineError> {
    let error = match transform(view, events.clone()) {
        Ok(streamed) => return Ok(Sound { streamed, events: events.clone(), poisoned: Vec::new() }),
        Err(error) => of_the_events(error)?,
    };
    // A query that does not even take no events is at fault itself.
    transform(view, events.clear())?;
    let mut poisoned = Vec::new();
    split(view, events, 0..events.height(), error, transform, &mut poisoned)?;
    loop {
        let sound: Vec<u32> = others(events.height(), &poisoned);
        let left = taken(events, &sound)?;
        match transform(view, left.clone()) {
            Ok(mut streamed) => {
                let place = |event: &u32| sound.get(*event as usize).copied();
                streamed.events = streamed.events.iter().filter_map(place).collect();
                return Ok(Sound { streamed, events: left, poisoned });
            }
            // Each is sound alone and they are not together: the first that those before it do not go with is left out.
            Err(error) => {
                let error = of_the_events(error)?;
                let (mut sound_up_to, mut fails_with) = (0, sound.len());
                while sound_up_to + 1 < fails_with {
                    let middle = sound_up_to.midpoint(fails_with);
                    match transform(view, taken(events, &sound[..middle])?) {
                        Ok(_) => sound_up_to = middle,
                        Err(error) => {
                            of_the_events(error)?;
                            fails_with = middle;
                        }
                    }
                }
                let Some(last) = sound.get(fails_with.saturating_sub(1)) else {
                    return Err(EngineError { kind: ErrorKind::Query, message: error });
                };
                poisoned.push((*last, error));
                poisoned.sort_unstable();
            }
        }
    }
}

/// Halves a part that the query fails on until each event that it fails on is alone.
fn split(
    view: &View,
    events: &DataFrame,
    part: Range<usize>,
    error: String,
    transform: Transform,
    poisoned: &mut Vec<(u32, String)>,
) -> Result<(), EngineError> {
    if part.len() == 1 {
        poisoned.push((part.start as u32, error));
        return Ok(());
    }
    let middle = part.start.midpoint(part.end);
    for half in [part.start..middle, middle..part.end] {
        if let Err(error) = transform(view, events.slice(half.start as i64, half.len())) {
            split(view, events, half, of_the_events(error)?, transform, poisoned)?;
        }
    }
    Ok(())
}

/// The places that are not among the poisoned.
fn others(count: usize, poisoned: &[(u32, String)]) -> Vec<u32> {
    (0..count as u32).filter(|place| poisoned.binary_search_by_key(place, |(place, _)| *place).is_err()).collect()
}

/// The events at these places.
///
/// # Errors
/// When one of them is not there, which is a defect.
pub(crate) fn taken(events: &DataFrame, places: &[u32]) -> Result<DataFrame, EngineError> {
    events.take(&IdxCa::from_slice("".into(), places)).map_err(|error| EngineError {
        kind: ErrorKind::Query,
        message: format!("events of a stream cannot be told apart: {}", foreign::sentence(&error)),
    })
}

/// The sentence of an error that comes of the events; any other passes on.
pub(crate) fn of_the_events(error: EngineError) -> Result<String, EngineError> {
    match error.kind {
        ErrorKind::Query | ErrorKind::Arguments => Ok(error.message),
        ErrorKind::Source | ErrorKind::Cancelled | ErrorKind::Memory => Err(error),
    }
}

/// The engine's fold. Where it stops unexpectedly, that is an error of the events it was given.
pub(crate) fn transform(engine: &dyn Engine, view: &View, events: DataFrame) -> Result<Streamed, EngineError> {
    let done = catch_unwind(AssertUnwindSafe(|| engine.transform_stream(view, events)));
    done.unwrap_or_else(|panic| Err(EngineError { kind: ErrorKind::Query, message: stopped(panic.as_ref()) }))
}

pub(crate) fn stopped(panic: &(dyn Any + Send)) -> String {
    format!("the engine stopped unexpectedly: {}. This is a defect of the program", panic_text(panic))
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;
    use proptest::prelude::*;

    use super::*;
    use crate::platform::testing;

    fn numbers(events: &DataFrame) -> Vec<i64> {
        events.column("n").unwrap().i64().unwrap().iter().flatten().collect()
    }

    /// Fails on odd numbers, on more than three that divide by eight together, and where a file is missing.
    fn touchy(_: &View, events: DataFrame) -> Result<Streamed, EngineError> {
        let numbers = numbers(&events);
        let query = |message: String| Err(EngineError { kind: ErrorKind::Query, message });
        if numbers.contains(&-1) {
            return Err(EngineError { kind: ErrorKind::Source, message: "no file".to_owned() });
        }
        if let Some(odd) = numbers.iter().find(|number| *number % 2 != 0) {
            return query(format!("{odd} is odd"));
        }
        if numbers.iter().filter(|number| *number % 8 == 0).count() > 3 {
            return query("too many".to_owned());
        }
        Ok(Streamed { events: (0..numbers.len() as u32).collect(), times: numbers, rows: events })
    }

    fn of(numbers: &[i64]) -> DataFrame {
        df!("n" => numbers).unwrap()
    }

    proptest! {
        #[test]
        fn what_the_query_fails_on_is_found_and_all_else_goes_on(numbers in prop::collection::vec(0_i64..40, 0..60)) {
            let view = testing::view("v");
            let sound = fold(&view, &of(&numbers), &touchy).unwrap();
            let mut eights = 0;
            let expected = |number: &i64| {
                eights += i64::from(*number % 8 == 0);
                *number % 2 == 0 && !(*number % 8 == 0 && eights > 3)
            };
            let kept: Vec<bool> = numbers.iter().map(expected).collect();
            let places = |wanted: bool| {
                let found = kept.iter().zip(0_u32..).filter(move |(kept, _)| **kept == wanted);
                found.map(|(_, place)| place).collect::<Vec<_>>()
            };
            prop_assert_eq!(&sound.streamed.events, &places(true));
            prop_assert_eq!(sound.poisoned.iter().map(|(place, _)| *place).collect::<Vec<_>>(), places(false));
            for (place, why) in &sound.poisoned {
                let number = numbers[*place as usize];
                prop_assert_eq!(why, &if number % 2 == 0 { "too many".to_owned() } else { format!("{number} is odd") });
            }
        }
    }

    #[test]
    fn what_is_no_fault_of_an_event_leaves_none_out() {
        let view = testing::view("v");
        assert_eq!(fold(&view, &of(&[2, -1, 3]), &touchy).unwrap_err().message, "no file");
        let never = |_: &View, _: DataFrame| -> Result<Streamed, EngineError> {
            Err(EngineError { kind: ErrorKind::Query, message: "no such column".to_owned() })
        };
        assert_eq!(fold(&view, &of(&[2, 4]), &never).unwrap_err().message, "no such column");
    }
}
