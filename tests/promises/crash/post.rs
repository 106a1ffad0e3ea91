//! What is delivered, the answers it must get, and how those that left compare.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use openmail_sandbox::{Inbox, Mail, Sandbox, Sent};
use rand::Rng;
use rand::rngs::StdRng;

/// What the service grants an inbox in any minute.
pub(super) const PER_MINUTE: usize = 10;

/// Few, so that the limits are reached and stay so.
const INBOXES: usize = 2;

/// So many can be looked through at each start, however short a life is.
const MOST_INBOXES: usize = 15;

/// How many mails are answered at once and then again, unless more must be.
pub(super) const AT_LENGTH: f64 = 0.3;

/// How many mails a conversation has, about.
const LENGTH: usize = 5;

/// Everything that was delivered.
pub(super) struct Post {
    inboxes: Vec<Inbox>,
    threads: Vec<Conversation>,
    pub(super) delivered: usize,
    /// Conversations whose latest mail may not be recorded yet.
    ///
    /// What the service sends over two ways at once arrives in any order, so that no runtime could keep the one it was written
    /// in: a correspondent's next mail comes when the one before has arrived.
    in_the_air: BTreeSet<usize>,
}

#[derive(Default)]
struct Conversation {
    id: Option<String>,
    /// The answers that must leave, in their order.
    expected: Vec<String>,
}

/// How what left compares with what had to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) lost: usize,
    pub(super) doubled: usize,
    pub(super) out_of_order: usize,
    /// Mails that nobody wrote, or answers of one try that show the results of different runs of a step.
    pub(super) foreign: usize,
    /// More than ten of an inbox in a minute, and 429s that nobody ordered.
    pub(super) over_the_limit: usize,
}

impl Post {
    /// Inboxes that were there before the store was.
    pub(super) fn new(sandbox: &Sandbox, mails: usize) -> Self {
        let inboxes = (mails / 100).clamp(INBOXES, MOST_INBOXES);
        let inboxes: Vec<_> = (0..inboxes).map(|n| sandbox.create_inbox(&format!("agent-{n}"))).collect();
        let threads = (mails / LENGTH).max(4 * inboxes.len());
        let threads = std::iter::repeat_with(Conversation::default).take(threads).collect();
        Self { inboxes, threads, delivered: 0, in_the_air: BTreeSet::new() }
    }

    pub(super) fn inboxes(&self) -> usize {
        self.inboxes.len()
    }

    pub(super) fn any_inbox(&self, random: &mut StdRng) -> String {
        self.inboxes[random.random_range(0..self.inboxes.len())].id.clone()
    }

    /// Delivers up to so many mails, each in another conversation, with such a chance to be answered at length.
    pub(super) fn deliver(&mut self, sandbox: &Sandbox, random: &mut StdRng, most: usize, at_length: f64) {
        for _ in 0..most {
            let thread = random.random_range(0..self.threads.len());
            if self.in_the_air.len() < 4 * self.inboxes.len() && self.in_the_air.insert(thread) {
                let at_length = random.random_bool(at_length);
                self.deliver_in(sandbox, random, thread, at_length);
            }
        }
    }

    /// Delivers several mails of some conversations, in turns.
    pub(super) fn deliver_in_a_row(&mut self, sandbox: &Sandbox, random: &mut StdRng, at_length: f64) {
        let threads: Vec<_> = (0..2).map(|_| random.random_range(0..self.threads.len())).collect();
        for _ in 0..3 {
            for thread in &threads {
                self.in_the_air.insert(*thread);
                let at_length = random.random_bool(at_length);
                self.deliver_in(sandbox, random, *thread, at_length);
            }
        }
    }

    /// Delivers one mail to each inbox.
    pub(super) fn deliver_to_all(&mut self, sandbox: &Sandbox, random: &mut StdRng) {
        for thread in 0..self.inboxes.len() {
            let at_length = random.random_bool(AT_LENGTH);
            self.deliver_in(sandbox, random, thread, at_length);
        }
    }

