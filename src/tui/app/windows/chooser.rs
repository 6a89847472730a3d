//! Lists to pick from with a fuzzy filter: the palette of commands, feature views, workspaces.
//!
//! The lines are made anew from the [`App`] each time they are needed; nothing is kept that could grow old.

use crate::tui::action::{Action, Layer, TABLE};
use crate::tui::app::columns::Column;
use crate::tui::app::{App, disabled};
use crate::tui::field::Field;
use crate::tui::keymap::Keymap;
use crate::tui::query::{Scorer, fuzzy};
use crate::tui::theme;

/// What is picked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Commands.
    Palette,
    /// Feature views of the open workspace.
    Views,
    /// Workspaces.
    Workspaces,
}

/// What a line does when it is picked.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// This action.
    Action(Action),
    /// Opens this view.
    View(String),
    /// Opens this workspace.
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

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub label: String,
    /// What it is or does.
    pub detail: String,
    /// Its key, or another short remark.
    pub remark: String,
    /// What picking it does.
    pub pick: Pick,
    /// Why it cannot be picked.
    pub disabled: Option<String>,
}

/// An open list.
#[derive(Clone, Debug)]
pub struct Chooser {
    /// What is picked from.
    pub kind: Kind,
    /// What is typed.
    pub field: Field,
    /// The marked line.
    pub selected: usize,
}

/// Commands that take a name or text: word, what follows, sentence.
const COMMANDS: [(&str, &str, &str); 5] = [
    ("view", "NAME", "Open a feature view."),
    ("ws", "NAME", "Open a workspace."),
    ("theme", "NAME", "Take a theme."),
    ("filter", "TEXT", "Filter jobs, or the stream when that pane has the keys."),
    ("sort", "COLUMN", "Sort the jobs by a column; `-` before its name turns the direction."),
];

impl Chooser {
    /// An open list with nothing typed.
    pub fn new(kind: Kind) -> Self {
        Self { kind, field: Field::default(), selected: 0 }
    }

    /// The lines that match what is typed, best first.
    pub fn lines(&self, app: &App) -> Vec<Line> {
        let text = self.field.text().trim_start();
        match self.kind {
            Kind::Views => matching(views(app), text),
            Kind::Workspaces => matching(workspaces(app), text),
            Kind::Palette => palette(app, text),
        }
    }

    /// Moves the mark by so many lines.
    pub fn step(&mut self, by: isize, count: usize) {
        self.selected = self.selected.saturating_add_signed(by).min(count.saturating_sub(1));
    }
}

fn palette(app: &App, text: &str) -> Vec<Line> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    match word {
        _ if !text.contains(' ') => matching(commands(app), text),
        "view" => matching(views(app), rest),
        "ws" | "workspace" => matching(workspaces(app), rest),
        "theme" => matching(themes(), rest),
        "sort" => matching(sorts(rest), rest.trim_start_matches('-')),
        "filter" => vec![Line {
            label: format!("filter {rest}"),
            detail: COMMANDS[3].2.to_owned(),
            remark: String::new(),
            pick: Pick::Filter(rest.to_owned()),
            disabled: None,
        }],
        _ => matching(commands(app), text),
    }
}

/// Lines whose label, or else whose detail, matches; best first, otherwise in their order.
fn matching(lines: Vec<Line>, text: &str) -> Vec<Line> {
    let text = text.trim();
    if text.is_empty() {
        return lines;
    }
    let (pattern, mut scorer) = (fuzzy(text), Scorer::default());
    let score = |line: Line| {
        let label = scorer.score(&pattern, &line.label).map(|score| score + 1_000);
        let score = label.or_else(|| scorer.score(&pattern, &line.detail))?;
        Some((score, line))
    };
    let mut scored: Vec<_> = lines.into_iter().filter_map(score).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, line)| line).collect()
}

fn line(label: &str, detail: &str, remark: &str, pick: Pick) -> Line {
    Line { label: label.to_owned(), detail: detail.to_owned(), remark: remark.to_owned(), pick, disabled: None }
}

fn commands(app: &App) -> Vec<Line> {
    let shown = |layer| !matches!(layer, Layer::Form | Layer::Choose | Layer::Question | Layer::Window | Layer::Move);
    let actions = TABLE.iter().filter(|info| shown(info.layer) && info.action != Action::Palette).map(|info| {
        let keys: Vec<String> = Keymap::standard().chords(info.action).iter().map(|chord| chord.label()).collect();
        let made = line(info.name, info.sentence, &keys.join(" "), Pick::Action(info.action));
        Line { disabled: disabled(app, info.action), ..made }
    });
    let words = COMMANDS
        .iter()
        .map(|(word, takes, sentence)| line(&format!("{word} {takes}"), sentence, "", Pick::Fill(format!("{word} "))));
    let mut lines: Vec<Line> = actions.chain(words).collect();
    // What cannot be done now teaches, but at the end.
    lines.sort_by_key(|line| line.disabled.is_some());
    lines
}

fn views(app: &App) -> Vec<Line> {
    let views = app.views.iter().flat_map(|views| views.iter());
    let views = views.map(|view| {
        let open = if app.view.as_deref() == Some(&view.name) { "open" } else { "" };
        line(&view.name, &view.description, open, Pick::View(view.name.clone()))
    });
    views.collect()
}

fn workspaces(app: &App) -> Vec<Line> {
    let workspaces = app.workspaces.iter().map(|workspace| {
        let open = if app.workspace.as_deref() == Some(&workspace.name) { "open" } else { "" };
        let kind = if workspace.live { "live" } else { "development: nothing is materialized" };
        line(&workspace.name, kind, open, Pick::Workspace(workspace.name.clone()))
    });
    workspaces.collect()
}

fn themes() -> Vec<Line> {
    let themes = theme::built_in().iter().enumerate();
    themes.map(|(at, theme)| line(&theme.name, "theme", "", Pick::Theme(at))).collect()
}

fn sorts(text: &str) -> Vec<Line> {
    let turned = text.starts_with('-');
    let detail = if turned { "large first" } else { "small first" };
    Column::ALL.iter().map(|column| line(column.name(), detail, "", Pick::Sort(*column, turned))).collect()
}
