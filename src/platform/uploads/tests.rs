//! Places for keys: opened, filled, taken, closed.

use super::*;
use crate::model::time::from_micros;

struct Bench {
    uploads: Uploads,
    dir: tempfile::TempDir,
}

const VIEW: Id = Id(7);
const ME: Id = Id(1);

fn now() -> Time {
    from_micros(1_700_000_000_000_000)
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { uploads: Uploads::open(&dir.path().join("uploads")).unwrap(), dir }
    }

    fn send(&self, secret: &str, bytes: &[u8]) {
        let (part, mut file) = Part::begin(self.uploads.folder(secret, now()).unwrap()).unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        part.keep(&file).unwrap();
    }

    fn left(&self) -> usize {
        fs::read_dir(self.dir.path().join("uploads")).unwrap().count()
    }

    fn refusal(&self, path: &str) -> String {
        self.uploads.take(VIEW, &[path], now()).unwrap_err().to_string()
    }
}

#[test]
fn what_was_sent_is_read_once_and_then_removed() {
    let bench = Bench::new();
    let offer = bench.uploads.offer(ME, VIEW, now()).unwrap();
    bench.send(&offer.online, b"first");
    bench.send(&offer.online, b"again");
    bench.send(&offer.offline, b"offline");
    let paths = [format!("{}/online/keys.csv", offer.df_path), format!("{}/offline/", offer.df_path)];
    let taken = bench.uploads.take(VIEW, &[&paths[0], &paths[1]], now()).unwrap();
    assert_eq!(
        taken.read(Store::Online).unwrap(),
        [b"again"],
        "a file that is sent again takes the place of the first"
    );
    assert_eq!(taken.read(Store::Offline).unwrap(), [b"offline"]);
    assert!(bench.uploads.folder(&offer.online, now()).is_none(), "the address is closed");
    assert!(bench.refusal(&paths[0]).contains("was used already"));
    drop(taken);
    assert_eq!(bench.left(), 0);
}

#[test]
fn spark_may_write_several_files_into_the_folder() {
    let bench = Bench::new();
    let offer = bench.uploads.offer(ME, VIEW, now()).unwrap();
    let folder = PathBuf::from(offer.df_path.strip_prefix("file://").unwrap()).join("offline");
    fs::create_dir_all(folder.join("_temporary")).unwrap();
    for (name, text) in [("part-1", "b"), ("part-0", "a"), ("_SUCCESS", ""), (".part-0.crc", "x")] {
        fs::write(folder.join(name), text).unwrap();
    }
    let secret_file = bench.dir.path().join("secret");
    fs::write(&secret_file, "not for you").unwrap();
    std::os::unix::fs::symlink(secret_file, folder.join("part-2")).unwrap();
    let taken = bench.uploads.take(VIEW, &[&format!("{}/offline", offer.df_path)], now()).unwrap();
    assert_eq!(taken.read(Store::Offline).unwrap(), [b"a", b"b"]);
    let none = taken.read(Store::Online).unwrap_err().to_string();
    assert_eq!(
        none,
        "No keys were sent for the online store. Send them to the address that GetDeleteEntitiesInfo gave, then try again."
    );
}

