//! Figures in the OpenMetrics text format, version 1.0.0.
//!
//! A writer alone: what is counted and measured is not known here.

use std::fmt::Write;

/// The media type of the text.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the samples of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A count that only grows, from the start of the process.
    Counter,
    /// Counts of observations by size, and their sum, from the start of the process.
    Histogram,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: Vec<Sample>,
}

/// The labels of a sample: names and values.
pub(crate) type Labels<'a> = &'a [(&'static str, &'a str)];

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    suffix: &'static str,
    labels: String,
    value: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    /// Greatest sizes of the buckets, ascending, the infinite one left out.
    bounds: &'static [f64],
    /// Observations of each bucket alone, then of the infinite one.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// One without observations, with buckets up to these sizes.
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    pub(crate) fn observe(&mut self, size: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < size);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += size;
    }
}

impl Family {
    /// A family without samples. A name that ends with `_seconds` is of that unit.
    pub(crate) fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self { name, kind, help, samples: Vec::new() }
    }

    /// Adds the sample with these labels. No two samples of a family may have the same ones.
    pub(crate) fn push(&mut self, labels: Labels<'_>, value: f64) {
        let suffix = if self.kind == Kind::Counter { "_total" } else { "" };
        self.samples.push(Sample { suffix, labels: written(labels), value });
    }

    /// Adds the samples of a histogram with these labels.
    pub(crate) fn push_histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
        let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
        let mut below = 0;
        for (bound, count) in bounds.zip(&histogram.counts) {
            below += count;
            let bound = number(bound);
            let with_bound: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.samples.push(Sample { suffix: "_bucket", labels: written(&with_bound), value: below as f64 });
        }
        for (suffix, value) in [("_count", below as f64), ("_sum", histogram.sum)] {
            self.samples.push(Sample { suffix, labels: written(labels), value });
        }
    }

    fn write(&self, text: &mut String) {
        let kind = match self.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        let name = self.name;
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# TYPE {name} {kind}");
        if name.ends_with("_seconds") {
            let _ = writeln!(text, "# UNIT {name} seconds");
        }
        let _ = writeln!(text, "# HELP {name} {}", escaped(self.help));
        for Sample { suffix, labels, value } in &self.samples {
            let _ = writeln!(text, "{name}{suffix}{labels} {}", number(*value));
        }
    }
}

/// The families as one text; those without samples are left out.
pub(crate) fn write(families: &[Family]) -> String {
    let mut text = String::new();
    families.iter().filter(|family| !family.samples.is_empty()).for_each(|family| family.write(&mut text));
    text.push_str("# EOF\n");
    text
}

fn written(labels: Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value if value.is_nan() => "NaN".to_owned(),
        value => value.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod checker;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_the_format_wants_them() {
        let mut jobs = Family::new(Kind::Gauge, "jobs", "Jobs that are \"kept\".");
        jobs.push(&[("view", "a\"b\\c\nd"), ("state", "RUNNING")], 3.0);
        let mut rows = Family::new(Kind::Counter, "rows", "Rows.");
        rows.push(&[], 12_345_678_901.0);
        let mut took = Family::new(Kind::Histogram, "took_seconds", "Time.");
        let mut histogram = Histogram::new(&[0.5, 1.0]);
        [0.25, 0.5, 4.0].into_iter().for_each(|size| histogram.observe(size));
        took.push_histogram(&[("path", "/p")], &histogram);
        let empty = Family::new(Kind::Gauge, "nothing", "Nothing.");
        let text = write(&[jobs, rows, empty, took]);
        let expected = r#"# TYPE jobs gauge
# HELP jobs Jobs that are \"kept\".
jobs{view="a\"b\\c\nd",state="RUNNING"} 3
# TYPE rows counter
# HELP rows Rows.
rows_total 12345678901
# TYPE took_seconds histogram
# UNIT took_seconds seconds
# HELP took_seconds Time.
took_seconds_bucket{path="/p",le="0.5"} 2
took_seconds_bucket{path="/p",le="1"} 2
took_seconds_bucket{path="/p",le="+Inf"} 3
took_seconds_count{path="/p"} 3
took_seconds_sum{path="/p"} 4.75
# EOF
"#;
        assert_eq!(text, expected);
        assert_eq!(checker::check(&text), Ok(7));
    }
}
