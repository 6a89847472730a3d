//! `services.toml`: feature services, read and checked against the views they serve. The file may be absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catalog::{self, Catalog};
use super::document::Fields;
use super::identity::stable_id;
use crate::model::suggest;
use crate::platform::definition::{FeatureService, RepositoryError, ServiceItem, View};

/// The file of feature services.
const FILE: &str = "services.toml";

/// What services refer to: the sound views of all workspaces, and the files of all views, sound or not, by name.
pub(super) struct Known<'a> {
    pub views: &'a [Arc<View>],
    pub names: &'a BTreeMap<String, PathBuf>,
}

/// Reads the services of a repository: each once for every workspace it belongs to, in file order.
pub(super) fn read(
    root: &Path,
    catalog: &Catalog,
    known: &Known<'_>,
    errors: &mut Vec<RepositoryError>,
) -> Vec<Arc<FeatureService>> {
    if !root.join(FILE).exists() {
        return Vec::new();
    }
    let read = |fields: &Fields<'_>| service(fields, catalog, known);
    let found = catalog::entries(root, FILE, "feature_service", errors, &mut Vec::new(), read);
    found.into_iter().flatten().map(Arc::new).collect()
}

/// A view as a service names it.
struct Named {
    view: String,
    namespace: Option<String>,
    features: Option<Vec<String>>,
    join_keys: BTreeMap<String, String>,
}

fn service(fields: &Fields<'_>, catalog: &Catalog, known: &Known<'_>) -> Option<Vec<FeatureService>> {
    let name = fields.text("name")?;
    let description = fields.text("description").unwrap_or_default();
    let owner = fields.text("owner").unwrap_or_default();
    let tags = fields.tags("tags");
    let online = fields.flag("online_serving_enabled").unwrap_or(true);
    let named = named(fields);
    let chosen = catalog::workspaces(fields, catalog);
    let all: Option<Vec<&Named>> =
        named.iter().map(|named| is_there(fields, known, &named.view).then_some(named)).collect();
    let all = all.filter(|all| !all.is_empty())?;
    let mut services = Vec::new();
    for workspace in &chosen {
        let view = |named: &&Named| known.views.iter().find(|v| v.workspace == workspace.name && v.name == named.view);
        let items = all.iter().map(|named| view(named).map(|view| (*named, view))).collect::<Option<Vec<_>>>();
        let Some(items) = items else {
            if fields.has("workspaces") {
                let problem = format!("not all of its views are in workspace `{}`", workspace.name);
                fields.report("workspaces", problem, "remove that workspace, or add it to the views");
            }
            continue;
        };
        services.push(FeatureService {
            id: stable_id(&workspace.name, "feature_service", &name),
            name: name.clone(),
            workspace: workspace.name.clone(),
            description: description.clone(),
            owner: owner.clone(),
            tags: tags.clone(),
            defined_in: FILE.to_owned(),
            online_serving_enabled: online,
            items: items.into_iter().map(|(named, view)| item(named, view)).collect(),
        });
    }
    match services.first() {
        // What is wrong is wrong in every workspace: it is told once.
        Some(first) => check(fields, first, &all),
        None if fields.has("workspaces") => {}
        None => {
            let fix = "give them one in common with their `workspaces`";
            fields.report("features", "no workspace has all these views", fix);
        }
    }
    Some(services)
}

/// A list of names, or of tables that say more.
fn named(fields: &Fields<'_>) -> Vec<Named> {
    let example = "`features = [\"...\"]`, names of views, or a list of `{ view = \"...\", features = [\"...\"] }`";
    fields.require("features", example);
    let plain = |view| Named { view, namespace: None, features: None, join_keys: BTreeMap::new() };
    let found: Vec<Named> = match fields.tables("features") {
        Some(tables) => tables.iter().filter_map(named_table).collect(),
        None => fields.texts("features").unwrap_or_default().into_iter().map(plain).collect(),
    };
    if found.is_empty() && fields.has("features") {
        fields.report("features", "names no view", format!("write {example}"));
    }
    found
}

