use openmail_sandbox::{Inbox, Mail, Sandbox};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    client::{PATIENCE, Rest, Socket},
    webdriver::Browser,
};

async fn page(sandbox: &Sandbox) -> Option<Browser> {
    Browser::open(1440, 900, sandbox.base_url()).await
}

async fn answer(sandbox: &Sandbox, inbox: &Inbox, event: &Value, key: &str, text: &str) {
    let body = json!({"to": "grace@example.com", "body": text, "threadId": event["thread_id"]});
    Rest::of(sandbox).send(inbox, key, body).await.expect(200);
}

#[tokio::test]
async fn a_mail_is_written_on_the_page_and_its_answer_appears_in_the_thread() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let Some(page) = page(&sandbox).await else { return };
    let mut agent = Socket::subscribed(&sandbox).await;
    page.wait_for_text("#agent", "An agent listens").await;

    page.click("#write").await;
    page.fill("#mail-from", "Grace Hopper <grace@example.com>").await;
    page.fill("#mail-subject", "A moth").await;
    page.fill("#mail-text", "There is a moth in my relay.").await;
    page.click("#new-mail button[type=submit]").await;
    let event = agent.hear().await;
    assert_eq!(event["message"]["from"], "Grace Hopper <grace@example.com>");
    assert_eq!(event["message"]["body_text"], "There is a moth in my relay.");
    page.wait_for_text(".letter.inbound .fate", "Reached the agent over WebSocket").await;

    answer(&sandbox, &inbox, &event, "k1", "Tape it into the log book.").await;
    page.wait_for_text(".letter.outbound .text", "Tape it into the log book.").await;
    page.wait_for_text(".gauge.minute .figures", "1 / 10").await;

    // U+E009 and U+E007 are Ctrl and Enter.
    page.press("#reply-text", "Done, thank you.\u{e009}\u{e007}").await;
    let second = agent.hear().await;
    assert_eq!(second["thread_id"], event["thread_id"]);
    assert_eq!(second["message"]["subject"], "Re: A moth");
    answer(&sandbox, &inbox, &second, "k2", "You are welcome.").await;
    page.wait_for_text(".letter.outbound .text", "You are welcome.").await;
    assert_eq!(page.evaluate("document.querySelectorAll('.letter').length").await, 4);
}

#[tokio::test]
async fn the_page_stays_in_its_window_whatever_is_written() {
    let sandbox = Sandbox::start().await.unwrap();
    let inboxes: Vec<_> = (0..20).map(|at| sandbox.create_inbox(&format!("inbox-{at}"))).collect();
    let long = "Donaudampfschifffahrtsgesellschaft".repeat(12);
    let mail = Mail::from(format!("{long} <{long}@example.com>")).to(&inboxes[0].address);
    let mail =
        mail.subject(&long).text(format!("{long}\n").repeat(60)).attachment(&long, "text/csv", long.clone());
    let mail = sandbox.deliver(mail);
    for (width, height) in [(1280, 720), (500, 800)] {
        let address = format!("{}/#{}", sandbox.base_url(), mail.thread_id);
        let Some(page) = Browser::open(width, height, &address).await else { return };
        page.wait_for("document.querySelector('.letter .files')").await;
        let wider = "['html', 'main', '#conversation', '#thread'].filter((one) => \
                     document.querySelector(one).scrollWidth > document.querySelector(one).clientWidth)";
        assert_eq!(page.evaluate(wider).await, json!([]), "at {width}");
        page.evaluate("document.querySelector('.letter').scrollIntoView(false), scrollBy(0, 999), true")
            .await;
        assert_eq!(page.evaluate("document.querySelector('.bar').getBoundingClientRect().top").await, 0);
        if width > 720 {
            let seen = "document.getElementById('threads').getBoundingClientRect().top < innerHeight";
            assert_eq!(page.evaluate(seen).await, true, "the threads are below the inboxes");
        }
    }
}

#[tokio::test]
async fn a_fault_ordered_on_the_page_happens() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let Some(page) = page(&sandbox).await else { return };
    let mut agent = Socket::subscribed(&sandbox).await;
    page.click("#tab-faults").await;
    page.click("#fault-duplicate-event").await;
    page.wait_for_text(".ordered", "an event comes twice").await;
    sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("Once?"));
    assert_eq!(agent.hear().await["event_id"], agent.hear().await["event_id"]);
    page.wait_for("document.querySelector('.ordered').childElementCount === 0").await;

    page.click("#fault-drop-it-now").await;
    assert_eq!(agent.closed().await, None);
    page.wait_for_text("#agent", "No agent is connected").await;
}

