use openmail_sandbox::{Drift, Inbox, Mail, Sandbox, Scope};
use serde_json::json;

use crate::client::Socket;

fn deliver(sandbox: &Sandbox, inbox: &Inbox, count: usize) -> Vec<String> {
    let mail = || Mail::from("a@b.example").to(&inbox.address).text("Hi");
    (0..count).map(|_| sandbox.deliver(mail()).event_id).collect()
}

/// What comes between the confirmation of a subscription and the answer to a ping.
async fn replayed(socket: &mut Socket, subscribe: serde_json::Value) -> Vec<String> {
    socket.say(subscribe).await;
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await["type"], "subscribed");
    let mut events = Vec::new();
    loop {
        let frame = socket.hear().await;
        match frame["event_id"].as_str() {
            Some(id) => events.push(id.to_owned()),
            None => return events,
        }
    }
}

#[tokio::test]
async fn a_replay_is_paged_by_the_last_id_seen() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let events = deliver(&sandbox, &inbox, 250);
    let mut socket = Socket::open(&sandbox).await;
    let mut last = events[0].clone();
    let mut pages = Vec::new();
    loop {
        let page = replayed(&mut socket, json!({"type": "subscribe", "last_event_id": last})).await;
        let Some(newest) = page.last() else { break };
        last = newest.clone();
        pages.push(page);
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 49]);
    assert_eq!(pages.concat(), events[1..]);
    assert_eq!(sandbox.counts().events_replayed, 249);
}

#[tokio::test]
async fn a_replay_can_bring_the_newest_instead() {
    let sandbox = Sandbox::builder().drift(Drift::ReplayNewest).start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let events = deliver(&sandbox, &inbox, 150);
    let mut socket = Socket::open(&sandbox).await;
    let page = replayed(&mut socket, json!({"type": "subscribe", "last_event_id": events[0]})).await;
    assert_eq!(page, events[50..]);
}

#[tokio::test]
async fn a_replay_is_filtered_by_the_subscription_and_by_the_key() {
    let sandbox = Sandbox::start().await.unwrap();
    let (ann, bob) = (sandbox.create_inbox("ann"), sandbox.create_inbox("bob"));
    let first = deliver(&sandbox, &ann, 1).remove(0);
    let to_bob = deliver(&sandbox, &bob, 2);
    let to_ann = deliver(&sandbox, &ann, 2);

    let mut socket = Socket::open(&sandbox).await;
    let subscribe = json!({"type": "subscribe", "last_event_id": first, "inbox_ids": [bob.id]});
    assert_eq!(replayed(&mut socket, subscribe).await, to_bob);

    let key = sandbox.create_key(Scope::Inbox(ann.id.clone()));
    let mut socket = Socket::try_open(&sandbox, &key.token).await.unwrap();
    let page = replayed(&mut socket, json!({"type": "subscribe", "last_event_id": first})).await;
    assert_eq!(page, to_ann);
    socket.say(json!({"type": "subscribe", "last_event_id": to_bob[0]})).await;
    assert_eq!(socket.hear().await["type"], "error");
}
