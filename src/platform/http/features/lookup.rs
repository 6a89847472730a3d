//! The lookup of one key, and of all values of the wildcard key.

use std::collections::BTreeMap;
use std::time::Instant;

use super::join_keys::{JoinKeys, names};
use super::meter::Meter;
use super::target::Target;
use crate::model::{DataType, FeatureVector, FeatureVectors, JoinKey, Time, Value};
use crate::platform::Platform;
use crate::platform::definition::ServiceItem;
use crate::platform::http::fault::Fault;
use crate::wire::convert::{self, Included};
use crate::wire::features::{GetFeaturesRequest, GetFeaturesResponse, MetadataOptions, QueryFeaturesResponse};

/// The features of one key.
pub(super) fn one(
    platform: &Platform,
    asked: GetFeaturesRequest,
    began: Instant,
) -> Result<GetFeaturesResponse, Fault> {
    let asked = asked.params;
    let target = Target::find(platform, &asked.workspace_name, &asked.locator)?;
    let keys = JoinKeys::full(&target, &asked.join_key_map)?;
    let mut meter = Meter::since(began);
    let vector = vector(platform, &target, &keys, platform.clock().now(), &mut meter)?;
    let descriptions = descriptions(&target, asked.metadata_options);
    let included = included(asked.metadata_options, &descriptions, asked.allow_partial_results);
    Ok(convert::response_from_vector(&vector, &included, meter.slo()))
}

/// The features of every value of the wildcard key that has any.
pub(super) fn all(
    platform: &Platform,
    asked: GetFeaturesRequest,
    began: Instant,
) -> Result<QueryFeaturesResponse, Fault> {
    let asked = asked.params;
    let target = Target::find(platform, &asked.workspace_name, &asked.locator)?;
    let (name, data_type) = wildcard_of(&target)?;
    let keys = JoinKeys::indexed(&target, name, &asked.join_key_map)?;
    let mut meter = Meter::since(began);
    let vectors = vectors(platform, &target, name, &keys, &mut meter)?;
    let found = FeatureVectors {
        wildcard_keys: vec![JoinKey { name: name.to_owned(), data_type: data_type.clone() }],
        features: target.features(),
        vectors,
        ..FeatureVectors::default()
    };
    let descriptions = descriptions(&target, asked.metadata_options);
    let included = included(asked.metadata_options, &descriptions, asked.allow_partial_results);
    Ok(convert::response_from_vectors(&found, &included, meter.slo()))
}

/// What to say besides the values. Nothing is ever left out for lack of time, and whoever asked is told so.
pub(super) fn included(options: MetadataOptions, descriptions: &[String], partial_results: bool) -> Included<'_> {
    Included { options, descriptions, partial_results }
}

/// What each feature is, where that was asked for.
pub(super) fn descriptions(target: &Target, options: MetadataOptions) -> Vec<String> {
    if options.include_feature_descriptions { target.descriptions() } else { Vec::new() }
}

/// The vector of one full key at an instant.
pub(super) fn vector(
    platform: &Platform,
    target: &Target,
    keys: &JoinKeys,
    at: Time,
    meter: &mut Meter,
) -> Result<FeatureVector, Fault> {
    let mut read = |item: &ServiceItem| meter.read(|| platform.online().lookup(&item.view, &keys.of_view(item), at));
    let each = target.items.iter().map(&mut read).collect::<Result<Vec<_>, _>>()?;
    let each: Vec<&FeatureVector> = each.iter().collect();
    Ok(put_together(target, &each, keys))
}

/// One vector of the vectors of the views.
fn put_together(target: &Target, each: &[&FeatureVector], keys: &JoinKeys) -> FeatureVector {
    let mut features = Vec::with_capacity(target.columns.len());
    for column in &target.columns {
        if let Some(found) = each.get(column.item).and_then(|vector| vector.features.get(column.place)) {
            let mut feature = found.clone();
            feature.name.clone_from(&column.name);
            features.push(feature);
        }
    }
    FeatureVector { features, join_keys: keys.pairs(), ..FeatureVector::default() }
}

/// A vector for each value of the wildcard key under which any view has something, in the order of the values. Views
/// that have nothing there, and those without a wildcard key, are looked up by their full keys.
fn vectors(
    platform: &Platform,
    target: &Target,
    wildcard: &str,
    keys: &JoinKeys,
    meter: &mut Meter,
) -> Result<Vec<FeatureVector>, Fault> {
    let at = platform.clock().now();
    let mut found: BTreeMap<Ordered, Row> = BTreeMap::new();
    for (place, item) in target.items.iter().enumerate().filter(|(_, item)| item.wildcard_key().is_some()) {
        let entries = meter.read(|| platform.online().query(&item.view, &keys.of_index(item), at))?;
        let wild = item.join_keys.iter().position(|name| name == wildcard);
        for (full, vector) in entries {
            let value = wild.and_then(|wild| full.get(wild)).cloned().unwrap_or(Value::Null);
            let row = found.entry(Ordered::from_key(&value)).or_insert_with(|| Row::new(value, target.items.len()));
            if let Some(slot) = row.vectors.get_mut(place) {
                *slot = Some(vector);
            }
        }
    }
    let mut same = SameForAll::default();
    let row = |row: Row| {
        let keys = keys.with(wildcard, &row.value);
        let mut each = Vec::with_capacity(target.items.len());
        for ((place, item), vector) in target.items.iter().enumerate().zip(row.vectors) {
            let mut read = || meter.read(|| platform.online().lookup(&item.view, &keys.of_view(item), at));
            each.push(match vector {
                Some(vector) => vector,
                None if item.join_keys.iter().any(|name| name == wildcard) => read()?,
                None => same.vector(place, read)?,
            });
        }
        let each: Vec<&FeatureVector> = each.iter().collect();
        Ok(put_together(target, &each, &keys))
    };
    found.into_values().map(row).collect()
}

/// The vectors of views that do not know the wildcard key: one for all its values.
#[derive(Default)]
struct SameForAll(BTreeMap<usize, FeatureVector>);

impl SameForAll {
    fn vector<E>(&mut self, place: usize, read: impl FnOnce() -> Result<FeatureVector, E>) -> Result<FeatureVector, E> {
        if let Some(known) = self.0.get(&place) {
            return Ok(known.clone());
        }
        let vector = read()?;
        self.0.insert(place, vector.clone());
        Ok(vector)
    }
}

/// What views have for one value of the wildcard key, in their order.
struct Row {
    value: Value,
    vectors: Vec<Option<FeatureVector>>,
}

impl Row {
    fn new(value: Value, views: usize) -> Self {
        Self { value, vectors: vec![None; views] }
    }
}

/// A key in the order of the store: null, numbers, texts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Ordered {
    Null,
    Number(i64),
    Text(String),
}

impl Ordered {
    fn from_key(value: &Value) -> Self {
        match value {
            Value::Int(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text.clone()),
            // Join keys have no other types.
            _ => Self::Null,
        }
    }
}

fn wildcard_of(target: &Target) -> Result<(&str, &DataType), Fault> {
    target.wildcard_key().ok_or_else(|| {
        let kind = if target.is_service { "Feature service" } else { "Feature view" };
        let problem = "has no wildcard key: all its join keys are in online_serving_index";
        let all = names(&target.keys());
        let fix = format!("Use get-features, with a value for each of: {all}.");
        Fault::invalid(format!("{kind} `{}` {problem}. {fix}", target.name))
    })
}
