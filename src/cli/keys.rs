//! `fvtop keys`: who is let in, and what each may do.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use super::confirm;
use super::failure::{FAILED, Failure, USAGE};
use super::output::{note, print, print_json, table, time};
use super::place::Place;
use super::target::TargetArgs;
use crate::client::message::Problem;
use crate::model::{Id, Role};
use crate::wire::access::{KeyInfo, NewKey};

/// Whose keys are meant.
const PLACES: &str = if cfg!(feature = "platform") {
    "With --data-dir DIR (and neither --url nor --profile) the keys are those of the platform whose data directory DIR is, \
     whether it runs or not: the way to make the first key. Otherwise they are those of the deployment."
} else {
    "The keys are those of the deployment."
};

/// Make, list and revoke API keys.
#[derive(Args, Clone, Debug)]
pub struct KeysArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with API keys.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Make a key and print it, the only time that it is shown
    #[command(after_help = PLACES)]
    Create {
        /// Where the keys are.
        #[command(flatten)]
        target: TargetArgs,
        /// Its name; no other key that is let in may have it
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do: viewer, consumer, operator, editor or owner
        #[arg(long, value_name = "ROLE", value_parser = role)]
        role: Role,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// Say nothing but the key
        #[arg(long, conflicts_with = "json")]
        quiet: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the keys; none of them is shown
    #[command(after_help = PLACES)]
    List {
        /// Where the keys are.
        #[command(flatten)]
        target: TargetArgs,
        /// Also those that were revoked
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key: it is let in no longer, at once
    #[command(after_help = PLACES)]
    Revoke {
        /// Where the keys are.
        #[command(flatten)]
        target: TargetArgs,
        /// Its name or its id
        #[arg(value_name = "KEY")]
        key: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl KeysArgs {
    /// Where the keys are.
    pub fn target(&self) -> &TargetArgs {
        match &self.verb {
            Verb::Create { target, .. } | Verb::List { target, .. } | Verb::Revoke { target, .. } => target,
        }
    }
}

/// Does it.
///
/// # Errors
/// When the place is not reached or refuses, or there is no such key.
pub(crate) async fn run(args: KeysArgs) -> Result<(), Failure> {
    let place = Place::open(args.target(), matches!(args.verb, Verb::Create { .. })).await?;
    let done = perform(&place, args.verb).await;
    place.close().await;
    done
}

async fn perform(place: &Place, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create { name, role, description, quiet, json, .. } => {
            let new = NewKey { name, description, role: role.name().to_owned() };
            create(place, new, role, quiet, json).await
        }
        Verb::List { all, json, .. } => list(place, all, json).await,
        Verb::Revoke { key, yes, .. } => revoke(place, &key, yes).await,
    }
}

async fn create(place: &Place, new: NewKey, role: Role, quiet: bool, json: bool) -> Result<(), Failure> {
    let made = place.create(new).await?;
    if json {
        let mut object = as_json(&made.info);
        object["key"] = made.key.into();
        return print_json(&object);
    }
    if !quiet {
        let (name, place) = (&made.info.name, place.label());
        note(&format!("The API key `{name}` ({}) was made in {place}. It is shown this once; keep it.", role.name()));
    }
    print(&format!("{}\n", made.key))
}

async fn list(place: &Place, all: bool, json: bool) -> Result<(), Failure> {
    let api_keys: Vec<KeyInfo> = place.api_keys().await?.into_iter().filter(|key| all || key.active).collect();
    if json {
        return print_json(&api_keys.iter().map(as_json).collect());
    }
    let row = |key: &KeyInfo| {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let state = match (key.active, key.revoked_at) {
            (true, _) => "let in".to_owned(),
            (false, None) => "revoked".to_owned(),
            (false, at) => format!("revoked {}", time(at)),
        };
        vec![
            key.name.clone(),
            or_dash(&key.role),
            or_dash(&key.obscured),
            time(key.created_at),
            or_dash(&key.created_by),
            state,
            key.id.clone(),
            key.description.clone(),
        ]
    };
    let headings = ["NAME", "ROLE", "KEY", "CREATED", "BY", "STATE", "ID", "DESCRIPTION"];
    print(&table(&headings, &api_keys.iter().map(row).collect::<Vec<_>>()))
}

async fn revoke(place: &Place, wanted: &str, yes: bool) -> Result<(), Failure> {
    let api_keys = place.api_keys().await?;
    let key = find(&api_keys, wanted)?;
    if !key.active {
        note(&format!("the API key `{}` was revoked already", key.name));
        return Ok(());
    }
    let owner = |key: &&KeyInfo| key.active && key.role == Role::Owner.name();
    let last = owner(&key) && api_keys.iter().filter(owner).count() == 1;
    if !yes {
        agree(place, key, last).await?;
    }
    let id: Id = key.id.parse().map_err(|error| Failure::new(FAILED, format!("{error}.")))?;
    place.revoke(id).await?;
    note(&format!("the API key `{}` is let in no longer", key.name));
    if let Some(dir) = place.data_dir().filter(|_| last) {
        note(&format!("no owner key is left: {}", first_key(dir)));
    }
    Ok(())
}

/// How to make an owner key from nothing.
fn first_key(dir: &Path) -> String {
    format!("make one with `fvtop keys create NAME --role owner --data-dir {}`", dir.display())
}

async fn agree(place: &Place, key: &KeyInfo, last: bool) -> Result<(), Failure> {
    let role = if key.role.is_empty() { String::new() } else { format!(", {}", key.role) };
    let what = format!("the API key `{}` ({}{role}) of {}", key.name, key.obscured, place.label());
    let warning =
        if last { " It is the last owner key: nobody could make keys over the network any more." } else { "" };
    let question = format!("Revoke {what}? Whoever uses it is locked out at once.{warning}");
    let alone = || {
        Failure::usage(&Problem {
            what: format!("This would revoke {what}; there is no terminal to ask on.{warning}"),
            hint: "Give --yes to do it.".to_owned(),
        })
    };
    confirm::agree(&question, "Nothing was revoked.", alone).await
}

/// The key of that id; else the one of that name that is let in; else the one that was.
fn find<'a>(api_keys: &'a [KeyInfo], wanted: &str) -> Result<&'a KeyInfo, Failure> {
    if let Some(key) = api_keys.iter().find(|key| key.id == wanted) {
        return Ok(key);
    }
    let named: Vec<&KeyInfo> = api_keys.iter().filter(|key| key.name == wanted).collect();
    let active: Vec<&KeyInfo> = named.iter().copied().filter(|key| key.active).collect();
    match (active.as_slice(), named.as_slice()) {
        ([key], _) => Ok(key),
        ([], [.., key]) => Ok(key),
        (several, _) => Err(not_one(wanted, several)),
    }
}

