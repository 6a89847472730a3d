//! DECIMAL: digits with a fixed number of them behind the point, by Spark's rules for precision, scale and rounding.
//!
//! A decimal is an `i128` that counts units of its last digit. It knows numbers only, no columns.

use deltalake_core::arrow::datatypes::i256;

use super::types::Type;

/// Most digits of a decimal.
pub(super) const MOST: u8 = 38;
/// Digits behind the point that a result keeps at least where it has too many.
const LEAST_SCALE: u8 = 6;
/// Digits behind the point to which a quotient is rounded before it gets its own scale.
const QUOTIENT_SCALE: u32 = 38;

pub(super) type Size = (u8, u8);

/// The type that holds the digits of both on each side of the point.
pub(super) fn wider(a: Size, b: Size) -> Type {
    let scale = a.1.max(b.1);
    let precision = (a.0 - a.1).max(b.0 - b.1) + scale;
    let over = precision.saturating_sub(MOST);
    Type::Decimal(precision.min(MOST), scale.saturating_sub(over))
}

/// Precision and scale cut to what a decimal can have: digits before the point first, then digits behind it.
fn adjusted(precision: u32, scale: u32) -> Size {
    if precision <= u32::from(MOST) {
        return (precision as u8, scale as u8);
    }
    let whole = precision - scale;
    let least = scale.min(u32::from(LEAST_SCALE));
    (MOST, u32::from(MOST).saturating_sub(whole).max(least) as u8)
}

/// Precision and scale of the result of an operator; absent for one that decimals have not.
pub(super) fn result(operator: &str, a: Size, b: Size) -> Option<Size> {
    let [p1, s1, p2, s2] = [a.0, a.1, b.0, b.1].map(u32::from);
    let scale = s1.max(s2);
    Some(match operator {
        "+" | "-" => adjusted((p1 - s1).max(p2 - s2) + scale + 1, scale),
        "*" => adjusted(p1 + p2 + 1, s1 + s2),
        "/" => {
            let scale = u32::from(LEAST_SCALE).max(s1 + p2 + 1);
            adjusted(p1 - s1 + s2 + scale, scale)
        }
        "%" | "mod" | "pmod" => adjusted((p1 - s1).min(p2 - s2) + scale, scale),
        _ => return None,
    })
}

/// Precision and scale after rounding to that many places.
pub(super) fn rounded((precision, scale): Size, places: i64) -> Size {
    let whole = i64::from(precision - scale) + 1;
    if places < 0 {
        return (whole.max(1 - places).min(MOST.into()) as u8, 0);
    }
    let scale = places.min(scale.into());
    ((whole + scale).min(MOST.into()) as u8, scale as u8)
}

/// Precision and scale of the whole number below or above.
pub(super) fn whole_size((precision, scale): Size) -> Size {
    ((precision - scale + 1).min(MOST), 0)
}

/// Precision and scale of a sum.
pub(super) fn summed((precision, scale): Size) -> Size {
    ((precision + 10).min(MOST), scale)
}

/// Precision and scale of a mean.
pub(super) fn averaged((precision, scale): Size) -> Size {
    ((precision + 4).min(MOST), (scale + 4).min(MOST))
}

fn power(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}

/// The quotient, halves away from zero.
fn divided(number: i256, by: i256) -> Option<i256> {
    let (quotient, rest) = (number.checked_div(by)?, number.checked_rem(by)?);
    let (rest, size) = (rest.checked_abs()?, by.checked_abs()?);
    // Twice the rest against the divisor, without leaving the numbers that fit.
    if rest < size.wrapping_sub(rest) {
        return Some(quotient);
    }
    let away = if number.is_negative() == by.is_negative() { 1 } else { -1 };
    quotient.checked_add(i256::from_i128(away))
}

