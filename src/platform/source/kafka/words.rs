//! What librdkafka says, made sentences of ours: errors for whoever runs the program, the rest for the log.
//!
//! Brokers are strangers: what they say is cleaned, cut, and never repeats a secret.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};

use crate::model::clean::{clean, cut};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{KafkaFeed, Secret, Source};

/// Most characters of what a broker or the library says.
const MOST: usize = 300;

/// Secrets shorter than this are not looked for in texts: they would blot out words.
const SHORT_SECRET: usize = 4;

/// How somebody chooses where to go on.
pub(super) const CHOICE: &str = "`fvtop stream restart VIEW --from beginning` (or latest, a time, or an offset)";

/// What the library tells besides records: the last trouble, and how often there was any.
pub(super) struct Events {
    secrets: Vec<String>,
    last: Mutex<Option<(Code, String)>>,
    troubles: AtomicU64,
}

impl Events {
    /// None yet. The secrets never reach a sentence.
    pub(super) fn new(secrets: Vec<String>) -> Self {
        Self { secrets, last: Mutex::default(), troubles: AtomicU64::new(0) }
    }

    /// How often there was trouble.
    pub(super) fn troubles(&self) -> u64 {
        self.troubles.load(Ordering::Relaxed)
    }

    /// Forgets the last trouble: the brokers answered.
    pub(super) fn all_is_well(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the last trouble is that the brokers did not believe who asks.
    pub(super) fn refused(&self) -> bool {
        matches!(self.last(), Some((Code::Authentication | Code::SaslAuthenticationFailed, _)))
    }

    /// The last trouble since all was well.
    fn last(&self) -> Option<(Code, String)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Text of a broker's or the library's that can be shown.
    fn safe(&self, text: &str) -> String {
        let secrets = self.secrets.iter().filter(|secret| secret.chars().count() >= SHORT_SECRET);
        let text = secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "(secret)"));
        cut(&clean(text.trim().trim_end_matches('.')), MOST).into_owned()
    }
}

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let message = self.safe(message);
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::warn!(facility, "kafka: {message}");
            }
            _ => tracing::debug!(facility, "kafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        if code == Code::PartitionEOF {
            return;
        }
        self.troubles.fetch_add(1, Ordering::Relaxed);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // That all brokers are away says less than why the last one is.
        if code != Code::AllBrokersDown || last.is_none() {
            *last = Some((code, self.safe(reason)));
        }
    }
}

impl ConsumerContext for Events {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        // Nobody depends on it: positions are kept with the rows.
        if let Err(error) = result {
            tracing::debug!(
                "kafka: the group's offsets were not told to the brokers: {}",
                self.safe(&error.to_string())
            );
        }
    }
}

/// Makes sentences about one topic and its brokers.
pub(super) struct Words {
    source: String,
    topic: String,
    brokers: String,
    /// How the brokers are shown who asks.
    login: String,
    /// Who vouches for the brokers.
    trust: String,
}

impl Words {
    pub(super) fn new(source: &Source, feed: &KafkaFeed) -> Self {
        let login = feed.sasl.as_ref().map(|sasl| {
            let (user, password) = (place(&sasl.user), place(&sasl.password));
            format!("by {} (the user from {user}, the password from {password})", sasl.mechanism.word())
        });
        let trust = feed.tls.as_ref().map(|tls| match &tls.ca_file {
            Some(file) => format!("the certificates in {}", file.path.display()),
            None => "the certificates that the system trusts".to_owned(),
        });
        Self {
            source: source.name.clone(),
            topic: feed.topic.clone(),
            brokers: feed.brokers.join(", "),
            login: login.unwrap_or_else(|| "without a user: the source's `stream.sasl` is not there".to_owned()),
            trust: trust.unwrap_or_else(|| "no certificates: the source's `stream.tls` is not there".to_owned()),
        }
    }

    /// An error of the source, after its name.
    pub(super) fn say(&self, problem: &str) -> EngineError {
        EngineError { kind: ErrorKind::Source, message: format!("source {}: {problem}", self.source) }
    }

    /// What the library's error means, with what it told before of the brokers.
    pub(super) fn explain(&self, error: &KafkaError, events: &Events) -> EngineError {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        match (code, events.last()) {
            // It only says that nothing came: what was told before says why.
            (
                Code::OperationTimedOut | Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Fail,
                Some((told, reason)),
            ) => self.of_code(told, &reason),
            _ => self.of_code(code, &events.safe(&error.to_string())),
        }
    }

    /// The brokers did not answer in time.
    pub(super) fn silent(&self, events: &Events) -> EngineError {
        match events.last() {
            Some((told, reason)) => self.of_code(told, &reason),
            None => self.of_code(Code::OperationTimedOut, "no answer in time"),
        }
    }

