//! Keys and secrets never reach a log; bodies, subjects and addresses only on request.

use std::time::Duration;

use openmail_agent::store::Store as _;
use openmail_agent::store::postgres::PostgresStore;
use openmail_sandbox::{Fault, Sandbox};

use crate::bench::{Bench, soon};
use crate::postgres::cluster::Place;
use crate::process::Process;

const KEY: &str = "om_key_that_nobody_may_see";
const WORDS: &str = "words that are nobody's business";
const SUBJECT: &str = "A subject that is delicate";
const CORRESPONDENT: &str = "grace.private@correspondent.example";

/// What the log of a process holds that had to do with all that can happen to mail, and kept it in a database or in its file.
async fn log(filter: &str, database: Option<&str>) -> (String, String) {
    let bench = Bench::with(Sandbox::builder().key(KEY)).await;
    let secret = bench.sandbox.set_account_webhook("http://127.0.0.1:9/webhooks");
    let vars = [
        ("OPENMAIL_WEBHOOK_ADDR", "127.0.0.1:0"),
        ("OPENMAIL_WEBHOOK_SECRET", &secret),
        ("RUST_LOG", filter),
    ];
    let store = database.map(|url| ("OPENMAIL_STORE", url));
    let process = Process::start(&bench, &[&vars[..], store.as_slice()].concat());
    let kept = Kept::new(&bench, database).await;
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
    kept.until("events", "dead", 1).await;
    bench.sandbox.deliver(mail(WORDS).verdict("spam"));
    bench.sandbox.deliver(mail(WORDS).auto_replyable(false));
    for event in [r#""event":"message.received","#, ""] {
        bench.sandbox.send_raw_frame(format!(r#"{{{event}"x":"{WORDS} {SUBJECT} {CORRESPONDENT}"}}"#));
    }
    bench.sandbox.send_raw_frame(format!(
        r#"{{"type":"error","message":"refused\n{KEY} may not ask what <{CORRESPONDENT}> wrote"}}"#
    ));
    kept.until("events", "parked", 2).await;
    kept.until("sends", "failed", 1).await;
    // Over the webhook, and refused for good.
    bench.sandbox.suppress(CORRESPONDENT, "complaint");
    bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
    bench.sandbox.drop_sockets();
    bench.sandbox.deliver(mail(WORDS));
    kept.until("sends", "failed", 2).await;
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

/// What an operator sees of the store while the process runs.
enum Kept<'b> {
    File(&'b Bench),
    Database(Box<PostgresStore>),
}

impl<'b> Kept<'b> {
    async fn new(bench: &'b Bench, database: Option<&str>) -> Self {
        match database {
            Some(url) => Self::Database(Box::new(PostgresStore::open(url).await.unwrap())),
            None => Self::File(bench),
        }
    }

    /// Waits for so many rows in this state.
    async fn until(&self, table: &str, state: &str, count: u64) {
        let store = match self {
            Self::File(bench) => {
                let sql = format!("SELECT state FROM {table} WHERE state = '{state}'");
                return drop(bench.rows(&sql, count as usize).await);
            }
            Self::Database(store) => &**store,
        };
        soon(async {
            loop {
                let census = store.census().await.unwrap();
                let found = match state {
                    "dead" => census.dead,
                    "parked" => census.parked,
                    _ => census.failed,
                };
                if found >= count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
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
    let (log, secret) = log("trace,tungstenite=debug", None).await;
    assert!(log.contains("refused [key] may not ask what …@correspondent.example> wrote"), "{log}");
    assert!(log.contains("recorded events") && log.contains("did not take a webhook"), "{log}");
    assert_private(&log, &secret);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_mail_is_in_the_log_of_the_postgres_client() {
    let Some(place) = Place::shared() else { return };
    let (log, secret) = log("trace,tungstenite=debug", Some(&place.fresh())).await;
    assert!(log.contains("INSERT INTO events") && log.contains("with parameters"), "{log}");
    assert_private(&log, &secret);
}
