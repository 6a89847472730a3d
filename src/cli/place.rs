//! Where keys and the audit log are: in the files of a data directory, or behind a deployment's calls.
//!
//! The files work whether a server runs on them or not; they are how the first key is made.

use std::path::Path;

use super::failure::Failure;
#[cfg(feature = "platform")]
use super::key_files::KeyFiles;
use super::session::Session;
use super::surroundings::Surroundings;
use super::target::{Target, TargetArgs, resolve};
use crate::client::api::access::AuditWanted;
use crate::client::message::Problem;
use crate::client::query::not_served;
use crate::model::Id;
use crate::wire::access::{AuditRow, KeyInfo, KeyMade, NewKey};

/// What to name where nothing is.
const NAME_ONE: &str = if cfg!(feature = "platform") {
    "Name a deployment with --url or --profile, or a platform's data directory with --data-dir."
} else {
    "Name a deployment with --url or --profile."
};

/// Where they are.
pub(crate) enum Place {
    /// In the files of a data directory.
    #[cfg(feature = "platform")]
    Files(KeyFiles),
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
    pub(crate) async fn open(args: &TargetArgs, make: bool) -> Result<Self, Failure> {
        #[cfg(feature = "platform")]
        if let (None, None, Some(dir)) = (&args.url, &args.profile, &args.embedded.data_dir) {
            return KeyFiles::open(dir, make).map(Self::Files);
        }
        #[cfg(not(feature = "platform"))]
        let _ = make;
        if let Target::Embedded { .. } = resolve(args, &Surroundings::of_program()?)?.target {
            return Err(Failure::usage(&Problem {
                what: "It is not said whose keys are meant.".to_owned(),
                hint: NAME_ONE.to_owned(),
            }));
        }
        let session = Box::new(Session::open(args).await?);
        match session.api.deployment().await {
            Ok(deployment) => Ok(Self::Deployment { session, own_api: deployment.own_api }),
            Err(error) => Err(error.into()),
        }
    }

    /// What it is called in a sentence.
    pub(crate) fn label(&self) -> String {
        match self {
            #[cfg(feature = "platform")]
            Self::Files(files) => files.dir().display().to_string(),
            Self::Deployment { session, .. } => session.api.endpoint().label(),
        }
    }

    /// The data directory whose files they are in, where it is one.
    pub(crate) fn data_dir(&self) -> Option<&Path> {
        match self {
            #[cfg(feature = "platform")]
            Self::Files(files) => Some(files.dir()),
            Self::Deployment { .. } => None,
        }
    }

    /// All keys, also the revoked ones.
    ///
    /// # Errors
    /// When they cannot be read, or the deployment refuses.
    pub(crate) async fn api_keys(&self) -> Result<Vec<KeyInfo>, Failure> {
        match self {
            #[cfg(feature = "platform")]
            Self::Files(files) => files.api_keys(),
            Self::Deployment { session, own_api } => Ok(session.api.api_keys(own_api.as_deref()).await?),
        }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// When its name or role cannot be had, or it cannot be made.
    pub(crate) async fn create(&self, new: NewKey) -> Result<KeyMade, Failure> {
        match self {
            #[cfg(feature = "platform")]
            Self::Files(files) => files.create(new),
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
    pub(crate) async fn revoke(&self, id: Id) -> Result<(), Failure> {
        match self {
            #[cfg(feature = "platform")]
            Self::Files(files) => files.revoke(id),
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
    pub(crate) async fn audit(&self, wanted: AuditWanted) -> Result<Vec<AuditRow>, Failure> {
        match self {
            #[cfg(feature = "platform")]
            Self::Files(files) => files.audit(wanted),
            Self::Deployment { session, own_api } => {
                let own_api = own_api.as_deref().ok_or_else(|| not_served(&session.api))?;
                Ok(session.api.audit(own_api, &wanted).await?)
            }
        }
    }

    /// Lets go of it.
    pub(crate) async fn close(self) {
        match self {
            #[cfg(feature = "platform")]
            Self::Files(_) => {}
            Self::Deployment { session, .. } => session.close().await,
        }
    }
}
