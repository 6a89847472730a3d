//! Rows that a client writes: whole ones are read, and nothing that lies in the folder does harm.

use std::fs;

use polars::prelude::{ParquetCompression, ParquetWriter};
use serde_json::json;

use super::*;

struct Place {
    datasets: Datasets,
    rows: PathBuf,
    _dir: tempfile::TempDir,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Datasets::open(dir.path().join("datasets")).unwrap();
    let schema = vec![DatasetColumn { name: "carrier".to_owned(), data_type: "string".to_owned() }];
    datasets.reserve(new("theirs"), schema, now()).unwrap();
    let rows = datasets.location("prod", "theirs").unwrap();
    Place { datasets, rows, _dir: dir }
}

impl Place {
    fn read(&self) -> Result<DataFrame, DatasetError> {
        self.datasets.read("prod", "theirs")
    }

    fn write(&self, name: &str, rows: &DataFrame) {
        fs::create_dir_all(&self.rows).unwrap();
        let file = fs::File::create(self.rows.join(name)).unwrap();
        ParquetWriter::new(file).with_compression(ParquetCompression::Snappy).finish(&mut rows.clone()).unwrap();
    }

    /// A Delta log of these actions.
    fn log(&self, actions: &[serde_json::Value]) {
        fs::create_dir_all(self.rows.join("_delta_log")).unwrap();
        let schema = json!({"type": "struct", "fields": [
            {"name": "carrier", "type": "string", "nullable": true, "metadata": {}},
            {"name": "carrier.delay", "type": "double", "nullable": true, "metadata": {}},
        ]});
        let mut lines = vec![
            json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
            json!({"metaData": {"id": "7c7b3f0e-6f7e-4a53-9f6c-0d2b3d0f7a11", "format": {"provider": "parquet", "options": {}},
                   "schemaString": schema.to_string(), "partitionColumns": [], "configuration": {}, "createdTime": 0}}),
        ];
        lines.extend_from_slice(actions);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.rows.join("_delta_log/00000000000000000000.json"), text).unwrap();
    }
}

fn add(path: &str) -> serde_json::Value {
    json!({"add": {"path": path, "partitionValues": {}, "size": 1, "modificationTime": 0, "dataChange": true}})
}

#[test]
fn a_place_is_kept_until_the_client_has_written() {
    let place = place();
    assert!(!place.rows.exists(), "the client makes the folder itself");
    let empty = place.datasets.describe("prod", "theirs").unwrap();
    assert_eq!((empty.rows, empty.bytes, empty.schema.len()), (0, 0, 1));
    let refused = place.read().unwrap_err();
    assert!(matches!(refused, DatasetError::Unwritten { .. }) && refused.to_string().contains("/theirs/rows"));
    place.write("part-0.snappy.parquet", &rows());
    place.write("part-1.snappy.parquet", &rows());
    for marker in ["_SUCCESS", ".part-0.snappy.parquet.crc", "_started"] {
        fs::write(place.rows.join(marker), "x").unwrap();
    }
    let both = rows().vstack(&rows()).unwrap();
    assert!(place.read().unwrap().equals_missing(&both), "{:?}", place.read());
    // As after a restart.
    let datasets = Datasets::open(place.datasets.root.clone()).unwrap();
    let found = datasets.list("prod").unwrap().datasets.remove(0);
    assert!((found.rows, found.name.as_str()) == (4, "theirs") && found.bytes > 0);
}

#[test]
fn a_delta_table_is_read_by_its_log() {
    let place = place();
    place.write("a.parquet", &rows());
    place.write("replaced.parquet", &rows());
    place.log(&[add("a.parquet")]);
    assert!(place.read().unwrap().equals_missing(&rows()));
    assert_eq!(place.datasets.describe("prod", "theirs").unwrap().rows, 2);
}

#[test]
fn hostile_folders_are_damaged_datasets_and_never_more() {
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("secret.parquet");
    ParquetWriter::new(fs::File::create(&secret).unwrap()).finish(&mut rows()).unwrap();
    let absolute = secret.display().to_string();
    for log in [vec![add("../../sound/x.parquet")], vec![add(&absolute)], vec![add("gone.parquet")], vec![json!(7)]] {
        let place = place();
        place.log(&log);
        assert!(matches!(place.read(), Err(DatasetError::Damaged { .. })), "{log:?}");
        assert_eq!(place.datasets.list("prod").unwrap().damaged.len(), 1, "{log:?}");
    }
    // Links lead nowhere: neither a file's nor the folder's.
    let linked = place();
    fs::create_dir_all(&linked.rows).unwrap();
    std::os::unix::fs::symlink(&secret, linked.rows.join("a.parquet")).unwrap();
    assert!(matches!(linked.read(), Err(DatasetError::Unwritten { .. })));
    let linked = place();
    std::os::unix::fs::symlink(elsewhere.path(), &linked.rows).unwrap();
    assert!(matches!(linked.read(), Err(DatasetError::Damaged { .. })));
    let mixed = place();
    mixed.write("a.parquet", &rows());
    mixed.write("b.parquet", &df!("other" => [1_i64]).unwrap());
    assert!(mixed.read().unwrap_err().to_string().contains("same columns"));
}

#[test]
fn bent_files_are_errors_or_rows_and_never_the_end_of_the_process() {
    let place = place();
    place.write("a.parquet", &rows());
    let path = place.rows.join("a.parquet");
    let good = fs::read(&path).unwrap();
    for bad in [&b""[..], b"PAR1", b"PAR1PAR1", &[0xff; 200], &good[..good.len() - 1], &good[1..]] {
        fs::write(&path, bad).unwrap();
        assert!(matches!(place.read(), Err(DatasetError::Damaged { .. })), "{} bytes", bad.len());
    }
    for (at, bend) in (0..good.len()).flat_map(|at| [0x55, 0x80].map(|bend| (at, bend))) {
        let mut bent = good.clone();
        bent[at] ^= bend;
        fs::write(&path, bent).unwrap();
        // Either an error, or rows that somebody could have written.
        let _ = place.read();
    }
}

#[test]
fn an_archived_dataset_is_in_no_list_and_its_name_is_free() {
    let place = place();
    place.write("a.parquet", &rows());
    place.datasets.archive("prod", "theirs").unwrap();
    assert_eq!(place.datasets.list("prod").unwrap(), DatasetList::default());
    assert!(matches!(place.datasets.archive("prod", "theirs"), Err(DatasetError::Missing { .. })));
    assert!(matches!(place.datasets.archive("prod", "../prod"), Err(DatasetError::Missing { .. })));
    place.datasets.save(new("theirs"), &rows(), now()).unwrap();
    // As after a restart: what was archived stays on the disk.
    Datasets::open(place.datasets.root.clone()).unwrap();
    let folders = fs::read_dir(place.datasets.root.join("prod")).unwrap();
    let names: Vec<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with(".archived-theirs-")).count(), 1, "{names:?}");
}
