//! Which deployment a command talks to: address, keys and workspace.
//!
//! What counts, the first that says it:
//! 1. the command line. `--url` and `--repo` name a deployment by themselves, so that no profile is looked at;
//! 2. the profile that `--profile`, else `FVTOP_PROFILE` names;
//! 3. the environment (`API_SERVICE` and the others of docs/wire.md section 4.1);
//! 4. the default profile, where the environment names no deployment;
//! 5. `~/.tecton/config`, then the tokens beside it;
//! 6. the embedded platform.
//!
//! A key never comes from the command line, and what was kept for one deployment is not sent to another: scheme, host
//! and port must be those that it was kept for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use url::Url;

use super::embedded::EmbeddedArgs;
use super::failure::{CONNECTION, Failure};
use super::profile::{KeySource, Profile};
use super::surroundings::{Surroundings, loose};
use crate::client::endpoint::{PATIENCE, parse_url};
use crate::client::message::Problem;
use crate::client::{ApiKey, Authorities, Endpoint, Identity};
use crate::model::time::parse_span;

/// Options that say which deployment to talk to.
#[derive(Args, Clone, Debug, Default)]
pub struct TargetArgs {
    /// Address of a deployment, such as https://HOST/api [default: that of the profile, else API_SERVICE, else
    /// ~/.tecton/config, else the embedded platform]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Profile: a deployment that has a name, see `fvtop profiles` [default: FVTOP_PROFILE]
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pub profile: Option<String>,
    /// Workspace [default: that of the profile, else TECTON_WORKSPACE, else ~/.tecton/config, else the first live one]
    #[arg(long, value_name = "NAME")]
    pub workspace: Option<String>,
    /// File with the API key on its first line [default: that of the profile, else the key in TECTON_API_KEY]
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Certificates to trust besides the system's, in PEM form, where that of the deployment is signed by none of these
    /// [default: those of the profile, else of FVTOP_CA_CERT]
    #[arg(long, value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// The embedded platform.
    #[command(flatten)]
    pub embedded: EmbeddedArgs,
    /// How long a great answer, such as a list of jobs, may bring nothing before it is given up; plain ones get a twelfth of it
    /// [default: that of the profile, else 2m]
    #[arg(long, value_name = "SPAN", env = "FVTOP_PATIENCE", value_parser = patience)]
    pub patience: Option<Duration>,
    /// Write a log to this file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// A patience as it is written: from twelve seconds to a day.
///
/// # Errors
/// When it is none.
pub(crate) fn patience(text: &str) -> Result<Duration, String> {
    let span = parse_span(text).map_err(|error| error.to_string())?;
    let fits = (12..=86_400).contains(&span.num_seconds());
    let patience = span.to_std().ok().filter(|_| fits);
    patience.ok_or_else(|| "it must be from 12s to 1d".to_owned())
}

/// The deployment to talk to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// One that is there already.
    Remote(Box<Endpoint>),
    /// The embedded platform, with the workspace that was asked for.
    Embedded {
        /// Workspace that was asked for.
        workspace: Option<String>,
    },
}

/// What was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The deployment.
    pub target: Target,
    /// The profile that says so, if one does.
    pub profile: Option<Profile>,
    /// What the user should know, in whole sentences.
    pub warnings: Vec<String>,
}

impl Choice {
    /// Whether nothing may be changed, whatever the command line says.
    pub(crate) fn read_only(&self) -> bool {
        self.profile.as_ref().is_some_and(|profile| profile.read_only)
    }
}

/// The deployment that the options and their surroundings name.
///
/// # Errors
/// When there is no such profile, the address is none, or there is no usable key for it.
pub(crate) fn resolve(args: &TargetArgs, around: &Surroundings) -> Result<Choice, Failure> {
    let profile = profile(args, around)?;
    let chosen = profile.as_ref();
    let named = args.url.as_deref().or(chosen.and_then(|profile| profile.url.as_deref()));
    let address = match named {
        Some(address) => Some(address),
        None if args.embedded.is_named() || chosen.is_some() => None,
        None => around.setting("API_SERVICE"),
    };
    let wanted = args.workspace.as_deref().or(chosen.and_then(|profile| profile.workspace.as_deref()));
    let mut warnings = Vec::new();
    let target = match address {
        // The workspace of somebody's cluster says nothing about the embedded platform.
        None => Target::Embedded { workspace: wanted.map(str::to_owned) },
        Some(address) => {
            let workspace = wanted.or_else(|| around.setting("TECTON_WORKSPACE")).map(str::to_owned);
            Target::Remote(Box::new(endpoint(args, chosen, around, address, workspace, &mut warnings)?))
        }
    };
    Ok(Choice { target, profile, warnings })
}

/// The profile that counts.
fn profile(args: &TargetArgs, around: &Surroundings) -> Result<Option<Profile>, Failure> {
    if args.url.is_some() || args.embedded.is_named() {
        return Ok(None);
    }
    let named = args.profile.as_deref().or_else(|| around.variable("FVTOP_PROFILE"));
    let default = || around.profiles.default.as_deref().filter(|_| around.variable("API_SERVICE").is_none());
    let found = named.or_else(default).map(|name| around.profiles.find(name)).transpose();
    found.map(Option::<&Profile>::cloned).map_err(|problem| Failure::usage(&problem))
}

