//! The Lookup pane's state: one field a join key, and the last answer, which stays while the next key is typed.

use std::time::Duration;

use crate::client::message::{Problem, RequestId};
use crate::model::{FeatureStatus, FeatureVector, FeatureView, Span, Time, Value};
use crate::tui::field::Field;

/// How often an example key that is not in the online store yet is asked for again.
const AGAIN: u32 = 6;

/// The form of join keys, and what was answered to it.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    /// Join key name and what is typed, in the view's order.
    pub fields: Vec<(String, Field)>,
    /// The field that is typed into.
    pub focus: usize,
    /// The user typed something: no example is filled in any more.
    pub touched: bool,
    /// The key in the form was taken from the stream.
    pub example: bool,
    /// The request that is on its way, and since when.
    pub pending: Option<(RequestId, Time)>,
    /// What was asked for by the request on its way.
    pub asked: Vec<(String, String)>,
    /// How often the example was asked for again because the store did not have it yet.
    pub again: u32,
    /// The last answer that came.
    pub answer: Option<Answer>,
    /// How far the answer is scrolled, in lines.
    pub scroll: usize,
}

/// An answer, and what it answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The key as it was asked for.
    pub keys: Vec<(String, String)>,
    /// Features, or why there are none.
    pub result: Result<FeatureVector, Problem>,
    /// From the request to the answer.
    pub took: Duration,
    /// The instant at which it came.
    pub at: Time,
}

impl Lookup {
    /// An empty form for the view.
    pub fn new(view: &FeatureView) -> Self {
        let fields = view.join_keys.iter().map(|key| (key.name.clone(), Field::default()));
        Self { fields: fields.collect(), ..Self::default() }
    }

    /// Makes the form fit the view's join keys if it does not; keeps what is typed otherwise.
    pub fn fit(&mut self, view: &FeatureView) {
        let names = view.join_keys.iter().map(|key| &key.name);
        if !names.eq(self.fields.iter().map(|(name, _)| name)) {
            *self = Self::new(view);
        }
    }

    /// Whether an example key may be filled in.
    pub fn wants_example(&self) -> bool {
        !self.touched && !self.example && !self.fields.is_empty() && self.answer.is_none()
    }

    /// Whether the example is in the stream but not in the online store: the stream job writes it a little later.
    pub fn is_unwritten(&self) -> bool {
        let missing = |feature: &crate::model::FeatureValue| {
            feature.value == Value::Null || feature.status == Some(FeatureStatus::Missing)
        };
        let Some(Answer { result: Ok(vector), .. }) = &self.answer else { return false };
        self.example && !vector.features.is_empty() && vector.features.iter().all(missing)
    }

    /// Whether the example is to be asked for again now: after 1 s, 2 s, 4 s and so on, a few times.
    pub fn is_due_again(&self, now: Time) -> bool {
        let waited = |answer: &Answer| now - answer.at >= Span::seconds(1 << self.again.min(AGAIN));
        self.is_unwritten() && self.pending.is_none() && self.again < AGAIN && self.answer.as_ref().is_some_and(waited)
    }

    /// Fills the form from a record that has all keys.
    pub fn fill(&mut self, record: &str) -> bool {
        let Ok(serde_json::Value::Object(record)) = serde_json::from_str(record) else { return false };
        let mut found = Vec::new();
        for (name, _) in &self.fields {
            let text = match record.get(name) {
                Some(serde_json::Value::String(text)) if !text.is_empty() => text.clone(),
                Some(value @ serde_json::Value::Number(_)) => value.to_string(),
                _ => return false,
            };
            found.push(text);
        }
        for ((_, field), text) in self.fields.iter_mut().zip(found) {
            field.set(&text);
        }
        self.example = true;
        true
    }

    /// The names of the join keys with what is typed for each.
    pub fn keys(&self) -> Vec<(String, String)> {
        self.fields.iter().map(|(name, field)| (name.clone(), field.text().trim().to_owned())).collect()
    }
}
