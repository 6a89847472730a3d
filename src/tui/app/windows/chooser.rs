//! Lists to pick from with a fuzzy filter: the palette of commands, feature views, workspaces.
//!
//! The lines are made anew from the [`App`] each time they are needed; nothing is kept that could grow old.

use ratatui::layout::Rect;

use super::{Next, Window};
use crate::tui::action::{Action, Layer, TABLE, stacks};
use crate::tui::app::columns::Column;
use crate::tui::app::disabled::disabled_under;
use crate::tui::app::panes::{filter_jobs, filter_stream};
use crate::tui::app::perform::perform;
use crate::tui::app::receive::{open_view, open_workspace};
use crate::tui::app::{App, Pane};
use crate::tui::canvas::{Canvas, centred, piece};
use crate::tui::effect::Effect;
use crate::tui::field::Field;
use crate::tui::keymap::Keymap;
use crate::tui::query::{Scorer, fuzzy};
use crate::tui::scroll::first_visible;
use crate::tui::text::width;
use crate::tui::theme::{self, Meaning};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Palette,
    /// Feature views of the open workspace.
    Views,
    Workspaces,
}

/// What a line does when it is picked.
#[derive(Clone, Debug, PartialEq)]
enum Pick {
    Action(Action),
    View(String),
    Workspace(String),
    /// Takes the theme of this index.
    Theme(usize),
    /// Filters the jobs, or the stream where that has the keys.
    Filter(String),
    /// Sorts the jobs; large first.
    Sort(Column, bool),
    /// Writes this into the text and stays.
    Fill(String),
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq)]
struct Choice {
    label: String,
    /// What it is or does.
    detail: String,
    /// Its key, or another short remark.
    remark: String,
    pick: Pick,
    /// Why it cannot be picked.
    disabled: Option<String>,
}

/// A list to pick from, with what is typed to narrow it.
#[derive(Clone, Debug)]
pub(crate) struct Chooser {
    kind: Kind,
    field: Field,
    /// The place of the marked line.
    selected: usize,
}

/// Commands that take a name or text: word, what follows, sentence.
const COMMANDS: [(&str, &str, &str); 5] = [
    ("view", "NAME", "Open a feature view."),
    ("ws", "NAME", "Open a workspace."),
    ("theme", "NAME", "Take a theme."),
    ("filter", "TEXT", "Filter jobs, or the stream when that pane has the keys."),
    ("sort", "COLUMN", "Sort the jobs by a column; `-` before its name turns the direction."),
];

/// Opens the list that the action asks for, with nothing typed.
pub(crate) fn open(app: &mut App, action: Action) {
    let kind = match action {
        Action::Views => Kind::Views,
        Action::Workspaces => Kind::Workspaces,
        _ => Kind::Palette,
    };
    app.windows.open(Chooser { kind, field: Field::default(), selected: 0 });
}

impl Chooser {
    /// The lines that match what is typed, best first.
    fn choices(&self, app: &App) -> Vec<Choice> {
        let text = self.field.text().trim_start();
        match self.kind {
            Kind::Views => matching(views(app), text),
            Kind::Workspaces => matching(workspaces(app), text),
            Kind::Palette => palette(app, text),
        }
    }

    /// Moves the mark by so many lines.
    fn step(&mut self, by: isize, count: usize) {
        self.selected = self.selected.saturating_add_signed(by).min(count.saturating_sub(1));
    }

    fn fill(&mut self, text: &str) -> Next {
        self.field.set(text);
        self.selected = 0;
        Next::Stay
    }

    /// Takes, or completes, the marked line.
    fn choose(&mut self, app: &mut App, completes: bool, effects: &mut Vec<Effect>) -> Next {
        let Some(choice) = self.choices(app).into_iter().nth(self.selected) else { return Next::Stay };
        match choice.pick {
            Pick::Fill(text) => return self.fill(&text),
            _ if completes => return self.fill(&completed(self.field.text(), &choice.label)),
            Pick::Action(action) => perform(app, action, effects),
            Pick::View(name) => open_view(app, name, effects),
            Pick::Workspace(name) => open_workspace(app, name, effects),
            Pick::Theme(at) => app.theme = at,
            Pick::Sort(column, descending) => app.jobs.sort_by(column, descending, app.now),
            Pick::Filter(text) if app.focus == Pane::Stream => filter_stream(app, &text),
            Pick::Filter(text) => filter_jobs(app, &text),
        }
        Next::Close
    }
}

