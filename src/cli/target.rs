//! Which deployment a command talks to: address, key and workspace from the command line, the environment and the
//! files that Tecton's own tools keep (wire section 4.1).
//!
//! With no address anywhere, it is the embedded platform. The key never comes from the command line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::failure::{CONNECTION, Failure};
use crate::client::endpoint::parse_url;
use crate::client::message::Problem;
use crate::client::{ApiKey, Endpoint};
use crate::platform::queries::Separator;

/// Options that say which deployment to talk to.
#[derive(Args, Clone, Debug, Default)]
pub struct TargetArgs {
    /// Address of a deployment, such as https://HOST/api [default: API_SERVICE, else ~/.tecton/config, else the
    /// embedded platform]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Workspace [default: TECTON_WORKSPACE, else ~/.tecton/config, else the first live one]
    #[arg(long, value_name = "NAME")]
    pub workspace: Option<String>,
    /// File with the API key on its first line [default: the key is in TECTON_API_KEY]
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Run the embedded platform on this feature repository [default: the built-in example]
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    pub repo: Option<PathBuf>,
    /// Folder where the embedded platform keeps its data
    #[arg(long, value_name = "DIR", env = "FVTOP_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// What stands between view and feature in the columns that the embedded platform's history joins to a spine
    /// [default: .]
    #[arg(long, value_name = "TEXT", env = "FVTOP_FEATURE_SEPARATOR")]
    pub feature_separator: Option<Separator>,
    /// Write a log to this file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// The deployment to talk to.
#[derive(Clone, Debug)]
pub enum Target {
    /// One that is there already.
    Remote(Endpoint),
    /// The embedded platform, with the workspace that was asked for.
    Embedded {
        /// Workspace that was asked for.
        workspace: Option<String>,
    },
}

/// Where settings come from besides the command line.
#[derive(Debug, Default)]
pub struct Surroundings {
    variables: HashMap<String, String>,
    /// The configuration file, then the file of tokens beside it.
    config: HashMap<String, String>,
    now: f64,
}

impl Surroundings {
    /// The program's own: environment, `TECTON_CONFIG_PATH` or `~/.tecton/config`, and the tokens beside it.
    ///
    /// # Errors
    /// When one of the files is there but cannot be read.
    pub fn of_program() -> Result<Self, Failure> {
        let names = ["API_SERVICE", "TECTON_API_KEY", "TECTON_WORKSPACE", "TECTON_CONFIG_PATH", "OAUTH_ACCESS_TOKEN"];
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let variables: HashMap<_, _> =
            names.into_iter().filter_map(|name| Some((name.to_owned(), set(name)?))).collect();
        let home = || directories::BaseDirs::new().map(|dirs| dirs.home_dir().join(".tecton").join("config"));
        let path = variables.get("TECTON_CONFIG_PATH").map(PathBuf::from).or_else(home);
        let mut config = HashMap::new();
        if let Some(path) = path {
            let mut tokens = path.clone().into_os_string();
            tokens.push(".tokens");
            config = read_config(Path::new(&tokens))?;
            config.extend(read_config(&path)?);
        }
        let now = crate::model::time::micros(chrono::Utc::now()) as f64 / 1e6;
        Ok(Self { variables, config, now })
    }

