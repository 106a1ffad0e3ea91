use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post_service};
use axum::{Json, Router};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use tower::Service;
use tracing::{debug, warn};

use crate::clock::Throttle;
use crate::failpoint::{Point, pass};
use crate::model::{Chain, EventId, Secret};
use crate::transport::{Intake, Readiness, Received, Via};
use crate::wire::signature::{Claim, SignatureError};

use super::answer::Answer;
use super::body::{Bodies, discard};
use super::places::Place;

/// The service waits 15 s for an answer; this one comes a little before.
const ANSWER_WITHIN: Duration = Duration::from_secs(14);
/// How often to say that a webhook was not taken: anybody may post what is not.
const COMPLAIN: Duration = Duration::from_secs(60);

/// Takes webhooks: a tower service for the one address, and a [router](Webhook::router) with health checks beside it.
///
/// It is asked of a [running runtime](crate::runtime::RunningRuntime::webhook). Cheap to clone. In an axum application of one's own:
///
/// ```no_run
/// # use axum::Router;
/// # use openmail_agent::runtime::RunningRuntime;
/// # fn example(running: &RunningRuntime) -> Option<Router> {
/// let app: Router = Router::new().route_service("/openmail", running.webhook()?);
/// # Some(app)
/// # }
/// ```
#[derive(Clone)]
pub struct Webhook {
    secrets: Arc<[Secret]>,
    intake: Intake,
    readiness: Readiness,
    bodies: Bodies,
    served: Arc<Once>,
    complaints: Arc<Throttle>,
}

impl Webhook {
    /// Takes what one of the secrets signed. There is none without a secret: everybody could write to the agent.
    pub(crate) fn new(
        secrets: impl IntoIterator<Item = Secret>,
        intake: Intake,
        readiness: Readiness,
    ) -> Option<Self> {
        let secrets: Arc<[Secret]> = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        if secrets.is_empty() {
            return None;
        }
        Some(Self {
            secrets,
            intake,
            readiness,
            bodies: Bodies::new(),
            served: Arc::new(Once::new()),
            complaints: Arc::new(Throttle::new(COMPLAIN)),
        })
    }

    /// `POST /webhooks`, `GET /healthz` (the process lives) and `GET /readyz` (mail can be taken), to serve or to merge
    /// into a router of one's own, whatever state that has. Where it has a route of these names already, nest this one, or mount
    /// the `Webhook` itself.
    ///
    /// ```
    /// # use axum::{Router, extract::State, routing::get};
    /// # use openmail_agent::transport::webhook::Webhook;
    /// #[derive(Clone)]
    /// struct AppState {
    ///     greeting: &'static str,
    /// }
    ///
    /// async fn home(State(state): State<AppState>) -> &'static str {
    ///     state.greeting
    /// }
    ///
    /// fn app(webhook: &Webhook, state: AppState) -> Router {
    ///     Router::new().route("/", get(home)).merge(webhook.router()).with_state(state)
    /// }
    /// ```
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.mark_served();
        let readiness = self.readiness.clone();
        Router::new()
            .route("/webhooks", post_service(self.clone()))
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(move || async move { ready(&readiness) }))
    }

    /// Says once that webhooks are taken; whoever serves it says when they no longer are.
    pub(crate) fn mark_served(&self) {
        self.served.call_once(|| self.readiness.set_webhook(true));
    }

    /// What `/readyz` shows.
    pub(super) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        let mut body = body.into_data_stream();
        let taken = tokio::time::timeout(ANSWER_WITHIN, self.take(&parts, &mut body)).await;
        let answer = match taken {
            Ok(Ok(())) => Answer::Recorded,
            Ok(Err(answer)) => answer,
            Err(_) => Answer::OutOfTime,
        };
        match answer {
            Answer::Recorded => debug!("took a webhook"),
            refused => {
                if self.complaints.lets(self.intake.clock().now()) {
                    warn!(
                        ?refused,
                        "did not take a webhook; those of the next minute are logged at the level debug"
                    );
                } else {
                    debug!(?refused, "did not take a webhook");
                }
                discard(&mut body).await;
            }
        }
        answer
    }

    async fn take(&self, parts: &Parts, body: &mut BodyDataStream) -> Result<(), Answer> {
        if self.readiness.is_stopping() {
            return Err(Answer::Stopping);
        }
        let headers = &parts.headers;
        // Before the body is read: what is not even claimed to be signed is not worth the memory.
        let claim = self.claim(headers).map_err(Answer::Unverified)?;
        // Where there is none, the application that this is mounted in has connections of its own.
        let place = parts.extensions.get::<Place>();
        if let Some(place) = place {
            place.mark_claim();
        }
        let body = self.bodies.read(headers, body).await?;
        pass(Point::Received);
        claim.verify(&self.secrets, &body.bytes).map_err(Answer::Unverified)?;
        if let Some(place) = place {
            place.mark_genuine();
        }
        pass(Point::Verified);
        // Whoever mounts it without the router is known to do so by the first of the service's requests.
        self.mark_served();
        let event_id = header(headers, "x-event-id")
            .and_then(|id| std::str::from_utf8(id).ok())
            .filter(|id| !id.is_empty())
            .map(EventId::from);
        let received = Received { body: body.bytes.clone(), event_id, via: Via::Webhook, envelope: None };
        match self.intake.take(vec![received], None).await {
            Ok(_) => Ok(()),
            Err(error) => {
                warn!(error = %Chain(&error), "cannot record a webhook");
                Err(Answer::StoreFailing)
            }
        }
    }

    fn claim<'a>(&self, headers: &'a HeaderMap) -> Result<Claim<'a>, SignatureError> {
        let now = self.intake.clock().now();
        Claim::read(header(headers, "x-timestamp"), header(headers, "x-signature"), now)
    }
}

impl Service<Request<Body>> for Webhook {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let webhook = self.clone();
        Box::pin(async move { Ok(webhook.answer(request).await.into_response()) })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(|value| value.as_bytes())
}

fn ready(readiness: &Readiness) -> Response {
    let report = readiness.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}
