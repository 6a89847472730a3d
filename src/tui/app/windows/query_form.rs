//! The forms of `run` and `get_historical_features` (docs/reference.md, run and get_historical_features;
//! docs/semantics.md sections 7 and 8).
//!
//! Plain data; a form becomes a [`Query`] or says at which of its lines it is wrong. Files are named here and read by the
//! client task.

use std::path::PathBuf;

use crate::model::time::{floor, parse_time, print_time};
use crate::model::{FeatureView, HistoryQuery, Query, RunQuery, Span, Time, ViewKind};
use crate::tui::field::Field;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskKind {
    /// `run`.
    Run,
    /// `get_historical_features`.
    History,
}

impl AskKind {
    /// Its name on the screen and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::History => "history",
        }
    }
}

/// One line of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskItem {
    /// With a spine, or over a range of time.
    Shape,
    /// The spine's file.
    Spine,
    /// The spine's time column.
    TimestampKey,
    /// Start of the range.
    Start,
    /// End of the range.
    End,
    /// The file of the wanted keys.
    Entities,
    /// Aggregation level.
    Level,
    /// The file that stands for this source.
    Mock(usize),
    /// Compute from the source.
    FromSource,
    /// Name of the dataset to keep the result as.
    SaveAs,
}

/// Aggregation levels (docs/semantics.md section 7), the usual one first.
pub const LEVELS: [&str; 3] = ["full", "partial", "disabled"];

/// A form under way.
#[derive(Clone, Debug)]
pub struct AskForm {
    /// What is asked for.
    pub kind: AskKind,
    /// Workspace of the view.
    pub workspace: String,
    /// Name of the view.
    pub feature_view: String,
    /// Whether the view has aggregations, and so levels.
    pub has_levels: bool,
    /// Whether the view is written to the offline store.
    pub has_offline: bool,
    /// Nothing may be kept.
    pub read_only: bool,
    /// Start as typed, UTC.
    pub start: Field,
    /// End as typed, UTC.
    pub end: Field,
    /// Index into [`LEVELS`].
    pub level: usize,
    /// Names of the view's sources, and the files that stand for them.
    pub mocks: Vec<(String, Field)>,
    /// With a spine instead of over a range.
    pub with_spine: bool,
    /// The spine's file.
    pub spine: Field,
    /// The spine's time column.
    pub timestamp_key: Field,
    /// The file of the wanted keys.
    pub entities: Field,
    /// Compute from the source instead of reading the offline store.
    pub from_source: bool,
    /// Name of the dataset to keep the result as.
    pub save_as: Field,
    /// The line that has the keys, as a place in [`AskForm::items`].
    pub focus: usize,
    /// The line that is wrong, and why, in a sentence.
    pub error: Option<(AskItem, String)>,
    /// The user changed something: the form is worth remembering.
    pub touched: bool,
}

impl AskForm {
    /// A form for the view: to run, the last complete period of its batch schedule; for history, the last day.
    pub fn new(kind: AskKind, view: &FeatureView, read_only: bool, now: Time) -> Self {
        let step = view.batch_schedule.unwrap_or(Span::days(1));
        let end = floor(now, step);
        let back = if kind == AskKind::Run { step } else { Span::days(1) };
        let start = end.checked_sub_signed(back).unwrap_or(end);
        let has_offline = view.offline && view.materialization_enabled;
        Self {
            kind,
            workspace: view.workspace.clone(),
            feature_view: view.name.clone(),
            has_levels: matches!(view.kind, ViewKind::Aggregate { .. }),
            has_offline,
            read_only,
            start: Field::new(&print_time(start)),
            end: Field::new(&print_time(end)),
            level: 0,
            mocks: view.data_sources.iter().map(|name| (name.clone(), Field::default())).collect(),
            with_spine: false,
            spine: Field::default(),
            timestamp_key: Field::default(),
            entities: Field::default(),
            from_source: !has_offline,
            save_as: Field::default(),
            focus: 0,
            error: None,
            touched: false,
        }
    }

    /// Takes over what was typed into an earlier form of the same view; the view may have changed since.
    pub fn resume(&mut self, earlier: &Self) {
        self.start.set(earlier.start.text());
        self.end.set(earlier.end.text());
        self.level = earlier.level;
        for (name, field) in &mut self.mocks {
            if let Some((_, typed)) = earlier.mocks.iter().find(|(other, _)| other == name) {
                field.set(typed.text());
            }
        }
        self.with_spine = earlier.with_spine;
        self.spine.set(earlier.spine.text());
        self.timestamp_key.set(earlier.timestamp_key.text());
        self.entities.set(earlier.entities.text());
        self.from_source = earlier.from_source || !self.has_offline;
        self.save_as.set(earlier.save_as.text());
        self.touched = earlier.touched;
    }