fn endpoint(
    args: &TargetArgs,
    profile: Option<&Profile>,
    around: &Surroundings,
    address: &str,
    workspace: Option<String>,
    warnings: &mut Vec<String>,
) -> Result<Endpoint, Failure> {
    let url = |address: &str| parse_url(address).map_err(|problem| Failure::usage(&problem));
    let base = url(address)?;
    if !base.path().trim_end_matches('/').ends_with("/api") {
        warnings.push(format!("The address {base} does not end in /api, where deployments answer."));
    }
    let feature = match profile {
        Some(profile) => profile.feature_url.as_deref(),
        // That of one deployment says nothing about another that is named on the command line, or in the environment.
        None if args.url.is_some() => None,
        None => around
            .variable("FEATURE_SERVICE")
            .or_else(|| around.kept("FEATURE_SERVICE").filter(|_| at_home(&base, around))),
    };
    let feature_url = feature.map_or_else(|| Ok(base.clone()), url)?;
    let keys = Keys { args, profile, around, base: &base, feature: &feature_url };
    let (key, api_key) = keys.find(warnings)?;
    Ok(Endpoint {
        feature_url,
        url: base,
        feature_key: api_key,
        key,
        workspace,
        identity: identity(profile, around)?,
        authorities: authorities(args, profile, around)?,
        patience: args.patience.or(profile.and_then(|profile| profile.patience)).unwrap_or(PATIENCE),
    })
}

/// Whether that is the deployment of Tecton's own files: its scheme, host and port.
fn at_home(url: &Url, around: &Surroundings) -> bool {
    around.home().is_some_and(|home| home.origin() == url.origin())
}

fn refused(what: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::new(CONNECTION, Problem { what: what.into(), hint: hint.into() })
}

/// Where keys are looked for.
struct Keys<'a> {
    args: &'a TargetArgs,
    profile: Option<&'a Profile>,
    around: &'a Surroundings,
    /// The deployment that they are for.
    base: &'a Url,
    /// Its feature server.
    feature: &'a Url,
}

impl Keys<'_> {
    /// What is sent to the API, and the API key for the feature server. A key that was named for this deployment counts before
    /// all; else the token of a login before the key in the environment (docs/wire.md section 1.2).
    fn find(&self, warnings: &mut Vec<String>) -> Result<(ApiKey, Option<ApiKey>), Failure> {
        if let Some(key) = self.named(warnings)? {
            return Ok((key.clone(), Some(key)));
        }
        let given = self.around.variable("TECTON_API_KEY");
        let key = given.or_else(|| self.kept("TECTON_API_KEY"));
        let key = key.map(|key| ApiKey::new(key).map_err(|problem| Failure::new(CONNECTION, problem))).transpose()?;
        let for_features = key.clone().filter(|_| given.is_some() || self.feature_is_home(warnings));
        let expired = match self.token() {
            None => None,
            Some((token, None)) => {
                let token = ApiKey::bearer(token).map_err(|problem| Failure::new(CONNECTION, problem))?;
                self.warn_of_tokens(warnings);
                return Ok((token, for_features));
            }
            Some((_, Some(expired))) => Some(expired),
        };
        match (key, expired) {
            (Some(key), expired) => {
                warnings.extend(expired.map(|expired| format!("{expired} The API key is used in its place.")));
                Ok((key, for_features))
            }
            (None, Some(expired)) => {
                Err(refused(expired, "Log in again with Tecton's own command line, or set TECTON_API_KEY."))
            }
            (None, None) => Err(self.missing()),
        }
    }

    /// The key that the command line or the profile names.
    fn named(&self, warnings: &mut Vec<String>) -> Result<Option<ApiKey>, Failure> {
        if let Some(file) = &self.args.api_key_file {
            return key_of(file, warnings).map(Some);
        }
        let Some(profile) = self.profile else { return Ok(None) };
        match &profile.key {
            None => Ok(None),
            Some(KeySource::File(file)) => key_of(file, warnings).map(Some),
            Some(KeySource::Variable(name)) => match self.around.variable(name) {
                Some(key) => ApiKey::new(key).map(Some).map_err(|problem| Failure::new(CONNECTION, problem)),
                None => {
                    let what = format!(
                        "The variable {name}, which holds the API key of the profile `{}`, is not set.",
                        profile.name
                    );
                    Err(refused(what, format!("Set {name} to the key.")))
                }
            },
        }
    }

    /// The token of a login, and why it is of no use any more.
    fn token(&self) -> Option<(&str, Option<String>)> {
        if let Some(token) = self.around.variable("OAUTH_ACCESS_TOKEN") {
            return Some((token, None));
        }
        let token = self.kept("OAUTH_ACCESS_TOKEN")?;
        let ends = self.kept("OAUTH_ACCESS_TOKEN_EXPIRATION").and_then(|at| at.parse::<f64>().ok());
        let path = self.around.tokens_path.display();
        let expired =
            ends.is_some_and(|at| at <= self.around.now).then(|| format!("The login kept in {path} has expired."));
        Some((token, expired))
    }

    /// A secret in the files of Tecton's own tools. It is for the deployment that they name, and is sent to no other; where they
    /// name none, to none.
    fn kept(&self, name: &str) -> Option<&str> {
        self.around.kept(name).filter(|_| at_home(self.base, self.around))
    }

    /// Whether the feature server is the one of Tecton's own files, so that the key in them may be sent there.
    fn feature_is_home(&self, warnings: &mut Vec<String>) -> bool {
        let named = self.around.kept("FEATURE_SERVICE").and_then(|address| parse_url(address).ok());
        let ours = named.is_some_and(|url| url.origin() == self.feature.origin()) || at_home(self.feature, self.around);
        if !ours && self.around.variable("TECTON_API_KEY").is_none() && self.kept("TECTON_API_KEY").is_some() {
            let at = self.feature.origin().ascii_serialization();
            warnings.push(format!("The API key that is kept for {} is not sent to the feature server {at}: set TECTON_API_KEY to a key for it.", self.base));
        }
        ours
    }

    fn warn_of_tokens(&self, warnings: &mut Vec<String>) {
        if self.around.variable("OAUTH_ACCESS_TOKEN").is_none() {
            warnings.extend(loose(&self.around.tokens_path));
        }
    }

    fn missing(&self) -> Failure {
        let hint = "Set TECTON_API_KEY, or give a file with --api-key-file.";
        let what = format!("There is no API key for {}", self.base.origin().ascii_serialization());
        let kept = ["OAUTH_ACCESS_TOKEN", "TECTON_API_KEY"].iter().any(|name| self.around.kept(name).is_some());
        match self.around.kept("API_SERVICE") {
            Some(home) if kept => refused(format!("{what}: the login that is kept is for {home}."), hint),
            None if kept => {
                let path = self.around.tokens_path.display();
                let why = "the login that is kept names no deployment that it is for";
                refused(
                    format!("{what}: {why}."),
                    format!(
                        "Add the deployment to the configuration beside {path} as API_SERVICE, or {}",
                        lower_first(hint)
                    ),
                )
            }
            _ => refused(format!("{what}."), hint),
        }
    }
}

