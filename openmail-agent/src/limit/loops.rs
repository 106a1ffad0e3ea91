use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::model::{Address, InboxId, ThreadId};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The most correspondents and conversations that are remembered.
const MOST: usize = 100_000;

/// How many replies go to one correspondent, and into one conversation, before it is taken for a loop: two machines that answer
/// each other never stop by themselves.
///
/// The defaults are 30 in an hour, which no person reads, and 100 in 24 hours, half of what the service lets an inbox send in a
/// day: whoever it is, others are answered too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopLimits {
    /// Replies in any hour.
    pub per_hour: u32,
    /// Replies in any 24 hours.
    pub per_day: u32,
}

impl Default for LoopLimits {
    fn default() -> Self {
        Self { per_hour: 30, per_day: 100 }
    }
}

impl LoopLimits {
    /// No limits, for correspondents that are known to be machines and to come to an end.
    pub const UNLIMITED: Self = Self::new(u32::MAX, u32::MAX);

    /// Limits other than the usual ones.
    #[must_use]
    pub const fn new(per_hour: u32, per_day: u32) -> Self {
        Self { per_hour, per_day }
    }

    /// Whether another reply is one too many behind those of these times.
    fn are_passed(&self, replies: impl Iterator<Item = Timestamp>, now: Timestamp) -> bool {
        let (mut in_hour, mut in_day) = (0, 0);
        for at in replies {
            // One by a clock that was ahead counts for no longer than that was.
            let apart = now.duration_since(at).abs();
            in_hour += u32::from(apart < HOUR);
            in_day += u32::from(apart < DAY);
        }
        in_hour >= self.per_hour || in_day >= self.per_day
    }
}

/// What a reply of an inbox goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Partner {
    Correspondent(Address),
    Thread(ThreadId),
}

/// The replies of the last 24 hours, as far as this process has given them.
#[derive(Debug, Default)]
pub(crate) struct Loops {
    limits: LoopLimits,
    replies: HashMap<(InboxId, Partner), VecDeque<Timestamp>>,
    swept: Option<Timestamp>,
}

impl Loops {
    pub(crate) fn new(limits: LoopLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Whether another reply of this inbox is one too many. `known` are the times of replies that are known from elsewhere.
    pub(crate) fn is_loop(
        &self,
        inbox: &InboxId,
        partner: &Partner,
        known: impl Iterator<Item = Timestamp>,
        now: Timestamp,
    ) -> bool {
        let given = self.replies.get(&(inbox.clone(), partner.clone()));
        self.limits.are_passed(given.into_iter().flatten().copied(), now)
            || self.limits.are_passed(known, now)
    }

    /// Takes note of a reply.
    pub(crate) fn replied(&mut self, inbox: &InboxId, partner: Partner, now: Timestamp) {
        if self.swept.is_none_or(|swept| now.duration_since(swept).abs() >= HOUR) {
            let is_recent = |at: &Timestamp| now.duration_since(*at).abs() < DAY;
            self.replies.retain(|_, replies| replies.back().is_some_and(is_recent));
            self.swept = Some(now);
        }
        // A crowd, of which each was answered once, is no loop.
        if self.replies.len() >= MOST {
            self.replies.retain(|_, replies| replies.len() > 1);
            if self.replies.len() >= MOST {
                self.replies.clear();
            }
        }
        let replies = self.replies.entry((inbox.clone(), partner)).or_default();
        while replies.front().is_some_and(|at| now.duration_since(*at).abs() >= DAY) {
            replies.pop_front();
        }
        replies.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_772_000_000 + 60 * minute).unwrap()
    }

    fn ada() -> Partner {
        Partner::Correspondent("Ada <ada@example.com>".parse().unwrap())
    }

    fn is_loop(loops: &Loops, partner: &Partner, minute: i64) -> bool {
        loops.is_loop(&"inb_1".into(), partner, std::iter::empty(), at(minute))
    }

    #[test]
    fn who_was_written_to_too_often_is_not_answered_for_a_while() {
        let mut loops = Loops::new(LoopLimits::new(3, 5));
        let reply = |loops: &mut Loops, minute| loops.replied(&"inb_1".into(), ada(), at(minute));
        for minute in 0..3 {
            assert!(!is_loop(&loops, &ada(), minute));
            reply(&mut loops, minute);
        }
        assert!(is_loop(&loops, &ada(), 3) && is_loop(&loops, &ada(), 59));
        assert!(!is_loop(&loops, &ada(), 60), "an hour after the first of the three");
        reply(&mut loops, 60);
        reply(&mut loops, 120);
        assert!(is_loop(&loops, &ada(), 300) && is_loop(&loops, &ada(), 24 * 60 - 1), "five in the day");
        assert!(!is_loop(&loops, &ada(), 24 * 60));
    }

    #[test]
    fn nobody_else_is_taken_for_the_loop() {
        let mut loops = Loops::new(LoopLimits::new(1, 1));
        loops.replied(&"inb_1".into(), ada(), at(0));
        let spelt_otherwise = Partner::Correspondent("ADA@example.com".parse().unwrap());
        assert!(is_loop(&loops, &spelt_otherwise, 1));
        assert!(!is_loop(&loops, &Partner::Correspondent("bob@example.com".parse().unwrap()), 1));
        assert!(!is_loop(&loops, &Partner::Thread("thr_1".into()), 1));
        assert!(!loops.is_loop(&"inb_2".into(), &ada(), std::iter::empty(), at(1)));
    }

    #[test]
    fn replies_that_are_known_from_elsewhere_count() {
        let loops = Loops::new(LoopLimits::new(2, 3));
        let known = |minutes: &[i64]| {
            let times: Vec<_> = minutes.iter().map(|minute| at(*minute)).collect();
            loops.is_loop(&"inb_1".into(), &Partner::Thread("thr_1".into()), times.into_iter(), at(100))
        };
        assert!(!known(&[0, 99]) && known(&[98, 99]) && known(&[0, 1, 99]));
        assert!(known(&[101, 101]), "by a clock that is a little ahead");
        assert!(!known(&[100 + 60, 100 + 60]), "by one that was far ahead");
    }

    #[test]
    fn what_is_older_than_a_day_is_forgotten() {
        let mut loops = Loops::new(LoopLimits::UNLIMITED);
        for minute in 0..100 {
            loops.replied(&"inb_1".into(), Partner::Thread(format!("thr_{minute}").into()), at(minute));
        }
        loops.replied(&"inb_1".into(), ada(), at(48 * 60));
        assert_eq!(loops.replies.len(), 1);
    }

    #[test]
    fn a_crowd_takes_no_more_memory_than_there_is_and_hides_no_loop() {
        let mut loops = Loops::new(LoopLimits::new(2, 3));
        let reply = |loops: &mut Loops, partner| loops.replied(&"inb_1".into(), partner, at(0));
        reply(&mut loops, ada());
        reply(&mut loops, ada());
        for n in 0..MOST {
            reply(&mut loops, Partner::Thread(format!("thr_{n}").into()));
        }
        assert!(loops.replies.len() < MOST && is_loop(&loops, &ada(), 1));
    }
}
