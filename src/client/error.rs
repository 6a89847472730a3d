//! What can go wrong with a call, told so that a person knows what to do.

use std::time::Duration;

use super::message::Problem;
use super::trust;
use crate::model::{clean, cut};
use crate::wire::status;

/// A call that failed. The texts are clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What it means for the connection.
    pub kind: Kind,
    /// What to tell.
    pub problem: Problem,
    /// How long the deployment wants to be left alone (`Retry-After`); absent where it did not say.
    pub retry_after: Option<Duration>,
    /// The request never left this machine.
    pub unsent: bool,
}

/// What a failure means for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The deployment was not reached or is away: the same call may work later.
    Unreachable,
    /// The deployment does not let us in: nothing will work without a change.
    Refused,
    /// Something else answers at the address, now or always: a page, a redirection, bytes of no meaning.
    Foreign,
    /// The deployment refused this call alone.
    Answered,
    /// The key lacks the right for this call; others may be allowed (docs/wire.md section 1.8).
    Forbidden,
    /// The deployment wants to be left alone for a while: the same call may work later.
    Busy,
    /// The deployment broke on this call, or its answer is damaged.
    Failed,
    /// The deployment does not know this call.
    Unimplemented,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        error.problem
    }
}

/// The most characters of a text that tells what went wrong.
const LONGEST: usize = 1_000;
/// The most characters of a line of an answer that is shown.
const LINE: usize = 160;
/// Hint where the same call may work later.
const AGAIN: &str = "It may be busy or stalled: look at the deployment itself, or try again later.";
/// Hint where the key is at fault.
const KEY: &str = "Check TECTON_API_KEY, or the file given with --api-key-file.";
/// Hint where a page came in place of an answer.
const PAGE: &str =
    "A login page of the network may stand between: open one in a browser; else check the address given with --url.";
/// Hint where an answer was damaged.
const LINK: &str = "Something between may have damaged it, or its release does not fit this program.";
/// Hint where a change may have happened although its answer is missing.
const TAKEN: &str = "It may have been taken all the same: look at the job list before trying again.";
/// Hint where the address of the feature server is at fault.
const FEATURES: &str = "Check the feature server and its address: feature_url of the profile, or FEATURE_SERVICE.";
/// Hint where the address is at fault.
const ADDRESS: &str = "Check the address given with --url; it usually ends in /api.";

impl Error {
    /// A failure of that kind. Both texts are cleaned here, and cut where nobody would read on.
    pub fn new(kind: Kind, what: impl AsRef<str>, hint: impl AsRef<str>) -> Self {
        let text = |text: &str| cut(&clean(text), LONGEST).into_owned();
        let problem = Problem { what: text(what.as_ref()), hint: text(hint.as_ref()) };
        Self { kind, problem, retry_after: None, unsent: false }
    }

    /// A problem that was found before anything was sent, or that belongs to this call alone.
    pub fn of(kind: Kind, problem: Problem) -> Self {
        Self { kind, problem, retry_after: None, unsent: false }
    }

    /// Of a change, which is not sent again: whether it may have happened although its answer is missing or broken.
    #[must_use]
    pub fn maybe_taken(mut self) -> Self {
        match self.kind {
            Kind::Unreachable | Kind::Failed | Kind::Foreign if !self.unsent => {
                TAKEN.clone_into(&mut self.problem.hint)
            }
            Kind::Busy => "It was not taken: try again in a while.".clone_into(&mut self.problem.hint),
            _ => {}
        }
        self
    }

    /// The same of a feature server that has an address of its own.
    #[must_use]
    pub(super) fn of_features(mut self) -> Self {
        if self.problem.hint.contains("--url") {
            FEATURES.clone_into(&mut self.problem.hint);
        }
        self
    }

    /// Whether the deployment may be back in a moment.
    pub fn may_be_back(&self) -> bool {
        matches!(self.kind, Kind::Unreachable | Kind::Busy)
    }

    /// Whether the same read is worth another try at once: the deployment may be back, or something stood between for a
    /// moment.
    pub fn may_get_through(&self) -> bool {
        self.may_be_back() || self.kind == Kind::Foreign
    }

    /// Whether the same read may work in a moment.
    pub fn passes(&self) -> bool {
        matches!(self.kind, Kind::Unreachable | Kind::Busy | Kind::Failed | Kind::Foreign)
    }