impl Window for Chooser {
    fn layers(&self) -> &'static [Layer] {
        stacks::CHOOSE
    }

    fn act(&mut self, app: &mut App, action: Action, effects: &mut Vec<Effect>) -> Next {
        let page = app.layout.window.1.max(1) as isize;
        let by = match action {
            Action::Choose | Action::Complete => return self.choose(app, action == Action::Complete, effects),
            Action::ChooseUp => -1,
            Action::ChooseDown => 1,
            Action::ChoosePageUp => -page,
            Action::ChoosePageDown => page,
            _ => return Next::Pass,
        };
        self.step(by, self.choices(app).len());
        Next::Stay
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.field)
    }

    fn edited(&mut self) {
        self.selected = 0;
    }

    fn draw(&self, canvas: &mut Canvas, app: &App, body: Rect) {
        let choices = self.choices(app);
        let wide = body.width.saturating_sub(4).min(100);
        let rows = body.height.saturating_sub(2).min(choices.len().max(1) as u16 + 4).max(6.min(body.height));
        let area = Rect { y: body.y + (body.height - rows).min(2), ..centred(body, wide, rows) };
        let (title, mark) = match self.kind {
            Kind::Palette => ("Commands", ":"),
            Kind::Views => ("Feature views", "/"),
            Kind::Workspaces => ("Workspaces", "/"),
        };
        let status = [piece(format!("{}", choices.len()), Meaning::Dim)];
        let inner = canvas.window(area, 0, &[piece(title, Meaning::TitleFocus)], &status);
        if inner.height < 3 {
            return;
        }
        canvas.text(inner.x + 1, inner.y, 1, mark, Meaning::Key);
        canvas.field(inner.x + 3, inner.y, inner.width.saturating_sub(4), &self.field, true);
        let list = Rect { y: inner.y + 2, height: inner.height - 2, ..inner };
        let visible = usize::from(list.height);
        canvas.layout.window = (choices.len(), visible);
        if choices.is_empty() {
            canvas.empty(list, "Nothing matches.");
            return;
        }
        let top = first_visible(0, self.selected, visible, choices.len());
        let names = choices.iter().map(|choice| width(&choice.label)).max().unwrap_or(0);
        let names = names.min(usize::from(list.width) / 2) as u16;
        for (place, y) in (top..choices.len()).zip(list.y..list.bottom()) {
            let row = Rect { y, height: 1, ..list };
            draw_choice(canvas, &choices[place], names, row);
            if place == self.selected {
                canvas.select(row);
            }
        }
        canvas.thumb(Rect { y: list.y - 1, height: list.height + 2, ..area }, top, visible, choices.len());
    }

    fn closes_with_view(&mut self, _app: &mut App, _effects: &mut Vec<Effect>) -> bool {
        false
    }
}

fn palette(app: &App, text: &str) -> Vec<Choice> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    match word {
        _ if !text.contains(' ') => matching(commands(app), text),
        "view" => matching(views(app), rest),
        "ws" | "workspace" => matching(workspaces(app), rest),
        "theme" => matching(themes(), rest),
        "sort" => matching(sorts(rest), rest.trim_start_matches('-')),
        "filter" => vec![choice(&format!("filter {rest}"), COMMANDS[3].2, "", Pick::Filter(rest.to_owned()))],
        _ => matching(commands(app), text),
    }
}

