use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::listen::listen_to;
use super::*;
use crate::model::Secret;
use crate::store::Store;
use crate::store::troubled::TroubledStore;
use crate::transport::Readiness;
use crate::transport::tests::intake_into;
use crate::wire::signature::sign;

mod places;

/// A listener on a real port.
struct Listening {
    address: SocketAddr,
    store: Arc<TroubledStore>,
    wake: Arc<Notify>,
    readiness: Readiness,
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
    _guard: DropGuard,
}

impl Listening {
    async fn start() -> Self {
        Self::with_places(512).await
    }

    async fn with_places(places: usize) -> Self {
        let store = Arc::new(TroubledStore::default());
        let (intake, wake) = intake_into(store.clone());
        let readiness = Readiness::new();
        let secrets = [Secret::new("current"), Secret::new("previous")];
        let webhook = Webhook::new(secrets, intake, readiness.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let ended =
            tokio::spawn(listen_to(places, listener, webhook, shutdown.clone(), std::convert::identity));
        let guard = shutdown.clone().drop_guard();
        readiness.ready().await;
        Self { address, store, wake, readiness, shutdown, ended, _guard: guard }
    }

    async fn send(&self, head: &str, body: &[u8]) -> Answered {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{head}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        Answered::read(&mut stream).await
    }

    async fn get(&self, path: &str) -> Answered {
        self.send(&format!("GET {path} HTTP/1.1"), b"").await
    }

    async fn post(&self, headers: &str, body: &[u8]) -> Answered {
        self.send(&post_head(headers, body), body).await
    }

    async fn deliver(&self, body: &[u8]) -> Answered {
        self.post(&signed("current", body, 0), body).await
    }
}

struct Answered {
    status: u16,
    head: String,
    body: Value,
}

impl Answered {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_lowercase(), body: serde_json::from_str(body).unwrap_or_default() }
    }

    fn reason(&self) -> (u16, &str) {
        assert!(!self.body["message"].as_str().unwrap().is_empty());
        (self.status, self.body["error"].as_str().unwrap())
    }
}

fn post_head(headers: &str, body: &[u8]) -> String {
    format!("POST /webhooks HTTP/1.1\r\nContent-Length: {}{headers}", body.len())
}