/// A sentence that goes on after a comma.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The key on the first line of a file.
fn key_of(file: &Path, warnings: &mut Vec<String>) -> Result<ApiKey, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let what = format!("The API key file {} cannot be read: {error}.", file.display());
        refused(what, "Give the path of a file with the key on its first line.")
    })?;
    warnings.extend(loose(file));
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    ApiKey::new(line.unwrap_or_default()).map_err(|problem| Failure::new(CONNECTION, problem))
}

/// The client's own certificate.
fn identity(profile: Option<&Profile>, around: &Surroundings) -> Result<Option<Identity>, Failure> {
    let of_profile = profile.and_then(|profile| profile.client_cert.clone().zip(profile.client_key.clone()));
    let set = |name| around.setting(name).map(PathBuf::from);
    let (certificate, key) = match of_profile {
        Some((certificate, key)) => (certificate, key),
        None => match (set("TECTON_CLIENT_CERT"), set("TECTON_CLIENT_KEY")) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate, key),
            _ => {
                let what = "A client's certificate goes with its private key, and only one of them is set.".to_owned();
                let hint = "Set both TECTON_CLIENT_CERT and TECTON_CLIENT_KEY, or neither.".to_owned();
                return Err(Failure::usage(&Problem { what, hint }));
            }
        },
    };
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            let what = format!("The client's certificate or key {} cannot be read: {error}.", path.display());
            Failure::usage(&Problem { what, hint: "Check its path and permissions.".to_owned() })
        })
    };
    Identity::from_pem(&read(&certificate)?, &read(&key)?).map(Some).map_err(|problem| Failure::usage(&problem))
}

/// Whom to trust besides the system's own authorities.
fn authorities(args: &TargetArgs, profile: Option<&Profile>, around: &Surroundings) -> Result<Authorities, Failure> {
    let named = args.ca_cert.as_deref().or(profile.and_then(|profile| profile.ca_cert.as_deref()));
    let Some(path) = named.or_else(|| around.variable("FVTOP_CA_CERT").map(Path::new)) else {
        return Ok(Authorities::default());
    };
    let text = std::fs::read(path).map_err(|error| {
        let what = format!("The certificates to trust in {} cannot be read: {error}.", path.display());
        let hint = "Check the path that --ca-cert, the profile or FVTOP_CA_CERT gives, and its permissions.".to_owned();
        Failure::usage(&Problem { what, hint })
    })?;
    Authorities::from_pem(&text).map_err(|problem| {
        let what = format!("{}: {}", path.display(), lower_first(&problem.what));
        Failure::usage(&Problem { what, ..problem })
    })
}

#[cfg(test)]
mod tests;
