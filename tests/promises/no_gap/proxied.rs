//! Where nothing but a proxy leads to the service, the socket goes through it as the requests do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{Bench, soon};
use crate::process::Process;

/// A proxy that leads to one service, whatever it is asked for.
struct Proxy {
    addr: String,
    tunnels: Arc<AtomicUsize>,
}

impl Proxy {
    async fn to(service: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let tunnels = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tunnels);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(hand_on(client, service.clone(), Arc::clone(&counted)));
            }
        });
        Self { addr, tunnels }
    }
}

async fn hand_on(mut client: TcpStream, service: String, tunnels: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let mut service = TcpStream::connect(service).await.unwrap();
    if head.starts_with(b"CONNECT mail.test:80 ") {
        tunnels.fetch_add(1, Ordering::Relaxed);
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    } else {
        service.write_all(&head).await.unwrap();
    }
    // Whoever hangs up has had enough.
    let _ = copy_bidirectional(&mut client, &mut service).await;
}

#[tokio::test]
async fn behind_a_proxy_mail_comes_over_the_socket_and_is_answered() {
    let bench = Bench::start().await;
    let proxy = Proxy::to(bench.sandbox.base_url().trim_start_matches("http://").to_owned()).await;
    let vars = [
        ("OPENMAIL_BASE_URL", "http://mail.test"),
        ("OPENMAIL_ALLOW_PLAIN_HTTP", "1"),
        ("HTTP_PROXY", &proxy.addr),
    ];
    let process = Process::start(&bench, &vars);
    soon(bench.sandbox.wait_for_subscribed(1)).await;
    assert_eq!(proxy.tunnels.load(Ordering::Relaxed), 1, "the socket is what needs a tunnel");
    bench.deliver("hello");
    assert_eq!(bench.sent(1).await[0].body, "re hello");
    process.signal("TERM").await;
    assert_eq!(process.ended().await.status.code(), Some(0));
}
