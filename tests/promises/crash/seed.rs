//! What a run is made of, by the environment.

use rand::SeedableRng;
use rand::rngs::StdRng;

/// How many mails a run has unless `CRASH_MAILS` says otherwise.
const MAILS: usize = 60;

/// What decides about a run.
#[derive(Clone, Copy)]
pub(super) struct Seed {
    pub(super) number: u64,
    pub(super) mails: usize,
}

impl Seed {
    /// `CRASH_SEED` is a seed that a failure has printed: what is ordered is then the same again, as far as the machine lets it.
    pub(super) fn from_env() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse::<u64>().ok());
        Self {
            number: number("CRASH_SEED").unwrap_or_else(rand::random),
            mails: number("CRASH_MAILS").and_then(|mails| mails.try_into().ok()).unwrap_or(MAILS),
        }
    }

    pub(super) fn random(self) -> StdRng {
        StdRng::seed_from_u64(self.number)
    }
}
