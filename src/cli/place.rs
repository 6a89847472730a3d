//! Where keys and the audit log are: in the files of a data directory, or behind a deployment's calls.
//!
//! The files work whether a server runs on them or not; they are how the first key is made.

use std::path::PathBuf;

use super::failure::{FAILED, Failure};
use super::session::Session;
use super::surroundings::Surroundings;
use super::target::{Target, TargetArgs, resolve};
use crate::client::api::access::AuditWanted;
use crate::client::message::Problem;
use crate::client::query::not_served;
use crate::model::{Id, Role, Time};
use crate::platform::access::{Access, AuditQuery, Deed, LastOwner, Outcome};
use crate::platform::{access, data_dir};
use crate::wire::access::{AuditRow, KeyInfo, KeyMade, NewKey};
use crate::wire::status;

/// Where they are.
pub enum Place {
    /// In the files of this directory.
    Files {
        /// The directory.
        dir: PathBuf,
        /// Its files.
        access: Box<Access>,
    },
    /// Behind the calls of a deployment.
    Deployment {
        /// The deployment.
        session: Box<Session>,
        /// The path of its own calls, where it has any.
        own_api: Option<String>,
    },
}

impl Place {
    /// The place that the options name: the directory of `--data-dir` unless there is a `--url` or a `--profile`, else
    /// the deployment.
    /// `make`: the directory may be one that holds no keys yet.
    ///
    /// # Errors
    /// When neither is named, the files cannot be used, or the deployment is not reached or refuses.
    pub async fn open(args: &TargetArgs, make: bool) -> Result<Self, Failure> {
        if let (None, None, Some(dir)) = (&args.url, &args.profile, &args.data_dir) {
            if !make && !dir.join("access.sqlite").exists() {
                let text =
                    format!("There are no API keys in {}: it is not the data directory of a platform.", dir.display());
                return Err(Failure::new(FAILED, text));
            }
            data_dir::claim(dir).map_err(|error| Failure::new(FAILED, format!("{error}.")))?;
            let access = Box::new(Access::open(dir).map_err(failed)?);
            return Ok(Self::Files { dir: dir.clone(), access });
        }
        if let Target::Embedded { .. } = resolve(args, &Surroundings::of_program()?)?.target {
            return Err(Failure::usage(&Problem {
                what: "It is not said whose keys are meant.".to_owned(),
                hint: "Name a deployment with --url or --profile, or a platform's data directory with --data-dir."
                    .to_owned(),
            }));
        }
        let session = Box::new(Session::open(args).await?);
        match session.api.deployment().await {
            Ok(deployment) => Ok(Self::Deployment { session, own_api: deployment.own_api }),
            Err(error) => Err(error.into()),
        }
    }

    /// What it is called in a sentence.
    pub fn label(&self) -> String {
        match self {
            Self::Files { dir, .. } => dir.display().to_string(),
            Self::Deployment { session, .. } => session.api.endpoint().label(),
        }
    }

    /// All keys, also the revoked ones.
    ///
    /// # Errors
    /// When they cannot be read, or the deployment refuses.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, Failure> {
        match self {
            Self::Files { access, .. } => {
                Ok(access.keys.list().map_err(failed)?.into_iter().map(KeyInfo::from).collect())
            }
            Self::Deployment { session, own_api } => Ok(session.api.keys(own_api.as_deref()).await?),
        }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// When its name or role cannot be had, or it cannot be made.
    pub async fn create(&self, new: NewKey, role: Role) -> Result<KeyMade, Failure> {
        match self {
            Self::Files { access, .. } => {
                let words = format!("name {}, role {}", new.name, role.name());
                let (name, description) = (new.name, new.description);
                let created_by = who();
                let new = access::NewKey { name, description, role, created_by };
                let make = |now| access.keys.create(new, now);
                let (key, secret) = on_record(access, "fvtop keys create", words, make)?;
                Ok(KeyMade { key: secret.reveal().to_owned(), info: key.into() })
            }
            Self::Deployment { session, own_api } => {
                session.may_change()?;
                Ok(session.api.create_key(own_api.as_deref(), &new).await?)
            }
        }
    }

    /// Revokes a key. In the files the last owner key may go as well.
    ///
    /// # Errors
    /// When it is not there or stays, or cannot be revoked.
    pub async fn revoke(&self, id: Id) -> Result<(), Failure> {
        match self {
            Self::Files { access, .. } => {
                let revoke = |now| access.keys.revoke(&id.to_string(), LastOwner::MayGo, now);
                on_record(access, "fvtop keys revoke", format!("key {id}"), revoke).map(drop)
            }
            Self::Deployment { session, own_api } => {
                session.may_change()?;
                Ok(session.api.revoke_key(own_api.as_deref(), id).await?)
            }
        }
    }

    /// The newest entries of the audit log, the newest first.
    ///
    /// # Errors
    /// When they cannot be read, or the deployment has no audit log or refuses.
    pub async fn audit(&self, wanted: AuditWanted) -> Result<Vec<AuditRow>, Failure> {
        match self {
            Self::Files { access, .. } => {
                let AuditWanted { limit, since, key } = wanted;
                let entries = access.audit.list(&AuditQuery { limit, since, key }).map_err(failed)?;
                Ok(entries.into_iter().map(AuditRow::from).collect())
            }
            Self::Deployment { session, own_api } => {
                let own_api = own_api.as_deref().ok_or_else(|| not_served(&session.api))?;
                Ok(session.api.audit(own_api, &wanted).await?)
            }
        }
    }

    /// Lets go of it.
    pub async fn close(self) {
        if let Self::Deployment { session, .. } = self {
            session.close().await;
        }
    }
}

/// Makes a change of the files, on the record.
fn on_record<T>(
    access: &Access,
    call: &str,
    words: String,
    work: impl FnOnce(Time) -> Result<T, access::AccessError>,
) -> Result<T, Failure> {
    let now = chrono::Utc::now();
    let deed = Deed { name: who(), call: call.to_owned(), words, ..Deed::default() };
    let entry = access.audit.begin(&deed, now).map_err(failed)?;
    let done = work(now);
    let (code, sentence) = match &done {
        Ok(_) => (status::OK, String::new()),
        Err(error) => (status::INVALID_ARGUMENT, error.to_string()),
    };
    access.audit.end(entry, &Outcome { at: chrono::Utc::now(), code, sentence }).map_err(failed)?;
    done.map_err(failed)
}

/// Who works on the files: whoever may write them, by the name that the environment gives.
fn who() -> String {
    let user = std::env::var("USER").unwrap_or_default();
    let user: String = crate::model::clean(user.trim()).chars().take(64).collect();
    if user.is_empty() { "data directory".to_owned() } else { format!("{user} (data directory)") }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(FAILED, error)
}
