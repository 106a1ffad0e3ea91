use std::time::Duration;

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::runtime::RunningRuntime;
use openmail_sandbox::{Drift, Fault, Inbox, Operation, Sandbox};

use crate::bench::{Bench, soon};

const INBOXES: usize = 50;

/// Inboxes with a conversation each.
struct Mailboxes {
    bench: Bench,
    inboxes: Vec<Inbox>,
    threads: Vec<String>,
    /// How many mails each conversation has.
    written: Vec<usize>,
}

impl Mailboxes {
    /// Every conversation has begun.
    async fn start() -> Self {
        let bench = Bench::with_request_limit(Sandbox::builder()).await;
        let mut inboxes = vec![bench.inbox.clone()];
        inboxes.extend((1..INBOXES).map(|number| bench.sandbox.create_inbox(&format!("support{number}"))));
        let begin = |inbox: &Inbox| {
            let mail = bench.mail("Ada <ada@example.com>", "before anybody listened").to(&inbox.address);
            bench.sandbox.deliver(mail.deliver_to([&inbox.address])).thread_id
        };
        let threads = inboxes.iter().map(begin).collect();
        Self { bench, inboxes, threads, written: vec![0; INBOXES] }
    }

    /// Answers every mail with its own words.
    async fn run(&self) -> RunningRuntime {
        self.bench.run(async |mail: Mail| Reply::text(format!("re {}", mail.text()))).await
    }

    /// Writes to all inboxes in turn, at moments the service can tell apart.
    fn write(&mut self, mails: usize) {
        for number in 0..mails {
            let inbox = number % INBOXES;
            self.bench.sandbox.advance(Duration::from_millis(10));
            let text = format!("mail {}", self.written[inbox]);
            let mail = self.bench.mail("Ada <ada@example.com>", &text).in_thread(&self.threads[inbox]);
            self.bench.sandbox.deliver(mail.deliver_to([&self.inboxes[inbox].address]));
            self.written[inbox] += 1;
        }
    }

    /// Waits for all answers, and holds that each mail was answered once, in the order they were written.
    async fn all_are_answered(&self) {
        for (inbox, written) in self.inboxes.iter().zip(&self.written) {
            let sent = soon(self.bench.sandbox.wait_for_sent(&inbox.id, *written)).await;
            let answers: Vec<_> = sent.into_iter().map(|sent| sent.body).collect();
            let expected: Vec<_> = (0..*written).map(|number| format!("re mail {number}")).collect();
            assert_eq!(answers, expected, "{}", inbox.address);
        }
        let total: usize = self.written.iter().sum();
        assert_eq!(self.bench.sandbox.all_sent().len(), total);
        self.bench.assert_well_spoken();
    }

    fn lists_read(&self) -> u64 {
        self.bench.sandbox.counts().requests(Operation::ListMessages)
    }
}

async fn missed_mail_is_answered(replay: Option<Drift>) {
    let mut mailboxes = Mailboxes::start().await;
    let running = mailboxes.run().await;
    mailboxes.write(INBOXES);
    mailboxes.all_are_answered().await;
    running.stop().await.unwrap();

    replay.into_iter().for_each(|drift| mailboxes.bench.sandbox.drift(drift));
    mailboxes.write(5 * INBOXES);
    let before = mailboxes.lists_read();
    let running = mailboxes.run().await;
    mailboxes.all_are_answered().await;
    let rounds = (mailboxes.lists_read() - before).div_ceil(INBOXES as u64);
    // At the start, after the full replay, and half a minute later where it takes as long.
    assert!((1..=3).contains(&rounds), "a round is a request an inbox: {rounds} rounds");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_fifty_inboxes_missed_is_answered_in_order_when_the_oldest_are_replayed() {
    missed_mail_is_answered(None).await;
}

#[tokio::test]
async fn what_fifty_inboxes_missed_is_answered_in_order_when_the_newest_are_replayed() {
    missed_mail_is_answered(Some(Drift::ReplayNewest)).await;
}

#[tokio::test]
async fn what_fifty_inboxes_missed_is_answered_in_order_when_the_cursor_is_refused() {
    let mut mailboxes = Mailboxes::start().await;
    let running = mailboxes.run().await;
    mailboxes.write(INBOXES);
    mailboxes.all_are_answered().await;
    running.stop().await.unwrap();
    mailboxes.bench.sandbox.fault_next(1, Fault::RefuseCursor);
    mailboxes.write(5 * INBOXES);
    let running = mailboxes.run().await;
    mailboxes.all_are_answered().await;
    running.stop().await.unwrap();
}

/// Mail keeps coming, to the same inboxes and in the same conversations, while the gap is being closed.
#[tokio::test]
async fn live_mail_that_comes_while_a_gap_is_closed_waits_for_the_missed_mail_of_its_conversation() {
    let mut mailboxes = Mailboxes::start().await;
    let running = mailboxes.run().await;
    mailboxes.write(INBOXES);
    mailboxes.all_are_answered().await;
    running.stop().await.unwrap();
    mailboxes.bench.sandbox.drift(Drift::ReplayNewest);
    mailboxes.write(3 * INBOXES);
    let runtime = mailboxes.bench.runtime();
    let handler = async |mail: Mail| Reply::text(format!("re {}", mail.text()));
    let running =
        runtime.handlers([openmail_agent::router::Route::new("agent", handler)]).start().await.unwrap();
    soon(running.ready()).await.unwrap();
    mailboxes.write(INBOXES);
    // In the middle of the round: some inboxes have been read, others not.
    let half = |world: &openmail_sandbox::View<'_>| {
        let read = world.counts().requests(Operation::ListMessages);
        (read >= 3 * INBOXES as u64 / 2).then_some(())
    };
    soon(mailboxes.bench.sandbox.wait_for(half)).await;
    mailboxes.write(2 * INBOXES);
    mailboxes.all_are_answered().await;
    running.stop().await.unwrap();
}
