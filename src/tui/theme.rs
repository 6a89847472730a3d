//! Colours by meaning. A theme is a TOML file in `themes/` that gives each [`Meaning`] a style; three are built in.
//!
//! Colours are the terminal's own 16 by default. The plain theme has none at all, so that nothing that sets a colour is
//! ever written; meanings are always carried by a glyph and a word as well. Nothing else in the console names a colour.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;

use ratatui::style::{Color, Modifier, Style};
use thiserror::Error;

macro_rules! meanings {
    ($($meaning:ident = $name:literal: $sentence:literal),* $(,)?) => {
        /// What a piece of the screen means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Meaning { $(#[doc = $sentence] $meaning,)* }

        /// All meanings: name in theme files, and what it is for.
        pub const MEANINGS: &[(Meaning, &str, &str)] = &[$((Meaning::$meaning, $name, $sentence),)*];
    };
}

meanings! {
    Text = "text": "Ordinary text.",
    Strong = "strong": "What the eye should find first in a pane.",
    Dim = "dim": "Labels, units, and other text of second rank.",
    Border = "border": "Borders of panes.",
    BorderFocus = "border-focus": "The border of the pane that has the keys.",
    Title = "title": "Names of panes.",
    TitleFocus = "title-focus": "The name of the pane that has the keys.",
    Head = "head": "Column heads.",
    Selection = "selection": "The selected row, laid over its colours.",
    Mark = "mark": "The bar before the selected row.",
    Key = "key": "Keys in the footer and in the help.",
    Accent = "accent": "The one accent: the view's name, active tabs, progress.",
    Good = "good": "Success, live.",
    Running = "running": "Work under way.",
    Waiting = "waiting": "Scheduled or queued.",
    Warning = "warning": "Needs an eye: retrying, stale, dropped, read-only.",
    Bad = "bad": "Failure, offline, refused.",
    Over = "over": "Ended without result: cancelled, drained.",
    Null = "null": "A missing value.",
    Value = "value": "Feature values.",
    Match = "match": "What a filter matched.",
    Field = "field": "A text field.",
    FieldFocus = "field-focus": "The text field that is typed into.",
    BannerWarning = "banner-warning": "The banner while the connection is slow or away.",
    BannerBad = "banner-bad": "The banner when the deployment refuses.",
    Profile = "profile": "The name of a profile without a colour, in the header.",
    ProfileRed = "profile-red": "The name of a profile of that colour, in the header.",
    ProfileYellow = "profile-yellow": "The name of a profile of that colour, in the header.",
    ProfileGreen = "profile-green": "The name of a profile of that colour, in the header.",
    ProfileCyan = "profile-cyan": "The name of a profile of that colour, in the header.",
    ProfileBlue = "profile-blue": "The name of a profile of that colour, in the header.",
    ProfileMagenta = "profile-magenta": "The name of a profile of that colour, in the header.",
    ProfileGrey = "profile-grey": "The name of a profile of that colour, in the header.",
}

/// What the meanings of profiles' colours begin with.
const PROFILE: &str = "profile-";

/// The colours that a profile can have.
pub fn profile_colours() -> impl Iterator<Item = &'static str> {
    MEANINGS.iter().filter_map(|(_, name, _)| name.strip_prefix(PROFILE))
}

/// How the name of a profile of that colour is drawn.
pub fn profile_meaning(colour: Option<&str>) -> Meaning {
    let wanted = |name: &str| name.strip_prefix(PROFILE).is_some_and(|known| Some(known) == colour);
    MEANINGS.iter().find(|(_, name, _)| wanted(name)).map_or(Meaning::Profile, |(meaning, ..)| *meaning)
}

/// A named set of styles.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Name, as `--theme` and `:theme` take it.
    pub name: String,
    /// Whether it is made for a light background; pictures are drawn on one then.
    pub light: bool,
    styles: Vec<Style>,
}

/// What is wrong with a theme file.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ThemeError {
    /// Not TOML, or not of texts.
    #[error("the theme `{0}` cannot be read: {1}")]
    Syntax(String, String),
    /// A name that is no meaning.
    #[error("the theme `{0}` styles `{1}`, which nothing on the screen means; meanings: {2}")]
    UnknownMeaning(String, String, String),
    /// A meaning without a style.
    #[error("the theme `{0}` has no style for `{1}`")]
    Missing(String, String),
    /// A word that is neither colour nor modifier.
    #[error(
        "the theme `{0}` styles `{1}` with `{2}`, which is neither a colour nor bold, dim, italic, underlined, reversed"
    )]
    UnknownWord(String, String, String),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    light: bool,
    styles: BTreeMap<String, String>,
}

