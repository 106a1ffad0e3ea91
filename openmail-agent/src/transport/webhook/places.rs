use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The places of the connections that are served at once.
///
/// Anybody may connect, and may stay: by asking now and then, or by never reading an answer. So whoever comes when all places are
/// taken gets that of the connection that has had its own for longest.
///
/// Asking does not make a place younger. Strangers would ask all the time, and the service lose its place while it sends a long
/// webhook. What does is an answer to the service, and a request that claims to be signed: the service may come back over a connection that is
/// older than all others, and strangers can claim no more than once, since an answer to a false claim ends its connection.
///
/// A claim keeps no place either, whoever comes after. Where strangers have made claims on all places but one, that one would go from each
/// newcomer to the next, and the service lose it before it has said anything.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Vec<Weak<Connection>>,
}

/// What a connection has its place by. It counts for as long as this is there.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    standing: Mutex<Standing>,
    given_up: CancellationToken,
}

#[derive(Debug)]
struct Standing {
    /// When a request last came, or was answered.
    active_at: Instant,
    /// From when on the place counts as this connection's.
    since: Instant,
    /// Whether it has brought what the service signed, and waits for the answer.
    is_genuine: bool,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: Vec::new() }
    }

    /// A place for one more, another's where there are none left.
    pub(super) fn take(&mut self) -> Place {
        self.taken.retain(|connection| connection.strong_count() > 0);
        if self.taken.len() >= self.most {
            self.give_one_up();
        }
        let now = Instant::now();
        let standing = Mutex::new(Standing { active_at: now, since: now, is_genuine: false });
        let place = Arc::new(Connection { standing, given_up: CancellationToken::new() });
        self.taken.push(Arc::downgrade(&place));
        Place(place)
    }

    /// Nobody has to, where all have brought what is genuine.
    fn give_one_up(&self) {
        let connections = self.taken.iter().filter_map(Weak::upgrade);
        let strangers = connections.filter_map(|connection| Some((connection.stranger_since()?, connection)));
        if let Some((_, longest)) = strangers.min_by_key(|(since, _)| *since) {
            longest.given_up.cancel();
        }
    }
}

impl Place {
    /// Waits until the place goes to another.
    pub(super) async fn given_up(&self) {
        self.0.given_up.cancelled().await;
    }

    /// Waits until no request has come or was answered for this long.
    pub(super) async fn stands_still(&self, time: Duration) {
        loop {
            let active_at = self.0.active_at();
            tokio::time::sleep_until(active_at + time).await;
            if self.0.active_at() == active_at {
                return;
            }
        }
    }

    /// A request came, or was answered.
    pub(super) fn mark_active(&self) {
        let (mut standing, now) = (self.0.standing(), Instant::now());
        standing.active_at = now;
        if std::mem::take(&mut standing.is_genuine) {
            standing.since = now;
        }
    }

    /// The request that came claims to be signed.
    pub(super) fn mark_claim(&self) {
        self.0.standing().since = Instant::now();
    }

    /// The service waits for an answer: the place stays this connection's until then.
    pub(super) fn mark_genuine(&self) {
        self.0.standing().is_genuine = true;
    }
}

impl Connection {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn active_at(&self) -> Instant {
        self.standing().active_at
    }

    fn stranger_since(&self) -> Option<Instant> {
        let standing = self.standing();
        (!standing.is_genuine && !self.given_up.is_cancelled()).then_some(standing.since)
    }
}
