//! Who may read what the platform keeps: the user that runs it, and of `offline/` and `datasets/` a group, where it is
//! told one.
//!
//! The two folders themselves say whether a group may read them; what is made in them takes after the folder that it is
//! made in, whatever the umask of the process is and whichever library made it. It must not know what the files hold.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// Folders of a data directory that other programs read.
pub(crate) const SHARED: [&str; 2] = ["offline", "datasets"];
/// The bits of a mode that let somebody read, write or enter.
const BITS: u32 = 0o777;
/// How the name of a file begins that is being made.
pub(crate) const NEW: &str = ".fvtop-new-";
/// Files made in a folder with this bit inherit the group of the folder.
const INHERIT: u32 = 0o2000;

/// A group of the system that may read offline tables and datasets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    id: u32,
}

/// There is no such group.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no group `{0}` on this machine. `getent group` lists those there are; a number does as well")]
pub struct UnknownGroup(String);

impl Group {
    /// The group of that name or number.
    ///
    /// # Errors
    /// When the system knows none.
    pub fn named(name: &str) -> Result<Self, UnknownGroup> {
        let unknown = || UnknownGroup(crate::model::clean(name).into_owned());
        if let Ok(id) = name.parse() {
            return Ok(Self { id });
        }
        let listed = fs::read_to_string("/etc/group").unwrap_or_default();
        let id = id_in(&listed, name).or_else(|| {
            // Groups of a directory service stand in no file.
            let asked = Command::new("getent").args(["group", "--", name]).output().ok()?;
            id_in(&String::from_utf8_lossy(&asked.stdout), name)
        });
        id.map(|id| Self { id }).ok_or_else(unknown)
    }
}

/// The number of a group in lines such as `staff:x:50:anna,ben`.
fn id_in(lines: &str, name: &str) -> Option<u32> {
    let line =
        lines.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|line| line.first() == Some(&name))?;
    line.get(2)?.parse().ok()
}

/// Takes from everything that this process makes from now on the leave of others to read it. For a process that makes
/// nothing but a platform's data.
pub(crate) fn close_to_others() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Makes a folder for its owner alone, and what leads to it; one that is there stays as it is. True when it was made.
pub(crate) fn make_folder(path: &Path) -> io::Result<bool> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        // Whatever the umask left of it.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o700)).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes an empty file for its owner alone where there is none, so that a library that opens it next finds it so.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let mode = made.metadata()?.permissions().mode();
    if mode & BITS == 0o600 { Ok(()) } else { made.set_permissions(Permissions::from_mode(0o600)) }
}

/// Gives what was just made the mode and the group that the folder around it implies.
pub(crate) fn settle(path: &Path) -> io::Result<()> {
    let parent = path.parent().map(fs::metadata).transpose()?;
    let Some(parent) = parent else { return Ok(()) };
    let found = fs::symlink_metadata(path)?;
    let group = (parent.mode() & 0o040 != 0).then_some(parent.gid());
    set(path, &found, wanted(group.is_some(), found.is_dir()), group).map(drop)
}

/// [`settle`] for a folder that clients of the group write into.
pub(crate) fn settle_open(path: &Path) -> io::Result<()> {
    settle(path)?;
    let mode = fs::symlink_metadata(path)?.mode();
    if mode & 0o050 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(INHERIT | 0o770))
}

fn wanted(shared: bool, folder: bool) -> u32 {
    match (shared, folder) {
        (true, true) => 0o750,
        (true, false) => 0o640,
        (false, true) => 0o700,
        (false, false) => 0o600,
    }
}

/// True when something was changed.
fn set(path: &Path, found: &fs::Metadata, mode: u32, group: Option<u32>) -> io::Result<bool> {
    let mut changed = false;
    if group.is_some_and(|group| group != found.gid()) {
        chown(path, None, group)?;
        changed = true;
    }
    // After the owner: a change of that may take bits away.
    if found.mode() & 0o7777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        changed = true;
    }
    Ok(changed)
}

#[derive(Debug, Default)]
pub(crate) struct Tightened {
    /// Whether others could enter the directory before.
    pub was_open: bool,
    /// Files and folders whose mode or group was changed.
    pub changed: u64,
    /// Files and folders that could not be changed, and the first of them with the reason.
    pub failed: u64,
    pub first: Option<(PathBuf, io::Error)>,
}

/// Brings a data directory and all in it to the modes that it should have: its owner's alone, and with a group
/// `offline/` and `datasets/` for that group to read. Links are not followed. What belongs to somebody else stays as it
/// is and is counted.
pub(crate) fn tighten(dir: &Path, group: Option<&Group>) -> Tightened {
    let mut met = Tightened::default();
    let (mode, id) = (if group.is_some() { 0o710 } else { 0o700 }, group.map(|group| group.id));
    let Ok(found) = fs::metadata(dir) else { return met };
    met.was_open = found.mode() & BITS & !mode != 0;
    met.note(dir, set(dir, &found, mode, id));
    for entry in entries(dir) {
        let shared = group.filter(|_| SHARED.iter().any(|name| entry.file_name() == Some(name.as_ref())));
        met.below(&entry, shared);
    }
    met
}

