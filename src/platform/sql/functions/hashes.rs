//! Hashes, bit for bit those of Spark.

use md5::Md5;
use polars::prelude::*;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::Kind::Rows;
use super::texts::{argument, change};
use super::{Function, sure};
use crate::platform::sql::cells::{each, flags, height, longs, texts};

pub(super) static FUNCTIONS: &[Function] = &[
    sure(
        "md5",
        "string -> string",
        "MD5 in hexadecimal.",
        "md5('a') = '0cc175b9c0f1b6a831c399e269772661'",
        Rows(|a| change(a, |text| Some(hex(&<Md5 as md5::Digest>::digest(text.as_bytes()))))),
    ),
    sure(
        "sha2",
        "string, int -> string",
        "SHA-2 of 224, 256, 384 or 512 bits in hexadecimal (0 means 256); null for other lengths.",
        "length(sha2('a', 256)) = 64",
        Rows(sha2),
    ),
    sure(
        "xxhash64",
        "hashable+ -> bigint",
        "XXH64 of the values with Spark's seed 42; nulls leave it as it is.",
        "xxhash64('Spark') = -4294468057691064905",
        Rows(xxhash64),
    ),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha2(args: &[Column]) -> PolarsResult<Column> {
    let (text, bits) = (texts(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| {
        let Some((text, bits)) = text.get(row).zip(bits.get(row)) else { return Ok(None) };
        let text = text.as_bytes();
        Ok(match bits {
            224 => Some(hex(&Sha224::digest(text))),
            0 | 256 => Some(hex(&Sha256::digest(text))),
            384 => Some(hex(&Sha384::digest(text))),
            512 => Some(hex(&Sha512::digest(text))),
            _ => None,
        })
    })
}

/// Hashes one value of a row on top of the hash so far.
type Hasher = Box<dyn Fn(usize, u64) -> u64>;

fn xxhash64(args: &[Column]) -> PolarsResult<Column> {
    let hashers = args.iter().map(hasher).collect::<PolarsResult<Vec<_>>>()?;
    let rows = height(args);
    let hash = |row| hashers.iter().fold(42, |seed, hasher| hasher(row, seed)) as i64;
    Ok(Int64Chunked::from_iter_values(PlSmallStr::EMPTY, (0..rows).map(hash)).into_column())
}

fn hasher(column: &Column) -> PolarsResult<Hasher> {
    Ok(match column.dtype() {
        DataType::String => {
            let text = texts(column)?;
            Box::new(move |row, seed| text.get(row).map_or(seed, |text| of_bytes(text.as_bytes(), seed)))
        }
        DataType::Boolean => {
            let flag = flags(column)?;
            Box::new(move |row, seed| flag.get(row).map_or(seed, |flag| of_int(u32::from(flag), seed)))
        }
        DataType::Float64 => {
            let number = crate::platform::sql::cells::doubles(column)?;
            // There is one zero and one NaN.
            let bits = |number: f64| match number {
                0.0 => 0,
                number if number.is_nan() => f64::NAN.to_bits(),
                number => number.to_bits(),
            };
            Box::new(move |row, seed| number.get(row).map_or(seed, |number| of_long(bits(number), seed)))
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Date => {
            let number = longs(column)?;
            Box::new(move |row, seed| number.get(row).map_or(seed, |number| of_int(number as u32, seed)))
        }
        DataType::Int64 | DataType::Datetime(..) => {
            let number = longs(column)?;
            Box::new(move |row, seed| number.get(row).map_or(seed, |number| of_long(number as u64, seed)))
        }
        DataType::Null => Box::new(|_, seed| seed),
        other => polars_bail!(ComputeError: "no hash of {}", other),
    })
}

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

fn round(lane: u64, input: u64) -> u64 {
    lane.wrapping_add(input.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    hash ^ (hash >> 32)
}

fn eight(hash: u64, input: u64) -> u64 {
    (hash ^ round(0, input)).rotate_left(27).wrapping_mul(P1).wrapping_add(P4)
}

fn four(hash: u64, input: u32) -> u64 {
    (hash ^ u64::from(input).wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3)
}

fn of_long(input: u64, seed: u64) -> u64 {
    finish(eight(seed.wrapping_add(P5).wrapping_add(8), input))
}

fn of_int(input: u32, seed: u64) -> u64 {
    finish(four(seed.wrapping_add(P5).wrapping_add(4), input))
}

fn of_bytes(bytes: &[u8], seed: u64) -> u64 {
    let mut rest = bytes;
    let mut hash = if bytes.len() >= 32 {
        let mut lanes = [seed.wrapping_add(P1).wrapping_add(P2), seed.wrapping_add(P2), seed, seed.wrapping_sub(P1)];
        while let Some((block, after)) = rest.split_first_chunk::<32>() {
            for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
                *lane = round(*lane, word.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
            }
            rest = after;
        }
        let [a, b, c, d] = lanes;
        let mixed = a.rotate_left(1).wrapping_add(b.rotate_left(7));
        let mixed = mixed.wrapping_add(c.rotate_left(12)).wrapping_add(d.rotate_left(18));
        lanes.iter().fold(mixed, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(P1).wrapping_add(P4))
    } else {
        seed.wrapping_add(P5)
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        hash = eight(hash, u64::from_le_bytes(*word));
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<4>() {
        hash = four(hash, u32::from_le_bytes(*word));
        rest = after;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    finish(hash)
}
