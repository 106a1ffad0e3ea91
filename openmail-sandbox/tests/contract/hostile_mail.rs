//! Mail that wants more of the page than to be read.

use openmail_sandbox::{Delivered, Mail, Sandbox};
use tokio::net::TcpListener;

use crate::{
    client::{PATIENCE, Rest},
    pdf,
    webdriver::Browser,
};

/// Everything that would run or load something if it could; `{spy}` stands for a server outside.
const SNIPPETS: &str = r#"
    <p id="user-content">Look</p>
    <script>top.document.title = 'owned'; fetch('{spy}/script')</script>
    <script src="{spy}/script.js"></script>
    <img src="{spy}/picture.gif"><img src=x onerror="top.document.title = 'owned'; new Image().src = '{spy}/onerror'">
    <svg onload="top.document.title = 'owned'"><image href="{spy}/svg"></image></svg>
    <iframe src="{spy}/frame"></iframe><iframe srcdoc="<script>top.document.title = 'owned'</script>"></iframe>
    <object data="{spy}/object"></object><embed src="{spy}/embed"><video src="{spy}/video" poster="{spy}/poster"></video>
    <link rel="stylesheet" href="{spy}/sheet"><style>@import url({spy}/import); body { background: url({spy}/body) }</style>
    <p style="background-image: url({spy}/style)">styled</p><table background="{spy}/background"><tr><td>x</td></tr></table>
    <meta http-equiv="refresh" content="0;url={spy}/refresh"><base href="{spy}/">
    <form action="{spy}/form"><input name=q autofocus onfocus="this.form.submit()"></form>
    <a id=leave href="{spy}/link">leave</a><a href="javascript:top.document.title='owned'">run</a>
    <p id=last>End</p>
    <math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=alert(1)&gt;">"#;

/// A server outside, which nothing may ask for anything.
struct Spy(TcpListener);

impl Spy {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        (Self(listener), url)
    }

    /// Connections are made in order, so after this test's own nobody else's can be waiting.
    async fn was_asked_for_nothing(self) {
        let own = tokio::net::TcpStream::connect(self.0.local_addr().unwrap()).await.unwrap();
        let (_, first) = tokio::time::timeout(PATIENCE, self.0.accept()).await.unwrap().unwrap();
        assert_eq!(first, own.local_addr().unwrap(), "the page asked the outside for something");
    }
}

fn deliver(sandbox: &Sandbox, html: &str) -> Delivered {
    let inbox = sandbox.create_inbox("support");
    let named = "<img src=x onerror=\"document.title = 'owned'\">";
    let mail = Mail::from(format!("{named} <eve@example.com>")).to(&inbox.address).subject(named).html(html);
    sandbox.deliver(mail.attachment(named, "text/html", "<script>document.title = 'owned'</script>told"))
}

#[tokio::test]
async fn hostile_html_is_shown_runs_nothing_and_asks_nobody() {
    let sandbox = Sandbox::start().await.unwrap();
    let (spy, url) = Spy::start().await;
    let mail = deliver(&sandbox, &SNIPPETS.replace("{spy}", &url));
    let address = format!("{}/#{}", sandbox.base_url(), mail.thread_id);
    let Some(page) = Browser::open(1440, 900, &address).await else { return };
    page.wait_for("document.querySelector('iframe')?.contentDocument?.body?.textContent.includes('End')")
        .await;
    page.wait_for("document.querySelector('iframe').style.getPropertyValue('--height') !== ''").await;
    assert_eq!(
        page.evaluate("document.querySelector('iframe').getAttribute('sandbox')").await,
        "allow-same-origin"
    );
    let inside = "document.querySelector('iframe').contentDocument";
    let left = "querySelectorAll('script, iframe, object, embed, form, input, link, meta, style, svg, video').length";
    assert_eq!(page.evaluate(&format!("{inside}.{left}")).await, 0);
    page.evaluate(&format!("[...{inside}.querySelectorAll('a')].forEach((link) => link.click())")).await;
    // What the clicks would have begun has begun before this is answered.
    page.evaluate("fetch('/sandbox/sent').then(() => true)").await;
    assert_eq!(page.evaluate("document.title").await, "OpenMail sandbox");
    assert_eq!(page.evaluate("document.querySelectorAll('img[src=x]').length").await, 0);
    let asked = "performance.getEntriesByType('resource').filter((one) => !one.name.startsWith(location.origin)).length";
    assert_eq!(page.evaluate(asked).await, 0);
    spy.was_asked_for_nothing().await;
}

