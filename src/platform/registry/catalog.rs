//! `workspaces.toml`, `entities.toml` and `sources.toml`: the things that views refer to by name.
//!
//! It reads footers of data files for their columns; it must not read events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use super::document::{Document, Fields};
use super::files::{self, Folders};
use super::identity::stable_id;
use super::{ENTITIES, SOURCES, WORKSPACES, streams};
use crate::model::time::{parse_time, span_micros};
use crate::model::{DataType, Span, Time, Workspace, clean, suggest};
use crate::platform::data_dir;
use crate::platform::definition::{DataFile, Entity, Kept, Replay, RepositoryError, Source, Unread};
use crate::platform::source::{lap, schema};

/// Most entries that one file may define.
const MAX_ENTRIES: usize = 1_000;

/// A workspace and the order in which its views are shown.
pub(super) struct ListedWorkspace {
    pub workspace: Workspace,
    /// Names of views that come first, in this order.
    pub views: Vec<String>,
}

/// What the three files define, with all problems found.
#[derive(Default)]
pub(super) struct Catalog {
    pub workspaces: Vec<ListedWorkspace>,
    pub entities: Vec<Arc<Entity>>,
    pub sources: Vec<Arc<Source>>,
    /// Names of entities and sources that are defined but not sound: who uses them needs no second error.
    pub broken: Vec<String>,
}

impl Catalog {
    /// Reads the three files below `root`.
    pub(super) fn read(root: &Path, folders: &Folders, kept: Option<&Path>, errors: &mut Vec<RepositoryError>) -> Self {
        let mut catalog = Self::default();
        let mut broken = Vec::new();
        catalog.workspaces = entries(root, WORKSPACES, "workspace", errors, &mut broken, workspace);
        catalog.entities = entries(root, ENTITIES, "entity", errors, &mut broken, entity);
        let keys: Vec<String> =
            catalog.entities.iter().flat_map(|entity| &entity.join_keys).map(|(key, _)| key.clone()).collect();
        let around = Around { root, folders, kept, keys: &keys };
        catalog.sources = entries(root, SOURCES, "source", errors, &mut broken, |fields| source(&around, fields));
        catalog.broken = broken;
        catalog
    }
}

