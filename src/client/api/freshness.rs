//! How fresh feature views are: one, or all of a workspace.

use futures::{StreamExt, TryStreamExt};

use super::{Api, Scrub, locator};
use crate::client::error::{Error, Kind};
use crate::model::{Freshness, Id};
use crate::wire::convert as c;
use crate::wire::proto::status as s;
use crate::wire::rpc;

/// Calls at the same time, where each view takes one.
const AT_ONCE: usize = 8;

impl Api {
    /// Freshness of a view.
    pub async fn freshness(&self, workspace: &str, id: Id) -> Result<Freshness, Error> {
        let request = s::GetFeatureFreshnessRequest { fco_locator: Some(locator(workspace, id)) };
        let answer: s::GetFeatureFreshnessResponse = self.read(rpc::GET_FEATURE_FRESHNESS, &request).await?;
        Ok(c::freshness_from_proto(&answer.freshness_status.unwrap_or_default()).scrubbed())
    }

    /// Freshness of all views of a workspace: in one call, or where the deployment does not have that, in one call a
    /// view.
    pub async fn all_freshness(&self, workspace: &str) -> Result<Vec<Freshness>, Error> {
        let request = s::GetAllFeatureFreshnessRequest { workspace: Some(workspace.to_owned()) };
        match self.read::<s::GetAllFeatureFreshnessResponse>(rpc::GET_ALL_FEATURE_FRESHNESS, &request).await {
            Ok(answer) => {
                Ok(answer.freshness_statuses.iter().map(|status| c::freshness_from_proto(status).scrubbed()).collect())
            }
            Err(error) if error.kind == Kind::Unimplemented => {
                let views = self.feature_views(workspace).await?;
                let calls = views.iter().map(|view| self.freshness(workspace, view.id));
                futures::stream::iter(calls).buffered(AT_ONCE).try_collect().await
            }
            Err(error) => Err(error),
        }
    }
}
