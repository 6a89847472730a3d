//! A small disk of a test's own: a tmpfs in the mount namespace of a process that only holds it.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{PROGRAM, shielded};

/// Bytes written at once when the disk is filled.
const CHUNK: usize = 4_096;

/// A tmpfs on a folder, seen only from inside its namespace; gone when dropped.
pub(super) struct Disk {
    holder: Child,
    folder: PathBuf,
    /// Options of `nsenter` that lead inside.
    enter: &'static [&'static str],
}

impl Disk {
    /// Mounts one on `folder`, as root or as the root of a user namespace. Where neither is permitted, says so and
    /// gives nothing.
    pub(super) fn mount(folder: &Path, megabytes: usize) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let ways: [(&[&str], &[&str]); 2] =
            [(&["-m"], &["--mount"]), (&["-r", "-m"], &["--user", "--mount", "--preserve-credentials"])];
        for (unshare, enter) in ways {
            let script = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$0\" && echo mounted && exec cat");
            let mut command = Command::new("unshare");
            command.args(unshare).args(["sh", "-c", &script]).arg(folder);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let Ok(mut holder) = command.spawn() else { continue };
            let mut line = String::new();
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let disk = Self { holder, folder: folder.to_owned(), enter };
            if line.trim() == "mounted" && disk.run("true", &[]) {
                return Some(disk);
            }
        }
        println!("skipped: no disk can be mounted here (`unshare` as root or in a user namespace is not permitted)");
        None
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string()]).args(self.enter).arg("--");
        command
    }

    /// The program, run where the disk can be seen.
    pub(super) fn program(&self) -> Command {
        let mut command = self.enter();
        command.arg(PROGRAM);
        shielded(command)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        self.enter().arg(program).args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// The disk as it is seen from outside.
    pub(super) fn inside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap())
    }

    fn filler(&self) -> PathBuf {
        self.inside().join("filler")
    }

    /// Leaves so many bytes free.
    pub(super) fn fill(&self, leave: u64) {
        let mut filler = OpenOptions::new().append(true).create(true).open(self.filler()).unwrap();
        while filler.write_all(&[7; CHUNK]).is_ok() {}
        let size = filler.metadata().unwrap().len();
        assert!(size > leave, "the disk holds no more than {size} bytes besides");
        filler.set_len(size - leave).unwrap();
    }

    /// Gives the space back.
    pub(super) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Makes the whole disk read-only, or writable again; nothing may be open for writing.
    pub(super) fn read_only(&self, read_only: bool) {
        let how = if read_only { "remount,ro" } else { "remount,rw" };
        assert!(self.run("mount", &["-o", how, self.folder.to_str().unwrap()]), "mount -o {how}");
    }

    /// Makes one folder below read-only for whatever is opened from now on.
    pub(super) fn cover(&self, folder: &str) {
        let path = self.folder.join(folder);
        let path = path.to_str().unwrap();
        assert!(self.run("mount", &["--bind", path, path]), "mount --bind {path}");
        assert!(self.run("mount", &["-o", "remount,bind,ro", path]), "mount -o remount,bind,ro {path}");
    }

    /// Takes the cover away.
    pub(super) fn uncover(&self, folder: &str) {
        assert!(self.run("umount", &[self.folder.join(folder).to_str().unwrap()]), "umount {folder}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
