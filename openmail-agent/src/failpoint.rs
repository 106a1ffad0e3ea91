//! Named moments on the way of a mail at which a test has the process end, as `kill -9` would end it.
//!
//! Without the feature `failpoints` nothing is left of them. With it, `OPENMAIL_FAILPOINT=settled:3` ends the process when it
//! passes [`Settled`](Point::Settled) for the third time.

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident $name:literal)*) => {
        /// A moment on the way of a mail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Point {
            $($(#[$doc])* $variant,)*
        }

        #[cfg(feature = "failpoints")]
        impl Point {
            /// Every moment, in the order of the way.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What the environment calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

points! {
    /// Step 1: an event is here, and only in memory.
    Received "received"
    /// Step 2: a webhook's signature holds.
    Verified "verified"
    /// Step 3: the event is ready for the store.
    Decoded "decoded"
    /// Step 4: the event is recorded, and nobody knows yet.
    Recorded "recorded"
    /// Step 4: the socket's reader knows that the event is recorded.
    Acknowledged "acknowledged"
    /// Step 5: the event is leased.
    Leased "leased"
    /// Step 6: the handler is about to run.
    Routed "routed"
    /// Step 7: the handler still runs, and the result of a step is kept.
    Remembered "remembered"
    /// Step 7: the handler still runs, and a reply that leaves at once is committed.
    Owed "owed"
    /// Step 7: the handler has run.
    Handled "handled"
    /// Step 8: the event is settled, and the outbox does not know yet what is owed.
    Settled "settled"
    /// Step 9: a send has its slot, and no request was made.
    Reserved "reserved"
    /// Step 10: the service has answered, and nothing is recorded of it.
    Answered "answered"
    /// Step 10: the answer is recorded.
    Sent "sent"
    /// Whatever the store does is done, and not committed.
    Committing "committing"
    /// Whatever the store does is committed, and nobody was told.
    Committed "committed"
}

/// Passes a moment.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) const fn pass(_: Point) {}

/// Passes a moment, unless the process is to end here.
#[cfg(feature = "failpoints")]
pub(crate) fn pass(point: Point) {
    if let Some(plan) = plan::get()
        && plan.is_over(point)
    {
        // Nothing is unwound, dropped or flushed.
        std::process::abort();
    }
}

#[cfg(feature = "failpoints")]
mod plan {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::Point;

    const VARIABLE: &str = "OPENMAIL_FAILPOINT";

    /// Where this process ends.
    pub(super) struct Plan {
        point: Point,
        /// How often it may still be passed.
        left: AtomicU32,
    }

    pub(super) fn get() -> Option<&'static Plan> {
        static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
        PLAN.get_or_init(|| std::env::var(VARIABLE).ok().map(|text| Plan::parse(&text))).as_ref()
    }

    impl Plan {
        /// # Panics
        ///
        /// When it is no plan: a test that misspells it would find nothing.
        pub(super) fn parse(text: &str) -> Self {
            let (name, times) = text.split_once(':').unwrap_or((text, "1"));
            let point = Point::ALL.iter().copied().find(|point| point.name() == name);
            match (point, times.parse::<u32>().ok().filter(|times| *times > 0)) {
                (Some(point), Some(times)) => Self { point, left: AtomicU32::new(times) },
                _ => panic!(
                    "{VARIABLE} cannot be `{text}`: name a point, a colon, and on which passing to end"
                ),
            }
        }

        /// Whether this passing is the last.
        pub(super) fn is_over(&self, point: Point) -> bool {
            point == self.point && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_plan_is_over_on_the_passing_it_names() {
            let plan = Plan::parse("settled:2");
            assert!(
                !plan.is_over(Point::Settled) && !plan.is_over(Point::Sent) && plan.is_over(Point::Settled)
            );
            assert!(Plan::parse("sent").is_over(Point::Sent));
        }

        #[test]
        #[should_panic(expected = "cannot be `settled:0`")]
        fn a_plan_that_cannot_come_about_is_refused() {
            Plan::parse("settled:0");
        }
    }
}