    /// The place was overtaken by the topic's retention.
    pub(super) fn overtaken(&self, partition: i32, from: i64, low: i64) -> EngineError {
        let gone = low - from;
        self.say(&format!(
            "{gone} records of partition {partition} of topic {} were deleted by the topic's retention before they were \
             read: reading stopped at offset {from}, and the oldest that is kept is {low}. Nothing is skipped on its own: \
             choose where to go on with {CHOICE}, and have the topic keep its records longer than readers are away",
            self.topic
        ))
    }

    /// There are other records now at the place than those that were read.
    pub(super) fn replaced(&self, partition: i32, found: &str) -> EngineError {
        self.say(&format!(
            "partition {partition} of topic {} does not hold the records that were read of it: {found}. The topic was \
             deleted and made again, or its brokers lost records, or these are other brokers. Nothing is read until you \
             choose where to go on with {CHOICE}",
            self.topic
        ))
    }

    fn of_code(&self, code: Code, reason: &str) -> EngineError {
        let (broker, reason) = broker_of(reason);
        let broker = broker.unwrap_or(&self.brokers);
        let (topic, login, trust) = (&self.topic, &self.login, &self.trust);
        self.say(&match code {
            Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => format!(
                "broker {broker} refused the login {login}: {reason}. Correct the user, the password or the mechanism; \
                 they are read anew and tried again"
            ),
            Code::SSL => format!(
                "there is no TLS with broker {broker}, of which {trust} must know: {reason}. Correct `stream.tls` of the \
                 source or the broker's certificate; it is tried again"
            ),
            Code::Resolve => format!(
                "the name of broker {broker} cannot be resolved: {reason}. Correct `stream.brokers` of the source or the \
                 name service; it is tried again"
            ),
            Code::UnknownTopic | Code::UnknownTopicOrPartition => format!(
                "topic {topic} is not on the brokers ({broker}), or not for this user. Create it, or correct \
                 `stream.topic` of the source; it is tried again"
            ),
            Code::UnknownPartition => format!(
                "a partition of topic {topic} that was there is gone. Bring it back, or choose where to go on with \
                 {CHOICE}"
            ),
            Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed | Code::GroupAuthorizationFailed => format!(
                "broker {broker} does not let this user read topic {topic}: {reason}. Have the user allowed to describe and \
                 read it; it is tried again"
            ),
            Code::AutoOffsetReset | Code::OffsetOutOfRange => format!(
                "the place where reading topic {topic} is to go on is not in it any more: {reason}. Choose where to go on \
                 with {CHOICE}"
            ),
            Code::BadMessage | Code::InvalidMessage | Code::BadCompression | Code::Underflow | Code::InvalidMessageSize => {
                format!(
                    "what broker {broker} sent of topic {topic} cannot be understood: {reason}. Nothing of it was taken. \
                     Check that a Kafka broker listens there and that its disk is sound; it is tried again"
                )
            }
            _ => format!(
                "the brokers of topic {topic} do not answer ({broker}): {reason}. Check that they run and can be reached \
                 from here; it is tried again"
            ),
        })
    }
}

/// Where a secret is, for people.
pub(super) fn place(secret: &Secret) -> String {
    match secret {
        Secret::Env(name) => format!("the environment variable {name}"),
        Secret::File(file) => format!("the file {}", file.path.display()),
    }
}

/// The broker that a text of the library's begins with, such as `sasl_ssl://a:9092/bootstrap: `, and the rest.
fn broker_of(text: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = text.split_once("://") else { return (None, text) };
    if !scheme.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return (None, text);
    }
    match rest.split_once(": ") {
        Some((broker, reason)) => (Some(broker.split('/').next().unwrap_or(broker)), reason),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_is_told_apart_from_what_is_said_of_it() {
        let told = "sasl_ssl://a.example:9092/bootstrap: SSL handshake failed: certificate verify failed";
        assert_eq!(broker_of(told), (Some("a.example:9092"), "SSL handshake failed: certificate verify failed"));
        assert_eq!(broker_of("2/2 brokers are down"), (None, "2/2 brokers are down"));
        assert_eq!(broker_of("see https://example.com/x: y"), (None, "see https://example.com/x: y"));
    }

    #[test]
    fn what_a_broker_says_is_cleaned_and_repeats_no_secret() {
        let events = Events::new(vec!["hunter22".to_owned(), "ab".to_owned()]);
        let said = events.safe("no\u{1b}[2J, hunter22 is about wrong.\n");
        assert_eq!(said, "no\u{241b}[2J, (secret) is about wrong");
        assert!(events.safe(&"x".repeat(10_000)).chars().count() <= MOST);
    }
}
