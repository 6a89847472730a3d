//! The join keys of a request: all that are wanted must be there, with values of their types, and nothing else.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::target::Target;
use crate::model::{DataType, Value};
use crate::platform::definition::ServiceItem;
use crate::platform::http::fault::Fault;
use crate::platform::online::parse_key;

/// Join keys as they came.
pub(super) type Given = BTreeMap<String, Json>;

/// Join keys with typed values, by the names of requests.
#[derive(Clone, Default)]
pub(super) struct JoinKeys(BTreeMap<String, Value>);

impl JoinKeys {
    /// The full key: a value for each join key of the target.
    pub(super) fn full(target: &Target, given: &Given) -> Result<Self, Fault> {
        let wildcard = target.wildcard_key().map(|(name, _)| name).filter(|name| !given.contains_key(*name));
        let advice = wildcard.map(|name| format!(" query-features answers for all values of `{name}`."));
        Self::read(target, &target.keys(), given, &advice.unwrap_or_default())
    }

    /// The keys of a query: all but the wildcard key.
    pub(super) fn indexed(target: &Target, wildcard: &str, given: &Given) -> Result<Self, Fault> {
        if given.contains_key(wildcard) {
            return Err(Fault::invalid(format!(
                "`{wildcard}` is the wildcard key of `{}`, and a query answers for all its values. Leave it out, or use \
                 get-features.",
                target.name
            )));
        }
        let wanted: Vec<_> = target.keys().into_iter().filter(|(name, _)| *name != wildcard).collect();
        Self::read(target, &wanted, given, "")
    }

    /// The values of the wanted keys. `advice` is what to say besides when one is missing.
    fn read(target: &Target, wanted: &[(&str, &DataType)], given: &Given, advice: &str) -> Result<Self, Fault> {
        let (name, all, known) = (&target.name, names(wanted), target.keys());
        if let Some(unknown) = given.keys().find(|key| known.iter().all(|(known, _)| known != key)) {
            let what = format!("`{unknown}` is not a join key of `{name}`. Give a value for each of: {all}.");
            return Err(Fault::invalid(what));
        }
        let key = |(key, data_type): &(&str, &DataType)| match given.get(*key) {
            Some(value) => Ok(((*key).to_owned(), value_of(key, data_type, value)?)),
            None => Err(Fault::invalid(format!(
                "The join key `{key}` of `{name}` is missing. Give a value for each of: {all}.{advice}"
            ))),
        };
        wanted.iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// The same with one more.
    pub(super) fn with(&self, name: &str, value: &Value) -> Self {
        let mut keys = self.clone();
        keys.0.insert(name.to_owned(), value.clone());
        keys
    }

    /// The full key of a view, in the view's order.
    pub(super) fn of_view(&self, item: &ServiceItem) -> Vec<Value> {
        item.join_keys.iter().map(|name| self.value(name)).collect()
    }

    /// The keys of a view's serving index, in its order.
    pub(super) fn of_index(&self, item: &ServiceItem) -> Vec<Value> {
        let place = |key: &String| item.view.join_keys.iter().position(|(known, _)| known == key);
        let places = item.view.online_serving_index.iter().filter_map(place);
        places.filter_map(|place| item.join_keys.get(place)).map(|name| self.value(name)).collect()
    }

    /// All of them, for the answer.
    pub(super) fn pairs(&self) -> Vec<(String, Value)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn value(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or(Value::Null)
    }
}

/// The names of keys, for sentences.
pub(super) fn names(keys: &[(&str, &DataType)]) -> String {
    keys.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn value_of(name: &str, data_type: &DataType, value: &Json) -> Result<Value, Fault> {
    let text = match value {
        Json::Null => return Ok(Value::Null),
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(flag) => return Err(not_a_key(name, &flag.to_string())),
        Json::Array(_) => return Err(not_a_key(name, "a list")),
        Json::Object(_) => return Err(not_a_key(name, "an object")),
    };
    parse_key(&text, data_type).map_err(|error| Fault::invalid(format!("The join key `{name}`: {error}.")))
}

fn not_a_key(name: &str, value: &str) -> Fault {
    Fault::invalid(format!("The join key `{name}` must be a text or a number, not {value}."))
}
