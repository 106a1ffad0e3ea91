use data_encoding::BASE64;
use openmail_sandbox::{Delivered, Inbox, Mail, Sandbox};
use serde_json::{Value, json};

use crate::{
    client::{Rest, Socket},
    pdf,
    webdriver::Browser,
};

const INVOICE: &[u8] =
    b"BT /F1 18 Tf 72 700 Td (Invoice #2847) Tj 0 -30 Td [(Gr\\374) -20 (\\337e, Ada.)] TJ \
                         /F1 12 Tf 0 -20 Td (Tea) Tj 200 0 Td (38,00) Tj T* (Thank you) ' ET";
const INVOICE_TEXT: &str = "Invoice #2847\nGrüße, Ada.\nTea 38,00\nThank you\n";

async fn sandbox() -> (Sandbox, Inbox) {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    (sandbox, inbox)
}

fn with_file(inbox: &Inbox, filename: &str, content_type: &str, content: Vec<u8>) -> Mail {
    Mail::from("ada@example.com").to(&inbox.address).attachment(filename, content_type, content)
}

async fn row(sandbox: &Sandbox, mail: &Delivered) -> Value {
    let path = format!("/v1/threads/{}/messages", mail.thread_id);
    Rest::of(sandbox).get(&path).await.expect(200)["data"][0]["attachments"][0].clone()
}

