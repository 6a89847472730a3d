//! Whom the client trusts over TLS besides the system's own authorities, and in words what was wrong where it did not.

use std::fmt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{AlertDescription, CertificateError, RootCertStore};

use super::message::Problem;
use crate::model::time::{from_micros, print_time};

/// The most names of a certificate that are shown.
const NAMES: usize = 3;
/// Hint where nobody knows who signed a certificate.
const AUTHORITY: &str = "If it is your own, name the certificate of who signed it with --ca-cert FILE, in FVTOP_CA_CERT, or \
                         as ca_cert of the profile; else check the address given with --url.";
/// Hint where a certificate is good at another time than now.
const CLOCK: &str = "Have its owner renew it; where it should be good, check the clock of this machine.";

/// Authorities whose certificates are trusted besides the system's.
#[derive(Clone, Default)]
pub struct Authorities(Vec<reqwest::Certificate>);

impl Authorities {
    /// From the PEM text of one or more certificates; a certificate that signs itself does as well.
    ///
    /// # Errors
    /// When there is none in it, or one that cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, Problem> {
        let problem = |why: &str| Problem {
            what: format!("The certificates to trust cannot be read: {why}."),
            hint: "Give a file with one or more certificates in PEM form (-----BEGIN CERTIFICATE-----).".to_owned(),
        };
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        let found = found.map_err(|_| problem("they are no PEM text"))?;
        if found.is_empty() {
            return Err(problem("there is no certificate among them"));
        }
        // Only here it shows whether what is in it is a certificate at all.
        let mut store = RootCertStore::empty();
        let one = |der: CertificateDer<'static>| {
            let certificate = reqwest::Certificate::from_der(&der).ok()?;
            store.add(der).ok().map(|()| certificate)
        };
        let found: Option<Vec<_>> = found.into_iter().map(one).collect();
        found.map(Self).ok_or_else(|| problem("one of them is no certificate"))
    }

    /// For the one place that makes connections.
    pub(super) fn certificates(&self) -> impl Iterator<Item = reqwest::Certificate> {
        self.0.iter().cloned()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

/// What a link failed on below HTTP, where that was TLS.
pub(super) fn failure<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An error of input that holds another one names that one's source as its own, and so leaves it out.
        let held = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        cause = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

/// What happened with the deployment of that name, and what to do.
pub(super) fn problem_of(error: &rustls::Error, label: &str) -> Option<(String, String)> {
    let wrong = |what: String, hint: &str| Some((format!("The certificate of {label} {what}."), hint.to_owned()));
    let at = |time: &rustls::pki_types::UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        print_time(from_micros(seconds.saturating_mul(1_000_000)))
    };
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => {
                wrong("is signed by nobody whom this machine trusts".to_owned(), AUTHORITY)
            }
            // An authority of that name is known, and it has another key.
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                wrong("is not signed by the authority of that name whom this machine trusts".to_owned(), AUTHORITY)
            }
            CertificateError::NotValidForName => wrong("is not for that name".to_owned(), &address("")),
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names = names(presented);
                wrong(format!("is for {names}"), &address(&names))
            }
            CertificateError::Expired => wrong("has expired".to_owned(), CLOCK),
            CertificateError::ExpiredContext { not_after, .. } => wrong(format!("expired at {}", at(not_after)), CLOCK),
            CertificateError::NotValidYet => wrong("is not valid yet".to_owned(), CLOCK),
            CertificateError::NotValidYetContext { not_before, .. } => {
                wrong(format!("is not valid before {}", at(not_before)), CLOCK)
            }
            CertificateError::Revoked => wrong("was revoked".to_owned(), "Have its owner replace it."),
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => wrong(
                "is one that signs others, which no server may show".to_owned(),
                "Have its owner make one for the server, with the extension basicConstraints=CA:FALSE.",
            ),
            other => wrong(format!("is not trusted: {other}"), AUTHORITY),
        },
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => Some((
            format!("{label} wants a certificate of this client."),
            "Name it and its key in TECTON_CLIENT_CERT and TECTON_CLIENT_KEY, or in the profile.".to_owned(),
        )),
        rustls::Error::InvalidMessage(_) => Some((
            format!("What listens at {label} does not speak TLS."),
            "It may speak plain HTTP: give the address with http:// in place of https://.".to_owned(),
        )),
        _ => None,
    }
}

/// Whether what came was no TLS at all.
pub(super) fn is_foreign(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidMessage(_))
}

fn address(names: &str) -> String {
    let one = if names.is_empty() { "a name that it is for" } else { "such a name" };
    format!("Give the address with {one} with --url, or have a certificate made for this one.")
}

/// The names in a certificate, which come as `DnsName("example.com")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inside = name
            .split_once('(')
            .and_then(|(_, rest)| rest.rsplit_once(')'))
            .map_or(name.as_str(), |(inside, _)| inside);
        inside.trim_matches('"').to_owned()
    };
    let shown: Vec<String> = presented.iter().take(NAMES).map(bare).collect();
    match (shown.is_empty(), presented.len().saturating_sub(NAMES)) {
        (true, _) => "no name at all".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;
