//! Rounding: halves go away from zero, floats by their shortest decimal digits.

use polars::prelude::*;

use super::numbers::{argument, bounds, fits};
use crate::platform::sql::cells::{doubles, each, longs};

pub(super) fn round(args: &[Column]) -> PolarsResult<Column> {
    let decimals = args.get(1).map(longs).transpose()?;
    let places = |row| decimals.as_ref().map_or(Some(0), |decimals| decimals.get(row));
    if let Some(bounds) = bounds(args)? {
        let x = longs(argument(args, 0)?)?;
        return each(args, |row| match x.get(row).zip(places(row)) {
            Some((x, places)) if places < 0 => fits(round_whole(x, places.unsigned_abs()), bounds),
            pair => Ok(pair.map(|(x, _)| x)),
        });
    }
    let single = argument(args, 0)?.dtype() == &DataType::Float32;
    let x = doubles(argument(args, 0)?)?;
    each(args, |row| {
        let digits = |x: f64| if single { format!("{:e}", x as f32) } else { format!("{x:e}") };
        Ok(x.get(row).zip(places(row)).map(|(x, places)| round_digits(x, &digits(x), places)))
    })
}

/// A whole number to a power of ten, halves away from zero; absent where it does not fit.
fn round_whole(x: i64, zeros: u64) -> Option<i64> {
    let Some(step) = u32::try_from(zeros).ok().and_then(|zeros| 10_i128.checked_pow(zeros)).filter(|_| zeros < 30)
    else {
        return Some(0);
    };
    let (x, half) = (i128::from(x), step / 2);
    i64::try_from((x.abs() + half) / step * step * x.signum()).ok()
}

/// A float by its shortest decimal digits, as Spark does: 2.675 to two decimals is 2.68.
fn round_digits(x: f64, scientific: &str, places: i64) -> f64 {
    let Some((digits, exponent)) = scientific.split_once('e').filter(|_| x.is_finite()) else { return x };
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
    // How many of the digits stay.
    let kept = exponent + 1 + places;
    if kept >= digits.len() as i64 {
        return x;
    }
    let up = kept >= 0 && digits.get(kept as usize).is_some_and(|digit| *digit >= 5);
    let kept: String = digits.iter().take(kept.max(0) as usize).map(|digit| char::from(digit + b'0')).collect();
    let whole = kept.parse::<u128>().unwrap_or(0) + u128::from(up);
    let rounded: f64 = format!("{whole}e{}", -places).parse().unwrap_or(x);
    if x.is_sign_negative() && rounded != 0.0 { -rounded } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero_by_their_digits() {
        let round = |x: f64, places| round_digits(x, &format!("{x:e}"), places);
        assert_eq!(round(2.675, 2), 2.68);
        assert_eq!(round(-2.5, 0), -3.0);
        assert_eq!(round(0.5, 0), 1.0);
        assert_eq!(round(0.04, 0), 0.0);
        assert_eq!(round(1234.5, -2), 1200.0);
        assert_eq!(round(1e300, 2), 1e300);
        assert_eq!(round_whole(-25, 1), Some(-30));
        assert_eq!(round_whole(i64::MAX, 1), None);
    }
}
