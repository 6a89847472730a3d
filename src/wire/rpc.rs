//! Full paths of the calls of this slice, as the envelope's `method` names them (wire messages, section 1).

use crate::model::Right;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $service:literal $method:literal $right:ident;)+) => {
        $($(#[$doc])* pub const $name: &str = concat!("/tecton_proto.", $service, "/", $method);)+
        /// All of them, with what each needs (wire section 1.8).
        pub const ALL: &[(&str, Right)] = &[$(($name, Right::$right)),+];
    };
}

/// What a call needs; absent for one that is not known here.
pub fn right(method: &str) -> Option<Right> {
    ALL.iter().find(|(known, _)| *known == method).map(|(_, right)| *right)
}

calls! {
    /// Configuration of the deployment; needs a valid key, so it is the probe for "is this address and key good".
    GET_CONFIGS = "metadataservice.MetadataService" "GetConfigs" ReadOrganization;
    /// How to log in; needs no key.
    GET_LOGIN_CONFIGS = "metadataservice.MetadataService" "GetLoginConfigs" Public;
    /// Nothing.
    NOP = "metadataservice.MetadataService" "Nop" AnyKey;
    /// Log lines of a client; answered at once.
    INGEST_CLIENT_LOGS = "metadataservice.MetadataService" "IngestClientLogs" ReadOrganization;
    /// Command line statistics of a client; answered at once.
    INGEST_ANALYTICS = "metadataservice.MetadataService" "IngestAnalytics" ReadOrganization;
    /// One workspace.
    GET_WORKSPACE = "metadataservice.MetadataService" "GetWorkspace" ReadConfig;
    /// All workspaces.
    LIST_WORKSPACES = "metadataservice.MetadataService" "ListWorkspaces" ReadConfig;
    /// One feature view by name or id.
    GET_FEATURE_VIEW = "metadataservice.MetadataService" "GetFeatureView" ReadConfig;
    /// All feature views of a workspace.
    QUERY_FEATURE_VIEWS = "metadataservice.MetadataService" "QueryFeatureViews" ReadConfig;
    /// The rows of a view's summary.
    GET_FEATURE_VIEW_SUMMARY = "metadataservice.MetadataService" "GetFeatureViewSummary" ReadMaterializationState;
    /// Freshness of one view.
    GET_FEATURE_FRESHNESS = "metadataservice.MetadataService" "GetFeatureFreshness" ReadMaterializationState;
    /// One row for each attempt of each task of a view.
    GET_MATERIALIZATION_STATUS = "metadataservice.MetadataService" "GetMaterializationStatus" ReadMaterializationState;
    /// The status tables of all views in live workspaces.
    GET_ALL_MATERIALIZATION_STATUS = "metadataservice.MetadataService" "GetAllMaterializationStatusInLiveWorkspaces" ReadMaterializationState;
    /// The jobs of many views, filtered and paged.
    GET_JOBS = "metadataservice.MetadataService" "GetJobs" ReadMaterializationState;
    /// Start a job.
    SUBMIT_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" "SubmitMaterializationJob" UpdateMaterializationState;
    /// All jobs of a view.
    LIST_MATERIALIZATION_JOBS = "materializationjobservice.MaterializationJobService" "ListMaterializationJobs" ReadMaterializationState;
    /// One job.
    GET_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" "GetMaterializationJob" ReadMaterializationState;
    /// Cancel a job.
    CANCEL_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" "CancelMaterializationJob" UpdateMaterializationState;
    /// Up to when each store of a view is ready.
    GET_LATEST_READY_TIME = "materializationjobservice.MaterializationJobService" "GetLatestReadyTime" ReadMaterializationState;
    /// Which windows of a view are ready in which store.
    GET_SERVING_STATUS = "metadataservice.MetadataService" "GetServingStatus" ReadMaterializationState;
    /// Try a task again that has failed for good.
    FORCE_RETRY_MATERIALIZATION_TASK = "metadataservice.MetadataService" "ForceRetryMaterializationTask" UpdateMaterializationState;
    /// A new task over the window of one that has ended.
    RESTART_MATERIALIZATION_TASK = "metadataservice.MetadataService" "RestartMaterializationTask" UpdateMaterializationState;
    /// The stages of one attempt.
    GET_JOB_DETAILS = "metadataservice.MetadataService" "GetJobDetails" ReadMaterializationState;
    /// The log of one attempt.
    GET_JOB_LOGS = "metadataservice.MetadataService" "GetJobLogs" ReadMaterializationState;
    /// The attempts of one task.
    GET_JOB_STATUS = "metadataservice.MetadataService" "GetJobStatus" ReadMaterializationState;
    /// Where to send the keys that are to be deleted.
    GET_DELETE_ENTITIES_INFO = "metadataservice.MetadataService" "GetDeleteEntitiesInfo" DeleteFeatures;
    /// Delete the keys that were sent.
    DELETE_ENTITIES = "metadataservice.MetadataService" "DeleteEntities" DeleteFeatures;
}