/// Reads `[[kind]]` tables. A table with a problem is left out, its name added to `broken`.
pub(super) fn entries<T>(
    root: &Path,
    file: &str,
    kind: &'static str,
    errors: &mut Vec<RepositoryError>,
    broken: &mut Vec<String>,
    read: impl Fn(&Fields<'_>) -> Option<T>,
) -> Vec<T> {
    let document = Document::read(root, Path::new(file));
    let mut sound = Vec::new();
    if let Some(table) = document.table() {
        let fields = Fields::of(&document, &table);
        fields.require(kind, &format!("at least one [[{kind}]] table"));
        let list = fields.list(kind, &format!("[[{kind}]] tables"));
        if list.len() > MAX_ENTRIES {
            fields.report(kind, format!("has more than {MAX_ENTRIES} entries"), "remove some");
        }
        let mut names: Vec<String> = Vec::new();
        for entry in list.iter().take(MAX_ENTRIES) {
            let before = document.problem_count();
            let name = entry.required_text("name", &format!("`name = \"...\"`, the name of the {kind}"));
            check_name(entry, name.as_deref(), &names);
            let value = read(entry);
            entry.finish();
            match value.filter(|_| document.problem_count() == before) {
                Some(value) => sound.push(value),
                None => broken.extend(name.clone()),
            }
            names.extend(name);
        }
        fields.finish();
    }
    errors.extend(document.into_problems());
    sound
}

/// Names become parts of paths, table names and keys, so they are plain words.
pub(super) fn check_name(fields: &Fields<'_>, name: Option<&str>, taken: &[String]) {
    let Some(name) = name else { return };
    let plain = name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !plain {
        let fix = "use a letter, then letters, digits, `_` and `-`, at most 128";
        fields.report("name", format!("`{}` is not a plain name", name.escape_debug()), fix);
    } else if taken.iter().any(|other| other == name) {
        fields.report("name", format!("`{name}` is defined twice"), "rename one of them");
    }
}

/// The workspaces that a view or service names; all of them where it names none. Unknown ones are reported.
pub(super) fn workspaces(fields: &Fields<'_>, catalog: &Catalog) -> Vec<Workspace> {
    let all: Vec<Workspace> = catalog.workspaces.iter().map(|listed| listed.workspace.clone()).collect();
    let Some(names) = fields.texts("workspaces") else { return all };
    for name in &names {
        if !all.iter().any(|workspace| workspace.name == *name) {
            let fix = suggest::fix(name, all.iter().map(|workspace| workspace.name.as_str()));
            fields.report("workspaces", format!("there is no workspace `{name}`"), fix);
        }
    }
    all.into_iter().filter(|workspace| names.contains(&workspace.name)).collect()
}

fn workspace(fields: &Fields<'_>) -> Option<ListedWorkspace> {
    let name = fields.text("name")?;
    fields.text("description");
    let views = fields.texts("views").unwrap_or_default();
    Some(ListedWorkspace { workspace: Workspace { name, live: fields.flag("live").unwrap_or(false) }, views })
}

fn entity(fields: &Fields<'_>) -> Option<Arc<Entity>> {
    let name = fields.text("name");
    let description = fields.text("description").unwrap_or_default();
    let owner = fields.text("owner").unwrap_or_default();
    let example = "`join_keys = [{ name = \"tailnum\", type = \"string\" }]`";
    fields.require("join_keys", example);
    let mut join_keys: Vec<(String, DataType)> = Vec::new();
    for key in fields.list("join_keys", example) {
        let key_name = key.required_text("name", "`name = \"...\"`, the column");
        let word = key.required_text("type", "`type = \"string\"` or `type = \"int64\"`");
        let data_type = match word.as_deref() {
            Some("string") => Some(DataType::String),
            Some("int64") => Some(DataType::Int64),
            Some(other) => {
                key.report("type", format!("`{other}` cannot be a key type"), "use \"string\" or \"int64\"");
                None
            }
            None => None,
        };
        key.finish();
        if join_keys.iter().any(|(other, _)| Some(other) == key_name.as_ref()) {
            key.report("name", "is in the list twice", "remove one of them");
        }
        join_keys.extend(key_name.zip(data_type));
    }
    if fields.has("join_keys") && join_keys.is_empty() {
        fields.report("join_keys", "names no key", format!("write {example}"));
    }
    let name = name?;
    Some(Arc::new(Entity { id: stable_id("", "entity", &name), name, description, owner, join_keys }))
}

/// What a source is read with.
pub(super) struct Around<'a> {
    pub root: &'a Path,
    pub folders: &'a Folders,
    /// The folder of what streams keep, where it is known.
    kept: Option<&'a Path>,
    /// The join keys of all entities.
    pub keys: &'a [String],
}

fn source(around: &Around<'_>, fields: &Fields<'_>) -> Option<Arc<Source>> {
    let (root, folders) = (around.root, around.folders);
    let name = fields.text("name");
    let description = fields.text("description").unwrap_or_default();
    let owner = fields.text("owner").unwrap_or_default();
    let tags = fields.tags("tags");
    let timestamp_column = fields.text("timestamp_column");
    let data_delay = fields.span("data_delay").unwrap_or(Span::zero());
    let future_events = fields.flag("future_events").unwrap_or(false);
    let stream_fields = one(fields, "stream");
    let kind = stream_fields.as_ref().map(streams::kind);
    let is_live = kind.is_some_and(|kind| kind != Some(streams::Kind::Replay));
    let has_files = fields.has("files");
    // Its batch side is what is kept of its stream.
    let is_kept = is_live && !has_files;
    let mut files = if is_kept { None } else { data_files(root, folders, fields) };
    let declared = declared_columns(fields, is_kept);
    let of_record = stream_fields.as_ref().filter(|_| kind == Some(Some(streams::Kind::Replay)));
    let stream_files = of_record.and_then(|stream| data_files(root, folders, stream));
    let known = files.as_mut().map(|files| {
        let known = read_footers(files, stream_files.as_deref().unwrap_or_default(), timestamp_column.as_deref());
        if !known.any {
            let why = known.unreadable.as_ref().map(|(file, why)| format!(": {}: {why}", file.display()));
            let fix = "replace the files: none of them is a readable Parquet file";
            fields.report("files", format!("no file can be read{}", why.unwrap_or_default()), fix);
        }
        known
    });
    // Without files, a stream's columns are what it says.
    let known = match declared {
        Some(columns) if known.is_none() => Some(schema::Files { columns, any: true, ..schema::Files::default() }),
        _ => known,
    };
    let (readable, known) = (known.as_ref().is_some_and(|known| known.any), known.unwrap_or_default());
    let check = Columns { fields: &known.columns, unread: &known.unread, known: readable, has_files };
    check.timestamp(fields, "timestamp_column", timestamp_column.as_deref());
    let replay = replay(fields, &check, timestamp_column.as_deref());
    if replay.is_some() && is_live {
        let fix = "remove it, or play a record: files, and a stream without `kind`";
        fields.report("replay", "moves the times of a record, and the events of this stream are of now", fix);
    }
    let read = stream_fields
        .as_ref()
        .zip(kind.flatten())
        .and_then(|(stream, kind)| streams::read(around, stream, kind, stream_files, &check));
    let history = read.as_ref().and_then(|read| read.history);
    let stream = read.map(|read| read.stream);
    if stream.is_some() && timestamp_column.is_none() {
        fields.report("stream", "needs the event time", "add `timestamp_column = \"...\"` to the source");
    }
    let files = if is_kept { Vec::new() } else { files? };
    let (name, columns) = (name?, readable.then_some(known.columns)?);
    let id = stable_id("", "source", &name);
    let folder = || around.kept.map(|streams| data_dir::kept_folder(streams, id)).unwrap_or_default();
    let kept = is_kept.then(|| Kept { folder: folder(), history });
    Some(Arc::new(Source {
        id,
        name,
        description,
        owner,
        tags,
        files,
        timestamp_column,
        data_delay,
        columns,
        unread: known.unread,
        future_events,
        replay,
        stream,
        kept,
    }))
}

