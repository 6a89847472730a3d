//! Texts cut, filled and looked through: the longer half of `texts`.

use polars::prelude::*;

use super::texts::argument;
use crate::platform::sql::cells::{each, longs, texts};

/// Characters `start..end` of a text, both kept inside it.
fn slice(text: &str, start: i64, end: i64) -> String {
    let (start, end) = (start.max(0) as usize, end.max(0) as usize);
    text.chars().skip(start).take(end.saturating_sub(start)).collect()
}

pub(super) fn substring(args: &[Column]) -> PolarsResult<Column> {
    let (text, from) = (texts(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    let count = args.get(2).map(longs).transpose()?;
    each(args, |row| {
        let count = count.as_ref().map_or(Some(i64::from(i32::MAX)), |count| count.get(row));
        let (Some(text), Some(from), Some(count)) = (text.get(row), from.get(row), count) else { return Ok(None) };
        let start = match from {
            0 => 0,
            1.. => from - 1,
            _ => text.chars().count() as i64 + from,
        };
        // The end counts from the unclipped start, as in Spark: a start before the text eats into the count.
        Ok(Some(slice(text, start, start.saturating_add(count.max(0)))))
    })
}

pub(super) fn side(args: &[Column], left: bool) -> PolarsResult<Column> {
    let (text, count) = (texts(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| {
        Ok(text.get(row).zip(count.get(row)).map(|(text, count)| {
            let all = text.chars().count() as i64;
            if left { slice(text, 0, count) } else { slice(text, all - count.max(0), all) }
        }))
    })
}

pub(super) fn replace(args: &[Column]) -> PolarsResult<Column> {
    let (text, from, to) = (texts(argument(args, 0)?)?, texts(argument(args, 1)?)?, texts(argument(args, 2)?)?);
    each(args, |row| {
        let (Some(text), Some(from), Some(to)) = (text.get(row), from.get(row), to.get(row)) else { return Ok(None) };
        Ok(Some(if from.is_empty() { text.to_owned() } else { text.replace(from, to) }))
    })
}

pub(super) fn translate(args: &[Column]) -> PolarsResult<Column> {
    let (text, from, to) = (texts(argument(args, 0)?)?, texts(argument(args, 1)?)?, texts(argument(args, 2)?)?);
    each(args, |row| {
        let (Some(text), Some(from), Some(to)) = (text.get(row), from.get(row), to.get(row)) else { return Ok(None) };
        let change = |c: char| match from.chars().position(|known| known == c) {
            Some(index) => to.chars().nth(index),
            None => Some(c),
        };
        Ok(Some(text.chars().filter_map(change).collect::<String>()))
    })
}

/// Longest text that a row may be filled or repeated to, in bytes: a slip must not take all memory.
const MAX_MADE: usize = 1 << 20;

pub(super) fn repeat(args: &[Column]) -> PolarsResult<Column> {
    let (text, times) = (texts(argument(args, 0)?)?, longs(argument(args, 1)?)?);
    each(args, |row| {
        let Some((text, times)) = text.get(row).zip(times.get(row)) else { return Ok(None) };
        let times = times.max(0) as usize;
        polars_ensure!(text.len().saturating_mul(times) <= MAX_MADE, ComputeError: "a text of more than {} bytes", MAX_MADE);
        Ok(Some(text.repeat(times)))
    })
}

pub(super) fn pad(args: &[Column], left: bool) -> PolarsResult<Column> {
    let (text, length, fill) = (texts(argument(args, 0)?)?, longs(argument(args, 1)?)?, texts(argument(args, 2)?)?);
    each(args, |row| {
        let (Some(text), Some(length), Some(fill)) = (text.get(row), length.get(row), fill.get(row)) else {
            return Ok(None);
        };
        let (has, length) = (text.chars().count(), length.max(0) as usize);
        polars_ensure!(length <= MAX_MADE, ComputeError: "a text of more than {} bytes", MAX_MADE);
        if has >= length || fill.is_empty() {
            return Ok(Some(text.chars().take(length).collect()));
        }
        let filling: String = fill.chars().cycle().take(length - has).collect();
        Ok(Some(if left { filling + text } else { text.to_owned() + &filling }))
    })
}

pub(super) fn position(args: &[Column], text_first: bool) -> PolarsResult<Column> {
    let (a, b) = (texts(argument(args, 0)?)?, texts(argument(args, 1)?)?);
    each(args, |row| {
        Ok(a.get(row).zip(b.get(row)).map(|(a, b)| {
            let (text, part) = if text_first { (a, b) } else { (b, a) };
            let before = text.find(part).and_then(|at| text.get(..at));
            before.map_or(0, |before| before.chars().count() as i64 + 1)
        }))
    })
}

pub(super) fn split_part(args: &[Column]) -> PolarsResult<Column> {
    let (text, mark, part) = (texts(argument(args, 0)?)?, texts(argument(args, 1)?)?, longs(argument(args, 2)?)?);
    each(args, |row| {
        let (Some(text), Some(mark), Some(part)) = (text.get(row), mark.get(row), part.get(row)) else {
            return Ok(None);
        };
        polars_ensure!(part != 0, ComputeError: "part 0: parts count from 1");
        let parts: Vec<&str> = if mark.is_empty() { vec![text] } else { text.split(mark).collect() };
        let index = if part > 0 { part - 1 } else { parts.len() as i64 + part };
        let found = usize::try_from(index).ok().and_then(|index| parts.get(index));
        Ok(Some(found.copied().unwrap_or_default().to_owned()))
    })
}

pub(super) fn substring_index(args: &[Column]) -> PolarsResult<Column> {
    let (text, mark, count) = (texts(argument(args, 0)?)?, texts(argument(args, 1)?)?, longs(argument(args, 2)?)?);
    each(args, |row| {
        let (Some(text), Some(mark), Some(count)) = (text.get(row), mark.get(row), count.get(row)) else {
            return Ok(None);
        };
        if mark.is_empty() || count == 0 {
            return Ok(Some(String::new()));
        }
        let parts: Vec<&str> = text.split(mark).collect();
        let wanted = count.unsigned_abs().min(parts.len() as u64) as usize;
        let from = if count > 0 { 0 } else { parts.len() - wanted };
        Ok(Some(parts.get(from..from + wanted).unwrap_or_default().join(mark)))
    })
}
