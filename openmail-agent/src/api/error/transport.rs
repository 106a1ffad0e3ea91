use super::{Error, ErrorKind};
use crate::wire::DecodeError;

/// The error of a request that got no answer, or lost it.
pub(in crate::api) fn from_transport(error: reqwest::Error) -> Error {
    // The address goes: it can hold file names and signed parameters.
    let error = error.without_url();
    let kind = if error.is_builder() {
        ErrorKind::InvalidRequest
    } else if error.is_connect() {
        ErrorKind::Connect
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Interrupted
    };
    Error(Box::new(super::Inner {
        kind,
        status: error.status().map(|status| status.as_u16()),
        code: None,
        message: None,
        request_id: None,
        wait: None,
        source: Some(error.into()),
    }))
}

/// The error of an answer that came whole and says something else than it must.
pub(in crate::api) fn from_decode(error: DecodeError, status: u16) -> Error {
    use crate::wire::DecodeErrorKind::Syntax;
    // The service always speaks JSON; what does not is a page somebody else put there.
    let kind = if matches!(error.kind(), Syntax { .. }) { ErrorKind::Proxy } else { ErrorKind::Decode };
    Error(Box::new(super::Inner {
        kind,
        status: Some(status),
        code: None,
        message: None,
        request_id: None,
        wait: None,
        source: Some(error.into()),
    }))
}
