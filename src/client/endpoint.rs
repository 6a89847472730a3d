//! Where a deployment is and how to be let in.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::message::Problem;
use super::trust::Authorities;

/// A deployment's addresses, keys and preferred workspace.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The API's base, such as `https://cluster.example.com/api`.
    pub url: Url,
    /// The base of the feature server; the same as the API's where nothing else is said (docs/wire.md section 1.4).
    pub feature_url: Url,
    /// The key, or the token of a login.
    pub key: ApiKey,
    /// The key for the feature server, which takes no token of a login (docs/wire.md section 3.1).
    pub feature_key: Option<ApiKey>,
    /// The workspace to open when none is asked for.
    pub workspace: Option<String>,
    /// The client's own certificate, where the deployment wants one (docs/wire.md section 1.3).
    pub identity: Option<Identity>,
    /// Whom to trust besides the system's own authorities, where the deployment's certificate is signed by another.
    pub authorities: Authorities,
    /// How long a great answer, such as a list of jobs, may take to begin, and to go on once it has; plain ones get a
    /// twelfth.
    pub patience: Duration,
}

/// The patience that is used unless another is asked for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A client's certificate and its private key. It never prints.
#[derive(Clone)]
pub struct Identity(pub(super) reqwest::Identity);

impl Identity {
    /// From the PEM text of a certificate (those it is signed by after it) and of its key.
    ///
    /// # Errors
    /// When one of the two is not to be found in it.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Problem> {
        let pem = [certificate, b"\n", key].concat();
        // What the reader of keys says of a file might quote it.
        reqwest::Identity::from_pem(&pem).map(Self).map_err(|_| Problem {
            what: "The client's certificate or its key cannot be read: they are no PEM text.".to_owned(),
            hint: "Give the files of a certificate and of its private key, both in PEM form.".to_owned(),
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}

/// The scheme of a login's token.
const BEARER: &str = "Bearer";

/// An API key, or the token of a login. It never prints: not by `Debug`, not by `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    scheme: &'static str,
    secret: String,
}

impl ApiKey {
    /// A key; blanks around it are dropped.
    ///
    /// # Errors
    /// When it is empty or holds characters that no key has, so that a wrong file is noticed before it is sent.
    pub fn new(key: &str) -> Result<Self, Problem> {
        Self::with_scheme("Tecton-key", key)
    }

    /// The token of a login.
    ///
    /// # Errors
    /// As [`ApiKey::new`].
    pub fn bearer(token: &str) -> Result<Self, Problem> {
        Self::with_scheme(BEARER, token)
    }

    fn with_scheme(scheme: &'static str, secret: &str) -> Result<Self, Problem> {
        let secret = secret.trim();
        if secret.is_empty() || !secret.chars().all(|c| c.is_ascii_graphic()) {
            return Err(Problem {
                what: "The API key is empty or holds characters that no key has.".to_owned(),
                hint: "Set TECTON_API_KEY to the key alone, or put it on the first line of the file.".to_owned(),
            });
        }
        Ok(Self { scheme, secret: secret.to_owned() })
    }

    /// Scheme and secret, for the one place that sends them.
    pub(super) fn reveal(&self) -> String {
        format!("{} {}", self.scheme, self.secret)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(***)")
    }
}

impl Endpoint {
    /// A deployment whose feature server is at the same address and takes the same key, unless that is the token of a
    /// login.
    pub fn new(url: Url, key: ApiKey, workspace: Option<String>) -> Self {
        let feature_key = Some(key.clone()).filter(|key| key.scheme != BEARER);
        Self {
            feature_url: url.clone(),
            url,
            key,
            feature_key,
            workspace,
            identity: None,
            authorities: Authorities::default(),
            patience: PATIENCE,
        }
    }

    /// The address for people: without scheme and path where those are the usual ones.
    pub fn label(&self) -> String {
        label(&self.url)
    }

    /// The address of the feature server for people.
    pub fn feature_label(&self) -> String {
        label(&self.feature_url)
    }

