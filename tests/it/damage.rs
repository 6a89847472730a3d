//! A data directory that was damaged from outside: nothing of it becomes a value, what is said names the cure, and the
//! cure works.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::format::{Bench, answers};
use crate::support::{PATIENT, fvtop, printed, stderr, stdout};

/// The times that the jobs of [`Damaged::new`] wrote.
struct Damaged {
    bench: Bench,
    answers: Json,
    start: String,
    end: String,
    rows: Vec<Json>,
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

impl Damaged {
    /// A directory whose offline table of `last_click` was written by jobs of this release, three hours one by one.
    fn new() -> Self {
        let answers = answers();
        let bench = Bench::new(&answers);
        let asked =
            answers["histories"].as_array().unwrap().iter().find(|asked| asked["view"] == "last_click").unwrap();
        let (start, end) = (asked["start"].as_str().unwrap().to_owned(), asked["end"].as_str().unwrap().to_owned());
        let mut scene = Self { bench, answers, start, end, rows: Vec::new() };
        scene.overwrite("--online").unwrap();
        scene.rows = scene.sorted().unwrap();
        assert!(scene.rows.len() > 50);
        scene
    }

    fn overwrite(&self, also: &str) -> Result<(), String> {
        let trigger = ["jobs", "trigger", "last_click", "--start", &self.start, "--end", &self.end];
        self.done(&[&trigger[..], &["--offline", also, "--overwrite", "--wait", "--timeout", PATIENT]].concat())
            .map(drop)
    }

    fn done(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.bench.run(arguments);
        let said = stderr(&output);
        if output.status.success() { Ok(stdout(&output)) } else { Err(said) }
    }

    fn sorted(&self) -> Result<Vec<Json>, String> {
        let range = ["history", "last_click", "--start", &self.start, "--end", &self.end, "--format", "jsonl"];
        let text = self.done(&range)?;
        let mut rows: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rows.sort_by_key(ToString::to_string);
        Ok(rows)
    }

    fn table(&self) -> PathBuf {
        self.bench.data().join("offline/prod/last_click")
    }

