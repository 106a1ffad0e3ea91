use std::sync::Arc;

use serde::{Serialize, Serializer};
use tokio::sync::watch;

use super::websocket::SocketState;

/// Whether mail can be taken, as those know it who take it; shared by cloning.
///
/// Ready = the store takes events, nothing is stopping, and the socket's subscription is in force. Where a webhook is
/// served and the socket cannot be had, the webhook is enough: the service falls back to it.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<watch::Sender<Known>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    socket: Option<SocketState>,
    webhook: bool,
    /// The store tells what is due.
    store: bool,
    /// The store takes what is new.
    records: bool,
    stopping: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self { socket: None, webhook: false, store: true, records: true, stopping: false }
    }
}

impl Readiness {
    /// Nothing is known yet: neither socket nor webhook, so nothing is ready.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Known::default())))
    }

    /// The socket stands here; before the first word there is none.
    pub(crate) fn set_socket(&self, state: SocketState) {
        self.change(|known| known.socket = Some(state));
    }

    /// Webhooks are taken, or no longer.
    #[cfg(any(test, feature = "webhook"))]
    pub(crate) fn set_webhook(&self, served: bool) {
        self.change(|known| known.webhook = served);
    }

    /// The store tells what is due, or fails.
    pub(crate) fn set_store(&self, works: bool) {
        self.change(|known| known.store = works);
    }

    /// The store takes what is new, or fails: a full disk can still be read.
    pub(crate) fn set_records(&self, works: bool) {
        self.change(|known| known.records = works);
    }

    /// The runtime is stopping.
    pub(crate) fn set_stopping(&self) {
        self.change(|known| known.stopping = true);
    }

    /// What is known, now and from now on.
    pub(super) fn known(&self) -> watch::Receiver<Known> {
        self.0.subscribe()
    }

    /// Whether webhooks are taken.
    pub(crate) fn takes_webhooks(&self) -> bool {
        self.0.borrow().webhook
    }

    /// Whether mail can be taken now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.borrow().is_ready()
    }

    /// Whether the runtime is stopping, or has.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.borrow().stopping
    }

    /// Waits until mail can be taken.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn ready(&self) {
        let mut known = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = known.wait_for(Known::is_ready).await;
    }

    /// Waits until the runtime is stopping or has stopped. For a server around it that is to stop with it.
    ///
    /// ```no_run
    /// # use axum::Router;
    /// # use openmail_agent::runtime::RunningRuntime;
    /// # use tokio::net::TcpListener;
    /// # async fn example(running: RunningRuntime, listener: TcpListener, app: Router) -> openmail_agent::Result<()> {
    /// let readiness = running.readiness().clone();
    /// let server = axum::serve(listener, app).with_graceful_shutdown(async move { readiness.stopping().await });
    /// let (served, stopped) = tokio::join!(async { server.await }, running.run_until_signal());
    /// stopped?;
    /// Ok(served?)
    /// # }
    /// ```
    ///
    /// The server waits for requests that are under way, however long they take: give it a deadline where strangers may send them.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn stopping(&self) {
        let mut known = self.0.subscribe();
        // As above.
        let _ = known.wait_for(|known| known.stopping).await;
    }

    /// What is known, for an operator.
    #[must_use]
    pub fn report(&self) -> ReadinessReport {
        let known = *self.0.borrow();
        ReadinessReport {
            ready: known.is_ready(),
            socket: known.socket,
            webhook: known.webhook,
            store: known.store && known.records,
            stopping: known.stopping,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        self.0.send_if_modified(|known| {
            let before = *known;
            change(known);
            *known != before
        });
    }
}

impl Known {
    /// Whether news of mail comes by itself, here or in the process that holds the socket.
    pub(super) fn brings_mail(&self) -> bool {
        self.webhook || matches!(self.socket, Some(SocketState::Live | SocketState::Standby))
    }

    fn is_ready(&self) -> bool {
        let intake = match self.socket {
            None => self.webhook,
            Some(SocketState::Degraded(_) | SocketState::Stopped(_)) => self.webhook,
            Some(state) => state.is_ready(),
        };
        intake && self.store && self.records && !self.stopping
    }
}

/// What `/readyz` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReadinessReport {
    /// Whether mail can be taken now.
    pub ready: bool,
    /// Where the socket stands, where there is one.
    #[serde(serialize_with = "in_words")]
    pub socket: Option<SocketState>,
    /// Whether webhooks are taken.
    pub webhook: bool,
    /// Whether the store works: it tells what is due, and takes what is new. `ok` or `failing` in the answer.
    #[serde(serialize_with = "ok_or_failing")]
    pub store: bool,
    /// Whether the runtime is stopping.
    pub stopping: bool,
}

fn in_words<S: Serializer>(socket: &Option<SocketState>, serializer: S) -> Result<S::Ok, S::Error> {
    socket.map(|state| state.to_string()).serialize(serializer)
}

fn ok_or_failing<S: Serializer>(works: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *works { "ok" } else { "failing" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::websocket::Degradation;

    #[test]
    fn ready_means_subscribed_or_a_webhook_to_fall_back_to() {
        let lost = SocketState::Degraded(Degradation::Lost(None));
        for (socket, webhook, expected) in [
            (None, false, false),
            (None, true, true),
            (Some(SocketState::Connecting), true, false),
            (Some(SocketState::Live), false, true),
            (Some(SocketState::Replaying), false, true),
            (Some(lost), false, false),
            (Some(lost), true, true),
        ] {
            let readiness = Readiness::new();
            readiness.set_webhook(webhook);
            socket.into_iter().for_each(|state| readiness.set_socket(state));
            assert_eq!(readiness.is_ready(), expected, "{socket:?}, webhook {webhook}");
            readiness.set_records(false);
            assert!(!readiness.is_ready());
            readiness.set_records(true);
            readiness.set_store(false);
            assert!(!readiness.is_ready());
        }
    }

    #[test]
    fn mail_comes_by_itself_over_a_live_socket_or_as_webhooks() {
        let lost = SocketState::Degraded(Degradation::Lost(None));
        for (socket, webhook, expected) in [
            (None, false, false),
            (None, true, true),
            (Some(SocketState::Live), false, true),
            (Some(SocketState::Standby), false, true),
            (Some(SocketState::Replaying), false, false),
            (Some(lost), false, false),
            (Some(lost), true, true),
        ] {
            let readiness = Readiness::new();
            readiness.set_webhook(webhook);
            socket.into_iter().for_each(|state| readiness.set_socket(state));
            assert_eq!(readiness.known().borrow().brings_mail(), expected, "{socket:?}, webhook {webhook}");
        }
    }

    #[tokio::test]
    async fn readiness_is_waited_for_and_ends_with_the_runtime() {
        let readiness = Readiness::new();
        tokio::join!(readiness.ready(), async { readiness.set_socket(SocketState::Live) });
        tokio::join!(readiness.stopping(), async { readiness.set_stopping() });
        assert!(!readiness.report().ready);
        readiness.stopping().await;
    }
}
