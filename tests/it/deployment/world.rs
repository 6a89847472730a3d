//! What the scripted deployment has: two views of card payments, their jobs, one key's features. None of it comes from
//! our platform.

use std::collections::BTreeMap;

use chrono::Utc;
use fvtop::model::time::floor;
use fvtop::model::*;
use fvtop::wire::convert::{AggregationParts, EntityParts, SourceParts, ViewParts};
use fvtop::wire::proto::enums::AggregationFunction;

/// The state that calls change.
pub(crate) struct World {
    pub views: Vec<ViewParts>,
    pub jobs: Vec<Job>,
    /// The hour in which everything happens.
    pub hour: Time,
}

impl World {
    pub(crate) fn new() -> Self {
        let hour = floor(Utc::now(), Span::hours(1));
        Self { views: vec![stream_view(), batch_view()], jobs: jobs(hour), hour }
    }

    pub(crate) fn view(&self, name_or_id: &str) -> Option<&ViewParts> {
        self.views.iter().find(|p| p.view.name == name_or_id || p.view.id.to_string() == name_or_id)
    }

    /// The jobs of a view, newest first.
    pub(crate) fn jobs_of(&self, view: &str) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.jobs.iter().filter(|job| job.feature_view == view).cloned().collect();
        jobs.sort_by_key(|job| std::cmp::Reverse(job.created_at));
        jobs
    }

    pub(crate) fn find(&mut self, id: Id) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }

    /// A new job; gives it.
    pub(crate) fn start(&mut self, view: &str, job_type: JobType, window: Option<Window>, stores: Stores) -> Job {
        let number = 500 + self.jobs.len() as u128;
        let mut job = job(number, JobState::Running, window, Utc::now(), Vec::new());
        (job.feature_view, job.job_type) = (view.to_owned(), job_type);
        (job.online, job.offline) = (stores.online, stores.offline);
        self.jobs.push(job.clone());
        job
    }
}

fn view(id: u128, name: &str, key: &str) -> FeatureView {
    FeatureView {
        id: Id(id),
        name: name.to_owned(),
        workspace: "prod".to_owned(),
        description: "What a card spends, in tiles of an hour.".to_owned(),
        owner: "risk@bank.example".to_owned(),
        family: String::new(),
        tags: BTreeMap::from([("tier".to_owned(), "1".to_owned())]),
        entities: vec![key.to_owned()],
        data_sources: vec!["payments".to_owned()],
        join_keys: vec![JoinKey { name: key.to_owned(), data_type: DataType::String }],
        online_serving_index: vec![key.to_owned()],
        timestamp_field: Some("timestamp".to_owned()),
        features: Vec::new(),
        kind: ViewKind::Aggregate { interval: Some(Span::hours(1)) },
        is_stream: true,
        online: true,
        offline: true,
        materialization_enabled: true,
        batch_schedule: Some(Span::hours(1)),
        feature_start_time: Some(floor(Utc::now(), Span::days(1)) - Span::days(30)),
        longest_window: Some(Span::days(1)),
        max_data_delay: None,
        batch_trigger: BatchTrigger::Scheduled,
        created_at: Some(floor(Utc::now(), Span::days(1)) - Span::days(30)),
        defined_in: "features/cards.py".to_owned(),
        url: String::new(),
    }
}

fn parts(view: FeatureView, aggregations: Vec<AggregationParts>) -> ViewParts {
    let key = view.join_keys[0].name.clone();
    let columns = vec![
        (key.clone(), DataType::String),
        ("amount".to_owned(), DataType::Float64),
        ("timestamp".to_owned(), DataType::Timestamp),
    ];
    let entity = EntityParts {
        id: Id(0xe000 + view.id.0),
        name: key.clone(),
        description: String::new(),
        owner: String::new(),
        join_keys: vec![(key, DataType::String)],
        defined_in: "features/cards.py".to_owned(),
    };
    let source = SourceParts {
        id: Id(0xd000),
        name: "payments".to_owned(),
        description: "Payments as they happen.".to_owned(),
        owner: String::new(),
        tags: Vec::new(),
        is_stream: view.is_stream,
        timestamp_column: Some("timestamp".to_owned()),
        data_delay: Span::zero(),
        columns: columns.clone(),
        defined_in: "features/cards.py".to_owned(),
    };
    ViewParts {
        view,
        aggregations,
        columns,
        sql: "SELECT * FROM payments".to_owned(),
        entities: vec![entity],
        inputs: vec![("payments".to_owned(), source)],
        max_batch_aggregation_interval: None,
        offline_partition: Span::days(1),
        expected_freshness: Some(Span::hours(2)),
    }
}

