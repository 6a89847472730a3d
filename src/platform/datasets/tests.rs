//! What datasets promise over crashes and damage.

use polars::prelude::df;

use super::*;
use crate::model::time::parse_time;

mod outside;

fn now() -> Time {
    parse_time("2026-11-22T10:00:00Z").unwrap()
}

fn new(name: &str) -> NewDataset {
    NewDataset {
        name: name.to_owned(),
        workspace: "prod".to_owned(),
        feature_view: "carrier".to_owned(),
        feature_service: None,
        key_columns: Some(vec!["carrier".to_owned()]),
        timestamp_key: Some("at".to_owned()),
    }
}

fn rows() -> DataFrame {
    df!("carrier" => ["UA", "B6"], "carrier.delay" => [Some(1.5), None]).unwrap()
}

#[test]
fn a_dataset_is_kept_read_again_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("datasets");
    let datasets = Datasets::open(root.clone()).unwrap();
    assert_eq!(datasets.list("prod").unwrap(), DatasetList::default());
    let kept = datasets.save(new("mine"), &rows(), now()).unwrap();
    // As after a restart.
    let datasets = Datasets::open(root).unwrap();
    assert_eq!(datasets.list("prod").unwrap().datasets.first(), Some(&kept));
    assert_eq!(datasets.describe("prod", "mine").unwrap(), kept);
    assert_eq!((kept.rows, kept.schema[1].data_type.as_str()), (2, "float64"));
    assert!(datasets.read("prod", "mine").unwrap().equals_missing(&rows()));
    let refused = datasets.save(new("mine"), &rows().head(Some(0)), now()).unwrap_err();
    assert!(refused.to_string().contains("`mine`"), "{refused}");
    assert!(datasets.name("prod", Some("mine"), "v", now()).is_err());
    assert!(datasets.read("prod", "mine").unwrap().equals_missing(&rows()));
    assert!(datasets.list("dev").unwrap().datasets.is_empty());
}

#[test]
fn names_are_plain_and_made_when_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Datasets::open(dir.path().to_owned()).unwrap();
    for bad in ["../x", "", "a b", ".new-1"] {
        assert!(matches!(datasets.name("prod", Some(bad), "v", now()), Err(DatasetError::Name(_))), "{bad}");
        assert!(matches!(datasets.describe("prod", bad), Err(DatasetError::Missing { .. })), "{bad}");
    }
    let made = datasets.name("prod", None, "carrier delays/", now()).unwrap();
    assert!(made.starts_with("carrierdelays-20261122-100000-") && is_plain_name(&made), "{made}");
    assert_ne!(made, datasets.name("prod", None, "carrier delays/", now()).unwrap());
}

#[test]
fn what_a_crash_leaves_half_made_is_no_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let half = dir.path().join("prod/.new-6f9619ff-8b86-4d01-b42d-00cf4fc964ff");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("0a9619ff-8b86-4d01-b42d-00cf4fc964ff.parquet"), "PAR1").unwrap();
    // What a person put there, under a name like ours or beside our files.
    let of_others =
        [".new-plan", ".new-7f9619ff-8b86-4d01-b42d-00cf4fc964ff"].map(|name| dir.path().join("prod").join(name));
    for folder in &of_others {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("thesis.txt"), "years of work").unwrap();
    }
    let datasets = Datasets::open(dir.path().to_owned()).unwrap();
    assert!(!half.exists(), "a start clears it away");
    assert!(of_others.iter().all(|folder| folder.join("thesis.txt").exists()), "only what is ours goes");
    assert_eq!(datasets.list("prod").unwrap(), DatasetList::default());
}

#[test]
fn a_damaged_dataset_is_reported_and_the_others_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Datasets::open(dir.path().to_owned()).unwrap();
    for name in ["cut", "far", "gone", "sound"] {
        datasets.save(new(name), &rows(), now()).unwrap();
    }
    let description = |name: &str| dir.path().join("prod").join(name).join("dataset.json");
    let text = std::fs::read_to_string(description("cut")).unwrap();
    std::fs::write(description("cut"), &text[..text.len() / 2]).unwrap();
    let far = text.replacen("\"file\": \"", "\"file\": \"../sound/", 1);
    std::fs::write(description("far"), far).unwrap();
    for entry in std::fs::read_dir(dir.path().join("prod/gone")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "parquet") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let list = datasets.list("prod").unwrap();
    assert_eq!(list.datasets.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["sound"]);
    assert_eq!(list.damaged.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["cut", "far", "gone"]);
    assert!(list.damaged.iter().all(|d| d.problem.contains("remove the dataset's folder")), "{list:?}");
    for name in ["cut", "far", "gone"] {
        assert!(matches!(datasets.read("prod", name), Err(DatasetError::Damaged { .. })), "{name}");
        assert!(matches!(datasets.save(new(name), &rows(), now()), Err(DatasetError::Taken { .. })), "{name}");
    }
}