/// For a key that more than one, or none, may be meant by.
fn not_one(name: &str, found: &[&KeyInfo]) -> Failure {
    if found.is_empty() {
        return Failure::new(FAILED, format!("There is no API key `{name}`. `fvtop keys list` shows those there are."));
    }
    let ids: Vec<_> = found.iter().map(|key| key.id.as_str()).collect();
    Failure::new(USAGE, format!("Several API keys are called `{name}`. Give the id of one: {}.", ids.join(", ")))
}

fn as_json(key: &KeyInfo) -> serde_json::Value {
    // Its own form is the wire's; it always has one.
    serde_json::to_value(key).unwrap_or_else(|_| json!({}))
}

fn role(word: &str) -> Result<Role, String> {
    Role::named(word).ok_or_else(|| {
        let known: Vec<_> = Role::ALL.into_iter().map(Role::name).collect();
        format!("the roles are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_meant_by_its_id_or_the_name_it_has_now() {
        let key = |id: &str, name: &str, active| KeyInfo {
            id: id.to_owned(),
            name: name.to_owned(),
            active,
            ..KeyInfo::default()
        };
        let api_keys = [key("1", "ci", false), key("2", "ci", true), key("3", "old", false), key("4", "2", true)];
        let found = |wanted: &str| find(&api_keys, wanted).map(|key| key.id.clone()).map_err(|failure| failure.code);
        assert_eq!((found("ci"), found("1"), found("old")), (Ok("2".into()), Ok("1".into()), Ok("3".into())));
        assert_eq!((found("2"), found("none")), (Ok("2".into()), Err(FAILED)));
        let twice = [key("1", "ci", true), key("2", "ci", true)];
        let failure = find(&twice, "ci").unwrap_err();
        assert!(failure.code == USAGE && failure.text.contains("1, 2"), "{failure}");
    }
}
