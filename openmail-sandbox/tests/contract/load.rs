//! What a hundred thousand mails cost. It takes a minute, so it runs only when asked for:
//! `cargo test -p openmail-sandbox --test contract -- --ignored --nocapture load`.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::command::{Running, start, value};

const MAILS: usize = 100_000;
const AT_ONCE: usize = 200;
const ROUNDS: usize = 21;

#[tokio::test]
#[ignore = "measures for a minute"]
async fn load_of_a_hundred_thousand_mails() {
    let began = Instant::now();
    let (running, greeting) = start(&["--addr", "127.0.0.1:0", "--burst", "100000", "--daily", "100000"]);
    println!("start-up to the greeting          {:>10.1?}", began.elapsed());
    println!("memory with nothing               {:>7} MB", memory(&running));
    let base_url = value(&greeting, "OPENMAIL_BASE_URL=").to_owned();
    let inbox_id = value(&greeting, "OPENMAIL_INBOX_ID=").to_owned();
    let smtp = greeting.iter().find_map(|line| line.split_once("over SMTP at ")).unwrap().1;

    let began = Instant::now();
    write_mails(smtp.trim_end_matches('.')).await;
    println!("taking {MAILS} mails over SMTP    {:>10.1?}", began.elapsed());
    println!("memory with {MAILS} mails         {:>7} MB", memory(&running));

    rustls::crypto::ring::default_provider().install_default().ok();
    let http = Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| {
        let request = http.get(format!("{base_url}{path}")).bearer_auth("om_sandbox");
        request.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap()
    };
    let list = format!("/v1/inboxes/{inbox_id}");
    let page: Value =
        serde_json::from_slice(&get(&format!("{list}/threads?limit=1&offset=40000")).await).unwrap();
    let thread = format!("/v1/threads/{}/messages", page["data"][0]["id"].as_str().unwrap());
    for (what, path) in [
        ("newest messages", format!("{list}/messages")),
        ("messages far back", format!("{list}/messages?offset=90000")),
        ("newest threads", format!("{list}/threads")),
        ("unread threads far back", format!("{list}/threads?is_read=false&offset=40000")),
        ("one thread", thread),
        ("the page itself", "/".to_owned()),
    ] {
        println!("{what:<33} {:>10.1?}", median(async || drop(get(&path).await)).await);
    }
    let size = overview(&http, &base_url).await.len();
    let load = median(async || drop(overview(&http, &base_url).await)).await;
    println!("what the page shows first         {load:>10.1?}, {} KB", size / 1024);
    let inject = median(async || {
        let mail = json!({"from": "a@b.example", "to": "support@sandbox.openmail.test", "text": "One more."});
        http.post(format!("{base_url}/sandbox/mail")).json(&mail).send().await.unwrap();
    });
    println!("one more mail                     {:>10.1?}", inject.await);
    let mut pages = Vec::new();
    for _ in 0..3 {
        let stream = http.get(format!("{base_url}/sandbox/stream")).send().await.unwrap();
        pages.push(tokio::spawn(stream.bytes_stream().for_each(async |_| ())));
    }
    let replying = median(async || {
        let mail = json!({"from": "a@b.example", "to": "support@sandbox.openmail.test", "text": "One more."});
        http.post(format!("{base_url}/sandbox/mail")).json(&mail).send().await.unwrap();
    });
    println!("one more mail, three pages open   {:>10.1?}", replying.await);
    println!("memory afterwards                 {:>7} MB", memory(&running));
    pages.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Half of them answer the one before.
async fn write_mails(smtp: &str) {
    // A connection is good for 10,000 commands.
    for first in (0..MAILS).step_by(2000) {
        let (reader, mut writer) = TcpStream::connect(smtp).await.unwrap().into_split();
        let mut replies = BufReader::new(reader).lines();
        writer.write_all(b"EHLO test\r\n").await.unwrap();
        while !replies.next_line().await.unwrap().unwrap().starts_with("250 ") {}
        for first in (first..first + 2000).step_by(AT_ONCE) {
            let mails: String = (first..first + AT_ONCE).map(mail).collect();
            writer.write_all(mails.as_bytes()).await.unwrap();
            for _ in 0..4 * AT_ONCE {
                let reply = replies.next_line().await.unwrap().unwrap();
                assert!(reply.starts_with("250 ") || reply.starts_with("354 "), "{reply}");
            }
        }
    }
}

fn mail(at: usize) -> String {
    let answers =
        if at % 2 == 1 { format!("In-Reply-To: <{}@example.com>\r\n", at - 1) } else { String::new() };
    let text = "It is the blue one, and it was to be here last week. Could you look where it is? ".repeat(4);
    format!(
        "MAIL FROM:<ada@example.com>\r\nRCPT TO:<support@sandbox.openmail.test>\r\nDATA\r\n\
         From: Ada {at} <ada{at}@example.com>\r\nTo: support@sandbox.openmail.test\r\nSubject: Order {at}\r\n\
         Message-ID: <{at}@example.com>\r\n{answers}\r\n{text}\r\n.\r\n"
    )
}

/// The first event of the stream that the page draws.
async fn overview(http: &Client, base_url: &str) -> String {
    let stream = http.get(format!("{base_url}/sandbox/stream")).send().await.unwrap();
    let mut stream = stream.bytes_stream();
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        text += std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap();
    }
    text
}

async fn median(mut work: impl AsyncFnMut()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        work().await;
        times.push(began.elapsed());
    }
    times.sort();
    times[ROUNDS / 2]
}

/// Resident, in megabytes.
fn memory(running: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}
