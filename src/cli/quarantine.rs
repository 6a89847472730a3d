//! `fvtop quarantine`: records of a view's stream that no row could be made of.

use std::io::{self, IsTerminal};

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value as Json, json};

use super::confirm;
use super::failure::{FAILED, Failure, USAGE};
use super::output::{json_time, note, print, print_json, print_with, table, time};
use super::session::Session;
use super::target::TargetArgs;
use crate::client::api::quarantine::QuarantineWanted;
use crate::client::message::Part;
use crate::model::clean::clean_bytes;
use crate::wire::quarantine::{
    LIST_LIMIT, LIST_MOST, QuarantineAsked, QuarantineList, QuarantineRecord, QuarantineRow, RetryAnswer,
};

/// Records that a table of what stays shows.
const SHOWN: usize = 50;

/// Look at records that a stream could make no row of, retry or drop them.
#[derive(Args, Clone, Debug)]
pub struct QuarantineArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with records of the quarantine.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// List the records of a view, the newest first
    List {
        /// The deployment.
        #[command(flatten)]
        target: TargetArgs,
        /// The feature view
        #[arg(value_name = "VIEW")]
        view: String,
        /// Only records of this reason
        #[arg(long, value_name = "REASON")]
        reason: Option<String>,
        /// At most so many, the newest
        #[arg(long, value_name = "N", default_value_t = LIST_LIMIT)]
        limit: usize,
        /// Print JSON, with what was met since the beginning
        #[arg(long)]
        json: bool,
    },
    /// Show one record: why it is there, and its bytes as text, with marks for what is no text
    Show {
        /// The deployment.
        #[command(flatten)]
        target: TargetArgs,
        /// The feature view
        #[arg(value_name = "VIEW")]
        view: String,
        /// Number of the record
        #[arg(value_name = "ID")]
        id: i64,
        /// Print JSON, with the bytes in base64
        #[arg(long, conflicts_with = "raw")]
        json: bool,
        /// Write the bytes as they are and nothing else, into a file or a pipe
        #[arg(long)]
        raw: bool,
    },
    /// Write what can be written by the definition of now; what still fails stays, with why
    // Made of the group of records, it would name the view last.
    #[command(override_usage = "fvtop quarantine retry [OPTIONS] <VIEW> <ID...|--reason <REASON>|--all>")]
    Retry {
        /// Which records.
        #[command(flatten)]
        records: RecordArgs,
        /// Write records too that lie beyond the watermark, where no batch job wrote their window
        #[arg(long)]
        force_late: bool,
    },
    /// Drop records that nobody wants any more
    #[command(override_usage = "fvtop quarantine drop [OPTIONS] <VIEW> <ID...|--reason <REASON>|--all>")]
    Drop {
        /// Which records.
        #[command(flatten)]
        records: RecordArgs,
    },
}

