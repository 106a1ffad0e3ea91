use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{AUTHORIZATION, HeaderName},
};

use super::error;
use crate::{
    model::{Drift, Operation, RequestRecord},
    shared::Shared,
    world::{AfterAnswer, BeforeAnswer, Caller, Refusal, World},
};

/// What stands before every operation.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) shared: Arc<Shared>,
    pub(crate) operation: Operation,
}

/// Counts, lets faults strike, authenticates, calls the operation, and puts errors into their final form.
pub(crate) async fn pass(
    State(Gate { shared, operation }): State<Gate>,
    mut request: Request,
    next: Next,
) -> Response {
    let record = shared.change(|world| arrive(world, operation, &request));
    let response = match shared.change(|world| admit(world, operation, &request)) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(BeforeAnswer::Refuse(refusal)) => refusal.into_response(),
        Err(BeforeAnswer::Proxy(status)) => error::proxy_page(status),
        Err(BeforeAnswer::Cut) => {
            shared.change(|world| world.log_request(record));
            return error::cut();
        }
    };
    let (response, after) = shared.change(|world| leave(world, record, response));
    if !delay(&shared, &after).await || after.lose {
        return error::cut();
    }
    response
}

fn arrive(world: &mut World, operation: Operation, request: &Request) -> RequestRecord {
    *world.counts.requests.entry(operation).or_default() += 1;
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
    RequestRecord {
        operation,
        path: request.uri().path().to_owned(),
        idempotency_key: key.map(str::to_owned),
        at: world.now(),
        status: None,
    }
}

fn admit(world: &mut World, operation: Operation, request: &Request) -> Result<Caller, BeforeAnswer> {
    if let Some(fault) = world.faults.before_answer(operation) {
        return Err(fault);
    }
    let in_url = token_in_url(operation, request);
    world.counts.keys_in_urls += u64::from(in_url.is_some());
    let caller = world.authenticate(bearer(request).or(in_url.as_deref()));
    caller.and_then(|caller| world.count_request().map(|()| caller)).map_err(BeforeAnswer::Refuse)
}

fn leave(world: &mut World, mut record: RequestRecord, mut response: Response) -> (Response, AfterAnswer) {
    let operation = record.operation;
    let mut after = AfterAnswer::default();
    if let Some(refusal) = response.extensions().get::<Refusal>().cloned() {
        count_refusal(world, operation, &refusal);
        let older = world.settings.drifts.contains(&Drift::ErrorInCode);
        response = error::refuse(&refusal, if older { "code" } else { "error" });
    } else if response.status().is_success() || response.status().is_redirection() {
        after = world.after_answer(operation);
    }
    let opened = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    world.counts.sockets_refused += u64::from(operation == Operation::OpenSocket && !opened);
    record.status = (!after.lose).then_some(response.status().as_u16());
    tracing::debug!(%operation, status = record.status, "answered");
    let id = HeaderValue::from(world.log_request(record));
    response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    (response, after)
}

fn count_refusal(world: &mut World, operation: Operation, refusal: &Refusal) {
    match refusal.status {
        429 if refusal.ordered => world.counts.limits_ordered += 1,
        429 => world.counts.limits_exceeded += 1,
        400 | 413 => world.counts.bad_requests += 1,
        _ => {}
    }
    world.counts.sends_refused += u64::from(operation == Operation::SendEmail);
}

/// Waits in sandbox time. False if the sandbox stopped meanwhile.
async fn delay(shared: &Shared, after: &AfterAnswer) -> bool {
    let Some(not_before) = after.not_before else { return true };
    tokio::select! {
        () = shared.sleep_until(not_before) => true,
        () = shared.stopped.cancelled() => false,
    }
}

/// The token of an `Authorization: Bearer` header.
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// `?token=`, for WebSocket clients that cannot set headers.
fn token_in_url(operation: Operation, request: &Request) -> Option<String> {
    let params = Query::<HashMap<String, String>>::try_from_uri(request.uri()).ok()?;
    params.0.get("token").filter(|_| operation == Operation::OpenSocket).cloned()
}
