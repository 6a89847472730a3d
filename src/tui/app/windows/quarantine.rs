//! The window of the quarantine of a view: records of its stream that no row could be made of, one of them in full, and
//! what can be done with them.
//!
//! ```text
//! ╭ Quarantine  carrier_delays ───────────────────── 12 of 14, all reasons ╮
//! │ reason      met          place            why                          │
//! │ wrong-type  11-22 11:58  offset 48112     column `delay` holds a text  │
//! ╰────────────────────────────────────────────────────────────────────────╯
//! ```

use std::sync::Arc;

use ratatui::layout::Rect;

use super::question::Question;
use super::{Next, Window};
use crate::client::message::{Command, Problem, Quarantined, RequestId};
use crate::model::time::{short_second, short_time};
use crate::tui::action::{Action, Layer, stacks};
use crate::tui::app::{App, Level, Pending};
use crate::tui::canvas::{Canvas, Line, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::layout::RecordText;
use crate::tui::scroll::{first_visible, moved, scroll};
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Meaning;
use crate::tui::values::grouped;
use crate::tui::view::form::{fact, wrapped};
use crate::wire::quarantine::{QuarantineAsked, QuarantineList, QuarantineRow, QuarantineTotal, RetryAnswer};

const NAMES: usize = 12;

/// Records of one view, and where the window stands in them.
#[derive(Clone, Debug)]
pub(crate) struct QuarantineWindow {
    workspace: String,
    feature_view: String,
    /// The newest answer; the pages that followed it are behind its records.
    list: Option<Arc<QuarantineList>>,
    /// Why the last question was not answered.
    problem: Option<Problem>,
    /// The question for records that waits for its answer, and whether it is for the page behind those there are.
    asking: Option<(RequestId, bool)>,
    /// Only records of this reason.
    reason: Option<String>,
    /// The place of the selected record.
    selected: usize,
    /// The record that is shown in full, over the list.
    open: Option<Opened>,
    /// What would come of a retry is asked for.
    looking: Option<(RequestId, QuarantineAsked)>,
}

/// A record that shows in full.
#[derive(Clone, Debug)]
struct Opened {
    request: RequestId,
    answer: Option<Result<Arc<Quarantined>, Problem>>,
    scroll: usize,
}

/// Opens the quarantine of the open view, and asks for its newest records.
pub(crate) fn open(app: &mut App, effects: &mut Vec<Effect>) {
    let (Some(workspace), Some(feature_view)) = (app.workspace.clone(), app.view.clone()) else { return };
    let mut window = QuarantineWindow {
        workspace,
        feature_view,
        list: None,
        problem: None,
        asking: None,
        reason: None,
        selected: 0,
        open: None,
        looking: None,
    };
    window.ask(app.request(), None, effects);
    app.windows.open(window);
}

/// Records came, or why none did.
pub(crate) fn listed(app: &mut App, request: RequestId, answer: Result<Arc<QuarantineList>, Problem>) {
    let Some(window) = app.windows.find_mut::<QuarantineWindow>() else { return };
    let Some((_, is_page)) = window.asking.filter(|(asking, _)| *asking == request) else { return };
    window.asking = None;
    match answer {
        Ok(list) => {
            window.problem = None;
            if let Some(id) = window.take(list, is_page) {
                let text = format!("The record {id} is no longer among those that are listed: it was closed.");
                app.notes.add(app.now, Level::Warning, text);
            }
        }
        Err(problem) => window.problem = Some(problem),
    }
}

/// A record came in full, or why it did not.
pub(crate) fn shown(app: &mut App, request: RequestId, answer: Result<Arc<Quarantined>, Problem>) {
    let open = app.windows.find_mut::<QuarantineWindow>().and_then(|window| window.open.as_mut());
    if let Some(open) = open.filter(|open| open.request == request) {
        open.answer = Some(answer);
    }
}

/// A retry was answered: what would come of one is asked about, what came of one is told. Nothing is asked over another
/// window: what is typed into that one would answer.
pub(crate) fn retried(
    app: &mut App,
    request: RequestId,
    answer: Result<RetryAnswer, Problem>,
    effects: &mut Vec<Effect>,
) {
    if app.pending.remove(&request).is_some() {
        match answer {
            Ok(answer) => {
                let level = if answer.stays.is_empty() { Level::Good } else { Level::Warning };
                app.notes.add(app.now, level, format!("Of the quarantine: {}", came_of(&answer, false)));
            }
            Err(problem) => app.notes.add(app.now, Level::Bad, format!("The retry failed. {problem}")),
        }
        return refresh(app, effects);
    }
    let Some(window) = app.windows.find_mut::<QuarantineWindow>() else { return };
    let Some((_, asked)) = window.looking.take_if(|(looking, _)| *looking == request) else { return };
    match answer {
        Ok(answer) if answer.leaves() == 0 => {
            let why = answer.stays.first().map(|stays| format!(" {}", stays.sentence)).unwrap_or_default();
            app.notes.add(
                app.now,
                Level::Warning,
                format!("Nothing would be written: {}{why}", came_of(&answer, true)),
            );
        }
        Ok(_) if app.windows.on_top::<QuarantineWindow>().is_none() => app.notes.add(
            app.now,
            Level::Warning,
            "Nothing was asked: what a retry would bring was told while another window was open. Press r or a again.",
        ),
        Ok(answer) => app.windows.open(Question::retry_quarantined(asked, &answer)),
        Err(problem) => app.notes.add(app.now, Level::Bad, format!("Nobody can tell what a retry would do. {problem}")),
    }
}

/// Records were dropped, or not.
pub(crate) fn dropped(app: &mut App, request: RequestId, answer: Result<u64, Problem>, effects: &mut Vec<Effect>) {
    if app.pending.remove(&request).is_none() {
        return;
    }
    match answer {
        Ok(count) => app.notes.add(app.now, Level::Good, format!("{} dropped.", records(count))),
        Err(problem) => app.notes.add(app.now, Level::Bad, format!("Nothing was dropped. {problem}")),
    }
    refresh(app, effects);
}

/// What came of a retry in words, or would.
pub(crate) fn came_of(answer: &RetryAnswer, would: bool) -> String {
    let arrived = if would { "would arrive" } else { "arrived" };
    let gave = if would { "would give" } else { "gave" };
    let stay = if would { "would stay" } else { "stay" };
    let mut parts = vec![format!("{} {arrived}", records(answer.arrived))];
    if answer.filtered > 0 {
        parts.push(format!("{} {gave} no row by the query", grouped(answer.filtered)));
    }
    if answer.duplicates > 0 {
        parts.push(format!("{} {} there already", grouped(answer.duplicates), if would { "would be" } else { "were" }));
    }
    if !answer.stays.is_empty() {
        parts.push(format!("{} {stay}", grouped(answer.stays.len() as u64)));
    }
    format!("{}.", parts.join(", "))
}

pub(crate) fn records(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{} records", grouped(count)) }
}

/// Something changed: the list is asked for anew.
fn refresh(app: &mut App, effects: &mut Vec<Effect>) {
    let request = app.last_request + 1;
    let Some(window) = app.windows.find_mut::<QuarantineWindow>() else { return };
    app.last_request = request;
    window.open = None;
    window.ask(request, None, effects);
}

impl QuarantineWindow {
    /// Asks for the newest records, or for those behind the record `before`.
    fn ask(&mut self, request: RequestId, before: Option<i64>, effects: &mut Vec<Effect>) {
        self.asking = Some((request, before.is_some()));
        effects.push(Effect::Client(Command::Quarantine {
            request,
            workspace: self.workspace.clone(),
            feature_view: self.feature_view.clone(),
            reason: self.reason.clone(),
            before,
        }));
    }

    /// Takes records in. The selected one stays selected where it is still there; where it is not, and was open, closes
    /// it and returns its number: what is done next would be done to another one.
    fn take(&mut self, list: Arc<QuarantineList>, is_page: bool) -> Option<i64> {
        let selected = self.row().map(|row| row.id);
        self.list = Some(match self.list.take().filter(|_| is_page) {
            None => list,
            Some(before) => {
                let mut all = Arc::unwrap_or_clone(before);
                all.records.extend(list.records.iter().cloned());
                all.next = list.next;
                Arc::new(all)
            }
        });
        let place = self.rows().iter().position(|row| Some(row.id) == selected);
        self.selected = place.unwrap_or(self.selected).min(self.rows().len().saturating_sub(1));
        if place.is_some() {
            return None;
        }
        self.open.take().and(selected)
    }

    fn rows(&self) -> &[QuarantineRow] {
        self.list.as_ref().map(|list| list.records.as_slice()).unwrap_or_default()
    }

    /// What was met since the beginning, by reason.
    fn totals(&self) -> &[QuarantineTotal] {
        self.list.as_ref().map(|list| list.totals.as_slice()).unwrap_or_default()
    }

    fn row(&self) -> Option<&QuarantineRow> {
        self.rows().get(self.selected)
    }

    /// Why nothing can be done with records now.
    pub(crate) fn busy(&self) -> Option<&'static str> {
        match self.row() {
            None => Some("No record is selected."),
            Some(_) if self.looking.is_some() => Some("What a retry would bring is asked already."),
            Some(_) if self.asking.is_some_and(|(_, is_page)| !is_page) => Some("The records are asked for anew."),
            Some(_) => None,
        }
    }

    /// Records that are there by what the deployment counts, of the reason that shows.
    fn held(&self) -> u64 {
        let shown =
            self.totals().iter().filter(|total| self.reason.as_ref().is_none_or(|reason| *reason == total.reason));
        shown.map(|total| total.held).sum::<u64>().max(self.rows().len() as u64)
    }

    /// The selected record, or all that show.
    fn asked(&self, all: bool) -> Option<QuarantineAsked> {
        let asked = QuarantineAsked {
            workspace: self.workspace.clone(),
            feature_view: self.feature_view.clone(),
            ..QuarantineAsked::default()
        };
        let row = self.row()?;
        Some(match (all, &self.reason) {
            (false, _) => QuarantineAsked { ids: vec![row.id], ..asked },
            (true, Some(reason)) => QuarantineAsked { reason: Some(reason.clone()), ..asked },
            (true, None) => QuarantineAsked { all: true, ..asked },
        })
    }

    /// Shows the selected record in full, or the list again.
    fn toggle(&mut self, app: &mut App, effects: &mut Vec<Effect>) {
        if self.open.take().is_some() {
            return;
        }
        let Some(id) = self.row().map(|row| row.id) else { return };
        let request = app.request();
        self.open = Some(Opened { request, answer: None, scroll: 0 });
        effects.push(Effect::Client(Command::QuarantineRecord {
            request,
            workspace: self.workspace.clone(),
            feature_view: self.feature_view.clone(),
            id,
        }));
    }

    /// Shows the records of the next reason that has some alone; all of them after the last. Those of the reason before
    /// go at once: none of them is meant any longer, also where no answer comes.
    fn next_reason(&mut self, app: &mut App, effects: &mut Vec<Effect>) {
        let held = self.totals().iter().filter(|total| total.held > 0);
        let reasons: Vec<String> = held.map(|total| total.reason.clone()).collect();
        let at = self.reason.as_ref().and_then(|reason| reasons.iter().position(|known| known == reason));
        self.reason = reasons.get(at.map_or(0, |at| at + 1)).cloned();
        (self.selected, self.open) = (0, None);
        if let Some(list) = &mut self.list {
            let list = Arc::make_mut(list);
            (list.records, list.next) = (Vec::new(), None);
        }
        self.ask(app.request(), None, effects);
    }

    /// Asks what would come of a retry; the question follows.
    fn look(&mut self, app: &mut App, all: bool, effects: &mut Vec<Effect>) {
        let Some(asked) = self.asked(all) else { return };
        let request = app.request();
        self.looking = Some((request, asked.clone()));
        let asked = Box::new(QuarantineAsked { dry_run: true, ..asked });
        effects.push(Effect::Client(Command::RetryQuarantined { request, asked }));
    }

    fn step(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
        let last = self.rows().len().saturating_sub(1);
        let height = app.layout.window.1;
        let Some(to) = moved(self.selected, action, height, last) else { return false };
        self.selected = to;
        let next = self.list.as_ref().and_then(|list| list.next);
        if to == last && self.asking.is_none() && next.is_some() {
            self.ask(app.request(), next, effects);
        }
        true
    }
}

