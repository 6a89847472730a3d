//! Numbers as texts, the way Spark prints and reads them.

/// A double as Spark prints it: `1.0`, `0.001`, `1.0E10`, `1.0E-4`, `NaN`, `Infinity`.
pub(super) fn print_double(number: f64) -> String {
    print(number, &format!("{number:e}"))
}

/// A float as Spark prints it.
pub(super) fn print_float(number: f32) -> String {
    print(f64::from(number), &format!("{number:e}"))
}

/// From the shortest digits in scientific form.
fn print(number: f64, scientific: &str) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number == 0.0 || (-3..7).contains(&exponent) {
        return plain(digits, exponent);
    }
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

/// Digits `d.ddd` times ten to the exponent, without an exponent.
fn plain(digits: &str, exponent: i32) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    let digits = format!("{digits:0<whole$}");
    let (before, after) = digits.split_at(whole);
    format!("{sign}{before}.{}", if after.is_empty() { "0" } else { after })
}

/// Spaces and control characters at both ends do not count where a text is read as a number, date or flag.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\u{7f}')
}

/// A whole number in a text: a sign and digits.
pub(super) fn parse_long(text: &str) -> Option<i64> {
    let text = trim(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A double in a text, with the words and the suffixes that Spark knows.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let text = trim(text);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    let negative = text.starts_with('-');
    match unsigned.as_str() {
        "infinity" | "inf" => return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        "nan" if unsigned.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let digits = unsigned.strip_suffix(['d', 'f']).unwrap_or(&unsigned);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    digits.parse::<f64>().ok().map(|number| if negative { -number } else { number })
}

/// A flag in a text.
pub(super) fn parse_flag(text: &str) -> Option<bool> {
    match trim(text).to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_in_java() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (1_234_567.0, "1234567.0"),
            (12_345_678.9, "1.23456789E7"),
            (-1048.36, "-1048.36"),
            (f64::INFINITY, "Infinity"),
        ];
        for (number, text) in cases {
            assert_eq!(print_double(number), text);
        }
        assert_eq!(print_float(0.1), "0.1");
    }

    #[test]
    fn texts_are_read_as_in_spark() {
        assert_eq!(parse_long(" +5\n"), Some(5));
        assert_eq!(parse_long("5.0"), None);
        assert_eq!(parse_double("1e3"), Some(1000.0));
        assert_eq!(parse_double("-Infinity"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_double("1.5d"), Some(1.5));
        assert_eq!(parse_double("e5"), None);
        assert_eq!(parse_flag(" Yes "), Some(true));
    }
}
