use std::convert::Infallible;
use std::fmt;
use std::task::{self, Poll};

use futures_util::future::BoxFuture;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};

use crate::model::BoxError;

use super::{Context, Error, FromContext, IntoOutcome, Needs, Outcome};

/// An async function whose arguments are [`FromContext`] and whose result is [`IntoOutcome`].
///
/// Implemented for functions of up to twelve arguments; there is no need to implement it for anything else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a mail handler",
    label = "not a mail handler",
    note = "a mail handler is an `async fn` whose arguments are extractors such as `Mail` or `State<T>`, and whose result is `()`, `Reply`, `String`, or an `Option` or `Result` of these",
    note = "put `#[mail_handler]` on the function to see which argument or result does not fit"
)]
pub trait Handler<Arguments>: Clone + Send + Sync + 'static {
    /// Makes the arguments and runs the function.
    fn call(self, context: Context) -> impl Future<Output = Outcome> + Send;

    /// What the arguments will need.
    fn needs() -> Needs;
}

macro_rules! handler {
    ($($argument:ident)*) => {
        #[allow(non_snake_case, unused_mut, reason = "arguments are named by their type parameters; there may be none")]
        impl<F, Fut, R, $($argument,)*> Handler<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = R> + Send,
            R: IntoOutcome,
            $($argument: FromContext,)*
        {
            async fn call(self, context: Context) -> Outcome {
                // Layers may call more than once: nothing that another call gave may be committed with this one.
                let call = context.call();
                drop(context);
                $(let $argument = match $argument::from_context(&call).await {
                    Ok(argument) => argument,
                    Err(rejection) => return Outcome::failed(rejection),
                };)*
                let outcome = self($($argument),*).await.into_outcome();
                call.finish(outcome)
            }

            fn needs() -> Needs {
                let mut needs = Needs::default();
                $($argument::needs(&mut needs);)*
                needs
            }
        }
    };
}

handler!();
handler!(A1);
handler!(A1 A2);
handler!(A1 A2 A3);
handler!(A1 A2 A3 A4);
handler!(A1 A2 A3 A4 A5);
handler!(A1 A2 A3 A4 A5 A6);
handler!(A1 A2 A3 A4 A5 A6 A7);
handler!(A1 A2 A3 A4 A5 A6 A7 A8);
handler!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
handler!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
handler!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
handler!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);

/// A handler as a service, its type forgotten: what a layer is put around.
#[derive(Clone)]
pub struct BoxedHandler(BoxCloneSyncService<Context, Outcome, Infallible>);

impl BoxedHandler {
    /// Forgets the type of a service, such as one that a layer has made of another.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Context, Response = Outcome, Error = Infallible, Future: Send + 'static>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        Self(BoxCloneSyncService::new(service))
    }
}

impl Service<Context> for BoxedHandler {
    type Response = Outcome;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Outcome, Infallible>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, context: Context) -> Self::Future {
        self.0.call(context)
    }
}

impl fmt::Debug for BoxedHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxedHandler(..)")
    }
}

/// Makes a handler a service.
pub(crate) fn boxed<H: Handler<Arguments>, Arguments>(handler: H) -> BoxedHandler {
    BoxedHandler::new(tower::service_fn(move |context: Context| {
        let handler = handler.clone();
        async move { Ok(handler.call(context).await) }
    }))
}

/// Puts a layer around a handler; an error of the layer's own, such as a timeout, is a failure of the handler.
pub(crate) fn layered<L>(handler: BoxedHandler, layer: &L) -> BoxedHandler
where
    L: Layer<BoxedHandler>,
    L::Service: Service<Context, Response = Outcome, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let service = layer.layer(handler);
    BoxedHandler::new(tower::service_fn(move |context: Context| {
        let call = service.clone().oneshot(context);
        async move { Ok(call.await.unwrap_or_else(|error| Outcome::failed(Error::from_boxed(error)))) }
    }))
}
