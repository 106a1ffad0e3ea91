use std::time::Duration;

use openmail_sandbox::{EventState, Mail, NewInbox, Sandbox, Scope};
use serde_json::json;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{PATIENCE, Rest, Socket};

#[tokio::test]
async fn a_subscribed_socket_is_told_of_new_mail() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut socket = Socket::subscribed(&sandbox).await;
    let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).subject("Hi").text("Hello"));
    let event = socket.hear().await;
    assert_eq!(event["event"], "message.received");
    assert_eq!(event["event_id"], mail.event_id.as_str());
    assert_eq!(event["message"]["id"], mail.message_id.as_str());
    assert_eq!(event["message"]["body_text"], "Hello");
    assert!(event.get("type").is_none());
    assert_eq!(sandbox.event(&mail.event_id).unwrap().state, EventState::Socket { copies: 1 });
}

#[tokio::test]
async fn every_matching_socket_gets_one_copy_and_filters_hold() {
    let sandbox = Sandbox::start().await.unwrap();
    let (ann, bob) = (sandbox.create_inbox("ann"), sandbox.create_inbox("bob"));
    let mut all = Socket::subscribed(&sandbox).await;
    all.say(json!({"type": "subscribe", "inbox_ids": [ann.id]})).await;
    assert_eq!(all.hear().await, json!({"type": "subscribed", "inbox_ids": [ann.id], "event_types": []}));
    let mut only_bob = Socket::open(&sandbox).await;
    only_bob.say(json!({"type": "subscribe", "inbox_ids": [bob.id]})).await;
    only_bob.hear().await;
    let mut other_kinds = Socket::open(&sandbox).await;
    other_kinds.say(json!({"type": "subscribe", "event_types": ["message.sent"]})).await;
    assert_eq!(other_kinds.hear().await["event_types"], json!(["message.sent"]));

    let to_ann = sandbox.deliver(Mail::from("a@b.example").to(&ann.address));
    let to_bob = sandbox.deliver(Mail::from("a@b.example").to(&bob.address));
    assert_eq!(all.hear().await["event_id"], to_ann.event_id.as_str());
    assert_eq!(all.hear().await["event_id"], to_bob.event_id.as_str());
    assert_eq!(only_bob.hear().await["event_id"], to_bob.event_id.as_str());
    other_kinds.say(json!({"type": "ping"})).await;
    assert_eq!(other_kinds.hear().await, json!({"type": "pong"}));
    assert_eq!(sandbox.counts().event_frames, 3);
}

#[tokio::test]
async fn unsubscribing_ends_some_or_all() {
    let sandbox = Sandbox::start().await.unwrap();
    let (ann, bob) = (sandbox.create_inbox("ann"), sandbox.create_inbox("bob"));
    let mut socket = Socket::subscribed(&sandbox).await;
    socket.say(json!({"type": "unsubscribe", "inbox_ids": [ann.id]})).await;
    assert_eq!(socket.hear().await, json!({"type": "unsubscribed", "inbox_ids": [ann.id]}));
    let unheard = sandbox.deliver(Mail::from("a@b.example").to(&ann.address));
    let heard = sandbox.deliver(Mail::from("a@b.example").to(&bob.address));
    assert_eq!(socket.hear().await["event_id"], heard.event_id.as_str());
    assert_eq!(sandbox.event(&unheard.event_id).unwrap().state, EventState::Failed);
    socket.say(json!({"type": "unsubscribe"})).await;
    assert_eq!(socket.hear().await, json!({"type": "unsubscribed", "inbox_ids": []}));
    let unheard = sandbox.deliver(Mail::from("a@b.example").to(&bob.address));
    assert_eq!(sandbox.event(&unheard.event_id).unwrap().state, EventState::Failed);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_the_socket_stays_open() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut socket = Socket::open(&sandbox).await;
    for wrong in [
        "{",
        "[]",
        "{}",
        r#"{"type": "dance"}"#,
        r#"{"type": "ack"}"#,
        r#"{"type": "subscribe", "inbox_ids": "inb_1"}"#,
        r#"{"type": "subscribe", "inbox_ids": ["inb_nope"]}"#,
        r#"{"type": "subscribe", "last_event_id": "evt_nope"}"#,
    ] {
        socket.say_raw(Message::text(wrong)).await;
        let answer = socket.hear().await;
        assert_eq!(answer["type"], "error", "{wrong}");
        assert!(answer["message"].is_string());
    }
    socket.say(json!({"type": "ack", "event_id": "evt_1"})).await;
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await["type"], "pong");
    let said = sandbox.client_messages();
    assert_eq!((said[0].socket, &*said[0].text, said.len()), (0, "{", 10));
    assert_eq!((sandbox.counts().acks, sandbox.look(|view| view.subscribed_sockets())), (1, 0));
}

