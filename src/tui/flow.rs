//! How the stream of a view does, in words: where its events went, how far behind it is, how it stands.
//!
//! Pure, of what the deployment told last. The Stream pane and the window of a stream job say the same.

use std::borrow::Cow;

use super::canvas::{Line, line_width, piece};
use super::phase::Phase;
use super::theme::Meaning;
use super::values::grouped;
use crate::model::time::print_span;
use crate::model::{JobState, Span, StreamFigures};

/// A stream is lagging whose oldest unread event arrived longer ago than that.
const BEHIND: Span = Span::seconds(10);

/// How the stream stands, in a word and a sign.
pub(super) fn standing(figures: &StreamFigures) -> Phase {
    let (word, glyph, meaning, rank) = match &figures.state {
        None => ("not started", "○", Meaning::Waiting, 5),
        Some(JobState::Failure) => ("failed", "✗", Meaning::Bad, 0),
        Some(state) if state.is_terminal() => ("stopped", "⊘", Meaning::Over, 7),
        Some(JobState::CancellationRequested | JobState::Draining) => ("stopping", "◌", Meaning::Warning, 3),
        Some(_) if figures.error.is_some() => ("held up", "✗", Meaning::Bad, 0),
        Some(_) if is_behind(figures) => ("lagging", "●", Meaning::Warning, 1),
        Some(_) => ("running", "●", Meaning::Running, 2),
    };
    Phase { word: Cow::Borrowed(word), glyph, meaning, rank }
}

/// Whether nothing is to be said of it but that it runs.
pub(super) fn is_well(figures: &StreamFigures) -> bool {
    standing(figures).meaning == Meaning::Running
}

fn is_behind(figures: &StreamFigures) -> bool {
    figures.lag_events != Some(0) && figures.lag.is_some_and(|lag| lag > BEHIND)
}

/// Where all events went that were read, as a sum that adds up; what is nothing is left out. Where it is too long, parts
/// are told together, those first that are the least trouble.
pub(super) fn sum(figures: &StreamFigures, wide: usize) -> Line {
    let total = &figures.total;
    let known = total.settled().saturating_add(figures.waiting);
    // With their place in the order in which they are told together.
    let parts = [
        ("filtered", total.filtered, 1),
        ("late", total.late, 2),
        ("quarantined", total.quarantined, 5),
        ("deduplicated", total.deduplicated, 0),
        ("waiting", figures.waiting, 3),
        ("not accounted for", total.read.saturating_sub(known), 4),
    ];
    let sign = if known > total.read { "≠" } else { "=" };
    let told = |together: usize| {
        let written = format!("read {} {sign} {} written", grouped(total.read), grouped(total.written));
        let mut line = vec![piece(written, Meaning::Dim)];
        for (name, count, place) in parts {
            if count > 0 && place >= together {
                let meaning = if name == "quarantined" { Meaning::Warning } else { Meaning::Dim };
                line.push(piece(format!(" + {} {name}", grouped(count)), meaning));
            }
        }
        let others = parts.iter().filter(|(.., place)| *place < together);
        let others = others.fold(0_u64, |sum, (_, count, _)| sum.saturating_add(*count));
        if others > 0 {
            line.push(piece(format!(" + {} other", grouped(others)), Meaning::Dim));
        }
        line
    };
    let fitting = (0..parts.len()).map(told).find(|line| line_width(line) <= wide);
    fitting.unwrap_or_else(|| told(parts.len()))
}

/// How far behind the stream is read; nothing where nobody can tell.
pub(super) fn lag(figures: &StreamFigures) -> Option<String> {
    let behind = figures.lag.map(print_span);
    match (figures.lag_events, behind) {
        (Some(0), _) => Some("no lag".to_owned()),
        (Some(events), Some(behind)) => Some(format!("lag {}, {behind}", of_events(events))),
        (Some(events), None) => Some(format!("lag {}", of_events(events))),
        (None, Some(behind)) => Some(format!("lag {behind}")),
        (None, None) => None,
    }
}

fn of_events(count: u64) -> String {
    let word = if count == 1 { "event" } else { "events" };
    format!("{} {word}", grouped(count))
}

/// How fast events come and go.
pub(super) fn rates(figures: &StreamFigures) -> String {
    format!("in {}/s, out {}/s", rate(figures.rate_in), rate(figures.rate_out))
}

/// A number a second.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "0".to_owned(),
        r if r < 0.05 => "<0.1".to_owned(),
        r if r < 10.0 => format!("{r:.1}"),
        r if r < 10_000.0 => format!("{r:.0}"),
        r if r < 1e9 => format!("{:.0}k", r / 1_000.0),
        // Nobody counts so fast: text from outside.
        _ => "?".to_owned(),
    }
}

