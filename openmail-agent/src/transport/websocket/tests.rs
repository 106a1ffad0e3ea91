use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::model::Secret;
use crate::store::troubled::TroubledStore;
use crate::store::{Bookmark, Store};
use crate::transport::tests::intake_into;
use crate::transport::{GapReason, GapSignal};

/// The service's side of the socket, on a real port.
struct Service(TcpListener);

/// One connection, from the service's side.
struct Peer(WebSocketStream<TcpStream>);

impl Service {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn base_url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    #[expect(clippy::result_large_err, reason = "the type is the handshake callback's")]
    async fn accept(&self) -> Peer {
        let (stream, _) = self.0.accept().await.unwrap();
        let check = |request: &Request, response: Response| {
            assert_eq!(request.uri(), "/v1/ws", "nothing but the path is in the address");
            assert_eq!(request.headers()["authorization"], "Bearer om_key");
            Ok(response)
        };
        Peer(accept_hdr_async(stream, check).await.unwrap())
    }

    #[expect(clippy::result_large_err, reason = "the type is the handshake callback's")]
    async fn refuse(&self, status: u16) {
        let (stream, _) = self.0.accept().await.unwrap();
        let refuse = |_: &Request, _: Response| {
            let mut response = ErrorResponse::new(None);
            *response.status_mut() = status.try_into().unwrap();
            Err(response)
        };
        assert!(accept_hdr_async(stream, refuse).await.is_err());
    }
}