/// Sends a head, and waits until the server asks for the body.
async fn begin_body(stream: &mut TcpStream, head: &str) {
    stream.write_all(format!("{head}\r\nHost: x\r\nExpect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
    let mut asked = Vec::new();
    while !asked.ends_with(b"100 Continue\r\n\r\n") {
        asked.push(stream.read_u8().await.unwrap());
    }
}

fn signed(secret: &str, body: &[u8], seconds_ago: i64) -> String {
    let at = Timestamp::now() - SignedDuration::from_secs(seconds_ago);
    let signature = sign(&Secret::new(secret), at, body);
    format!("\r\nX-Timestamp: {}\r\nX-Signature: {signature}", at.as_second())
}

fn event(n: usize, text: &str) -> Vec<u8> {
    let event = serde_json::json!({"event": "message.received", "event_id": format!("evt_{n}"),
        "inbox_id": "inb_1", "message": {"id": format!("msg_{n}"), "body_text": text}});
    serde_json::to_vec(&event).unwrap()
}

#[tokio::test]
async fn a_signed_event_is_answered_once_it_is_stored() {
    let listening = Listening::start().await;
    let body = event(1, "hello");
    for secret in ["current", "previous"] {
        let answered = listening.post(&signed(secret, &body, 0), &body).await;
        assert_eq!(answered.status, 200, "known is as good as new");
        assert_eq!(listening.store.census().await.unwrap().waiting, 1);
    }
    let events = listening.store.events(1, &listening.wake).await;
    assert_eq!(events[0].body, body, "byte for byte");
}

#[tokio::test]
async fn what_is_not_verified_is_refused_with_the_reason() {
    let listening = Listening::start().await;
    let body = event(1, "hello");
    let fresh = signed("current", &body, 0);
    let (timestamp, signature) = fresh.trim_start().split_once("\r\n").unwrap();
    for (headers, reason) in [
        (String::new(), "missing_timestamp"),
        (format!("\r\n{timestamp}"), "missing_signature"),
        (format!("\r\nX-Timestamp: soon\r\n{signature}"), "malformed_timestamp"),
        (format!("\r\n{timestamp}\r\nX-Signature: me"), "malformed_signature"),
        (signed("current", &body, 330), "stale_timestamp"),
        (signed("current", &body, -330), "stale_timestamp"),
        (signed("foreign", &body, 0), "signature_mismatch"),
        (signed("current", b"another body", 0), "signature_mismatch"),
    ] {
        let answered = listening.post(&headers, &body).await;
        assert_eq!(answered.reason(), (401, reason));
    }
    assert_eq!(listening.store.census().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn an_oversized_body_is_refused_and_the_next_one_taken() {
    let listening = Listening::start().await;
    let body = vec![b'x'; 10 * 1024 * 1024 + 1];
    assert_eq!(listening.deliver(&body).await.reason(), (413, "body_too_large"));
    assert_eq!(listening.deliver(&event(1, "hello")).await.status, 200);
}

#[tokio::test]
async fn an_oversized_body_that_hides_its_length_is_refused_too() {
    let listening = Listening::start().await;
    let body = vec![b'x'; 10 * 1024 * 1024 + 1];
    let headers = signed("current", &body, 0);
    let head = format!("POST /webhooks HTTP/1.1\r\nTransfer-Encoding: chunked{headers}");
    let chunked = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(listening.send(&head, &chunked).await.reason(), (413, "body_too_large"));
}

#[tokio::test]
async fn five_megabytes_are_taken() {
    let listening = Listening::start().await;
    let body = event(1, &"lorem ipsum ".repeat(5 * 1024 * 1024 / 12));
    assert_eq!(listening.deliver(&body).await.status, 200);
    assert_eq!(listening.store.events(1, &listening.wake).await[0].body, body);
}

#[tokio::test]
async fn signed_garbage_is_kept_aside_and_answered() {
    let listening = Listening::start().await;
    for garbage in [&b""[..], b"{", b"\xff\xfe", b"[1]", br#"{"event":"message.received","message":{}}"#] {
        assert_eq!(listening.deliver(garbage).await.status, 200);
    }
    assert_eq!(listening.deliver(br#"{"event":"webhook.test"}"#).await.status, 200);
    let census = listening.store.census().await.unwrap();
    assert_eq!((census.parked, census.waiting), (5, 1), "an unknown kind is an event like any other");
}

#[tokio::test]
async fn a_store_that_fails_is_never_answered_with_200() {
    let listening = Listening::start().await;
    listening.store.fail(true);
    let answered = listening.deliver(&event(1, "hello")).await;
    assert_eq!(answered.reason(), (503, "store_unavailable"));
    assert!(answered.head.contains("\r\nretry-after: 30"), "{}", answered.head);
    listening.store.fail(false);
    assert_eq!(listening.deliver(&event(1, "hello")).await.status, 200);
    assert_eq!(listening.store.census().await.unwrap().waiting, 1);
}

#[tokio::test]
async fn an_agent_that_has_stopped_takes_nothing_however_long_its_listener_lives() {
    let listening = Listening::start().await;
    listening.readiness.set_stopping();
    assert_eq!(listening.deliver(b"{}").await.reason(), (503, "stopping"));
    assert!(listening.store.lease_all().await.is_empty());
}

#[tokio::test]
async fn a_webhook_that_is_mounted_counts_from_the_first_request_that_the_service_made() {
    use tower::ServiceExt as _;

    let (intake, readiness) = (intake_into(Arc::new(TroubledStore::default())).0, Readiness::new());
    let webhook = Webhook::new([Secret::new("current")], intake, readiness.clone()).unwrap();
    let body = br#"{"event":"brand.new","event_id":"evt_1"}"#;
    let post = |signature: &str| {
        let mut request = http::Request::post("/openmail");
        for line in signature.lines() {
            if let Some((name, value)) = line.split_once(": ") {
                request = request.header(name, value);
            }
        }
        request.body(axum::body::Body::from(body.as_slice())).unwrap()
    };
    let forged = webhook.clone().oneshot(post(&signed("someone's", body, 0))).await.unwrap();
    assert!(forged.status() == 401 && !readiness.is_ready());
    let taken = webhook.oneshot(post(&signed("current", body, 0))).await.unwrap();
    assert!(taken.status() == 200 && readiness.is_ready());
}

#[tokio::test]
async fn what_came_from_somebody_who_hung_up_since_is_told_all_the_same() {
    let listening = Listening::start().await;
    let body = event(1, "hello");
    let head = post_head(&signed("current", &body, 0), &body);
    listening.store.recording.shut();
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.write_all(format!("{head}\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    listening.store.recording.came(1).await;
    drop(stream);
    let told = tokio::time::timeout(Duration::from_secs(10), listening.wake.notified()).await;
    assert!(told.is_ok(), "the dispatcher is told, though the store has yet to answer");
    assert_eq!(listening.store.lease_all().await.len(), 1);
}

#[tokio::test]
async fn many_deliver_at_once_beside_one_that_never_ends() {
    let listening = Arc::new(Listening::start().await);
    let mut slow = TcpStream::connect(listening.address).await.unwrap();
    slow.write_all(b"POST /webhooks HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let deliveries: Vec<_> = (0..100)
        .map(|n| {
            let listening = listening.clone();
            tokio::spawn(async move { listening.deliver(&event(n, "hello")).await.status })
        })
        .collect();
    for delivery in deliveries {
        assert_eq!(delivery.await.unwrap(), 200);
    }
    assert_eq!(listening.store.census().await.unwrap().waiting, 100);
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let listening = Listening::start().await;
    let body = event(1, "hello");
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    let head = post_head(&signed("current", &body, 0), &body);
    begin_body(&mut stream, &head).await;
    stream.write_all(&body[..5]).await.unwrap();
    // Time only runs once nothing else can: from here on, everything waits for the rest of the body.
    tokio::time::pause();
    assert_eq!(Answered::read(&mut stream).await.reason(), (408, "body_too_slow"));
}

#[tokio::test]
async fn bodies_that_are_announced_and_never_come_take_no_room() {
    let listening = Listening::start().await;
    let headers = signed("current", b"", 0);
    let announced = ["Content-Length: 10485760", "Transfer-Encoding: chunked"].repeat(6);
    let mut strangers = Vec::new();
    // As much as there is room for.
    for length in announced.into_iter().chain(["Content-Length: 8388608"]) {
        let mut stream = TcpStream::connect(listening.address).await.unwrap();
        begin_body(&mut stream, &format!("POST /webhooks HTTP/1.1\r\n{length}{headers}")).await;
        strangers.push(stream);
    }
    assert_eq!(listening.deliver(&event(1, "hello")).await.status, 200);
    assert_eq!(listening.deliver(&event(2, &"long ".repeat(1024 * 1024))).await.status, 200);
}

#[tokio::test]
async fn health_and_readiness_are_told_apart() {
    let listening = Listening::start().await;
    assert_eq!(listening.get("/readyz").await.status, 200);
    listening.readiness.set_store(false);
    let answered = listening.get("/readyz").await;
    assert_eq!((answered.status, &answered.body["store"]), (503, &Value::from("failing")));
    assert_eq!(listening.get("/healthz").await.status, 200);
    assert_eq!(listening.get("/webhooks").await.status, 405);
    assert_eq!(listening.get("/").await.status, 404);
}

#[tokio::test]
async fn a_shutdown_answers_what_is_under_way() {
    let listening = Listening::start().await;
    let body = event(1, "hello");
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    // Kept open between two requests, so that the server is known to have this connection.
    let head = post_head(&signed("current", &body, 0), &body);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 16];
    stream.read_exact(&mut first).await.unwrap();
    begin_body(&mut stream, &head).await;
    listening.shutdown.cancel();
    stream.write_all(&body).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("HTTP/1.1 200 OK"), "{rest}");
    listening.ended.await.unwrap();
    assert!(!listening.readiness.is_ready());
}

#[test]
fn without_a_secret_there_is_no_webhook() {
    let (intake, _) = intake_into(Arc::<TroubledStore>::default());
    assert!(Webhook::new([Secret::new("  ")], intake, Readiness::new()).is_none());
}
