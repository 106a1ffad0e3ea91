use super::Sandbox;

impl Sandbox {
    /// Blocks sending from an inbox and announces it over the webhook. Returns the event's id, none if
    /// there is no such inbox.
    pub fn suspend_inbox(&self, id: &str, reason: &str) -> Option<String> {
        self.shared.change(|world| world.set_inbox_suspension(id, Some(reason)))
    }

    /// Lets a suspended inbox send again and announces it over the webhook.
    pub fn reactivate_inbox(&self, id: &str) -> Option<String> {
        self.shared.change(|world| world.set_inbox_suspension(id, None))
    }

    /// Blocks sending from every inbox of a pod and announces it over the account's webhook.
    pub fn suspend_pod(&self, id: &str, reason: &str) -> Option<String> {
        self.shared.change(|world| world.set_pod_suspension(id, Some(reason)))
    }

    /// Lets a suspended pod send again and announces it over the account's webhook.
    pub fn reactivate_pod(&self, id: &str) -> Option<String> {
        self.shared.change(|world| world.set_pod_suspension(id, None))
    }

    /// Grants an inbox a quarter of its daily allowance and half of its new recipients, or all of them again.
    pub fn throttle_inbox(&self, id: &str, throttled: bool) {
        self.shared.change(|world| {
            if let Some(inbox) = world.inbox_mut(id) {
                inbox.throttled = throttled;
            }
        });
    }

    /// Lets a mail that was sent come back for good, as if its recipient did not exist: the row's `status` becomes `failed`, the recipient is
    /// suppressed as `bounce`, and the inbox's reputation suffers. From 5 % of 100 sends in a week on it is throttled, from 10 % of
    /// them, or of 20 in a day, and 5 bounces on suspended.
    ///
    /// # Panics
    ///
    /// If no mail was sent under this id.
    pub fn bounce(&self, message_id: &str) {
        let bounced = self.shared.change(|world| world.bounce(message_id, None));
        assert!(bounced.is_ok(), "nothing was sent as {message_id}");
    }

    /// Lets the recipient of a mail that was sent report it as spam: it is suppressed as `complaint`, and the inbox's reputation
    /// suffers. From 0.1 % of 1,000 sends in a week on it is throttled, from 0.3 % of them, or of 200 in a day, and 3 complaints on
    /// suspended.
    ///
    /// # Panics
    ///
    /// If no mail was sent under this id.
    pub fn complain(&self, message_id: &str) {
        let complained = self.shared.change(|world| world.complain(message_id));
        assert!(complained.is_ok(), "nothing was sent as {message_id}");
    }

    /// Pauses the account's sending for its spend cap (402 `spend_cap_paused`), or ends the pause.
    pub fn pause_account(&self, paused: bool) {
        self.shared.change(|world| world.standing.paused = paused);
    }

    /// Bans the account (403 `account_banned`), or lifts the ban.
    pub fn ban_account(&self, banned: bool) {
        self.shared.change(|world| world.standing.banned = banned);
    }

    /// Suppresses a recipient: 422 `recipient_suppressed` with this `type` (`bounce`, `complaint`, `unsub`).
    pub fn suppress(&self, address: &str, kind: &str) {
        self.shared.change(|world| world.suppress(address, kind));
    }

    /// Refuses a recipient with an error code such as `no_mx_records`, under the status it comes with.
    pub fn refuse_recipient(&self, address: &str, code: &str) {
        self.shared.change(|world| world.refuse_recipient(address, code));
    }

    /// Takes back what was said about a recipient.
    pub fn allow_recipient(&self, address: &str) {
        self.shared.change(|world| world.allow_recipient(address));
    }
}
