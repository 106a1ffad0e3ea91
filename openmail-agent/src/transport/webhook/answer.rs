use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::wire::signature::SignatureError;

/// How soon the service may try again. It has its own schedule, which begins with this much.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("30");

/// How a webhook is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Recorded,
    Unverified(SignatureError),
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The body broke off.
    Incomplete,
    StoreFailing,
    OutOfTime,
    Busy,
    Stopping,
}

#[derive(Serialize)]
struct Reason {
    error: &'static str,
    message: String,
}

impl Answer {
    fn parts(self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Recorded => (StatusCode::OK, "", String::new()),
            Self::Unverified(reason) => (StatusCode::UNAUTHORIZED, reason.code(), reason.to_string()),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body exceeds 10 MB".into())
            }
            Self::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in time".into())
            }
            Self::Incomplete => (StatusCode::BAD_REQUEST, "body_incomplete", "the body broke off".into()),
            Self::StoreFailing => {
                let message = "the event cannot be stored at the moment: send it again";
                (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", message.into())
            }
            Self::OutOfTime => {
                let message = "the event was not stored in time: send it again";
                (StatusCode::SERVICE_UNAVAILABLE, "out_of_time", message.into())
            }
            Self::Stopping => {
                let message = "the agent is stopping: send it again";
                (StatusCode::SERVICE_UNAVAILABLE, "stopping", message.into())
            }
            Self::Busy => {
                let message = "too many events are being received: send it again";
                (StatusCode::SERVICE_UNAVAILABLE, "busy", message.into())
            }
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if self == Self::Recorded {
            return Json(serde_json::json!({ "received": true })).into_response();
        }
        let (status, error, message) = self.parts();
        let mut response = (status, Json(Reason { error, message })).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        if !matches!(self, Self::StoreFailing) {
            // The body may not have been read to its end, so nothing can follow it on this connection.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
