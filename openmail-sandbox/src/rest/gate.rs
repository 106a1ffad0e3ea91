use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header::AUTHORIZATION};

use super::error;
use crate::{
    model::{Drift, Operation},
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
pub(crate) async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let admission = gate.shared.change(|world| admit(world, gate.operation, request.headers()));
    let response = match admission {
        Ok(Ok(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(Err(refusal)) => refusal.into_response(),
        Err(BeforeAnswer::Refuse(refusal)) => refusal.into_response(),
        Err(BeforeAnswer::Proxy(status)) => return error::proxy_page(status),
        Err(BeforeAnswer::Cut) => return error::cut(),
    };
    let (response, after) = gate.shared.change(|world| finish(world, gate.operation, response));
    if !delay(&gate.shared, &after).await || after.lose {
        return error::cut();
    }
    response
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn admit(
    world: &mut World,
    operation: Operation,
    headers: &HeaderMap,
) -> Result<Result<Caller, Refusal>, BeforeAnswer> {
    *world.counts.requests.entry(operation).or_default() += 1;
    if let Some(fault) = world.faults.before_answer(operation) {
        return Err(fault);
    }
    let caller = world.authenticate(bearer(headers));
    Ok(caller.and_then(|caller| world.count_request().map(|()| caller)))
}

fn finish(world: &mut World, operation: Operation, response: Response) -> (Response, AfterAnswer) {
    let after = world.after_answer(operation);
    let Some(refusal) = response.extensions().get::<Refusal>().cloned() else { return (response, after) };
    match refusal.status {
        429 if refusal.ordered => world.counts.limits_ordered += 1,
        429 => world.counts.limits_exceeded += 1,
        400 | 413 => world.counts.bad_requests += 1,
        _ => {}
    }
    world.counts.sends_refused += u64::from(operation == Operation::SendEmail);
    let code_field = match world.settings.drifts.contains(&Drift::ErrorInCode) {
        true => "code",
        false => "error",
    };
    (error::refuse(&refusal, code_field), after)
}

/// Waits in sandbox time. False if the sandbox stopped meanwhile.
async fn delay(shared: &Shared, after: &AfterAnswer) -> bool {
    let Some(not_before) = after.not_before else { return true };
    tokio::select! {
        () = shared.sleep_until(not_before) => true,
        () = shared.stopped.cancelled() => false,
    }
}
