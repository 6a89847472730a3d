//! The forms of `run` and `get_historical_features` (docs/reference.md, run and get_historical_features;
//! docs/semantics.md sections 7 and 8).
//!
//! ```text
//! ╭ Run  carrier_delays_hourly ──────────────────────────── prod ╮
//! │ start         2026-11-22 11:00:00                            │
//! │ end           2026-11-22 12:00:00                            │
//! │ level         ‹ full ›     features, one row a tile          │
//! │ flights                    file in place of the source       │
//! ╰──────────────────────────────────────────────────────────────╯
//! ```
//!
//! A form becomes a [`Query`] or says at which of its lines it is wrong. Files are named here and read by the client
//! task. Where not all lines fit, the one that has the keys stays in sight with what is wrong with it.

use std::path::PathBuf;

use ratatui::layout::Rect;

use super::question::Question;
use super::{Next, Window, query};
use crate::model::time::{floor, parse_time, print_time};
use crate::model::{FeatureView, Span, Time, ViewKind};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::app::App;
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::scroll::{first_visible, next_round};
use crate::tui::text::{fit, width};
use crate::tui::theme::Meaning;
use crate::tui::view::form::{choice, wrapped};
use crate::wire::queries::{HistoryQuery, Query, RunQuery};

/// Forms that are kept for the next time they are opened; the first in the alphabet make room.
const REMEMBERED: usize = 64;
/// Least and most cells that names take.
const NAMES: (usize, usize) = (12, 24);
/// Cells of a field that holds an instant.
const INSTANT: u16 = 28;
/// Aggregation levels (docs/semantics.md section 7), the usual one first, each with what its rows are.
const LEVELS: [(&str, &str); 3] = [
    ("full", "features, a row for each key and tile"),
    ("partial", "one row for each key and tile"),
    ("disabled", "rows of the query, nothing aggregated"),
];

/// Which of the two calls the form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Run,
    History,
}

impl Kind {
    /// Its name in the log and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::History => "history",
        }
    }
}

/// One line of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// With a spine, or over a range of time.
    Shape,
    /// The file with the spine.
    Spine,
    /// The time column of the spine.
    TimestampKey,
    Start,
    End,
    /// The file of the wanted keys.
    Entities,
    Level,
    /// The file that stands for this source.
    Mock(usize),
    FromSource,
    /// Name of the dataset to keep the result as.
    SaveAs,
}

/// What is wrong with a line, in a sentence.
type Error = (Item, String);

/// What is typed and chosen to ask for.
#[derive(Clone, Debug)]
pub struct QueryForm {
    pub kind: Kind,
    workspace: String,
    feature_view: String,
    /// Whether the view has aggregations, and so levels.
    has_levels: bool,
    /// Whether the view is written to the offline store.
    has_offline: bool,
    /// Nothing may be kept: the console is read-only.
    read_only: bool,
    /// Start as it is typed, UTC.
    pub start: Field,
    /// End as it is typed, UTC.
    pub end: Field,
    /// The chosen one of [`LEVELS`].
    pub level: usize,
    /// Names of the view's sources, and the files that stand for them.
    pub mocks: Vec<(String, Field)>,
    /// With a spine instead of over a range.
    pub with_spine: bool,
    pub spine: Field,
    timestamp_key: Field,
    entities: Field,
    /// Compute from the source instead of reading the offline store.
    from_source: bool,
    pub save_as: Field,
    /// The line that has the keys, as a place in [`QueryForm::items`].
    focus: usize,
    pub error: Option<Error>,
    /// The user changed something: the form is worth remembering.
    touched: bool,
}

/// Opens the form for the view, with what was typed into it before.
pub(crate) fn open(app: &mut App, action: Action) {
    let kind = if action == Action::History { Kind::History } else { Kind::Run };
    let Some(view) = app.feature_view() else { return };
    let mut form = QueryForm::new(kind, view, app.read_only, app.now);
    if let Some(earlier) = app.query_forms.get(&form.key()) {
        form.resume(earlier);
    }
    app.windows.open(form);
}

