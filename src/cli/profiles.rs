//! `fvtop profiles`: the deployments that the user gave names to, and how to write such a file. No secret is read or
//! printed.

use std::fmt::Write;

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::output::{note, print, print_json, table};
use super::profile::{KeySource, Profile, Profiles, SETTINGS};
use super::surroundings::profiles_path;

/// List the profiles: deployments by name.
#[derive(Args, Clone, Debug)]
pub struct ProfilesArgs {
    /// Print a file of profiles with every setting explained
    #[arg(long, conflicts_with = "json")]
    pub sample: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints them.
///
/// # Errors
/// When the file is there but something in it is wrong.
pub(crate) fn run(args: &ProfilesArgs) -> Result<(), Failure> {
    if args.sample {
        return print(&sample());
    }
    let named = std::env::var("FVTOP_CONFIG").ok().filter(|path| !path.trim().is_empty());
    let profiles = match profiles_path(named.as_deref()) {
        Some(path) => Profiles::read(&path)?,
        None => Profiles::default(),
    };
    if args.json {
        let default = profiles.default.as_deref();
        return print_json(&profiles.all.iter().map(|profile| as_json(profile, default)).collect());
    }
    if profiles.all.is_empty() {
        let path = profiles.path.display();
        note(&format!("There is no profile in {path}. `fvtop profiles --sample` prints how to write one."));
        return Ok(());
    }
    let headings = ["PROFILE", "URL", "WORKSPACE", "KEY", "COLOUR", "READ ONLY", "DEFAULT"];
    let rows: Vec<_> = profiles.all.iter().map(|profile| as_row(profile, profiles.default.as_deref())).collect();
    print(&table(&headings, &rows))
}

fn as_row(profile: &Profile, default: Option<&str>) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let yes_no = |flag| if flag { "yes" } else { "no" }.to_owned();
    let key = match &profile.key {
        Some(KeySource::Variable(name)) => format!("${name}"),
        Some(KeySource::File(path)) => path.display().to_string(),
        None => "-".to_owned(),
    };
    vec![
        profile.name.clone(),
        profile.url.clone().unwrap_or_else(|| "embedded".to_owned()),
        or_dash(&profile.workspace),
        key,
        or_dash(&profile.colour),
        yes_no(profile.read_only),
        yes_no(default == Some(profile.name.as_str())),
    ]
}

fn as_json(profile: &Profile, default: Option<&str>) -> serde_json::Value {
    let (key_env, key_file) = match &profile.key {
        Some(KeySource::Variable(name)) => (Some(name.clone()), None),
        Some(KeySource::File(path)) => (None, Some(path.display().to_string())),
        None => (None, None),
    };
    json!({
        "name": profile.name,
        "url": profile.url,
        "feature_url": profile.feature_url,
        "key_env": key_env,
        "key_file": key_file,
        "workspace": profile.workspace,
        "colour": profile.colour,
        "read_only": profile.read_only,
        "client_cert": profile.client_cert.as_ref().map(|path| path.display().to_string()),
        "ca_cert": profile.ca_cert.as_ref().map(|path| path.display().to_string()),
        "default": default == Some(profile.name.as_str()),
    })
}

/// A file with every setting and what it is for; as it stands it has two profiles.
pub(crate) fn sample() -> String {
    let mut text =
        "# Taken when neither an option nor the environment names a deployment.\n# default = \"example\"\n\n"
            .to_owned();
    let colours: Vec<&str> = crate::tui::theme::profile_colours().collect();
    text.push_str("# fvtop --profile example\n[profile.example]\n");
    for (name, example, sentence) in SETTINGS {
        // One of the two places for a key is enough, and few deployments want certificates.
        let off = if matches!(*name, "key_file" | "client_cert" | "client_key" | "ca_cert" | "feature_url" | "patience")
        {
            "# "
        } else {
            ""
        };
        let choice = if *name == "colour" { format!(" One of {}.", colours.join(", ")) } else { String::new() };
        // A text cannot fail to be written to.
        let _ = writeln!(text, "# {sentence}{choice}\n{off}{name} = {example}");
    }
    text.push_str("\n# The platform inside this program.\n[profile.local]\ncolour = \"green\"\n");
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_sample_can_be_read_and_has_every_setting() {
        let found = Profiles::parse(Path::new("config.toml"), &sample()).unwrap();
        let names: Vec<_> = found.all.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names, ["example", "local"]);
        for (name, _, sentence) in SETTINGS {
            assert!(sample().contains(&format!("{name} = ")) && sample().contains(sentence), "{name}");
            assert!(sentence.ends_with('.'), "{sentence}");
        }
        // What is commented out can be read as well, one place for the key taken away.
        let whole = sample().lines().filter(|line| !line.contains("key_env =")).collect::<Vec<_>>().join("\n");
        let whole = whole.replace("# default", "default").replace("# key_", "key_").replace("# client_", "client_");
        let found = Profiles::parse(Path::new("config.toml"), &whole.replace("# feature_", "feature_")).unwrap();
        assert_eq!(found.default.as_deref(), Some("example"));
        assert!(found.all[0].client_key.is_some() && found.all[0].feature_url.is_some());
    }

    #[test]
    fn the_readme_has_the_sample() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&sample()), "put this into README.md:\n{}", sample());
    }

    #[test]
    fn no_secret_is_listed() {
        let key = Some(KeySource::Variable("PROD_KEY".to_owned()));
        let profile = Profile { name: "prod".to_owned(), key, ..Profile::default() };
        assert_eq!(as_row(&profile, Some("prod")), ["prod", "embedded", "-", "$PROD_KEY", "-", "no", "yes"]);
    }
}