fn stream_view() -> ViewParts {
    let sum = AggregationParts {
        column: "amount".to_owned(),
        function: AggregationFunction::Sum,
        n: None,
        time_window: Span::days(1),
        feature: "amount_sum_1d_1h".to_owned(),
    };
    let count = AggregationParts {
        function: AggregationFunction::Count,
        feature: "amount_count_1d_1h".to_owned(),
        ..sum.clone()
    };
    parts(view(0xc1, "card_spend_hourly", "card_id"), vec![sum, count])
}

fn batch_view() -> ViewParts {
    let view = FeatureView {
        kind: ViewKind::Temporal { ttl: Some(Span::days(30)) },
        is_stream: false,
        description: "How risky a merchant is.".to_owned(),
        ..view(0xc2, "merchant_risk", "merchant_id")
    };
    parts(view, Vec::new())
}

fn job(number: u128, state: JobState, window: Option<Window>, created: Time, attempts: Vec<Attempt>) -> Job {
    Job {
        id: Id((number << 96) | 0xbeef_0000 | number),
        workspace: "prod".to_owned(),
        feature_view: "card_spend_hourly".to_owned(),
        job_type: if window.is_some() { JobType::Batch } else { JobType::Stream },
        state,
        window,
        online: true,
        offline: true,
        created_at: Some(created),
        updated_at: Some(created + Span::minutes(1)),
        next_attempt_at: None,
        attempts,
        allowed: Allowed::default(),
    }
}

fn attempt(number: u128, state: AttemptState, from: Time) -> Attempt {
    let failed = state == AttemptState::Error;
    Attempt {
        id: Some(Id((number << 96) | 0xa77e)),
        number: 1,
        progress: (state == AttemptState::Running).then_some(0.52),
        state,
        created_at: Some(from),
        updated_at: Some(from + Span::seconds(42)),
        reason: failed.then(|| "SPARK_JOB_FAILURE".to_owned()),
        message: failed.then(|| "Executor lost: out of memory in stage 7. Give the cluster larger nodes.".to_owned()),
    }
}

/// A stream job, a running one, a failed one, and a day of good ones.
fn jobs(hour: Time) -> Vec<Job> {
    let mut jobs = vec![job(
        1,
        JobState::Running,
        None,
        hour - Span::days(2),
        vec![attempt(1, AttemptState::Running, hour - Span::days(2))],
    )];
    for back in 0..24 {
        let end = hour - Span::hours(i64::from(back));
        let (state, last) = match back {
            0 => (JobState::Running, AttemptState::Running),
            3 => (JobState::Failure, AttemptState::Error),
            _ => (JobState::Success, AttemptState::Success),
        };
        let number = 100 - back as u128;
        let window = Window { start: end - Span::hours(1), end };
        let mut made = job(number, state, Some(window), end, vec![attempt(number, last, end)]);
        made.allowed.retry = back == 3;
        jobs.push(made);
    }
    jobs
}

/// The features of every card.
pub(crate) fn vector(view: &FeatureView) -> FeatureVector {
    let feature = |name: &str, data_type, value| FeatureValue {
        name: format!("{}.{name}", view.name),
        data_type,
        value,
        effective_time: Some(floor(Utc::now(), Span::hours(1))),
        status: Some(FeatureStatus::Present),
    };
    FeatureVector {
        features: vec![
            feature("amount_sum_1d_1h", DataType::Float64, Value::Float(4_711.5)),
            feature("amount_count_1d_1h", DataType::Int64, Value::Int(208)),
        ],
        join_keys: Vec::new(),
        server_seconds: Some(0.004),
        store_seconds: Some(0.001),
    }
}

/// One record of the stream.
pub(crate) fn record(number: usize) -> String {
    let (card, amount) = (number % 7, 10 + number * 3 % 90);
    format!("{{\"card_id\":\"card-{card}\",\"sum_amount\":{amount}.5,\"count_amount\":{number}}}")
}
