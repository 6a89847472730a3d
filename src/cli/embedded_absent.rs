//! What stands for the embedded platform in a program that is the console alone: it says so, and what to do.
//!
//! It has the names of `embedded.rs`, so that nobody else asks which program this is.

use std::convert::Infallible;
use std::time::Duration;

use clap::Args;

use super::target::TargetArgs;
use crate::client::Endpoint;
use crate::client::message::Problem;

/// Options of the embedded platform: none.
#[derive(Args, Clone, Debug, Default)]
pub struct EmbeddedArgs {}

impl EmbeddedArgs {
    /// Whether it is named as the deployment to talk to: never.
    pub fn is_named(&self) -> bool {
        false
    }
}

/// A platform that never runs.
pub(crate) struct Embedded(Infallible);

/// How it would be started: never.
#[derive(Clone, Debug)]
pub(crate) struct Setup(Infallible);

impl Setup {
    /// Refuses in a sentence.
    ///
    /// # Errors
    /// Always.
    pub(crate) fn new(_: &TargetArgs, _: Option<String>) -> Result<Self, Problem> {
        Err(Problem {
            what: "No deployment is named, and this program is the console alone, without a platform in it.".to_owned(),
            hint: "Name one with --url, a profile or API_SERVICE; the whole program starts a platform of its own."
                .to_owned(),
        })
    }
}

impl Embedded {
    /// Never called: there is no setup to start with.
    ///
    /// # Errors
    /// Never.
    #[expect(clippy::unused_async, reason = "it stands for the one that waits")]
    pub(crate) async fn start(setup: Setup) -> Result<Self, Problem> {
        match setup.0 {}
    }

    /// Never called.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self.0 {}
    }

    /// Never called.
    #[expect(clippy::unused_async, reason = "it stands for the one that waits")]
    pub(crate) async fn stop(self, _: Duration) {
        match self.0 {}
    }
}