impl Peer {
    async fn say(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn event(&mut self, n: u32) {
        self.say(&event(n)).await;
    }

    /// The next frame from the client that is neither ping nor pong.
    async fn hear(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn confirm_subscribe(&mut self) -> Value {
        let subscribe = self.hear().await;
        assert_eq!(subscribe["type"], "subscribe");
        self.say(&json!({"type": "subscribed", "inbox_ids": [], "event_types": []})).await;
        subscribe
    }
}

fn event(n: u32) -> Value {
    json!({"event": "message.received", "event_id": format!("evt_{n}"), "inbox_id": "inb_1",
        "occurred_at": format!("2026-02-24T10:{:02}:{:02}.000Z", n / 60, n % 60),
        "message": {"id": format!("msg_{n}"), "from": "a@example.com"}})
}

/// A socket that runs against a service.
struct Run {
    store: Arc<TroubledStore>,
    wake: Arc<tokio::sync::Notify>,
    state: watch::Receiver<SocketState>,
    records: watch::Receiver<bool>,
    gaps: GapSignal,
    subscriptions: Subscriptions,
    shutdown: CancellationToken,
    stopped: JoinHandle<StopReason>,
    _guard: DropGuard,
}

impl Run {
    fn start(service: &Service) -> Self {
        Self::with_store(service, Arc::default())
    }

    fn with_store(service: &Service, store: Arc<TroubledStore>) -> Self {
        let (intake, wake) = intake_into(store.clone());
        let records = intake.records();
        let config = WebSocketConfig::new(service.base_url(), Secret::new("om_key"));
        let socket = WebSocket::new(config, intake).unwrap();
        let (state, subscriptions) = (socket.state(), socket.subscriptions());
        let (gaps, shutdown) = (GapSignal::new(), CancellationToken::new());
        let stopped = {
            let (gaps, shutdown) = (gaps.clone(), shutdown.clone());
            tokio::spawn(async move { socket.run(&gaps, shutdown).await })
        };
        let guard = shutdown.clone().drop_guard();
        Self { store, wake, state, records, gaps, subscriptions, shutdown, stopped, _guard: guard }
    }

    async fn fails_to_record(&mut self) {
        self.records.wait_for(|records| !records).await.unwrap();
    }

    async fn is(&mut self, state: SocketState) {
        self.state.wait_for(|now| *now == state).await.unwrap();
    }

    async fn ids(&self, count: usize) -> Vec<String> {
        let events = self.store.events(count, &self.wake).await;
        events.iter().map(|event| event.event_id.to_string()).collect()
    }

    async fn bookmark(&self) -> Option<String> {
        self.store.bookmark("websocket").await.unwrap()
    }
}

#[tokio::test]
async fn events_reach_the_store_and_the_bookmark_moves_with_them() {
    let service = Service::start().await;
    let mut run = Run::start(&service);
    let mut peer = service.accept().await;
    assert_eq!(peer.confirm_subscribe().await, json!({"type": "subscribe"}));
    run.is(SocketState::Live).await;
    assert_eq!(run.gaps.suspected().await, GapReason::NoCursor);
    peer.event(1).await;
    assert_eq!(run.ids(1).await, ["evt_1"]);
    assert_eq!(run.bookmark().await.as_deref(), Some("evt_1"));
}

#[tokio::test]
async fn a_new_connection_resumes_after_what_was_recorded() {
    let service = Service::start().await;
    let store = Arc::new(TroubledStore::default());
    store.record(vec![], Some(Bookmark::new("websocket", "evt_0"))).await.unwrap();
    let mut run = Run::with_store(&service, store);
    let mut peer = service.accept().await;
    assert_eq!(peer.confirm_subscribe().await["last_event_id"], "evt_0");
    peer.event(1).await;
    assert_eq!(peer.hear().await, json!({"type": "ping"}), "it asks where the replay ends");
    run.is(SocketState::Replaying).await;
    peer.say(&json!({"type": "pong"})).await;
    run.is(SocketState::Live).await;
    assert_eq!(run.ids(1).await, ["evt_1"]);
    let going_away = CloseFrame { code: 1001.into(), reason: "deploy".into() };
    peer.0.close(Some(going_away)).await.unwrap();
    run.is(SocketState::Degraded(Degradation::Lost(Some(1001)))).await;
    let mut peer = service.accept().await;
    assert_eq!(peer.confirm_subscribe().await["last_event_id"], "evt_1");
}

#[tokio::test]
async fn whoever_takes_over_is_not_ready_while_the_service_says_nothing() {
    let service = Service::start().await;
    let config = WebSocketConfig::new(service.base_url(), Secret::new("om_key"));
    let socket = WebSocket::new(config, intake_into(Arc::<TroubledStore>::default()).0).unwrap();
    socket.stand_by();
    let mut state = socket.state();
    let (gaps, shutdown) = (GapSignal::new(), CancellationToken::new());
    tokio::select! {
        reason = socket.run(&gaps, shutdown) => panic!("{reason}"),
        accepted = service.0.accept() => drop(accepted.unwrap()),
    }
    assert_eq!(*state.borrow_and_update(), SocketState::Connecting);
}

#[tokio::test]
async fn a_refused_upgrade_is_tried_again_and_a_refused_key_is_not() {
    let service = Service::start().await;
    let mut run = Run::start(&service);
    service.refuse(503).await;
    run.is(SocketState::Degraded(Degradation::Refused(503))).await;
    service.refuse(401).await;
    assert_eq!(run.stopped.await.unwrap(), StopReason::KeyRefused);
    assert_eq!(*run.state.borrow(), SocketState::Stopped(StopReason::KeyRefused));
}

#[tokio::test]
async fn a_revoked_key_ends_a_running_connection() {
    let service = Service::start().await;
    let run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    peer.event(1).await;
    peer.0.close(Some(CloseFrame { code: 4001.into(), reason: "".into() })).await.unwrap();
    assert_eq!(run.stopped.await.unwrap(), StopReason::KeyRefused);
    assert_eq!(run.store.lease_all().await.len(), 1, "what had arrived is recorded before it ends");
}

#[tokio::test]
async fn garbage_does_not_stand_in_the_way_of_the_next_mail() {
    let service = Service::start().await;
    let run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    for garbage in ["", "{", "[[[", r#"{"event":{}}"#, r#"{"type":"surprise"}"#] {
        peer.0.send(Message::text(garbage)).await.unwrap();
    }
    peer.0.send(Message::binary(&b"\xff\x00\xfe"[..])).await.unwrap();
    peer.say(&json!({"event": "message.received", "event_id": "evt_bad", "message": null})).await;
    peer.0.send(Message::binary(event(1).to_string())).await.unwrap();
    assert_eq!(run.ids(1).await, ["evt_1"]);
    assert_eq!(run.store.census().await.unwrap().parked, 1);
}

#[tokio::test]
async fn the_service_s_ping_is_answered() {
    let service = Service::start().await;
    let _run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    peer.0.send(Message::Ping(Bytes::from_static(b"there?"))).await.unwrap();
    assert_eq!(peer.0.next().await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"there?")));
}

