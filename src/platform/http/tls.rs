//! TLS in front of the connections: which certificate is shown, and that its files are read again when they change.
//!
//! How long a handshake may take is bounded where connections are watched. What is asked over the link is none of this
//! room's business.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at. What changed is read once it stays as it is from one look to the next, so that
/// two files that are replaced one after the other are not met half-way.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What is told to who speaks plain HTTP here.
const SPEAKS_TLS: &str = "This port speaks TLS: give the address with https:// in place of http://.";

/// Why a certificate and its key cannot be used. What the files hold is never quoted.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file is not there or cannot be read.
    #[error("{} cannot be read: {problem}. Check its path and permissions", path.display())]
    Unreadable {
        /// Path of the file, as the option names it.
        path: PathBuf,
        /// The system's own word for why.
        #[source]
        problem: io::Error,
    },
    /// The file of the certificate has none.
    #[error(
        "{} holds no certificate: give one in PEM form (`-----BEGIN CERTIFICATE-----`), with those that signed it after it",
        .0.display()
    )]
    NoCertificate(PathBuf),
    /// The file of the key has none.
    #[error(
        "{} holds no private key: give one in PEM form (`-----BEGIN PRIVATE KEY-----`) that no password protects",
        .0.display()
    )]
    NoKey(PathBuf),
    /// The two do not belong together, or are of a kind that is not known here.
    #[error(
        "the certificate {} and the key {} cannot be used together: {problem}. Give a certificate and the key that it \
         was made for", certificate.display(), key.display()
    )]
    Unfit {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What the library finds wrong with them.
        #[source]
        problem: rustls::Error,
    },
}

/// Goes with every request that came over TLS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encrypted;

/// The certificate that is shown, and its files. Clones share them.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    shown: Arc<Mutex<Arc<ServerConfig>>>,
    /// The files as they were before they were read first.
    first: Stamps,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// By what a file is told from the one that stood there before; nothing where there is none.
type Stamp = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;
type Stamps = [Stamp; 2];

/// What was seen of the files.
#[derive(Clone, Copy, Debug)]
struct Looked {
    last: Stamps,
    /// When they were read last, to use them or to find that they cannot be used.
    read: Stamps,
}

impl Tls {
    /// Reads a certificate and its private key.
    ///
    /// # Errors
    /// When one of the files cannot be read or is no PEM text, or they do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        // Before they are read: what changes meanwhile is seen at the next look.
        let first = files.stamps();
        let config = files.read()?;
        Ok(Self { files: Arc::new(files), shown: Arc::new(Mutex::new(Arc::new(config))), first })
    }

    /// Reads the files again when they change, for as long as it is polled. What cannot be used is told in the log, and
    /// the certificate from before goes on.
    pub(super) async fn keep_fresh(&self) {
        let mut looked = self.looked();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let tls = self.clone();
            // Only a panic could come back, and the next turn tries again.
            let look = tokio::task::spawn_blocking(move || tls.look(looked));
            looked = look.await.unwrap_or(looked);
        }
    }

    fn looked(&self) -> Looked {
        Looked { last: self.first, read: self.first }
    }

    /// Looks at the files, and reads them where they are others than those read last and have settled.
    fn look(&self, before: Looked) -> Looked {
        let last = self.files.stamps();
        if last == before.read || last != before.last {
            return Looked { last, ..before };
        }
        match self.files.read() {
            Ok(config) => {
                *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                tracing::info!(certificate = %self.files.certificate.display(), "a new certificate is shown");
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the new certificate is not used, the one from before goes on"
                );
            }
        }
        Looked { last, read: last }
    }

    fn shown(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The encrypted link, once both sides are agreed. There is no limit of time here.
    pub(super) async fn shake_hands<I: AsyncRead + AsyncWrite + Unpin>(&self, link: I) -> io::Result<TlsStream<I>> {
        TlsAcceptor::from(self.shown()).accept(link).await
    }
}

impl Files {
    fn read(&self) -> Result<ServerConfig, TlsError> {
        let text =
            |path: &Path| fs::read(path).map_err(|problem| TlsError::Unreadable { path: path.to_owned(), problem });
        let no_certificate = || TlsError::NoCertificate(self.certificate.clone());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text(&self.certificate)?).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(no_certificate)?;
        // What the reader of keys says of a file might quote it.
        let key = PrivateKeyDer::from_pem_slice(&text(&self.key)?).map_err(|_| TlsError::NoKey(self.key.clone()))?;
        warn_of_readers(&self.key);
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        let mut config = config.map_err(|problem| TlsError::Unfit { certificate, key, problem })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn stamps(&self) -> Stamps {
        [stamp(&self.certificate), stamp(&self.key)]
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    let changed = (found.ctime(), found.ctime_nsec());
    Some((found.dev(), found.ino(), found.len(), (found.mtime(), found.mtime_nsec()), changed))
}

fn warn_of_readers(key: &Path) {
    let mode = fs::metadata(key).map_or(0, |found| found.permissions().mode());
    if mode & 0o077 != 0 {
        let path = key.display();
        tracing::warn!(
            "{path} is a private key and may be read by others on this machine: `chmod 600 {path}` ends that"
        );
    }
}

/// Whether what begins with that byte is HTTP that nothing encrypts: its methods are capital letters, and TLS begins
/// with a control character.
pub(super) fn is_plain(first: u8) -> bool {
    first.is_ascii_uppercase()
}

/// Tells who speaks plain HTTP what is spoken here, and hears it out: a link that is closed while something of a
/// request is on its way may lose the answer. There is no limit of time here.
pub(super) async fn send_off<I: AsyncRead + AsyncWrite + Unpin>(mut link: I) -> io::Result<()> {
    let body = serde_json::json!({ "error": SPEAKS_TLS, "message": SPEAKS_TLS, "code": crate::wire::status::INVALID_ARGUMENT });
    let body = body.to_string();
    let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n";
    link.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    link.shutdown().await?;
    tokio::io::copy(&mut link, &mut tokio::io::sink()).await.map(drop)
}

#[cfg(test)]
mod tests;
