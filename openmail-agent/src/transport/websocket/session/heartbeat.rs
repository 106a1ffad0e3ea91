use std::time::{Duration, Instant};

/// How often the service is pinged.
const EVERY: Duration = Duration::from_secs(20);
/// How long it may be silent after a ping. Any frame is a sign of life: a pong can stand behind large events.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pings the service and notices when it has gone: within 30 s.
#[derive(Debug)]
pub(super) struct Heartbeat {
    heard: Instant,
    next_ping: Instant,
    pinged: Option<Instant>,
}

impl Heartbeat {
    pub(super) fn new(now: Instant) -> Self {
        Self { heard: now, next_ping: now + EVERY, pinged: None }
    }

    /// Something arrived.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// A pong arrived.
    pub(super) fn ponged(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = None;
    }

    /// Whether a ping is due; it counts as sent.
    pub(super) fn ping_due(&mut self, now: Instant) -> bool {
        let due = self.next_ping <= now;
        if due {
            self.next_ping = now + EVERY;
            self.pinged.get_or_insert(now);
        }
        due
    }

    /// Whether the service is gone.
    pub(super) fn is_lost(&self, now: Instant) -> bool {
        self.lost_at().is_some_and(|at| at <= now)
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.lost_at().map_or(self.next_ping, |at| at.min(self.next_ping))
    }

    fn lost_at(&self) -> Option<Instant> {
        self.pinged.map(|at| at.max(self.heard) + PATIENCE)
    }
}