#[tokio::test]
async fn a_file_goes_with_a_mail_that_is_written_on_the_page() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let Some(page) = page(&sandbox).await else { return };
    page.wait_for_text("#inboxes", "support").await;
    page.click("#write").await;
    page.fill("#mail-subject", "An offer").await;
    let choose = "(() => { const files = new DataTransfer(); files.items.add(new File(['tea,38'], 'offer.csv', { type: 'text/csv' })); \
                  document.querySelector('#new-mail input[type=file]').files = files.files; return true; })()";
    assert_eq!(page.evaluate(choose).await, true);
    page.click("#new-mail button[type=submit]").await;
    page.wait_for_text(".letter.inbound .files", "offer.csv").await;
    let file = sandbox.messages(&inbox.id)[0].attachments[0].clone();
    assert_eq!((&*file.content_type, &*file.bytes), ("text/csv", &b"tea,38"[..]));
    page.click(".file-text summary").await;
    page.wait_for_text(".file-text .text", "tea,38").await;
}

#[tokio::test]
async fn a_sandbox_that_is_gone_is_said_to_be() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("Hello"));
    let address = format!("{}/#{}", sandbox.base_url(), mail.thread_id);
    let Some(page) = Browser::open(1440, 900, &address).await else { return };
    page.fill("#reply-text", "Still there?").await;
    sandbox.stop().await;
    page.wait_for_text("#agent", "The sandbox does not answer").await;
    page.click("#reply button[type=submit]").await;
    page.wait_for_text("#reply .problem", "The sandbox does not answer").await;
    assert_eq!(page.evaluate("document.getElementById('reply-text').value").await, "Still there?");
}

#[tokio::test]
async fn the_clock_moves_from_the_page() {
    let sandbox = Sandbox::start().await.unwrap();
    let Some(page) = page(&sandbox).await else { return };
    let before = sandbox.now();
    page.click("#tab-time").await;
    page.click(".steps button:nth-child(2)").await;
    let moved = sandbox.wait_for(|view| (view.now().as_second() - before.as_second() >= 3600).then_some(()));
    tokio::time::timeout(PATIENCE, moved).await.unwrap();
}

#[tokio::test]
async fn the_page_is_worked_by_keys() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.create_inbox("support");
    let Some(page) = page(&sandbox).await else { return };
    page.wait_for_text("#inboxes", "support").await;
    // U+E014 is the right arrow, U+E00C Escape.
    page.press("#tab-events", "\u{e014}\u{e014}").await;
    assert_eq!(page.evaluate("document.activeElement.id").await, "tab-time");
    assert_eq!(
        page.evaluate("[...document.querySelectorAll('[role=tabpanel]:not([hidden])')].map((one) => one.id)")
            .await,
        json!(["time"])
    );
    page.press("body", "c").await;
    page.wait_for("document.getElementById('composer').open").await;
    assert_eq!(page.evaluate("document.activeElement.id").await, "mail-subject");
    page.press("#mail-subject", "\u{e00c}").await;
    page.wait_for("!document.getElementById('composer').open").await;
    let ringless =
        "[...document.querySelectorAll('button, input, select, textarea, a, summary')].filter((one) => {
        one.focus({focusVisible: true});
        return one === document.activeElement && getComputedStyle(one).outlineStyle === 'none';
    }).map((one) => one.id || one.textContent)";
    assert_eq!(page.evaluate(ringless).await, json!([]));
}

#[tokio::test]
async fn a_phone_shows_one_column_and_nothing_sticks_out() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let long = "Donaudampfschifffahrtsgesellschaftskapitän".repeat(8);
    let mail = Mail::from("ada@example.com").to(&inbox.address).subject(&long).text(&long);
    let delivered = sandbox.deliver(mail);
    let url = format!("{}/#{}", sandbox.base_url(), delivered.thread_id);
    let Some(page) = Browser::open(390, 844, &url).await else { return };
    page.wait_for_text(".letter .text", &long).await;
    for view in ["lists", "conversation", "panel"] {
        page.click(&format!(".views [data-to={view}]")).await;
        let shown =
            "[...document.querySelectorAll('.column')].filter((one) => one.offsetParent !== null).length";
        assert_eq!(page.evaluate(shown).await, 1, "{view}");
        let out =
            "[...document.querySelectorAll('.column, body')].some((one) => one.scrollWidth > innerWidth)";
        assert_eq!(page.evaluate(out).await, false, "{view}");
    }
}

