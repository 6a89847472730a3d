//! What the tests of this room share.

use crate::model::{BatchTrigger, DataType, FeatureView, Id, Job, JobState, JobType, JoinKey, ViewKind};

/// A live view `v` of `prod` with these join keys.
pub(super) fn view(join_keys: &[(&str, DataType)]) -> FeatureView {
    let key = |(name, data_type): &(&str, DataType)| JoinKey { name: (*name).to_owned(), data_type: data_type.clone() };
    FeatureView {
        id: Id(1),
        name: "v".to_owned(),
        workspace: "prod".to_owned(),
        description: String::new(),
        owner: String::new(),
        family: String::new(),
        tags: Default::default(),
        entities: Vec::new(),
        data_sources: Vec::new(),
        join_keys: join_keys.iter().map(key).collect(),
        online_serving_index: join_keys.iter().map(|(name, _)| (*name).to_owned()).collect(),
        timestamp_field: None,
        features: Vec::new(),
        kind: ViewKind::Other,
        is_stream: true,
        online: true,
        offline: true,
        materialization_enabled: true,
        batch_schedule: None,
        feature_start_time: None,
        max_data_delay: None,
        batch_trigger: BatchTrigger::Manual,
        created_at: None,
        defined_in: String::new(),
        url: String::new(),
    }
}

/// A batch job of that view in that state.
pub(super) fn job(state: JobState) -> Job {
    Job {
        id: Id(7),
        workspace: "prod".to_owned(),
        feature_view: "v".to_owned(),
        job_type: JobType::Batch,
        state,
        window: None,
        online: true,
        offline: true,
        created_at: None,
        updated_at: None,
        next_attempt_at: None,
        attempts: Vec::new(),
        allowed: Default::default(),
    }
}