/// The columns that a source without files declares.
fn declared_columns(fields: &Fields<'_>, is_kept: bool) -> Option<Vec<(String, DataType)>> {
    let example = "`columns = { user_id = \"string\", at = \"timestamp\" }`";
    let pairs = fields.pairs("columns", &format!("a table of types such as {example}"));
    if !is_kept {
        if fields.has("columns") {
            let fix = "remove it; a stream of its own kind without files has declared columns";
            fields.report("columns", "is declared, and the columns are those of the `files`", fix);
        }
        return None;
    }
    fields.require("columns", &format!("{example}, or `files` that hold the same events"));
    let pairs = pairs?;
    if pairs.is_empty() {
        fields.report("columns", "names no column", format!("write {example}"));
    }
    let mut columns: Vec<(String, DataType)> = Vec::new();
    let mut is_sound = true;
    for (name, word) in pairs {
        let taken = columns.iter().find(|(other, _)| other.eq_ignore_ascii_case(&name));
        if let Some((other, _)) = taken {
            let fix = "rename one of them: queries mean names without regard to case";
            fields.report_in("columns", &name, format!("is `{other}` in another case"), fix);
        } else if name.trim().is_empty() || clean(&name) != name {
            let fix = "write a name that can be read";
            fields.report_in("columns", &name.escape_debug().to_string(), "is not a name of a column", fix);
        }
        match declared_type(&word, DEEPEST_TYPE) {
            Some(data_type) => columns.push((name, data_type)),
            None => {
                let known = TYPES.iter().map(|data_type| data_type.to_string()).chain(["array<string>".to_owned()]);
                let known: Vec<String> = known.collect();
                let fix = suggest::fix(&word, known.iter().map(String::as_str));
                fields.report_in("columns", &name, format!("`{word}` is not a type of a column"), fix);
                is_sound = false;
            }
        }
    }
    is_sound.then_some(columns)
}

/// The types that columns are declared with, and arrays of them.
const TYPES: [DataType; 5] =
    [DataType::Int64, DataType::Float64, DataType::String, DataType::Bool, DataType::Timestamp];
/// The deepest array of arrays.
const DEEPEST_TYPE: usize = 8;

/// The type of such a word.
fn declared_type(word: &str, depth: usize) -> Option<DataType> {
    let word = word.trim();
    if let Some(item) = word.strip_prefix("array<").and_then(|word| word.strip_suffix('>')) {
        return Some(DataType::Array(Box::new(declared_type(item, depth.checked_sub(1)?)?)));
    }
    TYPES.into_iter().find(|data_type| data_type.to_string() == word)
}

/// What the files say of themselves. A library that panics over them has no more to say than that.
fn read_footers(batch: &mut [DataFile], stream: &[DataFile], time: Option<&str>) -> schema::Files {
    let first = batch.first().map(|data| data.path.clone());
    let read = catch_unwind(AssertUnwindSafe(|| schema::of_files(batch, stream, time)));
    read.unwrap_or_else(|_| schema::Files {
        unreadable: first.map(|file| (file, "it or another one made a library stop with a fault".to_owned())),
        ..schema::Files::default()
    })
}