impl QueryForm {
    /// A form for the view: to run, the last complete period of its batch schedule; for history, the last day.
    fn new(kind: Kind, view: &FeatureView, read_only: bool, now: Time) -> Self {
        let step = view.batch_schedule.unwrap_or(Span::days(1));
        let end = floor(now, step);
        let back = if kind == Kind::Run { step } else { Span::days(1) };
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
    fn resume(&mut self, earlier: &Self) {
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
    fn items(&self) -> Vec<Item> {
        use Item::{End, Entities, FromSource, Level, Mock, SaveAs, Shape, Spine, Start, TimestampKey};
        let mut items = match (self.kind, self.with_spine) {
            (Kind::Run, _) => {
                let mut items = vec![Start, End];
                items.extend(self.has_levels.then_some(Level));
                items.extend((0..self.mocks.len()).map(Mock));
                return items;
            }
            (Kind::History, true) => vec![Shape, Spine, TimestampKey],
            (Kind::History, false) => vec![Shape, Start, End, Entities],
        };
        items.push(FromSource);
        items.extend((!self.read_only).then_some(SaveAs));
        items
    }

    /// The line that has the keys.
    pub fn item(&self) -> Item {
        self.items().get(self.focus).copied().unwrap_or(Item::Start)
    }

    /// The text of a line, if it has one.
    fn text(&self, item: Item) -> Option<&Field> {
        Some(match item {
            Item::Start => &self.start,
            Item::End => &self.end,
            Item::Spine => &self.spine,
            Item::TimestampKey => &self.timestamp_key,
            Item::Entities => &self.entities,
            Item::SaveAs => &self.save_as,
            Item::Mock(place) => &self.mocks.get(place)?.1,
            Item::Shape | Item::Level | Item::FromSource => return None,
        })
    }

    /// Goes to the next or previous line.
    fn step(&mut self, forward: bool) {
        self.focus = next_round(self.focus, forward, self.items().len());
    }

    fn go_to(&mut self, item: Item) {
        self.focus = self.items().iter().position(|other| *other == item).unwrap_or(self.focus);
    }

    /// Switches the choice that has the keys to its next value, or to the one before.
    fn toggle(&mut self, forward: bool) {
        match self.item() {
            Item::Shape => self.with_spine = !self.with_spine,
            Item::FromSource => self.from_source = !self.from_source,
            Item::Level => self.level = next_round(self.level, forward, LEVELS.len()),
            _ => return,
        }
        self.edited();
    }

    /// What is asked for, or the line that is wrong and why. `home` stands for `~`.
    fn query(&self, home: Option<&str>) -> Result<Query<PathBuf>, Error> {
        let (workspace, feature_view) = (self.workspace.clone(), self.feature_view.clone());
        let file = |field: &Field| field.path(home);
        if self.kind == Kind::Run {
            let (start_time, end_time) = self.range()?;
            let mocks = self.mocks.iter().filter_map(|(name, field)| Some((name.clone(), file(field)?)));
            return Ok(Query::Run(RunQuery {
                workspace,
                feature_view,
                start_time,
                end_time,
                aggregation_level: self.has_levels.then(|| LEVELS[self.level % LEVELS.len()].0.to_owned()),
                mock_sources: mocks.collect(),
            }));
        }
        if !self.from_source && !self.has_offline {
            let text = "This view is not written to the offline store: switch on from source.";
            return Err((Item::FromSource, text.to_owned()));
        }
        let save_as = self.save_as.typed().filter(|_| !self.read_only).map(str::to_owned);
        let common = HistoryQuery {
            workspace,
            feature_view,
            from_source: self.from_source,
            save: save_as.is_some(),
            save_as,
            ..HistoryQuery::default()
        };
        if self.with_spine {
            let spine = file(&self.spine)
                .ok_or_else(|| (Item::Spine, "Name the file with the spine: CSV, Parquet or JSON lines.".to_owned()))?;
            let timestamp_key = self.timestamp_key.typed().map(str::to_owned);
            return Ok(Query::History(HistoryQuery { spine: Some(spine), timestamp_key, ..common }));
        }
        let (start_time, end_time) = self.range()?;
        Ok(Query::History(HistoryQuery { start_time, end_time, entities: file(&self.entities), ..common }))
    }

    fn range(&self) -> Result<(Option<Time>, Option<Time>), Error> {
        let read = |item, field: &Field| match field.typed() {
            Some(text) => parse_time(text).map(Some).map_err(|e| (item, format!("{e}."))),
            None => Ok(None),
        };
        let start = read(Item::Start, &self.start)?;
        let end = read(Item::End, &self.end)?;
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err((Item::End, "The end must lie after the start.".to_owned()));
        }
        Ok((start, end))
    }

    /// What the form is remembered by.
    fn key(&self) -> (String, String, Kind) {
        (self.workspace.clone(), self.feature_view.clone(), self.kind)
    }

    /// Keeps what was typed for the next time the form is opened.
    pub fn remember(&self, app: &mut App) {
        if !self.touched {
            return;
        }
        let key = self.key();
        if app.query_forms.len() >= REMEMBERED && !app.query_forms.contains_key(&key) {
            app.query_forms.pop_first();
        }
        app.query_forms.insert(key, self.clone());
    }

    /// Sends the query, or asks first where something is kept, or says what is wrong.
    fn submit(&mut self, app: &mut App, effects: &mut Vec<Effect>) -> Next {
        let query = match self.query(app.home.as_deref()) {
            Ok(query) => query,
            Err((item, text)) => {
                self.go_to(item);
                self.error = Some((item, text));
                return Next::Stay;
            }
        };
        if !app.is_live() {
            let text = "Not connected: nothing can be asked until the deployment answers again.";
            self.error = Some((self.item(), text.to_owned()));
            return Next::Stay;
        }
        match query {
            Query::History(history) if history.save => Next::open(Question::keep(&history)),
            query => {
                query::send(app, self.clone(), query, effects);
                Next::Close
            }
        }
    }
}

impl Window for QueryForm {
    fn layers(&self) -> &'static [Layer] {
        stacks::FORM
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        match action {
            Action::NextField | Action::PreviousField => self.step(action == Action::NextField),
            Action::Toggle => self.toggle(true),
            Action::Submit => return self.submit(app, effects),
            Action::Leave => {
                self.remember(app);
                return Next::Close;
            }
            _ => return Next::Pass,
        }
        Next::Stay
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(match self.item() {
            Item::Start => &mut self.start,
            Item::End => &mut self.end,
            Item::Spine => &mut self.spine,
            Item::TimestampKey => &mut self.timestamp_key,
            Item::Entities => &mut self.entities,
            Item::SaveAs => &mut self.save_as,
            Item::Mock(place) => &mut self.mocks.get_mut(place)?.1,
            Item::Shape | Item::Level | Item::FromSource => return None,
        })
    }