    /// The newest entry of the log.
    fn newest(&self) -> PathBuf {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(self.table().join("_delta_log"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect();
        entries.sort();
        entries.pop().unwrap()
    }

    /// A data file that the newest entry of the log names.
    fn file(&self) -> PathBuf {
        let text = std::fs::read_to_string(self.newest()).unwrap();
        let line = text.lines().find(|line| line.contains("\"add\"")).unwrap();
        let path = serde_json::from_str::<Json>(line).unwrap()["add"]["path"].as_str().unwrap().replace("%25", "%");
        self.table().join(path)
    }

    /// Refused, with the cure in the words.
    fn refused(&self, what: &str) -> String {
        match self.sorted() {
            Ok(rows) => panic!("{what}: {} rows were given, {} are right", rows.len(), self.rows.len()),
            Err(said) => {
                assert!(said.contains("overwrite"), "{what}: {said}");
                assert!(!said.contains("disk is not full"), "{what}: {said}");
                said
            }
        }
    }

    /// `fvtop check` on the directory while nothing runs on it.
    fn check(&mut self) -> (bool, String) {
        self.bench.stop();
        let output = fvtop().args(["check", "--data-dir"]).arg(self.bench.data()).output().unwrap();
        let told = printed(&output);
        assert_eq!(output.status.code(), Some(i32::from(!output.status.success())), "{told}");
        self.bench.start();
        (output.status.success(), told)
    }
}

#[test]
fn a_sound_directory_is_sound() {
    let mut scene = Damaged::new();
    let (sound, told) = scene.check();
    assert!(sound, "{told}");
    for part in ["jobs.sqlite", "offline/prod/last_click", "online", "datasets/prod/kept"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(scene.sorted().unwrap(), scene.rows);
}

#[test]
fn a_damaged_log_gives_no_values_and_overwriting_mends_it() {
    let mut scene = Damaged::new();
    let aside = scene.bench.data().with_extension("aside");
    type Deed = fn(&Damaged);
    let deeds: [(&str, Deed); 3] = [
        ("the newest entry is empty", |scene| std::fs::write(scene.newest(), "").unwrap()),
        ("the newest entry is gone", |scene| std::fs::remove_file(scene.newest()).unwrap()),
        ("the folder is gone", |scene| std::fs::remove_dir_all(scene.table()).unwrap()),
    ];
    for (what, deed) in deeds {
        copy(&scene.table(), &aside);
        deed(&scene);
        scene.refused(what);
        let (sound, told) = scene.check();
        assert!(!sound && told.contains("offline/prod/last_click") && told.contains("DAMAGED"), "{what}: {told}");
        scene.refused(what);
        // Put back from a copy, all is as it was.
        let _ = std::fs::remove_dir_all(scene.table());
        std::fs::rename(&aside, scene.table()).unwrap();
        assert_eq!(scene.sorted().unwrap(), scene.rows, "{what}, put back");
        // And without a copy, its windows are written again.
        deed(&scene);
        scene.refused(what);
        scene.overwrite("--online").unwrap();
        assert_eq!(scene.sorted().unwrap(), scene.rows, "{what}, written again");
        let (sound, told) = scene.check();
        assert!(sound, "{what}: {told}");
    }
}

#[test]
fn a_table_put_back_in_an_older_state_gives_no_values() {
    let scene = Damaged::new();
    let aside = scene.bench.data().with_extension("aside");
    copy(&scene.table(), &aside);
    // Something of it changes: keys are deleted.
    scene.done(&["delete-keys", "last_click", "--key", "user_id=1", "--yes", "last_click", "--wait"]).unwrap();
    let without = scene.sorted().unwrap();
    assert!(without.len() < scene.rows.len());
    std::fs::remove_dir_all(scene.table()).unwrap();
    std::fs::rename(&aside, scene.table()).unwrap();
    let said = scene.refused("an older state");
    assert!(said.contains("newest version is"), "{said}");
    // A job over other times does not write on it, for the right table may come back.
    scene.overwrite("--online").unwrap();
    assert_eq!(scene.sorted().unwrap(), scene.rows, "what was deleted comes back from the source alone");
}

#[test]
fn a_damaged_data_file_gives_no_values() {
    let mut scene = Damaged::new();
    let file = scene.file();
    let sound = std::fs::read(&file).unwrap();
    for part in 0..24 {
        let mut bytes = sound.clone();
        let at = part * (bytes.len() - 1) / 23;
        bytes[at] ^= 1 << (part % 8);
        std::fs::write(&file, &bytes).unwrap();
        let said = scene.refused(&format!("a bit of byte {at} is another"));
        assert!(said.contains("other bytes than were written"), "{said}");
    }
    let (sound_now, told) = scene.check();
    assert!(!sound_now && told.contains("other bytes than were written"), "{told}");
    // The command that it offers is one that the platform takes: its window lies on the schedule of hours.
    let command = told.split("--start ").nth(1).and_then(|rest| rest.split(" --offline").next()).unwrap();
    assert!(command.split(" --end ").all(|edge| edge.ends_with(":00:00Z")), "{command}");
    for bytes in [&sound[..sound.len() / 2], &[]] {
        std::fs::write(&file, bytes).unwrap();
        scene.refused("it was cut");
    }
    std::fs::remove_file(&file).unwrap();
    scene.refused("it is gone");
    std::fs::write(&file, &sound).unwrap();
    assert_eq!(scene.sorted().unwrap(), scene.rows);
    std::fs::remove_file(&file).unwrap();
    scene.overwrite("--online").unwrap();
    assert_eq!(scene.sorted().unwrap(), scene.rows);
}

#[test]
fn another_programs_commit_is_no_damage() {
    let scene = Damaged::new();
    // As another program would: the files of the newest version in another order of commits, rows and all.
    let newest = scene.newest();
    let name = newest.file_stem().unwrap().to_str().unwrap();
    let next = newest.with_file_name(format!("{:020}.json", name.parse::<u64>().unwrap() + 1));
    let text = std::fs::read_to_string(&newest).unwrap();
    let line = text.lines().find(|line| line.contains("\"add\"")).unwrap();
    let mut add: Json = serde_json::from_str(line).unwrap();
    let gone = add["add"]["path"].clone();
    let copied = gone.as_str().unwrap().replace("part-", "part-other-");
    let plain = |path: &str| scene.table().join(path.replace("%25", "%"));
    std::fs::copy(plain(gone.as_str().unwrap()), plain(&copied)).unwrap();
    let remove = serde_json::json!({"remove": {
        "path": gone, "deletionTimestamp": 1, "dataChange": true, "extendedFileMetadata": true,
        "partitionValues": add["add"]["partitionValues"], "size": add["add"]["size"],
    }});
    add["add"]["path"] = copied.into();
    let entry = format!("{{\"commitInfo\":{{\"operation\":\"WRITE\"}}}}\n{remove}\n{add}\n");
    std::fs::write(next, entry).unwrap();
    assert_eq!(scene.sorted().unwrap(), scene.rows);
    scene.overwrite("--online").unwrap();
    assert_eq!(scene.sorted().unwrap(), scene.rows);
}

#[test]
fn a_removed_online_store_answers_nothing_until_it_is_written_again() {
    let mut scene = Damaged::new();
    scene.bench.stop();
    std::fs::remove_dir_all(scene.bench.data().join("online")).unwrap();
    scene.bench.start();
    for view in ["last_click", "clicks_tiled"] {
        let said = scene.done(&["lookup", view, "user_id=1", "--json"]).unwrap_err();
        assert!(
            said.contains("does not hold what jobs wrote") && said.contains("--online --overwrite"),
            "{view}: {said}"
        );
    }
    let said = scene.done(&["lookup", "page_users", "page=p0", "--json"]).unwrap_err();
    assert!(said.contains("does not hold what jobs wrote"), "{said}");
    let (sound, told) = scene.check();
    assert!(!sound && told.contains("online, prod/last_click") && told.contains("it lacks"), "{told}");
    // The windows are written again, as the sentence says.
    scene.overwrite("--online").unwrap();
    let asked =
        scene.answers["lookups"].as_array().unwrap().iter().find(|asked| asked["view"] == "last_click").unwrap();
    let key = format!("user_id={}", asked["keys"]["user_id"].as_str().unwrap());
    let found: Json = serde_json::from_str(&scene.done(&["lookup", "last_click", &key, "--json"]).unwrap()).unwrap();
    assert_eq!(found["features"], asked["answer"]["features"]);
    scene.done(&["lookup", "clicks_tiled", "user_id=1", "--json"]).unwrap_err();
}

#[test]
fn a_job_table_that_is_gone_or_cut_is_refused_in_words() {
    let mut scene = Damaged::new();
    scene.bench.stop();
    let path = scene.bench.data().join("jobs.sqlite");
    let beside = ["-wal", "-shm"].map(|ending| scene.bench.data().join(format!("jobs.sqlite{ending}")));
    beside.iter().for_each(|path| drop(std::fs::remove_file(path)));
    let sound = std::fs::read(&path).unwrap();
    let cuts = [sound.len() / 2, sound.len() - 4_096, sound.len() - 1, 5_000, 4_096, 100];
    for kept in cuts {
        std::fs::write(&path, &sound[..kept]).unwrap();
        let said = scene.bench.try_start().unwrap_err();
        assert!(said.contains("jobs.sqlite") && said.contains("damaged") && said.contains("copy"), "{kept}: {said}");
        assert!(!said.contains("disk is not full"), "{kept}: {said}");
    }
    std::fs::write(&path, "").unwrap();
    let said = scene.bench.try_start().unwrap_err();
    assert!(said.contains("is empty, though its stores are there"), "{said}");
    std::fs::remove_file(&path).unwrap();
    let said = scene.bench.try_start().unwrap_err();
    assert!(said.contains("is gone, though its stores are there"), "{said}");
    let output = fvtop().args(["check", "--data-dir"]).arg(scene.bench.data()).output().unwrap();
    let told = stdout(&output);
    assert!(!output.status.success() && told.contains("is gone, though"), "{told}");
    std::fs::write(&path, &sound).unwrap();
    scene.bench.start();
    assert_eq!(scene.sorted().unwrap(), scene.rows);
}