fn data_files(root: &Path, folders: &Folders, fields: &Fields<'_>) -> Option<Vec<DataFile>> {
    let example = "`files = \"data/*.parquet\"`";
    fields.require("files", example);
    let patterns = fields.texts("files")?;
    if patterns.is_empty() {
        fields.report("files", "is empty", format!("write {example}"));
    }
    match files::find(root, &patterns, folders) {
        Ok(found) => Some(found).filter(|found| !found.is_empty()),
        Err(problems) => {
            problems.into_iter().for_each(|(problem, fix)| fields.report("files", problem, fix));
            None
        }
    }
}

/// The columns of a source, to check that named ones are there.
pub(super) struct Columns<'a> {
    pub fields: &'a [(String, DataType)],
    unread: &'a [Unread],
    known: bool,
    pub has_files: bool,
}

impl Columns<'_> {
    pub(super) fn exists(&self, fields: &Fields<'_>, field: &'static str, column: Option<&str>) -> Option<&DataType> {
        let column = column.filter(|_| self.known)?;
        let found = self.fields.iter().find(|(name, _)| name == column).map(|(_, data_type)| data_type);
        if let Some(Unread { why, fix, .. }) = self.unread.iter().find(|unread| unread.name == column) {
            fields.report(field, format!("column `{column}` {why}"), fix);
        } else if found.is_none() {
            let fix = suggest::fix(column, self.fields.iter().map(|(name, _)| name.as_str()));
            let whose = if self.has_files { "the files have" } else { "the source declares" };
            fields.report(field, format!("{whose} no column `{column}`"), fix);
        }
        found
    }

    pub(super) fn timestamp(&self, fields: &Fields<'_>, field: &'static str, column: Option<&str>) {
        let Some(found) = self.exists(fields, field, column) else { return };
        if *found != DataType::Timestamp {
            let problem = format!("column `{}` is {found}, not a timestamp", column.unwrap_or_default());
            fields.report(field, problem, "name a timestamp column");
        }
    }
}

fn replay(fields: &Fields<'_>, columns: &Columns<'_>, timestamp: Option<&str>) -> Option<Replay> {
    let replay = one(fields, "replay")?;
    let begins = instant(&replay, "begins");
    replay.require("lasts", "`lasts = \"365d\"`, the length of the record");
    replay.require("plays_in", "`plays_in = \"3d\"`, the length of one lap");
    let (lasts, plays_in) = (replay.positive_span("lasts"), replay.positive_span("plays_in"));
    let all = || columns.fields.iter().filter(|(_, t)| *t == DataType::Timestamp).map(|(name, _)| name.clone());
    let mapped = replay.texts("columns").unwrap_or_else(|| all().collect());
    mapped.iter().for_each(|column| columns.timestamp(&replay, "columns", Some(column)));
    if timestamp.is_none_or(|timestamp| columns.known && !mapped.iter().any(|column| column == timestamp)) {
        let fix = "name the event time in `timestamp_column`, and in `columns` where that is given";
        replay.report("columns", "the event time is not among the mapped columns", fix);
    }
    replay.finish();
    let replay_fields = replay;
    let replay = Replay { begins: begins?, lasts: lasts?, plays_in: plays_in?, columns: mapped };
    // The engine maps in 64-bit integers: (t - begins) * numerator must fit for every t of the record and a lap around
    // it.
    let (numerator, _) = lap::ratio(&replay);
    if span_micros(replay.lasts).checked_mul(4).and_then(|lasts| lasts.checked_mul(numerator)).is_none() {
        let fix = "use rounder lengths, such as 365d and 3d";
        replay_fields.report("plays_in", "does not divide `lasts` evenly enough for exact arithmetic", fix);
    }
    Some(replay)
}

/// The one table of that name; absent when there is none.
pub(super) fn one<'d>(fields: &Fields<'d>, name: &'static str) -> Option<Fields<'d>> {
    let mut tables = fields.list(name, "one table");
    if tables.len() > 1 {
        fields.report(name, "is there more than once", "keep one table");
    }
    tables.drain(..).next()
}

/// An instant that must be there.
pub(super) fn instant(fields: &Fields<'_>, name: &'static str) -> Option<Time> {
    let text = fields.required_text(name, &format!("`{name} = \"2013-01-01T00:00:00Z\"`"))?;
    let at = parse_time(&text).ok();
    if at.is_none() {
        fields.report(name, format!("`{text}` is not a time"), "write it as \"2013-01-01T00:00:00Z\"");
    }
    at
}
