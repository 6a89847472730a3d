//! The filter language of Jobs, Stream and tables: `text`, `!not`, `~fuzzy`, `state=failure`, `attempts>1`; all terms
//! must hold.
//!
//! Pure. A [`Query`] is parsed once and asked for each row; rows show themselves through [`Row`].

use std::borrow::Cow;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::model::float_order;
use crate::model::time::parse_span;

/// What a filter can see of a row.
pub(super) trait Row {
    /// Everything that plain text is looked for in.
    fn text(&self) -> Cow<'_, str>;
    /// One named field; absent when the row has none of that name.
    fn field(&self, name: &str) -> Option<Cow<'_, str>>;
    /// Whether the text holds this, which is in lower case. For rows that can say so without making their text.
    fn says(&self, needle: &str) -> bool {
        contains(&self.text(), needle)
    }
}

/// A parsed filter. The empty one holds for every row.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
enum Term {
    Text { text: String, inverse: bool },
    Fuzzy(Pattern),
    Field { name: String, compare: Compare, value: String },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Compare {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Contains,
}

// Longer operators first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Compare); 7] = [
    ("!=", Compare::NotEqual),
    (">=", Compare::AtLeast),
    ("<=", Compare::AtMost),
    ("=", Compare::Equal),
    (">", Compare::Greater),
    ("<", Compare::Less),
    ("~", Compare::Contains),
];

/// How rows show a missing value; it is neither less nor more than anything.
const MISSING: &str = "null";

/// Reusable memory for fuzzy matching.
pub(super) struct Scorer {
    matcher: Matcher,
    memory: Vec<char>,
}

impl Default for Scorer {
    fn default() -> Self {
        Self { matcher: Matcher::new(Config::DEFAULT), memory: Vec::new() }
    }
}

impl Scorer {
    /// How well `text` matches; absent when it does not.
    pub(super) fn score(&mut self, pattern: &Pattern, text: &str) -> Option<u32> {
        pattern.score(Utf32Str::new(text, &mut self.memory), &mut self.matcher)
    }
}

/// The fuzzy pattern of a text.
pub(super) fn fuzzy(text: &str) -> Pattern {
    Pattern::new(text, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy)
}

impl Query {
    /// Reads a filter. `fields` are the names that may be compared; with none given any name may.
    /// The error is a sentence for the screen.
    pub(super) fn parse(text: &str, fields: &[&str]) -> Result<Self, String> {
        let terms = words(text).iter().map(|word| term(word, fields)).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// Whether it holds for every row.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether all terms hold for the row.
    pub(super) fn matches(&self, row: &impl Row, scorer: &mut Scorer) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Text { text, inverse } => row.says(text) != *inverse,
            Term::Fuzzy(pattern) => scorer.score(pattern, &row.text()).is_some(),
            Term::Field { name, compare, value } => row.field(name).is_some_and(|found| holds(*compare, &found, value)),
        })
    }
}

/// Splits at blanks, except between double quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(String::new()),
            c => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn term(word: &str, fields: &[&str]) -> Result<Term, String> {
    if let Some(rest) = word.strip_prefix('!').filter(|rest| !rest.is_empty()) {
        return Ok(Term::Text { text: rest.to_lowercase(), inverse: true });
    }
    if let Some(rest) = word.strip_prefix('~').filter(|rest| !rest.is_empty()) {
        return Ok(Term::Fuzzy(fuzzy(rest)));
    }
    // A known name may hold what otherwise ends one, such as the dot of `view.feature`.
    let known = fields.iter().filter(|field| word.starts_with(**field)).map(|field| field.len()).max();
    let name_end = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
    let name_end = known.unwrap_or(0).max(name_end);
    let (name, rest) = word.split_at(name_end);
    let operator = OPERATORS.iter().find(|(sign, _)| !name.is_empty() && rest.starts_with(sign));
    let Some((sign, compare)) = operator else {
        return Ok(Term::Text { text: word.to_lowercase(), inverse: false });
    };
    if !fields.is_empty() && !fields.contains(&name) {
        return Err(format!("No column `{name}`. Columns: {}.", fields.join(", ")));
    }
    Ok(Term::Field { name: name.to_owned(), compare: *compare, value: rest[sign.len()..].to_owned() })
}

/// Case-insensitive for ASCII, exact otherwise; `needle` is lower case.
pub(super) fn contains(hay: &str, needle: &str) -> bool {
    let (hay, needle) = (hay.as_bytes(), needle.as_bytes());
    let Some(first) = needle.first() else { return true };
    let fits = |at: &[u8]| at[0].to_ascii_lowercase() == *first && at.eq_ignore_ascii_case(needle);
    hay.windows(needle.len()).any(fits)
}

fn holds(compare: Compare, found: &str, value: &str) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = order(found, value);
    match compare {
        Compare::Equal => found.split(' ').any(|word| word.eq_ignore_ascii_case(value)) || order == Some(Equal),
        Compare::NotEqual => !holds(Compare::Equal, found, value),
        Compare::Contains => contains(found, &value.to_lowercase()),
        Compare::Less => order == Some(Less),
        Compare::AtMost => matches!(order, Some(Less | Equal)),
        Compare::Greater => order == Some(Greater),
        Compare::AtLeast => matches!(order, Some(Greater | Equal)),
    }
}

/// Numbers as numbers, spans as spans, anything else as text; an unfinished or foreign value compares to nothing.
fn order(found: &str, value: &str) -> Option<std::cmp::Ordering> {
    if found.is_empty() || value.is_empty() || found == MISSING {
        return None;
    }
    if let (Ok(found), Ok(value)) = (found.parse::<f64>(), value.parse::<f64>()) {
        return Some(float_order(found, value));
    }
    if let (Ok(found), Ok(value)) = (parse_span(found), parse_span(value)) {
        return Some(found.cmp(&value));
    }
    Some(found.to_lowercase().cmp(&value.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pairs(&'static str);

    impl Row for Pairs {
        fn text(&self) -> Cow<'_, str> {
            self.0.into()
        }

        fn field(&self, name: &str) -> Option<Cow<'_, str>> {
            let pair = self.0.split(';').find_map(|pair| pair.split_once('='));
            pair.filter(|(key, _)| *key == name)?;
            self.0.split(';').filter_map(|pair| pair.split_once('=')).find(|(k, _)| *k == name).map(|(_, v)| v.into())
        }
    }

    fn holds_for(query: &str, row: &'static str) -> bool {
        Query::parse(query, &[]).unwrap().matches(&Pairs(row), &mut Scorer::default())
    }

    #[test]
    fn terms_as_the_help_says() {
        for (query, row, expected) in [
            ("", "anything", true),
            ("FAIL", "state=Failure", true),
            ("!fail", "state=Failure", false),
            ("~crdly", "carrier_delays", true),
            ("~xyz", "carrier_delays", false),
            ("state=failure", "state=FAILURE", true),
            ("state!=failure", "state=FAILURE", false),
            ("state>1", "state=10", true),
            ("state<2h", "state=90m", true),
            ("state>=2h", "state=90m", false),
            ("state<2", "state=null", false),
            ("state>2", "state=null", false),
            ("state=null", "state=null", true),
            ("state~lur", "state=FAILURE", true),
            ("failure \"two words\"", "failure: two words", true),
            ("failure two", "failure: one", false),
        ] {
            assert_eq!(holds_for(query, row), expected, "{query} on {row}");
        }
    }

    #[test]
    fn an_unknown_column_is_named() {
        let error = Query::parse("colour=red", &["state", "type"]).unwrap_err();
        assert_eq!(error, "No column `colour`. Columns: state, type.");
    }
}
