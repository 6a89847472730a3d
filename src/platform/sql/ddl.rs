//! Schemas in a text, as `from_json` takes them: `a INT, b STRUCT<c: STRING, d: ARRAY<DOUBLE>>`, or one type.

use super::decimal::MOST;
use super::types::Type;

/// Most types inside of each other.
const DEEPEST: usize = 32;

/// The type that a text names: fields make a struct. `Err` says what of it is not understood.
pub(super) fn schema(text: &str) -> Result<Type, String> {
    let lower = text.trim_start().to_ascii_lowercase();
    let mut reader = Reader { words: words(text)?, at: 0, depth: 0 };
    let named = ["struct", "array", "map"]
        .iter()
        .any(|word| lower.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with('<')));
    let ty = if named { reader.ty()? } else { Type::Struct(reader.fields(None)?) };
    match reader.words.get(reader.at) {
        None => Ok(ty),
        Some(word) => Err(format!("`{word}`")),
    }
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut word = c.to_string();
        if c == '`' {
            word.clear();
            loop {
                match chars.next() {
                    Some('`') => break,
                    Some(c) => word.push(c),
                    None => return Err("an open quote".to_owned()),
                }
            }
        } else if c.is_alphanumeric() || c == '_' {
            while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(c);
            }
        } else if c.is_whitespace() {
            continue;
        }
        words.push(word);
    }
    Ok(words)
}

struct Reader {
    words: Vec<String>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn next(&mut self) -> Result<String, String> {
        let word = self.words.get(self.at).cloned().ok_or("an open end")?;
        self.at += 1;
        Ok(word)
    }

    fn pass(&mut self, sign: &str) -> bool {
        let there = self.words.get(self.at).is_some_and(|word| word == sign);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.pass(sign) { Ok(()) } else { Err(format!("no `{sign}` where one belongs")) }
    }

    /// Fields up to an end.
    fn fields(&mut self, end: Option<&str>) -> Result<Vec<(String, Type)>, String> {
        let mut fields: Vec<(String, Type)> = Vec::new();
        loop {
            let name = self.next()?;
            let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if name.is_empty() || (!plain && name.chars().count() == 1) {
                return Err(format!("`{name}`"));
            }
            self.pass(":");
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(format!("the field `{name}` twice"));
            }
            let ty = self.ty()?;
            fields.push((name, ty));
            if self.pass(",") {
                continue;
            }
            if let Some(end) = end {
                self.expect(end)?;
            }
            return Ok(fields);
        }
    }

    fn ty(&mut self) -> Result<Type, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("too many types inside of each other".to_owned());
        }
        let word = self.next()?;
        let ty = match word.to_ascii_lowercase().as_str() {
            "boolean" => Type::Boolean,
            "tinyint" | "byte" => Type::Byte,
            "smallint" | "short" => Type::Short,
            "int" | "integer" => Type::Int,
            "bigint" | "long" => Type::Long,
            "float" | "real" => Type::Float,
            "double" => Type::Double,
            "string" => Type::Text,
            "date" => Type::Date,
            "timestamp" => Type::Timestamp,
            "decimal" | "dec" | "numeric" => self.size()?,
            "array" => {
                self.expect("<")?;
                let element = self.ty()?;
                self.expect(">")?;
                Type::List(Box::new(element))
            }
            "map" => {
                self.expect("<")?;
                let key = self.ty()?;
                self.expect(",")?;
                let value = self.ty()?;
                self.expect(">")?;
                if key != Type::Text {
                    return Err(format!("a map with keys of {key}"));
                }
                Type::Map(Box::new(key), Box::new(value))
            }
            "struct" => {
                self.expect("<")?;
                Type::Struct(self.fields(Some(">"))?)
            }
            _ => return Err(format!("the type `{word}`")),
        };
        self.depth -= 1;
        Ok(ty)
    }

    /// Precision and scale in brackets, (10, 0) without them.
    fn size(&mut self) -> Result<Type, String> {
        if !self.pass("(") {
            return Ok(Type::Decimal(10, 0));
        }
        let number = |word: String| word.parse::<u8>().map_err(|_| format!("`{word}` as a number of digits"));
        let precision = number(self.next()?)?;
        let scale = if self.pass(",") { number(self.next()?)? } else { 0 };
        self.expect(")")?;
        if precision == 0 || precision > MOST || scale > precision {
            return Err(format!("DECIMAL({precision},{scale})"));
        }
        Ok(Type::Decimal(precision, scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_read() {
        let shown = |text: &str| schema(text).map(|ty| ty.to_string());
        assert_eq!(shown("device STRUCT<os: STRING, v: INT>").unwrap(), "STRUCT<device: STRUCT<os: STRING, v: INT>>");
        assert_eq!(shown("a INT, `b c` array<decimal(10,2)>").unwrap(), "STRUCT<a: INT, b c: ARRAY<DECIMAL(10,2)>>");
        assert_eq!(shown("array<struct<x double>>").unwrap(), "ARRAY<STRUCT<x: DOUBLE>>");
        assert_eq!(shown("MAP<STRING, BIGINT>").unwrap(), "MAP<STRING, BIGINT>");
        for text in ["", "a", "a NUMBER", "a INT b INT", "a STRUCT<b INT", "a INT, a INT", "MAP<INT, INT>"] {
            assert!(schema(text).is_err(), "{text}");
        }
        assert!(schema(&"a STRUCT<".repeat(1_000)).is_err());
    }
}
