//! What code and pages cite is there: each page of docs/, each section of it, each heading that a link names.
//!
//! Sections are cited in one form: docs/semantics.md section 8.1, docs/wire.md sections 2.2 and 6, docs/messages.md
//! sections 3 to 7; docs/reference.md, run. A page speaks of its own sections without its name, and links to those of
//! others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// Where citations stand.
const PLACES: [&str; 5] = ["src", "tests", "benches", "docs", "README.md"];
/// Files of these kinds are looked at.
const KINDS: [&str; 3] = ["rs", "py", "md"];
/// Fewer citations than this are found only by a search that is broken.
const AT_LEAST: usize = 150;

/// A list of sections by their numbers.
const SECTIONS: &str =
    r"sections? (?P<sections>\d+(?:\.\d+)*(?:(?:, and |, | and | to )(?:sections? )?\d+(?:\.\d+)*)*)";

/// A page, and what is cited of it: numbers of sections, or methods by name.
static CITED: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"docs/(?P<page>[\w-]+\.md)(?: {SECTIONS}|, (?P<names>\w+(?: and \w+)*))?")));
/// Sections that no page is named for.
static BARE: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"\b{SECTIONS}")));
/// A link, and the sections behind it that are those of the page it leads to.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"\[(?P<text>[^\]]*)\]\((?P<to>[^)\s]+)\)(?:, {SECTIONS})?")));
/// Forms that citations once had.
static OLD: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\bwire (?:sections?|messages,)|\bREADME sections?|\bseed page|\bthe reference page|[a-z]\.md,? sections? \d",
    )
});
/// A page of rules that is named without its folder.
static SHORT: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|[^/\w])(?:reference|semantics|wire|messages)\.md\b"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The headings of a page.
struct Headings(Vec<String>);

impl Headings {
    fn of(text: &str) -> Self {
        let text = unfenced(text);
        let titles = text.lines().filter(|line| line.starts_with('#')).map(|line| {
            let title = line.trim_start_matches('#');
            LINK.replace_all(title.trim(), "$text").replace('`', "")
        });
        Self(titles.collect())
    }

    fn has(&self, title: &str) -> bool {
        self.0.iter().any(|known| known == title)
    }

    /// The numbers that headings begin with.
    fn numbers(&self) -> BTreeSet<&str> {
        let first = self.0.iter().filter_map(|title| title.split_whitespace().next());
        let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
        first.map(|word| word.trim_end_matches('.')).filter(number).collect()
    }

    /// What links name them by.
    fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchor = |title: &String| {
            let title = title.to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            let anchor = kept.collect::<String>().replace(' ', "-");
            let count = seen.entry(anchor.clone()).or_default();
            *count += 1;
            if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
        };
        self.0.iter().map(&mut anchor).collect()
    }
}

/// The text with the lines between fences empty.
fn unfenced(text: &str) -> String {
    let mut inside = false;
    let keep = |line: &str| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        if inside || fence { String::new() } else { line.to_owned() }
    };
    text.lines().map(keep).collect::<Vec<_>>().join("\n")
}

/// A text in one line, without the marks of comments, and where each line of it began.
struct Flat {
    text: String,
    starts: Vec<usize>,
}

impl Flat {
    fn of(text: &str) -> Self {
        let (mut flat, mut starts) = (String::new(), Vec::new());
        for line in text.lines() {
            starts.push(flat.len());
            let line = line.trim();
            let marks = ["//!", "///", "//", "# "];
            let line = marks.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line);
            flat.push_str(line.trim());
            flat.push(' ');
        }
        Self { text: flat, starts }
    }

    /// The line of a place, from 1.
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }
}

/// The pages, their headings read once.
struct Pages(BTreeMap<PathBuf, Headings>);

impl Pages {
    fn read() -> Self {
        let texts = files(&KINDS).into_iter().filter(|(path, _)| path.extension().is_some_and(|kind| kind == "md"));
        Self(texts.map(|(path, text)| (path, Headings::of(&text))).collect())
    }

    fn page(&self, name: &str) -> Option<&Headings> {
        self.0.get(&Path::new("docs").join(name))
    }

