//! Answers requests from memory, for tests of handlers that have no service to speak to.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use percent_encoding::percent_decode_str;
use reqwest::{RequestBuilder, Response};

use super::error::from_transport;
use super::{Error, ErrorKind, Result};

/// Whoever answers in place of the service.
#[derive(Clone)]
pub(crate) struct StandIn(Arc<Answers>);

type Answers = dyn Fn(&Request) -> Option<http::Response<Bytes>> + Send + Sync;

/// A request that would have left.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path behind `/v1`, decoded.
    pub(crate) path: Vec<String>,
}

impl StandIn {
    /// One that answers so; what it answers with nothing is refused.
    pub(crate) fn new(
        answers: impl Fn(&Request) -> Option<http::Response<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(answers))
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandIn(..)")
    }
}

/// Has a request answered that is not sent.
pub(super) fn answer(stand_in: &StandIn, request: RequestBuilder) -> Result<Response> {
    let request = request.build().map_err(from_transport)?;
    let segments = request.url().path_segments().into_iter().flatten();
    let decoded = segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned());
    let path = decoded.skip_while(|segment| segment != "v1").skip(1).collect();
    let request = Request { method: request.method().clone(), path };
    match (stand_in.0)(&request) {
        Some(response) => Ok(response.into()),
        None => Err(Error::local(
            ErrorKind::Configuration,
            format!(
                "nothing was given to answer {} /v1/{} with, and there is no network in a test of one handler",
                request.method,
                request.path.join("/")
            ),
        )),
    }
}
