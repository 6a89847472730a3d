//! The example feature repository, compiled in, so that the program alone has something to show.
//!
//! It is unpacked once for each content, beside the data of the embedded platform.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files of the example repository: path below it, and content.
macro_rules! files {
    ($($path:literal,)+) => {
        &[$(($path, include_bytes!(concat!("../../examples/flights/", $path)))),+]
    };
}

static FILES: &[(&str, &[u8])] = files![
    "README.md",
    "data/README.md",
    "data/flights.parquet",
    "data/planes.parquet",
    "data/weather.parquet",
    "data/weather_archive/2013-01.parquet",
    "data/weather_archive/2013-02.parquet",
    "data/weather_archive/2013-03.parquet",
    "data/weather_archive/2013-04.parquet",
    "data/weather_archive/2013-05.parquet",
    "data/weather_archive/2013-06.parquet",
    "data/weather_archive/2013-07.parquet",
    "data/weather_archive/2013-08.parquet",
    "data/weather_archive/2013-09.parquet",
    "data/weather_archive/2013-10.parquet",
    "data/weather_archive/2013-11.parquet",
    "data/weather_archive/2013-12.parquet",
    "entities.toml",
    "services.toml",
    "sources.toml",
    "views/aircraft_destinations.toml",
    "views/aircraft_state.toml",
    "views/aircraft_utilization.toml",
    "views/airport_weather.toml",
    "views/carrier_delays.toml",
    "views/gate_queue.toml",
    "views/origin_carriers.toml",
    "views/route_stats.toml",
    "views/wind_force.toml",
    "workspaces.toml",
];

/// The example repository's folder below `parent`, unpacked if it is not there in this very form.
///
/// The name holds a hash of the content, and files appear all together: a crash leaves the folder whole or absent.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn unpack(parent: &Path) -> io::Result<PathBuf> {
    let place = parent.join(format!("example-{:016x}", hash(FILES)));
    if is_whole(&place) {
        return Ok(place);
    }
    fs::create_dir_all(parent)?;
    let fresh = parent.join(format!(".example-{}", uuid::Uuid::new_v4().simple()));
    let moved = write(&fresh).and_then(|()| {
        // A damaged copy goes out of the way first; another process may have been faster, which is as good.
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::rename(&fresh, &place)
    });
    match moved {
        Err(error) => {
            // What cannot be used is not left behind; a second failure would say nothing new.
            let _ = fs::remove_dir_all(&fresh);
            if is_whole(&place) { Ok(place) } else { Err(error) }
        }
        Ok(()) => Ok(place),
    }
}

fn write(folder: &Path) -> io::Result<()> {
    for (path, content) in FILES {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}

/// Whether every file is there in its full size.
fn is_whole(folder: &Path) -> bool {
    let whole = |(path, content): &(&str, &[u8])| {
        fs::metadata(folder.join(path)).is_ok_and(|file| file.is_file() && file.len() == content.len() as u64)
    };
    FILES.iter().all(whole)
}

/// FNV-1a, 64 bits, over paths, sizes and the content of small files. Large ones count by their size and every 64th
/// byte, so that a start does not wait for the hash.
fn hash(files: &[(&str, &[u8])]) -> u64 {
    const LARGE: usize = 64 * 1024;
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for (path, content) in files {
        path.bytes().for_each(&mut add);
        (content.len() as u64).to_le_bytes().into_iter().for_each(&mut add);
        content.iter().step_by(if content.len() > LARGE { 64 } else { 1 }).copied().for_each(&mut add);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(folder: &Path, found: &mut Vec<String>, root: &Path) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                listed(&entry.path(), found, root);
            } else {
                found.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn the_list_is_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights");
        let mut found = Vec::new();
        listed(&root, &mut found, &root);
        found.sort();
        let mut names: Vec<_> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        names.sort();
        assert_eq!(names, found, "the list in this file must be the files of examples/flights");
    }

    #[test]
    fn it_is_unpacked_once_and_mended_when_damaged() {
        let parent = tempfile::tempdir().unwrap();
        let place = unpack(parent.path()).unwrap();
        let victim = place.join("workspaces.toml");
        let written = fs::metadata(&victim).unwrap().modified().unwrap();
        assert_eq!(unpack(parent.path()).unwrap(), place);
        assert_eq!(fs::metadata(&victim).unwrap().modified().unwrap(), written);
        fs::write(&victim, "short").unwrap();
        assert_eq!(unpack(parent.path()).unwrap(), place);
        assert!(is_whole(&place));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn another_content_has_another_name() {
        assert_ne!(hash(&[("a", b"1")]), hash(&[("a", b"2")]));
        assert_ne!(hash(&[("a", b"1")]), hash(&[("a1", b"")]));
    }
}
