use super::read;

fn lines(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

#[test]
fn encoded_headers_and_charsets_are_decoded() {
    let mail = read(
        &lines(
            "From: =?iso-8859-1?Q?J=F6rg_M=FCller?= <joerg@example.com>\nTo: \"Help, Desk\" <help@sandbox.test>\n\
             Subject: =?utf-8?B?R3LDvMOfZQ==?=\nContent-Type: text/plain; charset=iso-8859-1\n\
             Content-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe=\n, sagt er.\n",
        ),
        None,
    )
    .unwrap();
    assert_eq!(mail.from, "Jörg Müller <joerg@example.com>");
    assert_eq!(mail.to, ["\"Help, Desk\" <help@sandbox.test>"]);
    assert_eq!(mail.subject.as_deref(), Some("Grüße"));
    assert_eq!(mail.text.as_deref(), Some("Grüße, sagt er.\n"));
}

#[test]
fn html_alone_leaves_the_text_empty() {
    let mail = read(&lines("From: a@b.example\nContent-Type: text/html\n\n<p>Hello</p>\n"), None).unwrap();
    assert_eq!(mail.text, None);
    assert_eq!(mail.html.as_deref().map(str::trim), Some("<p>Hello</p>"));
}

#[test]
fn attachments_keep_their_names_and_octets() {
    let mail = read(
        &lines(
            "From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nSee file.\n\
             --x\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf\n\
             Content-Transfer-Encoding: base64\n\nAP8B\n--x\nContent-Type: image/png\n\
             Content-Disposition: inline\nContent-Transfer-Encoding: base64\n\niVBO\n--x--\n",
        ),
        None,
    )
    .unwrap();
    assert_eq!(mail.text.as_deref().map(str::trim), Some("See file."));
    let files: Vec<_> =
        mail.attachments.iter().map(|file| (file.filename.as_str(), file.content_type.as_str())).collect();
    assert_eq!(files, [("résumé.pdf", "application/pdf"), ("attachment-2", "image/png")]);
    assert_eq!(&mail.attachments[0].bytes[..], b"\x00\xff\x01");
}

#[test]
fn threading_headers_are_read_with_their_brackets() {
    let mail = read(
        &lines("From: a@b.example\nMessage-ID: <c@x>\nIn-Reply-To: <b@x>\nReferences: <a@x>\n <b@x>\n\nHi\n"),
        None,
    )
    .unwrap();
    assert_eq!(mail.message_id.as_deref(), Some("<c@x>"));
    assert_eq!(mail.in_reply_to.as_deref(), Some("<b@x>"));
    assert_eq!(mail.references, ["<a@x>", "<b@x>"]);
}

#[test]
fn mail_says_itself_whether_a_machine_wrote_it() {
    let class = |headers: &str, envelope_from: Option<&str>| {
        let mail = read(&lines(&format!("From: a@b.example\n{headers}\n\nHi\n")), envelope_from).unwrap();
        (mail.class.category.unwrap(), mail.class.auto_replyable.unwrap())
    };
    for (headers, envelope_from, category) in [
        ("Subject: x", Some("a@b.example"), "personal"),
        ("Auto-Submitted: no", None, "personal"),
        ("Auto-Submitted: auto-replied", Some(""), "automated"),
        ("Auto-Submitted: auto-generated; type=x", None, "automated"),
        ("Precedence: Bulk", None, "automated"),
        ("List-Unsubscribe: <mailto:off@b.example>", None, "marketing"),
        ("Subject: x", Some(""), "bounce"),
        (
            "Auto-Submitted: auto-replied\nContent-Type: multipart/report; report-type=delivery-status; boundary=x",
            None,
            "bounce",
        ),
    ] {
        assert_eq!(class(headers, envelope_from), (category.into(), category == "personal"), "{headers}");
    }
}

#[test]
fn the_marks_that_filters_are_tested_with_are_spam_and_malware() {
    let gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
    let eicar = "Content-Type: application/octet-stream; name=x.com\nContent-Disposition: attachment\n\n\
                 X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
    for (rest, verdict) in
        [(format!("\n{gtube}"), "spam"), (eicar.to_owned(), "malicious"), ("\nHi".into(), "clean")]
    {
        let mail = read(&lines(&format!("From: a@b.example\n{rest}\n")), None).unwrap();
        let category = if verdict == "clean" { "personal" } else { verdict };
        assert_eq!(
            (mail.class.verdict.unwrap(), mail.class.category.unwrap()),
            (verdict.into(), category.into())
        );
        assert_eq!(mail.class.auto_replyable, Some(verdict == "clean"));
    }
}

#[test]
fn text_without_headers_is_no_mail() {
    assert!(read(b"", None).is_none());
    assert!(read(b"\r\n\r\n", None).is_none());
}
