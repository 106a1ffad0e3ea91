use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::{Value, json};

use crate::world::Refusal;

/// What a handler answers with.
pub(crate) type Answer = Result<Response, Refusal>;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// A JSON answer with status 200.
pub(crate) fn ok(body: &Value) -> Answer {
    Ok(json(StatusCode::OK, body))
}

/// An answer without a body.
pub(crate) fn no_content() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The refusal in the service's form, the code under the name that this deployment uses.
pub(crate) fn refuse(refusal: &Refusal, code_field: &str) -> Response {
    let mut body = json!({"message": refusal.message});
    body[code_field] = json!(refusal.code);
    for (field, value) in &refusal.more {
        body[field] = value.clone();
    }
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &body);
    if let Some(wait) = refusal.retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds.max(u64::from(!refusal.ordered))));
    }
    response
}

impl IntoResponse for Refusal {
    /// Carries the refusal itself along, so that the gate can count it and put it into its final form.
    fn into_response(self) -> Response {
        let mut response = refuse(&self, "error");
        response.extensions_mut().insert(self);
        response
    }
}

/// The page of a proxy that could not reach the service.
pub(crate) fn proxy_page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let title = format!("{status}");
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(CONTENT_TYPE, "text/html")], page).into_response()
}

/// An answer that never comes: the connection is cut instead, headers unsent.
pub(crate) fn cut() -> Response {
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "cut by an ordered fault");
    Response::new(Body::from_stream(futures_util::stream::iter([Err::<bytes::Bytes, _>(broken)])))
}