    /// Whether the feature server is another one than that of the API.
    pub fn has_own_features(&self) -> bool {
        self.feature_url.origin() != self.url.origin()
    }

    /// Whether the deployment is on this machine.
    pub fn is_local(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }

    /// Whether nothing that is sent to the deployment is encrypted.
    pub(super) fn is_plain(&self) -> bool {
        [&self.url, &self.feature_url].into_iter().all(|url| url.scheme() == "http")
    }

    /// The address of something below the API's base; `path` without a slash in front.
    pub(super) fn join(&self, path: &str) -> Url {
        below(&self.url, path)
    }

    /// The address of something below the feature server's base.
    pub(super) fn join_feature(&self, path: &str) -> Url {
        below(&self.feature_url, path)
    }
}

fn label(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/').filter(|part| !part.is_empty()));
    }
    url
}

/// Reads a deployment's address. Without a path, `/api` is added: every deployment answers there (docs/wire.md
/// section 1.4).
///
/// # Errors
/// When it is no http or https address, or holds a user name or password.
pub fn parse_url(text: &str) -> Result<Url, Problem> {
    let shown = crate::model::clean(text.trim());
    let problem = |why: &str| Problem {
        what: format!("`{shown}` is not the address of a deployment: {why}."),
        hint: "Write it as https://HOST/api, or http://localhost:PORT/api for one on this machine.".to_owned(),
    };
    let mut url = Url::parse(text.trim()).map_err(|error| problem(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(problem("it does not begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Problem {
            what: "The address of the deployment holds a user name or a password.".to_owned(),
            hint: "Take it out; the key belongs in TECTON_API_KEY or a file.".to_owned(),
        });
    }
    url.set_query(None);
    url.set_fragment(None);
    if url.path() == "/" {
        url.set_path("/api");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed_and_checked() {
        assert_eq!(parse_url(" http://localhost:8080 ").unwrap().as_str(), "http://localhost:8080/api");
        assert_eq!(parse_url("https://c.example.com/api/").unwrap().path(), "/api/");
        for bad in ["localhost:8080", "ftp://x/api", "", "https://", "http://user:secret@host/api"] {
            let problem = parse_url(bad).unwrap_err();
            assert!(!problem.what.contains("secret") && !problem.hint.is_empty(), "{bad}");
        }
    }

    #[test]
    fn paths_are_joined_below_the_base() {
        let key = ApiKey::new("k").unwrap();
        for base in ["http://localhost:1/api", "http://localhost:1/api/"] {
            let endpoint = Endpoint::new(parse_url(base).unwrap(), key.clone(), None);
            assert_eq!(endpoint.join("v1/feature-service/get-features").path(), "/api/v1/feature-service/get-features");
            assert!(endpoint.is_local());
            assert_eq!(endpoint.label(), "localhost:1");
        }
    }

    #[test]
    fn the_feature_server_gets_no_token_of_a_login() {
        let url = parse_url("https://c.example.com/api").unwrap();
        let with = |key| Endpoint::new(url.clone(), key, None).feature_key;
        assert_eq!(with(ApiKey::new("k").unwrap()), Some(ApiKey::new("k").unwrap()));
        assert_eq!(with(ApiKey::bearer("t").unwrap()), None);
    }

    #[test]
    fn a_certificate_that_is_none_is_told_without_quoting_it() {
        let problem = Identity::from_pem(b"-----BEGIN hush-----", b"secret").unwrap_err();
        assert!(problem.what.contains("PEM") && !problem.to_string().contains("hush"), "{problem}");
    }

    #[test]
    fn a_key_never_prints() {
        let key = ApiKey::new(" secret-key \n").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(***)");
        assert_eq!(key.reveal(), "Tecton-key secret-key");
        assert_eq!(ApiKey::bearer("t").unwrap().reveal(), "Bearer t");
        assert!(ApiKey::new("  ").is_err() && ApiKey::new("two words").is_err());
    }
}
