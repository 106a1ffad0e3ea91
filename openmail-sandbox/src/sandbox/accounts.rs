use super::Sandbox;
use crate::{
    model::{Inbox, Key, NewInbox, Pod, Scope},
    world::{AccountWebhook, webhook_secret},
};

impl Sandbox {
    /// Makes the inbox `name@<domain>`.
    ///
    /// # Panics
    ///
    /// If the name is not 3 to 30 letters, digits, dots, dashes or underscores, or is taken.
    pub fn create_inbox(&self, name: &str) -> Inbox {
        self.create_inbox_with(NewInbox::named(name))
    }

    /// Makes an inbox with everything that can be said about it.
    ///
    /// # Panics
    ///
    /// If the name is malformed or taken, the pod unknown, or the webhook not an http address.
    pub fn create_inbox_with(&self, new: NewInbox) -> Inbox {
        match self.shared.change(|world| world.create_inbox(new)) {
            Ok(inbox) => inbox,
            Err(refusal) => panic!("cannot create the inbox: {}", refusal.message),
        }
    }

    /// The inbox as it is now.
    #[must_use]
    pub fn inbox(&self, id: &str) -> Option<Inbox> {
        self.shared.read(|world| world.inbox(id).cloned())
    }

    /// Every inbox, in the order they were made.
    #[must_use]
    pub fn inboxes(&self) -> Vec<Inbox> {
        self.shared.read(|world| world.inboxes.clone())
    }

    /// Deletes an inbox with its threads, and revokes its keys.
    pub fn delete_inbox(&self, id: &str) {
        self.shared.change(|world| world.delete_inbox(id));
    }

    /// Makes a pod that can also be addressed by `client_id`.
    ///
    /// # Panics
    ///
    /// If the `client_id` is taken.
    pub fn create_pod(&self, client_id: &str) -> Pod {
        match self.shared.change(|world| world.create_pod(Some(client_id.to_owned()), None)) {
            Ok(pod) => pod,
            Err(refusal) => panic!("cannot create the pod: {}", refusal.message),
        }
    }

    /// Every pod, the default one first.
    #[must_use]
    pub fn pods(&self) -> Vec<Pod> {
        self.shared.read(|world| world.pods.clone())
    }

    /// Makes an API key.
    pub fn create_key(&self, scope: Scope) -> Key {
        self.shared.change(|world| world.create_key(scope, None))
    }

    /// Revokes an API key, by its id or its token, and closes its sockets with 4001.
    /// Returns whether there was one.
    pub fn revoke_key(&self, id_or_token: &str) -> bool {
        self.shared.change(|world| world.revoke_key(id_or_token))
    }

    /// Gives the account a webhook, or moves the one it has. Returns its secret, which is new only where there was none.
    pub fn set_account_webhook(&self, url: impl Into<String>) -> String {
        self.shared.change(|world| {
            let earlier = world.account_webhook.take().map(|webhook| webhook.secret);
            let secret = earlier.unwrap_or_else(webhook_secret);
            world.account_webhook = Some(AccountWebhook { url: url.into(), secret: secret.clone() });
            secret
        })
    }

    /// Takes the account's webhook away.
    pub fn clear_account_webhook(&self) {
        self.shared.change(|world| world.account_webhook = None);
    }

    /// Replaces the secret of the account's webhook at once. None if there is no webhook.
    pub fn rotate_account_secret(&self) -> Option<String> {
        self.shared.change(|world| {
            let webhook = world.account_webhook.as_mut()?;
            webhook.secret = webhook_secret();
            Some(webhook.secret.clone())
        })
    }

    /// The hex signature that `X-Signature` carries for this body at this time (unix seconds).
    #[must_use]
    pub fn sign(secret: &str, timestamp: i64, body: &[u8]) -> String {
        crate::signature::sign(secret, timestamp, body)
    }
}
