//! Full paths of the calls of this slice, as the envelope's `method` names them (wire messages, section 1).

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $service:literal $method:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = concat!("/tecton_proto.", $service, "/", $method);)+
        /// All of them.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

calls! {
    /// Configuration of the deployment; needs a valid key, so it is the probe for "is this address and key good".
    GET_CONFIGS = "metadataservice.MetadataService" "GetConfigs";
    /// Nothing.
    NOP = "metadataservice.MetadataService" "Nop";
    /// Log lines of a client; answered at once.
    INGEST_CLIENT_LOGS = "metadataservice.MetadataService" "IngestClientLogs";
    /// Command line statistics of a client; answered at once.
    INGEST_ANALYTICS = "metadataservice.MetadataService" "IngestAnalytics";
    /// One workspace.
    GET_WORKSPACE = "metadataservice.MetadataService" "GetWorkspace";
    /// All workspaces.
    LIST_WORKSPACES = "metadataservice.MetadataService" "ListWorkspaces";
    /// One feature view by name or id.
    GET_FEATURE_VIEW = "metadataservice.MetadataService" "GetFeatureView";
    /// All feature views of a workspace.
    QUERY_FEATURE_VIEWS = "metadataservice.MetadataService" "QueryFeatureViews";
    /// The rows of a view's summary.
    GET_FEATURE_VIEW_SUMMARY = "metadataservice.MetadataService" "GetFeatureViewSummary";
    /// Freshness of one view.
    GET_FEATURE_FRESHNESS = "metadataservice.MetadataService" "GetFeatureFreshness";
    /// One row for each attempt of each task of a view.
    GET_MATERIALIZATION_STATUS = "metadataservice.MetadataService" "GetMaterializationStatus";
    /// Start a job.
    SUBMIT_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" "SubmitMaterializationJob";
    /// All jobs of a view.
    LIST_MATERIALIZATION_JOBS = "materializationjobservice.MaterializationJobService" "ListMaterializationJobs";
    /// One job.
    GET_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" "GetMaterializationJob";
    /// Cancel a job.
    CANCEL_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" "CancelMaterializationJob";
    /// Up to when each store of a view is ready.
    GET_LATEST_READY_TIME = "materializationjobservice.MaterializationJobService" "GetLatestReadyTime";
    /// Which windows of a view are ready in which store.
    GET_SERVING_STATUS = "metadataservice.MetadataService" "GetServingStatus";
    /// Try a task again that has failed for good.
    FORCE_RETRY_MATERIALIZATION_TASK = "metadataservice.MetadataService" "ForceRetryMaterializationTask";
    /// A new task over the window of one that has ended.
    RESTART_MATERIALIZATION_TASK = "metadataservice.MetadataService" "RestartMaterializationTask";
    /// The stages of one attempt.
    GET_JOB_DETAILS = "metadataservice.MetadataService" "GetJobDetails";
    /// The log of one attempt.
    GET_JOB_LOGS = "metadataservice.MetadataService" "GetJobLogs";
    /// The attempts of one task.
    GET_JOB_STATUS = "metadataservice.MetadataService" "GetJobStatus";
    /// Where to send the keys that are to be deleted.
    GET_DELETE_ENTITIES_INFO = "metadataservice.MetadataService" "GetDeleteEntitiesInfo";
    /// Delete the keys that were sent.
    DELETE_ENTITIES = "metadataservice.MetadataService" "DeleteEntities";
}
