use super::Correspondent;
use crate::Sandbox;

impl Sandbox {
    /// Somebody outside: `ada@example.com`, or `Ada <ada@example.com>`.
    pub fn correspondent(&self, from: impl Into<String>) -> Correspondent<'_> {
        Correspondent::new(self, from.into())
    }

    /// Makes sure that so many mails have been sent, by all inboxes together.
    ///
    /// # Panics
    ///
    /// If there were more or fewer.
    #[track_caller]
    pub fn assert_sent(&self, count: usize) {
        let sent = self.all_sent();
        let list: Vec<_> = sent.iter().map(|sent| format!("{:?} to {}", sent.subject, sent.to)).collect();
        let list = list.join("\n");
        assert!(sent.len() == count, "expected {count} mails to be sent, not {}:\n{list}", sent.len());
    }

    /// Makes sure that the agent kept to the contract: it went over no limit, sent nothing malformed, used no
    /// idempotency key for two bodies, and let its key neither into an address nor onto another host.
    ///
    /// # Panics
    ///
    /// If it did not. The message names every breach.
    #[track_caller]
    pub fn assert_well_behaved(&self) {
        let counts = self.counts();
        let breaches = [
            (counts.limits_exceeded, "requests over a limit"),
            (counts.bad_requests, "malformed requests"),
            (counts.unknown_fields, "fields that the contract does not list"),
            (counts.key_conflicts, "idempotency keys used with another body"),
            (counts.unauthorized, "requests without a valid key"),
            (counts.keys_in_urls, "keys in URLs"),
            (counts.storage_requests_with_key, "keys sent to the storage host"),
        ];
        let found: Vec<_> = breaches.into_iter().filter(|(times, _)| *times > 0).collect();
        let list: Vec<_> = found.iter().map(|(times, what)| format!("{times} {what}")).collect();
        assert!(list.is_empty(), "the agent broke the contract: {}", list.join(", "));
    }
}