    fn edited(&mut self) {
        self.touched = true;
        self.error = None;
    }

    fn switch(&mut self, forward: bool) -> bool {
        self.toggle(forward);
        true
    }

    fn draw(&self, canvas: &mut Canvas, _app: &App, body: Rect) {
        let wide = body.width.saturating_sub(2).min(84);
        let inside = usize::from(wide.saturating_sub(6));
        let (rows, focus) = rows(self, inside);
        let remarks = wrapped(remark(self), inside, Meaning::Dim);
        // The remark is the first thing to go.
        let full = rows.len() + remarks.len() + 5;
        let remarks = if full <= usize::from(body.height) { remarks } else { Vec::new() };
        let around = if remarks.is_empty() { 2 } else { 5 + remarks.len() };
        let area = centred(body, wide, (rows.len() + around) as u16);
        let title = match self.kind {
            Kind::Run => "Run",
            Kind::History => "Historical features",
        };
        let title =
            [piece(format!("{title}  "), Meaning::TitleFocus), piece(self.feature_view.clone(), Meaning::Strong)];
        let inner = canvas.window(area, 2, &title, &[piece(self.workspace.clone(), Meaning::Dim)]);
        let top = if remarks.is_empty() { inner.y } else { inner.y + 1 };
        let visible = usize::from(inner.bottom() - top).saturating_sub(if remarks.is_empty() { 0 } else { 2 });
        // What is wrong with a line stands below it and should show with it.
        let last = (focus + 2).min(rows.len().saturating_sub(1));
        let first = first_visible(0, last, visible, rows.len()).min(focus);
        for (y, row) in (top..inner.bottom()).zip(rows.iter().skip(first).take(visible.max(1))) {
            let area = Rect { y, height: 1, ..inner };
            match row {
                Row::Item(item) => draw_item(canvas, self, *item, area),
                Row::Remark(line) => drop(canvas.line(area.x, y, area.width, line)),
            }
        }
        canvas.thumb(area, first, visible, rows.len());
        let below = top + rows.len() as u16 + 1;
        for (y, line) in (below..inner.bottom()).zip(&remarks) {
            canvas.line(inner.x, y, inner.width, line);
        }
    }

