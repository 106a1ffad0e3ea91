//! Ready means the subscription is confirmed, and after an outage what was missed is found.

mod away;
mod many_inboxes;
mod outages;
mod proxied;
