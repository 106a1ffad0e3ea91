use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The places of the connections that are served at once.
///
/// Anybody may connect, and may stay: by asking now and then, or by never reading an answer. So whoever comes when all places are
/// taken gets that of the connection that has done nothing for longest.
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
        let standing = Mutex::new(Standing { active_at: Instant::now(), is_genuine: false });
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
        self.0.stand(false);
    }

    /// The service waits for an answer: the place stays this connection's until then.
    pub(super) fn mark_genuine(&self) {
        self.0.stand(true);
    }
}

impl Connection {
    fn stand(&self, is_genuine: bool) {
        let standing = Standing { active_at: Instant::now(), is_genuine };
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    fn active_at(&self) -> Instant {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).active_at
    }

    fn stranger_since(&self) -> Option<Instant> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        (!standing.is_genuine && !self.given_up.is_cancelled()).then_some(standing.active_at)
    }
}
