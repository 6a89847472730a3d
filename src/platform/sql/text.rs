//! From the text of a query to its syntax tree, as Spark reads it.
//!
//! Spark's spelling of texts and numbers is settled here; what a construct means is not known here.

use std::any::TypeId;

use sqlparser::ast::{BinaryOperator, Expr, ObjectName, Statement};
use sqlparser::dialect::{Dialect, Precedence, SparkSqlDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::refusal::{Place, Refusal};

/// Longest query in bytes: one that people can read.
const MAX_BYTES: usize = 100_000;

/// Spark's dialect with `DIV` in its place among the operators, and intervals that are texts.
#[derive(Debug)]
struct Shared;

impl Dialect for Shared {
    fn dialect(&self) -> TypeId {
        TypeId::of::<SparkSqlDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_group_by_with_modifier(&self) -> bool {
        true
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_long_type_as_bigint(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_select_item_multi_column_alias(&self) -> bool {
        true
    }

    fn supports_bang_not_operator(&self) -> bool {
        true
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        // In Spark `||` stands with plus and minus.
        let concat = parser.peek_token_ref().token == Token::StringConcat;
        concat.then(|| Ok(self.prec_value(Precedence::PlusMinus)))
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        // `exists(array, x -> ...)` is a function, `EXISTS (SELECT ...)` is none.
        let keyword = |at: usize| match &parser.peek_nth_token_ref(at).token {
            Token::Word(word) => Some(word.keyword),
            _ => None,
        };
        let is_call = keyword(0) == Some(Keyword::EXISTS) && parser.peek_nth_token_ref(1).token == Token::LParen;
        let of_query = matches!(keyword(2), Some(Keyword::SELECT | Keyword::WITH))
            || parser.peek_nth_token_ref(2).token == Token::LParen;
        if !is_call || of_query {
            return None;
        }
        let name = parser.parse_identifier();
        Some(name.and_then(|name| parser.parse_function(ObjectName::from(vec![name]))))
    }

    fn parse_infix(&self, parser: &mut Parser<'_>, expr: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        if !parser.parse_keyword(Keyword::DIV) {
            return None;
        }
        let right = parser.parse_subexpr(self.prec_value(Precedence::MulDivModOp));
        let left = Box::new(expr.clone());
        let op = BinaryOperator::MyIntegerDivide;
        Some(right.map(|right| Expr::BinaryOp { left, op, right: Box::new(right) }))
    }
}

/// The one statement of the text.
pub(super) fn parse(query: &str) -> Result<Statement, Refusal> {
    let start = Place { line: 1, column: 1 };
    if query.len() > MAX_BYTES {
        let problem = format!("has {} bytes, more than the {MAX_BYTES} allowed", query.len());
        return Err(start.refuse("the query", problem, "split the view"));
    }
    let tokens = Tokenizer::new(&Shared, query).with_unescape(false).tokenize_with_location().map_err(|error| {
        let place = Place { line: error.location.line as usize, column: error.location.column as usize };
        place.refuse("text", error.message, "close what is open: quotes and comments")
    })?;
    let tokens = spark_literals(tokens)?;
    if let Some(place) = deep_type(&tokens) {
        let problem = format!("is nested more than {MAX_TYPE} deep");
        return Err(place.refuse("a type", problem, "use a plainer type"));
    }
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_) | Token::LParen));
    if !first.is_some_and(|first| ["select", "with"].contains(&first.token.to_string().to_lowercase().as_str())) {
        return Err(start.refuse("the query", "is not a query", ONE_SELECT));
    }
    let statements = Parser::new(&Shared)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|error| syntax(query, &error))?;
    let count = statements.len();
    let mut statements = statements.into_iter();
    match (statements.next(), count) {
        (Some(statement), 1) => Ok(statement),
        (None, _) => Err(start.refuse("the query", "is not a query", ONE_SELECT)),
        _ => Err(start.refuse("the query", "has more than one statement", "write one SELECT statement")),
    }
}

/// The advice for what is no SELECT.
pub(super) const ONE_SELECT: &str = "write one SELECT statement (it may begin with WITH)";

const MAX_TYPE: usize = 16;

/// Where a type such as `ARRAY<ARRAY<INT>>` is nested too deeply: reading it calls itself without a bound.
fn deep_type(tokens: &[TokenWithSpan]) -> Option<Place> {
    let mut depth = 0_usize;
    let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).peekable();
    while let Some(token) = words.next() {
        match &token.token {
            Token::Word(word) if matches!(word.keyword, Keyword::ARRAY | Keyword::MAP | Keyword::STRUCT) => {
                depth += usize::from(words.peek().is_some_and(|next| next.token == Token::Lt));
            }
            Token::Gt => depth = depth.saturating_sub(1),
            Token::ShiftRight => depth = depth.saturating_sub(2),
            _ => {}
        }
        if depth > MAX_TYPE {
            return Some(Place::of(token.span));
        }
    }
    None
}