/// A count of units of one scale as one of another, rounded; absent where it has too many digits.
fn scaled(number: i256, from: u32, to: u32) -> Option<i256> {
    if to >= from { number.checked_mul(power(to - from)?) } else { divided(number, power(from - to)?) }
}

/// The number with that precision, if it has no more digits.
fn fits(number: i256, precision: u8) -> Option<i128> {
    let limit = power(precision.into())?;
    let inside = number < limit && number > limit.checked_neg()?;
    if inside { number.to_i128() } else { None }
}

/// The number in another size, rounded; absent where it does not fit.
pub(super) fn resize(number: i128, from: u8, to: Size) -> Option<i128> {
    fits(scaled(i256::from_i128(number), from.into(), to.1.into())?, to.0)
}

/// The result of an operator in its size; absent where it does not fit, or where the divisor is zero.
pub(super) fn calculate(operator: &str, a: (i128, u8), b: (i128, u8), to: Size) -> Option<i128> {
    let (x, y) = (i256::from_i128(a.0), i256::from_i128(b.0));
    let (s1, s2) = (u32::from(a.1), u32::from(b.1));
    let scale = s1.max(s2);
    let (exact, scale) = match operator {
        "*" => (x.checked_mul(y)?, s1 + s2),
        "/" => {
            let up = QUOTIENT_SCALE + s2;
            let quotient = match up.checked_sub(s1) {
                Some(zeros) => divided(x.checked_mul(power(zeros)?)?, y)?,
                None => divided(x, y.checked_mul(power(s1 - up)?)?)?,
            };
            (quotient, QUOTIENT_SCALE)
        }
        _ => {
            let (x, y) = (scaled(x, s1, scale)?, scaled(y, s2, scale)?);
            let exact = match operator {
                "+" => x.checked_add(y)?,
                "-" => x.checked_sub(y)?,
                "pmod" => {
                    let rest = x.checked_rem(y)?;
                    if rest.is_negative() { rest.checked_add(y)?.checked_rem(y)? } else { rest }
                }
                _ => x.checked_rem(y)?,
            };
            (exact, scale)
        }
    };
    fits(scaled(exact, scale, to.1.into())?, to.0)
}

/// The mean of so many numbers with that sum.
pub(super) fn mean(sum: i128, scale: u8, count: i64, to: Size) -> Option<i128> {
    calculate("/", (sum, scale), (count.into(), 0), to)
}

/// The number rounded to places that may be negative, in its size.
pub(super) fn round(number: i128, scale: u8, places: i64, to: Size) -> Option<i128> {
    if places >= 0 {
        return resize(number, scale, to);
    }
    let Some(zeros) = u32::try_from(-places).ok().filter(|zeros| *zeros <= u32::from(MOST)) else { return Some(0) };
    let step = power(zeros)?;
    let whole = divided(i256::from_i128(number), step.checked_mul(power(scale.into())?)?)?;
    fits(whole.checked_mul(step)?, to.0)
}

/// The whole number below or above.
pub(super) fn whole(number: i128, scale: u8, up: bool) -> i128 {
    let Some(unit) = 10_i128.checked_pow(scale.into()) else { return 0 };
    let below = number.div_euclid(unit);
    if up && number.rem_euclid(unit) != 0 { below + 1 } else { below }
}

/// All digits, without an exponent.
pub(super) fn print(number: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, fraction)) if scale > 0 => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{digits}"),
    }
}