#[tokio::test]
async fn for_a_pod_key_all_inboxes_means_those_that_exist() {
    let sandbox = Sandbox::start().await.unwrap();
    let pod = sandbox.create_pod("tenant");
    let first = sandbox.create_inbox_with(NewInbox::named("first").pod("tenant"));
    sandbox.create_inbox("outside");
    let key = sandbox.create_key(Scope::Pod(pod.id));
    let mut socket = Socket::try_open(&sandbox, &key.token).await.unwrap();
    socket.say(json!({"type": "subscribe"})).await;
    assert_eq!(socket.hear().await["inbox_ids"], json!([first.id]));
    let later = sandbox.create_inbox_with(NewInbox::named("later").pod("tenant"));
    let silent = sandbox.deliver(Mail::from("a@b.example").to(&later.address));
    assert_eq!(sandbox.event(&silent.event_id).unwrap().state, EventState::Failed);
    socket.say(json!({"type": "subscribe"})).await;
    assert_eq!(socket.hear().await["inbox_ids"].as_array().unwrap().len(), 2);
    let heard = sandbox.deliver(Mail::from("a@b.example").to(&later.address));
    assert_eq!(socket.hear().await["event_id"], heard.event_id.as_str());
}

#[tokio::test]
async fn the_upgrade_wants_a_key_in_the_header_or_the_query() {
    let sandbox = Sandbox::start().await.unwrap();
    match Socket::try_open(&sandbox, "om_wrong").await.err() {
        Some(Error::Http(response)) => assert_eq!(response.status(), 401),
        other => panic!("{other:?}"),
    }
    let url = format!("ws://{}/v1/ws?token={}", sandbox.addr(), sandbox.api_key());
    tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(Rest::of(&sandbox).get("/v1/ws").await.status, 400);
    assert_eq!((sandbox.counts().sockets_refused, sandbox.counts().keys_in_urls), (2, 1));
}

#[tokio::test]
async fn thirty_messages_in_ten_seconds_are_the_most() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut socket = Socket::open(&sandbox).await;
    for _ in 0..30 {
        socket.say(json!({"type": "ping"})).await;
        assert_eq!(socket.hear().await["type"], "pong");
    }
    sandbox.advance(Duration::from_secs(10));
    for _ in 0..31 {
        socket.say(json!({"type": "ping"})).await;
    }
    assert_eq!(socket.closed().await, Some(4029));
}

#[tokio::test]
async fn ten_connections_are_the_most() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Socket::subscribed(&sandbox).await);
    }
    assert_eq!(Socket::open(&sandbox).await.closed().await, Some(4008));
    open.pop();
    sandbox.wait_for(|view| (view.sockets() == 9).then_some(())).await;
    Socket::subscribed(&sandbox).await;
}

#[tokio::test]
async fn a_revoked_key_closes_its_sockets() {
    let sandbox = Sandbox::start().await.unwrap();
    let key = sandbox.create_key(Scope::Account);
    let mut socket = Socket::try_open(&sandbox, &key.token).await.unwrap();
    let mut other = Socket::subscribed(&sandbox).await;
    socket.say(json!({"type": "subscribe"})).await;
    socket.hear().await;
    sandbox.revoke_key(&key.token);
    assert_eq!(socket.hear().await["type"], "error");
    assert_eq!(socket.closed().await, Some(4001));
    other.say(json!({"type": "ping"})).await;
    assert_eq!(other.hear().await["type"], "pong");
}

#[tokio::test]
async fn stopping_sends_everyone_away() {
    let sandbox = Sandbox::start().await.unwrap();
    let addr = sandbox.addr();
    let mut socket = Socket::subscribed(&sandbox).await;
    let (code, ()) = tokio::join!(socket.closed(), sandbox.stop());
    assert_eq!(code, Some(1001));
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut socket = Socket::subscribed(&sandbox).await;
    socket.say_raw(Message::Close(None)).await;
    assert!(matches!(socket.hear_raw().await, Some(Ok(Message::Close(_)))));
    assert!(socket.hear_raw().await.is_none());
    sandbox.wait_for(|view| (view.sockets() == 0).then_some(())).await;
}

#[tokio::test]
async fn dropping_the_sandbox_stops_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut socket = Socket::subscribed(&sandbox).await;
    drop(sandbox);
    assert_eq!(socket.closed().await, Some(1001));
}

#[tokio::test]
async fn a_client_that_answers_pings_stays_and_one_that_does_not_is_dropped() {
    let quick = Duration::from_millis(20);
    let sandbox = Sandbox::builder().socket_ping(quick, quick * 10).start().await.unwrap();
    let mut reading = Socket::subscribed(&sandbox).await;
    let _silent = Socket::subscribed(&sandbox).await;
    let dropped = sandbox.wait_for(|view| (view.counts().sockets_closed == 1).then_some(()));
    let pinged = async {
        loop {
            assert!(matches!(reading.hear_raw().await, Some(Ok(Message::Ping(_)))));
        }
    };
    tokio::select! {
        () = dropped => {}
        () = pinged => {}
        () = tokio::time::sleep(PATIENCE) => panic!("not dropped"),
    }
    assert_eq!(sandbox.look(|view| view.sockets()), 1);
}
