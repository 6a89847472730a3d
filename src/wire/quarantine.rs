//! The JSON of the quarantine below `/v1/fvtop/`: records of streams that no row could be made of.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::model::Time;

/// Path of the quarantine below the deployment's own API.
pub const QUARANTINE: &str = "quarantine";
/// Path of retries below the deployment's own API.
pub const RETRY: &str = "quarantine/retry";
/// Path of drops below the deployment's own API.
pub const DROP: &str = "quarantine/drop";
/// Records that are listed when nothing else is asked for.
pub const LIST_LIMIT: usize = 200;
/// The most records that are listed at a time.
pub const LIST_MOST: usize = 1_000;

/// Records of a view, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineList {
    /// The records of this page, at most as many as were asked for, [`LIST_LIMIT`] otherwise.
    pub records: Vec<QuarantineRow>,
    /// Where the next page begins (`before`); absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
    /// What was met since the beginning, by reason.
    #[serde(default)]
    pub totals: Vec<QuarantineTotal>,
}

/// A record that was set aside, without its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineRow {
    /// Its number; later ones have greater ones.
    pub id: i64,
    /// The word of its reason.
    pub reason: String,
    /// Where it stands in its stream, for people.
    pub place: String,
    /// What is wrong with it; without the right to read feature values, what its reason means.
    pub sentence: String,
    /// When it was set aside.
    pub met_at: Time,
    /// Bytes of the whole record, also where only its beginning is kept.
    pub length: u64,
    /// How often it was retried.
    #[serde(default)]
    pub tries: u64,
    /// When it was retried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<Time>,
    /// Why the last retry left it there; empty without one, and without the right to read feature values.
    #[serde(default)]
    pub error: String,
}

impl QuarantineRow {
    /// Why it is there: what the last retry said of it, else what is wrong with it.
    pub(crate) fn why(&self) -> &str {
        if self.error.is_empty() { &self.sentence } else { &self.error }
    }
}

/// What was met for one reason: met = held + released + dropped + pushed_out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineTotal {
    /// The word of the reason.
    pub reason: String,
    /// What the reason means, in a sentence for people.
    #[serde(default)]
    pub means: String,
    /// Records that were set aside.
    pub met: u64,
    /// Records that are there now.
    pub held: u64,
    /// Records that were written after all.
    pub released: u64,
    /// Records that somebody dropped by hand.
    pub dropped: u64,
    /// Records that went for newer ones.
    pub pushed_out: u64,
}

/// A record with its bytes, for who may read feature values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineRecord {
    /// What is known of it.
    pub record: QuarantineRow,
    /// The record in base64, or its beginning where fewer bytes than its length are kept.
    pub bytes_base64: String,
}

impl QuarantineRecord {
    /// The record with these bytes.
    pub fn new(record: QuarantineRow, bytes: &[u8]) -> Self {
        Self { record, bytes_base64: BASE64_STANDARD.encode(bytes) }
    }

    /// Its bytes; absent where they are no base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(&self.bytes_base64).ok()
    }
}

/// Which records of which view are meant: one of `ids`, `reason` and `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineAsked {
    /// The workspace of the view.
    pub workspace: String,
    /// The view whose records are meant, by name.
    pub feature_view: String,
    /// The records with these numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<i64>,
    /// All records whose reason has this word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// All records of the view, whatever their reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Only say what would come of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Of a retry: write records too that lie beyond the watermark.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_late: bool,
    /// Of a retry: where the one before ended.
    #[serde(default)]
    pub after: i64,
}

/// What came of a retry, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryAnswer {
    /// Records whose rows are written.
    pub arrived: u64,
    /// Records of which the query makes no row.
    pub filtered: u64,
    /// Records of which an event that deduplication takes for the same is there already.
    #[serde(default)]
    pub duplicates: u64,
    /// Records that stay in the quarantine, each with why.
    #[serde(default)]
    pub stays: Vec<StaysRow>,
    /// Where to go on (`after`); absent where that was all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

impl RetryAnswer {
    /// Records that leave the quarantine.
    pub fn leaves(&self) -> u64 {
        self.arrived + self.filtered + self.duplicates
    }
}

/// A record that stays in the quarantine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaysRow {
    /// Its number, as the list has it.
    pub id: i64,
    /// The word of the reason that it was set aside for.
    pub reason: String,
    /// Where it stands in its stream.
    pub place: String,
    /// Why it stays; without the right to read feature values, what its reason means.
    pub sentence: String,
}

/// What came of a drop, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropAnswer {
    /// Records that are gone, or would be.
    pub dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_travel_whole() {
        let bytes: Vec<u8> = (0..=255).collect();
        let record = QuarantineRecord::new(QuarantineRow::default(), &bytes);
        let text = serde_json::to_string(&record).unwrap();
        let back: QuarantineRecord = serde_json::from_str(&text).unwrap();
        assert_eq!((back.bytes(), &back), (Some(bytes), &record));
        assert_eq!(QuarantineRecord { bytes_base64: "?".to_owned(), ..record }.bytes(), None);
    }
}