impl Window for QuarantineWindow {
    fn layers(&self) -> &'static [Layer] {
        stacks::QUARANTINE
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        match action {
            Action::OpenRecord => self.toggle(app, effects),
            Action::Close if self.open.is_some() => self.open = None,
            Action::NextReason => self.next_reason(app, effects),
            Action::RetryRecord | Action::RetryRecords => self.look(app, action == Action::RetryRecords, effects),
            Action::DropRecord | Action::DropRecords => {
                let all = action == Action::DropRecords;
                let Some(asked) = self.asked(all) else { return Next::Stay };
                let count = if all { self.held() } else { 1 };
                return Next::open(Question::drop_quarantined(asked, count, self.row()));
            }
            Action::Refresh => {
                self.ask(app.request(), None, effects);
                return Next::Pass;
            }
            _ => {
                let window = app.layout.window;
                return Next::stay_if(match &mut self.open {
                    Some(open) => scroll(&mut open.scroll, action, window),
                    None => self.step(app, action, effects),
                });
            }
        }
        Next::Stay
    }

    fn draw(&self, canvas: &mut Canvas, app: &App, body: Rect) {
        let area = centred(body, body.width.saturating_sub(2).min(150), body.height.saturating_sub(2));
        let title = [piece("Quarantine  ", Meaning::TitleFocus), piece(self.feature_view.clone(), Meaning::Accent)];
        match &self.open {
            Some(open) => {
                let inner = canvas.window(area, 1, &title, &[piece("esc back to the list", Meaning::Dim)]);
                let lines = record(canvas, app, self.row(), open, usize::from(inner.width));
                canvas.scrolled(area, inner, &lines, open.scroll);
            }
            None => self.draw_list(canvas, app, area, &title),
        }
    }

    fn offers(&self, action: Action) -> Result<bool, &'static str> {
        match action {
            Action::OpenRecord if self.row().is_none() => Err("No record is selected."),
            Action::OpenRecord | Action::NextReason => Ok(true),
            _ => Ok(false),
        }
    }
}

