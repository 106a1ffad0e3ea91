use jiff::Timestamp;

/// How an attempt to hand a mail to the [relay](crate::Builder::relay) ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayOutcome {
    /// The server took it.
    Taken,
    /// The server could not be reached, or said not now (4xx).
    Deferred {
        /// What it said; none if it said nothing.
        status: Option<u16>,
    },
    /// The server said never (5xx), or the mail cannot be written down.
    Refused {
        /// What it said; none if it was not asked.
        status: Option<u16>,
    },
}

/// One attempt to hand a mail to the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayAttempt {
    /// Whom it was for.
    pub recipients: Vec<String>,
    /// Counts from one.
    pub attempt: u32,
    /// When it ended, in sandbox time.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: RelayOutcome,
    /// When it is made again, in sandbox time; none if that was the last.
    pub next: Option<Timestamp>,
}