/// Texts without their escapes, and `1.5D` as the double it is for Spark.
fn spark_literals(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, Refusal> {
    let mut read: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for mut token in tokens {
        let place = Place::of(token.span);
        match &mut token.token {
            Token::SingleQuotedString(text) => *text = unescape(text, '\'', place)?,
            Token::DoubleQuotedString(text) => *text = unescape(text, '"', place)?,
            Token::Word(word) if word.quote_style.is_none() => {
                let before = read.last_mut().filter(|before| before.span.end == token.span.start);
                if let Some(Token::Number(number, false)) = before.map(|before| &mut before.token) {
                    if !word.value.eq_ignore_ascii_case("d") {
                        let construct = format!("{number}{}", word.value);
                        let fix = "write a number, `1.5D` for a double or `10L` for a bigint, and a blank after it";
                        return Err(place.refuse(construct, "is a number with a suffix that is not known", fix));
                    }
                    if !number.contains(['e', 'E']) {
                        number.push_str("e0");
                    }
                    continue;
                }
            }
            Token::SemiColon if read.iter().all(|before| matches!(before.token, Token::Whitespace(_))) => continue,
            _ => {}
        }
        read.push(token);
    }
    Ok(read)
}

/// What a literal between `quote`s says: Spark takes a backslash away, except before `%` and `_`.
fn unescape(raw: &str, quote: char, place: Place) -> Result<String, Refusal> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c == quote && chars.peek() == Some(&quote) {
            chars.next();
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('Z') => text.push('\u{1a}'),
            Some(c @ ('%' | '_')) => text.extend(['\\', c]),
            Some(c) if c.is_ascii_digit() || c == 'u' || c == 'U' => {
                let fix = "write the character itself, or `\\\\` for a backslash";
                return Err(place.refuse(format!("\\{c} in a text"), "stands for a character by number", fix));
            }
            Some(c) => text.push(c),
            None => text.push('\\'),
        }
    }
    Ok(text)
}

/// A parser's error as a refusal. Its place is only in its sentence.
fn syntax(query: &str, error: &ParserError) -> Refusal {
    let ParserError::ParserError(sentence) = error else {
        return Place::default().refuse("the query", "is nested too deeply", "use WITH to name its parts");
    };
    let (problem, at) = sentence.rsplit_once(" at Line: ").unwrap_or((sentence, ""));
    let mut numbers = at.split(", Column: ").map(|number| number.trim().parse().unwrap_or(0));
    let location = Location { line: numbers.next().unwrap_or(0), column: numbers.next().unwrap_or(0) };
    let end =
        Place { line: query.lines().count(), column: query.lines().last().map_or(0, |line| line.chars().count() + 1) };
    let place = Place { line: location.line as usize, column: location.column as usize }.or(end);
    let line = query.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    let rest: String = line.chars().skip(place.column.saturating_sub(1)).collect();
    let first = rest.split_whitespace().next().unwrap_or("the end");
    let problem = super::refusal::quote(problem.trim_start_matches("sql parser error: "));
    place.refuse(first, format!("is not understood here: {problem}"), "docs/sql.md has the forms that are known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_read_as_spark_does() {
        let read = |text: &str| parse(text).map(|statement| statement.to_string());
        assert_eq!(read(r"SELECT '\\d+\'', 'it''s', 1.5D, 7L").unwrap(), r"SELECT '\d+''', 'it''s', 1.5e0, 7L");
        assert_eq!(read(r"SELECT 'a\_b' -- no;").unwrap(), r"SELECT 'a\_b'");
        assert!(read("SELECT 1.5F").is_err());
        assert_eq!(read("SELECT 10 div 3 + 1").unwrap(), "SELECT 10 DIV 3 + 1");
    }

    #[test]
    fn one_statement_is_a_query() {
        let place = |text: &str| parse(text).map_err(|refusal| (refusal.construct, refusal.line, refusal.column));
        assert_eq!(place("SELECT 1; SELECT 2").unwrap_err().0, "the query");
        assert_eq!(place("SELECT a\nFROM t WHERE (").unwrap_err().1, 2);
        assert!(place("SELECT 'a").is_err());
        assert!(place(" -- nothing").is_err());
    }
}