/// What holds it up now, in a sentence that begins with the word for it.
pub(super) fn trouble(figures: &StreamFigures) -> Option<String> {
    let (word, sentence) = figures.error.as_ref()?;
    Some(match (word.is_empty(), sentence.is_empty()) {
        (false, false) => format!("{word}: {sentence}"),
        (true, _) => sentence.clone(),
        (false, true) => word.clone(),
    })
}

/// As many of these as fit, the first ones first.
pub(super) fn joined(parts: impl IntoIterator<Item = String>, wide: usize) -> String {
    let mut text = String::new();
    for part in parts {
        let more = if text.is_empty() { part } else { format!("{text} · {part}") };
        if super::text::width(&more) > wide && !text.is_empty() {
            break;
        }
        text = more;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StreamCounts;
    use crate::tui::app::testing::figures;

    fn text(line: &Line) -> String {
        line.iter().map(|(text, _)| text.replace('\u{a0}', " ")).collect()
    }

    /// The numbers of a sum: the one on the left, and all on the right added up.
    fn sides(text: &str) -> (u64, u64) {
        let number = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap();
        let (left, right) = text.split_once('=').unwrap();
        (number(left), right.split('+').map(number).sum())
    }

    #[test]
    fn the_sum_adds_up_however_little_room_there_is() {
        let figures = figures();
        let mut widest = usize::MAX;
        for wide in (20..140).rev() {
            let line = sum(&figures, wide);
            let (left, right) = sides(&text(&line));
            assert_eq!((left, right), (figures.total.read, figures.total.read), "{}", text(&line));
            assert!(line_width(&line) <= widest, "it only gets shorter");
            widest = line_width(&line);
        }
        assert_eq!(
            text(&sum(&figures, 140)),
            "read 14 040 = 13 700 written + 180 filtered + 60 late + 12 quarantined + 80 deduplicated + 8 waiting"
        );
        assert_eq!(text(&sum(&figures, 76)), "read 14 040 = 13 700 written + 12 quarantined + 8 waiting + 320 other");
    }

    #[test]
    fn what_is_nothing_is_left_out_and_what_does_not_add_up_is_told() {
        let counts = StreamCounts { read: 5, written: 5, ..StreamCounts::default() };
        let with = |total| StreamFigures { total, ..StreamFigures::default() };
        assert_eq!(text(&sum(&with(counts), 80)), "read 5 = 5 written");
        assert_eq!(
            text(&sum(&with(StreamCounts { read: 7, ..counts }), 80)),
            "read 7 = 5 written + 2 not accounted for"
        );
        assert_eq!(text(&sum(&with(StreamCounts { read: 4, ..counts }), 80)), "read 4 ≠ 5 written");
        let most = StreamCounts::of_list([u64::MAX, u64::MAX, 0, 0, 0, 0, 0]);
        assert!(text(&sum(&with(most), 10)).starts_with("read 18 446"));
    }

    #[test]
    fn how_it_stands_is_one_word() {
        let well = StreamFigures { state: Some(JobState::Running), lag_events: Some(3), ..StreamFigures::default() };
        let word = |figures: &StreamFigures| standing(figures).word.into_owned();
        assert_eq!(word(&well), "running");
        let behind = StreamFigures { lag: Some(Span::minutes(2)), ..well.clone() };
        assert_eq!(word(&behind), "lagging");
        assert_eq!(word(&StreamFigures { lag_events: Some(0), ..behind.clone() }), "running");
        let held_up = StreamFigures { error: Some(("SOURCE_ERROR".to_owned(), "Away.".to_owned())), ..behind };
        assert_eq!(
            (word(&held_up), trouble(&held_up).unwrap()),
            ("held up".to_owned(), "SOURCE_ERROR: Away.".to_owned())
        );
        for (state, expected) in [
            (Some(JobState::Cancelled), "stopped"),
            (Some(JobState::Failure), "failed"),
            (Some(JobState::CancellationRequested), "stopping"),
            (None, "not started"),
        ] {
            assert_eq!(word(&StreamFigures { state, ..held_up.clone() }), expected);
        }
    }

    #[test]
    fn how_far_behind_it_is_is_told_as_far_as_it_is_known() {
        let with = |lag_events, lag| lag_of(lag_events, lag);
        assert_eq!(with(Some(0), Some(Span::seconds(3))).as_deref(), Some("no lag"));
        assert_eq!(with(Some(1), Some(Span::seconds(3))).as_deref(), Some("lag 1 event, 3s"));
        assert_eq!(
            with(Some(1_204), None).map(|text| text.replace('\u{a0}', " ")).as_deref(),
            Some("lag 1 204 events")
        );
        assert_eq!(with(None, Some(Span::seconds(90))).as_deref(), Some("lag 1m30s"));
        assert_eq!(with(None, None), None);
        assert_eq!(joined(["one".to_owned(), "two".to_owned(), "three".to_owned()], 9), "one · two");
    }

    fn lag_of(lag_events: Option<u64>, lag: Option<Span>) -> Option<String> {
        super::lag(&StreamFigures { lag_events, lag, ..StreamFigures::default() })
    }
}