impl QuarantineWindow {
    fn draw_list(&self, canvas: &mut Canvas, app: &App, area: Rect, title: &[(String, Meaning)]) {
        let reason = self.reason.as_deref().unwrap_or("all reasons");
        let status = format!("{} of {}, {reason}", self.rows().len(), grouped(self.held()));
        let status = if self.list.is_some() { status } else { String::new() };
        let inner = canvas.window(area, 1, title, &[piece(status, Meaning::Dim)]);
        let foot = self.foot(usize::from(inner.width));
        let rows = (foot.len() as u16).min(inner.height / 2);
        let list = Rect { height: inner.height - rows, ..inner };
        canvas.lines(Rect { y: list.bottom(), height: rows, ..inner }, &foot, 0);
        if list.height < 2 || self.rows().is_empty() {
            canvas.layout.window = (0, usize::from(list.height));
            canvas.empty(list, &self.nothing());
            return;
        }
        let shown = usize::from(list.height) - 1;
        let top = first_visible(self.selected.saturating_sub(shown / 2), self.selected, shown, self.rows().len());
        let rows = || self.rows().iter().skip(top).take(shown);
        let widest = |text: fn(&QuarantineRow) -> &str, least: usize, most: usize| {
            rows().map(|row| width(text(row))).max().unwrap_or(0).clamp(least, most)
        };
        let (reasons, places) = (widest(|row| &row.reason, 6, 13), widest(|row| &row.place, 5, 28));
        let line = |reason: &str, met: &str, place: &str, why: &str| {
            format!("{}  {}  {}  {why}", fit(reason, reasons, false), fit(met, 11, false), fit(place, places, false))
        };
        let head = line("reason", "met", "place", "why");
        canvas.text(list.x + 1, list.y, list.width - 1, &head, Meaning::Head);
        for (at, (row, y)) in rows().zip(list.y + 1..list.bottom()).enumerate() {
            let text = line(&row.reason, &short_time(row.met_at, app.now), &row.place, row.why());
            canvas.text(list.x + 1, y, list.width - 1, &text, Meaning::Text);
            if top + at == self.selected {
                canvas.select(Rect { y, height: 1, ..list });
            }
        }
        canvas.layout.window = (self.rows().len(), shown);
        canvas.thumb(area, top, shown, self.rows().len());
    }

