//! gRPC status codes, as the envelope's `status.code` carries them (docs/wire.md section 1.5).

/// The call was done; the envelope's only code with an answer.
pub const OK: i32 = 0;
/// The caller gave something it can correct; the detail says what, in a whole sentence.
pub const INVALID_ARGUMENT: i32 = 3;
/// It took longer than the time limit of the request.
pub const DEADLINE_EXCEEDED: i32 = 4;
/// What was asked for is not there.
pub const NOT_FOUND: i32 = 5;
/// The key is known but may not do this.
pub const PERMISSION_DENIED: i32 = 7;
/// Too much was asked for.
pub const RESOURCE_EXHAUSTED: i32 = 8;
/// The state of things does not allow it.
pub const FAILED_PRECONDITION: i32 = 9;
/// The deployment does not know the call.
pub const UNIMPLEMENTED: i32 = 12;
/// The deployment failed. A server must say this, never 14 (unavailable): released clients break on that.
pub const INTERNAL: i32 = 13;
/// The deployment is away for the moment.
pub const UNAVAILABLE: i32 = 14;
/// The key is not known.
pub const UNAUTHENTICATED: i32 = 16;

/// The name of a code, for messages to people.
pub fn name(code: i32) -> &'static str {
    match code {
        OK => "OK",
        1 => "CANCELLED",
        INVALID_ARGUMENT => "INVALID_ARGUMENT",
        DEADLINE_EXCEEDED => "DEADLINE_EXCEEDED",
        NOT_FOUND => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        PERMISSION_DENIED => "PERMISSION_DENIED",
        RESOURCE_EXHAUSTED => "RESOURCE_EXHAUSTED",
        FAILED_PRECONDITION => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        UNIMPLEMENTED => "UNIMPLEMENTED",
        INTERNAL => "INTERNAL",
        UNAVAILABLE => "UNAVAILABLE",
        15 => "DATA_LOSS",
        UNAUTHENTICATED => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}
