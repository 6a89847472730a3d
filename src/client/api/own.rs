//! The calls that Tecton's protocol does not have: queries, uploaded tables, datasets (`/v1/fvtop/`).
//!
//! `own_api` is always the path that [`Api::deployment`] told. Tables come back as they are: text in their cells and
//! the names of their columns are cleaned by whoever shows them. Whatever turns bytes into tables runs on blocking
//! threads.

use std::time::Duration;

use polars::prelude::DataFrame;
use tokio_util::bytes::Bytes;

use super::Api;
use crate::client::error::{Error, Kind};
use crate::client::scrub::Scrub;
use crate::client::serves::Part;
use crate::client::transport::blocking;
use crate::wire::arrow::{self, CONTENT_TYPE};
use crate::wire::queries::{
    Dataset, DatasetList, FRAME_LIMIT, FrameAnswer, LONGEST_WAIT_MS, QueryAccepted, QueryRequest, QueryStatus,
    is_plain_name,
};

/// Limit for the upload of a table.
const UPLOAD: Duration = Duration::from_secs(600);
/// The largest table that is fetched, as it travels, in bytes.
const LARGEST_ROWS: usize = 1 << 30;
/// The most bytes that a fetched table may take in memory.
const LARGEST_TABLE: u64 = 4 << 30;

impl Api {
    /// Uploads a table for the queries that will name it, and gives its id. Tried again like a read: a table that
    /// arrives twice is forgotten twice.
    pub async fn upload_frame(&self, own_api: &str, table: DataFrame) -> Result<FrameAnswer, Error> {
        let bytes = blocking(move || arrow::encode(&table)).await?.map_err(|error| {
            Error::new(Kind::Answered, format!("The table cannot be sent: {error}."), "Leave that column out.")
        })?;
        if bytes.len() > FRAME_LIMIT {
            let (has, most) = (bytes.len() >> 20, FRAME_LIMIT >> 20);
            let what = format!("The table takes {has} MiB on the way; a deployment takes at most {most} MiB.");
            return Err(Error::new(Kind::Answered, what, "Use fewer rows or columns at a time."));
        }
        let bytes = Bytes::from(bytes);
        let path = below(own_api, "frames");
        let call = || self.transport.post_bytes::<FrameAnswer>(&path, bytes.clone(), CONTENT_TYPE, UPLOAD);
        self.persist(call).await
    }

    /// Starts a query and gives its id. Never retried: it may have been taken although no answer came.
    pub async fn start_query(&self, own_api: &str, request: &QueryRequest) -> Result<String, Error> {
        let path = below(own_api, "queries");
        let answer: QueryAccepted = self.noted(Some(Part::Queries), self.transport.post_once(&path, request)).await?;
        Ok(answer.query_id)
    }

    /// Where a query stands, when that has changed or `wait` is over (at most 10 s).
    pub async fn query_status(&self, own_api: &str, id: &str, wait: Duration) -> Result<QueryStatus, Error> {
        let path = below(own_api, &format!("queries/{id}"));
        let wait = u64::try_from(wait.as_millis()).unwrap_or(LONGEST_WAIT_MS).min(LONGEST_WAIT_MS);
        let (wait_ms, limit) = (wait.to_string(), self.transport.brief() + Duration::from_millis(wait));
        let query = [("wait_ms", wait_ms.as_str())];
        let call = || self.transport.get::<QueryStatus>(&path, &query, limit);
        let status = self.persist(call).await?;
        Ok(status.scrubbed())
    }

    /// The rows of a query that is done.
    pub async fn query_rows(&self, own_api: &str, id: &str) -> Result<DataFrame, Error> {
        self.rows(&below(own_api, &format!("queries/{id}/rows")), &[]).await
    }

    /// Cancels a query. Cancelling again is harmless.
    pub async fn cancel_query(&self, own_api: &str, id: &str) -> Result<QueryStatus, Error> {
        let path = below(own_api, &format!("queries/{id}"));
        let call = || self.transport.delete::<QueryStatus>(&path, self.transport.brief());
        let status = self.persist(call).await?;
        Ok(status.scrubbed())
    }

    /// The datasets of a workspace.
    pub async fn datasets(&self, own_api: &str, workspace: &str) -> Result<DatasetList, Error> {
        let path = below(own_api, "datasets");
        let query = [("workspace", workspace)];
        let call = || self.transport.get::<DatasetList>(&path, &query, self.transport.brief());
        Ok(self.noted(Some(Part::Datasets), self.persist(call)).await?.scrubbed())
    }

    /// What is known of a dataset.
    pub async fn dataset(&self, own_api: &str, workspace: &str, name: &str) -> Result<Dataset, Error> {
        let path = dataset_path(own_api, workspace, name)?;
        let query = [("workspace", workspace)];
        let call = || self.transport.get::<Dataset>(&path, &query, self.transport.brief());
        Ok(self.persist(call).await?.scrubbed())
    }

    /// The rows of a dataset.
    pub async fn dataset_rows(&self, own_api: &str, workspace: &str, name: &str) -> Result<DataFrame, Error> {
        let path = format!("{}/rows", dataset_path(own_api, workspace, name)?);
        self.rows(&path, &[("workspace", workspace)]).await
    }

    /// A table, tried again from its beginning when the link breaks.
    async fn rows(&self, path: &str, query: &[(&str, &str)]) -> Result<DataFrame, Error> {
        let call = || self.transport.fetch(path, query, LARGEST_ROWS);
        let bytes = self.persist(call).await?;
        blocking(move || arrow::decode(&bytes, LARGEST_TABLE)).await?.map_err(|error| {
            let what = format!("{} sent a table that cannot be read: {error}.", self.transport.label());
            Error::new(Kind::Failed, what, "Try again; the deployment's own log may say more.")
        })
    }
}

pub(super) fn below(own_api: &str, path: &str) -> String {
    format!("{}/{path}", own_api.trim_matches('/'))
}

/// A name that could be none is not sent: it would be another path.
fn dataset_path(own_api: &str, workspace: &str, name: &str) -> Result<String, Error> {
    if is_plain_name(name) {
        return Ok(below(own_api, &format!("datasets/{name}")));
    }
    let what = format!("There is no dataset `{name}` in workspace `{workspace}`: no dataset can have that name.");
    Err(Error::new(Kind::Answered, what, "`fvtop datasets list` shows those there are."))
}
