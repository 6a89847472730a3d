//! The calls of the protocol: path, name and the right that each needs (docs/wire.md section 1.8).
//!
//! One row makes a call known to clients and to servers; who answers it is said where it is answered, by a match over
//! [`Call`]. Nothing is decided here.

use crate::model::Right;

macro_rules! calls {
    ($($(#[$doc:meta])* $call:ident $path:ident = $service:literal $right:ident;)+) => {
        /// A call of the protocol that is known here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Call {
            $($(#[$doc])* $call),+
        }

        impl Call {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$call),+];

            /// The full path, as the envelope's `method` names it (docs/messages.md section 1).
            pub const fn path(self) -> &'static str {
                match self {
                    $(Self::$call => concat!("/tecton_proto.", $service, "/", stringify!($call))),+
                }
            }

            /// The last part of the path, which people, figures and the audit log call it by.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$call => stringify!($call)),+
                }
            }

            /// The right that a caller needs.
            pub const fn right(self) -> Right {
                match self {
                    $(Self::$call => Right::$right),+
                }
            }
        }

        $($(#[$doc])* pub const $path: &str = Call::$call.path();)+
    };
}

impl Call {
    /// The call of a full path; absent for one that is not known here.
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|call| call.path() == path)
    }
}

/// The name in the path of a call, known here or not.
pub fn name_in(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

calls! {
    /// Configuration of the deployment; needs a valid key, so it is the probe for "is this address and key good".
    GetConfigs GET_CONFIGS = "metadataservice.MetadataService" ReadOrganization;
    /// How to log in; needs no key.
    GetLoginConfigs GET_LOGIN_CONFIGS = "metadataservice.MetadataService" Public;
    /// Does nothing; released command lines check the version of the deployment with it.
    Nop NOP = "metadataservice.MetadataService" AnyKey;
    /// Log lines of a client; answered at once.
    IngestClientLogs INGEST_CLIENT_LOGS = "metadataservice.MetadataService" ReadOrganization;
    /// Command line statistics of a client; answered at once.
    IngestAnalytics INGEST_ANALYTICS = "metadataservice.MetadataService" ReadOrganization;
    /// What is known of an API key. Any key may ask for itself; for another it needs ListServiceAccounts as well.
    IntrospectApiKey INTROSPECT_API_KEY = "metadataservice.MetadataService" AnyKey;
    /// Make an API key; the answer is the only place that shows it.
    CreateApiKey CREATE_API_KEY = "metadataservice.MetadataService" ManageServiceAccounts;
    /// All API keys, none of them in clear; revoked ones only where they are asked for.
    ListApiKeys LIST_API_KEYS = "metadataservice.MetadataService" ListServiceAccounts;
    /// Revoke an API key; from then on it is not let in.
    DeleteApiKey DELETE_API_KEY = "metadataservice.MetadataService" ManageServiceAccounts;
    /// All service accounts, or some.
    GetServiceAccounts GET_SERVICE_ACCOUNTS = "metadataservice.MetadataService" ListServiceAccounts;
    /// Make a service account and its API key.
    CreateServiceAccount CREATE_SERVICE_ACCOUNT = "metadataservice.MetadataService" ManageServiceAccounts;
    /// Revoke the API key of a service account.
    DeleteServiceAccount DELETE_SERVICE_ACCOUNT = "metadataservice.MetadataService" ManageServiceAccounts;
    /// One workspace by name; the answer is empty where there is none.
    GetWorkspace GET_WORKSPACE = "metadataservice.MetadataService" ReadConfig;
    /// All workspaces, live or not.
    ListWorkspaces LIST_WORKSPACES = "metadataservice.MetadataService" ReadConfig;
    /// One feature view by name or id.
    GetFeatureView GET_FEATURE_VIEW = "metadataservice.MetadataService" ReadConfig;
    /// All feature views of a workspace.
    QueryFeatureViews QUERY_FEATURE_VIEWS = "metadataservice.MetadataService" ReadConfig;
    /// The rows of a view's summary.
    GetFeatureViewSummary GET_FEATURE_VIEW_SUMMARY = "metadataservice.MetadataService" ReadMaterializationState;
    /// Freshness of one view (docs/wire.md section 2.3).
    GetFeatureFreshness GET_FEATURE_FRESHNESS = "metadataservice.MetadataService" ReadMaterializationState;
    /// Freshness of all views of a workspace.
    GetAllFeatureFreshness GET_ALL_FEATURE_FRESHNESS = "metadataservice.MetadataService" ReadMaterializationState;
    /// All entities of a workspace.
    GetAllEntities GET_ALL_ENTITIES = "metadataservice.MetadataService" ReadConfig;
    /// All data sources of a workspace.
    GetAllVirtualDataSources GET_ALL_VIRTUAL_DATA_SOURCES = "metadataservice.MetadataService" ReadConfig;
    /// The transformations of all views of a workspace.
    GetAllTransformations GET_ALL_TRANSFORMATIONS = "metadataservice.MetadataService" ReadConfig;
    /// One entity by name or id.
    GetEntity GET_ENTITY = "metadataservice.MetadataService" ReadConfig;
    /// One data source by name or id.
    GetVirtualDataSource GET_VIRTUAL_DATA_SOURCE = "metadataservice.MetadataService" ReadConfig;
    /// One transformation by name or id.
    GetTransformation GET_TRANSFORMATION = "metadataservice.MetadataService" ReadConfig;
    /// All feature services of a workspace.
    GetAllFeatureServices GET_ALL_FEATURE_SERVICES = "metadataservice.MetadataService" ReadConfig;
    /// One feature service by name or id.
    GetFeatureService GET_FEATURE_SERVICE = "metadataservice.MetadataService" ReadConfig;
    /// Make a workspace; refused, for the repository says which there are.
    CreateWorkspace CREATE_WORKSPACE = "metadataservice.MetadataService" WriteConfig;
    /// Delete a workspace; refused like the above.
    DeleteWorkspace DELETE_WORKSPACE = "metadataservice.MetadataService" WriteConfig;
    /// One person who uses the deployment.
    GetUser GET_USER = "metadataservice.MetadataService" ReadOrganization;
    /// Where the deployment sends measurements.
    GetObservabilityConfig GET_OBSERVABILITY_CONFIG = "metadataservice.MetadataService" ReadOrganization;
    /// All server groups; fvtop's platform has none and answers with an empty message.
    ListServerGroups LIST_SERVER_GROUPS = "servergroupservice.ServerGroupService" ReadConfig;
    /// One server group by id; fvtop's platform has none and answers with an empty message.
    GetServerGroup GET_SERVER_GROUP = "servergroupservice.ServerGroupService" ReadConfig;
    /// One row for each attempt of each task of a view.
    GetMaterializationStatus GET_MATERIALIZATION_STATUS = "metadataservice.MetadataService" ReadMaterializationState;
    /// The status tables of all views in live workspaces.
    GetAllMaterializationStatusInLiveWorkspaces GET_ALL_MATERIALIZATION_STATUS = "metadataservice.MetadataService" ReadMaterializationState;
    /// The jobs of many views, filtered and paged.
    GetJobs GET_JOBS = "metadataservice.MetadataService" ReadMaterializationState;
    /// Start a job over a window (docs/wire.md section 2.2).
    SubmitMaterializationJob SUBMIT_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" UpdateMaterializationState;
    /// All jobs of a view.
    ListMaterializationJobs LIST_MATERIALIZATION_JOBS = "materializationjobservice.MaterializationJobService" ReadMaterializationState;
    /// One job of a view by its id.
    GetMaterializationJob GET_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" ReadMaterializationState;
    /// Cancel a job; answers it with its new state (docs/wire.md section 2.2).
    CancelMaterializationJob CANCEL_MATERIALIZATION_JOB = "materializationjobservice.MaterializationJobService" UpdateMaterializationState;
    /// Up to when each store of a view is ready.
    GetLatestReadyTime GET_LATEST_READY_TIME = "materializationjobservice.MaterializationJobService" ReadMaterializationState;
    /// Which windows of a view are ready in which store.
    GetServingStatus GET_SERVING_STATUS = "metadataservice.MetadataService" ReadMaterializationState;
    /// Try a task again that has failed for good.
    ForceRetryMaterializationTask FORCE_RETRY_MATERIALIZATION_TASK = "metadataservice.MetadataService" UpdateMaterializationState;
    /// A new task over the window of one that has ended.
    RestartMaterializationTask RESTART_MATERIALIZATION_TASK = "metadataservice.MetadataService" UpdateMaterializationState;
    /// The stages of one attempt.
    GetJobDetails GET_JOB_DETAILS = "metadataservice.MetadataService" ReadMaterializationState;
    /// The log of one attempt.
    GetJobLogs GET_JOB_LOGS = "metadataservice.MetadataService" ReadMaterializationState;
    /// The attempts of one task.
    GetJobStatus GET_JOB_STATUS = "metadataservice.MetadataService" ReadMaterializationState;
    /// A place for the rows of a new dataset, which the client writes.
    CreateSavedFeatureDataFrame CREATE_SAVED_FEATURE_DATA_FRAME = "metadataservice.MetadataService" WriteDatasets;
    /// One dataset by name or id.
    GetSavedFeatureDataFrame GET_SAVED_FEATURE_DATA_FRAME = "metadataservice.MetadataService" ReadFeatures;
    /// All datasets of a workspace.
    GetAllSavedFeatureDataFrames GET_ALL_SAVED_FEATURE_DATA_FRAMES = "metadataservice.MetadataService" ReadFeatures;
    /// Take a dataset out of the lists.
    ArchiveSavedFeatureDataFrame ARCHIVE_SAVED_FEATURE_DATA_FRAME = "metadataservice.MetadataService" WriteDatasets;
    /// Where to send the keys that are to be deleted.
    GetDeleteEntitiesInfo GET_DELETE_ENTITIES_INFO = "metadataservice.MetadataService" DeleteFeatures;
    /// Delete the keys that were sent.
    DeleteEntities DELETE_ENTITIES = "metadataservice.MetadataService" DeleteFeatures;
}
