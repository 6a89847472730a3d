//! Where settings come from besides the command line: the environment, the files that Tecton's own tools keep, and the
//! user's profiles (docs/wire.md section 4.1).
//!
//! Reads only. Which of them counts is said in `target`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use url::Url;

use super::failure::Failure;
use super::profile::Profiles;
use crate::client::endpoint::parse_url;
use crate::client::message::Problem;

/// Variables that are looked at.
const VARIABLES: [&str; 12] = [
    "API_SERVICE",
    "FEATURE_SERVICE",
    "TECTON_API_KEY",
    "TECTON_WORKSPACE",
    "TECTON_CONFIG_PATH",
    "TECTON_CLIENT_CERT",
    "TECTON_CLIENT_KEY",
    "OAUTH_ACCESS_TOKEN",
    "FVTOP_CA_CERT",
    "FVTOP_PROFILE",
    "FVTOP_CONFIG",
    "HOME",
];

/// Everything besides the command line.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// The environment; a blank variable is none.
    pub variables: HashMap<String, String>,
    /// `~/.tecton/config`.
    pub config: HashMap<String, String>,
    /// The tokens beside it.
    pub tokens: HashMap<String, String>,
    /// Where the tokens were read.
    pub tokens_path: PathBuf,
    /// The user's own profiles.
    pub profiles: Profiles,
    /// Unix seconds.
    pub now: f64,
}

impl Surroundings {
    /// The program's own: environment, `TECTON_CONFIG_PATH` or `~/.tecton/config`, the tokens beside it, and `FVTOP_CONFIG` or
    /// `fvtop/config.toml` in the user's folder for configuration.
    ///
    /// # Errors
    /// When one of the files is there but cannot be read.
    pub(crate) fn of_program() -> Result<Self, Failure> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let mut variables: HashMap<String, String> =
            VARIABLES.into_iter().filter_map(|name| Some((name.to_owned(), set(name)?))).collect();
        let profiles = match profiles_path(variables.get("FVTOP_CONFIG").map(String::as_str)) {
            Some(path) => Profiles::read(&path)?,
            None => Profiles::default(),
        };
        // The variables that the profiles name, and no others.
        variables.extend(profiles.variables().filter_map(|name| Some((name.to_owned(), set(name)?))));
        let home = || directories::BaseDirs::new().map(|dirs| dirs.home_dir().join(".tecton").join("config"));
        let path = variables.get("TECTON_CONFIG_PATH").map(PathBuf::from).or_else(home).unwrap_or_default();
        let mut tokens_path = path.clone().into_os_string();
        tokens_path.push(".tokens");
        let tokens_path = PathBuf::from(tokens_path);
        let now = crate::model::time::micros(chrono::Utc::now()) as f64 / 1e6;
        let (config, tokens) = (read_config(&path)?, read_config(&tokens_path)?);
        Ok(Self { variables, config, tokens, tokens_path, profiles, now })
    }

    /// A variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.trim())
    }

    /// What a file of Tecton's own tools says: `~/.tecton/config`, else the tokens beside it.
    pub(crate) fn kept(&self, name: &str) -> Option<&str> {
        let found = self.config.get(name).or_else(|| self.tokens.get(name));
        found.map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The deployment that the files of Tecton's own tools are about; what is kept in them is for it alone.
    pub(crate) fn home(&self) -> Option<Url> {
        parse_url(self.kept("API_SERVICE")?).ok()
    }

    /// A setting: from the environment, else from the configuration file, else from the tokens file.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.variable(name).filter(|value| !value.is_empty()).or_else(|| self.kept(name))
    }
}

/// Where the user's profiles are.
pub(crate) fn profiles_path(named: Option<&str>) -> Option<PathBuf> {
    let own = || Some(directories::ProjectDirs::from("", "", "fvtop")?.config_dir().join("config.toml"));
    named.map(PathBuf::from).or_else(own)
}

/// The sentence for a file with a secret that others than its owner may read.
pub(crate) fn loose(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let path = path.display();
    (mode & 0o077 != 0).then(|| {
        format!("{path} holds a secret and may be read by others on this machine: protect it with `chmod 600 {path}`.")
    })
}

/// The texts and numbers of a JSON object; an absent file is an empty one.
fn read_config(path: &Path) -> Result<HashMap<String, String>, Failure> {
    let bad = |why: String| {
        let what = format!("The configuration file {} cannot be read: {why}.", path.display());
        Failure::usage(&Problem { what, hint: "Correct it, or name another one in TECTON_CONFIG_PATH.".to_owned() })
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(bad(error.to_string())),
    };
    let map: serde_json::Map<String, Value> = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    let text_of = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Ok(map.into_iter().filter_map(|(key, value)| Some((key, text_of(value)?))).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_others_may_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.tokens");
        std::fs::write(&path, "{\"OAUTH_ACCESS_TOKEN\": \"t\", \"OAUTH_ACCESS_TOKEN_EXPIRATION\": 5.5}").unwrap();
        for (mode, loose_to_others) in [(0o644, true), (0o640, true), (0o600, false), (0o400, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(loose(&path).is_some_and(|advice| advice.contains("chmod 600")), loose_to_others, "{mode:o}");
        }
        assert_eq!(read_config(&path).unwrap()["OAUTH_ACCESS_TOKEN_EXPIRATION"], "5.5");
        assert_eq!(loose(&dir.path().join("none")), None);
    }
}
