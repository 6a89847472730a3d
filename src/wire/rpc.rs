//! Full paths of the calls of this slice, as the envelope's `method` names them (docs/messages.md section 1).

use crate::model::Right;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $service:literal $method:literal $right:ident;)+) => {
        $($(#[$doc])* pub const $name: &str = concat!("/tecton_proto.", $service, "/", $method);)+
        /// All of them, with what each needs (docs/wire.md section 1.8).
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
    /// What is known of an API key. Any key may ask for itself; for another it needs ListServiceAccounts as well.
    INTROSPECT_API_KEY = "metadataservice.MetadataService" "IntrospectApiKey" AnyKey;
    /// Make an API key.
    CREATE_API_KEY = "metadataservice.MetadataService" "CreateApiKey" ManageServiceAccounts;
    /// All API keys.
    LIST_API_KEYS = "metadataservice.MetadataService" "ListApiKeys" ListServiceAccounts;
    /// Revoke an API key.
    DELETE_API_KEY = "metadataservice.MetadataService" "DeleteApiKey" ManageServiceAccounts;
    /// All service accounts, or some.
    GET_SERVICE_ACCOUNTS = "metadataservice.MetadataService" "GetServiceAccounts" ListServiceAccounts;
    /// Make a service account and its API key.
    CREATE_SERVICE_ACCOUNT = "metadataservice.MetadataService" "CreateServiceAccount" ManageServiceAccounts;
    /// Revoke the API key of a service account.
    DELETE_SERVICE_ACCOUNT = "metadataservice.MetadataService" "DeleteServiceAccount" ManageServiceAccounts;
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
    /// Freshness of all views of a workspace.
    GET_ALL_FEATURE_FRESHNESS = "metadataservice.MetadataService" "GetAllFeatureFreshness" ReadMaterializationState;
    /// All entities of a workspace.
    GET_ALL_ENTITIES = "metadataservice.MetadataService" "GetAllEntities" ReadConfig;
    /// All data sources of a workspace.
    GET_ALL_VIRTUAL_DATA_SOURCES = "metadataservice.MetadataService" "GetAllVirtualDataSources" ReadConfig;
    /// The transformations of all views of a workspace.
    GET_ALL_TRANSFORMATIONS = "metadataservice.MetadataService" "GetAllTransformations" ReadConfig;
    /// One entity by name or id.
    GET_ENTITY = "metadataservice.MetadataService" "GetEntity" ReadConfig;
    /// One data source by name or id.
    GET_VIRTUAL_DATA_SOURCE = "metadataservice.MetadataService" "GetVirtualDataSource" ReadConfig;
    /// One transformation by name or id.
    GET_TRANSFORMATION = "metadataservice.MetadataService" "GetTransformation" ReadConfig;
    /// All feature services of a workspace.
    GET_ALL_FEATURE_SERVICES = "metadataservice.MetadataService" "GetAllFeatureServices" ReadConfig;
    /// One feature service by name or id.
    GET_FEATURE_SERVICE = "metadataservice.MetadataService" "GetFeatureService" ReadConfig;
    /// Make a workspace; refused, for the repository says which there are.
    CREATE_WORKSPACE = "metadataservice.MetadataService" "CreateWorkspace" WriteConfig;
    /// Delete a workspace; refused like the above.
    DELETE_WORKSPACE = "metadataservice.MetadataService" "DeleteWorkspace" WriteConfig;
    /// One person who uses the deployment.
    GET_USER = "metadataservice.MetadataService" "GetUser" ReadOrganization;
    /// Where the deployment sends measurements.
    GET_OBSERVABILITY_CONFIG = "metadataservice.MetadataService" "GetObservabilityConfig" ReadOrganization;
    /// All server groups.
    LIST_SERVER_GROUPS = "servergroupservice.ServerGroupService" "ListServerGroups" ReadConfig;
    /// One server group.
    GET_SERVER_GROUP = "servergroupservice.ServerGroupService" "GetServerGroup" ReadConfig;
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
    /// A place for the rows of a new dataset, which the client writes.
    CREATE_SAVED_FEATURE_DATA_FRAME = "metadataservice.MetadataService" "CreateSavedFeatureDataFrame" WriteDatasets;
    /// One dataset by name or id.
    GET_SAVED_FEATURE_DATA_FRAME = "metadataservice.MetadataService" "GetSavedFeatureDataFrame" ReadFeatures;
    /// All datasets of a workspace.
    GET_ALL_SAVED_FEATURE_DATA_FRAMES = "metadataservice.MetadataService" "GetAllSavedFeatureDataFrames" ReadFeatures;
    /// Take a dataset out of the lists.
    ARCHIVE_SAVED_FEATURE_DATA_FRAME = "metadataservice.MetadataService" "ArchiveSavedFeatureDataFrame" WriteDatasets;
    /// Where to send the keys that are to be deleted.
    GET_DELETE_ENTITIES_INFO = "metadataservice.MetadataService" "GetDeleteEntitiesInfo" DeleteFeatures;
    /// Delete the keys that were sent.
    DELETE_ENTITIES = "metadataservice.MetadataService" "DeleteEntities" DeleteFeatures;
}
