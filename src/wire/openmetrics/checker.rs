//! A strict reader of the text format, for tests: it follows the format's rules and knows nothing of the writer.

use std::collections::{BTreeMap, BTreeSet};

/// How many samples the text has; or the first line that breaks a rule, and which.
pub(crate) fn check(text: &str) -> Result<usize, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("the text does not end with `# EOF` and a line end")?;
    let mut reader = Reader::default();
    for line in body.lines() {
        reader.line(line).map_err(|rule| format!("{line}: {rule}"))?;
    }
    reader.end_family()?;
    Ok(reader.samples)
}

#[derive(Default)]
struct Reader {
    name: String,
    kind: String,
    seen_metadata: BTreeSet<String>,
    seen_families: BTreeSet<String>,
    seen_samples: BTreeSet<String>,
    /// Cumulative counts by the labels of a histogram without `le`, and its count.
    buckets: BTreeMap<String, Vec<(f64, f64)>>,
    counts: BTreeMap<String, f64>,
    samples: usize,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        match line.strip_prefix("# ") {
            Some(rest) => self.about(rest),
            None if line.is_empty() || line.starts_with('#') => {
                Err("a line that is neither sample nor metadata".into())
            }
            None => self.sample(line),
        }
    }

    fn about(&mut self, rest: &str) -> Result<(), String> {
        let mut words = rest.splitn(3, ' ');
        let (word, name, value) =
            (words.next().unwrap(), words.next().ok_or("no name")?, words.next().ok_or("no value")?);
        if name != self.name {
            self.end_family()?;
            if !is_name(name) || !self.seen_families.insert(name.to_owned()) {
                return Err("a family's name is none, or comes again".into());
            }
            (self.name, self.kind) = (name.to_owned(), "unknown".to_owned());
            self.seen_metadata.clear();
        }
        if self.samples_of_family() || !self.seen_metadata.insert(word.to_owned()) {
            return Err("metadata comes after samples, or twice".into());
        }
        match word {
            "TYPE" if ["gauge", "counter", "histogram"].contains(&value) => self.kind = value.to_owned(),
            "UNIT" if name.ends_with(&format!("_{value}")) => {}
            "HELP" => unescape(value).map(|_| ())?,
            _ => return Err("not TYPE, UNIT or HELP with a value of theirs".into()),
        }
        Ok(())
    }

    fn samples_of_family(&self) -> bool {
        self.seen_samples.iter().any(|sample| sample.starts_with(&format!("{}\n", self.name)))
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let (metric, value) = line.rsplit_once(' ').ok_or("no value")?;
        let value = number(value).ok_or("a value that is no number")?;
        let (name, labels) = match metric.split_once('{') {
            Some((name, rest)) => (name, labels(rest.strip_suffix('}').ok_or("labels that do not end")?)?),
            None => (metric, BTreeMap::new()),
        };
        let suffix = name.strip_prefix(&self.name).ok_or("a sample outside its family")?;
        let key = format!("{}\n{suffix}{labels:?}", self.name);
        if !self.seen_samples.insert(key) {
            return Err("the same sample twice".into());
        }
        self.samples += 1;
        let counts = value >= 0.0 && value.is_finite();
        match (self.kind.as_str(), suffix) {
            ("gauge", "") => Ok(()),
            ("counter", "_total") if counts => Ok(()),
            ("histogram", "_sum") if counts => Ok(()),
            ("histogram", "_count") if counts && value.fract() == 0.0 => {
                self.counts.insert(format!("{labels:?}"), value);
                Ok(())
            }
            ("histogram", "_bucket") if counts && value.fract() == 0.0 => {
                let mut labels = labels;
                let bound = labels.remove("le").and_then(|bound| number(&bound)).ok_or("a bucket without `le`")?;
                self.buckets.entry(format!("{labels:?}")).or_default().push((bound, value));
                Ok(())
            }
            _ => Err("a suffix or value that its type does not have".into()),
        }
    }

    fn end_family(&mut self) -> Result<(), String> {
        let (buckets, counts) = (std::mem::take(&mut self.buckets), std::mem::take(&mut self.counts));
        if buckets.keys().ne(counts.keys()) {
            return Err(format!("{}: buckets without a count, or the other way round", self.name));
        }
        for (labels, buckets) in buckets {
            let grow = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
            if !grow || buckets.last() != Some(&(f64::INFINITY, counts[&labels])) {
                return Err(format!("{}{labels}: buckets that do not grow up to the count", self.name));
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        let mut escaped = false;
        let end = after.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.ok_or("a label that does not end")?;
        if !is_name(name) || found.insert(name.to_owned(), unescape(&after[..end])?).is_some() {
            return Err("a label's name is none, or comes twice".into());
        }
        rest = &after[end + 1..];
        rest = match rest.strip_prefix(',') {
            Some(more) if !more.is_empty() => more,
            None if rest.is_empty() => rest,
            _ => return Err("labels that are not separated by commas".into()),
        };
    }
    Ok(found)
}

fn unescape(text: &str) -> Result<String, String> {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                _ => return Err("a backslash that escapes nothing".into()),
            },
            '"' => return Err("a quote that is not escaped".into()),
            c => c,
        });
    }
    Ok(plain)
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '-') => digits.parse().ok(),
        _ => None,
    }
}

#[test]
fn what_breaks_a_rule_is_found() {
    let good = "# TYPE a gauge\na{b=\"c\"} 1\n# EOF\n";
    assert_eq!(check(good), Ok(1));
    for bad in [
        "# TYPE a gauge\na 1\n",
        "# TYPE a gauge\na 1\n# EOF",
        "# TYPE a gauge\na 1\na 1\n# EOF\n",
        "# TYPE a gauge\nb 1\n# EOF\n",
        "# TYPE a counter\na 1\n# EOF\n",
        "# TYPE a counter\na_total -1\n# EOF\n",
        "# TYPE a gauge\na one\n# EOF\n",
        "# TYPE a gauge\na{b=\"c} 1\n# EOF\n",
        "# TYPE a gauge\na{b=\"\\x\"} 1\n# EOF\n",
        "# TYPE a gauge\na{b=\"c\",b=\"d\"} 1\n# EOF\n",
        "# TYPE a gauge\na{b=\"c\",} 1\n# EOF\n",
        "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
        "# TYPE a gauge\na 1\n# HELP a Late.\n# EOF\n",
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_count 1\na_sum 1\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n# EOF\n",
        "# TYPE a gauge\n\na 1\n# EOF\n",
    ] {
        assert!(check(bad).is_err(), "{bad}");
    }
}