    fn closes_with_view(&mut self, app: &mut App, _effects: &mut Vec<Effect>) -> bool {
        self.remember(app);
        true
    }
}

/// One line of the drawn form.
enum Row {
    Item(Item),
    Remark(Line),
}

/// The lines of the form, each followed by what is wrong with it; and the place of the one that has the keys.
fn rows(form: &QueryForm, inside: usize) -> (Vec<Row>, usize) {
    let (mut rows, mut focus) = (Vec::new(), 0);
    for item in form.items() {
        if item == form.item() {
            focus = rows.len();
        }
        rows.push(Row::Item(item));
        if let Some((_, error)) = form.error.as_ref().filter(|(wrong, _)| *wrong == item) {
            rows.extend(wrapped(error, inside, Meaning::Bad).into_iter().map(Row::Remark));
        }
    }
    if form.kind == Kind::History && form.read_only {
        let line = [("save as", NAMES.0), ("read-only: nothing can be kept", inside)];
        rows.push(Row::Remark(line.map(|(text, cells)| piece(fit(text, cells, false), Meaning::Dim)).to_vec()));
    }
    (rows, focus)
}

fn remark(form: &QueryForm) -> &'static str {
    match (form.kind, form.with_spine) {
        (Kind::Run, _) => {
            "Times are UTC; an empty one follows from the batch schedule. Files are CSV, Parquet or JSON lines. \
             Nothing is written."
        }
        (Kind::History, true) => {
            "One row for each row of the spine, with the features as they were at its instant. Files are CSV, Parquet \
             or JSON lines."
        }
        (Kind::History, false) => {
            "Times are UTC; an empty start is the beginning of the features, an empty end is now. Files are CSV, \
             Parquet or JSON lines."
        }
    }
}

fn draw_item(canvas: &mut Canvas, form: &QueryForm, item: Item, area: Rect) {
    let here = form.item() == item;
    let names = form.mocks.iter().map(|(name, _)| width(name) + 1).max().unwrap_or(0);
    let names = if form.kind == Kind::Run { names.clamp(NAMES.0, NAMES.1) } else { NAMES.0 };
    let meaning = if here { Meaning::Strong } else { Meaning::Dim };
    let used = canvas.text(area.x, area.y, names as u16, &fit(name(form, item), names, false), meaning);
    let (x, room) = (area.x + used, area.width.saturating_sub(used));
    let Some(field) = form.text(item) else {
        let (chosen, remark) = chosen(form, item);
        return choice(canvas, Rect { x, width: room, ..area }, &chosen, remark, here);
    };
    let hint = hint(item);
    let instant = matches!(item, Item::Start | Item::End);
    // A path may be long; the hint stands only where nothing is typed.
    let wide = if instant { room.min(INSTANT) } else { room };
    let hinted = field.text().is_empty() && !hint.is_empty();
    let wide = if hinted && !instant { wide.saturating_sub(width(hint) as u16 + 1).max(8).min(room) } else { wide };
    canvas.field(x, area.y, wide, field, here);
    if hinted {
        canvas.text(x + wide + 1, area.y, room.saturating_sub(wide + 1), hint, Meaning::Dim);
    }
}

fn name(form: &QueryForm, item: Item) -> &str {
    match item {
        Item::Shape => "shape",
        Item::Spine => "spine",
        Item::TimestampKey => "time column",
        Item::Start => "start",
        Item::End => "end",
        Item::Entities => "keys",
        Item::Level => "level",
        Item::Mock(place) => form.mocks.get(place).map_or("", |(name, _)| name),
        Item::FromSource => "from source",
        Item::SaveAs => "save as",
    }
}