    /// Its lines, top to bottom.
    pub fn items(&self) -> Vec<AskItem> {
        use AskItem::{End, Entities, FromSource, Level, Mock, SaveAs, Shape, Spine, Start, TimestampKey};
        let mut items = match (self.kind, self.with_spine) {
            (AskKind::Run, _) => {
                let mut items = vec![Start, End];
                items.extend(self.has_levels.then_some(Level));
                items.extend((0..self.mocks.len()).map(Mock));
                return items;
            }
            (AskKind::History, true) => vec![Shape, Spine, TimestampKey],
            (AskKind::History, false) => vec![Shape, Start, End, Entities],
        };
        items.push(FromSource);
        items.extend((!self.read_only).then_some(SaveAs));
        items
    }

    /// The line that has the keys.
    pub fn item(&self) -> AskItem {
        self.items().get(self.focus).copied().unwrap_or(AskItem::Start)
    }

    /// The text of a line, if it has one.
    pub fn text_of(&self, item: AskItem) -> Option<&Field> {
        Some(match item {
            AskItem::Start => &self.start,
            AskItem::End => &self.end,
            AskItem::Spine => &self.spine,
            AskItem::TimestampKey => &self.timestamp_key,
            AskItem::Entities => &self.entities,
            AskItem::SaveAs => &self.save_as,
            AskItem::Mock(place) => &self.mocks.get(place)?.1,
            AskItem::Shape | AskItem::Level | AskItem::FromSource => return None,
        })
    }

    /// The text field that has the keys, if one has.
    pub fn field(&mut self) -> Option<&mut Field> {
        Some(match self.item() {
            AskItem::Start => &mut self.start,
            AskItem::End => &mut self.end,
            AskItem::Spine => &mut self.spine,
            AskItem::TimestampKey => &mut self.timestamp_key,
            AskItem::Entities => &mut self.entities,
            AskItem::SaveAs => &mut self.save_as,
            AskItem::Mock(place) => &mut self.mocks.get_mut(place)?.1,
            AskItem::Shape | AskItem::Level | AskItem::FromSource => return None,
        })
    }

    /// Goes to the next or previous line.
    pub fn step(&mut self, forward: bool) {
        let count = self.items().len().max(1);
        self.focus = (self.focus + if forward { 1 } else { count - 1 }) % count;
    }

    /// Goes to that line.
    pub fn go_to(&mut self, item: AskItem) {
        self.focus = self.items().iter().position(|other| *other == item).unwrap_or(self.focus);
    }

    /// Switches the choice that has the keys to its next value, or to the one before.
    pub fn toggle(&mut self, forward: bool) {
        match self.item() {
            AskItem::Shape => self.with_spine = !self.with_spine,
            AskItem::FromSource => self.from_source = !self.from_source,
            AskItem::Level => self.level = (self.level + if forward { 1 } else { LEVELS.len() - 1 }) % LEVELS.len(),
            _ => return,
        }
        self.changed();
    }

    /// Something was typed or switched.
    pub fn changed(&mut self) {
        self.touched = true;
        self.error = None;
    }

    /// What is asked for, or the line that is wrong and why. `home` stands for `~`.
    pub fn query(&self, home: Option<&str>) -> Result<Query, (AskItem, String)> {
        let (workspace, feature_view) = (self.workspace.clone(), self.feature_view.clone());
        let file = |field: &Field| typed(field).map(|text| expand(text, home));
        if self.kind == AskKind::Run {
            let (start_time, end_time) = self.range()?;
            let mocks = self.mocks.iter().filter_map(|(name, field)| Some((name.clone(), file(field)?)));
            return Ok(Query::Run(RunQuery {
                workspace,
                feature_view,
                start_time,
                end_time,
                aggregation_level: self.has_levels.then(|| LEVELS[self.level % LEVELS.len()].to_owned()),
                mock_sources: mocks.collect(),
            }));
        }
        if !self.from_source && !self.has_offline {
            let text = "This view is not written to the offline store: switch on from source.";
            return Err((AskItem::FromSource, text.to_owned()));
        }
        let save_as = typed(&self.save_as).filter(|_| !self.read_only).map(str::to_owned);
        let common = HistoryQuery {
            workspace,
            feature_view,
            from_source: self.from_source,
            save: save_as.is_some(),
            save_as,
            ..HistoryQuery::default()
        };
        if self.with_spine {
            let spine = file(&self.spine).ok_or_else(|| {
                (AskItem::Spine, "Name the file with the spine: CSV, Parquet or JSON lines.".to_owned())
            })?;
            let timestamp_key = typed(&self.timestamp_key).map(str::to_owned);
            return Ok(Query::History(HistoryQuery { spine: Some(spine), timestamp_key, ..common }));
        }
        let (start_time, end_time) = self.range()?;
        Ok(Query::History(HistoryQuery { start_time, end_time, entities: file(&self.entities), ..common }))
    }

