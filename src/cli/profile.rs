//! The user's own profiles: deployments by name, in `fvtop/config.toml` below the user's folder for configuration, or
//! in the file that `FVTOP_CONFIG` names.
//!
//! Parsing only; every problem is told with its line. A key never stands in the file, only where it is to be found.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::failure::Failure;
use super::target::patience;
use crate::client::message::Problem;
use crate::model::suggest;
use crate::tui::theme;

/// Settings of a profile: name, an example of its value, and what it is for.
pub(crate) const SETTINGS: &[(&str, &str, &str)] = &[
    ("url", "\"https://example.tecton.ai/api\"", "Address of the deployment; without it, the embedded platform."),
    ("feature_url", "\"https://example.tecton.ai/api\"", "Address of its feature server, where that is another."),
    ("key_env", "\"TECTON_API_KEY\"", "Variable of the environment that holds the API key."),
    ("key_file", "\"~/.config/fvtop/example.key\"", "File with the API key on its first line, in place of key_env."),
    ("workspace", "\"prod\"", "Workspace to open first."),
    ("colour", "\"red\"", "Colour of the profile's name in the header."),
    ("read_only", "true", "Allow nothing that changes the deployment."),
    (
        "client_cert",
        "\"~/.config/fvtop/client.pem\"",
        "Certificate of this client, in PEM form, where the deployment wants one.",
    ),
    ("client_key", "\"~/.config/fvtop/client.key\"", "Private key of that certificate, in PEM form."),
    (
        "ca_cert",
        "\"~/.config/fvtop/authority.pem\"",
        "Certificates to trust besides the system's, in PEM form, where the deployment's is signed by none of these.",
    ),
    (
        "patience",
        "\"2m\"",
        "How long a list of jobs may bring nothing before it is given up; plain answers get a twelfth.",
    ),
];

/// Names under which a secret might be written into the file.
const SECRETS: &[&str] =
    &["key", "api_key", "apikey", "token", "secret", "password", "tecton_api_key", "oauth_access_token"];

/// Where a key is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// In this variable of the environment.
    Variable(String),
    /// On the first line of this file.
    File(PathBuf),
}

/// One deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Its name.
    pub name: String,
    /// Address; absent for the embedded platform.
    pub url: Option<String>,
    /// Address of the feature server, where that is another.
    pub feature_url: Option<String>,
    /// Where its key is.
    pub key: Option<KeySource>,
    /// Workspace to open first.
    pub workspace: Option<String>,
    /// Colour of its name, one of [`theme::profile_colours`].
    pub colour: Option<String>,
    /// Allow nothing that changes the deployment.
    pub read_only: bool,
    /// Certificate of this client.
    pub client_cert: Option<PathBuf>,
    /// Private key of that certificate.
    pub client_key: Option<PathBuf>,
    /// Certificates to trust besides the system's.
    pub ca_cert: Option<PathBuf>,
    /// How long a great answer may bring nothing.
    pub patience: Option<Duration>,
}

/// All profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profiles {
    /// The file.
    pub path: PathBuf,
    /// The one that is taken when nothing else names a deployment.
    pub default: Option<String>,
    /// In the order of the file.
    pub all: Vec<Profile>,
}

impl Profiles {
    /// Reads them; an absent file has none.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it is wrong.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text).map_err(|problem| Failure::usage(&problem)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { path: path.to_owned(), ..Self::default() })
            }
            Err(error) => {
                let what = format!("The profiles in {} cannot be read: {error}.", path.display());
                let hint = "Check the file and its permissions, or name another one in FVTOP_CONFIG.".to_owned();
                Err(Failure::usage(&Problem { what, hint }))
            }
        }
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// With the line, what is wrong there, and what to do.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Problem> {
        let place = Place { path, text };
        let root = DeTable::parse(text).map_err(|error| {
            place.problem(
                error.span().unwrap_or(0..0),
                &format!("this is not TOML: {}", error.message()),
                "Correct that line",
            )
        })?;
        let mut profiles = Self { path: path.to_owned(), ..Self::default() };
        let mut default = None;
        for (name, value) in root.get_ref() {
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("default", DeValue::String(name)) => default = Some((name.to_string(), value.span())),
                ("profile", DeValue::Table(tables)) => profiles.all = place.profiles(tables)?,
                (known @ ("default" | "profile"), _) => {
                    let form = if known == "default" {
                        "the name of a profile in quotes"
                    } else {
                        "tables, such as [profile.prod]"
                    };
                    return Err(place.problem(value.span(), &format!("`{known}` is not {form}"), "Correct that line"));
                }
                (unknown, _) => return Err(place.unknown(name.span(), unknown, "setting", &["default", "profile"])),
            }
        }
        if let Some((name, span)) = default {
            let names: Vec<&str> = profiles.all.iter().map(|profile| profile.name.as_str()).collect();
            if !names.contains(&name.as_str()) {
                return Err(place.unknown(span, &name, "profile", &names));
            }
            profiles.default = Some(name);
        }
        Ok(profiles)
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn find(&self, name: &str) -> Result<&Profile, Problem> {
        self.all.iter().find(|profile| profile.name == name).ok_or_else(|| {
            let names = self.all.iter().map(|profile| profile.name.as_str());
            let what = format!("There is no profile `{name}` in {}.", self.path.display());
            let hint = match suggest::nearest(name, names.clone()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None if self.all.is_empty() => "`fvtop profiles --sample` prints how to write one.".to_owned(),
                None => format!("Those there are: {}.", names.collect::<Vec<_>>().join(", ")),
            };
            Problem { what, hint }
        })
    }

    /// The variables in which the profiles' keys are.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter_map(|profile| match &profile.key {
            Some(KeySource::Variable(name)) => Some(name.as_str()),
            _ => None,
        })
    }
}