/// Which records are meant, and how to ask.
#[derive(Args, Clone, Debug)]
// One group of the three: whoever says none of them is told all of them.
#[command(group(ArgGroup::new("which").required(true).args(["ids", "reason", "all"])))]
pub struct RecordArgs {
    /// The deployment.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The feature view
    #[arg(value_name = "VIEW")]
    pub view: String,
    /// Numbers of the records
    #[arg(value_name = "ID")]
    pub ids: Vec<i64>,
    /// All records of this reason
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// All records of the view
    #[arg(long)]
    pub all: bool,
    /// Only say what would come of it
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl QuarantineArgs {
    /// The deployment.
    pub fn target(&self) -> &TargetArgs {
        match &self.verb {
            Verb::List { target, .. } | Verb::Show { target, .. } => target,
            Verb::Retry { records, .. } | Verb::Drop { records } => &records.target,
        }
    }
}

/// Does it.
///
/// # Errors
/// When nobody agrees; when the deployment is not reached, has no quarantine or refuses.
pub(crate) async fn run(args: QuarantineArgs) -> Result<(), Failure> {
    match args.verb {
        Verb::List { target, view, reason, limit, json } => {
            let list = Session::run(&target, async |session| all_pages(session, &view, reason, limit).await).await?;
            if json { print_json(&list_json(&list)) } else { print(&list_text(&list)) }
        }
        Verb::Show { target, view, id, json, raw } => {
            if raw && io::stdout().is_terminal() {
                let what = "The bytes of a record may hold anything, and are not written to a terminal as they are.";
                return Err(Failure::new(USAGE, format!("{what} Send them into a file: `--raw > FILE`.")));
            }
            let record = Session::run(&target, async |session| {
                let own_api = session.own_api(Part::Quarantine).await?;
                Ok(session.api.quarantined(&own_api, (&session.workspace, &view), id).await?)
            })
            .await?;
            show(&record, json, raw)
        }
        Verb::Retry { records, force_late } => retry(&records, force_late).await,
        Verb::Drop { records } => drop_records(&records).await,
    }
}

async fn all_pages(
    session: &Session,
    view: &str,
    reason: Option<String>,
    limit: usize,
) -> Result<QuarantineList, Failure> {
    let own_api = session.own_api(Part::Quarantine).await?;
    let mut wanted = QuarantineWanted { reason, before: None, limit: limit.clamp(1, LIST_MOST) };
    let mut list = session.api.quarantine(&own_api, (&session.workspace, view), &wanted).await?;
    while let Some(next) = list.next.filter(|_| list.records.len() < limit) {
        (wanted.before, wanted.limit) = (Some(next), (limit - list.records.len()).min(LIST_MOST));
        let page = session.api.quarantine(&own_api, (&session.workspace, view), &wanted).await?;
        list.records.extend(page.records);
        list.next = page.next.filter(|page| *page < next);
    }
    list.records.truncate(limit);
    Ok(list)
}

fn list_text(list: &QuarantineList) -> String {
    let row = |row: &QuarantineRow| {
        vec![
            row.id.to_string(),
            row.reason.clone(),
            time(Some(row.met_at)),
            row.length.to_string(),
            row.tries.to_string(),
            row.place.clone(),
            row.why().to_owned(),
        ]
    };
    let records: Vec<_> = list.records.iter().map(row).collect();
    let total = |total: &crate::wire::quarantine::QuarantineTotal| {
        let numbers = [total.held, total.met, total.released, total.dropped, total.pushed_out];
        let numbers = numbers.iter().map(u64::to_string);
        std::iter::once(total.reason.clone()).chain(numbers).chain([total.means.clone()]).collect::<Vec<_>>()
    };
    let totals: Vec<_> = list.totals.iter().map(total).collect();
    let mut text = table(&["ID", "REASON", "MET", "BYTES", "TRIES", "PLACE", "WHY"], &records);
    if !totals.is_empty() {
        let headings = ["REASON", "HELD", "MET", "RELEASED", "DROPPED", "PUSHED OUT", "MEANS"];
        text.push('\n');
        text.push_str(&table(&headings, &totals));
    }
    text
}

fn list_json(list: &QuarantineList) -> Json {
    json!({
        "records": list.records.iter().map(row_json).collect::<Vec<_>>(),
        "totals": list.totals,
    })
}

fn row_json(row: &QuarantineRow) -> Json {
    // Its own form is the wire's; it always has one.
    let mut json = serde_json::to_value(row).unwrap_or_default();
    json["met_at"] = json_time(Some(row.met_at));
    json["tried_at"] = json_time(row.tried_at);
    json
}

fn show(record: &QuarantineRecord, json: bool, raw: bool) -> Result<(), Failure> {
    let bytes = record.bytes().ok_or_else(|| Failure::new(FAILED, "The deployment sent a record that is damaged."))?;
    let row = &record.record;
    let cut = row.length.saturating_sub(bytes.len() as u64);
    if raw {
        if cut > 0 {
            note(&format!("warning: the last {cut} of its {} bytes are not kept", row.length));
        }
        return print_with(|out| out.write_all(&bytes));
    }
    if json {
        let mut json = row_json(row);
        json["bytes_base64"] = record.bytes_base64.clone().into();
        json["bytes_kept"] = bytes.len().into();
        return print_json(&json);
    }
    print(&record_text(row, &bytes))
}

/// What is known of a record, then its bytes, none of which drives a terminal.
fn record_text(row: &QuarantineRow, bytes: &[u8]) -> String {
    let cut = row.length.saturating_sub(bytes.len() as u64);
    let kept = if cut > 0 { format!("{} ({} are kept)", row.length, bytes.len()) } else { row.length.to_string() };
    let facts = [
        ("id", row.id.to_string()),
        ("reason", row.reason.clone()),
        ("why", row.sentence.clone()),
        ("place", row.place.clone()),
        ("met", time(Some(row.met_at))),
        ("bytes", kept),
        ("tries", row.tries.to_string()),
        ("last try", time(row.tried_at)),
        ("last error", if row.error.is_empty() { "-".to_owned() } else { row.error.clone() }),
    ];
    let facts: Vec<_> = facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    format!("{}\n{}\n", table(&["PROPERTY", "VALUE"], &facts), clean_bytes(bytes))
}

/// What is asked of the deployment.
fn asked(session: &Session, records: &RecordArgs, dry_run: bool, force_late: bool) -> QuarantineAsked {
    QuarantineAsked {
        workspace: session.workspace.clone(),
        feature_view: records.view.clone(),
        ids: records.ids.clone(),
        reason: records.reason.clone(),
        all: records.all,
        dry_run,
        force_late,
        after: 0,
    }
}

/// Looks what would come of it, asks, and does it.
async fn retry(records: &RecordArgs, force_late: bool) -> Result<(), Failure> {
    let answer = Session::run(&records.target, async |session| {
        if !records.dry_run {
            session.may_change()?;
        }
        let own_api = session.own_api(Part::Quarantine).await?;
        let ask = |dry_run| asked(session, records, dry_run, force_late);
        if records.dry_run || !records.yes {
            let would = session.api.retry_quarantined(&own_api, &ask(true)).await?;
            if records.dry_run || would.leaves() == 0 {
                return Ok(would);
            }
            agree(&retry_text(&would, true), "Write them?", "Nothing was written.").await?;
        }
        Ok(session.api.retry_quarantined(&own_api, &ask(false)).await?)
    })
    .await?;
    if let Some(none) = none_of(records, &answer) {
        return Err(none);
    }
    if records.json {
        return print_json(&serde_json::to_value(&answer).unwrap_or_default());
    }
    print(&retry_text(&answer, records.dry_run))
}

/// The failure to find any of the records that were named by their numbers.
fn none_of(records: &RecordArgs, answer: &RetryAnswer) -> Option<Failure> {
    if records.ids.is_empty() || answer.leaves() > 0 || !answer.stays.is_empty() {
        return None;
    }
    let view = &records.view;
    let numbers: Vec<_> = records.ids.iter().map(i64::to_string).collect();
    let (is, numbers) = (if numbers.len() == 1 { "is no record" } else { "are no records" }, numbers.join(", "));
    let what = format!("There {is} {numbers} in the quarantine of {view}.");
    Some(Failure::new(FAILED, format!("{what} `fvtop quarantine list {view}` shows those there are.")))
}

fn retry_text(answer: &RetryAnswer, would: bool) -> String {
    let word = |does: &'static str, would_be: &'static str| if would { would_be } else { does };
    let mut text = format!(
        "{} {}, {} {} no row by the query, {} {} there already, {} {}\n",
        answer.arrived,
        word("arrived", "would arrive"),
        answer.filtered,
        word("gave", "would give"),
        answer.duplicates,
        word("were", "would be"),
        answer.stays.len(),
        word("stay", "would stay"),
    );
    if !answer.stays.is_empty() {
        let row = |stays: &crate::wire::quarantine::StaysRow| {
            vec![stays.id.to_string(), stays.reason.clone(), stays.place.clone(), stays.sentence.clone()]
        };
        let rows: Vec<_> = answer.stays.iter().take(SHOWN).map(row).collect();
        text.push('\n');
        text.push_str(&table(&["ID", "REASON", "PLACE", "WHY"], &rows));
        let more = answer.stays.len().saturating_sub(SHOWN);
        if more > 0 {
            text.push_str(&format!("and {more} more; --json shows all\n"));
        }
    }
    text
}

async fn drop_records(records: &RecordArgs) -> Result<(), Failure> {
    let dropped = Session::run(&records.target, async |session| {
        if !records.dry_run {
            session.may_change()?;
        }
        let own_api = session.own_api(Part::Quarantine).await?;
        let ask = |dry_run| asked(session, records, dry_run, false);
        if records.dry_run || !records.yes {
            let would = session.api.drop_quarantined(&own_api, &ask(true)).await?;
            if records.dry_run || would == 0 {
                return Ok(would);
            }
            let what = format!("{} of {} would be lost for good.\n", count(would), records.view);
            agree(&what, "Drop them?", "Nothing was dropped.").await?;
        }
        Ok(session.api.drop_quarantined(&own_api, &ask(false)).await?)
    })
    .await?;
    if records.json {
        return print_json(&json!({ "dropped": dropped, "dry_run": records.dry_run }));
    }
    print(&format!("{} {}\n", count(dropped), if records.dry_run { "would be dropped" } else { "dropped" }))
}

/// Records in words.
pub(super) fn count(records: u64) -> String {
    if records == 1 { "1 record".to_owned() } else { format!("{records} records") }
}

async fn agree(what: &str, question: &str, unchanged: &'static str) -> Result<(), Failure> {
    let why = "There is no terminal to ask on. Give --yes to do it, or --dry-run to see what would come of it.";
    confirm::agree(&format!("{what}{question}"), unchanged, || Failure::new(USAGE, format!("{what}{why}"))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::wire::quarantine::{QuarantineTotal, StaysRow};

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        records: RecordArgs,
    }

    #[test]
    fn whoever_names_no_records_is_told_every_way_to_name_them() {
        for verb in ["retry", "drop"] {
            let said = crate::cli::Cli::try_parse_from(["fvtop", "quarantine", verb, "gates"]).err().unwrap();
            let said = said.to_string();
            assert!(said.contains("not provided:\n  <ID|--reason <REASON>|--all>\n"), "{said}");
            let usage = format!("Usage: fvtop quarantine {verb} [OPTIONS] <VIEW> <ID...|--reason <REASON>|--all>");
            assert!(said.contains(&usage), "{said}");
        }
        Only::try_parse_from(["retry", "gates", "1", "2"]).unwrap();
        Only::try_parse_from(["retry", "gates", "1", "--reason", "late"]).unwrap_err();
    }

    #[test]
    fn records_that_are_not_there_are_said_and_fail_the_retry() {
        let named = |line: &str| Only::try_parse_from(line.split(' ')).unwrap().records;
        let none = RetryAnswer::default();
        let failure = none_of(&named("retry gates 999"), &none).unwrap();
        assert!(failure.text.starts_with("There is no record 999 in the quarantine of gates."), "{failure}");
        assert_eq!(failure.code, FAILED);
        let failure = none_of(&named("retry gates 998 999"), &none).unwrap();
        assert!(failure.text.starts_with("There are no records 998, 999 in the quarantine of gates."), "{failure}");
        let found = [
            RetryAnswer { filtered: 1, ..RetryAnswer::default() },
            RetryAnswer { stays: vec![StaysRow::default()], ..RetryAnswer::default() },
        ];
        assert!(found.iter().all(|found| none_of(&named("retry gates 999"), found).is_none()));
        assert_eq!(none_of(&named("retry gates --all"), &none), None);
    }

    fn row(id: i64) -> QuarantineRow {
        QuarantineRow {
            id,
            reason: "unparsed".to_owned(),
            place: format!("offset {id}"),
            sentence: "it is no object".to_owned(),
            length: 300,
            ..QuarantineRow::default()
        }
    }

    #[test]
    fn no_byte_of_a_record_drives_the_terminal() {
        let every: Vec<u8> = (0..=255).chain("\u{202e}\u{200b}\u{9b}2J".bytes()).collect();
        let text = record_text(&row(7), &every);
        let obeyed = |c: &char| *c != '\n' && crate::model::clean::is_obeyed(*c);
        assert_eq!(text.chars().find(obeyed), None, "{text}");
        assert!(text.contains("300 (266 are kept)") && text.contains("\\x80\\x81"), "{text}");
        let hostile = QuarantineRow { sentence: "\u{1b}[2J".to_owned(), place: "a\nb".to_owned(), ..row(7) };
        let listed = list_text(&QuarantineList { records: vec![hostile], ..QuarantineList::default() });
        assert_eq!(listed.chars().find(obeyed), None, "{listed}");
        assert!(listed.contains("a⏎b"), "one line a record: {listed}");
    }

    #[test]
    fn lists_end_with_what_was_met_and_retries_with_what_stays() {
        let total = QuarantineTotal { reason: "unparsed".to_owned(), met: 9, held: 2, ..QuarantineTotal::default() };
        let list = QuarantineList { records: vec![row(8), row(7)], next: None, totals: vec![total] };
        let text = list_text(&list);
        let lines: Vec<_> = text.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>()).collect();
        assert_eq!((&lines[1][..2], &lines[5]), (&["8", "unparsed"][..], &vec!["unparsed", "2", "9"]));
        let stays = (0..60).map(|id| StaysRow { id, ..StaysRow::default() }).collect();
        let answer = RetryAnswer { arrived: 3, stays, ..RetryAnswer::default() };
        let text = retry_text(&answer, true);
        assert!(text.starts_with("3 would arrive, 0 would give no row by the query, 0 would be there already, 60"));
        assert!(text.ends_with("and 10 more; --json shows all\n"), "{text}");
    }
}