/// Every action that has a name of its own, then the commands that take a text. Picked, an action is done by the window
/// under the list, so that one says which of them there are now.
fn commands(app: &App) -> Vec<Choice> {
    let shown = |layer| !matches!(layer, Layer::Form | Layer::Choose | Layer::Question | Layer::Window | Layer::Move);
    let under = app.windows.below::<Chooser>();
    let actions = TABLE.iter().filter(|info| shown(info.layer) && info.action != Action::Palette).map(|info| {
        let keys: Vec<String> = Keymap::standard().chords(info.action).iter().map(|chord| chord.label()).collect();
        let made = choice(info.name, info.sentence, &keys.join(" "), Pick::Action(info.action));
        Choice { disabled: disabled_under(app, under, info.action), ..made }
    });
    let words = COMMANDS.iter().map(|(word, takes, sentence)| {
        choice(&format!("{word} {takes}"), sentence, "", Pick::Fill(format!("{word} ")))
    });
    let mut choices: Vec<Choice> = actions.chain(words).collect();
    // What cannot be done now teaches, but at the end.
    choices.sort_by_key(|choice| choice.disabled.is_some());
    choices
}

/// A line: its name in so many cells, what it does or why it cannot be picked, its remark at the right.
fn draw_choice(canvas: &mut Canvas, choice: &Choice, names: u16, row: Rect) {
    let meaning = if choice.disabled.is_some() { Meaning::Dim } else { Meaning::Text };
    canvas.text(row.x + 2, row.y, names, &choice.label, meaning);
    let remark = width(&choice.remark) as u16;
    let x = row.x + 2 + names + 2;
    let room = row.right().saturating_sub(x + remark + 3);
    canvas.text(x, row.y, room, choice.disabled.as_deref().unwrap_or(&choice.detail), Meaning::Dim);
    canvas.line_right(row.right() - 1, row.y, remark, &[piece(choice.remark.clone(), Meaning::Key)]);
}

/// The typed command with its last word completed.
fn completed(typed: &str, label: &str) -> String {
    match typed.trim_start().split_once(' ') {
        Some((word, _)) => format!("{word} {label}"),
        None => label.to_owned(),
    }
}

/// Lines whose label, or else whose detail, matches; best first, otherwise in their order.
fn matching(choices: Vec<Choice>, text: &str) -> Vec<Choice> {
    let text = text.trim();
    if text.is_empty() {
        return choices;
    }
    let (pattern, mut scorer) = (fuzzy(text), Scorer::default());
    let score = |choice: Choice| {
        let label = scorer.score(&pattern, &choice.label).map(|score| score + 1_000);
        let score = label.or_else(|| scorer.score(&pattern, &choice.detail))?;
        Some((score, choice))
    };
    let mut scored: Vec<_> = choices.into_iter().filter_map(score).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, choice)| choice).collect()
}

fn choice(label: &str, detail: &str, remark: &str, pick: Pick) -> Choice {
    Choice { label: label.to_owned(), detail: detail.to_owned(), remark: remark.to_owned(), pick, disabled: None }
}

fn views(app: &App) -> Vec<Choice> {
    let views = app.views.iter().flat_map(|views| views.iter());
    let views = views.map(|view| {
        let open = if app.view.as_deref() == Some(&view.name) { "open" } else { "" };
        choice(&view.name, &view.description, open, Pick::View(view.name.clone()))
    });
    views.collect()
}

fn workspaces(app: &App) -> Vec<Choice> {
    let workspaces = app.workspaces.iter().map(|workspace| {
        let open = if app.workspace.as_deref() == Some(&workspace.name) { "open" } else { "" };
        let kind = if workspace.live { "live" } else { "development: nothing is materialized" };
        choice(&workspace.name, kind, open, Pick::Workspace(workspace.name.clone()))
    });
    workspaces.collect()
}

fn themes() -> Vec<Choice> {
    let themes = theme::built_in().iter().enumerate();
    themes.map(|(at, theme)| choice(&theme.name, "theme", "", Pick::Theme(at))).collect()
}

fn sorts(text: &str) -> Vec<Choice> {
    let turned = text.starts_with('-');
    let detail = if turned { "large first" } else { "small first" };
    Column::ALL.iter().map(|column| choice(column.name(), detail, "", Pick::Sort(*column, turned))).collect()
}
