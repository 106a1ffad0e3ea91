use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Refusal, World, address::bare};
use crate::model::{EventContent, Inbox};

/// Why the account or a recipient may refuse a send.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    pub(crate) paused: bool,
    pub(crate) banned: bool,
    suppressed: HashMap<String, String>,
    refused: HashMap<String, String>,
}

impl World {
    pub(crate) fn check_standing(&self, inbox: &Inbox) -> Result<(), Refusal> {
        if self.standing.banned {
            return Err(Refusal::new(403, "account_banned", "This account is banned"));
        }
        if self.standing.paused {
            return Err(Refusal::new(
                402,
                "spend_cap_paused",
                "Sending is paused: monthly spend limit reached",
            ));
        }
        let pod = self.pod(&inbox.pod_id).and_then(|pod| pod.suspended.as_ref());
        match inbox.suspended.as_ref().or(pod) {
            Some(reason) => Err(Refusal::new(403, "reputation_suspended", "Sending is suspended")
                .with("reason", reason.as_str())),
            None => Ok(()),
        }
    }

    pub(crate) fn check_recipient(&self, address: &str) -> Result<(), Refusal> {
        let address = bare(address);
        if let Some(kind) = self.standing.suppressed.get(&address) {
            return Err(Refusal::new(422, "recipient_suppressed", "The recipient is suppressed")
                .with("type", kind.as_str()));
        }
        match self.standing.refused.get(&address) {
            Some(code) => Err(Refusal::new(status_of(code), code, "The recipient is refused")),
            None => Ok(()),
        }
    }

    pub(crate) fn suppress(&mut self, address: &str, kind: &str) {
        self.standing.suppressed.insert(bare(address), kind.to_owned());
    }

    pub(crate) fn refuse_recipient(&mut self, address: &str, code: &str) {
        self.standing.refused.insert(bare(address), code.to_owned());
    }

    pub(crate) fn allow_recipient(&mut self, address: &str) {
        self.standing.suppressed.remove(&bare(address));
        self.standing.refused.remove(&bare(address));
    }

    /// Blocks an inbox, or lets it send again, and tells the webhook. None if there is no such inbox.
    pub(crate) fn set_inbox_suspension(&mut self, id: &str, reason: Option<&str>) -> Option<String> {
        let inbox = self.inbox_mut(id)?;
        inbox.suspended = reason.map(str::to_owned);
        let (id, address, pod_id) = (inbox.id.clone(), inbox.address.clone(), inbox.pod_id.clone());
        let kind = if reason.is_some() { "inbox.suspended" } else { "inbox.reactivated" };
        let fields = lifecycle(Some((&id, &address)), &pod_id, reason);
        Some(self.publish(kind, Some(&id), self.now(), EventContent::Fields(fields)))
    }

    /// The same for every inbox in a pod, in one event that names none of them.
    pub(crate) fn set_pod_suspension(&mut self, id: &str, reason: Option<&str>) -> Option<String> {
        let pod = self.pod_mut(id)?;
        pod.suspended = reason.map(str::to_owned);
        let pod_id = pod.id.clone();
        let kind = if reason.is_some() { "pod.suspended" } else { "pod.reactivated" };
        let fields = lifecycle(None, &pod_id, reason);
        Some(self.publish(kind, None, self.now(), EventContent::Fields(fields)))
    }
}

fn lifecycle(inbox: Option<(&str, &str)>, pod_id: &str, reason: Option<&str>) -> Map<String, Value> {
    let (inbox_id, inbox_address) = inbox.unzip();
    Map::from_iter([
        ("inbox_id".to_owned(), json!(inbox_id)),
        ("inbox_address".to_owned(), json!(inbox_address)),
        ("pod_id".to_owned(), json!(pod_id)),
        ("reason".to_owned(), json!(reason)),
    ])
}

/// The status that a send error's code comes with.
fn status_of(code: &str) -> u16 {
    match code {
        "bad_request" => 400,
        "recipient_not_permitted" | "account_banned" | "feature_requires_paid_plan" | "forbidden" => 403,
        "provider_error" => 502,
        _ => 422,
    }
}
