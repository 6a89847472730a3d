//! Bytes bent: flipped, cut, doubled, spliced, with lengths that lie and messages inside of messages.

use super::Random;

/// Most bytes of one input.
pub(super) const LONGEST: usize = 64 * 1024;

/// Bytes that mean something to one of the readers.
const TELLING: &[u8] = b"\0\x01\x07\x08\x0a\x12\x1b\x7f\x80\xc2\xff\"\\{}[],:=\n -0";

/// Varints and lengths that lie.
const LIES: [&[u8]; 6] = [
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
    &[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f],
    &[0, 0, 0, 0, 0, 0, 0, 0],
];

/// `good` with one to four changes; `others` lend their parts.
pub(crate) fn bend(random: &mut Random, good: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=random.below(4) {
        once(random, &mut bytes, others);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn once(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    let (from, to) = range(random, bytes.len());
    let place = random.below(bytes.len());
    match random.below(11) {
        0 | 1 if bytes.is_empty() => bytes.push(0),
        0 => bytes[place] ^= 1 << random.below(8),
        1 => bytes[place] = *random.pick(TELLING),
        2 => drop(bytes.splice(from..from, [*random.pick(TELLING)])),
        3 => drop(bytes.drain(from..to)),
        4 => bytes.truncate(from),
        5 => {
            let part = bytes[from..to].to_vec();
            let times = 1 << random.below(12);
            drop(bytes.splice(to..to, part.iter().copied().cycle().take((part.len() * times).min(LONGEST))));
        }
        6 => drop(bytes.splice(from..from, random.pick(&LIES).iter().copied())),
        7 => drop(bytes.splice(from..to, random.pick(&LIES).iter().copied())),
        8 if !others.is_empty() => {
            let other = random.pick(others);
            let (begin, end) = range(random, other.len());
            drop(bytes.splice(from..to, other[begin..end].iter().copied()));
        }
        9 => *bytes = nest(random, bytes),
        _ => drop(bytes.splice(from..from, (0..random.below(20)).map(|_| random.next() as u8).collect::<Vec<_>>())),
    }
}

fn range(random: &mut Random, length: usize) -> (usize, usize) {
    let (one, other) = (random.below(length + 1), random.below(length + 1));
    (one.min(other), one.max(other))
}

/// The bytes as the content of a field, that as the content of a field, and so on.
fn nest(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let number = 1 + random.below(12) as u64;
    let mut nested = bytes[..bytes.len().min(1_000)].to_vec();
    for _ in 0..random.below(400) {
        let mut outer = Vec::with_capacity(nested.len() + 4);
        prost::encoding::encode_varint(number << 3 | 2, &mut outer);
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.append(&mut nested);
        nested = outer;
    }
    nested
}

/// The messages of the examples: bytes of every request and answer.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let text = include_str!("../../tests/fixtures/wire/examples.json");
    let examples: serde_json::Value = serde_json::from_str(text).unwrap();
    let pairs = examples["pairs"].as_array().unwrap().iter();
    let texts = pairs.flat_map(|pair| [pair["request_envelope"]["request"].as_str(), pair["response_base64"].as_str()]);
    let decode = |text: &str| {
        use base64::Engine as _;
        let tight: String = text.split_ascii_whitespace().collect();
        base64::engine::general_purpose::STANDARD.decode(tight).unwrap()
    };
    texts.flatten().map(decode).collect()
}
