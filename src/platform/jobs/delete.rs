//! Whether keys may be deleted from a view (docs/semantics.md section 11, docs/wire.md section 2.6), as pure functions,
//! and the keys in the form in which they are kept.
//!
//! Nothing here touches a store.

use polars::prelude::DataFrame;

use crate::model::deletion::MAX_KEYS;
use crate::model::{Stores, clean};
use crate::platform::definition::View;
use crate::platform::frame;

use super::attempt_log::grouped;
use super::trigger::list;

/// What is to be deleted where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The stores that get a job.
    pub stores: Stores,
    /// The stores that are left out because nothing of the view was ever written to them.
    pub skipped: Stores,
}

impl Plan {
    /// What the caller should know.
    pub(crate) fn notes(&self, view: &View) -> Vec<String> {
        let note = |store: &str| {
            format!(
                "Feature view `{}` was never materialized to the {store} store, so nothing is deleted there.",
                view.name
            )
        };
        named(self.skipped).into_iter().map(note).collect()
    }
}

/// Checks a request to delete `keys`, as the caller sent them, from `stores`. `written` are the stores that anything of
/// the view was ever written to. The refusal is a complete sentence.
pub(crate) fn check(view: &View, keys: &DataFrame, stores: Stores, written: Stores) -> Result<Plan, String> {
    if !stores.online && !stores.offline {
        return Err("Choose at least one store to delete from: online, offline or both.".to_owned());
    }
    check_view(view, stores)?;
    let columns: Vec<(&str, String)> =
        keys.columns().iter().map(|column| (column.name().as_str(), frame::exact_word(column))).collect();
    check_columns(view, &columns)?;
    check_count(keys.height())?;
    let plan = Plan {
        stores: Stores { online: stores.online && written.online, offline: stores.offline && written.offline },
        skipped: Stores { online: stores.online && !written.online, offline: stores.offline && !written.offline },
    };
    if named(plan.stores).is_empty() {
        return Err(format!(
            "Feature view `{}` was never materialized to the {} store, so there is nothing to delete.",
            view.name,
            named(plan.skipped).join(" or the ")
        ));
    }
    Ok(plan)
}

fn named(stores: Stores) -> Vec<&'static str> {
    let chosen = [(stores.online, "online"), (stores.offline, "offline")];
    chosen.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name).collect()
}

fn check_view(view: &View, stores: Stores) -> Result<(), String> {
    let name = &view.name;
    if !view.live {
        return Err(format!(
            "Feature view `{name}` is not materialized, because workspace `{}` is not live: there is nothing to delete. Delete \
             keys in a live workspace.",
            view.workspace
        ));
    }
    if let Some((key, _)) = view.wildcard_key() {
        return Err(format!(
            "Keys of feature view `{name}` cannot be deleted: its join key `{key}` is a wildcard (not in online_serving_index)."
        ));
    }
    for (store, wanted, has) in [("online", stores.online, view.online), ("offline", stores.offline, view.offline)] {
        if wanted && !has {
            return Err(format!(
                "Feature view `{name}` is not configured with {store}=true, so it has no {store} store to delete from. Leave \
                 {store} out."
            ));
        }
    }
    Ok(())
}

/// The columns must be the join keys, each once, of their types; the order does not matter. `columns` are names and
/// type words.
pub(crate) fn check_columns(view: &View, columns: &[(&str, String)]) -> Result<(), String> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let twice = names.iter().enumerate().filter(|(index, name)| names[..*index].contains(name));
    let mut twice: Vec<String> = twice.map(|(_, name)| quoted(name)).collect();
    twice.dedup();
    if !twice.is_empty() {
        return Err(format!("The keys have more than one column named {}. Name each column once.", list(&twice)));
    }
    let missing = view.join_keys.iter().filter(|(key, _)| !names.contains(&key.as_str()));
    let missing: Vec<String> = missing.map(|(key, _)| quoted(key)).collect();
    let surplus = names.iter().filter(|name| !view.join_keys.iter().any(|(key, _)| key == *name));
    let surplus: Vec<String> = surplus.map(|name| quoted(name)).collect();
    if !missing.is_empty() || !surplus.is_empty() {
        let wanted: Vec<String> = view.join_keys.iter().map(|(key, _)| quoted(key)).collect();
        let lacks = (!missing.is_empty()).then(|| format!("lack {}", list(&missing)));
        let has = (!surplus.is_empty()).then(|| format!("have {}, no join key", list(&surplus)));
        return Err(format!(
            "The columns of the keys must be the join keys of feature view `{}`, {}: they {}.",
            view.name,
            wanted.join(", "),
            lacks.into_iter().chain(has).collect::<Vec<_>>().join(" and ")
        ));
    }
    for (key, wanted) in &view.join_keys {
        let found = columns.iter().find(|(name, _)| name == key).map(|(_, found)| found.as_str());
        if let Some(found) = found.filter(|found| *found != wanted.to_string()) {
            return Err(format!(
                "Column `{key}` of the keys is {found}, and join key `{key}` of feature view `{}` is {wanted}. Give it as {wanted}.",
                view.name
            ));
        }
    }
    Ok(())
}

/// Between one key and as many as one request may name, counted as they were given.
pub(crate) fn check_count(keys: usize) -> Result<(), String> {
    if keys == 0 {
        return Err("There are no keys to delete. Give at least one row of join keys.".to_owned());
    }
    if keys > MAX_KEYS {
        return Err(format!(
            "{} keys are more than the {} that one request may delete, and none was deleted. Split them into several requests.",
            grouped(keys as u64),
            grouped(MAX_KEYS as u64)
        ));
    }
    Ok(())
}

/// Each of the chosen stores alone.
pub(crate) fn each(stores: Stores) -> Vec<Stores> {
    let chosen = [(stores.online, (true, false)), (stores.offline, (false, true))];
    let chosen = chosen.into_iter().filter(|(wanted, _)| *wanted);
    chosen.map(|(_, (online, offline))| Stores { online, offline }).collect()
}

/// What the log of a deletion begins with.
pub(crate) fn asked(given: usize, distinct: usize) -> String {
    let keys = |n: usize| if n == 1 { "1 key".to_owned() } else { format!("{} keys", grouped(n as u64)) };
    format!("Somebody asked to delete {}, {} of them distinct.", keys(given), grouped(distinct as u64))
}

fn quoted(name: &str) -> String {
    format!("`{}`", clean(name))
}

#[cfg(test)]
mod tests;