    fn range(&self) -> Result<(Option<Time>, Option<Time>), (AskItem, String)> {
        let read = |item, field: &Field| match typed(field) {
            Some(text) => parse_time(text).map(Some).map_err(|e| (item, format!("{e}."))),
            None => Ok(None),
        };
        let start = read(AskItem::Start, &self.start)?;
        let end = read(AskItem::End, &self.end)?;
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err((AskItem::End, "The end must lie after the start.".to_owned()));
        }
        Ok((start, end))
    }
}

/// What is typed, if anything is.
fn typed(field: &Field) -> Option<&str> {
    Some(field.text().trim()).filter(|text| !text.is_empty())
}

/// The path as a shell would take it: `~/` is the user's home.
pub fn expand(text: &str, home: Option<&str>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(text),
    }
}

/// What is asked for, in one line.
pub fn sentence(query: &Query) -> String {
    let range = |start: Option<Time>, end: Option<Time>| match (start, end) {
        (Some(start), Some(end)) => format!("{} – {}", print_time(start), print_time(end)),
        (Some(start), None) => format!("from {}", print_time(start)),
        (None, Some(end)) => format!("until {}", print_time(end)),
        (None, None) => String::new(),
    };
    let mut parts = Vec::new();
    match query {
        Query::Run(run) => {
            parts.push(range(run.start_time, run.end_time));
            parts.extend(run.aggregation_level.as_ref().map(|level| format!("level {level}")));
            parts.extend(run.mock_sources.iter().map(|(name, file)| format!("{name} from {}", file.display())));
        }
        Query::History(history) => {
            parts.extend(history.spine.as_ref().map(|file| format!("spine {}", file.display())));
            parts.extend(history.timestamp_key.as_ref().map(|key| format!("at {key}")));
            parts.push(range(history.start_time, history.end_time));
            parts.extend(history.entities.as_ref().map(|file| format!("keys of {}", file.display())));
            parts.push(if history.from_source { "from the source" } else { "from the offline store" }.to_owned());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::app::testing::{at, carrier_view, noon, route_view};

    fn form(kind: AskKind) -> AskForm {
        AskForm::new(kind, &carrier_view(), false, noon())
    }

    #[test]
    fn run_begins_with_the_last_complete_period() {
        let Ok(Query::Run(run)) = form(AskKind::Run).query(None) else { panic!() };
        assert_eq!((run.start_time, run.end_time), (Some(at("22 11:00")), Some(at("22 12:00"))));
        assert_eq!((run.aggregation_level.as_deref(), run.mock_sources), (Some("full"), Vec::new()));
        let plain = AskForm::new(AskKind::Run, &route_view(), false, noon());
        let Ok(Query::Run(run)) = plain.query(None) else { panic!() };
        assert_eq!(run.aggregation_level, None, "a view without aggregations has no level");
    }

    #[test]
    fn what_is_left_empty_is_left_to_the_deployment() {
        let mut form = form(AskKind::Run);
        form.start.set(" ");
        form.mocks[0].1.set("~/mock.csv");
        let Ok(Query::Run(run)) = form.query(Some("/home/ana")) else { panic!() };
        assert_eq!((run.start_time, run.end_time), (None, Some(at("22 12:00"))));
        assert_eq!(run.mock_sources, [("flights".to_owned(), PathBuf::from("/home/ana/mock.csv"))]);
    }

    #[test]
    fn errors_name_their_line() {
        let mut form = form(AskKind::History);
        form.end.set("soon");
        assert_eq!(form.query(None).unwrap_err().0, AskItem::End);
        form.end.set("2013-01-01");
        assert_eq!(form.query(None).unwrap_err(), (AskItem::End, "The end must lie after the start.".to_owned()));
        form.with_spine = true;
        assert_eq!(form.query(None).unwrap_err().0, AskItem::Spine);
        form.spine.set("spine.parquet");
        let Ok(Query::History(history)) = form.query(None) else { panic!() };
        assert_eq!((history.start_time, history.end_time), (None, None), "a spine has no range");
    }

    #[test]
    fn the_offline_store_is_read_only_where_the_view_is_in_it() {
        let mut form = form(AskKind::History);
        assert!(!form.from_source);
        let view = FeatureView { offline: false, ..carrier_view() };
        let mut other = AskForm::new(AskKind::History, &view, false, noon());
        assert!(other.from_source);
        other.from_source = false;
        assert_eq!(other.query(None).unwrap_err().0, AskItem::FromSource);
        form.save_as.set("november");
        let Ok(Query::History(history)) = form.query(None) else { panic!() };
        assert_eq!((history.save, history.save_as.as_deref()), (true, Some("november")));
        form.read_only = true;
        let Ok(Query::History(history)) = form.query(None) else { panic!() };
        assert_eq!((history.save, history.save_as), (false, None));
        assert!(!form.items().contains(&AskItem::SaveAs));
    }
}