    /// What is wrong with the list, the whole sentence of the selected record, and what was met since the beginning.
    fn foot(&self, wide: usize) -> Vec<Line> {
        let mut lines = vec![Vec::new()];
        if let Some(problem) = self.problem.as_ref().filter(|_| !self.rows().is_empty()) {
            lines.extend(wrapped(&problem.to_string(), wide, Meaning::Warning));
        }
        if self.looking.is_some() {
            lines.push(vec![piece("asking what a retry would bring…", Meaning::Dim)]);
        }
        if let Some(row) = self.row() {
            let mut why = wrapped(row.why(), wide, Meaning::Text);
            why.truncate(3);
            lines.extend(why);
        }
        let met = self.totals().iter().filter(|total| total.met > 0);
        let totals: Vec<String> = met
            .map(|total| format!("{} {} of {} met", total.reason, grouped(total.held), grouped(total.met)))
            .collect();
        let left = self
            .totals()
            .iter()
            .fold([0; 3], |[a, b, c], total| [a + total.released, b + total.dropped, c + total.pushed_out]);
        if !totals.is_empty() {
            let [released, dropped, pushed_out] = left.map(grouped);
            let text = format!(
                "Held: {}. Written after all: {released}; dropped: {dropped}; gone for newer ones: {pushed_out}.",
                totals.join(", ")
            );
            lines.extend(wrapped(&text, wide, Meaning::Dim));
        }
        lines
    }

