use http::header::CONTENT_TYPE;

use crate::{model::WebhookOutcome, shared::Shared, signature, world::DueAttempt};

/// Makes one attempt, signed over the very bytes that leave.
pub(crate) async fn post(shared: &Shared, attempt: &DueAttempt) -> WebhookOutcome {
    let timeout = shared.read(|world| world.settings.webhook_timeout);
    let signature = signature::sign(&attempt.secret, attempt.timestamp, attempt.body.as_bytes());
    let request = shared
        .http
        .post(&attempt.url)
        .timeout(timeout)
        .header(CONTENT_TYPE, "application/json")
        .header("X-Timestamp", attempt.timestamp)
        .header("X-Signature", signature)
        .header("X-Event-Id", &attempt.event_id)
        .body(attempt.body.clone());
    match request.send().await {
        Ok(response) => WebhookOutcome::Answered(response.status().as_u16()),
        Err(error) if error.is_timeout() => WebhookOutcome::TimedOut,
        Err(_) => WebhookOutcome::Unreachable,
    }
}
