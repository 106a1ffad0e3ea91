//! How long to wait before trying again.

use std::time::Duration;

use rand::Rng;

/// Exponential back-off between two bounds.
///
/// ```
/// # use openmail_agent::backoff::Backoff;
/// # use std::time::Duration;
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// assert_eq!(backoff.ceiling(0), Duration::from_secs(1));
/// assert_eq!(backoff.ceiling(3), Duration::from_secs(8));
/// assert_eq!(backoff.ceiling(60), Duration::from_secs(30));
/// assert!(backoff.with_jitter(3) <= Duration::from_secs(8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
}

impl Backoff {
    /// Doubles from `first` up to `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }

    /// The longest wait before the try after `failures` + 1 failed ones.
    #[must_use]
    pub fn ceiling(&self, failures: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(failures)).min(self.most)
    }

    /// A wait drawn evenly between nothing and the [ceiling](Backoff::ceiling): full jitter, so that a crowd that
    /// failed together does not come back together.
    #[must_use]
    pub fn with_jitter(&self, failures: u32) -> Duration {
        self.ceiling(failures).mul_f64(rand::rng().random::<f64>())
    }

    /// A wait drawn evenly from the upper half below the [ceiling](Backoff::ceiling): for one that must not come back
    /// at once, whatever the draw.
    #[must_use]
    pub fn with_half_jitter(&self, failures: u32) -> Duration {
        let ceiling = self.ceiling(failures);
        ceiling / 2 + (ceiling / 2).mul_f64(rand::rng().random::<f64>())
    }
}