    /// A setting: from the environment, else from the files.
    fn setting(&self, name: &str) -> Option<&str> {
        self.variables.get(name).or_else(|| self.config.get(name)).map(|value| value.trim())
    }
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

/// The deployment that the options and their surroundings name.
///
/// # Errors
/// When the address is none, or there is no usable key for it.
pub fn resolve(args: &TargetArgs, around: &Surroundings) -> Result<Target, Failure> {
    let workspace = args.workspace.as_deref().or(around.setting("TECTON_WORKSPACE")).map(str::to_owned);
    let embedded = args.repo.is_some() && args.url.is_none();
    let address = args.url.as_deref().or_else(|| around.setting("API_SERVICE").filter(|_| !embedded));
    let Some(address) = address else {
        // The workspace of somebody's cluster says nothing about the embedded platform.
        return Ok(Target::Embedded { workspace: args.workspace.clone() });
    };
    let url = parse_url(address).map_err(|problem| Failure::usage(&problem))?;
    let key = key(args.api_key_file.as_deref(), around)?;
    Ok(Target::Remote(Endpoint::new(url, key, workspace)))
}

fn key(file: Option<&Path>, around: &Surroundings) -> Result<ApiKey, Failure> {
    let refused = |problem: &Problem| Failure::new(CONNECTION, problem);
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let what = format!("The API key file {} cannot be read: {error}.", file.display());
            refused(&Problem { what, hint: "Give the path of a file with the key on its first line.".to_owned() })
        })?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        return ApiKey::new(line.unwrap_or_default()).map_err(|problem| refused(&problem));
    }
    if let Some(key) = around.setting("TECTON_API_KEY") {
        return ApiKey::new(key).map_err(|problem| refused(&problem));
    }
    let missing = || Problem {
        what: "There is no API key for this deployment.".to_owned(),
        hint: "Set TECTON_API_KEY, or give a file with --api-key-file.".to_owned(),
    };
    let token = around.setting("OAUTH_ACCESS_TOKEN").ok_or_else(|| refused(&missing()))?;
    let ends = around.setting("OAUTH_ACCESS_TOKEN_EXPIRATION").and_then(|at| at.parse::<f64>().ok());
    if ends.is_some_and(|at| at <= around.now) {
        let what = "The login kept in ~/.tecton has expired.".to_owned();
        return Err(refused(&Problem { what, hint: "Log in again, or set TECTON_API_KEY.".to_owned() }));
    }
    ApiKey::bearer(token).map_err(|problem| refused(&problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(variables: &[(&str, &str)], config: &[(&str, &str)]) -> Surroundings {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Surroundings { variables: map(variables), config: map(config), now: 100.0 }
    }

    fn url(target: Target) -> String {
        match target {
            Target::Remote(endpoint) => endpoint.url.to_string(),
            Target::Embedded { .. } => "embedded".to_owned(),
        }
    }

    #[test]
    fn command_line_wins_over_environment_over_files() {
        let files = [("API_SERVICE", "https://file/api"), ("TECTON_WORKSPACE", "dev")];
        let key = ("TECTON_API_KEY", "k");
        let set = around(&[("API_SERVICE", "https://env/api"), key], &files);
        let args = TargetArgs { url: Some("https://flag/api".into()), ..Default::default() };
        assert_eq!(url(resolve(&args, &set).unwrap()), "https://flag/api");
        assert_eq!(url(resolve(&TargetArgs::default(), &set).unwrap()), "https://env/api");
        let Target::Remote(endpoint) = resolve(&TargetArgs::default(), &around(&[key], &files)).unwrap() else {
            panic!("not remote")
        };
        assert_eq!((endpoint.url.as_str(), endpoint.workspace.as_deref()), ("https://file/api", Some("dev")));
    }

    #[test]
    fn without_an_address_or_with_a_repository_it_is_the_embedded_platform() {
        assert_eq!(url(resolve(&TargetArgs::default(), &around(&[], &[])).unwrap()), "embedded");
        let args = TargetArgs { repo: Some("x".into()), ..Default::default() };
        assert_eq!(url(resolve(&args, &around(&[("API_SERVICE", "https://env/api")], &[])).unwrap()), "embedded");
    }

    #[test]
    fn a_missing_or_expired_key_says_what_to_do() {
        let args = TargetArgs { url: Some("https://c/api".into()), ..Default::default() };
        let failure = resolve(&args, &around(&[], &[])).unwrap_err();
        assert!(failure.code == CONNECTION && failure.text.contains("TECTON_API_KEY"), "{failure}");
        let tokens = [("OAUTH_ACCESS_TOKEN", "t"), ("OAUTH_ACCESS_TOKEN_EXPIRATION", "99.5")];
        assert!(resolve(&args, &around(&[], &tokens)).unwrap_err().text.contains("expired"));
        let tokens = [("OAUTH_ACCESS_TOKEN", "t"), ("OAUTH_ACCESS_TOKEN_EXPIRATION", "100.5")];
        assert!(resolve(&args, &around(&[], &tokens)).is_ok());
        let args = TargetArgs { api_key_file: Some("/nonexistent/key".into()), ..args };
        assert!(resolve(&args, &around(&[], &[])).unwrap_err().text.contains("/nonexistent/key"));
    }
}