    /// How long the deployment wants to be left alone at least; at most a quarter of an hour is granted.
    pub fn granted_wait(&self) -> Duration {
        self.retry_after.unwrap_or_default().min(Duration::from_secs(900))
    }

    /// Nothing came for that long, after so many bytes of an answer.
    pub fn silent(label: &str, limit: Duration, after: usize) -> Self {
        let seconds = limit.as_secs_f32();
        let what = match after {
            0 => format!("{label} has not answered within {seconds} s."),
            bytes => format!("{label} broke off its answer: after {bytes} bytes nothing came for {seconds} s."),
        };
        Self::new(Kind::Unreachable, what, AGAIN)
    }

    /// The request did not get through, or no whole answer came back.
    pub fn from_http(error: &reqwest::Error, label: &str, limit: Duration) -> Self {
        let cause = root_cause(error);
        if error.is_timeout() && !error.is_connect() {
            return Self::silent(label, limit, 0);
        }
        // Once TLS is agreed on, bytes that are none of it are a broken link and no other protocol.
        let of_tls = trust::failure(error).filter(|failure| error.is_connect() || !trust::is_foreign(failure));
        if let Some((what, hint)) = of_tls.and_then(|failure| trust::problem_of(failure, label)) {
            return Self { unsent: error.is_connect(), ..Self::new(Kind::Unreachable, what, hint) };
        }
        if error.is_connect() {
            let lower = cause.to_lowercase();
            let (what, hint) = if lower.contains("refused") {
                (
                    format!("Nothing listens at {label}."),
                    "Start the deployment there, or give another address with --url.",
                )
            } else if ["dns", "resolve", "lookup", "name or service"].iter().any(|word| lower.contains(word)) {
                (
                    format!("The host name of {label} is not known."),
                    "Check the address given with --url and the network.",
                )
            } else if lower.contains("handshake eof") {
                // It closed the link at the first word of TLS.
                (
                    format!("What listens at {label} does not speak TLS."),
                    "It may speak plain HTTP: give the address with http:// in place of https://.",
                )
            } else if error.is_timeout() {
                (
                    format!("{label} cannot be reached: no connection within 3 s."),
                    "Check the network, a VPN, and the address given with --url.",
                )
            } else {
                (format!("{label} cannot be reached: {cause}."), "Check the network and the address given with --url.")
            };
            return Self { unsent: true, ..Self::new(Kind::Unreachable, what, hint) };
        }
        // Such as the alert with which TLS turns away who does not speak it.
        if cause.to_lowercase().contains("invalid http") {
            let what = format!("What listens at {label} does not speak plain HTTP: {cause}.");
            return Self::new(
                Kind::Foreign,
                what,
                "It may speak TLS: give the address with https:// in place of http://.",
            );
        }
        Self::new(Kind::Unreachable, format!("{label} broke off its answer: {cause}."), AGAIN)
    }

    /// An HTTP status of 400 or more (or a redirection), with the start of its body. `message` is what a JSON error
    /// body said.
    pub fn from_status(code: u16, message: &str, label: &str) -> Self {
        let detail = if message.is_empty() { String::new() } else { format!(": {}", first_line(message)) };
        let what = format!("{label} answered HTTP {code}{detail}");
        let what = if what.ends_with(['.', '!', '?']) { what } else { format!("{what}.") };
        match code {
            401 => Self::new(Kind::Refused, format!("{label} does not accept the API key."), KEY),
            403 => Self::new(Kind::Forbidden, what, "The API key lacks the right for this; ask an administrator."),
            300..=399 | 404 | 405 => Self::new(Kind::Foreign, what, ADDRESS),
            429 => Self::new(Kind::Busy, what, "It gets too many calls: it wants to be left alone for a while."),
            502..=504 => Self::new(Kind::Unreachable, what, AGAIN),
            500.. => Self::new(Kind::Failed, what, "The deployment failed; its own log says why."),
            _ => Self::new(Kind::Answered, what, "Correct what it names and try again."),
        }
    }

    /// A web page came, whose title this is.
    pub fn page(label: &str, title: &str) -> Self {
        let what = format!("{label} answered with a web page: `{title}`.");
        Self::new(Kind::Foreign, what, PAGE)
    }

