//! The feature repository: a folder of TOML, read and validated into definitions.
//!
//! `load` never fails as a whole: what is sound is used, what is not is told with file, line, field and fix. This room
//! must not run jobs or write anything.
//!
//! Layout of a repository: `workspaces.toml`, `entities.toml`, `sources.toml`, `views/*.toml`, one view a file, and
//! `services.toml`, which may be absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod catalog;
mod document;
mod features;
mod files;
pub mod identity;
mod services;
mod streams;
mod views;

use crate::model::suggest;
use crate::platform::definition::{Repository, RepositoryError, View};
use catalog::{Catalog, ListedWorkspace};
use files::Folders;

/// The file that defines workspaces.
pub const WORKSPACES: &str = "workspaces.toml";
/// The file that defines entities.
pub const ENTITIES: &str = "entities.toml";
/// The file that defines sources.
pub const SOURCES: &str = "sources.toml";
/// Most view files of one repository.
const MAX_VIEWS: usize = 2_000;

/// Reads the repository below `root`, whose files lie in it. May be called from anywhere, async code too.
pub fn load(root: &Path) -> Repository {
    load_with(root, &[])
}

/// [`load`], with files of sources in these folders besides. Which ones is up to whoever starts the platform, never to
/// a definition.
pub fn load_with(root: &Path, allowed: &[PathBuf]) -> Repository {
    load_in(root, allowed, None)
}

/// [`load_with`], for a platform that keeps what its streams bring in that folder.
pub(crate) fn load_in(root: &Path, allowed: &[PathBuf], streams: Option<&Path>) -> Repository {
    // Queries are planned by Polars, which blocks on a runtime of its own: a plain thread may do that always.
    let loaded = std::thread::scope(|scope| scope.spawn(|| load_here(root, allowed, streams)).join());
    loaded.unwrap_or_else(|_| {
        let error =
            whole(root, "reading the repository stopped with a fault of this program", "report it with the log");
        Repository { root: root.to_owned(), errors: vec![error], ..Repository::default() }
    })
}

fn load_here(root: &Path, allowed: &[PathBuf], streams: Option<&Path>) -> Repository {
    let mut errors = Vec::new();
    if !root.is_dir() {
        let error = whole(root, "there is no such folder", "give the folder that holds workspaces.toml");
        return Repository { root: root.to_owned(), errors: vec![error], ..Repository::default() };
    }
    let catalog = Catalog::read(root, &Folders::new(root, allowed), streams, &mut errors);
    let (mut views, mut refused) = (Vec::new(), Vec::new());
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in view_files(root, &mut errors) {
        let (name, found) = views::read(root, &file, &catalog, &mut errors);
        if let Some(first) = names.get(&name).filter(|_| !name.is_empty()) {
            let problem = format!("`{name}` is defined in {} already", first.display());
            errors.push(RepositoryError { field: "name".to_owned(), ..whole(&file, &problem, "rename one of them") });
            continue;
        }
        if found.is_empty() && !name.is_empty() {
            refused.push((name.clone(), file.clone()));
        }
        names.insert(name, file);
        views.extend(found);
    }
    check_order(&catalog.workspaces, &names, &mut errors);
    let views = in_order(views, &catalog.workspaces);
    let known = services::Known { views: &views, names: &names };
    let services = services::read(root, &catalog, &known, &mut errors);
    let workspaces = catalog.workspaces.into_iter().map(|listed| listed.workspace).collect();
    let (entities, sources) = (catalog.entities, catalog.sources);
    Repository { root: root.to_owned(), workspaces, entities, sources, views, services, errors, refused }
}

/// The view files, in the order of their names, relative to the repository.
fn view_files(root: &Path, errors: &mut Vec<RepositoryError>) -> Vec<PathBuf> {
    let folder = root.join("views");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            let problem = format!("the folder cannot be read: {error}");
            errors.push(whole(Path::new("views"), &problem, "create it, with one TOML file a view"));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| Path::new("views").join(entry.file_name()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    if files.is_empty() {
        errors.push(whole(Path::new("views"), "there is no view", "add a file such as views/my_view.toml"));
    }
    if files.len() > MAX_VIEWS {
        let problem = format!("there are {} files, more than the {MAX_VIEWS} allowed", files.len());
        errors.push(whole(Path::new("views"), &problem, "split the repository"));
        files.truncate(MAX_VIEWS);
    }
    files
}

/// Views by workspace; inside one, the listed ones first, then the others by file name.
fn in_order(mut views: Vec<View>, workspaces: &[ListedWorkspace]) -> Vec<Arc<View>> {
    let place = |view: &View| {
        let at = workspaces.iter().position(|listed| listed.workspace.name == view.workspace);
        let listed = at.map(|at| workspaces[at].views.as_slice()).unwrap_or_default();
        (at, listed.iter().position(|name| *name == view.name).unwrap_or(usize::MAX))
    };
    views.sort_by_key(place);
    views.into_iter().map(Arc::new).collect()
}

/// Reports names in a workspace's order of views that no file defines.
fn check_order(workspaces: &[ListedWorkspace], names: &BTreeMap<String, PathBuf>, errors: &mut Vec<RepositoryError>) {
    for name in workspaces.iter().flat_map(|listed| &listed.views) {
        if !names.contains_key(name) {
            let fix = suggest::fix(name, names.keys().map(String::as_str).filter(|name| !name.is_empty()));
            let error = whole(Path::new(WORKSPACES), &format!("there is no view `{name}`"), &fix);
            errors.push(RepositoryError { field: "workspace.views".to_owned(), ..error });
        }
    }
}

/// An error of a file as a whole.
fn whole(file: &Path, problem: &str, fix: &str) -> RepositoryError {
    let (problem, fix) = (problem.to_owned(), fix.to_owned());
    RepositoryError { file: file.to_owned(), line: None, field: String::new(), problem, fix }
}

#[cfg(test)]
mod tests;
