//! Where a deployment is and how to be let in.

use std::fmt;

use url::Url;

use super::message::Problem;

/// A deployment's address, key and preferred workspace.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The API's base, such as `https://cluster.example.com/api`.
    pub url: Url,
    /// The key.
    pub key: ApiKey,
    /// The workspace to open when none is asked for.
    pub workspace: Option<String>,
}

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
        Self::with_scheme("Bearer", token)
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
    /// The address for people: without scheme and path where those are the usual ones.
    pub fn label(&self) -> String {
        let host = self.url.host_str().unwrap_or("?");
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
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

    /// The address of something below the base; `path` without a slash in front.
    pub(super) fn join(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/').filter(|part| !part.is_empty()));
        }
        url
    }
}

/// Reads a deployment's address. Without a path, `/api` is added: every deployment answers there (wire section 1.4).
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
            let endpoint = Endpoint { url: parse_url(base).unwrap(), key: key.clone(), workspace: None };
            assert_eq!(endpoint.join("v1/feature-service/get-features").path(), "/api/v1/feature-service/get-features");
            assert!(endpoint.is_local());
            assert_eq!(endpoint.label(), "localhost:1");
        }
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
