use super::*;

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// Takes a place; one that does not read asks until the listener can say no more.
async fn stranger(listening: &Listening, reads: bool) -> TcpStream {
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.write_all(HEALTH).await.unwrap();
    stream.readable().await.unwrap();
    let requests = HEALTH.repeat(1_000);
    while !reads && matches!(within_moments(stream.write_all(&requests)).await, Some(Ok(()))) {}
    stream
}

async fn within_moments<T>(happens: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_millis(50), happens).await.ok()
}

#[tokio::test]
async fn strangers_that_take_all_places_keep_no_webhook_out() {
    let listening = Listening::with_places(4).await;
    let delivered = async {
        let mut strangers = Vec::new();
        for reads in [false, true, false, false, false, false] {
            strangers.push(stranger(&listening, reads).await);
        }
        for n in 0..6 {
            assert_eq!(listening.deliver(&event(n, "hello")).await.status, 200);
        }
        assert_eq!(listening.get("/readyz").await.status, 200);
    };
    tokio::time::timeout(Duration::from_secs(30), delivered).await.expect("there is a place for it");
}

#[tokio::test]
async fn who_does_not_read_the_answers_is_cut_off() {
    let listening = Listening::start().await;
    let mut stranger = stranger(&listening, false).await;
    // Time only runs once nothing else can: until the listener closes the connection, no more can be written to it.
    tokio::time::pause();
    let cut_off = async { while stranger.write_all(&[b'x'; 1_000]).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(60), cut_off).await.expect("nobody waits for it for ever");
}

#[tokio::test]
async fn whoever_takes_a_place_takes_it_from_who_has_had_it_for_longest_and_from_no_webhook() {
    let listening = Arc::new(Listening::with_places(2).await);
    listening.store.recording.shut();
    let delivered = tokio::spawn({
        let listening = listening.clone();
        async move { listening.deliver(&event(1, "hello")).await.status }
    });
    listening.store.recording.came(1).await;
    let mut before = stranger(&listening, true).await;
    let mut after = stranger(&listening, true).await;
    let mut rest = Vec::new();
    before.read_to_end(&mut rest).await.unwrap();
    after.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    after.read_to_end(&mut rest).await.unwrap();
    assert_eq!(String::from_utf8(rest).unwrap().matches("200 OK").count(), 3);
    listening.store.recording.open();
    assert_eq!(delivered.await.unwrap(), 200);
}

/// Sends a webhook but for its body, over a connection that ends once it is answered.
async fn begin(mut stream: TcpStream, body: &[u8]) -> TcpStream {
    let head = post_head(&signed("current", body, 0), body);
    begin_body(&mut stream, &format!("{head}\r\nConnection: close")).await;
    stream
}

async fn end(mut stream: TcpStream, body: &[u8]) -> u16 {
    stream.write_all(body).await.unwrap();
    Answered::read(&mut stream).await.status
}

/// Asks over a connection, and reads as far as this.
async fn ask(stream: &mut TcpStream, request: &[u8], answer: &str) {
    stream.write_all(request).await.unwrap();
    let mut answered = Vec::new();
    while !answered.ends_with(answer.as_bytes()) {
        answered.push(stream.read_u8().await.unwrap());
    }
}

#[tokio::test]
async fn strangers_who_ask_all_the_time_keep_no_place_from_a_webhook_that_is_on_its_way() {
    let listening = Listening::with_places(2).await;
    let body = event(1, "hello");
    let mut before = TcpStream::connect(listening.address).await.unwrap();
    ask(&mut before, HEALTH, "ok").await;
    let webhook = begin(TcpStream::connect(listening.address).await.unwrap(), &body).await;
    ask(&mut before, HEALTH, "ok").await;
    let _after = stranger(&listening, true).await;
    assert_eq!(end(webhook, &body).await, 200);
}

#[tokio::test]
async fn a_webhook_over_the_oldest_connection_of_all_keeps_its_place() {
    let listening = Listening::with_places(2).await;
    let [first, second] = [1, 2].map(|n| event(n, "hello"));
    let mut webhook = TcpStream::connect(listening.address).await.unwrap();
    let head = post_head(&signed("current", &first, 0), &first);
    let request = [format!("{head}\r\nHost: x\r\n\r\n").as_bytes(), &first].concat();
    ask(&mut webhook, &request, r#"{"received":true}"#).await;
    let _before = stranger(&listening, true).await;
    let webhook = begin(webhook, &second).await;
    let _after = stranger(&listening, true).await;
    assert_eq!(end(webhook, &second).await, 200);
}

#[tokio::test]
async fn claims_that_come_to_nothing_keep_no_place_from_who_has_yet_to_say_something() {
    let listening = Listening::with_places(2).await;
    let body = event(1, "hello");
    let _claim = begin(TcpStream::connect(listening.address).await.unwrap(), b"never sent").await;
    let webhook = TcpStream::connect(listening.address).await.unwrap();
    let _after = stranger(&listening, true).await;
    assert_eq!(end(begin(webhook, &body).await, &body).await, 200);
}

#[tokio::test]
async fn a_claim_that_is_false_is_the_last_of_its_connection() {
    let listening = Listening::start().await;
    let body = event(1, "hello");
    let head = post_head(&signed("foreign", &body, 0), &body);
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.write_all(format!("{head}\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let answered = tokio::time::timeout(Duration::from_secs(5), Answered::read(&mut stream)).await;
    assert_eq!(answered.expect("the connection ends").reason(), (401, "signature_mismatch"));
}
