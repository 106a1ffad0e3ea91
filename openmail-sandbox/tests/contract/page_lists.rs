//! More mail than the page shows at once.

use openmail_sandbox::{Mail, Sandbox};

use crate::{client::Rest, webdriver::Browser};

#[tokio::test]
async fn threads_beyond_the_list_are_found_by_search_and_by_their_address() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = |n: usize| {
        let from = format!("Person {n} <p{n}@example.com>");
        Mail::from(from).to(&inbox.address).subject(format!("Order {n}")).text("A needle in a haystack")
    };
    let oldest = sandbox.deliver(mail(0));
    (1..=210).for_each(|n| drop(sandbox.deliver(mail(n))));
    let url = format!("{}/#{}", sandbox.base_url(), oldest.thread_id);
    let Some(page) = Browser::open(1440, 900, &url).await else { return };
    page.wait_for_text("#subject", "Order 0").await;
    page.wait_for_text(".letter .text", "A needle in a haystack").await;
    assert_eq!(page.evaluate("document.querySelectorAll('.threads > li').length").await, 200);

    page.fill("#search", "NEEDLE p0@example.com").await;
    page.wait_for("document.querySelectorAll('.threads > li').length === 1").await;
    page.wait_for_text(".threads .thread-subject", "Order 0").await;
    page.fill("#search", "nobody").await;
    page.wait_for("!document.getElementById('not-found').hidden").await;
    // The list goes back to all by the keyboard alone, and the shortcut leads back to the search.
    page.press("#search", "\u{e009}a\u{e009}\u{e017}").await;
    page.wait_for("document.querySelectorAll('.threads > li').length === 200").await;
    page.press(".threads > li:nth-child(2) button", "/").await;
    assert_eq!(page.evaluate("document.activeElement.id").await, "search");
}

#[tokio::test]
async fn a_long_thread_is_shown_from_its_end() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let first = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("1"));
    for n in 2..=120 {
        let mail = Mail::from("ada@example.com").to(&inbox.address).text(n.to_string());
        sandbox.deliver(mail.in_thread(&first.thread_id));
    }
    let url = format!("{}/#{}", sandbox.base_url(), first.thread_id);
    let Some(page) = Browser::open(1440, 900, &url).await else { return };
    page.wait_for("document.querySelectorAll('.letter').length === 100").await;
    page.wait_for_text("#earlier", "Show earlier mails (20)").await;
    page.click("#earlier").await;
    page.wait_for("document.querySelectorAll('.letter').length === 120").await;
    page.wait_for("document.getElementById('earlier').hidden").await;
}

#[tokio::test]
async fn what_the_page_loads_first_does_not_grow_with_the_mail() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let text = "word ".repeat(20_000);
    (0..300).for_each(|n| {
        drop(sandbox.deliver(Mail::from(format!("p{n}@example.com")).to(&inbox.address).text(&text)));
    });
    let (octets, overview) = Rest::of(&sandbox).overview().await;
    assert_eq!(
        (overview["threads"].as_array().unwrap().len(), &overview["inboxes"][0]["unread"]),
        (200, &300.into())
    );
    assert!(octets < 200_000, "{octets} octets");
}