    /// Something came that is not of the protocol, and begins like that.
    pub fn foreign(label: &str, content_type: &str, start: &str) -> Self {
        let shown = if start.is_empty() { "an empty answer".to_owned() } else { format!("`{start}`") };
        let kind = if content_type.is_empty() { String::new() } else { format!(" ({})", cut(content_type, LINE)) };
        let what = format!("{label} does not speak the feature platform's protocol: it sent {shown}{kind}.");
        Self::new(Kind::Foreign, what, ADDRESS)
    }

    /// The answer ends in the middle, after so many bytes.
    pub fn cut_off(label: &str, bytes: usize) -> Self {
        Self::new(Kind::Failed, format!("{label} broke off its answer after {bytes} bytes."), LINK)
    }

    /// The answer is in the protocol's form but cannot be read.
    pub fn unreadable(label: &str, why: &str) -> Self {
        Self::new(Kind::Failed, format!("{label} sent an answer that cannot be read: {}.", cut(why, 2 * LINE)), LINK)
    }

    /// A gRPC code other than 0, in the envelope or in the feature server's JSON.
    pub fn from_code(code: i32, detail: &str, label: &str) -> Self {
        let name = status::name(code);
        let detail = if detail.is_empty() { format!("{label} answered {name}.") } else { detail.to_owned() };
        match code {
            status::UNAUTHENTICATED => Self::new(Kind::Refused, format!("{label} does not accept the API key."), KEY),
            status::PERMISSION_DENIED => {
                Self::new(Kind::Forbidden, detail, "The API key lacks the right for this; ask an administrator.")
            }
            status::UNIMPLEMENTED => {
                Self::new(Kind::Unimplemented, detail, "This deployment does not offer that; the rest works.")
            }
            status::UNAVAILABLE | 4 => Self::new(Kind::Unreachable, detail, AGAIN),
            status::INTERNAL | 2 | 15 => {
                Self::new(Kind::Failed, detail, "The deployment failed on this call; its own log says why.")
            }
            _ => Self::new(Kind::Answered, detail, ""),
        }
    }
}

/// The first line of a text that is worth showing, at most 160 characters; markup has none.
pub(super) fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    cut(&clean(line), LINE).into_owned()
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_cut_to_one_clean_line() {
        assert_eq!(first_line("\n\n  \u{1b}[1mbad\nmore"), "␛[1mbad");
        assert_eq!(first_line(&"x".repeat(500)).chars().count(), 160);
        let long = "é".repeat(5_000);
        for error in [Error::from_code(3, &long, "h"), Error::unreadable("h", &long), Error::foreign("h", &long, &long)]
        {
            assert!(error.problem.what.chars().count() <= LONGEST, "{}", error.problem.what.len());
        }
    }

    #[test]
    fn a_change_without_a_good_answer_says_whether_it_may_have_been_taken() {
        for (error, taken) in [
            (Error::from_status(503, "", "h"), Some(true)),
            (Error::from_status(500, "", "h"), Some(true)),
            (Error::from_code(13, "", "h"), Some(true)),
            (Error::cut_off("h", 7), Some(true)),
            (Error::page("h", "Sign in"), Some(true)),
            (Error::from_status(302, "", "h"), Some(true)),
            (Error::from_status(404, "", "h"), Some(true)),
            (Error::foreign("h", "", ""), Some(true)),
            (Error::from_status(429, "", "h"), Some(false)),
            (Error::from_code(3, "Not on the grid.", "h"), None),
            (Error::from_code(7, "Not for you.", "h"), None),
        ] {
            let hint = error.clone().maybe_taken().problem.hint;
            let hints = (hint.contains("may have been taken"), hint.contains("was not taken"));
            assert_eq!(hints, (taken == Some(true), taken == Some(false)), "{error}: {hint}");
        }
    }

    #[test]
    fn wrong_keys_are_told_alike_however_they_are_refused() {
        let (http, grpc) = (Error::from_status(401, "", "h"), Error::from_code(16, "no", "h"));
        assert_eq!(http, grpc);
        assert!(http.problem.what.contains("API key") && http.problem.hint.contains("TECTON_API_KEY"));
        assert_eq!(Error::from_code(7, "no", "h").kind, Kind::Forbidden);
    }
}
