//! A connection to the brokers as the definition asks for it: settings of librdkafka, and the secrets.
//!
//! Secrets are read here, when a connection is made, and handed on to the library alone.

use std::io::Read as _;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::words::{Words, place};
use crate::platform::compute::EngineError;
use crate::platform::definition::{KafkaFeed, Secret, Source};
use crate::platform::source::{files, footer};

/// Most bytes of a file that holds a secret.
const SECRET_BYTES: u64 = 64 << 10;

/// The settings that do not depend on the definition.
///
/// - Positions are the platform's, so nothing is committed or begun on the library's own account: an offset that is not
///   there is an error.
/// - A reader must see an event within a second: it waits neither for a fetch to fill nor for a queue to drain.
/// - What is fetched ahead is bounded for each partition. A record that is larger than a fetch comes alone, however
///   large: no bound of the fetch keeps it back.
/// - What a broker sends is checked, and a dead connection noticed.
const SETTINGS: [(&str, &str); 15] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("enable.partition.eof", "true"),
    ("fetch.wait.max.ms", "100"),
    ("fetch.queue.backoff.ms", "20"),
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "4096"),
    ("fetch.max.bytes", "16777216"),
    ("receive.message.max.bytes", "200000000"),
    ("check.crcs", "true"),
    ("socket.timeout.ms", "10000"),
    ("socket.keepalive.enable", "true"),
    ("reconnect.backoff.max.ms", "2000"),
];

/// The settings for a source's topic, and the secrets in them.
///
/// # Errors
/// When a secret is not where the definition says.
pub(super) fn of(source: &Source, feed: &KafkaFeed, words: &Words) -> Result<(ClientConfig, Vec<String>), EngineError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", feed.brokers.join(","));
    config.set("client.id", "fvtop");
    // For other people's monitors of lag alone.
    config.set("group.id", format!("fvtop.{}", source.name));
    for (name, value) in SETTINGS {
        config.set(name, value);
    }
    config.set_log_level(RDKafkaLogLevel::Warning);
    config.set(
        "security.protocol",
        match (&feed.tls, &feed.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        },
    );
    if let Some(file) = feed.tls.as_ref().and_then(|tls| tls.ca_file.as_ref()) {
        files::located(file).map_err(|problem| {
            let path = file.path.display();
            words.say(&format!("its certificates are not read: {path}: {problem}. Correct `stream.tls` of the source"))
        })?;
        config.set("ssl.ca.location", file.path.to_string_lossy());
    }
    let mut secrets = Vec::new();
    if let Some(sasl) = &feed.sasl {
        config.set("sasl.mechanism", sasl.mechanism.word());
        config.set("sasl.username", secret(&sasl.user, "user", words)?);
        let password = secret(&sasl.password, "password", words)?;
        config.set("sasl.password", &password);
        secrets.push(password);
    }
    Ok((config, secrets))
}

/// A secret, read from where it is.
fn secret(secret: &Secret, what: &str, words: &Words) -> Result<String, EngineError> {
    let missing = |problem: &str| {
        let from = place(secret);
        words.say(&format!(
            "the {what} for its brokers is to come from {from}, {problem}. Put it there, or correct `stream.sasl` of the \
             source"
        ))
    };
    let text = match secret {
        Secret::Env(name) => std::env::var(name).map_err(|_| missing("which is not set, or holds no text"))?,
        Secret::File(file) => {
            let mut text = String::new();
            files::located(file).map_err(|problem| missing(&format!("which is not read: {problem}")))?;
            footer::open(&file.path)
                .and_then(|file| file.take(SECRET_BYTES).read_to_string(&mut text).map_err(|error| error.to_string()))
                .map_err(|problem| missing(&format!("which cannot be read: {problem}")))?;
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
            text
        }
    };
    match text.is_empty() {
        true => Err(missing("which is empty")),
        false => Ok(text),
    }
}