#[tokio::test]
async fn the_text_of_a_pdf_is_in_the_event_in_the_row_and_behind_its_address() {
    let (sandbox, inbox) = sandbox().await;
    let mut socket = Socket::subscribed(&sandbox).await;
    let file = pdf::page(INVOICE);
    let mail = sandbox.deliver(with_file(&inbox, "invoice.pdf", "application/pdf", file));
    let event = socket.hear().await;
    for file in [&event["message"]["attachments"][0], &row(&sandbox, &mail).await] {
        assert_eq!((&file["parsedText"], &file["extractionMethod"]), (&json!(INVOICE_TEXT), &json!("pdf")));
    }
    let path = format!("/v1/attachments/{}/invoice.pdf/text", mail.message_id);
    let text = Rest::of(&sandbox).get(&path).await.expect(200);
    let expected = json!({
        "filename": "invoice.pdf", "contentType": "application/pdf", "extractionMethod": "pdf", "text": INVOICE_TEXT,
    });
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_page_that_a_browser_prints_reads_as_it_looks() {
    let (sandbox, inbox) = sandbox().await;
    let page = "data:text/html;charset=utf-8,<h1>Invoice</h1><p>Toward Köln — by <b>15 March</b>.\
                <table><tr><td>Tea<td>38,00 €<tr><td>Postage<td>4,50 €</table>";
    let Some(browser) = Browser::open(800, 600, page).await else { return };
    let file = BASE64.decode(browser.print().await.as_bytes()).unwrap();
    let mail = sandbox.deliver(with_file(&inbox, "printed.pdf", "application/octet-stream", file));
    let file = sandbox.thread(&mail.thread_id).unwrap().messages[0].attachments[0].clone();
    assert_eq!(file.extraction_method(), "pdf");
    let text = "Invoice\nToward Köln — by 15 March.\nTea 38,00 €\nPostage 4,50 €\n";
    assert_eq!(file.parsed_text(), Some(text));
}

#[tokio::test]
async fn text_html_and_csv_are_read_and_what_cannot_be_says_why() {
    let (sandbox, inbox) = sandbox().await;
    let page =
        b"<title>No</title><style>b{}</style><p>Hi &amp; <b>bye</b></p><script>1</script><ul><li>one</ul>";
    let large = vec![b'a'; 10 * 1024 * 1024 + 1];
    for (filename, content_type, content, method, text) in [
        ("a.html", "text/html; charset=utf-8", page.to_vec(), "text", Some("Hi & bye\none")),
        ("a.csv", "text/csv", b"tea,38\r\n".to_vec(), "csv", Some("tea,38\r\n")),
        ("a.csv", "application/vnd.ms-excel", b"\xef\xbb\xbftea,38".to_vec(), "csv", Some("tea,38")),
        ("a.txt", "text/plain; charset=iso-8859-1", b"caf\xe9".to_vec(), "text", Some("café")),
        ("a.json", "application/json", b"{}".to_vec(), "text", Some("{}")),
        ("a.png", "image/png", b"\x89PNG".to_vec(), "unsupported", None),
        ("a.pdf", "application/pdf", b"%PDF".to_vec(), "pdf_error", None),
        ("empty.pdf", "application/pdf", pdf::page(b""), "unsupported", None),
        ("large.txt", "text/plain", large, "skipped_too_large", None),
    ] {
        let mail = sandbox.deliver(with_file(&inbox, filename, content_type, content));
        let file = row(&sandbox, &mail).await;
        assert_eq!((file["extractionMethod"].as_str(), file["parsedText"].as_str()), (Some(method), text));
        let path = format!("/v1/attachments/{}/{filename}/text", mail.message_id);
        let answer = Rest::of(&sandbox).get(&path).await;
        match text {
            Some(text) => assert_eq!(answer.expect(200)["text"], text),
            None => drop(answer.refused(422, "extraction_failed")),
        }
    }
}

#[tokio::test]
async fn a_long_text_is_cut_at_50000_characters() {
    let (sandbox, inbox) = sandbox().await;
    let lines = "(Gr\\374\\337e aus der Ferne) '\n".repeat(4000);
    let long = pdf::page(format!("BT /F1 12 Tf {lines} ET").as_bytes());
    for (content_type, content) in
        [("application/pdf", long), ("text/plain", "é".repeat(60_000).into_bytes())]
    {
        let mail = sandbox.deliver(with_file(&inbox, "long", content_type, content));
        let text = row(&sandbox, &mail).await["parsedText"].as_str().unwrap().to_owned();
        assert_eq!(text.chars().count(), 50_000, "{content_type}");
    }
}

#[tokio::test]
async fn hostile_pdfs_hold_up_nobody_and_their_mail_arrives() {
    let (sandbox, inbox) = sandbox().await;
    let whole = pdf::page(INVOICE);
    let truncated = (1..8).map(|part| whole[..whole.len() * part / 8].to_vec());
    let flipped = (0..8).map(|at| {
        let mut file = whole.clone();
        let place = 9 + at * (file.len() - 10) / 8;
        file[place] ^= 0xff;
        file
    });
    for file in truncated.chain(flipped).chain(hostile()) {
        let mail = sandbox.deliver(with_file(&inbox, "x.pdf", "application/pdf", file.clone()));
        let found = row(&sandbox, &mail).await;
        let method = found["extractionMethod"].as_str().unwrap();
        assert!(["pdf", "pdf_error", "unsupported"].contains(&method), "{method}");
        let intact = found["parsedText"].as_str().unwrap_or_default();
        assert!(intact.len() < 1000, "{} octets of text", intact.len());
    }
}

/// Files that have made readers of PDF crash, hang or eat all memory.
fn hostile() -> Vec<Vec<u8>> {
    let catalog = || b"<< /Type /Catalog /Pages 2 0 R >>".to_vec();
    let nested = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let mut bomb = lopdf::Stream::new(lopdf::Dictionary::new(), vec![b' '; 64 * 1024 * 1024]);
    bomb.compress().unwrap();
    let inflating = pdf::stream("/Filter /FlateDecode", &bomb.content);
    vec![
        b"%PDF-1.7\n".repeat(1000),
        (0..=255).cycle().take(100_000).collect(),
        // Pages that are their own parents, streams that are as long as they say.
        pdf::file(&[catalog(), b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 >>".to_vec()]),
        pdf::file(&[catalog(), b"2 0 R".to_vec()]),
        pdf::drawing(b"<< /Length 4 0 R >>\nstream\nBT ET\nendstream"),
        pdf::drawing(b"<< /Length 99999999999 >>\nstream\nBT ET\nendstream"),
        pdf::file(&[catalog(), nested.clone()]),
        pdf::page(&nested),
        pdf::page(&b"q ".repeat(100_000)),
        pdf::page(b"BT /F1 1e38 Tf 1e38 1e38 Td [(a) -1e38 (b)] TJ 0 0 0 0 Tm (c) ' ET"),
        pdf::drawing(&inflating),
    ]
}

#[tokio::test]
async fn files_between_inboxes_of_the_sandbox_have_their_text_too() {
    let (sandbox, inbox) = sandbox().await;
    let other = sandbox.create_inbox("other");
    let form = reqwest::multipart::Form::new()
        .text("to", other.address.clone())
        .text("subject", "Invoice")
        .text("body", "See file.")
        .part("attachments", reqwest::multipart::Part::bytes(pdf::page(INVOICE)).file_name("a.pdf"));
    let rest = Rest::of(&sandbox);
    let request = rest.request(reqwest::Method::POST, &format!("/v1/inboxes/{}/send", inbox.id));
    let sent = request.header("Idempotency-Key", "k").multipart(form).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let file = &sandbox.messages(&other.id)[0].attachments[0];
    assert_eq!(file.parsed_text(), Some(INVOICE_TEXT));
}
