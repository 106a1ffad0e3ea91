//! Keys and secrets never reach a log; bodies, subjects and addresses only on request.

use openmail_sandbox::{Fault, Sandbox};

use crate::bench::{Bench, soon};
use crate::process::Process;

const KEY: &str = "om_key_that_nobody_may_see";
const WORDS: &str = "words that are nobody's business";
const SUBJECT: &str = "A subject that is delicate";
const CORRESPONDENT: &str = "grace.private@correspondent.example";

/// What the log of a process holds that had to do with all that can happen to mail.
async fn log(filter: &str) -> (String, String) {
    let bench = Bench::with(Sandbox::builder().key(KEY)).await;
    let secret = bench.sandbox.set_account_webhook("http://127.0.0.1:9/webhooks");
    let vars = [
        ("OPENMAIL_WEBHOOK_ADDR", "127.0.0.1:0"),
        ("OPENMAIL_WEBHOOK_SECRET", &secret),
        ("RUST_LOG", filter),
    ];
    let process = Process::start(&bench, &vars);
    let addr = process.webhook_addr().await;
    soon(bench.sandbox.wait_for_subscribed(1)).await;
    bench.sandbox.set_account_webhook(format!("http://{addr}/webhooks"));
    let mail = |text: &str| {
        let from = format!("Grace Private <{CORRESPONDENT}>");
        bench.mail(&from, text).subject(SUBJECT).attachment(format!("{WORDS}.txt"), "text/plain", WORDS)
    };

    // Over the socket: refused at first, its answer lost then, and then sent.
    bench.sandbox.fault_next(1, Fault::send_refused(502, "provider_error"));
    bench.sandbox.fault_next(1, Fault::send_answer_lost());
    bench.sandbox.deliver(mail(WORDS));
    soon(bench.sandbox.wait_for(|world| (world.counts().sends_repeated == 1).then_some(()))).await;
    // Dead, set aside, not to be answered, unreadable.
    bench.sandbox.deliver(mail("fail"));
    bench.dead(1).await;
    bench.sandbox.deliver(mail(WORDS).verdict("spam"));
    bench.sandbox.deliver(mail(WORDS).auto_replyable(false));
    for event in [r#""event":"message.received","#, ""] {
        bench.sandbox.send_raw_frame(format!(r#"{{{event}"x":"{WORDS} {SUBJECT} {CORRESPONDENT}"}}"#));
    }
    bench.sandbox.send_raw_frame(format!(
        r#"{{"type":"error","message":"refused\n{KEY} may not ask what <{CORRESPONDENT}> wrote"}}"#
    ));
    bench.parked(2).await;
    bench.rows("SELECT key FROM sends WHERE state = 'failed'", 1).await;
    // Over the webhook, and refused for good.
    bench.sandbox.suppress(CORRESPONDENT, "complaint");
    bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
    bench.sandbox.drop_sockets();
    bench.sandbox.deliver(mail(WORDS));
    bench.rows("SELECT key FROM sends WHERE state = 'failed'", 2).await;
    // By somebody else.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let forged = http.post(format!("http://{addr}/webhooks")).header("X-Signature", "ab".repeat(32));
    let forged = forged.header("X-Timestamp", bench.sandbox.now().as_second()).body(WORDS);
    assert_eq!(soon(forged.send()).await.unwrap().status(), 401);

    process.signal("TERM").await;
    let ended = process.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    (ended.log, secret)
}

fn assert_private(log: &str, secret: &str) {
    let name = CORRESPONDENT.split('@').next().unwrap();
    let delicate = [KEY, secret, WORDS, SUBJECT, CORRESPONDENT, name, "Grace", "business", "delicate"];
    for line in log.lines() {
        for word in delicate {
            assert!(!line.to_lowercase().contains(&word.to_lowercase()), "{word:?} is in the log: {line}");
        }
    }
}

#[tokio::test]
async fn nothing_of_a_mail_and_no_key_is_in_the_log_at_its_most_talkative() {
    // The WebSocket library writes all that passes through it into its own log at this level: see SECURITY.md.
    let (log, secret) = log("trace,tungstenite=debug").await;
    assert!(log.contains("refused [key] may not ask what …@correspondent.example> wrote"), "{log}");
    assert!(log.contains("recorded events") && log.contains("did not take a webhook"), "{log}");
    assert_private(&log, &secret);
}
