//! What the SQLite files of a data directory have in common: what is said when one fails, and how damage is noticed.

use rusqlite::{Connection, ErrorCode};

mod file;

pub(crate) use file::{File, FileError};

/// The size of a file that is looked through whole when it is opened. What is wrong with a larger one shows when it is
/// read, and `fvtop check` looks through any.
const LOOKED_THROUGH: i64 = 256 << 20;

/// What to do about an error.
pub(crate) fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "The file is damaged: put it back from a copy. Without one, move the data directory away and materialize again."
        }
        Some(ErrorCode::DiskFull) => "The disk is full: free some space.",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "Allow the user that runs this program to write in the data directory."
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "Another process is writing it: try again.",
        Some(ErrorCode::SystemIoFailure) => "Check the disk; if the file was cut, put it back from a copy.",
        _ => "Check that the disk is not full and that the data directory is writable.",
    }
}

/// What is wrong with a file that was just opened; nothing when it is sound, or too large to be looked through.
///
/// # Errors
/// When it cannot be read for another reason.
pub(crate) fn damage(file: &Connection) -> rusqlite::Result<Option<String>> {
    let look = || {
        let number = |name| file.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let (pages, size) = (number("page_count")?, number("page_size")?);
        let on_disk =
            file.path().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |found| found.len().cast_signed());
        if on_disk % size.max(1) != 0 {
            return Ok(Some(format!("its size, {on_disk} bytes, is not a whole number of pages")));
        }
        if pages.saturating_mul(size) > LOOKED_THROUGH {
            return Ok(None);
        }
        looked_through(file, "quick_check(1)")
    };
    match look() {
        Err(error) if is_damage(&error) => Ok(Some(error.to_string())),
        found => found,
    }
}

/// What a check of the whole file, by that pragma, finds wrong first.
///
/// # Errors
/// When it cannot be read for another reason than damage.
pub(crate) fn looked_through(file: &Connection, check: &str) -> rusqlite::Result<Option<String>> {
    let found = file.query_row(&format!("PRAGMA {check}"), [], |row| row.get::<_, String>(0));
    match found {
        Ok(word) if word == "ok" => Ok(None),
        Ok(problem) => Ok(Some(crate::model::clean(problem.lines().next_back().unwrap_or_default()).into_owned())),
        Err(error) if is_damage(&error) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(path: &std::path::Path) {
        let file = Connection::open(path).unwrap();
        file.execute_batch("CREATE TABLE t (x)").unwrap();
        for number in 0..200 {
            file.execute("INSERT INTO t VALUES (?1)", [format!("{number:0200}")]).unwrap();
        }
    }

    #[test]
    fn a_file_that_was_cut_or_written_over_is_damaged_and_not_the_disks_fault() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.sqlite");
        made(&path);
        assert_eq!(damage(&Connection::open(&path).unwrap()).unwrap(), None);
        let size = path.metadata().unwrap().len();
        for kept in [size / 2, 3 * size / 4, size - 1, 512, 100] {
            made(&dir.path().join(format!("{kept}")));
            let cut = dir.path().join(format!("{kept}"));
            std::fs::File::options().write(true).open(&cut).unwrap().set_len(kept).unwrap();
            assert!(damage(&Connection::open(&cut).unwrap()).unwrap().is_some(), "cut to {kept}");
        }
        std::fs::write(&path, "no database at all, but some other text that somebody wrote over it").unwrap();
        let file = Connection::open(&path).unwrap();
        assert!(damage(&file).unwrap().is_some());
        let error = file.query_row("SELECT 1 FROM t", [], |_| Ok(())).unwrap_err();
        assert!(advice(&error).starts_with("The file is damaged: put it back"), "{error}");
    }
}
