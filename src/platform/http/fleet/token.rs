//! Page tokens: which page comes next, where it begins, and of which request it is.
//!
//! A token holds a place among the jobs, not a count, so that jobs that come meanwhile neither shift nor repeat a page.
//! It is no secret: whoever makes one up sees what the filters would show anyway.

use prost::Message;
use sha2::{Digest, Sha256};

use crate::platform::http::fault::Fault;
use crate::wire::proto::fleet::GetJobsRequest;

/// A token for the page of that number, from 1, which begins after that place.
pub(super) fn write(request: &GetJobsRequest, oldest_first: bool, number: u32, place: i64) -> String {
    format!("{}-{number}-{place}", mark(request, oldest_first))
}

/// The number of the page, and the place it begins after.
///
/// # Errors
/// Code 3 for a text that is no token, or that of another request.
pub(super) fn read(request: &GetJobsRequest, oldest_first: bool, token: &str) -> Result<(u32, i64), Fault> {
    let parts = || {
        let (of, rest) = token.split_once('-')?;
        let (number, place) = rest.split_once('-')?;
        let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
        Some((of, number, place.parse().ok()?))
    };
    let again = "Ask for the first page, without a page_token, and go on from there.";
    let (of, number, place) =
        parts().ok_or_else(|| Fault::invalid(format!("The page_token is none of this deployment. {again}")))?;
    if of != mark(request, oldest_first) {
        let what = "The page_token belongs to a request with other filters or another order.";
        return Err(Fault::invalid(format!("{what} {again}")));
    }
    Ok((number, place))
}

/// What the filters and the order of a request come to, in 16 digits.
fn mark(request: &GetJobsRequest, oldest_first: bool) -> String {
    let filters = GetJobsRequest { pagination: None, ..request.clone() };
    let digest = Sha256::new().chain_update([u8::from(oldest_first)]).chain_update(filters.encode_to_vec()).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_on_in_its_own_request_alone() {
        let request = GetJobsRequest { workspaces: vec!["prod".to_owned()], ..Default::default() };
        let token = write(&request, false, 2, -5);
        assert_eq!(read(&request, false, &token).unwrap(), (2, -5));
        let other = GetJobsRequest::default();
        for (request, oldest_first) in [(&other, false), (&request, true)] {
            assert!(read(request, oldest_first, &token).unwrap_err().detail.contains("other filters"));
        }
        for garbled in ["x", "-", "--", "a-0-1", "a-1-", "a-x-1", "a-1-99999999999999999999", &token[1..], "é-1-1"] {
            let fault = read(&request, false, garbled).unwrap_err();
            assert_eq!(fault.code, crate::wire::status::INVALID_ARGUMENT, "{garbled}");
        }
    }
}
