//! Why a request was not done, in the form of either door: the envelope's status, or the feature server's JSON.
//!
//! The detail is a whole sentence for the person who asked. Code 14 is never used: released clients break on it
//! (docs/wire.md section 1.5).

use std::error::Error;

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::model::{Right, Role, clean, cut};
use crate::platform::access::{AccessError, Caller};
use crate::platform::datasets::DatasetError;
use crate::platform::jobs::JobsError;
use crate::platform::jobs::error::TableError;
use crate::platform::online::OnlineError;
use crate::platform::quarantine::QuarantineError;
use crate::platform::queries::{Refusal, compute};
use crate::platform::sqlite::FileError;
use crate::platform::uploads::UploadError;
use crate::wire::proxy::DecodeError;
use crate::wire::status;

/// Most characters of a detail: it may name what the caller sent, and that may be long.
const LONGEST: usize = 1_000;

/// The detail as one line that may be shown anywhere: nothing that drives a terminal, not longer than a person reads.
fn one_line(detail: &str) -> String {
    cut(&clean(detail), LONGEST).into_owned()
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A gRPC code of `wire::status`.
    pub code: i32,
    /// What happened, to what, and what to do next.
    pub detail: String,
    http: StatusCode,
}

impl Fault {
    /// A fault of that code.
    pub fn new(code: i32, detail: impl Into<String>) -> Self {
        let http = match code {
            status::INVALID_ARGUMENT | status::FAILED_PRECONDITION => StatusCode::BAD_REQUEST,
            status::NOT_FOUND => StatusCode::NOT_FOUND,
            status::PERMISSION_DENIED => StatusCode::FORBIDDEN,
            status::RESOURCE_EXHAUSTED => StatusCode::TOO_MANY_REQUESTS,
            status::UNIMPLEMENTED => StatusCode::NOT_IMPLEMENTED,
            status::UNAUTHENTICATED => StatusCode::UNAUTHORIZED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { code, detail: one_line(&detail.into()), http }
    }

    /// The same with another HTTP status, where the answer is plain HTTP.
    pub fn with_http(self, http: StatusCode) -> Self {
        Self { http, ..self }
    }

    /// Its HTTP status, where the answer is plain HTTP.
    pub fn http(&self) -> StatusCode {
        self.http
    }

    /// No room for this request now.
    pub fn too_busy() -> Self {
        Self::new(status::RESOURCE_EXHAUSTED, "The platform is too busy. Try again in a moment.")
            .with_http(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Whether it says that there is no room now.
    pub fn is_too_busy(&self) -> bool {
        self.http == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Whether it says that the request is too large.
    pub fn is_too_large(&self) -> bool {
        self.http == StatusCode::PAYLOAD_TOO_LARGE
    }

    /// The same, said of a part of the request.
    pub fn of_part(self, part: &str) -> Self {
        Self { detail: one_line(&format!("{part}: {}", self.detail)), ..self }
    }

    /// Something the caller can correct.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(status::INVALID_ARGUMENT, detail)
    }

    /// A request that could not even be read, such as one that is too long.
    pub fn unreadable(why: &str, http: StatusCode) -> Self {
        Self::invalid(format!("The request cannot be read: {}.", why.trim_end_matches('.'))).with_http(http)
    }

    /// A key that is missing or not known.
    pub fn unknown_key() -> Self {
        Self::new(
            status::UNAUTHENTICATED,
            "The API key is missing, revoked or not known here. Give one of the deployment's keys as TECTON_API_KEY.",
        )
    }

    /// A known key without the right.
    pub fn forbidden(caller: &Caller, right: Right) -> Self {
        let able: Vec<_> = Role::ALL.into_iter().filter(|role| role.may(right)).map(Role::name).collect();
        let detail = format!(
            "The API key `{}` has the role {}, which may not do this. It needs a key with the role {}.",
            caller.name,
            caller.role.name(),
            able.join(" or "),
        );
        Self::new(status::PERMISSION_DENIED, detail)
    }

    /// Something that went wrong in here. The log gets its causes as well.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(status::INTERNAL, format!("The platform failed: {error}"))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.detail, "message": self.detail, "code": self.code });
        let mut response = (self.http, axum::Json(body)).into_response();
        // For the audit log, which does not read what it has just said.
        response.extensions_mut().insert(self);
        response
    }
}

/// What axum could not read of a request.
macro_rules! unreadable {
    ($($rejection:ty),+) => {
        $(impl From<$rejection> for Fault {
            fn from(rejection: $rejection) -> Self {
                Self::unreadable(&rejection.body_text(), rejection.status())
            }
        })+
    };
}

unreadable!(BytesRejection, PathRejection, QueryRejection);

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::invalid(format!("The request cannot be read: {error}."))
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        Self::internal(&error)
    }
}

impl From<AccessError> for Fault {
    fn from(error: AccessError) -> Self {
        match &error {
            AccessError::File(_) | AccessError::Random(_) => Self::internal(&error),
            AccessError::LastOwner(_) => Self::new(status::FAILED_PRECONDITION, error.to_string()),
            AccessError::Unusable(_) | AccessError::NoSuchKey(_) => Self::invalid(error.to_string()),
        }
    }
}

impl From<TableError> for Fault {
    fn from(error: TableError) -> Self {
        Self::internal(&error)
    }
}

impl From<JobsError> for Fault {
    fn from(error: JobsError) -> Self {
        match error {
            JobsError::Refused(sentence) => Self::invalid(sentence),
            JobsError::Table(error) => error.into(),
        }
    }
}

impl From<UploadError> for Fault {
    fn from(error: UploadError) -> Self {
        match &error {
            UploadError::Disk { .. } => Self::internal(&error),
            _ => Self::invalid(error.to_string()),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::NotFound(_) => status::NOT_FOUND,
            Refusal::Full(_) => status::RESOURCE_EXHAUSTED,
            Refusal::NotNow(_) => status::FAILED_PRECONDITION,
            Refusal::Failed(error) => error.code,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<DatasetError> for Fault {
    fn from(error: DatasetError) -> Self {
        Self::new(compute::code_of(&error), error.to_string())
    }
}

impl From<QuarantineError> for Fault {
    fn from(error: QuarantineError) -> Self {
        match error {
            QuarantineError::Refused(sentence) => Self::new(status::FAILED_PRECONDITION, sentence),
            QuarantineError::Engine(error) => Self::new(status::FAILED_PRECONDITION, error.message),
            QuarantineError::Online(error) => error.into(),
            QuarantineError::File(error) => error.into(),
        }
    }
}

impl From<OnlineError> for Fault {
    fn from(error: OnlineError) -> Self {
        match &error {
            OnlineError::TooMany { .. } => Self::invalid(format!("The query is refused: {error}.")),
            OnlineError::Lost { .. } => {
                tracing::error!(error = &error as &dyn Error, "a lookup was refused");
                Self::new(status::FAILED_PRECONDITION, format!("{error}."))
            }
            _ => Self::internal(&error),
        }
    }
}

/// An answer in JSON, or why there is none.
pub(crate) fn reply<T: serde::Serialize>(answer: Result<T, Fault>) -> Response {
    match answer {
        Ok(answer) => axum::Json(answer).into_response(),
        Err(fault) => fault.into_response(),
    }
}