#[tokio::test]
async fn the_frame_gets_sanitised_html_under_a_policy_that_permits_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let mail = deliver(&sandbox, &SNIPPETS.replace("{spy}", "http://evil.example"));
    let rest = Rest::of(&sandbox);
    let path = format!("/sandbox/messages/{}/html", mail.message_id);
    let answer = rest.request(reqwest::Method::GET, &path).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("sandbox allow-same-origin; default-src 'none'"), "{policy}");
    let html = answer.text().await.unwrap();
    assert!(html.contains("Look") && html.contains("End"), "{html}");
    for trace in
        ["<script", "<iframe", "<svg", "<form", "<meta", "<base", "onerror=", "javascript:", "<style"]
    {
        assert!(!html.contains(trace), "{trace}: {html}");
    }
    // The agent gets it as it came: it is the page that is protected here.
    let rows = rest.get(&format!("/v1/threads/{}/messages", mail.thread_id)).await.expect(200);
    assert!(rows["data"][0]["bodyHtml"].as_str().unwrap().contains("<script"));
}

#[tokio::test]
async fn a_picture_that_came_with_the_mail_is_shown_in_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let text = "From: pia@example.com\nSubject: Logo\nContent-Type: multipart/related; boundary=B\n\n\
                --B\nContent-Type: text/html\n\n<p>See <img src=\"cid:logo@x\"><img src=\"cid:svg@x\"></p>\n\
                --B\nContent-Type: image/png\nContent-ID: <logo@x>\nContent-Transfer-Encoding: base64\n\n\
                iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==\n\
                --B\nContent-Type: image/svg+xml\nContent-ID: <svg@x>\n\n<svg onload=\"alert(1)\"/>\n--B--\n";
    let mail = sandbox.deliver(Mail::parse(text.as_bytes()).unwrap().deliver_to([&inbox.address]));
    let address = format!("{}/#{}", sandbox.base_url(), mail.thread_id);
    let Some(page) = Browser::open(1440, 900, &address).await else { return };
    let pictures = "[...(document.querySelector('iframe')?.contentDocument?.images ?? [])]";
    page.wait_for(&format!("{pictures}.length === 2 && {pictures}[0].naturalWidth === 1")).await;
    assert_eq!(page.evaluate(&format!("{pictures}[1].hasAttribute('src')")).await, false);
}

#[tokio::test]
async fn html_that_is_nested_beyond_reason_is_not_read_at_all() {
    let sandbox = Sandbox::start().await.unwrap();
    let mail = deliver(&sandbox, &"<div>".repeat(200_000));
    let answer = Rest::of(&sandbox).get(&format!("/sandbox/messages/{}/html", mail.message_id)).await;
    assert!(answer.text.contains("too deeply nested"), "{}", answer.text);
}

#[tokio::test]
async fn the_text_of_a_file_unfolds_under_its_name() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let invoice = pdf::page(b"BT /F1 12 Tf (Invoice #2847) Tj ET");
    let mail = Mail::from("ada@example.com").to(&inbox.address).text("See files.");
    let mail = mail.attachment("invoice.pdf", "application/pdf", invoice);
    let mail = sandbox.deliver(mail.attachment("photo.jpg", "image/jpeg", &b"\xff\xd8"[..]));
    let address = format!("{}/#{}", sandbox.base_url(), mail.thread_id);
    let Some(page) = Browser::open(1440, 900, &address).await else { return };
    page.click(".file-text summary").await;
    page.wait_for_text(".file-text .text", "Invoice #2847").await;
    page.wait_for_text(".no-text", "no text for the agent").await;
}
