//! What a run is made of, by the environment.

use rand::SeedableRng;
use rand::rngs::StdRng;

/// How many mails a run has unless `CRASH_MAILS` says otherwise.
const MAILS: usize = 60;

/// How many takeovers of each kind are measured unless `CRASH_TAKEOVERS` says otherwise.
const TAKEOVERS: usize = 1;

/// What decides about a run.
#[derive(Clone, Copy)]
pub(super) struct Seed {
    pub(super) number: u64,
    pub(super) mails: usize,
    pub(super) takeovers: usize,
}

impl Seed {
    /// `CRASH_SEED` is a seed that a failure has printed: what is ordered is then the same again, as far as the machine lets it.
    pub(super) fn from_env() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse::<u64>().ok());
        let count = |name| number(name).and_then(|count| usize::try_from(count).ok());
        Self {
            number: number("CRASH_SEED").unwrap_or_else(rand::random),
            mails: count("CRASH_MAILS").unwrap_or(MAILS),
            takeovers: count("CRASH_TAKEOVERS").unwrap_or(TAKEOVERS),
        }
    }

    /// What an inbox may send in a day: the service's own limit, and in a long run more than it has to, so that no send which was
    /// attempted in vain waits for its slot longer than the service remembers its key.
    pub(super) fn daily(self) -> u32 {
        u32::try_from(self.mails).unwrap_or(u32::MAX).max(200)
    }

    pub(super) fn random(self) -> StdRng {
        StdRng::seed_from_u64(self.number)
    }
}