impl Tightened {
    fn note(&mut self, path: &Path, done: io::Result<bool>) {
        match done {
            Ok(changed) => self.changed += u64::from(changed),
            // It went meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                self.failed += 1;
                self.first.get_or_insert_with(|| (path.to_owned(), error));
            }
        }
    }

    fn below(&mut self, path: &Path, group: Option<&Group>) {
        let Ok(found) = fs::symlink_metadata(path) else { return };
        if found.is_symlink() {
            return;
        }
        let mut mode = wanted(group.is_some(), found.is_dir());
        if group.is_some() && is_for_clients(path, &found) {
            mode = if found.is_dir() { INHERIT | 0o770 } else { 0o660 };
        }
        self.note(path, set(path, &found, mode, group.map(|group| group.id)));
        if found.is_dir() {
            entries(path).iter().for_each(|entry| self.below(entry, group));
        }
    }
}

/// Whether clients of the group write there: into a folder that inherits its group, and what they made in it.
fn is_for_clients(path: &Path, found: &fs::Metadata) -> bool {
    let inherits = |found: &fs::Metadata| found.is_dir() && found.mode() & INHERIT != 0;
    inherits(found)
        || path.parent().and_then(|parent| fs::metadata(parent).ok()).is_some_and(|parent| inherits(&parent))
}

/// What a folder holds; nothing where it cannot be listed, which [`Tightened`] has counted by then.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|listed| listed.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// Puts text into a file that is whole or not there, for its owner alone; on disk when this returns.
pub(crate) fn put(path: &Path, text: &str) -> io::Result<()> {
    put_bytes(path, text.as_bytes())
}

/// [`put`] for bytes.
pub(crate) fn put_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;

    let folder = path.parent().unwrap_or(Path::new("."));
    let new = folder.join(format!("{NEW}{}", uuid::Uuid::new_v4()));
    let written = || {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(folder)?.sync_all()
    };
    written().inspect_err(|_| drop(fs::remove_file(&new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    fn open(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A data directory of an earlier release: everything as the umask 022 leaves it.
    fn loose() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["offline/prod/v/_delta_log", "datasets/prod/d", "online"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for file in ["jobs.sqlite", "offline/prod/v/_delta_log/0.json", "datasets/prod/d/dataset.json", "online/0.jnl"]
        {
            fs::write(dir.path().join(file), "x").unwrap();
            open(&dir.path().join(file), 0o644);
        }
        open(dir.path(), 0o755);
        dir
    }

    #[test]
    fn all_of_a_data_directory_becomes_its_owners() {
        let dir = loose();
        let outside = tempfile::tempdir().unwrap();
        open(outside.path(), 0o755);
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
        let met = tighten(dir.path(), None);
        assert!(met.was_open && met.failed == 0 && met.changed >= 10, "{met:?}");
        let modes = ["", "online", "online/0.jnl", "jobs.sqlite", "offline", "offline/prod/v/_delta_log/0.json"];
        let modes = modes.map(|name| mode(&dir.path().join(name)));
        assert_eq!(modes, [0o700, 0o700, 0o600, 0o600, 0o700, 0o600]);
        assert_eq!(mode(outside.path()), 0o755, "links are not followed");
        let again = tighten(dir.path(), None);
        assert!(!again.was_open && again.changed == 0, "{again:?}");
    }

    #[test]
    fn a_group_reads_tables_and_datasets_alone() {
        let dir = loose();
        let group = Group { id: fs::metadata(dir.path()).unwrap().gid() };
        tighten(dir.path(), Some(&group));
        let modes =
            ["", "online", "online/0.jnl", "jobs.sqlite", "offline", "offline/prod/v/_delta_log/0.json", "datasets"];
        let modes = modes.map(|name| mode(&dir.path().join(name)));
        assert_eq!(modes, [0o710, 0o700, 0o600, 0o600, 0o750, 0o640, 0o750]);

        // What is made in them takes after them.
        let (table, rows) = (dir.path().join("offline/prod/w"), dir.path().join("datasets/prod/e"));
        fs::create_dir(&table).unwrap();
        settle(&table).unwrap();
        fs::write(table.join("part.parquet"), "x").unwrap();
        settle(&table.join("part.parquet")).unwrap();
        fs::create_dir(&rows).unwrap();
        settle_open(&rows).unwrap();
        assert_eq!((mode(&table), mode(&table.join("part.parquet")), mode(&rows)), (0o750, 0o640, 0o2770));
        fs::create_dir(rows.join("rows")).unwrap();
        tighten(dir.path(), Some(&group));
        assert_eq!((mode(&rows), mode(&rows.join("rows")) & 0o777), (0o2770, 0o770), "clients go on writing there");

        // Without the group again, it is private again.
        tighten(dir.path(), None);
        assert_eq!((mode(&table), mode(&rows)), (0o700, 0o700));
        settle_open(&rows).unwrap();
        assert_eq!(mode(&rows), 0o700);
    }

    #[test]
    fn folders_and_files_are_made_private() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        assert!(make_folder(&folder).unwrap() && !make_folder(&folder).unwrap());
        make_file(&folder.join("f")).unwrap();
        put(&folder.join("g"), "text").unwrap();
        assert_eq!([mode(&folder), mode(&folder.join("f")), mode(&folder.join("g"))], [0o700, 0o600, 0o600]);
        open(&folder.join("f"), 0o644);
        make_file(&folder.join("f")).unwrap();
        assert_eq!(mode(&folder.join("f")), 0o600, "one that is there is closed");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn groups_are_known_by_name_and_number() {
        assert_eq!(Group::named("root").unwrap(), Group { id: 0 });
        assert_eq!(Group::named("4711").unwrap(), Group { id: 4_711 });
        assert_eq!(id_in("a:x:5:\nstaff:x:50:anna,ben\n", "staff"), Some(50));
        let refusal = Group::named("no-such-group").unwrap_err().to_string();
        assert!(refusal.starts_with("there is no group `no-such-group`"), "{refusal}");
    }
}