    fn deliver_in(&mut self, sandbox: &Sandbox, random: &mut StdRng, thread: usize, at_length: bool) {
        let mut text = format!("{}, signed", self.delivered);
        for (word, chance) in [(", at length", f64::from(u8::from(at_length))), (", slow", 0.3)] {
            if random.random_bool(chance) {
                text.push_str(word);
            }
        }
        let conversation = &mut self.threads[thread];
        let inbox = &self.inboxes[thread % self.inboxes.len()];
        let mail = Mail::from(format!("Ada <ada-{thread}@example.com>"))
            .to(&inbox.address)
            .subject("Help")
            .text(&text);
        let mail = match &conversation.id {
            Some(id) => mail.in_thread(id),
            None => mail,
        };
        conversation.id = Some(sandbox.deliver(mail).thread_id);
        conversation.expected.extend(at_length.then(|| format!("at once {text}")));
        conversation.expected.push(format!("re {text}"));
        self.delivered += 1;
    }

    /// Everything that was delivered is recorded.
    pub(super) fn has_landed(&mut self) {
        self.in_the_air.clear();
    }

    /// How many answers must leave.
    pub(super) fn expected(&self) -> usize {
        self.threads.iter().map(|thread| thread.expected.len()).sum()
    }

    pub(super) fn tally(&self, sandbox: &Sandbox) -> Tally {
        let sent = sandbox.all_sent();
        let earned = usize::try_from(sandbox.counts().limits_exceeded).unwrap();
        let mut tally = Tally { over_the_limit: over_the_limit(&sent) + earned, ..Tally::default() };
        let mut left: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for sent in &sent {
            // The words may differ from try to try; the ones that were committed first must be the ones that left.
            let (words, author) = sent.body.rsplit_once(" by ").unwrap_or((&sent.body, ""));
            left.entry(&sent.thread_id).or_default().push((words, author));
        }
        for thread in &self.threads {
            let Some(id) = &thread.id else { continue };
            thread.compare(&left.remove(id.as_str()).unwrap_or_default(), &mut tally);
        }
        tally.foreign += left.values().map(Vec::len).sum::<usize>();
        tally
    }
}

impl Post {
    /// What was to leave in the conversations that are not as they should be, and what left.
    pub(super) fn story(&self, sandbox: &Sandbox) -> String {
        let sent = sandbox.all_sent();
        let stories = self.threads.iter().filter_map(|thread| {
            let id = thread.id.as_deref()?;
            let left = sent.iter().filter(|sent| sent.thread_id == id);
            let left: Vec<_> = left.map(|sent| (sent.sent_at, &sent.idempotency_key, &sent.body)).collect();
            (left.len() != thread.expected.len())
                .then(|| format!("\n{id}\n  had to leave: {:?}\n  left: {left:#?}", thread.expected))
        });
        stories.collect()
    }
}

impl Conversation {
    fn compare(&self, answers: &[(&str, &str)], tally: &mut Tally) {
        let places = |expected: &String| {
            (0..answers.len()).filter(|at| answers[*at].0 == expected).collect::<Vec<_>>()
        };
        let places: Vec<_> = self.expected.iter().map(places).collect();
        tally.lost += places.iter().filter(|places| places.is_empty()).count();
        tally.doubled += places.iter().map(|places| places.len().saturating_sub(1)).sum::<usize>();
        let places = places.concat();
        tally.out_of_order += usize::from(!places.is_sorted());
        tally.foreign += answers.len() - places.len();
        tally.foreign +=
            self.expected.iter().filter(|expected| self.is_of_two_minds(expected, answers)).count();
    }

    /// Whether the two answers to a mail show two results of the one step.
    fn is_of_two_minds(&self, expected: &str, answers: &[(&str, &str)]) -> bool {
        let author = |words: &str| answers.iter().find(|answer| answer.0 == words).map(|answer| answer.1);
        let Some(text) = expected.strip_prefix("at once ") else { return false };
        let (first, second) = (author(expected), author(&format!("re {text}")));
        first.is_some() && second.is_some() && first != second
    }
}

/// How often one more mail left an inbox within a minute than may.
fn over_the_limit(sent: &[Sent]) -> usize {
    let mut times: BTreeMap<&str, Vec<jiff::Timestamp>> = BTreeMap::new();
    for sent in sent {
        times.entry(&sent.inbox_id).or_default().push(sent.sent_at);
    }
    let minute = SignedDuration::from_secs(60);
    let over = |times: &Vec<jiff::Timestamp>| {
        times
            .windows(PER_MINUTE + 1)
            .filter(|window| window[PER_MINUTE].duration_since(window[0]) < minute)
            .count()
    };
    times.values().map(over).sum()
}