#[tokio::test]
async fn a_store_that_fails_delays_events_and_skips_none() {
    let service = Service::start().await;
    let mut run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    run.is(SocketState::Live).await;
    run.store.fail(true);
    for n in 1..=300 {
        peer.event(n).await;
    }
    run.fails_to_record().await;
    assert_eq!(run.bookmark().await, None);
    run.store.fail(false);
    assert_eq!(run.ids(300).await.len(), 300);
    assert_eq!(run.bookmark().await.as_deref(), Some("evt_300"));
}

#[tokio::test]
async fn inboxes_are_added_while_it_runs() {
    let service = Service::start().await;
    let mut run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    run.is(SocketState::Live).await;
    run.subscriptions.refresh();
    assert_eq!(peer.confirm_subscribe().await, json!({"type": "subscribe"}));
}

#[tokio::test]
async fn a_shutdown_closes_the_connection_and_keeps_what_arrived() {
    let service = Service::start().await;
    let mut run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    run.is(SocketState::Live).await;
    peer.event(1).await;
    run.wake.notified().await;
    run.shutdown.cancel();
    let farewell = loop {
        match peer.0.next().await {
            Some(Ok(Message::Close(_))) => break true,
            Some(Ok(_)) => {}
            _ => break false,
        }
    };
    assert!(farewell, "the service is told, and frees the slot");
    assert_eq!(run.stopped.await.unwrap(), StopReason::ShutDown);
    assert_eq!(run.store.lease_all().await.len(), 1);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_store_that_fails() {
    let service = Service::start().await;
    let mut run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    run.is(SocketState::Live).await;
    run.store.fail(true);
    peer.event(1).await;
    run.fails_to_record().await;
    run.shutdown.cancel();
    assert_eq!(run.stopped.await.unwrap(), StopReason::ShutDown);
}

#[tokio::test]
async fn a_reader_that_waits_too_long_for_the_store_resumes_from_what_was_recorded() {
    let service = Service::start().await;
    let mut run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    peer.event(0).await;
    assert_eq!(run.ids(1).await, ["evt_0"]);
    run.store.fail(true);
    // More than the queue and a batch hold.
    for n in 1..=1_400 {
        peer.event(n).await;
    }
    run.fails_to_record().await;
    tokio::time::pause();
    run.is(SocketState::Degraded(Degradation::StoreSlow)).await;
    assert_eq!(run.bookmark().await.as_deref(), Some("evt_0"), "nothing was passed");
    run.store.fail(false);
    // The store is tried again before anything else arrives, or the reader would have to wait too long once more.
    tokio::time::sleep(Duration::from_secs(10)).await;
    tokio::time::resume();
    let mut peer = service.accept().await;
    let last = peer.confirm_subscribe().await["last_event_id"].as_str().unwrap()[4..].parse::<u32>().unwrap();
    assert!(last < 1_400, "the event in hand was let go, so it is asked for again");
    for n in last + 1..=1_400 {
        peer.event(n).await;
    }
    assert_eq!(run.ids(1_400).await.len(), 1_400);
}

#[tokio::test]
async fn what_arrived_behind_an_event_that_was_let_go_is_not_recorded_without_it() {
    let service = Service::start().await;
    let mut run = Run::start(&service);
    let mut peer = service.accept().await;
    peer.confirm_subscribe().await;
    run.is(SocketState::Live).await;
    run.store.recording.shut();
    // More than the queue and a batch hold, and some that were read behind the one that waits.
    for n in 1..=1_400 {
        peer.event(n).await;
    }
    run.store.recording.came(1).await;
    tokio::time::pause();
    // The reader waits too long for one event, and not yet for the next.
    tokio::time::sleep(Duration::from_secs(9)).await;
    run.store.recording.open();
    run.is(SocketState::Degraded(Degradation::StoreSlow)).await;
    tokio::time::resume();
    let mut peer = service.accept().await;
    let last = peer.confirm_subscribe().await["last_event_id"].as_str().unwrap()[4..].parse::<u32>().unwrap();
    for n in last + 1..=1_400 {
        peer.event(n).await;
    }
    let all = tokio::time::timeout(Duration::from_secs(30), run.ids(1_400)).await;
    assert_eq!(all.expect("the event that was let go is asked for again").len(), 1_400);
}
