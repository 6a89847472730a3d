//! `delete_keys` (docs/wire.md section 2.6): where the keys go, the keys, and the word to delete them.
//!
//! The addresses that the deployment gives for the keys are secrets: whoever has one may write there. They are never
//! shown, logged or sent anywhere else.

use std::collections::HashSet;
use std::time::Duration;

use polars::prelude::DataFrame;
use tokio_util::bytes::Bytes;
use url::Url;

use super::{Api, locator};
use crate::client::error::{Error, Kind};
use crate::client::keys;
use crate::client::message::{KeySet, Table};
use crate::client::transport::blocking;
use crate::model::{DeletionStarted, FeatureView, Id, Job, JobType, Stores, clean};
use crate::wire::convert::{self as c, keys as files};
use crate::wire::proto::deletion as d;
use crate::wire::rpc;

/// Limit for sending the keys of one store, over a slow link.
const UPLOAD: Duration = Duration::from_secs(600);

impl Api {
    /// Deletes keys from the chosen stores: sends them, and starts a job for each store. Nothing is retried once the
    /// deployment was told to delete, for it may have been taken although no answer came.
    pub async fn delete_keys(
        &self,
        view: &FeatureView,
        keys: &KeySet,
        stores: Stores,
    ) -> Result<DeletionStarted, Error> {
        keys::check(view, stores).map_err(|problem| Error::of(Kind::Answered, problem))?;
        let before = self.deletions(view).await?;
        let request = self.send_keys(view, keys, stores).await?;
        let answer: d::DeleteEntitiesResponse = self.transport.change(rpc::DELETE_ENTITIES, &request).await?;
        let named: Vec<Id> = answer.job_ids.iter().filter_map(|id| id.parse().ok()).collect();
        Ok(self.started(view, stores, &named, &before).await)
    }

    /// Sends the keys to where the deployment wants them, and gives the request to delete them.
    async fn send_keys(
        &self,
        view: &FeatureView,
        keys: &KeySet,
        stores: Stores,
    ) -> Result<d::DeleteEntitiesRequest, Error> {
        let request = d::GetDeleteEntitiesInfoRequest { feature_definition_id: Some(c::id_to_proto(view.id)) };
        let place: d::GetDeleteEntitiesInfoResponse = self.read(rpc::GET_DELETE_ENTITIES_INFO, &request).await?;
        let folder = place.df_path.unwrap_or_default();
        let path = |store: &str| format!("{}/{store}", folder.trim_end_matches('/'));
        if stores.offline {
            let url = self.address(place.signed_url_for_df_upload_offline.as_deref())?;
            self.send(url, offline_file(keys).await?).await?;
        }
        if stores.online {
            let url = self.address(place.signed_url_for_df_upload_online.as_deref())?;
            self.send(url, online_file(view, keys).await?).await?;
        }
        Ok(d::DeleteEntitiesRequest {
            fco_locator: Some(locator(&view.workspace, view.id)),
            online: Some(stores.online),
            offline: Some(stores.offline),
            offline_join_keys_path: stores.offline.then(|| path("offline")),
            online_join_keys_full_path: stores.online.then(|| path("online")),
            ..Default::default()
        })
    }

    /// An address to send keys to. Where the deployment itself is reached in secret, so are they.
    fn address(&self, text: Option<&str>) -> Result<Url, Error> {
        let url = text.and_then(|text| Url::parse(text).ok()).filter(|url| matches!(url.scheme(), "http" | "https"));
        let none = || {
            let what = format!("{} has no address to send the keys to.", self.transport.label());
            Error::new(Kind::Answered, what, "Its version may be too old; delete the keys with Tecton's own SDK.")
        };
        let mut url = url.ok_or_else(none)?;
        if self.endpoint().url.scheme() == "https" && url.scheme() == "http" {
            url.set_scheme("https").map_err(|()| none())?;
        }
        Ok(url)
    }

    async fn send(&self, url: Url, keys: Bytes) -> Result<(), Error> {
        let call = || self.transport.put(url.clone(), keys.clone(), UPLOAD);
        self.persist(call).await
    }

    /// The deletion jobs that there are.
    async fn deletions(&self, view: &FeatureView) -> Result<HashSet<Id>, Error> {
        let jobs = self.list(&view.workspace, &view.name).await?;
        Ok(jobs.iter().filter(|job| job.job_type == JobType::Deletion).map(|job| job.id).collect())
    }

    /// The jobs that were started: those told, else, of a deployment that does not tell, those that were not there
    /// `before`.
    async fn started(&self, view: &FeatureView, stores: Stores, named: &[Id], before: &HashSet<Id>) -> DeletionStarted {
        let listed = self.list(&view.workspace, &view.name).await.unwrap_or_default();
        let new = |job: &&Job| job.job_type == JobType::Deletion && !before.contains(&job.id);
        let found: Vec<&Job> = match named {
            [] => listed.iter().filter(new).collect(),
            named => listed.iter().filter(|job| named.contains(&job.id)).collect(),
        };
        let jobs: Vec<Id> = if named.is_empty() { found.iter().map(|job| job.id).collect() } else { named.to_vec() };
        if jobs.is_empty() {
            let note = "The deployment does not tell its deletion jobs: look at the job list.".to_owned();
            return DeletionStarted { jobs, notes: vec![note] };
        }
        // A store that the view was never materialized in has no job; the answer has no words for that.
        let known = found.len() == jobs.len();
        let left_out = |wanted, has: fn(&Job) -> bool| known && wanted && !found.iter().any(|job| has(job));
        let stores = [
            ("online", left_out(stores.online, |job| job.online)),
            ("offline", left_out(stores.offline, |job| job.offline)),
        ];
        let note = |name| format!("The {name} store was left out: nothing of the view was ever written there.");
        let notes = stores.into_iter().filter(|(_, left_out)| *left_out).map(|(name, _)| note(name)).collect();
        DeletionStarted { jobs, notes }
    }
}

async fn offline_file(KeySet { table: Table(keys), .. }: &KeySet) -> Result<Bytes, Error> {
    let keys: DataFrame = keys.as_ref().clone();
    let file = blocking(move || files::offline_keys_to_file(&keys)).await?;
    file.map(Bytes::from).map_err(|error| unwritten(&error.to_string()))
}

async fn online_file(view: &FeatureView, KeySet { table: Table(keys), .. }: &KeySet) -> Result<Bytes, Error> {
    let keys: DataFrame = keys.as_ref().clone();
    let names: Vec<String> = view.join_keys.iter().map(|key| key.name.clone()).collect();
    let file = blocking(move || files::online_keys_to_file(&keys, &names)).await?;
    file.map(Bytes::from).ok_or_else(|| unwritten("a join key is missing"))
}

fn unwritten(why: &str) -> Error {
    Error::new(Kind::Answered, format!("The keys cannot be sent: {}.", clean(why)), "Nothing was deleted.")
}
