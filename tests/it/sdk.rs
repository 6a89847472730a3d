//! Tecton's own SDK, unmodified, drives the platform: releases 0.5.10 and 1.2.13, installed by pip in environments of
//! their own, as their users would. What they do and check is in `tests/sdk/`, by the SDK's public names alone.
//!
//! Skipped with a message where pip cannot reach them, or there is no Python they run on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::support::{KEY, PROGRAM, Server, example_repository, stderr, stdout};

/// A release, and how its users get it.
struct Release {
    version: &'static str,
    /// Versions of Python it runs on, the best first.
    pythons: &'static [&'static str],
    /// What each call of pip installs. A second call may go against what the SDK declares: pip warns, and does it.
    installs: &'static [&'static [&'static str]],
    script: &'static str,
}

const OLD: Release = Release {
    version: "0.5.10",
    pythons: &["3.9", "3.10", "3.8"],
    installs: &[&["tecton==0.5.10", "protobuf<3.21", "pandas<2", "numpy<2"], &["pyarrow>=8,<22", "numpy<2"]],
    script: "drive_0_5.py",
};

/// The newest pyarrow and pandas want another numpy than this release does.
const NEW: Release = Release {
    version: "1.2.13",
    pythons: &["3.11", "3.12", "3.10", "3.9"],
    installs: &[&["tecton==1.2.13", "pyarrow<21", "pandas<3", "numpy<2"]],
    script: "drive_1_2.py",
};

/// Runs a program; its last words when it fails.
fn run(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let out = Command::new(program).args(arguments).output().map_err(|e| format!("{}: {e}", program.display()))?;
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let last = |text: String| text.lines().last().unwrap_or_default().to_owned();
    if out.status.success() { Ok(words(&out.stdout)) } else { Err(last(words(&out.stderr))) }
}

impl Release {
    /// A Python of this machine that it runs on and that can make environments.
    fn interpreter(&self) -> Result<PathBuf, String> {
        const VERSION: &str = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";
        let named = self.pythons.iter().map(|version| PathBuf::from(format!("python{version}")));
        let pyenv = std::env::var("HOME").map(|home| Path::new(&home).join(".pyenv/versions")).unwrap_or_default();
        let mut managed: Vec<_> = fs::read_dir(pyenv).into_iter().flatten().flatten().collect();
        managed.sort_by_key(fs::DirEntry::file_name);
        let managed = managed.into_iter().map(|entry| entry.path().join("bin/python3"));
        let mut found: Vec<(usize, PathBuf)> = named
            .chain([PathBuf::from("python3")])
            .chain(managed)
            .filter_map(|python| {
                let version = run(&python, &["-c", VERSION]).ok()?;
                Some((self.pythons.iter().position(|wanted| *wanted == version)?, python))
            })
            .collect();
        found.sort_by_key(|(rank, _)| *rank);
        let fits = self.pythons.join(", ");
        found.into_iter().next().map(|(_, python)| python).ok_or_else(|| format!("there is no Python {fits} here"))
    }

    /// Python with the SDK below the target folder, made once; the error says why there is none.
    fn python(&self) -> Result<PathBuf, String> {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sdk-{}", self.version));
        let (python, done) = (place.join("bin/python"), place.join("installed"));
        let wanted = format!("{:?}", self.installs);
        if fs::read_to_string(&done).is_ok_and(|made| made == wanted) && run(&python, &["-c", "import tecton"]).is_ok()
        {
            return Ok(python);
        }
        let _ = fs::remove_dir_all(&place);
        run(&self.interpreter()?, &["-m", "venv", &place.to_string_lossy()])?;
        for packages in self.installs {
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"];
            run(&python, &[&pip, *packages].concat())?;
        }
        run(&python, &["-c", "import tecton"])?;
        fs::write(done, wanted).unwrap();
        Ok(python)
    }

    /// Runs the script against a server of its own, and prints what it checked.
    fn drives_the_platform(&self) {
        let python = match self.python() {
            Ok(python) => python,
            Err(why) => return println!("skipped: Tecton's SDK {} cannot be had: {why}", self.version),
        };
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repo");
        let definitions = copy_repository(&repository);
        let server = Server::start_on_example_data(&repository, &folder.path().join("data"));
        let key_file = folder.path().join("data.key");
        let scene = json!({
            "url": server.url, "fvtop": PROGRAM, "key": KEY, "key_file": key_file, "repository": repository,
            "definitions": definitions,
        });
        let scene_file = folder.path().join("scene.json");
        fs::write(&scene_file, scene.to_string()).unwrap();
        let mut command = Command::new(python);
        command.arg(sources().join(self.script)).arg(scene_file).env_clear();
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("HOME", folder.path()).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
        command.env("API_SERVICE", &server.url).env("TECTON_API_KEY", KEY);
        command.env("TECTON_CONF_DISABLE_DBUTILS", "true").env("TECTON_CONF_DISABLE_AWS_SECRETS", "true");
        let out = command.output().unwrap();
        let said = stdout(&out);
        println!("Tecton's SDK {}:\n{said}", self.version);
        assert!(out.status.success(), "{said}\n{}", stderr(&out));
    }
}

/// The scripts and the repository they are about.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// Copies the repository, with the data of the example, and gives its definitions as one JSON value.
fn copy_repository(to: &Path) -> Value {
    let from = sources().join("repository");
    fs::create_dir_all(to.join("views")).unwrap();
    let data = example_repository().join("data");
    symlink(&data, to.join("data")).unwrap();
    fs::copy(data.join("weather.parquet"), to.join("late.parquet")).unwrap();
    let read = |path: &Path| -> Map<String, Value> {
        let text = fs::read_to_string(from.join(path)).unwrap();
        fs::write(to.join(path), &text).unwrap();
        toml::from_str(&text).unwrap()
    };
    let mut definitions = Map::new();
    for name in ["workspaces.toml", "entities.toml", "sources.toml", "services.toml"] {
        definitions.extend(read(Path::new(name)));
    }
    let views = fs::read_dir(from.join("views")).unwrap().flatten().map(|entry| {
        let view = read(&Path::new("views").join(entry.file_name()));
        (view["name"].as_str().unwrap().to_owned(), Value::Object(view))
    });
    let views: Map<String, Value> = views.collect();
    definitions.insert("views".to_owned(), Value::Object(views));
    Value::Object(definitions)
}

#[test]
fn the_sdk_0_5_10_drives_the_platform() {
    OLD.drives_the_platform();
}

#[test]
fn the_sdk_1_2_13_drives_the_platform() {
    NEW.drives_the_platform();
}
