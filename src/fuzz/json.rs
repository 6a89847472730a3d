//! JSON bent: members of other types, missing, doubled, too deep, too long, or with what drives a terminal.

use serde_json::{Value as Json, json};

use super::{Random, bend};

/// The text of `good` with some of its parts exchanged; one in three is bent as bytes besides.
pub(crate) fn bend_json(random: &mut Random, good: &Json, others: &[Vec<u8>]) -> Vec<u8> {
    let mut bent = good.clone();
    for _ in 0..=random.below(3) {
        let size = count(&bent);
        let mut place = random.below(size);
        if let Some(part) = find(&mut bent, &mut place) {
            change(random, part);
        }
    }
    let bytes = bent.to_string().into_bytes();
    if random.below(3) == 0 { bend(random, &bytes, others) } else { bytes }
}

fn count(value: &Json) -> usize {
    1 + match value {
        Json::Array(items) => items.iter().map(count).sum::<usize>(),
        Json::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The part at that place, counted from the top.
fn find<'a>(value: &'a mut Json, place: &mut usize) -> Option<&'a mut Json> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Json::Array(items) => items.iter_mut().find_map(|item| find(item, place)),
        Json::Object(members) => members.values_mut().find_map(|member| find(member, place)),
        _ => None,
    }
}

fn change(random: &mut Random, part: &mut Json) {
    let deep = |depth: usize, object: bool| {
        (0..depth).fold(json!(null), |inner, _| if object { json!({ "a": inner }) } else { json!([inner]) })
    };
    let strange = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("NaN"),
        json!("99999999999999999999999999"),
        json!("\u{1b}[2J\u{7}\u{202e}\0"),
        json!("x".repeat(5_000)),
        json!("9999-99-99T99:99:99Z"),
        json!([]),
        json!({}),
        json!([[], {}, null]),
    ];
    match (random.below(8), &mut *part) {
        (0, Json::Object(members)) if !members.is_empty() => {
            let name = members.keys().nth(random.below(members.len())).cloned().unwrap_or_default();
            members.remove(&name);
        }
        (1, Json::Object(members)) => {
            drop(members.insert("\u{1b}unheard_of".to_owned(), random.pick(&strange).clone()))
        }
        (2, Json::Array(items)) if !items.is_empty() => {
            let item = random.pick(items).clone();
            items.extend(std::iter::repeat_n(item, 1 << random.below(8)));
        }
        (3, Json::Array(items)) => items.truncate(random.below(items.len() + 1)),
        (4, _) => *part = deep(random.below(200), random.below(2) == 0),
        (5, _) => *part = json!([part.clone()]),
        (6, Json::String(text)) => *text = text.repeat(1 << random.below(6)),
        _ => *part = random.pick(&strange).clone(),
    }
}
