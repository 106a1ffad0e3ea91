use subtle::ConstantTimeEq;

use super::{Refusal, World, connections::Frame, ids};
use crate::model::{Inbox, Key, Scope};

/// Who makes a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) key_id: String,
    pub(crate) scope: Scope,
}

impl Caller {
    /// Lets only an account-wide key pass.
    pub(crate) fn require_account(&self, to: &str) -> Result<(), Refusal> {
        match self.scope {
            Scope::Account => Ok(()),
            _ => Err(Refusal::forbidden(format!("A scoped API key cannot {to}"))),
        }
    }

    /// Lets every key pass but one confined to an inbox, which only reads and sends.
    pub(crate) fn refuse_inbox_key(&self, to: &str) -> Result<(), Refusal> {
        match self.scope {
            Scope::Inbox(_) => Err(Refusal::forbidden(format!("An inbox-scoped API key cannot {to}"))),
            _ => Ok(()),
        }
    }

    pub(crate) fn reaches(&self, inbox: &Inbox) -> bool {
        match &self.scope {
            Scope::Account => true,
            Scope::Pod(pod) => inbox.pod_id == *pod,
            Scope::Inbox(id) => inbox.id == *id,
        }
    }

    pub(crate) fn reaches_pod(&self, pod_id: &str) -> bool {
        match &self.scope {
            Scope::Account => true,
            Scope::Pod(id) => id == pod_id,
            Scope::Inbox(_) => false,
        }
    }
}

impl World {
    /// Finds the key that a request carries.
    pub(crate) fn authenticate(&mut self, token: Option<&str>) -> Result<Caller, Refusal> {
        let now = self.now();
        let matches = |key: &&mut Key| {
            token.is_some_and(|token| bool::from(key.token.as_bytes().ct_eq(token.as_bytes())))
        };
        let Some(key) = self.keys.iter_mut().find(matches) else {
            self.counts.unauthorized += 1;
            return Err(Refusal::unauthorized());
        };
        key.last_used_at = Some(now);
        Ok(Caller { key_id: key.id.clone(), scope: key.scope.clone() })
    }

    pub(crate) fn create_key(&mut self, scope: Scope, name: Option<String>) -> Key {
        let key = Key {
            id: ids::id("key"),
            token: ids::token(),
            name,
            scope,
            created_at: self.now(),
            last_used_at: None,
        };
        self.keys.push(key.clone());
        key
    }

    /// Revokes a key by its id or its token, and closes its sockets. False if there is none.
    pub(crate) fn revoke_key(&mut self, id_or_token: &str) -> bool {
        let Some(at) = self.keys.iter().position(|key| key.id == id_or_token || key.token == id_or_token)
        else {
            return false;
        };
        let revoked = self.keys.remove(at);
        for connection in self.connections.values_mut().filter(|c| c.caller.key_id == revoked.id) {
            connection.subscriptions.clear();
            connection.push(Frame::error("API key revoked"));
            connection.push(Frame::Close { code: 4001, reason: "API key invalid or revoked".into() });
        }
        true
    }
}
