use std::sync::Arc;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use crate::shared::Shared;

/// Nothing but what this program itself serves, and nobody else's frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

const FILES: [(&str, &str, &str); 13] = [
    ("/", HTML, include_str!("assets/index.html")),
    ("/page/base.css", CSS, include_str!("assets/base.css")),
    ("/page/mail.css", CSS, include_str!("assets/mail.css")),
    ("/page/panel.css", CSS, include_str!("assets/panel.css")),
    ("/page/stamp.svg", IMAGE, include_str!("assets/stamp.svg")),
    ("/page/main.js", SCRIPT, include_str!("assets/main.js")),
    ("/page/dom.js", SCRIPT, include_str!("assets/dom.js")),
    ("/page/api.js", SCRIPT, include_str!("assets/api.js")),
    ("/page/lists.js", SCRIPT, include_str!("assets/lists.js")),
    ("/page/conversation.js", SCRIPT, include_str!("assets/conversation.js")),
    ("/page/compose.js", SCRIPT, include_str!("assets/compose.js")),
    ("/page/account.js", SCRIPT, include_str!("assets/account.js")),
    ("/page/panel.js", SCRIPT, include_str!("assets/panel.js")),
];

pub(crate) fn router() -> Router<Arc<Shared>> {
    FILES.into_iter().fold(Router::new(), |router, (path, content_type, content)| {
        router.route(path, get(async move || file(content_type, content)))
    })
}

fn file(content_type: &'static str, content: &'static str) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}
