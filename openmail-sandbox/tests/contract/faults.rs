use std::time::Duration;

use futures_util::FutureExt;
use openmail_sandbox::{EventState, Fault, Inbox, Mail, Operation, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{
    client::{Answer, Rest, Socket},
    webhook_receiver::Receiver,
};

async fn sandbox() -> (Sandbox, Inbox, Rest) {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    (sandbox, inbox, rest)
}

fn mail(inbox: &Inbox) -> Mail {
    Mail::from("ada@example.com").to(&inbox.address).text("Hi")
}

fn body() -> Value {
    json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"})
}

async fn pinged(socket: &mut Socket) {
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await["type"], "pong");
}

#[tokio::test]
async fn sockets_are_dropped_without_a_word_or_closed_with_a_code() {
    let (sandbox, ..) = sandbox().await;
    let mut socket = Socket::subscribed(&sandbox).await;
    sandbox.drop_sockets();
    assert_eq!(socket.closed().await, None);
    let mut socket = Socket::subscribed(&sandbox).await;
    sandbox.close_sockets(4003);
    assert_eq!(socket.closed().await, Some(4003));
    sandbox.wait_for(|view| (view.counts().sockets_closed == 2).then_some(())).await;
}

#[tokio::test]
async fn new_sockets_are_refused_cut_or_closed() {
    let (sandbox, ..) = sandbox().await;
    sandbox.fault_next(1, Fault::RefuseUpgrade { status: 503 });
    sandbox.fault_next(1, Fault::CutSocket);
    sandbox.fault_next(1, Fault::CloseSocket { code: 4008 });
    match Socket::try_open(&sandbox, sandbox.api_key()).await.err() {
        Some(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{other:?}"),
    }
    assert_eq!(Socket::open(&sandbox).await.closed().await, None);
    assert_eq!(Socket::open(&sandbox).await.closed().await, Some(4008));
    assert_eq!(sandbox.look(|view| view.outstanding_faults()), 0);
    Socket::subscribed(&sandbox).await;
}

#[tokio::test]
async fn a_deaf_socket_never_confirms() {
    let (sandbox, inbox, _) = sandbox().await;
    sandbox.fault_next(1, Fault::DeafSocket);
    let mut socket = Socket::open(&sandbox).await;
    socket.say(json!({"type": "subscribe"})).await;
    pinged(&mut socket).await;
    let unheard = sandbox.deliver(mail(&inbox));
    assert_eq!(sandbox.event(&unheard.event_id).unwrap().state, EventState::Failed);
}

#[tokio::test]
async fn a_cursor_is_refused_and_the_socket_stays_open() {
    let (sandbox, inbox, _) = sandbox().await;
    let last = sandbox.deliver(mail(&inbox)).event_id;
    sandbox.fault_next(1, Fault::RefuseCursor);
    let mut socket = Socket::subscribed(&sandbox).await;
    for kind in ["error", "subscribed"] {
        socket.say(json!({"type": "subscribe", "last_event_id": last})).await;
        assert_eq!(socket.hear().await["type"], kind);
    }
}

#[tokio::test]
async fn a_frozen_socket_is_open_and_silent() {
    let (sandbox, inbox, rest) = sandbox().await;
    let mut socket = Socket::subscribed(&sandbox).await;
    let freeze = sandbox.fault(Fault::FreezeSockets);
    socket.say(json!({"type": "ping"})).await;
    let event = sandbox.deliver(mail(&inbox)).event_id;
    for _ in 0..5 {
        rest.get("/v1/me").await.expect(200);
    }
    assert!(socket.hear_raw().now_or_never().is_none());
    sandbox.lift(freeze);
    assert_eq!(socket.hear().await["event_id"], event.as_str());
    assert_eq!(socket.hear().await["type"], "pong");
}

#[tokio::test]
async fn events_are_doubled_lost_swapped_and_held() {
    let (sandbox, inbox, _) = sandbox().await;
    let mut socket = Socket::subscribed(&sandbox).await;
    let deliver = || sandbox.deliver(mail(&inbox)).event_id;

    sandbox.fault_next(1, Fault::DuplicateEvent);
    let doubled = deliver();
    assert_eq!(socket.hear().await["event_id"], doubled.as_str());
    assert_eq!(socket.hear().await["event_id"], doubled.as_str());

    sandbox.fault_next(1, Fault::LoseEvent);
    assert_eq!(sandbox.event(&deliver()).unwrap().state, EventState::Lost);

    sandbox.fault_next(1, Fault::SwapEvents);
    let (second, first) = (deliver(), deliver());
    assert_eq!(socket.hear().await["event_id"], first.as_str());
    assert_eq!(socket.hear().await["event_id"], second.as_str());

    let hold = sandbox.fault(Fault::HoldEvent);
    let held = [deliver(), deliver()];
    pinged(&mut socket).await;
    assert_eq!(sandbox.event(&held[0]).unwrap().state, EventState::Held);
    sandbox.lift(hold);
    for event in held {
        assert_eq!(socket.hear().await["event_id"], event.as_str());
    }

    sandbox.fault_next(1, Fault::SwapEvents);
    let alone = deliver();
    sandbox.lift_all();
    assert_eq!(socket.hear().await["event_id"], alone.as_str());
}

#[tokio::test]
async fn a_webhook_gets_duplicates_too() {
    let (sandbox, inbox, _) = sandbox().await;
    let mut receiver = Receiver::start().await;
    sandbox.set_account_webhook(receiver.url());
    sandbox.fault_next(1, Fault::DuplicateEvent);
    sandbox.deliver(mail(&inbox));
    assert_eq!(receiver.next().await.header("x-event-id"), receiver.next().await.header("x-event-id"));
}

#[tokio::test]
async fn sends_are_limited_and_refused_as_ordered() {
    let (sandbox, inbox, rest) = sandbox().await;
    sandbox.fault_next(2, Fault::send_limited(Duration::from_secs(7)));
    sandbox.fault_next(1, Fault::send_refused(502, "provider_error"));
    for _ in 0..2 {
        let refused = rest.send(&inbox, "k", body()).await;
        assert_eq!(refused.retry_after, Some(7));
        refused.refused(429, "rate_limit_exceeded");
    }
    rest.send(&inbox, "k", body()).await.refused(502, "provider_error");
    rest.send(&inbox, "k", body()).await.expect(200);
    let counts = sandbox.counts();
    assert_eq!((counts.limits_ordered, counts.limits_exceeded), (2, 0));
    assert_eq!((counts.sends_accepted, counts.sends_refused), (1, 3));
}

#[tokio::test]
async fn any_operation_can_fail_until_it_is_lifted() {
    let (sandbox, _, rest) = sandbox().await;
    let fault = sandbox.fault(Fault::refuse(Operation::ListInboxes, 500, "internal_error"));
    for _ in 0..3 {
        rest.get("/v1/inboxes").await.refused(500, "internal_error");
    }
    rest.get("/v1/me").await.expect(200);
    sandbox.lift(fault);
    rest.get("/v1/inboxes").await.expect(200);
}

#[tokio::test]
async fn a_proxy_answers_in_html() {
    let (sandbox, _, rest) = sandbox().await;
    sandbox.fault_next(1, Fault::ProxyError { on: None, status: 502 });
    let answer = rest.get("/v1/me").await;
    assert_eq!(answer.status, 502);
    assert!(answer.text.starts_with("<html>"), "{}", answer.text);
}

#[tokio::test]
async fn a_lost_answer_has_been_obeyed_and_a_lost_request_has_not() {
    let (sandbox, inbox, rest) = sandbox().await;
    let send = async || {
        let request = rest.request(Method::POST, &format!("/v1/inboxes/{}/send", inbox.id));
        request.header("Idempotency-Key", "k").json(&body()).send().await
    };
    sandbox.fault_next(1, Fault::LoseRequest { on: Some(Operation::SendEmail) });
    assert!(send().await.unwrap_err().is_request());
    assert_eq!(sandbox.all_sent().len(), 0);
    sandbox.fault_next(1, Fault::send_answer_lost());
    assert!(send().await.unwrap_err().is_request());
    assert_eq!(sandbox.all_sent().len(), 1);
    sandbox.fault_next(1, Fault::send_refused(500, "internal_error"));
    sandbox.fault_next(1, Fault::send_answer_lost());
    Answer::of(send().await.unwrap()).await.refused(500, "internal_error");
    assert!(send().await.is_err());
    let answer = Answer::of(send().await.unwrap()).await.expect(200);
    assert_eq!(answer["messageId"], sandbox.all_sent()[0].message_id.as_str());
    assert_eq!((sandbox.counts().sends_repeated, sandbox.counts().answers_lost), (2, 2));
    let statuses: Vec<_> = sandbox.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, None, Some(500), None, Some(200)]);
    assert!(sandbox.requests().iter().all(|request| request.idempotency_key.as_deref() == Some("k")));
}

