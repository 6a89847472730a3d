//! Which texts are certificates, and what is said of one that is not trusted.

use std::sync::Arc;

use rustls::OtherError;
use rustls::pki_types::{ServerName, UnixTime};

use super::*;

const AUTHORITY_PEM: &[u8] = include_bytes!("../../../tests/fixtures/tls/authority.pem");
const SELF_PEM: &[u8] = include_bytes!("../../../tests/fixtures/tls/self.pem");
const KEY_PEM: &[u8] = include_bytes!("../../../tests/fixtures/tls/server.key");

#[test]
fn certificates_to_trust_are_read_whole_or_refused() {
    let count = |text: &[u8]| Authorities::from_pem(text).map(|found| found.certificates().count());
    assert_eq!(count(AUTHORITY_PEM), Ok(1));
    assert_eq!(count(&[AUTHORITY_PEM, SELF_PEM].concat()), Ok(2));
    let broken = [AUTHORITY_PEM, b"-----BEGIN CERTIFICATE-----\naHVzaA==\n-----END CERTIFICATE-----\n"].concat();
    for (text, words) in [
        (&b"hush"[..], "no certificate among them"),
        (KEY_PEM, "no certificate among them"),
        (b"-----BEGIN CERTIFICATE-----\nhush", "no PEM text"),
        (&broken, "one of them is no certificate"),
    ] {
        let problem = count(text).unwrap_err();
        assert!(problem.what.contains(words) && !problem.to_string().contains("hush"), "{problem}");
        assert!(problem.hint.contains("PEM"), "{problem}");
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_with_what_to_do() {
    let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let expected = || ServerName::try_from("localhost").unwrap();
    let presented = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let four = ["DnsName(\"a.example\")", "IpAddress(127.0.0.1)", "DnsName(\"b.example\")", "DnsName(\"c.example\")"];
    let other = |words: &str| CertificateError::Other(OtherError(Arc::new(std::io::Error::other(words.to_owned()))));
    for (error, what, hint) in [
        (CertificateError::UnknownIssuer, "nobody whom this machine trusts", "--ca-cert FILE"),
        (
            CertificateError::NotValidForNameContext { expected: expected(), presented: presented(&four) },
            "is for a.example, 127.0.0.1, b.example and 1 more.",
            "--url",
        ),
        (
            CertificateError::NotValidForNameContext { expected: expected(), presented: Vec::new() },
            "is for no name at all.",
            "--url",
        ),
        (
            CertificateError::ExpiredContext { time: at(1_000_000_000), not_after: at(978_307_200) },
            "expired at 2001-01-01 00:00",
            "clock",
        ),
        (
            CertificateError::NotValidYetContext { time: at(0), not_before: at(978_307_200) },
            "is not valid before 2001-01-01 00:00",
            "clock",
        ),
        (other("CaUsedAsEndEntity"), "one that signs others", "CA:FALSE"),
        (CertificateError::BadSignature, "not signed by the authority of that name", "--ca-cert"),
        (CertificateError::BadEncoding, "is not trusted: BadEncoding", "--ca-cert"),
    ] {
        let problem = problem_of(&rustls::Error::InvalidCertificate(error), "fv.example").unwrap();
        assert!(problem.0.starts_with("The certificate of fv.example ") && problem.0.contains(what), "{problem:?}");
        assert!(problem.1.contains(hint), "{problem:?}");
    }
    assert_eq!(problem_of(&rustls::Error::DecryptError, "h"), None);
}

#[test]
fn a_failure_of_tls_is_found_below_whatever_holds_it() {
    let failed = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let held = std::io::Error::other(std::io::Error::new(std::io::ErrorKind::InvalidData, failed.clone()));
    assert_eq!(failure(&held), Some(&failed));
    assert_eq!(failure(&failed), Some(&failed));
    assert_eq!(failure(&std::io::Error::other("else")), None);
    assert_eq!(failure(&std::io::Error::from(std::io::ErrorKind::TimedOut)), None);
}
