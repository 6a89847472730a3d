//! What lookups answer, held to what may stand online.

use chrono::Utc;
use fvtop::client::api::Api;
use fvtop::model::{FeatureVector, Value};
use fvtop::wire::features::Locator;
use serde_json::Value as Json;

use super::replay::{Step, hour_states, newest_states};
use super::world::{REACH, Shape, View, clicks, hour_of, tile};

/// The features of one user in the order of the definition: each a number or nothing, and the hour that ended the
/// windows.
#[derive(Debug)]
pub(super) struct Answer {
    pub values: Vec<Option<i64>>,
    pub hour: i64,
}

/// Looks a user up; again when the hour turned meanwhile.
pub(super) async fn look_up(api: &Api, view: &View, user: usize) -> Answer {
    let keys = [("user_id".to_owned(), user.to_string())];
    loop {
        let hour = hour_of(Utc::now());
        let vector = api.lookup("prod", Locator::view(view.name), &keys).await.unwrap();
        if hour_of(Utc::now()) == hour {
            return Answer { values: numbers(view, &vector), hour };
        }
    }
}

fn numbers(view: &View, vector: &FeatureVector) -> Vec<Option<i64>> {
    let number = |value: &Value| match value {
        Value::Null => None,
        Value::Int(number) => Some(*number),
        other => panic!("{}: {other:?} is no whole number", view.name),
    };
    vector.features.iter().map(|feature| number(&feature.value)).collect()
}

/// The answer of `fvtop lookup --json`, printed during `hour`.
pub(super) fn printed(answer: &Json, hour: i64) -> Answer {
    let number = |value: &Json| match value {
        Json::Null => None,
        Json::String(digits) => Some(digits.parse().unwrap()),
        other => Some(other.as_i64().unwrap_or_else(|| panic!("{other} is no whole number"))),
    };
    let features = answer["features"].as_array().unwrap();
    Answer { values: features.iter().map(|feature| number(&feature["value"])).collect(), hour }
}

/// Says what is wrong with an answer, given the steps of the online store.
pub(super) fn check(view: &View, user: usize, answer: &Answer, steps: &[Step]) -> Result<(), String> {
    match view.shape {
        Shape::Rows => {
            // The time of the row is no feature; no two clicks of a user have the same amount.
            let may: Vec<Option<i64>> =
                newest_states(steps, user).into_iter().map(|row| row.map(|(_, amount)| amount)).collect();
            let found = answer.values[0];
            let right = may.contains(&found);
            right
                .then_some(())
                .ok_or_else(|| format!("user {user}: the newest amount is {found:?}, not one of {may:?}"))
        }
        Shape::Tiles => check_tiles(user, answer, steps),
    }
}

/// Windows of one hour more each tell the tiles one by one; the last amount is that of the newest tile with clicks.
fn check_tiles(user: usize, answer: &Answer, steps: &[Step]) -> Result<(), String> {
    let at = |hours: i64| -> (i64, i64) {
        let index = usize::try_from((hours - 1) * 2).unwrap();
        (answer.values[index].unwrap_or(0), answer.values[index + 1].unwrap_or(0))
    };
    let mut last = None;
    for hours in 1..=REACH {
        let hour = answer.hour - hours;
        let (newer, whole) = (if hours > 1 { at(hours - 1) } else { (0, 0) }, at(hours));
        let found = (whole.0 - newer.0, whole.1 - newer.1);
        let mut may: Vec<Option<u32>> = hour_states(steps, hour).iter().map(|held| held[user]).collect();
        may.sort();
        may.dedup();
        let tile_of = |held: &Option<u32>| held.and_then(|generation| tile(&clicks(hour, user, generation)));
        let sums = |held: &Option<u32>| tile_of(held).map_or((0, 0), |(count, sum, _)| (count, sum));
        let Some(held) = may.iter().find(|held| sums(held) == found) else {
            let expected: Vec<_> = may.iter().map(|held| (held, sums(held))).collect();
            return Err(format!(
                "user {user}, {hours} hours back: count and sum are {found:?}, not one of {expected:?}"
            ));
        };
        last = last.or(tile_of(held).map(|(_, _, last)| last));
    }
    let found = answer.values[LAST_AMOUNT];
    if found == last { Ok(()) } else { Err(format!("user {user}: the last amount is {found:?}, not {last:?}")) }
}

/// Place of the last amount: it follows the counts and sums.
const LAST_AMOUNT: usize = 2 * REACH as usize;
