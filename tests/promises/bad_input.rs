//! Whatever arrives: a clear refusal or a parked event, the process lives, the next mail is answered, and nothing that was
//! acknowledged is lost.

use std::net::SocketAddr;

use openmail_agent::handler::{Compose, Error, Mail, Reply, ReplyContext};
use openmail_agent::router::Route;
use openmail_agent::runtime::RunningRuntime;
use openmail_sandbox::{Fault, Sandbox};

use crate::bench::{Bench, Seen, soon};
use crate::process::Process;

/// An agent over both ways in, and what reaches its handler.
struct Target {
    bench: Bench,
    running: RunningRuntime,
    addr: SocketAddr,
    secret: String,
    seen: Seen,
    http: reqwest::Client,
}

impl Target {
    async fn start() -> Self {
        let bench = Bench::start().await;
        let seen = Seen::default();
        let saw = seen.clone();
        let handler = move |mail: Mail| {
            saw.see(format!("{} {}", mail.text().len(), mail.text().get(..20).unwrap_or(mail.text())));
            async move { (mail.text() == "answer me").then(|| Reply::text("answered")) }
        };
        let (running, secret) = bench.start_with_webhook([Route::new("agent", handler)]).await;
        let addr = running.webhook_addr().unwrap();
        Self {
            bench,
            running,
            addr,
            secret,
            seen,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Hands the handler a mail over the socket, and so waits for everything that was sent there before.
    async fn the_next_mail_is_handled(&self) {
        let number = self.seen.all().len();
        self.bench.deliver("next");
        assert_eq!(self.seen.count(number + 1).await[number], "4 next");
    }

    /// Posts a body as the service would, unless told otherwise, and tells the status.
    async fn post(&self, body: &[u8], forge: impl Fn(&str, &str) -> String) -> (u16, String) {
        let timestamp = self.bench.sandbox.now().as_second();
        let claims = [
            ("X-Timestamp", timestamp.to_string()),
            ("X-Signature", Sandbox::sign(&self.secret, timestamp, body)),
            ("X-Event-Id", "evt_posted".to_owned()),
        ];
        let request = self.http.post(format!("http://{}/webhooks", self.addr)).body(body.to_vec());
        let request =
            claims.iter().fold(request, |request, (name, value)| request.header(*name, forge(name, value)));
        let answer = soon(request.send()).await.expect("the listener answers");
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }

    async fn stop(self) {
        self.bench.deliver("answer me");
        assert_eq!(self.bench.sent(1).await[0].body, "answered");
        self.running.stop().await.unwrap();
    }
}

fn honest(_: &str, value: &str) -> String {
    value.to_owned()
}

#[tokio::test]
async fn frames_that_are_no_events_are_passed_over() {
    let target = Target::start().await;
    let deep = "[".repeat(200_000);
    let huge = "x".repeat(5_000_000);
    for frame in [
        "",
        "garbage",
        "{",
        "[]",
        "null",
        "7",
        r#"{"type":"brand_new"}"#,
        r#"{"event":7}"#,
        "{}",
        &deep,
        &huge,
    ] {
        assert_eq!(target.bench.sandbox.send_raw_frame(frame), 1);
        target.the_next_mail_is_handled().await;
    }
    for bytes in [&b""[..], b"\0\x01\x02", b"\xff\xfe{", &[0xc3; 100_000]] {
        assert_eq!(target.bench.sandbox.send_raw_bytes(bytes.to_vec()), 1);
        target.the_next_mail_is_handled().await;
    }
    assert_eq!(target.bench.sandbox.counts().sockets_opened, 1, "none of these was worth the connection");
    target.stop().await;
}

#[tokio::test]
async fn a_frame_larger_than_is_taken_costs_the_connection_and_no_mail() {
    let target = Target::start().await;
    target.the_next_mail_is_handled().await;
    target.bench.sandbox.send_raw_frame("x".repeat(17 * 1024 * 1024));
    target.bench.deliver("right behind it");
    target.seen.words("right behind it").await;
    let again = |world: &openmail_sandbox::View<'_>| (world.counts().sockets_opened == 2).then_some(());
    soon(target.bench.sandbox.wait_for(again)).await;
    target.the_next_mail_is_handled().await;
    target.stop().await;
}

#[tokio::test]
async fn events_that_cannot_be_understood_are_parked_with_a_reason() {
    let target = Target::start().await;
    let frames = [
        r#"{"event":"message.received"}"#,
        r#"{"event":"message.received","event_id":"evt_1","message":null}"#,
        r#"{"event":"message.received","event_id":"evt_2","message":"text"}"#,
        r#"{"event":"message.received","event_id":"evt_3","inbox_id":null,"message":{"id":null,"from":[]}}"#,
        r#"{"event":"inbox.suspended","event_id":"evt_4"}"#,
        r#"{"event":"pod.suspended","event_id":"evt_5","inbox_id":"inb_1","pod_id":null}"#,
        r#"{"event":"reply.failed","event_id":"evt_6"}"#,
    ];
    for (number, frame) in frames.into_iter().enumerate() {
        assert_eq!(target.bench.sandbox.send_raw_frame(frame), 1);
        target.the_next_mail_is_handled().await;
        let reasons = target.bench.parked(number + 1).await;
        assert!(reasons[number].starts_with("the event cannot be decoded: "), "{reasons:?}");
    }
    let kept = target.bench.rows("SELECT CAST(body AS TEXT) FROM event_bodies JOIN events USING (seq) WHERE state = 'parked' ORDER BY seq", 7).await;
    assert_eq!(kept, frames, "byte for byte");
    target.stop().await;
}

#[tokio::test]
async fn a_mail_whose_event_cannot_be_read_is_handled_from_its_row() {
    for trusts_events in [false, true] {
        let bench = Bench::start().await;
        let seen = Seen::default();
        let saw = seen.clone();
        let handler = move |mail: Mail| {
            saw.mail(&mail);
            async {}
        };
        let runtime = bench.runtime().handlers([Route::new("agent", handler)]);
        let runtime = if trusts_events { runtime.trust_events() } else { runtime };
        let running = bench.start_ready(runtime).await;
        bench.sandbox.fault_next(1, Fault::LoseEvent);
        let row = bench.deliver("from the row");
        let twice = format!(
            r#"{{"event":"message.received","event_id":"evt_twice","inbox_id":"{}","thread_id":"{}","message":{{"id":"{}","subject":"a","subject":"b"}}}}"#,
            bench.inbox.id, row.thread_id, row.message_id
        );
        assert_eq!(bench.sandbox.send_raw_frame(twice), 1);
        assert_eq!(seen.count(1).await, ["from the row"]);
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn events_with_less_or_more_than_is_documented_are_taken() {
    let target = Target::start().await;
    let row = target.bench.deliver("with a row");
    target.seen.count(1).await;
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    for (number, frame) in [
        format!(r#"{{"event":"brand.deep","event_id":"evt_deep","x":{deep}}}"#),
        r#"{"type":"event","event":"brand.new","event_id":"evt_new","inbox_id":{"not":"text"},"more":[1,2,{"three":null}]}"#
            .to_owned(),
        r#"{"event":"billing.updated"}"#.to_owned(),
        format!(
            r#"{{"event":"inbox.reactivated","event_id":"evt_back","inbox_id":"{}","reason":7}}"#,
            target.bench.inbox.id
        ),
        // The same mail under another event id, with nothing but its name.
        format!(
            r#"{{"event":"message.received","event_id":"evt_again","message":{{"id":"{}"}},"x":0}}"#,
            row.message_id
        ),
    ]
    .iter()
    .enumerate()
    {
        target.bench.sandbox.send_raw_frame(frame.as_str());
        target.the_next_mail_is_handled().await;
        let done = "SELECT kind FROM events WHERE state = 'done' AND kind <> 'message.received' ORDER BY seq";
        target.bench.rows(done, (number + 1).min(4)).await;
    }
    assert_eq!(target.seen.all().iter().filter(|text| text.contains("with a row")).count(), 1);
    // A mail of which only the sender is known, and which has neither thread nor inbox, is handled as it is.
    target.bench.sandbox.send_raw_frame(
        r#"{"event":"message.received","event_id":"evt_bare","message":{"id":"msg_bare","from":"x@example.com","to":null,"cc":null,"subject":null,"body_text":null,"attachments":null}}"#,
    );
    target.seen.words("0 ").await;
    target.stop().await;
}

#[tokio::test]
async fn webhooks_that_are_not_verified_are_refused_with_a_reason_and_not_kept() {
    let target = Target::start().await;
    let body = br#"{"event":"brand.new","event_id":"evt_posted"}"#;
    let old = (target.bench.sandbox.now().as_second() - 600).to_string();
    let stale = Sandbox::sign(&target.secret, old.parse().unwrap(), body);
    type Forge<'a> = Box<dyn Fn(&str, &str) -> String + 'a>;
    let only = |header: &'static str, forged: &str| -> Forge<'_> {
        let forged = forged.to_owned();
        Box::new(move |name, value| if name == header { forged.clone() } else { value.to_owned() })
    };
    let forgeries: [(&str, Forge<'_>); 7] = [
        ("unsigned", only("X-Signature", "")),
        ("no hex", only("X-Signature", "zzzz")),
        ("too short", only("X-Signature", "ab")),
        (
            "another body's",
            only(
                "X-Signature",
                &Sandbox::sign(&target.secret, target.bench.sandbox.now().as_second(), b"{}"),
            ),
        ),
        (
            "another secret's",
            only("X-Signature", &Sandbox::sign("whsec_other", target.bench.sandbox.now().as_second(), body)),
        ),
        ("no time", only("X-Timestamp", "yesterday")),
        (
            "stale",
            Box::new(|name, value| match name {
                "X-Timestamp" => old.clone(),
                "X-Signature" => stale.clone(),
                _ => value.to_owned(),
            }),
        ),
    ];
    for (what, forge) in &forgeries {
        let (status, reason) = target.post(body, forge).await;
        assert_eq!(status, 401, "{what}: {reason}");
        assert!(reason.contains("\"error\"") && reason.contains("\"message\""), "{what}: {reason}");
        target.the_next_mail_is_handled().await;
    }
    assert!(target.bench.rows("SELECT kind FROM events WHERE kind = 'brand.new'", 0).await.is_empty());
    assert_eq!(target.post(body, honest).await.0, 200, "the same, honestly");
    target.bench.rows("SELECT kind FROM events WHERE kind = 'brand.new' AND state = 'done'", 1).await;
    target.stop().await;
}

#[tokio::test]
async fn strangers_who_post_again_and_again_do_not_fill_the_log() {
    let bench = Bench::start().await;
    let vars = [("OPENMAIL_WEBHOOK_ADDR", "127.0.0.1:0"), ("OPENMAIL_WEBHOOK_SECRET", "whsec_one")];
    let process = Process::start(&bench, &vars);
    let (addr, http) = (process.webhook_addr().await, reqwest::Client::builder().no_proxy().build().unwrap());
    for _ in 0..20 {
        let answer = soon(http.post(format!("http://{addr}/webhooks")).body("{}").send()).await;
        assert_eq!(answer.unwrap().status(), 401);
    }
    process.signal("TERM").await;
    let log = process.ended().await.log;
    assert_eq!(log.matches("did not take a webhook").count(), 1, "{log}");
}

#[tokio::test]
async fn signed_bodies_that_do_not_parse_are_taken_and_parked() {
    let target = Target::start().await;
    let large = vec![b'x'; 5 * 1024 * 1024];
    for (number, body) in [&b""[..], b"garbage", b"[]", b"\xff\xfe\0", &large].into_iter().enumerate() {
        let id = format!("evt_{number}");
        let named =
            |name: &str, value: &str| if name == "X-Event-Id" { id.clone() } else { value.to_owned() };
        assert_eq!(target.post(body, named).await.0, 200);
        assert!(target.bench.parked(number + 1).await[number].starts_with("the event cannot be decoded: "));
        target.the_next_mail_is_handled().await;
    }
    let oversized = vec![b'x'; 11 * 1024 * 1024];
    assert_eq!(target.post(&oversized, honest).await.0, 413);
    target.the_next_mail_is_handled().await;
    assert_eq!(target.bench.parked(5).await.len(), 5);
    target.stop().await;
}

#[tokio::test]
async fn a_mail_of_five_megabytes_is_handled_over_either_way() {
    let target = Target::start().await;
    let large = "many words ".repeat(480_000);
    target.bench.deliver(&large);
    target.seen.words("5280000 many words").await;
    let refused = target.bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
    target.bench.sandbox.drop_sockets();
    target.bench.deliver(&large);
    target.seen.count(2).await;
    assert!(target.bench.sandbox.webhook_attempts().iter().all(|attempt| attempt.outcome.is_delivered()));
    target.bench.sandbox.lift(refused);
    target.stop().await;
}

#[tokio::test]
async fn hostile_headers_and_file_names_are_read_and_answered() {
    let target = Target::start().await;
    let hostile = "\u{202e}\0\r\nBcc: eve@evil.example\r\n\r\n%00../../..\\\u{1F4A5}";
    let mail = target.bench.mail("\"Ada \\\" <x>, y@z\" <ada@example.com>", "answer me").subject(hostile);
    let mail = mail.attachment(hostile, hostile, hostile).attachment("", "", "");
    target.bench.sandbox.deliver(mail);
    let sent = target.bench.sent(1).await;
    assert_eq!((sent[0].to.as_str(), sent[0].cc.len()), ("ada@example.com", 0));
    target.bench.assert_well_spoken();
    target.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_service_would_not_take_fails_its_handler_and_commits_nothing() {
    let bench = Bench::start().await;
    let handler = async |mail: Mail, replies: ReplyContext, compose: Compose| {
        replies.reply("goes with the others")?;
        let colleague = "team@corp.example".parse()?;
        match mail.text() {
            "empty" => replies.reply("")?,
            "long" => drop(replies.reply_now("ä".repeat(100_001)).await?),
            "subject" => compose.new_thread(colleague, "s".repeat(999), "words"),
            "nameless" => compose.new_thread(colleague, " ", "words"),
            _ => {
                let heavy = vec![0; 26 * 1024 * 1024];
                return Ok(Some(Reply::text("files").attach("a.bin", "application/octet-stream", heavy)));
            }
        }
        Ok::<_, Error>(None)
    };
    let running = bench.run(handler).await;
    let cases = [
        ("empty", "the body is empty"),
        ("long", "the body has 100001 characters, and the service takes 100000"),
        ("subject", "the subject has 999 characters"),
        ("nameless", "needs a subject"),
        ("files", "the attachments are 26.0 MB in all"),
    ];
    for (number, (text, expected)) in cases.into_iter().enumerate() {
        bench.deliver(text);
        let reasons = bench.dead(number + 1).await;
        assert!(reasons[number].contains(expected), "{reasons:?}");
    }
    running.stop().await.unwrap();
    assert_eq!(bench.rows("SELECT key FROM sends", 0).await.len(), 0);
    bench.assert_well_spoken();
}

#[tokio::test]
async fn a_mail_of_any_length_is_forwarded_and_answered() {
    let bench = Bench::start().await;
    let handler = async |_: Mail, compose: Compose| {
        compose.forward("team@corp.example".parse()?, "For you.");
        Ok::<_, Error>(Reply::text("I have passed it on."))
    };
    let running = bench.run(handler).await;
    let texts = ["\u{1F4A5}\n".repeat(60_000), "\t<b>&\"".repeat(200_000), ".\n".repeat(300_000)];
    for (number, text) in texts.iter().enumerate() {
        let subject = format!("a\r\nb\0{}", "ü".repeat(2_000));
        bench.sandbox.deliver(bench.mail("ada@example.com", text).subject(subject));
        let sent = bench.sent(2 * (number + 1)).await;
        let forwarded = sent.iter().rev().find(|sent| sent.to == "team@corp.example").unwrap();
        assert!(forwarded.body.starts_with("For you.") && forwarded.body.ends_with(" [cut]"));
        assert!(forwarded.subject.starts_with("Fwd: a b üü") && forwarded.subject.ends_with("ü [cut]"));
        assert_eq!(forwarded.subject.chars().count(), 998);
    }
    running.stop().await.unwrap();
    bench.assert_well_spoken();
}

#[tokio::test]
async fn a_reply_to_a_mail_without_an_inbox_fails_its_handler() {
    let target = Target::start().await;
    target.bench.sandbox.send_raw_frame(
        r#"{"event":"message.received","event_id":"evt_1","message":{"id":"msg_1","from":"x@example.com","body_text":"answer me"}}"#,
    );
    let reasons = target.bench.dead(1).await;
    assert!(
        reasons[0].contains("names no inbox") && reasons[0].contains("not to be tried again"),
        "{reasons:?}"
    );
    target.stop().await;
}