    /// What is wrong in a file, and how many citations and links it has.
    fn judge(&self, path: &Path, text: &str) -> (Vec<String>, usize) {
        let is_page = path.extension().is_some_and(|kind| kind == "md");
        let mut judged = Judged { path, problems: Vec::new(), count: 0 };
        let mut flat = Flat::of(text);
        for cited in CITED.captures_iter(&flat.text) {
            let at = flat.line(cited.get(0).map_or(0, |whole| whole.start()));
            judged.count += 1;
            let page = &cited["page"];
            let Some(headings) = self.page(page) else {
                judged.say(at, format!("docs/{page} is not there"));
                continue;
            };
            if let Some(sections) = cited.name("sections") {
                for number in missing(sections.as_str(), &headings.numbers()) {
                    judged.say(at, format!("docs/{page} has no section {number}"));
                }
            }
            if let Some(names) = cited.name("names").filter(|_| page.starts_with("reference.")) {
                for name in names.as_str().split(" and ").filter(|name| !headings.has(name)) {
                    judged.say(at, format!("docs/{page} has no heading {name}"));
                }
            }
        }
        // What a citation or a link names is judged with it.
        let blank = |found: &regex::Captures<'_>| " ".repeat(found[0].len());
        flat.text = CITED.replace_all(&flat.text, blank).into_owned();
        if is_page {
            self.judge_links(text, &mut judged);
            flat.text = LINK.replace_all(&flat.text, blank).into_owned();
        }
        let own = self.0.get(path).map(Headings::numbers).unwrap_or_default();
        for bare in BARE.captures_iter(&flat.text) {
            let at = flat.line(bare.get(0).map_or(0, |whole| whole.start()));
            for number in missing(&bare["sections"], &own) {
                judged.say(at, format!("no page is named that has the section {number}"));
            }
        }
        let short = SHORT.find_iter(&flat.text).filter(|_| !is_page);
        for old in OLD.find_iter(&flat.text).chain(short) {
            let form = "name the page with its folder, then the section";
            judged.say(flat.line(old.start()), format!("`{}`: {form}", old.as_str().trim()));
        }
        (judged.problems, judged.count)
    }

    fn judge_links(&self, text: &str, judged: &mut Judged<'_>) {
        let flat = Flat::of(&unfenced(text));
        for link in LINK.captures_iter(&flat.text).filter(|link| !link["to"].contains("://")) {
            judged.count += 1;
            let at = flat.line(link.get(0).map_or(0, |whole| whole.start()));
            let to = &link["to"];
            let (file, anchor) = to.split_once('#').unwrap_or((to, ""));
            let folder = judged.path.parent().unwrap_or(Path::new(""));
            let target = if file.is_empty() { judged.path.to_owned() } else { plain(&folder.join(file)) };
            let headings = self.0.get(&target);
            if headings.is_none() && !root().join(&target).exists() {
                judged.say(at, format!("the link {to} leads nowhere"));
            } else if !anchor.is_empty() && !headings.is_some_and(|page| page.anchors().contains(anchor)) {
                judged.say(at, format!("the link {to} names no heading"));
            }
            let sections = link.name("sections").map_or("", |sections| sections.as_str());
            let numbers = headings.map(Headings::numbers).unwrap_or_default();
            for number in missing(sections, &numbers) {
                judged.say(at, format!("{} has no section {number}", target.display()));
            }
        }
    }
}

/// What was found wrong in a file.
struct Judged<'a> {
    path: &'a Path,
    problems: Vec<String>,
    count: usize,
}

impl Judged<'_> {
    fn say(&mut self, line: usize, problem: String) {
        self.problems.push(format!("{}:{line}: {problem}", self.path.display()));
    }
}

/// Those of a list of sections that are not among the numbers.
fn missing<'a>(list: &'a str, numbers: &BTreeSet<&str>) -> Vec<&'a str> {
    let parts = list.split(|c: char| !c.is_ascii_digit() && c != '.');
    parts.filter(|part| !part.is_empty() && !numbers.contains(part)).collect()
}

/// The path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The files of these kinds with their texts, by their paths from the root.
fn files(kinds: &[&str]) -> Vec<(PathBuf, String)> {
    let (mut found, mut open) = (Vec::new(), PLACES.map(PathBuf::from).to_vec());
    while let Some(path) = open.pop() {
        let whole = root().join(&path);
        if whole.is_dir() {
            let entries = fs::read_dir(&whole).unwrap().map(|entry| path.join(entry.unwrap().file_name()));
            open.extend(entries);
        } else if path.extension().is_some_and(|kind| kinds.iter().any(|known| kind == *known)) {
            found.push((path, fs::read_to_string(&whole).unwrap()));
        }
    }
    found
}