#[test]
fn paths_outside_the_place_are_refused() {
    let bench = Bench::new();
    let offer = bench.uploads.offer(ME, VIEW, now()).unwrap();
    let plain = offer.df_path.strip_prefix("file://").unwrap();
    for path in [
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "s3://bucket/keys",
        "../jobs.sqlite",
        &format!("{plain}/../../jobs.sqlite"),
        &format!("{plain}/online/../../x"),
        &format!("{plain}//x"),
        &format!("{plain}/./x"),
        &bench.uploads.dir.display().to_string(),
        &format!("{}-other/x", bench.uploads.dir.display()),
    ] {
        let refusal = bench.refusal(path);
        assert!(refusal.contains("is not below the df_path"), "{path}: {refusal}");
    }
    let unknown = format!("{}/{}/online", bench.uploads.dir.display(), "0".repeat(32));
    assert!(bench.refusal(&unknown).contains("is not known, has expired or was used already"));
    let other = bench.uploads.offer(ME, VIEW, now()).unwrap();
    let mixed = bench.uploads.take(VIEW, &[&offer.df_path, &other.df_path], now()).unwrap_err();
    assert!(matches!(mixed, UploadError::Outside(_)), "both files are of one place");
    let foreign = bench.uploads.take(Id(8), &[&offer.df_path], now()).unwrap_err();
    assert!(matches!(foreign, UploadError::Outside(_)), "a place is of one view");
    assert!(bench.uploads.folder(&offer.online, now()).is_some(), "refusals do not close it");
    assert!(bench.uploads.take(VIEW, &[plain], now()).is_ok());
}

#[test]
fn places_close_after_their_time_and_are_not_without_number() {
    let bench = Bench::new();
    let offers: Vec<_> = (0..MOST_OPEN).map(|_| bench.uploads.offer(ME, VIEW, now()).unwrap()).collect();
    let other = bench.uploads.offer(Id(9), VIEW, now()).unwrap();
    assert!(bench.uploads.folder(&other.online, now()).is_some(), "nobody is kept out");
    let open =
        |offers: &[Offer]| offers.iter().filter(|offer| bench.uploads.folder(&offer.online, now()).is_some()).count();
    assert_eq!((open(&offers), bench.left()), (MOST_OPEN - 1, MOST_OPEN), "one of the key that has the most gave way");
    let offers: Vec<_> =
        offers.into_iter().filter(|offer| bench.uploads.folder(&offer.online, now()).is_some()).collect();
    let later = now() + OPEN_FOR;
    let path = offers[0].df_path.as_str();
    assert!(bench.uploads.folder(&offers[0].online, later - Span::microseconds(1)).is_some());
    assert!(bench.uploads.folder(&offers[0].online, later).is_none());
    assert!(matches!(bench.uploads.take(VIEW, &[path], later), Err(UploadError::Gone)));
    bench.uploads.offer(ME, VIEW, later).unwrap();
    assert_eq!(bench.left(), 1, "the files of the others are removed");
}

#[test]
fn what_was_not_kept_and_what_an_earlier_process_left_is_removed() {
    let bench = Bench::new();
    let offer = bench.uploads.offer(ME, VIEW, now()).unwrap();
    let folder = bench.uploads.folder(&offer.online, now()).unwrap();
    let (part, _file) = Part::begin(folder.clone()).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    drop(part);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "a body that broke off leaves nothing");
    bench.send(&offer.online, b"keys");
    let uploads = bench.dir.path().join("uploads");
    let again = Uploads::open(&uploads).unwrap();
    assert_eq!(bench.left(), 0);
    // What a person put there stays.
    fs::create_dir(uploads.join("photos")).unwrap();
    fs::write(uploads.join("notes.txt"), "mine").unwrap();
    drop(again);
    let again = Uploads::open(&uploads).unwrap();
    assert_eq!(bench.left(), 2);
    assert!(again.folder(&offer.online, now()).is_none());
}

#[test]
fn more_than_the_limit_is_not_read() {
    let bench = Bench::new();
    let offer = bench.uploads.offer(ME, VIEW, now()).unwrap();
    bench.send(&offer.online, b"");
    let folder = bench.uploads.folder(&offer.online, now()).unwrap();
    // Sparse: it takes no room on the disk.
    File::create(folder.join("large")).unwrap().set_len(LIMIT + 1).unwrap();
    let taken = bench.uploads.take(VIEW, &[&offer.df_path], now()).unwrap();
    let refusal = taken.read(Store::Online).unwrap_err().to_string();
    assert_eq!(refusal, "The keys for the online store take more than 64 MiB. Send fewer keys at a time.");
}