impl Theme {
    /// Reads a theme file: `light = false` and a table `[styles]` of `meaning = "colour modifier… on colour"`.
    pub fn parse(name: &str, text: &str) -> Result<Self, ThemeError> {
        let file: File = toml::from_str(text).map_err(|e| ThemeError::Syntax(name.to_owned(), e.to_string()))?;
        let known = |word: &str| MEANINGS.iter().any(|(_, known, _)| *known == word);
        if let Some(unknown) = file.styles.keys().find(|word| !known(word)) {
            let all: Vec<_> = MEANINGS.iter().map(|(_, word, _)| *word).collect();
            return Err(ThemeError::UnknownMeaning(name.to_owned(), unknown.clone(), all.join(", ")));
        }
        let style = |(_, word, _): &(Meaning, &str, &str)| {
            let text =
                file.styles.get(*word).ok_or_else(|| ThemeError::Missing(name.to_owned(), (*word).to_owned()))?;
            parse_style(text).map_err(|bad| ThemeError::UnknownWord(name.to_owned(), (*word).to_owned(), bad))
        };
        let styles = MEANINGS.iter().map(style).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), light: file.light, styles })
    }

    /// The style of a meaning.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.styles.get(meaning as usize).copied().unwrap_or_default()
    }
}

/// Words of a style: a colour, `on` and a colour, modifiers. The error is the word that is none of these.
fn parse_style(text: &str) -> Result<Style, String> {
    let mut style = Style::default();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "default" => style,
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "italic" => style.add_modifier(Modifier::ITALIC),
            "underlined" => style.add_modifier(Modifier::UNDERLINED),
            "reversed" => style.add_modifier(Modifier::REVERSED),
            "on" => {
                let colour = words.next().unwrap_or("on");
                style.bg(Color::from_str(colour).map_err(|_| colour.to_owned())?)
            }
            colour => style.fg(Color::from_str(colour).map_err(|_| colour.to_owned())?),
        };
    }
    Ok(style)
}

static BUILT_IN: LazyLock<Vec<Theme>> = LazyLock::new(|| {
    let files = [
        ("dark", include_str!("../../themes/dark.toml")),
        ("light", include_str!("../../themes/light.toml")),
        ("plain", include_str!("../../themes/plain.toml")),
    ];
    files.iter().filter_map(|(name, text)| Theme::parse(name, text).ok()).collect()
});

/// The themes that come with the program; a test sees to it that all of them are whole.
pub fn built_in() -> &'static [Theme] {
    &BUILT_IN
}

/// Position of the theme of that name among [`built_in`].
pub fn find(name: &str) -> Option<usize> {
    built_in().iter().position(|theme| theme.name == name)
}

/// The theme to begin with: the one asked for, else `plain` where `NO_COLOR` is set and not empty, else the first.
pub fn choose(asked: Option<&str>, no_color: bool) -> usize {
    let plain = no_color.then_some("plain");
    asked.or(plain).and_then(find).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_themes_are_whole() {
        for (name, text) in [
            ("dark", include_str!("../../themes/dark.toml")),
            ("light", include_str!("../../themes/light.toml")),
            ("plain", include_str!("../../themes/plain.toml")),
        ] {
            Theme::parse(name, text).unwrap();
        }
        assert_eq!(built_in().len(), 3);
    }

    #[test]
    fn a_profile_is_drawn_in_its_colour() {
        assert!(profile_colours().count() > 5);
        for colour in profile_colours() {
            let name = format!("profile-{colour}");
            let (meaning, ..) = MEANINGS.iter().find(|(_, known, _)| *known == name).unwrap();
            assert_eq!(profile_meaning(Some(colour)), *meaning);
        }
        assert_eq!((profile_meaning(None), profile_meaning(Some("?"))), (Meaning::Profile, Meaning::Profile));
    }

    #[test]
    fn the_plain_theme_sets_no_colour() {
        let plain = &built_in()[find("plain").unwrap()];
        for (meaning, name, _) in MEANINGS {
            let style = plain.style(*meaning);
            assert_eq!((style.fg, style.bg), (None, None), "{name}");
        }
    }

    #[test]
    fn a_wrong_file_says_what_is_wrong() {
        let unknown = Theme::parse("mine", "[styles]\nnonsense = \"red\"").unwrap_err();
        assert!(unknown.to_string().contains("`nonsense`"));
        let text = include_str!("../../themes/dark.toml").replace("good = \"", "good = \"pinkish ");
        assert!(Theme::parse("mine", &text).unwrap_err().to_string().contains("`pinkish`"));
    }

    #[test]
    fn no_color_takes_the_plain_theme_unless_one_is_asked_for() {
        assert_eq!(choose(None, true), find("plain").unwrap());
        assert_eq!(choose(Some("light"), true), find("light").unwrap());
        assert_eq!(choose(None, false), 0);
    }
}