    /// Why no record shows, in a sentence for the empty list.
    fn nothing(&self) -> String {
        match (&self.problem, &self.reason) {
            _ if self.asking.is_some() => "Asking for the records.".to_owned(),
            (Some(problem), _) => problem.to_string(),
            (None, Some(reason)) => format!("No record is here for the reason {reason}. f shows the others."),
            (None, None) => "No record is here: a row could be made of all that were read, or they left.".to_owned(),
        }
    }
}

/// A record in full: what is known of it, then its bytes as text.
fn record(canvas: &mut Canvas, app: &App, row: Option<&QuarantineRow>, open: &Opened, wide: usize) -> Vec<Line> {
    let known = match &open.answer {
        Some(Ok(known)) => known,
        Some(Err(problem)) => return wrapped(&problem.to_string(), wide, Meaning::Warning),
        None => {
            let id = row.map(|row| format!(" {}", row.id)).unwrap_or_default();
            return vec![vec![piece(format!("Asking for the record{id}."), Meaning::Dim)]];
        }
    };
    let row = &known.row;
    let mut lines = Vec::new();
    let mut pair = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.extend(fact(name, value, NAMES, wide));
        }
    };
    pair("record", &row.id.to_string());
    pair("reason", &row.reason);
    pair("why", &row.sentence);
    pair("place", &row.place);
    pair("met", &short_second(row.met_at, app.now));
    if row.tries > 0 {
        let at = row.tried_at.map(|at| format!(", the last time {}", short_second(at, app.now))).unwrap_or_default();
        pair("retried", &format!("{}×{at}", row.tries));
        pair("still", &row.error);
    }
    let bytes = grouped(row.length);
    let cut = row.length > known.kept;
    pair("bytes", &if cut { format!("{bytes}, the first {} are kept", grouped(known.kept)) } else { bytes });
    lines.push(Vec::new());
    let before = app.layout.record.as_ref().filter(|text| (text.request, text.wide) == (open.request, wide));
    let text = before
        .cloned()
        .unwrap_or_else(|| Arc::new(RecordText { request: open.request, wide, lines: wrap(&known.text, wide) }));
    lines.extend(text.lines.iter().map(|line| vec![piece(line, Meaning::Value)]));
    canvas.layout.record = Some(text);
    lines
}

/// The question was answered with yes: sends what it asked about.
pub(crate) fn confirmed(app: &mut App, asked: QuarantineAsked, drops: bool, effects: &mut Vec<Effect>) {
    let request = app.request();
    app.pending.insert(request, Pending::Quarantine);
    let what = if drops { "drop" } else { "retry" };
    let text = format!("asked to {what} records of the quarantine of {}", asked.feature_view);
    app.notes.add(app.now, Level::Trace, text);
    let asked = Box::new(asked);
    effects.push(Effect::Client(match drops {
        true => Command::DropQuarantined { request, asked },
        false => Command::RetryQuarantined { request, asked },
    }));
}

#[cfg(test)]
mod tests;