fn named_table(table: &Fields<'_>) -> Option<Named> {
    let view = table.required_text("view", "`view = \"...\"`, the name of a view");
    let (namespace, features) = (table.text("namespace"), table.texts("features"));
    let join_keys = table.tags("join_keys");
    table.finish();
    Some(Named { view: view?, namespace, features, join_keys })
}

fn is_there(fields: &Fields<'_>, known: &Known<'_>, name: &str) -> bool {
    if known.views.iter().any(|view| view.name == name) {
        return true;
    }
    if known.names.contains_key(name) {
        fields.report("features", format!("view `{name}` has errors"), "correct them first");
    } else {
        let names = known.names.keys().map(String::as_str).filter(|name| !name.is_empty());
        fields.report("features", format!("there is no view `{name}`"), suggest::fix(name, names));
    }
    false
}

fn item(named: &Named, view: &Arc<View>) -> ServiceItem {
    let all = view.feature_names();
    let wanted = |name: &String| named.features.as_ref().is_none_or(|features| features.contains(name));
    let key = |(name, _): &(String, _)| named.join_keys.get(name).unwrap_or(name).clone();
    ServiceItem {
        namespace: named.namespace.clone().unwrap_or_else(|| view.name.clone()),
        features: all.into_iter().filter(wanted).collect(),
        join_keys: view.join_keys.iter().map(key).collect(),
        view: Arc::clone(view),
    }
}

/// Reports what does not go together, in the order of the items.
fn check(fields: &Fields<'_>, service: &FeatureService, named: &[&Named]) {
    let report = |problem: String, fix: String| fields.report("features", problem, fix);
    for (at, (item, named)) in service.items.iter().zip(named).enumerate() {
        let (view, earlier) = (&item.view, service.items.iter().take(at));
        if service.online_serving_enabled && !view.online {
            let fix = "add `online = true` to the view, or `online_serving_enabled = false` to the service";
            report(format!("view `{}` is not written to the online store", view.name), fix.to_owned());
        }
        if earlier.clone().any(|other| other.namespace == item.namespace) {
            let fix = "give one of them another with `{ view = \"...\", namespace = \"...\" }`";
            report(format!("the namespace `{}` comes twice", item.namespace), fix.to_owned());
        }
        let (keys, features) = (view.join_keys.iter().map(|(name, _)| name.as_str()), view.feature_names());
        for unknown in named.join_keys.keys().filter(|key| !keys.clone().any(|known| known == *key)) {
            report(format!("`{unknown}` is not a join key of `{}`", view.name), suggest::fix(unknown, keys.clone()));
        }
        for unknown in named.features.iter().flatten().filter(|feature| !features.contains(feature)) {
            let fix = suggest::fix(unknown, features.iter().map(String::as_str));
            report(format!("`{unknown}` is not a feature of `{}`", view.name), fix);
        }
        check_keys(item, earlier, &report);
    }
}

/// A key must mean the same in all items: one type, and at most one key that requests may leave out.
fn check_keys<'a>(
    item: &ServiceItem,
    earlier: impl Iterator<Item = &'a ServiceItem> + Clone,
    report: &impl Fn(String, String),
) {
    let rename = "give one of them another name with `join_keys = { KEY = \"...\" }`";
    for (at, (name, data_type)) in item.keys().enumerate() {
        if item.keys().take(at).any(|(other, _)| other == name) {
            report(format!("view `{}` has the join key `{name}` twice", item.view.name), rename.to_owned());
        }
        let other =
            |item: &'a ServiceItem| item.keys().find(|(other, other_type)| *other == name && other_type != &data_type);
        if let Some((_, other)) = earlier.clone().find_map(other) {
            report(format!("join key `{name}` is {other} in one view and {data_type} in another"), rename.to_owned());
        }
    }
    let other = earlier.filter_map(ServiceItem::wildcard_key).next();
    if let Some((one, other)) = item.wildcard_key().zip(other).filter(|(one, other)| one != other) {
        let fix = "make a service of each";
        report(format!("views leave out different join keys of lookups, `{other}` and `{one}`"), fix.to_owned());
    }
}