/// What a field is for, while nothing is typed into it.
fn hint(item: Item) -> &'static str {
    match item {
        Item::Spine => "file of keys and times",
        Item::TimestampKey => "if it has several",
        Item::Entities => "file of keys, else all",
        Item::Mock(_) => "file in place of the source",
        Item::SaveAs => "name of a dataset",
        _ => "",
    }
}

/// The value of a choice, and what it means or what the key makes of it.
fn chosen(form: &QueryForm, item: Item) -> (String, &'static str) {
    let (chosen, remark) = match item {
        Item::Shape if form.with_spine => ("‹ with a spine ›", "space: over a range"),
        Item::Shape => ("‹ over a range ›", "space: with a spine"),
        Item::Level => {
            let (level, rows) = LEVELS[form.level % LEVELS.len()];
            return (format!("‹ {level} ›"), rows);
        }
        _ if form.from_source => ("[x]", "compute from the source"),
        _ => ("[ ]", "read what is in the offline store"),
    };
    (chosen.to_owned(), remark)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use std::collections::BTreeMap;

    use super::*;
    use crate::tui::app::testing::{at, carrier_view, noon, route_view};

    fn form(kind: Kind) -> QueryForm {
        QueryForm::new(kind, &carrier_view(), false, noon())
    }

    #[test]
    fn run_begins_with_the_last_complete_period() {
        let Ok(Query::Run(run)) = form(Kind::Run).query(None) else { panic!() };
        assert_eq!((run.start_time, run.end_time), (Some(at("22 11:00")), Some(at("22 12:00"))));
        assert_eq!((run.aggregation_level.as_deref(), run.mock_sources), (Some("full"), BTreeMap::new()));
        let plain = QueryForm::new(Kind::Run, &route_view(), false, noon());
        let Ok(Query::Run(run)) = plain.query(None) else { panic!() };
        assert_eq!(run.aggregation_level, None, "a view without aggregations has no level");
    }

    #[test]
    fn what_is_left_empty_is_left_to_the_deployment() {
        let mut form = form(Kind::Run);
        form.start.set(" ");
        form.mocks[0].1.set("~/mock.csv");
        let Ok(Query::Run(run)) = form.query(Some("/home/ana")) else { panic!() };
        assert_eq!((run.start_time, run.end_time), (None, Some(at("22 12:00"))));
        assert_eq!(run.mock_sources, [("flights".to_owned(), PathBuf::from("/home/ana/mock.csv"))].into());
    }

    #[test]
    fn errors_name_their_line() {
        let mut form = form(Kind::History);
        form.end.set("soon");
        assert_eq!(form.query(None).unwrap_err().0, Item::End);
        form.end.set("2013-01-01");
        assert_eq!(form.query(None).unwrap_err(), (Item::End, "The end must lie after the start.".to_owned()));
        form.with_spine = true;
        assert_eq!(form.query(None).unwrap_err().0, Item::Spine);
        form.spine.set("spine.parquet");
        let Ok(Query::History(history)) = form.query(None) else { panic!() };
        assert_eq!((history.start_time, history.end_time), (None, None), "a spine has no range");
    }

    #[test]
    fn the_offline_store_is_read_only_where_the_view_is_in_it() {
        let mut form = form(Kind::History);
        assert!(!form.from_source);
        let view = FeatureView { offline: false, ..carrier_view() };
        let mut other = QueryForm::new(Kind::History, &view, false, noon());
        assert!(other.from_source);
        other.from_source = false;
        assert_eq!(other.query(None).unwrap_err().0, Item::FromSource);
        form.save_as.set("november");
        let Ok(Query::History(history)) = form.query(None) else { panic!() };
        assert_eq!((history.save, history.save_as.as_deref()), (true, Some("november")));
        form.read_only = true;
        let Ok(Query::History(history)) = form.query(None) else { panic!() };
        assert_eq!((history.save, history.save_as), (false, None));
        assert!(!form.items().contains(&Item::SaveAs));
    }
}
