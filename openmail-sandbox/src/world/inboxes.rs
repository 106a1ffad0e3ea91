use reqwest::Url;

use super::{
    Refusal, World,
    address::bare,
    clock::{next_utc_day, until},
    ids,
    keys::Caller,
};
use crate::model::{EventContent, Inbox, NewInbox, Scope};

impl World {
    pub(crate) fn inbox(&self, id: &str) -> Option<&Inbox> {
        self.inboxes.iter().find(|inbox| inbox.id == id)
    }

    pub(crate) fn inbox_mut(&mut self, id: &str) -> Option<&mut Inbox> {
        self.inboxes.iter_mut().find(|inbox| inbox.id == id)
    }

    pub(crate) fn inbox_by_address(&self, address: &str) -> Option<&Inbox> {
        let wanted = bare(address);
        self.inboxes.iter().find(|inbox| inbox.address == wanted)
    }

    /// The inbox, if it exists and the caller's key reaches it: the two look the same from outside.
    pub(crate) fn inbox_for(&self, caller: &Caller, id: &str) -> Result<&Inbox, Refusal> {
        let inbox = self.inbox(id).filter(|inbox| caller.reaches(inbox));
        inbox.ok_or_else(|| Refusal::not_found("Inbox"))
    }

    pub(crate) fn create_inbox(&mut self, new: NewInbox) -> Result<Inbox, Refusal> {
        if new.domain.as_ref().is_some_and(|domain| *domain != self.settings.domain) {
            return Err(Refusal::new(
                400,
                "domain_not_verified",
                "The domain is not verified for this account",
            ));
        }
        self.make_inbox(new)
    }

    /// Makes an inbox at any domain, as whoever runs the sandbox may.
    pub(crate) fn make_inbox(&mut self, new: NewInbox) -> Result<Inbox, Refusal> {
        let domain = new.domain.unwrap_or_else(|| self.settings.domain.clone());
        let name = new.name.unwrap_or_else(ids::hexadecimal::<5>);
        check_mailbox_name(&name)?;
        let address = format!("{name}@{domain}").to_lowercase();
        if self.inbox_by_address(&address).is_some() {
            return Err(Refusal::new(409, "address_taken", "Address already in use"));
        }
        let pod_id = self.pod_of_new_inbox(new.pod)?;
        new.webhook_url.as_deref().map(check_webhook_url).transpose()?;
        let inbox = Inbox {
            id: ids::id("inb"),
            address,
            pod_id,
            display_name: new.display_name,
            external_id: new.external_id,
            webhook_secret: new.webhook_url.is_some().then(ids::webhook_secret),
            webhook_url: new.webhook_url,
            suspended: None,
            throttled: false,
            created_at: self.now(),
        };
        self.inboxes.push(inbox.clone());
        Ok(inbox)
    }

    /// The inbox of this address, made if there is none.
    pub(crate) fn ensure_inbox(
        &mut self,
        address: &str,
        external_id: Option<&str>,
    ) -> Result<Inbox, Refusal> {
        if let Some(inbox) = self.inbox_by_address(address) {
            return Ok(inbox.clone());
        }
        let Some((name, domain)) = address.rsplit_once('@').filter(|_| super::is_email(address)) else {
            return Err(Refusal::bad_request("An inbox needs an address such as support@acme.example"));
        };
        let mut new = NewInbox::named(name);
        new.domain = Some(domain.to_owned());
        new.external_id = external_id.map(str::to_owned);
        self.make_inbox(new)
    }

    /// Creates an inbox over REST, which counts against the day's 100.
    pub(crate) fn create_counted_inbox(&mut self, new: NewInbox) -> Result<Inbox, Refusal> {
        let now = self.now();
        if self.creations.on(now) >= self.settings.creations {
            let wait = until(now, next_utc_day(now));
            return Err(Refusal::limited(
                "rate_limit_exceeded",
                "Inbox creation limit reached for today",
                wait,
            ));
        }
        let inbox = self.create_inbox(new)?;
        self.creations.add(now, 1);
        Ok(inbox)
    }

    pub(crate) fn delete_inbox(&mut self, id: &str) {
        self.fix_events_of(id);
        self.inboxes.retain(|inbox| inbox.id != id);
        self.threads.retain(|thread| thread.inbox_id != id);
        self.messages.retain(|message| message.inbox_id != id);
        self.reindex();
        self.ledgers.remove(id);
        let orphans = self.keys.iter().filter(|key| key.scope == Scope::Inbox(id.to_owned()));
        for key in orphans.map(|key| key.id.clone()).collect::<Vec<_>>() {
            self.revoke_key(&key);
        }
    }

    /// What has happened stays in the log, with all it said, when its messages go.
    fn fix_events_of(&mut self, id: &str) {
        for at in 0..self.events.len() {
            let event = &self.events[at];
            if event.inbox_id.as_deref() == Some(id) && matches!(event.content, EventContent::Message { .. })
            {
                let fields = self.event_fields(event);
                self.events[at].content = EventContent::Fields(fields);
            }
        }
    }

    /// Sets or clears an inbox's webhook. Returns the secret if one was made just now.
    pub(crate) fn set_inbox_webhook(
        &mut self,
        id: &str,
        url: Option<String>,
    ) -> Result<Option<String>, Refusal> {
        url.as_deref().map(check_webhook_url).transpose()?;
        let inbox = self.inbox_mut(id).ok_or_else(|| Refusal::not_found("Inbox"))?;
        inbox.webhook_url = url;
        if inbox.webhook_url.is_some() && inbox.webhook_secret.is_none() {
            inbox.webhook_secret = Some(ids::webhook_secret());
            return Ok(inbox.webhook_secret.clone());
        }
        Ok(None)
    }

    pub(crate) fn rotate_inbox_secret(&mut self, id: &str) -> Result<String, Refusal> {
        let inbox = self.inbox_mut(id).ok_or_else(|| Refusal::not_found("Inbox"))?;
        if inbox.webhook_url.is_none() {
            return Err(no_webhook_url());
        }
        let secret = ids::webhook_secret();
        inbox.webhook_secret = Some(secret.clone());
        Ok(secret)
    }

    fn pod_of_new_inbox(&self, pod: Option<String>) -> Result<String, Refusal> {
        let Some(pod) = pod else { return Ok(self.default_pod_id()) };
        let found = self.pod(&pod).map(|pod| pod.id.clone());
        found.ok_or_else(|| Refusal::new(400, "invalid_pod", "podId does not match a pod in your account"))
    }
}

pub(crate) fn no_webhook_url() -> Refusal {
    Refusal::new(400, "no_webhook_url", "No webhook URL is set on this inbox")
}

fn check_mailbox_name(name: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let bounded = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if (3..=30).contains(&name.len())
        && name.chars().all(allowed)
        && bounded(name.chars().next())
        && bounded(name.chars().next_back())
    {
        Ok(())
    } else {
        Err(Refusal::new(
            400,
            "invalid_mailbox_name",
            "A mailbox name has 3 to 30 letters, digits, dots, dashes or underscores",
        ))
    }
}

fn check_webhook_url(url: &str) -> Result<(), Refusal> {
    let valid = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if valid {
        Ok(())
    } else {
        Err(Refusal::new(422, "invalid_webhook_url", "webhookUrl is not an http or https address"))
    }
}
