//! How the streams of a deployment do, and reading one anew from another place (`/v1/fvtop/streams`).

use super::Api;
use super::own::below;
use crate::client::error::{Error, Kind};
use crate::client::scrub::Scrub;
use crate::client::serves::Part;
use crate::model::StreamFigures;
use crate::wire::streams::{RESTART, RestartAnswer, RestartAsked, STREAMS, StreamList};

impl Api {
    /// How the streams of a workspace do, or that of one view alone.
    pub(crate) async fn streams(
        &self,
        own_api: &str,
        workspace: &str,
        view: Option<&str>,
    ) -> Result<Vec<StreamFigures>, Error> {
        let mut query = vec![("workspace", workspace)];
        query.extend(view.map(|view| ("view", view)));
        let path = below(own_api, STREAMS);
        let call = || self.transport.get::<StreamList>(&path, &query, self.transport.brief());
        let asked = async {
            // A list that asks for nothing special is refused by none but a release that has no such path.
            self.persist(call).await.map_err(|error| match error.kind {
                Kind::Answered => Error::of(Kind::Unimplemented, Part::Streams.not_served()),
                _ => error,
            })
        };
        let streams = self.noted(Some(Part::Streams), asked).await?.streams;
        Ok(streams.into_iter().map(StreamFigures::from).collect::<Vec<_>>().scrubbed())
    }

    /// Reads a stream anew from another place, or says what that would do. Never retried.
    pub(crate) async fn restart_stream(&self, own_api: &str, asked: &RestartAsked) -> Result<RestartAnswer, Error> {
        let answered = self.transport.post_once(&below(own_api, RESTART), asked).await;
        let mut answer: RestartAnswer =
            answered.map_err(|error: Error| if asked.dry_run { error } else { error.maybe_taken() })?;
        answer.effect.scrub();
        answer.job_id.scrub();
        Ok(answer)
    }
}
