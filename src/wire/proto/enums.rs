//! Enumerations of the protocol, each with the names that its JSON form uses.
//!
//! A number that is not listed here stays a number: fields hold `i32`, never these types.

/// Declares enumerations with their numbers and names.
macro_rules! enumerations {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $number:literal $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
        #[repr(i32)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`.")] $variant = $number,)+
        }

        impl $name {
            /// The protocol's name of that number; absent for a number this program does not know.
            pub fn name_of(number: i32) -> Option<&'static str> {
                match number {
                    $($number => Some($text),)+
                    _ => None,
                }
            }
        }
    )+};
}

enumerations! {
    /// `common.FrameworkVersion`.
    FrameworkVersion {
        Unspecified = 0 "UNSPECIFIED",
        Fwv3 = 3 "FWV3",
        Fwv4 = 4 "FWV4",
        Fwv5 = 5 "FWV5",
        Fwv6 = 6 "FWV6",
    }
    /// `common.ColumnType`.
    ColumnType {
        Unknown = 0 "COLUMN_TYPE_UNKNOWN",
        Int64 = 1 "COLUMN_TYPE_INT64",
        Double = 2 "COLUMN_TYPE_DOUBLE",
        String = 3 "COLUMN_TYPE_STRING",
        Bool = 6 "COLUMN_TYPE_BOOL",
        StringArray = 7 "COLUMN_TYPE_STRING_ARRAY",
        Int64Array = 8 "COLUMN_TYPE_INT64_ARRAY",
        DoubleArray = 9 "COLUMN_TYPE_DOUBLE_ARRAY",
        FloatArray = 10 "COLUMN_TYPE_FLOAT_ARRAY",
        DeriveFromDataType = 11 "COLUMN_TYPE_DERIVE_FROM_DATA_TYPE",
    }
    /// `common.DataTypeEnum`.
    DataTypeKind {
        Unknown = 0 "DATA_TYPE_UNKNOWN",
        Int32 = 1 "DATA_TYPE_INT32",
        Int64 = 2 "DATA_TYPE_INT64",
        Float32 = 3 "DATA_TYPE_FLOAT32",
        Float64 = 4 "DATA_TYPE_FLOAT64",
        String = 5 "DATA_TYPE_STRING",
        Bool = 6 "DATA_TYPE_BOOL",
        Timestamp = 7 "DATA_TYPE_TIMESTAMP",
        Array = 8 "DATA_TYPE_ARRAY",
        Struct = 9 "DATA_TYPE_STRUCT",
        TimestampInt96 = 10 "DATA_TYPE_TIMESTAMP_INT96",
        Map = 11 "DATA_TYPE_MAP",
    }
    /// `common.AggregationFunction`.
    AggregationFunction {
        Unknown = 0 "AGGREGATION_FUNCTION_UNKNOWN",
        Count = 1 "AGGREGATION_FUNCTION_COUNT",
        Sum = 2 "AGGREGATION_FUNCTION_SUM",
        Mean = 3 "AGGREGATION_FUNCTION_MEAN",
        Last = 5 "AGGREGATION_FUNCTION_LAST",
        Min = 6 "AGGREGATION_FUNCTION_MIN",
        Max = 7 "AGGREGATION_FUNCTION_MAX",
        LastDistinctN = 9 "AGGREGATION_FUNCTION_LAST_DISTINCT_N",
        VarSamp = 10 "AGGREGATION_FUNCTION_VAR_SAMP",
        VarPop = 11 "AGGREGATION_FUNCTION_VAR_POP",
        StddevSamp = 12 "AGGREGATION_FUNCTION_STDDEV_SAMP",
        StddevPop = 13 "AGGREGATION_FUNCTION_STDDEV_POP",
        LastNonDistinctN = 14 "AGGREGATION_FUNCTION_LAST_NON_DISTINCT_N",
        FirstNonDistinctN = 15 "AGGREGATION_FUNCTION_FIRST_NON_DISTINCT_N",
        FirstDistinctN = 16 "AGGREGATION_FUNCTION_FIRST_DISTINCT_N",
        ApproxCountDistinct = 17 "AGGREGATION_FUNCTION_APPROX_COUNT_DISTINCT",
        ApproxPercentile = 18 "AGGREGATION_FUNCTION_APPROX_PERCENTILE",
    }
    /// `common.DataSourceType`.
    SourceKind {
        Unknown = 0 "UNKNOWN",
        Batch = 1 "BATCH",
        StreamWithBatch = 2 "STREAM_WITH_BATCH",
        PushNoBatch = 3 "PUSH_NO_BATCH",
        PushWithBatch = 4 "PUSH_WITH_BATCH",
    }
    /// `args.BackfillConfigMode`.
    BackfillConfigMode {
        Unspecified = 0 "BACKFILL_CONFIG_MODE_UNSPECIFIED",
        SingleBatchScheduleIntervalPerJob = 1 "BACKFILL_CONFIG_MODE_SINGLE_BATCH_SCHEDULE_INTERVAL_PER_JOB",
        MultipleBatchScheduleIntervalsPerJob = 2 "BACKFILL_CONFIG_MODE_MULTIPLE_BATCH_SCHEDULE_INTERVALS_PER_JOB",
    }
    /// `args.BatchTriggerType`.
    BatchTriggerType {
        Unspecified = 0 "BATCH_TRIGGER_TYPE_UNSPECIFIED",
        Scheduled = 1 "BATCH_TRIGGER_TYPE_SCHEDULED",
        Manual = 2 "BATCH_TRIGGER_TYPE_MANUAL",
        NoBatchMaterialization = 3 "BATCH_TRIGGER_TYPE_NO_BATCH_MATERIALIZATION",
    }
    /// `common.BatchComputeMode`.
    BatchComputeMode {
        Unspecified = 0 "BATCH_COMPUTE_MODE_UNSPECIFIED",
        Spark = 1 "BATCH_COMPUTE_MODE_SPARK",
        Snowflake = 2 "BATCH_COMPUTE_MODE_SNOWFLAKE",
        Rift = 3 "BATCH_COMPUTE_MODE_RIFT",
    }
    /// `args.TransformationMode`.
    TransformationMode {
        Unspecified = 0 "TRANSFORMATION_MODE_UNSPECIFIED",
        Pyspark = 1 "TRANSFORMATION_MODE_PYSPARK",
        SparkSql = 2 "TRANSFORMATION_MODE_SPARK_SQL",
        Pandas = 3 "TRANSFORMATION_MODE_PANDAS",
        SnowflakeSql = 4 "TRANSFORMATION_MODE_SNOWFLAKE_SQL",
        Python = 5 "TRANSFORMATION_MODE_PYTHON",
        Snowpark = 6 "TRANSFORMATION_MODE_SNOWPARK",
        Athena = 7 "TRANSFORMATION_MODE_ATHENA",
        BigquerySql = 8 "TRANSFORMATION_MODE_BIGQUERY_SQL",
        NoTransformation = 9 "TRANSFORMATION_MODE_NO_TRANSFORMATION",
        Pyarrow = 10 "TRANSFORMATION_MODE_PYARROW",
    }
    /// `data.DataSourceType`.
    TaskType {
        Unspecified = 0 "DATA_SOURCE_TYPE_UNSPECIFIED",
        Batch = 1 "DATA_SOURCE_TYPE_BATCH",
        Stream = 2 "DATA_SOURCE_TYPE_STREAM",
        Ingest = 3 "DATA_SOURCE_TYPE_INGEST",
        Deletion = 4 "DATA_SOURCE_TYPE_DELETION",
        FeatureExport = 5 "DATA_SOURCE_TYPE_FEATURE_EXPORT",
        DatasetGeneration = 6 "DATA_SOURCE_TYPE_DATASET_GENERATION",
        OfflineMaintenance = 7 "DATA_SOURCE_TYPE_OFFLINE_MAINTENANCE",
    }
    /// `data.MaterializationStatusState`.
    StatusState {
        Unspecified = 0 "MATERIALIZATION_STATUS_STATE_UNSPECIFIED",
        Scheduled = 1 "MATERIALIZATION_STATUS_STATE_SCHEDULED",
        Pending = 2 "MATERIALIZATION_STATUS_STATE_PENDING",
        Running = 3 "MATERIALIZATION_STATUS_STATE_RUNNING",
        Success = 4 "MATERIALIZATION_STATUS_STATE_SUCCESS",
        Error = 5 "MATERIALIZATION_STATUS_STATE_ERROR",
        Drained = 6 "MATERIALIZATION_STATUS_STATE_DRAINED",
        ManualCancellationRequested = 7 "MATERIALIZATION_STATUS_STATE_MANUAL_CANCELLATION_REQUESTED",
        ManuallyCancelled = 8 "MATERIALIZATION_STATUS_STATE_MANUALLY_CANCELLED",
    }
    /// `data.SavedFeatureDataFrameType`.
    SavedFrameType {
        NotSet = 0 "NOT_SET",
        Saved = 1 "SAVED",
        Logged = 2 "LOGGED",
    }
    /// `data.ServingState`.
    ServingState {
        Unspecified = 0 "SERVING_STATE_UNSPECIFIED",
        Disabled = 1 "SERVING_STATE_DISABLED",
        NotEnoughData = 2 "SERVING_STATE_NOT_ENOUGH_DATA",
        Pending = 3 "SERVING_STATE_PENDING",
        Ok = 4 "SERVING_STATE_OK",
        Error = 5 "SERVING_STATE_ERROR",
        Running = 6 "SERVING_STATE_RUNNING",
    }
    /// `materialization.MaterializationTaskState`.
    TaskState {
        Unspecified = 0 "MATERIALIZATION_TASK_STATUS_UNSPECIFIED",
        Running = 1 "MATERIALIZATION_TASK_STATUS_RUNNING",
        Draining = 2 "MATERIALIZATION_TASK_STATUS_DRAINING",
        Success = 3 "MATERIALIZATION_TASK_STATUS_SUCCESS",
        PermanentFailure = 4 "MATERIALIZATION_TASK_STATUS_PERMANENT_FAILURE",
        Drained = 5 "MATERIALIZATION_TASK_STATUS_DRAINED",
        ManualRetry = 6 "MATERIALIZATION_TASK_STATUS_MANUAL_RETRY",
        ManualCancellationRequested = 7 "MATERIALIZATION_TASK_STATUS_MANUAL_CANCELLATION_REQUESTED",
        ManuallyCancelled = 8 "MATERIALIZATION_TASK_STATUS_MANUALLY_CANCELLED",
    }
    /// `materialization.MaterializationTaskAttemptState`.
    TaskAttemptState {
        Unspecified = 0 "MATERIALIZATION_ATTEMPT_STATUS_UNSPECIFIED",
        Pending = 1 "MATERIALIZATION_ATTEMPT_STATUS_PENDING",
        Running = 2 "MATERIALIZATION_ATTEMPT_STATUS_RUNNING",
        Success = 3 "MATERIALIZATION_ATTEMPT_STATUS_SUCCESS",
        Error = 4 "MATERIALIZATION_ATTEMPT_STATUS_ERROR",
        Cancelled = 5 "MATERIALIZATION_ATTEMPT_STATUS_CANCELLED",
        Cancelling = 6 "MATERIALIZATION_ATTEMPT_STATUS_CANCELLING",
    }
    /// `materialization.TaskType`.
    WorkType {
        Unknown = 0 "UNKNOWN",
        Batch = 1 "BATCH",
        Streaming = 2 "STREAMING",
        Ingest = 3 "INGEST",
        Deletion = 4 "DELETION",
        DeltaMaintenance = 5 "DELTA_MAINTENANCE",
        FeatureExport = 6 "FEATURE_EXPORT",
        DatasetGeneration = 7 "DATASET_GENERATION",
        PlanIntegrationTestBatch = 8 "PLAN_INTEGRATION_TEST_BATCH",
        PlanIntegrationTestStream = 9 "PLAN_INTEGRATION_TEST_STREAM",
        IcebergMaintenance = 10 "ICEBERG_MAINTENANCE",
    }
    /// `metadataservice.SortDirection`.
    SortDirection {
        Unknown = 0 "SORT_UNKNOWN",
        Asc = 1 "SORT_ASC",
        Desc = 2 "SORT_DESC",
    }
    /// `materialization.TectonManagedStage.StageType`.
    StageType {
        Snowflake = 1 "SNOWFLAKE",
        Python = 2 "PYTHON",
        Aggregate = 3 "AGGREGATE",
        OfflineStore = 4 "OFFLINE_STORE",
        OnlineStore = 5 "ONLINE_STORE",
        Bigquery = 6 "BIGQUERY",
        BulkLoad = 7 "BULK_LOAD",
    }
    /// `materialization.TectonManagedStage.State`.
    StageState {
        Unspecified = 0 "STATE_UNSPECIFIED",
        Pending = 1 "PENDING",
        Running = 2 "RUNNING",
        Success = 3 "SUCCESS",
        Error = 4 "ERROR",
        Cancelled = 5 "CANCELLED",
    }
    /// `materialization.TectonManagedStage.ErrorType`.
    StageErrorType {
        Unspecified = 0 "ERROR_TYPE_UNSPECIFIED",
        UnexpectedError = 1 "UNEXPECTED_ERROR",
        UserError = 3 "USER_ERROR",
    }
}
