//! JSON texts as Spark reads and prints them: texts may stand in single quotes, numbers keep their digits until then.
//!
//! It knows JSON only; what becomes of the values is `functions::json`'s.

use std::fmt;

use super::number::print_double;

/// Most arrays and objects inside of each other: a hostile text must not take the stack.
const DEEPEST: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'t> {
    Null,
    Flag(bool),
    /// A number as it is written.
    Number(&'t str),
    /// A text without its escapes.
    Text(String),
    List(Vec<Json<'t>>),
    /// An object with its fields in their order.
    Object(Vec<(String, Json<'t>)>),
}

/// The first value of a text: `None` where it is no JSON, `Some(None)` where there is nothing. What follows the value
/// does not count.
pub(super) fn first(text: &str) -> Option<Option<Json<'_>>> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.blanks();
    if reader.rest().is_empty() { Some(None) } else { reader.value().map(Some) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes past a byte, if it comes next.
    fn pass(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self) -> Option<Json<'t>> {
        Some(match self.peek()? {
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return None;
                }
                let value = if self.peek() == Some(b'{') { self.object()? } else { self.list()? };
                self.depth -= 1;
                value
            }
            quote @ (b'"' | b'\'') => Json::Text(self.quoted(quote)?),
            b'-' | b'0'..=b'9' => Json::Number(self.number()?),
            _ => self.word()?,
        })
    }

    fn word(&mut self) -> Option<Json<'t>> {
        let words = [("null", Json::Null), ("true", Json::Flag(true)), ("false", Json::Flag(false))];
        let (word, kind) = words.into_iter().find(|(word, _)| self.rest().starts_with(word))?;
        self.at += word.len();
        (!self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric())).then_some(kind)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<&'t str> {
        let start = self.at;
        self.pass(b'-');
        if !self.pass(b'0') {
            self.digits()?;
        }
        if self.pass(b'.') {
            self.digits()?;
        }
        if self.pass(b'e') || self.pass(b'E') {
            let _ = self.pass(b'+') || self.pass(b'-');
            self.digits()?;
        }
        // `01` and `1x` are no numbers.
        if self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        self.text.get(start..self.at)
    }

    fn quoted(&mut self, quote: u8) -> Option<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let c = self.rest().chars().next()?;
            self.at += c.len_utf8();
            match c {
                '\\' => text.push(self.escaped()?),
                c if c == char::from(quote) => return Some(text),
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            '"' | '\\' | '/' | '\'' => c,
            'u' => {
                let first = self.unit()?;
                if !(0xD800..0xDC00).contains(&first) {
                    // Half of a pair is no character; Java would keep it, and print a question mark.
                    return Some(char::from_u32(first).unwrap_or('?'));
                }
                if !self.rest().starts_with("\\u") {
                    return Some('?');
                }
                self.at += 2;
                let second = self.unit()?;
                let both = 0x10000 + ((first - 0xD800) << 10) + second.wrapping_sub(0xDC00);
                if (0xDC00..0xE000).contains(&second) { char::from_u32(both)? } else { '?' }
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn list(&mut self) -> Option<Json<'t>> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            if items.is_empty() && self.pass(b']') {
                return Some(Json::List(items));
            }
            items.push(self.value()?);
            self.blanks();
            if self.pass(b']') {
                return Some(Json::List(items));
            }
            self.pass(b',').then_some(())?;
        }
    }

    fn object(&mut self) -> Option<Json<'t>> {
        self.at += 1;
        let mut fields = Vec::new();
        loop {
            self.blanks();
            if fields.is_empty() && self.pass(b'}') {
                return Some(Json::Object(fields));
            }
            let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\''))?;
            let name = self.quoted(quote)?;
            self.blanks();
            self.pass(b':').then_some(())?;
            self.blanks();
            fields.push((name, self.value()?));
            self.blanks();
            if self.pass(b'}') {
                return Some(Json::Object(fields));
            }
            self.pass(b',').then_some(())?;
        }
    }
}

/// Without blanks, numbers with a fraction as doubles.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Json::Null => f.write_str("null"),
            Json::Flag(flag) => write!(f, "{flag}"),
            Json::Number(digits) if digits.contains(['.', 'e', 'E']) => {
                f.write_str(&print_double(digits.parse().unwrap_or(f64::NAN)))
            }
            Json::Number(digits) => f.write_str(digits),
            Json::Text(text) => f.write_str(&quoted(text)),
            Json::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(","))
            }
            Json::Object(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
                write!(f, "{{{}}}", fields.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_spark_does() {
        let shown = |text: &str| first(text).flatten().map(|json| json.to_string());
        assert_eq!(shown(r#" {"a" : [1, 2.50, 'x"y'], "b":null} rest"#).unwrap(), r#"{"a":[1,2.5,"x\"y"],"b":null}"#);
        assert_eq!(shown("123456789012345678901234567890").unwrap(), "123456789012345678901234567890");
        assert_eq!(shown(r#""\u00e4\ud83d\ude00\n""#).unwrap(), "\"\u{e4}\u{1f600}\\n\"");
        for text in ["{", "[1,]", "{a:1}", "01", "tru", "\"open", "{\"a\" 1}", "1.", "nulls"] {
            assert_eq!(first(text), None, "{text}");
        }
        assert_eq!(first("  "), Some(None));
        assert_eq!(first(&"[".repeat(100_000)), None);
    }
}