#[test]
fn everything_that_is_cited_is_there() {
    let pages = Pages::read();
    let (mut problems, mut count) = (Vec::new(), 0);
    for (path, text) in files(&KINDS) {
        let (found, cited) = pages.judge(&path, &text);
        problems.extend(found);
        count += cited;
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count >= AT_LEAST, "only {count} citations were found");
}

#[test]
fn what_is_made_up_is_found() {
    let pages = Pages::read();
    // Written so that this file does not cite it: `%` is a blank, `^` nothing.
    let meant = |text: &str| text.replace('%', " ").replace('^', "");
    let judge = |path: &str, text: &str| pages.judge(Path::new(path), &meant(text)).0;
    let rule = "name the page with its folder, then the section";
    for (made_up, told) in [
        ("//! See docs/^nothing.md.", "1: docs/^nothing.md is not there"),
        ("\n//! Rules (docs/semantics.md%section%99).", "2: docs/semantics.md has no section%99"),
        ("// docs/wire.md\n// sections%2.2%and%2.99", "1: docs/wire.md has no section%2.99"),
        ("/// docs/wire.md%section%1. And%docs/wire.md%section%8", "1: docs/wire.md has no section%8"),
        ("/// (docs/reference.md,%run%and%^walk)", "1: docs/reference.md has no heading walk"),
        ("/// As in section%4.", "1: no page is named that has the section%4"),
        ("/// (semantic^s.md)", "1: `(semantic^s.md`: RULE"),
        ("/// of the seed%page", "1: `seed%page`: RULE"),
        ("/// (wire%messages,%`Column`)", "1: `wire%messages,`: RULE"),
        ("/// (REA^DME%section)", "1: `REA^DME%section`: RULE"),
    ] {
        let told = format!("src/lib.rs:{}", meant(told).replace("RULE", rule));
        assert_eq!(judge("src/lib.rs", made_up), [told], "{made_up}");
    }
    for (made_up, told) in [
        ("See [this](away.md).", "1: the link away.md leads nowhere"),
        ("\nSee [this](sql.md#no-such-thing).", "2: the link sql.md#no-such-thing names no heading"),
        ("See [this](#no-such-thing).", "1: the link #no-such-thing names no heading"),
        ("See [the\nkey](../README.md#no-such-thing).", "1: the link ../README.md#no-such-thing names no heading"),
    ] {
        assert_eq!(judge("docs/jobs.md", made_up), [format!("docs/jobs.md:{told}")], "{made_up}");
    }
    let linked = judge("docs/jobs.md", "By [the rules](semantic^s.md), section%6%and%section%99.");
    assert_eq!(linked, [meant("docs/jobs.md:1: docs/semantics.md has no section%99")]);
    let own = judge("docs/wire.md", "As in sections%2.1%and%77.");
    assert_eq!(own, [meant("docs/wire.md:1: no page is named that has the section%77")]);
    for (path, sound) in [
        ("src/lib.rs", "//! Rules (docs/semantics.md%section%7.1,%docs/wire.md%sections%2.2,%2.3%and%6)."),
        (
            "src/lib.rs",
            "/// (docs/messages.md\n/// sections%3%to%7;\n/// docs/reference.md,%run%and\n/// delete_keys).",
        ),
        (
            "docs/jobs.md",
            "[a](semantic^s.md#81-with-a-spine), [b](#retries), [c](../README.md#keys), [d](https://example.com/a.md)",
        ),
        (
            "docs/wire.md",
            "As in section%2.1, and in [messages, section%9](m^essages.md#9-entity-deletion-and-saved-data-sets).",
        ),
    ] {
        assert_eq!(judge(path, sound), Vec::<String>::new(), "{sound}");
    }
}

/// The tour of the code names files; those in `src` are there.
#[test]
fn the_tour_names_files_that_are_there() {
    let tour = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let named: Vec<&str> = tour.split('`').skip(1).step_by(2).filter(|name| name.starts_with("src/")).collect();
    assert!(named.len() > 50, "{named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !root().join(name).exists()).collect();
    assert!(missing.is_empty(), "docs/architecture.md names {missing:?}");
}
