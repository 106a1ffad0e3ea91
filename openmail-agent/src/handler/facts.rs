//! Small facts about the event and the try, as arguments.

use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::model::{Event, Inbox, Lifecycle, Payload, SendFailure};

use super::{Context, FromContext, Needs, PayloadKind, Rejection};

/// Which try of the handler this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// How many a handler that fails gets. `number` can be larger: tries that ended with the process are made up for, up to five.
    pub most: u32,
}

impl Attempt {
    /// A try by its number, for a test of a handler.
    #[must_use]
    pub const fn new(number: u32, most: u32) -> Self {
        Self { number, most }
    }

    /// How many there are after this one, where the handler fails.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.most.saturating_sub(self.number)
    }

    /// Whether a failure now makes the mail a dead letter.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.number >= self.most
    }
}

impl FromContext for Attempt {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        Ok(context.attempt())
    }
}

/// Tells a long handler that it should stop: the process is stopping, or its time is nearly up (a tenth of its timeout
/// before the end, at most 5 s).
///
/// A handler that does not listen is dropped at its next `await` when the deadline passes.
#[derive(Debug, Clone)]
pub struct Cancelled(CancellationToken);

impl Cancelled {
    /// One that stops when the other is called, for a test of a handler.
    ///
    /// ```
    /// # use openmail_agent::handler::Cancelled;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (cancelled, stop) = Cancelled::manual();
    /// tokio::join!(cancelled.cancelled(), async { stop() });
    /// # }
    /// ```
    pub fn manual() -> (Self, impl FnOnce() + Send + 'static) {
        let token = CancellationToken::new();
        (Self(token.clone()), move || token.cancel())
    }

    /// Time never runs out, for a test of a handler.
    ///
    /// ```
    /// # use openmail_agent::handler::Cancelled;
    /// /// Reads on until it is told to stop.
    /// async fn pages(cancelled: Cancelled) -> usize {
    ///     (0..100).take_while(|_| !cancelled.is_cancelled()).count()
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(pages(Cancelled::never()).await, 100);
    /// assert_eq!(pages(Cancelled::now()).await, 0);
    /// # }
    /// ```
    #[must_use]
    pub fn never() -> Self {
        Self(CancellationToken::new())
    }

    /// It is time to stop, for a test of a handler.
    #[must_use]
    pub fn now() -> Self {
        let token = CancellationToken::new();
        token.cancel();
        Self(token)
    }

    /// Whether to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is time to stop.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }
}

impl FromContext for Cancelled {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        Ok(Self(context.cancellation().clone()))
    }
}

impl FromContext for Inbox {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        context.inbox().cloned().ok_or_else(|| Rejection::absent("the event is about no single inbox"))
    }

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::Inbox);
    }
}

/// The client with which the runtime calls the service: the right to do whatever its key may. What a handler does with it is done at
/// once, whether the handler succeeds or not, and once more with its next try.
impl FromContext for Client {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        Ok(context.services().client.clone())
    }
}

impl FromContext for Event {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        Ok(context.event().clone())
    }
}

impl FromContext for Lifecycle {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        match &context.event().payload {
            Payload::Lifecycle(lifecycle) => Ok(lifecycle.clone()),
            _ => Err(Rejection::absent("the event is not about an inbox's or a pod's standing")),
        }
    }

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::Lifecycle);
    }
}

impl FromContext for SendFailure {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        match &context.event().payload {
            Payload::SendFailure(failure) => Ok(failure.clone()),
            _ => Err(Rejection::absent("the event is not about a failed reply")),
        }
    }

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::SendFailure);
    }
}