/// A file that is read, for problems with their lines.
struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    fn problem(&self, at: Range<usize>, what: &str, hint: &str) -> Problem {
        let line = self.text.bytes().take(at.start).filter(|byte| *byte == b'\n').count() + 1;
        let what = crate::model::clean(what).into_owned();
        Problem { what: format!("{} line {line}: {what}.", self.path.display()), hint: format!("{hint}.") }
    }

    fn unknown(&self, at: Range<usize>, name: &str, kind: &str, known: &[&str]) -> Problem {
        let hint = match suggest::nearest(name, known.iter().copied()) {
            Some(near) => format!("Did you mean `{near}`? It may be one of {}", known.join(", ")),
            None => format!("Use one of {}", known.join(", ")),
        };
        self.problem(at, &format!("there is no {kind} `{name}`"), &hint)
    }

    fn profiles(&self, tables: &DeTable<'_>) -> Result<Vec<Profile>, Problem> {
        let mut found: Vec<(usize, Profile)> = Vec::new();
        for (name, value) in tables {
            let DeValue::Table(settings) = value.get_ref() else {
                let what = format!("`profile.{}` is no table", name.get_ref());
                return Err(self.problem(name.span(), &what, "Write [profile.NAME] and the settings below it"));
            };
            found.push((name.span().start, self.profile(name, settings)?));
        }
        found.sort_by_key(|(at, _)| *at);
        Ok(found.into_iter().map(|(_, profile)| profile).collect())
    }

    fn profile(&self, name: &Spanned<std::borrow::Cow<'_, str>>, settings: &DeTable<'_>) -> Result<Profile, Problem> {
        let mut profile = Profile { name: name.get_ref().to_string(), ..Profile::default() };
        if profile.name.is_empty() || !profile.name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c)) {
            return Err(self.problem(
                name.span(),
                "the name of the profile is not plain",
                "Use letters, digits, - _ and .",
            ));
        }
        for (setting, value) in settings {
            let (word, at) = (setting.get_ref().as_ref(), setting.span());
            let text = || self.text_of(word, value);
            match word {
                "url" => profile.url = Some(text()?),
                "feature_url" => profile.feature_url = Some(text()?),
                "key_env" | "key_file" if profile.key.is_some() => {
                    return Err(self.problem(at, "the key is named twice", "Keep either key_env or key_file"));
                }
                "key_env" => profile.key = Some(KeySource::Variable(self.variable(value, text()?)?)),
                "key_file" => profile.key = Some(KeySource::File(self.file(&text()?))),
                "workspace" => profile.workspace = Some(text()?),
                "colour" => profile.colour = Some(self.colour(value, text()?)?),
                "read_only" => profile.read_only = self.flag(word, value)?,
                "client_cert" => profile.client_cert = Some(self.file(&text()?)),
                "client_key" => profile.client_key = Some(self.file(&text()?)),
                "ca_cert" => profile.ca_cert = Some(self.file(&text()?)),
                "patience" => {
                    let wrong = |why: String| {
                        self.problem(value.span(), &format!("`patience` is none: {why}"), "Write a time such as \"5m\"")
                    };
                    profile.patience = Some(patience(&text()?).map_err(wrong)?);
                }
                secret if SECRETS.contains(&secret.to_lowercase().as_str()) => {
                    let what =
                        format!("`{secret}` would keep a secret in this file, which is for everything but secrets");
                    return Err(self.problem(
                        at,
                        &what,
                        "Name the variable that holds it with key_env, or its file with key_file",
                    ));
                }
                unknown => {
                    let known: Vec<&str> = SETTINGS.iter().map(|(name, ..)| *name).collect();
                    return Err(self.unknown(at, unknown, "setting", &known));
                }
            }
        }
        if profile.client_cert.is_some() != profile.client_key.is_some() {
            return Err(self.problem(
                name.span(),
                "a client's certificate goes with its key",
                "Give both client_cert and client_key",
            ));
        }
        Ok(profile)
    }

    fn text_of(&self, word: &str, value: &Spanned<DeValue<'_>>) -> Result<String, Problem> {
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            _ => Err(self.problem(value.span(), &format!("`{word}` is not a text in quotes"), "Correct that line")),
        }
    }

    fn flag(&self, word: &str, value: &Spanned<DeValue<'_>>) -> Result<bool, Problem> {
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(self.problem(value.span(), &format!("`{word}` is neither true nor false"), "Correct that line")),
        }
    }

    /// The name of a variable; what does not look like one may be the key itself, and is not repeated.
    fn variable(&self, value: &Spanned<DeValue<'_>>, name: String) -> Result<String, Problem> {
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(name);
        }
        let what = "key_env is not the name of a variable: capital letters, digits and _";
        Err(self.problem(
            value.span(),
            what,
            "Never write the key itself here; put it into a variable such as PROD_KEY",
        ))
    }

    fn colour(&self, value: &Spanned<DeValue<'_>>, name: String) -> Result<String, Problem> {
        let known: Vec<&str> = theme::profile_colours().collect();
        if known.contains(&name.as_str()) { Ok(name) } else { Err(self.unknown(value.span(), &name, "colour", &known)) }
    }

    /// A path: `~` is the user's home, and what is not absolute is beside this file.
    fn file(&self, text: &str) -> PathBuf {
        let home = || Some(directories::BaseDirs::new()?.home_dir().to_owned());
        match text.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest))) {
            Some(path) => path,
            None => self.path.parent().unwrap_or(Path::new("")).join(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Profiles, Problem> {
        Profiles::parse(Path::new("/c/config.toml"), text)
    }

    #[test]
    fn profiles_are_read_in_the_order_of_the_file() {
        let text = "default = \"prod\"\n[profile.prod]\nurl = \"https://p/api\"\nkey_env = \"PROD_KEY\"\ncolour = \"red\"\nread_only = true\n\
                    [profile.local]\n[profile.dev]\nurl = \"https://d/api\"\nkey_file = \"dev.key\"\nworkspace = \"ana\"\n";
        let found = parse(text).unwrap();
        let names: Vec<_> = found.all.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!((names.as_slice(), found.default.as_deref()), (["prod", "local", "dev"].as_slice(), Some("prod")));
        let prod = found.find("prod").unwrap();
        assert_eq!((prod.key.as_ref(), prod.read_only), (Some(&KeySource::Variable("PROD_KEY".into())), true));
        assert_eq!(found.find("dev").unwrap().key, Some(KeySource::File("/c/dev.key".into())));
        assert_eq!(found.variables().collect::<Vec<_>>(), ["PROD_KEY"]);
        assert!(found.find("prd").unwrap_err().hint.contains("`prod`"));
        assert_eq!(parse("").unwrap().all, []);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_nearest_name() {
        for (text, line, words) in [
            ("[profile.p]\nurl = \"https://p\"\ncolr = \"red\"", 3, "`colr`. Did you mean `colour`?"),
            ("[profile.p]\ncolour = \"rde\"", 2, "no colour `rde`. Did you mean `red`?"),
            ("[profile.p]\ncolour = \"ultraviolet\"", 2, "Use one of red"),
            ("\n[profile.p]\napi_key = \"hush\"", 3, "key_env"),
            ("[profile.p]\nkey_env = \"hush-hush\"", 2, "name of a variable"),
            ("[profile.p]\nkey_env = \"K\"\nkey_file = \"f\"", 3, "twice"),
            ("[profile.p]\nread_only = \"yes\"", 2, "neither true nor false"),
            ("[profile.p]\npatience = \"5 minutes\"", 2, "patience"),
            ("[profile.p]\npatience = \"2s\"", 2, "from 12s to 1d"),
            ("[profile.p]\nurl = 3", 2, "not a text"),
            ("[profile.p]\nclient_cert = \"c.pem\"", 1, "client_key"),
            ("[profile.\"a b\"]", 1, "not plain"),
            ("default = \"prd\"\n[profile.prod]", 1, "no profile `prd`. Did you mean `prod`?"),
            ("profiles = 1", 1, "Did you mean `profile`?"),
            ("profile = 1", 1, "tables"),
            ("[profile.p]\nurl = ", 2, "not TOML"),
        ] {
            let problem = parse(text).unwrap_err();
            let sentence = problem.to_string();
            assert!(sentence.starts_with(&format!("/c/config.toml line {line}: ")), "{text}: {sentence}");
            assert!(sentence.contains(words) && !sentence.contains("hush"), "{text}: {sentence}");
        }
    }
}