#[tokio::test]
async fn pages_of_others_can_neither_read_nor_order_anything() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.create_inbox("support");
    let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let get = |path: &str| http.get(format!("{}{path}", sandbox.base_url()));
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    for path in ["/", "/sandbox/stream", "/sandbox/sent"] {
        assert_eq!(status(get(path)).await, 200, "{path}");
        assert_eq!(status(get(path).header("host", "rebind.example.com")).await, 403, "{path}");
        assert_eq!(status(get(path).header("origin", "http://evil.example")).await, 403, "{path}");
    }
    let order = || {
        let order = json!({"fault": {"kind": "lose_event"}, "times": 1});
        http.post(format!("{}/sandbox/faults", sandbox.base_url())).json(&order)
    };
    assert_eq!(status(order().header("origin", "http://evil.example")).await, 403);
    assert_eq!(status(order().header("sec-fetch-site", "cross-site")).await, 403);
    assert_eq!(sandbox.look(|view| view.outstanding_faults()), 0);
    assert_eq!(status(order().header("origin", sandbox.base_url())).await, 201);
    assert_eq!(sandbox.look(|view| view.outstanding_faults()), 1);
}

#[tokio::test]
async fn pages_of_others_reach_no_mail_with_the_key_that_everybody_knows() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let key = sandbox.api_key();
    let read = || http.get(format!("{}/v1/inboxes", sandbox.base_url())).bearer_auth(key);
    let listen = || {
        http.get(format!("{}/v1/ws?token={key}", sandbox.base_url()))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let (evil, rebound) = ("http://evil.example", "rebind.example.com:8025");
    for (request, welcome) in [(&read as &dyn Fn() -> RequestBuilder, 200), (&listen, 101)] {
        let status = async |name: &str, value: &str| {
            request().header(name, value).send().await.unwrap().status().as_u16()
        };
        assert_eq!(status("origin", evil).await, 403);
        assert_eq!(status("sec-fetch-site", "cross-site").await, 403);
        assert_eq!(status("host", rebound).await, 403, "its browser takes it for the same origin");
        assert_eq!(status("origin", sandbox.base_url()).await, welcome);
        assert_eq!(status("host", "sandbox:8025").await, welcome, "an agent in the next container");
    }
    let answer = read().header("host", rebound).send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("OPENMAIL_SANDBOX_KEY"), "{answer}");
}

#[tokio::test]
async fn under_a_key_of_its_own_the_sandbox_serves_agents_under_any_name() {
    let sandbox = Sandbox::builder().key("om_of_my_own").start().await.unwrap();
    let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let get = |path: &str| {
        let request = http.get(format!("{}{path}", sandbox.base_url())).bearer_auth("om_of_my_own");
        request.header("host", "mail.acme.example")
    };
    assert_eq!(get("/v1/me").send().await.unwrap().status(), 200);
    assert_eq!(get("/v1/me").header("origin", "http://evil.example").send().await.unwrap().status(), 403);
    assert_eq!(get("/sandbox/sent").send().await.unwrap().status(), 403, "the page's calls take no key");
}

#[tokio::test]
async fn every_file_of_the_page_comes_with_a_strict_policy() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let index = http.get(sandbox.base_url()).send().await.unwrap().text().await.unwrap();
    let named = index.split('"').filter(|text| text.starts_with("/page/"));
    for path in named.chain(["/", "/page/compose.js"]) {
        let answer = http.get(format!("{}{path}", sandbox.base_url())).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    assert!(!index.contains("http://") && !index.contains("https://") && !index.contains("style="));
}

#[tokio::test]
async fn an_open_page_does_not_hold_up_the_stop() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut stream = reqwest::get(format!("{}/sandbox/stream", sandbox.base_url())).await.unwrap();
    assert!(stream.chunk().await.unwrap().unwrap().starts_with(b"data: {"));
    tokio::time::timeout(PATIENCE, sandbox.stop()).await.unwrap();
    while let Ok(Some(_)) = stream.chunk().await {}
}