#[tokio::test]
async fn a_slow_answer_comes_when_the_time_has_passed() {
    let (sandbox, inbox, rest) = sandbox().await;
    sandbox
        .fault_next(1, Fault::SlowAnswer { on: Some(Operation::SendEmail), by: Duration::from_secs(3600) });
    let move_on = async {
        sandbox.wait_for_sent(&inbox.id, 1).await;
        sandbox.advance(Duration::from_secs(3600));
    };
    let (answer, ()) = tokio::join!(rest.send(&inbox, "k", body()), move_on);
    answer.expect(200);
}

#[tokio::test]
async fn an_outage_is_every_request_lost_and_ends_when_it_is_lifted() {
    let (sandbox, _, rest) = sandbox().await;
    let mut socket = Socket::subscribed(&sandbox).await;
    let outage = sandbox.fault(Fault::LoseRequest { on: None });
    sandbox.drop_sockets();
    assert_eq!(socket.closed().await, None);
    assert!(rest.request(Method::GET, "/v1/me").send().await.is_err());
    assert!(Socket::try_open(&sandbox, sandbox.api_key()).await.is_err());
    sandbox.lift(outage);
    rest.get("/v1/me").await.expect(200);
    Socket::subscribed(&sandbox).await;
}

#[tokio::test]
async fn raw_frames_reach_subscribed_sockets() {
    let (sandbox, ..) = sandbox().await;
    let mut socket = Socket::subscribed(&sandbox).await;
    let _unsubscribed = Socket::open(&sandbox).await;
    assert_eq!(sandbox.send_raw_frame("{not json"), 1);
    assert_eq!(sandbox.send_raw_bytes(&b"\xff\xfe"[..]), 1);
    assert!(matches!(socket.hear_raw().await, Some(Ok(Message::Text(text))) if text == "{not json"));
    assert!(matches!(socket.hear_raw().await, Some(Ok(Message::Binary(bytes))) if bytes == b"\xff\xfe"[..]));
}