/// The double nearest to it.
pub(super) fn to_double(number: i128, scale: u8) -> f64 {
    format!("{number}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// A number in digits, with a sign, a point and an exponent if need be, in that size; absent where it is none or does
/// not fit.
pub(super) fn parse(text: &str, to: Size) -> Option<i128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (negative, whole) = match whole.strip_prefix('-') {
        Some(whole) => (true, whole),
        None => (false, whole.strip_prefix('+').unwrap_or(whole)),
    };
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    // How many of the digits stand before the last unit.
    let kept = significant.len() as i64 - fraction.len() as i64 + exponent + i64::from(to.1);
    if significant.is_empty() || kept < 0 {
        return Some(0);
    }
    if kept > i64::from(MOST) + 1 {
        return None;
    }
    let kept = kept as usize;
    let up = significant.as_bytes().get(kept).is_some_and(|digit| *digit >= b'5');
    let number: String = significant.chars().chain(std::iter::repeat('0')).take(kept).collect();
    let number: i256 = if number.is_empty() { i256::ZERO } else { number.parse().ok()? };
    let number = number.checked_add(i256::from_i128(up.into()))?;
    fits(if negative { number.checked_neg()? } else { number }, to.0)
}

/// A double by its shortest digits, in that size; absent where it does not fit or is none.
pub(super) fn from_double(number: f64, to: Size) -> Option<i128> {
    if number.is_finite() { parse(&format!("{number:e}"), to) } else { None }
}

/// The size of a literal such as `1.50`; absent where it has too many digits.
pub(super) fn literal(digits: &str) -> Option<(i128, Size)> {
    let (whole, fraction) = digits.split_once('.')?;
    let scale = u8::try_from(fraction.len()).ok()?;
    let significant = [whole, fraction].concat().trim_start_matches('0').len();
    let precision = u8::try_from(significant).ok()?.max(scale).max(1);
    if precision > MOST {
        return None;
    }
    Some((parse(digits, (precision, scale))?, (precision, scale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_spark() {
        assert_eq!(result("*", (18, 2), (2, 1)), Some((21, 3)));
        assert_eq!(result("+", (20, 0), (1, 1)), Some((22, 1)));
        assert_eq!(result("/", (10, 2), (3, 1)), Some((15, 6)));
        assert_eq!(result("*", (38, 10), (38, 10)), Some((38, 6)));
        assert_eq!(wider((20, 0), (18, 2)), Type::Decimal(22, 2));
        assert_eq!(rounded((18, 2), 1), (18, 1));
        assert_eq!(literal("0.05"), Some((5, (2, 2))));
        assert_eq!(literal("100.50"), Some((10_050, (5, 2))));
    }

    #[test]
    fn halves_go_away_from_zero_and_what_does_not_fit_is_absent() {
        assert_eq!(from_double(2.675, (18, 2)), Some(268));
        assert_eq!(from_double(-2.665, (18, 2)), Some(-267));
        assert_eq!(from_double(0.004, (18, 2)), Some(0));
        assert_eq!(from_double(0.005, (18, 2)), Some(1));
        assert_eq!(from_double(999.995, (5, 2)), None);
        assert_eq!(from_double(f64::NAN, (5, 2)), None);
        assert_eq!(parse("1.25e2", (5, 1)), Some(1_250));
        assert_eq!(parse("99999999999999999999999999999999999999.4", (38, 0)), 10_i128.checked_pow(38).map(|n| n - 1));
        assert_eq!(parse("99999999999999999999999999999999999999.5", (38, 0)), None);
        assert_eq!(parse("1.2.3", (5, 1)), None);
        assert_eq!(resize(-15, 1, (5, 0)), Some(-2));
        assert_eq!(calculate("/", (100, 2), (3, 0), (10, 6)), Some(333_333));
        assert_eq!(calculate("/", (-200, 2), (3, 0), (10, 6)), Some(-666_667));
        assert_eq!(calculate("pmod", (-75, 1), (20, 1), (10, 1)), Some(5));
        assert_eq!(calculate("*", (10_i128.pow(37), 0), (100, 0), (38, 0)), None);
        assert_eq!(round(12_550, 2, -1, (6, 0)), Some(130));
        assert_eq!((whole(-15, 1, false), whole(-15, 1, true)), (-2, -1));
        assert_eq!(print(-5, 2), "-0.05");
        assert_eq!(print(12, 0), "12");
        assert_eq!(to_double(11, 1), 1.1);
    }
}
