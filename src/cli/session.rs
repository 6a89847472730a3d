//! What every headless command begins and ends with: reach the deployment, find the workspace, stop what was started.

use std::time::Duration;

use super::embedded::{Embedded, Setup};
use super::failure::{CONNECTION, FAILED, Failure};
use super::output::note;
use super::surroundings::Surroundings;
use super::target::{Target, TargetArgs, resolve};
use crate::client::message::Part;
use crate::client::{Api, Kind};
use crate::model::Workspace;

/// Tries more, after the first, of a read that does not get through.
const RETRIES: usize = 2;
/// How long the embedded platform may take to stop after a headless command.
const STOP: Duration = Duration::from_millis(1_000);

/// A deployment that was reached, and the workspace that is meant.
pub struct Session {
    /// The deployment's calls.
    pub api: Api,
    /// The workspace.
    pub workspace: String,
    /// The profile that allows nothing that changes the deployment.
    locked_by: Option<String>,
    embedded: Option<Embedded>,
}

impl Session {
    /// Reaches the deployment, starting the embedded one where it is meant, and settles the workspace.
    ///
    /// # Errors
    /// When it is not reached, does not accept the key, or does not have the workspace.
    pub async fn open(args: &TargetArgs) -> Result<Self, Failure> {
        let choice = resolve(args, &Surroundings::of_program()?)?;
        choice.warnings.iter().for_each(|warning| note(warning));
        let locked_by = choice.profile.as_ref().filter(|profile| profile.read_only).map(|profile| profile.name.clone());
        let (endpoint, embedded) = match choice.target {
            Target::Remote(endpoint) => (*endpoint, None),
            Target::Embedded { workspace } => {
                let failed = |problem| Failure::new(CONNECTION, problem);
                let setup = Setup::new(args, workspace).map_err(failed)?;
                let embedded = Embedded::start(setup).await.map_err(failed)?;
                (embedded.endpoint(), Some(embedded))
            }
        };
        let wanted = endpoint.workspace.clone();
        let api = Api::new(endpoint)?.with_retries(RETRIES);
        let workspace = match (api.workspaces().await, wanted) {
            // The list serves to tell of a wrong name; who names a workspace needs none.
            (Err(error), Some(wanted)) if !error.unsent && error.kind != Kind::Refused => Ok(wanted),
            (known, wanted) => known.map_err(Failure::from).and_then(|known| settle(wanted, &known)),
        };
        match workspace {
            Ok(workspace) => Ok(Self { api, workspace, locked_by, embedded }),
            Err(failure) => {
                // The errors of its definitions may be why.
                let errors = match failure.code {
                    FAILED => api.deployment().await.ok().and_then(|deployment| deployment.errors()),
                    _ => None,
                };
                stop(embedded).await;
                let Some(errors) = errors else { return Err(failure) };
                Err(Failure::new(failure.code, format!("{failure} {errors}")))
            }
        }
    }

    /// Does something with a deployment that is reached for it, and stops what was started whatever comes of it.
    ///
    /// # Errors
    /// As [`Session::open`], and as `work`.
    pub async fn run<T>(args: &TargetArgs, work: impl AsyncFnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let session = Self::open(args).await?;
        let done = work(&session).await;
        session.close().await;
        done
    }

    /// As [`Session::run`], for what changes the deployment.
    ///
    /// # Errors
    /// As [`Session::run`], and when the profile is read-only.
    pub async fn change<T>(
        args: &TargetArgs,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        Self::run(args, async |session| {
            session.may_change()?;
            work(session).await
        })
        .await
    }

    /// Lets only those through who may change the deployment.
    ///
    /// # Errors
    /// When the profile is read-only.
    pub fn may_change(&self) -> Result<(), Failure> {
        let Some(profile) = &self.locked_by else { return Ok(()) };
        let what = format!("The profile `{profile}` is read-only: nothing was changed.");
        Err(Failure::new(FAILED, format!("{what} Take another profile, or take read_only out of this one.")))
    }

    /// The path of the deployment's own calls, for that part of them.
    ///
    /// # Errors
    /// When the deployment is not reached or has none.
    pub(super) async fn own_api(&self, part: Part) -> Result<String, Failure> {
        let own_api = self.api.deployment().await?.own_api;
        own_api.ok_or_else(|| Failure::new(FAILED, part.not_served()))
    }

    /// Tells the definitions that the deployment refuses: what is listed lacks what they define.
    pub(super) async fn note_refused(&self) {
        let notices = self.api.deployment().await.map(|deployment| deployment.notices).unwrap_or_default();
        notices.iter().for_each(|notice| note(&format!("refused: {notice}")));
    }

    /// Stops what was started.
    pub async fn close(self) {
        stop(self.embedded).await;
    }
}

async fn stop(embedded: Option<Embedded>) {
    if let Some(embedded) = embedded {
        embedded.stop(STOP).await;
    }
}

/// The workspace that is meant: the one asked for, else the first live one, else the first.
fn settle(wanted: Option<String>, known: &[Workspace]) -> Result<String, Failure> {
    let Some(wanted) = wanted else {
        let first = known.iter().find(|workspace| workspace.live).or(known.first());
        let none = || Failure::new(FAILED, "The deployment has no workspace that this key may see.");
        return first.map(|workspace| workspace.name.clone()).ok_or_else(none);
    };
    if known.iter().any(|workspace| workspace.name == wanted) {
        return Ok(wanted);
    }
    let names: Vec<_> = known.iter().map(|workspace| workspace.name.as_str()).collect();
    Err(Failure::new(FAILED, format!("There is no workspace `{wanted}`. Those there are: {}.", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_live_workspace_is_taken_and_an_unknown_one_is_named() {
        let known = [("dev", false), ("prod", true)].map(|(name, live)| Workspace { name: name.into(), live });
        assert_eq!(settle(None, &known).unwrap(), "prod");
        assert_eq!(settle(Some("dev".into()), &known).unwrap(), "dev");
        let failure = settle(Some("nope".into()), &known).unwrap_err();
        assert!(failure.text.contains("`nope`") && failure.text.contains("dev, prod"));
        assert!(settle(None, &[]).is_err());
    }
}
