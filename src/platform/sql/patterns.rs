//! Patterns in Spark's spelling: regular expressions of Java, LIKE, and the replacement of regexp_replace.
//!
//! What would match differently here than in Java is refused.

use regex::Regex;

/// Largest compiled expression in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// A line end that Java's `$` may stand before.
const LINE_END: &str = r"(?:\r\n|[\n\r\u{85}\u{2028}\u{2029}])";

/// A Java regular expression, and whether it has a `$` that Java would also match before a last line end.
pub(super) struct Pattern {
    pub regex: Regex,
    /// Whether it looks for the end by `$`.
    pub dollar: bool,
}

/// Compiles a Java regular expression; `Err` says what of it is not shared.
pub(super) fn java(pattern: &str, whole_end: bool) -> Result<Pattern, String> {
    let mut out = String::new();
    let (mut in_class, mut dollar, mut quantified) = (0_usize, false, false);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let was_quantified = std::mem::take(&mut quantified);
        match c {
            '\\' => escape(chars.next(), in_class > 0, &mut out)?,
            '[' => {
                in_class += 1;
                out.push('[');
                if in_class > 1 {
                    return Err("a class inside of a class".to_owned());
                }
            }
            ']' if in_class > 0 => {
                in_class -= 1;
                out.push(']');
            }
            _ if in_class > 0 => match (c, chars.peek()) {
                ('&', Some('&')) | ('~', Some('~')) => return Err(format!("`{c}{c}` in a class")),
                ('-', Some('-')) => return Err("`--` in a class".to_owned()),
                _ => out.push(c),
            },
            '.' => out.push_str(r"[^\n\r\u{85}\u{2028}\u{2029}]"),
            '$' => {
                dollar = true;
                out.push_str(if whole_end { r"(?:\z|LINE_END\z)" } else { r"\z" });
            }
            '(' if chars.peek() == Some(&'?') => {
                let rest: String = chars.clone().take(3).collect();
                if !(rest.starts_with("?:") || rest == "?i)") || (rest == "?i)" && !pattern.is_ascii()) {
                    return Err(format!("`({rest}`"));
                }
                out.push('(');
            }
            '+' if was_quantified => return Err("a possessive quantifier such as `a++`".to_owned()),
            '*' | '+' | '?' | '}' => {
                quantified = true;
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    let out = out.replace("LINE_END", LINE_END);
    let regex = regex::RegexBuilder::new(&out).size_limit(SIZE_LIMIT).build();
    regex.map(|regex| Pattern { regex, dollar }).map_err(|_| "it is not a regular expression that is known".to_owned())
}

/// A backslash and a character. Java's classes are of ASCII.
fn escape(c: Option<char>, in_class: bool, out: &mut String) -> Result<(), String> {
    let class = match c {
        Some('d') => "0-9",
        Some('w') => "a-zA-Z0-9_",
        Some('s') => r" \t\n\x0B\x0C\r",
        Some(c @ ('D' | 'W' | 'S')) if !in_class => {
            let mut inner = String::new();
            escape(Some(c.to_ascii_lowercase()), true, &mut inner)?;
            out.push_str(&format!("[^{inner}]"));
            return Ok(());
        }
        Some(c @ ('b' | 'B')) if !in_class => {
            out.extend(['\\', c]);
            return Ok(());
        }
        Some(c @ ('n' | 't' | 'r' | 'f')) => {
            out.extend(['\\', c]);
            return Ok(());
        }
        Some(c) if !c.is_ascii_alphanumeric() => {
            if c.is_ascii_punctuation() {
                out.push('\\');
            }
            out.push(c);
            return Ok(());
        }
        Some(c) => return Err(format!("`\\{c}`")),
        None => return Err("a backslash at its end".to_owned()),
    };
    if in_class {
        out.push_str(class);
    } else {
        out.push_str(&format!("[{class}]"));
    }
    Ok(())
}

/// A LIKE pattern as an expression that matches whole texts.
pub(super) fn like(pattern: &str) -> Result<Regex, String> {
    let mut out = String::from(r"(?s)\A");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '\\' => match chars.next() {
                Some(c @ ('%' | '_' | '\\')) => out.push_str(&regex::escape(&c.to_string())),
                _ => return Err("a backslash before something else than `%`, `_` or a backslash".to_owned()),
            },
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push_str(r"\z");
    let regex = regex::RegexBuilder::new(&out).size_limit(SIZE_LIMIT).build();
    regex.map_err(|_| "it is too long".to_owned())
}

/// Java's replacement as ours: `$1` names a group, a backslash takes the meaning of the next character away.
pub(super) fn replacement(text: &str, groups: usize) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(c) => out.push(c),
                None => return Err("a backslash at its end".to_owned()),
            },
            '$' => {
                let digit = chars.next().and_then(|c| c.to_digit(10)).map(|digit| digit as usize);
                let group = digit.filter(|digit| *digit < groups).ok_or("a `$` that names no group")?;
                if chars.peek().is_some_and(char::is_ascii_digit) {
                    return Err("a `$` with two digits".to_owned());
                }
                out.push_str(&format!("${{{group}}}"));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_expressions_match_as_in_java() {
        let finds = |pattern: &str, text: &str| java(pattern, true).unwrap().regex.is_match(text);
        assert!(finds(r"^a.c$", "abc\n") && !finds(r"^a.c$", "a\rc"));
        assert!(finds(r"\d", "5") && !finds(r"\d", "٥"));
        assert!(finds(r"[\w-]+\.x", "a-b.x"));
        for pattern in [r"(?=a)", r"a++", r"\p{L}", r"[a&&b]", r"\1", "(", r"(?i)ä"] {
            assert!(java(pattern, true).is_err(), "{pattern}");
        }
    }

    #[test]
    fn like_matches_whole_texts() {
        let matches = |pattern: &str, text: &str| like(pattern).unwrap().is_match(text);
        assert!(matches("a%", "a\nb") && matches("a_c", "aäc") && !matches("a", "ab"));
        assert!(matches(r"10\%", "10%") && !matches(r"10\%", "100"));
        assert!(like(r"a\b").is_err());
        assert_eq!(replacement(r"$1-\$", 2).unwrap(), "${1}-$$");
        assert!(replacement("$2", 2).is_err());
    }
}
